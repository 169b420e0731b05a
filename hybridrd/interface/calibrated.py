"""Boundary layer with rates calibrated so that c_R is reached at a chosen offset."""

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
    check_length,
)
from hybridrd.interface.calibration import calibrated_rate, largest_alpha, smallest_width
from hybridrd.interface.cells import first_cell_offset
from hybridrd.interface.layer import check_room, no_exchange


@named_arguments
@dataclass(frozen=True)
class CalibratedLayer(InterfaceScheme):
    """`Layer` with both rates multiplied by beta, so that c_R is reached at a chosen offset.

    Rates beta D/dx**2 and beta c_R D/dx**2 (beta = 1: del Razo 2024, eqs. (8) and (11)), survival
    ``q = exp(-beta alpha)``. beta is the root of ``layer_offset(alpha, beta) = offset/dx`` of the
    deterministic one-step operator: 1.439 at small steps and 1.651 at alpha = 0.5 for offset 0,
    0.845 at small steps for dx/2. Second order in dx; `Layer` read at the plane is first order.

    Parameters
    ----------
    width
        dx (length); default sqrt(2 D dt), each species its own; in two-way coupling the width of
        the continuum's cells.
    offset
        Offset of c_R outside the plane (length); default 0, and in two-way coupling half a
        cell: c_R is then the value of the first cell of the continuum. Beside discrete copies it
        is `hybridrd.interface.cells.first_cell_offset`.

    Raises
    ------
    ModelError
        A width that is not a finite number above 0, an offset that is negative or not finite.

    Examples
    --------
    >>> numbers = CalibratedLayer(width=0.05).numbers(
    ...     D=1.0, dt=2.5e-4, context="wall", spacing=0.01, depth=1.0, where="A at x+"
    ... )
    >>> round(numbers.beta, 4), numbers.offset
    (1.4548, 0.0)
    """

    width: float | None = None
    offset: float | None = None
    name: ClassVar[str] = "calibrated-layer"

    def __post_init__(self) -> None:
        scheme = type(self).__name__
        object.__setattr__(self, "width", check_length(scheme, "width", self.width))
        object.__setattr__(self, "offset", check_length(scheme, "offset", self.offset, zero=True))

    def numbers(
        self, D: float, dt: float, context: Context, spacing: float, depth: float, where: str
    ) -> FaceNumbers:
        """See `InterfaceScheme.numbers`.

        Raises
        ------
        StepError
            No beta puts c_R at the offset: even full replacement of the layer in every step
            leaves it farther out (alpha above 1.0806 for offset 0, 1.7755 for half a width); or
            a width above half the region's depth.
        """
        check_face(D, dt, context, spacing, depth, where)
        spread = math.sqrt(2.0 * D * dt)
        two_way = context in ("two-way", "cells")
        width = self.width or (spacing if two_way else spread)
        first_cell = two_way and self.offset is None
        offset = 0.5 * spacing if first_cell else (self.offset or 0.0)
        if first_cell and context == "cells":
            offset = spacing * first_cell_offset(D * dt / spacing**2)
        if D == 0.0:
            return no_exchange(width, offset)
        if offset > depth:
            raise StepError(
                f"{where}: offset {offset:g} is more than the particle region's extent {depth:g}; "
                f"use a smaller one, or leave it out"
            )
        unset = self.width is None
        by_step = unset and not two_way
        check_room(width, depth, where, D if by_step else None, one_cell=unset and two_way)
        alpha = D * dt / width**2
        # An offset of 0, which allows the smallest steps only, can be had up to alpha = 1.0806.
        if alpha > 1.08 and alpha > (most := largest_alpha(offset / width)):
            least_width = at_least(smallest_width(spread, offset))
            raise StepError(
                f"{where}: layer width {width:g} is below {least_width}, the smallest that can "
                f"put c_R {offset:g} outside the plane for D = {D:g} and dt = {dt:g} (alpha = "
                f"D dt/width^2 = {alpha:.4g}, at most {at_most(most)}: there the whole layer is "
                f"replaced in every step); use width >= {least_width} or "
                f"dt <= {at_most(most * width**2 / D)}"
            )
        beta = calibrated_rate(alpha, offset / width)
        return FaceNumbers(
            kind="layer",
            width=width,
            survival=math.exp(-beta * alpha),
            offset=offset,
            alpha=alpha,
            beta=beta,
            spread=spread,
            stencil="cell" if first_cell else "linear",
        )
