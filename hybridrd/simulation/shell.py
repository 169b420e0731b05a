"""The simulation of a ball shell: particles that carry their distance r from its centre."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hybridrd.arrays import Floats, Integers, State, stored
from hybridrd.coupling.exchange import Exchange
from hybridrd.coupling.face_exchange import Gate
from hybridrd.kernels import radial
from hybridrd.kernels.poisson import poisson_numbers
from hybridrd.kernels.rng import ARRIVALS, INFLUX
from hybridrd.kernels.walk import PARTIAL
from hybridrd.model.shell import by_volume
from hybridrd.particles.initial_state import Start
from hybridrd.particles.particles import Particles
from hybridrd.particles.pool import Pool
from hybridrd.particles.region import layer_radii
from hybridrd.reactions.reactor import Reactor
from hybridrd.simulation.simulation import Simulation


class ShellExchange(Exchange):
    """Exchange through spheres."""

    def layers(self, particles: list[Particles], step: int, next_id: int, pool: Pool) -> int:
        """The exchange of boundary layers, see `Exchange.layers`."""
        removed = np.zeros(len(particles), np.int64)
        for gate, numbers in self._layers:
            face, group = gate.face, particles[gate.species]
            removed[gate.species] += self._remove(gate, numbers, group, step, pool)
            inner, outer = layer_radii(numbers.width, face)
            volume = self.region.grid.box_volume(np.array([inner]), np.array([outer]))
            c = 0.5 * float(gate.start[0] + gate.end[0])
            m = self._number_of(gate, c * volume * (1.0 - numbers.survival), step, ARRIVALS)
            if m:
                next_id = self._give_ids(group, m, next_id)
                radial.layer_spread(
                    group.x[0], group.ids, group.n, m, inner, outer, self._key, step
                )
                group.n += m
                self._book(gate, np.array([m]))
        for s in np.flatnonzero(removed):
            self.leave(int(s), particles[s])
        return next_id

    def planes(self, particles: list[Particles], step: int, next_id: int) -> int:
        """Arrivals through open and influx spheres, see `Exchange.planes`."""
        for gate in self._planes:
            face = gate.face
            top = max(float(gate.start[0]), float(gate.end[0]))
            if gate.numbers is None:
                means = [top * face.area * self._dt]
            else:
                means = [top * face.area * gate.numbers.arrivals_per_area]
                if face.side == 0:  # what the curvature adds, the steady influx 4 pi a D c_R
                    means.append(top * face.area / face.plane * self._D[gate.species] * self._dt)
            for kind, mean in enumerate(means):
                purpose = INFLUX if gate.numbers is None else ARRIVALS
                m = self._number_of(gate, mean, step, purpose, kind)
                if m:
                    group = particles[gate.species]
                    next_id = self._give_ids(group, m, next_id)
                    kept = self._enter(gate, group, m, kind == 1, top, step)
                    group.n += kept
                    self._book(gate, np.array([kept]))
        return next_id

    def _enter(
        self, gate: Gate, group: Particles, m: int, curved: bool, top: float, step: int
    ) -> int:
        """Place m candidates behind the particles; how many are kept."""
        region, side = self.region, gate.face.side
        low, high = region.inner.lower[0], region.inner.upper[0]
        kinds = self._walls[gate.species].kinds[0]
        D, dt = self._D[gate.species], self._dt
        keep = (float(gate.start[0]) / top, float(gate.end[0]) / top)
        to = group.x[0], group.ids, group.n, m, side
        if gate.numbers is None:
            return int(radial.enter_influx(*to, D, dt, low, high, kinds, *keep, self._key, step))
        return int(radial.enter_open(*to, curved, D, dt, low, high, kinds, *keep, self._key, step))

    def _number_of(self, gate: Gate, mean: float, step: int, purpose: int, kind: int = 0) -> int:
        self._check_new(gate, mean)
        address = gate.address + np.uint64(kind)
        counts = np.empty(1, np.int64)
        return int(poisson_numbers(np.array([mean]), self._key, address, step, purpose, counts))

    @staticmethod
    def _give_ids(group: Particles, m: int, next_id: int) -> int:
        group.reserve(m)
        group.ids[group.n : group.n + m] = np.arange(next_id, next_id + m, dtype=np.uint64)
        return next_id + m


class ShellReactor(Reactor):
    """Reactions in a shell; creations are uniform by volume."""

    def _create(self, r: int, cells: Integers, step: int, half: int, *out: Any) -> int:
        n = super()._create(r, cells, step, half, *out)
        if n > 0:
            x = out[2]
            x[0, :n] = by_volume(x[0, :n], self._low[0], self._steps[0])
        return n


class ShellStart(Start):
    """The state at time 0 of a shell: uniform by volume in each of its parts."""

    def _place(
        self, n: int, cells: Integers | None, low: Floats, steps: Floats, shape: Integers
    ) -> Iterator[Floats]:
        for x in super()._place(n, cells, low, steps, shape):
            x[0] = by_volume(x[0], float(low[0]), float(steps[0]))
            yield x


class ShellSimulation(Simulation):
    """One realisation of a System in a ball shell; `Simulation` makes it where it is needed.

    ``flux`` through a sphere that absorbs is the expected one, the absorption probabilities of all
    particles summed over the steps: the mean of the exact counts, ``crossings``, with far less
    noise.
    """

    _Exchange = ShellExchange
    _Reactor = ShellReactor
    _Start = ShellStart

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        faces = self._region.faces
        shape = (len(self.system.species), len(faces))
        # Expected absorption through each face since the start, and at the last record.
        self._expected = np.zeros(shape)
        self._recorded = np.zeros(shape)
        self._absorbs = np.array(
            [[w.kinds[0, f.side] == PARTIAL for f in faces] for w in self.plan.walls]
        )

    def mean_flux(self, crossings: np.ndarray, elapsed: float) -> Floats:
        gone = np.where(self._absorbs, self._expected - self._recorded, crossings)
        self._recorded = self._expected.copy()
        return super().mean_flux(gone, elapsed)

    def _move(self, k: int) -> None:
        low, high = self._region.inner.lower[0], self._region.inner.upper[0]
        for s, group in enumerate(self._groups):
            if self._D[s] == 0 or group.n == 0:
                continue
            walls = self.plan.walls[s]
            expected = np.empty((2, group.n))

            def kernel(
                a: int, b: int, s: int = s, g: Particles = group, w: Any = walls,
                e: Floats = expected,
            ) -> int:  # fmt: skip
                ended: int = radial.move_radial(
                    g.x[0], g.ids, a, b, self._key, k, self._D[s], self.dt, low, high,
                    w.kinds[0], w.gammas[0], g.gone, e,
                )  # fmt: skip
                return ended

            ended = self._pool.run(kernel, group.n)
            for f in np.flatnonzero(self._absorbs[s]):
                self._expected[s, f] += expected[self._region.faces[f].side].sum()
            if ended:
                self._exchange.leave(s, group)

    def state(self) -> State:
        """All that decides the future, see `Run.state`."""
        return super().state() | {
            "expected": self._expected.copy(),
            "recorded": self._recorded.copy(),
        }

    def load_state(self, state: State) -> None:
        """Go back to what `state` gave, see `Run.load_state`."""
        super().load_state(state)
        self._expected[:] = stored(state, "expected", self._expected.shape)
        self._recorded[:] = stored(state, "recorded", self._recorded.shape)
