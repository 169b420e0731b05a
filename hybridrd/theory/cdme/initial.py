"""The initial state of a System as probabilities of voxel states."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

import numpy as np
from scipy.special import gammaln, xlogy

from hybridrd.arrays import Floats
from hybridrd.model.grid import Grid
from hybridrd.model.initial import Copies, Points, as_sequence
from hybridrd.model.overlap import cells_of, concentration, interval_overlap
from hybridrd.model.system import System
from hybridrd.theory.cdme.states import OVER, Occupations, States


def poisson_means(system: System, species: int, grid: Grid) -> Floats:
    """Mean copies in each voxel of the parts that are concentrations, ``(voxels,)``."""
    means = np.zeros(grid.cells)
    where = f"initial[{system.names[species]!r}]"
    for part in _parts(system, species):
        if isinstance(part, np.ndarray):  # given on the cells of the system
            means += _rebinned(part, system.grid, grid)
        elif not isinstance(part, (Copies, Points)):
            means += concentration(part, grid, where) * grid.volume
    return means


def placements(system: System, species: int, grid: Grid) -> Iterator[Floats]:
    """For each copy of an exact number, the probabilities of the voxels, ``(voxels,)``."""
    for part in _parts(system, species):
        if isinstance(part, Copies):
            overlap = interval_overlap(grid, 0, part.x)
            yield from [overlap / overlap.sum()] * part.n
        elif isinstance(part, Points):
            for voxel in cells_of(part.positions, grid):
                yield np.eye(grid.cells)[voxel]


def initial_probabilities(system: System, grid: Grid, states: States) -> Floats:
    """Probabilities of all states at time 0 and, last, of exceeding the cut-off.

    Concentrations give independent Poisson numbers in each voxel, `Copies` a multinomial
    distribution by their overlap with the voxels, `Points` exact states; parts and species are
    independent of each other. Shape ``(states + 1,)``.
    """
    tables = enumerate(states.species)
    each = [_one_species(system, s, grid, occupations) for s, occupations in tables]
    p = np.zeros(states.count + 1)
    p[:-1] = reduce(np.multiply.outer, each).ravel()
    p[-1] = max(1.0 - p.sum(), 0.0)
    return p


def _one_species(system: System, species: int, grid: Grid, occupations: Occupations) -> Floats:
    means = poisson_means(system, species, grid)
    n = occupations.table
    p = np.exp((xlogy(n, means) - means - gammaln(n + 1.0)).sum(axis=1))
    states = np.arange(occupations.count)
    for chances in placements(system, species, grid):  # one copy more
        after = np.zeros(occupations.count)
        for voxel in np.flatnonzero(chances):
            target = occupations.change(states, (), (int(voxel),))
            fits = target != OVER
            after[target[fits]] += chances[voxel] * p[fits]
        p = after
    return np.asarray(p)


def _parts(system: System, species: int) -> list[Any]:
    return list(as_sequence(system.initial.get(system.names[species], [])))


def _rebinned(values: Floats, cells: Grid, voxels: Grid) -> Floats:
    """Copies in each voxel of a concentration given on other cells: exact overlaps."""
    below = np.concatenate([[0.0], np.cumsum(values) * cells.volume])
    return np.diff(np.interp(voxels.edges(0), cells.edges(0), below))
