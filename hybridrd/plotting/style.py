"""Shared colours, labels and markers; safe for colour-blind readers and in print."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import shown
from hybridrd.arrays import Floats
from hybridrd.model.species import species_name
from hybridrd.results.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

# The palette of Okabe and Ito without yellow, which vanishes on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# Markers distinguish species in print, too.
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
REFERENCE: dict[str, Any] = {"color": "#222222", "linestyle": (0, (5, 2)), "linewidth": 1.4}
COLOUR_MAP = "viridis"
DIFFERENCES = "RdBu_r"  # white at no difference; red and blue are safe for colour-blind readers
GREY = "#555555"


def setting(name: Any, ours: Any) -> Any:
    """A Matplotlib setting if a style or ``rc_context`` has changed it, otherwise ours."""
    import matplotlib as mpl

    now = mpl.rcParams[name]
    return ours if now == mpl.rcParamsDefault[name] else now


def new_axes(width: float = 6.0, height: float = 4.0) -> Axes:
    """Axes of a new figure."""
    import matplotlib.pyplot as plt

    size = tuple(setting("figure.figsize", (width, height)))
    _, ax = plt.subplots(figsize=size, layout="constrained")
    return ax


def axes_or_new(ax: Axes | None, new: Callable[[], Axes] = new_axes) -> Axes:
    """The given axes, or those that ``new`` makes. Raises ResultError for anything but axes."""
    return new() if ax is None else checked_axes([ax])[0]


def checked_axes(given: Iterable[Any]) -> list[Axes]:
    """The axes given as ``ax``. Raises ResultError for anything but Axes of Matplotlib."""
    from matplotlib.axes import Axes

    from hybridrd.errors import ResultError

    found = list(given)
    for ax in found:
        if not isinstance(ax, Axes):
            raise ResultError(f"ax: give an Axes of Matplotlib, not {type(ax).__name__}")
    return found


def new_axes_for_image(view: View) -> Axes:
    """Axes of a new figure with about the height of an image of the domain."""
    ax = new_axes(*size_for_image(view))
    # The colour bar is as tall as the image, which takes two passes of the layout.
    figure_of(ax).set_layout_engine("constrained", w_pad=0.12)
    return ax


def size_for_image(view: View) -> tuple[float, float]:
    """Width and height of a figure of one image of the domain (inch)."""
    ratio = 1.0
    if len(view.axes) > 1:
        (left, right), (bottom, top) = (view.bounds(a) for a in view.axes[:2])
        ratio = (top - bottom) / (right - left)
    return 5.6, float(np.clip(4.0 * ratio + 1.1, 2.8, 6.0))


def new_figure(width: float, height: float) -> Figure:
    """A new pyplot figure with automatic layout (sizes in inches)."""
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=tuple(setting("figure.figsize", (width, height))))
    figure.set_layout_engine("constrained", w_pad=0.08)
    return figure


def figure_of(ax: Axes) -> Figure:
    """The top-level figure of some axes."""
    from matplotlib.figure import Figure

    figure = ax.figure
    while not isinstance(figure, Figure):
        figure = figure.figure
    return figure


def colour_of(view: View, species: str) -> str:
    """Colour of a species, by its number."""
    return colour(view.species.index(species))


def colour(number: int) -> str:
    """A colour by its number: of the palette, or of a colour cycle that was set."""
    cycle = setting("axes.prop_cycle", None)
    colours = COLOURS if cycle is None else tuple(cycle.by_key().get("color", COLOURS))
    return str(colours[number % len(colours)])


def line_width(ours: float) -> float:
    """Width of a line (points)."""
    return float(setting("lines.linewidth", ours))


def set_title(ax: Axes, text: str, pad: float = 6.0) -> None:
    """A title of medium size, if no other is set."""
    ax.set_title(text, fontsize=setting("axes.titlesize", "medium"), pad=pad)


def marker_of(view: View, species: str) -> str:
    """Marker of a species, by its number."""
    turn, k = divmod(view.species.index(species), len(COLOURS))
    return MARKERS[(k + turn) % len(MARKERS)]  # where colours repeat, markers differ


def shades(colour: str) -> Colormap:
    """Colours from white over ``colour`` to a dark shade of it, evenly spaced in lightness."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    white, shade = np.ones(3), np.array(to_rgb(colour))
    dark = 0.35 * shade
    place = (100.0 - _lightness(shade)) / (100.0 - _lightness(dark))
    nodes = [(0.0, tuple(white)), (float(place), tuple(shade)), (1.0, tuple(dark))]
    return LinearSegmentedColormap.from_list(f"shades of {colour}", nodes)


