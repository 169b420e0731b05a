"""Snapshots: particles as dots next to the continuum as colour."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import named_arguments
from hybridrd.errors import ResultError
from hybridrd.plotting import dots, images, style
from hybridrd.plotting.select import concentration_at, names_of, upper_limit
from hybridrd.results.view import View, finite, record_at

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

    from hybridrd.arrays import Floats, Integers
    from hybridrd.model.species import SpeciesLike

    Colours = dict[str, Any]
    Particles = dict[str, tuple[Floats, Integers]]
    Drawn = tuple[ScalarMappable, dict[str, Floats], str]


@named_arguments
def snapshot(
    result: xr.Dataset,
    species: SpeciesLike | list[SpeciesLike] | None = None,
    time: float | None = None,
    ax: Axes | None = None,
    *,
    z: float | None = None,
    thickness: float | None = None,
    vmax: float | None = None,
    size: float | None = None,
    colorbar: bool = True,
) -> Axes:
    """Draw a run at one time, particles as dots next to the continuum as colour.

    One dot is one particle. In one dimension the figure is a strip, and the height of a dot has no
    meaning. In three dimensions it is a slice. In a shell it is a slice through the centre;
    particles have only their distance from it and are drawn in random directions.

    Parameters
    ----------
    result
        A result of ``Simulation.run(..., positions=True)``.
    species
        One species or several; by default all. The continuum shows the first of them.
    time
        The record nearest to it is drawn; by default the last.
    ax
        Axes to draw into; by default those of a new figure.
    z
        Position of the slice in three dimensions (length); by default the middle.
    thickness
        Thickness of the slice in three dimensions and in a shell (length). By default enough
        layers of cells to hold 200 particles; in a shell twice the inner radius of the region.
    vmax
        Concentration at the upper end of the colours; by default the value that one in a hundred
        cells of the continuum exceeds.
    size
        Diameter of a dot (points); by default set by their number.
    colorbar
        Whether to add one for the continuum.

    Raises
    ------
    ResultError
        If the result has no particles or their positions were not recorded, a species is unknown,
        or no record is near the time.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> system = hrd.System(
    ...     species=[A], domain=hrd.Box(x=(0, 2), y=(0, 1)),
    ...     particles=hrd.Box(x=(0, 1), y=(0, 1)), cells=(20, 10), initial={A: 50.0},
    ... )
    >>> run = hrd.Simulation(system, dt=1e-3, seed=1).run(0.01, every=0.01, positions=True)
    >>> ax = hrd.plot.snapshot(run, "A")
    >>> len(ax.collections[0].get_offsets()) == run["copy_number"].values[-1, 0]
    np.True_
    """
    from matplotlib.colors import Normalize

    view = View(result, "result")
    names = names_of(view, species)
    k = record_at(view, time)
    found = dots.particles_at(view, k)
    for option, value in (("thickness", thickness), ("vmax", vmax), ("size", size)):
        if value is not None:
            finite(option, value, positive=True)
    z = None if z is None else finite("z", z)
    for option, value in (("z", z), ("thickness", thickness)):
        if value is not None and (len(view.axes) == 2 or view.axes == ("x",)):
            raise ResultError(f"{option} = {value:g}: this result is not drawn as a slice")
    if z is not None and view.axes == ("r",):
        raise ResultError(f"z = {z:g}: a shell is cut through its centre; leave z out")
    particles = {name: found[name] for name in names}
    c = continuum_at(view, names[0], k)
    vmax = upper_limit(c) if vmax is None else vmax
    kind = "r" if view.axes == ("r",) else len(view.axes)
    ax = style.axes_or_new(
        ax, lambda: style.new_axes(6.0, 2.2) if kind == 1 else style.new_axes_for_image(view)
    )
    colours = {"cmap": style.shades(style.colour_of(view, names[0])), "norm": Normalize(0.0, vmax)}
    image, places, note = _PICTURES[kind](ax, view, c, colours, particles, z, thickness)
    size = size_of_dots(ax, sum(map(len, places.values()))) if size is None else size
    for name, place in places.items():
        ax.scatter(
            place[:, 0], place[:, 1], s=size**2, c=style.colour_of(view, name),
            marker=style.marker_of(view, name), linewidths=0, label=name, zorder=2, rasterized=True,
        )  # fmt: skip
    title = f"{', '.join(names)}, {style.time_text(view, float(view.times[k]))}{note}"
    if kind == 3:
        pad = images.title_pad(view, images.cut_at(view, z))
    else:
        pad = 6.0 if kind == "r" else style.title_pad(view, view.axes[0])
    ax.set_title(title, fontsize="medium", pad=pad)
    if colorbar and np.isfinite(c).any():
        images.add_colorbar(ax, image, style.concentration_label(view, names[0]), extend="max")
    if len(names) > 1:
        _add_legend_below(ax, len(names), max(1.0, 5.0 / size))
    return ax


def _add_legend_below(ax: Axes, columns: int, scale: float) -> None:
    """Add the legend of the dots below the axis label, because dots may be anywhere inside."""
    from matplotlib.transforms import ScaledTranslation

    below = ScaledTranslation(0.0, -34 / 72, ax.figure.dpi_scale_trans)  # inch
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, 0.0), bbox_transform=ax.transAxes + below,
        ncols=columns, frameon=False, markerscale=scale,
    )  # fmt: skip


def continuum_at(view: View, species: str, record: int) -> Floats:
    """Concentration in the continuum, NaN in the particle region."""
    c = concentration_at(view, species, record)[0].copy()
    c[tuple(view.inside(view.region).values())] = np.nan
    return c


def size_of_dots(ax: Axes, number: int) -> float:
    """Diameter of dots that cover a tenth of the axes in all, 1 to 4 points."""
    box = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    area = box.width * box.height * 72**2  # points
    return float(np.clip(np.sqrt(0.1 * area / max(number, 1)), 1.0, 4.0))


# Each draws the continuum and the interface, and returns the image, the places of the particles to
# show ``(n, 2)`` by species, and what the title adds.


def _draw_strip(
    ax: Axes, view: View, c: Floats, colours: Colours, particles: Particles, *_: float | None
) -> Drawn:
    low, high = view.bounds("x")
    edges = np.linspace(low, high, len(c) + 1)
    image = ax.pcolormesh(edges, [0.0, 1.0], np.ma.masked_invalid(c)[None, :], **colours)
    for plane in view.interfaces("x"):
        images.mark_plane(ax, [plane, plane], [0.0, 1.0], view.on_edge("x", plane))
    style.name_regions(ax, view, "x")
    ax.set_xlim(low, high)
    ax.set_ylim(0.0, 1.0)
    ax.set_yticks([])
    ax.set_xlabel(style.axis_label(view, "x"))
    return image, {name: dots.on_strip(x, ids) for name, (x, ids) in particles.items()}, ""


def _draw_plane(
    ax: Axes, view: View, c: Floats, colours: Colours, particles: Particles, *_: float | None
) -> Drawn:
    image = images.draw(ax, view, np.ma.masked_invalid(c), 1.0, **colours)
    images.name_regions(ax, view)
    return image, {name: x for name, (x, _) in particles.items()}, ""


def _draw_slice(
    ax: Axes, view: View, c: Floats, colours: Colours, particles: Particles,
    z: float | None, thickness: float | None,
) -> Drawn:  # fmt: skip
    cut = images.cut_at(view, z)
    assert cut is not None
    centre = float(view.centers("z")[cut])
    if thickness is None:
        low, high = dots.layers(view, cut, [x for x, _ in particles.values()])
    else:
        low, high = centre - 0.5 * thickness, centre + 0.5 * thickness
    image = images.draw(ax, view, np.ma.masked_invalid(c[:, :, cut]), 1.0, cut, **colours)
    images.name_regions(ax, view, cut)
    places = {name: dots.in_slice(x, low, high) for name, (x, _) in particles.items()}
    span = style.with_length(view, f"{low:.4g} to {high:.4g}")
    return image, places, f", {images.place_of(view, cut)}\nparticles from z = {span}"


def _draw_disc(
    ax: Axes, view: View, c: Floats, colours: Colours, particles: Particles,
    _: float | None, thickness: float | None,
) -> Drawn:  # fmt: skip
    low, high = view.bounds("r")
    thickness = 2 * view.region["r"][0] if thickness is None else thickness
    r, angle = np.linspace(low, high, len(c) + 1)[:, None], np.linspace(0, 2 * np.pi, 181)
    shown = np.broadcast_to(np.ma.masked_invalid(c)[:, None], (len(c), 180))
    image = ax.pcolormesh(r * np.cos(angle), r * np.sin(angle), shown, rasterized=True, **colours)
    for plane in view.interfaces("r"):
        images.mark_plane(ax, plane * np.cos(angle), plane * np.sin(angle))
    for wall in (low, high):
        ax.plot(wall * np.cos(angle), wall * np.sin(angle), color="black", linewidth=0.8)
    ax.set_aspect("equal")
    ax.set_xlabel(style.with_length(view, "distance from the centre", brackets=True))
    places = {name: dots.on_disc(x, ids, thickness) for name, (x, ids) in particles.items()}
    text = style.with_length(view, f"{thickness:.4g}")
    return image, places, f"\nslice through the centre, {text} thick"


_PICTURES: dict[int | str, Callable[..., Any]] = {
    1: _draw_strip,
    2: _draw_plane,
    3: _draw_slice,
    "r": _draw_disc,
}
