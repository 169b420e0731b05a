"""Motion of particles with inertia in a box, and their arrivals through its open faces."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.coupling.face_exchange import Gate
from hybridrd.coupling.motion import CompiledMotion, Motion
from hybridrd.interface import FaceNumbers
from hybridrd.interface.kinetic import Moments, halvings, moments
from hybridrd.kernels import langevin as kernels
from hybridrd.kernels.exchange import tally
from hybridrd.kernels.flight_stage import Flights
from hybridrd.kernels.gates import Currents
from hybridrd.particles.particles import Particles
from hybridrd.particles.population import Population


class LangevinMotion(Motion):
    """Motion in a box with inertia for some species; the others move by another motion.

    Parameters
    ----------
    other
        The motion of species without inertia.
    frictions
        Friction of each species (1/time), None without inertia.
    """

    def __init__(self, other: Motion, frictions: Sequence[float | None]) -> None:
        super().__init__(other.region, other.walls, other.D, other.dt, other.key)
        self._other = other
        low, high = self.region.low, self.region.high
        self._motions = [
            None
            if g is None
            else kernels.Motion(
                make_flight(D, g, self.dt, not w.closed or bool(w.influxes)),
                kernels.Box(low, high, w.kinds, w.gammas),
            )
            for D, g, w in zip(other.D, frictions, other.walls, strict=True)
        ]
        self._frictions = frictions

    def compiled(self, gates: Sequence[Gate]) -> CompiledMotion | None:
        """Motion as compiled stages take it, if nobody with inertia enters through a gate.

        Those with inertia stand still in the walk: flights move them.
        """
        given, motions = self._other.compiled(gates), self._motions
        if given is None or any(motions[gate.species] is not None for gate in gates):
            return None
        inert = np.array([motion is not None for motion in motions])
        found = [motion.flight for motion in motions if motion is not None]
        parts = np.zeros(len(motions), np.int64)
        parts[inert] = [len(flight.decay) for flight in found]
        speed = np.zeros(len(motions))
        speed[inert] = [flight.speed for flight in found]
        table = np.zeros((len(motions), 6, int(parts.max())))
        middle = np.zeros((len(motions), int(parts.max()), 5))
        for s, flight in zip(np.flatnonzero(inert), found, strict=True):
            n = parts[s]
            table[s, :, :n] = np.array([*flight[:5], flight.reach])
            middle[s, :n] = flight.middle
        walk = given.walk._replace(Ddt=np.where(inert, 0.0, given.walk.Ddt))
        return given._replace(walk=walk, flights=Flights(inert, parts, table, middle, speed))

    @property
    def in_time(self) -> bool:
        """Whether what compiled stages take of the others depends on time."""
        return self._other.in_time

    def carry(self, step: int) -> list[int] | None:
        """See `Motion.carry`."""
        return self._other.carry(step)

    def enter_current(self, currents: Currents, gate: Gate, part: slice) -> None:
        """Enter how those that drift pass a gate, whose face cells are a ``part`` of all."""
        self._other.enter_current(currents, gate, part)

    def move(self, species: int, population: Population, step: int) -> bool:
        """Move the particles of a species for dt; returns whether any is marked as gone."""
        motion = self._motions[species]
        if motion is None:
            return self._other.move(species, population, step)
        group = population[species]
        group.set_off()
        rest = motion, self.key, step, group.gone

        def kernel(a: int, b: int) -> int:
            ended: int = kernels.fly(group.rows, group.ids, a, b, *rest)
            return ended

        return population.share(kernel, group.n) > 0

    def empty_layer(
        self, gate: Gate, numbers: FaceNumbers, population: Population, step: int
    ) -> int:
        """Mark the particles that leave a boundary layer; returns their number."""
        return self._other.empty_layer(gate, numbers, population, step)

    def layer_means(self, gate: Gate, numbers: FaceNumbers) -> Floats:
        """Expected arrivals in the layer behind each face cell in this step."""
        return self._other.layer_means(gate, numbers)

    def fill_layer(
        self, gate: Gate, numbers: FaceNumbers, group: Particles, cells: Integers, step: int
    ) -> None:
        """Place new particles in a layer, behind the given face cells."""
        self._other.fill_layer(gate, numbers, group, cells, step)

    def plane_means(self, gate: Gate, top: Floats) -> list[Floats]:
        """Expected arrivals behind each face cell, for each stream of them, at c_R = ``top``."""
        return self._other.plane_means(gate, top)

    def enter_plane(
        self, gate: Gate, stream: int, group: Particles, cells: Integers, top: Floats, step: int
    ) -> Integers:
        """Place candidates behind the particles, keep some; returns numbers kept by face cell."""
        motion = self._motions[gate.species]
        if motion is None:
            return self._other.enter_plane(gate, stream, group, cells, top, step)
        kept = np.empty(len(cells), np.uint8)
        face, inflow = self.faces[gate.face.index], self._inflow(gate, top, motion.flight)
        last = int(group.ids[group.n + len(cells) - 1])
        group.n += kernels.enter(
            group.rows, group.ids, group.n, cells, face, motion, inflow, self.key, step, kept
        )
        group.know(last + 1)
        entered = kept[kept > 0]
        group.gone[group.n - len(entered) : group.n] = entered - 1
        counts = np.zeros(len(top), np.int64)
        tally(cells, kept > 0, counts)
        return counts

    def _inflow(self, gate: Gate, top: Floats, flight: kernels.Flight) -> kernels.Inflow:
        """Arrival of walkers through a gate of c_R at most ``top``."""
        g, s = self._frictions[gate.species], flight.speed
        assert g is not None
        one = moments(s, g, self.dt / 2 ** (len(flight.decay) - 1))
        spread = one.place + (s * one.carry) ** 2
        safe = np.where(top > 0, top, 1.0)
        return kernels.Inflow(
            math.sqrt(spread), s**2 * one.carry / spread, s * math.sqrt(one.place / spread),
            gate.start / safe, gate.end / safe,
        )  # fmt: skip


def make_flight(D: float, friction: float, dt: float, halve: bool) -> kernels.Flight:
    """Flights over a step, and over its parts if it is halved, for kernels."""
    s = math.sqrt(D * friction)
    parts = halvings(friction, dt, "") if halve else 0
    steps = dt / 2.0 ** np.arange(parts + 1)
    found = [moments(s, friction, t) for t in steps]
    kick = np.sqrt([m.speed for m in found])
    return kernels.Flight(
        decay=np.array([m.decay for m in found]),
        carry=np.array([m.carry for m in found]),
        kick=kick,
        along=np.array([m.both for m in found]) / kick,
        across=np.sqrt([m.rest for m in found]),
        middle=np.array([_middle(moments(s, friction, 0.5 * t)) for t in steps]),
        reach=np.minimum(steps / 3.0, 1.0 / friction),
        speed=s,
    )


def _middle(half: Moments) -> Floats:
    """The law of the middle of a flight, given its ends, from the moments of half of it.

    With A and Q the propagator and covariance of half a flight, the middle has the mean
    ``A z0 + K (z1 - A² z0)`` and the covariance ``Q - K A Q``, ``K = Q A' (A Q A' + Q)^-1``. As the
    middle is the same seen backwards, its place and velocity are independent. Numbers are in units
    of the standard deviations, so that all are of order one.
    """
    units = np.sqrt([half.place, half.speed])
    scale = units[:, None] / units
    A = np.array([[1.0, half.carry], [0.0, half.decay]]) / scale
    Q = np.array([[half.place, half.both], [half.both, half.speed]]) / np.outer(units, units)
    K = np.linalg.solve(A @ Q @ A.T + Q, A @ Q).T
    mean, covariance = A - K @ A @ A, Q - K @ A @ Q
    spread = np.sqrt(np.diag(covariance)) * units
    return np.array([mean[0, 1] * scale[0, 1], K[1, 0] * scale[1, 0], K[1, 1], *spread])
