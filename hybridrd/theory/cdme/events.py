"""Events of a system on voxels, with their rates: jumps, reactions and exchange at walls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hybridrd.arguments import choice
from hybridrd.arrays import Floats
from hybridrd.errors import ModelError
from hybridrd.model.functions import Value
from hybridrd.model.grid import Grid
from hybridrd.model.rate_law import RateLaw
from hybridrd.model.reaction import Channel
from hybridrd.model.system import System
from hybridrd.theory.cdme.event import Event, Rates, VoxelLaw, combined, event, rates_of
from hybridrd.theory.cdme.jumps import motion_events
from hybridrd.theory.cdme.pairs import PairTable, pair_events, pair_table
from hybridrd.theory.cdme.voxels import Voxels, VoxelsLike, make_voxels

RESERVOIRS = ("wall", "mirror")

# Gauss points in each voxel, for creation at a rate that depends on position.
_NODES = {1: 16, 2: 8, 3: 4}


@dataclass(frozen=True)
class VoxelModel:
    """A system on voxels.

    Attributes
    ----------
    system, voxels
        The system and its voxels.
    events
        All possible events.
    pairs
        The rates of reactions of two within a radius.
    """

    system: System
    voxels: Voxels
    events: tuple[Event, ...]
    pairs: tuple[PairTable, ...]

    @property
    def grid(self) -> Grid:
        """The grid of the voxels."""
        return self.voxels.grid

    @property
    def varies(self) -> bool:
        """Whether a rate depends on time."""
        return any(e.course is not None for e in self.events)


def voxel_model(system: System, voxels: VoxelsLike = None, reservoir: str = "wall") -> VoxelModel:
    """Discretise a system on voxels: a line, a plane, a 3D box, or concentric shells.

    A copy jumps between neighbours at the rates of the PDE's matrix, ``D/h²`` on a line and
    ``D area/(h V)`` between concentric cells, and leaves and enters at walls as in the PDE: at
    a `Reservoir` a copy in the voxel at the wall leaves at ``gamma`` and copies enter at
    ``gamma c_R V`` (del Razo 2024, eq. (14); in a shell, (26)), ``gamma = 2 D/h²``; at `Leaky` and
    absorbing walls with ``gamma h = kappa (2 D/h)/(kappa + 2 D/h)``. An `Influx` below 0 removes
    copies from the last voxel one at a time, as long as there are any.

    The rate of creation is the mean of k over the voxel times its volume; other rates are evaluated
    at the voxel's centre. A pair with a radius or a kernel reacts at its rate averaged over the
    pair of voxels; pairs without one, and reactions of higher order, are well mixed in each voxel:
    ``k n_A n_B/V``, ``k n (n - 1)/(2 V)`` for identical reactants, ``k/V^(m - 1)`` for every
    ordered choice of m copies from order three on, and ``V rate(c)`` of the contents c = n/V with a
    `Reaction.rate`, as long as there are enough copies. Products are in the voxels of the reactants
    that they replace (`hybridrd.Reaction`).

    A copy within the Doi radius of a `Reservoir` wall also reacts with partners outside it, at
    ``lambda0 c_R V_cap`` (section III.A), the cap averaged over the voxel; beyond several walls
    at once c_R is their mean, and 0 if one of them has none. Products at the partner's position
    are lost there if the walls are a reservoir of their species, otherwise they are in the copy's
    voxel. Of two identical reactants across the wall either is the first with equal probability.
    The complex of a reversible reaction dissociates in its voxel, with the second product uniform
    within the radius. An event that would put it outside the domain is rejected, except at walls
    with a reservoir, across which complexes dissociate as often as partners meet.

    Parameters
    ----------
    system
        The system; rates and walls may depend on time.
    voxels
        Their number over the whole domain: one for all axes, ``8``, or one for each, ``(3, 2)``; by
        default the cells of the system. A voxel whose centre is in an obstacle is left out.
    reservoir
        Position of c_R: ``"wall"``, ``gamma = 2 D/h²``, or ``"mirror"``, in a voxel outside the
        wall as in the paper, ``gamma = D/h²``.

    Raises
    ------
    ModelError
        If the system has a bath, or pairs with a radius in a shell.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=0.5)
    >>> system = hrd.System(species=[A], domain=hrd.Box(x=(0, 1)))
    >>> voxel_model(system, voxels=2).events[0]
    Event(rate=2.0, takes=((0, 1),), makes=((0, 0),), any_one=False)
    """
    if not isinstance(system, System):
        raise ModelError(f"system = {system!r}: give a System")
    choice(reservoir, "reservoir", RESERVOIRS)
    where = make_voxels(system, voxels)
    near = [r for r in system.reactions if r.order == 2 and r.reach is not None]
    pairs = tuple(pair_table(system, r, where) for r in near)
    events = (
        *motion_events(system, where, reservoir == "mirror"),
        *_mixed(system, where),
        *(each for table in pairs for each in pair_events(system, table, where)),
    )
    return VoxelModel(system, where, tuple(e for e in events if e.rate > 0), pairs)


def _mixed(system: System, voxels: Voxels) -> Iterator[Event]:
    """Reactions within single voxels: all except pairs within a radius."""
    for channel in system.channels:
        reaction = channel.reaction
        if channel.law is not None:
            yield from _by_law(system, channel, channel.law, voxels)
            continue
        if reaction.order == 2 and reaction.reach is not None:
            continue
        k = channel.macroscopic(system.dimension)
        where = f"rate of {channel.label!r}"
        reactants = [system.index(name) for name in channel.reactants]
        products = [system.index(name) for name in channel.products]
        rates: Rates
        if channel.order == 0:
            rates = _created(k, voxels, where)
        else:
            scale = voxels.volumes ** (1.0 - channel.order)
            if channel.order == 2 and len(set(reactants)) == 1:
                scale = 0.5 * scale  # the ordered ways count each pair twice
            at_centres = rates_of(k, voxels.coordinates, where, voxels.count)
            rates = combined(lambda k, scale=scale: scale * k, at_centres)
        for i in range(voxels.count):
            takes = tuple((s, i) for s in reactants)
            yield event(rates, i, takes, tuple((s, i) for s in products))


def _by_law(system: System, channel: Channel, law: RateLaw, voxels: Voxels) -> Iterator[Event]:
    """Reactions at ``V rate(n/V)`` in each voxel with enough copies."""
    reactants, products, read = (
        [system.index(name) for name in names]
        for names in (channel.reactants, channel.products, law.names)
    )
    for i in range(voxels.count):
        at = VoxelLaw(law, tuple(read), i, float(voxels.volumes[i]))
        takes, makes = (tuple((s, i) for s in sites) for sites in (reactants, products))
        yield Event(1.0, takes, makes, law=at)


def _created(k: Value, voxels: Voxels, where: str) -> Rates:
    """Creation in each voxel: the integral of k over it (1/time), by Gauss quadrature."""
    grid = voxels.grid
    nodes, weights = np.polynomial.legendre.leggauss(_NODES[grid.dimension])
    offsets = np.meshgrid(*[nodes] * grid.dimension, indexing="ij")
    weight = np.ones_like(offsets[0])
    for each in np.meshgrid(*[weights] * grid.dimension, indexing="ij"):
        weight = weight * each
    points = {
        axis: (x[:, None] + 0.5 * h * offset.ravel())
        for (axis, x), h, offset in zip(
            voxels.coordinates.items(), grid.spacing, offsets, strict=True
        )
    }
    shares = np.broadcast_to(weight.ravel(), (voxels.count, weight.size))
    if grid.radial:
        shares = shares * points["r"] ** 2
    shares = shares / shares.sum(axis=1, keepdims=True) * voxels.volumes[:, None]

    def integrated(values: Floats) -> Floats:
        return np.asarray((values.reshape(shares.shape) * shares).sum(axis=1))

    flat = {axis: x.ravel() for axis, x in points.items()}
    return combined(integrated, rates_of(k, flat, where, shares.size))
