"""Reader of a system from plain tables, which reports all mistakes with their keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from typing import Any, Generic, TypeVar

from hybridrd.model import checks, forms
from hybridrd.model.draft import Draft
from hybridrd.model.frozen import frozen
from hybridrd.model.places import FilePlaces, Places
from hybridrd.model.plane import Plane
from hybridrd.toml.messages import Place
from hybridrd.toml.repair import Repair
from hybridrd.toml.schema import File

S = TypeVar("S")
_TABLES = ("system", "species", "reactions", "run")
_PLACE = re.compile(rf"({'|'.join(_TABLES)})(?:\[(\d+)\])?(?!\w)")


@dataclass(frozen=True)
class Run:
    """The ``[run]`` table: defaults of the command line for a system. All are optional."""

    dt: float | None = None
    until: float | None = None
    every: float | None = None
    seed: int | None = None
    replicas: int | None = None
    workers: int | None = None
    positions: bool | None = None
    events: str | None = None
    planes: Mapping[str, Plane] | None = None
    method: str | None = None


@dataclass(frozen=True)
class Examined(Generic[S]):
    """The contents of tables, and all of their mistakes.

    Parameters
    ----------
    system
        The system; None if there are mistakes.
    sound
        The system, or its part without mistakes, for checks of a time step; None if too
        little is left.
    run
        The table ``[run]`` without its mistakes.
    mistakes
        One line each, starting with the key.
    unclear
        Keys of ``[run]`` with wrong values.
    """

    system: S | None
    sound: S | None
    run: Run
    mistakes: tuple[str, ...]
    unclear: frozenset[str]


def examine(data: Mapping[str, Any], build: Callable[..., S]) -> Examined[S]:
    """Read a system from tables, or find all their mistakes.

    Examples
    --------
    >>> table = {"domain": {"x": [0, 1]}, "cells": 0}
    >>> from hybridrd import System
    >>> for line in examine({"system": table, "species": [{"name": "A"}]}, System).mistakes:
    ...     print(line)
    system.cells = 0: it must be at least 1
    species[0].D: missing
    """
    found = Repair(data)
    lines = list(found.lines)
    system = sound = None
    run = Run()
    if found.file is not None:
        table = found.file.run
        planes: dict[str, Plane] | None = None
        if table.planes is not None:
            planes = {name: plane.build() for name, plane in table.planes.items()}
        run = Run(**{**table.model_dump(), "planes": planes})
        known = [i for i in range(len(found.file.reactions)) if i not in found.void]
        fields, draft, problems = _fields(found, found.file, known)
        lines += problems
        if not lines:
            system = sound = build(**fields)
        else:
            sound = _sound_part(draft, found.places, known, build)
    mistakes = tuple(sorted(dict.fromkeys(lines), key=_order))
    return Examined(system, sound, run, mistakes, frozenset(found.unclear_run))


def _fields(found: Repair, file: File, known: list[int]) -> tuple[dict[str, Any], Draft, list[str]]:
    """Fields of the System, their normal form, and their problems."""
    contents = [(i, s.name, s.content()) for i, s in enumerate(file.species)]
    contents = [(i, name, content) for i, name, content in contents if content is not None]
    at = FilePlaces(found.data, known, [i for i, _, _ in contents])
    fields = {
        **file.system.fields(),
        "species": tuple(s.build() for s in file.species),
        "reactions": tuple(file.reactions[i].build() for i in known),
        "initial": {name: content for _, name, content in contents},
    }
    draft, problems = forms.normalise(fields, at, frozenset(found.unclear))
    # A name given twice has two initial states; check both.
    draft = replace(draft, contents=tuple((n, frozen(c)) for _, n, c in contents))
    return fields, draft, problems + checks.problems(draft, at)


def _sound_part(
    draft: Draft, places: set[Place], known: list[int], build: Callable[..., S]
) -> S | None:
    """System of the species, reactions and walls without mistakes, and no initial states."""
    tables = {path[:2] for path in places}
    if tables & {("system",), ("species",)} or any(
        table[0] == "system" and table[1] not in ("walls", "units") for table in tables
    ):
        return None
    wrong = {path[1] for path in places if path[0] == "species" and path[2:3] != ("initial",)}
    species = tuple(
        s for i, s in enumerate(draft.species) if i not in wrong and draft.names.count(s.name) == 1
    )
    names = {s.name for s in species}
    reactions = {
        r.label: r
        for i, r in zip(known, draft.reactions, strict=True)
        if ("reactions", i) not in tables and names.issuperset(r.reactants + r.products)
    }
    walls = {n: w for n, w in draft.walls.items() if names.issuperset(w.values)}
    part = replace(
        draft, species=species, reactions=tuple(reactions.values()), walls=walls, contents=()
    )
    if not species or draft.cells is None or checks.problems(part, Places()):
        return None
    fields = {f.name: getattr(part, f.name) for f in dataclass_fields(part)}
    del fields["contents"], fields["all_species"]
    return build(**fields)


def _order(line: str) -> tuple[int, int]:
    """Mistakes in the order of the file."""
    match = _PLACE.match(line)
    if match is None:
        return (-1, 0)
    return (_TABLES.index(match[1]), int(match[2] or -1))
