"""Diffusion and proliferation (del Razo 2024, published case)."""

from __future__ import annotations

from typing import Any

import hybridrd as hrd


def proliferation(cells: int = 240, **changes: Any) -> hrd.System:
    """A small population spreads, grows by ``A -> 2 A`` and enters the particle region.

    Square of edge 12, particles in its left half, a mean-field reservoir in the right half, all
    walls reflecting. Published with dt = 0.01 until 10, and an initial concentration of 50 in the
    scripts (100 in the printed figures).

    Parameters
    ----------
    cells
        Cells along each axis.
    **changes
        Other fields of the `System`, for example ``interface=hybridrd.ExactPlane()``.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> hrd.examples.proliferation(cells=24).reactions[0].k
    0.1
    """
    A = hrd.Species("A", D=0.5)
    system = hrd.System(
        species=[A],
        reactions=[hrd.Reaction("A -> 2 A", k=0.1)],
        domain=hrd.Box(x=(0, 12), y=(0, 12)),
        particles=hrd.Box(x=(0, 6), y=(0, 12)),
        coupling="mean-field",
        initial={A: hrd.Patch(50.0, x=(6.5, 8.5), y=(5, 7))},
    )
    return system.replace(cells=cells, **changes)
