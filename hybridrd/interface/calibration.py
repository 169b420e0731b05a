"""Calibration of the layer's rates to a chosen distance of c_R outside the plane."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from hybridrd.errors import StepError
from hybridrd.interface.operator import (
    CONTINUOUS_BELOW,
    full_replacement_offset,
    positive,
    steady_profile,
)


@lru_cache(maxsize=1024)
def calibrated_rate(alpha: float, s_over_dx: float) -> float:
    """Factor beta on the layer's rates that puts c_R at the distance s outside the plane.

    Parameters
    ----------
    alpha
        D dt/dx**2, 0 or more. Below 1e-4: ``beta = K**2`` with ``coth(K)/K = 1 + s/dx``.
    s_over_dx
        s/dx, 0 (at the plane) or more.

    Returns
    -------
    float
        beta, with ``layer_offset(alpha, beta) == s_over_dx``.

    Raises
    ------
    StepError
        No such beta exists: even with full replacement in every step delta is above s.
    ModelError
        A negative or not finite argument.

    Examples
    --------
    >>> round(calibrated_rate(0.5, 0.0), 4), round(calibrated_rate(0.5, 0.5), 4)
    (1.6512, 0.8961)
    """
    alpha = positive("alpha", alpha, zero=True)
    s = positive("s/dx", s_over_dx, zero=True)

    def continuous(K: float) -> float:
        return 1.0 / (math.tanh(K) * K) - 1.0 - s

    # 1/K**2 < coth(K)/K < 1/K**2 + 1/3
    K = _root(continuous, (1.0 + s) ** -0.5, (2.0 / 3.0 + s) ** -0.5, 1e-15, 1e-14)
    if alpha < CONTINUOUS_BELOW:
        return K * K

    def excess(removed: float) -> float:
        return steady_profile(alpha, removed).offset - s

    most = 1.0 - 2.0**-53
    if excess(most) > 0.0:
        raise StepError(
            f"no rate puts c_R {s:g} layer widths outside the plane at alpha = D dt/width**2 = "
            f"{alpha:.4g}: even replacing the whole layer in every step leaves it "
            f"{full_replacement_offset(alpha):.4g} widths outside; alpha can be at most "
            f"{largest_alpha(s):.5g}: use a wider layer or a smaller dt"
        )
    least = 0.5 * -math.expm1(-K * K * alpha)
    while excess(least) < 0.0:
        least *= 0.5
    removed = _root(excess, least, most, 1e-13 * least, 1e-13)
    return -math.log1p(-removed) / alpha


@lru_cache(maxsize=256)
def largest_alpha(s_over_dx: float) -> float:
    """Largest D dt/dx**2 at which a rate factor puts c_R at the distance s outside the plane.

    Parameters
    ----------
    s_over_dx
        s/dx, 0 (at the plane) or more.

    Returns
    -------
    float
        The alpha whose full replacement (q = 0) has the offset s.

    Raises
    ------
    ModelError
        s negative or not finite.

    Examples
    --------
    >>> round(largest_alpha(0.0), 4), round(largest_alpha(0.5), 4)
    (1.0806, 1.7755)
    """
    s = positive("s/dx", s_over_dx, zero=True)
    above = 4.0 + 2.0 * s
    while full_replacement_offset(above) < s:
        above *= 2.0
    return _root(lambda alpha: full_replacement_offset(alpha) - s, 0.5, above, 1e-12, 1e-12)


@lru_cache(maxsize=256)
def smallest_width(spread: float, offset: float) -> float:
    """Smallest layer width at which a rate factor puts c_R at ``offset`` outside the plane.

    The counterpart of `largest_alpha` for a given step and a given distance.

    Parameters
    ----------
    spread
        sqrt(2 D dt) (length), above 0.
    offset
        Distance s outside the plane (length), 0 or more.

    Returns
    -------
    float
        Layer width (length).

    Raises
    ------
    ModelError
        An argument out of range or not finite.

    Examples
    --------
    >>> round(smallest_width(1.0, 0.0), 4)
    0.6802
    """
    spread = positive("sqrt(2 D dt)", spread)
    target = positive("offset", offset, zero=True) / spread

    def excess(width: float) -> float:
        return width * full_replacement_offset(0.5 / width**2) - target

    above = 0.7  # offset 0 needs 0.6802, any other less
    below = 0.25
    while excess(below) < 0.0:
        below *= 0.5
        if below < 1e-6:  # a width of 0 reaches no farther
            raise StepError(
                f"no layer puts c_R {offset:g} outside the plane with steps of sqrt(2 D dt) = "
                f"{spread:.4g}; use a smaller offset or a larger dt"
            )
    return spread * _root(excess, below, above, 1e-12, 1e-12)


def _root(
    function: Callable[[float], float], low: float, high: float, xtol: float, rtol: float
) -> float:
    """Root between two bounds, by Brent's method."""
    from scipy.optimize import brentq  # slow to import, and most runs don't need it

    return float(brentq(function, low, high, xtol=xtol, rtol=rtol))
