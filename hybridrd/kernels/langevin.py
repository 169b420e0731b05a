"""Flights of Langevin particles: exact between walls, which they hit at the ends of substeps.

Particles follow ``dx = v dt``, ``dv = -g v dt + sqrt(2 g s²) dW`` with friction g and thermal speed
s. A flight over a step is one draw; if it may have met a wall that particles can leave through,
it is halved with the exact law of its middle, down to parts much shorter than 1/g. So its end does
not depend on the halving. A reflecting wall mirrors position and velocity, which is exact.

Rows of a species are its positions, then its velocities, one row per axis.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.rng import (
    FLIGHT,
    HALVE,
    HIT,
    KINETIC,
    MAXWELL,
    MOST_HALVINGS,
    middle_draw,
    normal_pair,
    normals,
    part_draw,
    uniforms,
    words,
)
from hybridrd.kernels.walk import BLOCK, WRAP, wrap

# Standard deviations of a flight's middle, beyond which it is taken for sure to stay.
_SURE = 5.0


class Flight(NamedTuple):
    """Numbers of flights over a step, over half of it, and so on, an entry each.

    Parameters
    ----------
    decay, carry
        What is left of a velocity, and how far it carries (time).
    kick, along, across
        Standard deviation of the new velocity, the part of the displacement that goes with it, and
        the standard deviation of the rest.
    middle
        The middle, ``(entries, 5)``: beside half the displacement what a loss of velocity adds
        (time); the velocity there from the displacement (1/time), and from the sum of those at the
        ends; then the standard deviations of both, which are independent.
    reach
        Time for which a velocity counts at most.
    speed
        Thermal speed s.
    """

    decay: np.ndarray
    carry: np.ndarray
    kick: np.ndarray
    along: np.ndarray
    across: np.ndarray
    middle: np.ndarray
    reach: np.ndarray
    speed: float


class Box(NamedTuple):
    """Corners of a box, and how one species meets its sides, ``kinds[axis, side]``.

    ``keeps[axis, side]`` is the probability that a side takes a particle that hits it: 0 where it
    reflects, 1 where it is open.
    """

    low: np.ndarray
    high: np.ndarray
    kinds: np.ndarray
    keeps: np.ndarray


class Motion(NamedTuple):
    """How the particles of one species move: their flights, and their box."""

    flight: Flight
    box: Box


class Path(NamedTuple):
    """Whose flight in which step: key of the random numbers, address, and step."""

    key: np.uint64
    address: np.uint64
    step: int


class Stack(NamedTuple):
    """Parts of a flight that are still to be looked at: their ends, and which they are."""

    x: np.ndarray
    v: np.ndarray
    part: np.ndarray
    level: np.ndarray


@jit
def new_stack():
    """A stack for one thread."""
    n = MOST_HALVINGS + 2
    return Stack(np.empty(n), np.empty(n), np.empty(n, np.int64), np.empty(n, np.int64))


@jit
def number_from(ids, known):
    """How many ids there are from a certain one on; a loop that vectorises."""
    m = 0
    for i in range(ids.shape[0]):
        m += ids[i] >= known
    return m


@jit
def set_off(velocities, ids, known, speed, key):
    """Maxwell's velocities for the particles from a certain id on: they depend on the id alone."""
    d = velocities.shape[0]
    for begin in range(0, ids.shape[0], BLOCK):
        end = min(begin + BLOCK, ids.shape[0])
        if number_from(ids[begin:end], known) == 0:
            continue
        for i in range(begin, end):
            if ids[i] >= known:
                w0, w1, w2, w3 = words(key, ids[i], 0, MAXWELL, 0)
                first, second = normals(w0, w1)
                third, _ = normals(w2, w3)
                velocities[0, i] = speed * first
                if d > 1:
                    velocities[1, i] = speed * second
                if d > 2:
                    velocities[2, i] = speed * third


