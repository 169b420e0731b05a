"""Pair statistics measured from replicas: pair correlation and covariance, with standard errors.

Both are about pairs of *different* particles, as the second moment of del Razo 2024, eq. (A2):
Poisson numbers have pair correlation 1 and covariance 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrd.arguments import LARGEST, SMALLEST, items, number, real_array, shown
from hybridrd.errors import ModelError, ResultError
from hybridrd.model.geometry import Box

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]

# Mean of |n_1 ... n_k| over unit vectors n, by dimension and k.
_MEAN_COSINES = {
    1: (1.0, 1.0),
    2: (1.0, 2 / math.pi, 1 / math.pi),
    3: (1.0, 1 / 2, 2 / (3 * math.pi), 1 / (4 * math.pi)),
}
_SPHERE = {1: 2.0, 2: 2 * math.pi, 3: 4 * math.pi}


def pair_correlation(
    positions: Sequence[ArrayLike],
    box: Box,
    r_edges: ArrayLike,
    other: Sequence[ArrayLike] | None = None,
    periodic: bool | Sequence[str] = False,
) -> xr.Dataset:
    """Pair correlation g(r) of particles in a box, measured from independent replicas.

    ``g = (mean number of pairs in a bin)/(rho_a rho_b |{(x, y): |x - y| in the bin}|)``: with
    E[C C] of eq. (A2), ``E[C_a(x) C_b(y)]/(c_a c_b)`` averaged over the pairs of points of the box
    in the bin. Their measure is exact, walls included, so there is no bias at edges. The
    product of densities is taken between different replicas, so that fluctuations of the total
    number are not divided out: for a fixed number n of independent particles ``g = 1 - 1/n``.

    Parameters
    ----------
    positions
        Positions in each replica, ``(n, d)``, or ``(n,)`` in one dimension (length).
    box
        The domain.
    r_edges
        Increasing edges of the bins, at least 0 (length). A distance on an edge belongs to the bin
        below it; a distance of 0, between different particles, to the first.
    other
        Positions of another species in the same replicas, for g of unlike pairs.
    periodic
        Whether the box is periodic: along all axes, or along those named.

    Returns
    -------
    xarray.Dataset
        ``g(r)`` and its standard error ``g_sem(r)`` (delete-one jackknife over replicas),
        ``pairs(r)``, the mean number of pairs in a replica (unordered for one species), and the
        coordinates ``r`` (middle of the bin), ``r_lower``, ``r_upper`` (length).

    Raises
    ------
    ModelError
        If edges are not increasing, or reach beyond the shortest open side or half of a periodic
        one.
    ResultError
        If there are fewer than three replicas, shapes do not fit, particles are outside the box,
        or there are none.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> rng = np.random.default_rng(1)
    >>> replicas = [rng.random((rng.poisson(200), 2)) for _ in range(50)]
    >>> found = pair_correlation(replicas, hrd.Box(x=(0, 1), y=(0, 1)), [0, 0.05, 0.1])
    >>> bool((abs(found["g"] - 1) < 4 * found["g_sem"]).all())
    True
    """
    import xarray as xr

    wraps = _periodic_axes(box, periodic)
    edges = _edges(r_edges, box, wraps)
    first = _points(positions, box, wraps, "positions")
    second = first if other is None else _points(other, box, wraps, "other")
    if len(second) != len(first) or len(first) < 3:
        raise ResultError(
            f"positions of {len(first)} and other of {len(second)} replicas: at least three are "
            f"needed for a standard error, and as many of both"
        )
    pairs = np.array(
        [
            _count_pairs(a, b, other is None, edges, box, wraps)
            for a, b in zip(first, second, strict=True)
        ]
    )
    numbers = np.array([[len(a), len(b)] for a, b in zip(first, second, strict=True)], float)
    measure = np.diff(_pair_measure(edges, box, wraps))
    g, g_sem = _ratio(pairs, numbers, measure / box.volume**2)
    unordered = 2.0 if other is None else 1.0
    return xr.Dataset(
        {
            "g": ("r", g, {"long_name": "pair correlation"}),
            "g_sem": ("r", g_sem, {"long_name": "standard error of the pair correlation"}),
            "pairs": ("r", pairs.mean(axis=0) / unordered, {"long_name": "mean number of pairs"}),
        },
        coords={
            "r": ("r", 0.5 * (edges[1:] + edges[:-1])),
            "r_lower": ("r", edges[:-1]),
            "r_upper": ("r", edges[1:]),
        },
        attrs={"kind": "pair-correlation", "replicas": len(first)},
    )


def covariance(
    counts: ArrayLike, volume: ArrayLike = 1.0, partner: ArrayLike | None = None
) -> xr.Dataset:
    """Covariance ``E[C(x) C(y)] - c(x) c(y)`` in cells, measured from independent replicas.

    With E[C C] of del Razo 2024, eq. (A2), which does not pair a particle with itself: the sample
    covariance of the counts, minus their mean on the diagonal for a single species. Unbiased.

    Parameters
    ----------
    counts
        Copies in cells, ``(replicas, cells)``.
    volume
        Volume of a cell, or of each, ``(cells,)`` (length^d).
    partner
        Counts of another species in the same cells and replicas.

    Returns
    -------
    xarray.Dataset
        ``covariance(cell, cell_2)`` and ``covariance_sem``, its standard error over the replicas
        (1/length^2d).

    Raises
    ------
    ResultError
        If shapes do not fit, or there are fewer than three replicas.

    Examples
    --------
    Two copies in two cells for certain: they are in the same cell as often as not.

    >>> counts = [[2, 0], [1, 1], [1, 1], [0, 2]] * 100
    >>> covariance(counts)["covariance"].values.round(2)
    array([[-0.5, -0.5],
           [-0.5, -0.5]])
    """
    import xarray as xr

    n = real_array(counts, "counts", ResultError)
    m = n if partner is None else real_array(partner, "partner", ResultError)
    if n.ndim != 2 or m.shape != n.shape or len(n) < 3:
        raise ResultError(
            f"counts {n.shape} and partner {m.shape} must be (replicas, cells), the same, with at "
            f"least three replicas"
        )
    given = real_array(volume, "volume", ResultError)
    if given.shape not in ((), n.shape[1:]):
        raise ResultError(f"volume: its shape is {given.shape}; give one number, or {n.shape[1:]}")
    size = np.broadcast_to(given, n.shape[1:])
    if not ((size >= SMALLEST) & (size <= LARGEST)).all():
        raise ResultError(f"volume = {shown(volume)}: cells have positive volumes")
    if not (np.abs([n, m]) <= LARGEST).all():
        raise ResultError("counts: they must be finite numbers of particles")
    replicas = len(n)
    dn, dm = n - n.mean(axis=0), m - m.mean(axis=0)
    value = dn.T @ dm / (replicas - 1)
    # Variance of the contribution of each replica, dn_i dm_j, minus n_i on the diagonal.
    second = (dn**2).T @ dm**2 / replicas
    first = dn.T @ dm / replicas
    if partner is None:
        pairs = dn**2 - n
        value -= np.diag(n.mean(axis=0))
        np.fill_diagonal(second, (pairs**2).mean(axis=0))
        np.fill_diagonal(first, pairs.mean(axis=0))
    sem = np.sqrt(np.maximum(second - first**2, 0.0) / (replicas - 1))
    scale = np.multiply.outer(size, size)
    return xr.Dataset(
        {
            "covariance": (("cell", "cell_2"), value / scale),
            "covariance_sem": (("cell", "cell_2"), sem / scale),
        },
        attrs={"kind": "covariance", "replicas": replicas},
    )


def _ratio(pairs: Floats, numbers: Floats, share: Floats) -> tuple[Floats, Floats]:
    """``mean(pairs)/(share N_a N_b)``, N_a N_b from different replicas, and its jackknife error."""
    replicas = len(pairs)
    total, products = numbers.sum(axis=0), numbers.prod(axis=1)
    independent = (total.prod() - products.sum()) / (replicas * (replicas - 1))
    without = (total - numbers).prod(axis=1) - (products.sum() - products)
    without /= (replicas - 1) * (replicas - 2)
    if independent <= 0 or (without <= 0).any():
        raise ResultError(
            f"{total.min():.0f} particles in {replicas} replicas: too few for a pair correlation"
        )
    g = pairs.mean(axis=0) / (share * independent)
    left_out = (pairs.sum(axis=0) - pairs) / (replicas - 1) / (share * without[:, None])
    spread = ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0)
    return g, np.sqrt((replicas - 1) / replicas * spread)


def _count_pairs(
    first: Floats, second: Floats, like: bool, edges: Floats, box: Box, wraps: tuple[bool, ...]
) -> Floats:
    """Ordered pairs in each bin."""
    from scipy.spatial import cKDTree

    if len(first) == 0 or len(second) == 0:
        return np.zeros(len(edges) - 1)
    sides = _sides(box)
    period = np.where(wraps, sides, 0.0) if any(wraps) else None
    trees = [cKDTree(first, boxsize=period)]
    trees.append(trees[0] if like else cKDTree(second, boxsize=period))
    within = np.array(trees[0].count_neighbors(trees[1], edges), dtype=np.float64)
    if edges[0] == 0:  # different particles at the same position are in the first bin
        within[0] = len(first) if like else 0
    return np.asarray(np.diff(within))


def _pair_measure(r: Floats, box: Box, wraps: tuple[bool, ...]) -> Floats:
    """Volume of the pairs of points of the box that are at most r apart (length^2d).

    A displacement u fits ``prod (L_a - |u_a|)`` times over the open axes; its mean over directions
    is a polynomial in r, exact up to the shortest open side.
    """
    d = box.dimension
    sides = _sides(box)
    open_axes = [a for a in range(d) if not wraps[a]]
    total = np.zeros_like(r)
    for k in range(len(open_axes) + 1):
        sizes = sum(
            math.prod(sides[a] for a in range(d) if a not in cut)
            for cut in combinations(open_axes, k)
        )
        total += (-1) ** k * _MEAN_COSINES[d][k] * sizes * r ** (d + k) / (d + k)
    return _SPHERE[d] * total


def _points(
    positions: Sequence[ArrayLike], box: Box, wraps: tuple[bool, ...], name: str
) -> list[Floats]:
    """Positions from the lower corner of the box, periodic axes wrapped."""
    lower, sides = np.array(box.lower), _sides(box)
    result, replicas = [], items(positions)
    if replicas is None:
        raise ResultError(f"{name} = {shown(positions)}: give a list of arrays, one per replica")
    for replica, given in enumerate(replicas):
        x = real_array(given, f"{name}[{replica}]", ResultError)
        if x.ndim == 1 and box.dimension == 1:
            x = x[:, None]
        if x.ndim != 2 or x.shape[1] != box.dimension:
            raise ResultError(
                f"{name}[{replica}] has shape {x.shape}; (n, {box.dimension}) is needed"
            )
        x = x - lower
        outside = ((x < 0) | (x > sides)).any(axis=1)
        if outside.any() or not np.isfinite(x).all():
            where = x[int(np.argmax(outside))] + lower
            raise ResultError(f"{name}[{replica}]: a particle at {where} is outside {box}")
        result.append(np.where(wraps, np.mod(x, sides), x))
    return result


def _edges(r_edges: ArrayLike, box: Box, wraps: tuple[bool, ...]) -> Floats:
    edges = real_array(r_edges, "r_edges")
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ModelError(f"r_edges = {shown(r_edges)}: give at least two increasing edges")
    number(float(edges[0]), "r_edges[0]")
    reach = min(0.5 * side if wrap else side for side, wrap in zip(_sides(box), wraps, strict=True))
    if edges[-1] > reach * (1 + 1e-12):
        raise ModelError(
            f"r_edges reach {edges[-1]:g}, but pairs are counted up to {reach:g} in {box}: the "
            f"shortest open side, or half of a periodic one"
        )
    return edges


def _periodic_axes(box: Box, periodic: bool | Sequence[str]) -> tuple[bool, ...]:
    if not isinstance(box, Box):
        raise ModelError(f"box = {box!r}: give a Box")
    names = "xyz"[: box.dimension]
    if isinstance(periodic, bool):
        return (periodic,) * box.dimension
    listed = tuple(periodic) if isinstance(periodic, str) else items(periodic)
    unknown = listed is None or [a for a in listed if a not in tuple(names)]
    if unknown:
        raise ModelError(
            f"periodic = {shown(periodic)}: give True, False, or a list of axes; the axes are "
            f"{', '.join(names)}"
        )
    assert listed is not None
    return tuple(a in listed for a in names)


def _sides(box: Box) -> Floats:
    return np.asarray(np.subtract(box.upper, box.lower))
