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
from hybridrd.kernels.poisson import poisson
from hybridrd.kernels.rng import PLACE, STRADDLE, uniforms

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@jit
def stream_key(key, index):
    """A key of its own for each use of the same purpose."""
    return key ^ ((np.uint64(index) + np.uint64(1)) * _GOLDEN)


@jit
def in_ball(x, radius, key, address, step, purpose, draw, y):
    """A point uniform within ``radius`` of x, in the first ``len(x)`` entries of y."""
    d = x.shape[0]
    u, v = uniforms(key, address, step, purpose, draw)
    if d == 1:
        y[0] = x[0] + radius * (2.0 * u - 1.0)
    elif d == 2:
        r = radius * math.sqrt(u)
        y[0] = x[0] + r * math.cos(2.0 * math.pi * v)
        y[1] = x[1] + r * math.sin(2.0 * math.pi * v)
    else:
        w, _ = uniforms(key, address, step, purpose, draw + 1)
        r = radius * u ** (1.0 / 3.0)
        z = 2.0 * v - 1.0
        s = math.sqrt(max(1.0 - z * z, 0.0))
        y[0] = x[0] + r * s * math.cos(2.0 * math.pi * w)
        y[1] = x[1] + r * s * math.sin(2.0 * math.pi * w)
        y[2] = x[2] + r * z


@jit
def locate(y, low, inverse, shape, periodic):
    """The flat domain cell of a point, -1 outside the domain."""
    index = 0
    for a in range(y.shape[0] - 1, -1, -1):
        j = np.int64(math.floor((y[a] - low[a]) * inverse[a]))
        if periodic[a]:
            j = j % shape[a]
        elif j < 0 or j >= shape[a]:
            return -1
        index = index * shape[a] + j
    return index


@jit
def _outside(y, low, inverse, shape, periodic, axis):
    """On which side of the domain a point is along an axis, -1 if on neither."""
    if periodic[axis]:
        return -1
    j = np.int64(math.floor((y[axis] - low[axis]) * inverse[axis]))
    return 0 if j < 0 else (1 if j >= shape[axis] else -1)


@jit
def _wall_value(y, low, inverse, shape, periodic, region_low, walls, offsets, steps, counts):
    """c_R of the reservoir walls beyond which a point lies, 0 if one of them is none.

    Beyond several at once, at an edge or a corner, it is their mean.
    """
    d = y.shape[0]
    total, number = 0.0, 0
    for axis in range(d):
        side = _outside(y, low, inverse, shape, periodic, axis)
        if side < 0:
            continue
        offset = offsets[2 * axis + side]
        if offset < 0:
            return 0.0
        index = 0
        for a in range(d - 1, -1, -1):
            if a != axis:
                j = np.int64(math.floor((y[a] - region_low[a]) / steps[a]))
                index = index * counts[a] + min(max(j, 0), counts[a] - 1)
        total += walls[offset + index]
        number += 1
    return total / number if number > 0 else 0.0


@jit
def _beyond_open(y, low, inverse, shape, periodic, opens):
    """Whether a point is beyond walls that hold a reservoir, all of them."""
    beyond = 0
    for a in range(y.shape[0]):
        side = _outside(y, low, inverse, shape, periodic, a)
        if side < 0:
            continue
        if not opens[a, side]:
            return False
        beyond += 1
    return beyond > 0


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
            in_ball(here, radius, key, ids[i], step, PLACE, 3 * k, y)
            inside = True
            for a in range(d):
                inside = inside and region_low[a] <= y[a] <= region_high[a]
            if inside:
                continue
            cell = locate(y, low, inverse, shape, periodic)
            if cell >= 0:
                value = c[cell]
            else:
                value = _wall_value(
                    y, low, inverse, shape, periodic, region_low, walls, offsets, steps, counts
                )
            u, v = uniforms(key, ids[i], step, PLACE, 3 * k + 2)
            if u * c_max < value * weight:
                if m < out_i.shape[0]:
                    out_i[m] = i
                    out_cell[m] = cell
                    out_time[m] = v
                    out_priority[m] = np.uint64(v * 2.0**52) << np.uint64(12)
                    for a in range(d):
                        out_y[a, m] = y[a]
                m += 1
    return m


@jit
def find_entering(
    region_low, region_high, opens, radius, hazard, c_max, c, low, inverse, shape, periodic, walls,
    offsets, steps, counts, key, step, out_i, out_cell, out_y, out_time, out_priority,
):  # fmt: skip
    """Complexes in the reservoir whose second product falls into the region; returns how many.

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
            # The faces' own addresses end where those of candidates begin.
            address = ((np.uint64(face) + np.uint64(1)) << np.uint64(48)) + np.uint64(k)
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
            inside = True
            for a in range(d):
                inside = inside and region_low[a] <= y[a] <= region_high[a]
            if inside:
                continue
            cell = locate(y, low, inverse, shape, periodic)
            if cell >= 0:
                value = c[cell]
            else:
                value = _wall_value(
                    y, low, inverse, shape, periodic, region_low, walls, offsets, steps, counts
                )
            if u * c_max < value:
                if m < out_i.shape[0]:
                    out_i[m] = face
                    out_cell[m] = cell
                    out_time[m] = v
                    out_priority[m] = np.uint64(v * 2.0**52) << np.uint64(12)
                    for a in range(d):
                        out_y[a, m] = here[a]
                m += 1
    return m


@jit
def find_unbinding(
    x, ids, n, radius, hazard, stays, beyond, mask, low, inverse, shape, periodic, opens, key, step,
    out_i, out_cell, out_y, out_time, out_priority,
):  # fmt: skip
    """Particles that dissociate: the second product is put uniformly within the radius.

    ``hazard`` is that of half a step. A place outside the domain rejects the event, unless it is
    beyond walls with a reservoir (``opens[axis, side]``): cell -1. Of places there, and in
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
            in_ball(here, radius, key, ids[i], step, PLACE, 3 * draw, y)
            u, _ = uniforms(key, ids[i], step, PLACE, 3 * draw + 2)
            draw += 1
            cell = locate(y, low, inverse, shape, periodic)
            inside = cell >= 0 and mask[cell]
            if inside:
                cell = -2
            lost = cell == -1 and not _beyond_open(y, low, inverse, shape, periodic, opens)
            if lost or (not inside and u >= beyond):
                continue
            for a in range(d):
                if periodic[a]:
                    width = shape[a] / inverse[a]
                    y[a] = low[a] + (y[a] - low[a]) % width
            if m < out_i.shape[0]:
                out_i[m] = i
                out_cell[m] = cell
                out_time[m] = time
                out_priority[m] = np.uint64(v * 2.0**52) << np.uint64(12)
                for a in range(d):
                    out_y[a, m] = y[a]
            m += 1
            if not stays:
                break
    return m
