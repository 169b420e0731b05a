"""Snapshots: particles as dots next to the continuum as colour."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import named_arguments, number
from hybridrd.arrays import PARTICLES
from hybridrd.errors import ResultError
from hybridrd.plotting import dots, images, style
from hybridrd.plotting.colours import (
    Limits,
    bar_options,
    levels_of,
    limits,
    scale,
    windows_of,
    within,
)
from hybridrd.plotting.select import concentration_at, names_of, upper_limit
from hybridrd.plotting.views import Units, sliced, view_of
from hybridrd.results.view import View, finite, record_at

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

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
    x: float | None = None,
    y: float | None = None,
    z: float | None = None,
    thickness: float | None = None,
    cmap: Any = None,
    norm: str | Normalize | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    levels: Any = None,
    size: float | None = None,
    alpha: float = 1.0,
    colorbar: bool | Mapping[str, Any] = True,
    reference: xr.Dataset | None = None,
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    units: Units = None,
) -> Axes:
    """Draw a run at one time, particles as dots next to the continuum as colour.

    Each dot is one particle. In one dimension the figure is a strip, and the height of a dot has no
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
    x, y, z
        Position of the slice in three dimensions (length), one of them; by default z, the middle.
    thickness
        Thickness of the slice in three dimensions and in a shell (length). By default enough
        layers of cells to hold 200 particles; in a shell twice the inner radius of the region.
    cmap
        A colour map of the continuum, or its name; by default shades of the species' colour.
    norm, vmin, colorbar, units
        See `field`.
    vmax
        Concentration at the upper end of the colours; by default the value that one in a hundred
        cells of the continuum shown exceeds.
    levels, reference
        Contour lines, of the reference or of the result itself, see `field`; not in a strip or
        a shell.
    size, alpha
        Diameter of a dot (points), by default set by their number, and its opacity, 0 to 1.
    xlim, ylim
        The part to show (length); by default all. A strip has only ``xlim``; in a shell they are
        distances from the centre.

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
    view, z = sliced(view_of(result, units=units), x, y, z)
    names = names_of(view, species)
    k = record_at(view, time)
    found = dots.particles_at(view, k)
    for option, value in (("thickness", thickness), ("vmax", vmax), ("size", size)):
        if value is not None:
            finite(option, value, positive=True)
    alpha = _opacity(alpha)
    z = _checked_slice(view, z, thickness)
    particles = {name: found[name] for name in names}
    c = continuum_at(view, names[0], k)
    kind = "r" if view.axes == ("r",) else len(view.axes)
    windows = _windows(view, kind, xlim, ylim)
    seen = c if kind == "r" else within(view, c, dict(zip(view.axes, windows, strict=False)))
    cmap = style.shades(style.colour_of(view, names[0])) if cmap is None else cmap
    colours = scale(seen, upper_limit(seen), cmap, norm, vmin, vmax)
    ax = style.axes_or_new(
        ax, lambda: style.new_axes(6.0, 2.2) if kind == 1 else style.new_axes_for_image(view)
    )
    bar = bar_options(colorbar, style.concentration_label(view, names[0]), extend="max")
    image, places, note = _PICTURES[kind](ax, view, c, colours, particles, z, thickness)
    size = size_of_dots(ax, sum(map(len, places.values()))) if size is None else size
    _draw_dots(ax, view, places, size, alpha)
    if levels is not None or reference is not None:
        _draw_levels(ax, view, names[0], k, z, levels, reference, (x, y), colours["norm"], units)
    if xlim is not None or ylim is not None:
        _zoom(ax, windows)
    title = f"{', '.join(names)}, {style.time_text(view, float(view.times[k]))}{note}"
    style.set_title(ax, title, _title_pad(view, kind, z))
    if colorbar and np.isfinite(c).any():
        images.add_colorbar(ax, image, **bar)
    if len(names) > 1:
        _add_legend_below(ax, len(names), max(1.0, 5.0 / size))
    return ax


def _opacity(alpha: Any) -> float:
    """A number from 0 to 1. Raises ResultError."""
    found = number(alpha, "alpha", 0.0, error=ResultError)
    if found > 1.0:
        raise ResultError(f"alpha = {found:g}: an opacity is from 0 (invisible) to 1")
    return found


