"""Sheets: one kind of figure for several species and times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hybridrd.errors import ResultError
from hybridrd.plotting import style
from hybridrd.plotting.comparison import compare
from hybridrd.plotting.images import field
from hybridrd.plotting.kymograph import kymograph
from hybridrd.plotting.lines import counts, profile
from hybridrd.plotting.select import concentration_at, names_of
from hybridrd.plotting.snapshot import snapshot
from hybridrd.plotting.views import view_of
from hybridrd.results.view import View

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

# Kinds that accept a reference.
WITH_REFERENCE = ("profile", "counts", "compare")
ALL_TIMES = ("counts", "kymograph")
KINDS = (*WITH_REFERENCE, "field", "kymograph", "snapshot")


def sheet(
    kind: str,
    result: xr.Dataset,
    species: Sequence[str] | None = None,
    times: Sequence[float] | None = None,
    reference: xr.Dataset | None = None,
    look: Mapping[str, Any] | None = None,
) -> Figure:
    """Draw one kind of figure with a row per species and a column per time.

    Parameters
    ----------
    kind
        One of `KINDS`.
    result, reference
        A result, and a reference for the kinds that accept one.
    species
        By default all.
    times
        Records to draw (time); by default the last.
    look
        Further options of the drawing function; times are in its ``units``.

    Raises
    ------
    ResultError
        If the kind is unknown, lacks its reference or does not accept one, or the drawing function
        raises it.
    """
    if kind not in KINDS:
        raise ResultError(f"kind = {kind!r}: a picture is one of {', '.join(KINDS)}")
    if reference is not None and kind not in WITH_REFERENCE:
        raise ResultError(f"kind = {kind!r}: accepts no reference; {', '.join(WITH_REFERENCE)} do")
    if times and kind in ALL_TIMES:
        raise ResultError(f"kind = {kind!r}: shows all times; leave times out")
    look = look or {}
    view = view_of(result, units=look.get("units"))
    names = names_of(view, list(species) if species else None)
    at = list(times) if times else [float(view.times[-1])]
    if kind == "counts":
        return style.figure_of(counts(result, list(names), reference, **look))
    if kind == "compare":
        return _comparisons(result, reference, names, at, look)
    rows: list[Any] = [names] if kind == "snapshot" else list(names)
    if kind == "kymograph":
        at = at[:1]
    options = dict(look) if reference is None else {**look, "reference": reference}
    width, height = (4.6, 3.4) if kind == "profile" else style.size_for_image(view)
    if kind == "kymograph":
        height = 4.6
    if kind == "snapshot":
        height = 2.2 if view.axes == ("x",) else height + 0.4 * (len(names) > 1)
    figure = style.new_figure(width * len(at), height * len(rows))
    axes = figure.subplots(len(rows), len(at), squeeze=False)
    for row, shown in zip(axes, rows, strict=True):
        for ax, time in zip(row, at, strict=True):
            _DRAW[kind](result, shown, time, ax=ax, **options)
    return figure


def _timeless(result: xr.Dataset, species: str, _: float, **options: Any) -> None:
    kymograph(result, species, **options)


_DRAW: dict[str, Callable[..., Any]] = {
    "profile": profile,
    "field": field,
    "snapshot": snapshot,
    "kymograph": _timeless,
}


def _comparisons(
    result: xr.Dataset, reference: xr.Dataset | None, names: list[str], times: list[float],
    look: Mapping[str, Any],
) -> Figure:  # fmt: skip
    """One comparison per row, with panels side by side; a single one as drawn by `compare`."""
    if reference is None:
        raise ResultError("kind = 'compare': needs a reference to compare with")
    if len(names) * len(times) == 1:
        return style.figure_of(compare(result, reference, names[0], times[0], **look)[0])
    view, other = View(result, "result"), View(reference, "reference")
    has_error = any(concentration_at(v, names[0], 0)[1] is not None for v in (view, other))
    images = len(view.axes) > 1 and "axis" not in look
    panels = 2 + images + has_error
    height = style.size_for_image(view)[1] * 0.8 if images else 3.0
    rows = len(names) * len(times)
    figure = style.new_figure(4.4 * panels, height * rows)
    axes = figure.subplots(rows, panels, squeeze=False)
    pairs = [(name, time) for name in names for time in times]
    for row, (name, time) in zip(axes, pairs, strict=True):
        style.name_of(other, name)
        compare(result, reference, name, time, row, **look)
        if not images:
            for ax in row:
                ax.set_xlabel(style.axis_label(view, view.axes[0]))
    return figure
