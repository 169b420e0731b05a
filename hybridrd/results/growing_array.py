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
from hybridrd.results.integrity import METADATA, codecs

Values = NDArray[Any]


class GrowingArray:
    """Rows in chunks of many rows, or of one; a chunk is a file that appears at once.

    The files are those that zarr makes. Zarr itself takes 3 ms for each write and 10 ms to make or
    open an array, as much as the records of a small run.

    Parameters
    ----------
    place
        Its directory.

    Attributes
    ----------
    shape, dtype
        As the metadata have it.
    """

    def __init__(self, place: Path) -> None:
        about = metadata.read(place)
        self.shape: tuple[int, ...] = tuple(about["shape"])
        self.dtype = np.dtype(about["data_type"])
        self._place = place
        self._rows = int(about["chunk_grid"]["configuration"]["chunk_shape"][0])
        self._empty = np.array(about["fill_value"], self.dtype)
        # The number and the rows of a chunk that is not full: the next ones go into it.
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
        """Make an array without values, with chunks of so many ``rows``.

        Raises
        ------
        ResultError
            If it is not of integers, truth values or floats of up to 8 bytes.
        """
        if dtype.kind not in "biuf" or dtype.itemsize > 8:
            raise ResultError(f"{place.name!r} is {dtype}; only numbers can be written")
        empty: Any = False if dtype.kind == "b" else 0
        plain = {"name": "bytes", "configuration": {"endian": "little"}}
        about = {
            "shape": list(shape),
            "data_type": dtype.name,
            "chunk_grid": {
                "name": "regular",
                "configuration": {"chunk_shape": [rows, *(max(1, n) for n in shape[1:])]},
            },
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": "NaN" if dtype.kind == "f" else empty,
            "codecs": [plain, *(codec.to_dict() for codec in codecs())],
            "attributes": dict(attributes),
            "dimension_names": list(dimensions),
            "zarr_format": 3,
            "node_type": "array",
            "storage_transformers": [],
        }
        place.mkdir()
        metadata.write(place, about)

    def write(self, start: int, values: Values) -> None:
        """Put rows, of a type that can be held, in their place from row ``start`` on.

        What is behind them in their last chunk is lost.
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
        import zarr

        there = zarr.open_array(self._place, mode="r", zarr_format=3)
        return np.asarray(there[start:stop])

    def _chunk(self, number: int, kept: int) -> Values:
        """A chunk of which the first rows are kept."""
        if self._last is not None and self._last[0] == number:
            return self._last[1]
        chunk = np.full((self._rows, *self.shape[1:]), self._empty, self.dtype)
        if kept:
            first = number * self._rows
            chunk[:kept] = self.read(first, first + kept)
        return chunk

    def _put(self, number: int, chunk: Values) -> None:
        import google_crc32c
        import numcodecs  # type: ignore[import-untyped]

        file = self._place.joinpath("c", str(number), *["0"] * (chunk.ndim - 1))
        plain = np.ascontiguousarray(chunk, chunk.dtype.newbyteorder("<"))
        packed = numcodecs.Zstd(level=0).encode(plain)
        total = int(google_crc32c.value(packed))
        part = self._place / f"{METADATA}.{secrets.token_hex(4)}.part"
        self._last = None  # unless it is written
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(packed + total.to_bytes(4, "little"))
            os.replace(part, file)
        finally:
            part.unlink(missing_ok=True)
