"""Doi's volumes, rates and pair rule against quadrature, series and a spectral twin."""

import doctest
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad, solve_ivp
from scipy.special import zeta

import hybridrd.model.doi
import hybridrd.theory.doi
from hybridrd.errors import ModelError, StepError
from hybridrd.theory import doi

DIMENSIONS = (1, 2, 3)
SURFACE = {1: 2.0, 2: 2 * math.pi, 3: 4 * math.pi}  # of the unit ball
# tau*/dt to the printed digits, by D dt/sigma²
TABLE = {
    1: {0.01: 0.4883, 0.1: 0.4629, 1: 0.3810, 10: 0.2016, 80: 0.0841},
    2: {0.01: 0.4766, 0.1: 0.4260, 1: 0.2723, 10: 0.0769, 80: 0.0160},
    3: {0.001: 0.4889, 0.01: 0.4648, 0.1: 0.3896, 1: 0.1863, 10: 0.0323},
}


@pytest.mark.parametrize("module", [hybridrd.model.doi, hybridrd.theory.doi])
def test_examples_in_docstrings_hold(module):
    result = doctest.testmod(module)
    assert result.attempted >= 2
    assert result.failed == 0


@pytest.mark.parametrize(("d", "unit"), [(1, 2.0), (2, 3.14159265), (3, 4.18879020)])
def test_volume_and_the_two_rates(d, unit):
    assert_allclose(doi.reactive_volume(0.3, d), unit * 0.3**d, rtol=1e-8)
    assert_allclose(doi.macroscopic_rate(7.0, 0.3, d), 7 * unit * 0.3**d, rtol=1e-8)
    assert_allclose(doi.microscopic_rate(doi.macroscopic_rate(7.0, 0.3, d), 0.3, d), 7.0)


def section(angle, d):
    """Cut through a unit ball at distance cos(angle) from its centre, times d cos(angle)."""
    return {1: 1.0, 2: 2 * math.sin(angle), 3: math.pi * math.sin(angle) ** 2}[d] * math.sin(angle)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_cap_is_the_integral_of_sections(d):
    sigma = 0.4
    for depth in (-0.39, -0.1, 0.0, 0.05, 0.27, 0.399):
        expected = quad(section, 0, math.acos(depth / sigma), args=(d,))[0] * sigma**d
        assert_allclose(doi.cap_volume(depth, sigma, d), expected, rtol=1e-8, atol=1e-12)
    far = doi.cap_volume([0.4, 2.0, -0.4, -3.0], sigma, d)
    assert_allclose(far, np.array([0, 0, 1, 1]) * doi.reactive_volume(sigma, d), atol=1e-15)


@pytest.mark.parametrize(("d", "share"), [(1, 1 / 4), (2, 2 / (3 * math.pi)), (3, 3 / 16)])
def test_mean_cap_is_the_known_share_of_the_ball(d, share):
    mean = quad(lambda x: float(doi.cap_volume(x, 1.0, d)), 0, 1)[0]
    assert_allclose(mean / doi.reactive_volume(1.0, d), share, rtol=1e-9)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_overlap_is_normalised_and_one_at_contact(d):
    """Two indicator functions convolved: the overlap volume integrates to V²."""
    s = 0.7
    whole = quad(
        lambda r: float(doi.overlap_fraction(r, s, d)) * SURFACE[d] * r ** (d - 1), 0, 2 * s
    )
    assert_allclose(whole[0], doi.reactive_volume(s, d), rtol=1e-9)
    assert_allclose(doi.overlap_fraction([0, 2 * s, 5 * s], s, d), [1, 0, 0], atol=1e-15)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_stay_probability_is_the_overlap_averaged_over_a_gaussian_move(d):
    for T in (1e-3, 0.02, 0.3, 1.0, 9.0, 11.0, 400.0):  # 2D changes to a series at T = 10

        def integrand(r, T=T):
            move = (
                SURFACE[d]
                * r ** (d - 1)
                * math.exp(-r * r / (4 * T))
                / (4 * math.pi * T) ** (d / 2)
            )
            return float(doi.overlap_fraction(r, 1.0, d)) * move

        expected = quad(integrand, 0, min(2, 20 * math.sqrt(T)), epsabs=1e-13, epsrel=1e-11)[0]
        assert_allclose(doi.stay_probability(T, d), expected, rtol=1e-9)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_stay_probability_limits(d):
    assert doi.stay_probability(0.0, d) == 1
    early, late = 1e-10, 1e8
    assert_allclose(1 - doi.stay_probability(early, d), d * math.sqrt(early / math.pi), rtol=1e-4)
    spread = doi.reactive_volume(1.0, d) / (4 * math.pi * late) ** (d / 2)
    assert_allclose(doi.stay_probability(late, d), spread, rtol=1e-7)


