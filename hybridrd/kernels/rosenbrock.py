"""Compiled implicit integration of stiff kinetics, one cell at a time.

RODAS, a Rosenbrock method of order four, L-stable, with an error estimate of order three (Hairer
and Wanner, "Solving ordinary differential equations II", IV.7 and IV.10). Its stages are linear
solves with ``I/(gamma h) - J``. For each combination that the stoichiometry conserves, a row of
``kept``, the row of a species ``free`` is replaced by ``kept @ u = 0``, so that it is conserved to
round-off however large ``h J`` is. No linear method of an order above one is positive at any step:
if a species would become negative, the step is mixed with as much of an implicit Euler step, which
is positive and conserves the same, as needed. A constant ``drift`` may be negative and make a
concentration negative, too; then the integration is given up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import jit
from hybridrd.kernels.laws import rate_at

DONE, TOO_FAST, NOT_FINITE, NEGATIVE = 0, 1, 2, 3
MOST_STEPS = 100_000
SHORTEST = 1e-40  # first step, beside tau: five of 7000 copies each meet within 1e-17
RELATIVE = 1e-7  # local error of each concentration
ABSOLUTE = 1e-18  # the same beside the largest concentration in the cell
GAMMA = 0.25
STAGES = 6
NEWTON = 30
# Weights of earlier stages in the argument of f, and in the right-hand side (times 1/h).
A = np.array([
    [0.0, 0.0, 0.0, 0.0, 0.0],
    [1.544000000000000, 0.0, 0.0, 0.0, 0.0],
    [0.9466785280815826, 0.2557011698983284, 0.0, 0.0, 0.0],
    [3.314825187068521, 2.896124015972201, 0.9986419139977817, 0.0, 0.0],
    [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 0.0],
    [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1.0],
])  # fmt: skip
C = np.array([
    [0.0, 0.0, 0.0, 0.0, 0.0],
    [-5.668800000000000, 0.0, 0.0, 0.0, 0.0],
    [-2.430093356833875, -0.2063599157091915, 0.0, 0.0, 0.0],
    [-0.1073529058151375, -9.594562251023355, -20.47028614809616, 0.0, 0.0],
    [7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160, 0.0],
    [8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136,
     -6.058818238834054],
])  # fmt: skip


class Kinetics(NamedTuple):
    """Mass-action reactions of one cell.

    Parameters
    ----------
    k, sites
        Of each reaction its rate and its reactants, like ones side by side, -1 for none.
    laws
        Address of the function of concentrations that is k's factor, in place of the reactants',
        0 for mass action; ``sites`` are then the species that it depends on.
    change
        ``change[r, s]``: copies of species s that reaction r makes.
    kept, free
        Conserved combinations, and for each the species whose equation it replaces.
    copy, low, high
        Of a content that fluctuates, see `hybridrd.continuum._mass_action`.
    drift
        What else is added to each concentration per time, ``(species,)``.
    """

    k: np.ndarray
    sites: np.ndarray
    laws: np.ndarray
    change: np.ndarray
    kept: np.ndarray
    free: np.ndarray
    copy: float
    low: float
    high: float
    drift: np.ndarray


class _Work(NamedTuple):
    """Memory of one integration: matrix and its factors, stages, slope, new and implicit values."""

    jacobian: np.ndarray
    lu: np.ndarray
    pivots: np.ndarray
    stages: np.ndarray
    f: np.ndarray
    new: np.ndarray
    z: np.ndarray


@jit
def _reactant(kinetics, y, r, p):
    """Concentration of reactant p that the others of its kind leave, and its derivative."""
    sites, copy, low, high = kinetics.sites, kinetics.copy, kinetics.low, kinetics.high
    value = y[sites[r, p]]
    used = 0
    for q in range(p):
        if sites[r, q] == sites[r, p]:
            used += 1
    if used == 0 or copy <= 0.0:
        return value, 1.0
    s = min(max((value / copy - low) / (high - low), 0.0), 1.0)
    rise = 1.0 / (high - low) if 0.0 < s < 1.0 else 0.0
    return value - used * s * s * copy, 1.0 - 2.0 * used * s * rise


@jit
def _slope(kinetics, y, f):
    """Time derivative ``f`` at ``y``."""
    k, sites, change = kinetics.k, kinetics.sites, kinetics.change
    for s in range(len(y)):
        f[s] = 0.0
    for r in range(len(sites)):
        v = k[r]
        if kinetics.laws[r] != 0:
            v *= _law(kinetics.laws[r], y)
        for p in range(sites.shape[1]):
            if sites[r, p] < 0 or kinetics.laws[r] != 0:
                break
            v *= _reactant(kinetics, y, r, p)[0]
        for s in range(len(y)):
            if change[r, s] != 0.0:
                f[s] += change[r, s] * v


@jit
def _law(address, y):
    """A rate that is a function of concentrations; not a number where it is below 0."""
    v = rate_at(address, y)
    return v if v >= 0.0 else np.nan


@jit
def _law_slope(address, y, s):
    """Its derivative by species s, a central difference right to about 1e-10."""
    at, largest = y[s], 0.0
    for value in y:
        largest = max(largest, abs(value))
    d = 1e-5 * max(at, 1e-3 * largest, 1e-200)
    below = max(at - d, 0.0)
    y[s] = at + d
    v = _law(address, y)
    y[s] = below
    v -= _law(address, y)
    y[s] = at
    return v / (at + d - below)


@jit
def jacobian(kinetics, y, matrix):
    """Derivative of `_slope` into ``matrix``."""
    k, sites, change = kinetics.k, kinetics.sites, kinetics.change
    for i in range(len(y)):
        for j in range(len(y)):
            matrix[i, j] = 0.0
    for r in range(len(sites)):
        for p in range(sites.shape[1]):
            if sites[r, p] < 0:
                break
            by = k[r]
            if kinetics.laws[r] != 0:
                by *= _law_slope(kinetics.laws[r], y, sites[r, p])
            else:
                by *= _reactant(kinetics, y, r, p)[1]
                for q in range(sites.shape[1]):
                    if sites[r, q] < 0:
                        break
                    if q != p:
                        by *= _reactant(kinetics, y, r, q)[0]
            for s in range(len(y)):
                if change[r, s] != 0.0:
                    matrix[s, sites[r, p]] += change[r, s] * by


@jit
def _factor(shift, kinetics, work):
    """LU factors of ``shift I - jacobian``, with rows replaced; False if it is singular."""
    jacobian, lu, pivots = work.jacobian, work.lu, work.pivots
    kept, free = kinetics.kept, kinetics.free
    n = len(pivots)
    for i in range(n):
        for j in range(n):
            lu[i, j] = -jacobian[i, j]
        lu[i, i] += shift
    for m in range(len(free)):
        for j in range(n):
            lu[free[m], j] = kept[m, j]
    # Pivots by their share of a row: else the large rows of J would blur the conserved ones.
    scale = np.zeros(n)
    for i in range(n):
        for j in range(n):
            size = abs(lu[i, j])
            if size > scale[i] or size != size:
                scale[i] = size  # not a number stays there
    for c in range(n):
        p = c
        for i in range(c + 1, n):
            if abs(lu[i, c]) * scale[p] > abs(lu[p, c]) * scale[i]:
                p = i
        pivots[c] = p
        scale[p] = scale[c]
        if not abs(lu[p, c]) > 0.0:
            return False
        if p != c:
            for j in range(n):
                lu[c, j], lu[p, j] = lu[p, j], lu[c, j]
        for i in range(c + 1, n):
            if lu[i, c] != 0.0:
                lu[i, c] /= lu[c, c]
                for j in range(c + 1, n):
                    lu[i, j] -= lu[i, c] * lu[c, j]
    return True


@jit
def _solve(work, b):
    """Solve in place with the factors of `_factor`."""
    lu, pivots = work.lu, work.pivots
    n = len(pivots)
    for c in range(n):
        p = pivots[c]
        if p != c:
            b[c], b[p] = b[p], b[c]
    for i in range(n):
        for j in range(i):
            b[i] -= lu[i, j] * b[j]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            b[i] -= lu[i, j] * b[j]
        b[i] /= lu[i, i]


@jit
def _is_moving(drift):
    moving = False
    for value in drift:
        moving = moving or value != 0.0
    return moving


@jit
def _implicit_euler(kinetics, y, h, work):
    """The root ``z = y + h f(z)`` by Newton's method; False if none is found that is positive."""
    z, f, free = work.z, work.f, kinetics.free
    for s in range(len(y)):
        z[s] = y[s]
    for _ in range(NEWTON):
        _slope(kinetics, z, f)
        jacobian(kinetics, z, work.jacobian)
        if not _factor(1.0 / h, kinetics, work):
            return False
        for s in range(len(y)):
            f[s] += (y[s] - z[s]) / h
        for m in range(len(free)):
            f[free[m]] = 0.0
        _solve(work, f)
        size, move = 0.0, 0.0
        for s in range(len(y)):
            z[s] += f[s]
            size = max(size, abs(z[s]))
            move = max(move, abs(f[s]))
        if not np.isfinite(move):
            return False
        if move <= 1e-14 * size:
            for s in range(len(y)):
                if z[s] < -1e-14 * size:
                    return False
                z[s] = max(z[s], 0.0)
            return True
    return False


