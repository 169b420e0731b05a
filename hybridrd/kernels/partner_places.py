"""Points about a particle, and what stands there: cells, and reservoirs beyond faces and walls."""

from __future__ import annotations

import math

import numpy as np

from hybridrd.kernels._jit import jit
from hybridrd.kernels.rng import uniforms


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
def beyond_open(y, low, inverse, shape, periodic, opens):
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
def reservoir_at(
    y, region_low, region_high, c, low, inverse, shape, periodic, walls, offsets, steps, counts
):
    """The cell of a point, -1 beyond a wall, and the reservoir's concentration there.

    In the region there is none.
    """
    inside = True
    for a in range(y.shape[0]):
        inside = inside and region_low[a] <= y[a] <= region_high[a]
    if inside:
        return -1, 0.0
    cell = locate(y, low, inverse, shape, periodic)
    if cell >= 0:
        return cell, c[cell]
    return cell, _wall_value(
        y, low, inverse, shape, periodic, region_low, walls, offsets, steps, counts
    )
