"""Closed-form diffusion: equations and walls by finite differences, contents by quadrature."""

import doctest
import math
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.special import jv

from hybridrd.errors import ModelError
from hybridrd.theory import _bounded, diffusion

D, L = 0.6, 2.5
HALF_LINES = {
    "reservoir": partial(diffusion.half_line_reservoir, D=D, c_R=4.0, c_0=1.5),
    "absorbing": partial(diffusion.half_line_absorbing, D=D, kappa=0.8, c_0=3.0),
    "influx": partial(diffusion.half_line_influx, D=D, J=2.0),
    "patch": partial(diffusion.patch_on_line, D=D, a=0.2, b=1.1, c=3.0),
}
INTERVALS = {
    "patch": partial(diffusion.patch_in_interval, D=D, L=L, a=0.4, b=1.1, c=3.0),
    "mode": partial(diffusion.cosine_mode, D=D, L=L, n=3, mean=4.0, amplitude=1.5),
    "reservoir": partial(diffusion.reservoir_interval, D=D, L=L, c_R=4.0, c_0=1.5),
}
ROUND = {
    2: partial(diffusion.disk_reservoir, D=D, R=L, c_R=4.0, c_0=1.5),
    3: partial(diffusion.ball_reservoir, D=D, R=L, c_R=4.0, c_0=1.5),
}
CHANGE = 0.1 * L**2 / D  # where images give way to modes


def slope(f, x, side=1, h=1e-4):
    """First derivative from one side, third order."""
    steps = np.array([0, 1, 2, 3]) * side * h + x
    return side * (np.array([-11, 18, -9, 2]) @ np.asarray(f(steps))) / (6 * h)


def assert_diffuses(c, x, t, d=1, h=3e-3):
    """dc/dt = D (c'' + (d - 1) c'/x), to the error of central differences."""
    tau = 1e-4 * t
    rate = (c(x, t + tau) - c(x, t - tau)) / (2 * tau)
    second = (c(x + h, t) - 2 * c(x, t) + c(x - h, t)) / h**2
    first = (c(x + h, t) - c(x - h, t)) / (2 * h)
    flow = D * (second + (d - 1) * first / x)
    assert np.abs(rate - flow).max() < 2e-4 * np.abs(D * second).max()


@pytest.mark.parametrize("module", [diffusion, _bounded])
def test_examples_in_docstrings_hold(module):
    result = doctest.testmod(module)
    assert result.attempted >= 5
    assert result.failed == 0


@pytest.mark.parametrize("name", HALF_LINES)
@pytest.mark.parametrize("t", [0.03, 0.5, 6.0])
def test_unbounded_solutions_diffuse(name, t):
    x = np.sqrt(D * t) * np.array([0.2, 0.7, 1.5, 3.0])
    assert_diffuses(HALF_LINES[name], x, t, h=1e-2 * math.sqrt(t))


@pytest.mark.parametrize("name", INTERVALS)
@pytest.mark.parametrize("t", [0.05, 0.3, 2.0])
def test_solutions_in_an_interval_diffuse(name, t):
    assert_diffuses(INTERVALS[name], np.linspace(0.05, L - 0.05, 11), t)


@pytest.mark.parametrize("d", ROUND)
@pytest.mark.parametrize("t", [0.05, 0.3, 2.0])
def test_solutions_in_a_disk_and_a_ball_diffuse(d, t):
    assert_diffuses(ROUND[d], np.linspace(0.05, L - 0.05, 11), t, d=d)


def test_half_line_at_its_wall():
    for t in (0.01, 0.4, 7.0):
        assert diffusion.half_line_reservoir(0.0, t, D, c_R=4.0, c_0=1.5) == 4.0

        def absorbing(x, t=t):
            return diffusion.half_line_absorbing(x, t, D, kappa=0.8, c_0=3.0)

        def influx(x, t=t):
            return diffusion.half_line_influx(x, t, D, J=2.0)

        assert_allclose(D * slope(absorbing, 0.0), 0.8 * absorbing(0.0), rtol=1e-7)
        assert_allclose(-D * slope(influx, 0.0), 2.0, rtol=1e-7)
        far = 30 * math.sqrt(D * t)
        assert_allclose([HALF_LINES["reservoir"](far, t), absorbing(far)], [1.5, 3.0])
        assert abs(influx(far)) < 1e-15


def test_half_line_contents():
    """Known uptakes: 2 c_R sqrt(D t/pi) from a reservoir, J t from an influx."""
    t = 0.8
    taken = quad(lambda x: float(diffusion.half_line_reservoir(x, t, D, c_R=4.0)), 0, 30, limit=200)
    assert_allclose(taken[0], 8 * math.sqrt(D * t / math.pi), rtol=1e-8)
    let_in = quad(lambda x: float(diffusion.half_line_influx(x, t, D, J=2.0)), 0, 30, limit=200)
    assert_allclose(let_in[0], 2 * t, rtol=1e-8)


