"""Motion of particles that drift in a box, and their exchange through boundary layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.continuum.conditions import bernoulli
from hybridrd.coupling.face_exchange import Gate
from hybridrd.coupling.motion import BoxMotion, Motion
from hybridrd.errors import ModelError, StepError
from hybridrd.interface import FaceNumbers
from hybridrd.interface.base import at_most
from hybridrd.kernels import drift as kernels
from hybridrd.model.drift import Drift
from hybridrd.model.grid import AXES
from hybridrd.model.system import System
from hybridrd.particles.particles import Particles
from hybridrd.particles.population import Population
from hybridrd.particles.region import Region, RegionFace, SpeciesWalls

# A drift is the same in all cells if it changes by no more than this part of itself.
SAME = 1e-9


@dataclass(frozen=True)
class LayerDrift:
    """Exchange of a boundary layer with a drift, by face cell.

    Without one a layer of width w loses particles at the rate ``beta D/w²``, as if over the
    distance ``l = w/beta``. With a rise z of the potential from the layer to where c_R belongs (and
    of the flow's work over l) it loses them at ``D/(w l) B(z)`` and gains ``D/(w l) B(-z)`` of c_R:
    each face is in detailed balance with Boltzmann's density, and lets a uniform flow u pass as it
    is. In a flow the layer itself is short of ``u dt/w`` where it comes in, as long as the layer
    takes to be crossed; at rest nothing is.

    Attributes
    ----------
    survival
        Probability that a particle in the layer is not removed in the step.
    arrivals
        Mean arrivals per area at unit c_R (length).
    slope
        Rise of the potential outwards (1/length), by which arrivals are placed.
    """

    survival: Floats
    arrivals: Floats
    slope: Floats


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
        self._drifts = drifts
        self._forces = [
            None if drift is None else self._force(D[s], drift) for s, drift in enumerate(drifts)
        ]
        self._known: dict[tuple[int, int], LayerDrift] = {}

    def _force(self, D: float, drift: Drift) -> kernels.Force:
        """How far a species drifts in a step, in each cell of the region."""
        region = self.region
        step = D * self.dt / np.array(region.grid.spacing)[:, None]
        shifts = -drift.across[:, region.mask] * step
        if np.ptp(shifts, axis=1).max() <= SAME * np.abs(shifts).max():
            shifts = shifts[:, :1]
        return kernels.Force(region.inner_cells, np.ascontiguousarray(shifts))

    def move(self, species: int, population: Population, step: int) -> bool:
        """Diffuse the particles of a species for dt; returns whether any is marked as gone."""
        force = self._forces[species]
        if force is None:
            return self._free.move(species, population, step)
        group = population[species]
        rest = self.key, step, self.D[species] * self.dt, self._sides[species], force

        def kernel(a: int, b: int) -> int:
            ended: int = kernels.drift_move(group.x, group.ids, a, b, *rest, group.gone)
            return ended

        return population.share(kernel, group.n) > 0

    def empty_layer(
        self, gate: Gate, numbers: FaceNumbers, population: Population, step: int
    ) -> int:
        """Mark the particles that leave a boundary layer; returns their number."""
        if self._forces[gate.species] is None:
            return super().empty_layer(gate, numbers, population, step)
        group, face = population[gate.species], self.faces[gate.face.index]
        survival = self._layer(gate, numbers).survival

        def kernel(start: int, stop: int) -> int:
            removed: int = kernels.layer_remove(
                group.x, group.ids, start, stop, face, numbers.width, survival, self.key, step,
                group.gone,
            )  # fmt: skip
            return removed

        return population.share(kernel, group.n)

    def layer_means(self, gate: Gate, numbers: FaceNumbers) -> Floats:
        """Expected arrivals in the layer behind each face cell in this step."""
        if self._forces[gate.species] is None:
            return self._free.layer_means(gate, numbers)
        return gate.mean * gate.face.area * self._layer(gate, numbers).arrivals

    def fill_layer(
        self, gate: Gate, numbers: FaceNumbers, group: Particles, cells: Integers, step: int
    ) -> None:
        """Place new particles in a layer, behind the given face cells."""
        self._free.fill_layer(gate, numbers, group, cells, step)
        if self._forces[gate.species] is not None:
            face = self.faces[gate.face.index]
            slope = self._layer(gate, numbers).slope
            kernels.tilt(group.x, group.n, cells, face, numbers.width, slope)

    def plane_means(self, gate: Gate, top: Floats) -> list[Floats]:
        """Expected arrivals behind each face cell, in one stream."""
        return self._free.plane_means(gate, top)

    def enter_plane(
        self, gate: Gate, stream: int, group: Particles, cells: Integers, top: Floats, step: int
    ) -> Integers:
        """Place candidates behind the particles, keep some; returns numbers kept by face cell."""
        return self._free.enter_plane(gate, stream, group, cells, top, step)

    def _layer(self, gate: Gate, numbers: FaceNumbers) -> LayerDrift:
        key = gate.species, gate.face.index
        if key not in self._known:
            drift = self._drifts[gate.species]
            assert drift is not None
            D = self.D[gate.species]
            self._known[key] = layer_drift(drift, self.region, gate.face, numbers, D, self.dt)
        return self._known[key]


def layer_drift(
    drift: Drift, region: Region, face: RegionFace, numbers: FaceNumbers, D: float, dt: float
) -> LayerDrift:
    """The exchange of a species that drifts, through the layer at a face; see `LayerDrift`."""
    a, w = face.axis, numbers.width
    h = region.grid.spacing[a]
    sign = 1.0 if face.side == 1 else -1.0
    inside = region.first[a] + (region.inner.shape[a] - 1 if face.side == 1 else 0)
    cells = face.columns[:, inside]
    work = drift.flow[a][cells]
    slope = sign * (drift.across[a][cells] - work) / h
    if face.outside >= 0:
        beyond = face.columns[:, face.outside]
        lower = cells if face.side == 1 else beyond
        work = 0.5 * (work + drift.flow[a][beyond])
        # From centre to centre, of which the first half is the layer's slope.
        half = sign * (drift.up[a][lower] - work) - 0.5 * h * slope
        rise = 0.5 * w * slope + half * (2.0 * numbers.offset / h)
        mean = np.ones(len(cells))
    else:
        rise = (0.5 * w + numbers.offset) * slope
        mean = _sinhc(0.5 * w * slope)  # of exp(-U) over the layer, beside that in its middle
    distance = -D * dt / (w * np.log(numbers.survival))
    z = rise + sign * work * (distance / h)
    rate = D * dt / (w * distance)
    survival = np.exp(-rate * bernoulli(z))
    return LayerDrift(survival, w * mean * np.exp(z) * (1.0 - survival), slope)


def _sinhc(z: Floats) -> Floats:
    safe = np.where(np.abs(z) < 1e-6, 1.0, z)
    return np.where(np.abs(z) < 1e-6, 1.0, np.sinh(safe) / safe)


def check_drifts(
    system: System, region: Region, walls: Sequence[SpeciesWalls], drifts: Sequence[Drift | None],
    dt: float,
) -> None:  # fmt: skip
    """Refuse what particles that drift can't do, and steps in which they drift too far.

    Raises
    ------
    ModelError
        For a shell, a region that is no box, an exact plane, an influx or a leaky wall, and noise.
    StepError
        If a particle drifts by more than half a cell in a step, where the drift changes from cell
        to cell.
    """
    for s, drift in enumerate(drifts):
        if drift is None:
            continue
        species = system.species[s]
        who = f"species {species.name}: it drifts, and"
        if region.grid.radial or not region.is_box:
            raise ModelError(f"{who} its particles do so in a Box alone; use mean_field")
        for f, numbers in walls[s].exchanges.items():
            if numbers.kind != "layer":
                raise ModelError(
                    f"{who} {system.interface!r} at {region.faces[f].name} knows no drift; "
                    f"use CalibratedLayer()"
                )
        for f in (*walls[s].influxes, *walls[s].leaks):
            raise ModelError(
                f"{who} {region.faces[f].name} lets particles in by a rate or a permeability, "
                f"which know no drift; use a Reservoir or a closed wall there"
            )
        for a, h in enumerate(region.grid.spacing):
            across = drift.across[a, region.mask]  # v h/D
            most = float(np.abs(across).max())
            if np.ptp(across) > SAME * most and most * species.D * dt > 0.5 * h**2:
                least = at_most(0.5 * h**2 / (most * species.D))
                raise StepError(
                    f"{who} by {most * species.D * dt / h:.4g} in a step along {AXES[a]}, more "
                    f"than half a cell ({0.5 * h:.4g}); use dt <= {least}"
                )
