"""Cells of a user's continuum: their maps to the faces of the particle region and to the grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats, Integers
from hybridrd.continuum.rectilinear import RectilinearCells, overlaps
from hybridrd.errors import ModelError, StepError
from hybridrd.interface import FaceNumbers
from hybridrd.model.grid import AXES
from hybridrd.model.system import System
from hybridrd.model.walls import CLOSED, Wall
from hybridrd.particles.region import Region, RegionFace

Sparse: TypeAlias = Any  # scipy.sparse.csr_array
_SLACK = 1e-7  # fraction of a cell width within which two faces are equal


@dataclass(frozen=True)
class UserStencil:
    """Weights of c_R on a user's cells: ``c_R = matrix @ c``, ``(face cells, user cells)``."""

    matrix: Sparse

    def read(self, c: Floats) -> Floats:
        """c_R per face cell from the concentrations on the user cells (particles per length^d)."""
        return np.asarray(self.matrix @ c)


class UserCells:
    """User cells: which of them are next to the region's faces, and maps to and from the grid.

    Parameters
    ----------
    system, region
        The system, with particle region and continuum.
    cells
        The cells of the user's continuum.

    Attributes
    ----------
    outside
        ``(user cells,)``: whether the cell lies outside the particle region.

    Raises
    ------
    ModelError
        If a plane of the region is not a face of the cells, if they do not cover the continuum
        region, or if the system needs the package's own PDE.
    """

    def __init__(self, system: System, region: Region, cells: RectilinearCells) -> None:
        _check_system(system, region)
        self.region, self.cells = region, cells
        grid = region.grid
        if cells.dimension != grid.dimension:
            raise ModelError(
                f"continuum: its cells have {cells.dimension} axes, the domain {grid.dimension}"
            )
        self._check_extent()
        # Index along the axis of the first cell outside each face.
        self._first = {f.name: _first(cells, f, region) for f in _interfaces(region)}
        inside = np.ones(cells.shape, bool)
        for a in range(grid.dimension):
            x = cells.centers(a)
            along = (x > region.low[a]) & (x < region.high[a])
            inside &= along.reshape([-1 if b == a else 1 for b in range(grid.dimension)])
        self.outside = ~inside.ravel()

    def width(self, face: RegionFace) -> float:
        """Width of the first cells outside a face, normal to it (length)."""
        return float(self.cells.widths(face.axis)[self._first[face.name]])

    def stencil(self, face: RegionFace, numbers: FaceNumbers, two_way: bool) -> UserStencil:
        """Weights of c_R at a face. Raises StepError if its offset is outside the cells.

        In two-way coupling c_R is read from the first cells outside the plane, as the scheme
        requires; in mean-field coupling between the two centres nearest to its offset. Along the
        plane a face cell takes the mean over its area.
        """
        index, depth = self._column(face, inwards=not two_way)
        if two_way:
            wanted = {"cell": 1, "linear": 2}[numbers.stencil]
            index, depth = index[:wanted], depth[:wanted]
            weights = _line(depth, numbers.offset)
        else:
            last = depth[-1] + 0.5 * self.cells.widths(face.axis)[index[-1]]
            if numbers.offset > last * (1.0 + 1e-9):
                raise StepError(
                    f"{face.name}: c_R is read {numbers.offset:.4g} outside the plane, but the "
                    f"continuum ends at {last:.4g}; use a narrower layer (a smaller dt), or a "
                    f"wider continuum"
                )
            at = int(np.clip(np.searchsorted(depth, numbers.offset) - 1, 0, max(len(depth) - 2, 0)))
            index, depth = index[at : at + 2], depth[at : at + 2]
            weights = _line(depth, numbers.offset)
        parts = [w * self._along(face, int(i)) for i, w in zip(index, weights, strict=True)]
        return UserStencil(sum(parts[1:], parts[0]))

    @cached_property
    def shares(self) -> Sparse:
        """Part of each grid cell's volume in each user cell, ``(grid cells, user cells)``.

        ``shares @ c`` averages concentrations over grid cells; ``numbers @ shares`` distributes
        the particles of grid cells.
        """
        from scipy import sparse

        matrix = sparse.csr_array([[1.0]])
        for a in range(self.cells.dimension):  # first axis fastest, as in the grid
            part = overlaps(self.region.grid.edges(a), self.cells.edges[a])
            part /= self.region.grid.spacing[a]
            matrix = sparse.csr_array(sparse.kron(sparse.csr_array(part), matrix))
        order = np.arange(self.cells.size).reshape(self.cells.shape[::-1]).T.ravel()
        return _normalised(sparse.csr_array(matrix[:, order]))

    @cached_property
    def plane_shares(self) -> Sparse:
        """`shares`, except that grid cells next to a face map to the first user cells there.

        Exchange happens at the plane, however wide the cells of the grid are.
        """
        from scipy import sparse

        n = self.region.grid.cells
        kept, moved = np.ones(n), sparse.csr_array((n, self.cells.size))
        for face in _interfaces(self.region):
            at = face.columns[:, face.outside]
            kept[at] = 0.0
            placed = sparse.csr_array(
                (np.ones(face.size), (at, np.arange(face.size))), (n, face.size)
            )
            moved = moved + placed @ self._along(face, self._first[face.name])
        return sparse.csr_array(sparse.diags_array(kept) @ self.shares + moved)

    @cached_property
    def grid_means(self) -> Sparse:
        """Averages over the part of user cells outside the region, ``(user cells, grid cells)``.

        Rows of cells inside the region are empty.
        """
        from scipy import sparse

        grid = self.region.grid
        outside = sparse.diags_array(np.where(self.region.mask, 0.0, grid.volumes))
        return _normalised(sparse.csr_array((outside @ self.shares).T))

    def _column(self, face: RegionFace, inwards: bool) -> tuple[Integers, Floats]:
        """User cells along the normal, by increasing distance of their centres from the plane.

        With ``inwards`` also those on the near side, if any, at negative distances.
        """
        n, first = self.cells.shape[face.axis], self._first[face.name]
        widths, outward = self.cells.widths(face.axis), 1 if face.side == 1 else -1
        wraps = self._wraps(face.axis)
        room = n if wraps else (n - first if outward == 1 else first + 1)
        column = (first + outward * np.arange(room)) % n
        # On a periodic axis stop at the other side of the region.
        far = self.region.extent[face.axis]
        period = float(widths.sum())
        depth = np.cumsum(widths[column]) - 0.5 * widths[column]
        if wraps:
            column, depth = column[depth < period - far], depth[depth < period - far]
        if not inwards:
            return column, depth
        near = n if wraps else (first if outward == 1 else n - 1 - first)
        before = (first - outward * np.arange(1, near + 1)) % n
        under = -(np.cumsum(widths[before]) - 0.5 * widths[before])
        before, under = before[under > -far], under[under > -far]
        return np.concatenate([before[::-1], column]), np.concatenate([under[::-1], depth])

    def _along(self, face: RegionFace, normal: int) -> Sparse:
        """Part of each face cell's area next to user cells at index ``normal`` of the axis."""
        from scipy import sparse

        cells, inner = self.cells, self.region.inner
        matrix, plane = sparse.csr_array([[1.0]]), list(cells.shape)
        plane[face.axis] = 1
        for a in range(cells.dimension):  # first tangential axis fastest
            if a != face.axis:
                part = overlaps(inner.edges(a), cells.edges[a]) / inner.spacing[a]
                matrix = sparse.csr_array(sparse.kron(sparse.csr_array(part), matrix))
        found = sparse.coo_array(_normalised(matrix))
        index = list(np.unravel_index(found.col, plane, order="F"))
        index[face.axis] = np.full(found.nnz, normal)
        columns = np.ravel_multi_index(tuple(index), cells.shape)
        shape = (face.size, cells.size)
        return sparse.csr_array((found.data, (found.row, columns)), shape=shape)

    def _wraps(self, axis: int) -> bool:
        """Whether the axis is periodic and the cells cover all of it."""
        grid, edges = self.region.grid, self.cells.edges[axis]
        slack = _SLACK * grid.spacing[axis]
        whole = edges[0] <= grid.lower[axis] + slack and edges[-1] >= grid.upper[axis] - slack
        return self.region.periodic[axis] and whole

    def _check_extent(self) -> None:
        """Raise ModelError unless the cells lie in the domain and cover the continuum region."""
        grid = self.region.grid
        covered = np.ones(1)
        for a, edges in enumerate(self.cells.edges):
            lower, upper, slack = grid.lower[a], grid.upper[a], _SLACK * grid.spacing[a]
            if edges[0] < lower - slack or edges[-1] > upper + slack:
                raise ModelError(
                    f"continuum: its cells reach from {edges[0]:.12g} to {edges[-1]:.12g} along "
                    f"{AXES[a]}, outside the domain ({lower:g}, {upper:g})"
                )
            part = overlaps(grid.edges(a), edges).sum(axis=1) / grid.spacing[a]
            covered = np.multiply.outer(part, covered).ravel()
        missing = np.flatnonzero((covered < 1.0 - 1e-6) & ~self.region.mask)
        if len(missing):
            at = ", ".join(f"{n} = {x[missing[0]]:.6g}" for n, x in grid.coordinates().items())
            extent = ", ".join(
                f"{n} in ({e[0]:.6g}, {e[-1]:.6g})"
                for n, e in zip(AXES, self.cells.edges, strict=False)
            )
            raise ModelError(
                f"continuum: its cells cover {extent}, but not the domain at {at}; they must "
                f"cover everything outside the particle region"
            )


