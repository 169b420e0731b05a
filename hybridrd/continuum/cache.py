"""Assembled systems and their solvers, shared between species."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hybridrd.continuum.assembled import Assembled, excluded, restricted
from hybridrd.continuum.conditions import WallCondition, resolve_walls
from hybridrd.continuum.fipy_solver import assemble
from hybridrd.continuum.solvers import make_solver
from hybridrd.continuum.stage import Solver
from hybridrd.model.drift import Drift
from hybridrd.model.grid import Grid


class Assembly(Protocol):
    """Function that makes FiPy's system of one implicit step, like `assemble`."""

    def __call__(
        self,
        grid: Grid,
        D: float,
        tau: float,
        walls: Mapping[str, WallCondition] | None = None,
        cut: NDArray[np.bool_] | None = None,
        drift: Drift | None = None,
    ) -> Assembled: ...


# Systems of few cells that this process has assembled: the replicas of an ensemble share them.
FEW_CELLS, MOST_SYSTEMS = 10_000, 64
_assembled: dict[object, Assembled] = {}


def assemble_once(
    grid: Grid,
    D: float,
    tau: float,
    walls: Mapping[str, WallCondition] | None = None,
    cut: NDArray[np.bool_] | None = None,
    drift: Drift | None = None,
) -> Assembled:
    """FiPy's system from `assemble`, cached if it is small.

    Examples
    --------
    >>> line = Grid((0.0,), (1.0,), (4,))
    >>> assemble_once(line, 1.0, 1.0) is assemble_once(line, 1.0, 1.0)
    True
    """
    full = resolve_walls(walls, grid.dimension)
    if grid.cells > FEW_CELLS:
        return assemble(grid, D, tau, full, cut, drift)
    key = (grid, D, tau, tuple(full.items()), excluded(grid, cut).tobytes(), drift)
    found = _assembled.get(key)
    if found is None:
        found = assemble(grid, D, tau, full, cut, drift)
        while len(_assembled) >= MOST_SYSTEMS:
            _assembled.pop(next(iter(_assembled)))
        _assembled[key] = found
    return found


class KeptAssembly:
    """Cache of FiPy's systems on all cells, for a continuum whose cells change often.

    Systems on fewer cells are derived from them without FiPy: equal to round-off, and ten times
    faster.

    Examples
    --------
    >>> line, cut = Grid((0.0,), (1.0,), (4,)), np.array([True, False, False, False])
    >>> kept = KeptAssembly()(line, 1.0, 1.0, {}, cut).matrix.toarray()
    >>> np.allclose(kept, assemble(line, 1.0, 1.0, {}, cut).matrix.toarray(), rtol=1e-14)
    True
    """

    def __init__(self) -> None:
        self._known: dict[object, Assembled] = {}

    def __call__(
        self,
        grid: Grid,
        D: float,
        tau: float,
        walls: Mapping[str, WallCondition] | None = None,
        cut: NDArray[np.bool_] | None = None,
        drift: Drift | None = None,
    ) -> Assembled:
        """The system on the cells that are not ``cut``."""
        full = resolve_walls(walls, grid.dimension)
        key = (grid, D, tau, tuple(full.items()), drift)
        if key not in self._known:
            self._known[key] = assemble(grid, D, tau, full, None, drift)
        return restricted(self._known[key], excluded(grid, cut))


class SolverCache:
    """Cache of systems and their solvers for species with the same coefficient and walls.

    Examples
    --------
    >>> cache = SolverCache()
    >>> line = Grid((0.0,), (1.0,), (10,))
    >>> system, solver = cache.get(line, D=1.0, tau=0.01)
    >>> cache.get(line, D=1.0, tau=0.01)[1] is solver
    True
    """

    def __init__(self, assembly: Assembly = assemble_once) -> None:
        self._assembly = assembly
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
            assembled = self._assembly(grid, D, tau, full, cut, drift)
            self._known[key] = assembled, make_solver(assembled, grid, full, kind)
        return self._known[key]
