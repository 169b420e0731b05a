"""Selection of the data of a figure: a record, a profile, a slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import choice, items
from hybridrd.arrays import PARTICLES, Floats
from hybridrd.errors import ResultError
from hybridrd.plotting import style
from hybridrd.results.view import View

if TYPE_CHECKING:
    import xarray as xr

_IN_BIN = 6.0  # mean number of particles per bin
_IN_BIN_OF_PROFILE = 25.0  # for a relative error of a fifth
IN_BIN_FOR_ERRORS = 50.0  # fewer are too skewed for standard errors from a few replicas
_MANY = 10  # number of cells, one of which may be noise
_FEWEST_BINS = {1: 8, 2: 8, 3: 5}  # along each axis, by dimension


def axis_of(view: View, axis: str | None) -> str:
    """An axis of the result, the first for None. Raises ResultError for an unknown axis."""
    if axis is None:
        return view.axes[0]
    return choice(axis, "axis", view.axes, ResultError)


def species_of(view: View, species: Any) -> str:
    """Name of the selected species; of the only one for None.

    Raises
    ------
    ResultError
        For a species that is not in the result, and for None if it has several.
    """
    if species is not None:
        return style.name_of(view, species)
    if len(view.species) > 1:
        raise ResultError(
            f"species: {view.name} has {', '.join(view.species)}, and only one is drawn; name it"
        )
    return view.species[0]


def names_of(view: View, species: Any) -> list[str]:
    """Names of the selected species, one or several, each once; of all for None.

    Raises
    ------
    ResultError
        For a species that is not in the result, and for an empty list.
    """
    if species is None:
        return view.species
    several = items(getattr(species, "values", species))  # an entry of a coordinate
    asked = [species] if several is None else list(several)
    if not asked:
        raise ResultError("species = []: name at least one, or leave it out")
    return list(dict.fromkeys(style.name_of(view, s) for s in asked))


def concentration_at(view: View, species: str, record: int) -> tuple[Floats, Floats | None]:
    """Concentration on all cells at a record, and its standard error or None."""

    def values(name: str) -> Floats:
        data = view.mean("concentration") if name == "mean" else view.sem("concentration")
        assert data is not None
        return known(data.sel(species=species).isel(time=record))

    error = None if view.sem("concentration") is None else values("sem")
    if error is not None and np.isnan(error).all():  # a single replica
        error = None
    return values("mean"), error


def known(data: xr.DataArray) -> Floats:
    """Values as floats, with NaN for those that are not finite, which leave gaps in a figure."""
    values = np.asarray(data.values, dtype=float)
    return np.where(np.isfinite(values), values, np.nan)


def highest(values: Floats, above: Floats | None = None) -> float:
    """The highest value plus its error; 0 if none is known."""
    tops = values if above is None else np.concatenate([values, values + above])
    return float(np.max(tops, initial=0.0, where=np.isfinite(tops)))


def mean_along(view: View, species: str, record: int, axis: str) -> tuple[Floats, Floats | None]:
    """Concentration along an axis, averaged over the others, and its standard error.

    The error assumes independent cells of particles, and fully correlated cells of the continuum,
    a smooth field: an upper bound.
    """
    c, error = concentration_at(view, species, record)
    others = tuple(k for k, a in enumerate(view.axes) if a != axis)
    if not others:
        return c, error
    cells = np.isfinite(c).sum(axis=others)  # without obstacles
    if error is not None:
        apart, error = np.zeros(c.shape, dtype=bool), np.nan_to_num(error)
        if not view.is_box:
            apart = view.codes(record) == PARTICLES
        elif view.has_particles:
            apart[tuple(view.inside(view.region).values())] = True
        squares = np.where(apart, error**2, 0.0).sum(axis=others)
        error = np.sqrt(squares) + np.where(apart, 0.0, error).sum(axis=others)
        error = np.where(cells > 0, error / np.maximum(cells, 1), np.nan)
    if cells.min() == c.size // cells.size:
        return np.asarray(c.mean(axis=others)), error
    total = np.nansum(c, axis=others)
    return np.where(cells > 0, total / np.maximum(cells, 1), np.nan), error


def upper_limit(c: Floats) -> float:
    """The concentration that one in a hundred cells exceeds, and at least one if there are many.

    It is never 0, and NaN cells are left out. It is not the maximum: next to the interface, and
    where single particles enter the continuum, a few cells are far above all others, and a scale up
    to these would hide the rest.
    """
    known = c[np.isfinite(c)]
    if not known.size:
        return 1.0
    second = 100.0 * (known.size - 2) / (known.size - 1) if known.size >= _MANY else 100.0
    return float(np.percentile(known, min(99.0, second))) or float(known.max()) or 1.0


def in_bins(view: View, species: str, record: int, bins: int | None) -> tuple[Floats, int]:
    """Concentration with the particle region averaged over ``bins`` cells per side.

    Single particles in small cells would be specks. None selects the
    smallest bins with six particles on average, but at least eight bins (in 3D five)
    along each axis. Returns the field, of full size, and the cells per side.
    """
    c, _ = concentration_at(view, species, record)
    if view.replicas == 0 or not view.has_particles or not view.is_box:
        return c, 1
    if bins is None:
        bins = bin_size(view, species, [record])
    return averaged(view, c, bins), bins


def bin_size(
    view: View,
    species: str,
    records: Sequence[int],
    axis: str | None = None,
    in_bin: float | None = None,
) -> int:
    """Cells per side of the smallest bins with six particles on average over some records.

    There are at least eight bins (in 3D five) along each axis. With an axis the bins are those of
    a profile along it, with 25 particles. It is 1 if nothing is random.
    """
    if view.replicas == 0 or not view.has_particles or not view.is_box:
        return 1
    inside = tuple(view.inside(view.region).values())
    volumes = view.volumes[inside]
    amounts = [concentration_at(view, species, k)[0][inside] * volumes for k in records]
    samples = float(np.sum(amounts)) / len(records) * view.replicas
    shape = volumes.shape if axis is None else (volumes.shape[view.axes.index(axis)],)
    if in_bin is None:
        in_bin = _IN_BIN if axis is None else _IN_BIN_OF_PROFILE
    wanted = (in_bin * np.prod(shape) / max(samples, 1e-300)) ** (1.0 / len(shape))
    return int(max(1, min(np.ceil(wanted), min(shape) // _FEWEST_BINS[len(shape)])))


def averaged(view: View, c: Floats, bins: int) -> Floats:
    """A field with the particle region averaged over bins with the given cells per side."""
    if bins == 1 or not view.has_particles or not view.is_box:
        return c
    inside = tuple(view.inside(view.region).values())
    result, volumes = c.copy(), view.volumes[inside]
    result[inside] = sum_of_bins(c[inside] * volumes, bins) / sum_of_bins(volumes, bins)
    return result


def averaged_error(view: View, error: Floats, bins: int) -> Floats:
    """Standard errors of `averaged`, for independent cells."""
    if bins == 1 or not view.has_particles or not view.is_box:
        return error
    inside = tuple(view.inside(view.region).values())
    result, volumes = error.copy(), view.volumes[inside]
    squares = sum_of_bins((error[inside] * volumes) ** 2, bins)
    result[inside] = np.sqrt(squares) / sum_of_bins(volumes, bins)
    return result


def sum_of_bins(c: Floats, cells: int, axes: Sequence[int] | None = None) -> Floats:
    """In each cell the sum over its bin, along all axes or those named.

    The bins of an axis differ by at most one cell.
    """
    for axis in range(c.ndim) if axes is None else axes:
        n = c.shape[axis]
        edges = np.arange(max(1, round(n / cells)) + 1) * n // max(1, round(n / cells))
        sums = np.add.reduceat(c, edges[:-1], axis=axis)
        c = np.repeat(sums, np.diff(edges), axis=axis)
    return c
