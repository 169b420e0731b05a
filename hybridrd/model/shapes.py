"""Balls, functions of position, arrays and images as shapes; `hybridrd.shapes`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrd.arguments import items, named_arguments, number, path_of, shown
from hybridrd.errors import ModelError
from hybridrd.model.expression import Comparison
from hybridrd.model.functions import ARGUMENTS, arguments
from hybridrd.model.geometry import Box as Box
from hybridrd.model.geometry import Interval, interval
from hybridrd.model.grid import Grid
from hybridrd.model.quantity import measure
from hybridrd.model.shape import Difference as Difference
from hybridrd.model.shape import Intersection as Intersection
from hybridrd.model.shape import Mask, Shape, centers, check_axes
from hybridrd.model.shape import Outside as Outside
from hybridrd.model.shape import Union as Union
from hybridrd.model.shell import Shell as Shell

# A centre on the rim, to round-off, belongs to a ball.
_ROUND_OFF = 1e-12


@named_arguments
@dataclass(frozen=True)
class Ball(Shape):
    """All points within a distance of a centre: an interval, a disc or a ball.

    Parameters
    ----------
    center
        One number for each axis (length).
    radius
        Radius (length).

    Raises
    ------
    ModelError
        If the centre is not one to three numbers, or the radius not above 0.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> hrd.Ball(center=(0.5, 0.5), radius=0.4).mask(hrd.Box(x=(0, 1), y=(0, 1)).grid((4, 4))).sum()
    np.int64(12)
    """

    center: tuple[float, ...]
    radius: float

    def __post_init__(self) -> None:
        given = items(self.center)
        if given is None or not 1 <= len(given) <= 3:
            raise ModelError(f"Ball: center = {shown(self.center)}: give one number for each axis")
        point = tuple(measure(v, "Ball: center", minimum=-np.inf) for v in given)
        object.__setattr__(self, "center", point)
        object.__setattr__(self, "radius", measure(self.radius, "Ball: radius", strict=True))

    def mask(self, grid: Grid) -> Mask:
        """Which cells have their centre in the ball."""
        check_axes(self, len(self.center), grid)
        x = centers(grid)
        square = np.add.reduce([(a - c) ** 2 for a, c in zip(x, self.center, strict=True)])
        return np.asarray(square <= self.radius**2 * (1.0 + _ROUND_OFF))

    def to_dict(self) -> dict[str, Any]:
        """The shape as plain data, a table with ``center``."""
        return {"center": list(self.center), "radius": self.radius}

    def __repr__(self) -> str:
        center = ", ".join(f"{c:g}" for c in self.center)
        center += "," if len(self.center) == 1 else ""
        return f"Ball(center=({center}), radius={self.radius:g})"


@dataclass(frozen=True)
class Where(Shape):
    """All points where a function or comparison, ``"x**2 + y**2 < 1"``, is true.

    Parameters
    ----------
    function
        A function of any of x, y, z, by name, that takes arrays and returns booleans; or text
        with ``<``, ``<=``, ``>`` or ``>=`` between two formulas, which can be written to files.

    Raises
    ------
    ModelError
        If it is not a function of coordinates, or the text not a comparison of formulas.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> wedge, grid = hrd.Where(lambda x, y: y < x), hrd.Box(x=(0, 1), y=(0, 1)).grid((10, 10))
    >>> wedge.mask(grid).sum(), hrd.Where("y < x").mask(grid).sum()
    (np.int64(45), np.int64(45))
    """

    function: Any

    def __post_init__(self) -> None:
        if isinstance(self.function, str):
            object.__setattr__(self, "function", Comparison(self.function))
        if not callable(self.function):
            raise ModelError(
                f"Where({shown(self.function)}): give a function, as in Where(lambda x, y: y < x)"
            )
        if "t" in arguments(self.function, "Where"):
            raise ModelError("Where: a shape does not depend on time; leave out the argument t")

    def mask(self, grid: Grid) -> Mask:
        """Which cells have their centre where the function is true."""
        x = grid.coordinates()
        names = arguments(self.function, "Where")
        absent = [name for name in names if name not in x]
        if absent:
            raise ModelError(
                f"Where: the function takes {', '.join(absent)}, but the coordinates here are "
                f"{', '.join(x)}"
            )
        try:
            given = np.asarray(self.function(**{name: x[name] for name in names}))
        except Exception as error:
            raise ModelError(
                f"Where: the function failed on arrays ({type(error).__name__}: {error}); it is "
                f"called with arrays, use numpy functions, & and |"
            ) from error
        if given.dtype != np.bool_:
            raise ModelError(
                f"Where: the function returned values of the type {given.dtype}; let it return "
                f"booleans, as in lambda x, y: y < x"
            )
        try:
            return np.broadcast_to(given, (grid.cells,)).copy()
        except ValueError as error:
            raise ModelError(
                f"Where: the function returned shape {given.shape} for {grid.cells} points"
            ) from error

    def to_dict(self) -> dict[str, Any]:
        """A comparison as a table with ``where``. Raises ModelError for a Python function."""
        if isinstance(self.function, Comparison):
            return {"where": self.function.text}
        raise ModelError(
            f"{self!r}: a Python function cannot be written as plain data; give a comparison "
            f"as text, Where('y < x'), or Cells(shape.mask(grid)), or keep the system in Python"
        )

    def __repr__(self) -> str:
        if isinstance(self.function, Comparison):
            return f"Where({self.function.text!r})"
        names = ", ".join(p for p in arguments(self.function, "Where") if p in ARGUMENTS)
        name = getattr(self.function, "__name__", "function")
        return f"Where({'function' if name == '<lambda>' else name}({names}))"


@dataclass(frozen=True, eq=False)
class Cells(Shape):
    """The cells where a boolean array is true.

    Parameters
    ----------
    array
        Shape ``(nx, ny, nz)``, that of the system's cells.

    Raises
    ------
    ModelError
        If it is not a boolean array in one to three dimensions.

    Examples
    --------
    >>> import hybridrd as hrd, numpy as np
    >>> hrd.Cells(np.eye(4, dtype=bool)).mask(hrd.Box(x=(0, 1), y=(0, 1)).grid((4, 4))).sum()
    np.int64(4)
    """

    array: NDArray[np.bool_]

    def __init__(self, array: ArrayLike) -> None:
        object.__setattr__(self, "array", truth_values(array, "Cells"))

    def mask(self, grid: Grid) -> Mask:
        """Which cells are true, flat."""
        if self.array.shape != grid.shape:
            raise ModelError(
                f"Cells: an array of shape {self.array.shape}, but the cells are {grid.shape}"
            )
        return np.asarray(grid.flatten(self.array))

    def to_dict(self) -> dict[str, Any]:
        """The shape as plain data, a table with ``cells``."""
        return {"cells": self.array.tolist()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cells) and np.array_equal(self.array, other.array)

    def __hash__(self) -> int:
        return hash(self.array.tobytes())

    def __reduce__(self) -> tuple[Any, ...]:  # rebuilt, because unpickled arrays are writable
        return Cells, (self.array,)

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.array.shape))
        return f"Cells({int(self.array.sum())} of {shape})"


@dataclass(frozen=True, eq=False)
class Pixels(Shape):
    """The dark or bright pixels of an image, in two dimensions.

    A cell belongs to it if such pixels cover at least half of the cell; pixels
    may be finer or coarser than cells.

    Parameters
    ----------
    array
        Booleans, ``(pixels along x, pixels along y)``.
    x, y
        Intervals that the image covers (length); by default those of the domain.

    Raises
    ------
    ModelError
        If it is not a boolean array in two dimensions, or an interval is not increasing.
    """

    array: NDArray[np.bool_]
    x: Interval | None
    y: Interval | None

    def __init__(
        self, array: ArrayLike, x: Interval | None = None, y: Interval | None = None
    ) -> None:
        values = truth_values(array, "Pixels")
        if values.ndim != 2:
            raise ModelError(f"Pixels: an array of shape {values.shape}; two dimensions are needed")
        object.__setattr__(self, "array", values)
        for axis, bounds in (("x", x), ("y", y)):
            given = None if bounds is None else interval(bounds, f"Pixels({axis}=...)")
            object.__setattr__(self, axis, given)

    def mask(self, grid: Grid) -> Mask:
        """Which cells are covered by at least half."""
        check_axes(self, 2, grid)
        covered = self.array.astype(float)
        for axis, bounds in enumerate((self.x, self.y)):
            low, high = bounds or (grid.lower[axis], grid.upper[axis])
            n = covered.shape[axis]
            # Areas up to each edge; their differences are the areas between edges.
            area = np.concatenate([np.zeros_like(covered.take([0], axis)), covered], axis)
            area = np.cumsum(area, axis)
            at = np.clip((grid.edges(axis) - low) / (high - low) * n, 0.0, n)
            below = np.minimum(at.astype(int), n - 1)
            rest = np.expand_dims(at - below, 1 - axis)
            upper, lower = area.take(below + 1, axis), area.take(below, axis)
            pixel = (high - low) / n / grid.spacing[axis]
            covered = np.diff(lower + rest * (upper - lower), axis=axis) * pixel
        return np.asarray(grid.flatten(covered >= 0.5 - 1e-9))

    def to_dict(self) -> dict[str, Any]:
        """The shape as plain data, a table with ``pixels``."""
        bounds = {"x": self.x, "y": self.y}
        given = {axis: list(b) for axis, b in bounds.items() if b is not None}
        return {"pixels": self.array.tolist(), **given}

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, Pixels) and np.array_equal(self.array, other.array)
        return same and (self.x, self.y) == (other.x, other.y)  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((self.array.tobytes(), self.x, self.y))

    def __reduce__(self) -> tuple[Any, ...]:
        return Pixels, (self.array, self.x, self.y)

    def __repr__(self) -> str:
        return f"Pixels({' x '.join(map(str, self.array.shape))})"


def from_image(
    path: str | Path,
    threshold: float = 0.5,
    dark: bool = False,
    x: Interval | None = None,
    y: Interval | None = None,
) -> Pixels:
    """The bright (or dark) pixels of an image file as a shape.

    Parameters
    ----------
    path
        A file that Pillow reads: PNG, TIFF, JPEG, ...; its lowest row is at the least y.
    threshold
        Least brightness of a bright pixel, between 0 (black) and 1 (white).
    dark
        Whether the shape is the dark pixels.
    x, y
        Intervals that the image covers (length); by default those of the domain.

    Returns
    -------
    Pixels
        A shape for any number of cells.

    Raises
    ------
    ModelError
        If the file cannot be read, or no pixel belongs to the shape.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> tissue = hrd.shapes.from_image("tissue.png", dark=True)  # doctest: +SKIP
    """
    path = path_of(path, "path")
    level = number(threshold, "threshold")
    if not 0.0 <= level <= 1.0:
        raise ModelError(f"threshold = {level:g}: brightness is between 0 and 1")
    from PIL import Image, UnidentifiedImageError  # comes with matplotlib

    try:
        with Image.open(path) as image:
            brightness = _brightness(image)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ModelError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    bright = brightness >= level
    array = (~bright if dark else bright)[::-1].T  # rows run from the top
    if not array.any():
        raise ModelError(
            f"{path}: no pixel is {'dark' if dark else 'bright'} (brightness "
            f"{brightness.min():.3g} to {brightness.max():.3g}, threshold {level:g}); use another "
            f"threshold"
        )
    return Pixels(array, x, y)


def _brightness(image: Any) -> NDArray[np.float64]:
    """Brightness between 0 and 1, ``(rows, columns)``; 16-bit images keep their depth."""
    if image.mode.startswith("I"):
        values = np.asarray(image, np.float64)
        return values / 65535.0
    return np.asarray(image.convert("L"), np.float64) / 255.0


def truth_values(array: ArrayLike, where: str) -> NDArray[np.bool_]:
    """A frozen boolean array in one to three dimensions. Raises ModelError."""
    try:
        given = np.asarray(array)
    except ValueError as error:
        raise ModelError(f"{where}: the nested lists differ in length") from error
    if given.dtype != np.bool_ or not 1 <= given.ndim <= 3:
        raise ModelError(
            f"{where}: an array of shape {given.shape} and type {given.dtype}; give booleans "
            f"in one to three dimensions, as in array > 0"
        )
    values = given.copy()
    values.flags.writeable = False
    return values