@pytest.mark.parametrize(("d", "step"), [(d, step) for d in DIMENSIONS for step in TABLE[d]])
def test_trial_time_table(d, step):
    assert abs(doi.trial_time(step, d) - TABLE[d][step]) < 5.1e-5


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("step", [0.003, 0.5, 30.0])
def test_trial_time_is_its_definition_cut_off_late(d, step):
    """The definition misses P'(T)/12 at T = N dt: below 1e-6 here."""
    last = 6000
    area = 0.0
    for a, b in ((0, 1), (1, 30), (30, 600), (600, last)):
        area += quad(lambda n: float(doi.stay_probability(n * step, d)), a, b, epsabs=1e-9)[0]
    trials = doi.stay_probability(step * np.arange(1, last + 1), d)
    defined = area - trials[:-1].sum() - trials[-1] / 2
    assert abs(doi.trial_time(step, d) - defined) < 1e-6


@pytest.mark.parametrize("d", DIMENSIONS)
def test_trial_time_limits(d):
    assert doi.trial_time(0.0, d) == 0.5
    step = 1e-9  # sqrt(n) summed by the trapezoidal rule misses zeta(-1/2)
    gap = 0.2078862250 * d * math.sqrt(step / math.pi)
    assert_allclose(0.5 - doi.trial_time(step, d), gap, rtol=1e-4)


def test_trial_time_at_large_steps():
    step = 1e8
    assert_allclose(doi.trial_time(step, 1), 1.4603545 / math.sqrt(math.pi * step), rtol=2e-4)
    # in three dimensions the mean time within reach is 2/5 sigma²/D
    tail = float(zeta(1.5)) / (6 * math.sqrt(math.pi) * step**1.5)
    assert_allclose(doi.trial_time(step, 3), 0.4 / step - tail, rtol=1e-9)


def test_pair_probability_of_the_published_epidemic():
    lambda0 = doi.microscopic_rate(0.015, 0.01, 2)
    p, half = doi.pair_probability(lambda0, 0.005, 1.6, 0.01, 2)
    assert_allclose(p, 0.23873 / (1 + 0.23873 * 0.0160), rtol=2e-5)
    assert_allclose((1 - half) ** 2, 1 - p)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_pair_probability_limits(d):
    assert doi.pair_probability(0.0, 1.0, 1.0, 1.0, d) == (0, 0)
    fast, _ = doi.pair_probability(1e-6, 1e5, 1e6, 1.0, d)  # partners never meet twice
    assert_allclose(fast, 0.1, rtol=1e-5)
    still, half = doi.pair_probability(2.0, 0.5, 0.0, 1.0, d)
    assert_allclose([still, half], [1 - math.exp(-1), 1 - math.exp(-0.5)])
    slow, _ = doi.pair_probability(1e-3, 1.0, 1e-12, 1.0, d)  # agree to third order
    assert_allclose(slow, 1 - math.exp(-1e-3), rtol=1e-6)


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("D", [1e-6, 0.2, 50.0])
def test_too_large_a_step_is_refused_and_the_largest_named(d, D):
    with pytest.raises(
        StepError, match=r"lambda0 = 3 .*dt = 4.*sigma = 0.5.*p = .*dt <= "
    ) as error:
        doi.pair_probability(3.0, 4.0, D, 0.5, d)
    largest = float(str(error.value).split("dt <= ")[1])
    assert doi.pair_probability(3.0, largest * 0.999, D, 0.5, d)[0] == pytest.approx(1, abs=2e-3)
    with pytest.raises(StepError):
        doi.pair_probability(3.0, largest * 1.001, D, 0.5, d)


@pytest.mark.parametrize(("lambda0", "D"), [(0.2, 0.7), (6.0, 0.7), (300.0, 0.7), (1e-4, 5.0)])
def test_doi_rate_by_shooting(lambda0, D):
    """w = r u: w'' = lambda0/D w inside sigma, a straight line A r - B outside, k = 4 pi D B/A."""
    sigma = 1.3
    path = solve_ivp(
        lambda _, w: [w[1], lambda0 / D * w[0]], (0, sigma), [0, 1], rtol=1e-11, atol=1e-14
    )
    w, slope = path.y[:, -1]
    k = 4 * math.pi * D * (slope * sigma - w) / slope
    assert_allclose(doi.doi_rate_3d(lambda0, D, sigma), k, rtol=1e-6)


