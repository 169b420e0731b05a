"""Picture of the drift of a species: contours of its potential, arrows of its flow."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hybridrd.arguments import named_arguments, number, whole_number
from hybridrd.arrays import Floats
from hybridrd.errors import ModelError
from hybridrd.model.drift import component
from hybridrd.model.functions import evaluate
from hybridrd.model.species import Species, SpeciesLike
from hybridrd.model.system import System
from hybridrd.plotting import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@named_arguments
def drift(
    system: System,
    species: SpeciesLike,
    ax: Axes | None = None,
    *,
    time: float = 0.0,
    levels: int = 8,
    arrows: int = 16,
    color: str = "0.35",
) -> Axes:
    """Draw contours of a species' potential and arrows of its flow, to put behind a field or dots.

    Parameters
    ----------
    system
        A system in a box of two dimensions.
    species
        A `Species` or its name.
    ax
        Axes to draw into, for example those of `field`; by default those of a new figure.
    time
        Time of a flow that depends on it.
    levels
        Number of contour lines of the potential, at equal steps, labelled in kT.
    arrows
        Number of arrows along the longer side. The longest is as long as their distance.
    color
        Colour of lines and arrows.

    Raises
    ------
    ModelError
        If the domain does not have two axes, or the species is unknown or does not drift.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0, potential="x**2 + y**2", velocity=("-y", "x"))
    >>> system = hrd.System(species=[A], domain=hrd.Box(x=(-1, 1), y=(-1, 1)))
    >>> ax = hrd.plot.drift(system, A, arrows=10)
    >>> [type(drawn).__name__ for drawn in ax.collections]
    ['QuadContourSet', 'Quiver']
    """
    levels, arrows = whole_number(levels, "levels", 1), whole_number(arrows, "arrows", 2)
    time, index = number(time, "time", -math.inf), system.index(species)
    if len(system.domain.axes) != 2 or system.grid.radial:
        raise ModelError("plot.drift: it draws in a Box of two dimensions, with axes x and y")
    found = system.species[index]
    name = found.name
    if not found.drifts:
        raise ModelError(f"species {name}: it has no potential and no velocity to draw")
    low, high = np.array(system.grid.lower), np.array(system.grid.upper)
    ax = style.axes_or_new(ax, lambda: style.new_axes(6.0, 6.0 * (high - low)[1] / (high - low)[0]))
    if found.potential != 0.0:
        _draw_potential(ax, found, (low, high), levels, color)
    if found.velocity != ():
        _draw_flow(ax, found, (low, high), time, arrows, color)
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(low[1], high[1])
    ax.set_aspect("equal")
    return ax


def _draw_potential(
    ax: Axes, species: Species, ends: tuple[Floats, Floats], levels: int, color: str
) -> None:
    places, (x, y) = _mesh(*ends, (160, 160))
    where = f"potential of {species.name}"
    U = evaluate(species.potential, places, 0.0, where, minimum=-np.inf).reshape(160, 160)
    lines = ax.contour(x, y, U, levels=levels, colors=color, linewidths=0.7, zorder=3)
    ax.clabel(lines, fmt=lambda value: f"{value:g} kT", fontsize="x-small")


def _draw_flow(
    ax: Axes, species: Species, ends: tuple[Floats, Floats], time: float, arrows: int, color: str
) -> None:
    size = ends[1] - ends[0]
    apart = float(size.max()) / arrows
    nx, ny = np.maximum(np.rint(size / apart), 1).astype(int)
    places, _ = _mesh(*ends, (nx, ny))
    where = f"velocity of {species.name}"
    u, v = (
        evaluate(component(species.velocity, a, 2, where), places, time, where, minimum=-np.inf)
        for a in range(2)
    )
    longest = float(np.hypot(u, v).max())
    ax.quiver(
        places["x"], places["y"], u, v, angles="xy", scale_units="xy",
        scale=(longest or 1.0) / apart, width=0.003, zorder=3, color=color,
    )  # fmt: skip


def _mesh(low: Floats, high: Floats, n: tuple[int, int]) -> tuple[dict[str, Floats], list[Floats]]:
    """Midpoints of n cells along each axis, as flat coordinates, and the axes themselves."""
    axes = [a + (b - a) * (np.arange(k) + 0.5) / k for a, b, k in zip(low, high, n, strict=True)]
    x, y = np.meshgrid(*axes)
    return {"x": x.ravel(), "y": y.ravel()}, axes
