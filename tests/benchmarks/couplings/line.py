"""Particles and cells on a line, reactions and the loop, shared by the published schemes.

A scheme brings one compiled function, ``diffuse(x, n, cells, s, phase, line, own, rng)``. It moves
species ``s`` over one step: its particles ``x[s, :n[s]]``, the contents ``cells[s]`` of its cells,
and whatever passes the plane. ``phase`` is the time in the middle of the step, ``own`` are the
numbers of the scheme. Half a step of reactions goes before and after, in each region by itself: the
papers define no pairs across the plane.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Line(NamedTuple):
    """Numbers of a problem, for kernels; rates for each species."""

    D: Floats
    dt: float
    h: float  # width of a cell of the scheme's continuum
    left: float  # where its cells begin; particles are counted up to here at least
    whole: bool  # the cells hold whole copies
    birth: Floats  # per length and time
    death: Floats
    branching: Floats
    like: float  # Doi rate of 2 A -> like_left A, each pair
    like_left: int
    cross: float  # Doi rate of A + B -> 0
    radius: float
    like_half: float  # probability of a pair in half a step
    cross_half: float
    influx: Floats  # (species, 2): through the walls at 0 and 1, per time
    reservoir: bool  # the wall at 1 is held at mean + swing sin(omega t), for all species
    mean: float
    swing: float
    omega: float


@numba.njit(inline="always")
def wall_value(line, phase):
    """Concentration of the reservoir at x = 1."""
    return line.mean + line.swing * np.sin(line.omega * phase)


@numba.njit
def add(x, n, s, place):
    """One more particle of species ``s``."""
    if n[s] == x.shape[1]:
        raise ValueError("no room for more particles")
    x[s, n[s]] = place
    n[s] += 1


@numba.njit
def remove(x, n, s, i):
    """Particle ``i`` goes; the last one takes its row."""
    n[s] -= 1
    x[s, i] = x[s, n[s]]


@numba.njit
def walk(x, n, s, end, line, rng):
    """Displace and reflect at 0, and at ``end`` if it is finite; let the influx at 0 in."""
    width = np.sqrt(2.0 * line.D[s] * line.dt)
    for i in range(n[s]):
        place = abs(x[s, i] + width * rng.standard_normal())
        x[s, i] = place if place < end else abs(2.0 * end - place)
    for _ in range(rng.poisson(line.influx[s, 0] * line.dt)):
        age = line.dt * rng.random()
        add(x, n, s, np.sqrt(2.0 * line.D[s] * age) * abs(rng.standard_normal()))


@numba.njit
def jump(cells, s, left, back, entries, line, phase, rng):
    """Whole copies hop between cells with D/h², each by itself, over one step.

    The far end is closed but for the influx at 1 and a reservoir there (rate 2 D/h² out, as of a
    Dirichlet face, and 2 D c/h in). ``left`` is the rate out of the first cell towards the
    particles, ``back`` the rate at which those return within the step; ``entries`` are times at
    which copies enter the first cell. Returns how many are on the other side at the end.
    """
    rate = line.D[s] / line.h**2
    width = cells.shape[1]
    gone = 0
    out = 2.0 * rate if line.reservoir else 0.0
    came = rng.poisson(line.influx[s, 1] * line.dt)
    if line.reservoir:
        came += rng.poisson(out * line.h * wall_value(line, phase) * line.dt)
    held = cells[s].copy()
    for k in range(width + 2):
        number = entries.size if k == width + 1 else came if k == width else int(held[k])
        for i in range(number):
            cell, t = k, 0.0
            if k == width:
                cell, t = width - 1, line.dt * rng.random()
            elif k > width:
                cell, t = 0, entries[i]
            else:
                cells[s, k] -= 1
            while cell < width:
                down = back if cell < 0 else left if cell == 0 else rate
                up = 0.0 if cell < 0 else out if cell == width - 1 else rate
                t += rng.exponential(1.0 / (down + up)) if down + up > 0 else line.dt
                if t >= line.dt:
                    break
                if cell < 0:
                    cell = 0
                else:
                    cell += -1 if rng.random() * (down + up) < down else 1
            if cell < 0:
                gone += 1
            elif cell < width:
                cells[s, cell] += 1
    return gone


@numba.njit
def _react_particles(x, n, line, rng):
    """Half a step; pairs in the middle of it, or all that is produced would be a half step old."""
    _react_alone(x, n, line, 0.25 * line.dt, rng)
    if line.like > 0:
        react_pairs(x, n, 0, 0, line.like_half, line.like_left, line.radius, rng)
    if line.cross > 0:
        react_pairs(x, n, 0, 1, line.cross_half, 0, line.radius, rng)
    _react_alone(x, n, line, 0.25 * line.dt, rng)


@numba.njit
def _react_alone(x, n, line, tau, rng):
    for s in range(n.size):
        for i in range(n[s] - 1, -1, -1):
            if line.death[s] > 0 and rng.random() < 1.0 - np.exp(-line.death[s] * tau):
                remove(x, n, s, i)
        if line.branching[s] > 0:
            for i in range(n[s]):
                for _ in range(rng.geometric(np.exp(-line.branching[s] * tau)) - 1):
                    add(x, n, s, x[s, i])
        for _ in range(rng.poisson(line.birth[s] * line.left * tau)):
            add(x, n, s, line.left * rng.random())


@numba.njit
def react_pairs(x, n, a, b, p, left, radius, rng):
    """Try each pair once; who has reacted keeps its row, without a place, until all are tried."""
    for i in range(n[a]):
        for j in range(i if a == b else n[b]):
            if abs(x[a, i] - x[b, j]) < radius and rng.random() < p:
                x[b, j] = np.nan
                if a != b or left == 0:
                    x[a, i] = np.nan
                break
    for s in (a, b):
        kept = 0
        for i in range(n[s]):
            if not np.isnan(x[s, i]):
                x[s, kept] = x[s, i]
                kept += 1
        n[s] = kept


@numba.njit
def _react_copies(cells, line, rng):
    """Events of whole copies in each cell, one after another, over half a step."""
    like, cross = 2 * line.radius * line.like / line.h, 2 * line.radius * line.cross / line.h
    species = cells.shape[0]
    rates = np.zeros(3 * species + 2)
    for k in range(cells.shape[1]):
        t = 0.0
        while True:
            for s in range(species):
                rates[3 * s] = line.birth[s] * line.h
                rates[3 * s + 1] = line.death[s] * cells[s, k]
                rates[3 * s + 2] = line.branching[s] * cells[s, k]
            rates[-2] = 0.5 * like * cells[0, k] * (cells[0, k] - 1)
            rates[-1] = cross * cells[0, k] * cells[species - 1, k]
            total = rates.sum()
            t += rng.exponential(1.0 / total) if total > 0 else line.dt
            if t >= 0.5 * line.dt:
                break
            choice = rng.random() * total
            r = 0
            while r < rates.size - 1 and choice >= rates[r]:
                choice -= rates[r]
                r += 1
            if r < 3 * species:
                cells[r // 3, k] += -1 if r % 3 == 1 else 1
            elif r == 3 * species:
                cells[0, k] -= 2 - line.like_left
            else:
                cells[0, k] -= 1
                cells[1, k] -= 1


@numba.njit
def mass_action(u, line, out):
    """Mass action in one cell, for contents ``u`` by species, into ``out``.

    Contents below zero take no part in pairs: two of them would feed each other without bound.
    """
    width = 2 * line.radius / line.h
    for s in range(u.size):
        out[s] = line.birth[s] * line.h + (line.branching[s] - line.death[s]) * u[s]
    held = max(u[0], 0.0)
    out[0] -= 0.5 * (2 - line.like_left) * width * line.like * held**2
    if line.cross > 0:
        pairs = width * line.cross * held * max(u[1], 0.0)
        out[0] -= pairs
        out[1] -= pairs


@numba.njit
def _react_field(cells, line):
    """Half a step of mass action, by Heun's rule."""
    tau = 0.5 * line.dt
    species = cells.shape[0]
    u, first, second = np.empty(species), np.empty(species), np.empty(species)
    for k in range(cells.shape[1]):
        for s in range(species):
            u[s] = cells[s, k]
        mass_action(u, line, first)
        for s in range(species):
            u[s] += tau * first[s]
        mass_action(u, line, second)
        for s in range(species):
            cells[s, k] += 0.5 * tau * (first[s] + second[s])


