"""Walk and exchange of particles in a region of any shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from hybridrd.arrays import Floats, Ids, Integers, State
from hybridrd.coupling.baths import BathExchange, drained
from hybridrd.coupling.drift_faces import PlaneDrift
from hybridrd.coupling.face_exchange import Gate
from hybridrd.coupling.mask_drift import MaskDrift
from hybridrd.coupling.witness import Witnesses, beyond_faces
from hybridrd.kernels import mask as kernels
from hybridrd.kernels.arrays import cell_indices, runs
from hybridrd.kernels.drift_arrivals import Stream
from hybridrd.kernels.exchange import Entry, place_in_cells
from hybridrd.kernels.rng import ARRIVE, arrivals_address
from hybridrd.kernels.walk import Walls
from hybridrd.model.drift import Drift
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


def corner_factor(alpha: float | Floats, open_axes: Floats) -> Floats:
    """Factor on the chance to pass a face where a staircase has more of them than a plane.

    A plane that is normal to the diagonal of 2 or 3 axes is a staircase: each cell at it has a face
    along each axis, and what leaves through one does not leave through another. With this factor
    a linear profile passes such a plane without a jump; without it, the jump is 0.12 of what the
    profile changes from cell to cell at alpha = 0.25 in two dimensions, 0.22 in three.

    Parameters
    ----------
    alpha
        D dt/h².
    open_axes
        Number of axes along which the two cells at a face have any, the mean of both.

    Examples
    --------
    >>> corner_factor(0.2, np.array([1.0, 1.5, 2.0, 3.0])).round(4).tolist()
    [1.0, 0.9574, 0.9148, 0.8529]
    """
    two, three = (np.interp(alpha, _ALPHAS, row) for row in _ON_DIAGONALS)
    within = (two - 1.0) * (open_axes - 1.0) + 1.0
    return np.asarray(np.where(open_axes < 2.0, within, (three - two) * (open_axes - 2.0) + two))


# Where the one-step operator has no jump, by alpha, on the diagonals of two and of three axes.
_ALPHAS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
_ON_DIAGONALS = (
    (0.958, 0.9455, 0.9345, 0.9148, 0.8981, 0.8849, 0.8750, 0.8682, 0.8622),
    (0.925, 0.9032, 0.8844, 0.8529, 0.8291, 0.8129, 0.8033, 0.8033, 0.8033),
)


@dataclass
class _Passage:
    """A gate to the continuum, as a direction of the exchange.

    Parameters
    ----------
    gate
        The gate.
    out, into
        Chances to pass each face cell in a step; the same unless the species drifts.
    rest
        The chance for a copy beyond that the directions before have left there.
    """

    gate: Gate
    out: Floats
    into: Floats
    rest: Floats


def _passages(region: Region, gates: Sequence[Gate], drifts: MaskDrift) -> list[_Passage]:
    """The gates to the continuum, each with its chances."""
    faces = [face for face in region.faces if face.outside >= 0]
    number = np.zeros(region.grid.cells)
    axes = np.zeros((region.grid.dimension, region.grid.cells), bool)
    for face in faces:
        for side in face.columns.T:  # its own cells, and those beyond
            number[side] += 1.0
            axes[face.axis, side] = True
    open_axes = axes.sum(axis=0)
    before: dict[int, Floats] = {}
    passages = []
    for gate in gates:
        assert gate.numbers is not None
        own, beyond = gate.face.columns.T
        shared = 0.5 * (open_axes[own] + open_axes[beyond])
        factor = corner_factor(drifts.alpha(gate), shared)
        survival, into = drifts.chances(gate)
        out, into = (1.0 - survival) * factor, into * factor
        # A copy passes one face at most in a step.
        most = 1.0 / np.maximum(number[own], number[beyond])
        top = np.maximum(out, into)
        out, into = (np.where(top > most, most * (c / top), c) for c in (out, into))
        given = before.setdefault(gate.species, np.zeros(region.grid.cells))
        rest = np.minimum(into / np.maximum(1.0 - given[beyond], 1e-300), 1.0)
        given[beyond] += into
        passages.append(_Passage(gate, out, into, rest))
    return passages


@final
class MaskExchange:
    """Moves particles in a mask of cells, and exchanges them with what is beyond its faces.

    Every cell of the region beside a cell of the continuum, or beside a wall with a reservoir, is a
    boundary layer one cell wide. A face to the continuum lets pass with the same probability both
    ways, and each copy passes one face at most in a step: so the exchange leaves a uniform state
    unchanged, whatever the shape. Walls exchange after that, one direction after another, in odd
    steps in reverse.

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
    drifts
        How each species drifts.

    Attributes
    ----------
    crossings, arrivals, credit, witnesses
        See `hybridrd.coupling.exchange.Exchange`.
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
        drifts: Sequence[Drift | None] = (),
    ) -> None:
        grid = region.grid
        self.motion = self  # it has no other
        self.witnesses: Witnesses = ()
        self._region, self._D, self._dt, self._key = region, D, dt, key
        open_gates = [g for g in gates if g.numbers is not None and g.numbers.survival < 1]
        self._at_walls = [g for g in open_gates if g.face.outside < 0]
        self._planes = [g for g in gates if g.numbers is None]
        self._beside = [g for g in open_gates if g.face.outside >= 0]
        directions = 2 * grid.dimension
        self._beyond = np.full((directions, grid.cells), kernels.CLOSED, np.int64)
        self._number = np.full(2 * directions, -1, np.int64)
        for f, face in enumerate(region.faces):
            own, beyond = face.columns.T
            at_wall = face.outside < 0
            self._beyond[face.index, own] = kernels.WALL if at_wall else beyond
            self._number[face.index + (directions if at_wall else 0)] = f
        # By the chances to stay: a continuum of few copies has others than one of many.
        self._known: dict[tuple[float, ...], tuple[list[_Passage], dict[int, Floats]]] = {}
        self._runs = _runs(region)
        self._drifts = MaskDrift(region, D, dt, drifts)
        self._sides = [Walls(region.low, region.high, w.kinds, w.gammas) for w in walls]
        self.crossings = np.zeros((len(D), len(region.faces)), np.int64)
        self.arrivals = np.zeros_like(self.crossings)
        self.credit = np.zeros((len(D), grid.cells), np.int64) if two_way else None
        self._scrap = np.zeros(grid.cells, np.int64)
        self._baths = BathExchange(gates, key)

    def compiled(self) -> None:
        """Its methods are to be called; none of its stages is compiled into the step."""

    def restart(self, key: np.uint64) -> None:
        """Go back to the start, with other random numbers."""
        self._key = key
        self.crossings[:], self.arrivals[:] = 0, 0
        if self.credit is not None:
            self.credit[:] = 0

    def check_arrivals(self, layers: bool, number: int, expected: float) -> None:
        """Nothing asks: the methods check their own arrivals."""

    def layers(self, population: Population, step: int) -> None:
        """Exchange through all faces.

        Beside the continuum a particle leaves with the chance of its face, and Poisson(c_R V p)
        arrive, or, of a continuum of copies, each of its copies with probability p. Beside a wall
        with a reservoir it stays with probability q, and Poisson(c_R V (1 - q)) arrive.
        """
        for witness in self.witnesses:
            witness.begin(population, step)
        if self._drifts.carry(step):
            self._known.clear()
        taken: dict[int, Integers] = {}
        passages, leaving = self._chances()
        for s, bounds in leaving.items():
            self._remove(s, population, kernels.remove_to_cells, bounds, step)
            taken[s] = np.zeros(self._region.grid.cells, np.int64)
        for passage in passages:
            self._come(passage, taken[passage.gate.species], population, step)
        for gate in self._at_walls if step % 2 == 0 else reversed(self._at_walls):
            stay, into = self._drifts.chances(gate)
            survival = np.ones(self._region.grid.cells)
            survival[gate.face.columns[:, 0]] = stay
            side = kernels.Side(self._beyond[gate.face.index], gate.face.index, survival)
            self._remove(gate.species, population, kernels.remove_to_wall, side, step)
            means = gate.mean * (self._region.grid.volume * into)
            self._check_new(gate, float(means.sum()))
            self._enter(gate, population, step, kernels.arrivals_in_cells, means)

    def _chances(self) -> tuple[list[_Passage], dict[int, Floats]]:
        """Gates to the continuum in this step, and the bounds of each species to leave by them."""
        key = tuple(g.numbers.survival for g in self._beside if g.numbers is not None)
        if key not in self._known:
            passages = _passages(self._region, self._beside, self._drifts)
            bounds: dict[int, Floats] = {}
            for passage in passages:
                species, face = passage.gate.species, passage.gate.face
                chances = bounds.setdefault(species, np.zeros(self._beyond.shape))
                chances[face.index, face.columns[:, 0]] = passage.out
            for chances in bounds.values():
                np.cumsum(chances, axis=0, out=chances)
            self._known[key] = passages, bounds
        return self._known[key]

    def _remove(
        self, species: int, population: Population, kernel: Any, where: Any, step: int
    ) -> None:
        """Let particles of a species leave by a kernel that marks them."""
        group, cells = population[species], self._region.cells

        def remove(start: int, stop: int) -> int:
            removed: int = kernel(
                group.x, group.ids, start, stop, cells, where, self._key, step, group.gone
            )
            return removed

        if group.n and population.share(remove, group.n):
            self._leave(species, group)

    def _come(self, passage: _Passage, taken: Integers, population: Population, step: int) -> None:
        """Let copies beyond come in; ``taken`` are those that came from each cell in this step."""
        gate, chance = passage.gate, passage.into
        beyond = gate.face.columns[:, 1]
        contents = gate.mean * self._region.grid.volume
        self._check_new(gate, float(contents @ chance))
        if not gate.binomial or self.credit is None:
            self._enter(gate, population, step, kernels.arrivals_in_cells, contents * chance)
            return
        if gate.copies is not None:
            contents = gate.copies.astype(np.float64)
        there = contents - taken[beyond]
        taken[beyond] += self._enter(
            gate, population, step, kernels.donations_to_cells, there, passage.rest
        )

    def _check_new(self, gate: Gate, expected: float) -> None:
        check_new(
            expected, self._region.grid.dimension, f"the arrivals of {gate.where} in a step",
            "use a smaller concentration or dt",
        )  # fmt: skip

    def _enter(
        self, gate: Gate, population: Population, step: int, kernel: Any, *numbers: Floats
    ) -> Integers:
        """Arrivals through a gate, drawn by a kernel; how many came into each of its cells."""
        region, face = self._region, gate.face
        own, beyond = face.columns.T
        counts = np.empty(len(own), np.int64)
        address = arrivals_address(gate.species, face.index, region.grid.cells)
        total = kernel(*numbers, own, self._key, address, step, counts)
        if total:
            group = population.announce(gate.species, total)
            low, width, _, shape = region.cells
            place_in_cells(
                group.x, group.ids, group.n, own[runs(counts, total)], low, width, shape,
                self._key, ARRIVE, step,
            )  # fmt: skip
            new = slice(group.n, group.n + total)
            self._drifts.tilt(gate, group.x[:, new], runs(counts, total))
            group.n += total
            group.stamp += 1
            at_wall = face.outside < 0
            f = self._number[face.index + (len(self._beyond) if at_wall else 0)]
            self.crossings[gate.species, f] -= total
            self.arrivals[gate.species, f] += total
            self._see_arrivals(gate, int(f), group.x[:, new], group.ids[new])
            if self.credit is not None and not at_wall:
                np.subtract.at(self.credit[gate.species], beyond, counts)
        return counts

    def move(self, population: Population, step: int) -> None:
        """Diffuse all particles for a step; those that end at a wall leave through it."""
        for s, group in enumerate(population):
            if not (self._D[s] > 0 and group.n):
                continue
            before = group.x[:, : group.n].copy() if self.witnesses else None
            ended = self._move(s, group, population, step)
            if before is not None:
                for witness in self.witnesses:
                    witness.moved(s, before, group.x[:, : group.n])
            if ended:
                self._leave(s, group)

    def _move(self, s: int, group: Particles, population: Population, step: int) -> int:
        move = self._drifts.mover(s, self._sides[s], self._runs, self._key, step)
        return population.share(lambda start, stop: move(group, start, stop), group.n)

    def _see_leaving(self, species: int, group: Particles, gaps: Integers) -> None:
        """Let witnesses see the particles that leave."""
        x, index = group.x[:, gaps], group.gone[gaps].astype(np.int64) - 1
        width = np.array(self._region.grid.spacing)
        beyond = beyond_faces(x, index % len(self._beyond), width)
        for witness in self.witnesses:
            witness.left(species, self._number[index], x, group.ids[gaps], beyond)

    def _see_arrivals(self, gate: Gate, face: int, x: Floats, ids: Ids) -> None:
        """Let witnesses see what entered through a gate."""
        if self.witnesses:
            index = np.full(len(ids), gate.face.index)
            beyond = beyond_faces(x, index, np.array(self._region.grid.spacing))
            for witness in self.witnesses:
                witness.entered(gate.species, face, x.copy(), ids.copy(), beyond)

    def planes(self, population: Population, step: int) -> None:
        """Arrivals through influx walls and leaky ones, after the particles inside have moved."""
        for gate in self._planes:
            if gate.drain is not None and gate.drain.any():
                self._drain(gate, population[gate.species], step)
            top = np.maximum(gate.start, gate.end)
            if self._baths.has(gate):
                gate.start = gate.end = top = gate.read(top)
                cells = self._baths.entries(gate, step, self._check_new)
            else:
                plane = self._plane(gate)
                per_area = gate.per_area(self._dt) if plane is None else plane.per_area
                means = top * (gate.face.area * per_area)
                self._check_new(gate, float(means.sum()))
                counts = np.empty(gate.face.size, np.int64)
                address = arrivals_address(gate.species, gate.face.index, self._region.grid.cells)
                own = gate.face.columns[:, 0]
                at = own, self._key, address, step, counts
                cells = runs(counts, kernels.arrivals_in_cells(means, *at))
            if len(cells):
                self._enter_from_wall(gate, cells, top, population, step)
        for witness in self.witnesses:
            witness.end(population)

    def _enter_from_wall(
        self, gate: Gate, cells: Integers, top: Floats, population: Population, step: int
    ) -> None:
        """Place candidates, by their face cells, and keep some."""
        s, face = gate.species, gate.face
        group = population.announce(s, len(cells))
        kept = np.empty(len(cells), np.uint8)
        chances = [v / np.where(top > 0, top, 1.0) for v in (gate.start, gate.end)]
        plane, address = self._plane(gate), (self._key, step, kept)
        if plane is None:
            entry = Entry(gate.way, self._D[s], self._dt, *(chance[cells] for chance in chances))
            entered = kernels.enter_from_wall(
                (group.x, group.ids, group.gone), group.n, face.columns[cells, 0],
                (face.axis, face.side), entry, self._runs, self._sides[s], *address,
            )  # fmt: skip
        else:
            entry = Entry(gate.way, self._D[s], self._dt, *chances)
            stream = Stream(entry, plane.velocity, plane.gamma)
            place = cells, self._sides[s], self._runs
            entered = self._drifts.enter(group, gate, stream, *place, *address)
        if not entered:
            return
        group.n += entered
        group.stamp += 1
        f = int(self._number[face.index + len(self._beyond)])
        self.crossings[s, f] -= entered
        self.arrivals[s, f] += entered
        self._baths.give(gate, entered)
        new = slice(group.n - entered, group.n)
        self._see_arrivals(gate, f, group.x[:, new], group.ids[new])
        if group.gone[new].any():
            self._leave(s, group)

    def _plane(self, gate: Gate) -> PlaneDrift | None:
        """Arrivals of a drifting species through a wall without a layer."""
        gamma = self._sides[gate.species].gammas[gate.face.axis, gate.face.side]
        return self._drifts.stream(gate, float(gamma))

    def _drain(self, gate: Gate, group: Particles, step: int) -> None:
        """Remove what a negative influx takes."""
        face, region = gate.face, self._region
        grid, a = region.grid, face.axis
        cells = np.empty(group.n, np.int64)
        cell_indices(group.x, group.n, region.cells, cells)
        stride = int(np.prod(grid.shape[:a]))
        at = cells // stride % grid.shape[a]
        last = grid.shape[a] - 1 if face.side else 0
        end = self._runs.last[a, cells] - 1 if face.side else self._runs.first[a, cells]
        place = np.full(grid.cells, -1)
        place[face.columns[:, 0]] = np.arange(face.size)
        # The face cell at the end of the run of each, -1 where that is not the wall.
        there = np.where(end == last, place[cells + (last - at) * stride], -1)
        plane = (grid.upper if face.side else grid.lower)[a]
        depth = np.where(there >= 0, np.abs(group.x[a, : group.n] - plane), np.inf)
        taken = drained(gate, depth, there, group, self._D[gate.species], self._dt, self._key, step)
        if len(taken):
            group.gone[taken] = 2 * grid.dimension + face.index + 1
            self._leave(gate.species, group)

    def _leave(self, species: int, group: Particles) -> None:
        """Drop the particles that went through a face; count them and credit the continuum."""
        counts = np.zeros(len(self._number), np.int64)
        credit = self._scrap if self.credit is None else self.credit[species]
        gaps = group.gaps()
        if self.witnesses and len(gaps):
            self._see_leaving(species, group, gaps)
        kernels.credit_exits(
            group.x, group.gone, gaps, self._region.cells, self._beyond, counts, credit
        )
        for code in np.flatnonzero(counts):
            self.crossings[species, self._number[code]] += counts[code]
            self._baths.take(species, int(code) - len(self._beyond), int(counts[code]))
        group.drop(gaps)

    def mean_flux(self, crossings: np.ndarray, elapsed: float) -> Floats:
        """Net particles per time through each face since the last record, outwards."""
        return mean_rate(crossings, elapsed)

    def state(self) -> State:
        """Its state as arrays by name: none."""
        return {}

    def load_state(self, state: State) -> None:
        """The inverse of `state`."""
