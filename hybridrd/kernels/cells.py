"""Particles in the order of cells, by a counting sort."""

from __future__ import annotations

from hybridrd.kernels._jit import jit
from hybridrd.kernels.arrays import axis_cell


@jit
def _add_axis(row, low, inverse, count, stride, cells):
    """Add the part of one axis to the cell of each particle; a loop that vectorises."""
    for i in range(cells.shape[0]):
        cells[i] += stride * axis_cell(row[i], low, inverse, count)


@jit
def count_cells(x, n, low, inverse, shape, cells, starts):
    """The cell of each particle, and the start of each cell in sorted order (length cells + 1)."""
    cells[:n] = 0
    stride = 1
    for a in range(x.shape[0]):
        _add_axis(x[a], low[a], inverse[a], shape[a], stride, cells[:n])
        stride *= shape[a]
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
