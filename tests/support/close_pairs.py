"""The search for close pairs of a simulation, by itself."""

import numba
import numpy as np

from hybridrd.kernels.bundles import bundle
from hybridrd.kernels.close_pairs import look_for_pairs
from hybridrd.kernels.entries import call, entry
from hybridrd.kernels.groups import FULL, STAMP


@numba.njit
def _look(at, table, meetings, key, asks):
    return call(at, (table, meetings, key, 0, 1, asks))


def search_of(sim):
    return sim._reactor.meetings.search


def find_pairs(sim):
    """Where the partners of the pairs of the first reaction are stored, found anew."""
    table, key, asks = sim._population.table, np.uint64(1), np.zeros(2)
    while True:
        meetings = sim._reactor.meetings
        at, given = entry(look_for_pairs, table, meetings, key, 0, 1, asks), bundle(meetings)
        if _look(at, table, given.ctypes.data, key, asks) != FULL:
            break
        sim._reactor.pairs.make_room(int(asks[0]), int(asks[1]), sim._population)
    search = search_of(sim)
    return search.i[: search.starts[1]].copy(), search.j[: search.starts[1]].copy()


def are_known(sim):
    """Whether the next half step knows its pairs from the last one."""
    search, table = search_of(sim), sim._population.table
    stamps = search.stamps[search.involved] == table[search.involved, STAMP]
    return search.stamps[-1] == sim.steps and stamps.all()
