"""Smoluchowski's open system: equations and walls by finite differences, balances by quadrature."""

import doctest
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad

from hybridrd.errors import ModelError
from hybridrd.theory import smoluchowski as smol

D, SIGMA = 0.7, 1.3
K_S = 4 * math.pi * D * SIGMA
KAPPAS = (0.4, K_S, 90.0)
INF = math.inf


def slope(f, x, side, h=1e-4):
    """First derivative from one side, third order."""
    steps = np.array([0, 1, 2, 3]) * side * h + x
    return side * (np.array([-11, 18, -9, 2]) @ np.asarray(f(steps))) / (6 * h)


def radial_residual(c, r, t, h=2e-3, tau=1e-4):
    """dc/dt - D (c'' + 2 c'/r) and the size of its largest term."""
    rate = (c(r, t + tau) - c(r, t - tau)) / (2 * tau)
    second = (c(r + h, t) - 2 * c(r, t) + c(r - h, t)) / h**2
    first = (c(r + h, t) - c(r - h, t)) / (2 * h)
    return np.abs(rate - D * (second + 2 * first / r)).max(), np.abs(D * second).max()


def through_sphere(c, r, side=1):
    """Particles that go inwards through a sphere per time."""
    return 4 * math.pi * r**2 * D * slope(c, r, side)


def test_examples_in_docstrings_hold():
    result = doctest.testmod(smol)
    assert result.attempted >= 8
    assert result.failed == 0


def test_rate_of_the_contract_script():
    k = 4 * math.pi / (1 - 1 / 6)
    assert_allclose(smol.rate(D=1.0, sigma=1.0, kappa=20.0, R=6.0), 20 * k / (20 + k), rtol=1e-14)


def test_rate_limits():
    assert_allclose(smol.rate(D, SIGMA, INF), K_S)
    assert_allclose(smol.rate(D, SIGMA, 1e-9), 1e-9)
    assert_allclose(smol.rate(D, SIGMA, 1e13, 4.0), smol.rate(D, SIGMA, INF, 4.0))
    assert smol.rate(D, SIGMA, 0.0, 4.0) == 0
    thin = SIGMA * (1 + 1e-7)  # a plane slab: D area/width
    area = 4 * math.pi * SIGMA**2
    assert_allclose(smol.rate(D, SIGMA, INF, thin), D * area / (thin - SIGMA), rtol=1e-6)


@pytest.mark.parametrize("kappa", KAPPAS)
@pytest.mark.parametrize("R", [4.0, INF])
def test_steady_profile_is_a_constant_current_that_reacts(kappa, R):
    def c(r):
        return smol.profile(r, D, SIGMA, kappa, R, c_R=5.0)

    current = 5 * smol.rate(D, SIGMA, kappa, R)
    assert_allclose([through_sphere(c, r) for r in (SIGMA, 2.0, 3.5)], current, rtol=1e-7)
    assert_allclose(kappa * c(SIGMA), current)
    assert_allclose(c(R if R < INF else 1e9), 5.0, rtol=1e-8)


def test_absorbing_and_reflecting_profiles():
    assert_allclose(smol.profile(SIGMA, D, SIGMA, INF, 4.0), 0, atol=1e-15)
    assert_allclose(smol.profile([SIGMA, 2, 4], D, SIGMA, 0.0, 4.0, c_R=3.0), 3.0)


@pytest.mark.parametrize("kappa", [*KAPPAS, INF])
def test_both_rates_converge_in_R_with_their_own_first_order(kappa):
    """del Razo 2024, after eq. (37): the reservoir and the closed shell agree as R -> inf."""
    k_D = smol.rate(D, SIGMA, kappa)
    R = np.array([1e3, 1e4]) * SIGMA
    for function, constant in ((smol.rate, 1.0), (smol.mfpt_rate, 1.8)):
        excess = np.array([function(D, SIGMA, kappa, x) / k_D - 1 for x in R])
        assert_allclose(excess * R / SIGMA, constant * k_D / K_S, rtol=5e-3)
    assert round(smol.mfpt_rate(1.0, 1.0, INF, 100.0) / (4 * math.pi), 4) == 1.0183
    assert round(smol.rate(1.0, 1.0, INF, 100.0) / (4 * math.pi), 4) == 1.0101


@pytest.mark.parametrize("kappa", [*KAPPAS, INF])
def test_infinite_space_solves_the_equation(kappa):
    def c(r, t):
        return smol.time_profile(r, t, D, SIGMA, kappa, c_R=2.0)

    for t in (0.05, 1.0, 20.0):
        r = SIGMA + np.sqrt(D * t) * np.array([0.3, 1.0, 2.0])
        error, scale = radial_residual(c, r, t, h=2e-3 * np.sqrt(t), tau=1e-3 * t)
        assert error < 2e-5 * scale


