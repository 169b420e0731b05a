"""Pairs of copies in cells within reach of each other, with the rates of voxels of the cdme."""

from __future__ import annotations

import itertools

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.kernels import cell_pairs as kernel
from hybridrd.kernels.cell_reactions import Cells, Moment
from hybridrd.model.reaction import Channel
from hybridrd.model.system import System
from hybridrd.model.voxel_pairs import reach_of, steps_within


def within_reach(system: System) -> list[int]:
    """Channels with partners at a distance, including dissociations."""
    if not system.correct_pairs:
        return []
    return [
        r for r, c in enumerate(system.channels) if c.back or (c.order == 2 and c.reach is not None)
    ]


class PairsInReach:
    """The pair reactions of a system with ``correct_pairs``, on the active cells of its grid.

    Parameters
    ----------
    system
        The system.
    active, position
        The active cells, and the number among them of each cell or -1.
    """

    def __init__(self, system: System, active: Integers, position: Integers) -> None:
        self.channels = within_reach(system)
        channels = [system.channels[r] for r in self.channels]
        tables = [_steps(system, channel) for channel in channels]
        taken = [[*map(system.index, c.reactants)] for c in channels]
        most = max((len(c.products) for c in channels), default=0)
        made = np.full((len(channels), most), -1, np.int64)
        place = np.zeros_like(made)
        for p, c in enumerate(channels):
            made[p, : len(c.products)] = [system.index(name) for name in c.products]
            place[p, : len(c.products)] = c.places
        grid = system.grid
        d = grid.dimension
        at = np.zeros((len(active), 3), np.int64)
        at[:, :d] = np.stack(np.unravel_index(active, grid.shape, order="F"), axis=1)
        shape, periodic = np.ones(3, np.int64), np.zeros(3, bool)
        shape[:d], periodic[:d] = grid.shape, [system.is_periodic(x) for x in grid.axes]
        self._table = kernel.CellPairs(
            channel=np.array(self.channels, np.int64),
            first=np.array([t[0] for t in taken], np.int64),
            second=np.array([t[1] if len(t) > 1 else -1 for t in taken], np.int64),
            made=made,
            place=place,
            start=np.array([0, *itertools.accumulate(len(w) for _, w in tables)], np.int64),
            step=np.concatenate([np.zeros((0, 3), np.int64), *(s for s, _ in tables)]),
            weight=np.concatenate([np.zeros(0), *(w for _, w in tables)]),
            at=at,
            position=position,
            shape=shape,
            periodic=periodic,
        )

    def react(self, cells: Cells, now: Moment, events: Integers) -> int:
        """Half a step; a status of `hybridrd.kernels.cell_reactions`."""
        return int(kernel.react_pairs(cells, self._table, now, events))


def _steps(system: System, channel: Channel) -> tuple[Integers, Floats]:
    """Steps to the other cell ``(n, 3)``, and the rate of a pair there for k = 1 ``(n,)``."""
    grid, reaction = system.grid, channel.reaction
    steps, mean = steps_within(grid, *reach_of(reaction))
    weight = mean / reaction.reactive_volume(grid.dimension)
    if channel.back:  # rate of one copy, with the other product anywhere in the cell
        weight = weight * grid.volume
    padded = np.zeros((len(steps), 3), np.int64)
    padded[:, : grid.dimension] = steps
    return padded, weight
