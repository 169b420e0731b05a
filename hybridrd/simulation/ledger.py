"""The account of two-way exchange: what the continuum receives, and what it still owes."""

from __future__ import annotations

import numpy as np

from hybridrd.continuum.field import Field
from hybridrd.model.grid import Floats
from hybridrd.simulation.noise import Noise


class Ledger:
    """Books exchanged particles in the cells of the continuum without overdrawing any.

    Where a cell holds less than is taken from it, it gives what it has, and the remainder is owed
    and taken from what the cell receives later: mass is exact and the mean is not biased.

    Attributes
    ----------
    owed
        Amount still owed by each active cell, ``(species, active)``.
    """

    def __init__(self, field: Field) -> None:
        self._field = field
        self.owed = np.zeros_like(field.c)
        self.overdrafts = 0

    def effective(self, species: int) -> Floats:
        """Concentration of a species on the active cells less what is owed; may be negative."""
        return np.asarray(self._field.c[species] - self.owed[species] / self._field.volume)

    def total_owed(self) -> Floats:
        """Amount owed per species."""
        return np.asarray(self.owed.sum(axis=1))

    def apply(self, credit: np.ndarray) -> None:
        """Add a credit ``(species, cells)`` to the field at once, and clear it."""
        for s, change in enumerate(self._settle(credit)):
            if change is not None:
                # A cell that gave all it had is empty to the last bit.
                self._field.c[s] = np.maximum(self._field.c[s] + change, 0.0)

    def source(self, credit: np.ndarray) -> Floats | None:
        """A credit ``(species, cells)`` as a source of the diffusion step; clears it.

        Inside both stages of the step it leaves no jump in a linear profile; added to the field
        before them it would (0.05 to 0.5 cells of the gradient).
        """
        settled = self._settle(credit)
        if all(s is None for s in settled):
            return None
        zero = np.zeros(self._field.c.shape[1])
        return np.array([zero if s is None else s for s in settled])

    def fluctuate(self, step: int, credit: np.ndarray, noise: Noise) -> None:
        """A noisy diffusion step of the field with a credit as its source; clears the credit.

        What is owed takes part in it: the step is linear in content less debt, so means are
        unbiased; the negative part of the result is owed again.
        """
        field = self._field
        volume = field.volume
        gain = (credit[:, field.active] - self.owed) / volume
        for s in range(len(gain)):
            gain[s] += noise.change(s, (field.c[s] + gain[s]) * volume, step) / volume
        field.diffuse(step, gain, noisy=True)
        short = np.minimum(field.c, 0.0)
        field.c -= short
        self.owed = -short * volume
        credit[:] = 0

    def _settle(self, credit: np.ndarray) -> list[Floats | None]:
        field = self._field
        volume = field.volume
        result: list[Floats | None] = []
        for s in range(len(credit)):
            net = credit[s, field.active] - self.owed[s]
            if not net.any():
                result.append(None)
                continue
            content = field.c[s] * volume
            short = np.minimum(content + net, 0.0)
            self.overdrafts += int(np.count_nonzero(short))
            self.owed[s] = -short
            result.append((net - short) / volume)
        credit[:] = 0
        return result
