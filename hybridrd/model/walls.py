"""Walls of the domain, each the same for particles, PDE and master equation.

Except `Periodic`, a wall is one `Law` per species, ``outward flux = kappa (c - outside) - influx``;
the rest of the package uses only these three values. With the outward normal n, the concentration c
and the diffusion coefficient D of a species:

==================== ==========================================================
``Reflecting``       ``D dc/dn = 0``
``Absorbing``        ``c = 0``
``PartiallyAbsorbing`` ``D dc/dn = -kappa c`` (kappa: length/time, flat wall)
``Reservoir``        ``c = c_R`` (Dirichlet), an open boundary to particles
``Influx``           ``D dc/dn = J`` (J: particles per area and time)
``Leaky``            ``D dc/dn = -kappa (c - K c_out)``
``Periodic``         the two walls of the axis are identified
==================== ==========================================================

On a sphere of radius a, the wall of a `Shell`, kappa refers to the whole surface (length³/time):
``4 pi a² D dc/dn = -kappa c``, del Razo 2024, eq. (25).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from hybridrd.arguments import named_arguments, number, shown
from hybridrd.errors import ModelError
from hybridrd.model.frozen import Frozen
from hybridrd.model.functions import Value, scaled
from hybridrd.model.quantity import measure
from hybridrd.model.species import SpeciesLike, species_name
from hybridrd.model.table import check_least


def _by_name(
    values: Mapping[Any, Any],
    kind: str,
    allow_functions: bool = True,
    minimum: float = 0.0,
    strict: bool = False,
) -> dict[str, Any]:
    """Values per species, keyed by name, each a number of at least ``minimum`` or a function."""
    if not isinstance(values, Mapping) or not values:
        raise ModelError(f"{kind}({shown(values)}): give a value per species, {kind}({{A: 1.0}})")
    result: dict[str, Any] = {}
    for species, value in values.items():
        name = species_name(species)
        if callable(value) and allow_functions:
            check_least(value, f"{kind}: value of {name}", minimum)
            result[name] = value
        else:
            result[name] = measure(value, f"{kind}: value of {name}", minimum, strict)
    return Frozen(result)


@named_arguments
@dataclass(frozen=True)
class Bath:
    """A stirred bath behind a `Leaky` wall: it receives what leaves, and supplies what enters.

    Each species has its own bath at each wall, even if both walls of an axis are named at
    once. Its content is part of ``total``; its concentration is ``bath`` in a result.

    Parameters
    ----------
    volume
        Its volume (length^d).
    initial
        Its concentration at time 0 (particles per length^d).

    Raises
    ------
    ModelError
        If the volume is not positive, or the concentration negative.
    """

    volume: float
    initial: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "volume", measure(self.volume, "Bath: volume", strict=True))
        object.__setattr__(self, "initial", measure(self.initial, "Bath: initial"))


class Law(NamedTuple):
    """Boundary condition of a wall for one species: ``outward flux = kappa (c - outside) -
    influx``.

    Attributes
    ----------
    kappa
        Permeability: 0 for a closed wall, ``inf`` for one that fixes the concentration;
        per area on a flat wall (length/time), of the whole surface on a sphere (length³/time).
    outside
        Concentration beyond the wall, a number or a function (particles per length^d); None for an
        empty outside, where particles disappear.
    influx
        Particles that enter per area and time, a number or a function; None for none. Below 0 they
        are removed, as far as there are any at the wall.
    bath
        The bath behind the wall; its concentration times ``partition`` replaces ``outside``. None
        for none.
    """

    kappa: float = 0.0
    outside: Value | None = None
    influx: Value | None = None
    bath: Bath | None = None
    partition: float = 1.0

    @property
    def held(self) -> bool:
        """Whether the wall fixes the concentration, at 0 if the outside is empty."""
        return math.isinf(self.kappa)

    @property
    def is_reservoir(self) -> bool:
        """Whether a reservoir is at the wall, with which particles are exchanged and react."""
        return self.held and self.outside is not None


CLOSED = Law()


@dataclass(frozen=True)
class Wall(ABC):
    """Base of all walls. A wall that is not named in a System reflects.

    Your own wall derives from it and implements `law`; particles, PDE, master equation and
    reports need nothing else. If it has values by species, return them from `values` to have them
    checked.
    """

    #: Whether it is identified with the opposite wall; such a wall has no law.
    joined: ClassVar[bool] = False

    @abstractmethod
    def law(self, species: str) -> Law:
        """The law of a species, by its name; `CLOSED` for a species that is reflected."""

    @property
    def values(self) -> Mapping[str, Any]:
        """Values by species, if the wall distinguishes them."""
        return {}

    def words(self, amounts: Callable[[Mapping[str, Any]], str]) -> str:
        """The wall in a few words; ``amounts`` formats values by species."""
        listed = amounts(self.values)
        return type(self).__name__.lower() + (f", {listed}" if listed else "")


@named_arguments
@dataclass(frozen=True)
class Reflecting(Wall):
    """A closed wall: no flux."""

    def law(self, species: str) -> Law:  # noqa: ARG002
        """Closed to every species."""
        return CLOSED


@named_arguments
@dataclass(frozen=True, init=False, repr=False)
class Absorbing(Wall):
    """A wall at which every particle that touches it disappears: ``c = 0``.

    Paths that touched the wall between two steps are absorbed, too (Brownian bridge): from depth
    d0 to d1, with probability ``exp(-d0 d1/(D dt))``.

    Parameters
    ----------
    species
        The species that are absorbed, ``Absorbing("A", "B")``; others reflect. All by default.
    """

    species: tuple[str, ...]

    def __init__(self, *species: SpeciesLike) -> None:
        object.__setattr__(self, "species", tuple(map(species_name, species)))

    def law(self, species: str) -> Law:
        """Fixed at 0: whatever touches the wall leaves."""
        return Law(math.inf) if not self.species or species in self.species else CLOSED

    @property
    def values(self) -> Mapping[str, Any]:
        """The species that are absorbed, without values."""
        return dict.fromkeys(self.species, 0.0)

    def words(self, amounts: Callable[[Mapping[str, Any]], str]) -> str:  # noqa: ARG002
        """The wall in words."""
        return "absorbing" + (f" {', '.join(self.species)}" if self.species else "")

    def __repr__(self) -> str:
        return f"Absorbing({', '.join(map(repr, self.species))})"


@named_arguments
@dataclass(frozen=True)
class PartiallyAbsorbing(Wall):
    """A wall that absorbs at a finite rate: ``D dc/dn = -kappa c``.

    Parameters
    ----------
    kappa
        Reactivity, one number for all species or a mapping of species to numbers; a species that
        is not named reflects. Per area on a flat wall (length/time); on a sphere, the wall of a
        `Shell`, that of its whole surface (length³/time), ``4 pi a² D dc/dn = -kappa c`` (del Razo
        2024, eq. (25)), which is 4 pi a² times as much.
    """

    kappa: float | Mapping[Any, float]

    def __post_init__(self) -> None:
        if isinstance(self.kappa, Mapping):
            values = _by_name(self.kappa, "PartiallyAbsorbing", allow_functions=False)
            object.__setattr__(self, "kappa", values)
        else:
            kappa = measure(self.kappa, "PartiallyAbsorbing: kappa")
            object.__setattr__(self, "kappa", kappa)

    def law(self, species: str) -> Law:
        """Outward flux kappa c."""
        kappa = self.kappa.get(species, 0.0) if isinstance(self.kappa, Mapping) else self.kappa
        return Law(kappa)

    @property
    def values(self) -> Mapping[str, Any]:
        """Kappa of each species that was named."""
        return self.kappa if isinstance(self.kappa, Mapping) else {}

    def words(self, amounts: Callable[[Mapping[str, Any]], str]) -> str:
        """The wall in words."""
        listed = amounts(self.values)
        return "partially absorbing, kappa" + (f": {listed}" if listed else f" = {self.kappa:g}")


@named_arguments
@dataclass(frozen=True)
class Reservoir(Wall):
    """A wall in contact with a reservoir of given concentration: ``c = c_R`` at the wall.

    Parameters
    ----------
    concentrations
        c_R (particles per length^d) per species, a number or a function of the coordinates along
        the wall and of time; a species that is not named reflects. A species with D = 0 that reacts
        in pairs may be named: particles react with it across the wall, but it does not enter.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> hrd.Reservoir({"A": 100.0})
    Reservoir({'A': 100.0})
    """

    concentrations: Mapping[Any, Value] = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "concentrations", _by_name(self.concentrations, "Reservoir"))

    def law(self, species: str) -> Law:
        """Fixed at the concentration of the reservoir; closed to other species."""
        if species not in self.concentrations:
            return CLOSED
        return Law(math.inf, outside=self.concentrations[species])

    @property
    def values(self) -> Mapping[str, Any]:
        """Concentration of each species."""
        return self.concentrations

    def __repr__(self) -> str:
        return f"Reservoir({self.concentrations})"


@named_arguments
@dataclass(frozen=True)
class Influx(Wall):
    """A wall through which particles enter at a given rate, and none leaves.

    Parameters
    ----------
    fluxes
        J (particles per area and time; per time in one dimension) per species, a number or a
        function of the coordinates along the wall and of time; other species reflect. A negative
        J is a drain: it removes -J, but never more than reach the wall, so a drain that is too
        strong acts as an absorbing wall. In the PDE the limit is ``2 D c/h`` with the concentration
        c of the cell at the wall; in the master equation a copy must be in the last voxel.
    """

    fluxes: Mapping[Any, Value] = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fluxes", _by_name(self.fluxes, "Influx", minimum=-math.inf))

    def law(self, species: str) -> Law:
        """Inward flux J; closed otherwise."""
        return Law(influx=self.fluxes.get(species))

    @property
    def values(self) -> Mapping[str, Any]:
        """Flux of each species."""
        return self.fluxes

    def __repr__(self) -> str:
        return f"Influx({self.fluxes})"


@named_arguments
@dataclass(frozen=True, repr=False)
class Leaky(Wall):
    """A leaky wall: ``outward flux = kappa (c - K c_out)``, where c is that at the wall.

    Particles leave with the probability of a partially absorbing wall and enter from outside at the
    rate ``kappa K c_out`` per area. Both are exact for any step on a flat wall and on a sphere: the
    uniform state ``c = K c_out`` stays uniform, with Poisson numbers. In the PDE it is a Robin
    condition, of second order in the width of the cells.

    Parameters
    ----------
    kappa
        Permeability by species, a number; others reflect. Per area on a flat wall (length/time); of
        the whole surface on a sphere (length³/time).
    outside
        c_out by species (particles per length^d): a number, a function of the coordinates along
        the wall and of time, or a `Bath`; for a species without a value the outside is empty.
    partition
        K, the ratio of the concentrations inside and outside at equilibrium, by species or for
        all; 1 by default.

    Raises
    ------
    ModelError
        If a number is not finite or out of range, or ``outside`` or ``partition`` names a species
        that does not leak.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> hrd.Leaky({"A": 2.0}, outside={"A": hrd.Bath(volume=5.0)}, partition={"A": 0.5})
    Leaky({'A': 2.0}, outside={'A': Bath(volume=5.0, initial=0.0)}, partition={'A': 0.5})
    """

    kappa: Mapping[Any, float]
    outside: Mapping[Any, Value | Bath] = field(default_factory=dict)
    partition: Mapping[Any, float] | float = 1.0

    def __post_init__(self) -> None:
        kappa = _by_name(self.kappa, "Leaky", allow_functions=False)
        if not isinstance(self.outside, Mapping):
            raise ModelError(f"Leaky: outside = {self.outside!r}: give a value per species")
        outside = {species_name(s): v for s, v in self.outside.items() if isinstance(v, Bath)}
        rest = {s: v for s, v in self.outside.items() if not isinstance(v, Bath)}
        outside |= _by_name(rest, "Leaky: outside") if rest else {}
        if isinstance(self.partition, Mapping):
            partition = _by_name(self.partition, "Leaky: partition", False, strict=True)
        else:
            K = number(self.partition, "Leaky: partition", strict=True)
            partition = dict.fromkeys(kappa, K)
        for what, values in (("outside", outside), ("partition", partition)):
            unknown = [name for name in values if name not in kappa]
            if unknown:
                raise ModelError(
                    f"Leaky: {what} names {', '.join(unknown)}, but the wall leaks for "
                    f"{', '.join(kappa)} only; give kappa for it"
                )
        object.__setattr__(self, "kappa", kappa)
        object.__setattr__(self, "outside", Frozen({n: outside[n] for n in kappa if n in outside}))
        object.__setattr__(self, "partition", Frozen({n: partition.get(n, 1.0) for n in kappa}))

    def law(self, species: str) -> Law:
        """``kappa (c - K c_out)`` for the species that leak, `CLOSED` for others."""
        kappa = self.kappa.get(species, 0.0)
        if kappa == 0:
            return CLOSED
        outside, K = self.outside.get(species), self.partitions[species]
        if isinstance(outside, Bath):
            return Law(kappa, K * outside.initial, bath=outside, partition=K)
        return Law(kappa, None if outside is None else scaled(outside, K))

    @property
    def partitions(self) -> Mapping[str, float]:
        """K of each species that leaks."""
        assert isinstance(self.partition, Mapping)
        return self.partition

    @property
    def values(self) -> Mapping[str, Any]:
        """Permeability by species."""
        return self.kappa

    def words(self, amounts: Callable[[Mapping[str, Any]], str]) -> str:
        """The wall in a few words."""
        parts = [f"leaky, kappa: {amounts(self.kappa)}"]
        given = {n: v for n, v in self.outside.items() if not isinstance(v, Bath)}
        if given:
            parts.append(f"outside: {amounts(given)}")
        for name, bath in self.outside.items():
            if isinstance(bath, Bath):
                words = f"bath of {name}: volume {bath.volume:g}, initial {bath.initial:g}"
                parts.append(words)
        shared = {n: K for n, K in self.partitions.items() if K != 1}
        if shared:
            parts.append(f"partition: {amounts(shared)}")
        return "; ".join(parts)

    def __repr__(self) -> str:
        outside = f", outside={dict(self.outside)}" if self.outside else ""
        parts = {n: K for n, K in self.partitions.items() if K != 1}
        return f"Leaky({dict(self.kappa)}{outside}{f', partition={parts}' if parts else ''})"


@named_arguments
@dataclass(frozen=True)
class Periodic(Wall):
    """Both walls of an axis joined: name the axis, ``walls={"x": Periodic()}``."""

    joined = True

    def law(self, species: str) -> Law:  # noqa: ARG002
        """Closed: nothing leaves the domain."""
        return CLOSED
