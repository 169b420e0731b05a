"""Exact overlap of boxes, discs and balls with the cells of a grid."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hybridrd.arguments import real_array
from hybridrd.arrays import Floats
from hybridrd.model.functions import evaluate
from hybridrd.model.geometry import Interval
from hybridrd.model.grid import AXES, Grid
from hybridrd.model.initial import Copies, Patch, Points
from hybridrd.model.shape import Mask

_NODES = 24


def interval_overlap(grid: Grid, axis: int, bounds: Interval | None) -> Floats:
    """Length of the overlap of an interval with each cell along one axis (length).

    In a shell the volume of the overlap.
    """
    edges = grid.edges(axis)
    if bounds is not None:
        edges = np.clip(edges, bounds[0], bounds[1])
    return np.diff(grid.measure(axis, edges))


def box_overlap(grid: Grid, bounds: tuple[Interval | None, ...]) -> Floats:
    """Volume of the overlap of a box with each cell, flat (length^d)."""
    result = interval_overlap(grid, 0, bounds[0])
    for axis in range(1, grid.dimension):
        result = result[..., None] * interval_overlap(grid, axis, bounds[axis])
    return grid.flatten(result)


def _quadrant(a: Floats, b: Floats, r: float) -> Floats:
    """Area of the disc of radius r about the origin where x <= a and y <= b."""

    def half(x: Floats) -> Floats:  # integral of sqrt(r² - x²)
        # Written to avoid cancellation where x touches the rim.
        rise = np.sqrt(np.maximum((r - x) * (r + x), 0.0))
        return np.asarray(0.5 * (x * rise + r * r * np.arctan2(x, rise)))

    a = np.clip(a, -r, r)
    b = np.clip(b, -r, r)
    edge = np.sqrt(np.maximum((r - b) * (r + b), 0.0))
    top = np.clip(a, -edge, edge)
    inner = b * (top + edge) + half(top) - half(-edge)
    start = np.full_like(a, -r)
    outer = half(np.minimum(a, -edge)) - half(start) + half(np.maximum(a, edge)) - half(edge)
    return inner + np.where(b >= 0, 2 * outer, 0.0)


def disc_overlap(x: Floats, y: Floats, center: tuple[float, float], radius: float) -> Floats:
    """Area of the overlap of a disc with the cells between edges x and y, ``(nx, ny)``."""
    a, b = np.meshgrid(x - center[0], y - center[1], indexing="ij")
    corner = _quadrant(a, b, radius)
    area = corner[1:, 1:] - corner[:-1, 1:] - corner[1:, :-1] + corner[:-1, :-1]
    return np.maximum(area, 0.0)


def ball_overlap(grid: Grid, center: tuple[float, ...], radius: float) -> Floats:
    """Volume of the overlap of an interval, disc or ball with each cell, flat (length^d).

    Exact in one and two dimensions; in three by Gauss quadrature of the discs in each layer of
    cells, scaled to the exact volume where the ball lies inside the grid.
    """
    if grid.dimension == 1:
        return interval_overlap(grid, 0, (center[0] - radius, center[0] + radius))
    x, y = grid.edges(0), grid.edges(1)
    if grid.dimension == 2:
        return grid.flatten(disc_overlap(x, y, (center[0], center[1]), radius))
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    z = np.clip(grid.edges(2), center[2] - radius, center[2] + radius)
    result = np.zeros(grid.shape)
    for k in range(grid.shape[2]):
        if z[k + 1] <= z[k]:
            continue
        middle, half = 0.5 * (z[k] + z[k + 1]), 0.5 * (z[k + 1] - z[k])
        for node, weight in zip(nodes, weights, strict=True):
            rise = middle + half * node - center[2]
            r = math.sqrt(max(radius**2 - rise**2, 0.0))
            if r > 0:
                result[:, :, k] += weight * half * disc_overlap(x, y, (center[0], center[1]), r)
    inside = all(
        a <= c - radius and c + radius <= b
        for a, b, c in zip(grid.lower, grid.upper, center, strict=True)
    )
    if inside:
        result *= 4 / 3 * math.pi * radius**3 / result.sum()
    return grid.flatten(result)


def patch_overlap(grid: Grid, patch: Patch) -> Floats:
    """Volume of the overlap of a patch with each cell, flat (length^d)."""
    if patch.shape is not None:
        return np.where(patch.shape.mask(grid), grid.volumes, 0.0)
    if patch.center is not None and patch.radius is not None:
        return ball_overlap(grid, patch.center, patch.radius)
    return box_overlap(grid, tuple(getattr(patch, a) for a in AXES[: grid.dimension]))


def copies_overlap(grid: Grid, copies: Copies) -> Floats:
    """Volume of the overlap of the region of some `Copies` with each cell, flat (length^d)."""
    if copies.shape is not None:
        return np.where(copies.shape.mask(grid), grid.volumes, 0.0)
    return box_overlap(grid, tuple(getattr(copies, a) for a in AXES[: grid.dimension]))


def concentration(part: Any, grid: Grid, where: str, free: Mask | None = None) -> Floats:
    """Mean concentration of one part of an initial state in each cell, ``(cells,)``.

    `Copies` are spread evenly over their region, `Points` counted in their cells; cells that are
    not ``free`` (flat) hold none.
    """
    if free is not None:
        return _in_free_cells(part, grid, where, free)
    if isinstance(part, Patch):
        overlap = patch_overlap(grid, part) / grid.volumes
        full = evaluate(part.c, grid.coordinates(), 0.0, f"{where}: Patch")
        return np.asarray(overlap * full)
    if isinstance(part, Copies):
        overlap = copies_overlap(grid, part)
        return np.asarray(overlap * (part.n / overlap.sum()) / grid.volumes)
    if isinstance(part, Points):
        counts = np.bincount(cells_of(part.positions, grid), minlength=grid.cells)
        return np.asarray(counts / grid.volumes)
    if isinstance(part, np.ndarray):
        return np.asarray(grid.flatten(real_array(part, where)))
    return evaluate(part, grid.coordinates(), 0.0, where, size=grid.cells)


def _in_free_cells(part: Any, grid: Grid, where: str, free: Mask) -> Floats:
    if isinstance(part, Copies):
        overlap = copies_overlap(grid, part) * free
        return np.asarray(overlap * (part.n / overlap.sum()) / grid.volumes)
    return np.where(free, concentration(part, grid, where), 0.0)


def cells_of(positions: Floats, grid: Grid) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Flat cell index of positions of shape ``(n, d)``."""
    index = np.zeros(len(positions), dtype=np.int64)
    for a in range(grid.dimension - 1, -1, -1):
        i = np.floor((positions[:, a] - grid.lower[a]) / grid.spacing[a]).astype(np.int64)
        index = index * grid.shape[a] + np.clip(i, 0, grid.shape[a] - 1)
    return index