def test_half_line_limits_of_the_wall():
    x, t = np.array([0.0, 0.4, 2.0]), np.array([[0.0], [0.3], [4.0]])
    assert_allclose(diffusion.half_line_absorbing(x, t, D, kappa=0.0, c_0=3.0), 3.0)
    absorbed = diffusion.half_line_absorbing(x, t, D, kappa=math.inf, c_0=3.0)
    assert_allclose(absorbed, diffusion.half_line_reservoir(x, t, D, c_R=0.0, c_0=3.0))
    fast = diffusion.half_line_absorbing(x, t, D, kappa=1e9, c_0=3.0)
    assert_allclose(fast[1:], absorbed[1:], atol=1e-8)
    assert_allclose(diffusion.half_line_influx(x, 0.0, D, J=2.0), 0)


def test_patch_on_line_spreads_as_a_gaussian_and_keeps_its_content():
    t = 0.7

    def c(x):
        return float(diffusion.patch_on_line(x, t, D, a=-0.5, b=1.5, c=3.0))

    assert_allclose(quad(c, -15, 15, limit=200)[0], 6.0, rtol=1e-9)
    second = quad(lambda x: (x - 0.5) ** 2 * c(x), -15, 15, limit=200)[0] / 6
    assert_allclose(second, 4 / 12 + 2 * D * t, rtol=1e-8)
    start = diffusion.patch_on_line([-0.6, -0.5, 0.0, 1.6], 0.0, D, a=-0.5, b=1.5, c=3.0)
    assert_allclose(start, [0, 1.5, 3, 0])


@pytest.mark.parametrize("t", [0.0, 1e-3, 0.2, 0.999 * CHANGE, 1.001 * CHANGE, 60.0])
def test_closed_interval_keeps_its_content(t):
    content = quad(
        lambda x: float(INTERVALS["patch"](x, t)), 0, L, points=[0.4, 1.1], epsabs=1e-10, limit=200
    )
    assert_allclose(content[0], 3 * 0.7, rtol=1e-8)
    mean = quad(lambda x: float(INTERVALS["mode"](x, t)), 0, L)[0] / L
    assert_allclose(mean, 4.0)


@pytest.mark.parametrize("t", [0.02, 0.3, 4.0])
def test_interval_at_its_walls(t):
    for name in ("patch", "mode"):
        walls = [
            slope(lambda x, c=INTERVALS[name]: c(x, t), x, side) for x, side in ((0, 1), (L, -1))
        ]
        assert_allclose(walls, 0, atol=1e-5)
    assert abs(slope(lambda x: INTERVALS["reservoir"](x, t), 0.0)) < 1e-6
    assert_allclose(INTERVALS["reservoir"](L, t), 4.0)
    for d in ROUND:
        assert_allclose(ROUND[d](L, t), 4.0)
        assert abs(slope(lambda r, c=ROUND[d]: c(r, t), 1e-9)) < 1e-6  # smooth at the centre


def test_images_and_modes_are_one_function():
    x = np.linspace(0, L, 13)
    for c in (INTERVALS["patch"], INTERVALS["reservoir"], ROUND[3]):
        before, after = c(x, CHANGE * (1 - 1e-13)), c(x, CHANGE * (1 + 1e-13))
        assert_allclose(before, after, atol=2e-11)


def test_start_and_end_of_the_interval():
    x = np.array([0.1, 0.5, 1.0, 1.2, 2.4])
    assert_allclose(INTERVALS["patch"](x, 0.0), [0, 3, 3, 0, 0])
    assert_allclose(INTERVALS["patch"](x, 200.0), 3 * 0.7 / L)
    assert_allclose(INTERVALS["mode"](x, 0.0), 4 + 1.5 * np.cos(3 * math.pi * x / L))
    assert_allclose(INTERVALS["mode"](x, 200.0), 4.0)
    at_wall = diffusion.patch_in_interval([0.0, L], 0.0, D, L, 0.0, 0.3)
    assert_allclose(at_wall, [1, 0])
    for c in (INTERVALS["reservoir"], *ROUND.values()):
        assert_allclose(c(x, 0.0), 1.5)
        assert_allclose(c(x[:2], 1e-3), 1.5, rtol=1e-9)
        assert_allclose(c(x, 200.0), 4.0)


