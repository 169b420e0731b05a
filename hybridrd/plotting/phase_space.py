"""Phase space of a master equation: densities by copy number, and currents between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import named_arguments
from hybridrd.arrays import Floats
from hybridrd.errors import ResultError
from hybridrd.plotting.colours import scale
from hybridrd.plotting.style import COLOURS, GREY, axes_or_new, new_axes, set_title
from hybridrd.results.view import View, record_at

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

_LEAST = 1e-3  # least probability of a copy number that is drawn
_MOST = 7  # largest number of boxes along each axis
_GAP = 1.8  # distance between boxes, in widths of a box


@named_arguments
def phase_space(
    result: xr.Dataset,
    time: float | None = None,
    ax: Axes | None = None,
    *,
    cmap: Any = None,
    shades: Any = "Blues",
) -> Axes:
    """Draw the phase space of a chemical diffusion master equation (del Razo 2024, Fig. 1).

    There is one box for each number of copies, shaded by its probability. With one species on a
    line or in a shell the boxes of one and two copies show the densities rho_1(x) and rho_2(x, y).
    Arrows are currents of probability from one number to another. With two species n_A is
    horizontal and n_B vertical.

    Parameters
    ----------
    result
        A result of `hybridrd.theory.cdme.solve` or ``steady_state``, of one or two species.
    time
        The record nearest to it; by default the last.
    ax
        Axes to draw into; by default those of a new figure.
    cmap
        A colour map, or its name, for densities; by default ``rcParams["image.cmap"]``.
    shades
        A colour map, or its name, for the boxes: the more probable, the darker. Only the lighter
        two thirds of it are used.

    Raises
    ------
    ResultError
        If it is not such a result, has more than two species, or no record near the time.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> system = hrd.System(
    ...     species=[A], domain=hrd.Box(x=(0, 1)), initial={A: 1.0},
    ...     reactions=[hrd.Reaction("0 -> A", k=1.0), hrd.Reaction("A -> 0", k=1.0)],
    ... )
    >>> truth = hrd.theory.cdme.solve(system, voxels=6, max_copies=6, until=0.5, tolerance=1e-3)
    >>> hrd.plot.phase_space(truth).get_title()
    't = 0.5'
    """
    data, title = _record(result, time)
    names = [str(s) for s in data["species"].values]
    if len(names) > 2:
        raise ResultError(
            f"result: has {len(names)} species; a phase space shows one or two: sum over or "
            f"leave out the others in the System"
        )
    p = data["joint_probability"].transpose(*(f"n_{s}" for s in names)).values
    p = p if p.ndim == 2 else p[:, None]
    shown = [_shown(p.sum(axis=1 - axis)) for axis in range(2)]
    ax = axes_or_new(ax, lambda: new_axes(*(1.3 * _GAP * k + 0.6 for k in shown)))
    ax.set_axis_off()
    ax.set_aspect("equal")
    ax.set_xlim(-1.0, _GAP * (shown[0] - 1) + 1.0)
    ax.set_ylim(-1.1, _GAP * (shown[1] - 1) + 1.0)
    maps = [scale(p, 1.0, m)["cmap"] for m in (cmap, shades)]
    for place in np.ndindex(*shown):
        _box(ax, data, names, place, float(p[place]), float(p.max()), maps)
    _arrows(ax, data, names, shown)
    set_title(ax, title)
    return ax


def _record(result: Any, time: float | None) -> tuple[xr.Dataset, str]:
    """The record, and its title."""
    if "joint_probability" not in getattr(result, "data_vars", {}):
        raise ResultError(
            "result: a phase space is that of a master equation; give a result of "
            "hybridrd.theory.cdme.solve or steady_state"
        )
    if result.attrs.get("kind") == "cdme-steady":
        if time is not None:
            raise ResultError(f"time = {time!r}: a steady state has no records; leave it out")
        return result, "steady state"
    view = View(result, "result")
    data = view.data.isel(time=record_at(view, time))
    unit = str(result.attrs["units"].get("time", ""))
    return data, f"t = {float(data['time']):.6g}" + (f" {unit}" if unit else "")


def _shown(p: Floats) -> int:
    """Number of copy numbers to draw: up to the last with some probability."""
    likely = np.flatnonzero(p > _LEAST)
    return min(int(likely.max(initial=0)) + 1, _MOST, len(p))


def _box(
    ax: Axes, data: xr.Dataset, names: list[str], place: tuple[int, ...], p: float, most: float,
    maps: list[Any],
) -> None:  # fmt: skip
    """One number of copies: its densities, or a shade, and its probability."""
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    x, y = _GAP * place[0], _GAP * place[1]
    text = ", ".join(f"{n} {name}" for n, name in zip(place, names, strict=False))
    density = f"rho_{place[0]}"
    drawn = len(names) == 1 and place[0] in (1, 2)
    if drawn and len(data["rho_1"].dims) == 2:
        inner = ax.inset_axes((x - 0.5, y - 0.5, 1.0, 1.0), transform=ax.transData)
        inner.set_xticks([])
        inner.set_yticks([])
        axis = str(data["rho_1"].dims[-1])
        places = data[axis].values
        if place[0] == 1:
            inner.fill_between(places, data[density].values[0], color=COLOURS[0], step="mid")
            inner.set_ylim(bottom=0)
        else:
            inner.pcolormesh(places, places, data[density].values, cmap=maps[0])
        ax.text(x, y + 0.55, f"{text}: {p:.3f}", ha="center", va="bottom", fontsize=8)
        return
    shade = colormaps.get_cmap(maps[1])(0.05 + 0.6 * p / most if most > 0 else 0.05)
    ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=shade, edgecolor=GREY))
    ax.text(x, y, f"{text}\n{p:.3f}", ha="center", va="center", fontsize=8)


def _arrows(ax: Axes, data: xr.Dataset, names: list[str], shown: list[int]) -> None:
    """Draw currents of probability above 1/1000 of the largest as arrows, with width by size."""
    from matplotlib.patches import FancyArrowPatch

    current = data["current"].transpose("change", *(f"n_{s}" for s in names)).values
    changes = np.stack([data[f"change_{s}"].values for s in names], axis=1)
    if len(names) == 1:
        current, changes = current[:, :, None], np.column_stack([changes, 0 * changes])
    most = float(current.max(initial=0.0))
    for which, change in enumerate(changes.tolist()):
        for place in np.ndindex(*shown):
            end = [n + step for n, step in zip(place, change, strict=True)]
            size = float(current[which][place])
            if size <= 1e-3 * most or any(not 0 <= n < k for n, k in zip(end, shown, strict=True)):
                continue
            start, stop = _GAP * np.array(place), _GAP * np.array(end)
            along = (stop - start) / np.hypot(*(stop - start))
            across = 0.16 * np.array([-along[1], along[0]])
            far = max(abs(step) for step in change) > 1  # around a box in between
            reach = 0.1 if far else 0.52 / np.abs(along).max()
            aside = 3.2 * across if far else across
            arrow = FancyArrowPatch(
                tuple(start + reach * along + aside), tuple(stop - reach * along + aside),
                arrowstyle="-|>", mutation_scale=9, color=COLOURS[1],
                linewidth=0.5 + 3.0 * size / most,
                connectionstyle=f"arc3,rad={-0.15 if far else 0.0}", shrinkA=0, shrinkB=0,
            )  # fmt: skip
            ax.add_patch(arrow)
            x, y = 0.5 * (start + stop) + (5.2 if far else 1.9) * across
            ax.text(x, y, f"{size:.2g}", ha="center", va="center", fontsize=7, color=GREY)
