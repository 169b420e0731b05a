"""Proposed events: pairs, pairs with a partner in a reservoir, dissociations.

The actors are particles, among them those created earlier in the same half step, which have no id
yet. They are numbered consecutively over all species; the last number denotes a partner that is
not a particle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats, Integers
from hybridrd.kernels import pairs, reservoir_pairs
from hybridrd.kernels.partner_places import Domain
from hybridrd.kernels.reservoir_pairs import Apart, Proposed
from hybridrd.kernels.rng import check_candidates, stream_key
from hybridrd.particles.region import Region
from hybridrd.reactions.close_pairs import Couples
from hybridrd.reactions.reservoir_partners import Partners, Reservoirs
from hybridrd.reactions.tables import Encounter, Probability

Words = NDArray[np.uint64]
Array = NDArray[Any]


@dataclass(frozen=True)
class Actors:
    """Actors of one species.

    Parameters
    ----------
    x, ids
        Positions ``(d, at least n)`` and addresses; of those just born the words of their parents.
    n, first
        How many, and the number of the first; the others follow.
    actors, born
        Of those born in this half step all numbers, and when, in half steps.
    """

    x: Floats
    ids: Words
    n: int
    first: int = 0
    actors: Integers | None = None
    born: Floats | None = None

    def number(self, i: Integers) -> Integers:
        """Numbers of those at places i."""
        return self.first + i if self.actors is None else self.actors[i]

    def since(self, i: Integers) -> Floats:
        """Times at which the actors at places i were born, 0 for the particles from before."""
        return np.zeros(len(i)) if self.born is None else self.born[i]


@dataclass
class Events:
    """Events of one kind of encounter, as arrays with one entry for each event.

    Parameters
    ----------
    encounter
        The reaction.
    actors
        Numbers of both partners.
    time, priority
        When, in half steps; events at the same time are ordered by priority.
    places
        Where the reactants' products go, one array ``(d, events)`` each.
    cells
        The domain cell of each place outside the region, -1 where the place is an actor's own.
    news
        New particles, as the encounter's: (species, reactant whose place it takes).
    reservoir
        Index of the partner in the reservoir, -1 for none.
    """

    encounter: Encounter
    actors: tuple[Integers, Integers]
    time: Floats
    priority: Words
    places: tuple[Floats, Floats]
    cells: tuple[Integers, Integers]
    news: tuple[tuple[int, int], ...]
    reservoir: int = -1

    def __len__(self) -> int:
        return len(self.priority)

    def chosen(self, some: NDArray[np.bool_]) -> Events:
        """The events for which ``some`` is true."""
        if some.all():
            return self
        (a, b), (x, y), (here, there) = self.actors, self.places, self.cells
        return replace(
            self, actors=(a[some], b[some]), time=self.time[some], priority=self.priority[some],
            places=(x[:, some], y[:, some]), cells=(here[some], there[some]),
        )  # fmt: skip


class Copies:
    """Whole copies in the cells of a continuum as partners, of which each can be used once.

    Each has a number, as actors have; of more than `MOST` some share one, so that of two events at
    the same moment one may be lost.

    Parameters
    ----------
    first
        The lowest number.
    contents
        Copies on all cells, by species.
    """

    MOST = 1 << 16

    def __init__(self, first: int, contents: Mapping[int, Integers]) -> None:
        self._first, self._contents = first, contents
        self._before: dict[int, Integers] = {}
        total = 0
        for species, n in contents.items():
            self._before[species] = total + np.cumsum(n) - n
            total += int(n.sum())
        self.slots = min(total, self.MOST)

    def numbers(self, species: int, cells: Integers, priority: Words, nobody: int) -> Integers:
        """The number of one copy in each of some cells, ``nobody`` where there is none."""
        found = np.full(len(cells), nobody)
        n = self._contents.get(species)
        if n is None:
            return found
        some = np.flatnonzero((cells >= 0) & (cells < len(n)))
        where = cells[some]
        # The low half of the word: the high one is also the time.
        share = (priority[some] >> np.uint64(12)) & np.uint64(0xFFFFFFFF)
        which = (share * n[where].astype(np.uint64)) >> np.uint64(32)
        found[some] = self._first + (self._before[species][where] + which.astype(np.int64)) % max(
            self.slots, 1
        )
        return found


class Proposals:
    """Source of the events of actors in one half step.

    Parameters
    ----------
    region, key
        The particle region, and the key of the realisation.
    """

    def __init__(self, region: Region, key: np.uint64) -> None:
        self._region = region
        self._key = key
        low, _, inverse, shape = region.cells
        self._domain = Domain(low, inverse, shape, np.array(region.periodic))
        self._codes = region.parts.codes
        self._step, self._half, self.nobody = 0, 0, 0
        self._copies = Copies(0, {})

    def begin(self, step: int, half: int, particles: int, copies: Mapping[int, Integers]) -> None:
        """Start a half step, with the whole ``copies`` in the cells that may be partners.

        `nobody` is then the number of a partner that is neither a particle nor one of them.
        """
        self._step, self._half = step, half
        self._copies = Copies(particles, copies)
        self.nobody = particles + self._copies.slots

    def pairs(self, e: Encounter, p: Probability, a: Actors, b: Actors, couples: Couples) -> Events:
        """Events of close pairs, given by their places in two groups (which are overwritten)."""
        i, j = couples
        like = e.first == e.second
        time, priority = np.empty(len(i)), np.empty(len(i), np.uint64)
        turned = np.empty(len(i), np.bool_)
        hazard = p.hazard
        if len(hazard) > 1:
            region = self._region
            hazard = pairs.local_hazards(i, j, a.x, b.x, hazard, region.cells, region.periods)
        m = pairs.fire(
            pairs.Pairs(i, j, time, priority, turned), a.ids, b.ids, like, hazard, p.once,
            self._key, self._step, e.channel, self._half,
        )  # fmt: skip
        i, j, time = i[:m], j[:m], time[:m] + np.maximum(a.since(i[:m]), b.since(j[:m]))
        own = np.full(m, -1, np.int64)
        actors, places = (a.number(i), b.number(j)), (a.x[:, i], b.x[:, j])
        if like:
            actors, places = _turn(turned[:m], *actors), _turn(turned[:m], *places)
        return _in_time(Events(e, actors, time, priority[:m].copy(), places, (own, own), e.news))

    def reservoir_pairs(
        self, index: int, e: Encounter, role: int, p: Probability, reservoir: Reservoirs, a: Actors,
        partners: Partners,
    ) -> Iterator[Events]:  # fmt: skip
        """Events of actors in ``role`` with a partner in the reservoir."""
        numbers = reservoir.numbers
        trials = 0.5 * float(p.full.max()) * e.volume * numbers.c_max
        if e.first == e.second:
            trials *= 0.5  # either of a like pair may be the first
        check_candidates(trials)
        i, cell, y, time, priority = self._single(
            lambda out: reservoir_pairs.find_reservoir_pairs(
                a.x, a.ids, a.n, p.full, trials, numbers, self._domain, self._stream(index, role),
                self._step, out,
            )
        )  # fmt: skip
        own = np.full(len(i), -1, np.int64)
        # A partner beyond a reservoir wall has no cell.
        beyond = np.where(cell < 0, self._region.grid.cells, cell)
        events = self._alone(
            e, a, i, y, (own, beyond), time, priority, role=role, reservoir=1 - role,
            partner=self._copies.numbers(reservoir.species, cell, priority, self.nobody),
        )  # fmt: skip
        return self._kept(events, partners)

    def _kept(self, events: Events, partners: Partners) -> Iterator[Events]:
        """Events with partners beyond walls, with the place of each product settled.

        A product at the partner's place is lost there if all of those walls hold a reservoir of
        its species; otherwise it is put at the place of the particle.
        """
        beyond, mine = events.reservoir, 1 - events.reservoir
        walls = events.cells[beyond] == self._region.grid.cells
        stays = np.zeros((len(events.news), len(events)), np.bool_)
        if walls.any():
            for slot, (species, place) in enumerate(events.news):
                if place == beyond:
                    passes = self._passes(events.places[beyond], partners.walls(species))
                    stays[slot] = walls & ~passes
        if not stays.any():
            yield events
            return
        for some in np.unique(stays, axis=1).T:  # one or two
            news = tuple(
                (species, mine if stay else place)
                for (species, place), stay in zip(events.news, some, strict=True)
            )
            yield replace(events.chosen((stays == some[:, None]).all(axis=0)), news=news)

    def _passes(self, y: Floats, opens: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether points outside the domain are beyond open walls only."""
        low, inverse, shape, periodic = (v[:, None] for v in self._domain)
        j = np.floor((y - low) * inverse)
        below, above = (j < 0) & ~periodic, (j >= shape) & ~periodic
        shut = (below & ~opens[:, :1]) | (above & ~opens[:, 1:])
        return np.asarray(~shut.any(axis=0))

    def unbinding(
        self, index: int, e: Encounter, p: Probability, a: Actors, partners: Partners
    ) -> Iterator[Events]:
        """Dissociations of actors."""
        assert e.apart is not None
        left, thrown = e.apart
        nowhere = np.zeros_like(partners.walls(thrown))
        yield self._unbinding(index, 3, e, p, a, partners.walls(thrown), nowhere)
        opens, shut = partners.walls(left), partners.walls(e.first)
        if (opens & ~shut).any():
            # A complex that cannot be beyond a wall was put at the place of its second partner
            # when the first was beyond; it dissociates in the same way.
            events = self._unbinding(index, 0, e, p, a, opens, shut, walls_only=True)
            yield replace(events, news=((left, 1), (thrown, 0)))

    def _unbinding(
        self, index: int, kind: int, e: Encounter, p: Probability, a: Actors,
        opens: NDArray[np.bool_], shut: NDArray[np.bool_], walls_only: bool = False,
    ) -> Events:  # fmt: skip
        """Dissociations, one product also beyond walls that are ``opens`` and not ``shut``."""
        codes, stays = self._codes, not e.consumes[0]
        apart = Apart(e.radius, stays, p.beyond, codes, opens, shut, walls_only)
        i, cell, y, time, priority = self._single(
            lambda out: reservoir_pairs.find_unbinding(
                a.x, a.ids, a.n, float(p.hazard[0]), apart, self._domain,
                self._stream(index, kind), self._step, out,
            )
        )  # fmt: skip
        # What falls beyond a reservoir wall has no cell; it is lost there.
        outside = np.where(cell == -1, self._region.grid.cells, np.maximum(cell, -1))
        own = np.full(len(i), -1, np.int64)
        return self._alone(e, a, i, y, (own, outside), time, priority)

    def entering(
        self, index: int, e: Encounter, p: Probability, reservoir: Reservoirs, partners: Partners
    ) -> Events:
        """Dissociations of complexes in the reservoir, of which one product is in the region."""
        apart = e.apart
        assert apart is not None
        hazard = float(p.hazard[0]) * p.beyond
        faces, cell, y, time, priority = self._single(
            lambda out: reservoir_pairs.find_entering(
                hazard, partners.walls(apart[0]), reservoir.numbers, self._domain,
                self._stream(index, 2), self._step, out,
            )
        )  # fmt: skip
        nobody = np.full(len(faces), self.nobody)
        complexes = self._copies.numbers(reservoir.species, cell, priority, self.nobody)
        own = np.full(len(faces), -1, np.int64)
        beyond = np.where(cell < 0, self._region.grid.cells, cell)
        return Events(
            e, (complexes, nobody), time, priority, (y, y), (beyond, own), e.news, reservoir=0
        )

    def _alone(
        self, e: Encounter, a: Actors, i: Integers, y: Floats,
        cells: tuple[Integers, Integers], time: Floats, priority: Words, role: int = 0,
        reservoir: int = -1, partner: Integers | None = None,
    ) -> Events:  # fmt: skip
        """Events of single actors, ``y`` being the other place."""
        both = a.number(i), np.full(len(i), self.nobody) if partner is None else partner
        places = a.x[:, i], y
        if role == 1:
            both, places, cells = both[::-1], places[::-1], cells[::-1]
        return _in_time(
            Events(e, both, time + a.since(i), priority, places, cells, e.news, reservoir)
        )

    def _single(
        self, kernel: Callable[[Proposed], int]
    ) -> tuple[Integers, Integers, Floats, Floats, Words]:
        """Run a kernel that proposes events of single actors, with room enough."""
        room = 64
        while True:
            i, cell = np.empty(room, np.int64), np.empty(room, np.int64)
            y = np.empty((self._region.grid.dimension, room))
            time, priority = np.empty(room), np.empty(room, np.uint64)
            m = kernel(Proposed(i, cell, y, time, priority))
            if m <= room:
                return i[:m], cell[:m], y[:, :m], time[:m], priority[:m]
            room = m

    def _stream(self, index: int, kind: int) -> np.uint64:
        return stream_key(self._key, index, self._half, kind)


def _in_time(events: Events) -> Events:
    """Those that happen within the half step."""
    return events.chosen(events.time < 1.0)


def _turn(turned: NDArray[np.bool_], first: Array, second: Array) -> tuple[Array, Array]:
    """Two arrays with some of their entries exchanged."""
    return np.where(turned, second, first), np.where(turned, first, second)


def joined(found: Sequence[Actors]) -> Actors:
    """Actors of one species, born in this half step, as one."""
    if len(found) == 1:
        return found[0]
    everyone = [np.arange(f.n) for f in found]
    return Actors(
        np.concatenate([f.x[:, : f.n] for f in found], axis=1),
        np.concatenate([f.ids[: f.n] for f in found]),
        sum(f.n for f in found),
        actors=np.concatenate([f.number(i) for f, i in zip(found, everyone, strict=True)]),
        born=np.concatenate([f.since(i) for f, i in zip(found, everyone, strict=True)]),
    )
