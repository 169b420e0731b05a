"""One implicit stage of diffusion: its right-hand side, and what to say if it fails."""

from __future__ import annotations

import numpy as np

from hybridrd.model.grid import Floats


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
