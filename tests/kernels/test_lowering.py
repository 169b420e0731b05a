"""Compiled elements, ranges and sums against the same function in Python."""

import sys
from typing import NamedTuple

import numpy as np
import pytest

from hybridrd.kernels._jit import jit


@jit
def count(starts, stops, steps, out):
    """How often loops run, and the last number of each."""
    for i in range(starts.shape[0]):
        for k in range(starts[i], stops[i]):
            out[i, 0] += 1
            out[i, 1] = k
        for k in range(starts[i], stops[i], steps[i]):
            out[i, 2] += 1
            out[i, -1] = k
    for k in range(stops[1]):
        out[0, 0] += k


@jit
def pick(x, plane, i, j, u, out):
    """Elements from both ends, by signed and unsigned numbers, of whole rows and of parts."""
    kept = np.empty(3)
    for again in range(2):
        kept = kept if again == 0 else np.ones(4)
        kept[-1] = 0.5 + again
    out[0] = x[i] + x[u] + x[-1] + kept[kept.shape[0] - 1]
    out[1] = plane[i, -1] - plane[-1, j] + plane[u, i]
    out[2] = plane[i][j] + plane[:, j][i] + plane[1:, 1:][i, j]
    plane[i, j], x[-2], x[u] = i, x[i] > 0.0, 2
    out[3] = (i + j) % 5 - i // 2 + x[i] ** 2 + (i < j)
    plane[-1] = x[0]


class Two(NamedTuple):
    """Two arrays."""

    first: np.ndarray
    second: np.ndarray


@jit
def _swapped(two, row):
    again = Two(two.second, row)
    return again, two.first


@jit
def hand_on(x, plane, i):
    """Arrays of the caller and new ones, through names, tuples, branches and functions."""
    pair = x, plane[i]
    first, row = pair
    kept = row if i > 0 else np.ones(3)
    for k in range(2):
        kept = first if k < i - 1 else kept
        made = np.full(3, 1.0 + k)
    two, other = _swapped(Two(made, first), plane[i - 1])
    return kept, two, (other[1:], plane[-1])


def test_loops_run_as_often_as_in_python():
    starts, stops = np.array([0, 3, 5, -4, 7]), np.array([4, 9, 5, -1, 2])
    steps = np.array([3, 2, 1, 5, -2])
    compiled, python = np.zeros((5, 4), np.int64), np.zeros((5, 4), np.int64)
    count(starts, stops, steps, compiled)
    count.py_func(starts, stops, steps, python)
    np.testing.assert_array_equal(compiled, python)


@pytest.mark.parametrize("cut", [slice(None), slice(None, None, 2)])
def test_elements_are_those_of_python(cut):
    found = []
    for function in pick, pick.py_func:
        x, plane = np.arange(12.0)[cut][:5], np.arange(72.0).reshape(8, 9)[cut, cut]
        out = np.zeros(4)
        function(x, plane, -2, 1, np.uint8(3), out)
        found.append((x.tolist(), plane.tolist(), out.tolist()))
    assert found[0] == found[1]


def test_arrays_made_in_a_kernel_are_freed():
    x = np.zeros(5)
    before = sys.getrefcount(x)
    for _ in range(20):
        pick(x, np.zeros((4, 4)), 0, 1, np.uint8(1), np.zeros(4))
    assert sys.getrefcount(x) == before


@pytest.mark.parametrize("i", [0, 1, 2])
def test_arrays_are_handed_on_and_kept_as_long_as_they_are_used(i):
    x, plane = np.arange(3.0), np.arange(12.0).reshape(4, 3)
    before = sys.getrefcount(x), sys.getrefcount(plane)
    for _ in range(20):
        found = [hand_on(x, plane, i) for _ in range(10)]
        kept, two, (other, row) = found[-1]
        wanted = hand_on.py_func(x, plane, i)
        for a, b in zip((kept, *two, other, row), (wanted[0], *wanted[1], *wanted[2]), strict=True):
            np.testing.assert_array_equal(a, b)
        del found, kept, two, other, row, wanted, a, b
    assert (sys.getrefcount(x), sys.getrefcount(plane)) == before
