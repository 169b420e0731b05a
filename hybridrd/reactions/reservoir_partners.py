"""Reservoirs outside the faces of the region: partners of particles, and their complexes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from hybridrd.arrays import Floats, Integers
from hybridrd.coupling.face_exchange import Gate
from hybridrd.kernels.partner_places import Reservoir
from hybridrd.particles.region import Region, RegionFace
from hybridrd.reactions.tables import Encounter


@dataclass
class Reservoirs:
    """Reservoirs of one species outside the region's faces, with their concentrations.

    Parameters
    ----------
    species
        The species of the partners.
    strip
        Continuum cells within the Doi radius of an interface, flat domain indices.
    gates
        Gates of the reservoir walls, where their values begin among those of all walls, and which
        value of the gate each of them is.
    numbers
        The same as kernels take it.
    outside
        Of a region that is no box, which cells are continuum.
    """

    species: int
    strip: Integers
    gates: list[tuple[Gate, int, Integers]]
    numbers: Reservoir
    outside: NDArray[np.bool_] | None = None

    def update(self, c: Floats, half: int) -> None:
        """Take the concentration on the cells, and that of the walls at one end of the step."""
        largest = float(c[self.strip].max(initial=0.0))
        for gate, at, which in self.gates:
            values = (gate.start if half == 0 else gate.end)[which]
            self.numbers.walls[at : at + len(values)] = values
            largest = max(largest, float(values.max(initial=0.0)))
        if self.outside is not None:
            c = np.where(self.outside, c, 0.0)
        self.numbers = self.numbers._replace(c=c, c_max=largest)


class Partners:
    """`Reservoirs` by (encounter, role of the particle), up to date for a half step.

    Those of a dissociation are of the complex.
    """

    def __init__(
        self, region: Region, encounters: tuple[Encounter, ...], gates: list[Gate]
    ) -> None:
        self._all: dict[tuple[int, int], Reservoirs] = {}
        self._nowhere = np.zeros((region.grid.dimension, 2), np.bool_)
        self._holds: dict[int, NDArray[np.bool_]] = {}
        for gate in gates:
            if gate.is_reservoir:
                holds = self._holds.setdefault(gate.species, self._nowhere.copy())
                holds[gate.face.axis, gate.face.side] = True
        for i, e in enumerate(encounters):
            for role, other in enumerate((e.first,) if e.back else (e.second, e.first)):
                found = _reservoirs(region, other, e.radius, gates)
                if found.numbers.opens.any():
                    self._all[i, role] = found

    @property
    def species(self) -> tuple[int, ...]:
        """Species whose concentration in the continuum is asked for."""
        return tuple(sorted({r.species for r in self._all.values() if len(r.strip)}))

    @property
    def strip(self) -> Integers:
        """All continuum cells that are asked for."""
        strips = [r.strip for r in self._all.values()]
        return np.unique(np.concatenate([*strips, np.zeros(0, np.int64)]))

    def update(self, concentration: Callable[[int], Floats], half: int) -> None:
        """Take the concentrations of the continuum (by species) and of the walls."""
        known: dict[int, Floats] = {}
        for reservoirs in self._all.values():
            s = reservoirs.species
            if s not in known:
                known[s] = concentration(s)
            reservoirs.update(known[s], half)

    def get(self, encounter: int, role: int) -> Reservoirs | None:
        """The partners of a particle in a role of an encounter (or complexes), None without any."""
        found = self._all.get((encounter, role))
        return found if found is not None and found.numbers.c_max > 0 else None

    def walls(self, species: int) -> NDArray[np.bool_]:
        """``[axis, side]``: where a wall holds a reservoir of a species."""
        return self._holds.get(species, self._nowhere)

    def __bool__(self) -> bool:
        return bool(self._all)


def _reservoirs(region: Region, species: int, radius: float, gates: list[Gate]) -> Reservoirs:
    d = region.grid.dimension
    if not region.is_box:
        return _around_mask(region, species, radius, gates)
    opens = np.zeros((d, 2), np.bool_)
    offsets = np.full(2 * d, -1, np.int64)
    walls: list[tuple[Gate, int, Integers]] = []
    at = 0
    for face in region.faces:
        is_open = face.outside >= 0
        for gate in gates:
            if gate.species == species and gate.face is face and gate.is_reservoir:
                walls.append((gate, at, np.arange(face.size)))
                offsets[face.index] = at
                at += face.size
                is_open = True
        opens[face.axis, face.side] = is_open
    _, width, _, shape = region.inner_cells
    c = np.zeros(region.grid.cells)
    numbers = Reservoir(
        region.low, region.high, width, shape, opens, radius, c, np.zeros(at), offsets, 0.0,
        np.zeros(0, np.bool_), np.zeros(0, np.int64),
    )  # fmt: skip
    return Reservoirs(species, _strip(region, radius), walls, numbers)


def _around_mask(region: Region, species: int, radius: float, gates: list[Gate]) -> Reservoirs:
    """Partners around a region of any shape; a partner's cell says whether it is in the region."""
    grid = region.grid
    d = grid.dimension
    opens = np.full((d, 2), region.parts.outside.any())
    offsets = np.full(2 * d, -1, np.int64)
    walls: list[tuple[Gate, int, Integers]] = []
    near, at = _near(region, region.parts.outside, radius), 0
    for gate in gates:
        face = gate.face
        if gate.species == species and gate.is_reservoir:
            which = _nearest(region, face)
            walls.append((gate, at, which))
            offsets[face.index], opens[face.axis, face.side] = at, True
            at += len(which)
            along = np.zeros(grid.shape[::-1], np.bool_)
            at_side = [slice(None)] * d
            at_side[d - 1 - face.axis] = slice(-1, None) if face.side else slice(0, 1)
            along[tuple(at_side)] = True
            near |= _near(region, along.ravel(), radius)
    near &= region.mask
    low, width, _, shape = region.cells
    numbers = Reservoir(
        low, low + width * shape, width, shape, opens, radius, np.zeros(grid.cells),
        np.zeros(at), offsets, 0.0, near, np.flatnonzero(near),
    )  # fmt: skip
    return Reservoirs(species, _strip(region, radius), walls, numbers, region.parts.outside)


