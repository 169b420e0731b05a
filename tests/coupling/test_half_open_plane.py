"""Two-way `ExactPlane`: no lag, no jump, Poisson numbers up to the plane."""

import math

import numpy as np
import pytest

import hybridrd as hrd

A = hrd.Species("A", D=1.0)


def plate(n, rows, cells=20, **changes):
    """Unit cells with n copies each, particles in the lower half along x, periodic along y."""
    fields = {
        "species": [A],
        "domain": hrd.Box(x=(0, cells), y=(0, rows)),
        "particles": hrd.Box(x=(0, cells // 2), y=(0, rows)),
        "cells": (cells, rows),
        "walls": {"y": hrd.Periodic()},
        "interface": hrd.ExactPlane(),
        "initial": {A: n},
    }
    return hrd.System(**{**fields, **changes})


def test_c_R_is_that_of_the_step():
    """A uniform state that rises and falls everywhere at once: c = c0 + (a/w)(1 - cos w t).

    With a c_R that is four steps old the last bins miss up to a fifth of what was made since.
    """
    n, a, w = 40.0, 2000.0, 20.0
    made = hrd.Reaction("0 -> A", k=lambda t: a * max(0.0, math.sin(w * t)))
    simulation = hrd.Simulation(plate(n, rows=60, reactions=[made]), dt=5e-3, seed=1)
    for time in (0.05, 0.1, 0.15):
        while simulation.time < time - 1e-9:
            simulation.step()
        exact = n + a / w * (1 - math.cos(w * min(time, math.pi / w)))
        found = simulation.concentration[0].mean(axis=1)
        error = math.sqrt(exact / 60)
        assert np.abs(found[:10] - exact).max() < 4.5 * error, (time, found, exact)
        assert np.abs(found[10] - exact) < 0.02 * exact


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.5, 1.0])
def test_a_uniform_state_stays_uniform_and_poisson(alpha):
    """Variance over mean of the last bins; a noiseless continuum lets them have 0.87 at least."""
    n, rows = 20.0, 100
    simulation = hrd.Simulation(plate(n, rows, cells=16), dt=alpha, seed=3)
    means, variances = [], []
    for k in range(300):
        simulation.step()
        if k >= 60:
            c = simulation.concentration[0][:8]
            means.append(c.mean(axis=1))
            variances.append(((c - n) ** 2).mean(axis=1))
    start = simulation.total[0] / (16 * rows)
    mean = np.mean(means, axis=0)
    assert np.abs(mean / start - 1).max() < 0.02
    assert np.abs(simulation.concentration[0][8:].mean() / start - 1) < 0.01
    ratio = np.mean(variances, axis=0) / n
    assert (np.abs(ratio - 1) < 0.17).all(), ratio


@pytest.mark.parametrize("alpha", [0.1, 1.0])
def test_a_linear_profile_has_no_jump(alpha):
    rows = 60
    walls = {
        "y": hrd.Periodic(),
        "x-": hrd.Reservoir({A: 100.0}),
        "x+": hrd.Reservoir({A: 300.0}),
    }
    system = plate(lambda x, y: 100.0 + 10.0 * x, rows, walls=walls)  # noqa: ARG005
    simulation = hrd.Simulation(system, dt=alpha, seed=2)
    rows_of = []
    for k in range(round(200 / math.sqrt(alpha))):
        simulation.step()
        if k > 20:
            rows_of.append(simulation.concentration[0].mean(axis=1))
    found = np.mean(rows_of, axis=0) - (100.0 + 10.0 * (np.arange(20) + 0.5))
    # In units of the gradient times h: the jump is what lines on both sides leave at the plane.
    below, above = (np.polyval(np.polyfit(x, found[s], 1), 10.0) for x, s in (
        (np.arange(2, 8) + 0.5, slice(2, 8)), (np.arange(11, 17) + 0.5, slice(11, 17)),
    ))  # fmt: skip
    assert abs(above - below) / 10.0 < 0.1, found


def test_the_region_empties_into_the_continuum_and_back():
    """From all on one side, against the PDE of the whole; nothing is lost."""
    system = plate(lambda x, y: np.where(x < 10, 200.0, 0.0), rows=30)  # noqa: ARG005
    simulation = hrd.Simulation(system, dt=0.1, seed=4)
    begun = simulation.total[0]
    simulation.run(until=20.0, every=20.0)
    pde = hrd.mean_field(system, dt=0.1, until=20.0, every=20.0)
    expected = float(pde["copy_number"][-1, 0])
    assert simulation.total[0] == pytest.approx(begun, rel=1e-12)
    bound = 4.5 * math.sqrt(expected) + 0.002 * expected
    assert abs(simulation.copy_number[0] * 60_000 / begun - expected) < bound


@pytest.mark.parametrize("scheme", [hrd.CalibratedLayer(width=0.1), hrd.ExactPlane()], ids=repr)
def test_a_wall_that_changes_faster_than_its_layer_is_reported(scheme):
    """c_R from 100 to 50 and back 20 times per time; a layer of 0.1 follows within 0.01."""
    w = 20.0
    wall = hrd.Reservoir({A: lambda t: 75.0 + 25.0 * np.sin(w * t)})
    system = hrd.System(
        species=[A],
        domain=hrd.Box(x=(0, 2)),
        particles=hrd.Box(x=(0, 2)),
        cells=20,
        walls={"x-": wall, "x+": hrd.Reservoir({A: 75.0})},
        interface=scheme,
    )
    simulation = hrd.Simulation(system, dt=1e-3, seed=1)
    result = simulation.run(until=0.4, every=0.1)
    found = simulation.diagnostics().get("c_R_within_layer_time", {})
    if isinstance(scheme, hrd.ExactPlane):
        assert found == {}
        return
    # steepest, relative to c_R: max of 25 w cos/(75 + 25 sin), times dx²/D
    phase = np.linspace(0, 2 * np.pi, 10_001)
    steepest = (25 * w * np.abs(np.cos(phase)) / (75 + 25 * np.sin(phase))).max() * 0.01
    assert found == {"A at x-": pytest.approx(steepest, rel=0.03)}
    assert "c_R_within_layer_time" in str(result.attrs["diagnostics"])
