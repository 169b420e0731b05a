"""One Brownian step beside a reflecting or partially absorbing sphere, in closed form.

A radial density c(r, t) has ``w = r c`` with ``dw/dt = D w''``. Beside one sphere of radius a, with
``x`` the distance from it, ``t`` standing for D dt and

    G(u) = exp(-u²/4t)/sqrt(4 pi t),    E(X) = exp(-X²/4t) erfcx(X/sqrt(4t) + gamma sqrt(t)),

w moves from x0 to x with the density ``G(x - x0) + G(x + x0) - gamma E(x + x0)``, where
``w' = gamma w`` on the sphere (Carslaw and Jaeger, "Conduction of heat in solids", 14.2). With
``s = a`` outside the sphere and ``s = -a`` inside it, ``r = |s + x|`` and

    gamma = reactivity + 1/s,    reactivity = kappa/(4 pi a² D),

kappa being the paper's rate of the whole sphere (del Razo 2024, eq. (25)); a reflecting sphere has
reactivity 0, an absorbing one inf. A particle moves with ``(s + x)/(s + x0)`` times the density of
w. Its integral, the probability to survive the step, and the distribution of x follow; all hold for
any step. Every function takes ``(x0, s, reactivity, t)``.
"""

from __future__ import annotations

import math

import numpy as np

from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.walk import erfcx

_ROOT_PI = 1.7724538509055159
#: Below this ``|gamma| sqrt(4t)`` differences of E and erfc are taken from a series.
_SERIES = 2e-3
_ROUNDS = 60  # Halley's method needs about 3
_CLOSE = 1e-4  # of sd or x: the last correction, the error is its cube


@inlined
def _terms(X, s, reactivity, t):
    """E(X), E(X) - erfc(u), that over gamma (right also where gamma is 0), erfc(u), exp(-u²).

    ``u = X/sqrt(4t)``.
    """
    a = 2.0 * math.sqrt(t)
    u = X / a
    tail = math.erfc(u)
    peak = math.exp(-u * u)
    if reactivity == np.inf:
        return 0.0, -tail, 0.0, tail, peak
    gamma = reactivity + 1.0 / s
    g = gamma * a
    if abs(g) > _SERIES:
        E = peak * erfcx(u + 0.5 * g)
        return E, E - tail, (E - tail) / gamma, tail, peak
    # E = sum of (-g)^n i^n erfc(u), repeated integrals of erfc.
    i1 = peak / _ROOT_PI - u * tail
    i2 = 0.25 * tail - 0.5 * u * i1
    i3 = (i1 - 2.0 * u * i2) / 6.0
    i4 = (i2 - 2.0 * u * i3) / 8.0
    H = -a * (i1 - g * (i2 - g * (i3 - g * i4)))
    return tail + gamma * H, gamma * H, H, tail, peak


@jit
def absorption(x0, s, reactivity, t):
    """Probability that a particle at distance x0 is absorbed within the step.

    ``(s - 1/gamma)/(s + x0) [erfc(x0/sqrt(4t)) - E(x0)]``.
    """
    _, difference, H, _, _ = _terms(x0, s, reactivity, t)
    return (H - s * difference) / (s + x0)


@inlined
def _move(x, x0, s, reactivity, t, E0, d0, H0, tail0, peak0):
    """Distribution, density and its derivative at x, from the terms at x0."""
    a = 2.0 * math.sqrt(t)
    norm = 1.0 / (a * _ROOT_PI)  # of G
    X = x + x0
    E, d, H, tail, peak = _terms(X, s, reactivity, t)
    v = (x - x0) / a
    bell = math.exp(-v * v)
    # The three parts of the integral: of G(x - x0), of G(x + x0), and of gamma E(x + x0).
    first = 0.5 * (s + x0) * (math.erf(v) + 1.0 - tail0) - 2.0 * t * norm * (bell - peak0)
    second = 0.5 * (s - x0) * (tail0 - tail) - 2.0 * t * norm * (peak - peak0)
    third = (s - x0) * (d - d0) - (H - H0) + X * E - x0 * E0 - 4.0 * t * norm * (peak - peak0)
    u = X / a
    if reactivity < np.inf:
        gamma = reactivity + 1.0 / s
        w = norm * (bell + peak) - gamma * E
        slope = -2.0 * norm / a * (v * bell + u * peak) - gamma * (gamma * E - 2.0 * norm * peak)
    else:
        w = norm * (bell - peak)
        slope = -2.0 * norm / a * (v * bell - u * peak)
    scale = 1.0 / (s + x0)
    F = scale * (first + second - third)
    return F, scale * (s + x) * w, scale * (w + (s + x) * slope)


@jit
def distribution(x, x0, s, reactivity, t):
    """Probability to survive the step at a distance below x, and its two derivatives by x."""
    E0, d0, H0, tail0, peak0 = _terms(x0, s, reactivity, t)
    return _move(x, x0, s, reactivity, t, E0, d0, H0, tail0, peak0)


@inlined
def _normal_quantile(p):
    """The normal quantile within about 0.01, to start from (S. Winitzki's inverse of erf)."""
    y = 2.0 * p - 1.0
    log = math.log1p(-y * y)
    b = 4.330746750799873 + 0.5 * log  # 2/(pi 0.147)
    z = math.sqrt(max(2.0 * (math.sqrt(b * b - log / 0.147) - b), 0.0))
    return z if y >= 0.0 else -z


@jit
def quantile(u, x0, s, reactivity, t):
    """The distance x with ``distribution(x) = u``, for u between 0 and the survival."""
    sd = math.sqrt(2.0 * t)
    E0, d0, H0, tail0, peak0 = _terms(x0, s, reactivity, t)
    low = 0.0
    high = x0 + 9.0 * sd
    x = x0 + sd * _normal_quantile(min(max(u, 1e-12), 1.0 - 1e-12))
    x = max(x, 0.5 * sd)  # nearer ones have mostly been reflected
    for _ in range(_ROUNDS):
        F, slope, bend = _move(x, x0, s, reactivity, t, E0, d0, H0, tail0, peak0)
        if u < F:
            high = x
        else:
            low = x
        change = np.inf
        if slope > 0.0:
            change = (F - u) / slope
            change /= max(1.0 - 0.5 * change * bend / slope, 0.5)
        if abs(change) < _CLOSE * min(sd, x):
            return max(x - change, 0.0)
        new = x - change
        if not low < new < high:
            new = 0.5 * (low + high)
        x = new
    return x
