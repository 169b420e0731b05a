"""Estimates of the memory of the PDE against matrices that are really factored."""

import math
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import splu

import hybridrd as hrd
from hybridrd.continuum import solvers
from hybridrd.continuum.cache import SolverCache
from hybridrd.continuum.conditions import Dirichlet, NoFlux, PeriodicWall, Robin, resolve_walls
from hybridrd.continuum.cost import factor_bytes
from hybridrd.continuum.field import Field, conditions
from hybridrd.continuum.fipy_solver import assemble
from hybridrd.continuum.footprint import footprint, rest_of
from hybridrd.continuum.stage import G
from hybridrd.errors import CapacityError
from hybridrd.model.grid import Grid

BYTES_PER_ENTRY = 10.3  # of SuperLU's factors: a value, and an index that some of them share


def laplacian(shape, periodic):
    """The matrix of an implicit step, made without FiPy."""
    total = sp.csr_matrix((1, 1))
    for n, joined in zip(shape, periodic, strict=True):
        line = sp.diags([np.full(n - 1, -1.0), np.full(n, 2.0), np.full(n - 1, -1.0)], [-1, 0, 1])
        line = line.tolil()
        if joined:
            line[0, n - 1] = line[n - 1, 0] = -1.0
        total = sp.kron(total, sp.identity(n)) + sp.kron(sp.identity(total.shape[0]), line)
    return (total + 3.0 * sp.identity(total.shape[0])).tocsc()


@pytest.mark.parametrize(
    ("shape", "periodic"),
    [
        ((20_000,), (True,)),
        ((100, 100), (False, False)),
        ((200, 200), (False, False)),
        ((100, 100), (True, False)),
        ((150, 150), (True, True)),
        ((15, 15, 15), (False, False, False)),
        ((20, 20, 20), (False, False, False)),
        ((16, 16, 16), (True, False, False)),
        ((16, 16, 16), (True, True, False)),
        ((14, 14, 14), (True, True, True)),
        ((90, 90, 2), (False, False, False)),
        ((60, 60, 4), (False, False, False)),
        ((200, 8, 8), (False, False, False)),
        ((3000, 4), (False, False)),
    ],
)
def test_factors_are_as_large_as_estimated(shape, periodic):
    matrix = laplacian(shape, periodic)
    factors = splu(
        matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    )
    real = BYTES_PER_ENTRY * factors.nnz
    estimate = factor_bytes(shape, math.prod(shape), sum(periodic))
    assert 0.8 * real < estimate < 2.1 * real


def test_closed_numbers():
    # 40 log2(n) bytes a cell in two dimensions, 9.5 n^0.6 in three, 21 a cell of the section.
    assert factor_bytes((256, 256), 2**16) == 40 * 16 * 2**16
    assert factor_bytes((256, 256), 2**16, 2) == pytest.approx(1.45 * 40 * 16 * 2**16)
    assert factor_bytes((32, 32, 32), 2**15) == pytest.approx(9.5 * 2**9 * 2**15)
    assert factor_bytes((10_000, 2), 20_000) == (21 * 2 + 100) * 20_000
    assert factor_bytes((64, 64), 0) < 100  # nothing left to factor


def plane(n=20):
    return Grid((0.0, 0.0), (1.0, 1.0), (n, n))


def all_of(grid):
    return tuple((0, n) for n in grid.shape)


def test_systems_are_counted_once_for_each_coefficient_and_walls():
    grid, n = plane(), 400
    held = {"x-": Dirichlet()}
    species = [(1.0, {}), (1.0, {"y-": NoFlux()}), (2.0, {}), (1.0, held), (0.0, {})]
    found = footprint(grid, species, n, all_of(grid), 0.1)
    assert found.systems == 6
    assert found.factors == 0
    assert found.bytes == (1000 + 6 * 220) * n
    # The same as is really kept: the stages of three, with three for implicit Euler.
    cache = SolverCache()
    for D, walls in species[:4]:
        for tau in (0.1, 0.2):
            cache.get(grid, D, tau, walls)
    assert len(cache) == 6
    # By name, each distinct one has factors for both, and the last one work on them.
    size = factor_bytes((20, 20), n)
    named = footprint(grid, species, n, all_of(grid), 0.1, "splu")
    assert named.solvers == ("splu",) * 3
    assert named.factors == pytest.approx(6 * size + 0.15 * size + 350 * n)
    assert named.bytes == pytest.approx(found.bytes + named.factors)
    assert footprint(grid, species, n, all_of(grid), 0.1, "cg").bytes == found.bytes
    assert footprint(grid, [(0.0, {})], n, all_of(grid), 0.1).bytes == 0


