"""Measured rates of reaction at a sphere against Smoluchowski's, from weak to fast reactivity.

The flux is the expected absorption summed over particles, ``J/c_R = kappa k/(kappa + k)`` with
``k = 4 pi D/(1/sigma - 1/R)`` (del Razo 2024, eq. (36) at finite R). Steps are exact for any dt,
so that long ones may be taken.
"""

import math
from functools import cache

import pytest

import hybridrd as hrd
from hybridrd.theory import smoluchowski

pytestmark = pytest.mark.validation

B = hrd.Species("B", D=1.0)
K_S = smoluchowski.rate_k_S(D=1.0, sigma=1.0)
#: By R: concentration, step and end, for about 1 in 500 of standard error.
RUNS = {2.0: (1000.0, 0.03, 12.0), 3.0: (400.0, 0.1, 40.0), 6.0: (100.0, 0.15, 150.0)}


@cache
def measure(R, kappa, c, dt, until, seed=1, batches=20, **changes):
    """J/c_R and its standard error, from means of consecutive parts of the run."""
    shell = hrd.Shell(inner=1.0, outer=R)

    inner = hrd.Absorbing() if kappa == math.inf else hrd.PartiallyAbsorbing(kappa)

    def start(r):
        return smoluchowski.profile(r, 1.0, 1.0, kappa, R, c)

    fields = {
        "species": [B],
        "domain": shell,
        "particles": shell,
        "cells": 10,
        "walls": {"inner": inner, "outer": hrd.Reservoir({B: c})},
        "interface": hrd.ExactPlane(),
        "initial": {B: start},
    }
    sim = hrd.Simulation(hrd.System(**{**fields, **changes}), dt=dt, seed=seed)
    result = sim.run(until=until, every=until / batches, record=["flux"], progress=False)
    flux = result["flux"].sel(species="B", face="inner").values[1:] / c
    return flux.mean(), flux.std(ddof=1) / math.sqrt(batches)


def check(rate, error, expected):
    assert error < 0.0025 * expected
    assert abs(rate - expected) < 4 * error
    assert abs(rate / expected - 1) < 0.005


@pytest.mark.parametrize("ratio", [0.1, 1.0, 10.0, 100.0])
@pytest.mark.parametrize("R", RUNS)
def test_rate_of_the_shell(R, ratio):
    kappa = ratio * K_S
    check(*measure(R, kappa, *RUNS[R]), smoluchowski.rate(1.0, 1.0, kappa, R))


def test_an_absorbing_sphere_has_the_diffusion_limited_rate():
    check(*measure(3.0, math.inf, *RUNS[3.0]), 4 * math.pi / (1 - 1 / 3))


@pytest.mark.parametrize("dt", [0.01, 0.125])
def test_the_step_does_not_matter(dt):
    check(*measure(3.0, K_S, 400.0, dt, 40.0), smoluchowski.rate(1.0, 1.0, K_S, 3.0))


def test_a_calibrated_layer_has_the_same_rate():
    found = measure(3.0, K_S, 400.0, 0.02, 40.0, interface=hrd.CalibratedLayer())
    check(*found, smoluchowski.rate(1.0, 1.0, K_S, 3.0))


@pytest.mark.parametrize("coupling", ["two-way", "mean-field"])
def test_particles_near_the_sphere_are_enough(coupling):
    """The PDE from r = 3 to R = 6, 50 cells."""
    found = measure(
        6.0, K_S, 300.0, 0.04, 100.0, particles=hrd.Shell(1.0, 3.0), cells=50, coupling=coupling
    )
    check(*found, smoluchowski.rate(1.0, 1.0, K_S, 6.0))


def test_the_rate_of_a_far_reservoir_is_approached_as_one_over_R():
    """``J/c_R = k_D [1 + (k_D/k_S) sigma/R]`` to first order; here exactly k_D/(1 - 1/(2 R))."""
    k_D = smoluchowski.rate(1.0, 1.0, K_S)
    for R, run in RUNS.items():
        rate, error = measure(R, K_S, *run)
        assert rate / k_D - 1 > 2 * error / k_D
        assert abs((1 - k_D / rate) * R - 0.5) < 4 * error / k_D * R
