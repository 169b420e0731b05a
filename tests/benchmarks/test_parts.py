"""The parts of a step, each by itself: ``pytest -m benchmark -n 0 tests/benchmarks``."""

import time

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.continuum.diffusion import Diffusion
from hybridrd.continuum.mass_action import MassAction
from hybridrd.continuum.solvers import one_blas_thread
from hybridrd.kernels import arrays, drift, exchange, pairs, walk
from hybridrd.kernels.cell_list import Box, sort_species
from hybridrd.kernels.rng import make_key
from hybridrd.model.grid import Grid
from hybridrd.particles.particles import SPARE
from hybridrd.particles.population import Population
from tests.benchmarks import probe, small

pytestmark = pytest.mark.benchmark
N, KEY = 100_000, make_key(1, 0)
EDGE = N ** (1 / 3)
LOW, HIGH = np.zeros(3), np.full(3, EDGE)


@pytest.fixture
def population():
    """Uniform particles, one per unit volume."""
    made = Population(["A"], 3)
    made[0].append(np.random.default_rng(1).uniform(0, EDGE, (3, N)), np.arange(N, dtype=np.uint64))
    made[0].hold_spare()
    return made


@pytest.fixture
def group(population):
    return population[0]


def sort(population, radius):
    box, only = Box(LOW, HIGH, np.zeros(3), EDGE**3), np.zeros(1, np.int64)
    return sort_species(population.table, only, box, radius, np.ones(1))


def test_walk(benchmark, group):
    walls = walk.Walls(LOW, HIGH, np.full((3, 2), walk.REFLECT), np.zeros((3, 2)))
    benchmark(walk.move_closed, group.x, group.ids, 0, N, KEY, 1, 1e-3, walls)


@pytest.mark.parametrize("cells", [1, 20**3], ids=["even", "by cell"])
def test_walk_with_a_drift(benchmark, group, cells):
    walls = walk.Walls(LOW, HIGH, np.full((3, 2), walk.WRAP), np.zeros((3, 2)))
    shape = np.full(3, round(cells ** (1 / 3)))
    grid = arrays.Cells(LOW, HIGH / shape, shape / HIGH, shape)
    strides = 3 * np.cumprod([1, *shape[:-1]]) * (cells > 1)
    shifts, first = np.full(3 * cells, 1e-3), np.arange(3)
    force = drift.Force(grid, shifts, first, np.tile(strides, (3, 1)), np.zeros((6, 1)))
    gone = np.zeros(N + SPARE, np.uint8)
    benchmark(drift.drift_move, group.x, group.ids, 0, N, KEY, 1, 1e-3, walls, force, gone)


def test_sort_that_is_nearly_sorted(benchmark, population):
    benchmark(sort, population, 0.3)


@pytest.mark.parametrize("radius", [0.3, 0.8])
def test_search(benchmark, population, group, radius):
    listed = sort(population, radius)
    starts, cells = listed.starts[0], listed.cells
    i, j = np.empty(4 * N, np.int64), np.empty(4 * N, np.int64)
    found = benchmark(pairs.find_close, group.x, N, group.x, starts, True, radius, cells, i, j)
    # Of a Poisson process of density one, but for the walls.
    inside = N / 2 * 4 / 3 * np.pi * radius**3
    assert found == pytest.approx(inside, rel=0.05)


def test_removal_from_a_layer(benchmark, group):
    gone = np.zeros(N + SPARE, np.uint8)
    face = exchange.Face(0, 1, EDGE, LOW, HIGH, np.ones(3, np.int64))

    def remove():
        gone[:] = 0
        return exchange.layer_remove(group.x[0], group.ids, 0, N, face, 2.0, 0.6, KEY, 1, gone)

    removed = benchmark(remove)
    assert removed == pytest.approx(0.4 * N * 2 / EDGE, rel=0.1)


def test_closing_gaps(benchmark, group):
    gaps = np.flatnonzero(np.random.default_rng(2).random(N) < 0.01)
    places = np.empty(len(gaps), np.int64)
    left = benchmark(arrays.close_gaps, group.x, group.ids, group.gone, N, gaps, places)
    assert left == N - len(gaps)


