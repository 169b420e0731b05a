"""Pair reactions on voxels: within the domain, with partners outside its walls, and reversed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.errors import ModelError
from hybridrd.model.reaction import Reaction
from hybridrd.model.system import System
from hybridrd.model.voxel_pairs import Reach, pair_reach
from hybridrd.theory.cdme.event import Event, Rates, Site, at, combined, event, rates_of
from hybridrd.theory.cdme.voxels import Voxels


@dataclass(frozen=True)
class Beyond:
    """Parts of the Doi balls of copies in voxels outside the domain, through the same walls.

    Attributes
    ----------
    walls
        The names of the walls, one or, at edges and corners, several.
    voxel
        A voxel for each cell outside that is within its reach, ``(n,)``.
    faces
        For each wall the face cell nearest to that cell, flat, ``(n,)``.
    volume
        Volume of the ball in that cell, averaged over the voxel, ``(n,)`` (length^d).
    """

    walls: tuple[str, ...]
    voxel: Integers
    faces: tuple[Integers, ...]
    volume: Floats


@dataclass(frozen=True)
class PairTable:
    """Rates of a pair reaction: Doi's, averaged over voxels, and the macroscopic one.

    Attributes
    ----------
    reaction
        The reaction.
    first, second
        Pairs of voxels within reach, in both orders, ``(n,)``.
    near
        Rate of a pair in them, ``(n,)`` (1/time), a `hybridrd.theory.cdme.event.Course` if it
        depends on time.
    beyond
        Rate of one copy in either role with its partners beyond each set of walls,
        ``(2 * voxels,)`` (1/time).
    back
        Rate of the dissociation of one copy into reactants in two voxels, ``(n,)`` (1/time): the
        voxel of the complex, and another; None if the reaction is not reversible.
    apart
        Rate of the dissociation of one copy with the second product beyond a set of walls,
        ``(voxels,)`` (1/time).
    whole
        Rate at which complexes beyond a set of walls release a copy into each voxel, ``(voxels,)``
        (1/time).
    k
        ``(voxels,)`` (length^d/time).
    voxels
        Number of voxels.
    """

    reaction: Reaction
    first: Integers
    second: Integers
    near: Rates
    beyond: dict[tuple[str, ...], Rates]
    back: Floats | None
    apart: dict[tuple[str, ...], Floats]
    whole: dict[tuple[str, ...], Rates]
    k: Rates
    voxels: int

    def rates(self, t: float = 0.0) -> Floats:
        """Rate of a pair in two voxels, ``(voxels, voxels)`` (1/time)."""
        result = np.zeros((self.voxels, self.voxels))
        np.add.at(result, (self.first, self.second), at(self.near, t))
        return result

    def total_beyond(self, t: float = 0.0) -> Floats:
        """`beyond` of all walls, ``(2, voxels)`` (1/time)."""
        parts = [at(rates, t) for rates in self.beyond.values()]
        return sum(parts, start=np.zeros(2 * self.voxels)).reshape(2, -1)

    @cached_property
    def varies(self) -> bool:
        """Whether a rate depends on time."""
        return any(not isinstance(r, np.ndarray) for r in (self.near, *self.beyond.values()))


def pair_table(system: System, reaction: Reaction, voxels: Voxels) -> PairTable:
    """The rates of a pair reaction within a radius. Raises ModelError in a shell."""
    where = f"rate of {reaction.label!r}"
    if voxels.grid.radial:
        raise ModelError(
            f"reaction {reaction.label!r}: pairs within a radius need positions, and copies in a "
            f"shell have only r; leave out radius= for pairs that are well mixed in each voxel"
        )
    if reaction.place != "reactant":
        raise ModelError(
            f"reaction {reaction.label!r}: place = {reaction.place!r} is a position between or "
            f"within voxels, which copies in voxels do not have; use place='reactant'"
        )
    k = reaction.macroscopic(system.dimension)
    volume = reaction.reactive_volume(system.dimension)
    reach = pair_reach(reaction, voxels.grid, voxels.periodic)
    number = np.full(voxels.grid.cells, -1, np.int64)
    number[voxels.free] = np.arange(voxels.count)
    kept = reach.inside & (number[reach.first] >= 0) & (number[reach.second] >= 0)
    first, second = number[reach.first[kept]], number[reach.second[kept]]
    fraction = reach.fraction[kept]
    middle = {axis: x[kept] for axis, x in reach.middle.items()}
    near = combined(lambda k: k / volume * fraction, rates_of(k, middle, where, len(first)))
    at_centres = rates_of(k, voxels.coordinates, where, voxels.count)
    outside = _outside(voxels, reach, number)
    beyond = {part.walls: _partners(system, reaction, part, voxels, at_centres) for part in outside}
    back, apart, whole = None, {}, {}
    if reaction.k_back is not None and not callable(reaction.k_back):
        hazard = reaction.k_back / volume
        back = hazard * fraction * voxels.volumes[second]
        for part in outside:
            released = partial(_per_voxel, part, hazard * voxels.volumes)
            apart[part.walls] = _per_voxel(part, np.full(voxels.count, hazard), 1.0)
            whole[part.walls] = combined(
                released, _held(system, part, reaction.products[0], voxels)
            )
    return PairTable(
        reaction, first, second, near, beyond, back, apart, whole, at_centres, voxels.count
    )


def _per_voxel(part: Beyond, factor: Floats, c: Floats | float) -> Floats:
    """``factor`` times the amount beyond walls within each voxel's reach."""
    return np.asarray(factor * np.bincount(part.voxel, c * part.volume, len(factor)))