def _lightness(rgb: Floats) -> float:
    """CIE L* of an sRGB colour, 0 to 100."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    y = float(linear @ [0.2126, 0.7152, 0.0722])
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


def kind_of(view: View) -> str:
    """The kind of a result, in a word or two for legends and titles."""
    kind = view.data.attrs.get("kind")
    if kind == "mean-field":
        return "PDE"
    if kind == "ensemble":
        return f"mean of {view.replicas} replicas" if view.replicas > 1 else "1 replica"
    if any(view.interfaces(a) for a in view.axes):
        return "hybrid"
    return {"rdme": "RDME", "spde": "stochastic PDE"}.get(view.method, "particles")


def unit_of(view: View, what: str) -> str:
    """The unit of ``length`` or ``time`` for labels; "" without one.

    Text that Matplotlib can typeset as mathematics is unchanged; in other text dollars are escaped.
    """
    unit = str(view.data.attrs.get("units", {}).get(what) or "")
    return unit if "$" not in unit or _is_mathematics(unit) else unit.replace("$", r"\$")


def _is_mathematics(text: str) -> bool:
    from matplotlib.cbook import is_math_text
    from matplotlib.mathtext import MathTextParser

    if not is_math_text(text):
        return False
    try:
        MathTextParser("path").parse(text)
    except ValueError:
        return False
    return True


def axis_label(view: View, axis: str) -> str:
    """Label of an axis, ``x (um)``, or ``x`` without a unit."""
    return with_length(view, axis, brackets=True)


def time_label(view: View) -> str:
    """Label of the time axis, ``time (s)``, or ``time`` without a unit."""
    unit = unit_of(view, "time")
    return f"time ({unit})" if unit else "time"


def concentration_label(view: View, species: str) -> str:
    """Label of a concentration, ``concentration of A (1/um²)``, with the unit if there is one."""
    text, unit = f"concentration of {species}", _of_concentration(view)
    return f"{text} ({unit})" if unit else text


def short_concentration_label(view: View) -> str:
    """Label of a concentration, ``concentration (1/um²)``, if a title names the species."""
    unit = _of_concentration(view)
    return f"concentration ({unit})" if unit else "concentration"


def _of_concentration(view: View) -> str:
    """The unit of concentrations, ``1/um²``; "" without one."""
    unit = unit_of(view, "length")
    volume = f"1/{unit}{['', '²', '³'][view.dimension - 1]}" if unit else ""
    return unit_of(view, "concentration") or volume


def place_text(view: View, axis: str, value: float) -> str:
    """A position as text, ``z = 0.5 um``."""
    return f"{axis} = {with_length(view, f'{value:.4g}')}"


def with_length(view: View, text: str, brackets: bool = False) -> str:
    """A text and the unit of length, if there is one."""
    unit = unit_of(view, "length")
    if not unit:
        return text
    return f"{text} ({unit})" if brackets else f"{text} {unit}"


def time_text(view: View, time: float) -> str:
    """A time as text, ``t = 0.5 s``."""
    unit = unit_of(view, "time")
    return f"t = {time:.6g}" + (f" {unit}" if unit else "")


def name_of(view: View, species: Any) -> str:
    """The name of a species that the result has. Raises ResultError for another."""
    from hybridrd.errors import ResultError

    if getattr(species, "ndim", 1) == 0:  # an entry of a coordinate
        species = species.item()
    name = species_name(species)
    if name not in view.species:
        raise ResultError(
            f"{view.name}: unknown species {shown(name)}; there are {', '.join(view.species)}"
        )
    return name


def mark_regions_along(
    ax: Axes, view: View, axis: str, line: dict[str, Any], named: bool = True
) -> None:
    """Draw interfaces across an axis as vertical lines, and name the regions above the axes."""
    for x in view.interfaces(axis) if view.is_box else ():
        ax.axvline(x, label="_interface", clip_on=not view.on_edge(axis, x), **line)
    if named:
        name_regions(ax, view, axis)


def name_regions(ax: Axes, view: View, axis: str) -> None:
    """Write "particles" and "continuum" above the horizontal axis, if there are both."""
    if not view.is_box or not view.interfaces(axis):
        return
    edges = [view.bounds(axis)[0], *view.interfaces(axis), view.bounds(axis)[1]]
    inside = view.region[axis]
    for low, high in pairwise(edges):
        if not low < high:  # an interface on a periodic edge
            continue
        middle = 0.5 * (low + high)
        name = "particles" if inside[0] < middle < inside[1] else "continuum"
        write_above(ax, middle, name)


def write_above(ax: Axes, x: float, name: str) -> None:
    """Write the name of a region above the axes."""
    ax.text(
        x, 1.01, name, transform=ax.get_xaxis_transform(),
        ha="center", va="bottom", fontsize="small", color=GREY, clip_on=False,
    )  # fmt: skip


def end_at(ax: Axes, top: float, columns: int = 0) -> None:
    """Let the vertical axis go from 0 to ``top``.

    With ``columns`` there is a legend with that many columns, and the axis is extended by its
    height, so that it covers no line.
    """
    ax.set_ylim(0.0, top)
    if not columns:
        return
    frame = {"framealpha": setting("legend.framealpha", 0.0), "borderaxespad": 0.3}
    for wide in (columns, 1):
        legend = ax.legend(loc="upper right", ncols=wide, **frame)
        figure_of(ax).draw_without_rendering()  # computes the layout
        box = legend.get_window_extent().transformed(ax.transAxes.inverted())
        if box.width <= 1.0:
            break
    ax.set_ylim(0.0, top / max(0.3, 1.0 - float(box.height) - 0.04))


def title_pad(view: View, axis: str) -> float:
    """Space below a title for the labels of the regions (points)."""
    return 18.0 if view.interfaces(axis) else 6.0
