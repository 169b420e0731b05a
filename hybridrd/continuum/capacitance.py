"""The implicit diffusion step on cells of any shape: a transform of the box around them, corrected.

Around the active cells lies a box on which a transform solves F x = b. The rows of the matrix A
differ from those of F only for cells at some faces: those between an active cell i and an excluded
cell j, where F has the flux ``g (x_i - x_j)`` and A none, and those of walls with a finite
permeability. With charges y on these active cells,

    x = F^-1 (b + E y),    (I - W F^-1 E) y = W F^-1 b,

solves A x = b, where ``E y`` is the field of charges and ``W x`` the flux through the faces of each
cell in F but not in A. The values of x in excluded cells have no effect. The matrix of y is well
conditioned
(a single layer; B. L. Buzbee, F. W. Dorr, J. A. George and G. H. Golub, SIAM J. Numer. Anal. 8, 722
(1971)).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import reduce
from itertools import product
from typing import Any

import numpy as np

from hybridrd.arrays import Floats
from hybridrd.continuum.assembled import Assembled, Indices
from hybridrd.continuum.axis_transform import AxisTransform, Ends
from hybridrd.continuum.conditions import WallCondition
from hybridrd.continuum.cost import LARGEST_CAPACITANCE, LARGEST_TABLE, STIFFEST_CAPACITANCE
from hybridrd.continuum.stage import G, Solver
from hybridrd.continuum.transform import bounding_box, box_ends
from hybridrd.model.grid import Grid


class _Faces:
    """Faces at which the matrix differs from that of the box, and the active cells at them.

    Parameters
    ----------
    inner, outer
        The active cell and the one behind the face (the same at a wall), flat in the box.
    own, other
        The flux is ``own x[inner] + other x[outer]`` (length^d/time).
    """

    def __init__(self, inner: Indices, outer: Indices, own: Floats, other: Floats) -> None:
        self.inner, self.outer, self.own, self.other = inner, outer, own, other
        self.cells, self.which = np.unique(inner, return_inverse=True)

    def layers(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Range of the first index of a box of this shape that contains all these cells."""
        if len(self.inner) == 0:
            return 0, 1
        both = np.concatenate((self.inner, self.outer)) // math.prod(shape[1:])
        return int(both.min()), int(both.max()) + 1


class CapacitanceSolver(Solver):
    """Capacitance-matrix method: transforms, and charges on the faces where these do not fit.

    The matrix of the charges is inverted, for at most `LARGEST_CAPACITANCE` cells. (More
    charges could be found by conjugate gradients, with some ten pairs of transforms; Chebyshev
    iteration on the cells is faster up to D tau/h² = 300.)

    Parameters
    ----------
    assembled
        The system.
    grid, walls
        Grid of the whole domain, and the condition of each of its walls.
    """

    name = "capacitance"

    def __init__(
        self, assembled: Assembled, grid: Grid, walls: Mapping[str, WallCondition]
    ) -> None:
        self._shape, self._active, ends = _box(assembled, grid, walls)
        # Axes of arrays are in reverse order, as in the flat order of cells.
        self._rows = [AxisTransform(n, e) for n, e in zip(self._shape, ends, strict=True)]
        g = _conductance(assembled, grid)
        self._scale = float(assembled.volume / assembled.tau)
        self._inverse = _inverse(self._scale, g, [row.eigenvalues for row in self._rows])
        self._faces = _faces(assembled, grid, walls)
        # Only these layers are transformed along the other axes for charges, and at the faces.
        self._layers = self._faces.layers(self._shape)
        # In memory as it is used: a product with it reads it once, row by row.
        matrix = _capacitance(self._faces, self._shape, self._rows, self._scale, g)
        self._charges = np.ascontiguousarray(np.linalg.inv(matrix))

    @staticmethod
    def fits(grid: Grid, faces: int, spread: float) -> bool:
        """Whether it is for such cells, and is as exact as others for this D tau."""
        if grid.radial or grid.dimension == 1 or faces > LARGEST_CAPACITANCE:
            return False
        stiffness = max(spread / h**2 for h in grid.spacing)
        return stiffness <= STIFFEST_CAPACITANCE and grid.cells <= LARGEST_TABLE / 2**grid.dimension

    def solve(self, rhs: Floats) -> Floats:
        """The solution of ``matrix @ u = rhs``, ``(active,)`` or ``(m, active)``."""
        rows = np.atleast_2d(rhs)
        result = np.empty(rows.shape)
        for row, solution in zip(rows, result, strict=True):
            modes = self._stage(self._spread(row))
            solution[:] = self._back(modes)[self._active]
        return result.reshape(rhs.shape)

    def two_stages(
        self, u: Floats, given: Floats | None, scale: float | Floats, inflow: Floats | None
    ) -> tuple[Floats, Callable[[], Floats]]:
        """Two stages that remain in the space of modes; see `Solver.two_stages`."""
        start = self._spread(u * scale)
        added = None if given is None else given * scale
        if inflow is not None:
            added = inflow if added is None else added + inflow
        gain = 0.0 if added is None else self._spread(added)
        first = self._stage(start + gain)
        # Values in excluded cells continue to evolve there, without effect.
        second = (1.0 / G - 1.0) * (scale * first - start)
        second += start
        second += gain
        new = self._stage(second)

        def mean() -> Floats:
            return self._back((1.0 - G) * first + G * new)[self._active]

        return self._back(new.copy())[self._active], mean

    def _stage(self, b: Floats) -> Floats:
        """Modes of the solution for the modes of a right-hand side."""
        modes = self._inverse * b
        y = np.einsum("ij,j->i", self._charges, self._missing(modes))  # not by threads of BLAS
        modes += self._inverse * self._charged(y)
        return modes

    def _missing(self, modes: Floats) -> Floats:
        """W x by cell, for the modes of x."""
        faces, (low, high) = self._faces, self._layers
        x = self._rows[0].back(modes.copy(), 0)[low:high]
        for axis in range(1, x.ndim):
            x = self._rows[axis].back(x, axis)
        flat, start = x.ravel(), low * math.prod(self._shape[1:])
        through = faces.own * flat[faces.inner - start] + faces.other * flat[faces.outer - start]
        return np.asarray(np.bincount(faces.which, through, len(faces.cells)), np.float64)

    def _charged(self, y: Floats) -> Floats:
        """Modes of E y."""
        low, high = self._layers
        part = np.zeros((high - low) * math.prod(self._shape[1:]))
        part[self._faces.cells - low * math.prod(self._shape[1:])] = y
        part = part.reshape(high - low, *self._shape[1:])
        for axis in range(1, part.ndim):
            part = self._rows[axis].there(part, axis)
        field = np.zeros(self._shape)
        field[low:high] = part
        return self._rows[0].there(field, 0)

    def _spread(self, values: Floats) -> Floats:
        field = np.zeros(self._inverse.size)
        field[self._active] = values
        return self._there(field)

    def _there(self, field: Floats) -> Floats:
        modes = field.reshape(self._shape)
        for axis, row in enumerate(self._rows):
            modes = row.there(modes, axis)
        return modes

    def _back(self, modes: Floats) -> Floats:
        for axis, row in enumerate(self._rows):
            modes = row.back(modes, axis)
        return modes.ravel()


