"""Langevin particles: free flights, walls, reservoirs and reactions against closed forms."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.errors import ModelError, StepError
from hybridrd.interface.kinetic import MILNE, moments

FRICTION = 5.0  # the thermal speed is sqrt(5), that over the friction 0.447
A = hrd.Species("A", D=1.0, friction=FRICTION)
FREE = 1.0 / np.sqrt(FRICTION)
OPEN = {"x-": hrd.Reservoir({A: 1.0}), "x+": hrd.Reservoir({A: 1.0})}


def gas(length=2.0, copies=None, **more):
    line = hrd.Box(x=(0, length))
    given = {"species": [A], "domain": line, "particles": line, "cells": 20}
    return hrd.System(**{**given, "initial": {} if copies is None else {A: copies}, **more})


@pytest.mark.parametrize("theta", [1e-7, 1e-3, 0.1, 1.0, 5.0, 40.0])
def test_moments_of_a_free_flight(theta):
    g, s = 2.1, 1.3
    found = moments(s, g, theta / g)
    with mpmath.workdps(60):
        T, S, G = mpmath.mpf(theta / g) * mpmath.mpf(g), mpmath.mpf(s), mpmath.mpf(g)
        e = mpmath.exp(-T)
        exact = (
            e, (1 - e) / G, S**2 * (1 - e**2), S**2 / G * (1 - e) ** 2,
            (S / G) ** 2 * (2 * T - 3 + 4 * e - e**2),
        )  # fmt: skip
        for value, expected in zip(found[:5], exact, strict=True):
            assert abs(mpmath.mpf(value) / expected - 1) < 1e-12


@pytest.mark.parametrize("dt", [0.02, 1.0])
def test_particles_fly_with_these_moments(dt):
    n = 100_000
    box = hrd.Box(x=(-500, 500), y=(-500, 500))
    system = hrd.System(
        species=[A], domain=box, particles=box, cells=2, initial={A: hrd.Points(np.zeros((n, 2)))}
    )
    simulation = hrd.Simulation(system, dt=dt, seed=1)
    before = simulation.particles["A"].velocities
    simulation.step(2)
    group = simulation.particles["A"]
    m = moments(np.sqrt(FRICTION), FRICTION, 2 * dt)
    place, speed = group.positions - m.carry * before, group.velocities - m.decay * before
    error = 4.5 / np.sqrt(n)
    for a in range(2):
        assert before[:, a].var() == pytest.approx(FRICTION, rel=error * np.sqrt(2))
        assert place[:, a].var() == pytest.approx(m.place, rel=error * np.sqrt(2))
        assert speed[:, a].var() == pytest.approx(m.speed, rel=error * np.sqrt(2))
        both = (place[:, a] * speed[:, a]).mean()
        spread = np.sqrt(m.place * m.speed + m.both**2)
        assert abs(both - m.both) < error * spread


@pytest.mark.parametrize("dt", [0.02, 0.2, 4.0])
def test_counts_are_poisson_and_velocities_maxwells_up_to_the_wall(dt):
    c, rows = 200.0, 100
    box = hrd.Box(x=(0, 1), y=(0, rows))
    walls = {w: hrd.Reservoir({A: c}) for w in OPEN} | {"y": hrd.Periodic()}
    system = hrd.System(
        species=[A], domain=box, particles=box, cells=(20, rows), walls=walls, initial={A: c}
    )
    simulation = hrd.Simulation(system, dt=dt, seed=2)
    simulation.step(max(2, round(0.6 / dt)))
    group = simulation.particles["A"]
    x, v = group.positions[:, 0], group.velocities
    ends = (simulation.concentration[0] / 20)[:, [0, -1]]
    error, k = 4.5 / np.sqrt(ends.size), c / 20
    assert ends.mean() == pytest.approx(k, abs=error * np.sqrt(k))
    assert ends.var() == pytest.approx(k, rel=error * np.sqrt(2 + 1 / k))
    at_wall = v[(x < 0.05) | (x > 0.95)]
    error = 4.5 / np.sqrt(len(at_wall))
    assert np.abs(v.mean(axis=0)).max() < 4.5 * np.sqrt(FRICTION / len(v))
    assert np.abs(at_wall.var(axis=0) / FRICTION - 1).max() < error * np.sqrt(2)
    kurtosis = (at_wall**4).mean(axis=0) / FRICTION**2
    assert np.abs(kurtosis - 3).max() < error * np.sqrt(96)
    inward = np.where(x < 0.5, v[:, 0], -v[:, 0])[(x < 0.05) | (x > 0.95)]
    assert abs(inward.mean()) < error * np.sqrt(FRICTION)


@pytest.mark.parametrize(
    ("dt", "c", "error"),
    [
        (0.2, 2e4, 0.03),
        pytest.param(0.02, 1.2e5, 0.015, marks=pytest.mark.validation),
        pytest.param(0.2, 1.2e5, 0.015, marks=pytest.mark.validation),
    ],
)
def test_an_absorbing_wall_extrapolates_to_milnes_length(dt, c, error):
    """Flux c/(L + 2 l) between a reservoir and a wall that absorbs, l being 1.4604 s/g."""
    L, extra, T = 2.0, MILNE * FREE, 15.0
    walls = {"x-": hrd.Reservoir({A: c}), "x+": hrd.Absorbing()}
    profile = {A: lambda x: c * (L + extra - x) / (L + 2 * extra)}
    system = gas(L, walls=walls, initial=profile, cells=4)
    simulation = hrd.Simulation(system, dt=dt, seed=5)
    simulation.step(round(2 / dt))
    before = simulation.crossings[0, 1]
    simulation.step(round(T / dt))
    left = int(simulation.crossings[0, 1] - before)
    found = 0.5 * (c * T / left - L)
    assert 4.0 * 0.5 * c * T / left / np.sqrt(left) / extra < 1.2 * error
    assert found == pytest.approx(extra, rel=error)


@pytest.mark.validation
def test_much_friction_gives_the_flux_of_diffusion():
    """c/(L + 2 l) goes to D c/L as l = 1.4604 s/g goes to 0, and the walls hold c."""
    B, L, c, T = hrd.Species("A", D=1.0, friction=4000.0), 1.0, 4e4, 1.5
    walls = {"x-": hrd.Reservoir({B: c}), "x+": hrd.Absorbing()}
    system = gas(L, species=[B], walls=walls, initial={B: lambda x: c * (1 - x / L)}, cells=4)
    simulation = hrd.Simulation(system, dt=0.01, seed=6)
    simulation.step(20)
    before = simulation.crossings[0, 1]
    simulation.step(round(T / 0.01))
    left = int(simulation.crossings[0, 1] - before)
    extra = MILNE / np.sqrt(4000.0)
    assert left == pytest.approx(c * T / (L + 2 * extra), rel=4.5 / np.sqrt(left))
    assert left == pytest.approx(c * T / L, rel=2 * extra + 4.5 / np.sqrt(left))


def test_a_reservoir_follows_a_function_of_time():
    c, L = 1e4, 1.0
    walls = {w: hrd.Reservoir({A: lambda t: c * (1 + 0.5 * np.sin(0.2 * t))}) for w in OPEN}
    simulation = hrd.Simulation(gas(L, c, walls=walls), dt=0.1, seed=7)
    counts = []
    for _ in range(4):
        simulation.step(50)
        counts.append(int(simulation.copy_number[0]) / L / c - 1)
    # To first order in the rate the content lags by L²/12 + L l for a gas between two such walls.
    lag = L**2 / 12 + 0.5 * L * MILNE * FREE
    times = 5.0 * np.arange(1, 5)
    expected = 0.5 * np.sin(0.2 * (times - lag))
    np.testing.assert_allclose(counts, expected, atol=4.5 / np.sqrt(c) + 0.5 * (0.2 * lag) ** 2)


def test_first_order_and_pair_reactions_at_equilibrium():
    """A + B <-> C in a closed box: c_A c_B/c_C = k_off/k_on, whatever the friction."""
    species = [hrd.Species(n, D=1.0, friction=20.0) for n in "ABC"]
    box, n = hrd.Box(x=(0, 1), y=(0, 1)), 600
    B = species[1]
    system = hrd.System(
        species=species, domain=box, particles=box, cells=4,
        reactions=[hrd.Reaction("A + B <-> C", k=0.01, k_back=3.0, radius=0.05)],
        initial={species[0]: hrd.Copies(n), B: hrd.Copies(n)},
    )  # fmt: skip
    simulation = hrd.Simulation(system, dt=2e-3, seed=8)
    simulation.step(300)
    bound = []
    for _ in range(80):
        simulation.step(20)
        bound.append(int(simulation.copy_number[2]))
        assert simulation.copy_number[0] + bound[-1] == n
    # Of C there are m with (n - m)² k = 3 m.
    expected = n + 150 - np.sqrt((n + 150) ** 2 - n**2)
    assert np.mean(bound) == pytest.approx(expected, rel=0.04)


def test_walls_mirror_velocities_or_take_their_share():
    """A reflecting wall keeps Maxwell's state exactly; one of reactivity kappa takes its flux."""
    n = 100_000
    simulation = hrd.Simulation(gas(0.3, hrd.Copies(n)), dt=0.1, seed=9)
    simulation.step(40)
    counts = simulation.concentration[0] * 0.3 / 20
    assert ((counts - n / 20) ** 2).sum() / (n / 20) < 19 + 4.5 * np.sqrt(38)
    v = simulation.particles["A"].velocities
    assert v.var() == pytest.approx(FRICTION, rel=4.5 * np.sqrt(2 / n))
    leaking = gas(0.3, hrd.Copies(n), walls={"x+": hrd.PartiallyAbsorbing({A: 0.05})})
    simulation = hrd.Simulation(leaking, dt=0.1, seed=9)
    simulation.step(20)
    rate = 0.05 / 0.3 / (1 + 0.05 * 0.3 / 3)  # slow decay of a well-mixed slab
    lost = n - int(simulation.copy_number[0])
    assert lost == pytest.approx(n * -np.expm1(-rate * 2.0), rel=0.03)


