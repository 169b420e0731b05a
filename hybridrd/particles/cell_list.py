"""Cell list of a particle region: particles sorted by cell, for pairs within a radius.

Cells hold a few particles each for any distribution: where particles are dense, cells are
narrower, down to the radius. If this makes far more cells than particles, rows of cells are hashed
into a table as large as the particles need (`hybridrd.kernels.cell_list`), so memory grows only
with the particles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hybridrd.arrays import Floats, Ids, Integers
from hybridrd.kernels.cell_list import CellList, count_cells, sort_into
from hybridrd.particles.region import Region

_PER_CELL = 2.0  # particles; measured
_CROWDED = 8.0  # particles in a cell, as a particle sees it; 1 + `_PER_CELL` where uniform
_SIDE_BY_SIDE = 4  # cells a particle, up to which all of them are held
_LEAST = 4096
_LONGEST = 1 << 60  # cells, so that 64 bits count them

Counted = tuple[Integers, Integers]


@dataclass(frozen=True)
class Layout:
    """Cells of a region.

    Parameters
    ----------
    cells
        Their numbers, as kernels take them.
    finest
        Whether cells cannot be narrower.
    """

    cells: CellList
    finest: bool

    @property
    def places(self) -> int:
        """Length of the table of cells."""
        mask = self.cells.mask
        return mask + 1 if mask else int(np.prod(self.cells.shape))

    def count(self, x: Floats, n: int) -> Counted:
        """The place of each particle's cell, and where each begins in sorted order."""
        places, starts = np.empty(n, np.int64), np.empty(self.places + 1, np.int64)
        count_cells(x, n, self.cells, places, starts)
        return places, starts


def crowd(starts: Integers) -> float:
    """Mean number of particles in the cell of a particle (itself included)."""
    held = starts[1:] - starts[:-1]
    # Not a product of BLAS, whose threads keep a core busy for a while after it.
    return float(np.square(held, dtype=np.float64).sum()) / max(int(starts[-1]), 1)


def lay_out(region: Region, radius: float, n: int, fineness: float = 1.0) -> Layout:
    """Cells for n particles, ``fineness`` times as wide as suits a uniform spread.

    None is narrower than the radius by more than round-off, unless it is the only one of its axis.
    """
    d = region.grid.dimension
    narrowest = radius * (1.0 + 1e-9)
    width = fineness * (_PER_CELL * region.volume / max(n, 1)) ** (1.0 / d)
    most = _SIDE_BY_SIDE * n + _LEAST
    # Integers of any size: a fine grid may have more cells than 64 bits count.
    shape = [max(int(extent / max(narrowest, width)), 1) for extent in region.extent.tolist()]
    shape = [min(k, round(_LONGEST ** (1.0 / d))) for k in shape]
    cells = math.prod(shape)
    mask = 0 if cells <= most else (1 << (2 * n + _LEAST).bit_length()) - 1
    counts = np.array(shape, np.int64)
    listed = CellList(region.low, counts / region.extent, counts, region.periods, mask)
    return Layout(listed, finest=width <= narrowest)


def spread(
    region: Region, radius: float, groups: list[tuple[Floats, int]], fineness: float = 1.0
) -> tuple[Layout, list[Counted], float]:
    """A layout for all groups ``(x, n)``, the result of `Layout.count` for each, its fineness.

    To start from the fineness found last time saves the search for it.
    """
    d, most = region.grid.dimension, max(n for _, n in groups)
    while True:
        layout = lay_out(region, radius, most, fineness)
        counted = [layout.count(x, n) for x, n in groups]
        seen = max(crowd(starts) for _, starts in counted)
        if seen <= _CROWDED or layout.finest:
            break
        fineness *= ((1.0 + _PER_CELL) / seen) ** (1.0 / d)
    if seen < 1.0 + 0.5 * _PER_CELL:
        fineness = min(1.0, 1.5 * fineness)
    return layout, counted, fineness


def store(x: Floats, ids: Ids, n: int, counted: Counted, x_out: Floats, ids_out: Ids) -> None:
    """Copy n particles in the order of their cells."""
    cells, starts = counted
    sort_into(x, ids, n, cells, starts, np.empty_like(starts[1:]), x_out, ids_out)
