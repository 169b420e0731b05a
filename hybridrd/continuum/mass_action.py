"""Reactions in the continuum: mass action, an ordinary differential equation in each cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats
from hybridrd.continuum import _mass_action as kernel
from hybridrd.errors import ModelError, StepError
from hybridrd.kernels.laws import address_of
from hybridrd.kernels.rosenbrock import DONE, MOST_STEPS, NOT_FINITE
from hybridrd.model.rate_law import RateLaw

# Propagators kept for rates and steps already seen; rates that vary in time use one each.
KEPT = 16


class MassAction:
    """Reactions of any order with any products, positive for any step.

    A reaction fires ``k``, ``k c_A``, ``k c_A c_B`` or, for a pair of the same species,
    ``k c_A^2/2`` times per volume and time: ``2 A -> 0`` is ``dc/dt = -k c^2`` (del Razo 2024,
    eqs. (17) to (23)). From order three on it is k times the product of all concentrations, ``k
    c_A^2 c_B``, as for `hybridrd.Reaction`.

    Networks of order 0 and 1 with uniform rates are solved
    exactly, by a matrix exponential. All others are solved by fourth-order Runge-Kutta substeps, so
    short that the result is positive and accurate to about 1e-7, whatever
    the step. If that would take more than 25 substeps, an implicit method of order four is used,
    with the same error; it is positive, keeps every conserved combination, and its cost does not
    grow with the fastest rate (RODAS: Hairer and Wanner, "Solving ordinary differential equations
    II", IV.7).

    Parameters
    ----------
    reactants, products
        ``(reactions, species)``: numbers of each species that a reaction consumes and creates.
    laws
        For each reaction None, or a function of concentrations and the indices of the species of
        its arguments: the rate is then k times its value. The implicit method solves these
        networks.

    Raises
    ------
    ModelError
        If the shapes differ, a count is negative, or a function cannot be compiled.

    Examples
    --------
    ``2 A -> 0`` from c = 1: ``c(t) = 1/(1 + k t)``.

    >>> pair = MassAction(reactants=[[2]], products=[[0]])
    >>> pair.step(np.array([[1.0]]), k=[3.0], tau=1.0).round(6)
    array([[0.25]])
    """

    def __init__(
        self,
        reactants: NDArray[np.int64],
        products: NDArray[np.int64],
        laws: Sequence[tuple[RateLaw, Sequence[int]] | None] = (),
    ) -> None:
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
        self.change = (made - taken).astype(np.float64)
        self.orders = orders
        self._laws = {r: law for r, law in enumerate(laws) if law is not None}
        found = [np.repeat(np.arange(len(row)), row) for row in taken]
        like = [len(sites) == 2 and sites[0] == sites[1] for sites in found]
        for r, (_, places) in self._laws.items():
            found[r], like[r] = np.array(places, np.int64), False
        most = max(2, *(len(sites) for sites in found)) if found else 2
        self._sites = np.full((len(taken), most), -1, np.int64)
        for row, sites in zip(self._sites, found, strict=True):
            row[: len(sites)] = sites
        self._factor = np.where(like, 0.5, 1.0)
        self._addresses()
        self._linear = bool(np.all(orders < 2)) and not self._laws
        self._kept = conserved(made - taken)
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
        grain: tuple[float, float, float] = kernel.NOTHING,
        owed: Floats | None = None,
        drift: Callable[[], Floats] | None = None,
        after: bool = False,
    ) -> Floats:
        """The concentrations after ``tau``.

        Parameters
        ----------
        c
            ``(species, cells)``, not negative.
        k
            Macroscopic rates, ``(reactions,)`` or ``(reactions, cells)`` (amount per volume and
            time for order 0, 1/time, volume^(m - 1)/time for order m), not negative.
        tau
            Time, not negative.
        out
            Array for the result; may be ``c`` itself.
        grain
            For fluctuating contents: the concentration of one copy, and the numbers of copies
            below which nothing and above which all of it fluctuates. Pairs of one species then
            react ``k c (c - copy)/2`` times.
        drift, after
            Change of each concentration by diffusion per time, ``(species, cells)``, before this
            half step (``after``) or after it. It is requested only if reactions are stiff: their
            concentrations include it, but the result is the change by reactions alone.
        owed
            Debts, as concentrations. They react like content: the result is reduced by
            the difference of the results with and without them, and may be negative.

        Raises
        ------
        ModelError
            If a shape does not fit, or a rate is negative or not finite.
        StepError
            If the concentrations grow without bound, or 100,000 implicit substeps are not enough.
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
        before = field.copy() if owed is not None and result is field else field
        if reactions == 0 or tau == 0.0 or field.shape[1] == 0:
            result[...] = field
        elif self._linear and rate.ndim == 1:
            self._exact(field, rate, tau, result)
        else:
            self._integrate(field, rate, tau, result, grain, drift, after)
        if owed is not None and owed.any():
            cells = np.flatnonzero(owed.any(axis=0))
            some = rate if rate.ndim == 1 else rate[:, cells]
            without = self.step(before[:, cells], some, tau, grain=grain)
            result[:, cells] -= self.step(before[:, cells] + owed[:, cells], some, tau, grain=grain)
            result[:, cells] += without
        return result

    def _addresses(self) -> NDArray[np.int64]:
        """Address of the compiled laws in this process, 0 for mass action. Raises ModelError."""
        found = np.zeros(len(self._sites), np.int64)
        for r, (law, places) in self._laws.items():
            named = list(zip(law.names, places, strict=True))
            found[r] = address_of(law.function, named, law.where)
        return found

    def compiled(self, k: Floats, tau: float) -> tuple[Floats, Floats | None] | None:
        """For rates k the propagator of linear reactions over ``tau``, or the rates of others.

        The other is empty or None, see `hybridrd.continuum._line`; None where rates are functions
        of concentrations.
        """
        if self._laws:
            return None
        if self._linear and k.ndim == 1:
            return self._propagator(k, tau), None
        rate = (k[:, None] if k.ndim == 1 else k) * self._factor[:, None]
        return np.zeros((0, 0)), np.ascontiguousarray(rate)

    @property
    def sites(self) -> NDArray[np.int64]:
        """The reactants of each reaction, see `hybridrd.continuum._mass_action`."""
        return self._sites

    def _exact(self, c: Floats, k: Floats, tau: float, out: Floats) -> None:
        kernel.apply(self._propagator(k, tau), c, out)
        if not math.isfinite(float(out.sum())):
            raise StepError(_unbounded(tau))

    def _propagator(self, k: Floats, tau: float) -> Floats:
        """Exponential for (concentrations, 1): a constant feeds reactions of order 0."""
        key = (k.tobytes(), tau)
        if key not in self._known:
            from scipy.linalg import expm

            species = self.shape[1]
            generator = np.zeros((species + 1,) * 2)
            for r, i in enumerate(self._sites[:, 0]):
                generator[:species, species if i < 0 else i] += k[r] * self.change[r]
            with np.errstate(over="ignore", invalid="ignore"):
                propagator = expm(generator * tau)
            # No entry can be negative, except by round-off, which is set to 0.
            propagator = np.maximum(propagator, 0.0)
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[key] = propagator
        return self._known[key]

    def _integrate(
        self,
        c: Floats,
        k: Floats,
        tau: float,
        out: Floats,
        grain: tuple[float, float, float],
        drift: Callable[[], Floats] | None,
        after: bool,
    ) -> None:
        rate = np.ascontiguousarray((k[:, None] if k.ndim == 1 else k) * self._factor[:, None])
        left = np.full(-(-c.shape[1] // kernel.BLOCK), tau)
        laws = self._addresses()
        if self._laws:
            out[...] = c
            status = DONE
            stiff = kernel.stiff_laws(c, rate, self._sites, laws, self.change, tau)
        else:
            status = kernel.integrate(c, out, rate, self._sites, self.change, tau, grain, left)
            stiff = bool((left == tau).any())
        if status == DONE and left.any():
            # A separate kernel: most runs are never stiff, and it is slow to compile.
            flow = drift() if drift is not None and stiff else np.empty((len(c), 0))
            status = kernel.implicit(
                out, rate, self._sites, laws, self.change, *self._kept, tau, grain, left, flow,
                after,
            )  # fmt: skip
        if status == NOT_FINITE:
            for law, places in self._laws.values():  # names an invalid value
                law.at(dict(zip(law.names, (c[s] for s in places), strict=True)))
            raise StepError(_unbounded(tau))
        if status != DONE:
            raise StepError(
                f"reactions over {tau} need more than {MOST_STEPS:,} implicit substeps in a cell: "
                "the rates are far too large for this time step"
            )


def conserved(change: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64]]:
    """Combinations of species that no reaction changes, by exact elimination.

    Parameters
    ----------
    change
        ``(reactions, species)``: what each reaction adds to each species.

    Returns
    -------
    numpy.ndarray, numpy.ndarray
        Weights ``(combinations, species)``, and for each combination a species that is in no other.

    Examples
    --------
    ``A + B <-> C`` conserves B - A and A + C, say.

    >>> conserved(np.array([[-1, -1, 1], [1, 1, -1]]))
    (array([[-1.,  1.,  0.],
           [ 1.,  0.,  1.]]), array([1, 2]))
    """
    rows = [[Fraction(int(v)) for v in row] for row in change]
    leading: list[int] = []
    for s in range(change.shape[1]):
        at = next((r for r in range(len(leading), len(rows)) if rows[r][s] != 0), None)
        if at is None:
            continue
        rows[len(leading)], rows[at] = rows[at], rows[len(leading)]
        first = rows[len(leading)]
        first[:] = [v / first[s] for v in first]
        for row in rows:
            if row is not first and row[s] != 0:
                row[:] = [v - row[s] * w for v, w in zip(row, first, strict=True)]
        leading.append(s)
    free = [s for s in range(change.shape[1]) if s not in leading]
    weights = np.zeros((len(free), change.shape[1]))
    for m, s in enumerate(free):
        weights[m, s] = 1.0
        for row, lead in zip(rows, leading, strict=False):
            weights[m, lead] = -float(row[s])
    return weights, np.array(free, np.int64)


def _unbounded(tau: float) -> str:
    return (
        f"concentrations grow beyond all bounds within {tau}; check the rates of reactions that "
        "make more than they take, or use a smaller step"
    )
