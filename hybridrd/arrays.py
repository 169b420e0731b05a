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
#: What a checkpoint holds.
State: TypeAlias = dict[str, NDArray[Any]]


class Stateful(Protocol):
    """Something whose future is decided by arrays that a checkpoint can hold."""

    def state(self) -> State:
        """All that decides its future, as arrays by name."""

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


def labels(names: Sequence[str]) -> NDArray[np.str_]:
    """Labels as an array that needs no pickle, also where there are none."""
    return np.array(list(names), dtype=np.str_)


def load_counts(
    state: State, name: str, counts: NDArray[Any], known: str, names: Sequence[str]
) -> None:
    """Fill counts, whose last axis has ``names``, from those stored under the labels ``known``.

    What is no longer there is dropped, what is new starts at 0.
    """
    old = [str(label) for label in stored(state, known)]
    value = stored(state, name, (*counts.shape[:-1], len(old)))
    counts[...] = 0
    if old == list(names):
        counts[...] = value
        return
    for i, label in enumerate(names):
        if label in old:
            counts[..., i] = value[..., old.index(label)]
