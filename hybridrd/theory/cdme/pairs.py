"""Reactions of two on voxels: within the domain, with partners beyond its walls, and back."""

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
    """Rates of a reaction of two: Doi's, averaged over voxels, and the macroscopic one.

    Attributes
    ----------
    reaction
        The reaction.
    rates
        Of a pair, ``(voxels, voxels)`` (1/time).
    beyond
        Of one copy in either role with all partners that it has beyond reservoir walls,
        ``(2, voxels)`` (1/time).
    back
        Of the dissociation of one copy into reactants in two voxels, ``(voxels, voxels)`` (1/time);
        None if the reaction is not reversible.
    k
        ``(voxels,)`` (length/time).
    """

    reaction: Reaction
    rates: Floats
    beyond: Floats
    back: Floats | None
    k: Floats


def pair_table(system: System, reaction: Reaction, grid: Grid, periodic: bool) -> PairTable:
    """The rates of a reaction of two. Raises ModelError if it has no radius or varies in time."""
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
    beyond = k / volume * _partners_beyond(system, reaction, grid)
    back = None
    if reaction.k_back is not None and not callable(reaction.k_back):
        # B is put uniformly within the radius of A, in C's voxel; a place outside rejects.
        within = pair_rates(1.0, reaction.radius, grid, periodic)
        back = reaction.k_back * within * grid.volume / volume
    return PairTable(reaction, rates, beyond, back, k)


def _partners_beyond(system: System, reaction: Reaction, grid: Grid) -> Floats:
    """Mean number of partners beyond the walls for a copy in either role, ``(2, voxels)``.

    ``c_R V_cap`` of del Razo 2024, section III.A, with the cap averaged over each voxel.
    """
    assert reaction.radius is not None
    result = np.zeros((2, grid.cells))
    for side, wall in system.walls.items():
        cap = mean_cap(grid, side, reaction.radius)
        for role, partner in enumerate(reversed(reaction.reactants)):
            law = wall.law(partner)
            if law.held and law.outside is not None:
                where = f"walls[{side!r}]: value of {partner}"
                result[role] += on_wall(law.outside, where) * cap
    return result


def pair_events(system: System, table: PairTable) -> Iterator[Event]:
    """All events of a reaction of two: pairs, partners beyond the walls, dissociations."""
    reaction = table.reaction
    reactants = [system.index(name) for name in reaction.reactants]
    products = [system.index(name) for name in reaction.products]
    places = [1 if k == 1 else 0 for k in range(len(products))]  # at which reactant each sits
    # Like reactants: ordered ways count each pair twice, and a copy has either role.
    factor = 0.5 if reaction.like else 1.0
    for i, j in np.argwhere(table.rates > 0).tolist():
        voxels = (i, j)
        takes = tuple(zip(reactants, voxels, strict=True))
        makes = tuple((s, voxels[p]) for s, p in zip(products, places, strict=True))
        yield Event(factor * float(table.rates[i, j]), takes, makes)
    rates: Counter[tuple[tuple[Site, ...], tuple[Site, ...]]] = Counter()
    for role, i in np.argwhere(table.beyond > 0).tolist():
        taken: tuple[Site, ...] = ((reactants[role], i),)
        made = tuple((s, i) for s, p in zip(products, places, strict=True) if p == role)
        if taken != made:  # what sits at the partner's place is lost beyond the wall
            rates[taken, made] += factor * table.beyond[role, i]
    yield from (Event(float(rate), *change) for change, rate in rates.items())
    if table.back is not None:
        for i, j in np.argwhere(table.back > 0).tolist():
            apart = tuple(zip(reactants, (i, j), strict=True))
            yield Event(float(table.back[i, j]), ((products[0], i),), apart)
