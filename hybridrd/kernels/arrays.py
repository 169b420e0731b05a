"""Bookkeeping of particle arrays: closing gaps, counting in cells, placing new particles."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import inlined, jit


class Cells(NamedTuple):
    """Uniform cells of a box, one entry per axis; the flat index runs along the first axis first.

    Parameters
    ----------
    low
        Lower corner of the box.
    width, inverse
        Widths of the cells, and cells per length.
    shape
        Numbers of cells.
    """

    low: np.ndarray
    width: np.ndarray
    inverse: np.ndarray
    shape: np.ndarray


@jit
def find_gone(words, gone, n, out):
    """Indices of the particles that are gone, ascending; returns their number.

    ``words`` is the memory of ``gone`` in steps of eight: most are skipped eight at a time.
    """
    m = 0
    for w in range((n + 7) // 8):
        if words[w] != 0:
            for i in range(8 * w, min(8 * w + 8, n)):
                if gone[i] != 0:
                    out[m] = i
                    m += 1
    return m


@jit
def close_gaps(x, ids, gone, n, gaps, places):
    """Fill the gaps (ascending) with the last particles, and clear ``gone``; returns the count.

    ``places[i - count]`` receives where particle i of the last ones is now, -1 if it is gone.
    """
    left = n - gaps.shape[0]
    last = n - 1
    k = gaps.shape[0] - 1  # the last gap not yet passed from the end
    places[:] = -1
    for g in gaps:
        gone[g] = 0
        if g >= left:
            continue
        while k >= 0 and gaps[k] == last:
            k -= 1
            last -= 1
        places[last - left] = g
        ids[g] = ids[last]
        for a in range(x.shape[0]):
            x[a, g] = x[a, last]
        last -= 1
    return left


@inlined
def axis_cell(x, low, inverse, count):
    """The cell index of a coordinate along one axis, within 0 and ``count - 1``."""
    i = np.floor((x - low) * inverse)
    return np.int64(min(max(i, 0.0), count - 1.0))


@inlined
def cell_of(x, i, cells):
    """The flat index of the cell of particle i."""
    low, inverse, shape = cells.low, cells.inverse, cells.shape
    index = 0
    for a in range(x.shape[0] - 1, -1, -1):
        index = index * shape[a] + axis_cell(x[a, i], low[a], inverse[a], shape[a])
    return index


@jit
def count_in_cells(x, n, cells, counts):
    """Add the number of particles in each cell to ``counts``."""
    for i in range(n):
        counts[cell_of(x, i, cells)] += 1


@jit
def cell_indices(x, n, cells, out):
    """The cell of each particle."""
    for i in range(n):
        out[i] = cell_of(x, i, cells)


@jit
def exit_cells(x, gone, gaps, cells, first, last, outside, counts, credit):
    """Count the particles ``gaps`` that left: per face, and in the cell at their exit point.

    ``gone[i]`` is face + 1. ``outside[face]`` is the index along the face's axis of the cells
    beyond it, or -1 for a wall, whose leavers are counted but not credited. The other indices are
    those of the particle's position, within those of the region, ``first`` to ``last``.
    """
    d = x.shape[0]
    low, inverse, shape = cells.low, cells.inverse, cells.shape
    for i in gaps:
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
                j = min(max(j, first[a]), last[a])
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


@jit
def stable_order(keys, order, other):
    """The order of keys, of equal ones that in which they are, by merging; in ``order``.

    ``other`` is as long, to work with.
    """
    n = keys.shape[0]
    for i in range(n):
        order[i] = i
    width = 1
    while width < n:
        for low in range(0, n, 2 * width):
            middle, high = min(low + width, n), min(low + 2 * width, n)
            i, j = low, middle
            for k in range(low, high):
                if i < middle and (j >= high or keys[order[i]] <= keys[order[j]]):
                    other[k] = order[i]
                    i += 1
                else:
                    other[k] = order[j]
                    j += 1
        for k in range(n):
            order[k] = other[k]
        width *= 2
