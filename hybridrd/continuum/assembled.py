"""Linear system of one implicit diffusion step, as arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats
from hybridrd.errors import ModelError
from hybridrd.model.drift import Drift
from hybridrd.model.grid import AXES, Grid

Indices = NDArray[np.intp]
Sparse: TypeAlias = Any  # scipy.sparse.csr_matrix; its stubs are generic in ways of no use here


class WallTerm(NamedTuple):
    """Exchange of the cells along one wall with it.

    The flux out of cell ``positions[i]`` through face ``faces[i]`` is ``coefficient[i]`` times the
    concentration of the cell, minus ``inward[i]`` times that of the face, if it is given (both
    length^d/time). The two are equal unless the species drifts.
    """

    faces: Indices
    positions: Indices
    coefficient: Floats
    inward: Floats


@dataclass(frozen=True, eq=False)
class Assembled:
    """``matrix @ u1 = volume/tau u0 + sum over walls of inflow``, one implicit Euler step.

    Attributes
    ----------
    make_matrix
        Makes the matrix when it is first used: not all solvers need its entries.
    volume
        Volume of a cell (length^d); of each, ``(active,)``, in a shell.
    tau
        Step (time).
    diffusion
        Diffusion coefficient (length^2/time); where it depends on the place, its mean.
    active
        Flat indices of the active cells, increasing.
    inflow
        Per wall with a given concentration: ``inward * value`` enters the right-hand side.
    absorption
        Per partially absorbing wall; already part of the matrix.
    drift
        How the species moves where it drifts or D depends on the place; None elsewhere.
    """

    make_matrix: Callable[[], Sparse]
    volume: float | Floats
    tau: float
    diffusion: float
    active: Indices
    inflow: dict[str, WallTerm]
    absorption: dict[str, WallTerm]
    drift: Drift | None = None

    @cached_property
    def matrix(self) -> Sparse:
        """CSR, ``(active, active)``: ``volume/tau I + K`` (length^d/time).

        Symmetric and positive definite unless the species drifts.
        """
        return self.make_matrix()

    @property
    def symmetric(self) -> bool:
        """Whether the matrix is."""
        return self.drift is None or not self.drift.pushes

    @property
    def closed(self) -> bool:
        """Whether the sum over the cells is conserved, because all walls are closed."""
        terms = (*self.inflow.values(), *self.absorption.values())
        return not any(np.any(term.coefficient) for term in terms)


def restricted(full: Assembled, out: NDArray[np.bool_]) -> Assembled:
    """A system on fewer cells: faces to those that are ``out`` (flat) are closed."""
    keep = ~out[full.active]
    rows = full.matrix[keep]
    matrix = rows[:, keep].tocsr()
    # Closing a face reduces the diagonal by the loss through it: minus the entry in the cell's
    # column and the row of the cell beyond.
    lost = np.asarray(full.matrix[~keep][:, keep].sum(axis=0)).ravel()
    matrix.setdiag(matrix.diagonal() + lost)
    position = np.cumsum(keep) - 1

    def term(wall: WallTerm) -> WallTerm:
        mine = keep[wall.positions]
        positions = position[wall.positions[mine]]
        return WallTerm(wall.faces[mine], positions, wall.coefficient[mine], wall.inward[mine])

    return replace(
        full,
        make_matrix=lambda: matrix,
        volume=full.volume if isinstance(full.volume, float) else full.volume[keep],
        active=full.active[keep],
        inflow={name: term(wall) for name, wall in full.inflow.items()},
        absorption={name: term(wall) for name, wall in full.absorption.items()},
    )


def wall_cells(grid: Grid, wall: str) -> Indices:
    """Flat indices of the cells along a wall, in the flat order of the tangential axes."""
    axis = AXES.index(wall[0])
    index = np.arange(grid.cells).reshape(grid.shape[::-1])
    at = 0 if wall[1] == "-" else grid.shape[axis] - 1
    return index.take(at, axis=grid.dimension - 1 - axis).ravel()


def excluded(grid: Grid, cut: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """The mask of cells left out, checked.

    Raises
    ------
    ModelError
        If the mask has the wrong shape or leaves no cell.
    """
    if cut is None:
        return np.zeros(grid.cells, dtype=bool)
    mask = np.asarray(cut, dtype=bool)
    if mask.shape != (grid.cells,):
        raise ModelError(f"the mask of excluded cells has shape {mask.shape}, not ({grid.cells},)")
    if mask.all():
        raise ModelError(f"all {grid.cells} cells are excluded: there is no continuum to solve")
    return mask
