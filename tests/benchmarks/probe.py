"""Probe of the two-way line: a plain compiled loop that walks, exchanges and diffuses, no more.

What such a loop takes is the least that a step can cost. It has the physics of
`tests.benchmarks.small.two_way_line` without its reaction: each particle is displaced, those that
pass the plane are booked to the cell they end in, as many as a uniform concentration c sends
through it, ``c sqrt(D dt/pi)`` on the average, arrive from the first cell, and two implicit stages
diffuse the continuum.
"""

from __future__ import annotations

import time

import numba
import numpy as np

from tests.benchmarks.small import DT

_G = 1.0 - 1.0 / np.sqrt(2.0)
_H, _PLANE = 0.02, 2.0  # width of a cell, and where the continuum begins


@numba.njit(error_model="numpy")
def _solve(c, upper, pivot, r, out):
    """``out`` with ``(1 - g dt L) out = c``, without flux at the ends; ``r = g dt D/h²``."""
    n = c.shape[0]
    out[0] = c[0] * pivot[0]
    for i in range(1, n):
        out[i] = (c[i] + r * out[i - 1]) * pivot[i]
    for i in range(n - 2, -1, -1):
        out[i] += upper[i] * out[i + 1]


@numba.njit(error_model="numpy")
def _steps(rng, number, x, n, c, upper, pivot, r, dt):
    """Take steps with n particles at x in place; returns how many there are then."""
    first, source = np.empty_like(c), np.empty_like(c)
    s = np.sqrt(2.0 * dt)
    for _ in range(number):
        source[:] = c
        i = 0
        while i < n:
            x[i] = abs(x[i] + s * rng.standard_normal())
            if x[i] > _PLANE:
                source[int((x[i] - _PLANE) / _H)] += 1.0 / _H
                n -= 1
                x[i] = x[n]
            else:
                i += 1
        came = rng.poisson(max(c[0], 0.0) * s / np.sqrt(2.0 * np.pi))
        for _ in range(came):
            x[n] = _PLANE - s * rng.random() * np.sqrt(-2.0 * np.log(rng.random()))
            n += 1
        source[0] -= came / _H
        _solve(source, upper, pivot, r, first)
        for j in range(c.shape[0]):
            source[j] += (1.0 / _G - 1.0) * (first[j] - source[j])
        _solve(source, upper, pivot, r, c)
    return n


class Probe:
    """A line with n particles beside 100 cells of continuum."""

    def __init__(self, n: int) -> None:
        self._rng = rng = np.random.default_rng(1)
        self.c, self.n = np.full(100, n / _PLANE), n
        self._x = np.zeros(20 * n + 1000)
        self._x[:n] = rng.uniform(0, _PLANE, n)
        self._r = _G * DT / _H**2
        diagonal = 1.0 + self._r * np.array([1.0, *[2.0] * 98, 1.0])
        self._pivot = np.empty(100)
        self._pivot[0] = 1.0 / diagonal[0]
        for i in range(1, 100):
            self._pivot[i] = 1.0 / (diagonal[i] - self._r**2 * self._pivot[i - 1])
        self._upper = self._r * self._pivot

    def step(self, number: int) -> None:
        """Take steps."""
        arrays = self._x, self.n, self.c, self._upper, self._pivot, self._r, DT
        self.n = _steps(self._rng, number, *arrays)

    @property
    def total(self) -> float:
        """Particles and continuum together."""
        return self.n + _H * float(self.c.sum())


def seconds_a_step(n: int, steps: int = 2_000, rounds: int = 15) -> float:
    """Least processor time a step of the probe."""
    probe = Probe(n)
    probe.step(1)
    times = []
    for _ in range(rounds):
        begun = time.process_time()
        probe.step(steps)
        times.append((time.process_time() - begun) / steps)
    return min(times)
