"""The implicit diffusion step on a uniform box by fast cosine, sine and Fourier transforms."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats
from hybridrd.continuum.assembled import Assembled
from hybridrd.continuum.axis_transform import TYPES, Ends
from hybridrd.continuum.conditions import NoFlux, WallCondition
from hybridrd.continuum.stage import G, Solver
from hybridrd.model.grid import AXES, Grid

_Step = Callable[..., Any]
Intervals = tuple[tuple[int, int], ...]


def active_box(active: NDArray[np.intp], grid: Grid) -> Intervals | None:
    """Range ``[start, stop)`` of the active cells along each axis, or None if they fill no box."""
    box = bounding_box(active, grid)
    return box if math.prod(b - a for a, b in box) == len(active) else None


class TransformSolver(Solver):
    """Exact solution by the eigenvectors of the cell-centred Laplacian on a box.

    Ends without flux make it a type-II cosine transform, two ends with given face values a
    type-II sine transform, one of each a type-IV transform; periodic axes a Fourier transform.

    Parameters
    ----------
    assembled
        The system; its cells must fill a box whose walls fit (see `fits`).
    grid, walls
        Grid of the whole domain, and the condition of each of its walls.
    """

    name = "transform"

    def __init__(
        self, assembled: Assembled, grid: Grid, walls: Mapping[str, WallCondition]
    ) -> None:
        box = active_box(assembled.active, grid)
        if box is None or not self.fits(box, grid, walls):
            raise ValueError("the active cells are not a box with walls a transform can treat")
        kinds = box_ends(box, grid, walls)
        counts = [b - a for a, b in box]
        d = grid.dimension
        self._shape = tuple(counts[::-1])
        self._axes: list[tuple[float, Ends]] = []  # area over distance of neighbours, and the ends
        groups: dict[tuple[str, int], list[int]] = {}
        periodic: list[int] = []
        spectrum = np.full(self._shape, assembled.volume / assembled.tau)
        for axis, (n, kind) in enumerate(zip(counts, kinds, strict=True)):
            conductance = assembled.diffusion * grid.face_area(axis) / grid.spacing[axis]
            self._axes.append((grid.face_area(axis) / grid.spacing[axis], kind))
            if kind is None:
                periodic.append(-1 - axis)
                modes = 2.0 * np.arange(n)
            else:
                name, number, shift, _ = TYPES[kind]
                groups.setdefault((name, number), []).append(-1 - axis)
                modes = np.arange(n) + shift
            values = 4.0 * np.sin(0.5 * np.pi * modes / n) ** 2
            shape = [1] * d
            shape[d - 1 - axis] = n
            spectrum = spectrum + conductance * values.reshape(shape)
        self._forward: list[_Step] = []
        self._backward: list[_Step] = []
        import scipy.fft

        for (name, number), axes in groups.items():
            there = getattr(scipy.fft, f"{name}n")
            back = getattr(scipy.fft, f"i{name}n")
            self._forward.append(partial(there, type=number, axes=axes))
            self._backward.append(partial(back, type=number, axes=axes, overwrite_x=True))
        if periodic:
            axes = sorted(periodic)
            sizes = [self._shape[axis] for axis in axes]
            self._forward.append(partial(scipy.fft.rfftn, axes=axes))
            self._backward.append(partial(scipy.fft.irfftn, s=sizes, axes=axes))
            # A real transform keeps the first half of the modes of its last axis.
            half = [slice(None)] * d
            half[axes[-1]] = slice(0, sizes[-1] // 2 + 1)
            spectrum = spectrum[tuple(half)]
        self._backward.reverse()
        self._inverse: Floats = 1.0 / spectrum
        self._factors: tuple[Floats, ...] | None = None  # of `two_stages`

    @staticmethod
    def fits(box: Intervals | None, grid: Grid, walls: Mapping[str, WallCondition]) -> bool:
        """Whether the active cells are a ``box`` and every side of it can be treated."""
        if box is None:
            return False
        sides = [c for a, ends in enumerate(box) for c in box_sides(a, ends, grid, walls)]
        return all(c.joined or c.closed or c.held for c in sides)

    def solve(self, rhs: Floats) -> Floats:
        """The solution of ``matrix @ u = rhs``, ``(active,)`` or ``(m, active)``."""
        modes = self._there(rhs)
        modes *= self._inverse
        return self._back(modes, rhs.shape)

    def product(self, assembled: Assembled, u: Floats) -> Floats:
        """``matrix @ u`` by differences of neighbours, without FiPy's matrix.

        Beyond its ends the field is continued: periodic, or even about a closed end and odd about
        one with a given value.
        """
        field = u.reshape(self._shape)
        result = field * (assembled.volume / assembled.tau)
        for axis, (share, kind) in enumerate(self._axes):
            a = len(self._shape) - 1 - axis
            first, last = field.take([0], a), field.take([-1], a)
            if kind is None:
                first, last = last, first
            else:
                first, last = -first if kind[0] else first, -last if kind[1] else last
            curvature = np.diff(np.concatenate((first, field, last), a), 2, a)
            result -= assembled.diffusion * share * curvature
        return result.ravel()

    def two_stages(
        self, u: Floats, given: Floats | None, scale: float | Floats, inflow: Floats | None
    ) -> tuple[Floats, Callable[[], Floats]]:
        """Two stages between one pair of transforms; see `Solver.two_stages`."""
        if inflow is not None:
            given = inflow / scale if given is None else given + inflow / scale
        if self._factors is None:
            s, g = float(scale) * self._inverse, G
            of_u, of_given = (
                s * (1.0 + (1.0 / g - 1.0) * (s - 1.0)),
                s * (1.0 + (1.0 / g - 1.0) * s),
            )
            self._factors = (of_u, of_given, (1 - g) * s + g * of_u, (1 - g) * s + g * of_given)
        of_u, of_given, mean_u, mean_given = self._factors
        modes = self._there(u)
        added = None if given is None else self._there(given)
        new = of_u * modes
        if added is not None:
            new += of_given * added

        def mean() -> Floats:
            both = mean_u * modes
            if added is not None:
                both += mean_given * added
            return self._back(both, u.shape)

        return self._back(new, u.shape), mean

    def _there(self, values: Floats) -> Any:
        field: Any = values.reshape(*values.shape[:-1], *self._shape)
        for k, step in enumerate(self._forward):
            field = step(field, overwrite_x=k > 0)  # never the caller's
        return field

    def _back(self, modes: Any, shape: tuple[int, ...]) -> Floats:
        for step in self._backward:
            modes = step(modes)
        solution: Floats = modes.reshape(shape)
        return solution


def bounding_box(active: NDArray[np.intp], grid: Grid) -> Intervals:
    """Range ``[start, stop)`` of the active cells along each axis."""
    index = np.unravel_index(active, grid.shape[::-1])[::-1]
    return tuple((int(i.min()), int(i.max()) + 1) for i in index)


def box_ends(box: Intervals, grid: Grid, walls: Mapping[str, WallCondition]) -> list[Ends]:
    """Whether each end of a box has a given face value, per axis; None for periodic axes.

    An end inside the domain is closed. A wall of finite permeability counts as an end without
    flux.
    """
    kinds: list[Ends] = []
    for axis, (start, stop) in enumerate(box):
        sides = box_sides(axis, (start, stop), grid, walls)
        joined = all(c.joined for c in sides)
        kinds.append(None if joined else (sides[0].held, sides[1].held))
    return kinds


def box_sides(
    axis: int, interval: tuple[int, int], grid: Grid, walls: Mapping[str, WallCondition]
) -> tuple[WallCondition, WallCondition]:
    """Conditions at the two ends of a box along an axis."""
    low: WallCondition = walls[AXES[axis] + "-"] if interval[0] == 0 else NoFlux()
    high: WallCondition = walls[AXES[axis] + "+"] if interval[1] == grid.shape[axis] else NoFlux()
    if low.joined and high.joined:
        return low, high
    # A periodic wall whose other side is cut off is closed.
    return NoFlux() if low.joined else low, NoFlux() if high.joined else high
