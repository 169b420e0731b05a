"""The time step: all its stages from top to bottom, compiled, for many steps at a stretch.

A stage is done here, or, where ``outside`` says so, by whoever called: `advance` then returns with
the stage that is due, and is called again for the next one. The same happens where a stage finds
no room for what it makes: it returns before it has changed anything. Random numbers are addressed,
so that to begin a stage anew does no harm.

To add a stage, give it a number, a kernel that returns `DONE` or why it has not changed anything,
and an argument that is None where a system has nothing of the kind: such branches are not compiled.
What it needs goes into a `NamedTuple` of arrays, with the same types for all systems.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import jit
from hybridrd.kernels.first_order import HalfStep, create_all, mark_all, react_families
from hybridrd.kernels.gates import diffuse_closed, diffuse_open, exchange_layers, exchange_planes
from hybridrd.kernels.groups import DONE, OUTSIDE

# The stages of a step.
WALLS = 0  # what walls hold or let in, and rates, where they are functions of time
PAIRS_FIRST = 1  # half a step of reactions: pairs,
MARK_FIRST = 2  # particles that react by themselves,
CREATE_FIRST = 3  # creations,
FAMILIES_FIRST = 4  # and the families of both
BEFORE = 5  # the continuum reacts for half a step, and c_R is read from it
LAYERS = 6  # boundary layers exchange, one face after another
MOVE = 7  # particles diffuse, and leave through open faces
PLANES = 8  # arrivals through exact planes and influx walls, each with its age
AFTER = 9  # the continuum diffuses, with all that was exchanged as a source, and reacts
MARK_LAST = 10  # half a step of reactions, in the opposite order
CREATE_LAST = 11
FAMILIES_LAST = 12
PAIRS_LAST = 13
STAGES = 14


class World(NamedTuple):
    """What all stages share.

    Parameters
    ----------
    table, ids
        The particles and the next id, see `hybridrd.kernels.groups`.
    asks
        Receives numbers that belong to a status.
    outside
        Which stages are the caller's.
    key, dt
        Key of the random numbers, and the time step.
    few
        How many new particles a stage may draw without a look at the memory.
    """

    table: np.ndarray
    ids: np.ndarray
    asks: np.ndarray
    outside: np.ndarray
    key: np.uint64
    dt: float
    few: float


class Stretch(NamedTuple):
    """Which steps to take.

    Parameters
    ----------
    first, stage, last
        From a stage of a step up to another step.
    allowed
        How many new particles the first of these stages may draw.
    """

    first: int
    stage: int
    last: int
    allowed: float


@jit
def advance(world, stretch, walk, exits, families, layers, planes):
    """Take the steps of a stretch; returns step and stage reached, and the status.

    Parameters
    ----------
    walk, exits, families, layers, planes
        What the stages need; None where there is nothing of the kind.
    """
    table, ids, asks, outside, key, dt, few = world
    first, stage, last, allowed = stretch
    k = first
    while k < last:
        for now in range(stage, STAGES):
            if outside[now]:
                return k, now, OUTSIDE
            status, half = DONE, 0 if now < BEFORE else 1
            if families is not None and now in (MARK_FIRST, MARK_LAST):
                mark_all(table, families, key, k, half)
            if families is not None and now in (CREATE_FIRST, CREATE_LAST):
                status = create_all(families, HalfStep(key, k, half, 0.5 * dt), allowed, asks)
            if families is not None and now in (FAMILIES_FIRST, FAMILIES_LAST):
                status = react_families(
                    table, ids, families, HalfStep(key, k, half, 0.5 * dt), asks
                )
            if layers is not None and now == LAYERS:
                status = exchange_layers(table, ids, layers, exits, key, k, allowed, asks)
            if walk is not None and now == MOVE:
                diffuse_closed(table, walk, key, k)
            if exits is not None and now == MOVE:
                diffuse_open(table, walk, exits, key, k)
            if planes is not None and now == PLANES:
                status = exchange_planes(table, ids, planes, walk, exits, key, k, allowed, asks)
            if status != DONE:
                return k, now, status
            allowed = few
        stage = 0
        k += 1
    return k, 0, DONE
