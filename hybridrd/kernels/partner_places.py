"""Positions of partners around a particle: cells, and reservoirs beyond faces and walls."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.rng import uniforms


class Domain(NamedTuple):
    """The cells of the domain, one entry per axis.

    Parameters
    ----------
    low, inverse, shape
        Lower corner, cells per length, number of cells.
    periodic
        Whether the domain repeats along the axis.
    """

    low: np.ndarray
    inverse: np.ndarray
    shape: np.ndarray
    periodic: np.ndarray


class Reservoir(NamedTuple):
    """One species beyond the faces of the particle region.

    Parameters
    ----------
    low, high
        Corners of the region, of the domain around a mask.
    width, shape
        Widths and numbers of the cells in there.
    opens
        ``opens[axis, side]``: whether there is a reservoir of it beyond that face.
    radius
        How near to a face a particle has partners there.
    c
        Concentration on all cells of the domain, 0 in the region.
    walls, offsets
        Concentration on the face cells of reservoir walls, those of face ``2 axis + side`` from
        ``offsets[face]`` on, -1 for none.
    c_max
        The largest of them all.
    near, reach
        For a region other than a box: whether a cell of the domain belongs to the region and may
        have partners within the radius, and those cells; empty for a box.
    """

    low: np.ndarray
    high: np.ndarray
    width: np.ndarray
    shape: np.ndarray
    opens: np.ndarray
    radius: float
    c: np.ndarray
    walls: np.ndarray
    offsets: np.ndarray
    c_max: float
    near: np.ndarray
    reach: np.ndarray


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
def locate(y, domain):
    """The flat domain cell of a point, -1 outside the domain."""
    index = 0
    for a in range(y.shape[0] - 1, -1, -1):
        j = np.int64(math.floor((y[a] - domain.low[a]) * domain.inverse[a]))
        if domain.periodic[a]:
            j = j % domain.shape[a]
        elif j < 0 or j >= domain.shape[a]:
            return -1
        index = index * domain.shape[a] + j
    return index


@inlined
def turn_back(x, axis, domain):
    """A coordinate, within the domain along a periodic axis."""
    if not domain.periodic[axis]:
        return x
    width = domain.shape[axis] / domain.inverse[axis]
    return domain.low[axis] + (x - domain.low[axis]) % width


@jit
def _outside(y, domain, axis):
    """On which side of the domain a point is along an axis, -1 if on neither."""
    if domain.periodic[axis]:
        return -1
    j = np.int64(math.floor((y[axis] - domain.low[axis]) * domain.inverse[axis]))
    return 0 if j < 0 else (1 if j >= domain.shape[axis] else -1)


@jit
def _wall_value(y, reservoir, domain):
    """c_R of the reservoir walls beyond which a point lies, 0 if one of them is none.

    Beyond several at once, at an edge or a corner, it is their mean.
    """
    d = y.shape[0]
    counts = reservoir.shape
    total, number = 0.0, 0
    for axis in range(d):
        side = _outside(y, domain, axis)
        if side < 0:
            continue
        offset = reservoir.offsets[2 * axis + side]
        if offset < 0:
            return 0.0
        index = 0
        for a in range(d - 1, -1, -1):
            if a != axis:
                j = np.int64(math.floor((y[a] - reservoir.low[a]) / reservoir.width[a]))
                index = index * counts[a] + min(max(j, 0), counts[a] - 1)
        total += reservoir.walls[offset + index]
        number += 1
    return total / number if number > 0 else 0.0


@jit
def beyond_open(y, domain, opens):
    """Whether a point is beyond walls that hold a reservoir, all of them."""
    beyond = 0
    for a in range(y.shape[0]):
        side = _outside(y, domain, a)
        if side < 0:
            continue
        if not opens[a, side]:
            return False
        beyond += 1
    return beyond > 0


@jit
def reservoir_at(y, reservoir, domain):
    """The cell of a point, -1 beyond a wall, and the reservoir's concentration there.

    In the region there is none.
    """
    inside = reservoir.near.shape[0] == 0  # in a mask c decides
    for a in range(y.shape[0]):
        inside = inside and reservoir.low[a] <= y[a] <= reservoir.high[a]
    if inside:
        return -1, 0.0
    cell = locate(y, domain)
    return cell, (reservoir.c[cell] if cell >= 0 else _wall_value(y, reservoir, domain))
