"""Movies: a figure of a result, frame by frame, on a common scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import named_arguments
from hybridrd.errors import ResultError
from hybridrd.plotting import dots, style
from hybridrd.plotting.animation import SLOWEST, Movie
from hybridrd.plotting.checks import bins_of, check_domain, count
from hybridrd.plotting.colours import windows_of, within
from hybridrd.plotting.images import cut_at, field, image_of
from hybridrd.plotting.lines import profile
from hybridrd.plotting.select import axis_of, bin_size, highest, mean_along, names_of, upper_limit
from hybridrd.plotting.snapshot import continuum_at, size_of_dots, snapshot
from hybridrd.plotting.views import sliced, view_of
from hybridrd.results.view import View, finite, record_at

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from hybridrd.model.species import SpeciesLike

    Draw = Callable[[Axes, float], None]


@named_arguments
def movie(
    result: xr.Dataset,
    species: SpeciesLike | list[SpeciesLike] | None = None,
    kind: str | None = None,
    ax: Axes | Sequence[Axes] | None = None,
    *,
    fps: float = 10.0,
    every: int = 1,
    reference: xr.Dataset | None = None,
    **options: Any,
) -> Movie:
    """Make a movie of a result, with the same colours, bins and limits in every frame.

    Frames are drawn on demand: a notebook shows the movie with its own controls, and
    ``.save("run.gif")`` writes it. Frames are drawn one at a time, and the records of a result on
    disk are read one at a time.

    Parameters
    ----------
    result
        A result of `Simulation.run`, `mean_field` or `ensemble`.
    species
        One species or several, side by side; by default all.
    kind
        ``"profile"`` (the default in one dimension and in a shell), ``"field"`` (the default
        otherwise) or ``"snapshot"``, one picture of all species, which needs positions.
    ax
        Axes to draw into, one per species (a single one for a snapshot); they are cleared for each
        frame. By default those of a new figure.
    fps
        Frames per second, 0.01 to 50; frames of a gif last whole hundredths of a second.
    every
        Number of records from one frame to the next; the last record is always a frame.
    reference
        Another result with the same records: dashed in profiles, contour lines in images.
    options
        Options of the function for the kind: ``cmap``, ``vmax``, ``xlim``, ``units``, ``bins``,
        ``z``, ``axis``, ... By default the colours end at the largest value, over all frames, that
        one in a hundred cells exceeds.

    Raises
    ------
    ResultError
        If the kind is unknown or does not fit the result, or an option is invalid.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> case = hrd.examples.CASES["sir"]
    >>> pde = hrd.mean_field(case.system(), case.dt, until=0.1, every=0.01)
    >>> movie = hrd.plot.movie(pde, "I", fps=5)
    >>> movie.frames, movie.seconds
    (11, 2.2)
    """
    units = options.pop("units", None)
    view = view_of(result, units=units)
    names = names_of(view, species)
    if kind is None:
        kind = "profile" if len(view.axes) == 1 else "field"
    if kind not in KINDS:
        raise ResultError(f"kind = {kind!r}: a movie is one of {', '.join(KINDS)}")
    fps, every = finite("fps", fps), count("every", every)
    if not SLOWEST <= fps <= 50:
        raise ResultError(f"fps = {fps:g}: give {SLOWEST:g} to 50 frames per second")
    _check_options(kind, options)
    if reference is not None:
        options["reference"] = view_of(reference, "reference", units).data
    last = len(view.times) - 1
    records = [*range(0, last, every), last]
    panels = [names] if kind == "snapshot" else [[name] for name in names]
    pictures = [KINDS[kind](view, shown, records, options) for shown in panels]
    axes = _axes(ax, view, kind, len(panels))

    def draw(frame: int) -> None:
        for panel, picture in zip(axes, pictures, strict=True):
            panel.clear()
            picture(panel, float(view.times[records[frame]]))

    return Movie(style.figure_of(axes[0]), draw, len(records), fps, owned=ax is None)


def _check_options(kind: str, options: dict[str, Any]) -> None:
    """Raise ResultError for options that the function for this kind does not accept."""
    functions: dict[str, Callable[..., Any]] = {
        "profile": profile,
        "field": field,
        "snapshot": snapshot,
    }
    ours = {"result", "species", "time", "ax", "reference"}
    allowed = [name for name in signature(functions[kind]).parameters if name not in ours]
    for name in options:
        if name not in allowed:
            raise ResultError(f"{name}: a movie of kind {kind!r} accepts {', '.join(allowed)}")
    for name in ("vmax", "size", "thickness"):
        if options.get(name) is not None:
            finite(name, options[name], positive=True)


def _axes(ax: Any, view: View, kind: str, panels: int) -> list[Axes]:
    if ax is not None:
        found = style.checked_axes(np.array(ax, dtype=object).ravel())
        if len(found) != panels:
            raise ResultError(f"ax: this movie has {panels} panels; give as many axes")
        return found
    if panels == 1 and kind == "snapshot" and view.axes == ("x",):
        return [style.new_axes(6.0, 2.2)]
    if panels == 1:
        return [style.new_axes() if kind == "profile" else style.new_axes_for_image(view)]
    width, height = (4.0, 3.2) if kind == "profile" else style.size_for_image(view)
    figure = style.new_figure(width * panels, height)
    return list(figure.subplots(1, panels))


def _profiles(view: View, names: list[str], records: list[int], options: dict[str, Any]) -> Draw:
    """Profiles, scaled to the highest line of all frames."""
    (name,) = names
    axis = axis_of(view, options.get("axis"))
    sides = [(view, records)]
    if "reference" in options:
        other = View(options["reference"], "reference")
        style.name_of(other, name)
        check_domain(view, other)
        sides.append((other, [record_at(other, float(view.times[k])) for k in records]))
    top = 0.0
    for side, ks in sides:
        for k in ks:
            c, error = mean_along(side, name, k, axis)
            top = max(top, highest(c, error))

    def draw(ax: Axes, time: float) -> None:
        profile(view.data, name, time, ax=ax, **{**options, "legend": False})
        if options.get("ylim") is None:
            columns = 2 if options.get("legend", True) and "reference" in options else 0
            style.end_at(ax, 1.08 * top or 1.0, columns)

    return draw


def _fields(view: View, names: list[str], records: list[int], options: dict[str, Any]) -> Draw:
    """Images in bins of one size, on a colour scale that few cells of any frame exceed."""
    (name,) = names
    options = {**options, "bins": bins_of(view, options.get("bins"))}
    if options["bins"] is None:
        options["bins"] = bin_size(view, name, records)
    own = hasattr(options.get("norm"), "vmax")  # a norm has its own limits
    if options.get("vmax") is None and not own:
        turned, place = _slice(view, options)
        windows = windows_of(turned, options.get("xlim"), options.get("ylim"))
        seen = (image_of(turned, name, k, place, options["bins"])[0] for k in records)
        options["vmax"] = max(upper_limit(within(turned, c, windows)) for c in seen)
    if options.get("norm") == "log" and options.get("vmin") is None:
        options["vmin"] = 0.01 * options["vmax"]  # the same in all frames

    def draw(ax: Axes, time: float) -> None:
        field(view.data, name, time, ax, **options)

    return draw


def _slice(view: View, options: dict[str, Any]) -> tuple[View, Any]:
    return sliced(view, *(options.get(axis) for axis in ("x", "y", "z")))


def _snapshots(view: View, names: list[str], records: list[int], options: dict[str, Any]) -> Draw:
    """Snapshots with dots of one size, on a colour scale that few cells of any exceed."""
    options = dict(options)
    dots.particles_at(view, records[0])  # refuses results without positions
    rows = view.data["row_size"].sel(species=names).isel(time=records).sum("species")
    fullest = records[int(np.argmax(rows.values))]
    if options.get("thickness") is None and len(view.axes) == 3:
        turned, place = _slice(view, options)
        cut = cut_at(turned, place) or 0
        found = dots.particles_at(turned, fullest)
        low, high = dots.layers(turned, cut, [found[name][0] for name in names])
        centre = float(turned.centers(turned.axes[-1])[cut])
        options["thickness"] = 2 * max(centre - low, high - centre)
    if options.get("vmax") is None and not hasattr(options.get("norm"), "vmax"):
        options["vmax"] = max(upper_limit(continuum_at(view, names[0], k)) for k in records)

    def draw(ax: Axes, time: float) -> None:
        if options.get("size") is None:
            options["size"] = size_of_dots(ax, int(rows.max()))
        snapshot(view.data, list(names), time, ax, **options)

    return draw


KINDS: dict[str, Callable[..., Draw]] = {
    "profile": _profiles,
    "field": _fields,
    "snapshot": _snapshots,
}
