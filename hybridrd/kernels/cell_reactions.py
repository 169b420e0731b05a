"""Reactions of discrete copies in well-mixed cells: families by numbers, Gillespie, tau leaps.

A reaction of order m fires ``k V^(1 - m) n (n - 1) ...`` times per time in a cell of volume V that
holds n copies of each reactant, half as often for a pair of one species (del Razo 2024, (17)); one
whose rate is a function of concentrations ``V rate(n/V)`` times, if its reactants are there.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.binomial import binomial
from hybridrd.kernels.births import two_words
from hybridrd.kernels.copies import Table, from_table
from hybridrd.kernels.laws import rate_at
from hybridrd.kernels.poisson import poisson
from hybridrd.kernels.rng import (
    CELL_EVENT,
    CELL_FAMILY,
    event_draw,
    family_in_cell,
    uniform52,
    uniforms,
    words,
)

DONE, TOO_MANY, NO_RATE = 0, 1, 2
FASTEST = 1e5  # jumps of a copy in a half step
MANY = 2000.0  # events in a half step of a cell from which it leaps
LEAP = 0.03  # by how much of itself a propensity may change in a leap
STEEPEST = 8  # powers of a content that a law is taken to have at most, for leaps
_BLOCK = 256
_32 = np.uint64(32)
_MOST_EVENTS = (1 << 23) - 1
_FEWEST = 50.0  # events in a leap that is worth it
_MOST_AT_ONCE = 1000  # events of a cell in the quicker loop


class Families(NamedTuple):
    """First-order reactions that leave one copy or none.

    Parameters
    ----------
    channels, channel
        Those of species s are the reactions ``channel[channels[s]:channels[s + 1]]``.
    births
        The reactions that make copies from nothing.
    product
        What each reaction makes, -1 for nothing.
    jumps, made
        Tables of how many copies jump, and of the births that don't and do, for the first of two
        rows each; of size 0 where cells differ or rates depend on time.
    """

    channels: np.ndarray
    channel: np.ndarray
    births: np.ndarray
    product: np.ndarray
    jumps: Table
    made: Table


class Network(NamedTuple):
    """Reactions of any order.

    Parameters
    ----------
    sites
        Reactants of each reaction, like ones side by side, -1 for none, ``(reactions, most)``.
    change
        What an event adds to each species, ``(reactions, species)``.
    powers, factors
        Power of the volume, and factor, of each propensity.
    laws
        Address of the function of concentrations that the rate is (`hybridrd.kernels.laws`), 0 for
        mass action, ``(reactions,)``.
    """

    sites: np.ndarray
    change: np.ndarray
    powers: np.ndarray
    factors: np.ndarray
    laws: np.ndarray


class Cells(NamedTuple):
    """The cells and their contents.

    Parameters
    ----------
    n
        Copies ``(species, cells)``, changed in place.
    rates
        Macroscopic rates ``(reactions, 1 or cells)``.
    volumes
        Volume of each cell.
    names
        What each is called in addresses.
    """

    n: np.ndarray
    rates: np.ndarray
    volumes: np.ndarray
    names: np.ndarray


class Moment(NamedTuple):
    """Which half step it is: the key of its random numbers, the step, 0 or 1, and its length."""

    key: np.uint64
    step: int
    half: int
    tau: float


class _Tails(NamedTuple):
    """Chances of at least l jumps, of copies that are there all the time (old) and of others."""

    x: np.ndarray
    old: np.ndarray
    young: np.ndarray


class _Work(NamedTuple):
    """Contents, propensities, and numbers of events of one cell."""

    x: np.ndarray
    y: np.ndarray
    a: np.ndarray
    b: np.ndarray
    scale: np.ndarray
    fired: np.ndarray


@jit
def _tails(x):
    """P(N >= l) of a Poisson number N of mean x; and of one whose mean is uniform below x.

    The second is ``P(N >= l) - l/x P(N >= l + 1)``.
    """
    most = int(x + 12.0 * math.sqrt(x) + 25.0)
    old, young = np.zeros(most + 2), np.zeros(most + 2)
    for level in range(most, -1, -1):
        term = math.exp(level * math.log(x) - x - math.lgamma(level + 1.0)) if x > 0.0 else 0.0
        old[level] = old[level + 1] + term
    for level in range(most):
        later = level / x * old[level + 1] if x > 0.0 else 0.0
        young[level] = max(old[level] - later, 0.0)
    return _Tails(np.array([x]), old, young)


@jit
def _draw(number, chance, cell, count, now):
    """A binomial number, the ``count``-th that is drawn in a cell."""
    address = family_in_cell(cell, now.half, count)
    return binomial(number, chance, now.key, address, now.step, CELL_FAMILY)


@jit
def _draw_mean(mean, cell, count, now):
    """A Poisson number, the ``count``-th that is drawn in a cell."""
    address = family_in_cell(cell, now.half, count)
    return poisson(mean, now.key, address, now.step, CELL_FAMILY)


@jit
def _jump(s, number, i, cells, fastest, families, now, count, new, events):
    """One jump of some copies of species s: which reaction, if any; returns the new ``count``."""
    column = i if cells.rates.shape[1] > 1 else 0
    left, total = number, fastest
    for c in range(families.channels[s], families.channels[s + 1]):
        if left == 0:
            break
        r = families.channel[c]
        rate = cells.rates[r, column]
        m = _draw(left, min(rate / total, 1.0) if total > 0.0 else 0.0, cells.names[i], count, now)
        count += 1
        events[r] += m
        left -= m
        total -= rate
        if families.product[r] >= 0:
            new[families.product[r]] += m
    new[s] += left
    return count


@jit
def _begin(begin, m, first, cells, families, tails, now, active, events, word):
    """Which copies of m cells jump at all: ``active[0]`` of those present, ``active[1]`` of births.

    The births that jump and those that don't are independent Poisson numbers. ``word`` has two
    words for each species, and for each birth, of each cell of a block; the ``first`` word to use
    is that of the cell ``begin``. Returns how many numbers a cell has drawn.
    """
    # Arrays are looked up once, not in every cell, where that would be most of the time.
    n, names, rates, volumes = cells.n, cells.names, cells.rates, cells.volumes
    channels, product, jumps, births = (
        families.channels, families.product, families.jumps, families.made
    )  # fmt: skip
    old, young = tails.old[1], tails.young[1]
    active[:, :, first : first + m] = 0
    for s in range(n.shape[0]):
        if channels[s] == channels[s + 1]:
            continue
        for k in range(first, first + m):
            i = begin + k - first
            if n[s, i] < jumps.size:
                active[0, s, k] = from_table(n[s, i], jumps, word[s, 0, k])
            elif n[s, i] > 0:
                active[0, s, k] = _draw(n[s, i], old, names[i], s, now)
            n[s, i] -= active[0, s, k]
    count = n.shape[0]
    for b in range(families.births.shape[0]):
        r = families.births[b]
        s = product[r]
        share = young if s >= 0 and channels[s] < channels[s + 1] else 0.0
        for k in range(first, first + m):
            i = begin + k - first
            if births.size > 0:
                still = from_table(2 * b, births, word[n.shape[0] + b, 0, k])
                moving = from_table(2 * b + 1, births, word[n.shape[0] + b, 1, k])
            else:
                mean = rates[r, i if rates.shape[1] > 1 else 0] * volumes[i] * now.tau
                still = _draw_mean(mean * (1.0 - share), names[i], count, now)
                moving = _draw_mean(mean * share, names[i], count + 1, now)
            events[r] += still + moving
            if s >= 0:
                n[s, i] += still
                active[1, s, k] += moving
        count += 2
    return count


@jit
def _live(i, cells, fastest, families, left, now, count, active, new, events):
    """Let the copies jump that do, and jump again with the chances of ``left``."""
    n = cells.n
    for level in range(1, left.shape[0] - 1):
        moving = 0
        for s in range(n.shape[0]):
            moving += active[s]
            new[s] = 0
        if moving == 0:
            return count
        for s in range(n.shape[0]):
            if active[s] > 0:
                count = _jump(s, active[s], i, cells, fastest, families, now, count, new, events)
        again = left[level + 1] / left[level] if left[level] > 0.0 else 0.0
        for s in range(n.shape[0]):
            m = 0
            # What reacts no more has done with jumping.
            if families.channels[s] < families.channels[s + 1] and new[s] > 0:
                m = _draw(new[s], again, cells.names[i], count, now)
                count += 1
            active[s] = m
            n[s, i] += new[s] - m
    for s in range(n.shape[0]):  # beyond the last level there is nothing but round-off
        n[s, i] += active[s]
    return count


@inlined
def _fastest(column, cells, families):
    """The rate of the species that reacts fastest."""
    fastest = 0.0
    for s in range(cells.n.shape[0]):
        total = 0.0
        for c in range(families.channels[s], families.channels[s + 1]):
            total += cells.rates[families.channel[c], column]
        fastest = max(fastest, total)
    return fastest


@jit
def first_chances(x):
    """Chances of a copy to jump at all, of one that is there and of one made; x = K tau."""
    tails = _tails(x)
    return tails.old[1], tails.young[1]


@jit
def react_families(cells, families, now, events):
    """Half a step of copies that react by themselves, exact; returns `DONE` or `TOO_MANY`.

    All copies jump with the rate K of the fastest species, where a jump may be none (A. Jensen,
    "Markoff chains as an aid in the study of Markoff processes", Skandinavisk Aktuarietidskrift 36
    (1953) 87). The number of jumps does not depend on where they lead, so that all copies with at
    least l jumps make the l-th together, and multinomial numbers say how. Copies that are made
    within the half step are present for a uniform share of it. ``events`` counts by reaction.
    """
    species, births = cells.n.shape[0], families.births.shape[0]
    active, new = np.zeros((2, species, _BLOCK), np.int64), np.zeros(species, np.int64)
    word = np.empty((species + births, 2, _BLOCK), np.uint64)
    varies = cells.rates.shape[1] > 1
    fastest = _fastest(0, cells, families)
    tails = _tails(min(fastest * now.tau, FASTEST))
    if not varies and fastest * now.tau > FASTEST:
        return TOO_MANY
    for begin in range(0, cells.n.shape[1], _BLOCK):
        m = min(_BLOCK, cells.n.shape[1] - begin)
        for d in range(species + births):
            count = d if d < species else 2 * d - species
            two_words(cells.names[begin : begin + m], count, now, word[d])
        if not varies:
            count = _begin(begin, m, 0, cells, families, tails, now, active, events, word)
        for k in range(m):
            i = begin + k
            if varies:
                fastest = _fastest(i, cells, families)
                x = fastest * now.tau
                if x > FASTEST:
                    return TOO_MANY
                if x != tails.x[0]:
                    tails = _tails(x)
                count = _begin(i, 1, k, cells, families, tails, now, active, events, word)
            drawn = count
            for age in range(2):
                moving = 0
                for s in range(species):
                    moving += active[age, s, k]
                if moving > 0:
                    left = tails.young if age else tails.old
                    drawn = _live(
                        i, cells, fastest, families, left, now, drawn, active[age, :, k], new,
                        events,
                    )  # fmt: skip
    return DONE


@inlined
def propensity(r, x, network, k, scale):
    """The propensity of reaction r in a cell with contents x (1/time)."""
    a = k * scale
    for p in range(network.sites.shape[1]):
        s = network.sites[r, p]
        if s < 0:
            break
        used = 0
        for q in range(p):
            used += 1 if network.sites[r, q] == s else 0
        left = max(x[s] - used, 0.0)
        a *= left if network.laws[r] == 0 else min(left, 1.0)
    if network.laws[r] != 0 and a > 0.0:
        value = rate_at(network.laws[r], x / scale)
        return a * value if value >= 0.0 else np.nan
    return a


@inlined
def _propensities(x, i, cells, network, scale, a):
    """The propensities a of a cell with contents x; their sum."""
    column = i if cells.rates.shape[1] > 1 else 0
    total = 0.0
    for r in range(a.shape[0]):
        a[r] = propensity(r, x, network, cells.rates[r, column], scale[r])
        total += a[r]
    return total


@jit
def _leap_length(x, a, network):
    """The longest leap in which no propensity changes by more than `LEAP` of itself.

    Y. Cao, D. T. Gillespie and L. R. Petzold, J. Chem. Phys. 124, 044109 (2006).
    """
    longest = np.inf
    order = network.sites.shape[1]
    for r in range(a.shape[0]):
        if network.laws[r] != 0:
            order = max(order, STEEPEST)
    for s in range(x.shape[0]):
        mean, spread = 0.0, 0.0
        for r in range(a.shape[0]):
            mean += network.change[r, s] * a[r]
            spread += network.change[r, s] ** 2 * a[r]
        if spread > 0.0:
            allowed = max(LEAP * x[s] / order, 1.0)
            longest = min(longest, allowed * allowed / spread)
            if mean != 0.0:
                longest = min(longest, allowed / abs(mean))
    return longest


@jit
def _fire(i, means, h, cells, network, now, count, work):
    """Poisson numbers of events, and what they make of the contents y; whether none is negative."""
    for r in range(means.shape[0]):
        m = _draw_mean(h * means[r], cells.names[i], count + r, now)
        work.fired[r] += m
        for s in range(work.y.shape[0]):
            work.y[s] += network.change[r, s] * m
    return work.y.min() >= 0.0


@jit
def _leap(i, h, cells, network, now, count, work):
    """A leap of length h from the contents x; False where a content would be negative.

    D. F. Anderson and M. Koyama, "Weak error analysis of numerical methods for stochastic models of
    population processes", Multiscale Modeling and Simulation 10 (2012) 1493: of weak second order.
    """
    reactions = work.a.shape[0]
    for r in range(reactions):
        work.fired[r] = 0
    for s in range(work.x.shape[0]):
        work.y[s] = work.x[s]
    if not _fire(i, work.a, 0.5 * h, cells, network, now, count, work):
        return False
    _propensities(work.y, i, cells, network, work.scale, work.b)
    for r in range(reactions):
        work.b[r] = max(2.0 * work.b[r] - work.a[r], 0.0)
    if not _fire(i, work.b, 0.5 * h, cells, network, now, count + reactions, work):
        return False
    for s in range(work.x.shape[0]):
        work.x[s] = work.y[s]
    return True


@jit
def _leap_on(i, left, cells, network, now, count, work, events):
    """A leap of at most the time ``left``; how long it was (0: none is worth it), and the count."""
    h = min(_leap_length(work.x, work.a, network), left)
    total = work.a.sum()
    while total * h > _FEWEST:
        took = _leap(i, h, cells, network, now, count, work)
        count += 2 * work.a.shape[0]
        if took:
            for r in range(work.a.shape[0]):
                events[r] += work.fired[r]
            return h, count
        h *= 0.5
    return 0.0, count


@inlined
def _choose(a, choice):
    """The reaction at which the sum of propensities first exceeds ``choice``."""
    chosen = 0
    for r in range(a.shape[0]):
        if a[r] > 0.0:
            chosen = r
            choice -= a[r]
            if choice < 0.0:
                break
    return chosen


@jit
def new_work(species, reactions):
    """Memory for the reactions of one cell."""
    return _Work(
        np.zeros(species), np.zeros(species), np.zeros(reactions), np.zeros(reactions),
        np.zeros(reactions), np.zeros(reactions, np.int64),
    )  # fmt: skip


@jit
def react_cell(i, cells, network, now, work, events):
    """Half a step of one cell, from the contents x; `DONE`, `TOO_MANY` or `NO_RATE`."""
    cell = np.uint64(cells.names[i])
    left = now.tau
    total = _propensities(work.x, i, cells, network, work.scale, work.a)
    event, count = 0, 0
    while total > 0.0:
        h = 0.0
        if total * left > MANY:
            h, count = _leap_on(i, left, cells, network, now, count, work, events)
        if h > 0.0:
            left -= h
        else:
            if event >= _MOST_EVENTS:
                return TOO_MANY
            u, v = uniforms(now.key, cell, now.step, CELL_EVENT, event_draw(now.half, event))
            event += 1
            left += math.log(u) / total
            if left <= 0.0:
                break
            chosen = _choose(work.a, v * total)
            for s in range(work.x.shape[0]):
                work.x[s] += network.change[chosen, s]
            events[chosen] += 1
        total = _propensities(work.x, i, cells, network, work.scale, work.a)
    return DONE if total == 0.0 or left <= 0.0 else NO_RATE


@jit
def _first_chances(names, now, chance):
    """The number that says when the first event of each cell is; a loop that vectorises."""
    for k in range(names.shape[0]):
        draw = event_draw(now.half, 0)
        w0, w1, _, _ = words(now.key, np.uint64(names[k]), now.step, CELL_EVENT, draw)
        chance[k] = uniform52(w0, w1)


@jit
def _waits(n, names, rates, network, scale, now, idle):
    """Whether nothing happens in each cell: ``idle``, False also where that is not plain.

    The same numbers as of `react_cell`, for many cells at once, as most of them are idle: the first
    event is later than tau if ``u <= exp(-x)``, surely if ``u <= 1 - x``, x the mean of events.
    """
    a, total, chance = np.empty((3, _BLOCK))
    for begin in range(0, n.shape[1], _BLOCK):
        m = min(_BLOCK, n.shape[1] - begin)
        total[:m] = 0.0
        for r in range(network.sites.shape[0]):
            for k in range(m):
                a[k] = rates[r, begin + k if rates.shape[1] > 1 else 0] * scale[r]
            for p in range(network.sites.shape[1]):
                s, used = network.sites[r, p], 0
                if s < 0:
                    break
                for q in range(p):
                    used += 1 if network.sites[r, q] == s else 0
                for k in range(m):
                    a[k] *= max(float(n[s, begin + k] - used), 0.0)
            for k in range(m):
                total[k] += a[k]
        _first_chances(names[begin : begin + m], now, chance)
        for k in range(m):
            mean = total[k] * now.tau
            idle[begin + k] = mean == 0.0 or (mean < MANY and chance[k] <= 1.0 - mean)


@jit
def _settle(n, names, rates, network, scale, now, idle, events):
    """Event by event what happens in cells that are not idle, which they are then.

    The same as of `react_cell`, whose arguments would take most of the time. Cells that leap, and
    those with more than `_MOST_AT_ONCE` events, stay as they are.
    """
    sites, change = network.sites, network.change
    reactions, most = sites.shape
    x, a, fired = np.empty(n.shape[0]), np.empty(reactions), np.zeros(reactions, np.int64)
    for i in range(n.shape[1]):
        if idle[i]:
            continue
        column = i if rates.shape[1] > 1 else 0
        for s in range(n.shape[0]):
            x[s] = n[s, i]
        fired[:] = 0
        left = now.tau
        for event in range(_MOST_AT_ONCE):
            total = 0.0
            for r in range(reactions):
                a[r] = rates[r, column] * scale[r]
                for p in range(most):
                    s = sites[r, p]
                    if s < 0:
                        break
                    used = 0
                    for q in range(p):
                        used += 1 if sites[r, q] == s else 0
                    a[r] *= max(x[s] - used, 0.0)
                total += a[r]
            if total * left > MANY:
                break
            draw = event_draw(now.half, event)
            u, v = uniforms(now.key, np.uint64(names[i]), now.step, CELL_EVENT, draw)
            idle[i] = total == 0.0 or left + math.log(u) / total <= 0.0
            if idle[i]:
                break
            left += math.log(u) / total
            chosen = _choose(a, v * total)
            fired[chosen] += 1
            for s in range(n.shape[0]):
                x[s] += change[chosen, s]
        if idle[i]:
            for s in range(n.shape[0]):
                n[s, i] = int(x[s])
            for r in range(reactions):
                events[r] += fired[r]


@jit
def react_cells(cells, network, now, events):
    """Half a step of any reactions in each cell; `DONE`, `TOO_MANY`, or `NO_RATE` for bad laws.

    Event by event (D. T. Gillespie, J. Comput. Phys. 22 (1976) 403), exact. A cell that expects
    `MANY` events leaps instead, by steps in which no propensity changes by more than 3 %.
    ``events`` counts by reaction.
    """
    species, reactions = cells.n.shape[0], network.sites.shape[0]
    work = new_work(species, reactions)
    volume = -1.0
    idle = np.zeros(cells.n.shape[1], np.bool_)
    if (
        cells.n.shape[1] > 0
        and network.laws.max() == 0
        and cells.volumes.min() == cells.volumes.max()
    ):
        for r in range(reactions):
            work.scale[r] = network.factors[r] * cells.volumes[0] ** network.powers[r]
        _waits(cells.n, cells.names, cells.rates, network, work.scale, now, idle)
        _settle(cells.n, cells.names, cells.rates, network, work.scale, now, idle, events)
    for i in range(cells.n.shape[1]):
        if idle[i]:
            continue
        if cells.volumes[i] != volume:
            volume = cells.volumes[i]
            for r in range(reactions):
                work.scale[r] = network.factors[r] * volume ** network.powers[r]
        for s in range(species):
            work.x[s] = cells.n[s, i]
        status = react_cell(i, cells, network, now, work, events)
        for s in range(species):
            cells.n[s, i] = int(work.x[s])
        if status != DONE:
            return status
    return DONE
