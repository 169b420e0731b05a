"""PDE-assisted Brownian dynamics, without and with an overlap.

B. Franz, M. B. Flegg, S. J. Chapman, R. Erban, SIAM J. Appl. Math. 73, 1224 (2013). The PDE's
mass that diffuses over the plane of creation within a step becomes particles, Poisson in number, at
the places to which it diffused. A particle beyond the plane of absorption becomes mass of the PDE
where it is. Without an overlap the two planes are one; with one, both descriptions add up between
them. Here the PDE pays what was created, no more and no less: the difference to the mean is taken
evenly from the width h beside the plane of creation, so that mass is exact.

The PDE is solved on tenths of a cell, in time by the exponential of its matrix. On cells of width w
what diffuses over a plane in a step is ``w²/(16 D dt)`` short.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import numpy as np
from scipy.linalg import expm

from tests.benchmarks.couplings.line import Floats, Line, add, remove, walk, wall_value
from tests.benchmarks.couplings.problems import PLANE, H, Problem
from tests.benchmarks.couplings.scheme import Published


def propagator(cells: int, line: Line) -> tuple[Floats, Floats]:
    """What a step makes of contents in ``cells`` cells that end at 1, and of a unit source at 1.

    Closed on the left; at 1 closed, or held at a concentration by a face of 2 D/h.
    """
    return _propagator(cells, line.D[0] / line.h**2, line.dt, line.reservoir)


@cache
def _propagator(cells: int, rate: float, dt: float, reservoir: bool) -> tuple[Floats, Floats]:
    matrix = np.zeros((cells + 1, cells + 1))
    for k in range(cells - 1):
        matrix[k, k] -= rate
        matrix[k + 1, k + 1] -= rate
        matrix[k, k + 1] += rate
        matrix[k + 1, k] += rate
    matrix[cells - 1, cells] = 1.0
    if reservoir:
        matrix[cells - 1, cells - 1] -= 2 * rate
    step = expm(matrix * dt)
    return step[:cells, :cells].copy(), step[:cells, cells].copy()


@numba.njit(inline="always")
def source(s, line, phase):
    """Copies a time into the last cell: influx, and what a reservoir gives."""
    held = 2 * line.D[s] / line.h * wall_value(line, phase) if line.reservoir else 0.0
    return line.influx[s, 1] + held


@numba.njit
def _diffuse(x, n, cells, s, phase, line, own, rng):
    step, entry, plane, parts = own
    width = cells.shape[1]
    ghosts = step.shape[0] - width
    found = step @ cells[s] + entry * source(s, line, phase)
    walk(x, n, s, np.inf, line, rng)
    for i in range(n[s] - 1, -1, -1):
        if x[s, i] > plane:
            place = x[s, i] if x[s, i] < 1.0 else 2.0 - x[s, i]
            found[ghosts + int((place - line.left) / line.h)] += 1.0
            remove(x, n, s, i)
    owed = 0.0
    for k in range(ghosts):
        created = rng.poisson(max(found[k], 0.0))
        owed += created - found[k]
        for _ in range(created):
            add(x, n, s, line.left - (ghosts - k - rng.random()) * line.h)
    cells[s] = found[ghosts:]
    cells[s, :parts] -= owed / parts


class PDEAssisted(Published):
    """PDE-assisted Brownian dynamics."""

    diffuse = _diffuse
    refine = 10

    def __init__(self, overlap: int) -> None:
        self.overlap = overlap  # cells of the page, beyond the plane
        self.name = "PDE-assisted, overlap" if overlap else "PDE-assisted"

    def refuses(self, problem: Problem, dt: float) -> str | None:  # noqa: ARG002
        """See `Scheme`."""
        pairs = any("lambda0" in r or "radius" in r for r in problem.reactions)
        if pairs and self.overlap:
            return "it has no rule for pairs of a particle and the field in the overlap"
        return None

    def numbers(self, line: Line) -> Any:
        """See `Published`."""
        step, entry = propagator(round(1.0 / line.h), line)
        held = round((1.0 - line.left) / line.h)
        return (
            np.ascontiguousarray(step[:, -held:]),
            entry,
            PLANE + self.overlap * H,
            self.refine,
        )
