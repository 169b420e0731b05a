"""Shapes, which select cells by geometry, and their combinations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hybridrd.arguments import shown
from hybridrd.errors import ModelError
from hybridrd.model.grid import Grid

Mask = NDArray[np.bool_]


class Shape(ABC):
    """A part of space; a cell of a grid belongs to it if its centre does.

    Shapes combine by ``|`` (union), ``&`` (intersection) and ``-`` (difference). A new
    kind implements `mask` and `to_dict`.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> ring = hrd.Ball(center=(0.5, 0.5), radius=0.4) - hrd.Ball(center=(0.5, 0.5), radius=0.2)
    >>> int(ring.mask(hrd.Box(x=(0, 1), y=(0, 1)).grid((10, 10))).sum())
    40
    """

    #: Whether a particle region of this shape changes in time.
    follows: ClassVar[bool] = False

    @abstractmethod
    def mask(self, grid: Grid) -> Mask:
        """Which cells of a grid belong to the shape, flat ``(cells,)``.

        Raises
        ------
        ModelError
            If the shape does not fit the grid.
        """

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The shape as plain data, the layout of the TOML file. Raises ModelError for functions."""

    def __or__(self, other: object) -> Union:
        return Union((*_parts(self, Union), *_parts(_shape(other, "|"), Union)))

    def __and__(self, other: object) -> Intersection:
        return Intersection(
            (*_parts(self, Intersection), *_parts(_shape(other, "&"), Intersection))
        )

    def __sub__(self, other: object) -> Difference:
        return Difference(self, _shape(other, "-"))


@dataclass(frozen=True)
class Union(Shape):
    """The union of several shapes, ``a | b``."""

    parts: tuple[Shape, ...]

    def __post_init__(self) -> None:
        _check_still(*self.parts)

    def mask(self, grid: Grid) -> Mask:
        """Which cells belong to any part."""
        return np.asarray(np.any([part.mask(grid) for part in self.parts], axis=0))

    def to_dict(self) -> dict[str, Any]:
        """The shape as plain data, a table with ``union``."""
        return {"union": [part.to_dict() for part in self.parts]}

    def __repr__(self) -> str:
        return " | ".join(_in_brackets(part) for part in self.parts)


@dataclass(frozen=True)
class Intersection(Shape):
    """The intersection of several shapes, ``a & b``."""

    parts: tuple[Shape, ...]

    def __post_init__(self) -> None:
        _check_still(*self.parts)

    def mask(self, grid: Grid) -> Mask:
        """Which cells belong to all parts."""
        return np.asarray(np.all([part.mask(grid) for part in self.parts], axis=0))

    def to_dict(self) -> dict[str, Any]:
        """The shape as plain data, a table with ``intersection``."""
        return {"intersection": [part.to_dict() for part in self.parts]}

    def __repr__(self) -> str:
        return " & ".join(_in_brackets(part) for part in self.parts)


@dataclass(frozen=True)
class Difference(Shape):
    """The difference of two shapes, ``a - b``."""

    whole: Shape
    removed: Shape

    def __post_init__(self) -> None:
        _check_still(self.whole, self.removed)

    def mask(self, grid: Grid) -> Mask:
        """Which cells belong to the first shape only."""
        return self.whole.mask(grid) & ~self.removed.mask(grid)

    def to_dict(self) -> dict[str, Any]:
        """The shape as plain data, a table with ``difference``."""
        return {"difference": [self.whole.to_dict(), self.removed.to_dict()]}

    def __repr__(self) -> str:
        return f"{_in_brackets(self.whole)} - {_in_brackets(self.removed)}"


@dataclass(frozen=True)
class Outside(Shape):
    """The part of the domain outside a shape.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> dish = hrd.Ball(center=(0.5, 0.5), radius=0.48)
    >>> hrd.Outside(dish)
    Outside(Ball(center=(0.5, 0.5), radius=0.48))
    """

    shape: Shape

    def __post_init__(self) -> None:
        if not isinstance(self.shape, Shape):
            raise ModelError(f"Outside({shown(self.shape)}): give a shape")
        _check_still(self.shape)

    def mask(self, grid: Grid) -> Mask:
        """Which cells do not belong to the shape."""
        return ~self.shape.mask(grid)

    def to_dict(self) -> dict[str, Any]:
        """The shape as plain data, a table with ``outside``."""
        return {"outside": self.shape.to_dict()}

    def __repr__(self) -> str:
        return f"Outside({self.shape!r})"


def some_cells(shape: Shape, grid: Grid) -> Mask:
    """The cells that belong to a shape, at least one. Raises ModelError."""
    _check_still(shape)
    mask = shape.mask(grid)
    if not mask.any():
        cells = " x ".join(map(str, grid.shape))
        raise ModelError(
            f"{shape!r} contains no centre of the {cells} cells; use smaller cells, or a "
            f"shape that is larger or elsewhere"
        )
    return mask


def _check_still(*shapes: Shape) -> None:
    """Refuse a region that follows the copies where a fixed set of cells is meant."""
    for shape in shapes:
        if shape.follows:
            raise ModelError(
                f"{shape!r} follows the copies and has no fixed set of cells; give it "
                f"as particles=, alone"
            )


def check_axes(shape: Shape, count: int, grid: Grid) -> None:
    """Refuse a shape with another number of coordinates than a grid. Raises ModelError."""
    if grid.radial or count != grid.dimension:
        raise ModelError(
            f"{shape!r} has {count} coordinate{'s' if count > 1 else ''}, but those of the cells "
            f"are {', '.join(grid.axes)}"
        )


def centers(grid: Grid) -> list[NDArray[np.float64]]:
    """Coordinates of all cell centres, ``(cells,)`` for each axis."""
    return list(grid.coordinates().values())


def _shape(value: object, sign: str) -> Shape:
    if not isinstance(value, Shape):
        raise ModelError(f"shape {sign} {shown(value)}: shapes combine with shapes only")
    return value


def _parts(shape: Shape, kind: type[Union] | type[Intersection]) -> tuple[Shape, ...]:
    """The parts of a combination of a kind, so that ``a | b | c`` is one of three."""
    return shape.parts if isinstance(shape, kind) else (shape,)


def _in_brackets(shape: Shape) -> str:
    combined = isinstance(shape, (Union, Intersection, Difference))
    return f"({shape!r})" if combined else repr(shape)
