"""FiPy's mesh, terms and matrix; no other file of the package imports FiPy."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrd.arrays import Floats
from hybridrd.continuum.assembled import Assembled, Indices, Sparse, WallTerm, excluded
from hybridrd.continuum.conditions import WallCondition, resolve_walls
from hybridrd.continuum.stage import Solver
from hybridrd.errors import ModelError
from hybridrd.model.drift import Drift
from hybridrd.model.grid import AXES, Grid

# FiPy's names for the walls: y runs from bottom to top, z from front to back.
_FACES = {
    "x-": "facesLeft",
    "x+": "facesRight",
    "y-": "facesBottom",
    "y+": "facesTop",
    "z-": "facesFront",
    "z+": "facesBack",
}
_PERIODIC = {"x": "LeftRight", "y": "TopBottom", "z": "FrontBack"}
_SPHERE = 4.0 * np.pi  # FiPy counts per steradian
_lock = threading.Lock()


class _Hidden(MetaPathFinder):
    """Import hook that hides matplotlib, which FiPy imports only to log its version."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def find_spec(self, name: str, path: Any, target: Any = None) -> None:  # noqa: ARG002
        """None, to let other finders look; ModuleNotFoundError for hidden modules."""
        if name == "matplotlib" and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"{name} is not needed here")


@contextmanager
def _sheltered() -> Iterator[None]:
    """Hide the command line, the choice of suite, matplotlib and import-time warnings from FiPy."""
    argv, suite = sys.argv, os.environ.get("FIPY_SOLVERS")
    sys.argv = argv[:1]
    os.environ["FIPY_SOLVERS"] = "scipy"
    hidden = _Hidden()
    sys.meta_path.insert(0, hidden)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.meta_path.remove(hidden)
        sys.argv = argv
        if suite is None:
            os.environ.pop("FIPY_SOLVERS", None)
        else:
            os.environ["FIPY_SOLVERS"] = suite


def load_fipy() -> ModuleType:
    """FiPy with its SciPy solvers, imported on first use.

    FiPy searches ``sys.argv`` for substrings while it is imported: a word like ``--cache-dir``
    would end the program, and ``--petsc`` would change the solvers. They are hidden from it.
    """
    with _lock:
        if "fipy" not in sys.modules:
            with _sheltered():
                import fipy
        import fipy

        return fipy  # type: ignore[no-any-return]


def direct_solver() -> Any:
    """FiPy's LU solver with a tolerance small enough for slow modes.

    FiPy's default solver stops at a residual of 1e-5 of the right-hand side.
    """
    load_fipy()
    from fipy.solvers.scipy.linearLUSolver import LinearLUSolver

    return LinearLUSolver(tolerance=1e-10, criterion="RHS")


def build_mesh(grid: Grid, walls: Mapping[str, WallCondition]) -> Any:
    """FiPy's mesh of a grid: ``Grid1D/2D/3D``, periodic where the walls are, or spherical."""
    fp = load_fipy()
    if grid.radial:
        # Not the non-uniform mesh, whose volumes are 3/2 of the right ones in FiPy 4.0.3.
        from fipy.meshes.sphericalUniformGrid1D import SphericalUniformGrid1D

        return SphericalUniformGrid1D(dx=grid.spacing[0], nx=grid.shape[0], origin=grid.lower)
    d = grid.dimension
    args: dict[str, Any] = {}
    for axis in range(d):
        args[f"d{AXES[axis]}"] = grid.spacing[axis]
        args[f"n{AXES[axis]}"] = grid.shape[axis]
    joined = [a for a in AXES[:d] if walls[a + "-"].joined]
    if not joined:
        return getattr(fp, f"Grid{d}D")(**args) + [[x] for x in grid.lower]
    # Not translated: FiPy wraps the centres of a periodic mesh about the origin, and a shift
    # would only add round-off to its volumes. No coordinate enters the matrix.
    axes = "" if len(joined) == d else "".join(_PERIODIC[a] for a in joined)
    return getattr(fp, f"PeriodicGrid{d}D{axes}")(**args)


