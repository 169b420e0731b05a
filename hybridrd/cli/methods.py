"""Methods that run one description: particles, hybrid, PDE, master equation, stochastic PDE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hybridrd.errors import ModelError, ResultError
from hybridrd.model.system import System

METHODS = ("particles", "hybrid", "pde", "rdme", "spde")

if TYPE_CHECKING:
    import xarray as xr

    from hybridrd.results.view import View


def check_method(method: str, where: str) -> str:
    """The method of that name. Raises ModelError if there is none."""
    if method not in METHODS:
        raise ModelError(f"{where} = {method}: it is one of {', '.join(METHODS)}")
    return method


def by_method(system: System, method: str | None, where: str) -> System:
    """The system as a method runs it; ``where`` names the method in messages.

    Raises
    ------
    ModelError
        If the method cannot run it.
    """
    if method is None or method == "pde":
        return system
    if method == "hybrid":
        if not system.is_hybrid:
            what = "no particle region" if system.particles is None else "no continuum"
            raise ModelError(
                f"{where} hybrid: the system has {what}; give particles= as a part of the domain"
            )
        return system
    if method == "particles":
        return system.replace(
            particles=system.domain, fluctuations=None, coupling="two-way", correct_pairs=False
        )
    if method == "rdme":
        return system.replace(particles=None, fluctuations="discrete")
    return system.replace(particles=None, fluctuations="gaussian", correct_pairs=False)


def is_pde(system: System, method: str | None) -> bool:
    """Whether the method is the mean-field PDE."""
    return method == "pde" or (system.particles is None and system.fluctuations is None)


def compare_files(paths: Sequence[Path], time: float | None) -> Iterator[str]:
    """A table of several results side by side, by species, each compared with the first.

    Parameters
    ----------
    paths
        Saved results with the same species.
    time
        Time of a common record, by default the last.

    Raises
    ------
    ResultError
        If there are fewer than two, or they have no such time or not the same species.
    """
    from hybridrd.results.compare import common_times
    from hybridrd.results.store import load
    from hybridrd.results.view import View

    if len(paths) < 2:
        raise ResultError("compare: give two saved results or more")
    views = [View(load(path), str(path)) for path in paths]
    for view in views[1:]:
        if set(view.species) != set(views[0].species):
            raise ResultError(
                f"the species differ: {', '.join(views[0].species)} in {paths[0]}, "
                f"{', '.join(view.species)} in {view.name}"
            )
    times = common_times(views)
    at = times[-1] if time is None else min(times, key=lambda t: abs(t - time))
    if time is not None and abs(at - time) > 1e-9 * max(1.0, abs(time)):
        raise ResultError(f"--time {time:g}: the nearest record common to all results is at {at:g}")
    yield f"t = {at:g}"
    head = ["", "what", "total", "std. error", "variance/mean", "z", "l2", "seconds"]
    for name in views[0].species:
        rows = [_row(view, views[0], name, at) for view in views]
        yield from _table([[name, *head[1:]], *rows])


def _row(view: View, first: View, name: str, at: float) -> list[str]:
    """Row of one result for one species at a time."""
    from hybridrd.results.compare import compare, ratio, standard_error

    def value(data: xr.DataArray | None) -> float:
        found = float("nan")
        if data is not None:
            found = float(data.sel(species=name).sel(time=at, method="nearest"))
        return found

    here, error = value(view.mean("total")), value(view.sem("total"))
    there, its = value(first.mean("total")), value(first.sem("total"))
    import numpy as np

    scatter = standard_error(view.replicas, first.replicas, np.array([error]), np.array([its]))
    z = float(ratio(np.array([here - there]), scatter)[0]) if view is not first else float("nan")
    table = compare(view.data, first.data) if view is not first else None
    l2 = float("nan") if table is None else float(table["l2"].loc[round(at, 12), name])
    spread = view.replicas * error**2 / here if here > 0 else float("nan")
    kind = view.method if view.replicas < 2 else f"{view.method}, {view.replicas} replicas"
    seconds = float(view.data.attrs.get("timings", {}).get("elapsed", float("nan")))
    if np.isnan(seconds):
        seconds = float(sum(view.data.attrs.get("timings", {}).values()))
    numbers = [f"{here:.6g}", *(_shown(v) for v in (error, spread, z, l2)), f"{seconds:.3g}"]
    return [Path(view.name).name, kind, *numbers]


def _shown(value: float) -> str:
    return "-" if value != value else f"{value:.3g}"


def _table(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [f"{row[0]:<{widths[0]}}", f"{row[1]:<{widths[1]}}"]
        cells += [f"{v:>{w}}" for v, w in zip(row[2:], widths[2:], strict=True)]
        yield "  " + "  ".join(cells).rstrip()
