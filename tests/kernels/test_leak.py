"""Arrivals through a leaky wall in one step, against the densities that they must have."""

import itertools

import numpy as np
import pytest
from numba import njit
from scipy.integrate import quad
from scipy.special import erfc, erfcx

from hybridrd.kernels import leak
from hybridrd.kernels.sphere import absorption, quantile

D, DT = 0.7, 0.3
N = 400_000


@njit
def flat(gamma, D, dt, u, v, pick, normal, keep):
    """Depths of those of N candidates that are kept, and the largest chance."""
    depths, largest, m = np.empty(u.size), 0.0, 0
    for i in range(u.size):
        _, depth, chance = leak.leak_arrival(gamma, D, dt, u[i], v[i], pick[i], normal[i])
        largest = max(largest, chance)
        if keep[i] < chance:
            depths[m] = depth
            m += 1
    return depths[:m], largest


@njit
def curved(s, rate, D, dt, u, v, pick, keep):
    """The same beside a sphere: distances from it."""
    x, largest, m = np.empty(u.size), 0.0, 0
    for i in range(u.size):
        age, stayed, chance = leak.sphere_age(s, rate, D, dt, u[i], pick[i])
        largest = max(largest, chance)
        if keep[i] < chance:
            x[m] = quantile(v[i] * stayed, 0.0, s, rate, D * age)
            m += 1
    return x[:m], largest


def check_counts(found, edges, expected, candidates, tried):
    """Numbers in bins against the integral of a density, in standard errors."""
    counts = np.histogram(found, bins=edges)[0]
    means = np.array([quad(expected, a, b)[0] for a, b in itertools.pairwise(edges)])
    means *= candidates / tried
    seen = means > 30
    assert seen.sum() >= 8
    deviations = (counts - means)[seen] / np.sqrt(means[seen])
    assert np.abs(deviations).max() < 4.5
    assert abs((deviations**2).mean() - 1) < 4.5 * np.sqrt(2 / seen.sum())


@pytest.mark.parametrize("kappa", [0.01, 0.8, 1.5, 2.6, 20.0, 1e3, 1e7])
def test_depths_at_a_flat_wall(kappa):
    rng = np.random.default_rng(1)
    drawn = [rng.random(N), rng.random(N), rng.random(N), rng.normal(size=N), rng.random(N)]
    depths, largest = flat(kappa / D, D, DT, *drawn)
    a, g = np.sqrt(4 * D * DT), kappa * np.sqrt(DT / D)

    def density(d):
        return erfc(d / a) - np.exp(-((d / a) ** 2)) * erfcx(d / a + g)

    assert largest <= 1.0
    assert len(depths) > 0.55 * N
    check_counts(depths, np.linspace(0, 3 * a, 25), density, N, leak.tried(kappa, D, DT))
    mean = quad(density, 0, 8 * a)[0]
    assert leak.arrived(kappa, D, DT) == pytest.approx(mean, rel=1e-6)
    assert len(depths) / N * leak.tried(kappa, D, DT) == pytest.approx(mean, rel=0.006)


@pytest.mark.parametrize("s", [1.0, 0.2, -3.0])
@pytest.mark.parametrize("rate", [0.05, 0.4, 3.0, 500.0])
def test_distances_at_a_sphere(s, rate):
    """Those that stay and those that arrive make a uniform content: the density is ``1 - S``."""
    rng = np.random.default_rng(2)
    dt = 0.02 if s < 0 else DT
    x, largest = curved(s, rate, D, dt, *[rng.random(N) for _ in range(4)])

    def density(x):
        return (1 + x / s) ** 2 * absorption(x, s, rate, D * dt)

    assert largest <= 1.0 + 1e-12
    reach = np.sqrt(4 * D * dt)
    tried = leak.tried_on_sphere(s, rate, D, dt)
    check_counts(x, np.linspace(0, 3 * reach, 25), density, N, tried)
    end = min(8 * reach, 3.0) if s < 0 else 8 * reach
    mean = quad(density, 0, end, limit=200)[0]
    assert leak.arrived_on_sphere(s, rate, D, dt) == pytest.approx(mean, rel=2e-4)