@jit
def _rosenbrock(kinetics, y, h, work):
    """A step from ``y`` into ``work.new``; the last of the stages estimates its error."""
    u, f, new = work.stages, work.f, work.new
    kept, free, drift = kinetics.kept, kinetics.free, kinetics.drift
    n, moving = len(y), _is_moving(drift)
    for i in range(STAGES):
        for s in range(n):
            new[s] = y[s]
            for j in range(i):
                new[s] += A[i, j] * u[j, s]
        _slope(kinetics, new, f)
        for s in range(n):
            for j in range(i):
                f[s] += C[i, j] / h * u[j, s]
            f[s] += drift[s]
        for m in range(len(free)):
            # The conserved part of the stage, which only the drift changes.
            kept_part = 0.0
            for s in range(n):
                flow = drift[s]
                for j in range(i):
                    flow += C[i, j] / h * u[j, s]
                kept_part += kept[m, s] * flow
            f[free[m]] = GAMMA * h * kept_part if moving else 0.0
        _solve(work, f)
        for s in range(n):
            u[i, s] = f[s]
    for s in range(n):
        new[s] += u[STAGES - 1, s]


@jit
def _error(y, new, estimate):
    """An error (or a change) beside what is allowed; above 1 it is too large."""
    largest, error = 0.0, 0.0
    for s in range(len(y)):
        if not (np.isfinite(new[s]) and np.isfinite(estimate[s])):
            return np.inf  # a maximum does not see NaN
        largest = max(largest, abs(y[s]), abs(new[s]))
    for s in range(len(y)):
        allowed = RELATIVE * max(abs(y[s]), abs(new[s])) + ABSOLUTE * largest + 1e-300
        error = max(error, abs(estimate[s]) / allowed)
    return error


