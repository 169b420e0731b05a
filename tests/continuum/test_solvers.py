"""Every fast solver against FiPy's own ``eq.solve``, stage by stage."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.sparse.linalg import splu
from threadpoolctl import threadpool_info, threadpool_limits

from hybridrd.continuum import solvers
from hybridrd.continuum.conditions import Dirichlet, PeriodicWall, Robin
from hybridrd.continuum.fipy_solver import FipyStepper, assemble, load_fipy
from hybridrd.continuum.solvers import FactoredSolver, make_solver, one_blas_thread
from hybridrd.continuum.stage import Solver
from hybridrd.errors import ModelError, StepError
from hybridrd.model.grid import Grid

D, TAU = 0.8, 0.05
LINE = Grid((1.0,), (3.0,), (40,))
SQUARE = Grid((0.0, -1.0), (2.0, 0.5), (16, 12))
CUBE = Grid((0.0, 0.0, 0.0), (1.0, 1.2, 0.9), (6, 5, 7))
HELD, ABSORB, JOINED = Dirichlet(), Robin(0.6), PeriodicWall()


def region(grid: Grid, *slices: slice) -> np.ndarray:
    inside = np.zeros(grid.shape, dtype=bool)
    inside[slices] = True
    return grid.flatten(inside)


CASES = {
    "line": (LINE, {}, None, "tridiagonal"),
    "line, held": (LINE, {"x-": HELD, "x+": HELD}, None, "tridiagonal"),
    "line, absorbing": (LINE, {"x-": ABSORB, "x+": HELD}, None, "tridiagonal"),
    "line, cut in the middle": (LINE, {"x+": HELD}, region(LINE, slice(10, 20)), "tridiagonal"),
    "ring": (LINE, {"x-": JOINED, "x+": JOINED}, None, "transform"),
    "ring, cut": (LINE, {"x-": JOINED, "x+": JOINED}, region(LINE, slice(0, 9)), "transform"),
    "square": (SQUARE, {}, None, "transform"),
    "square, held": (SQUARE, {"x-": HELD, "y-": HELD, "y+": HELD}, None, "transform"),
    "square, absorbing": (SQUARE, {"x-": ABSORB, "y+": HELD}, None, "splu"),
    "square, a periodic axis": (
        SQUARE,
        {"y-": JOINED, "y+": JOINED, "x+": HELD},
        None,
        "transform",
    ),
    "square, slab cut off": (SQUARE, {"x+": HELD}, region(SQUARE, slice(0, 8)), "transform"),
    "square, box in box": (
        SQUARE,
        {"x+": HELD, "y-": ABSORB},
        region(SQUARE, slice(4, 9), slice(3, 8)),
        "splu",
    ),
    "cube": (CUBE, {}, None, "transform"),
    "cube, mixed": (CUBE, {"x-": HELD, "y-": JOINED, "y+": JOINED, "z+": HELD}, None, "transform"),
    "cube, all periodic": (
        CUBE,
        dict.fromkeys(("x-", "x+", "y-", "y+", "z-", "z+"), JOINED),
        None,
        "transform",
    ),
    "cube, box in box": (
        CUBE,
        {"x+": HELD, "z-": ABSORB},
        region(CUBE, slice(2, 4), slice(1, 4), slice(2, 5)),
        "splu",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_solvers_equal_fipy(name):
    grid, walls, cut, expected = CASES[name]
    system = assemble(grid, D, TAU, walls, cut)
    rng = np.random.default_rng(5)
    u = rng.uniform(0.0, 10.0, (3, len(system.active)))
    values = {
        w: rng.uniform(0.0, 10.0, grid.cells // grid.shape["xyz".index(w[0])])
        for w, c in walls.items()
        if isinstance(c, Dirichlet)
    }
    rhs = u * system.volume / system.tau
    for wall, term in system.inflow.items():
        rhs[:, term.positions] += term.coefficient * values[wall][term.faces]
    fipy = FipyStepper(grid, D, TAU, walls, cut)
    # FiPy is given the concentrations on its faces; the others only the assembled right-hand side
    truth = np.stack([fipy.advance(row, values) for row in u])
    assert make_solver(system, grid, walls).name == expected
    for kind in solvers.candidates(system, grid, solvers.resolve_walls(walls, grid.dimension)):
        solver = make_solver(system, grid, walls, kind)
        assert solver.name == kind
        product = system.matrix @ u[0]
        assert np.abs(solver.product(system, u[0]) - product).max() <= 1e-12 * product.max(), kind
        before = rhs.copy()
        assert np.abs(solver.solve(rhs) - truth).max() <= 1e-12 * truth.max(), kind
        assert np.abs(solver.solve(rhs[1]) - truth[1]).max() <= 1e-12 * truth.max(), kind
        assert (rhs == before).all()


def test_a_wrong_fast_solver_is_passed_over(monkeypatch):
    system = assemble(SQUARE, D, TAU)
    wrong = assemble(SQUARE, D * (1 + 1e-8), TAU)
    real = solvers.TransformSolver
    monkeypatch.setattr(
        solvers,
        "_build",
        lambda kind, *args: (
            real(wrong, *args[1:]) if kind == "transform" else FactoredSolver(args[0].matrix)
        ),
    )
    assert make_solver(system, SQUARE).name == "splu"
    with pytest.raises(ModelError, match="reproduces FiPy's matrix"):
        make_solver(system, SQUARE, kind="transform")


WALLS = (None, HELD, ABSORB, Robin(2.5, outside=True), JOINED)


def shape_and_walls(seed):
    """A random set of cells of a random grid, with random walls."""
    rng = np.random.default_rng(seed)
    d = 1 + seed % 3
    shape = tuple(int(n) for n in rng.integers(3, (30, 14, 8)[d - 1], d))
    grid = Grid((0.0,) * d, tuple(rng.uniform(0.5, 2.0, d)), shape)
    walls = {}
    for axis in "xyz"[:d]:
        low, high = (WALLS[i] for i in rng.integers(0, len(WALLS), 2))
        if JOINED in (low, high):
            low = high = JOINED
        walls |= {axis + "-": low, axis + "+": high}
    if seed % 2:  # single cells, gaps and corners
        cut = rng.random(grid.cells) < 0.4
    else:  # a box, which may be at walls
        first = [int(rng.integers(0, n)) for n in shape]
        cut = region(
            grid,
            *(slice(a, int(rng.integers(a, n)) + 1) for a, n in zip(first, shape, strict=True)),
        )
    cut[int(rng.integers(grid.cells))] = False
    return grid, {w: c for w, c in walls.items() if c is not None}, cut


@pytest.mark.parametrize("seed", range(12))
def test_any_set_of_cells_behind_any_walls(seed):
    """Every kind of solver against SuperLU with pivoting in FiPy's own matrix."""
    grid, walls, cut = shape_and_walls(seed)
    for stiffness in (0.1, 30.0):
        tau = stiffness * min(grid.spacing) ** 2 / D
        system = assemble(grid, D, tau, walls, cut)
        u = np.random.default_rng(seed).uniform(0.0, 1.0, len(system.active))
        rhs = system.matrix @ u
        truth = splu(system.matrix.tocsc()).solve(rhs)
        kinds = solvers.candidates(system, grid, solvers.resolve_walls(walls, grid.dimension))
        for kind in set(kinds) - {"fipy"}:
            solver = make_solver(system, grid, walls, kind)
            assert np.abs(solver.solve(rhs) - truth).max() <= 1e-12 * truth.max(), kind
            scale, inflow = system.volume / system.tau, 0.1 * rhs
            both = Solver.two_stages(solver, u, 0.2 * u, scale, inflow)
            mine = solver.two_stages(u, 0.2 * u, scale, inflow)
            for a, b in ((mine[0], both[0]), (mine[1](), both[1]())):
                assert np.abs(a - b).max() <= 1e-12 * np.abs(b).max(), kind


