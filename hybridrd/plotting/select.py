"""What of a result a picture shows: a record, a profile, a slice."""

from __future__ import annotations

import numpy as np

from hybridrd.errors import ResultError
from hybridrd.model.grid import Floats
from hybridrd.results.view import View

_IN_BIN = 6.0  # particles in the mean
_FEWEST_BINS = {1: 8, 2: 8, 3: 5}  # along each axis, by dimension


def record_at(view: View, time: float | None) -> int:
    """Index of the record nearest to a time; of the last one for None.

    Raises
    ------
    ResultError
        If the nearest is more than half a record away.
    """
    times = view.times
    if time is None:
        return len(times) - 1
    nearest = int(np.argmin(np.abs(times - time)))
    neighbours = np.abs(np.delete(times, nearest) - times[nearest])
    allowed = 0.5 * float(neighbours.min(initial=np.inf)) if len(neighbours) else 0.0
    distance = abs(float(times[nearest]) - time)
    if distance > allowed + 1e-9 * max(1.0, abs(time)):
        raise ResultError(
            f"{view.name}: there is no record near t = {time:g}; the nearest is at "
            f"t = {times[nearest]:.6g}, of {len(times)} from {times[0]:.6g} to {times[-1]:.6g}"
        )
    return nearest


def concentration_at(view: View, species: str, record: int) -> tuple[Floats, Floats | None]:
    """Concentration on all cells at a record, and its standard error where there is one."""

    def values(name: str) -> Floats:
        data = view.mean("concentration") if name == "mean" else view.sem("concentration")
        assert data is not None
        return np.asarray(data.sel(species=species).isel(time=record).values, dtype=float)

    error = None if view.sem("concentration") is None else values("sem")
    if error is not None and np.isnan(error).all():  # one replica
        error = None
    return values("mean"), error


def mean_along(view: View, species: str, record: int, axis: str) -> tuple[Floats, Floats | None]:
    """Concentration along an axis, its mean over the others, and the standard error of that.

    The error takes cells as independent of each other.
    """
    c, error = concentration_at(view, species, record)
    others = tuple(k for k, a in enumerate(view.axes) if a != axis)
    if not others:
        return c, error
    cells = np.prod([c.shape[k] for k in others])
    if error is not None:
        error = np.sqrt((error**2).sum(axis=others)) / cells
    return np.asarray(c.mean(axis=others)), error


def in_bins(view: View, species: str, record: int, bins: int | None) -> tuple[Floats, int]:
    """Concentration with the particle region averaged over bins of about so many cells a side.

    Single particles in small cells are specks, whatever the concentration. None takes the
    smallest bins that hold six particles in the mean, though at least eight bins (in 3D five)
    along each axis. Returns the field, of full size, and the cells a side.
    """
    c, _ = concentration_at(view, species, record)
    if view.replicas == 0 or not view.has_particles:
        return c, 1
    inside = tuple(view.inside(view.region).values())
    region = c[inside]
    if bins is None:
        samples = float((region * view.volumes[inside]).sum()) * view.replicas
        wanted = (_IN_BIN * region.size / max(samples, 1e-300)) ** (1.0 / region.ndim)
        bins = int(max(1, min(np.ceil(wanted), min(region.shape) // _FEWEST_BINS[region.ndim])))
    if bins == 1:
        return c, 1
    result = c.copy()
    result[inside] = _averaged(region, bins)
    return result, bins


def _averaged(c: Floats, cells: int) -> Floats:
    """Each cell's mean over its bin; the bins of an axis differ by one cell at most."""
    for axis, n in enumerate(c.shape):
        edges = np.arange(max(1, round(n / cells)) + 1) * n // max(1, round(n / cells))
        sizes = np.diff(edges)
        shape = [-1 if a == axis else 1 for a in range(c.ndim)]
        sums = np.add.reduceat(c, edges[:-1], axis=axis)
        c = np.repeat(sums / sizes.reshape(shape), sizes, axis=axis)
    return c
