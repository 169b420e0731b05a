"""How the cost of hybridrd itself grows: particles, threads, cells, the region's share, replicas.

Every function returns the rows of one table; what is compared was timed in turn in one run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

import hybridrd as hrd
from tests.benchmarks import cases
from tests.benchmarks.timing import measure

Rows = list[list[str]]


def by_number(numbers: list[int], scale: int) -> Rows:
    """Free diffusion in 3D: nanoseconds a particle step for each number of particles."""
    programs = {f"{n:,}": cases.hybridrd_steps(n)[0] for n in numbers}
    rows: Rows = []
    for n, run in zip(numbers, programs.values(), strict=True):
        seconds = measure({"": run}, max(2, min(scale // n, 1000)))[""]
        rows.append([f"{n:,}", f"{seconds / n * 1e9:.1f}"])
    return rows


def by_threads(n: int, steps: int) -> Rows:
    """One and two threads on the same particles, which must end at the same places."""
    made = {t: cases.hybridrd_steps(n, threads=t) for t in (1, 2)}
    seconds = measure({str(t): run for t, (run, _) in made.items()}, steps, rounds=9)
    ends = [sim.particles["A"].positions for _, sim in made.values()]
    same = "yes" if np.array_equal(*ends) else "NO"
    return [
        [f"{n:,}", t, f"{s / n * 1e9:.1f}", f"{seconds['1'] / s:.2f}", same]
        for t, s in seconds.items()
    ]


def by_cells(edges: list[int]) -> Rows:
    """A step of the continuum on squares: nanoseconds a cell."""
    from hybridrd.continuum.diffusion import Diffusion
    from hybridrd.continuum.solvers import one_blas_thread
    from hybridrd.model.grid import Grid

    rows: Rows = []
    for edge in edges:
        grid = Grid((0.0, 0.0), (float(edge),) * 2, (edge, edge))
        own = Diffusion(grid, D=1.0, dt=0.5)
        u = np.random.default_rng(1).uniform(1, 2, grid.cells)

        def steps(m: int, own: Diffusion = own, u: np.ndarray = u) -> None:
            for _ in range(m):
                own.step(u)

        with one_blas_thread():
            seconds = measure({"": steps}, max(3, 1_000_000 // grid.cells))[""]
        cost = f"{seconds / grid.cells * 1e9:.1f}"
        rows.append([f"{grid.cells:,}", own.name, f"{seconds * 1e3:.3f}", cost])
    return rows


def _slab(n: int, share: float) -> tuple[cases.Steps, hrd.Simulation]:
    """``n`` particles' worth of A in 3D, a share of the domain a particle region, two-way."""
    A = hrd.Species("A", D=1.0)
    L = (n / cases.DENSITY) ** (1 / 3)
    domain = hrd.Box(x=(0, L), y=(0, L), z=(0, L))
    region = hrd.Box(x=(0, share * L), y=(0, L), z=(0, L))
    system = hrd.System(
        species=[A], domain=domain, particles=region, cells=(20, 20, 20), initial={A: cases.DENSITY}
    )
    sim = hrd.Simulation(system, dt=1e-3, seed=1)
    return cases.steps_of(sim), sim


def by_share(n: int, shares: list[float], steps: int) -> Rows:
    """The cost of a hybrid by the particle region's share of the domain."""
    made = {share: _slab(n, share) for share in shares}
    seconds = measure({str(share): run for share, (run, _) in made.items()}, steps)
    whole = seconds[str(shares[0])]
    return [
        [f"{share:g}", f"{int(sim.copy_number.sum()):,}", f"{seconds[str(share)] * 1e3:.2f}",
         f"{seconds[str(share)] / whole:.3f}"]
        for share, (_, sim) in made.items()
    ]  # fmt: skip


def continuum_share(cells: int, particles: int, steps: int) -> Rows:
    """What a two-species hybrid with a pair reaction spends its time on."""
    A, B = hrd.Species("A", D=1.0), hrd.Species("B", D=1.0)
    L = 10.0
    density = particles / (2 * 0.5 * L * L)  # two species in half of the square
    system = hrd.System(
        species=[A, B],
        reactions=[hrd.Reaction("A + B -> B", k=0.1 / density, radius=0.02)],
        domain=hrd.Box(x=(0, L), y=(0, L)),
        particles=hrd.Box(x=(0, L / 2), y=(0, L)),
        cells=cells,
        initial={A: density, B: density},
    )
    sim = hrd.Simulation(system, dt=1e-4, seed=1)
    sim.run(2e-4, record=["copy_number"], progress=False)
    sim.timings = dict.fromkeys(sim.timings, 0.0)
    sim.run(round((2 + steps) * 1e-4, 12), record=["copy_number"], progress=False)
    total = sum(sim.timings.values())
    n = f"{int(sim.copy_number.sum()):,}"
    return [
        [f"{cells} x {cells}", n, stage, f"{s / steps * 1e3:.2f}", f"{s / total:.0%}"]
        for stage, s in sim.timings.items()
    ]


