"""Half a step of pair reactions, and of the reactions of their products.

Each pair within the radius and each complex has an exponential waiting time. Events are accepted in
the order of their times if both partners still exist; products that can react propose events for
the rest of the half step. This samples these reactions at fixed positions exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hybridrd.kernels import groups
from hybridrd.kernels._jit import jit, stage
from hybridrd.kernels.arrays import axis_cell
from hybridrd.kernels.cell_list import copy_species, no_list
from hybridrd.kernels.close_pairs import Search, drop_pairs, keep_pairs, row_in_list
from hybridrd.kernels.encounters import (
    ACTIVE,
    CHANNEL,
    GOES,
    OTHER_GOES,
    RADIUS,
    ROW,
    A,
    B,
    Beyond,
    Encounters,
    most,
)
from hybridrd.kernels.events import (
    ACCEPTED,
    AGE,
    BOOKED,
    BORN,
    CELL,
    CHILD,
    ENCOUNTER,
    EVENTS,
    FIRST,
    GENERATION,
    LOOKED,
    NEWS,
    NEXT,
    PLACE,
    PUT_CELL,
    RESERVOIR,
    SECOND,
    SPECIES,
    WAITING,
    Actors,
    Bench,
    put_in_order,
    take_next,
)
from hybridrd.kernels.first_order import NAMELESS, NOBODY
from hybridrd.kernels.groups import CROWDED, DEEP, DONE, FULL, MANY, OUTSIDE, N
from hybridrd.kernels.pairs import find_all, find_close, is_near
from hybridrd.kernels.partner_places import beyond_open
from hybridrd.kernels.proposals import (
    mean_candidates,
    propose_alone,
    propose_entering,
    propose_pairs,
)
from hybridrd.kernels.rng import MOST_CANDIDATES, newborn_address

MOST_GENERATIONS = 1_000
_FIRST_GENERATIONS = 60  # from then on they must keep a pace with which the most suffice
_MOST_BORN = 1_000  # and ten for every particle, three for every first event
_LOOKS = 32  # at each particle, before positions are copied into a cell list
SHORT = 0  # of room for events and actors: ``asks[0]`` where the status is `FULL`


class Meetings(NamedTuple):
    """All arrays for half a step of pairs."""

    search: Search
    encounters: Encounters
    beyond: Beyond
    bench: Bench


class Nursery(NamedTuple):
    """Actors born in this half step by the cells that they are in, not narrower than the radius.

    Parameters
    ----------
    heads
        The last one born in the cells of each remainder, see `NEXT`; -1 for none.
    inverse, shape
        Cells per length, and their numbers.
    found
        Room for those near a place.
    """

    heads: np.ndarray
    inverse: np.ndarray
    shape: np.ndarray
    found: np.ndarray


@jit
def _make_nursery(encounters, bench):
    d, size = encounters.box.low.shape[0], 256
    while size < bench.counts[EVENTS]:
        size *= 2
    shape, inverse = np.empty(d, np.int64), np.empty(d)
    for a in range(d):
        wide = encounters.box.extent[a] / (encounters.radius * (1.0 + 1e-9))
        shape[a] = max(np.int64(min(wide, 1e5)), 1)
        inverse[a] = shape[a] / encounters.box.extent[a]
    heads = np.full(size, -1, np.int64)
    return Nursery(heads, inverse, shape, np.empty(bench.since.shape[0], np.int64))


@jit
def _lay(encounters, bench, nursery, c):
    """Put an actor that has been born into its cell."""
    cell, low = 0, encounters.box.low
    for a in range(low.shape[0] - 1, -1, -1):
        at = axis_cell(bench.x[a, c], low[a], nursery.inverse[a], nursery.shape[a])
        cell = cell * nursery.shape[a] + at
    head = cell & (nursery.heads.shape[0] - 1)
    bench.born[c, PLACE], bench.born[c, NEXT] = cell, nursery.heads[head]
    nursery.heads[head] = c


@jit
def _near_born(encounters, bench, nursery, x, s, radius, c):
    """Those of a species that were born before c within a radius of x; returns how many."""
    d, box, m, r2 = x.shape[0], encounters.box, 0, radius * radius
    first, last = np.zeros(3, np.int64), np.zeros(3, np.int64)
    shape = np.ones(3, np.int64)
    for a in range(d):
        shape[a] = nursery.shape[a]
        at = axis_cell(x[a, 0], box.low[a], nursery.inverse[a], shape[a])
        first[a], last[a] = at - 1, at + 1
        if box.periods[a] == 0.0 or shape[a] < 3:  # no cell twice
            first[a], last[a] = max(at - 1, 0), min(at + 1, shape[a] - 1)
    for k in range(first[2], last[2] + 1):
        for j in range(first[1], last[1] + 1):
            for i in range(first[0], last[0] + 1):
                cell = (k % shape[2] * shape[1] + j % shape[1]) * shape[0] + i % shape[0]
                b = nursery.heads[cell & (nursery.heads.shape[0] - 1)]
                while b >= 0:
                    known = bench.born[b, PLACE] == cell and bench.born[b, SPECIES] == s
                    known = known and b < c
                    if known and is_near(x, 0, bench.x, b, box.periods, r2):
                        nursery.found[m] = b
                        m += 1
                    b = bench.born[b, NEXT]
    return m


@jit
def _near_particles(table, encounters, bench, listed, x, s, radius):
    """Where the particles of a species near x are stored."""
    d, n, m, box = x.shape[0], table[s, N], 0, encounters.box
    out, first = np.empty(64, np.int64), np.empty(64, np.int64)
    while True:
        y = groups.positions(table, s, d)
        if listed.starts.shape[0] == 0:
            m = find_all(x, 1, y, n, False, radius, box.periods, first, out, 0)
            bench.counts[LOOKED] += n
        else:
            starts, cells = listed.starts[row_in_list(encounters.involved, s)], listed.cells
            m = find_close(x, 1, listed.x, starts, False, radius, cells, first, out)
        if m <= out.shape[0]:
            break
        out, first = np.empty(m, np.int64), np.empty(m, np.int64)
    if listed.starts.shape[0] > 0:
        for k in range(m):
            out[k] = listed.places[out[k]]
    return out[:m]


@jit
def _particles(table, bench, s, d):
    """The particles of a species as actors."""
    x, ids, _ = groups.arrays_of(table, s, d)
    return Actors(x, ids, table[s, N], bench.offsets[s], 0.0, -1)


@jit
def _propose_first(table, search, encounters, beyond, bench, now, asks):
    """Events that particles propose, and complexes in a reservoir."""
    d, none = encounters.box.low.shape[0], search.may[:0]
    for e in range(encounters.table.shape[0]):
        s, other = encounters.table[e, A], encounters.table[e, B]
        if encounters.table[e, ACTIVE] == 0:
            continue
        for role in range(2):
            row = encounters.table[e, ROW + role]
            if row >= 0 and other >= 0:
                mean = mean_candidates(encounters, beyond, e, row, now.half)
                if not mean <= MOST_CANDIDATES:
                    asks[0], asks[1] = e, mean
                    return MANY
        one, row = _particles(table, bench, s, d), encounters.table[e, ROW]
        begin, end = search.ends[e], search.ends[e + 1]
        may, with_whom = search.may[begin:end], search.other[begin:end]
        if other >= 0 and end > begin:
            there = _particles(table, bench, other, d)
            propose_pairs(encounters, bench, e, may, with_whom, one, there, now)
        elif other < 0 and row >= 0 and most(beyond, row, now.half) > 0.0:
            propose_entering(encounters, beyond, bench, e, now)
        propose_alone(encounters, beyond, bench, e, s, one, may, now)
        if other >= 0 and other != s:
            there = _particles(table, bench, other, d)
            propose_alone(encounters, beyond, bench, e, other, there, none, now)
    return DONE


@jit
def product_place(encounters, beyond, bench, m, k):
    """The reactant that the k-th product of all replaces in event m; plus 2 for a new position.

    At a partner beyond walls a product is lost if all of those walls are a reservoir
    of its species; otherwise it is put at the particle.
    """
    event, cells = bench.events[m], encounters.codes.shape[0]
    species, place = encounters.news[k, 0], encounters.news[k, 1]
    if event[PUT_CELL + place] != -2:
        return place + 2
    if place != event[RESERVOIR] or event[CELL + place] < cells:
        return place
    if encounters.table[event[ENCOUNTER], B] < 0:
        return place
    y = bench.places[m, place]
    return place if beyond_open(y, encounters.domain, beyond.holds[species]) else 1 - place


@jit
def _bear(encounters, beyond, bench, nursery, m):
    """Let the products of an event be born that may react; returns how many, -1 without room."""
    event, d, born = bench.events[m], bench.places.shape[2], 0
    first, last = encounters.starts[event[NEWS]], encounters.starts[event[NEWS] + 1]
    event[CHILD] = bench.counts[BORN]
    for k in range(first, last):
        s, place = encounters.news[k, 0], product_place(encounters, beyond, bench, m, k)
        if not encounters.reactive[s] or event[CELL + place] >= 0:
            continue
        c = bench.counts[BORN]
        if c >= bench.since.shape[0]:
            return -1
        bench.counts[BORN] = c + 1
        bench.born[c, SPECIES], bench.born[c, GENERATION] = s, event[AGE] + 1
        bench.since[c] = bench.time[m]
        bench.address[c] = newborn_address(bench.word[m], k - first)
        for a in range(d):
            bench.x[a, c] = bench.places[m, place, a]
        _lay(encounters, bench, nursery, c)
        born += 1
    return born


@jit
def _meet(table, encounters, beyond, bench, nursery, listed, c, now):
    """Propose what an actor that has been born does."""
    d, nobody = bench.x.shape[0], bench.offsets[-1]
    x, s, age = np.empty((d, 1)), bench.born[c, SPECIES], bench.born[c, GENERATION]
    for a in range(d):
        x[a, 0] = bench.x[a, c]
    new = Actors(x, bench.address[c : c + 1], 1, nobody + 1 + c, bench.since[c], age)
    it = np.zeros(1, np.int64)
    for e in range(encounters.table.shape[0]):
        first, second = encounters.table[e, A], encounters.table[e, B]
        if encounters.table[e, ACTIVE] == 0:
            continue
        for role in range(2 if first != second else 1):
            if second < 0 or encounters.table[e, A + role] != s:
                continue
            _meet_all(table, encounters, bench, nursery, listed, e, role, new, now)
        propose_alone(encounters, beyond, bench, e, s, new, it, now)


@jit
def _meet_all(table, encounters, bench, nursery, listed, e, role, new, now):
    """Propose pairs of a new actor in a role with all that is near."""
    radius, s = encounters.sizes[e, RADIUS], encounters.table[e, B - role]
    d, nobody = bench.x.shape[0], bench.offsets[-1]
    there = _particles(table, bench, s, d)
    near = _near_particles(table, encounters, bench, listed, new.x, s, radius)
    if near.shape[0] > 0:
        alone = np.zeros_like(near)
        if role == 0:
            propose_pairs(encounters, bench, e, alone, near, new, there, now)
        else:
            propose_pairs(encounters, bench, e, near, alone, there, new, now)
    c = new.first - nobody - 1
    found = _near_born(encounters, bench, nursery, new.x, s, radius, c)
    here = np.zeros(1, np.int64)
    for k in range(found):
        b = nursery.found[k]
        since, age = bench.since[b], bench.born[b, GENERATION]
        old = Actors(bench.x, bench.address, b + 1, nobody + 1, since, age)
        if role == 0:
            propose_pairs(encounters, bench, e, here, nursery.found[k : k + 1], new, old, now)
        else:
            propose_pairs(encounters, bench, e, nursery.found[k : k + 1], here, old, new, now)


@jit
def _is_endless(bench, room, m):
    """Whether what was born of an event follows others too fast, or is too much."""
    age = bench.events[m, AGE] + 1
    late = age >= _FIRST_GENERATIONS and bench.time[m] * MOST_GENERATIONS < age
    return late or age >= MOST_GENERATIONS or bench.counts[BORN] > room


@jit
def _live(table, encounters, beyond, bench, gone, accepted, now, fineness, asks):
    """Accept events in their order, and let products react; the status, and how many events.

    ``gone`` says by number which actors are; ``accepted`` receives the events.
    """
    nobody, counts, number = bench.offsets[-1], bench.counts, 0
    room = _MOST_BORN + 10 * bench.offsets[-2] + 3 * counts[EVENTS]
    nursery, listed = _make_nursery(encounters, bench), no_list(encounters.box)
    put_in_order(bench)
    while counts[WAITING] > 0:
        m = take_next(bench)
        event = bench.events[m]
        a, b, e = event[FIRST], event[SECOND], event[ENCOUNTER]
        if gone[a] != 0 or gone[b] != 0:
            continue
        if encounters.table[e, GOES] != 0 and a != nobody:
            gone[a] = 1
        if encounters.table[e, OTHER_GOES] != 0 and b != nobody:
            gone[b] = 1
        accepted[number] = m
        number += 1
        born = _bear(encounters, beyond, bench, nursery, m)
        if born > 0 and _is_endless(bench, room, m):
            asks[0] = counts[BORN]
            return DEEP, number
        for c in range(counts[BORN] - max(born, 0), counts[BORN]):
            if listed.starts.shape[0] == 0 and counts[LOOKED] > _LOOKS * bench.offsets[-2]:
                box, radius = encounters.box, encounters.radius
                listed = copy_species(table, encounters.involved, box, radius, fineness)
            _meet(table, encounters, beyond, bench, nursery, listed, c, now)
        if born < 0 or counts[EVENTS] > bench.time.shape[0]:
            asks[0], asks[1] = SHORT, 2 * max(counts[EVENTS], bench.time.shape[0])
            return FULL, number
        put_in_order(bench)
    return DONE, number


@jit
def _products(encounters, beyond, bench, gone, accepted, species, x):
    """Put the products that are in the region into arrays, if these are long enough; how many."""
    n, first = 0, bench.offsets[-1] + 1
    for m in accepted:
        event = bench.events[m]
        child = event[CHILD]
        for k in range(encounters.starts[event[NEWS]], encounters.starts[event[NEWS] + 1]):
            s, place = encounters.news[k, 0], product_place(encounters, beyond, bench, m, k)
            if event[CELL + place] >= 0:
                continue
            if encounters.reactive[s]:
                child += 1
                if gone[first + child - 1] != 0:
                    continue
            if n < species.shape[0]:
                species[n] = s
                for a in range(x.shape[0]):
                    x[a, n] = bench.places[m, place, a]
            n += 1
    return n


@jit
def is_booked(line, meetings):  # noqa: ARG001
    """`OUTSIDE` if the last half step has brought anything to the continuum."""
    return OUTSIDE if meetings.bench.counts[BOOKED] > 0 else DONE


@jit
def _book(encounters, beyond, bench, accepted):
    """Count the events, and credit the continuum with what falls into it and is taken from it."""
    credit, cells = encounters.credit, encounters.codes.shape[0]
    for m in accepted:
        event, e = bench.events[m], bench.events[m, ENCOUNTER]
        encounters.events[encounters.table[e, CHANNEL]] += 1
        if credit.shape[0] == 0:
            continue
        role = event[RESERVOIR]
        goes = role >= 0 and encounters.table[e, GOES + role] != 0
        if goes and 0 <= event[CELL + role] < cells:
            credit[encounters.table[e, A + role], event[CELL + role]] -= 1
            bench.counts[BOOKED] += 1
        for k in range(encounters.starts[event[NEWS]], encounters.starts[event[NEWS] + 1]):
            cell = event[CELL + product_place(encounters, beyond, bench, m, k)]
            if 0 <= cell < cells:
                credit[encounters.news[k, 0], cell] += 1
                bench.counts[BOOKED] += 1


@jit
def _id_of(table, bench, number):
    """The id of an actor, if it is a particle that was there before."""
    if number >= bench.offsets[-2]:
        return NAMELESS
    s = np.searchsorted(bench.offsets[:-1], number, side="right") - 1
    return np.int64(groups.ids_of(table, s)[number - bench.offsets[s]])


@jit
def _name(table, encounters, beyond, bench, gone, accepted, next_id):
    """Note the reactants and products of the events that happened."""
    before, after, first = bench.before, bench.after, bench.offsets[-1] + 1
    bench.counts[ACCEPTED] = accepted.shape[0]
    for q in range(accepted.shape[0]):
        m = accepted[q]
        event, e, column = bench.events[m], bench.events[m, ENCOUNTER], 0
        child = event[CHILD]
        before[q], after[q] = NOBODY, NOBODY
        for role in range(2 if encounters.table[e, B] >= 0 else 1):
            before[q, role] = _id_of(table, bench, event[FIRST + role])
            if encounters.table[e, GOES + role] == 0:
                after[q, column] = before[q, role]
                column += 1
        for k in range(encounters.starts[event[NEWS]], encounters.starts[event[NEWS] + 1]):
            place, lives = product_place(encounters, beyond, bench, m, k), False
            if event[CELL + place] < 0:
                lives = True
                if encounters.reactive[encounters.news[k, 0]]:
                    child += 1
                    lives = gone[first + child - 1] == 0
            after[q, column] = NAMELESS
            if lives:
                after[q, column] = next_id
                next_id += 1
            column += 1


@jit
def _drop(table, search, bench, gone):
    """Drop the particles that are gone, and their pairs."""
    for s in range(table.shape[0]):
        first, n = bench.offsets[s], table[s, N]
        lost, marks = gone[first : first + n], groups.gone_of(table, s)
        for i in range(n):
            marks[i] = lost[i]
        gaps = groups.gaps_of(table, s)
        if gaps.shape[0] > 0:
            places = groups.drop(table, s, gaps)
            drop_pairs(search, s, lost, n - gaps.shape[0], places)


@jit
def _settle(table, ids, search, encounters, beyond, bench, gone, accepted, now, asks):
    """Drop consumed particles, add products, credit the continuum; `CROWDED` without room."""
    d, none = bench.x.shape[0], np.empty(0, np.int64)
    n = _products(encounters, beyond, bench, gone, accepted, none, np.empty((d, 0)))
    species, x = np.empty(n, np.int64), np.empty((d, n))
    _products(encounters, beyond, bench, gone, accepted, species, x)
    if not groups.has_room(table, species, n, asks):
        return CROWDED
    _book(encounters, beyond, bench, accepted)
    _name(table, encounters, beyond, bench, gone, accepted, ids[0])
    _drop(table, search, bench, gone)
    keep_pairs(table, search.involved, search.stamps, now.step, now.half)
    groups.add(table, ids, species, x, np.arange(n), n)
    return DONE


@stage
def react_pairs(table, ids, meetings, now, asks):
    """All encounters in half a step, after those that may react have been found."""
    search, encounters, beyond, bench = (
        meetings.search, meetings.encounters, meetings.beyond, meetings.bench
    )  # fmt: skip
    bench.counts[:] = 0
    for s in range(table.shape[0]):
        bench.offsets[s + 1] = bench.offsets[s] + table[s, N]
    bench.offsets[-1] = bench.offsets[-2] + beyond.slots[0]
    status = _propose_first(table, search, encounters, beyond, bench, now, asks)
    if status != DONE:
        return status
    if bench.counts[EVENTS] == 0:
        keep_pairs(table, search.involved, search.stamps, now.step, now.half)
        return DONE
    if bench.counts[EVENTS] > bench.time.shape[0]:
        asks[0], asks[1] = SHORT, 2 * bench.counts[EVENTS]
        return FULL
    gone, accepted = (
        np.zeros(bench.offsets[-1] + 1 + bench.since.shape[0], np.uint8),
        bench.accepted,
    )
    status, number = _live(
        table, encounters, beyond, bench, gone, accepted, now, search.fineness, asks
    )  # fmt: skip
    if status != DONE:
        return status
    happened = accepted[:number]
    return _settle(table, ids, search, encounters, beyond, bench, gone, happened, now, asks)
