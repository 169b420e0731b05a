"""Parts of an SBML file that no reaction-diffusion system can be made of, one message each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

_HARMLESS = ("l3v2extendedmath",)  # its functions are refused one by one


def packages(document: Any) -> Iterator[str]:
    """Packages that change what the model means; there are none before level 3."""
    if document.getLevel() < 3:
        return
    found = [document.getPlugin(k).getPackageName() for k in range(document.getNumPlugins())]
    found += [document.getUnknownPackagePrefix(k) for k in range(document.getNumUnknownPackages())]
    for name in found:
        if document.getPackageRequired(name) and name not in _HARMLESS:
            yield f"it needs the SBML package {name!r}, which is not supported"


def features(model: Any) -> Iterator[str]:
    """Parts of a model that are no reactions of mass action."""
    for k in range(model.getNumRules()):
        yield f"the rule for {model.getRule(k).getVariable() or 'nothing'} is not supported"
    for k in range(model.getNumEvents()):
        yield f"the event {model.getEvent(k).getId() or k + 1} is not supported"
    if model.getNumConstraints():
        yield "constraints are not supported"
    if model.isSetConversionFactor():
        yield "a conversionFactor is not supported"
    for k in range(model.getNumSpecies()):
        if model.getSpecies(k).isSetConversionFactor():
            yield f"the conversionFactor of {model.getSpecies(k).getId()} is not supported"
    used = {model.getSpecies(k).getCompartment() for k in range(model.getNumSpecies())}
    if len(used) > 1:
        yield f"species in several compartments, {', '.join(sorted(used))}: one is supported"


def names(model: Any) -> Iterator[str]:
    """Names that stand for two things, or for none."""
    lists = [
        model.getListOfFunctionDefinitions(),
        model.getListOfCompartments(),
        model.getListOfSpecies(),
        model.getListOfParameters(),
        model.getListOfReactions(),
    ]
    ids = Counter(entries.get(k).getId() for entries in lists for k in range(entries.size()))
    for name, count in ids.items():
        if count > 1:
            yield f"{count} things have the id {name!r}"
    for k in range(model.getNumSpecies()):
        one = model.getSpecies(k)
        if model.getCompartment(one.getCompartment()) is None:
            yield f"{one.getId()} is in a compartment that is not there, {one.getCompartment()!r}"
