"""The initial state of a System as probabilities of voxel states."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from typing import Any

import numpy as np
from scipy.special import gammaln, xlogy

from hybridrd.arrays import Floats
from hybridrd.errors import ModelError
from hybridrd.model.grid import Grid
from hybridrd.model.initial import Copies, Points, as_sequence
from hybridrd.model.overlap import cells_of, concentration, copies_overlap
from hybridrd.model.system import System
from hybridrd.theory.cdme.states import OVER, Occupations, States
from hybridrd.theory.cdme.voxels import Voxels


def poisson_means(system: System, species: int, voxels: Voxels) -> Floats:
    """Mean copies in each voxel of the parts that are concentrations, ``(voxels,)``."""
    grid = voxels.grid
    means = np.zeros(grid.cells)
    where = f"initial[{system.names[species]!r}]"
    for part in _parts(system, species):
        if isinstance(part, np.ndarray):  # given on the cells of the system
            means += _rebinned(part, system.grid, grid)
        elif not isinstance(part, (Copies, Points)):
            means += concentration(part, grid, where) * grid.volumes
    return means[voxels.free]


def placements(system: System, species: int, voxels: Voxels) -> Iterator[Floats]:
    """For each copy of an exact number, the probabilities of the voxels, ``(voxels,)``.

    Raises
    ------
    ModelError
        If a copy can only be in obstacles.
    """
    grid = voxels.grid
    for part in _parts(system, species):
        if isinstance(part, Copies):
            overlap = copies_overlap(grid, part)[voxels.free]
            if not overlap.any():
                raise ModelError(f"{part!r}: all of its voxels are obstacles; use more voxels")
            yield from [overlap / overlap.sum()] * part.n
        elif isinstance(part, Points):
            for cell, point in zip(cells_of(part.positions, grid), part.positions, strict=True):
                chances = (voxels.free == cell).astype(np.float64)
                if not chances.any():
                    raise ModelError(
                        f"Points: {point.tolist()} is in a voxel that is an obstacle; use more "
                        f"voxels"
                    )
                yield chances


def initial_probabilities(system: System, voxels: Voxels, states: States) -> Floats:
    """Probabilities of all states at time 0 and, last, of exceeding the cut-off.

    Concentrations give independent Poisson numbers in each voxel, `Copies` a multinomial
    distribution by their overlap with the voxels, `Points` exact states; parts and species are
    independent of each other. Shape ``(states + 1,)``.
    """
    every = range(len(states.species))
    return probabilities(
        states,
        [poisson_means(system, s, voxels) for s in every],
        [placements(system, s, voxels) for s in every],
    )


def probabilities(
    states: States, means: Sequence[Floats], exact: Sequence[Iterable[Floats]]
) -> Floats:
    """Probabilities of independent Poisson numbers and single copies, see `initial_probabilities`.

    Parameters
    ----------
    states
        The state space.
    means
        Poisson mean in each voxel for each species, ``(voxels,)``.
    exact
        Probabilities of the voxels, ``(voxels,)``, for each species and every single copy.
    """
    parts = zip(states.species, means, exact, strict=True)
    p = np.zeros(states.count + 1)
    p[:-1] = reduce(np.multiply.outer, [_one_species(*part) for part in parts]).ravel()
    p[-1] = max(1.0 - p.sum(), 0.0)
    return p


def _one_species(occupations: Occupations, means: Floats, exact: Iterable[Floats]) -> Floats:
    n = occupations.table
    p = np.exp((xlogy(n, means) - means - gammaln(n + 1.0)).sum(axis=1))
    states = np.arange(occupations.count)
    for chances in exact:  # adds one copy
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
    """Copies in each voxel of a concentration given on other cells: exact overlaps, flat."""
    amounts = values * cells.unflatten(cells.volumes)
    for axis in range(cells.dimension):
        old, new = (g.measure(axis, g.edges(axis)) for g in (cells, voxels))
        low, high = np.maximum.outer(new[:-1], old[:-1]), np.minimum.outer(new[1:], old[1:])
        share = np.maximum(high - low, 0.0) / np.diff(old)
        amounts = np.moveaxis(np.tensordot(share, amounts, axes=(1, axis)), 0, axis)
    return np.asarray(voxels.flatten(amounts))
