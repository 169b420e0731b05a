"""Events that actors propose: pairs, partners in a reservoir, and dissociation across faces.

The partners of a particle in a reservoir form a Poisson process of its concentration within the
Doi radius (del Razo 2024, section III.A). Candidates are drawn uniformly in the ball and thinned:
one at y counts where y lies in the reservoir, with probability c(y)/c_max.
"""

from __future__ import annotations

import math

import numpy as np

from hybridrd.arrays import OBSTACLE, PARTICLES
from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.encounters import (
    BOUND,
    CHANNEL,
    GOES,
    GRADED,
    IN_BALL,
    LARGEST,
    LEFT,
    ONCE,
    RADIUS,
    ROW,
    RULE,
    SHARE,
    THROWN,
    VOLUME,
    WEIGHT,
    WEIGHTED,
    A,
    B,
    copy_number,
    most,
    reservoir_of,
)
from hybridrd.kernels.events import CELL, ENCOUNTER, NEWS, PUT_CELL, RESERVOIR, add_event
from hybridrd.kernels.pairs import Pairs, by_distance, fire, local_hazards, shell_of, shortest, when
from hybridrd.kernels.partner_places import (
    beyond_open,
    in_ball,
    locate,
    reservoir_at,
    turn_back,
)
from hybridrd.kernels.poisson import poisson
from hybridrd.kernels.rng import (
    MOST_PRODUCTS,
    PLACE,
    RESERVOIR_PAIR,
    candidate_draw,
    entering_address,
    newborn_address,
    uniforms,
)


@inlined
def _word(v):
    """The number of an event among those at the same time, from a uniform number."""
    return np.uint64(v * 2.0**52) << np.uint64(12)


@inlined
def _depth(y, axis, side, reservoir):
    """Distance of a point from a face of the region."""
    return y[axis] - reservoir.low[axis] if side == 0 else reservoir.high[axis] - y[axis]


@jit
def _is_near(y, faces, reservoir):
    """Whether a point is within the radius of one of the first so many faces, of the open ones."""
    for face in range(faces):
        axis, side = face // 2, face % 2
        if reservoir.opens[axis, side] and _depth(y, axis, side, reservoir) < reservoir.radius:
            return True
    return False


@jit
def _find_near(x, n, reservoir, domain):
    """Which of n particles may have partners: in a box those within the radius of an open face."""
    near, d = np.zeros(n, np.bool_), x.shape[0]
    if reservoir.near.shape[0] > 0:
        here = np.empty(d)
        for i in range(n):
            for a in range(d):
                here[a] = x[a, i]
            cell = locate(here, domain)
            near[i] = cell >= 0 and reservoir.near[cell]
        return near
    for axis in range(d):  # loops that vectorise
        row, low, high = x[axis], reservoir.low[axis], reservoir.high[axis]
        if reservoir.opens[axis, 0]:
            for i in range(n):
                near[i] |= row[i] - low < reservoir.radius
        if reservoir.opens[axis, 1]:
            for i in range(n):
                near[i] |= high - row[i] < reservoir.radius
    return near


@inlined
def _locate_outside(cell, encounters):
    """The cell of a place outside the region; one that is beyond walls is in none: the last + 1."""
    return encounters.codes.shape[0] if cell < 0 else cell


@jit
def _settle_places(bench, m, role, here, y, cell):
    """Where the products of an event go: to the actor in its role, and to the other place."""
    for a in range(here.shape[0]):
        bench.places[m, role, a] = here[a]
        bench.places[m, 1 - role, a] = y[a]
    bench.events[m, CELL + 1 - role] = cell


