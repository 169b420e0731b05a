"""Writer of a result during a run: a zarr directory that can be read at any moment.

It stays readable even if the program is killed: values are written first, and the number of
complete records (an attribute of the group, the commit marker) last. All arrays along time have
their final length from the start. If a length must change, xarray never sees two lengths of one
dimension, see `hybridrd.results.metadata.resize`.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hybridrd.errors import ResultError
from hybridrd.results import metadata
from hybridrd.results.attributes import pack
from hybridrd.results.block import Block
from hybridrd.results.dataset import SIZES
from hybridrd.results.growing_array import GrowingArray
from hybridrd.results.place import FORMAT_NAME, discard
from hybridrd.results.store import ORDER_NAME, RECORDS_NAME, RUN_NAME, check_names, described

CHUNK_BYTES = 1 << 18  # bytes of a chunk of several records; rewritten for every block in it
_CHUNK_ROWS = 1 << 14  # rows of particles and events in a chunk
_FAILURES = (OSError, RuntimeError, TypeError, ValueError, KeyError)
UNFINISHED = "not finished: still running, or killed"


class StoreWriter:
    """Appends blocks of records to a zarr (version 3) directory.

    Parameters
    ----------
    path
        Its path.

    Attributes
    ----------
    records
        Number of records that the run has written.
    kept
        Number of complete records; larger while a run repeats records of an earlier attempt.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records = int(metadata.read(path)["attributes"][RECORDS_NAME])
        self.kept = self.records
        self.broken = False
        self._growing = metadata.arrays_along(path, "time")
        along = {d: metadata.arrays_along(path, d) for d in SIZES}
        self._ragged = {d: names for d, names in along.items() if names}
        self._open = {n: GrowingArray(path / n) for n in (*self._growing, *self._all_ragged)}

    @classmethod
    def create(cls, path: Path, block: Block, length: int, run: str) -> StoreWriter:
        """Create a store with its first records; it appears at ``path`` when they are written.

        Parameters
        ----------
        block
            The first records, along ``time``, with all coordinates and attributes.
        length
            Planned number of records, including these.
        run
            Identity of the run.

        Raises
        ------
        ResultError
            If the path exists, or cannot be written.
        """
        check_place(path)
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            _lay_out(part, block, length, run)
            writer = cls(part)
            writer._write(block)
            os.replace(part, path)
        except _FAILURES as error:
            raise ResultError(f"{path}: cannot be written: {error}") from error
        finally:
            discard(part)
        return cls(path)

    @classmethod
    def resume(
        cls, path: Path, run: str, records: int, length: int, names: Iterable[str]
    ) -> StoreWriter:
        """Continue the store of a run after some of its records.

        Later records stay as long as the new records equal them, bit for bit.

        Parameters
        ----------
        records
            Number of records at the state of the simulation.
        length
            Planned number of records.
        names
            The variables of the new records.

        Raises
        ------
        ResultError
            If it is not the store of that run, or has fewer records, or other variables.
        """
        if store_run(path) != run:
            raise ResultError(f"{path}: exists, and belongs to another run; choose another name")
        try:
            writer = cls(path)
            if writer.records < records:
                raise ResultError(
                    f"{path}: has {writer.records} records, fewer than the {records} that had been "
                    f"written at this checkpoint; use an earlier checkpoint"
                )
            writer._check_variables({*names})
            known = {"stopped": UNFINISHED}
            metadata.edit(path, lambda about: about["attributes"].update(known))
            writer.records = records
            writer._resize("time", max(length, writer.kept))
            for dimension, rows in writer._ragged.items():
                # The program may have been killed between one array and the next.
                writer._resize(dimension, max(writer._open[n].shape[0] for n in rows))
        except _FAILURES as error:
            if isinstance(error, ResultError):
                raise
            raise ResultError(f"{path}: cannot be written: {error}") from error
        return writer

    def append(self, block: Block) -> None:
        """Add records.

        Raises
        ------
        ResultError
            If they cannot be written, or their shapes or types differ from the first; earlier
            records stay.
        """
        try:
            rest = self._unrepeated(block)
            if rest.sizes["time"]:
                self._write(rest)
        except _FAILURES as error:
            self.broken = True
            if isinstance(error, ResultError):
                raise
            raise ResultError(
                f"{self.path}: no more records can be written ({error}); the first "
                f"{max(self.records, self.kept)} are complete"
            ) from error

    def finish(self, attributes: Mapping[str, Any], whole: bool = True) -> None:
        """Set the attributes of the result, and cut its arrays to the records written.

        Parameters
        ----------
        whole
            Whether the run ends here; if not, later records of an earlier attempt stay.

        Raises
        ------
        ResultError
            If they cannot be written.
        """
        end = self.records if whole else max(self.records, self.kept)
        try:
            self._mark(end)
            for dimension in self._ragged:
                self._resize(dimension, self._rows(dimension, end))
            self._resize("time", end)
            plain = pack(attributes, netcdf=False, where=str(self.path))

            def change(about: dict[str, Any]) -> None:
                kept = (FORMAT_NAME, ORDER_NAME, RECORDS_NAME, RUN_NAME)
                about["attributes"] = plain | {name: about["attributes"][name] for name in kept}

            metadata.edit(self.path, change)
        except OSError as error:
            self.broken = True
            raise ResultError(f"{self.path}: cannot be completed: {error}") from error

    def _check_variables(self, names: set[str]) -> None:
        there = {*self._growing, *self._all_ragged} - {"time"}
        missing, new = sorted(there - names), sorted(names - there)
        if missing or new:
            raise ResultError(
                f"{self.path}: was written with {', '.join(sorted(there))}; now there is "
                f"{', '.join(new) if new else 'no ' + ', '.join(missing)} to record; give the "
                f"same record=, observe=, planes=, events= and positions= (--positions)"
            )

    def _write(self, block: Block) -> None:
        n, more = self.records, block.sizes["time"]
        if n + more > self._open["time"].shape[0]:
            self._resize("time", n + more)
        for dimension in self._ragged:
            self._write_rows(dimension, block)
        for name in self._growing:
            values, array = block[name].values, self._open[name]
            if values.shape[1:] != array.shape[1:] or not _fits(values, array.dtype):
                raise ResultError(
                    f"{self.path}: {name!r} was {_kind(array)} in the first record, now it is "
                    f"{_kind(values)}; keep it the same"
                )
            array.write(n, values)
        self._mark(n + more)
        self.records = n + more

    def _mark(self, records: int) -> None:
        """Set the number of complete records, the commit marker."""
        if records != self.kept:
            known = {RECORDS_NAME: records}
            metadata.edit(self.path, lambda about: about["attributes"].update(known))
            self.kept = records

    def _unrepeated(self, block: Block) -> Block:
        """The records of a block beyond those of an earlier attempt."""
        n = self.records
        m = min(self.kept - n, block.sizes["time"])
        if m <= 0:
            return block
        parts = {"time": slice(m)}
        there = {name: self._open[name].read(n, n + m) for name in self._growing}
        for dimension, names in self._ragged.items():
            done = self._rows(dimension, n)
            rows = int(block[SIZES[dimension]].values[:m].sum())
            parts[dimension] = slice(rows)
            for name in names:
                there[name] = self._open[name].read(done, done + rows)
        repeated = block.part(parts)
        if not all(_same(repeated[name].values, values) for name, values in there.items()):
            self._mark(n)  # a different result: later records are no longer valid
            return block
        self.records += m
        return block.part({name: slice(part.stop, None) for name, part in parts.items()})

    def _write_rows(self, dimension: str, block: Block) -> None:
        done, more = self._rows(dimension, self.records), block.sizes[dimension]
        length = self._open[self._ragged[dimension][0]].shape[0]
        if done + more > length:  # rarely, with room for more
            self._resize(dimension, max(done + more, 2 * length))
        if more:
            for name in self._ragged[dimension]:
                self._open[name].write(done, block[name].values)

    def _rows(self, dimension: str, records: int) -> int:
        """Number of particles or events in the first records."""
        return int(self._open[SIZES[dimension]].read(0, records).sum())

    @property
    def _all_ragged(self) -> list[str]:
        return [name for names in self._ragged.values() for name in names]

    def _resize(self, dimension: str, length: int) -> None:
        names = self._growing if dimension == "time" else self._ragged[dimension]
        if metadata.resize(self.path, names, dimension, length):
            self._open |= {name: GrowingArray(self.path / name) for name in names}


