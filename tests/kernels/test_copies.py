"""Copies that hop between cells: binomial tables, one exchange, a step against its own matrix."""

import numpy as np
import pytest
from scipy import stats

from hybridrd.continuum.discrete import Tables
from hybridrd.kernels import copies
from hybridrd.kernels.rng import make_key

KEY = make_key(3, 0)
N = 100_000


def table(p):
    tables = Tables()
    assert tables.number(np.full(3, p)) == 0
    joined = tables.joined()
    return copies.Table(int(joined["sizes"][0]), joined["bits"], joined["start"], joined["columns"])


NONE = table(0.3)._replace(size=0)


@pytest.mark.parametrize("p", [0.5, 0.11, 0.003])
def test_a_table_is_the_binomial_law(p):
    found = table(p)
    for n in (0, 1, 2, 17, found.size - 1):
        columns = found.columns[found.start[n] : found.start[n] + (1 << found.bits[n])]
        kept = (columns >> np.uint64(16)) / 2.0**48
        law = np.bincount((columns & np.uint64(0xFFFF)).astype(int), 1 - kept, len(kept)) + kept
        assert law / len(kept) == pytest.approx(stats.binom.pmf(range(len(kept)), n, p), abs=1e-13)


@pytest.mark.parametrize("tables", [False, True])
@pytest.mark.parametrize("n", [1, 40, 300, 700, 10**6])  # 300: one of both from a table
def test_an_exchange_draws_two_binomial_numbers(n, tables):
    # Mean and variance within 4.5 standard errors, a variance off by 2 % fails.
    p, q = 0.11, 0.2
    contents = np.tile([n, 2 * n], N)
    first = np.arange(0, 2 * N, 2)
    colour = copies.Colour(
        first, first + 1, first.astype(np.uint64), np.full(N, p), np.full(N, q),
        table(p) if tables else NONE, table(q) if tables else NONE,
    )  # fmt: skip
    copies.exchange(contents, colour, False, KEY, 5, np.uint64(0))
    gained = contents[::2] - n
    assert (contents[::2] + contents[1::2] == 3 * n).all()
    mean, variance = 2 * n * q - n * p, 2 * n * q * (1 - q) + n * p * (1 - p)
    assert abs(gained.mean() - mean) < 4.5 * np.sqrt(variance / N)
    fourth = stats.moment(gained, 4)
    error = np.sqrt((fourth - variance**2) / N)
    assert abs(np.var(gained, mean=mean) - variance) < 4.5 * error
