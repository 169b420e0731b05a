"""The delta functions of the reservoir, and the layer's rates as their discretisations."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from hybridrd.errors import ModelError
from hybridrd.interface import Layer, delta_eps, delta_prime_eps, rate_in, rate_out


@pytest.mark.parametrize("eps", [0.01, 0.3])
def test_delta_has_unit_mass_and_its_derivative(eps):
    h = eps / 1000
    x = h * (np.arange(-2000, 2000) + 0.5)  # midpoints of cells with edges at 0 and +-eps
    assert h * delta_eps(x, eps).sum() == pytest.approx(1.0, rel=1e-6)
    # acting on smooth functions: <delta, f> = f(0), <delta', f> = -f'(0), second order in eps
    f = np.sin(x + 0.4)
    assert h * delta_eps(x, eps) @ f == pytest.approx(math.sin(0.4), rel=eps**2 / 8)
    assert h * delta_prime_eps(x, eps) @ f == pytest.approx(-math.cos(0.4), rel=eps**2 / 8)
    # delta' is the derivative of delta, away from the corners
    middle = x[:-1] + np.diff(x) / 2
    smooth = (np.abs(np.abs(middle) - eps) > h) & (np.abs(middle) > h)
    difference = np.diff(delta_eps(x, eps)) / np.diff(x)
    np.testing.assert_allclose(
        difference[smooth], delta_prime_eps(middle, eps)[smooth], rtol=1e-6, atol=1e-6 / eps**2
    )


def test_rates_of_the_layer():
    x = np.array([0.5, 0.85, 0.95, 1.05, 1.5])
    np.testing.assert_allclose(rate_out(x, R=1.0, dx=0.2, D=3.0), [0, 75, 75, 0, 0])
    np.testing.assert_allclose(rate_in(x, R=1.0, dx=0.2, D=3.0, c_R=4.0), [0, 300, 300, 0, 0])
    c_R = np.arange(5.0)
    np.testing.assert_allclose(rate_in(x, 1.0, 0.2, 3.0, c_R), [0, 75, 150, 0, 0])


def test_rates_are_the_layers_exchange():
    """The removal and arrivals of a short step are dt times the rates (8) and (11)."""
    D, dt = 0.5, 1e-7
    face = Layer(width=0.1).numbers(D, dt, "wall", 0.1, 1.0, "A at x+")
    out = rate_out(0.95, R=1.0, dx=0.1, D=D)
    assert (1 - face.survival) / dt == pytest.approx(float(out), rel=1e-5)
    arriving = quad(lambda x: float(rate_in(x, 1.0, 0.1, D, 1.0)), 0.9, 1.0)[0]
    assert face.arrivals_per_area / dt == pytest.approx(arriving, rel=1e-5)


@pytest.mark.parametrize("eps", [0.0, -1.0, math.nan])
def test_delta_needs_a_width(eps):
    for call in (delta_eps, delta_prime_eps):
        with pytest.raises(ModelError, match="eps"):
            call(0.0, eps)
    with pytest.raises(ModelError, match="dx"):
        rate_out(0.0, 1.0, eps, 1.0)
