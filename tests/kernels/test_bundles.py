"""Bundles against the tuples that they are made of."""

from typing import NamedTuple

import numpy as np
import pytest

from hybridrd.kernels._jit import jit
from hybridrd.kernels.bundles import bundle
from hybridrd.kernels.entries import call, entry


class Inner(NamedTuple):
    low: np.ndarray
    shape: tuple[int, int]
    missing: np.ndarray | None


class Outer(NamedTuple):
    flags: np.ndarray
    inner: Inner
    number: float
    debt: int
    key: np.uint64
    whether: bool
    plane: np.ndarray


@jit
def read(outer, out):
    """All that there is in it, and a change to an array."""
    inner, plane = outer.inner, outer.plane
    out[0] = inner.low.sum() + inner.shape[0] + 100 * inner.shape[1]
    out[1] = outer.number + outer.debt
    out[2] = outer.key >> np.uint64(40)
    out[3] = 0 if inner.missing is None else 1
    out[4] = 7 if outer.whether else 8
    for i in range(plane.shape[0]):
        for j in range(plane.shape[1]):
            out[5] += (1 + i) * plane[i, j] * (10.0 if outer.flags[j] else 1.0)
    plane[0, 1] = -1.0
    return 3


@jit
def through(address, bundled, out):
    return call(address, (bundled, out))


@pytest.mark.parametrize("cut", [slice(None), slice(None, None, 2)])
def test_a_bundle_holds_what_its_tuple_does(cut):
    plane = np.arange(24.0).reshape(4, 6)[cut]
    flags = np.arange(6) % 3 == 1
    key = np.uint64(2**63 + 5)
    outer = Outer(flags, Inner(np.ones(3), (4, 9), None), 2.5, -3, key, True, plane)
    direct, by_address = np.zeros(6), np.zeros(6)
    kept = plane.copy()
    assert read(outer, direct) == 3
    assert direct[1:5].tolist() == [-0.5, float(int(key) >> 40), 0.0, 7.0]
    plane[:] = kept
    memory = bundle(outer)
    assert through(entry(read, outer, by_address), memory.ctypes.data, by_address) == 3
    np.testing.assert_array_equal(by_address, direct)
    assert plane[0, 1] == -1.0
