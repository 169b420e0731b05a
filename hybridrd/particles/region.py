"""Particle region on the grid: its box, its faces, and the walls of each species."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats
from hybridrd.errors import ModelError, StepError
from hybridrd.interface import (
    CalibratedLayer,
    Context,
    FaceNumbers,
    InterfaceScheme,
    default_scheme,
)
from hybridrd.interface.base import at_least, at_most
from hybridrd.interface.exact import check_depth
from hybridrd.kernels import leak
from hybridrd.kernels.arrays import Cells
from hybridrd.kernels.walk import CROSSING, OPEN, PARTIAL, REFLECT, WRAP
from hybridrd.model.drift import largest_D
from hybridrd.model.grid import Grid
from hybridrd.model.overlap import cells_of
from hybridrd.model.partition import Partition
from hybridrd.model.shell import Domain
from hybridrd.model.system import System
from hybridrd.model.walls import CLOSED, Law, Wall
from hybridrd.particles.mask_faces import mask_faces

Integers = NDArray[np.int64]

# Width of a shell in sqrt(2 D dt) at which one closed sphere is not felt where the other is nearer,
# and at which a closed and an open one disturb each other: errors of 1e-5.
LEAST_CLOSED = 8.0
LEAST_OPEN = 4.0
# kappa sqrt(dt/D) from which a leaky wall is as good as a reservoir: the flux differs by 1e-6.
WIDE_OPEN = 1e6


@dataclass(frozen=True)
class RegionFace:
    """One face of the particle region, with the cells along it.

    Parameters
    ----------
    name
        ``"x+"`` for a wall of the domain, ``"interface:x+"`` for a face inside it; of a shell
        ``"outer"`` and ``"interface:outer"``.
    axis, side
        Normal axis, and 0 for the lower, 1 for the upper side.
    plane
        Its coordinate along the axis (length).
    area
        Area of one face cell (length^(d-1)).
    outside
        Index along the axis of the continuum cells beyond it, -1 for a wall.
    columns
        Flat domain indices of the column of cells behind each face cell, shape
        ``(face cells, cells along the axis)``, in axis order; for a region other than a box, the
        region's own cell and the one outside.
    wall
        The wall, None for an interface.
    """

    name: str
    axis: int
    side: int
    plane: float
    area: float
    outside: int
    columns: Integers
    wall: Wall | None

    @property
    def index(self) -> int:
        """``2 axis + side``, its number in kernels."""
        return 2 * self.axis + self.side

    @property
    def size(self) -> int:
        """Number of face cells."""
        return len(self.columns)

    def law(self, species: str) -> Law:
        """The law of the wall for a species; `CLOSED` for an interface."""
        return CLOSED if self.wall is None else self.wall.law(species)


@dataclass(frozen=True)
class Region:
    """The particle region on the grid.

    Parameters
    ----------
    grid, inner
        The cells of the domain, and those of the region alone.
    first
        Index of the region's first cell along each axis.
    faces
        The faces that are not periodic.
    wrapped, periodic
        Per axis: whether particles wrap around in the region, and whether the domain is periodic.
    mask
        Which cells of the domain are in the region, flat.
    parts
        The kind of each cell of the domain.
    is_box
        Whether the region is all of the box ``inner``, and each of its faces of one kind.
    """

    grid: Grid
    inner: Grid
    first: tuple[int, ...]
    faces: tuple[RegionFace, ...]
    wrapped: tuple[bool, ...]
    periodic: tuple[bool, ...]
    mask: NDArray[np.bool_]
    parts: Partition
    is_box: bool = True

    @cached_property
    def cells(self) -> Cells:
        """Cells of the domain, for kernels."""
        return _cells(self.grid)

    @cached_property
    def inner_cells(self) -> Cells:
        """Cells of the region alone."""
        return _cells(self.inner)

    @cached_property
    def periods(self) -> Floats:
        """Period of the region along each axis (length), 0 for an axis that is not periodic."""
        return np.where(self.wrapped, self.extent, 0.0)

    @cached_property
    def low(self) -> Floats:
        """Lower corner, ``(d,)`` (length)."""
        return np.array(self.inner.lower)

    @cached_property
    def high(self) -> Floats:
        """Upper corner, ``(d,)`` (length)."""
        return np.array(self.inner.upper)

    @cached_property
    def volume(self) -> float:
        """Volume (length^d)."""
        if not self.is_box:
            return float(self.grid.volumes[self.mask].sum())
        return self.inner.box_volume(self.low, self.high)

    @cached_property
    def block(self) -> Integers:
        """Flat domain index of each cell of ``inner``."""
        index = np.arange(self.grid.cells).reshape(self.grid.shape[::-1]).T
        pairs = zip(self.first, self.inner.shape, strict=True)
        return self.inner.flatten(index[tuple(slice(f, f + n) for f, n in pairs)])

    def contains(self, x: Floats) -> NDArray[np.bool_]:
        """Which of the positions ``(axes, n)`` are in the region; those on its faces are."""
        inside = ((x >= self.low[:, None]) & (x <= self.high[:, None])).all(axis=0)
        if not self.is_box or not self.mask.any():
            inside &= self.mask[cells_of(x.T, self.grid)]
        return np.asarray(inside)

    def face_cells(self, face: RegionFace, x: Floats) -> Integers:
        """The face cell nearest to each of the positions ``(axes, n)``."""
        cells, size = np.zeros(x.shape[1], np.int64), 1
        for a, n in enumerate(self.inner.shape):
            if a != face.axis:
                at = ((x[a] - self.low[a]) / self.inner.spacing[a]).astype(np.int64)
                cells += size * np.clip(at, 0, n - 1)
                size *= n
        return cells

    @cached_property
    def extent(self) -> Floats:
        """Width along each axis, ``(d,)`` (length)."""
        return self.high - self.low


def _cells(grid: Grid) -> Cells:
    width = np.array(grid.spacing)
    return Cells(np.array(grid.lower), width, 1.0 / width, np.array(grid.shape, np.int64))


def index_box(system: System, box: Domain) -> tuple[list[int], list[int]]:
    """Index of the first cell of a box, and its number of cells, along each axis."""
    grid = system.grid
    first, count = [], []
    for a, (lo, hi) in enumerate(box.intervals):
        start = round((lo - grid.lower[a]) / grid.spacing[a])
        stop = round((hi - grid.lower[a]) / grid.spacing[a])
        first.append(start)
        count.append(stop - start)
    return first, count


def make_region(
    system: System, whole: bool = False, parts: Partition | None = None
) -> Region | None:
    """The particle region of a system; for a pure PDE None, or the ``whole`` domain.

    ``parts`` says what each cell is, if that is not what the system says.
    """
    box = system.particles or (system.domain if whole else None)
    if box is None:
        return None
    if parts is None:
        parts = system.partition
        if system.particles is None:
            parts = replace(parts, inside=parts.free)
    if isinstance(box, Domain) and system.is_plain:
        first, count = index_box(system, box)
    else:
        if parts.box is None or box.follows:
            return _mask_region(system, parts)
        first, count = (list(each) for each in parts.box)
    return _box_region(system, parts, first, count)


def _box_region(
    system: System, parts: Partition, first: Sequence[int], count: Sequence[int]
) -> Region:
    """A particle region that is a box of cells."""
    grid, periodic = parts.grid, parts.periodic
    # Faces are taken from the grid, so that cell faces and planes are the same numbers.
    low = tuple(float(grid.edges(a)[f]) for a, f in enumerate(first))
    high = tuple(float(grid.edges(a)[f + n]) for a, (f, n) in enumerate(_pairs(first, count)))
    inner = type(grid)(low, high, tuple(count))
    whole = [n == m for n, m in zip(count, grid.shape, strict=True)]
    wrapped = tuple(a and b for a, b in zip(whole, periodic, strict=True))
    faces = (
        _box_face(system, parts, inner, first, 2 * a + side)
        for a in range(grid.dimension)
        if not wrapped[a]
        for side in (0, 1)
    )
    closed = tuple(face for face in faces if face is not None)
    return Region(grid, inner, tuple(first), closed, wrapped, periodic, parts.inside, parts)


def _pairs(first: Sequence[int], count: Sequence[int]) -> list[tuple[int, int]]:
    return list(zip(first, count, strict=True))


def _box_face(
    system: System, parts: Partition, inner: Grid, first: Sequence[int], number: int
) -> RegionFace | None:
    """A face of a box; None at the centre of a ball, and at obstacles, which reflect."""
    grid, (a, side), count = parts.grid, divmod(number, 2), inner.shape
    beyond = first[a] + count[a] if side else first[a] - 1
    at_wall = not (parts.periodic[a] or 0 <= beyond < grid.shape[a])
    name = system.domain.side(a, side)
    if at_wall and name not in system.domain.sides:
        return None
    tangential = tuple(
        slice(None) if b == a else slice(f, f + n) for b, (f, n) in enumerate(_pairs(first, count))
    )
    index = np.arange(grid.cells).reshape(grid.shape[::-1]).T
    columns = np.moveaxis(index[tangential], a, -1)
    # First tangential axis fastest.
    flat = columns.reshape(-1, grid.shape[a], order="F") if columns.ndim > 1 else columns[None]
    if not at_wall and not parts.free[flat[0, beyond % grid.shape[a]]]:
        return None
    plane = (inner.upper if side else inner.lower)[a]
    return RegionFace(
        name=name if at_wall else f"interface:{name}",
        axis=a,
        side=side,
        plane=plane,
        area=grid.plane_area(a, plane),
        outside=-1 if at_wall else beyond % grid.shape[a],
        columns=np.ascontiguousarray(flat),
        wall=system.walls.get(name) if at_wall else None,
    )


def _mask_region(system: System, parts: Partition) -> Region:
    """A particle region of any shape, with a face for each direction in which it has any."""
    grid = parts.grid
    first, count = parts.bounds
    edges = [grid.edges(a) for a in range(grid.dimension)]
    low = tuple(float(e[f]) for e, f in zip(edges, first, strict=True))
    high = tuple(float(e[f + n]) for e, f, n in zip(edges, first, count, strict=True))
    faces = []
    follows = system.particles is not None and system.particles.follows
    for face in mask_faces(parts, complete=follows):
        name = system.domain.side(face.axis, face.side)
        faces.append(
            RegionFace(
                name=name if face.at_wall else f"interface:{name}",
                axis=face.axis,
                side=face.side,
                plane=float("nan"),  # each of its cells has its own
                area=grid.face_area(face.axis),
                outside=-1 if face.at_wall else 1,
                columns=np.stack([face.cells, face.beyond], axis=1),
                wall=system.walls.get(name) if face.at_wall else None,
            )
        )
    whole = [n == m for n, m in zip(count, grid.shape, strict=True)]
    wrapped = tuple(a and b for a, b in zip(whole, parts.periodic, strict=True))
    inner = type(grid)(low, high, count)
    return Region(
        grid, inner, first, tuple(faces), wrapped, parts.periodic, parts.inside, parts, False
    )


@dataclass(frozen=True)
class Leak:
    """Arrivals through a leaky wall in a step, per area and unit concentration (length).

    Attributes
    ----------
    tried, arrived
        Candidates, and the mean of those that are kept.
    """

    tried: float
    arrived: float


@dataclass(frozen=True)
class SpeciesWalls:
    """Faces for one species: kinds and gammas for the walk, numbers for exchange.

    Attributes
    ----------
    kinds, gammas
        By ``(axis, side)``, see `hybridrd.kernels.walk`.
    exchanges, leaks
        By the number of the face.
    influxes
        Numbers of the faces with an influx.
    """

    kinds: NDArray[np.int64]
    gammas: Floats
    exchanges: dict[int, FaceNumbers]
    influxes: tuple[int, ...]
    leaks: dict[int, Leak]

    @cached_property
    def closed(self) -> bool:
        """Whether no move can end at a face."""
        return bool(np.isin(self.kinds, (REFLECT, WRAP)).all())


def species_walls(
    system: System,
    region: Region,
    species: int,
    dt: float,
    width: Callable[[RegionFace], float] | None = None,
) -> SpeciesWalls:
    """Kinds of walls and interface numbers of a species. Raises StepError where dt does not fit.

    On a sphere of radius a ``gammas`` are kappa/(4 pi a² D) (1/length), infinite if it absorbs.
    ``width`` gives that of the first cells beyond an interface, where they are not the grid's.
    """
    name, D = system.species[species].name, largest_D(system, system.species[species])
    grid = region.grid
    d = grid.dimension
    kinds = np.full((d, 2), REFLECT, np.int64)
    gammas = np.zeros((d, 2))
    exchanges: dict[int, FaceNumbers] = {}
    influxes: list[int] = []
    leaks: dict[int, Leak] = {}
    for a in range(d):
        if region.wrapped[a]:
            kinds[a] = WRAP
    for number, face in enumerate(region.faces):
        law, at = face.law(name), (face.axis, face.side)
        context: Context | None = None
        if face.outside >= 0:
            context = "cells" if system.fluctuations == "discrete" else system.coupling
        elif law.is_reservoir:
            context = "wall"
        elif law.held and not grid.radial:
            kinds[at] = OPEN
        elif law.kappa > 0 and D > 0:
            kinds[at] = PARTIAL
            gammas[at] = law.kappa / (grid.kappa_area(face.axis, face.plane) * D)
            if law.outside is not None:
                gammas[at] = min(gammas[at], WIDE_OPEN / np.sqrt(D * dt))
                where = f"species {name} at {face.name}"
                leaks[number] = _leak(region, face, gammas[at], D, dt, where)
        if law.influx is not None:
            influxes.append(number)
        # What does not move has partners beyond a reservoir wall all the same.
        if context is not None and (D > 0 or context == "wall"):
            scheme = system.interface or default_scheme(context)
            h, depth = grid.spacing[face.axis], float(region.extent[face.axis])
            if width is not None and face.outside >= 0:
                h = width(face)
            if not region.is_box:
                scheme, context, depth = _mask_scheme(system, context, h)
            numbers = scheme.numbers(D, dt, context, h, depth, f"species {name} at {face.name}")
            exchanges[number] = curved(numbers, region, face) if grid.radial else numbers
            if numbers.kind == "injection":
                kinds[at], gammas[at] = OPEN, CROSSING
            elif numbers.kind == "exact" and numbers.reactivity == np.inf:
                kinds[at] = OPEN
            elif numbers.kind == "exact":
                kinds[at], gammas[at] = PARTIAL, numbers.reactivity
                where = f"species {name} at {face.name}"
                leaks[number] = _leak(region, face, numbers.reactivity, D, dt, where)
    if grid.radial:
        _check_spheres(f"species {name}", D, dt, float(region.extent[0]), kinds[0])
    return SpeciesWalls(kinds, gammas, exchanges, tuple(influxes), leaks)


def _mask_scheme(
    system: System, context: Context, h: float
) -> tuple[InterfaceScheme, Context, float]:
    """The layer of a region other than a box: one cell, whatever is beyond it; with its depth.

    Raises
    ------
    ModelError
        If another scheme is asked for.
    """
    if system.interface not in (None, CalibratedLayer()):
        raise ModelError(
            f"interface = {system.interface!r}: the particle region is no box, and its faces have "
            f"layers one cell wide; leave interface out, or make the region a box"
        )
    if context == "wall":
        return CalibratedLayer(width=h), context, 4.0 * h
    return CalibratedLayer(), "cells" if context == "cells" else "two-way", 4.0 * h


def _leak(region: Region, face: RegionFace, gamma: float, D: float, dt: float, where: str) -> Leak:
    """The arrivals through a leaky wall. Raises StepError for a region that is too narrow."""
    if region.grid.radial:
        s = face.plane if face.side == 0 else -face.plane
        sphere = s, gamma, D, dt
        return Leak(leak.tried_on_sphere(*sphere), leak.arrived_on_sphere(*sphere))
    if region.is_box:  # else any run of cells may be short
        check_depth(D, dt, float(region.extent[face.axis]), where)
    return Leak(leak.tried(gamma * D, D, dt), leak.arrived(gamma * D, D, dt))


def layer_radii(width: float, face: RegionFace) -> tuple[float, float]:
    """Inner and outer radius of a boundary layer at a face (length)."""
    return (face.plane - width, face.plane) if face.side else (face.plane, face.plane + width)


def curved(numbers: FaceNumbers, region: Region, face: RegionFace) -> FaceNumbers:
    """A layer's numbers with its rates D A/(V dx), V its volume, in place of D/dx².

    At unit concentration it then exchanges D A/dx particles per time, as a flat one of area A.
    Raises ModelError for published rules, which are for planes.
    """
    if numbers.kind == "injection":
        raise ModelError(
            f"{face.name}: a sphere, for which Published has no rule; use another interface"
        )
    if numbers.kind != "layer":
        return numbers
    inner, outer = layer_radii(numbers.width, face)
    volume = region.grid.box_volume(np.array([inner]), np.array([outer]))
    return replace(numbers, survival=numbers.survival ** (face.area * numbers.width / volume))


def _check_spheres(who: str, D: float, dt: float, width: float, kinds: Integers) -> None:
    """Raise StepError for a step in which a particle could reach both spheres."""
    # The inner closed form ignores the other sphere, the outer one ignores the centre too.
    least = LEAST_OPEN if kinds[1] == OPEN else LEAST_CLOSED
    if least**2 * 2.0 * D * dt > width**2 * (1.0 + 1e-9):
        spread = float(np.sqrt(2.0 * D * dt))
        raise StepError(
            f"{who}: the particle region is {width:g} wide in r, less than {least:g} sqrt(2 D dt) "
            f"= {least * spread:.4g}, so that a particle feels both of its spheres in one step; "
            f"use dt <= {at_most(width**2 / (2.0 * least**2 * D))} or a region at least "
            f"{at_least(least * spread)} wide"
        )
