"""Fast solvers for the matrix that FiPy assembled, each checked against it before use."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from hybridrd.arrays import Floats
from hybridrd.continuum import cost
from hybridrd.continuum.assembled import Assembled, Sparse
from hybridrd.continuum.capacitance import CapacitanceSolver, boundary_cells
from hybridrd.continuum.checkerboard import ChebyshevSolver
from hybridrd.continuum.conditions import WallCondition, resolve_walls
from hybridrd.continuum.fipy_solver import FipyStepper
from hybridrd.continuum.stage import Solver
from hybridrd.continuum.transform import Intervals, TransformSolver, active_box
from hybridrd.errors import CapacityError, ModelError, StepError
from hybridrd.model.grid import AXES, Grid

KINDS = ("tridiagonal", "transform", "chebyshev", "capacitance", "splu", "cg", "fipy")
AGREEMENT = 1e-10


class TridiagonalSolver(Solver):
    """LAPACK's factors of a tridiagonal matrix: ``pttrf``, and ``gttrf`` if it is not symmetric.

    Attributes
    ----------
    diagonal, off, upper
        The factors; the last of a matrix that is not symmetric, 0 for others.
    symmetric
        Whether it is.
    plain
        Whether no rows were exchanged; they are not where each column's diagonal dominates.
    """

    name = "tridiagonal"

    def __init__(self, matrix: Sparse, symmetric: bool = True) -> None:
        from scipy.linalg import lapack

        self.symmetric, self.plain = symmetric or matrix.shape[0] == 1, True
        self.upper = np.zeros(0)
        if not symmetric and matrix.shape[0] > 1:
            *factors, info = lapack.dgttrf(
                matrix.diagonal(-1), matrix.diagonal(), matrix.diagonal(1)
            )
            if info != 0:
                raise ValueError("the matrix is singular")
            self.off, self.upper = factors[0], factors[2]
            self.plain = bool((factors[4] == np.arange(1, matrix.shape[0] + 1)).all())
            self._solve: Callable[..., tuple[Floats, int]] = lambda _, __, rhs: lapack.dgttrs(
                *factors, rhs
            )
            self.diagonal = factors[1]
            return
        diagonal = matrix.diagonal()
        self.diagonal, self.off, info = diagonal, np.zeros(0), 0
        if len(diagonal) > 1:  # LAPACK's wrapper wants an off-diagonal
            self.diagonal, self.off, info = lapack.dpttrf(diagonal, matrix.diagonal(1))
        if info != 0:
            raise ValueError("the matrix is not positive definite")
        self._solve = lapack.dpttrs

    def solve(self, rhs: Floats) -> Floats:
        """The solution of ``matrix @ u = rhs``, ``(active,)`` or ``(m, active)``."""
        if len(self.off) == 0:
            return np.asarray(np.divide(rhs, self.diagonal))
        return self._solve(self.diagonal, self.off, rhs.T)[0].T


class FactoredSolver(Solver):
    """SuperLU's factors, in an order that suits symmetric patterns."""

    name = "splu"

    def __init__(self, matrix: Sparse) -> None:
        from scipy.sparse.linalg import splu

        # Positive definite, or with a drift dominated by the diagonal of each column, so no
        # pivoting is needed, which keeps the factors sparse.
        self._factors = splu(
            matrix.tocsc(),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )

    def solve(self, rhs: Floats) -> Floats:
        """The solution of ``matrix @ u = rhs``, ``(active,)`` or ``(m, active)``."""
        solution: Floats = self._factors.solve(np.ascontiguousarray(rhs).T).T
        return solution


