"""Doi's model of pair reactions, and a check of the pair probability that particles use.

`pair_probability` is the probability of a step; `effective_rate` computes the macroscopic rate of
any probability in three dimensions, for comparison with `doi_rate_3d`.

Examples
--------
>>> lambda0, dt, D, sigma = 1.0, 1.0, 1.0, 1.0                  # sd of a step: 1.4 radii
>>> exact = doi_rate_3d(lambda0, D, sigma)
>>> round(effective_rate(lambda0, dt, D, sigma) / exact, 3)
0.999
>>> round(effective_rate(lambda0, dt, D, sigma, p=1 - 2.718281828**-1) / exact, 3)   # 1 - exp
0.779
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hybridrd.arguments import number
from hybridrd.errors import ModelError, StepError
from hybridrd.model.doi import (
    cap_volume,
    macroscopic_rate,
    microscopic_rate,
    overlap_fraction,
    pair_probability,
    reactive_volume,
    stay_probability,
    trial_time,
)
from hybridrd.model.steady import doi_rate_3d, lambda0_for_rate_3d

__all__ = [
    "cap_volume",
    "doi_rate_3d",
    "effective_rate",
    "lambda0_for_rate_3d",
    "macroscopic_rate",
    "microscopic_rate",
    "overlap_fraction",
    "pair_probability",
    "reactive_volume",
    "stay_probability",
    "surface_reactivity",
    "trial_time",
]

Floats = NDArray[np.float64]

SMALLEST_STEP = 1e-4
"""Least D dt/sigma² of `effective_rate`; below it the pair rule has Doi's rate within 0.15 %."""


def effective_rate(
    lambda0: float, dt: float, D: float, sigma: float, p: float | None = None
) -> float:
    """Steady macroscopic rate (length³/time) of a Doi pair in discrete time, three dimensions.

    In each step a pair within ``sigma`` reacts with probability p, then its separation takes a
    Gaussian step of variance 2 D dt per axis. With concentration 1 far away, the pair density just
    before a trial is ``u = 1 - p sum_{n>=1} G^n (u 1_ball)``, G the Gaussian step, and the rate is
    ``k = (p/dt) integral_ball u``. For ``w = r u`` this is an integral equation on (0, sigma),
    solved with Gauss-Legendre nodes; deterministic, good to 1e-8.

    Parameters
    ----------
    lambda0
        Doi's rate (1/time), used if ``p`` is not given.
    dt
        Time step (time), D dt >= 1e-4 sigma².
    D
        Sum of both diffusion coefficients (length²/time), > 0.
    sigma
        Doi radius (length).
    p
        Probability per step; by default that of `pair_probability`.

    Returns
    -------
    k
        The rule of `pair_probability` gives `doi_rate_3d` within 0.32 % for ``lambda0 dt <= 0.3``;
        at larger rates it is low by up to 1.8 % (p near 1, D dt/sigma² near 0.08).

    Raises
    ------
    StepError
        If D dt < 1e-4 sigma², or if `pair_probability` raises it.
    ModelError
        If p is not in [0, 1].

    Examples
    --------
    >>> round(effective_rate(1.0, dt=0.1, D=1.0, sigma=1.0) / doi_rate_3d(1.0, 1.0, 1.0), 4)
    0.9995
    """
    radius = number(sigma, "sigma", strict=True)
    time = number(dt, "dt", strict=True)
    step = number(D, "D", strict=True) * time / radius**2
    if step < SMALLEST_STEP:
        raise StepError(
            f"dt = {time:g} with D = {D:g}, sigma = {radius:g}: D dt/sigma² = {step:.3g}, and "
            f"effective_rate needs {SMALLEST_STEP:g}; use doi_rate_3d, the limit of small steps"
        )
    if p is None:
        p, _ = pair_probability(lambda0, time, D, radius, dimension=3)
    if not 0 <= p <= 1:
        raise ModelError(f"p = {p:g}: a probability is between 0 and 1")
    nodes, weights = np.polynomial.legendre.leggauss(40 + int(8 / math.sqrt(step)))
    r, weights = (nodes + 1) / 2, weights / 2
    kernel = _visits(np.abs(r[:, None] - r), step) - _visits(r[:, None] + r, step)
    w = np.linalg.solve(np.eye(r.size) + p * kernel * weights, r)
    return float(p / time * 4 * math.pi * radius**3 * np.sum(weights * r * w))


def surface_reactivity(lambda0: float, D: float, sigma: float) -> float:
    """The kappa of a reactive sphere (length³/time) that has Doi's rate in three dimensions.

    ``kappa = k_S (g coth g - 1)`` with ``k_S = 4 pi D sigma``, ``g = sigma sqrt(lambda0/D)``: then
    del Razo 2024, eq. (36), ``k_D = kappa k_S/(kappa + k_S)``, is `doi_rate_3d`. It tends to k for
    slow reactions and to infinity for fast ones.

    Parameters
    ----------
    lambda0
        Doi's rate (1/time).
    D
        Sum of both diffusion coefficients (length²/time), > 0.
    sigma
        Radius of both (length).

    Examples
    --------
    >>> from hybridrd.theory import smoluchowski
    >>> kappa = surface_reactivity(lambda0=3.0, D=0.5, sigma=0.8)
    >>> round(smoluchowski.rate(0.5, 0.8, kappa) / doi_rate_3d(3.0, 0.5, 0.8), 12)
    1.0
    """
    radius, coefficient = number(sigma, "sigma", strict=True), number(D, "D", strict=True)
    g = radius * math.sqrt(number(lambda0, "lambda0") / coefficient)
    if g < 1e-3:  # g coth g - 1 = g²/3 - g⁴/45 + ... loses its digits
        excess = g**2 / 3 - g**4 / 45
    else:
        excess = g / math.tanh(g) - 1
    return 4 * math.pi * coefficient * radius * excess


def _visits(distance: Floats, step: float) -> Floats:
    """``sum_n (g_n(y) - g_n(0))`` over all n >= 1 at distances y up to 2, g_n normal, var 2 n step.

    It depends only on the distance and has the scale of one step: tabulated, then interpolated.
    """
    from scipy.interpolate import CubicSpline
    from scipy.special import erfc

    sd = math.sqrt(2 * step)
    y = np.linspace(0.0, 2.0, 400 + int(200 / sd))
    x = y**2 / (4 * step)
    terms = 64 + int(6 / math.sqrt(step))
    total = np.zeros_like(y)
    for n in range(1, terms):
        total += np.expm1(-x / n) / math.sqrt(n)
    # Euler-Maclaurin for the terms from here on: integral, half the first term, its derivative
    n = terms
    total += np.expm1(-x / n) / (2 * math.sqrt(n))
    total -= ((x / n - 0.5) * np.exp(-x / n) + 0.5) / (12 * n**1.5)
    early = 2 * math.sqrt(n) * np.expm1(-x / n) - 2 * np.sqrt(np.pi * x) * erfc(np.sqrt(x / n))
    total += -2 * np.sqrt(np.pi * x) - early
    return np.asarray(CubicSpline(y, total)(distance)) / math.sqrt(4 * np.pi * step)
