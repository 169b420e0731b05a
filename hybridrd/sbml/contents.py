"""Parts of an SBML model by their ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hybridrd.errors import ModelError


def entries(count: int, get: Callable[[int], Any]) -> Iterator[Any]:
    """The members of a list of libSBML."""
    return (get(k) for k in range(count))


@dataclass(frozen=True)
class Contents:
    """Parts of a model by id; rules and initial assignments by the id that they set.

    Attributes
    ----------
    model
        The model, ``libsbml.Model``.
    level
        ``(level, version)`` of the document.
    """

    model: Any
    level: tuple[int, int]
    functions: dict[str, Any]
    compartments: dict[str, Any]
    species: dict[str, Any]
    parameters: dict[str, Any]
    reactions: dict[str, Any]
    references: dict[str, Any]
    rules: dict[str, Any]
    assignments: dict[str, Any]

    def is_fixed(self, species: Any) -> bool:
        """Whether reactions don't change a species: its value is part of the rates."""
        return bool(
            species.getConstant() or species.getBoundaryCondition() or species.getId() in self.rules
        )

    @property
    def variable(self) -> list[Any]:
        """The species that reactions change."""
        return [one for one in self.species.values() if not self.is_fixed(one)]


def contents(model: Any, level: tuple[int, int]) -> Contents:
    """The parts of a model. Raises ModelError where an id is given twice."""
    m = model
    reactions = list(entries(m.getNumReactions(), m.getReaction))
    lists = {
        "functions": list(entries(m.getNumFunctionDefinitions(), m.getFunctionDefinition)),
        "compartments": list(entries(m.getNumCompartments(), m.getCompartment)),
        "species": list(entries(m.getNumSpecies(), m.getSpecies)),
        "parameters": list(entries(m.getNumParameters(), m.getParameter)),
        "reactions": reactions,
        "references": [one for r in reactions for one in references(r) if one.isSetId()],
    }
    problems = []
    count = Counter(one.getId() for parts in lists.values() for one in parts)
    problems += [f"{n} things have the id {name!r}" for name, n in count.items() if n > 1]
    rules = [r for r in entries(m.getNumRules(), m.getRule) if r.isAssignment() and _acts(r)]
    given = entries(m.getNumInitialAssignments(), m.getInitialAssignment)
    assignments = [one for one in given if _acts(one)]
    set_by = Counter([r.getVariable() for r in rules] + [a.getSymbol() for a in assignments])
    problems += [
        f"{name} is set by {n} rules or initial assignments; at most one is allowed"
        for name, n in set_by.items()
        if n > 1
    ]
    if problems:
        raise ModelError("\n".join(problems))
    return Contents(
        model=model,
        level=level,
        **{name: {one.getId(): one for one in parts} for name, parts in lists.items()},
        rules={rule.getVariable(): rule for rule in rules},
        assignments={one.getSymbol(): one for one in assignments},
    )


def _acts(rule: Any) -> bool:
    """Whether a rule has a formula; from level 3 version 2 on, one without has no effect."""
    return (rule.getLevel(), rule.getVersion()) < (3, 2) or rule.getMath() is not None


def references(reaction: Any) -> Iterator[Any]:
    """The reactants of a reaction, then its products."""
    yield from entries(reaction.getNumReactants(), reaction.getReactant)
    yield from entries(reaction.getNumProducts(), reaction.getProduct)
