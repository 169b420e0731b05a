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

import hybridrd as hrd
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
    others = {"MAX_STEPS", "CELL_WALLS"}
    names = [n for n in vars(rng) if n.isupper() and n not in others and n[0] != "_"]
    names = [n for n in names if not n.endswith("_DRAW") and not n.startswith("MOST_")]
    values = [getattr(rng, name) for name in names if isinstance(getattr(rng, name), int)]
    assert len(values) >= 12
    assert len(set(values)) == len(values)
    assert all(0 < v < 256 for v in values)  # one byte of the counter


def test_keys_differ_between_seeds_and_replicas():
    keys = [rng.make_key(seed, replica) for seed in range(60) for replica in range(60)]
    assert len(set(keys)) == len(keys)
    assert rng.make_key(2**63, 7) == rng.make_key(2**63, 7)
    assert rng.make_key(5, 0) != rng.make_key(0, 5)


LAST = 2**40 - 1
# Fields at and about their bounds, and how they make an address.
LAYOUTS = {
    "initial": (
        lambda species, part: rng.initial_address(species, part, 2**32),
        [(0, 1, 2, 1023, 1024, 2**22 - 1), (0, 1, 1023, 1024, 1025, 2048, 2**42 - 1)],
    ),
    "arrivals": (
        lambda species, face: rng.arrivals_address(species, face, 2**32),
        [(0, 1, 7, 8, 2**29 - 1), range(6)],
    ),
    "creations": (
        lambda reaction, half: rng.creations_address(reaction, half, 2**39),
        [(0, 1, 2, 2**24 - 1), range(2)],
    ),
    "births": (rng.birth_address, [(0, 1, 2**15 - 1), range(2), (0, 1, LAST)]),
    "families": (
        lambda reaction, half, product, birth: rng.family_address(
            rng.birth_address(reaction, half, birth), product
        ),
        [(0, 1, 2**15 - 1), range(2), (0, 1, 127), (0, 1, LAST)],
    ),
    "streams": (
        lambda encounter, half, kind: rng.stream_key(KEY, encounter, half, kind),
        [(0, 1, 2, 7, 8, 1000), range(2), range(4)],
    ),
    "entering": (rng.entering_address, [range(6), (0, 1, 2**48 - 1)]),
    "noise": (rng.noise_draw, [(0, 1, 63, 64, 65, 128, 2**21 - 1), range(7)]),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_no_two_things_have_one_address(name):
    make, fields = LAYOUTS[name]
    made = [make(*values) for values in itertools.product(*fields)]
    assert len(set(made)) == len(made)
    if name != "noise":
        return
    assert max(made) < rng.LAST_DRAW


def test_draws_of_a_bridge_are_apart():
    touches = [rng.touch_draw(f) for f in range(6)]
    first = [rng.first_touch_draw(f) + k for f in range(6) for k in range(2)]
    assert sorted(touches + first) == list(range(18))
    back = [rng.touch_draw_of_arrival(f) for f in range(6)]
    assert [*back, rng.PICK_DRAW, rng.RETURN_DRAW] == list(range(5, 13))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rng.initial_address(2**22, 0, 1), "4,194,305 species: .* 4,194,304; use fewer"),
        (lambda: rng.initial_address(0, 2**42, 1), "parts of an initial state"),
        (lambda: rng.initial_address(0, 0, 2**32 + 1), "4,294,967,297 cells"),
        (lambda: rng.arrivals_address(2**29, 0, 1), "species"),
        (lambda: rng.arrivals_address(0, 8, 1), "9 faces"),
        (lambda: rng.arrivals_address(0, 0, 2**32 + 1), "cells of a face"),
        (lambda: rng.stream_address(rng.arrivals_address(0, 0, 1), 4), "5 streams"),
        (lambda: rng.creations_address(2**24, 0, 1), "reactions"),
        (lambda: rng.creations_address(0, 0, 2**39 + 1), "cells"),
        (lambda: rng.check_reactions(2**15 + 1, 1), "32,769 reactions"),
        (lambda: rng.check_reactions(1, 129), "129 products of a reaction"),
        (lambda: rng.stream_key(KEY, 2**60, 0, 0), "encounters"),
        (lambda: rng.check_candidates(6e6), "6e[+]06 partners in reach"),
        (lambda: rng.check_noise(2**21 + 1), "species"),
    ],
)
def test_what_has_no_address_is_refused(make, message):
    with pytest.raises(hrd.CapacityError, match=message):
        make()


def test_bounds_themselves_have_addresses():
    rng.check_reactions(2**15, 128)
    rng.check_reactions(0, 0)
    rng.check_candidates(5e6)
    rng.check_noise(2**21)


def test_a_creation_of_too_many_products_is_refused():
    """The 129th would have had the numbers of the other half step."""
    A = hrd.Species("A", D=1.0)
    line = hrd.Box(x=(0, 1))
    born = hrd.Reaction("0 -> 100 A + 29 A", k=1.0)
    system = hrd.System(species=[A], domain=line, particles=line, reactions=[born])
    with pytest.raises(hrd.CapacityError, match="129 products"):
        hrd.Simulation(system, dt=1e-3)
