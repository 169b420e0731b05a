"""How the species of a ball shell meet its two spheres."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hybridrd.errors import StepError
from hybridrd.interface import Context, FaceNumbers, default_scheme
from hybridrd.interface.base import at_least, at_most
from hybridrd.kernels.walk import OPEN, PARTIAL, REFLECT
from hybridrd.model.system import System
from hybridrd.model.walls import Absorbing, Influx, PartiallyAbsorbing, Reservoir
from hybridrd.simulation.region import Face, Region, SpeciesWalls

# Width of the region in sqrt(2 D dt) at which one closed sphere is not felt where the other is
# nearer, and at which a closed and an open one disturb each other: errors of 1e-5.
LEAST_CLOSED = 8.0
LEAST_OPEN = 4.0


def sphere_walls(system: System, region: Region, species: int, dt: float) -> SpeciesWalls:
    """Kinds of spheres, their reactivities and interface numbers, for one species.

    ``gammas`` are kappa/(4 pi a² D) (1/length), infinite for an absorbing sphere.

    Raises
    ------
    StepError
        Where dt does not fit.
    """
    name, D = system.species[species].name, system.species[species].D
    kinds = np.full((1, 2), REFLECT, np.int64)
    reactivities = np.zeros((1, 2))
    exchanges: dict[int, FaceNumbers] = {}
    influxes: list[int] = []
    width = float(region.extent[0])
    for number, face in enumerate(region.faces):
        wall = face.wall
        context: Context | None = None
        if face.outside >= 0:
            context = system.coupling
        elif isinstance(wall, Reservoir) and name in wall.concentrations:
            context = "wall"
        elif isinstance(wall, Absorbing) and D > 0:
            kinds[0, face.side] = PARTIAL
            reactivities[0, face.side] = np.inf
        elif isinstance(wall, PartiallyAbsorbing) and wall.of(name) > 0 and D > 0:
            kinds[0, face.side] = PARTIAL
            reactivities[0, face.side] = wall.of(name) / (face.area * D)
        elif isinstance(wall, Influx) and name in wall.fluxes:
            influxes.append(number)
        if context is not None and D > 0:
            scheme = system.interface or default_scheme(context)
            where = f"species {name} at {face.name}"
            numbers = scheme.numbers(D, dt, context, region.grid.spacing[0], width, where)
            exchanges[number] = curved(numbers, region, face)
            if numbers.kind == "exact":
                kinds[0, face.side] = OPEN
    _check_width(f"species {name}", D, dt, width, kinds[0])
    return SpeciesWalls(kinds, reactivities, exchanges, tuple(influxes))


def layer_radii(width: float, face: Face) -> tuple[float, float]:
    """Inner and outer radius of a boundary layer at a face (length)."""
    return (face.plane - width, face.plane) if face.side else (face.plane, face.plane + width)


def curved(numbers: FaceNumbers, region: Region, face: Face) -> FaceNumbers:
    """A layer's numbers with its rates D A/(V dx), V its volume, in place of D/dx².

    At unit concentration it then exchanges D A/dx particles per time, as a flat one of area A.
    """
    if numbers.kind != "layer":
        return numbers
    inner, outer = layer_radii(numbers.width, face)
    volume = region.grid.box_volume(np.array([inner]), np.array([outer]))
    return replace(numbers, survival=numbers.survival ** (face.area * numbers.width / volume))


def _check_width(who: str, D: float, dt: float, width: float, kinds: np.ndarray) -> None:
    """Refuse a step in which a particle would feel both spheres."""
    # The inner closed form knows of no other sphere, the outer one of no centre either.
    least = LEAST_OPEN if kinds[1] == OPEN else LEAST_CLOSED
    if least**2 * 2.0 * D * dt > width**2 * (1.0 + 1e-9):
        spread = float(np.sqrt(2.0 * D * dt))
        raise StepError(
            f"{who}: the particle region is {width:g} wide in r, less than {least:g} sqrt(2 D dt) "
            f"= {least * spread:.4g}, so that a particle feels both of its spheres in one step; "
            f"use dt <= {at_most(width**2 / (2.0 * least**2 * D))} or a region at least "
            f"{at_least(least * spread)} wide"
        )
