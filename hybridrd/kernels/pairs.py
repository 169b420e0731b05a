"""Reactions of order two: Doi pairs by a cell list, conflicts settled by addressed priorities.

Particles are sorted into cells of at least the Doi radius. Each pair within the radius has its own
number, looked up by the two ids and the step, so the outcome does not depend on the order in which
pairs are found. Pairs that fire are accepted in the order of a second such number while both
partners are alive: none is favoured by storage order.
"""

from __future__ import annotations

import math

import numpy as np

from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.arrays import cell_of
from hybridrd.kernels.rng import PAIR, philox, uniform52

_MASK = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_BLOCK = 512


@jit
def count_cells(x, n, low, inverse, shape, cells, starts):
    """The cell of each particle, and the start of each cell in sorted order (length cells + 1)."""
    for c in range(starts.shape[0]):
        starts[c] = 0
    for i in range(n):
        c = cell_of(x, i, low, inverse, shape)
        cells[i] = c
        starts[c + 1] += 1
    for c in range(starts.shape[0] - 1):
        starts[c + 1] += starts[c]


@jit
def sort_into(x, ids, n, cells, starts, next_place, x_out, ids_out):
    """Copy particles in cell order, stable within a cell."""
    for c in range(next_place.shape[0]):
        next_place[c] = starts[c]
    for i in range(n):
        j = next_place[cells[i]]
        next_place[cells[i]] += 1
        ids_out[j] = ids[i]
        for a in range(x.shape[0]):
            x_out[a, j] = x[a, i]


@inlined
def _pair_words(key, first, second, step, reaction, half):
    """Words of a pair: ids in the counter, their high halves mixed into the key."""
    last = (
        np.uint64(PAIR) | (np.uint64(reaction) << np.uint64(9)) | (np.uint64(half) << np.uint64(8))
    )
    return philox(
        (key ^ (first >> _32)) & _MASK,
        ((key >> _32) ^ (second >> _32)) & _MASK,
        first & _MASK,
        second & _MASK,
        np.uint64(step) & _MASK,
        last,
    )


@inlined
def _gap(delta, width):
    """The shortest difference of two coordinates; ``width`` is the period, 0 for none."""
    return delta - width * math.floor(delta / width + 0.5) if width > 0.0 else delta


@jit
def _rate_cell(xa, i, xb, j, widths, low, inverse, shape):
    """The rate cell of the point midway between two particles."""
    index = 0
    for a in range(xa.shape[0] - 1, -1, -1):
        middle = 0.5 * (xa[a, i] + xb[a, j])
        if abs(xb[a, j] - xa[a, i]) * 2.0 > widths[a] > 0.0:
            middle += 0.5 * widths[a]  # the pair is joined through the periodic wall
        k = math.floor((middle - low[a]) * inverse[a])
        if widths[a] > 0.0:
            k %= shape[a]
        index = index * shape[a] + min(max(k, 0), shape[a] - 1)
    return index


@inlined
def _distance2(xa, i, xb, j, widths):
    """Squared distance of two particles."""
    total = _gap(xb[0, j] - xa[0, i], widths[0]) ** 2
    if xa.shape[0] > 1:
        total += _gap(xb[1, j] - xa[1, i], widths[1]) ** 2
        if xa.shape[0] > 2:
            total += _gap(xb[2, j] - xa[2, i], widths[2]) ** 2
    return total


