"""Polynomials in copy numbers and in functions of them or of time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import reduce
from typing import TypeAlias

from hybridrd.errors import ModelError
from hybridrd.sbml.functions import apply

HIGHEST = 8  # largest degree; powers of sums grow fast
_MOST = 200_000  # products of terms in one multiplication
_LONGEST = 20_000  # largest number of characters of a function
# Functions of copy numbers in a formula; booleans are 1 and 0.
_FORMULAS: dict[str, Callable[..., str]] = {
    "divide": lambda a, b: f"{a} / {b}",
    "power": lambda a, b: f"{a} ** {b}",
    "root": lambda degree, a: f"{a} ** (1 / {degree})",
    "ln": lambda a: f"log({a})",
    "log": lambda base, a: f"(log({a}) / log({base}))",
    **{name: lambda a, name=name: f"{name}({a})" for name in ("exp", "abs", "sin", "cos", "tanh")},
    **{name: lambda a, b, name=name: f"{name}({a}, {b})" for name in ("min", "max")},
    "lt": lambda a, b: f"where({a} < {b}, 1, 0)",
    "leq": lambda a, b: f"where({a} <= {b}, 1, 0)",
    "gt": lambda a, b: f"where({a} > {b}, 1, 0)",
    "geq": lambda a, b: f"where({a} >= {b}, 1, 0)",
    "and": lambda a, b: f"min({a}, {b})",
    "or": lambda a, b: f"max({a}, {b})",
    "not": lambda a: f"(1 - {a})",
}
_CHAINS = "min", "max", "and", "or"


@dataclass(frozen=True)
class Function:
    """A function of time, ``sin(time)``, or a non-polynomial one of copy numbers, ``A/(A + 1)``.

    Attributes
    ----------
    text
        The complete function; two functions are equal if their texts are.
    name
        Its name in `hybridrd.sbml.functions`; ``"time"`` is time itself.
    arguments
        Its arguments.
    """

    text: str
    name: str = field(compare=False)
    arguments: tuple[Polynomial, ...] = field(compare=False)

    @property
    def species(self) -> frozenset[str]:
        """The species in its arguments."""
        return frozenset[str]().union(*(argument.species for argument in self.arguments))

    def formula(self, copies: Callable[[str], str]) -> str:
        """A `hybridrd.model.expression.Expression` of it; ``copies`` is the text of a copy number.

        Raises
        ------
        ModelError
            If it depends on time, or an expression cannot contain such a function.
        """
        parts = [f"({argument.formula(copies)})" for argument in self.arguments]
        if self.name == "piecewise":
            text = parts.pop() if len(parts) % 2 else "0.0"
            for value, condition in reversed(list(zip(parts[::2], parts[1::2], strict=True))):
                text = f"where({condition} > 0.5, {value}, {text})"
            return text
        if self.name not in _FORMULAS:
            raise ModelError(
                f"its law has {self.name} together with copy numbers, which is not supported"
            )
        return (
            reduce(_FORMULAS[self.name], parts)
            if self.name in _CHAINS
            else (_FORMULAS[self.name](*parts))
        )

    def __call__(self, t: float) -> float:
        if self.name == "time":
            return t
        if self.name == "piecewise":
            return self._piece(t)
        return apply(self.name, [argument.at(t) for argument in self.arguments])

    def _piece(self, t: float) -> float:
        """The value of the first condition that holds; the others are not evaluated."""
        for value, condition in zip(self.arguments[::2], self.arguments[1::2], strict=False):
            if condition.at(t) != 0.0:
                return value.at(t)
        if len(self.arguments) % 2 == 0:
            raise ValueError("no condition of piecewise holds")
        return self.arguments[-1].at(t)


#: The name of a species, or a function of time.
Factor: TypeAlias = str | Function
#: Factors in order, each as often as its power; () for the constant term.
Monomial: TypeAlias = tuple[Factor, ...]


def _rank(factor: Factor) -> tuple[bool, str]:
    """Species come first."""
    if isinstance(factor, str):
        return False, factor
    return True, factor.text


@dataclass(frozen=True)
class Polynomial:
    """A sum of terms.

    Attributes
    ----------
    terms
        The coefficient of each monomial; none is 0.
    falling
        Species whose copy number n was multiplied by n - 1, which marks a law for discrete copies.
    """

    terms: dict[Monomial, float]
    falling: frozenset[str] = frozenset()

    @classmethod
    def constant(cls, value: float) -> Polynomial:
        """A constant polynomial."""
        return cls.collected([((), value)])

    @classmethod
    def variable(cls, name: str, factor: float = 1.0) -> Polynomial:
        """``factor`` times the copy number of a species."""
        return cls.collected([((name,), factor)])

    @classmethod
    def function(cls, name: str, arguments: Iterable[Polynomial] = ()) -> Polynomial:
        """A function of polynomials."""
        given = tuple(arguments)
        text = name + (f"({', '.join(map(str, given))})" if given else "")
        if len(text) > _LONGEST:
            raise ModelError(f"a function of more than {_LONGEST} characters")
        return cls.collected([((Function(text, name, given),), 1.0)])

    @classmethod
    def collected(
        cls, terms: Iterable[tuple[Monomial, float]], falling: frozenset[str] = frozenset()
    ) -> Polynomial:
        """The sum of terms, which may repeat."""
        found: dict[Monomial, float] = {}
        for monomial, value in terms:
            if len(monomial) > HIGHEST:
                raise ModelError(f"a product of {len(monomial)} variables is not mass action")
            found[monomial] = found.get(monomial, 0.0) + value
        return cls({monomial: value for monomial, value in found.items() if value != 0.0}, falling)

    @property
    def value(self) -> float | None:
        """Its value if it is a constant, else None."""
        if not self.terms:
            return 0.0
        return self.terms.get(()) if len(self.terms) == 1 else None

    @property
    def species(self) -> frozenset[str]:
        """The species in it, including those in its functions."""
        factors = {factor for monomial in self.terms for factor in monomial}
        inside = (f.species for f in factors if not isinstance(f, str))
        return frozenset(f for f in factors if isinstance(f, str)).union(*inside)

    @property
    def is_law(self) -> bool:
        """Whether it contains functions of copy numbers."""
        factors = (factor for monomial in self.terms for factor in monomial)
        return any(f.species for f in factors if not isinstance(f, str))

    def formula(self, copies: Callable[[str], str]) -> str:
        """A formula of it, see `Function.formula`."""
        terms = [
            " * ".join(
                [repr(value), *(copies(f) if isinstance(f, str) else f.formula(copies) for f in m)]
            )
            for m, value in self.terms.items()
        ]
        return " + ".join(terms) or "0.0"

    def at(self, t: float) -> float:
        """The value at a time of a polynomial without copy numbers."""
        total = 0.0
        for monomial, value in self.terms.items():
            total += value * math.prod(f(t) for f in monomial if not isinstance(f, str))
        return total

    def by_species(self) -> dict[tuple[str, ...], Polynomial]:
        """The coefficient of each product of copy numbers, itself without copy numbers."""
        found: dict[tuple[str, ...], list[tuple[Monomial, float]]] = {}
        for monomial, value in self.terms.items():
            species = tuple(f for f in monomial if isinstance(f, str))
            found.setdefault(species, []).append((monomial[len(species) :], value))
        return {species: self.collected(terms) for species, terms in found.items()}

    def __str__(self) -> str:
        return (
            " + ".join(
                " ".join([repr(value), *(f if isinstance(f, str) else f.text for f in monomial)])
                for monomial, value in sorted(
                    self.terms.items(), key=lambda term: [_rank(f) for f in term[0]]
                )
            )
            or "0"
        )

    def __add__(self, other: Polynomial) -> Polynomial:
        falling = self.falling | other.falling
        return self.collected([*self.terms.items(), *other.terms.items()], falling)

    def __sub__(self, other: Polynomial) -> Polynomial:
        return self + other.scaled(-1.0)

    def __mul__(self, other: Polynomial) -> Polynomial:
        if len(self.terms) * len(other.terms) > _MOST:
            raise ModelError(
                f"a product of {len(self.terms)} by {len(other.terms)} terms; at most {_MOST} "
                f"terms in total are multiplied out"
            )
        falling = self.falling | other.falling | _falling(self, other) | _falling(other, self)
        return self.collected(
            (
                (tuple(sorted(a + b, key=_rank)), x * y)
                for a, x in self.terms.items()
                for b, y in other.terms.items()
            ),
            falling,
        )

    def scaled(self, factor: float) -> Polynomial:
        """The polynomial times a number."""
        terms = ((monomial, factor * value) for monomial, value in self.terms.items())
        return self.collected(terms, self.falling)

    def power(self, exponent: int) -> Polynomial:
        """An integer power of at least 0."""
        if exponent > HIGHEST:
            raise ModelError(f"a power of {exponent} is not mass action")
        result = self.constant(1.0)
        for _ in range(exponent):
            result = result * self
        return result


def _falling(one: Polynomial, other: Polynomial) -> frozenset[str]:
    """The species n if one polynomial is ``a (n - 1)``, a > 0, and the other contains n."""
    slope = {monomial[0]: value for monomial, value in one.terms.items() if len(monomial) == 1}
    if len(one.terms) != 2 or len(slope) != 1 or () not in one.terms:
        return frozenset()
    ((factor, value),) = slope.items()
    alike = math.isclose(value, -one.terms[()], rel_tol=1e-9)
    if value < 0 or not alike or not isinstance(factor, str):
        return frozenset()
    return other.species & {factor}
