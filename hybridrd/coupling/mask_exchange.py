"""Walk and exchange of particles in a region of any shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np

from hybridrd.arrays import Floats, Integers, State
from hybridrd.coupling.face_exchange import Gate
from hybridrd.kernels import mask as kernels
from hybridrd.kernels.arrays import runs
from hybridrd.kernels.exchange import place_in_cells
from hybridrd.kernels.rng import ARRIVE, arrivals_address
from hybridrd.kernels.walk import Walls
from hybridrd.particles.mask_faces import cell_runs
from hybridrd.particles.particles import Particles
from hybridrd.particles.population import Population
from hybridrd.particles.region import Region, SpeciesWalls
from hybridrd.particles.room import check_new
from hybridrd.results.dataset import mean_rate


def carry_deficits(before: Sequence[Gate], after: Sequence[Gate], cells: int) -> None:
    """Let gates go on with what those at the same faces of a region before had carried over."""
    known: dict[tuple[int, int, bool], Floats] = {}
    for gate in before:
        if gate.deficit is not None:
            row = known.setdefault(_where(gate), np.zeros(cells))
            row[gate.face.columns[:, 0]] = gate.deficit
    for gate in after:
        if _where(gate) in known:
            gate.deficit = known[_where(gate)][gate.face.columns[:, 0]]


def _where(gate: Gate) -> tuple[int, int, bool]:
    return gate.species, gate.face.index, gate.face.outside < 0


def _runs(region: Region) -> kernels.Runs:
    """The region as the walk takes it."""
    grid = region.grid
    edges = np.full((grid.dimension, max(grid.shape) + 1), np.nan)
    first, last = cell_runs(region.parts)
    lower, upper = np.empty(first.shape), np.empty(first.shape)
    for a, n in enumerate(grid.shape):
        edges[a, : n + 1] = faces = grid.edges(a)
        # A run through a periodic wall begins below 0, or ends above n.
        turns, at = np.divmod(first[a], n)
        lower[a] = faces[at] + turns * (faces[n] - faces[0])
        turns, at = np.divmod(last[a] - 1, n)
        upper[a] = faces[at + 1] + turns * (faces[n] - faces[0])
    periodic = np.array(region.periodic)
    return kernels.Runs(first, last, lower, upper, edges, periodic, region.cells)


@final
class MaskExchange:
    """Moves particles in a mask of cells, and exchanges them with what is beyond its faces.

    Every cell of the region beside a cell of the continuum, or beside a wall with a reservoir, is a
    boundary layer one cell wide. All faces that look in one direction exchange together, one
    direction after another, in odd steps in reverse. So each exchange leaves a uniform state
    unchanged, whatever the shape.

    Parameters
    ----------
    region, walls, gates
        The particle region, how each species meets its faces, and the gates at them.
    D
        Diffusion coefficient of each species (length²/time).
    dt, key
        Time step, and key of the random numbers.
    two_way
        Whether the particles affect the continuum.

    Attributes
    ----------
    crossings, arrivals, credit
        As of `hybridrd.coupling.exchange.Exchange`.
    """

    def __init__(
        self,
        region: Region,
        walls: Sequence[SpeciesWalls],
        D: Sequence[float],
        dt: float,
        key: np.uint64,
        gates: Sequence[Gate],
        two_way: bool,
    ) -> None:
        grid = region.grid
        self.motion = self  # it has no other
        self._region, self._D, self._dt, self._key = region, D, dt, key
        self._gates = [g for g in gates if g.numbers is not None and g.numbers.survival < 1]
        directions = 2 * grid.dimension
        self._beyond = np.full((directions, grid.cells), kernels.CLOSED, np.int64)
        self._number = np.full(2 * directions, -1, np.int64)
        for f, face in enumerate(region.faces):
            own, beyond = face.columns.T
            at_wall = face.outside < 0
            self._beyond[face.index, own] = kernels.WALL if at_wall else beyond
            self._number[face.index + (directions if at_wall else 0)] = f
        self._runs = _runs(region)
        self._sides = [Walls(region.low, region.high, w.kinds, w.gammas) for w in walls]
        self.crossings = np.zeros((len(D), len(region.faces)), np.int64)
        self.arrivals = np.zeros_like(self.crossings)
        self.credit = np.zeros((len(D), grid.cells), np.int64) if two_way else None
        self._scrap = np.zeros(grid.cells, np.int64)

    def compiled(self) -> None:
        """Its methods are to be called; none of its stages is compiled into the step."""

    def check_arrivals(self, layers: bool, number: int, expected: float) -> None:
        """Nothing asks: the methods check their own arrivals."""

    def layers(self, population: Population, step: int) -> None:
        """Exchange through all faces, one direction after another.

        In each cell at a face a particle survives with probability q, and Poisson(c_R V (1 - q))
        arrive, or, of a continuum of copies, each of its copies with probability 1 - q.
        """
        for gate in self._gates if step % 2 == 0 else reversed(self._gates):
            self._exchange(gate, population, step)

    def _exchange(self, gate: Gate, population: Population, step: int) -> None:
        numbers, region, face = gate.numbers, self._region, gate.face
        assert numbers is not None
        own, beyond = face.columns.T
        at_wall = face.outside < 0
        side = kernels.Side(self._beyond[face.index], face.index, at_wall, numbers.survival)
        means = self._contents(gate, beyond)
        group = population[gate.species]

        def remove(start: int, stop: int) -> int:
            removed: int = kernels.remove_from_cells(
                group.x, group.ids, start, stop, region.cells, side, self._key, step, group.gone,
            )  # fmt: skip
            return removed

        if group.n and population.share(remove, group.n):
            self._leave(gate.species, group)
        coming = 1.0 - numbers.survival
        check_new(
            float(means.sum()) * coming, region.grid.dimension,
            f"the arrivals of {gate.where} in a step", "use a smaller concentration or dt",
        )  # fmt: skip
        counts = np.empty(len(own), np.int64)
        address = arrivals_address(gate.species, face.index, region.grid.cells)
        at = own, self._key, address, step, counts
        if gate.binomial:
            total = kernels.donations_to_cells(means, coming, *at)
        else:
            total = kernels.arrivals_in_cells(means * coming, *at)
        if total:
            group = population.announce(gate.species, total)
            low, width, _, shape = region.cells
            place_in_cells(
                group.x, group.ids, group.n, own[runs(counts, total)], low, width, shape,
                self._key, ARRIVE, step,
            )  # fmt: skip
            group.n += total
            group.stamp += 1
            f = self._number[face.index + (len(self._beyond) if at_wall else 0)]
            self.crossings[gate.species, f] -= total
            self.arrivals[gate.species, f] += total
            if self.credit is not None and not at_wall:
                np.subtract.at(self.credit[gate.species], beyond, counts)

    def _contents(self, gate: Gate, beyond: Integers) -> Floats:
        """Expected content of the cells beyond the faces of a gate.

        In two-way coupling it is what the directions before have left: a cell of the continuum
        between two faces would else give twice what it has, and from D dt/h² = 1.2 on swing up.
        What it lacks is carried to the next step, as by `Gate.set_two_way`.
        """
        volume = self._region.grid.volume
        if self.credit is None or gate.face.outside < 0:
            return gate.mean * volume
        if gate.copies is not None:
            return np.asarray(gate.copies + self.credit[gate.species, beyond], np.float64)
        wanted = gate.mean * volume + self.credit[gate.species, beyond]
        contents = np.maximum(wanted, 0.0)
        if gate.deficit is not None:
            gate.deficit = gate.deficit + (wanted - contents) / volume
        return np.asarray(contents)

    def move(self, population: Population, step: int) -> None:
        """Diffuse all particles for a step; those that end at a wall leave through it."""
        for s, group in enumerate(population):
            if self._D[s] > 0 and group.n and self._move(s, group, population, step):
                self._leave(s, group)

    def _move(self, s: int, group: Particles, population: Population, step: int) -> int:
        walls = self._sides[s]

        def kernel(start: int, stop: int) -> int:
            ended: int = kernels.move_in_mask(
                group.x, group.ids, start, stop, self._key, step, self._D[s] * self._dt,
                self._runs, walls, group.gone,
            )  # fmt: skip
            return ended

        return population.share(kernel, group.n)

    def planes(self, population: Population, step: int) -> None:
        """There are no planes: what enters does so in the layers."""

    def _leave(self, species: int, group: Particles) -> None:
        """Drop the particles that went through a face; count them and credit the continuum."""
        counts = np.zeros(len(self._number), np.int64)
        credit = self._scrap if self.credit is None else self.credit[species]
        gaps = group.gaps()
        kernels.credit_exits(
            group.x, group.gone, gaps, self._region.cells, self._beyond, counts, credit
        )
        for code in np.flatnonzero(counts):
            self.crossings[species, self._number[code]] += counts[code]
        group.drop(gaps)

    def mean_flux(self, crossings: np.ndarray, elapsed: float) -> Floats:
        """Net particles per time through each face since the last record, outwards."""
        return mean_rate(crossings, elapsed)

    def state(self) -> State:
        """Its state as arrays by name: none."""
        return {}

    def load_state(self, state: State) -> None:
        """The inverse of `state`."""
