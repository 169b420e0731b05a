"""Running moments against numpy, and the laws of merging."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hybridrd.results.statistics import Comoments, Moments


def moments(samples: np.ndarray) -> Moments:
    result = Moments()
    for sample in samples:
        result.add(sample)
    return result


def merged(*parts: Moments) -> Moments:
    result = Moments()
    for part in parts:
        result.merge(part)
    return result


SAMPLES = hnp.arrays(
    np.float64,
    st.tuples(st.integers(2, 30), st.integers(1, 4)),
    elements=st.floats(-1e6, 1e6, allow_subnormal=False),
)


@given(SAMPLES)
def test_mean_and_variance_are_numpys(samples: np.ndarray) -> None:
    m = moments(samples)
    scale = np.abs(samples).max()
    assert m.count == len(samples)
    np.testing.assert_allclose(m.mean, samples.mean(axis=0), rtol=1e-13, atol=1e-14 * scale)
    np.testing.assert_allclose(
        m.variance, samples.var(axis=0, ddof=1), rtol=1e-11, atol=1e-13 * scale**2
    )
    np.testing.assert_allclose(m.sem, np.sqrt(m.variance / m.count), rtol=1e-15)


@given(SAMPLES, st.data())
def test_merging_is_associative_to_round_off(samples: np.ndarray, data: st.DataObject) -> None:
    i = data.draw(st.integers(0, len(samples)))
    j = data.draw(st.integers(i, len(samples)))
    a, b, c = moments(samples[:i]), moments(samples[i:j]), moments(samples[j:])
    left, right = merged(merged(a, b), c), merged(a, merged(b, c))
    scale = np.abs(samples).max()
    assert left.count == right.count == len(samples)
    for m in (left, right):
        np.testing.assert_allclose(m.mean, samples.mean(axis=0), rtol=1e-13, atol=1e-14 * scale)
        np.testing.assert_allclose(
            m.variance, samples.var(axis=0, ddof=1), rtol=1e-11, atol=1e-13 * scale**2
        )


def test_a_large_offset_costs_no_more_than_its_own_round_off() -> None:
    # The mean has a spacing of 2^-12 here; sum of squares minus square of sums would be wrong by
    # 2^80 2^-53, a hundred million times the variance.
    rng = np.random.default_rng(1)
    small = rng.normal(size=(400, 3))
    offset = 2.0**40
    a, b = moments(offset + small[:100]), moments(offset + small[100:])
    exact = (offset + small).astype(np.longdouble).var(axis=0, ddof=1).astype(float)
    np.testing.assert_allclose(merged(a, b).variance, exact, rtol=2.0**-12)
    np.testing.assert_allclose(moments(offset + small).variance, exact, rtol=2.0**-12)


def test_integer_means_are_exact() -> None:
    counts = np.array([[2**50 + 1], [2**50 + 2], [2**50 + 6]])
    exact = (3 * 2**50 + 9) // 3
    assert moments(counts).mean.tolist() == [float(exact)]
    assert merged(moments(counts[:1]), moments(counts[1:])).mean.tolist() == [float(exact)]


def test_a_constant_has_no_variance_whatever_its_size() -> None:
    m = merged(moments(np.full((7, 1), 0.1)), moments(np.full((4, 1), 0.1)))
    assert m.mean.tolist() == [0.1]
    assert m.variance.tolist() == [0.0]


def test_one_sample_has_a_mean_and_no_error() -> None:
    m = moments(np.array([[3.0, 4.0]]))
    assert m.mean.tolist() == [3.0, 4.0]
    assert np.isnan(m.variance).all()
    assert np.isnan(m.sem).all()


def test_floats_among_integers_are_not_cut() -> None:
    m = Moments()
    for sample in (np.array([1]), np.array([2.5]), np.array([3])):
        m.add(sample)
    assert m.mean == pytest.approx(6.5 / 3, rel=1e-15)


def test_merging_leaves_the_other_alone() -> None:
    a, b = moments(np.array([[1.0], [2.0]])), moments(np.array([[5.0], [9.0]]))
    c = merged(b)
    c.merge(a)
    assert b.mean.tolist() == [7.0]
    assert b.variance.tolist() == [8.0]
    assert a.count == b.count == 2


def test_the_mean_handed_out_is_a_copy() -> None:
    m = moments(np.array([[1.0], [2.0]]))
    m.mean[:] = 99.0
    assert m.mean.tolist() == [1.5]


def test_moments_travel_between_processes() -> None:
    m = moments(np.arange(12).reshape(4, 3))
    n = pickle.loads(pickle.dumps(m))
    n.add(np.array([5, 5, 5]))
    m.add(np.array([5, 5, 5]))
    assert n.mean.tolist() == m.mean.tolist()
    assert n.variance.tolist() == m.variance.tolist()


def test_shapes_must_agree_and_there_must_be_samples() -> None:
    m = moments(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"shape \(2,\) among samples of \(3,\)"):
        m.add(np.zeros(2))
    with pytest.raises(ValueError, match=r"shape \(1,\) among samples of \(3,\)"):
        m.merge(moments(np.zeros((2, 1))))
    with pytest.raises(ValueError, match="no samples"):
        _ = Moments().mean
    with pytest.raises(ValueError, match="no samples"):
        _ = Moments().variance


def test_covariances_are_those_of_all_samples() -> None:
    # Integers with a large offset, in blocks of sizes 10, 1 and 26, stored and read between.
    samples = np.random.default_rng(0).integers(0, 1000, (37, 3, 4, 2)) + 10**6
    total = Comoments()
    for part in (samples[:10], samples[10:11], samples[11:]):
        block = Comoments()
        for sample in part:
            block.add(sample)
        total.merge(Comoments.from_state(block.state()))
    d = samples - samples.mean(axis=0)
    exact = np.einsum("rtix,rtjx->tijx", d, d) / 36
    np.testing.assert_allclose(total.covariance, exact, rtol=1e-10)
    np.testing.assert_array_equal(total.covariance, total.covariance.swapaxes(1, 2))
    diagonal = np.einsum("tiix->tix", total.covariance)
    np.testing.assert_allclose(diagonal, total.variance, rtol=1e-12)
    np.testing.assert_array_equal(total.mean, samples.mean(axis=0))


def test_moments_are_the_same_after_their_arrays_are_stored() -> None:
    m = moments(np.arange(12).reshape(4, 3))
    n = Moments.from_state(m.state())
    for one in (m, n):
        one.add(np.array([5, 5, 7]))
    assert n.mean.tobytes() == m.mean.tobytes()
    assert n.variance.tobytes() == m.variance.tobytes()
    with pytest.raises(ValueError, match="no samples"):
        Moments().state()
