"""Cascades: events of a half step whose products may react again in the rest of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats, Integers
from hybridrd.kernels import pairs
from hybridrd.kernels.rng import newborn_addresses
from hybridrd.reactions.proposals import Actors, Events, Words, joined


class Cascade:
    """Events of a half step in the order of their times, and the actors born of them.

    Events are accepted in that order while both partners are there. An accepted event whose
    products can react makes them actors; what they do is proposed, and all is accepted anew, until
    nothing new is born. So the half step is the exact course of the reactions at fixed positions.

    Parameters
    ----------
    reactive
        Species that take part in an encounter.
    n
        Number of particles; they are the actors 0 to n - 1, and n is nobody.
    """

    def __init__(self, reactive: frozenset[int], n: int) -> None:
        self._reactive = reactive
        self._n = n
        self._next = n + 1
        self._generations: dict[int, list[Actors]] = {}
        self.found: list[Events] = []
        self.which, self.inside = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._actors: tuple[Integers, Integers] = (np.zeros(0, np.int64), np.zeros(0, np.int64))
        self._consumes: tuple[Integers, Integers] = self._actors
        # The first child of each event, 0 before it is accepted, and their number.
        self._children, self._born = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self.order = np.zeros(0, np.int64)
        self.gone = np.zeros(0, np.uint8)

    @property
    def born(self) -> int:
        """Number of actors born so far."""
        return self._next - self._n - 1

    def add(self, found: list[Events]) -> None:
        """Add proposed events."""
        found = [f for f in found if len(f)]
        if not found:
            return
        first = len(self.found)
        self.found += found
        sizes = [len(f) for f in found]
        m = sum(sizes)
        which = np.repeat(np.arange(first, first + len(found)), sizes)
        self.which = np.concatenate([self.which, which])
        self.inside = np.concatenate([self.inside, *(np.arange(k) for k in sizes)])
        a, b = (np.concatenate([self._actors[k], *(f.actors[k] for f in found)]) for k in (0, 1))
        self._actors = a, b
        uses = np.array([f.encounter.consumes for f in self.found])[self.which]
        self._consumes = uses[:, 0] & (a != self._n), uses[:, 1] & (b != self._n)
        none = np.zeros(m, np.int64)
        self._children = np.concatenate([self._children, none])
        self._born = np.concatenate([self._born, none])
        times = np.concatenate([f.time for f in self.found])
        words = np.concatenate([f.priority for f in self.found])
        # Of events at one time those of parents come first: their actors have lower numbers.
        youngest = np.maximum(np.where(a > self._n, a, 0), np.where(b > self._n, b, 0))
        self.order = np.lexsort((words, youngest, times))

    def accept(self) -> Integers:
        """Indices of the events that happen, in the order of their times, ``(accepted,)``."""
        self.gone = np.zeros(self._next, np.uint8)
        self.gone[self._n + 1 :] = 1  # until they are born
        accepted = np.empty(len(self.order), np.int64)
        m = pairs.accept(
            self.order, *self._actors, *self._consumes, self._children, self._born, self.gone,
            accepted,
        )  # fmt: skip
        return accepted[:m]

    def next_generation(self, accepted: Integers) -> dict[int, Actors]:
        """Actors, by species, from the products of events that are accepted for the first time."""
        fresh = accepted[self._children[accepted] == 0]
        if len(fresh) == 0:
            return {}
        groups = list(self.by_origin(fresh))
        for f, at, k in groups:
            acting = [self._acts(f, k, *new) for new in f.news]
            self._born[fresh[at]] = np.sum(acting, axis=0, dtype=np.int64)
        ends = self._next + np.cumsum(self._born[fresh])
        self._children[fresh] = ends - self._born[fresh]
        self._next = int(ends[-1])
        news: dict[int, list[tuple[Floats, Words, Integers, Floats]]] = {}
        for f, at, k in groups:
            child = self._children[fresh[at]]
            for number, (species, place) in enumerate(f.news):
                acts = self._acts(f, k, species, place)
                if acts.any():
                    mine = k[acts]
                    words = newborn_addresses(f.priority[mine], number)
                    born = f.places[place][:, mine], words, child[acts], f.time[mine]
                    news.setdefault(species, []).append(born)
                child = child + acts
        return {s: _actors_of(born) for s, born in news.items()}

    def earlier(self, species: int) -> Actors | None:
        """Actors of a species that were born in earlier generations, None if there are none."""
        generations = self._generations.get(species)
        return joined(generations) if generations else None

    def keep(self, generation: dict[int, Actors]) -> None:
        """Add a generation to the earlier ones."""
        for species, group in generation.items():
            self._generations.setdefault(species, []).append(group)

    def by_origin(self, events: Integers) -> Iterator[tuple[Events, Integers, Integers]]:
        """Groups of events from one proposal: it, their positions in `events`, and those in it."""
        if len(events) == 0:
            return
        which = self.which[events]
        if (which == which[0]).all():  # mostly: events are few
            yield self.found[which[0]], np.arange(len(events)), self.inside[events]
            return
        order = np.argsort(which, kind="stable")
        ends = np.flatnonzero(np.diff(which[order], append=-1)) + 1
        for at in np.split(order, ends[:-1]):
            yield self.found[which[at[0]]], at, self.inside[events[at]]

    def products(self, f: Events, events: Integers) -> Iterator[NDArray[np.bool_]]:
        """For each product in turn, which accepted events of a proposal leave it in the region."""
        k, child = self.inside[events], self._children[events]
        for species, place in f.news:
            acts = self._acts(f, k, species, place)
            there = f.cells[place][k] < 0
            there[acts] = self.gone[child[acts]] == 0
            yield there
            child = child + acts

    def _acts(self, f: Events, k: Integers, species: int, place: int) -> NDArray[np.bool_]:
        """Whether a product of the events k becomes an actor."""
        if species not in self._reactive:
            return np.zeros(len(k), np.bool_)
        return np.asarray(f.cells[place][k] < 0)


def _actors_of(born: list[tuple[Floats, Words, Integers, Floats]]) -> Actors:
    """Actors in the order of their numbers."""
    x, words, actors, times = zip(*born, strict=True)
    numbers = np.concatenate(actors)
    order = np.argsort(numbers)
    return Actors(
        np.concatenate(x, axis=1)[:, order], np.concatenate(words)[order], len(order),
        actors=numbers[order], born=np.concatenate(times)[order],
    )  # fmt: skip
