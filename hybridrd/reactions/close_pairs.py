"""Close pairs of particles, found with a cell list and remembered while positions last.

The second half step of reactions and the first of the next step see the same positions, so pairs
within a Doi radius are searched for once: the pairs that were found are kept, without the ones
whose particles have gone in between. Outcomes do not depend on the order in which pairs are known
or particles are stored, so a run that looks for them again, as a restored one does, is the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.kernels import arrays, pairs
from hybridrd.kernels.groups import SPARE
from hybridrd.particles.cell_list import Layout, spread, store
from hybridrd.particles.particles import Particles
from hybridrd.particles.population import Population
from hybridrd.particles.region import Region
from hybridrd.reactions.tables import Encounter

Couples = tuple[Integers, Integers]


@dataclass(frozen=True)
class SortedPoints:
    """Points sorted by cell; ``places`` are their indices before sorting, None if unchanged."""

    x: Floats
    starts: Integers
    layout: Layout
    places: Integers | None = None


class ClosePairs:
    """Search for the pairs of each encounter between particles.

    Parameters
    ----------
    encounters
        All encounters, dissociations among them; they are named by their index.
    region
        The particle region.
    """

    def __init__(self, encounters: tuple[Encounter, ...], region: Region) -> None:
        self._meeting = {i: e for i, e in enumerate(encounters) if not e.back}
        self._involved = sorted({s for e in self._meeting.values() for s in (e.first, e.second)})
        self._region = region
        self._room = 64
        self._radius = max((e.radius for e in self._meeting.values()), default=0.0)
        self._fineness = 1.0
        self._cells: tuple[dict[int, Integers], Layout] | None = None
        self._copies: dict[int, SortedPoints] = {}
        self._known: dict[int, Couples] = {}
        self._stamps: list[int] = []
        self._step = -1
        self._keeps = False

    def begin(self, wanted: list[int], particles: Population, step: int, half: int) -> None:
        """Start a half step: keep the known pairs if they are valid and complete, else forget them.

        A later search sorts the particles again.
        """
        holds = half == 0 and step == self._step and self._stamps == _stamps(particles)
        holds = holds and all(index in self._known for index in wanted)
        if not holds:
            self._known = {}
        self._cells = None
        self._copies = {}
        self._keeps = half == 1
        self._step = step + 1

    def close(self, index: int, particles: Population) -> Couples:
        """Positions of the partners of all pairs within the radius of an encounter.

        The first that is looked for sorts the particles: ask before their places are used.
        """
        known = self._known.get(index)
        if known is None:
            known = self._find(self._meeting[index], particles)
            if self._keeps:
                self._known[index] = known
        return known[0].copy(), known[1].copy()

    def end(self, particles: Population) -> None:
        """End a half step: known pairs are valid until particles are added, dropped or sorted."""
        self._stamps = _stamps(particles)
        if not self._keeps:
            self._known = {}

    def drop(self, species: int, group: Particles) -> None:
        """Drop particles marked as gone, see `Particles.drop`, and their pairs."""
        gone = group.gone[: group.n].copy()
        places = group.drop(group.gaps())
        left = group.n
        for index, (i, j) in self._known.items():
            e = self._meeting[index]
            if e.first == species:
                m = arrays.retain(i, j, gone, left, places)
                i, j = i[:m], j[:m]
            if e.second == species:
                m = arrays.retain(j, i, gone, left, places)
                i, j = i[:m], j[:m]
            self._known[index] = i, j

    def added(self, species: Iterable[int]) -> None:
        """Forget the known pairs if one of these species, which have new particles, takes part."""
        if self._known and not set(self._involved).isdisjoint(species):
            self._known = {}

    def near(self, x: Floats, n: int, species: int, group: Particles, radius: float) -> Couples:
        """Pairs of n points and the particles of a species, which keep their storage order."""
        if self._cells is not None:
            starts, layout = self._cells
            cells = SortedPoints(group.x, starts[species], layout)
        else:
            if species not in self._copies:
                self._copies[species] = self._copy(group.x, group.n)
            cells = self._copies[species]
        return self._pairs(x, n, cells, False, radius)

    def between(self, a: Floats, n: int, b: Floats, m: int, radius: float) -> Couples:
        """Pairs of n points and m others."""
        return self._pairs(a, n, self._copy(b, m), False, radius)

    def _find(self, e: Encounter, particles: Population) -> Couples:
        a, b = particles[e.first], particles[e.second]
        if a.n == 0 or b.n == 0:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        if self._cells is None:
            self._cells = self._sort(particles)
        starts, layout = self._cells
        if a.n <= b.n:
            cells = SortedPoints(b.x, starts[e.second], layout)
            return self._pairs(a.x, a.n, cells, e.first == e.second, e.radius)
        # The rarer ones look for the others.
        cells = SortedPoints(a.x, starts[e.first], layout)
        j, i = self._pairs(b.x, b.n, cells, False, e.radius)
        return i, j

    def _pairs(self, x: Floats, n: int, cells: SortedPoints, like: bool, radius: float) -> Couples:
        layout = cells.layout.cells
        while True:
            room = self._room
            i, j = np.empty(room, np.int64), np.empty(room, np.int64)
            m = pairs.find_close(x, n, cells.x, cells.starts, like, radius, layout, i, j)
            if m <= room:
                return i[:m], (j[:m] if cells.places is None else cells.places[j[:m]])
            self._room = m + m // 8

    def _copy(self, x: Floats, n: int) -> SortedPoints:
        """A copy of points, sorted by cell."""
        layout, (counted,), _ = spread(self._region, self._radius, [(x, n)])
        places, copy = np.empty(n, np.uint64), np.zeros((len(x), n + SPARE))
        store(x, np.arange(n, dtype=np.uint64), n, counted, copy, places)
        return SortedPoints(copy, counted[1], layout, places.astype(np.int64))

    def _sort(self, particles: Population) -> tuple[dict[int, Integers], Layout]:
        """Sort the particles of all species that react in pairs by cell."""
        groups = [particles[s] for s in self._involved]
        layout, counted, self._fineness = spread(
            self._region, self._radius, [(g.x, g.n) for g in groups], self._fineness
        )
        for group, c in zip(groups, counted, strict=True):
            group.sort(c)
        return {s: c[1] for s, c in zip(self._involved, counted, strict=True)}, layout


def _stamps(particles: Population) -> list[int]:
    return [group.stamp for group in particles]
