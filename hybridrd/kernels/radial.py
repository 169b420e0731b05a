"""Brownian steps, arrivals and layers of particles that carry their distance r from a centre.

The `Walls` of one axis, r, describe the inner (0) and outer (1) sphere: a side that is
`OPEN`, or one that reflects or absorbs, with the reactivity of `hybridrd.kernels.sphere` as its
gamma. What is exact in the plane for w = r c carries over to r. An inner radius of 0 is the centre
of a ball, where no sphere is: steps nearer to it than to the outer sphere are free ones.
"""

from __future__ import annotations

import math

import numpy as np

from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.leak import sphere_age
from hybridrd.kernels.rng import (
    ARRIVE,
    BRIDGE,
    ENTER,
    WALK,
    normal_pair,
    normals,
    touch_draw,
    uniforms,
    words,
)
from hybridrd.kernels.sphere import absorption, quantile
from hybridrd.kernels.walk import OPEN

REACH = 7.0  # sd from a closed sphere beyond which it is not felt: 2.6e-12
_BLOCK = 1024
_AFTER = 1  # draw of `WALK` for the steps beside a closed sphere; 0 is the free step


@jit
def _displacements(ids, key, step, out):
    """Three standard normal displacements for each particle."""
    first, second, third = out[0], out[1], out[2]
    for i in range(ids.shape[0]):
        w0, w1, w2, w3 = words(key, ids[i], step, WALK, 0)
        first[i], second[i] = normals(w0, w1)
        third[i], _ = normals(w2, w3)


@jit
def _near(x0, y0, reach, inner_closed, outer_open):
    """The closed sphere that a particle feels, of two the nearer one; -1 for none."""
    if inner_closed and x0 < reach and (outer_open or x0 <= y0):
        return 0
    if not outer_open and y0 < reach and y0 <= x0:
        return 1
    return -1


@jit
def _leaves(r0, r1, low, high, inner_open, outer_open, t, key, address, step):
    """The open sphere through which a move went, + 1; 0 for none.

    Outside the inner sphere w is absorbed as in a half line; the free step of r is that of w on
    (0, inf) with w(0) = 0, so that it survives with
    ``[1 - exp(-x0 x1/t)]/[1 - exp(-r0 r1/t)]``.
    """
    if inner_open:
        if r1 <= low:
            return 1
        product = (r0 - low) * (r1 - low)
        if product < 40.0 * t:
            u, _ = uniforms(key, address, step, BRIDGE, touch_draw(0))
            if u >= math.expm1(-product / t) / math.expm1(-r0 * r1 / t):
                return 1
    if outer_open:
        if r1 >= high:
            return 2
        product = (high - r0) * (high - r1)
        if product < 40.0 * t:
            u, _ = uniforms(key, address, step, BRIDGE, touch_draw(1))
            if u < math.exp(-product / t):
                return 2
    return 0


@jit
def move_radial(row, ids, start, stop, key, step, t, walls, exits, expected):
    """One Brownian step of particles ``start`` to ``stop``; returns how many ended at a sphere.

    ``t`` is D dt. ``exits`` must be zero before and receives side + 1 of those that ended;
    ``expected[side, i]`` the probability that particle i had to be absorbed there.
    """
    low, high, kinds, reactivities = walls.low[0], walls.high[0], walls.kinds[0], walls.gammas[0]
    sd = math.sqrt(2.0 * t)
    reach = REACH * sd
    inner_open = kinds[0] == OPEN
    inner_closed = not inner_open and low > 0.0
    outer_open = kinds[1] == OPEN
    moves = np.empty((3, _BLOCK))
    ended = 0
    for begin in range(start, stop, _BLOCK):
        end = min(stop, begin + _BLOCK)
        _displacements(ids[begin:end], key, step, moves)
        for i in range(begin, end):
            r0 = row[i]
            expected[0, i] = 0.0
            expected[1, i] = 0.0
            side = _near(r0 - low, high - r0, reach, inner_closed, outer_open)
            if side < 0:
                k = i - begin
                radial = r0 + sd * moves[0, k]
                r1 = math.sqrt(radial**2 + t * 2.0 * (moves[1, k] ** 2 + moves[2, k] ** 2))
            else:
                s = low if side == 0 else -high
                x0 = max(r0 - low if side == 0 else high - r0, 0.0)
                rate = reactivities[side]
                lost = absorption(x0, s, rate, t) if rate > 0.0 else 0.0
                expected[side, i] = lost
                u, _ = uniforms(key, ids[i], step, WALK, _AFTER)
                if u >= 1.0 - lost:
                    exits[i] = side + 1
                    ended += 1
                    continue
                r1 = abs(s + quantile(u, x0, s, rate, t))
            # Only the far tail of a step gets beyond a closed sphere.
            if r1 < low and not inner_open:
                r1 = 2.0 * low - r1
            if r1 > high and not outer_open:
                r1 = 2.0 * high - r1
            row[i] = r1
            left = _leaves(r0, r1, low, high, inner_open, outer_open, t, key, ids[i], step)
            if left != 0:
                exits[i] = left
                ended += 1
    return ended


