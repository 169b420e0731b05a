"""Pairs to 1 %: rates at any step, reactions through the plane, equilibrium constants."""

import numpy as np
import pytest
from coupling.test_reservoir_pairs import density
from reactions.test_pair_rates import box_rate, measured_rate
from reactions.test_reversible import equilibrium

pytestmark = [
    pytest.mark.validation,
    pytest.mark.filterwarnings("ignore::hybridrd.errors.AccuracyWarning"),
]


@pytest.mark.parametrize(
    ("step", "side", "n", "warm", "steps"),
    [
        (0.001, 4.0, 100000, 2000, 3000),
        (0.01, 4.0, 60000, 300, 1000),
        (0.1, 5.0, 60000, 60, 700),
        (1.0, 8.0, 60000, 15, 900),
        (10.0, 20.0, 200000, 5, 2200),
    ],
)
def test_rate_in_three_dimensions(step, side, n, warm, steps):
    lambda0 = 0.3 / step
    seen, error = measured_rate(lambda0, step, side, 3, n, warm, steps)
    assert error < 4e-3
    assert abs(seen / box_rate(lambda0, side, 3) - 1) < 0.01


@pytest.mark.parametrize(
    ("step", "side", "n", "warm", "steps"),
    [
        (0.001, 5.0, 60000, 2000, 3000),
        (0.01, 5.0, 60000, 400, 1000),
        (0.1, 5.0, 60000, 60, 300),
        (1.0, 8.0, 60000, 15, 500),
        (10.0, 20.0, 100000, 5, 600),
        (80.0, 50.0, 200000, 5, 1200),
    ],
)
def test_rate_in_two_dimensions(step, side, n, warm, steps):
    lambda0 = 0.3 / step
    seen, error = measured_rate(lambda0, step, side, 2, n, warm, steps)
    assert error < 4e-3
    assert abs(seen / box_rate(lambda0, side, 2) - 1) < 0.01


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.8])
def test_rate_at_other_probabilities_and_with_both_moving(rate):
    lambda0 = rate / 0.1
    seen, error = measured_rate(lambda0, 0.1, 5.0, 3, 60000, 60, round(100 / rate) + 300, DB=0.4)
    exact = box_rate(lambda0, 5.0, 3)
    assert error < 5e-3
    # up to 1.8 % low at the largest probabilities, which the run warns of
    assert abs(seen / exact - 1) < (0.01 if rate < 0.38 else 0.02) + error


@pytest.mark.ci
@pytest.mark.parametrize("kind", ["wall", "mean-field", "two-way"])
def test_reaction_is_flat_through_the_plane(kind):
    """Last half radius below the plane over the part that no wall is near."""
    seen, error, beyond = density(kind, 2, 200.0, 100.0, 150)
    volume = np.array([0.25, 0.25, 0.25, 0.125, 0.0625, 0.0625])
    near = (seen * volume)[-2:].sum() / volume[-2:].sum()
    inner = (seen * volume)[1:4].sum() / volume[1:4].sum()
    se = np.hypot(error[-1], error[1]) / np.sqrt(2)
    assert se < 4e-3
    assert abs(near / inner - 1) < 0.01 + se
    assert abs(inner - 1) < 0.01
    assert abs(beyond - 1) < 0.01


@pytest.mark.parametrize("like", [False, True], ids=["A+B", "2A"])
@pytest.mark.parametrize(("rate", "share"), [(0.05, 0.04), (0.3, 0.04), (0.8, 0.01)])
@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_equilibrium_constant_within_one_percent(dimension, rate, share, like):
    # On a line density evens out slowly, and twenty batches are not quite independent.
    steps = 12000 if rate == 0.3 and dimension > 1 else 30000
    value, error = equilibrium(dimension, like, rate, 1.0, steps, share=share)
    assert error < (0.012 if dimension > 1 else 0.02)
    assert abs(value - 1) < 0.01 + 2 * error
