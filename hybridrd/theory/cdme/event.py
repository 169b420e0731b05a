"""Events of the master equation, and their rates as numbers or functions of time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from hybridrd.arrays import Floats
from hybridrd.model.functions import Value, evaluate, needs_time
from hybridrd.model.rate_law import RateLaw

Site = tuple[int, int]  # species and voxel, by number


class Course:
    """Rates that depend on time, of several events together.

    Parameters
    ----------
    function
        The rates at a time, ``(n,)``.
    """

    def __init__(self, function: Callable[[float], Floats]) -> None:
        self._function = function
        self._known: tuple[float, Floats] | None = None

    def at(self, t: float) -> Floats:
        """The rates at a time, ``(n,)``."""
        if self._known is None or self._known[0] != t:
            self._known = t, self._function(t)
        return self._known[1]


Rates: TypeAlias = Floats | Course


def rates_of(
    value: Value,
    coordinates: Mapping[str, Floats],
    where: str,
    size: int | None = None,
    minimum: float = 0.0,
) -> Rates:
    """Values of a number or function at points: an array, or a `Course` if they depend on time."""
    if needs_time(value):
        return Course(lambda t: evaluate(value, coordinates, t, where, size, minimum))
    return evaluate(value, coordinates, 0.0, where, size, minimum)


def combined(change: Callable[..., Floats], *parts: Rates) -> Rates:
    """A function of several rates: an array, or a `Course` if one of them is."""
    if any(isinstance(part, Course) for part in parts):
        return Course(lambda t: change(*(at(part, t) for part in parts)))
    return change(*parts)


def at(rates: Rates, t: float) -> Floats:
    """The rates at a time."""
    return rates.at(t) if isinstance(rates, Course) else rates


@dataclass(frozen=True)
class VoxelLaw:
    """A rate that is a function of concentrations, in one voxel.

    Parameters
    ----------
    law
        Events per volume and time.
    species
        The species of its arguments, by number.
    voxel, volume
        The voxel, and its volume.
    """

    law: RateLaw
    species: tuple[int, ...]
    voxel: int
    volume: float

    def table(self, most: Sequence[int]) -> Floats:
        """Events per time for every content up to the cut-off of each argument's species."""
        counts = np.meshgrid(*(np.arange(most[s] + 1.0) for s in self.species), indexing="ij")
        given = dict(zip(self.law.names, (n / self.volume for n in counts), strict=True))
        return self.volume * self.law.at(given or {"": np.zeros(())})


@dataclass(frozen=True)
class Event:
    """A transition of the master equation: it removes some copies and creates others.

    Its rate is ``rate`` times the number of ways to choose ``takes``; two copies of one species and
    voxel can be chosen in ``n (n - 1)`` ordered ways. With ``any_one`` it is ``rate`` if there
    is at least one way, and with a ``law`` ``rate`` times the law's value if there is. A rate that
    depends on time is ``rate`` times entry ``index`` of its `Course`.
    """

    rate: float
    takes: tuple[Site, ...]
    makes: tuple[Site, ...]
    any_one: bool = False
    course: Course | None = field(default=None, repr=False)
    index: int = field(default=0, repr=False)
    law: VoxelLaw | None = field(default=None, repr=False)

    def rate_at(self, t: float) -> float:
        """The rate at a time (1/time)."""
        share = 1.0 if self.course is None else float(self.course.at(t)[self.index])
        return self.rate * share


def event(
    rates: Rates,
    index: int,
    takes: tuple[Site, ...],
    makes: tuple[Site, ...],
    factor: float = 1.0,
    any_one: bool = False,
) -> Event:
    """The event whose rate is ``factor`` times entry ``index`` of rates."""
    if isinstance(rates, Course):
        return Event(factor, takes, makes, any_one, rates, index)
    return Event(factor * float(rates[index]), takes, makes, any_one)
