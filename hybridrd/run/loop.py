"""Loop of a run: steps, records, checkpoints, and reasons to stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from hybridrd.arguments import number, path_of, shown, truth, whole_number
from hybridrd.arrays import State
from hybridrd.continuum.solvers import one_blas_thread
from hybridrd.errors import CapacityError, ModelError, StepError
from hybridrd.model.quantity import in_time
from hybridrd.results.lock import locked
from hybridrd.run.checkpoint import Checkpoints
from hybridrd.run.interrupt import Interrupt
from hybridrd.run.log import LOGGER, Clock
from hybridrd.run.progress import Progress, Watched, progress_bar
from hybridrd.run.recording import Recording
from hybridrd.run.runnable import Runnable
from hybridrd.run.schedule import in_steps, next_stretch
from hybridrd.run.stop import ends

# Seconds of steps between checks for Ctrl-C, checkpoints and progress.
STRETCH = 0.04
END, INTERRUPTED = "reached the end", "interrupted"


@runtime_checkable
class Remembering(Protocol):
    """A stop condition with a state, which checkpoints keep."""

    def state(self) -> State:
        """Its state, as arrays by name."""

    def load_state(self, state: State) -> None:
        """Continue from a `state`."""


def run(
    what: Runnable,
    until: Any,
    every: Any = None,
    record: Sequence[str] | None = None,
    out: str | Path | None = None,
    positions: bool = False,
    observe: Mapping[str, Callable[[Any], Any]] | None = None,
    stop: Callable[[Any], bool] | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_minutes: float = 10.0,
    keep: int = 3,
    progress: Progress = None,
) -> Recording:
    """Run a `Runnable` to a time and return its records; see `Simulation.run`."""
    units = what.system.units
    until, every = in_time(until, units, "until"), in_time(every, units, "every")
    last = in_steps(until, what.dt, "until", least=0)
    if last < what.steps:
        raise StepError(f"until = {until:g} has passed; the simulation is at {what.time:.12g}")
    if stop is not None and not callable(stop):
        raise ModelError(
            f"stop = {shown(stop)}: give a function of the simulation, SteadyState or WallTime"
        )
    if progress is not None and not callable(progress):
        progress = truth(progress, "progress")
    store = None if out is None else path_of(out, "out")
    place = None if checkpoint is None else path_of(checkpoint, "checkpoint")
    minutes = number(checkpoint_minutes, "checkpoint_minutes", minimum=0.0)
    keep = whole_number(keep, "keep", 1)
    with what.guard.running("run()"), locked(store), locked(place):
        recording = Recording(what, last, every, record, observe, store, positions)
        checkpoints = None
        if place is not None:
            checkpoints = Checkpoints(what, place, minutes, keep)
        loop = Loop(what, last, recording, checkpoints, stop)
        what.loop = loop
        try:
            return loop.run(progress)
        finally:
            what.loop = None


class Loop:
    """One call of `run`."""

    def __init__(
        self,
        run: Runnable,
        last: int,
        recording: Recording,
        checkpoints: Checkpoints | None,
        stop: Callable[[Any], bool] | None,
    ) -> None:
        self._run = run
        self._last = last
        self._recording = recording
        self._checkpoints = checkpoints
        self._stop = stop

    def run(self, progress: Progress) -> Recording:
        """Step to the end, and return what was recorded.

        Raises
        ------
        KeyboardInterrupt
            After a Ctrl-C or SIGTERM.
        CapacityError
            If memory is exhausted, with the time reached and the last checkpoint.
        """
        try:
            return self._run_through(progress)
        except MemoryError as error:
            raise CapacityError(self._out_of_memory(error)) from error

    def _run_through(self, progress: Progress) -> Recording:
        sim, checkpoints = self._run, self._checkpoints
        LOGGER.info(
            "run from t = %.12g to %.12g (dt = %g, %s)",
            sim.time, self._last * sim.dt, sim.dt, sim.title,
        )  # fmt: skip
        with Interrupt() as interrupt:
            try:
                self._start()
                if self._recording.resumes and sim.halted and isinstance(self._stop, Remembering):
                    self._stop.load_state(sim.halted)
                reason = self._advance(progress, interrupt)
            except BaseException as error:
                self._recording.leave(f"{type(error).__name__}: {error}")
                raise
            self._recording.close(reason, reason != INTERRUPTED)
            if checkpoints is not None and not checkpoints.has_now():
                checkpoints.write()
        LOGGER.info("stopped at t = %.12g: %s", sim.time, reason)
        if interrupt.asked is not None:
            raise interrupt.asked(self._how_to_go_on())
        return self._recording

    def _start(self) -> None:
        """Write the first record and its checkpoint, before the store replaces an older run."""
        checkpoints, recording = self._checkpoints, self._recording
        recording.first()
        if checkpoints is not None and not (recording.goes_on and checkpoints.has_now()):
            clock = Clock(self._run.timings)
            checkpoints.write()
            clock.lap("writing")
        recording.open()

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables that are recorded."""
        return self._recording.variables

    def flush(self) -> None:
        """Write records in memory to disk. Raises ResultError."""
        self._recording.flush()

    def stop_state(self) -> State:
        """State of the stop condition, for a checkpoint."""
        if not isinstance(self._stop, Remembering):
            return {}
        return {f"stop/{name}": value for name, value in self._stop.state().items()}

    def _advance(self, progress: Progress, interrupt: Interrupt) -> str:
        run, recording, checkpoints, stop = (
            self._run,
            self._recording,
            self._checkpoints,
            self._stop,
        )
        always = getattr(stop, "every_step", False)
        often = always or getattr(stop, "between_records", False)
        todo = self._last - run.steps
        shown: Any = Watched(progress, run) if callable(progress) else progress_bar(todo, progress)
        with one_blas_thread(), shown as bar:
            longest = STRETCH if checkpoints is None else min(STRETCH, checkpoints.interval)
            stretch = 1
            while run.steps < self._last:
                number = 1 if always else min(stretch, recording.steps_left)
                begun = time.perf_counter()
                run.guard.admit(run.step, number)
                bar.update(number)
                stretch = next_stretch(number, time.perf_counter() - begun, longest)
                recorded = recording.step()
                if stop is not None and (recorded or often) and ends(stop, run):
                    return str(getattr(stop, "reason", "stop condition"))
                if interrupt.asked is not None:
                    return INTERRUPTED
                if checkpoints is not None and checkpoints.due():
                    recording.flush()
                    clock = Clock(run.timings)
                    checkpoints.write()
                    clock.lap("writing")
        return END

    def _out_of_memory(self, error: MemoryError) -> str:
        run = self._run
        there = zip(run.system.names, run.copy_number, strict=True)
        numbers = ", ".join(f"{number:,.0f} {name}" for name, number in there)
        text = (
            f"no memory left at t = {run.time:.12g}, after step {run.steps}, with {numbers}: "
            f"{str(error) or 'the system gave none'}; use a smaller particle region, lower "
            f"concentrations or rates, or fewer records"
        )
        if self._checkpoints is None or self._checkpoints.last is None:
            return text
        return f"{text}, or continue on a machine with more from {self._checkpoints.last}"

    def _how_to_go_on(self) -> str:
        run, kind = self._run, type(self._run).__name__
        text = f"interrupted at t = {run.time:.12g}, after step {run.steps}; "
        if self._checkpoints is None:
            return text + "run(until=...) of this simulation continues from there"
        if self._recording.out is None:
            return text + f"continue with {kind}.restore({str(self._checkpoints.last)!r}).run(...)"
        return text + (
            f"continue with {kind}.restore({str(self._checkpoints.last)!r})"
            f".run(until=..., out={str(self._recording.out)!r})"
        )
