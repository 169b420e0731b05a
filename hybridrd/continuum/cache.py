"""Assembled systems and their solvers, shared between species."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hybridrd.continuum.assembled import Assembled, excluded
from hybridrd.continuum.conditions import WallCondition, resolve_walls
from hybridrd.continuum.fipy_solver import assemble
from hybridrd.continuum.solvers import make_solver
from hybridrd.continuum.stage import Solver
from hybridrd.model.drift import Drift
from hybridrd.model.grid import Grid


class SolverCache:
    """Systems and their solvers, kept for every species with the same coefficient and walls.

    Examples
    --------
    >>> cache = SolverCache()
    >>> line = Grid((0.0,), (1.0,), (10,))
    >>> system, solver = cache.get(line, D=1.0, tau=0.01)
    >>> cache.get(line, D=1.0, tau=0.01)[1] is solver
    True
    """

    def __init__(self) -> None:
        self._known: dict[object, tuple[Assembled, Solver]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def get(
        self,
        grid: Grid,
        D: float,
        tau: float,
        walls: Mapping[str, WallCondition] | None = None,
        cut: NDArray[np.bool_] | None = None,
        kind: str = "auto",
        drift: Drift | None = None,
    ) -> tuple[Assembled, Solver]:
        """The system of one implicit step ``tau`` and a checked solver of it."""
        full = resolve_walls(walls, grid.dimension)
        key = (grid, D, tau, tuple(full.items()), excluded(grid, cut).tobytes(), kind, drift)
        if key not in self._known:
            assembled = assemble(grid, D, tau, full, cut, drift)
            self._known[key] = assembled, make_solver(assembled, grid, full, kind)
        return self._known[key]
