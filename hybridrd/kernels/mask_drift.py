"""Steps of particles that drift, or diffuse unevenly, in a mask of cells.

Axis by axis, in odd steps in reverse, as in `hybridrd.kernels.mask`: along each a particle drifts
as in `hybridrd.kernels.drift`, between the ends of the run of cells that its row belongs to. That
reflection is exact for one wall in reach. In narrow runs, where both are, and where D is uneven,
steps are accepted as in `hybridrd.kernels.uneven`, so Boltzmann's density is stationary in any
shape at every step size.
"""

from __future__ import annotations

import math

import numpy as np

from hybridrd.kernels._jit import jit
from hybridrd.kernels.arrays import axis_cell
from hybridrd.kernels.drift import FAR, pushed_back, survival_drifting
from hybridrd.kernels.drift_arrivals import enter_at
from hybridrd.kernels.exchange import FED
from hybridrd.kernels.mask import spread_along
from hybridrd.kernels.rng import (
    ARRIVE,
    BRIDGE,
    DRIFT,
    ENTER,
    touch_draw,
    uniforms,
)
from hybridrd.kernels.uneven import step_along
from hybridrd.kernels.walk import (
    OPEN,
    PARTIAL,
    REFLECT,
    WRAP,
    displacements,
    fold,
    touches,
    wrap,
)

# Of a cell: how far from the end of its run a particle is put that round-off took out of it.
_INSIDE = 1e-9
# Of sqrt(2 D dt): a run with ends so close is narrow.
_NARROW = 5.0
_BLOCK = 1024


@jit
def _run(a, x, i, runs, walls):
    """The run of a particle along an axis, see `uneven.step_along`.

    Also its cell, the index of that along the axis, and the axis's stride.
    """
    low, _, inverse, shape = runs.cells
    flat, mine, stride, factor = 0, 0, 1, 1
    for b in range(x.shape[0]):
        k = axis_cell(x[b, i], low[b], inverse[b], shape[b])
        if b == a:
            mine, stride = k, factor
        flat += factor * k
        factor *= shape[b]
    n = shape[a]
    bottom, top = runs.edges[a, 0], runs.edges[a, n]
    first, last = runs.first[a, flat], runs.last[a, flat]
    if first == last:
        return (bottom, top, WRAP, WRAP, 0.0, 0.0), flat, mine, stride
    below = above = REFLECT
    if not runs.periodic[a]:
        below = walls.kinds[a, 0] if first == 0 else REFLECT
        above = walls.kinds[a, 1] if last == n else REFLECT
    lower, upper = runs.lower[a, flat], runs.upper[a, flat]
    period = top - bottom if runs.periodic[a] else 0.0
    return (lower, upper, below, above, bottom, period), flat, mine, stride


@jit
def _inside(y, a, run, runs):
    """A place of a run as one of the domain, not on the ends of the run for round-off."""
    low, high, _, _, bottom, period = run
    inset = _INSIDE * runs.cells.width[a]
    y = min(max(y, low + inset), high - inset)
    return y - period * math.floor((y - bottom) / period) if period > 0.0 else y


@jit
def _cell_at(y, a, run, runs):
    """The index along an axis of the cell at a place of a run, in the domain."""
    if run[2] != WRAP:
        y = _inside(y, a, run, runs)
    return axis_cell(y, runs.cells.low[a], runs.cells.inverse[a], runs.cells.shape[a])


@jit
def _met(a, x0, x1, drift, run, kappas, D, dt, address):
    """The face + 1 at which a move along an axis ended, 0 for none."""
    low, high, below, above, _, _ = run
    Ddt, (key, name, step) = D * dt, address
    for side in range(2):
        kind = below if side == 0 else above
        d0, d1 = (x0 - low, x1 - low) if side == 0 else (high - x0, high - x1)
        gamma, draw = kappas[a, side] / D, touch_draw(2 * a + side)
        if kind == PARTIAL and gamma > 0.0 and d0 * d1 < FAR * Ddt:
            u, _ = uniforms(key, name, step, BRIDGE, draw)
            if u >= survival_drifting(d0, d1, gamma, drift if side == 0 else -drift, Ddt):
                return 2 * a + side + 1
        elif kind == OPEN and touches(kind, d0, d1, gamma, Ddt, key, name, step, BRIDGE, draw):
            return 2 * a + side + 1
    return 0


