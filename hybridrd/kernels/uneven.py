"""Brownian steps of particles whose diffusion coefficient depends on position.

Axis by axis a step is proposed, and accepted by the Metropolis rule, so Boltzmann's density (a
uniform one without a potential) is stationary at every step size; as the step goes to 0 the
accepted steps are the diffusion that has this density and obeys Fick's law (N. Bou-Rabee, A. Donev
and E. Vanden-Eijnden, Multiscale Model. Simul. 12 (2014) 781). Proposals are Brownian in the
length ``y = int dx/sqrt(D)``. They are exact, and all accepted, if D has one jump within reach:
once a particle has touched it, it ends on either side with the odds of sqrt(D) there (skew Brownian
motion, A. Lejay, Probab. Surv. 3 (2006) 413); and if sqrt(D) is linear.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import jit
from hybridrd.kernels.arrays import Cells, axis_cell
from hybridrd.kernels.drift import survival_drifting
from hybridrd.kernels.rng import BRIDGE, DRIFT, WALK, normals, touch_draw, uniforms, words
from hybridrd.kernels.walk import OPEN, PARTIAL, WRAP, fold, wrap

_FAR = 40.0


class Medium(NamedTuple):
    """Jumps and slopes of D, and work of forces, in the cells of the particle region.

    Parameters
    ----------
    cells
        Cells of the particle region.
    D
        Diffusion coefficient in each (length²/time), ``(cells,)``.
    jump, beyond
        Along each axis where D jumps, as seen from a cell (length; NaN for nowhere), and sqrt(D)
        beyond it, ``(d, cells)``.
    bend
        d sqrt(D)/dx in cells from which no jump is seen, 0 in others, ``(d, cells)``.
    work
        Potential and work against the flow at each cell's centre, along each axis from the first
        of its row (kT), ``(d, cells)``.
    slope
        How they rise along the axis (1/length), ``(d, cells)``.
    tilt
        The potential's part of it, ``(d, cells)``.
    around
        Work once around a periodic axis, for the first cell of each row, ``(d, cells)``.
    """

    cells: Cells
    D: np.ndarray
    jump: np.ndarray
    beyond: np.ndarray
    bend: np.ndarray
    work: np.ndarray
    slope: np.ndarray
    tilt: np.ndarray
    around: np.ndarray


class Place(NamedTuple):
    """Local parameters of a proposal along one axis.

    Parameters
    ----------
    root
        sqrt(D) where the particle is.
    jump, other
        Where D jumps (length; NaN for nowhere), and sqrt(D) beyond.
    bend
        d sqrt(D)/dx where D does not jump: a line in x, with which y is a logarithm.
    pull
        How potential and work rise (1/length).
    """

    root: float
    jump: float
    other: float
    bend: float
    pull: float


@jit
def proposal(x, place, dt, n, u, v):
    """Position after dt of a particle at x, for normal n and uniform u and v; see `Place`."""
    root, jump, other, bend, pull = place
    if jump != jump:
        y = (bend - root * pull) * dt + math.sqrt(2.0 * dt) * n
        return x + root * (y if abs(bend * y) < 1e-9 else math.expm1(bend * y) / bend)
    shift = -root * root * pull * dt
    side = 1.0 if x >= jump else -1.0
    d0 = side * (x - jump)
    d1 = d0 + math.sqrt(2.0 * dt) * root * n
    far = d0 * d1 / (root * root * dt)
    if d1 > 0.0 and (far > _FAR or u >= math.exp(-far)):
        return shift + jump + side * d1
    if v * (root + other) < other:
        return shift + jump - side * abs(d1) * other / root
    return shift + jump + side * abs(d1)


@jit
def density(x, place, dt, end):
    """The density of `proposal` at ``end``, but for ``1/sqrt(4 pi dt)``."""
    root, jump, other, bend, pull = place
    if jump != jump:
        grown = 1.0 + bend * (end - x) / root
        if grown <= 0.0:
            return 0.0
        y = (end - x) / root if abs(grown - 1.0) < 1e-9 else math.log(grown) / bend
        return math.exp(-((y - (bend - root * pull) * dt) ** 2) / (4.0 * dt)) / (root * grown)
    end += root * root * pull * dt
    side = 1.0 if x >= jump else -1.0
    d0, d1, spread = side * (x - jump), side * (end - jump), 4.0 * root * root * dt
    if d1 > 0.0:
        back = (root - other) / (root + other) * math.exp(-((d0 + d1) ** 2) / spread)
        return (math.exp(-((d1 - d0) ** 2) / spread) + back) / root
    return 2.0 / (root + other) * math.exp(-((d0 - d1 * root / other) ** 2) / spread)


@jit
def _place(medium, a, cell, k, at):
    """What there is ``at`` a place along an axis in a cell, the k-th of its row."""
    bend = medium.bend[a, cell]
    off = at - medium.cells.low[a] - (k + 0.5) * medium.cells.width[a]
    root = math.sqrt(medium.D[cell]) + bend * off
    return Place(root, medium.jump[a, cell], medium.beyond[a, cell], bend, medium.slope[a, cell])


@jit
def _works(medium, a, x, i, cell, at):
    """Work of a place ``at`` along an axis, in a cell of the row of particle i."""
    origin, width, _, shape = medium.cells
    found = medium.work[a, cell]
    rest = cell
    for b in range(x.shape[0]):
        k = rest % shape[b]
        rest //= shape[b]
        off = (at if b == a else x[b, i]) - origin[b] - (k + 0.5) * width[b]
        found += off * (medium.slope[a, cell] if b == a else medium.tilt[b, cell])
    return found


@jit
def step_along(a, x, i, n, run, kappas, medium, dt, address):
    """Move one particle along one axis; returns face + 1 if it ended at that face, else 0.

    ``run`` has the ends of its row, their kinds, and, where that goes through a periodic wall, the
    domain's lower end and period (0 elsewhere); ``kappas`` are those of its walls (length/time),
    ``n`` a normal number, and ``address`` the key, the particle and the step.
    """
    key, name, step = address
    low, high, below, above, bottom, period = run
    origin, _, inverse, shape = medium.cells
    stride, row, factor = 1, 0, 1
    for b in range(x.shape[0]):
        k = axis_cell(x[b, i], origin[b], inverse[b], shape[b])
        if b == a:
            stride, mine = factor, k
        else:
            row += factor * k
        factor *= shape[b]
    here = row + stride * mine
    x0 = x[a, i]
    start = _place(medium, a, here, mine, x0)
    u, v = uniforms(key, name, step, DRIFT, 2 * a)
    free = proposal(x0, start, dt, n, u, v)
    end, back, turns = free, x0, 0.0
    if below == WRAP:
        end = wrap(free, low, high)
        turns = round((free - end) / (high - low))
        back = x0 - turns * (high - low)
    else:
        end = fold(free, low, high)
        # The image of the start as seen from the image of the end.
        times = math.floor((free - low) / (high - low))
        back = x0 + (end - free) if times % 2 == 0 else end + free - x0
        if period > 0.0:
            turns = math.floor((end - bottom) / period)
            end, back = end - turns * period, back - turns * period
    k = axis_cell(end, origin[a], inverse[a], shape[a])
    there = row + stride * k
    stop = _place(medium, a, there, k, end)
    rise = _works(medium, a, x, i, there, end) - _works(medium, a, x, i, here, x0)
    rise += turns * medium.around[a, here]
    ahead, behind = density(x0, start, dt, free), density(end, stop, dt, back)
    w, _ = uniforms(key, name, step, DRIFT, 2 * a + 1)
    if w * ahead >= behind * math.exp(-rise):
        return 0
    x[a, i] = end
    for side in range(2):
        kind = below if side == 0 else above
        if kind != OPEN and kind != PARTIAL:
            continue
        d0, d1 = (x0 - low, free - low) if side == 0 else (high - x0, high - free)
        at = row + stride * (0 if side == 0 else shape[a] - 1)
        Ddt = medium.D[at] * dt
        w, _ = uniforms(key, name, step, BRIDGE, touch_draw(2 * a + side))
        if kind == OPEN and (d1 <= 0.0 or w < math.exp(-min(d0 * d1 / Ddt, _FAR))):
            return 2 * a + side + 1
        d1 = abs(d1)
        gamma = kappas[a, side] / medium.D[at]
        if kind == PARTIAL and gamma > 0.0 and d0 * d1 < _FAR * Ddt:
            shift = -start.root * start.root * start.pull * dt
            inward = shift if side == 0 else -shift
            if w >= survival_drifting(d0, d1, gamma, inward, Ddt):
                return 2 * a + side + 1
    return 0


@jit
def uneven_move(x, ids, start, stop, key, step, dt, walls, medium, exits):
    """One step of particles ``start`` to ``stop``; returns how many ended at a wall.

    ``walls.gammas`` are kappa here (length/time). A particle that ends at a wall is left at the
    image of its end. Axes follow one another in turn, the other way round in odd steps.
    """
    d = x.shape[0]
    n = np.empty(3)
    ended = 0
    for i in range(start, stop):
        w0, w1, w2, w3 = words(key, ids[i], step, WALK, 0)
        n[0], n[1] = normals(w0, w1)
        n[2], _ = normals(w2, w3)
        for k in range(d):
            a = k if step % 2 == 0 else d - 1 - k
            below, above = walls.kinds[a, 0], walls.kinds[a, 1]
            run = walls.low[a], walls.high[a], below, above, 0.0, 0.0
            address = key, ids[i], step
            left = step_along(a, x, i, n[a], run, walls.gammas, medium, dt, address)
            if left > 0:
                exits[i] = np.uint8(left)
                ended += 1
                break
    return ended
