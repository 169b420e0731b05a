"""One-way reactions of a kinetic law that is a polynomial in copy numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hybridrd.errors import ModelError
from hybridrd.sbml.polynomial import Polynomial

Product = tuple[str, ...]  # a product of copy numbers: names of species, each as often as its power


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
        The rate c in ``c n_A``, ``c n_A n_B``, ``c n_A n_B n_C`` (with n - 1 and n - 2 for further
        copies of a species), and in ``c n (n - 1)/2`` for identical pairs. Per copy, or per choice
        of copies (1/time), a number or a function of time; or the propensity itself, if `is_law`.
    back
        Whether it is the reverse of a reversible reaction.
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
        Whether a negative term is the rate of the reverse reaction.

    Raises
    ------
    ModelError
        If the law is not mass action of these reactants, with the reason.

    Notes
    -----
    A law with functions of copy numbers is a reaction with that law. Otherwise each term is a
    reaction. A species in a term that is not a reactant is a catalyst. For identical reactants
    ``K n²`` is the mean-field form of ``K n (n - 1)``, and both mean the rate 2 K: a law of
    ``K n (n - 1)/2`` is the propensity of pairs that react with rate K. Likewise ``K n³`` and
    ``K n (n - 1) (n - 2)`` are the same law, of rate K.
    """
    there, again = tuple(reactants), tuple(products)
    if law.is_law:
        return [OneWayReaction(name, *_paired(there, again), law, False)]
    terms = _falling(law, (there, again) if reversible else ())
    found = []
    for term, rate in terms.items():
        back = _is_back(term, rate, there, again, reversible)
        before, after = (again, there) if back else (there, again)
        found.append(_event(name, term, rate.scaled(-1.0) if back else rate, before, after, back))
    return sorted(found, key=lambda event: event.back)


def _falling(law: Polynomial, sides: Sequence[tuple[str, ...]]) -> dict[Product, Polynomial]:
    """The terms of a law, with powers of n as choices of copies, n (n - 1) ....

    In a law written with n - 1, the square is ``n (n - 1) + n``, the cube ``n (n - 1) (n -
    2) + 3 n (n - 1) + n``. Otherwise ``K n²`` alone is the mean-field form, also in ``K n²
    - k n`` if that n can be the reverse of a reversible reaction; if not, K n (n - 1) was
    multiplied out.
    """
    terms = law.by_species()
    for name in sorted({n for term in terms for n in term if term.count(n) > 1}):
        families: dict[Product, dict[int, Polynomial]] = {}
        for term, value in terms.items():
            rest = tuple(n for n in term if n != name)
            families.setdefault(rest, {})[term.count(name)] = value
        for rest, powers in families.items():
            top = max(powers)
            if top < 2:
                continue
            choices = _choices(powers)
            low = [j for j in choices if j < top and not _vanishes(choices[j], powers[top])]
            lower = [j for j in powers if 0 < j < top]
            way_back = any(_term(rest, name, j) in sides for j in lower)
            if name in law.falling or (lower and not way_back and not low):
                for j in choices:
                    terms.pop(_term(rest, name, j), None)
                    if j in low or j == top:
                        terms[_term(rest, name, j)] = choices[j]
            elif not way_back and any(_sign(powers[j]) * _sign(powers[top]) < 0 for j in lower):
                raise ModelError(
                    f"its law has terms in {_shown(_term(rest, name, lower[0]))[2:]} and "
                    f"{name}^{top} that are neither K {name} ({name} - 1) nor two directions of "
                    f"the reaction: write one reaction for each"
                )
    return terms


def _choices(powers: Mapping[int, Polynomial]) -> dict[int, Polynomial]:
    """The coefficients of n (n - 1) ... from those of the powers of n, by Stirling's numbers."""
    result = {0: powers.get(0, Polynomial.constant(0.0))}
    stirling = [1]
    for m in range(1, max(powers) + 1):
        stirling = [0, *(a + j * b for j, (a, b) in enumerate(pairwise([*stirling, 0]), 1))]
        result[m] = Polynomial.constant(0.0)
        for j, number in enumerate(stirling):
            if number and m in powers:
                result[j] = result[j] + powers[m].scaled(float(number))
    return result


def _term(rest: Product, name: str, power: int) -> Product:
    return tuple(sorted((*rest, *(name,) * power)))


def _vanishes(rest: Polynomial, of: Polynomial) -> bool:
    """Whether a difference is 0 to round-off."""
    largest = max(map(abs, of.terms.values()), default=0.0)
    return all(abs(value) <= 1e-9 * largest for value in rest.terms.values())


def _sign(rate: Polynomial) -> int:
    """The sign of a constant rate; 0 for a rate that depends on time."""
    return 0 if rate.value is None else int(math.copysign(1, rate.value)) if rate.value else 0


def _is_back(
    term: Product,
    rate: Polynomial,
    reactants: tuple[str, ...],
    products: tuple[str, ...],
    reversible: bool,
) -> bool:
    """Whether a term is the reverse: by its sign, or by its species if it depends on time."""
    if rate.value is not None:
        if rate.value < 0 and not reversible:
            raise ModelError(
                f"its law has a negative term, {_shown(term)}, but it is not reversible; mark it "
                f"as reversible if that is the reverse reaction"
            )
        return rate.value < 0
    fits = [not Counter(side) - Counter(term) for side in (reactants, products)]
    if reversible and all(fits):
        raise ModelError(
            f"the rate of its term {_shown(term)} depends on time, and the term may be either "
            f'direction of the reaction: write one reaction for each, with reversible="false"'
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
    extra = tuple(catalysts.elements())
    like = len(term) == 2 and term[0] == term[1]
    before, after = _paired((*reactants, *extra), (*products, *extra))
    return OneWayReaction(name, before, after, rate.scaled(2.0) if like else rate, back)


def _paired(
    reactants: tuple[str, ...], products: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Species on both sides first, so that these particles keep their position."""
    kept = Counter(reactants) & Counter(products)

    def ordered(species: tuple[str, ...]) -> tuple[str, ...]:
        rest = Counter(species) - kept
        return (*kept.elements(), *rest.elements())

    return ordered(reactants), ordered(products)


def _shown(term: Product) -> str:
    return "k " + " ".join(term) if term else "a constant"
