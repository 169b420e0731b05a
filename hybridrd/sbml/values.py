"""Values of the ids of an SBML model: at time 0 as numbers, later as polynomials."""

from __future__ import annotations

import math
from typing import Any

from hybridrd.errors import ModelError
from hybridrd.sbml.contents import Contents, entries
from hybridrd.sbml.law import Evaluator, Scope
from hybridrd.sbml.polynomial import Polynomial


class Values:
    """The polynomial of each id, in copy numbers of the species that reactions change.

    Parameters
    ----------
    contents
        The parts of the model.
    evaluate
        Reader of formulas.
    copies
        Number of copies in one unit of substance.
    initial
        The values at time 0; None if these are the values at time 0, all numbers.
    """

    def __init__(
        self, contents: Contents, evaluate: Evaluator, copies: float, initial: Values | None = None
    ) -> None:
        self._contents, self._evaluate, self._copies = contents, evaluate, copies
        self._initial = initial
        self._known: dict[str, Polynomial] = {}
        self._open: list[str] = []
        if initial is None:
            self.scope = Scope(self, Polynomial.constant(0.0))
        else:
            self.scope = Scope(self, Polynomial.function("time"))

    def __call__(self, name: str) -> Polynomial:
        """The polynomial of an id, in the units that it has in formulas.

        Raises
        ------
        ModelError
            If it has no value, depends on itself, or is not a polynomial.
        """
        if name not in self._known:
            if name in self._open:
                circle = " -> ".join([*self._open[self._open.index(name) :], name])
                raise ModelError(f"{name} depends on itself: {circle}")
            self._open.append(name)
            try:
                self._known[name] = self._find(name)
            finally:
                self._open.pop()
        return self._known[name]

    def formula(self, node: Any, what: str) -> Polynomial:
        """The polynomial of a formula; ``what`` names it if it is missing."""
        if node is None:
            raise ModelError(f"{what} has no formula")
        return self._evaluate(node, self.scope)

    def number(self, name: str, what: str) -> float:
        """The value of an id that must not change."""
        value = self(name).value
        if value is None:
            raise ModelError(f"{what} changes, which is not supported")
        return value

    def size(self, species: Any) -> float:
        """Divisor of a species' amount in formulas: 1 if the species is an amount."""
        name = species.getCompartment()
        if species.getHasOnlySubstanceUnits() or self._is_a_point(name):
            return 1.0
        return self.compartment(name, f"{species.getId()} is a concentration, but")

    def compartment(self, name: str, why: str) -> float:
        """The size of a compartment."""
        if name not in self._contents.rules and name not in self._contents.assignments:
            one = self._contents.compartments[name]
            if not one.isSetSize() or math.isnan(one.getSize()):
                raise ModelError(f"{why} its compartment {name} has no size")
        size = self.number(name, f"{why} the size of its compartment {name}")
        if not 0 < size < math.inf:
            raise ModelError(f"compartment {name} has the size {size:g}; it must be positive")
        return size

    def rate(self, reaction: Any) -> Polynomial:
        """The kinetic law of a reaction; its own parameters hide those of the model."""
        law = reaction.getKineticLaw()
        if law is None or law.getMath() is None:
            raise ModelError("it has no kinetic law")
        local = {
            one.getId(): one
            for one in (
                *entries(law.getNumParameters(), law.getParameter),
                *entries(law.getNumLocalParameters(), law.getLocalParameter),
            )
        }

        def lookup(name: str) -> Polynomial:
            if name not in local:
                return self(name)
            if not local[name].isSetValue():
                raise ModelError(f"{name} has no value")
            return Polynomial.constant(local[name].getValue())

        return self._evaluate(law.getMath(), Scope(lookup, self.scope.time))

    def amount(self, species: Any) -> float | None:
        """The initial amount of a species (substance); None if the file has none."""
        initial = self if self._initial is None else self._initial
        name = species.getId()
        if name in self._contents.assignments or name in self._contents.rules:
            return initial.number(name, f"the initial value of {name}") * initial.size(species)
        if species.isSetInitialAmount():
            return float(species.getInitialAmount())
        if species.isSetInitialConcentration():
            concentration = float(species.getInitialConcentration())
            why = f"{name} starts with a concentration, but"
            if self._is_a_point(species.getCompartment()):
                return concentration
            return concentration * initial.compartment(species.getCompartment(), why)
        return None

    def stoichiometry(self, reference: Any) -> float:
        """Stoichiometry of a species; NaN if the file does not give it."""
        name = f"the stoichiometry of {reference.getSpecies()}"
        if reference.isSetStoichiometryMath():
            node = reference.getStoichiometryMath().getMath()
            value = self.formula(node, name).value
            if value is None:
                raise ModelError(f"{name} changes, which is not supported")
            return value
        if reference.isSetId():
            return self.number(reference.getId(), name)
        return self._written(reference)

    def _find(self, name: str) -> Polynomial:
        inside = self._contents
        if name in inside.rules:
            return self.formula(inside.rules[name].getMath(), f"the rule for {name}")
        if name in inside.species:
            return self._species(inside.species[name])
        if self._initial is not None and name not in inside.reactions:
            return self._initial(name)
        if name in inside.assignments:
            node = inside.assignments[name].getMath()
            return self.formula(node, f"the initial assignment of {name}")
        if name in inside.parameters and inside.parameters[name].isSetValue():
            return Polynomial.constant(float(inside.parameters[name].getValue()))
        if name in inside.compartments and inside.compartments[name].isSetSize():
            return Polynomial.constant(float(inside.compartments[name].getSize()))
        if name in inside.references:
            return Polynomial.constant(self._written(inside.references[name]))
        if name in inside.reactions:
            return self.rate(inside.reactions[name])
        raise ModelError(f"{name} has no value")

    def _species(self, species: Any) -> Polynomial:
        name = species.getId()
        if self._initial is not None:
            if self._contents.is_fixed(species):
                return Polynomial.constant(self._level(species, self._initial))
            return Polynomial.variable(name, 1.0 / (self._copies * self.size(species)))
        if name in self._contents.assignments:
            node = self._contents.assignments[name].getMath()
            return self.formula(node, f"the initial assignment of {name}")
        return Polynomial.constant(self._level(species, self))

    def _level(self, species: Any, initial: Values) -> float:
        """The initial amount or concentration of a species, from the file."""
        amount = initial.amount(species)
        if amount is None:
            raise ModelError(f"{species.getId()} has no initial amount")
        return amount / self.size(species)

    def _is_a_point(self, compartment: str) -> bool:
        """Whether a compartment has dimension 0; before level 3 it has no size either."""
        one = self._contents.compartments[compartment]
        without = self._contents.level[0] < 3 or not one.isSetSize()
        return bool(without and one.getSpatialDimensionsAsDouble() == 0)

    def _written(self, reference: Any) -> float:
        return float(reference.getStoichiometry()) / (reference.getDenominator() or 1)
