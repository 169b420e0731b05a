"""Brownian steps of particles that drift, with the walls of a box.

The drift of a step is the mean of those in the cells where it starts and where it would end (Heun's
rule, of second order in the step if the drift changes slowly). For a constant drift the rest is
exact: a reflecting wall pushes a particle back by as much as the Brownian bridge from its start to
its free end went through it, and the probability to touch an open wall, given start and end, does
not depend on the drift.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.arrays import Cells, axis_cell
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
_PART = 16
FAR = 24.0  # in D dt: from a wall with a larger product of depths, the chance to touch is e^-24


class Force(NamedTuple):
    """How far one species drifts in a step.

    Parameters
    ----------
    cells
        Cells of the particle region.
    shifts
        ``v dt`` (length) of all axes: that along axis a, in the cell of the indices ``i_b`` along
        the axes b, is at ``first[a] + sum_b strides[a, b] i_b``.
    first, strides
        Strides are 0 along axes on which it does not depend, ``(d,)`` and ``(d, d)``.
    gammas
        Reactivities of the faces ``2 axis + side`` (1/length), by face cell where they differ,
        ``(2 d, face cells)``, or ``(2 d, 1)``.
    """

    cells: Cells
    shifts: np.ndarray
    first: np.ndarray
    strides: np.ndarray
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


@inlined
def _place_in_table(x, low, inverse, last, stride):
    """What the cell of a coordinate along one axis adds to a place in a table."""
    cell = min(max(np.floor((x - low) * inverse), 0.0), last)
    return stride * np.uint32(np.int32(cell))  # processors convert to 32 bits in vectors


@jit
def _locate(row, cells, stride, places):
    """Add an axis, on which there are ``cells``, to places in a table."""
    low, inverse, last = cells
    for i in range(row.shape[0]):
        places[i] += _place_in_table(row[i], low, inverse, last, stride)


@jit
def _locate_ends(row, move, drift, sd, box, cells, stride, places):
    """The same for where moves with the drift of their first cell would end.

    ``box`` has the ends of the axis and whether it is periodic, ``cells`` where they begin.
    """
    (low, high, wraps), (first, inverse, last) = box, cells
    if wraps:
        for i in range(row.shape[0]):
            end = wrap(row[i] + (sd * move[i] + drift[i]), low, high)
            places[i] += _place_in_table(end, first, inverse, last, stride)
    else:
        for i in range(row.shape[0]):
            end = fold(row[i] + (sd * move[i] + drift[i]), low, high)
            places[i] += _place_in_table(end, first, inverse, last, stride)


@jit
def _load(table, places, first, last, out):
    """The drifts along the axes from first to last, which stand side by side."""
    row = out[first]
    if last == first + 1:
        for i in range(places.shape[0]):
            row[i] = table[places[i]]
    elif last == first + 2:
        second = out[first + 1]
        for i in range(places.shape[0]):
            at = places[i]
            row[i], second[i] = table[at], table[at + np.uint32(1)]
    else:
        second, third = out[first + 1], out[first + 2]
        for i in range(places.shape[0]):
            at = places[i]
            row[i], second[i] = table[at], table[at + np.uint32(1)]
            third[i] = table[at + np.uint32(2)]


@jit
def _add_mean(drift, after, inverse, move):
    """The mean of a drift and of that at the end; adds it to the moves, in units of sd."""
    for i in range(move.shape[0]):
        mean = 0.5 * (drift[i] + after[i])
        drift[i] = mean
        move[i] += mean * inverse


@jit
def _varies(force, a):
    """Whether the drift along an axis depends on the place."""
    varies = False
    for b in range(force.first.shape[0]):
        varies = varies or force.strides[a, b] != 0
    return varies


@jit
def _last_alike(force, a):
    """One past the last axis along which the drift depends on the place as along axis a."""
    last = a + 1
    while last < force.first.shape[0]:
        for b in range(force.first.shape[0]):
            if force.strides[a, b] != force.strides[last, b]:
                return last
        last += 1
    return last


@jit
def _read_table(ended, x, block, force, walls, sd, moves, drifts, places, out):
    """Drifts where particles are, or where they would have ``ended``, of those that vary."""
    d, (begin, end), a = x.shape[0], block, 0
    grid, here = force.cells, places[: end - begin]
    while a < d:
        last = _last_alike(force, a)
        if _varies(force, a):
            here[:] = 0
            for b in range(d):
                stride, row = np.uint32(force.strides[a, b]), x[b][begin:end]
                cells = grid.low[b], grid.inverse[b], grid.shape[b] - 1.0
                if stride != 0 and ended:
                    box = walls.low[b], walls.high[b], walls.kinds[b, 0] == WRAP
                    _locate_ends(row, moves[b], drifts[b], sd, box, cells, stride, here)
                elif stride != 0:
                    _locate(row, cells, stride, here)
            _load(force.shifts[force.first[a] :], here, a, last, out)
        a = last


@inlined
def _drift_by_cell(x, block, force, walls, sd, moves, drifts, after, places):
    """Add the drift of each particle of a block to its move; ``drifts`` receives it."""
    _read_table(False, x, block, force, walls, sd, moves, drifts, places, drifts)
    _read_table(True, x, block, force, walls, sd, moves, drifts, places, after)
    for a in range(x.shape[0]):
        if _varies(force, a):
            _add_mean(drifts[a], after[a], 1.0 / sd, moves[a])
        else:
            _add(moves[a], drifts[a, 0] / sd)


@jit
def _add(move, drift):
    for i in range(move.shape[0]):
        move[i] += drift


@inlined
def _step(row, move, sd, low, high, far, before, near):
    """Move along an axis with walls; ``near`` receives who may have touched one of them."""
    for i in range(row.shape[0]):
        x0 = row[i]
        x1 = x0 + sd * move[i]
        before[i] = x0
        row[i] = x1
        product = min((x0 - low) * (x1 - low), (high - x0) * (high - x1))
        near[i] = np.uint8(1) if product < far else np.uint8(0)


@inlined
def _list_near(near, n, marked, found):
    """Positions of the first n that are near, ascending; returns how many.

    Without branches, which would be unpredictable: first the groups of eight with any near, then
    the positions in those groups.
    """
    eights, some, m = near.view(np.uint64), 0, 0
    for i in range(n, near.shape[0]):
        near[i] = 0
    for w in range((n + 7) // 8):
        marked[some] = w
        some += eights[w] != 0
    for k in range(some):
        for i in range(8 * marked[k], 8 * marked[k] + 8):
            found[m] = i
            m += near[i]
    return m


@inlined
def _push_back(row, before, found, wall, face, Ddt, ids, key, step, work):
    """Reflect those of the particles found that may have touched a face, at ``wall``.

    Filled up to a number that vectorises whole.
    """
    (d0, d1, u), (named, at) = work
    sign = 1.0 if face % 2 == 0 else -1.0
    m = 0
    for i in found:  # without a branch: who is near can't be foreseen
        first, last = sign * (before[i] - wall), sign * (row[i] - wall)
        d0[m], d1[m], named[m], at[m] = first, last, ids[i], i
        m += 1 if first * last < FAR * Ddt else 0
    d0[m : m + _PART], d1[m : m + _PART], named[m : m + _PART] = 1.0, 1.0, 0
    whole = (m + _PART - 1) // _PART * _PART
    for k in range(whole):
        w0, w1, _, _ = words(key, np.uint64(named[k]), step, DRIFT, face)
        u[k] = uniform52(w0, w1)
    for k in range(whole):
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


@inlined
def _walled_row(row, moves, Ddt, held, axis, ids, key, step, ended_at, scratch):
    """One axis with walls; returns how many particles ended at one, see `walk.move`.

    ``moves`` has the displacements (in units of sd), of them the drifts (length), and where they
    began; ``held`` the walls and the `Force`; ``ended_at`` the faces and times of those that ended.
    """
    move, drift, origin = moves
    walls, force = held
    exits, times = ended_at
    before, near, marked, found, work = scratch
    n = row.shape[0]
    low, high, kinds = walls.low[axis], walls.high[axis], walls.kinds[axis]
    _step(row, move, math.sqrt(2.0 * Ddt), low, high, FAR * Ddt, before, near)
    m = _list_near(near, n, marked, found)
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
    low, high, kinds = walls.low, walls.high, walls.kinds
    even, walled, closed = True, False, True
    for a in range(d):
        even = even and not _varies(force, a)
        for side in range(2):
            walled = walled or kinds[a, side] != WRAP
            closed = closed and (kinds[a, side] == WRAP or kinds[a, side] == REFLECT)
    tracks, varies, size = not (even and closed), not even, _BLOCK if walled else 0
    # Few arrays: with some 1,000 particles the time that it takes to make them counts.
    some = np.empty((d + d * tracks + d * varies + (0 if closed or d == 1 else d), _BLOCK))
    moves, some = some[:d], some[d:]
    drifts, some = some[: d * tracks], some[d * tracks :]
    after, origin = some[: d * varies], some[d * varies :]
    places = np.empty(_BLOCK * varies, np.uint32)
    rows, whole = np.empty((5, size + _PART)), np.empty((4, size + _PART), np.int64)
    before, times, near = rows[0], rows[1], np.empty(size, np.uint8)
    work = (rows[2], rows[3], rows[4]), (whole[0], whole[1])
    scratch = before, near, whole[2], whole[3], work
    for a in range(drifts.shape[0]):
        drifts[a] = force.shifts[force.first[a]]
    ended = 0
    for begin in range(start, stop, _BLOCK):
        end = min(stop, begin + _BLOCK)
        named, left_at = ids[begin:end], exits[begin:end]
        displacements(d, named, key, step, moves)
        if even:
            for a in range(d):
                _add(moves[a], force.shifts[force.first[a]] / sd)
        else:
            _drift_by_cell(x, (begin, end), force, walls, sd, moves, drifts, after, places)
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
def tilt(x, start, cells, face, width, slope, along):
    """Give arrivals, uniform in a layer, the density ``exp(slope * depth - along . y)``."""
    axis, side, plane, low, steps, _ = face
    for k in range(cells.shape[0]):
        i = start + k
        s = slope[cells[k]] * width
        if abs(s) > 1e-9:
            depth = plane - x[axis, i] if side == 1 else x[axis, i] - plane
            depth = width / s * math.log1p(depth / width * math.expm1(s))
            x[axis, i] = plane - depth if side == 1 else plane + depth
        for a in range(x.shape[0]):
            s = along[a, cells[k]] * steps[a]
            if abs(s) > 1e-9:
                place = (x[a, i] - low[a]) / steps[a]
                cell = math.floor(place)
                place = -math.log1p((place - cell) * math.expm1(-s)) / s
                x[a, i] = low[a] + steps[a] * (cell + place)