class _Problem:
    """``TransientTerm() == DiffusionTerm(D)`` on the mesh of a grid, with its walls."""

    def __init__(
        self,
        grid: Grid,
        D: float,
        walls: Mapping[str, WallCondition] | None,
        cut: NDArray[np.bool_] | None,
        drift: Drift | None = None,
    ) -> None:
        _check_coefficient(D)
        fp = load_fipy()
        self.walls = resolve_walls(walls, grid.dimension)
        out = excluded(grid, cut)
        self.active: Indices = np.flatnonzero(~out)
        self.mesh = mesh = build_mesh(grid, self.walls)
        cells = np.ma.filled(mesh.faceCellIDs, -1)  # (2, faces); -1 beyond a wall
        touched = np.append(out, False)[cells]
        dead = touched[0] | touched[1]
        across = D if drift is None else _between(mesh, drift)
        coefficient = np.where(dead, 0.0, across)
        self.u = fp.CellVariable(mesh=mesh, value=0.0)
        self.held = fp.FaceVariable(mesh=mesh, value=0.0)
        loss = fp.FaceVariable(mesh=mesh, value=0.0)
        supply = fp.FaceVariable(mesh=mesh, value=0.0)
        # Faces of each wall in the flat order of its cells, and the cells themselves.
        self.faces: dict[str, Indices] = {}
        self.cells: dict[str, Indices] = {}
        self.robin: dict[str, Floats] = {}
        for wall, condition in self.walls.items():
            if condition.joined:
                continue
            on = np.flatnonzero(np.asarray(getattr(mesh, _FACES[wall])))
            on = on[np.argsort(cells[0, on], kind="stable")]
            self.faces[wall], self.cells[wall] = on, cells[0, on]
            mask = np.zeros(len(coefficient), dtype=np.bool_)
            mask[on] = True
            if condition.held and drift is None:
                self.u.constrain(self.held, where=mask)
            elif not condition.closed:
                width = grid.spacing[AXES.index(wall[0])]
                flux = fp.FaceVariable(mesh=mesh, value=0.0)
                open_, here, rise = ~dead[on], D, None
                if drift is not None:
                    here, rise = drift.D_at(wall)[open_], drift.outward(wall)[open_]
                flux[on[open_]], supply[on[open_]] = condition.both_ways(here, width, rise)
                coefficient[mask] = 0.0  # the wall's flux is the source term alone
                divergence = (flux * mesh.faceNormals).divergence.value
                self.robin[wall] = (divergence * mesh.cellVolumes)[self.cells[wall]]
                loss = loss + flux
        diffusion = fp.DiffusionTerm(coeff=fp.FaceVariable(mesh=mesh, value=coefficient))
        right = diffusion
        if self.robin:
            sink = fp.CellVariable(mesh=mesh, value=(loss * mesh.faceNormals).divergence.value)
            # Zero if no concentration is given outside, as beyond absorbing walls.
            gain = (supply * self.held * mesh.faceNormals).divergence
            right = diffusion - fp.ImplicitSourceTerm(coeff=sink) + gain
        if drift is not None and drift.pushes:
            right = right - _convection(grid, mesh, cells, drift, dead)
        self.equation = _storage(grid, mesh) == right

    def hold(self, values: Mapping[str, ArrayLike]) -> None:
        """Set the concentrations on the walls where they are given; the others get 0."""
        faces = np.zeros(len(self.held.value))
        for wall, value in values.items():
            faces[self.faces[wall]] = value
        self.held.setValue(faces)

    def system(self, tau: float) -> tuple[Sparse, Floats]:
        """FiPy's matrix and right-hand side for the current values of the variable."""
        self.equation.cacheMatrix()
        self.equation.cacheRHSvector()
        with np.errstate(invalid="ignore"):  # FiPy's Péclet number of a closed face
            self.equation.justResidualVector(var=self.u, dt=tau, solver=direct_solver())
        return self.equation.matrix.matrix, np.array(self.equation.RHSvector, dtype=np.float64)


