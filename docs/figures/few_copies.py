"""Annihilation of few copies on a ring: master equation, particles, mean field.

Used by make_bridge.py and by the tests.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.integrate import solve_ivp

import hybridrd as hrd
from hybridrd.theory import cdme, moments

FEED, LAMBDA0, RADIUS, D = 4.0, 6.0, 0.25, 0.2
LINE_DT = 0.025


def feeding(cells: int = 20) -> hrd.System:
    """``0 -> A, 2 A -> 0`` on a ring of length 1, empty at the start: about 1.4 copies."""
    line = hrd.Box(x=(0, 1))
    return hrd.System(
        species=[hrd.Species("A", D=D)],
        reactions=[
            hrd.Reaction("0 -> A", k=FEED),
            hrd.Reaction("2 A -> 0", lambda0=LAMBDA0, radius=RADIUS),
        ],
        domain=line,
        particles=line,
        cells=cells,
        walls={"x": hrd.Periodic()},
        initial={"A": 0.0},
    )


def master_equation(until: float, every: float, coarse: int = 6, fine: int = 9) -> np.ndarray:
    """Mean copy number in time: two numbers of voxels, extrapolated at second order."""
    runs = [
        cdme.solve(feeding(), v, max_copies=9, until=until, every=every, tolerance=1e-4)
        for v in (coarse, fine)
    ]
    n = [run["copy_number"].values[:, 0] for run in runs]
    return n[1] + (n[1] - n[0]) * coarse**2 / (fine**2 - coarse**2)


def particle_counts(replicas: int, until: float, every: float, seed: int) -> np.ndarray:
    """Copies of A in the cells of each replica, ``(replicas, times, cells)``."""
    from hybridrd.simulation.plan import compile_system

    system = feeding()
    plan = compile_system(system, LINE_DT)
    stride, records = round(every / LINE_DT), round(until / every)
    counts = np.zeros((replicas, records + 1, system.grid.cells))
    for replica in range(replicas):
        sim = hrd.Simulation(system, LINE_DT, seed=seed, replica=replica, plan=plan)
        for record in range(1, records + 1):
            for _ in range(stride):
                sim.step()
            counts[replica, record] = sim.concentration[0] * system.grid.volume
    return counts


def covariance_term(counts: np.ndarray) -> np.ndarray:
    """``-lambda0 integral cov[C(y), C(z)] dz`` of eq. (20) from the counts, ``(times,)``.

    Averaged over the ring, with the means' product from different replicas, which has no bias.
    """
    replicas, times, cells = counts.shape
    width = 1 / cells
    result = np.empty(times)
    for t in range(times):
        n = counts[:, t]
        c = np.full(cells, n.mean() / width)
        moment = moments.pair_moment(n, width)
        terms = moments.pair_terms(c, moment, width, LAMBDA0, RADIUS, periodic=True)
        spread = n.sum(axis=1).var(ddof=1) / replicas  # of the mean, in its square
        result[t] = terms.covariance.mean() - 2 * RADIUS * LAMBDA0 * spread
    return result


def mean_field_with(term: np.ndarray, every: float) -> np.ndarray:
    """Copy number of ``dc/dt = feed - k c² + term(t)``; the plain mean field for a term of 0."""
    times = every * np.arange(len(term))
    k = 2 * RADIUS * LAMBDA0
    solution = solve_ivp(
        lambda t, c: FEED - k * c**2 + np.interp(t, times, term),
        (0.0, times[-1]), [0.0], t_eval=times, rtol=1e-8, atol=1e-10, max_step=every / 2,
    )  # fmt: skip
    return np.asarray(solution.y[0])


class ClosedGap(NamedTuple):
    """Mean copy numbers in time, and standard errors of what is sampled."""

    particles: np.ndarray
    particles_sem: np.ndarray
    corrected: np.ndarray
    difference_sem: np.ndarray


def close_the_gap(counts: np.ndarray, every: float, batches: int = 20) -> ClosedGap:
    """Particles, and the mean field with the covariance term measured in them.

    ``difference_sem`` is the standard error of their difference, by leaving out batches in turn.
    """
    totals = counts.sum(axis=2)
    corrected = mean_field_with(covariance_term(counts), every)
    size = len(counts) // batches
    differences = []
    for b in range(batches):
        kept = np.delete(counts, slice(b * size, (b + 1) * size), axis=0)
        rest = mean_field_with(covariance_term(kept), every)
        differences.append(kept.sum(axis=2).mean(axis=0) - rest)
    error = math.sqrt(batches - 1) * np.std(differences, axis=0)
    sem = totals.std(axis=0, ddof=1) / math.sqrt(len(totals))
    return ClosedGap(totals.mean(axis=0), sem, corrected, error)
