"""Types of the arrays that pass between modules, and states: arrays by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybridrd.errors import ResultError

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Ids: TypeAlias = NDArray[np.uint64]
MANY = 2**63 - 1
# Codes of the kinds of cells.
OBSTACLE, CONTINUUM, PARTICLES = 0, 1, 2
#: What a checkpoint holds.
State: TypeAlias = dict[str, NDArray[Any]]


class Stateful(Protocol):
    """An object whose complete state is a set of arrays that a checkpoint can hold."""

    def state(self) -> State:
        """Its complete state, as arrays by name."""

    def load_state(self, state: State) -> None:
        """The inverse of `state`. Raises ResultError if something is missing."""


def stored(state: State, name: str, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
    """An array of a state. Raises ResultError if it is missing or of another shape."""
    if name not in state:
        raise ResultError(f"the state has no {name!r}; it is damaged, or of another kind of system")
    value = state[name]
    if shape is not None and value.shape != shape:
        raise ResultError(
            f"the state has {name!r} in the shape {value.shape}, the simulation in {shape}"
        )
    return value


def stored_count(state: State, name: str, least: int = 0, most: int = MANY) -> int:
    """An integer of a state. Raises ResultError if it is not one, or out of its range."""
    value = stored(state, name, ())
    if value.dtype.kind not in "iu" or not least <= int(value) <= most:
        raise ResultError(
            f"the state has {name!r} = {value}; it is damaged: a whole number from {least} to "
            f"{most} is needed"
        )
    return int(value)


def stored_numbers(
    state: State, name: str, shape: tuple[int, ...], least: float = -np.inf
) -> NDArray[np.float64]:
    """Finite numbers of a state. Raises ResultError if one is infinite, NaN or too small."""
    value = stored(state, name, shape)
    wrong = value.dtype.kind not in "iuf" or not np.isfinite(value).all()
    if wrong or (value < least).any():
        what = f"{value.min():g}" if not wrong else "what is not a finite number"
        raise ResultError(f"the state has {what} in {name!r}, which cannot be; it is damaged")
    return value.astype(float)


def stored_amounts(state: State, name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Amounts or concentrations of a state, none negative beyond round-off; raises as above."""
    largest = float(np.abs(stored_numbers(state, name, shape)).max(initial=0.0))
    return stored_numbers(state, name, shape, least=-1e-9 * largest)


def labels(names: Sequence[str]) -> NDArray[np.str_]:
    """Labels as an array that needs no pickle, even if there are none."""
    return np.array(list(names), dtype=np.str_)


def load_counts(
    state: State,
    name: str,
    counts: NDArray[Any],
    known: str,
    names: Sequence[str],
    least: int = 0,
) -> None:
    """Fill counts, whose last axis has ``names``, from those stored under the labels ``known``.

    What is no longer there is dropped, what is new starts at 0. Raises ResultError if something
    is no count, or below ``least``.
    """
    old = [str(label) for label in stored(state, known)]
    value = stored(state, name, (*counts.shape[:-1], len(old)))
    if value.dtype.kind not in "iu" or (value < least).any():
        raise ResultError(
            f"the state has {value.min()} in {name!r}, which is no count; it is damaged"
        )
    counts[...] = 0
    if old == list(names):
        counts[...] = value
        return
    for i, label in enumerate(names):
        if label in old:
            counts[..., i] = value[..., old.index(label)]
