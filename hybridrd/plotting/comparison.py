"""Figure of two results: both, their difference, and the difference in standard errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import named_arguments
from hybridrd.errors import ResultError
from hybridrd.plotting import images, style
from hybridrd.plotting.checks import bins_of
from hybridrd.plotting.colours import (
    Limits,
    bar_options,
    limits,
    scale,
    windows_of,
    within,
)
from hybridrd.plotting.hatching import hatch_below
from hybridrd.plotting.lines import INTERFACE, band, profile
from hybridrd.plotting.select import (
    IN_BIN_FOR_ERRORS,
    averaged,
    averaged_error,
    axis_of,
    bin_size,
    concentration_at,
    mean_along,
    species_of,
    upper_limit,
)
from hybridrd.plotting.views import Units, sliced, view_of
from hybridrd.results.compare import check_cells, ratio, standard_error
from hybridrd.results.view import View, finite, record_at

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from numpy.typing import NDArray

    from hybridrd.arrays import Floats
    from hybridrd.model.species import SpeciesLike

Z_STEPS = (-3.0, -2.0, -1.0, 1.0, 2.0, 3.0)  # bounds of the colours of z; white between -1 and 1


@named_arguments
def compare(
    result: xr.Dataset,
    reference: xr.Dataset,
    species: SpeciesLike | None = None,
    time: float | None = None,
    ax: Sequence[Axes] | NDArray[Any] | None = None,
    *,
    axis: str | None = None,
    x: float | None = None,
    y: float | None = None,
    z: float | None = None,
    bins: int | None = None,
    cmap: Any = None,
    norm: str | Normalize | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    difference: float | None = None,
    colorbar: bool | Mapping[str, Any] = True,
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    units: Units = None,
) -> NDArray[Any]:
    """Draw a result, a reference (for example its PDE) and their difference.

    In two dimensions (in three on a slice) there are four images: the result, the reference on the
    same colour scale, the difference, and the difference in standard errors, z; one cell in a
    hundred may exceed the colour scale. Cells in which the result is below the reference are
    hatched for prints in grey: differences below minus a tenth of the scale, and z below -1. In one
    dimension, in a shell, or along an ``axis``, there are three panels: both profiles with bands of
    one standard error, the difference with the band of two standard errors about zero, and z.

    The standard error is that of the ensembles. A single run compared with an ensemble is assumed
    to have the variance of its replicas. If neither result is an ensemble,
    there is no z and its panel is omitted. Cells whose replicas all agree have no z and are grey.
    By chance ``abs(z)`` exceeds 2 in 5 % of the cells. Cells of the continuum fluctuate together,
    and their errors may be tiny, so look at the difference too. The error of a bin assumes
    independent cells: it is too small where reactions correlate neighbours.

    Parameters
    ----------
    result, reference
        Results on the same cells: ensembles, runs or mean fields.
    species
        A `Species` or its name; by default the only one.
    time
        The record nearest to it is drawn; by default the last.
    ax
        One Axes per panel; by default those of a new figure.
    axis
        Draw profiles along this axis (means over the others) instead of images.
    x, y, z
        Position of the slice in three dimensions (length), one of them; by default z, the middle.
    bins
        Cells per side of the bins over which both results are averaged in the particle region; 1
        shows every cell. By default the smallest bins with six particles on average, or, if there
        is a z, with 50 in all replicas. Images only.
    cmap, norm, vmin, vmax, colorbar, units
        See `field`, for both results; all except ``units`` for images only.
    difference
        Half range of the differences (concentration): their colours, or their axis, go from minus
        this to this. By default one cell in a hundred is beyond, and lines are shown completely.
    xlim, ylim
        The part to show (length), for profiles ``xlim`` only; by default all. The colours are
        scaled to it.

    Returns
    -------
    numpy.ndarray
        The Axes, one per panel.

    Raises
    ------
    ResultError
        If the species is unknown or missing, the cells differ, no record is near the time, or the
        number of axes is wrong.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> system = hrd.System(
    ...     species=[A], domain=hrd.Box(x=(0, 1)), particles=hrd.Box(x=(0, 0.5)), cells=20,
    ...     initial={A: 50.0},
    ... )
    >>> pde = hrd.mean_field(system, dt=1e-3, until=0.01, every=0.01)
    >>> many = hrd.ensemble(system, replicas=3, dt=1e-3, until=0.01, every=0.01, seed=1)
    >>> [ax.get_ylabel().splitlines()[0] for ax in hrd.plot.compare(many, pde, "A")]
    ['concentration of A', 'difference', 'z']
    """
    view, z_of = sliced(view_of(result, units=units), x, y, z)
    other, _ = sliced(view_of(reference, "reference", units), x, y, z)
    name = species_of(view, species)
    style.name_of(other, name)
    check_cells(view, other)
    bins = bins_of(view if view.has_particles else other, bins)
    k = record_at(view, time)
    pair = _Pair(view, other, name, k, record_at(other, float(view.times[k])))
    most = None if difference is None else finite("difference", difference, positive=True)
    look = {"cmap": cmap, "norm": norm, "vmin": vmin, "vmax": vmax}
    if len(view.axes) > 1 and axis is None:
        windows = windows_of(view, xlim, ylim)
        return _compare_images(pair, ax, z_of, bins, look, colorbar, windows, most)
    for option, value in {"x": x, "y": y, "z": z, "bins": bins, **look, "ylim": ylim}.items():
        if value is not None:
            raise ResultError(f"{option} = {value!r}: only for images; profiles show every cell")
    axis = axis_of(view, axis)
    return _compare_profiles(pair, ax, axis, limits(view.bounds(axis), "xlim", xlim), most)


@dataclass(frozen=True)
class _Pair:
    """One species of both results at one time."""

    view: View
    other: View
    species: str
    record: int
    record_of_other: int

    @property
    def has_error(self) -> bool:
        return any(
            concentration_at(v, self.species, k)[1] is not None
            for v, k in ((self.view, self.record), (self.other, self.record_of_other))
        )

    @property
    def title(self) -> str:
        time = float(self.view.times[self.record])
        return f"{self.species}, {style.time_text(self.view, time)}"

    def error(self, c: Floats, of_a: Floats | None, of_b: Floats | None) -> Floats:
        """Standard error of a difference with the shape of ``c``, NaN if there is none."""
        unknown = np.full_like(c, np.nan)
        return standard_error(
            self.view.replicas,
            self.other.replicas,
            unknown if of_a is None else of_a,
            unknown if of_b is None else of_b,
        )


def _axes(ax: Any, panels: int, size: tuple[float, float], shape: tuple[int, int]) -> Any:
    """The given axes, or those of a new figure with a common title, and whether they are new."""
    if ax is None:
        figure = style.new_figure(*size)
        return figure.subplots(*shape, sharex=True, sharey="all" if shape[1] > 1 else False).ravel()
    found = style.checked_axes(np.array(ax, dtype=object).ravel())
    if len(found) != panels:
        raise ResultError(f"ax: this comparison has {panels} panels; give a list of {panels} axes")
    return found


def _compare_profiles(
    pair: _Pair, ax: Any, axis: str, window: Limits, most: float | None
) -> NDArray[Any]:
    view, other, name = pair.view, pair.other, pair.species
    a, of_a = mean_along(view, name, pair.record, axis)
    b, of_b = mean_along(other, name, pair.record_of_other, axis)
    error = pair.error(a, of_a, of_b)
    panels = 3 if pair.has_error else 2
    axes = _axes(ax, panels, (6.0, 1.4 + 1.9 * panels), (panels, 1))
    x, colour = view.centers(axis), style.colour_of(view, name)
    width = style.line_width(1.2)
    steps: dict[str, Any] = {"color": colour, "linewidth": width, "drawstyle": "steps-mid"}
    time = float(view.times[pair.record])
    whole = window == view.bounds(axis)
    profile(view.data, name, time, other.data, axes[0], axis, xlim=None if whole else window)
    axes[1].plot(x, a - b, **steps)
    axes[1].set_ylabel("difference")
    if most is not None:
        _symmetric(axes[1], most)
    if pair.has_error:
        band(axes[1], x, -2 * error, 2 * error, style.GREY, "mid")
        axes[1].set_ylabel("difference\n(grey: two errors)")
        z = ratio(a - b, error)
        axes[2].plot(x, z, **steps)
        for bound in (-2.0, 2.0):
            axes[2].axhline(bound, **{**style.REFERENCE, "linewidth": 0.9})
        axes[2].set_ylabel("z")
        _symmetric(axes[2], max(3.5, 1.1 * float(np.nanmax(np.abs(z), initial=0.0))))
    for panel in axes[1:]:
        panel.axhline(0.0, color=style.GREY, linewidth=0.8)
        for plane in view.interfaces(axis):
            panel.axvline(plane, label="_interface", **INTERFACE)
        panel.set_xlim(*window)
    for panel in axes[:-1]:
        panel.set_xlabel("")
    axes[-1].set_xlabel(style.axis_label(view, axis))
    return np.asarray(axes)


def _symmetric(ax: Axes, limit: float) -> None:
    ax.set_ylim(-limit, limit)


def _compare_images(
    pair: _Pair, ax: Any, z: float | None, bins: int | None, look: dict[str, Any],
    colorbar: bool | Mapping[str, Any], windows: Mapping[str, Limits], most: float | None,
) -> NDArray[Any]:  # fmt: skip
    view, other, name = pair.view, pair.other, pair.species
    cut = images.cut_at(view, z)
    sampled = [(v, k) for v, k in ((view, pair.record), (other, pair.record_of_other))]
    if bins is None:
        in_bin = IN_BIN_FOR_ERRORS if pair.has_error else None
        bins = max(bin_size(v, name, [k], in_bin=in_bin) for v, k in sampled)
    # Both on the bins of the particle region, even if the PDE's system has none.
    region = view if view.has_particles else other
    fields, errors = [], []
    for v, k in sampled:
        c, error = concentration_at(v, name, k)
        fields.append(_cut(averaged(region, c, bins), cut))
        errors.append(None if error is None else _cut(averaged_error(region, error, bins), cut))
    a, b = fields
    panels = 4 if pair.has_error else 3
    (left, right), (bottom, top) = windows.values()
    height = float(np.clip((top - bottom) / (right - left), 0.3, 3.0))
    shape = (2, 2) if panels == 4 else (3, 1) if height < 0.6 else (1, 3)
    size = (shape[1] * 3.9, shape[0] * (2.7 * height + 0.65) + 0.6)
    axes = _axes(ax, panels, size, shape)
    of_window = [within(view, c, windows) for c in (a, b)]
    colours = scale(np.stack(of_window), max(map(upper_limit, of_window)), **look)
    images.draw(axes[0], view, a, 1.0, cut, **colours)
    shown = images.draw(axes[1], view, b, 1.0, cut, **colours)
    bar = bar_options(colorbar, style.short_concentration_label(view), extend="max")
    if colorbar:
        images.add_colorbar(axes[1], shown, **bar)
    limit = upper_limit(np.abs(of_window[0] - of_window[1])) if most is None else most
    _draw_difference(axes[2], pair, a - b, cut, limit)
    titles = [style.kind_of(view), style.kind_of(other), "difference"]
    if pair.has_error:
        titles.append(_draw_z(axes[3], region, ratio(a - b, pair.error(a, *errors)), cut))
    notes = [pair.title, *([] if cut is None else [images.place_of(view, cut)])]
    if bins > 1 and images.meets_region(region, cut):
        notes.append(f"particle region in bins of {bins} cells per side")
    for i, (panel, title) in enumerate(zip(axes, titles, strict=True)):
        above = "" if ax is None or i else f"{', '.join(notes)}\n"
        pad = images.title_pad(view, cut) if i < shape[1] else 6.0
        style.set_title(panel, above + title, pad)
    for panel in axes:
        panel.set_xlim(windows[view.axes[0]])
        panel.set_ylim(windows[view.axes[1]])
    if all(window == view.bounds(axis) for axis, window in windows.items()):
        images.name_regions(axes[0], view, cut)
    if ax is None:
        axes[0].figure.suptitle(", ".join(notes), fontsize="medium")
        for panel, place_of in zip(axes, np.ndindex(shape), strict=True):
            if place_of[0] < shape[0] - 1:
                panel.set_xlabel("")
            if place_of[1] > 0:
                panel.set_ylabel("")
    return np.asarray(axes)


def _cut(c: Floats, cut: int | None) -> Floats:
    return c if cut is None else c[:, :, cut]


def _draw_difference(
    ax: Axes, pair: _Pair, difference: Floats, cut: int | None, limit: float
) -> None:
    from matplotlib.colors import Normalize

    norm = Normalize(-limit, limit)
    image = images.draw(ax, pair.view, difference, limit, cut, cmap=style.DIFFERENCES, norm=norm)
    label = style.short_concentration_label(pair.view)
    bar = images.add_colorbar(ax, image, label, extend="both")
    hatch_below(ax, bar, pair.view, difference, -0.1 * limit, -0.5 * limit)


def _draw_z(ax: Axes, view: View, z: Floats, cut: int | None) -> str:
    """Draw z in a few distinguishable colours; returns the title of its panel."""
    import matplotlib as mpl
    from matplotlib.colors import BoundaryNorm

    colours = mpl.colormaps[style.DIFFERENCES].copy()
    norm = BoundaryNorm(Z_STEPS, colours.N, extend="both")
    ax.set_facecolor("#bbbbbb")  # colour of cells without z
    image = images.draw(ax, view, np.ma.masked_invalid(z), 1.0, cut, cmap=colours, norm=norm)
    bar = images.add_colorbar(ax, image, "z", ticks=Z_STEPS)
    hatch_below(ax, bar, view, z, -1.0, -2.0)
    x, y = (view.inside({axis: view.region[axis]})[axis] for axis in view.axes[:2])
    known = z[x, y][~np.isnan(z[x, y])]
    if not known.size or not images.meets_region(view, cut):
        return "z"
    beyond = float(np.mean(np.abs(known) > 2))
    return f"z; {100 * beyond:.0f} % of particle cells beyond 2"
