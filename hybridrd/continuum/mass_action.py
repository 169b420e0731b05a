"""Reactions in the continuum: mass action, an ordinary differential equation in each cell."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats
from hybridrd.continuum import _mass_action as kernel
from hybridrd.errors import ModelError, StepError

# Propagators kept for rates and steps already seen; rates that vary in time use one each.
KEPT = 16


class MassAction:
    """Reactions of order 0, 1 and 2 with any products, positive for any step.

    A reaction fires ``k``, ``k c_A``, ``k c_A c_B`` or, for a pair of the same species,
    ``k c_A^2/2`` times per volume and time: ``2 A -> 0`` is ``dc/dt = -k c^2`` (del Razo 2024,
    eqs. (17) to (23)).

    Networks without second-order reactions and with the same rates everywhere are solved
    exactly, by a matrix exponential. All others by fourth-order Runge-Kutta substeps, so short
    beside every rate of change that the result is positive and right to about 1e-7, whatever
    the step.

    Parameters
    ----------
    reactants, products
        ``(reactions, species)``: how many of each species a reaction takes and makes.

    Raises
    ------
    ModelError
        If the shapes differ, a count is negative or an order exceeds 2.

    Examples
    --------
    ``2 A -> 0`` from c = 1: ``c(t) = 1/(1 + k t)``.

    >>> pair = MassAction(reactants=[[2]], products=[[0]])
    >>> pair.step(np.array([[1.0]]), k=[3.0], tau=1.0).round(6)
    array([[0.25]])
    """

    def __init__(self, reactants: NDArray[np.int64], products: NDArray[np.int64]) -> None:
        taken = np.asarray(reactants, dtype=np.int64)
        made = np.asarray(products, dtype=np.int64)
        if taken.ndim != 2 or taken.shape != made.shape:
            raise ModelError(
                f"reactants {taken.shape} and products {made.shape} must both be "
                "(reactions, species)"
            )
        if taken.size and min(taken.min(), made.min()) < 0:
            raise ModelError("a reaction takes or makes a negative number of a species")
        orders = taken.sum(axis=1)
        if taken.size and orders.max() > 2:
            raise ModelError(
                f"reaction {int(orders.argmax())} is of order {int(orders.max())}; "
                "the highest order is 2"
            )
        self.change = (made - taken).astype(np.float64)
        self.orders = orders
        pairs = [np.repeat(np.arange(len(row)), row) for row in taken]
        self._first = np.array([p[0] if len(p) > 0 else -1 for p in pairs], dtype=np.int64)
        self._second = np.array([p[1] if len(p) > 1 else -1 for p in pairs], dtype=np.int64)
        like = (orders == 2) & (self._first == self._second)
        self._factor = np.where(like, 0.5, 1.0)
        self._linear = bool(np.all(orders < 2))
        self._known: dict[tuple[bytes, float], Floats] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of reactions and of species."""
        return int(self.change.shape[0]), int(self.change.shape[1])

    def step(
        self,
        c: Floats,
        k: Floats,
        tau: float,
        out: Floats | None = None,
        extents: Floats | None = None,
    ) -> Floats:
        """The concentrations after ``tau``.

        Parameters
        ----------
        c
            ``(species, cells)``, not negative.
        k
            Macroscopic rates, ``(reactions,)`` or ``(reactions, cells)`` (amount per volume and
            time for order 0, 1/time, volume/time for order 2), not negative.
        tau
            Time, not negative.
        out
            Where to put the result; may be ``c`` itself.
        extents
            ``(reactions,)``: how often each reaction fired per volume, summed over the cells, is
            added to it (times the volume of a cell: the number of events).

        Raises
        ------
        ModelError
            If a shape does not fit, or a rate is negative or not finite.
        StepError
            If the concentrations grow without bound, or more than 300,000 substeps are needed.
        """
        reactions, species = self.shape
        field = np.ascontiguousarray(c, dtype=np.float64)
        rate = np.asarray(k, dtype=np.float64)
        if field.ndim != 2 or field.shape[0] != species:
            raise ModelError(f"concentrations have shape {field.shape}, not ({species}, cells)")
        if rate.shape not in ((reactions,), (reactions, field.shape[1])):
            raise ModelError(
                f"rates have shape {rate.shape}, neither ({reactions},) nor "
                f"({reactions}, {field.shape[1]})"
            )
        if reactions and not (float(rate.min()) >= 0 and math.isfinite(float(rate.max()))):
            raise ModelError(f"rates lie between {rate.min()} and {rate.max()}; they must be >= 0")
        if not (math.isfinite(tau) and tau >= 0):
            raise ModelError(f"the time to react is {tau}; it must be finite and >= 0")
        result = np.empty_like(field) if out is None else out
        if reactions == 0 or tau == 0.0 or field.shape[1] == 0:
            result[...] = field
        elif self._linear and rate.ndim == 1:
            self._exact(field, rate, tau, result, extents)
        else:
            self._integrate(field, rate, tau, result, extents)
        return result

    def _exact(self, c: Floats, k: Floats, tau: float, out: Floats, extents: Floats | None) -> None:
        species = self.shape[1]
        propagator = self._propagator(k, tau)
        if extents is not None:
            rows = propagator[species + 1 :]
            extents += rows[:, :species] @ c.sum(axis=1) + rows[:, species] * c.shape[1]
        kernel.apply(propagator[:species, : species + 1], c, out)
        if not math.isfinite(float(out.sum())):
            raise StepError(_unbounded(tau))

    def _propagator(self, k: Floats, tau: float) -> Floats:
        """Exponential for (concentrations, 1, events): a constant feeds order 0, events add up."""
        key = (k.tobytes(), tau)
        if key not in self._known:
            from scipy.linalg import expm

            reactions, species = self.shape
            generator = np.zeros((species + 1 + reactions,) * 2)
            for r, i in enumerate(self._first):
                column = species if i < 0 else i
                generator[:species, column] += k[r] * self.change[r]
                generator[species + 1 + r, column] += k[r]
            with np.errstate(over="ignore", invalid="ignore"):
                propagator = expm(generator * tau)
            # No entry of it can be negative; what round-off makes so is 0.
            propagator = np.maximum(propagator, 0.0)
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[key] = propagator
        return self._known[key]

    def _integrate(
        self, c: Floats, k: Floats, tau: float, out: Floats, extents: Floats | None
    ) -> None:
        rate = np.ascontiguousarray((k[:, None] if k.ndim == 1 else k) * self._factor[:, None])
        fired = np.zeros(self.shape[0])
        status = kernel.integrate(
            c, out, rate, self._first, self._second, self.change, tau, fired, extents is not None
        )
        if status == kernel.NOT_FINITE:
            raise StepError(_unbounded(tau))
        if status == kernel.TOO_FAST:
            raise StepError(
                f"reactions over {tau} need more than {kernel.MOST_SUBSTEPS:,} substeps: the "
                "rates are far too large for this time step"
            )
        if extents is not None:
            extents += fired


def _unbounded(tau: float) -> str:
    return (
        f"concentrations grow beyond all bounds within {tau}; check the rates of reactions that "
        "make more than they take, or use a smaller step"
    )
