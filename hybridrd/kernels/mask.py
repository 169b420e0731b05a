"""Brownian steps and exchange of particles in a region of any shape, a mask of cells.

Each coordinate in turn is reflected at the ends of its run of cells in the row, which leaves the
uniform measure on the region unchanged at every time step. The order of the axes is reversed in odd
steps.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import jit
from hybridrd.kernels.arrays import Cells, axis_cell, cell_of
from hybridrd.kernels.binomial import binomial
from hybridrd.kernels.exchange import FED, enter
from hybridrd.kernels.poisson import poisson
from hybridrd.kernels.rng import (
    ARRIVALS,
    ARRIVE,
    BRIDGE,
    ENTER,
    LAST_DRAW,
    MASK_DRAW,
    REMOVE,
    normal_pair,
    touch_draw,
    uniforms,
)
from hybridrd.kernels.walk import OPEN, REFLECT, displacements, fold, land, touches, wrap

# Codes for the neighbour of a cell that is not a cell of the continuum.
CLOSED, WALL = -1, -2
# Of a cell: how far from the end of its run a particle is put that round-off took out of it.
_INSIDE = 1e-9
_BLOCK = 1024


class Runs(NamedTuple):
    """The region for kernels.

    Parameters
    ----------
    first, last
        ``[axis, cell]``: the run of region cells, see `hybridrd.particles.mask_faces.cell_runs`.
    lower, upper
        Where the run begins and ends (length); beyond the domain where it goes through a periodic
        wall.
    edges
        Faces of the cells along each axis, one row each, filled up with NaN.
    periodic
        Whether the domain is periodic along each axis.
    cells
        The cells of the domain.
    """

    first: np.ndarray
    last: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    edges: np.ndarray
    periodic: np.ndarray
    cells: Cells


class Side(NamedTuple):
    """The domain's wall in one direction, where a species leaves the cells of a region for it.

    Parameters
    ----------
    beyond
        The cell beyond each cell of the domain, `CLOSED` or `WALL`.
    face
        The direction, ``2 axis + side``.
    survival
        Probability to stay, by cell of the domain.
    """

    beyond: np.ndarray
    face: int
    survival: np.ndarray


@jit
def _touched(a, depths, below, above, gammas, Ddt, key, address, step):
    """The side of a run that a move ended at, -1 for none; ``depths`` are two from each side."""
    for side in range(2):
        d0, d1 = depths[2 * side], depths[2 * side + 1]
        kind, draw = (below if side == 0 else above), touch_draw(2 * a + side)
        if touches(kind, d0, d1, gammas[a, side], Ddt, key, address, step, BRIDGE, draw):
            return side
    return -1


@jit
def _walled_end(x0, x1, a, run, n, walls, Ddt, key, address, step):
    """Where a move in a run that ends at a wall of the domain ends, and the side it ended at."""
    _, _, kinds, gammas = walls
    f, l, lower, upper = run
    below = kinds[a, 0] if f == 0 else REFLECT
    above = kinds[a, 1] if l == n else REFLECT
    x1 = land(x1, lower, upper, below, above)
    depths = x0 - lower, x1 - lower, upper - x0, upper - x1
    return x1, _touched(a, depths, below, above, gammas, Ddt, key, address, step)


@jit
def _move_along(a, particles, at, flat, runs, walls, Ddt, key, step):
    """One axis of a block of particles, in cells ``flat``, ``at`` along it; how many ended."""
    x, ids, moves, gone = particles
    n, low, inverse = runs.cells.shape[a], runs.cells.low[a], runs.cells.inverse[a]
    bottom, top = runs.edges[a, 0], runs.edges[a, n]
    period, inset = top - bottom, _INSIDE * runs.cells.width[a]
    periodic = runs.periodic[a]
    walled_low = walls.kinds[a, 0] != REFLECT and not periodic
    walled_high = walls.kinds[a, 1] != REFLECT and not periodic
    firsts, lasts, lowers, uppers = runs.first[a], runs.last[a], runs.lower[a], runs.upper[a]
    sd, ended, d, stride = math.sqrt(2.0 * Ddt), 0, runs.cells.shape.shape[0], 1
    for b in range(a):
        stride *= runs.cells.shape[b]
    for i in range(x.shape[0]):
        cell, x0 = flat[i], x[i]
        x1 = x0 + sd * moves[i]
        f, l, lower, upper = run = firsts[cell], lasts[cell], lowers[cell], uppers[cell]
        if f == l:
            x1 = wrap(x1, bottom, top)
            after = axis_cell(x1, low, inverse, n)
        else:
            if (walled_low and f == 0) or (walled_high and l == n):
                x1, side = _walled_end(x0, x1, a, run, n, walls, Ddt, key, ids[i], step)
                if side >= 0 and gone[i] == 0:
                    gone[i] = np.uint8(2 * d + 2 * a + side + 1)
                    ended += 1
            else:
                x1 = fold(x1, lower, upper)
            after = np.int64(np.floor((x1 - low) * inverse))
            if after < f or x1 <= lower:
                after, x1 = max(after, f), max(x1, lower + inset)
            if after >= l or x1 >= upper:
                after, x1 = min(after, l - 1), min(x1, upper - inset)
            if periodic:
                if after < 0:
                    after, x1 = after + n, x1 + period
                elif after >= n:
                    after, x1 = after - n, x1 - period
        x[i] = x1
        flat[i] = cell + (after - at[i]) * stride
    return ended


@jit
def move_in_mask(x, ids, start, stop, key, step, Ddt, runs, walls, gone):
    """One Brownian step of particles ``start`` to ``stop``; returns how many ended at a wall.

    ``walls`` are those of the domain; what ends there is marked by ``2 d + 2 axis + side + 1`` in
    ``gone``.
    """
    d = x.shape[0]
    low, _, inverse, shape = runs.cells
    moves, at = np.empty((d, _BLOCK)), np.empty((d, _BLOCK), np.int64)
    flat = np.empty(_BLOCK, np.int64)
    ended = 0
    for begin in range(start, stop, _BLOCK):
        end = min(stop, begin + _BLOCK)
        displacements(d, ids[begin:end], key, step, moves)
        flat[:] = 0
        stride = 1
        for a in range(d):
            row, where = x[a, begin:end], at[a]
            for i in range(end - begin):
                where[i] = axis_cell(row[i], low[a], inverse[a], shape[a])
                flat[i] += stride * where[i]
            stride *= shape[a]
        for turn in range(d):
            a = turn if step % 2 == 0 else d - 1 - turn
            block = x[a, begin:end], ids[begin:end], moves[a], gone[begin:end]
            ended += _move_along(a, block, at[a], flat, runs, walls, Ddt, key, step)
    return ended


@jit
def remove_to_wall(x, ids, start, stop, cells, side, key, step, gone):
    """Mark particles in a cell at a `Side`, each with probability 1 - survival; how many."""
    d = x.shape[0]
    beyond, face, survival = side
    removed = 0
    for i in range(start, stop):
        if gone[i] != 0:
            continue
        cell = cell_of(x, i, cells)
        if beyond[cell] != WALL:
            continue
        u, _ = uniforms(key, ids[i], step, REMOVE, face)
        if u >= survival[cell]:
            gone[i] = np.uint8(2 * d + face + 1)
            removed += 1
    return removed


@jit
def remove_to_cells(x, ids, start, stop, cells, bounds, key, step, gone):
    """Mark the particles that leave for a cell of the continuum beside theirs; how many.

    ``bounds[direction, cell]`` is the probability to leave in a direction up to this one.
    """
    last = bounds.shape[0] - 1
    removed = 0
    for i in range(start, stop):
        cell = cell_of(x, i, cells)
        most = bounds[last, cell]
        if most == 0.0:
            continue
        u, _ = uniforms(key, ids[i], step, REMOVE, MASK_DRAW)
        if u < most:
            face = 0
            while u >= bounds[face, cell]:
                face += 1
            gone[i] = np.uint8(face + 1)
            removed += 1
    return removed


@jit
def credit_exits(x, gone, gaps, cells, beyond, counts, credit):
    """Count the particles ``gaps`` that left: by ``gone - 1``, and in the cell beyond their own."""
    d = x.shape[0]
    for i in gaps:
        code = gone[i] - 1
        counts[code] += 1
        if code < 2 * d:
            credit[beyond[code, cell_of(x, i, cells)]] += 1


@jit
def _deepen(depth, a, side, run, n, walls):
    """Where an arrival in a run is that went in so deep from its end, and whether it is still."""
    f, l, lower, upper = run
    far_open = walls.kinds[a, 1 - side] == OPEN and (l == n if side == 0 else f == 0)
    position = lower + depth if side == 0 else upper - depth
    return fold(position, lower, upper), not far_open or lower < position < upper


@jit
def spread_along(a, axis, cell, low, width, shape, key, address, step, purpose):
    """Place of an arrival at a wall along axis a, within its cell, and how far it is to walk."""
    for b in range(a):
        cell //= shape[b]
    n1, n2 = normal_pair(key, address, step, purpose, 3)
    first = a == (1 if axis == 0 else 0)
    _, place = uniforms(key, address, step, purpose, 2 if first else 4)
    at = cell % shape[a]
    return low[a] + width[a] * (at + place), at, n1 if first else n2


@jit
def enter_from_wall(particles, start, cells, face, entry, runs, walls, key, step, kept):
    """Place arrivals through an influx wall or a leaky one, see `exchange.plane_place`.

    Each enters at its cell, goes in so deep along the axis of the wall, and along the others walks
    in the region as the particles do: through an influx wall for its age, through a leaky one for
    the whole step, as those do that leave; so a uniform state is stationary in any shape. What
    walks into another wall is marked in ``gone``. Returns how many are kept.
    """
    x, ids, gone = particles
    axis, side = face
    low, width, inverse, shape = runs.cells
    d = x.shape[0]
    purpose = ENTER if entry.way == FED else ARRIVE
    moves, at, flat = np.empty((d, 1)), np.empty((d, 1), np.int64), np.empty(1, np.int64)
    m = start
    for k in range(cells.shape[0]):
        address = ids[start + k]
        kind, gamma = walls.kinds[axis, side], walls.gammas[axis, side]
        age, depth, chance = enter(entry, kind, gamma, key, address, step, purpose)
        w, _ = uniforms(key, address, step, purpose, 2)
        fraction = age / entry.dt
        alive = w < chance * (entry.end[k] + fraction * (entry.start[k] - entry.end[k]))
        ids[m], flat[0] = address, cells[k]
        for a in range(d):
            x[a, m], at[a, 0], moves[a, 0] = spread_along(
                a, axis, cells[k], low, width, shape, key, address, step, purpose
            )
        Ddt = entry.D * (age if entry.way == FED else entry.dt)
        for turn in range(d):
            a = turn if step % 2 == 0 else d - 1 - turn
            if a != axis:
                block = x[a, m : m + 1], ids[m : m + 1], moves[a], gone[m : m + 1]
                _move_along(a, block, at[a], flat, runs, walls, Ddt, key, step)
                continue
            cell, stride = flat[0], 1
            for b in range(a):
                stride *= shape[b]
            run = runs.first[a, cell], runs.last[a, cell], runs.lower[a, cell], runs.upper[a, cell]
            x[a, m], stays = _deepen(depth, a, side, run, shape[a], walls)
            alive = alive and stays
            after = axis_cell(x[a, m], low[a], inverse[a], shape[a])
            after = min(max(after, run[0]), run[1] - 1)
            flat[0] += (after - at[a, 0]) * stride
        kept[k] = 1 if alive else 0
        if alive:
            m += 1
        else:
            gone[m] = 0
    return m - start


@jit
def arrivals_in_cells(means, cells, key, address, step, counts):
    """A Poisson number for each cell, at the addresses of the cells; returns their sum."""
    total = 0
    for j in range(means.shape[0]):
        here = np.uint64(address) + np.uint64(cells[j])
        counts[j] = poisson(means[j], key, here, step, ARRIVALS)
        total += counts[j]
    return total


@jit
def donations_to_cells(contents, chances, cells, key, address, step, counts):
    """Like `arrivals_in_cells`, with binomial numbers of contents, rounded at random."""
    total = 0
    for j in range(contents.shape[0]):
        here = np.uint64(address) + np.uint64(cells[j])
        content = max(contents[j], 0.0)
        whole = math.floor(content)
        u, _ = uniforms(key, here, step, ARRIVALS, LAST_DRAW)
        n = int(whole) + (1 if u < content - whole else 0)
        counts[j] = binomial(n, chances[j], key, here, step, ARRIVALS)
        total += counts[j]
    return total


@jit
def choose_cells(ids, bounds, key, purpose, draw, cells):
    """For each particle an index into increasing numbers, the first above a uniform number."""
    most = bounds[bounds.shape[0] - 1]
    for k in range(ids.shape[0]):
        u, _ = uniforms(key, ids[k], 0, purpose, draw)
        cells[k] = min(np.searchsorted(bounds, u * most, side="right"), bounds.shape[0] - 1)
