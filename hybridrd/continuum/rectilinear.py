"""Rectilinear cells: the product of intervals of any lengths along each axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrd.arrays import Floats
from hybridrd.errors import ModelError
from hybridrd.model.grid import AXES


@dataclass(frozen=True, eq=False)
class RectilinearCells:
    """Cells between given faces along each axis.

    Cell (i, j, k) has the flat index ``(i*ny + j)*nz + k``: an array ``(nx, ny, nz)`` of numpy,
    raveled. (`hybridrd.model.grid.Grid` counts the other way round, like FiPy.)

    Parameters
    ----------
    edges
        Positions of the cell faces along each axis (length), increasing.

    Raises
    ------
    ModelError
        If there are not one to three axes, or faces are too few, not finite or not increasing.

    Examples
    --------
    >>> cells = RectilinearCells.between([[0.0, 1.0, 3.0], [0.0, 0.5]])
    >>> cells.shape, cells.volumes
    ((2, 1), array([0.5, 1. ]))
    """

    edges: tuple[Floats, ...]

    @classmethod
    def between(cls, edges: Sequence[ArrayLike], where: str = "edges") -> RectilinearCells:
        """The cells between ``edges``, checked; ``where`` names them in messages."""
        if not 1 <= len(edges) <= len(AXES):
            raise ModelError(f"{where}: there are {len(edges)} axes; give faces along 1 to 3")
        found = []
        for axis, given in zip(AXES, edges, strict=False):
            faces = np.array(given, dtype=np.float64)
            if faces.ndim != 1 or len(faces) < 2:
                raise ModelError(f"{where}: {axis} has faces {given!r}; give at least two in a row")
            if not np.isfinite(faces).all() or (np.diff(faces) <= 0).any():
                raise ModelError(f"{where}: the faces along {axis} do not increase: {faces}")
            faces.flags.writeable = False
            found.append(faces)
        return cls(tuple(found))

    @property
    def dimension(self) -> int:
        """Number of axes."""
        return len(self.edges)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of cells along each axis."""
        return tuple(len(e) - 1 for e in self.edges)

    @property
    def size(self) -> int:
        """Number of cells."""
        return int(np.prod(self.shape))

    def widths(self, axis: int) -> Floats:
        """Cell widths along an axis (length)."""
        return np.diff(self.edges[axis])

    def centers(self, axis: int) -> Floats:
        """Cell centres along an axis (length)."""
        return np.asarray(0.5 * (self.edges[axis][1:] + self.edges[axis][:-1]))

    @cached_property
    def volumes(self) -> Floats:
        """Volume of each cell (length^d), flat."""
        return _products([self.widths(a) for a in range(self.dimension)])

    def coordinates(self) -> dict[str, Floats]:
        """Coordinates of all cell centres by axis name, flat."""
        mesh = np.meshgrid(*(self.centers(a) for a in range(self.dimension)), indexing="ij")
        return {AXES[a]: m.ravel() for a, m in enumerate(mesh)}


def overlaps(first: Floats, second: Floats) -> Floats:
    """Overlap of the interval i of ``first`` with j of ``second`` (length), ``(n, m)``.

    Examples
    --------
    >>> overlaps(np.array([0.0, 1.0, 2.0]), np.array([0.5, 2.0]))
    array([[0.5],
           [1. ]])
    """
    low = np.maximum.outer(first[:-1], second[:-1])
    high = np.minimum.outer(first[1:], second[1:])
    length: NDArray[np.float64] = np.maximum(high - low, 0.0)
    # A difference by round-off of faces that should be equal is no overlap.
    least = np.minimum.outer(np.diff(first), np.diff(second))
    return np.where(length > 1e-7 * least, length, 0.0)


def _products(parts: Sequence[Floats]) -> Floats:
    result = np.ones(1)
    for part in parts:
        result = np.multiply.outer(result, part).ravel()
    return result
