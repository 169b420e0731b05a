"""FiPy's assembly against matrices built by hand, and FiPy kept from the command line."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest

from hybridrd.continuum.assembled import wall_cells
from hybridrd.continuum.conditions import (
    Dirichlet,
    NoFlux,
    PeriodicWall,
    Robin,
    WallCondition,
    resolve_walls,
)
from hybridrd.continuum.fipy_solver import FipyStepper, assemble
from hybridrd.errors import ModelError
from hybridrd.model.grid import AXES, Grid

D, TAU, KAPPA = 0.8, 0.3, 0.7
PAIRS: list[tuple[WallCondition, WallCondition]] = [
    (NoFlux(), Dirichlet()),
    (Robin(KAPPA), NoFlux()),
    (PeriodicWall(), PeriodicWall()),
]


def box(shape: tuple[int, ...]) -> Grid:
    return Grid((1.0, -2.0, 0.5)[: len(shape)], (3.0, -1.0, 0.9)[: len(shape)], shape)


def by_hand(grid: Grid, walls: dict[str, WallCondition], cut: np.ndarray | None = None):
    """Volume/tau I + K, face by face in plain loops: h/2 to a wall, h between cells."""
    matrix = np.eye(grid.cells) * grid.volume / TAU
    strides = [1, *np.cumprod(grid.shape)[:-1]]
    out = np.zeros(grid.cells, dtype=bool) if cut is None else cut
    for cell in itertools.product(*(range(n) for n in grid.shape)):
        i = int(np.dot(cell, strides))
        for axis, n in enumerate(grid.shape):
            h, area = grid.spacing[axis], grid.face_area(axis)
            for side, at, move in (("-", 0, -1), ("+", n - 1, 1)):
                condition = walls.get(AXES[axis] + side, NoFlux())
                if cell[axis] != at or isinstance(condition, PeriodicWall):
                    j = i + int(((cell[axis] + move) % n - cell[axis]) * strides[axis])
                    if not (out[i] or out[j]):
                        matrix[i, i] += D * area / h
                        matrix[i, j] -= D * area / h
                elif isinstance(condition, Dirichlet) and not out[i]:
                    matrix[i, i] += D * area / (h / 2)
                elif isinstance(condition, Robin) and not out[i]:
                    # resistances of the wall and of the half cell in series
                    matrix[i, i] += area / (1 / condition.kappa + h / (2 * D))
    return matrix[~out][:, ~out]


@pytest.mark.parametrize("shape", [(6,), (4, 3), (3, 2, 4), (1, 2), (2, 1, 1)])
def test_matrix_is_the_finite_volume_matrix(shape):
    grid = box(shape)
    for pairs in itertools.product(PAIRS, repeat=len(shape)):
        walls = {AXES[a] + s: c for a, p in enumerate(pairs) for s, c in zip("-+", p, strict=True)}
        system = assemble(grid, D, TAU, walls)
        expected = by_hand(grid, walls)
        assert np.abs(system.matrix.toarray() - expected).max() <= 1e-14 * expected.max()
        for wall, term in system.inflow.items():
            axis = AXES.index(wall[0])
            assert (term.positions == wall_cells(grid, wall)).all()
            conductance = D * grid.face_area(axis) / (grid.spacing[axis] / 2)
            np.testing.assert_allclose(term.coefficient, conductance, rtol=1e-13)
        for wall, term in system.absorption.items():
            axis = AXES.index(wall[0])
            series = 1 / (1 / KAPPA + grid.spacing[axis] / (2 * D))
            np.testing.assert_allclose(term.coefficient, series * grid.face_area(axis), rtol=1e-13)


@pytest.mark.parametrize(
    "walls",
    [
        {"x-": Dirichlet(), "y+": Robin(KAPPA)},
        {"x-": PeriodicWall(), "x+": PeriodicWall(), "y-": Dirichlet()},
    ],
)
@pytest.mark.parametrize("region", [(slice(0, 3), slice(0, 5)), (slice(2, 4), slice(1, 3))])
def test_cells_that_are_cut_off_leave_the_system(walls, region):
    grid = box((6, 5))
    inside = np.zeros(grid.shape, dtype=bool)
    inside[region] = True
    cut = grid.flatten(inside)
    system = assemble(grid, D, TAU, walls, cut)
    expected = by_hand(grid, walls, cut)
    assert (system.active == np.flatnonzero(~cut)).all()
    assert np.abs(system.matrix.toarray() - expected).max() <= 1e-14 * expected.max()
    for wall, term in system.inflow.items():
        cells = wall_cells(grid, wall)
        assert (system.active[term.positions] == cells[term.faces]).all()
        assert (np.isin(cells, system.active) == np.isin(np.arange(len(cells)), term.faces)).all()


def test_wall_faces_follow_the_flat_order():
    grid = box((2, 3, 4))
    field = np.arange(grid.cells)
    corner = grid.unflatten(field)
    assert (wall_cells(grid, "x+") == corner[1].T.ravel()).all()
    assert (wall_cells(grid, "y-") == corner[:, 0].T.ravel()).all()
    assert (wall_cells(grid, "z+") == corner[:, :, 3].T.ravel()).all()


def test_a_held_value_and_absorption_reach_their_exact_steady_states():
    grid = Grid((0.0,), (2.0,), (7,))
    u = FipyStepper(grid, D, 1e9, {"x-": Dirichlet(), "x+": Dirichlet()})
    linear = u.advance(np.ones(7), {"x-": 1.0, "x+": 5.0})
    np.testing.assert_allclose(linear, 1.0 + 2.0 * grid.centers(0), rtol=1e-7)
    # -D c' = kappa c at x = 2, c(0) = 1: the finite volumes are exact on a straight line.
    u = FipyStepper(grid, D, 1e9, {"x-": Dirichlet(), "x+": Robin(KAPPA)})
    slope = -KAPPA / (D + 2.0 * KAPPA)
    robin = u.advance(np.ones(7), {"x-": 1.0})
    np.testing.assert_allclose(robin, 1.0 + slope * grid.centers(0), rtol=1e-7)


def test_fipy_never_sees_the_command_line():
    script = (
        "import sys, os\n"
        "from hybridrd.continuum.fipy_solver import assemble\n"
        "from hybridrd.model.grid import Grid\n"
        "print(assemble(Grid((0.0,), (1.0,), (2,)), 1.0, 1.0).matrix.diagonal())\n"
        "import fipy\n"
        "print(fipy.solvers.solver_suite, sys.argv[1:], os.environ['FIPY_SOLVERS'])\n"
    )
    words = ["--petsc", "--cache-dir", "x", "--no-cache", "--inline"]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *words],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "FIPY_SOLVERS": "trilinos"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["[2.5 2.5]", f"scipy {words} trilinos"]


def test_fipy_is_loaded_for_entries_of_a_matrix_alone():
    """It takes 0.2 s, and a transform of a closed box knows the matrix (`test_solvers.py`)."""
    script = (
        "import sys; from hybridrd.continuum.diffusion import Diffusion, Grid; "
        "box = Diffusion(Grid((0.0, 0.0), (1.0, 1.0), (5, 4)), D=1.0, dt=0.1); "
        "print(box.name, 'fipy' in sys.modules); box._stage[0].matrix; print('fipy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["transform", "False", "True"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda g: assemble(g, -1.0, TAU), "diffusion coefficient is -1.0"),
        (lambda g: assemble(g, D, 0.0), "step is 0.0"),
        (lambda g: assemble(g, D, TAU, {"z-": NoFlux()}), "z-: no such wall"),
        (lambda g: assemble(g, D, TAU, {"x-": PeriodicWall()}), "only one of the walls"),
        (lambda g: assemble(g, D, TAU, cut=np.ones(12, dtype=bool)), "all 12 cells"),
        (lambda g: assemble(g, D, TAU, cut=np.ones(5, dtype=bool)), r"shape \(5,\)"),
        (lambda _: Robin(-1.0), "kappa"),
        (lambda _: Robin(float("inf")), "kappa"),
    ],
)
def test_what_cannot_be_is_said(call, words):
    with pytest.raises(ModelError, match=words):
        call(box((4, 3)))


def test_a_wall_that_absorbs_nothing_is_closed():
    assert resolve_walls({"x-": Robin(0.0)}, 1) == {"x-": NoFlux(), "x+": NoFlux()}
    assert assemble(box((4,)), D, TAU, {"x-": Robin(0.0)}).closed
    assert not assemble(box((4,)), D, TAU, {"x-": Robin(0.1)}).closed
