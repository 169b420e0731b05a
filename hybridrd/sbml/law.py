"""Formulas of SBML as polynomials in copy numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from hybridrd.errors import ModelError
from hybridrd.sbml.functions import NAMES, apply, check_arguments
from hybridrd.sbml.polynomial import HIGHEST, Polynomial

_MOST_NODES = 100_000  # nodes of a formula: definitions that call each other twice grow fast
_UNSUPPORTED = {
    "AST_FUNCTION_DELAY": "delays are not supported",
    "AST_FUNCTION_RATE_OF": "rateOf is not supported",
}


@dataclass(frozen=True)
class Scope:
    """The meaning of names in a formula.

    Attributes
    ----------
    lookup
        The polynomial of a name.
    time
        The polynomial of time.
    """

    lookup: Callable[[str], Polynomial]
    time: Polynomial


class Evaluator:
    """The polynomials of syntax trees of libSBML.

    Parameters
    ----------
    lib
        The module ``libsbml``.
    definitions
        Function definitions by id.
    """

    def __init__(self, lib: Any, definitions: Mapping[str, Any]) -> None:
        self._lib, self._definitions = lib, definitions
        self._left = _MOST_NODES
        self._kinds = _kinds(lib)
        self._unsupported = {
            getattr(lib, name): text for name, text in _UNSUPPORTED.items() if hasattr(lib, name)
        }

    def __call__(self, node: Any, scope: Scope) -> Polynomial:
        """The polynomial of a ``libsbml.ASTNode``.

        Raises
        ------
        ModelError
            If it is not a polynomial, with the reason.
        """
        self._left = _MOST_NODES
        return self._read(node, scope)

    def _read(self, node: Any, scope: Scope) -> Polynomial:
        lib, kind = self._lib, node.getType()
        self._left -= 1
        if self._left < 0:
            raise ModelError(f"a formula has more than {_MOST_NODES} parts when written out")
        if kind in (lib.AST_CONSTANT_PI, lib.AST_CONSTANT_E):
            return Polynomial.constant(math.pi if kind == lib.AST_CONSTANT_PI else math.e)
        if kind in (lib.AST_CONSTANT_TRUE, lib.AST_CONSTANT_FALSE):
            return Polynomial.constant(float(kind == lib.AST_CONSTANT_TRUE))
        if node.isNumber() or kind == lib.AST_NAME_AVOGADRO:
            return Polynomial.constant(float(node.getValue()))
        if kind == lib.AST_NAME_TIME:
            return scope.time
        if kind == lib.AST_NAME:
            return scope.lookup(node.getName())
        if kind in self._unsupported:
            raise ModelError(f"{self._text(node)}: {self._unsupported[kind]}")
        if kind in (lib.AST_PLUS, lib.AST_TIMES):
            return self._sum_or_product(node, scope)
        children = [node.getChild(k) for k in range(node.getNumChildren())]
        if kind == lib.AST_FUNCTION:
            return self._call(node, children, scope)
        if kind == lib.AST_FUNCTION_PIECEWISE:
            return self._piecewise(node, children, scope)
        if kind == lib.AST_MINUS:
            if not 1 <= len(children) <= 2:
                raise ModelError(f"{self._text(node)} has {len(children)} arguments")
            parts = [self._read(child, scope) for child in children]
            return parts[0].scaled(-1.0) if len(parts) == 1 else parts[0] - parts[1]
        if kind not in self._kinds:
            raise ModelError(f"{self._text(node)} is not mass action")
        return self._function(self._kinds[kind], node, children, scope)

    def _text(self, node: Any) -> str:
        text = self._lib.formulaToL3String(node) or "an operator"
        return text if len(text) <= 80 else text[:77] + "..."

    def _sum_or_product(self, node: Any, scope: Scope) -> Polynomial:
        """A sum or product; libSBML nests those of many parts, which are flattened here."""
        kind = node.getType()
        parts, rest = [], [node]
        while rest:
            one = rest.pop()
            if one.getType() == kind:
                rest.extend(one.getChild(k) for k in reversed(range(one.getNumChildren())))
            else:
                parts.append(self._read(one, scope))
        if kind == self._lib.AST_TIMES:
            return reduce(Polynomial.__mul__, parts, Polynomial.constant(1.0))
        falling = frozenset[str]().union(*(part.falling for part in parts))
        return Polynomial.collected((t for part in parts for t in part.terms.items()), falling)

    def _call(self, node: Any, children: Sequence[Any], scope: Scope) -> Polynomial:
        """A function of the model; its arguments are the only names in it."""
        name = node.getName()
        definition = self._definitions.get(name)
        if definition is None or definition.getBody() is None:
            raise ModelError(f"the function {name} has no definition")
        count = definition.getNumArguments()
        if count != len(children):
            raise ModelError(f"{self._text(node)}: {name} takes {count} arguments")
        values = {
            definition.getArgument(k).getName(): self._read(child, scope)
            for k, child in enumerate(children)
        }

        def lookup(argument: str) -> Polynomial:
            if argument not in values:
                raise ModelError(f"{argument} has no value in the function {name}")
            return values[argument]

        return self._read(definition.getBody(), Scope(lookup, scope.time))

    def _piecewise(self, node: Any, children: Sequence[Any], scope: Scope) -> Polynomial:
        """Pieces; those with constant conditions are chosen at once."""
        pieces: list[Polynomial] = []  # value, condition, ..., otherwise
        for value, condition in zip(children[::2], children[1::2], strict=False):
            holds = self._read(condition, scope)
            if holds.value is None:
                pieces += [self._read(value, scope), holds]
            elif holds.value != 0.0:
                pieces.append(self._read(value, scope))
                break
        else:
            if len(children) % 2:
                pieces.append(self._read(children[-1], scope))
        if not pieces:
            raise ModelError(f"{self._text(node)} has no value: none of its conditions holds")
        if len(pieces) == 1:
            return pieces[0]
        if any(piece.species for piece in pieces[1::2]) or not any(p.species for p in pieces[::2]):
            return Polynomial.function("piecewise", pieces)
        one, zero = Polynomial.constant(1.0), Polynomial.constant(0.0)
        result = zero
        for k in range(0, len(pieces), 2):
            chosen = [one if j == k else zero if j % 2 == 0 else p for j, p in enumerate(pieces)]
            result = result + pieces[k] * Polynomial.function("piecewise", chosen)
        return result

    def _function(self, name: str, node: Any, children: Sequence[Any], scope: Scope) -> Polynomial:
        """A function; quotients by numbers and integer powers stay polynomials."""
        parts = [self._read(child, scope) for child in children]
        if name == "root" and len(parts) == 1:
            parts = [Polynomial.constant(2.0), *parts]
        text = self._text(node)
        check_arguments(name, len(parts), text)
        if name == "divide" and parts[0].species:
            return parts[0] * self._reciprocal(parts[1], text)
        if name == "power" and parts[0].species:
            exponent = parts[1].value
            if exponent is not None and 0 <= exponent <= HIGHEST and exponent.is_integer():
                return parts[0].power(int(exponent))
            if exponent is not None and not math.isfinite(exponent):
                raise ModelError(f"{text} is a power of {exponent}")
        known = [part.value for part in parts if part.value is not None]
        if len(known) < len(parts):
            if name == "divide" and len(known) == 1 and parts[1].value is not None:
                return parts[0] * self._reciprocal(parts[1], text)
            return Polynomial.function(name, parts)
        try:
            return Polynomial.constant(apply(name, known))
        except ZeroDivisionError as error:
            raise ModelError(f"{text} divides by 0") from error
        except (ValueError, TypeError, ArithmeticError) as error:
            raise ModelError(f"{text} has no value: {error}") from error

    def _reciprocal(self, divisor: Polynomial, text: str) -> Polynomial:
        if divisor.value is None:
            return Polynomial.function("divide", [Polynomial.constant(1.0), divisor])
        if divisor.value == 0.0:
            raise ModelError(f"{text} divides by 0")
        return Polynomial.constant(1.0 / divisor.value)


def _kinds(lib: Any) -> dict[int, str]:
    """The name of the function of each kind of node."""
    kinds = {lib.AST_DIVIDE: "divide", lib.AST_POWER: "power"}
    for name in NAMES:
        for prefix in ("AST_FUNCTION_", "AST_RELATIONAL_", "AST_LOGICAL_"):
            kind = getattr(lib, prefix + name.upper(), None)
            if kind is not None:
                kinds[kind] = name
    return kinds
