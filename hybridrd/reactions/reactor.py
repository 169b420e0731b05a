"""Reactor: half steps of all reactions in the particle region."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.errors import StepError
from hybridrd.kernels import first_order
from hybridrd.kernels.arrays import runs
from hybridrd.kernels.first_order import HalfStep, Network, Offspring
from hybridrd.kernels.poisson import poisson_numbers
from hybridrd.kernels.rng import CREATIONS, check_reactions, creations_address
from hybridrd.particles.population import Population
from hybridrd.particles.region import Region
from hybridrd.particles.room import check_new
from hybridrd.reactions.pairs import Encounters
from hybridrd.reactions.reservoir_partners import Partners
from hybridrd.reactions.tables import Probability, ReactionTables, encounter_probabilities


class Reactor:
    """Reactions of one particle region: creations, first-order families, Doi pairs.

    A half step before the diffusion handles pairs, then the rest; one after it the rest, then
    pairs: so the two trials of a pair between two diffusions see the same positions, and the
    whole step is symmetric.
    """

    def __init__(self, tables: ReactionTables, region: Region, dt: float, key: np.uint64) -> None:
        check_reactions(len(tables.products) - 1, int(np.diff(tables.products).max(initial=0)))
        self._tables = tables
        self._region = region
        self._dt = dt
        self._key = key
        self._probabilities: list[Probability] = []
        self._room = 256
        self.events = np.zeros(len(tables.system.channels), np.int64)
        self.encounters = Encounters(tables.encounters, region, key)
        self._cells = region.cells if tables.varies else region.inner_cells
        self.set_rates(0.5 * dt)

    def set_rates(self, t: float) -> None:
        """Evaluate the rates at the middle of a step. Raises StepError where dt is too large."""
        tables, half = self._tables, 0.5 * self._dt
        rates = tables.macroscopic(t)
        self._network = Network(
            tables.channels, tables.channel, tables.products, tables.product, rates
        )
        species = range(len(tables.system.species))
        self._chances = [first_order.chances(s, self._network, half) for s in species]
        self._probabilities = encounter_probabilities(tables, rates, self._dt)

    def half_step(self, population: Population, partners: Partners, step: int, half: int) -> None:
        """React for half a step."""
        tables = self._tables
        if half == 0 and tables.in_time:
            self.set_rates((step + 0.5) * self._dt)
        if half == 1:
            self._first_order(population, step, half)
        if tables.encounters:
            self.encounters.half_step(
                population, self._probabilities, partners, step, half, self.events
            )
        if half == 0:
            self._first_order(population, step, half)

    # Orders zero and one

    def _first_order(self, population: Population, step: int, half: int) -> None:
        tables = self._tables
        if not tables.creations and not len(tables.channel):
            return
        now = HalfStep(self._key, step, half, 0.5 * self._dt)
        news: list[tuple[Integers, np.ndarray, Floats]] = []
        for r in tables.creations:
            where = self._creation_cells(r, now)
            if len(where):
                news.append(self._grow(partial(self._create, r, where, now)))
        for s, group in enumerate(population):
            if tables.channels[s] == tables.channels[s + 1] or group.n == 0:
                continue
            self._mark(s, population, step, half)
            marks = group.marks[: group.n]
            if not marks.any():
                continue
            kernel = partial(
                first_order.react_first_order, s, group.x, group.ids, marks, group.gone, now,
                self._network, self._cells,
            )  # fmt: skip
            news.append(self._grow(kernel))
            group.compact()
        if not news:
            return
        species = np.concatenate([n[0] for n in news])
        parents = np.concatenate([n[1] for n in news])
        x = np.concatenate([n[2] for n in news], axis=1)
        # By the parents' ids, not by where they are stored.
        order = np.argsort(parents, kind="stable")
        population.add(species[order], x[:, order])

    def _mark(self, s: int, population: Population, step: int, half: int) -> None:
        chance, group = self._chances[s], population[s]
        if len(chance) > 1:
            population.share(
                lambda a, b: first_order.mark_by_cell(
                    group.x, group.ids, a, b, chance, self._cells, self._key, step, half,
                    group.marks,
                ),
                group.n,
            )  # fmt: skip
            return
        population.share(
            lambda a, b: first_order.mark(
                group.ids, a, b, chance[0], self._key, step, half, group.marks
            ),
            group.n,
        )

    def _creation_cells(self, r: int, now: HalfStep) -> Integers:
        region, rates = self._region, self._network.rates
        if rates.shape[1] > 1:
            inside = np.flatnonzero(region.mask)
            means = rates[r, inside] * region.grid.volumes[inside] * now.tau
        else:
            inside = np.arange(region.inner.cells)
            means = rates[r, 0] * region.inner.volumes * now.tau
        channel = self._tables.system.channels[r]
        number = float(means.sum()) * len(channel.products)
        self._check_new(number, f"reaction {channel.label!r} in half a step")
        counts = np.empty(len(inside), np.int64)
        address = creations_address(r, now.half, len(means))
        total = poisson_numbers(means, self._key, address, now.step, CREATIONS, counts)
        return np.asarray(inside[runs(counts, total)])

    def _create(self, r: int, where: Integers, now: HalfStep, out: Offspring) -> int:
        cells = self._cells
        n = int(first_order.create(r, where, now, self._network, cells, out))
        if n > 0:
            self._region.grid.by_volume(out.x[:, :n], cells.low, cells.width)
        return n

    def _grow(self, kernel: Callable[[Offspring], int]) -> tuple[Integers, np.ndarray, Floats]:
        """Run a kernel with outputs large enough; numbers are addressed, so a rerun is the same."""
        d = self._region.grid.dimension
        while True:
            species = np.empty(self._room, np.int64)
            parents = np.empty(self._room, np.uint64)
            x = np.empty((d, self._room))
            events = np.zeros_like(self.events)
            n = kernel(Offspring(species, parents, x, events))
            if n >= 0:
                self.events += events
                return species[:n], parents[:n], x[:, :n]
            if n == first_order.DEEP:
                raise StepError(
                    f"one particle has thousands of descendants within half a step of "
                    f"{self._dt:g}; use a smaller dt"
                )
            self._room *= 2
            self._check_new(self._room, "what one reaction or species becomes in half a step")

    def _check_new(self, number: float, what: str) -> None:
        check_new(number, self._region.grid.dimension, what, "use a smaller rate or dt")