@pytest.mark.parametrize("t", [0.05, 0.4, 3.0])
def test_interval_filled_from_a_reservoir_by_the_current_through_it(t):
    """d content/dt = D c'(L); and early the uptake of a half line."""

    def content(time):
        return quad(lambda x: float(INTERVALS["reservoir"](x, time)), 0, L, epsabs=1e-12)[0]

    h = 1e-3 * t
    gain = (content(t + h) - content(t - h)) / (2 * h)
    current = D * slope(lambda x: INTERVALS["reservoir"](x, t), L, -1)
    assert_allclose(gain, current, rtol=1e-4)
    if t < 0.1:
        assert_allclose(content(t) - 1.5 * L, 2 * 2.5 * math.sqrt(D * t / math.pi), rtol=1e-6)


def test_slowest_decays_of_disk_and_ball():
    """exp(-j01² D t/R²) and exp(-pi² D t/R²); j01 = 2.404826 is the first zero of J0."""
    assert abs(jv(0, 2.404825557695773)) < 1e-15
    t, later = 8.0, 11.0
    for d, root in ((2, 2.404825557695773), (3, math.pi)):
        left = 4.0 - np.array([ROUND[d](0.5, t), ROUND[d](0.5, later)])
        assert_allclose(math.log(left[0] / left[1]), root**2 * D * (later - t) / L**2, rtol=1e-6)


def test_round_domains_are_a_half_line_near_the_edge_early():
    t = 2e-4
    x = np.sqrt(D * t) * np.array([0.3, 1.0, 2.0])
    plane = diffusion.half_line_reservoir(x, t, D, c_R=4.0, c_0=1.5)
    for d in ROUND:  # the filled part is larger by (R/r)^((d - 1)/2) to first order
        near = 1.5 + (plane - 1.5) * (L / (L - x)) ** ((d - 1) / 2)
        assert_allclose(ROUND[d](L - x, t), near, rtol=1e-4)


def test_morphogen_gradient():
    """The canonical steady state of hybrid methods: influx, decay, a reflecting end."""
    k, J = 0.3, 5.0

    def c(x):
        return diffusion.morphogen_gradient(x, D, k, L, J)

    x, h = np.linspace(0.1, L - 0.1, 9), 1e-3
    assert_allclose(D * (c(x + h) - 2 * c(x) + c(x - h)) / h**2, k * c(x), rtol=1e-6)
    assert_allclose(-D * slope(c, 0.0), J, rtol=1e-8)
    assert_allclose(slope(c, L, -1), 0, atol=1e-7)
    assert_allclose(quad(lambda y: float(c(y)), 0, L)[0], J / k)
    q = math.sqrt(k / D)
    textbook = J / math.sqrt(D * k) * np.cosh(q * (L - x)) / math.sinh(q * L)
    assert_allclose(c(x), textbook, rtol=1e-13)
    long = diffusion.morphogen_gradient(x, D, k, 1e6, J)
    assert_allclose(long, J / math.sqrt(D * k) * np.exp(-q * x))


def test_fisher_front():
    r, k = 0.4, 0.02
    speed = diffusion.fisher_speed(r, D)
    # the linear front exp(-q (x - v t)) has v = D q + r/q, least at the selected speed
    q = np.linspace(0.01, 5, 200_001)
    assert_allclose((D * q + r / q).min(), speed, rtol=1e-8)
    plateau = diffusion.fisher_plateau(r, k)
    assert_allclose(r * plateau, k * plateau**2 / 2)


def test_positions_and_times_broadcast():
    x, t = np.linspace(0, 1, 4), np.array([[0.0], [0.5], [2.0]])
    for c in (*HALF_LINES.values(), *INTERVALS.values(), *ROUND.values()):
        both = c(x, t)
        assert both.shape == (3, 4)
        assert_allclose(both[1, 2], c(x[2], 0.5), rtol=1e-12)
        assert np.isfinite(both).all()


def test_bad_arguments_are_named():
    with pytest.raises(ModelError, match="times are not negative"):
        diffusion.patch_on_line(0.0, -1.0, D, 0.0, 1.0)
    with pytest.raises(ModelError, match=r"between 0 and 2.5"):
        diffusion.reservoir_interval([0.0, 2.6], 1.0, D, L, 1.0)
    with pytest.raises(ModelError, match=r"between 0 and inf"):
        diffusion.half_line_reservoir(-0.1, 1.0, D, 1.0)
    with pytest.raises(ModelError, match="D = 0"):
        diffusion.half_line_influx(0.1, 1.0, 0.0, 1.0)
    with pytest.raises(ModelError, match=r"a = 2 to b = 1 is empty"):
        diffusion.patch_on_line(0.0, 1.0, D, 2.0, 1.0)
    with pytest.raises(ModelError, match=r"a = 2 to b = 3 is not within 0 and L = 2.5"):
        diffusion.patch_in_interval(0.0, 1.0, D, L, 2.0, 3.0)
    with pytest.raises(ModelError, match=r"t = 1e-09: .* take t = 0 or t > 4.22e-05"):
        diffusion.disk_reservoir(0.0, 1e-9, D, L, 1.0)
