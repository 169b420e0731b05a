"""Result of a parameter study: one Dataset over all points, written point by point."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import named_arguments, shown
from hybridrd.errors import ResultError
from hybridrd.results import metadata
from hybridrd.results.place import check_replaceable, discard, put
from hybridrd.results.store import load, packed, write_zarr

if TYPE_CHECKING:
    import xarray as xr

    Coordinates = Mapping[str, tuple[str, Sequence[Any]]]

KIND = "sweep"
ATTRIBUTES = "attributes"  # the variable with the attributes of each point
ROW = "point"  # the dimension of a table
_ABOUT = "attributes of each point, its system among them, as JSON; empty where it was not run"


def is_study(result: Any) -> bool:
    """Whether a result is that of a parameter study, or a part of one."""
    return bool(getattr(result, "attrs", {}).get("kind") == KIND and ATTRIBUTES in result)


@named_arguments
def point(
    study: xr.Dataset, parameters: Mapping[str, Any] | None = None, **named: Any
) -> xr.Dataset:
    """One point of a `sweep`, as the result of its ensemble: its attributes are the point's.

    Parameters
    ----------
    study
        A result of `sweep`, or a part of it.
    parameters, named
        A value, by name, for every parameter with more than one value; numbers may
        differ by round-off.

    Returns
    -------
    xarray.Dataset
        With the attributes of an ensemble (``system``, ``seed``, ``dt``, ``replicas``, ...) and
        ``parameters``.

    Raises
    ------
    ResultError
        If there is no such point, there are several, or it was not run.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> def decay(k):
    ...     A, line = hrd.Species("A", D=1.0), hrd.Box(x=(0, 1))
    ...     return hrd.System(
    ...         species=[A], domain=line, particles=line, cells=4, initial={A: hrd.Copies(10)},
    ...         reactions=[hrd.Reaction("A -> 0", k=k)],
    ...     )
    >>> study = hrd.sweep(decay, {"k": [1.0, 2.0]}, replicas=2, dt=0.1, until=0.1, seed=1)
    >>> one = hrd.point(study, k=2.0)
    >>> one.attrs["parameters"], one.attrs["system"]["reactions"][0]["k"]
    ({'k': 2.0}, 2.0)
    """
    if not is_study(study):
        raise ResultError(f"study = {shown(study)}: give the result of a sweep")
    wanted = {**(parameters or {}), **named}
    known = [str(n) for n in study.attrs["parameters"]]
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise ResultError(
            f"point: there is no parameter {unknown[0]}; there are {', '.join(known)}"
        )
    for name, value in wanted.items():
        study = _chosen(study, name, value)
    left = study[ATTRIBUTES]
    if has_points(study):
        more = [n for n in known if np.unique(study[n].values).size > 1]
        raise ResultError(f"point: there are {left.size} of them; choose {', '.join(more)} as well")
    study = study.isel(dict.fromkeys(left.dims, 0))
    text = str(study[ATTRIBUTES].item())
    if not text:
        raise ResultError(f"point: {_here(study, known)} was not run")
    result = study.drop_vars([ATTRIBUTES, *known, ROW], errors="ignore")
    result.attrs = json.loads(text)
    return result


def has_points(result: Any) -> bool:
    """Whether a result has several points; each may be read as an ensemble."""
    return is_study(result) and result[ATTRIBUTES].size != 1


def points_of(study: xr.Dataset, names: Sequence[str]) -> dict[tuple[Any, ...], xr.Dataset]:
    """The finished points of a study by the values of its parameters, in the order of ``names``.

    Raises
    ------
    ResultError
        If its parameters have other names.
    """
    if {*names} != {*study.attrs["parameters"]}:
        there = ", ".join(study.attrs["parameters"])
        raise ResultError(f"the sweeps have other parameters: {', '.join(names)} and {there}")
    about, found = study[ATTRIBUTES], {}
    for place in np.ndindex(*about.shape):
        part = study.isel(dict(zip(about.dims, place, strict=True)))
        if str(part[ATTRIBUTES].item()):
            one = point(part)
            found[tuple(one.attrs["parameters"][n] for n in names)] = one
    return found


def _chosen(study: xr.Dataset, name: str, value: Any) -> xr.Dataset:
    there = np.atleast_1d(study[name].values)
    if there.dtype.kind in "iuf" and isinstance(value, (int, float, np.number)):
        alike = np.isclose(there.astype(float), float(value), rtol=1e-9, atol=0.0)
    else:
        alike = np.array([v == value for v in there])
    if not alike.any():
        values = ", ".join(dict.fromkeys(f"{v}" for v in there))
        raise ResultError(f"point: {name} = {value} is not there; there are {values}")
    dims = study[name].dims
    return study if not dims else study.isel({dims[0]: np.flatnonzero(alike)})


def _here(study: xr.Dataset, names: Sequence[str]) -> str:
    return ", ".join(f"{n} = {study[n].item()}" for n in names)


class Study:
    """All points of a study, in memory and, if a path is given, in a zarr directory.

    The directory can be read at any time. A point is complete when its `ATTRIBUTES` are there;
    they are written last, and before that its numbers are NaN.

    Parameters
    ----------
    data
        Its points so far.
    path
        The directory, None for none.
    """

    def __init__(self, data: xr.Dataset, path: Path | None) -> None:
        self.data, self.path = data, path

    @classmethod
    def create(
        cls,
        path: Path | None,
        shape: Mapping[str, int],
        coordinates: Coordinates,
        attributes: Mapping[str, Any],
    ) -> Study:
        """A study without any finished point."""
        import xarray as xr

        nothing = np.full(tuple(shape.values()), "", dtype=object)
        study = cls(
            xr.Dataset(
                {ATTRIBUTES: (tuple(shape), nothing, {"long_name": _ABOUT})},
                coords={n: (d, _labels(v)) for n, (d, v) in coordinates.items()},
                attrs={"kind": KIND, **attributes},
            ),
            path,
        )
        study._rewrite()
        return study

    @classmethod
    def open(cls, path: Path) -> Study:
        """The study in a directory. Raises ResultError for anything else."""
        check_replaceable(path)
        data = load(path)
        if not is_study(data):
            raise ResultError(f"{path}: is a result, but not one of a sweep; choose another name")
        return cls(data, path)

    def attributes_at(self, place: tuple[int, ...]) -> dict[str, Any] | None:
        """Attributes of a point; None if it is not finished."""
        text = str(self.data[ATTRIBUTES].values[place])
        return json.loads(text) if text else None

    def arrange(
        self, shape: Mapping[str, int], coordinates: Coordinates, moved: Sequence[tuple[Any, Any]]
    ) -> None:
        """Move all points to new indices, for example to make room for more.

        Parameters
        ----------
        shape, coordinates
            The new ones.
        moved
            Old and new index of each point that is there.
        """
        dims, old = self.data[ATTRIBUTES].dims, self.data
        variables: dict[Any, Any] = {}
        for name, variable in old.data_vars.items():
            if variable.dims[: len(dims)] != dims:
                variables[name] = variable.variable
                continue
            values = _nothing((*shape.values(), *variable.shape[len(dims) :]), variable.dtype)
            for before, after in moved:
                values[after] = variable.values[before]
            variables[name] = ((*shape, *variable.dims[len(dims) :]), values, variable.attrs)
        mine = {n: c for n, c in old.coords.items() if not set(c.dims) & set(dims)}
        labels = {n: (d, _labels(v)) for n, (d, v) in coordinates.items()}
        self.data = type(old)(variables, coords={**labels, **mine}, attrs=old.attrs)
        self._rewrite()

    def add(self, place: tuple[int, ...], result: xr.Dataset) -> None:
        """Add a finished point.

        Raises
        ------
        ResultError
            If its dimensions are not those of the other points, or it cannot be written.
        """
        dims = self.data[ATTRIBUTES].dims
        if len(self.data.data_vars) == 1:
            self._widen(result)
        self._check_alike(place, result)
        written = {str(n): np.asarray(v.values, dtype=float) for n, v in result.data_vars.items()}
        about = json.dumps(result.attrs)
        for name, values in written.items():
            self.data[name].values[place] = values
        self.data[ATTRIBUTES].values[place] = about
        if self.path is None:
            return
        try:
            for name, values in written.items():
                self._array(name)[(*place, *(slice(None),) * values.ndim)] = values
            self._array(ATTRIBUTES)[tuple(slice(i, i + 1) for i in place)] = np.full(
                (1,) * len(dims), about, dtype=object
            )
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            raise ResultError(f"{self.path}: a point cannot be written ({error})") from error

    def _widen(self, result: xr.Dataset) -> None:
        """Make room for the variables of all points, shaped like those of the first."""
        about = self.data[ATTRIBUTES]
        variables: dict[Any, Any] = {}
        for name, variable in result.data_vars.items():
            values = np.full((*about.shape, *variable.shape), np.nan)
            variables[name] = ((*about.dims, *variable.dims), values, variable.attrs)
        variables[ATTRIBUTES] = about.variable
        coordinates: dict[Any, Any] = {**self.data.coords, **_used(result)}
        self.data = type(self.data)(variables, coords=coordinates, attrs=self.data.attrs)
        self._rewrite()

    def _check_alike(self, place: tuple[int, ...], result: xr.Dataset) -> None:
        dims = self.data[ATTRIBUTES].dims
        for name, coordinate in _used(result).items():
            mine = self.data.coords.get(name)
            if mine is None or not np.array_equal(mine.values, coordinate.values):
                raise ResultError(
                    f"the point at {dict(zip(dims, place, strict=True))} has another {name} than "
                    f"the first; record=[...] only variables that all points share"
                )

    def _rewrite(self) -> None:
        """Write everything, replacing the old directory."""
        if self.path is None:
            return
        part = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}.part")
        along = self.data[ATTRIBUTES].dims
        chunks = {
            str(name): tuple(1 if d in along else max(n, 1) for d, n in variable.sizes.items())
            for name, variable in self.data.data_vars.items()
            if math.prod(variable.shape)
        }
        try:
            write_zarr(packed(self.data, self.path, netcdf=False), part, chunks)
            metadata.seal_all(part)
            put(part, self.path)
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            if isinstance(error, ResultError):
                raise
            raise ResultError(f"{self.path}: cannot be written: {error}") from error
        finally:
            discard(part)

    def _array(self, name: str) -> Any:
        import zarr

        assert self.path is not None
        with zarr.config.set({"array.write_empty_chunks": True}):
            return zarr.open_array(self.path / name, mode="r+", zarr_format=3)


def _used(result: xr.Dataset) -> dict[str, Any]:
    """The coordinates along dimensions of variables; points may differ in others."""
    dims = {d for v in result.data_vars.values() for d in v.dims}
    return {str(n): c for n, c in result.coords.items() if set(c.dims) <= dims}


def _nothing(shape: tuple[int, ...], dtype: Any) -> Any:
    return np.full(shape, "", dtype=object) if dtype.kind == "O" else np.full(shape, np.nan)


def _labels(values: Sequence[Any]) -> Any:
    text = any(isinstance(v, str) for v in values)
    return np.array(values, dtype=object) if text else np.asarray(values)
