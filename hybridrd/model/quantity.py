"""Quantities with units, as text or from pint, converted once to the units of a System.

A part of a description keeps a quantity as a `Measured`, a float in SI units that knows its
dimensions; the System, which knows its own units, turns it into a plain number.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any

from hybridrd.arguments import number
from hybridrd.errors import ModelError
from hybridrd.model.frozen import Frozen

Dimension = tuple[int, int]  # powers of length and time; copies are pure numbers
AVOGADRO = 6.02214076e23
_BASES = ("[length]", "[time]")
_QUANTITY = re.compile(r"\s*[-+]?\.?\d.*[^\W\d_]", re.S)
PATTERN = r"^\s*[-+]?[0-9.].*[A-Za-zµ].*$"  # of quantities, for the schema of the file


class Measured(float):
    """A quantity in SI units, copies as pure numbers, with its dimensions.

    Attributes
    ----------
    dimension
        Powers of length and time.
    text
        As it was written.
    """

    dimension: Dimension = (0, 0)
    text: str = ""


def measure(value: Any, where: str, minimum: float = 0.0, strict: bool = False) -> float:
    """A number, see `hybridrd.arguments.number`, or a quantity with units.

    Raises
    ------
    ModelError
        Also if text cannot be read as a quantity, or pint is needed and not installed.

    Examples
    --------
    >>> measure(0.5, "D"), measure("0.5 um**2/s", "D")
    (0.5, 5e-13)
    """
    found = read(value, where)
    if found is None:
        return number(value, where, minimum, strict)
    number(float(found), f"{where} = {found.text!r} in SI units", minimum, strict)
    return found


def read(value: Any, where: str) -> Measured | None:
    """A quantity, or None for anything else. Raises ModelError with ``where`` in front."""
    if isinstance(value, Measured):
        return value
    try:
        if isinstance(value, str):
            return _read(value) if _QUANTITY.match(value) and not _is_plain(value) else None
        if hasattr(value, "to_root_units") and hasattr(value, "dimensionality"):
            return _of_pint(value, str(value))
    except ModelError as error:
        raise ModelError(f"{where} = {value!s}: {error}" if where else str(error)) from error
    return None


def _is_plain(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1024)
def _read(text: str) -> Measured:
    try:
        quantity = _registry()(text)
    except ModelError:
        raise
    except Exception as error:  # pint raises errors of many kinds
        raise ModelError(f"cannot be read as a quantity ({error})") from error
    return _of_pint(quantity, text)


@lru_cache(maxsize=1)
def _registry() -> Any:
    try:
        import pint
    except ImportError as error:
        raise ModelError(
            f"quantities with units need pint ({error}); install it with: "
            f"pip install hybridrd[units]"
        ) from error
    make: Any = pint.get_application_registry
    return make()


def _of_pint(quantity: Any, text: str) -> Measured:
    if getattr(getattr(quantity, "magnitude", quantity), "ndim", 0):
        raise ModelError("an array with units; give plain numbers in the system's units")
    root = quantity.to_root_units()
    powers = {str(base): power for base, power in root.dimensionality.items()}
    moles = powers.pop("[substance]", 0)
    found = [powers.pop(base, 0) for base in _BASES]
    if powers or any(p != int(p) for p in found):
        names = ", ".join(powers) or "broken powers"
        raise ModelError(f"has {names}; only length, time and copies are known here")
    value = float(root.magnitude) * AVOGADRO ** float(moles)
    made = Measured(value)
    made.dimension, made.text = (int(found[0]), int(found[1])), text
    return made


def in_time(value: Any, units: Mapping[str, str], where: str) -> Any:
    """A time with units as a number in a system's units; a plain number unchanged.

    Raises
    ------
    ModelError
        If it is not a time, or the system has no unit of time.

    Examples
    --------
    >>> in_time("2 min", {"time": "s"}, "until"), in_time(2.0, {}, "until")
    (120.0, 2.0)
    """
    return _plain(value, "time", (0, 1), units, where)


def in_length(value: Any, units: Mapping[str, str], where: str) -> Any:
    """The counterpart of `in_time` for a length. Raises ModelError likewise.

    Examples
    --------
    >>> in_length("50 nm", {"length": "um"}, "x")
    0.05
    """
    return _plain(value, "length", (1, 0), units, where)


def _plain(
    value: Any, name: str, dimension: Dimension, units: Mapping[str, str], where: str
) -> Any:
    found = read(value, where)
    if found is None:
        return value
    if found.dimension != dimension:
        raise ModelError(
            f"{where} = {found.text!r}: its dimension is {words(found.dimension)}, a {name} is "
            f"needed"
        )
    try:
        return float(f"{found / unit(name, units.get(name), found.text):.15g}")
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from error


def unit(name: str, label: Any, text: str) -> float:
    """A unit of length or time in SI units. Raises ModelError; ``text`` is what needs it."""
    if label is None:
        raise ModelError(
            f"units: {text!r} needs units of the system; give units={{'length': 'um', 'time': 's'}}"
        )
    try:
        found = _read(f"1 {label}")
        if found.dimension != ((1, 0) if name == "length" else (0, 1)):
            raise ModelError(f"it is no unit of {name}")
    except ModelError as error:
        raise ModelError(f"units: {name} = {label!r}: {error}") from error
    return float(found)


def words(dimension: Dimension) -> str:
    """A dimension in words, ``length^2/time``.

    Examples
    --------
    >>> words((2, -1)), words((-3, 0)), words((0, 0))
    ('length^2/time', '1/length^3', 'a pure number')
    """
    names = [(n, p) for n, p in zip(("length", "time"), dimension, strict=True) if p]
    above = [n if p == 1 else f"{n}^{p}" for n, p in names if p > 0]
    below = [n if p == -1 else f"{n}^{-p}" for n, p in names if p < 0]
    if not names:
        return "a pure number"
    return "/".join(["*".join(above) or "1", *below])


def in_units(
    given: Mapping[str, Any], where: Callable[[str], str]
) -> tuple[dict[str, Any], list[str]]:
    """The fields of a System with plain numbers in its units in place of quantities.

    Parameters
    ----------
    given
        The fields.
    where
        The name of a field in messages.

    Returns
    -------
    fields
        Parts without quantities are the same objects.
    problems
        Quantities with a wrong dimension and missing units, one line each.
    """
    change = _Change(given)
    result = dict(given)
    for name, value in given.items():
        if name != "units":
            result[name] = change.of(value, where(name), change.initial(name))
    return result, list(dict.fromkeys(change.problems))


class _Change:
    """Conversion of the parts of one description."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        domain = given["domain"]
        self._d = int(getattr(domain, "dimension", 0))
        self._radial = bool(getattr(domain, "radial", False))
        self._labels = given["units"] if isinstance(given["units"], Mapping) else {}
        self.problems: list[str] = []

    def initial(self, name: str) -> Dimension | None:
        """Dimension of bare numbers in a field: in the initial state a concentration."""
        return (-self._d, 0) if name == "initial" else None

    def of(self, value: Any, where: str, expected: Dimension | None) -> Any:
        """A part with plain numbers; the same object if there is nothing to convert."""
        if isinstance(value, Measured):
            return self._number(value, where, expected)
        if isinstance(value, Mapping):
            made = {k: self.of(v, f"{where}[{k}]", expected) for k, v in value.items()}
            return Frozen(made) if any(made[k] is not v for k, v in value.items()) else value
        if isinstance(value, (list, tuple)):
            parts = [self.of(v, f"{where}[{i}]", expected) for i, v in enumerate(value)]
            same = all(a is b for a, b in zip(parts, value, strict=True))
            return value if same else type(value)(parts)
        if is_dataclass(value) and not isinstance(value, type):
            return self._part(value, where)
        if expected is not None:
            try:
                found = read(value, where)
            except ModelError as error:
                self.problems.append(str(error))
                return 0.0
            return value if found is None else self._number(found, where, expected)
        return value

    def _part(self, part: Any, where: str) -> Any:
        changed = {}
        for f in fields(part):
            before = getattr(part, f.name)
            after = self.of(before, f"{where}.{f.name}", None if not _holds(before) else
                            self._expected(part, f.name))  # fmt: skip
            if after is not before:
                changed[f.name] = after
        if not changed:
            return part
        made = copy.copy(part)
        for name, value in changed.items():
            object.__setattr__(made, name, value)
        return made

    def _expected(self, part: Any, name: str) -> Dimension | None:
        """The dimension of a field; None where no quantity can be."""
        kind, d = type(part).__name__, self._d
        if (kind, name) in _KAPPAS:
            return (3, -1) if self._radial else (1, -1)
        if kind == "Reaction" and name in ("k", "k_back"):
            sides = (part.reactants, part.products)
            return (d * (len(sides[name == "k_back"]) - 1), -1)
        fixed = {
            ("Species", "D"): (2, -1), ("Species", "friction"): (0, -1),
            ("Reaction", "lambda0"): (0, -1),
            ("Reaction", "radius"): (1, 0), ("Reservoir", "concentrations"): (-d, 0),
            ("Influx", "fluxes"): (1 - d, -1), ("Leaky", "outside"): (-d, 0),
            ("Bath", "volume"): (d, 0), ("Bath", "initial"): (-d, 0), ("Patch", "c"): (-d, 0),
        }  # fmt: skip
        if (kind, name) in fixed:
            return fixed[kind, name]
        return (1, 0) if name in _LENGTHS else None

    def _number(self, value: Measured, where: str, expected: Dimension | None) -> float:
        if expected is None or value.dimension != expected:
            wanted = "a plain number" if expected is None else words(expected)
            self.problems.append(
                f"{where} = {value.text!r}: its dimension is {words(value.dimension)}, {wanted} is "
                f"needed{self._hint(value, expected)}"
            )
            return abs(float(value))
        scale = 1.0
        for name, power in zip(("length", "time"), expected, strict=True):
            scale *= self._unit(name, value) ** power if power else 1.0
        return float(f"{value / scale:.15g}")

    def _hint(self, value: Measured, expected: Dimension | None) -> str:
        if expected is None or value.dimension[1] != expected[1] or self._d == 3:
            return ""
        three = value.dimension[0] * self._d == expected[0] * 3
        return f" in {self._d} dimension{'s' if self._d > 1 else ''}" if three else ""

    def _unit(self, name: str, value: Measured) -> float:
        try:
            return unit(name, self._labels.get(name), value.text)
        except ModelError as error:
            self.problems.append(str(error))
            return 1.0


_KAPPAS = {("PartiallyAbsorbing", "kappa"), ("Leaky", "kappa")}
_LENGTHS = {"x", "y", "z", "inner", "outer", "center", "radius"}


def _holds(value: Any) -> bool:
    """Whether a field holds a quantity, by itself, in a list or by species."""
    return any(isinstance(v, Measured) for v in _leaves(value))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for v in value.values():
            yield from _leaves(v)
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from _leaves(v)
    else:
        yield value
