"""Exact plane: arrivals and removals of the open half space, without layer or offset."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from hybridrd.arguments import named_arguments
from hybridrd.errors import StepError
from hybridrd.interface.base import (
    Context,
    FaceNumbers,
    InterfaceScheme,
    at_least,
    at_most,
    check_face,
)

#: Region depth in sqrt(2 D dt) at which two planes affect each other by 1.4e-5 of c_R.
LEAST_DEPTH = 4.0
#: Largest D dt/h**2 two-way: there a step exchanges as much as the first cell holds. The variance
#: in the last bin of particles is 1.4 times the Poisson one, and the step is unstable from 5 on.
LARGEST_CELL_ALPHA = 2.0


@named_arguments
@dataclass(frozen=True)
class ExactPlane(InterfaceScheme):
    """Open plane at c_R, exact for any step: particles that touch it leave, others enter.

    A particle that moves from depth d0 to d1 > 0 has touched the plane with probability exp(-d0
    d1/(D dt)). A particle that touched or crossed it leaves through the face that it touched first,
    at the point of contact. Poisson(2 c_R A sqrt(D dt/pi)) arrive on an area A, with depths of
    density proportional to erfc(d/sqrt(4 D dt)). c_R is reached at the plane (offset 0). This is
    the limit dx -> 0 of del Razo 2024, eqs. (9) and (12), over a finite step.

    In two-way coupling c_R is the value of the continuum's first cell, at its centre h/2 beyond the
    plane. The plane is then as open as that half cell: ``2 D/h (c - c_R)`` passes per area
    and time, as through a leaky wall. A linear profile has no jump, at any step.

    Examples
    --------
    >>> numbers = ExactPlane().numbers(
    ...     D=0.5, dt=1e-3, context="two-way", spacing=0.05, depth=5.0, where="A at interface:x+"
    ... )
    >>> numbers.offset, numbers.stencil, numbers.reactivity
    (0.025, 'cell', 40.0)
    """

    name: ClassVar[str] = "exact-plane"

    def numbers(
        self, D: float, dt: float, context: Context, spacing: float, depth: float, where: str
    ) -> FaceNumbers:
        """See `InterfaceScheme.numbers`.

        Raises
        ------
        StepError
            The particle region is not 4 sqrt(2 D dt) deep, or, two-way, D dt/h**2 is above 2.
        """
        check_face(D, dt, context, spacing, depth, where)
        check_depth(D, dt, depth, where)
        spread = math.sqrt(2.0 * D * dt)
        two_way = context == "two-way"
        cell_alpha = D * dt / spacing**2
        if two_way and cell_alpha > LARGEST_CELL_ALPHA * (1.0 + 1e-9):
            raise StepError(
                f"{where}: D dt/h^2 = {cell_alpha:.4g} for cells of width h = {spacing:g} is above "
                f"{LARGEST_CELL_ALPHA:g}, where a two-way step exchanges more than the first cell "
                f"holds; use dt <= {at_most(LARGEST_CELL_ALPHA * spacing**2 / D)} or cells at "
                f"least {at_least(math.sqrt(D * dt / LARGEST_CELL_ALPHA))} wide"
            )
        return FaceNumbers(
            kind="exact",
            width=0.0,
            survival=1.0,
            offset=0.5 * spacing if two_way else 0.0,
            alpha=0.0,
            beta=1.0,
            spread=spread,
            reactivity=2.0 / spacing if two_way else math.inf,
            stencil="cell" if two_way else "linear",
        )


def check_depth(D: float, dt: float, depth: float, where: str) -> None:
    """Raise StepError if a particle can reach both ends of a region of this ``depth`` in a step.

    Raises
    ------
    StepError
        If the region is not 4 sqrt(2 D dt) deep.
    """
    spread = math.sqrt(2.0 * D * dt)
    # squared, so that a step at the bound is accepted
    if LEAST_DEPTH**2 * 2.0 * D * dt > depth**2 * (1.0 + 1e-9):
        raise StepError(
            f"{where}: the particle region is {depth:g} deep there, less than "
            f"{LEAST_DEPTH:g} sqrt(2 D dt) = {LEAST_DEPTH * spread:.4g}, so a particle "
            f"can reach both of its ends in one step; use dt <= "
            f"{at_most(depth**2 / (2.0 * LEAST_DEPTH**2 * D))} or a region at least "
            f"{at_least(LEAST_DEPTH * spread)} deep"
        )
