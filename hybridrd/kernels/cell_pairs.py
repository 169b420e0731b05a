"""Pairs of discrete copies in cells within reach of each other: Doi's model on a grid.

A copy in cell i and one in cell j react with Doi's rate averaged over both cells. Cells are
processed one after another, forwards in the first half step and backwards in the second; the copies
of each react event by event (D. T. Gillespie, J. Comput. Phys. 22 (1976) 403) with all others. As
cells become small this tends to Doi's model of particles (S. A. Isaacson, J. Chem. Phys. 139,
054101 (2013)).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import jit
from hybridrd.kernels.cell_reactions import DONE, TOO_MANY
from hybridrd.kernels.rng import CELL_PAIR, event_draw, uniforms

_MOST_EVENTS = (1 << 23) - 1


class CellPairs(NamedTuple):
    """Reactions of two copies, and dissociations into two cells.

    Parameters
    ----------
    channel
        The reaction of each, ``(pairs,)``.
    first, second
        Species of the reactants, ``(pairs,)``; the second is -1 for a dissociation.
    made, place
        Species of the products, -1 for none, and whether each is put into the first cell (0) or
        the second, ``(pairs, most)``.
    start
        The steps of pair p are ``start[p]`` to ``start[p + 1]``, ``(pairs + 1,)``.
    step, weight
        Where the second cell is, in cells ``(steps, 3)``, and the rate of one pair there for a
        macroscopic rate of 1, ``(steps,)``.
    at, position
        Place of each active cell in the grid ``(active, 3)``, and number among the active cells of
        each cell of the grid, or -1, ``(cells,)``.
    shape, periodic
        Of the grid, ``(3,)``.
    """

    channel: np.ndarray
    first: np.ndarray
    second: np.ndarray
    made: np.ndarray
    place: np.ndarray
    start: np.ndarray
    step: np.ndarray
    weight: np.ndarray
    at: np.ndarray
    position: np.ndarray
    shape: np.ndarray
    periodic: np.ndarray


@jit
def _find(i, pairs, target):
    """The active cell at each step from the i-th one, -1 for none."""
    for s in range(target.shape[0]):
        flat, stride = 0, 1
        for axis in range(3):
            size = pairs.shape[axis]
            x = pairs.at[i, axis] + pairs.step[s, axis]
            if pairs.periodic[axis]:
                x %= size
            if x < 0 or x >= size:
                flat = -1
                break
            flat += stride * x
            stride *= size
        target[s] = -1 if flat < 0 else pairs.position[flat]


@jit
def _propensities(i, n, rates, pairs, target, a):
    """The propensity of each step of each reaction of the i-th cell; their sum."""
    total = 0.0
    for p in range(pairs.channel.shape[0]):
        s, other, r = pairs.first[p], pairs.second[p], pairs.channel[p]
        for m in range(pairs.start[p], pairs.start[p + 1]):
            a[m] = 0.0
            j = target[m]
            if n[s, i] == 0 or j < 0:
                continue
            k = rates[r, i] if rates.shape[1] > 1 else rates[r, 0]
            ways = float(n[s, i])
            if other >= 0:
                if rates.shape[1] > 1:
                    k = 0.5 * (k + rates[r, j])
                partners = n[other, j]
                if s == other and i == j:
                    partners -= 1
                # For identical reactants each pair is counted from both of its cells.
                ways *= 0.5 * partners if s == other else partners
            a[m] = k * pairs.weight[m] * ways
            total += a[m]
    return total


@jit
def _choose(a, choice):
    """The step at which the sum of propensities first exceeds ``choice``."""
    chosen = 0
    for m in range(a.shape[0]):
        if a[m] > 0.0:
            chosen = m
            choice -= a[m]
            if choice < 0.0:
                break
    return chosen


@jit
def _fire(i, j, p, n, pairs):
    """Let pair reaction p happen between cells i and j."""
    n[pairs.first[p], i] -= 1
    if pairs.second[p] >= 0:
        n[pairs.second[p], j] -= 1
    for m in range(pairs.made.shape[1]):
        s = pairs.made[p, m]
        if s >= 0:
            n[s, i if pairs.place[p, m] == 0 else j] += 1


@jit
def react_pairs(cells, pairs, now, events):
    """Half a step of all pairs of copies within reach; `DONE` or `TOO_MANY`.

    ``cells`` and ``now`` are as of `hybridrd.kernels.cell_reactions.react_cells`, ``pairs`` is a
    `CellPairs`; ``events`` counts by reaction.
    """
    n, active, steps = cells.n, cells.n.shape[1], pairs.step.shape[0]
    target, a = np.empty(steps, np.int64), np.empty(steps)
    for turn in range(active):
        i = turn if now.half == 0 else active - 1 - turn
        present = False
        for p in range(pairs.channel.shape[0]):
            present = present or n[pairs.first[p], i] > 0
        if not present:
            continue
        _find(i, pairs, target)
        left, event = now.tau, 0
        total = _propensities(i, n, cells.rates, pairs, target, a)
        while total > 0.0:
            if event >= _MOST_EVENTS:
                return TOO_MANY
            cell, draw = np.uint64(cells.names[i]), event_draw(now.half, event)
            u, v = uniforms(now.key, cell, now.step, CELL_PAIR, draw)
            event += 1
            left += math.log(u) / total
            if left <= 0.0:
                break
            chosen = _choose(a, v * total)
            p = np.searchsorted(pairs.start, chosen, side="right") - 1
            _fire(i, target[chosen], p, n, pairs)
            events[pairs.channel[p]] += 1
            total = _propensities(i, n, cells.rates, pairs, target, a)
    return DONE
