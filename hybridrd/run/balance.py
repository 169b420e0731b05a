"""Where the particles of a run came from and where they went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hybridrd.simulation.simulation import Simulation as Run

Counts = dict[str, int]


def balance(run: Run) -> dict[str, dict[str, Counts]]:
    """Particles created and removed since the start, by species and cause.

    Returns
    -------
    dict
        By species ``{"created": {cause: number}, "removed": {cause: number}}``; causes are the
        labels of reactions (a species on both sides counts by what it changes), ``arrival at
        FACE`` and ``exit at FACE``. Of a pair across a face, the partner beyond counts, too.
    """
    result = {}
    exits = run.crossings + run.arrivals
    for s, name in enumerate(run.system.names):
        created: Counts = {}
        removed: Counts = {}
        for channel, fired in zip(run.system.channels, run.events, strict=True):
            change = channel.products.count(name) - channel.reactants.count(name)
            _add(created if change > 0 else removed, channel.label, abs(change) * int(fired))
        for f, face in enumerate(run.face_names):
            _add(created, f"arrival at {face}", int(run.arrivals[s, f]))
            _add(removed, f"exit at {face}", int(exits[s, f]))
        result[name] = {"created": created, "removed": removed}
    return result


def _add(counts: Counts, cause: str, number: int) -> None:
    if number:
        counts[cause] = counts.get(cause, 0) + number


def by_name(names: tuple[str, ...], values: np.ndarray) -> dict[str, float]:
    """One number a species, by name."""
    return dict(zip(names, map(float, values), strict=True))
