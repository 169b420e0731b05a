"""Poisson numbers by address.

Below a mean of 10 by inversion; above by transformed rejection (W. Hörmann, "The transformed
rejection method for generating Poisson random variables", Insurance: Mathematics and Economics 12
(1993) 39), which accepts four trials in five or more.
"""

from __future__ import annotations

import math

import numpy as np

from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.rng import uniform52, uniforms, words

_BLOCK = 256  # cells at a time


@inlined
def _inverted(u, mean, p):
    """The Poisson number at which the distribution function reaches u; p is exp(-mean)."""
    n = 0
    while u > p and n < 200:
        u -= p
        n += 1
        p *= mean / n
    return n


@jit
def poisson(mean, key, address, step, purpose):
    """A Poisson number for an address; 0 for a mean that is not positive."""
    if not mean > 0.0:
        return 0
    if mean < 10.0:
        u, _ = uniforms(key, address, step, purpose, 0)
        return _inverted(u, mean, math.exp(-mean))
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    squeeze = 0.9277 - 3.6224 / (b - 2.0)
    log_mean = math.log(mean)
    for draw in range(1 << 20):
        u, v = uniforms(key, address, step, purpose, draw)
        u -= 0.5
        us = 0.5 - abs(u)
        n = math.floor((2.0 * a / us + b) * u + mean + 0.43)
        if us >= 0.07 and v <= squeeze:
            return int(n)
        if n < 0.0 or (us < 0.013 and v > us):
            continue
        accept = math.log(v) + math.log(inverse_alpha) - math.log(a / (us * us) + b)
        if accept <= n * log_mean - mean - math.lgamma(n + 1.0):
            return int(n)
    return int(mean)  # after 2^20 rejections, each of probability below one half


@jit
def poisson_numbers(means, key, address, step, purpose, out):
    """One Poisson number per mean at addresses ``address``, ``address + 1``, ...; their sum."""
    total = 0
    for j in range(means.shape[0]):
        out[j] = poisson(means[j], key, np.uint64(address) + np.uint64(j), step, purpose)
        total += out[j]
    return total


@jit
def _draw(first, key, step, purpose, out):
    """The numbers that are inverted; a loop of its own, so that it vectorises."""
    for j in range(out.shape[0]):
        w0, w1, _, _ = words(key, first + np.uint64(j), step, purpose, 0)
        out[j] = uniform52(w0, w1)


@jit
def poisson_in_cells(means, key, address, step, purpose, out):
    """`poisson_numbers`, faster for many cells with few each."""
    total, before, p = 0, 0.0, 1.0
    numbers = np.empty(min(means.shape[0], _BLOCK))
    for begin in range(0, means.shape[0], _BLOCK):
        end = min(begin + _BLOCK, means.shape[0])
        first = np.uint64(address) + np.uint64(begin)
        _draw(first, key, step, purpose, numbers[: end - begin])
        for j in range(begin, end):
            mean = means[j]
            if 0.0 < mean < 10.0:
                if mean != before:
                    before, p = mean, math.exp(-mean)
                out[j] = _inverted(numbers[j - begin], mean, p)
            else:
                out[j] = poisson(mean, key, np.uint64(address) + np.uint64(j), step, purpose)
            total += out[j]
    return total
