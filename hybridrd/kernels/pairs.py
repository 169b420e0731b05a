"""Reactions of order two: Doi pairs by a cell list, or by brute force if there are few.

Particles are sorted into cells of at least the Doi radius. Each pair within the radius has its own
random number, looked up by the two ids and the step, which gives the time of its reaction. So
results do not depend on the order in which pairs are found.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.cell_list import row_of, row_start
from hybridrd.kernels.rng import pair_words, uniform52

_32 = np.uint64(32)
_BLOCK = 512


@inlined
def _gap(delta, width):
    """The shortest distance of two coordinates; ``width`` is the period, infinite for none."""
    a = abs(delta)
    b = width - a
    return a if a < b else b


class Pairs(NamedTuple):
    """Pairs of particles, and those of them that react; one entry a pair.

    Parameters
    ----------
    i, j
        Where the partners stand in their arrays.
    time, priority
        When the pair reacts, in half steps; of two at the same time the lower priority is first.
    turned
        Whether j is the first reactant, not i; of like pairs only.
    """

    i: np.ndarray
    j: np.ndarray
    time: np.ndarray
    priority: np.ndarray
    turned: np.ndarray


@jit
def local_hazards(i, j, xa, xb, hazard, cells, periods):
    """The hazard of each pair, that of the cell of the point midway between its partners."""
    low, inverse, shape = cells.low, cells.inverse, cells.shape
    result = np.empty(i.shape[0])
    for k in range(i.shape[0]):
        index = 0
        for a in range(xa.shape[0] - 1, -1, -1):
            one, other = xa[a, i[k]], xb[a, j[k]]
            middle = 0.5 * (one + other)
            if abs(other - one) * 2.0 > periods[a] > 0.0:
                middle += 0.5 * periods[a]  # the pair is joined through the periodic wall
            c = math.floor((middle - low[a]) * inverse[a])
            if periods[a] > 0.0:
                c %= shape[a]
            index = index * shape[a] + min(max(c, 0), shape[a] - 1)
        result[k] = hazard[index]
    return result


@inlined
def shortest(delta, period):
    """The shortest difference of two coordinates; ``period`` is 0 for none."""
    return delta - period * np.floor(delta / period + 0.5) if period > 0.0 else delta


@inlined
def _shell(r2, reach, shells):
    return min(np.int64(r2 / (reach * reach) * shells), shells - 1)


@jit
def shell_of(x, y, reach, shells):
    """In which of so many shells of equal r² up to the reach two points are of each other."""
    r2 = 0.0
    for a in range(x.shape[0]):
        away = x[a] - y[a]
        r2 += away * away
    return _shell(r2, reach, shells)


@jit
def by_distance(i, j, xa, xb, shells, reach, periods):
    """For each pair the value of the shell that its distance is in."""
    result = np.empty(i.shape[0])
    for k in range(i.shape[0]):
        r2 = 0.0
        for a in range(xa.shape[0]):
            away = shortest(xb[a, j[k]] - xa[a, i[k]], periods[a])
            r2 += away * away
        result[k] = shells[_shell(r2, reach, shells.shape[0])]
    return result


@inlined
def _reach(place, reach, low, inverse, count, periodic):
    """First and last cell along one axis within reach; beyond the ends where it is periodic."""
    first = np.int64(np.floor((place - reach - low) * inverse))
    last = np.int64(np.floor((place + reach - low) * inverse))
    if not periodic:
        return max(first, 0), min(last, count - 1)
    return (first, last) if last - first < count else (0, count - 1)  # no cell twice


@inlined
def _turned(cell, count):
    """A cell number taken periodically; no more than one turn off, so without a division."""
    return cell + count if cell < 0 else (cell - count if cell >= count else cell)


@inlined
def _period(periods, axis):
    """The period of an axis, infinite where there is none."""
    return periods[axis] if axis < periods.shape[0] and periods[axis] > 0.0 else np.inf


@inlined
def _within(xb, begin, d, x, y, z, r2, close):
    """Which of eight particles in a row are within the radius of a point: whole vectors."""
    if d == 3:
        for k in range(8):
            a, b, c = xb[0, begin + k] - x, xb[1, begin + k] - y, xb[2, begin + k] - z
            close[k] = a * a + b * b + c * c <= r2
    elif d == 2:
        for k in range(8):
            a, b = xb[0, begin + k] - x, xb[1, begin + k] - y
            close[k] = a * a + b * b <= r2
    else:
        for k in range(8):
            a = xb[0, begin + k] - x
            close[k] = a * a <= r2


@inlined
def _within_periodic(xb, begin, d, x, y, z, widths, r2, close):
    """`_within` where at least one axis is periodic; ``widths`` are infinite along the others."""
    if d == 3:
        for k in range(8):
            a = _gap(xb[0, begin + k] - x, widths[0])
            b = _gap(xb[1, begin + k] - y, widths[1])
            c = _gap(xb[2, begin + k] - z, widths[2])
            close[k] = a * a + b * b + c * c <= r2
    elif d == 2:
        for k in range(8):
            a = _gap(xb[0, begin + k] - x, widths[0])
            b = _gap(xb[1, begin + k] - y, widths[1])
            close[k] = a * a + b * b <= r2
    else:
        for k in range(8):
            a = _gap(xb[0, begin + k] - x, widths[0])
            close[k] = a * a <= r2


@inlined
def _run(part, row, x0, x1, count, mask):
    """First and last place of one part of the cells x0 to x1 in a row, (0, -1) for none.

    Through a periodic wall they are two parts, and where rows are scattered each of these two, as
    it may go on at the start of the table.
    """
    piece = part if mask == 0 else part // 2
    if x0 >= 0 and x1 < count:
        first, last = row + x0, row + x1
    elif piece == 0:
        first, last = row + (x0 + count if x0 < 0 else x0), row + count - 1
    else:
        first, last = row, row + (x1 if x0 < 0 else x1 - count)
    if mask != 0:
        first, last = first & mask, last & mask
        around = first > last  # the end of the table
        if part % 2 == 1:
            return (0, last) if around else (0, -1)
        if around:
            last = np.int64(mask)
    return first, last


@jit
def find_close(xa, na, xb, starts_b, like, radius, cells, out_i, out_j):
    """All pairs within the radius; returns their number, which may exceed the room for them.

    ``cells`` and ``starts_b`` describe the `CellList` of the second species, its cells not narrower
    than the radius unless one is the only one of its axis. ``xb`` must have room for eight
    particles more than there are. Cells along the first axis stand side by side, so what is within
    reach are a few runs of particles; a run is looked through eight at a time.
    """
    d = xa.shape[0]
    low, inverse, shape, widths, mask = cells
    nx, ny, nz = shape[0], shape[1] if d > 1 else 1, shape[2] if d > 2 else 1
    period = (_period(widths, 0), _period(widths, 1), _period(widths, 2))
    px, py, pz = period[0] < np.inf, period[1] < np.inf, period[2] < np.inf
    periodic = px or py or pz
    room = out_i.shape[0]
    r2 = radius * radius
    reach = radius * (1.0 + 1e-12)
    eight = np.zeros(1, np.uint64)
    close = eight.view(np.uint8)
    m = 0
    y, z, y0, y1, z0, z1 = 0.0, 0.0, 0, 0, 0, 0
    for i in range(na):
        x = xa[0, i]
        x0, x1 = _reach(x, reach, low[0], inverse[0], nx, px)
        if d > 1:
            y = xa[1, i]
            y0, y1 = _reach(y, reach, low[1], inverse[1], ny, py)
        if d > 2:
            z = xa[2, i]
            z0, z1 = _reach(z, reach, low[2], inverse[2], nz, pz)
        parts = (1 if x0 >= 0 and x1 < nx else 2) * (1 if mask == 0 else 2)
        for cz in range(z0, z1 + 1):
            layer = ny * _turned(cz, nz)
            for cy in range(y0, y1 + 1):
                number = layer + _turned(cy, ny)
                row = row_start(number, nx, mask)
                for piece in range(parts):
                    first, last = _run(piece, row, x0, x1, nx, mask)
                    begin, end = starts_b[first], starts_b[last + 1]
                    if like:
                        begin = max(begin, i + 1)
                    while begin < end:
                        if periodic:
                            _within_periodic(xb, begin, d, x, y, z, period, r2, close)
                        else:
                            _within(xb, begin, d, x, y, z, r2, close)
                        some = eight[0]
                        if end - begin < 8:  # only so many belong to the run
                            some &= (np.uint64(1) << np.uint64(8 * (end - begin))) - np.uint64(1)
                        if some != np.uint64(0):
                            for k in range(min(8, end - begin)):
                                if close[k] != 0:
                                    j = begin + k
                                    if mask != 0 and row_of(xb, j, cells) != number:
                                        continue  # another row's, which finds it itself
                                    if m < room:
                                        out_i[m], out_j[m] = i, j
                                    m += 1
                        begin += 8
    return m


@jit
def _near(x, i, y, begin, n, p, q, r, r2):
    """How many of the particles from ``begin`` on are near particle i; a loop that vectorises."""
    # An index counted from 0 is known not to be negative: else it would not.
    d, found, size = x.shape[0], 0, n - begin
    a, row = x[0, i], y[0, begin:]
    if d == 1:
        for j in range(size):
            u = _gap(row[j] - a, p)
            found += u * u <= r2
        return found
    b, second = x[1, i], y[1, begin:]
    if d == 2:
        for j in range(size):
            u, v = _gap(row[j] - a, p), _gap(second[j] - b, q)
            found += u * u + v * v <= r2
        return found
    c, third = x[2, i], y[2, begin:]
    for j in range(size):
        u, v, w = _gap(row[j] - a, p), _gap(second[j] - b, q), _gap(third[j] - c, r)
        found += u * u + v * v + w * w <= r2
    return found


@jit
def is_near(x, i, y, j, periods, r2):
    """Whether two points are within a radius, of which this is the square."""
    total = 0.0
    for a in range(x.shape[0]):
        u = _gap(y[a, j] - x[a, i], _period(periods, a))
        total += u * u
    return total <= r2


@jit
def find_all(xa, na, xb, nb, like, radius, periods, out_i, out_j, m):
    """As `find_close`, all with all, after the first m pairs; returns how many there are then."""
    r2 = radius * radius
    p, q, r = _period(periods, 0), _period(periods, 1), _period(periods, 2)
    for i in range(na):
        begin = i + 1 if like else 0
        if _near(xa, i, xb, begin, nb, p, q, r, r2) == 0:
            continue
        for j in range(begin, nb):
            if is_near(xa, i, xb, j, periods, r2):
                if m < out_i.shape[0]:
                    out_i[m], out_j[m] = i, j
                m += 1
    return m


@jit
def _draw(first, second, key, step, reaction, half, chance, priority, coin):
    """The numbers of each pair; a loop of its own, so that it vectorises."""
    for k in range(first.shape[0]):
        w0, w1, w2, w3 = pair_words(key, first[k], second[k], step, reaction, half)
        chance[k] = uniform52(w0, w1)
        priority[k] = (w2 << _32) | w3
        coin[k] = w1 & np.uint64(1)  # a bit that `chance` leaves out


@inlined
def when(chance, hazard, once):
    """When an event of this hazard happens, in half steps; 1 or more means not in this one.

    Exponential waiting times; where only the mean number is to be right (``once``), uniform ones
    of probability ``hazard``.
    """
    return chance / hazard if once else -math.log1p(-chance) / hazard


@jit
def fire(pairs, ida, idb, like, hazard, once, key, step, reaction, half):
    """Of close `Pairs` keep those that react, with their times, in front; returns how many.

    ``hazard``, that of a pair in half a step, has one entry, or one a pair; see `when`. Which of a
    like pair is the first reactant is a fair coin of the pair.
    """
    i, j, time, priority, turned = pairs
    m = i.shape[0]
    room = min(m, _BLOCK)
    first, second = np.empty(room, np.uint64), np.empty(room, np.uint64)
    chance, order = np.empty(room), np.empty(room, np.uint64)
    coin = np.empty(room, np.uint64)
    same = hazard.shape[0] == 1
    kept = 0
    for begin in range(0, m, _BLOCK):
        size = min(m - begin, _BLOCK)
        for k in range(size):
            a, b = ida[i[begin + k]], idb[j[begin + k]]
            # The address of an identical pair does not depend on which of them is found first.
            swap = like and a > b
            first[k], second[k] = (b, a) if swap else (a, b)
        _draw(first[:size], second[:size], key, step, reaction, half, chance, order, coin)
        for k in range(size):
            h = hazard[0] if same else hazard[begin + k]
            p, q = i[begin + k], j[begin + k]
            t = when(chance[k], h, once) if h > 0.0 else 1.0
            if t < 1.0:
                i[kept], j[kept], time[kept], priority[kept] = p, q, t, order[k]
                heads = coin[k] == np.uint64(1)
                turned[kept] = like and heads == (ida[p] < idb[q])
                kept += 1
    return kept
