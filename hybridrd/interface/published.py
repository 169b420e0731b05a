"""Concentrations, relative to c_R, at which the rules of published scripts settle.

Both rules exchange in two half steps around the diffusion, with a boundary layer of width dx
inside the plane, and draw the arrivals of each half step either as

- ``"rate"``: Poisson(c_R V alpha/2), a rate held over the half step, or
- ``"probability"``: each of the c_R V particles of the mirror layer enters with probability
  1 - exp(-alpha/2),

with alpha = D dt/dx**2 and V the layer's volume. Neither is offered as a scheme; the functions
exist so that a result of such a script can be compared with one of this package.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal, get_args

from hybridrd.errors import ModelError
from hybridrd.interface.operator import steady_profile

Arrivals = Literal["rate", "probability"]


def _arrivals_per_step(alpha: float, arrivals: Arrivals) -> float:
    """Mean arrivals in a full step, per c_R and layer volume."""
    if not (math.isfinite(alpha) and alpha > 0.0):
        raise ModelError(f"alpha = {alpha:g}: it must be finite and above 0")
    if arrivals not in get_args(Arrivals):
        raise ModelError(f"arrivals = {arrivals!r}: use one of {', '.join(get_args(Arrivals))}")
    return alpha if arrivals == "rate" else -2.0 * math.expm1(-0.5 * alpha)


@lru_cache(maxsize=256)
def crossing_removal_ratio(alpha: float, arrivals: Arrivals) -> float:
    """Settled concentration over c_R: absorb on crossing, inject into the layer by rate.

    A particle outside the plane at the end of a step is removed; arrivals are placed uniformly in
    the layer. In the steady state of a region closed at its far end the arrivals of a step equal
    the losses. With h the operator's own profile of unit slope (h = K h for K = one step with
    removal on crossing), symmetry of K gives

        c/c_R = a int_0^dx h dd / (D dt)

    with ``a`` the mean arrivals per volume, step and c_R.

    Parameters
    ----------
    alpha
        D dt/dx**2, above 0; 0.5 in the published scripts (dx = sqrt(2 D dt)).
    arrivals
        ``"rate"`` or ``"probability"``, see the module.

    Returns
    -------
    float
        Concentration far from the plane over c_R; 1 would be right, 1/2 is the limit of small
        alpha.

    Raises
    ------
    ModelError
        alpha not positive, or another word for ``arrivals``.

    Examples
    --------
    >>> round(crossing_removal_ratio(0.5, "rate"), 4)
    1.1275
    >>> round(crossing_removal_ratio(0.5, "probability"), 4)
    0.9976
    """
    a = _arrivals_per_step(alpha, arrivals)
    profile = steady_profile(alpha, 0.0, image=0.0)
    layer = profile.depth < 1.0
    return a * float(profile.weight[layer] @ profile.value[layer]) / alpha


def rate_arrivals_ratio(alpha: float) -> float:
    """Settled concentration over c_R: exact removal in the layer, arrivals by rate.

    In each half step a particle of the layer survives with exp(-alpha/2) while
    Poisson(c_R V alpha/2) arrive; the uniform state of the two is

        c/c_R = (alpha/2)/(1 - exp(-alpha/2)).

    Parameters
    ----------
    alpha
        D dt/dx**2, above 0.

    Returns
    -------
    float
        Concentration, everywhere the same, over c_R.

    Raises
    ------
    ModelError
        alpha not positive or not finite.

    Examples
    --------
    >>> round(rate_arrivals_ratio(0.1), 3), round(rate_arrivals_ratio(0.5), 3)
    (1.025, 1.13)
    """
    return _arrivals_per_step(alpha, "rate") / _arrivals_per_step(alpha, "probability")
