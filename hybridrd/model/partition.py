"""Partition of the cells of a domain: obstacles, continuum and particle region."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import CONTINUUM, OBSTACLE, PARTICLES
from hybridrd.model.grid import Grid
from hybridrd.model.shape import Mask


@dataclass(frozen=True, eq=False)
class Partition:
    """Division of a grid into obstacles, continuum and particle region.

    Parameters
    ----------
    grid
        The cells of the domain.
    free
        Which cells are not obstacles, flat ``(cells,)``.
    inside
        Which of them are the particle region, flat.
    periodic
        Which axes of the domain are periodic.

    Examples
    --------
    >>> grid = Grid((0.0,), (1.0,), (5,))
    >>> free = np.array([True, True, True, True, False])
    >>> parts = Partition(grid, free, free & (np.arange(5) < 2), (False,))
    >>> parts.codes, parts.box
    (array([2, 2, 1, 1, 0], dtype=uint8), ((0,), (2,)))
    """

    grid: Grid
    free: Mask
    inside: Mask
    periodic: tuple[bool, ...]

    @property
    def outside(self) -> Mask:
        """Which cells are continuum beside particles, flat."""
        return self.free & ~self.inside

    @property
    def codes(self) -> NDArray[np.uint8]:
        """0 for obstacles, 1 for continuum, 2 for particles, flat."""
        codes = np.full(self.grid.cells, CONTINUUM, np.uint8)
        codes[~self.free] = OBSTACLE
        codes[self.inside] = PARTICLES
        return codes

    @cached_property
    def bounds(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """First cell of the smallest box around the particle region, and its numbers of cells.

        For an empty region, those of the domain.
        """
        if not self.inside.any():
            return (0,) * self.grid.dimension, self.grid.shape
        block = self.grid.unflatten(self.inside)
        first, count = [], []
        for axis in range(block.ndim):
            others = tuple(a for a in range(block.ndim) if a != axis)
            there = np.flatnonzero(block.any(axis=others))
            first.append(int(there[0]))
            count.append(int(there[-1] - there[0] + 1))
        return tuple(first), tuple(count)

    @cached_property
    def box(self) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        """`bounds`, if the particle region is that box and each of its faces is of one kind.

        A face is a wall of the domain, or has continuum all along it, or obstacles.
        """
        if not self.inside.any():
            return None
        first, count = self.bounds
        if int(self.inside.sum()) != int(np.prod(count)):
            return None
        free = self.grid.unflatten(self.free)
        for axis, n in enumerate(self.grid.shape):
            for side in (0, 1):
                beyond = first[axis] + count[axis] if side else first[axis] - 1
                if not (self.periodic[axis] or 0 <= beyond < n):
                    continue
                along = [slice(f, f + m) for f, m in zip(first, count, strict=True)]
                along[axis] = slice(beyond % n, beyond % n + 1)
                face = free[tuple(along)]
                if face.any() != face.all():
                    return None
        return first, count
