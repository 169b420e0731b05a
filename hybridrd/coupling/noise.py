"""Noise of the continuum; `hybridrd.kernels.noise` has its kernel."""

from __future__ import annotations

import numpy as np

from hybridrd.arrays import Floats
from hybridrd.continuum.discrete import DiscreteField
from hybridrd.kernels.noise import Conduction, add_noise
from hybridrd.kernels.rng import CELL_WALLS, check_noise


class Noise:
    """Random changes of the contents of cells, which conserve their sum except at open walls.

    Parameters
    ----------
    field
        Discrete copies in the same cells, whose faces and rates the noise uses.
    """

    def __init__(self, field: DiscreteField) -> None:
        check_noise(len(field.system.species))
        self._field = field
        dt, names = field.dt, field.active.astype(np.int64)
        self._cells: list[Conduction | None] = []
        for hops in field.hops:
            if hops is None:
                self._cells.append(None)
                continue
            faces, walls = hops.faces, hops.open
            codes = [(wall.address >> np.uint64(32)).astype(np.int64) for wall in walls]
            none = np.zeros(0, np.int64)
            self._cells.append(
                Conduction(
                    names, faces.first, faces.second,
                    (faces.address >> np.uint64(32)).astype(np.int64),
                    faces.on * dt, faces.back * dt,
                    np.concatenate([none, *(wall.cell for wall in walls)]),
                    np.concatenate([none, *codes]) - CELL_WALLS,
                    np.concatenate([np.zeros(0), *(wall.rate * dt for wall in walls)]),
                )
            )  # fmt: skip

    def change(self, species: int, content: Floats, step: int) -> Floats:
        """The random change of the content of each active cell in a step."""
        change = np.zeros_like(content)
        cells, hops, field = self._cells[species], self._field.hops[species], self._field
        if cells is not None and hops is not None:
            entering = hops.entering((step + 0.5) * field.dt) * field.dt
            add_noise(content, cells, entering, field.key, step, species, change)
        return change
