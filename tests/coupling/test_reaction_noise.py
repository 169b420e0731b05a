"""Noise of reactions in a Gaussian continuum, against Poisson numbers and the master equation."""

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.theory import cdme

A, B = hrd.Species("A", D=1.0), hrd.Species("B", D=0.0)


def turnover(k, N):
    return [hrd.Reaction("0 -> A", k=k * N), hrd.Reaction("A -> 0", k=k)]


def test_structure_factor_of_birth_and_death():
    """S(q) = 1 at every q; with the noise of diffusion alone it is D q²/(D q² + k)."""
    n, N, k = 32, 200.0, 1.0
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, n), y=(0, n)), cells=n, initial={A: N},
        walls={"x": hrd.Periodic(), "y": hrd.Periodic()}, reactions=turnover(k, N),
        fluctuations="gaussian",
    )  # fmt: skip
    run = hrd.Simulation(system, dt=0.2, seed=3).run(until=246.0, every=2.0)
    c = run["concentration"].values[4:, 0]
    S = np.abs(np.fft.fft2(c - N)) ** 2 / n**2 / N
    nu = np.fft.fftfreq(n)
    q = np.hypot(nu[:, None], nu)
    for low, high in ((0, 0.08), (0.08, 0.15), (0.15, 0.25), (0.25, 0.4), (0.4, 0.71)):
        some = S[:, (q >= low) & (q < high)]
        # Modes are complex, each with its mirror image; samples 2/k apart are correlated by e^-2.
        error = np.sqrt(2 / some.size * (1 + np.exp(-4)) / (1 - np.exp(-4)))
        assert abs(some.mean() - 1) < 4.5 * error < 0.14, (low, some.mean(), error)
    assert S.mean() == pytest.approx(1, abs=0.02)
    assert c.mean() / N == pytest.approx(1, abs=2e-3)


CASES = {  # reactions in a cell of volume 1, most copies, bounds of mean and variance
    "few copies": (turnover(1.0, 8.0), 40, 8.0),
    "pairs": ([hrd.Reaction("0 -> A", k=100.0), hrd.Reaction("2 A -> 0", k=0.01)], 200, 100.0),
    "few pairs": ([hrd.Reaction("0 -> A", k=30.0), hrd.Reaction("2 A -> 0", k=0.03)], 100, 30.0),
    "a law": (
        [hrd.Reaction("0 -> A", k=150.0), hrd.Reaction("A -> 0", rate="5000 * A / (3000 + A)")],
        260,
        100.0,
    ),
}


@pytest.mark.validation
@pytest.mark.ci
@pytest.mark.parametrize("case", CASES)
def test_cells_that_do_not_exchange_have_the_moments_of_the_master_equation(case):
    reactions, most, start = CASES[case]
    still = hrd.Species("A", D=0.0)
    one = hrd.System(species=[still], domain=hrd.Box(x=(0, 1)), reactions=reactions)
    p = cdme.steady_state(one, voxels=1, max_copies=most, tolerance=1e-4)
    p = p["copy_number_probability"].values[0]
    m = np.arange(most + 1)
    mean = p @ m
    moments = [p @ (m - mean) ** power for power in (2, 4)]
    cells = 4000
    many = one.replace(
        domain=hrd.Box(x=(0, cells)), cells=cells, fluctuations="gaussian", initial={still: start}
    )
    run = hrd.Simulation(many, dt=0.1, seed=5).run(until=6.0, every=6.0)
    n = run["concentration"].values[-1, 0]
    assert abs(n.mean() - mean) < 4.5 * np.sqrt(moments[0] / cells)
    error = np.sqrt((moments[1] - moments[0] ** 2) / cells)
    assert abs(n.var() - moments[0]) < 4.5 * error + 0.01 * moments[0]


