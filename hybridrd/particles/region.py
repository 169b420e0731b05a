"""Particle region on the grid: its box, its faces, and the walls of each species."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats
from hybridrd.errors import ModelError, StepError
from hybridrd.interface import Context, FaceNumbers, default_scheme
from hybridrd.interface.base import at_least, at_most
from hybridrd.interface.exact import check_depth
from hybridrd.kernels import leak
from hybridrd.kernels.arrays import Cells
from hybridrd.kernels.walk import OPEN, PARTIAL, REFLECT, WRAP
from hybridrd.model.grid import Grid
from hybridrd.model.shell import Domain
from hybridrd.model.system import System
from hybridrd.model.walls import CLOSED, Law, Wall

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
        ``(face cells, cells along the axis)``, in axis order.
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
    """

    grid: Grid
    inner: Grid
    first: tuple[int, ...]
    faces: tuple[RegionFace, ...]
    wrapped: tuple[bool, ...]
    periodic: tuple[bool, ...]
    mask: NDArray[np.bool_]

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
        return self.inner.box_volume(self.low, self.high)

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


def periodic_axes(system: System) -> tuple[bool, ...]:
    """Which axes of the domain are periodic."""
    return tuple(map(system.is_periodic, system.domain.axes))


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


def make_region(system: System, whole: bool = False) -> Region | None:
    """The particle region of a system; for a pure PDE None, or the ``whole`` domain."""
    if not system.is_plain:
        raise ModelError(
            "particles and a PDE among obstacles, or in a particle region that is no box, are not "
            "supported yet; leave out obstacles=, and give a Box as particles="
        )
    box = system.particles or (system.domain if whole else None)
    if box is None:
        return None
    assert isinstance(box, Domain)
    grid = system.grid
    periodic = periodic_axes(system)
    first, count = index_box(system, box)
    # Faces are taken from the grid, so that cell faces and planes are the same numbers.
    low = [grid.edges(a)[first[a]] for a in range(grid.dimension)]
    high = [grid.edges(a)[first[a] + count[a]] for a in range(grid.dimension)]
    inner = type(grid)(tuple(map(float, low)), tuple(map(float, high)), tuple(count))
    index = np.arange(grid.cells).reshape(grid.shape[::-1]).T
    block = index[tuple(slice(f, f + n) for f, n in zip(first, count, strict=True))]
    mask = np.zeros(grid.cells, bool)
    mask[block.ravel()] = True
    faces: list[RegionFace] = []
    wrapped = []
    for a in range(grid.dimension):
        whole = count[a] == grid.shape[a]
        wrapped.append(whole and periodic[a])
        if wrapped[a]:
            continue
        for side in (0, 1):
            ends = first[a] + count[a] == grid.shape[a] if side else first[a] == 0
            at_wall = ends and not periodic[a]
            name = system.domain.side(a, side)
            if at_wall and name not in system.domain.sides:
                continue  # the centre of a ball
            beyond = first[a] + count[a] if side else first[a] - 1
            tangential = tuple(
                slice(None) if b == a else slice(first[b], first[b] + count[b])
                for b in range(grid.dimension)
            )
            columns = np.moveaxis(index[tangential], a, -1)
            # First tangential axis fastest.
            flat = (
                columns.reshape(-1, grid.shape[a], order="F") if columns.ndim > 1 else columns[None]
            )
            faces.append(
                RegionFace(
                    name=name if at_wall else f"interface:{name}",
                    axis=a,
                    side=side,
                    plane=float(high[a] if side else low[a]),
                    area=grid.plane_area(a, float(high[a] if side else low[a])),
                    outside=-1 if at_wall else beyond % grid.shape[a],
                    columns=np.ascontiguousarray(flat),
                    wall=system.walls.get(name) if at_wall else None,
                )
            )
    return Region(grid, inner, tuple(first), tuple(faces), tuple(wrapped), periodic, mask)


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
    name, D = system.species[species].name, system.species[species].D
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
            h = grid.spacing[face.axis]
            if width is not None and face.outside >= 0:
                h = width(face)
            numbers = scheme.numbers(
                D,
                dt,
                context,
                h,
                float(region.extent[face.axis]),
                f"species {name} at {face.name}",
            )
            exchanges[number] = curved(numbers, region, face) if grid.radial else numbers
            if numbers.kind == "exact" and numbers.reactivity == np.inf:
                kinds[at] = OPEN
            elif numbers.kind == "exact":
                kinds[at], gammas[at] = PARTIAL, numbers.reactivity
                where = f"species {name} at {face.name}"
                leaks[number] = _leak(region, face, numbers.reactivity, D, dt, where)
    if grid.radial:
        _check_spheres(f"species {name}", D, dt, float(region.extent[0]), kinds[0])
    return SpeciesWalls(kinds, gammas, exchanges, tuple(influxes), leaks)


def _leak(region: Region, face: RegionFace, gamma: float, D: float, dt: float, where: str) -> Leak:
    """The arrivals through a leaky wall. Raises StepError for a region that is too narrow."""
    if region.grid.radial:
        s = face.plane if face.side == 0 else -face.plane
        sphere = s, gamma, D, dt
        return Leak(leak.tried_on_sphere(*sphere), leak.arrived_on_sphere(*sphere))
    check_depth(D, dt, float(region.extent[face.axis]), where)
    return Leak(leak.tried(gamma * D, D, dt), leak.arrived(gamma * D, D, dt))


def layer_radii(width: float, face: RegionFace) -> tuple[float, float]:
    """Inner and outer radius of a boundary layer at a face (length)."""
    return (face.plane - width, face.plane) if face.side else (face.plane, face.plane + width)


def curved(numbers: FaceNumbers, region: Region, face: RegionFace) -> FaceNumbers:
    """A layer's numbers with its rates D A/(V dx), V its volume, in place of D/dx².

    At unit concentration it then exchanges D A/dx particles per time, as a flat one of area A.
    """
    if numbers.kind != "layer":
        return numbers
    inner, outer = layer_radii(numbers.width, face)
    volume = region.grid.box_volume(np.array([inner]), np.array([outer]))
    return replace(numbers, survival=numbers.survival ** (face.area * numbers.width / volume))


def _check_spheres(who: str, D: float, dt: float, width: float, kinds: Integers) -> None:
    """Raise StepError for a step in which a particle could reach both spheres."""
    # The inner closed form knows of no other sphere, the outer one of no centre either.
    least = LEAST_OPEN if kinds[1] == OPEN else LEAST_CLOSED
    if least**2 * 2.0 * D * dt > width**2 * (1.0 + 1e-9):
        spread = float(np.sqrt(2.0 * D * dt))
        raise StepError(
            f"{who}: the particle region is {width:g} wide in r, less than {least:g} sqrt(2 D dt) "
            f"= {least * spread:.4g}, so that a particle feels both of its spheres in one step; "
            f"use dt <= {at_most(width**2 / (2.0 * least**2 * D))} or a region at least "
            f"{at_least(least * spread)} wide"
        )
