"""Moment equations against the master equation, the PDE and closed forms; the terms of pairs."""

import doctest

import numpy as np
import pytest
from numpy.testing import assert_allclose

import hybridrd as hrd
from hybridrd.errors import ModelError
from hybridrd.theory import cdme, moments, pair_terms

A, B = hrd.Species("A", D=0.7), hrd.Species("B", D=0.2)


def line(species=(A,), length=1.5, **options):
    return hrd.System(species=list(species), domain=hrd.Box(x=(0, length)), **options)


@pytest.mark.parametrize("module", [moments, pair_terms])
def test_examples_in_docstrings_hold(module):
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.attempted > 4
    assert result.failed == 0


# Linear systems


def test_linear_moments_are_those_of_the_master_equation():
    """Products in pairs and exact copies, so that nothing is Poisson."""
    system = line(
        [A, B],
        reactions=[
            hrd.Reaction("A -> 2 B", k=0.8),
            hrd.Reaction("0 -> A + B", k=lambda x: 0.05 * x),
            hrd.Reaction("B -> 0", k=1.0),
        ],
        walls={"x-": hrd.Absorbing(), "x+": hrd.Reservoir({A: 0.05})},
        initial={A: [hrd.Copies(2, x=(0, 1)), 0.02], B: hrd.Points([0.7])},
    )
    times = [0.0, 0.3, 0.6]
    truth = cdme.solve(system, voxels=2, max_copies={A: 9, B: 15}, until=0.6, every=0.3)
    assert float(truth["lost"].max()) < 1e-10
    exact = moments.linear_moments(system, voxels=2, times=times)
    assert_allclose(exact["mean"], truth["concentration"], atol=1e-8)
    assert_allclose(exact["covariance"], truth["covariance"], atol=1e-8)
    assert float(abs(exact["covariance"]).max()) > 0.2


def test_without_births_in_pairs_poisson_stays_poisson():
    system = line(
        [A, B],
        reactions=[hrd.Reaction("0 -> A", k=9.0), hrd.Reaction("A -> B", k=lambda x: x)],
        walls={"x-": hrd.Reservoir({A: 40.0, B: 3.0}), "x+": hrd.Influx({B: 2.0})},
        initial={A: hrd.Patch(200.0, x=(1, 1.5))},
    )
    exact = moments.linear_moments(system, voxels=6, times=[0.1, 5.0])
    assert float(abs(exact["covariance"]).max()) == 0
    assert float(exact["mean"].min()) > 0


def test_branching_from_one_copy_is_the_yule_process():
    system = line(
        reactions=[hrd.Reaction("A -> 2 A", k=0.9)],
        walls={"x": hrd.Periodic()},
        initial={A: hrd.Copies(1)},
    )
    t = np.array([0.0, 0.5, 2.0])
    exact = moments.linear_moments(system, voxels=5, times=t)
    h, grown = 0.3, np.exp(0.9 * t)
    assert_allclose(exact["mean"].sum("x")[:, 0] * h, grown)
    second = exact["covariance"].sum(("x", "x_2"))[:, 0, 0] * h**2 + grown**2
    assert_allclose(second, 2 * grown * (grown - 1), rtol=1e-12, atol=1e-12)


def test_mean_at_rest_is_the_finite_volume_solution_on_the_voxels():
    system = line(
        cells=12,
        walls={"x-": hrd.Reservoir({A: 40.0}), "x+": hrd.PartiallyAbsorbing(0.8)},
    )
    exact = moments.linear_moments(system, voxels=12, times=[200.0])
    pde = hrd.mean_field(system, dt=1.0, until=200.0, every=100.0)
    profile = pde["concentration"].isel(time=-1)
    assert_allclose(exact["mean"].isel(time=-1), profile, rtol=1e-10)
    x, slope = exact["x"].values, 40 * 0.8 / (A.D + 0.8 * 1.5)
    assert_allclose(profile.sel(species="A"), 40 - slope * x, rtol=1e-10)


def test_mean_in_time_is_that_of_mode_by_mode_decay():
    """A cosine on reflecting voxels decays with the eigenvalue of the second difference."""
    n, h = 10, 0.15
    x = h * (np.arange(n) + 0.5)
    wave = 5 + 3 * np.cos(2 * np.pi * x / 1.5)
    rate = 4 * A.D / h**2 * np.sin(np.pi / n) ** 2
    exact = moments.linear_moments(line(cells=n, initial={A: wave}), n, times=[0.0, 0.1, 0.4])
    for t, mean in zip([0.0, 0.1, 0.4], exact["mean"].values[:, 0], strict=True):
        assert_allclose(mean, 5 + (wave - 5) * np.exp(-rate * t), rtol=1e-12)


# Pairs


@pytest.fixture(scope="module")
def annihilation():
    """A + A -> 0 from few copies, off centre."""
    return cdme.solve(
        line(
            reactions=[hrd.Reaction("2 A -> 0", lambda0=3.0, radius=0.4)],
            initial={A: [hrd.Patch(3.0, x=(0, 1)), hrd.Copies(1, x=(1, 1.5))]},
        ),
        voxels=3, max_copies=14, until=0.4, every=0.01, tolerance=1e-4,
    )  # fmt: skip


