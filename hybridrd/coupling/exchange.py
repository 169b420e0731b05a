"""The exchange of particles through gates, and its account in the continuum."""

from __future__ import annotations

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.coupling.face_exchange import Gate
from hybridrd.interface import FaceNumbers
from hybridrd.kernels import exchange as kernels
from hybridrd.kernels.arrays import exit_cells, runs
from hybridrd.kernels.binomial import binomial_numbers
from hybridrd.kernels.poisson import poisson_numbers
from hybridrd.kernels.rng import ARRIVALS, INFLUX
from hybridrd.particles.particles import Particles
from hybridrd.particles.pool import Pool
from hybridrd.particles.region import Region, SpeciesWalls
from hybridrd.particles.room import check_new


class Exchange:
    """Moves particles through gates; counts crossings, and what each continuum cell gets.

    Attributes
    ----------
    crossings
        Net number that left through each face, ``(species, faces)``, since the start.
    arrivals
        Number that entered through each face, ``(species, faces)``, since the start.
    credit
        Net number of particles that each cell of the domain received in this step, ``(species,
        cells)``; None where the continuum takes no notice.
    """

    def __init__(
        self,
        region: Region,
        gates: list[Gate],
        walls: list[SpeciesWalls],
        D: list[float],
        dt: float,
        key: np.uint64,
        two_way: bool,
    ) -> None:
        self.region = region
        self._layers = [
            (g, g.numbers)
            for g in gates
            if g.numbers is not None and g.numbers.kind == "layer" and g.numbers.survival < 1
        ]
        self._planes = [g for g in gates if g.numbers is None or g.numbers.kind == "exact"]
        self._walls = walls
        self._D = D
        self._dt = dt
        self._key = key
        grid = region.grid
        self.crossings = np.zeros((len(D), len(region.faces)), np.int64)
        self.arrivals = np.zeros_like(self.crossings)
        self.credit = np.zeros((len(D), grid.cells), np.int64) if two_way else None
        self._scrap = np.zeros(grid.cells, np.int64)
        self._low = np.array(grid.lower)
        self._inverse = 1.0 / np.array(grid.spacing)
        self._shape = np.array(grid.shape, np.int64)
        self._first = np.array(region.first, np.int64)
        self._last = self._first + np.array(region.inner.shape, np.int64) - 1
        self._inner_steps = np.array(region.inner.spacing)
        self._inner_shape = np.array(region.inner.shape, np.int64)
        self._outside = np.full(2 * grid.dimension, -1, np.int64)
        self._number = np.full(2 * grid.dimension, -1, np.int64)
        for f, face in enumerate(region.faces):
            self._number[face.index] = f
            if two_way:
                self._outside[face.index] = face.outside

    def layers(self, particles: list[Particles], step: int, next_id: int, pool: Pool) -> int:
        """The exchange of all boundary layers, one face after another; the next free id.

        In each layer a particle survives with probability q, and Poisson(c_R V (1 - q)) arrive.
        """
        removed = np.zeros(len(particles), np.int64)
        for gate, numbers in self._layers:
            face, group = gate.face, particles[gate.species]
            removed[gate.species] += self._remove(gate, numbers, group, step, pool)
            c = 0.5 * (gate.start + gate.end)
            if gate.binomial:
                counts, cells = self._donations(gate, c * (face.area * numbers.width), step)
            else:
                means = c * (face.area * numbers.arrivals_per_area)
                counts, cells = self._arrivals(gate, means, step, ARRIVALS)
            m = len(cells)
            if m:
                group.reserve(m)
                group.ids[group.n : group.n + m] = np.arange(next_id, next_id + m, dtype=np.uint64)
                next_id += m
                kernels.layer_place(
                    group.x, group.ids, group.n, cells, face.axis, face.side, face.plane,
                    numbers.width, self.region.low, self._inner_steps, self._inner_shape,
                    self._key, step,
                )  # fmt: skip
                group.n += m
                self._book(gate, counts)
        for s in np.flatnonzero(removed):
            self.leave(int(s), particles[s])
        return next_id

    def _remove(
        self, gate: Gate, numbers: FaceNumbers, group: Particles, step: int, pool: Pool
    ) -> int:
        """Mark the particles that go from a boundary layer; how many."""
        face, row = gate.face, group.x[gate.face.axis]

        def kernel(start: int, stop: int) -> int:
            removed: int = kernels.layer_remove(
                row, group.ids, start, stop, face.plane, face.side, numbers.width,
                numbers.survival, self._key, step, face.index, group.gone,
            )  # fmt: skip
            return removed

        return pool.run(kernel, group.n)

    def planes(self, particles: list[Particles], step: int, next_id: int) -> int:
        """Arrivals through open planes and influx walls in this step; the next free id.

        To be called after the particles inside have moved and left.
        """
        for gate in self._planes:
            influx = gate.numbers is None
            face, group = gate.face, particles[gate.species]
            if gate.numbers is None:
                per_value = face.area * self._dt
            else:
                per_value = face.area * gate.numbers.arrivals_per_area
            top = np.maximum(gate.start, gate.end)
            purpose = INFLUX if influx else ARRIVALS
            counts, cells = self._arrivals(gate, top * per_value, step, purpose)
            m = len(cells)
            if m == 0:
                continue
            group.reserve(m)
            group.ids[group.n : group.n + m] = np.arange(next_id, next_id + m, dtype=np.uint64)
            next_id += m
            safe = np.where(top > 0, top, 1.0)
            kept = np.empty(m, np.uint8)
            walls = self._walls[gate.species]
            k = kernels.plane_place(
                group.x, group.ids, group.n, cells, face.axis, face.side, self._D[gate.species],
                self._dt, self.region.low, self.region.high, walls.kinds, walls.gammas,
                self._inner_steps, self._inner_shape, gate.start / safe, gate.end / safe, influx,
                self._key, step, kept,
            )  # fmt: skip
            group.n += k
            counts[:] = 0
            kernels.tally(cells, kept, counts)
            self._book(gate, counts)
        return next_id

    def leave(self, species: int, group: Particles) -> None:
        """Drop the particles that went through a face, with their account."""
        counts = np.zeros(len(self._outside), np.int64)
        credit = self._scrap if self.credit is None else self.credit[species]
        gaps = group.gaps()
        exit_cells(
            group.x, group.gone, gaps, self._low, self._inverse, self._shape, self._first,
            self._last, self._outside, counts, credit,
        )  # fmt: skip
        for index in np.flatnonzero(counts):
            self.crossings[species, self._number[index]] += counts[index]
        group.drop(gaps)

    def _arrivals(
        self, gate: Gate, means: Floats, step: int, purpose: int
    ) -> tuple[Integers, Integers]:
        """Poisson numbers per face cell, and the face cell of each arrival."""
        self._check_new(gate, float(means.sum()))
        counts = np.empty(len(means), np.int64)
        total = poisson_numbers(means, self._key, gate.address, step, purpose, counts)
        return counts, runs(counts, total)

    def _donations(self, gate: Gate, contents: Floats, step: int) -> tuple[Integers, Integers]:
        """Binomial numbers out of the contents of the cells beyond a layer."""
        assert gate.numbers is not None
        self._check_new(gate, float(contents.sum()) * (1.0 - gate.numbers.survival))
        counts = np.empty(len(contents), np.int64)
        total = binomial_numbers(
            contents, 1.0 - gate.numbers.survival, self._key, gate.address, step, ARRIVALS,
            counts,
        )  # fmt: skip
        return counts, runs(counts, total)

    def _check_new(self, gate: Gate, number: float) -> None:
        what = "influx" if gate.numbers is None else "arrivals"
        check_new(
            number, self.region.grid.dimension, f"the {what} of {gate.where} in a step",
            f"use a smaller {'flux' if gate.numbers is None else 'concentration'} or dt",
        )  # fmt: skip

    def _book(self, gate: Gate, counts: Integers) -> None:
        """Count arrivals through a gate, and debit the cells beyond it."""
        number, total = self._number[gate.face.index], counts.sum()
        self.crossings[gate.species, number] -= total
        self.arrivals[gate.species, number] += total
        if self.credit is not None and gate.face.outside >= 0:
            self.credit[gate.species, gate.face.columns[:, gate.face.outside]] -= counts
