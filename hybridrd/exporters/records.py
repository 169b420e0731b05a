"""Records of a result for exporters, read one at a time, with the box of the particles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats
from hybridrd.errors import ResultError
from hybridrd.results.view import View, periodic_axes, record_at

if TYPE_CHECKING:
    import xarray as xr

_SPACE = ("x", "y", "z", "r")


@dataclass(frozen=True)
class Frame:
    """The particles of one record.

    Attributes
    ----------
    time
        Time of the record.
    position
        Shape ``(n, 3)`` (length); 0 along axes that the domain does not have.
    species
        Indices of the species, shape ``(n,)``.
    id
        Shape ``(n,)``.
    """

    time: float
    position: Floats
    species: NDArray[np.int64]
    id: NDArray[np.uint64]


class Trajectory:
    """The particles of all records, read one record at a time.

    Parameters
    ----------
    view
        A result.

    Attributes
    ----------
    species
        Their names.
    lower, upper
        The domain in three dimensions (length): a missing axis extends half a cell to both sides
        of 0.
    periodic
        Whether each of the three axes is periodic.

    Raises
    ------
    ResultError
        If the result has no positions, or they do not belong to its records.
    """

    def __init__(self, view: View) -> None:
        self._data, self._view = view.data, view
        self.species = view.species
        _need_positions(view)
        sizes = np.asarray(self._data["row_size"].values)
        if sizes.sum() != self._data.sizes["obs"]:
            raise ResultError(
                f"{view.name}: {sizes.sum()} particles in {len(sizes)} records, but "
                f"{self._data.sizes['obs']} positions: it is a part of a result, cut along time or "
                f"species; export the whole one, with time= for one record"
            )
        self._sizes = sizes
        if not {"obs", "axis"} <= set(self._data["position"].dims):
            raise ResultError(f"{view.name}: positions were cut; export the whole result")
        axes = [str(a) for a in self._data["axis"].values]
        half = 0.5 * min(_spacing(self._data, k, a) for k, a in enumerate(axes))
        self.lower, self.upper = np.full(3, -half), np.full(3, half)
        for k, axis in enumerate(axes):
            self.lower[k], self.upper[k] = _bounds(self._data, k, axis)
        wraps = periodic_axes(self._data)
        self.periodic = tuple(k < len(axes) and axes[k] in wraps for k in range(3))

    def __len__(self) -> int:
        return len(self._sizes)

    def __iter__(self) -> Iterator[Frame]:
        ends = np.cumsum(self._sizes.sum(axis=1))
        which = np.arange(len(self.species))
        for k, (time, end) in enumerate(zip(self._view.times, ends, strict=True)):
            rows = self._data[["position", "particle_id"]].isel(
                obs=slice(int(end - self._sizes[k].sum()), int(end))
            )
            place = np.zeros((rows.sizes["obs"], 3))
            place[:, : rows.sizes["axis"]] = rows["position"].values
            kinds = np.repeat(which, self._sizes[k])
            yield Frame(float(time), place, kinds, np.asarray(rows["particle_id"].values))


def _need_positions(view: View) -> None:
    if {"row_size", "position", "particle_id"} <= set(view.data.data_vars):
        return
    kind = view.data.attrs.get("kind")
    if kind == "ensemble":
        what = "an ensemble keeps no positions; export one of its replicas, run with"
    elif kind == "mean-field" or not view.has_particles:
        what = "there are no particles; export its concentration (.pvd, .vtu), or run with"
    else:
        what = "positions were not recorded; run with"
    how = "Simulation(...).run(..., positions=True), or hybridrd run --positions"
    raise ResultError(f"{view.name}: {what} {how}")


def has_positions(view: View) -> bool:
    """Whether the result has positions of particles."""
    return "position" in view.data


def record_near(view: View, time: float | None) -> View:
    """A result with only the record nearest to a time, or the last, with its particles.

    Raises
    ------
    ResultError
        If there is none near.
    """
    k = record_at(view, time)
    data = view.data
    if "row_size" in data and "obs" in data.dims:
        ends = np.cumsum(data["row_size"].values.sum(axis=1))
        if ends[-1] == data.sizes["obs"]:
            first = int(ends[k] - data["row_size"].values[k].sum())
            data = data.isel(obs=slice(first, int(ends[k])))
    return View(data.isel(time=[k]), view.name)


def axes_of(data: xr.Dataset) -> list[str]:
    """Names of the axes of space."""
    return [a for a in _SPACE if a in data.coords]


def _spacing(data: xr.Dataset, k: int, axis: str) -> float:
    low, high = _bounds(data, k, axis)
    return (high - low) / data.sizes[axis]


def _bounds(data: xr.Dataset, k: int, axis: str) -> tuple[float, float]:
    """The bounds of the domain along its k-th axis. Raises ResultError if that axis was cut."""
    if axis not in data.coords or data[axis].ndim != 1 or data[axis].size == 0:
        raise ResultError(f"the result has no cells along {axis}: export it before cutting it")
    x = np.asarray(data[axis].values, dtype=float)
    if len(x) == 1:  # one cell: the particle region is the whole axis
        return float(data.attrs["region_lower"][k]), float(data.attrs["region_upper"][k])
    half = 0.5 * (x[-1] - x[0]) / (len(x) - 1)
    return float(x[0] - half), float(x[-1] + half)


def domain_bounds(view: View) -> list[tuple[float, float]]:
    """The bounds of the domain along each of its axes (length)."""
    axes = axes_of(view.data)
    if "region_lower" not in view.data.attrs:
        raise ResultError(
            f"{view.name}: has no attribute 'region_lower', which gives the number of axes the "
            f"domain has; give a result with all of its attributes"
        )
    lower = view.data.attrs["region_lower"]
    if len(axes) != len(lower):
        raise ResultError(
            f"{view.name}: the result has {len(axes)} axes of space and a region with "
            f"{len(lower)}: export it before cutting or averaging it"
        )
    return [_bounds(view.data, k, a) for k, a in enumerate(axes)]