@jit
def _drift_along(a, x, i, n, here, run, held, dt, address):
    """A step along an axis with the mean of the drifts where it starts and would end."""
    low, high, below, above, _, _ = run
    flat, mine, stride = here
    key, name, step = address
    runs, kappas, velocities, medium = held
    D = medium.D[flat]
    x0, move, Ddt = x[a, i], math.sqrt(2.0 * D * dt) * n, D * dt
    first = dt * velocities[a, flat]
    free = x0 + move + first
    end = wrap(free, low, high) if below == WRAP else fold(free, low, high)
    there = flat + stride * (_cell_at(end, a, run, runs) - mine)
    drift = 0.5 * (first + dt * velocities[a, there])
    x1 = x0 + move + drift
    if below == WRAP:
        x[a, i] = wrap(x1, low, high)
        return 0
    for side in range(2):
        d0, d1 = (x0 - low, x1 - low) if side == 0 else (high - x0, high - x1)
        if (below if side == 0 else above) != OPEN and d0 * d1 < FAR * Ddt:
            u, _ = uniforms(key, name, step, DRIFT, 2 * a + side)
            depth = pushed_back(d0, d1, Ddt, u)
            x1 = low + depth if side == 0 else high - depth
    if below != OPEN and above != OPEN:
        x1 = fold(x1, low, high)
    face = _met(a, x0, x1, drift, run, kappas, D, dt, address)
    x[a, i] = _inside(x1, a, run, runs)
    return face


@jit
def move_along(a, x, i, n, held, walls, dt, address):
    """Move a particle for dt along an axis, n being normal; face + 1 where it ended, else 0.

    ``address`` is the key, the particle and the step; ``held`` are the runs, kappa of each wall
    (length/time), the drifts along each axis in each cell (length/time; none where D is uneven),
    and the `Medium`.
    """
    runs, kappas, velocities, medium = held
    run, flat, mine, stride = _run(a, x, i, runs, walls)
    low, high, below, _, _, period = run
    narrow = below != WRAP and (high - low) ** 2 < _NARROW**2 * 2.0 * medium.D[flat] * dt
    if velocities.shape[1] > 0 and not narrow:
        here = flat, mine, stride
        return _drift_along(a, x, i, n, here, run, held, dt, address)
    face = step_along(a, x, i, n, run, kappas, medium, dt, address)
    if below != WRAP:
        y = x[a, i]
        if period > 0.0 and not low <= y <= high:
            y += period if y < low else -period
        x[a, i] = _inside(y, a, run, runs)
    return face


@jit
def _far_along(a, x, start, stop, moves, runs, velocities, Ddt, dt, moved):
    """Move along an axis those particles that no end of their run can hold up; mark them.

    A loop of its own without calls; `move_along`, which takes longer, moves the others.
    """
    low, inverse, shape = runs.cells.low, runs.cells.inverse, runs.cells.shape
    firsts, lasts, lowers, uppers = runs.first[a], runs.last[a], runs.lower[a], runs.upper[a]
    row, drifts, n = x[a], velocities[a], shape[a]
    sd, far, stride = math.sqrt(2.0 * Ddt), FAR * Ddt, 1
    least = _NARROW**2 * 2.0 * Ddt
    for b in range(a):
        stride *= shape[b]
    for i in range(start, stop):
        flat, factor = 0, 1
        for b in range(x.shape[0]):
            flat += factor * axis_cell(x[b, i], low[b], inverse[b], shape[b])
            factor *= shape[b]
        x0, lower, upper = row[i], lowers[flat], uppers[flat]
        move, first = sd * moves[i - start], dt * drifts[flat]
        end = x0 + move + first
        moved[i - start] = 0
        if firsts[flat] == lasts[flat] or (upper - lower) ** 2 < least:
            continue
        if min((x0 - lower) * (end - lower), (upper - x0) * (upper - end)) < far:
            continue
        mine, there = axis_cell(x0, low[a], inverse[a], n), axis_cell(end, low[a], inverse[a], n)
        x1 = x0 + move + 0.5 * (first + dt * drifts[flat + stride * (there - mine)])
        if min((x0 - lower) * (x1 - lower), (upper - x0) * (upper - x1)) >= far:
            row[i], moved[i - start] = x1, 1


