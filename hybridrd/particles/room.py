"""The new particles of a step: whether memory holds them, looked at before they are drawn.

Rates, fluxes and concentrations may be functions of time and place, so that what they bring is
known only when its time comes; and a Poisson number of a mean that no memory holds is none.
"""

from __future__ import annotations

from hybridrd.particles.memory import Free, Part, check_fits, free_memory

FEW = 1e6  # are drawn without a look at the memory
_ADDRESSES = 2.0**47  # bytes that a process can have, where the system does not say how many


def check_new(number: float, dimension: int, what: str, remedy: str) -> None:
    """Refuse more new particles at once than there is memory for.

    Parameters
    ----------
    number
        How many are expected.
    dimension
        Of their positions.
    what
        What brings them, and when, for the message: ``"the influx of A at x+ in a step"``.
    remedy
        How to have fewer.

    Raises
    ------
    CapacityError
        With their number and the memory that they need.
    """
    if number <= FEW:
        return
    free = free_memory()
    parts = [Part(f"{what} ({number:.3g} particles)", number * new_bytes(dimension), remedy)]
    check_fits(parts, Free(min(free.bytes, _ADDRESSES), free.where))


def new_bytes(dimension: int) -> float:
    """Bytes for a new particle: position, parent, species and cell, copied once, and its place."""
    return 2.0 * (8.0 * dimension + 24.0) + 8.0 * dimension + 10.0
