"""Pair reactions within the region and across its faces, and dissociation."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats, Integers
from hybridrd.coupling.event_log import EventLog
from hybridrd.errors import StepError
from hybridrd.particles.population import Population
from hybridrd.particles.region import Region
from hybridrd.reactions.cascade import Cascade
from hybridrd.reactions.close_pairs import ClosePairs, Couples
from hybridrd.reactions.pair_rows import PairRows
from hybridrd.reactions.proposals import Actors, Events, Proposals
from hybridrd.reactions.reservoir_partners import Partners
from hybridrd.reactions.tables import Encounter, Probability

_MOST_GENERATIONS = 1_000
_FIRST_GENERATIONS = 60  # from then on they must keep a pace with which the most suffice
_MOST_BORN = 1_000  # and ten for every particle, three for every first event
Active = list[tuple[int, Encounter, Probability]]


class Encounters:
    """Doi pairs and dissociations of one region.

    A half step is the exact course of these reactions at fixed positions: each pair within the
    radius and each complex has an exponential waiting time, events are accepted in the order of
    their times while both partners are there, and their products take part in the rest.
    ``credit[species, cell]`` adds up what the continuum gains and loses: products that fall into
    it, partners taken from it. ``copies(species)`` are the whole copies of a partner on all cells,
    None for a continuum without any.
    """

    def __init__(self, encounters: tuple[Encounter, ...], region: Region, key: np.uint64) -> None:
        self._encounters = encounters
        self._cells, self._low = region.grid.cells, region.low
        self._search = ClosePairs(encounters, region)
        self._proposals = Proposals(region, key)
        self._reactive = frozenset(s for e in encounters for s in e.partners if s is not None)
        self.credit: NDArray[np.int64] | None = None
        self.copies: Callable[[int], Integers | None] | None = None
        self.log: EventLog | None = None

    def half_step(
        self,
        particles: Population,
        probabilities: list[Probability],
        partners: Partners,
        step: int,
        half: int,
        events: NDArray[np.int64],
    ) -> None:
        """The course of all encounters in half a step.

        Raises
        ------
        StepError
            If reactions follow each other without end.
        """
        active = [
            (index, e, p)
            for index, (e, p) in enumerate(zip(self._encounters, probabilities, strict=True))
            if p.full.max(initial=0.0) > 0.0
        ]
        meeting = [(index, e) for index, e, _ in active if not e.back]
        self._search.begin([index for index, _ in meeting], particles, step, half)
        # Pairs first: looking for them sorts the particles.
        close = {index: self._search.close(index, particles) for index, _ in meeting}
        offsets = np.concatenate([[0], np.cumsum(particles.numbers)])
        groups = [(s, particles[s], int(offsets[s])) for s in self._reactive]
        actors = {s: Actors(g.x, g.ids, g.n, first) for s, g, first in groups}
        found = {s: self.copies(s) for s in partners.species} if self.copies is not None else {}
        copies = {s: n for s, n in found.items() if n is not None}
        self._proposals.begin(step, half, int(offsets[-1]), copies)
        cascade = Cascade(self._reactive, self._proposals.nobody)
        cascade.add(self._first(active, actors, close, partners))
        if cascade.found:
            accepted = self._live(cascade, active, actors, particles, partners)
            rows = self._rows(len(accepted), particles)
            self._settle(cascade, accepted, offsets, particles, events, rows)
            if rows is not None and self.log is not None:
                time, what, before, after, place = rows.columns
                self.log.reactions(2 * step + half + time, True, what, before, after, place)
        self._search.end(particles)

    def _first(
        self,
        active: Active,
        actors: dict[int, Actors],
        close: dict[int, Couples],
        partners: Partners,
    ) -> list[Events]:
        """Events that the particles propose."""
        found: list[Events] = []
        for index, e, p in active:
            if not e.back:
                a, b = actors[e.first], actors[e.second]
                found.append(self._proposals.pairs(e, p, a, b, close[index]))
            elif (complexes := partners.get(index, 0)) is not None:
                found.append(self._proposals.entering(index, e, p, complexes, partners))
            found += self._alone(index, e, p, actors, partners)
        return found

    def _alone(
        self,
        index: int,
        e: Encounter,
        p: Probability,
        actors: dict[int, Actors],
        partners: Partners,
    ) -> Iterator[Events]:
        """Events of single actors: with a partner in a reservoir, or dissociation."""
        if e.back:
            if e.first in actors:
                yield from self._proposals.unbinding(index, e, p, actors[e.first], partners)
            return
        for role, species in enumerate((e.first, e.second)):
            reservoir = partners.get(index, role)
            if reservoir is not None and species in actors:
                yield from self._proposals.reservoir_pairs(
                    index, e, role, p, reservoir, actors[species], partners
                )

    def _live(
        self, cascade: Cascade, active: Active, actors: dict[int, Actors],
        particles: Population, partners: Partners,
    ) -> Integers:  # fmt: skip
        """Accept events and let their products react, until nothing new is born."""
        room = _MOST_BORN + 10 * int(particles.numbers.sum()) + 3 * len(cascade.order)
        for number in range(_MOST_GENERATIONS):
            accepted = cascade.accept()
            generation = cascade.next_generation(accepted)
            if not generation:
                return accepted
            reached = min(float(a.since(np.arange(a.n)).min()) for a in generation.values())
            late = reached * _MOST_GENERATIONS < number >= _FIRST_GENERATIONS
            if late or cascade.born > room:
                break
            found: list[Events] = []
            for index, e, p in active:
                if not e.back:
                    for a, b, close in self._meet(e, cascade, generation, actors, particles):
                        found.append(self._proposals.pairs(e, p, a, b, close))
                found += self._alone(index, e, p, generation, partners)
            cascade.keep(generation)
            cascade.add(found)
        names = ", ".join(repr(e.label) for _, e, _ in active)
        raise StepError(
            f"reactions {names} follow each other more than {_MOST_GENERATIONS:,} times, or "
            f"{cascade.born:,} particles were born within half a step; use a smaller dt"
        )

    def _meet(
        self, e: Encounter, cascade: Cascade, generation: dict[int, Actors],
        actors: dict[int, Actors], particles: Population,
    ) -> Iterator[tuple[Actors, Actors, Couples]]:  # fmt: skip
        """Close pairs with at least one actor of the last generation, each pair once."""
        search, r = self._search, e.radius
        for species, other in {e.first: e.second, e.second: e.first}.items():
            new, old = generation.get(species), cascade.earlier(other)
            if new is None:
                continue
            i, j = search.near(new.x, new.n, other, particles[other], r)
            yield _ordered(e, species, new, actors[other], i, j)
            if old is not None:
                i, j = search.between(new.x, new.n, old.x, old.n, r)
                yield _ordered(e, species, new, old, i, j)
        new, last = generation.get(e.first), generation.get(e.second)
        if new is not None and last is not None:
            i, j = search.between(new.x, new.n, last.x, last.n, r)
            once = i < j if e.first == e.second else np.ones(len(i), bool)
            yield new, last, (i[once], j[once])

    def _settle(
        self,
        cascade: Cascade,
        accepted: Integers,
        offsets: Integers,
        particles: Population,
        events: NDArray[np.int64],
        rows: PairRows | None,
    ) -> None:
        """Drop consumed particles, add products, and credit the continuum with its share."""
        news: list[tuple[Integers, Integers, Integers, Floats]] = []
        for f, at, k in cascade.by_origin(accepted):
            e = f.encounter
            events[e.channel] += len(k)
            column = 0 if rows is None else _note(rows, f, at, k)
            if f.reservoir >= 0 and e.consumes[f.reservoir]:
                consumed = e.second if f.reservoir else e.first
                self._book(consumed, f.cells[f.reservoir][k], -1)
            there = cascade.products(f, accepted[at])
            for slot, ((s, place), stays) in enumerate(zip(f.news, there, strict=True)):
                self._book(s, f.cells[place][k], 1)
                m = np.count_nonzero(stays)
                mine = f.places[place][:, k[stays]]
                news.append((at[stays], np.full(m, column + slot), np.full(m, s), mine))
        for s, group in enumerate(particles):
            lost = cascade.gone[offsets[s] : offsets[s + 1]]
            if lost.any():
                group.gone[: group.n] = lost
                self._search.drop(s, group)
        if not any(len(at) for at, *_ in news):
            return
        when, slots, species, x = (np.concatenate(n, axis=-1) for n in zip(*news, strict=True))
        order = np.lexsort((slots, when))
        self._search.added(set(species.tolist()))
        if rows is not None:
            ids = particles.next_id + np.arange(len(order))
            rows.born(when[order], slots[order], ids)
        particles.add(species[order], x[:, order])

    def _rows(self, n: int, particles: Population) -> PairRows | None:
        """What becomes the rows of n events in a log, if there is one."""
        if self.log is None:
            return None
        ids = np.concatenate([g.ids[: g.n].astype(np.int64) for g in particles])
        return PairRows(ids, n, self.log.products, len(self._low))

    def _book(self, species: int, cells: Integers, amount: int) -> None:
        """Credit those of the cells that belong to the continuum."""
        if self.credit is not None:
            inside = cells[(cells >= 0) & (cells < self._cells)]
            np.add.at(self.credit[species], inside, amount)


def _note(rows: PairRows, f: Events, at: Integers, k: Integers) -> int:
    """Note events k of a proposal; returns the column of their first new product."""
    e = f.encounter
    roles = [0] if e.back else [0, 1]
    x, y = (place[:, k] for place in f.places)
    return rows.note(
        at, e.channel, f.time[k], [f.actors[r][k] for r in roles],
        [not e.consumes[r] for r in roles], len(f.news), (x, y), f.cells[0][k] < 0,
    )  # fmt: skip


def _ordered(
    e: Encounter, species: int, new: Actors, there: Actors, i: Integers, j: Integers
) -> tuple[Actors, Actors, Couples]:
    """Pairs of new actors and others, in the order of the encounter's partners."""
    return (new, there, (i, j)) if species == e.first else (there, new, (j, i))
