"""Checks for parts of an SBML file that a reaction-diffusion system cannot express."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hybridrd.sbml.contents import Contents, entries, references

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


def features(contents: Contents) -> Iterator[str]:
    """Parts of a model that are not reactions in one well-mixed volume."""
    model = contents.model
    without = contents.level >= (3, 2)  # a rule without a formula has no effect
    for rule in entries(model.getNumRules(), model.getRule):
        if without and rule.getMath() is None:
            continue
        if rule.isRate():
            yield (
                f"the rate rule for {rule.getVariable()} is not supported; write it as a "
                f"reaction if {rule.getVariable()} is a species"
            )
        elif not rule.isAssignment():
            yield "an algebraic rule is not supported"
    for k, event in enumerate(entries(model.getNumEvents(), model.getEvent)):
        if not (without and _is_idle(event)):
            yield f"the event {event.getId() or k + 1} is not supported"
    if any(
        not without or c.getMath() for c in entries(model.getNumConstraints(), model.getConstraint)
    ):
        yield "constraints are not supported"
    used = {one.getCompartment() for one in contents.variable}
    if len(used) > 1:
        yield (
            f"species in several compartments, {', '.join(sorted(used))}: only one is supported, "
            f"which the domain replaces"
        )
    for name, one in contents.species.items():
        if one.getCompartment() not in contents.compartments:
            yield f"{name} is in a compartment that does not exist, {one.getCompartment()!r}"
        elif _other_unit(one.getSpatialSizeUnits(), _size_units(one, contents), contents):
            yield f"the spatialSizeUnits of {name} differ from the units of its compartment"
    for name, reaction in contents.reactions.items():
        yield from (f"reaction {name}: {problem}" for problem in _reaction(reaction, contents))


def _is_idle(event: Any) -> bool:
    """Whether an event never fires, or sets nothing."""
    trigger = event.getTrigger()
    sets = entries(event.getNumEventAssignments(), event.getEventAssignment)
    fires = trigger is not None and trigger.getMath() is not None
    return not fires or all(one.getMath() is None for one in sets)


_BUILT_IN = {"time": "second", "substance": "mole", "volume": "litre", "length": "metre"}


def _size_units(species: Any, contents: Contents) -> str:
    """The units of a species' compartment, before level 3."""
    compartment = contents.compartments[species.getCompartment()]
    defaults = {1: "length", 2: "area", 3: "volume"}
    return compartment.getUnits() or defaults.get(compartment.getSpatialDimensions(), "")


def _other_unit(given: str, default: str, contents: Contents) -> bool:
    """Whether a part has its own unit, as levels 1 and 2 allow, other than that of the model."""
    built_in = None if contents.model.getUnitDefinition(default) else _BUILT_IN.get(default)
    return bool(given) and given not in (default, built_in)


def _reaction(reaction: Any, contents: Contents) -> Iterator[str]:
    if contents.level < (3, 2) and reaction.getFast():
        yield 'it is fast, which is not supported; write fast="false" and give its rate'
    law = reaction.getKineticLaw()
    if law is not None:
        for given, default in (
            (law.getTimeUnits(), "time"),
            (law.getSubstanceUnits(), "substance"),
        ):
            if _other_unit(given, default, contents):
                yield f"its kinetic law is in {given}, not in the model's unit of {default}"
    for one in references(reaction):
        name = one.getSpecies()
        if name not in contents.species:
            yield f"{name!r} is not a species of the model"
        elif name in contents.rules and not contents.species[name].getBoundaryCondition():
            yield f"{name} is changed by the reaction and set by a rule"
