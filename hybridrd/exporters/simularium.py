"""Particles for the Simularium viewer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from hybridrd.exporters.place import library, made
from hybridrd.exporters.records import Trajectory
from hybridrd.results.view import View

_VIEWED = 64.0  # longest side that the viewer shows well; the shortest is 4
_LARGEST_ID = 2**31 - 1
_RADIUS = 0.005  # radius of a particle, in units of the longest side; particles are points


def write(view: View, path: Path) -> None:
    """Write all records in the JSON form of the format.

    The viewer's box is centred at 0, and its sides should be 4 to 64. Positions are written as
    ``(x - middle) 10^n``, and the unit of length as ``10^-n`` of the system's.

    Raises
    ------
    ResultError
        If positions were not recorded, or simulariumio is missing.
    """
    lib = library("simulariumio", "simularium", path)
    trajectory = Trajectory(view)
    middle = 0.5 * (trajectory.lower + trajectory.upper)
    longest = float((trajectory.upper - trajectory.lower).max())
    digits = math.floor(math.log10(_VIEWED / longest))
    scale = 10.0**digits
    frames = list(trajectory)
    shape = (len(frames), max(1, *(len(f.id) for f in frames)))  # at least one particle, for numpy
    position, ids = np.zeros((*shape, 3)), np.zeros(shape, np.int64)
    known = _renumbered(np.concatenate([f.id for f in frames]))
    for k, frame in enumerate(frames):
        n = len(frame.id)
        position[k, :n] = (frame.position - middle) * scale
        ids[k, :n] = frame.id if known is None else np.searchsorted(known, frame.id)
    sides = (trajectory.upper - trajectory.lower) * scale
    radius = _RADIUS * longest * scale
    sphere = lib.DISPLAY_TYPE.SPHERE
    units = view.data.attrs.get("units", {})
    data = lib.TrajectoryData(
        meta_data=lib.MetaData(
            box_size=sides,
            camera_defaults=lib.CameraData(position=np.array([0.0, 0.0, 1.2 * sides.max()])),
            trajectory_title=path.stem,
        ),
        agent_data=lib.AgentData(
            times=view.times,
            n_agents=np.array([len(f.id) for f in frames]),
            viz_types=np.full(shape, 1000.0),  # a plain particle
            unique_ids=ids,
            types=[[trajectory.species[s] for s in f.species.tolist()] for f in frames],
            positions=position,
            radii=np.full(shape, radius),
            display_data={
                name: lib.DisplayData(name=name, display_type=sphere, radius=radius)
                for name in trajectory.species
            },
        ),
        time_units=_unit(lib, units, "time", 1.0),
        spatial_units=_unit(lib, units, "length", 10.0**-digits),
    )
    converter = lib.TrajectoryConverter(data)
    with made(path) as part, redirect_stdout(StringIO()):  # it prints its progress
        if "copy_number" in view.data:
            converter.add_plot(_counts(lib, view))
        converter.save(str(part.with_suffix("")), binary=False)


def _renumbered(ids: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """The sorted ids if the format cannot hold them; their index is the new id."""
    return np.unique(ids) if ids.max(initial=0) > _LARGEST_ID else None


def _unit(lib: Any, units: Mapping[str, str], name: str, magnitude: float) -> Any:
    """A unit in the form of the format; the given name if pint does not know it."""
    from pint.errors import PintError

    label = units.get(name, "")
    if label.isalpha() or not label:
        with suppress(PintError):
            return lib.UnitData(label, magnitude)
    unit = lib.UnitData("", magnitude)
    unit.name = label
    return unit


def _counts(lib: Any, view: View) -> Any:
    """The numbers of particles over time, which the viewer plots."""
    unit = view.data.attrs.get("units", {}).get("time")
    counts = view.mean("copy_number")
    return lib.ScatterPlotData(
        title="Number in the particle region",
        xaxis_title=f"time ({unit})" if unit else "time",
        yaxis_title="number",
        xtrace=view.times,
        ytraces={s: np.asarray(counts.sel(species=s).values, float) for s in view.species},
        render_mode="lines",
    )
