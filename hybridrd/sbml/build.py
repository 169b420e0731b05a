"""Systems of well-mixed models, placed in a domain."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from hybridrd.arguments import number
from hybridrd.errors import AccuracyWarning, ModelError
from hybridrd.model.initial import Copies
from hybridrd.model.reaction import Reaction
from hybridrd.model.shell import Domain
from hybridrd.model.species import Species
from hybridrd.model.system import System
from hybridrd.sbml.document import read
from hybridrd.sbml.mass_action import OneWayReaction
from hybridrd.sbml.polynomial import Polynomial


class TimeRate:
    """A rate that depends on time, as a function for `Reaction`.

    Its ``__qualname__`` is its formula, which identifies it in a checkpoint.

    Parameters
    ----------
    rate
        A polynomial without copy numbers.
    """

    def __init__(self, rate: Polynomial) -> None:
        self._rate = rate
        self.__qualname__ = str(rate)

    def __call__(self, t: float) -> float:
        return self._rate.at(t)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TimeRate) and self.__qualname__ == other.__qualname__

    def __hash__(self) -> int:
        return hash(self.__qualname__)

    def __repr__(self) -> str:
        return f"TimeRate({self.__qualname__})"


def build(
    text: str,
    where: str,
    domain: Domain,
    D: float | Mapping[str, float],
    radius: float | Mapping[str, float] | None,
    copies_per_amount: float | None,
    system: dict[str, Any],
) -> System:
    """The system of an SBML document; ``where`` is its file, for messages."""
    for name in ("species", "reactions"):
        if name in system:
            raise ModelError(f"{name} are those of {where}; leave {name} out, or use replace()")
    if not isinstance(domain, Domain):
        raise ModelError(f"domain = {domain!r}: give a Box or Shell")
    if copies_per_amount is not None:
        copies_per_amount = number(copies_per_amount, "copies_per_amount", strict=True)
    model = read(text, where, copies_per_amount)
    coefficients = _by_id(D, list(model.copies), f"{where}: D", "species")
    missing = [name for name in model.copies if name not in coefficients]
    if missing:
        raise ModelError(f"{where}: D has no value for {', '.join(missing)}")
    pairs = [e.name for e in model.events if len(e.reactants) == 2 and not e.rate.is_law]
    radii = _by_id(radius, pairs, f"{where}: radius", "reactions of two reactants")
    particles = system.get("particles") is not None
    initial = _initial(model.copies, system.pop("initial", None), domain.volume, where)
    return System(
        species=[Species(name, coefficients[name]) for name in model.copies],
        reactions=_reactions(model.events, radii, domain.volume, where, particles),
        domain=domain,
        initial=initial,
        **system,
    )


def _initial(
    copies: Mapping[str, float | None], given: Any, volume: float, where: str
) -> dict[Any, Any]:
    """Integers as copies, others as concentrations; given values override the file's."""
    if given is not None and not isinstance(given, Mapping):
        raise ModelError(f"initial = {given!r}: give a dict of species")
    initial = dict(given or {})
    named = {getattr(species, "name", species) for species in initial}
    for name, n in copies.items():
        if name in named:
            continue
        if n is None or math.isnan(n):
            raise ModelError(f"{where}: {name} has no initial amount; give it as initial=")
        if not 0 <= n < math.inf:
            raise ModelError(
                f"{where}: {name} starts with {n:g} copies, which must be finite and at least 0; "
                f"give it as initial="
            )
        whole = round(n)
        near = math.isclose(n, whole, rel_tol=1e-9)
        initial[name] = Copies(whole) if near else n / volume
    return initial


def _by_id(given: Any, names: Sequence[str], where: str, what: str) -> dict[str, Any]:
    """A value for each name."""
    if not isinstance(given, Mapping):
        return dict.fromkeys(names, given)
    found = {str(getattr(name, "name", name)): value for name, value in given.items()}
    unknown = [name for name in found if name not in names]
    if unknown:
        raise ModelError(
            f"{where}: {unknown[0]!r} is not one of the {what}: {', '.join(dict.fromkeys(names))}"
        )
    return found