def _title_pad(view: View, kind: int | str, z: float | None) -> float:
    """Space under the title for the labels of the regions."""
    if kind == "r":
        return 6.0
    if kind == 1:
        return style.title_pad(view, "x")
    return images.title_pad(view, images.cut_at(view, z))


def _checked_slice(view: View, place: Any, thickness: float | None) -> float | None:
    """Position of the slice, None for the default. Raises ResultError if there is no slice."""
    axis = view.axes[-1] if len(view.axes) > 2 else "z"
    z = None if place is None else finite(axis, place)
    for option, value in (("z", z), ("thickness", thickness)):
        if value is not None and (len(view.axes) == 2 or view.axes == ("x",)):
            raise ResultError(f"{option} = {value:g}: this result is not drawn as a slice")
    if z is not None and view.axes == ("r",):
        raise ResultError(f"z = {z:g}: a shell is cut through its centre; leave z out")
    return z


def _draw_dots(
    ax: Axes, view: View, places: Mapping[str, Floats], size: float, alpha: float
) -> None:
    for name, place in places.items():
        ax.scatter(
            place[:, 0], place[:, 1], s=size**2, c=style.colour_of(view, name),
            marker=style.marker_of(view, name), linewidths=0, label=name, zorder=2, rasterized=True,
            alpha=alpha,
        )  # fmt: skip


def _zoom(ax: Axes, windows: Sequence[Limits]) -> None:
    """Show a part, without the labels of regions, which may be outside."""
    ax.set_xlim(windows[0])
    if len(windows) > 1:
        ax.set_ylim(windows[1])
    for text in list(ax.texts):
        text.remove()


def _windows(view: View, kind: Any, xlim: Any, ylim: Any) -> list[Limits]:
    """The part to show along each axis of the figure. Raises ResultError."""
    if kind == "r":
        edge = view.bounds("r")[1]
        if xlim is None and ylim is None:
            return []
        return [limits((-edge, edge), *w) for w in (("xlim", xlim), ("ylim", ylim))]
    if kind == 1:
        if ylim is not None:
            raise ResultError("ylim: the height of a dot has no meaning in a strip; give xlim")
        return [limits(view.bounds("x"), "xlim", xlim)]
    return list(windows_of(view, xlim, ylim).values())


def _draw_levels(
    ax: Axes, view: View, name: str, record: int, z: float | None, levels: Any,
    reference: xr.Dataset | None, cut: tuple[Any, Any], norm: Normalize, units: Units,
) -> None:  # fmt: skip
    """Draw contour lines of a reference, or of the result itself."""
    if len(view.axes) < 2:
        raise ResultError("levels, reference: contour lines need two dimensions")
    other = view
    if reference is not None:
        other, _ = sliced(view_of(reference, "reference", units), *cut, None)
    top = norm.vmax or 1.0
    lines = levels_of(4 if levels is None else levels, norm.vmin or 0.0, top)
    images.draw_contours(ax, view, other, name, record, z, lines)


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
    inside: Any = tuple(view.inside(view.region).values())
    c[inside if view.is_box else view.codes(record) == PARTICLES] = np.nan
    return c


def size_of_dots(ax: Axes, number: int) -> float:
    """Diameter of dots that cover a tenth of the axes in total, 1 to 4 points."""
    box = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    area = box.width * box.height * 72**2  # points
    return float(np.clip(np.sqrt(0.1 * area / max(number, 1)), 1.0, 4.0))


# Each draws the continuum and the interface, and returns the image, the positions of the particles
# to show ``(n, 2)`` by species, and an addition to the title.


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
    axis = view.axes[-1]
    centre = float(view.centers(axis)[cut])
    if thickness is None:
        low, high = dots.layers(view, cut, [x for x, _ in particles.values()])
    else:
        low, high = centre - 0.5 * thickness, centre + 0.5 * thickness
    image = images.draw(ax, view, np.ma.masked_invalid(c[:, :, cut]), 1.0, cut, **colours)
    images.name_regions(ax, view, cut)
    places = {name: dots.in_slice(x, low, high) for name, (x, _) in particles.items()}
    span = style.with_length(view, f"{low:.4g} to {high:.4g}")
    return image, places, f", {images.place_of(view, cut)}\nparticles from {axis} = {span}"


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
