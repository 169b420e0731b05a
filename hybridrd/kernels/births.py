"""Births and deaths of discrete copies in identical cells, with numbers looked up in tables.

Each copy of a species dies within a half step with the same probability, and the births that
survive to its end and those that don't are independent Poisson numbers: exact for any step. Only
sums over all cells are counted, so those that don't survive are drawn for all cells together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import jit
from hybridrd.kernels.binomial import binomial
from hybridrd.kernels.copies import Table, from_table
from hybridrd.kernels.poisson import poisson
from hybridrd.kernels.rng import CELL_FAMILY, family_in_cell, words

_BLOCK = 256
_32 = np.uint64(32)


class Lives(NamedTuple):
    """How the copies of one species come and go in a half step.

    Parameters
    ----------
    species
        Its number.
    deaths, births
        The reactions that take and that make copies.
    chance
        Probability of a copy to die.
    living, dying
        Mean births in a cell of copies that live, and that do not live, at the end.
    die
        Table of how many die.
    come
        Table with one row, of births of copies that live; of size 0 where they are many.
    """

    species: int
    deaths: np.ndarray
    births: np.ndarray
    chance: float
    living: float
    dying: float
    die: Table
    come: Table


@jit
def two_words(names, count, now, word):
    """Two words of each cell, of its ``count``-th draw; a loop that vectorises."""
    for k in range(names.shape[0]):
        address = family_in_cell(names[k], now.half, count)
        w0, w1, w2, w3 = words(now.key, address, now.step, CELL_FAMILY, 0)
        word[0, k] = (w0 << _32) | w1
        word[1, k] = (w2 << _32) | w3


@jit
def _count(total, channel, cells, now, events):
    """Distribute ``total`` events over the reactions; each event may be of any of them."""
    rates, species = cells.rates, cells.n.shape[0]
    rest = 0.0
    for r in channel:
        rest += rates[r, 0]
    for k in range(channel.shape[0]):
        r = channel[k]
        share = 1.0 if k == channel.shape[0] - 1 else rates[r, 0] / rest
        address = family_in_cell(cells.names[0], now.half, 4 * species + r)
        m = binomial(total, share, now.key, address, now.step, CELL_FAMILY)
        events[r] += m
        total -= m
        rest -= rates[r, 0]


@jit
def live(cells, lives, now, events):
    """Half a step of births and deaths of one species in all cells; ``events`` by reaction."""
    s, n, names = lives.species, cells.n[lives.species], cells.names
    species, die, come = cells.n.shape[0], lives.die, lives.come
    word = np.empty((2, _BLOCK), np.uint64)
    died, born = 0, 0
    for begin in range(0, n.shape[0], _BLOCK):
        m = min(_BLOCK, n.shape[0] - begin)
        two_words(names[begin : begin + m], s, now, word)
        for k in range(m):
            i = begin + k
            if lives.chance == 0.0:
                gone = 0
            elif n[i] < die.size:
                gone = from_table(n[i], die, word[0, k])
            else:
                address = family_in_cell(names[i], now.half, species + s)
                gone = binomial(n[i], lives.chance, now.key, address, now.step, CELL_FAMILY)
            if come.size > 0:
                new = from_table(0, come, word[1, k])
            else:
                address = family_in_cell(names[i], now.half, 2 * species + s)
                new = poisson(lives.living, now.key, address, now.step, CELL_FAMILY)
            n[i] += new - gone
            died += gone
            born += new
    if n.shape[0] > 0:
        address = family_in_cell(names[0], now.half, 3 * species + s)
        short = poisson(lives.dying * n.shape[0], now.key, address, now.step, CELL_FAMILY)
        _count(born + short, lives.births, cells, now, events)
        _count(died + short, lives.deaths, cells, now, events)