@numba.njit
def simulate(rng, start, steps, every, diffuse, line, own, cells_start, out):
    """Contents of equal parts of the line, into ``out[replica, record, species, part]``.

    ``start[s] = (copies, from, to)`` are placed in each replica at random, as particles or, where
    cells hold whole copies, in these. A field begins with ``cells_start``.
    """
    reacting = (
        line.birth.any() or line.death.any() or line.branching.any() or line.like + line.cross > 0
    )
    species = start.shape[0]
    x = np.empty((species, 4096))
    n = np.empty(species, np.int64)
    for r in range(out.shape[0]):
        n[:] = 0
        cells = cells_start.copy()
        for s in range(species):
            for _ in range(int(start[s, 0])):
                place = start[s, 1] + (start[s, 2] - start[s, 1]) * rng.random()
                if line.whole and place >= line.left:
                    cells[s, int((place - line.left) / line.h)] += 1
                else:
                    add(x, n, s, place)
        _record(x, n, cells, line, out[r, 0])
        for step in range(steps):
            if reacting:
                _react(x, n, cells, line, rng)
            for s in range(species):
                diffuse(x, n, cells, s, (step + 0.5) * line.dt, line, own, rng)
            if reacting:
                _react(x, n, cells, line, rng)
            if (step + 1) % every == 0:
                _record(x, n, cells, line, out[r, (step + 1) // every])


@numba.njit
def _react(x, n, cells, line, rng):
    _react_particles(x, n, line, rng)
    if line.whole:
        _react_copies(cells, line, rng)
    else:
        _react_field(cells, line)


@numba.njit
def _record(x, n, cells, line, out):
    bins = out.shape[1]
    out[:] = 0.0
    for s in range(out.shape[0]):
        for i in range(n[s]):
            out[s, min(int(x[s, i] * bins), bins - 1)] += 1
        for k in range(cells.shape[1]):
            out[s, min(int((line.left + (k + 0.5) * line.h) * bins), bins - 1)] += cells[s, k]
