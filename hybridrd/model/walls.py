"""Walls of the domain. Each means the same to particles and to the PDE.

With the outward normal n, the concentration c and the diffusion coefficient D of a species:

==================== ==========================================================
``Reflecting``       ``D dc/dn = 0``
``Absorbing``        ``c = 0``
``PartiallyAbsorbing`` ``D dc/dn = -kappa c`` (kappa: length/time, flat wall)
``Reservoir``        ``c = c_R`` (Dirichlet), an open boundary to particles
``Influx``           ``D dc/dn = J`` (J: particles per area and time)
``Periodic``         the two walls of the axis are one
==================== ==========================================================

On a sphere of radius a, the wall of a `Shell`, kappa belongs to the whole surface (length³/time):
``4 pi a² D dc/dn = -kappa c``, del Razo 2024, eq. (25).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hybridrd.arguments import number
from hybridrd.errors import ModelError
from hybridrd.model.functions import Value
from hybridrd.model.species import species_name


def _by_name(
    values: Mapping[Any, Any], kind: str, allow_functions: bool = True
) -> dict[str, Value]:
    """Values per species, keyed by name, each a finite number not below 0 or a function."""
    if not isinstance(values, Mapping) or not values:
        raise ModelError(f"{kind}({values!r}): give a value per species, {kind}({{A: 1.0}})")
    result: dict[str, Value] = {}
    for species, value in values.items():
        name = species_name(species)
        if callable(value) and allow_functions:
            result[name] = value
        else:
            result[name] = number(value, f"{kind}: value of {name}")
    return result


@dataclass(frozen=True)
class Wall:
    """Base of all walls. A wall that is not named in a System reflects."""


@dataclass(frozen=True)
class Reflecting(Wall):
    """A closed wall: no flux."""


@dataclass(frozen=True)
class Absorbing(Wall):
    """A wall at which every particle of every species disappears: ``c = 0``.

    Particles are tested with the Brownian bridge, so that also a path which touched the wall
    between two steps is absorbed: from depth d0 to d1, with probability ``exp(-d0 d1/(D dt))``.
    """


@dataclass(frozen=True)
class PartiallyAbsorbing(Wall):
    """A wall that absorbs at a finite rate: ``D dc/dn = -kappa c``.

    Parameters
    ----------
    kappa
        Reactivity, one number for all species or a mapping of species to numbers; a species that
        is not named reflects. Of a flat wall per area (length/time); of a sphere, the wall of a
        `Shell`, that of its whole surface (length³/time), ``4 pi a² D dc/dn = -kappa c`` (del Razo
        2024, eq. (25)), which is 4 pi a² times as much.
    """

    kappa: float | Mapping[Any, float]

    def __post_init__(self) -> None:
        if isinstance(self.kappa, Mapping):
            values = _by_name(self.kappa, "PartiallyAbsorbing", allow_functions=False)
            object.__setattr__(self, "kappa", values)
        else:
            kappa = number(self.kappa, "PartiallyAbsorbing: kappa")
            object.__setattr__(self, "kappa", kappa)

    def of(self, name: str) -> float:
        """Reactivity for a species (length/time; length³/time of a sphere)."""
        return self.kappa.get(name, 0.0) if isinstance(self.kappa, Mapping) else self.kappa


@dataclass(frozen=True)
class Reservoir(Wall):
    """A wall in contact with a reservoir of given concentration: ``c = c_R`` at the wall.

    Parameters
    ----------
    concentrations
        c_R (particles per length^d) per species, a number or a function of the coordinates along
        the wall and of time; a species that is not named reflects.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> hrd.Reservoir({"A": 100.0})
    Reservoir({'A': 100.0})
    """

    concentrations: Mapping[Any, Value] = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "concentrations", _by_name(self.concentrations, "Reservoir"))

    def __repr__(self) -> str:
        return f"Reservoir({self.concentrations})"


@dataclass(frozen=True)
class Influx(Wall):
    """A wall through which particles enter at a given rate, and none leaves.

    Parameters
    ----------
    fluxes
        J (particles per area and time; per time in one dimension) per species, a number or a
        function of the coordinates along the wall and of time; other species reflect.
    """

    fluxes: Mapping[Any, Value] = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fluxes", _by_name(self.fluxes, "Influx"))

    def __repr__(self) -> str:
        return f"Influx({self.fluxes})"


@dataclass(frozen=True)
class Periodic(Wall):
    """Both walls of an axis joined: name the axis, ``walls={"x": Periodic()}``."""


#: Every kind of wall that there is.
WALLS = (Reflecting, Absorbing, PartiallyAbsorbing, Reservoir, Influx, Periodic)


def values_of(wall: Wall) -> Mapping[str, Value]:
    """What a wall has by species, where it tells them apart."""
    if isinstance(wall, Reservoir):
        return wall.concentrations
    if isinstance(wall, Influx):
        return wall.fluxes
    if isinstance(wall, PartiallyAbsorbing) and isinstance(wall.kappa, Mapping):
        return wall.kappa
    return {}
