"""Bookkeeping of particle arrays: compaction, counting in cells, placing new particles."""

from __future__ import annotations

import math

import numpy as np

from hybridrd.kernels._jit import inlined, jit


@jit
def compact(x, ids, gone, n):
    """Close the gaps of particles that are gone, in order; clears ``gone``, returns the count."""
    d = x.shape[0]
    m = 0
    for i in range(n):
        if gone[i] == 0:
            if m < i:
                ids[m] = ids[i]
                for a in range(d):
                    x[a, m] = x[a, i]
            m += 1
        gone[i] = 0
    return m


@inlined
def axis_cell(x, low, inverse, count):
    """The cell index of a coordinate along one axis, within 0 and ``count - 1``."""
    i = math.floor((x - low) * inverse)
    return min(max(np.int64(i), 0), count - 1)


@inlined
def cell_of(x, i, low, inverse, shape):
    """The flat cell index of particle i, first axis fastest."""
    index = 0
    for a in range(x.shape[0] - 1, -1, -1):
        index = index * shape[a] + axis_cell(x[a, i], low[a], inverse[a], shape[a])
    return index


@jit
def count_in_cells(x, n, low, inverse, shape, counts):
    """Add the number of particles in each cell to ``counts`` (flat, first axis fastest)."""
    for i in range(n):
        counts[cell_of(x, i, low, inverse, shape)] += 1


@jit
def exit_cells(x, gone, n, low, inverse, shape, periodic, outside, counts, credit):
    """Book the particles that left: per face, and in the cell at their exit point.

    ``gone[i]`` is 0 or face + 1. ``outside[face]`` is the index along the face's axis of the cells
    beyond it, or -1 for a wall, whose leavers are counted but not credited. The other indices are
    those of the particle's position, taken into the domain.
    """
    d = x.shape[0]
    for i in range(n):
        if gone[i] == 0:
            continue
        face = gone[i] - 1
        counts[face] += 1
        if outside[face] < 0:
            continue
        index = 0
        for a in range(d - 1, -1, -1):
            if a == face // 2:
                j = outside[face]
            else:
                j = np.int64(math.floor((x[a, i] - low[a]) * inverse[a]))
                j = j % shape[a] if periodic[a] else min(max(j, 0), shape[a] - 1)
            index = index * shape[a] + j
        credit[index] += 1


@jit
def runs(counts, total):
    """The index of each of ``total`` things, ``counts[j]`` of them with index j."""
    out = np.empty(total, np.int64)
    k = 0
    for j in range(counts.shape[0]):
        for _ in range(counts[j]):
            out[k] = j
            k += 1
    return out
