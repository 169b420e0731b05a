"""Rows of an event log for the reactions of pairs in half a step."""

from __future__ import annotations

from typing import final

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.kernels.first_order import NAMELESS, NOBODY


@final
class PairRows:
    """Rows of the events of one half step, in the order of their times.

    Parameters
    ----------
    ids
        Ids of the particles by their numbers; who has a higher number, for example one born in
        this half step, has none.
    n, most, d
        How many events there are, the largest number of their products, and of coordinates.
    """

    def __init__(self, ids: Integers, n: int, most: int, d: int) -> None:
        self._ids = np.append(ids, NAMELESS)
        self._time, self._place = np.zeros(n), np.zeros((n, d))
        self._what = np.zeros(n, np.int64)
        self._reactants = np.full((n, 2), NOBODY, np.int64)
        self._products = np.full((n, most), NOBODY, np.int64)

    def note(
        self, at: Integers, channel: int, time: Floats, actors: list[Integers],
        stay: list[bool], products: int, places: tuple[Floats, Floats], here: np.ndarray,
    ) -> int:  # fmt: skip
        """Note events of one reaction; returns the column of their first new product.

        Parameters
        ----------
        at
            Their numbers in the half step.
        channel, time
            The reaction, and when.
        actors, stay
            Numbers of each reactant, and whether it stays.
        products
            How many are new.
        places, here
            Places of both reactants ``(d, events)``, and whether the first is in the region.
        """
        self._what[at], self._time[at] = channel, time
        self._place[at] = np.where(here, *places).T
        column = 0
        for role, (numbers, stays) in enumerate(zip(actors, stay, strict=True)):
            who = self._ids[np.minimum(numbers, len(self._ids) - 1)]
            self._reactants[at, role] = who
            if stays:
                self._products[at, column] = who
                column += 1
        self._products[at, column : column + products] = NAMELESS
        return column

    def born(self, at: Integers, column: Integers, ids: Integers) -> None:
        """Note the ids of new particles, by event and column."""
        self._products[at, column] = ids

    @property
    def columns(self) -> tuple[Floats, Integers, Integers, Integers, Floats]:
        """Times in the half step, reactions, reactants, products and places."""
        return self._time, self._what, self._reactants, self._products, self._place
