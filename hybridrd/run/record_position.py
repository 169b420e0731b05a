"""Position of a run in its records, so that it can be resumed after an interruption."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats, State, stored, stored_count, stored_numbers

Counts: TypeAlias = dict[str, NDArray[Any]]


@dataclass
class RecordPosition:
    """Position of a run in its records.

    Parameters
    ----------
    run
        Identity of the run.
    first, stride
        The step of its first record, and the number of steps between records.
    records, step
        Number of records, and the step of the last one.
    counts
        The counts at the last record; those of the next are relative to them.
    largest
        Largest concentration in any record, per species.
    """

    run: str
    first: int
    stride: int
    records: int
    step: int
    counts: Counts
    largest: Floats

    def state(self) -> State:
        """As arrays by name."""
        plain = {name: value for name, value in vars(self).items() if name != "counts"}
        return {f"mark/{name}": np.array(value) for name, value in {**plain, **self.counts}.items()}

    def due_after(self, step: int, last: int) -> int:
        """Number of records after that at a step, in a run to step ``last``."""
        rest = (last - self.first) // self.stride - (step - self.first) // self.stride
        return rest + int((last - self.first) % self.stride > 0 and step < last)


def mark_of(state: State, steps: int, species: int, counts: Counts) -> RecordPosition:
    """The mark in a state at a step, with its counts. Raises ResultError."""
    step = stored_count(state, "mark/step", most=steps)
    return RecordPosition(
        run=str(stored(state, "mark/run", ())),
        first=stored_count(state, "mark/first", most=step),
        stride=stored_count(state, "mark/stride", 1),
        records=stored_count(state, "mark/records"),
        step=step,
        counts=counts,
        largest=stored_numbers(state, "mark/largest", (species,), least=0.0),
    )