@jit
def _share(new, positive):
    """The largest share of ``new`` in a mixture with ``positive`` that has no negative number."""
    share = 1.0
    for s in range(len(new)):
        if new[s] < 0.0:
            share = min(share, positive[s] / (positive[s] - new[s]))
    return share


@jit
def advance(kinetics, y, tau):
    """Advance the concentrations ``y`` ``(species,)`` of a cell by ``tau``, in place."""
    n = len(y)
    new, z = np.empty(n), np.empty(n)
    moving = _is_moving(kinetics.drift)
    work = _Work(
        np.empty((n, n)), np.empty((n, n)), np.empty(n, np.int64), np.empty((STAGES, n)),
        np.empty(n), new, z,
    )  # fmt: skip
    left, h, tries = tau, tau, 0
    while left > 0.0:
        h = min(h, left)
        tries += 1
        if tries > MOST_STEPS:
            return TOO_FAST
        if not h > SHORTEST * tau:
            return NOT_FINITE
        jacobian(kinetics, y, work.jacobian)
        if not _factor(1.0 / (GAMMA * h), kinetics, work):
            h *= 0.5
            continue
        _rosenbrock(kinetics, y, h, work)
        error = _error(y, new, work.stages[STAGES - 1])
        if not np.isfinite(error):
            h *= 0.1
            continue
        factor = min(5.0, max(0.05, 0.9 * max(error, 1e-12) ** -0.25))
        if error > 1.0:
            h *= factor
            continue
        lowest = 0.0
        for s in range(n):
            lowest = min(lowest, new[s])
        if lowest < 0.0:
            if moving:
                return NEGATIVE
            if not _implicit_euler(kinetics, y, h, work):
                h *= 0.5
                continue
            share = _share(new, z)
            for s in range(n):
                z[s] = (z[s] - new[s]) * (1.0 - share)
                new[s] += z[s]
            if _error(y, new, z) > 1.0:
                h *= 0.5
                continue
            for s in range(n):
                new[s] = max(new[s], 0.0)  # what round-off left
        for s in range(n):
            y[s] = new[s]
        left = 0.0 if h >= left else left - h
        h *= factor
    return DONE
