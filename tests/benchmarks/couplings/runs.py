"""Runs of all schemes in turn, kept in a folder, so that an interrupted comparison goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.couplings.auxiliary_region import AuxiliaryRegion
from tests.benchmarks.couplings.flux_matching import FluxMatching
from tests.benchmarks.couplings.ghost_cell import GhostCell
from tests.benchmarks.couplings.line import Floats
from tests.benchmarks.couplings.own import own, particles, rules
from tests.benchmarks.couplings.pde_assisted import PDEAssisted
from tests.benchmarks.couplings.problems import PROBLEMS, H, Problem
from tests.benchmarks.couplings.scheme import Scheme
from tests.benchmarks.couplings.two_regime import TwoRegime


@dataclass(frozen=True)
class Plan:
    """How much is run.

    Attributes
    ----------
    steps
        Time steps, the smallest first.
    turns
        Turns that each scheme takes at each problem and step.
    seconds
        Processor time of a turn, which sets its replicas.
    fewest, most
        Replicas of a turn.
    reference
        Replicas of particles alone in a turn of the reference.
    claims
        Replicas for the claims of the papers, three times as many for variances.
    first_claim
        Claims before this one are left out: reservoir rules take the longest.
    """

    steps: tuple[float, ...]
    turns: int
    seconds: float
    fewest: int
    most: int
    reference: int
    claims: int
    first_claim: int = 0


FULL = Plan((2.5e-4, 6.25e-4, 2.5e-3), 3, 1.0, 12, 600, 400, 400)
SMALL = Plan((2.5e-3,), 1, 0.0, 3, 3, 20, 16, first_claim=4)


class Run(NamedTuple):
    """All turns of a scheme at one problem and step."""

    contents: Floats
    total: Floats
    seconds: float  # processor time of a replica, the least of the turns
    longest: float  # and the longest
    turns: int  # that were timed


def schemes() -> list[Scheme]:
    """All of them, hybridrd's last."""
    return [
        *rules(), PDEAssisted(0), PDEAssisted(4), TwoRegime(), GhostCell(), AuxiliaryRegion(),
        FluxMatching(noise=False), FluxMatching(noise=True), *own(),
    ]  # fmt: skip


@cache
def refusal(scheme: int, problem: str, dt: float) -> str | None:
    """Why scheme number ``scheme`` is not run there; None if it is."""
    return schemes()[scheme].refuses(problem_of(problem), dt)


def problem_of(name: str) -> Problem:
    """The problem of this name."""
    return next(p for p in PROBLEMS if p.name == name)


def runners(problem: Problem, dt: float) -> list[Scheme]:
    """Particles alone, and all schemes that can run the problem at this step."""
    run = [s for i, s in enumerate(schemes()) if refusal(i, problem.name, dt) is None]
    return [particles(), *run]


def path(folder: Path, problem: str, dt: float, scheme: str, turn: int) -> Path:
    """The file of one turn."""
    name = scheme.replace(", ", "_").replace(" ", "_")
    return folder / f"{problem}-{dt / H**2:g}-{name}-{turn}.npz"


def save(place: Path, **arrays: object) -> None:
    """Write a file whole or not at all."""
    half = place.with_suffix(".half.npz")
    np.savez(half, **arrays)  # type: ignore[arg-type]
    half.rename(place)


_WARM: set[tuple[str, str, float]] = set()  # what this process has compiled and set up


def run_turn(folder: Path, problem_name: str, dt: float, turn: int, plan: Plan) -> None:
    """One turn of each scheme that has no file of it yet."""
    problem = problem_of(problem_name)
    for scheme in runners(problem, dt):
        place = path(folder, problem.name, dt, scheme.name, turn)
        if place.exists():
            continue
        single, n = 0.0, plan.fewest
        if plan.seconds > 0:
            if (scheme.name, problem.name, dt) not in _WARM:
                scheme.run(problem, dt, 1, 1)
                _WARM.add((scheme.name, problem.name, dt))
            single = scheme.run(problem, dt, 1, 1).seconds
            before = path(folder, problem.name, dt, scheme.name, turn - 1)
            if before.exists():
                each, _ = _replica([np.load(before)])
            else:
                each = (scheme.run(problem, dt, 4, 1).seconds - single) / 3
            n = int(np.clip(plan.seconds / max(each, 1e-6), plan.fewest, plan.most))
        found = scheme.run(problem, dt, n, 2 + turn)
        save(
            place, contents=found.contents.astype(np.float32), total=found.total,
            seconds=found.seconds, single=single,
        )  # fmt: skip


def _replica(files: Sequence[Mapping[str, NDArray[Any]]]) -> tuple[float, float]:
    """Seconds of one more replica, least and longest of all turns, less a single replica's."""
    single = min(float(f["single"]) for f in files)
    one = 1 if single > 0 else 0
    each = [(float(f["seconds"]) - single) / (len(f["total"]) - one) for f in files]
    known = [max(seconds, 1e-6) for seconds in each if np.isfinite(seconds)]
    return min(known), max(known)


def run_reference(folder: Path, problem_name: str, turn: int, plan: Plan) -> None:
    """One turn of particles alone at the smallest step, for problems without a closed form."""
    place = path(folder, problem_name, plan.steps[0], "reference", turn)
    if not place.exists():
        problem = problem_of(problem_name)
        found = particles().run(problem, plan.steps[0], plan.reference, 1000 + turn)
        save(
            place, contents=found.contents.astype(np.float32), total=found.total,
            seconds=found.seconds, single=0.0,
        )  # fmt: skip


def kept(folder: Path, problem: Problem, dt: float, scheme: str, plan: Plan) -> Run:
    """The turns that are there, together."""
    places = [path(folder, problem.name, dt, scheme, turn) for turn in range(plan.turns)]
    files = [np.load(place) for place in places if place.exists()]
    return Run(
        np.concatenate([f["contents"] for f in files]).astype(float),
        np.concatenate([f["total"] for f in files]),
        *_replica(files),
        sum(bool(np.isfinite(f["seconds"])) for f in files),
    )
