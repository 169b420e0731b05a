"""Labels of an observer's value: dimensions, coordinates, attributes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hybridrd.arguments import shown
from hybridrd.errors import ModelError
from hybridrd.results.metadata import passing
from hybridrd.results.names import flaw

_GROWING = tuple(n for d in ("time", "obs", "event") for n in (d, passing(d)))


@dataclass(frozen=True)
class Labels:
    """Labels of one record of a variable.

    Attributes
    ----------
    dims
        Names of its dimensions.
    coordinates
        ``(values, attributes)`` by dimension, if there are any.
    attributes
        ``units``, ``long_name``, ...
    """

    dims: tuple[str, ...]
    coordinates: dict[str, tuple[Any, dict[str, Any]]] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)


def as_array(name: str, value: Any) -> Any:
    """An observer's value as an array, a copy.

    Raises
    ------
    ModelError
        If it is not an array of numbers, booleans or text: None, a dict, a generator, a nested
        list of rows that differ in length.
    """
    wanted = "let it return a number, or an array of constant shape"
    try:
        array = np.array(value)
    except Exception as error:  # an __array__ of the user's may raise anything
        raise ModelError(
            f"observe[{name!r}]: its value is not an array ({error}); {wanted}"
        ) from error
    if array.dtype.kind not in "biufcU":
        hint = "; has it a return?" if value is None else ""
        raise ModelError(
            f"observe[{name!r}]: its value {shown(value)} is not an array of numbers{hint}; "
            f"{wanted}"
        )
    return array


def labels_of(name: str, value: Any, variables: Collection[str]) -> Labels:
    """Labels of an observer's value: those of a DataArray, defaults for anything else.

    Parameters
    ----------
    name, value
        Its name, and the value that it returned.
    variables
        Names of all variables, which no dimension can have.

    Raises
    ------
    ModelError
        If the name of a dimension is in use, or no store can hold it.

    Examples
    --------
    >>> labels_of("spread", [1.0, 2.0], ["spread"]).dims
    ('spread_0',)
    """
    labelled = hasattr(value, "dims") and hasattr(value, "coords")
    made_up = (f"{name}_{k}" for k in range(np.ndim(value)))
    dims = tuple(map(str, value.dims)) if labelled else tuple(made_up)
    for dim in dims:
        why = flaw(dim)
        if dim in (*_GROWING, *variables) or why is not None:
            raise ModelError(
                f"observe[{name!r}]: a dimension cannot be called {dim!r} here"
                f"{f': {why}' if why else ', there is a variable of that name'}"
            )
    if not labelled:
        return Labels(dims)
    coordinates = {
        d: (np.array(value.coords[d].values), dict(value.coords[d].attrs))
        for d in dims
        if d in value.coords
    }
    return Labels(dims, coordinates, dict(value.attrs))
