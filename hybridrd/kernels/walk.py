"""Brownian steps of a block of particles, with the walls of a box.

Positions are stored as one row per axis, ``x[axis, particle]``. ``exits[particle]`` receives 0, or
``2 axis + side + 1`` of the face through which the particle left or at which it was absorbed. With
several faces it is the one touched first, and the particle is left at the point of contact:
departures through a face must be the time reversal of arrivals.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.rng import (
    BRIDGE,
    WALK,
    first_touch_draw,
    normal_pair,
    normals,
    touch_draw,
    uniforms,
    words,
)

REFLECT = 0
WRAP = 1
OPEN = 2  # touching it within the step means leaving: absorbing walls, exact planes
PARTIAL = 3  # absorbs at a finite rate
CROSSING = -1.0  # gamma of an `OPEN` side that only those leave who end beyond it


class Walls(NamedTuple):
    """The box of particles, and the kinds of its sides for one species.

    Parameters
    ----------
    low, high
        Corners of the box, one entry an axis.
    kinds
        ``kinds[axis, side]``: the kind of wall there, `REFLECT`, `WRAP`, `OPEN` or `PARTIAL`.
    gammas
        ``gammas[axis, side]``: kappa/D (1/length) where it is `PARTIAL`; `CROSSING`.
    """

    low: np.ndarray
    high: np.ndarray
    kinds: np.ndarray
    gammas: np.ndarray


BLOCK = 1024
_ROOT_PI = 1.7724538509055159


@inlined
def erfcx(z):
    """exp(z²) erfc(z) for z >= 0."""
    if z < 20.0:
        return math.exp(z * z) * math.erfc(z)
    q = 0.5 / (z * z)
    return (1.0 - q * (1.0 - 3.0 * q * (1.0 - 5.0 * q * (1.0 - 7.0 * q)))) / (z * _ROOT_PI)


@inlined
def survival_partial(d0, d1, gamma, Ddt):
    """Probability that a reflected move from depth d0 to d1 was not absorbed on the way.

    Ratio of the propagators of ``dc/dn = -gamma c`` and of a reflecting flat wall.
    """
    root = math.sqrt(Ddt)
    z = (d0 + d1) / (2.0 * root) + gamma * root
    return 1.0 - 2.0 * gamma * root * _ROOT_PI * erfcx(z) / (1.0 + math.exp(d0 * d1 / Ddt))


@inlined
def fold(x, low, high):
    """A coordinate reflected into [low, high] as often as necessary."""
    period = 2.0 * (high - low)
    y = (x - low) * (1.0 / period)
    y = period * (y - np.floor(y + 0.5))
    return min(low + abs(y), high)


@inlined
def wrap(x, low, high):
    """A coordinate taken periodically into [low, high)."""
    width = high - low
    y = x - width * np.floor((x - low) * (1.0 / width))
    return y if low <= y < high else low


@jit
def displacements(d, ids, key, step, out):
    """Standard normal displacements, one row an axis."""
    if d == 1:
        row = out[0]
        for i in range(ids.shape[0]):
            w0, w1, _, _ = words(key, ids[i], step, WALK, 0)
            row[i], _ = normals(w0, w1)
    elif d == 2:
        first, second = out[0], out[1]
        for i in range(ids.shape[0]):
            w0, w1, _, _ = words(key, ids[i], step, WALK, 0)
            first[i], second[i] = normals(w0, w1)
    else:
        first, second, third = out[0], out[1], out[2]
        for i in range(ids.shape[0]):
            w0, w1, w2, w3 = words(key, ids[i], step, WALK, 0)
            first[i], second[i] = normals(w0, w1)
            third[i], _ = normals(w2, w3)


@jit
def _fold_row(x, move, sd, low, high):
    for i in range(x.shape[0]):
        x[i] = fold(x[i] + sd * move[i], low, high)


@jit
def _wrap_row(x, move, sd, low, high):
    for i in range(x.shape[0]):
        x[i] = wrap(x[i] + sd * move[i], low, high)


@jit
def touches(kind, d0, d1, gamma, Ddt, key, address, step, purpose, draw):
    """Whether a move from depth d0 to d1 ends at a side that is open or partially absorbing."""
    if kind == OPEN:
        if d1 <= 0.0:
            return True
        if d0 * d1 > 40.0 * Ddt or gamma < 0.0:
            return False
        u, _ = uniforms(key, address, step, purpose, draw)
        return u < math.exp(-d0 * d1 / Ddt)
    if kind == PARTIAL and gamma > 0.0 and d0 * d1 < 40.0 * Ddt:
        u, _ = uniforms(key, address, step, purpose, draw)
        return u >= survival_partial(d0, d1, gamma, Ddt)
    return False


@jit
def land(x1, low, high, kind_low, kind_high):
    """The end of a move after the sides that reflect (partially absorbing ones do, too)."""
    if kind_low != OPEN and kind_high != OPEN:
        return fold(x1, low, high)
    if kind_low != OPEN:
        return low + abs(x1 - low)
    if kind_high != OPEN:
        return high - abs(high - x1)
    return x1


@jit
def first_touch(d0, d1, Ddt, key, address, step, purpose, draw):
    """When a move from depth d0 to d1 that touched depth 0 did so first, as a part of the step.

    A Brownian bridge is ``d0 + (d1 - d0) t + (1 - t) W(r)`` with ``r = t/(1 - t)`` and the step as
    unit of time, so r is the time at which a motion with a drift |d1| to the plane reaches it
    from d0 (also if it ends at d1 > 0, given that it touched): an inverse Gaussian number, drawn
    as by J. R. Michael, W. R. Schucany and R. W. Haas, The American Statistician 30 (1976) 88.
    """
    if d0 <= 0.0:
        return 0.0
    n, _ = normal_pair(key, address, step, purpose, draw)
    u, _ = uniforms(key, address, step, purpose, draw + 1)
    drift = abs(d1) / d0
    half = n * n * Ddt / (d0 * d0)
    r = 1.0 / (drift + half + math.sqrt(half * (half + 2.0 * drift)))
    if u * (1.0 + drift * r) > 1.0:
        r = 1.0 / (drift * drift * r)
    return r / (1.0 + r)


@jit
def _guarded_row(x, move, Ddt, walls, axis, ids, key, step, exits, times):
    """One axis with at least one side at which particles can end; returns how many did.

    ``times`` receives when, as a part of the step; the first of several counts.
    """
    sd = math.sqrt(2.0 * Ddt)
    low, high, kinds = walls.low[axis], walls.high[axis], walls.kinds[axis]
    ended = 0
    for i in range(x.shape[0]):
        x0 = x[i]
        x1 = land(x0 + sd * move[i], low, high, kinds[0], kinds[1])
        x[i] = x1
        for side in range(2):
            d0, d1 = (x0 - low, x1 - low) if side == 0 else (high - x0, high - x1)
            face, gamma = 2 * axis + side, walls.gammas[axis, side]
            draw = touch_draw(face)
            if not touches(kinds[side], d0, d1, gamma, Ddt, key, ids[i], step, BRIDGE, draw):
                continue
            time = first_touch(d0, d1, Ddt, key, ids[i], step, BRIDGE, first_touch_draw(face))
            if exits[i] == 0:
                ended += 1
            elif times[i] <= time:
                continue
            exits[i], times[i] = face + 1, time
    return ended


@jit
def _leave_there(x, start, moves, Ddt, walls, ids, key, step, exits, times):
    """Put particles that ended at a face to where they touched it, along the other axes.

    There they are on a bridge from start to end. Other faces, which it touches later if at all,
    hold it back.
    """
    d = x.shape[0]
    sd = math.sqrt(2.0 * Ddt)
    low, high, kinds, _ = walls
    for i in range(x.shape[1]):
        if exits[i] == 0:
            continue
        t = times[i]
        width = math.sqrt(2.0 * Ddt * t * (1.0 - t))
        n1, n2 = normal_pair(key, ids[i], step, BRIDGE, 18)
        axis = (exits[i] - 1) // 2
        first = True
        for a in range(d):
            if a == axis:
                continue
            y = start[a, i] + t * sd * moves[a, i] + width * (n1 if first else n2)
            first = False
            if kinds[a, 0] == WRAP:
                x[a, i] = wrap(y, low[a], high[a])
            else:
                x[a, i] = min(
                    max(land(y, low[a], high[a], kinds[a, 0], kinds[a, 1]), low[a]), high[a]
                )


@jit
def move_few(x, n, moves, at, Ddt, walls):
    """`move_closed` of n particles whose displacements stand in ``moves[axis]`` from ``at`` on."""
    sd = math.sqrt(2.0 * Ddt)
    for a in range(x.shape[0]):
        row, mine = x[a][:n], moves[a][at : at + n]
        if walls.kinds[a, 0] == WRAP:
            _wrap_row(row, mine, sd, walls.low[a], walls.high[a])
        else:
            _fold_row(row, mine, sd, walls.low[a], walls.high[a])


@jit
def move_closed(x, ids, start, stop, key, step, Ddt, walls):
    """`move` where nobody can leave: each axis is periodic, or reflects at both sides.

    A kernel of its own, as it takes a third of the time to compile.
    """
    d = x.shape[0]
    sd = math.sqrt(2.0 * Ddt)
    moves = np.empty((d, BLOCK))
    for begin in range(start, stop, BLOCK):
        end = min(stop, begin + BLOCK)
        displacements(d, ids[begin:end], key, step, moves)
        for a in range(d):
            if walls.kinds[a, 0] == WRAP:
                _wrap_row(x[a][begin:end], moves[a], sd, walls.low[a], walls.high[a])
            else:
                _fold_row(x[a][begin:end], moves[a], sd, walls.low[a], walls.high[a])


@jit
def move(x, ids, start, stop, key, step, Ddt, walls, exits):
    """One Brownian step of particles ``start`` to ``stop``; returns how many ended at a wall.

    ``Ddt`` is D dt; ``exits`` must be zero before.
    """
    d = x.shape[0]
    sd = math.sqrt(2.0 * Ddt)
    low, high, kinds, _ = walls
    moves, before, times = np.empty((d, BLOCK)), np.empty((d, BLOCK)), np.empty(BLOCK)
    ended = 0
    for begin in range(start, stop, BLOCK):
        end = min(stop, begin + BLOCK)
        n = end - begin
        named, left_at = ids[begin:end], exits[begin:end]
        displacements(d, named, key, step, moves)
        if d > 1:
            for a in range(d):
                for i in range(n):
                    before[a, i] = x[a, begin + i]
        left = 0
        for a in range(d):
            row = x[a][begin:end]
            if kinds[a, 0] == WRAP:
                _wrap_row(row, moves[a], sd, low[a], high[a])
            elif kinds[a, 0] == REFLECT and kinds[a, 1] == REFLECT:
                _fold_row(row, moves[a], sd, low[a], high[a])
            else:
                left += _guarded_row(row, moves[a], Ddt, walls, a, named, key, step, left_at, times)
        if left > 0 and d > 1:
            here = x[:, begin:end]
            _leave_there(here, before, moves, Ddt, walls, named, key, step, left_at, times)
        ended += left
    return ended
