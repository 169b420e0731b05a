"""Plane across the particle region, through which the net flux is measured."""

from __future__ import annotations

from dataclasses import dataclass

from hybridrd.arguments import named_arguments
from hybridrd.errors import ModelError
from hybridrd.model.quantity import measure


@named_arguments
@dataclass(frozen=True)
class Plane:
    """A plane across an axis, for ``run(planes={name: Plane(x=0.5)})``; in a shell a sphere.

    Parameters
    ----------
    x, y, z, r
        Position on its axis (length); give exactly one. ``r`` is the radius of a sphere.

    Raises
    ------
    ModelError
        If none or several are given, or one is not a finite number.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> hrd.Plane(x=0.5)
    Plane(x=0.5)
    """

    x: float | None = None
    y: float | None = None
    z: float | None = None
    r: float | None = None

    def __post_init__(self) -> None:
        given = {a: v for a, v in vars(self).items() if v is not None}
        if len(given) != 1:
            raise ModelError(
                f"Plane({', '.join(f'{a}={v!r}' for a, v in given.items())}): give one position, "
                f"Plane(x=0.5)"
            )
        for axis, value in given.items():
            place = measure(value, f"Plane: {axis}", minimum=float("-inf"))
            object.__setattr__(self, axis, place)

    @property
    def axis(self) -> str:
        """Name of the axis perpendicular to it."""
        return next(a for a, v in vars(self).items() if v is not None)

    @property
    def place(self) -> float:
        """Its position on the axis (length)."""
        return float(getattr(self, self.axis))

    def __repr__(self) -> str:
        return f"Plane({self.axis}={self.place!r})"
