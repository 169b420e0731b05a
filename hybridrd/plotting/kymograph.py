"""Kymographs: a profile as an image of position and time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import named_arguments
from hybridrd.errors import ResultError
from hybridrd.plotting import style
from hybridrd.plotting.checks import bins_of
from hybridrd.plotting.colours import bar_options, scale
from hybridrd.plotting.images import add_colorbar, mark_plane
from hybridrd.plotting.select import (
    axis_of,
    bin_size,
    known,
    species_of,
    sum_of_bins,
    upper_limit,
)
from hybridrd.results.view import View

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize

    from hybridrd.arrays import Floats
    from hybridrd.model.species import SpeciesLike


@named_arguments
def kymograph(
    result: xr.Dataset,
    species: SpeciesLike | None = None,
    axis: str | None = None,
    ax: Axes | None = None,
    *,
    bins: int | None = None,
    cmap: Any = None,
    norm: str | Normalize | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    colorbar: bool | Mapping[str, Any] = True,
) -> Axes:
    """Draw the concentration of a species against position and time, with the interface.

    Position runs to the right, time upwards; each record extends half-way to its neighbours. In
    two and three dimensions the figure shows the mean over the other axes.

    Parameters
    ----------
    result
        A result of `Simulation.run`, `mean_field` or `ensemble` with at least two records.
    species
        A `Species` or its name; by default the only one.
    axis
        ``"x"`` (the default), ``"y"`` or ``"z"``; ``"r"`` of a shell.
    ax
        Axes to draw into; by default those of a new figure.
    bins
        Number of cells along the axis over which particles are averaged; 1 shows every cell. By
        default the fewest with 25 particles on average.
    cmap, norm, vmin, colorbar
        As of `field`.
    vmax
        Concentration at the upper end of the colours; by default the highest of a PDE, else the
        value that one in a hundred places exceeds.

    Raises
    ------
    ResultError
        If the species is unknown or missing, the axis is unknown, or there is only one record.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> left = hrd.Patch(2.0, x=(0, 0.5))
    >>> system = hrd.System(species=[A], domain=hrd.Box(x=(0, 1)), initial={A: left})
    >>> ax = hrd.plot.kymograph(hrd.mean_field(system, dt=1e-3, until=0.1, every=0.01))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x', 'time')
    """
    view = View(result, "result")
    name = species_of(view, species)
    axis = axis_of(view, axis)
    bins = bins_of(view, bins, (axis,))
    times = view.times
    if len(times) < 2:
        raise ResultError(
            f"{view.name}: has one record; a kymograph needs at least two (run with every=)"
        )
    if bins is None:
        bins = bin_size(view, name, range(len(times)), axis)
    c = _profiles(view, name, axis, bins)
    top = upper_limit(c) if view.replicas else float(c.max())
    options = scale(c, top, cmap, norm, vmin, vmax)
    ax = style.axes_or_new(ax, lambda: style.new_axes(5.6, 4.6))
    low, high = view.bounds(axis)
    image = ax.pcolormesh(
        np.linspace(low, high, c.shape[1] + 1),
        np.concatenate([times[:1], 0.5 * (times[1:] + times[:-1]), times[-1:]]),
        c,
        **options,
        rasterized=True,  # thousands of cells would make a heavy vector file
    )
    for plane in view.interfaces(axis) if view.is_box else ():
        mark_plane(
            ax, [plane, plane], [float(times[0]), float(times[-1])], view.on_edge(axis, plane)
        )
    ax.set_xlim(low, high)
    ax.set_ylim(float(times[0]), float(times[-1]))
    ax.set_xlabel(style.axis_label(view, axis))
    ax.set_ylabel(style.time_label(view))
    style.name_regions(ax, view, axis)
    title = f"{name}, {style.kind_of(view)}"
    others = [a for a in view.axes if a != axis]
    if others:
        title += f", mean over {' and '.join(others)}"
    if bins > 1:
        title += f"\nparticles averaged over {bins} cells"
    ax.set_title(title, fontsize="medium", pad=style.title_pad(view, axis))
    top = options["norm"].vmax
    beyond = {"extend": "max"} if top is not None and float(c.max()) > top else {}
    bar = bar_options(colorbar, style.concentration_label(view, name), **beyond)
    if colorbar:
        add_colorbar(ax, image, **bar)
    return ax


def _profiles(view: View, species: str, axis: str, bins: int) -> Floats:
    """The profile at every record ``(times, cells)``, particles averaged over bins."""
    others = [a for a in view.axes if a != axis]
    data = view.mean("concentration").sel(species=species).mean(others)
    c = known(data)
    if bins == 1 or view.replicas == 0 or not view.has_particles or not view.is_box:
        return c
    inside = view.inside({axis: view.region[axis]})[axis]
    volumes = view.volumes if not others else np.ones(c.shape[1])
    amounts = sum_of_bins(c[:, inside] * volumes[inside], bins, [1])
    c[:, inside] = amounts / sum_of_bins(volumes[inside], bins)
    return c
