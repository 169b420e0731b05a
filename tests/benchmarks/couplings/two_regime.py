"""The two-regime method.

M. B. Flegg, S. J. Chapman, R. Erban, J. R. Soc. Interface 9, 859 (2012). Compartments of width h
hold whole copies, which hop with D/h²; a copy of the first one becomes a particle with rate
``(2/h) sqrt(D/(pi dt))``, at a depth with density ``sqrt(pi/(4 D dt)) erfc(depth/sqrt(4 D dt))``. A
particle that goes from depth d to d' enters the first compartment if it crossed, or else with
probability ``exp(-d d'/(D dt))``. Uniform states are exact; the paper asks for h >> sqrt(D dt).
"""

from __future__ import annotations

import numba
import numpy as np

from tests.benchmarks.couplings.line import add, jump, remove, walk
from tests.benchmarks.couplings.scheme import Published


@numba.njit
def _diffuse(x, n, cells, s, phase, line, _own, rng):
    spread = line.D[s] * line.dt
    rate = 2.0 / line.h * np.sqrt(line.D[s] / (np.pi * line.dt))
    before = x[s, : n[s]].copy()
    arrivals = jump(cells, s, rate, 0.0, before[:0], line, phase, rng)
    walk(x, n, s, np.inf, line, rng)
    for i in range(n[s] - 1, -1, -1):
        depth = line.left - x[s, i]
        touched = depth <= 0
        if not touched and i < before.size:
            touched = rng.random() < np.exp(-depth * (line.left - before[i]) / spread)
        if touched:
            cells[s, 0] += 1
            remove(x, n, s, i)
    for _ in range(arrivals):
        age = rng.random() ** 2
        add(x, n, s, line.left - np.sqrt(-4.0 * spread * age * np.log(1.0 - rng.random())))


class TwoRegime(Published):
    """The two-regime method."""

    name = "two-regime"
    whole = True
    diffuse = _diffuse

    def __init__(self, refine: int = 1) -> None:
        self.refine = refine
