"""Copies that change cells: exact exchange between the two cells of a face, and at walls.

A copy of cell i passes a face to cell j with rate k_ij. Over a time t two cells exchange exactly:
each copy of i is then in j with probability ``k_ij/(k_ij + k_ji) (1 - exp(-(k_ij + k_ji) t))``, and
back likewise. Faces of one colour have no cell in common; colours follow each other forwards
and backwards, which is of second order in the step, and leaves independent Poisson contents in
proportion to ``1/k_ij`` as they are, whatever the step.

A binomial number is looked up in a table where a few copies meet one probability; from a variance
of 50 on it is a normal number with its next two moments corrected and rounded (Cornish and Fisher):
5e-5 from the binomial law in total variation at most, its mean and variance within 3e-6; else see
`hybridrd.kernels.binomial`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.binomial import binomial, inversion
from hybridrd.kernels.poisson import poisson
from hybridrd.kernels.rng import (
    CELL_ARRIVALS,
    CELL_ROUNDING,
    HOP,
    HOP_BACK,
    HOP_ON,
    family_in_cell,
    normals,
    uniform52,
    uniforms,
    words,
)

NORMAL = 50.0  # variance from which numbers are normal ones
_BLOCK = 256
_16, _32, _64 = np.uint64(16), np.uint64(32), np.uint64(64)
_LAST = np.uint64((1 << 48) - 1)
_ALIAS = np.uint64(0xFFFF)
_LOW = np.uint64(0xFFFFFFFF)


class Table(NamedTuple):
    """Alias tables of Binomial(n, p) for n below ``size``; none at all for size 0.

    Of a random word the highest ``bits[n]`` bits choose a column, and the next 48 whether its own
    number or its alias is taken (A. J. Walker, "An efficient method for generating discrete random
    variables with general distributions", ACM Transactions on Mathematical Software 3 (1977) 253).

    Parameters
    ----------
    size
        Of how many n.
    bits, start
        How many columns n has, as a power of 2, and where they start in ``columns``.
    columns
        The threshold (48 bits) and the alias (16) of each.
    """

    size: int
    bits: np.ndarray
    start: np.ndarray
    columns: np.ndarray


class Hopping(NamedTuple):
    """How the copies of one species hop in a step, from cell to cell and through walls.

    Parameters
    ----------
    order, part
        What is done one after another, ``(units, 3)``: a colour (-1: the walls), over half (0) or
        all (1) of a part of the step, and whether in reverse order; and what is added to addresses.
    colours
        Faces of colour k are those from ``colours[k]`` to ``colours[k + 1]``.
    first, second, address
        The two cells of each face, and the address of its random numbers.
    on, back
        Probabilities of a copy of the first and of the second cell, over half and all of a part,
        ``(2, faces)``.
    tables
        Numbers of the tables for `on` and `back` of each colour, -1 for none,
        ``(colours, 2, 2)``.
    near, spare
        For faces whose probabilities differ in a colour, the tables of the next larger ones, -1 for
        none, and the part of the copies that these let pass too often; by time, for `on` and
        `back`, ``(2, 2, faces)``, or of no face where there are none.
    sizes, rows
        How many rows each table has, and where they start.
    bits, start, columns
        See `Table`; of all tables.
    open_cell, open_address, open_side
        The cell of each face at an open wall, its address, and the number of the wall.
    leaving
        Probability of a copy to leave there, over half and all of a part, ``(2, open faces)``.
    """

    order: np.ndarray
    part: np.ndarray
    colours: np.ndarray
    first: np.ndarray
    second: np.ndarray
    address: np.ndarray
    on: np.ndarray
    back: np.ndarray
    tables: np.ndarray
    near: np.ndarray
    spare: np.ndarray
    sizes: np.ndarray
    rows: np.ndarray
    bits: np.ndarray
    start: np.ndarray
    columns: np.ndarray
    open_cell: np.ndarray
    open_address: np.ndarray
    open_side: np.ndarray
    leaving: np.ndarray


class Colour(NamedTuple):
    """Faces with no cell in common, as of `Hopping`; ``there`` and ``here`` are their tables."""

    first: np.ndarray
    second: np.ndarray
    address: np.ndarray
    on: np.ndarray
    back: np.ndarray
    there: Table
    here: Table


@jit
def table_layout(p, bits, start):
    """Choose how many columns each n has; returns their sum."""
    at = 0
    for n in range(bits.shape[0]):
        reach = min(n, int(n * p + 10.0 * math.sqrt(n * p * (1.0 - p)) + 12.0))
        bits[n] = 1
        while (1 << bits[n]) <= reach:
            bits[n] += 1
        start[n] = at
        at += 1 << bits[n]
    return at


@jit
def alias(share, columns):
    """Columns of a law: ``share`` has its probabilities times their number, and is used up.

    Vose's way: what is short of its share takes the rest.
    """
    m = columns.shape[0]
    todo = np.empty(m, np.int64)
    few, many = 0, m
    for k in range(m):
        if share[k] < 1.0:
            todo[few] = k
            few += 1
        else:
            many -= 1
            todo[many] = k
    while few > 0:
        few -= 1
        k = todo[few]
        if many == m:  # by round-off: all of it is its own
            columns[k] = (_LAST << _16) | np.uint64(k)
            continue
        rich = todo[many]
        threshold = min(np.uint64(share[k] * 2.0**48), _LAST)
        columns[k] = (threshold << _16) | np.uint64(rich)
        share[rich] -= 1.0 - share[k]
        if share[rich] < 1.0:
            many += 1
            todo[few] = rich
            few += 1
    for left in range(many, m):
        columns[todo[left]] = (_LAST << _16) | np.uint64(todo[left])


@jit
def fill_table(p, bits, start, columns):
    """Fill the columns of a `Table`."""
    odds = p / (1.0 - p)
    share = np.empty(columns.shape[0])
    for n in range(bits.shape[0]):
        m, at = 1 << bits[n], start[n]
        term = math.exp(n * math.log1p(-p))
        for k in range(m):
            share[k] = term * m
            term *= odds * (n - k) / (k + 1.0) if k < n else 0.0
        alias(share[:m], columns[at : at + m])


@inlined
def from_table(n, table, word):
    """A number with the law of row n of a table, from a random word."""
    bits = np.uint64(table.bits[n])
    column = word >> (_64 - bits)
    entry = table.columns[table.start[n] + np.int64(column)]
    own = ((word << bits) >> _16) < (entry >> _16)
    return np.int64(column) if own else np.int64(entry & _ALIAS)


@jit
def _part(n, p, z, key, address, step, purpose):
    """Binomial(n, p), from a normal number z where it is large."""
    variance = n * p * (1.0 - p)
    if variance < NORMAL:
        return binomial(n, p, key, address, step, purpose)
    s = math.sqrt(variance)
    skew, z2 = 1.0 - 2.0 * p, z * z
    rest = (1.0 - 6.0 * p * (1.0 - p)) * (z2 - 3.0) / 24.0
    rest -= skew * skew * (2.0 * z2 - 5.0) / 36.0 + 1.0 / 24.0
    k = math.floor(n * p + s * z + skew * (z2 - 1.0) / 6.0 + rest * z / s + 0.5)
    return min(max(int(k), 0), n)


@jit
def _look_up(address, first, key, step, word):
    """Two words of each face of a block; a loop of its own, so that it vectorises."""
    for k in range(address.shape[0]):
        w0, w1, w2, w3 = words(key, address[k] + first, step, HOP, 0)
        word[0, k] = (w0 << _32) | w1
        word[1, k] = (w2 << _32) | w3


@jit
def _normals(word, m, z):
    """A normal number from each word that chooses no column of a table then."""
    for side in range(2):
        for k in range(m):
            z[side, k], _ = normals(word[side, k] >> _32, word[side, k] & _LOW)


@jit
def exchange(n, colour, reverse, key, step, part):
    """Exchange the copies ``n`` of the two cells of each face of a `Colour`.

    ``part`` is added to the addresses. Faces that have cells in common are done one after another,
    in ``reverse`` order or not.
    """
    word, z = np.empty((2, _BLOCK), np.uint64), np.empty((2, _BLOCK))
    first, second, addresses, on, back, there, here = colour
    total = first.shape[0]
    for block in range(0, total, _BLOCK):
        m = min(_BLOCK, total - block)
        begin = total - block - m if reverse else block
        _look_up(addresses[begin : begin + m], part, key, step, word)
        normal = False
        for r in range(m):
            k = m - 1 - r if reverse else r
            f = begin + k
            i, j = first[f], second[f]
            ni, nj = n[i], n[j]
            few, few_back = ni < there.size, nj < here.size
            if not (normal or (few and few_back)):
                _normals(word, m, z)
                normal = True
            address = addresses[f] + part
            if few_back:
                change = from_table(nj, here, word[1, k])
            else:
                change = _part(nj, back[f], z[1, k], key, address, step, HOP_BACK)
            if few:
                change -= from_table(ni, there, word[0, k])
            else:
                change -= _part(ni, on[f], z[0, k], key, address, step, HOP_ON)
            n[i], n[j] = ni + change, nj - change


@jit
def _thinning(address, first, key, step, out):
    """Two uniform numbers of each face of a block, by which copies are taken back."""
    for k in range(address.shape[0]):
        w0, w1, w2, w3 = words(key, address[k] + first, step, HOP, 1)
        out[0, k], out[1, k] = uniform52(w0, w1), uniform52(w2, w3)


@jit
def _hopped(n, chance, hopping, drawn, path):
    """How many of n copies pass a face with a probability of its own.

    Looked up for the next larger one, and thinned: of k copies some are taken back at all with a
    probability below ``k spare``, so that a uniform number above that decides it mostly.
    """
    p, number, spare = chance
    word, v, z = drawn
    if number < 0 or n >= hopping.sizes[number]:
        key, address, step, purpose = path
        return _part(n, p, z, key, address, step, purpose)
    row = hopping.rows[number] + n
    bits = np.uint64(hopping.bits[row])
    column = word >> (_64 - bits)
    entry = hopping.columns[hopping.start[row] + np.int64(column)]
    own = ((word << bits) >> _16) < (entry >> _16)
    k = np.int64(column) if own else np.int64(entry & _ALIAS)
    return k - inversion(k, spare, 1.0 - v) if v < k * spare else k


@jit
def exchange_by_face(n, hopping, k, time, reverse, key, step, part):
    """`exchange` of colour k where the faces have probabilities of their own."""
    word, v, z = np.empty((2, _BLOCK), np.uint64), np.empty((2, _BLOCK)), np.empty((2, _BLOCK))
    start, stop = hopping.colours[k], hopping.colours[k + 1]
    for block in range(start, stop, _BLOCK):
        m = min(_BLOCK, stop - block)
        begin = start + stop - block - m if reverse else block
        addresses = hopping.address[begin : begin + m]
        _look_up(addresses, part, key, step, word)
        _thinning(addresses, part, key, step, v)
        _normals(word, m, z)
        for r in range(m):
            at = m - 1 - r if reverse else r
            f = begin + at
            i, j = hopping.first[f], hopping.second[f]
            on = hopping.on[time, f], hopping.near[time, 0, f], hopping.spare[time, 0, f]
            back = hopping.back[time, f], hopping.near[time, 1, f], hopping.spare[time, 1, f]
            drawn, theirs = (word[0, at], v[0, at], z[0, at]), (word[1, at], v[1, at], z[1, at])
            address = hopping.address[f] + part
            change = _hopped(n[j], back, hopping, theirs, (key, address, step, HOP_BACK))
            change -= _hopped(n[i], on, hopping, drawn, (key, address, step, HOP_ON))
            n[i], n[j] = n[i] + change, n[j] - change


@jit
def pass_walls(n, hopping, leaving, entering, key, step, part, passed):
    """Let copies leave with probabilities and Poisson numbers of them enter.

    ``entering`` below 0 takes out a Poisson number of copies, as far as they are there. How many
    left and entered is added to ``passed[wall]``.
    """
    for f in range(hopping.open_cell.shape[0]):
        i, side = hopping.open_cell[f], hopping.open_side[f]
        address = hopping.open_address[f] + part
        gone = binomial(n[i], leaving[f], key, address, step, HOP)
        came = poisson(abs(entering[f]), key, address, step, CELL_ARRIVALS)
        if entering[f] < 0.0:
            gone = gone + min(came, n[i] - gone)
            came = 0
        n[i] += came - gone
        passed[side, 0] += gone
        passed[side, 1] += came


@jit
def _table(hopping, number):
    if number < 0:
        return Table(0, hopping.bits, hopping.start, hopping.columns)
    row = hopping.rows[number]
    return Table(hopping.sizes[number], hopping.bits[row:], hopping.start[row:], hopping.columns)


@jit
def hop(n, hopping, units, entering, key, step, passed):
    """Copies ``n`` hop, in the units of a step from ``units[0]`` to ``units[1]``.

    ``entering`` is the mean at each open face, as ``leaving`` of `Hopping`.
    """
    for u in range(units[0], units[1]):
        k, time, reverse = hopping.order[u]
        part = hopping.part[u]
        if k < 0:
            pass_walls(n, hopping, hopping.leaving[time], entering[time], key, step, part, passed)
            continue
        a, b = hopping.colours[k], hopping.colours[k + 1]
        one = hopping.tables[k, time, 0] >= 0 and hopping.tables[k, time, 1] >= 0
        if hopping.near.shape[2] > 0 and not one:
            exchange_by_face(n, hopping, k, time, reverse != 0, key, step, part)
            continue
        colour = Colour(
            hopping.first[a:b], hopping.second[a:b], hopping.address[a:b],
            hopping.on[time, a:b], hopping.back[time, a:b],
            _table(hopping, hopping.tables[k, time, 0]),
            _table(hopping, hopping.tables[k, time, 1]),
        )  # fmt: skip
        exchange(n, colour, reverse != 0, key, step, part)


@jit
def whole_copies(content, names, key, step, species, out):
    """Round contents to integers ``out``: no content and no partial sum is off by 1 or more.

    Two cells in turn trade their fractions, until one of them is whole; each keeps its mean
    (J.-C. Deville and Y. Tille, "Unequal probability sampling without replacement through a
    splitting method", Biometrika 85 (1998) 89).
    """
    open_cell, a = -1, 0.0  # the cell that still has a fraction, and the fraction
    for i in range(content.shape[0]):
        whole = math.floor(content[i] + 0.5)
        out[i] = int(whole)
        if abs(content[i] - whole) <= 1e-6:
            continue
        out[i] = math.floor(content[i])
        b = content[i] - out[i]
        if open_cell < 0:
            open_cell, a = i, b
            continue
        u, _ = uniforms(key, family_in_cell(names[i], 0, species), step, CELL_ROUNDING, 0)
        total = a + b
        if total < 1.0:
            if u * total >= a:  # the new cell has all of it
                open_cell = i
            a = total
        else:
            if u * (2.0 - total) < 1.0 - b:  # the old cell has one copy
                out[open_cell] += 1
                open_cell = i
            else:
                out[i] += 1
            a = total - 1.0
        if a <= 1e-6 or a >= 1.0 - 1e-6:
            out[open_cell] += 1 if a > 0.5 else 0
            open_cell = -1
    if open_cell >= 0:
        u, _ = uniforms(key, family_in_cell(names[open_cell], 1, species), step, CELL_ROUNDING, 0)
        out[open_cell] += 1 if u < a else 0


@jit
def initial_copies(means, key, address, step, purpose, out):
    """Add a Poisson number of each mean to ``out``, cell by cell; returns their sum."""
    total = 0
    for i in range(means.shape[0]):
        k = poisson(means[i], key, np.uint64(address) + np.uint64(i), step, purpose)
        out[i] += k
        total += k
    return total
