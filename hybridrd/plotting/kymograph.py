"""Kymographs: a profile as an image of position and time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from hybridrd.arguments import named_arguments
from hybridrd.errors import ResultError
from hybridrd.plotting import style
from hybridrd.plotting.checks import bins_of
from hybridrd.plotting.colours import Limits, bar_options, levels_of, limits, scale, within
from hybridrd.plotting.images import CONTOURS, add_colorbar, mark_plane
from hybridrd.plotting.select import (
    axis_of,
    bin_size,
    highest,
    known,
    species_of,
    sum_of_bins,
    upper_limit,
)
from hybridrd.plotting.views import Units, view_of
from hybridrd.results.view import View

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    from hybridrd.arrays import Floats
    from hybridrd.model.species import SpeciesLike


@named_arguments
def kymograph(
    result: xr.Dataset,
    species: SpeciesLike | None = None,
    axis: str | None = None,
    ax: Axes | None = None,
    *,
    bins: int | None = None,
    cmap: Any = None,
    norm: str | Normalize | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    levels: Any = None,
    colorbar: bool | Mapping[str, Any] = True,
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    units: Units = None,
) -> Axes:
    """Draw the concentration of a species against position and time, with the interface.

    Position is horizontal, time vertical; each record extends half-way to its neighbours. In
    two and three dimensions the figure shows the mean over the other axes.

    Parameters
    ----------
    result
        A result of `Simulation.run`, `mean_field` or `ensemble` with at least two records.
    species
        A `Species` or its name; by default the only one.
    axis
        ``"x"`` (the default), ``"y"`` or ``"z"``; ``"r"`` in a shell.
    ax
        Axes to draw into; by default those of a new figure.
    bins
        Number of cells along the axis over which particles are averaged; 1 shows every cell. By
        default the fewest with 25 particles on average.
    cmap, norm, vmin, levels, colorbar, units
        See `field`.
    vmax
        Concentration at the upper end of the colours; by default the highest for a PDE, otherwise
        the value that one in a hundred points exceeds.
    xlim, ylim
        The positions and the times to show; by default all. The colours are scaled to them.

    Raises
    ------
    ResultError
        If the species is unknown or missing, the axis is unknown, or there is only one record.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> left = hrd.Patch(2.0, x=(0, 0.5))
    >>> system = hrd.System(species=[A], domain=hrd.Box(x=(0, 1)), initial={A: left})
    >>> ax = hrd.plot.kymograph(hrd.mean_field(system, dt=1e-3, until=0.1, every=0.01))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x', 'time')
    """
    view = view_of(result, units=units)
    name = species_of(view, species)
    axis = axis_of(view, axis)
    bins = bins_of(view, bins, (axis,))
    times = view.times
    if len(times) < 2:
        raise ResultError(
            f"{view.name}: has one record; a kymograph needs at least two (run with every=)"
        )
    if bins is None:
        bins = bin_size(view, name, range(len(times)), axis)
    c = _profiles(view, name, axis, bins)
    edges = np.concatenate([times[:1], 0.5 * (times[1:] + times[:-1]), times[-1:]])
    places = limits(view.bounds(axis), "xlim", xlim)
    shown = limits((float(times[0]), float(times[-1])), "ylim", ylim)
    seen = _seen(view, axis, c, edges, places, shown)
    top = upper_limit(seen) if view.replicas else highest(seen)
    options = scale(seen, top, cmap, norm, vmin, vmax)
    ax = style.axes_or_new(ax, lambda: style.new_axes(5.6, 4.6))
    low, high = view.bounds(axis)
    image = ax.pcolormesh(
        np.linspace(low, high, c.shape[1] + 1),
        edges,
        c,
        **options,
        rasterized=True,  # thousands of cells would make a heavy vector file
    )
    for plane in view.interfaces(axis) if view.is_box else ():
        mark_plane(
            ax, [plane, plane], [float(times[0]), float(times[-1])], view.on_edge(axis, plane)
        )
    if levels is not None:
        lines = levels_of(levels, options["norm"].vmin or 0.0, options["norm"].vmax or top)
        ax.contour(view.centers(axis), times, c, levels=lines, **CONTOURS)
    ax.set_xlim(*places)
    ax.set_ylim(*shown)
    ax.set_xlabel(style.axis_label(view, axis))
    ax.set_ylabel(style.time_label(view))
    if xlim is None:
        style.name_regions(ax, view, axis)
    style.set_title(ax, _title(view, name, axis, bins), style.title_pad(view, axis))
    _add_bar(ax, image, style.concentration_label(view, name), seen, colorbar)
    return ax


def _add_bar(
    ax: Axes, image: ScalarMappable, label: str, seen: Floats, colorbar: bool | Mapping[str, Any]
) -> None:
    top = cast("float | None", image.norm.vmax)
    beyond = {"extend": "max"} if top is not None and highest(seen) > top else {}
    bar = bar_options(colorbar, label, **beyond)
    if colorbar:
        add_colorbar(ax, image, **bar)


def _title(view: View, species: str, axis: str, bins: int) -> str:
    title = f"{species}, {style.kind_of(view)}"
    others = [a for a in view.axes if a != axis]
    if others:
        title += f", mean over {' and '.join(others)}"
    return title if bins == 1 else f"{title}\nparticles averaged over {bins} cells"


def _seen(view: View, axis: str, c: Floats, edges: Floats, xlim: Limits, ylim: Limits) -> Floats:
    """The positions and times shown."""
    rows = (edges[1:] > ylim[0]) & (edges[:-1] < ylim[1])
    return within(view, c[rows].T, {axis: xlim}).T


def _profiles(view: View, species: str, axis: str, bins: int) -> Floats:
    """The profile at every record ``(times, cells)``, particles averaged over bins."""
    others = [a for a in view.axes if a != axis]
    data = view.mean("concentration").sel(species=species).mean(others)
    c = known(data)
    if bins == 1 or view.replicas == 0 or not view.has_particles or not view.is_box:
        return c
    inside = view.inside({axis: view.region[axis]})[axis]
    volumes = view.volumes if not others else np.ones(c.shape[1])
    amounts = sum_of_bins(c[:, inside] * volumes[inside], bins, [1])
    c[:, inside] = amounts / sum_of_bins(volumes[inside], bins)
    return c
