"""Copies per unit of substance of an SBML file."""

from __future__ import annotations

from typing import Any

from hybridrd.errors import ModelError
from hybridrd.sbml.contents import Contents, entries

AVOGADRO = 6.02214076e23
_ADVICE = "give copies_per_amount=, the number of copies in one unit"
_KINDS = {"item": 1.0, "dimensionless": 1.0, "mole": AVOGADRO, "avogadro": AVOGADRO}


def copies_per_amount(lib: Any, contents: Contents) -> float:
    """Number of copies in one unit of substance according to the file; 1 without a unit.

    Before level 3, a file without a unit means moles.

    Raises
    ------
    ModelError
        If its units differ, or do not count anything.
    """
    model, level = contents.model, contents.level[0]
    default = model.getSubstanceUnits() if level > 2 else "substance"
    stated = {one.getSubstanceUnits() or default: "species" for one in contents.variable}
    if level > 2 and not _has_factors(contents):
        stated.setdefault(model.getExtentUnits(), "reactions")
    stated.pop("", None)
    factors = {name: _copies_per(lib, contents, name) for name in stated}
    if len(set(factors.values())) > 1:
        shown = ", ".join(f"{stated[name]} in {name}" for name in sorted(stated))
        raise ModelError(
            f"amounts are in different units, {shown}: only one is supported; {_ADVICE}"
        )
    return next(iter(factors.values()), 1.0)


def _has_factors(contents: Contents) -> bool:
    """Whether conversion factors convert extents of reactions to amounts."""
    given = [one.isSetConversionFactor() for one in contents.variable]
    return bool(contents.model.isSetConversionFactor() or (given and all(given)))


def _copies_per(lib: Any, contents: Contents, name: str) -> float:
    definition = contents.model.getUnitDefinition(name)
    if definition is None:
        kinds = _KINDS if contents.level[0] > 2 else {**_KINDS, "substance": AVOGADRO}
        if name not in kinds:
            raise ModelError(f"amounts are in {name!r}: {_ADVICE}")
        return kinds[name]
    copies, exponent = 1.0, 0.0
    for unit in entries(definition.getNumUnits(), definition.getUnit):
        kind = lib.UnitKind_toString(unit.getKind())
        power = unit.getExponentAsDouble()
        if kind not in _KINDS or unit.getOffset() != 0:
            raise ModelError(f"{name!r} is not a unit of an amount: {_ADVICE}")
        exponent += power if kind in ("item", "mole") else 0.0
        copies *= (unit.getMultiplier() * 10.0 ** unit.getScale() * _KINDS[kind]) ** power
    if definition.getNumUnits() == 0 or exponent not in (0.0, 1.0):
        raise ModelError(f"{name!r} is not a unit of an amount: {_ADVICE}")
    return float(copies)
