"""Fields of a System in normal form, as far as they are valid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

from hybridrd.interface import InterfaceScheme
from hybridrd.model.frozen import Frozen
from hybridrd.model.grid import Grid
from hybridrd.model.partition import Partition
from hybridrd.model.reaction import Reaction
from hybridrd.model.shape import Mask, Shape
from hybridrd.model.shell import Domain
from hybridrd.model.species import Species
from hybridrd.model.walls import Wall

Coupling = Literal["two-way", "mean-field"]
COUPLINGS = get_args(Coupling)
Fluctuations = Literal["discrete", "gaussian"]
FLUCTUATIONS = get_args(Fluctuations)
DEFAULT_CELLS = {1: (100,), 2: (100, 100), 3: (22, 22, 22)}


@dataclass(frozen=True)
class Draft:
    """Fields of a System that is still to be checked; a mistake in one hides none in another.

    Parameters
    ----------
    domain, cells
        None if they are not known; checks that depend on them are skipped then.
    particles, obstacles, interface, coupling, fluctuations, correct_pairs
        As given.
    species, reactions, walls, units
        Those that have the right form.
    contents
        Initial states, each with the name of its species.
    all_species
        Whether the names of all species are known.
    """

    domain: Domain | None
    cells: tuple[int, ...] | None
    particles: Any
    obstacles: Any
    interface: Any
    coupling: Any
    fluctuations: Any
    correct_pairs: Any
    species: tuple[Species, ...]
    reactions: tuple[Reaction, ...]
    walls: dict[str, Wall]
    units: dict[Any, Any]
    contents: tuple[tuple[str, Any], ...]
    all_species: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the species, in order."""
        return tuple(s.name for s in self.species)

    def normal(self) -> dict[str, Any]:
        """Fields of the System whose form may differ from the given one."""
        return {
            "domain": self.domain,
            "particles": self.particles,
            "obstacles": self.obstacles,
            "species": self.species,
            "reactions": tuple(r for given in self.reactions for r in given.one_way()),
            "cells": self.cells,
            "fluctuations": self.fluctuations,
            "walls": self.walls,
            "initial": Frozen(self.contents),
            "units": self.units,
        }


class Description(Protocol):
    """Read-only view of a System, for modules that it imports itself."""

    @property
    def species(self) -> Sequence[Species]: ...
    @property
    def domain(self) -> Domain: ...
    @property
    def particles(self) -> Shape | None: ...
    @property
    def obstacles(self) -> Shape | None: ...
    @property
    def reactions(self) -> Sequence[Reaction]: ...
    @property
    def cells(self) -> Sequence[int] | int | None: ...
    @property
    def walls(self) -> Mapping[str, Wall]: ...
    @property
    def interface(self) -> InterfaceScheme | None: ...
    @property
    def coupling(self) -> Coupling: ...
    @property
    def fluctuations(self) -> Fluctuations | bool | None: ...
    @property
    def correct_pairs(self) -> bool: ...
    @property
    def initial(self) -> Mapping[Any, Any]: ...
    @property
    def units(self) -> Mapping[str, str]: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def dimension(self) -> int: ...
    @property
    def grid(self) -> Grid: ...
    @property
    def is_hybrid(self) -> bool: ...
    @property
    def is_plain(self) -> bool: ...
    @property
    def partition(self) -> Partition: ...
    @property
    def free(self) -> Mask: ...
    def is_periodic(self, axis: str) -> bool: ...
