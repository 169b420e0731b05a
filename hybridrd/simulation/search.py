"""Close pairs of particles: the cells they are sorted into, and what is known of them.

The second half step of reactions and the first of the next step see the same positions, so the
pairs within a Doi radius are looked for once: those that were found stay known, without the ones
whose particles have gone in between. Outcomes do not depend on the order in which pairs are known
or particles are stored, so a run that looks for them again, as a restored one does, is the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hybridrd.kernels import arrays, pairs
from hybridrd.model.grid import Floats
from hybridrd.simulation.particles import SPARE, Particles, store_by_cell
from hybridrd.simulation.region import Integers, Region
from hybridrd.simulation.tables import Encounter

_PER_CELL = 2.0  # particles; measured
Couples = tuple[Integers, Integers]


@dataclass(frozen=True)
class Cells:
    """Points in the order of cells; ``places`` are those they had, None if the same."""

    x: Floats
    starts: Integers
    inverse: Floats
    shape: Integers
    places: Integers | None = None


class Search:
    """Looks for the pairs of each encounter between particles.

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
        self._widths = np.where(region.wrapped, region.extent, 0.0)
        self._room = 64
        self._cells: tuple[dict[int, Integers], Floats, Integers] | None = None
        self._copies: dict[int, Cells] = {}
        self._known: dict[int, Couples] = {}
        self._stamps: list[int] = []
        self._step = -1
        self._keeps = False

    def begin(self, wanted: list[int], particles: list[Particles], step: int, half: int) -> None:
        """Start a half step: keep what is known if it holds, and all that is wanted, else forget.

        What is found later stands in another order of the particles.
        """
        holds = half == 0 and step == self._step and self._stamps == _stamps(particles)
        holds = holds and all(index in self._known for index in wanted)
        if not holds:
            self._known = {}
        self._cells = None
        self._copies = {}
        self._keeps = half == 1
        self._step = step + 1

    def close(self, index: int, particles: list[Particles]) -> Couples:
        """Positions of the partners of all pairs within the radius of an encounter.

        The first that is looked for sorts the particles: ask before their places are used.
        """
        known = self._known.get(index)
        if known is None:
            known = self._find(self._meeting[index], particles)
            if self._keeps:
                self._known[index] = known
        return known[0].copy(), known[1].copy()

    def end(self, particles: list[Particles]) -> None:
        """End a half step: what is known holds until particles are added, dropped or sorted."""
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
        """Tell of new particles; pairs of theirs are not known."""
        if self._known and not set(self._involved).isdisjoint(species):
            self._known = {}

    def near(self, x: Floats, n: int, species: int, group: Particles, radius: float) -> Couples:
        """Pairs of n points and the particles of a species, which are not stored anew."""
        if self._cells is not None:
            starts, inverse, shape = self._cells
            cells = Cells(group.x, starts[species], inverse, shape)
        else:
            if species not in self._copies:
                self._copies[species] = self._copy(group.x, group.n)
            cells = self._copies[species]
        return self._pairs(x, n, cells, False, radius)

    def between(self, a: Floats, n: int, b: Floats, m: int, radius: float) -> Couples:
        """Pairs of n points and m others."""
        return self._pairs(a, n, self._copy(b, m), False, radius)

    def _find(self, e: Encounter, particles: list[Particles]) -> Couples:
        a, b = particles[e.first], particles[e.second]
        if a.n == 0 or b.n == 0:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        if self._cells is None:
            self._cells = self._sort(particles)
        starts, inverse, shape = self._cells
        if a.n <= b.n:
            cells = Cells(b.x, starts[e.second], inverse, shape)
            return self._pairs(a.x, a.n, cells, e.first == e.second, e.radius)
        # The rarer ones look for the others.
        cells = Cells(a.x, starts[e.first], inverse, shape)
        j, i = self._pairs(b.x, b.n, cells, False, e.radius)
        return i, j

    def _pairs(self, x: Floats, n: int, cells: Cells, like: bool, radius: float) -> Couples:
        while True:
            room = self._room
            i, j = np.empty(room, np.int64), np.empty(room, np.int64)
            m = pairs.find_close(
                x, n, cells.x, cells.starts, like, radius, self._region.low, cells.inverse,
                cells.shape, self._widths, i, j,
            )  # fmt: skip
            if m <= room:
                return i[:m], (j[:m] if cells.places is None else cells.places[j[:m]])
            self._room = m + m // 8

    def _copy(self, x: Floats, n: int) -> Cells:
        """Points in the order of cells, beside those they are copied from."""
        inverse, shape = self._layout(n)
        places, copy = np.empty(n, np.uint64), np.zeros((len(x), n + SPARE))
        numbers = np.arange(n, dtype=np.uint64)
        starts = store_by_cell(x, numbers, n, self._region.low, inverse, shape, copy, places)
        return Cells(copy, starts, inverse, shape, places.astype(np.int64))

    def _sort(self, particles: list[Particles]) -> tuple[dict[int, Integers], Floats, Integers]:
        """Sort the species that meet others into cells."""
        inverse, shape = self._layout(max(particles[s].n for s in self._involved))
        starts = {s: particles[s].sort(self._region.low, inverse, shape) for s in self._involved}
        return starts, inverse, shape

    def _layout(self, n: int) -> tuple[Floats, Integers]:
        """Cells per length and number of cells, an axis each, for n particles."""
        # Wider than the radius by more than round-off; they hold a few particles.
        radius = max(e.radius for e in self._meeting.values()) * (1.0 + 1e-9)
        region = self._region
        spacing = (_PER_CELL * region.volume / max(n, 1)) ** (1.0 / region.grid.dimension)
        shape = np.maximum(np.floor(region.extent / max(radius, spacing)), 1).astype(np.int64)
        return shape / region.extent, shape


def _stamps(particles: list[Particles]) -> list[int]:
    return [group.stamp for group in particles]
