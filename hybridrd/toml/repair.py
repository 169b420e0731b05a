"""Repair of tables with mistakes, so that one reading finds all of them.

A wrong value is reported and replaced by a valid one; a misspelt key gets the name that was
probably meant. The tables are then validated again, until no mistake is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from hybridrd.errors import ModelError
from hybridrd.model.equation import read_equation
from hybridrd.toml.messages import Mistake, Place, mistakes
from hybridrd.toml.schema import File, RunTable

_ROUNDS = 8  # rounds of validation (rename, replace, build): four suffice
_DOMAIN = {"x": [0.0, 1.0]}
_HARMLESS = {"D": 1.0, "k": 1.0, "lambda0": 1.0, "k_back": 1.0, "radius": 1e-100}
_NOTHING = {"concentration": 0.0, "copies": 0}
_VOID = {"reaction": "A -> 0", "k": 1.0}


class Repair:
    """Tables with the mistakes reported and replaced.

    Parameters
    ----------
    data
        The tables.

    Attributes
    ----------
    data
        The tables with valid values in place of the mistakes.
    file
        The tables as a `File`; None if too little is left.
    lines
        The mistakes, one line each.
    unclear
        Fields of the system that are unknown: ``domain``, ``cells``, or ``species`` if a name is
        missing.
    unclear_run
        The same for ``[run]``.
    void
        Indices of reactions whose equation is not known.
    places
        Keys of the mistakes.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data: Any = dict(data)
        self.file: File | None = None
        self.lines: list[str] = []
        self.unclear: set[str] = set()
        self.unclear_run: set[str] = set()
        self.void: set[int] = set()
        self.places: set[Place] = set()
        self._doubtful: set[Place] = set()  # tables from which wrong entries were removed
        for _ in range(_ROUNDS):
            try:
                self.file = File.model_validate(self.data)
                return
            except ValidationError as error:
                found = mistakes(error)
            # An entry missing because of an earlier mistake is not another mistake.
            self.lines += [m.text for m in found if m.path not in self._doubtful]
            for mistake in found:
                self._heal(mistake)

    def _heal(self, m: Mistake) -> None:
        """Replace a wrong value by a valid one."""
        self.places.add(m.path)
        match m.path:
            case ("system", "domain", *_):
                self.unclear |= {"domain", "cells"}
                self._put(m.path[:2], _DOMAIN)
            case ("system", "particles" | "obstacles" | "cells" as key, *_):
                self.unclear.add(key)
                self._drop(m.path[:2])
            case (*table, key) if m.kind == "extra_forbidden":
                self._rename(tuple(table), key, m.guess)
            case ("system", "walls", _, _, _):
                self._put(m.path, 0.0)
            case ("system", "walls", _, *_):
                self._drop(m.path[:3])
            case ("system", _, *_):
                self._drop(m.path[:2])
            case ("system",):
                self.unclear |= {"domain", "cells", "particles"}
                self._put(m.path, {"domain": _DOMAIN})
            case ("species", int(), *_):
                self._heal_species(m.path)
            case ("species",):
                self.unclear.add("species")
                self._put(m.path, [{"name": "A", "D": 1.0}])
            case ("reactions", int(), *_):
                self._heal_reaction(m.path)
            case ("reactions",):
                self._put(m.path, [])
            case ("run", str(key), *_):
                self.unclear_run.add(key)
                self._drop(m.path[:2])
            case ("run",):
                self.unclear_run |= set(RunTable.model_fields)
                self._put(m.path, {})

    def _heal_species(self, path: Place) -> None:
        match path:
            case (_, i, "D"):
                self._put(path, _HARMLESS["D"])
            case (_, i, "initial", int(), str(key)) | (_, i, "initial", str(key)) if (
                key in _NOTHING
            ):
                self._put(path, _NOTHING[key])
            case (_, i, "initial", int(), *_):
                self._put(path[:4], 0.0)
            case (_, i, "initial", *_):
                self._put(path[:3], 0.0)
            case (_, i, "name"):
                self.unclear.add("species")
                self._put(path, f"_{i}")
            case (_, i, *_):
                self.unclear.add("species")
                self._put(path[:2], {"name": f"_{i}", "D": 1.0})

    def _heal_reaction(self, path: Place) -> None:
        match path:
            case (_, i, str(key), *_) if key in _HARMLESS:
                self._put(path[:3], _HARMLESS[key])
            case (_, i, "name"):
                self._drop(path)
            case (_, int(i), *rest):
                table = self.data["reactions"][i]
                again = path[:2] in self._doubtful and not rest
                self._doubtful.add(path[:2])
                stand_in = None if again or rest else _only_equation(table)
                if stand_in is None:
                    self.void.add(i)
                self._put(path[:2], stand_in or _VOID)

    def _rename(self, table: Place, key: Any, guess: str | None) -> None:
        """Rename a misspelt key to the one that was meant, or drop it."""
        value = self._get((*table, key))
        self._drop((*table, key))
        inside = self._get(table)
        if guess is not None and isinstance(inside, dict) and guess not in inside:
            self._put((*table, guess), value)
            return
        self._doubtful.add(table)

    def _get(self, path: Place) -> Any:
        inside = self.data
        for key in path:
            if isinstance(inside, dict):
                inside = inside.get(key)
            elif isinstance(inside, list) and isinstance(key, int):
                inside = inside[key]
            else:
                return None
        return inside

    def _put(self, path: Place, value: Any) -> None:
        self.data = _changed(self.data, path, value)

    def _drop(self, path: Place) -> None:
        inside = self._get(path[:-1])
        if isinstance(inside, dict):
            rest = {key: v for key, v in inside.items() if key != path[-1]}
            self._put(path[:-1], rest)


def _changed(inside: Any, path: Place, value: Any) -> Any:
    """Copy with another value at a key."""
    if not path:
        return value
    key = path[0]
    if isinstance(inside, list) and isinstance(key, int):
        return [_changed(v, path[1:], value) if i == key else v for i, v in enumerate(inside)]
    if isinstance(inside, dict):
        return {**inside, key: _changed(inside.get(key), path[1:], value)}
    return inside


def _only_equation(table: Any) -> dict[str, Any] | None:
    """Reaction with valid rates, if its equation can be read."""
    try:
        read = read_equation(table.get("reaction") if isinstance(table, dict) else None)
    except ModelError:
        return None  # reported as a mistake in the equation
    result = {"reaction": table["reaction"], "k": _HARMLESS["k"]}
    if len(read.reactants) == 2 and read.radius is None:
        result["radius"] = _HARMLESS["radius"]
    if read.reversible:
        result["k_back"] = _HARMLESS["k_back"]
    if isinstance(table.get("name"), str):
        result["name"] = table["name"]
    return result
