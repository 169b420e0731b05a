"""Polynomials in copy numbers, with coefficients that may depend on time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from hybridrd.errors import ModelError
from hybridrd.sbml.functions import apply

_HIGHEST = 8  # degree; powers of sums grow fast
_MOST = 200_000  # products of terms in one multiplication
_LONGEST = 20_000  # characters of a function of time


@dataclass(frozen=True)
class TimeFunction:
    """A function of time alone, such as ``time`` or ``sin(time)``.

    Attributes
    ----------
    text
        The function in full; two functions are equal if their texts are.
    name
        Its name in `hybridrd.sbml.functions`; ``"time"`` is time itself.
    arguments
        Its arguments, none of which contains a copy number.
    """

    text: str
    name: str = field(compare=False)
    arguments: tuple[Polynomial, ...] = field(compare=False)

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
Factor: TypeAlias = str | TimeFunction
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
        Species whose copy number n was multiplied by n - 1, the sign of a law for whole copies.
    """

    terms: dict[Monomial, float]
    falling: frozenset[str] = frozenset()

    @classmethod
    def constant(cls, value: float) -> Polynomial:
        """The polynomial that is a number."""
        return cls.collected([((), value)])

    @classmethod
    def variable(cls, name: str, factor: float = 1.0) -> Polynomial:
        """``factor`` times the copy number of a species."""
        return cls.collected([((name,), factor)])

    @classmethod
    def function(cls, name: str, arguments: Iterable[Polynomial] = ()) -> Polynomial:
        """A function of time; its arguments have no copy numbers."""
        given = tuple(arguments)
        text = name + (f"({', '.join(map(str, given))})" if given else "")
        if len(text) > _LONGEST:
            raise ModelError(f"a function of time of more than {_LONGEST} characters")
        return cls.collected([((TimeFunction(text, name, given),), 1.0)])

    @classmethod
    def collected(
        cls, terms: Iterable[tuple[Monomial, float]], falling: frozenset[str] = frozenset()
    ) -> Polynomial:
        """The sum of terms, several of which may be alike."""
        found: dict[Monomial, float] = {}
        for monomial, value in terms:
            if len(monomial) > _HIGHEST:
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
        """The species in it."""
        return frozenset(f for monomial in self.terms for f in monomial if isinstance(f, str))

    def at(self, t: float) -> float:
        """Its value at a time; it has no copy numbers."""
        total = 0.0
        for monomial, value in self.terms.items():
            total += value * math.prod(f(t) for f in monomial if not isinstance(f, str))
        return total

    def by_species(self) -> dict[tuple[str, ...], Polynomial]:
        """The coefficient, free of copy numbers, of each product of copy numbers."""
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
                f"terms in all are multiplied out"
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
        """A whole power of at least 0."""
        if exponent > _HIGHEST:
            raise ModelError(f"a power of {exponent} is not mass action")
        result = self.constant(1.0)
        for _ in range(exponent):
            result = result * self
        return result


def _falling(one: Polynomial, other: Polynomial) -> frozenset[str]:
    """The species n if one polynomial is ``a (n - 1)``, a > 0, and n is in the other."""
    slope = {monomial[0]: value for monomial, value in one.terms.items() if len(monomial) == 1}
    if len(one.terms) != 2 or len(slope) != 1 or () not in one.terms:
        return frozenset()
    ((factor, value),) = slope.items()
    alike = math.isclose(value, -one.terms[()], rel_tol=1e-9)
    if value < 0 or not alike or not isinstance(factor, str):
        return frozenset()
    return other.species & {factor}
