"""Overview of a result: all species at a few times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import items, named_arguments, shown
from hybridrd.errors import ResultError
from hybridrd.plotting import images, style
from hybridrd.plotting.checks import check_domain
from hybridrd.plotting.colours import Limits, bar_options, scale, windows_of, within
from hybridrd.plotting.lines import profile
from hybridrd.plotting.select import highest, names_of, upper_limit
from hybridrd.plotting.views import Units, view_of
from hybridrd.results.view import View, record_at

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator

    from hybridrd.arrays import Floats
    from hybridrd.model.species import SpeciesLike

_SIDE = 2.2  # edge of a panel (inch)


@named_arguments
def overview(
    result: xr.Dataset,
    reference: xr.Dataset | None = None,
    times: Sequence[float] | None = None,
    *,
    species: SpeciesLike | list[SpeciesLike] | None = None,
    cmap: Any = None,
    norm: str | Normalize | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    colorbar: bool | Mapping[str, Any] = True,
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    units: Units = None,
) -> Figure:
    """Draw all species of a result at a few times, next to a reference.

    In one dimension there is a panel for each species and time, with the profiles of both. In two
    dimensions each species has a row and each time a pair of images, result and reference on one
    colour scale, which one cell in a hundred may exceed. In three dimensions the images are slices
    through the middle.

    Parameters
    ----------
    result
        A result of `Simulation.run`, `mean_field` or `ensemble`.
    reference
        Another result on the same domain, for example the mean field.
    times
        The records nearest to them are drawn; by default the middle and the last.
    species
        One or several; by default all.
    cmap, norm, vmin, vmax, colorbar
        See `field`, for all images.
    xlim, ylim, units
        See `field`; for profiles the part of the axis, and the limits of the concentration axis.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ResultError
        If no record is near a time, or the reference lacks a species or has another domain.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A, B = hrd.Species("A", D=1.0), hrd.Species("B", D=0.5)
    >>> system = hrd.System(
    ...     species=[A, B], reactions=[hrd.Reaction("A -> B", k=1.0)],
    ...     domain=hrd.Box(x=(0, 1)), initial={A: hrd.Patch(2.0, x=(0, 0.5))},
    ... )
    >>> pde = hrd.mean_field(system, dt=1e-3, until=0.1, every=0.05)
    >>> [ax.get_title() for ax in hrd.plot.overview(pde, times=[0.1]).axes]
    ['A, t = 0.1', 'B, t = 0.1']
    """
    view = view_of(result, units=units)
    other = None if reference is None else view_of(reference, "reference", units)
    records, names = _records(view, times), names_of(view, species)
    if other is not None:
        check_domain(view, other)
        for name in names:
            style.name_of(other, name)
    look = {"cmap": cmap, "norm": norm, "vmin": vmin, "vmax": vmax}
    if len(view.axes) > 1:
        return _images(view, other, records, names, look, colorbar, windows_of(view, xlim, ylim))
    for option, value in look.items():
        if value is not None:
            raise ResultError(f"{option} = {shown(value)}: only for images, not for profiles")
    return _profiles(view, other, records, names, {"xlim": xlim, "ylim": ylim})


def _records(view: View, times: Any) -> list[int]:
    if times is None:
        n = len(view.times)
        return sorted({n // 2, n - 1})
    several = items(times)
    times = [times] if several is None else several
    if not times:
        raise ResultError("times = []: name at least one time, or leave it out")
    return [record_at(view, t) for t in times]


def _profiles(
    view: View, other: View | None, records: list[int], names: list[str], window: dict[str, Any]
) -> Figure:
    rows, columns = len(names), len(records)
    figure = style.new_figure(1.0 + 3.4 * columns, 0.7 + 2.5 * rows)
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey="row")
    reference = None if other is None else other.data
    for row, name in zip(axes, names, strict=True):
        top = 0.0
        for ax, k in zip(row, records, strict=True):
            profile(view.data, name, float(view.times[k]), reference, ax, legend=False, **window)
            top = max(top, ax.get_ylim()[1])
            if ax is not row[0]:
                ax.set_ylabel("")
            if name != names[-1]:
                ax.set_xlabel("")
        if window["ylim"] is None:
            row[0].set_ylim(0.0, top)
    if other is not None:
        _common_legend(figure, view, other)
    return figure


def _common_legend(figure: Figure, view: View, other: View) -> None:
    """One legend for all panels, without the colours of species."""
    from matplotlib.lines import Line2D

    lines = [
        Line2D([], [], color="#888888", label=style.kind_of(view)),
        Line2D([], [], label=style.kind_of(other), **style.REFERENCE),
    ]
    figure.legend(handles=lines, loc="outside upper center", ncols=2, frameon=False)


def _images(
    view: View, other: View | None, records: list[int], names: list[str], look: dict[str, Any],
    colorbar: bool | Mapping[str, Any], windows: Mapping[str, Limits],
) -> Figure:  # fmt: skip
    views = [view] if other is None else [view, other]
    rows, columns = len(names), len(records) * len(views)
    (left, right), (bottom, top) = windows.values()
    aspect = float(np.clip((top - bottom) / (right - left), 0.3, 3.0))
    figure = style.new_figure(
        0.9 + (_SIDE + 0.2) * columns + 1.1 * len(records), 1.1 + (_SIDE * aspect + 0.25) * rows
    )
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    sizes: set[int] = set()
    cuts: set[str] = set()
    for row, name in zip(axes, names, strict=True):
        for j, k in enumerate(records):
            panels = list(row[j * len(views) : (j + 1) * len(views)])
            fields = [images.image_of(v, name, record_at(v, float(view.times[k]))) for v in views]
            sizes |= {size for _, size, _ in fields}
            cut = fields[0][2]
            cuts |= set() if cut is None else {images.place_of(view, cut)}
            _pair(panels, views, [c for c, _, _ in fields], cut, look, colorbar, windows)
            if name == names[0]:
                _title(panels, views, float(view.times[k]), cut)
        _name_row(row[0], name)
        for ax in row[1:]:
            ax.set_ylabel("")
        if name != names[-1]:
            for ax in row:
                ax.set_xlabel("")
    notes = [f"slices at {cut}" for cut in sorted(cuts)]
    sizes.discard(1)
    if sizes:
        span = " to ".join(f"{n}" for n in sorted({min(sizes), max(sizes)}))
        notes.append(f"particles averaged over bins of {span} cells per side")
    if notes:
        figure.supxlabel("; ".join(notes), fontsize="small", color=style.GREY)
    return figure


def _pair(
    panels: list[Axes], views: list[View], fields: list[Floats], cut: int | None,
    look: dict[str, Any], colorbar: bool | Mapping[str, Any], windows: Mapping[str, Limits],
) -> None:  # fmt: skip
    """Draw the fields of one species at one time, on a common scale."""
    seen = [within(v, c, windows) for v, c in zip(views, fields, strict=True)]
    colours = scale(np.concatenate([c.ravel() for c in seen]), max(map(upper_limit, seen)), **look)
    for ax, view, c in zip(panels, views, fields, strict=True):
        image = images.draw(ax, view, c, 1.0, cut, **colours)
        ax.set_xlim(windows[view.axes[0]])
        ax.set_ylim(windows[view.axes[1]])
        ax.xaxis.set_major_locator(_few_ticks())
        ax.yaxis.set_major_locator(_few_ticks())
    top = colours["norm"].vmax
    beyond = {"extend": "max"} if top is not None and max(map(highest, seen)) > top else {}
    bar = bar_options(colorbar, style.short_concentration_label(views[0]), **beyond)
    if colorbar:
        images.add_colorbar(panels[-1], image, **bar)


def _title(panels: list[Axes], views: list[View], time: float, cut: int | None) -> None:
    for ax, view in zip(panels, views, strict=True):
        title = f"{style.kind_of(view)}, {style.time_text(view, time)}"
        style.set_title(ax, title, images.title_pad(views[0], cut))
    if panels[0].get_xlim() == views[0].bounds(views[0].axes[0]):
        images.name_regions(panels[0], views[0], cut)


def _few_ticks() -> Locator:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=4, steps=[1, 2, 5, 10])


def _name_row(ax: Axes, name: str) -> None:
    ax.annotate(
        # Left of the label, whose position depends on the tick labels.
        name, (0.0, 0.5), xytext=(-6, 0), xycoords=ax.yaxis.label, textcoords="offset points",
        ha="right", va="center", fontsize="large", fontweight="bold",
    )  # fmt: skip
