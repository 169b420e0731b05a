"""Hatching of cells with low values, for prints without colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybridrd.results.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.path import Path

    from hybridrd.arrays import Floats

HATCH = "////"


def hatch_below(ax: Axes, bar: Axes, view: View, values: Floats, bound: float, deep: float) -> None:
    """Hatch the cells of an image below ``bound``, and the corresponding part of its colour bar.

    The lines are dark on pale colours above ``deep`` and white on dark ones below it. Cells that
    are NaN are unchanged.
    """
    low = bar.get_ylim()[0]
    for where, top, bottom, colour in (
        ((values < bound) & (values >= deep), bound, deep, "#333333"),
        (values < deep, deep, low, "white"),
    ):
        style: dict[str, Any] = {
            "fill": False, "hatch": HATCH, "edgecolor": colour, "linewidth": 0.0
        }  # fmt: skip
        bar.axhspan(bottom, top, **style)
        if where.any():
            _add(ax, view, where, style)


def _add(ax: Axes, view: View, where: NDArray[np.bool_], style: dict[str, Any]) -> None:
    from matplotlib.patches import PathPatch

    x, y = (
        np.linspace(*view.bounds(axis), n + 1)
        for axis, n in zip(view.axes[:2], where.shape, strict=True)
    )
    ax.add_patch(PathPatch(outline(where, x, y), **style))


def outline(where: NDArray[np.bool_], x: Floats, y: Floats) -> Path:
    """Cells ``(nx, ny)`` as rectangles, with neighbours along y merged."""
    from matplotlib.path import Path

    steps = np.diff(np.pad(where, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    column, first = np.nonzero(steps == 1)
    _, end = np.nonzero(steps == -1)
    left, right, bottom, top = x[column], x[column + 1], y[first], y[end]
    corners = [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]
    vertices = np.array(corners).transpose(2, 0, 1).reshape(-1, 2)
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    return Path(vertices, codes * len(column))
