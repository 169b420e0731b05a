"""The theory bridge with smaller errors: few copies that annihilate, and Doi's rate in a box."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose
from support import figures

from hybridrd.results.correlations import pair_correlation

pytestmark = pytest.mark.validation

few, box = figures.load("few_copies"), figures.load("growing_box")


def test_annihilation_in_three_pictures():
    """Standard errors of 1 %: particles on the master equation, the PDE 16 % below."""
    counts = few.particle_counts(replicas=4000, until=1.5, every=0.25, seed=12)
    gap = few.close_the_gap(counts, every=0.25)
    truth = few.master_equation(until=1.5, every=0.25)
    assert (gap.particles_sem[2:] < 0.013 * truth[2:]).all()
    assert (abs(gap.particles - truth)[1:] < 4 * gap.particles_sem[1:]).all()
    plain = few.mean_field_with(np.zeros(7), every=0.25)
    assert truth[-1] - plain[-1] > 12 * gap.particles_sem[-1]
    assert (abs(gap.particles - gap.corrected)[1:] < 4 * gap.difference_sem[1:] + 2e-3).all()
    assert (gap.difference_sem[1:] < 0.02).all()


@pytest.fixture(scope="module")
def rates():
    sizes = [(30.0, 150), (50.0, 120), (70.0, 120)]
    return {L: box.measure_rate(L, copies=1000, replicas=n, seed=31) for L, n in sizes}


@pytest.mark.ci
def test_the_rate_in_a_growing_box_tends_to_dois(rates):
    """The open question after del Razo 2024, eq. (37), at g = 1: well mixed is 40 % above."""
    for L, third in ((30.0, 0.04), (50.0, 0.015), (70.0, 0.015)):
        rate, expected = rates[L], box.expected_rate(L, 1000)
        assert rate.sem < 0.01 * box.DOI
        # Third particles, of which the theory of a pair does not know, make it faster.
        assert -4 * rate.sem < rate.k - expected < 4 * rate.sem + third * box.DOI
        assert box.WELL_MIXED - rate.k > 30 * rate.sem
    assert rates[30.0].k - box.DOI > 8 * rates[30.0].sem
    assert rates[30.0].k - rates[70.0].k > 4 * np.hypot(rates[30.0].sem, rates[70.0].sem)
    assert_allclose(box.expected_rate(70.0, 1000) / box.DOI, 1.0177, atol=5e-4)


def test_pairs_that_are_left_have_the_density_of_one_pair(rates):
    """Pairs within the radius, just beyond and far: g(r) of one pair at the same time.

    Third particles raise it by 4 % at most, as they raise the rate.
    """
    edges = np.array([0.0, 0.5, 1.0, 1.5, 2.5, 5.0, 10.0])
    cube = box.closed_box(30.0, 1000).domain
    found = pair_correlation(rates[30.0].positions, cube, edges, periodic=True)
    r = np.linspace(0, 10, 2001)[1:]
    bins = [(r > a) & (r <= b) for a, b in pairwise(edges)]
    dt, _, last = box.window(30.0, 1000)
    density = box.pair_density(r, last * dt)
    expected = np.array([np.average(density[k], weights=r[k] ** 2) for k in bins])
    error = found["g_sem"].values
    assert (found["g"] - expected > -4 * error).all()
    assert (found["g"] - expected < 4 * error + 0.04).all()
    assert float(found["g"][0]) < 0.85
    assert (error[1:] < 0.03).all()
    assert (error[3:] < 0.01).all()
