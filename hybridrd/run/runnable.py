"""Contract of what a run steps: a hybrid or particle simulation, or a PDE.

To let something new be run, recorded, stopped, saved and resumed by `hybridrd.run.loop.run`:

1. give it the attributes of `Runnable`; those from ``guard`` on begin as `Guard()`, None, None,
   ``{}`` and None, and belong to the run;
2. write `Runnable.step`, which calls its own changes within ``guard.changing``;
3. write `Runnable.state` and `Runnable.load_state`, each with `run_state` or `load_run_state`;
4. say what can be recorded: `Runnable.recorder` and `Runnable.record`;
5. say what a checkpoint needs to make it anew: `Runnable.arguments`.
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
    """What a run in progress does for what it steps."""

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables that are recorded."""

    def flush(self) -> None:
        """Write to disk what is only in memory. Raises ResultError."""

    def stop_state(self) -> State:
        """What the stop condition remembers, for a checkpoint."""


class Runnable(Stateful, Protocol):
    """Something that steps through time, and can be observed, saved and resumed.

    Attributes
    ----------
    kind
        What results and checkpoints call it.
    title
        What the log calls this one.
    system, dt
        What is run, and its time step (time).
    timings
        Seconds spent in each stage; ``records`` and ``writing`` are added to by the run.
    guard
        What keeps others out while it runs.
    mark
        Where the records of its run are.
    came_from
        The checkpoint it was restored from.
    halted
        What the stop condition remembered then.
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
        """What the log calls this one."""

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
        """Amount of each species in all, less what is owed."""

    def step(self, number: int = 1) -> None:
        """Some steps of dt. Raises HybridrdError in the middle of another."""

    def recorder(self, variables: Sequence[str] | None) -> Recorder:
        """What collects records of variables, by default of all. Raises ModelError."""

    def counts(self) -> Counts:
        """What is counted since the start; records say how much more it is than at the last."""

    def counts_in(self, state: State, prefix: str) -> Counts:
        """The counts of a state, under names with a prefix. Raises ResultError."""

    def record(self, names: Sequence[str], before: Counts, elapsed: float) -> dict[str, Any]:
        """Values of variables; of counts and fluxes those since the last record.

        Parameters
        ----------
        before
            The counts then.
        elapsed
            Time since then; 0 for a first record.
        """

    def particle_rows(self) -> dict[str, np.ndarray]:
        """All particles as rows, for ``positions=True``. Raises ModelError without particles."""

    def check_room(
        self, records: int, variables: Sequence[str], positions: bool, stored: bool
    ) -> None:
        """Refuse a run that does not fit into memory. Raises CapacityError."""

    def attributes(self, reason: str) -> dict[str, Any]:
        """What a result says of its origin, and of why it ended."""

    def arguments(self) -> dict[str, Any]:
        """What it was made with beside the system, as JSON can say it."""


def run_state(run: Runnable) -> State:
    """What a run adds to the state of what it steps: its records, its stop condition, timings."""
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
