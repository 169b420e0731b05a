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

from hybridrd.kernels._jit import jit
from hybridrd.kernels.arrays import Cells, axis_cell
from hybridrd.kernels.rng import BRIDGE, DRIFT, REMOVE, first_touch_draw, touch_draw, uniforms
from hybridrd.kernels.walk import (
    OPEN,
    PARTIAL,
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
_FAR = 40.0  # in D dt: from a wall with a larger product of depths, the chance to touch is e^-40


class Force(NamedTuple):
    """How far one species drifts in a step.

    Parameters
    ----------
    cells
        Cells of the particle region.
    shifts
        ``v dt`` along each axis in each cell, ``(d, cells)`` (length); ``(d, 1)`` where it is the
        same in all.
    """

    cells: Cells
    shifts: np.ndarray


@jit
def reflected(d0, d1, Ddt, u):
    """Depth at the end of a move from depth ``d0`` to ``d1`` that depth 0 reflects.

    The lowest depth of the bridge between them, with u uniform, is how far it has been pushed back:
    ``m = (d0 + d1 - sqrt((d0 - d1)² - 4 D dt ln u))/2``.
    """
    least = 0.5 * (d0 + d1 - math.sqrt((d0 - d1) ** 2 - 4.0 * Ddt * math.log(u)))
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
def _drifts(x, begin, force, kinds, low, high, sd, moves, carried):
    """The drift of each particle of a block, ``carried``; adds it to ``moves`` (in units of sd).

    Where it is the same everywhere ``carried`` has it already.
    """
    d, n = moves.shape
    shifts = force.shifts
    origin, _, inverse, shape = force.cells
    if shifts.shape[1] == 1:
        for a in range(d):
            shift, row = shifts[a, 0] / sd, moves[a]
            for i in range(n):
                row[i] += shift
        return
    for i in range(n):
        here = there = 0
        for a in range(d - 1, -1, -1):
            here = here * shape[a] + axis_cell(x[a, begin + i], origin[a], inverse[a], shape[a])
        for a in range(d - 1, -1, -1):
            end = x[a, begin + i] + shifts[a, here] + sd * moves[a, i]
            if not low[a] <= end < high[a]:
                wraps = kinds[a, 0] == WRAP
                end = wrap(end, low[a], high[a]) if wraps else fold(end, low[a], high[a])
            there = there * shape[a] + axis_cell(end, origin[a], inverse[a], shape[a])
        for a in range(d):
            shift = 0.5 * (shifts[a, here] + shifts[a, there])
            carried[a, i] = shift
            moves[a, i] += shift / sd


@jit
def _confined(x0, x1, low, high, kinds, Ddt, key, address, step, axis):
    """The end of a move after the sides that reflect, partially absorbing ones too."""
    for side in range(2):
        if kinds[side] == OPEN:
            continue
        d0, d1 = (x0 - low, x1 - low) if side == 0 else (high - x0, high - x1)
        if d1 <= 0.0 or d0 * d1 < _FAR * Ddt:
            u, _ = uniforms(key, address, step, DRIFT, 2 * axis + side)
            depth = reflected(d0, d1, Ddt, u)
            x1 = low + depth if side == 0 else high - depth
    if kinds[0] != OPEN and kinds[1] != OPEN:
        x1 = fold(x1, low, high)
    return x1


@jit
def _ends(kind, d0, d1, gamma, inward, Ddt, key, address, step, draw):
    """Whether a move ends at a side that is open or partially absorbing."""
    if kind == PARTIAL and gamma > 0.0 and d0 * d1 < _FAR * Ddt:
        u, _ = uniforms(key, address, step, BRIDGE, draw)
        return u >= survival_drifting(d0, d1, gamma, inward, Ddt)
    return kind == OPEN and touches(kind, d0, d1, gamma, Ddt, key, address, step, BRIDGE, draw)


@jit
def _walled_row(x, moved, Ddt, walls, axis, ids, key, step, exits, times):
    """One axis with walls; returns how many particles ended at one, see `walk.move`.

    ``moved`` has the displacements (in units of sd) and, of them, the drifts (length).
    """
    move, carried = moved
    sd = math.sqrt(2.0 * Ddt)
    low, high, kinds = walls.low[axis], walls.high[axis], walls.kinds[axis]
    far, closed = _FAR * Ddt, kinds[0] != OPEN and kinds[1] != OPEN
    ended = 0
    for i in range(x.shape[0]):
        x0 = x[i]
        x1 = x0 + sd * move[i]
        if low < x1 < high and min((x0 - low) * (x1 - low), (high - x0) * (high - x1)) > far:
            x[i] = fold(x1, low, high) if closed else x1
            continue
        x1 = _confined(x0, x0 + sd * move[i], low, high, kinds, Ddt, key, ids[i], step, axis)
        x[i] = x1
        for side in range(2):
            d0, d1 = (x0 - low, x1 - low) if side == 0 else (high - x0, high - x1)
            inward = carried[i] if side == 0 else -carried[i]
            face, gamma = 2 * axis + side, walls.gammas[axis, side]
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
    low, high, kinds, _ = walls
    before, times = np.empty((d, _BLOCK)), np.empty(_BLOCK)
    moves, carried = np.empty((d, _BLOCK)), np.empty((d, _BLOCK))
    for a in range(d):
        carried[a] = force.shifts[a, 0]
    ended = 0
    for begin in range(start, stop, _BLOCK):
        end = min(stop, begin + _BLOCK)
        n = end - begin
        named, left_at = ids[begin:end], exits[begin:end]
        displacements(d, named, key, step, moves)
        _drifts(x, begin, force, kinds, low, high, sd, moves[:, :n], carried)
        if d > 1:
            for a in range(d):
                for i in range(n):
                    before[a, i] = x[a, begin + i]
        left = 0
        for a in range(d):
            row = x[a][begin:end]
            if kinds[a, 0] == WRAP:
                _wrap_row(row, moves[a], sd, low[a], high[a])
            else:
                moved = moves[a], carried[a]
                left += _walled_row(row, moved, Ddt, walls, a, named, key, step, left_at, times)
        if left > 0 and d > 1:
            here = x[:, begin:end]
            _leave_there(here, before, moves, Ddt, walls, named, key, step, left_at, times)
        ended += left
    return ended


@jit
def layer_remove(x, ids, start, stop, face, width, survival, key, step, gone):
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
