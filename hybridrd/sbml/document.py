"""What of an SBML file a reaction-diffusion system can be made of, and what is refused."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybridrd.errors import AccuracyWarning, ModelError
from hybridrd.sbml.features import features, names, packages
from hybridrd.sbml.law import polynomial
from hybridrd.sbml.mass_action import Event, events
from hybridrd.sbml.polynomial import Polynomial

AVOGADRO = 6.02214076e23
_MOST = 1e12  # copies; more are hardly meant where the file has no units


@dataclass(frozen=True)
class Model:
    """A well-mixed model in copy numbers.

    Attributes
    ----------
    copies
        The initial copy number of each species that is not held constant; None if the file has
        none.
    events
        Its one-way reactions.
    constant
        Species that are held constant: they are part of the rates.
    """

    copies: dict[str, float | None]
    events: list[Event]
    constant: tuple[str, ...]


def read(path: Path, copies_per_amount: float | None) -> Model:
    """Read an SBML file.

    Raises
    ------
    ModelError
        With all that cannot be taken over, one line each.
    """
    lib = _library(path)
    if not path.is_file():
        what = "is a directory; give an SBML file" if path.is_dir() else "there is no such file"
        raise ModelError(f"{path}: {what}")
    document = lib.readSBMLFromFile(str(path))
    for k in range(document.getNumErrors()):
        error = document.getError(k)
        if error.getSeverity() >= lib.LIBSBML_SEV_ERROR:
            text = " ".join(error.getMessage().split())
            raise ModelError(f"{path}: not SBML, line {error.getLine()}: {text}")
    if document.getLevel() < 2:
        raise ModelError(f"{path}: SBML of level {document.getLevel()}; level 2 or 3 is needed")
    model = document.getModel()
    if model is None:
        raise ModelError(f"{path}: there is no model in it")
    problems = [*packages(document), *features(model), *names(model)]
    if not problems:
        for way in ("expandFunctionDefinitions", "expandInitialAssignments"):
            properties = lib.ConversionProperties()
            properties.addOption(way, True)
            if document.convert(properties) != lib.LIBSBML_OPERATION_SUCCESS:
                problems.append(f"libSBML cannot expand its definitions ({way})")
    if problems:
        raise ModelError("\n".join(f"{path}: {problem}" for problem in problems))
    return _Reader(lib, path, model, copies_per_amount).read()


def _library(path: Path) -> Any:
    try:
        import libsbml
    except ImportError as error:
        raise ModelError(
            f"{path}: SBML files need python-libsbml ({error}); "
            f"install it with: pip install hybridrd[sbml]"
        ) from error
    return libsbml


class _Reader:
    """Reads species and reactions once it is known that there is nothing else."""

    def __init__(self, lib: Any, path: Path, model: Any, copies: float | None) -> None:
        self._lib, self._path, self._model = lib, path, model
        self._copies = self._copies_per_amount() if copies is None else copies
        self._said = copies is not None
        self._species = [model.getSpecies(k) for k in range(model.getNumSpecies())]
        self._constant = tuple(
            s.getId() for s in self._species if s.getConstant() or s.getBoundaryCondition()
        )

    def read(self) -> Model:
        problems, found = [], []
        symbols = self._symbols()
        for k in range(self._model.getNumReactions()):
            reaction = self._model.getReaction(k)
            try:
                found += self._events(reaction, symbols)
            except ModelError as error:
                problems.append(f"{self._path}: reaction {reaction.getId()}: {error}")
        if problems:
            raise ModelError("\n".join(problems))
        copies = {
            s.getId(): self._initial(s) for s in self._species if s.getId() not in self._constant
        }
        if not copies:
            raise ModelError(f"{self._path}: there are no species whose number changes")
        self._warn_of_moles(copies)
        return Model(copies, found, self._constant)

    def _warn_of_moles(self, copies: dict[str, float | None]) -> None:
        """Warn where a level 2 file says no unit, means moles, and most likely copies."""
        if self._said or self._model.getLevel() > 2 or self._model.getUnitDefinition("substance"):
            return
        for name, number in copies.items():
            if number is not None and _MOST < number < math.inf:
                warnings.warn(
                    f"{self._path}: {name} starts with {number:.3g} copies: amounts are moles "
                    f"where a level 2 file says nothing; with copies_per_amount=1 they are copies",
                    AccuracyWarning,
                    stacklevel=4,
                )
                return

    def _copies_per_amount(self) -> float:
        """How many copies one unit of substance is; the same for all species."""
        model = self._model
        names = {model.getSpecies(k).getSubstanceUnits() for k in range(model.getNumSpecies())}
        if model.getLevel() > 2:
            default = model.getSubstanceUnits() or "item"
            names = {name or default for name in names} | {model.getExtentUnits() or default}
        else:
            names = {name or "substance" for name in names}
        factors = {self._copies_per(name) for name in names}
        if len(factors) > 1:
            raise ModelError(
                f"{self._path}: amounts in different units, {', '.join(sorted(names))}: "
                f"one is supported"
            )
        return factors.pop() if factors else 1.0

    def _copies_per(self, name: str) -> float:
        definition = self._model.getUnitDefinition(name)
        if definition is None:
            kinds = {"item": 1.0, "dimensionless": 1.0, "mole": AVOGADRO, "substance": AVOGADRO}
            if name not in kinds:
                raise ModelError(
                    f"{self._path}: amounts in {name!r}: give copies_per_amount, how many copies "
                    f"one is"
                )
            return kinds[name]
        unit = definition.getUnit(0) if definition.getNumUnits() == 1 else None
        if unit is None or unit.getExponentAsDouble() != 1 or unit.getOffset() != 0:
            raise ModelError(
                f"{self._path}: {name!r} is no unit of an amount; give copies_per_amount"
            )
        kind = self._lib.UnitKind_toString(unit.getKind())
        return float(unit.getMultiplier() * 10.0 ** unit.getScale() * self._copies_per(kind))

    def _size(self, species: Any) -> float:
        """The size of a species' compartment; 1 where it has its number, not a concentration."""
        compartment = self._model.getCompartment(species.getCompartment())
        if species.getHasOnlySubstanceUnits() or compartment.getSpatialDimensionsAsDouble() == 0:
            return 1.0
        if not compartment.isSetSize():
            raise ModelError(
                f"{self._path}: {species.getId()} is a concentration, but its compartment "
                f"{compartment.getId()} has no size"
            )
        return float(compartment.getSize())

    def _initial(self, species: Any) -> float | None:
        """The initial copy number."""
        if species.isSetInitialAmount():
            return float(species.getInitialAmount()) * self._copies
        if species.isSetInitialConcentration():
            compartment = self._model.getCompartment(species.getCompartment())
            size = float(compartment.getSize()) if compartment.isSetSize() else math.nan
            return float(species.getInitialConcentration()) * size * self._copies
        return None

    def _symbols(self) -> dict[str, Polynomial]:
        """What the names of the model stand for in laws."""
        found = {}
        for k in range(self._model.getNumParameters()):
            parameter = self._model.getParameter(k)
            if parameter.isSetValue():
                found[parameter.getId()] = Polynomial.constant(parameter.getValue())
        for k in range(self._model.getNumCompartments()):
            compartment = self._model.getCompartment(k)
            if compartment.isSetSize():
                if not 0 < compartment.getSize() < math.inf:
                    raise ModelError(
                        f"{self._path}: compartment {compartment.getId()} has the size "
                        f"{compartment.getSize():g}; it must be positive"
                    )
                found[compartment.getId()] = Polynomial.constant(compartment.getSize())
        for species in self._species:
            name = species.getId()
            each = 1.0 / (self._copies * self._size(species))  # of one copy
            if name not in self._constant:
                found[name] = Polynomial.variable(name, each)
                continue
            copies = self._initial(species)
            if copies is not None:
                found[name] = Polynomial.constant(copies * each)
        return found

    def _events(self, reaction: Any, symbols: dict[str, Polynomial]) -> list[Event]:
        if self._model.getLevel() < 3 and reaction.getFast():
            raise ModelError("it is fast, which is not supported")
        law = reaction.getKineticLaw()
        if law is None or law.getMath() is None:
            raise ModelError("it has no kinetic law")
        own = dict(symbols)
        for parameter in [
            *(law.getParameter(k) for k in range(law.getNumParameters())),
            *(law.getLocalParameter(k) for k in range(law.getNumLocalParameters())),
        ]:
            own[parameter.getId()] = Polynomial.constant(parameter.getValue())
        rate = polynomial(law.getMath(), own).scaled(self._copies)
        if not all(map(math.isfinite, rate.terms.values())):
            raise ModelError("its rate is not a finite number")
        if not rate.terms:
            warnings.warn(
                f"{self._path}: reaction {reaction.getId()}: its law is 0; it is left out",
                AccuracyWarning,
                stacklevel=5,
            )
        sides = [
            [reaction.getReactant(k) for k in range(reaction.getNumReactants())],
            [reaction.getProduct(k) for k in range(reaction.getNumProducts())],
        ]
        reactants, products = ([*self._side(side)] for side in sides)
        return events(reaction.getId(), rate, reactants, products, reaction.getReversible())

    def _side(self, references: list[Any]) -> Iterator[str]:
        """The species of one side, each as often as it takes part, without constant ones."""
        for reference in references:
            count = reference.getStoichiometry()
            if reference.isSetStoichiometryMath() or not float(count).is_integer() or count < 0:
                raise ModelError(
                    f"the stoichiometry of {reference.getSpecies()} is not a whole number"
                )
            if self._model.getSpecies(reference.getSpecies()) is None:
                raise ModelError(f"{reference.getSpecies()!r} is no species of the model")
            if reference.getSpecies() not in self._constant:
                yield from [reference.getSpecies()] * int(count)
