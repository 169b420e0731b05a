"""hybridrd beside ReaDDy, Smoldyn and FiPy's own solve, in one run: ``python -m
tests.benchmarks.peers [--small] [--out docs/performance.md]``.

Each row's programs are timed in turn, three times, and medians are compared; set-up and compilation
are not timed. Figures are ratios of one machine in one run. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.benchmarks import cases


def measure(programs: dict[str, cases.Steps], steps: int) -> dict[str, float]:
    """Median seconds per step of each program, timed in turn."""
    for run in programs.values():
        run(1)
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(3):
        for name, run in programs.items():
            begun = time.perf_counter()
            run(steps)
            times[name].append((time.perf_counter() - begun) / steps)
    return {name: statistics.median(t) for name, t in times.items()}


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def particles(numbers: list[int], neighbours: list[float | None], scale: int) -> str:
    """Nanoseconds per particle step, and ratios to hybridrd."""
    rows = []
    for partners in neighbours:
        for n in numbers:
            programs: dict[str, cases.Steps] = {"hybridrd": cases.hybridrd_steps(n, partners)[0]}
            if partners is None:
                programs["same generator, bare arrays"] = cases.generator_steps(n)
                programs["array update"] = cases.update_steps(n)
            for name, make in (("ReaDDy", cases.readdy_steps), ("Smoldyn", cases.smoldyn_steps)):
                made = make(n, partners)
                if made is not None:
                    programs[name] = made
            found = measure(programs, max(2, scale // n))
            own = found["hybridrd"]
            case = "free diffusion" if partners is None else f"A + B -> C, {partners:g} partners"
            for name, seconds in found.items():
                rows.append(
                    [case, f"{n:,}", name, f"{seconds / n * 1e9:.1f}", f"{seconds / own:.2f}"]
                )
    return table(["case", "particles", "program", "ns a particle step", "of hybridrd"], rows)


def continuum(shapes: list[tuple[int, ...]]) -> str:
    """A step of the continuum against FiPy's default solve and its conjugate gradients."""
    from hybridrd.continuum.diffusion import Diffusion
    from hybridrd.continuum.fipy_solver import load_fipy
    from hybridrd.continuum.solvers import one_blas_thread
    from hybridrd.model.grid import Grid

    fipy = load_fipy()
    rows = []
    for shape in shapes:
        d = len(shape)
        grid = Grid((0.0,) * d, (float(shape[0]),) * d, shape)
        own = Diffusion(grid, D=1.0, dt=0.5)
        u = np.random.default_rng(1).uniform(1, 2, grid.cells)
        mesh = getattr(fipy, f"Grid{d}D")(**dict(zip(("nx", "ny", "nz"), shape, strict=False)))
        variable = fipy.CellVariable(mesh=mesh, value=u, hasOld=True)
        equation = fipy.TransientTerm() == fipy.DiffusionTerm(coeff=1.0)

        def fipy_steps(
            solver: object, variable: object = variable, equation: object = equation
        ) -> Callable[[int], None]:
            def steps(m: int) -> None:
                for _ in range(m):
                    variable.updateOld()
                    equation.solve(var=variable, dt=0.5, solver=solver)

            return steps

        def own_steps(m: int, own: Diffusion = own, u: np.ndarray = u) -> None:
            for _ in range(m):
                own.step(u)

        with one_blas_thread():
            found = measure({"hybridrd": own_steps}, 50)
            found |= measure({"FiPy PCG": fipy_steps(fipy.LinearPCGSolver())}, 3)
            if grid.cells <= 20_000:
                found |= measure({"FiPy default": fipy_steps(None)}, 2)
        for name, seconds in found.items():
            label = " x ".join(map(str, shape))
            ratio = seconds / found["hybridrd"]
            rows.append([label, f"{name} ({own.name})" if name == "hybridrd" else name,
                         f"{seconds * 1e3:.3f}", f"{ratio:.0f}"])  # fmt: skip
    return table(["cells", "program", "ms a step", "of hybridrd"], rows)


def end_to_end(small: bool) -> str:
    """The published 2D diffusion case, all in."""
    import hybridrd as hrd

    sim = hrd.Simulation(hrd.examples.diffusion(cells=100), dt=0.002, seed=1)
    sim.run(0.02, 0.02, record=["copy_number"], progress=False)
    begun, last = time.perf_counter(), 0.1 if small else 1.0
    result = sim.run(last, 0.02, record=["copy_number"], progress=False)
    seconds = time.perf_counter() - begun
    steps = round((last - 0.02) / 0.002)
    mean = float(result["copy_number"].mean())
    rows = [[f"{mean:,.0f}", str(steps), f"{seconds:.1f}", f"{seconds / steps / mean * 1e9:.1f}"]]
    return table(["mean particles", "steps", "seconds", "ns a particle step, all in"], rows)


def main() -> None:
    """Run all, print the tables, write them on request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="small sizes, for a quick look")
    parser.add_argument("--out", type=Path, help="write the page to this file")
    options = parser.parse_args()
    small = options.small
    sizes = [10_000] if small else [100_000, 1_000_000]
    pair_sizes = [10_000] if small else [20_000, 200_000]
    shapes = [(200,), (40, 40)] if small else [(1000,), (100, 100), (200, 200), (40, 40, 40)]
    page = "\n\n".join(
        [
            "# Performance",
            "Made by `python -m tests.benchmarks.peers --out docs/performance.md` on one core of a "
            f"{platform.machine()} machine; set-up and compilation are not timed. Programs of a "
            "table were timed in turn, medians of three. Compare ratios, not times: they depend "
            "on the machine and on what else it did.",
            "## Free diffusion in three dimensions",
            "Through `Simulation.run`, reflecting box; ReaDDy's SingleCPU kernel, periodic; "
            "Smoldyn, reflecting.",
            particles(sizes, [None], 1_000_000 if small else 10_000_000),
            "## Pairs",
            "A + B -> C by Doi's rule, with the mean number of partners within the radius.",
            particles(pair_sizes, [0.1, 1.0], 200_000 if small else 2_000_000),
            "## The continuum",
            "One second-order step (two of FiPy's implicit ones) against one `eq.solve` of FiPy.",
            continuum(shapes),
            "## The published diffusion case",
            "500 steps of 2D diffusion through an open interface with a mean-field reservoir.",
            end_to_end(small),
        ]
    )
    print(page)
    if options.out:
        options.out.write_text(page + "\n")


if __name__ == "__main__":
    main()
