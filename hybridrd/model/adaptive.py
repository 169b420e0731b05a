"""Particle regions that follow the copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hybridrd.arguments import named_arguments, number
from hybridrd.errors import ModelError
from hybridrd.model.grid import Grid
from hybridrd.model.shape import Mask, Shape
from hybridrd.model.species import SpeciesLike, species_name


@named_arguments
@dataclass(frozen=True)
class Adaptive(Shape):
    """A particle region that consists of the cells with few copies, and follows them in time.

    At intervals of ``every`` the mean number of copies in each cell and its neighbours decides:
    below ``low`` the cell becomes part of the particle region, above ``high`` of the continuum, and
    in between it keeps its state. Then a margin is added to the region, and specks of either kind
    are removed. Mass is conserved: copy by copy with ``fluctuations="discrete"``, otherwise to
    round-off.

    Parameters
    ----------
    low, high
        Copies per cell, of the most numerous species unless one is named; ``high`` is at least
        twice ``low``.
    every
        Time between these checks, a multiple of dt.
    species
        The species that decides; by default the one with most copies in each cell.
    buffer
        Width of the margin (length); by default ``4 sqrt(2 D every)`` of the fastest species,
        the distance that copies may travel until the next check.

    Raises
    ------
    ModelError
        If a number is not above 0, or ``high`` below twice ``low``.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> hrd.Adaptive(low=10, high=30, every=0.1)
    Adaptive(low=10, high=30, every=0.1)
    """

    low: float
    high: float
    every: float
    species: SpeciesLike | None = None
    buffer: float | None = None

    follows: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("low", "high", "every"):
            value = number(getattr(self, name), f"Adaptive: {name}", strict=True)
            object.__setattr__(self, name, value)
        if self.high < 2.0 * self.low:
            raise ModelError(
                f"Adaptive(low={self.low:g}, high={self.high:g}): high must be at least twice low, "
                f"{2 * self.low:g}, so that cells in between keep their state"
            )
        if self.species is not None:
            object.__setattr__(self, "species", species_name(self.species))
        if self.buffer is not None:
            object.__setattr__(self, "buffer", number(self.buffer, "Adaptive: buffer"))

    def mask(self, grid: Grid) -> Mask:
        """No cell: the copies decide which cells belong to it."""
        return np.zeros(grid.cells, bool)

    def to_dict(self) -> dict[str, Any]:
        """In a file: ``{ adaptive = { low = 10, high = 30, every = 0.1 } }``."""
        names = ("low", "high", "every", "species", "buffer")
        given = {name: getattr(self, name) for name in names}
        return {"adaptive": {name: v for name, v in given.items() if v is not None}}

    def __repr__(self) -> str:
        parts = [f"low={self.low:g}", f"high={self.high:g}", f"every={self.every:g}"]
        parts += [] if self.species is None else [f"species={self.species!r}"]
        parts += [] if self.buffer is None else [f"buffer={self.buffer:g}"]
        return f"Adaptive({', '.join(parts)})"
