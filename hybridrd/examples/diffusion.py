"""Pure diffusion into an empty particle region (del Razo 2024, published case)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import hybridrd as hrd


def stripe(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Initial concentration of the stripe next to the interface, two humps along y (1/length²)."""
    return 250_000 * 2 * np.abs(np.sin(2 * np.pi * y / 10))


def diffusion(cells: int = 200, **changes: Any) -> hrd.System:
    """A spreads from a stripe of two humps next to the interface.

    Square of edge 10, particles in its left half, a mean-field reservoir in the right half, all
    walls reflecting. Published with dt = 0.002 until 1.

    Parameters
    ----------
    cells
        Cells along each axis.
    **changes
        Other fields of the `System`, for example ``interface=hybridrd.ExactPlane()``.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> hrd.examples.diffusion(cells=20).particles
    Box(x=(0, 5), y=(0, 10))
    """
    A = hrd.Species("A", D=3.0)
    system = hrd.System(
        species=[A],
        domain=hrd.Box(x=(0, 10), y=(0, 10)),
        particles=hrd.Box(x=(0, 5), y=(0, 10)),
        coupling="mean-field",
        initial={A: hrd.Patch(stripe, x=(5, 5.5))},
    )
    return system.replace(cells=cells, **changes)
