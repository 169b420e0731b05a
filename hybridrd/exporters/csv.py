"""Copy numbers by time as comma-separated values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hybridrd.errors import ResultError
from hybridrd.exporters.place import made
from hybridrd.results.view import View

if TYPE_CHECKING:
    import pandas as pd

_COUNTS = ("copy_number", "total")
_OF_ENSEMBLE = ("_mean", "_sem")


def write(view: View, path: Path) -> None:
    """Write one line per record: ``time``, then e.g. ``copy_number_A``, ``total_A``.

    For an ensemble the columns are ``copy_number_A_mean``, ``copy_number_A_sem`` and so on. If the
    system has units the first column is e.g. ``time [s]``.

    Raises
    ------
    ResultError
        If neither number was recorded.
    """
    columns = table(view, path)
    with made(path) as part:
        columns.to_csv(part, index=False)


def table(view: View, path: Path) -> pd.DataFrame:
    """The numbers by time, as `write` writes them. Raises ResultError if there are none."""
    import pandas as pd

    unit = view.data.attrs.get("units", {}).get("time")
    columns = {f"time [{unit}]" if unit else "time": view.times}
    endings = _OF_ENSEMBLE if view.is_ensemble else ("",)
    for count in _COUNTS:
        for name in view.species:
            for ending in endings:
                if f"{count}{ending}" in view.data:
                    values = view.data[f"{count}{ending}"].sel(species=name)
                    columns[f"{count}_{name}{ending}"] = values.values
    if len(columns) == 1:
        raise ResultError(
            f"{path}: the result has no numbers to write; record {' or '.join(_COUNTS)}"
        )
    return pd.DataFrame(columns)
