"""Drift through exact planes, influx walls and leaky ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import erfc
from scipy.stats import kstest

import hybridrd as hrd
from hybridrd.errors import ModelError, StepError
from hybridrd.kernels.drift_arrivals import through_plane

LINE = hrd.Box(x=(0, 1))


@pytest.mark.parametrize("v", [-4.0, 0.7, 5.0, 60.0])
def test_arrivals_have_the_depths_and_the_number_of_the_open_half_space(v):
    D, dt, n = 0.8, 0.02, 20_000
    rng, kept, a = np.random.default_rng(3), [], math.sqrt(4 * D * dt)
    for u, w, pick, chance in rng.random((n, 4)):
        _, depth, keep = through_plane(v, D, dt, u, w, pick, rng.normal())
        if chance < keep:
            kept.append(depth)
    d = np.linspace(0.0, max(v * dt, 0.0) + 7 * a, 20_001)
    density = 0.5 * (
        erfc((d - v * dt) / a) + np.exp(np.minimum(v * d / D, 700)) * erfc((d + v * dt) / a)
    )
    below = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1])) * (d[1] - d[0])])
    tried = 2 * math.sqrt(D * dt / math.pi) + max(v, 0) * dt
    share = below[-1] / tried
    assert len(kept) / n == pytest.approx(share, abs=4.5 * math.sqrt(share * (1 - share) / n))
    assert kstest(kept, lambda x: np.interp(x, d, below / below[-1])).pvalue > 1e-4


def means(system, dt, steps, every, seed=1):
    """Mean contents of the cells after the first tenth of a run, and their errors."""
    simulation = hrd.Simulation(system, dt=dt, seed=seed)
    simulation.step(steps // 10)
    found = []
    for _ in range(steps // every):
        simulation.step(every)
        found.append(simulation.concentration[0].ravel() * system.grid.volumes)
    parts = np.array(found)[: len(found) // 20 * 20].reshape(20, -1, system.grid.cells).mean(1)
    return parts.mean(0), parts.std(0, ddof=1) / math.sqrt(20)


def agree(found, expected, allowed=0.0):
    """Each cell within 4.5 errors, taken from a Poisson variance where that is larger."""
    mean, error = found
    np.testing.assert_array_less(np.abs(mean - expected), 4.5 * error + allowed * expected)


@pytest.mark.validation
@pytest.mark.ci
@pytest.mark.parametrize("dt", [5e-4, 4e-3, 1.2e-2])
@pytest.mark.parametrize("velocity", [-4.0, 15.0])
def test_a_uniform_concentration_stays_against_a_flow_at_any_step(dt, velocity):
    """At the longest step a particle drifts by up to 0.18 while it spreads by 0.15."""
    A = hrd.Species("A", D=1.0, velocity=velocity)
    same = hrd.Reservoir({A: 5000.0})
    system = hrd.System(
        species=[A], domain=LINE, particles=LINE, cells=10, initial={A: 5000.0},
        walls={"x-": same, "x+": same}, interface=hrd.ExactPlane(),
    )  # fmt: skip
    agree(means(system, dt, 2000, 2 if dt > 1e-3 else 10), 500.0)


def test_boltzmann_stays_between_planes_and_walls_of_a_square():
    """The walls reflect arrivals, too."""
    A = hrd.Species("A", D=1.0, potential="2 * x + 1.5 * y")
    box = hrd.Box(x=(0, 1), y=(0, 1))
    walls = {
        "x-": hrd.Reservoir({A: lambda y: 3e4 * np.exp(-1.5 * y)}),
        "x+": hrd.Reservoir({A: lambda y: 3e4 * np.exp(-2.0 - 1.5 * y)}),
    }
    system = hrd.System(
        species=[A], domain=box, particles=box, cells=(5, 15), walls=walls,
        interface=hrd.ExactPlane(),
        initial={A: hrd.Patch(lambda x, y: 3e4 * np.exp(-2 * x - 1.5 * y))},
    )  # fmt: skip
    part = [-np.diff(np.exp(-s * np.linspace(0, 1, n + 1))) / s for s, n in ((2.0, 5), (1.5, 15))]
    agree(means(system, 4e-3, 600, 4), 3e4 * np.outer(part[0], part[1]).ravel(), 0.003)


@pytest.mark.validation
@pytest.mark.ci
@pytest.mark.parametrize("rise", [-0.4, 0.4])
def test_an_exact_plane_to_a_continuum_keeps_boltzmann_and_a_flow(rise):
    A = hrd.Species("A", D=1.0, potential=f"{10 * rise} * x")
    B = hrd.Species("B", D=1.0, velocity=10 * rise)
    start = 4e4 * np.exp(-10 * rise * (np.linspace(0.05, 1.95, 20) - 1.0))
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 2)), particles=hrd.Box(x=(0, 1)), cells=20,
        interface=hrd.ExactPlane(), initial={A: start},
    )  # fmt: skip
    simulation = hrd.Simulation(system, dt=5e-3, seed=2)
    total = simulation.total.copy()
    simulation.step(200)
    np.testing.assert_allclose(simulation.total, total, rtol=1e-12)
    counts, expected = simulation.concentration[0] * 0.1, 0.1 * start
    noise = 4.5 * np.sqrt(expected) + 0.003 * expected
    assert (np.abs(counts - expected)[:10] < noise[:10]).all()
    ring = system.replace(
        species=[B], particles=hrd.Box(x=(0.5, 1.5)), walls={"x": hrd.Periodic()},
        initial={B: 1e5},
    )  # fmt: skip
    simulation = hrd.Simulation(ring, dt=2.5e-3, seed=3)
    simulation.step(200)
    short = simulation.concentration[0] / 1e5 - 1.0
    assert np.abs(short).max() < 4.5 / math.sqrt(1e4) + 0.004


@pytest.mark.parametrize("interface", [hrd.ExactPlane(), hrd.Layer()])
def test_a_mean_field_is_read_on_boltzmanns_curve(interface):
    """A line between the two cells is 2 % higher at a rise of 0.4 a cell."""
    A = hrd.Species("A", D=1.0, potential="4 * x")
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 2)), particles=hrd.Box(x=(0, 1)), cells=20,
        coupling="mean-field", interface=interface, initial={A: 100.0},
    )  # fmt: skip
    (gate,) = hrd.Simulation(system, dt=2e-3, seed=1).plan.gates()
    at = 1.0 + gate.numbers.offset
    found = gate.read(np.exp(-4.0 * system.grid.centers(0)))
    np.testing.assert_allclose(found, math.exp(-4.0 * at), rtol=1e-9)


@pytest.mark.parametrize("velocity", [-3.0, 3.0])
@pytest.mark.parametrize("kind", ["influx", "leaky"])
def test_influx_and_leaky_walls_with_a_flow_have_their_steady_profile(velocity, kind):
    """A flux F passes: ``c = F/v + K exp(v x/D)``."""
    A = hrd.Species("A", D=1.0, velocity=velocity)
    left = {
        "influx": hrd.Influx({A: 4e3}),
        "leaky": hrd.Leaky({A: 5.0}, outside={A: 1e3}, partition=2.0),
    }[kind]
    system = hrd.System(
        species=[A], domain=LINE, particles=LINE, cells=10,
        walls={"x-": left, "x+": hrd.Reservoir({A: 200.0})}, interface=hrd.ExactPlane(),
    )  # fmt: skip
    # F is 4000, or 5 (2000 - c(0)); c(1) = 200.
    at_wall = [1.0, 0.0] if kind == "influx" else [1.0 + 5.0 / velocity, 5.0]
    at_end = [1.0 / velocity, math.exp(velocity)]
    F, K = np.linalg.solve([at_wall, at_end], [4e3 if kind == "influx" else 1e4, 200.0])
    edges = np.linspace(0, 1, 11)
    expected = np.diff(F / velocity * edges + K / velocity * np.exp(velocity * edges))
    system = system.replace(initial={A: expected * 10})
    agree(means(system, 8e-3, 2000, 2), expected)


def test_what_a_plane_cannot_do_with_a_drift_is_refused_by_name():
    A = hrd.Species("A", D=1.0, velocity=20.0)
    uneven = hrd.Species("A", D="1 + x")
    pure = hrd.System(
        species=[A], domain=LINE, particles=LINE, cells=10, interface=hrd.ExactPlane(),
        walls={"x-": hrd.Reservoir({A: 10.0})},
    )  # fmt: skip
    with pytest.raises(StepError, match=r"cross the particle region, 1 deep at x-.*dt <= 0\.01516"):
        hrd.Simulation(pure, dt=0.02)
    hrd.Simulation(pure, dt=0.01516)
    bath = {"x-": hrd.Leaky({A: 1.0}, outside={A: hrd.Bath(volume=1.0)})}
    for system, what in [
        (pure.replace(species=[uneven]), "one D alone"),
        (pure.replace(walls=bath), "the bath at x-"),
        (pure.replace(interface=hrd.interface.Published("tau")), "Published.*no rule"),
    ]:
        with pytest.raises(ModelError, match=what):
            hrd.Simulation(system, dt=1e-4)
    wide = pure.replace(walls={"x-": hrd.Leaky({A: 2000.0}, outside={A: 1.0})})
    with pytest.raises(StepError, match="x- is so open"):
        hrd.Simulation(wide, dt=1e-3)
