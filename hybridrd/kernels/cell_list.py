"""Particles in the order of cells, by a counting sort.

Cells along the first axis, a row, stand side by side. Rows stand side by side too, or, where there
would be far more cells than particles, each from a scattered place on in a table of ``mask + 1``
places, its end joined to its start: cells of several rows may then share a place, so whoever looks
for a row has to check whom it finds there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.arrays import axis_cell

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: neighbours go far apart


class CellList(NamedTuple):
    """Cells into which particles are sorted, one entry an axis.

    Parameters
    ----------
    low, inverse, shape
        Lower corner, cells per length, number of cells.
    periods
        Length after which an axis repeats, 0 where it does not.
    mask
        0 where rows stand side by side, else the number of places less one, see the module.
    """

    low: np.ndarray
    inverse: np.ndarray
    shape: np.ndarray
    periods: np.ndarray
    mask: int


@inlined
def row_start(row, count, mask):
    """Where a row of ``count`` cells starts; ``mask`` is 0 where they stand side by side."""
    if mask == 0:
        return row * count
    return np.int64((np.uint64(row) * _GOLDEN) >> np.uint64(32))


@inlined
def row_of(x, i, cells):
    """The row in which particle i is."""
    low, inverse, shape, _, _ = cells
    row = 0
    for a in range(x.shape[0] - 1, 0, -1):
        row = row * shape[a] + axis_cell(x[a, i], low[a], inverse[a], shape[a])
    return row


@jit
def _add_axis(row, low, inverse, count, stride, places):
    """Add the part of one axis to the cell of each particle; a loop that vectorises."""
    for i in range(places.shape[0]):
        places[i] += stride * axis_cell(row[i], low, inverse, count)


@jit
def count_cells(x, n, cells, places, starts):
    """The place of each particle's cell, and where each begins in sorted order.

    ``starts`` has one entry more than there are places: ``mask + 1`` of them, or all cells for a
    mask of 0.
    """
    low, inverse, shape, _, mask = cells
    places[:n] = 0
    stride = 1
    for a in range(1, x.shape[0]):
        _add_axis(x[a], low[a], inverse[a], shape[a], stride, places[:n])
        stride *= shape[a]
    for i in range(n):
        places[i] = row_start(places[i], shape[0], mask)
    _add_axis(x[0], low[0], inverse[0], shape[0], 1, places[:n])
    if mask != 0:
        for i in range(n):
            places[i] &= mask
    starts[:] = 0
    for i in range(n):
        starts[places[i] + 1] += 1
    for c in range(starts.shape[0] - 1):
        starts[c + 1] += starts[c]


@jit
def sort_into(x, ids, n, places, starts, next_place, x_out, ids_out):
    """Copy particles in cell order, stable within a cell."""
    for c in range(next_place.shape[0]):
        next_place[c] = starts[c]
    for i in range(n):
        j = next_place[places[i]]
        next_place[places[i]] = j + 1
        places[i] = j
        ids_out[j] = ids[i]
    for a in range(x.shape[0]):
        row, out = x[a], x_out[a]
        for i in range(n):
            out[places[i]] = row[i]
