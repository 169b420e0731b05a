"""Events of a half step, and the actors born of them, in arrays that compiled code fills.

An actor is a particle, a discrete copy in a cell of the continuum, or a product that may react
again. Actors are numbered: the particles of all species, then copies, then one number for nobody,
then those born.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import inlined, jit

# Columns of `Bench.events`: the encounter; both actors; the domain cells of their places, -1 in the
# region; those of places of their own for new products, -2 where these are the actors'; the list
# of its products in `Encounters.starts`; the first child; which partner is in a reservoir, -1 for
# none; generation of the younger actor, and its number, -1 and 0 for particles.
ENCOUNTER, FIRST, SECOND, CELL, OTHER_CELL, PUT_CELL, OTHER_PUT_CELL = range(7)
NEWS, CHILD, RESERVOIR, AGE, YOUNGEST = range(7, 12)
COLUMNS = 12
# Columns of `Bench.born`: species; generation; cell of the list, and the next that was born there.
SPECIES, GENERATION, PLACE, NEXT = range(4)
# Entries of `Bench.counts`: events, those put in order so far, and those that are still to come;
# actors born; particles looked at; numbers booked in the continuum; events that happened.
EVENTS, PUT, WAITING, BORN, LOOKED, BOOKED, ACCEPTED = range(7)


class Bench(NamedTuple):
    """Room to work in; one row an event or an actor born.

    Parameters
    ----------
    counts
        How many there are of each, see above.
    events, time, word, places
        Of each event the columns above, when it happens (in half steps), its number among those at
        the same time, and where the products of both actors go, ``(events, 4, d)``: to the
        actors' places, or to their own.
    order
        A heap of the events that wait, the next one first.
    born, since, address, x
        Of each actor born the columns above, when, the address of its numbers, and where.
    accepted, before, after
        Of each event that happened, in their order, its row, and ids of its reactants and products,
        ``(events, at most)``.
    offsets
        The number of the first particle of each species, of the first copy, and of nobody.
    """

    counts: np.ndarray
    events: np.ndarray
    time: np.ndarray
    word: np.ndarray
    places: np.ndarray
    order: np.ndarray
    born: np.ndarray
    since: np.ndarray
    address: np.ndarray
    x: np.ndarray
    accepted: np.ndarray
    before: np.ndarray
    after: np.ndarray
    offsets: np.ndarray


class Actors(NamedTuple):
    """Actors of one species that were born at the same time.

    Parameters
    ----------
    x, ids, n
        Positions ``(d, at least n)`` and addresses.
    first, since, age
        The number of the first, when they were born, and in which generation: -1 for particles.
    """

    x: np.ndarray
    ids: np.ndarray
    n: int
    first: int
    since: float
    age: int


def make_bench(room: int, species: int, d: int, most: int) -> Bench:
    """Room for so many events and actors, of at most so many products each."""
    return Bench(
        np.zeros(7, np.int64), np.empty((room, COLUMNS), np.int64), np.empty(room),
        np.empty(room, np.uint64), np.empty((room, 4, d)), np.empty(room, np.int64),
        np.empty((room, 4), np.int64), np.empty(room), np.empty(room, np.uint64),
        np.empty((d, room)), np.empty(room, np.int64), np.empty((room, 2), np.int64),
        np.empty((room, most), np.int64), np.zeros(species + 2, np.int64),
    )  # fmt: skip


@jit
def add_event(bench, encounter, a, b, age, time, word):
    """A new event of two actors; the caller fills in the rest. -1 if there is no room for it."""
    m = bench.counts[EVENTS]
    bench.counts[EVENTS] = m + 1
    if m >= bench.time.shape[0]:
        return -1
    event, nobody = bench.events[m], bench.offsets[-1]
    event[ENCOUNTER], event[FIRST], event[SECOND], event[AGE] = encounter, a, b, age
    event[CELL], event[OTHER_CELL], event[RESERVOIR] = -1, -1, -1
    event[PUT_CELL], event[OTHER_PUT_CELL] = -2, -2
    event[NEWS], event[CHILD] = 2 * encounter, 0
    event[YOUNGEST] = max(a, b) if max(a, b) > nobody else 0
    bench.time[m], bench.word[m] = time, word
    return m


@inlined
def _before(bench, a, b):
    """Whether event a is before b; of events at one time those of earlier actors come first."""
    if bench.time[a] != bench.time[b]:
        return bench.time[a] < bench.time[b]
    one, other = bench.events[a, YOUNGEST], bench.events[b, YOUNGEST]
    return one < other if one != other else bench.word[a] < bench.word[b]


@jit
def put_in_order(bench):
    """Let the events that have come since the last time wait for their turn."""
    order, counts = bench.order, bench.counts
    for e in range(counts[PUT], counts[EVENTS]):
        k = counts[WAITING]
        counts[WAITING] = k + 1
        while k > 0 and _before(bench, e, order[(k - 1) // 2]):
            order[k] = order[(k - 1) // 2]
            k = (k - 1) // 2
        order[k] = e
    counts[PUT] = counts[EVENTS]


@jit
def take_next(bench):
    """Remove and return the next event from the queue."""
    order, counts = bench.order, bench.counts
    n = counts[WAITING] - 1
    counts[WAITING] = n
    first, last = order[0], order[n]
    k = 0
    while 2 * k + 1 < n:
        child = 2 * k + 1
        if child + 1 < n and _before(bench, order[child + 1], order[child]):
            child += 1
        if not _before(bench, order[child], last):
            break
        order[k] = order[child]
        k = child
    order[k] = last
    return first
