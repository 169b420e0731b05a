"""Predators and prey (del Razo 2024, published case)."""

from __future__ import annotations

from typing import Any

import hybridrd as hrd


def lotka_volterra(cells: int = 200, **changes: Any) -> hrd.System:
    """Prey A and predators B invade the particle region: ``A -> 2 A, A + B -> 2 B, B -> 0``.

    Square of edge 10, particles in its left half, a mean-field reservoir in the right half, all
    walls reflecting. Published with dt = 0.0025 until 2.5.

    Parameters
    ----------
    cells
        Cells along each axis.
    **changes
        Other fields of the `System`, for example ``interface=hybridrd.ExactPlane()``.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> [r.equation for r in hrd.examples.lotka_volterra(cells=20).reactions]
    ['A -> 2 A', 'A + B -> 2 B', 'B -> 0']
    """
    A, B = hrd.Species("A", D=0.3), hrd.Species("B", D=0.3)
    system = hrd.System(
        species=[A, B],
        reactions=[
            hrd.Reaction("A -> 2 A", k=0.15),
            hrd.Reaction("A + B -> 2 B", k=0.01, radius=0.01),
            hrd.Reaction("B -> 0", k=0.3),
        ],
        domain=hrd.Box(x=(0, 10), y=(0, 10)),
        particles=hrd.Box(x=(0, 5), y=(0, 10)),
        coupling="mean-field",
        initial={
            A: hrd.Patch(2000.0, x=(5.1, 5.6), y=(3.5, 6.5)),
            B: hrd.Patch(1300.0, x=(6.1, 6.6), y=(4.5, 5.5)),
        },
    )
    return system.replace(cells=cells, **changes)
