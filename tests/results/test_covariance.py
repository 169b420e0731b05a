"""Covariance of counts from replicas: Poisson, closed forms, a slow twin."""

import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from hybridrd.errors import ResultError
from hybridrd.results.correlations import covariance


def test_poisson_counts_have_none():
    rng = np.random.default_rng(81)
    mean = np.array([0.3, 2.0, 5.0, 40.0])
    n, m = rng.poisson(mean, (2000, 4)), rng.poisson(1.0, (2000, 4))
    for found in (covariance(n, volume=0.1), covariance(n, 0.1, partner=m)):
        assert (abs(found["covariance"]) < 4 * found["covariance_sem"]).all()
    expected = np.sqrt(np.multiply.outer(mean, mean) * (1 + np.eye(4)) / 2000) / 0.01
    assert_allclose(covariance(n, volume=0.1)["covariance_sem"], expected, rtol=0.15)


def test_copies_of_a_fixed_number():
    """n copies on cells with probabilities p: -n p_i p_j, the diagonal too."""
    rng = np.random.default_rng(91)
    p, n = np.array([0.2, 0.5, 0.3]), 6
    volume = np.array([0.1, 0.4, 0.2])
    found = covariance(rng.multinomial(n, p, size=4000), volume)
    expected = -n * np.outer(p, p) / np.outer(volume, volume)
    assert (abs(found["covariance"] - expected) < 4 * found["covariance_sem"]).all()
    assert (abs(expected) > 8 * found["covariance_sem"].values).all()


def test_numbers_of_a_common_random_intensity():
    """Poisson numbers of intensities a_i G, b_i G with one gamma number G: var(G) a_i b_j."""
    rng = np.random.default_rng(101)
    a, b = np.array([1.0, 3.0]), np.array([0.5, 2.0])
    gamma = rng.gamma(4.0, 0.25, size=(5000, 1))  # mean 1, variance 1/4
    n, m = rng.poisson(gamma * a), rng.poisson(gamma * b)
    for found, expected in (
        (covariance(n), np.outer(a, a) / 4),
        (covariance(n, partner=m), np.outer(a, b) / 4),
    ):
        assert (abs(found["covariance"] - expected) < 4 * found["covariance_sem"]).all()
        assert (found["covariance"] > 4 * found["covariance_sem"]).all()


def test_covariance_is_that_of_a_naive_twin():
    rng = np.random.default_rng(111)
    n, m = rng.poisson(3.0, (7, 3)).astype(float), rng.poisson(3.0, (7, 3)).astype(float)
    for partner in (None, m):
        found = covariance(n, 0.5, partner)
        other = n if partner is None else m
        for i, j in itertools.product(range(3), repeat=2):
            value = np.cov(n[:, i], other[:, j])[0, 1]
            own = (n[:, i] - n[:, i].mean()) * (other[:, j] - other[:, j].mean())
            if partner is None and i == j:
                value -= n[:, i].mean()
                own = own - n[:, i]
            assert_allclose(found["covariance"][i, j], value / 0.25)
            assert_allclose(found["covariance_sem"][i, j], own.std() / math.sqrt(6) / 0.25)


def test_covariance_error_is_the_spread_of_repeats():
    rng = np.random.default_rng(121)
    results = [covariance(rng.poisson([1.0, 4.0], (60, 2))) for _ in range(300)]
    spread = np.std([r["covariance"] for r in results], axis=0, ddof=1)
    stated = np.sqrt(np.mean([r["covariance_sem"] ** 2 for r in results], axis=0))
    assert_allclose(stated, spread, rtol=0.2)
    assert_array_equal(results[0]["covariance"], results[0]["covariance"].T)


def test_refusals():
    for counts, arguments, message in (
        (np.ones(3), {}, "must be"),
        (np.ones((2, 3)), {}, "three replicas"),
        (np.ones((5, 3)), {"partner": np.ones((5, 2))}, "the same"),
        (np.ones((5, 3)), {"volume": 0.0}, "positive volumes"),
    ):
        with pytest.raises(ResultError, match=message):
            covariance(counts, **arguments)
