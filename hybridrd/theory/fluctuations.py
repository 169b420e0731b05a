"""Means and variances of two-way coupling at equilibrium, computed without sampling.

Particles are independent between exchanges, and the continuum is linear, so the first two
moments obey a closed recursion over two-way steps. Normal to the plane, with cells of width h = 1,
the state is the density of the particles at quadrature nodes and the contents f of the cells
outside the plane. A step of the means is a matrix A, and of the covariances (factorial ones among
particles)

    C' = A C A^T + Q,

with Q the noise of the exchange, ``s`` = leavers - arrivals into the first cell, and of the
continuum if it fluctuates. A step is that of `hybridrd.simulation`: exchange, then diffusion of
both sides with s as a source.

A continuum without noise passes too few fluctuations to the particles. In the limit of small steps
and cells the missing covariance depends on the geometry alone; `expected_total_ratio` computes it
for any box in a box.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hybridrd.arguments import number, shown
from hybridrd.errors import ModelError
from hybridrd.interface import FaceNumbers, InterfaceScheme
from hybridrd.theory._two_way_step import face_numbers, sum_of_powers, two_way_step

Floats = NDArray[np.float64]

_GRADE = 10  # cells grow by a tenth of their distance from the plane in `expected_total_ratio`


@dataclass(frozen=True)
class TwoWayStatistics:
    """Equilibrium fluctuations of two-way coupling, relative to those of independent particles.

    Attributes
    ----------
    bins
        Variance of the number in each cell of the particle region over the binomial one,
        mu (1 - mu/N); shape ``(region_cells,)``, the cell beside the plane first.
    total
        The same for the whole region.
    """

    bins: Floats
    total: float


def two_way_statistics(
    alpha: float,
    region_cells: int,
    continuum_cells: int,
    scheme: InterfaceScheme | FaceNumbers | None = None,
    fluctuations: bool = False,
) -> TwoWayStatistics:
    """Equilibrium variances of a slab next to its continuum, by the exact covariance recursion.

    Particle region and continuum are closed at their far ends; the numbers in complete layers of
    cells of a 2D or 3D slab are those of one dimension.

    Parameters
    ----------
    alpha
        D dt/h**2, with h the width of a cell.
    region_cells, continuum_cells
        Cells of the particle region and of the continuum, normal to the plane.
    scheme
        An interface scheme, or its numbers with lengths in cells; by default `CalibratedLayer`.
    fluctuations
        Whether the continuum has noise and arrivals are binomial
        (``System(fluctuations="gaussian")``).

    Returns
    -------
    TwoWayStatistics
        Ratios of variances, independent of the concentration as long as no cell owes particles;
        good to 1e-8.

    Raises
    ------
    ModelError, StepError
        If a number is out of range, or alpha too large for the scheme.

    Examples
    --------
    >>> found = two_way_statistics(0.25, region_cells=10, continuum_cells=40)
    >>> found.bins[:2].round(3), round(found.total, 2)
    (array([0.9 , 0.92]), 0.44)
    >>> noisy = two_way_statistics(0.25, 10, 40, fluctuations=True)
    >>> bool(abs(noisy.bins - 1).max() < 1e-9)
    True
    """
    numbers = face_numbers(alpha, region_cells, scheme)
    model = two_way_step(alpha, region_cells, continuum_cells, numbers, fluctuations)
    particles = model.bins.shape[1]
    whole = float(region_cells + continuum_cells)
    # The total number of particles is fixed: the part of the stationary state in the covariance.
    m = model.stationary
    covariance = sum_of_powers(model.matrix, model.noise) - region_cells / whole**2 * np.outer(m, m)
    block = covariance[:particles, :particles]
    variances = 1.0 + np.einsum("bi,ij,bj->b", model.bins, block, model.bins)
    total = region_cells + float(block.sum())
    return TwoWayStatistics(
        variances / (1.0 - 1.0 / whole), total / (region_cells * (1.0 - region_cells / whole))
    )


def two_way_jump(
    alpha: float,
    scheme: InterfaceScheme | FaceNumbers | None = None,
    fluctuations: bool = False,
) -> float:
    """Jump of a linear profile at the plane of a two-way coupling, by the recursion of the mean.

    Parameters
    ----------
    alpha, scheme, fluctuations
        As in `two_way_statistics`.

    Returns
    -------
    float
        Continuum minus particles, each profile continued to the plane, in h times the gradient
        (into the continuum).

    Raises
    ------
    ModelError, StepError
        As in `two_way_statistics`.

    Examples
    --------
    >>> abs(two_way_jump(0.25)) < 1e-8
    True
    """
    alpha = number(alpha, "alpha", strict=True)
    spread = math.sqrt(2.0 * alpha)
    cells, beyond = 6 + math.ceil(26.0 * spread), 12
    numbers = face_numbers(alpha, cells, scheme)
    model = two_way_step(alpha, cells, beyond, numbers, fluctuations)
    size, nodes = len(model.stationary), model.bins.shape[1]
    # Unit gradient: alpha enters the last cell in a step and leaves at the region's far end.
    drive = np.zeros(size)
    drive[nodes : nodes + beyond] = alpha * model.source[:, -1]
    drive[:nodes] -= alpha * model.bins[-1] * model.weight
    left = np.zeros(size)
    left[: nodes + beyond] = 1.0
    # The mass is free: fix it by replacing the null direction.
    system = np.eye(size) - model.matrix + np.outer(model.stationary, left) / left.sum()
    mean = np.linalg.solve(system, drive)
    # The profile is linear except within 12 spreads of the plane and of the far end.
    linear = (model.depth > 1.0 + 12.0 * spread) & (model.depth < cells - 1.0 - 12.0 * spread)
    values = mean[:nodes] / model.weight
    below = float(np.mean(values[linear] + model.depth[linear]))
    cell = np.arange(beyond) + 0.5
    above = float(np.mean((mean[nodes : nodes + beyond] - cell)[2:-2]))
    return above - below


def expected_total_ratio(
    shape: Sequence[int],
    region: Sequence[tuple[int, int]],
    spacing: Sequence[float] | None = None,
    walls: Sequence[tuple[str, str]] | None = None,
) -> float:
    """Equilibrium variance of the number in the region over that of independent particles.

    For two-way coupling without fluctuations, at small steps. With u(x, t) the probability that a
    particle from x is in the region P after the time t, the variance of independent particles is
    dissipated in the whole domain, and the part of the continuum without noise is missing::

        ratio = 2 D int_0^oo dt int_P |grad u|**2 dx / (V_P (1 - V_P/V)),

    on the cells, including the faces of the region (without 1 - V_P/V if a wall is open). It
    depends only on the geometry, and takes milliseconds.

    Parameters
    ----------
    shape
        Cells of the domain along each axis.
    region
        First cell of the particle region and the one after its last, along each axis.
    spacing
        Widths of the cells along each axis (length); by default all the same.
    walls
        Per axis the lower and upper wall: ``"closed"`` (also one of influx), ``"open"`` (a
        reservoir or an absorbing wall) or ``"periodic"``; by default all closed.

    Returns
    -------
    float
        Between 0 and 1; the reference is binomial in a closed domain, Poisson in an open one.

    Raises
    ------
    ModelError
        If the region is not a box or not within the domain, or a wall has another name.

    Examples
    --------
    >>> round(expected_total_ratio([50], [(0, 10)]), 2)
    0.43
    >>> round(expected_total_ratio([40, 40], [(10, 30), (10, 30)]), 2)
    0.6
    """
    d = len(shape)
    if np.shape(region)[1:] != (2,) or np.asarray(region).dtype.kind not in "iu":
        raise ModelError(
            f"region = {shown(region)}: the ratio is computed only for a box of cells in a box, "
            f"axis by axis; give its first cell and the one after its last along each axis, as in "
            f"[(10, 30), (10, 30)], and sample the ratio of other shapes by an ensemble"
        )
    widths = [1.0] * d if spacing is None else [float(h) for h in spacing]
    kinds = [("closed", "closed")] * d if walls is None else list(walls)
    if not d == len(region) == len(widths) == len(kinds):
        raise ModelError(
            f"shape, region, spacing and walls must have one entry for each axis; they have {d}, "
            f"{len(region)}, {len(widths)} and {len(kinds)}"
        )
    # Times from a thousandth of a cell's diffusion time to thirty times that of the domain.
    first = 1e-3 * min(widths) ** 2
    last = 30.0 * max(n * h for n, h in zip(shape, widths, strict=True)) ** 2
    log_time = np.linspace(math.log(first), math.log(last), 400)
    times = np.exp(log_time)
    axes = [_axis(*a, times) for a in zip(shape, region, widths, kinds, strict=True)]
    rate = np.zeros_like(times)
    for a in range(d):
        rate += axes[a].dissipated * np.prod([axes[b].kept for b in range(d) if b != a], axis=0)
    # Before the first time the rate is constant on the cells; log-spaced trapezoids beyond.
    spent = rate[0] * first + float(np.trapezoid(rate * times, log_time))
    inside = math.prod((b - a) * h for (a, b), h in zip(region, widths, strict=True))
    whole = math.prod(n * h for n, h in zip(shape, widths, strict=True))
    closed = not any("open" in pair for pair in kinds)
    return float(2.0 * spent / (inside * (1.0 - inside / whole if closed else 1.0)))


class _Axis(NamedTuple):
    """One axis at each time: integrals of u**2 and of u'**2 over the region's interval."""

    kept: Floats
    dissipated: Floats


def _axis(
    n: int, interval: tuple[int, int], h: float, walls: tuple[str, str], times: Floats
) -> _Axis:
    start, stop = interval
    if not 0 <= start < stop <= n:
        raise ModelError(f"region {start} to {stop} of {n} cells: it must lie in the domain")
    unknown = sorted(set(walls) - {"closed", "open", "periodic"})
    if unknown or (("periodic" in walls) and walls[0] != walls[1]):
        raise ModelError(f"walls {walls!r}: use closed, open, or periodic on both sides")
    edges = h * np.concatenate(
        [start - _graded(start, False)[::-1][:-1], start + _graded(stop - start, True)]
        + [stop + _graded(n - stop, False)[1:]]
    )
    width, centre = np.diff(edges), 0.5 * (edges[1:] + edges[:-1])
    inside = (centre > start * h) & (centre < stop * h)
    laplacian, within = np.zeros((2, len(width), len(width)))

    def face(a: int, b: int, conductance: float) -> None:
        for matrix in (laplacian, within) if inside[a] or inside[b] else (laplacian,):
            matrix[a, a] += conductance
            if a != b:
                matrix[b, b] += conductance
                matrix[a, b] -= conductance
                matrix[b, a] -= conductance

    last = len(width) - 1
    for i in range(last):
        face(i, i + 1, 1.0 / float(centre[i + 1] - centre[i]))
    if walls[0] == "periodic" and last > 0:
        face(last, 0, 2.0 / float(width[0] + width[last]))
    for cell, wall in ((0, walls[0]), (last, walls[1])):
        if wall == "open":
            face(cell, cell, 2.0 / float(width[cell]))
    root = np.sqrt(width)
    values, vectors = np.linalg.eigh(laplacian / np.outer(root, root))
    modes = vectors.T @ (root * inside)
    decay = np.exp(-np.maximum(values, 0.0)[:, None] * times)
    u = (vectors @ (decay * modes[:, None])) / root[:, None]
    return _Axis(width[inside] @ u[inside] ** 2, np.einsum("it,it->t", u, within @ u))


def _graded(cells: int, both: bool) -> Floats:
    """Cell edges from 0 to ``cells``, coarser away from 0 (and from the other end)."""
    if both:
        near = _graded(cells // 2, False)
        return np.concatenate([near, cells - near[::-1][int(cells % 2 == 0) :]])
    edges = [0]
    while edges[-1] < cells:
        edges.append(min(cells, edges[-1] + max(1, edges[-1] // _GRADE)))
    return np.array(edges, float)
