"""Particles in a ball shell: fluxes, profiles and counts against theory, in standard errors."""

import math

import numpy as np
import pytest
from scipy.stats import kstest
from twins.naive_radial import Shell

import hybridrd as hrd
from hybridrd.simulation.plan import compile_system
from hybridrd.theory import smoluchowski

B = hrd.Species("B", D=1.0)
SIGMA, R, KAPPA = 1.0, 3.0, 20.0
SHELL = hrd.Shell(inner=SIGMA, outer=R)
J = smoluchowski.rate(D=1.0, sigma=SIGMA, kappa=KAPPA, R=R)
V = SHELL.volume


def steady(c):
    return lambda r: smoluchowski.profile(r, 1.0, SIGMA, KAPPA, R, c)


def system(c=20.0, **changes):
    fields = {
        "species": [B],
        "domain": SHELL,
        "particles": SHELL,
        "cells": 40,
        "walls": {"inner": hrd.PartiallyAbsorbing(KAPPA), "outer": hrd.Reservoir({B: c})},
        "interface": hrd.ExactPlane(),
        "initial": {B: steady(c)},
    }
    return hrd.System(**{**fields, **changes})


def batches(values, count=20):
    """Mean and its standard error from means of consecutive batches."""
    values = np.asarray(values, float)
    size = len(values) // count
    means = values[: size * count].reshape(count, size).mean(axis=1)
    return means.mean(), means.std(ddof=1) / math.sqrt(count)


def face(result, name, variable="flux"):
    return result[variable].sel(species="B", face=name).values[1:]


def test_the_flux_is_that_of_theory():
    """The shape of the published problem, expected absorption and exact counts."""
    c = 50.0
    result = hrd.Simulation(system(c), dt=0.1, seed=1).run(until=40.0, every=0.1)
    mean, error = batches(face(result, "inner"))
    assert error < 0.02 * J * c
    assert abs(mean - J * c) < 4 * error
    counted = face(result, "inner", "crossings").sum()
    # Counts scatter about their expectation as independent events.
    assert abs(counted - mean * 40) < 4 * math.sqrt(J * c * 40)
    mean, error = batches(face(result, "outer"))
    assert abs(mean + J * c) < 4 * error
    counts = face(result, "outer", "crossings")
    np.testing.assert_allclose(face(result, "outer"), counts / 0.1, rtol=1e-13)
    expected = steady(c)(result["r"].values)
    for cells in (slice(0, 4), slice(10, 20), slice(36, 40)):
        mean, error = batches(result["concentration"][1:, 0, cells].mean("r"))
        assert error < 0.04 * c
        assert abs(mean - expected[cells].mean()) < 4 * error


@pytest.mark.parametrize("start", [0.0, 10.0])
def test_beside_a_reflecting_sphere_numbers_are_poisson(start):
    """Uniform c_R; counts in four shells at equilibrium are independent Poisson numbers."""
    c, samples = 10.0, 100
    walls = {"outer": hrd.Reservoir({B: c})}
    sim = hrd.Simulation(system(c, walls=walls, initial={B: start}), dt=0.1, seed=2)
    edges = np.array([1.0, 1.5, 2.0, 2.5, 3.0])
    counts = []
    for _ in range(200 if start == 0 else 20):  # relaxation takes about 4 l²/(pi² D) = 1.6
        sim.step()
    for _ in range(samples):
        [sim.step() for _ in range(20)]
        counts.append(np.histogram(sim.particles["B"].positions[:, 0], edges)[0])
    counts = np.array(counts, float)
    expected = c * 4 / 3 * math.pi * np.diff(edges**3)
    # Samples 2 apart correlate by at most 0.3, and their squares by the square of that.
    z = (counts.mean(axis=0) - expected) / np.sqrt(expected * (1.3 / 0.7) / samples)
    assert np.abs(z).max() < 4.5, z
    spread = counts.var(axis=0) / expected
    error = math.sqrt(2 / samples * 1.09 / 0.91)
    assert np.abs(spread - 1).max() < 4 * error, spread
    total = counts.sum(axis=1).var() / expected.sum()
    assert abs(total - 1) < 4 * error, total


def test_a_closed_shell_keeps_its_particles_and_spreads_them_by_volume():
    start = {B: hrd.Points(np.full(8000, 1.05))}
    sim = hrd.Simulation(system(walls={}, initial=start), dt=0.03, seed=3)
    result = sim.run(until=4.5, every=1.5)
    assert (result["copy_number"] == 8000).all()
    assert (result["total"] == 8000).all()
    uniform = (sim.particles["B"].positions[:, 0] ** 3 - 1) / 26
    assert kstest(uniform, "uniform").statistic * math.sqrt(8000) < 2.3