@pytest.mark.parametrize("kind", ["chebyshev", "capacitance"])
def test_digits_do_not_depend_on_threads(kind):
    grid = Grid((0.0, 0.0), (1.0, 1.0), (90, 80))
    cut = region(grid, slice(20, 70), slice(0, 60))
    system = assemble(grid, D, 1e-3, {"x+": ABSORB}, cut)
    u, found = np.random.default_rng(4).uniform(0.0, 1.0, len(system.active)), []
    for threads in (1, 2):
        with threadpool_limits(threads):
            solver = make_solver(system, grid, {"x+": ABSORB}, kind)
            new, mean = solver.two_stages(u, None, system.volume / system.tau, None)
            found.append((new, mean(), solver.solve(u)))
    assert all((a == b).all() for a, b in zip(*found, strict=True))


def test_rings_of_odd_numbers_of_cells_have_no_two_colours():
    walls = {"x-": JOINED, "x+": JOINED}
    for n, fits in ((6, True), (7, False)):
        grid = Grid((0.0, 0.0), (1.0, 1.0), (n, 5))
        cut = region(grid, slice(2, 4), slice(1, 3))
        found = solvers.candidates(
            assemble(grid, D, TAU, walls, cut), grid, solvers.resolve_walls(walls, 2)
        )
        assert ("chebyshev" in found) is fits


