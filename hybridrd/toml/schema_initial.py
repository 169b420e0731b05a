"""Tables of the TOML file: the base class, and the initial state.

Needs pydantic; loaded by `hybridrd.toml.config` on use. Every table is strict: no other keys, no
text for numbers, finite numbers only. Each builds its part of a `System`, so that errors of a part
are reported with its key in the file.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from difflib import get_close_matches
from functools import reduce
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)

from hybridrd.errors import ModelError
from hybridrd.model.adaptive import Adaptive
from hybridrd.model.geometry import Box
from hybridrd.model.initial import Copies, Patch, Points
from hybridrd.model.quantity import PATTERN, read
from hybridrd.model.shape import Outside, Shape
from hybridrd.model.shapes import Ball, Cells, Pixels, Where, from_image
from hybridrd.model.shell import Shell

NotNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


def _or_quantity(value: Any, as_number: Any) -> Any:
    """Text with units as a quantity, whose bounds are checked later; a number unchanged."""
    found = read(value, "") if isinstance(value, str) else None
    return as_number(value) if found is None else found


def _quantity(**bound: float) -> WithJsonSchema:
    return WithJsonSchema(
        {"anyOf": [{"type": "number", **bound}, {"type": "string", "pattern": PATTERN}]}
    )


_WRAPPED = WrapValidator(_or_quantity)
# Numbers in the units of the system, or text with units, "0.5 um**2/s".
Measure = Annotated[float, Field(ge=0), _WRAPPED, _quantity(minimum=0)]
# Not shared: Pydantic 2.10 would write the default of a field into the shared schema.
DefaultMeasure = Annotated[float, Field(ge=0), _WRAPPED, _quantity(minimum=0)]
PositiveMeasure = Annotated[float, Field(gt=0), _WRAPPED, _quantity(exclusiveMinimum=0)]
SignedMeasure = Annotated[float, _WRAPPED, _quantity()]


def _rising(bounds: list[float]) -> list[float]:
    if not bounds[0] < bounds[1]:
        raise ModelError("the bounds must be increasing")
    return bounds


Interval = Annotated[
    list[SignedMeasure], Field(min_length=2, max_length=2), AfterValidator(_rising)
]
Nested = Annotated[
    list[Any], WithJsonSchema({"type": "array", "items": {"type": ["array", "number"]}})
]

Center = Annotated[list[float], Field(min_length=1, max_length=3)]
Truths = Annotated[
    list[Any], WithJsonSchema({"type": "array", "items": {"type": ["array", "boolean"]}})
]

CONTENTS = ("concentration", "copies", "positions")
# Names in Python: `Patch(c)`, `Copies(n)`, `Points`.
_IN_PYTHON = {"c": "concentration", "n": "copies", "points": "positions"}


class Table(BaseModel):
    """Base of the tables; `build` makes the part of the System that a table describes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        self.build()
        return self

    def build(self) -> Any:
        """The part of a `System` that the table describes. Raises ModelError."""
        return None


class BoxTable(Table):
    """A box, ``{ x = [0, 10], y = [0, 5] }`` (length)."""

    x: Interval
    y: Interval | None = None
    z: Interval | None = None

    def build(self) -> Box:
        """The region that the table describes. Raises ModelError."""
        return Box(**_intervals(self))


class ShellTable(Table):
    """A spherical shell, ``{ inner = 1.0, outer = 6.0 }`` (length); a ball has ``inner = 0``.

    As a shape in a box it has a ``center``.
    """

    inner: Measure
    outer: PositiveMeasure
    center: Center | None = None

    def build(self) -> Shell:
        """The shell that the table describes. Raises ModelError."""
        return Shell(self.inner, self.outer, None if self.center is None else tuple(self.center))


class BallTable(Table):
    """A disc or ball, ``{ center = [0.5, 0.5], radius = 0.4 }`` (length)."""

    center: Center
    radius: PositiveMeasure

    def build(self) -> Ball:
        """The ball that the table describes."""
        return Ball(tuple(self.center), self.radius)


class CellsTable(Table):
    """Cells given by nested lists of booleans, ``{ cells = [[true, false], ...] }``."""

    cells: Truths

    def build(self) -> Cells:
        """The cells that the table describes. Raises ModelError."""
        return Cells(self.cells)


