"""Frozen mappings and arrays: the walls and initial states of a System."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from hybridrd.errors import UsageError


class Frozen(dict[str, Any]):
    """A dict that refuses to be changed, and has a hash where its values have one.

    Examples
    --------
    >>> walls = Frozen({"x-": 1})
    >>> walls | {"x-": 2}, hash(walls) == hash(Frozen({"x-": 1}))
    ({'x-': 2}, True)
    """

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise UsageError(
            "a System and its parts are frozen; make a changed one, "
            "system.replace(walls={**system.walls, 'x+': ...})"
        )

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return Frozen, (dict(self),)

    def __deepcopy__(self, _: Any) -> Frozen:
        return self


def frozen(value: Any) -> Any:
    """A value whose arrays, lists and dicts are copies that cannot be changed."""
    if isinstance(value, Mapping):
        return Frozen({name: frozen(part) for name, part in value.items()})
    if isinstance(value, (list, tuple)):
        return tuple(frozen(part) for part in value)
    if isinstance(value, np.ndarray):
        value = value.copy()
        value.flags.writeable = False
    return value
