"""Compiled steps of a continuum on a line: reactions, diffusion, and c_R at the gates.

The same as `hybridrd.coupling.ledger.Ledger` and `hybridrd.continuum.field.Field` do on any cells,
operation by operation, so that results agree to the last bit. What is rare is left to them: a step
too sharp for the second-order stages, reactions that are stiff, concentrations that are not finite.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hybridrd.arrays import Floats
from hybridrd.continuum._mass_action import apply, integrate
from hybridrd.continuum.stage import G
from hybridrd.kernels._jit import jit, stage
from hybridrd.kernels.events import BOOKED
from hybridrd.kernels.groups import DONE, OUTSIDE

# Negative concentrations of this size beside the largest one are round-off.
ROUND_OFF = 1e-12


class Openings(NamedTuple):
    """Gates that read c_R from the cells.

    Parameters
    ----------
    species, at
        Of whom, and the place of each gate in ``start`` and ``end``.
    cells, weights
        Stencils, ``(gates, cells)``, padded with weights of 0.
    deficit
        Negative values carried to later steps, by gate.
    start, end
        Where c_R is put.
    """

    species: np.ndarray
    at: np.ndarray
    cells: np.ndarray
    weights: np.ndarray
    deficit: np.ndarray
    start: np.ndarray
    end: np.ndarray


class Line(NamedTuple):
    """A continuum on a line, ``(species, active cells)`` unless said otherwise.

    Parameters
    ----------
    c, owed
        Concentrations, and amounts owed.
    credit, active
        Numbers received in this step, ``(species, cells)``, and which cells take part.
    volume
        Of a cell.
    diagonal, off, upper, tilted
        Factors of the matrix of a stage, see `hybridrd.continuum.solvers.TridiagonalSolver`; by
        species, whether it is not symmetric.
    scale
        Volume over the length of a stage, by species.
    inflow, feeds
        What walls add to each right-hand side, and whether they do, by species.
    gain, gains
        What influx walls add to each cell in a step, and whether they do, by species.
    still, closed
        Whether a species does not diffuse, and whether nothing of it can leave.
    slack
        See `hybridrd.continuum.diffusion.Diffusion.step`.
    propagator
        Of linear reactions for half a step, ``(species, species + 1)``; empty for others.
    overdrafts
        How often cells owed, an array of one.
    openings
        Where c_R is read.
    work
        Numbers to work with, ``(8, species, active)``.
    """

    c: np.ndarray
    owed: np.ndarray
    credit: np.ndarray
    active: np.ndarray
    volume: float
    diagonal: np.ndarray
    off: np.ndarray
    upper: np.ndarray
    tilted: np.ndarray
    scale: np.ndarray
    inflow: np.ndarray
    feeds: np.ndarray
    gain: np.ndarray
    gains: np.ndarray
    still: np.ndarray
    closed: np.ndarray
    slack: float
    propagator: np.ndarray
    overdrafts: np.ndarray
    openings: Openings
    work: np.ndarray


class MassActionRates(NamedTuple):
    """Reactions that are not linear, see `hybridrd.continuum._mass_action`.

    Parameters
    ----------
    rate
        ``(reactions, 1 or active)``.
    sites, change, grain
        The network, and how contents fluctuate.
    """

    rate: np.ndarray
    sites: np.ndarray
    change: np.ndarray
    grain: tuple[float, float, float]


@jit
def _few(a: Any) -> Any:
    """The sum of up to 128 numbers in the order in which numpy adds them."""
    n = a.shape[0]
    if n < 8:
        total = -0.0
        for i in range(n):
            total += a[i]
        return total
    r0, r1, r2, r3, r4, r5, r6, r7 = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
    last = n - n % 8
    for i in range(8, last, 8):
        r0, r1, r2, r3 = r0 + a[i], r1 + a[i + 1], r2 + a[i + 2], r3 + a[i + 3]
        r4, r5, r6, r7 = r4 + a[i + 4], r5 + a[i + 5], r6 + a[i + 6], r7 + a[i + 7]
    total = ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7))
    for i in range(last, n):
        total += a[i]
    return total


@jit
def pairwise_sum(a: Any) -> Any:
    """The sum of numbers in the order in which numpy adds them: halves, down to 128."""
    if a.shape[0] <= 128:
        return _few(a)
    first, size, sums = np.empty(128, np.int64), np.empty(128, np.int64), np.empty(128)
    first[0], size[0] = 0, a.shape[0]
    parts, known = 1, 0
    while parts > 0:
        parts -= 1
        low, n = first[parts], size[parts]
        if n == 0:  # both halves are known
            known -= 1
            sums[known - 1] += sums[known]
        elif n <= 128:
            sums[known] = _few(a[low : low + n])
            known += 1
        else:
            half = n // 2
            half -= half % 8
            size[parts] = 0
            first[parts + 1], size[parts + 1] = low + half, n - half
            first[parts + 2], size[parts + 2] = low, half
            parts += 3
    return sums[0]


@jit
def _solve(diagonal: Any, off: Any, x: Any) -> None:
    """Solve with the factors of LAPACK's ``pttrf``, in place, as ``pttrs`` does."""
    n = x.shape[0]
    for i in range(1, n):
        x[i] -= x[i - 1] * off[i - 1]
    x[n - 1] /= diagonal[n - 1]
    for i in range(n - 2, -1, -1):
        x[i] = x[i] / diagonal[i] - x[i + 1] * off[i]


