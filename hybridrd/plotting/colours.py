"""Colour scales of images, by the usual arguments of Matplotlib."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import items, shown
from hybridrd.arrays import Floats
from hybridrd.errors import ResultError
from hybridrd.results.view import View, finite

if TYPE_CHECKING:
    from matplotlib.colors import Normalize

Limits = tuple[float, float]


def scale(
    c: Floats,
    top: float,
    cmap: Any = None,
    norm: str | Normalize | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
) -> dict[str, Any]:
    """Options ``cmap`` and ``norm`` of an image of concentrations.

    Parameters
    ----------
    c
        The values shown.
    top
        The default upper end of the scale.
    cmap
        A colour map or its name; by default that of Matplotlib's ``rcParams["image.cmap"]``.
    norm
        ``"linear"`` (the default), ``"log"``, or a `matplotlib.colors.Normalize`.
    vmin, vmax
        Ends of the scale; by default 0 (logarithmic: the least above 0) and ``top``.

    Raises
    ------
    ResultError
        If there is no such map or norm, vmin is not below vmax, or they are given with a norm.
    """
    import matplotlib as mpl
    from matplotlib.colors import LogNorm, Normalize

    cmap = mpl.rcParams["image.cmap"] if cmap is None else cmap
    if isinstance(cmap, str) and cmap not in mpl.colormaps:
        raise ResultError(f"cmap = {cmap!r}: Matplotlib has no such colour map")
    vmax = None if vmax is None else finite("vmax", vmax, positive=True)
    vmin = None if vmin is None else finite("vmin", vmin)
    if isinstance(norm, Normalize):
        if vmin is not None or vmax is not None:
            raise ResultError("norm: it has its own ends; leave out vmin and vmax")
        return {"cmap": cmap, "norm": norm}
    if norm not in (None, "linear", "log"):
        raise ResultError(
            f"norm = {shown(norm)}: it is linear, log, or a Normalize of matplotlib.colors"
        )
    high = (top if vmax is None else vmax) or 1.0
    low = 0.0 if vmin is None else vmin
    if norm == "log":
        above = c[np.isfinite(c) & (c > 0)]
        least = float(above.min()) if above.size else 1e-3 * high
        low = min(least, 0.1 * high) if vmin is None else vmin
        if low <= 0:
            raise ResultError(f"vmin = {low:g}: a logarithmic scale starts above 0")
    if not low < high:
        raise ResultError(f"vmin = {low:g}, vmax = {high:g}: vmin must be below vmax")
    return {"cmap": cmap, "norm": (LogNorm if norm == "log" else Normalize)(low, high)}


def bar_options(colorbar: bool | Mapping[str, Any], label: str, **usual: Any) -> dict[str, Any]:
    """Options of a colour bar: defaults and given ones.

    Raises
    ------
    ResultError
        If they are neither a boolean nor a dict.
    """
    if isinstance(colorbar, Mapping):
        return {"label": label, **usual, **colorbar}
    if not isinstance(colorbar, (bool, np.bool_)):
        raise ResultError(
            f"colorbar = {shown(colorbar)}: True, False, or a dict of options for "
            f"Figure.colorbar, {{'label': ...}}"
        )
    return {"label": label, **usual}


def limits(bounds: Limits, name: str, given: Any) -> Limits:
    """A window within bounds, all of them by default.

    Raises
    ------
    ResultError
        If it is not two increasing numbers, or outside the bounds.
    """
    low, high = bounds
    if given is None:
        return low, high
    pair = items(given)
    if pair is None or len(pair) != 2:
        raise ResultError(f"{name} = {shown(given)}: give two numbers, (lower, upper)")
    a, b = (finite(name, v) for v in pair)
    if not a < b or b <= low or a >= high:
        raise ResultError(
            f"{name} = ({a:g}, {b:g}): give two increasing numbers between {low:g} and {high:g}"
        )
    return a, b


def windows_of(view: View, xlim: Any, ylim: Any) -> dict[str, Limits]:
    """The part of an image to show, by axis. Raises ResultError."""
    given = zip(view.axes[:2], (("xlim", xlim), ("ylim", ylim)), strict=False)
    return {axis: limits(view.bounds(axis), name, window) for axis, (name, window) in given}


def within(view: View, c: Floats, windows: Mapping[str, Limits]) -> Floats:
    """The cells of a field that overlap a window, along each of its axes."""
    for i, (axis, (a, b)) in enumerate(windows.items()):
        x, half = view.centers(axis), 0.5 * view.spacing(axis)
        seen = np.flatnonzero((x + half > a) & (x - half < b))
        c = np.take(c, seen, axis=i)
    return c


def levels_of(given: Any, low: float, high: float) -> list[float]:
    """Contour levels: a list of them, or their number between the ends of the scale.

    Raises
    ------
    ResultError
        If they are neither.
    """
    if isinstance(given, (int, np.integer)) and not isinstance(given, bool) and given > 0:
        return [low + (high - low) * k / (given + 1) for k in range(1, int(given) + 1)]
    listed = items(given)
    if not listed:
        raise ResultError(f"levels = {shown(given)}: give a number of lines, or a list of values")
    return sorted(finite("levels", v) for v in listed if math.isfinite(finite("levels", v)))
