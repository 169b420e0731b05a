"""Results on disk: a zarr directory, or one netCDF file."""

from __future__ import annotations

import secrets
import time
import warnings
from collections.abc import Hashable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import check_file, named_arguments, path_of, truth
from hybridrd.errors import ResultError
from hybridrd.results import metadata
from hybridrd.results.attributes import pack, unpack
from hybridrd.results.dataset import SIZES
from hybridrd.results.integrity import (
    CAUSE,
    CODECS,
    SUM_NAME,
    check_metadata,
    check_sealed,
    count_files,
    damaged_chunks,
    missing_chunk,
    seal_file,
)
from hybridrd.results.lock import locked
from hybridrd.results.metadata import passing
from hybridrd.results.names import flaw
from hybridrd.results.place import FORMAT_NAME, UNREADABLE, check_replaceable, discard, put

if TYPE_CHECKING:
    import xarray as xr

FORMAT = 1  # raise it when older programs could misread what is written
ORDER_NAME = "hybridrd_variables"
# In a store that a run writes: the number of complete records, and the identity of the run.
RECORDS_NAME = "hybridrd_records"
RUN_NAME = "hybridrd_run"


@named_arguments
def save(dataset: xr.Dataset, path: str | Path, overwrite: bool = False) -> None:
    """Write a result completely or not at all.

    The file is written under another name and moved to ``path`` when it is complete, so ``path``
    is always readable.

    Parameters
    ----------
    dataset
        A result of `Simulation.run`, `mean_field` or `ensemble`, or any other Dataset.
    path
        ``NAME`` or ``NAME.zarr``: a zarr (version 3) directory, which
        ``xarray.open_zarr(path, consolidated=False)`` reads, too. ``NAME.nc``: a netCDF file, for
        which h5netcdf is needed; its nested attributes are JSON text.
    overwrite
        Whether to replace an existing result.

    Raises
    ------
    ResultError
        If the path exists, has another suffix or cannot be written, or if an attribute or the name
        of a variable cannot be stored.

    Examples
    --------
    >>> import tempfile
    >>> import xarray as xr
    >>> result = xr.Dataset({"total": ("time", [5, 5])}, attrs={"units": {"length": "um"}})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(result, f"{folder}/run.zarr")
    ...     load(f"{folder}/run.zarr").identical(result)
    True
    """
    import xarray as xr

    path = path_of(path, "path", ResultError)
    if not isinstance(dataset, xr.Dataset):
        raise ResultError(f"{path}: save takes a result (an xarray.Dataset), not {dataset!r}")
    netcdf, overwrite = _is_netcdf(path), truth(overwrite, "overwrite", ResultError)
    with locked(path):
        if path.exists() or path.is_symlink():
            if not overwrite:
                raise ResultError(
                    f"{path}: exists; choose another name, or overwrite=True to replace it"
                )
            check_replaceable(path)
        ready = packed(dataset, path, netcdf)
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            _write(ready, part, netcdf)
            put(part, path)
        except (OSError, TypeError, ValueError) as error:
            if isinstance(error, ResultError):
                raise
            raise ResultError(f"{path}: cannot be written: {error}") from error
        finally:
            discard(part)


@named_arguments
def load(path: str | Path) -> xr.Dataset:
    """Read a result that `save` or a run wrote, completely and into memory.

    Text is returned as objects and tuples in attributes as lists; everything else is unchanged. For
    a run that is still writing or was killed, the complete records are read; ``stopped`` says so.

    Raises
    ------
    ResultError
        If there is nothing at ``path``, or it is not a result of hybridrd, or a newer
        version wrote it.
    """
    path = path_of(path, "path", ResultError)
    with open_result(path) as opened:
        try:
            return opened.load()
        except UNREADABLE as error:
            raise _unreadable(path, error) from error


def verify(path: str | Path) -> int:
    """Compare all checksums of a result; returns its number of files.

    Raises
    ------
    ResultError
        With the names of all files that are damaged or missing; otherwise see `load`.
    """
    path = path_of(path, "path", ResultError)
    with open_result(path):
        sealed = check_metadata(path) if path.is_dir() else check_sealed(path)
    if not sealed:
        raise ResultError(f"{path}: has no checksums; an early version of hybridrd wrote it")
    bad = list(damaged_chunks(path, _complete(path))) if path.is_dir() else []
    if bad:
        raise ResultError("\n".join(bad))
    load(path)
    return count_files(path)


