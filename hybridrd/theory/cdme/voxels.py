"""Voxels of the master equation: the free cells of a grid in one, two or three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from hybridrd.arguments import items, whole_number
from hybridrd.arrays import Floats, Integers
from hybridrd.errors import ModelError
from hybridrd.model.grid import Grid
from hybridrd.model.system import System

VoxelsLike: TypeAlias = int | Sequence[int] | None


@dataclass(frozen=True, eq=False)
class Voxels:
    """Voxels over the domain of a system.

    Attributes
    ----------
    grid
        All cells; in a shell they are concentric.
    free
        Flat indices of the cells that copies can be in, increasing; a voxel is one of them.
    periodic
        Whether each axis is periodic.
    """

    grid: Grid
    free: Integers
    periodic: tuple[bool, ...]

    @property
    def count(self) -> int:
        """Number of voxels."""
        return len(self.free)

    @cached_property
    def volumes(self) -> Floats:
        """Volume of each voxel (length^d), ``(count,)``."""
        return self.grid.volumes[self.free]

    @cached_property
    def coordinates(self) -> dict[str, Floats]:
        """Coordinates of the centres by axis name, each ``(count,)``."""
        return {axis: x[self.free] for axis, x in self.grid.coordinates().items()}

    @cached_property
    def place(self) -> Integers:
        """Index of each voxel along each axis, ``(count, axes)``."""
        steps = np.unravel_index(self.free, self.grid.shape[::-1])
        return np.stack(steps[::-1], axis=1).astype(np.int64)

    def on_grid(self, values: Any, empty: float = 0.0) -> Floats:
        """Values ``(..., count)`` as ``(..., nx, ny, nz)``, ``empty`` where a cell is not free."""
        flat = np.asarray(values, dtype=np.float64)
        whole = np.full((*flat.shape[:-1], self.grid.cells), empty)
        whole[..., self.free] = flat
        return np.asarray(self.grid.unflatten(whole))

    def pairs_on_grid(self, values: Any) -> Floats:
        """Values ``(..., count, count)`` as ``(..., nx, ny, nz, nx, ny, nz)``."""
        d = self.grid.dimension
        second = self.on_grid(values)
        return np.moveaxis(self.on_grid(np.moveaxis(second, -1 - d, -1)), range(-2 * d, -d),
                           range(-d, 0))  # fmt: skip


def make_voxels(system: System, voxels: VoxelsLike) -> Voxels:
    """The voxels of a system.

    Parameters
    ----------
    system
        The system.
    voxels
        One number for all axes, or one for each; None for the cells of the system.

    Raises
    ------
    ModelError
        If the numbers are not positive integers, not one for each axis, or obstacles leave no cell.
    """
    domain = system.domain
    if voxels is None:
        shape = system.grid.shape
    else:
        given = items(voxels)
        each = [voxels] * len(domain.axes) if given is None else given
        if len(each) != len(domain.axes):
            raise ModelError(
                f"voxels = {voxels!r}: give one number, or one for each of {', '.join(domain.axes)}"
            )
        shape = tuple(whole_number(n, "voxels", least=1) for n in each)
    grid = domain.grid(shape)
    periodic = tuple(system.is_periodic(axis) for axis in domain.axes)
    free = np.ones(grid.cells, np.bool_)
    if system.obstacles is not None:
        free &= ~system.obstacles.mask(grid)
    if not free.any():
        raise ModelError(
            f"voxels = {voxels!r}: the centres of all {grid.cells} are in obstacles; use more"
        )
    return Voxels(grid, np.flatnonzero(free).astype(np.int64), periodic)
