"""Jensen-Shannon divergence of profiles, and its expectation from sampling alone."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, rel_entr

Floats = NDArray[np.float64]

_SMALLEST, _LARGEST = 1e-4, 300.0  # range of means over which the floor is tabulated


def jensen_shannon(a: Floats, b: Floats) -> float:
    """Jensen-Shannon divergence of two profiles, each normalised to one, in nats.

    ``JSD = KL(p, m)/2 + KL(q, m)/2``, m = (p + q)/2, between 0 and ln 2. It does not
    depend on the total amounts. Negative values count as 0; NaN if a profile is empty.

    Examples
    --------
    >>> jensen_shannon(np.array([1.0, 1.0]), np.array([2.0, 2.0]))
    0.0
    >>> round(jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])), 6)
    0.693147
    """
    p, q = np.maximum(a, 0.0).ravel(), np.maximum(b, 0.0).ravel()
    if p.sum() == 0 or q.sum() == 0:
        return float("nan")
    p, q = p / p.sum(), q / q.sum()
    m = 0.5 * (p + q)
    return max(0.0, float(0.5 * (rel_entr(p, m).sum() + rel_entr(q, m).sum())))


def sampling_floor(profile: Floats, samples: float) -> float:
    """Mean divergence between a profile and independent samples of it, in nats.

    Counts in cells are Poisson numbers. Where every cell holds many samples this is
    ``K/(8 n)`` for K cells and n samples in all; cells with few samples, which expand otherwise,
    are summed exactly.

    Parameters
    ----------
    profile
        Expected amounts in the cells, in any unit.
    samples
        Number n of particles sampled from it: particles times replicas.

    Returns
    -------
    float
        NaN if the profile is empty or nothing is sampled.

    Examples
    --------
    >>> round(sampling_floor(np.ones(1000), 1e6) / (1000 / 8e6), 2)
    1.0
    """
    p = np.maximum(profile, 0.0).ravel()
    if p.sum() == 0 or samples <= 0:
        return float("nan")
    return float(_contribution(samples * p / p.sum()).sum() / samples)


def _contribution(mean: Floats) -> Floats:
    """n times the divergence contributed by a cell with a mean number of n samples."""
    log_table, table = _table()
    log_mean = np.log(np.clip(mean, _SMALLEST, _LARGEST))
    result = np.interp(log_mean, log_table, table)
    # Below: one sample or none. Above: the quadratic expansion.
    result = np.where(mean < _SMALLEST, mean * np.log(2.0), result)
    return np.where(mean > _LARGEST, 0.125, result)


@lru_cache(maxsize=1)
def _table() -> tuple[Floats, Floats]:
    """Expectation of ``[k ln(2k/(k+m)) + m ln(2m/(k+m))]/2`` over Poisson k of mean m."""
    m = np.geomspace(_SMALLEST, _LARGEST, 300)[:, None]
    k = np.arange(_LARGEST + 12 * np.sqrt(_LARGEST))[None, :]
    weight = np.exp(k * np.log(m) - m - gammaln(k + 1))
    middle = 0.5 * (k + m)
    value = 0.5 * (rel_entr(k, middle) + rel_entr(m, middle))
    return np.log(m[:, 0]), (weight * value).sum(axis=1)
