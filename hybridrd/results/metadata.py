"""Metadata of a zarr (version 3) directory, which xarray can open during any change."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hybridrd.results.integrity import METADATA, seal


def read(place: Path) -> dict[str, Any]:
    """The metadata of a group or an array."""
    found: dict[str, Any] = json.loads((place / METADATA).read_text())
    return found


def edit(place: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the metadata of a group or an array atomically: a reader sees the old or the new."""
    about = read(place)
    change(about)
    write(place, about)


def write(place: Path, about: dict[str, Any]) -> None:
    """Write the metadata of a group or an array, with their checksum, atomically."""
    seal(about)
    part = place / f"{METADATA}.{secrets.token_hex(4)}.part"
    try:
        part.write_text(json.dumps(about))
        os.replace(part, place / METADATA)
    finally:
        part.unlink(missing_ok=True)


def seal_all(group: Path) -> None:
    """Add checksums to all metadata of a group."""
    for place in sorted(p.parent for p in group.glob(f"*/{METADATA}")):
        edit(place, lambda _: None)
    edit(group, lambda _: None)


def arrays_along(group: Path, dimension: str) -> list[str]:
    """Names of the arrays with this first dimension, or in the course of changing to it."""
    found = []
    for place in sorted(p.parent for p in group.glob(f"*/{METADATA}")):
        names = read(place).get("dimension_names") or [""]
        if names[0] in (dimension, passing(dimension)):
            found.append(place.name)
    return found


def passing(dimension: str) -> str:
    """Temporary name of a dimension while its length changes."""
    return f"{dimension}_"


def resize(group: Path, names: Sequence[str], dimension: str, length: int) -> bool:
    """Change the length of arrays along their first dimension; returns whether any changed.

    Each array in turn gets its new length and a temporary name of the dimension; when all have it,
    the name is restored. So no dimension ever has two lengths, which xarray could not open. Values
    outside a smaller length stay in their files, unseen.
    """
    known = [read(group / name) for name in names]
    now = [(about["dimension_names"][0], about["shape"][0]) for about in known]
    if all(entry == (dimension, length) for entry in now):
        return False
    between = (passing(dimension), length)
    for name, entry in zip(names, now, strict=True):
        if entry != between:
            edit(group / name, lambda about: _set(about, *between))
    for name in names:
        edit(group / name, lambda about: _set(about, dimension, length))
    return True


def _set(about: dict[str, Any], dimension: str, length: int) -> None:
    about["dimension_names"][0] = dimension
    about["shape"][0] = length
