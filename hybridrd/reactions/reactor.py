"""Half steps of reactions in the particle region: creations, families, encounters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.errors import StepError
from hybridrd.kernels import first_order as fates
from hybridrd.kernels.arrays import runs
from hybridrd.kernels.poisson import poisson_numbers
from hybridrd.kernels.rng import CREATIONS, check_reactions, creations_address
from hybridrd.particles.particles import Particles, add_in_order
from hybridrd.particles.pool import Pool
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
        self._rates = np.zeros((0, 1))
        self._probabilities: list[Probability] = []
        self._room = 256
        self.events = np.zeros(len(tables.system.channels), np.int64)
        self.encounters = Encounters(tables.encounters, region, key)
        grid = region.grid if tables.varies else region.inner
        self._low = np.array(grid.lower)
        self._inverse = 1.0 / np.array(grid.spacing)
        self._steps = np.array(grid.spacing)
        self._shape = np.array(grid.shape, np.int64)
        self.set_rates(0.5 * dt)

    def set_rates(self, t: float) -> None:
        """Evaluate the rates at the middle of a step. Raises StepError where dt is too large."""
        self._rates = self._tables.macroscopic(t)
        self._probabilities = encounter_probabilities(self._tables, self._rates, self._dt)

    def half_step(
        self,
        particles: list[Particles],
        partners: Partners,
        step: int,
        half: int,
        next_id: int,
        pool: Pool,
    ) -> int:
        """React for half a step; returns the next free id."""
        tables = self._tables
        if half == 0 and tables.in_time:
            self.set_rates((step + 0.5) * self._dt)
        if half == 1:
            next_id = self._first_order(particles, step, half, next_id, pool)
        if tables.encounters:
            next_id = self.encounters.half_step(
                particles, self._probabilities, partners, step, half, next_id, self.events
            )
        if half == 0:
            next_id = self._first_order(particles, step, half, next_id, pool)
        return next_id

    # Orders zero and one

    def _first_order(
        self, particles: list[Particles], step: int, half: int, next_id: int, pool: Pool
    ) -> int:
        tables = self._tables
        if not tables.creations and not len(tables.channel):
            return next_id
        tau = 0.5 * self._dt
        news: list[tuple[Integers, np.ndarray, Floats]] = []
        for r in tables.creations:
            cells = self._creation_cells(r, tau, step, half)
            if len(cells):
                news.append(
                    self._grow(lambda *out, r=r, c=cells: self._create(r, c, step, half, *out))
                )
        for s, group in enumerate(particles):
            if tables.channels[s] == tables.channels[s + 1] or group.n == 0:
                continue
            self._mark(s, group, tau, step, half, pool)
            if not group.marks[: group.n].any():
                continue
            news.append(
                self._grow(lambda *out, s=s, g=group: self._react(s, g, tau, step, half, *out))
            )
            group.compact()
        if not news:
            return next_id
        species = np.concatenate([n[0] for n in news])
        parents = np.concatenate([n[1] for n in news])
        x = np.concatenate([n[2] for n in news], axis=1)
        # By the parents' ids, not by where they are stored.
        order = np.argsort(parents, kind="stable")
        return add_in_order(particles, species[order], x[:, order], next_id)

    def _mark(self, s: int, group: Particles, tau: float, step: int, half: int, pool: Pool) -> None:
        t = self._tables
        if self._rates.shape[1] > 1:
            pool.run(
                lambda a, b: fates.mark_by_cell(
                    s, group.x, group.ids, a, b, tau, self._key, step, half, t.channels, t.channel,
                    self._rates, self._low, self._inverse, self._shape, group.marks,
                ),
                group.n,
            )  # fmt: skip
            return
        mine = t.channel[t.channels[s] : t.channels[s + 1]]
        total = 0.0
        for r in mine:  # in the order of the kernel, to the last bit
            total += self._rates[r, 0]
        probability = -np.expm1(-total * tau)
        pool.run(
            lambda a, b: fates.mark(
                group.ids, a, b, probability, self._key, step, half, group.marks
            ),
            group.n,
        )

    def _creation_cells(self, r: int, tau: float, step: int, half: int) -> Integers:
        region = self._region
        if self._rates.shape[1] > 1:
            inside = np.flatnonzero(region.mask)
            means = self._rates[r, inside] * region.grid.volumes[inside] * tau
        else:
            inside = np.arange(region.inner.cells)
            means = self._rates[r, 0] * region.inner.volumes * tau
        channel = self._tables.system.channels[r]
        number = float(means.sum()) * len(channel.products)
        self._check_new(number, f"reaction {channel.label!r} in half a step")
        counts = np.empty(len(inside), np.int64)
        address = creations_address(r, half, len(means))
        total = poisson_numbers(means, self._key, address, step, CREATIONS, counts)
        return np.asarray(inside[runs(counts, total)])

    def _create(self, r: int, cells: Integers, step: int, half: int, *out: Any) -> int:
        t = self._tables
        n: int = fates.create(
            r, cells, self._low, self._steps, self._shape, 0.5 * self._dt, self._key, step, half,
            t.channels, t.channel, t.products, t.product, self._rates, *out,
        )  # fmt: skip
        if n > 0:
            self._region.grid.by_volume(out[2][:, :n], self._low, self._steps)
        return n

    def _react(self, s: int, group: Particles, tau: float, step: int, half: int, *out: Any) -> int:
        t = self._tables
        n: int = fates.react_first_order(
            s, group.x, group.ids, group.n, group.marks, tau, self._key, step, half, t.channels,
            t.channel, t.products, t.product, self._rates, self._low, self._inverse, self._shape,
            group.gone, *out,
        )  # fmt: skip
        return n

    def _grow(self, kernel: Callable[..., int]) -> tuple[Integers, np.ndarray, Floats]:
        """Run a kernel with outputs large enough; numbers are addressed, so a rerun is the same."""
        d = self._region.grid.dimension
        while True:
            species = np.empty(self._room, np.int64)
            parents = np.empty(self._room, np.uint64)
            x = np.empty((d, self._room))
            events = np.zeros_like(self.events)
            n = kernel(species, parents, x, events)
            if n >= 0:
                self.events += events
                return species[:n], parents[:n], x[:, :n]
            if n == fates.DEEP:
                raise StepError(
                    f"one particle has thousands of descendants within half a step of "
                    f"{self._dt:g}; use a smaller dt"
                )
            self._room *= 2
            self._check_new(self._room, "what one reaction or species becomes in half a step")

    def _check_new(self, number: float, what: str) -> None:
        check_new(number, self._region.grid.dimension, what, "use a smaller rate or dt")
