"""Position-dependent diffusion and drift of a species on the cells of a grid."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybridrd.arguments import real_array
from hybridrd.arrays import Floats
from hybridrd.errors import ModelError
from hybridrd.model.draft import Description
from hybridrd.model.functions import arguments, evaluate
from hybridrd.model.grid import AXES, Grid
from hybridrd.model.species import Species

# Relative tolerance, in its range, for equal potentials at the two walls of a periodic axis.
SAME = 1e-9


@dataclass(frozen=True, eq=False)
class Drift:
    """Diffusion coefficients of a species, and rises of its potential over the cells (kT).

    A particle drifts with ``v = u - D grad U`` (length/time). Between two points at a distance h
    along an axis the rise is ``U_2 - U_1 - u h/D``, the work against the flow included.

    Attributes
    ----------
    grid
        The cells.
    D
        Diffusion coefficient in each cell (length²/time), ``(cells,)``.
    D_up
        That of the face above each cell along an axis, ``(d, cells)``: the harmonic mean of the two
        cells (half cells in series), or at a wall that of the cell.
    up
        From each cell's centre to the next one's along an axis, ``(d, cells)``; in the last cell to
        the wall, half a cell away, or across a periodic wall to the first one.
    low
        From the lower wall of each axis to the centres of the first cells, ``(faces,)`` each.
    across
        From face to face of each cell along each axis, ``(d, cells)``.
    flow
        The part of ``across`` that is the flow's, ``-u h/D``, ``(d, cells)``.
    later
        The drift at another time, where it depends on it; None where it does not.
    """

    grid: Grid
    D: Floats
    D_up: Floats
    up: Floats
    low: tuple[Floats, ...]
    across: Floats
    flow: Floats
    later: Callable[[float], Drift | None] | None = None

    @property
    def uneven(self) -> bool:
        """Whether the diffusion coefficient differs from cell to cell."""
        return bool(np.ptp(self.D) > SAME * self.D.max())

    @property
    def pushes(self) -> bool:
        """Whether there is a drift."""
        return any(np.any(rise) for rise in (self.up, self.across, *self.low))

    def D_at(self, wall: str) -> Floats:
        """Diffusion coefficients of the cells along a wall, in the flat order of the wall."""
        axis = AXES.index(wall[0])
        layers = self.D.reshape(self.grid.shape[::-1])
        return np.asarray(np.take(layers, 0 if wall[1] == "-" else -1, axis=-1 - axis).ravel())

    def outward(self, wall: str) -> Floats:
        """From the cells along a wall to it, in the flat order of the wall."""
        axis = AXES.index(wall[0])
        if wall[1] == "-":
            return -self.low[axis]
        layers = self.up[axis].reshape(self.grid.shape[::-1])
        return np.asarray(np.take(layers, -1, axis=-1 - axis).ravel())


def make_drift(
    system: Description, species: Species, grid: Grid | None = None, t: float = 0.0
) -> Drift | None:
    """Diffusion and drift of a species at a time on a system's cells, or on another grid.

    None if its diffusion is uniform and it does not drift.

    Raises
    ------
    ModelError
        If a function fails, is not finite, a diffusion coefficient is not positive, or a potential
        has a step at a periodic wall.
    """
    if not (species.drifts or species.uneven):
        return None
    return _Landscape(system, species, system.grid if grid is None else grid).at(t)


class _Landscape:
    """What does not depend on time of a drift, and the one asked for last."""

    def __init__(self, system: Description, species: Species, grid: Grid) -> None:
        self._species, self._grid, d = species, grid, grid.dimension
        self._D = coefficients(species, grid)
        self._on_cells = grid.unflatten(self._D)
        self._centres = [grid.centers(a) for a in range(d)]
        self._centre = _potential(species, grid, self._centres)
        self._joined = [system.is_periodic(axis) for axis in grid.axes]
        self._edges = [
            [grid.edges(b) if b == a else grid.centers(b) for b in range(d)] for a in range(d)
        ]
        self._on_faces = [_potential(species, grid, edges) for edges in self._edges]
        self._between = [_on_faces(self._on_cells, a, self._joined[a]) for a in range(d)]
        self._D_up = np.zeros((d, grid.cells))
        for a, between in enumerate(self._between):
            n, on_faces = grid.shape[a], self._on_faces[a]
            self._D_up[a] = grid.flatten(np.take(between, range(1, n + 1), axis=a))
            if self._joined[a]:
                first, last = (np.take(on_faces, i, axis=a) for i in (0, n))
                _check_periodic(first, last, np.ptp(on_faces), species, a)
        self._last: tuple[float, Drift] | None = None

    def at(self, t: float) -> Drift:
        """The drift at a time."""
        if self._last is None or self._last[0] != t:
            self._last = t, self._make(t)
        return self._last[1]

    def _make(self, t: float) -> Drift:
        species, grid, d = self._species, self._grid, self._grid.dimension
        up, across, flow = (np.zeros((d, grid.cells)) for _ in range(3))
        low: list[Floats] = []
        for a in range(d):
            n, h = grid.shape[a], grid.spacing[a]
            on_faces, centre = self._on_faces[a], self._centre
            carried = _flow(species, grid, a, self._edges[a], t) * (h / self._between[a])
            first, last = (np.take(on_faces, i, axis=a) for i in (0, n))
            rise = np.take(centre, range(1, n), axis=a) - np.take(centre, range(n - 1), axis=a)
            rise = rise - np.take(carried, range(1, n), axis=a)
            ends = np.take(centre, n - 1, axis=a)
            if self._joined[a]:
                beyond = np.take(centre, 0, axis=a) - ends - np.take(carried, n, axis=a)
            else:
                beyond = last - ends - 0.5 * np.take(carried, n, axis=a)
            up[a] = grid.flatten(np.concatenate([rise, np.expand_dims(beyond, a)], axis=a))
            start = np.take(centre, 0, axis=a) - first - 0.5 * np.take(carried, 0, axis=a)
            low.append(start.ravel(order="F"))
            along = _flow(species, grid, a, self._centres, t) * (h / self._on_cells)
            flow[a] = grid.flatten(-along)
            across[a] = grid.flatten(np.diff(on_faces, axis=a) - along)
        later = self.at if species.changes else None
        return Drift(grid, self._D, self._D_up, up, tuple(low), across, flow, later)


def coefficients(species: Species, grid: Grid) -> Floats:
    """The diffusion coefficient of a species in each cell (length²/time), ``(cells,)``.

    Raises
    ------
    ModelError
        If a function fails, or is not positive and finite in each cell.
    """
    where = f"species {species.name}: D"
    D = evaluate(species.D, grid.coordinates(), 0.0, where, grid.cells)
    if species.uneven and not D.all():
        place = ", ".join(f"{n}={c[D.argmin()]:.6g}" for n, c in grid.coordinates().items())
        raise ModelError(f"{where}: the function gives 0 at {place}; it must be above 0")
    return D


def mean_D(system: Description, species: Species) -> float:
    """The diffusion coefficient of a species; its mean over the cells if it is not uniform."""
    uneven = species.uneven
    return float(coefficients(species, system.grid).mean()) if uneven else float(species.D)


def largest_D(system: Description, species: Species) -> float:
    """The diffusion coefficient of a species; the largest of all cells if it is not uniform."""
    uneven = species.uneven
    return float(coefficients(species, system.grid).max()) if uneven else float(species.D)


def _on_faces(D: Floats, axis: int, joined: bool) -> Floats:
    """Harmonic means of neighbouring cells, ``n + 1`` faces along an axis."""
    first, last = (np.take(D, [i], axis=axis) for i in (0, -1))
    low, high = (last, first) if joined else (first, last)
    below, above = (np.concatenate(p, axis=axis) for p in ((low, D), (D, high)))
    return np.asarray(2.0 * below * above / (below + above))


def _mesh(grid: Grid, points: list[Floats]) -> tuple[dict[str, Floats], tuple[int, ...]]:
    mesh = np.meshgrid(*points, indexing="ij")
    return {n: m.ravel() for n, m in zip(grid.axes, mesh, strict=True)}, mesh[0].shape


def _potential(species: Species, grid: Grid, points: list[Floats]) -> Floats:
    """The potential (kT) on the mesh of some points along each axis."""
    at, shape = _mesh(grid, points)
    where = f"potential of {species.name}"
    return evaluate(species.potential, at, 0.0, where, minimum=-np.inf).reshape(shape)


def _flow(species: Species, grid: Grid, axis: int, points: list[Floats], t: float) -> Floats:
    """The velocity (length/time) along an axis on the mesh of some points along each axis."""
    at, shape = _mesh(grid, points)
    where = f"velocity of {species.name} along {AXES[axis]}"
    value = component(species.velocity, axis, grid.dimension, where)
    return evaluate(value, at, t, where, minimum=-np.inf).reshape(shape)


def component(velocity: Any, axis: int, dimension: int, where: str) -> float | Callable[..., Any]:
    """One component of a velocity: of a tuple, or of the tuple that a function returns.

    Raises
    ------
    ModelError
        If the number of components is not the number of axes.
    """
    if isinstance(velocity, tuple):
        if len(velocity) not in (0, dimension):
            raise ModelError(f"{where}: {len(velocity)} components in {dimension}D; give each axis")
        return velocity[axis] if velocity else 0.0

    @functools.wraps(velocity)
    def one(**given: Any) -> Any:
        found = velocity(**given)
        if dimension == 1 and not isinstance(found, tuple | list):
            return found
        if len(found) != dimension:
            raise ModelError(
                f"{where}: the function gives {len(found)} components, not {dimension}"
            )
        return real_array(found[axis], where)

    return one


def _check_periodic(
    first: Floats, last: Floats, spread: float, species: Species, axis: int
) -> None:
    step = float(np.abs(last - first).max())
    if step > SAME * max(float(spread), 1.0):
        raise ModelError(
            f"potential of {species.name}: it has a step of {step:.4g} kT at the periodic wall "
            f"{AXES[axis]}; give a potential that is equal on both sides, or a velocity"
        )


def check_drift(species: Species, axes: tuple[str, ...]) -> None:
    """Check the functions of a species against the coordinates. Raises ModelError."""
    for what, value in species.functions():
        absent = [n for n in arguments(value, what) if n not in (*axes, "t")]
        if absent:
            raise ModelError(
                f"{what}: the function takes {', '.join(absent)}, but the coordinates here are "
                f"{', '.join(axes)}"
            )
    component(species.velocity, 0, len(axes), f"velocity of {species.name}")