def open_result(path: str | Path) -> xr.Dataset:
    """Open a result whose values are read on access; otherwise like `load`."""
    import xarray as xr

    path = path_of(path, "path", ResultError)
    if not path.exists():
        raise ResultError(f"{path}: there is no such file or directory")
    try:
        if path.is_dir():
            lost = missing_chunk(path, _complete(path)) if check_metadata(path) else None
            if lost is not None:
                raise ResultError(f"{lost}: is missing")
            opened = _open_zarr(path)
        else:
            check_file(path, error=ResultError)
            _need_h5netcdf(path)
            sealed = check_sealed(path)
            opened = xr.open_dataset(path, engine="h5netcdf", decode_times=False)
            if SUM_NAME in opened.attrs and not sealed:
                raise ResultError(f"{path}: {CAUSE}")
        result = _unpacked(_committed(opened), path)
        result.set_close(opened.close)
        return result
    except UNREADABLE as error:
        if isinstance(error, ResultError):
            raise
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ResultError:
    """Error message for a result that cannot be read, with its damaged files if they are known."""
    try:
        bad = next(damaged_chunks(path, _complete(path)), None)
    except (*UNREADABLE, RuntimeError):
        bad = None
    return ResultError(bad or f"{path}: cannot be read as a result: {error}")


def _complete(path: Path) -> dict[str, int]:
    """Complete length of the growing dimensions in the store of a run."""
    import zarr

    records = metadata.read(path)["attributes"].get(RECORDS_NAME)
    if records is None:
        return {}
    ends = {"time": int(records)}
    for dimension, name in SIZES.items():
        if (path / name).is_dir():
            sizes = zarr.open_array(path / name, mode="r", zarr_format=3)
            try:
                ends[dimension] = int(np.asarray(sizes[:records]).sum())
            except (*UNREADABLE, RuntimeError):  # reported when it is read
                ends[dimension] = 0
    return ends


def _open_zarr(path: Path) -> xr.Dataset:
    """Open a zarr directory; again if a length changed between one array and the next."""
    import xarray as xr

    for attempt in range(4):
        try:
            with warnings.catch_warnings():
                # A killed writer may leave a temporary file behind.
                warnings.filterwarnings("ignore", message=".* is not recognized as a component")
                return xr.open_dataset(
                    path, engine="zarr", consolidated=False, decode_times=False, chunks=None
                )
        except ValueError as error:
            if "conflicting sizes" not in str(error) or attempt == 3:
                raise
            time.sleep(0.05)
    raise AssertionError("the last attempt returns or raises")


def _committed(dataset: xr.Dataset) -> xr.Dataset:
    """The records that were complete when the marker was written, of a store of a run."""
    import xarray as xr

    records = dataset.attrs.get(RECORDS_NAME)
    if records is None:
        return dataset
    growing = ("time", *SIZES)
    names = {passing(name): name for name in growing if passing(name) in dataset.dims}
    if names:  # a length is being changed, or was when the writer was killed
        ends = {"time": records}
        for dimension, size in SIZES.items():
            if size in dataset:
                ends[dimension] = int(dataset[size].values[:records].sum())
        variables = {}
        for name, variable in dataset.variables.items():
            dims = [names.get(str(d), str(d)) for d in variable.dims]
            part = tuple(slice(ends.get(d)) for d in dims)
            variables[name] = (dims, variable[part].values, variable.attrs)
        labels = [name for name in variables if name in (*dataset.coords, "time")]
        return xr.Dataset(variables, attrs=dataset.attrs).set_coords(labels)
    result = dataset.isel(time=slice(records))
    for dimension, name in SIZES.items():
        if name in result and dimension in result.dims:
            result = result.isel({dimension: slice(int(result[name].values.sum()))})
    return result


def _is_netcdf(path: Path) -> bool:
    if path.suffix == ".nc":
        _need_h5netcdf(path)
        return True
    if path.suffix in ("", ".zarr"):
        return False
    raise ResultError(
        f"{path}: results are written as NAME.zarr (a directory) or NAME.nc (netCDF), "
        f"not as {path.suffix!r}"
    )


def _need_h5netcdf(path: Path) -> None:
    try:
        for name in ("h5netcdf", "h5py"):  # h5netcdf 1.8 installs without h5py
            import_module(name)
    except ImportError as error:
        raise ResultError(
            f"{path}: netCDF files need h5netcdf and h5py ({error}); "
            f"install them with: pip install hybridrd[io]"
        ) from error