def _check_coefficient(D: float) -> None:
    if not (np.isfinite(D) and D > 0):
        raise ModelError(f"the diffusion coefficient is {D}; FiPy needs a positive number")


def _storage(grid: Grid, mesh: Any) -> Any:
    fp = load_fipy()
    if not grid.radial:
        return fp.TransientTerm()
    # FiPy's spherical cells hold r² h: 25 % less than (b³ - a³)/3 in the first of a ball.
    share = grid.volumes / (_SPHERE * np.asarray(mesh.cellVolumes))
    return fp.TransientTerm(fp.CellVariable(mesh=mesh, value=share))


def _between(mesh: Any, drift: Drift) -> Floats:
    """FiPy's harmonic means of the diffusion coefficients of cells, on its faces."""
    D = load_fipy().CellVariable(mesh=mesh, value=drift.D)
    return np.array(D.harmonicFaceValue.value, dtype=np.float64)


def _convection(
    grid: Grid, mesh: Any, cells: Indices, drift: Drift, dead: NDArray[np.bool_]
) -> Any:
    """Convection term of the drift through faces between active cells."""
    normals = np.asarray(mesh.faceNormals)
    flow = np.zeros(normals.shape)
    inside = (cells[1] >= 0) & ~dead
    for a, h in enumerate(grid.spacing):
        on = np.flatnonzero(inside & (np.abs(normals[a]) > 0.5))
        lower = np.where(normals[a, on] > 0, cells[0, on], cells[1, on])
        flow[a, on] = -drift.D_up[a, lower] / h * drift.up[a, lower]
    fp = load_fipy()
    return fp.ExponentialConvectionTerm(coeff=fp.FaceVariable(mesh=mesh, rank=1, value=flow))


def _volumes(grid: Grid, active: Indices) -> tuple[float | Floats, float]:
    """Volume of a cell (of each, in a shell), and the solid angle that FiPy's mesh represents."""
    if not grid.radial:
        return grid.volume, 1.0
    return grid.volumes[active], _SPHERE


