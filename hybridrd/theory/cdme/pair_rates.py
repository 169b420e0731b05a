"""Doi's rate averaged over pairs of voxels, and the part of the Doi ball outside a wall."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from hybridrd.arrays import Floats
from hybridrd.model.grid import Grid


def pair_fraction(separation: ArrayLike, width: float, radius: float) -> Floats:
    """Fraction of the pairs of points of two voxels that are within the Doi radius, one dimension.

    ``[F(u + h) - 2 F(u) + F(u - h)]/h²`` for voxels of width h whose centres are u apart, with
    ``F(u) = u²/2`` within the radius sigma and ``sigma |u| - sigma²/2`` outside.

    Parameters
    ----------
    separation
        u, a whole number of voxel widths (length, array).
    width
        h (length).
    radius
        sigma (length).

    Examples
    --------
    The rate of a well-mixed pair, ``2 sigma lambda0/L``, for voxels far wider than the radius:

    >>> float(pair_fraction(0.0, width=1.0, radius=0.005).round(6))
    0.009975
    """
    u = np.abs(np.asarray(separation, dtype=np.float64))

    def within(v: Floats) -> Floats:  # F without the part that is linear in |u|; 0 beyond
        return 0.5 * np.maximum(radius - np.abs(v), 0.0) ** 2

    bend = np.where(u < 0.5 * width, 2 * radius * width, 0.0)  # the linear part turns at u = 0
    curved = within(u + width) - 2 * within(u) + within(u - width)
    return np.asarray((bend + curved) / width**2)


def pair_rates(
    lambda0: float | Callable[[Floats], Floats], radius: float, grid: Grid, periodic: bool = False
) -> Floats:
    """Doi's rate of one pair with a partner in each of two voxels, ``(voxels, voxels)`` (1/time).

    Walls cut the ball about a particle, as they do for particles; in a periodic domain pairs
    within reach through the wall count.

    Parameters
    ----------
    lambda0
        Doi's rate (1/time), or a function of position, taken midway between the voxels' centres.
    radius
        sigma (length), at most half of the domain.
    grid
        The voxels, one dimension.
    periodic
        Whether the domain is periodic.

    Examples
    --------
    >>> pair_rates(8.0, 0.5, Grid((0.0,), (2.0,), (2,)))
    array([[6., 1.],
           [1., 6.]])
    """
    x = grid.centers(0)
    (h,) = grid.spacing
    length = grid.upper[0] - grid.lower[0]
    index = np.arange(grid.cells)
    result = np.zeros((grid.cells, grid.cells))
    for image in (-1, 0, 1) if periodic else (0,):
        apart = (index - index[:, None]) + image * grid.cells
        if callable(lambda0):
            middle = x[:, None] + 0.5 * h * apart
            middle = grid.lower[0] + np.mod(middle - grid.lower[0], length)
            rate = lambda0(middle.ravel()).reshape(middle.shape)
        else:
            rate = np.full(result.shape, lambda0)
        result += rate * pair_fraction(h * apart, h, radius)
    return result


def mean_cap(grid: Grid, side: str, radius: float) -> Floats:
    """Length of the Doi ball outside a wall, averaged over each voxel, ``(voxels,)`` (length).

    A copy at distance d from the wall reaches ``V_cap(d) = sigma - d`` outside it, and 0 from
    ``d = sigma`` on. Over a voxel from d to d + h the mean is
    ``[(sigma - d)² - (sigma - d - h)²]/(2 h)``, with negative brackets set to 0.

    Parameters
    ----------
    grid
        The voxels, one dimension.
    side
        The wall, ``"x-"`` or ``"x+"``.
    radius
        sigma (length).

    Examples
    --------
    >>> mean_cap(Grid((0.0,), (1.0,), (4,)), "x-", radius=0.5)
    array([0.375, 0.125, 0.   , 0.   ])
    """
    (h,) = grid.spacing
    distance = h * np.arange(grid.cells + 1)
    further = 0.5 * np.maximum(radius - distance, 0.0) ** 2  # integral of V_cap from there on
    caps = (further[:-1] - further[1:]) / h
    return np.asarray(caps if side == "x-" else caps[::-1])
