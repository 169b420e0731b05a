"""Brownian steps of particles that drift, with the walls of a box.

The drift of a step is the mean of those in the cells where it starts and where it would end (Heun's
rule, of second order in the step where the drift changes slowly). For a drift that does not change
on the way the rest is exact: a wall that reflects pushes a particle back by as much as the Brownian
bridge from its start to its free end went through it, and the touch of an open wall, given start
and end, knows nothing of the drift.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.arrays import Cells, axis_cell, find_gone
from hybridrd.kernels.rng import (
    BRIDGE,
    DRIFT,
    REMOVE,
    _log,
    first_touch_draw,
    touch_draw,
    uniform52,
    uniforms,
    words,
)
from hybridrd.kernels.walk import (
    OPEN,
    PARTIAL,
    REFLECT,
    WRAP,
    _leave_there,
    _wrap_row,
    displacements,
    first_touch,
    fold,
    survival_partial,
    touches,
    wrap,
)

_BLOCK = 1024
FAR = 30.0  # in D dt: from a wall with a larger product of depths, the chance to touch is e^-30


class Force(NamedTuple):
    """How far one species drifts in a step.

    Parameters
    ----------
    cells
        Cells of the particle region.
    shifts
        ``v dt`` along each axis in each cell, ``(d, cells)`` (length); ``(d, 1)`` where it is the
        same in all.
    gammas
        Reactivities of the faces ``2 axis + side`` (1/length), by face cell where they differ,
        ``(2 d, face cells)``, or ``(2 d, 1)``.
    """

    cells: Cells
    shifts: np.ndarray
    gammas: np.ndarray


@inlined
def pushed_back(d0, d1, Ddt, u):
    """Depth at the end of a move from depth ``d0`` to ``d1`` that depth 0 reflects.

    The lowest depth of the bridge between them, with u uniform, is how far it has been pushed back:
    ``m = (d0 + d1 - sqrt((d0 - d1)² - 4 D dt ln u))/2``.
    """
    least = 0.5 * (d0 + d1 - math.sqrt((d0 - d1) ** 2 - 4.0 * Ddt * _log(u)))
    return d1 - min(least, 0.0)


@jit
def survival_drifting(d0, d1, gamma, inward, Ddt):
    """`survival_partial` for a move that drifts away from the wall by ``inward`` (length).

    The drift v weights each path by ``exp(-v L/(2 D))``, L being its local time at the wall, as a
    reactivity of ``v/(2 D)`` would: the survival is the ratio of two without drift.
    """
    push = inward / (2.0 * Ddt)
    return survival_partial(d0, d1, gamma + push, Ddt) / survival_partial(d0, d1, push, Ddt)


@jit
def _locate(row, low, inverse, count, cells):
    """Add an axis, before those that are known, to the indices of cells."""
    for i in range(row.shape[0]):
        cells[i] = cells[i] * count + axis_cell(row[i], low, inverse, count)


@jit
def _proposed(row, move, drift, sd, low, high, wraps, ends):
    """Where moves with the drift of their first cell would end."""
    if wraps:
        for i in range(row.shape[0]):
            ends[i] = wrap(row[i] + (sd * move[i] + drift[i]), low, high)
    else:
        for i in range(row.shape[0]):
            ends[i] = fold(row[i] + (sd * move[i] + drift[i]), low, high)


@jit
def _load(shifts, cells, drift):
    for i in range(cells.shape[0]):
        drift[i] = shifts[cells[i]]


@jit
def _add_mean(shifts, cells, inverse, drift, move):
    """The mean of a drift and of those in other cells; adds it to the moves, in units of sd."""
    for i in range(cells.shape[0]):
        mean = 0.5 * (drift[i] + shifts[cells[i]])
        drift[i] = mean
        move[i] += mean * inverse


@jit
def _drift_by_cell(x, begin, end, force, walls, sd, moves, drifts, ends, cells):
    """Add the drift of each particle of a block to its move; ``drifts`` receives it."""
    d, n = x.shape[0], end - begin
    low, high, kinds = walls.low, walls.high, walls.kinds
    shifts, grid = force.shifts, force.cells
    origin, inverse, shape = grid.low, grid.inverse, grid.shape
    here = cells[:n]
    here[:] = 0
    for a in range(d - 1, -1, -1):
        _locate(x[a][begin:end], origin[a], inverse[a], shape[a], here)
    for a in range(d):
        _load(shifts[a], here, drifts[a])
    here[:] = 0
    for a in range(d - 1, -1, -1):
        wraps = kinds[a, 0] == WRAP
        _proposed(x[a][begin:end], moves[a], drifts[a], sd, low[a], high[a], wraps, ends)
        _locate(ends[:n], origin[a], inverse[a], shape[a], here)
    for a in range(d):
        _add_mean(shifts[a], here, 1.0 / sd, drifts[a], moves[a])


@jit
def _add(move, drift):
    for i in range(move.shape[0]):
        move[i] += drift


@jit
def _step(row, move, sd, low, high, far, before, near):
    """Move along an axis with walls; ``near`` receives who may have touched one of them."""
    for i in range(row.shape[0]):
        x0 = row[i]
        x1 = x0 + sd * move[i]
        before[i] = x0
        row[i] = x1
        product = min((x0 - low) * (x1 - low), (high - x0) * (high - x1))
        near[i] = np.uint8(1) if product < far else np.uint8(0)


@jit
def _push_back(row, before, found, wall, face, Ddt, ids, key, step, work):
    """Reflect those of the particles found that may have touched a face, at ``wall``."""
    d0, d1, u, named, at = work
    sign = 1.0 if face % 2 == 0 else -1.0
    m = 0
    for i in found:  # without a branch: who is near can't be foreseen
        first, last = sign * (before[i] - wall), sign * (row[i] - wall)
        d0[m], d1[m], named[m], at[m] = first, last, ids[i], i
        m += 1 if first * last < FAR * Ddt else 0
    for k in range(m):
        w0, w1, _, _ = words(key, named[k], step, DRIFT, face)
        u[k] = uniform52(w0, w1)
    for k in range(m):
        d1[k] = pushed_back(d0[k], d1[k], Ddt, u[k])
    for k in range(m):
        row[at[k]] = wall + sign * d1[k]


@jit
def _ends(kind, d0, d1, gamma, inward, Ddt, key, address, step, draw):
    """Whether a move ends at a side that is open or partially absorbing."""
    if kind == PARTIAL and gamma > 0.0 and d0 * d1 < FAR * Ddt:
        u, _ = uniforms(key, address, step, BRIDGE, draw)
        return u >= survival_drifting(d0, d1, gamma, inward, Ddt)
    return kind == OPEN and touches(kind, d0, d1, gamma, Ddt, key, address, step, BRIDGE, draw)


@jit
def _face_cell(origin, i, axis, shape, inverse, low):
    """The face cell of an axis that particle i had beside it where it began."""
    cell, size = 0, 1
    for a in range(origin.shape[0]):
        if a != axis:
            cell += size * axis_cell(origin[a, i], low[a], inverse[a], shape[a])
            size *= shape[a]
    return cell


@jit
def _walled_row(row, moves, Ddt, held, axis, ids, key, step, ended_at, scratch):
    """One axis with walls; returns how many particles ended at one, see `walk.move`.

    ``moves`` has the displacements (in units of sd), of them the drifts (length), and where they
    began; ``held`` the walls and the `Force`; ``ended_at`` the faces and times of those that ended.
    """
    move, drift, origin = moves
    walls, force = held
    exits, times = ended_at
    before, near, found, work = scratch
    n = row.shape[0]
    low, high, kinds = walls.low[axis], walls.high[axis], walls.kinds[axis]
    _step(row, move, math.sqrt(2.0 * Ddt), low, high, FAR * Ddt, before, near)
    m = find_gone(near.view(np.uint64), near, n, found)
    if m == 0:
        return 0
    met = found[:m]
    for side in range(2):
        if kinds[side] != OPEN:
            wall = low if side == 0 else high
            _push_back(row, before, met, wall, 2 * axis + side, Ddt, ids, key, step, work)
    if kinds[0] != OPEN and kinds[1] != OPEN:
        for k in range(m):
            row[met[k]] = fold(row[met[k]], low, high)
    if kinds[0] == REFLECT and kinds[1] == REFLECT:
        return 0
    ended = 0
    for k in range(m):
        i, j = met[k], 0
        x0, x1 = before[i], row[i]
        if force.gammas.shape[1] > 1:
            grid = force.cells
            j = _face_cell(origin, i, axis, grid.shape, grid.inverse, grid.low)
        for side in range(2):
            d0, d1 = (x0 - low, x1 - low) if side == 0 else (high - x0, high - x1)
            inward = drift[i] if side == 0 else -drift[i]
            face, gamma = 2 * axis + side, force.gammas[2 * axis + side, j]
            draw = touch_draw(face)
            if not _ends(kinds[side], d0, d1, gamma, inward, Ddt, key, ids[i], step, draw):
                continue
            time = first_touch(d0, d1, Ddt, key, ids[i], step, BRIDGE, first_touch_draw(face))
            if exits[i] == 0:
                ended += 1
            elif times[i] <= time:
                continue
            exits[i], times[i] = face + 1, time
    return ended


@jit
def drift_move(x, ids, start, stop, key, step, Ddt, walls, force, exits):
    """One step of particles ``start`` to ``stop`` with a drift; see `walk.move`."""
    d = x.shape[0]
    sd = math.sqrt(2.0 * Ddt)
    low, high, kinds, shifts = walls.low, walls.high, walls.kinds, force.shifts
    even, walled, closed = shifts.shape[1] == 1, False, True
    for a in range(d):
        for side in range(2):
            walled = walled or kinds[a, side] != WRAP
            closed = closed and (kinds[a, side] == WRAP or kinds[a, side] == REFLECT)
    moves = np.empty((d, _BLOCK))
    drifts = np.empty((0 if even and closed else d, _BLOCK))
    origin = np.empty((0 if closed or d == 1 else d, _BLOCK))
    cells, size = np.empty(0 if even else _BLOCK, np.int64), _BLOCK if walled else 0
    before, times, near, found = (
        np.empty(_BLOCK), np.empty(size), np.empty(size, np.uint8), np.empty(size, np.int64)
    )  # fmt: skip
    work = (
        np.empty(size), np.empty(size), np.empty(size), np.empty(size, np.uint64),
        np.empty(size, np.int64),
    )  # fmt: skip
    if even:
        for a in range(drifts.shape[0]):
            drifts[a] = shifts[a, 0]
    ended = 0
    for begin in range(start, stop, _BLOCK):
        end = min(stop, begin + _BLOCK)
        named, left_at = ids[begin:end], exits[begin:end]
        displacements(d, named, key, step, moves)
        if even:
            for a in range(d):
                _add(moves[a], shifts[a, 0] / sd)
        else:
            _drift_by_cell(x, begin, end, force, walls, sd, moves, drifts, before, cells)
        for a in range(origin.shape[0]):
            origin[a][: end - begin] = x[a][begin:end]
        left = 0
        for a in range(d):
            row = x[a][begin:end]
            if kinds[a, 0] == WRAP:
                _wrap_row(row, moves[a], sd, low[a], high[a])
            else:
                moved = moves[a], drifts[a if drifts.shape[0] > 0 else 0], origin
                held = walls, force
                scratch = before, near, found, work
                left += _walled_row(
                    row, moved, Ddt, held, a, named, key, step, (left_at, times), scratch
                )
        if left > 0 and d > 1:
            here = x[:, begin:end]
            _leave_there(here, origin, moves, Ddt, walls, named, key, step, left_at, times)
        ended += left
    return ended


@jit
def remove_drifting(x, ids, start, stop, face, width, survival, key, step, gone):
    """`exchange.layer_remove` where each face cell has a survival of its own."""
    axis, side, plane = face.axis, face.side, face.plane
    removed = 0
    for i in range(start, stop):
        depth = plane - x[axis, i] if side == 1 else x[axis, i] - plane
        if depth >= width or gone[i] != 0:
            continue
        u, _ = uniforms(key, ids[i], step, REMOVE, 2 * axis + side)
        if u >= survival[face_cell(x, i, face)]:
            gone[i] = np.uint8(2 * axis + side + 1)
            removed += 1
    return removed


@jit
def face_cell(x, i, face):
    """The face cell behind which particle i is."""
    axis, _, _, low, steps, counts = face
    cell, size = 0, 1
    for a in range(x.shape[0]):
        if a != axis:
            cell += size * axis_cell(x[a, i], low[a], 1.0 / steps[a], counts[a])
            size *= counts[a]
    return cell


@jit
def tilt(x, start, cells, face, width, slope):
    """Give arrivals, uniform in a layer, the density ``exp(slope * depth)``."""
    axis, side, plane, _, _, _ = face
    for k in range(cells.shape[0]):
        s = slope[cells[k]] * width
        if abs(s) > 1e-9:
            i = start + k
            depth = plane - x[axis, i] if side == 1 else x[axis, i] - plane
            depth = width / s * math.log1p(depth / width * math.expm1(s))
            x[axis, i] = plane - depth if side == 1 else plane + depth
