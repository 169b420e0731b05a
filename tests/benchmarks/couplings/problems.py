"""The problems, as Systems of hybridrd and, where there is one, with their closed form.

A unit line, D = 1, twenty cells of width h, the plane in the middle, particles on its left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

import hybridrd as hrd

Floats = NDArray[np.float64]
CELLS, PLANE = 20, 0.5
H = 1.0 / CELLS
DOMAIN, REGION = hrd.Box(x=(0.0, 1.0)), hrd.Box(x=(0.0, PLANE))
RADIUS = 0.02  # of pairs
PERIOD = 0.2
EDGES = np.linspace(0.0, 1.0, CELLS + 1)


@dataclass(frozen=True)
class Problem:
    """One problem: what is described, when it is looked at, what is right."""

    name: str
    title: str
    text: str
    until: float
    every: float
    first: float  # records from here on are compared
    start: dict[str, tuple[int, float, float]] = field(default_factory=dict)
    reactions: tuple[dict[str, object], ...] = ()
    walls: Callable[[hrd.Species, ...], dict[str, object]] | None = None  # type: ignore[misc]
    species: tuple[str, ...] = ("A",)
    exact: Callable[[Floats], Floats] | None = None  # contents (time, cell) at times
    variance: str = "sampled"  # "closed", "poisson": of contents; else from particles alone
    delay: bool = False
    closed: int = 0  # copies, if their number cannot change

    def system(self, **how: object) -> hrd.System:
        """The problem as a System, with ``how`` it is coupled."""
        species = [hrd.Species(s, D=1.0) for s in self.species]
        return hrd.System(
            species=species,
            domain=DOMAIN,
            cells=CELLS,
            reactions=[hrd.Reaction(**r) for r in self.reactions],
            initial={s: hrd.Copies(n, x=(a, b)) for s, (n, a, b) in self.start.items()},
            walls=self.walls(*species) if self.walls else {},
            **how,
        )

    @property
    def times(self) -> Floats:
        """Times of the records."""
        return self.every * np.arange(round(self.until / self.every) + 1)

    @property
    def compared(self) -> NDArray[np.bool_]:
        """The records that are compared."""
        return np.asarray(self.times > self.first - 1e-9)


def modes(times: Floats, lower: float, upper: float, copies: float) -> Floats:
    """Contents of the cells: copies spread over (lower, upper) at the start, closed ends."""
    q = np.pi * np.arange(1, 200)
    start = 2 * (np.sin(q * upper) - np.sin(q * lower)) / (q * (upper - lower))
    cell = (np.sin(np.outer(EDGES[1:], q)) - np.sin(np.outer(EDGES[:-1], q))) / q
    return copies * (H + np.einsum("m,tm,cm->tc", start, np.exp(-np.outer(times, q**2)), cell))


def _waves(times: Floats) -> Floats:
    """Contents of the cells under c(1) = 100 + 80 sin(omega t), from an empty line."""
    omega = 2 * np.pi / PERIOD
    q, k = np.sqrt(1j * omega), np.pi * (np.arange(200) + 0.5)
    wave = np.diff(np.sinh(q * EDGES)) / (q * np.cosh(q))
    forced = 100 * H + 80 * np.imag(np.exp(1j * omega * times)[:, None] * wave)
    start = 2 * np.sin(k) * (100 / k + 80 * np.imag(k / (q**2 + k**2)))
    cell = np.diff(np.sin(np.outer(EDGES, k)), axis=0) / k
    fading = np.einsum("m,tm,cm->tc", start, np.exp(-np.outer(times, k**2)), cell)
    return np.asarray(forced - fading)


def _gradient(times: Floats) -> Floats:
    """Contents under an influx of 600 at 1 and decay at rate 10, from an empty line."""
    q, k = np.sqrt(10.0), np.pi * np.arange(1, 200)
    steady = 600 / q**2 * np.diff(np.sinh(q * EDGES)) / np.sinh(q)
    cell = np.diff(np.sin(np.outer(EDGES, k)), axis=0) / k
    start = 2 * 600 * np.cos(k) / (10 + k**2)
    fading = np.einsum("m,tm,cm->tc", start, np.exp(-np.outer(times, 10 + k**2)), cell)
    return np.asarray(steady - fading - 60 * H * np.exp(-10 * times)[:, None])


def oscillation(t: Floats) -> Floats:
    """The reservoir of the last problem."""
    return 100 + 80 * np.sin(2 * np.pi / PERIOD * t)


UNIFORM = Problem(
    "uniform", "Uniform equilibrium",
    "100 copies on a closed line, all of them particles at the start, compared from t = 0.5 to 1.",
    until=1.0, every=0.1, first=0.5, start={"A": (100, 0.0, PLANE)},
    exact=lambda t: modes(t, 0.0, PLANE, 100.0), variance="closed", closed=100,
)  # fmt: skip
ONE_SIDED = Problem(
    "one_sided", "All on one side",
    "100 copies on a closed line, all of them in the continuum at the start, compared from "
    "t = 0.04 to 0.2.",
    until=0.2, every=0.02, first=0.04, start={"A": (100, PLANE, 1.0)},
    exact=lambda t: modes(t, PLANE, 1.0, 100.0), variance="closed", delay=True, closed=100,
)  # fmt: skip
MORPHOGEN = Problem(
    "morphogen", "Morphogen gradient",
    "600 copies a time enter at x = 1 and decay at rate 10; compared from t = 0.5 "
    "to 1, with some 9.7 copies in the particle region.",
    until=1.0, every=0.1, first=0.5, reactions=({"equation": "A -> 0", "k": 10.0},),
    walls=lambda a: {"x+": hrd.Influx({a: 600.0})}, exact=_gradient, variance="poisson",
)  # fmt: skip
ANNIHILATION = Problem(
    "annihilation", "A + B -> 0 at the plane",
    "100 A left of the plane, 100 B right of it, k = 5; numbers of A are compared, from t = 0.02 "
    "to 0.1.",
    until=0.1, every=0.01, first=0.02, species=("A", "B"),
    start={"A": (100, 0.0, PLANE), "B": (100, PLANE, 1.0)},
    reactions=({"equation": "A + B -> 0", "k": 5.0, "radius": RADIUS},),
)  # fmt: skip
PAIRS = Problem(
    "pairs", "Production with like-pair decay",
    "0 -> A at 3,600 a length and time, 2 A -> 0 with k = 1, from an empty line, "
    "compared from t = 0.03 to 0.1.",
    until=0.1, every=0.01, first=0.03,
    reactions=(
        {"equation": "0 -> A", "k": 3600.0},
        {"equation": "2 A -> 0", "k": 1.0, "radius": RADIUS},
    ),
)  # fmt: skip
FRONT = Problem(
    "front", "Fisher front through the plane",
    "A -> 2 A at rate 100, 2 A -> A with k = 1, from 40 copies in x > 0.8: the front passes the "
    "plane on its way to the left.",
    until=0.1, every=0.01, first=0.02, start={"A": (40, 0.8, 1.0)},
    reactions=(
        {"equation": "A -> 2 A", "k": 100.0},
        {"equation": "2 A -> A", "k": 1.0, "radius": RADIUS},
    ),
    delay=True,
)  # fmt: skip
RESERVOIR = Problem(
    "reservoir", "A fast oscillating reservoir",
    "c(1) = 100 + 80 sin(2 pi t/0.2), from an empty line, compared from t = 0.2 to 0.4; at the "
    "plane 13 % of the oscillation is left.",
    until=0.4, every=0.02, first=0.2, walls=lambda a: {"x+": hrd.Reservoir({a: oscillation})},
    exact=_waves, variance="poisson", delay=True,
)  # fmt: skip
PROBLEMS = (UNIFORM, ONE_SIDED, MORPHOGEN, ANNIHILATION, PAIRS, FRONT, RESERVOIR)
