"""Cell list of a particle region: particles in the order of cells, by a counting sort.

Cells hold a few particles each for any distribution: if particles are dense, cells are narrower,
down to the radius of the pair search. The cells of a row, along the first axis, are contiguous.
Rows are contiguous too, or, if there would be far more cells than particles, each starts at a
hashed place in a ring of ``mask + 1`` places: cells of several rows may then share a place, so a
search must check the row of the particles that it finds. So memory grows only with the particles.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hybridrd.kernels import groups
from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.arrays import axis_cell
from hybridrd.kernels.groups import ROWS, SPARE, N

_PER_CELL = 2.0  # particles; measured
_CROWDED = 8.0  # particles in a cell, as a particle sees it; 1 + `_PER_CELL` where uniform
_SIDE_BY_SIDE = 4  # cells a particle, up to which all of them are held
_LEAST = 4096
_LONGEST = 1 << 60  # cells, so that 64 bits count them
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: neighbours go far apart


class Box(NamedTuple):
    """The box around a particle region.

    Parameters
    ----------
    low, extent
        Lower corner and widths.
    periods
        Lengths after which an axis repeats, 0 where it does not.
    volume
        That of the region in it.
    """

    low: np.ndarray
    extent: np.ndarray
    periods: np.ndarray
    volume: float


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


class Listed(NamedTuple):
    """Particles of some species in the order of cells.

    Parameters
    ----------
    cells
        The cells of all.
    starts
        Where each cell begins, ``(species, cells + 1)``.
    places, x
        Of a copy, the positions of all species one after another, and where each particle is
        stored; empty where the particles themselves are in that order.
    """

    cells: CellList
    starts: np.ndarray
    places: np.ndarray
    x: np.ndarray


@jit
def lay_out(box, radius, n, fineness):
    """Cells for n particles, ``fineness`` times as wide as suits a uniform spread.

    None is narrower than the radius by more than round-off, unless it is the only one of its axis.
    Returns the cells, and whether they cannot be narrower.
    """
    d = box.low.shape[0]
    narrowest = radius * (1.0 + 1e-9)
    width = fineness * (_PER_CELL * box.volume / max(n, 1)) ** (1.0 / d)
    shape, inverse = np.empty(d, np.int64), np.empty(d)
    number, longest = 1, float(round(_LONGEST ** (1.0 / d)))
    for a in range(d):
        # A fine grid may have more cells than 64 bits count.
        shape[a] = max(np.int64(min(box.extent[a] / max(narrowest, width), longest)), 1)
        inverse[a] = shape[a] / box.extent[a]
        number *= shape[a]
    mask = 0
    if number > _SIDE_BY_SIDE * n + _LEAST:
        while mask < 2 * n + _LEAST:
            mask = 2 * mask + 1
    return CellList(box.low, inverse, shape, box.periods, mask), width <= narrowest


@jit
def length(cells):
    """Number of places in the table of cells."""
    if cells.mask != 0:
        return cells.mask + 1
    number = 1
    for a in range(cells.shape.shape[0]):
        number *= cells.shape[a]
    return number


@jit
def crowd(starts):
    """Mean number of particles in the cell of a particle (itself included)."""
    total = 0.0
    for c in range(starts.shape[0] - 1):
        held = float(starts[c + 1] - starts[c])
        total += held * held
    return total / max(starts[-1], 1)


@jit
def _count(table, species, box, radius, fineness):
    """Cells for some species, the place of each particle, and where cells start; see `Listed`.

    To start from the ``fineness`` found last time, which is changed, saves the search for it.
    """
    d, most, total = box.low.shape[0], 0, 0
    for s in species:
        most, total = max(most, table[s, N]), total + table[s, N]
    places = np.empty(total, np.int64)
    while True:
        cells, finest = lay_out(box, radius, most, fineness[0])
        starts, seen, at = np.empty((species.shape[0], length(cells) + 1), np.int64), 0.0, 0
        for k in range(species.shape[0]):
            n = table[species[k], N]
            x = groups.positions(table, species[k], d)
            count_cells(x, n, cells, places[at : at + n], starts[k])
            seen, at = max(seen, crowd(starts[k])), at + n
        if seen <= _CROWDED or finest:
            break
        fineness[0] *= ((1.0 + _PER_CELL) / seen) ** (1.0 / d)
    if seen < 1.0 + 0.5 * _PER_CELL:
        fineness[0] = min(1.0, 1.5 * fineness[0])
    return cells, places, starts


@jit
def no_list(box):
    """A list of nobody."""
    d = box.low.shape[0]
    cells = CellList(box.low, box.low, np.zeros(d, np.int64), box.periods, 0)
    return Listed(cells, np.empty((0, 1), np.int64), np.empty(0, np.int64), np.empty((d, 0)))


@jit
def sort_species(table, species, box, radius, fineness):
    """Store the particles of some species in the order of cells; both arrays must be there."""
    d, at = box.low.shape[0], 0
    cells, places, starts = _count(table, species, box, radius, fineness)
    next_place = np.empty(starts.shape[1] - 1, np.int64)
    for k in range(species.shape[0]):
        s, n = species[k], table[species[k], N]
        x, ids, _ = groups.arrays_of(table, s, table[s, ROWS])
        groups.turn(table, s)
        to, named, _ = groups.arrays_of(table, s, table[s, ROWS])
        sort_into(x, ids, n, places[at : at + n], starts[k], next_place, to, named)
        at += n
    return Listed(cells, starts, places[:0], np.empty((d, 0)))


@jit
def copy_species(table, species, box, radius, fineness):
    """A copy of the positions of some species in the order of cells."""
    d, at = box.low.shape[0], 0
    cells, places, starts = _count(table, species, box, radius, fineness)
    x, order = np.zeros((d, places.shape[0] + SPARE)), np.empty(places.shape[0], np.int64)
    next_place = np.empty(starts.shape[1] - 1, np.int64)
    for k in range(species.shape[0]):
        n = table[species[k], N]
        for c in range(starts.shape[1]):
            starts[k, c] += at
        for c in range(next_place.shape[0]):
            next_place[c] = starts[k, c]
        source = groups.positions(table, species[k], d)
        for i in range(n):
            j = next_place[places[at + i]]
            next_place[places[at + i]] = j + 1
            order[j] = i
            for a in range(d):
                x[a, j] = source[a, i]
        at += n
    return Listed(cells, starts, order, x)