def _reactions(
    found: Sequence[OneWayReaction],
    radii: Mapping[str, float | None],
    volume: float,
    where: str,
    particles: bool,
) -> list[Reaction]:
    """Reactions with macroscopic rates; a binding and its dissociation become one reaction.

    ``where`` is the file, for messages.
    """
    back = _ways_back(found)
    merged = set(back.values())
    labels = _labels(found)
    reactions = []
    for k, event in enumerate(found):
        if k in merged:
            continue
        left, right = (" + ".join(side) or "0" for side in (event.reactants, event.products))
        if event.rate.is_law:
            try:
                propensity = event.rate.formula(lambda name: f"({name} * {volume!r})")
            except ModelError as error:
                raise ModelError(f"{where}: reaction {event.name}: {error}") from error
            law = f"({propensity}) / {volume!r}"
            reactions.append(Reaction(f"{left} -> {right}", rate=law, name=labels[k]))
            continue
        order = len(event.reactants)
        k_macroscopic = _macroscopic(event.rate, order, volume)
        arguments: dict[str, Any] = {"k": k_macroscopic, "name": labels[k]}
        if order == 2:
            arguments["radius"] = radii.get(event.name)
        arrow = "->"
        if k in back:
            arrow, other = "<->", found[back[k]]
            arguments["k_back"] = other.rate.value
            arguments["name"] = event.name + (f"/{other.name}" if other.name != event.name else "")
        reactions.append(Reaction(f"{left} {arrow} {right}", **arguments))
    if particles:
        _warn_of_pairs_in_time(found, where)
    return reactions


def _macroscopic(rate: Polynomial, order: int, volume: float) -> float | TimeRate:
    """A rate per copy or pair of copies as a number or function of time, per volume."""
    if rate.value is None:
        return TimeRate(rate.scaled(volume ** (order - 1)))
    return rate.value / volume if order == 0 else rate.value * volume ** (order - 1)


def _is_constant(event: OneWayReaction) -> bool:
    return event.rate.value is not None and not event.rate.is_law


def _undoing(found: Sequence[OneWayReaction]) -> dict[int, list[int]]:
    """For each pair that forms one product, the events in which that product dissociates."""
    apart: dict[tuple[str, ...], list[int]] = {}
    for k, event in enumerate(found):
        if len(event.reactants) == 1 and len(event.products) == 2:
            apart.setdefault(event.reactants, []).append(k)
    return {
        k: [
            j
            for j in apart.get(event.products, ())
            if Counter(found[j].products) == Counter(event.reactants)
        ]
        for k, event in enumerate(found)
        if len(event.reactants) == 2 and len(event.products) == 1
    }


def _ways_back(found: Sequence[OneWayReaction]) -> dict[int, int]:
    """For each pair that forms one product at a constant rate, the only event that reverses it."""
    back: dict[int, int] = {}
    taken: set[int] = set()
    for k, undoing in _undoing(found).items():
        free = [j for j in undoing if j not in taken and _is_constant(found[j])]
        if free and _is_constant(found[k]):
            back[k] = free[0]
            taken.add(free[0])
    return back


def _warn_of_pairs_in_time(found: Sequence[OneWayReaction], where: str) -> None:
    """Warn of reactions that cannot become a reversible one, because a rate depends on time."""
    for k, undoing in _undoing(found).items():
        event = found[k]
        if any(not (_is_constant(event) and _is_constant(found[j])) for j in undoing):
            warnings.warn(
                f"{where}: {' + '.join(event.reactants)} <-> {event.products[0]} "
                f"({event.name}) has a rate that depends on time, so it is two one-way "
                f"reactions without detailed balance: particles that have just dissociated "
                f"meet again too often. Use constant rates, or particles=None",
                AccuracyWarning,
                stacklevel=6,
            )


def _labels(found: Sequence[OneWayReaction]) -> list[str]:
    """The ids of the file, with direction and number if one law is several reactions."""
    count = Counter((event.name, event.back) for event in found)
    seen: Counter[tuple[str, bool]] = Counter()
    labels = []
    for event in found:
        key = (event.name, event.back)
        seen[key] += 1
        notes = []
        if count[event.name, not event.back]:
            notes.append("back" if event.back else "forward")
        if count[key] > 1:
            notes.append(str(seen[key]))
        labels.append(f"{event.name} ({' '.join(notes)})" if notes else event.name)
    return labels
