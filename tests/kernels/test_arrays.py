"""Bookkeeping of particle arrays against plain Python."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from twins import naive

from hybridrd.kernels import arrays
from hybridrd.particles.particles import Particles

SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=3)
SEEDS = st.integers(0, 10**6)


def box(shape):
    """Lower corner, upper corner, cells per length."""
    low = np.array([-0.3, 1.0, 2.5][: len(shape)])
    high = low + np.array([1.1, 0.7, 2.0][: len(shape)])
    return low, high, np.array(shape) / (high - low)


def cells(low, inverse, shape):
    return arrays.Cells(low, 1 / inverse, inverse, np.array(shape))


def flat(index, shape):
    """Flat index with the first axis fastest."""
    return int(np.ravel_multi_index(index, shape, order="F"))


@given(n=st.integers(0, 40), seed=SEEDS, some=st.sampled_from([0, 1, 2, 9]))
def test_gaps_are_filled_with_the_last_particles(n, seed, some):
    source = np.random.default_rng(seed)
    group = Particles(2)
    group.append(source.normal(size=(2, n)), np.arange(7, 7 + n, dtype=np.uint64))
    before = dict(zip(group.id.tolist(), group.positions.tolist(), strict=True))
    group.gone[:n] = source.integers(0, 3, n) * (source.integers(0, 10, n) < some)
    gaps = [i for i in range(n) if group.gone[i]]
    kept = [i for i in range(n) if not group.gone[i]]
    assert group.gaps().tolist() == gaps
    stay = [i + 7 for i in kept if i < len(kept)]
    group.compact()
    after = group.id.tolist()
    assert sorted(after) == [i + 7 for i in kept]
    assert [i for i in after if i - 7 < len(kept)] == stay  # who need not move does not
    assert dict(zip(after, group.positions.tolist(), strict=True)) == {i: before[i] for i in after}
    assert not group.gone.any()


@given(shape=SHAPES, seed=SEEDS)
def test_particles_are_counted_in_their_cells(shape, seed):
    low, high, inverse = box(shape)
    x = np.random.default_rng(seed).uniform(low, high, (50, len(shape)))
    x[0], x[1] = low, high  # both ends belong to the box
    counts = np.ones(np.prod(shape), np.int64)
    arrays.count_in_cells(x.T.copy(), 50, cells(low, inverse, shape), counts)
    expected = np.ones_like(counts)
    for index, number in naive.count_cells(x, low, high, shape).items():
        expected[flat(index, shape)] += number
    np.testing.assert_array_equal(counts, expected)


@given(shape=SHAPES, seed=SEEDS)
def test_leavers_are_booked_in_the_cell_of_their_exit_point(shape, seed):
    """Of the cells along the region, whatever is beside it."""
    d, (low, high, inverse), source = len(shape), box(shape), np.random.default_rng(seed)
    x = source.uniform(low - 0.5, high + 0.5, (60, d))
    gone = source.integers(0, 2 * d + 1, 60).astype(np.uint8)
    outside = source.integers(-1, shape[0], 2 * d)  # -1: a wall
    outside = np.minimum(outside, np.repeat(shape, 2) - 1)
    first = source.integers(0, shape)
    last = source.integers(first, shape)
    counts, credit = np.zeros(2 * d, np.int64), np.zeros(np.prod(shape), np.int64)
    arrays.exit_cells(
        x.T.copy(), gone, np.flatnonzero(gone), cells(low, inverse, shape), first, last, outside,
        counts, credit,
    )  # fmt: skip
    expected = np.zeros_like(credit)
    for point, mark in zip(x, gone, strict=True):
        if mark == 0 or outside[mark - 1] < 0:
            continue
        place = [min(max(v, a), b) for v, a, b in zip(point, low, high, strict=True)]
        index = [
            min(max(k, i), j)
            for k, i, j in zip(naive.cell(place, low, high, shape), first, last, strict=True)
        ]
        index[(mark - 1) // 2] = outside[mark - 1]
        expected[flat(index, shape)] += 1
    np.testing.assert_array_equal(credit, expected)
    np.testing.assert_array_equal(counts, np.bincount(gone, minlength=2 * d + 1)[1:])


@given(st.lists(st.integers(0, 4), max_size=9))
def test_runs_repeat_each_index(counts):
    expected = [j for j, n in enumerate(counts) for _ in range(n)]
    found = arrays.runs(np.array(counts, np.int64), len(expected))
    assert found.tolist() == expected
