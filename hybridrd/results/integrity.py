"""Checksums of stored results, which detect a flipped bit and name its file.

In a zarr directory each chunk ends with its CRC-32C, written and compared by zarr itself, and each
``zarr.json`` has a checksum of its other entries. A netCDF file ends with a checksum of all before
it, which HDF5 ignores.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hybridrd.errors import ResultError

SUM_NAME = "hybridrd_checksum"
METADATA = "zarr.json"
_MAGIC = b"hybridrd-crc32:"
CAUSE = "its checksum does not match; it is damaged, or was changed by another program"


# Codecs of the chunks of an array: compression, then the checksum. Level 1 takes a quarter of the
# time of Zarr's default, 0.7 ms a MB, and a sixth more room.
CODECS: tuple[dict[str, Any], ...] = (
    {"name": "zstd", "configuration": {"level": 1, "checksum": False}},
    {"name": "crc32c"},
)


def seal(about: dict[str, Any]) -> None:
    """Add the checksum of the metadata of a group or an array to it."""
    about["attributes"][SUM_NAME] = _sum_of(about)


def check_metadata(path: Path) -> bool:
    """Compare the checksums of all metadata of a zarr directory; returns whether there are any.

    Raises
    ------
    ResultError
        If one does not match, or only some have one.
    """
    files = [path / METADATA, *sorted(path.glob(f"*/{METADATA}"))]
    known = {file: _read(file) for file in files}
    if not any(SUM_NAME in about["attributes"] for about in known.values()):
        return False
    for file, about in known.items():
        if about["attributes"].get(SUM_NAME) != _sum_of(about):
            raise ResultError(f"{file}: {CAUSE}")
    return True


def damaged_chunks(path: Path, ends: Mapping[str, int]) -> Iterator[str]:
    """The chunks of a zarr directory that are missing or cannot be read, with the reason.

    Parameters
    ----------
    ends
        Complete length of each dimension; by default all.
    """
    import zarr

    for place, at, file in _chunks(path, ends):
        if not file.is_file():
            yield f"{file}: is missing"
            continue
        try:
            zarr.open_array(place, mode="r", zarr_format=3).blocks[at]
        except (OSError, RuntimeError, TypeError, ValueError):
            yield f"{file}: {CAUSE}"


def missing_chunk(path: Path, ends: Mapping[str, int]) -> Path | None:
    """The first missing chunk, or None."""
    return next((file for _, _, file in _chunks(path, ends) if not file.is_file()), None)


def count_files(path: Path) -> int:
    """Number of files of a result."""
    return sum(p.is_file() for p in path.rglob("*")) if path.is_dir() else 1


def seal_file(path: Path) -> None:
    """Append a checksum to a file."""
    total = _sum_of_file(path, path.stat().st_size)
    with path.open("ab") as file:
        file.write(_MAGIC + total.to_bytes(4, "big"))


def check_sealed(path: Path) -> bool:
    """Compare the checksum at the end of a file; returns whether it has one. Raises ResultError."""
    size = path.stat().st_size - len(_MAGIC) - 4
    with path.open("rb") as file:
        file.seek(max(size, 0))
        end = file.read()
    if end[:-4] != _MAGIC:
        return False
    if int.from_bytes(end[-4:], "big") != _sum_of_file(path, size):
        raise ResultError(f"{path}: {CAUSE}")
    return True


def _sum_of_file(path: Path, size: int) -> int:
    total = 0
    with path.open("rb") as file:
        while size > 0:
            data = file.read(min(size, 1 << 20))
            total, size = zlib.crc32(data, total), size - len(data)
    return total


def _sum_of(about: dict[str, Any]) -> int:
    attributes = {n: v for n, v in about["attributes"].items() if n != SUM_NAME}
    text = json.dumps({**about, "attributes": attributes}, sort_keys=True)
    return zlib.crc32(text.encode())


def _read(file: Path) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        about["attributes"].items()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ResultError(f"{file}: {CAUSE} ({error})") from error
    return about


def _chunks(path: Path, ends: Mapping[str, int]) -> Iterator[tuple[Path, tuple[int, ...], Path]]:
    """Arrays, indices and files of the chunks that hold complete records.

    Read from the metadata: zarr takes 1.5 ms to open an array.
    """
    for place in sorted(p.parent for p in path.glob(f"*/{METADATA}")):
        about = _read(place / METADATA)
        names = about.get("dimension_names") or []
        shape = list(about["shape"])
        for i, name in enumerate(names):
            end = ends.get(name.removesuffix("_"))
            shape[i] = shape[i] if end is None else min(shape[i], end)
        rows = about["chunk_grid"]["configuration"]["chunk_shape"]
        for at in np.ndindex(*(-(-n // m) for n, m in zip(shape, rows, strict=True))):
            yield place, at, place.joinpath("c", *map(str, at))
