"""The published cases with a standard error of 0.5 % or less, without an allowance for bias.

The particle mean of a second-order system is not quite its PDE: pair correlations lower the rate.
That shift is measured in a pure particle run of the whole domain, and added to the PDE.
"""

from __future__ import annotations

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.examples import CASES

pytestmark = pytest.mark.validation

SCHEMES = [None, hrd.ExactPlane()]
FIRST_ORDER = [
    pytest.param("proliferation", 60, (5.0, 10.0), marks=pytest.mark.ci),
    ("diffusion", 3, (0.2, 1.0)),
]
SECOND_ORDER = [("sir", 90, (0.5, 1.0, 1.5)), ("lotka-volterra", 90, (0.5, 1.5, 2.5))]


def ensemble(system, case, replicas, times, seed):
    every = float(np.gcd.reduce([round(1000 * t) for t in times])) / 1000
    return hrd.ensemble(
        system, replicas, case.dt, times[-1], every, seed=seed, record=["copy_number"], workers=2
    )


def left_half(sim):
    """Copy numbers left of the published interface, in a pure particle run."""
    middle = 0.5 * sim.system.domain.x[1]
    return np.array([(p.positions[:, 0] < middle).sum() for p in sim.particles.values()])


def pure_particles(case, replicas, times, finer=1):
    """Mean and standard error of the left half's copy numbers without any interface."""
    system = case.system()
    system = system.replace(particles=system.domain)
    runs = []
    for replica in range(replicas):
        sim = hrd.Simulation(system, case.dt / finer, seed=5, replica=replica, threads=2)
        rows = [left_half(sim) for t in times if sim.run(t, t, record=[]) is not None]
        runs.append(rows)
    data = np.array(runs, dtype=float)
    return data.mean(axis=0), data.std(axis=0, ddof=1) / np.sqrt(replicas)


@pytest.mark.parametrize("scheme", SCHEMES, ids=["layer", "exact-plane"])
@pytest.mark.parametrize(("name", "replicas", "times"), FIRST_ORDER)
def test_first_order_case_equals_its_pde(name, replicas, times, scheme):
    case = CASES[name]
    result = ensemble(case.system(interface=scheme), case, replicas, times, seed=21)
    pde = hrd.mean_field(case.system(), case.dt, times[-1], times[0], record=["copy_number"])
    for t in times:
        mean = result["copy_number_mean"].sel(time=t).values
        exact = pde["copy_number"].sel(time=t).values
        sem = np.maximum(
            result["copy_number_sem"].sel(time=t).values, np.sqrt(exact / replicas) * (replicas < 5)
        )
        assert (np.abs(mean - exact) < 4 * sem + 1e-3 * exact).all(), (t, mean, exact, sem)


def test_a_crowded_epidemic_of_particles_does_not_depend_on_the_step():
    """SIR without a continuum: its patches hold k c dt = 0.5 at the published step.

    Where products waited for the next half step, S was 4 % and more above that of a fifth of it.
    """
    case, times = CASES["sir"], (0.5, 1.0)
    (coarse, error), (fine, fine_error) = (
        pure_particles(case, n, times, finer) for n, finer in ((100, 1), (60, 5))
    )
    both = np.hypot(error, fine_error)
    assert (both[:, 1:] < 0.02 * fine[:, 1:] + 1).all()
    assert (np.abs(coarse - fine) < 4 * both).all(), (coarse, fine, both)


@pytest.mark.parametrize(("name", "replicas", "times"), SECOND_ORDER)
def test_second_order_case_equals_its_pde_with_the_correlation_shift(name, replicas, times):
    case = CASES[name]
    pde = hrd.mean_field(case.system(), case.dt, times[-1], times[0], record=["copy_number"])
    exact = pde["copy_number"].sel(time=list(times)).values
    pure, pure_sem = pure_particles(case, 40, times)
    print("shift of pure particles", pure / np.maximum(exact, 1) - 1)
    for scheme in SCHEMES:
        result = ensemble(case.system(interface=scheme), case, replicas, times, seed=22)
        mean = result["copy_number_mean"].sel(time=list(times)).values
        sem = result["copy_number_sem"].sel(time=list(times)).values
        print(scheme, "hybrid against PDE", mean / np.maximum(exact, 1) - 1)
        # The window sees a mean-field reservoir, so its shift lies between none and the pure one.
        low = np.minimum(exact, pure) - 4 * np.hypot(sem, pure_sem)
        high = np.maximum(exact, pure) + 4 * np.hypot(sem, pure_sem)
        assert ((mean >= low) & (mean <= high)).all(), (mean, exact, pure, sem)