def test_the_exact_term_is_what_changes_the_copy_number(annihilation):
    """d<n>/dt = integral of -lambda0 E[C C]: diffusion and closed walls change nothing."""
    terms = moments.annihilation_terms(annihilation)
    n, h, dt = annihilation["copy_number"].values[:, 0], 0.5, 0.01
    measured = (n[:-4] - 8 * n[1:-3] + 8 * n[3:-1] - n[4:]) / (12 * dt)
    exact = terms["exact"].sum("x").values * h
    assert_allclose(measured, exact[2:-2], rtol=1e-4)  # fourth order in dt
    field = terms["mean_field"].sum("x").values * h
    assert (abs(measured / field[2:-2] - 1) > 0.1).all()  # the PDE's term is not it
    assert_allclose(terms["product_of_means"] + terms["covariance"], terms["exact"], rtol=1e-12)
    assert_allclose(
        terms["mean_field"], -2 * 0.4 * 3 * annihilation["concentration"][:, 0] ** 2, rtol=1e-12
    )


def test_pairs_become_rarer_than_independent_ones(annihilation):
    terms = moments.annihilation_terms(annihilation)
    assert float(terms["covariance"].sum("x")[-1]) > 0  # the reaction is slower than c² says


def test_terms_from_measured_moments_are_those_from_the_master_equation(annihilation):
    terms = moments.annihilation_terms(annihilation, "2 A -> 0")
    c = annihilation["concentration"].values[:, 0]
    product = annihilation["covariance"].values[:, 0, 0] + c[:, :, None] * c[:, None, :]
    same = moments.pair_terms(c, product, width=0.5, lambda0=3.0, radius=0.4)
    for name, values in same._asdict().items():
        assert_allclose(values, terms[name], rtol=1e-12, atol=1e-14)


def test_pair_moment_is_unbiased_for_exact_placement():
    """n copies on V cells: E[C(y) C(z)] = n (n - 1)/(V h)², the diagonal too."""
    rng = np.random.default_rng(3)
    n, cells, h, replicas = 5, 4, 0.5, 40_000
    counts = rng.multinomial(n, np.full(cells, 1 / cells), size=replicas)
    measured = moments.pair_moment(counts, h)
    expected = n * (n - 1) / (cells * h) ** 2
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(cells, dtype=int)
    error = pairs.std(axis=0) / np.sqrt(replicas) / h**2
    assert (abs(measured - expected) < 4.5 * error).all()
    assert_allclose(moments.pair_moment([[1, 2]], 1.0, partner=[[3, 4]]), [[3, 4], [6, 8]])


def test_terms_of_two_species():
    system = line(
        [A, B],
        reactions=[
            hrd.Reaction("A + B -> 0", lambda0=2.0, radius=0.6),
            hrd.Reaction("2 B -> B", lambda0=1.0, radius=0.3),
        ],
        initial={A: hrd.Copies(2), B: hrd.Copies(3, x=(0, 0.5))},
    )
    truth = cdme.solve(system, voxels=3, max_copies=3, until=0.1, every=0.1)
    terms = moments.annihilation_terms(truth, "A + B -> 0").isel(time=0)
    c_B = np.array([6.0, 0, 0])
    rates = cdme.pair_rates(2.0, 0.6, cdme.voxel_model(system, 3).grid)
    assert_allclose(terms["exact"], -2 / 1.5 * 0.5 * rates @ c_B, rtol=1e-12)
    assert_allclose(terms["covariance"], 0, atol=1e-12)  # independent at the start
    swapped = moments.pair_terms(c_B, np.outer(c_B, np.full(3, 4 / 3)), 0.5, 2.0, 0.6,
                                 partner=np.full(3, 4 / 3))  # fmt: skip
    assert_allclose(swapped.exact.sum(), terms["exact"].sum(), rtol=1e-12)


def test_terms_at_rest_have_no_time():
    system = line(
        reactions=[hrd.Reaction("0 -> A", k=1.0), hrd.Reaction("2 A -> 0", k=1.0, radius=0.5)]
    )
    rest = cdme.steady_state(system, voxels=3, max_copies=12, tolerance=1e-4)
    exact = moments.annihilation_terms(rest)["exact"]
    assert exact.dims == ("x",)
    assert_allclose(exact.sum() * 0.5, -1.5, rtol=1e-4)  # what creation puts in


def test_refusals(annihilation):
    pairs = line(reactions=[hrd.Reaction("2 A -> 0", lambda0=3.0, radius=0.4)])
    with pytest.raises(ModelError, match="2 A -> 0: moments close"):
        moments.linear_moments(pairs, 2, [0.0])
    for times in ([1.0, 0.5], [-1.0], [np.nan]):
        with pytest.raises(ModelError, match="times"):
            moments.linear_moments(line(), 2, times)
    with pytest.raises(ModelError, match="the dataset has 2 A -> 0"):
        moments.annihilation_terms(annihilation, "2 B -> 0")
    with pytest.raises(ModelError, match="the dataset has none"):
        moments.annihilation_terms(cdme.solve(line(initial={A: 0.1}), 1, 6, until=0.0))
    with pytest.raises(ModelError, match="must be"):
        moments.pair_terms(np.ones(3), np.ones((3, 2)), 0.1, 1.0, 0.1)
    with pytest.raises(ModelError, match="replicas"):
        moments.pair_moment(np.ones(3), 0.1)
