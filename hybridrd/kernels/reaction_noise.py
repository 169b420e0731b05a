"""Random reactions of real contents: Langevin's noise in full cells, whole copies in others.

A reaction with the propensity a fires ``sqrt(a tau) xi`` times more often than on average within a
time tau, xi being a standard normal number for each cell and reaction (the chemical Langevin
equation: D. T. Gillespie, J. Chem. Phys. 113 (2000) 297). Like reactants are n (n - 1), as their
mean is. Where a species that takes part has fewer than `FEW` copies, the content is rounded up or
down at random, so that its mean stays; the whole copies react one by one, and the rest is kept.
"""

from __future__ import annotations

import math

import numpy as np

from hybridrd.kernels._jit import jit
from hybridrd.kernels.cell_reactions import DONE, new_work, propensity, react_cell
from hybridrd.kernels.rng import (
    CELL_ROUNDING,
    REACTION_NOISE,
    family_in_cell,
    normal_pair,
    uniforms,
)

FEW = 50.0  # copies


@jit
def react_randomly(x, cells, network, now, involved, lowest, change, few, events):
    """What noise adds to the contents x, and in cells with few copies what all reactions do.

    Parameters
    ----------
    x
        Contents ``(species, cells)``, which may be negative.
    cells, network, now
        As of `hybridrd.kernels.cell_reactions.react_cells`; the copies in ``cells`` are not used.
    involved
        Which species take part in reactions, ``(species,)``.
    lowest
        Cells with fewer copies of one of them have no noise.
    change
        Receives what is added to each content, ``(species, cells)``.
    few
        Receives where that is the whole half step, ``(cells,)``.
    events
        Scratch, ``(reactions,)``.
    """
    species, reactions = x.shape[0], network.sites.shape[0]
    work = new_work(species, reactions)
    rest = np.empty(species)
    for i in range(x.shape[1]):
        least = np.inf
        for s in range(species):
            change[s, i] = 0.0
            if involved[s]:
                least = min(least, x[s, i])
        few[i] = lowest <= least < FEW
        if least < lowest:
            continue
        for r in range(reactions):
            work.scale[r] = network.factors[r] * cells.volumes[i] ** network.powers[r]
        cell = cells.names[i]
        if few[i]:
            for s in range(species):
                address = family_in_cell(cell, now.half, s)
                u, _ = uniforms(now.key, address, now.step, CELL_ROUNDING, 0)
                work.x[s] = max(math.floor(x[s, i] + u), 0.0)
                rest[s] = x[s, i] - work.x[s]
            status = react_cell(i, cells, network, now, work, events)
            if status != DONE:
                return status
            for s in range(species):
                change[s, i] = work.x[s] + rest[s] - x[s, i]
            continue
        for s in range(species):
            work.x[s] = x[s, i]
        column = i if cells.rates.shape[1] > 1 else 0
        for r in range(reactions):
            a = propensity(r, work.x, network, cells.rates[r, column], work.scale[r])
            address = family_in_cell(cell, now.half, r)
            z, _ = normal_pair(now.key, address, now.step, REACTION_NOISE, 0)
            m = math.sqrt(max(a, 0.0) * now.tau) * z
            for s in range(species):
                if network.change[r, s] != 0:
                    change[s, i] += network.change[r, s] * m
    return DONE