@pytest.mark.parametrize("kappa", KAPPAS)
def test_infinite_space_meets_its_conditions(kappa):
    for t in (0.01, 0.5, 30.0):

        def c(r, t=t):
            return smol.time_profile(r, t, D, SIGMA, kappa, c_R=2.0)

        assert_allclose(through_sphere(c, SIGMA), kappa * c(SIGMA), rtol=1e-6)
        assert_allclose(c(SIGMA + 20 * math.sqrt(D * t)), 2.0, rtol=1e-12)
    r = np.array([SIGMA, 2.0, 7.0])
    start = smol.time_profile(r, 0.0, D, SIGMA, kappa, c_R=2.0)
    assert_allclose(start, 2.0)
    end = smol.time_profile(r, 1e12, D, SIGMA, kappa, c_R=2.0)
    assert_allclose(end, smol.profile(r, D, SIGMA, kappa, c_R=2.0), rtol=1e-5)


def test_absorbing_sphere_is_the_limit_of_fast_reaction():
    r, t = np.array([SIGMA, 1.5, 3.0]), np.array([[0.0], [0.2], [5.0]])
    limit = smol.time_profile(r, t, D, SIGMA, INF)
    assert limit.shape == (3, 3)
    assert_allclose(limit[1:, 0], 0, atol=1e-15)
    assert_allclose(smol.time_profile(r, t, D, SIGMA, 1e9)[1:], limit[1:], atol=1e-6)
    later = smol.collins_kimball(t[1:], D, SIGMA, INF)
    assert_allclose(smol.collins_kimball(t[1:], D, SIGMA, 1e9), later, rtol=1e-6)
    assert smol.collins_kimball(0.0, D, SIGMA, INF) == INF


@pytest.mark.parametrize("kappa", [*KAPPAS, INF])
def test_collins_kimball_is_the_current_of_the_profile(kappa):
    for t in (0.02, 0.4, 9.0):

        def c(r, t=t):
            return smol.time_profile(r, t, D, SIGMA, kappa)

        assert_allclose(
            smol.collins_kimball(t, D, SIGMA, kappa), through_sphere(c, SIGMA), rtol=1e-6
        )


@pytest.mark.parametrize("kappa", [*KAPPAS, INF])
def test_collins_kimball_counts_what_is_missing(kappa):
    t = 2.0
    # integrated over sqrt(t), in which the absorbing sphere's rate is regular
    reacted = quad(
        lambda s: 2 * s * float(smol.collins_kimball(s * s, D, SIGMA, kappa)), 1e-9, math.sqrt(t)
    )[0]
    missing = quad(
        lambda r: 4 * math.pi * r**2 * float(1 - smol.time_profile(r, t, D, SIGMA, kappa)),
        SIGMA,
        SIGMA + 10 * math.sqrt(D * t),
        epsabs=1e-9,
    )[0]
    assert_allclose(reacted, missing, rtol=1e-6)


def test_collins_kimball_limits():
    assert_allclose(smol.collins_kimball(0.0, D, SIGMA, 5.0), 5.0)
    assert_allclose(smol.collins_kimball(1e14, D, SIGMA, 5.0), smol.rate(D, SIGMA, 5.0), rtol=1e-6)
    assert_allclose(smol.collins_kimball([0.0, 3.0], D, SIGMA, 0.0), 0)


@pytest.mark.parametrize("kappa", [0.0, *KAPPAS, INF])
@pytest.mark.parametrize("c_0", [0.0, 2.0, 7.0])
def test_shell_solves_the_equation_between_its_walls(kappa, c_0):
    R = 3.0

    def c(r, t):
        return smol.shell_profile(r, t, D, SIGMA, kappa, R, c_R=2.0, c_0=c_0)

    for t in (0.02, 0.3, 2.0):
        r = np.linspace(SIGMA + 0.05, R - 0.05, 9)
        error, _ = radial_residual(c, r, t, tau=1e-3 * t)
        assert error < 2e-4 * max(np.abs(c(r, t) - 2.0).max(), 1.0) / t

        def now(r, t=t):
            return c(r, t)

        assert_allclose(now(R), 2.0)
        if kappa < INF:
            scale = 4 * math.pi * SIGMA**2 * D
            assert abs(through_sphere(now, SIGMA) - kappa * now(SIGMA)) < 1e-6 * scale
        else:
            assert abs(now(SIGMA)) < 1e-12


