"""Diffusion-influenced reaction at a sphere: rates and profiles of Smoluchowski's open system.

Particles diffuse outside a reactive sphere of radius ``sigma``, in contact with a reservoir:

    dc/dt = D (d²c/dr² + (2/r) dc/dr),   4 pi sigma² D dc/dr = kappa c  at r = sigma,
    c = c_R  at r = R

(del Razo 2024, eqs. (24), (25)), where R may be infinite. ``kappa`` refers to the whole surface
(length³/time); per area it is ``kappa/(4 pi sigma²)``. ``kappa = 0`` reflects, ``kappa = inf``
absorbs. Rates are length³/time: events per time and per concentration of the reservoir. All
parameters are numbers; positions and times are arrays that broadcast against each other.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrd.arguments import number, real_array, shown
from hybridrd.errors import ModelError
from hybridrd.theory._arguments import scaled, times

__all__ = [
    "collins_kimball",
    "mean_first_passage",
    "mfpt_rate",
    "profile",
    "rate",
    "rate_k_S",
    "shell_profile",
    "time_profile",
]

Floats = NDArray[np.float64]

MAX_TERMS = 20_000


def rate_k_S(D: float, sigma: float) -> float:
    """Smoluchowski's rate ``k_S = 4 pi sigma D`` (length³/time) of an absorbing sphere.

    del Razo 2024, eq. (36): the limit kappa -> inf, R -> inf.

    Examples
    --------
    >>> round(rate_k_S(D=1.0, sigma=1.0), 6)
    12.566371
    """
    return 4 * math.pi * number(sigma, "sigma", strict=True) * number(D, "D", strict=True)


def rate(D: float, sigma: float, kappa: float, R: float = math.inf) -> float:
    """Steady rate J/c_R (length³/time): particles reacting per time, per reservoir concentration.

    ``kappa k/(kappa + k)`` with ``k = 4 pi D/(1/sigma - 1/R)``; for R = inf it is k_D, del Razo
    2024, eq. (36), which it exceeds by the factor ``1 + (k_D/k_S) sigma/R`` to first order.

    Parameters
    ----------
    D
        Diffusion coefficient (length²/time).
    sigma, R
        Radii of the reactive sphere and of the reservoir (length).
    kappa
        Reactivity of the whole sphere (length³/time), 0 to inf.

    Raises
    ------
    ModelError
        If a parameter is invalid, for example R <= sigma.

    Examples
    --------
    >>> round(rate(D=1.0, sigma=1.0, kappa=20.0, R=6.0), 6)
    8.597376
    """
    reactivity = _reactivity(kappa)
    k = rate_k_S(D, sigma) / (1 - sigma / _outer(R, sigma))
    return k if reactivity == math.inf else reactivity * k / (reactivity + k)


def profile(
    r: ArrayLike, D: float, sigma: float, kappa: float, R: float = math.inf, c_R: float = 1.0
) -> Floats:
    """Steady concentration ``c_R - J/(4 pi D) (1/r - 1/R)`` at radii r, J = c_R `rate`.

    ``r`` is a length (array), sigma <= r <= R; ``c_R`` a number per volume, so is the result.

    Examples
    --------
    >>> profile([1.0, 2.0, 4.0], D=1.0, sigma=1.0, kappa=float("inf"))
    array([0.  , 0.5 , 0.75])
    """
    radius = _radii(r, sigma, R)
    depletion = rate(D, sigma, kappa, R) / (4 * math.pi * D)
    return number(c_R, "c_R") * (1 - depletion * (1 / radius - 1 / R))


def time_profile(
    r: ArrayLike, t: ArrayLike, D: float, sigma: float, kappa: float, c_R: float = 1.0
) -> Floats:
    """Concentration at radius r and time t in infinite space, uniform c_R at t = 0.

    With ``x = r - sigma``, ``a = sqrt(4 D t)``, ``gamma = (1 + kappa/k_S)/sigma``,

    ``c/c_R = 1 - (sigma/r) kappa/(kappa + k_S) [erfc(x/a) - exp(-x²/a²) erfcx(x/a + gamma a/2)]``

    (Collins & Kimball 1949). ``r`` (length) and ``t`` (time) broadcast.

    Examples
    --------
    >>> time_profile(2.0, [0.0, 1e12], D=1.0, sigma=1.0, kappa=float("inf")).round(4)
    array([1. , 0.5])
    """
    from scipy.special import erfc, erfcx

    radius, time = np.broadcast_arrays(_radii(r, sigma, math.inf), times(t))
    ratio = _reactivity(kappa) / rate_k_S(D, sigma)
    share = 1.0 if ratio == math.inf else ratio / (1 + ratio)
    z = scaled(radius - sigma, time, D)
    hits = erfc(z)
    if ratio < math.inf:
        hits = hits - np.exp(-(z**2)) * erfcx(z + (1 + ratio) * np.sqrt(D * time) / sigma)
    return np.asarray(number(c_R, "c_R") * (1 - share * sigma / radius * hits))


def collins_kimball(t: ArrayLike, D: float, sigma: float, kappa: float) -> Floats:
    """Rate k(t) (length³/time) in infinite space at time t after a uniform start.

    ``k(t) = k_D [1 + (kappa/k_S) exp(y²) erfc(y)]``, ``y = (1 + kappa/k_S) sqrt(D t)/sigma``,
    ``k_D = kappa k_S/(kappa + k_S)``: kappa at t = 0, k_D at late times (Collins & Kimball 1949).
    An absorbing sphere has ``k_S (1 + sigma/sqrt(pi D t))``, infinite at t = 0.

    Examples
    --------
    >>> collins_kimball([0.0, 1e12], D=1.0, sigma=1.0, kappa=1.0).round(4)
    array([1.    , 0.9263])
    """
    from scipy.special import erfcx

    root = np.sqrt(number(D, "D", strict=True) * times(t)) / number(sigma, "sigma", strict=True)
    k_S = rate_k_S(D, sigma)
    ratio = _reactivity(kappa) / k_S
    if ratio == math.inf:
        early = np.full(root.shape, np.inf)
        np.divide(1, math.sqrt(math.pi) * root, out=early, where=root > 0)
        return k_S * (1 + early)
    return kappa / (1 + ratio) * (1 + ratio * erfcx((1 + ratio) * root))


def shell_profile(
    r: ArrayLike,
    t: ArrayLike,
    D: float,
    sigma: float,
    kappa: float,
    R: float,
    c_R: float = 1.0,
    c_0: float | None = None,
) -> Floats:
    """Concentration at radius r and time t in the shell sigma <= r <= R, from a uniform start.

    `profile` plus a transient: with ``w = r (c - profile)`` and ``z = R - r``, ``l = R - sigma``,
    ``w = sum_n b_n sin(m_n z) exp(-D m_n² t)``, ``m_n cos(m_n l) = -gamma sin(m_n l)``,
    ``gamma = kappa/(4 pi sigma² D) + 1/sigma``.

    Parameters
    ----------
    r, t
        Radii (length) and times (time), arrays that broadcast.
    D, sigma, kappa, R
        As for `rate`; R is finite.
    c_R, c_0
        Concentrations (1/length³) of the reservoir and of the shell at t = 0; c_0 is c_R by
        default, and 0 means an empty shell.

    Raises
    ------
    ModelError
        If a parameter is invalid, or 0 < t < 1e-8 l²/D, where the series is too long.

    Examples
    --------
    >>> shell_profile(1.5, [0.0, 0.1, 100.0], D=1.0, sigma=1.0, kappa=0.0, R=2.0, c_0=0.0).round(4)
    array([0.    , 0.3522, 1.    ])
    """
    radius, time = np.broadcast_arrays(_radii(r, sigma, R), times(t))
    start = number(c_R if c_0 is None else c_0, "c_0")
    steady = profile(radius, D, sigma, kappa, R, c_R)
    width = number(R, "R") - sigma
    later = time[time > 0]
    if later.size == 0:
        return np.full(radius.shape, start)
    terms = 3 + math.ceil(width / math.pi * math.sqrt(40 / (D * float(later.min()))))
    if terms > MAX_TERMS:
        raise ModelError(
            f"t = {later.min():.3g}: the series would need {terms} terms; take t = 0 or "
            f"t > {40 * (width / math.pi / MAX_TERMS) ** 2 / D:.3g}"
        )
    surface = math.inf if _reactivity(kappa) == math.inf else kappa / (4 * math.pi * sigma**2 * D)
    m = _modes(terms, (surface + 1 / sigma) * width) / width
    # projections of w at t = 0, (c_0 - c_R)(R - z) + J/(4 pi D) z/R, on sin(m z)
    sine, cosine = np.sin(m * width), np.cos(m * width)
    constant = (1 - cosine) / m
    linear = sine / m**2 - width * cosine / m
    norm = width / 2 - sine * cosine / (2 * m)
    slope = number(c_R, "c_R") * rate(D, sigma, kappa, R) / (4 * math.pi * D * R)
    b = ((start - c_R) * (R * constant - linear) + slope * linear) / norm
    transient = np.zeros(radius.shape)
    for amplitude, wave in zip(b, m, strict=True):
        transient += amplitude * np.sin(wave * (R - radius)) * np.exp(-D * wave**2 * time)
    return np.where(time > 0, steady + transient / radius, start)


def _modes(terms: int, surface: float) -> Floats:
    """Roots u of ``u cos u + surface sin u = 0``, one in each ((n - 1/2) pi, n pi]."""
    u = top = np.pi * np.arange(1, terms + 1, dtype=np.float64)
    for _ in range(40):  # contracts by 1/pi or better
        u = top - np.arctan(u / surface)
    return u


def mean_first_passage(r0: ArrayLike, D: float, sigma: float, kappa: float, R: float) -> Floats:
    """Mean time (time) until a particle from radius r0 reacts, with a reflecting sphere at R.

    ``T = V/kappa + [R³ (1/sigma - 1/r0) - (r0² - sigma²)/2]/(3 D)``, ``V = 4 pi (R³ - sigma³)/3``;
    ``r0`` is a length (array). Infinite for kappa = 0.

    Examples
    --------
    >>> float(mean_first_passage(1.0, D=1.0, sigma=1.0, kappa=2.0, R=3.0).round(6))    # V/kappa
    54.454273
    """
    radius = _radii(r0, sigma, number(R, "R"))
    diffusion = number(D, "D", strict=True)
    search = R**3 * (1 / sigma - 1 / radius) - (radius**2 - sigma**2) / 2
    return _surface_time(sigma, kappa, R) + search / (3 * diffusion)


def mfpt_rate(D: float, sigma: float, kappa: float, R: float, r0: float | None = None) -> float:
    """Rate V/T (length³/time) of one particle in the closed shell, T its mean first passage time.

    The particle starts at radius ``r0`` (length), or without ``r0`` uniformly in the shell. The
    shell's volume V turns 1/T into a rate per concentration, comparable to `rate`, which has the
    same limit: from a uniform start it is ``k_D [1 + 1.8 (k_D/k_S) sigma/R]`` to first order in
    sigma/R, while `rate` is ``k_D [1 + (k_D/k_S) sigma/R]``.

    Examples
    --------
    >>> k_D = rate(D=1.0, sigma=1.0, kappa=float("inf"))
    >>> round(mfpt_rate(D=1.0, sigma=1.0, kappa=float("inf"), R=100.0) / k_D, 4)
    1.0183
    """
    if r0 is not None:
        time = float(mean_first_passage(r0, D, sigma, kappa, R))
    else:
        outer = _outer(number(R, "R"), sigma)
        cube = outer**3 - sigma**3
        inverse = 1.5 * (outer**2 - sigma**2) / cube  # means over the shell of 1/r and r²
        square = 0.6 * (outer**5 - sigma**5) / cube
        search = outer**3 * (1 / sigma - inverse) - (square - sigma**2) / 2
        time = _surface_time(sigma, kappa, R) + search / (3 * number(D, "D", strict=True))
    return math.inf if time == 0 else 4 * math.pi / 3 * (R**3 - sigma**3) / time


def _surface_time(sigma: float, kappa: float, R: float) -> float:
    """V/kappa: the mean time from the surface itself."""
    volume = 4 * math.pi / 3 * (R**3 - sigma**3)
    reactivity = _reactivity(kappa)
    return math.inf if reactivity == 0 else volume / reactivity


def _reactivity(kappa: float) -> float:
    endless = isinstance(kappa, float) and kappa == math.inf
    return math.inf if endless else number(kappa, "kappa")


def _outer(R: float, sigma: float) -> float:
    outer = math.inf if isinstance(R, float) and math.inf == R else number(R, "R")
    if number(sigma, "sigma", strict=True) < outer:
        return outer
    raise ModelError(f"R = {outer:g} is not beyond the reactive sphere, sigma = {sigma:g}")


def _radii(r: ArrayLike, sigma: float, R: float) -> Floats:
    outer = _outer(R, sigma)
    radius = real_array(r, "r")
    slack = 1e-12 * sigma
    if not ((radius >= sigma - slack) & (radius <= outer * (1 + 1e-12))).all():
        raise ModelError(f"r = {shown(r)}: radii lie between sigma = {sigma:g} and R = {outer:g}")
    return radius
