"""Check whether anything happens among few particles that react in pairs.

Mostly nothing does: each pair within the radius has its number, each complex too, and all of them
say no. Particles are compared all with all, which is faster than a cell list as long as they are
few. Whoever finds that something may happen leaves the half step to `hybridrd.reactions.pairs`,
which looks up the same numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hybridrd.kernels import groups
from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.groups import DONE, OUTSIDE, N
from hybridrd.kernels.rng import RESERVOIR_PAIR, pair_words, uniform52, uniforms

MOST = 40_000  # pairs of particles; measured: above, a cell list is faster


class Meetings(NamedTuple):
    """Pair reactions and dissociations of a region, one entry each.

    Parameters
    ----------
    first, second
        Species; the second is -1 for a dissociation.
    channel
        The reaction.
    radius2
        Square of the Doi radius.
    bound
        No number above this lets a pair react, or a complex dissociate, in half a step.
    keys
        Keys of the dissociations in either half step, ``(2, reactions)``.
    periods, inverse
        Period of each axis and its inverse, 0 where there is none.
    """

    first: np.ndarray
    second: np.ndarray
    channel: np.ndarray
    radius2: np.ndarray
    bound: np.ndarray
    keys: np.ndarray
    periods: np.ndarray
    inverse: np.ndarray


@inlined
def _gap(delta, width, inverse):
    return delta - width * np.floor(delta * inverse + 0.5)


@jit
def _near(x, i, y, begin, n, periods, inverse, radius2):
    """How many of the particles from ``begin`` on are near particle i; a loop that vectorises."""
    d, found = x.shape[0], 0
    a, row = x[0, i], y[0]
    if d == 1:
        for j in range(begin, n):
            p = _gap(row[j] - a, periods[0], inverse[0])
            found += p * p <= radius2
        return found
    b, second = x[1, i], y[1]
    if d == 2:
        for j in range(begin, n):
            p = _gap(row[j] - a, periods[0], inverse[0])
            q = _gap(second[j] - b, periods[1], inverse[1])
            found += p * p + q * q <= radius2
        return found
    c, third = x[2, i], y[2]
    for j in range(begin, n):
        p = _gap(row[j] - a, periods[0], inverse[0])
        q = _gap(second[j] - b, periods[1], inverse[1])
        r = _gap(third[j] - c, periods[2], inverse[2])
        found += p * p + q * q + r * r <= radius2
    return found


@jit
def _is_near(x, i, y, j, periods, inverse, radius2):
    total = 0.0
    for a in range(x.shape[0]):
        p = _gap(y[a, j] - x[a, i], periods[a], inverse[a])
        total += p * p
    return total <= radius2


@jit
def react_pairs(table, meetings, key, step, half):
    """Half a step of pairs: `DONE` if nothing happens, `OUTSIDE` if something may."""
    d = meetings.periods.shape[0]
    periods, inverse = meetings.periods, meetings.inverse
    for e in range(meetings.first.shape[0]):
        s, other, bound = meetings.first[e], meetings.second[e], meetings.bound[e]
        n, m = table[s, N], table[other, N] if other >= 0 else 1
        if n == 0 or m == 0 or bound <= 0.0:
            continue
        if other >= 0 and n * m > MOST:
            return OUTSIDE
        x, ids, _ = groups.arrays_of(table, s, d)
        if other < 0:
            for i in range(n):
                u, _ = uniforms(meetings.keys[half, e], ids[i], step, RESERVOIR_PAIR, 0)
                if u <= bound:
                    return OUTSIDE
            continue
        y, others, _ = groups.arrays_of(table, other, d)
        radius2, channel = meetings.radius2[e], meetings.channel[e]
        for i in range(n):
            begin = i + 1 if s == other else 0
            if _near(x, i, y, begin, m, periods, inverse, radius2) == 0:
                continue
            for j in range(begin, m):
                if not _is_near(x, i, y, j, periods, inverse, radius2):
                    continue
                a, b = ids[i], others[j]
                if s == other and a > b:
                    a, b = b, a
                w0, w1, _, _ = pair_words(key, a, b, step, channel, half)
                if uniform52(w0, w1) < bound:
                    return OUTSIDE
    return DONE
