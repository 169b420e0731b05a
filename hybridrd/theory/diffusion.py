"""Closed-form solutions of the diffusion equation, to compare with simulations.

All solve ``dc/dt = D laplace(c)`` (some with a reaction). Positions (length) and times (time) are
arrays that broadcast against each other; everything else is a number: D in length²/time, c in
1/length^d. At t = 0 they return the initial state with the boundary conditions applied. A negative
time, a position outside the domain or an invalid parameter raises ModelError. Series and images
are summed to round-off. The solutions are found in textbooks (Crank, The Mathematics of Diffusion,
1975).

Examples
--------
>>> half_line_reservoir([0.0, 0.5, 5.0], t=0.25, D=1.0, c_R=100.0).round(2)
array([100.  ,  47.95,   0.  ])
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrd.arguments import number, real_array
from hybridrd.errors import ModelError
from hybridrd.theory._arguments import inside, scaled, times
from hybridrd.theory._bounded import (
    ball_reservoir,
    cosine_mode,
    disk_reservoir,
    patch_in_interval,
    reservoir_interval,
)

__all__ = [
    "ball_reservoir",
    "cosine_mode",
    "disk_reservoir",
    "fisher_plateau",
    "fisher_speed",
    "half_line_absorbing",
    "half_line_influx",
    "half_line_reservoir",
    "morphogen_gradient",
    "patch_in_interval",
    "patch_on_line",
    "reservoir_interval",
]

Floats = NDArray[np.float64]


def half_line_reservoir(
    x: ArrayLike, t: ArrayLike, D: float, c_R: float, c_0: float = 0.0
) -> Floats:
    """Half line x >= 0, ``c = c_R`` at x = 0, uniform ``c_0`` at the start.

    ``c = c_R + (c_0 - c_R) erf(x/sqrt(4 D t))``. The limits are c_0 far away or early, and c_R.

    Examples
    --------
    >>> half_line_reservoir(1.0, [0.0, 1e9], D=1.0, c_R=3.0).round(3)
    array([0., 3.])
    """
    from scipy.special import erf

    z = scaled(inside(x, 0.0, math.inf), times(t), D)
    return number(c_R, "c_R") + (number(c_0, "c_0") - c_R) * np.asarray(erf(z))


def half_line_absorbing(
    x: ArrayLike, t: ArrayLike, D: float, kappa: float, c_0: float = 1.0
) -> Floats:
    """Half line x >= 0, ``D dc/dx = kappa c`` at x = 0, uniform ``c_0`` at the start.

    ``c/c_0 = erf(z) + exp(-z²) erfcx(z + h sqrt(D t))``, ``z = x/sqrt(4 D t)``, ``h = kappa/D``;
    ``kappa`` is per area (length/time): 0 reflects and c stays c_0, inf absorbs.

    Examples
    --------
    >>> half_line_absorbing(0.0, [0.0, 1.0], D=1.0, kappa=1.0).round(4)
    array([1.    , 0.4276])
    """
    from scipy.special import erf, erfcx

    time = times(t)
    z = scaled(inside(x, 0.0, math.inf), time, D)
    start = number(c_0, "c_0")
    if isinstance(kappa, float) and kappa == math.inf:
        return start * np.asarray(erf(z))
    reached = np.sqrt(time / D) * number(kappa, "kappa")
    return start * np.asarray(erf(z) + np.exp(-(z**2)) * erfcx(z + reached))


def half_line_influx(x: ArrayLike, t: ArrayLike, D: float, J: float) -> Floats:
    """Half line x >= 0, empty at the start, ``-D dc/dx = J`` (per area and time) at x = 0.

    ``c = J sqrt(4 t/D) [exp(-z²)/sqrt(pi) - z erfc(z)]``, ``z = x/sqrt(4 D t)`` (integral J t).

    Examples
    --------
    >>> half_line_influx([0.0, 9.0], t=3.14159265, D=1.0, J=1.0).round(3)
    array([2., 0.])
    """
    from scipy.special import erfc

    time = times(t)
    z = np.minimum(scaled(inside(x, 0.0, math.inf), time, D), 100.0)
    shape = np.exp(-(z**2)) / math.sqrt(math.pi) - z * erfc(z)
    return np.asarray(number(J, "J") * np.sqrt(4 * time / D) * shape)


def patch_on_line(
    x: ArrayLike, t: ArrayLike, D: float, a: float, b: float, c: float = 1.0
) -> Floats:
    """Whole line, uniform ``c`` on a < x < b and nothing elsewhere at the start.

    ``(c/2) [erf((b - x)/sqrt(4 D t)) - erf((a - x)/sqrt(4 D t))]`` (integral c (b - a)).

    Examples
    --------
    >>> patch_on_line([0.0, 0.5, 9.0], t=0.0, D=1.0, a=0.0, b=1.0)    # half on the edge
    array([0.5, 1. , 0. ])
    """
    from scipy.special import erf

    a, b = number(a, "a", -math.inf), number(b, "b", -math.inf)
    if not b > a:
        raise ModelError(f"the patch from a = {a:g} to b = {b:g} is empty")
    place, time = real_array(x, "x"), times(t)
    both = erf(scaled(b - place, time, D)) - erf(scaled(a - place, time, D))
    return np.asarray(number(c, "c") / 2 * both)


def morphogen_gradient(x: ArrayLike, D: float, k: float, L: float, J: float) -> Floats:
    """Steady gradient on 0 <= x <= L: influx J at x = 0, decay k everywhere, reflecting at L.

    ``D c'' = k c``, ``-D c'(0) = J`` (per area and time), ``c'(L) = 0``; with ``q = sqrt(k/D)``,
    ``c = J/sqrt(D k) cosh(q (L - x))/sinh(q L)``, whose integral is J/k. Long intervals have
    ``J/sqrt(D k) exp(-q x)``, short ones J/(k L).

    Examples
    --------
    >>> morphogen_gradient([0.0, 9.0], D=1.0, k=1.0, L=20.0, J=5.0).round(4)
    array([5.e+00, 6.e-04])
    """
    diffusion, rate = number(D, "D", strict=True), number(k, "k", strict=True)
    q, end = math.sqrt(rate / diffusion), number(L, "L", strict=True)
    place = inside(x, 0.0, end)
    waves = np.exp(-q * place) + np.exp(-q * (2 * end - place))
    return np.asarray(
        number(J, "J") / math.sqrt(diffusion * rate) * waves / -np.expm1(-2 * q * end)
    )


def fisher_speed(r: float, D: float) -> float:
    """Speed (length/time) of the front of ``A -> 2 A`` (rate r, 1/time): ``2 sqrt(r D)``.

    It is that of the PDE ``dc/dt = D c'' + r c - ...`` with a compact initial state, whatever
    limits the growth, and is approached from below as ``-3/(2 t) sqrt(D/r)``; particle fronts are
    slower.

    Examples
    --------
    >>> fisher_speed(r=1.0, D=0.25)
    1.0
    """
    return 2 * math.sqrt(number(r, "r") * number(D, "D"))


def fisher_plateau(r: float, k: float) -> float:
    """Concentration (1/length^d) behind the front of ``A -> 2 A`` (r), ``2 A -> A`` (k): ``2 r/k``.

    k (length^d/time) is macroscopic: pairs meet at ``k c²/2``, so ``dc/dt = r c - k c²/2``.

    Examples
    --------
    >>> fisher_plateau(r=1.0, k=0.01)
    200.0
    """
    return 2 * number(r, "r") / number(k, "k", strict=True)
