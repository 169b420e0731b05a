"""Diffusion of the species that drift, as a stage of a step: all of them, and what leaves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hybridrd.kernels import groups
from hybridrd.kernels._jit import jit
from hybridrd.kernels.arrays import Cells
from hybridrd.kernels.drift import Force, drift_move
from hybridrd.kernels.gates import leave
from hybridrd.kernels.groups import DONE, N
from hybridrd.kernels.uneven import Medium, uneven_move
from hybridrd.kernels.walk import Walls


class Forces(NamedTuple):
    """How far each species drifts in a step, see `hybridrd.kernels.drift.Force`.

    Parameters
    ----------
    cells
        Cells of the particle region.
    drifts
        Which species do.
    shifts
        Those of each, one after another.
    first, strides
        ``(species, d)`` and ``(species, d, d)``.
    gammas
        Those of each species, one after another, ``(species 2 d, face cells)``.
    Ddt
        D dt (length²).
    """

    cells: Cells
    drifts: np.ndarray
    shifts: np.ndarray
    first: np.ndarray
    strides: np.ndarray
    gammas: np.ndarray
    Ddt: np.ndarray


class Media(NamedTuple):
    """What each species of uneven diffusion meets.

    Parameters
    ----------
    cells
        Cells of the particle region.
    uneven
        Which species are.
    tables
        The members of `Medium` after ``cells``, one after another, ``(species, 1 + 7 d, cells)``.
    gammas
        kappa of the faces (length/time), ``(species, d, 2)``.
    dt
        Time step.
    """

    cells: Cells
    uneven: np.ndarray
    tables: np.ndarray
    gammas: np.ndarray
    dt: float


@jit
def diffuse_drifting(table, walk, forces, exits, key, step):
    """Move the species that drift; those that end at a face leave through it."""
    d = walk.low.shape[0]
    for s in range(table.shape[0]):
        if forces.drifts[s] and table[s, N] > 0:
            gammas = forces.gammas[2 * d * s : 2 * d * (s + 1)]
            first, strides = forces.first[s], forces.strides[s]
            force = Force(forces.cells, forces.shifts, first, strides, gammas)
            walls = Walls(walk.low, walk.high, walk.kinds[s], walk.gammas[s])
            x, ids, gone = groups.arrays_of(table, s, d)
            Ddt = forces.Ddt[s]
            if drift_move(x, ids, 0, table[s, N], key, step, Ddt, walls, force, gone) > 0:
                leave(table, s, d, exits)
    return DONE


@jit
def diffuse_uneven(table, walk, media, exits, key, step):
    """Move the species of uneven diffusion; those that end at a face leave through it."""
    d, grid = walk.low.shape[0], media.cells
    cells = Cells(grid.low, grid.width, grid.inverse, grid.shape)
    for s in range(table.shape[0]):
        if media.uneven[s] and table[s, N] > 0:
            all_of = media.tables[s]
            medium = Medium(
                cells, all_of[0], all_of[1 : 1 + d], all_of[1 + d : 1 + 2 * d],
                all_of[1 + 2 * d : 1 + 3 * d], all_of[1 + 3 * d : 1 + 4 * d],
                all_of[1 + 4 * d : 1 + 5 * d], all_of[1 + 5 * d : 1 + 6 * d],
                all_of[1 + 6 * d : 1 + 7 * d],
            )  # fmt: skip
            walls = Walls(walk.low, walk.high, walk.kinds[s], media.gammas[s])
            x, ids, gone = groups.arrays_of(table, s, d)
            if uneven_move(x, ids, 0, table[s, N], key, step, media.dt, walls, medium, gone) > 0:
                leave(table, s, d, exits)
    return DONE
