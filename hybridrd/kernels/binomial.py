"""Binomial numbers by address.

Below a mean of 10 by inversion; above by transformed rejection (W. Hörmann, "The generation of
binomial random variates", Journal of Statistical Computation and Simulation 46 (1993) 101).
"""

from __future__ import annotations

import math

import numpy as np

from hybridrd.kernels._jit import jit
from hybridrd.kernels.rng import LAST_DRAW, uniforms


@jit
def inversion(n, p, u):
    """The inverse of the distribution function at u, for n p < 10."""
    q = 1.0 - p
    term = math.exp(n * math.log1p(-p))
    k = 0
    while u > term and k < n:
        u -= term
        k += 1
        term *= (n - k + 1) * p / (k * q)
    return k


@jit
def _rejection(n, p, key, address, step, purpose):
    """Hörmann's transformed rejection, for n p >= 10 and p <= 1/2."""
    spread = math.sqrt(n * p * (1.0 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    centre = n * p + 0.5
    squeeze = 0.92 - 4.2 / b
    for draw in range(1 << 20):
        u, v = uniforms(key, address, step, purpose, draw)
        u -= 0.5
        us = 0.5 - abs(u)
        k = math.floor((2.0 * a / us + b) * u + centre)
        if k < 0.0 or k > n:
            continue
        if us >= 0.07 and v <= squeeze:
            return int(k)
        scale = (2.83 + 5.1 / b) * spread
        mode = math.floor((n + 1) * p)
        top = math.lgamma(mode + 1.0) + math.lgamma(n - mode + 1.0)
        bound = top - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)
        bound += (k - mode) * math.log(p / (1.0 - p))
        if math.log(v * scale / (a / (us * us) + b)) <= bound:
            return int(k)
    return int(n * p)  # after 2^20 rejections, each of probability below one half


@jit
def binomial(n, p, key, address, step, purpose):
    """How many of n succeed, each with probability p, for an address."""
    if n <= 0 or not p > 0.0:
        return 0
    if p >= 1.0:
        return n
    r = min(p, 1.0 - p)
    if n * r < 10.0:
        u, _ = uniforms(key, address, step, purpose, 0)
        k = inversion(n, r, u)
        return k if p <= 0.5 else n - k
    k = _rejection(n, r, key, address, step, purpose)
    return k if p <= 0.5 else n - k


@jit
def binomial_numbers(contents, p, key, address, step, purpose, out):
    """One number per content at addresses ``address``, ``address + 1``, ...; their sum.

    A content that is not whole is rounded up with the probability of its fraction, which keeps
    the mean; a negative one gives 0.
    """
    total = 0
    for j in range(contents.shape[0]):
        here = np.uint64(address) + np.uint64(j)
        whole = math.floor(contents[j])
        # The last draw of this address; rejection never comes so far.
        u, _ = uniforms(key, here, step, purpose, LAST_DRAW)
        n = int(whole) + (1 if u < contents[j] - whole else 0)
        out[j] = binomial(n, p, key, here, step, purpose)
        total += out[j]
    return total
