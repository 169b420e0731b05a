"""The time step: all its stages from top to bottom, compiled, for many steps in a row.

A stage is done here, or, where ``outside`` says so, by whoever called: `advance` then returns with
the stage that is due, and is called again for the next one. The same happens where a stage finds
no room for what it makes: it returns before it has changed anything. Random numbers are addressed,
so that repeating a stage does no harm.

To add a stage, give it a number, a kernel that returns `DONE` or why it has not changed anything,
and an entry in `fill_entries`. What it needs goes into a `NamedTuple` of arrays, with the same
types for all systems, and a member of `Parts`, None where a system has nothing of the kind. Kernels
and parts are given by their addresses (`hybridrd.kernels.entries`, `hybridrd.kernels.bundles`): so
each kernel is compiled once, and `advance` is the same for all systems.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hybridrd.continuum._line import (
    Line,
    MassActionRates,
    book_pairs,
    diffuse_line,
    react_line,
    read_partners,
    step_mean_field,
)
from hybridrd.continuum._recorded import Recorded, read_recorded, read_recorded_partners
from hybridrd.kernels._jit import jit
from hybridrd.kernels.cascade import Meetings, is_booked, react_pairs
from hybridrd.kernels.close_pairs import look_for_pairs
from hybridrd.kernels.drift_stages import Forces, Media, diffuse_drifting, diffuse_uneven
from hybridrd.kernels.entries import call, entry
from hybridrd.kernels.first_order import Families, HalfStep, create_all, mark_all, react_families
from hybridrd.kernels.flight_stage import Flights, fly_all
from hybridrd.kernels.gates import (
    Currents,
    Exits,
    Gates,
    Walk,
    diffuse_closed,
    diffuse_open,
    exchange_layers,
    exchange_planes,
)
from hybridrd.kernels.groups import DONE, OUTSIDE

# The stages of a step.
WALLS = 0  # what walls hold or let in, and rates, where they are functions of time
PARTNERS_FIRST = 1  # half a step of reactions: concentrations that partners in a continuum have,
PAIRS_FIRST = 2  # pairs,
BOOK_FIRST = 3  # what they brought to the continuum,
MARK_FIRST = 4  # particles that react by themselves,
CREATE_FIRST = 5  # creations,
FAMILIES_FIRST = 6  # and the families of both
BEFORE = 7  # the continuum reacts for half a step, and c_R is read from it
LAYERS = 8  # boundary layers exchange, one face after another
MOVE = 9  # particles diffuse, and leave through open faces
PLANES = 10  # arrivals through exact planes and influx walls, each with its age
AFTER = 11  # the continuum diffuses, with all that was exchanged as a source, and reacts
MARK_LAST = 12  # half a step of reactions, in the opposite order
CREATE_LAST = 13
FAMILIES_LAST = 14
PARTNERS_LAST = 15
PAIRS_LAST = 16
BOOK_LAST = 17
STAGES = 18
OPEN_MOVE = 18  # an entry of its own: diffusion of those that can leave
RECORDED_BEFORE = 19  # another: c_R of a mean field that has been solved
REACT_PAIRS = 20  # and pairs, where any may react
DRIFT_MOVE = 21  # diffusion of those that drift
UNEVEN_MOVE = 22  # of those whose D depends on the place
FLY = 23  # and flights of those with inertia
ENTRIES = 24

# What stages need: the members of `Parts`, in their order.
WALK, EXITS, FAMILIES, MEETINGS, OF_LAYERS, OF_PLANES, LINE, RATES, RECORDED = range(9)
FORCES, MEDIA, CURRENTS, FLIGHTS = range(9, 13)
PARTS = 13


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
    parts
        Addresses of what they need, the members of `Parts`.
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
    parts: np.ndarray
    key: np.uint64
    dt: float
    few: float


class Parts(NamedTuple):
    """What the stages need; None where there is nothing of the kind."""

    walk: Walk | None
    exits: Exits | None
    families: Families | None
    meetings: Meetings | None
    layers: Gates | None
    planes: Gates | None
    line: Line | None
    rates: MassActionRates | None
    recorded: Recorded | None
    forces: Forces | None
    media: Media | None
    currents: Currents | None
    flights: Flights | None


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
def advance(world: World, stretch: Stretch) -> tuple[int, int, int]:
    """Take the steps of a stretch; returns step and stage reached, and the status."""
    table, ids, asks, outside, entries, parts, key, dt, few = world
    first, stage, last, allowed = stretch
    walk, exits, families, meetings = parts[WALK], parts[EXITS], parts[FAMILIES], parts[MEETINGS]
    k = first
    while k < last:
        for now in range(stage, STAGES):
            if outside[now]:
                return k, now, OUTSIDE
            status, half, at = DONE, 0 if now < BEFORE else 1, entries[now]
            time = HalfStep(key, k, half, 0.5 * dt)
            if now == MOVE:
                if at != 0:
                    status = call(at, (table, walk, key, k))
                if entries[OPEN_MOVE] != 0:
                    status = call(entries[OPEN_MOVE], (table, walk, exits, key, k))
                if entries[DRIFT_MOVE] != 0:
                    status = call(entries[DRIFT_MOVE], (table, walk, parts[FORCES], exits, key, k))
                if entries[UNEVEN_MOVE] != 0:
                    status = call(entries[UNEVEN_MOVE], (table, walk, parts[MEDIA], exits, key, k))
                if entries[FLY] != 0:
                    status = call(entries[FLY], (table, walk, parts[FLIGHTS], exits, key, k))
            elif now == BEFORE and entries[RECORDED_BEFORE] != 0:
                status = call(entries[RECORDED_BEFORE], (parts[RECORDED], k))
            elif at == 0:
                continue
            elif now in (PARTNERS_FIRST, PARTNERS_LAST):
                field = parts[RECORDED] if entries[RECORDED_BEFORE] != 0 else parts[LINE]
                status = call(at, (field, meetings, k + half))
            elif now in (PAIRS_FIRST, PAIRS_LAST):
                status = call(at, (table, meetings, key, k, half, asks))
                if status == OUTSIDE:
                    status = call(entries[REACT_PAIRS], (table, ids, meetings, time, asks))
            elif now in (BOOK_FIRST, BOOK_LAST):
                status = call(at, (parts[LINE], meetings))
            elif now in (MARK_FIRST, MARK_LAST):
                status = call(at, (table, families, key, k, half))
            elif now in (CREATE_FIRST, CREATE_LAST):
                status = call(at, (families, time, allowed, asks))
            elif now in (FAMILIES_FIRST, FAMILIES_LAST):
                status = call(at, (table, ids, families, time, asks))
            elif now in (BEFORE, AFTER):
                status = call(at, (parts[LINE], parts[RATES], 0.5 * dt))
            elif now == LAYERS:
                layers = parts[OF_LAYERS]
                given = table, ids, layers, parts[CURRENTS], exits, key, k, allowed, asks
                status = call(at, given)
            elif now == PLANES:
                planes = parts[OF_PLANES]
                status = call(
                    at, (table, ids, planes, parts[CURRENTS], walk, exits, key, k, allowed, asks)
                )
            if status != DONE:
                return k, now, status
            allowed = few
        stage = 0
        k += 1
    return k, 0, DONE


def fill_entries(world: World, parts: Parts, two_way: bool) -> None:
    """Compile what a system needs, and note where it is.

    Parameters
    ----------
    two_way
        Whether a line is in two-way coupling.
    """
    table, ids, asks, _, entries, _, key, dt, few = world
    walk, exits, families, meetings, layers, planes, line, rates, recorded = parts[:9]
    forces, media, currents, flights = parts[9:]
    now, k = HalfStep(key, 0, 0, 0.5 * dt), 0
    entries[:] = 0
    if families is not None:
        react = entry(react_families, table, ids, families, now, asks)
        entries[[MARK_FIRST, MARK_LAST]] = entry(mark_all, table, families, key, k, 0)
        entries[[FAMILIES_FIRST, FAMILIES_LAST]] = react
        if len(families.creations):
            entries[[CREATE_FIRST, CREATE_LAST]] = entry(create_all, families, now, few, asks)
    if meetings is not None:
        look = entry(look_for_pairs, table, meetings, key, k, 0, asks)
        entries[[PAIRS_FIRST, PAIRS_LAST]] = look
        entries[REACT_PAIRS] = entry(react_pairs, table, ids, meetings, now, asks)
        if len(meetings.encounters.credit):
            book = is_booked if line is None else book_pairs
            entries[[BOOK_FIRST, BOOK_LAST]] = entry(book, line, meetings)
    if layers is not None:
        given = table, ids, layers, currents, exits, key, k, few, asks
        entries[LAYERS] = entry(exchange_layers, *given)
    if walk is not None and (walk.closed & (walk.Ddt > 0.0)).any():
        entries[MOVE] = entry(diffuse_closed, table, walk, key, k)
    if walk is not None and exits is not None and (~walk.closed & (walk.Ddt > 0.0)).any():
        entries[OPEN_MOVE] = entry(diffuse_open, table, walk, exits, key, k)
    if forces is not None:
        entries[DRIFT_MOVE] = entry(diffuse_drifting, table, walk, forces, exits, key, k)
    if media is not None:
        entries[UNEVEN_MOVE] = entry(diffuse_uneven, table, walk, media, exits, key, k)
    if flights is not None:
        entries[FLY] = entry(fly_all, table, walk, flights, exits, key, k)
    if planes is not None:
        entered = table, ids, planes, currents, walk, exits, key, k, few, asks
        entries[PLANES] = entry(exchange_planes, *entered)
    if meetings is not None and len(meetings.beyond.strips):
        read = 0
        if line is not None:
            read = entry(read_partners, line, meetings, k)
        if recorded is not None:
            read = entry(read_recorded_partners, recorded, meetings, k)
        entries[[PARTNERS_FIRST, PARTNERS_LAST]] = read
    if line is not None:
        before = react_line if two_way else step_mean_field
        entries[BEFORE] = entry(before, line, rates, 0.5 * dt)
        if two_way:
            entries[AFTER] = entry(diffuse_line, line, rates, 0.5 * dt)
    if recorded is not None:
        entries[RECORDED_BEFORE] = entry(read_recorded, recorded, k)
