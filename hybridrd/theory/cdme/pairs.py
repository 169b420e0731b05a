"""Pair reactions on voxels: within the domain, with partners outside its walls, and reversed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hybridrd.arrays import Floats
from hybridrd.errors import ModelError
from hybridrd.model import doi
from hybridrd.model.functions import evaluate
from hybridrd.model.grid import Grid
from hybridrd.model.reaction import Reaction
from hybridrd.model.system import System
from hybridrd.theory.cdme.event import Event, Site, on_wall, steady
from hybridrd.theory.cdme.pair_rates import mean_cap, pair_rates


@dataclass(frozen=True)
class PairTable:
    """Rates of a pair reaction: Doi's, averaged over voxels, and the macroscopic one.

    Attributes
    ----------
    reaction
        The reaction.
    rates
        Of a pair, ``(voxels, voxels)`` (1/time).
    beyond
        For each reservoir wall of one copy in either role with the partners that it has there,
        ``(2, voxels)`` (1/time).
    back
        Of the dissociation of one copy into reactants in two voxels, ``(voxels, voxels)`` (1/time):
        the complex's, and that of the other one; None if the reaction is not reversible.
    apart
        Of the dissociation of one copy, the other one falling beyond each reservoir wall,
        ``(voxels,)`` (1/time).
    k
        ``(voxels,)`` (length/time).
    """

    reaction: Reaction
    rates: Floats
    beyond: dict[str, Floats]
    back: Floats | None
    apart: dict[str, Floats]
    k: Floats

    @property
    def total_beyond(self) -> Floats:
        """`beyond` of all walls, ``(2, voxels)`` (1/time)."""
        return sum(self.beyond.values(), start=np.zeros((2, len(self.k))))


def pair_table(system: System, reaction: Reaction, grid: Grid, periodic: bool) -> PairTable:
    """The rates of a pair reaction. Raises ModelError if it has no radius or varies in time."""
    where = f"rate of {reaction.label!r}"
    if reaction.radius is None:
        raise ModelError(
            f"reaction {reaction.label!r}: pairs react within a Doi radius in the master equation; "
            f"give radius="
        )
    value = steady(reaction.macroscopic(1), where)
    volume = doi.reactive_volume(reaction.radius, 1)
    k = evaluate(value, grid.coordinates(), 0.0, where)
    if callable(value):
        rates = pair_rates(
            lambda x: evaluate(value, {"x": x}, 0.0, where) / volume,
            reaction.radius, grid, periodic,
        )  # fmt: skip
    else:
        rates = pair_rates(value / volume, reaction.radius, grid, periodic)
    beyond = {
        side: k / volume * partners
        for side, partners in _partners_beyond(system, reaction, grid).items()
    }
    back, apart = None, {}
    if reaction.k_back is not None and not callable(reaction.k_back):
        hazard = reaction.k_back / volume
        within = pair_rates(1.0, reaction.radius, grid, periodic)
        back = hazard * within * grid.volume
        apart = {
            side: hazard * mean_cap(grid, side, reaction.radius) for side in _reservoirs(system)
        }
    return PairTable(reaction, rates, beyond, back, apart, k)


def _reservoirs(system: System) -> dict[str, dict[str, float]]:
    """Concentrations of the species that have a reservoir outside each wall."""
    result: dict[str, dict[str, float]] = {side: {} for side in system.walls}
    for side, wall in system.walls.items():
        for name in system.names:
            law = wall.law(name)
            if law.held and law.outside is not None:
                where = f"walls[{side!r}]: value of {name}"
                result[side][name] = on_wall(law.outside, where)
    return result


def _partners_beyond(system: System, reaction: Reaction, grid: Grid) -> dict[str, Floats]:
    """Mean number of partners outside each wall for a copy in either role, ``(2, voxels)``.

    ``c_R V_cap`` of del Razo 2024, section III.A, with the cap averaged over each voxel.
    """
    assert reaction.radius is not None
    return {
        side: np.outer(
            [c.get(partner, 0.0) for partner in reversed(reaction.reactants)],
            mean_cap(grid, side, reaction.radius),
        )
        for side, c in _reservoirs(system).items()
    }


def pair_events(system: System, table: PairTable, grid: Grid) -> Iterator[Event]:
    """All events of a pair reaction: pairs, partners outside the walls, dissociations.

    Products are put where `Reaction.places` says. A product at a partner outside a wall
    is lost if the wall holds a reservoir of its species, else it is put where the copy is.
    """
    reaction = table.reaction
    reactants = [system.index(name) for name in reaction.reactants]
    products = [system.index(name) for name in reaction.products]
    # Like reactants: ordered ways count each pair twice, and a copy has either role.
    factor = 0.5 if reaction.like else 1.0
    for i, j in np.argwhere(table.rates > 0).tolist():
        voxels = (i, j)
        takes = tuple(zip(reactants, voxels, strict=True))
        makes = tuple((s, voxels[p]) for s, p in zip(products, reaction.places, strict=True))
        yield Event(factor * float(table.rates[i, j]), takes, makes)
    rates: Counter[tuple[tuple[Site, ...], tuple[Site, ...]]] = Counter()
    for side, c in _reservoirs(system).items():
        for role, i in np.argwhere(table.beyond[side] > 0).tolist():
            taken: tuple[Site, ...] = ((reactants[role], i),)
            made = tuple(
                (s, i)
                for s, name, p in zip(products, reaction.products, reaction.places, strict=True)
                if p == role or name not in c
            )
            if taken != made:
                rates[taken, made] += factor * table.beyond[side][role, i]
    yield from (Event(float(rate), *change) for change, rate in rates.items())
    if table.back is not None:
        yield from _apart(system, table, grid)


def _apart(system: System, table: PairTable, grid: Grid) -> Iterator[Event]:
    """Dissociations, across reservoir walls as often as partners meet there."""
    assert table.back is not None
    reaction = table.reaction
    home = reaction.places[0]  # the reactant that is left at the complex's place
    names = reaction.reactants[home], reaction.reactants[1 - home]
    left, thrown = (system.index(name) for name in names)
    whole = system.index(reaction.products[0])
    for i, j in np.argwhere(table.back > 0).tolist():
        yield Event(float(table.back[i, j]), ((whole, i),), ((left, i), (thrown, j)))
    for side, c in _reservoirs(system).items():
        bound = c.get(reaction.products[0], 0.0)
        for i, rate in enumerate(table.apart[side].tolist()):
            if names[1] in c:
                yield Event(rate, ((whole, i),), ((left, i),))
            if names[0] in c and reaction.products[0] not in c:
                yield Event(rate, ((whole, i),), ((thrown, i),))
            if names[0] in c:  # complexes beyond the wall
                yield Event(rate * bound * grid.volume, (), ((thrown, i),))