@jit
def _put_products(encounters, bench, m, now):
    """Give the new products of an event places of their own, where the reaction has a rule.

    Outside the domain, in an obstacle, and where the partner is beyond a wall they stay at the
    reactants' places.
    """
    event, d = bench.events[m], bench.places.shape[2]
    e, domain, cells = event[ENCOUNTER], encounters.domain, encounters.codes.shape[0]
    rule = encounters.table[e, RULE]
    if rule == 0 or max(event[CELL], event[CELL + 1]) >= cells:
        return
    here, y, key = np.empty(d), np.empty(d), encounters.streams[now.half, e, 3]
    for role in range(2):
        for a in range(d):
            here[a] = bench.places[m, role, a]
        if rule == IN_BALL:
            address = newborn_address(bench.word[m], MOST_PRODUCTS + role)
            in_ball(here, encounters.sizes[e, RADIUS], key, address, now.step, PLACE, 0, y)
        else:
            share = encounters.sizes[e, WEIGHT] if rule == WEIGHTED else 0.5
            share = share if role == 0 else 1.0 - share
            for a in range(d):
                gap = bench.places[m, 1 - role, a] - here[a]
                gap = shortest(gap, encounters.box.periods[a])
                y[a] = here[a] + (1.0 - share) * gap
        cell = locate(y, domain)
        if cell < 0 or encounters.codes[cell] == OBSTACLE:
            continue
        event[PUT_CELL + role] = -1 if encounters.codes[cell] == PARTICLES else cell
        for a in range(d):
            bench.places[m, 2 + role, a] = turn_back(y[a], a, domain)


@jit
def propose_pairs(encounters, bench, e, i, j, one, other, now):
    """Events of close pairs: ``i`` of the first reactants, ``j`` of the second."""
    table, d, m = encounters.table, one.x.shape[0], i.shape[0]
    like = table[e, A] == table[e, B]
    hazard = encounters.hazard[e]
    if hazard.shape[0] > 1:
        periods = encounters.box.periods
        hazard = local_hazards(i, j, one.x, other.x, hazard, encounters.cells, periods)
    if table[e, GRADED] != 0:
        reach, periods = encounters.sizes[e, RADIUS], encounters.box.periods
        shares = by_distance(i, j, one.x, other.x, encounters.shells[e, 0], reach, periods)
        for k in range(m):
            shares[k] *= hazard[k if hazard.shape[0] > 1 else 0]
        hazard = shares
    time, word = np.empty(m), np.empty(m, np.uint64)
    found = Pairs(i.copy(), j.copy(), time, word, np.empty(m, np.bool_))
    once, channel = table[e, ONCE] != 0, table[e, CHANNEL]
    kept = fire(
        found, one.ids, other.ids, like, hazard, once, now.key, now.step, channel, now.half
    )  # fmt: skip
    for k in range(kept):
        time[k] += max(one.since, other.since)
        if not time[k] < 1.0:
            continue
        a, b = one.first + found.i[k], other.first + found.j[k]
        if found.turned[k]:
            a, b = b, a
        m = add_event(bench, e, a, b, max(one.age, other.age), time[k], word[k])
        if m >= 0:
            first = 1 if found.turned[k] else 0
            for axis in range(d):
                bench.places[m, first, axis] = one.x[axis, found.i[k]]
                bench.places[m, 1 - first, axis] = other.x[axis, found.j[k]]
            _put_products(encounters, bench, m, now)


@jit
def mean_candidates(encounters, beyond, e, row, half):
    """Mean number of candidates about a particle in half a step, for the largest c and rate."""
    trials = (
        0.5 * encounters.sizes[e, LARGEST] * encounters.sizes[e, VOLUME] * most(beyond, row, half)
    )
    # Either of a like pair may be the first.
    return trials * 0.5 if encounters.table[e, A] == encounters.table[e, B] else trials


@jit
def propose_across(encounters, beyond, bench, e, role, actors, now):
    """Events of actors in a role with partners in the reservoir.

    As in pairs within the region, an actor may propose more than one.
    """
    table, shells, d = encounters.table, encounters.shells.shape[2], actors.x.shape[0]
    row = table[e, ROW + role]
    reservoir = reservoir_of(beyond, row, encounters.sizes[e, RADIUS], now.half)
    probability, trials = encounters.full[e], mean_candidates(encounters, beyond, e, row, now.half)
    key, domain = encounters.streams[now.half, e, role], encounters.domain
    largest = encounters.sizes[e, LARGEST]
    here, y, step = np.empty(d), np.empty(d), now.step
    first, nobody = bench.offsets[-2], bench.offsets[-1]
    near = _find_near(actors.x, actors.n, reservoir, domain)
    for i in range(actors.n):
        if not near[i]:
            continue
        for a in range(d):
            here[a] = actors.x[a, i]
        weight, address = 1.0, actors.ids[i]
        if probability.shape[0] > 1:
            weight = probability[locate(here, domain)] / largest
        for k in range(poisson(trials, key, address, step, RESERVOIR_PAIR)):
            in_ball(here, reservoir.radius, key, address, step, PLACE, candidate_draw(k), y)
            cell, value = reservoir_at(y, reservoir, domain)
            u, v = uniforms(key, address, step, PLACE, candidate_draw(k) + 2)
            if table[e, GRADED] != 0:
                value *= encounters.shells[e, 1, shell_of(here, y, reservoir.radius, shells)]
            if not u * reservoir.c_max < value * weight or not v + actors.since < 1.0:
                continue
            one, other = actors.first + i, copy_number(beyond, row, cell, _word(v), first, nobody)
            if role == 1:
                one, other = other, one
            m = add_event(bench, e, one, other, actors.age, v + actors.since, _word(v))
            if m >= 0:
                _settle_places(bench, m, role, here, y, _locate_outside(cell, encounters))
                bench.events[m, RESERVOIR] = 1 - role
                _put_products(encounters, bench, m, now)


