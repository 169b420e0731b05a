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


@jit
def _test_range(
    i, first_j, last_j, xa, ida, xb, idb, like, r2, probability, widths, key, step, reaction, half,
    rate_low, rate_inverse, rate_shape, out_i, out_j, out_priority, m,
):  # fmt: skip
    """Test particle i of the first species against a run of particles of the second."""
    d = xa.shape[0]
    for j in range(first_j, last_j):
        if like and j <= i:
            continue
        distance2 = 0.0
        for a in range(d):
            delta = xb[a, j] - xa[a, i]
            if widths[a] > 0.0:
                delta -= widths[a] * math.floor(delta / widths[a] + 0.5)
            distance2 += delta * delta
        if distance2 > r2:
            continue
        p = probability[0]
        if probability.shape[0] > 1:
            index = 0
            for a in range(d - 1, -1, -1):
                middle = 0.5 * (xa[a, i] + xb[a, j])
                if abs(xb[a, j] - xa[a, i]) * 2.0 > widths[a] > 0.0:
                    middle += 0.5 * widths[a]  # the pair is joined through the periodic wall
                k = math.floor((middle - rate_low[a]) * rate_inverse[a])
                if widths[a] > 0.0:
                    k %= rate_shape[a]
                index = index * rate_shape[a] + min(max(k, 0), rate_shape[a] - 1)
            p = probability[index]
        first, second = ida[i], idb[j]
        if like and first > second:
            first, second = second, first
        w0, w1, w2, w3 = _pair_words(key, first, second, step, reaction, half)
        if uniform52(w0, w1) < p:
            if m < out_i.shape[0]:
                # The first of a like pair is the one with the lower id.
                swap = like and ida[i] > idb[j]
                out_i[m] = j if swap else i
                out_j[m] = i if swap else j
                out_priority[m] = (w2 << _32) | w3
            m += 1
    return m


@jit
def find_pairs(
    xa, ida, na, xb, idb, starts_b, like, radius, probability, low, inverse, shape, widths,
    key, step, reaction, half, rate_low, rate_inverse, rate_shape, out_i, out_j, out_priority,
):  # fmt: skip
    """All pairs that fire; returns their number, which may exceed the room in the outputs.

    ``shape`` and ``starts_b`` describe the cell list of the second species; ``widths[a]`` is the
    period along an axis, 0 where it is not periodic. ``probability`` has one entry, or one a cell
    of the rate grid.
    """
    d = xa.shape[0]
    r2 = radius * radius
    m = 0
    lower = np.zeros(3, np.int64)
    upper = np.zeros(3, np.int64)
    place = np.zeros(3, np.int64)
    for i in range(na):
        for a in range(d):
            k = math.floor((xa[a, i] - low[a]) * inverse[a])
            place[a] = min(max(int(k), 0), shape[a] - 1)
            if widths[a] > 0.0 and shape[a] >= 3:
                lower[a] = place[a] - 1
                upper[a] = place[a] + 1
            else:
                lower[a] = max(place[a] - 1, 0)
                upper[a] = min(place[a] + 1, shape[a] - 1)
        for cz in range(lower[2], upper[2] + 1):
            z = cz % shape[2] if d > 2 else 0
            for cy in range(lower[1], upper[1] + 1):
                y = cy % shape[1] if d > 1 else 0
                row = shape[0] * (y + (shape[1] * z if d > 1 else 0))
                if lower[0] >= 0 and upper[0] < shape[0]:
                    m = _test_range(
                        i, starts_b[row + lower[0]], starts_b[row + upper[0] + 1],
                        xa, ida, xb, idb, like, r2, probability, widths, key, step, reaction, half,
                        rate_low, rate_inverse, rate_shape, out_i, out_j, out_priority, m,
                    )  # fmt: skip
                else:
                    for cx in range(lower[0], upper[0] + 1):
                        c = row + cx % shape[0]
                        m = _test_range(
                            i, starts_b[c], starts_b[c + 1],
                            xa, ida, xb, idb, like, r2, probability, widths, key, step, reaction,
                            half, rate_low, rate_inverse, rate_shape, out_i, out_j, out_priority, m,
                        )  # fmt: skip
    return m


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
