"""Export to formats of other programs, selected by the file's suffix; one module per format."""

from __future__ import annotations

import math
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from hybridrd.arguments import named_arguments, number, path_of, truth
from hybridrd.errors import ResultError
from hybridrd.exporters import ome_zarr, study
from hybridrd.exporters.place import check_free
from hybridrd.exporters.records import record_near
from hybridrd.exporters.vtk import check_folder
from hybridrd.results.study import has_points
from hybridrd.results.view import View

_MODULES = {
    ".simularium": "simularium",
    ".pvd": "vtk",
    ".vtp": "vtk",
    ".vtu": "vtk",
    ".xyz": "xyz",
    ".extxyz": "xyz",
    ".csv": "csv",
    ".nc": "netcdf",
    ome_zarr.SUFFIX: "ome_zarr",
}
SUFFIXES = tuple(_MODULES)
_ONE_RECORD = (".vtp", ".vtu")


class _Writer(Protocol):
    def write(self, view: View, path: Path) -> None: ...


@named_arguments
def export(
    result: Any, path: str | Path, *, time: float | None = None, overwrite: bool = False
) -> Path:
    """Write a result in the format that the suffix of the file names.

    ==================  ==========================================================================
    ``.simularium``     Particles, for the Simularium viewer; needs ``hybridrd[simularium]``.
    ``.pvd``            All records for ParaView: a list of ``.vtp`` files (particles as points)
                        and ``.vtu`` files (concentrations as cells) in the folder ``NAME_vtk``
                        beside it; needs ``hybridrd[vtk]``.
    ``.vtp``, ``.vtu``  One record of these.
    ``.ome.zarr``       Concentrations of all records as an OME-Zarr image (a folder), for napari
                        and other microscopy viewers.
    ``.xyz``            Particles as extended XYZ, for OVITO and ASE; also ``.extxyz``.
    ``.csv``            Numbers by time: ``copy_number`` and ``total``; for an ensemble their means
                        and standard errors.
    ``.nc``             The complete result as netCDF, as by `save`; needs ``hybridrd[io]``.
    ==================  ==========================================================================

    Particles are written with their species, id and position, which the run must record:
    ``run(..., positions=True)``, ``hybridrd run --positions``. Axes that the domain does not have
    are 0; for a shell r is written as x. The file is written under another name and renamed
    when it is complete.

    Parameters
    ----------
    result
        A result of `Simulation.run`, `mean_field`, `ensemble` or `load`; one point of a `sweep`,
        or with ``.csv`` (columns of parameters in front) and ``.nc`` all of them.
    path
        The file.
    time
        Write only the record nearest to this time; by default all records, or the last for ``.vtp``
        and ``.vtu``, which hold a single one.
    overwrite
        Whether to replace an existing file, and for ``.pvd`` also the folder of its records. A
        folder with other files in it is never replaced.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ResultError
        If the suffix is unknown, the file or folder exists or cannot be written, the time is not
        finite or far from all records, a library is missing, or the result lacks the data for the
        format.

    Examples
    --------
    >>> import tempfile
    >>> import hybridrd as hrd
    >>> A, box = hrd.Species("A", D=1.0), hrd.Box(x=(0, 1), y=(0, 1))
    >>> system = hrd.System(
    ...     species=[A], domain=box, particles=box, cells=10, initial={A: hrd.Copies(3)}
    ... )
    >>> result = hrd.Simulation(system, dt=0.01, seed=1).run(until=0.1, positions=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hrd.export(result, f"{folder}/run.xyz").name
    ...     print(hrd.export(result, f"{folder}/run.csv", time=0.1).read_text())
    'run.xyz'
    time,copy_number_A,total_A
    0.1,3,3.0
    <BLANKLINE>
    """
    path = path_of(path, "path", ResultError)
    suffix, overwrite = _suffix(path), truth(overwrite, "overwrite", ResultError)
    if has_points(result) and suffix in study.SUFFIXES:
        check_place(path, overwrite)
        study.write(result, path, time)
        return path
    view = View(result, str(path))
    if time is not None:
        time = number(time, f"{path}: time", -math.inf, error=ResultError)
    check_place(path, overwrite)
    if time is not None or suffix in _ONE_RECORD:
        view = record_near(view, time)
    writer: _Writer = import_module(f"hybridrd.exporters.{_MODULES[suffix]}")
    writer.write(view, path)
    return path


def check_place(path: Path, overwrite: bool) -> None:
    """Raise ResultError for a path at which `export` cannot write, before any work is done.

    Raises
    ------
    ResultError
        If the suffix is unknown, the file exists, or its directory cannot be written to.
    """
    suffix = _suffix(path)
    if suffix not in _MODULES:
        hint = "; hybridrd.save writes NAME.zarr" if suffix == ".zarr" else ""
        raise ResultError(
            f"{path}: unknown suffix {path.suffix!r}; it is one of {', '.join(SUFFIXES)}{hint}"
        )
    if suffix == ome_zarr.SUFFIX:
        ome_zarr.check_folder(path, overwrite)
        return
    check_free(path, overwrite)
    if suffix == ".pvd":
        check_folder(path, overwrite)


def _suffix(path: Path) -> str:
    """The suffix that selects the format, in lower case."""
    name = path.name.lower()
    return ome_zarr.SUFFIX if name.endswith(ome_zarr.SUFFIX) else path.suffix.lower()
