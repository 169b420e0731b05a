"""Doi's model of pair reactions: volumes, rates and the reaction probability of a time step.

A pair closer than the Doi radius ``sigma`` reacts with rate ``lambda0``. `hybridrd.theory.doi` has
the same functions for users.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrd.arguments import number
from hybridrd.errors import ModelError, StepError

Floats = NDArray[np.float64]

_UNIT_BALL = {1: 2.0, 2: math.pi, 3: 4 * math.pi / 3}


def reactive_volume(sigma: float, dimension: int) -> float:
    """Volume of the ball of radius ``sigma`` (length^d): 2 s, pi s², 4/3 pi s³.

    ``sigma`` is a length, ``dimension`` 1, 2 or 3 (anything else is a `ModelError`).

    Examples
    --------
    >>> reactive_volume(0.5, dimension=1)
    1.0
    """
    return _unit_ball(dimension) * number(sigma, "sigma", strict=True) ** dimension


def _unit_ball(dimension: int) -> float:
    if dimension not in _UNIT_BALL:
        raise ModelError(f"dimension = {dimension!r}: it is 1, 2 or 3")
    return _UNIT_BALL[dimension]


def macroscopic_rate(lambda0: float, sigma: float, dimension: int) -> float:
    """``k = V_sigma lambda0`` (length^d/time), del Razo 2024, eq. (22); ``lambda0`` is 1/time.

    It is the rate in the well-mixed limit, where reaction is slow compared with diffusion;
    `hybridrd.model.steady` has the diffusion-influenced rate.

    Examples
    --------
    >>> macroscopic_rate(3.0, 0.5, dimension=1)
    3.0
    """
    return number(lambda0, "lambda0") * reactive_volume(sigma, dimension)


def microscopic_rate(k: float, sigma: float, dimension: int) -> float:
    """``lambda0 = k / V_sigma`` (1/time), the inverse of `macroscopic_rate`.

    Examples
    --------
    >>> microscopic_rate(3.0, 0.5, dimension=1)
    3.0
    """
    return number(k, "k") / reactive_volume(sigma, dimension)


def cap_volume(d: ArrayLike, sigma: float, dimension: int) -> Floats:
    """Volume (length^d) of the part of a ball beyond a plane.

    A particle at distance ``d`` (length, array) below a plane reacts with a reservoir of
    concentration c above it at the rate ``lambda0 c cap_volume(d)``: ``s - d`` in one dimension,
    ``s² acos(d/s) - d sqrt(s² - d²)`` in two, ``pi (s - d)² (2 s + d)/3`` in three; 0 for d >= s.
    A centre above the plane has d < 0, and the whole ball for d <= -s.

    Examples
    --------
    >>> cap_volume([0.0, 0.1, 0.3], sigma=0.2, dimension=1)
    array([0.2, 0.1, 0. ])
    """
    unit = reactive_volume(sigma, dimension) / _unit_ball(dimension)  # sigma^d
    u = np.clip(np.asarray(d, dtype=np.float64) / sigma, -1.0, 1.0)
    if dimension == 1:
        return unit * (1 - u)
    if dimension == 2:
        return unit * (np.arccos(u) - u * np.sqrt((1 - u) * (1 + u)))
    return unit * np.pi / 3 * (1 - u) ** 2 * (2 + u)


def overlap_fraction(r: ArrayLike, sigma: float, dimension: int) -> Floats:
    """Fraction of one ball of radius ``sigma`` that lies within another at distance ``r``.

    With ``u = r/(2 sigma)`` it is ``1 - u`` in one dimension, ``(2/pi) (acos u - u sqrt(1 - u²))``
    in two, ``1 - 3 u/2 + u³/2`` in three (two caps each); 0 beyond ``r = 2 sigma``.

    Examples
    --------
    >>> overlap_fraction([0.0, 1.0, 2.0], sigma=1.0, dimension=1)
    array([1. , 0.5, 0. ])
    """
    half = np.abs(np.asarray(r, dtype=np.float64)) / 2
    return 2 * cap_volume(half, sigma, dimension) / reactive_volume(sigma, dimension)


def stay_probability(T: ArrayLike, dimension: int) -> Floats:
    """Probability that a pair, uniform within sigma, is within sigma a time t later.

    ``T = D t / sigma²`` (dimensionless, array), ``D`` the sum of both diffusion coefficients, free
    space: the mean of `overlap_fraction` over the displacement. With g(a) the regularised lower
    incomplete gamma function at 1/T, it is

    - ``g(1/2) - sqrt(T/pi) g(1)`` in one dimension,
    - ``1 - exp(-z) (I0(z) + I1(z))``, ``z = 1/(2 T)`` in two,
    - ``g(3/2) - 3 sqrt(T/pi) g(2) + 2 sqrt(T³/pi) g(3)`` in three.

    It falls from 1 as ``1 - d sqrt(T/pi)``, and to ``V_1 (4 pi T)^(-d/2)`` at large T.

    Examples
    --------
    >>> float(stay_probability(100.0, dimension=2).round(6))    # near 1/(4 T)
    0.002494
    """
    from scipy.special import gammainc, i0e, i1e

    _unit_ball(dimension)
    time = np.asarray(T, dtype=np.float64)
    if not (time >= 0).all():
        raise ModelError(f"T = {T!r}: times are not negative")
    x = np.divide(1.0, time, out=np.full_like(time, np.inf), where=time > 0)
    if dimension == 1:
        return gammainc(0.5, x) - np.sqrt(time / np.pi) * gammainc(1.0, x)
    if dimension == 2:
        series = np.zeros_like(time)
        small = np.minimum(x, 0.1)  # the closed form would cancel here
        for j in range(12, 0, -1):  # 1 - 1F1(1/2; 2; -x), term j over term j - 1
            series = -small * (j - 0.5) / (j * (j + 1)) * (1 + series)
        return np.where(x < 0.1, -series, 1 - i0e(x / 2) - i1e(x / 2))
    root = np.sqrt(time / np.pi)
    cubic = 2 * time * root * gammainc(3.0, x)
    return gammainc(1.5, x) - 3 * root * gammainc(2.0, x) + cubic


def trial_time(D_dt_over_sigma2: float, dimension: int) -> float:
    """``tau*/dt`` of the pair probability: 1/2 for small steps, falling to 0 for large ones.

    With P the `stay_probability` of the pair,

    ``tau* = lim_T [integral_0^T P dt - dt (sum_{n=1}^{N-1} P(n dt) + P(T)/2)]``, ``T = N dt``:

    the time that a pair spends within reach, beyond what the trials after each step count. It
    depends only on ``D dt/sigma²`` (dimensionless) and the dimension; good to 1e-8.

    Examples
    --------
    >>> [round(trial_time(1.0, d), 4) for d in (1, 2, 3)]
    [0.381, 0.2723, 0.1863]
    """
    _unit_ball(dimension)
    return _trial_time(number(D_dt_over_sigma2, "D dt/sigma²"), dimension)


@lru_cache(maxsize=1024)
def _trial_time(step: float, dimension: int, terms: int = 256) -> float:
    if step == 0:
        return 0.5
    end = step * terms
    nodes, weights = np.polynomial.legendre.leggauss(128)
    # P is smooth in sqrt(T) up to T = 1, and in log(T) beyond
    root = math.sqrt(min(1.0, end)) * (nodes + 1) / 2
    area = math.sqrt(min(1.0, end)) * np.sum(weights * root * stay_probability(root**2, dimension))
    if end > 1:
        late = np.exp(math.log(end) * (nodes + 1) / 2)
        area += math.log(end) / 2 * np.sum(weights * late * stay_probability(late, dimension))
    p = stay_probability(step * np.arange(1, terms + 2), dimension)
    # the rest of the limit is the end correction of the trapezoidal rule (Euler-Maclaurin)
    rest = (p[terms] - p[terms - 2]) / 24
    return float(area / step - p[: terms - 1].sum() - p[terms - 1] / 2 + rest)


def pair_probability(
    lambda0: float, dt: float, D: float, sigma: float, dimension: int
) -> tuple[float, float]:
    """Reaction probability of a pair within ``sigma``, for a whole and for half a time step.

    Partners move between trials, so ``1 - exp(-lambda0 dt)`` is too low where they cross the
    radius within a step. With ``tau*`` from `trial_time`,

    ``p = lambda0 dt / (1 + lambda0 tau*)``, ``p_half = 1 - sqrt(1 - p)``;

    the two half steps that meet between two diffusion steps are two trials of ``p_half``. A pair
    that does not move (D = 0) has ``p = 1 - exp(-lambda0 dt)`` exactly. The effective rate in three
    dimensions (`hybridrd.theory.doi.effective_rate`) is Doi's within 0.32 % for
    ``lambda0 dt <= 0.3``, and low by at most 1.8 % wherever p <= 1.

    Parameters
    ----------
    lambda0
        Doi's rate (1/time).
    dt
        Time step (time).
    D
        Sum of both diffusion coefficients (length²/time).
    sigma
        Doi radius (length).
    dimension
        1, 2 or 3.

    Raises
    ------
    StepError
        If p > 1; the message has the largest step.

    Examples
    --------
    >>> p, p_half = pair_probability(47.746, dt=0.005, D=1.6, sigma=0.01, dimension=2)
    >>> round(p, 4), round(p_half, 4)
    (0.2378, 0.127)
    """
    rate = number(lambda0, "lambda0")
    step = number(dt, "dt", strict=True)
    motion = number(D, "D") / number(sigma, "sigma", strict=True) ** 2
    p = rate * step / (1 + rate * step * trial_time(motion * step, dimension))
    if motion == 0:
        p = -math.expm1(-rate * step)
    if p > 1:
        most = largest_step(rate, lambda dt: trial_time(motion * dt, dimension))
        raise StepError(
            f"lambda0 = {rate:g} with dt = {step:g}, D = {D:g} and sigma = {sigma:g} needs a pair "
            f"probability p = {p:.4g} > 1; take dt <= {most:.4g}"
        )
    return p, p / (1 + math.sqrt(1 - p))


def largest_step(lambda0: float, tau: Callable[[float], float]) -> float:
    """The step dt (time) at which ``p = lambda0 dt/(1 + lambda0 dt tau)`` is 1.

    ``tau`` gives ``tau*/dt`` of a step; ``dt - tau*`` rises with dt, and is between dt/2 and dt.
    """
    from scipy.optimize import brentq

    def excess(x: float) -> float:
        return x * (1 - tau(x / lambda0)) - 1

    return float(brentq(excess, 0.9, 2.1, rtol=1e-6)) / lambda0


def cell_shares(
    radius: float, spacing: tuple[float, ...], weight: Callable[[Floats], Floats] | None = None
) -> Floats:
    """Fraction of the partners of a particle in one cell that lies in each cell around it.

    The particle is uniform in its cell; partners are uniform in the ball about it, or have a
    ``weight`` by distance. By quadrature over the ball, to about 1e-4.

    Parameters
    ----------
    radius
        The Doi radius (length).
    spacing
        Widths of the cells along each axis (length).
    weight
        A function of distances.

    Returns
    -------
    numpy.ndarray
        An odd number of cells along each axis, the cell itself in the middle; the sum is 1.

    Examples
    --------
    >>> cell_shares(0.1, (0.1,)).round(3)
    array([0.25, 0.5 , 0.25])
    """
    d = len(spacing)
    x, weights = np.polynomial.legendre.leggauss(48)
    u, weights = 0.5 * (x + 1.0), 0.5 * weights
    across = weights
    if weight is not None:  # shares of the radius in place of the volume
        weights = weights * weight(radius * u) * u ** (d - 1)
        u, weights = u**d, weights / weights.sum()
    if d == 1:
        v, w = radius * x[None], across
        if weight is not None:
            v, w = radius * np.concatenate([u, -u])[None], np.concatenate([weights, weights])
    elif d == 2:
        angle = 2.0 * np.pi * (np.arange(96) + 0.5) / 96
        r = radius * np.sqrt(u)[:, None]
        v = np.array([r * np.cos(angle), r * np.sin(angle)]).reshape(2, -1)
        w = np.repeat(weights / 96, 96)
    else:
        angle = 2.0 * np.pi * (np.arange(48) + 0.5) / 48
        r, z = np.meshgrid(radius * np.cbrt(u), x, indexing="ij")
        rise = np.sqrt(1.0 - z**2)
        flat = [(r * rise)[..., None] * f(angle) for f in (np.cos, np.sin)]
        v = np.array([*flat, np.broadcast_to((r * z)[..., None], flat[0].shape)]).reshape(3, -1)
        w = np.repeat((weights[:, None] * across).ravel() / 48, 48)
    reach = [int(np.ceil(radius / h - 1e-9)) for h in spacing]
    shares = np.zeros([2 * n + 1 for n in reach])
    for index in np.ndindex(shares.shape):
        part = w
        for a, h in enumerate(spacing):
            # Probability that a displacement v from a uniform position ends in the cell.
            part = part * np.maximum(1.0 - np.abs(v[a] / h - (index[a] - reach[a])), 0.0)
        shares[index] = part.sum()
    return np.asarray(shares / shares.sum())
