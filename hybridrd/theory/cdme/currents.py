"""Currents of probability between copy numbers: the loss and gain terms, integrated over space.

Reactions and walls move probability from the densities of n copies to those of other numbers (del
Razo 2024, Figs. 1 and 2). The loss of one state is the gain of another,
``int L_n rho_n dx = int G_m rho_n dx``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hybridrd.arrays import Floats
from hybridrd.theory.cdme.generator import Matrix
from hybridrd.theory.cdme.states import States


class Currents:
    """Sums of a generator's transitions by the copy numbers left, and by their change.

    Parameters
    ----------
    states
        The state space.
    matrix
        The generator's matrix; only its sparsity pattern is used here.

    Attributes
    ----------
    changes
        Changes of the numbers of all species, ``(changes, species)``; jumps between voxels change
        nothing and are left out, and so are transitions beyond the cut-off.
    """

    def __init__(self, states: States, matrix: Matrix) -> None:
        sizes = [one.most + 1 for one in states.species]
        state = np.unravel_index(np.arange(states.count), states.shape)
        totals = np.stack([o.totals[s] for o, s in zip(states.species, state, strict=True)])
        target = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        source = matrix.indices
        kept = np.flatnonzero((target < states.count) & (source < states.count))
        # The change of each entry as one number, all numbers shifted to be positive.
        spans = [2 * size - 1 for size in sizes]
        change = np.zeros(len(kept), np.int64)
        for total, size in zip(totals, sizes, strict=True):
            apart = total[target[kept]].astype(np.int64) - total[source[kept]]
            change = change * (2 * size - 1) + apart + size - 1
        still = np.ravel_multi_index([size - 1 for size in sizes], spans)
        kept, change = kept[change != still], change[change != still]
        codes, which = np.unique(change, return_inverse=True)
        digits = np.stack(np.unravel_index(codes, spans), axis=1)
        self.changes = digits - np.array(sizes) + 1
        number = np.ravel_multi_index(tuple(totals), sizes)
        self._kept, self._source = kept, source[kept]
        self._shape = (len(codes), *sizes)
        self._entry = which * int(np.prod(sizes)) + number[self._source]

    def __call__(self, matrix: Matrix, p: Floats) -> Floats:
        """Probability per time that leaves each combination of numbers by each change.

        Shape ``(changes, n_A, n_B, ...)``.
        """
        flow = matrix.data[self._kept] * p[self._source]
        sums = np.bincount(self._entry, flow, int(np.prod(self._shape)))
        return sums.astype(np.float64).reshape(self._shape)

    def labels(self, names: Sequence[str]) -> list[str]:
        """The changes in words, ``"+1 A, -1 B"``."""
        return [
            ", ".join(f"{n:+d} {name}" for n, name in zip(change, names, strict=True) if n)
            for change in self.changes.tolist()
        ]