@pytest.mark.parametrize(
    ("shape", "stiffness", "expected"),
    [
        ((40, 40), 0.5, "chebyshev"),
        ((40, 40), 500.0, "splu"),
        ((120, 100), 100.0, "capacitance"),
        ((10, 11, 12), 0.5, "chebyshev"),
    ],
)
def test_the_cheaper_solver_is_chosen(shape, stiffness, expected):
    grid = Grid((0.0,) * len(shape), tuple(map(float, shape)), shape)
    cut = region(grid, *(slice(3, 8) for _ in shape))
    assert make_solver(assemble(grid, 1.0, stiffness, {}, cut), grid).name == expected


def test_conjugate_gradients_say_when_they_do_not_converge(monkeypatch):
    system = assemble(SQUARE, D, TAU)
    solver = make_solver(system, SQUARE, kind="cg")
    monkeypatch.setattr(type(solver), "iterations", 2)
    with pytest.raises(StepError, match="conjugate gradients stopped"):
        solver.solve(np.random.default_rng(1).normal(size=SQUARE.cells))


@pytest.mark.parametrize(
    ("kind", "grid", "walls"),
    [
        ("tridiagonal", SQUARE, {}),
        ("tridiagonal", LINE, {"x-": JOINED, "x+": JOINED}),
        ("transform", SQUARE, {"x-": ABSORB}),
    ],
)
def test_a_kind_that_does_not_fit_is_refused(kind, grid, walls):
    with pytest.raises(ModelError, match="cannot treat"):
        make_solver(assemble(grid, D, TAU, walls), grid, walls, kind)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ModelError, match="no solver 'multigrid'"):
        make_solver(assemble(LINE, D, TAU), LINE, kind="multigrid")


def test_blas_has_one_thread_inside_the_context():
    with one_blas_thread():
        pools = [p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"]
    assert pools
    assert set(pools) == {1}


@pytest.mark.benchmark
@pytest.mark.parametrize(
    ("grid", "kinds"),
    [
        (Grid((0.0,), (10.0,), (1000,)), ("tridiagonal", "transform", "splu")),
        (Grid((0.0, 0.0), (10.0, 10.0), (100, 100)), ("transform", "splu", "cg")),
        (Grid((0.0,) * 3, (10.0,) * 3, (24, 24, 24)), ("transform", "splu", "cg")),
    ],
    ids=["1D", "2D", "3D"],
)
def test_speed_beside_fipy(grid, kinds):
    """Each solver against FiPy's default ``eq.solve`` at D tau = h^2; prints the ratios."""
    h = grid.spacing[0]
    fp = load_fipy()
    mesh = getattr(fp, f"Grid{grid.dimension}D")(
        **{f"n{a}": n for a, n in zip("xyz", grid.shape, strict=False)},
        **{f"d{a}": s for a, s in zip("xyz", grid.spacing, strict=False)},
    )
    u0 = np.random.default_rng(3).uniform(0.0, 1.0, grid.cells)
    var = fp.CellVariable(mesh=mesh, value=u0)
    equation = fp.TransientTerm() == fp.DiffusionTerm(coeff=1.0)
    system = assemble(grid, 1.0, h * h)
    rhs = u0 * system.volume / system.tau
    with one_blas_thread():
        slow = _best(lambda: equation.solve(var=var, dt=h * h), 3)
        for kind in kinds:
            solver = make_solver(system, grid, kind=kind)
            fast = _best(lambda s=solver: s.solve(rhs), 20)
            print(
                f"{grid.shape} {kind}: {fast * 1e6:.1f} us, FiPy {slow * 1e3:.2f} ms, "
                f"{slow / fast:.0f} times faster"
            )
            assert fast < slow


def _best(call, repeats: int) -> float:
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)
