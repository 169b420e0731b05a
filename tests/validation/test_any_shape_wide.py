"""Masks at length: against FiPy on the same cells, closed forms, and particles alone."""

import time
from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import spsolve

import hybridrd as hrd
from hybridrd.continuum.field import conditions
from hybridrd.continuum.fipy_solver import assemble

pytestmark = pytest.mark.validation
A = hrd.Species("A", D=1.0)
SQUARE = hrd.Box(x=(0, 1), y=(0, 1))
CUBE = hrd.Box(x=(0, 1), y=(0, 1), z=(0, 1))
DISC = hrd.Ball((0.5, 0.5), 0.3)
L = hrd.Box(x=(0.2, 0.8), y=(0.2, 0.4)) | hrd.Box(x=(0.2, 0.4), y=(0.2, 0.8))


SHAPES = {"box": hrd.Box(x=(0.2, 0.8), y=(0.2, 0.6)), "disc": DISC, "L": L}
SHAPES["ball"] = hrd.Ball((0.5, 0.5, 0.5), 0.3)
MAZE = hrd.Where(
    lambda x, y: (
        ((x // 0.1).astype(int) % 4 == 1) & (y < 0.8)
        | ((x // 0.1).astype(int) % 4 == 3) & (y > 0.2)
    )
)
UNIFORM = SHAPES | {
    "annulus": hrd.Shell(0.15, 0.4, center=(0.5, 0.5)),
    "squares at a corner": hrd.Box(x=(0.2, 0.5), y=(0.2, 0.5))
    | hrd.Box(x=(0.5, 0.8), y=(0.5, 0.8)),
    "labyrinth": hrd.Outside(MAZE),
}
CONTINUA = [
    ("two-way", None),
    ("two-way", "gaussian"),
    ("two-way", "discrete"),
    ("mean-field", None),
]


@pytest.mark.parametrize("beside", ["obstacles", None, "discrete"])
@pytest.mark.parametrize("shape", UNIFORM)
def test_a_uniform_state_is_stationary(shape, beside):
    """Every cell within 4.5 standard errors, totals within 0.3 %, variance that of Poisson.

    Closed, beside a PDE and beside whole copies, at D dt/h² = 0.05, 0.5, 1.5.
    """
    domain, n = (CUBE, 12) if shape == "ball" else (SQUARE, 20)
    region = UNIFORM[shape]
    cells = n ** (3 if shape == "ball" else 2)
    c = 1e4 * cells  # 10,000 copies a cell
    changes = {"obstacles": hrd.Outside(region), "particles": domain}
    if beside != "obstacles":
        changes = {"particles": region, "fluctuations": beside}
    for alpha in (0.05, 0.5, 1.5):
        system = hrd.System(
            species=[A], domain=domain, cells=(n,) * len(domain.axes), initial={A: c}, **changes
        )
        sim = hrd.Simulation(system, dt=alpha / n**2, seed=3)
        start = sim.total
        sim.step(20)
        inside = system.grid.unflatten(system.partition.inside)
        counts = sim.concentration[0][inside] * system.grid.volume
        assert sim.total == pytest.approx(start, rel=1e-12)
        assert counts.mean() == pytest.approx(1e4, rel=0.003)
        assert abs(counts / 1e4 - 1).max() < 4.5 * 0.01, alpha
        squares = ((counts - 1e4) ** 2 / 1e4).sum()
        assert abs(squares - counts.size) < 4.5 * np.sqrt(2 * counts.size), alpha


@pytest.mark.parametrize(("coupling", "fluctuations"), CONTINUA)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_blob_beside_a_region_enters_it_as_fipy_says(shape, coupling, fluctuations):
    """The content of the region within 0.5 %, h = 1/40; its standard error is 0.1 %."""
    d = 3 if shape == "ball" else 2

    def blob(x, y, z=0.5):
        squares = (x - 0.1) ** 2 + (y - 0.3) ** 2 + (z - 0.5) ** 2
        return (1e8 if d == 2 else 6e8) * np.exp(-squares / 0.02)

    flat = (
        hrd.Patch(lambda x, y: blob(x, y)) if d == 2 else hrd.Patch(lambda x, y, z: blob(x, y, z))
    )
    system = hrd.System(
        species=[A], domain=SQUARE if d == 2 else CUBE, particles=SHAPES[shape], cells=(40,) * d,
        initial={A: flat}, coupling=coupling, fluctuations=fluctuations,
    )  # fmt: skip
    options = {"dt": (0.25 if d == 2 else 0.5) / 1600}
    run = hrd.Simulation(system, seed=2, **options).run(until=0.02, every=0.02)
    pde = hrd.mean_field(system, until=0.02, every=0.02, **options)
    expected = float(pde["copy_number"][-1, 0])
    assert expected > 9e5
    assert float(run["copy_number"][-1, 0]) == pytest.approx(expected, rel=0.005)


def test_a_box_takes_in_a_blob_with_an_error_of_second_order():
    """Two-way, D dt/h² = 0.2: content against FiPy on the same cells at h = 1/10, 1/20, 1/40."""
    errors = []
    for n in (10, 20, 40):
        system = hrd.System(
            species=[A], domain=hrd.Box(x=(0, 1)), particles=hrd.Box(x=(0.3, 0.8)), cells=n,
            initial={A: hrd.Patch(lambda x: 2e8 * np.exp(-((x - 0.1) ** 2) / 0.02))},
        )  # fmt: skip
        dt = 0.2 / n**2
        run = hrd.Simulation(system, dt=dt, seed=2).run(until=0.02, every=0.02)
        pde = hrd.mean_field(system, dt=dt, until=0.02, every=0.02)
        expected = float(pde["copy_number"][-1, 0])
        errors.append(float(run["copy_number"][-1, 0]) / expected - 1)
    error = 1 / np.sqrt(expected)
    assert error < 4e-4
    assert abs(errors[0]) > 0.02
    for coarse, fine in pairwise(errors):
        # A quarter at second order, a half at first.
        assert abs(fine) < abs(coarse) / 3 + 2 * error


def test_species_on_both_sides_of_a_disc_annihilate_as_among_particles():
    """A + B -> 0 with A in the disc and B around it: what is left of A in time."""
    B = hrd.Species("B", D=0.5)
    left = {}
    for name, region, fluctuations in (
        ("particles", SQUARE, None), ("pde", DISC, None), ("discrete", DISC, "discrete"),
    ):  # fmt: skip
        system = hrd.System(
            species=[A, B], domain=SQUARE, particles=region, cells=(20, 20),
            fluctuations=fluctuations,
            reactions=[hrd.Reaction("A + B -> 0", k=0.01, radius=0.025)],
            initial={A: hrd.Patch(4000.0, shape=DISC), B: hrd.Patch(4000.0, shape=SQUARE - DISC)},
        )  # fmt: skip
        shares = []
        for seed in range(30):
            run = hrd.Simulation(system, dt=2.5e-4, seed=seed).run(until=0.06, every=0.02)
            total = run["total"].sel(species="A").values
            shares.append(total[1:] / total[0])
        left[name] = np.mean(shares, axis=0), np.std(shares, axis=0, ddof=1) / np.sqrt(30)
    mean, error = left.pop("particles")
    assert mean[-1] < 0.5
    for name, (found, its) in left.items():
        assert (np.abs(found - mean) < 0.01 * mean + 4 * np.hypot(error, its)).all(), (name, left)


def effective_diffusion(system: hrd.System) -> float:
    """D of walkers on FiPy's cells of a periodic square: least dissipation at a unit gradient."""
    assembled = assemble(system.grid, 1.0, 1e12, conditions(system, "A"), ~system.free)
    pairs = assembled.matrix.tocoo()
    off = pairs.row != pairs.col
    i, j, weight = pairs.row[off], pairs.col[off], -pairs.data[off]
    x = system.grid.coordinates()["x"][assembled.active]
    step = x[j] - x[i]
    step -= np.round(step)  # the square is 1 wide
    n = len(x)
    # sum_j w_ij (step_ij + u_j - u_i) = 0, with u = 0 in the first cell
    laplacian = coo_matrix((weight, (i, j)), shape=(n, n)).tocsc()
    laplacian -= diags(np.asarray(laplacian.sum(axis=1)).ravel())
    source = -np.bincount(i, weight * step, n)
    u = np.zeros(n)
    u[1:] = spsolve(laplacian[1:, 1:].tocsc(), source[1:])
    return float(0.5 * weight @ (step + u[j] - u[i]) ** 2 / (n * system.grid.volume))


def test_discs_slow_diffusion_as_maxwell_says():
    """D/(1 + 0.05) in a square array of discs of the area fraction 0.05, within 1 % + staircase."""
    disc, n = hrd.Ball((0.5, 0.5), np.sqrt(0.05 / np.pi)), 400_000
    fraction, pde = {}, {}
    for cells in (40, 160):
        system = hrd.System(
            species=[A], domain=SQUARE, particles=SQUARE, cells=(cells, cells), obstacles=disc,
            walls={"x": hrd.Periodic(), "y": hrd.Periodic()}, initial={A: hrd.Copies(n)},
        )  # fmt: skip
        fraction[cells] = 1 - system.free.mean()
        pde[cells] = effective_diffusion(system)
    assert fraction[40] == pytest.approx(0.05, abs=1e-3)
    # The staircase makes the disc larger, less so on finer cells.
    assert pde[160] == pytest.approx(1 / (1 + fraction[160]), rel=0.01)
    assert abs(pde[160] * (1 + fraction[160]) - 1) < abs(pde[40] * (1 + fraction[40]) - 1)
    system = system.replace(cells=(40, 40))
    sim = hrd.Simulation(system, dt=1 / 1600, seed=4)

    def places() -> np.ndarray:
        group = sim.particles["A"]
        return np.asarray(group.positions)[np.argsort(group.ids[:n])]

    way, before, early = np.zeros((n, 2)), places(), None
    for k in range(1, 126):
        sim.step(8)  # 0.1 of the square is five standard deviations
        now = places()
        moved = now - before
        way, before = way + moved - np.round(moved), now
        if k == 20:
            early = way.copy()
    squares = ((way**2).sum(axis=1) - (early**2).sum(axis=1)) / (4 * 105 * 8 / 1600)
    error = squares.std() / np.sqrt(n)
    assert error < 0.003
    assert squares.mean() == pytest.approx(pde[40], abs=0.0025 * pde[40] + 4 * error)


def test_the_time_to_leave_a_room_by_a_door():
    """Mean time from a uniform start against FiPy's adjoint problem on the same cells."""
    wall = hrd.Box(x=(0.95, 1), y=(0, 1)) - hrd.Box(x=(0.95, 1), y=(0.4, 0.6))
    n = 250_000
    system = hrd.System(
        species=[A], domain=SQUARE, particles=SQUARE, cells=(40, 40), obstacles=wall,
        walls={"x+": hrd.Absorbing()}, initial={A: hrd.Copies(n)},
    )  # fmt: skip
    adjoint = assemble(system.grid, 1.0, 1e12, conditions(system, "A"), ~system.free)
    volumes = np.full(len(adjoint.active), system.grid.volume)
    expected = spsolve(adjoint.matrix.tocsc(), volumes).mean()
    dt = 3e-4
    sim = hrd.Simulation(system, dt=dt, seed=4)
    total = 0.5 * n
    while sim.copy_number[0] > 0:
        sim.step(10)
        total += 10 * sim.copy_number[0] if sim.copy_number[0] else 0
    # Sums of the survivors at every tenth step: the trapezoidal rule.
    measured = dt * (total - 0.5 * n + 5 * n) / n
    assert measured == pytest.approx(expected, rel=0.01)


def test_pairs_react_alike_on_both_sides_of_a_curved_plane():
    """The density of A + B -> A + B + C at a disc: flat within 1 %."""
    B, C = hrd.Species("B", D=1.0), hrd.Species("C", D=0.0)
    system = hrd.System(
        species=[A, B, C], domain=SQUARE, particles=DISC, cells=(20, 20),
        reactions=[hrd.Reaction("A + B -> A + B + C", k=0.05, radius=0.05)],
        initial={A: 8000.0, B: 8000.0},
    )  # fmt: skip
    made = np.zeros((20, 20))
    for seed in range(4):
        sim = hrd.Simulation(system, dt=5e-4, seed=seed)
        sim.step(800)
        made += sim.concentration[2] * system.grid.volume
    mask = system.grid.unflatten(system.partition.inside)
    beside = np.zeros_like(mask)
    for axis in (0, 1):
        for shift in (1, -1):
            beside |= np.roll(mask, shift, axis) != mask
    parts = [mask & ~beside, mask & beside, ~mask & beside, ~mask & ~beside]
    density = np.array([made[where].mean() for where in parts])
    assert min(made[where].sum() for where in parts) > 4e5  # 0.16 %
    assert density / made.mean() == pytest.approx(1.0, abs=0.01)
    # Numbers of A and B scatter, too: their means over the runs by 0.5 %.
    expected = 4 * 0.05 * 8000.0**2 * 0.4 * system.grid.volume
    assert made.mean() == pytest.approx(expected, rel=0.02)


def front(particles, fluctuations, seed, plateau=100.0, until=36.0):
    """Where a front is, at times 2 apart or of one step."""
    system = hrd.System(
        species=[A],
        reactions=[
            hrd.Reaction("A -> 2 A", k=1.0),
            hrd.Reaction("2 A -> A", k=2 / plateau, radius=0.25),
        ],
        domain=hrd.Box(x=(0, 120)), particles=particles, cells=120, fluctuations=fluctuations,
        initial={A: hrd.Patch(plateau, x=(0, 20))},
    )  # fmt: skip
    run = hrd.Simulation(system, dt=0.02, seed=seed).run(until=until, every=min(2.0, until))
    return run["total"].sel(species="A").values / plateau


WAYS = {
    "adaptive": (hrd.Adaptive(low=10, high=30, every=0.1), "discrete"),
    "particles": (hrd.Box(x=(0, 120)), None),
    "cells": (None, "discrete"),
}


def test_a_followed_front_is_as_fast_as_that_of_particles_or_of_cells():
    """Within two standard errors of 36 replicas (1 %), and below the 2 of the PDE."""
    mean, error = {}, {}
    for name, way in WAYS.items():
        ways = np.array([front(*way, seed) for seed in range(36)])
        speeds = (ways[:, 18] - ways[:, 6]) / 24
        mean[name], error[name] = speeds.mean(), speeds.std(ddof=1) / 6
    assert max(mean.values()) + 4 * max(error.values()) < 1.9
    for other in ("particles", "cells"):
        apart = mean["adaptive"] - mean[other]
        assert abs(apart) < 2.0 * np.hypot(error["adaptive"], error[other]), (mean, error)


def test_to_follow_a_front_costs_less_than_a_third_of_particles():
    """At a plateau of 1000 per length, 20,000 particles at the start."""
    seconds = {}
    for name in ("adaptive", "particles"):
        front(*WAYS[name], 1, plateau=1000.0, until=0.1)
        begun = time.process_time()
        front(*WAYS[name], 1, plateau=1000.0, until=0.5)
        seconds[name] = time.process_time() - begun
    assert seconds["adaptive"] < 0.3 * seconds["particles"], seconds


def test_a_round_front_is_followed():
    """Its radius grows as that of particles does, within two standard errors of 16 replicas."""
    speeds = []
    domain = hrd.Box(x=(0, 40), y=(0, 40))
    for particles, fluctuations in (WAYS["adaptive"], (domain, None)):
        system = hrd.System(
            species=[A],
            reactions=[
                hrd.Reaction("A -> 2 A", k=1.0),
                hrd.Reaction("2 A -> A", k=0.02, radius=0.4),
            ],
            domain=domain, particles=particles, cells=(40, 40), fluctuations=fluctuations,
            initial={A: hrd.Patch(100.0, center=(20, 20), radius=6)},
        )  # fmt: skip
        grown = []
        for seed in range(16):
            run = hrd.Simulation(system, dt=0.02, seed=seed).run(until=6.0, every=2.0)
            radius = np.sqrt(run["total"].sel(species="A").values / 100 / np.pi)
            grown.append((radius[-1] - radius[1]) / 4)
        speeds.append((np.mean(grown), np.std(grown, ddof=1) / 4))
    (followed, its), (alone, error) = speeds
    assert 1.3 < alone < 1.5
    assert max(its, error) < 0.006
    assert abs(followed - alone) < 2 * np.hypot(its, error), speeds
