"""Discretised delta functions, and the layer's rates that follow from them.

The reservoir acts on the particle region x < R with rates that are distributions at the plane,

    lambda_out(x) = D delta'(x - R),    lambda_in(x) = c_R D delta'(x - R)

(del Razo 2024, eqs. (9) and (12)). A triangle of half width eps for delta and its derivative for
delta' give, with eps = dx, the layer's rates D/dx**2 (8) and c_R D/dx**2 (11). The sign of delta'
is that of the derivative, ``-sgn(x)/eps**2``; eq. (10) prints the opposite one, with which the
rates inside the region would be negative.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hybridrd.arrays import Floats
from hybridrd.errors import ModelError


def _check_width(name: str, value: float) -> None:
    if not (np.isfinite(value) and value > 0.0):
        raise ModelError(f"{name} = {value:g} must be finite and above 0")


def delta_eps(x: ArrayLike, eps: float) -> Floats:
    """Discretised delta function, ``(eps - |x|)/eps**2`` for ``|x| < eps`` and 0 elsewhere.

    del Razo 2024, eq. (10).

    Parameters
    ----------
    x
        Positions (length), any shape.
    eps
        Half width of the triangle (length).

    Returns
    -------
    ndarray
        Of the shape of x (1/length); its integral is 1.

    Raises
    ------
    ModelError
        eps not finite or not above 0.

    Examples
    --------
    >>> delta_eps([-0.5, 0.0, 0.25, 1.0], eps=0.5).tolist()
    [0.0, 2.0, 1.0, 0.0]
    """
    _check_width("eps", eps)
    distance = np.abs(np.asarray(x, dtype=np.float64))
    return np.asarray(np.maximum(eps - distance, 0.0) / eps**2)


def delta_prime_eps(x: ArrayLike, eps: float) -> Floats:
    """Derivative of `delta_eps`: ``-sgn(x)/eps**2`` for ``|x| < eps`` and 0 elsewhere.

    del Razo 2024, eq. (10), with the sign that makes it the derivative.

    Parameters
    ----------
    x
        Positions (length), any shape.
    eps
        Half width of the triangle (length).

    Returns
    -------
    ndarray
        Of the shape of x (1/length**2).

    Raises
    ------
    ModelError
        eps not finite or not above 0.

    Examples
    --------
    >>> delta_prime_eps([-0.5, -0.25, 0.25], eps=0.5).tolist()
    [0.0, 4.0, -4.0]
    """
    _check_width("eps", eps)
    x = np.asarray(x, dtype=np.float64)
    return np.asarray(np.where(np.abs(x) < eps, np.sign(-x), 0.0) / eps**2)


def rate_out(x: ArrayLike, R: float, dx: float, D: float) -> Floats:
    """Rate at which a particle at x leaves for the reservoir, `delta_prime_eps` at x - R times D.

    ``D/dx**2`` in the layer R - dx < x < R and 0 deeper in the region (del Razo 2024, eq. (8),
    the discretisation of eq. (9)); 0 at x >= R, where there are no particles.

    Parameters
    ----------
    x
        Positions (length), any shape; the particle region is x < R.
    R
        Position of the plane (length).
    dx
        Width of the layer (length).
    D
        Diffusion coefficient (length**2/time).

    Returns
    -------
    ndarray
        Of the shape of x (1/time).

    Raises
    ------
    ModelError
        dx not finite or not above 0.

    Examples
    --------
    >>> rate_out([0.25, 0.75, 1.25], R=1.0, dx=0.5, D=2.0).tolist()
    [0.0, 8.0, 0.0]
    """
    _check_width("dx", dx)
    below = np.asarray(x, dtype=np.float64) - R
    return np.asarray(np.where(below < 0.0, D * delta_prime_eps(below, dx), 0.0))


def rate_in(x: ArrayLike, R: float, dx: float, D: float, c_R: ArrayLike) -> Floats:
    """Rate per volume at which particles arrive at x: ``c_R`` times `rate_out`.

    ``c_R D/dx**2`` in the layer (del Razo 2024, eq. (11), the discretisation of eq. (12)).

    Parameters
    ----------
    x
        Positions (length), any shape; the particle region is x < R.
    R
        Position of the plane (length).
    dx
        Width of the layer (length).
    D
        Diffusion coefficient (length**2/time).
    c_R
        Concentration of the reservoir (1/length**d), a number or an array that broadcasts to x.

    Returns
    -------
    ndarray
        Of the shape of x (1/(length**d time)).

    Raises
    ------
    ModelError
        dx not finite or not above 0.

    Examples
    --------
    >>> rate_in([0.25, 0.75], R=1.0, dx=0.5, D=2.0, c_R=10.0).tolist()
    [0.0, 80.0]
    """
    return np.asarray(np.asarray(c_R, dtype=np.float64) * rate_out(x, R, dx, D))
