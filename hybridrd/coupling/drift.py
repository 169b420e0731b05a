"""Motion of particles that drift in a box."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.coupling.drift_faces import (
    SAME,
    LayerDrift,
    PlaneDrift,
    half_cell,
    layer_drift,
    plane_drift,
)
from hybridrd.coupling.face_exchange import Gate
from hybridrd.coupling.medium import medium
from hybridrd.coupling.motion import BoxMotion, CompiledMotion, Motion
from hybridrd.errors import ModelError, StepError
from hybridrd.interface import FaceNumbers
from hybridrd.interface.base import at_most
from hybridrd.interface.exact import LEAST_DEPTH
from hybridrd.kernels import drift as kernels
from hybridrd.kernels.drift_arrivals import Stream, place_drifting
from hybridrd.kernels.drift_stages import Forces, Media
from hybridrd.kernels.exchange import tally
from hybridrd.kernels.gates import Currents
from hybridrd.kernels.uneven import Medium, uneven_move
from hybridrd.model.drift import Drift
from hybridrd.model.grid import AXES, Grid
from hybridrd.model.system import System
from hybridrd.particles.particles import Particles
from hybridrd.particles.population import Population
from hybridrd.particles.region import Region, RegionFace, SpeciesWalls

#: Largest ``kappa sqrt(dt/D)`` of a wall through which particles that drift enter: there 11 % of
#: them are still inside at the end of the step.
MOST_OPEN = 10.0


class DriftMotion(Motion):
    """Motion in a box in which some species drift; the others move as in `BoxMotion`."""

    def __init__(
        self,
        region: Region,
        walls: Sequence[SpeciesWalls],
        D: Sequence[float],
        dt: float,
        key: np.uint64,
        drifts: Sequence[Drift | None],
    ) -> None:
        super().__init__(region, walls, D, dt, key)
        self._free = BoxMotion(region, walls, D, dt, key)
        self._drifts = list(drifts)
        self._forces = [None if f is None else self._force(s, f) for s, f in enumerate(drifts)]
        self._given: CompiledMotion | None = None
        self._at = [-1.0] * len(drifts)  # times of those that depend on it
        self._known: dict[tuple[int, int, FaceNumbers], LayerDrift] = {}
        self._streams: dict[tuple[int, int], PlaneDrift] = {}

    def restart(self, key: np.uint64) -> None:
        """Go back to the start, with other random numbers."""
        super().restart(key)
        self._free.restart(key)

    def compiled(self, gates: Sequence[Gate]) -> CompiledMotion | None:
        """Motion and exchange as compiled stages take them.

        Those that drift stand still in the walk: forces and media move them.
        """
        walk = self._free.compiled(gates).walk
        drifts = np.array([force is not None for force in self._forces])
        walk = walk._replace(Ddt=np.where(drifts, 0.0, walk.Ddt))
        d, cells = len(self.region.inner.shape), sum(gate.face.size for gate in gates)
        none, each = np.zeros((4, cells)), np.zeros((2, d, cells))
        currents = Currents(drifts, none[0], none[1], none[2], each[0], each[1], none[3])
        given = CompiledMotion(walk, self._all_forces(), self._all_media(), currents)
        self._given = given
        return given

    @property
    def in_time(self) -> bool:
        """Whether a drift depends on time."""
        return any(drift is not None and drift.later is not None for drift in self._drifts)

    def carry(self, step: int) -> list[int] | None:
        """Take drifts as they are in the middle of a step, see `Motion.carry`."""
        changed = [s for s in range(len(self._drifts)) if self._carry(s, step)]
        given = self._given
        if given is None or not changed:
            return changed
        forces, media = self._all_forces(), self._all_media()
        if given.forces is not None and forces is not None:
            if not np.array_equal(given.forces.strides, forces.strides):
                return None
            given.forces.shifts[:], given.forces.gammas[:] = forces.shifts, forces.gammas
        if given.media is not None and media is not None:
            given.media.tables[:] = media.tables
        return changed

    def enter_current(self, currents: Currents, gate: Gate, part: slice) -> None:
        """Enter how those that drift pass a gate, whose face cells are a ``part`` of all."""
        numbers = gate.numbers
        if numbers is not None and numbers.kind == "layer":
            layer = self._layer(gate, numbers)
            currents.survival[part], currents.slope[part] = layer.survival, layer.slope
            currents.along[:, part] = layer.along
        else:
            plane = self._plane(gate)
            currents.velocity[:, part], currents.gamma[part] = plane.velocity, plane.gamma

    def _all_forces(self) -> Forces | None:
        """What drives the species that drift; None if there is none of one D."""
        forces = [f if isinstance(f, kernels.Force) else None for f in self._forces]
        if not any(forces):
            return None
        d, begin = len(self.region.inner.shape), 0
        first = np.zeros((len(forces), d), np.int64)
        strides = np.zeros((len(forces), d, d), np.int64)
        for s, force in enumerate(forces):
            if force is not None:
                first[s], strides[s] = force.first + begin, force.strides
                begin += len(force.shifts)
        flat = np.concatenate([force.shifts for force in forces if force is not None])
        drifts = np.array([force is not None for force in forces])
        own = [w.gammas.reshape(-1, 1) if f is None else f.gammas
               for w, f in zip(self.walls, forces, strict=True)]  # fmt: skip
        most = max(each.shape[1] for each in own)
        gammas = np.concatenate([np.broadcast_to(each, (len(each), most)) for each in own])
        Ddt = np.array(self.D) * self.dt
        return Forces(self.region.inner_cells, drifts, flat, first, strides, gammas, Ddt)

    def _all_media(self) -> Media | None:
        """What the species of uneven diffusion meet; None if there is none."""
        media = [m if isinstance(m, Medium) else None for m in self._forces]
        uneven = np.array([m is not None for m in media])
        if not uneven.any():
            return None
        d, cells = len(self.region.inner.shape), self.region.inner.cells
        tables = np.zeros((len(media), 1 + 7 * d, cells))
        for table, found in zip(tables, media, strict=True):
            if found is not None:
                table[:] = np.concatenate([found.D[None], *found[2:]])
        gammas = np.array([w.gammas * D for w, D in zip(self.walls, self.D, strict=True)])
        return Media(self.region.inner_cells, uneven, tables, gammas, self.dt)

    def _force(self, species: int, drift: Drift) -> kernels.Force | Medium:
        """How far a species drifts in a step, in each cell of the region; or what it meets."""
        region = self.region
        if drift.uneven:
            return medium(drift, region, self.dt)
        step = drift.D[0] * self.dt / np.array(region.grid.spacing)[:, None]
        shifts = -drift.across[:, region.mask] * step
        walls, gammas = self.walls[species], self.walls[species].gammas.reshape(-1, 1)
        half_open = {
            f: n for f, n in walls.exchanges.items() if n.kind == "exact" and f in walls.leaks
        }
        if half_open:
            gammas = np.repeat(gammas, max(face.size for face in region.faces), axis=1)
        for f, numbers in half_open.items():
            face = region.faces[f]
            out = half_cell(drift, region, face, numbers)[0]
            gammas[face.index, : face.size] = out
        tables = _tables(region.inner, shifts)
        return kernels.Force(region.inner_cells, *tables, gammas)

    def _carry(self, species: int, step: int) -> bool:
        """Take a drift that depends on time as it is in the middle of a step; whether it did."""
        drift, t = self._drifts[species], (step + 0.5) * self.dt
        if drift is None or drift.later is None or self._at[species] == t:
            return False
        now = drift.later(t)
        assert now is not None
        check_step(now, self.region, self.dt, f"at t = {t:.6g} a species drifts")
        self._drifts[species], self._forces[species] = now, self._force(species, now)
        self._at[species] = t
        self._known = {key: v for key, v in self._known.items() if key[0] != species}
        self._streams = {key: v for key, v in self._streams.items() if key[0] != species}
        return True

    def move(self, species: int, population: Population, step: int) -> bool:
        """Diffuse the particles of a species for dt; returns whether any is marked as gone."""
        self._carry(species, step)
        force = self._forces[species]
        if force is None:
            return self._free.move(species, population, step)
        group = population[species]
        sides, move = self._sides[species], kernels.drift_move
        time = self.D[species] * self.dt
        if isinstance(force, Medium):
            sides = sides._replace(gammas=sides.gammas * self.D[species])
            move, time = uneven_move, self.dt
        rest = self.key, step, time, sides, force

        def kernel(a: int, b: int) -> int:
            ended: int = move(group.x, group.ids, a, b, *rest, group.gone)
            return ended

        return population.share(kernel, group.n) > 0

    def empty_layer(
        self, gate: Gate, numbers: FaceNumbers, population: Population, step: int
    ) -> int:
        """Mark the particles that leave a boundary layer; returns their number."""
        self._carry(gate.species, step)
        if self._forces[gate.species] is None:
            return super().empty_layer(gate, numbers, population, step)
        group, face = population[gate.species], self.faces[gate.face.index]
        survival = self._layer(gate, numbers).survival

        def kernel(start: int, stop: int) -> int:
            removed: int = kernels.remove_drifting(
                group.x, group.ids, start, stop, face, numbers.width, survival, self.key, step,
                group.gone,
            )  # fmt: skip
            return removed

        return population.share(kernel, group.n)

    def layer_means(self, gate: Gate, numbers: FaceNumbers) -> Floats:
        """Expected arrivals in the layer behind each face cell in this step."""
        if self._forces[gate.species] is None:
            return self._free.layer_means(gate, numbers)
        return gate.mean * (gate.face.area * self._layer(gate, numbers).arrivals)

    def fill_layer(
        self, gate: Gate, numbers: FaceNumbers, group: Particles, cells: Integers, step: int
    ) -> None:
        """Place new particles in a layer, behind the given face cells."""
        self._free.fill_layer(gate, numbers, group, cells, step)
        if self._forces[gate.species] is not None:
            face = self.faces[gate.face.index]
            layer = self._layer(gate, numbers)
            kernels.tilt(group.x, group.n, cells, face, numbers.width, layer.slope, layer.along)

    def plane_means(self, gate: Gate, top: Floats) -> list[Floats]:
        """Expected arrivals behind each face cell, in one stream."""
        if self._forces[gate.species] is None:
            return self._free.plane_means(gate, top)
        return [top * (gate.face.area * self._plane(gate).per_area)]

    def enter_plane(
        self, gate: Gate, stream: int, group: Particles, cells: Integers, top: Floats, step: int
    ) -> Integers:
        """Place candidates behind the particles, keep some; returns numbers kept by face cell."""
        if self._forces[gate.species] is None:
            return self._free.enter_plane(gate, stream, group, cells, top, step)
        plane, kept = self._plane(gate), np.empty(len(cells), np.uint8)
        group.n += place_drifting(
            group.x, group.ids, group.n, cells, self.faces[gate.face.index],
            self._sides[gate.species], Stream(self._entry(gate, top), plane.velocity, plane.gamma),
            self.key, step, kept,
        )  # fmt: skip
        counts = np.zeros(len(top), np.int64)
        tally(cells, kept, counts)
        return counts

    def _plane(self, gate: Gate) -> PlaneDrift:
        key = gate.species, gate.face.index
        if key not in self._streams:
            drift, D = self._drifts[gate.species], self.D[gate.species]
            assert drift is not None
            gamma = self.walls[gate.species].gammas[gate.face.axis, gate.face.side]
            self._streams[key] = plane_drift(drift, self.region, gate, float(gamma), D, self.dt)
        return self._streams[key]

    def _layer(self, gate: Gate, numbers: FaceNumbers) -> LayerDrift:
        key = gate.species, gate.face.index, numbers
        if key not in self._known:
            drift = self._drifts[gate.species]
            assert drift is not None
            self._known[key] = layer_drift(drift, self.region, gate, numbers, self.dt)
        return self._known[key]


def _tables(grid: Grid, values: Floats) -> tuple[Floats, Integers, Integers]:
    """Values along each axis ``(d, cells)`` as `Force` holds them: shifts, first and strides.

    Without the axes on which they do not depend; those that depend on the same ones stand side by
    side.
    """
    d, same = grid.dimension, SAME * np.abs(values).max()
    parts: dict[tuple[int, ...], list[tuple[int, Floats]]] = {}
    for a, row in enumerate(values):
        rest = grid.unflatten(row)
        for b in range(d):
            if np.ptp(rest, axis=b).max() <= same:
                rest = np.take(rest, [0], axis=b)
        parts.setdefault(rest.shape, []).append((a, rest))
    first, strides, flat, begin = np.zeros(d, np.int64), np.zeros((d, d), np.int64), [], 0
    for shape, rows in parts.items():
        steps = len(rows) * np.cumprod([1, *shape[:-1]])
        for k, (a, _) in enumerate(rows):
            first[a], strides[a] = begin + k, np.where(np.array(shape) > 1, steps, 0)
        flat.append(np.stack([rest for _, rest in rows]).ravel(order="F"))
        begin += flat[-1].size
    return np.concatenate(flat), first, strides


def check_drifts(
    system: System, region: Region, walls: Sequence[SpeciesWalls], drifts: Sequence[Drift | None],
    dt: float,
) -> None:  # fmt: skip
    """Refuse what particles that drift can't do, and steps in which they drift too far.

    Raises
    ------
    ModelError
        For a shell, published rules, a bath, and, where D depends on the place, an exact plane, an
        influx or a leaky wall.
    StepError
        If a particle drifts by more than half a cell in a step, where the drift changes from cell
        to cell; if it can cross the region in a step, or a leaky wall is too open for one.
    """
    for s, drift in enumerate(drifts):
        if drift is None:
            continue
        species = system.species[s]
        why = "it drifts" if drift.pushes else "its D depends on the place"
        who = f"species {species.name}: {why}, and"
        if region.grid.radial:
            raise ModelError(
                f"{who} particles of a shell move by the exact law of spheres, which has no drift "
                f"in it; use mean_field, or a Ball or a Shell of cells in a Box"
            )
        planes = {f: n for f, n in walls[s].exchanges.items() if n.kind != "layer"}
        for f, numbers in planes.items():
            if numbers.kind == "injection":
                raise ModelError(
                    f"{who} {system.interface!r} at {region.faces[f].name} has no rule for it; use "
                    f"CalibratedLayer() or ExactPlane()"
                )
        for f in {*planes, *walls[s].influxes, *walls[s].leaks}:
            _check_face(region.faces[f], species.name, drift, who)
            _check_plane(region, region.faces[f], drift, walls[s], dt, who)
        check_step(drift, region, dt, who)


def _check_face(face: RegionFace, name: str, drift: Drift, who: str) -> None:
    """Refuse what only a boundary layer can do. Raises ModelError."""
    if drift.uneven:
        raise ModelError(
            f"{who} its arrivals through {face.name} are known for one D alone; use "
            f"CalibratedLayer(), or a Reservoir or a closed wall there"
        )
    if face.law(name).bath is not None:
        raise ModelError(
            f"{who} how many enter from the bath at {face.name} in a step is known without a drift "
            f"alone; give a concentration outside"
        )


def _check_plane(
    region: Region, face: RegionFace, drift: Drift, walls: SpeciesWalls, dt: float, who: str
) -> None:
    """Refuse steps that are too long for a face without a layer. Raises StepError."""
    D, h, depth = float(drift.D[0]), region.grid.spacing[face.axis], region.extent[face.axis]
    speed = float(np.abs(drift.across[face.axis, region.mask]).max()) * D / h
    if LEAST_DEPTH * np.sqrt(2.0 * D * dt) + speed * dt > depth * (1.0 + 1e-9):
        # The positive root of speed x² + 4 sqrt(2 D) x = depth, x = sqrt(dt).
        b = LEAST_DEPTH * np.sqrt(2.0 * D)
        least = at_most((2.0 * depth / (b + np.sqrt(b * b + 4.0 * speed * depth))) ** 2)
        raise StepError(
            f"{who} can cross the particle region, {depth:g} deep at {face.name}, in a step; use "
            f"dt <= {least}"
        )
    gamma = float(walls.gammas[face.axis, face.side])
    if np.isfinite(gamma) and gamma * np.sqrt(D * dt) > MOST_OPEN:
        raise StepError(
            f"{who} {face.name} is so open that most of those that enter leave again in the step; "
            f"use kappa <= {at_most(MOST_OPEN * np.sqrt(D / dt))} or dt <= "
            f"{at_most((MOST_OPEN / gamma) ** 2 / D)}"
        )


def check_step(drift: Drift, region: Region, dt: float, who: str) -> None:
    """Refuse steps in which particles drift by more than half a cell. Raises StepError."""
    for a, h in enumerate(region.grid.spacing):
        across = drift.across[a, region.mask]  # v h/D
        most = float(np.abs(across).max())
        speed = float(np.abs(across * drift.D[region.mask]).max()) / h
        if np.ptp(across) > SAME * most and speed * dt > 0.5 * h:
            least = at_most(0.5 * h / speed)
            raise StepError(
                f"{who} by {speed * dt:.4g} in a step along {AXES[a]}, more "
                f"than half a cell ({0.5 * h:.4g}); use dt <= {least}"
            )