@jit
def _in_slab(axis, side, reservoir, key, address, step, y):
    """A point of the region uniform within the radius of a face."""
    for a in range(y.shape[0]):
        u, _ = uniforms(key, address, step, PLACE, 3 + a)
        extent = reservoir.high[a] - reservoir.low[a]
        if a != axis:
            y[a] = reservoir.low[a] + u * extent
        elif side == 0:
            y[a] = reservoir.low[a] + u * min(reservoir.radius, extent)
        else:
            y[a] = reservoir.high[a] - u * min(reservoir.radius, extent)


@jit
def _in_reach(reservoir, domain, key, address, step, y):
    """A point uniform in the cells of a mask that may have partners."""
    _, pick = uniforms(key, address, step, PLACE, 3)
    cells = reservoir.reach
    rest = cells[min(int(pick * cells.shape[0]), cells.shape[0] - 1)]
    for a in range(y.shape[0]):
        u, _ = uniforms(key, address, step, PLACE, 3 + a)
        j = rest % domain.shape[a]
        rest //= domain.shape[a]
        y[a] = domain.low[a] + (j + u) / domain.inverse[a]


@jit
def propose_entering(encounters, beyond, bench, e, now):
    """Complexes in the reservoir that put one of their products into the region.

    The other is left beyond: at walls only where they hold a reservoir of it. A ball about the one
    place is as good as one about the other: products are drawn uniformly within the radius of the
    open faces (in a mask in all cells within reach), with ``hazard c_max`` a volume, and their
    complexes in the ball about them.
    """
    row, d = encounters.table[e, ROW], beyond.low.shape[0]
    reservoir = reservoir_of(beyond, row, encounters.sizes[e, RADIUS], now.half)
    hazard = encounters.hazard[e, 0] * encounters.sizes[e, SHARE]
    left = beyond.holds[encounters.table[e, LEFT]]
    key, domain, step = encounters.streams[now.half, e, 2], encounters.domain, now.step
    here, y = np.empty(d), np.empty(d)
    masked = reservoir.near.shape[0] > 0
    for face in range(1 if masked else 2 * d):
        axis, side = face // 2, face % 2
        if not (masked or reservoir.opens[axis, side]):
            continue
        volume = 1.0
        for a in range(d):
            extent = reservoir.high[a] - reservoir.low[a]
            if masked:
                volume /= domain.inverse[a]
            else:
                volume *= min(reservoir.radius, extent) if a == axis else extent
        if masked:
            volume *= reservoir.reach.shape[0]
        mean = hazard * reservoir.c_max * volume
        for k in range(poisson(mean, key, np.uint64(face), step, RESERVOIR_PAIR)):
            address = entering_address(face, k)
            if masked:
                _in_reach(reservoir, domain, key, address, step, here)
            else:
                _in_slab(axis, side, reservoir, key, address, step, here)
                if _is_near(here, face, reservoir):  # counted at an earlier face
                    continue
            in_ball(here, reservoir.radius, key, address, step, PLACE, 0, y)
            u, v = uniforms(key, address, step, PLACE, 2)
            cell, value = reservoir_at(y, reservoir, domain)
            kept = cell >= 0 or beyond_open(y, domain, left)
            if not kept or not u * reservoir.c_max < value:
                continue
            first, nobody = bench.offsets[-2], bench.offsets[-1]
            bound = copy_number(beyond, row, cell, _word(v), first, nobody)
            m = add_event(bench, e, bound, nobody, -1, v, _word(v))
            if m >= 0:
                _settle_places(bench, m, 1, here, here, _locate_outside(cell, encounters))
                bench.events[m, RESERVOIR] = 0


