"""Solver of one implicit stage of a diffusion step, and the two stages of a step."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np

from hybridrd.arrays import Floats
from hybridrd.continuum.assembled import Assembled

G = 1.0 - 1.0 / math.sqrt(2.0)


class Solver(ABC):
    """Base of all solvers of ``matrix @ u = rhs``, each made for one matrix.

    1. A new solver implements `solve`.
    2. If it can do both stages of a step at less cost, it overrides `two_stages`.
    3. If it knows the matrix without its entries, it overrides `product`.

    Attributes
    ----------
    name
        Its kind in results and messages.
    """

    name: ClassVar[str]

    @abstractmethod
    def solve(self, rhs: Floats) -> Floats:
        """The solution, of the shape of ``rhs``: ``(active,)`` or ``(m, active)``."""

    def product(self, assembled: Assembled, u: Floats) -> Floats:
        """``matrix @ u``, with which the solver is checked, ``(active,)``."""
        return np.asarray(assembled.matrix @ u)

    def two_stages(
        self, u: Floats, given: Floats | None, scale: float | Floats, inflow: Floats | None
    ) -> tuple[Floats, Callable[[], Floats]]:
        """Two stages of length ``g dt`` of the diagonally implicit step, ``g = 1 - 1/sqrt(2)``.

        ``u1 = S(u + w)``, ``u2 = S(u + (1/g - 1)(u1 - u) + w)``, S(v) being the solution of
        ``matrix @ S = v scale + inflow``.

        Parameters
        ----------
        u
            Concentrations before, ``(active,)``.
        given
            Source of each stage (w), as a concentration.
        scale
            Volume over length of the stage, ``volume/tau``.
        inflow
            Contribution of walls to each right-hand side.

        Returns
        -------
        numpy.ndarray, callable
            ``u2``, and a function for ``(1 - g) u1 + g u2``, whose fluxes are those of the whole
            step.
        """
        first = self.solve(right_side(u, given, scale, inflow))
        second = (1.0 / G - 1.0) * (first - u)
        second += u
        new = self.solve(right_side(second, given, scale, inflow))
        kept = new.copy()
        return new, lambda: (1.0 - G) * first + G * kept


def right_side(
    u: Floats, source: Floats | None, scale: float | Floats, inflow: Floats | None
) -> Floats:
    """Right-hand side of one implicit stage: (u + source) volume/tau + inflow."""
    rhs = u * scale if source is None else (u + source) * scale
    if inflow is not None:
        rhs += inflow
    return rhs


def not_finite(u: Floats, source: Floats | None) -> str:
    """Error message for a field that is no longer finite."""
    bad = int(np.count_nonzero(~np.isfinite(u)))
    added = 0 if source is None else int(np.count_nonzero(~np.isfinite(source)))
    return (
        f"diffusion gave a concentration that is not finite: of {len(u)} cells {bad} were not "
        f"finite before, {added} have a source that is not; look at rates, walls, initial state"
    )
