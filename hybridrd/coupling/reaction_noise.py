"""Noise of the reactions in a continuum; `hybridrd.kernels.reaction_noise` has its kernel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats
from hybridrd.continuum.discrete import Reactions
from hybridrd.continuum.field import Field
from hybridrd.coupling.noise import FADE
from hybridrd.kernels.cell_reactions import Cells, Moment
from hybridrd.kernels.reaction_noise import react_randomly
from hybridrd.model.system import System


class RandomReactions(NamedTuple):
    """What is random in half a step of reactions.

    Parameters
    ----------
    change
        Added to the content of each active cell, ``(species, active)``.
    whole
        Where that is all that happens; elsewhere it is the deviation from the mean, ``(active,)``.
    """

    change: Floats
    whole: NDArray[np.bool_]


class ReactionNoise:
    """Random reactions in the cells of a field.

    Parameters
    ----------
    system, field
        The system, and the field with its cells.
    key
        Key of the random numbers.
    """

    def __init__(self, system: System, field: Field, key: np.uint64) -> None:
        self._field, self._key = field, key
        self._reactions = Reactions(system)
        network = self._reactions.network
        self._involved = (network.change != 0).any(axis=0)
        self._involved[network.sites[network.sites >= 0]] = True
        # Pairs of one species are n (n - 1) only where the content fluctuates as copies do.
        like = any(len(set(c.reactants)) < c.order for c in system.channels)
        self._lowest = FADE[1] if like else 0.0
        size = len(field.active)
        self._volumes = np.broadcast_to(np.asarray(field.volume, np.float64), size).copy()
        self._none = np.zeros((0, size), np.int64)

    def half_step(self, content: Floats, step: int, half: int) -> RandomReactions:
        """What is random in a half step from contents ``(species, active)``. Raises StepError."""
        field = self._field
        rates = field.rates(step)
        rates = np.ascontiguousarray(rates.reshape(len(rates), -1))
        now = Moment(self._key, step, half, 0.5 * field.dt)
        cells = Cells(self._none, rates, self._volumes, field.active)
        change, whole = np.empty_like(content), np.empty(content.shape[1], np.bool_)
        network = self._reactions.network
        events = np.zeros(len(network.sites), np.int64)
        status = react_randomly(
            content, cells, network, now, self._involved, self._lowest, change, whole, events
        )
        self._reactions.check(status, now, content / self._volumes)
        return RandomReactions(change, whole)
