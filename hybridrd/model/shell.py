"""Spherical shells: a domain or particle region between two concentric spheres, or inside one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

import numpy as np

from hybridrd.arguments import items, named_arguments, shown
from hybridrd.arrays import Floats
from hybridrd.errors import ModelError
from hybridrd.model.geometry import Box, HasIntervals, interval, within
from hybridrd.model.grid import Grid
from hybridrd.model.quantity import measure
from hybridrd.model.shape import Mask, Shape, centers, check_axes

WALLS = ("inner", "outer")


@named_arguments
@dataclass(frozen=True)
class Shell(Shape):
    """A spherical shell ``inner <= r <= outer`` in three dimensions, with spherical symmetry.

    Its one coordinate is the distance r from the centre; its walls are ``"inner"`` and
    ``"outer"``. With ``inner=0`` it is a ball, whose only wall is ``"outer"``. Particles have r
    only: ``dc/dt = D (d²c/dr² + (2/r) dc/dr)``, del Razo 2024, eq. (24); reactions of order two
    need positions and are refused where there are particles.

    Parameters
    ----------
    inner, outer
        Radii of the two spheres (length), ``0 <= inner < outer``.
    center
        Centre of a shell (in two dimensions a ring) used as a shape in a `Box`, one number for each
        axis (length); a shell that is the domain or a region in it has none.

    Raises
    ------
    ModelError
        If a radius is not finite, ``inner`` is negative or not below ``outer``, or the centre is
        not one to three numbers.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> shell = hrd.Shell(inner=1.0, outer=2.0)
    >>> round(shell.volume, 6), shell.axes
    (29.321531, ('r',))
    >>> hrd.Shell(inner=0.0, outer=2.0).sides
    ['outer']
    """

    inner: float
    outer: float
    center: tuple[float, ...] | None = None

    #: Whether particles carry only their distance from a centre.
    radial: ClassVar[bool] = True
    #: The domain in words.
    title: ClassVar[str] = "a ball shell"

    def __post_init__(self) -> None:
        for name in WALLS:
            value = measure(getattr(self, name), f"Shell: {name}", strict=name == "outer")
            object.__setattr__(self, name, value)
        if not self.inner < self.outer:
            raise ModelError(
                f"Shell(inner={self.inner:g}, outer={self.outer:g}): outer must be above inner"
            )
        interval((self.inner, self.outer), "Shell")
        if self.center is not None:
            given = items(self.center)
            if given is None or not 1 <= len(given) <= 3:
                raise ModelError(
                    f"Shell: center = {shown(self.center)}: give one number for each axis"
                )
            point = tuple(measure(v, "Shell: center", minimum=-math.inf) for v in given)
            object.__setattr__(self, "center", point)

    @property
    def dimension(self) -> int:
        """Three: concentrations are per length³."""
        return 3

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of the coordinates."""
        return ("r",)

    @property
    def sides(self) -> list[str]:
        """The names of the walls; at the centre of a ball there is none."""
        return [name for name in WALLS if getattr(self, name) > 0]

    def side(self, axis: int, upper: int) -> str:  # noqa: ARG002
        """The name of the lower (0) or upper (1) end of the coordinate."""
        return WALLS[upper]

    def place(self, side: str) -> tuple[int, int]:
        """The axis of a wall, and whether it is the lower (0) or upper (1) one."""
        return 0, WALLS.index(side)

    def along(self, side: str) -> tuple[str, ...]:  # noqa: ARG002
        """The coordinates along a sphere: none."""
        return ()

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The interval of the coordinate by its name (length)."""
        return {"r": self.r}

    @property
    def r(self) -> tuple[float, float]:
        """The radii (length)."""
        return self.inner, self.outer

    @property
    def intervals(self) -> tuple[tuple[float, float], ...]:
        """The interval of the coordinate (length)."""
        return ((self.inner, self.outer),)

    @property
    def lower(self) -> tuple[float, ...]:
        """Inner radius, as a corner (length)."""
        return (self.inner,)

    @property
    def upper(self) -> tuple[float, ...]:
        """Outer radius, as a corner (length)."""
        return (self.outer,)

    @property
    def volume(self) -> float:
        """Volume (length³)."""
        return 4 / 3 * math.pi * (self.outer**3 - self.inner**3)

    def grid(self, cells: tuple[int, ...]) -> ShellGrid:
        """Cells of equal width over the shell."""
        return ShellGrid(self.lower, self.upper, cells)

    def mask(self, grid: Grid) -> Mask:
        """Which cells of a grid have their centre in the shell, flat ``(cells,)``."""
        if self.center is None:
            if not grid.radial:
                raise ModelError(f"{self} has no centre among the cells of a Box; give center=")
            (r,), slack = centers(grid), 1e-9 * grid.spacing[0]
            return np.asarray((r >= self.inner - slack) & (r < self.outer - slack))
        check_axes(self, len(self.center), grid)
        x = zip(centers(grid), self.center, strict=True)
        r = np.sqrt(np.add.reduce([(a - c) ** 2 for a, c in x]))
        return np.asarray((r >= self.inner) & (r <= self.outer * (1.0 + 1e-12)))

    def to_dict(self) -> dict[str, Any]:
        """The shell as plain data, ``{ inner = 1.0, outer = 6.0 }``."""
        center = {} if self.center is None else {"center": list(self.center)}
        return {"inner": self.inner, "outer": self.outer, **center}

    def contains(self, other: HasIntervals) -> bool:
        """Whether another shell lies within this one (to round-off)."""
        return within(self.intervals, other.intervals)

    def __repr__(self) -> str:
        center = "" if self.center is None else f", center={self.center}"
        return f"Shell(inner={self.inner:g}, outer={self.outer:g}{center})"


#: Types of a domain or a particle region.
Domain: TypeAlias = Box | Shell


@dataclass(frozen=True)
class ShellGrid(Grid):
    """Concentric cells of equal width in r; their volumes differ.

    Examples
    --------
    >>> grid = ShellGrid((1.0,), (2.0,), (10,))
    >>> round(float(grid.volumes.sum()), 6)
    29.321531
    """

    radial: ClassVar[bool] = True

    @property
    def space(self) -> int:
        """Three: concentrations are per length³."""
        return 3

    @property
    def axes(self) -> tuple[str, ...]:
        """The name of the coordinate."""
        return ("r",)

    @property
    def volume(self) -> float:
        """Undefined: each cell has its own volume, see `volumes`."""
        raise TypeError("the cells of a shell differ in volume; use volumes")

    @cached_property
    def volumes(self) -> Floats:
        """Volume of each cell, ``4/3 pi (b³ - a³)`` (length³)."""
        return np.diff(self.measure(0, self.edges(0)))

    def measure(self, axis: int, x: Floats) -> Floats:  # noqa: ARG002
        """Volume of the ball of radius x (length³)."""
        return np.asarray(4 / 3 * math.pi * x**3)

    def by_volume(self, x: Floats, low: Floats, width: Floats) -> None:
        """Map radii that are uniform in each cell to uniform by volume, see `Grid.by_volume`."""
        a = low[0] + width[0] * np.floor((x[0] - low[0]) / width[0])
        fraction = (x[0] - a) / width[0]
        x[0] = np.cbrt(a**3 + fraction * ((a + width[0]) ** 3 - a**3))

    def box_volume(self, low: Floats, high: Floats) -> float:
        """Volume between two radii, given as arrays of one (length³)."""
        return float((self.measure(0, high) - self.measure(0, low))[0])

    def face_area(self, axis: int) -> float:  # noqa: ARG002
        """Undefined: spheres differ in area, see `plane_area`."""
        raise TypeError("the faces of a shell differ in area; use plane_area")

    def kappa_area(self, axis: int, plane: float) -> float:
        """Area to which the ``kappa`` of a wall refers, the whole sphere (length²)."""
        return self.plane_area(axis, plane)

    def plane_area(self, axis: int, plane: float) -> float:  # noqa: ARG002
        """Area of the sphere of radius ``plane`` (length²)."""
        return 4 * math.pi * plane**2
