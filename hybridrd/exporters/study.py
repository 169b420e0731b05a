"""All points of a parameter study in one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hybridrd.errors import ResultError
from hybridrd.exporters.csv import table
from hybridrd.exporters.place import made
from hybridrd.exporters.records import record_near
from hybridrd.results.store import save
from hybridrd.results.study import points_of
from hybridrd.results.view import View

if TYPE_CHECKING:
    import xarray as xr

SUFFIXES = (".csv", ".nc")


def write(study: xr.Dataset, path: Path, time: float | None) -> None:
    """Write the rows of all finished points with their parameters, or the Dataset as netCDF.

    Raises
    ------
    ResultError
        If no point is finished, the numbers were not recorded, or no record is near the time.
    """
    import pandas as pd

    if path.suffix.lower() == ".nc":
        with made(path) as part:
            save(study if time is None else study.sel(time=[time], method="nearest"), part)
        return
    names = [str(n) for n in study.attrs["parameters"]]
    found = points_of(study, names)
    if not found:
        raise ResultError(f"{path}: none of the points is finished")
    tables = {}
    for key, one in found.items():
        view = View(one, str(path))
        tables[key] = table(view if time is None else record_near(view, time), path)
    rows = pd.concat(tables, names=[*names, None]).droplevel(-1).reset_index()
    with made(path) as part:
        rows.to_csv(part, index=False)