def test_doi_rate_limits_and_inverse():
    assert_allclose(doi.doi_rate_3d(math.inf, 2.0, 0.5), 4 * math.pi)
    assert_allclose(doi.doi_rate_3d(1e-9, 2.0, 0.5), doi.macroscopic_rate(1e-9, 0.5, 3), rtol=1e-9)
    below, above = (doi.doi_rate_3d(8.0 * (1 + e), 2.0, 0.5) for e in (-1e-13, 1e-13))
    assert_allclose(below, above, rtol=1e-12)  # g = 1, where the formula changes
    for share in (1e-12, 1e-3, 0.5, 0.99, 1 - 1e-9):
        k = share * 4 * math.pi
        assert_allclose(doi.doi_rate_3d(doi.lambda0_for_rate_3d(k, 2.0, 0.5), 2.0, 0.5), k)
    assert doi.lambda0_for_rate_3d(0.0, 1.0, 1.0) == 0
    with pytest.raises(ModelError, match=r"limit 4 pi D sigma = 12.56.*sigma > 0.5013"):
        doi.lambda0_for_rate_3d(12.6, 2.0, 0.5)


def cases(largest):
    """(lambda0, step) with lambda0 dt up to ``largest`` and p <= 1, sigma = D = 1."""
    for step in (0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0):
        bound = 1 / (1 - doi.trial_time(step, 3))
        for product in (0.05, 0.1, 0.2, 0.3, 0.6, 1.0, 0.999 * bound):
            if product <= min(largest, bound):
                yield product / step, step


def test_pair_rule_has_the_rate_of_doi():
    errors = [
        doi.effective_rate(a, dt, 1, 1) / doi.doi_rate_3d(a, 1, 1) - 1 for a, dt in cases(0.3)
    ]
    assert len(errors) == 28
    assert max(np.abs(errors)) < 0.0032


def test_pair_rule_is_within_two_percent_wherever_it_is_a_probability():
    errors = [doi.effective_rate(a, dt, 1, 1) / doi.doi_rate_3d(a, 1, 1) - 1 for a, dt in cases(9)]
    assert -0.0182 < min(errors) < -0.0170
    assert max(errors) < 1e-6


def test_plain_exponential_does_not_have_the_rate_of_doi():
    def ratio(p, step):
        return doi.effective_rate(0, step, 1, 1, p=p) / doi.doi_rate_3d(1 / step, 1, 1)

    assert ratio(1 - math.exp(-1), 10.0) < 0.66
    assert ratio(1 - math.exp(-1), 1.0) < 0.80
    assert ratio(1.0, 0.3) > 1.10  # nor has lambda0 dt


@pytest.mark.parametrize(("step", "p"), [(0.1, 0.42), (1.0, 0.9)])
def test_effective_rate_against_a_spectral_twin(step, p):
    """Visits in Fourier space, 1/(exp(D k² dt) - 1), by the midpoint rule."""
    k = (np.arange(6000) + 0.5) * 0.05 / 6 / math.sqrt(step)
    k = k[step * k**2 < 40]
    nodes, weights = np.polynomial.legendre.leggauss(40)
    r, weights = (nodes + 1) / 2, weights / 2
    waves = np.sin(np.outer(r, k)) / np.sqrt(np.expm1(step * k**2))
    kernel = 2 / math.pi * (k[1] - k[0]) * waves @ waves.T
    w = np.linalg.solve(np.eye(r.size) + p * kernel * weights, r)
    twin = p / step * 4 * math.pi * np.sum(weights * r * w)
    assert_allclose(doi.effective_rate(0, step, 1, 1, p=p), twin, rtol=1e-9)


def test_effective_rate_scales_as_volume_over_time():
    one = doi.effective_rate(2.0, 0.2, 1.0, 1.0)
    length, time = 0.3, 7.0
    other = doi.effective_rate(2.0 / time, 0.2 * time, length**2 / time, length)
    assert_allclose(other, one * length**3 / time)


def test_bad_arguments_are_named():
    with pytest.raises(ModelError, match="dimension = 4"):
        doi.stay_probability(1.0, 4)
    with pytest.raises(ModelError, match="dimension = 0"):
        doi.trial_time(1.0, 0)
    with pytest.raises(ModelError, match="sigma = 0"):
        doi.pair_probability(1.0, 0.1, 1.0, 0.0, 3)
    with pytest.raises(ModelError, match="lambda0 = -1"):
        doi.macroscopic_rate(-1.0, 1.0, 3)
    with pytest.raises(ModelError, match="times are not negative"):
        doi.stay_probability([1.0, -1.0], 2)
    with pytest.raises(ModelError, match=r"p = 1.5"):
        doi.effective_rate(1.0, 0.1, 1.0, 1.0, p=1.5)
    with pytest.raises(StepError, match=r"D dt/sigma² = 1e-05"):
        doi.effective_rate(1.0, 1e-5, 1.0, 1.0)
