"""Cells as a species of uneven diffusion meets them: jumps and slopes of D, and the potential."""

from __future__ import annotations

import numpy as np

from hybridrd.arrays import Floats
from hybridrd.coupling.drift_faces import SAME
from hybridrd.kernels.uneven import Medium
from hybridrd.model.drift import Drift
from hybridrd.particles.region import Region


def medium(drift: Drift, region: Region, dt: float) -> Medium:
    """What a species of uneven diffusion meets in the cells of a particle region."""
    inner, mask = region.inner, region.mask
    D = drift.D[mask]
    jump, beyond, bend, work, slope, tilt, around = np.zeros((7, len(inner.shape), len(D)))
    for a, h in enumerate(inner.spacing):
        rows = np.moveaxis(inner.unflatten(D), a, 0)
        up = np.moveaxis(inner.unflatten(drift.up[a][mask]), a, 0)
        at, other = _jumps(rows, h, dt, region.wrapped[a])
        line = np.where(np.isnan(at), _slopes(np.sqrt(rows), region.wrapped[a]) / h, 0.0)
        before = np.concatenate([np.zeros_like(up[:1]), np.cumsum(up[:-1], axis=0)])
        once = np.broadcast_to(up.sum(axis=0), up.shape)
        for to, of in (
            (jump, inner.lower[a] + h * at), (beyond, np.sqrt(other)), (bend, line),
            (work, before), (around, once),
        ):  # fmt: skip
            to[a] = inner.flatten(np.moveaxis(of, 0, a))
        slope[a] = drift.across[a][mask] / h
        tilt[a] = slope[a] - drift.flow[a][mask] / h
    return Medium(region.inner_cells, D, jump, beyond, bend, work, slope, tilt, around)


def _slopes(root: Floats, wrapped: bool) -> Floats:
    """Central differences over a cell of sqrt(D), at the ends one-sided; at most sqrt(D)."""
    n = len(root)
    k = np.arange(n)
    up, down = (
        ((k + 1) % n, (k - 1) % n) if wrapped else (np.minimum(k + 1, n - 1), np.maximum(k - 1, 0))
    )
    apart = np.where(up == down, 1, (up - down) % n)
    change = (root[up] - root[down]) / apart.reshape(-1, *[1] * (root.ndim - 1))
    return np.asarray(np.clip(change, -root, root))


def _jumps(D: Floats, h: float, dt: float, wrapped: bool) -> tuple[Floats, Floats]:
    """The jump of D within reach of each cell, and D beyond it.

    ``D`` has one row a cell along the axis. D jumps at a face where its logarithm changes by more
    than twice as much as at the faces beside it. Faces have the numbers of the cells above them,
    NaN for nowhere; a jump counts by its size, and by how likely it is reached from the cell.
    """
    n, spread = len(D), np.sqrt(2.0 * D * dt)
    reach = min(int(np.ceil(6.0 * spread.max() / h)), n - 1)
    size = np.abs(np.log(D / np.roll(D, 1, axis=0)))  # at the lower face of each cell
    if not wrapped:
        size[0] = 0.0
    beside = np.maximum(np.roll(size, 1, axis=0), np.roll(size, -1, axis=0))
    size[size <= np.maximum(2.0 * beside, SAME)] = 0.0
    best, found, beyond = np.zeros_like(D), np.full_like(D, np.nan), D.copy()
    cells = np.arange(n)
    for m in range(-reach, reach + 2):
        k = cells + m
        inside = np.ones(n, bool) if wrapped else (k > 0) & (k < n)
        far = max(abs(m - 0.5) - 0.5, 0.0) * h / spread
        score = size[k % n] * np.exp(-0.5 * far**2)
        score[~inside] = 0.0
        better = score > np.maximum(best, SAME)
        best = np.where(better, score, best)
        found = np.where(better, k.reshape(-1, *[1] * (D.ndim - 1)), found)
        beyond = np.where(better, D[k % n] if m > 0 else D[(k - 1) % n], beyond)
    return found, beyond
