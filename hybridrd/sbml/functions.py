"""Functions of MathML on numbers; booleans are 1 and 0."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise, starmap

from hybridrd.errors import ModelError


def _root(degree: float, x: float) -> float:
    """The real root, for an odd degree also of a negative number."""
    if x < 0 and degree % 2 == 1:
        return -math.pow(-x, 1.0 / degree)
    return math.pow(x, 1.0 / degree)


def _chain(holds: Callable[[float, float], bool]) -> Callable[..., float]:
    """A relation between neighbours: ``a < b < c``."""
    return lambda *x: float(all(starmap(holds, pairwise(x))))


def _odd(*conditions: float) -> float:
    return float(sum(map(bool, conditions)) % 2)


_ANY = 10**9  # any number of arguments
#: name: (function, fewest arguments, most arguments)
_FUNCTIONS: dict[str, tuple[Callable[..., float], int, int]] = {
    "divide": (lambda a, b: a / b, 2, 2),
    "power": (math.pow, 2, 2),
    "exp": (math.exp, 1, 1),
    "ln": (math.log, 1, 1),
    "log": (lambda base, x: math.log(x) / math.log(base), 2, 2),
    "root": (_root, 2, 2),
    "abs": (abs, 1, 1),
    "floor": (math.floor, 1, 1),
    "ceiling": (math.ceil, 1, 1),
    "factorial": (lambda n: math.gamma(n + 1.0), 1, 1),
    "max": (max, 1, _ANY),
    "min": (min, 1, _ANY),
    "quotient": (lambda a, b: math.trunc(a / b), 2, 2),
    "rem": (math.fmod, 2, 2),
    "sin": (math.sin, 1, 1),
    "cos": (math.cos, 1, 1),
    "tan": (math.tan, 1, 1),
    "sec": (lambda x: 1.0 / math.cos(x), 1, 1),
    "csc": (lambda x: 1.0 / math.sin(x), 1, 1),
    "cot": (lambda x: 1.0 / math.tan(x), 1, 1),
    "sinh": (math.sinh, 1, 1),
    "cosh": (math.cosh, 1, 1),
    "tanh": (math.tanh, 1, 1),
    "sech": (lambda x: 1.0 / math.cosh(x), 1, 1),
    "csch": (lambda x: 1.0 / math.sinh(x), 1, 1),
    "coth": (lambda x: 1.0 / math.tanh(x), 1, 1),
    "arcsin": (math.asin, 1, 1),
    "arccos": (math.acos, 1, 1),
    "arctan": (math.atan, 1, 1),
    "arcsec": (lambda x: math.acos(1.0 / x), 1, 1),
    "arccsc": (lambda x: math.asin(1.0 / x), 1, 1),
    "arccot": (lambda x: math.atan(1.0 / x) if x else math.pi / 2, 1, 1),
    "arcsinh": (math.asinh, 1, 1),
    "arccosh": (math.acosh, 1, 1),
    "arctanh": (math.atanh, 1, 1),
    "arcsech": (lambda x: math.acosh(1.0 / x), 1, 1),
    "arccsch": (lambda x: math.asinh(1.0 / x), 1, 1),
    "arccoth": (lambda x: math.atanh(1.0 / x), 1, 1),
    "eq": (_chain(lambda a, b: a == b), 2, _ANY),
    "neq": (_chain(lambda a, b: a != b), 2, 2),
    "lt": (_chain(lambda a, b: a < b), 2, _ANY),
    "leq": (_chain(lambda a, b: a <= b), 2, _ANY),
    "gt": (_chain(lambda a, b: a > b), 2, _ANY),
    "geq": (_chain(lambda a, b: a >= b), 2, _ANY),
    "and": (lambda *x: float(all(x)), 0, _ANY),
    "or": (lambda *x: float(any(x)), 0, _ANY),
    "xor": (_odd, 0, _ANY),
    "not": (lambda x: float(not x), 1, 1),
    "implies": (lambda a, b: float(not a or bool(b)), 2, 2),
}
NAMES = tuple(_FUNCTIONS)


def check_arguments(name: str, count: int, text: str) -> None:
    """Refuse a wrong number of arguments. Raises ModelError."""
    _, fewest, most = _FUNCTIONS[name]
    if not fewest <= count <= most:
        raise ModelError(f"{text} has {count} arguments")


def apply(name: str, arguments: Sequence[float]) -> float:
    """The value of a function.

    Raises
    ------
    ValueError, ArithmeticError
        If it has no value.

    Examples
    --------
    >>> apply("root", [3.0, -8.0]), apply("lt", [1.0, 2.0, 2.0])
    (-2.0, 0.0)
    """
    return float(_FUNCTIONS[name][0](*arguments))
