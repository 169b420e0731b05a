"""The search for close pairs of a simulation, by itself."""

from typing import Any, NamedTuple

import numpy as np

from hybridrd.kernels.close_pairs import look_for_pairs
from hybridrd.kernels.groups import FULL, STAMP


class Only(NamedTuple):
    """Of `Meetings` what the search needs."""

    search: Any


def search_of(sim):
    return sim._reactor.pairs.meetings.search


def find_pairs(sim):
    """Where the partners of the pairs of the first reaction are stored, found anew."""
    table, pairs, asks = sim._population.table, sim._reactor.pairs, np.zeros(2)
    while look_for_pairs(table, Only(search_of(sim)), np.uint64(1), 0, 1, asks) == FULL:
        pairs.make_room(int(asks[0]), int(asks[1]), sim._population)
    search = search_of(sim)
    return search.i[: search.starts[1]].copy(), search.j[: search.starts[1]].copy()


def are_known(sim):
    """Whether the next half step knows its pairs from the last one."""
    search, table = search_of(sim), sim._population.table
    stamps = search.stamps[search.involved] == table[search.involved, STAMP]
    return search.stamps[-1] == sim.steps and stamps.all()
