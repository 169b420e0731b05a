"""Pairs of a particle and a partner in a reservoir, and dissociation across faces.

The partners of a particle form a Poisson process of the reservoir's concentration within the Doi
radius (del Razo 2024, section III.A). Candidates are drawn uniformly in the ball and thinned: one
at y counts where y lies in the reservoir, with probability c(y)/c_max.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hybridrd.arrays import OBSTACLE, PARTICLES
from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.pairs import when
from hybridrd.kernels.partner_places import beyond_open, in_ball, locate, reservoir_at
from hybridrd.kernels.poisson import poisson
from hybridrd.kernels.rng import PLACE, RESERVOIR_PAIR, candidate_draw, entering_address, uniforms


class Proposed(NamedTuple):
    """Events of single particles, one entry each.

    Parameters
    ----------
    i
        The particle's position in its array, or the face of a complex in the reservoir.
    cell
        The domain cell of the other place; -1 beyond a wall, -2 in the region.
    y
        The other place, ``y[axis, event]``.
    time, priority
        When, in half steps; of two at the same time the one of lower priority is first.
    """

    i: np.ndarray
    cell: np.ndarray
    y: np.ndarray
    time: np.ndarray
    priority: np.ndarray


class Apart(NamedTuple):
    """How particles dissociate.

    Parameters
    ----------
    radius
        One product is put uniformly within it.
    stays
        Whether the particle is there after the event.
    beyond
        Share of places outside the region that are accepted.
    codes
        What each cell of the domain is, see `hybridrd.model.partition`.
    opens, shut
        ``[axis, side]``: walls that hold a reservoir of that product, so that it may be put beyond
        them; and walls beyond all of which it may not be put even so.
    walls_only
        Whether all places but those beyond walls reject the event.
    """

    radius: float
    stays: bool
    beyond: float
    codes: np.ndarray
    opens: np.ndarray
    shut: np.ndarray
    walls_only: bool


@jit
def _propose(i, cell, y, time, word, m, out):
    """Put the m-th event into the output, where there is room for it."""
    if m < out.i.shape[0]:
        out.i[m], out.cell[m], out.time[m] = i, cell, time
        out.priority[m] = np.uint64(word * 2.0**52) << np.uint64(12)
        for a in range(y.shape[0]):
            out.y[a, m] = y[a]


@inlined
def _depth(y, axis, side, reservoir):
    """Distance of a point from a face of the region."""
    return y[axis] - reservoir.low[axis] if side == 0 else reservoir.high[axis] - y[axis]


@jit
def _is_near(y, faces, reservoir):
    """Whether a point is within the radius of one of the first so many faces, of the open ones."""
    for face in range(faces):
        axis, side = face // 2, face % 2
        if reservoir.opens[axis, side] and _depth(y, axis, side, reservoir) < reservoir.radius:
            return True
    return False


@jit
def find_reservoir_pairs(x, ids, n, probability, trials, reservoir, domain, key, step, out):
    """Particles that react with a partner in the reservoir; returns how many.

    ``probability`` is that of a pair in the full step, one or one a cell; ``trials`` the mean
    number of candidates in a half step, for the largest probability and concentration. As in
    pairs within the region, a particle may be proposed more than once. Results are `Proposed`.
    """
    d = x.shape[0]
    here = np.empty(d)
    y = np.empty(d)
    largest = probability[0]
    for k in range(probability.shape[0]):
        largest = max(largest, probability[k])
    m = 0
    for i in range(n):
        for a in range(d):
            here[a] = x[a, i]
        if reservoir.near.shape[0] > 0:
            cell = locate(here, domain)
            near = cell >= 0 and reservoir.near[cell]
        else:
            near = _is_near(here, 2 * d, reservoir)
        if not near:
            continue
        weight = 1.0
        if probability.shape[0] > 1:
            weight = probability[locate(here, domain)] / largest
        candidates = poisson(trials, key, ids[i], step, RESERVOIR_PAIR)
        for k in range(candidates):
            in_ball(here, reservoir.radius, key, ids[i], step, PLACE, candidate_draw(k), y)
            cell, value = reservoir_at(y, reservoir, domain)
            u, v = uniforms(key, ids[i], step, PLACE, candidate_draw(k) + 2)
            if u * reservoir.c_max < value * weight:
                _propose(i, cell, y, v, v, m, out)
                m += 1
    return m


@jit
def _in_slab(axis, side, reservoir, key, address, step, y):
    """A point of the region uniform within the radius of a face."""
    for a in range(y.shape[0]):
        u, _ = uniforms(key, address, step, PLACE, 3 + a)
        extent = reservoir.high[a] - reservoir.low[a]
        if a != axis:
            y[a] = reservoir.low[a] + u * extent
        elif side == 0:
            y[a] = reservoir.low[a] + u * min(reservoir.radius, extent)
        else:
            y[a] = reservoir.high[a] - u * min(reservoir.radius, extent)


@jit
def _in_reach(reservoir, domain, key, address, step, y):
    """A point uniform in the cells of a mask that may have partners."""
    _, pick = uniforms(key, address, step, PLACE, 3)
    cells = reservoir.reach
    rest = cells[min(int(pick * cells.shape[0]), cells.shape[0] - 1)]
    for a in range(y.shape[0]):
        u, _ = uniforms(key, address, step, PLACE, 3 + a)
        j = rest % domain.shape[a]
        rest //= domain.shape[a]
        y[a] = domain.low[a] + (j + u) / domain.inverse[a]


@jit
def find_entering(hazard, left, reservoir, domain, key, step, out):
    """Complexes in the reservoir of which one product falls into the region; returns how many.

    The other is left beyond: at walls only where they hold a reservoir of it, ``left[axis, side]``.
    A ball about the one place is as good as one about the other: products are drawn uniformly
    within the radius of the open faces (in a mask in all cells within reach), with
    ``hazard c_max`` a volume, and their complexes in the ball about them. ``hazard`` is that of
    half a step. Of the `Proposed`, ``y`` is the product's place, ``cell`` the complex's cell,
    ``i`` the face.
    """
    d = reservoir.low.shape[0]
    radius = reservoir.radius
    here = np.empty(d)
    y = np.empty(d)
    m = 0
    masked = reservoir.near.shape[0] > 0
    for face in range(1 if masked else 2 * d):
        axis, side = face // 2, face % 2
        if not (masked or reservoir.opens[axis, side]):
            continue
        volume = 1.0
        for a in range(d):
            extent = reservoir.high[a] - reservoir.low[a]
            if masked:
                volume /= domain.inverse[a]
            else:
                volume *= min(radius, extent) if a == axis else extent
        if masked:
            volume *= reservoir.reach.shape[0]
        mean = hazard * reservoir.c_max * volume
        candidates = poisson(mean, key, np.uint64(face), step, RESERVOIR_PAIR)
        for k in range(candidates):
            address = entering_address(face, k)
            if masked:
                _in_reach(reservoir, domain, key, address, step, here)
            else:
                _in_slab(axis, side, reservoir, key, address, step, here)
                if _is_near(here, face, reservoir):  # counted at an earlier face
                    continue
            in_ball(here, radius, key, address, step, PLACE, 0, y)
            u, v = uniforms(key, address, step, PLACE, 2)
            cell, value = reservoir_at(y, reservoir, domain)
            kept = cell >= 0 or beyond_open(y, domain, left)
            if kept and u * reservoir.c_max < value:
                _propose(face, cell, here, v, v, m, out)
                m += 1
    return m


@jit
def find_unbinding(x, ids, n, hazard, apart, domain, key, step, out):
    """Particles that dissociate; returns how many.

    ``hazard`` is that of half a step. A place outside the domain rejects the event, unless it is
    beyond walls with a reservoir of the product, see `Apart`. After a rejected event time goes on;
    also after one that leaves the particle there. Results are `Proposed`.
    """
    d = x.shape[0]
    here = np.empty(d)
    y = np.empty(d)
    likely = -math.expm1(-hazard) * (1.0 + 1e-9)  # most are done without a logarithm
    m = 0
    for i in range(n):
        time = 0.0
        draw = 0
        while True:
            u, v = uniforms(key, ids[i], step, RESERVOIR_PAIR, draw)
            if u > likely:
                break
            time += when(u, hazard, False)
            if not time < 1.0:
                break
            for a in range(d):
                here[a] = x[a, i]
            in_ball(here, apart.radius, key, ids[i], step, PLACE, candidate_draw(draw), y)
            u, _ = uniforms(key, ids[i], step, PLACE, candidate_draw(draw) + 2)
            draw += 1
            cell = locate(y, domain)
            if cell >= 0 and apart.codes[cell] == OBSTACLE:
                continue
            inside = cell >= 0 and apart.codes[cell] == PARTICLES
            if inside:
                cell = -2
            allowed = not apart.walls_only
            if cell == -1:
                allowed = beyond_open(y, domain, apart.opens)
                allowed = allowed and not beyond_open(y, domain, apart.shut)
            if not allowed or (not inside and u >= apart.beyond):
                continue
            for a in range(d):
                if domain.periodic[a]:
                    width = domain.shape[a] / domain.inverse[a]
                    y[a] = domain.low[a] + (y[a] - domain.low[a]) % width
            _propose(i, cell, y, time, v, m, out)
            m += 1
            if not apart.stays:
                break
    return m
