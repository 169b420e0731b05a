"""Particles that enter and leave through a plane face of the particle region.

Its cells are numbered like the tangential part of the grid, first tangential axis fastest. See
`hybridrd.interface` for the schemes and their equations.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.binomial import binomial
from hybridrd.kernels.leak import leak_arrival
from hybridrd.kernels.rng import (
    ARRIVE,
    ENTER,
    PICK_DRAW,
    REMOVE,
    RETURN_DRAW,
    normal_pair,
    touch_draw_of_arrival,
    uniform52,
    uniforms,
    words,
)
from hybridrd.kernels.walk import OPEN, PARTIAL, WRAP, fold, land, touches, wrap

# How particles enter.
PLANE, FED, LEAK = 0, 1, 2

_BLOCK = 1024
_FEW = 16  # looked at together where few particles of a block are in the layer
_RARE = 12  # so many


class Face(NamedTuple):
    """A face of the particle region.

    Parameters
    ----------
    axis, side
        Its axis, and 0 at the lower or 1 at the upper end.
    plane
        Its coordinate along the axis.
    low, width, shape
        Lower corner, widths and numbers of the region's cells, an axis each.
    """

    axis: int
    side: int
    plane: float
    low: np.ndarray
    width: np.ndarray
    shape: np.ndarray


class Entry(NamedTuple):
    """How particles of one species enter through a face in a step.

    Parameters
    ----------
    way
        `PLANE`, `FED` or `LEAK`.
    D, dt
        Diffusion coefficient and time step.
    start, end
        For each face cell the probability to be kept at the start and at the end of the step, as
        the concentration beyond varies.
    """

    way: int
    D: float
    dt: float
    start: np.ndarray
    end: np.ndarray


@jit
def _draw(ids, key, step, purpose, draw, first, second):
    """Two uniform numbers of some particles; a loop of its own, so that it vectorises."""
    for k in range(ids.shape[0]):
        w0, w1, w2, w3 = words(key, ids[k], step, purpose, draw)
        first[k] = uniform52(w0, w1)
        second[k] = uniform52(w2, w3)


@inlined
def _within(row, sign, plane, width):
    """How many are in a layer; a loop that vectorises."""
    m = 0
    for i in range(row.shape[0]):
        m += 1 if sign * (plane - row[i]) < width else 0
    return m


@jit
def _collect(row, ids, first, sign, plane, width, near, named, m):
    """Add those in a layer to the ``m`` that are known; without a branch, how many there are."""
    for i in range(row.shape[0]):
        near[m], named[m] = first + i, ids[i]
        m += 1 if sign * (plane - row[i]) < width else 0
    return m


@jit
def layer_remove(row, ids, start, stop, face, width, survival, key, step, gone):
    """Mark particles of a boundary layer for removal, each with probability 1 - survival.

    Looks at those from ``start`` to ``stop``; returns how many.
    """
    sign = 1.0 if face.side == 1 else -1.0
    plane, index = face.plane, 2 * face.axis + face.side
    near, named = np.empty(_BLOCK, np.int64), np.empty(_BLOCK, np.uint64)
    chance, unused = np.empty(_BLOCK), np.empty(_BLOCK)
    removed = 0
    for block in range(start, stop, _BLOCK):
        last = min(block + _BLOCK, stop)
        total = _within(row[block:last], sign, plane, width)
        if total == 0:
            continue
        m = 0
        if total > _RARE:
            m = _collect(
                row[block:last], ids[block:last], block, sign, plane, width, near, named, m
            )
        else:  # look where they are
            for begin in range(block, last, _FEW):
                end = min(begin + _FEW, last)
                if _within(row[begin:end], sign, plane, width) > 0:
                    m = _collect(
                        row[begin:end], ids[begin:end], begin, sign, plane, width, near, named, m
                    )
        _draw(named[:m], key, step, REMOVE, index, chance, unused)
        for k in range(m):  # without a branch: which are removed can't be foreseen
            before = gone[near[k]]
            leaves = before == 0 and chance[k] >= survival
            gone[near[k]] = np.uint8(index + 1) if leaves else before
            removed += leaves
    return removed


@jit
def layer_place(x, ids, start, cells, face, width, key, step):
    """Place arrivals uniformly in their cell of a boundary layer.

    Arrival k takes position ``start + k``; ``cells[k]`` is its face cell.
    """
    axis, side, plane, low, steps, counts = face
    d = x.shape[0]
    sign = 1.0 if side == 1 else -1.0
    place = np.empty((4, _BLOCK))  # depth, then the place within the cell along the other axes
    for begin in range(0, cells.shape[0], _BLOCK):
        m = min(cells.shape[0] - begin, _BLOCK)
        first = start + begin
        named = ids[first : first + m]
        _draw(named, key, step, ARRIVE, 0, place[0], place[1])
        if d > 2:
            _draw(named, key, step, ARRIVE, 1, place[2], place[3])
        for k in range(m):
            i = first + k
            x[axis, i] = plane - sign * width * place[0, k]
            rest = cells[begin + k]
            number = 1
            for a in range(d):
                if a == axis:
                    continue
                j = rest % counts[a]
                rest //= counts[a]
                x[a, i] = low[a] + steps[a] * (j + place[number, k])
                number += 1


@jit
def enter(entry, kind, gamma, key, address, step, purpose):
    """Age, depth and chance of an arrival through a face of that kind, see `plane_place`."""
    D, dt = entry.D, entry.dt
    u, v = uniforms(key, address, step, purpose, 0)
    if entry.way == PLANE:
        age = dt * u * u
        return age, math.sqrt(2.0 * D * age) * math.sqrt(-2.0 * math.log(v)), 1.0
    n0, _ = normal_pair(key, address, step, purpose, 1)
    if entry.way == LEAK:
        pick, _ = uniforms(key, address, step, purpose, PICK_DRAW)
        return leak_arrival(gamma, D, dt, u, v, pick, n0)
    age = dt * u
    depth = math.sqrt(2.0 * D * age) * abs(n0)
    gone = kind == PARTIAL and touches(
        PARTIAL, 0.0, depth, gamma, D * age, key, address, step, purpose, RETURN_DRAW
    )
    return age, depth, 0.0 if gone else 1.0


@jit
def _leaves_aside(a, y0, y1, Dage, walls, key, address, step, purpose):
    """Whether a move of an arrival along axis a ended at one of the two faces there."""
    low, high, kinds, gammas = walls
    return touches(
        kinds[a, 0], y0 - low[a], y1 - low[a], gammas[a, 0], Dage,
        key, address, step, purpose, touch_draw_of_arrival(2 * a),
    ) or touches(
        kinds[a, 1], high[a] - y0, high[a] - y1, gammas[a, 1], Dage,
        key, address, step, purpose, touch_draw_of_arrival(2 * a + 1),
    )  # fmt: skip


@jit
def plane_place(x, ids, start, cells, face, walls, entry, key, step, kept):
    """Place arrivals through an open plane (erfc depths), an influx wall or a leaky one.

    Each has an age s, the time since it entered: s = dt U² through an open plane (`PLANE`), depth
    sqrt(2 D s) sqrt(-2 ln V); s = dt U through an influx wall (`FED`), depth sqrt(2 D s) |N|; for a
    leaky wall (`LEAK`) see `hybridrd.kernels.leak`. It enters where the face cell is, moves
    tangentially by N(0, 2 D s), and is kept with the probability between ``entry.start`` (oldest)
    and ``entry.end`` (youngest), unless it has left through another face since. Kept arrivals are
    packed from position ``start``; ``kept[k]`` says which. Returns how many.
    """
    d = x.shape[0]
    axis, side, _, _, steps, counts = face
    low, high, kinds, gammas = walls
    purpose = ENTER if entry.way == FED else ARRIVE
    m = start
    for k in range(cells.shape[0]):
        address = ids[start + k]
        kind, gamma = kinds[axis, side], gammas[axis, side]
        age, depth, chance = enter(entry, kind, gamma, key, address, step, purpose)
        w, place = uniforms(key, address, step, purpose, 2)
        j = cells[k]
        fraction = age / entry.dt
        alive = w < chance * (entry.end[j] + fraction * (entry.start[j] - entry.end[j]))
        position = low[axis] + depth if side == 0 else high[axis] - depth
        if kinds[axis, 1 - side] == OPEN:
            alive = alive and low[axis] < position < high[axis]
        x[axis, m] = fold(position, low[axis], high[axis])
        rest = j
        n1, n2 = normal_pair(key, address, step, purpose, 3)
        first = True
        for a in range(d):
            if a == axis:
                continue
            cell = rest % counts[a]
            rest //= counts[a]
            if not first:
                _, place = uniforms(key, address, step, purpose, 4)
            y0 = low[a] + steps[a] * (cell + place)
            y1 = y0 + math.sqrt(2.0 * entry.D * age) * (n1 if first else n2)
            first = False
            if kinds[a, 0] == WRAP:
                x[a, m] = wrap(y1, low[a], high[a])
                continue
            y1 = land(y1, low[a], high[a], kinds[a, 0], kinds[a, 1])
            if age > 0.0 and alive:
                moved = entry.D * age
                alive = not _leaves_aside(a, y0, y1, moved, walls, key, address, step, purpose)
            x[a, m] = y1
        kept[k] = 1 if alive else 0
        if alive:
            ids[m] = address
            m += 1
    return m - start


@jit
def place_in_cells(x, ids, start, cells, low, steps, shape, key, purpose, step):
    """Place particles uniformly in given cells of a grid (flat index, first axis fastest)."""
    d = x.shape[0]
    for k in range(cells.shape[0]):
        i = start + k
        rest = cells[k]
        u, v = uniforms(key, ids[i], step, purpose, 0)
        w, _ = uniforms(key, ids[i], step, purpose, 1)
        for a in range(d):
            j = rest % shape[a]
            rest //= shape[a]
            fraction = u if a == 0 else (v if a == 1 else w)
            x[a, i] = low[a] + steps[a] * (j + fraction)


@jit
def share_out(total, key, address, step, purpose, counts):
    """Put ``total`` particles into face cells of equal area, each anywhere."""
    n = counts.shape[0]
    for j in range(n):
        here = np.uint64(address) + np.uint64(j)
        counts[j] = binomial(total, 1.0 / (n - j), key, here, step, purpose)
        total -= counts[j]


@jit
def removal_chances(ids, key, step, face):
    """A uniform number for each particle, by which a face may take it out."""
    first, second = np.empty(ids.shape[0]), np.empty(ids.shape[0])
    _draw(ids, key, step, REMOVE, face, first, second)
    return first


@jit
def tally(cells, kept, counts):
    """Count kept arrivals per face cell."""
    for k in range(cells.shape[0]):
        counts[cells[k]] += np.int64(kept[k])
