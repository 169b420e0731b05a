"""Rules of published scripts: a scheme to run them, and the concentrations at which they settle.

The rules exchange in two half steps around the diffusion. A mirror layer of width dx beyond the
plane holds c_R V copies; in each half step some of them enter the layer inside the plane, and a
particle that ends beyond the plane is removed. With alpha = D dt/dx**2 the arrivals of a half step
are, on average,

- ``"rate"``: c_R V alpha/2, a rate held over the half step, or
- ``"probability"``: c_R V (1 - exp(-alpha/2)), as each copy enters once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal, get_args

from hybridrd.arguments import choice, named_arguments, whole_number
from hybridrd.errors import ModelError
from hybridrd.interface.base import (
    Context,
    FaceNumbers,
    InterfaceScheme,
    check_face,
    check_length,
)
from hybridrd.interface.layer import check_room, no_exchange
from hybridrd.interface.operator import steady_profile

Arrivals = Literal["rate", "probability"]
Rule = Literal["explicit", "tau", "gillespie"]
#: Leaps of the rule "tau" in a half step, as in most published runs.
LEAPS = 10


@named_arguments
@dataclass(frozen=True)
class Published(InterfaceScheme):
    """Rules of published scripts, for comparison only: none keeps a uniform state at c_R.

    Half a step of arrivals, diffusion, half a step of arrivals; a particle that ends a step beyond
    the plane is removed. The mirror layer of a face cell holds X = c_R V copies; alpha = D dt/dx².

    - ``"explicit"``: each of floor(X) copies enters with probability ``1 - exp(-alpha/2)``, and
      one more with ``1 - exp(-alpha/2 (X - floor(X)))``.
    - ``"tau"``: M leaps, in each Poisson(alpha/2 (X - those that entered before)/M).
    - ``"gillespie"``: events at the constant rate X D/dx², del Razo 2024, eq. (11); their number
      is Poisson(X alpha/2).

    Far from the plane the concentration settles at a multiple of c_R, whatever the geometry.
    `crossing_removal_ratio` computes it for large X; runs (20,000 to 30,000 particles
    beside a wall, 16,000 steps, X above 2,000) agree within 0.004:

    ======  ==========  ===============  ==============  ===========
    alpha   "explicit"  "tau", 10 leaps  "tau", 5 leaps  "gillespie"
    ======  ==========  ===============  ==============  ===========
    0.5     0.998       1.009            1.020           1.128
    0.25    0.879       0.884            0.889           0.935
    0.1     0.751       0.752            0.754           0.769
    ======  ==========  ===============  ==============  ===========

    "explicit" has more arrivals if X is small: it settles at 1.07 c_R for X = 0.4 and at 1.12 c_R
    for X = 0.05 (alpha 0.5). From a mean-field reservoir c_R is read in the middle of the mirror
    layer.

    Parameters
    ----------
    rule
        ``"explicit"``, ``"tau"`` or ``"gillespie"``.
    leaps
        M, of ``"tau"`` alone; default 10.
    width
        dx (length); default sqrt(2 D dt), as published: alpha = 0.5.

    Raises
    ------
    ModelError
        Another rule, leaps for a rule that has none, or a width that is not above 0.

    Examples
    --------
    >>> numbers = Published("tau").numbers(
    ...     D=0.5, dt=0.01, context="mean-field", spacing=0.1, depth=5.0, where="A at interface:x+"
    ... )
    >>> round(numbers.width, 6), numbers.leaps
    (0.1, 10)
    """

    rule: Rule
    leaps: int | None = None
    width: float | None = None
    name: ClassVar[str] = "published"

    def __post_init__(self) -> None:
        choice(self.rule, "Published: rule", get_args(Rule))
        if self.leaps is not None:
            object.__setattr__(self, "leaps", whole_number(self.leaps, "Published: leaps", 1))
            if self.rule != "tau":
                raise ModelError(
                    f"Published: leaps = {self.leaps} for the rule {self.rule!r}, which has none; "
                    f"leave them out, or use 'tau'"
                )
        object.__setattr__(self, "width", check_length("Published", "width", self.width))

    def numbers(
        self, D: float, dt: float, context: Context, spacing: float, depth: float, where: str
    ) -> FaceNumbers:
        """See `InterfaceScheme.numbers`.

        Raises
        ------
        ModelError
            Two-way coupling: the rules assume a reservoir that does not change.
        StepError
            A width above half the region's depth.
        """
        check_face(D, dt, context, spacing, depth, where)
        if context in ("two-way", "cells"):
            raise ModelError(
                f"{where}: Published({self.rule!r}) takes particles out of a reservoir that does "
                f"not change; use coupling='mean-field', or another interface"
            )
        spread = math.sqrt(2.0 * D * dt)
        width = spread if self.width is None else self.width
        if D == 0.0:
            return no_exchange(width)
        check_room(width, depth, where, D=None if self.width else D)
        return FaceNumbers(
            kind="injection",
            width=width,
            survival=1.0,
            offset=0.5 * width,
            alpha=D * dt / width**2,
            beta=1.0,
            spread=spread,
            leaps={"explicit": 0, "tau": self.leaps or LEAPS, "gillespie": 1}[self.rule],
        )


def _arrivals_per_step(alpha: float, arrivals: Arrivals, leaps: int = 1) -> float:
    """Mean arrivals in a full step, per c_R and layer volume."""
    if not (math.isfinite(alpha) and alpha > 0.0):
        raise ModelError(f"alpha = {alpha:g}: it must be finite and above 0")
    if arrivals not in get_args(Arrivals):
        raise ModelError(f"arrivals = {arrivals!r}: use one of {', '.join(get_args(Arrivals))}")
    if arrivals == "rate":
        return 2.0 * (1.0 - max(1.0 - 0.5 * alpha / leaps, 0.0) ** leaps) if leaps > 1 else alpha
    return -2.0 * math.expm1(-0.5 * alpha)


@lru_cache(maxsize=256)
def crossing_removal_ratio(alpha: float, arrivals: Arrivals, leaps: int = 1) -> float:
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
        ``"rate"`` or ``"probability"``, see the module; of `Published` "gillespie" and "explicit"
        (where a cell of the mirror layer holds many copies).
    leaps
        Number of leaps in which the rate follows the content of the mirror layer: `Published`
        "tau".

    Returns
    -------
    float
        Concentration far from the plane over c_R; 1 would be right, 1/2 is the limit of small
        alpha.

    Raises
    ------
    ModelError
        alpha not positive, or another value of ``arrivals``.

    Examples
    --------
    >>> round(crossing_removal_ratio(0.5, "rate"), 4)
    1.1275
    >>> round(crossing_removal_ratio(0.5, "probability"), 4)
    0.9976
    >>> round(crossing_removal_ratio(0.5, "rate", leaps=10), 4)
    1.0088
    """
    a = _arrivals_per_step(alpha, arrivals, leaps)
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
