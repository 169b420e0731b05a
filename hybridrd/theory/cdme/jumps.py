"""Jumps between voxels and exchange at walls, with the rates of the PDE's matrix.

FiPy's matrix of one implicit step is ``V/tau + K``; ``-K_ji/V_i`` is the rate at which a copy in
cell i jumps to cell j, so the mean of the master equation obeys the PDE on the same cells.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hybridrd.errors import ModelError
from hybridrd.model.drift import make_drift, mean_D
from hybridrd.model.species import refuse_change, refuse_inertia
from hybridrd.model.system import System
from hybridrd.theory.cdme.event import Event, combined, event, rates_of
from hybridrd.theory.cdme.voxels import Voxels


def motion_events(system: System, voxels: Voxels, mirror: bool) -> Iterator[Event]:
    """Jumps of all species and their exchange at walls.

    ``mirror`` puts c_R half a voxel outside a `Reservoir` wall.
    """
    from hybridrd.continuum.field import conditions
    from hybridrd.continuum.fipy_solver import assemble

    refuse_inertia(system.species, "the master equation")
    refuse_change(system.species, "the master equation")
    closed = np.ones(voxels.grid.cells, np.bool_)
    closed[voxels.free] = False
    for s, species in enumerate(system.species):
        yield from _influx(system, s, voxels)
        if species.D == 0:
            continue
        walls = conditions(system, species.name)
        cut = closed if closed.any() else None
        drift = make_drift(system, species, voxels.grid)
        D = mean_D(system, species)
        assembled = assemble(voxels.grid, D, 1.0, walls, cut, drift)
        links = assembled.matrix.tocoo()
        for i, j, value in zip(links.col.tolist(), links.row.tolist(), links.data, strict=True):
            if i != j and value != 0:
                yield Event(float(-value / voxels.volumes[i]), ((s, i),), ((s, j),))
        for wall, term in (*assembled.inflow.items(), *assembled.absorption.items()):
            yield from _exchange(system, s, voxels, wall, term, mirror)


def _exchange(
    system: System, s: int, voxels: Voxels, wall: str, term: object, mirror: bool
) -> Iterator[Event]:
    """Copies that leave through a wall, and those that enter from outside."""
    from hybridrd.continuum.assembled import WallTerm
    from hybridrd.continuum.field import face_coordinates, laws

    assert isinstance(term, WallTerm)
    name = system.species[s].name
    law = next(law for side, _, law in laws(system, name) if side == wall)
    where = f"walls[{wall!r}]: value of {name}"
    if law.bath is not None:
        raise ModelError(
            f"walls[{wall!r}]: the bath of {name} is not part of the states of the master "
            f"equation; give a number for outside"
        )
    factor = 0.5 if mirror and law.is_reservoir else 1.0
    coefficient, inward = factor * term.coefficient, factor * term.inward
    for i, each in zip(term.positions.tolist(), coefficient.tolist(), strict=True):
        yield Event(each / float(voxels.volumes[i]), ((s, i),), ())
    if law.outside is None:
        return
    coordinates, count = face_coordinates(voxels.grid, wall)
    outside = rates_of(law.outside, coordinates, where, count)
    entering = combined(lambda c: inward * c[term.faces], outside)
    for n, i in enumerate(term.positions.tolist()):
        yield event(entering, n, (), ((s, i),))


def _influx(system: System, s: int, voxels: Voxels) -> Iterator[Event]:
    """Copies that a wall injects or, below 0, removes from the voxel at it while there are any."""
    from hybridrd.continuum.assembled import wall_cells
    from hybridrd.continuum.conditions import condition
    from hybridrd.continuum.field import face_coordinates, laws

    grid, species = voxels.grid, system.species[s]
    position = np.full(grid.cells, -1, np.int64)
    position[voxels.free] = np.arange(voxels.count)
    for wall, _, law in laws(system, species.name):
        if law.influx is None:
            continue
        axis, upper = "xyz".index(wall[0]), wall[1] == "+"
        area = grid.plane_area(axis, (grid.upper if upper else grid.lower)[axis])
        drift = make_drift(system, species, grid)
        rise = 0.0 if drift is None else drift.outward(wall)
        D = species.D if drift is None else drift.D_at(wall)
        share = area * condition(law).share(D, grid.spacing[axis], rise)
        coordinates, count = face_coordinates(grid, wall)
        where = f"walls[{wall!r}]: value of {species.name}"
        J = rates_of(law.influx, coordinates, where, count, minimum=-np.inf)
        gained = combined(lambda J, share=share: share * np.maximum(J, 0.0), J)
        drained = combined(lambda J, share=share: share * np.maximum(-J, 0.0), J)
        for n, i in enumerate(position[wall_cells(grid, wall)].tolist()):
            if i >= 0:
                yield event(gained, n, (), ((s, i),))
                yield event(drained, n, ((s, i),), (), any_one=True)
