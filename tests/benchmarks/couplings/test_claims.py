"""Each scheme first shows a claim of its paper, or what linear theory makes of its rule."""

import numpy as np
import pytest
from scipy.special import ndtr

from hybridrd.interface.published import crossing_removal_ratio
from tests.benchmarks.couplings.auxiliary_region import AuxiliaryRegion
from tests.benchmarks.couplings.claims import ratio, seen
from tests.benchmarks.couplings.flux_matching import FluxMatching
from tests.benchmarks.couplings.ghost_cell import GhostCell
from tests.benchmarks.couplings.measures import measures, right_of
from tests.benchmarks.couplings.own import particles
from tests.benchmarks.couplings.pde_assisted import PDEAssisted
from tests.benchmarks.couplings.problems import CELLS, FRONT, PAIRS, H
from tests.benchmarks.couplings.two_regime import TwoRegime

pytestmark = [pytest.mark.validation, pytest.mark.ci]


@pytest.mark.parametrize(
    ("rule", "arrivals", "leaps"),
    [("explicit", "probability", 1), ("tau", "rate", 10), ("gillespie", "rate", 1)],
)
def test_reservoir_rules_miss_the_reservoir(rule, arrivals, leaps):
    """0.75 to 1.13 c_R, by the deterministic operator of a step."""
    for alpha in (0.1, 0.5):
        found = ratio(rule, alpha, 4)
        expected = crossing_removal_ratio(alpha, arrivals, leaps)
        assert abs(found.value - expected) < 4.5 * max(found.error, 0.0025)


def test_two_regime_method_wants_wide_compartments():
    """The region is 3 % short at h = sqrt(D dt), and by less than 1 % at five times that."""
    near, far = (seen(TwoRegime(), 1000, a, 80)["region, %"] for a in (1.0, 0.04))
    assert near.value < -2.0 - near.error
    assert abs(far.value) < 0.8 + 2 * far.error


def test_two_regime_method_fills_its_first_compartment():
    """It is high by sqrt(D dt/(pi h²)) to first order: what comes at a step leaves during it."""
    found = seen(TwoRegime(), 1000, 0.01, 20)["continuum cell, %"]
    assert abs(found.value - 100 * np.sqrt(0.01 / np.pi)) < 4.5 * found.error + 0.5
    assert found.error < 1.2


@pytest.mark.parametrize("alpha", [0.25, 1.0])
def test_ghost_cell_has_no_such_bias(alpha):
    for measure in ("region, %", "continuum cell, %"):
        found = seen(GhostCell(), 1000, alpha, 80)[measure]
        assert abs(found.value) < 4.5 * found.error
        assert found.error < 1.0


@pytest.mark.parametrize("width", [0.4, 1.0, 2.0])
def test_auxiliary_region_takes_any_width(width):
    found = seen(AuxiliaryRegion(width * H), 1000, 0.25, 80)["region, %"]
    assert abs(found.value) < 4.5 * found.error
    assert found.error < 0.4


@pytest.mark.parametrize("problem", [PAIRS, FRONT], ids=lambda p: p.name)
def test_shared_loop_reacts_as_hybridrd_does(problem):
    """Particles at a quarter of the step; births before all pairs would leave 5 and 10 % less."""
    alone = particles().run(problem, H**2 / 4, 300, 1)
    right = right_of(problem, alone.contents, one_way=False)
    run = GhostCell().run(problem, H**2, 600, 1)
    found = measures(run.contents, run.total, problem, right)["region, %"]
    assert abs(found.value) < 4.5 * found.error
    assert found.error < 1.3


def test_overlap_brings_variance_back():
    """Without one some 0.69 of the variance of the region is left, with eight cells 0.87."""
    none, wide = (seen(PDEAssisted(cells), 100, 0.5, 300)["variance, region"] for cells in (0, 8))
    assert wide.value - none.value > 3 * np.hypot(wide.error, none.error)
    assert none.value < 0.8
    mean = seen(PDEAssisted(8), 100, 0.5, 300)["region, %"]
    assert abs(mean.value) < 4.5 * mean.error


def variance_of_flux_matching(alpha, noise, parts=4):
    """Variance of the region over that of independent copies, from the linear map of one step.

    Particles are contents of fine bins, each source multinomial; a cell is filled with its content,
    rounded at random (variance 1/6), and each of these copies crosses by itself.
    """
    step, half, cells = np.sqrt(2 * alpha) * H, CELLS // 2, CELLS // 2
    edges, n = np.linspace(0, 0.5, parts * half + 1), parts * half

    def spread(a, b):
        """Share of a uniform slab that ends in each bin, reflected at 0."""
        ends = np.concatenate([-edges[::-1], edges[1:]])

        def integral(e, c):
            z = (e - c) / step
            return (e - c) * ndtr(z) + step * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)

        shares = np.diff((integral(ends, a) - integral(ends, b)) / (b - a))
        return shares[n:] + shares[:n][::-1]

    size = n + cells
    step_map, noise_of_step = np.zeros((size, size)), np.zeros((size, size))
    step_map[n:, n:] = np.eye(cells)
    for j in range(n):
        to = np.zeros(size)
        to[:n] = spread(edges[j], edges[j + 1])
        to[n] = 1 - to.sum()
        step_map[:, j] = to
        noise_of_step += (np.diag(to) - np.outer(to, to)) / parts
    for k in range(cells - 1):
        face = np.zeros(size)
        face[n + k : n + k + 2] = -1, 1
        step_map[:, n + k] += alpha * face
        step_map[:, n + k + 1] -= alpha * face
        noise_of_step += 2 * alpha * noise * np.outer(face, face)
    for k in range(cells):
        to = spread(0.5 + k * H, 0.5 + (k + 1) * H)
        debit = np.vstack([np.eye(n), np.zeros((cells, n))])
        debit[n] = -1
        step_map[:, n + k] += debit @ to
        moves = np.diag(to) - np.outer(to, to) + np.outer(to, to) / 6 / 50
        noise_of_step += debit @ moves @ debit.T
    covariance = noise_of_step
    for _ in range(16):  # 65,536 steps
        covariance = covariance + step_map @ covariance @ step_map.T
        step_map = step_map @ step_map
    return covariance[:n, :n].sum() / (0.25 * CELLS)


@pytest.mark.parametrize("noise", [False, True])
def test_noise_keeps_the_variance(noise):
    """1,000 copies, 50 a cell: 0.61 of the variance without noise, 0.98 with it."""
    found = seen(FluxMatching(noise), 1000, 0.25, 400)["variance, region"]
    expected = variance_of_flux_matching(0.25, noise)
    assert abs(found.value - expected) < 4.5 * found.error
    assert found.error < 0.04
    assert (expected > 0.95) == noise


def test_noise_at_few_copies_fills_the_region():
    """At 5 copies per cell contents fall below zero, in whose place no particles can be drawn."""
    few = seen(FluxMatching(noise=True), 100, 0.5, 400)["region, %"]
    assert few.value > 4 * few.error
    many = seen(FluxMatching(noise=True), 1000, 0.5, 60)["region, %"]
    assert abs(many.value) < 4 * many.error
