"""Cost model of the solvers of an implicit diffusion step, for the choice of one.

A model rather than a measurement at set-up, so that the same system has the same solver, and
results the same digits, everywhere. Fitted to times measured on one core (2D 10 x 10 to 200 x 200,
3D 8^3 to 100^3, a box cut out of the middle).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from hybridrd.continuum.checkerboard import sweeps
from hybridrd.model.grid import Grid

# Up to this many active cells the factorisation is at most twice as slow as anything else.
SMALL = {1: 10_000_000, 2: 1_000, 3: 600}
# Beyond these a factorisation takes seconds and gigabytes.
LARGEST_FACTORISATION = {1: 10_000_000, 2: 400_000, 3: 30_000}
# Cells at faces whose matrix of charges is inverted: 18 MB, half a second.
LARGEST_CAPACITANCE = 1_500
LARGEST_TABLE = 3e7  # numbers in a table of distances, 240 MB at set-up
# D tau/h² beyond which round-off in the charges would pass 1e-12 of the concentrations.
STIFFEST_CAPACITANCE = 300.0
# Cells whose arrays stay in the cache of a core.
CACHED = 200_000
# Factor on the size of the factors by the number of periodic axes.
_PERIODIC = {1: (1.0, 1.0), 2: (1.0, 1.0, 1.45), 3: (1.0, 1.25, 1.65, 3.0)}


def factored(grid: Grid, active: int) -> float:
    """Time of a solution with SuperLU's factors (us), spent on reading them."""
    return 4.0 + 7e-5 * factor_bytes(grid.shape, active)


def iterated(grid: Grid, cells: int, spread: float) -> float:
    """Time of a solution by Chebyshev iteration (us) in a box of ``cells`` cells.

    Parameters
    ----------
    spread
        D tau (length^2).
    """
    a_cell = 3e-4 if cells <= CACHED else 1.5e-3
    return 6.0 + sweeps(neighbours_share(grid, spread)) * cells * a_cell


def corrected(grid: Grid, cells: int, faces: int) -> float:
    """Time of a solution by transforms in a box and charges at ``faces`` of its cells (us)."""
    pair = cells * (0.04 if cells > CACHED else 0.01 if grid.dimension < 3 else 0.019)
    return 40.0 + 1.75 * pair + 5e-4 * faces**2


def faces_around(grid: Grid, left_out: int) -> int:
    """Estimated number of cells around a cube of ``left_out`` cells."""
    d = grid.dimension
    return int(2 * d * left_out ** ((d - 1) / d))


def neighbours_share(grid: Grid, spread: float) -> float:
    """Largest fraction of the diagonal of the matrix that goes to the neighbours of a cell."""
    given = sum(2.0 * spread / h**2 for h in grid.spacing)
    return given / (1.0 + given)


def factor_bytes(shape: Sequence[int], active: int, periodic: int = 0) -> float:
    """Bytes of the factors of a matrix on ``active`` cells of a grid.

    With n cells ``40 n log2(n)`` in two dimensions (measured: 38 to 39 from 200 x 200 to 632 x 632,
    30 for 100 x 100), ``9.5 n^1.6`` in three (9.5, 9.5, 8.7 for 25^3, 30^3, 45^3). Nested
    dissection would have n^(4/3) there; with the minimum-degree ordering the same figures are 70,
    80 to 110 n^(4/3) with a factor that keeps rising. Slabs and strips have less: at most ``21 s``
    per cell with s cells in their cross-section, and 0.8 m times the two-dimensional figure in a
    slab of m layers.

    Parameters
    ----------
    shape
        Number of cells of the grid along each axis.
    active
        Number of active cells.
    periodic
        Number of periodic axes; if all are, the cost is 1.45 times in 2D, 3 times in 3D.
    """
    n = max(active, 2)
    d = len(shape)
    longest = sorted(shape, reverse=True)
    cross_section = math.prod(longest[1:])
    a_cell = 21.0 * cross_section + 100.0
    if d == 2:
        a_cell = min(a_cell, 40.0 * math.log2(n))
    elif d == 3:
        layers = longest[2]
        slab = 0.8 * layers * 40.0 * math.log2(max(n / layers, 2.0))
        a_cell = min(a_cell, max(slab, 40.0 * math.log2(n)), 9.5 * n**0.6)
    return a_cell * n * _PERIODIC[d][periodic]
