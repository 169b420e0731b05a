"""One-way reactions of a kinetic law that is a polynomial in copy numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hybridrd.errors import ModelError
from hybridrd.sbml.polynomial import Polynomial

Product = tuple[str, ...]  # of copy numbers: names of species, each as often as its power


@dataclass(frozen=True)
class OneWayReaction:
    """A one-way reaction in a well-mixed volume.

    Attributes
    ----------
    name
        The id of its reaction in the file.
    reactants, products
        Species, each as often as it takes part.
    rate
        The rate c of ``c n_A``, ``c n_A n_B``, or of like reactants ``c n (n - 1)/2``: per copy,
        or per pair of copies (1/time), a number or a function of time.
    back
        Whether it is the way back of a reversible reaction.
    """

    name: str
    reactants: tuple[str, ...]
    products: tuple[str, ...]
    rate: Polynomial
    back: bool


def events(
    name: str,
    law: Polynomial,
    reactants: Sequence[str],
    products: Sequence[str],
    reversible: bool,
) -> list[OneWayReaction]:
    """The one-way reactions of a reaction with a mass-action law.

    Parameters
    ----------
    law
        Extents per time as a polynomial in copy numbers.
    reversible
        Whether a negative term is the rate of the way back.

    Raises
    ------
    ModelError
        If the law is not mass action of these reactants, and why.

    Notes
    -----
    Each term is a reaction. A species of a term that is no reactant takes part as a catalyst. Of
    like reactants ``K n²`` is the mean-field form of ``K n (n - 1)``, and both mean that the rate
    is 2 K: a law of ``K n (n - 1)/2`` is the propensity of pairs that react with rate K.
    """
    there, again = tuple(reactants), tuple(products)
    terms = _in_pairs(law, (there, again) if reversible else ())
    found = []
    for term, rate in terms.items():
        back = _is_back(term, rate, there, again, reversible)
        before, after = (again, there) if back else (there, again)
        found.append(_event(name, term, rate.scaled(-1.0) if back else rate, before, after, back))
    return sorted(found, key=lambda event: event.back)


def _in_pairs(law: Polynomial, sides: Sequence[tuple[str, ...]]) -> dict[Product, Polynomial]:
    """The terms of a law, of which ``n n`` counts twice the pairs, n (n - 1).

    Where the law is written with n - 1, the square is ``n (n - 1) + n``. Elsewhere ``K n²`` alone
    is the mean-field form, and so it is in ``K n² - k n`` if that n can be the way back of a
    reversible reaction; if not, K n (n - 1) was multiplied out.
    """
    terms = law.by_species()
    for pair in [term for term in terms if len(term) == 2 and term[0] == term[1]]:
        single, square = pair[:1], terms[pair]
        linear = terms.get(single, Polynomial.constant(0.0))
        rest = linear + square
        spelled = pair[0] in law.falling
        way_back = any(side == single for side in sides)
        if spelled or (not way_back and _vanishes(rest, square)):
            terms[single] = rest
            if _vanishes(rest, square):
                del terms[single]
        elif not way_back and _sign(linear) * _sign(square) < 0:
            raise ModelError(
                f"its law has terms in {pair[0]} and {pair[0]}^2 that are neither K {pair[0]} "
                f"({pair[0]} - 1) nor two directions of the reaction: write one reaction each"
            )
    return terms


def _vanishes(rest: Polynomial, of: Polynomial) -> bool:
    """Whether a difference is 0 but for rounding."""
    largest = max(map(abs, of.terms.values()), default=0.0)
    return all(abs(value) <= 1e-9 * largest for value in rest.terms.values())


def _sign(rate: Polynomial) -> int:
    """The sign of a constant rate; 0 of a rate that depends on time."""
    return 0 if rate.value is None else int(math.copysign(1, rate.value)) if rate.value else 0


def _is_back(
    term: Product,
    rate: Polynomial,
    reactants: tuple[str, ...],
    products: tuple[str, ...],
    reversible: bool,
) -> bool:
    """Whether a term is the way back: by its sign, or by its species if it depends on time."""
    if rate.value is not None:
        if rate.value < 0 and not reversible:
            raise ModelError(
                f"its law has a negative term, {_shown(term)}, but it is not reversible; mark it "
                f"as reversible if that is the way back"
            )
        return rate.value < 0
    fits = [not Counter(side) - Counter(term) for side in (reactants, products)]
    if reversible and all(fits):
        raise ModelError(
            f"the rate of its term {_shown(term)} depends on time, and the term may be either "
            f'direction of the reaction: write one reaction each way, with reversible="false"'
        )
    return reversible and fits[1]


def _event(
    name: str,
    term: Product,
    rate: Polynomial,
    reactants: tuple[str, ...],
    products: tuple[str, ...],
    back: bool,
) -> OneWayReaction:
    catalysts = Counter(term)
    catalysts.subtract(reactants)
    missing = [s for s, count in catalysts.items() if count < 0]
    if missing:
        role = "product" if back else "reactant"
        raise ModelError(
            f"its rate {_shown(term)} is not mass action: it does not contain the {role} "
            f"{missing[0]}" + (" often enough" if missing[0] in term else "")
        )
    if len(term) > 2:
        raise ModelError(f"{_shown(term)} is of order {len(term)}; at most two")
    extra = tuple(catalysts.elements())
    like = len(term) == 2 and term[0] == term[1]
    before, after = _paired((*reactants, *extra), (*products, *extra))
    return OneWayReaction(name, before, after, rate.scaled(2.0) if like else rate, back)


def _paired(
    reactants: tuple[str, ...], products: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What stays comes first on both sides, so that it keeps its place."""
    kept = Counter(reactants) & Counter(products)

    def ordered(species: tuple[str, ...]) -> tuple[str, ...]:
        rest = Counter(species) - kept
        return (*kept.elements(), *rest.elements())

    return ordered(reactants), ordered(products)


def _shown(term: Product) -> str:
    return "k " + " ".join(term) if term else "a constant"
