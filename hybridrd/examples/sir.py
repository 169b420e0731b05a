"""Spread of an infection (del Razo 2024, published case)."""

from __future__ import annotations

from typing import Any

import hybridrd as hrd


def sir(cells: int = 200, **changes: Any) -> hrd.System:
    """Susceptible, infected, recovered: ``S + I -> 2 I, I -> R``, three towns and two outbreaks.

    Square of edge 10, particles in its left half, a mean-field reservoir in the right half, all
    walls reflecting. Published with dt = 0.005 until 1.5.

    Parameters
    ----------
    cells
        Cells along each axis.
    **changes
        Other fields of the `System`, for example ``interface=hybridrd.ExactPlane()``.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> hrd.examples.sir(cells=20, coupling="two-way").coupling
    'two-way'
    """
    S, I, R = (hrd.Species(name, D=0.8) for name in "SIR")
    towns = [(1.5, 2.5), (4.5, 5.5), (7.5, 8.5)]
    outbreaks = [(6.5, 2.5), (6.5, 7.5)]
    system = hrd.System(
        species=[S, I, R],
        reactions=[
            hrd.Reaction("S + I -> 2 I", k=0.015, radius=0.01),
            hrd.Reaction("I -> R", k=0.5),
        ],
        domain=hrd.Box(x=(0, 10), y=(0, 10)),
        particles=hrd.Box(x=(0, 5), y=(0, 10)),
        coupling="mean-field",
        initial={
            S: [hrd.Patch(7000.0, x=(5.1, 6.1), y=y) for y in towns],
            I: [hrd.Patch(800.0, center=center, radius=0.5) for center in outbreaks],
        },
    )
    return system.replace(cells=cells, **changes)
