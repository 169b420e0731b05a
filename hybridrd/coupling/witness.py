"""Witnesses of the exchange, which see every particle that enters and leaves.

While there are any, the exchange runs in Python, with the same numbers.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from hybridrd.arrays import Floats, Ids, Integers
from hybridrd.particles.population import Population


class Witness(Protocol):
    """Observer of the exchange and motion in a step, which changes nothing."""

    def begin(self, population: Population, step: int) -> None:
        """See the particles before they are exchanged and move in a step."""

    def end(self, population: Population) -> None:
        """See them after that."""

    def moved(self, species: int, before: Floats, after: Floats) -> None:
        """See positions ``(d, n)`` before and after a move, including particles that leave."""

    def left(self, species: int, faces: Integers, x: Floats, ids: Ids, beyond: Floats) -> None:
        """See particles that leave.

        Parameters
        ----------
        faces
            The number of the face of each, ``(n,)``.
        x, ids
            Last positions, ``(d, n)``, and ids.
        beyond
            Positions outside, ``(d, n)``; infinite along the axis of the face of a box.
        """

    def entered(self, species: int, face: int, x: Floats, ids: Ids, beyond: Floats) -> None:
        """See particles that entered through a face, and their origin ``beyond`` it."""


Witnesses = tuple[Witness, ...]


def beyond_faces(x: Floats, index: Integers, width: Floats | None = None) -> Floats:
    """Positions beyond faces: infinitely far along the axis of the face, or by a cell's width.

    Parameters
    ----------
    x
        Positions, ``(d, n)``.
    index
        Twice the axis of each one's face, and one more for its upper side, ``(n,)``.
    width
        Width of a cell along each axis, ``(d,)``.
    """
    beyond, which = x.copy(), np.arange(x.shape[1])
    axis, sign = index // 2, np.where(index % 2, 1.0, -1.0)
    beyond[axis, which] += sign * (np.inf if width is None else width[axis])
    return beyond