def test_initial_particles_are_uniform_by_volume():
    def radii(initial, seed=4):
        sim = hrd.Simulation(system(walls={}, initial={B: initial}), dt=0.01, seed=seed)
        return sim.particles["B"].positions[:, 0]

    mean = 100 * V
    for value in (100.0, lambda r: 100 + 0 * r, hrd.Patch(100.0), hrd.Copies(int(mean))):
        r = radii(value)
        assert abs(len(r) - mean) < (1.0 if isinstance(value, hrd.Copies) else 4.5 * mean**0.5)
        assert kstest((r**3 - 1) / 26, "uniform").statistic * math.sqrt(len(r)) < 2.3
    assert (radii(hrd.Points([1.5, 2.5])) == [1.5, 2.5]).all()


@pytest.mark.parametrize("scheme", [None, hrd.CalibratedLayer(width=0.2), hrd.Layer()])
def test_a_layer_has_the_flux_of_its_one_step_operator(scheme):
    """Rates D A/(V dx): J to second order in dx where c_R is calibrated to the wall.

    The operator is run on the numbers that the simulation uses.
    """
    dt = 5e-3
    plan = compile_system(system(interface=scheme), dt)
    numbers = plan.walls[0].exchanges[1]
    twin = Shell(SIGMA, R, KAPPA / (4 * math.pi), dt, layer=(numbers.width, numbers.survival))
    found = twin.absorbed_in_step(twin.steady()) / dt / J
    if isinstance(scheme, hrd.Layer):
        # c_R belongs 0.385 widths beyond the wall: as a reservoir at R + 0.0385.
        moved = smoluchowski.rate(1.0, SIGMA, KAPPA, R + 0.38539 * numbers.width) / J
        assert found == pytest.approx(moved, rel=2e-4)
    else:
        assert found == pytest.approx(1.0, abs=0.015 * numbers.width**2)


def test_a_uniform_state_is_stationary_under_a_layer():
    c = 10.0
    walls = {"outer": hrd.Reservoir({B: c})}
    flat = system(c, walls=walls, interface=hrd.CalibratedLayer(), initial={B: c})
    result = hrd.Simulation(flat, dt=0.03, seed=5).run(until=60.0, every=0.3)
    mean, error = batches(result["copy_number"].values[1:, 0])
    assert abs(mean - c * V) < 4 * error
    assert error < 0.02 * c * V
    for cells in (slice(0, 10), slice(30, 40)):
        mean, error = batches(result["concentration"][1:, 0, cells].mean("r"))
        assert abs(mean - c) < 4.5 * error


def test_a_reservoir_at_the_inner_sphere():
    """From c at sigma to an absorbing sphere at R: ``J = 4 pi D c/(1/sigma - 1/R)``."""
    c = 60.0
    walls = {"inner": hrd.Reservoir({B: c}), "outer": hrd.Absorbing()}
    exact = 4 * math.pi * c / (1 / SIGMA - 1 / R)
    start = {B: lambda r: c * (1 / r - 1 / R) / (1 / SIGMA - 1 / R)}
    result = hrd.Simulation(system(walls=walls, initial=start), dt=0.03, seed=6).run(30.0, 0.15)
    mean, error = batches(face(result, "outer"))
    assert abs(mean - exact) < 4 * error
    mean, error = batches(face(result, "inner"))
    assert abs(mean + exact) < 4 * error
    expected = start[B](result["r"].values)
    for cells in (slice(0, 4), slice(10, 20), slice(36, 40)):
        mean, error = batches(result["concentration"][1:, 0, cells].mean("r"))
        assert abs(mean - expected[cells].mean()) < 4 * error


def test_influx_at_the_inner_sphere():
    """``c = c_R + J a²/D (1/r - 1/R)`` and the flux 4 pi a² J through both spheres."""
    c, influx = 20.0, 50.0
    walls = {"inner": hrd.Influx({B: influx}), "outer": hrd.Reservoir({B: c})}

    def profile(r):
        return c + influx * (1 / r - 1 / R)

    result = hrd.Simulation(system(walls=walls, initial={B: profile}), 0.1, seed=7).run(40.0, 0.2)
    entered = -face(result, "inner", "crossings").sum()
    expected = 4 * math.pi * influx * 40
    assert abs(entered - expected) < 4 * math.sqrt(expected)
    mean, error = batches(face(result, "outer"))
    assert abs(mean - 4 * math.pi * influx) < 4 * error
    amount = c * V + influx * (2 * math.pi * (R**2 - 1) - 4 / 3 * math.pi * 26 / R)
    mean, error = batches(result["copy_number"].values[1:, 0])
    assert abs(mean - amount) < 4 * error


def test_a_reservoir_that_varies_in_time():
    """The mean number follows the PDE of the same system."""
    walls = {"outer": hrd.Reservoir({B: lambda t: 20 * (1 + np.sin(4 * t))})}
    varied = system(walls=walls, initial={B: 20.0})
    runs = hrd.ensemble(varied, replicas=20, dt=0.05, until=2.0, every=0.4, seed=8)
    pde = hrd.mean_field(varied.replace(cells=200), dt=0.005, until=2.0, every=0.4)
    difference = runs["copy_number_mean"][1:] - pde["copy_number"][1:]
    assert np.abs(difference / runs["copy_number_sem"][1:]).max() < 4.5
    assert runs["copy_number_sem"].max() < 0.01 * 20 * V