@jit
def _solve_tilted(diagonal: Any, off: Any, upper: Any, x: Any) -> None:
    """The same for factors of ``gttrf``, as ``gttrs`` does where no rows were exchanged."""
    n = x.shape[0]
    for i in range(1, n):
        x[i] -= off[i - 1] * x[i - 1]
    x[n - 1] /= diagonal[n - 1]
    for i in range(n - 2, -1, -1):
        x[i] = (x[i] - upper[i] * x[i + 1]) / diagonal[i]


@jit
def _conserve(new: Any, total: Any, difference: Any) -> None:
    """Give ``new`` the sum of ``total``, see `hybridrd.continuum.diffusion`."""
    n = new.shape[0]
    for i in range(n):
        difference[i] = total[i] - new[i]
    drift, size = pairwise_sum(difference), pairwise_sum(new)
    if 1e-14 * size < abs(drift) < 1e-6 * size:
        factor = 1.0 + drift / size
        for i in range(n):
            new[i] *= factor
            difference[i] = total[i] - new[i]
        drift = pairwise_sum(difference)
    top, most = 0, new[0]
    for i in range(n):
        if new[i] > most:
            top, most = i, new[i]
    new[top] += drift


@jit
def _carry(c: Any, owed: Any, volume: float) -> int:
    """Let concentrations be what is not negative, and owe the rest; how many cells owe."""
    short = 0
    for s in range(c.shape[0]):
        for i in range(c.shape[1]):
            lack = min(c[s, i], 0.0)
            c[s, i] -= lack
            owed[s, i] = -lack * volume
            short += lack != 0.0
    return short


@jit
def _copy(values: Any, to: Any) -> None:
    for s in range(values.shape[0]):
        for i in range(values.shape[1]):
            to[s, i] = values[s, i]


