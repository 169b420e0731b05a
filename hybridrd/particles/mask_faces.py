"""Faces and runs of cells of a particle region of any shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from hybridrd.arrays import Integers
from hybridrd.model.partition import Partition


class MaskFace(NamedTuple):
    """All cells of the particle region with the same kind of neighbour in one direction.

    Parameters
    ----------
    axis, side
        The direction; side 0 is down, 1 up the axis.
    cells
        Cells of the region, flat and ascending.
    beyond
        The continuum cell beyond each of them; -1 at a wall of the domain.
    at_wall
        Whether the neighbour is a wall of the domain.
    """

    axis: int
    side: int
    cells: Integers
    beyond: Integers
    at_wall: bool


def neighbours(parts: Partition, axis: int, side: int) -> Integers:
    """The cell beside each cell in a direction, flat; -1 beyond a wall of the domain."""
    grid = parts.grid
    index = np.arange(grid.cells).reshape(grid.shape[::-1])
    at = grid.dimension - 1 - axis
    beside = np.roll(index, -1 if side else 1, axis=at)
    if not parts.periodic[axis]:
        edge = [slice(None)] * grid.dimension
        edge[at] = slice(-1, None) if side else slice(0, 1)
        beside[tuple(edge)] = -1
    return np.asarray(beside.ravel(), np.int64)


def mask_faces(parts: Partition, complete: bool = False) -> Iterator[MaskFace]:
    """The walls of the domain that the region touches, and its faces to the continuum.

    ``complete`` also returns walls and directions without any cell.
    """
    inside = np.flatnonzero(parts.inside)
    outside = np.append(parts.outside, False)
    for axis in range(parts.grid.dimension):
        for side in (0, 1):
            beside = neighbours(parts, axis, side)[inside]
            for kind, at_wall in ((beside < 0, True), (outside[beside], False)):
                if kind.any() or (complete and not (at_wall and parts.periodic[axis])):
                    yield MaskFace(axis, side, inside[kind], beside[kind], at_wall)


def cell_runs(parts: Partition) -> tuple[Integers, Integers]:
    """The run of region cells along each axis that each cell belongs to, ``(axes, cells)`` each.

    First and one past the last index along the axis. A run through a periodic wall extends below
    0 or above the number of cells, so that it contains the cell's own index; a complete
    periodic row has equal ends.
    """
    grid = parts.grid
    shape = (grid.dimension, grid.cells)
    first, last = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    block = parts.inside.reshape(grid.shape[::-1])
    for axis, n in enumerate(grid.shape):
        at = grid.dimension - 1 - axis
        row = np.moveaxis(block, at, 0)
        # Twice around a periodic axis, so that a run through its walls is complete.
        turns = 3 if parts.periodic[axis] else 1
        long = np.concatenate([row] * turns)
        ends = np.zeros((2, *long.shape), np.int64)
        start = np.zeros(row.shape[1:], np.int64)
        for i in range(len(long)):
            start = np.where(long[i], start, i + 1)
            ends[0, i] = start
        stop = np.full(row.shape[1:], len(long))
        for i in range(len(long) - 1, -1, -1):
            stop = np.where(long[i], stop, i)
            ends[1, i] = stop
        middle = slice(n, 2 * n) if turns > 1 else slice(0, n)
        mine = ends[:, middle] - (n if turns > 1 else 0)
        if turns > 1:
            mine = np.where(row.all(axis=0), 0, mine)
        for ends_of, result in zip(mine, (first, last), strict=True):
            result[axis] = np.moveaxis(ends_of, 0, at).ravel()
    return first, last
