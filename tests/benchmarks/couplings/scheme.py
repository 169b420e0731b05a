"""A scheme runs a problem and returns the contents of the cells in each replica."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import hybridrd as hrd
from tests.benchmarks.couplings.line import Floats, Line, simulate
from tests.benchmarks.couplings.problems import CELLS, PERIOD, PLANE, RADIUS, H, Problem


@dataclass(frozen=True)
class Outcome:
    """Contents (replica, record, species, cell), totals of a species, processor seconds of all."""

    contents: Floats
    total: Floats  # (replica, record, species)
    seconds: float


class Scheme(ABC):
    """One way to couple particles and a continuum."""

    name: ClassVar[str] | str
    one_way: bool = False  # the continuum does not feel the particles: no multinomial totals

    @abstractmethod
    def refuses(self, problem: Problem, dt: float) -> str | None:
        """Why a problem or step is none of the scheme's; None if it is."""

    @abstractmethod
    def run(self, problem: Problem, dt: float, replicas: int, seed: int) -> Outcome:
        """Run the problem."""


class Published(Scheme):
    """A scheme of a paper, on the shared line.

    Attributes
    ----------
    whole
        Whether the continuum holds whole copies (compartments) or a field.
    refine
        Cells of the scheme in one of the page's.
    """

    whole: bool = False
    refine: int = 1
    diffuse: Any

    def refuses(self, problem: Problem, dt: float) -> str | None:  # noqa: ARG002
        """See `Scheme`."""
        return None

    def numbers(self, line: Line) -> Any:  # noqa: ARG002
        """What the scheme's kernel needs beside the line; a zero if nothing."""
        return 0.0

    def line(self, problem: Problem, dt: float) -> Line:
        """The problem's numbers."""
        species = len(problem.species)
        rates = {str(r["equation"]): r for r in problem.reactions}

        def first(equation: str) -> Floats:
            k = rates.get(equation, {}).get("k", 0.0)
            return np.array([k] + [0.0] * (species - 1), float)

        like = next((e for e in ("2 A -> 0", "2 A -> A") if e in rates), None)
        pair, half = like or ("A + B -> 0" if species == 2 else None), 0.0
        if pair:
            whole = problem.system(particles=hrd.Box(x=(0, 1)))
            half = hrd.Simulation(whole, dt, seed=1).diagnostics()["pairs"][0][
                "probability_per_half_step"
            ]
        lambda0 = float(rates[pair]["k"]) / (2 * RADIUS) if pair else 0.0  # type: ignore[arg-type]
        influx = np.zeros((species, 2))
        if problem.name == "morphogen":
            influx[0, 1] = 600.0
        return Line(
            D=np.ones(species), dt=dt, h=H / self.refine, left=PLANE,
            whole=self.whole, birth=first("0 -> A"), death=first("A -> 0"),
            branching=first("A -> 2 A"), like=lambda0 if like else 0.0,
            like_left=int(like == "2 A -> A"), cross=0.0 if like else lambda0, radius=RADIUS,
            like_half=half if like else 0.0, cross_half=0.0 if like else half, influx=influx,
            reservoir=problem.name == "reservoir", mean=100.0, swing=80.0,
            omega=2 * np.pi / PERIOD,
        )  # fmt: skip

    def run(self, problem: Problem, dt: float, replicas: int, seed: int) -> Outcome:
        """See `Scheme`."""
        line = self.line(problem, dt)
        width = round((1.0 - line.left) / line.h)
        cells = np.zeros((len(problem.species), width))
        start = np.zeros((len(problem.species), 3))
        for s, name in enumerate(problem.species):
            if name in problem.start:
                start[s] = n, lower, upper = problem.start[name]
                centres = line.left + line.h * (np.arange(width) + 0.5)
                inside = (centres > lower) & (centres < upper)
                if not self.whole and lower >= PLANE:
                    cells[s, inside] = n / inside.sum()
                    start[s, 0] = 0
        every = round(problem.every / dt)
        records = problem.times.size
        out = np.zeros((replicas, records, len(problem.species), CELLS))
        begun = time.process_time()
        simulate(
            np.random.default_rng(seed), start, every * (records - 1), every,
            type(self).diffuse, line, self.numbers(line), cells, out,
        )  # fmt: skip
        return Outcome(out, out.sum(axis=3), time.process_time() - begun)
