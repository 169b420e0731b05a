"""Dots of particles: their selection by record, and their positions in a figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.errors import ResultError
from hybridrd.results.view import View

_ENOUGH = 200  # number of dots in a slice, if there are that many


def particles_at(view: View, record: int) -> dict[str, tuple[Floats, Integers]]:
    """Positions ``(n, axes)`` (length) and ids ``(n,)`` of the particles of each species.

    Raises
    ------
    ResultError
        If the result has no particles or no positions.
    """
    if not view.has_particles or view.data.attrs.get("kind") == "mean-field":
        raise ResultError(
            f"{view.name}: a PDE has no particles to draw as dots; "
            f"use hybridrd.plot.field or profile"
        )
    if "position" not in view.data:
        what = (
            "an ensemble keeps no positions; draw one replica, "
            "Simulation(..., replica=0).run(..., positions=True)"
            if view.is_ensemble
            else "positions were not recorded; run with positions=True, or hybridrd run --positions"
        )
        raise ResultError(f"{view.name}: {what}")
    sizes = np.asarray(view.data["row_size"].values, dtype=np.int64)
    if sizes.sum() != view.data.sizes["obs"]:
        raise ResultError(
            f"{view.name}: has {view.data.sizes['obs']} positions, but its records have "
            f"{sizes.sum()}; draw the whole result and choose time and species here"
        )
    ends = np.cumsum(sizes.ravel()).reshape(sizes.shape)
    found = {}
    for s, name in enumerate(view.species):
        rows = {"obs": slice(int(ends[record, s] - sizes[record, s]), int(ends[record, s]))}
        x = np.asarray(view.data["position"].isel(rows).values, dtype=float)
        found[name] = x, np.asarray(view.data["particle_id"].isel(rows).values, dtype=np.int64)
    return found


def uniform(ids: Integers, stream: int) -> Floats:
    """A number in [0, 1) for each particle, the same in every record.

    It is the finaliser of SplitMix64 (Steele, Lea & Flood 2014) of id and stream: consecutive ids,
    which may be neighbours in space, get unrelated numbers.
    """
    x = ids.astype(np.uint64) * np.uint64(8) + np.uint64(stream + 1)
    with np.errstate(over="ignore"):
        x *= np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return np.asarray((x >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def on_strip(x: Floats, ids: Integers) -> Floats:
    """Positions ``(n, 2)`` of particles in one dimension: x, and a random height in [0, 1)."""
    return np.column_stack([x[:, 0], uniform(ids, 0)])


def on_disc(r: Floats, ids: Integers, thickness: float) -> Floats:
    """Positions of particles of a shell in a slice through its centre.

    A particle has only r, and all directions are equally likely: it lies in the slice with
    probability ``(thickness/2)/r``, so a uniform concentration gives equally dense dots everywhere.
    """
    r = r[:, 0]
    shown = uniform(ids, 0) * r < 0.5 * thickness
    angle = 2 * np.pi * uniform(ids, 1)[shown]
    return np.asarray(r[shown, None] * np.column_stack([np.cos(angle), np.sin(angle)]))


def layers(view: View, cut: int, positions: Sequence[Floats]) -> tuple[float, float]:
    """Bounds of the slice along the last axis (length).

    The slice has enough layers of cells around the given one for 200 dots, and stays in the
    particle region; outside it has only the given layer.
    """
    axis = view.axes[-1]
    low, spacing = view.bounds(axis)[0], view.spacing(axis)
    z = np.concatenate([x[:, 2] for x in positions])
    histogram, _ = np.histogram(z, low + spacing * np.arange(len(view.centers(axis)) + 1))
    inside = view.inside({axis: view.region[axis]})[axis]
    first, last = cut, cut
    while inside.start <= cut < inside.stop and histogram[first : last + 1].sum() < _ENOUGH:
        if first == inside.start and last == inside.stop - 1:
            break
        first, last = max(first - 1, inside.start), min(last + 1, inside.stop - 1)
    return low + spacing * first, low + spacing * (last + 1)


def in_slice(x: Floats, low: float, high: float) -> Floats:
    """Positions of the particles in three dimensions between two heights (length)."""
    return np.asarray(x[(x[:, 2] >= low) & (x[:, 2] < high)][:, :2])
