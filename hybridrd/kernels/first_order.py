"""Reactions of order zero and one: waiting times inside the half step.

A particle of species s has the total rate K, the sum over its channels. It reacts after a time
-ln(U)/K; channel j is chosen with probability k_j/K, so competing channels share exactly. Products
live on for the rest of the half step and may react again: births and chains are exact for any
step. A family is followed with random numbers addressed by the id of its first member.

Tables: the channels of species s are ``channel[channels[s]:channels[s + 1]]``, reaction indices;
the products of reaction r are ``product[products[r]:products[r + 1]]``. ``rates[r, cell]`` has one
column where no rate depends on position.
"""

from __future__ import annotations

import math

import numpy as np

from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.arrays import cell_of
from hybridrd.kernels.rng import (
    CREATE,
    FATE,
    birth_address,
    family_address,
    fate_draw,
    uniform52,
    uniforms,
    words,
)

FULL = -1  # the output arrays are too small
DEEP = -2  # a family is too large to follow

_DEPTH = 4096


@inlined
def _total(s, cell, channels, channel, rates):
    total = 0.0
    for c in range(channels[s], channels[s + 1]):
        total += rates[channel[c], cell]
    return total


@jit
def mark(ids, start, stop, probability, key, step, half, marks):
    """Mark the particles that react in this half step, all with one probability."""
    draw = fate_draw(half)
    for i in range(start, stop):
        w0, w1, _, _ = words(key, ids[i], step, FATE, draw)
        marks[i] = uniform52(w0, w1) < probability


@jit
def _follow(
    s, cell, tau, address, key, step, half, own, channels, channel, products, product, rates,
    stack, left, mine, out, n, capacity, events,
):  # fmt: skip
    """One family from its first member; survivors' species go to ``out`` from position n.

    Returns (the new n or an error, whether the first member itself survives). ``own`` says whether
    there is a first member that may survive; draws start at ``fate_draw(half)``.
    """
    stack[0] = s
    left[0] = tau
    mine[0] = own
    top = 1
    draw = fate_draw(half)
    survives = False
    while top > 0:
        top -= 1
        species = stack[top]
        remaining = left[top]
        is_first = mine[top]
        total = _total(species, cell, channels, channel, rates)
        time = remaining
        choice = 0.0
        if total > 0.0:
            u, v = uniforms(key, address, step, FATE, draw)
            draw += 1
            # The same comparison as in `mark`: an event where u < 1 - exp(-K tau).
            if u < -math.expm1(-total * remaining):
                time = min(-math.log1p(-u) / total, remaining)
                choice = v * total
                reaction = channel[channels[species]]
                for c in range(channels[species], channels[species + 1]):
                    reaction = channel[c]
                    choice -= rates[reaction, cell]
                    if choice < 0.0:
                        break
                events[reaction] += 1
                first = products[reaction]
                last = products[reaction + 1]
                if top + last - first > _DEPTH or draw >= fate_draw(half + 1):
                    return DEEP, False
                for p in range(last - 1, first - 1, -1):
                    stack[top] = product[p]
                    left[top] = remaining - time
                    mine[top] = is_first and p == first and product[p] == s
                    top += 1
                continue
        if is_first:
            survives = True
        else:
            if n >= capacity:
                return FULL, False
            out[n] = species
            n += 1
    return n, survives


@jit
def react_first_order(
    s, x, ids, n, marks, tau, key, step, half, channels, channel, products, product, rates,
    low, inverse, shape, gone, out_species, out_parent, out_x, events,
):  # fmt: skip
    """Follow the families of all marked particles of species s.

    ``gone[i]`` is set where the particle itself does not survive. Returns the number of new
    particles, or FULL or DEEP; then nothing may be used but ``events`` must be reset.
    """
    d = x.shape[0]
    stack = np.empty(_DEPTH, np.int64)
    left = np.empty(_DEPTH)
    mine = np.empty(_DEPTH, np.bool_)
    m = 0
    capacity = out_species.shape[0]
    for i in range(n):
        if not marks[i]:
            continue
        cell = cell_of(x, i, low, inverse, shape) if rates.shape[1] > 1 else 0
        before = m
        m, survives = _follow(
            s, cell, tau, ids[i], key, step, half, True, channels, channel, products, product,
            rates, stack, left, mine, out_species, m, capacity, events,
        )  # fmt: skip
        if m < 0:
            return m
        if not survives:
            gone[i] = 1
        for j in range(before, m):
            out_parent[j] = ids[i]
            for a in range(d):
                out_x[a, j] = x[a, i]
    return m


@jit
def create(
    reaction, cells, low, steps, shape, tau, key, step, half, channels, channel, products, product,
    rates, out_species, out_parent, out_x, events,
):  # fmt: skip
    """Creations of one reaction of order zero, one for each entry of ``cells``.

    Each is born uniformly in its cell and in the half step, and its products live for the rest.
    """
    d = out_x.shape[0]
    stack = np.empty(_DEPTH, np.int64)
    left = np.empty(_DEPTH)
    mine = np.empty(_DEPTH, np.bool_)
    place = np.empty(3)
    m = 0
    capacity = out_species.shape[0]
    for k in range(cells.shape[0]):
        address = birth_address(reaction, half, k)
        time, place[0] = uniforms(key, address, step, CREATE, 0)
        place[1], place[2] = uniforms(key, address, step, CREATE, 1)
        events[reaction] += 1
        for p in range(products[reaction], products[reaction + 1]):
            rate_cell = cells[k] if rates.shape[1] > 1 else 0
            before = m
            # Families of several products of one creation need addresses of their own.
            own = family_address(address, p - products[reaction])
            m, _ = _follow(
                product[p], rate_cell, tau * (1.0 - time), own, key, step, half, False,
                channels, channel, products, product, rates, stack, left, mine,
                out_species, m, capacity, events,
            )  # fmt: skip
            if m < 0:
                return m
            for j in range(before, m):
                out_parent[j] = address
                rest = cells[k]
                for a in range(d):
                    out_x[a, j] = low[a] + steps[a] * (rest % shape[a] + place[a])
                    rest //= shape[a]
    return m


@jit
def mark_by_cell(
    s, x, ids, start, stop, tau, key, step, half, channels, channel, rates, low, inverse, shape,
    marks,
):  # fmt: skip
    """`mark` where rates depend on position."""
    draw = fate_draw(half)
    for i in range(start, stop):
        total = _total(s, cell_of(x, i, low, inverse, shape), channels, channel, rates)
        w0, w1, _, _ = words(key, ids[i], step, FATE, draw)
        marks[i] = uniform52(w0, w1) < -math.expm1(-total * tau)