def assemble(
    grid: Grid,
    D: float,
    tau: float,
    walls: Mapping[str, WallCondition] | None = None,
    cut: NDArray[np.bool_] | None = None,
    drift: Drift | None = None,
) -> Assembled:
    """FiPy's linear system of one implicit diffusion step on the active cells.

    Parameters
    ----------
    grid
        Cells of the whole box or shell.
    D
        Diffusion coefficient (length^2/time), positive; where it depends on the place, its mean.
    tau
        Step (time), positive.
    walls
        Condition of each wall by name; a wall not named lets nothing pass.
    cut
        ``(cells,)``, true for cells to leave out (the particle region): their faces get a
        diffusion coefficient of zero.
    drift
        How the species moves where it drifts or D depends on the place; None elsewhere.

    Returns
    -------
    Assembled
        ``matrix @ u1 = volume/tau u0 + sum over walls of coefficient * face value``.

    Raises
    ------
    ModelError
        If ``D`` or ``tau`` is not positive, or walls or mask do not fit the grid.

    Examples
    --------
    >>> from hybridrd.continuum.conditions import Dirichlet
    >>> line = assemble(Grid((0.0,), (1.0,), (2,)), D=1.0, tau=1.0, walls={"x-": Dirichlet()})
    >>> line.matrix.toarray()
    array([[ 6.5, -2. ],
           [-2. ,  2.5]])
    >>> line.inflow["x-"].coefficient
    array([4.])
    """
    if not (np.isfinite(tau) and tau > 0):
        raise ModelError(f"the step is {tau}; it must be a positive number")
    _check_coefficient(D)
    walls = resolve_walls(walls, grid.dimension)
    active = np.flatnonzero(~excluded(grid, cut))
    volume, whole = _volumes(grid, active)

    def matrix(problem: _Problem) -> Sparse:
        found = whole * problem.system(tau)[0][active][:, active].tocsr()
        found.sort_indices()
        return found

    if drift is None and all(c.joined or c.closed for c in walls.values()):
        # FiPy, 0.2 s, is not needed for more than the entries.
        later = partial(_Problem, grid, D, walls, cut)
        return Assembled(lambda: matrix(later()), volume, tau, D, active, {}, {})
    problem = _Problem(grid, D, walls, cut, drift)
    position = np.full(grid.cells, -1, dtype=np.intp)
    position[active] = np.arange(len(active))

    def term(wall: str, supply: Floats | None) -> WallTerm:
        where = position[problem.cells[wall]]
        faces = np.flatnonzero(where >= 0)
        loss = whole * problem.robin[wall] if wall in problem.robin else supply
        assert loss is not None
        into = np.zeros(len(faces)) if supply is None else supply[faces]
        return WallTerm(faces, where[faces], loss[faces], into)

    made = matrix(problem)
    inflow: dict[str, WallTerm] = {}
    for wall, condition in problem.walls.items():
        if condition.fed:  # by superposition: 1 on this wall, 0 on the others
            problem.hold({wall: 1.0})
            _, boundary = problem.system(tau)
            inflow[wall] = term(wall, whole * boundary[problem.cells[wall]])
    absorption = {wall: term(wall, None) for wall in problem.robin if wall not in inflow}
    return Assembled(lambda: made, volume, tau, D, active, inflow, absorption, drift)


class FipyStepper(Solver):
    """FiPy's own ``eq.solve`` for one step ``tau``: the slow path, and the reference.

    FiPy's default solver stops at a residual of 1e-5 of the right-hand side before it has
    corrected anything, so small modes never change; here it goes to 1e-10. FiPy rebuilds the
    system and retains memory at every call, so it is not for long runs.

    Parameters
    ----------
    grid, D, tau, walls, cut, drift
        As for `assemble`.

    Examples
    --------
    >>> from hybridrd.continuum.conditions import Dirichlet
    >>> fipy = FipyStepper(Grid((0.0,), (1.0,), (2,)), D=1.0, tau=1.0, walls={"x-": Dirichlet()})
    >>> fipy.advance(np.array([3.0, 3.0]), {"x-": 3.0}).round(12)
    array([3., 3.])
    """

    name = "fipy"

    def __init__(
        self,
        grid: Grid,
        D: float,
        tau: float,
        walls: Mapping[str, WallCondition] | None = None,
        cut: NDArray[np.bool_] | None = None,
        drift: Drift | None = None,
    ) -> None:
        self._problem = _Problem(grid, D, walls, cut, drift)
        self._tau = tau
        self._scale = tau / _volumes(grid, self._problem.active)[0]
        self._cells = grid.cells

    def advance(self, u: Floats, values: Mapping[str, ArrayLike] | None = None) -> Floats:
        """One implicit Euler step from ``u`` ``(active,)``, walls held at ``values``."""
        problem = self._problem
        field = np.zeros(self._cells)
        field[problem.active] = u
        problem.hold(values or {})
        problem.u.setValue(field)
        with np.errstate(invalid="ignore"):
            problem.equation.solve(var=problem.u, dt=self._tau, solver=direct_solver())
        return np.array(problem.u.value[problem.active], dtype=np.float64)

    def solve(self, rhs: Floats) -> Floats:
        """The solution of ``matrix @ u = rhs``, ``(active,)`` or ``(m, active)``."""
        rows = np.atleast_2d(rhs) * self._scale
        return np.stack([self.advance(row) for row in rows]).reshape(rhs.shape)
