"""Path of a result on disk: safe replacement, moves and removal."""

from __future__ import annotations

import os
import re
import shutil
import time
from importlib import import_module
from pathlib import Path

from hybridrd.errors import ResultError
from hybridrd.results import metadata
from hybridrd.results.integrity import METADATA

FORMAT_NAME = "hybridrd_format"  # attribute that identifies a result of hybridrd
UNREADABLE = (OSError, KeyError, TypeError, ValueError)


def check_replaceable(path: Path) -> None:
    """Raise ResultError unless a path is a result of hybridrd without foreign files.

    Raises
    ------
    ResultError
        If it is something else.
    """
    if path.suffix == ".nc":
        ours, others = _is_marked_netcdf(path), []
    else:
        ours = path.is_dir() and not path.is_symlink() and _is_marked_zarr(path)
        others = _strangers(path) if ours else []
    if not ours:
        kind = "netCDF file" if path.suffix == ".nc" else "zarr directory"
        raise ResultError(
            f"{path}: exists and is something else, not a {kind} of hybridrd; it is not "
            f"overwritten: choose another name, or remove it yourself"
        )
    if others:
        raise ResultError(
            f"{path}: holds other files ({others[0].name}); it is not overwritten: move them away"
        )


def _is_marked_netcdf(path: Path) -> bool:
    try:
        with import_module("h5netcdf").File(path, "r") as file:
            return FORMAT_NAME in file.attrs
    except UNREADABLE:
        return False


def _is_marked_zarr(path: Path) -> bool:
    try:
        return FORMAT_NAME in metadata.read(path)["attributes"]
    except UNREADABLE:
        return False


def _strangers(path: Path) -> list[Path]:
    """Files in a store that are neither metadata nor arrays."""
    arrays = [p for p in path.iterdir() if (p / METADATA).is_file()]
    inside = [entry for array in arrays for entry in array.iterdir() if entry.name != "c"]
    ours = re.compile(rf"{re.escape(METADATA)}(\.[0-9a-f]{{8}}\.part)?|\.zgroup")
    rest = [p for p in [*path.iterdir(), *inside] if p not in arrays]
    return sorted(p for p in rest if not ours.fullmatch(p.name))


def discard(part: Path) -> None:
    """Remove a temporary file or directory of this program, if it exists."""
    for _ in range(20):
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)
        if not part.exists():
            return
        time.sleep(0.05)  # threads of zarr may still be writing chunks after one has failed


def remove_store(path: Path) -> None:
    """Remove a zarr directory of hybridrd. Raises ResultError if it is something else."""
    check_replaceable(path)
    shutil.rmtree(path)


def put(part: Path, path: Path) -> None:
    """Move a complete store to its path; the old one is removed last."""
    if not path.is_dir():
        os.replace(part, path)
        return
    old = path.with_name(f"{part.name}.old")
    os.replace(path, old)
    try:
        os.replace(part, path)
    except OSError:
        os.replace(old, path)
        raise
    shutil.rmtree(old)
