"""Motion of particles in a geometry: diffusion, and positions of arrivals through its faces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from hybridrd.arrays import Floats, Integers, State, stored_numbers
from hybridrd.coupling.face_exchange import Gate
from hybridrd.interface import FaceNumbers
from hybridrd.kernels import exchange as kernels
from hybridrd.kernels import radial
from hybridrd.kernels.drift_stages import Forces, Media
from hybridrd.kernels.flight_stage import Flights
from hybridrd.kernels.gates import Currents, Walk
from hybridrd.kernels.walk import PARTIAL, Walls, move, move_closed
from hybridrd.particles.particles import Particles
from hybridrd.particles.population import Population
from hybridrd.particles.region import Region, SpeciesWalls, layer_radii
from hybridrd.results.dataset import mean_rate


class CompiledMotion(NamedTuple):
    """What compiled stages take of a motion, see `hybridrd.simulation.step`.

    Parameters
    ----------
    walk
        Diffusion; species that drift stand still in it.
    forces, media, currents
        What drives those, what they meet, and how they pass the gates; None where there is none.
    flights
        Motion of species with inertia, None where there is none.
    """

    walk: Walk
    forces: Forces | None = None
    media: Media | None = None
    currents: Currents | None = None
    flights: Flights | None = None


class Motion(ABC):
    """Motion of particles in one geometry; a new geometry implements these methods.

    Parameters
    ----------
    region, walls
        The particle region, and the numbers of its faces for each species.
    D
        Diffusion coefficient of each species (length²/time).
    dt
        Time step.
    key
        Key of the random numbers.
    """

    def __init__(
        self,
        region: Region,
        walls: Sequence[SpeciesWalls],
        D: Sequence[float],
        dt: float,
        key: np.uint64,
    ) -> None:
        self.region, self.walls, self.D, self.dt, self.key = region, walls, D, dt, key
        self._sides = [Walls(region.low, region.high, w.kinds, w.gammas) for w in walls]
        low, width, _, shape = region.inner_cells
        self.faces = {
            f.index: kernels.Face(f.axis, f.side, f.plane, low, width, shape) for f in region.faces
        }

    def _entry(self, gate: Gate, top: Floats) -> kernels.Entry:
        """Arrival of particles through a gate of c_R at most ``top``, for kernels."""
        safe = np.where(top > 0, top, 1.0)
        D = self.D[gate.species]
        return kernels.Entry(gate.way, D, self.dt, gate.start / safe, gate.end / safe)

    @abstractmethod
    def move(self, species: int, population: Population, step: int) -> bool:
        """Diffuse the particles of a species for dt; returns whether any is marked as gone."""

    def empty_layer(
        self, gate: Gate, numbers: FaceNumbers, population: Population, step: int
    ) -> int:
        """Mark the particles that leave a boundary layer; returns their number."""
        group = population[gate.species]
        face, row = self.faces[gate.face.index], group.x[gate.face.axis]

        def kernel(start: int, stop: int) -> int:
            removed: int = kernels.layer_remove(
                row, group.ids, start, stop, face, numbers.width, numbers.survival, self.key, step,
                group.gone,
            )  # fmt: skip
            return removed

        return population.share(kernel, group.n)

    @abstractmethod
    def layer_means(self, gate: Gate, numbers: FaceNumbers) -> Floats:
        """Expected arrivals in the layer behind each face cell in this step."""

    @abstractmethod
    def fill_layer(
        self, gate: Gate, numbers: FaceNumbers, group: Particles, cells: Integers, step: int
    ) -> None:
        """Place new particles in a layer, behind the given face cells."""

    @abstractmethod
    def plane_means(self, gate: Gate, top: Floats) -> list[Floats]:
        """Expected arrivals behind each face cell, for each stream of them, at c_R = ``top``."""

    @abstractmethod
    def enter_plane(
        self, gate: Gate, stream: int, group: Particles, cells: Integers, top: Floats, step: int
    ) -> Integers:
        """Place candidates behind the particles, keep some; returns numbers kept by face cell."""

    def compiled(self, gates: Sequence[Gate]) -> CompiledMotion | None:  # noqa: ARG002
        """Motion and exchange as compiled stages take them; None if they are done by the methods.

        Face cells are those of ``gates``, one after another.
        """
        return None

    @property
    def in_time(self) -> bool:
        """Whether what compiled stages take depends on time."""
        return False

    def carry(self, step: int) -> list[int] | None:  # noqa: ARG002
        """Take what depends on time as it is in a step, also in what compiled stages have.

        The species for which it has changed; None if compiled stages need other arrays.
        """
        return []

    def enter_current(self, currents: Currents, gate: Gate, part: slice) -> None:
        """Enter how those that drift pass a gate, whose face cells are a ``part`` of all."""
        raise NotImplementedError(f"{type(self).__name__} has no species that drift")

    def mean_flux(self, crossings: np.ndarray, elapsed: float) -> Floats:
        """Net particles per time through each face since the last record, outwards."""
        return mean_rate(crossings, elapsed)

    def restart(self, key: np.uint64) -> None:
        """Go back to the start, with other random numbers."""
        self.key = key

    def state(self) -> State:
        """Its state as arrays by name: none."""
        return {}

    def load_state(self, state: State) -> None:  # noqa: B027
        """The inverse of `state`."""


class BoxMotion(Motion):
    """Motion in a box, independent along each axis."""

    def compiled(self, gates: Sequence[Gate]) -> CompiledMotion:  # noqa: ARG002
        """Motion and exchange as compiled stages take them."""
        region, walls = self.region, self.walls
        kinds, gammas = np.array([w.kinds for w in walls]), np.array([w.gammas for w in walls])
        Ddt = np.array(self.D) * self.dt
        closed = np.array([w.closed for w in walls])
        return CompiledMotion(Walk(region.low, region.high, kinds, gammas, Ddt, closed))

    def move(self, species: int, population: Population, step: int) -> bool:
        """Diffuse the particles of a species for dt; returns whether any is marked as gone."""
        group = population[species]
        rest = self.key, step, self.D[species] * self.dt, self._sides[species]
        closed = self.walls[species].closed

        def kernel(a: int, b: int) -> int:
            if closed:
                move_closed(group.x, group.ids, a, b, *rest)
                return 0
            ended: int = move(group.x, group.ids, a, b, *rest, group.gone)
            return ended

        return population.share(kernel, group.n) > 0

    def layer_means(self, gate: Gate, numbers: FaceNumbers) -> Floats:
        """Expected arrivals in the layer behind each face cell in this step."""
        return gate.mean * (gate.face.area * numbers.arrivals_per_area)

    def fill_layer(
        self, gate: Gate, numbers: FaceNumbers, group: Particles, cells: Integers, step: int
    ) -> None:
        """Place new particles in a layer, behind the given face cells."""
        face = self.faces[gate.face.index]
        kernels.layer_place(group.x, group.ids, group.n, cells, face, numbers.width, self.key, step)

    def plane_means(self, gate: Gate, top: Floats) -> list[Floats]:
        """Expected arrivals behind each face cell, in one stream."""
        return [top * (gate.face.area * gate.per_area(self.dt))]

    def enter_plane(
        self,
        gate: Gate,
        stream: int,  # noqa: ARG002
        group: Particles,
        cells: Integers,
        top: Floats,
        step: int,
    ) -> Integers:
        """Place candidates behind the particles, keep some; returns numbers kept by face cell."""
        kept = np.empty(len(cells), np.uint8)
        group.n += kernels.plane_place(
            group.x, group.ids, group.n, cells, self.faces[gate.face.index],
            self._sides[gate.species], self._entry(gate, top), self.key, step, kept,
        )  # fmt: skip
        counts = np.zeros(len(top), np.int64)
        kernels.tally(cells, kept, counts)
        return counts


class ShellMotion(Motion):
    """Motion in a spherical shell; particles have only their distance r from its centre.

    ``flux`` through a sphere that absorbs is the expected one, the absorption probabilities of all
    particles summed over the steps: the mean of the exact counts, ``crossings``, with far less
    noise.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        faces = self.region.faces
        # Expected absorption through each face since the start, and at the last record.
        self._expected = np.zeros((len(self.D), len(faces)))
        self._recorded = np.zeros_like(self._expected)
        self._absorbs = np.array(
            [
                [w.kinds[0, f.side] == PARTIAL and i not in w.leaks for i, f in enumerate(faces)]
                for w in self.walls
            ]
        )

    def move(self, species: int, population: Population, step: int) -> bool:
        """Diffuse the particles of a species for dt; returns whether any is marked as gone."""
        Ddt, walls = self.D[species] * self.dt, self._sides[species]
        group = population[species]
        expected = np.empty((2, group.n))

        def kernel(a: int, b: int) -> int:
            ended: int = radial.move_radial(
                group.x[0], group.ids, a, b, self.key, step, Ddt, walls, group.gone, expected
            )
            return ended

        ended = population.share(kernel, group.n)
        for f in np.flatnonzero(self._absorbs[species]):
            self._expected[species, f] += expected[self.region.faces[f].side].sum()
        return ended > 0

    def layer_means(self, gate: Gate, numbers: FaceNumbers) -> Floats:
        """Expected arrivals in the layer behind the sphere in this step."""
        inner, outer = layer_radii(numbers.width, gate.face)
        volume = self.region.grid.box_volume(np.array([inner]), np.array([outer]))
        return gate.mean * volume * (1.0 - numbers.survival)

    def fill_layer(
        self, gate: Gate, numbers: FaceNumbers, group: Particles, cells: Integers, step: int
    ) -> None:
        """Place new particles in a layer, uniform by volume."""
        inner, outer = layer_radii(numbers.width, gate.face)
        radial.layer_spread(
            group.x[0], group.ids, group.n, len(cells), inner, outer, self.key, step
        )

    def plane_means(self, gate: Gate, top: Floats) -> list[Floats]:
        """Expected arrivals: as through a plane; inwards also what the curvature adds."""
        face = gate.face
        means = [top * face.area * gate.per_area(self.dt)]
        if gate.way == kernels.PLANE and face.side == 0:  # the steady influx 4 pi a D c_R
            means.append(top * face.area / face.plane * self.D[gate.species] * self.dt)
        return means

    def enter_plane(
        self, gate: Gate, stream: int, group: Particles, cells: Integers, top: Floats, step: int
    ) -> Integers:
        """Place candidates behind the particles, keep some; returns the number kept."""
        to = group.x[0], group.ids, group.n, len(cells), gate.face.side
        rest = self._entry(gate, top), self._sides[gate.species], self.key, step
        if gate.leak is not None:
            kept = radial.enter_leaky(*to, *rest)
        elif gate.is_influx:
            kept = radial.enter_influx(*to, *rest)
        else:
            kept = radial.enter_open(*to, stream == 1, *rest)
        group.n += kept
        return np.array([kept])

    def mean_flux(self, crossings: np.ndarray, elapsed: float) -> Floats:
        """Net particles per time through each face since the last record, see the class."""
        gone = np.where(self._absorbs, self._expected - self._recorded, crossings)
        self._recorded = self._expected.copy()
        return super().mean_flux(gone, elapsed)

    def restart(self, key: np.uint64) -> None:
        """Go back to the start, with other random numbers."""
        super().restart(key)
        self._expected[:], self._recorded = 0.0, np.zeros_like(self._expected)

    def state(self) -> State:
        """Expected absorption since the start, and at the last record."""
        return {"expected": self._expected.copy(), "recorded": self._recorded.copy()}

    def load_state(self, state: State) -> None:
        """The inverse of `state`. Raises ResultError if an entry is missing."""
        self._expected[:] = stored_numbers(state, "expected", self._expected.shape, least=0.0)
        self._recorded[:] = stored_numbers(state, "recorded", self._recorded.shape, least=0.0)
