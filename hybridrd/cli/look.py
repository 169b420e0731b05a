"""Looks of pictures on the command line: colours, limits, slices and units, from text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hybridrd.arguments import shown
from hybridrd.errors import ResultError


def look_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a picture that were given, as the functions of `hybridrd.plot` take them.

    Parameters
    ----------
    given
        By name, None where there is nothing. Limits and levels are numbers between commas, units
        the name of one, or several such as ``length=nm,time=min``.

    Raises
    ------
    ResultError
        If numbers are needed and something else is given.

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
        raise ResultError(
            f"--{name} {shown(text)}: numbers with commas between them are needed"
        ) from None


def _pair(name: str, text: str) -> tuple[float, float]:
    found = _numbers(name, text)
    if len(found) != 2:
        raise ResultError(f"--{name} {shown(text)}: two numbers are needed, LOWER,UPPER")
    return found[0], found[1]


def _levels(name: str, text: str) -> int | list[float]:
    return int(text) if text.isdecimal() else _numbers(name, text)


def _units(_: str, text: str) -> str | dict[str, str]:
    if "=" not in text:
        return text
    pairs = (part.partition("=") for part in text.split(","))
    return {what.strip(): unit.strip() for what, _, unit in pairs}
