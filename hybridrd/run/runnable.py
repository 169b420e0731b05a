"""Contract of anything that a run can step: a hybrid or particle simulation, or a PDE.

To let a new class be run, recorded, stopped, saved and resumed by `hybridrd.run.loop.run`:

1. give it the attributes of `Runnable`; those from ``guard`` on start as `Guard()`, None, None,
   ``{}`` and None, and belong to the run;
2. write `Runnable.step`, which makes its changes within ``guard.changing``;
3. write `Runnable.state` and `Runnable.load_state`, each with `run_state` or `load_run_state`;
4. define the variables to record: `Runnable.recorder` and `Runnable.record`;
5. define the arguments from which a checkpoint rebuilds it: `Runnable.arguments`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from hybridrd.arrays import Floats, State, Stateful, stored_numbers
from hybridrd.model.system import System
from hybridrd.results.dataset import Recorder
from hybridrd.run.guard import Guard
from hybridrd.run.record_position import Counts, RecordPosition, mark_of


class Running(Protocol):
    """Services of a run in progress to the object that it steps."""

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables that are recorded."""

    def flush(self) -> None:
        """Write records in memory to disk. Raises ResultError."""

    def stop_state(self) -> State:
        """State of the stop condition, for a checkpoint."""


class Runnable(Stateful, Protocol):
    """Something that steps through time, and can be observed, saved and resumed.

    Attributes
    ----------
    kind
        Its name in results and checkpoints.
    title
        Its name in the log.
    system, dt
        The system, and the time step (time).
    timings
        Seconds spent in each stage; the run adds to ``records`` and ``writing``.
    guard
        Lock against other callers while it runs.
    mark
        Position in the records of its run.
    came_from
        The checkpoint from which it was restored.
    halted
        State of the stop condition in that checkpoint.
    loop
        The run in progress.
    """

    kind: str
    system: System
    dt: float
    timings: dict[str, float]
    guard: Guard
    mark: RecordPosition | None
    came_from: Path | None
    halted: State
    loop: Running | None

    @property
    def title(self) -> str:
        """Its name in the log."""

    @property
    def steps(self) -> int:
        """Number of steps done."""

    @property
    def time(self) -> float:
        """Time reached."""

    @property
    def copy_number(self) -> np.ndarray:
        """Number or amount of each species in the particle region."""

    @property
    def total(self) -> Floats:
        """Total amount of each species, minus the amount owed."""

    def step(self, number: int = 1) -> None:
        """Take some steps of dt. Raises HybridrdError within another step."""

    def recorder(self, variables: Sequence[str] | None) -> Recorder:
        """Recorder of some variables, by default of all. Raises ModelError."""

    def counts(self) -> Counts:
        """Counts since the start; records hold their increase since the last record."""

    def counts_in(self, state: State, prefix: str) -> Counts:
        """The counts of a state, under names with a prefix. Raises ResultError."""

    def record(self, names: Sequence[str], before: Counts, elapsed: float) -> dict[str, Any]:
        """Values of variables; counts and fluxes are those since the last record.

        Parameters
        ----------
        before
            The counts at the last record.
        elapsed
            Time since the last record; 0 for the first.
        """

    def particle_rows(self) -> dict[str, np.ndarray]:
        """All particles as rows, for ``positions=True``. Raises ModelError without particles."""

    def check_room(
        self, records: int, variables: Sequence[str], positions: bool, stored: bool
    ) -> None:
        """Refuse a run that does not fit into memory. Raises CapacityError."""

    def attributes(self, reason: str) -> dict[str, Any]:
        """Attributes of the result on its origin, and the reason why it ended."""

    def arguments(self) -> dict[str, Any]:
        """Its arguments besides the system, as JSON values."""


def run_state(run: Runnable) -> State:
    """State that a run adds to that of its `Runnable`: records, stop condition, timings."""
    state: State = {} if run.mark is None else run.mark.state()
    if run.loop is not None:
        state |= run.loop.stop_state()
    return state | {f"timings/{name}": np.array(t) for name, t in run.timings.items()}


def load_run_state(run: Runnable, state: State) -> None:
    """The inverse of `run_state`, after the steps are set. Raises ResultError."""
    for name in run.timings:
        if f"timings/{name}" in state:
            run.timings[name] = float(stored_numbers(state, f"timings/{name}", (), least=0.0))
    run.mark = None
    if "mark/run" in state:
        counts = run.counts_in(state, "mark/")
        run.mark = mark_of(state, run.steps, len(run.system.species), counts)
    run.halted = {n.removeprefix("stop/"): v for n, v in state.items() if n[:5] == "stop/"}
