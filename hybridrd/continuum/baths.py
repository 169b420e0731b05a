"""Stirred baths beyond leaky walls: their contents during a simulation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hybridrd.arrays import Floats, State, stored_amounts
from hybridrd.errors import StepError
from hybridrd.interface.base import at_least, at_most
from hybridrd.model.functions import Value
from hybridrd.model.system import System


@dataclass
class BathContent:
    """Content of the bath of one species at one wall.

    Attributes
    ----------
    amount
        Particles in it; integers only if nothing but particles passes the wall.
    volume
        Its volume (length^d).
    partition
        K, ratio of the concentrations inside and outside at equilibrium.
    """

    amount: float
    volume: float
    partition: float

    @property
    def concentration(self) -> float:
        """Particles per length^d."""
        return self.amount / self.volume

    def beyond(self, t: float) -> float:  # noqa: ARG002
        """K c, the concentration inside that is in equilibrium with it; a `Value`."""
        return self.partition * self.amount / self.volume


class Baths:
    """The baths of a system by (species, wall), in a fixed order.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> wall = hrd.Leaky({"A": 1.0}, outside={"A": hrd.Bath(volume=2.0, initial=3.0)})
    >>> line = hrd.Box(x=(0, 1))
    >>> system = hrd.System(species=[hrd.Species("A", D=1.0)], domain=line, walls={"x+": wall})
    >>> baths = Baths(system)
    >>> baths.amounts, baths.walls
    (array([6.]), ['x+'])
    """

    def __init__(self, system: System) -> None:
        self._names = system.names
        self._content: dict[tuple[int, str], BathContent] = {}
        for side, wall in system.walls.items():
            for s, name in enumerate(system.names):
                law = wall.law(name)
                if law.bath is not None:
                    amount = law.bath.initial * law.bath.volume
                    content = BathContent(amount, law.bath.volume, law.partition)
                    self._content[s, side] = content

    def __bool__(self) -> bool:
        return bool(self._content)

    def get(self, species: int, wall: str) -> BathContent | None:
        """The bath of a species at a wall, None without one."""
        return self._content.get((species, wall))

    def of(self, species: int) -> Iterator[tuple[str, BathContent]]:
        """The baths of a species, by wall."""
        return ((side, bath) for (s, side), bath in self._content.items() if s == species)

    def value(self, species: int, wall: str, given: Value) -> Value:
        """The concentration beyond a wall: that of the bath, or the given one."""
        bath = self.get(species, wall)
        return given if bath is None else bath.beyond

    def state(self) -> State:
        """Contents of all baths, as an array by name."""
        return {self._name(key): np.array(b.amount) for key, b in self._content.items()}

    def load_state(self, state: State) -> None:
        """The inverse of `state`; a bath missing in the state is reset. Raises ResultError."""
        for key, bath in self._content.items():
            if self._name(key) in state:
                bath.amount = float(stored_amounts(state, self._name(key), ()))

    def _name(self, key: tuple[int, str]) -> str:
        return f"bath/{self._names[key[0]]}/{key[1]}"

    @property
    def walls(self) -> list[str]:
        """The walls with a bath."""
        return list(dict.fromkeys(side for _, side in self._content))

    @property
    def amounts(self) -> Floats:
        """Contents, ``(baths,)``."""
        return np.array([bath.amount for bath in self._content.values()], np.float64)

    def by_species(self, amounts: Floats) -> Floats:
        """Contents of the baths, summed over the walls, ``(species,)``."""
        total = np.zeros(len(self._names))
        for (s, _), amount in zip(self._content, amounts, strict=True):
            total[s] += amount
        return total

    def table(self, amounts: Floats) -> Floats:
        """Concentrations ``(species, walls)``, NaN where there is no bath."""
        walls = self.walls
        result = np.full((len(self._names), len(walls)), np.nan)
        for ((s, side), bath), amount in zip(self._content.items(), amounts, strict=True):
            result[s, walls.index(side)] = amount / bath.volume
        return result


def check_baths(system: System, dt: float) -> None:
    """Refuse a step in which a bath would exchange more than it holds.

    Raises
    ------
    StepError
        If ``kappa K A dt`` is above the volume of the bath at a wall of area A.
    """
    grid = system.grid
    for side, wall in system.walls.items():
        axis, upper = system.domain.place(side)
        plane = (grid.upper if upper else grid.lower)[axis]
        faces = grid.cells // grid.shape[axis]
        area = faces * grid.plane_area(axis, plane) / grid.kappa_area(axis, plane)
        for name in system.names:
            law = wall.law(name)
            if law.bath is None:
                continue
            least = law.kappa * law.partition * area * dt
            if least > law.bath.volume * (1.0 + 1e-9):
                raise StepError(
                    f"species {name} at {side}: kappa K A dt = {least:.4g} of the bath is more "
                    f"than its volume, {law.bath.volume:g}, so that it would give more than it "
                    f"has; use dt <= {at_most(law.bath.volume / least * dt)} or a volume of at "
                    f"least {at_least(least)}"
                )
