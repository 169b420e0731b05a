"""Doi's rate averaged over pairs of voxels, in one to three dimensions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrd.arrays import Floats, Integers
from hybridrd.model.grid import Grid
from hybridrd.model.pair_kernels import PairKernel
from hybridrd.model.reaction import Reaction

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


def pair_fraction(separation: ArrayLike, width: ArrayLike, radius: ArrayLike) -> Floats:
    """Fraction of the pairs of points in two voxels that are within the Doi radius.

    In one dimension ``[F(u + h) - 2 F(u) + F(u - h)]/h²`` for voxels of width h whose centres are u
    apart, with ``F(u) = u²/2`` within the radius sigma and ``sigma |u| - sigma²/2`` outside. In two
    and three dimensions its mean over the other axes, by quadrature between its kinks.

    Parameters
    ----------
    separation
        u, a whole number of voxel widths (length): an array in one dimension, else one number for
        each axis.
    width
        h (length): a number in one dimension, else one for each axis.
    radius
        sigma (length), a number (or in one dimension an array).

    Examples
    --------
    The rate of a well-mixed pair, ``V_sigma lambda0/V``, for voxels far wider than the radius:

    >>> float(pair_fraction(0.0, width=1.0, radius=0.005).round(6))
    0.009975
    >>> float(pair_fraction((0.0, 0.0), width=(1.0, 1.0), radius=0.005).round(8))
    7.821e-05
    """
    widths = np.asarray(width, dtype=np.float64)
    u = np.abs(np.asarray(separation, dtype=np.float64))
    if widths.ndim == 0:
        return _line(u, float(widths), np.asarray(radius, dtype=np.float64))
    return np.asarray(_box(u.tolist(), widths.tolist(), float(np.asarray(radius))))


def _line(u: Floats, width: float, radius: Floats) -> Floats:
    def within(v: Floats) -> Floats:  # F without the part that is linear in |u|; 0 beyond
        return np.asarray(0.5 * np.maximum(radius - np.abs(v), 0.0) ** 2)

    bend = np.where(u < 0.5 * width, 2 * radius * width, 0.0)  # the linear part has a kink at u = 0
    curved = within(u + width) - 2 * within(u) + within(u - width)
    return np.asarray((bend + curved) / width**2)


def _box(u: Sequence[float], width: Sequence[float], radius: float) -> float:
    """The fraction in two or three dimensions: the others' mean along the first axis."""
    if len(u) == 1:
        return float(_line(np.asarray(u[0]), width[0], np.asarray(radius)))
    h = width[0]
    low, high = max(u[0] - h, -radius), min(u[0] + h, radius)
    if not low < high:
        return 0.0
    # x = sigma sin(angle) removes the singularity of the remaining width at the ball's end.
    turns = [np.sqrt(max(radius**2 - r**2, 0.0)) for r in _kinks(u[1:], width[1:]) if r < radius]
    places = [low, high, u[0], *turns, *(-x for x in turns)]
    breaks = np.unique(np.arcsin(np.clip([x for x in places if low <= x <= high], -radius, radius)
                                 / radius))  # fmt: skip
    half = 0.5 * np.diff(breaks)[:, None]
    angle = (0.5 * (breaks[1:] + breaks[:-1]))[:, None] + half * _NODES
    x, rest = radius * np.sin(angle), radius * np.cos(angle)
    if len(u) == 2:
        inner = _line(np.asarray(u[1]), width[1], rest)
    else:
        inner = np.array([_box(u[1:], width[1:], r) for r in rest.ravel()]).reshape(rest.shape)
    weights = half * _WEIGHTS * rest * np.maximum(h - np.abs(x - u[0]), 0.0)
    return float((weights * inner).sum() / h**2)


def _kinks(u: Sequence[float], width: Sequence[float]) -> set[float]:
    """Radii at which a ball touches a corner, edge or side of the overlap of two voxels."""
    each = [(0.0, abs(a - h), a, a + h) for a, h in zip(u, width, strict=True)]
    return {float(np.sqrt(np.dot(r, r))) for r in itertools.product(*each)}


# Number of distance shells into which a kernel is cut, by dimension.
_SHELLS = {1: 2000, 2: 200, 3: 60}


