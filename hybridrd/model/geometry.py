"""Boxes: the domain, the particle region, and parts of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from hybridrd.arguments import items, named_arguments, number, shown
from hybridrd.errors import ModelError
from hybridrd.model.grid import AXES, Grid
from hybridrd.model.quantity import measure
from hybridrd.model.shape import Mask, Shape, centers, check_axes

Interval = tuple[float, float]


def interval(value: object, where: str) -> Interval:
    """Two finite numbers, lower and upper (length). Raises ModelError for anything else."""
    pair = items(value)
    if pair is None or len(pair) != 2:
        raise ModelError(f"{where} = {shown(value)}: give two numbers, (lower, upper)")
    lower, upper = (measure(v, f"{where}: bound", minimum=-math.inf) for v in pair)
    if not lower < upper:
        raise ModelError(
            f"{where} = ({lower:g}, {upper:g}): the bounds must be finite and increasing"
        )
    number(upper - lower, f"{where}: length", strict=True)
    if max(abs(lower), abs(upper)) * 1e-13 > upper - lower:
        raise ModelError(
            f"{where} = ({lower:.17g}, {upper:.17g}): the bounds differ only in their last digits; "
            f"put the origin of the axis near them"
        )
    return lower, upper


class HasIntervals(Protocol):
    """Anything with one interval for each axis."""

    @property
    def intervals(self) -> tuple[Interval, ...]: ...


@named_arguments
@dataclass(frozen=True)
class Box(Shape):
    """An axis-aligned box in one, two or three dimensions: a domain, or a shape in one.

    Parameters
    ----------
    x, y, z
        Intervals (lower, upper) along the axes (length); ``y`` and ``z`` only in two and three
        dimensions.

    Raises
    ------
    ModelError
        If an interval is not finite or not increasing, its length is not between 1e-100 and 1e100,
        or ``z`` is given without ``y``.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> hrd.Box(x=(0, 10), y=(0, 5)).volume
    50.0
    """

    x: Interval
    y: Interval | None = None
    z: Interval | None = None

    #: Whether particles carry only their distance from a centre.
    radial: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.z is not None and self.y is None:
            raise ModelError("Box(z=...) without y: name the axes in order, x, then y, then z")
        for axis in AXES:
            value = getattr(self, axis)
            if value is not None or axis == "x":
                object.__setattr__(self, axis, interval(value, f"Box({axis}=...)"))

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """The intervals of the axes that the box has (length)."""
        return tuple(v for v in (self.x, self.y, self.z) if v is not None)

    @property
    def dimension(self) -> int:
        """Number of axes."""
        return len(self.intervals)

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of the axes."""
        return AXES[: self.dimension]

    @property
    def sides(self) -> list[str]:
        """The names of the walls: ``x-``, ``x+``, ``y-``, ..."""
        return sides(self.axes)

    def along(self, side: str) -> tuple[str, ...]:
        """The coordinates along a wall."""
        return tuple(a for a in self.axes if a != side[0])

    @property
    def bounds(self) -> dict[str, Interval]:
        """The intervals by the names of their axes (length)."""
        return dict(zip(self.axes, self.intervals, strict=True))

    @property
    def title(self) -> str:
        """Number of dimensions in words."""
        return f"{self.dimension} dimension{'s' if self.dimension > 1 else ''}"

    def side(self, axis: int, upper: int) -> str:
        """The name of the lower (0) or upper (1) wall of an axis."""
        return self.axes[axis] + "-+"[upper]

    def place(self, side: str) -> tuple[int, int]:
        """The axis of a wall, and whether it is the lower (0) or upper (1) one."""
        return self.axes.index(side[0]), "-+".index(side[1])

    def grid(self, cells: tuple[int, ...]) -> Grid:
        """Uniform cells over the box."""
        return Grid(self.lower, self.upper, cells)

    @property
    def lower(self) -> tuple[float, ...]:
        """Lower corner (length)."""
        return tuple(a for a, _ in self.intervals)

    @property
    def upper(self) -> tuple[float, ...]:
        """Upper corner (length)."""
        return tuple(b for _, b in self.intervals)

    @property
    def volume(self) -> float:
        """Volume (length^d)."""
        return math.prod(b - a for a, b in self.intervals)

    def mask(self, grid: Grid) -> Mask:
        """Which cells of a grid have their centre in the box, flat ``(cells,)``."""
        check_axes(self, self.dimension, grid)
        inside = np.ones(grid.cells, bool)
        for x, h, (a, b) in zip(centers(grid), grid.spacing, self.intervals, strict=True):
            slack = 1e-9 * h  # boxes side by side share no centre
            inside &= (x >= a - slack) & (x < b - slack)
        return inside

    def to_dict(self) -> dict[str, Any]:
        """The box as plain data, ``{ x = [0, 10], y = [0, 5] }``."""
        return {axis: list(bounds) for axis, bounds in self.bounds.items()}

    def contains(self, other: HasIntervals) -> bool:
        """Whether another box of the same dimension lies within this one (to round-off)."""
        return within(self.intervals, other.intervals)

    def __repr__(self) -> str:
        parts = (f"{n}=({a:g}, {b:g})" for n, (a, b) in zip(self.axes, self.intervals, strict=True))
        return f"Box({', '.join(parts)})"


def within(outer: Sequence[Interval], inner: Sequence[Interval]) -> bool:
    """Whether intervals lie within others, one by one (to round-off)."""
    pairs = zip(outer, inner, strict=True)
    return all(a - 1e-12 * (b - a) <= c and d <= b + 1e-12 * (b - a) for (a, b), (c, d) in pairs)


def sides(axes: Sequence[str]) -> list[str]:
    """The names of the walls of a box: ``x-``, ``x+``, ``y-``, ..."""
    return [axis + side for axis in axes for side in "-+"]
