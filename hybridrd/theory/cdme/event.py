"""Events of the master equation, and checks that their values are constant in time."""

from __future__ import annotations

from dataclasses import dataclass

from hybridrd.errors import ModelError
from hybridrd.model.functions import Value, evaluate, needs_time

Site = tuple[int, int]  # species and voxel, by number


@dataclass(frozen=True)
class Event:
    """A transition of the master equation: it removes some copies and creates others.

    Its rate is ``rate`` times the number of ways to choose ``takes``; two copies of one species and
    voxel can be chosen in ``n (n - 1)`` ordered ways. With ``any_one`` it is ``rate`` if there
    is a way.
    """

    rate: float
    takes: tuple[Site, ...]
    makes: tuple[Site, ...]
    any_one: bool = False


def steady(value: Value, where: str) -> Value:
    """The value. Raises ModelError if it is a function of time."""
    if needs_time(value):
        raise ModelError(
            f"{where}: the function depends on t; the master equation is solved with rates and "
            f"walls that are constant in time, give a number or a function of x"
        )
    return value


def on_wall(value: Value, where: str, minimum: float = 0.0) -> float:
    """A value on a wall of a line, which has no coordinates."""
    return float(evaluate(steady(value, where), {}, 0.0, where, 1, minimum)[0])
