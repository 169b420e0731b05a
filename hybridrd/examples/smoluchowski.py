"""Smoluchowski's open system: reaction at a sphere in contact with a reservoir."""

from __future__ import annotations

from typing import Any

import hybridrd as hrd


def smoluchowski(cells: int = 100, **changes: Any) -> hrd.System:
    """B diffuses to a sphere that absorbs it at a finite rate (del Razo 2024, section IV.C).

    Spherical shell from sigma = 1 to R = 6, kappa = 20 at the inner sphere (eq. (25)), a reservoir
    of concentration 1 at the outer one; particles at r < 3, the PDE outside. The steady flux at the
    inner sphere is `hybridrd.theory.smoluchowski.rate`, 8.5974; the run starts uniform.

    Parameters
    ----------
    cells
        Cells along r.
    **changes
        Other fields of the `System`, for example ``particles=hybridrd.Shell(inner=1, outer=6)``.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> hrd.examples.smoluchowski(cells=50).particles
    Shell(inner=1, outer=3)
    """
    B = hrd.Species("B", D=1.0)
    system = hrd.System(
        species=[B],
        domain=hrd.Shell(inner=1.0, outer=6.0),
        particles=hrd.Shell(inner=1.0, outer=3.0),
        walls={"inner": hrd.PartiallyAbsorbing(kappa=20.0), "outer": hrd.Reservoir({B: 1.0})},
        interface=hrd.ExactPlane(),
        initial={B: 1.0},
    )
    return system.replace(cells=cells, **changes)
