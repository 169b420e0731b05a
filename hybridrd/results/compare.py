"""Comparison of two results in the particle region."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from hybridrd.arguments import named_arguments
from hybridrd.arrays import Floats
from hybridrd.errors import ResultError
from hybridrd.results.divergence import jensen_shannon, sampling_floor
from hybridrd.results.study import has_points, points_of
from hybridrd.results.view import View

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    Region = NDArray[np.bool_]

_NAN = float("nan")


@named_arguments
def compare(a: xr.Dataset, b: xr.Dataset) -> pd.DataFrame:
    """Differences of two results by time and species, over the particle region.

    Parameters
    ----------
    a, b
        Results on one grid with the same species: ensembles, runs or mean fields. The region is
        that of ``a`` (of ``b`` if ``a`` has no particles). Each point of a `sweep` is compared
        with the same point of another sweep, or with the other result.

    Returns
    -------
    pandas.DataFrame
        All columns are printed; those wider than the terminal continue below. The index is
        (time, species) at the common times, with the parameters in front for a sweep, and the
        columns are

        - ``count_a``, ``count_b``, ``difference`` (a - b): number in the region;
        - ``standard_error`` of the difference, and ``z``, the difference in standard errors. They
          come from the ensembles (a single run is assumed to have the variance of the replicas that
          it is compared with) and are NaN without an ensemble; z is also NaN if all replicas agree;
        - ``l2``: ``|c_a - c_b| / |c_b|`` in the L2 norm over the region;
        - ``jsd``: Jensen-Shannon divergence of the two profiles of particles over the cells, each
          normalised to one, in nats; it does not depend on the totals;
        - ``jsd_floor``: the mean of ``jsd`` from sampling alone, about ``K/(8 N R)`` for K cells, N
          particles and R replicas (see `sampling_floor`);
        - ``max_abs_z``: the largest difference of a cell in standard errors, over the cells whose
          concentration has one. With 200 cells of many particles it exceeds 3 by chance in 42 % of
          cases and never 5. If a cell holds only a few particles over all replicas, its standard
          error can be small by chance, and 10 is common: use fewer cells.

        The last four are NaN if the concentration was not recorded.

    Raises
    ------
    ResultError
        If the results have no common times, different species, or different cells.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> system = hrd.System(species=[A], domain=hrd.Box(x=(0, 1)), initial={A: 2.0})
    >>> coarse = hrd.mean_field(system, dt=1e-2, until=0.1, every=0.1)
    >>> fine = hrd.mean_field(system, dt=1e-3, until=0.1, every=0.05)
    >>> hrd.compare(coarse, fine)["count_b"].round(9).tolist()
    [2.0, 2.0]
    """
    import pandas as pd

    from hybridrd.results.table import ComparisonTable

    if has_points(a) or has_points(b):
        return _over_points(a, b)
    first, second = View(a, "a"), View(b, "b")
    times = common_times([first, second])
    if set(first.species) != set(second.species):
        raise ResultError(
            f"the species differ: {', '.join(first.species)} in a, {', '.join(second.species)} in b"
        )
    fields = first.has("concentration") and second.has("concentration")
    region = _region(first, second) if fields else None
    tables = {
        species: _table(*(_Side(view, species, times, region) for view in (first, second)))
        for species in first.species
    }
    index = pd.MultiIndex.from_product([times, first.species], names=["time", "species"])
    columns = tables[first.species[0]]
    # Time is the outer level of the index, species the inner.
    return ComparisonTable(
        {name: np.stack([t[name] for t in tables.values()], axis=1).ravel() for name in columns},
        index=index,
    )


def _over_points(a: xr.Dataset, b: xr.Dataset) -> pd.DataFrame:
    """Comparisons at each point of a sweep."""
    import pandas as pd

    names = [str(n) for n in (a if has_points(a) else b).attrs["parameters"]]
    sides = [points_of(r, names) if has_points(r) else None for r in (a, b)]
    keys = [k for side in sides if side is not None for k in side]
    common = [k for k in dict.fromkeys(keys) if all(s is None or k in s for s in sides)]
    if not common:
        raise ResultError("the sweeps have no finished point in common")
    one, other = sides
    tables = {
        k: compare(a if one is None else one[k], b if other is None else other[k]) for k in common
    }
    return pd.concat(tables, names=[*names, "time", "species"])


class _Side:
    """One species of one result at the common times: counts, fields and their errors.

    Unknown errors are NaN; a concentration that was not recorded has no cells.
    """

    def __init__(self, view: View, species: str, times: Floats, region: Region | None) -> None:
        self.replicas = view.replicas
        at = [int(np.argmin(np.abs(view.times - t))) for t in times]
        self.c = self.c_error = np.zeros((len(at), 0))
        self.volumes = np.zeros(0)
        if region is not None:
            self.volumes = view.volumes[region]
            self.c, self.c_error = _values(view, "concentration", species, at, region)
        self.amounts = self.c * self.volumes
        total = self.amounts.sum(axis=1)
        same = region is None or np.array_equal(region, view.region_cells)
        same = same and not view.follows  # its copy numbers are those of its cells
        if region is None or (same and view.has("copy_number")):
            count, error = _values(view, "copy_number", species, at)
            self.count, self.count_error = count[:, 0], error[:, 0]
        else:
            self.count, self.count_error = total, np.full(len(at), _NAN)


def _values(
    view: View, variable: str, species: str, at: list[int], cells: Region | None = None
) -> tuple[Floats, Floats]:
    """A variable and its standard error, ``(times, cells)``."""

    def values(data: xr.DataArray) -> Floats:
        found = np.asarray(data.sel(species=species).isel(time=at).values, dtype=float)
        return found.reshape(len(at), -1) if cells is None else found[:, cells]

    mean, error = values(view.mean(variable)), view.sem(variable)
    return mean, np.full_like(mean, _NAN) if error is None else values(error)


def _table(a: _Side, b: _Side) -> dict[str, Floats]:
    """The columns for one species, ``(times,)`` each."""
    difference = a.count - b.count
    error = standard_error(a.replicas, b.replicas, a.count_error, b.count_error)
    steps = range(len(difference))
    return {
        "count_a": a.count,
        "count_b": b.count,
        "difference": difference,
        "standard_error": error,
        "z": ratio(difference, error),
        "l2": np.array([_distance(a.c[k], b.c[k], a.volumes) for k in steps]),
        "jsd": np.array([jensen_shannon(a.amounts[k], b.amounts[k]) for k in steps]),
        "jsd_floor": np.array([_floor(a, b, k) for k in steps]),
        "max_abs_z": _largest(
            ratio(a.c - b.c, standard_error(a.replicas, b.replicas, a.c_error, b.c_error))
        ),
    }


def standard_error(replicas_a: int, replicas_b: int, of_a: Floats, of_b: Floats) -> Floats:
    """Standard error of a difference from those of both sides, NaN if none is known.

    A single run is assumed to have the variance of the replicas that it is compared with.
    """
    scatter_a, scatter_b = of_b * np.sqrt(replicas_b), of_a * np.sqrt(replicas_a)
    error_a = np.where(np.isnan(of_a) & (replicas_a > 0), scatter_a, of_a)
    error_b = np.where(np.isnan(of_b) & (replicas_b > 0), scatter_b, of_b)
    unknown = np.isnan(error_a) & np.isnan(error_b)
    return np.where(unknown, _NAN, np.hypot(np.nan_to_num(error_a), np.nan_to_num(error_b)))


def ratio(difference: Floats, error: Floats) -> Floats:
    """A difference divided by its standard error, NaN if there is none."""
    known = error > 0
    return np.where(known, difference / np.where(known, error, 1.0), _NAN)


def _largest(z: Floats) -> Floats:
    """Largest absolute value of each row, NaN for a row without values."""
    largest = np.where(np.isnan(z), -1.0, np.abs(z)).max(axis=1, initial=-1.0)
    return np.where(largest < 0, _NAN, largest)


def _distance(a: Floats, b: Floats, volumes: Floats) -> float:
    distance, size = np.sqrt(((a - b) ** 2 * volumes).sum()), np.sqrt((b**2 * volumes).sum())
    if size > 0:
        return float(distance / size)
    return _NAN if distance == 0 else float("inf")


def _floor(a: _Side, b: _Side, k: int) -> float:
    """Sum of the sampling floors of both sides, at the profile with the smaller error."""
    sampled = [s for s in (a, b) if s.replicas > 0]
    if not sampled:
        return 0.0
    exact = [s for s in (a, b) if s.replicas == 0]
    profile = sum((s.amounts[k] * max(s.replicas, 1) for s in exact or sampled), np.zeros(()))
    floor = sum(sampling_floor(profile, s.amounts[k].sum() * s.replicas) for s in sampled)
    return min(floor, float(np.log(2.0)))


def common_times(views: Sequence[View]) -> Floats:
    """Times common to all results. Raises ResultError if there are none."""
    times = reduce(np.intersect1d, [np.round(view.times, 12) for view in views])
    if len(times) == 0:
        there = ", ".join(f"{view.name} has {_range(view.times)}" for view in views)
        raise ResultError(
            f"the results have no time in common: {there}; record all with the same every="
        )
    return np.asarray(times)


def _range(times: Floats) -> str:
    if len(times) < 3:
        return ", ".join(f"{t:.6g}" for t in times) or "none"
    return f"{times[0]:.6g}, {times[1]:.6g}, ..., {times[-1]:.6g}"


def check_cells(a: View, b: View) -> None:
    """Raise ResultError unless two results have the same cells."""
    if a.axes != b.axes:
        raise ResultError(f"the axes differ: {', '.join(a.axes)} in a, {', '.join(b.axes)} in b")
    for axis in a.axes:
        x, y = a.centers(axis), b.centers(axis)
        if x.shape != y.shape or not np.allclose(x, y, rtol=0, atol=1e-6 * a.spacing(axis)):
            raise ResultError(
                f"the cells differ along {axis}: {len(x)} in {_bounds(a, axis)} in a, "
                f"{len(y)} in {_bounds(b, axis)} in b; run both on one grid (cells=)"
            )


def _region(a: View, b: View) -> Region:
    """The region to compare on, after a check that the cells are the same."""
    check_cells(a, b)
    return a.region_cells if a.has_particles or not b.has_particles else b.region_cells


def _bounds(view: View, axis: str) -> str:
    low, high = view.bounds(axis)
    return f"[{low:g}, {high:g}]"
