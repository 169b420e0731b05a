"""Particles, master equation and PDE from one System, and where the theory says they agree."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from support import figures

import hybridrd as hrd
from hybridrd.results.correlations import covariance, pair_correlation
from hybridrd.simulation.plan import compile_system
from hybridrd.theory import cdme, moments

few, box = figures.load("few_copies"), figures.load("growing_box")


# A linear open system


def open_line(initial):
    """Creation, decay and a reservoir that agree on the concentration 3."""
    A, line = hrd.Species("A", D=0.5), hrd.Box(x=(0, 1))
    return hrd.System(
        species=[A], domain=line, particles=line, cells=4, initial={A: initial},
        walls={"x+": hrd.Reservoir({A: 3.0})}, interface=hrd.ExactPlane(),
        reactions=[hrd.Reaction("0 -> A", k=3.0), hrd.Reaction("A -> 0", k=1.0)],
    )  # fmt: skip


@pytest.fixture(scope="module", params=[3.0, 0.0], ids=["uniform", "empty"])
def linear(request):
    """The system, and the positions at t = 0.5 in a thousand replicas."""
    system = open_line(request.param)
    plan = compile_system(system, dt=0.05)
    found = []
    for replica in range(1000):
        sim = hrd.Simulation(system, 0.05, seed=8, replica=replica, plan=plan)
        for _ in range(10):
            sim.step()
        found.append(sim.particles["A"].positions[:, 0])
    return system, found


def test_copy_numbers_of_a_linear_system_have_the_master_equations_distribution(linear):
    system, positions = linear
    truth = cdme.solve(system, voxels=4, max_copies=14, until=0.5, every=0.5, tolerance=1e-3)
    expected = truth["copy_number_probability"].values[-1, 0]
    numbers = np.bincount([len(x) for x in positions], minlength=15)
    assert len(numbers) == 15
    kept = expected * len(positions) >= 5  # bins for a chi-square test, one for the rest
    seen = np.append(numbers[kept], numbers[~kept].sum())
    means = len(positions) * np.append(expected[kept], 1 - expected[kept].sum())
    assert stats.chisquare(seen, means).pvalue > 1e-4
    mean = float(truth["copy_number"][-1, 0])
    assert_allclose(expected, stats.poisson.pmf(np.arange(15), mean), atol=1e-4)
    other = stats.poisson.pmf(np.arange(15), 1.15 * mean)[kept]  # the test would see 15 %
    other = len(positions) * np.append(other, 1 - other.sum())
    assert stats.chisquare(seen, other).pvalue < 1e-4


def test_numbers_of_a_linear_system_are_uncorrelated(linear):
    system, positions = linear
    edges = system.grid.edges(0)
    counts = [np.histogram(x, edges)[0] for x in positions]
    found = covariance(counts, system.grid.volume)
    assert (abs(found["covariance"]) < 4 * found["covariance_sem"]).all()
    if system.initial["A"] == 3.0:
        g = pair_correlation(positions, system.domain, [0, 0.1, 0.3, 0.6, 1.0])
        assert (abs(g["g"] - 1) < 4 * g["g_sem"]).all()


def test_profile_of_a_linear_system_is_that_of_the_pde(linear):
    system, positions = linear
    pde = hrd.mean_field(system.replace(cells=64), dt=0.01, until=0.5, every=0.5)
    expected = pde["concentration"].values[-1, 0].reshape(4, 16).mean(axis=1) / 4
    counts = np.array([np.histogram(x, system.grid.edges(0))[0] for x in positions])
    assert (abs(counts.mean(axis=0) - expected) < 4 * np.sqrt(expected / len(counts))).all()


# Annihilation of few copies


@pytest.fixture(scope="module")
def annihilation():
    counts = few.particle_counts(replicas=1000, until=1.0, every=0.25, seed=5)
    return counts, few.close_the_gap(counts, every=0.25)


def test_particles_that_annihilate_follow_the_master_equation(annihilation):
    _, gap = annihilation
    truth = few.master_equation(until=1.0, every=0.25, coarse=4, fine=8)
    assert (abs(gap.particles - truth)[1:] < 4 * gap.particles_sem[1:]).all()


def test_the_pde_is_off_by_the_covariance_term(annihilation):
    _, gap = annihilation
    pde = hrd.mean_field(few.feeding(), dt=0.01, until=1.0, every=0.25)["copy_number"].values[:, 0]
    plain = few.mean_field_with(np.zeros(5), every=0.25)
    assert_allclose(plain, pde, atol=2e-4)
    assert gap.particles[-1] - pde[-1] > 4 * gap.particles_sem[-1]
    assert (abs(gap.particles - gap.corrected)[1:] < 4 * gap.difference_sem[1:]).all()
    assert (gap.difference_sem < 0.06).all()
    assert abs(gap.corrected[-1] - pde[-1]) > 4 * gap.difference_sem[-1]


def test_the_measured_covariance_term_is_the_master_equations(annihilation):
    counts, _ = annihilation
    truth = cdme.solve(few.feeding(), 8, max_copies=9, until=1.0, every=0.25, tolerance=1e-4)
    expected = moments.annihilation_terms(truth)["covariance"].mean("x").values
    measured = few.covariance_term(counts)
    spread = [few.covariance_term(part) for part in np.split(counts, 20)]
    error = np.std(spread, axis=0, ddof=1) / math.sqrt(20)
    assert (abs(measured - expected)[1:] < 4 * error[1:] + 0.02 * expected[1:]).all()
    assert expected[-1] > 1.0  # of 4, what is fed


def test_the_measured_term_is_what_pairs_within_the_radius_say():
    """From counts in cells, and from the positions: the same rate of reaction."""
    system = few.feeding(cells=40)
    positions, counts = [], []
    for replica in range(300):
        sim = hrd.Simulation(system, few.LINE_DT, seed=6, replica=replica)
        for _ in range(20):
            sim.step()
        positions.append(sim.particles["A"].positions)
        counts.append(sim.concentration[0] * system.grid.volume)
    pairs = pair_correlation(positions, system.domain, [0, few.RADIUS], periodic=True)["pairs"]
    c = np.mean(counts, axis=0) * 40
    moment = moments.pair_moment(counts, 1 / 40)
    exact = moments.pair_terms(c, moment, 1 / 40, few.LAMBDA0, few.RADIUS, periodic=True).exact
    # Pairs within a cell's width h of the radius count in part, each wrong by 0.4 or less.
    near = 300 * 2 * float(pairs[0]) * (2 / 40) / few.RADIUS
    error = 0.4 * math.sqrt(near) / (300 * 2 * float(pairs[0]))
    assert_allclose(exact.mean(), -2 * few.LAMBDA0 * pairs[0], rtol=4 * error)
    assert error < 0.015


# Doi's rate


def test_rate_in_time_is_between_well_mixed_and_dois():
    assert_allclose(box.laplace_rate(np.array([1e-14])), box.DOI, rtol=1e-6)
    t = np.array([1e-6, 0.3, 3.0, 1e5])
    k = box.rate_in_time(t)
    assert_allclose(k[[0, -1]], [box.WELL_MIXED, box.DOI], rtol=1e-3)
    assert (np.diff(k) < 0).all()


def test_rate_in_time_is_that_of_a_radial_diffusion_equation():
    """Pairs within the radius of ``dw/dt = 2 D w'' - lambda0 w``, w = r g, mode by mode."""
    from scipy.linalg import eigh_tridiagonal

    n, reach = 900, 9.0
    h = reach / n
    r = h * np.arange(1, n)
    sink = np.where(r < box.RADIUS - h / 2, 1.0, np.where(r < box.RADIUS + h / 2, 0.5, 0.0))
    values, vectors = eigh_tridiagonal(
        -2 * box.PAIR_D / h**2 - box.LAMBDA0 * sink, np.full(n - 2, box.PAIR_D / h**2)
    )
    edge = np.zeros(n - 1)
    edge[-1] = box.PAIR_D / h**2 * reach  # g = 1 far away
    rest = vectors @ ((vectors.T @ edge) / -values)
    for t in (0.1, 1.0):
        w = rest + vectors @ (np.exp(values * t) * (vectors.T @ (r - rest)))
        k = box.LAMBDA0 * 4 * np.pi * h * (sink * r * w).sum()
        assert_allclose(box.rate_in_time(np.array([t])), k, rtol=1e-3)


def test_pair_density_at_rest_gives_dois_rate():
    r = np.linspace(5e-4, 1 - 5e-4, 1000)
    k = box.LAMBDA0 * (4 * np.pi * r**2 * box.steady_pair_density(r)).sum() * 1e-3
    assert_allclose(k, box.DOI, rtol=1e-5)
    inside, outside = box.steady_pair_density(np.array([1 - 1e-9, 1 + 1e-9]))
    assert_allclose(inside, outside, rtol=1e-6)


def test_pair_density_in_time_gives_the_rate_in_time():
    r = np.linspace(5e-4, 1 - 5e-4, 1000)
    for t in (0.05, 8.0):
        k = box.LAMBDA0 * (4 * np.pi * r**2 * box.pair_density(r, t)).sum() * 1e-3
        assert_allclose(k, box.rate_in_time(np.array([t])), rtol=1e-5)
    far = np.array([0.3, 1.0, 2.0, 7.0])
    assert_allclose(box.pair_density(far, 1e6), box.steady_pair_density(far), rtol=3e-4)
    assert_allclose(box.pair_density(far[2:], 1e-4), 1, atol=1e-9)


def test_a_small_box_has_a_rate_between_dois_and_the_well_mixed_one():
    rate = box.measure_rate(L=24.0, copies=800, replicas=16, seed=3)
    expected = box.expected_rate(24.0, 800)
    assert 1.03 * box.DOI < expected < 1.1 * box.DOI
    # Third particles, which theory leaves out, count for some per cent at this density.
    assert -4 * rate.sem < rate.k - expected < 4 * rate.sem + 0.03 * box.DOI
    assert rate.k < box.WELL_MIXED - 4 * rate.sem
