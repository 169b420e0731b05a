"""Drift of a species on the cells of a grid: its potential and the flow that carries it."""

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

# Two walls that are one have one potential, up to this part of its range.
SAME = 1e-9


@dataclass(frozen=True, eq=False)
class Drift:
    """Rises of a species' potential over the cells (kT), the work against its flow among them.

    A particle of diffusion coefficient D drifts with ``v = u - D grad U`` (length/time). Between
    two points at a distance h along an axis the rise is ``U_2 - U_1 - u h/D``.

    Attributes
    ----------
    grid
        The cells.
    up
        From each cell's centre to the next one's along an axis, ``(d, cells)``; in the last cell to
        the wall, half a cell away, or across a periodic wall to the first one.
    low
        From the lower wall of each axis to the centres of the first cells, ``(faces,)`` each.
    across
        From face to face of each cell along each axis, ``(d, cells)``.
    flow
        The part of ``across`` that is the flow's, ``-u h/D``, ``(d, cells)``.
    """

    grid: Grid
    up: Floats
    low: tuple[Floats, ...]
    across: Floats
    flow: Floats

    def outward(self, wall: str) -> Floats:
        """From the cells along a wall to it, in the flat order of the wall."""
        axis = AXES.index(wall[0])
        if wall[1] == "-":
            return -self.low[axis]
        layers = self.up[axis].reshape(self.grid.shape[::-1])
        return np.asarray(np.take(layers, -1, axis=-1 - axis).ravel())


def make_drift(system: Description, species: Species, grid: Grid | None = None) -> Drift | None:
    """The drift of a species on a system's cells, or those of another grid; None if it has none.

    Raises
    ------
    ModelError
        If a function fails, is not finite, or a potential has a step at a periodic wall.
    """
    if not species.drifts:
        return None
    grid = system.grid if grid is None else grid
    d = grid.dimension
    potential = functools.partial(_potential, species, grid)
    centre = potential([grid.centers(a) for a in range(d)])
    up, across, flow = (np.zeros((d, grid.cells)) for _ in range(3))
    low: list[Floats] = []
    for a in range(d):
        n, h = grid.shape[a], grid.spacing[a]
        edges = [grid.edges(b) if b == a else grid.centers(b) for b in range(d)]
        on_faces = potential(edges)
        carried = _flow(species, grid, a, edges) * (h / species.D)
        first, last = (np.take(on_faces, i, axis=a) for i in (0, n))
        rise = np.take(centre, range(1, n), axis=a) - np.take(centre, range(n - 1), axis=a)
        rise = rise - np.take(carried, range(1, n), axis=a)
        ends = np.take(centre, n - 1, axis=a)
        if system.is_periodic(AXES[a]):
            _check_periodic(first, last, np.ptp(on_faces), species, a)
            beyond = np.take(centre, 0, axis=a) - ends - np.take(carried, n, axis=a)
        else:
            beyond = last - ends - 0.5 * np.take(carried, n, axis=a)
        up[a] = grid.flatten(np.concatenate([rise, np.expand_dims(beyond, a)], axis=a))
        start = np.take(centre, 0, axis=a) - first - 0.5 * np.take(carried, 0, axis=a)
        low.append(start.ravel(order="F"))
        along = _flow(species, grid, a, [grid.centers(b) for b in range(d)]) * (h / species.D)
        flow[a] = grid.flatten(-along)
        across[a] = grid.flatten(np.diff(on_faces, axis=a) - along)
    return Drift(grid, up, tuple(low), across, flow)


def _mesh(grid: Grid, points: list[Floats]) -> tuple[dict[str, Floats], tuple[int, ...]]:
    mesh = np.meshgrid(*points, indexing="ij")
    return {n: m.ravel() for n, m in zip(grid.axes, mesh, strict=True)}, mesh[0].shape


def _potential(species: Species, grid: Grid, points: list[Floats]) -> Floats:
    """The potential (kT) on the mesh of some points along each axis."""
    at, shape = _mesh(grid, points)
    where = f"potential of {species.name}"
    return evaluate(species.potential, at, 0.0, where, minimum=-np.inf).reshape(shape)


def _flow(species: Species, grid: Grid, axis: int, points: list[Floats]) -> Floats:
    """The velocity (length/time) along an axis on the mesh of some points along each axis."""
    at, shape = _mesh(grid, points)
    where = f"velocity of {species.name} along {AXES[axis]}"
    value = component(species.velocity, axis, grid.dimension, where)
    return evaluate(value, at, 0.0, where, minimum=-np.inf).reshape(shape)


def component(velocity: Any, axis: int, dimension: int, where: str) -> float | Callable[..., Any]:
    """One component of a velocity: of a tuple, or of the tuple that a function returns.

    Raises
    ------
    ModelError
        If there are not as many as axes.
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
            f"{AXES[axis]}; give one that is the same on both sides, or a velocity"
        )


def check_drift(species: Species, axes: tuple[str, ...]) -> None:
    """Check the functions of a species against the coordinates. Raises ModelError."""
    for what, value in species.functions():
        absent = [n for n in arguments(value, what) if n not in axes]
        if absent:
            raise ModelError(
                f"{what}: the function takes {', '.join(absent)}, but the coordinates here are "
                f"{', '.join(axes)}"
            )
    component(species.velocity, 0, len(axes), f"velocity of {species.name}")
