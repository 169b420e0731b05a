"""Images of the concentration in two dimensions, and in slices of three."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import named_arguments
from hybridrd.arrays import CONTINUUM, OBSTACLE, PARTICLES
from hybridrd.errors import ResultError
from hybridrd.plotting import style
from hybridrd.plotting.checks import bins_of, check_domain
from hybridrd.plotting.colours import bar_options, levels_of, scale, windows_of, within
from hybridrd.plotting.hatching import outline
from hybridrd.plotting.select import highest, in_bins, species_of, upper_limit
from hybridrd.plotting.views import Units, sliced, view_of
from hybridrd.results.view import View, finite, record_at

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.image import AxesImage
    from numpy.typing import ArrayLike, NDArray

    from hybridrd.arrays import Floats
    from hybridrd.model.species import SpeciesLike

CONTOURS: dict[str, Any] = {"colors": "white", "linewidths": 0.8, "linestyles": "dashed"}
_LONGEST = 4.0  # ratio of sides above which an image is not drawn to scale


@named_arguments
def field(
    result: xr.Dataset,
    species: SpeciesLike | None = None,
    time: float | None = None,
    ax: Axes | None = None,
    *,
    x: float | None = None,
    y: float | None = None,
    z: float | None = None,
    bins: int | None = None,
    cmap: Any = None,
    norm: str | Normalize | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    levels: Any = None,
    colorbar: bool | Mapping[str, Any] = True,
    reference: xr.Dataset | None = None,
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    units: Units = None,
) -> Axes:
    """Draw the concentration of a species as an image, with the interface and obstacles.

    Parameters
    ----------
    result
        A result in two or three dimensions.
    species
        A `Species` or its name; by default the only one.
    time
        The record nearest to it is drawn; by default the last.
    ax
        Axes to draw into; by default those of a new figure.
    x, y, z
        Position of the slice in three dimensions (length), one of them; by default z, the middle.
    bins
        Cells per side of the bins over which particles are averaged; 1 shows every cell. By default
        the smallest bins with six particles on average, but at least eight bins (in 3D five) along
        each axis.
    cmap
        A colour map or its name; by default ``rcParams["image.cmap"]``.
    norm
        ``"linear"``, ``"log"``, or a `matplotlib.colors.Normalize`.
    vmin, vmax
        Concentrations at the ends of the colours; by default 0 and the value that one in a hundred
        of the cells shown exceeds, so that a few noisy cells do not stretch the scale.
    levels
        Concentrations of contour lines, or their number: of the reference if there is one,
        otherwise of the field itself.
    colorbar
        Whether to add one; or a dict of options for it, ``{"label": "A", "ticks": [0, 5]}``.
    reference
        Another result on the same domain, for example the PDE, drawn as contour lines, by default
        at a fifth, two, three and four fifths of the colour scale.
    xlim, ylim
        The part to show, along the horizontal and the vertical axis (length); by default all.
        The colours are scaled to it.
    units
        Units to draw in, as text or by name: ``"nM"``, ``{"length": "nm", "time": "min",
        "concentration": "nM"}``; by default those of the system. Times, positions and
        concentrations given with them are in these units, too. Needs pint.

    Raises
    ------
    ResultError
        If the result has one dimension, the species is unknown or missing, no record is near the
        time, or an option of the colours or limits is invalid.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> square = hrd.Box(x=(0, 1), y=(0, 1))
    >>> system = hrd.System(
    ...     species=[A], domain=square, cells=20, initial={A: hrd.Patch(2.0, x=(0, 0.5))}
    ... )
    >>> pde = hrd.mean_field(system, dt=1e-3, until=0.1, every=0.05)
    >>> ax = hrd.plot.field(pde, "A")
    >>> ax.images[0].get_array().shape
    (20, 20)
    """
    view, z = sliced(view_of(result, units=units), x, y, z)
    name = species_of(view, species)
    k = record_at(view, time)
    c, size, cut = image_of(view, name, k, z, bins)
    windows = windows_of(view, xlim, ylim)
    seen = within(view, c, windows)
    options = scale(seen, upper_limit(seen), cmap, norm, vmin, vmax)
    ends = options["norm"].vmin, options["norm"].vmax
    ax = style.axes_or_new(ax, lambda: style.new_axes_for_image(view))
    image = draw(ax, view, c, ends[1] or 1.0, cut, record=k, **options)
    if xlim is None and ylim is None:
        name_regions(ax, view, cut)
    ax.set_xlim(windows[view.axes[0]])
    ax.set_ylim(windows[view.axes[1]])
    if reference is not None or levels is not None:
        low, top = ends if None not in ends else (0.0, upper_limit(seen))
        other = view_of(result if reference is None else reference, "reference", units)
        other, _ = sliced(other, x, y, z if view.axes[-1] == "z" else None)
        lines = [part * top for part in (0.2, 0.4, 0.6, 0.8)]
        if levels is not None:
            lines = levels_of(levels, low, top)
        draw_contours(ax, view, other, name, k, z, lines)
    title = f"{name}, {style.time_text(view, float(view.times[k]))}"
    if cut is not None:
        title += f", {place_of(view, cut)}"
    if size > 1:
        title += f"\nparticles averaged over bins of {size} cells per side"
    style.set_title(ax, title, title_pad(view, cut))
    # if vmax is given: in this picture, or the next
    top = options["norm"].vmax
    beyond = {} if vmax is None and (top is None or highest(seen) <= top) else {"extend": "max"}
    bar = bar_options(colorbar, style.concentration_label(view, name), **beyond)
    if colorbar:
        add_colorbar(ax, image, **bar)
    return ax


def image_of(
    view: View, species: str, record: int, z: float | None = None, bins: int | None = None
) -> tuple[Floats, int, int | None]:
    """The field to draw ``(nx, ny)``, the cells per side of its bins, and the layer of a slice."""
    if len(view.axes) < 2:
        raise ResultError(
            f"{view.name}: has one dimension; draw it with hybridrd.plot.profile (--kind profile)"
        )
    c, size = in_bins(view, species, record, bins_of(view, bins))
    cut = cut_at(view, z)
    if cut is None:
        return c, size, cut
    return c[:, :, cut], size if meets_region(view, cut) else 1, cut


def cut_at(view: View, place: float | None) -> int | None:
    """The layer of cells to draw in three dimensions, across the last axis; None in two."""
    axis = view.axes[-1] if len(view.axes) > 2 else "z"
    place = None if place is None else finite(axis, place)
    if len(view.axes) == 2:
        if place is not None:
            raise ResultError(f"z = {place:g}: the result has two dimensions")
        return None
    centers = view.centers(axis)
    low, high = view.bounds(axis)
    place = 0.5 * (low + high) if place is None else place
    if not low <= place <= high:
        raise ResultError(f"{axis} = {place:g}: the domain goes from {low:g} to {high:g}")
    # Of two equally near slices the lower, regardless of round-off.
    return int(np.argmin(np.round(np.abs(centers - place) / view.spacing(axis), 6)))


def place_of(view: View, cut: int) -> str:
    """Position of a layer of cells as text, ``z = 0.5 um``."""
    return style.place_text(view, view.axes[-1], float(view.centers(view.axes[-1])[cut]))


def meets_region(view: View, cut: int | None) -> bool:
    """Whether a layer of cells intersects the particle region; True in two dimensions."""
    if cut is None or not view.interfaces(view.axes[-1]):
        return True
    low, high = view.region[view.axes[-1]]
    return low < float(view.centers(view.axes[-1])[cut]) < high


def draw_contours(
    ax: Axes, view: View, other: View, name: str, record: int, z: float | None, levels: list[float]
) -> None:
    """Draw lines of equal concentration of another result at the time of a record."""
    check_domain(view, other)
    style.name_of(other, name)
    at = record_at(other, float(view.times[record]))
    c, _, _ = image_of(other, name, at, z)
    x, y = (other.centers(a) for a in other.axes[:2])
    if min(c.shape) > 1:
        ax.contour(x, y, np.ma.masked_invalid(c.T), levels=levels, **CONTOURS)


def draw(
    ax: Axes,
    view: View,
    c: Floats,
    vmax: float,
    cut: int | None = None,
    *,
    record: int = -1,
    **image_options: Any,
) -> AxesImage:
    """Draw a field ``(nx, ny)``, of a layer of cells, with the interface and the axes' labels.

    The colours go from 0 to ``vmax``, unless ``cmap`` or ``norm`` is given.
    """
    from matplotlib.colors import Normalize

    x, y = view.axes[:2]
    left, right = view.bounds(x)
    bottom, top = view.bounds(y)
    ratio = (right - left) / (top - bottom)
    usual = Normalize(0.0, vmax or 1.0)
    options: dict[str, Any] = {"cmap": style.COLOUR_MAP, "norm": usual, **image_options}
    image = ax.imshow(
        c.T,
        origin="lower",
        extent=(left, right, bottom, top),
        interpolation="nearest",
        aspect="equal" if 1 / _LONGEST <= ratio <= _LONGEST else "auto",
        **options,
    )
    if not view.is_box:
        codes = view.codes(record)
        _draw_mask(ax, view, codes if cut is None else codes[:, :, cut])
    elif meets_region(view, cut):
        _draw_interface(ax, view)
    ax.set_xlabel(style.axis_label(view, x))
    ax.set_ylabel(style.axis_label(view, y))
    return image


def add_colorbar(ax: Axes, image: ScalarMappable, label: str, **options: Any) -> Axes:
    """Add a colour bar to the right of an image, as high as it; returns its axes."""
    bar = ax.inset_axes((1.04, 0.0, 0.05, 1.0))
    ax.figure.colorbar(image, cax=bar, label=label, **options)
    return bar


def mark_plane(ax: Axes, x: ArrayLike, y: ArrayLike, on_edge: bool = False) -> None:
    """Draw a part of the interface, white on a dark line for contrast on any colour.

    On the edge of the domain the full width is drawn; otherwise the frame would hide it.
    """
    for colour, width, order in (("black", 2.6, 3), ("white", 1.2, 4)):
        ax.plot(
            x, y, color=colour, linewidth=width, label="_interface", zorder=order,
            clip_on=not on_edge,
        )  # fmt: skip


def _draw_interface(ax: Axes, view: View) -> None:
    """Draw each face of the particle region that meets the continuum, over its length."""
    x, y = view.axes[:2]
    region = view.region
    for plane in view.interfaces(x):
        mark_plane(ax, [plane, plane], list(region[y]), view.on_edge(x, plane))
    for plane in view.interfaces(y):
        mark_plane(ax, list(region[x]), [plane, plane], view.on_edge(y, plane))


def _draw_mask(ax: Axes, view: View, codes: NDArray[np.uint8]) -> None:
    """Draw obstacles, grey, and the faces between particles and continuum."""
    from matplotlib.collections import LineCollection
    from matplotlib.patches import PathPatch

    x, y = (
        np.linspace(*view.bounds(a), n + 1) for a, n in zip(view.axes[:2], codes.shape, strict=True)
    )
    obstacles = codes == OBSTACLE
    if obstacles.any():
        ax.add_patch(PathPatch(outline(obstacles, x, y), color="#8c8c8c", linewidth=0, zorder=2))
    i, j = np.nonzero(codes[:-1] + codes[1:] == CONTINUUM + PARTICLES)
    upright = np.stack([x[i + 1], y[j], x[i + 1], y[j + 1]], axis=1)
    i, j = np.nonzero(codes[:, :-1] + codes[:, 1:] == CONTINUUM + PARTICLES)
    level = np.stack([x[i], y[j + 1], x[i + 1], y[j + 1]], axis=1)
    segments = np.concatenate([upright, level]).reshape(-1, 2, 2)
    for colour, width, order in (("black", 2.6, 3), ("white", 1.2, 4)):
        lines = LineCollection(
            list(segments), colors=colour, linewidths=width, zorder=order, label="_interface"
        )
        ax.add_collection(lines)


def title_pad(view: View, cut: int | None = None) -> float:
    """Space below a title for the labels of the regions (points)."""
    named = bool(region_text(view, cut))
    return 18.0 if named else style.title_pad(view, view.axes[0])


def name_regions(ax: Axes, view: View, cut: int | None = None) -> None:
    """Label the regions above the image, where the labels cover nothing."""
    text = region_text(view, cut)
    if text:
        style.write_above(ax, 0.5 * sum(view.bounds(view.axes[0])), text)
    elif view.is_box:
        style.name_regions(ax, view, view.axes[0])


def region_text(view: View, cut: int | None = None) -> str:
    """Location of the particles in words, if labels cannot be written above the regions."""
    if not view.is_box:
        codes = view.codes(-1) if cut is None else view.codes(-1)[..., cut]
        if not ((codes == CONTINUUM).any() and (codes == PARTICLES).any()):
            return ""
        edge = np.ones(codes.shape, bool)
        edge[tuple(slice(1, -1) for _ in codes.shape)] = False
        around = (codes[edge] == PARTICLES).any() and not (codes[edge] == CONTINUUM).any()
        return f"particles {'outside' if around else 'inside'} the lines"
    if not meets_region(view, cut):
        return "continuum"
    x, y = view.axes[:2]
    if view.interfaces(x) and view.interfaces(y):
        return "particles inside the lines"
    if view.interfaces(y):
        (low, high), (bottom, top) = view.region[y], view.bounds(y)
        near = 1e-6 * view.spacing(y)
        below, above = low < bottom + near, high > top - near
        where = "below the line" if below else "above the line" if above else "between the lines"
        return f"particles {where}"
    if not view.interfaces(x) and cut is not None and view.interfaces(view.axes[-1]):
        return "particles"
    return ""
