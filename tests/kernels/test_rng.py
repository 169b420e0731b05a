"""Addressed random numbers: known answers, accuracy, distribution, independence."""

import itertools
import math

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from twins import naive

from hybridrd.kernels import rng

WORD = st.integers(0, 2**32 - 1)
LONG = st.integers(0, 2**64 - 1)
N = 200_000
KEY = rng.make_key(1, 0)

# Random123's known answers for philox4x32-10 (its file kat_vectors): key, counter, words.
KNOWN = [
    (
        "00000000 00000000",
        "00000000 00000000 00000000 00000000",
        "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    ),
    (
        "ffffffff ffffffff",
        "ffffffff ffffffff ffffffff ffffffff",
        "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ),
    (
        "a4093822 299f31d0",
        "243f6a88 85a308d3 13198a2e 03707344",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


@numba.njit
def many(key, first, n, step, purpose, draw):
    """Two uniform and two normal numbers for addresses first, first + 1, ..."""
    out = np.empty((4, n))
    for i in range(n):
        address = first + np.uint64(i)
        out[0, i], out[1, i] = rng.uniforms(key, address, step, purpose, draw)
        out[2, i], out[3, i] = rng.normal_pair(key, address, step, purpose, draw)
    return out


def numbers(key=KEY, first=0, n=N, step=3, purpose=rng.WALK, draw=0):
    return many(np.uint64(key), np.uint64(first), n, step, purpose, draw)


def hexadecimal(text):
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("key", "counter", "expected"), KNOWN)
def test_philox_gives_the_known_answers(key, counter, expected):
    given_words = [np.uint64(w) for w in (*hexadecimal(key), *hexadecimal(counter))]
    assert [int(w) for w in rng.philox(*given_words)] == hexadecimal(expected)
    assert list(naive.philox(hexadecimal(key), hexadecimal(counter))) == hexadecimal(expected)


@given(
    key=LONG, address=LONG, step=WORD, purpose=st.integers(1, 255), draw=st.integers(0, 2**24 - 1)
)
def test_words_are_philox_of_their_address(key, address, step, purpose, draw):
    found = rng.words(np.uint64(key), np.uint64(address), step, purpose, draw)
    assert tuple(int(w) for w in found) == naive.words(key, address, step, purpose, draw)


@given(radius=WORD, angle=WORD)
def test_normals_are_those_of_box_and_muller(radius, angle):
    found = rng.normals(np.uint64(radius), np.uint64(angle))
    assert found == pytest.approx(naive.normals(radius, angle), abs=2e-10)


@pytest.mark.parametrize("word", [0, 1, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1])
def test_normals_at_the_ends_and_beside_the_quadrants(word):
    angles = [(word + quadrant * 2**29) % 2**32 for quadrant in range(8)]
    for angle in (a % 2**32 for a in itertools.chain(angles, (a - 1 for a in angles))):
        found = rng.normals(np.uint64(word), np.uint64(angle))
        assert found == pytest.approx(naive.normals(word, angle), abs=2e-10)


@given(st.floats(2.0**-40, 1.0))
def test_log(u):
    assert rng._log(u) == pytest.approx(math.log(u), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("word", [0, 2**32 - 1])
def test_uniform_numbers_are_never_0_or_1(word):
    w = np.uint64(word)
    for u in (rng.uniform32(w), rng.uniform52(w, w)):
        assert 0 < u < 1
    assert rng.uniform52(w, w) == naive.uniform(word, word)


def test_uniform_numbers_are_uniform():
    # Kolmogorov and Smirnov: p = 1e-5 is 4.4 standard errors; a shift of 0.006 fails.
    first, second, _, _ = numbers()
    for u in (first, second):
        assert stats.kstest(u, "uniform").pvalue > 1e-5
        assert abs(u.mean() - 0.5) < 4.5 * math.sqrt(1 / 12 / N)  # sees a bias of 0.003


def test_normal_numbers_are_normal():
    # 4.5 standard errors of each moment: a variance wrong by 1.5 % or a kurtosis by 0.05 fails.
    _, _, first, second = numbers(purpose=rng.BRIDGE)
    for z in (first, second):
        assert stats.kstest(z, "norm").pvalue > 1e-5
        for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
            assert abs(np.mean(z**power) - moment) < 4.5 * math.sqrt(variance / N)
    # The pair comes from one radius and one angle: squares must not be correlated either.
    for power in (1, 2):
        assert abs(np.corrcoef(first**power, second**power)[0, 1]) < 4.5 / math.sqrt(N)


def test_numbers_of_different_addresses_are_independent():
    # Correlations of 17 streams, 136 pairs: below 5 standard errors, that is 0.011.
    streams = [
        numbers(key=rng.make_key(seed, replica), step=step, purpose=purpose, draw=draw)[0]
        for seed, replica, step, purpose, draw in [
            *((1, 0, 3, purpose, 0) for purpose in range(1, 7)),
            *((1, 0, step, 1, 0) for step in (0, 1, 2, 4)),
            *((1, replica, 3, 1, 0) for replica in (1, 2)),
            *((seed, 0, 3, 1, 0) for seed in (0, 2)),
            *((1, 0, 3, 1, draw) for draw in (1, 1 << 23)),
        ]
    ]
    streams += [numbers(first=1)[0]]  # neighbours
    correlations = np.corrcoef(streams)[np.triu_indices(len(streams), 1)]
    assert np.abs(correlations).max() < 5 / math.sqrt(N)
    # And none is another one shifted or repeated.
    assert len(np.unique(np.concatenate(streams[:-1]))) == N * (len(streams) - 1)


def test_purposes_have_different_numbers():
    values = [v for name, v in vars(rng).items() if name.isupper() and isinstance(v, int)]
    assert len(values) >= 12
    assert len(set(values)) == len(values)
    assert all(0 < v < 256 for v in values)  # one byte of the counter


def test_keys_differ_between_seeds_and_replicas():
    keys = [rng.make_key(seed, replica) for seed in range(60) for replica in range(60)]
    assert len(set(keys)) == len(keys)
    assert rng.make_key(2**63, 7) == rng.make_key(2**63, 7)
    assert rng.make_key(5, 0) != rng.make_key(0, 5)
