"""State of a simulation or PDE, as a few lines for the terminal, and as HTML for notebooks."""

from __future__ import annotations

from typing import Protocol

from hybridrd.arrays import Floats
from hybridrd.model.describe import Rows, region_words
from hybridrd.model.system import System


class Stepping(Protocol):
    """Attributes of a simulation or PDE that its repr shows."""

    system: System
    dt: float

    @property
    def steps(self) -> int: ...
    @property
    def time(self) -> float: ...
    @property
    def copy_number(self) -> Floats: ...
    @property
    def total(self) -> Floats: ...


def state_rows(moving: Stepping, title: str = "") -> Rows:
    """Time, step, particle region, and the copy numbers of each species, for a repr.

    Parameters
    ----------
    title
        Seed and replica, if there are any.
    """
    system = moving.system
    unit = system.units.get("time", "")
    time = f"{moving.time:.12g}{f' {unit}' if unit else ''}"
    rows: Rows = [("time", [f"{time}, step {moving.steps:,} of dt = {moving.dt:g}"])]
    if title:
        rows.append(("run", [title]))
    rows.append(("particles", [region_words(system)]))
    widest = max(map(len, system.names))
    counted = "in the region" if system.is_hybrid else "there"
    numbers = zip(system.names, moving.copy_number, moving.total, strict=True)
    rows.append(
        (
            "numbers",
            [
                f"{name:<{widest}}  {n:.6g} {counted}"
                + (f", {all_:.6g} in all" if system.is_hybrid else "")
                for name, n, all_ in numbers
            ],
        )
    )
    return rows
