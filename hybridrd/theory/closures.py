"""Moment equations of systems with pairs, closed at second order.

Factorial moments of the copies n in all sites (species and voxels): ``m_i = E[n_i]`` and
``G_ij = E[n_i (n_j - delta_ij)]``, the second moment of del Razo 2024, eq. (A2). With pairs their
equations contain the third moments, ``T_ijk``, which a closure expresses by the first two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.errors import ModelError, StepError
from hybridrd.theory.cdme.event import Event

Closure = Callable[[Floats, Floats, Integers, Integers], Floats]


def gaussian(m: Floats, G: Floats, a: Integers, b: Integers) -> Floats:
    """``T_abj`` for pairs of sites a, b and every site j, if the third (factorial) cumulant is 0.

    ``m_a G_bj + m_b G_aj + m_j G_ab - 2 m_a m_b m_j``; exact for Poisson numbers. Shape
    ``(pairs, sites)``.
    """
    ma, mb = m[a, None], m[b, None]
    return np.asarray(ma * G[b] + mb * G[a] + m * G[a, b, None] - 2 * ma * mb * m)


def kirkwood(m: Floats, G: Floats, a: Integers, b: Integers) -> Floats:
    """``T_abj = G_ab G_aj G_bj/(m_a m_b m_j)``, Kirkwood's superposition; 0 where a mean is 0."""
    below = m[a, None] * m[b, None] * m
    above = G[a, b, None] * G[a] * G[b]
    return np.divide(above, below, out=np.zeros_like(above), where=below > 1e-200)


#: Closures by name; ``"poisson"`` has no correlations at all, and only means.
CLOSURES: dict[str, Closure | None] = {"poisson": None, "gaussian": gaussian, "kirkwood": kirkwood}


_FEW = 300  # number of unknowns up to which a full Jacobian pays


class MomentEquations:
    """The equations of m and G for some events.

    Parameters
    ----------
    events
        The events, with at most two copies each.
    species, voxels
        Number of species and of voxels.
    closure
        Closure of the third moments; None for no correlations.

    Raises
    ------
    ModelError
        If an event takes more than two copies, or is a drain.
    """

    def __init__(
        self, events: Sequence[Event], species: int, voxels: int, closure: Closure | None
    ) -> None:
        if any(e.any_one or e.law is not None or len(e.takes) > 2 for e in events):
            raise ModelError(
                "moments are closed for mass action of up to two, and walls without a drain (an "
                "Influx below 0); use cdme.solve"
            )
        self._events = sorted(events, key=lambda e: len(e.takes))
        self._closure = closure
        self.sites = species * voxels

        def flat(sites: Sequence[tuple[int, int]]) -> list[int]:
            return [s * voxels + i for s, i in sites]

        self._change = np.zeros((self.sites, len(events)))
        for n, e in enumerate(self._events):
            np.add.at(self._change[:, n], flat(e.makes), 1)
            np.add.at(self._change[:, n], flat(e.takes), -1)
        taken = [flat(e.takes) for e in self._events]
        self._one = np.array([t[0] for t in taken if len(t) == 1], int)
        self._pair = np.array([t for t in taken if len(t) == 2], int).reshape(-1, 2)
        self._none = len(events) - len(self._one) - len(self._pair)
        self._timed = [n for n, e in enumerate(self._events) if e.course is not None]
        self._rates = np.array([e.rate for e in self._events])

    def solve(self, m: Floats, G: Floats, times: Floats) -> list[tuple[Floats, Floats]]:
        """Means ``(sites,)`` and second moments ``(sites, sites)`` at increasing times.

        By LSODA, or by the Dormand-Prince method if there are many; relative tolerance 1e-7.
        Raises StepError if they diverge, which may happen if a closure fails.
        """
        from scipy.integrate import solve_ivp

        start = m if self._closure is None else np.concatenate([m, G.ravel()])
        end = max(float(times[-1]), 1e-300)
        with np.errstate(over="ignore", invalid="ignore"):
            found = solve_ivp(
                self._slope, (0.0, end), start, "LSODA" if len(start) <= _FEW else "RK45",
                t_eval=times, rtol=1e-7, atol=1e-10 * max(float(m.max(initial=0.0)), 1e-3),
            )  # fmt: skip
        if not found.success or not np.isfinite(found.y).all():
            raise StepError(
                f"the moments diverge by t = {found.t[-1] if len(found.t) else 0.0:.4g}: the "
                f"closure fails here; use cdme.solve"
            )
        n, closed = self.sites, self._closure is not None
        return [(y[:n], y[n:].reshape(n, n) if closed else np.outer(y, y)) for y in found.y.T]

    def _slope(self, t: float, y: Floats) -> Floats:
        n, rates = self.sites, self._rates
        if self._timed:
            rates = rates.copy()
            rates[self._timed] = [self._events[e].rate_at(t) for e in self._timed]
        m, (a, b) = y[:n], self._pair.T
        if self._closure is None:
            return np.asarray(self._change @ (rates * self._ways(m, m[a] * m[b])))
        G = y[n:].reshape(n, n)
        ways = self._ways(m, G[a, b])
        # E[ways n_j]: falling factorials times n_j, plus the multiplicity of j in `takes`.
        single, pair = G[self._one], self._closure(m, G, a, b)
        single[np.arange(len(self._one)), self._one] += m[self._one]
        every = np.arange(len(a))
        pair[every, a] += G[a, b]
        pair[every, b] += G[a, b]
        joint = np.concatenate([np.broadcast_to(m, (self._none, n)), single, pair])
        flow = self._change * rates
        rise = flow @ joint
        slope = flow @ ways
        second = rise + rise.T + (flow * ways) @ self._change.T - np.diag(slope)
        return np.concatenate([slope, second.ravel()])

    def _ways(self, m: Floats, pairs: Floats) -> Floats:
        """Expected ways of each event."""
        return np.concatenate([np.ones(self._none), m[self._one], pairs])
