"""Particles and concentrations for ParaView and other programs that read VTK's XML files."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from hybridrd.arrays import Floats
from hybridrd.errors import ResultError
from hybridrd.exporters.place import library, made, passing
from hybridrd.exporters.records import (
    Frame,
    Trajectory,
    axes_of,
    domain_bounds,
    has_positions,
)
from hybridrd.results.place import put
from hybridrd.results.view import View

_OWN = re.compile(r"field_\d{6,}\.vtu|particles_\d{6,}\.vtp")  # names of the files of a collection
_SPELLED = {
    "\u03bc": "u",
    "\u00c5": "angstrom",
    "\u03a9": "ohm",
    "\u00b0": "deg",
    "\u22c5": "*",
    "\u2212": "-",
}
_STATISTICS = ("concentration_mean", "concentration_sem", "concentration_var")


def write(view: View, path: Path) -> None:
    """Write ``.vtp`` (particles), ``.vtu`` (concentrations), or all records as ``.pvd``.

    Points carry ``species`` (an index; the field data ``species_names`` has the names) and
    ``id``. Cells carry ``concentration_A`` and so on, ``region`` (1 where particles are, 0 where
    FiPy is), and are lines, pixels or voxels on the grid, or lines along r for a shell. The
    standard error of a single replica is NaN.

    Raises
    ------
    ResultError
        If pyvista is missing, or the result lacks the data for the format.
    """
    pyvista = library("pyvista", "vtk", path)
    if path.suffix.lower() == ".pvd":
        _write_collection(pyvista, view, path)
        return
    if path.suffix.lower() == ".vtp":
        trajectory = Trajectory(view)
        (frame,) = trajectory
        data = _points(pyvista, trajectory, frame)
    else:
        (data,) = _grids(pyvista, view)
    with made(path) as part:
        _label(data, view, float(view.times[0])).save(part)


def _write_collection(pyvista: Any, view: View, path: Path) -> None:
    """Write the files of all records into a folder, and the list of them last."""
    folder = _folder(path)
    if not (has_positions(view) or _fields(view)):
        raise ResultError(
            f"{path}: there is nothing to show; record concentration, or run with positions=True "
            f"(--positions)"
        )
    part = passing(folder)
    try:
        part.mkdir()
        entries = sorted(
            [*_save_fields(pyvista, view, part), *_save_particles(pyvista, view, part)]
        )
        path.unlink(missing_ok=True)  # never a list of files that are being replaced
        put(part, folder)
    except OSError as error:
        raise ResultError(f"{path}: cannot be written: {error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    root = ElementTree.Element("VTKFile", type="Collection", version="0.1")
    collection = ElementTree.SubElement(root, "Collection")
    for k, number, file in entries:
        time = repr(float(view.times[k]))
        where = {"timestep": time, "part": str(number), "file": f"{folder.name}/{file}"}
        ElementTree.SubElement(collection, "DataSet", where)
    ElementTree.indent(root)
    with made(path) as passing_path:
        ElementTree.ElementTree(root).write(passing_path, "utf-8", xml_declaration=True)


def check_folder(path: Path, overwrite: bool) -> None:
    """Raise ResultError if a folder holds other files, or records that may not be replaced."""
    folder = _folder(path)
    if not folder.exists() and not folder.is_symlink():
        return
    ours = (
        folder.is_dir()
        and not folder.is_symlink()
        and all(_OWN.fullmatch(entry.name) and entry.is_file() for entry in folder.iterdir())
    )
    if not ours:
        raise ResultError(
            f"{path}: its records go into {folder}, which exists and holds other files; "
            f"choose another name"
        )
    if not overwrite:
        raise ResultError(
            f"{path}: its records go into {folder}, which exists; choose another name, or "
            f"overwrite=True (--overwrite) to replace both"
        )


def _folder(path: Path) -> Path:
    return path.with_name(f"{path.stem}_vtk")


def _save_fields(pyvista: Any, view: View, folder: Path) -> Iterator[tuple[int, int, str]]:
    """Write the concentrations of all records; yields record, part and file."""
    if not _fields(view):
        return
    for k, (time, data) in enumerate(zip(view.times, _grids(pyvista, view), strict=True)):
        file = f"field_{k:06d}.vtu"
        _label(data, view, float(time)).save(folder / file)
        yield k, 0, file


def _save_particles(pyvista: Any, view: View, folder: Path) -> Iterator[tuple[int, int, str]]:
    """Write the particles of all records; yields record, part and file."""
    if not has_positions(view):
        return
    trajectory = Trajectory(view)
    for k, frame in enumerate(trajectory):
        file = f"particles_{k:06d}.vtp"
        data = _points(pyvista, trajectory, frame)
        _label(data, view, frame.time).save(folder / file)
        yield k, 1, file


def _points(pyvista: Any, trajectory: Trajectory, frame: Frame) -> Any:
    """The particles of one record, each a vertex."""
    data = pyvista.PolyData(frame.position) if len(frame.id) else pyvista.PolyData()
    data.point_data["species"] = frame.species
    data.point_data["id"] = frame.id
    data.field_data["species_names"] = [_ascii(name) for name in trajectory.species]
    return data


def _fields(view: View) -> list[str]:
    """The variables on cells; for an ensemble its statistics, not every replica."""
    wanted = _STATISTICS if view.is_ensemble else ("concentration",)
    return [name for name in wanted if name in view.data]


def _grids(pyvista: Any, view: View) -> Iterator[Any]:
    """The cells with concentrations, record by record."""
    there = _fields(view)
    if not there:
        raise ResultError(f"{view.name}: concentration was not recorded; nothing to show")
    axes, bounds = axes_of(view.data), domain_bounds(view)
    shape = [view.data.sizes[a] for a in axes]
    edges = [
        np.linspace(low, high, n + 1) if high > low else np.array([low])
        for (low, high), n in zip(bounds, shape, strict=True)
    ]
    mesh = pyvista.RectilinearGrid(*edges).cast_to_unstructured_grid()
    region = _region(view, axes)
    for k in range(len(view.times)):
        data = mesh.copy(deep=False)
        data.cell_data["region"] = _flat(region)
        for name in there:
            for species in view.species:
                values = view.data[name].isel(time=k).sel(species=species).values
                ending = name.removeprefix("concentration")
                data.cell_data[f"concentration_{species}{ending}"] = _flat(values)
        yield data


def _region(view: View, axes: list[str]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """1 in cells of the particle region, 0 elsewhere."""
    inside = np.array(int(view.has_particles), np.uint8)
    for k, axis in enumerate(axes):
        x = view.data[axis].values
        low, high = (view.data.attrs[f"region_{side}"][k] for side in ("lower", "upper"))
        within = ((x > low) & (x < high)).astype(np.uint8)
        inside = np.multiply.outer(inside, within)
    return inside


def _flat(values: np.ndarray[Any, Any]) -> Floats:
    """An array in VTK's order, x fastest."""
    return np.asarray(values).ravel(order="F")


def _label(data: Any, view: View, time: float) -> Any:
    """Add the time, and units if the system has them."""
    data.field_data["TimeValue"] = np.array([time])
    for name, unit in view.data.attrs.get("units", {}).items():
        data.field_data[f"{name}_unit"] = [_ascii(unit)]
    return data


def _ascii(text: str) -> str:
    """ASCII text for VTK arrays: ``um`` for µm, ``angstrom`` for Å, others without accents."""
    normal = unicodedata.normalize("NFKC", text)  # one micro sign, one angstrom, plain superscripts
    for letter, name in _SPELLED.items():
        normal = normal.replace(letter, name)
    bare = "".join(c for c in unicodedata.normalize("NFKD", normal) if not unicodedata.combining(c))
    return bare.encode("ascii", "backslashreplace").decode("ascii")