def _outside(voxels: Voxels, reach: Reach, number: Integers) -> list[Beyond]:
    """Cells outside the domain that are within reach of voxels, by the walls between."""
    grid = voxels.grid
    kept = ~reach.inside & (number[reach.first] >= 0)
    outside = reach.outside[kept]
    parts = []
    for sides in np.unique(outside, axis=0):
        mine = np.flatnonzero(kept)[(outside == sides).all(axis=1)]
        nearest = np.stack(np.unravel_index(reach.second[mine], grid.shape[::-1])[::-1], axis=1)
        walls, faces = [], []
        for axis in np.flatnonzero(sides):
            walls.append(grid.axes[axis] + ("-" if sides[axis] < 0 else "+"))
            others = [a for a in range(grid.dimension) if a != axis]
            strides = np.cumprod([1, *[grid.shape[a] for a in others]])[: len(others)]
            faces.append((nearest[:, others] @ strides).astype(np.int64))
        volume = reach.fraction[mine] * grid.volume
        parts.append(Beyond(tuple(walls), number[reach.first[mine]], tuple(faces), volume))
    return parts


def holds(system: System, walls: Sequence[str], name: str) -> bool:
    """Whether all of some walls hold a reservoir of a species."""
    return all(w in system.walls and system.walls[w].law(name).is_reservoir for w in walls)


def _held(system: System, part: Beyond, name: str, voxels: Voxels) -> Rates:
    """Mean c_R of a species in the cells beyond walls; 0 if one of them has none."""
    from hybridrd.continuum.field import face_coordinates

    if not holds(system, part.walls, name):
        return np.zeros(len(part.voxel))
    values = []
    for side, faces in zip(part.walls, part.faces, strict=True):
        outside = system.walls[side].law(name).outside
        assert outside is not None
        coordinates, count = face_coordinates(voxels.grid, side)
        c = rates_of(outside, coordinates, f"walls[{side!r}]: value of {name}", count)
        values.append(combined(lambda c, faces=faces: c[faces] / len(part.walls), c))
    return combined(lambda *each: np.sum(each, axis=0), *values)


def _partners(system: System, reaction: Reaction, part: Beyond, voxels: Voxels, k: Rates) -> Rates:
    """Rate of one copy in either role with partners beyond walls, ``(2 * voxels,)``.

    ``lambda0 c_R V_cap`` of del Razo 2024, section III.A, with the cap averaged over each voxel.
    """
    volume = reaction.reactive_volume(system.dimension)
    held = [_held(system, part, partner, voxels) for partner in reversed(reaction.reactants)]

    def both(k: Floats, *c: Floats) -> Floats:
        return np.concatenate([_per_voxel(part, k / volume, each) for each in c])

    return combined(both, k, *held)


def pair_events(system: System, table: PairTable, voxels: Voxels) -> Iterator[Event]:
    """All events of a pair reaction: pairs, partners outside the walls, dissociations.

    `Reaction.places` gives the positions of products. A product at a partner outside walls
    is lost if they are a reservoir of its species; otherwise it is put at the copy.
    """
    reaction = table.reaction
    reactants = [system.index(name) for name in reaction.reactants]
    products = [system.index(name) for name in reaction.products]
    # Identical reactants: ordered ways count each pair twice, and a copy has either role.
    factor = 0.5 if reaction.like else 1.0
    for n, pair in enumerate(zip(table.first.tolist(), table.second.tolist(), strict=True)):
        takes = tuple(zip(reactants, pair, strict=True))
        makes = tuple((s, pair[p]) for s, p in zip(products, reaction.places, strict=True))
        yield event(table.near, n, takes, makes, factor)
    for walls, rates in table.beyond.items():
        lost = [holds(system, walls, name) for name in reaction.products]
        for n in range(2 * voxels.count):
            role, i = divmod(n, voxels.count)
            taken: tuple[Site, ...] = ((reactants[role], i),)
            made = tuple(
                (s, i)
                for s, gone, p in zip(products, lost, reaction.places, strict=True)
                if p == role or not gone
            )
            if taken != made:
                yield event(rates, n, taken, made, factor)
    if table.back is not None:
        yield from _apart(system, table)


def _apart(system: System, table: PairTable) -> Iterator[Event]:
    """Dissociations, across reservoir walls as often as partners meet there."""
    assert table.back is not None
    reaction = table.reaction
    home = reaction.places[0]  # the reactant that stays at the position of the complex
    names = reaction.reactants[home], reaction.reactants[1 - home]
    left, thrown = (system.index(name) for name in names)
    whole = system.index(reaction.products[0])
    pairs = zip(table.first.tolist(), table.second.tolist(), table.back.tolist(), strict=True)
    for i, j, rate in pairs:
        yield Event(rate, ((whole, i),), ((left, i), (thrown, j)))
    for walls, rates in table.apart.items():
        stays, falls = (holds(system, walls, name) for name in names)
        for i, rate in enumerate(rates.tolist()):
            if falls:
                yield Event(rate, ((whole, i),), ((left, i),))
            if stays and not holds(system, walls, reaction.products[0]):
                yield Event(rate, ((whole, i),), ((thrown, i),))
            if stays:  # complexes beyond the walls
                yield event(table.whole[walls], i, (), ((thrown, i),))
