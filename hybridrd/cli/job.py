"""Job of the command line: a published case or a file, checked as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hybridrd.arguments import path_of
from hybridrd.cli.methods import by_method, check_method, is_pde
from hybridrd.cli.preflight import (
    Place,
    in_units,
    plane_problems,
    step_problems,
    time_problems,
)
from hybridrd.errors import ModelError, ResultError
from hybridrd.examples import CASES
from hybridrd.model.plane import Plane
from hybridrd.model.system import System

_PLANE = re.compile(r"\s*([^:]+?)\s*:\s*([xyzr])\s*=\s*(.+?)\s*")


@dataclass(frozen=True)
class Job:
    """A system and everything needed to run it.

    Parameters
    ----------
    name
        The name given by the user.
    dt, until, every
        Time step, end, and time between records (time).
    method
        Requested method, see `hybridrd.cli.methods`.
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
    events: str | None = None
    planes: Mapping[str, Plane] | None = None
    progress: bool | None = None
    method: str | None = None
    times: tuple[float, ...] = ()

    @property
    def is_pde(self) -> bool:
        """Whether the mean-field PDE is run."""
        return is_pde(self.system, self.method)


def find_job(what: str, given: Mapping[str, Any]) -> Job:
    """The job of a published case or a TOML file, with the options of the command line.

    Raises
    ------
    ModelError
        If there is no such case or file; or with all mistakes in the file, in the times
        and in the time step, one line each, with the key in the file or the option.
    CapacityError
        If the run cannot fit into memory.
    """
    case = CASES.get(what)
    system: System | None
    sound: System | None  # all of it, or its valid part
    defaults: dict[str, Any]
    times: tuple[float, ...]
    problems: list[str] = []
    unclear: frozenset[str] = frozenset()
    if case is not None:
        system = sound = case.system()
        defaults = {"dt": case.dt, "until": case.until, "every": case.every}
        times = case.times
    elif what.endswith(".toml") or path_of(what, "file").exists():
        from hybridrd.toml.config import examine_toml  # its schema is slow to load

        found = examine_toml(what, System)
        system, sound, defaults, times = found.system, found.sound, vars(found.run), ()
        problems, unclear = list(found.mistakes), found.unclear
    else:
        meant = get_close_matches(what.replace("_", "-"), CASES, n=1)
        hint = f" did you mean {meant[0]}?" if meant else ""
        raise ModelError(
            f"{what}: no such example or file;{hint} the examples are {', '.join(CASES)}; "
            f"a file is named FILE.toml"
        )
    chosen = {name: v for name, v in given.items() if v is not None}
    values = {name: v for name, v in defaults.items() if v is not None} | chosen

    def at(name: str) -> str:
        table = "" if case is not None else "system." if name == "interface" else "run."
        return f"--{name}" if name in chosen else f"{what}: {table}{name}"

    for name in ("dt", "until"):
        if name not in values and name not in unclear:
            problems.append(f"{at(name)}: missing; give --{name}, or {name} in the table [run]")
    method = values.get("method")
    if method is not None:
        check_method(method, at("method"))
        system, sound, changed = _by_method(system, sound, method, at)
        problems += changed
    wrong_times = _times_in_units(values, sound, at) | time_problems(values, at)
    problems += wrong_times.values()
    if sound is not None:
        problems += _contradictions(what, sound, values, chosen, at)
        if (
            sound.particles is not None
            and method != "pde"
            and "dt" in values
            and "dt" not in wrong_times
        ):
            try:
                problems += step_problems(sound, values["dt"], at, whole=system is not None)
            except ModelError as error:
                problems.append(f"{what}: {error}")
    if problems or system is None:
        raise ModelError("\n".join(problems))
    return Job(what, system, times=times, **values)


def _times_in_units(values: dict[str, Any], system: System | None, at: Place) -> dict[str, str]:
    """Convert times with units to numbers; returns the mistakes by name and drops those times."""
    wrong: dict[str, str] = {}
    for name in ("dt", "until", "every"):
        if name in values:
            try:
                values[name] = in_units(values[name], system, at(name))
            except ModelError as error:
                wrong[name] = str(error)
                del values[name]
    return wrong


