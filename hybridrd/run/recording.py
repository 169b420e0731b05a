"""Recording of a run: times, variables and the store."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import answer, path_of, shown, truth
from hybridrd.errors import ModelError, StepError
from hybridrd.model.grid import Grid
from hybridrd.model.shape import Shape
from hybridrd.results.block import Block
from hybridrd.results.dataset import DESCRIPTIONS
from hybridrd.results.metadata import passing
from hybridrd.results.names import flaw
from hybridrd.results.regions import Copies
from hybridrd.results.store import open_result
from hybridrd.results.writer import UNFINISHED, StoreWriter, check_place, store_run
from hybridrd.run.log import LOGGER, Clock
from hybridrd.run.record_position import RecordPosition
from hybridrd.run.runnable import Runnable
from hybridrd.run.schedule import record_stride

if TYPE_CHECKING:
    import xarray as xr

PARTICLES = ("row_size", "position", "particle_id")
_TAKEN = {*DESCRIPTIONS, "time", "species", "face", "reaction", "axis", "wall", "plane"}
_TAKEN |= {name for d in ("time", "obs", "event") for name in (d, passing(d))}
_TAKEN |= {"reactant", "product"}
# Records are written in blocks of this many records, bytes or seconds.
BLOCK, BLOCK_BYTES, BLOCK_SECONDS = 16, 8_000_000, 5.0


class Recording:
    """The records of one run, in memory or in a store on disk.

    Parameters
    ----------
    run
        The simulation.
    last
        The step at which the run ends.
    every, record, observe, out, positions
        See `Run.run`.

    Attributes
    ----------
    block
        All records at the end of a run, if they are in memory.

    Raises
    ------
    ModelError, StepError, CapacityError, ResultError
        If an argument is invalid or does not fit, before anything is written.
    """

    def __init__(
        self,
        run: Runnable,
        last: int,
        every: float | None,
        record: Sequence[str] | None,
        observe: Mapping[str, Callable[[Any], Any]] | None,
        out: str | Path | None,
        positions: bool,
    ) -> None:
        self._run, self._last = run, last
        self._observers = _observers({} if observe is None else observe, run.system.grid)
        self._recorder = run.recorder(record)
        self._positions = truth(positions, "positions")
        self.out = None if out is None else path_of(out, "out")
        self._writer: StoreWriter | None = None
        self.block = Block({})
        self._written = time.monotonic()
        self.resumes = self.out is not None and self._is_mine(self.out)
        if self.resumes:
            stride = 0 if every is None else record_stride(every, run.dt, last)
            self._check_stride(stride)
        else:
            stride = record_stride(every, run.dt, last - run.steps)
            if self.out is not None:
                check_place(self.out)
            largest = np.zeros(len(run.system.species))
            run.mark = RecordPosition(
                secrets.token_hex(8), run.steps, stride, 0, run.steps, run.counts(), largest
            )
        records = 1 + self._mark.due_after(self._mark.step, last)
        run.check_room(records, self._recorder.variables, positions, self.out is not None)

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the recorded variables, without those of observers."""
        return self._recorder.variables

    @property
    def goes_on(self) -> bool:
        """Whether the last checkpoint refers to these records: those of its store, or none."""
        return self.resumes or self.out is None

    def first(self) -> None:
        """Make the first record, unless there is a store to continue."""
        if not self.resumes:
            self._record()

    def open(self) -> None:
        """Create the store with the first record, or find the position at which to continue it."""
        mark = self._mark
        if self.out is None:
            return
        if self.resumes:
            particles = PARTICLES if self._positions else ()
            names = [*self._recorder.variables, *self._observers, *particles]
            length = mark.records + mark.due_after(mark.step, self._last)
            self._writer = StoreWriter.resume(self.out, mark.run, mark.records, length, names)
            LOGGER.info("continuing after %d records in %s", mark.records, self.out)
            if mark.step < self._run.steps:
                self.step()
            return
        clock = Clock(self._run.timings)
        block = self._recorder.block(self._run.attributes(UNFINISHED))
        length = 1 + mark.due_after(mark.step, self._last)
        self._writer = StoreWriter.create(self.out, block, length, mark.run)
        self._recorder.clear()
        clock.lap("writing")

    @property
    def steps_left(self) -> int:
        """Number of steps to the next record."""
        now, mark = self._run.steps, self._mark
        return min(self._last - now, mark.stride - (now - mark.first) % mark.stride)

    def step(self) -> bool:
        """Write a record if it is time for one; returns whether it was."""
        now, mark = self._run.steps, self._mark
        if (now - mark.first) % mark.stride and now != self._last:
            return False
        self._record()
        if self._writer is not None and (
            len(self._recorder) >= BLOCK
            or self._recorder.bytes >= BLOCK_BYTES
            or time.monotonic() - self._written >= BLOCK_SECONDS
        ):
            self.flush()
        return True

    def flush(self) -> None:
        """Write records in memory to disk. Raises ResultError."""
        if self._writer is None or self._writer.broken or not len(self._recorder):
            return
        clock = Clock(self._run.timings)
        self._writer.append(self._recorder.block(None))
        self._recorder.clear()
        self._written = time.monotonic()
        clock.lap("writing")

    def leave(self, reason: str, whole: bool = False) -> None:
        """Write all records to the store, if there is one, and the reason why the run ended.

        If the run does not end here (not ``whole``), later records of an earlier attempt stay.
        """
        self.flush()
        if self._writer is not None and not self._writer.broken:
            attributes: dict[Any, Any] = self._run.attributes(reason)
            self._writer.finish(attributes, whole)

    def close(self, reason: str, whole: bool) -> None:
        """Complete the records in memory, or the store."""
        if self.out is None:
            self.block = self._recorder.block(self._run.attributes(reason))
        self.leave(reason, whole)

    def result(self) -> xr.Dataset:
        """All records as a Dataset; from a store they are read when they are asked for.

        Nothing but this needs xarray, which takes long to load.
        """
        return self.block.dataset() if self.out is None else open_result(self.out)

    @property
    def _mark(self) -> RecordPosition:
        assert self._run.mark is not None
        return self._run.mark

    def _is_mine(self, out: Path) -> bool:
        """Whether the run that this simulation continues created the store."""
        mark = self._run.mark
        return mark is not None and store_run(out) == mark.run

    def _check_stride(self, stride: int) -> None:
        mark, dt = self._mark, self._run.dt
        if stride not in (0, mark.stride):
            raise StepError(
                f"every = {stride * dt:g}: {self.out} has a record every {mark.stride * dt:g}; "
                f"leave every out to continue it, or choose another name for out"
            )

    def _record(self) -> None:
        run, mark = self._run, self._mark
        clock = Clock(run.timings)
        elapsed = (run.steps - mark.step) * run.dt
        # First observers, which may read anything or write a checkpoint: nothing is changed yet.
        at = f"at t = {run.time:.12g}"
        observed = {
            name: answer(f, f"observe[{name!r}] {at}", run) for name, f in self._observers.items()
        }
        values = run.record(self._recorder.variables, mark.counts, elapsed)
        if "concentration" in values:
            mark.largest = np.maximum(mark.largest, values["concentration"].max(axis=1))
        values |= observed
        if self._positions:
            values |= run.particle_rows()
        self._recorder.add(run.time, values)
        mark.records += 1
        mark.step = run.steps
        mark.counts = run.counts()
        clock.lap("records")


def _observers(observe: Any, grid: Grid) -> dict[str, Callable[[Any], Any]]:
    """The functions of ``observe``, with their names checked; shapes become counts of copies."""
    if not isinstance(observe, Mapping):
        raise ModelError(
            f"observe = {shown(observe)}: give functions of the simulation by name, for example "
            f"{{'spread': f}}"
        )
    for name, function in observe.items():
        why = flaw(name)
        if why is not None:
            raise ModelError(f"observe: no result can have the name {shown(name)}: {why}")
        if name in _TAKEN or name in grid.axes:
            raise ModelError(f"observe: the name {name!r} is taken; choose another")
        if not callable(function) and not isinstance(function, Shape):
            raise ModelError(
                f"observe[{name!r}] = {shown(function)}: give a function of the simulation, or a "
                f"shape whose copies are counted"
            )
    return {n: Copies(f, grid) if isinstance(f, Shape) else f for n, f in observe.items()}
