"""Particles inserted and removed by the user between steps, and their numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybridrd.arguments import real_array, shown
from hybridrd.arrays import Floats, Ids, State, stored_numbers
from hybridrd.errors import ModelError
from hybridrd.particles.particles import Particles
from hybridrd.particles.population import Population
from hybridrd.particles.region import Region


class ByHand:
    """Numbers of the particles that were inserted and removed since the start, by species.

    Attributes
    ----------
    inserted, removed
        ``(species,)``.
    """

    def __init__(self, species: int) -> None:
        self.inserted, self.removed = np.zeros((2, species), np.int64)

    def insert(self, population: Population, region: Region, s: int, positions: Any) -> Ids:
        """Add particles of a species in the region; returns their ids.

        Raises
        ------
        ModelError
            If a position is outside the region; then none is added.

        CapacityError
            If they don't fit into memory.
        """
        x = _places(positions, region)
        group = population.announce(s, x.shape[1])
        ids = group.ids[group.n : group.n + x.shape[1]].copy()
        group.append(x, ids)
        self.inserted[s] += len(ids)
        return ids

    def checked(self, group: Particles, ids: Any) -> Ids:
        """Ids of particles, each once. Raises ModelError if one is not there."""
        wanted = _ids(ids)
        missing = wanted[~np.isin(wanted, group.ids[: group.n])]
        if len(missing):
            raise ModelError(
                f"remove: there is no particle of {group.name} with the id {missing[0]}"
                f"{f', nor {len(missing) - 1} others' if len(missing) > 1 else ''}; "
                f"sim.particles[{group.name!r}].id are those there"
            )
        return wanted

    def remove(self, group: Particles, s: int, ids: Ids) -> None:
        """Drop the particles with these ids."""
        group.gone[: group.n][np.isin(group.ids[: group.n], ids)] = 1
        group.compact()
        self.removed[s] += len(ids)

    def state(self) -> State:
        """Its numbers, if there are any."""
        if not (self.inserted.any() or self.removed.any()):
            return {}
        return {"by_hand/inserted": self.inserted.copy(), "by_hand/removed": self.removed.copy()}

    def load_state(self, state: State) -> None:
        """The inverse of `state`. Raises ResultError."""
        for name, counts in (("inserted", self.inserted), ("removed", self.removed)):
            known = f"by_hand/{name}" in state
            shape = counts.shape
            counts[:] = stored_numbers(state, f"by_hand/{name}", shape, least=0.0) if known else 0


def _places(positions: Any, region: Region) -> Floats:
    """Positions as rows ``(d, n)``."""
    x, d = real_array(positions, "insert: positions"), len(region.low)
    if d == 1 and x.ndim == 1:
        x = x[:, None]
    if x.ndim != 2 or x.shape[1] != d:
        also = ", or (n,)" if d == 1 else ""
        raise ModelError(f"insert: positions of shape {x.shape}; give an array (n, {d}){also}")
    inside = region.contains(np.where(np.isfinite(x), x, np.inf).T)
    if not inside.all():
        at = ", ".join(f"{v:g}" for v in x[~inside][0])
        raise ModelError(
            f"insert: ({at}) is outside the particle region"
            f"{f', and so are {(~inside).sum() - 1} others' if (~inside).sum() > 1 else ''}; "
            f"particles can be put there only"
        )
    return np.ascontiguousarray(x.T)


def _ids(ids: Any) -> Ids:
    """Ids, each once."""
    found = np.atleast_1d(np.asarray(ids))
    if found.size == 0:
        return np.zeros(0, np.uint64)
    if found.ndim != 1 or found.dtype.kind not in "iu" or (found < 0).any():
        raise ModelError(f"remove: ids = {shown(ids)}: give whole numbers, ids of particles")
    found = found.astype(np.uint64)
    if len(np.unique(found)) < len(found):
        raise ModelError(f"remove: ids = {shown(ids)}: give each id once")
    return found
