"""Pairs of copies in cells with partners beyond walls that hold reactants."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.model.system import System
from hybridrd.simulation.nonlocal_pairs import is_nonlocal
from hybridrd.theory.cdme.event import Event
from hybridrd.theory.cdme.pairs import pair_events, pair_table
from hybridrd.theory.cdme.voxels import make_voxels


class WallPairs:
    """What the events of pairs across walls are to the cells inside: first order, or creation.

    A copy reacts with the partners beyond walls within its reach at ``lambda0 c_R V_cap`` (del
    Razo 2024, section III.A), averaged over its cell as the master equation does; complexes
    dissociate across a wall as often as partners meet there.

    Parameters
    ----------
    system
        The system.
    position
        The number of each cell of the grid among the active ones, or -1.
    volumes
        Of the active cells.

    Attributes
    ----------
    channel
        The channel of the system that each belongs to, ``(n,)``.
    taken, made
        Species that each takes and makes.
    """

    def __init__(self, system: System, position: Integers, volumes: Floats) -> None:
        voxels = make_voxels(system, None)
        at = position[np.arange(system.grid.cells)[voxels.free]]
        rows: dict[tuple[int, tuple[int, ...], tuple[int, ...]], int] = {}
        found: list[tuple[int, int, float, Event]] = []
        for reaction in filter(is_nonlocal, system.reactions):
            names = {*reaction.reactants, *reaction.products}
            walls = system.walls.values()
            if not any(wall.law(name).is_reservoir for wall in walls for name in names):
                continue
            numbers = [n for n, c in enumerate(system.channels) if c.reaction == reaction]
            reactants = [system.index(name) for name in reaction.reactants]
            table = pair_table(system, reaction, voxels)
            none = np.zeros(0, np.int64)
            back = None if table.back is None else np.zeros(0)
            across = replace(table, first=none, second=none, back=back)
            for event in pair_events(system, across, voxels):
                taken, made = (tuple(s for s, _ in sites) for sites in (event.takes, event.makes))
                cell = at[(event.takes or event.makes)[0][1]]
                if cell < 0 or (event.rate == 0 and event.course is None):
                    continue
                meets = len(taken) == 1 and taken[0] in reactants
                key = numbers[0 if meets else -1], taken, made
                row = rows.setdefault(key, len(rows))
                found.append((row, int(cell), 1.0 if taken else 1.0 / volumes[cell], event))
        self.channel = np.array([key[0] for key in rows], np.int64)
        self.taken = [list(key[1]) for key in rows]
        self.made = [list(key[2]) for key in rows]
        self._constant = np.zeros((len(rows), len(volumes)))
        for row, cell, share, event in found:
            if event.course is None:
                self._constant[row, cell] += share * event.rate
        self._timed = [one for one in found if one[3].course is not None]

    def at(self, t: float) -> Floats:
        """Rates in the active cells: of a copy (1/time), or of creation (1/length^d/time)."""
        if not self._timed:
            return self._constant
        rates = self._constant.copy()
        for row, cell, share, event in self._timed:
            rates[row, cell] += share * event.rate_at(t)
        return rates