@jit
def layer_spread(row, ids, start, count, inner, outer, key, step):
    """Place arrivals uniformly by volume in a layer between two radii."""
    a = inner**3
    b = outer**3
    for i in range(start, start + count):
        u, _ = uniforms(key, ids[i], step, ARRIVE, 0)
        row[i] = min(max((a + u * (b - a)) ** (1.0 / 3.0), inner), outer)


@inlined
def _keep(entry, age):
    """Probability to keep an arrival of that age, as a part of the step."""
    return entry.end[0] + age * (entry.start[0] - entry.end[0])


@jit
def enter_open(row, ids, start, count, side, curved, entry, walls, key, step):
    """Place arrivals through an open sphere, each with an age s, the time since it entered.

    From a reservoir at the outer sphere R as through a plane, ``s = dt U²``, depth
    ``sqrt(2 D s) sqrt(-2 ln V)``, and kept with probability r/R. At the inner one the same without
    that, and besides (``curved``) those of ``s = dt U`` and depth ``sqrt(2 D s) |N3|``, N3 a normal
    vector: the excess r/a - 1 of the density. Kept with the probability between ``entry.start[0]``
    (oldest) and ``entry.end[0]`` (youngest) for a reservoir that varies in time. Kept arrivals are
    packed from position ``start``; returns how many.
    """
    D, dt = entry.D, entry.dt
    low, high = walls.low[0], walls.high[0]
    m = start
    for k in range(start, start + count):
        address = ids[k]
        u, v = uniforms(key, address, step, ARRIVE, 0)
        w, z = uniforms(key, address, step, ARRIVE, 1)
        if curved:
            age = dt * u
            n1, n2 = normal_pair(key, address, step, ARRIVE, 2)
            n3, _ = normal_pair(key, address, step, ARRIVE, 3)
            depth = math.sqrt(2.0 * D * age * (n1 * n1 + n2 * n2 + n3 * n3))
        else:
            age = dt * u * u
            depth = math.sqrt(-4.0 * D * age * math.log(v))
        r = low + depth if side == 0 else high - depth
        alive = w < _keep(entry, age / dt)
        if side == 1:
            alive = alive and z * high < r
        row[m] = r
        if alive and _within(row, m, walls):
            ids[m] = address
            m += 1
    return m - start


@jit
def enter_influx(row, ids, start, count, side, entry, walls, key, step):
    """Place entries through an influx sphere, evenly in time; like `enter_open`.

    An entry of age s has moved for that long from a reflecting sphere.
    """
    m = start
    s = walls.low[0] if side == 0 else -walls.high[0]
    for k in range(start, start + count):
        address = ids[k]
        u, v = uniforms(key, address, step, ENTER, 0)
        w, _ = uniforms(key, address, step, ENTER, 1)
        row[m] = abs(s + quantile(v, 0.0, s, 0.0, entry.D * entry.dt * u))
        if w < _keep(entry, u) and _within(row, m, walls):
            ids[m] = address
            m += 1
    return m - start


@jit
def enter_leaky(row, ids, start, count, side, entry, walls, key, step):
    """Place entries through a leaky sphere; like `enter_influx`, but they may have left again."""
    D, dt, reactivity = entry.D, entry.dt, walls.gammas[0, side]
    m = start
    s = walls.low[0] if side == 0 else -walls.high[0]
    for k in range(start, start + count):
        address = ids[k]
        u, v = uniforms(key, address, step, ENTER, 0)
        w, pick = uniforms(key, address, step, ENTER, 1)
        age, stayed, chance = sphere_age(s, reactivity, D, dt, u, pick)
        row[m] = abs(s + quantile(v * stayed, 0.0, s, reactivity, D * age))
        if w < chance * _keep(entry, age / dt) and _within(row, m, walls):
            ids[m] = address
            m += 1
    return m - start


@jit
def _within(row, m, walls):
    """Whether an arrival is in the shell; one beyond a closed sphere is reflected into it."""
    low, high, kinds = walls.low[0], walls.high[0], walls.kinds[0]
    if row[m] < low:
        if kinds[0] == OPEN:
            return False
        row[m] = 2.0 * low - row[m]
    if row[m] > high:
        if kinds[1] == OPEN:
            return False
        row[m] = 2.0 * high - row[m]
    return True
