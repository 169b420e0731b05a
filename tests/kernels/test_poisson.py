"""Poisson numbers by address against the Poisson law."""

import math

import numba
import numpy as np
import pytest
from scipy import stats

from hybridrd.kernels.poisson import poisson, poisson_numbers
from hybridrd.kernels.rng import ARRIVALS, make_key

KEY = make_key(3, 0)
N = 200_000
MEANS = [0.01, 0.3, 3.0, 9.999, 10.0, 11.5, 40.0, 1e3, 1e6]  # the method changes at 10


@numba.njit
def many(mean, n, key, step):
    out = np.empty(n, np.int64)
    for i in range(n):
        out[i] = poisson(mean, key, np.uint64(i), step, ARRIVALS)
    return out


@pytest.mark.parametrize("mean", [*MEANS, 1e12])
def test_mean_and_variance(mean):
    # 4.5 standard errors: a mean off by 0.6 % at mean 3, a variance by 1.6 % fails.
    numbers = many(mean, N, KEY, 1)
    assert (numbers >= 0).all()
    assert abs(numbers.mean() - mean) < 4.5 * math.sqrt(mean / N)
    spread = math.sqrt((mean + 2 * mean**2) / N)
    assert abs(np.var(numbers, mean=mean) - mean) < 4.5 * spread


@pytest.mark.parametrize("mean", MEANS)
def test_law(mean):
    # Chi-square over about 20 equally likely classes, p = 1e-5: one class off by 5 % fails.
    numbers = many(mean, N, KEY, 2)
    law = stats.poisson(mean)
    edges = np.unique(law.ppf(np.linspace(0, 1, 21)[1:-1]))  # classes end with these numbers
    chance = np.diff(law.cdf(edges), prepend=0.0, append=1.0)
    counts = np.bincount(np.searchsorted(edges, numbers), minlength=len(chance))
    assert stats.chisquare(counts, N * chance).pvalue > 1e-5


@pytest.mark.parametrize("mean", [0.3, 40.0])
def test_tails(mean):
    # 200000 draws: the rare numbers, each tail of chance 1e-3, within 4.5 standard errors.
    numbers, law = many(mean, N, KEY, 3), stats.poisson(mean)
    above = law.isf(1e-3)
    tails = [(numbers > above, law.sf(above))]
    if mean > 10:
        below = law.ppf(1e-3)
        tails.append((numbers <= below, law.cdf(below)))
    for found, chance in tails:
        assert abs(found.sum() - N * chance) < 4.5 * math.sqrt(N * chance)


@pytest.mark.parametrize("mean", [0.0, -1.0, math.nan])
def test_nothing_comes_where_nothing_is_expected(mean):
    assert not many(mean, 100, KEY, 1).any()


def test_steps_are_independent():
    # 4.5 standard errors, a correlation of 0.01.
    for mean in (3.0, 40.0):
        both = np.corrcoef(many(mean, N, KEY, 5), many(mean, N, KEY, 6))[0, 1]
        assert abs(both) < 4.5 / math.sqrt(N)


def test_a_row_of_means_has_the_numbers_of_its_addresses():
    means, out = np.array([0.5, 0.0, 70.0, 1e4]), np.full(4, -1)
    total = poisson_numbers(means, KEY, np.uint64(2**33), 9, ARRIVALS, out)
    alone = [poisson(m, KEY, np.uint64(2**33 + j), 9, ARRIVALS) for j, m in enumerate(means)]
    assert out.tolist() == alone
    assert total == sum(alone) > 0
