"""What the commands of `hybridrd.cli` do: find a job, run it, save, draw and report it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybridrd.errors import ModelError, ResultError
from hybridrd.examples import CASES
from hybridrd.model.config import Run, read_toml

if TYPE_CHECKING:
    import xarray as xr

    from hybridrd.model.system import System

RESULTS = (".zarr", "", ".nc")


@dataclass(frozen=True)
class Job:
    """A system and all that is needed to run it.

    Parameters
    ----------
    name
        What the user called it.
    dt, until, every
        Time step, end, and time between records (time).
    times
        Records to draw (time); by default the middle and the last.
    """

    name: str
    system: System
    dt: float
    until: float
    every: float | None = None
    seed: int | None = None
    replicas: int = 1
    workers: int | None = None
    threads: int | None = None
    positions: bool = False
    progress: bool | None = None
    times: tuple[float, ...] = ()


def check_output(
    path: Path, suffixes: Sequence[str], overwrite: bool, any_case: bool = False
) -> None:
    """Refuse a place where nothing can be written, before any work is done.

    Raises
    ------
    ResultError
        If the suffix is another, something stands there, or its directory cannot be written to.
    """
    if (path.suffix.lower() if any_case else path.suffix) not in suffixes:
        allowed = ", ".join(s or "none" for s in suffixes)
        raise ResultError(f"{path}: unknown suffix {path.suffix!r}; it is one of {allowed}")
    if path.suffix == ".nc" and not (find_spec("h5netcdf") and find_spec("h5py")):
        raise ResultError(
            f"{path}: netCDF files need h5netcdf; install hybridrd[io], or write NAME.zarr"
        )
    if not path.parent.is_dir():
        raise ResultError(f"{path}: there is no directory {path.parent}; make it first")
    if not os.access(path.parent, os.W_OK):
        raise ResultError(f"{path}: the directory {path.parent} cannot be written to")
    if not path.exists():
        return
    if not overwrite:
        raise ResultError(f"{path}: exists; choose another name, or give --overwrite")
    is_directory = path.suffix in (".zarr", "")
    same = (path / "zarr.json").is_file() if is_directory else path.is_file()
    if not same:
        raise ResultError(f"{path}: exists and is something else; it is not overwritten")


def find_job(what: str, given: Mapping[str, Any]) -> Job:
    """The job of a published case or a TOML file, with what was given on the command line.

    Raises
    ------
    ModelError
        If there is no such case or file, the file has mistakes, a time is missing, or options
        contradict each other.
    """
    case = CASES.get(what)
    if case is not None:
        system = case.system()
        defaults, times = Run(dt=case.dt, until=case.until, every=case.every), case.times
    elif Path(what).suffix == ".toml" or Path(what).exists():
        loaded = read_toml(what)
        system, defaults, times = loaded.system, loaded.run, ()
    else:
        meant = get_close_matches(what.replace("_", "-"), CASES, n=1)
        hint = f" did you mean {meant[0]}?" if meant else ""
        raise ModelError(
            f"{what}: no such example or file;{hint} the examples are {', '.join(CASES)}; "
            f"a file is named FILE.toml"
        )
    chosen = {name: v for name, v in given.items() if v is not None}
    values = {name: v for name, v in asdict(defaults).items() if v is not None} | chosen
    for name, words in (("dt", "time step"), ("until", "end")):
        if name not in values:
            raise ModelError(f"{what}: no {words}; give --{name}, or {name} in the table [run]")
    job = Job(what, system, times=times, **values)
    if system.particles is None and job.replicas > 1:
        raise ModelError(f"{what}: a pure PDE has no replicas; leave out --replicas")
    if "workers" in chosen and job.replicas == 1:
        raise ModelError("--workers is for several replicas; give --replicas, or --threads")
    if job.positions:
        _check_positions(job, "positions" in chosen)
    return job


def _check_positions(job: Job, asked: bool) -> None:
    """Refuse positions where none are kept. Raises ModelError."""
    if job.system.particles is None:
        why = "a pure PDE has no particles"
    elif job.replicas > 1:
        why = "an ensemble keeps no positions, one replica does"
    else:
        return
    what = (
        "leave out --positions" if asked else "give --no-positions: the table [run] asks for them"
    )
    raise ModelError(f"{job.name}: {why}; {what}")


def run_job(
    job: Job,
    out: Path,
    picture: Path | None,
    overwrite: bool,
    resume: bool = False,
    minutes: float = 10.0,
) -> Iterator[str]:
    """Run, save and draw a job; yields lines that say what was done.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C; the message says how to go on, where that is possible.
    """
    began = time.perf_counter()
    if job.system.particles is not None and job.replicas == 1:
        from hybridrd.unfinished import Unfinished

        unfinished = Unfinished(job, out, overwrite, resume, minutes)
        result = unfinished.run()
        if resume:
            yield f"resumed at t = {unfinished.started:.12g}"
    elif job.system.particles is not None:
        from hybridrd.unfinished_ensemble import UnfinishedEnsemble

        result = UnfinishedEnsemble(job, out, overwrite, resume).run()
    else:
        if resume:
            raise ModelError(f"{job.name}: a pure PDE has no checkpoints; leave out --resume")
        from hybridrd.results.store import save

        result = _mean_field(job)
        save(result, out, overwrite=overwrite)
    seconds = time.perf_counter() - began
    yield _headline(job, result)
    yield f"{seconds:.1f} s, saved to {out}"
    pde = None
    if picture is not None:
        from hybridrd import pictures

        pde = _mean_field(job) if job.system.particles is not None else None
        pictures.draw(result, pde, pictures.times_to_draw(result, job.times), picture)
        yield f"drawn in {picture}"
    yield from _counts(result, pde)


def _mean_field(job: Job) -> xr.Dataset:
    from hybridrd.simulation.mean_field import mean_field

    return mean_field(job.system, job.dt, job.until, job.every, progress=job.progress)


def _headline(job: Job, result: xr.Dataset) -> str:
    what = {"mean-field": "PDE", "ensemble": f"{job.replicas} replicas"}.get(
        result.attrs["kind"], "one replica"
    )
    seed = f", seed {result.attrs['seed']}" if "seed" in result.attrs else ""
    return f"{job.name}: {what}, dt = {job.dt:g}, until {job.until:g}{seed}"


def _counts(result: xr.Dataset, pde: xr.Dataset | None = None) -> Iterator[str]:
    """A small table: numbers in the particle region at the end, by species."""
    from hybridrd.results.view import View

    view = View(result, "result")
    if not view.has("copy_number"):
        return
    last = float(view.times[-1])
    name = "mean" if view.is_ensemble else "number" if view.replicas else "PDE"
    rows = {name: view.mean("copy_number")}
    error = view.sem("copy_number")
    if error is not None:
        rows["std. error"] = error
    if pde is not None:
        rows["PDE"] = View(pde, "PDE").mean("copy_number")
    where = "particle region" if view.has_particles else "domain"
    yield f"in the {where} at t = {last:g}:"
    table = [["", *view.species]]
    table += [[label, *(f"{v:.6g}" for v in row.values[-1])] for label, row in rows.items()]
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    for line in table:
        cells = [f"{line[0]:<{widths[0]}}"]
        cells += [f"{v:>{w}}" for v, w in zip(line[1:], widths[1:], strict=True)]
        yield "  " + "  ".join(cells).rstrip()


def describe_result(path: Path) -> str:
    """What a saved result is, in a few lines."""
    from hybridrd.results.store import load
    from hybridrd.results.view import View

    view = View(load(path), str(path))
    result = view.data
    attributes = result.attrs
    times = view.times
    lines = [
        f"{path}: {attributes.get('kind', 'result')}",
        f"  times      {times[0]:g} to {times[-1]:g}, {len(times)} records",
        f"  variables  {', '.join(str(v) for v in result.data_vars)}",
    ]
    lines += [
        f"  {name:<9}  {attributes[name]}"
        for name in ("dt", "seed", "replica", "replicas", "stopped")
        if name in attributes
    ]
    for name, unit in (("timings", " s"), ("versions", "")):
        if isinstance(attributes.get(name), Mapping):
            entries = ", ".join(f"{k} {v}{unit}" for k, v in attributes[name].items())
            lines.append(f"  {name:<9}  {entries}")
    lines += _counts(result)
    lines.append(_system(attributes.get("system")))
    return "\n".join(lines)


def _system(stored: Any) -> str:
    """The text of a stored system, which is a dict, or text where functions are in it."""
    if not isinstance(stored, Mapping):
        return str(stored)
    from hybridrd.model.config import system_from_dict

    return repr(system_from_dict(stored))
