"""Balance of the particles of a run: initial numbers, gains and losses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hybridrd.model.system import System

Counts = dict[str, int]


def balance(
    system: System, faces: Sequence[str], events: np.ndarray, arrivals: np.ndarray,
    net: np.ndarray, inserted: np.ndarray, removed: np.ndarray,
) -> dict[str, dict[str, Counts]]:  # fmt: skip
    """Particles created and removed since the start, by species and cause.

    Parameters
    ----------
    faces
        Names of the faces of the particle region.
    events
        Number of times that each reaction fired.
    arrivals, net
        Numbers of arrivals, and net numbers of exits, through each face ``(species, faces)``.
    inserted, removed
        Numbers inserted and removed by the user, ``(species,)``.

    Returns
    -------
    dict
        By species ``{"created": {cause: number}, "removed": {cause: number}}``; causes are the
        labels of reactions (a species on both sides counts by its net change), ``arrival at
        FACE``, ``exit at FACE``, ``insert()`` and ``remove()``. Of a pair across a face, the
        partner outside counts, too.
    """
    result = {}
    exits = net + arrivals
    for s, name in enumerate(system.names):
        created: Counts = {}
        lost: Counts = {}
        for channel, fired in zip(system.channels, events, strict=True):
            change = channel.products.count(name) - channel.reactants.count(name)
            _add(created if change > 0 else lost, channel.label, abs(change) * int(fired))
        for f, face in enumerate(faces):
            _add(created, f"arrival at {face}", int(arrivals[s, f]))
            _add(lost, f"exit at {face}", int(exits[s, f]))
        _add(created, "insert()", int(inserted[s]))
        _add(lost, "remove()", int(removed[s]))
        result[name] = {"created": created, "removed": lost}
    return result


def _add(counts: Counts, cause: str, number: int) -> None:
    if number:
        counts[cause] = counts.get(cause, 0) + number


def by_name(names: tuple[str, ...], values: np.ndarray) -> dict[str, float]:
    """One number per species, by name."""
    return dict(zip(names, map(float, values), strict=True))
