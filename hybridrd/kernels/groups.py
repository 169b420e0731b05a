"""Table of the particles of all species, through which compiled code reaches their arrays.

One row per species, see the columns below; its type does not depend on the number of species.
It holds the addresses of arrays: the owner of a table also keeps the arrays alive
(`hybridrd.particles.particles.Particles`).
"""

from __future__ import annotations

import numpy as np
from numba import carray, types  # type: ignore[attr-defined]
from numba.extending import intrinsic

from hybridrd.kernels._jit import jit
from hybridrd.kernels.arrays import close_gaps, find_gone

# Columns: how many particles, a number that changes when they are added, dropped or stored in
# another order, how many there is room for, and rows of numbers: an axis each, and with inertia a
# velocity each, which particles with ids below the next number have already. Then addresses of
# arrays, the last two 0 before anybody has sorted: rows and ids in use and out of use, which are
# exchanged by sorting.
N, STAMP, ROOM, ROWS, KNOWN, X, IDS, GONE, MARKS, OTHER_X, OTHER_IDS = range(11)
COLUMNS = 11
FEW = 100  # particles of a species, up to which it shares loops with others
SPARE = 8  # kernels look at whole vectors, a few places beyond the last particle

# Status of a stage of a step: done, or the reason why it has changed nothing.
DONE = 0
FULL = -1  # the arrays for what it finds are too small
DEEP = -2  # a family is too large to follow
OUTSIDE = -3  # it is to be done outside compiled code
CROWDED = -4  # species ``asks[0]`` has no room for ``asks[1]`` more
MANY = -5  # ``asks[1]`` new particles are expected of number ``asks[0]``: is there memory for them?


def _pointer(to):
    """An intrinsic that takes an address for a pointer to values of a type."""

    @intrinsic
    def pointer(typingctx, address):  # noqa: ARG001
        def codegen(context, builder, signature, args):
            return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

        return types.CPointer(to)(types.int64), codegen

    return pointer


_floats, _words, _bytes, _flags = (
    _pointer(t) for t in (types.float64, types.uint64, types.uint8, types.boolean)
)


@jit
def positions(table, s, d):
    """The first d rows ``x[axis, particle]`` of a species: positions, then velocities."""
    return carray(_floats(table[s, X]), (d, table[s, ROOM]))


@jit
def ids_of(table, s):
    """Ids of the particles of a species."""
    return carray(_words(table[s, IDS]), (table[s, ROOM],))


@jit
def gone_of(table, s):
    """For each particle of a species the face through which it is leaving plus one, or 0."""
    return carray(_bytes(table[s, GONE]), (table[s, ROOM],))


@jit
def arrays_of(table, s, d):
    """Positions, ids, and whether they are gone, of a species."""
    return positions(table, s, d), ids_of(table, s), gone_of(table, s)


@jit
def marks_of(table, s):
    """Marks of the particles of a species that react."""
    return carray(_flags(table[s, MARKS]), (table[s, ROOM],))


@jit
def lacks(table, s, extra, asks):
    """Whether a species has no room for so many more; ``asks`` then says it."""
    if table[s, N] + extra + SPARE <= table[s, ROOM]:
        return False
    asks[0], asks[1] = s, extra
    return True


@jit
def has_room(table, species, m, asks):
    """Whether there is room for m new particles of these species."""
    crowded = False
    for s in range(table.shape[0]):
        if table[s, N] + m + SPARE > table[s, ROOM]:
            extra = 0
            for j in range(m):
                extra += species[j] == s
            crowded = crowded or lacks(table, s, extra, asks)
    return not crowded


@jit
def add(table, next_id, species, x, order, m):
    """Add m particles, with ids in the given order; ``x[axis, j]`` is the place of the j-th."""
    d = x.shape[0]
    for k in range(m):
        j = order[k]
        s = species[j]
        n = table[s, N]
        to = positions(table, s, d)
        for a in range(d):
            to[a, n] = x[a, j]
        ids_of(table, s)[n] = next_id[0]
        next_id[0] += 1
        table[s, N] = n + 1
        table[s, STAMP] += 1


@jit
def gaps_of(table, s):
    """Positions of the particles of a species that are gone, ascending."""
    n = table[s, N]
    gone = gone_of(table, s)
    words = carray(_words(table[s, GONE]), (table[s, ROOM] // 8,))
    number = 0
    for i in range(n):
        number += gone[i] != 0
    gaps = np.empty(number, np.int64)
    if number > 0:
        find_gone(words, gone, n, gaps)
    return gaps


@jit
def drop(table, s, gaps):
    """Drop those at the gaps; see `hybridrd.kernels.arrays.close_gaps` for what it returns."""
    places = np.empty(gaps.shape[0], np.int64)
    rows, ids, gone = arrays_of(table, s, table[s, ROWS])
    table[s, N] = close_gaps(rows, ids, gone, table[s, N], gaps, places)
    table[s, STAMP] += 1
    return places


@jit
def turn(table, s):
    """Exchange the arrays of rows and ids with those out of use."""
    table[s, X], table[s, OTHER_X] = table[s, OTHER_X], table[s, X]
    table[s, IDS], table[s, OTHER_IDS] = table[s, OTHER_IDS], table[s, IDS]
    table[s, STAMP] += 1


@jit
def compact(table, s):
    """Drop the particles of a species that are gone."""
    gaps = gaps_of(table, s)
    if gaps.shape[0] > 0:
        drop(table, s, gaps)