class PixelsTable(Table):
    """The pixels of an image, ``{ pixels = [[true, false], ...], x = [0, 1] }``."""

    pixels: Truths
    x: Interval | None = None
    y: Interval | None = None

    def build(self) -> Pixels:
        """The image that the table describes. Raises ModelError."""
        return Pixels(self.pixels, **_intervals(self))


class ImageTable(Table):
    """The bright or dark pixels of a file, ``{ image = "cell.png", dark = true }``.

    A relative path is relative to the folder of the TOML file.
    """

    image: str
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    dark: bool = False
    x: Interval | None = None
    y: Interval | None = None

    def build(self) -> Pixels:
        """The image that the table names. Raises ModelError."""
        return from_image(self.image, self.threshold, self.dark, **_intervals(self))


class WhereTable(Table):
    """The points where a comparison is true, ``{ where = "x**2 + y**2 < 1" }``."""

    where: str

    def build(self) -> Where:
        """The shape that the table describes. Raises ModelError."""
        return Where(self.where)


class FollowTable(Table):
    """Options of a region that follows the copies, ``{ low = 10, high = 30, every = 0.1 }``."""

    low: Positive
    high: Positive
    every: Positive
    species: str | None = None
    buffer: NotNegative | None = None

    def build(self) -> Adaptive:
        """The particle region that the table describes. Raises ModelError."""
        return Adaptive(self.low, self.high, self.every, self.species, self.buffer)


class AdaptiveTable(Table):
    """A particle region that follows the copies, ``{ adaptive = { low = 10, ... } }``."""

    adaptive: FollowTable

    def build(self) -> Adaptive:
        """The particle region that the table describes. Raises ModelError."""
        return self.adaptive.build()


class OutsideTable(Table):
    """The outside of a shape, ``{ outside = { center = [0.5, 0.5], radius = 0.4 } }``."""

    outside: ShapeTable

    def build(self) -> Outside:
        """The shape that the table describes."""
        return Outside(self.outside.build())


class UnionTable(Table):
    """The union of several shapes, ``{ union = [...] }``."""

    union: Annotated[list[ShapeTable], Field(min_length=1)]

    def build(self) -> Shape:
        """The shape that the table describes."""
        return reduce(operator.or_, (part.build() for part in self.union))


class IntersectionTable(Table):
    """The intersection of several shapes, ``{ intersection = [...] }``."""

    intersection: Annotated[list[ShapeTable], Field(min_length=1)]

    def build(self) -> Shape:
        """The shape that the table describes."""
        return reduce(operator.and_, (part.build() for part in self.intersection))


class DifferenceTable(Table):
    """A shape without others, ``{ difference = [whole, removed] }``."""

    difference: Annotated[list[ShapeTable], Field(min_length=2)]

    def build(self) -> Shape:
        """The shape that the table describes."""
        return reduce(operator.sub, (part.build() for part in self.difference))


# Forms of a shape by the key that distinguishes them; a box has x.
SHAPE_KEYS = {
    "union": "<union>",
    "intersection": "<intersection>",
    "difference": "<difference>",
    "outside": "<outside>",
    "cells": "<cell array>",
    "pixels": "<pixels>",
    "image": "<image>",
    "where": "<where>",
    "inner": "<shell>",
    "outer": "<shell>",
    "radius": "<ball>",
    "center": "<ball>",
}


def kind_of_region(value: Any) -> str:
    """Form of a region: a word, or a shape by its keys; a box if no key decides."""
    if not isinstance(value, dict):
        return "<word>"
    if "adaptive" in value:
        return "<adaptive>"
    for key, kind in SHAPE_KEYS.items():
        if key in value:
            return kind
    return "<shell>" if "r" in value and "x" not in value else "<box>"


def kind_of_shape(value: Any) -> str:
    """Form of a shape; anything but a table counts as a box, which reports the mistake."""
    kind = kind_of_region(value)
    return "<box>" if kind in ("<word>", "<adaptive>") else kind


ShapeTable = Annotated[
    Annotated[BoxTable, Tag("<box>")]
    | Annotated[ShellTable, Tag("<shell>")]
    | Annotated[BallTable, Tag("<ball>")]
    | Annotated[CellsTable, Tag("<cell array>")]
    | Annotated[PixelsTable, Tag("<pixels>")]
    | Annotated[ImageTable, Tag("<image>")]
    | Annotated[WhereTable, Tag("<where>")]
    | Annotated[OutsideTable, Tag("<outside>")]
    | Annotated[UnionTable, Tag("<union>")]
    | Annotated[IntersectionTable, Tag("<intersection>")]
    | Annotated[DifferenceTable, Tag("<difference>")],
    Discriminator(kind_of_shape),
]
for _table in (OutsideTable, UnionTable, IntersectionTable, DifferenceTable):
    _table.model_rebuild()


