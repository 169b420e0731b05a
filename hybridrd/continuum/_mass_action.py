"""Compiled integration of mass-action kinetics, a block of cells at a time.

``sites`` ``(reactions, most)`` holds the reactants of each reaction, like ones side by side, -1
for none; ``most`` is at least 2.

Where a content fluctuates as independent copies do, pairs of one species are n (n - 1)/2, not
n²/2: their rate is ``k c (c - s² copy)/2``, ``copy`` being the concentration of one copy (0: the
content does not fluctuate) and s how much of the noise acts, from 0 at ``low`` copies to 1 at
``high``; a third copy is one of n - 2. Reactants of several species need nothing of the kind while
their contents are independent.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hybridrd.kernels._jit import jit, stage
from hybridrd.kernels.rosenbrock import DONE, NEGATIVE, NOT_FINITE, Kinetics, advance, jacobian

# Cells that share a substep: enough for vector units, few enough to have like concentrations.
BLOCK = 128
# Cells that are read at once, and take their step together where a single one is enough.
WIDE = 2 * BLOCK
# Largest product of a substep and a rate of change: RK4 is then right to 3e-8 per time constant.
STEP = 0.04
# Below this a concentration that nothing feeds is gone; it must not cost substeps any more.
GONE = 1e-290
# Beyond so many, one time constant, the rest is left to an implicit method.
MOST_SUBSTEPS = 25
NOTHING = 0.0, 0.0, 1.0  # ``copy, low, high`` of a content that does not fluctuate


def _rates(m: Any, k: Any, sites: Any, grain: Any, y: Any, r: int, v: Any, to: int) -> None:
    """How often reaction ``r`` fires per volume and time in each of ``m`` cells, into ``v[to]``."""
    i, j = sites[r, 0], sites[r, 1]
    if i < 0:
        for b in range(m):
            v[to, b] = k[r, b]
    elif j < 0:
        for b in range(m):
            v[to, b] = k[r, b] * y[i, b]
    elif i == j and grain[0] > 0.0:
        copy, low, high = grain
        for b in range(m):
            s = min(max((y[i, b] / copy - low) / (high - low), 0.0), 1.0)
            v[to, b] = k[r, b] * y[i, b] * (y[i, b] - s * s * copy)
    else:
        for b in range(m):
            v[to, b] = k[r, b] * y[i, b] * y[j, b]
    for p in range(2, sites.shape[1]):
        t = sites[r, p]
        if t < 0:
            break
        copy, low, high = grain
        used = 0
        for q in range(p):
            used += 1 if sites[r, q] == t else 0
        for b in range(m):
            w = y[t, b]
            if used > 0 and copy > 0.0:
                s = min(max((w / copy - low) / (high - low), 0.0), 1.0)
                w = max(w - used * s * s * copy, 0.0)
            v[to, b] *= w


rates = jit(_rates)


def _add(m: Any, target: Any, s: int, factor: float, v: Any, r: int) -> None:
    """Add a multiple of ``v[r]`` to a row."""
    for b in range(m):
        target[s, b] += factor * v[r, b]


add = jit(_add)


def _fill(m: Any, target: Any, s: int, value: float) -> None:
    for b in range(m):
        target[s, b] = value


fill = jit(_fill)


def _largest(m: Any, v: Any, s: int) -> float:
    # Four maxima at once: one would be a chain of as many waits as there are cells.
    a0 = a1 = a2 = a3 = 0.0
    whole = m - m % 4
    for b in range(0, whole, 4):
        a0 = v[s, b] if v[s, b] > a0 else a0
        a1 = v[s, b + 1] if v[s, b + 1] > a1 else a1
        a2 = v[s, b + 2] if v[s, b + 2] > a2 else a2
        a3 = v[s, b + 3] if v[s, b + 3] > a3 else a3
    for b in range(whole, m):
        a0 = v[s, b] if v[s, b] > a0 else a0
    return max(max(a0, a1), max(a2, a3))


largest = jit(_largest)


def _terms(change: Any, terms: Any, factors: Any) -> None:
    """The two reactions that change a species, with the change; ``R + s`` in place of more.

    ``terms`` ``(S, 2)`` is -1 for a species that no reaction changes.
    """
    reactions, species = change.shape
    for s in range(species):
        found = 0
        for r in range(reactions):
            if change[r, s] != 0.0:
                if found < 2:
                    terms[s, found], factors[s, found] = r, change[r, s]
                found += 1
        for n in range(found, 2):
            terms[s, n], factors[s, n] = terms[s, 0] if found > 0 else -1, 0.0
        if found > 2:
            terms[s], factors[s, 0], factors[s, 1] = reactions + s, 1.0, 0.0


terms_of = jit(_terms)


def _all_rates(
    m: Any, k: Any, sites: Any, change: Any, grain: Any, y: Any, terms: Any, v: Any
) -> None:
    """Rates of all reactions in ``v[:R]``, and in ``v[R:]`` the change of species by many."""
    reactions = len(sites)
    for r in range(reactions):
        rates(m, k, sites, grain, y, r, v, r)
    for s in range(len(y)):
        if terms[s, 0] < reactions:
            continue
        fill(m, v, reactions + s, 0.0)
        for r in range(reactions):
            if change[r, s] != 0.0:
                add(m, v, reactions + s, change[r, s], v, r)


all_rates = jit(_all_rates)


def _product(
    m: Any, w: Any, sites: Any, r: int, p: int, turn: int, y: Any, gain: Any, e: Any
) -> None:
    """``w`` times the other reactants' concentrations than that of reactant ``p``, into ``e[0]``.

    The coefficient of ``t**turn`` of that product at ``y + t gain``, in ``e[turn]``.
    """
    for n in range(turn + 1):
        fill(m, e, n, w if n == 0 else 0.0)
    for q in range(sites.shape[1]):
        t = sites[r, q]
        if t < 0:
            break
        if q != p:
            for n in range(turn, -1, -1):
                lower = max(n - 1, 0)
                for b in range(m):
                    e[n, b] = e[n, b] * y[t, b] + (e[lower, b] * gain[t, b] if n > 0 else 0.0)


product = jit(_product)


def _speed(
    m: Any, k: Any, sites: Any, change: Any, x: Any, gain: Any, lam: Any, e: Any, v: Any
) -> float:
    """Bound of the rates of change (1/time), now and as the present gains let them grow.

    Per species j: sum over reactions of the largest stoichiometric change times the derivative
    of the reaction's rate by the concentration of j, a polynomial in the time t that the gains
    have acted; the bound is the largest ``coefficient(t^n)**(1/(n + 1))``. A species that is absent
    and not made cannot change anything. Leaves the gains in ``gain``.
    """
    species = len(x)
    for s in range(species):
        fill(m, gain, s, 0.0)
    for r in range(len(sites)):
        rates(m, k, sites, NOTHING, x, r, v, 0)
        for s in range(species):
            if change[r, s] > 0.0:
                add(m, gain, s, change[r, s], v, 0)
    found = 0.0
    for turn in range(sites.shape[1]):
        for s in range(species):
            fill(m, lam, s, 0.0)
        for r in range(len(sites)):
            i, j = sites[r, 0], sites[r, 1]
            if i < 0 or (turn > 0 and j < 0):
                continue
            size = 0.0
            for s in range(species):
                size = max(size, abs(change[r, s]))
            if j < 0:
                for b in range(m):
                    lam[i, b] += size * k[r, b]
            elif sites.shape[1] > 2 and sites[r, 2] >= 0:
                for p in range(sites.shape[1]):
                    t = sites[r, p]
                    if t < 0:
                        break
                    product(m, size, sites, r, p, turn, x, gain, e)
                    for b in range(m):
                        lam[t, b] += k[r, b] * e[turn, b]
            elif turn < 2:
                y = x if turn == 0 else gain
                for b in range(m):
                    lam[i, b] += size * k[r, b] * y[j, b]
                for b in range(m):
                    lam[j, b] += size * k[r, b] * y[i, b]
        most = 0.0
        for b in range(m):
            v[0, b] = 0.0
        for s in range(species):
            for b in range(m):
                value = lam[s, b] if x[s, b] + gain[s, b] > 0.0 else 0.0
                v[0, b] = value if value > v[0, b] else v[0, b]
        for b in range(m):
            most = v[0, b] if v[0, b] > most else most
        if turn == 0:
            found = most
        elif turn == 1:
            found = max(found, np.sqrt(most))
        else:
            found = max(found, most ** (1.0 / (turn + 1)))
    return found


speed = jit(_speed)


def _at_rest(m: Any, x: Any, v: Any, terms: Any, factors: Any, delta: float) -> bool:
    """Whether a substep changes nothing but the last digits, anywhere: an equilibrium."""
    for s in range(len(x)):
        i, j = terms[s, 0], terms[s, 1]
        if i < 0:
            continue
        for b in range(m):
            f = factors[s, 0] * v[i, b] + factors[s, 1] * v[j, b]
            if abs(f) * delta > 4e-16 * x[s, b]:
                return False
    return True


at_rest = jit(_at_rest)


def _substep(
    m: Any,
    k: Any,
    sites: Any,
    change: Any,
    grain: Any,
    x: Any,
    y: Any,
    total: Any,
    v: Any,
    terms: Any,
    factors: Any,
    delta: float,
) -> None:
    """The fourth-order Runge-Kutta method, given the rates at ``x`` in ``v``."""
    for turn in range(4):
        if turn > 0:
            all_rates(m, k, sites, change, grain, y, terms, v)
        part = 0.5 * delta if turn < 2 else delta
        weight = delta / 6.0 if turn in (0, 3) else delta / 3.0
        for s in range(len(x)):
            i, j = terms[s, 0], terms[s, 1]
            if i < 0:
                continue
            one, other = factors[s, 0], factors[s, 1]
            if turn < 3:
                for b in range(m):
                    f = one * v[i, b] + other * v[j, b]
                    total[s, b] += weight * f
                    y[s, b] = x[s, b] + part * f
            else:
                for b in range(m):
                    value = total[s, b] + weight * (one * v[i, b] + other * v[j, b])
                    value = 0.0 if value < GONE else value
                    x[s, b] = y[s, b] = total[s, b] = value


substep = jit(_substep)


def _limit(
    m: Any, k: Any, sites: Any, change: Any, x: Any, peak: Any, gain: Any, lam: Any, e: Any, v: Any
) -> float:
    """The `_speed` of a cell that has the most of everything in ``m`` cells."""
    for s in range(len(x)):
        peak[s, 0] = largest(m, x, s)
    most: float = speed(1, k, sites, change, peak, gain, lam, e, v)
    return 1.000001 * most


limit = jit(_limit)


def _integrate(
    c: Any,
    out: Any,
    k: Any,
    sites: Any,
    change: Any,
    tau: float,
    grain: Any,
    left: Any,
) -> int:
    """Advance ``c`` ``(S, n)`` by ``tau`` into ``out``; ``k`` is ``(R, n)`` or ``(R, 1)``.

    A block of cells that is stiff, from the start or from some substep on, is left to `_implicit`:
    ``left`` ``(blocks,)`` receives the time that it still has to react, 0 for most.
    """
    species, n = c.shape
    reactions = len(sites)
    kb = np.empty((reactions, WIDE))
    most, peak = np.empty((reactions, 1)), np.empty((species, 1))
    x = np.empty((species, WIDE))
    y = np.empty((species, WIDE))
    total = np.empty((species, WIDE))
    gain = np.empty((species, WIDE))
    lam = np.empty((species, WIDE))
    e = np.empty((sites.shape[1], WIDE))
    v = np.empty((reactions + species, WIDE))
    terms, factors = np.empty((species, 2), np.int64), np.empty((species, 2))
    terms_of(change, terms, factors)
    lo = 0
    while lo < n:
        m = min(WIDE, n - lo)
        for s in range(species):
            # Cut out: an index ``lo + b`` might be negative, for all that the compiler knows.
            row = c[s, lo : lo + m]
            for b in range(m):
                x[s, b] = y[s, b] = total[s, b] = row[b]
        if lo == 0 or k.shape[1] > 1:
            for r in range(reactions):
                for b in range(m):
                    kb[r, b] = k[r, lo + b] if k.shape[1] > 1 else k[r, 0]
                most[r, 0] = largest(m, kb, r)
        # No cell is faster than one that had the most of everything: mostly that will do.
        bound = limit(m, most, sites, change, x, peak, gain, lam, e, v)
        if m > BLOCK and not 0.0 < tau * bound <= STEP:
            m = BLOCK
            bound = limit(m, most, sites, change, x, peak, gain, lam, e, v)
        rest, steps = tau, 0
        while rest > 0.0:
            fast = bound
            if bound == 0.0 or steps > 0 or not rest * bound <= STEP:
                fast = speed(m, kb, sites, change, x, gain, lam, e, v)
            if fast == 0.0:
                made = 0.0
                for s in range(species):
                    made = max(made, largest(m, gain, s))
                if made == 0.0:
                    rest = 0.0  # nothing here, and nothing comes of it
                    break
            delta = rest
            if rest * fast > (MOST_SUBSTEPS - steps) * STEP:
                break
            if rest * fast > STEP:
                delta = rest / np.ceil(rest * fast / STEP)
            if not delta > 0.0:
                return NOT_FINITE
            steps += 1
            all_rates(m, kb, sites, change, grain, x, terms, v)
            if rest > 16.0 * delta and at_rest(m, x, v, terms, factors, delta):
                rest = 0.0
                break
            substep(m, kb, sites, change, grain, x, y, total, v, terms, factors, delta)
            rest = 0.0 if delta >= rest else rest - delta
        for block in range(lo, lo + m, BLOCK):
            left[block // BLOCK] = rest
        wrong = 0
        for s in range(species):
            row = out[s, lo : lo + m]
            for b in range(m):
                row[b] = x[s, b]
                wrong += not abs(x[s, b]) < np.inf
        if wrong:
            return NOT_FINITE
        lo += m
    return DONE


integrate = stage(_integrate)


def _implicit(
    out: Any,
    k: Any,
    sites: Any,
    laws: Any,
    change: Any,
    kept: Any,
    free: Any,
    tau: float,
    grain: Any,
    left: Any,
    drift: Any,
    after: bool,
) -> int:
    """Advance the stiff cells of ``out`` by what is ``left`` of ``tau`` after `_integrate`.

    For ``kept`` and ``free`` see `hybridrd.kernels.rosenbrock`. ``drift`` ``(S, n)``, or ``(S, 0)``
    for none, is what diffusion adds to each concentration per time, before this step (``after``)
    or behind it. Cells that are stiff from the start react with concentrations that move with it,
    from ``c - tau drift`` to ``c`` or from ``c`` to ``c + tau drift``; the result has the reactions
    alone. Without that a split step is of first order where reactions are fast beside it.
    """
    species, n = out.shape
    copy, low, high = grain
    rate, z, flow = np.empty(len(sites)), np.empty(species), np.empty(species)
    for b in range(n):
        rest = left[b // BLOCK]
        if rest == 0.0:
            continue
        for r in range(len(sites)):
            rate[r] = k[r, b] if k.shape[1] > 1 else k[r, 0]
        moves = rest == tau and drift.shape[1] > 0
        while True:
            possible = True
            for s in range(species):
                flow[s] = drift[s, b] if moves else 0.0
                z[s] = out[s, b] - tau * flow[s] if moves and after else out[s, b]
                possible = possible and z[s] >= 0.0
            status = NEGATIVE
            if possible or not moves:
                kinetics = Kinetics(rate, sites, laws, change, kept, free, copy, low, high, flow)
                status = advance(kinetics, z, rest)
            if moves and status == DONE:
                for s in range(species):
                    if not after:
                        z[s] -= tau * flow[s]
                    if not z[s] >= 0.0:
                        status = NEGATIVE
            if status == DONE:
                break
            if not moves:
                return status
            moves = False  # without the drift
        for s in range(species):
            if not np.isfinite(z[s]):
                return NOT_FINITE
            out[s, b] = z[s]
    return DONE


implicit = jit(_implicit)


def _stiff_laws(c: Any, k: Any, sites: Any, laws: Any, change: Any, tau: float) -> bool:
    """Whether some rate of change in a cell asks for an implicit method."""
    species, n = c.shape
    rate, y, matrix = np.empty(len(sites)), np.empty(species), np.empty((species, species))
    none, nowhere = np.empty((0, species)), np.empty(0, np.int64)
    kinetics = Kinetics(rate, sites, laws, change, none, nowhere, 0.0, 0.0, 1.0, y)
    for b in range(n):
        for r in range(len(sites)):
            rate[r] = k[r, b] if k.shape[1] > 1 else k[r, 0]
        for s in range(species):
            y[s] = c[s, b]
        jacobian(kinetics, y, matrix)
        for s in range(species):
            total = 0.0
            for j in range(species):
                total += abs(matrix[s, j])
            if total * tau > MOST_SUBSTEPS * STEP:
                return True
    return False


stiff_laws = jit(_stiff_laws)


def _apply(matrix: Any, c: Any, out: Any) -> None:
    """``out = matrix[:, :S] c + matrix[:, S]`` cell by cell, the same on any number of threads."""
    species, n = c.shape
    x = np.empty((species, BLOCK))
    for lo in range(0, n, BLOCK):
        m = min(BLOCK, n - lo)
        for s in range(species):
            for b in range(m):
                x[s, b] = c[s, lo + b]
        for s in range(species):
            row = out[s, lo : lo + m]
            for b in range(m):
                row[b] = matrix[s, species]
            for j in range(species):
                if matrix[s, j] != 0.0:
                    for b in range(m):
                        row[b] += matrix[s, j] * x[j, b]


apply = jit(_apply)
