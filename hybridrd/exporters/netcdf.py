"""Complete results as netCDF."""

from __future__ import annotations

from pathlib import Path

from hybridrd.exporters.place import made
from hybridrd.results.store import save
from hybridrd.results.view import View


def write(view: View, path: Path) -> None:
    """Write a result as `hybridrd.save` does."""
    with made(path) as part:
        save(view.data, part)
