"""The exchange of particles through gates, and its account in the continuum."""

from __future__ import annotations

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.coupling.face_exchange import Gate
from hybridrd.coupling.motion import Motion
from hybridrd.interface import FaceNumbers
from hybridrd.kernels import exchange as kernels
from hybridrd.kernels.arrays import exit_cells, runs
from hybridrd.kernels.binomial import binomial_numbers
from hybridrd.kernels.poisson import poisson_numbers
from hybridrd.kernels.rng import ARRIVALS, INFLUX
from hybridrd.particles.particles import Particles
from hybridrd.particles.pool import Pool
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

    def __init__(self, motion: Motion, gates: list[Gate], two_way: bool) -> None:
        region = motion.region
        self._motion = motion
        self._layers = [
            (g, g.numbers)
            for g in gates
            if g.numbers is not None and g.numbers.kind == "layer" and g.numbers.survival < 1
        ]
        self._planes = [g for g in gates if g.numbers is None or g.numbers.kind == "exact"]
        self._key = motion.key
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

    def layers(self, particles: list[Particles], step: int, next_id: int, pool: Pool) -> int:
        """The exchange of all boundary layers, one face after another; the next free id.

        In each layer a particle survives with probability q, and Poisson(c_R V (1 - q)) arrive.
        """
        removed = np.zeros(len(particles), np.int64)
        for gate, numbers in self._layers:
            group = particles[gate.species]
            removed[gate.species] += self._remove(gate, numbers, group, step, pool)
            if gate.binomial:
                contents = gate.mean * (gate.face.area * numbers.width)
                counts, cells = self._donations(gate, numbers, contents, step)
            else:
                means = self._motion.layer_means(gate, numbers)
                counts, cells = self._arrivals(gate, means, step, ARRIVALS)
            if len(cells):
                next_id = group.name_next(len(cells), next_id)
                self._motion.fill_layer(gate, numbers, group, cells, step)
                group.n += len(cells)
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

    def move(self, particles: list[Particles], step: int, pool: Pool) -> None:
        """Diffuse all particles for a step; those that end at a face leave through it."""
        for s, group in enumerate(particles):
            if self._motion.D[s] > 0 and group.n and self._motion.move(s, group, step, pool):
                self.leave(s, group)

    def planes(self, particles: list[Particles], step: int, next_id: int) -> int:
        """Arrivals through open planes and influx walls in this step; the next free id.

        To be called after the particles inside have moved and left.
        """
        for gate in self._planes:
            group = particles[gate.species]
            top = np.maximum(gate.start, gate.end)
            purpose = INFLUX if gate.numbers is None else ARRIVALS
            for stream, means in enumerate(self._motion.plane_means(gate, top)):
                _, cells = self._arrivals(gate, means, step, purpose, stream)
                if len(cells):
                    next_id = group.name_next(len(cells), next_id)
                    kept = self._motion.enter_plane(gate, stream, group, cells, top, step)
                    self._book(gate, kept)
        return next_id

    def leave(self, species: int, group: Particles) -> None:
        """Drop the particles that went through a face, with their account."""
        counts = np.zeros(len(self._outside), np.int64)
        credit = self._scrap if self.credit is None else self.credit[species]
        gaps = group.gaps()
        exit_cells(
            group.x, group.gone, gaps, self._motion.region.cells, self._first, self._last,
            self._outside, counts, credit,
        )  # fmt: skip
        for index in np.flatnonzero(counts):
            self.crossings[species, self._number[index]] += counts[index]
        group.drop(gaps)

    def _arrivals(
        self, gate: Gate, means: Floats, step: int, purpose: int, stream: int = 0
    ) -> tuple[Integers, Integers]:
        """Poisson numbers per face cell, and the face cell of each arrival."""
        self._check_new(gate, float(means.sum()))
        counts = np.empty(len(means), np.int64)
        address = gate.address + np.uint64(stream)
        total = poisson_numbers(means, self._key, address, step, purpose, counts)
        return counts, runs(counts, total)

    def _donations(
        self, gate: Gate, numbers: FaceNumbers, contents: Floats, step: int
    ) -> tuple[Integers, Integers]:
        """Binomial numbers out of the contents of the cells beyond a layer."""
        self._check_new(gate, float(contents.sum()) * (1.0 - numbers.survival))
        counts = np.empty(len(contents), np.int64)
        total = binomial_numbers(
            contents, 1.0 - numbers.survival, self._key, gate.address, step, ARRIVALS,
            counts,
        )  # fmt: skip
        return counts, runs(counts, total)

    def _check_new(self, gate: Gate, number: float) -> None:
        what = "influx" if gate.numbers is None else "arrivals"
        check_new(
            number, self._motion.region.grid.dimension, f"the {what} of {gate.where} in a step",
            f"use a smaller {'flux' if gate.numbers is None else 'concentration'} or dt",
        )  # fmt: skip

    def _book(self, gate: Gate, counts: Integers) -> None:
        """Count arrivals through a gate, and debit the cells beyond it."""
        number, total = self._number[gate.face.index], counts.sum()
        self.crossings[gate.species, number] -= total
        self.arrivals[gate.species, number] += total
        if self.credit is not None and gate.face.outside >= 0:
            self.credit[gate.species, gate.face.columns[:, gate.face.outside]] -= counts