def _nearest(region: Region, face: RegionFace) -> Integers:
    """For each cell along a wall of the domain the face cell that is nearest to it."""
    shape = region.grid.shape[::-1]
    known = np.full(shape, -1, np.int64)
    known.ravel()[face.columns[:, 0]] = np.arange(face.size)
    at = region.grid.dimension - 1 - face.axis
    beside = np.take(known, -1 if face.side else 0, axis=at)
    if beside.ndim == 0:
        return np.asarray(beside.reshape(1), np.int64)
    spacing = np.delete(np.array(region.grid.spacing[::-1]), at)
    index = ndimage.distance_transform_edt(
        beside < 0, sampling=spacing, return_distances=False, return_indices=True
    )
    return np.asarray(beside[tuple(index)].ravel(), np.int64)


def _strip(region: Region, radius: float) -> Integers:
    """Cells outside the region within a distance of it, flat."""
    return np.flatnonzero(_near(region, region.mask, radius) & region.parts.outside)


def _near(region: Region, cells: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    """Which cells of the domain are within a distance of some, along each axis, flat."""
    grid = region.grid
    near = cells.reshape(grid.shape[::-1])
    for a in range(grid.dimension):
        axis = grid.dimension - 1 - a
        grown = near.copy()
        for k in range(1, int(np.ceil(radius / grid.spacing[a] - 1e-9)) + 1):
            for shift in (k, -k):
                moved = np.roll(near, shift, axis=axis)
                if not region.periodic[a]:
                    edge = [slice(None)] * grid.dimension
                    edge[axis] = slice(0, shift) if shift > 0 else slice(shift, None)
                    moved[tuple(edge)] = False
                grown |= moved
        near = grown
    return np.asarray(near.ravel())