def test_a_restart_goes_on_bit_for_bit(tmp_path):
    walls = {w: hrd.Reservoir({A: 200.0}) for w in OPEN}
    whole = hrd.Simulation(gas(2.0, 200.0, walls=walls), dt=0.05, seed=11)
    whole.step(30)
    whole.checkpoint(tmp_path / "half.npz")
    whole.step(30)
    again = hrd.Simulation.restore(tmp_path / "half.npz")
    again.step(30)
    one, two = whole.particles["A"], again.particles["A"]
    order, other = np.argsort(one.id), np.argsort(two.id)
    np.testing.assert_array_equal(one.positions[order], two.positions[other])
    np.testing.assert_array_equal(one.velocities[order], two.velocities[other])


def test_friction_is_written_to_a_file_and_read_again():
    system = gas(2.0, 10.0)
    again = hrd.System.from_dict(system.to_dict())
    assert again.species == system.species
    assert "friction 5" in str(system)


def test_what_cannot_be_is_refused_by_name():
    line = hrd.Box(x=(0, 2))
    for change, what in [
        ({"particles": hrd.Box(x=(0, 1))}, "no continuum holds velocities"),
        ({"particles": None}, "no continuum holds velocities"),
        ({"interface": hrd.ExactPlane()}, "leave it out"),
        ({"obstacles": hrd.Where(lambda x: x < 0.2)}, "without obstacles"),
    ]:
        with pytest.raises(ModelError, match=what):
            gas(2.0, 10.0, **change)
    with pytest.raises(ModelError, match="no potential"):
        hrd.Species("A", D=1.0, friction=1.0, potential="x")
    with pytest.raises(ModelError, match="need a constant D"):
        hrd.Species("A", D="1 + x", friction=1.0)
    with pytest.raises(ModelError, match="friction"):
        hrd.Species("A", D=1.0, friction=0.0)
    leaky = gas(2.0, 10.0, walls={"x-": hrd.Leaky({A: 1.0}, outside={A: 5.0})})
    with pytest.raises(ModelError, match="leaky"):
        hrd.Simulation(leaky, dt=0.1)
    with pytest.raises(ModelError, match="the PDE has no velocities"):
        hrd.mean_field(gas(2.0, 10.0), dt=0.1, until=0.1)
    steep = gas(2.0, 10.0, walls={"x-": hrd.Reservoir({A: 1.0})})
    with pytest.raises(StepError, match="leave friction out"):
        hrd.Simulation(steep, dt=1e5)
    slow = hrd.System(species=[hrd.Species("A", D=1.0)], domain=line, particles=line)
    diffusing = hrd.Simulation(slow, dt=0.1).particles["A"]
    with pytest.raises(ModelError, match="without inertia and have none"):
        _ = diffusing.velocities
