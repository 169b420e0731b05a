"""Particles that events of a half step give birth to, and that may react in what is left of it."""

from __future__ import annotations

import numpy as np

from hybridrd.kernels import pairs
from hybridrd.simulation.proposals import Events, Flock, Words, joined
from hybridrd.simulation.region import Integers

_GOLDEN = 0x9E3779B97F4A7C15
_WORD = (1 << 64) - 1


class Brood:
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
        self._waves: dict[int, list[Flock]] = {}
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
        """How many actors were made."""
        return self._next - self._n - 1

    def add(self, found: list[Events]) -> None:
        """Add what was proposed."""
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
        """The events that happen, in the order of their times."""
        self.gone = np.zeros(self._next, np.uint8)
        self.gone[self._n + 1 :] = 1  # until they are born
        accepted = np.empty(len(self.order), np.int64)
        m = pairs.accept(
            self.order, *self._actors, *self._consumes, self._children, self._born, self.gone,
            accepted,
        )  # fmt: skip
        return accepted[:m]

    def hatch(self, accepted: Integers) -> dict[int, Flock]:
        """Make actors of the products of events that were accepted for the first time."""
        news: dict[int, list[tuple[np.ndarray, int, int, float]]] = {}
        for event in accepted[self._children[accepted] == 0]:
            f, k = self.found[self.which[event]], self.inside[event]
            self._children[event] = self._next
            for number, (species, place) in enumerate(f.encounter.news):
                if species not in self._reactive or f.cells[place][k] >= 0:
                    continue
                # An address that no particle has.
                word = (int(f.priority[k]) + (number + 1) * _GOLDEN) & _WORD
                born = f.places[place][:, k], word | 1 << 63, self._next, float(f.time[k])
                news.setdefault(species, []).append(born)
                self._next += 1
            self._born[event] = self._next - self._children[event]
        return {s: _flock(born) for s, born in news.items()}

    def earlier(self, species: int) -> Flock | None:
        """Those of a species that were born in earlier waves."""
        waves = self._waves.get(species)
        return joined(waves) if waves else None

    def keep(self, wave: dict[int, Flock]) -> None:
        """Count a wave among the earlier ones."""
        for species, flock in wave.items():
            self._waves.setdefault(species, []).append(flock)

    def alive(self, event: int) -> list[bool]:
        """Which products of an accepted event, one entry each, are there in the end."""
        f, k = self.found[self.which[event]], self.inside[event]
        child = self._children[event]
        alive = []
        for species, place in f.encounter.news:
            lives = True
            if species in self._reactive and f.cells[place][k] < 0:
                lives = bool(self.gone[child] == 0)
                child += 1
            alive.append(lives)
        return alive


def _flock(born: list[tuple[np.ndarray, int, int, float]]) -> Flock:
    x, words, actors, times = zip(*born, strict=True)
    addresses: Words = np.array(words, np.uint64)
    return Flock(
        np.array(x).T.copy(), addresses, len(born), actors=np.array(actors, np.int64),
        born=np.array(times),
    )  # fmt: skip
