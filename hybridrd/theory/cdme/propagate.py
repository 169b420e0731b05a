"""Probabilities in time: exponentials of a generator by uniformisation.

If rates depend on time the steps are those of the commutator-free Magnus method of order four
(Blanes and Moan, Appl. Numer. Math. 56, 1519 (2006)), with an estimate of the error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from scipy import sparse

from hybridrd.arrays import Floats
from hybridrd.errors import StepError
from hybridrd.theory.cdme.generator import Generator, Matrix, TimedEvents

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
    """Poisson probabilities around their mode, and the number of the first.

    Computed from the largest outwards by their ratios, then normalised, which keeps their relative
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
        Increasing (time).
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


# Gauss's points of a step, and the weights of the generators there in its two exponentials.
_POINTS = 0.5 - np.sqrt(3) / 6, 0.5 + np.sqrt(3) / 6
_WEIGHTS = 0.5 + np.sqrt(3) / 3, 0.5 - np.sqrt(3) / 3

MOST_STEPS = 100_000
_LEAST_SHARE = 1e-3  # fraction of the tolerance that a step may use, however short it is


def propagate_timed(
    timed: TimedEvents, start: Floats, times: Sequence[float], tolerance: float
) -> Iterator[tuple[Floats, float]]:
    """Probabilities at increasing times, and the estimated error so far (total variation).

    A step of order four is two exponentials of ``(1/2) dt`` each, with means of the rates at
    Gauss points; a negative mean is replaced by 0. Each step is taken as a whole and in halves.
    Its error is their difference over 15 plus the change by Simpson's mean of the rates, which
    detects jumps that Gauss points miss; it sets the next step. Generators do not amplify
    differences, so the errors of the steps add up to a bound.

    Parameters
    ----------
    timed
        The generator's events in time.
    start
        ``(states + 1,)``.
    times
        Increasing (time).
    tolerance
        Error to aim for at the end.

    Raises
    ------
    StepError
        If more than 100,000 steps would be needed.
    """
    p, error, taken = start.copy(), 0.0, 0
    yield p, error
    whole = times[-1] - times[0]
    step = whole
    for begin, end in pairwise(times):
        t = begin
        while t < end:
            dt = min(step, end - t)
            halves = _step(timed, _step(timed, p, t, 0.5 * dt), t + 0.5 * dt, 0.5 * dt)
            apart = 0.5 * float(np.abs(halves - _step(timed, p, t, dt)).sum())
            found = apart / 15 + _unseen(timed, halves, t, dt)
            allowed = tolerance * max(dt / whole, _LEAST_SHARE)
            change = min(0.9 * (allowed / found) ** 0.2, 4.0) if found > 0 else 4.0
            if found <= allowed:
                p, error = halves, error + found
                t = end if dt == end - t else t + dt
                if dt == step or change < 1:
                    step = dt * change
            else:
                step = dt * max(change, 0.1)
            taken += 1
            if taken > MOST_STEPS:
                raise StepError(
                    f"more than {MOST_STEPS:,} steps by t = {t:.6g}: a rate varies too fast in "
                    f"time for tolerance = {tolerance:g}; use a larger one, or a smoother rate"
                )
        yield p, error


def _step(timed: TimedEvents, p: Floats, t: float, dt: float) -> Floats:
    """One step of order four."""
    early, late = (timed.rates(t + share * dt) for share in _POINTS)
    for first, second in (_WEIGHTS, _WEIGHTS[::-1]):
        mean = timed.generator(np.maximum(first * early + second * late, 0.0))
        weights = poisson_weights(mean.fastest * 0.5 * dt)
        (p,) = _powers(step_matrix(mean), p, [weights])
    return p


def _unseen(timed: TimedEvents, p: Floats, t: float, dt: float) -> float:
    """Change of the probabilities by Simpson's mean of the rates in place of Gauss's."""
    early, late = (timed.rates(t + share * dt) for share in _POINTS)
    gauss = 0.5 * (early + late)
    ends = timed.rates(t) + timed.rates(t + dt)
    simpson = (ends + 4 * timed.rates(t + 0.5 * dt)) / 6
    changes = [np.asarray(timed.generator(mean).matrix @ p) for mean in (simpson, gauss)]
    return 0.5 * dt * float(np.abs(changes[0] - changes[1]).sum())
