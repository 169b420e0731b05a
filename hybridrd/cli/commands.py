"""Commands of the command line: run a job, save, draw and report it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hybridrd.arguments import path_of
from hybridrd.cli import loading
from hybridrd.cli.job import Job as Job
from hybridrd.cli.job import can_go_on, check_complete
from hybridrd.cli.job import find_job as find_job
from hybridrd.cli.job import read_planes as read_planes
from hybridrd.errors import ResultError
from hybridrd.examples import CASES
from hybridrd.model.system import System

if TYPE_CHECKING:
    import xarray as xr

SCHEMA = Path(__file__).parents[1] / "toml" / "system.schema.json"
RESULTS = (".zarr", "", ".nc")
Resume = Literal["no", "yes", "auto"]
_NUMBER = {False: "number", True: "PDE"}  # of a species, by whether nothing is sampled


def check_output(
    path: Path, suffixes: Sequence[str], overwrite: bool, any_case: bool = False
) -> None:
    """Refuse a path that cannot be written, before any work is done.

    Raises
    ------
    ResultError
        If the suffix is unknown, the file exists, or its directory cannot be written to.
    """
    path = path_of(path, "out", ResultError)
    if (path.suffix.lower() if any_case else path.suffix) not in suffixes:
        allowed = ", ".join(s or "none" for s in suffixes)
        raise ResultError(f"{path}: unknown suffix {path.suffix!r}; it is one of {allowed}")
    if path.suffix == ".nc" and not (find_spec("h5netcdf") and find_spec("h5py")):
        raise ResultError(
            f"{path}: netCDF files need h5netcdf; install hybridrd[io], or write NAME.zarr"
        )
    if not path.parent.is_dir():
        raise ResultError(f"{path}: there is no directory {path.parent}; create it first")
    if not os.access(path.parent, os.W_OK):
        raise ResultError(f"{path}: the directory {path.parent} cannot be written to")
    if not path.exists():
        return
    if not overwrite:
        raise ResultError(f"{path}: exists; choose another name, or give --overwrite")
    if path.suffix in RESULTS:
        from hybridrd.results.place import check_replaceable

        check_replaceable(path)
    elif not path.is_file():
        raise ResultError(f"{path}: exists and is something else; it is not overwritten")


def named_after(what: str, more: str = "") -> Path:
    """The default path of a result: in this directory, with the name of the file or case."""
    return Path(f"{Path(what).stem}{more}.zarr")


def beside(path: Path, suffix: str) -> Path:
    """A file with the name of a result. Raises ResultError for a path without a name, ``.``."""
    if not path.name.strip("."):
        raise ResultError(f"{path}: name a saved result, or the file to write, --out")
    return path.with_suffix(suffix)


def run_job(
    job: Job,
    out: Path,
    picture: Path | None,
    overwrite: bool,
    resume: Resume = "no",
    minutes: float = 10.0,
) -> Iterator[str]:
    """Run, save and draw a job; yields lines that report each action.

    Parameters
    ----------
    resume
        ``"yes"``: resume from the checkpoints beside ``out``; ``"auto"``: the same, or start if
        there are none, or do nothing if the result is complete.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C or SIGTERM; the message says how to resume, if that is possible.
    ResultError
        If another program is writing there, there is nothing to resume, an unfinished run would be
        overwritten, or there are other files.
    """
    from hybridrd.results.lock import locked

    with locked(out, ".command"):
        yield from _run_job(job, out, picture, overwrite, resume, minutes)


def _run_job(
    job: Job, out: Path, picture: Path | None, overwrite: bool, resume: Resume, minutes: float
) -> Iterator[str]:
    began = time.perf_counter()
    if resume == "auto":
        resume = "yes" if can_go_on(out) else "no"
        if resume == "no" and out.exists() and not overwrite:
            check_complete(job, out)
            yield f"{out} is complete"
            return
    result: xr.Dataset | None = None
    if job.replicas == 1:
        with loading():
            from hybridrd.cli.resume_run import ResumableRun

            unfinished = ResumableRun(job, out, overwrite, resume == "yes", minutes)
        unfinished.run()
        if resume == "yes":
            yield f"resumed at t = {unfinished.started:.12g}"
        end: Any = unfinished.simulation
        attributes, names = end.attributes("reached the end"), end.system.names
        counts = _table(attributes, end.time, names, {_NUMBER[job.is_pde]: end.copy_number})
    else:
        with loading():
            from hybridrd.cli.resume_ensemble import ResumableEnsemble

            replicas = ResumableEnsemble(job, out, overwrite, resume == "yes")
        result = replicas.run()
        attributes, names, counts = result.attrs, result["species"].values, _counts(result)
    seconds = time.perf_counter() - began
    yield _headline(job, attributes)
    yield f"{seconds:.1f} s, saved to {out}"
    if picture is not None:
        from hybridrd.cli import pictures
        from hybridrd.results.store import open_result

        result = open_result(out) if result is None else result
        pde = None if job.is_pde else _mean_field(job)
        pictures.draw(result, pde, pictures.times_to_draw(result, job.times), picture)
        yield f"drawn in {picture}"
        counts = _counts(result, pde)
    yield from counts
    yield from _followed(attributes, names)


def schema(out: Path | None, overwrite: bool) -> str:
    """The JSON schema of the TOML file, or a line that says where it was written."""
    text = SCHEMA.read_text(encoding="utf-8")
    if out is None:
        return text
    check_output(out, (".json",), overwrite, any_case=True)
    out.write_text(text, encoding="utf-8")
    return f"written to {out}; in the first line of a TOML file beside it: #:schema ./{out.name}"


def suggest_steps(what: str, error: float, until: str | None, check: int | None) -> Iterator[str]:
    """The suggestion for a case or a file, and its check against half the step.

    Raises
    ------
    ModelError
        If there is no such case or file, or the check has no end time.
    """
    from hybridrd.cli.preflight import in_units
    from hybridrd.ensembles.check_step import check_step
    from hybridrd.errors import ModelError
    from hybridrd.simulation.suggest import suggest

    if check is not None and until is None:
        raise ModelError("--check: give --until, a multiple of the suggested dt")
    case = CASES.get(what)
    system = System.from_toml(what) if case is None else case.system()
    end = None if until is None else in_units(until, system, "--until")
    found = suggest(system, error, end)
    yield repr(found)
    if check is None or end is None:
        return
    table = check_step(found.system, found.dt, end, check, every=end)
    yield f"dt = {found.dt:g} against {found.dt / 2:g}, {check} replicas each:"
    yield repr(table)


def _mean_field(job: Job) -> xr.Dataset:
    from hybridrd.simulation.mean_field import mean_field

    return mean_field(job.system, job.dt, job.until, job.every, progress=job.progress)


def _headline(job: Job, attributes: Mapping[str, Any]) -> str:
    what = {"mean-field": "PDE", "ensemble": f"{job.replicas} replicas"}.get(
        attributes["kind"], "one replica"
    )
    seed = f", seed {attributes['seed']}" if "seed" in attributes else ""
    return f"{job.name}: {what}, dt = {job.dt:g}, until {job.until:g}{seed}"


def _counts(result: xr.Dataset, pde: xr.Dataset | None = None) -> Iterator[str]:
    """The table of a result, with standard errors, and the PDE beside it."""
    from hybridrd.results.view import View

    view = View(result, "result")
    if not view.has("copy_number"):
        return
    name = "mean" if view.is_ensemble else _NUMBER[not view.replicas]
    rows = {name: view.mean("copy_number")}
    error = view.sem("copy_number")
    if error is not None:
        rows["std. error"] = error
    if pde is not None:
        rows["PDE"] = View(pde, "PDE").mean("copy_number")
    last = {label: row.values[-1] for label, row in rows.items()}
    yield from _table(view.data.attrs, float(view.times[-1]), view.species, last)


def _table(
    attributes: Mapping[str, Any], time: float, species: Sequence[str], rows: Mapping[str, Any]
) -> Iterator[str]:
    """A small table: copy numbers in the particle region at the end, by species."""
    where = "particle region" if attributes.get("has_particles") else "domain"
    yield f"in the {where} at t = {time:g}:"
    table = [["", *species]]
    table += [[label, *(f"{v:.6g}" for v in row)] for label, row in rows.items()]
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    for line in table:
        cells = [f"{line[0]:<{widths[0]}}"]
        cells += [f"{v:>{w}}" for v, w in zip(line[1:], widths[1:], strict=True)]
        yield "  " + "  ".join(cells).rstrip()


def _followed(attributes: Mapping[str, Any], names: Sequence[str]) -> Iterator[str]:
    """Report on a particle region that followed the copies."""
    diagnostics = attributes.get("diagnostics", {})
    found = {**diagnostics, **diagnostics.get("adaptive", {})}
    if "region_changes" not in found:
        return
    yield f"the region changed {found['region_changes']} times, {found['cells_changed']} cells"
    if "particle_share" in found:
        yield (
            f"  particles    {found['particle_share']:.1%} of the cells on average, in "
            f"{found['particle_time']:.1%} of the time"
        )
    for key, what in (
        ("copies_to_particles", "to particles"),
        ("copies_to_continuum", "to continuum"),
        ("remainder", "between them"),
        ("owed", "owed"),
    ):
        amounts = found.get(key, [])
        numbers = amounts.values() if isinstance(amounts, dict) else amounts
        if len(numbers):
            pairs = zip(names, numbers, strict=True)
            yield f"  {what:<12} " + ", ".join(f"{n:.6g} {name}" for name, n in pairs)


def verify_result(path: Path) -> str:
    """A line that confirms all checksums. Raises ResultError with the names of damaged files."""
    from hybridrd.results.store import verify

    files = verify(path)
    return f"{path}: all checksums are correct ({files} file{'s' if files > 1 else ''})"


def describe_result(path: Path) -> str:
    """Summary of a saved result, in a few lines."""
    from hybridrd.results.store import load
    from hybridrd.results.study import is_study
    from hybridrd.results.view import View

    loaded = load(path)
    if is_study(loaded):
        return "\n".join(_study(loaded, path))
    view = View(loaded, str(path))
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
    lines += [*_counts(result), *_followed(attributes, view.species)]
    lines.append(_system(attributes.get("system")))
    return "\n".join(lines)


def _study(study: xr.Dataset, path: Path) -> Iterator[str]:
    """Summary of a saved sweep: its points, common attributes, and the first system."""
    from hybridrd.results.study import ATTRIBUTES, ROW

    attributes, about = study.attrs, study[ATTRIBUTES]
    done = [json.loads(str(text)) for text in about.values.ravel() if str(text)]
    yield f"{path}: sweep, {len(done)} of {about.size} points done"
    for name in attributes["parameters"]:
        values = [f"{v:g}" if isinstance(v, float) else str(v) for v in study[name].values[:12]]
        more = ", ..." if study[name].size > 12 else ""
        yield f"  {name}  {', '.join(values)}{more}{' (a table)' if ROW in study.dims else ''}"
    if "time" in study.coords:
        times = study["time"].values
        yield f"  times      {times[0]:g} to {times[-1]:g}, {len(times)} records"
    yield f"  variables  {', '.join(str(v) for v in study.data_vars if v != ATTRIBUTES)}"
    for name in ("replicas", "seed", "independent"):
        yield f"  {name:<9}  {attributes[name]}"
    if done:
        seconds = sum(sum(one["timings"].values()) for one in done)
        yield f"  timings    {seconds:.6g} s in all replicas"
        first = ", ".join(f"{n} = {v}" for n, v in done[0]["parameters"].items())
        yield f"at {first}: {_system(done[0]['system'])}"


def _system(stored: Any) -> str:
    """The text of a stored system: a dict, or already text if it contains functions."""
    if not isinstance(stored, Mapping):
        return str(stored)
    return repr(System.from_dict(stored))
