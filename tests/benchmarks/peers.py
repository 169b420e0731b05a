"""hybridrd beside ReaDDy, Smoldyn and FiPy's own solve, in one run: ``python -m
tests.benchmarks.peers [--small] [--out docs/performance.md]``.

Each row's programs are timed in turn, three times, and medians are compared; set-up and compilation
are not timed. Figures are ratios of one machine in one run. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.metadata
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.benchmarks import cases, michaelis_menten, scaling, steps
from tests.benchmarks.timing import measure, table


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
    return table(["case", "particles", "program", "ns per particle step", "of hybridrd"], rows)


def enzymes(steps: int) -> str:
    """Michaelis and Menten's reaction: the cost, and the number of P in time."""
    made: dict[str, list[int]] = {}
    programs: dict[str, cases.Steps] = {}
    for name, make in (
        ("hybridrd", michaelis_menten.hybridrd_steps),
        ("ReaDDy", michaelis_menten.readdy_steps),
        ("Smoldyn", michaelis_menten.smoldyn_steps),
    ):
        found = make()
        if found is not None:
            programs[name], made[name] = found
    seconds = measure(programs, steps)
    times = [michaelis_menten.DT * (1 + steps * k) for k in (1, 2, 3)]
    cost = {
        name: [f"{s / michaelis_menten.PARTICLES * 1e9:.1f}", f"{s / seconds['hybridrd']:.2f}"]
        for name, s in seconds.items()
    }
    rows = [[name, *cost[name], *map(str, made[name][1:])] for name in seconds]
    mean, sd = michaelis_menten.replicas(times)
    scatter = [f"{m:.0f} ± {s:.0f}" for m, s in zip(mean, sd, strict=True)]
    rows.append(["mean and standard deviation of 16 hybridrd runs", "", "", *scatter])
    expected = [f"{michaelis_menten.mass_action(t):.0f}" for t in times]
    rows.append(["mass action", "", "", *expected])
    head = ["program", "ns per particle step", "of hybridrd", *(f"P at {t:g} s" for t in times)]
    return table(head, rows)


def continuum(shapes: list[tuple[int, ...]], cut: bool = False) -> str:
    """A step of the continuum against FiPy's default solve and its conjugate gradients.

    With ``cut`` a box in the middle is left out, as the particle region in two-way coupling.
    """
    from hybridrd.continuum.diffusion import Diffusion
    from hybridrd.continuum.fipy_solver import load_fipy
    from hybridrd.continuum.solvers import one_blas_thread
    from hybridrd.model.grid import Grid

    fipy = load_fipy()
    rows = []
    for shape in shapes:
        d = len(shape)
        grid = Grid((0.0,) * d, (float(shape[0]),) * d, shape)
        inside = np.zeros(shape[::-1], dtype=bool)
        if cut:
            inside[tuple(slice(n // 4, 3 * n // 4) for n in shape[::-1])] = True
        own = Diffusion(grid, D=1.0, dt=0.5, cut=inside.ravel())
        everywhere = np.random.default_rng(1).uniform(1, 2, grid.cells)
        u = everywhere[own.active]
        mesh = getattr(fipy, f"Grid{d}D")(**dict(zip(("nx", "ny", "nz"), shape, strict=False)))
        variable = fipy.CellVariable(mesh=mesh, value=everywhere, hasOld=True)
        # No flux through the faces of the cells left out.
        first, second = mesh.faceCellIDs
        at_cut = inside.ravel()[first] | inside.ravel()[np.ma.filled(second, first)]
        conductivity = fipy.FaceVariable(mesh=mesh, value=np.where(at_cut, 0.0, 1.0))
        equation = fipy.TransientTerm() == fipy.DiffusionTerm(coeff=conductivity)

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

        programs = {"hybridrd": own_steps, "FiPy PCG": fipy_steps(fipy.LinearPCGSolver())}
        number = {"hybridrd": 50, "FiPy PCG": 3, "FiPy default": 2}
        with one_blas_thread():
            if grid.cells <= 50_000:
                programs["FiPy default"] = fipy_steps(None)
                found = measure(programs, number)
            else:  # a factorisation that takes tens of seconds, once
                found = measure(programs, number)
                begun = time.perf_counter()
                fipy_steps(None)(1)
                found["FiPy default (once)"] = time.perf_counter() - begun
        for name, seconds in found.items():
            label = " x ".join(map(str, shape))
            ratio = seconds / found["hybridrd"]
            rows.append([label, f"{name} ({own.name})" if name == "hybridrd" else name,
                         f"{seconds * 1e3:.3f}", f"{ratio:.0f}"])  # fmt: skip
    return table(["cells", "program", "ms per step", "of hybridrd"], rows)


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
    return table(["mean particles", "steps", "seconds", "ns per particle step"], rows)


def versions() -> str:
    """The peers that are compared."""
    found = []
    for name in ("FiPy", "ReaDDy", "Smoldyn"):
        with contextlib.suppress(ImportError):
            module = importlib.import_module(name.lower())
            known = getattr(module, "__version__", None)
            found.append(f"{name} {known or importlib.metadata.version(name.lower())}")
    return ", ".join(found)


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
            "`python -m tests.benchmarks.peers --out docs/performance.md` wrote this page on one "
            f"core of a {platform.machine()} machine with {versions()}. Set-up and compilation are "
            "not timed. The programs of a table ran in turn; times are medians of three. Times "
            'depend on the machine and its load, so compare ratios. "Of hybridrd" is the time '
            "divided by that of hybridrd.",
            steps.section(small, options.out.parent if options.out else None),
            "## Free diffusion in three dimensions",
            "One particle per volume, D = 1, dt = 1e-3. hybridrd runs through `Simulation.run` "
            "in a reflecting box, ReaDDy's SingleCPU kernel in a periodic one, Smoldyn in a "
            "reflecting one.",
            particles(sizes, [None], 1_000_000 if small else 10_000_000),
            "## Pairs",
            "A + B -> C in three dimensions, equal numbers of A and B, lambda0 = 0.2, dt = 0.01"
            ' radius²; "partners" is the mean number of partners within the radius.',
            particles(pair_sizes, [0.1, 1.0], 200_000 if small else 2_000_000),
            "## Michaelis-Menten kinetics",
            "The benchmark of the Smoldyn paper of 2010: `E + S <-> ES`, `ES -> E + P`, 909 E "
            "and 9091 S in a periodic box, dt = 1 ms; hybridrd and ReaDDy use a Doi radius of "
            "0.1 µm.",
            enzymes(30 if small else 500),
            "## The continuum",
            "One second-order step of hybridrd (two of FiPy's implicit steps) compared with one"
            " `eq.solve` of FiPy, D dt/h² = 0.5.",
            continuum(shapes),
            "The same with the middle quarter of the square cut out for particles, as in two-way "
            "coupling:",
            continuum([(40, 40)] if small else [(100, 100), (200, 200)], cut=True),
            "## The published diffusion case",
            "Diffusion in two dimensions through an open interface with a mean-field reservoir,"
            " 100 x 100 cells: 500 steps, of which the first ten are not timed. Records are "
            "included in the time.",
            end_to_end(small),
        ]
    )
    for title, text, head, rows in scaling.tables(small):
        page += f"\n\n## {title}\n\n{text}\n\n{table(head, rows())}"
    print(page)
    if options.out:
        options.out.write_text(page + "\n")


if __name__ == "__main__":
    main()