class ConjugateGradientSolver(Solver):
    """Conjugate gradients to a relative residual of 1e-13, for matrices too large to factor.

    Stabilised biconjugate ones if the matrix is not symmetric.
    """

    name = "cg"
    tolerance = 1e-13
    iterations = 20_000

    def __init__(self, matrix: Sparse, scale: float | Floats, symmetric: bool = True) -> None:
        from scipy.sparse import linalg

        self._matrix = matrix
        self._scale = scale
        self._iterate = linalg.cg if symmetric else linalg.bicgstab

    def solve(self, rhs: Floats) -> Floats:
        """The solution of ``matrix @ u = rhs``, ``(active,)`` or ``(m, active)``.

        Raises
        ------
        StepError
            If the iteration does not converge.
        """
        return np.stack([self._row(row) for row in np.atleast_2d(rhs)]).reshape(rhs.shape)

    def _row(self, rhs: Floats) -> Floats:
        solution, failed = self._iterate(
            self._matrix,
            rhs,
            x0=rhs * self._scale,
            rtol=self.tolerance,
            atol=0.0,
            maxiter=self.iterations,
        )
        if failed:
            residual = np.linalg.norm(self._matrix @ solution - rhs) / np.linalg.norm(rhs)
            raise StepError(
                f"conjugate gradients stopped at a relative residual of {residual:.1e} on "
                f"{len(rhs)} cells ({self.tolerance:.0e} wanted); use a smaller step or fewer cells"
            )
        result: Floats = solution
        return result


def candidates(assembled: Assembled, grid: Grid, walls: Mapping[str, WallCondition]) -> list[str]:
    """Kinds of solver that can treat the system, fastest first."""
    box = active_box(assembled.active, grid)
    spread = assembled.diffusion * assembled.tau
    fitted = assembled.drift is not None  # for which the fast kinds are none
    faces = 0 if grid.radial or fitted else boundary_cells(assembled, grid, walls)
    kinds = solver_kinds(len(assembled.active), box, grid, walls, spread, faces)
    fast = ("transform", "chebyshev", "capacitance")
    return [k for k in kinds if not (fitted and k in fast)]


def solver_kinds(
    active: int,
    box: Intervals | None,
    grid: Grid,
    walls: Mapping[str, WallCondition],
    spread: float,
    faces: int | None = None,
) -> list[str]:
    """The same from numbers.

    Parameters
    ----------
    active, box
        Number of active cells, and the box that they fill, if they fill one.
    spread
        D tau (length^2).
    faces
        Number of cells at walls of finite permeability or beside excluded cells; by default those
        around a cube, and of these walls.
    """
    kinds: list[str] = []
    if grid.dimension == 1 and not walls["x-"].joined:
        kinds.append("tridiagonal")
    if not grid.radial and TransformSolver.fits(box, grid, walls):
        kinds.append("transform")
    around = box or tuple((0, n) for n in grid.shape)
    costs: dict[str, float] = {}
    if active <= cost.LARGEST_FACTORISATION[grid.dimension]:
        small = active <= cost.SMALL[grid.dimension]
        costs["splu"] = 0.0 if small else cost.factored(grid, active)
    cells = math.prod(b - a for a, b in around)
    if ChebyshevSolver.fits(around, grid, walls):
        costs["chebyshev"] = cost.iterated(grid, cells, spread)
    if faces is None:
        faces = cost.faces_around(grid, grid.cells - active if box is None else 0)
        faces += sum(
            grid.cells // grid.shape[AXES.index(side[0])]
            for side, wall in walls.items() if not (wall.joined or wall.held or wall.closed)
        )  # fmt: skip
    if CapacitanceSolver.fits(grid, faces, spread):
        costs["capacitance"] = cost.corrected(grid, cells, faces)
    return [*kinds, *sorted(costs, key=costs.__getitem__), "cg", "fipy"]


