"""Noise of the continuum; `hybridrd.kernels.noise` has its kernel."""

from __future__ import annotations

import numpy as np

from hybridrd.arrays import Floats
from hybridrd.continuum.field import Field
from hybridrd.kernels.noise import Conduction, add_noise
from hybridrd.kernels.rng import check_noise
from hybridrd.model.grid import AXES
from hybridrd.model.system import System
from hybridrd.particles.region import Region

# Cells with fewer particles than the first have no noise, above the second all of it. Normal
# noise in a nearly empty cell would make it negative too often.
FADE = (2.0, 6.0)


class Noise:
    """Random changes of the contents of cells, which conserve their sum except at open walls."""

    def __init__(self, system: System, field: Field, region: Region, key: np.uint64) -> None:
        check_noise(len(system.species))
        self._key = key
        grid = region.grid
        shape, periodic = np.array(grid.shape, np.int64), np.array(region.periodic)
        self._cells: list[Conduction] = []
        for s, diffusion in zip(system.species, field.diffusion, strict=True):
            walls, shares = np.zeros((grid.dimension, 2)), np.zeros((grid.dimension, 2))
            for name, condition in diffusion.walls.items():
                at = AXES.index(name[0]), int(name[1] == "+")
                width = grid.spacing[at[0]]
                if condition.held:
                    walls[at], shares[at] = 2.0 * s.D * field.dt / width**2, 2.0
                elif not (condition.joined or condition.closed):
                    walls[at] = condition.conductance(s.D, width) * field.dt / width
                    shares[at] = 2.0 if condition.fed else 1.0
            for side, _ in field.baths.of(system.index(s.name)):
                walls[system.domain.place(side)] = 0.0  # what a bath gets has none
            conductance = s.D * field.dt / np.array(grid.spacing) ** 2
            self._cells.append(
                Conduction(field.position, shape, periodic, conductance, walls, shares)
            )

    def change(self, species: int, content: Floats, step: int) -> Floats:
        """The random change of the content of each active cell in a step."""
        change = np.zeros_like(content)
        cells = self._cells[species]
        if cells.conductance.any():
            add_noise(content, cells, FADE, self._key, step, species, change)
        return change
