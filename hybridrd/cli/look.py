"""Picture options of the command line: colours, limits, slices and units, from text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hybridrd.arguments import shown
from hybridrd.errors import ResultError


def look_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The given picture options, as arguments of the functions of `hybridrd.plot`.

    Parameters
    ----------
    given
        Options by name, None if not given. Limits and levels are numbers separated by commas, units
        the name of one, or several, ``length=nm,time=min``.

    Raises
    ------
    ResultError
        If something other than numbers is given where numbers are needed.

    Examples
    --------
    >>> look_of({"xlim": "0,2.5", "levels": "3", "units": "length=nm", "cmap": None})
    {'xlim': (0.0, 2.5), 'levels': 3, 'units': {'length': 'nm'}}
    """
    read = {"xlim": _pair, "ylim": _pair, "levels": _levels, "units": _units}
    there = {name: value for name, value in given.items() if value is not None}
    return {n: read[n](n, v) if n in read else v for n, v in there.items()}


def _numbers(name: str, text: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise ResultError(f"--{name} {shown(text)}: give numbers separated by commas") from None


def _pair(name: str, text: str) -> tuple[float, float]:
    found = _numbers(name, text)
    if len(found) != 2:
        raise ResultError(f"--{name} {shown(text)}: give two numbers, LOWER,UPPER")
    return found[0], found[1]


def _levels(name: str, text: str) -> int | list[float]:
    return int(text) if text.isdecimal() else _numbers(name, text)


def _units(_: str, text: str) -> str | dict[str, str]:
    if "=" not in text:
        return text
    pairs = (part.partition("=") for part in text.split(","))
    return {what.strip(): unit.strip() for what, _, unit in pairs}
