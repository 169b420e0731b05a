"""Particles near the sphere, the PDE beyond: balances, profiles, fluxes."""

import math

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.theory import smoluchowski

B = hrd.Species("B", D=1.0)
DOMAIN, REGION = hrd.Shell(inner=1.0, outer=5.0), hrd.Shell(inner=1.0, outer=3.0)
KAPPA = 20.0
J = smoluchowski.rate(D=1.0, sigma=1.0, kappa=KAPPA, R=5.0)
SCHEMES = {
    "default": {},
    "plane": {"interface": hrd.ExactPlane()},
    "mean-field": {"coupling": "mean-field"},
    "mean-field plane": {"coupling": "mean-field", "interface": hrd.ExactPlane()},
}


def steady(c):
    return lambda r: smoluchowski.profile(r, 1.0, 1.0, KAPPA, 5.0, c)


def system(c, **changes):
    fields = {
        "species": [B],
        "domain": DOMAIN,
        "particles": REGION,
        "cells": 20,
        "walls": {"inner": hrd.PartiallyAbsorbing(KAPPA), "outer": hrd.Reservoir({B: c})},
        "initial": {B: steady(c)},
    }
    return hrd.System(**{**fields, **changes})


def batches(values, count=20):
    values = np.asarray(values, float)
    size = len(values) // count
    means = values[: size * count].reshape(count, size).mean(axis=1)
    return means.mean(), means.std(ddof=1) / math.sqrt(count)


@pytest.mark.parametrize("interface", [None, hrd.ExactPlane()])
def test_nothing_is_lost_in_ten_thousand_steps(interface):
    """A closed hybrid of 20 particles, one a cell, so that cells are often overdrawn."""
    closed = system(0.0, walls={}, initial={B: hrd.Copies(20)}, interface=interface)
    sim = hrd.Simulation(closed, dt=0.02, seed=1)
    result = sim.run(until=200.0, every=20.0)
    total = result["total"].values[:, 0]
    assert np.abs(total - 20).max() < 1e-10
    assert sim.diagnostics()["overdrafts"] > 10
    assert sim._continuum._field.c.min() >= 0.0
    assert len(np.unique(result["copy_number"])) > 3


@pytest.mark.parametrize("name", SCHEMES)
def test_the_flux_and_the_profile_are_those_of_theory(name):
    c = 20.0
    hybrid = system(c, **SCHEMES[name])
    result = hrd.Simulation(hybrid, dt=0.03, seed=2).run(until=36.0, every=0.3)
    flux = result["flux"].sel(species="B")
    assert list(result["face"].values) == ["inner", "interface:outer"]
    mean, error = batches(flux.sel(face="inner")[1:])
    assert error < 0.03 * J * c
    assert abs(mean - J * c) < 4 * error
    mean, error = batches(flux.sel(face="interface:outer")[1:])
    assert abs(mean + J * c) < 4 * error
    expected = steady(c)(result["r"].values)
    for cells in (slice(0, 3), slice(7, 10), slice(10, 13), slice(17, 20)):
        mean, error = batches(result["concentration"][1:, 0, cells].mean("r"))
        # 20 cells leave 0.3 % to the PDE, the default layer as much to its curvature.
        assert abs(mean - expected[cells].mean()) < 4 * error + 0.005 * c


@pytest.mark.parametrize("radii", [(3.0, 5.0), (2.0, 4.0)])
@pytest.mark.parametrize("name", SCHEMES)
def test_a_uniform_state_stays_uniform(radii, name):
    """Interfaces inside the particle region and at both its sides; closed walls; 5 per volume."""
    c, region = 5.0, hrd.Shell(*radii)
    n = round(c * DOMAIN.volume)
    two_way = "mean-field" not in name
    start = hrd.Copies(n) if two_way else c
    flat = system(c, particles=region, walls={}, initial={B: start}, **SCHEMES[name])
    result = hrd.Simulation(flat, dt=0.03, seed=3).run(until=30.0, every=0.15)
    if two_way:
        np.testing.assert_allclose(result["total"], n, rtol=1e-12)
    mean, error = batches(result["copy_number"][20:, 0], count=10)
    assert error < 0.02 * c * region.volume
    assert abs(mean - c * region.volume) < 4 * error
    for cells in (slice(0, 5), slice(5, 10), slice(10, 15), slice(15, 20)):
        here, error = batches(result["concentration"][20:, 0, cells].mean("r"), count=10)
        assert abs(here - c) < 4.5 * error + 1e-9


def test_what_leaves_the_region_enters_the_continuum():
    """All start in the region; particles and PDE share them by volume in the end."""
    spread = system(0.0, walls={}, initial={B: hrd.Points(np.full(4000, 1.5))})
    sim = hrd.Simulation(spread, dt=0.03, seed=4)
    result = sim.run(until=24.0, every=0.3)
    np.testing.assert_allclose(result["total"], 4000.0, rtol=1e-12)
    share = REGION.volume / DOMAIN.volume
    mean, error = batches(result["copy_number"][30:, 0], count=10)
    assert abs(mean - 4000 * share) < 4 * error + 0.004 * 4000 * share
    crossed = result["crossings"].sel(face="interface:outer").sum()
    assert int(crossed) == 4000 - int(result["copy_number"][-1, 0])


def test_mean_field_replicas_share_one_continuum():
    c = 20.0
    shared = system(c, coupling="mean-field", reactions=[hrd.Reaction("B -> 0", k=0.3)])
    runs = hrd.ensemble(shared, replicas=20, dt=0.02, until=1.0, every=0.5, seed=5)
    pde = hrd.mean_field(shared.replace(cells=200), dt=0.01, until=1.0, every=0.5)
    assert (runs["concentration_var"][:, 0, 10:] == 0).all()
    z = (runs["copy_number_mean"] - pde["copy_number"]) / runs["copy_number_sem"]
    assert np.abs(z[1:]).max() < 4.5
    alone = hrd.Simulation(shared, 0.02, seed=5, replica=0).run(until=1.0, every=0.5)
    beyond = alone["concentration"][:, 0, 10:]
    np.testing.assert_allclose(runs["concentration_mean"][:, 0, 10:], beyond, rtol=1e-12)


def test_results_can_be_compared_and_saved(tmp_path):
    c = 20.0
    result = hrd.Simulation(system(c), dt=0.02, seed=6).run(until=0.4, every=0.2)
    pde = hrd.mean_field(system(c), dt=0.02, until=0.4, every=0.2)
    table = hrd.compare(result, pde)
    counts = result["copy_number"].values[:, 0]
    np.testing.assert_allclose(table["count_a"].values, counts)
    hrd.save(result, tmp_path / "shell.zarr")
    loaded = hrd.load(tmp_path / "shell.zarr")
    assert (loaded["concentration"] == result["concentration"]).all()
    assert result["concentration"].dims == ("time", "species", "r")
    assert result["concentration"].attrs["units"] == "1/length^3"
    assert loaded.attrs["region_upper"] == [3.0]
    ax = hrd.plot.profile(result, "B", reference=pde)
    assert ax.get_xlabel() == "r"
    assert ax.get_xlim() == (1.0, 5.0)