@jit
def find_close(
    xa, na, xb, starts_b, like, radius, low, inverse, shape, widths, out_i, out_j
):  # fmt: skip
    """All pairs within the radius; returns their number, which may exceed the room for them.

    ``shape`` and ``starts_b`` describe the cell list of the second species; ``widths[a]`` is the
    period along an axis, 0 where it is not periodic.
    """
    d = xa.shape[0]
    room = out_i.shape[0]
    r2 = radius * radius
    reach = radius * (1.0 + 1e-12)
    m = 0
    lower = np.zeros(3, np.int64)
    upper = np.zeros(3, np.int64)
    for i in range(na):
        for a in range(d):
            lower[a] = math.floor((xa[a, i] - reach - low[a]) * inverse[a])
            upper[a] = math.floor((xa[a, i] + reach - low[a]) * inverse[a])
            if widths[a] == 0.0:
                lower[a] = max(lower[a], 0)
                upper[a] = min(upper[a], shape[a] - 1)
            elif upper[a] - lower[a] >= shape[a]:  # no cell twice
                lower[a], upper[a] = 0, shape[a] - 1
        # Cells along the first axis stand side by side, unless they wrap around.
        whole = lower[0] >= 0 and upper[0] < shape[0]
        turns = 1 if whole else upper[0] - lower[0] + 1
        for cz in range(lower[2], upper[2] + 1):
            z = cz % shape[2] if d > 2 else 0
            for cy in range(lower[1], upper[1] + 1):
                y = cy % shape[1] if d > 1 else 0
                row = shape[0] * (y + (shape[1] * z if d > 1 else 0))
                for turn in range(turns):
                    begin = row + (lower[0] if whole else (lower[0] + turn) % shape[0])
                    end = row + upper[0] + 1 if whole else begin + 1
                    first = max(starts_b[begin], i + 1) if like else starts_b[begin]
                    for j in range(first, starts_b[end]):
                        if _distance2(xa, i, xb, j, widths) <= r2:
                            if m < room:
                                out_i[m] = i
                                out_j[m] = j
                            m += 1
    return m


@jit
def _draw(first, second, key, step, reaction, half, chance, priority):
    """The two numbers of each pair; a loop of its own, so that it vectorises."""
    for k in range(first.shape[0]):
        w0, w1, w2, w3 = _pair_words(key, first[k], second[k], step, reaction, half)
        chance[k] = uniform52(w0, w1)
        priority[k] = (w2 << _32) | w3


@jit
def fire(
    i, j, m, xa, ida, xb, idb, like, probability, widths, key, step, reaction, half,
    rate_low, rate_inverse, rate_shape, priority,
):  # fmt: skip
    """Of ``m`` close pairs keep those that react, with their priorities; returns how many.

    ``probability`` has one entry, or one a cell of the rate grid. The first of a like pair is the
    one with the lower id.
    """
    first, second = np.empty(_BLOCK, np.uint64), np.empty(_BLOCK, np.uint64)
    chance, order = np.empty(_BLOCK), np.empty(_BLOCK, np.uint64)
    kept = 0
    for begin in range(0, m, _BLOCK):
        size = min(m - begin, _BLOCK)
        for k in range(size):
            p, q = i[begin + k], j[begin + k]
            swap = like and ida[p] > idb[q]
            if swap:
                i[begin + k], j[begin + k] = q, p
                p, q = q, p
            first[k], second[k] = ida[p], idb[q]
        _draw(first[:size], second[:size], key, step, reaction, half, chance, order)
        for k in range(size):
            p = probability[0]
            a, b = i[begin + k], j[begin + k]
            if probability.shape[0] > 1:
                p = probability[
                    _rate_cell(xa, a, xb, b, widths, rate_low, rate_inverse, rate_shape)
                ]
            if chance[k] < p:
                i[kept], j[kept], priority[kept] = a, b, order[k]
                kept += 1
    return kept


@jit
def accept(order, index_a, index_b, consumes_a, consumes_b, gone, accepted):
    """Go through the pairs in their order, accept while both partners are there.

    ``index_a[e]``, ``index_b[e]`` are positions in ``gone``, one array over all species;
    ``consumes_a[e]`` says whether the first partner disappears (a catalyst stays, and may react
    again). Returns the number accepted; their positions in the lists are in ``accepted``.
    """
    m = 0
    for k in range(order.shape[0]):
        e = order[k]
        i, j = index_a[e], index_b[e]
        if gone[i] == 0 and gone[j] == 0:
            if consumes_a[e]:
                gone[i] = 1
            if consumes_b[e]:
                gone[j] = 1
            accepted[m] = e
            m += 1
    return m
