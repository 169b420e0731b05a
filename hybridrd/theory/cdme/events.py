"""Events of a system on voxels, with their rates: jumps, reactions and exchange at walls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hybridrd.arguments import whole_number
from hybridrd.continuum.conditions import condition
from hybridrd.errors import ModelError
from hybridrd.model.functions import evaluate
from hybridrd.model.grid import Grid
from hybridrd.model.system import System
from hybridrd.theory.cdme.event import Event, on_wall, steady
from hybridrd.theory.cdme.pairs import PairTable, pair_events, pair_table

RESERVOIRS = {"wall": 2.0, "mirror": 1.0}
"""How often ``D/h²`` a copy in the last voxel crosses to the reservoir."""

_NODES = 16  # Gauss points in each voxel, for creation at a rate that depends on position


@dataclass(frozen=True)
class VoxelModel:
    """A system on voxels along x.

    Attributes
    ----------
    system, grid
        The system and its voxels.
    events
        All that can happen.
    pairs
        The rates of reactions of two.
    """

    system: System
    grid: Grid
    events: tuple[Event, ...]
    pairs: tuple[PairTable, ...]


def voxel_model(system: System, voxels: int, reservoir: str = "wall") -> VoxelModel:
    """Put a one-dimensional system on voxels.

    A copy jumps to each neighbour at ``D/h²``. Creation happens at the mean of k over the voxel
    times h; a first-order rate is taken at the voxel's centre; a pair reacts at Doi's rate
    averaged over the pair of voxels; products are in the voxels of the reactants whose places
    they take (`hybridrd.Reaction`). At a `Reservoir` a copy in the last voxel leaves at ``gamma``
    and copies enter at ``gamma c_R h`` (del Razo 2024, eq. (14)); at a `Leaky` wall likewise, with
    ``gamma h = kappa (2 D/h)/(kappa + 2 D/h)`` and K c_out in place of c_R. An `Influx` below 0
    takes one copy out of the last voxel at a time, while there is one.

    A copy within the Doi radius of a `Reservoir` wall also reacts with partners outside it, at
    ``lambda0 c_R V_cap`` (section III.A), the cap averaged over the voxel; products at the
    partner's place are lost there if the wall holds a reservoir of their species, else they are
    in the copy's voxel. A like pair across the wall has either of its copies as the first with
    equal probability. The complex of a reversible reaction dissociates in its voxel, the second
    product uniformly within the radius; a place outside the domain rejects the event, but for
    walls with a reservoir, across which complexes come apart as often as partners meet.

    Parameters
    ----------
    system
        The system, one dimension, no function of time in it.
    voxels
        Their number over the whole domain.
    reservoir
        Position of c_R: ``"wall"``, ``gamma = 2 D/h²``, or ``"mirror"``, in a voxel outside the
        wall as in the paper, ``gamma = D/h²``.

    Raises
    ------
    ModelError
        If the system is not one-dimensional, depends on time, has a bath, or has a pair without
        a radius.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=0.5)
    >>> system = hrd.System(species=[A], domain=hrd.Box(x=(0, 1)))
    >>> voxel_model(system, voxels=2).events[0]
    Event(rate=2.0, takes=((0, 0),), makes=((0, 1),), any_one=False)
    """
    if not isinstance(system, System):
        raise ModelError(f"system = {system!r}: give a System")
    if system.obstacles is not None:
        raise ModelError("the master equation knows no obstacles yet; leave out obstacles=")
    if system.domain.radial or system.dimension != 1:
        raise ModelError(
            f"domain = {system.domain!r}: the master equation is solved on voxels along one axis; "
            f"give a Box(x=...)"
        )
    voxels = whole_number(voxels, "voxels", least=1)
    if reservoir not in RESERVOIRS:
        raise ModelError(f"reservoir = {reservoir!r}: it is one of {', '.join(RESERVOIRS)}")
    grid = Grid(system.domain.lower, system.domain.upper, (voxels,))
    periodic = system.is_periodic("x")
    pairs = tuple(pair_table(system, r, grid, periodic) for r in system.reactions if r.order == 2)
    events = (
        *_jumps(system, grid, periodic),
        *_at_walls(system, grid, RESERVOIRS[reservoir]),
        *_singles(system, grid),
        *(event for table in pairs for event in pair_events(system, table, grid)),
    )
    return VoxelModel(system, grid, tuple(e for e in events if e.rate > 0), pairs)


def _jumps(system: System, grid: Grid, periodic: bool) -> Iterator[Event]:
    (h,) = grid.spacing
    links = [(i, i + 1) for i in range(grid.cells - 1)]
    if periodic and grid.cells > 1:
        links.append((grid.cells - 1, 0))
    for s, species in enumerate(system.species):
        for i, j in links:
            yield Event(species.D / h**2, ((s, i),), ((s, j),))
            yield Event(species.D / h**2, ((s, j),), ((s, i),))


def _at_walls(system: System, grid: Grid, factor: float) -> Iterator[Event]:
    (h,) = grid.spacing
    for side, wall in system.walls.items():
        voxel = 0 if side == "x-" else grid.cells - 1
        for s, species in enumerate(system.species):
            site = ((s, voxel),)
            where = f"walls[{side!r}]: value of {species.name}"
            law = wall.law(species.name)
            if law.bath is not None:
                raise ModelError(
                    f"walls[{side!r}]: the bath of {species.name} is no part of the states of the "
                    f"master equation; give a number for outside"
                )
            if law.is_reservoir:
                gamma = factor * species.D / h**2
            elif law.held:
                gamma = 2 * species.D / h**2
            else:
                gamma = condition(law).conductance(species.D, h) / h
            if law.outside is not None:
                yield Event(gamma * on_wall(law.outside, where) * h, (), site)
            if law.influx is not None:
                share = condition(law).share(species.D, h)
                J = share * on_wall(law.influx, where, minimum=-np.inf)
                yield Event(abs(J), site, (), any_one=True) if J < 0 else Event(J, (), site)
            yield Event(gamma, site, ())


def _singles(system: System, grid: Grid) -> Iterator[Event]:
    """Reactions of order zero and one."""
    (h,) = grid.spacing
    for reaction in system.reactions:
        if reaction.order == 2:
            continue
        where = f"rate of {reaction.label!r}"
        k = steady(reaction.macroscopic(1), where)
        products = [system.index(name) for name in reaction.products]
        if reaction.order == 0:
            nodes, weights = np.polynomial.legendre.leggauss(_NODES)
            points = grid.centers(0)[:, None] + 0.5 * h * nodes
            values = evaluate(k, {"x": points.ravel()}, 0.0, where).reshape(points.shape)
            rates = h * (values @ weights / 2)
        else:
            rates = evaluate(k, grid.coordinates(), 0.0, where)
        reactants = [system.index(name) for name in reaction.reactants]
        for i, rate in enumerate(rates):
            takes = tuple((s, i) for s in reactants)
            yield Event(float(rate), takes, tuple((s, i) for s in products))
