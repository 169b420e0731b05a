"""Pictures of parameter studies: curves over a parameter, a map of two, small multiples in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import named_arguments, shown
from hybridrd.errors import ResultError
from hybridrd.plotting import style
from hybridrd.plotting.colours import bar_options, levels_of, scale
from hybridrd.plotting.images import CONTOURS, add_colorbar
from hybridrd.plotting.lines import band
from hybridrd.plotting.select import names_of
from hybridrd.plotting.views import Units, view_of
from hybridrd.results.study import ROW, is_study, points_of
from hybridrd.results.view import View, record_at

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    from hybridrd.model.species import SpeciesLike

    Finished = dict[tuple[Any, ...], View]

KINDS = ("curve", "map", "times")
_MOST_LABELS = 12  # largest number of parameter values written along an axis
_MOST_PANELS = 100


@named_arguments
def sweep(
    study: xr.Dataset,
    kind: str | None = None,
    species: SpeciesLike | list[SpeciesLike] | None = None,
    variable: str = "copy_number",
    time: float | None = None,
    ax: Axes | Sequence[Axes] | None = None,
    *,
    cmap: Any = None,
    norm: str | Normalize | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    levels: Any = None,
    colorbar: bool | Mapping[str, Any] = True,
    units: Units = None,
) -> Figure:
    """Draw a parameter study.

    ===========  ==================================================================================
    ``"curve"``  The variable over the first parameter at one time, with bars of one standard error;
                 a line for each value of a second parameter. One panel per species.
    ``"map"``    Colours over two parameters at one time. One panel per species.
    ``"times"``  Small multiples: the variable in time with a band of one standard error, a panel
                 for each point, in rows and columns by the first two parameters. All species.
    ===========  ==================================================================================

    Parameters
    ----------
    study
        A result of `sweep`, with one or two parameters that have several values: choose values of
        the others, ``study.sel(D=1.0)``. Points that were not run are left out.
    kind
        By default ``"curve"`` for one parameter, ``"map"`` for two, and ``"times"`` for a table.
    species
        One or several; by default all.
    variable
        ``"copy_number"`` or ``"total"``.
    time
        The record nearest to it; by default the last. ``"times"`` shows all.
    ax
        Axes to draw into, one per species, for a curve or a map; by default those of a new figure.
    cmap, norm, vmin, vmax, levels, colorbar
        See `field`, for a map. Its colours end at the lowest and the highest number by default.
    units
        See `field`; for times only.

    Raises
    ------
    ResultError
        If it is not a study, has no finished point or too many parameters, or the kind, species,
        variable or time does not exist.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> def decay(k):
    ...     A, line = hrd.Species("A", D=1.0), hrd.Box(x=(0, 1))
    ...     return hrd.System(
    ...         species=[A], domain=line, particles=line, cells=4, initial={A: hrd.Copies(100)},
    ...         reactions=[hrd.Reaction("A -> 0", k=k)],
    ...     )
    >>> study = hrd.sweep(decay, {"k": [0.5, 2.0]}, replicas=4, dt=0.1, until=1.0, seed=1)
    >>> hrd.plot.sweep(study).axes[0].get_xlabel()
    'k'
    """
    if not is_study(study):
        raise ResultError(f"study = {shown(study)}: give the result of a sweep")
    if variable not in ("copy_number", "total"):
        raise ResultError(f"variable = {variable!r}: it is copy_number or total")
    names = [str(n) for n in study.attrs["parameters"]]
    found = {key: view_of(one, "study", units) for key, one in points_of(study, names).items()}
    if not found:
        raise ResultError("study: none of its points is finished")
    varied = [n for i, n in enumerate(names) if len({key[i] for key in found}) > 1]
    is_table = ROW in study.dims
    if kind is None:
        kind = "times" if is_table and len(varied) > 1 else "map" if len(varied) > 1 else "curve"
    if kind not in KINDS:
        raise ResultError(f"kind = {kind!r}: a picture of a sweep is one of {', '.join(KINDS)}")
    if kind == "map" and len(varied) < 2:
        raise ResultError("kind = 'map': needs two parameters with several values; use 'curve'")
    if len(varied) > 2 and not (is_table and kind == "times"):
        raise ResultError(
            f"study: {', '.join(varied)} vary, and a picture shows two of them; choose values of "
            f"the others, study.sel({varied[-1]}=...)"
        )
    drawn = _Drawn(found, names, varied or names[:1], variable)
    shown_species = names_of(next(iter(found.values())), species)
    look = {"cmap": cmap, "norm": norm, "vmin": vmin, "vmax": vmax, "levels": levels}
    for option, value in look.items() if kind != "map" else ():
        if value is not None:
            raise ResultError(f"{option} = {shown(value)}: is for kind = 'map'")
    if kind == "times":
        if ax is not None:
            raise ResultError("ax: kind = 'times' makes its own figure; leave it out")
        return drawn.times(shown_species, is_table)
    axes = _axes(ax, len(shown_species))
    if kind == "map":
        return drawn.maps(axes, shown_species, time, look, colorbar)
    return drawn.curves(axes, shown_species, time)


def _axes(ax: Any, panels: int) -> list[Axes]:
    """The given axes, or a row of new ones."""
    if ax is None:
        figure = style.new_figure(5.2 * panels, 4.0)
        return list(figure.subplots(1, panels, squeeze=False)[0])
    found = style.checked_axes(np.array(ax, dtype=object).ravel())
    if len(found) != panels:
        raise ResultError(f"ax: this picture has {panels} panels; give as many axes")
    return found


class _Drawn:
    """The finished points of a study by the varied parameters, with options of the figure."""

    def __init__(
        self, found: Finished, names: Sequence[str], varied: Sequence[str], variable: str
    ) -> None:
        self._points = {tuple(key[names.index(n)] for n in varied): v for key, v in found.items()}
        self._varied, self._variable = varied, variable
        self._first = next(iter(found.values()))
        self._values = [sorted({key[i] for key in self._points}) for i in range(len(varied))]

    def curves(self, axes: Sequence[Axes], species: Sequence[str], time: float | None) -> Figure:
        """Lines over the first parameter, one for each value of the second."""
        inner = self._values[1] if len(self._varied) > 1 else [None]
        for ax, name in zip(axes, species, strict=True):
            for i, second in enumerate(inner):
                keys = [k for k in self._points if second is None or k[1] == second]
                keys.sort()
                ends = [self._at(k, name, time) for k in keys]
                label = "" if second is None else f"{self._varied[1]} = {_text(second)}"
                number = self._first.species.index(name) if second is None else i
                ax.errorbar(
                    self._positions(0, [k[0] for k in keys]),
                    [mean for mean, _ in ends],
                    [error for _, error in ends],
                    label=label, color=style.colour(number),
                    marker=style.MARKERS[number % len(style.MARKERS)],
                    markersize=4.5, linewidth=style.line_width(1.3), capsize=2.5,
                )  # fmt: skip
            self._ticks(ax.xaxis, 0)
            ax.set_xlabel(self._varied[0])
            ax.set_ylabel(self._label())
            style.set_title(ax, f"{name}, {self._time_text(time)}")
        if len(self._varied) > 1:
            axes[-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        return style.figure_of(axes[0])

    def maps(
        self, axes: Sequence[Axes], species: Sequence[str], time: float | None,
        look: dict[str, Any], colorbar: bool | Mapping[str, Any],
    ) -> Figure:  # fmt: skip
        """An image over two parameters for each species."""
        from matplotlib.colors import Normalize

        levels = look.pop("levels")
        columns, rows = self._values
        for ax, name in zip(axes, species, strict=True):
            values = np.full((len(rows), len(columns)), np.nan)
            for first, second in self._points:
                mean, _ = self._at((first, second), name, time)
                values[rows.index(second), columns.index(first)] = mean
            top, ends = float(np.nanmax(values)), dict(look)
            if ends["vmin"] is None and not isinstance(ends["norm"], Normalize):
                least = float(np.nanmin(values))
                rises = least < (top if ends["vmax"] is None else ends["vmax"])
                ends["vmin"] = least if rises and (least > 0 or ends["norm"] != "log") else None
            colours = scale(values, top, **ends)
            image = ax.imshow(values, origin="lower", aspect="auto", **colours)
            if levels is not None:
                found = levels_of(levels, colours["norm"].vmin or 0.0, colours["norm"].vmax or top)
                ax.contour(np.ma.masked_invalid(values), levels=found, **CONTOURS)
            for axis, texts in ((ax.xaxis, columns), (ax.yaxis, rows)):
                step = -(-len(texts) // _MOST_LABELS)
                axis.set_ticks(range(0, len(texts), step), [_text(v) for v in texts[::step]])
            ax.set_xlabel(self._varied[0])
            ax.set_ylabel(self._varied[1])
            style.set_title(ax, f"{name}, {self._time_text(time)}")
            bar = bar_options(colorbar, self._label())
            if colorbar:
                add_colorbar(ax, image, **bar)
        return style.figure_of(axes[0])

    def times(self, species: Sequence[str], is_table: bool) -> Figure:
        """A panel for each point, on a common scale."""
        if len(self._points) > _MOST_PANELS:
            raise ResultError(
                f"kind = 'times': {len(self._points)} panels; at most {_MOST_PANELS} are drawn, "
                f"choose some points with study.sel"
            )
        if is_table or len(self._varied) < 2:
            across = min(4, len(self._points))
            shape = (-(-len(self._points) // across), across)
            places = {key: divmod(i, across) for i, key in enumerate(self._points)}
        else:
            columns, rows = self._values[1], self._values[0]
            shape = (len(rows), len(columns))
            places = {key: (rows.index(key[0]), columns.index(key[1])) for key in self._points}
        figure = style.new_figure(2.4 * shape[1] + 0.8, 1.9 * shape[0] + 0.6)
        axes = figure.subplots(*shape, squeeze=False, sharex=True, sharey=True)
        for ax in axes.flat:
            ax.set_visible(False)
        for key, place in places.items():
            self._panel(axes[place], key, species)
        axes[0, 0].set_ylim(bottom=0.0)
        figure.supxlabel(style.time_label(self._first), fontsize="medium")
        figure.supylabel(self._label(), fontsize="medium")
        if len(species) > 1:
            lines = axes[next(iter(places.values()))].get_lines()
            figure.legend(lines, list(species), loc="outside right center", frameon=False)
        return figure

    def _panel(self, ax: Axes, key: tuple[Any, ...], species: Sequence[str]) -> None:
        view = self._points[key]
        ax.set_visible(True)
        for name in species:
            mean = view.mean(self._variable).sel(species=name).values
            colour = style.colour_of(view, name)
            ax.plot(view.times, mean, color=colour, linewidth=style.line_width(1.3))
            sem = view.sem(self._variable)
            if sem is not None:
                error = np.nan_to_num(sem.sel(species=name).values)
                band(ax, view.times, mean - error, mean + error, colour)
        words = [f"{n} = {_text(v)}" for n, v in zip(self._varied, key, strict=True)]
        ax.set_title("\n".join(_lines(words)), fontsize="small")
        if len(view.times) > 1:
            ax.set_xlim(float(view.times[0]), float(view.times[-1]))

    def _at(self, key: tuple[Any, ...], species: str, time: float | None) -> tuple[float, float]:
        """Mean and standard error at a time."""
        view = self._points[key]
        k = record_at(view, time)
        mean = float(view.mean(self._variable).sel(species=species).values[k])
        sem = view.sem(self._variable)
        error = 0.0 if sem is None else float(sem.sel(species=species).values[k])
        return mean, 0.0 if np.isnan(error) else error

    def _positions(self, parameter: int, values: Sequence[Any]) -> list[Any]:
        """Positions along an axis: numbers by value, words by index."""
        if _are_numbers(self._values[parameter]):
            return list(values)
        return [self._values[parameter].index(v) for v in values]

    def _ticks(self, axis: Any, parameter: int) -> None:
        values = self._values[parameter]
        if not _are_numbers(values):
            axis.set_ticks(range(len(values)), [_text(v) for v in values])
        elif len(values) > 2 and min(values) > 0 and max(values) / min(values) >= 30:
            axis.axes.set_xscale("log")

    def _time_text(self, time: float | None) -> str:
        return style.time_text(self._first, float(self._first.times[record_at(self._first, time)]))

    def _label(self) -> str:
        if self._variable == "total":
            return "total number"
        return "number in the particle region"


def _are_numbers(values: Sequence[Any]) -> bool:
    return not any(isinstance(v, (bool, str)) for v in values)


def _text(value: Any) -> str:
    return f"{value:g}" if _are_numbers([value]) else str(value)


def _lines(words: Sequence[str]) -> list[str]:
    """Words on one line if they are short."""
    line = ", ".join(words)
    return [line] if len(line) <= 28 else list(words)
