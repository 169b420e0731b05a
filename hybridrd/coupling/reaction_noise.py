"""Noise of the reactions in a continuum; `hybridrd.kernels.reaction_noise` has its kernel."""

from __future__ import annotations

import numpy as np

from hybridrd.arrays import Floats
from hybridrd.continuum.discrete import Reactions
from hybridrd.continuum.field import Field
from hybridrd.kernels.cell_reactions import NO_RATE, Cells, Moment
from hybridrd.kernels.reaction_noise import reaction_noise
from hybridrd.model.system import System


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
        size = len(field.active)
        self._volumes = np.broadcast_to(np.asarray(field.volume, np.float64), size).copy()
        self._none = np.zeros((0, size), np.int64)

    def half_step(self, content: Floats, step: int, half: int) -> Floats:
        """Random change in a half step of contents ``(species, active)``, after their mean change.

        Raises
        ------
        ModelError
            If a rate that is a function of concentrations is invalid.
        """
        field = self._field
        rates = field.rates(step)
        rates = np.ascontiguousarray(rates.reshape(len(rates), -1))
        now = Moment(self._key, step, half, 0.5 * field.dt)
        cells = Cells(self._none, rates, self._volumes, field.active)
        change = np.zeros_like(content)
        reaction_noise(content, cells, self._reactions.network, now, change)
        if not np.isfinite(change).all():
            self._reactions.check(NO_RATE, now, content / self._volumes)
        return change
