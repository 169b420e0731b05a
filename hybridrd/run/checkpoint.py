"""Checkpoints: a simulation in one file, from which it continues bit for bit.

Random numbers are addressed by seed, replica, step and particle, so there is no state of a
generator: step, particles, fields and debts suffice.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np

from hybridrd.arguments import check_file, path_of, truth
from hybridrd.arrays import State
from hybridrd.errors import HybridrdError, ModelError, ResultError
from hybridrd.model.system import System
from hybridrd.run.log import LOGGER
from hybridrd.run.provenance import versions
from hybridrd.run.runnable import Runnable
from hybridrd.run.system_identity import check_same, fingerprint, portrait

AnyRun = TypeVar("AnyRun", bound=Runnable)
Make: TypeAlias = Callable[[System, Mapping[str, Any], str], AnyRun]
FORMAT = 1  # raise it when other programs could misread what is written
_ABOUT = "checkpoint"  # the member of the file that holds everything but arrays, as JSON
# Errors that reading a damaged npz file may raise.
DAMAGED = (
    OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, struct.error,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
_NAME = re.compile(r"-(\d{10})\.npz\Z")


@dataclass(frozen=True)
class Checkpoint:
    """Contents of a file: the state as arrays by name, and the description of the simulation."""

    about: dict[str, Any]
    state: State


def write_checkpoint(run: Runnable, path: str | Path) -> None:
    """Write the state of a simulation completely or not at all; an existing file is replaced last.

    Raises
    ------
    ResultError
        If the file cannot be written.
    """
    path = path_of(path, "path", ResultError)
    if run.loop is not None:
        run.loop.flush()
    try:
        plain = run.system.to_dict()
    except ModelError:  # it contains Python functions
        plain = None
    drawn = portrait(run.system)
    about = {
        "format": FORMAT,
        "kind": run.kind,
        "time": run.time,
        **run.arguments(),
        "system": plain,
        "portrait": drawn,
        "hash": fingerprint(drawn),
        "versions": versions(),
    }
    state = run.state()
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as file:
            with zipfile.ZipFile(file, "w") as archive:
                for name, array in {_ABOUT: np.array(json.dumps(about)), **state}.items():
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                        np.lib.format.write_array(member, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise ResultError(f"{path}: the checkpoint cannot be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a file of `write_checkpoint`; nothing in it is executed.

    Raises
    ------
    ResultError
        If it does not exist, is damaged, or has another format version.
    """
    path = Path(path)
    if not path.exists():
        raise ResultError(f"{path}: there is no such checkpoint")
    check_file(path, error=ResultError)
    try:
        # Read whole members first: their checksums are compared at the end of each.
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        state: State = {
            name.removesuffix(".npy"): np.lib.format.read_array(BytesIO(data), allow_pickle=False)
            for name, data in members.items()
        }
        about = json.loads(str(state.pop(_ABOUT)))
        version, drawn, known = about["format"], about["portrait"], about["hash"]
    except DAMAGED as error:
        raise ResultError(
            f"{path}: is damaged, or not a checkpoint of hybridrd ({error}); "
            f"use an earlier one, if there is"
        ) from error
    if version != FORMAT:
        raise ResultError(
            f"{path}: is a checkpoint of format {version}, but this hybridrd reads format "
            f"{FORMAT}; restore it with hybridrd {about.get('versions', {}).get('hybridrd', '')}"
        )
    if known != fingerprint(drawn):
        raise ResultError(f"{path}: is damaged: the hash of its system does not match")
    return Checkpoint(about, state)


def restore(
    kind: str,
    make: Make[AnyRun],
    path: str | Path,
    system: System | None,
    allow_change: bool,
) -> AnyRun:
    """The simulation of a checkpoint, see `Simulation.restore`.

    Parameters
    ----------
    kind
        The required kind.
    make
        Function that rebuilds it from its system, its arguments and the name of the file.
    """
    path = path_of(path, "path", ResultError)
    several = path.is_dir() or (not path.exists() and checkpoints_in(path))
    paths = checkpoints_in(path)[::-1] if several else [path]
    if not paths:
        raise ResultError(f"{path}: there is no checkpoint in this directory")
    for earlier, place in enumerate(paths, 1):
        try:
            found = read_checkpoint(place)
        except ResultError as error:
            damage = error
        else:
            run, changed = _made(kind, make, place, found.about, system, allow_change)
            try:
                begun = run.timings["set_up"]
                run.load_state(found.state)
                run.timings["set_up"] += begun
                break
            except ResultError as error:
                damage = ResultError(f"{place}: {error}")
        if earlier == len(paths):
            raise damage
        # An earlier one leads to the same results, with more steps to repeat.
        LOGGER.warning("%s; taking the one before", damage)
    run.came_from = place
    if changed is not None:
        LOGGER.warning("%s: continuing with another system, changed in %s", place, changed)
        run.mark = None  # its records must not be mixed with those of the old system
    LOGGER.info("restored %s at t = %.12g (step %d)", place, run.time, run.steps)
    return run


