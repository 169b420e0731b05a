"""Doi's steady rate of a pair in three dimensions, diffusion included, and its inverse."""

from __future__ import annotations

import math

from hybridrd.arguments import number
from hybridrd.errors import ModelError


def _one_minus_tanhc(g: float) -> float:
    """``1 - tanh(g)/g`` without cancellation: x/(1 + x), a continued fraction for small g."""
    if g > 1:
        return 1 - math.tanh(g) / g
    x = 0.0
    for odd in range(19, 1, -2):
        x = g * g / (odd + x)
    return x / (1 + x)


def doi_rate_3d(lambda0: float, D: float, sigma: float) -> float:
    """Doi's steady rate of a pair in three dimensions (length³/time).

    ``k = 4 pi D s (1 - tanh(g)/g)``, ``g = s sqrt(lambda0/D)``, D the sum of both diffusion
    coefficients, s = sigma (Doi 1976). It is ``V_sigma lambda0`` for slow reaction, and
    Smoluchowski's ``4 pi D s`` for fast. ``lambda0 = inf`` is allowed.

    Examples
    --------
    >>> round(doi_rate_3d(3.0, D=1e6, sigma=1.0) / (4 / 3 * math.pi * 3.0), 5)
    1.0
    """
    s, diffusion = number(sigma, "sigma", strict=True), number(D, "D", strict=True)
    g = math.inf if lambda0 == math.inf else s * math.sqrt(number(lambda0, "lambda0") / diffusion)
    return 4 * math.pi * diffusion * s * _one_minus_tanhc(g)


def lambda0_for_rate_3d(k: float, D: float, sigma: float) -> float:
    """The ``lambda0`` (1/time) whose `doi_rate_3d` is ``k`` (length³/time).

    Raises
    ------
    ModelError
        If k is not below Smoluchowski's ``4 pi D sigma``, which no rate can exceed.

    Examples
    --------
    >>> round(doi_rate_3d(lambda0_for_rate_3d(2.0, D=0.5, sigma=1.0), D=0.5, sigma=1.0), 12)
    2.0
    """
    from scipy.optimize import brentq

    s, diffusion = number(sigma, "sigma", strict=True), number(D, "D", strict=True)
    limit = 4 * math.pi * diffusion * s
    y = number(k, "k") / limit
    if y >= 1:
        raise ModelError(
            f"k = {k:g} is not below Smoluchowski's limit 4 pi D sigma = {limit:g} for D = {D:g}, "
            f"sigma = {sigma:g}; take sigma > {k / (4 * math.pi * diffusion):g}"
        )
    if y == 0:
        return 0.0
    # 1 - 1/g < y < g²/(3 + g²)
    low, high = 0.999 * math.sqrt(3 * y / (1 - y)), 1.001 / (1 - y)
    g = brentq(lambda g: _one_minus_tanhc(g) / y - 1, low, high, xtol=1e-15 * low, rtol=1e-14)
    return float(diffusion * (g / s) ** 2)


#: Mean time that a walk on the cubic lattice spends at its start, in h²/D (Watson's integral).
LATTICE = 0.2527310098586630


def cell_rate_3d(k: float, D: float, h: float) -> float:
    """Rate of pairs that react within cubic cells, in three dimensions (length³/time).

    For copies that react in a cell with rate ``k/h³`` and hop between cells it is
    ``k/(1 + 0.2527 k/(D h))``, which goes to 0 with h. Cells narrower than about ``k/(4 pi D)``
    can't reproduce the rate k (S. Hellander, A. Hellander and L. Petzold, J. Chem. Phys. 143,
    234103 (2015)).

    Parameters
    ----------
    k
        The macroscopic rate in each cell (length³/time).
    D
        Sum of the diffusion coefficients (length²/time).
    h
        Width of the cells (length).

    Examples
    --------
    >>> round(cell_rate_3d(k=1.0, D=1.0, h=10.0), 4)
    0.9753
    """
    return k / (1.0 + LATTICE * k / (D * h)) if D > 0 else k
