"""The fields of a System in normal form, as far as they can be had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hybridrd.model.reaction import Reaction
from hybridrd.model.shell import Domain
from hybridrd.model.species import Species
from hybridrd.model.walls import Wall


@dataclass(frozen=True)
class Draft:
    """What a System would be made of; mistakes in one field do not hide those in another.

    Parameters
    ----------
    domain, cells
        None where they are not known: then nothing is said of what depends on them.
    particles, interface, coupling, fluctuations
        As they were given.
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
    interface: Any
    coupling: Any
    fluctuations: Any
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
        """The fields of a System whose form may differ from the given one."""
        return {
            "species": self.species,
            "reactions": self.reactions,
            "cells": self.cells,
            "walls": self.walls,
            "initial": dict(self.contents),
            "units": self.units,
        }