def _inverse(scale: float, g: list[float], eigenvalues: list[Floats]) -> Floats:
    """1 over ``scale + sum over axes of g eigenvalue``."""
    parts = [a * e for a, e in zip(g, eigenvalues, strict=True)]
    return np.asarray(1.0 / (scale + reduce(np.add.outer, parts)))


def boundary_cells(assembled: Assembled, grid: Grid, walls: Mapping[str, WallCondition]) -> int:
    """Number of active cells whose row of the matrix is not that of the box around them."""
    return len(_faces(assembled, grid, walls).cells)


def _box(
    assembled: Assembled, grid: Grid, walls: Mapping[str, WallCondition]
) -> tuple[tuple[int, ...], Indices, list[Ends]]:
    """Shape of the box around the active cells, their places in it, and what its axes end in."""
    box = bounding_box(assembled.active, grid)
    shape = tuple(stop - start for start, stop in box)[::-1]
    index = np.unravel_index(assembled.active, grid.shape[::-1])
    inside = [i - a for i, (a, _) in zip(index, box[::-1], strict=True)]
    return shape, np.ravel_multi_index(inside, shape), box_ends(box, grid, walls)[::-1]


def _conductance(assembled: Assembled, grid: Grid) -> list[float]:
    axes = reversed(range(grid.dimension))
    return [assembled.diffusion * grid.face_area(a) / grid.spacing[a] for a in axes]


def _faces(assembled: Assembled, grid: Grid, walls: Mapping[str, WallCondition]) -> _Faces:
    """The defective faces: between active cells and others, and at walls of finite permeability."""
    shape, active, ends = _box(assembled, grid, walls)
    g = _conductance(assembled, grid)
    taken = np.zeros(shape, dtype=bool)
    taken.flat[active] = True
    number = np.arange(taken.size).reshape(shape)
    found: list[tuple[Indices, Indices, Floats, Floats]] = []
    for axis, end in enumerate(ends):
        for side in (-1, 1):
            behind = np.roll(number, -side, axis)
            at = taken & ~taken.ravel()[behind]
            if end is not None:
                np.moveaxis(at, axis, 0)[0 if side < 0 else -1] = False
            size = np.full(int(at.sum()), g[axis])
            found.append((number[at], behind[at], size, -size))
    for wall, term in {**assembled.inflow, **assembled.absorption}.items():
        if not walls[wall].held:  # else it is part of the transform
            i = active[term.positions]
            found.append((i, i, -term.coefficient, np.zeros(len(i))))
    return _Faces(*(np.concatenate(part) for part in zip(*found, strict=True)))


def _capacitance(
    faces: _Faces, shape: tuple[int, ...], rows: list[AxisTransform], scale: float, g: list[float]
) -> Floats:
    """``I - W F^-1 E``: F^-1 is a sum of images in a table of distances."""
    waves = [row.waves() for row in rows]
    table = _inverse(scale, g, [eigenvalues for _, eigenvalues in waves])
    for axis, (wave, _) in enumerate(waves):
        table = np.moveaxis(np.tensordot(wave, table, (1, axis)), 0, axis)

    def between(cells: Indices) -> Floats:
        total: Any = 0.0
        to = np.unravel_index(cells, shape)
        pairs = list(zip(rows, to, np.unravel_index(faces.cells, shape), strict=True))
        for mirrored in product(*((False, True) if row.image else (False,) for row in rows)):
            sign = math.prod(row.image for row, m in zip(rows, mirrored, strict=True) if m)
            where = [
                a[:, None] + b + 1 if m else np.abs(a[:, None] - b)
                for (_, a, b), m in zip(pairs, mirrored, strict=True)
            ]
            total = total + sign * table[tuple(where)]
        return np.asarray(total)

    passing = faces.own[:, None] * between(faces.inner)
    passing += faces.other[:, None] * between(faces.outer)
    matrix = np.eye(len(faces.cells))
    np.subtract.at(matrix, faces.which, passing)
    return matrix
