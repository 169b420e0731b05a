"""The nonlocal mean field, left side of eq. (21), against moments, mass action and particles."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose

import hybridrd as hrd

A, B, C = hrd.Species("A", D=0.3), hrd.Species("B", D=0.1), hrd.Species("C", D=0.05)
LINE = hrd.Box(x=(0, 1.5))


def test_it_solves_the_moment_equations_without_correlations():
    """On the same cells, with partners beyond a reservoir, a binding and a rate in time."""
    system = hrd.System(
        species=[A, B, C], domain=LINE, cells=6,
        initial={A: hrd.Patch(3.0, x=(0, 0.5)), B: hrd.Patch(2.0, x=(1, 1.5))},
        reactions=[hrd.Reaction("A + B <-> C", lambda0=0.8, radius=0.6, k_back=0.5),
                   hrd.Reaction("2 A -> A", k=lambda x, t: 0.1 + x * t, radius=0.4),
                   hrd.Reaction("A -> 0", k=0.2)],
        walls={"x-": hrd.Reservoir({A: 1.5})},
    )  # fmt: skip
    exact = hrd.theory.moments.closed_moments(system, None, [0.5, 1.0], "poisson")["mean"]
    errors = []
    for dt in (0.05, 0.025):
        pde = hrd.mean_field(system, dt=dt, until=1.0, every=0.5, nonlocal_pairs=True)
        errors.append(float(abs(pde["concentration"].sel(time=[0.5, 1.0]) - exact).max()))
    assert errors[1] < 1e-3
    assert 3.3 < errors[0] / errors[1] < 4.7  # second order
    local = hrd.mean_field(system, dt=0.025, until=1.0, every=0.5)
    assert float(abs(local["concentration"] - pde["concentration"]).max()) > 50 * errors[1]


def test_a_uniform_state_reacts_as_mass_action_in_two_dimensions():
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 1), y=(0, 1)), cells=(8, 6), initial={A: 3.0},
        walls={"x": hrd.Periodic(), "y": hrd.Periodic()},
        reactions=[hrd.Reaction("2 A -> 0", lambda0=1.0, radius=0.3)],
    )  # fmt: skip
    pde = hrd.PDE(system, dt=0.02, nonlocal_pairs=True)
    pde.step(25)
    c = 3 / (1 + 3 * np.pi * 0.09 * 0.5)
    assert_allclose(pde.concentration, c, rtol=1e-5)
    other = copy.deepcopy(pde)
    for one in (pde, other):
        one.step(2)
    assert np.array_equal(pde.concentration, other.concentration)


def test_particles_that_react_over_half_the_length_of_the_gradient():
    """A on the left, B on the right: they meet over the radius, not only where they mix."""
    slow = [hrd.Species("A", D=0.002), hrd.Species("B", D=0.002)]
    system = hrd.System(
        species=slow, domain=hrd.Box(x=(0, 1)), particles=hrd.Box(x=(0, 1)), cells=50,
        initial={"A": lambda x: 4000 / (1 + np.exp((x - 0.42) / 0.05)),
                 "B": lambda x: 4000 / (1 + np.exp((0.58 - x) / 0.05))},
        reactions=[hrd.Reaction("A + B -> 0", lambda0=0.03, radius=0.1)],
    )  # fmt: skip
    replicas, until = 16, 0.5
    run = hrd.ensemble(system, replicas=replicas, dt=0.02, until=until, every=until, seed=2)
    count = run["concentration_mean"].sel(species="A").isel(time=-1)
    whole = system.replace(particles=None)
    near, local = (
        hrd.mean_field(whole, dt=0.01, until=until, every=until, nonlocal_pairs=on)[
            "concentration"].sel(species="A").isel(time=-1)
        for on in (True, False)
    )  # fmt: skip
    strip = (count["x"] > 0.35) & (count["x"] < 0.6)
    error = np.sqrt(float(near.where(strip).sum() * 0.02) / replicas)
    found, kept, plain = (float(c.where(strip).sum() * 0.02) for c in (count, near, local))
    assert abs(found - kept) < 4 * error
    assert plain - kept > 8 * error
    assert plain - found > 5 * error


def test_it_is_recorded_in_a_checkpoint(tmp_path):
    system = hrd.System(species=[A], domain=LINE, cells=6, initial={A: 2.0},
                        reactions=[hrd.Reaction("2 A -> 0", lambda0=1.0, radius=0.5)])  # fmt: skip
    pde = hrd.PDE(system, dt=0.1, nonlocal_pairs=True)
    pde.step()
    pde.checkpoint(tmp_path / "a.npz")
    again = hrd.PDE.restore(tmp_path / "a.npz")
    assert again.nonlocal_pairs
    for one in (pde, again):
        one.step()
    assert np.array_equal(pde.concentration, again.concentration)
    with pytest.raises(hrd.ModelError, match="nonlocal_pairs"):
        hrd.mean_field(system, dt=0.1, until=0.1, nonlocal_pairs="yes")
