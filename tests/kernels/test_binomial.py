"""Binomial numbers by address against the binomial law."""

import math

import numba
import numpy as np
import pytest
from scipy import stats

from hybridrd.kernels.binomial import binomial, binomial_numbers
from hybridrd.kernels.rng import ARRIVALS, make_key

KEY = make_key(4, 0)
N = 200_000
# The method changes where n min(p, 1 - p) = 10.
CASES = [
    (1, 0.3), (7, 0.5), (40, 0.01), (40, 0.97), (60, 0.16), (60, 0.17), (60, 0.84), (25, 0.5),
    (1000, 0.4), (10**6, 0.999), (10**9, 0.25),
]  # fmt: skip


@numba.njit
def many(n, p, size, key, step):
    out = np.empty(size, np.int64)
    for i in range(size):
        out[i] = binomial(n, p, key, np.uint64(i), step, ARRIVALS)
    return out


@pytest.mark.parametrize(("n", "p"), CASES)
def test_mean_and_variance(n, p):
    # 4.5 standard errors: a variance off by 1.5 % fails.
    numbers, variance = many(n, p, N, KEY, 1), n * p * (1 - p)
    assert ((numbers >= 0) & (numbers <= n)).all()
    assert abs(numbers.mean() - n * p) < 4.5 * math.sqrt(variance / N)
    fourth = 3 * variance**2 + variance * (1 - 6 * p * (1 - p))
    error = math.sqrt((fourth - variance**2) / N)
    assert abs(np.var(numbers, mean=n * p) - variance) < 4.5 * error


@pytest.mark.parametrize(("n", "p"), CASES[:-1])
def test_law(n, p):
    # Chi-square over about 20 equally likely classes at p = 1e-5: one class off by 5 % fails.
    numbers, law = many(n, p, N, KEY, 2), stats.binom(n, p)
    edges = np.unique(law.ppf(np.linspace(0, 1, 21)[1:-1]))
    edges = edges[edges < n]
    chance = np.diff(law.cdf(edges), prepend=0.0, append=1.0)
    counts = np.bincount(np.searchsorted(edges, numbers), minlength=len(chance))
    assert stats.chisquare(counts, N * chance).pvalue > 1e-5


@pytest.mark.parametrize(
    ("n", "p", "number"), [(0, 0.5, 0), (-3, 0.5, 0), (9, 0.0, 0), (9, 1.0, 9), (9, math.nan, 0)]
)
def test_certain_numbers(n, p, number):
    assert set(many(n, p, 50, KEY, 1)) == {number}


def test_contents_that_are_not_whole_keep_the_mean():
    # 3.25 is 3 or 4: 4.5 standard errors, 0.7 %; a content that is rounded down is 8 % low.
    contents, out = np.full(N, 3.25), np.zeros(N, np.int64)
    total = binomial_numbers(contents, 0.4, KEY, np.uint64(0), 7, ARRIVALS, out)
    assert total == out.sum()
    assert out.max() <= 4
    variance = 3.25 * 0.24 + 0.16 * 0.25 * 0.75
    assert abs(out.mean() - 1.3) < 4.5 * math.sqrt(variance / N)
    assert binomial_numbers(np.array([-2.5, 0.0]), 0.4, KEY, np.uint64(0), 7, ARRIVALS, out) == 0
