"""Pairs of which one partner is a particle and the other is in the reservoir.

The partners of a particle form a Poisson process of the reservoir's concentration within the Doi
radius (del Razo 2024, section III.A). Candidates are drawn uniformly in the ball and thinned: one
at y counts where y lies in the reservoir, with probability c(y)/c_max.
"""

from __future__ import annotations

import math

import numpy as np

from hybridrd.kernels._jit import jit
from hybridrd.kernels.pairs import when
from hybridrd.kernels.partner_places import beyond_open, in_ball, locate, reservoir_at
from hybridrd.kernels.poisson import poisson
from hybridrd.kernels.rng import PLACE, STRADDLE, candidate_draw, entering_address, uniforms


@jit
def _propose(i, cell, y, time, word, m, out_i, out_cell, out_y, out_time, out_priority):
    """Put the m-th event into the output, where there is room for it."""
    if m < out_i.shape[0]:
        out_i[m], out_cell[m], out_time[m] = i, cell, time
        out_priority[m] = np.uint64(word * 2.0**52) << np.uint64(12)
        for a in range(y.shape[0]):
            out_y[a, m] = y[a]


@jit
def find_straddling(
    x, ids, n, region_low, region_high, opens, radius, probability, c_max, trials, c, low, inverse,
    shape, periodic, walls, offsets, steps, counts, key, step, out_i, out_cell, out_y, out_time,
    out_priority,
):  # fmt: skip
    """Particles that react with a partner in the reservoir; returns how many.

    ``opens[axis, side]`` says beyond which faces there is one; ``c`` is its concentration on all
    cells (0 in the region), ``walls`` that of reservoir walls, face by face from ``offsets``
    (-1: none). ``probability`` is that of a pair in the full step, one or one a cell; ``trials``
    the mean number of candidates in a half step, for the largest probability and ``c_max``. As in
    pairs within the region, a particle may be proposed more than once.
    Cell -1 in the output stands for a wall's reservoir.
    """
    d = x.shape[0]
    here = np.empty(d)
    y = np.empty(d)
    largest = probability[0]
    for k in range(probability.shape[0]):
        largest = max(largest, probability[k])
    m = 0
    for i in range(n):
        near = False
        for a in range(d):
            here[a] = x[a, i]
            if opens[a, 0] and x[a, i] - region_low[a] < radius:
                near = True
            if opens[a, 1] and region_high[a] - x[a, i] < radius:
                near = True
        if not near:
            continue
        weight = 1.0
        if probability.shape[0] > 1:
            weight = probability[locate(here, low, inverse, shape, periodic)] / largest
        candidates = poisson(trials, key, ids[i], step, STRADDLE)
        for k in range(candidates):
            in_ball(here, radius, key, ids[i], step, PLACE, candidate_draw(k), y)
            cell, value = reservoir_at(
                y, region_low, region_high, c, low, inverse, shape, periodic, walls, offsets,
                steps, counts,
            )  # fmt: skip
            u, v = uniforms(key, ids[i], step, PLACE, candidate_draw(k) + 2)
            if u * c_max < value * weight:
                _propose(i, cell, y, v, v, m, out_i, out_cell, out_y, out_time, out_priority)
                m += 1
    return m


@jit
def find_entering(
    region_low, region_high, opens, radius, hazard, c_max, c, low, inverse, shape, periodic, walls,
    offsets, steps, counts, left, key, step, out_i, out_cell, out_y, out_time, out_priority,
):  # fmt: skip
    """Complexes in the reservoir of which one product falls into the region; returns how many.

    The other is left beyond: at walls only where they hold a reservoir of it, ``left[axis, side]``.
    A ball about the one place is as good as one about the other: products are drawn uniformly
    within ``radius`` of the open faces, with ``hazard c_max`` a volume, and their complexes in the
    ball about them. Arguments are as in `find_straddling`; ``hazard`` is that of half a step.
    ``out_y`` is the product's place, ``out_cell`` the complex's cell; ``out_i`` is the face.
    """
    d = region_low.shape[0]
    here = np.empty(d)
    y = np.empty(d)
    m = 0
    for face in range(2 * d):
        axis, side = face // 2, face % 2
        if not opens[axis, side]:
            continue
        volume = 1.0
        for a in range(d):
            extent = region_high[a] - region_low[a]
            volume *= min(radius, extent) if a == axis else extent
        candidates = poisson(hazard * c_max * volume, key, np.uint64(face), step, STRADDLE)
        for k in range(candidates):
            address = entering_address(face, k)
            for a in range(d):
                u, _ = uniforms(key, address, step, PLACE, 3 + a)
                extent = region_high[a] - region_low[a]
                if a != axis:
                    here[a] = region_low[a] + u * extent
                elif side == 0:
                    here[a] = region_low[a] + u * min(radius, extent)
                else:
                    here[a] = region_high[a] - u * min(radius, extent)
            seen = False  # from an earlier face
            for other in range(face):
                a = other // 2
                if opens[a, other % 2]:
                    depth = here[a] - region_low[a] if other % 2 == 0 else region_high[a] - here[a]
                    seen = seen or depth < radius
            if seen:
                continue
            in_ball(here, radius, key, address, step, PLACE, 0, y)
            u, v = uniforms(key, address, step, PLACE, 2)
            cell, value = reservoir_at(
                y, region_low, region_high, c, low, inverse, shape, periodic, walls, offsets,
                steps, counts,
            )  # fmt: skip
            kept = cell >= 0 or beyond_open(y, low, inverse, shape, periodic, left)
            if kept and u * c_max < value:
                _propose(face, cell, here, v, v, m, out_i, out_cell, out_y, out_time, out_priority)
                m += 1
    return m


@jit
def find_unbinding(
    x, ids, n, radius, hazard, stays, beyond, mask, low, inverse, shape, periodic, opens, shut,
    walls_only, key, step, out_i, out_cell, out_y, out_time, out_priority,
):  # fmt: skip
    """Particles that dissociate: one product is put uniformly within the radius.

    ``hazard`` is that of half a step. A place outside the domain rejects the event, unless it is
    beyond walls with a reservoir of that product (``opens[axis, side]``) and not beyond such as
    are ``shut``: cell -1. With ``walls_only`` all other places reject it. Of places there, and in
    cells outside the region (``mask``), a share ``beyond`` is taken; other cells in the output are
    those outside the region, -2 is a place within it. After a rejected event time goes on; also
    after one that leaves the particle there (``stays``). Returns how many.
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
            u, v = uniforms(key, ids[i], step, STRADDLE, draw)
            if u > likely:
                break
            time += when(u, hazard, False)
            if not time < 1.0:
                break
            for a in range(d):
                here[a] = x[a, i]
            in_ball(here, radius, key, ids[i], step, PLACE, candidate_draw(draw), y)
            u, _ = uniforms(key, ids[i], step, PLACE, candidate_draw(draw) + 2)
            draw += 1
            cell = locate(y, low, inverse, shape, periodic)
            inside = cell >= 0 and mask[cell]
            if inside:
                cell = -2
            allowed = not walls_only
            if cell == -1:
                allowed = beyond_open(y, low, inverse, shape, periodic, opens)
                allowed = allowed and not beyond_open(y, low, inverse, shape, periodic, shut)
            if not allowed or (not inside and u >= beyond):
                continue
            for a in range(d):
                if periodic[a]:
                    width = shape[a] / inverse[a]
                    y[a] = low[a] + (y[a] - low[a]) % width
            _propose(i, cell, y, time, v, m, out_i, out_cell, out_y, out_time, out_priority)
            m += 1
            if not stays:
                break
    return m
