"""Systems of one implicit step for a drift that changes, in FiPy's pattern but without FiPy.

FiPy takes some 50 ms to assemble a matrix, but only its entries change from step to step. They are
those of exponential fitting: ``D A/h (B(z) c_i - B(-z) c_j)`` from a cell to its neighbour, with z
the rise between them. The first matrix is compared with FiPy's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats
from hybridrd.continuum.assembled import Assembled, Indices, WallTerm, excluded, wall_cells
from hybridrd.continuum.conditions import WallCondition, bernoulli, resolve_walls
from hybridrd.continuum.fipy_solver import assemble
from hybridrd.errors import ModelError
from hybridrd.model.drift import Drift
from hybridrd.model.grid import AXES, Grid

#: Relative to the largest entry: FiPy treats rises below 1e-3 kT to first order, 1e-7 of an entry.
AGREEMENT = 1e-6


class FittedAssembly:
    """Assembly of systems for drifts that change; FiPy's own in a shell.

    Examples
    --------
    >>> from hybridrd import Box, Species, System
    >>> from hybridrd.model.drift import make_drift
    >>> A = Species("A", D=1.0, velocity="2 * t")
    >>> line = System(species=[A], domain=Box(x=(0, 1)), cells=4)
    >>> assembly = FittedAssembly()
    >>> for t in (1.0, 2.0):
    ...     drift = make_drift(line, A, t=t)
    ...     made = assembly(line.grid, 1.0, 0.1, drift=drift).matrix
    ...     print(abs(made - assemble(line.grid, 1.0, 0.1, drift=drift).matrix).max() < 1e-12)
    True
    True
    """

    def __init__(self) -> None:
        self._known: dict[object, _Pattern] = {}

    def __call__(
        self,
        grid: Grid,
        D: float,
        tau: float,
        walls: Mapping[str, WallCondition] | None = None,
        cut: NDArray[np.bool_] | None = None,
        drift: Drift | None = None,
    ) -> Assembled:
        """The system for a drift. Raises ModelError if its entries differ from FiPy's."""
        if grid.radial or drift is None:
            return assemble(grid, D, tau, walls, cut, drift)
        full = resolve_walls(walls, grid.dimension)
        key = (grid, D, tau, tuple(full.items()), excluded(grid, cut).tobytes())
        if key in self._known:
            return self._known[key].fit(drift)
        theirs = assemble(grid, D, tau, full, cut, drift)
        self._known[key] = _Pattern(theirs, grid, full)
        made = self._known[key].fit(drift)
        off = np.abs((made.matrix - theirs.matrix).data).max(initial=0.0)
        if off > AGREEMENT * np.abs(theirs.matrix.data).max():
            raise ModelError(f"the matrix fitted to a drift is {off:.3g} beside FiPy's")
        return made


class _Pattern:
    """Positions of the entries of a matrix."""

    def __init__(
        self, assembled: Assembled, grid: Grid, walls: Mapping[str, WallCondition]
    ) -> None:
        self._first, self._grid, self._walls = assembled, grid, walls
        position = np.full(grid.cells, -1, np.intp)
        position[assembled.active] = np.arange(len(assembled.active))
        places = assembled.matrix.copy()
        places.data = np.arange(1.0, places.nnz + 1.0)

        def entries(rows: Indices, columns: Indices) -> Indices:
            return np.asarray(places[rows, columns]).ravel().astype(np.intp) - 1

        self._diagonal = entries(*[np.arange(len(assembled.active))] * 2)
        index = np.arange(grid.cells).reshape(grid.shape[::-1])
        self._faces: list[tuple[Indices, list[Indices]]] = []
        for a in range(grid.dimension):
            axis = grid.dimension - 1 - a
            lower, upper = index.ravel(), np.roll(index, -1, axis).ravel()
            joined = walls[AXES[a] + "-"].joined
            last = np.zeros(grid.shape[::-1], np.bool_)
            last[(slice(None),) * axis + (-1,)] = True
            i, j = position[lower], position[upper]
            on = (i >= 0) & (j >= 0) & (i != j) & (joined | ~last.ravel())
            i, j = i[on], j[on]
            where = [self._diagonal[i], self._diagonal[j], entries(j, i), entries(i, j)]
            self._faces.append((lower[on], where))
        self._ends: dict[str, tuple[Indices, Indices]] = {}
        for wall in (*assembled.inflow, *assembled.absorption):
            there = position[wall_cells(grid, wall)]
            self._ends[wall] = np.flatnonzero(there >= 0), there[there >= 0]

    def fit(self, drift: Drift) -> Assembled:
        """The system for a drift."""
        first, grid = self._first, self._grid
        data = np.zeros(first.matrix.nnz)
        data[self._diagonal] = first.volume / first.tau
        for a, (lower, where) in enumerate(self._faces):
            z = drift.up[a, lower]
            unit = drift.D_up[a, lower] * (grid.face_area(a) / grid.spacing[a])
            up, down = unit * bernoulli(z), unit * bernoulli(-z)
            for at, value in zip(where, (up, down, -up, -down), strict=True):
                data += np.bincount(at, value, len(data))
        terms: dict[str, WallTerm] = {}
        for wall, (faces, cells) in self._ends.items():
            a = AXES.index(wall[0])
            D, rise = drift.D_at(wall)[faces], drift.outward(wall)[faces]
            out, into = self._walls[wall].both_ways(D, grid.spacing[a], rise)
            area = grid.face_area(a)
            data += np.bincount(self._diagonal[cells], area * out, len(data))
            fed: Floats = area * into if wall in first.inflow else np.zeros(len(faces))
            terms[wall] = WallTerm(faces, cells, area * out, fed)
        matrix = first.matrix.copy()
        matrix.data = data
        return replace(
            first,
            make_matrix=lambda: matrix,
            inflow={wall: terms[wall] for wall in first.inflow},
            absorption={wall: terms[wall] for wall in first.absorption},
            drift=drift,
        )
