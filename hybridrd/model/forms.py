"""The normal form of a System's fields: tuples, names, one entry a wall."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.errors import ModelError
from hybridrd.model.reaction import Reaction
from hybridrd.model.shell import Domain
from hybridrd.model.species import Species, number, species_name
from hybridrd.model.walls import WALLS, Wall

if TYPE_CHECKING:
    from hybridrd.model.system import System

MAX_CELLS = 2**31 - 1


def normalise(system: System) -> dict[str, Any]:
    """Tuples for sequences, names for species, both sides for an axis, a tuple for cells.

    Raises
    ------
    ModelError
        With everything that has the wrong form, one line each.
    """
    if not isinstance(system.domain, Domain):
        raise ModelError(f"domain = {system.domain!r}: give a Box or a Shell")
    makers: dict[str, Callable[[], Any]] = {
        "species": lambda: _tuple(system.species, Species, "species"),
        "reactions": lambda: _tuple(system.reactions, Reaction, "reactions"),
        "cells": lambda: _cells(system.cells, len(system.domain.axes)),
        "walls": lambda: _walls(system.walls, system.domain),
        "initial": lambda: _initial(system.initial),
        "units": lambda: dict(_mapping(system.units, "units")),
    }
    found: dict[str, Any] = {}
    wrong: list[str] = []
    for name, make in makers.items():
        try:
            found[name] = make()
        except ModelError as error:
            wrong.append(str(error))
    if not found.get("species", True):
        wrong.append("species: give at least one Species")
    if wrong:
        raise ModelError("\n".join(wrong))
    return found


def _tuple(value: Any, kind: type, where: str) -> tuple[Any, ...]:
    items = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    for item in items:
        if not isinstance(item, kind):
            raise ModelError(f"{where}: {item!r} is not a {kind.__name__}")
    return items


def _mapping(value: Any, where: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise ModelError(f"{where} = {value!r}: give a dict")
    return value


def _cells(cells: Any, dimension: int) -> tuple[int, ...]:
    from hybridrd.model.system import DEFAULT_CELLS

    if cells is None:
        return DEFAULT_CELLS[dimension]
    values = tuple(cells) if isinstance(cells, (list, tuple)) else (cells,) * dimension
    if len(values) != dimension:
        raise ModelError(f"cells = {cells}: give one number, or {dimension}, one an axis")
    numbers = [number(v, "cells", minimum=1) for v in values]
    if any(v != int(v) for v in numbers):
        raise ModelError(f"cells = {cells}: whole numbers are needed")
    if np.prod(numbers) > MAX_CELLS:
        raise ModelError(f"cells = {cells}: {np.prod(numbers):.3g} cells in all; at most 2^31 - 1")
    return tuple(int(v) for v in numbers)


def _walls(walls: Any, domain: Domain) -> dict[str, Wall]:
    names = domain.sides
    # Both sides of an axis by its name.
    pairs = {a: [a + "-", a + "+"] for a in domain.axes if a + "-" in names}
    result: dict[str, Wall] = {}
    for name, wall in _mapping(walls, "walls").items():
        if not isinstance(wall, Wall):
            raise ModelError(f"walls[{name!r}] = {wall!r}: give a wall such as Reflecting()")
        if type(wall) not in WALLS:
            raise ModelError(
                f"walls[{name!r}] = {wall!r}: {type(wall).__name__} is not a kind of wall that "
                f"particles and FiPy know; write a function that returns one of "
                f"{', '.join(kind.__name__ for kind in WALLS)}"
            )
        if name not in names and name not in pairs:
            allowed = ", ".join([*pairs, *names])
            raise ModelError(f"walls[{name!r}]: there is no such wall; the names are {allowed}")
        for side in pairs.get(name, [name]):
            if side in result:
                raise ModelError(f"walls: {side} is given twice")
            result[side] = wall
    return {name: result[name] for name in names if name in result}


def _initial(initial: Any) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for species, value in _mapping(initial, "initial").items():
        name = species_name(species)
        if name in result:
            raise ModelError(f"initial: {name} is given twice")
        parts = value if isinstance(value, (list, tuple)) else [value]
        kept = [_own(part) for part in parts]
        result[name] = type(value)(kept) if isinstance(value, (list, tuple)) else kept[0]
    return result


def _own(part: Any) -> Any:
    """A copy of an array that cannot be changed; anything else as it is."""
    if isinstance(part, np.ndarray):
        part = part.copy()
        part.flags.writeable = False
    return part
