"""Variation of a system: some of its numbers replaced, by their keys in its TOML file."""

from __future__ import annotations

import copy
import re
from typing import Any

from hybridrd.errors import ModelError
from hybridrd.model.system import System

_STEP = re.compile(r"([^.\[\]]+)|\[([^\[\]]+)\]")


class Variation:
    """A function of parameters that returns a system; each parameter is a key.

    Parameters
    ----------
    system
        The system to vary, without Python functions.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=0.5)
    >>> system = hrd.System(species=[A], domain=hrd.Box(x=(0, 1)), initial={A: 3.0})
    >>> Variation(system)(**{"species[A].D": 2.0, "system.cells": 50}).species[0].D
    2.0
    """

    def __init__(self, system: System) -> None:
        self._tables = system.to_dict()

    def __call__(self, **values: Any) -> System:
        """The system with some numbers replaced.

        Raises
        ------
        ModelError
            If there is no such key, or the system is invalid.
        """
        tables = copy.deepcopy(self._tables)
        for place, value in values.items():
            _put(tables, place, value)
        return System.from_dict(tables)


def _put(tables: dict[str, Any], place: str, value: Any) -> None:
    steps = [name or f"[{index}]" for name, index in _STEP.findall(place)]
    rebuilt = "".join(s if s.startswith("[") else f".{s}" for s in steps).removeprefix(".")
    if not steps or rebuilt != place:
        raise ModelError(f"{place}: not a key of a system; write it as reactions[0].k")
    here: Any = tables
    for i, step in enumerate(steps):
        key = _key(here, step, "".join(steps[:i]), place)
        if i == len(steps) - 1:
            here[key] = value
        elif isinstance(here, dict) and key not in here:
            there = "".join(steps[:i]) or "the file"
            raise ModelError(f"{place}: {there} has no {key}; it has {', '.join(here)}")
        else:
            here = here[key]


def _key(here: Any, step: str, before: str, place: str) -> Any:
    """The key or index that one part of a dotted key means. Raises ModelError."""
    if isinstance(here, list):
        name = step[1:-1] if step.startswith("[") else ""
        if name.lstrip("-").isdigit() and -len(here) <= int(name) < len(here):
            return int(name)
        names = [
            part.get("name", part.get("reaction")) if isinstance(part, dict) else None
            for part in here
        ]
        if name in names:
            return names.index(name)
        known = ", ".join(str(n) for n in names if n is not None)
        raise ModelError(
            f"{place}: {before} has {len(here)} entries, [0] to [{len(here) - 1}]"
            f"{f', or by name: {known}' if known else ''}"
        )
    if not isinstance(here, dict) or step.startswith("["):
        what = "a table" if isinstance(here, dict) else f"{here!r}"
        raise ModelError(f"{place}: {before or 'the file'} is {what}, without {step}")
    return step
