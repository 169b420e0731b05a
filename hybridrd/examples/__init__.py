"""Published cases and classics: functions that return a `System`, and settings of their runs.

``hybridrd.examples.sir()`` returns a System; `CASES` lists the cases of the command line. The
functions are cheap to import and load their dependencies when called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from hybridrd.examples.diffusion import diffusion
from hybridrd.examples.lotka_volterra import lotka_volterra
from hybridrd.examples.proliferation import proliferation
from hybridrd.examples.sir import sir
from hybridrd.examples.smoluchowski import smoluchowski
from hybridrd.examples.turing import brusselator, gray_scott, schnakenberg

if TYPE_CHECKING:
    from hybridrd.model.system import System

__all__ = [
    "CASES",
    "Case",
    "brusselator",
    "diffusion",
    "gray_scott",
    "lotka_volterra",
    "proliferation",
    "schnakenberg",
    "sir",
    "smoluchowski",
]


class Example(Protocol):
    """A function that makes a system; keyword arguments change its fields."""

    def __call__(self, cells: int = ..., **changes: Any) -> System: ...


@dataclass(frozen=True)
class Case:
    """A case and the settings of its run.

    Parameters
    ----------
    system
        The function that returns its `System`.
    summary
        Description in a few words.
    dt, until, every
        Time step, end, and time between records (time).
    times
        Records to draw (time).
    """

    system: Example
    summary: str
    dt: float
    until: float
    every: float
    times: tuple[float, ...]


#: The cases by their names on the command line.
CASES: dict[str, Case] = {
    "diffusion": Case(
        diffusion, "A spreads from a stripe", dt=0.002, until=1.0, every=0.1, times=(0.1, 1.0)
    ),
    "proliferation": Case(
        proliferation, "A -> 2 A", dt=0.01, until=10.0, every=0.5, times=(5.0, 10.0)
    ),
    "lotka-volterra": Case(
        lotka_volterra,
        "A -> 2 A, A + B -> 2 B, B -> 0",
        dt=0.0025,
        until=2.5,
        every=0.1,
        times=(1.0, 2.5),
    ),
    "sir": Case(sir, "S + I -> 2 I, I -> R", dt=0.005, until=1.5, every=0.1, times=(0.5, 1.0)),
    "smoluchowski": Case(
        smoluchowski,
        "B is absorbed at a sphere",
        dt=0.005,
        until=50.0,
        every=0.5,
        times=(5.0, 50.0),
    ),
    "brusselator": Case(
        brusselator,
        "Turing pattern of 2 U + V -> 3 U",
        dt=0.02,
        until=100.0,
        every=5.0,
        times=(50.0, 100.0),
    ),
    "schnakenberg": Case(
        schnakenberg,
        "Turing pattern of 2 U + V -> 3 U",
        dt=0.05,
        until=50.0,
        every=5.0,
        times=(25.0, 50.0),
    ),
    "gray-scott": Case(
        gray_scott,
        "labyrinth of U + 2 V -> 3 V",
        dt=1.0,
        until=2000.0,
        every=100.0,
        times=(1000.0, 2000.0),
    ),
}
