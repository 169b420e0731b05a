"""When two systems describe the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from hybridrd.model.system import System, as_sequence


def same_system(one: System, other: System) -> bool:
    """Whether two systems have the same fields.

    Arrays are compared by value, functions by identity; a list of one part is that part.
    """
    return all(
        _same(getattr(one, f.name), getattr(other, f.name))
        for f in fields(one)
        if f.name != "initial"
    ) and _same(
        {name: as_sequence(v) for name, v in one.initial.items()},
        {name: as_sequence(v) for name, v in other.initial.items()},
    )


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        both = isinstance(one, np.ndarray) and isinstance(other, np.ndarray)
        return both and np.array_equal(one, other)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