@pytest.mark.parametrize("kappa", [*KAPPAS, INF])
def test_shell_starts_uniform_and_ends_steady(kappa):
    r = np.linspace(SIGMA, 3.0, 7)

    def c(r, t):
        return smol.shell_profile(r, t, D, SIGMA, kappa, 3.0, c_R=2.0, c_0=0.5)

    assert_allclose(c(r, 0.0), 0.5)
    assert_allclose(c(r[2:-2], 1e-3), 0.5, rtol=1e-10)  # no wall has been felt
    assert_allclose(c(r, 200.0), smol.profile(r, D, SIGMA, kappa, 3.0, 2.0), atol=1e-12)
    both = c(r[:, None], np.array([0.0, 0.1]))
    assert_allclose(both, np.stack([c(r, 0.0), c(r, 0.1)], axis=1))


@pytest.mark.parametrize("kappa", [*KAPPAS, INF])
def test_shell_is_infinite_space_before_the_reservoir_is_felt(kappa):
    r, t = np.linspace(SIGMA, 3.0, 9), np.array([[1e-3], [0.02], [0.3]])
    shell = smol.shell_profile(r, t, D, SIGMA, kappa, 9.0, c_R=2.0)
    assert_allclose(shell, smol.time_profile(r, t, D, SIGMA, kappa, c_R=2.0), atol=1e-11)


@pytest.mark.parametrize("kappa", KAPPAS)
def test_passage_time_solves_the_backward_equation(kappa):
    R = 4.0

    def T(r):
        return smol.mean_first_passage(r, D, SIGMA, kappa, R)

    h = 1e-3
    r = np.linspace(SIGMA + 0.1, R - 0.1, 7)
    second = (T(r + h) - 2 * T(r) + T(r - h)) / h**2
    first = (T(r + h) - T(r - h)) / (2 * h)
    assert_allclose(D * (second + 2 * first / r), -1, atol=1e-5)
    assert abs(slope(T, R, -1)) < 1e-6
    assert_allclose(through_sphere(T, SIGMA), kappa * T(SIGMA), rtol=1e-6)


@pytest.mark.parametrize("kappa", [*KAPPAS, INF])
def test_uniform_start_averages_the_passage_time_over_the_shell(kappa):
    R = 4.0
    volume = 4 * math.pi / 3 * (R**3 - SIGMA**3)
    mean = quad(
        lambda r: (
            4 * math.pi * r**2 * float(smol.mean_first_passage(r, D, SIGMA, kappa, R)) / volume
        ),
        SIGMA,
        R,
    )[0]
    assert_allclose(smol.mfpt_rate(D, SIGMA, kappa, R), volume / mean, rtol=1e-10)
    from_R = smol.mfpt_rate(D, SIGMA, kappa, R, r0=R)
    assert_allclose(from_R * smol.mean_first_passage(R, D, SIGMA, kappa, R), volume)


def test_passage_time_limits():
    assert smol.mean_first_passage(SIGMA, D, SIGMA, INF, 4.0) == 0
    assert smol.mean_first_passage(2.0, D, SIGMA, 0.0, 4.0) == INF
    assert smol.mfpt_rate(D, SIGMA, 0.0, 4.0) == 0
    assert smol.mfpt_rate(D, SIGMA, INF, 4.0, r0=SIGMA) == INF
    assert_allclose(smol.mfpt_rate(D, SIGMA, 1e-9, 4.0), 1e-9)  # well mixed: kappa


def test_bad_arguments_are_named():
    with pytest.raises(ModelError, match=r"R = 1 is not beyond the reactive sphere, sigma = 1.3"):
        smol.rate(D, SIGMA, 1.0, 1.0)
    with pytest.raises(ModelError, match=r"kappa = -1"):
        smol.rate(D, SIGMA, -1.0)
    with pytest.raises(ModelError, match=r"D = 0"):
        smol.rate_k_S(0.0, SIGMA)
    with pytest.raises(ModelError, match=r"between sigma = 1.3 and R = 4"):
        smol.profile([1.5, 4.2], D, SIGMA, 1.0, 4.0)
    with pytest.raises(ModelError, match=r"times are not negative"):
        smol.time_profile(2.0, -1.0, D, SIGMA, 1.0)
    with pytest.raises(ModelError, match=r"t = 1e-12: the series .* take t = 0 or t > 4.18e-08"):
        smol.shell_profile(2.0, 1e-12, D, SIGMA, 1.0, 3.0)
    with pytest.raises(ModelError, match=r"R = inf"):
        smol.mean_first_passage(2.0, D, SIGMA, 1.0, INF)
