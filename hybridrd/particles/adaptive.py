"""Particle regions that follow the copies: choice of cells, and conversion of their contents."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np

from hybridrd.arrays import Floats, Integers, State, stored, stored_count, stored_numbers
from hybridrd.errors import ModelError, ResultError, StepError
from hybridrd.kernels.arrays import cell_indices, count_in_cells
from hybridrd.kernels.exchange import place_in_cells
from hybridrd.kernels.mask import choose_cells
from hybridrd.kernels.rng import ADAPT, CELL_DRAW, ROUND_DRAW, uniforms
from hybridrd.model.adaptive import Adaptive
from hybridrd.model.drift import largest_D
from hybridrd.model.partition import Partition
from hybridrd.model.shape import Mask
from hybridrd.model.system import System
from hybridrd.particles.initial_state import mean_concentration
from hybridrd.particles.mask_faces import neighbours
from hybridrd.particles.population import Population
from hybridrd.particles.region import Region

_EXACT = 1e-9  # relative distance from a multiple of dt that counts as 0


class Tag:
    """Choice of the cells of the particle region by their copies.

    Parameters
    ----------
    system, dt
        A system whose particle region is `Adaptive`, and the time step.

    Raises
    ------
    StepError
        If the time between checks is not a multiple of dt.
    """

    def __init__(self, system: System, dt: float) -> None:
        adaptive = system.particles
        if not isinstance(adaptive, Adaptive):
            raise ModelError(f"particles = {adaptive!r}: it does not follow the copies")
        self._low, self._high = adaptive.low, adaptive.high
        steps = adaptive.every / dt
        self.stride = round(steps)
        if self.stride < 1 or abs(steps - self.stride) > _EXACT * max(1.0, steps):
            least = max(1, self.stride) * dt
            raise StepError(
                f"Adaptive: every = {adaptive.every:g} is not a multiple of dt = {dt:g}; the "
                f"nearest is {least:g}"
            )
        self._species = None if adaptive.species is None else system.index(adaptive.species)
        fastest = max(largest_D(system, s) for s in system.species)
        buffer = adaptive.buffer
        if buffer is None:
            buffer = 4.0 * float(np.sqrt(2.0 * fastest * adaptive.every))
        self.parts = parts = system.partition
        grid = parts.grid
        self._margin = [int(np.ceil(buffer / h - 1e-9)) for h in grid.spacing]
        sides = [neighbours(parts, a, side) for a in range(grid.dimension) for side in (0, 1)]
        self._beside = np.array(sides)
        beside_free = np.append(parts.free, False)[self._beside] & parts.free
        # An obstacle or wall as a neighbour counts as the cell itself.
        self._beside = np.where(beside_free, self._beside, np.arange(grid.cells))

    def inside(self, copies: Floats, now: Mask) -> Mask:
        """The particle region for copies ``(species, cells)``, given the current one, ``now``."""
        most = copies.max(axis=0) if self._species is None else copies[self._species]
        smooth = (most + most[self._beside].sum(axis=0)) / (1 + len(self._beside))
        few = (smooth < self._low) | (now & (smooth <= self._high))
        free, d = self.parts.free, self.parts.grid.dimension
        few = _without_specks(self.parts, few & free, 2**d)
        grown = _dilated(self.parts, few, self._margin) & free
        rest = _without_specks(self.parts, free & ~grown, 3**d)
        return np.asarray(free & ~rest)


def _blocks(parts: Partition, mask: Mask) -> Any:
    return mask.reshape(parts.grid.shape[::-1])


def _numbered(parts: Partition, mask: Mask) -> Integers:
    """Number of the connected patch of each cell, 0 outside the mask."""
    from scipy import ndimage

    return np.asarray(ndimage.label(_blocks(parts, mask))[0].ravel(), np.int64)


def _without_specks(parts: Partition, mask: Mask, least: int) -> Mask:
    """Connected patches of at least a number of cells."""
    numbers = _numbered(parts, mask)
    sizes = np.bincount(numbers)
    sizes[0] = 0
    return np.asarray((sizes >= min(least, int(parts.free.sum())))[numbers])


def _pieces(parts: Partition, cells: Integers) -> Integers:
    """Number of the connected patch of each of some cells, from 0."""
    mask = np.zeros(parts.grid.cells, bool)
    mask[cells] = True
    return _numbered(parts, mask)[cells] - 1


def _dilated(parts: Partition, mask: Mask, margin: list[int]) -> Mask:
    """A mask extended by a number of cells along each axis."""
    from scipy import ndimage

    block = _blocks(parts, mask)
    for axis, n in enumerate(margin):
        if n == 0:
            continue
        at = block.ndim - 1 - axis
        mode: Literal["wrap", "constant"] = "wrap" if parts.periodic[axis] else "constant"
        size = [1] * block.ndim
        size[at] = 2 * min(n, block.shape[at]) + 1
        block = ndimage.maximum_filter(block.astype(np.uint8), size, mode=mode).astype(bool)
    return np.asarray(block.ravel())


def first_partition(system: System, dt: float) -> Partition:
    """The initial partition of the cells, by the expected copies."""
    tag = Tag(system, dt)
    volumes = system.grid.volumes
    rows = [mean_concentration(system, s) * volumes for s in range(len(system.species))]
    return replace(tag.parts, inside=tag.inside(np.array(rows), np.zeros(len(volumes), bool)))


class Adapted:
    """A particle region that follows the copies, and converts cells that change sides.

    Particles become the content of their cell, exactly. Discrete copies become particles in their
    cell. Real-valued contents are rounded patch by patch: the content X of a patch becomes a whole
    number of particles, and the running remainder, less than one copy, is kept for the next time,
    so mass is exact and the mean unbiased. With noise in the continuum a patch is a single cell,
    whose content already has the variance of particles. Otherwise it is a connected set of cells
    that join at once; the particles are distributed over it at random by content, which gives a
    variance of ``X_i (1 - X_i/X)`` in cell i.

    Attributes
    ----------
    tag
        Choice of the cells.
    remainder
        Amount of each species that is neither a particle nor in a cell, less than one copy.
    changes, cells
        Number of changes of the region, and of cells that changed sides.
    share
        Sums over all checks of the fraction of cells with particles, of whether any had, and of 1.
    converted
        Copies of each species that became particles and that became content, ``(2, species)``.
    spread
        Sum of ``X_i (1 - X_i/X)`` over the cells that joined, and of X_i.
    """

    def __init__(self, system: System, dt: float, key: np.uint64) -> None:
        self.tag = Tag(system, dt)
        self._key, self._whole = key, system.fluctuations == "discrete"
        self._noisy = system.fluctuations is not None
        self.remainder = np.zeros(len(system.species))
        self.changes, self.cells, self.share = 0, 0, np.zeros(3)
        self.converted = np.zeros((2, len(system.species)), np.int64)
        self.spread = np.zeros(2)

    def look(self, copies: Floats, now: Mask) -> Mask:
        """The region for copies ``(species, cells)``, given the current one; counted in `share`."""
        inside = self.tag.inside(copies, now)
        share = float(inside.sum() / self.tag.parts.free.sum())
        self.share += share, float(share > 0), 1.0
        return inside

    def counts(self, population: Population, region: Region) -> Floats:
        """Particles in all cells of the domain, ``(species, cells)``."""
        counts = np.zeros((len(population), region.grid.cells), np.int64)
        for group, row in zip(population, counts, strict=True):
            count_in_cells(group.x, group.n, region.cells, row)
        return counts.astype(float)

    def convert(
        self, population: Population, region: Region, amounts: Floats, inside: Mask, step: int
    ) -> None:
        """Change the cells of the region, and the ``amounts`` ``(species, cells)`` of the
        continuum.

        Parameters
        ----------
        region
            The old region.
        inside
            The new cells.
        """
        copies = amounts.copy()
        for s, group in enumerate(population):
            cells = np.empty(group.n, np.int64)
            cell_indices(group.x, group.n, region.cells, cells)
            counts = np.bincount(cells, minlength=len(inside)).astype(float)
            copies[s] += counts
            lost = ~inside[cells]
            amounts[s] += np.where(inside, 0.0, counts)
            if lost.any():
                self.converted[1, s] += int(lost.sum())
                group.gone[: group.n][lost] = 1
                group.compact()
        joining = np.flatnonzero(inside & ~region.mask)
        for s in range(len(population)):
            self._join(population, region, s, amounts[s], copies[s], joining, step)
            amounts[s, joining] = 0.0
        self.changes += 1
        self.cells += int((inside != region.mask).sum())

    def _join(
        self, population: Population, region: Region, s: int, amounts: Floats, copies: Floats,
        joining: Integers, step: int,
    ) -> None:  # fmt: skip
        """Particles of a species in the cells that join the region."""
        content = amounts[joining]
        self.spread[1] += content.sum()
        if self._whole:
            cells = np.repeat(joining, np.rint(content).astype(np.int64))
            group = population.announce(s, len(cells))
        else:
            pieces = np.arange(len(joining)) if self._noisy else _pieces(region.parts, joining)
            u, _ = uniforms(self._key, np.uint64(s), step, ADAPT, ROUND_DRAW)
            # Cumulative sums are rounded, so that no patch changes by a whole copy.
            whole = np.bincount(pieces, content)
            sums = self.remainder[s] + np.cumsum(whole)
            upto = np.floor(np.maximum.accumulate(np.maximum(sums, 0.0)) + u).astype(np.int64)
            total = int(upto[-1]) if len(upto) else 0
            self.remainder[s] += content.sum() - total
            share = content / np.where(whole > 0, whole, np.inf)[pieces]
            self.spread[0] += float((content * (1.0 - share)).sum())
            group = population.announce(s, total)
            cells = np.empty(total, np.int64)
            ids = group.ids[group.n : group.n + total]
            for piece in np.flatnonzero(np.diff(upto, prepend=0)):
                first, last = upto[piece - 1] if piece else 0, upto[piece]
                mine = pieces == piece
                bounds = np.cumsum(np.maximum(content[mine], 0.0))
                chosen = cells[first:last]
                choose_cells(ids[first:last], bounds, self._key, ADAPT, CELL_DRAW, chosen)
                chosen[:] = joining[mine][chosen]
        if not len(cells):
            return
        self.converted[0, s] += len(cells)
        low, width, _, shape = region.cells
        place_in_cells(group.x, group.ids, group.n, cells, low, width, shape, self._key, ADAPT, 0)
        if not self._whole:
            _tilt(group.x[:, group.n : group.n + len(cells)], cells, copies, region)
        group.n += len(cells)
        group.stamp += 1

    def described(self) -> dict[str, Any]:
        """Extent of the region, converted copies, and the remainder.

        ``particle_share`` is the mean fraction of cells in the region, ``particle_time`` the
        fraction of the time with any; ``placement_noise`` is the variance that random placement
        added to joining cells, over that of particles.
        """
        cells, times = (self.share[:2] / max(self.share[2], 1.0)).round(6).tolist()
        return {
            "particle_share": cells,
            "particle_time": times,
            "region_changes": self.changes,
            "cells_changed": self.cells,
            "copies_to_particles": self.converted[0].tolist(),
            "copies_to_continuum": self.converted[1].tolist(),
            "remainder": self.remainder.tolist(),
            "placement_noise": round(float(self.spread[0] / max(self.spread[1], 1.0)), 6),
        }

    def state(self) -> State:
        """The state as arrays by name."""
        return {
            "adaptive/remainder": self.remainder.copy(),
            "adaptive/changes": np.array(self.changes),
            "adaptive/cells": np.array(self.cells),
            "adaptive/share": self.share.copy(),
            "adaptive/converted": self.converted.copy(),
            "adaptive/spread": self.spread.copy(),
        }

    def load_state(self, state: State) -> None:
        """The inverse of `state`. Raises ResultError."""
        self.remainder[:] = stored_numbers(state, "adaptive/remainder", self.remainder.shape)
        self.changes = stored_count(state, "adaptive/changes")
        self.cells = stored_count(state, "adaptive/cells")
        self.share[:] = stored_numbers(state, "adaptive/share", (3,), least=0.0)
        self.converted[:] = stored(state, "adaptive/converted", self.converted.shape)
        self.spread[:] = stored_numbers(state, "adaptive/spread", (2,))


def stored_inside(state: State, parts: Partition) -> Mask:
    """The particle region of a state. Raises ResultError."""
    inside = stored(state, "adaptive/inside", (parts.grid.cells,))
    if inside.dtype != np.bool_ or (inside & ~parts.free).any():
        raise ResultError("the state is damaged: its particle region is not possible")
    return np.asarray(inside)


def _tilt(x: Floats, cells: Integers, copies: Floats, region: Region) -> None:
    """Shift points that are uniform in their cells to a linear profile through the neighbours."""
    grid, free = region.grid, np.append(region.parts.free, False)
    for a in range(grid.dimension):
        beside = [neighbours(region.parts, a, side)[cells] for side in (0, 1)]
        own = copies[cells]
        low, high = (np.where(free[b], copies[b], own) for b in beside)
        slope = np.clip((high - low) / np.maximum(4.0 * own, 1e-300), -1.0, 1.0)
        place = (x[a] - grid.lower[a]) / grid.spacing[a]
        index = np.clip(np.floor(place), 0, grid.shape[a] - 1)
        v = place - index
        # The root of v = u + slope (u² - u): density 1 + slope (2 u - 1) in the cell.
        root = np.sqrt((1.0 - slope) ** 2 + 4.0 * slope * v)
        u = np.where(v > 0, 2.0 * v / np.maximum(1.0 - slope + root, 1e-300), 0.0)
        x[a] = grid.lower[a] + grid.spacing[a] * (index + np.clip(u, 1e-12, 1.0 - 1e-9))
