"""Particles in the order of cells, by a counting sort.

Cells along the first axis, a row, stand side by side. Rows stand side by side too, or, where there
would be far more cells than particles, each from a scattered place on in a table of ``mask + 1``
places, its end joined to its start: cells of several rows may then share a place, so whoever looks
for a row has to check whom it finds there.
"""

from __future__ import annotations

import numpy as np

from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.arrays import axis_cell

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: neighbours go far apart


@inlined
def row_start(row, count, mask):
    """Where a row of ``count`` cells starts; ``mask`` is 0 where they stand side by side."""
    if mask == 0:
        return row * count
    return np.int64((np.uint64(row) * _GOLDEN) >> np.uint64(32))


@inlined
def row_of(x, i, low, inverse, shape):
    """The row in which particle i is."""
    row = 0
    for a in range(x.shape[0] - 1, 0, -1):
        row = row * shape[a] + axis_cell(x[a, i], low[a], inverse[a], shape[a])
    return row


@jit
def _add_axis(row, low, inverse, count, stride, cells):
    """Add the part of one axis to the cell of each particle; a loop that vectorises."""
    for i in range(cells.shape[0]):
        cells[i] += stride * axis_cell(row[i], low, inverse, count)


@jit
def count_cells(x, n, low, inverse, shape, mask, cells, starts):
    """The place of each particle's cell, and where each begins in sorted order.

    ``starts`` has one entry more than there are places: ``mask + 1`` of them, or all cells for a
    mask of 0.
    """
    cells[:n] = 0
    stride = 1
    for a in range(1, x.shape[0]):
        _add_axis(x[a], low[a], inverse[a], shape[a], stride, cells[:n])
        stride *= shape[a]
    for i in range(n):
        cells[i] = row_start(cells[i], shape[0], mask)
    _add_axis(x[0], low[0], inverse[0], shape[0], 1, cells[:n])
    if mask != 0:
        for i in range(n):
            cells[i] &= mask
    starts[:] = 0
    for i in range(n):
        starts[cells[i] + 1] += 1
    for c in range(starts.shape[0] - 1):
        starts[c + 1] += starts[c]


@jit
def sort_into(x, ids, n, cells, starts, next_place, x_out, ids_out):
    """Copy particles in cell order, stable within a cell."""
    next_place[:] = starts[:-1]
    for i in range(n):
        j = next_place[cells[i]]
        next_place[cells[i]] = j + 1
        cells[i] = j
        ids_out[j] = ids[i]
    for a in range(x.shape[0]):
        row, out = x[a], x_out[a]
        for i in range(n):
            out[cells[i]] = row[i]