@jit
def _alone(c: Any, rate: Any, line: Any, rates: Any, tau: float, out: Any) -> int:
    """Reactions of some cells without debts."""
    if rates is not None:
        left = np.empty(-(-c.shape[1] // 128))
        status = integrate(c, out, rate, rates.sites, rates.change, tau, rates.grain, left)
        for b in range(left.shape[0]):
            status = OUTSIDE if left[b] != 0.0 else status
        return DONE if status == 0 else OUTSIDE
    if line.propagator.shape[0] > 0:
        apply(line.propagator, c, out)
        wrong = 0
        for s in range(c.shape[0]):
            for i in range(c.shape[1]):
                wrong += not abs(out[s, i]) < np.inf
        return DONE if wrong == 0 else OUTSIDE
    _copy(c, out)
    return DONE


@jit
def _columns(rate: Any, cells: Any) -> Any:
    """Rates in some cells; all of them where they are the same everywhere."""
    if rate.shape[1] == 1:
        return rate.copy()
    some = np.empty((rate.shape[0], cells.shape[0]))
    for r in range(rate.shape[0]):
        for j in range(cells.shape[0]):
            some[r, j] = rate[r, cells[j]]
    return some


@jit
def _react(c: Any, owed: Any, line: Any, rates: Any, tau: float, out: Any, owed_out: Any) -> Any:
    """Half a step of reactions, in which what is owed takes part."""
    rate = line.work[0] if rates is None else rates.rate
    status = _alone(c, rate, line, rates, tau, out)
    species, n = c.shape
    m = 0
    for s in range(species):
        for i in range(n):
            owed_out[s, i] = owed[s, i]
            m += owed[s, i] != 0.0
    if status != DONE or m == 0:
        return status
    cells = np.empty(n, np.int64)
    m = 0
    for i in range(n):
        owes = False
        for s in range(species):
            owes = owes or owed[s, i] != 0.0
        cells[m] = i
        m += owes
    if rates is None and line.propagator.shape[0] == 0:
        for s in range(species):
            for i in range(n):
                out[s, i] = c[s, i] - owed[s, i] / line.volume
    else:
        before, after = np.empty((species, m)), np.empty((species, m))
        for s in range(species):
            for j in range(m):
                before[s, j] = c[s, cells[j]]
                after[s, j] = c[s, cells[j]] + owed[s, cells[j]] / line.volume
        some = _columns(rate, cells[:m])
        a, b = np.empty((species, m)), np.empty((species, m))
        if _alone(before, some, line, rates, tau, a) != DONE:
            return OUTSIDE
        if _alone(after, some, line, rates, tau, b) != DONE:
            return OUTSIDE
        for s in range(species):
            for j in range(m):
                out[s, cells[j]] = (out[s, cells[j]] - b[s, j]) + a[s, j]
    _carry(out, owed_out, line.volume)
    return DONE


@jit
def _diffuse(c: Any, owed: Any, line: Any, out: Any, owed_out: Any) -> Any:
    """A step of diffusion with what was exchanged as a source; how many cells owe, or OUTSIDE."""
    species, n = c.shape
    u, gain, total, first = line.work[4, 0], line.work[5, 0], line.work[6, 0], line.work[7, 0]
    for s in range(species):
        owing = 0
        for i in range(n):
            u[i], gain[i] = c[s, i], 0.0
            owing += owed[s, i] != 0.0
        if owing > 0:
            for i in range(n):
                u[i] -= owed[s, i] / line.volume
        for i in range(n):
            received = line.credit[s, line.active[i]]
            if received != 0:  # few cells do, and divisions take time
                gain[i] = np.float64(received) / line.volume
        if line.gains[s]:
            for i in range(n):
                gain[i] += line.gain[s, i]
        for i in range(n):
            total[i] = u[i] + gain[i]
        new = out[s]
        if line.still[s]:
            for i in range(n):
                new[i] = total[i]
            continue
        for turn in range(2):
            to = first if turn == 0 else new
            for i in range(n):
                if turn == 0:
                    to[i] = u[i]
                else:
                    to[i] = (1.0 / G - 1.0) * (first[i] - u[i]) + u[i]
                to[i] = (to[i] + G * gain[i]) * line.scale[s]
                if line.feeds[s]:
                    to[i] += line.inflow[s, i]
            if line.tilted[s]:
                _solve_tilted(line.diagonal[s], line.off[s], line.upper[s], to)
            else:
                _solve(line.diagonal[s], line.off[s], to)
        odd = 0
        for i in range(n):
            odd += not 0.0 <= new[i] < np.inf
        if odd > 0:
            low, high, least, bad = new[0], new[0], total[0], False
            for i in range(n):
                low, high = min(low, new[i]), max(high, new[i])
                least, bad = min(least, total[i]), bad or not np.isfinite(new[i])
            sharp = low < -line.slack - ROUND_OFF * high and low < least - line.slack
            if bad or sharp or -ROUND_OFF * high <= low < 0.0:
                return OUTSIDE
        if line.closed[s]:
            _conserve(new, total, first)
    return _carry(out, owed_out, line.volume)


@jit
def _read(c: Any, line: Any, g: int) -> float:
    """The concentration at a gate."""
    openings, s = line.openings, line.openings.species[g]
    value = 0.0
    for m in range(openings.cells.shape[1]):
        i = openings.cells[g, m]
        value += (c[s, i] - line.owed[s, i] / line.volume) * openings.weights[g, m]
    return value


@stage
def react_line(line: Any, rates: Any, tau: float) -> int:
    """Half a step of reactions before the exchange; then c_R at the gates, see `Ledger`."""
    c, owed = line.work[0], line.work[1]
    if _react(line.c, line.owed, line, rates, tau, c, owed) != DONE:
        return OUTSIDE
    _copy(c, line.c)
    _copy(owed, line.owed)
    openings = line.openings
    for g in range(openings.species.shape[0]):
        wanted = _read(line.c, line, g) + openings.deficit[g]
        value = max(wanted, 0.0)
        openings.deficit[g] = wanted - value
        if openings.at[g] >= 0:
            openings.start[openings.at[g]] = openings.end[openings.at[g]] = value
    return DONE


@stage
def diffuse_line(line: Any, rates: Any, tau: float) -> int:
    """Diffusion with the exchanged particles as a source, and half a step of reactions."""
    c, owed, reacted, left = line.work[0], line.work[1], line.work[2], line.work[3]
    short = _diffuse(line.c, line.owed, line, c, owed)
    if short == OUTSIDE or _react(c, owed, line, rates, tau, reacted, left) != DONE:
        return OUTSIDE
    _copy(reacted, line.c)
    _copy(left, line.owed)
    line.overdrafts[0] += short
    for s in range(line.credit.shape[0]):
        for i in range(line.credit.shape[1]):
            line.credit[s, i] = 0
    return DONE


@stage
def step_mean_field(line: Any, rates: Any, tau: float) -> int:
    """A whole step of a mean field; c_R of the gates before and after its diffusion."""
    c, owed, diffused, reacted = line.work[0], line.work[1], line.work[2], line.work[3]
    if _react(line.c, line.owed, line, rates, tau, c, owed) != DONE:
        return OUTSIDE
    if _diffuse(c, line.owed, line, diffused, owed) == OUTSIDE:
        return OUTSIDE
    _copy(line.owed, owed)
    if _react(diffused, owed, line, rates, tau, reacted, line.owed) != DONE:
        return OUTSIDE
    openings = line.openings
    for g in range(openings.species.shape[0]):
        if openings.at[g] >= 0:
            openings.start[openings.at[g]] = max(_read(c, line, g), 0.0)
            openings.end[openings.at[g]] = max(_read(diffused, line, g), 0.0)
    _copy(reacted, line.c)
    return DONE


@jit
def read_partners(line: Any, meetings: Any, step: int) -> int:  # noqa: ARG001
    """Take the concentrations that partners of particles have."""
    beyond = meetings.beyond
    for row in range(beyond.rows.shape[0]):
        s, to = beyond.rows[row, 0], beyond.c[beyond.rows[row, 1]]
        beyond.most[row] = 0.0
        for k in range(beyond.starts[row], beyond.starts[row + 1]):
            i = np.searchsorted(line.active, beyond.strips[k])
            to[beyond.strips[k]] = line.c[s, i]
            beyond.most[row] = max(beyond.most[row], line.c[s, i])
    return DONE


@jit
def book_pairs(line: Any, meetings: Any) -> int:
    """Take what reactions with partners brought, see `hybridrd.coupling.ledger.Ledger.apply`."""
    if meetings.bench.counts[BOOKED] == 0 or not line.credit.any():
        return DONE
    for s in range(line.c.shape[0]):
        for i in range(line.c.shape[1]):
            gained = np.float64(line.credit[s, line.active[i]])
            line.c[s, i] += (gained - line.owed[s, i]) / line.volume
    line.overdrafts[0] += _carry(line.c, line.owed, line.volume)
    line.credit[:] = 0
    return DONE


def padded(stencils: list[tuple[np.ndarray, Floats]]) -> tuple[np.ndarray, Floats]:
    """Stencils of gates of one face cell as rows, with weights of 0 where they are shorter."""
    most = max((len(w) for _, w in stencils), default=1)
    cells, weights = np.zeros((len(stencils), most), np.int64), np.zeros((len(stencils), most))
    for g, (where, weight) in enumerate(stencils):
        cells[g, : len(weight)], weights[g, : len(weight)] = where, weight
    return cells, weights
