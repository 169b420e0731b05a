"""Thread pool for kernels, each thread on its part of the particles."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

_LEAST = 20_000  # particles below which a second thread costs more than it brings
_PARTS = 4  # for each thread: one that has a slower core takes fewer


class Pool:
    """Runs ``kernel(start, stop)`` over the parts of a range, on one or more threads.

    Numbers are addressed by particle, so the result does not depend on the parts.
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        self._executor = ThreadPoolExecutor(threads) if threads > 1 else None

    def shares(self, n: int) -> bool:
        """Whether there are enough particles for several threads."""
        return self._executor is not None and n >= 2 * _LEAST

    def run(self, kernel: Callable[[int, int], int | None], n: int) -> int:
        """Call the kernel on [0, n) in parts; returns the sum of its return values."""
        if self._executor is None or not self.shares(n):
            return kernel(0, n) or 0
        parts = min(_PARTS * self.threads, n // _LEAST)
        bounds = [n * k // parts for k in range(parts + 1)]
        jobs = [self._executor.submit(kernel, a, b) for a, b in pairwise(bounds)]
        return sum(job.result() or 0 for job in jobs)
