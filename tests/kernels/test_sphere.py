"""Steps beside a sphere in closed form: against quadrature, theory and the boundary conditions."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from twins.naive_radial import INNER, OUTER, Shell, panels, propagator, stays

from hybridrd.kernels.sphere import absorption, distribution, quantile
from hybridrd.theory import smoluchowski

SPHERES = [(INNER, 1.0), (OUTER, 3.0)]
# Per length; 1/3 makes gamma of the outer sphere 0, 1/3 + 1e-4 nearly so.
REACTIVITIES = [0.0, 0.3, 1 / 3, 1 / 3 + 1e-4, 2.0, 50.0, 1e6, np.inf]
STEPS = [1e-5, 1e-3, 0.04]
DISTANCES = [0.0, 0.1, 1.0, 3.0, 6.0]  # in sd


def start(radius, side, distance, Dt):
    return radius + side * distance * math.sqrt(2 * Dt)


@pytest.mark.parametrize("reactivity", REACTIVITIES)
@pytest.mark.parametrize(("side", "radius"), SPHERES)
def test_survival_is_the_integral_of_the_propagator(side, radius, reactivity):
    for Dt, distance in itertools.product(STEPS, DISTANCES):
        r0 = start(radius, side, distance, Dt)
        lost = absorption(abs(r0 - radius), side * radius, reactivity, Dt)
        assert 1 - lost == pytest.approx(stays(r0, side, radius, reactivity, Dt), abs=2e-13)


@pytest.mark.parametrize("reactivity", REACTIVITIES)
@pytest.mark.parametrize(("side", "radius"), SPHERES)
def test_distribution_is_the_integral_of_the_propagator(side, radius, reactivity):
    for Dt, distance, end in itertools.product(STEPS, DISTANCES, (0.2, 1.0, 2.5)):
        sd = math.sqrt(2 * Dt)
        r0 = start(radius, side, distance, Dt)
        x0, x = distance * sd, max(0.2, distance + end - 1) * sd
        nodes, weights = panels(0.0, x, sd / 2)
        density = propagator(radius + side * nodes, r0, side, radius, reactivity, Dt)
        F, slope, bend = distribution(x, x0, side * radius, reactivity, Dt)
        assert pytest.approx(float(weights @ density), abs=2e-13) == F
        h = 1e-4 * sd
        ends = [distribution(x + d, x0, side * radius, reactivity, Dt)[1] for d in (h, -h)]
        # Differences of the density lose digits where it is a small part of its terms.
        assert bend * sd**2 == pytest.approx((ends[0] - ends[1]) / (2 * h) * sd**2, abs=1e-6)
        at_end = propagator(radius + side * x, r0, side, radius, reactivity, Dt)
        assert slope == pytest.approx(at_end, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("reactivity", [0.0, 2.0, 1e6, np.inf])
def test_survival_is_the_profile_of_a_uniform_start(reactivity):
    """Propagators are symmetric: what survives from r0 is c(r0, t) after c = 1."""
    kappa = 4 * math.pi * reactivity
    for t in (1e-3, 0.02, 0.5):
        r0 = 1 + np.array([0.01, 0.1, 0.5, 1.0])
        profile = smoluchowski.time_profile(r0, t, D=1.0, sigma=1.0, kappa=kappa)
        lost = [absorption(r - 1.0, 1.0, reactivity, t) for r in r0]
        np.testing.assert_allclose(1 - np.array(lost), profile, atol=1e-14)


@pytest.mark.parametrize(("side", "radius"), SPHERES)
def test_a_uniform_state_stays_so_beside_a_reflecting_sphere(side, radius):
    """``r² = integral of r0² p(r|r0) dr0``, which holds for one reflecting sphere only."""
    for Dt in (1e-3, 0.02):
        sd = math.sqrt(2 * Dt)
        for r in radius + side * sd * np.array([0.0, 0.5, 2.0]):
            r0, weights = panels(*sorted((radius, r + side * 9 * sd)), sd / 2)
            x, x0 = abs(r - radius), np.abs(r0 - radius)
            p = [distribution(x, a, side * radius, 0.0, Dt)[1] for a in x0]
            assert weights @ (r0**2 * p) == pytest.approx(r**2, rel=1e-12)


@pytest.mark.parametrize("reactivity", [0.0, 0.3, 50.0])
@pytest.mark.parametrize(("side", "radius"), SPHERES)
def test_the_propagator_meets_the_boundary_condition(side, radius, reactivity):
    """``dc/dx = reactivity c`` on the sphere, c = p/r², by a difference into the shell."""
    Dt, h = 0.01, 1e-4
    x0 = 0.08
    r = radius + side * h * np.arange(5)
    p = [distribution(k * h, x0, side * radius, reactivity, Dt)[1] for k in range(5)]
    c = np.array(p) / r**2
    slope = (-25 * c[0] + 48 * c[1] - 36 * c[2] + 16 * c[3] - 3 * c[4]) / (12 * h)
    assert slope == pytest.approx(reactivity * c[0], rel=1e-6, abs=1e-6 * c[0])


@pytest.mark.parametrize("reactivity", [0.0, 2.0, np.inf])
@pytest.mark.parametrize(("side", "radius"), SPHERES)
def test_quantile_inverts_the_distribution(side, radius, reactivity):
    Dt = 0.005
    s, sd = side * radius, math.sqrt(2 * Dt)
    for distance in (0.01, 0.5, 2.0, 6.0):
        x0 = distance * sd
        survival = 1 - absorption(x0, s, reactivity, Dt)
        for part in (1e-9, 0.01, 0.3, 0.5, 0.9, 0.999999):
            u = part * survival
            x = quantile(u, x0, s, reactivity, Dt)
            expected = brentq(
                lambda y, u=u, x0=x0: distribution(y, x0, s, reactivity, Dt)[0] - u,
                0.0,
                x0 + 10 * sd,
                xtol=1e-15,
            )
            found, slope, _ = distribution(x, x0, s, reactivity, Dt)
            # In the far tail a place is as good as the round-off of F allows.
            assert x == pytest.approx(expected, abs=1e-9 * sd + 1e-14 / slope)
            assert found == pytest.approx(u, abs=2e-12)


def test_extreme_numbers_still_give_a_place():
    for u in (2.0**-53, 1 - 2.0**-53):
        for x0 in (0.0, 0.1, 0.69):
            x = quantile(u, x0, 1.0, 0.0, 0.005)
            assert 0.0 <= x <= x0 + 0.9 + 1e-12


def test_far_from_the_sphere_a_step_is_free():
    """The free density of r is ``(r/r0) [G(r - r0) - G(r + r0)]``: the sphere is out of reach."""
    Dt, r0 = 0.005, 1.7
    sd = math.sqrt(2 * Dt)

    def free(r):
        z = np.array([r - r0, r + r0])
        g = np.exp(-(z**2) / (4 * Dt)) / math.sqrt(4 * math.pi * Dt)
        return r / r0 * (g[0] - g[1])

    for x in (0.5, 0.7, 0.9):
        below = quad(free, r0 - 9 * sd, 1 + x, epsabs=1e-13)[0]
        F, slope, _ = distribution(x, r0 - 1.0, 1.0, 3.0, Dt)
        assert pytest.approx(below, abs=1e-11) == F
        assert slope == pytest.approx(free(1 + x), rel=1e-9)


@pytest.mark.parametrize("dt", [0.00125, 0.02])
@pytest.mark.parametrize("kappa", [0.0, 2.0, 20.0, 1e6, np.inf])
def test_the_steady_flux_of_the_step_is_exact(kappa, dt):
    """The one-step operator, exact plane at R: no error of dt in J for any reactivity."""
    shell = Shell(1.0, 6.0, kappa / (4 * math.pi), dt)
    n = shell.steady()
    J = smoluchowski.rate(D=1.0, sigma=1.0, kappa=kappa, R=6.0)
    assert shell.absorbed_in_step(n) / dt == pytest.approx(J, rel=1e-10, abs=1e-9)
    c = smoluchowski.profile(shell.r, D=1.0, sigma=1.0, kappa=kappa, R=6.0)
    np.testing.assert_allclose(n / (4 * math.pi * shell.r**2), c, rtol=1e-9, atol=1e-10)
