"""Deterministic one-step operator of an interface scheme, and the offset of c_R that follows.

Half line, depth d >= 0 below the plane, one step of a mean concentration n(d): exchange, then a
Gaussian step of standard deviation s = sqrt(2 D dt),

    n'(d) = int_0^oo [G(d - d') + r G(d + d')] m(d') n(d') dd'

with c_R = 0, m = q inside the layer (d < dx) and 1 below it. The image factor r describes the
plane: r = 1 reflects (the layers), r = 0 removes on crossing at the end of a step, r = -1
removes with the bridge test. The steady profile that is linear far away, n ~ d + delta, reaches
c_R at the distance delta *outside* the plane: the scheme's offset. Solved by Nystroem's method on
Gauss-Legendre panels split at the layer's edge, with the flux of the far profile as the condition
that fixes delta.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from hybridrd.arrays import Floats
from hybridrd.errors import ModelError

#: Below this alpha the layer is treated in continuous time; offsets then differ by 2e-7 widths.
CONTINUOUS_BELOW = 1e-4
#: Deviations from the linear profile decay like exp(-2.5 d/s): 6e-16 at this depth below the layer.
_FAR = 14.0
#: Nodes per panel; panels are at most one s wide. More nodes change offsets by less than 1e-13.
_NODES = 8


class Profile(NamedTuple):
    """Steady profile of unit slope, in layer widths.

    Attributes
    ----------
    depth, weight, value
        Nodes, quadrature weights and concentrations n(d), each of shape ``(nodes,)``.
    offset
        delta, from n ~ d + delta far below the layer.
    """

    depth: Floats
    weight: Floats
    value: Floats
    offset: float


def _panels(start: float, stop: float, width: float) -> tuple[Floats, Floats]:
    count = max(1, math.ceil((stop - start) / width))
    edges = np.linspace(start, stop, count + 1)
    half = np.diff(edges)[:, None] / 2
    x, w = np.polynomial.legendre.leggauss(_NODES)
    return (edges[:-1, None] + half * (x + 1)).ravel(), (half * w).ravel()


def steady_profile(alpha: float, removed: float, image: float = 1.0) -> Profile:
    """Steady profile of the one-step operator, linear with unit slope far below the plane.

    Parameters
    ----------
    alpha
        D dt/dx**2 of the layer of width dx, at least 1e-4 (there are 70 panels in the layer).
    removed
        1 - q, the fraction of the layer's particles that is replaced in a step, 0 to 1.
    image
        Effect of the plane: 1 reflects, 0 removes on crossing, -1 removes with the bridge test.

    Returns
    -------
    Profile
        Lengths in layer widths.

    Raises
    ------
    ModelError
        alpha below 1e-4 or not finite.

    Examples
    --------
    >>> round(steady_profile(0.5, removed=1 - math.exp(-0.5)).offset, 5)
    0.38539
    """
    from scipy.linalg import solve  # slow to import, and most runs don't need it
    from scipy.special import ndtr

    if not CONTINUOUS_BELOW <= alpha < math.inf:
        raise ModelError(f"alpha = {alpha:g}: it must be finite and at least {CONTINUOUS_BELOW:g}")
    s = math.sqrt(2.0 * alpha)
    inner, inner_weight = _panels(0.0, 1.0, s)
    outer, outer_weight = _panels(1.0, 1.0 + _FAR * s, s)
    d = np.concatenate((inner, outer))
    w = np.concatenate((inner_weight, outer_weight))
    lost = np.where(d < 1.0, removed, 0.0)

    def gauss(z: Floats) -> Floats:
        return np.exp(-0.5 * (z / s) ** 2) / (s * math.sqrt(2.0 * math.pi))

    step = (gauss(d[:, None] - d) + image * gauss(d[:, None] + d)) * w
    crossing = ndtr(-d / s)  # probability to end outside the plane
    # n = d + delta + v; the change of "d" and of "1" in one step, beyond that of v
    of_linear = (1.0 + image) * (s * s * gauss(d) - d * crossing) - step @ (lost * d)
    of_constant = -(1.0 - image) * crossing - step @ lost
    # the loss in a step must equal the far flux, s**2/2 for unit slope
    leaving = w * (lost + (1.0 - image) * crossing * (1.0 - lost))

    n = d.size
    matrix = np.empty((n + 1, n + 1))
    matrix[:n, :n] = np.eye(n) - step * (1.0 - lost)
    matrix[:n, n] = -of_constant
    matrix[n, :n] = leaving
    matrix[n, n] = leaving.sum()
    solution = solve(matrix, np.append(of_linear, 0.5 * s * s - leaving @ d))
    delta = float(solution[n])
    return Profile(d, w, d + delta + solution[:n], delta)


def positive(name: str, value: float, zero: bool = False) -> float:
    """``value`` as a float, if it is finite and above 0 (or 0, with ``zero``)."""
    value = float(value)
    if not math.isfinite(value) or value < 0.0 or (value == 0.0 and not zero):
        raise ModelError(
            f"{name} = {value:g}: it must be finite and {'at least' if zero else 'above'} 0"
        )
    return value


@lru_cache(maxsize=1024)
def layer_offset(alpha: float, beta: float = 1.0) -> float:
    """Offset of a boundary layer: c_R is reached delta/dx outside the plane.

    In the layer of width dx particles are removed with rate ``beta D/dx**2`` and arrive with
    ``beta c_R D/dx**2`` per volume (del Razo 2024, eqs. (8) and (11), for beta = 1), exactly over
    the step: survival ``q = exp(-beta alpha)``. A steady linear profile in the particle region,
    continued outside the plane, passes c_R at the distance delta.

    Parameters
    ----------
    alpha
        D dt/dx**2, 0 or more. Below 1e-4 the limit ``coth(sqrt(beta))/sqrt(beta) - 1`` is
        returned.
    beta
        Factor on both rates, above 0.

    Returns
    -------
    float
        delta/dx, good to 1e-6 for beta up to 5; negative at which c_R is reached inside the
        particle region.

    Raises
    ------
    ModelError
        alpha negative, beta not positive, or one of them not finite.

    Examples
    --------
    >>> round(layer_offset(0.5), 4), round(layer_offset(0.0), 4)
    (0.3854, 0.313)
    """
    alpha = positive("alpha", alpha, zero=True)
    beta = positive("beta", beta)
    if alpha < CONTINUOUS_BELOW:
        root = math.sqrt(beta)
        return 1.0 / (math.tanh(root) * root) - 1.0
    return steady_profile(alpha, -math.expm1(-beta * alpha)).offset


@lru_cache(maxsize=1024)
def full_replacement_offset(alpha: float) -> float:
    """Smallest delta/dx of a layer at this alpha: all its particles are replaced (q = 0).

    Parameters
    ----------
    alpha
        D dt/dx**2, at least 1e-4.

    Returns
    -------
    float
        delta/dx.

    Raises
    ------
    ModelError
        alpha below 1e-4 or not finite; there the value is -1 + 0.5826 sqrt(2 alpha).

    Examples
    --------
    >>> full_replacement_offset(1.0) < 0 < full_replacement_offset(1.2)
    True
    """
    return steady_profile(alpha, 1.0).offset


@lru_cache(maxsize=1)
def crossing_offset() -> float:
    """Offset of removal on crossing only, in sqrt(2 D dt): -zeta(1/2)/sqrt(2 pi).

    A particle outside the plane at the end of a step is removed; one that touched the plane
    within the step and came back stays. `ExactPlane` without its bridge test would do this.

    Returns
    -------
    float
        delta/sqrt(2 D dt).

    Examples
    --------
    >>> round(crossing_offset(), 4)
    0.5826
    """
    return steady_profile(0.5, 0.0, image=0.0).offset


@lru_cache(maxsize=1)
def bridge_offset() -> float:
    """Offset of removal with the bridge test, in sqrt(2 D dt): 0.

    A particle that moves from depth d0 to d1 in a step has touched the plane with probability
    exp(-d0 d1/(D dt)); with its removal the step is exactly that of the absorbing half line.

    Returns
    -------
    float
        delta/sqrt(2 D dt), zero to round-off.

    Examples
    --------
    >>> abs(bridge_offset()) < 1e-12
    True
    """
    return steady_profile(0.5, 0.0, image=-1.0).offset