def kernel_fraction(kernel: PairKernel, separation: ArrayLike, width: ArrayLike) -> float:
    """Mean of a kernel over all pairs of points in two voxels; `pair_fraction` for Doi's step.

    ``int w dF`` with F(r) the fraction of pairs closer than r, by the midpoint rule in r between
    the smallest and the largest distance; good to 1e-3 for kernels with jumps, 1e-4 for smooth
    ones.
    """
    u, h = np.atleast_1d(np.abs(np.asarray(separation, float))), np.atleast_1d(width)
    low = float(np.linalg.norm(np.maximum(u - h, 0.0)))
    high = min(float(np.linalg.norm(u + h)), kernel.reach)
    if not low < high:
        return 0.0
    edges = np.linspace(low, high, _SHELLS[len(u)] + 1)
    if len(u) == 1:
        within = _line(u[0], float(h[0]), edges)
    else:
        sizes = [float(v) for v in h]
        within = np.array([_box(u.tolist(), sizes, r) if r > 0 else 0.0 for r in edges.tolist()])
    middle = 0.5 * (edges[1:] + edges[:-1])
    return float(np.sum(kernel.weight(middle) * np.diff(within)))


class Reach:
    """Pairs of cells within reach of each other, across periodic walls too, and beyond others.

    Parameters
    ----------
    grid
        The cells.
    radius
        The largest distance of a pair (length).
    periodic
        Whether each axis is periodic.
    mean
        A function of the separation and the widths of two cells, as in `pair_fraction`.

    Attributes
    ----------
    first, second
        The cells of each pair, flat, in both orders; if the second is ``outside``, the nearest
        cell at the wall.
    fraction
        Mean of the function over both cells, ``(n,)``.
    outside
        Side of the domain on which the second cell lies, for each axis: -1, 0 or 1, ``(n, axes)``.
    step
        From the first to the second in cells, ``(n, axes)``.
    """

    def __init__(
        self,
        grid: Grid,
        radius: float,
        periodic: Sequence[bool],
        mean: Callable[[Any, Any], ArrayLike],
    ) -> None:
        self.grid = grid
        shape = np.array(grid.shape)
        start = np.stack(np.unravel_index(np.arange(grid.cells), grid.shape[::-1])[::-1], axis=1)
        steps, values = steps_within(grid, radius, mean)
        each, count = len(start), len(steps)
        self.step = np.repeat(steps, each, axis=0)
        self.fraction = np.repeat(values, each)
        end = np.tile(start, (count, 1)) + self.step
        end = np.where(periodic, end % shape, end)
        self.outside = np.where(end < 0, -1, np.where(end >= shape, 1, 0))
        self.first = np.tile(np.arange(grid.cells), count)
        self.second = _flat(np.clip(end, 0, shape - 1), grid)

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Which pairs have both cells in the domain, ``(n,)``."""
        return np.asarray(~self.outside.any(axis=1))

    @property
    def middle(self) -> dict[str, Floats]:
        """Coordinates midway between the centres, by axis; on periodic axes within the domain."""
        found = {}
        for a, (axis, x) in enumerate(self.grid.coordinates().items()):
            low, high = self.grid.lower[a], self.grid.upper[a]
            place = x[self.first] + 0.5 * self.grid.spacing[a] * self.step[:, a]
            found[axis] = low + np.mod(place - low, high - low)
        return found


def _mean_at(
    mean: Callable[[Any, Any], ArrayLike], step: Sequence[int], h: Sequence[float]
) -> float:
    """The mean of a function of distance over two cells that are ``step`` cells apart."""
    apart = [m * w for m, w in zip(step, h, strict=True)]
    return float(np.asarray(mean(apart[0], h[0]) if len(h) == 1 else mean(apart, list(h))))


def _flat(index: Integers, grid: Grid) -> Integers:
    """Flat indices of cells from those along the axes, ``(n, axes)``."""
    strides = np.cumprod([1, *grid.shape[:-1]])
    return np.asarray(index @ strides, np.int64)


def steps_within(
    grid: Grid, radius: float, mean: Callable[[Any, Any], ArrayLike]
) -> tuple[Integers, Floats]:
    """Steps from a cell to those within reach, in cells ``(n, axes)``, and the mean over both.

    The arguments are those of `Reach`.
    """
    reach = [int(np.ceil(radius / h - 1e-9)) for h in grid.spacing]
    known: dict[tuple[int, ...], float] = {}
    steps, values = [], []
    for step in itertools.product(*(range(-n, n + 1) for n in reach)):
        size = tuple(map(abs, step))
        if size not in known:
            known[size] = _mean_at(mean, size, grid.spacing)
        if known[size] > 0:
            steps.append(step)
            values.append(known[size])
    return np.array(steps, np.int64).reshape(len(steps), grid.dimension), np.array(values)


def reach_of(reaction: Reaction) -> tuple[float, Callable[[Any, Any], ArrayLike]]:
    """Reach of a reaction, and the mean of its kernel over two cells."""
    kernel, radius = reaction.kernel, reaction.radius
    if isinstance(kernel, PairKernel):
        return kernel.reach, lambda u, h: kernel_fraction(kernel, u, h)
    assert radius is not None
    return radius, lambda u, h: pair_fraction(u, h, radius)


def pair_reach(reaction: Reaction, grid: Grid, periodic: Sequence[bool]) -> Reach:
    """Pairs of cells within the reach of a reaction, with the mean of its kernel over both."""
    radius, mean = reach_of(reaction)
    return Reach(grid, radius, periodic, mean)


def doi_reach(grid: Grid, radius: float, periodic: Sequence[bool]) -> Reach:
    """Pairs of cells within the Doi radius of each other."""
    return Reach(grid, radius, periodic, lambda u, h: pair_fraction(u, h, radius))


def pair_rates(
    lambda0: float | Callable[..., Floats],
    radius: float,
    grid: Grid,
    periodic: bool | Sequence[bool] = False,
) -> Floats:
    """Doi's rate of one pair with a partner in each of two voxels, ``(voxels, voxels)`` (1/time).

    Walls cut the ball about a particle, as they do for particles; in a periodic domain pairs
    within reach through the wall count.

    Parameters
    ----------
    lambda0
        Doi's rate (1/time), or a function of the coordinates (in their order), evaluated midway
        between the voxels' centres.
    radius
        sigma (length).
    grid
        The voxels, in one to three dimensions.
    periodic
        Whether the domain is periodic, or each axis of it.

    Examples
    --------
    >>> pair_rates(8.0, 0.5, Grid((0.0,), (2.0,), (2,)))
    array([[6., 1.],
           [1., 6.]])
    """
    joined = [periodic] * grid.dimension if isinstance(periodic, bool) else list(periodic)
    reach = doi_reach(grid, radius, joined)
    rate = lambda0(*reach.middle.values()) if callable(lambda0) else lambda0
    inside = reach.inside
    result = np.zeros((grid.cells, grid.cells))
    values = np.broadcast_to(rate, inside.shape) * reach.fraction
    np.add.at(result, (reach.first[inside], reach.second[inside]), values[inside])
    return result


def mean_cap(grid: Grid, side: str, radius: float) -> Floats:
    """Part of the Doi ball outside a wall, averaged over each voxel, ``(voxels,)`` (length^d).

    In one dimension a copy at distance d from the wall reaches ``V_cap(d) = sigma - d`` outside it,
    and 0 from ``d = sigma`` on. Over a voxel from d to d + h the mean is
    ``[(sigma - d)² - (sigma - d - h)²]/(2 h)``, with negative brackets set to 0. In more
    dimensions it is the part outside this wall only.

    Parameters
    ----------
    grid
        The voxels.
    side
        The wall, ``"x-"``, ``"x+"``, ``"y-"``, ...
    radius
        sigma (length).

    Examples
    --------
    >>> mean_cap(Grid((0.0,), (1.0,), (4,)), "x-", radius=0.5)
    array([0.375, 0.125, 0.   , 0.   ])
    """
    reach = doi_reach(grid, radius, [False] * grid.dimension)
    sign = np.zeros(grid.dimension)
    sign[grid.axes.index(side[0])] = -1 if side[1] == "-" else 1
    beyond = (reach.outside == sign).all(axis=1)
    volumes = reach.fraction[beyond] * grid.volume
    return np.bincount(reach.first[beyond], volumes, grid.cells).astype(np.float64)