def check_place(path: Path) -> None:
    """Raise ResultError for a path at which no store can be made."""
    if path.suffix not in ("", ".zarr"):
        raise ResultError(
            f"{path}: a run writes NAME.zarr, a directory, not {path.suffix!r}; for netCDF save "
            f"its result with hybridrd.save"
        )
    if path.exists() or path.is_symlink():
        raise ResultError(f"{path}: exists; choose another name")
    if not path.parent.is_dir():
        raise ResultError(f"{path}: there is no directory {path.parent}; create it first")


def store_run(path: Path) -> str | None:
    """Identity of the run that writes a store; None if it is not the store of a run."""
    try:
        name = metadata.read(path)["attributes"].get(RUN_NAME)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # not a zarr directory
    return None if name is None else str(name)


def _lay_out(part: Path, block: Block, length: int, run: str) -> None:
    """The store without records: coordinates, attributes, empty arrays."""
    check_names([*block.variables, *block.sizes], part)
    about = described(block.attrs, list(block.data), False, part)
    part.mkdir()
    for name, variable in block.variables.items():
        values, first = variable.values, variable.dims[0]
        kind = np.dtype(object) if values.dtype.kind in "UT" else values.dtype
        grows = first == "time" or first in SIZES
        rows = max(1, len(values))
        if grows and kind.kind == "O":
            raise ResultError(f"{name!r} is text; only numbers can be written in records")
        if grows:
            size = kind.itemsize * int(np.prod(values.shape[1:]))
            rows = _CHUNK_ROWS if first in SIZES else max(1, CHUNK_BYTES // max(1, size))
        begins = 0 if first in SIZES else length if grows else len(values)
        GrowingArray.lay_out(
            part / name, list(variable.dims), (begins, *values.shape[1:]), kind, rows,
            pack(variable.attrs, netcdf=False, where=f"{part}: {name}"),
        )  # fmt: skip
        if not grows:
            GrowingArray(part / name).write(0, values)
    about |= {RECORDS_NAME: 0, RUN_NAME: run}
    metadata.write(part, {"attributes": about, "zarr_format": 3, "node_type": "group"})


def _same(values: Any, there: Any) -> bool:
    """Whether two arrays are equal bit for bit, NaN included."""
    if values.shape != there.shape or not _fits(values, there.dtype):
        return False
    return bool(values.astype(there.dtype).tobytes() == there.tobytes())


def _fits(values: Any, dtype: Any) -> bool:
    return bool(np.can_cast(values.dtype, dtype, casting="safe"))


def _kind(values: Any) -> str:
    shape = values.shape[1:]
    return f"{values.dtype} of shape {shape}" if shape else f"a {values.dtype}"