@inlined
def _planes(x, v, to, w, low, width, reach, slack):
    """The numbers of the first and the last wall, or image of it, that a flight may have met.

    Wall m of the unfolded axis is at ``low + m width``; a flight stays within its ends, the
    velocities there taken for as long as they count, and the spread of its middle.
    """
    a, b = x + v * reach, to - w * reach
    least = min(min(x, to), min(a, b)) - slack
    most = max(max(x, to), max(a, b)) + slack
    return math.ceil((least - low) / width), math.floor((most - low) / width)


@jit
def _hits(x, to, axis, box, path, part):
    """Which side takes a particle on its way from x to another place, -1 for none."""
    low, width = box.low[axis], box.high[axis] - box.low[axis]
    first, last = math.floor((x - low) / width), math.floor((to - low) / width)
    step = 1 if last > first else -1
    while first != last:
        side = (first + (step + 1) // 2) % 2
        keep = box.keeps[axis, side]
        if keep >= 1.0:
            return side
        if keep > 0.0:
            u, _ = uniforms(path.key, path.address, path.step, HIT, middle_draw(part, axis))
            if u < keep:
                return side
        first += step
    return -1


@jit
def _meets(axis, box, first, last):
    """Whether one of the walls from the first to the last takes particles."""
    if last < first:
        return False
    some = box.keeps[axis, 0] if first % 2 == 0 else box.keeps[axis, 1]
    if last > first:
        some = max(box.keeps[axis, 0], box.keeps[axis, 1])
    return some > 0.0


@jit
def taken(axis, ends, motion, path, part, level, stack):
    """When and by which side a particle is taken on a flight with the ends (x, v) and (to, w).

    The time is a part of the step, 2 for never.
    """
    x, v, to, w = ends
    flight, box = motion.flight, motion.box
    low, width = box.low[axis], box.high[axis] - box.low[axis]
    finest = flight.decay.shape[0] - 1
    top = 0
    while True:
        middle = flight.middle[level]
        first, last = _planes(x, v, to, w, low, width, flight.reach[level], _SURE * middle[3])
        if level < finest and _meets(axis, box, first, last):
            draw = middle_draw(part, axis)
            n, m = normal_pair(path.key, path.address, path.step, HALVE, draw)
            stack.x[top], stack.v[top] = to, w
            stack.part[top], stack.level[top] = 2 * part + 1, level + 1
            top += 1
            to, w = (
                0.5 * (x + to) + middle[0] * (v - w) + middle[3] * n,
                middle[1] * (to - x) + middle[2] * (v + w) + middle[4] * m,
            )
            part, level = 2 * part, level + 1
            continue
        side = _hits(x, to, axis, box, path, part)
        if side >= 0:
            parts = 1 << level
            return (part - parts + 1.0) / parts, side
        if top == 0:
            return 2.0, -1
        top -= 1
        x, v = to, w
        to, w, part, level = stack.x[top], stack.v[top], stack.part[top], stack.level[top]


@inlined
def _mirrored(x, v, low, high):
    """Place and velocity between two walls that mirror both."""
    width = high - low
    m = np.floor((x - low) / width)
    y = min(max(x - low - m * width, 0.0), width)
    even = m - 2.0 * np.floor(0.5 * m) == 0.0
    return (low + y if even else high - y), (v if even else -v)


@inlined
def land(x, v, axis, box):
    """Place and velocity within the walls: those that reflect mirror both."""
    low, high = box.low[axis], box.high[axis]
    if box.kinds[axis, 0] == WRAP:
        return wrap(x, low, high), v
    return _mirrored(x, v, low, high)


@jit
def _draw(d, ids, key, step, out):
    """Two normal numbers an axis for each particle; in loops that vectorise."""
    first, second = out[0], out[1]
    if d == 1:
        for i in range(ids.shape[0]):
            w0, w1, _, _ = words(key, ids[i], step, FLIGHT, part_draw(1, 0))
            first[i], second[i] = normals(w0, w1)
        return
    third, fourth = out[2], out[3]
    for i in range(ids.shape[0]):
        w0, w1, w2, w3 = words(key, ids[i], step, FLIGHT, part_draw(1, 0))
        first[i], second[i] = normals(w0, w1)
        third[i], fourth[i] = normals(w2, w3)
    if d > 2:
        fifth, sixth = out[4], out[5]
        for i in range(ids.shape[0]):
            w0, w1, _, _ = words(key, ids[i], step, FLIGHT, part_draw(1, 1))
            fifth[i], sixth[i] = normals(w0, w1)


@jit
def _move(x, v, first, second, flight, low, high, wraps):
    """Fly along an axis whose sides take nobody; loops that vectorise."""
    decay, carry, kick = flight.decay[0], flight.carry[0], flight.kick[0]
    along, across = flight.along[0], flight.across[0]
    if wraps:
        for i in range(x.shape[0]):
            to = x[i] + carry * v[i] + along * first[i] + across * second[i]
            v[i] = decay * v[i] + kick * first[i]
            x[i] = wrap(to, low, high)
    else:
        for i in range(x.shape[0]):
            to = x[i] + carry * v[i] + along * first[i] + across * second[i]
            x[i], v[i] = _mirrored(to, decay * v[i] + kick * first[i], low, high)


@jit
def _fly_axis(axis, x, v, draws, motion, ids, now, gone, times, stack):
    """One axis of some particles; returns how many were taken by its sides."""
    flight, box, first, second = motion.flight, motion.box, draws[0], draws[1]
    low, high, wraps = box.low[axis], box.high[axis], box.kinds[axis, 0] == WRAP
    if not (box.keeps[axis, 0] > 0.0 or box.keeps[axis, 1] > 0.0):
        _move(x, v, first, second, flight, low, high, wraps)
        return 0
    decay, carry, kick = flight.decay[0], flight.carry[0], flight.kick[0]
    along, across = flight.along[0], flight.across[0]
    reach, slack, ended = flight.reach[0], _SURE * flight.middle[0, 3], 0
    for i in range(x.shape[0]):
        w = decay * v[i] + kick * first[i]
        to = x[i] + carry * v[i] + along * first[i] + across * second[i]
        one, last = _planes(x[i], v[i], to, w, low, high - low, reach, slack)
        if _meets(axis, box, one, last):
            path, ends = Path(now[0], ids[i], now[1]), (x[i], v[i], to, w)
            time, side = taken(axis, ends, motion, path, 1, 0, stack)
            if side >= 0 and (gone[i] == 0 or time < times[i]):
                ended += gone[i] == 0
                gone[i], times[i] = 2 * axis + side + 1, time
        x[i], v[i] = land(to, w, axis, box)
    return ended


@jit
def fly(rows, ids, start, stop, motion, key, step, gone):
    """A step of the particles from ``start`` to ``stop``; returns how many are marked as gone."""
    d = motion.box.low.shape[0]
    draws, times, stack = np.empty((2 * d, BLOCK)), np.empty(BLOCK), new_stack()
    ended = 0
    for begin in range(start, stop, BLOCK):
        end = min(stop, begin + BLOCK)
        _draw(d, ids[begin:end], key, step, draws)
        for a in range(d):
            ended += _fly_axis(
                a, rows[a][begin:end], rows[d + a][begin:end], draws[2 * a : 2 * a + 2], motion,
                ids[begin:end], (key, step), gone[begin:end], times, stack,
            )  # fmt: skip
    return ended


@jit
def _fly_part(rows, i, skip, motion, path, part, level, stack):
    """A part of a step of particle i along all axes but one; the face it leaves by, -1 for none."""
    flight, box = motion.flight, motion.box
    d = box.low.shape[0]
    n0, n1, w2, w3 = 0.0, 0.0, np.uint64(0), np.uint64(0)
    left, earliest = -1, 2.0
    for a in range(d):
        if a % 2 == 0:
            w0, w1, w2, w3 = words(
                path.key, path.address, path.step, FLIGHT, part_draw(part, a // 2)
            )
            n0, n1 = normals(w0, w1)
        else:
            n0, n1 = normals(w2, w3)
        if a == skip:
            continue
        x, v = rows[a, i], rows[d + a, i]
        w = flight.decay[level] * v + flight.kick[level] * n0
        to = x + flight.carry[level] * v + flight.along[level] * n0 + flight.across[level] * n1
        time, side = taken(a, (x, v, to, w), motion, path, part, level, stack)
        if time < earliest:
            left, earliest = 2 * a + side, time
        rows[a, i], rows[d + a, i] = land(to, w, a, box)
    return left


class Inflow(NamedTuple):
    """How particles enter through a face.

    Parameters
    ----------
    spread
        Standard deviation of the displacement of a free particle in the finest part of a step.
    turn, rest
        Of a displacement, the velocity that goes with it (1/time), and what that leaves open.
    start, end
        For each face cell the probability to be kept at the start and at the end of the step.
    """

    spread: float
    turn: float
    rest: float
    start: np.ndarray
    end: np.ndarray


@jit
def _start(rows, m, cell, face, speed, inflow, path):
    """Place and velocity of a walker from beyond a face when it has entered."""
    d = face.low.shape[0]
    u, v = uniforms(path.key, path.address, path.step, KINETIC, 1)
    n, _ = normal_pair(path.key, path.address, path.step, KINETIC, 2)
    moved = inflow.spread * math.sqrt(-2.0 * math.log(u))
    inward = inflow.turn * moved + inflow.rest * n
    place, other = uniforms(path.key, path.address, path.step, KINETIC, 3)
    first, second = normal_pair(path.key, path.address, path.step, KINETIC, 4)
    for a in range(d):
        if a == face.axis:
            sign = 1.0 if face.side == 0 else -1.0
            rows[a, m], rows[d + a, m] = face.plane + sign * v * moved, sign * inward
        else:
            rows[a, m] = face.low[a] + face.width[a] * (cell % face.shape[a] + place)
            rows[d + a, m] = speed * first
            place, first = other, second
            cell //= face.shape[a]


@jit
def enter(rows, ids, start, cells, face, motion, inflow, key, step, kept):
    """Walkers of a Maxwellian gas that enter through a face, wherever in the step.

    In a time t those who enter have gone ``r = sd sqrt(-2 ln U)``, sd² being the variance of a free
    displacement, of which any part is inside: a density proportional to r exp(-r²/2 sd²), as
    fast ones come from farther. So the gas beyond the face is as if it were there, and a uniform
    one stays so at every step. Each walker enters in one of the finest parts of the step, and flies
    for the rest. Those who go back do not count. The others are packed from position ``start``;
    ``kept[k]`` is 1 for them, or ``face + 2`` if they leave by another face in the same step.
    """
    finest, box, axis = motion.flight.decay.shape[0] - 1, motion.box, face.axis
    parts, d = 1 << finest, motion.box.low.shape[0]
    stack, m = new_stack(), start
    for k in range(cells.shape[0]):
        path = Path(key, ids[start + k], step)
        u, w = uniforms(key, path.address, step, KINETIC, 0)
        now = min(np.int64(parts * u), parts - 1)
        j, fraction = cells[k], (now + 0.5) / parts
        alive = w < inflow.start[j] + fraction * (inflow.end[j] - inflow.start[j])
        left = -1
        if alive:
            _start(rows, m, j, face, motion.flight.speed, inflow, path)
            left = _fly_part(rows, m, axis, motion, path, parts + now, finest, stack)
            if not box.low[axis] <= rows[axis, m] <= box.high[axis]:
                if left < 0 and box.keeps[axis, 1 - face.side] > 0.0:
                    left = 2 * axis + 1 - face.side
                x, v = land(rows[axis, m], rows[d + axis, m], axis, box)
                rows[axis, m], rows[d + axis, m] = x, v
            now += 1
        while alive and left < 0 and now < parts:
            level, size = finest, 1
            while now % (2 * size) == 0:  # the largest part that begins now
                level, size = level - 1, 2 * size
            part = (1 << level) + now // size
            left = _fly_part(rows, m, -1, motion, path, part, level, stack)
            now += size
        alive = alive and left != 2 * axis + face.side
        kept[k] = left + 2 if alive and left >= 0 else alive
        if alive:
            ids[m] = path.address
            m += 1
    return m - start
