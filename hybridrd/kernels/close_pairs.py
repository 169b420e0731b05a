"""Close pairs of particles, and a check whether any of them, or any complex, may react.

Pairs are found by brute force or with a cell list. The second half step of reactions and the first
of the next step see the same positions, so pairs within a Doi radius are searched once: the pairs
found are kept, except those whose particles have gone in between. Results do not depend
on the order of pairs or the storage order of particles, so a run that searches again, like a
restored one, is the same.

With few particles mostly nothing happens: each pair and each complex has its random number, and
none of them reacts. Only those that may react are left to `hybridrd.kernels.cascade`, which looks
up the same numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hybridrd.kernels import groups
from hybridrd.kernels._jit import jit, stage
from hybridrd.kernels.cell_list import Box, sort_species
from hybridrd.kernels.encounters import ACTIVE, BOUND, CHANNEL, RADIUS, A, B
from hybridrd.kernels.groups import DONE, FULL, OTHER_X, OUTSIDE, STAMP, N
from hybridrd.kernels.pairs import find_all, find_close
from hybridrd.kernels.rng import RESERVOIR_PAIR, pair_words, uniform52, words

MOST = 40_000  # pairs of two species; measured: above, a cell list is faster
PAIRS, SPARES = 1, 2  # what there is too little of where the status is `FULL`, ``asks[0]``
_BLOCK = 256


class Search(NamedTuple):
    """What to look for among the particles, and what has been found.

    Parameters
    ----------
    table, sizes
        See `hybridrd.kernels.encounters.Encounters`.
    keys
        Keys of the numbers of complexes in both half steps, ``(2, reactions)``.
    involved
        The species that react in pairs.
    radius
        The largest.
    always
        Whether `hybridrd.kernels.cascade` has to look in any case, at partners beyond the region.
    box
        The region.
    i, j, starts
        Pairs of particles within the radius, those of encounter e from ``starts[e]`` on.
    may, other, ends
        The pairs and complexes that may react in this half step, in the same way.
    stamps
        For which particles the pairs are all: the stamps of their species, and the step.
    fineness
        Of the last cell list, see `hybridrd.kernels.cell_list`.
    chances, words
        To work in: numbers of a block, and two addresses of each.
    """

    table: np.ndarray
    sizes: np.ndarray
    keys: np.ndarray
    involved: np.ndarray
    radius: float
    always: bool
    box: Box
    i: np.ndarray
    j: np.ndarray
    starts: np.ndarray
    may: np.ndarray
    other: np.ndarray
    ends: np.ndarray
    stamps: np.ndarray
    fineness: np.ndarray
    chances: np.ndarray
    words: np.ndarray


def make_search(
    room: int, encounters: int, species: int, involved: np.ndarray, radius: float, box: Box
) -> Search:
    """A search with room for so many pairs; none is known."""
    i, j, may, other = (np.empty(room, np.int64) for _ in range(4))
    starts, ends = (np.zeros(encounters + 1, np.int64) for _ in range(2))
    return Search(
        np.zeros((0, 0), np.int64), np.zeros((0, 0)), np.zeros((2, 0), np.uint64), involved,
        radius, False, box, i, j, starts, may, other, ends, np.full(species + 1, -1, np.int64),
        np.ones(1), np.empty(_BLOCK), np.empty((2, _BLOCK), np.uint64),
    )  # fmt: skip


@jit
def _are_known(table, involved, stamps, step, half):
    """Whether the pairs of the last half step are those of this one."""
    known = half == 0 and stamps[-1] == step
    for s in involved:
        known = known and stamps[s] == table[s, STAMP]
    return known


@jit
def keep_pairs(table, involved, stamps, step, half):
    """Let pairs be known in the first half of the next step, until particles change."""
    if half == 1:
        stamps[-1] = step + 1
        for s in involved:
            stamps[s] = table[s, STAMP]


@jit
def drop_pairs(search, s, gone, left, places):
    """Leave out the pairs of particles of a species that are dropped, and follow those moved."""
    table, i, j, starts = search.table, search.i, search.j, search.starts
    m, begin = 0, 0
    for e in range(table.shape[0]):
        first, second = table[e, A] == s, table[e, B] == s
        end = starts[e + 1]
        for k in range(begin, end):
            a, b = i[k], j[k]
            if (first and gone[a] != 0) or (second and gone[b] != 0):
                continue
            i[m] = places[a - left] if first and a >= left else a
            j[m] = places[b - left] if second and b >= left else b
            m += 1
        begin, starts[e + 1] = end, m


@jit
def row_in_list(involved, s):
    """The row of a species in `hybridrd.kernels.cell_list.Listed.starts`."""
    for k in range(involved.shape[0]):
        if involved[k] == s:
            return k
    return -1


@jit
def _are_many(table, meeting):
    for e in range(meeting.shape[0]):
        s, other = meeting[e, A], meeting[e, B]
        if other >= 0 and table[s, N] * table[other, N] > MOST:
            return True
    return False


@jit
def _find_all(table, meeting, sizes, periods, i, j, starts):
    """Find the close pairs of all encounters all with all; returns how many."""
    d, m = periods.shape[0], 0
    for e in range(meeting.shape[0]):
        s, other = meeting[e, A], meeting[e, B]
        if other >= 0 and table[s, N] > 0 and table[other, N] > 0:
            out_i, out_j, like, radius = i, j, s == other, sizes[e, RADIUS]
            if table[s, N] > table[other, N]:  # the rarer ones look for the others
                s, other, out_i, out_j = other, s, j, i
            x, y = groups.positions(table, s, d), groups.positions(table, other, d)
            n, k = table[s, N], table[other, N]
            m = find_all(x, n, y, k, like, radius, periods, out_i, out_j, m)
        starts[e + 1] = m
    return m


@jit
def _find_by_cells(table, search):
    """As `_find_all`, after particles have been sorted by cell."""
    d, m, involved = search.box.low.shape[0], 0, search.involved
    listed = sort_species(table, involved, search.box, search.radius, search.fineness)
    for e in range(search.table.shape[0]):
        s, other = search.table[e, A], search.table[e, B]
        if other >= 0 and table[s, N] > 0 and table[other, N] > 0:
            at, like = min(m, search.i.shape[0]), s == other
            i, j = search.i[at:], search.j[at:]
            if table[s, N] > table[other, N]:
                s, other, i, j = other, s, j, i
            x, y = groups.positions(table, s, d), groups.positions(table, other, d)
            starts, radius = listed.starts[row_in_list(involved, other)], search.sizes[e, RADIUS]
            m += find_close(x, table[s, N], y, starts, like, radius, listed.cells, i, j)
        search.starts[e + 1] = m
    return m


@jit
def _has_spares(table, involved, asks):
    """Whether there are arrays to sort into; ``asks`` says if not."""
    for s in involved:
        if table[s, OTHER_X] == 0:
            asks[0], asks[1] = SPARES, s
            return False
    return True


@jit
def _chances_of_pairs(first, second, key, step, reaction, half, chances):
    """The first number of each pair; a loop of its own, so that it vectorises."""
    for k in range(chances.shape[0]):
        w0, w1, _, _ = pair_words(key, first[k], second[k], step, reaction, half)
        chances[k] = uniform52(w0, w1)


@jit
def _chances(ids, key, step, chances):
    """The first number of each complex; a loop of its own, so that it vectorises."""
    for k in range(chances.shape[0]):
        w0, w1, _, _ = words(key, ids[k], step, RESERVOIR_PAIR, 0)
        chances[k] = uniform52(w0, w1)


@stage
def look_for_pairs(table, meetings, key, step, half, asks):
    """Find what may react in half a step of pairs: `DONE` if nothing does, `OUTSIDE` if any may."""
    search = meetings.search
    meetings.bench.counts[:] = 0
    meeting, sizes, involved, stamps = search.table, search.sizes, search.involved, search.stamps
    i, j, starts, may, other = search.i, search.j, search.starts, search.may, search.other
    chances, first, second, found, m = search.chances, search.words[0], search.words[1], 0, 0
    if not _are_known(table, involved, stamps, step, half):
        stamps[-1] = -1
        if not _are_many(table, meeting):
            m = _find_all(table, meeting, sizes, search.box.periods, i, j, starts)
        elif _has_spares(table, involved, asks):
            m = _find_by_cells(table, search)
        else:
            return FULL
    for e in range(meeting.shape[0]):
        s, t, channel, begin, end = meeting[e, A], meeting[e, B], meeting[e, CHANNEL], 0, 0
        if meeting[e, ACTIVE] != 0 and m <= i.shape[0]:
            begin, end = (starts[e], starts[e + 1]) if t >= 0 else (0, table[s, N])
        while begin < end:
            size, ids = min(end - begin, _BLOCK), groups.ids_of(table, s)
            if t < 0:
                _chances(ids[begin:], search.keys[half, e], step, chances[:size])
            else:
                others = groups.ids_of(table, t)
                for k in range(size):
                    a, b = ids[i[begin + k]], others[j[begin + k]]
                    # The address of a like pair does not depend on which of them is found first.
                    swap = s == t and a > b
                    first[k], second[k] = (b, a) if swap else (a, b)
                _chances_of_pairs(first, second, key, step, channel, half, chances[:size])
            for k in range(size):
                if chances[k] <= sizes[e, BOUND]:
                    if found < may.shape[0]:
                        may[found], other[found] = begin + k, 0
                        if t >= 0:
                            may[found], other[found] = i[begin + k], j[begin + k]
                    found += 1
            begin += size
        search.ends[e + 1] = found
    if max(m, found) > i.shape[0]:
        asks[0], asks[1] = PAIRS, max(m, found)
        return FULL
    if search.always or found > 0:
        return OUTSIDE
    keep_pairs(table, involved, stamps, step, half)
    return DONE