def by_workers(replicas: int, until: float) -> Rows:
    """An ensemble in this process and in two; what two replicas of one step take is apart."""
    system = hrd.examples.lotka_volterra(cells=50)

    def run(workers: int | None, replicas: int, until: float) -> float:
        began = time.perf_counter()
        hrd.ensemble(
            system, replicas=replicas, dt=0.01, until=until, every=until, seed=1, workers=workers,
            record=["copy_number"], progress=False,
        )  # fmt: skip
        return time.perf_counter() - began

    rows: Rows = []
    first = 0.0
    for workers in (None, 2):
        start = run(workers, 2, 0.01)
        seconds = run(workers, replicas, until) - start
        first = first or seconds
        rows.append(
            [str(replicas), str(workers or 1), f"{start:.1f}", f"{seconds:.1f}",
             f"{first / seconds:.2f}"]
        )  # fmt: skip
    return rows


_MEMORY = """
import json, pathlib, sys
from tests.benchmarks import cases
run, sim = cases.hybridrd_steps(int(sys.argv[1]))
run(3)
# Not getrusage: its peak is that of the parent, too.
status = pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1]
print(json.dumps(1024 * int(status.split()[0])))
"""

_SIMPLEST = """
import json, time
began = time.perf_counter()
import hybridrd as hrd
A = hrd.Species("A", D=1.0)
line = hrd.Box(x=(0, 1))
system = hrd.System(species=[A], domain=line, particles=line, initial={A: hrd.Copies(50)})
hrd.Simulation(system, dt=1e-3, seed=1).step()
print(json.dumps(time.perf_counter() - began))
"""

_SIR = """
import json, time
began = time.perf_counter()
import hybridrd as hrd
hrd.Simulation(hrd.examples.sir(), dt=0.005, seed=1).step()
print(json.dumps(time.perf_counter() - began))
"""


def _alone(code: str, *arguments: str, cache: str | None = None) -> tuple[float, float]:
    """What a program in a process of its own prints, and its wall time."""
    environment = os.environ | ({"NUMBA_CACHE_DIR": cache} if cache else {})
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    return float(json.loads(done.stdout.splitlines()[-1])), time.perf_counter() - began


def memory(n: int) -> Rows:
    """Bytes a particle at the peak, above a run of a thousand particles."""
    empty, _ = _alone(_MEMORY, "1000")
    full, _ = _alone(_MEMORY, str(n))
    return [[f"{n:,}", f"{(full - empty) / n:.1f}"]]


def start_up() -> Rows:
    """Seconds from the start of the process to the end of the first step."""
    rows: Rows = []
    for name, code in (("the simplest system", _SIMPLEST), ("SIR", _SIR)):
        with tempfile.TemporaryDirectory() as cache:
            times = [_alone(code, cache=cache)[1] for _ in range(3)]
        rows.append([name, f"{times[0]:.1f}", f"{min(times[1:]):.1f}"])
    return rows


def tables(small: bool) -> list[tuple[str, str, list[str], Callable[[], Rows]]]:
    """Title, text, head and rows of every table."""
    numbers = [1_000, 10_000] if small else [10**k for k in range(3, 8)]
    steps = 3 if small else 20
    return [
        (
            "Number of particles", "Free diffusion in three dimensions, reflecting box.",
            ["particles", "ns a particle step"],
            lambda: by_number(numbers, 100_000 if small else 10_000_000),
        ),
        (
            "Threads", "The same; the particles end at the same places, to the last bit.",
            ["particles", "threads", "ns a particle step", "times as fast", "identical"],
            lambda: by_threads(50_000 if small else 1_000_000, steps),
        ),
        (
            "Cells", "A second-order step of the continuum on a square.",
            ["cells", "solver", "ms a step", "ns a cell"],
            lambda: by_cells([10, 32] if small else [10, 32, 100, 316, 1000]),
        ),
        (
            "Share of the particle region",
            "Two-way, 20 x 20 x 20 cells, the particle region a part of the domain.",
            ["share", "particles", "ms a step", "of the pure particle run"],
            lambda: by_share(20_000 if small else 1_000_000, [1.0, 0.5, 0.2, 0.1], steps),
        ),
        (
            "Where the time goes",
            "Two species, two-way, `A + B -> B`, the particle region half of a square.",
            ["cells", "particles", "stage", "ms a step", "of all"],
            lambda: continuum_share(*((50, 10_000) if small else (200, 100_000)), steps),
        ),
        (
            "Replicas", "Lotka-Volterra, in this process and in two others; their start is apart.",
            ["replicas", "workers", "start, seconds", "seconds", "times as fast"],
            lambda: by_workers(4 if small else 64, 0.05 if small else 2.0),
        ),
        (
            "Memory", "Free diffusion in three dimensions: peak above a run of 1,000 particles.",
            ["particles", "bytes a particle"],
            lambda: memory(100_000 if small else 10_000_000),
        ),
        (
            "Start",
            "From the start of the process to the end of the first step, seconds: with an empty "
            "cache of compiled kernels, and with a filled one.",
            ["system", "cold", "warm"],
            start_up,
        ),
    ]  # fmt: skip
