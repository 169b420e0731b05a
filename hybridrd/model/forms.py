"""Normal form of a System's fields: tuples, names, one entry per wall."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from hybridrd.arguments import items, number, shown
from hybridrd.errors import ModelError
from hybridrd.model.draft import DEFAULT_CELLS, Draft
from hybridrd.model.frozen import Frozen, frozen
from hybridrd.model.places import Places
from hybridrd.model.quantity import in_units
from hybridrd.model.reaction import Reaction
from hybridrd.model.shell import Domain
from hybridrd.model.species import Species, species_name
from hybridrd.model.walls import Wall

MAX_CELLS = 2**31 - 1
T = TypeVar("T")


def normalise(
    given: Mapping[str, Any], at: Places, unclear: frozenset[str] = frozenset()
) -> tuple[Draft, list[str]]:
    """Bring fields to normal form: tuples of parts, names of species, a wall for each side.

    Parameters
    ----------
    given
        The fields of a System.
    at
        Names of the fields in messages.
    unclear
        Fields that are unknown because of mistakes reported before: ``domain``, ``cells``, or
        ``species`` if a name is missing.

    Returns
    -------
    draft
        The fields that have the right form.
    problems
        The others, one line each.
    """
    given, problems = in_units(given, at.field)
    domain = None if "domain" in unclear else given["domain"]
    if domain is not None and not isinstance(domain, Domain):
        problems.append(f"{at.field('domain')} = {shown(domain)}: give a Box or a Shell")
        domain = None
    elif domain is None and "domain" not in unclear:
        problems.append(f"{at.field('domain')} = None: give a Box or a Shell")
    before = len(problems)
    species = _tuple(given["species"], Species, at.field("species"), problems)
    if not species and len(problems) == before:
        problems.append("species: give at least one Species")
    all_species = len(problems) == before and "species" not in unclear
    draft = Draft(
        domain=domain,
        cells=None if "cells" in unclear else _cells(given["cells"], domain, at, problems),
        particles=given["particles"],
        obstacles=given["obstacles"],
        interface=given["interface"],
        coupling=given["coupling"],
        fluctuations=_fluctuations(given["fluctuations"]),
        correct_pairs=given["correct_pairs"],
        species=species,
        reactions=_tuple(given["reactions"], Reaction, at.field("reactions"), problems),
        walls=_walls(given["walls"], domain, at, problems),
        units=Frozen(_mapping(given["units"], at.field("units"), problems)),
        contents=_contents(given["initial"], problems),
        all_species=all_species,
    )
    return draft, problems


def _fluctuations(given: Any) -> Any:
    """True is "discrete", False is None."""
    return {True: "discrete", False: None}[given] if isinstance(given, bool) else given


def _tuple(value: Any, kind: type[T], where: str, problems: list[str]) -> tuple[T, ...]:
    given = items(value)
    given = (value,) if given is None else given
    problems += [
        f"{where}: {shown(item)} is not a {kind.__name__}; give a list of them"
        for item in given
        if not isinstance(item, kind)
    ]
    return tuple(item for item in given if isinstance(item, kind))


def _mapping(value: Any, where: str, problems: list[str]) -> Mapping[Any, Any]:
    if isinstance(value, Mapping):
        return value
    problems.append(f"{where} = {shown(value)}: give a dict")
    return {}


def _cells(
    cells: Any, domain: Domain | None, at: Places, problems: list[str]
) -> tuple[int, ...] | None:
    if domain is None:
        return None
    dimension = len(domain.axes)
    if cells is None:
        return DEFAULT_CELLS[dimension]
    where = at.field("cells")
    listed = items(cells)
    values = (cells,) * dimension if listed is None else listed
    try:
        if len(values) != dimension:
            raise ModelError(
                f"{where} = {shown(cells)}: give one number, or {dimension}, one for each axis"
            )
        numbers = [number(v, where, minimum=1) for v in values]
        if any(v != int(v) for v in numbers):
            raise ModelError(f"{where} = {shown(cells)}: whole numbers are needed")
        if math.prod(numbers) > MAX_CELLS:
            raise ModelError(
                f"{where} = {shown(cells)}: {math.prod(numbers):.3g} cells in all; at most 2^31 - 1"
            )
    except ModelError as error:
        problems.append(str(error))
        return None
    return tuple(int(v) for v in numbers)


def _walls(walls: Any, domain: Domain | None, at: Places, problems: list[str]) -> dict[str, Wall]:
    given = _mapping(walls, at.field("walls"), problems)
    names = domain.sides if domain is not None else list(given)
    axes = domain.axes if domain is not None else ()
    # The name of an axis names both of its walls.
    pairs = {a: [a + "-", a + "+"] for a in axes if a + "-" in names}
    result: dict[str, Wall] = {}
    for name, wall in given.items():
        where = at.wall(name)
        if not isinstance(wall, Wall):
            problems.append(f"{where} = {shown(wall)}: give a wall, Reflecting() for example")
        elif name not in names and name not in pairs:
            allowed = ", ".join([*pairs, *names])
            problems.append(f"{where}: there is no such wall; the names are {allowed}")
        else:
            for side in pairs.get(name, [name]):
                if side in result:
                    problems.append(f"{where}: {side} is given twice")
                result[side] = wall
    return Frozen({name: result[name] for name in names if name in result})


def _contents(initial: Any, problems: list[str]) -> tuple[tuple[str, Any], ...]:
    result: dict[str, Any] = {}
    for species, value in _mapping(initial, "initial", problems).items():
        try:
            name = species_name(species)
        except ModelError as error:
            problems.append(f"initial: {error}")
            continue
        if name in result:
            problems.append(f"initial: {name} is given twice")
        result[name] = frozen(value)
    return tuple(result.items())
