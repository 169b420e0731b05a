"""Reservoirs outside the faces of the region: partners of particles, and their complexes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats, Integers
from hybridrd.coupling.face_exchange import Gate
from hybridrd.errors import ModelError
from hybridrd.kernels.partner_places import Reservoir
from hybridrd.particles.region import Region
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
        Gates of the reservoir walls, with their positions in the values of all walls.
    numbers
        The same as kernels take it.
    outside
        Of a region that is no box, which cells are continuum.
    """

    species: int
    strip: Integers
    gates: list[tuple[Gate, int]]
    numbers: Reservoir
    outside: NDArray[np.bool_] | None = None

    def update(self, c: Floats, half: int) -> None:
        """Take the concentration on the cells, and that of the walls at one end of the step."""
        largest = float(c[self.strip].max(initial=0.0))
        for gate, at in self.gates:
            values = gate.start if half == 0 else gate.end
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
            if e.back and not region.is_box and region.parts.outside.any():
                raise ModelError(
                    f"reaction {e.label!r}: products cannot be put apart across the faces of a "
                    f"particle region that is no box; use a Box, or leave out the way back"
                )
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
    walls: list[tuple[Gate, int]] = []
    at = 0
    for face in region.faces:
        is_open = face.outside >= 0
        for gate in gates:
            if gate.species == species and gate.face is face and gate.is_reservoir:
                walls.append((gate, at))
                offsets[face.index] = at
                at += face.size
                is_open = True
        opens[face.axis, face.side] = is_open
    _, width, _, shape = region.inner_cells
    c = np.zeros(region.grid.cells)
    numbers = Reservoir(
        region.low, region.high, width, shape, opens, radius, c, np.zeros(at), offsets, 0.0
    )
    return Reservoirs(species, _strip(region, radius), walls, numbers)


def _around_mask(region: Region, species: int, radius: float, gates: list[Gate]) -> Reservoirs:
    """Partners in the continuum around a region of any shape; a partner's cell says where it is."""
    if any(gate.species == species and gate.is_reservoir for gate in gates):
        raise ModelError(
            f"{gates[0].where}: particles of a region that is no box have no partners beyond a "
            f"reservoir wall; keep the region away from it by more than the radius {radius:g}"
        )
    d = region.grid.dimension
    nowhere, everywhere = np.full(d, np.inf), np.full((d, 2), region.parts.outside.any())
    _, width, _, shape = region.inner_cells
    numbers = Reservoir(
        nowhere, -nowhere, width, shape, everywhere, radius, np.zeros(region.grid.cells),
        np.zeros(0), np.full(2 * d, -1, np.int64), 0.0,
    )  # fmt: skip
    return Reservoirs(species, _strip(region, radius), [], numbers, region.parts.outside)


def _strip(region: Region, radius: float) -> Integers:
    """Cells outside the region within a distance of it, flat."""
    grid = region.grid
    near = region.mask.reshape(grid.shape[::-1])
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
    return np.flatnonzero(near.ravel() & region.parts.outside)
