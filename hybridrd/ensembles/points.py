"""Points of a parameter study: a grid, or the rows of a table."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from hybridrd.arguments import items, shown
from hybridrd.errors import ModelError
from hybridrd.results.dataset import DESCRIPTIONS
from hybridrd.results.names import flaw
from hybridrd.results.study import ATTRIBUTES, ROW

Scalar = bool | int | float | str
# Names reserved for dimensions and variables of results.
_TAKEN = {
    *DESCRIPTIONS, "time", "species", "x", "y", "z", "r", "face", "reaction", "wall", "axis",
    "obs", "replica", "quantile", "species_2", "reaction_2", ROW, ATTRIBUTES,
}  # fmt: skip
MOST_POINTS = 100_000


@dataclass(frozen=True)
class Points:
    """Combinations of parameters, each once.

    Attributes
    ----------
    names
        Names of the parameters.
    axes
        Values by parameter for a grid; None for a table.
    rows
        Parameters of each point, in order; in a grid the last parameter changes fastest.
    """

    names: tuple[str, ...]
    axes: dict[str, list[Scalar]] | None
    rows: tuple[dict[str, Scalar], ...]

    @classmethod
    def of(cls, given: Any) -> Points:
        """The points of a dict of lists (all combinations), a list of dicts, or a data frame.

        Raises
        ------
        ModelError
            For anything else, reserved names, values other than finite numbers, text and booleans,
            and repeated points.
        """
        if hasattr(given, "to_dict") and hasattr(given, "columns"):
            given = given.to_dict("records")
        points = cls._grid(given) if isinstance(given, Mapping) else cls._table(given)
        for name in points.names:
            why = flaw(name) or ("results have it already" if name in _TAKEN else None)
            if why:
                raise ModelError(
                    f"parameters: the name {name!r} cannot be used: {why}; choose another"
                )
        for name in points.names:
            kinds = {_kind(row[name]) for row in points.rows}
            if len(kinds) > 1:
                raise ModelError(
                    f"parameters: {name} has {' and '.join(sorted(kinds))}; give one kind"
                )
        twice = [row for i, row in enumerate(points.rows) if key_of(row) in points.identities()[:i]]
        if twice:
            raise ModelError(f"parameters: {label(twice[0])} is given twice")
        return points

    @classmethod
    def _grid(cls, given: Mapping[Any, Any]) -> Points:
        axes = {}
        for name, values in given.items():
            listed = items(values)
            if not listed:
                raise ModelError(
                    f"parameters[{name!r}] = {shown(values)}: give a list of at least one value"
                )
            axes[name] = [_scalar(v, f"parameters[{name!r}]") for v in listed]
        if not axes:
            raise ModelError("parameters: none are given; give {name: [values]}")
        number = math.prod(len(values) for values in axes.values())
        if number > MOST_POINTS:
            raise ModelError(f"parameters: {number:,} points; at most {MOST_POINTS:,} are allowed")
        rows = tuple(dict(zip(axes, row, strict=True)) for row in product(*axes.values()))
        return cls(tuple(axes), axes, rows)

    @classmethod
    def _table(cls, given: Any) -> Points:
        listed = items(given)
        if not listed or not all(isinstance(row, Mapping) and row for row in listed):
            raise ModelError(
                f"parameters = {shown(given)}: give lists by name for a grid, "
                f"{{'k': [1.0, 2.0]}}, or a list of dicts or a data frame for a table"
            )
        names = tuple(listed[0])
        for i, row in enumerate(listed):
            if set(row) != set(names):
                raise ModelError(
                    f"parameters[{i}]: has {', '.join(map(str, row))}, the first row "
                    f"{', '.join(map(str, names))}; give each row the same"
                )
        rows = [
            {n: _scalar(row[n], f"parameters[{i}][{n!r}]") for n in names}
            for i, row in enumerate(listed)
        ]
        return cls(names, None, tuple(rows))

    @property
    def shape(self) -> dict[str, int]:
        """Dimensions with their sizes."""
        if self.axes is None:
            return {ROW: len(self.rows)}
        return {name: len(values) for name, values in self.axes.items()}

    def identities(self) -> list[str]:
        """Identity of each point, whatever its index and the type of its numbers."""
        return [key_of(row) for row in self.rows]

    def index(self, point: int) -> tuple[int, ...]:
        """The index of a point along each dimension."""
        found: list[int] = []
        for size in reversed(self.shape.values()):
            point, i = divmod(point, size)
            found.insert(0, i)
        return tuple(found)

    def coordinates(self) -> dict[str, tuple[str, list[Any]]]:
        """Coordinates of a Dataset, ``(dimension, values)`` by name."""
        if self.axes is not None:
            return {name: (name, _alike(values)) for name, values in self.axes.items()}
        columns = {n: (ROW, _alike([row[n] for row in self.rows])) for n in self.names}
        return {ROW: (ROW, list(range(len(self.rows)))), **columns}

    def joined(self, before: Points) -> Points:
        """These points and the earlier ones, which keep their order.

        Raises
        ------
        ModelError
            If one is a grid and the other a table, or their parameters differ.
        """
        if set(self.names) != set(before.names) or (self.axes is None) != (before.axes is None):
            raise ModelError(
                f"parameters: the study has {before.kind} of {', '.join(before.names)}, this is "
                f"{self.kind} of {', '.join(self.names)}"
            )
        if self.axes is None or before.axes is None:
            known = before.identities()
            more = [row for row in self.rows if key_of(row) not in known]
            return Points.of([*before.rows, *more])
        axes = {}
        for name, old in before.axes.items():
            new = self.axes[name]
            axes[name] = new if all(v in new for v in old) else _union(old, new)
        return Points.of(axes)

    @property
    def kind(self) -> str:
        """Grid or table, in two words."""
        return "a table" if self.axes is None else "a grid"

    def __iter__(self) -> Iterator[dict[str, Scalar]]:
        return iter(self.rows)


def label(row: Mapping[str, Any]) -> str:
    """A point in words, for messages and titles: ``k = 1, D = 0.1``."""
    return ", ".join(
        f"{n} = {v:g}" if _kind(v) == "numbers" else f"{n} = {v}" for n, v in row.items()
    )


def key_of(row: Mapping[str, Any]) -> str:
    """Identity of a point."""
    plain = {n: float(v) if _kind(v) == "numbers" else v for n, v in row.items()}
    return json.dumps(plain, sort_keys=True)


def _union(old: Sequence[Scalar], new: Sequence[Scalar]) -> list[Scalar]:
    return [*old, *(v for v in new if v not in old)]


def _alike(values: list[Any]) -> list[Any]:
    """Integers converted to floats if there are other numbers."""
    return [float(v) for v in values] if any(type(v) is float for v in values) else values


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "booleans"
    return "text" if isinstance(value, str) else "numbers"


def _scalar(value: Any, where: str) -> Scalar:
    plain = value.item() if getattr(value, "ndim", None) == 0 else value
    if isinstance(plain, (bool, str)) or (isinstance(plain, (int, float)) and math.isfinite(plain)):
        return plain
    raise ModelError(
        f"{where} = {shown(value)}: a parameter is a finite number, text or a boolean; for "
        f"anything else give names, and let the function choose"
    )
