"""The master equation in time, against closed forms, small twins and the PDE."""

import math
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.linalg import expm

import hybridrd as hrd
from hybridrd.theory import cdme
from hybridrd.theory.cdme.generator import make_generator
from hybridrd.theory.cdme.propagate import poisson_weights, propagate
from hybridrd.theory.cdme.states import Occupations, States

A, B, C = hrd.Species("A", D=0.7), hrd.Species("B", D=0.2), hrd.Species("C", D=0.1)


def line(species=(A,), length=1.5, **options):
    return hrd.System(species=list(species), domain=hrd.Box(x=(0, length)), **options)


def poisson(mean, most):
    return stats.poisson.pmf(np.arange(most + 1), mean)


def test_importing_it_loads_neither_numba_nor_fipy():
    code = (
        "import sys, hybridrd as hrd; hrd.theory.cdme.solve; hrd.theory.smoluchowski.rate; "
        "hrd.theory.moments.linear_moments; hrd.theory.doi; hrd.theory.diffusion; "
        "print(sorted({'numba', 'fipy', 'xarray'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        hrd.theory.nothing  # noqa: B018


# Time


@pytest.mark.parametrize("mean", [0.0, 1e-3, 0.7, 60.0, 31234.5])
def test_poisson_weights(mean):
    first, weights = poisson_weights(mean)
    k = first + np.arange(len(weights))
    assert_allclose(weights.sum(), 1, rtol=1e-14)
    assert_allclose(weights, stats.poisson.pmf(k, mean), rtol=1e-9, atol=1e-16)


def test_uniformisation_is_the_matrix_exponential():
    system = line(
        walls={"x-": hrd.Reservoir({A: 1.0})},
        reactions=[hrd.Reaction("2 A -> 0", lambda0=4.0, radius=0.4)],
    )
    space = States((Occupations(2, 4),))
    generator = make_generator(space, cdme.voxel_model(system, 2).events)
    start = np.random.default_rng(1).dirichlet(np.ones(space.count + 1))
    times = [0.0, 0.01, 0.01, 0.5, 9.0, *np.linspace(9.1, 10, 10)]  # more than one block
    for t, p in zip(times, propagate(generator, start, times), strict=True):
        assert_allclose(p, expm(generator.matrix.toarray() * t) @ start, rtol=1e-11, atol=1e-15)


def test_records_are_multiples_of_every_and_the_end():
    system = line(initial={A: 0.1})
    truth = cdme.solve(system, voxels=1, max_copies=6, until=0.7, every=0.3)
    assert_array_equal(truth["time"], [0.0, 0.3, 0.6, 0.7])
    assert float(truth["lost"].sel(time=0.6)) < 1e-8
    assert len(cdme.solve(system, voxels=1, max_copies=6, until=0.7)["time"]) == 101
    assert_array_equal(cdme.solve(system, voxels=1, max_copies=6, until=0)["time"], [0.0])


# Closed forms


def test_one_copy_in_two_voxels_by_hand():
    h, start = 0.75, hrd.Points([0.1])
    truth = cdme.solve(line(initial={A: start}), voxels=2, max_copies=1, until=2.0, every=0.5)
    t = truth["time"].values
    left = 0.5 * (1 + np.exp(-2 * A.D * t / h**2))
    assert_allclose(truth["concentration"].sel(species="A"), np.stack([left, 1 - left], 1) / h)
    assert_allclose(truth["rho_1"].sel(species="A"), np.stack([left, 1 - left], 1) / h)
    assert_allclose(truth["lost"], 0, atol=1e-14)


def test_annihilation_in_one_voxel_is_the_well_mixed_master_equation():
    """P_n' = r (n+2)(n+1)/2 P_(n+2) - r n(n-1)/2 P_n, r = lambda0 times pairs within reach."""
    sigma, lambda0, length = 0.3, 2.0, 1.5
    reach = (2 * sigma * length - sigma**2) / length**2
    n = np.arange(9)
    leave = lambda0 * reach * n * (n - 1) / 2
    closed = np.diag(-leave) + np.diag(leave[2:], 2)
    start = poisson(3.0, 8)
    truth = cdme.solve(
        line(
            reactions=[hrd.Reaction("2 A -> 0", lambda0=lambda0, radius=sigma)], initial={A: 2.0}
        ),
        voxels=1, max_copies=8, until=1.0, every=0.25, tolerance=0.01,
    )  # fmt: skip
    for t in (0.0, 0.25, 1.0):
        p = truth["copy_number_probability"].sel(time=t, species="A")
        assert_allclose(p, expm(closed * t) @ start, atol=1e-13)


def test_two_copies_react_from_the_same_or_the_other_voxel():
    """States (both left, one each, both right), pair rates a and b; exact by a 3x3 exponential."""
    h, sigma, lambda0 = 0.75, 0.5, 3.0
    b = lambda0 * sigma**2 / 2 / h**2
    a = lambda0 * (2 * sigma * h - sigma**2) / h**2
    j = A.D / h**2
    Q = np.array([[-2 * j - a, j, 0], [2 * j, -2 * j - b, 2 * j], [0, j, -2 * j - a]])
    p = expm(0.6 * Q) @ [1, 0, 0]
    truth = cdme.solve(
        line(
            reactions=[hrd.Reaction("2 A -> 0", lambda0=lambda0, radius=sigma)],
            initial={A: hrd.Points([0.1, 0.2])},
        ),
        voxels=2, max_copies=2, until=0.6, every=0.6,
    ).isel(time=-1)  # fmt: skip
    assert_allclose(truth["rho_2"] * h**2, [[p[0], p[1] / 2], [p[1] / 2, p[2]]], rtol=1e-12)
    assert_allclose(truth["rho_0"], 1 - p.sum(), rtol=1e-12)
    assert_allclose(
        truth["covariance"][0, 0] * h**2,
        np.array([[2 * p[0], p[1]], [p[1], 2 * p[2]]])
        - np.outer(*2 * [[2 * p[0] + p[1], p[1] + 2 * p[2]]]),
        atol=1e-13,
    )


def test_binding_of_one_pair():
    """A + B -> C with one each in one voxel: C appears at the rate lambda0 times the reach."""
    sigma, lambda0, length = 0.5, 0.8, 1.5
    system = line(
        [A, B, C],
        reactions=[hrd.Reaction("A + B -> C", lambda0=lambda0, radius=sigma)],
        initial={A: hrd.Copies(1), B: hrd.Copies(1)},
    )
    truth = cdme.solve(system, voxels=1, max_copies=1, until=2.0, every=1.0)
    rate = lambda0 * (2 * sigma * length - sigma**2) / length**2
    alive = np.exp(-rate * truth["time"].values)
    assert_allclose(truth["copy_number"], np.stack([alive, alive, 1 - alive], 1), atol=1e-13)
    joint = truth["covariance"].sel(species="A", species_2="B").values.ravel() * length**2
    assert_allclose(joint, alive * (1 - alive), atol=1e-13)
    assert_allclose(truth["rho_1"].sel(species="C").values.ravel() * length, 1 - alive, atol=1e-13)


def test_open_linear_system_is_poisson():
    system = line(
        [A, B],
        reactions=[
            hrd.Reaction("0 -> A", k=lambda x: 0.3 * x),
            hrd.Reaction("A -> B", k=0.6),
            hrd.Reaction("B -> 0", k=lambda x: 1 + x),
        ],
        walls={"x-": hrd.Reservoir({A: 0.4}), "x+": hrd.PartiallyAbsorbing(0.5)},
        initial={A: hrd.Patch(0.5, x=(1, 1.5)), B: 0.2},
    )
    truth = cdme.solve(system, voxels=3, max_copies=8, until=1.0, every=0.2, tolerance=1e-3)
    lost = float(truth["lost"].max())
    assert 1e-9 < lost < 1e-6
    for s, mean in enumerate(truth["copy_number"].values.T):
        for t, m in enumerate(mean):
            p = truth["copy_number_probability"][t, s].values
            assert_allclose(p, poisson(m, 8), atol=10 * lost)
    assert float(abs(truth["covariance"]).max()) < 500 * lost
    assert_allclose(truth["copy_number_probability"].sum("n") + truth["lost"], 1, rtol=1e-13)


def test_densities_have_the_normalisation_of_the_hierarchy():
    system = line(initial={A: [hrd.Patch(0.8, x=(0, 0.5)), hrd.Copies(1)]})
    truth = cdme.solve(system, voxels=3, max_copies=9, until=0.3, every=0.1)
    p, h = truth["copy_number_probability"].sel(species="A"), 0.5
    assert_allclose(truth["rho_0"], p.sel(n=0), atol=1e-16)
    assert_allclose(truth["rho_1"].sum(("species", "x")) * h, p.sel(n=1))
    assert_allclose(truth["rho_2"].sum(("x", "x_2")) * h**2, p.sel(n=2))
    # An exact copy lowers the variance: covariance -p p of its distribution p.
    chance = np.full(3, 1 / 3)
    assert_allclose(truth["covariance"][0, 0, 0] * h**2, -np.outer(chance, chance), atol=1e-6)


# Walls and the PDE


@pytest.mark.parametrize(("reservoir", "beyond"), [("wall", 0.0), ("mirror", 0.5)])
def test_profile_between_two_reservoirs(reservoir, beyond):
    """The steady line reaches c_R at the wall, or half a voxel beyond it."""
    system = line(walls={"x-": hrd.Reservoir({A: 0.2}), "x+": hrd.Reservoir({A: 0.8})})
    rest = cdme.steady_state(system, 3, max_copies=10, reservoir=reservoir, tolerance=1e-3)
    x, offset = rest["x"].values, beyond * 0.5
    expected = 0.2 + 0.6 * (x + offset) / (1.5 + 2 * offset)
    bound = 10 * float(rest["at_cut_off"])
    assert bound < 1e-5
    assert_allclose(rest["concentration"].sel(species="A"), expected, atol=bound)
    truth = cdme.solve(system, 3, max_copies=10, until=30.0, reservoir=reservoir, every=30.0)
    assert_allclose(truth["concentration"][-1, 0], expected, atol=1e-5)


def test_mean_is_the_finite_volume_solution_on_the_voxels():
    system = line(
        cells=4,
        reactions=[hrd.Reaction("0 -> A", k=0.3), hrd.Reaction("A -> 0", k=0.5)],
        walls={"x-": hrd.Reservoir({A: 0.6}), "x+": hrd.PartiallyAbsorbing(0.4)},
        initial={A: hrd.Patch(0.5, x=(0.5, 1.5))},
    )
    truth = cdme.solve(system, voxels=4, max_copies=14, until=0.5, every=0.5)
    errors = [
        abs(hrd.mean_field(system, dt=dt, until=0.5, every=0.5)["concentration"].isel(time=-1)
            - truth["concentration"].isel(time=-1)).max().item()
        for dt in (0.05, 0.025, 0.0125)
    ]  # fmt: skip
    assert errors[0] < 2e-3
    assert 3.5 < errors[0] / errors[1] < 4.5
    assert 3.5 < errors[1] / errors[2] < 4.5


def test_attributes_say_where_it_came_from():
    system = line(units={"length": "um", "time": "s"}, initial={A: 0.1})
    truth = cdme.solve(system, voxels=2, max_copies=6, until=0.1)
    assert truth.attrs["states"] == math.comb(8, 2)
    assert truth.attrs["voxels"] == 2
    assert truth["covariance"].attrs["units"] == "1/um^2"
    assert truth["time"].attrs["units"] == "s"
    assert hrd.System.from_dict(truth.attrs["system"]) == system


@pytest.mark.validation
def test_contract_size_runs_in_time():
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 1)), walls={"x+": hrd.Reservoir({A: 2.0})},
        reactions=[hrd.Reaction("0 -> A", k=4.0),
                   hrd.Reaction("2 A -> 0", lambda0=5.0, radius=0.1)],
    )  # fmt: skip
    truth = cdme.solve(system, 8, 10, until=2.0, every=0.1, tolerance=0.01)
    assert truth.attrs["states"] == 43_758
    assert truth["covariance"].isel(time=-1).shape == (1, 1, 8, 8)
    assert sum(truth.attrs["timings"].values()) < 30
