"""How the cells of a continuum of one's own lie beside the particle region and on the grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats, Integers
from hybridrd.continuum.rectilinear import Cells, overlaps
from hybridrd.errors import ModelError, StepError
from hybridrd.interface import FaceNumbers
from hybridrd.model.grid import AXES
from hybridrd.model.system import System
from hybridrd.model.walls import CLOSED, Wall
from hybridrd.particles.region import Face, Region

Sparse: TypeAlias = Any  # scipy.sparse.csr_array
_LEAST_SQUARES = 4  # cells of the least-squares line
_SLACK = 1e-7  # of a cell width, within which two faces are one


@dataclass(frozen=True)
class OwnStencil:
    """``c_R = matrix @ c``, ``(face cells, own cells)``."""

    matrix: Sparse

    def read(self, c: Floats) -> Floats:
        """c_R per face cell from concentrations on the continuum's own cells."""
        return np.asarray(self.matrix @ c)


class Beyond:
    """Own cells against the region's faces and the grid of the System, and what maps between them.

    Parameters
    ----------
    system, region
        The system, with particle region and continuum.
    cells
        The continuum's own cells.

    Attributes
    ----------
    outside
        ``(own cells,)``: whether the cell lies outside the particle region.

    Raises
    ------
    ModelError
        If a plane of the region is no face of the cells, or they do not cover what is outside the
        region, or the system has what only the package's own PDE can do.
    """

    def __init__(self, system: System, region: Region, cells: Cells) -> None:
        _check_system(system, region)
        self.region, self.cells = region, cells
        grid = region.grid
        if cells.dimension != grid.dimension:
            raise ModelError(
                f"continuum: its cells have {cells.dimension} axes, the domain {grid.dimension}"
            )
        self._check_extent()
        # Index along the axis of the first cell beyond each face.
        self._first = {f.name: _first(cells, f, region) for f in _interfaces(region)}
        inside = np.ones(cells.shape, bool)
        for a in range(grid.dimension):
            x = cells.centers(a)
            along = (x > region.low[a]) & (x < region.high[a])
            inside &= along.reshape([-1 if b == a else 1 for b in range(grid.dimension)])
        self.outside = ~inside.ravel()

    def width(self, face: Face) -> float:
        """Width of the first cells beyond a face, normal to it (length)."""
        return float(self.cells.widths(face.axis)[self._first[face.name]])

    def stencil(self, face: Face, numbers: FaceNumbers, two_way: bool) -> OwnStencil:
        """Where c_R of a face is read. Raises StepError if that is outside the cells.

        Two-way from the first cells beyond the plane, as the scheme asks; else between the two
        centres nearest to its offset. Along the plane a face cell takes the mean over its area.
        """
        index, depth = self._column(face, inwards=not two_way)
        if two_way:
            wanted = {"cell": 1, "linear": 2, "least-squares": _LEAST_SQUARES}[numbers.stencil]
            index, depth = index[:wanted], depth[:wanted]
            weights = _line(depth, numbers.offset)
        else:
            last = depth[-1] + 0.5 * self.cells.widths(face.axis)[index[-1]]
            if numbers.offset > last * (1.0 + 1e-9):
                raise StepError(
                    f"{face.name}: c_R belongs {numbers.offset:.4g} beyond the plane, but the "
                    f"continuum ends at {last:.4g}; use a narrower layer (a smaller dt), or a "
                    f"wider continuum"
                )
            at = int(np.clip(np.searchsorted(depth, numbers.offset) - 1, 0, max(len(depth) - 2, 0)))
            index, depth = index[at : at + 2], depth[at : at + 2]
            weights = _line(depth, numbers.offset)
        parts = [w * self._along(face, int(i)) for i, w in zip(index, weights, strict=True)]
        return OwnStencil(sum(parts[1:], parts[0]))

    @cached_property
    def shares(self) -> Sparse:
        """``(grid cells, own cells)``: which part of a grid cell's volume is in each own cell.

        As ``shares @ c`` it averages over grid cells, as ``numbers @ shares`` it distributes what
        is in them.
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
        """`shares`, but what is in grid cells beyond a face goes to the first own cells there.

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
        """``(own cells, grid cells)``: averages over own cells, of their part outside the region.

        Rows of cells inside the region are empty.
        """
        from scipy import sparse

        grid = self.region.grid
        outside = sparse.diags_array(np.where(self.region.mask, 0.0, grid.volumes))
        return _normalised(sparse.csr_array((outside @ self.shares).T))

    def _column(self, face: Face, inwards: bool) -> tuple[Integers, Floats]:
        """Own cells along the normal, by increasing depth of their centres beyond the plane.

        With ``inwards`` also those on the near side, where there are any (at negative depths).
        """
        n, first = self.cells.shape[face.axis], self._first[face.name]
        widths, outward = self.cells.widths(face.axis), 1 if face.side == 1 else -1
        wraps = self._wraps(face.axis)
        room = n if wraps else (n - first if outward == 1 else first + 1)
        beyond = (first + outward * np.arange(room)) % n
        # Not through the region and out on its other side.
        far = self.region.extent[face.axis]
        period = float(widths.sum())
        depth = np.cumsum(widths[beyond]) - 0.5 * widths[beyond]
        if wraps:
            beyond, depth = beyond[depth < period - far], depth[depth < period - far]
        if not inwards:
            return beyond, depth
        near = n if wraps else (first if outward == 1 else n - 1 - first)
        before = (first - outward * np.arange(1, near + 1)) % n
        under = -(np.cumsum(widths[before]) - 0.5 * widths[before])
        before, under = before[under > -far], under[under > -far]
        return np.concatenate([before[::-1], beyond]), np.concatenate([under[::-1], depth])

    def _along(self, face: Face, normal: int) -> Sparse:
        """``(face cells, own cells)``: parts of a face cell's area beside own cells ``normal``."""
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
        """Whether the cells are joined at the ends of an axis."""
        grid, edges = self.region.grid, self.cells.edges[axis]
        slack = _SLACK * grid.spacing[axis]
        whole = edges[0] <= grid.lower[axis] + slack and edges[-1] >= grid.upper[axis] - slack
        return self.region.periodic[axis] and whole

    def _check_extent(self) -> None:
        """The cells lie in the domain and leave nothing outside the region uncovered."""
        grid = self.region.grid
        covered = np.ones(1)
        for a, edges in enumerate(self.cells.edges):
            lower, upper, slack = grid.lower[a], grid.upper[a], _SLACK * grid.spacing[a]
            if edges[0] < lower - slack or edges[-1] > upper + slack:
                raise ModelError(
                    f"continuum: its cells reach from {edges[0]:.12g} to {edges[-1]:.12g} along "
                    f"{AXES[a]}, beyond the domain ({lower:g}, {upper:g})"
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
                f"cover all that is outside the particle region"
            )


