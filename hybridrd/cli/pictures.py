"""Commands ``hybridrd plot`` and ``hybridrd movie``: figures of results on disk."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from hybridrd.errors import ModelError, ResultError

if TYPE_CHECKING:
    import xarray as xr

PICTURES = (".png", ".pdf", ".svg")
MOVIES = (".gif", ".html")
PDE = "pde"  # name of the reference that is computed, not read


def draw(
    result: xr.Dataset,
    reference: xr.Dataset | None,
    times: Sequence[float],
    picture: Path,
    look: Mapping[str, Any] | None = None,
) -> None:
    """Draw an overview of a result, with its reference, into a file."""
    from hybridrd import plotting

    with_no_window()
    _save(plotting.overview(result, reference=reference, times=times, **look or {}), picture)


def draw_file(
    path: Path,
    picture: Path,
    species: Sequence[str] | None,
    times: Sequence[float] | None,
    kind: str = "overview",
    reference: str | None = None,
    look: Mapping[str, Any] | None = None,
) -> None:
    """Draw a saved result, all or some species, at given times.

    Parameters
    ----------
    kind
        ``"overview"`` or one of `hybridrd.plotting.sheet.KINDS`.
    reference
        Path of another result, or ``"pde"`` for the PDE of the system that was run.
    look
        Further options of the function of `hybridrd.plot`; times are in its ``units``.

    Raises
    ------
    ResultError
        If a file cannot be read, a species or time is not in it, or the kind does not fit.
    """
    from hybridrd.plotting import sheet
    from hybridrd.plotting.select import names_of
    from hybridrd.plotting.views import view_of
    from hybridrd.results.store import load
    from hybridrd.results.study import has_points
    from hybridrd.results.view import View, record_at

    look = look or {}
    loaded = load(path)
    if has_points(loaded):
        draw_sweep(loaded, picture, species, times, None if kind == "overview" else kind, look)
        return
    result = View(loaded, str(path)).data
    view = view_of(loaded, str(path), look.get("units"))
    _check_species(view.species, species, path)
    names = names_of(view, species)
    times = [float(view.times[record_at(view, t)]) for t in times] if times else None
    if kind not in ("overview", *sheet.KINDS):
        allowed = ", ".join(("overview", *sheet.KINDS))
        raise ResultError(f"--kind {kind}: a picture is one of {allowed}")
    if times and kind in sheet.ALL_TIMES:
        raise ResultError(f"--kind {kind}: shows all times; leave out --time")
    if kind == "compare" and reference is None:
        raise ResultError("--kind compare: needs --reference, a saved result or the word pde")
    other = _reference(result, path, reference)
    if kind == "overview":
        # Positions of all species are one list, which a selection of species would break up.
        chosen = result.drop_dims("obs", errors="ignore").sel(species=names)
        draw(chosen, other, times or times_to_draw(view.data, ()), picture, look)
        return
    with_no_window()
    _save(sheet.sheet(kind, result, names, times, other, look), picture)


def draw_sweep(
    study: xr.Dataset,
    picture: Path,
    species: Sequence[str] | None = None,
    times: Sequence[float] | None = None,
    kind: str | None = None,
    look: Mapping[str, Any] | None = None,
) -> None:
    """Draw a sweep into a file, at one time. Raises ResultError."""
    from hybridrd.plotting import sweep

    if times and len(times) > 1:
        raise ResultError(f"--time: {len(times)} times; a picture of a sweep shows one")
    with_no_window()
    names: Any = list(species) if species else None
    time = times[0] if times else None
    _save(sweep(study, kind, names, time=time, **look or {}), picture)


def film_file(
    path: Path,
    out: Path,
    species: Sequence[str] | None,
    kind: str | None,
    fps: float,
    every: int,
    reference: str | None,
    look: Mapping[str, Any] | None = None,
) -> str:
    """Make a movie of a saved result, reading one record at a time; returns a line on its length.

    Raises
    ------
    ResultError
        If a file cannot be read, a species is not in it, or the kind does not fit.
    """
    from hybridrd.plotting.movie import movie
    from hybridrd.results.store import open_result
    from hybridrd.results.view import View

    with_no_window()
    with open_result(path) as saved:
        view = View(saved, str(path))
        result, names = view.data, view.species
        _check_species(names, species, path)
        made = movie(
            result, list(species or names), kind, fps=fps, every=every,
            reference=_reference(result, path, reference), **look or {},
        )  # fmt: skip
        made.save(out)
        made.close()
    if out.suffix.lower() != ".gif":
        return f"{made.frames} frames, {made.seconds:.3g} s, in {out}"
    said = f"{made.frames} frames, {made.frames * made.delay / 100:.3g} s, in {out}"
    if abs(100 / made.delay - fps) > 1e-3 * fps:
        said += f"; frames of a gif last whole 1/100 s: {100 / made.delay:.4g} per second"
    return said


def times_to_draw(result: xr.Dataset, wanted: Sequence[float]) -> list[float]:
    """The requested times that were recorded; otherwise the middle and the last record."""
    recorded = [float(t) for t in result["time"].values]
    found = [t for t in wanted if t in recorded]
    return found or sorted({recorded[len(recorded) // 2], recorded[-1]})


def with_no_window() -> None:
    """Choose a canvas that never needs a window, before pyplot chooses another."""
    import matplotlib

    matplotlib.use("Agg")


def _check_species(there: Sequence[str], asked: Sequence[str] | None, path: Path) -> None:
    unknown = [s for s in asked or () if s not in there]
    if unknown:
        raise ResultError(f"{path}: no species {unknown[0]!r}; it has {', '.join(there)}")


def _reference(result: xr.Dataset, path: Path, reference: str | None) -> xr.Dataset | None:
    if reference is None:
        return None
    if reference != PDE:
        from hybridrd.results.store import load

        return load(Path(reference))
    from hybridrd.model.system import System
    from hybridrd.simulation.mean_field import mean_field

    stored = result.attrs.get("system")
    if not isinstance(stored, Mapping) or "dt" not in result.attrs:
        raise ResultError(
            f"{path}: its system contains Python functions, which are not stored; run mean_field "
            f"in Python, save the result, and give --reference PATH"
        )
    times = result["time"].values
    every = float(times[1] - times[0]) if len(times) > 1 else None
    try:
        return mean_field(
            System.from_dict(stored), float(result.attrs["dt"]), float(times[-1]), every
        )
    except ModelError as error:
        raise ResultError(f"{path}: its PDE cannot be run: {error}") from error


def _save(figure: object, picture: Path) -> None:
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    assert isinstance(figure, Figure)
    part = picture.with_name(f".{picture.name}.{token_hex(4)}.part")
    try:
        figure.savefig(part, format=picture.suffix[1:].lower())
        os.replace(part, picture)
    finally:
        part.unlink(missing_ok=True)
        pyplot.close(figure)
