"""What an observer's value says of itself: dimensions, coordinates, attributes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hybridrd.errors import ModelError

_GROWING = ("time", "obs")


@dataclass(frozen=True)
class Labels:
    """Labels of one record of a variable.

    Attributes
    ----------
    dims
        Names of its dimensions.
    coordinates
        ``(values, attributes)`` by dimension, where there are any.
    attributes
        Such as ``units`` and ``long_name``.
    """

    dims: tuple[str, ...]
    coordinates: dict[str, tuple[Any, dict[str, Any]]] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)


def labels_of(name: str, value: Any, variables: Collection[str]) -> Labels:
    """Labels of an observer's value: those of a DataArray, made-up ones of anything else.

    Parameters
    ----------
    name, value
        What it is called, and what it returned.
    variables
        Names of all variables, which no dimension can have.

    Raises
    ------
    ModelError
        If a dimension of a DataArray has a name that is not free.

    Examples
    --------
    >>> labels_of("spread", [1.0, 2.0], ["spread"]).dims
    ('spread_0',)
    """
    if not (hasattr(value, "dims") and hasattr(value, "coords")):
        return Labels(tuple(f"{name}_{k}" for k in range(np.ndim(value))))
    dims = tuple(map(str, value.dims))
    taken = sorted({*dims} & {*_GROWING, *variables})
    if taken:
        raise ModelError(f"observe[{name!r}]: a dimension cannot be called {taken[0]!r} here")
    coordinates = {
        d: (np.array(value.coords[d].values), dict(value.coords[d].attrs))
        for d in dims
        if d in value.coords
    }
    return Labels(dims, coordinates, dict(value.attrs))
