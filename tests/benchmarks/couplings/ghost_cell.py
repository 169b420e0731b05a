"""The ghost cell method.

M. B. Flegg, S. Hellander, R. Erban, J. Comput. Phys. 289, 1 (2015). The last h of the particle
region is a ghost compartment: each particle in it hops into the first compartment with rate D/h²,
and each copy of the first compartment hops into it with the same rate, to a place drawn uniformly.
The plane itself reflects. The error falls with dt at a fixed h, where the two-regime method's does
not. With ``c_R = copies/h`` this is the boundary layer of a reservoir, of width h.
"""

from __future__ import annotations

import numba
import numpy as np

from tests.benchmarks.couplings.line import add, jump, remove, walk
from tests.benchmarks.couplings.scheme import Published


@numba.njit
def _diffuse(x, n, cells, s, phase, line, _own, rng):
    rate = line.D[s] / line.h**2
    entries = np.empty(n[s])
    entered = 0
    for i in range(n[s] - 1, -1, -1):
        if x[s, i] > line.left - line.h:
            t = rng.exponential(1.0 / rate)
            if t < line.dt:
                remove(x, n, s, i)
                entries[entered] = t
                entered += 1
    for _ in range(jump(cells, s, rate, rate, entries[:entered], line, phase, rng)):
        add(x, n, s, line.left - line.h * rng.random())
    walk(x, n, s, line.left, line, rng)


class GhostCell(Published):
    """The ghost cell method."""

    name = "ghost cell"
    whole = True
    diffuse = _diffuse

    def __init__(self, refine: int = 1) -> None:
        self.refine = refine
