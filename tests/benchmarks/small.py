"""Small systems, whose cost is that of a step: few particles, many steps.

python -m tests.benchmarks.small            # microseconds a step, all cases
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import hybridrd as hrd
from hybridrd.continuum.solvers import one_blas_thread

DT = 1e-4
NUMBERS = 10, 100, 1_000, 10_000, 100_000


def unit_cube(n: int, pairs: bool = False) -> hrd.System:
    """A periodic unit box with n particles: free, or A + B <-> C with a Doi radius of 0.05."""
    a, b, c = (hrd.Species(s, D=1.0) for s in "ABC")
    box = hrd.Box(x=(0, 1), y=(0, 1), z=(0, 1))
    walls = {a + side: hrd.Periodic() for a in "xyz" for side in "-+"}
    shared = {"domain": box, "particles": box, "walls": walls, "cells": 4}
    if not pairs:
        return hrd.System(species=[a], initial={a: hrd.Copies(n)}, **shared)
    meets = hrd.Reaction("A + B <-> C", lambda0=100.0, radius=0.05, k_back=1.0)
    half = {a: hrd.Copies(n // 2), b: hrd.Copies(n - n // 2)}
    return hrd.System(species=[a, b, c], reactions=[meets], initial=half, **shared)


def two_way_line(n: int, **motion: Any) -> hrd.System:
    """A line of 200 cells in two-way coupling, half of it particles, with decay."""
    a = hrd.Species("A", **({"D": 1.0} | motion))
    return hrd.System(
        species=[a], domain=hrd.Box(x=(0, 4)), particles=hrd.Box(x=(0, 2)), cells=200,
        reactions=[hrd.Reaction("A -> 0", k=0.1)], initial={a: n / 2.0}, coupling="two-way",
    )  # fmt: skip


def chain(species: int, copies: int) -> hrd.System:
    """Species that become the next one, with so many copies each; a single one is born anew."""
    box = hrd.Box(x=(0, 1), y=(0, 1), z=(0, 1))
    each = [hrd.Species(f"S{i}", D=1.0) for i in range(species)]
    steps = [hrd.Reaction(f"S{i} -> S{i + 1}", k=0.01) for i in range(species - 1)]
    steps = steps or [hrd.Reaction("S0 -> 2 S0", k=0.001)]
    initial = {s: hrd.Copies(copies) for s in each}
    return hrd.System(
        species=each, reactions=steps, domain=box, particles=box, cells=4, initial=initial
    )


def fates(reactions: int, n: int) -> hrd.System:
    """One species with so many first-order reactions."""
    a = hrd.Species("A", D=1.0)
    box = hrd.Box(x=(0, 1), y=(0, 1), z=(0, 1))
    others = [hrd.Species(f"P{i}", D=1.0) for i in range(reactions)]
    steps = [hrd.Reaction(f"A -> P{i}", k=0.1 / reactions) for i in range(reactions)]
    return hrd.System(
        species=[a, *others], reactions=steps, domain=box, particles=box, cells=4,
        initial={a: hrd.Copies(n)},
    )  # fmt: skip


CASES: dict[str, Callable[[], hrd.System]] = {
    **{f"free, {n}": lambda n=n: unit_cube(n) for n in NUMBERS},
    **{f"A + B <-> C, {n}": lambda n=n: unit_cube(n, pairs=True) for n in NUMBERS},
    **{f"two-way line, {n}": lambda n=n: two_way_line(n) for n in (50, 5_000)},
    "one species, 300": lambda: chain(1, 300),
    "chain of 30 species, 10 each": lambda: chain(30, 10),
    "1 reaction, 300": lambda: fates(1, 300),
    "100 reactions, 300": lambda: fates(100, 300),
}


def moving(dimension: int, periodic: bool, n: int, **motion: Any) -> hrd.System:
    """Particles that drift or have inertia in a box as wide as 220 steps."""
    a, axes = hrd.Species("A", D=1.0, **motion), "xyz"[:dimension]
    box = hrd.Box(**dict.fromkeys(axes, (0, 10)))
    return hrd.System(
        species=[a], domain=box, particles=box, cells=20, initial={a: hrd.Copies(n)},
        walls=dict.fromkeys(axes, hrd.Periodic()) if periodic else {},
    )  # fmt: skip


def in_turn(systems: list[hrd.System], seconds: float, dt: float) -> list[float]:
    """Least processor time a step of each system, run in turn."""
    sims, best = [hrd.Simulation(s, dt=dt, seed=1, threads=1) for s in systems], []
    for sim in sims:
        sim.step(3)
        begun = time.process_time()
        sim.step(3)
        best.append((time.process_time() - begun) / 3)
    counts = [max(2, int(0.2 * seconds / each)) for each in best]
    for _ in range(40):
        for k, sim in enumerate(sims):
            begun = time.process_time()
            sim.step(counts[k])
            best[k] = min(best[k], (time.process_time() - begun) / counts[k])
    return best


def seconds_a_step(
    system: hrd.System, seconds: float = 0.02, rounds: int = 25, dt: float = DT
) -> float:
    """Least processor time a step of some rounds, by the public `step`.

    Rounds are short and many: on a machine that does other work some are left in peace.
    """
    sim = hrd.Simulation(system, dt=dt, seed=1)

    def run(steps: int) -> float:
        begun = time.process_time()
        sim.step(steps)
        return (time.process_time() - begun) / steps

    with one_blas_thread():
        run(3)
        steps = 10
        while (each := run(steps)) * steps < 0.2 * seconds:
            steps *= 2
        steps = max(steps, int(seconds / each))
        return min(run(steps) for _ in range(rounds))


if __name__ == "__main__":
    for name, make in CASES.items():
        print(f"{name:32} {1e6 * seconds_a_step(make()):10.2f} us per step", flush=True)
