"""Polynomials in copy numbers: what a mass-action law is."""

from __future__ import annotations

from dataclasses import dataclass

from hybridrd.errors import ModelError

#: Names of species, sorted, each as often as its power; () for the constant term.
Monomial = tuple[str, ...]
_HIGHEST = 8  # degree; more is no reaction, and powers of sums grow fast


@dataclass(frozen=True)
class Polynomial:
    """A sum of terms.

    Parameters
    ----------
    terms
        The coefficient of each monomial; none is 0.
    """

    terms: dict[Monomial, float]

    @classmethod
    def constant(cls, value: float) -> Polynomial:
        return cls.collected([((), value)])

    @classmethod
    def variable(cls, name: str, factor: float = 1.0) -> Polynomial:
        """``factor`` times the copy number of a species."""
        return cls.collected([((name,), factor)])

    @classmethod
    def collected(cls, terms: list[tuple[Monomial, float]]) -> Polynomial:
        """The sum of terms, of which several may be alike."""
        found: dict[Monomial, float] = {}
        for monomial, value in terms:
            if len(monomial) > _HIGHEST:
                raise ModelError(f"a product of {len(monomial)} copy numbers is no mass action")
            found[monomial] = found.get(monomial, 0.0) + value
        return cls({monomial: value for monomial, value in found.items() if value != 0.0})

    @property
    def value(self) -> float | None:
        """Its value if it is a constant, else None."""
        if not self.terms:
            return 0.0
        return self.terms.get(()) if len(self.terms) == 1 else None

    def __add__(self, other: Polynomial) -> Polynomial:
        return self.collected([*self.terms.items(), *other.terms.items()])

    def __sub__(self, other: Polynomial) -> Polynomial:
        return self + other.scaled(-1.0)

    def __mul__(self, other: Polynomial) -> Polynomial:
        return self.collected(
            [
                (tuple(sorted(a + b)), x * y)
                for a, x in self.terms.items()
                for b, y in other.terms.items()
            ]
        )

    def scaled(self, factor: float) -> Polynomial:
        return self.collected([(m, factor * value) for m, value in self.terms.items()])

    def power(self, exponent: int) -> Polynomial:
        """A whole power of at least 0."""
        if exponent > _HIGHEST:
            raise ModelError(f"a power of {exponent} is no mass action")
        result = self.constant(1.0)
        for _ in range(exponent):
            result = result * self
        return result
