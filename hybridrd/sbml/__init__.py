"""Reaction networks from SBML files."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybridrd.arguments import path_of
from hybridrd.errors import ModelError
from hybridrd.model.initial import Copies
from hybridrd.model.reaction import Reaction
from hybridrd.model.shell import Domain
from hybridrd.model.species import Species
from hybridrd.model.system import System

if TYPE_CHECKING:
    from hybridrd.sbml.mass_action import Event


def from_sbml(
    path: str | Path,
    *,
    domain: Domain,
    D: float | Mapping[str, float],
    radius: float | Mapping[str, float] | None = None,
    copies_per_amount: float | None = None,
    **system: Any,
) -> System:
    '''The system of an SBML file, put into a domain.

    SBML describes a well-mixed volume. The domain takes the place of the file's compartment: copy
    numbers and their rates are those of the file, whatever size either has. With V the volume of
    the domain, a rate c per pair of copies is ``k = c V``, a rate b of creation is ``k = b/V``.

    Parameters
    ----------
    path
        An SBML file of level 2 or 3.
    domain
        The domain, see `System`.
    D
        Diffusion coefficient of all species, or of each by its id (length²/time).
    radius
        Doi radius of all reactions of two reactants, or of each by its id (length).
    copies_per_amount
        How many copies one unit of substance is. By default what the file says: 1 for ``item``
        (and where a level 3 file says nothing), Avogadro's number for ``mole`` (and where a
        level 2 file says nothing).
    **system
        Further fields of `System`: ``particles``, ``cells``, ``walls``, ``units``, ... An
        ``initial`` replaces the file's for the species in it.

    Notes
    -----
    Kinetic laws must be mass action, ``K n_A n_B``; they are read by their algebra, not their
    spelling, with local and global parameters, sizes of compartments, and function definitions.
    Of like reactants both ``K n (n - 1)`` and its mean-field form ``K n²`` mean
    ``c = 2 K`` per pair, the k of `Reaction` (with which ``dc/dt = -k c²`` for ``2 A -> 0``);
    ``K n (n - 1)/2`` thus means ``c = K``. A reversible reaction, ``K_1 n_A - K_2 n_B``, is two
    one-way ones; where a pair and its product go forth and back, in one reaction or two, they
    become the reversible reaction ``A + B <-> C`` that keeps detailed balance: the parts of a
    product that has just fallen apart would otherwise meet at once. Species that are constant or
    boundary conditions are part of the rates. Whole initial numbers are put uniformly
    (`Copies`), others are concentrations.

    Raises
    ------
    ModelError
        With all that cannot be taken over, one line each: laws other than mass action by the id
        of their reaction, rules, events, several compartments, conversion factors, names that
        stand for two things; or if python-libsbml is missing.

    Warns
    -----
    AccuracyWarning
        Of a law of 0, which is left out, and of a level 2 file without units whose amounts, taken
        as moles, would be more than 1e12 copies.

    Examples
    --------
    >>> import tempfile
    >>> import hybridrd as hrd
    >>> decay = """<?xml version="1.0" encoding="UTF-8"?>
    ... <sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">
    ... <model substanceUnits="item" extentUnits="item"><listOfCompartments>
    ... <compartment id="cell" size="1" constant="true"/></listOfCompartments><listOfSpecies>
    ... <species id="A" compartment="cell" initialAmount="50" hasOnlySubstanceUnits="true"
    ...  boundaryCondition="false" constant="false"/></listOfSpecies><listOfReactions>
    ... <reaction id="loss" reversible="false" fast="false"><listOfReactants>
    ... <speciesReference species="A" stoichiometry="1" constant="true"/></listOfReactants>
    ... <kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/>
    ... <cn>0.2</cn><ci>A</ci></apply></math></kineticLaw></reaction></listOfReactions>
    ... </model></sbml>"""
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "decay.xml")
    ...     _ = file.write_text(decay)
    ...     box = hrd.Box(x=(0, 10))
    ...     system = hrd.from_sbml(file, domain=box, D=1.0, particles=box)
    >>> system.reactions[0].equation, system.reactions[0].k, system.initial["A"].n
    ('A -> 0', 0.2, 50)
    '''
    from hybridrd.sbml.document import read

    path = path_of(path, "path")
    for name in ("species", "reactions"):
        if name in system:
            raise ModelError(f"{name} are those of {path}; leave {name} out, or use replace()")
    if not isinstance(domain, Domain):
        raise ModelError(f"domain = {domain!r}: a Box or Shell is needed")
    model = read(path, _positive(copies_per_amount))
    coefficients = _by_id(D, list(model.copies), f"{path}: D", "species")
    missing = [name for name in model.copies if name not in coefficients]
    if missing:
        raise ModelError(f"{path}: D has no value for {', '.join(missing)}")
    pairs = [e.name for e in model.events if len(e.reactants) == 2]
    radii = _by_id(radius, pairs, f"{path}: radius", "reactions of two reactants")
    initial = system.pop("initial", None)
    if initial is not None and not isinstance(initial, Mapping):
        raise ModelError(f"initial = {initial!r}: a mapping of species is needed")
    initial = dict(initial or {})
    given = {getattr(species, "name", species) for species in initial}
    for name, copies in model.copies.items():
        if name in given:
            continue
        if copies is None or math.isnan(copies):
            raise ModelError(f"{path}: {name} has no initial amount; give it as initial=")
        if not 0 <= copies < math.inf:
            raise ModelError(
                f"{path}: {name} starts with {copies:g} copies, which is no number of them; "
                f"give it as initial="
            )
        whole = round(copies)
        near = math.isclose(copies, whole, rel_tol=1e-9)
        initial[name] = Copies(whole) if near else copies / domain.volume
    return System(
        species=[Species(name, coefficients[name]) for name in model.copies],
        reactions=_reactions(model.events, radii, domain.volume),
        domain=domain,
        initial=initial,
        **system,
    )


def _positive(copies: float | None) -> float | None:
    from hybridrd.arguments import number

    return None if copies is None else number(copies, "copies_per_amount", strict=True)


def _by_id(given: Any, names: Sequence[str], where: str, what: str) -> dict[str, Any]:
    """A value for each name."""
    if not isinstance(given, Mapping):
        return dict.fromkeys(names, given)
    found = {str(getattr(name, "name", name)): value for name, value in given.items()}
    unknown = [name for name in found if name not in names]
    if unknown:
        raise ModelError(f"{where}: {unknown[0]!r} is none of the {what}: {', '.join(names)}")
    return found


def _reactions(
    found: Sequence[Event], radii: Mapping[str, float | None], volume: float
) -> list[Reaction]:
    """Reactions with macroscopic rates; what goes forth and back becomes one."""
    back = _ways_back(found)
    labels = _labels(found)
    reactions = []
    for k, event in enumerate(found):
        if k in back.values():
            continue
        left, right = (" + ".join(side) or "0" for side in (event.reactants, event.products))
        order = len(event.reactants)
        k_macroscopic = event.rate / volume if order == 0 else event.rate * volume ** (order - 1)
        arguments: dict[str, Any] = {"k": k_macroscopic, "name": labels[k]}
        if order == 2:
            arguments["radius"] = radii.get(event.name)
        arrow = "->"
        if k in back:
            arrow, other = "<->", found[back[k]]
            arguments["k_back"] = other.rate
            arguments["name"] = event.name + (f"/{other.name}" if other.name != event.name else "")
        reactions.append(Reaction(f"{left} {arrow} {right}", **arguments))
    return reactions


def _ways_back(found: Sequence[Event]) -> dict[int, int]:
    """For each pair that forms one product, the event in which that falls apart again."""
    back: dict[int, int] = {}
    for k, event in enumerate(found):
        if len(event.reactants) != 2 or len(event.products) != 1:
            continue
        for j, other in enumerate(found):
            same = Counter(other.products) == Counter(event.reactants)
            if other.reactants == event.products and same and j not in back.values():
                back[k] = j
                break
    return back


def _labels(found: Sequence[Event]) -> list[str]:
    """The names of the file; of a reaction there and back with the direction."""
    names = [event.name for event in found]
    return [
        name if names.count(name) == 1 else f"{name} ({'back' if name in names[:k] else 'forward'})"
        for k, name in enumerate(names)
    ]
