"""Results with the dimensions that a selection removed restored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybridrd.results.dataset import DIMENSIONS, RAGGED

if TYPE_CHECKING:
    import xarray as xr

_OF_SPECIES = {"concentration"} | {name for name, dims in DIMENSIONS.items() if "species" in dims}
_FIRST = ("time", "species", "x", "y", "z")


def whole(result: xr.Dataset) -> xr.Dataset:
    """A result with first dimensions ``time`` and ``species``, of length 1 after a selection.

    ``result.sel(time=0.5)`` and ``result.sel(species="A")`` lack such a dimension, though the
    coordinate keeps the selected value; readers of results need both dimensions.
    """
    names = list(result.data_vars)
    for dim in ("species", "time"):
        if dim not in result.coords or dim in result.dims:
            continue
        had = [str(v) for v in names if _had(result, str(v), dim)]
        longer = result[had].expand_dims(dim)
        kept = result.drop_vars([*had, dim]).assign_coords({dim: longer[dim]})
        result = kept.assign({v: longer[v] for v in had})
    back = result[names].assign_coords(result.coords)  # including coordinates of no variable
    return back.transpose(*_FIRST, ..., missing_dims="ignore")


def _had(result: xr.Dataset, name: str, dim: str) -> bool:
    """Whether a variable had the dimension when it was recorded."""
    stem = name if name in DIMENSIONS else name.rpartition("_")[0] or name
    if dim == "time":
        return stem not in RAGGED and "obs" not in result[name].dims
    return stem in _OF_SPECIES
