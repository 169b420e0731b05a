"""Reactions of order zero and one: waiting times inside the half step.

A particle of species s has the total rate K, the sum over its channels. It reacts after a time
-ln(U)/K; channel j is chosen with probability k_j/K, so competing channels share exactly. Products
live on for the rest of the half step and may react again: births and chains are exact for any
step. A family is followed with random numbers addressed by the id of its first member.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hybridrd.kernels import groups
from hybridrd.kernels._jit import inlined, jit, stage
from hybridrd.kernels.arrays import Cells, cell_of, runs, stable_order
from hybridrd.kernels.groups import CROWDED, DEEP, DONE, FEW, FULL, MANY, N
from hybridrd.kernels.poisson import poisson_in_cells
from hybridrd.kernels.rng import (
    CREATE,
    CREATIONS,
    FATE,
    birth_address,
    family_address,
    fate_draw,
    uniform52,
    uniforms,
    words,
)

_DEPTH = 4096
_SHARED = 1024  # particles of several species in one loop


class Network(NamedTuple):
    """Reactions of order zero and one.

    Parameters
    ----------
    channels, channel
        Those of species s are the reactions ``channel[channels[s]:channels[s + 1]]``.
    products, product
        Those of reaction r are the species ``product[products[r]:products[r + 1]]``.
    rates
        ``rates[r, cell]``, with one column where no rate depends on position.
    """

    channels: np.ndarray
    channel: np.ndarray
    products: np.ndarray
    product: np.ndarray
    rates: np.ndarray


class HalfStep(NamedTuple):
    """Which half step it is: the key of its random numbers, the step, 0 or 1, and its length."""

    key: np.uint64
    step: int
    half: int
    tau: float


# In place of an id: nothing there; one that never had an id, since it lived within a half step or
# is no particle of the region. In rows that are not done: the particle itself; from `BORN` down the
# offspring.
NOBODY, NAMELESS, ITSELF, BORN = -1, -2, -3, -4


class FamilyLog(NamedTuple):
    """Reactions one by one, one row each; without rows where nobody wants to know.

    Parameters
    ----------
    numbers
        How many rows there are, and how many of them are done.
    reaction, time
        Which it was, and when in half steps since the start; ``(rows,)``.
    reactant, products
        Ids, or `NOBODY` or `NAMELESS`: ``(rows,)`` and ``(rows, products)``.
    place
        Where, ``(d, rows)``.
    origin
        Of each member of a family who still has to live, the row and the product that it is.
    """

    numbers: np.ndarray
    reaction: np.ndarray
    time: np.ndarray
    reactant: np.ndarray
    products: np.ndarray
    place: np.ndarray
    origin: np.ndarray


def make_family_log(rows: int, products: int, d: int) -> FamilyLog:
    """Room for so many rows."""
    return FamilyLog(
        np.zeros(2, np.int64), np.empty(rows, np.int64), np.empty(rows), np.empty(rows, np.int64),
        np.empty((rows, products), np.int64), np.empty((d, rows)),
        np.empty((_DEPTH if rows else 0, 2), np.int64),
    )  # fmt: skip


class Offspring(NamedTuple):
    """Where new particles are put, and how often each reaction fired.

    Parameters
    ----------
    species, parent, x
        Of each new particle its species, the address of its family, and its place ``x[axis, j]``.
    events
        Counts by reaction, added to.
    log
        The same one by one.
    """

    species: np.ndarray
    parent: np.ndarray
    x: np.ndarray
    events: np.ndarray
    log: FamilyLog


class Families(NamedTuple):
    """All reactions of order zero and one of a region.

    Parameters
    ----------
    network, cells
        The reactions, and the cells on which their rates are given and creations drawn.
    reacting, chances
        The species that have reactions, and for each species the probability to react in half a
        step, ``(species, 1 or cells)``.
    creations, addresses
        Reactions of order zero, and the random address of each in either half step,
        ``(2, creations)``.
    means, expected
        Their mean numbers in half a step, ``(creations, cells)``, in the cells ``inside``; and
        of their products in all.
    inside, counts
        Those cells; as many whole numbers to work with.
    events
        Counts by reaction since the start, added to.
    out, made, order
        The new particles, the first ``made[0]`` of them from creations; and ``(2, room)`` integers
        as work space.
    """

    network: Network
    cells: Cells
    reacting: np.ndarray
    chances: np.ndarray
    creations: np.ndarray
    addresses: np.ndarray
    means: np.ndarray
    expected: np.ndarray
    inside: np.ndarray
    counts: np.ndarray
    events: np.ndarray
    out: Offspring
    made: np.ndarray
    order: np.ndarray


class _Stack(NamedTuple):
    """Members of a family who still have to live: species, time left, whether it is the first."""

    species: np.ndarray
    left: np.ndarray
    first: np.ndarray


@jit
def _new_stack():
    return _Stack(np.empty(_DEPTH, np.int64), np.empty(_DEPTH), np.empty(_DEPTH, np.bool_))


@inlined
def _total(s, cell, network):
    total = 0.0
    for c in range(network.channels[s], network.channels[s + 1]):
        total += network.rates[network.channel[c], cell]
    return total


@jit
def chances(s, network, tau):
    """Probability that a particle of species s reacts within tau, one or one a cell."""
    result = np.empty(network.rates.shape[1])
    for cell in range(result.shape[0]):
        result[cell] = -math.expm1(-_total(s, cell, network) * tau)
    return result


@jit
def mark(ids, start, stop, chance, key, step, half, marks):
    """Mark the particles that react in this half step, all with one probability."""
    draw = fate_draw(half)
    for i in range(start, stop):
        w0, w1, _, _ = words(key, ids[i], step, FATE, draw)
        marks[i] = uniform52(w0, w1) < chance


@jit
def some(marks):
    """Whether any is marked; a loop that vectorises."""
    found = 0
    for i in range(marks.shape[0]):
        found |= marks[i]
    return found != 0


@jit
def mark_by_cell(x, ids, start, stop, chance, cells, key, step, half, marks):
    """`mark` with a probability for each cell."""
    draw = fate_draw(half)
    for i in range(start, stop):
        w0, w1, _, _ = words(key, ids[i], step, FATE, draw)
        marks[i] = uniform52(w0, w1) < chance[cell_of(x, i, cells)]


@inlined
def _choose(s, cell, network, choice):
    """The reaction of species s at which the sum of rates first exceeds ``choice``."""
    reaction = network.channel[network.channels[s]]
    for c in range(network.channels[s], network.channels[s + 1]):
        reaction = network.channel[c]
        choice -= network.rates[reaction, cell]
        if choice < 0.0:
            break
    return reaction


@jit
def _note(reaction, time, reactant, network, log):
    """A new row of the log; False where there is no room for it."""
    row = log.numbers[0]
    if row >= log.time.shape[0]:
        return False
    log.numbers[0] = row + 1
    log.reaction[row], log.time[row], log.reactant[row] = reaction, time, reactant
    number = network.products[reaction + 1] - network.products[reaction]
    for p in range(log.products.shape[1]):
        log.products[row, p] = NAMELESS if p < number else NOBODY
    return True


@inlined
def _date(now, left):
    """The time at which so much of a half step is left, in half steps since the start."""
    return 2 * now.step + now.half + (1.0 - left / now.tau)


@jit
def _follow(cell, address, now, network, stack, out, n):
    """One family, from the one member on the stack; survivors go to ``out`` from position n.

    Returns (the new n or an error, whether the first member itself survives).
    """
    top = 1
    draw = fate_draw(now.half)
    survives = False
    log = out.log
    logs = log.time.shape[0] > 0
    while top > 0:
        top -= 1
        species, remaining, is_first = stack.species[top], stack.left[top], stack.first[top]
        total = _total(species, cell, network)
        if total > 0.0:
            u, v = uniforms(now.key, address, now.step, FATE, draw)
            draw += 1
            # The same comparison as in `mark`: an event where u < 1 - exp(-K tau).
            if u < -math.expm1(-total * remaining):
                time = min(-math.log1p(-u) / total, remaining)
                reaction = _choose(species, cell, network, v * total)
                out.events[reaction] += 1
                if logs:
                    who = ITSELF if is_first else NAMELESS
                    if not _note(reaction, _date(now, remaining - time), who, network, log):
                        return FULL, False
                row = log.numbers[0] - 1
                begin, end = network.products[reaction], network.products[reaction + 1]
                if top + end - begin > _DEPTH or draw >= fate_draw(now.half + 1):
                    return DEEP, False
                for p in range(end - 1, begin - 1, -1):
                    stack.species[top] = network.product[p]
                    stack.left[top] = remaining - time
                    stack.first[top] = is_first and p == begin and network.product[p] == species
                    if logs:
                        log.origin[top, 0], log.origin[top, 1] = row, p - begin
                        if stack.first[top]:
                            log.products[row, p - begin] = ITSELF
                    top += 1
                continue
        if is_first:
            survives = True
        elif n >= out.species.shape[0]:
            return FULL, False
        else:
            out.species[n] = species
            if logs and log.origin[top, 0] >= 0:
                log.products[log.origin[top, 0], log.origin[top, 1]] = BORN - n
            n += 1
    return n, survives


@jit
def _name(log, first, x, i, address):
    """Put place and id of a particle into the rows of its family, from one on."""
    for row in range(first, log.numbers[0]):
        for a in range(x.shape[0]):
            log.place[a, row] = x[a, i]
        if log.reactant[row] == ITSELF:
            log.reactant[row] = address
        for p in range(log.products.shape[1]):
            if log.products[row, p] == ITSELF:
                log.products[row, p] = address


@jit
def _name_born(log, order, m, next_id):
    """Put ids into the rows that are new, of m offspring that got theirs in an order."""
    for k in range(m):
        order[1, order[0, k]] = next_id - m + k
    for row in range(log.numbers[1], log.numbers[0]):
        for p in range(log.products.shape[1]):
            if log.products[row, p] <= BORN:
                log.products[row, p] = order[1, BORN - log.products[row, p]]
    log.numbers[1] = log.numbers[0]


@jit
def react_first_order(s, x, ids, marks, gone, now, network, cells, out, m):
    """Follow the families of all marked particles of species s.

    ``gone[i]`` is set where the particle itself does not survive. There are ``m`` new particles
    already; returns their number, or FULL or DEEP; then nothing of ``out`` may be used.
    """
    stack = _new_stack()
    for i in range(marks.shape[0]):
        if not marks[i]:
            continue
        cell = cell_of(x, i, cells) if network.rates.shape[1] > 1 else 0
        before, first = m, out.log.numbers[0]
        stack.species[0], stack.left[0], stack.first[0] = s, now.tau, True
        m, survives = _follow(cell, ids[i], now, network, stack, out, m)
        if m < 0:
            return m
        _name(out.log, first, x, i, np.int64(ids[i]))
        if not survives:
            gone[i] = 1
        for j in range(before, m):
            out.parent[j] = ids[i]
            for a in range(x.shape[0]):
                out.x[a, j] = x[a, i]
    return m


@jit
def create(reaction, where, now, network, cells, out, m):
    """Creations of one reaction of order zero, one for each cell in ``where``.

    Each is born uniformly in its cell and in the half step, and its products live for the rest.
    There are ``m`` new particles already; returns their number, or FULL or DEEP.
    """
    stack = _new_stack()
    place = np.empty(3)
    for k in range(where.shape[0]):
        address = birth_address(reaction, now.half, k)
        time, place[0] = uniforms(now.key, address, now.step, CREATE, 0)
        place[1], place[2] = uniforms(now.key, address, now.step, CREATE, 1)
        out.events[reaction] += 1
        begin, first = network.products[reaction], out.log.numbers[0]
        if out.log.time.shape[0] > 0:
            date = _date(now, now.tau * (1.0 - time))
            if not _note(reaction, date, NOBODY, network, out.log):
                return FULL
        for p in range(begin, network.products[reaction + 1]):
            cell = where[k] if network.rates.shape[1] > 1 else 0
            before = m
            stack.species[0], stack.left[0] = network.product[p], now.tau * (1.0 - time)
            stack.first[0] = False
            if out.log.time.shape[0] > 0:
                out.log.origin[0, 0], out.log.origin[0, 1] = first, p - begin
            family = family_address(address, p - begin)
            m, _ = _follow(cell, family, now, network, stack, out, m)
            if m < 0:
                return m
            for j in range(before, m):
                out.parent[j] = address
                _put(out.x, j, where[k], place, cells)
        for row in range(first, out.log.numbers[0]):
            _put(out.log.place, row, where[k], place, cells)
    return m


@jit
def _put(x, j, cell, place, cells):
    """Set a position by its cell and its place in it, from 0 to 1 along each axis."""
    for a in range(x.shape[0]):
        x[a, j] = cells.low[a] + cells.width[a] * (cell % cells.shape[a] + place[a])
        cell //= cells.shape[a]


@jit
def _draw_fates(ids, key, step, draw, out):
    """The numbers by which particles react; a loop of its own, so that it vectorises."""
    for i in range(ids.shape[0]):
        w0, w1, _, _ = words(key, ids[i], step, FATE, draw)
        out[i] = uniform52(w0, w1)


@jit
def _mark_few(table, families, first, last, key, step, half):
    """Mark the particles of species that have few each, in one block."""
    named, numbers = np.empty(_SHARED, np.uint64), np.empty(_SHARED)
    m = 0
    for k in range(first, last):
        ids = groups.ids_of(table, families.reacting[k])
        for i in range(table[families.reacting[k], N]):
            named[m] = ids[i]
            m += 1
    _draw_fates(named[:m], key, step, fate_draw(half), numbers)
    m = 0
    for k in range(first, last):
        s = families.reacting[k]
        marks, chance = groups.marks_of(table, s), families.chances[s, 0]
        for i in range(table[s, N]):
            marks[i] = numbers[m] < chance
            m += 1


@stage
def mark_all(table, families, key, step, half):
    """Mark the particles of all species that react in a half step."""
    by_cell = families.chances.shape[1] > 1
    k, last = 0, families.reacting.shape[0]
    while k < last:
        first, m = k, 0
        while k < last and not by_cell:
            n = table[families.reacting[k], N]
            if n > FEW or m + n > _SHARED:
                break
            m += n
            k += 1
        if k > first + 1:
            _mark_few(table, families, first, k, key, step, half)
            continue
        s = families.reacting[first]
        n, chance = table[s, N], families.chances[s]
        ids, marks = groups.ids_of(table, s), groups.marks_of(table, s)
        if by_cell:
            x = groups.positions(table, s, families.cells.low.shape[0])
            mark_by_cell(x, ids, 0, n, chance, families.cells, key, step, half, marks)
        else:
            mark(ids, 0, n, chance[0], key, step, half, marks)
        k = first + 1
    return DONE


@stage
def create_all(families, now, allowed, asks):
    """All creations of a half step, into ``families.out``."""
    out, counts = families.out, families.counts
    out.log.numbers[0] = out.log.numbers[1]
    for r in range(out.events.shape[0]):
        out.events[r] = 0
    m = 0
    for c in range(families.creations.shape[0]):
        reaction, means = families.creations[c], families.means[c]
        if families.expected[c] > allowed:
            asks[0], asks[1] = reaction, families.expected[c]
            return MANY
        address = families.addresses[now.half, c]
        total = poisson_in_cells(means, now.key, address, now.step, CREATIONS, counts)
        if total > 0:
            where = families.inside[runs(counts, total)]
            m = create(reaction, where, now, families.network, families.cells, out, m)
            if m < 0:
                return m
    families.made[0] = m
    return DONE


@stage
def react_families(table, ids, families, now, asks):
    """The families of all particles that are marked, and what creations made.

    If it fails, mark the particles and make the creations again.
    """
    out, order = families.out, families.order
    d = out.x.shape[0]
    m = families.made[0]
    for s in families.reacting:
        marks = groups.marks_of(table, s)[: table[s, N]]
        if m >= 0 and some(marks):
            x, named, gone = groups.arrays_of(table, s, d)
            m = react_first_order(
                s, x, named, marks, gone, now, families.network, families.cells, out, m
            )
    if m >= 0 and not groups.has_room(table, out.species, m, asks):
        m = CROWDED
    if m < 0:
        for s in families.reacting:
            gone = groups.gone_of(table, s)
            for i in range(table[s, N]):
                gone[i] = 0
    for r in range(out.events.shape[0]):
        families.events[r] += out.events[r] if m >= 0 else 0
        out.events[r] = 0
    families.made[0] = 0
    if m < 0:
        out.log.numbers[0] = out.log.numbers[1]
        return m
    for s in families.reacting:
        if some(groups.marks_of(table, s)[: table[s, N]]):
            groups.compact(table, s)
    if m > 0:  # by the parents' ids, not by where they are stored
        stable_order(out.parent[:m], order[0], order[1])
        groups.add(table, ids, out.species, out.x, order[0], m)
    if out.log.time.shape[0] > 0:
        _name_born(out.log, order, m, ids[0])
    return DONE