def _intervals(table: Any) -> dict[str, Any]:
    """The intervals that a table names, by axis."""
    given = {axis: getattr(table, axis, None) for axis in "xyz"}
    return {axis: tuple(value) for axis, value in given.items() if value is not None}


def numbers(values: list[Any], where: str) -> NDArray[np.float64]:
    """Array of nested lists of numbers. Raises ModelError for text, booleans, uneven rows."""
    try:
        array = np.array(values)
    except ValueError as error:
        raise ModelError(f"{where}: the nested lists differ in length") from error
    if array.dtype.kind not in "iuf" or _has_truth(values):
        raise ModelError(f"{where}: the lists must hold numbers only")
    return array.astype(float)


def _has_truth(values: list[Any]) -> bool:
    return any(_has_truth(v) if isinstance(v, list) else isinstance(v, bool) for v in values)


class PatchTable(Table):
    """A concentration in a box, in a disc or ball, or (nested lists) in every cell."""

    concentration: Annotated[
        Annotated[Measure, Tag("<number>")] | Annotated[Nested, Tag("<cells>")],
        Discriminator(lambda v: "<cells>" if isinstance(v, list) else "<number>"),
    ]
    x: Interval | None = None
    y: Interval | None = None
    z: Interval | None = None
    center: Center | None = None
    radius: PositiveMeasure | None = None
    shape: ShapeTable | None = None

    def build(self) -> Patch | NDArray[np.float64]:
        """The patch that the table describes. Raises ModelError."""
        bounds = _intervals(self)
        if isinstance(self.concentration, list):
            placed = self.center, self.radius, self.shape
            if bounds or any(given is not None for given in placed):
                raise ModelError(
                    "concentration: nested lists cover all cells; leave out x, y, z, center, "
                    "radius, shape"
                )
            return numbers(self.concentration, "concentration")
        center = None if self.center is None else tuple(self.center)
        shape = None if self.shape is None else self.shape.build()
        return Patch(self.concentration, **bounds, center=center, radius=self.radius, shape=shape)


class CopiesTable(Table):
    """An exact number of particles placed uniformly in a box, ``{ copies = 50, x = [0, 1] }``."""

    copies: Annotated[int, Field(ge=0)]
    x: Interval | None = None
    y: Interval | None = None
    z: Interval | None = None
    shape: ShapeTable | None = None

    def build(self) -> Copies:
        """The copies that the table describes. Raises ModelError."""
        shape = None if self.shape is None else self.shape.build()
        return Copies(self.copies, **_intervals(self), shape=shape)


class PointsTable(Table):
    """Particles at exact positions, ``{ positions = [[0.1, 0.2], [0.3, 0.4]] }`` (length)."""

    positions: Nested

    def build(self) -> Points:
        """The points that the table describes. Raises ModelError."""
        return Points(numbers(self.positions, "positions"))


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, or None."""
    words = list(known)
    if _IN_PYTHON.get(word) in words:
        return _IN_PYTHON[word]
    found = get_close_matches(word, words, n=1, cutoff=0.6)
    return found[0] if found else None


def _kind_of_part(value: Any) -> str:
    """Form of an initial state, from its keys, misspelt or not."""
    if not isinstance(value, dict):
        return "<number>"
    for key in CONTENTS:
        if key in value:
            return f"<{key}>"
    guesses = [closest(str(key), CONTENTS) for key in value]
    return f"<{next((g for g in guesses if g), CONTENTS[0])}>"


Part = Annotated[
    Annotated[Measure, Tag("<number>")]
    | Annotated[PatchTable, Tag("<concentration>")]
    | Annotated[CopiesTable, Tag("<copies>")]
    | Annotated[PointsTable, Tag("<positions>")],
    Discriminator(_kind_of_part),
]
Initial = Annotated[
    Annotated[Part, Tag("<part>")] | Annotated[list[Part], Tag("<list>")],
    Discriminator(lambda v: "<list>" if isinstance(v, list) else "<part>"),
]


def build_part(part: float | PatchTable | CopiesTable | PointsTable) -> Any:
    """One part of an initial state."""
    return part if isinstance(part, float) else part.build()
