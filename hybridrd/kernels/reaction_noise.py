"""Random reactions of real contents: Langevin's noise.

A reaction with the propensity a fires ``sqrt(a tau) xi`` times more often than on average within a
time tau, with a standard normal number xi for each cell and reaction (the chemical Langevin
equation: D. T. Gillespie, J. Chem. Phys. 113 (2000) 297). Identical reactants have n (n - 1), as in
the mean.
"""

from __future__ import annotations

import math

import numpy as np

from hybridrd.kernels._jit import jit
from hybridrd.kernels.cell_reactions import propensity
from hybridrd.kernels.rng import REACTION_NOISE, family_in_cell, normal_pair


@jit
def reaction_noise(x, cells, network, now, change):
    """Add the change of the contents x by noise to ``change``, both ``(species, cells)``.

    ``cells``, ``network`` and ``now`` are as of `hybridrd.kernels.cell_reactions.react_cells`; the
    copies in ``cells`` are not used.
    """
    species, reactions = x.shape[0], network.sites.shape[0]
    content = np.empty(species)
    for i in range(x.shape[1]):
        for s in range(species):
            content[s] = x[s, i]
        column = i if cells.rates.shape[1] > 1 else 0
        for r in range(reactions):
            scale = network.factors[r] * cells.volumes[i] ** network.powers[r]
            a = propensity(r, content, network, cells.rates[r, column], scale)
            address = family_in_cell(cells.names[i], now.half, r)
            z, _ = normal_pair(now.key, address, now.step, REACTION_NOISE, 0)
            m = math.sqrt(max(a, 0.0) * now.tau) * z
            for s in range(species):
                change[s, i] += network.change[r, s] * m
