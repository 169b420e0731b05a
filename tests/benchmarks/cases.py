"""Timed cases: hybridrd, its lower bound, and other packages on the same problem.

Each function sets up a problem and returns a function that runs a number of steps; set-up and
compilation are not timed. Packages that are not installed are left out.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator

import numpy as np

import hybridrd as hrd

Steps = Callable[[int], None]
DENSITY = 1.0  # particles per volume in all three-dimensional cases


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Send what compiled peers print to nowhere."""
    null = os.open(os.devnull, os.O_WRONLY)
    kept = [os.dup(1), os.dup(2)]
    try:
        os.dup2(null, 1)
        os.dup2(null, 2)
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        os.dup2(kept[0], 1)
        os.dup2(kept[1], 2)
        for handle in (null, *kept):
            os.close(handle)


def _edge(n: int) -> float:
    return (n / DENSITY) ** (1 / 3)


def _pair_numbers(neighbours: float) -> tuple[float, float, float]:
    """Radius, lambda0 and step for a mean number of partners within the radius."""
    radius = (neighbours / (0.5 * DENSITY) / (4 / 3 * np.pi)) ** (1 / 3)
    return radius, 0.2, 0.01 * radius**2


def steps_of(sim: hrd.Simulation) -> Steps:
    """Steps through the public `Simulation.run`, with one record at their end."""

    def steps(m: int) -> None:
        until = round((sim.steps + m) * sim.dt, 12)
        sim.run(until, round(m * sim.dt, 12), record=["copy_number"], progress=False)

    return steps


def hybridrd_steps(
    n: int, neighbours: float | None = None, threads: int = 1
) -> tuple[Steps, hrd.Simulation]:
    """Free diffusion, or A + B -> C, through the public interface."""
    a, b, c = (hrd.Species(s, D=1.0) for s in "ABC")
    L = _edge(n)
    box = hrd.Box(x=(0, L), y=(0, L), z=(0, L))
    reactions, initial, dt = [], {a: hrd.Copies(n)}, 1e-3
    if neighbours is not None:
        radius, lambda0, dt = _pair_numbers(neighbours)
        reactions = [hrd.Reaction("A + B -> C", lambda0=lambda0, radius=radius)]
        initial = {a: hrd.Copies(n // 2), b: hrd.Copies(n - n // 2)}
    system = hrd.System(
        species=[a, b, c],
        reactions=reactions,
        domain=box,
        particles=box,
        cells=8,
        initial=initial,
    )
    sim = hrd.Simulation(system, dt=dt, seed=1, threads=threads)

    return steps_of(sim), sim


def readdy_steps(n: int, neighbours: float | None = None) -> Steps | None:
    """The same in ReaDDy's SingleCPU kernel, periodic."""
    try:
        import readdy
    except ImportError:
        return None
    L = _edge(n)
    system = readdy.ReactionDiffusionSystem([L, L, L], unit_system=None)
    system.periodic_boundary_conditions = [True] * 3
    dt = 1e-3
    for name in "ABC":
        system.add_species(name, diffusion_constant=1.0)
    groups = {"A": n}
    if neighbours is not None:
        radius, lambda0, dt = _pair_numbers(neighbours)
        system.reactions.add(f"fusion: A +({radius}) B -> C", rate=lambda0)
        groups = {"A": n // 2, "B": n - n // 2}
    sim = system.simulation(kernel="SingleCPU")
    sim.reaction_handler = "UncontrolledApproximation"
    sim.show_progress = False
    rng = np.random.default_rng(1)
    for name, count in groups.items():
        sim.add_particles(name, rng.uniform(-L / 2, L / 2, (count, 3)))

    def steps(m: int) -> None:
        with quiet():
            sim.run(m, dt, show_summary=False)

    return steps


def smoldyn_steps(n: int, neighbours: float | None = None) -> Steps | None:
    """The same in Smoldyn, reflecting; pairs by its binding radius for the same k."""
    try:
        import smoldyn
    except ImportError:
        return None
    L = _edge(n)
    dt, at = 1e-3, 0.0
    with quiet():
        sim = smoldyn.Simulation(low=[0, 0, 0], high=[L, L, L], boundary_type=["r"] * 3)
        species = [sim.addSpecies(name, difc=1.0) for name in "ABC"]
        groups = {"A": n}
        if neighbours is not None:
            radius, lambda0, dt = _pair_numbers(neighbours)
            k = 4 / 3 * np.pi * radius**3 * lambda0
            sim.addReaction("fusion", subs=species[:2], prds=[species[2]], rate=k)
            groups = {"A": n // 2, "B": n - n // 2}
        for name, count in groups.items():
            sim.addSolutionMolecules(name, count, [0, 0, 0], [L, L, L])

    def steps(m: int) -> None:
        nonlocal at
        with quiet():
            sim.run(stop=at + m * dt, start=at, dt=dt, display=False, quit_at_end=False)
        at += m * dt

    return steps


def generator_steps(n: int) -> Steps:
    """The limit: the same generator's normal numbers added to bare arrays, no walls."""
    from hybridrd.kernels import walk
    from hybridrd.kernels.rng import make_key

    x, ids, key = np.zeros((3, n)), np.arange(n, dtype=np.uint64), make_key(1, 0)
    reflecting = np.full((3, 2), walk.REFLECT)
    walls = walk.Walls(np.full(3, -1e9), np.full(3, 1e9), reflecting, np.zeros((3, 2)))

    def steps(m: int) -> None:
        for k in range(m):
            walk.move_closed(x, ids, 0, n, key, k, 1e-3, walls)

    return steps


def update_steps(n: int) -> Steps:
    """The memory limit: reading and writing the positions."""
    x = np.zeros((3, n))

    def steps(m: int) -> None:
        for _ in range(m):
            np.add(x, 1e-3, out=x)

    return steps
