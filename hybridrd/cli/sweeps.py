"""Command ``hybridrd sweep``: a file at all combinations of some values."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybridrd.cli.commands import named_after
from hybridrd.cli.job import find_job
from hybridrd.ensembles.sweep import sweep
from hybridrd.ensembles.variation import Variation
from hybridrd.errors import ModelError
from hybridrd.model.system import System

if TYPE_CHECKING:
    import xarray as xr

DT = "run.dt"  # a key of the file that is not part of the system
_MOST_ROWS = 60


def run(
    what: str,
    over: Sequence[str],
    given: Mapping[str, Any],
    out: Path | None,
    independent: bool,
    picture: Path | None,
) -> Iterator[str]:
    """Run a sweep of the command line; yields lines that report each action.

    Parameters
    ----------
    what, given
        See `hybridrd.cli.job.find_job`.
    over
        ``KEY=VALUE,VALUE,...``, one for each parameter.
    out
        The directory; by default the name of the file with ``-sweep.zarr``.
    independent
        See `hybridrd.sweep`.
    picture
        A file for a picture of the points, None for none.

    Raises
    ------
    ModelError
        For mistakes in the file, the options, or a point.
    KeyboardInterrupt
        After Ctrl-C or SIGTERM; the message says how to resume.
    """
    began = time.perf_counter()
    parameters = dict(map(_parameter, over))
    if len(parameters) < len(over):
        raise ModelError("--over: a key is given twice; give all of its values at once")
    job = find_job(what, given)
    if job.events:
        raise ModelError(f"{what}: run.events: a sweep keeps no log of events; leave it out")
    if job.positions:
        raise ModelError(f"{what}: run.positions: a sweep keeps no positions; leave it out")
    out = named_after(what, "-sweep") if out is None else out
    study = sweep(
        partial(_system, Variation(job.system)), parameters, replicas=job.replicas,
        dt=partial(_step, job.dt), until=job.until, every=job.every, seed=job.seed, out=out,
        workers=job.workers, threads=job.threads, progress=job.progress, independent=independent,
        planes=job.planes,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    points = study["attributes"].size
    yield (
        f"{job.name}: {points} points of {job.replicas} replicas, until {job.until:g}, "
        f"seed {study.attrs['seed']}"
    )
    yield f"{seconds:.1f} s, saved to {out}"
    if picture is not None:
        from hybridrd.cli.pictures import draw_sweep

        draw_sweep(study, picture)
        yield f"drawn in {picture}"
    yield from _numbers(study)


def _system(vary: Variation, **values: Any) -> System:
    return vary(**{place: value for place, value in values.items() if place != DT})


def _step(dt: float, **values: Any) -> Any:
    return values.get(DT, dt)


def _parameter(text: str) -> tuple[str, list[Any]]:
    """A key and its values. Raises ModelError for anything else."""
    place, _, listed = text.partition("=")
    if not place.strip() or not listed.strip():
        raise ModelError(f"--over {text}: give a key and its values, reactions[0].k=1,2,4")
    try:
        values = tomllib.loads(f"values = [{listed}]")["values"]
    except tomllib.TOMLDecodeError:  # words without quotes
        values = [word.strip() for word in listed.split(",")]
    return place.strip(), values


def _numbers(study: xr.Dataset) -> Iterator[str]:
    """A table of the copy numbers in the particle region at the end, one line per point."""
    from hybridrd.results.study import points_of

    names = [str(n) for n in study.attrs["parameters"]]
    found = points_of(study, names)
    species = [str(s) for s in study["species"].values] if "species" in study.coords else []
    if not species or "copy_number_mean" not in study:
        return
    last = float(study["time"].values[-1])
    table = [[*names, *(part for s in species for part in (s, "std. error"))]]
    for key, one in list(found.items())[:_MOST_ROWS]:
        row = [f"{v:g}" if isinstance(v, (int, float)) else str(v) for v in key]
        for s in species:
            end = one.sel(species=s).isel(time=-1)
            row += [f"{float(end[f'copy_number_{what}']):.6g}" for what in ("mean", "sem")]
        table.append(row)
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    yield f"in the particle region at t = {last:g}, mean of the replicas:"
    for row in table:
        yield "  " + "  ".join(f"{v:>{w}}" for v, w in zip(row, widths, strict=True))
    if len(found) > _MOST_ROWS:
        yield f"  and {len(found) - _MOST_ROWS} more"
