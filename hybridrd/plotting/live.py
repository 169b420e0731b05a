"""Live view of a run: a small figure in a notebook or a window."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import named_arguments
from hybridrd.errors import ResultError
from hybridrd.model.species import species_name
from hybridrd.plotting import style
from hybridrd.run.progress import in_notebook

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hybridrd.model.species import SpeciesLike

Show = Callable[["Figure"], Any]


@named_arguments
def live(
    species: SpeciesLike | list[SpeciesLike] | None = None, *, show: Show | None = None
) -> Live:
    """A view for ``run(..., progress=hrd.plot.live())``, of copy numbers and of profiles.

    On the left are the copy numbers in the particle region so far, on the right the current
    concentrations along the first axis, averaged over the others; the particle region is shaded.
    It is redrawn once a second, or less often so that drawing takes at most a tenth of the time.

    Parameters
    ----------
    species
        One or several; by default all.
    show
        A function that shows the figure, called with it each time. By default a notebook updates it
        in place, and Matplotlib its window.

    Raises
    ------
    ResultError
        If there is neither a notebook nor a window; at the start of the run if a species is
        unknown.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A, line = hrd.Species("A", D=1.0), hrd.Box(x=(0, 1))
    >>> system = hrd.System(species=[A], domain=line, particles=line, initial={A: 50.0})
    >>> titles = []
    >>> view = hrd.plot.live(show=lambda figure: titles.append(figure.get_suptitle()))
    >>> run = hrd.Simulation(system, dt=1e-3, seed=1).run(0.1, progress=view)
    >>> titles[0], titles[-1]
    ('t = 0', 't = 0.1')
    """
    return Live(species, _shower() if show is None else show)


class Live:
    """The figure of a run, redrawn at each call."""

    def __init__(self, species: Any, show: Show) -> None:
        self._species, self._show = species, show
        self._figure: Figure | None = None
        self._times: list[float] = []
        self._numbers: list[list[float]] = []

    def __call__(self, simulation: Any) -> None:
        """Draw the current state of a simulation or PDE. Raises ResultError for unknown species."""
        system = simulation.system
        chosen = self._chosen(list(system.names))
        if self._times and simulation.time < self._times[-1]:  # state of another run
            self._times, self._numbers = [], []
        self._times.append(float(simulation.time))
        self._numbers.append([float(simulation.copy_number[k]) for k, _ in chosen])
        figure = self._figure = self._figure or style.new_figure(8.0, 2.8)
        figure.clear()
        left, right = figure.subplots(1, 2)
        unit = dict(system.units)
        for column, (k, name) in zip(np.transpose(self._numbers), chosen, strict=True):
            left.plot(self._times, column, color=style.colour(k), label=name)
        left.set(xlabel=_label("t", unit.get("time")), ylabel="particles in the region", ylim=0)
        c, edges = np.asarray(simulation.concentration), system.grid.edges(0)
        for k, name in chosen:
            profile = c[k].reshape(len(c[k]), -1).mean(axis=-1)
            right.stairs(profile, edges, baseline=None, color=style.colour(k), label=name)
        low, high = system.region_corners
        if (low, high) != (system.domain.lower, system.domain.upper):
            right.axvspan(low[0], high[0], color="black", alpha=0.06, linewidth=0)
        axis = system.domain.axes[0]
        right.set(xlabel=_label(axis, unit.get("length")), ylabel="concentration", ylim=0)
        right.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
        figure.suptitle(_label(f"t = {simulation.time:.6g}", unit.get("time"), "{} {}"))
        self._show(figure)

    def _chosen(self, names: list[str]) -> list[tuple[int, str]]:
        """Indices and names of the species to draw."""
        if self._species is None:
            return list(enumerate(names))
        given = self._species if isinstance(self._species, (list, tuple)) else [self._species]
        wanted = [species_name(s) for s in given]
        for name in set(wanted).difference(names):
            raise ResultError(f"live: no species {name!r}; there are {', '.join(names)}")
        return [(names.index(name), name) for name in wanted]


def _label(text: str, unit: str | None, form: str = "{} ({})") -> str:
    return form.format(text, unit) if unit else text


def _shower() -> Show:
    """Function that shows a figure here. Raises ResultError if that is impossible."""
    if in_notebook():
        return _InPlace()
    from matplotlib import pyplot

    canvas = pyplot.figure().canvas
    pyplot.close()
    if canvas.required_interactive_framework is None:
        raise ResultError(
            "live: there is neither a notebook nor a window here; run(..., progress=True) reports "
            "progress, and show= accepts a function of the figure"
        )
    return _in_window


class _InPlace:
    """Display of a figure in a notebook, which replaces the last one."""

    def __init__(self) -> None:
        self._handle: Any = None

    def __call__(self, figure: Figure) -> None:
        if self._handle is None:
            self._handle = import_module("IPython.display").display(figure, display_id=True)
            import_module("matplotlib.pyplot").close(figure)  # or the cell shows it again
        else:
            self._handle.update(figure)


def _in_window(figure: Figure) -> None:
    from matplotlib import pyplot

    figure.canvas.draw_idle()
    pyplot.pause(0.001)
