"""A whole result as netCDF."""

from __future__ import annotations

from pathlib import Path

from hybridrd.results.store import save
from hybridrd.results.view import View


def write(view: View, path: Path) -> None:
    """Write a result as `hybridrd.save` does."""
    save(view.data, path, overwrite=True)  # the place was checked