@jit
def drift_in_mask(x, ids, start, stop, key, step, walls, held, dt, gone):
    """One step of particles ``start`` to ``stop``; see `mask.move_in_mask` and `move_along`."""
    d = x.shape[0]
    runs, _, velocities, medium = held
    even = velocities.shape[1] > 0
    moves, moved = np.empty((d, _BLOCK)), np.zeros(_BLOCK, np.uint8)
    ended = 0
    for begin in range(start, stop, _BLOCK):
        end = min(stop, begin + _BLOCK)
        displacements(d, ids[begin:end], key, step, moves)
        for turn in range(d):
            a = turn if step % 2 == 0 else d - 1 - turn
            if even and not runs.periodic[a]:
                Ddt = medium.D[0] * dt
                _far_along(a, x, begin, end, moves[a], runs, velocities, Ddt, dt, moved)
            else:
                moved[:] = 0
            for i in range(begin, end):
                if moved[i - begin] == 0 and gone[i] == 0:
                    address = key, ids[i], step
                    face = move_along(a, x, i, moves[a, i - begin], held, walls, dt, address)
                    if face > 0:
                        gone[i] = np.uint8(2 * d + face)
                        ended += 1
    return ended


@jit
def enter_drifting(particles, start, cells, face, stream, held, walls, key, step, kept):
    """Place arrivals that drift, see `mask.enter_from_wall`; ``cells`` are theirs and their faces.

    Each walks in the region from when it entered. Returns how many are kept.
    """
    x, ids, gone = particles
    at, faces = cells
    runs, entry, axis, side = held[0], stream.entry, face.axis, face.side
    low, width, _, shape = runs.cells
    d, m = x.shape[0], start
    purpose = ENTER if entry.way == FED else ARRIVE
    moves = np.empty(d)
    for k in range(at.shape[0]):
        address, j = ids[start + k], faces[k]
        age, depth, chance = enter_at(stream, j, face, key, address, step, purpose)
        w, _ = uniforms(key, address, step, purpose, 2)
        fraction = age / entry.dt
        alive = w < chance * (entry.end[j] + fraction * (entry.start[j] - entry.end[j]))
        ids[m] = address
        for a in range(d):
            x[a, m], _, moves[a] = spread_along(
                a, axis, at[k], low, width, shape, key, address, step, purpose
            )
        for turn in range(d):
            a = turn if step % 2 == 0 else d - 1 - turn
            if a != axis:
                left = move_along(a, x, m, moves[a], held, walls, age, (key, address, step))
                if left > 0 and gone[m] == 0:
                    gone[m] = np.uint8(2 * d + left)
                continue
            run, _, _, _ = _run(a, x, m, runs, walls)
            lower, upper, below, above, _, _ = run
            place = lower + depth if side == 0 else upper - depth
            far = above if side == 0 else below
            alive = alive and (far != OPEN or lower < place < upper)
            x[a, m] = _inside(fold(place, lower, upper), a, run, runs)
        kept[k] = 1 if alive else 0
        if alive:
            m += 1
        else:
            gone[m] = 0
    return m - start