def make_solver(
    assembled: Assembled,
    grid: Grid,
    walls: Mapping[str, WallCondition] | None = None,
    kind: str = "auto",
) -> Solver:
    """The fastest solver that reproduces FiPy's matrix.

    Parameters
    ----------
    assembled
        The system as FiPy assembled it.
    grid, walls
        The grid and the conditions from which it was assembled.
    kind
        ``"auto"``, or one of ``tridiagonal`` (a line that is not periodic), ``transform`` (cells
        that fill a box; walls without flux, with given values or periodic), ``chebyshev`` (cells
        of any shape; periodic axes with an even number of cells), ``capacitance`` (cells of any
        shape in more than one dimension, with up to 1,500 of them at other cells or walls of a
        finite rate, and D tau/h² up to 300), ``splu``, ``cg``, ``fipy`` (FiPy's own ``eq.solve``).

    Returns
    -------
    Solver
        It has solved ``matrix @ u = rhs`` for a random ``u`` with a relative residual below
        1e-10; with ``"auto"`` a kind that fails is skipped for the next one.

    Raises
    ------
    ModelError
        If the kind is unknown or cannot treat this system.
    CapacityError
        If there is no memory for it.

    Examples
    --------
    >>> from hybridrd.continuum.fipy_solver import assemble
    >>> grid = Grid((0.0,), (1.0,), (4,))
    >>> system = assemble(grid, D=1.0, tau=0.1)
    >>> solver = make_solver(system, grid)
    >>> solver.name, solver.solve(system.matrix @ np.ones(4)).round(12).tolist()
    ('tridiagonal', [1.0, 1.0, 1.0, 1.0])
    """
    full = resolve_walls(walls, grid.dimension)
    if kind != "auto" and kind not in KINDS:
        raise ModelError(f"no solver {kind!r}; there are auto, {', '.join(KINDS)}")
    possible = candidates(assembled, grid, full)
    if kind == "splu":
        possible.append(kind)  # if requested by name it may be as large as memory allows
    if kind != "auto" and kind not in possible:
        raise ModelError(
            f"the solver {kind!r} cannot treat these cells and walls; "
            f"these can: {', '.join(possible)}"
        )
    for choice in possible if kind == "auto" else [kind]:
        try:
            solver = _build(choice, assembled, grid, full)
        except MemoryError as error:
            raise CapacityError(
                f"the solver {choice!r}: there is no memory for the factors of a matrix of "
                f"{len(assembled.active):,} cells; use fewer cells, or solver='cg'"
            ) from error
        if residual(solver, assembled) <= AGREEMENT:
            return solver
    raise ModelError(
        f"no solver ({kind}) reproduces FiPy's matrix of {len(assembled.active)} cells to "
        f"{AGREEMENT:.0e}: D tau/h^2 = {_stiffness(assembled):.1e} is too large; "
        "use a smaller step or wider cells"
    )


def _build(
    kind: str, assembled: Assembled, grid: Grid, walls: Mapping[str, WallCondition]
) -> Solver:
    if kind == "tridiagonal":
        return TridiagonalSolver(assembled.matrix, assembled.symmetric)
    if kind == "transform":
        return TransformSolver(assembled, grid, walls)
    if kind == "chebyshev":
        return ChebyshevSolver(assembled, grid, walls)
    if kind == "capacitance":
        with one_blas_thread():  # the same digits with any number of them
            return CapacitanceSolver(assembled, grid, walls)
    if kind == "splu":
        return FactoredSolver(assembled.matrix)
    if kind == "cg":
        scale = assembled.tau / assembled.volume
        return ConjugateGradientSolver(assembled.matrix, scale, assembled.symmetric)
    cut = np.ones(grid.cells, dtype=bool)
    cut[assembled.active] = False
    return FipyStepper(grid, assembled.diffusion, assembled.tau, walls, cut, assembled.drift)


def residual(solver: Solver, assembled: Assembled) -> float:
    """Relative residual of a solver for a fixed random right-hand side."""
    rhs = np.random.default_rng(0).standard_normal(len(assembled.active))
    found = solver.product(assembled, solver.solve(rhs))
    return float(np.linalg.norm(found - rhs) / np.linalg.norm(rhs))


def _stiffness(assembled: Assembled) -> float:
    return float((assembled.matrix.diagonal() * assembled.tau / assembled.volume).max())


@functools.lru_cache(maxsize=1)
def _controller() -> Any:
    import scipy.linalg  # noqa: F401  (its BLAS must be loaded to be found)
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager[Any]:
    """A context in which BLAS uses one thread; enter it once around many steps.

    The systems are small: with more threads BLAS spends its time waiting for them.

    Examples
    --------
    >>> with one_blas_thread():
    ...     pass
    """
    context: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return context
