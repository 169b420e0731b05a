"""Uniform grid of cells over a box-shaped domain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats

AXES = ("x", "y", "z")


@dataclass(frozen=True)
class Grid:
    """Uniform cells over a box.

    Cell (i, j, k) has the flat index ``i + nx*(j + ny*k)``, FiPy's order.

    Parameters
    ----------
    lower, upper
        Corners of the box, one number for each axis (length).
    shape
        Number of cells along each axis.
    """

    lower: tuple[float, ...]
    upper: tuple[float, ...]
    shape: tuple[int, ...]

    #: Whether the cells are concentric.
    radial: ClassVar[bool] = False

    @property
    def dimension(self) -> int:
        """Number of coordinates."""
        return len(self.shape)

    @property
    def space(self) -> int:
        """Dimension of space: concentrations are per length^space."""
        return self.dimension

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the coordinates."""
        return AXES[: self.dimension]

    @cached_property
    def spacing(self) -> tuple[float, ...]:
        """Cell widths along each axis (length)."""
        pairs = zip(self.lower, self.upper, self.shape, strict=True)
        return tuple((b - a) / n for a, b, n in pairs)

    @cached_property
    def cells(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)

    @cached_property
    def volume(self) -> float:
        """Volume of one cell (length^d)."""
        return float(np.prod(self.spacing))

    @property
    def volumes(self) -> Floats:
        """Volume of each cell (length^d), ``(cells,)``."""
        return np.full(self.cells, self.volume)

    def measure(self, axis: int, x: Floats) -> Floats:  # noqa: ARG002
        """Measure along an axis, proportional to volume: in a box the coordinate itself."""
        return x

    def by_volume(self, x: Floats, low: Floats, width: Floats) -> None:
        """Map points that are uniform along the axes to uniform by volume in their cells, in place.

        Parameters
        ----------
        x
            Points, ``(d, n)`` (length).
        low, width
            Lower edges and widths of the cells along each axis (length).
        """

    def box_volume(self, low: Floats, high: Floats) -> float:
        """Volume between two corners, each with one number for each axis (length^d)."""
        return float(np.prod(high - low))

    def face_area(self, axis: int) -> float:
        """Area of one cell face normal to ``axis`` (length^(d-1); 1 in one dimension)."""
        return float(np.prod([h for a, h in enumerate(self.spacing) if a != axis]))

    def kappa_area(self, axis: int, plane: float) -> float:  # noqa: ARG002
        """Area to which the ``kappa`` of a wall refers: 1, or the surface of a sphere."""
        return 1.0

    def plane_area(self, axis: int, plane: float) -> float:  # noqa: ARG002
        """Area of one cell face in a plane ``axis = plane`` (length^(d-1))."""
        return self.face_area(axis)

    def centers(self, axis: int) -> Floats:
        """Cell centres along one axis (length)."""
        h = self.spacing[axis]
        return np.asarray(self.lower[axis] + h * (np.arange(self.shape[axis]) + 0.5))

    def edges(self, axis: int) -> Floats:
        """Cell faces along one axis (length), ``shape[axis] + 1`` of them."""
        return np.linspace(self.lower[axis], self.upper[axis], self.shape[axis] + 1)

    def coordinates(self) -> dict[str, Floats]:
        """Coordinates of all cell centres by axis name, each ``(cells,)`` in flat order."""
        mesh = np.meshgrid(*(self.centers(a) for a in range(self.dimension)), indexing="ij")
        return {self.axes[a]: self.flatten(m) for a, m in enumerate(mesh)}

    def flatten(self, field: NDArray[Any]) -> NDArray[Any]:
        """An array of shape ``(..., nx, ny, nz)`` as ``(..., cells)`` in flat order."""
        d = self.dimension
        lead = field.ndim - d
        order = (*range(lead), *range(field.ndim - 1, lead - 1, -1))
        return np.ascontiguousarray(field.transpose(order)).reshape(*field.shape[:lead], -1)

    def unflatten(self, flat: NDArray[Any]) -> NDArray[Any]:
        """The inverse of `flatten`."""
        lead = flat.ndim - 1
        reverse = flat.reshape(*flat.shape[:lead], *self.shape[::-1])
        order = (*range(lead), *range(reverse.ndim - 1, lead - 1, -1))
        return np.ascontiguousarray(reverse.transpose(order))
