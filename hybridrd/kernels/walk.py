"""Brownian steps of a block of particles, with the walls of a box.

Positions are held as one row an axis, ``x[axis, particle]``. ``kinds[axis, side]`` and
``gammas[axis, side]`` say what stands at each side; ``exits[particle]`` receives 0, or
``2 axis + side + 1`` of the face through which the particle left or at which it was absorbed.
"""

from __future__ import annotations

import math

import numpy as np

from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.rng import BRIDGE, WALK, normals, uniforms, words

REFLECT = 0
WRAP = 1
OPEN = 2  # touching it within the step means leaving: absorbing walls, exact planes
PARTIAL = 3  # absorbs at a finite rate

_BLOCK = 1024
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
    """A coordinate reflected into [low, high] as often as it takes."""
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
def _displacements(d, ids, key, step, out):
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
        if d0 * d1 > 40.0 * Ddt:
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
def _guarded_row(x, move, sd, Ddt, low, high, kinds, gammas, axis, ids, key, step, exits):
    """One axis with at least one side at which particles can end; returns how many did."""
    ended = 0
    for i in range(x.shape[0]):
        x0 = x[i]
        x1 = land(x0 + sd * move[i], low, high, kinds[0], kinds[1])
        x[i] = x1
        if exits[i] != 0:
            continue
        if touches(
            kinds[0], x0 - low, x1 - low, gammas[0], Ddt, key, ids[i], step, BRIDGE, 2 * axis
        ):
            exits[i] = 2 * axis + 1
            ended += 1
        elif touches(
            kinds[1], high - x0, high - x1, gammas[1], Ddt, key, ids[i], step, BRIDGE, 2 * axis + 1
        ):
            exits[i] = 2 * axis + 2
            ended += 1
    return ended


@jit
def move(x, ids, start, stop, key, step, D, dt, low, high, kinds, gammas, exits):
    """One Brownian step of particles ``start`` to ``stop``; returns how many ended at a wall.

    ``exits`` must be zero before.
    """
    d = x.shape[0]
    sd = math.sqrt(2.0 * D * dt)
    moves = np.empty((d, _BLOCK))
    ended = 0
    for begin in range(start, stop, _BLOCK):
        end = min(stop, begin + _BLOCK)
        _displacements(d, ids[begin:end], key, step, moves)
        for a in range(d):
            row = x[a][begin:end]
            if kinds[a, 0] == WRAP:
                _wrap_row(row, moves[a], sd, low[a], high[a])
            elif kinds[a, 0] == REFLECT and kinds[a, 1] == REFLECT:
                _fold_row(row, moves[a], sd, low[a], high[a])
            else:
                ended += _guarded_row(
                    row, moves[a], sd, D * dt, low[a], high[a], kinds[a], gammas[a], a,
                    ids[begin:end], key, step, exits[begin:end],
                )  # fmt: skip
    return ended
