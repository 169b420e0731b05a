"""Line figures: concentration along an axis, and copy numbers in time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import named_arguments, truth
from hybridrd.errors import ResultError
from hybridrd.plotting import style
from hybridrd.plotting.checks import check_domain, check_region
from hybridrd.plotting.colours import Limits, limits, within
from hybridrd.plotting.select import axis_of, highest, known, mean_along, names_of, species_of
from hybridrd.plotting.views import Units, view_of
from hybridrd.results.view import View, record_at

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from hybridrd.arrays import Floats
    from hybridrd.model.species import SpeciesLike

INTERFACE: dict[str, Any] = {"color": "#555555", "linewidth": 1.0, "linestyle": ":"}
_ROOM = 1.08  # relative to the highest value, so that no line touches the frame


@named_arguments
def profile(
    result: xr.Dataset,
    species: SpeciesLike | None = None,
    time: float | None = None,
    reference: xr.Dataset | None = None,
    ax: Axes | None = None,
    axis: str | None = None,
    *,
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    legend: bool = True,
    units: Units = None,
) -> Axes:
    """Draw the concentration of a species along an axis, with the interface.

    In two and three dimensions the line is the mean over the other axes. An ensemble has a band of
    one standard error to each side.

    Parameters
    ----------
    result
        A result of `Simulation.run`, `mean_field` or `ensemble`.
    species
        A `Species` or its name; by default the only one.
    time
        The record nearest to it is drawn; by default the last.
    reference
        Another result on the same domain, for example the mean field, drawn as a dashed line; an
        ensemble also has a band.
    ax
        Axes to draw into; by default those of a new figure.
    axis
        ``"x"`` (the default), ``"y"``, or ``"z"``.
    xlim
        The part of the axis to show (length); by default all.
    ylim
        Limits of the concentration axis; by default from 0 to above the highest value shown.
    legend
        Whether to add a legend if there is a reference; it is above the lines.
    units
        See `field`.

    Returns
    -------
    matplotlib.axes.Axes
        Its figure is ``.figure``.

    Raises
    ------
    ResultError
        If the species is unknown or missing, the axis is unknown, no record is near the time, or
        the reference has another domain.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> system = hrd.System(
    ...     species=[A], domain=hrd.Box(x=(0, 1)), initial={A: hrd.Patch(2.0, x=(0, 0.5))}
    ... )
    >>> pde = hrd.mean_field(system, dt=1e-3, until=0.1, every=0.05)
    >>> ax = hrd.plot.profile(pde, "A", time=0.05)
    >>> ax.get_title()
    'A, t = 0.05'
    """
    view = view_of(result, units=units)
    name = species_of(view, species)
    axis = axis_of(view, axis)
    k = record_at(view, time)
    at = float(view.times[k])
    window = limits(view.bounds(axis), "xlim", xlim)
    legend = truth(legend, "legend", ResultError)
    ax = style.axes_or_new(ax)
    drawn = _highest_in(ax)  # drawn by an earlier call
    top = max(drawn, _profile_line(ax, view, name, k, axis, window))
    if reference is not None:
        other = view_of(reference, "reference", units)
        style.name_of(other, name)
        check_domain(view, other)
        c, error = mean_along(other, name, record_at(other, at), axis_of(other, axis))
        x = other.centers(axis)
        ax.plot(x, c, label=style.kind_of(other), **style.REFERENCE)
        if error is not None:
            band(ax, x, c - error, c + error, style.GREY)
        top = max(top, highest(within(other, c, {axis: window})))
    style.mark_regions_along(ax, view, axis, INTERFACE, named=xlim is None)
    ax.set_xlim(*window)
    ax.set_xlabel(style.axis_label(view, axis))
    over = [a for a in view.axes if a != axis]
    label = style.concentration_label(view, name)
    ax.set_ylabel(f"{label},\nmean over {' and '.join(over)}" if over else label)
    style.set_title(ax, f"{name}, {style.time_text(view, at)}", style.title_pad(view, axis))
    style.end_at(ax, _ROOM * top or 1.0, 2 if legend and reference is not None else 0)
    if ylim is not None:
        ax.set_ylim(*limits((-math.inf, math.inf), "ylim", ylim))
    return ax


def _highest_in(ax: Axes) -> float:
    """The highest value that is drawn; 0 without any."""
    top = float(ax.dataLim.y1)
    return top if math.isfinite(top) else 0.0


def _profile_line(ax: Axes, view: View, name: str, record: int, axis: str, window: Limits) -> float:
    """Draw the line and its band; returns the highest value in the window."""
    c, error = mean_along(view, name, record, axis)
    x = view.centers(axis)
    colour = style.colour_of(view, name)
    # Counts belong to cells: steps for particles, a plain line for a PDE.
    steps: dict[str, Any] = {"drawstyle": "steps-mid"} if view.replicas else {}
    ax.plot(x, c, color=colour, linewidth=style.line_width(1.3), label=style.kind_of(view), **steps)
    if error is not None:
        band(ax, x, c - error, c + error, colour, "mid" if steps else None)
        c = c + np.nan_to_num(error)
    return highest(within(view, c, {axis: window}))


def band(ax: Axes, x: Floats, low: Floats, high: Floats, colour: str, step: Any = None) -> None:
    """A pale band between two lines."""
    ax.fill_between(x, low, high, color=colour, alpha=0.3, linewidth=0, step=step)


@named_arguments
def counts(
    result: xr.Dataset,
    species: SpeciesLike | list[SpeciesLike] | None = None,
    reference: xr.Dataset | None = None,
    ax: Axes | None = None,
    *,
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    legend: bool = True,
    units: Units = None,
) -> Axes:
    """Draw the number of particles in the particle region over time.

    Parameters
    ----------
    result
        A result of `Simulation.run`, `mean_field` or `ensemble`; an ensemble has a band of one
        standard error to each side.
    species
        One or several; by default all.
    reference
        Another result for the same region, for example the mean field, drawn as dashed lines; an
        ensemble also has bands.
    ax
        Axes to draw into; by default those of a new figure.
    xlim, ylim
        Limits of the time axis and of the axis of numbers; by default all times, and from 0 on.
    legend
        Whether to add a legend if there are several lines; it is above them.
    units
        See `field`.

    Raises
    ------
    ResultError
        If a species is unknown, the number was not recorded, or the reference counts in another
        region.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> system = hrd.System(species=[A], domain=hrd.Box(x=(0, 1)), initial={A: 2.0})
    >>> ax = hrd.plot.counts(hrd.mean_field(system, dt=1e-3, until=0.1, every=0.05))
    >>> ax.get_xlabel()
    'time'
    """
    view = view_of(result, units=units)
    names = names_of(view, species)
    legend = truth(legend, "legend", ResultError)
    ax = style.axes_or_new(ax)

    def marks(name: str) -> dict[str, Any]:
        """A few markers on each of several lines, to distinguish them; one for a single record."""
        if len(names) == 1 and len(view.times) > 1:
            return {}
        every = -(-len(view.times) // 8)
        return {"marker": style.marker_of(view, name), "markersize": 4.5, "markevery": every}

    for name in names:
        colour = style.colour_of(view, name)
        n, error = _counts_of(view, name)
        ax.plot(
            view.times, n, color=colour, linewidth=style.line_width(1.6), label=name, **marks(name)
        )
        if error is not None:
            band(ax, view.times, n - error, n + error, colour)
    if reference is not None:
        other = view_of(reference, "reference", units)
        check_region(view, other)
        for name in names:
            style.name_of(other, name)
            n, error = _counts_of(other, name)
            line = {**style.REFERENCE, "color": style.colour_of(view, name), **marks(name)}
            ax.plot(other.times, n, label="_reference", **line)
            if error is not None:
                band(ax, other.times, n - error, n + error, style.GREY)
        ax.plot([], [], label=style.kind_of(other), **style.REFERENCE)
    ax.set_xlabel(style.time_label(view))
    ax.set_ylabel("number in the particle region" if view.has_particles else "number")
    times = float(view.times[0]), float(view.times[-1])
    if len(view.times) > 1:
        ax.set_xlim(*limits(times, "xlim", xlim))
    style.set_title(ax, style.kind_of(view))
    several = len(names) > 1 or reference is not None
    style.end_at(ax, _ROOM * _highest_in(ax) or 1.0, 3 if several and legend else 0)
    if ylim is not None:
        ax.set_ylim(*limits((-math.inf, math.inf), "ylim", ylim))
    return ax


def _counts_of(view: View, species: str) -> tuple[Floats, Floats | None]:
    n = known(view.mean("copy_number").sel(species=species))
    error = view.sem("copy_number")
    if error is None:
        return n, None
    return n, known(error.sel(species=species))
