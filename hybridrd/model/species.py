"""Chemical species."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from hybridrd.arguments import named_arguments, shown
from hybridrd.errors import ModelError
from hybridrd.model.quantity import measure

NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


@named_arguments
@dataclass(frozen=True)
class Species:
    """A chemical species that diffuses with a constant coefficient.

    Parameters
    ----------
    name
        Letters, digits and underscores, not starting with a digit.
    D
        Diffusion coefficient (length²/time), finite and not negative.

    Raises
    ------
    ModelError
        If the name or the coefficient cannot be.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> hrd.Species("A", D=0.5)
    Species(name='A', D=0.5)
    """

    name: str
    D: float

    def __post_init__(self) -> None:
        try:
            check_name(self.name)
        except ModelError as error:
            raise ModelError(f"species name {shown(self.name)}: {error}") from error
        object.__setattr__(self, "D", measure(self.D, f"species {self.name}: D"))

    def __str__(self) -> str:
        return self.name


def check_name(name: object) -> None:
    """Check the name of a species. Raises ModelError."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ModelError("use letters, digits and underscores, not starting with a digit")


SpeciesLike: TypeAlias = Species | str


def species_name(species: SpeciesLike) -> str:
    """The name of a species given as a `Species` or as its name."""
    if isinstance(species, Species):
        return species.name
    if isinstance(species, str):
        return species
    raise ModelError(f"{shown(species)} is not a species: give a Species or its name")
