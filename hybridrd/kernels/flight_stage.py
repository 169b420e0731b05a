"""Flights of the species with inertia, as a stage of a step: all of them, and what leaves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hybridrd.kernels import groups
from hybridrd.kernels._jit import jit
from hybridrd.kernels.gates import leave
from hybridrd.kernels.groups import DONE, KNOWN, N
from hybridrd.kernels.langevin import Box, Flight, Motion, fly, number_from, set_off


class Flights(NamedTuple):
    """How each species with inertia flies, see `hybridrd.kernels.langevin.Flight`.

    Parameters
    ----------
    inert
        Which species have inertia.
    parts
        Numbers of entries, by species.
    table
        The members up to ``across``, and ``reach``, ``(species, 6, entries)``.
    middle
        ``(species, entries, 5)``.
    speed
        By species.
    """

    inert: np.ndarray
    parts: np.ndarray
    table: np.ndarray
    middle: np.ndarray
    speed: np.ndarray


@jit
def _set_off(table, s, d, speed, key):
    """Give velocities to the particles of a species that have none yet."""
    known, ids = np.uint64(table[s, KNOWN]), groups.ids_of(table, s)[: table[s, N]]
    if number_from(ids, known) > 0:
        set_off(groups.positions(table, s, 2 * d)[d:], ids, known, speed, key)
        table[s, KNOWN] = np.int64(ids.max()) + 1


@jit
def fly_all(table, walk, flights, exits, key, step):
    """Move the species with inertia; those that are taken by a face leave through it."""
    d = walk.low.shape[0]
    for s in range(table.shape[0]):
        if flights.inert[s] and table[s, N] > 0:
            n, of, speed = flights.parts[s], flights.table[s], flights.speed[s]
            _set_off(table, s, d, speed, key)
            flight = Flight(
                of[0][:n], of[1][:n], of[2][:n], of[3][:n], of[4][:n], flights.middle[s][:n],
                of[5][:n], speed,
            )  # fmt: skip
            motion = Motion(flight, Box(walk.low, walk.high, walk.kinds[s], walk.gammas[s]))
            rows, ids, gone = groups.arrays_of(table, s, 2 * d)
            if fly(rows, ids, 0, table[s, N], motion, key, step, gone) > 0:
                leave(table, s, d, exits)
    return DONE
