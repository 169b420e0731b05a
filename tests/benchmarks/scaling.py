"""Scaling of the cost of hybridrd: particles, threads, cells, the region's share, replicas.

Every function returns the rows of one table; what is compared was timed in turn in one run.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable

import numpy as np

import hybridrd as hrd
from tests.benchmarks import cases, processes, small
from tests.benchmarks.timing import measure

Rows = processes.Rows


def by_number(numbers: list[int], scale: int) -> Rows:
    """Free diffusion in 3D: nanoseconds a particle step for each number of particles."""
    programs = {f"{n:,}": cases.hybridrd_steps(n)[0] for n in numbers}
    steps = {f"{n:,}": max(2, min(scale // n, 1000)) for n in numbers}
    seconds = measure(programs, steps)
    return [[f"{n:,}", f"{seconds[f'{n:,}'] / n * 1e9:.1f}"] for n in numbers]


def _crowds(n: int, share: float, clusters: int) -> cases.Steps:
    """A + B -> C in 3D, one partner in reach, in cubes that fill a share of the region."""
    edge = (n / cases.DENSITY) ** (1 / 3)
    side = edge * (share / clusters) ** (1 / 3)
    radius = (share / (0.5 * cases.DENSITY) / (4 / 3 * np.pi)) ** (1 / 3)
    species = [hrd.Species(s, D=0.01 * radius**2) for s in "ABC"]  # hardly moves
    box = hrd.Box(x=(0, edge), y=(0, edge), z=(0, edge))
    rng = np.random.default_rng(1)
    corners = rng.uniform(0, edge - side, (clusters, 3)) if share < 1 else np.zeros((1, 3))
    places = [
        corners[rng.integers(0, clusters, n // 2)] + rng.uniform(0, side, (n // 2, 3))
        for _ in range(2)
    ]
    system = hrd.System(
        species=species, domain=box, particles=box, cells=8,
        reactions=[hrd.Reaction("A + B -> C", lambda0=0.2, radius=radius)],
        initial={s: hrd.Points(x) for s, x in zip(species, places, strict=False)},
    )  # fmt: skip
    return cases.steps_of(hrd.Simulation(system, dt=1e-3, seed=1))


def by_crowd(n: int, steps: int) -> Rows:
    """Pairs of particles that are crowded together: nanoseconds a particle step."""
    kinds = [(1.0, 1), (1e-2, 1), (1e-4, 1), (1e-2, 100), (1e-4, 100)]
    seconds = measure({str(k): _crowds(n, *k) for k in kinds}, steps)
    return [
        [f"{n:,}", f"{share:g}", str(count), f"{seconds[str((share, count))] / n * 1e9:.1f}"]
        for share, count in kinds
    ]


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

    programs: dict[str, cases.Steps] = {}
    made: dict[str, Diffusion] = {}
    for edge in edges:
        grid = Grid((0.0, 0.0), (float(edge),) * 2, (edge, edge))
        own = Diffusion(grid, D=1.0, dt=0.5)
        u = np.random.default_rng(1).uniform(1, 2, grid.cells)

        def steps(m: int, own: Diffusion = own, u: np.ndarray = u) -> None:
            for _ in range(m):
                own.step(u)

        programs[str(edge)], made[str(edge)] = steps, own
    with one_blas_thread():
        seconds = measure(programs, {str(edge): max(3, 1_000_000 // edge**2) for edge in edges})
    return [
        [
            f"{int(name) ** 2:,}",
            made[name].name,
            f"{s * 1e3:.3f}",
            f"{s / int(name) ** 2 * 1e9:.1f}",
        ]
        for name, s in seconds.items()
    ]


def _whole_copies(shape: tuple[int, ...], copies: float, inside: float | None) -> hrd.System:
    """Discrete cells of width 1, alone or about particles in the ``inside`` of every axis."""
    box = {axis: (0, n) for axis, n in zip("xyz", shape, strict=False)}
    part = {axis: _middle(n, inside) for axis, (_, n) in box.items()} if inside else None
    return hrd.System(
        species=[hrd.Species("A", D=1.0)], domain=hrd.Box(**box), cells=shape,
        particles=hrd.Box(**part) if part else None, initial={"A": copies},
        fluctuations="discrete",
    )  # fmt: skip


def _middle(n: int, inside: float) -> tuple[int, int]:
    half = max(1, round(0.5 * inside * n))
    return n // 2 - half, n // 2 + half


def by_faces(shapes: list[tuple[int, ...]], numbers: list[float]) -> Rows:
    """Diffusion of whole copies: nanoseconds a face, the particles of a hybrid included."""
    rows: Rows = []
    for inside in (None, 0.1):
        for shape, n in itertools.product(shapes, numbers[:1] if inside else numbers):
            s = small.seconds_a_step(_whole_copies(shape, n, inside), rounds=15, dt=0.25)
            faces = sum(int(np.prod(shape)) // m * (m - 1) for m in shape)
            what = "about particles" if inside else "alone"
            size = " x ".join(f"{m:,}" for m in shape)
            rows.append([size, what, f"{n:g}", f"{s * 1e3:.3f}", f"{s / faces * 1e9:.1f}"])
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
    before = dict(sim.timings)
    sim.run(round((2 + steps) * 1e-4, 12), record=["copy_number"], progress=False)
    spent = {stage: s - before[stage] for stage, s in sim.timings.items()}
    total = sum(spent.values())
    n = f"{int(sim.copy_number.sum()):,}"
    return [
        [f"{cells} x {cells}", n, stage, f"{s / steps * 1e3:.2f}", f"{s / total:.0%}"]
        for stage, s in spent.items()
        if s > 0
    ]


def by_workers(numbers: list[int], until: float) -> Rows:
    """Ensembles in this process and in two; what two replicas of one step take is apart."""
    system = hrd.examples.lotka_volterra(cells=50)

    def run(workers: int | None, replicas: int, until: float) -> float:
        began = time.perf_counter()
        hrd.ensemble(
            system, replicas=replicas, dt=0.01, until=until, every=until, seed=1, workers=workers,
            record=["copy_number"], progress=False,
        )  # fmt: skip
        return time.perf_counter() - began

    rows: Rows = []
    for replicas in numbers:
        times: dict[int | None, list[float]] = {None: [], 2: []}
        starts: dict[int | None, list[float]] = {None: [], 2: []}
        for _ in range(3):
            for workers in times:
                starts[workers].append(run(workers, 2, 0.01))
                times[workers].append(run(workers, replicas, until) - starts[workers][-1])
        first = statistics.median(times[None])
        for workers in times:
            start, seconds = (statistics.median(v[workers]) for v in (starts, times))
            rows.append(
                [str(replicas), str(workers or 1), f"{start:.1f}", f"{seconds:.1f}",
                 f"{first / seconds:.2f}"]
            )  # fmt: skip
    return rows


def tables(quick: bool) -> list[tuple[str, str, list[str], Callable[[], Rows]]]:
    """Title, text, head and rows of every table."""
    numbers = [1_000, 10_000] if quick else [10**k for k in range(3, 8)]
    steps = 3 if quick else 20
    return [
        (
            "Number of particles",
            "Free diffusion in three dimensions, one particle per volume, reflecting box, one "
            "thread.",
            ["particles", "ns per particle step"],
            lambda: by_number(numbers, 100_000 if quick else 10_000_000),
        ),
        (
            "Crowded particles",
            "A + B -> C in three dimensions, all particles in cubes that fill a share of the "
            "particle region, one partner within the radius of each.",
            ["particles", "share", "cubes", "ns per particle step"],
            lambda: by_crowd(10_000 if quick else 100_000, 3 if quick else 10),
        ),
        (
            "Threads",
            'Free diffusion in three dimensions; "identical" compares the final positions bit '
            'for bit.',
            ["particles", "threads", "ns per particle step", "times as fast", "identical"],
            lambda: by_threads(50_000 if quick else 1_000_000, steps),
        ),
        (
            "Cells", "One second-order step of the continuum on a square, one species.",
            ["cells", "solver", "ms per step", "ns per cell"],
            lambda: by_cells([10, 32] if quick else [10, 32, 100, 316, 1000]),
        ),
        (
            "Discrete copies in cells",
            "Diffusion of one species with `fluctuations=\"discrete\"`, D dt/h² = 0.25, alone and "
            "about particles in the middle tenth of each axis, whose time is included; the least "
            "processor time of 15 short runs.",
            ["cells", "continuum", "copies per cell", "ms per step", "ns per face"],
            lambda: by_faces(
                *(([(100,), (10, 10), (6, 6, 6)], [5.0]) if quick
                  else ([(10_000,), (200, 200), (40, 40, 40)], [5.0, 500.0, 1e6]))
            ),
        ),
        (
            "Share of the particle region",
            "Two-way coupling on 20 x 20 x 20 cells, one particle per volume, with a slab of "
            "the domain as the particle region.",
            ["share", "particles", "ms per step", "ratio to particles alone"],
            lambda: by_share(20_000 if quick else 1_000_000, [1.0, 0.5, 0.2, 0.1], 2 * steps),
        ),
        (
            "Where the time goes",
            "Two-way coupling with two species and `A + B -> B`; half of a square is the "
            "particle region. \"Steps\" are all compiled stages of particles: walk, pairs and "
            "exchange.",
            ["cells", "particles", "stage", "ms per step", "share"],
            lambda: continuum_share(*((50, 10_000) if quick else (200, 100_000)), steps),
        ),
        (
            "Replicas",
            "The Lotka-Volterra example on 50 x 50 cells for 800 steps, in one process and in "
            "two workers. Starting the workers is listed separately.",
            ["replicas", "workers", "start, seconds", "seconds", "times as fast"],
            lambda: by_workers([2, 4] if quick else [8, 16, 32, 64], 0.05 if quick else 8.0),
        ),
        (
            "Memory",
            "Free diffusion in three dimensions: peak memory in excess of a run with 1,000 "
            "particles.",
            ["particles", "bytes per particle"],
            lambda: processes.memory(100_000 if quick else 10_000_000),
        ),
        (
            "Start",
            "Processor seconds from the start of the process to the end of the first step, or of a "
            "whole run with its 16 records of 3 x 200² cells written, with an empty (cold) and a "
            "filled (warm) cache of compiled kernels; warm, the least of three. Kernels are "
            "compiled once for all later runs; `hybridrd warm` does it beforehand.",
            ["system", "cold", "warm"],
            processes.start_up,
        ),
    ]  # fmt: skip
