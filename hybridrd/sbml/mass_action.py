"""Which one-way reactions a polynomial rate stands for."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hybridrd.errors import ModelError
from hybridrd.sbml.polynomial import Monomial, Polynomial


@dataclass(frozen=True)
class Event:
    """A one-way reaction in a well-mixed volume.

    Attributes
    ----------
    name
        What the file calls it.
    reactants, products
        Species, each as often as it takes part.
    rate
        ``rate n_A``, ``rate n_A n_B``, of like reactants ``rate n (n - 1)/2``: per copy, or per
        pair of copies (1/time).
    """

    name: str
    reactants: tuple[str, ...]
    products: tuple[str, ...]
    rate: float


def events(
    name: str,
    law: Polynomial,
    reactants: Sequence[str],
    products: Sequence[str],
    reversible: bool,
) -> list[Event]:
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
        If the law is no mass action of these reactants, and why.

    Notes
    -----
    A species of the law that is no reactant takes part as a catalyst. Of like reactants ``K n²``
    is the mean-field form of ``K n (n - 1)``, and both mean that ``rate = 2 K``: a law of
    ``K n (n - 1)/2`` is the propensity of pairs that react with rate K.
    """
    terms = dict(law.terms)
    _drop_companions(terms, (reactants, products) if reversible else ())
    forward = [m for m, value in terms.items() if value > 0]
    back = [m for m, value in terms.items() if value < 0]
    if back and not reversible:
        raise ModelError(
            f"its law has a negative term, {_shown(back[0])}, but it is not reversible"
        )
    if len(forward) > 1 or len(back) > 1:
        alike = forward if len(forward) > 1 else back
        raise ModelError(
            f"its law has several terms, {' and '.join(map(_shown, alike))}: "
            f"write one reaction each"
        )
    there, again = tuple(reactants), tuple(products)
    found = [_event(name, m, terms[m], there, again, "reactant") for m in forward]
    found += [_event(name, m, -terms[m], again, there, "product") for m in back]
    return found


def _drop_companions(terms: dict[Monomial, float], sides: Sequence[Sequence[str]]) -> None:
    """Write ``K n (n - 1)`` as ``K n²``.

    In a reversible reaction the linear term may be that of the other way, if its one reactant is
    the same species: ``K n² - K n`` of ``2 A <-> A`` is both, and cannot be told apart.
    """
    for monomial in [m for m in terms if len(m) == 2 and m[0] == m[1]]:
        single = (monomial[0],)
        linear = terms.get(single)
        if linear is None or linear * terms[monomial] > 0:  # the latter are two reactions
            continue
        alone = any(tuple(side) == single for side in sides)
        if alone or not math.isclose(linear, -terms[monomial], rel_tol=1e-9):
            name = monomial[0]
            raise ModelError(
                f"its law has terms in {name} and {name}^2, and it cannot be told whether the "
                f"first is a reaction or a part of K {name} ({name} - 1): write one reaction each"
            )
        del terms[single]


def _event(
    name: str,
    monomial: Monomial,
    value: float,
    reactants: tuple[str, ...],
    products: tuple[str, ...],
    role: str,
) -> Event:
    catalysts = Counter(monomial)
    catalysts.subtract(reactants)
    missing = [s for s, count in catalysts.items() if count < 0]
    if missing:
        raise ModelError(
            f"its rate {_shown(monomial)} is no mass action: it does not contain the {role} "
            f"{missing[0]}" + (" often enough" if missing[0] in monomial else "")
        )
    if len(monomial) > 2:
        raise ModelError(f"{_shown(monomial)} is of order {len(monomial)}; at most two")
    extra = tuple(catalysts.elements())
    like = len(monomial) == 2 and monomial[0] == monomial[1]
    before, after = _paired((*reactants, *extra), (*products, *extra))
    return Event(name, before, after, 2.0 * value if like else value)


def _paired(
    reactants: tuple[str, ...], products: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What stays comes first on both sides, so that it stays in its place."""
    kept = Counter(reactants) & Counter(products)

    def ordered(species: tuple[str, ...]) -> tuple[str, ...]:
        rest = Counter(species) - kept
        return (*kept.elements(), *rest.elements())

    return ordered(reactants), ordered(products)


def _shown(monomial: Monomial) -> str:
    return "k " + " ".join(monomial) if monomial else "a constant"
