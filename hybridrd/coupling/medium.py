"""Local medium of a species with position-dependent D: jumps and slopes of D, and the potential."""

from __future__ import annotations

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.coupling.drift_faces import SAME
from hybridrd.kernels.uneven import Medium
from hybridrd.model.drift import Drift
from hybridrd.particles.mask_faces import cell_runs
from hybridrd.particles.region import Region


def medium(drift: Drift, region: Region, dt: float) -> Medium:
    """The diffusion and drift of a species with non-uniform D in the cells of a particle region.

    For a region other than a box these are the cells of the domain; a jump counts only within the
    run of cells in which a particle moves.
    """
    inner, mask, cells = region.inner, region.mask, region.inner_cells
    if not region.is_box:
        inner, mask, cells = region.grid, np.ones(region.grid.cells, bool), region.cells
    firsts, lasts = _runs(region)
    D = drift.D[mask]
    jump, beyond, bend, work, slope, tilt, around = np.zeros((7, len(inner.shape), len(D)))
    for a, h in enumerate(inner.spacing):
        rows = np.moveaxis(inner.unflatten(D), a, 0)
        up = np.moveaxis(inner.unflatten(drift.up[a][mask]), a, 0)
        run = tuple(np.moveaxis(inner.unflatten(each[a]), a, 0) for each in (firsts, lasts))
        at, other = _jumps(rows, h, dt, run)
        line = np.where(np.isnan(at), _slopes(np.sqrt(rows), run) / h, 0.0)
        before = np.concatenate([np.zeros_like(up[:1]), np.cumsum(up[:-1], axis=0)])
        once = np.broadcast_to(up.sum(axis=0), up.shape)
        for to, of in (
            (jump, inner.lower[a] + h * at), (beyond, np.sqrt(other)), (bend, line),
            (work, before), (around, once),
        ):  # fmt: skip
            to[a] = inner.flatten(np.moveaxis(of, 0, a))
        slope[a] = drift.across[a][mask] / h
        tilt[a] = slope[a] - drift.flow[a][mask] / h
    return Medium(cells, D, jump, beyond, bend, work, slope, tilt, around)


def _runs(region: Region) -> tuple[Integers, Integers]:
    """First and one past the last cell of each cell's run; equal in a periodic row."""
    if not region.is_box:
        return cell_runs(region.parts)
    shape, wrapped = np.array(region.inner.shape), np.array(region.wrapped)
    last = np.repeat(np.where(wrapped, 0, shape)[:, None], region.inner.cells, axis=1)
    return np.zeros_like(last), last


def _slopes(root: Floats, run: tuple[Integers, ...]) -> Floats:
    """Central differences over a cell of sqrt(D), at the ends one-sided; at most sqrt(D)."""
    n, (first, last) = len(root), run
    k = np.arange(n).reshape(-1, *[1] * (root.ndim - 1))
    ring = first == last
    up = np.where(ring, (k + 1) % n, np.minimum(k + 1, last - 1))
    down = np.where(ring, (k - 1) % n, np.maximum(k - 1, first))
    apart = (up - down) % n
    rise = np.take_along_axis(root, up % n, 0) - np.take_along_axis(root, down % n, 0)
    return np.asarray(np.clip(rise / np.where(apart == 0, 1, apart), -root, root))


def _jumps(D: Floats, h: float, dt: float, run: tuple[Integers, ...]) -> tuple[Floats, Floats]:
    """The jump of D within reach of each cell, and D beyond it.

    ``D`` has one row a cell along the axis. D jumps at a face where its logarithm changes by more
    than twice as much as at the faces beside it. Faces have the numbers of the cells above them,
    NaN for nowhere; a jump counts by its size, and by how likely it is reached from the cell.
    """
    (first, last), n, spread = run, len(D), np.sqrt(2.0 * D * dt)
    cells = np.arange(n).reshape(-1, *[1] * (D.ndim - 1))
    ring = first == last
    reach = min(int(np.ceil(6.0 * spread.max() / h)), n - 1)
    size = np.abs(np.log(D / np.roll(D, 1, axis=0)))  # at the lower face of each cell
    size[~ring & (cells <= first)] = 0.0  # also those of cells that are not in the region
    beside = np.maximum(np.roll(size, 1, axis=0), np.roll(size, -1, axis=0))
    size[size <= np.maximum(2.0 * beside, SAME)] = 0.0
    best, found, beyond = np.zeros_like(D), np.full_like(D, np.nan), D.copy()
    for m in range(-reach, reach + 2):
        k = cells + m
        inside = ring | ((k > first) & (k < last))
        far = max(abs(m - 0.5) - 0.5, 0.0) * h / spread
        score = size[k.ravel() % n] * np.exp(-0.5 * far**2)
        score[~inside] = 0.0
        better = score > np.maximum(best, SAME)
        best = np.where(better, score, best)
        found = np.where(better, k, found)
        beyond = np.where(better, D[(k if m > 0 else k - 1).ravel() % n], beyond)
    return found, beyond
