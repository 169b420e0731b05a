"""Reactions and initial copy numbers of an SBML document."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hybridrd.errors import AccuracyWarning, ModelError
from hybridrd.sbml.contents import Contents, contents, references
from hybridrd.sbml.features import features, packages
from hybridrd.sbml.law import Evaluator
from hybridrd.sbml.mass_action import OneWayReaction, events
from hybridrd.sbml.source import core_of
from hybridrd.sbml.units import copies_per_amount
from hybridrd.sbml.values import Values

_MOST = 1e12  # copies; more are implausible in a file without units
_BURST = 1000  # copies of one species in one reaction


@dataclass(frozen=True)
class Model:
    """A well-mixed model in copy numbers.

    Attributes
    ----------
    copies
        The initial copy number of each species that reactions change; None if the file has none.
    events
        Its one-way reactions.
    """

    copies: dict[str, float | None]
    events: list[OneWayReaction]


def read(text: str, where: str, copies_per_amount: float | None) -> Model:
    """Read the text of an SBML document.

    Parameters
    ----------
    text
        The document.
    where
        Its file, for messages.
    copies_per_amount
        Number of copies in one unit of substance; None for that of the document.

    Raises
    ------
    ModelError
        With everything that is not supported, one line each.
    """
    lib = _library(where)
    document = lib.readSBMLFromString(core_of(text, where))
    for k in range(document.getNumErrors()):
        error = document.getError(k)
        if error.getSeverity() >= lib.LIBSBML_SEV_ERROR:
            message = " ".join(error.getMessage().split())
            raise ModelError(f"{where}: not SBML, line {error.getLine()}: {message}")
    model = document.getModel()
    if model is None:
        raise ModelError(f"{where}: it contains no model")
    try:
        inside = contents(model, (document.getLevel(), document.getVersion()))
        problems = [*packages(document), *features(inside)]
        if problems:
            raise ModelError("\n".join(problems))
        return _Reader(lib, where, inside, copies_per_amount).read()
    except ModelError as error:
        lines = str(error).splitlines()
        raise ModelError("\n".join(f"{where}: {line}" for line in lines)) from error
    except RecursionError as error:
        raise ModelError(
            f"{where}: its formulas are nested too deeply, or refer to one another through too "
            f"many steps"
        ) from error


def _library(where: str) -> Any:
    try:
        import libsbml
    except ImportError as error:
        raise ModelError(
            f"{where}: SBML files need python-libsbml ({error}); "
            f"install it with: pip install hybridrd[sbml]"
        ) from error
    return libsbml


class _Reader:
    """Reader of the species and reactions of a model without other features."""

    def __init__(self, lib: Any, where: str, inside: Contents, copies: float | None) -> None:
        self._where, self._inside = where, inside
        self._said = copies is not None
        self._copies = copies_per_amount(lib, inside) if copies is None else copies
        evaluate = Evaluator(lib, inside.functions)
        initial = Values(inside, evaluate, self._copies)
        self._values = Values(inside, evaluate, self._copies, initial)

    def read(self) -> Model:
        problems, found, copies = [], [], {}
        for name, reaction in self._inside.reactions.items():
            try:
                found += self._events(reaction)
            except ModelError as error:
                problems.append(f"reaction {name}: {error}")
        for species in self._inside.variable:
            try:
                if species.getCompartment() in self._inside.rules:
                    self._values.size(species)  # refused if it changes, even if no law uses it
                amount = self._values.amount(species)
            except ModelError as error:
                problems.append(f"species {species.getId()}: {error}")
                continue
            copies[species.getId()] = None if amount is None else amount * self._copies
        if problems:
            raise ModelError("\n".join(problems))
        if not copies:
            raise ModelError("there are no species whose number changes")
        self._warn_of_moles(copies)
        return Model(copies, found)

    def _warn_of_moles(self, copies: dict[str, float | None]) -> None:
        """Warn of a file before level 3 without units: probably copies, not moles."""
        inside = self._inside
        if self._said or inside.level[0] > 2 or inside.model.getUnitDefinition("substance"):
            return
        for name, number in copies.items():
            if number is not None and _MOST < number < math.inf:
                warnings.warn(
                    f"{self._where}: {name} starts with {number:.3g} copies: in a file of level "
                    f"{inside.level[0]} without units amounts are moles; with "
                    f"copies_per_amount=1 they are copies",
                    AccuracyWarning,
                    stacklevel=7,
                )
                return

    def _events(self, reaction: Any) -> list[OneWayReaction]:
        reactants, products = self._sides(reaction)
        before, after = Counter(reactants), Counter(products)
        changed = sorted(name for name in before | after if before[name] != after[name])
        if not changed:
            return []
        rate = self._values.rate(reaction).scaled(self._copies * self._factor(changed))
        if not all(map(math.isfinite, rate.terms.values())):
            raise ModelError("its rate is not a finite number")
        if not rate.terms:
            warnings.warn(
                f"{self._where}: reaction {reaction.getId()}: its law is 0; it is left out",
                AccuracyWarning,
                stacklevel=7,
            )
        return events(reaction.getId(), rate, reactants, products, reaction.getReversible())

    def _sides(self, reaction: Any) -> tuple[list[str], list[str]]:
        """The species of both sides, each as often as it takes part, without fixed ones."""
        sides: tuple[dict[str, float], dict[str, float]] = ({}, {})
        for k, one in enumerate(references(reaction)):
            name = one.getSpecies()
            if not self._inside.is_fixed(self._inside.species[name]):
                times = self._values.stoichiometry(one)
                side = sides[k >= reaction.getNumReactants()]
                side[name] = side.get(name, 0.0) + times
        for name, times in (item for side in sides for item in side.items()):
            if not times.is_integer() or not 0 <= times <= _BURST:
                raise ModelError(
                    f"the stoichiometry of {name} is {times:g}; a whole number up to {_BURST} is "
                    f"needed"
                )
        left, right = ([n for n, times in s.items() for _ in range(int(times))] for s in sides)
        return left, right

    def _factor(self, changed: Iterable[str]) -> float:
        """The conversion factor of a reaction: amount per extent, one for all that it changes."""
        factors = {}
        for name in changed:
            species = self._inside.species[name]
            given = species if species.isSetConversionFactor() else self._inside.model
            factor = given.getConversionFactor()
            factors[name] = self._values.number(factor, factor) if factor else 1.0
        if len(set(factors.values())) > 1:
            shown = ", ".join(f"{value:g} of {name}" for name, value in factors.items())
            raise ModelError(
                f"its species have different conversion factors, {shown}: only one for all is "
                f"supported"
            )
        return next(iter(factors.values()))
