"""Encounters: reactions of order two, within the region and across its faces, and dissociation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybridrd.kernels import pairs, straddle
from hybridrd.model.grid import Floats
from hybridrd.simulation.particles import Particles, add_in_order
from hybridrd.simulation.partners import Partners, Reservoirs
from hybridrd.simulation.region import Integers, Region
from hybridrd.simulation.search import Search
from hybridrd.simulation.tables import Encounter, Probability

_NOBODY = -1


@dataclass
class Events:
    """What one kind of encounter proposes in a half step.

    Parameters
    ----------
    encounter
        The reaction.
    first, second
        Positions of the partners among the particles of their species; -1 for one that is not a
        particle.
    priority
        Order in which events are accepted.
    places
        Where the reactants' products go, one array ``(d, events)`` each.
    cells
        The domain cell of each place outside the region, -1 where the place is a particle's own.
    owners
        Which species the partners are of, None for one in the reservoir.
    """

    encounter: Encounter
    first: Integers
    second: Integers
    priority: NDArray[np.uint64]
    places: tuple[Floats, Floats]
    cells: tuple[Integers, Integers]
    owners: tuple[int | None, int | None]

    def __len__(self) -> int:
        return len(self.priority)


class Encounters:
    """Doi pairs and dissociations of one region.

    Each half step proposes events of all kinds from the same state, then accepts them in the
    order of their priorities while the partners are there. ``credit(species, cells)`` is told
    what the continuum gains and loses: partners taken from it, products that fall into it.
    """

    def __init__(self, encounters: tuple[Encounter, ...], region: Region, key: np.uint64) -> None:
        self._encounters = encounters
        self._region = region
        self._key = key
        grid = region.grid
        self._low = np.array(grid.lower)
        self._inverse = 1.0 / np.array(grid.spacing)
        self._shape = np.array(grid.shape, np.int64)
        self._periodic = np.array(region.periodic)
        self._widths = np.where(region.wrapped, region.extent, 0.0)
        self._search = Search(encounters, region)
        self.credit: NDArray[np.int64] | None = None

    def half_step(
        self,
        particles: list[Particles],
        probabilities: list[Probability],
        partners: Partners,
        step: int,
        half: int,
        next_id: int,
        events: NDArray[np.int64],
    ) -> int:
        """One trial of every encounter; returns the next free id."""
        active = [
            (index, e, p)
            for index, (e, p) in enumerate(zip(self._encounters, probabilities, strict=True))
            if p.full.max(initial=0.0) > 0.0
        ]
        meeting = [(index, e, p) for index, e, p in active if not e.back]
        self._search.begin([index for index, _, _ in meeting], particles, step, half)
        # Pairs first: looking for them sorts the particles.
        found = [self._pairs(index, e, p, particles, step, half) for index, e, p in meeting]
        for index, e, p in active:
            if e.back:
                found.append(self._unbinding(index, e, p, particles, step, half))
                continue
            for role in (0, 1):
                reservoir = partners.get(index, role)
                if reservoir is not None:
                    found.append(
                        self._straddling(index, e, role, p, reservoir, particles, step, half)
                    )
        found = [f for f in found if len(f)]
        if found:
            next_id = self._settle(found, particles, next_id, events)
        self._search.end(particles)
        return next_id

    def _pairs(
        self, index: int, e: Encounter, p: Probability, particles: list[Particles], step: int,
        half: int,
    ) -> Events:  # fmt: skip
        """Events of two particles."""
        i, j = self._search.close(index, particles)
        a, b = particles[e.first], particles[e.second]
        priority = np.empty(len(i), np.uint64)
        m = pairs.fire(
            i, j, len(i), a.x, a.ids, b.x, b.ids, e.first == e.second, p.half, self._widths,
            self._key, step, e.channel, half, self._low, self._inverse, self._shape, priority,
        )  # fmt: skip
        i, j = i[:m].copy(), j[:m].copy()
        nowhere = np.full(m, -1, np.int64)
        return Events(
            e, i, j, priority[:m], (a.x[:, i], b.x[:, j]), (nowhere, nowhere), (e.first, e.second)
        )

    def _single(
        self, kernel: Callable[..., int]
    ) -> tuple[Integers, Integers, Floats, NDArray[np.uint64]]:
        """Run a kernel that proposes events of single particles, with room enough."""
        room = 64
        while True:
            i, cell = np.empty(room, np.int64), np.empty(room, np.int64)
            y = np.empty((self._region.grid.dimension, room))
            priority = np.empty(room, np.uint64)
            m = kernel(i, cell, y, priority)
            if m <= room:
                return i[:m], cell[:m], y[:, :m], priority[:m]
            room = m

    def _stream(self, index: int, half: int, kind: int) -> np.uint64:
        return np.uint64(straddle.stream_key(self._key, index * 8 + half * 4 + kind))

    def _straddling(
        self,
        index: int,
        e: Encounter,
        role: int,
        p: Probability,
        reservoir: Reservoirs,
        particles: list[Particles],
        step: int,
        half: int,
    ) -> Events:
        """Events of a particle in ``role`` with a partner in the reservoir."""
        group = particles[(e.first, e.second)[role]]
        region = self._region
        trials = 0.5 * float(p.full.max()) * e.volume * reservoir.c_max
        if e.first == e.second:
            trials *= 0.5  # either of a like pair may be the first
        i, cell, y, priority = self._single(
            lambda *out: straddle.find_straddling(
                group.x, group.ids, group.n, region.low, region.high, reservoir.opens, e.radius,
                p.full, reservoir.c_max, trials, reservoir.c, self._low, self._inverse,
                self._shape, self._periodic, reservoir.walls, reservoir.offsets,
                np.array(region.inner.spacing), np.array(region.inner.shape, np.int64),
                self._stream(index, half, role), step, *out,
            )
        )  # fmt: skip
        own, nobody = np.full(len(i), -1, np.int64), np.full(len(i), _NOBODY, np.int64)
        # A partner beyond a reservoir wall has no cell; its products are lost there.
        beyond = np.where(cell < 0, region.grid.cells, cell)
        here = group.x[:, i]
        if role == 0:
            return Events(e, i, nobody, priority, (here, y), (own, beyond), (e.first, None))
        return Events(e, nobody, i, priority, (y, here), (beyond, own), (None, e.second))

    def _unbinding(
        self,
        index: int,
        e: Encounter,
        p: Probability,
        particles: list[Particles],
        step: int,
        half: int,
    ) -> Events:
        group = particles[e.first]
        i, cell, y, priority = self._single(
            lambda *out: straddle.find_unbinding(
                group.x, group.ids, group.n, e.radius, float(p.half[0]), self._low, self._inverse,
                self._shape, self._periodic, self._stream(index, half, 3), step, *out,
            )
        )  # fmt: skip
        own, nobody = np.full(len(i), -1, np.int64), np.full(len(i), _NOBODY, np.int64)
        outside = np.where(self._region.mask[cell], -1, cell)
        return Events(e, i, nobody, priority, (group.x[:, i], y), (own, outside), (e.first, None))

    def _settle(
        self,
        found: list[Events],
        particles: list[Particles],
        next_id: int,
        events: NDArray[np.int64],
    ) -> int:
        offsets = np.concatenate([[0], np.cumsum([g.n for g in particles])])
        nobody = offsets[-1]  # a last place for partners that are not particles
        sides = [self._positions(found, k, offsets, nobody) for k in (0, 1)]
        which = np.repeat(np.arange(len(found)), [len(f) for f in found])
        consumes = np.array([f.encounter.consumes for f in found])
        order = np.argsort(np.concatenate([f.priority for f in found]), kind="stable")
        gone = np.zeros(nobody + 1, np.uint8)
        accepted = np.empty(len(order), np.int64)
        m = pairs.accept(
            order,
            sides[0],
            sides[1],
            consumes[which, 0] & (sides[0] != nobody),
            consumes[which, 1] & (sides[1] != nobody),
            gone,
            accepted,
        )
        inside = np.concatenate([np.arange(len(f)) for f in found])
        species: list[int] = []
        places: list[Floats] = []
        for k in accepted[:m]:
            f, n = found[which[k]], inside[k]
            e = f.encounter
            events[e.channel] += 1
            for side, owner in enumerate(e.partners):
                if owner is not None and f.owners[side] is None and e.consumes[side]:
                    self._book(owner, f.cells[side][n], -1)
            for s, place in e.news:
                cell = f.cells[place][n]
                if cell < 0:
                    species.append(s)
                    places.append(f.places[place][:, n])
                else:
                    self._book(s, cell, 1)
        for s, group in enumerate(particles):
            lost = gone[offsets[s] : offsets[s + 1]]
            if lost.any():
                group.gone[: group.n] = lost
                self._search.drop(s, group, group.gaps())
        if not species:
            return next_id
        self._search.added(np.array(species))
        return add_in_order(particles, np.array(species), np.array(places).T, next_id)

    def _positions(
        self, found: list[Events], side: int, offsets: Integers, nobody: int
    ) -> Integers:
        parts = []
        for f in found:
            owner = f.owners[side]
            index = (f.first, f.second)[side]
            parts.append(
                np.full(len(f), nobody) if owner is None else np.asarray(index + offsets[owner])
            )
        return np.concatenate(parts)

    def _book(self, species: int, cell: int, amount: int) -> None:
        if self.credit is not None and cell < self._region.grid.cells:
            self.credit[species, cell] += amount
