"""Masks at length: against FiPy on the same cells, closed forms, and particles alone."""

import numpy as np
import pytest
from scipy.sparse.linalg import spsolve

import hybridrd as hrd
from hybridrd.continuum.field import conditions
from hybridrd.continuum.fipy_solver import assemble

pytestmark = pytest.mark.validation
A = hrd.Species("A", D=1.0)
SQUARE = hrd.Box(x=(0, 1), y=(0, 1))
DISC = hrd.Ball((0.5, 0.5), 0.3)
L = hrd.Box(x=(0.2, 0.8), y=(0.2, 0.4)) | hrd.Box(x=(0.2, 0.4), y=(0.2, 0.8))


@pytest.mark.parametrize("coupling", ["two-way", "mean-field"])
@pytest.mark.parametrize("fluctuations", [None, "discrete"])
@pytest.mark.parametrize("shape", [DISC, L], ids=["disc", "L"])
def test_a_blob_beside_a_region_enters_it_as_fipy_says(shape, coupling, fluctuations):
    """The content of the region within 0.5 % and four standard errors, h = 1/40."""
    if coupling == "mean-field" and fluctuations:
        pytest.skip("a mean field does not fluctuate")
    blob = hrd.Patch(lambda x, y: 2e7 * np.exp(-((x - 0.1) ** 2 + (y - 0.3) ** 2) / 0.02))
    system = hrd.System(
        species=[A], domain=SQUARE, particles=shape, cells=(40, 40), initial={A: blob},
        coupling=coupling, fluctuations=fluctuations,
    )  # fmt: skip
    options = {"dt": 0.25 / 1600}
    run = hrd.Simulation(system, seed=2, **options).run(until=0.02, every=0.02)
    pde = hrd.mean_field(system, until=0.02, every=0.02, **options)
    expected = float(pde["copy_number"][-1, 0])
    error = abs(float(run["copy_number"][-1, 0]) - expected)
    assert expected > 2e5
    assert error < 0.005 * expected + 4 * np.sqrt(expected)


def test_discs_slow_diffusion_as_maxwell_says():
    """D/(1 + 0.05) between discs of the area fraction 0.05, particles and FiPy alike."""
    length, r = 4, np.sqrt(0.05 / np.pi)
    discs = hrd.Ball((0.5, 0.5), r)
    for k in range(1, length):
        discs = discs | hrd.Ball((k + 0.5, 0.5), r)
    domain = hrd.Box(x=(0, length), y=(0, 1))
    n = 200_000
    system = hrd.System(
        species=[A], domain=domain, particles=domain, cells=(40 * length, 40), obstacles=discs,
        initial={A: lambda x: n / length / 0.95 * (1 + np.cos(np.pi * x / length))},
    )  # fmt: skip
    fraction = 1 - system.free.mean()
    assert fraction == pytest.approx(0.05, abs=0.001)
    rates = []
    for every in (hrd.Simulation(system, dt=6.25e-4, seed=3).run, hrd.PDE(system, dt=2.5e-3).run):
        run = every(until=1.75, every=0.25)
        c, x = run["concentration"].values[:, 0], run["x"].values
        modes = (c * np.cos(np.pi * x / length)[:, None]).sum(axis=(1, 2)) / c.sum(axis=(1, 2))
        rates.append(-np.log(modes[-1] / modes[1]) / 1.5)
    particles, pde = np.array(rates) / (np.pi / length) ** 2
    assert pde == pytest.approx(1 / (1 + fraction), rel=0.02)
    # The standard error of the last mode is 0.0016 of 0.18, on a decay of 0.87.
    assert particles == pytest.approx(pde, rel=0.04)


def test_the_time_to_leave_a_room_by_a_door():
    """Mean time from a uniform start against FiPy's adjoint problem on the same cells."""
    wall = hrd.Box(x=(0.95, 1), y=(0, 1)) - hrd.Box(x=(0.95, 1), y=(0.4, 0.6))
    n = 60_000
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
    assert measured == pytest.approx(expected, rel=0.01 + 4 / np.sqrt(n))


def test_pairs_react_alike_on_both_sides_of_a_curved_plane():
    """The density of A + B -> A + B + C at a disc: flat within 1 % and four standard errors."""
    B, C = hrd.Species("B", D=1.0), hrd.Species("C", D=0.0)
    system = hrd.System(
        species=[A, B, C], domain=SQUARE, particles=DISC, cells=(20, 20),
        reactions=[hrd.Reaction("A + B -> A + B + C", k=0.05, radius=0.05)],
        initial={A: 8000.0, B: 8000.0},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=5e-4, seed=5)
    sim.step(800)
    made = sim.concentration[2] * system.grid.volume
    mask = system.grid.unflatten(system.partition.inside)
    beside = np.zeros_like(mask)
    for axis in (0, 1):
        for shift in (1, -1):
            beside |= np.roll(mask, shift, axis) != mask
    expected = 0.05 * 8000.0**2 * 0.4 * system.grid.volume
    for where in (mask & ~beside, mask & beside, ~mask & beside, ~mask & ~beside):
        count, wanted = made[where].sum(), expected * where.sum()
        # Numbers of A and B scatter, too: their means over the run by 1 %.
        assert count == pytest.approx(wanted, rel=0.01 + 4 / np.sqrt(wanted) + 0.01)


def front(particles, fluctuations, seed):
    system = hrd.System(
        species=[A],
        reactions=[
            hrd.Reaction("A -> 2 A", k=1.0),
            hrd.Reaction("2 A -> A", k=0.02, radius=0.25),
        ],
        domain=hrd.Box(x=(0, 120)), particles=particles, cells=120, fluctuations=fluctuations,
        initial={A: hrd.Patch(100.0, x=(0, 20))},
    )  # fmt: skip
    run = hrd.Simulation(system, dt=0.02, seed=seed).run(until=36.0, every=2.0)
    way = run["total"].sel(species="A") / 100.0
    return float(way.sel(time=36) - way.sel(time=12)) / 24


def test_a_followed_front_is_as_fast_as_that_of_particles_or_of_cells():
    speeds = {
        name: [front(region, fluctuations, seed) for seed in range(6)]
        for name, region, fluctuations in (
            ("adaptive", hrd.Adaptive(low=10, high=30, every=0.1), "discrete"),
            ("particles", hrd.Box(x=(0, 120)), None),
            ("cells", None, "discrete"),
        )
    }
    mean = {name: np.mean(v) for name, v in speeds.items()}
    error = {name: np.std(v, ddof=1) / np.sqrt(6) for name, v in speeds.items()}
    assert max(mean.values()) < 1.9
    for other in ("particles", "cells"):
        apart = mean["adaptive"] - mean[other]
        assert abs(apart) < 3.0 * np.hypot(error["adaptive"], error[other]), (mean, error)
