"""Initial state: particles drawn in the particle region, concentrations in the cells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.kernels.arrays import runs
from hybridrd.kernels.copies import initial_copies
from hybridrd.kernels.exchange import place_in_cells
from hybridrd.kernels.mask import choose_cells
from hybridrd.kernels.poisson import poisson_numbers
from hybridrd.kernels.rng import CELL_DRAW, CELL_INITIAL, INITIAL, SETTLE, initial_address
from hybridrd.model.grid import AXES
from hybridrd.model.initial import Copies, Patch, Points, as_sequence
from hybridrd.model.overlap import cells_of, concentration, copies_overlap
from hybridrd.model.system import System
from hybridrd.particles.particles import Particles
from hybridrd.particles.population import Population
from hybridrd.particles.region import Region

_SLICE = 1 << 20  # points placed at a time

Address = tuple[np.uint64, int]  # step of their random numbers


class Constant(NamedTuple):
    """A constant concentration: its shape, its bounding box in the region, and the expected number.

    Parameters
    ----------
    patch
        The shape.
    low, high
        Corners of the box (length).
    mean
        Expected number in the box.
    """

    patch: Patch
    low: Floats
    high: Floats
    mean: Floats


# Mean concentration on all cells, and on those outside the region; constant part.
Spread = tuple[Floats, Floats, Constant | None]


def parts(system: System, species: int) -> list[Any]:
    """The parts of the initial state of a species; they add up."""
    return list(as_sequence(system.initial.get(system.names[species], [])))


def mean_concentration(system: System, species: int) -> Floats:
    """The expected initial concentration of a species on all cells, ``(cells,)``."""
    result = np.zeros(system.grid.cells)
    where = f"initial[{system.names[species]!r}]"
    free = None if system.obstacles is None else system.free
    for part in parts(system, species):
        result += concentration(part, system.grid, where, free)
    return result


class InitialState:
    """Sampler of the initial state of one replica.

    A constant concentration is a Poisson process in exactly its shape; a function or array is one
    in each cell. `Copies` and `Points` outside the region are counted in the cells.

    Parameters
    ----------
    whole
        Whether cells outside the region hold Poisson numbers of copies, not concentrations.
    """

    def __init__(
        self,
        system: System,
        region: Region,
        key: np.uint64,
        population: Population,
        whole: bool = False,
    ) -> None:
        self._whole = whole
        self._system = system
        self._region = region
        self._key = key
        self._population = population
        self._known: dict[tuple[int, int], Spread] | None = None

    def restart(self, key: np.uint64) -> None:
        """Use other random numbers from now on, and keep everything that is not random."""
        self._key = key
        self._known = {} if self._known is None else self._known

    def draw(self, species: int) -> Floats:
        """Fill the region; returns the concentration outside it, ``(cells,)``, 0 inside."""
        system, region, group = self._system, self._region, self._population[species]
        where = f"initial[{system.names[species]!r}]"
        outside = np.zeros(region.grid.cells)
        for p, part in enumerate(parts(system, species)):
            address = initial_address(species, p, region.grid.cells)
            if isinstance(part, (Copies, Points)):
                if isinstance(part, Copies):
                    group.reserve(part.n)
                for x in self._copies(part) if isinstance(part, Copies) else [part.positions.T]:
                    outside += self._add(x, group)
                continue
            field, beyond, shape = self._spread(species, p, part, where)
            outside += self._in_cells(beyond, address)
            if shape is None:
                self._by_cell(field, address, group)
            else:
                self._in_shape(shape, address, group)
        # Points on an interface belong to the region; their cells may lie outside it.
        outside[region.mask] = 0.0
        return outside

    def _spread(self, species: int, p: int, part: Any, where: str) -> Spread:
        """Mean concentration of a part, on all cells and outside the region; constant part."""
        known = self._known
        if known is not None and (species, p) in known:
            return known[species, p]
        free = None if self._system.obstacles is None else self._system.free
        field = concentration(part, self._region.grid, where, free)
        spread = field, np.where(self._region.mask, 0.0, field), self._constant(part)
        if known is not None:
            known[species, p] = spread
        return spread

    def _in_cells(self, field: Floats, address: Address) -> Floats:
        """The concentration outside the region, that of sampled copies if requested."""
        if not self._whole:
            return field
        volumes = self._region.grid.volumes
        counts = np.zeros(len(field), np.int64)
        initial_copies(field * volumes, self._key, *address, CELL_INITIAL, counts)
        return counts / volumes

    def _add(self, x: Floats, group: Particles) -> Floats:
        """Add the points in the region; the concentration of the others, ``(cells,)``."""
        region = self._region
        inside = region.contains(x)
        group.append(x[:, inside], self._population.new_ids(int(inside.sum())))
        if inside.all():
            return np.zeros(region.grid.cells)
        cells = cells_of(x[:, ~inside].T, region.grid)
        return np.bincount(cells, minlength=region.grid.cells) / region.grid.volumes

    def _place(
        self, n: int, cells: Integers | None, low: Floats, steps: Floats, shape: Integers
    ) -> Iterator[Floats]:
        """Positions of n points, each in its cell, drawn slice by slice to save memory."""
        first = int(self._population.next_id)
        self._population.next_id += n
        for begin in range(0, n, _SLICE):
            end = min(begin + _SLICE, n)
            ids = np.arange(first + begin, first + end, dtype=np.uint64)
            mine = np.zeros(end - begin, np.int64) if cells is None else cells[begin:end]
            x = np.empty((len(low), end - begin))
            place_in_cells(x, ids, 0, mine, low, steps, shape, self._key, SETTLE, 0)
            self._region.grid.by_volume(x, low, steps)
            yield x

    def _copies(self, part: Copies) -> Iterator[Floats]:
        if part.shape is not None or self._system.obstacles is not None:
            yield from self._copies_in_cells(part)
            return
        low, high = _box(part, self._region.grid.lower, self._region.grid.upper)
        yield from self._place(part.n, None, low, high - low, np.ones(len(low), np.int64))

    def _copies_in_cells(self, part: Copies) -> Iterator[Floats]:
        """Copies uniform in the free part of their region, cell by cell."""
        grid = self._region.grid
        overlap = copies_overlap(grid, part) * self._system.free
        some = np.flatnonzero(overlap)
        bounds = np.cumsum(overlap[some])
        low, high = _box(part, grid.lower, grid.upper)
        h = np.array(grid.spacing)
        first = int(self._population.next_id)
        ids = np.arange(first, first + part.n, dtype=np.uint64)
        chosen = np.empty(part.n, np.int64)
        choose_cells(ids, bounds, self._key, SETTLE, CELL_DRAW, chosen)
        index = np.array(np.unravel_index(some[chosen], grid.shape, order="F"))
        corner = np.array(grid.lower)[:, None] + h[:, None] * index
        one = np.zeros(len(low)), np.ones(len(low)), np.ones(len(low), np.int64)
        begin = 0
        for u in self._place(part.n, None, *one):
            mine = corner[:, begin : begin + u.shape[1]]
            begin += u.shape[1]
            a = np.maximum(mine, low[:, None])
            yield a + u * (np.minimum(mine + h[:, None], high[:, None]) - a)

    def _number(self, means: Floats, address: Address) -> tuple[Integers, int]:
        counts = np.empty(len(means), np.int64)
        total = poisson_numbers(means, self._key, *address, INITIAL, counts)
        return counts, total

    def _constant(self, part: Any) -> Constant | None:
        """A constant part cut to the region, None for functions and arrays."""
        shape = _constant_shape(part)
        if shape is None:
            return None
        (c, patch), region = shape, self._region
        if patch.center is not None and patch.radius is not None:
            center = np.array(patch.center)
            low = np.maximum(region.low, center - patch.radius)
            high = np.minimum(region.high, center + patch.radius)
        else:
            low, high = _box(patch, region.low, region.high)
            low, high = np.maximum(low, region.low), np.minimum(high, region.high)
        empty = c == 0 or (high <= low).any() or not region.mask.any()
        return Constant(
            patch, low, high, np.array([0.0 if empty else c * region.grid.box_volume(low, high)])
        )

    def _in_shape(self, constant: Constant, address: Address, group: Particles) -> None:
        """A Poisson process of constant concentration in a patch, cut to the region."""
        region, (patch, low, high, mean) = self._region, constant
        if mean[0] == 0:
            return
        _, total = self._number(mean, address)
        group.reserve(total)
        for x in self._place(total, None, low, high - low, np.ones(len(low), np.int64)):
            if patch.center is not None and patch.radius is not None:
                center = np.array(patch.center)
                inside = ((x - center[:, None]) ** 2).sum(axis=0) <= patch.radius**2
                x = x[:, inside]
            if not region.is_box:
                x = x[:, region.contains(x)]
            group.append(x, self._population.new_ids(x.shape[1]))

    def _by_cell(self, field: Floats, address: Address, group: Particles) -> None:
        region = self._region
        inside = np.flatnonzero(region.mask)
        counts, total = self._number((field * region.grid.volumes)[inside], address)
        grid = region.grid
        cells = np.asarray(inside[runs(counts, total)])
        shape = np.array(grid.shape, np.int64)
        group.reserve(total)
        for x in self._place(total, cells, np.array(grid.lower), np.array(grid.spacing), shape):
            group.append(x, self._population.new_ids(x.shape[1]))


def _constant_shape(part: Any) -> tuple[float, Patch] | None:
    """Concentration and shape of a constant part, None for functions and arrays."""
    if isinstance(part, Patch):
        return None if callable(part.c) or part.shape else (float(part.c), part)
    if callable(part) or isinstance(part, np.ndarray):
        return None
    return float(part), Patch(float(part))


def _box(part: Patch | Copies, low: Any, high: Any) -> tuple[Floats, Floats]:
    """The corners of a part's box; unbounded axes take the given corners."""
    bounds = list(_bounds(part, low, high))
    return np.array([b[0] for b in bounds]), np.array([b[1] for b in bounds])


def _bounds(part: Patch | Copies, low: Any, high: Any) -> Iterator[tuple[float, float]]:
    for a in range(len(low)):
        given = getattr(part, AXES[a])
        yield (float(low[a]), float(high[a])) if given is None else given


def expected_particles(system: System, region: Region) -> Floats:
    """Mean number of particles of each species in the region at time 0, ``(species,)``."""
    volumes = region.grid.volumes
    inside = [
        (mean_concentration(system, s) * volumes)[region.mask].sum()
        for s in range(len(system.species))
    ]
    return np.array(inside, dtype=float)
