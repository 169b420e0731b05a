"""Exchange through all gates of a box: its boundary layers, its open planes, and what leaves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hybridrd.kernels import groups
from hybridrd.kernels._jit import jit, stage
from hybridrd.kernels.arrays import Cells, exit_cells, runs
from hybridrd.kernels.binomial import binomial_numbers
from hybridrd.kernels.drift import remove_drifting, tilt
from hybridrd.kernels.drift_arrivals import Stream, place_drifting
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
        Mean arrivals in each face cell at unit concentration; contents where they are ``binomial``.
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


class Currents(NamedTuple):
    """How species that drift pass the gates, by face cell of all gates unless said otherwise.

    Parameters
    ----------
    drifts
        Whether a species does, one entry each.
    survival, chance, slope, along
        Of a layer: chance to stay, chance of a copy beyond to enter, and how steep the density of
        arrivals is, see `hybridrd.kernels.drift.tilt` (1/length; ``along`` by axis).
    velocity, gamma
        See `hybridrd.kernels.drift_arrivals.Stream`.
    """

    drifts: np.ndarray
    survival: np.ndarray
    chance: np.ndarray
    slope: np.ndarray
    along: np.ndarray
    velocity: np.ndarray
    gamma: np.ndarray


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
def _chance(gates, currents, g, j):
    """The part of the contents of a face cell, or of the mean there, that enters."""
    if not gates.binomial[g]:
        return 1.0
    if currents is not None and currents.drifts[gates.species[g]]:
        return currents.chance[j]
    return 1.0 - gates.survival[g]


@jit
def _draw(table, gates, currents, key, step, allowed, asks):
    """How many come through each gate, and whether there is room for them."""
    for s in range(gates.extra.shape[0]):
        gates.extra[s] = 0
    for g in range(gates.species.shape[0]):
        first, stop = gates.first[g], gates.stop[g]
        means, counts = gates.means[first:stop], gates.counts[first:stop]
        expected = 0.0
        for j in range(first, stop):
            expected += gates.means[j] * _chance(gates, currents, g, j)
        if expected > allowed:
            asks[0], asks[1] = g, expected
            return MANY
        if gates.binomial[g]:
            total = 0
            for j in range(stop - first):
                part, here = _chance(gates, currents, g, first + j), gates.address[g] + np.uint64(j)
                one, of = counts[j : j + 1], means[j : j + 1]
                total += binomial_numbers(of, part, key, here, step, ARRIVALS, one)
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
def _remove(gates, currents, g, x, named, n, key, step, gone):
    """Mark those that leave the layer of a gate; returns their number."""
    face, width = _face(gates, g), gates.width[g]
    if currents is not None and currents.drifts[gates.species[g]]:
        survival = currents.survival[gates.first[g] : gates.stop[g]]
        return remove_drifting(x, named, 0, n, face, width, survival, key, step, gone)
    row, survival = x[face.axis], gates.survival[g]
    return layer_remove(row, named, 0, n, face, width, survival, key, step, gone)


@jit
def _fill(gates, currents, g, x, named, n, cells, key, step):
    """Place arrivals in the layer of a gate."""
    face, width = _face(gates, g), gates.width[g]
    layer_place(x, named, n, cells, face, width, key, step)
    if currents is not None and currents.drifts[gates.species[g]]:
        first, stop = gates.first[g], gates.stop[g]
        tilt(x, n, cells, face, width, currents.slope[first:stop], currents.along[:, first:stop])


@jit
def _enter(table, gates, currents, g, walls, entry, cells, key, step, kept):
    """Place arrivals through a gate other than a layer; returns how many are kept."""
    s, face = gates.species[g], _face(gates, g)
    x, named, _ = groups.arrays_of(table, s, gates.low.shape[0])
    n = table[s, N]
    if currents is not None and currents.drifts[s]:
        first, stop = gates.first[g], gates.stop[g]
        stream = Stream(entry, currents.velocity[:, first:stop], currents.gamma[first:stop])
        return place_drifting(x, named, n, cells, face, walls, stream, key, step, kept)
    return plane_place(x, named, n, cells, face, walls, entry, key, step, kept)


@stage
def exchange_layers(table, ids, gates, currents, exits, key, step, allowed, asks):
    """Exchange of all boundary layers, one face after another.

    In each layer a particle survives with probability q, and Poisson(c_R V (1 - q)) arrive.
    """
    d = gates.low.shape[0]
    for g in range(gates.species.shape[0]):  # those of layers alone
        for j in range(gates.first[g], gates.stop[g]):
            gates.means[j] = 0.5 * (gates.start[j] + gates.end[j]) * gates.factor[j]
    status = _draw(table, gates, currents, key, step, allowed, asks)
    if status != DONE:
        return status
    removed = gates.extra
    for s in range(removed.shape[0]):
        removed[s] = 0
    for g in range(gates.species.shape[0]):
        s, n = gates.species[g], table[gates.species[g], N]
        x, named, gone = groups.arrays_of(table, s, d)
        removed[s] += _remove(gates, currents, g, x, named, n, key, step, gone)
        if gates.totals[g] > 0:
            cells = runs(gates.counts[gates.first[g] : gates.stop[g]], gates.totals[g])
            _announce(table, ids, s, gates.totals[g])
            _fill(gates, currents, g, x, named, n, cells, key, step)
            table[s, N] = n + gates.totals[g]
            _book(gates, g, exits)
    for s in range(table.shape[0]):
        if removed[s] > 0:
            leave(table, s, d, exits)
    return DONE


@stage
def exchange_planes(table, ids, gates, currents, walk, exits, key, step, allowed, asks):
    """Arrivals through open planes, influx and leaky walls, after the particles have moved."""
    for j in range(gates.means.shape[0]):
        gates.means[j] = max(gates.start[j], gates.end[j])
    for g in range(gates.species.shape[0]):
        for j in range(gates.first[g], gates.stop[g]):
            gates.means[j] = gates.means[j] * gates.factor[j]
    status = _draw(table, gates, currents, key, step, allowed, asks)
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
        kept = np.empty(total, np.uint8)
        table[s, N] += _enter(table, gates, currents, g, walls, entry, cells, key, step, kept)
        for j in range(first, stop):
            gates.counts[j] = 0
        tally(cells, kept, gates.counts[first:stop])
        _book(gates, g, exits)
    return DONE


@stage
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


@stage
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
