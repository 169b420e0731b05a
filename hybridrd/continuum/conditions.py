"""Boundary conditions of a concentration at the walls of a box, for finite volumes."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hybridrd.arrays import Floats
from hybridrd.errors import ModelError
from hybridrd.model.grid import AXES
from hybridrd.model.walls import Law


@dataclass(frozen=True)
class WallCondition(ABC):
    """Base of all conditions: exchange of a cell of width h with the wall beside it.

    Attributes
    ----------
    held
        Whether the concentration on the face is given.
    joined
        Whether the wall is identified with the opposite one.
    """

    held: ClassVar[bool] = False
    joined: ClassVar[bool] = False

    @abstractmethod
    def conductance(self, D: Any, width: float) -> Any:
        """Flux out per area and per concentration of the cell at the wall (length/time)."""

    def both_ways(self, D: Any, width: float, rise: Floats | None) -> tuple[Any, Any]:
        """`conductance` out of the cell, and into it, where the potential rises to the wall (kT).

        The flux through the half cell is ``2 D/h (B(rise) c - B(-rise) c_wall)``, see `bernoulli`.
        """
        unit = self.conductance(D, width)
        return (unit, unit) if rise is None else (unit * bernoulli(rise), unit * bernoulli(-rise))

    @property
    def fed(self) -> bool:
        """Whether a concentration is given, on the face or outside."""
        return self.held

    def share(self, D: Any, width: float, rise: float | Floats = 0.0) -> Any:  # noqa: ARG002
        """Fraction of an influx at the face that reaches the cell."""
        return 1.0

    @property
    def closed(self) -> bool:
        """Whether the wall is closed."""
        return not self.joined and bool(self.conductance(1.0, 1.0) == 0.0)


@dataclass(frozen=True)
class NoFlux(WallCondition):
    """A closed wall: ``dc/dn = 0``."""

    def conductance(self, D: Any, width: float) -> Any:  # noqa: ARG002
        """None: nothing passes."""
        return 0.0


@dataclass(frozen=True)
class Dirichlet(WallCondition):
    """The concentration on the face is given, step by step and face cell by face cell."""

    held = True

    def conductance(self, D: Any, width: float) -> Any:
        """From the cell's centre to the wall: 2 D/h (length/time)."""
        return 2.0 * D / width


@dataclass(frozen=True)
class Robin(WallCondition):
    """A wall of finite permeability: ``-D dc/dn = kappa (c - outside)``, n outwards.

    The face value is eliminated exactly: with a cell of width h the flux out of it is
    ``kappa (2 D/h)/(kappa + 2 D/h)`` times the concentration of the cell.

    Parameters
    ----------
    kappa
        Permeability per area (length/time), finite and not negative.
    outside
        Whether a concentration outside is given, step by step and face cell by face cell; without
        one the outside is empty.

    Raises
    ------
    ModelError
        If ``kappa`` is negative, infinite or not a number.
    """

    kappa: float
    outside: bool = False

    @property
    def fed(self) -> bool:
        """Whether a concentration outside is given."""
        return self.outside

    def __post_init__(self) -> None:
        if not (math.isfinite(self.kappa) and self.kappa >= 0):
            raise ModelError(
                f"kappa of an absorbing wall is {self.kappa}; it must be finite and >= 0 "
                "(for a perfectly absorbing wall hold the concentration at 0)"
            )

    def conductance(self, D: Any, width: float) -> Any:
        """Of half a cell and the wall in series (length/time)."""
        inner = 2.0 * D / width
        return self.kappa * inner / (self.kappa + inner) if self.kappa > 0 else 0.0

    def both_ways(self, D: Any, width: float, rise: Floats | None) -> tuple[Any, Any]:
        """Of half a cell and the wall in series, out and in (length/time)."""
        if rise is None:
            return super().both_ways(D, width, rise)
        out, into = (2.0 * D / width * bernoulli(z) for z in (rise, -rise))
        passed = self.kappa / (self.kappa + into)
        return passed * out, passed * into

    def share(self, D: Any, width: float, rise: float | Floats = 0.0) -> Any:
        """Fraction of an influx at the face that reaches the cell; the rest leaves again."""
        inner = 2.0 * D / width * bernoulli(-np.asarray(rise))
        return inner / (self.kappa + inner) if self.kappa > 0 else 1.0


@dataclass(frozen=True)
class PeriodicWall(WallCondition):
    """The wall is joined to the opposite one, which must be periodic as well."""

    joined = True

    def conductance(self, D: Any, width: float) -> Any:  # noqa: ARG002
        """None: the two sides are identified."""
        return 0.0


def bernoulli(z: float | Floats) -> Floats:
    """``z/(exp(z) - 1)``, 1 at 0: the factor of exponential fitting on a jump up by z (kT)."""
    z = np.asarray(z, dtype=float)
    small = np.abs(z) < 1e-5
    safe = np.where(small, 1.0, z)
    return np.asarray(np.where(small, 1.0 - 0.5 * z, safe / np.expm1(safe)))


def condition(law: Law) -> WallCondition:
    """Condition of the PDE for a law with kappa per area."""
    if law.held:
        return Dirichlet()
    return Robin(law.kappa, law.outside is not None) if law.kappa > 0 else NoFlux()


def wall_names(dimension: int) -> tuple[str, ...]:
    """Names of the walls of a box: ``x-, x+, y-, ...``."""
    return tuple(f"{axis}{side}" for axis in AXES[:dimension] for side in "-+")


def resolve_walls(
    walls: Mapping[str, WallCondition] | None, dimension: int
) -> dict[str, WallCondition]:
    """A condition for every wall of the box; walls that are not named are closed.

    Parameters
    ----------
    walls
        Conditions by wall name.
    dimension
        1, 2 or 3.

    Raises
    ------
    ModelError
        If a name is not a wall of the box, or a periodic wall faces one that is not.

    Examples
    --------
    >>> resolve_walls({"x+": Dirichlet()}, 1)
    {'x-': NoFlux(), 'x+': Dirichlet()}
    """
    given = dict(walls or {})
    names = wall_names(dimension)
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ModelError(
            f"{', '.join(unknown)}: no such wall; a box in {dimension}D has {', '.join(names)}"
        )
    full: dict[str, WallCondition] = {}
    for name in names:
        condition = given.get(name, NoFlux())
        full[name] = NoFlux() if condition.closed else condition
    for axis in AXES[:dimension]:
        pair = [full[axis + side].joined for side in "-+"]
        if pair[0] != pair[1]:
            raise ModelError(f"only one of the walls {axis}- and {axis}+ is periodic; make it both")
    return full
