"""Compiled integration of mass-action kinetics, a block of cells at a time.

Where a content fluctuates as independent copies do, pairs of one species are n (n - 1)/2, not
n²/2: their rate is ``k c (c - s² copy)/2``, ``copy`` being the concentration of one copy (0: the
content does not fluctuate) and s how much of the noise acts, from 0 at ``low`` copies to 1 at
``high``. Pairs of two species need nothing of the kind while their contents are independent.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hybridrd.kernels._jit import jit
from hybridrd.kernels.rosenbrock import DONE, NOT_FINITE, Kinetics, advance

# Cells that share a substep: enough for vector units, few enough to have like concentrations.
BLOCK = 128
# Largest product of a substep and a rate of change: RK4 is then right to 3e-8 per time constant.
STEP = 0.04
# Below this a concentration that nothing feeds is gone; it must not cost substeps any more.
GONE = 1e-290
# Beyond so many, one time constant, the rest is left to an implicit method.
MOST_SUBSTEPS = 25
NOTHING = 0.0, 0.0, 1.0  # ``copy, low, high`` of a content that does not fluctuate


def _rates(m: Any, k: Any, first: Any, second: Any, grain: Any, y: Any, r: int, v: Any) -> None:
    """How often reaction ``r`` fires per volume and time in each of ``m`` cells, into ``v``."""
    kr, i, j = k[r], first[r], second[r]
    if i < 0:
        for b in range(m):
            v[b] = kr[b]
    elif j < 0:
        yi = y[i]
        for b in range(m):
            v[b] = kr[b] * yi[b]
    elif i == j and grain[0] > 0.0:
        yi, (copy, low, high) = y[i], grain
        for b in range(m):
            s = min(max((yi[b] / copy - low) / (high - low), 0.0), 1.0)
            v[b] = kr[b] * yi[b] * (yi[b] - s * s * copy)
    else:
        yi, yj = y[i], y[j]
        for b in range(m):
            v[b] = kr[b] * yi[b] * yj[b]


rates = jit(_rates)


def _add(m: Any, target: Any, factor: float, v: Any) -> None:
    for b in range(m):
        target[b] += factor * v[b]


add = jit(_add)


def _fill(m: Any, target: Any, value: float) -> None:
    for b in range(m):
        target[b] = value


fill = jit(_fill)


def _largest(m: Any, v: Any) -> float:
    found = 0.0
    for b in range(m):
        found = v[b] if v[b] > found else found
    return found


largest = jit(_largest)


def _slope(
    m: Any, k: Any, first: Any, second: Any, change: Any, grain: Any, y: Any, f: Any, v: Any
) -> None:
    """Time derivative ``f`` at ``y``."""
    for s in range(len(y)):
        fill(m, f[s], 0.0)
    for r in range(len(first)):
        rates(m, k, first, second, grain, y, r, v)
        for s in range(len(y)):
            if change[r, s] != 0.0:
                add(m, f[s], change[r, s], v)


slope = jit(_slope)


def _speeds(
    m: Any, k: Any, first: Any, second: Any, change: Any, x: Any, gain: Any, lam: Any, v: Any
) -> tuple[float, float]:
    """Bounds of the rates of change: now, and their growth per time with the present gains.

    Per species j: sum over reactions of the largest stoichiometric change times the derivative
    of the reaction's rate by the concentration of j. A species that is absent and not made
    cannot change anything. Leaves the gains in ``gain``.
    """
    species = len(x)
    for s in range(species):
        fill(m, gain[s], 0.0)
    for r in range(len(first)):
        rates(m, k, first, second, NOTHING, x, r, v)
        for s in range(species):
            if change[r, s] > 0.0:
                add(m, gain[s], change[r, s], v)
    now = 0.0
    for turn in range(2):
        y = x if turn == 0 else gain
        for s in range(species):
            fill(m, lam[s], 0.0)
        for r in range(len(first)):
            i, j, kr = first[r], second[r], k[r]
            if i < 0 or (turn == 1 and j < 0):
                continue
            size = 0.0
            for s in range(species):
                size = max(size, abs(change[r, s]))
            if j < 0:
                add(m, lam[i], size, kr)
            else:
                yi, yj, li, lj = y[i], y[j], lam[i], lam[j]
                for b in range(m):
                    li[b] += size * kr[b] * yj[b]
                for b in range(m):
                    lj[b] += size * kr[b] * yi[b]
        fill(m, v, 0.0)
        for s in range(species):
            xs, gs, ls = x[s], gain[s], lam[s]
            for b in range(m):
                value = ls[b] if xs[b] + gs[b] > 0.0 else 0.0
                v[b] = value if value > v[b] else v[b]
        if turn == 0:
            now = largest(m, v)
    return now, largest(m, v)


speeds = jit(_speeds)


def _at_rest(m: Any, x: Any, f: Any, delta: float) -> bool:
    """Whether a substep changes nothing but the last digits, anywhere: an equilibrium."""
    for s in range(len(x)):
        for b in range(m):
            if abs(f[s, b]) * delta > 4e-16 * x[s, b]:
                return False
    return True


at_rest = jit(_at_rest)


def _integrate(
    c: Any,
    out: Any,
    k: Any,
    first: Any,
    second: Any,
    change: Any,
    kept: Any,
    free: Any,
    tau: float,
    grain: Any,
    drift: Any,
    after: bool,
) -> int:
    """Advance ``c`` ``(S, n)`` by ``tau`` into ``out``; ``k`` is ``(R, n)`` or ``(R, 1)``.

    For ``kept`` and ``free`` see `hybridrd.kernels.rosenbrock`. ``drift`` ``(S, n)``, or ``(S, 0)``
    for none, is what diffusion adds to each concentration per time, before this step (``after``)
    or behind it. Stiff cells react with concentrations that move with it, from ``c - tau drift`` to
    ``c`` or from ``c`` to ``c + tau drift``; the result has the reactions alone. Without that a
    split step is of first order where reactions are fast beside it.
    """
    species, n = c.shape
    reactions = len(first)
    kb = np.empty((reactions, BLOCK))
    x = np.empty((species, BLOCK))
    y = np.empty((species, BLOCK))
    f = np.empty((species, BLOCK))
    total = np.empty((species, BLOCK))
    gain = np.empty((species, BLOCK))
    lam = np.empty((species, BLOCK))
    v = np.empty(BLOCK)
    copy, low, high = grain
    still = np.zeros(species)
    for lo in range(0, n, BLOCK):
        m = min(BLOCK, n - lo)
        for s in range(species):
            for b in range(m):
                x[s, b] = c[s, lo + b]
        for r in range(reactions):
            for b in range(m):
                kb[r, b] = k[r, lo + b] if k.shape[1] > 1 else k[r, 0]
        left, steps = tau, 0
        while left > 0.0:
            now, growth = speeds(m, kb, first, second, change, x, gain, lam, v)
            if now == 0.0 and growth == 0.0:
                made = 0.0
                for s in range(species):
                    made = max(made, largest(m, gain[s]))
                if made == 0.0:
                    break  # nothing here, and nothing comes of it
            delta = left
            speed = max(now, np.sqrt(growth))
            if left * speed > (MOST_SUBSTEPS - steps) * STEP:
                for b in range(m):
                    if steps == 0 and drift.shape[1] > 0:
                        flow = drift[:, lo + b].copy()
                        z = x[:, b] - tau * flow if after else x[:, b].copy()
                        moved = Kinetics(
                            kb[:, b], first, second, change, kept, free, copy, low, high, flow
                        )
                        if z.min() >= 0.0 and advance(moved, z, left) == DONE:
                            if not after:
                                z -= tau * flow
                            if z.min() >= 0.0:
                                x[:, b] = z
                                continue
                    kinetics = Kinetics(
                        kb[:, b], first, second, change, kept, free, copy, low, high, still
                    )
                    status: int = advance(kinetics, x[:, b], left)
                    if status != DONE:
                        return status
                break
            if left * speed > STEP:
                delta = left / np.ceil(left * speed / STEP)
            if not delta > 0.0:
                return NOT_FINITE
            steps += 1
            slope(m, kb, first, second, change, grain, x, f, v)
            if left > 16.0 * delta and at_rest(m, x, f, delta):
                break
            for s in range(species):
                ys, xs, fs, ts = y[s], x[s], f[s], total[s]
                for b in range(m):
                    ts[b] = xs[b] + delta / 6.0 * fs[b]
                    ys[b] = xs[b] + 0.5 * delta * fs[b]
            slope(m, kb, first, second, change, grain, y, f, v)
            for s in range(species):
                ys, xs, fs, ts = y[s], x[s], f[s], total[s]
                for b in range(m):
                    ts[b] += delta / 3.0 * fs[b]
                    ys[b] = xs[b] + 0.5 * delta * fs[b]
            slope(m, kb, first, second, change, grain, y, f, v)
            for s in range(species):
                ys, xs, fs, ts = y[s], x[s], f[s], total[s]
                for b in range(m):
                    ts[b] += delta / 3.0 * fs[b]
                    ys[b] = xs[b] + delta * fs[b]
            slope(m, kb, first, second, change, grain, y, f, v)
            for s in range(species):
                xs, fs, ts = x[s], f[s], total[s]
                for b in range(m):
                    value = ts[b] + delta / 6.0 * fs[b]
                    xs[b] = 0.0 if value < GONE else value
            left = 0.0 if delta >= left else left - delta
        for s in range(species):
            for b in range(m):
                if not np.isfinite(x[s, b]):
                    return NOT_FINITE
                out[s, lo + b] = x[s, b]
    return DONE


integrate = jit(_integrate)


def _stiff(c: Any, k: Any, first: Any, second: Any, change: Any, tau: float) -> bool:
    """Whether a block of cells is left to the implicit method from the start."""
    species, n = c.shape
    x, kb = np.empty((species, BLOCK)), np.empty((len(first), BLOCK))
    gain, lam, v = np.empty((species, BLOCK)), np.empty((species, BLOCK)), np.empty(BLOCK)
    for lo in range(0, n, BLOCK):
        m = min(BLOCK, n - lo)
        x[:, :m] = c[:, lo : lo + m]
        for r in range(len(first)):
            for b in range(m):
                kb[r, b] = k[r, lo + b] if k.shape[1] > 1 else k[r, 0]
        now, growth = speeds(m, kb, first, second, change, x, gain, lam, v)
        if tau * max(now, np.sqrt(growth)) > MOST_SUBSTEPS * STEP:
            return True
    return False


stiff = jit(_stiff)


def _apply(matrix: Any, c: Any, out: Any) -> None:
    """``out = matrix[:, :S] c + matrix[:, S]`` cell by cell, the same on any number of threads."""
    species, n = c.shape
    x = np.empty((species, BLOCK))
    for lo in range(0, n, BLOCK):
        m = min(BLOCK, n - lo)
        x[:, :m] = c[:, lo : lo + m]
        for s in range(species):
            row = out[s, lo : lo + m]
            row[:] = matrix[s, species]
            for j in range(species):
                if matrix[s, j] != 0.0:
                    add(m, row, matrix[s, j], x[j])


apply = jit(_apply)