@pytest.mark.parametrize("shape", [(20,), (6, 8), (4, 5, 6)])
@pytest.mark.parametrize("kind", ["closed", "held", "robin", "periodic"])
@pytest.mark.parametrize("place", ["none", "at an end", "in the middle", "a corner"])
def test_the_solver_is_foretold(shape, kind, place):
    d = len(shape)
    grid = Grid((0.0,) * d, (1.0,) * d, shape)
    wall = {
        "closed": NoFlux(), "held": Dirichlet(), "robin": Robin(1.0), "periodic": PeriodicWall()
    }[kind]  # fmt: skip
    walls = resolve_walls({"x-": wall, "x+": wall}, d)
    first = [0 if place != "in the middle" else 1] + [0] * (d - 1)
    count = [2, *((2,) * (d - 1) if place == "a corner" else shape[1:])]
    cut = np.zeros(shape[::-1], bool)
    box = all_of(grid)
    if place != "none":
        cut[tuple(slice(f, f + n) for f, n in zip(first[::-1], count[::-1], strict=True))] = True
        box = rest_of(grid, first, count)
    cut = cut.ravel()
    active = int((~cut).sum())
    assembled = assemble(grid, 1.0, 0.01, walls, cut)
    solver = solvers.make_solver(assembled, grid, walls)
    assert footprint(grid, [(1.0, walls)], active, box, 0.01 / G).solvers == (solver.name,)


def test_large_continua_are_not_factored_unless_asked():
    grid = Grid((0.0,) * 3, (1.0,) * 3, (100, 100, 100))
    assert footprint(grid, [(1.0, {})], 999_000, None, 1e-4).solvers == ("chebyshev",)
    assert footprint(grid, [(1.0, {})], 29_000, None, 1.0).solvers == ("splu",)
    # 1e6 cells by name: 9.5 (1e6)^1.6 bytes, 38 GB, for each of the two step lengths.
    assert footprint(grid, [(1.0, {})], 10**6, None, 1e-4, "splu").factors == pytest.approx(
        2.15 * 9.5 * 10**9.6 + 350e6
    )


def test_a_system_is_taken_as_its_field_takes_it():
    A, B = hrd.Species("A", D=1.0), hrd.Species("B", D=1.0)
    system = hrd.System(
        species=[A, B], domain=hrd.Box(x=(0, 1), y=(0, 1)), cells=(10, 10),
        walls={"x-": hrd.Reservoir({A: 1.0}), "y": hrd.Periodic()},
    )  # fmt: skip
    assert conditions(system, "A")["x-"] == Dirichlet()
    assert conditions(system, "B")["x-"] == NoFlux()
    species = [(1.0, conditions(system, n)) for n in "AB"]
    names = footprint(system.grid, species, 100, all_of(system.grid), 0.01).solvers
    assert sorted(names) == sorted(Field(system, 0.01).described()["solvers"].values())


def test_a_factorisation_without_memory_is_refused_by_name(monkeypatch):
    def greedy(_):
        raise MemoryError

    monkeypatch.setattr(solvers, "FactoredSolver", greedy)
    grid = plane(5)
    with pytest.raises(CapacityError, match=r"'splu': .* of 25 cells; use fewer .* solver='cg'"):
        solvers.make_solver(assemble(grid, 1.0, 0.1), grid, kind="splu")


# Makes a small continuum, so that all is loaded, then a large one; prints growth and estimate.
GROWTH = """
import sys
from pathlib import Path
import hybridrd as hrd
from hybridrd.continuum.field import Field
from hybridrd.simulation.sizes import continuum_part
def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))
def make(n):
    species, box = hrd.Species("A", D=1.0), hrd.Box(x=(0, 1), y=(0, 1), **sides)
    system = hrd.System(species=[species], domain=box, cells=(n,) * (2 + len(sides)))
    field = Field(system, 1e-4, solver="splu")
    field.diffuse(0, noisy=True)  # one step of implicit Euler
    return system, field
sides = {"z": (0, 1)} if sys.argv[1] == "3" else {}
make(6)
before = status("VmRSS")
system, field = make(int(sys.argv[2]))
print(status("VmHWM") - before, continuum_part(system, 1e-4, "splu").bytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="where /proc tells the peak")
@pytest.mark.parametrize(("dimension", "n"), [(2, 200), (3, 22)])
def test_a_process_grows_as_estimated(dimension, n):
    command = [sys.executable, "-c", GROWTH, str(dimension), str(n)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    growth, estimate = map(float, done.stdout.split())
    assert 0.9 * growth < estimate < 1.7 * growth
