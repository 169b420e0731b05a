"""Valid variable names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hybridrd.errors import ModelError

_LONGEST = 240  # bytes; the limit of file systems is 255


def chosen(given: Any, what: str, done: str, offered: Sequence[str]) -> tuple[str, ...]:
    """The names in an argument, each once.

    Parameters
    ----------
    given
        The argument.
    what, done
        Its name and the action on the names, for messages.
    offered
        The names to choose from.

    Raises
    ------
    ModelError
        If it is not a list of these names.

    Examples
    --------
    >>> chosen(["flux", "total", "flux"], "record", "recorded", ["total", "flux"])
    ('flux', 'total')
    """
    if isinstance(given, str):
        raise ModelError(f"{what} = {given!r}: give a list of names, [{given!r}]")
    if not isinstance(given, Iterable):
        raise ModelError(f"{what} = {given!r}: give a list of names from {', '.join(offered)}")
    names = list(given)
    unknown = sorted({str(name) for name in names if name not in offered})
    if unknown:
        raise ModelError(
            f"{what}: {', '.join(unknown)} cannot be {done}; choose from {', '.join(offered)}"
        )
    return tuple(dict.fromkeys(names))


def flaw(name: object) -> str | None:
    """The reason why no store can hold a variable of this name, or None.

    In a zarr directory a name is that of a folder, in netCDF a part of a path.

    Examples
    --------
    >>> flaw("mean radius"), flaw("a/b")
    (None, "'/' would divide it into folders")
    """
    if not isinstance(name, str):
        return "a name is text"
    if name in ("", ".", "..", "zarr.json"):
        return "it is reserved by the stores" if name else "it is empty"
    for letter in "/\\":
        if letter in name:
            return f"{letter!r} would divide it into folders"
    if "\0" in name or len(name.encode(errors="replace")) > _LONGEST:
        return f"it is not a valid file name: at most {_LONGEST} bytes, without NUL"
    if name.encode(errors="ignore").decode() != name:
        return "it has characters that are not Unicode"
    return None