def read_planes(text: str | None) -> dict[str, Plane] | None:
    """The planes of the option ``--planes``, ``middle:x=0.5,edge:x=0.9``. Raises ModelError."""
    if text is None:
        return None
    found: dict[str, Plane] = {}
    for part in text.split(","):
        match = _PLANE.fullmatch(part)
        if match is None or match[1] in found:
            why = "the name is there twice" if match else "give NAME:AXIS=PLACE, middle:x=0.5"
            raise ModelError(f"--planes {part.strip()}: {why}")
        try:
            place: float | str = float(match[3])
        except ValueError:
            place = match[3]  # with units
        found[match[1]] = Plane(**{match[2]: place})  # type: ignore[arg-type]
    return found


def kept_beside(out: Path) -> Path:
    """The directory beside a result with the checkpoints of its run."""
    return out.with_name(f"{out.name}.checkpoints")


def can_go_on(out: Path) -> bool:
    """Whether there is anything to resume beside a result: checkpoints, or replicas."""
    from hybridrd.ensembles.store import MANIFEST
    from hybridrd.run.checkpoint import checkpoints_in

    place = kept_beside(out)
    return bool(checkpoints_in(place)) or (place / MANIFEST).is_file()


def how_to_start(out: Path) -> str:
    """Advice for when there is nothing to resume."""
    if out.exists():
        return f"{out} exists; start over with --overwrite, or choose another name"
    return "run without --resume, or with --resume=auto, which starts a new run"


def check_complete(job: Job, out: Path) -> None:
    """Refuse a result that is not the complete one of a job. Raises ResultError."""
    from hybridrd.results.store import open_result
    from hybridrd.run.provenance import describe

    wanted = {"dt": job.dt, "system": describe(job.system), "stopped": "reached the end"}
    wanted |= {"seed": job.seed} if job.seed is not None and not job.is_pde else {}
    with open_result(out) as result:
        there = {name: result.attrs.get(name) for name in wanted}
        there["replicas"], wanted["replicas"] = result.attrs.get("replicas", 1), job.replicas
        there["until"], wanted["until"] = float(result["time"][-1]), round(job.until, 12)
    others = [name for name, value in wanted.items() if there[name] != value]
    if others:
        raise ResultError(
            f"{out}: exists, with nothing beside it to resume, and is not the complete result "
            f"of this command: another {' and '.join(others)}; choose another name, or start over "
            f"with --overwrite"
        )


def _by_method(
    system: System | None, sound: System | None, method: str, at: Place
) -> tuple[System | None, System | None, list[str]]:
    """The system, and its valid part, as a method runs them; and the mistakes."""
    try:
        return (
            system and by_method(system, method, at("method")),
            sound and by_method(sound, method, at("method")),
            [],
        )
    except ModelError as error:
        return None, None, [str(error)]


def _contradictions(
    what: str, system: System, values: Mapping[str, Any], chosen: Mapping[str, Any], at: Place
) -> Iterator[str]:
    """Options that are incompatible with the system or with each other."""
    replicas = values.get("replicas", 1)
    pde = is_pde(system, values.get("method"))
    if pde and replicas > 1:
        yield f"{at('replicas')}: a pure PDE has no replicas; leave it out"
    if "workers" in chosen and replicas == 1:
        yield "--workers is for several replicas; give --replicas, or --threads"
    if values.get("events") and (pde or system.particles is None or replicas > 1):
        which = "replicas of an ensemble" if replicas > 1 else "without particles"
        yield f"{at('events')}: only a single run of particles has a log, not {which}; leave it out"
    if values.get("planes") and pde:
        yield f"{at('planes')}: the flux counts particles, and a PDE has none; leave it out"
    yield from plane_problems(system, values, at)
    if not values.get("positions"):
        return
    where, remedy = at("positions"), "give --no-positions: the table [run] asks for them"
    if "positions" in chosen:
        where, remedy = what, "leave out --positions"
    if pde or system.particles is None:
        what = "a pure PDE has" if pde else "cells alone have"
        yield f"{where}: {what} no particles; {remedy}"
    elif replicas > 1:
        yield f"{where}: an ensemble keeps no positions, only a single replica does; {remedy}"
