"""Flux matching, with and without noise in the continuum.

F. J. Alexander, A. L. Garcia, D. M. Tartakovsky, J. Comput. Phys. 182, 47 (2002). The continuum
takes explicit steps, with or without the random flux ``sqrt(2 D c) xi`` of fluctuating diffusion.
Beyond the plane, as far as a particle comes in a step, cells are filled with particles according to
the continuum; all are displaced; the number that crosses the plane, either way, is the flux of the
first cell in place of the continuum's own. Particles beyond the plane are then forgotten. The
explicit step needs D dt/h² <= 1/2.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from tests.benchmarks.couplings.line import Line, add, remove, walk
from tests.benchmarks.couplings.pde_assisted import source
from tests.benchmarks.couplings.problems import H, Problem
from tests.benchmarks.couplings.scheme import Published


@numba.njit
def _diffuse(x, n, cells, s, phase, line, noise, rng):
    alpha = line.D[s] * line.dt / line.h**2
    width = np.sqrt(2.0 * line.D[s] * line.dt)
    held = cells[s]
    walk(x, n, s, np.inf, line, rng)
    net = 0
    for i in range(n[s] - 1, -1, -1):
        if x[s, i] > line.left:
            remove(x, n, s, i)
            net += 1
    for k in range(min(held.size, int(np.ceil(5.0 * width / line.h)))):
        copies = max(held[k], 0.0)
        for _ in range(int(copies + rng.random())):
            place = line.left + (k + rng.random()) * line.h
            place += width * rng.standard_normal()
            if place < line.left:
                add(x, n, s, abs(place))
                net -= 1
    flux = np.zeros(held.size + 1)
    flux[0] = net
    for k in range(1, held.size):
        flux[k] = alpha * (held[k - 1] - held[k])
        if noise:
            mean = max(0.5 * (held[k - 1] + held[k]), 0.0)
            flux[k] += np.sqrt(2.0 * alpha * mean) * rng.standard_normal()
    flux[-1] = -source(s, line, phase) * line.dt
    if line.reservoir:
        flux[-1] += 2.0 * alpha * held[-1]
        if noise:
            mean = max(0.5 * (held[-1] + source(s, line, phase) * line.dt / (2 * alpha)), 0.0)
            flux[-1] += np.sqrt(4.0 * alpha * mean) * rng.standard_normal()
    for k in range(held.size):
        cells[s, k] += flux[k] - flux[k + 1]


class FluxMatching(Published):
    """Flux matching."""

    diffuse = _diffuse

    def __init__(self, noise: bool) -> None:
        self.noise = noise
        self.name = "flux matching, noise" if noise else "flux matching"

    def refuses(self, problem: Problem, dt: float) -> str | None:
        """See `Scheme`."""
        # with a wall held at a concentration the last cell has three times D/h² in all
        limit = 1 / 3 if problem.name == "reservoir" else 0.5
        return "the explicit step is unstable" if dt / H**2 > limit + 1e-9 else None

    def numbers(self, line: Line) -> Any:  # noqa: ARG002
        """See `Published`."""
        return self.noise
