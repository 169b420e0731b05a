"""Where the records of a run stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hybridrd.arrays import MANY, Floats, State, load_counts, stored, stored_count, stored_numbers

if TYPE_CHECKING:
    from hybridrd.simulation.simulation import Simulation as Realisation


@dataclass
class Mark:
    """Where the records of a run stand, so that it can go on after an interruption.

    Parameters
    ----------
    run
        What identifies the run.
    first, stride
        The step of its first record, and the steps from one to the next.
    records, step
        How many there are, and the step of the last one.
    crossings, events
        The counts at the last record; those of the next are relative to them.
    largest
        Largest concentration in any record, per species.
    """

    run: str
    first: int
    stride: int
    records: int
    step: int
    crossings: np.ndarray
    events: np.ndarray
    largest: Floats

    def state(self) -> State:
        """As arrays by name."""
        return {f"mark/{name}": np.array(value) for name, value in vars(self).items()}


def mark_of(state: State, run: Realisation) -> Mark | None:
    """The mark in a state, None where no run has recorded."""
    if "mark/run" not in state:
        return None
    crossings, events = np.zeros_like(run.crossings), np.zeros_like(run.events)
    channels = [c.label for c in run.system.channels]
    load_counts(state, "mark/crossings", crossings, "faces", run.face_names, least=-MANY)
    load_counts(state, "mark/events", events, "reactions", channels)
    stride = stored_count(state, "mark/stride", 1)
    step = stored_count(state, "mark/step", most=run.steps)
    first = stored_count(state, "mark/first", most=step)
    records = stored_count(state, "mark/records")
    return Mark(
        run=str(stored(state, "mark/run", ())),
        crossings=crossings,
        events=events,
        largest=stored_numbers(state, "mark/largest", (len(run.system.species),), least=0.0),
        first=first,
        stride=stride,
        records=records,
        step=step,
    )
