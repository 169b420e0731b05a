"""Concentrations as OME-Zarr, version 0.5, for microscopy viewers.

The layout is that of https://ngff.openmicroscopy.org/0.5: an image of axes t, c, z, y, x in the
array ``0``, one channel per species, with the size of a cell and the interval between records as
its scale and the middle of the first cell as its translation.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from hybridrd.errors import ResultError
from hybridrd.exporters.place import check_parent, passing
from hybridrd.exporters.records import axes_of, domain_bounds
from hybridrd.results.place import put
from hybridrd.results.view import View

SUFFIX = ".ome.zarr"
_MARK = "hybridrd"  # attribute that identifies a folder as an export
_SPACE = {
    "nm": "nanometer", "um": "micrometer", "µm": "micrometer", "μm": "micrometer",
    "mm": "millimeter", "cm": "centimeter", "dm": "decimeter", "m": "meter", "km": "kilometer",
    "pm": "picometer", "Å": "angstrom", "in": "inch", "ft": "foot", "mi": "mile", "yd": "yard",
}  # fmt: skip
_TIME = {
    "ns": "nanosecond", "us": "microsecond", "µs": "microsecond", "μs": "microsecond",
    "ms": "millisecond", "s": "second", "min": "minute", "h": "hour", "d": "day",
}  # fmt: skip


def write(view: View, path: Path) -> None:
    """Write the concentration of all records as one image; for an ensemble the mean.

    Numbers have 32 bits, which viewers read. A line has two axes, the second with one square
    cell. The attribute ``hybridrd`` has the times of the records.

    Raises
    ------
    ResultError
        If concentration was not recorded, or the domain is a shell.
    """
    import zarr

    if not view.has("concentration"):
        raise ResultError(f"{view.name}: concentration was not recorded; nothing to show")
    axes = axes_of(view.data)
    if axes == ["r"]:
        raise ResultError(
            f"{path}: an image needs axes x, y and z; a shell has only r: use .vtu or .nc"
        )
    low, high = map(np.array, zip(*domain_bounds(view), strict=True))
    cells = np.array([view.data.sizes[a] for a in axes])
    names = ["x", "y", "z"][: max(2, len(axes))][::-1]
    if len(axes) == 1:
        low, high, cells = (
            np.append(v, v2) for v, v2 in ((low, 0.0), (high, high - low), (cells, 1))
        )
    shape = len(view.times), len(view.species), *(int(n) for n in cells[::-1])
    part = passing(path)
    try:
        group = zarr.create_group(str(part), zarr_format=3)
        image = group.create_array(
            "0", shape=shape, chunks=(1, 1, *shape[2:]), dtype="float32",
            dimension_names=["t", "c", *names],
        )  # fmt: skip
        top = [0.0] * len(view.species)
        for k in range(len(view.times)):
            for s, species in enumerate(view.species):
                c = view.mean("concentration").isel(time=k).sel(species=species).transpose(*axes)
                values = np.asarray(c.values, np.float32).T.reshape(shape[2:])
                image[k, s] = values
                top[s] = max(top[s], float(np.nanmax(values, initial=0.0)))
        spacing = (high - low) / cells
        group.attrs.put(_attributes(view, names, spacing[::-1], (low + 0.5 * spacing)[::-1], top))
        put(part, path)
    except OSError as error:
        raise ResultError(f"{path}: cannot be written: {error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def check_folder(path: Path, overwrite: bool) -> None:
    """Raise ResultError for a path that cannot be written, or holds something else."""
    check_parent(path)
    if not path.exists() and not path.is_symlink():
        return
    if not _is_ours(path):
        raise ResultError(f"{path}: exists and is not an export of hybridrd; choose another name")
    if not overwrite:
        raise ResultError(
            f"{path}: exists; choose another name, or overwrite=True (--overwrite) to replace it"
        )


def _is_ours(path: Path) -> bool:
    try:
        return _MARK in json.loads((path / "zarr.json").read_text("utf-8"))["attributes"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _attributes(view: View, names: list[str], scale: Any, first: Any, top: list[float]) -> Any:
    """Attributes of the image, as in the specification."""
    from hybridrd.plotting.style import COLOURS

    units = view.data.attrs.get("units", {})
    times = view.times
    interval = float(times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 1.0
    axes: list[dict[str, str]] = [
        {"name": "t", "type": "time"} | _unit(_TIME, units.get("time")),
        {"name": "c", "type": "channel"},
        *({"name": n, "type": "space"} | _unit(_SPACE, units.get("length")) for n in names),
    ]
    moves = [
        {"type": "scale", "scale": [interval, 1.0, *map(float, scale)]},
        {"type": "translation", "translation": [float(times[0]), 0.0, *map(float, first)]},
    ]
    channels = [
        {
            "label": name, "color": COLOURS[s % len(COLOURS)][1:], "active": True,
            "window": {"min": 0.0, "max": high or 1.0, "start": 0.0, "end": high or 1.0},
        }
        for s, (name, high) in enumerate(zip(view.species, top, strict=True))
    ]  # fmt: skip
    data = [{"path": "0", "coordinateTransformations": moves}]
    image = {"name": "concentration", "axes": axes, "datasets": data}
    ome = {"version": "0.5", "multiscales": [image], "omero": {"channels": channels}}
    return {"ome": ome, _MARK: {"times": [float(t) for t in times]}}


def _unit(known: dict[str, str], label: Any) -> dict[str, str]:
    """The unit of an axis by the specification's name; nothing if it has none."""
    found = known.get(str(label)) or (str(label) if label in known.values() else None)
    return {"unit": found} if found else {}
