"""Boundary layer of the source paper, sampled exactly over a step and read at its offset."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import ClassVar

from hybridrd.arguments import named_arguments
from hybridrd.errors import AccuracyWarning, StepError
from hybridrd.interface.base import (
    Context,
    FaceNumbers,
    InterfaceScheme,
    at_least,
    at_most,
    check_face,
    check_length,
)
from hybridrd.interface.operator import layer_offset

#: alpha of the default width sqrt(2 D dt); above it accuracy suffers.
DEFAULT_ALPHA = 0.5
LARGEST_ALPHA = 1.0
#: Slack in comparisons with bounds, so that a width or step at the bound is accepted.
ROUND_OFF = 1.0 + 1e-9


@named_arguments
@dataclass(frozen=True)
class Layer(InterfaceScheme):
    """Boundary layer of width dx: particles leave with rate D/dx**2, arrive with c_R D/dx**2.

    del Razo 2024, eqs. (8) and (11). The plane reflects. At depths below dx the exchange of a step
    is an immigration-death process, sampled exactly once per step before diffusion: a particle
    survives with ``q = exp(-alpha)``, alpha = D dt/dx**2, and Poisson(c_R V (1 - q)) arrive
    uniformly. A uniform Poisson state of concentration c_R is stationary for every step. In a
    gradient, c_R is reached at ``offset`` outside the plane (0.313 dx for small steps, 0.385 dx at
    the default width), where it is read from the continuum. At a wall the offset is a first-order
    bias in dx (use `CalibratedLayer` there).

    Parameters
    ----------
    width
        dx (length), the same for all species; default sqrt(2 D dt), each species its own, which
        is alpha = 0.5.

    Raises
    ------
    ModelError
        A width that is not a finite number above 0.

    Examples
    --------
    >>> numbers = Layer().numbers(
    ...     D=0.5, dt=0.01, context="mean-field", spacing=0.1, depth=5.0, where="A at interface:x+"
    ... )
    >>> round(numbers.width, 6), round(numbers.offset, 6)
    (0.1, 0.038539)
    """

    width: float | None = None
    name: ClassVar[str] = "layer"

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", check_length("Layer", "width", self.width))

    def numbers(
        self, D: float, dt: float, context: Context, spacing: float, depth: float, where: str
    ) -> FaceNumbers:
        """See `InterfaceScheme.numbers`.

        Warns
        -----
        AccuracyWarning
            alpha above 0.5: the width is below sqrt(2 D dt).

        Raises
        ------
        StepError
            alpha above 1, or a width above half the region's depth.
        """
        check_face(D, dt, context, spacing, depth, where)
        spread = math.sqrt(2.0 * D * dt)
        width = spread if self.width is None else self.width
        if D == 0.0:
            return no_exchange(width)
        check_room(width, depth, where, D=None if self.width else D)
        alpha = D * dt / width**2
        remedy = (
            f"use width >= {at_least(math.sqrt(D * dt / DEFAULT_ALPHA))} or "
            f"dt <= {at_most(DEFAULT_ALPHA * width**2 / D)}"
        )
        if alpha > LARGEST_ALPHA * ROUND_OFF:
            raise StepError(
                f"{where}: layer width {width:g} is below {at_least(math.sqrt(D * dt))} = "
                f"sqrt(D dt), the smallest for D = {D:g} and dt = {dt:g} (alpha = D dt/width^2 = "
                f"{alpha:.4g}, at most 1); use width >= {at_least(math.sqrt(D * dt))} or "
                f"dt <= {at_most(width**2 / D)}; for full accuracy {remedy}"
            )
        offset = layer_offset(alpha)
        if alpha > DEFAULT_ALPHA * ROUND_OFF:
            warnings.warn(
                f"{where}: layer width {width:g} is below sqrt(2 D dt) = {spread:.4g} "
                f"(alpha = D dt/width^2 = {alpha:.4g}): c_R is reached {offset:.3f} widths outside "
                f"the plane (0.385 at alpha 0.5, 0.313 at small steps), so the step is coarse "
                f"for the layer; {remedy}",
                AccuracyWarning,
                stacklevel=2,
            )
        return FaceNumbers(
            kind="layer",
            width=width,
            survival=math.exp(-alpha),
            offset=width * offset,
            alpha=alpha,
            beta=1.0,
            spread=spread,
        )


def no_exchange(width: float, offset: float = 0.0) -> FaceNumbers:
    """Numbers of a species that does not diffuse: no exchange."""
    return FaceNumbers(
        kind="layer", width=width, survival=1.0, offset=offset, alpha=0.0, beta=1.0, spread=0.0
    )


def check_room(
    width: float, depth: float, where: str, D: float | None = None, one_cell: bool = False
) -> None:
    """Raise StepError for a layer wider than half the particle region: two of them would overlap.

    Parameters
    ----------
    width, depth
        Of the layer and of the particle region normal to the face (length).
    where
        Species and face, for the message.
    D
        Diffusion coefficient, where the width is ``sqrt(2 D dt)``.
    one_cell
        Whether the width is the default, one cell.

    Raises
    ------
    StepError
        With the largest width or step, or the number of cells.
    """
    if width > 0.5 * depth * ROUND_OFF:
        remedy = f"use width <= {at_most(0.5 * depth)}"
        if D is not None:
            remedy = f"use dt <= {at_most(depth**2 / (8.0 * D))}"
        if one_cell:
            remedy = (
                "the layer is one cell wide, so the region must be two cells deep: use finer cells "
                "(cells=), or a deeper region"
            )
        raise StepError(
            f"{where}: layer width {width:.4g} is above half the particle region's depth of "
            f"{depth:g} there, so layers of opposite faces would overlap; {remedy}"
        )