@pytest.mark.parametrize("shape", [(1000,), (100, 100), (40, 40, 40)], ids=str)
def test_diffusion_step(benchmark, shape):
    grid = Grid((0.0,) * len(shape), tuple(map(float, shape)), shape)
    diffusion = Diffusion(grid, D=1.0, dt=0.5)
    u = np.random.default_rng(3).uniform(1, 2, grid.cells)
    with one_blas_thread():
        new = benchmark(diffusion.step, u)
    assert new.sum() == pytest.approx(u.sum(), rel=1e-12)


def test_mass_action_step(benchmark):
    """``A + B -> 2 B`` on 10,000 cells."""
    reaction = MassAction(np.array([[1, 1]]), np.array([[0, 2]]))
    c = np.random.default_rng(4).uniform(1, 2, (2, 10_000))
    new = benchmark(reaction.step, c, np.array([0.1]), 0.01)
    np.testing.assert_allclose(new.sum(axis=0), c.sum(axis=0), rtol=1e-12)


def test_records(tmp_path):
    """16 records of 3 x 200 x 200 cells in a new store, beside the same run without them."""
    species = [hrd.Species(name, D=0.1) for name in "ABC"]
    system = hrd.System(
        species=species, domain=hrd.Box(x=(0, 10), y=(0, 10)), cells=(200, 200),
        initial={s: hrd.Patch(5.0, x=(1, 3), y=(2, 4)) for s in species},
    )  # fmt: skip
    seconds = {1e-3: [], 0.015: []}
    for number in range(6):  # the first ones import and warm up
        for every, found in seconds.items():
            sim = hrd.PDE(system, dt=1e-3)
            out = tmp_path / str(number) if every == 1e-3 else None
            begun = time.process_time()
            sim.run(0.015, every=every, out=out, progress=False)
            found.append(time.process_time() - begun)
    cost = min(seconds[1e-3]) - min(seconds[0.015])
    print(f"16 records: {cost:.3f} s of processor time")
    assert cost < 0.2


def test_a_two_way_line_beside_a_plain_loop():
    """At most three times a loop that only walks, exchanges and diffuses, which loses nothing."""
    there = probe.Probe(50)
    number, steps = [], 200
    for _ in range(1_000):
        there.step(steps)
        number.append(there.n)
    assert there.total == pytest.approx(100.0, rel=1e-9)
    assert np.mean(number) == pytest.approx(50.0, abs=10.0)  # some 12 relaxation times
    own = min(small.seconds_a_step(small.two_way_line(50)) for _ in range(2))
    ratio = own / probe.seconds_a_step(50)
    print(f"{1e6 * own:.2f} us per step, {ratio:.2f} of the loop")
    assert ratio < 3.0


@pytest.mark.parametrize(
    ("cells", "d", "most"),
    [(100, 2, 2.5), (200, 2, 2.5), (40, 3, 2.5)],
    ids=["100²", "200²", "40³"],
)
def test_a_cut_out_box(cells, d, most):
    """A step around a box cut out of the middle beside that on all cells, in turn."""
    grid = Grid((0.0,) * d, (float(cells),) * d, (cells,) * d)
    inside = np.zeros(grid.shape, bool)
    inside[(slice(cells // 4, 3 * cells // 4),) * d] = True
    whole, cut = Diffusion(grid, 1.0, 0.5), Diffusion(grid, 1.0, 0.5, cut=inside.ravel())
    u = np.random.default_rng(0).uniform(1, 2, grid.cells)
    times = {whole: [], cut: []}
    with one_blas_thread():
        for _ in range(40):
            for diffusion, found in times.items():
                begun = time.perf_counter()
                diffusion.step(u[diffusion.active])
                found.append(time.perf_counter() - begun)
    ratio = min(times[cut]) / min(times[whole])
    print(f"{cells}^{d}: {cut.name}, {1e3 * min(times[cut]):.2f} ms, {ratio:.2f} of the whole")
    assert ratio < most
