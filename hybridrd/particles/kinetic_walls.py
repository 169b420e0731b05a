"""Walls of a species with inertia."""

from __future__ import annotations

import numpy as np

from hybridrd.errors import ModelError
from hybridrd.interface import FaceNumbers
from hybridrd.interface.kinetic import kinetic_plane, sticking
from hybridrd.kernels.walk import OPEN, PARTIAL, REFLECT, WRAP
from hybridrd.model.species import Species
from hybridrd.particles.region import Region, SpeciesWalls


def kinetic_walls(region: Region, species: Species, dt: float) -> SpeciesWalls:
    """Kinds of walls of a Langevin species; ``gammas`` are absorption probabilities per hit.

    Raises
    ------
    ModelError
        At a leaky wall, and at an influx that is a function or below 0.
    StepError
        If friction times dt is too large, or a wall more reactive than possible.
    """
    assert species.friction is not None
    d = region.grid.dimension
    kinds, chances = np.full((d, 2), REFLECT, np.int64), np.zeros((d, 2))
    exchanges: dict[int, FaceNumbers] = {}
    influxes: list[int] = []
    for a in range(d):
        if region.wrapped[a]:
            kinds[a] = WRAP
    for number, face in enumerate(region.faces):
        law, at = face.law(species.name), (face.axis, face.side)
        where = f"species {species.name} at {face.name}"
        if law.held:
            kinds[at], chances[at] = OPEN, 1.0
        elif law.kappa > 0 and law.outside is None:
            kinds[at] = PARTIAL
            chances[at] = sticking(law.kappa, species.D, species.friction, where)
        elif law.kappa > 0:
            raise ModelError(
                f"{where}: it has friction, and no leaky wall knows how fast those are that come "
                f"through; use a Reservoir, an Influx or a wall that absorbs"
            )
        if law.is_reservoir or law.influx is not None:
            numbers = kinetic_plane(species.D, species.friction, dt, where)
            exchanges |= {number: numbers} if law.is_reservoir else {}
        if law.influx is not None:
            influxes.append(number)
            if callable(law.influx) or law.influx < 0:
                raise ModelError(
                    f"{where}: it has friction, and an influx of particles with inertia is a "
                    f"number of at least 0; give one, or a Reservoir, whose content may change"
                )
    return SpeciesWalls(kinds, chances, exchanges, tuple(influxes), {})