def _check_system(system: System, region: Region) -> None:
    if system.domain.radial:
        raise ModelError("continuum: one of your own needs a Box; in a Shell there is none yet")
    if not system.is_hybrid:
        raise ModelError("continuum: there is none beside this particle region; make it smaller")
    if system.fluctuations:
        raise ModelError("fluctuations=True: a continuum of your own has no noise; leave it out")
    met = {face.name for face in region.faces if face.wall is not None or face.outside < 0}
    for name, wall in system.walls.items():
        if name not in met and not _closed(wall, system):
            raise ModelError(
                f"walls: {name} = {wall!r} is beside the continuum only; one of your own has its "
                f"boundary conditions in its equation, so leave the wall out"
            )
    columns = [face.columns[:, face.outside].ravel() for face in _interfaces(region)]
    index = np.concatenate(columns)
    if len(np.unique(index)) < len(index):
        raise ModelError("two planes of the particle region share a cell; use more cells")


def _closed(wall: Wall, system: System) -> bool:
    return wall.joined or all(wall.law(name) == CLOSED for name in system.names)


def _interfaces(region: Region) -> Sequence[Face]:
    return [face for face in region.faces if face.outside >= 0]


def _first(cells: Cells, face: Face, region: Region) -> int:
    """Index along the axis of the first own cell beyond a plane. Raises ModelError without one."""
    edges, axis = cells.edges[face.axis], AXES[face.axis]
    starts = edges[:-1] if face.side == 1 else edges[1:]  # where a cell beyond could begin
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
    """Weights that read a line through values at depths (fitted, if more than two) at a target."""
    mean = depth.mean()
    spread = ((depth - mean) ** 2).sum()
    slope = (depth - mean) / spread if spread > 0 else np.zeros_like(depth)
    return np.asarray(1.0 / len(depth) + (target - mean) * slope)


def _normalised(matrix: Sparse) -> Sparse:
    """Rows that add up to 1 but for round-off, made to; empty ones stay empty."""
    from scipy import sparse

    total = np.asarray(matrix.sum(axis=1)).ravel()
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    return sparse.csr_array(sparse.diags_array(scale) @ matrix)