def packed(dataset: xr.Dataset, path: Path, netcdf: bool) -> xr.Dataset:
    """A dataset in the form to be stored: text as objects, attributes packed for the format.

    Raises
    ------
    ResultError
        If an attribute, or the name of a variable or dimension, cannot be stored.
    """
    check_names([*dataset.variables, *dataset.sizes], path)
    result = _with_object_text(dataset.drop_encoding())
    result.attrs = described(dataset.attrs, list(map(str, dataset.data_vars)), netcdf, path)
    for name, variable in result.variables.items():
        variable.attrs = pack(variable.attrs, netcdf, f"{path}: {name}")
    return result


def check_names(names: Sequence[Any], path: Path) -> None:
    """Raise ResultError for a variable or dimension whose name no store can hold."""
    for name in names:
        why = flaw(name)
        if why is not None:
            raise ResultError(f"{path}: no store can hold the name {name!r}: {why}")


def described(
    attributes: Mapping[Any, Any], variables: list[str], netcdf: bool, path: Path
) -> dict[str, Any]:
    """Attributes of a result as a store has them. Raises ResultError if one cannot be stored."""
    return pack({**attributes, FORMAT_NAME: FORMAT, ORDER_NAME: variables}, netcdf, str(path))


def _unpacked(dataset: xr.Dataset, path: Path) -> xr.Dataset:
    """The inverse of `packed`, with checks for files from elsewhere."""
    if "mask" in dataset.data_vars and "time" not in dataset["mask"].dims:
        dataset = dataset.set_coords("mask")  # stores lose that it is a coordinate
    attributes = unpack(dataset.attrs)
    version = attributes.pop(FORMAT_NAME, None)
    if not isinstance(version, int):
        raise ResultError(f"{path}: is not a result of hybridrd (it has no {FORMAT_NAME})")
    if version < 1:
        raise ResultError(f"{path}: has format {version}, which does not exist; it is damaged")
    if version > FORMAT:
        raise ResultError(
            f"{path}: has format {version}, but this hybridrd reads formats up to {FORMAT}; "
            f"install a newer hybridrd"
        )
    for name in (RECORDS_NAME, RUN_NAME, SUM_NAME):
        attributes.pop(name, None)
    order = attributes.pop(ORDER_NAME, [])
    lost = [name for name in order if name not in dataset.data_vars]
    if lost:
        raise ResultError(f"{path}: {lost[0]} is missing; it is damaged")
    rest = [name for name in dataset.data_vars if name not in order]
    result = _with_object_text(dataset.drop_encoding())[[*order, *rest]]
    result.attrs = attributes
    for variable in result.variables.values():
        variable.attrs = unpack(variable.attrs)
        variable.attrs.pop(SUM_NAME, None)
    return result


def _with_object_text(dataset: xr.Dataset) -> xr.Dataset:
    """A copy with text as Python strings: zarr has no stable form for fixed-length text."""
    result = dataset.copy()
    for name, variable in dataset.variables.items():
        if variable.dtype.kind not in "UT":
            continue
        text = (variable.dims, np.asarray(variable.values).astype(object), variable.attrs)
        if name in dataset.coords:
            result = result.assign_coords({name: text})
        else:
            result[name] = text
    return result


def _write(dataset: xr.Dataset, place: Path, netcdf: bool) -> None:
    if not netcdf:
        write_zarr(dataset, place)
        metadata.seal_all(place)
        return
    encoding: dict[Hashable, dict[str, Any]] = {}
    for name, variable in dataset.variables.items():
        encoding[name] = {"_FillValue": None}
        if variable.dtype.kind in "iuf" and variable.size > 1000:
            encoding[name] |= {"zlib": True, "complevel": 4}
    dataset = dataset.assign_attrs({SUM_NAME: "at the end of the file"})
    dataset.to_netcdf(place, engine="h5netcdf", encoding=encoding)
    seal_file(place)


def write_zarr(
    dataset: xr.Dataset, place: Path, chunks: Mapping[str, tuple[int, ...]] | None = None
) -> None:
    """Write a new zarr directory, with checksums of its chunks but not yet of its metadata."""
    dataset = dataset.copy()
    for name, variable in dataset.variables.items():
        variable.encoding = {"compressors": CODECS}
        if chunks and name in chunks:
            variable.encoding["chunks"] = chunks[str(name)]
    dataset.to_zarr(place, mode="w-", consolidated=False, zarr_format=3, write_empty_chunks=True)
