"""Steps of a simulation: `hybridrd.simulation.step` for many at once, and the stages in Python."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hybridrd.coupling.exchange import Exchange
from hybridrd.coupling.face_exchange import Gate
from hybridrd.coupling.mask_exchange import MaskExchange
from hybridrd.kernels.bundles import bundle
from hybridrd.kernels.groups import CROWDED, DEEP, DONE, FULL, MANY, OUTSIDE
from hybridrd.model.functions import needs_time
from hybridrd.particles.population import Population
from hybridrd.particles.room import FEW
from hybridrd.reactions.reactor import Reactor
from hybridrd.reactions.reservoir_partners import Partners
from hybridrd.simulation import step
from hybridrd.simulation.compiled_continuum import CompiledContinuum
from hybridrd.simulation.continuum import Coupling

# Names of the Python stages in the timings.
NAMES = {
    step.WALLS: "reactions",
    step.PARTNERS_FIRST: "reactions",
    step.BOOK_FIRST: "reactions",
    step.MARK_FIRST: "reactions",
    step.CREATE_FIRST: "reactions",
    step.BEFORE: "continuum",
    step.LAYERS: "exchange",
    step.MOVE: "diffusion",
    step.PLANES: "exchange",
    step.AFTER: "continuum",
    step.MARK_LAST: "reactions",
    step.CREATE_LAST: "reactions",
    step.PARTNERS_LAST: "reactions",
    step.BOOK_LAST: "reactions",
}


class Stepper:
    """Steps of one simulation, from its parts.

    Parameters
    ----------
    timings
        Seconds by stage, added to.

    Attributes
    ----------
    reached
        Number of steps done.
    """

    def __init__(
        self,
        population: Population,
        gates: list[Gate],
        partners: Partners,
        exchange: Exchange | MaskExchange,
        reactor: Reactor,
        continuum: Coupling,
        key: np.uint64,
        dt: float,
        timings: dict[str, float],
    ) -> None:
        self._population, self._gates, self._partners = population, gates, partners
        self._exchange, self._reactor, self._continuum = exchange, reactor, continuum
        self._dt, self._timings = dt, timings
        self._compiled = exchange.compiled()
        self._given = [g for g in gates if not g.reads_field]
        self._asks = np.zeros(2)
        self._outside = np.zeros(step.STAGES, np.bool_)
        arrays = population.table, population.ids, self._asks, self._outside
        entries, parts = np.zeros(step.ENTRIES, np.int64), np.zeros(step.PARTS, np.int64)
        self._world = step.World(*arrays, entries, parts, key, dt, FEW)
        self._begun, self._drains, self._on_line = False, False, False
        self._continuous: CompiledContinuum | None = None
        self._parts: tuple[Any, ...] = (None,) * step.PARTS  # for what the entries are
        self._bundles: dict[int, np.ndarray] = {}
        self.reached = 0
        self._due: Mapping[int, Callable[[int], None]] = {
            step.WALLS: self._read_walls,
            step.PARTNERS_FIRST: self._read_partners,
            step.BOOK_FIRST: lambda k: self._book_pairs(k, 0),
            step.MARK_FIRST: lambda k: reactor.mark(population, k, 0),
            step.CREATE_FIRST: lambda k: reactor.create(k, 0),
            step.BEFORE: self._read_continuum,
            step.LAYERS: lambda k: exchange.layers(population, k),
            step.MOVE: lambda k: exchange.move(population, k),
            step.PLANES: lambda k: exchange.planes(population, k),
            step.AFTER: self._advance_continuum,
            step.MARK_LAST: lambda k: reactor.mark(population, k, 1),
            step.CREATE_LAST: lambda k: reactor.create(k, 1),
            step.PARTNERS_LAST: lambda k: self._read_partners(k + 1),
            step.BOOK_LAST: lambda k: self._book_pairs(k, 1),
        }

    def renew_exchange(self) -> None:
        """Update the exchange after its witnesses have changed."""
        self._compiled = self._exchange.compiled()
        self._begun, self._drains = False, False

    def restart(self, key: np.uint64) -> None:
        """Go back to the start, with other random numbers."""
        self._world = self._world._replace(key=key)
        self._begun, self.reached = False, 0

    def advance(self, number: int) -> None:
        """Take some steps.

        Raises
        ------
        StepError, CapacityError
            If the step is too long for the rates, or memory too small for new particles.
        """
        last, stage, allowed = self.reached + number, 0, FEW
        if not self._begun:
            self._read_walls(self.reached)
            self._begun = True
        self._choose_outside()
        self._on_line = self._continuous is not None
        while self.reached < last:
            begun = time.perf_counter()
            self.reached, stage, status = self._run(stage, last, allowed)
            allowed = FEW
            now = time.perf_counter()
            self._timings["steps"] += now - begun
            if status == OUTSIDE:
                self._due[stage](self.reached)
                self._timings[NAMES[stage]] += time.perf_counter() - now
                stage += 1
                if stage == step.STAGES:
                    self.reached, stage = self.reached + 1, 0
            elif status != DONE:
                allowed, stage = self._make_room(stage, status)

    def _run(self, stage: int, last: int, allowed: float) -> tuple[int, int, int]:
        """The compiled stages, see `hybridrd.simulation.step.advance`."""
        self._give_parts()
        stretch = step.Stretch(self.reached, stage, last, allowed)
        found: tuple[int, int, int] = step.advance(self._world, stretch)
        return found

    def _give_parts(self) -> None:
        """Pass the current arrays to the compiled stages."""
        motion, exits, layers, planes = self._compiled[:4] if self._compiled else (None,) * 4
        walk, *moved = motion or (None,) * 5
        continuum = self._continuous or CompiledContinuum()
        line, recorded, rates, two_way = continuum
        families, meetings = self._reactor.families, self._reactor.meetings
        parts = step.Parts(
            walk, exits, families, meetings, layers, planes, line, rates, recorded, *moved
        )
        changed = [i for i, part in enumerate(parts) if part is not self._parts[i]]
        if not changed and self._parts:
            return
        for i in changed:
            self._bundles[i] = bundle(parts[i])
            self._world.parts[i] = self._bundles[i].ctypes.data
        step.fill_entries(self._world, parts, two_way)
        self._parts = parts

    def _choose_outside(self) -> None:
        """Which stages are not compiled for this system, and this many particles."""
        outside, population, reactor = self._outside, self._population, self._reactor
        threads = population.uses_threads
        walls = any(g.value is not None and needs_time(g.value) for g in self._given)
        outside[step.WALLS] = reactor.in_time or walls or self._drifts_in_time
        marks = threads and reactor.families is not None
        outside[step.MARK_FIRST] = outside[step.MARK_LAST] = marks
        outside[step.CREATE_FIRST] = outside[step.CREATE_LAST] = reactor.creates_radially
        outside[step.BOOK_FIRST] = outside[step.BOOK_LAST] = reactor.notes_pairs
        self._take_continuum()
        methods = self._compiled is None
        outside[step.LAYERS] = outside[step.MOVE] = methods or threads
        outside[step.PLANES] = methods or self._drains

    def _take_continuum(self) -> None:
        """Update the continuum, compiled if possible."""
        self._continuous = None
        # Python's exchange takes c_R from the gates, where Python's continuum puts it.
        if self._compiled is not None and not (self._drains or self._population.uses_threads):
            self._continuous = self._continuum.compiled(self._gates, self._compiled.owner)
        works = self._continuum.works if self._continuous is None else (False, False)
        self._outside[step.BEFORE], self._outside[step.AFTER] = works
        asked = any(works) and len(self._partners.beyond.strips) > 0
        self._outside[step.PARTNERS_FIRST] = self._outside[step.PARTNERS_LAST] = asked

    def _make_room(self, stage: int, status: int) -> tuple[float, int]:
        """Make room for a failed stage; returns the allowed number and the stage to start with."""
        which, number = int(self._asks[0]), float(self._asks[1])
        if status == CROWDED:
            self._population[which].reserve(int(number))
        elif status == MANY and stage in (step.LAYERS, step.PLANES):
            self._exchange.check_arrivals(stage == step.LAYERS, which, number)
        elif stage in (step.PAIRS_FIRST, step.PAIRS_LAST):
            self._reactor.make_room_for_pairs(status, which, number, self._population)
        elif status == MANY:
            self._reactor.check_created(which, number)
        elif status in (FULL, DEEP):
            self._reactor.grow(status)
        again = {
            step.FAMILIES_FIRST: step.MARK_FIRST,
            step.FAMILIES_LAST: step.MARK_LAST,
        }.get(stage, stage)
        return number if status == MANY else FEW, again

    # Stages outside

    def _book_pairs(self, k: int, half: int) -> None:
        """Credit the continuum with the changes by pairs, and log their events."""
        self._reactor.note_pairs(k, half)
        if self._exchange.credit is not None:
            self._continuum.book(self._exchange.credit)

    def _read_walls(self, k: int) -> None:
        """Evaluate what walls hold or let in, rates, and drifts, for a step."""
        if self._drifts_in_time:
            self._carry(k)
        for gate in self._given:
            gate.set_given(k * self._dt, self._dt)
        if self._reactor.in_time:
            self._reactor.set_rates((k + 0.5) * self._dt)
        self._partners.read_walls()
        self._take()

    def _carry(self, k: int) -> None:
        """Let compiled stages have the drifts of a step."""
        if self._compiled is not None and not self._compiled.owner.carry(k):
            self._compiled = self._exchange.compiled()
        self._continuum.carry(k)
        if self._continuous is not None:
            self._take_continuum()

    @property
    def _drifts_in_time(self) -> bool:
        return self._compiled is not None and self._compiled.owner.motion.in_time

    def _read_continuum(self, k: int) -> None:
        self._continuum.before(k, self._gates)
        self._take()
        if self._on_line:
            self._take_continuum()

    def _advance_continuum(self, k: int) -> None:
        self._continuum.after(k, self._exchange.credit)
        if self._on_line:
            self._take_continuum()

    def _take(self) -> None:
        """Pass the concentrations at the gates to the compiled exchange."""
        if self._compiled is not None:
            drained, self._drains = self._drains, self._compiled.owner.take()
            if self._drains and not drained and self._continuous is not None:
                self._take_continuum()
            self._outside[step.PLANES] = self._drains

    def _read_partners(self, k: int) -> None:
        """Update the concentrations of partners in the continuum after k steps."""
        continuum = self._continuum
        self._partners.read_continuum(lambda s: continuum.partner(s, k), continuum.copies)
