"""Block of records: labelled arrays that are not a Dataset yet.

What a run writes needs no Dataset: xarray, with all that it imports, takes a second to load.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr


class Labelled(NamedTuple):
    """An array with names of its dimensions, and attributes."""

    dims: tuple[str, ...]
    values: NDArray[Any]
    attrs: dict[str, Any]


@dataclass(frozen=True)
class Block:
    """Variables and coordinates by name, each with its dimensions.

    Examples
    --------
    >>> import numpy as np
    >>> block = Block({"total": Labelled(("time",), np.array([5, 5, 6]), {})})
    >>> block.part({"time": slice(2)})["total"].values
    array([5, 5])
    """

    data: Mapping[str, Labelled]
    coords: Mapping[str, Labelled] = field(default_factory=dict)
    attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, Labelled]:
        """Coordinates and variables."""
        return {**self.coords, **self.data}

    @property
    def sizes(self) -> dict[str, int]:
        """Length of each dimension."""
        every = self.variables.values()
        return {d: n for v in every for d, n in zip(v.dims, v.values.shape, strict=True)}

    def __getitem__(self, name: str) -> Labelled:
        return self.variables[name]

    def part(self, parts: Mapping[str, slice]) -> Block:
        """The same for some of the rows along dimensions."""

        def cut(every: Mapping[str, Labelled]) -> dict[str, Labelled]:
            whole = slice(None)
            return {
                name: v._replace(values=v.values[tuple(parts.get(d, whole) for d in v.dims)])
                for name, v in every.items()
            }

        return replace(self, data=cut(self.data), coords=cut(self.coords))

    def dataset(self) -> xr.Dataset:
        """The Dataset of these records."""
        import xarray as xr

        return xr.Dataset(dict(self.data), coords=dict(self.coords), attrs=dict(self.attrs))
