"""Memory of the PDE, estimated from its cells before anything is assembled.

Measured with FiPy 4.0.3 and scipy's SuperLU in the order MMD_AT_PLUS_A, as the growth of the
process: 2D up to 1000 x 1000 cells without and 632 x 632 with a factorisation, 3D up to 100^3 and
45^3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hybridrd.continuum.conditions import WallCondition, resolve_walls
from hybridrd.continuum.cost import LARGEST_CAPACITANCE as LARGEST
from hybridrd.continuum.cost import faces_around, factor_bytes
from hybridrd.continuum.solvers import solver_kinds
from hybridrd.continuum.stage import G
from hybridrd.continuum.transform import Intervals
from hybridrd.model.grid import AXES, Grid

# Bytes a cell by dimension: FiPy's mesh, variables and terms while one system is assembled (also
# on the cells left out), and what remains of each: the matrix and the arrays of its solver.
ASSEMBLY = {1: 450.0, 2: 1000.0, 3: 2000.0}
SYSTEM = {1: 135.0, 2: 220.0, 3: 390.0}
# Arrays of an iteration or a transform: places of cells, weights, and four fields.
BOARD = 56.0
# Beside the factors, while they are made: copies of the matrix, work arrays.
FACTORING, FACTORING_SHARE = 350.0, 0.15
# FiPy's own solver factors again at every call, in SuperLU's default order.
_DEFAULT_ORDER = {1: 1.0, 2: 2.0, 3: 3.5}


@dataclass(frozen=True)
class Footprint:
    """Memory of a continuum.

    Attributes
    ----------
    bytes
        At its peak, all in all.
    factors
        Of that the factors of `splu`, and the work on them.
    systems
        Number of linear systems: two for each distinct coefficient and walls, one for the stages
        of a step and one for steps that fall back to implicit Euler.
    solvers
        Kinds of solver, one for each distinct system.
    """

    bytes: float
    factors: float
    systems: int
    solvers: tuple[str, ...]


def footprint(
    grid: Grid,
    species: Sequence[tuple[float, Mapping[str, WallCondition]]],
    active: int,
    box: Intervals | None,
    dt: float,
    kind: str = "auto",
) -> Footprint:
    """The memory of the PDE of some species.

    Parameters
    ----------
    grid
        Cells of the whole domain.
    species
        Coefficient D and conditions of the walls, of each species; those with the same ones
        share their systems.
    active
        Number of cells that take part.
    box
        The range of them along each axis, None if they fill no box.
    dt
        Time step.
    kind
        The solver, as of `hybridrd.continuum.solvers.make_solver`.
    """
    d = grid.dimension
    distinct = {(D, tuple(resolve_walls(walls, d).items())) for D, walls in species if D > 0}
    total = ASSEMBLY[d] * grid.cells if distinct else 0.0
    factors, peak = 0.0, 0.0
    solvers: list[str] = []
    for D, items in sorted(distinct, key=lambda item: item[0]):
        walls = dict(items)
        periodic = sum(walls[a + "-"].joined for a in AXES[:d])
        size = factor_bytes(grid.shape, active, periodic)
        for tau in (G * dt, dt):  # stages, and steps that fall back to implicit Euler
            chosen = kind
            if kind == "auto":
                chosen = solver_kinds(active, box, grid, walls, D * tau)[0]
            if tau < dt:
                solvers.append(chosen)
            total += SYSTEM[d] * active
            if chosen in ("chebyshev", "capacitance"):
                total += BOARD * grid.cells
            if chosen == "capacitance":
                total += 3 * 8.0 * min(faces_around(grid, grid.cells - active), LARGEST) ** 2
            if chosen == "fipy":
                peak = max(peak, _DEFAULT_ORDER[d] * size + FACTORING * active)
            elif chosen == "splu":
                factors += size
                peak = max(peak, FACTORING_SHARE * size + FACTORING * active)
    return Footprint(total + factors + peak, factors + peak, 2 * len(distinct), tuple(solvers))


def rest_of(grid: Grid, first: Sequence[int], count: Sequence[int]) -> Intervals | None:
    """The cells outside a box of cells as a box, None if they are none.

    Parameters
    ----------
    first, count
        Index of the first cell, and number of cells, along each axis.
    """
    cut = [a for a, n in enumerate(count) if n < grid.shape[a]]
    if len(cut) != 1:
        return None
    axis = cut[0]
    low, high = first[axis], first[axis] + count[axis]
    if low > 0 and high < grid.shape[axis]:
        return None
    rest = (high, grid.shape[axis]) if low == 0 else (0, low)
    return tuple(rest if a == axis else (0, n) for a, n in enumerate(grid.shape))
