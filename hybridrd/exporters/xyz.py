"""Particles as extended XYZ, which OVITO and ASE read.

The format has no standard. The keys here are ``Lattice`` (vectors of the domain), ``Origin``,
``pbc``, ``Time``, ``Properties``, and units if the system has them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hybridrd.exporters.place import made
from hybridrd.exporters.records import Frame, Trajectory
from hybridrd.results.view import View


def write(view: View, path: Path) -> None:
    """Write one frame per record, with the columns species, position, id.

    Raises
    ------
    ResultError
        If positions were not recorded.
    """
    trajectory = Trajectory(view)
    lattice = " ".join(map(str, np.diag(trajectory.upper - trajectory.lower).ravel().tolist()))
    origin = " ".join(map(str, trajectory.lower.tolist()))
    pbc = " ".join("FT"[wraps] for wraps in trajectory.periodic)
    units = "".join(f' {k}_unit="{v}"' for k, v in view.data.attrs.get("units", {}).items())
    header = (
        f'Lattice="{lattice}" Origin="{origin}" pbc="{pbc}" '
        f"Properties=species:S:1:pos:R:3:id:I:1{units}"
    )
    with made(path) as part, part.open("w", encoding="utf-8") as file:
        for frame in trajectory:
            file.write(f"{len(frame.id)}\n{header} Time={frame.time!r}\n")
            file.writelines(_lines(frame, trajectory.species))


def _lines(frame: Frame, names: list[str]) -> list[str]:
    kinds, ids = frame.species.tolist(), frame.id.tolist()
    return [
        f"{names[kind]} {x!r} {y!r} {z!r} {which}\n"
        for kind, (x, y, z), which in zip(kinds, frame.position.tolist(), ids, strict=True)
    ]
