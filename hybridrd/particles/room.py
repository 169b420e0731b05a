"""Memory check of the new particles of a step, before they are drawn.

Rates, fluxes and concentrations may be functions of time and space, so the number of new particles
is known only in each step; a mean too large for memory can't be sampled.
"""

from __future__ import annotations

from hybridrd.particles.memory import FreeMemory, Part, check_fits, free_memory

FEW = 1e6  # number of particles drawn without a check of the memory
_ADDRESSES = 2.0**47  # bytes assumed available if the system does not report them


def check_new(number: float, dimension: int, what: str, remedy: str) -> None:
    """Raise CapacityError for more new particles at once than fit into memory.

    Parameters
    ----------
    number
        Expected number.
    dimension
        Dimension of their positions.
    what
        Their source, for the message: ``"the influx of A at x+ in a step"``.
    remedy
        Advice to have fewer.

    Raises
    ------
    CapacityError
        With their number and the memory that they need.
    """
    if number <= FEW:
        return
    free = free_memory()
    parts = [Part(f"{what} ({number:.3g} particles)", number * new_bytes(dimension), remedy)]
    check_fits(parts, FreeMemory(min(free.bytes, _ADDRESSES), free.where))


def new_bytes(dimension: int) -> float:
    """Bytes per new particle: position, parent, species and cell, copied once, and its index."""
    return 2.0 * (8.0 * dimension + 24.0) + 8.0 * dimension + 10.0
