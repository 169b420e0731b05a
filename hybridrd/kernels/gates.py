"""Exchange through all gates of a box: its boundary layers, its open planes, and what leaves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hybridrd.kernels import groups
from hybridrd.kernels._jit import jit
from hybridrd.kernels.arrays import Cells, exit_cells, runs
from hybridrd.kernels.binomial import binomial_numbers
from hybridrd.kernels.exchange import Entry, Face, layer_place, layer_remove, plane_place, tally
from hybridrd.kernels.groups import CROWDED, DONE, FEW, MANY, N
from hybridrd.kernels.poisson import poisson_numbers
from hybridrd.kernels.rng import ARRIVALS
from hybridrd.kernels.walk import BLOCK, Walls, displacements, move, move_closed, move_few


class Walk(NamedTuple):
    """Diffusion in a box, one entry a species.

    Parameters
    ----------
    low, high
        Corners of the box.
    kinds, gammas
        See `hybridrd.kernels.walk.Walls`, ``(species, axes, 2)``.
    Ddt
        D dt (length²).
    closed
        Whether nobody can leave.
    """

    low: np.ndarray
    high: np.ndarray
    kinds: np.ndarray
    gammas: np.ndarray
    Ddt: np.ndarray
    closed: np.ndarray


class Exits(NamedTuple):
    """Account of what leaves.

    Parameters
    ----------
    cells, first, last
        Cells of the domain; the first and the last of the region along each axis.
    outside, number
        By ``2 axis + side``: see `hybridrd.kernels.arrays.exit_cells`; and the number of the face.
    counts
        As many whole numbers to work with.
    crossings, arrivals
        Net numbers that left, and that entered, ``(species, faces)``.
    credit
        What the cells of the domain gained in this step, ``(species, cells)``, or ``(species, 0)``.
    """

    cells: Cells
    first: np.ndarray
    last: np.ndarray
    outside: np.ndarray
    number: np.ndarray
    counts: np.ndarray
    crossings: np.ndarray
    arrivals: np.ndarray
    credit: np.ndarray


class Gates(NamedTuple):
    """Gates of one kind, layers or planes, one entry each.

    Parameters
    ----------
    species, number, axis, side, plane
        Of whom, and the face: its number, axis, side, and coordinate.
    first, stop
        Which of all face cells are its own.
    address, purpose
        Of the random numbers of arrivals.
    factor
        Mean arrivals in a face cell at unit concentration; contents where they are ``binomial``.
    width, survival, binomial
        Of a layer.
    way, D, dt
        Of a plane, see `hybridrd.kernels.exchange.Entry`.
    low, steps, shape
        Lower corner, widths and numbers of the region's cells, an axis each.
    start, end
        Concentration beyond each face cell, at the start and at the end of the step.
    beyond
        The domain's cell beyond each face cell, -1 where that gives nothing.
    means, counts, totals, extra
        Numbers to work with: by face cell, by gate, by species.
    """

    species: np.ndarray
    number: np.ndarray
    axis: np.ndarray
    side: np.ndarray
    plane: np.ndarray
    first: np.ndarray
    stop: np.ndarray
    address: np.ndarray
    purpose: np.ndarray
    factor: np.ndarray
    width: np.ndarray
    survival: np.ndarray
    binomial: np.ndarray
    way: np.ndarray
    D: np.ndarray
    dt: float
    low: np.ndarray
    steps: np.ndarray
    shape: np.ndarray
    start: np.ndarray
    end: np.ndarray
    beyond: np.ndarray
    means: np.ndarray
    counts: np.ndarray
    totals: np.ndarray
    extra: np.ndarray


@jit
def leave(table, s, d, exits):
    """Drop the particles of a species that are gone; count them, and credit cells beyond."""
    counts = exits.counts
    for face in range(counts.shape[0]):
        counts[face] = 0
    x, _, gone = groups.arrays_of(table, s, d)
    gaps = groups.gaps_of(table, s)
    exit_cells(
        x, gone, gaps, exits.cells, exits.first, exits.last, exits.outside, counts, exits.credit[s]
    )
    for face in range(counts.shape[0]):
        if counts[face] != 0:
            exits.crossings[s, exits.number[face]] += counts[face]
    groups.drop(table, s, gaps)


@jit
def _face(gates, g):
    return Face(gates.axis[g], gates.side[g], gates.plane[g], gates.low, gates.steps, gates.shape)


@jit
def _draw(table, gates, key, step, allowed, asks):
    """How many come through each gate, and whether there is room for them."""
    for s in range(gates.extra.shape[0]):
        gates.extra[s] = 0
    for g in range(gates.species.shape[0]):
        first, stop = gates.first[g], gates.stop[g]
        means, counts = gates.means[first:stop], gates.counts[first:stop]
        part = 1.0 - gates.survival[g] if gates.binomial[g] else 1.0
        expected = 0.0
        for j in range(stop - first):
            expected += means[j] * part
        if expected > allowed:
            asks[0], asks[1] = g, expected
            return MANY
        if gates.binomial[g]:
            total = binomial_numbers(means, part, key, gates.address[g], step, ARRIVALS, counts)
        else:
            address, purpose = gates.address[g], gates.purpose[g]
            total = poisson_numbers(means, key, address, step, purpose, counts)
        gates.totals[g] = total
        gates.extra[gates.species[g]] += total
    for s in range(table.shape[0]):
        if groups.lacks(table, s, gates.extra[s], asks):
            return CROWDED
    return DONE


@jit
def _announce(table, ids, s, n):
    """Give ids to n candidates behind the particles of a species."""
    named, first = groups.ids_of(table, s), table[s, N]
    for k in range(n):
        named[first + k] = ids[0]
        ids[0] += 1


@jit
def _book(gates, g, exits):
    """Count arrivals through a gate, and debit the cells beyond it."""
    s, number, total = gates.species[g], gates.number[g], 0
    for j in range(gates.first[g], gates.stop[g]):
        total += gates.counts[j]
        if gates.beyond[j] >= 0:
            exits.credit[s, gates.beyond[j]] -= gates.counts[j]
    exits.crossings[s, number] -= total
    exits.arrivals[s, number] += total


@jit
def exchange_layers(table, ids, gates, exits, key, step, allowed, asks):
    """Exchange of all boundary layers, one face after another.

    In each layer a particle survives with probability q, and Poisson(c_R V (1 - q)) arrive.
    """
    d = gates.low.shape[0]
    for g in range(gates.species.shape[0]):
        for j in range(gates.first[g], gates.stop[g]):
            gates.means[j] = 0.5 * (gates.start[j] + gates.end[j]) * gates.factor[g]
    status = _draw(table, gates, key, step, allowed, asks)
    if status != DONE:
        return status
    removed = gates.extra
    for s in range(removed.shape[0]):
        removed[s] = 0
    for g in range(gates.species.shape[0]):
        s, n = gates.species[g], table[gates.species[g], N]
        face, width = _face(gates, g), gates.width[g]
        x, named, gone = groups.arrays_of(table, s, d)
        removed[s] += layer_remove(
            x[face.axis], named, 0, n, face, width, gates.survival[g], key, step, gone
        )
        if gates.totals[g] > 0:
            cells = runs(gates.counts[gates.first[g] : gates.stop[g]], gates.totals[g])
            _announce(table, ids, s, gates.totals[g])
            layer_place(x, named, n, cells, face, width, key, step)
            table[s, N] = n + gates.totals[g]
            _book(gates, g, exits)
    for s in range(table.shape[0]):
        if removed[s] > 0:
            leave(table, s, d, exits)
    return DONE


@jit
def exchange_planes(table, ids, gates, walk, exits, key, step, allowed, asks):
    """Arrivals through open planes, influx and leaky walls, after the particles have moved."""
    d = gates.low.shape[0]
    for j in range(gates.means.shape[0]):
        gates.means[j] = max(gates.start[j], gates.end[j])
    for g in range(gates.species.shape[0]):
        for j in range(gates.first[g], gates.stop[g]):
            gates.means[j] = gates.means[j] * gates.factor[g]
    status = _draw(table, gates, key, step, allowed, asks)
    if status != DONE:
        return status
    for g in range(gates.species.shape[0]):
        total = gates.totals[g]
        if total == 0:
            continue
        s, first, stop = gates.species[g], gates.first[g], gates.stop[g]
        cells = runs(gates.counts[first:stop], total)
        _announce(table, ids, s, total)
        start, end = np.empty(stop - first), np.empty(stop - first)
        for j in range(stop - first):
            top = max(gates.start[first + j], gates.end[first + j])
            top = top if top > 0.0 else 1.0
            start[j], end[j] = gates.start[first + j] / top, gates.end[first + j] / top
        entry = Entry(gates.way[g], gates.D[g], gates.dt, start, end)
        walls = Walls(walk.low, walk.high, walk.kinds[s], walk.gammas[s])
        x, named, _ = groups.arrays_of(table, s, d)
        kept = np.empty(total, np.uint8)
        table[s, N] += plane_place(
            x, named, table[s, N], cells, _face(gates, g), walls, entry, key, step, kept
        )
        for j in range(first, stop):
            gates.counts[j] = 0
        tally(cells, kept, gates.counts[first:stop])
        _book(gates, g, exits)
    return DONE


@jit
def diffuse_closed(table, walk, key, step):
    """Diffuse the species that cannot leave; those with few particles share blocks."""
    d, species = walk.low.shape[0], table.shape[0]
    named, moves = np.empty(BLOCK, np.uint64), np.empty((d, BLOCK))
    s = 0
    while s < species:
        begin, m = s, 0
        while s < species:
            n = table[s, N] if walk.closed[s] and walk.Ddt[s] > 0.0 else 0
            if n > FEW or m + n > BLOCK:
                break
            ids = groups.ids_of(table, s)
            for i in range(n):
                named[m + i] = ids[i]
            m += n
            s += 1
        displacements(d, named[:m], key, step, moves)
        at = 0
        for t in range(begin, s):
            if walk.closed[t] and walk.Ddt[t] > 0.0 and table[t, N] > 0:
                walls = Walls(walk.low, walk.high, walk.kinds[t], walk.gammas[t])
                x = groups.positions(table, t, d)
                move_few(x, table[t, N], moves, at, walk.Ddt[t], walls)
                at += table[t, N]
        if s < species and table[s, N] > FEW and walk.closed[s] and walk.Ddt[s] > 0.0:
            x, ids, _ = groups.arrays_of(table, s, d)
            walls = Walls(walk.low, walk.high, walk.kinds[s], walk.gammas[s])
            move_closed(x, ids, 0, table[s, N], key, step, walk.Ddt[s], walls)
            s += 1
    return DONE


@jit
def diffuse_open(table, walk, exits, key, step):
    """Diffuse the species that can leave; those that end at a face leave through it."""
    d = walk.low.shape[0]
    for s in range(table.shape[0]):
        if not walk.closed[s] and walk.Ddt[s] > 0.0 and table[s, N] > 0:
            x, ids, gone = groups.arrays_of(table, s, d)
            walls = Walls(walk.low, walk.high, walk.kinds[s], walk.gammas[s])
            if move(x, ids, 0, table[s, N], key, step, walk.Ddt[s], walls, gone) > 0:
                leave(table, s, d, exits)
    return DONE