@jit
def propose_unbinding(encounters, beyond, bench, e, actors, which, now):
    """Dissociations of those actors that may dissociate, see `hybridrd.kernels.close_pairs`.

    A complex that cannot be beyond a wall was put at the place of its second partner when the first
    was beyond; it dissociates in the same way.
    """
    for i in which:
        _unbind(encounters, beyond, bench, e, actors, i, False, now)
    opens = beyond.holds[encounters.table[e, LEFT]]
    shut = beyond.holds[encounters.table[e, A]]
    both = False
    for a in range(opens.shape[0]):
        for side in range(2):
            both = both or (opens[a, side] and not shut[a, side])
    if both:
        key, bound = encounters.streams[now.half, e, 0], encounters.sizes[e, BOUND]
        for i in range(actors.n):
            u, _ = uniforms(key, actors.ids[i], now.step, RESERVOIR_PAIR, 0)
            if u <= bound:
                _unbind(encounters, beyond, bench, e, actors, i, True, now)


@jit
def _unbind(encounters, beyond, bench, e, actors, i, turned, now):
    """Dissociations of one actor in half a step.

    One product is put uniformly into the ball about the other. A place outside the domain rejects
    the event, unless it is beyond walls that all hold a reservoir of the product. After a rejected
    event time goes on; also after one that leaves the actor there. If ``turned`` all places but
    those beyond walls do.
    """
    table, domain, d = encounters.table, encounters.domain, actors.x.shape[0]
    hazard, radius = encounters.hazard[e, 0], encounters.sizes[e, RADIUS]
    likely, share = -math.expm1(-hazard) * (1.0 + 1e-9), encounters.sizes[e, SHARE]
    opens, shut = beyond.holds[table[e, THROWN]], beyond.holds[-1]
    key, address, step = encounters.streams[now.half, e, 3], actors.ids[i], now.step
    if turned:
        opens, shut = beyond.holds[table[e, LEFT]], beyond.holds[table[e, A]]
        key = encounters.streams[now.half, e, 0]
    here, y = np.empty(d), np.empty(d)
    for a in range(d):
        here[a] = actors.x[a, i]
    time, draw = 0.0, 0
    while True:
        u, v = uniforms(key, address, step, RESERVOIR_PAIR, draw)
        if u > likely:
            break
        time += when(u, hazard, False)
        if not time < 1.0:
            break
        in_ball(here, radius, key, address, step, PLACE, candidate_draw(draw), y)
        u, _ = uniforms(key, address, step, PLACE, candidate_draw(draw) + 2)
        draw += 1
        cell = locate(y, domain)
        if cell >= 0 and encounters.codes[cell] == OBSTACLE:
            continue
        inside = cell >= 0 and encounters.codes[cell] == PARTICLES
        allowed = not turned
        if cell == -1:
            allowed = beyond_open(y, domain, opens) and not beyond_open(y, domain, shut)
        if not allowed or (not inside and u >= share):
            continue
        for a in range(d):
            y[a] = turn_back(y[a], a, domain)
        if time + actors.since < 1.0:
            number, nobody = actors.first + i, bench.offsets[-1]
            m = add_event(bench, e, number, nobody, actors.age, time + actors.since, _word(v))
            if m >= 0:
                _settle_places(
                    bench, m, 0, here, y, -1 if inside else _locate_outside(cell, encounters)
                )
                bench.events[m, NEWS] = 2 * e + 1 if turned else 2 * e
        if table[e, GOES] != 0:
            break


@jit
def propose_alone(encounters, beyond, bench, e, s, actors, which, now):
    """Events of single actors of a species: with a partner in a reservoir, or dissociation.

    ``which`` of them may dissociate.
    """
    table = encounters.table
    if actors.n == 0:
        return
    if table[e, B] < 0:
        if table[e, A] == s:
            propose_unbinding(encounters, beyond, bench, e, actors, which, now)
        return
    for role in range(2):
        row = table[e, ROW + role]
        if table[e, A + role] == s and row >= 0 and most(beyond, row, now.half) > 0.0:
            propose_across(encounters, beyond, bench, e, role, actors, now)
