"""Finished blocks of an ensemble in a directory, so that no replica runs twice.

A manifest identifies the ensemble; each block is one small file, complete or absent.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrd._version import __version__
from hybridrd.ensembles.blocks import Sums
from hybridrd.errors import ResultError
from hybridrd.model.system import System
from hybridrd.results.lock import locked
from hybridrd.run.checkpoint import DAMAGED
from hybridrd.run.log import LOGGER
from hybridrd.run.system_identity import fingerprint, first_difference, portrait

FORMAT = 1  # raise it when other programs could misread what is written
MANIFEST = "ensemble.json"
_MADE = re.compile(r"(block-\d{4,}\.npz|ensemble\.json|\.(block|ensemble)\S*\.[0-9a-f]{8}\.part)")
_ABOUT = "about"  # the member of a block's file that holds everything but arrays, as JSON


class BlockStore:
    """The finished blocks of one ensemble.

    Parameters
    ----------
    place
        A directory, created if it does not exist; its parent must exist.
    system
        The simulated system; Python functions in it are compared by name only.
    arguments
        All other arguments that determine the result, as JSON values. A ``seed`` of None is the
        one in the directory, or a new one.

    Attributes
    ----------
    seed
        Seed of the ensemble.
    seconds
        Time spent on writing blocks (seconds).

    Raises
    ------
    ResultError
        If the directory holds something else, or blocks of another ensemble, hybridrd or format.
    """

    def __init__(self, place: Path, system: System, arguments: Mapping[str, Any]) -> None:
        self.place = place
        wanted: dict[str, Any] = {
            "format": FORMAT,
            "hybridrd": __version__,
            "arguments": dict(arguments),
            "system": portrait(system),
        }
        try:
            self.place.mkdir(exist_ok=True)
            there = self._read_manifest()
        except OSError as error:
            raise ResultError(f"{self.place}: blocks cannot be written there: {error}") from error
        if there is None:
            if wanted["arguments"]["seed"] is None:
                wanted["arguments"]["seed"] = secrets.randbits(63)
            sealed = {**wanted, "checksum": fingerprint(wanted)}
            self._put(MANIFEST, json.dumps(sealed, indent=1).encode())
        else:
            if wanted["arguments"]["seed"] is None:
                wanted["arguments"]["seed"] = there["arguments"]["seed"]
            self._check(there, json.loads(json.dumps(wanted)))
        self.seed: int = wanted["arguments"]["seed"]
        self.seconds = 0.0

    def whole(self, blocks: Mapping[int, range]) -> list[int]:
        """The finished blocks; damaged files are removed, so their blocks run again."""
        done = []
        for index, block in blocks.items():
            if not self._path(index).exists():
                continue
            try:
                self._load(index, block)
            except DAMAGED as error:
                LOGGER.warning("%s is damaged and will be recomputed: %s", self._path(index), error)
                self._path(index).unlink()
            else:
                done.append(index)
        return done

    def read(self, index: int, block: range) -> Sums:
        """The sums of a finished block. Raises ResultError if it has become unreadable."""
        try:
            return self._load(index, block)
        except DAMAGED as error:
            raise ResultError(f"{self._path(index)}: is damaged ({error}); remove it") from error

    def write(self, index: int, block: range, sums: Sums) -> None:
        """Store the sums of a block. Raises ResultError if they cannot be written."""
        began = time.perf_counter()
        about, arrays = sums.state()
        text = json.dumps({**about, "replicas": [block.start, block.stop]})
        data = BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            for name, array in {_ABOUT: np.array(text), **arrays}.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
        self._put(self._path(index).name, data.getvalue())
        self.seconds += time.perf_counter() - began

    def _load(self, index: int, block: range) -> Sums:
        # Read whole members first: their checksums are compared at the end of each.
        with zipfile.ZipFile(self._path(index)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        arrays: dict[str, NDArray[Any]] = {
            name.removesuffix(".npy"): np.lib.format.read_array(BytesIO(data), allow_pickle=False)
            for name, data in members.items()
        }
        about = json.loads(str(arrays.pop(_ABOUT)))
        if about["replicas"] != [block.start, block.stop]:
            raise ValueError(f"it holds replicas {about['replicas']}")
        return Sums.from_state(about, arrays)

    def _path(self, index: int) -> Path:
        return self.place / f"block-{index:04d}.npz"

    def _put(self, name: str, data: bytes) -> None:
        part = self.place / f".{name}.{secrets.token_hex(4)}.part"
        try:
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self.place / name)
        except OSError as error:
            raise ResultError(
                f"{self.place / name}: cannot be written: {error}; finished blocks are "
                f"complete, and the same call continues after them"
            ) from error
        finally:
            part.unlink(missing_ok=True)

    def _read_manifest(self) -> dict[str, Any] | None:
        path = self.place / MANIFEST
        if not path.exists():
            others = sorted(p.name for p in self.place.iterdir() if not p.name.endswith(".part"))
            if others:
                raise ResultError(
                    f"{self.place}: is not a directory of an ensemble (it holds {others[0]}); "
                    f"choose another name"
                )
            return None
        try:
            there: dict[str, Any] = json.loads(path.read_text())
            _ = there["format"], there["hybridrd"], there["arguments"]["seed"], there["system"]
        except (ValueError, KeyError, TypeError) as error:
            raise ResultError(
                f"{path}: is damaged ({error}); remove the directory to start over"
            ) from error
        return there

    def _check(self, there: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
        for key, what in (("format", "format"), ("hybridrd", "hybridrd")):
            if there[key] != wanted[key]:
                raise ResultError(
                    f"{self.place}: holds replicas of {what} {there[key]}, this is {what} "
                    f"{wanted[key]}; they can't be combined: choose another directory"
                )
        if there.get("checksum") != fingerprint({n: v for n, v in there.items() if n in wanted}):
            raise ResultError(
                f"{self.place / MANIFEST}: is damaged (its checksum does not match); remove the "
                f"directory to start over"
            )
        for name, value in wanted["arguments"].items():
            if there["arguments"].get(name) != value:
                raise ResultError(
                    f"{self.place}: {name} has changed: {there['arguments'].get(name)} in the "
                    f"directory, now {value}; choose another directory, or remove it"
                )
        changed = first_difference(there["system"], wanted["system"])
        if changed is not None:
            raise ResultError(
                f"{self.place}: the system has changed in {changed}; choose another directory, "
                f"or remove it"
            )


def remove(place: Path) -> None:
    """Remove a directory of `BlockStore` with its own files, and nothing else.

    Raises
    ------
    ResultError
        If there is something else in it, or another program is writing there.
    """
    with locked(place):
        made = sorted(place.iterdir())
        for path in made:
            if not (_MADE.fullmatch(path.name) and path.is_file()):
                raise ResultError(
                    f"{place}: holds other files ({path.name}); move them away, nothing was removed"
                )
        for path in made:
            path.unlink()
    place.rmdir()
