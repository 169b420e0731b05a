"""Cost of a step against the number of particles, of a replica and of a record: ``python -m
tests.benchmarks.steps [--small] [--out docs]``.

Prints the first part of docs/performance.md, and draws its figure where a folder is given. Peers
that cannot be imported are left out.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import hybridrd as hrd
from tests.benchmarks import probe, small
from tests.benchmarks.cases import Steps, quiet
from tests.benchmarks.timing import measure, table

FREE, PAIRS = "free diffusion", "A + B <-> C"
STYLES = {"hybridrd": ("C0", "o-"), "ReaDDy": ("C1", "s--"), "Smoldyn": ("C2", "^--")}
Line = dict[int, float]  # microseconds a step by number of particles


def hybridrd_line(pairs: bool, numbers: Sequence[int], seconds: float) -> Line:
    """Through the public `Simulation.step`."""
    return {n: 1e6 * small.seconds_a_step(small.unit_cube(n, pairs), seconds) for n in numbers}


def smoldyn_steps(n: int, pairs: bool) -> Steps | None:
    """The unit box in Smoldyn, periodic; None where it cannot be imported."""
    try:
        import smoldyn
    except ImportError:
        return None
    at = 0.0
    with quiet():
        sim = smoldyn.Simulation(low=[0, 0, 0], high=[1, 1, 1], boundary_type=["p"] * 3)
        species = [sim.addSpecies(name, difc=1.0) for name in "ABC"]
        if pairs:
            k = 4 / 3 * np.pi * 0.05**3 * 100.0
            sim.addReaction("fusion", subs=species[:2], prds=[species[2]], rate=k)
            sim.addReaction("fission", subs=[species[2]], prds=species[:2], rate=1.0)
        for name, count in {"A": n // 2, "B": n - n // 2}.items() if pairs else [("A", n)]:
            sim.addSolutionMolecules(name, count, [0, 0, 0], [1, 1, 1])

    def steps(m: int) -> None:
        nonlocal at
        with quiet():
            sim.run(stop=at + m * small.DT, start=at, dt=small.DT, display=False)
        at += m * small.DT

    return steps


def readdy_steps(n: int, pairs: bool) -> Steps | None:
    """The unit box in ReaDDy's SingleCPU kernel, periodic; None where it cannot be imported."""
    try:
        import readdy
    except ImportError:
        return None
    system = readdy.ReactionDiffusionSystem([1.0] * 3, unit_system=None)
    system.periodic_boundary_conditions = [True] * 3
    for name in "ABC":
        system.add_species(name, diffusion_constant=1.0)
    if pairs:
        system.reactions.add("fusion: A +(0.05) B -> C", rate=100.0)
        system.reactions.add("fission: C -> A +(0.05) B", rate=1.0)
    sim = system.simulation(kernel="SingleCPU")
    sim.reaction_handler = "UncontrolledApproximation"
    sim.show_progress = False
    rng = np.random.default_rng(1)
    for name, count in {"A": n // 2, "B": n - n // 2}.items() if pairs else [("A", n)]:
        sim.add_particles(name, rng.uniform(-0.5, 0.5, (count, 3)))

    def steps(m: int) -> None:
        with quiet():
            sim.run(m, small.DT, show_summary=False)

    return steps


PEERS: dict[str, Callable[[int, bool], Steps | None]] = {
    "ReaDDy": readdy_steps,
    "Smoldyn": smoldyn_steps,
}


def peer_line(peer: str, case: str, numbers: Sequence[int]) -> Line:
    """The line of a peer, empty where it cannot be imported."""
    line: Line = {}
    for n in numbers:
        steps = PEERS[peer](n, case == PAIRS)
        if steps is not None:
            line[n] = 1e6 * measure({peer: steps}, max(5, 200_000 // n))[peer]
    return line


def replica_rows(replicas: int) -> list[list[str]]:
    """Milliseconds a replica of 100 steps and three records, of small lines in ensembles."""
    a = hrd.Species("A", D=1.0)
    line = {"species": [a], "domain": hrd.Box(x=(0, 1)), "cells": 20}
    alone = hrd.System(
        **line, particles=line["domain"], initial={a: hrd.Copies(30)},
        reactions=[hrd.Reaction("A -> 0", k=1.0), hrd.Reaction("0 -> A", k=30.0)],
    )  # fmt: skip
    hybrid = hrd.System(**line, particles=hrd.Box(x=(0, 0.5)), initial={a: 60.0})
    meets = hrd.Reaction("2 A -> 0", lambda0=1.0, radius=0.01)
    pairs = alone.replace(reactions=[meets, hrd.Reaction("0 -> A", k=30.0)])
    rows = []
    for name, system in (("particles alone", alone), ("pairs", pairs), ("two-way", hybrid)):

        def run(n: int, system: hrd.System = system) -> float:
            begun = time.process_time()
            hrd.ensemble(system, n, dt=1e-3, until=0.1, every=0.05, seed=1, progress=False)
            return time.process_time() - begun

        run(2)
        fixed = run(2)
        rows.append([name, f"{replicas:,}", f"{1e3 * (run(replicas) - fixed) / replicas:.2f}"])
    return rows


def line_rows(numbers: Sequence[int]) -> list[list[str]]:
    """Microseconds a step of two-way lines, beside those of a plain compiled loop."""
    rows = []
    for n in numbers:
        own, bare = (
            1e6 * min(seconds(what) for _ in range(2))
            for seconds, what in (
                (small.seconds_a_step, small.two_way_line(n)), (probe.seconds_a_step, n)
            )
        )  # fmt: skip
        rows.append([f"{n:,}", f"{own:.3g}", f"{bare:.3g}", f"{own / bare:.2f}"])
    return rows


def many_rows() -> list[list[str]]:
    """Microseconds a step of many species and of many reactions, beside one."""
    rows = []
    for one, many in (
        ("one species, 300", "chain of 30 species, 10 each"),
        ("1 reaction, 300", "100 reactions, 300"),
    ):
        first, other = (1e6 * small.seconds_a_step(small.CASES[name]()) for name in (one, many))
        rows.append([one, many, f"{first:.3g}", f"{other:.3g}", f"{other / first:.2f}"])
    return rows


def wave(x: np.ndarray) -> np.ndarray:
    """A velocity that differs from cell to cell."""
    return np.sin(0.2 * np.pi * x)


def moving_rows(numbers: Sequence[int], seconds: float) -> list[list[str]]:
    """Nanoseconds a particle step with a drift or inertia, and how often that of free diffusion."""
    rows = []
    motions: dict[str, Any]
    for d, periodic in itertools.product((1, 2, 3), (True, False)):
        motions = {
            "the same drift everywhere": {"velocity": (1.0, 0.5, 0.2)[:d]},
            "drift by cell along x": {"velocity": (wave, 0.0, 0.0)[:d]},
            "inertia": {"friction": 10.0},
        }
        if d > 1:
            motions["drift by cell along each axis"] = {
                "velocity": (wave, lambda y: wave(y), lambda z: wave(z))[:d]
            }
        place = f"{('line', 'square', 'cube')[d - 1]}, {'periodic' if periodic else 'walls'}"
        for n in numbers:
            systems = [small.moving(d, periodic, n, **m) for m in ({}, *motions.values())]
            free, *others = (1e9 * each / n for each in small.in_turn(systems, seconds, 1e-3))
            shown = (f"{ns:.1f} ({ns / free:.2f})" for ns in others)
            rows.append([place, f"{n:,}", f"{free:.1f}", *shown, *[""] * (d == 1)])
    return rows


def drifting_lines(numbers: Sequence[int], seconds: float) -> list[list[str]]:
    """Microseconds a step of the two-way line with drifts."""
    motions = [
        {},
        {"velocity": 0.5},
        {"potential": wave},
        {"D": lambda x: 1.0 + 0.1 * x},
        {"velocity": lambda t: np.sin(t)},
    ]
    rows = []
    for n in numbers:
        systems = [small.two_way_line(n, **motion) for motion in motions]
        best = small.in_turn(systems, seconds, small.DT)
        rows.append([f"{n:,}", *(f"{1e6 * each:.3g}" for each in best)])
    return rows


def record_rows(cells: int, records: int) -> list[list[str]]:
    """Milliseconds a record of three species on a square of cells, in memory."""
    species = [hrd.Species(s, D=1.0) for s in "ABC"]
    system = hrd.System(
        species=species, domain=hrd.Box(x=(0, 1), y=(0, 1)),
        particles=hrd.Box(x=(0, 0.5), y=(0, 1)), cells=cells,
        initial=dict.fromkeys(species, 1000.0),
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=1e-6, seed=1)
    sim.step()
    recorder = sim.recorder(None)
    recorder.add(sim.time, sim.record(recorder.variables, sim.counts(), 0.0))
    recorder.clear()
    begun = time.process_time()
    for _ in range(records):
        recorder.add(sim.time, sim.record(recorder.variables, sim.counts(), sim.dt))
    recorder.take()
    each = (time.process_time() - begun) / records
    return [[f"3 x {cells}²", str(records), f"{1e3 * each:.2f}"]]


def draw(lines: dict[tuple[str, str], Line], place: Path) -> None:
    """Cost of a step against the number of particles, both cases side by side."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(8.0, 3.4), sharey=True, layout="constrained")
    for ax, case in zip(axes, (FREE, PAIRS), strict=True):
        for name, (colour, style) in STYLES.items():
            line = lines[case, name]
            ax.loglog(list(line), list(line.values()), style, color=colour, label=name, ms=4)
        ax.set(title=case, xlabel="particles")
    axes[0].set_ylabel("time of a step (µs)")
    axes[1].legend(frameon=False)
    figure.savefig(place, dpi=150)
    plt.close(figure)


def section(quick: bool, out: Path | None = None) -> str:
    """The part of the page about steps; draws ``figures/performance_steps.png`` in ``out``."""
    top = {FREE: 3 if quick else 7, PAIRS: 3 if quick else 5}
    lines: dict[tuple[str, str], Line] = {}
    rows = []
    for case in (FREE, PAIRS):
        numbers = [10**k for k in range(1, top[case] + 1)]
        own = hybridrd_line(case == PAIRS, numbers, 0.01 if quick else 0.02)
        lines[case, "hybridrd"] = own
        for peer in PEERS:
            lines[case, peer] = peer_line(peer, case, [n for n in numbers if n <= 100_000])
        for n in numbers:
            others = [lines[case, peer].get(n) for peer in PEERS]
            shown = ["" if us is None else f"{us:.3g}" for us in others]
            rows.append([case, f"{n:,}", f"{own[n]:.3g}", *shown, f"{1e3 * own[n] / n:.3g}"])
    if out is not None:
        draw(lines, out / "figures" / "performance_steps.png")
    head = ["case", "particles", "hybridrd, µs", *(f"{p}, µs" for p in PEERS), "ns per particle"]
    return "\n\n".join(
        [
            "## The cost of a step",
            "A periodic unit box, D = 1, dt = 1e-4: free particles, and A + B <-> C with a Doi "
            "radius of 0.05. Processor time of one thread, the least of 25 short runs, through "
            "`Simulation.step`; ReaDDy's SingleCPU kernel and Smoldyn in the same run, the median "
            "of three.",
            "```{image} figures/performance_steps.png\n"
            ":alt: Time of a step against the number of particles: hybridrd, ReaDDy and Smoldyn\n"
            ":width: 640px\n```",
            table(head, rows),
            "A line of 200 cells in two-way coupling, half of it particles, with decay, beside a "
            "plain compiled loop without it that walks, exchanges and solves its two tridiagonal "
            "systems (`tests/benchmarks/probe.py`):",
            table(["particles", "hybridrd, µs", "loop, µs", "ratio"], line_rows([50, 5_000])),
            "The same line with a constant velocity, a potential, a D that depends on position, "
            "and a velocity that depends on time, in turn, in µs per step:",
            table(
                ["particles", "none", "velocity", "potential", "D(x)", "velocity(t)"],
                drifting_lines([50, 5_000], 0.01),
            ),
            "Drift and inertia in a box of 20 cells along each axis, as wide as 220 "
            "sqrt(2 D dt), in turn: ns per particle step, and in brackets the ratio to free "
            "diffusion.",
            table(
                [
                    "box",
                    "particles",
                    "free",
                    "the same drift",
                    "by cell along x",
                    "inertia",
                    "by cell along each axis",
                ],
                moving_rows([1_000] if quick else [1_000, 100_000], 0.01),
            ),
            "Many species, and many first-order reactions of one species, in a cube:",
            table(["one", "many", "one, µs", "many, µs", "ratio"], many_rows()),
            "A replica of a line with 30 particles, 100 steps and three records, in an ensemble "
            "in one process:",
            table(["line", "replicas", "ms per replica"], replica_rows(50 if quick else 1_000)),
            "A record of all variables, kept in memory:",
            table(["cells", "records", "ms per record"], record_rows(50 if quick else 200, 16)),
        ]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="small sizes, for a quick look")
    parser.add_argument("--out", type=Path, help="the folder of the documentation, for the figure")
    options = parser.parse_args()
    print(section(options.small, options.out))
