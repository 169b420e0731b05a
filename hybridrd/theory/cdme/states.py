"""States of a voxel system: the number of copies of each species in each voxel.

One species in V voxels with at most M copies has ``comb(V + M, V)`` states. The partial sums
``s_j = n_0 + ... + n_j`` identify a state; ``s_j + j`` increases strictly, so
``sum_j comb(s_j + j, j + 1)`` numbers the states without gaps (the combinatorial number system).
States of several species are all combinations, the last species fastest.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats, Integers

OVER = -1
"""Marker in place of a state: an event would exceed the cut-off."""


def count_states(voxels: int, most: int) -> int:
    """Number of states of one species: ``comb(voxels + most, voxels)``.

    Examples
    --------
    >>> count_states(voxels=8, most=10)
    43758
    """
    return math.comb(voxels + most, voxels)


@dataclass(frozen=True)
class Occupations:
    """States of one species: occupation numbers of V voxels, with at most M copies in total.

    Parameters
    ----------
    voxels
        V.
    most
        M.

    Examples
    --------
    >>> Occupations(voxels=2, most=2).table.tolist()
    [[0, 0], [0, 1], [1, 0], [0, 2], [1, 1], [2, 0]]
    """

    voxels: int
    most: int

    @property
    def count(self) -> int:
        """Number of occupations."""
        return count_states(self.voxels, self.most)

    @cached_property
    def table(self) -> NDArray[np.int32]:
        """Occupation numbers of all states, ``(count, voxels)``."""
        columns = [np.arange(self.most + 1, dtype=np.int32)]  # partial sums, the total first
        for _ in range(self.voxels - 1):
            width = columns[-1] + 1  # partial sums do not decrease with the number of voxels
            parent = np.repeat(np.arange(len(width)), width)
            start = np.cumsum(width) - width
            smaller = np.arange(len(parent)) - start[parent]
            columns = [c[parent] for c in columns] + [smaller.astype(np.int32)]
        sums = np.stack(columns[::-1], axis=1)
        return np.diff(sums, axis=1, prepend=np.int32(0))

    @cached_property
    def totals(self) -> NDArray[np.int32]:
        """Total copies of each state, ``(count,)``."""
        return np.asarray(self.table.sum(axis=1, dtype=np.int32))

    def rank(self, occupations: NDArray[np.int32]) -> Integers:
        """Numbers of states with occupations ``(n, voxels)``; `OVER` beyond the cut-off."""
        sums = np.cumsum(occupations, axis=1, dtype=np.int64)
        over = sums[:, -1] > self.most
        number = np.zeros(len(sums), np.int64)
        for j in range(self.voxels):
            number += self._terms[j][np.minimum(sums[:, j], self.most)]
        number[over] = OVER
        return number

    @cached_property
    def _terms(self) -> list[Integers]:
        sums = range(self.most + 1)
        return [
            np.array([math.comb(s + j, j + 1) for s in sums], dtype=np.int64)
            for j in range(self.voxels)
        ]

    def choices(self, voxels: Sequence[int]) -> tuple[Integers, Floats]:
        """States with a copy in each voxel of a list, and the ways to choose distinct ones.

        A voxel listed twice needs two copies: ``n (n - 1)`` ordered ways.
        """
        ways = np.ones(self.count)
        for voxel, times in Counter(voxels).items():
            n = self.table[:, voxel].astype(np.float64)
            for k in range(times):
                ways *= np.maximum(n - k, 0.0)
        states = np.flatnonzero(ways)
        return states, ways[states]

    def change(self, states: Integers, taken: Sequence[int], made: Sequence[int]) -> Integers:
        """States after copies are removed from some voxels and others created."""
        if sorted(taken) == sorted(made):
            return states
        occupations = self.table[states]
        for voxel in taken:
            occupations[:, voxel] -= 1
        for voxel in made:
            occupations[:, voxel] += 1
        return self.rank(occupations)


@dataclass(frozen=True)
class States:
    """All combinations of the states of several species.

    Parameters
    ----------
    species
        The `Occupations` of each, on the same voxels.
    """

    species: tuple[Occupations, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of states of each species."""
        return tuple(s.count for s in self.species)

    @property
    def count(self) -> int:
        """Number of states."""
        return math.prod(self.shape)

    @property
    def strides(self) -> tuple[int, ...]:
        """Stride of each species in the number of the combined state."""
        return tuple(math.prod(self.shape[s + 1 :]) for s in range(len(self.shape)))
