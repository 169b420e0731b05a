"""A system read from plain tables, or everything that is wrong with them, each at its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hybridrd.model import checks, forms
from hybridrd.model.config import Run
from hybridrd.model.places import FilePlaces
from hybridrd.model.salvage import Salvage
from hybridrd.model.system import System

_TABLES = ("system", "species", "reactions", "run")
_PLACE = re.compile(rf"({'|'.join(_TABLES)})(?:\[(\d+)\])?(?!\w)")


@dataclass(frozen=True)
class Examined:
    """What stands in tables, and all that is wrong with them.

    Parameters
    ----------
    system
        The system; None where there are mistakes.
    run
        The table ``[run]``, without what is wrong in it.
    mistakes
        One line each, its place in front.
    unclear
        Keys of ``[run]`` that are there, but wrong.
    """

    system: System | None
    run: Run
    mistakes: tuple[str, ...]
    unclear: frozenset[str]


def examine(data: Mapping[str, Any]) -> Examined:
    """Read a system from tables, or find everything that is wrong with them.

    Examples
    --------
    >>> table = {"domain": {"x": [0, 1]}, "cells": 0}
    >>> for line in examine({"system": table, "species": [{"name": "A"}]}).mistakes:
    ...     print(line)
    system.cells = 0: it must be at least 1
    species[0].D: missing
    """
    found = Salvage(data)
    lines = list(found.lines)
    system = None
    run = Run()
    if found.file is not None:
        run = Run(**found.file.run.model_dump())
        fields, problems = _fields(found)
        lines += problems
        if not lines:
            system = System(**fields)
    mistakes = tuple(sorted(dict.fromkeys(lines), key=_order))
    return Examined(system, run, mistakes, frozenset(found.unclear_run))


def _fields(found: Salvage) -> tuple[dict[str, Any], list[str]]:
    """The fields of the System, and what is wrong with them."""
    file = found.file
    assert file is not None
    contents = [(i, s.name, s.content()) for i, s in enumerate(file.species)]
    contents = [(i, name, content) for i, name, content in contents if content is not None]
    known = [i for i in range(len(file.reactions)) if i not in found.void]
    at = FilePlaces(found.data, known, [i for i, _, _ in contents])
    fields = {
        **file.system.fields(),
        "species": tuple(s.build() for s in file.species),
        "reactions": tuple(file.reactions[i].build() for i in known),
        "initial": {name: content for _, name, content in contents},
    }
    draft, problems = forms.normalise(fields, at, frozenset(found.unclear))
    # A name that stands twice has two initial states, and both are looked at.
    draft = replace(draft, contents=tuple((n, forms.own(c)) for _, n, c in contents))
    return fields, problems + checks.problems(draft, at)


def _order(line: str) -> tuple[int, int]:
    """Mistakes in the order of the file."""
    match = _PLACE.match(line)
    if match is None:
        return (-1, 0)
    return (_TABLES.index(match[1]), int(match[2] or -1))
