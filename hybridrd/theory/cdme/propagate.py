"""Probabilities in time: the exponential of a generator by uniformisation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import sparse

from hybridrd.arrays import Floats
from hybridrd.theory.cdme.generator import Generator, Matrix

BLOCK = 8  # records that share one sequence of powers

_TAIL = 1e-17  # Poisson weights below this, relative to the largest, are left out


def step_matrix(generator: Generator) -> Matrix:
    """``P = 1 + Q/q``: one event of a Poisson process as fast as the fastest state."""
    size = generator.matrix.shape[0]
    identity = sparse.eye_array(size, format="csr")
    if generator.fastest == 0:
        return sparse.csr_array(identity)
    return sparse.csr_array(identity + generator.matrix / generator.fastest)


def poisson_weights(mean: float) -> tuple[int, Floats]:
    """Poisson probabilities around their mode, and the first number they belong to.

    From the largest outwards by their ratios, then normalised, so that they keep their relative
    accuracy at any mean.

    Examples
    --------
    >>> first, weights = poisson_weights(0.5)
    >>> first, weights[:3].round(6)
    (0, array([0.606531, 0.303265, 0.075816]))
    """
    mode = int(mean)
    reach = int(10 * np.sqrt(mean)) + 40
    up = np.cumprod(mean / np.arange(mode + 1, mode + reach))
    down = np.cumprod(np.arange(mode, max(mode - reach, 0), -1) / mean) if mode else np.zeros(0)
    weights = np.concatenate([down[::-1], [1.0], up])
    first = mode - len(down)
    kept = np.flatnonzero(weights > _TAIL)
    weights = weights[kept[0] : kept[-1] + 1]
    return first + int(kept[0]), weights / weights.sum()


def propagate(generator: Generator, start: Floats, times: Sequence[float]) -> Iterator[Floats]:
    """Probabilities at increasing times, the first of them that of ``start``.

    ``exp(Q t) p = sum_k Poisson(k; q t) P^k p`` with q the `fastest` rate: sums of non-negative
    numbers only, so no probability is negative or loses its relative accuracy. It takes about
    ``q t`` products with P.

    Parameters
    ----------
    generator
        Q.
    start
        ``(states + 1,)``.
    times
        Rising (time).
    """
    step = step_matrix(generator)
    p = start.copy()
    yield p
    for begin in range(0, len(times) - 1, BLOCK):
        later = times[begin + 1 : begin + 1 + BLOCK]
        means = [generator.fastest * (t - times[begin]) for t in later]
        block = _powers(step, p, [poisson_weights(mean) for mean in means])
        yield from block
        p = block[-1]


def _powers(step: Matrix, start: Floats, sums: Sequence[tuple[int, Floats]]) -> list[Floats]:
    """``sum_k w_k P^k start`` for several rows of weights, each with its first k."""
    results = [np.zeros_like(start) for _ in sums]
    term, scaled = start, np.empty_like(start)
    for k in range(max(first + len(weights) for first, weights in sums)):
        if k:
            term = np.asarray(step @ term)
        for result, (first, weights) in zip(results, sums, strict=True):
            if first <= k < first + len(weights):
                np.multiply(term, weights[k - first], out=scaled)
                result += scaled
    return results
