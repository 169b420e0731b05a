"""Copies that hop between cells: binomial tables, one exchange, a step against its own matrix."""

import numpy as np
import pytest
from scipy import stats

from hybridrd.continuum.discrete import Faces, Tables, _probabilities
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


@pytest.mark.parametrize("n", [1, 17, 300, 700])  # 700: beyond the tables
def test_faces_with_probabilities_of_their_own_draw_two_binomial_numbers(n):
    # By the size of the first one: means and variances within 4.5 standard errors.
    rng = np.random.default_rng(2)
    first = np.arange(0, 2 * N, 2)
    rates = 10.0 ** rng.uniform(-3.5, -0.03, (2, N))  # to below the smallest and above one half
    faces = Faces(first, first + 1, *rates, first.astype(np.uint64))
    made = _probabilities(faces, np.array([0, N]), 1.0)
    on, back = made["on"][1], made["back"][1]
    assert {-1} < set(made["near"].ravel().tolist())
    none, words = np.zeros(0, np.int64), np.zeros(0, np.uint64)
    hopping = copies.Hopping(
        order=np.array([[0, 1, 0]]), part=np.zeros(1, np.uint64), colours=np.array([0, N]),
        first=faces.first, second=faces.second, address=faces.address, **made,
        open_cell=none, open_address=words, open_side=none, leaving=np.zeros((2, 0)),
    )  # fmt: skip
    contents = np.tile([n, 2 * n], N)
    copies.hop(contents, hopping, (0, 1), np.zeros((2, 0)), KEY, 5, np.zeros((0, 2), np.int64))
    assert (contents[::2] + contents[1::2] == 3 * n).all()
    off = contents[::2] - n - (2 * n * back - n * on)
    variance = 2 * n * back * (1 - back) + n * on * (1 - on)
    for some in np.array_split(np.argsort(on), 8):
        z = off[some].sum() / np.sqrt(variance[some].sum())
        square = off[some] ** 2 - variance[some]
        assert abs(z) < 4.5
        assert abs(square.sum()) < 4.5 * np.sqrt((square**2).sum())
