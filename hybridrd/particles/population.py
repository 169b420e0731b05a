"""Population of a region: the particles of all species, their ids, and the threads for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from hybridrd.arrays import Floats, Ids, Integers, State, stored_count
from hybridrd.kernels.groups import COLUMNS, N
from hybridrd.particles.particles import Maxwell, Particles
from hybridrd.particles.pool import Pool


class Population:
    """The particles of all species; `population[s]` are those of one.

    Parameters
    ----------
    names
        Names of the species.
    dimension
        Number of coordinates of a particle.
    threads
        Threads that share the work; the result does not depend on it.
    maxwells
        For each species the velocities of new particles, None without inertia; by default of all.

    Attributes
    ----------
    table, ids
        The arrays of all species as compiled code takes them, see `hybridrd.kernels.groups`, and
        the id of the next new particle in an array of one.

    Examples
    --------
    >>> population = Population(["A", "B"], dimension=1)
    >>> population.add(np.array([1, 0, 1]), np.array([[0.1, 0.2, 0.3]]))
    >>> population.numbers, population[1].id, population.next_id
    (array([1, 2]), array([0, 2], dtype=uint64), 3)
    """

    def __init__(
        self,
        names: Sequence[str],
        dimension: int,
        threads: int = 1,
        maxwells: Sequence[Maxwell | None] = (),
    ) -> None:
        self.table = np.zeros((len(names), COLUMNS), np.int64)
        self.ids = np.zeros(1, np.int64)
        given = zip(names, self.table, maxwells or [None] * len(names), strict=True)
        self._groups = [Particles(dimension, *each) for each in given]
        self._pool = Pool(threads)

    def __len__(self) -> int:
        return len(self._groups)

    def __iter__(self) -> Iterator[Particles]:
        return iter(self._groups)

    def __getitem__(self, species: int) -> Particles:
        return self._groups[species]

    @property
    def next_id(self) -> int:
        """The id of the next new particle; none is used twice."""
        return int(self.ids[0])

    @next_id.setter
    def next_id(self, number: int) -> None:
        """Set it."""
        self.ids[0] = number

    @property
    def numbers(self) -> Integers:
        """The number of particles of each species, ``(species,)``."""
        return self.table[:, N].copy()

    @property
    def uses_threads(self) -> bool:
        """Whether there is more than one thread, and enough to do for them."""
        pool = self._pool
        return pool.threads > 1 and pool.shares(int(self.table[:, N].max(initial=0)))

    def share(self, kernel: Callable[[int, int], int | None], n: int) -> int:
        """Call ``kernel(start, stop)`` on parts of [0, n) among threads; the sum of its results."""
        return self._pool.run(kernel, n)

    def new_ids(self, n: int) -> Ids:
        """The ids of n new particles."""
        first = self.next_id
        self.next_id = first + int(n)
        return np.arange(first, first + int(n), dtype=np.uint64)

    def clear(self) -> None:
        """Remove all particles; ids start over."""
        self.next_id = 0
        for group in self._groups:
            group.n = 0
            group.stamp += 1

    def announce(self, species: int, n: int) -> Particles:
        """Make room for n candidates after the particles of a species and give them ids."""
        group = self._groups[species]
        group.reserve(n)
        group.ids[group.n : group.n + n] = self.new_ids(n)
        return group

    def add(self, species: Integers, x: Floats) -> None:
        """Add new particles, ``(n,)`` species ``(d, n)`` positions, with ids in that order."""
        ids = self.new_ids(len(species))
        for s, group in enumerate(self._groups):
            mine = species == s
            if mine.any():
                group.append(x[:, mine], ids[mine])

    def state(self) -> State:
        """Positions, ids and the next id, as arrays by name."""
        state: State = {"next_id": np.array(self.next_id)}
        for group in self._groups:
            state |= group.state()
        return state

    def check_state(self, state: State, low: Floats, high: Floats) -> None:
        """Refuse a state with invalid particles, see `Particles.check_state`."""
        next_id = stored_count(state, "next_id")
        for group in self._groups:
            group.check_state(state, next_id, low, high)

    def load_state(self, state: State) -> None:
        """The inverse of `state`. Raises ResultError if something is missing."""
        self.next_id = stored_count(state, "next_id")
        for group in self._groups:
            group.load_state(state)
