"""A kinetic law as a polynomial in copy numbers, by the algebra of its syntax tree."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

from hybridrd.errors import ModelError
from hybridrd.sbml.polynomial import Polynomial

_FUNCTIONS: dict[str, Callable[..., float]] = {
    "AST_FUNCTION_EXP": math.exp,
    "AST_FUNCTION_LN": math.log,
    "AST_FUNCTION_ABS": abs,
    "AST_FUNCTION_LOG": lambda base, x: math.log(x) / math.log(base),
    "AST_FUNCTION_ROOT": lambda degree, x: x ** (1.0 / degree),
}


def polynomial(node: Any, symbols: Mapping[str, Polynomial]) -> Polynomial:
    """The polynomial of a syntax tree of libSBML.

    Parameters
    ----------
    node
        A ``libsbml.ASTNode``; function definitions are expanded.
    symbols
        What each name stands for: constants, and species in terms of their copy numbers.

    Raises
    ------
    ModelError
        If it is not a polynomial, and why.
    """
    import libsbml as lib

    kind = node.getType()
    children = [node.getChild(k) for k in range(node.getNumChildren())]
    if node.isNumber() or kind in (lib.AST_CONSTANT_PI, lib.AST_CONSTANT_E, lib.AST_NAME_AVOGADRO):
        return Polynomial.constant(_constant(lib, node))
    if kind == lib.AST_NAME:
        if node.getName() not in symbols:
            raise ModelError(f"{node.getName()} has no value")
        return symbols[node.getName()]
    if kind not in _arithmetic(lib) and kind not in _functions(lib):
        raise ModelError(f"{lib.formulaToL3String(node)} is no mass action")
    text = lib.formulaToL3String(node)
    fewest, most = _arguments(lib).get(kind, (0, len(children)))
    if not fewest <= len(children) <= most:
        raise ModelError(f"{text or 'an operator'} has {len(children)} arguments")
    parts = [polynomial(child, symbols) for child in children]
    if kind == lib.AST_PLUS:
        return reduce(Polynomial.__add__, parts, Polynomial.constant(0.0))
    if kind == lib.AST_TIMES:
        return reduce(Polynomial.__mul__, parts, Polynomial.constant(1.0))
    if kind == lib.AST_MINUS:
        return parts[0].scaled(-1.0) if len(parts) == 1 else parts[0] - parts[1]
    values = [part.value for part in parts]
    if kind == lib.AST_DIVIDE:
        if values[1] is None:
            raise ModelError(f"{text} divides by a copy number, which is no mass action")
        if values[1] == 0.0:
            raise ModelError(f"{text} divides by 0")
        return parts[0].scaled(1.0 / values[1])
    if kind in (lib.AST_POWER, lib.AST_FUNCTION_POWER) and values[0] is None:
        exponent = values[1]
        if exponent is None or exponent < 0 or not float(exponent).is_integer():
            raise ModelError(f"{text} is not a whole power, which is no mass action")
        return parts[0].power(int(exponent))
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        raise ModelError(f"{text} is no mass action")
    function = _functions(lib).get(kind, math.pow)
    if kind == lib.AST_FUNCTION_ROOT and len(known) == 1:
        known = [2.0, *known]
    try:
        result = float(function(*known))
    except (ValueError, TypeError, ArithmeticError) as error:
        raise ModelError(f"{text} has no value: {error}") from error
    return Polynomial.constant(result)


def _arithmetic(lib: Any) -> tuple[int, ...]:
    return (
        lib.AST_PLUS, lib.AST_MINUS, lib.AST_TIMES, lib.AST_DIVIDE, lib.AST_POWER,
        lib.AST_FUNCTION_POWER,
    )  # fmt: skip


def _arguments(lib: Any) -> dict[int, tuple[int, int]]:
    """The fewest and most arguments of operators that do not take any number of them."""
    return {
        lib.AST_MINUS: (1, 2),
        lib.AST_DIVIDE: (2, 2),
        lib.AST_POWER: (2, 2),
        lib.AST_FUNCTION_POWER: (2, 2),
        lib.AST_FUNCTION_EXP: (1, 1),
        lib.AST_FUNCTION_LN: (1, 1),
        lib.AST_FUNCTION_ABS: (1, 1),
        lib.AST_FUNCTION_LOG: (2, 2),  # libSBML adds the base 10
        lib.AST_FUNCTION_ROOT: (1, 2),
    }


def _functions(lib: Any) -> dict[int, Callable[..., float]]:
    return {getattr(lib, name): function for name, function in _FUNCTIONS.items()}


def _constant(lib: Any, node: Any) -> float:
    if node.getType() == lib.AST_CONSTANT_PI:
        return math.pi
    if node.getType() == lib.AST_CONSTANT_E:
        return math.e
    return float(node.getValue())
