"""Exchange of particles through gates, and the amounts that each continuum cell receives."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.coupling.baths import BathExchange, drained
from hybridrd.coupling.face_exchange import Gate
from hybridrd.coupling.injection import injected_numbers
from hybridrd.coupling.motion import CompiledMotion, Motion
from hybridrd.coupling.witness import Witnesses, beyond_faces
from hybridrd.interface import FaceNumbers
from hybridrd.kernels.arrays import exit_cells, runs
from hybridrd.kernels.binomial import binomial_numbers
from hybridrd.kernels.gates import Currents, Exits, Gates
from hybridrd.kernels.poisson import poisson_numbers
from hybridrd.kernels.rng import ARRIVALS, INFLUX, stream_address
from hybridrd.particles.particles import Particles
from hybridrd.particles.population import Population
from hybridrd.particles.room import check_new


class CompiledExchange(NamedTuple):
    """Arrays of an exchange for compiled stages, see `hybridrd.kernels.gates`.

    Parameters
    ----------
    motion
        How particles move.
    exits, layers, planes
        None if not needed.
    owner
        The exchange that they belong to.
    """

    motion: CompiledMotion
    exits: Exits | None
    layers: Gates | None
    planes: Gates | None
    owner: Exchange


class Exchange:
    """Exchange through gates, which counts crossings and credits the cells of the continuum.

    Attributes
    ----------
    motion
        The motion of the particles.
    crossings
        Net number that left through each face, ``(species, faces)``, since the start.
    arrivals
        Number that entered through each face, ``(species, faces)``, since the start.
    start, end
        Values beyond each face cell of all gates at the start and at the end of the step, for
        compiled stages.
    credit
        Net number of particles that each cell of the domain received in this step, ``(species,
        cells)``; None if the particles don't affect the continuum.
    witnesses
        Observers of particles that enter and leave, see `hybridrd.coupling.witness`.
    """

    def __init__(self, motion: Motion, gates: list[Gate], two_way: bool) -> None:
        region = motion.region
        self.motion = motion
        self.witnesses: Witnesses = ()
        self._layers = [
            g
            for g in gates
            if g.numbers is not None and g.numbers.kind == "layer" and g.numbers.survival < 1
        ]
        self._planes = [
            g for g in gates if g.numbers is None or g.numbers.kind in ("exact", "kinetic")
        ]
        self._injections = [
            (g, g.numbers) for g in gates if g.numbers is not None and g.numbers.kind == "injection"
        ]
        self._ordered = [*self._layers, *self._planes]
        ends = np.cumsum([g.face.size for g in self._ordered], dtype=np.int64)
        pairs = zip(self._ordered, ends, strict=True)
        self._places = {id(g): int(end) - g.face.size for g, end in pairs}
        self.start, self.end = np.zeros((2, int(ends[-1]) if len(ends) else 0))
        self._key = motion.key
        self._baths = BathExchange(gates, motion.key)
        self._chances: dict[tuple[int, int, float], Floats] = {}
        # As compiled stages take it: survival in each layer, mean arrivals, and what drifts.
        self._survival, self._factor = np.zeros(0), np.zeros(len(self.start))
        self._currents: Currents | None = None
        grid = region.grid
        self.crossings = np.zeros((len(motion.D), len(region.faces)), np.int64)
        self.arrivals = np.zeros_like(self.crossings)
        self.credit = np.zeros((len(motion.D), grid.cells), np.int64) if two_way else None
        self._scrap = np.zeros(grid.cells, np.int64)
        self._first = np.array(region.first, np.int64)
        self._last = self._first + np.array(region.inner.shape, np.int64) - 1
        self._outside = np.full(2 * grid.dimension, -1, np.int64)
        self._number = np.full(2 * grid.dimension, -1, np.int64)
        for f, face in enumerate(region.faces):
            self._number[face.index] = f
            if two_way:
                self._outside[face.index] = face.outside

    def compiled(self) -> CompiledExchange | None:
        """The exchange for compiled stages; None if its methods must be called instead."""
        motion = None if self.witnesses else self.motion.compiled(self._ordered)
        if motion is None or self._baths or self._meet() or self._injections:
            return None
        species = len(self.motion.D)
        region = self.motion.region
        credit = np.zeros((species, 0), np.int64) if self.credit is None else self.credit
        exits = Exits(
            region.cells, self._first, self._last, self._outside, self._number,
            np.zeros_like(self._outside), self.crossings, self.arrivals, credit,
        )  # fmt: skip
        layers, planes = self._table(self._layers), self._table(self._planes)
        self._survival = np.zeros(0) if layers is None else layers.survival
        self._currents = motion.currents
        for gate in self._ordered:
            self._describe(gate)
        parts = layers, planes, motion.forces, motion.media, motion.flights
        opens = any(part is not None for part in parts) or not motion.walk.closed.all()
        return CompiledExchange(motion, exits if opens else None, layers, planes, self)

    def carry(self, step: int) -> bool:
        """Take drifts that depend on time as they are in a step; whether compiled stages still can.

        If not, they are to be given what `compiled` returns.
        """
        changed = self.motion.carry(step)
        if changed is None:
            return False
        for gate in self._ordered if changed else ():
            if gate.species in changed:
                self._chances.clear()
                self._describe(gate)
        return True

    def restart(self, key: np.uint64) -> None:
        """Go back to the start, with other random numbers."""
        self._key = key
        self.motion.restart(key)
        self.crossings[:], self.arrivals[:] = 0, 0
        if self.credit is not None:
            self.credit[:] = 0

    def _meet(self) -> bool:
        """Whether two faces have the same discrete copies beyond them, and must alternate."""
        whole = [gate for gate in self._layers if gate.binomial]
        return any(
            a.species == b.species and np.isin(_beyond(a), _beyond(b)).any()
            for a, b in combinations(whole, 2)
        )

    def take(self) -> bool:
        """Pass the concentrations of this step to compiled gates; whether one is a drain."""
        for k, gate in enumerate(self._ordered):
            numbers = gate.numbers if gate.binomial else None
            if numbers is not None and numbers.survival != self._survival[k]:
                self._survival[k] = numbers.survival
                self._describe(gate)
            if len(gate.start):  # known
                part = self._part(gate)
                self.start[part], self.end[part] = gate.start, gate.end
        return any(g.drain is not None and g.drain.any() for g in self._planes)

    def place(self, gate: Gate) -> int:
        """Index of the first face cell of a gate in `start` and `end`; -1 for none."""
        return self._places.get(id(gate), -1)

    def _part(self, gate: Gate) -> slice:
        """Which of all face cells are those of a gate."""
        return slice(self.place(gate), self.place(gate) + gate.face.size)

    def _describe(self, gate: Gate) -> None:
        """Note how particles pass a gate, for compiled stages."""
        part, numbers, one = self._part(gate), gate.numbers, np.ones(gate.face.size)
        if numbers is None or numbers.kind != "layer":
            self._factor[part] = self.motion.plane_means(gate, one)[0]
        elif gate.binomial:
            self._factor[part] = gate.face.area * numbers.width
        else:
            self._factor[part] = self.motion.layer_means(replace(gate, start=one, end=one), numbers)
        if self._currents is not None and self._currents.drifts[gate.species]:
            self.motion.enter_current(self._currents, gate, part)
            if gate.binomial and numbers is not None:
                self._currents.chance[part] = self._chance(gate, numbers)

    def _table(self, gates: list[Gate]) -> Gates | None:
        """Gates for kernels, None for none."""
        if not gates:
            return None
        motion = self.motion
        low, steps, _, shape = motion.region.inner_cells
        beyond = np.full(len(self.start), -1, np.int64)
        widths, survivals = [], []
        firsts = np.array([self.place(g) for g in gates])
        stops = firsts + [g.face.size for g in gates]
        for gate, first, stop in zip(gates, firsts, stops, strict=True):
            face, numbers = gate.face, gate.numbers
            if self.credit is not None and face.outside >= 0:
                beyond[first:stop] = face.columns[:, face.outside]
            width, survival = 0.0, 1.0
            if numbers is not None and numbers.kind == "layer":
                width, survival = numbers.width, numbers.survival
            widths.append(width)
            survivals.append(survival)
        return Gates(
            species=np.array([g.species for g in gates]),
            number=np.array([self._number[g.face.index] for g in gates]),
            axis=np.array([g.face.axis for g in gates]),
            side=np.array([g.face.side for g in gates]),
            plane=np.array([g.face.plane for g in gates]),
            first=firsts,
            stop=stops,
            address=np.array([g.address for g in gates], np.uint64),
            purpose=np.array([INFLUX if g.is_influx else ARRIVALS for g in gates]),
            factor=self._factor,
            width=np.array(widths, np.float64),
            survival=np.array(survivals, np.float64),
            binomial=np.array([g.binomial for g in gates]),
            way=np.array([g.way for g in gates]),
            D=np.array([motion.D[g.species] for g in gates], np.float64),
            dt=motion.dt,
            low=low,
            steps=steps,
            shape=shape,
            start=self.start,
            end=self.end,
            beyond=beyond,
            means=np.zeros(len(beyond)),
            counts=np.zeros(len(beyond), np.int64),
            totals=np.zeros(len(gates), np.int64),
            extra=np.zeros(len(motion.D), np.int64),
        )

    def check_arrivals(self, layers: bool, number: int, expected: float) -> None:
        """Refuse more arrivals through a gate than memory holds. Raises CapacityError."""
        gates = self._layers if layers else self._planes
        self._check_new(gates[number], expected)

    def layers(self, population: Population, step: int) -> None:
        """Exchange of all boundary layers, one face after another.

        In each layer a particle survives with probability q, and Poisson(c_R V (1 - q)) arrive.
        """
        for witness in self.witnesses:
            witness.begin(population, step)
        removed = np.zeros(len(population), np.int64)
        for gate in self._layers:
            numbers, copies = gate.numbers, self._copies(gate)
            assert numbers is not None
            removed[gate.species] += self.motion.empty_layer(gate, numbers, population, step)
            if copies is not None:
                # Immediately, because the next face may have the same cells beyond it.
                if removed[gate.species]:
                    self.leave(gate.species, population[gate.species])
                    removed[gate.species] = 0
                counts, cells = self._enter_from(gate, numbers, copies, step)
            else:
                means = self.motion.layer_means(gate, numbers)
                counts, cells = self._arrivals(gate, means, step, ARRIVALS)
            if len(cells):
                group = population.announce(gate.species, len(cells))
                self.motion.fill_layer(gate, numbers, group, cells, step)
                group.n += len(cells)
                self._book(gate, counts, group)
        for s in np.flatnonzero(removed):
            self.leave(int(s), population[int(s)])
        self._inject(population, step, 0)

    def _inject(self, population: Population, step: int, half: int) -> None:
        """Arrivals of half a step by the rules of `hybridrd.interface.Published`."""
        for gate, numbers in self._injections:
            contents = gate.mean * (gate.face.area * numbers.width)
            self._check_new(gate, float(contents.sum()) * numbers.alpha)
            counts = injected_numbers(contents, numbers, self._key, gate.address, step, half)
            cells = runs(counts, int(counts.sum()))
            if len(cells):
                group = population.announce(gate.species, len(cells))
                self.motion.fill_layer(gate, numbers, group, cells, step)
                group.n += len(cells)
                self._book(gate, counts, group)

    def move(self, population: Population, step: int) -> None:
        """Diffuse all particles for a step; those that end at a face leave through it."""
        for s, group in enumerate(population):
            if not (self.motion.D[s] > 0 and group.n):
                continue
            before = group.x[:, : group.n].copy() if self.witnesses else None
            ended = self.motion.move(s, population, step)
            if before is not None:
                for witness in self.witnesses:
                    witness.moved(s, before, group.x[:, : group.n])
            if ended:
                self.leave(s, group)

    def planes(self, population: Population, step: int) -> None:
        """Arrivals through open planes, influx and leaky walls in this step.

        Call this after the particles inside have moved and left.
        """
        for gate in self._planes:
            if gate.drain is not None and gate.drain.any():
                self._drain(gate, population[gate.species], step)
            from_bath = self._baths.has(gate)
            if from_bath:
                gate.start = gate.end = gate.read(gate.start)
            top = np.maximum(gate.start, gate.end)
            purpose = INFLUX if gate.is_influx else ARRIVALS
            for stream, means in enumerate(self.motion.plane_means(gate, top)):
                if from_bath:
                    cells = self._baths.entries(gate, step, self._check_new)
                else:
                    _, cells = self._arrivals(gate, means, step, purpose, stream)
                if len(cells):
                    group = population.announce(gate.species, len(cells))
                    kept = self.motion.enter_plane(gate, stream, group, cells, top, step)
                    self._book(gate, kept, group)
                    if group.gone[group.n - int(kept.sum()) : group.n].any():
                        self.leave(gate.species, group)
        self._inject(population, step, 1)
        for witness in self.witnesses:
            witness.end(population)

    def _drain(self, gate: Gate, group: Particles, step: int) -> None:
        """Remove the particles that touched the wall and that a negative influx takes."""
        face, motion = gate.face, self.motion
        depth = np.abs(group.x[face.axis, : group.n] - face.plane)
        cells = motion.region.face_cells(face, group.x[:, : group.n])
        D = motion.D[gate.species]
        taken = drained(gate, depth, cells, group, D, motion.dt, self._key, step)
        if len(taken):
            group.gone[taken] = face.index + 1
            self.leave(gate.species, group)

    def leave(self, species: int, group: Particles) -> None:
        """Drop the particles that went through a face; count them and credit the continuum."""
        counts = np.zeros(len(self._outside), np.int64)
        credit = self._scrap if self.credit is None else self.credit[species]
        gaps = group.gaps()
        if self.witnesses and len(gaps):
            self._see_leaving(species, group, gaps)
        exit_cells(
            group.x, group.gone, gaps, self.motion.region.cells, self._first, self._last,
            self._outside, counts, credit,
        )  # fmt: skip
        for index in np.flatnonzero(counts):
            self.crossings[species, self._number[index]] += counts[index]
            self._baths.take(species, int(index), int(counts[index]))
        group.drop(gaps)

    def _see_leaving(self, species: int, group: Particles, gaps: Integers) -> None:
        """Let witnesses see the particles that leave."""
        x, index = group.x[:, gaps], group.gone[gaps].astype(np.int64) - 1
        for witness in self.witnesses:
            witness.left(species, self._number[index], x, group.ids[gaps], beyond_faces(x, index))

    def _arrivals(
        self, gate: Gate, means: Floats, step: int, purpose: int, stream: int = 0
    ) -> tuple[Integers, Integers]:
        """Poisson numbers per face cell, and the face cell of each arrival."""
        self._check_new(gate, float(means.sum()))
        counts = np.empty(len(means), np.int64)
        address = stream_address(gate.address, stream)
        total = poisson_numbers(means, self._key, address, step, purpose, counts)
        return counts, runs(counts, total)

    def _copies(self, gate: Gate) -> Floats | None:
        """Current copies beyond each face cell of a gate; None if there are none."""
        if gate.copies is None or self.credit is None:
            return None
        changed = self.credit[gate.species, _beyond(gate)]
        return np.asarray(np.maximum(gate.copies + changed, 0.0))

    def _enter_from(
        self, gate: Gate, numbers: FaceNumbers, copies: Floats, step: int
    ) -> tuple[Integers, Integers]:
        """Number of copies beyond a layer that enter, per face cell, and the cell of each."""
        counts = np.zeros(len(copies), np.int64)
        if not copies.any():
            return counts, counts[:0]
        chances = self._chance(gate, numbers)
        self._check_new(gate, float(copies @ chances))
        parts = (
            [slice(None)] if np.ptp(chances) == 0 else [slice(j, j + 1) for j in range(len(copies))]
        )
        total = 0
        for part in parts:
            first = part.start or 0
            total += binomial_numbers(
                copies[part], chances[first], self._key, gate.address + np.uint64(first), step,
                ARRIVALS, counts[part],
            )  # fmt: skip
        return counts, runs(counts, total)

    def _chance(self, gate: Gate, numbers: FaceNumbers) -> Floats:
        """Probability to enter for a copy beyond each face cell, in balance with departures."""
        where = gate.species, gate.face.index, numbers.survival
        if where not in self._chances:
            one = np.ones(gate.face.size)
            arrivals = self.motion.layer_means(replace(gate, start=one, end=one), numbers)
            chance = arrivals / self.motion.region.grid.volumes[_beyond(gate)]
            same = 1.0 - numbers.survival  # if the cell is as large as the layer
            self._chances[where] = np.where(np.abs(chance - same) < 1e-9 * same, same, chance)
        return self._chances[where]

    def _check_new(self, gate: Gate, number: float) -> None:
        what = "influx" if gate.is_influx else "arrivals"
        check_new(
            number, self.motion.region.grid.dimension, f"the {what} of {gate.where} in a step",
            f"use a smaller {'flux' if gate.is_influx else 'concentration'} or dt",
        )  # fmt: skip

    def _book(self, gate: Gate, counts: Integers, group: Particles) -> None:
        """Count arrivals through a gate, the last of a species, and debit the cells outside it."""
        number, total = self._number[gate.face.index], counts.sum()
        if self.witnesses and total:
            new = slice(group.n - total, group.n)
            x, index = group.x[:, new].copy(), np.full(total, gate.face.index)
            seen = int(number), x, group.ids[new].copy(), beyond_faces(x, index)
            for witness in self.witnesses:
                witness.entered(gate.species, *seen)
        self.crossings[gate.species, number] -= total
        self.arrivals[gate.species, number] += total
        self._baths.give(gate, int(total))
        if self.credit is not None and gate.face.outside >= 0:
            self.credit[gate.species, gate.face.columns[:, gate.face.outside]] -= counts


def _beyond(gate: Gate) -> Integers:
    """The cell of the continuum beyond each face cell."""
    return np.asarray(gate.face.columns[:, gate.face.outside])
