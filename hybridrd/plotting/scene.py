"""Interactive scenes of results in three dimensions, drawn by pyvista."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import choice, items, named_arguments, truth
from hybridrd.arrays import CONTINUUM, OBSTACLE, PARTICLES, Floats
from hybridrd.errors import ResultError
from hybridrd.plotting import dots, style
from hybridrd.plotting.colours import scale
from hybridrd.plotting.select import in_bins, names_of, upper_limit
from hybridrd.plotting.views import Units, view_of
from hybridrd.results.view import View, finite, record_at

if TYPE_CHECKING:
    import xarray as xr

    from hybridrd.model.species import SpeciesLike

_BAR = {"vertical": True, "position_x": 0.86, "position_y": 0.25, "height": 0.5, "fmt": "%.3g",
        "title_font_size": 15}  # fmt: skip
_LIGHT = {"smooth_shading": False, "lighting": False}


@named_arguments
def scene(
    result: xr.Dataset,
    species: SpeciesLike | list[SpeciesLike] | None = None,
    time: float | None = None,
    plotter: Any = None,
    *,
    x: Any = None,
    y: Any = None,
    z: Any = None,
    cmap: Any = None,
    norm: str = "linear",
    vmin: float | None = None,
    vmax: float | None = None,
    size: float | None = None,
    colorbar: bool = True,
    units: Units = None,
) -> Any:
    """Draw slices of the concentration, particles, the region and obstacles in a pyvista scene.

    Particles are spheres if the run has their positions; then the slices show only the continuum.
    Otherwise they also show the particle region, averaged over bins as in `field`.

    Parameters
    ----------
    result
        A result in three dimensions.
    species
        One or several species of particles; by default all. The slices show the first.
    time
        The record nearest to it; by default the last.
    plotter
        A ``pyvista.Plotter`` to add to, ``pyvista.Plotter(off_screen=True)`` without a
        screen; by default a new one.
    x, y, z
        Positions of slices across these axes (length), a number or a list each; by default one
        through the middle across every axis.
    cmap, vmin, vmax, units
        See `field`.
    norm
        ``"linear"`` or ``"log"``.
    size
        Diameter of a sphere (length); by default 1/60 of the longest side of the domain.
    colorbar
        Whether to add one.

    Returns
    -------
    pyvista.Plotter
        ``.show()`` opens it, also in a notebook; ``.screenshot("a.png")`` saves a picture.

    Raises
    ------
    ResultError
        If pyvista is missing, the result is not in three dimensions, a slice is outside the domain,
        or see `field`.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> import pyvista
    >>> A, room = hrd.Species("A", D=1.0), hrd.Box(x=(0, 2), y=(0, 1), z=(0, 1))
    >>> system = hrd.System(species=[A], domain=room, cells=(8, 4, 4), initial={A: 5.0})
    >>> pde = hrd.mean_field(system, dt=1e-3, until=0.1, every=0.05)
    >>> found = hrd.plot.scene(pde, x=[0.5, 1.5], plotter=pyvista.Plotter(off_screen=True))
    >>> [name in found.actors for name in ("continuum", "domain", "region", "obstacles")]
    [True, True, False, False]
    """
    pyvista = _library()
    view = view_of(result, units=units)
    if len(view.axes) != 3:
        raise ResultError(
            f"{view.name}: has {len(view.axes)} axes; a scene has three: use hybridrd.plot.field, "
            f"snapshot or profile"
        )
    names, k = names_of(view, species), record_at(view, time)
    width = max(high - low for low, high in map(view.bounds, view.axes))
    size = width / 60 if size is None else finite("size", size, positive=True)
    bar = truth(colorbar, "colorbar", ResultError)
    log = choice(norm, "norm", ("linear", "log"), ResultError) == "log"
    cuts = _cuts(view, {"x": x, "y": y, "z": z})
    particles = dots.particles_at(view, k) if "position" in view.data else {}
    codes = _codes(view, k)
    c = _concentration(view, names[0], k, codes, bool(particles))
    grid = pyvista.RectilinearGrid(*(_edges(view, a) for a in view.axes))
    grid.cell_data["c"] = c.ravel(order="F")
    plotter = pyvista.Plotter() if plotter is None else plotter
    plotter.add_mesh(grid.outline(), color=style.GREY, name="domain")
    _add_surfaces(plotter, grid, codes)
    if np.isfinite(c).any():
        ends = scale(c, upper_limit(c), cmap, norm, vmin, vmax)
        low, high = ends["norm"].vmin, ends["norm"].vmax
        text = f"{names[0]}: {style.short_concentration_label(view)}".replace("$", "")
        plotter.add_mesh(
            _slices(pyvista, grid, cuts), scalars="c", cmap=ends["cmap"], clim=(low, high),
            log_scale=log, nan_opacity=0.0, show_scalar_bar=bar, name="continuum",
            scalar_bar_args={"title": text, **_BAR}, **_LIGHT,
        )  # fmt: skip
    for name in names:
        if name in particles and len(particles[name][0]):
            plotter.add_mesh(
                _spheres(pyvista, particles[name][0], size), color=style.colour_of(view, name),
                name=f"particles of {name}", label=name,
            )  # fmt: skip
    if particles:
        plotter.add_legend(face="circle", bcolor=None, size=(0.12, 0.05 * len(names)))
    _add_text(plotter, view, names, float(view.times[k]))
    return plotter


def _add_text(plotter: Any, view: View, names: list[str], time: float) -> None:
    """Add the axes with their labels, and the title."""
    labels = [style.axis_label(view, a).replace("$", "") for a in view.axes]
    plotter.show_bounds(
        bounds=[v for a in view.axes for v in view.bounds(a)], location="outer",
        xtitle=labels[0], ytitle=labels[1], ztitle=labels[2], font_size=10,
    )  # fmt: skip
    title = f"{', '.join(names)}, {style.time_text(view, time)}".replace("$", "")
    plotter.add_title(title, font_size=10)


def _library() -> Any:
    try:
        return import_module("pyvista")
    except ImportError as error:
        raise ResultError(
            f"scene: needs pyvista ({error}); install it with: pip install hybridrd[vtk]"
        ) from error


def _edges(view: View, axis: str) -> Floats:
    low, high = view.bounds(axis)
    return np.linspace(low, high, len(view.centers(axis)) + 1)


def _cuts(view: View, given: dict[str, Any]) -> list[tuple[str, float]]:
    """Axes and positions of slices, each in the middle of its cells. Raises ResultError."""
    found = []
    for axis, value in given.items():
        low, high = view.bounds(axis)
        default = [] if any(v is not None for v in given.values()) else [0.5 * (low + high)]
        listed = items(value)
        places = default if value is None else [value] if listed is None else listed
        for place in places:
            at = finite(axis, place)
            if not low <= at <= high:
                raise ResultError(f"{axis} = {at:g}: the domain reaches from {low:g} to {high:g}")
            centers = view.centers(axis)
            found.append((axis, float(centers[np.argmin(abs(centers - at))])))
    return found


def _codes(view: View, record: int) -> Any:
    """Kind of each cell, ``(nx, ny, nz)``."""
    if not view.is_box:
        return view.codes(record)
    codes = np.full([len(view.centers(a)) for a in view.axes], CONTINUUM, dtype=np.uint8)
    if view.has_particles:
        codes[tuple(view.inside(view.region).values())] = PARTICLES
    return codes


def _concentration(view: View, name: str, record: int, codes: Any, dotted: bool) -> Floats:
    """Concentration to show, NaN in obstacles and where spheres are shown."""
    c, _ = in_bins(view, name, record, None)
    return np.where((codes == OBSTACLE) | (dotted & (codes == PARTICLES)), np.nan, c)


def _add_surfaces(plotter: Any, grid: Any, codes: Any) -> None:
    """Add the edges of the particle region and the faces of obstacles."""
    flat = codes.ravel(order="F")
    for code, name in ((PARTICLES, "region"), (OBSTACLE, "obstacles")):
        cells = np.flatnonzero(flat == code)
        if not 0 < len(cells) < len(flat):
            continue
        part = grid.extract_cells(cells)
        part.clear_data()
        if name == "region":
            plotter.add_mesh(part.extract_feature_edges(30), color="black", name=name)
        else:
            plotter.add_mesh(part, color="lightgrey", name=name)


def _slices(pyvista: Any, grid: Any, cuts: list[tuple[str, float]]) -> Any:
    """The slices as one mesh."""
    parts = []
    for axis, place in cuts:
        origin = list(grid.center)
        origin["xyz".index(axis)] = place
        parts.append(grid.slice(normal=axis, origin=origin))
    return pyvista.merge(parts, merge_points=False)


def _spheres(pyvista: Any, position: Floats, size: float) -> Any:
    ball = pyvista.Sphere(radius=0.5 * size, theta_resolution=12, phi_resolution=12)
    return pyvista.PolyData(np.ascontiguousarray(position)).glyph(
        geom=ball, scale=False, orient=False
    )
