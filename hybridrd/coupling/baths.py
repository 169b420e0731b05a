"""Baths and drains beyond walls: particles drawn from baths, and removed by drains."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.coupling.face_exchange import Gate
from hybridrd.kernels import exchange as kernels
from hybridrd.kernels.arrays import runs
from hybridrd.kernels.binomial import binomial_numbers
from hybridrd.kernels.poisson import poisson_numbers
from hybridrd.kernels.rng import ARRIVALS, BATH
from hybridrd.particles.particles import Particles


class BathExchange:
    """The baths beyond the gates of an exchange, which gain and lose the particles that pass.

    Parameters
    ----------
    gates
        All gates; those to baths of a mean field are ignored.
    key
        Key of the random numbers.
    """

    def __init__(self, gates: Sequence[Gate], key: np.uint64) -> None:
        own = (g for g in gates if g.bath is not None and not g.follows)
        self._baths = {(g.species, g.face.index): g.bath for g in own}
        self._came: dict[tuple[int, int], int] = {}  # arrivals in each bath in this step
        self._key = key

    def __bool__(self) -> bool:
        return bool(self._baths)

    def has(self, gate: Gate) -> bool:
        """Whether particles enter through a gate from one of these baths."""
        return gate.face.outside < 0 and (gate.species, gate.face.index) in self._baths

    def take(self, species: int, index: int, number: int) -> None:
        """Add the particles that left in this step to the bath at a wall, if there is one."""
        bath = self._baths.get((species, index))
        if bath is not None:
            bath.amount += number
            self._came[species, index] = number

    def give(self, gate: Gate, number: int) -> None:
        """Remove particles from the bath of a gate, if it has one."""
        if self.has(gate):
            assert gate.bath is not None
            gate.bath.amount -= number

    def entries(self, gate: Gate, step: int, check: Callable[[Gate, float], None]) -> Integers:
        """The face cell of each candidate from a bath, drawn separately for each copy in the bath.

        The content of the bath is the mean of those before and after the step. ``check`` refuses
        more than memory holds.
        """
        bath = gate.bath
        assert gate.leak is not None
        assert bath is not None
        came = self._came.pop((gate.species, gate.face.index), 0)
        per_copy = bath.partition * gate.face.area * gate.face.size / bath.volume
        chance = per_copy * gate.leak.tried / (1.0 + 0.5 * per_copy * gate.leak.arrived)
        content = np.array([np.floor(bath.amount) - 0.5 * came])
        check(gate, float(content[0]) * chance)
        found = np.empty(1, np.int64)
        total = binomial_numbers(content, chance, self._key, gate.address, step, BATH, found)
        counts = np.empty(gate.face.size, np.int64)
        kernels.share_out(total, self._key, gate.address, step, ARRIVALS, counts)
        return np.asarray(runs(counts, total))


def drained(
    gate: Gate, depth: Floats, cells: Integers, group: Particles, D: float, dt: float,
    key: np.uint64, step: int,
) -> Integers:  # fmt: skip
    """Which particles a negative influx removes in a step: some of those that touched the wall.

    A particle at depth d after a step of uniform content has touched it with probability
    erfc(d/sqrt(4 D dt)). No others are removed: a drain that is too strong absorbs.

    Parameters
    ----------
    depth, cells
        Distance of each particle from the wall (length), and the face cell there.
    """
    from scipy.special import erfc  # slow to import, and most runs don't need it

    face, rate = gate.face, gate.drain
    assert rate is not None
    wanted = np.empty(face.size, np.int64)
    poisson_numbers(rate * (face.area * dt), key, gate.address, step, ARRIVALS, wanted)
    reach = 2.0 * np.sqrt(D * dt)
    near = np.flatnonzero(depth < 6.0 * reach)
    chance = kernels.removal_chances(group.ids[near], key, step, face.index)
    order = chance / erfc(depth[near] / reach)
    near, order = near[order < 1.0], order[order < 1.0]
    sorting = np.lexsort((order, cells[near]))
    near = near[sorting]
    there = cells[near]
    rank = np.arange(len(near)) - np.searchsorted(there, there)
    return np.asarray(near[rank < wanted[there]])