def test_decay_and_creation_balance():
    """``0 -> B -> 0`` in a closed shell: Poisson numbers with mean k_0 V/k_1, uniform."""
    both = [hrd.Reaction("0 -> B", k=10.0), hrd.Reaction("B -> 0", k=2.0)]
    one = system(walls={}, reactions=both, initial={B: 5.0})
    result = hrd.Simulation(one, dt=0.025, seed=9).run(until=50.0, every=1.0)
    n = result["copy_number"].values[1:, 0]
    assert abs(n.mean() - 5 * V) < 4 * math.sqrt(5 * V * 1.3 / len(n))  # exp(-2) between samples
    created = result["events"].sel(reaction="0 -> B").values.sum()
    assert abs(created - 500 * V) < 4 * math.sqrt(500 * V)
    profile = result["concentration"][1:, 0].mean("time").values
    volumes = one.grid.volumes
    z = (profile - 5) / np.sqrt(5 / volumes * 1.3 / len(n))
    assert np.abs(z).max() < 4.5


@pytest.mark.parametrize("rate", [80.0, lambda r: 80.0 + 0 * r, lambda r: 40 * r])
def test_creations_fall_by_volume(rate):
    """Species that do not move show where they were born: density r² k(r)."""
    still = hrd.Species("B", D=0.0)
    made = hrd.System(
        species=[still],
        domain=SHELL,
        particles=SHELL,
        cells=200,
        reactions=[hrd.Reaction("0 -> B", k=rate)],
    )
    sim = hrd.Simulation(made, dt=0.5, seed=10)
    sim.run(until=2.0, every=1.0)
    r = sim.particles["B"].positions[:, 0]
    varies = callable(rate) and rate(np.array([1.0]))[0] == 40
    expected = 2 * 4 * math.pi * (40 * 80 / 4 if varies else 80 * 26 / 3)
    assert abs(len(r) - expected) < 4.5 * math.sqrt(expected)
    uniform = (r**4 - 1) / 80 if varies else (r**3 - 1) / 26
    assert kstest(uniform, "uniform").statistic * math.sqrt(len(r)) < 2.3


def test_species_meet_spheres_each_in_its_own_way():
    """A is absorbed, B is not, and turns into A; every loss is an event or a crossing."""
    A, slow = hrd.Species("A", D=2.0), hrd.Species("B", D=0.5)
    two = hrd.System(
        species=[A, slow],
        domain=SHELL,
        particles=SHELL,
        walls={"inner": hrd.PartiallyAbsorbing({A: 30.0})},
        reactions=[hrd.Reaction("B -> A", k=1.0)],
        initial={slow: hrd.Copies(3000)},
    )
    result = hrd.Simulation(two, dt=0.01, seed=11).run(until=2.0, every=0.1)
    n = result["copy_number"]
    turned = result["events"].sel(reaction="B -> A").cumsum("time")
    lost = result["crossings"].sel(face="inner").cumsum("time")
    assert (n.sel(species="B") == 3000 - turned).all()
    assert (n.sel(species="A") == turned - lost.sel(species="A")).all()
    assert (result["crossings"].sel(species="B") == 0).all()
    assert (result["flux"].sel(species="B")[1:] == 0).all()
    expected = float(result["flux"].sel(species="A", face="inner").sum()) * 0.1
    assert abs(float(lost.sel(species="A")[-1]) - expected) < 4.5 * math.sqrt(expected)
    left = 3000 * math.exp(-2.0)
    assert abs(int(n.sel(species="B")[-1]) - left) < 4.5 * math.sqrt(left)


def test_the_same_bits_from_any_threads_replicas_and_stops():
    one = system(c=40.0)
    first = hrd.Simulation(one, 0.02, seed=12)
    assert isinstance(first, hrd.Simulation)
    whole = first.run(until=0.4, every=0.1)
    threads = hrd.Simulation(one, 0.02, seed=12, threads=2).run(until=0.4, every=0.1)
    for name in ("flux", "crossings", "concentration"):
        np.testing.assert_array_equal(whole[name], threads[name])
    runs = hrd.ensemble(one, replicas=2, dt=0.02, until=0.4, every=0.1, seed=12)
    second = hrd.Simulation(one, 0.02, seed=12, replica=1).run(until=0.4, every=0.1)
    mean = 0.5 * (whole["flux"] + second["flux"])
    np.testing.assert_allclose(runs["flux_mean"], mean, rtol=1e-13, atol=1e-12)
    stopped = hrd.Simulation(one, 0.02, seed=12)
    stopped.run(until=0.2, every=0.1)
    resumed = hrd.Simulation(one, 0.02, seed=12)
    resumed.load_state(stopped.state())
    rest = resumed.run(until=0.4, every=0.1)
    for name in ("flux", "crossings", "concentration", "copy_number"):
        assert (whole[name][3:].values == rest[name][1:].values).all()
