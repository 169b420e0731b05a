"""First passages of a shell from three starts, against the closed form of their distribution."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import kstest

import hybridrd as hrd

pytestmark = pytest.mark.validation
SIGMA, R, KAPPA, D = 1.0, 3.0, 20.0, 1.0


def distribution(r0):
    """P(passed by t) by eigenfunctions: u = f/r, f'' = -k² f, u'(R) = 0, D u' = kappa u/(4 pi)."""
    gamma = KAPPA / (4 * np.pi * SIGMA**2 * D) + 1 / SIGMA

    def f(k, r):
        return np.cos(k * (R - r)) - np.sin(k * (R - r)) / (k * R)

    def condition(k):
        slope = k * np.sin(k * (R - SIGMA)) + np.cos(k * (R - SIGMA)) / R
        return slope - gamma * f(k, SIGMA)

    grid = np.linspace(1e-3, 120, 60_000)
    values = condition(grid)
    turns = np.flatnonzero(values[1:] * values[:-1] < 0)
    k = np.array([brentq(condition, grid[i], grid[i + 1]) for i in turns])[:, None]
    r = np.linspace(SIGMA, R, 20_001)
    u = f(k, r)
    share = np.trapezoid(u * r, r) / np.trapezoid(u * u, r) * f(k[:, 0], r0) / r0
    return lambda t: 1 - (share[:, None] * np.exp(-D * k**2 * np.atleast_1d(t))).sum(axis=0)


@pytest.mark.parametrize("r0", [1.5, 2.0, 2.8])
def test_first_passages_follow_their_closed_form(r0):
    shell = hrd.Shell(inner=SIGMA, outer=R)
    system = hrd.System(
        species=[hrd.Species("B", D=D)], domain=shell, particles=shell,
        walls={"inner": hrd.PartiallyAbsorbing(kappa=KAPPA)}, interface=hrd.ExactPlane(),
        initial={"B": hrd.Points(np.full(10_000, r0))},
    )  # fmt: skip
    result = hrd.Simulation(system, dt=5e-3, seed=11).run(
        until=200.0, every=10.0, events="log", stop=lambda sim: sim.copy_number[0] == 0
    )
    passages = hrd.first_passage(result)["time"]
    assert len(passages) == 10_000
    exact = hrd.theory.smoluchowski.mean_first_passage(r0=r0, D=D, sigma=SIGMA, kappa=KAPPA, R=R)
    assert abs(passages.mean() - exact) < 0.01 * exact
    found = kstest(passages, distribution(r0))
    assert found.pvalue > 0.01
