"""The auxiliary region method.

C. A. Smith, C. A. Yates, R. Soc. Open Sci. 5, 180920 (2018). On each side of the plane lies an
auxiliary region of width h. A particle in one hops to the other with rate D/h², where it becomes a
copy's mass, spread evenly. Copies hop back with rate D/h² times the mass of the PDE there, as long
as a whole copy is left; its mass is taken evenly, and it becomes a particle at a place drawn
uniformly. The plane is closed to both descriptions otherwise.

The PDE is solved on fifths of a cell, in time by the exponential of its matrix.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from tests.benchmarks.couplings.line import Line, add, remove, walk
from tests.benchmarks.couplings.pde_assisted import propagator, source
from tests.benchmarks.couplings.problems import H
from tests.benchmarks.couplings.scheme import Published


@numba.njit
def _diffuse(x, n, cells, s, phase, line, own, rng):
    step, entry, width = own
    parts = round(width / line.h)
    rate = line.D[s] / width**2
    gone = 1.0 - np.exp(-rate * line.dt)
    arrivals = 0
    for i in range(n[s] - 1, -1, -1):
        if x[s, i] > line.left - width and rng.random() < gone:
            remove(x, n, s, i)
            arrivals += 1
    t = 0.0
    while True:
        held = cells[s, :parts]
        if held.min() < 1.0 / parts:
            break
        t += rng.exponential(1.0 / (rate * held.sum()))
        if t >= line.dt:
            break
        cells[s, :parts] -= 1.0 / parts
        add(x, n, s, line.left - width * rng.random())
    cells[s, :parts] += arrivals / parts
    cells[s] = step @ cells[s] + entry * source(s, line, phase)
    walk(x, n, s, line.left, line, rng)


class AuxiliaryRegion(Published):
    """The auxiliary region method."""

    name = "auxiliary region"
    refine = 5
    diffuse = _diffuse

    def __init__(self, width: float = H) -> None:
        self.width = width

    def numbers(self, line: Line) -> Any:
        """See `Published`."""
        step, entry = propagator(round((1.0 - line.left) / line.h), line)
        return step, entry, self.width
