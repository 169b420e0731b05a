"""The time step: all its stages from top to bottom, compiled, for many steps at a stretch.

A stage is done here, or, where ``outside`` says so, by whoever called: `advance` then returns with
the stage that is due, and is called again for the next one. The same happens where a stage finds
no room for what it makes: it returns before it has changed anything. Random numbers are addressed,
so that to begin a stage anew does no harm.

To add a stage, give it a number, a kernel that returns `DONE` or why it has not changed anything,
an entry in `fill_entries`, and an argument that is None where a system has nothing of the kind.
What it needs goes into a `NamedTuple` of arrays, with the same types for all systems. Kernels are
called by their addresses (`hybridrd.kernels.entries`): so each is compiled once, and `advance` is
compiled in no time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hybridrd.continuum._line import (
    Line,
    MassActionRates,
    diffuse_line,
    react_line,
    step_mean_field,
)
from hybridrd.kernels._jit import jit
from hybridrd.kernels.entries import call, entry
from hybridrd.kernels.first_order import Families, HalfStep, create_all, mark_all, react_families
from hybridrd.kernels.gates import (
    Exits,
    Gates,
    Walk,
    diffuse_closed,
    diffuse_open,
    exchange_layers,
    exchange_planes,
)
from hybridrd.kernels.groups import DONE, OUTSIDE
from hybridrd.kernels.meetings import Meetings, react_pairs
from hybridrd.simulation.compiled_continuum import CompiledContinuum, Recorded, read_recorded

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
OPEN_MOVE = 14  # an entry of its own: diffusion of those that can leave


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
    entries
        Addresses of the stages, see `fill_entries`; 0 for nothing to do.
    key, dt
        Key of the random numbers, and the time step.
    few
        How many new particles a stage may draw without a look at the memory.
    """

    table: np.ndarray
    ids: np.ndarray
    asks: np.ndarray
    outside: np.ndarray
    entries: np.ndarray
    key: np.uint64
    dt: float
    few: float


class Parts(NamedTuple):
    """What the stages of particles need; None where there is nothing of the kind."""

    walk: Walk | None
    exits: Exits | None
    families: Families | None
    meetings: Meetings | None
    layers: Gates | None
    planes: Gates | None


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
def advance(
    world: World,
    stretch: Stretch,
    walk: Walk | None,
    exits: Exits | None,
    families: Families | None,
    meetings: Meetings | None,
    layers: Gates | None,
    planes: Gates | None,
    line: Line | None,
    recorded: Recorded | None,
    rates: MassActionRates | None,
) -> tuple[int, int, int]:
    """Take the steps of a stretch; returns step and stage reached, and the status.

    Parameters
    ----------
    walk, exits, families, meetings, layers, planes, line, recorded, rates
        What the stages need; None where there is nothing of the kind.
    """
    table, ids, asks, outside, entries, key, dt, few = world
    first, stage, last, allowed = stretch
    k = first
    while k < last:
        for now in range(stage, STAGES):
            if outside[now]:
                return k, now, OUTSIDE
            status, half = DONE, 0 if now < BEFORE else 1
            at = entries[now]
            if meetings is not None and now in (PAIRS_FIRST, PAIRS_LAST):
                status = call(at, (table, meetings, key, k, half))
            if families is not None and now in (MARK_FIRST, MARK_LAST):
                status = call(at, (table, families, key, k, half))
            if families is not None and now in (CREATE_FIRST, CREATE_LAST) and at != 0:
                now_is = HalfStep(key, k, half, 0.5 * dt)
                status = call(at, (families, now_is, allowed, asks))
            if families is not None and now in (FAMILIES_FIRST, FAMILIES_LAST):
                now_is = HalfStep(key, k, half, 0.5 * dt)
                status = call(at, (table, ids, families, now_is, asks))
            if line is not None and now in (BEFORE, AFTER) and at != 0:
                status = call(at, (line, rates, 0.5 * dt))
            if recorded is not None and now == BEFORE:
                status = call(at, (recorded, k))
            if layers is not None and now == LAYERS:
                status = call(at, (table, ids, layers, exits, key, k, allowed, asks))
            if walk is not None and now == MOVE:
                status = call(at, (table, walk, key, k))
            if exits is not None and now == MOVE:
                status = call(entries[OPEN_MOVE], (table, walk, exits, key, k))
            if planes is not None and now == PLANES:
                status = call(at, (table, ids, planes, walk, exits, key, k, allowed, asks))
            if status != DONE:
                return k, now, status
            allowed = few
        stage = 0
        k += 1
    return k, 0, DONE


def fill_entries(
    entries: np.ndarray, world: World, parts: Parts, continuum: CompiledContinuum
) -> None:
    """Compile what a system needs, and note where it is."""
    table, ids, asks, _, _, key, dt, few = world
    walk, exits, families, meetings, layers, planes = parts
    now, k = HalfStep(key, 0, 0, 0.5 * dt), 0
    entries[:] = 0
    if families is not None:
        react = entry(react_families, table, ids, families, now, asks)
        entries[[MARK_FIRST, MARK_LAST]] = entry(mark_all, table, families, key, k, 0)
        entries[[FAMILIES_FIRST, FAMILIES_LAST]] = react
        if len(families.creations):
            entries[[CREATE_FIRST, CREATE_LAST]] = entry(create_all, families, now, few, asks)
    if meetings is not None:
        react = entry(react_pairs, table, meetings, key, k, 0)
        entries[[PAIRS_FIRST, PAIRS_LAST]] = react
    if layers is not None:
        entries[LAYERS] = entry(exchange_layers, table, ids, layers, exits, key, k, few, asks)
    if walk is not None:
        entries[MOVE] = entry(diffuse_closed, table, walk, key, k)
    if exits is not None:
        entries[OPEN_MOVE] = entry(diffuse_open, table, walk, exits, key, k)
    if planes is not None:
        given = table, ids, planes, walk, exits, key, k, few, asks
        entries[PLANES] = entry(exchange_planes, *given)
    line, rates = continuum.line, continuum.rates
    if line is not None:
        before = react_line if continuum.two_way else step_mean_field
        entries[BEFORE] = entry(before, line, rates, 0.5 * dt)
        if continuum.two_way:
            entries[AFTER] = entry(diffuse_line, line, rates, 0.5 * dt)
    if continuum.recorded is not None:
        entries[BEFORE] = entry(read_recorded, continuum.recorded, k)
