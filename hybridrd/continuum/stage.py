"""Implicit stages of a diffusion step, and the errors if they fail."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from hybridrd.arrays import Floats
from hybridrd.continuum.assembled import Assembled
from hybridrd.continuum.solvers import Solver
from hybridrd.continuum.transform import TransformSolver

G = 1.0 - 1.0 / math.sqrt(2.0)


def two_stages(
    solver: Solver, system: Assembled, u: Floats, source: Floats | None, inflow: Floats | None
) -> tuple[Floats, Callable[[], Floats]]:
    """Two stages of length ``g dt``; the new field, and the one whose fluxes are the step's.

    ``source`` is what is added in the whole step, ``inflow`` what walls add to each right side.
    """
    scale = system.volume / system.tau
    given = None if source is None else G * source
    if isinstance(solver, TransformSolver):
        if inflow is not None:
            given = inflow / scale if given is None else given + inflow / scale
        return solver.two_stages(u, given, float(scale), G)
    first = solver.solve(right_side(u, given, scale, inflow))
    second = (1.0 / G - 1.0) * (first - u)
    second += u
    new = solver.solve(right_side(second, given, scale, inflow))
    kept = new.copy()
    return new, lambda: (1.0 - G) * first + G * kept


def right_side(
    u: Floats, source: Floats | None, scale: float | Floats, inflow: Floats | None
) -> Floats:
    """Right-hand side of one implicit stage: (u + source) volume/tau + inflow."""
    rhs = u * scale if source is None else (u + source) * scale
    if inflow is not None:
        rhs += inflow
    return rhs


def not_finite(u: Floats, source: Floats | None) -> str:
    """What to say of a field that is no longer finite."""
    bad = int(np.count_nonzero(~np.isfinite(u)))
    added = 0 if source is None else int(np.count_nonzero(~np.isfinite(source)))
    return (
        f"diffusion gave a concentration that is not finite: of {len(u)} cells {bad} were not "
        f"finite before, {added} have a source that is not; look at rates, walls, initial state"
    )