def test_what_reactions_conserve_is_kept():
    system = hrd.System(
        species=[A, B], domain=hrd.Box(x=(0, 20)), cells=20, initial={A: 90.0, B: 20.0},
        reactions=[hrd.Reaction("A <-> B", k=1.0, k_back=2.0)], fluctuations="gaussian",
    )  # fmt: skip
    run = hrd.Simulation(system, dt=0.1, seed=1).run(until=5.0, every=1.0)
    total = run["total"].values.sum(axis=1)
    np.testing.assert_allclose(total, total[0], rtol=1e-12)
    assert run["total"].values[:, 0].std() > 1.0


def radial(N, particles=None):
    """Birth and death in cells of a shell, whose volumes differ, with N copies in the first."""
    grid = hrd.Shell(1.0, 5.0), 8
    first = 4 / 3 * np.pi * (1.5**3 - 1)
    return hrd.System(
        species=[A], domain=grid[0], cells=grid[1], particles=particles, initial={A: N / first},
        reactions=turnover(1.0, N / first), fluctuations="gaussian",
    )  # fmt: skip


@pytest.mark.parametrize("N", [2.0, 100.0])
def test_cells_of_a_shell_are_poisson(N):
    """Alone; few copies in the first cell are whole ones, many have normal noise."""
    sim = hrd.Simulation(radial(N), dt=0.1, seed=3)
    V, records = sim.system.grid.volumes, 1500 if N < 50 else 400
    x = np.empty((records, 8))
    for row in x:
        sim.step(10)
        row[:] = sim.concentration[0] * V
    mean = sim.system.initial["A"] * V
    for n, m in ((x, mean), (x.sum(axis=1), mean.sum())):
        # Records are 1/k apart.
        error = np.sqrt(2 / records * (1 + np.exp(-2)) / (1 - np.exp(-2)))
        assert np.all(abs(((n - m) ** 2).mean(axis=0) / m - 1) < 4.5 * error)
    assert np.allclose(x, np.rint(x), atol=1e-6) == (N < 50)


def test_a_drift_has_noise_in_detailed_balance():
    """Cells in a well hold Poisson numbers of Boltzmann's density."""
    drifting = hrd.Species("A", D=1.0, potential=lambda x: 0.4 * x)
    system = hrd.System(
        species=[drifting, B], domain=hrd.Box(x=(0, 6)), cells=6, initial={"A": 400.0, "B": 60.0},
        reactions=[hrd.Reaction("0 -> A", k=400.0), hrd.Reaction("A -> 0", k=1.0)],
        fluctuations="gaussian",
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=0.05, seed=4)
    mean = hrd.mean_field(system, dt=0.05, until=20.0, every=20.0)["concentration"].values[-1, 0]
    x = np.empty((1500, 6))
    sim.step(100)
    for row in x:
        sim.step(20)
        row[:] = sim.concentration[0]
    error = np.sqrt(2 / len(x) * (1 + np.exp(-2)) / (1 - np.exp(-2)))
    assert np.all(abs(x.var(axis=0) / mean - 1) < 4.5 * error)
    assert np.all(abs(x.mean(axis=0) / mean - 1) < 4.5 * error / np.sqrt(2 * mean))


@pytest.mark.validation
@pytest.mark.parametrize("N", [60.0, 500.0])
def test_total_and_region_of_a_hybrid_are_poisson(N):
    """With the noise of diffusion alone the total has 0.5 to 0.6 of its variance."""
    box = hrd.Box(x=(0, 8), y=(0, 4))
    system = hrd.System(
        species=[A], domain=box, particles=hrd.Box(x=(0, 4), y=(0, 4)), cells=(8, 4),
        initial={A: N}, reactions=turnover(1.0, N), fluctuations="gaussian",
    )  # fmt: skip
    run = hrd.Simulation(system, dt=0.1, seed=2).run(until=1505.0, every=1.0)
    run = run.isel(time=slice(5, None))
    error = np.sqrt(2 / 1500 * (1 + np.exp(-2)) / (1 - np.exp(-2)))
    for values, mean in ((run["total"], 32 * N), (run["copy_number"], 16 * N)):
        assert abs(float(values.var()) / mean - 1) < 4.5 * error
    cells = run["concentration"].var("time").values[0] / N
    assert abs(cells.mean() - 1) < 4.5 * error / 3