def _check_system(system: System, region: Region) -> None:
    if system.domain.radial:
        raise ModelError(
            "continuum: a Shell can't have a user's continuum; use a Box, or leave it out"
        )
    if not system.is_hybrid:
        raise ModelError("continuum: the particle region covers the whole domain; make it smaller")
    if system.fluctuations:
        raise ModelError("fluctuations=True: a user's continuum has no noise; leave it out")
    met = {face.name for face in region.faces if face.wall is not None or face.outside < 0}
    for name, wall in system.walls.items():
        if name not in met and not _closed(wall, system):
            raise ModelError(
                f"walls: {name} = {wall!r} touches only the continuum; a user's continuum has its "
                f"boundary conditions in its equation, so leave the wall out"
            )
    columns = [face.columns[:, face.outside].ravel() for face in _interfaces(region)]
    index = np.concatenate(columns)
    if len(np.unique(index)) < len(index):
        raise ModelError("two planes of the particle region share a cell; use more cells")


def _closed(wall: Wall, system: System) -> bool:
    return wall.joined or all(wall.law(name) == CLOSED for name in system.names)


def _interfaces(region: Region) -> Sequence[RegionFace]:
    return [face for face in region.faces if face.outside >= 0]


def _first(cells: RectilinearCells, face: RegionFace, region: Region) -> int:
    """Index along the axis of the first user cell outside a plane.

    Raises ModelError if the plane is not a face of the cells.
    """
    edges, axis = cells.edges[face.axis], AXES[face.axis]
    starts = edges[:-1] if face.side == 1 else edges[1:]  # where a cell outside could begin
    planes = [face.plane]
    if region.periodic[face.axis]:
        length = region.grid.upper[face.axis] - region.grid.lower[face.axis]
        planes += [face.plane - length, face.plane + length]
    widths: NDArray[np.float64] = np.diff(edges)
    for plane in planes:
        at = int(np.argmin(np.abs(starts - plane)))
        if abs(starts[at] - plane) <= _SLACK * widths[at]:
            return at
    below, above = edges[edges < face.plane], edges[edges > face.plane]
    near = [f"{x:.10g}" for x in (*below[-1:], *above[:1])]
    raise ModelError(
        f"continuum: the plane {axis} = {face.plane:.10g} of the particle region ({face.name}) is "
        f"no face of its cells; the nearest along {axis} are at {' and '.join(near)}. Move one of "
        f"them onto the plane"
    )


def _line(depth: Floats, target: float) -> Floats:
    """Weights of the line through values at ``depth`` (fitted, if more than two) at ``target``."""
    mean = depth.mean()
    spread = ((depth - mean) ** 2).sum()
    slope = (depth - mean) / spread if spread > 0 else np.zeros_like(depth)
    return np.asarray(1.0 / len(depth) + (target - mean) * slope)


def _normalised(matrix: Sparse) -> Sparse:
    """The matrix with rows scaled to add up to 1 exactly; empty rows stay empty."""
    from scipy import sparse

    total = np.asarray(matrix.sum(axis=1)).ravel()
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    return sparse.csr_array(sparse.diags_array(scale) @ matrix)
