"""Moment equations of systems with pairs, against the master equation and particles."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import hybridrd as hrd
from hybridrd.errors import ModelError, StepError
from hybridrd.theory import cdme, moments
from hybridrd.theory.cdme.generator import make_generator
from hybridrd.theory.cdme.initial import initial_probabilities
from hybridrd.theory.cdme.states import Occupations, States
from hybridrd.theory.closures import MomentEquations

A, B = hrd.Species("A", D=0.7), hrd.Species("B", D=0.2)
LINE = hrd.Box(x=(0, 1.5))


def test_the_equations_are_exact_with_the_exact_third_moments():
    """Their slopes against those of sum n (Q p) and sum n_i (n_j - delta_ij) (Q p)."""
    system = hrd.System(
        species=[A, B], domain=LINE, initial={A: 0.6, B: hrd.Copies(2, x=(0, 0.75))},
        reactions=[hrd.Reaction("A + B -> 2 B", lambda0=1.5, radius=0.5),
                   hrd.Reaction("2 A -> B", lambda0=2.0, radius=0.7),
                   hrd.Reaction("B -> 2 A", k=lambda x, t: 0.3 + x + t)],
        walls={"x-": hrd.Leaky({A: 0.4}, outside={A: 0.3})},
    )  # fmt: skip
    model = cdme.voxel_model(system, 2)
    states = States((Occupations(2, 12), Occupations(2, 7)))
    generator = make_generator(states, model.events)
    assert generator.timed is not None
    matrix = generator.timed.generator(generator.timed.rates(0.2)).matrix
    p = initial_probabilities(system, model.voxels, states)
    a, b = np.unravel_index(np.arange(states.count), states.shape)
    n = np.concatenate([states.species[0].table[a], states.species[1].table[b]], axis=1)
    pairs = n[:, :, None] * (n[:, None, :] - np.eye(4))
    triples = pairs[..., None] * (
        n[:, None, None, :] - np.eye(4)[:, None, :] - np.eye(4)[None, :, :]
    )
    m, G, T = (np.tensordot(p[:-1], x, axes=1) for x in (n, pairs, triples))
    equations = MomentEquations(model.events, 2, 2, lambda _m, _G, a, b: T[a, b].copy())
    slope = equations._slope(0.2, np.concatenate([m, G.ravel()]))
    change = (matrix @ p)[:-1]
    assert_allclose(slope[:4], change @ n, atol=1e-5)  # what the cut-off loses is 1e-6
    assert_allclose(slope[4:].reshape(4, 4), np.tensordot(change, pairs, axes=1), atol=1e-4)
    assert abs(slope[4:]).max() > 1


@pytest.mark.parametrize("closure", ["gaussian", "kirkwood"])
def test_linear_systems_need_no_closure(closure):
    system = hrd.System(
        species=[A, B], domain=hrd.Box(x=(0, 1.5), y=(0, 1)), initial={A: hrd.Copies(3)},
        reactions=[hrd.Reaction("A -> 2 B", k=0.8), hrd.Reaction("B -> 0", k=lambda x: x)],
    )  # fmt: skip
    exact = moments.linear_moments(system, (3, 2), times=[0.0, 0.5])
    found = moments.closed_moments(system, (3, 2), [0.0, 0.5], closure)
    for name in ("mean", "covariance"):
        assert_allclose(found[name], exact[name], atol=1e-6)
    late = system.replace(reactions=[hrd.Reaction("0 -> A", k=lambda t: np.sin(t) ** 2)])
    found = moments.closed_moments(late, (1, 1), [0.0, 2.0], closure)["mean"]
    made = 2 / 2 - np.sin(4) / 4
    assert_allclose(found.sel(species="A", time=2.0), 3 / 1.5 + made, rtol=1e-6)


def test_closures_of_an_annihilation_against_the_master_equation():
    """Errors of the mean and of the covariance by closure: Kirkwood's is the best."""
    errors = {}
    for copies, most in ((1.5, 14), (4.0, 20)):
        system = hrd.System(
            species=[A], domain=LINE, initial={A: hrd.Patch(copies / 0.75, x=(0, 0.75))},
            reactions=[hrd.Reaction("2 A -> 0", lambda0=1.2, radius=0.3)],
        )  # fmt: skip
        truth = cdme.solve(system, 3, most, until=1.0, every=1.0, tolerance=1e-4).isel(time=-1)
        for closure in ("poisson", "gaussian", "kirkwood"):
            found = moments.closed_moments(system, 3, [1.0], closure).isel(time=-1)
            mean, exact = float(found["mean"].mean()), float(truth["concentration"].mean())
            spread = abs(found["covariance"] - truth["covariance"]).max()
            errors[copies, closure] = mean / exact - 1, float(spread / exact**2)
    table = {key: [round(100 * v, 3) for v in value] for key, value in errors.items()}
    for copies in (1.5, 4.0):
        poisson, gauss, kirkwood = (
            abs(errors[copies, c][0]) for c in ("poisson", "gaussian", "kirkwood")
        )
        assert poisson > 0.02, table
        assert gauss < 0.25 * poisson, table
        assert kirkwood < 0.1 * poisson, table
        assert errors[copies, "kirkwood"][1] < errors[copies, "gaussian"][1], table


def test_what_has_no_closure_is_refused():
    system = hrd.System(species=[A], domain=LINE, walls={"x-": hrd.Influx({A: -1.0})})
    with pytest.raises(ModelError, match="without a drain"):
        moments.closed_moments(system, 2, [1.0])
    with pytest.raises(ModelError, match="one of poisson, gaussian, kirkwood"):
        moments.closed_moments(system, 2, [1.0], closure="normal")
    explosive = hrd.System(
        species=[A], domain=LINE, initial={A: 5.0},
        reactions=[hrd.Reaction("2 A -> 3 A", lambda0=5.0, radius=0.5)],
    )  # fmt: skip
    with pytest.raises(StepError, match="the moments diverge"):
        moments.closed_moments(explosive, 1, [5.0])


@pytest.mark.validation
def test_closures_against_particles():
    """2 A -> 0 on a line, 40 particles at first, with a slow diffusion that keeps correlations."""
    slow = hrd.Species("A", D=0.02)
    system = hrd.System(
        species=[slow], domain=LINE, particles=LINE, cells=30, initial={slow: 40 / 1.5},
        reactions=[hrd.Reaction("2 A -> 0", lambda0=2.0, radius=0.05)],
    )  # fmt: skip
    run = hrd.ensemble(system, replicas=600, dt=0.01, until=2.0, every=2.0, seed=5)
    count = float(run["copy_number_mean"].isel(time=-1, species=0))
    error = float(run["copy_number_sem"].isel(time=-1, species=0))
    found = {
        closure: float(moments.closed_moments(system, 30, [2.0], closure)["mean"].mean() * 1.5)
        for closure in ("poisson", "gaussian", "kirkwood")
    }
    assert found["poisson"] < count - 8 * error
    assert abs(found["kirkwood"] - count) < 4 * error + 0.01 * count
    assert abs(found["gaussian"] - count) < 0.5 * abs(found["poisson"] - count)
