"""Arrivals of particles that drift, through an open plane, an influx wall or a leaky one.

In reversed time, a particle at depth d that came through an open plane a time s ago reaches it
for the first time, with a drift v into the region:

    c_R d/sqrt(4 pi D s³) exp(-(d - v s)²/(4 D s)) dd ds.

Over all s up to dt these are ``c_R/2 [erfc((d - v dt)/a) + exp(v d/D) erfc((d + v dt)/a)]``,
``a = sqrt(4 D dt)``: with those that stay of a uniform content c_R, just c_R again. Candidates are
drawn for the two terms of ``d <= (d - v s)+ + v s``: ``2 sqrt(D dt/pi) + v dt`` per area and unit
c_R. Through other walls particles enter evenly in time, and are reflected and absorbed
from then on as those inside are.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import jit
from hybridrd.kernels.drift import FAR, pushed_back, survival_drifting
from hybridrd.kernels.exchange import FED, PLANE, Entry
from hybridrd.kernels.rng import (
    ARRIVE,
    BACK_DRAW,
    ENTER,
    PICK_DRAW,
    normal_pair,
    touch_draw_of_arrival,
    uniforms,
)
from hybridrd.kernels.walk import OPEN, PARTIAL, WRAP, fold, touches, wrap


class Stream(NamedTuple):
    """Arrivals of one species that drifts, through one face.

    Parameters
    ----------
    entry
        How they enter.
    velocity
        Drift along each axis behind each face cell, ``(d, face cells)`` (length/time).
    gamma
        Reactivity of the face for those that are back at it, by face cell (1/length).
    """

    entry: Entry
    velocity: np.ndarray
    gamma: np.ndarray


@jit
def through_plane(v, D, dt, u, w, pick, normal):
    """Age, depth and chance of a candidate at an open plane, ``v`` being the drift inwards."""
    spread, carried = 2.0 * math.sqrt(D * dt / math.pi), max(v, 0.0) * dt
    if pick * (spread + carried) < spread:
        age = dt * u * u
        free = math.sqrt(-4.0 * D * age * math.log(w))
    else:
        age = dt * u
        free = math.sqrt(2.0 * D * age) * normal
    if v <= 0.0:
        return age, free, math.exp((2.0 * free - v * age) * v / (4.0 * D))
    depth = v * age + free
    return age, depth, 1.0 if free >= 0.0 else depth / (v * age)


@jit
def enter_at(stream, j, face, key, address, step, purpose):
    """Age, depth and chance of a candidate behind face cell j; below 0 for none."""
    D, dt = stream.entry.D, stream.entry.dt
    v = stream.velocity[face.axis, j] * (1.0 if face.side == 0 else -1.0)
    u, w = uniforms(key, address, step, purpose, 0)
    normal, _ = normal_pair(key, address, step, purpose, 1)
    if stream.entry.way == PLANE:
        pick, _ = uniforms(key, address, step, purpose, PICK_DRAW)
        return through_plane(v, D, dt, u, w, pick, normal)
    age = dt * u
    back, _ = uniforms(key, address, step, purpose, BACK_DRAW)
    depth = pushed_back(0.0, v * age + math.sqrt(2.0 * D * age) * normal, D * age, back)
    gamma = stream.gamma[j]
    if gamma > 0.0:
        return age, depth, survival_drifting(0.0, depth, gamma, v * age, D * age)
    return age, depth, 1.0


@jit
def _aside(a, y0, y1, carried, moved, walls, key, address, step, purpose):
    """Where an arrival is along another axis, and whether it has left there since it entered.

    ``carried`` is its drift of that time (length), ``moved`` D times it (length²).
    """
    low, high, kinds = walls.low[a], walls.high[a], walls.kinds[a]
    if kinds[0] == WRAP:
        return wrap(y1, low, high), False
    for side in range(2):
        d0, d1 = (y0 - low, y1 - low) if side == 0 else (high - y0, high - y1)
        if kinds[side] != OPEN and d0 * d1 < FAR * moved:
            u, _ = uniforms(key, address, step, purpose, BACK_DRAW + 1 + 2 * a + side)
            depth = pushed_back(d0, d1, moved, u)
            y1 = low + depth if side == 0 else high - depth
    if kinds[0] != OPEN and kinds[1] != OPEN:
        y1 = fold(y1, low, high)
    for side in range(2):
        d0, d1 = (y0 - low, y1 - low) if side == 0 else (high - y0, high - y1)
        gamma, draw = walls.gammas[a, side], touch_draw_of_arrival(2 * a + side)
        if kinds[side] == OPEN:
            if touches(OPEN, d0, d1, gamma, moved, key, address, step, purpose, draw):
                return y1, True
        elif kinds[side] == PARTIAL and gamma > 0.0 and d0 * d1 < FAR * moved:
            u, _ = uniforms(key, address, step, purpose, draw)
            inward = carried if side == 0 else -carried
            if u >= survival_drifting(d0, d1, gamma, inward, moved):
                return y1, True
    return y1, False


@jit
def place_drifting(x, ids, start, cells, face, walls, stream, key, step, kept):
    """Place arrivals that drift; like `hybridrd.kernels.exchange.plane_place`."""
    d = x.shape[0]
    axis, side = face.axis, face.side
    low, high, entry = walls.low[axis], walls.high[axis], stream.entry
    purpose = ENTER if entry.way == FED else ARRIVE
    m = start
    for k in range(cells.shape[0]):
        address, j = ids[start + k], cells[k]
        age, depth, chance = enter_at(stream, j, face, key, address, step, purpose)
        w, place = uniforms(key, address, step, purpose, 2)
        fraction = age / entry.dt
        alive = w < chance * (entry.end[j] + fraction * (entry.start[j] - entry.end[j]))
        position = low + depth if side == 0 else high - depth
        if walls.kinds[axis, 1 - side] == OPEN:
            alive = alive and low < position < high
        x[axis, m] = fold(position, low, high)
        rest, first = j, True
        n1, n2 = normal_pair(key, address, step, purpose, 3)
        for a in range(d):
            if a == axis:
                continue
            cell = rest % face.shape[a]
            rest //= face.shape[a]
            if not first:
                _, place = uniforms(key, address, step, purpose, 4)
            y0 = face.low[a] + face.width[a] * (cell + place)
            carried, moved = stream.velocity[a, j] * age, entry.D * age
            y1 = y0 + carried + math.sqrt(2.0 * moved) * (n1 if first else n2)
            first = False
            x[a, m], left = _aside(a, y0, y1, carried, moved, walls, key, address, step, purpose)
            alive = alive and not left
        kept[k] = 1 if alive else 0
        if alive:
            ids[m] = address
            m += 1
    return m - start