def _made(
    kind: str,
    make: Make[AnyRun],
    path: Path,
    about: Mapping[str, Any],
    system: System | None,
    allow_change: bool,
) -> tuple[AnyRun, str | None]:
    """A simulation like that of a checkpoint at its start, and the differences of its system."""
    there = about.get("kind", "simulation")
    if there != kind:
        raise ResultError(f"{path}: is a checkpoint of a {there}, not of a {kind}")
    if system is None:
        if about["system"] is None:
            raise ResultError(
                f"{path}: the system contains Python functions, which a checkpoint cannot "
                f"hold; give it again, restore(path, system=...)"
            )
        system = System.from_dict(about["system"])
    changed = check_same(about["portrait"], system, truth(allow_change, "allow_change"), str(path))
    return make(system, about, str(path)), changed


def checkpoints_in(place: str | Path) -> list[Path]:
    """The checkpoints of runs in a directory, or with a prefix, the latest last."""
    folder, stem = _split(Path(place))
    if not folder.is_dir():
        return []
    found = {}
    for path in folder.iterdir():
        match = _NAME.search(path.name)
        if match and path.name == f"{stem}{match[0]}":
            found[int(match[1])] = path
    return [found[step] for step in sorted(found)]


def is_checkpoint(path: Path) -> bool:
    """Whether a file begins like those of `write_checkpoint`, whatever its name or state."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return f"{_ABOUT}.npy".encode() in file.read(64)


def _split(place: Path) -> tuple[Path, str]:
    """Directory and prefix of the names: ``PREFIX.npz`` is a prefix, anything else a directory."""
    if place.suffix == ".npz":
        return place.parent, place.stem
    return place, "checkpoint"


class Checkpoints:
    """The checkpoints of a run, written at intervals of minutes; the last few are kept.

    Parameters
    ----------
    run
        The simulation.
    place
        A directory, created if it does not exist, for ``checkpoint-0000001000.npz`` (the number of
        steps); or ``PREFIX.npz`` for ``PREFIX-0000001000.npz``.
    minutes
        Wall time between checkpoints.
    keep
        Number of checkpoints to keep.

    Raises
    ------
    ModelError, ResultError
        If the path cannot be used, or holds checkpoints of another run, later than this simulation.
    """

    def __init__(self, run: Runnable, place: str | Path, minutes: float, keep: int) -> None:
        self._run, self._minutes, self._keep = run, minutes, keep
        self.place = path_of(place, "checkpoint")
        self._folder, self._stem = _split(self.place)
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            raise ResultError(
                f"{self._folder}: no checkpoints can be written there: {error}"
            ) from None
        there = checkpoints_in(self.place)
        later = [p for p in there if self._step(p) > run.steps]
        mine = run.came_from in there
        self._mine = [p for p in there if p not in later] if mine else []
        # Checkpoints of an earlier attempt, which this run repeats; one may be damaged.
        self._stale, later = (later, []) if mine else ([], later)
        if later:
            raise ResultError(
                f"{self.place}: holds checkpoints of another run, up to {later[-1].name}; continue "
                f"it with Simulation.restore, or choose another path"
            )
        self.last = run.came_from if self._mine else None
        self._began = time.monotonic()

    def due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return time.monotonic() - self._began >= self.interval

    @property
    def interval(self) -> float:
        """Seconds between checkpoints."""
        return 60.0 * self._minutes

    def has_now(self) -> bool:
        """Whether the last one is that of the current step."""
        return self.last is not None and self._step(self.last) == self._run.steps

    def write(self) -> Path:
        """Write one now, and remove the oldest ones beyond the number to keep.

        Raises
        ------
        ResultError
            If it cannot be written; the earlier ones stay.
        """
        path = self._folder / f"{self._stem}-{self._run.steps:010d}.npz"
        try:
            write_checkpoint(self._run, path)
        except HybridrdError as error:
            kept = f"; {self.last} is whole" if self.last is not None else ""
            raise type(error)(f"{error}{kept}") from error
        self._mine = sorted({*self._mine, path}, key=self._step)
        for old in {*self._stale, *self._mine[: -self._keep]} - {path}:
            old.unlink(missing_ok=True)
        self._mine, self._stale = self._mine[-self._keep :], []
        self.last, self._began = path, time.monotonic()
        LOGGER.info("checkpoint %s at t = %.12g", path, self._run.time)
        return path

    @staticmethod
    def _step(path: Path) -> int:
        match = _NAME.search(path.name)
        assert match is not None
        return int(match[1])
