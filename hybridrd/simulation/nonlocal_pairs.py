"""Nonlocal pair reactions of the mean-field PDE: the left side of eq. (21).

The PDE has ``-k c_A(y) c_B(y)``, which is ``-int lambda(x, y) c_A(y) c_B(x) dx`` for concentrations
that hardly change over the reach of lambda (del Razo 2024, eqs. (21), (22)). Here the integral is a
sum over the cells within reach, with lambda averaged over both; products are in the cells of the
reactants that they replace, and partners beyond reservoir walls count.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from hybridrd.arrays import Floats
from hybridrd.continuum.field import Field
from hybridrd.model.reaction import Reaction
from hybridrd.model.system import System
from hybridrd.theory.cdme.pairs import pair_events, pair_table
from hybridrd.theory.cdme.voxels import make_voxels

_SHARE = 0.2  # fraction of a cell's content that may react in one substep


def is_nonlocal(reaction: Reaction) -> bool:
    """Whether the pairs of a reaction may be apart."""
    return reaction.order == 2 and reaction.reach is not None


class NonlocalPairs:
    """Reactions of pairs within reach of each other, between the cells of a field.

    Parameters
    ----------
    system
        The system; its other reactions are ignored.
    """

    def __init__(self, system: System) -> None:
        voxels = make_voxels(system, None)
        near = [r for r in system.reactions if is_nonlocal(r)]
        events = [
            e for r in near for e in pair_events(system, pair_table(system, r, voxels), voxels)
        ]
        events = sorted((e for e in events if e.rate > 0), key=lambda e: len(e.takes))
        self._volumes, count = voxels.volumes, voxels.count
        self._shape = (len(system.species), count)

        def flat(role: int, order: int) -> np.ndarray:
            sites = [e.takes[role] for e in events if len(e.takes) == order]
            return np.array([s * count + i for s, i in sites], np.int64)

        self._one, self._first, self._second = flat(0, 1), flat(0, 2), flat(1, 2)
        self._created = len(events) - len(self._one) - len(self._first)
        changes = [
            (s * count + i, n, sign)
            for n, e in enumerate(events)
            for sites, sign in ((e.takes, -1.0), (e.makes, 1.0))
            for s, i in sites
        ]
        rows, columns, signs = (np.array(part) for part in zip(*changes, strict=True))
        shape = (len(system.species) * count, len(events))
        self._change = sparse.csr_array((signs.astype(float), (rows, columns)), shape=shape)
        self._rates = np.array([e.rate for e in events])
        self._timed = [(n, e) for n, e in enumerate(events) if e.course is not None]

    def react(self, field: Field, step: int) -> None:
        """Half a step of these reactions by a Runge-Kutta method, with rates in its middle."""
        dt, t = 0.5 * field.dt, (step + 0.5) * field.dt
        for n, event in self._timed:
            self._rates[n] = event.rate_at(t)
        content = (field.c * self._volumes).ravel()
        done = 0.0
        while done < dt:
            first, fastest = self._slope(content)
            tau = min(dt - done, _SHARE / fastest if fastest > 0 else dt)
            second, _ = self._slope(content + 0.5 * tau * first)
            third, _ = self._slope(content + 0.5 * tau * second)
            fourth, _ = self._slope(content + tau * third)
            content = content + tau / 6 * (first + 2 * second + 2 * third + fourth)
            done = dt if tau == dt - done else done + tau
        field.c = content.reshape(self._shape) / self._volumes

    def _slope(self, n: Floats) -> tuple[Floats, float]:
        """Change of the content of all cells per time, and the fastest loss (1/time)."""
        ways = [np.ones(self._created), n[self._one], n[self._first] * n[self._second]]
        flow = self._rates * np.concatenate(ways)
        taken = np.concatenate([self._one, self._first, self._second])
        pairs = flow[len(flow) - len(self._first) :]
        single = flow[self._created : len(flow) - len(self._first)]
        loss = np.bincount(taken, np.concatenate([single, pairs, pairs]), len(n))
        speed = np.divide(loss, n, out=np.zeros_like(n), where=n > 0)
        return np.asarray(self._change @ flow), float(speed.max(initial=0.0))
