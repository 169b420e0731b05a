"""Initial states: patches of concentration, exact copy numbers, exact positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hybridrd.arguments import items, named_arguments, number, real_array, shown
from hybridrd.arrays import Floats
from hybridrd.errors import ModelError
from hybridrd.model.functions import Value
from hybridrd.model.geometry import Interval, interval
from hybridrd.model.grid import AXES
from hybridrd.model.quantity import measure
from hybridrd.model.shape import Shape


def _axes(owner: Patch | Copies, kind: str) -> None:
    for axis, value in owner.bounds.items():
        object.__setattr__(owner, axis, interval(value, f"{kind}({axis}=...)"))


def _repr(owner: Patch | Copies, names: Sequence[str]) -> str:
    parts = [f"{n}={getattr(owner, n)!r}" for n in names if getattr(owner, n) is not None]
    return f"{type(owner).__name__}({', '.join(parts)})"


def _check_shape(owner: Patch | Copies, kind: str, center: object = None) -> None:
    if owner.shape is None:
        return
    if not isinstance(owner.shape, Shape):
        raise ModelError(
            f"{kind}: shape = {shown(owner.shape)}: give a shape, a Ball or Box for example"
        )
    if owner.bounds or center is not None:
        raise ModelError(f"{kind}: give either shape= or intervals and centres, not both")


def _bounds(owner: object) -> dict[str, Interval]:
    given = {axis: getattr(owner, axis) for axis in AXES}
    return {axis: value for axis, value in given.items() if value is not None}


@named_arguments
@dataclass(frozen=True)
class Patch:
    """A concentration within a box, a disc or ball, or any shape; zero elsewhere.

    Parameters
    ----------
    c
        Concentration (particles per length^d), a number or a function of the coordinates.
    x, y, z
        Intervals of the box (length); an axis that is not named is not bounded.
    center, radius
        Centre (one number for each axis) and radius of a disc or ball (length), in place of
        intervals.
    shape
        Any shape, in place of intervals; the patch is in the cells whose centre belongs to it.

    Notes
    -----
    A constant patch fills each cell in proportion to its exact overlap, and the particle region
    by a Poisson process in exactly its shape; with ``shape`` it fills the shape's cells.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> hrd.Patch(2000.0, x=(7, 10))
    Patch(c=2000.0, x=(7.0, 10.0))
    >>> hrd.Patch(800.0, center=(6.5, 2.5), radius=0.5)
    Patch(c=800.0, center=(6.5, 2.5), radius=0.5)
    """

    c: Value
    x: Interval | None = None
    y: Interval | None = None
    z: Interval | None = None
    center: tuple[float, ...] | None = None
    radius: float | None = None
    shape: Shape | None = None

    def __post_init__(self) -> None:
        _check_shape(self, "Patch", self.center)
        if not callable(self.c):
            object.__setattr__(self, "c", measure(self.c, "Patch: concentration"))
        if (self.center is None) != (self.radius is None):
            raise ModelError("Patch: a disc or ball needs both center= and radius=")
        if self.center is not None:
            if any(v is not None for v in (self.x, self.y, self.z)):
                raise ModelError("Patch: give either intervals x=, y=, z= or center= and radius=")
            center = items(self.center)
            if not center:
                raise ModelError(
                    f"Patch: center = {shown(self.center)}: give one number for each axis"
                )
            point = tuple(measure(v, "Patch: center", minimum=-np.inf) for v in center)
            object.__setattr__(self, "center", point)
            radius = measure(self.radius, "Patch: radius", strict=True)
            object.__setattr__(self, "radius", radius)
        _axes(self, "Patch")

    @property
    def bounds(self) -> dict[str, Interval]:
        """The intervals that were given, by the names of their axes (length)."""
        return _bounds(self)

    def __repr__(self) -> str:
        return _repr(self, ("c", "x", "y", "z", "center", "radius", "shape"))


@named_arguments
@dataclass(frozen=True)
class Copies:
    """An exact number of particles, placed uniformly and independently in a box or shape.

    None is placed in an obstacle.

    Parameters
    ----------
    n
        Copy number.
    x, y, z
        Intervals of the box (length); an axis that is not named is the domain's.
    shape
        Any shape, in place of intervals: the cells whose centre belongs to it.
    """

    n: int
    x: Interval | None = None
    y: Interval | None = None
    z: Interval | None = None
    shape: Shape | None = None

    def __post_init__(self) -> None:
        _check_shape(self, "Copies")
        value = number(self.n, "Copies: n")
        if value != int(value):
            raise ModelError(f"Copies: n = {value:g}: a whole number is needed")
        object.__setattr__(self, "n", int(value))
        _axes(self, "Copies")

    @property
    def bounds(self) -> dict[str, Interval]:
        """The intervals that were given, by the names of their axes (length)."""
        return _bounds(self)

    def __repr__(self) -> str:
        return _repr(self, ("n", "x", "y", "z", "shape"))


@named_arguments
@dataclass(frozen=True, eq=False)
class Points:
    """Particles at exact positions.

    Parameters
    ----------
    positions
        Shape ``(n, d)``, or ``(n,)`` in one dimension (length).
    """

    positions: Floats

    def __init__(self, positions: ArrayLike) -> None:
        array = real_array(positions, "Points: positions")
        if array.ndim == 1:
            array = array[:, None]
        if array.ndim != 2 or not 1 <= array.shape[1] <= 3 or not np.isfinite(array).all():
            raise ModelError(
                f"Points: positions of shape {array.shape} with finite numbers needed: (n, d)"
            )
        array.flags.writeable = False
        object.__setattr__(self, "positions", array)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Points) and np.array_equal(self.positions, other.positions)

    def __reduce__(self) -> tuple[Any, ...]:  # rebuilt, because unpickled arrays are writable
        return Points, (self.positions,)

    def __hash__(self) -> int:
        return hash((self.positions.shape, float(self.positions.sum())))

    def __repr__(self) -> str:
        return f"Points({len(self.positions)} positions)"


def as_sequence(value: Any) -> Sequence[Any]:
    """A list or tuple unchanged, anything else in a list of one."""
    return value if isinstance(value, (list, tuple)) else [value]
