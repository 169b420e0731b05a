"""Array of a store that grows along its first dimension, row by row, in plain zarr (version 3)."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrd.errors import ResultError
from hybridrd.results import metadata
from hybridrd.results.integrity import CAUSE, CODECS, METADATA

Values = NDArray[Any]


class GrowingArray:
    """Rows in chunks of one or many rows; a chunk is a file that is written atomically.

    The files are those that zarr writes. Zarr itself takes 3 ms for each write and 10 ms to create
    or open an array, as much as the records of a small run.

    Parameters
    ----------
    place
        Its directory.

    Attributes
    ----------
    shape, dtype
        As in the metadata.
    """

    def __init__(self, place: Path) -> None:
        about = metadata.read(place)
        self.shape: tuple[int, ...] = tuple(about["shape"])
        self.dtype = np.dtype({"string": "O"}.get(about["data_type"], about["data_type"]))
        self._place = place
        self._rows = int(about["chunk_grid"]["configuration"]["chunk_shape"][0])
        self._empty = np.array(about["fill_value"], self.dtype)
        # Number and rows of a chunk that is not full; the next rows are added to it.
        self._last: tuple[int, Values] | None = None

    @staticmethod
    def lay_out(
        place: Path,
        dimensions: Sequence[str],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        rows: int,
        attributes: Mapping[str, Any],
    ) -> None:
        """Create an array without values, with ``rows`` rows per chunk.

        Raises
        ------
        ResultError
            If its values are not text (objects), booleans or numbers of up to 8 bytes.
        """
        if dtype.kind != "O" and (dtype.kind not in "biuf" or dtype.itemsize > 8):
            raise ResultError(f"{place.name!r} is {dtype}; only numbers can be written")
        empty = {"b": False, "O": "", "f": "NaN"}.get(dtype.kind, 0)
        plain = {"name": "bytes", "configuration": {"endian": "little"}}
        text = {"name": "vlen-utf8", "configuration": {}}
        about = {
            "shape": list(shape),
            "data_type": "string" if dtype.kind == "O" else dtype.name,
            "chunk_grid": {
                "name": "regular",
                "configuration": {"chunk_shape": [rows, *(max(1, n) for n in shape[1:])]},
            },
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": empty,
            "codecs": [text if dtype.kind == "O" else plain, *CODECS],
            "attributes": dict(attributes),
            "dimension_names": list(dimensions),
            "zarr_format": 3,
            "node_type": "array",
            "storage_transformers": [],
        }
        place.mkdir()
        metadata.write(place, about)

    def write(self, start: int, values: Values) -> None:
        """Write rows, of a type that can be stored, from row ``start`` on.

        Later rows in their last chunk are lost.
        """
        end = start + len(values)
        if 0 in self.shape[1:]:
            return  # such arrays have no chunks
        for number in range(start // self._rows, -(-end // self._rows)):
            first = number * self._rows
            low, high = max(start, first), min(end, first + self._rows)
            new = values[low - start : high - start]
            if len(new) == self._rows:
                self._put(number, np.asarray(new, self.dtype))
                continue
            chunk = self._chunk(number, low - first)
            chunk[low - first : high - first] = new
            self._put(number, chunk)
            self._last = number, chunk

    def read(self, start: int, stop: int) -> Values:
        """Some rows."""
        first = self._last[0] * self._rows if self._last else stop
        if self._last and first <= start and stop <= first + self._rows:
            return self._last[1][start - first : stop - first].copy()
        rows, stop = self._rows, min(stop, self.shape[0])
        found = [np.empty((0, *self.shape[1:]), self.dtype)]
        for number in range(start // rows, -(-stop // rows)):
            low, high = max(start - number * rows, 0), min(stop - number * rows, rows)
            found.append(self._stored(number)[low:high])
        return np.concatenate(found)

    def _stored(self, number: int) -> Values:
        """A chunk from its file; empty if there is none."""
        import google_crc32c
        from numcodecs import vlen, zstd  # type: ignore[import-untyped]

        shape = (self._rows, *self.shape[1:])
        file = self._file(number)
        if 0 in shape or not file.is_file():
            return np.full(shape, self._empty, self.dtype)
        packed = file.read_bytes()
        if int(google_crc32c.value(packed[:-4])) != int.from_bytes(packed[-4:], "little"):
            raise ResultError(f"{file}: {CAUSE}")
        plain = zstd.Zstd().decode(packed[:-4])
        if self.dtype.kind == "O":
            return np.asarray(vlen.VLenUTF8().decode(plain), object)
        values = np.frombuffer(plain, self.dtype.newbyteorder("<")).reshape(shape)
        return values.astype(self.dtype)

    def _chunk(self, number: int, kept: int) -> Values:
        """A chunk cut to its first rows."""
        if self._last is not None and self._last[0] == number:
            return self._last[1]
        chunk = np.full((self._rows, *self.shape[1:]), self._empty, self.dtype)
        if kept:
            first = number * self._rows
            chunk[:kept] = self.read(first, first + kept)
        return chunk

    def _file(self, number: int) -> Path:
        return self._place.joinpath("c", str(number), *["0"] * (len(self.shape) - 1))

    def _put(self, number: int, chunk: Values) -> None:
        import google_crc32c
        from numcodecs import vlen, zstd

        file = self._file(number)
        if self.dtype.kind == "O":
            plain = vlen.VLenUTF8().encode(chunk)
        else:
            plain = np.ascontiguousarray(chunk, chunk.dtype.newbyteorder("<"))
        packed = zstd.Zstd(CODECS[0]["configuration"]["level"]).encode(plain)
        total = int(google_crc32c.value(packed))
        part = self._place / f"{METADATA}.{secrets.token_hex(4)}.part"
        self._last = None  # unless it is written
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(packed + total.to_bytes(4, "little"))
            os.replace(part, file)
        finally:
            part.unlink(missing_ok=True)
