"""Reservoirs outside the faces of the region: partners of particles, and their complexes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats, Integers
from hybridrd.coupling.face_exchange import Gate
from hybridrd.kernels.encounters import Beyond
from hybridrd.particles.region import Region, RegionFace
from hybridrd.reactions.tables import Encounter

MOST_COPIES = 1 << 16  # distinct random numbers of discrete copies; more copies share them


@dataclass(frozen=True)
class _Row:
    """Reservoirs of one species outside the region's faces.

    Parameters
    ----------
    species
        Species of the partners.
    strip
        Continuum cells within the Doi radius of an interface, flat domain indices.
    gates
        Gates of the reservoir walls, the offsets of their values among those of all walls, and the
        index of each within its gate.
    opens, offsets
        See `hybridrd.kernels.partner_places.Reservoir`.
    near
        For a region other than a box, the cells that may have partners within the radius.
    """

    species: int
    strip: Integers
    gates: list[tuple[Gate, int, Integers]]
    opens: NDArray[np.bool_]
    offsets: Integers
    near: NDArray[np.bool_]


class Partners:
    """Partners of particles beyond the region, by (encounter, role of the particle).

    For a dissociation they belong to the complex.

    Attributes
    ----------
    rows
        The row of each in ``beyond``.
    beyond
        The same for kernels, up to date for a half step.
    """

    def __init__(
        self, region: Region, encounters: tuple[Encounter, ...], gates: list[Gate]
    ) -> None:
        self.rows: dict[tuple[int, int], int] = {}
        self._rows: list[_Row] = []
        d = region.grid.dimension
        most = max((s for e in encounters for s in e.everyone), default=-1)
        holds = np.zeros((max([most, *(g.species for g in gates)]) + 2, d, 2), np.bool_)
        for gate in gates:
            if gate.is_reservoir:
                holds[gate.species, gate.face.axis, gate.face.side] = True
        for i, e in enumerate(encounters):
            for role, other in enumerate((e.first,) if e.back else (e.second, e.first)):
                found = _row(region, other, e.radius, gates)
                if found.opens.any():
                    self.rows[i, role] = len(self._rows)
                    self._rows.append(found)
        self.beyond = self._make(region, holds)

    def _make(self, region: Region, holds: NDArray[np.bool_]) -> Beyond:
        rows, d, cells = self._rows, region.grid.dimension, region.grid.cells
        low, high = region.low, region.high
        _, width, _, shape = region.inner_cells
        if not region.is_box:
            low, width, _, shape = region.cells
            high = low + width * shape
        slots = self.species
        sizes = [at + len(which) for r in rows for _, at, which in r.gates]
        reach = [np.flatnonzero(r.near) for r in rows]
        return Beyond(
            low=low, high=high, width=width, shape=shape,
            opens=np.array([r.opens for r in rows], np.bool_).reshape(-1, d, 2),
            offsets=np.array([r.offsets for r in rows], np.int64).reshape(-1, 2 * d),
            near=np.array([r.near for r in rows], np.bool_).reshape(len(rows), -1 if rows else 0),
            reach=np.concatenate([*reach, np.zeros(0, np.int64)]),
            reaches=np.cumsum([0, *map(len, reach)]).astype(np.int64),
            rows=np.array(
                [(r.species, slots.index(r.species)) for r in rows], np.int64
            ).reshape(-1, 2),
            walls=np.zeros((2, len(rows), max(sizes, default=0))),
            strips=np.concatenate([*(r.strip for r in rows), np.zeros(0, np.int64)]),
            starts=np.cumsum([0, *(len(r.strip) for r in rows)]).astype(np.int64),
            c=np.zeros((len(slots), cells)), copies=np.zeros((0, cells), np.int64),
            before=np.zeros((0, cells), np.int64), slots=np.zeros(1, np.int64),
            most=np.zeros(len(rows)), wall_most=np.zeros((2, len(rows))), holds=holds,
        )  # fmt: skip

    @cached_property
    def species(self) -> tuple[int, ...]:
        """Species of the partners; a row of ``beyond.c`` each."""
        return tuple(sorted({r.species for r in self._rows}))

    @cached_property
    def strip(self) -> Integers:
        """All continuum cells that are needed."""
        return np.unique(self.beyond.strips)

    def read_walls(self) -> None:
        """Update the concentrations of reservoir walls at both ends of a step."""
        for r, row in enumerate(self._rows):
            for gate, at, which in row.gates:
                for half, values in enumerate((gate.start, gate.end)):
                    self.beyond.walls[half, r, at : at + len(which)] = values[which]
            self.beyond.wall_most[:, r] = self.beyond.walls[:, r].max(axis=-1, initial=0.0)

    def read_continuum(
        self,
        concentration: Callable[[int], Floats],
        copies: Callable[[int], Integers | None],
    ) -> None:
        """Update the concentrations of the continuum, by species, and the copies in its cells."""
        beyond, slots = self.beyond, self.species
        for at, s in enumerate(slots):
            beyond.c[at, self.strip] = concentration(s)[self.strip]
        for r, row in enumerate(self._rows):
            c = beyond.c[slots.index(row.species)]
            beyond.most[r] = c[row.strip].max(initial=0.0)
        whole = {s: n for s in self.species if (n := copies(s)) is not None}
        if whole:
            if not len(beyond.copies):
                shape = beyond.c.shape
                self.beyond = beyond = beyond._replace(
                    copies=np.zeros(shape, np.int64), before=np.zeros(shape, np.int64)
                )
            total = 0
            for s, n in whole.items():
                at = slots.index(s)
                beyond.copies[at], beyond.before[at] = n, total + np.cumsum(n) - n
                total += int(n.sum())
            beyond.slots[0] = min(total, MOST_COPIES)

    def __bool__(self) -> bool:
        return bool(self._rows)


def _row(region: Region, species: int, radius: float, gates: list[Gate]) -> _Row:
    d = region.grid.dimension
    walls = [g for g in gates if g.species == species and g.is_reservoir]
    opens, offsets = np.zeros((d, 2), np.bool_), np.full(2 * d, -1, np.int64)
    if not region.is_box:
        return _around_mask(region, species, radius, walls)
    found: list[tuple[Gate, int, Integers]] = []
    at = 0
    for face in region.faces:
        is_open = face.outside >= 0
        for gate in walls:
            if gate.face is face:
                found.append((gate, at, np.arange(face.size)))
                offsets[face.index] = at
                at += face.size
                is_open = True
        opens[face.axis, face.side] = is_open
    return _Row(species, _strip(region, radius), found, opens, offsets, np.zeros(0, np.bool_))


def _around_mask(region: Region, species: int, radius: float, walls: list[Gate]) -> _Row:
    """Partners around a region of any shape; a partner's cell decides whether it is inside."""
    grid = region.grid
    d = grid.dimension
    opens = np.full((d, 2), region.parts.outside.any())
    offsets = np.full(2 * d, -1, np.int64)
    found: list[tuple[Gate, int, Integers]] = []
    near, at = _near(region, region.parts.outside, radius), 0
    for gate in walls:
        face = gate.face
        which = _nearest(region, face)
        found.append((gate, at, which))
        offsets[face.index], opens[face.axis, face.side] = at, True
        at += len(which)
        along = np.zeros(grid.shape[::-1], np.bool_)
        at_side = [slice(None)] * d
        at_side[d - 1 - face.axis] = slice(-1, None) if face.side else slice(0, 1)
        along[tuple(at_side)] = True
        near |= _near(region, along.ravel(), radius)
    return _Row(species, _strip(region, radius), found, opens, offsets, near & region.mask)


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
    from scipy import ndimage

    index = ndimage.distance_transform_edt(
        beside < 0, sampling=spacing, return_distances=False, return_indices=True
    )
    return np.asarray(beside[tuple(index)].ravel(), np.int64)


def _strip(region: Region, radius: float) -> Integers:
    """Cells outside the region within a distance of it, flat."""
    return np.flatnonzero(_near(region, region.mask, radius) & region.parts.outside)


def _near(region: Region, cells: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    """Which cells of the domain are within a distance of given ones, along each axis, flat."""
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
