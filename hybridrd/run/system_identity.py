"""Identity of a System in a checkpoint, and its differences from another System."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from hybridrd.continuum.user import Continuum
from hybridrd.errors import ModelError, ResultError
from hybridrd.model.initial import as_sequence
from hybridrd.model.system import System

_KIND = "type"
# Fields that fix the arrays of a state; all others may change on request.
SHAPING = ("domain", "particles", "obstacles", "cells", "coupling")


def portrait(system: System) -> dict[str, Any]:
    """Every field of a system as JSON values; a Python function by its name only."""
    result: dict[str, Any] = _plain(system)
    result["initial"] = {n: _plain(as_sequence(part)) for n, part in system.initial.items()}
    return result


def fingerprint(drawn: Mapping[str, Any]) -> str:
    """A hash of a portrait."""
    return hashlib.sha256(json.dumps(drawn, sort_keys=True).encode()).hexdigest()


def check_same(
    before: Mapping[str, Any], now: System, allow_change: bool, where: str
) -> str | None:
    """Compare a system with the portrait in a checkpoint; returns the first difference, if any.

    Raises
    ------
    ModelError
        If it is not a system.
    ResultError
        If they differ, with the first difference; with ``allow_change`` only if species,
        geometry or cells differ, because the state would not fit.
    """
    if not isinstance(now, System):
        raise ModelError(f"system = {now!r}: give a System")
    drawn = portrait(now)
    fixed = _difference(_shape(before), _shape(drawn), "")
    if fixed is not None:
        raise ResultError(
            f"{where}: the system has changed in {fixed}; its state fits no other species, "
            f"geometry and cells"
        )
    changed = _difference(before, drawn, "")
    if changed is not None and not allow_change:
        raise ResultError(
            f"{where}: the system has changed in {changed}; restore it without system=, or keep "
            f"the state and use the new system with allow_change=True"
        )
    return changed


def given_continuum(kind: str | None, continuum: Continuum | None, where: str) -> dict[str, Any]:
    """Arguments of a simulation for a user's continuum, if its checkpoint had one.

    Raises
    ------
    ResultError
        If there was one (of the class ``kind``) and none is given, or vice versa.
    """
    if kind is not None and continuum is None:
        raise ResultError(
            f"{where}: a checkpoint can't hold a user's continuum ({kind}); "
            f"give it again, restore(path, continuum=...)"
        )
    if kind is None and continuum is not None:
        raise ResultError(f"{where}: the checkpoint has no user's continuum; leave continuum= out")
    return {} if continuum is None else {"continuum": continuum}


def first_difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """The first difference of two portraits, with both values; None if they are equal."""
    return _difference(before, now, "")


def _shape(drawn: Mapping[str, Any]) -> dict[str, Any]:
    names = [s["name"] for s in drawn["species"]]
    hybrid = drawn["particles"] is not None and drawn["particles"] != drawn["domain"]
    kept = {name: drawn.get(name) for name in SHAPING if hybrid or name != "coupling"}
    return {"names": names, **kept}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        own = {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
        return {_KIND: type(value).__name__, **own}
    if callable(value):
        return f"function {getattr(value, '__qualname__', type(value).__name__)}"
    if isinstance(value, Mapping):
        return {str(key): _plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return value


def _difference(before: Any, now: Any, where: str) -> str | None:
    """The first difference of two portraits, with both values."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        if before.get(_KIND) == now.get(_KIND):
            return _of_tables(before, now, where)
    elif isinstance(before, list) and isinstance(now, list):
        if len(before) != len(now):
            return f"{where}: {len(before)} entries in the checkpoint, now {len(now)}"
        for i, (a, b) in enumerate(zip(before, now, strict=True)):
            found = _difference(a, b, f"{where}[{i}]")
            if found is not None:
                return found
        return None
    elif before == now:
        return None
    return f"{where or 'system'}: {_short(before)} in the checkpoint, now {_short(now)}"


def _of_tables(before: Mapping[str, Any], now: Mapping[str, Any], where: str) -> str | None:
    a_thing = _KIND in before  # with fields, else a mapping with keys
    for key in [*before, *(k for k in now if k not in before)]:
        place = (f"{where}.{key}" if where else key) if a_thing or not where else f"{where}[{key}]"
        if a_thing and key not in before:
            continue  # a field that a later version added
        missing = "nothing"
        found = _difference(before.get(key, missing), now.get(key, missing), place)
        if found is not None:
            return found
    return None


def _short(value: Any) -> str:
    if isinstance(value, Mapping) and _KIND in value:
        inside = ", ".join(f"{k}={_short(v)}" for k, v in value.items() if k != _KIND)
        text = f"{value[_KIND]}({inside})"
    elif isinstance(value, list):
        text = f"[{', '.join(map(_short, value[:5]))}{', ...' if len(value) > 5 else ''}]"
    else:
        text = str(value)
    return text if len(text) <= 100 else text[:97] + "..."
