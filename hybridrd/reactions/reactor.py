"""Reactor: half steps of all reactions in the particle region."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrd.coupling.event_log import EventLog
from hybridrd.errors import StepError
from hybridrd.kernels import first_order
from hybridrd.kernels.cascade import Meetings
from hybridrd.kernels.first_order import (
    Families,
    HalfStep,
    Network,
    Offspring,
    create_all,
    make_family_log,
)
from hybridrd.kernels.groups import DEEP, DONE, MANY
from hybridrd.kernels.rng import check_candidates, check_reactions, creations_address
from hybridrd.particles.population import Population
from hybridrd.particles.region import Region
from hybridrd.particles.room import FEW, check_new
from hybridrd.reactions.pairs import Pairs
from hybridrd.reactions.reservoir_partners import Partners
from hybridrd.reactions.tables import ReactionTables, encounter_probabilities

_ROWS = 2048  # capacity for logged reactions before they are passed on


class Reactor:
    """Reactions of one particle region: creations, first-order families, Doi pairs.

    A half step before the diffusion handles pairs, then the rest; one after it the rest, then
    pairs: so the two trials of a pair between two diffusions see the same positions, and the
    whole step is symmetric.

    Attributes
    ----------
    pairs
        Reactions of pairs, and dissociations; None without any.
    """

    def __init__(
        self,
        tables: ReactionTables,
        region: Region,
        dt: float,
        key: np.uint64,
        partners: Partners,
        credit: NDArray[np.int64] | None,
    ) -> None:
        check_reactions(len(tables.products) - 1, int(np.diff(tables.products).max(initial=0)))
        self._tables = tables
        self._region = region
        self._dt = dt
        self._key = key
        self._room = 256
        self._log: EventLog | None = None
        self._rows = make_family_log(0, 1, region.grid.dimension)
        self.events = np.zeros(len(tables.system.channels), np.int64)
        self.pairs: Pairs | None = None
        if tables.encounters:
            self.pairs = Pairs(
                tables.encounters, region, partners, key, len(tables.system.species), self.events,
                credit,
            )  # fmt: skip
        self._cells = region.cells if tables.varies else region.inner_cells
        self.set_rates(0.5 * dt)

    def restart(self, key: np.uint64) -> None:
        """Go back to the start, with other random numbers."""
        self._key, self.events[:] = key, 0
        if self.pairs is not None:
            self.pairs.restart(key)

    @property
    def creates_radially(self) -> bool:
        """Whether there are creations in spherical cells, see `create`."""
        return bool(self._tables.creations) and self._region.grid.radial

    @property
    def in_time(self) -> bool:
        """Whether rates are functions of time."""
        return self._tables.in_time

    def set_rates(self, t: float) -> None:
        """Evaluate the rates at the middle of a step. Raises StepError where dt is too large."""
        tables = self._tables
        rates = tables.macroscopic(t)
        network = Network(tables.channels, tables.channel, tables.products, tables.product, rates)
        self._families = self._make_families(network)
        if self.pairs is not None:
            self.pairs.set_probabilities(encounter_probabilities(tables, rates, self._dt))

    @property
    def meetings(self) -> Meetings | None:
        """Pairs for compiled stages; None without any."""
        return self.pairs.meetings if self.pairs is not None else None

    def make_room_for_pairs(
        self, status: int, what: int, number: float, population: Population
    ) -> None:
        """Make room for half a step of pairs. Raises StepError or CapacityError if impossible."""
        assert self.pairs is not None
        if status == MANY:
            check_candidates(number)
        elif status == DEEP:
            self.pairs.refuse(what)
        else:
            self.pairs.make_room(what, int(number), population)

    # Orders zero and one

    @property
    def families(self) -> Families | None:
        """Reactions of order zero and one for compiled stages; None without any."""
        return self._families

    def mark(self, population: Population, step: int, half: int) -> None:
        """Mark the particles with first-order reactions in half a step, on several threads."""
        assert self._families is not None
        for s in self._families.reacting:
            self._mark(int(s), population, step, half)

    def create(self, step: int, half: int) -> None:
        """Creations in the cells of a spherical region, see `hybridrd.kernels.first_order`."""
        now, asks, allowed = HalfStep(self._key, step, half, 0.5 * self._dt), np.zeros(2), FEW
        families = self._families
        assert families is not None
        while (status := create_all(families, now, allowed, asks)) != DONE:
            if status == MANY:
                self.check_created(int(asks[0]), float(asks[1]))
                allowed = float(asks[1])
            else:
                families = self.grow(status)
        rows = families.out.log
        new = slice(rows.numbers[1], rows.numbers[0])
        for x in (families.out.x[:, : families.made[0]], rows.place[:, new]):
            self._region.grid.by_volume(x, self._cells.low, self._cells.width)

    def note(self, log: EventLog | None) -> None:
        """Note each reaction in a log from now on, None for no log."""
        if log is self._log:
            return
        self._log = log
        if log is not None:
            log.in_turn = self.pairs is not None
        rows, most = (0, 1) if log is None else (_ROWS, log.products)
        self._rows = make_family_log(rows, most, self._region.grid.dimension)
        if self._families is not None:
            self._families = self._families._replace(**self._work())

    @property
    def notes_pairs(self) -> bool:
        """Whether `note_pairs` is to be called after each half step of pairs."""
        return self._log is not None and self.pairs is not None

    def note_pairs(self, step: int, half: int) -> None:
        """Log the events of pairs in the last half step."""
        if self._log is not None and self.pairs is not None:
            self.pairs.note(self._log, 2.0 * step + half)

    def drain(self) -> None:
        """Pass the events noted by compiled stages to the log."""
        rows = self._rows
        done = rows.numbers[1]
        if self._log is not None and done:
            self._log.reactions(
                rows.time[:done], False, rows.reaction[:done], rows.reactant[:done, None],
                rows.products[:done], rows.place[:, :done].T,
            )  # fmt: skip
        rows.numbers[:] = 0

    def grow(self, status: int) -> Families:
        """Double the room for new particles in half a step. Raises StepError, CapacityError."""
        if status == DEEP:
            raise StepError(
                f"one particle has thousands of descendants within half a step of "
                f"{self._dt:g}; use a smaller dt"
            )
        assert self._families is not None
        if self._rows.numbers[1]:
            self.drain()
            return self._families
        self._room *= 2
        self._check_new(self._room, "what one reaction or species becomes in half a step")
        if self._log is not None:
            self._rows = make_family_log(self._room * 8, self._log.products, len(self._region.low))
        self._families = self._families._replace(**self._work())
        return self._families

    def check_created(self, reaction: int, number: float) -> None:
        """Refuse more creations in half a step than memory holds. Raises CapacityError."""
        label = self._tables.system.channels[reaction].label
        self._check_new(number, f"reaction {label!r} in half a step")

    def _make_families(self, network: Network) -> Families | None:
        tables, region, half = self._tables, self._region, 0.5 * self._dt
        if not tables.creations and not len(tables.channel):
            return None
        grid = region.grid if tables.varies else region.inner
        inside = np.flatnonzero(region.mask if tables.varies else region.mask[region.block])
        creations = list(tables.creations)
        cells = inside if tables.varies else np.zeros(len(inside), np.int64)
        means = network.rates[creations][:, cells] * grid.volumes[inside] * half
        made = [len(tables.system.channels[r].products) for r in creations]
        species = range(len(tables.system.species))
        return Families(
            network=network,
            cells=self._cells,
            reacting=np.flatnonzero(np.diff(tables.channels)),
            chances=np.array([first_order.chances(s, network, half) for s in species]),
            creations=np.array(creations, np.int64),
            addresses=np.array(
                [[creations_address(r, h, len(inside)) for r in creations] for h in (0, 1)],
                np.uint64,
            ).reshape(2, -1),
            means=means,
            expected=means.sum(axis=1) * made,
            inside=inside,
            counts=np.zeros(len(inside), np.int64),
            events=self.events,
            made=np.zeros(1, np.int64),
            **self._work(),
        )

    def _work(self) -> dict[str, Any]:
        """Room for new particles in half a step."""
        room, d = self._room, self._region.grid.dimension
        species, parents = np.empty(room, np.int64), np.empty(room, np.uint64)
        counts = np.zeros_like(self.events)
        out = Offspring(species, parents, np.empty((d, room)), counts, self._rows)
        return {"out": out, "order": np.empty((2, room), np.int64)}

    def _mark(self, s: int, population: Population, step: int, half: int) -> None:
        assert self._families is not None
        chance, group = self._families.chances[s], population[s]
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

    def _check_new(self, number: float, what: str) -> None:
        check_new(number, self._region.grid.dimension, what, "use a smaller rate or dt")
