"""Michaelis and Menten's reaction as in the benchmark of Smoldyn's 2010 paper.

``E + S <-> ES``, ``ES -> E + P`` in a periodic box of 4.4964³ µm³, 909 E and 9091 S, D = 10 µm²/s,
k = 0.01 µm³/s, both other rates 1/s, dt = 1 ms. Besides the time the number of P is compared, also
with the equations of mass action.
"""

from __future__ import annotations

import numpy as np

import hybridrd as hrd
from tests.benchmarks.cases import Steps, quiet, steps_of

EDGE, DT, E0, S0 = 4.4964, 1e-3, 909, 9091
D, K, BACK, CATALYSIS, RADIUS = 10.0, 0.01, 1.0, 1.0, 0.1
PARTICLES = E0 + S0


def mass_action(t: float) -> float:
    """Number of P at a time by the macroscopic equations."""
    from scipy.integrate import solve_ivp

    k = K / EDGE**3

    def rates(_: float, y: np.ndarray) -> list[float]:
        e, s, es, _p = y
        bind, back, done = k * e * s, BACK * es, CATALYSIS * es
        return [back + done - bind, back - bind, bind - back - done, done]

    return float(solve_ivp(rates, (0, t), [E0, S0, 0, 0], rtol=1e-9).y[3, -1])


def _system() -> hrd.System:
    E, S, ES, P = (hrd.Species(name, D=D) for name in ("E", "S", "ES", "P"))
    box = hrd.Box(x=(0, EDGE), y=(0, EDGE), z=(0, EDGE))
    return hrd.System(
        species=[E, S, ES, P],
        reactions=[
            hrd.Reaction("E + S <-> ES", k=K, k_back=BACK, radius=RADIUS),
            hrd.Reaction("ES -> E + P", k=CATALYSIS),
        ],
        domain=box,
        particles=box,
        walls={axis: hrd.Periodic() for axis in "xyz"},
        cells=8,
        initial={E: hrd.Copies(E0), S: hrd.Copies(S0)},
    )


def hybridrd_steps() -> tuple[Steps, list[int]]:
    """hybridrd, pure particles; the list holds the number of P after each call."""
    sim = hrd.Simulation(_system(), dt=DT, seed=1)
    run = steps_of(sim)
    made: list[int] = []

    def steps(m: int) -> None:
        run(m)
        made.append(int(sim.copy_number[-1]))

    return steps, made


def replicas(times: list[float]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of P at some times over 16 replicas."""
    runs = []
    for replica in range(16):
        sim = hrd.Simulation(_system(), dt=DT, seed=2, replica=replica)
        made = []
        for t in times:
            sim.run(round(t, 12), round(t - sim.time, 12), record=["copy_number"], progress=False)
            made.append(int(sim.copy_number[-1]))
        runs.append(made)
    return np.mean(runs, axis=0).tolist(), np.std(runs, axis=0, ddof=1).tolist()


def readdy_steps() -> tuple[Steps, list[int]] | None:
    """ReaDDy, with the same Doi radius; the list holds the number of P after each call."""
    try:
        import readdy
    except ImportError:
        return None
    system = readdy.ReactionDiffusionSystem([EDGE] * 3, unit_system=None)
    system.periodic_boundary_conditions = [True] * 3
    for name in ("E", "S", "ES", "P"):
        system.add_species(name, diffusion_constant=D)
    microscopic = K / (4 / 3 * np.pi * RADIUS**3)
    system.reactions.add(f"bind: E +({RADIUS}) S -> ES", rate=microscopic)
    system.reactions.add(f"back: ES -> E +({RADIUS}) S", rate=BACK)
    system.reactions.add(f"done: ES -> E +({RADIUS}) P", rate=CATALYSIS)
    sim = system.simulation(kernel="SingleCPU")
    sim.reaction_handler = "UncontrolledApproximation"
    sim.show_progress = False
    rng = np.random.default_rng(1)
    for name, count in (("E", E0), ("S", S0)):
        sim.add_particles(name, rng.uniform(-EDGE / 2, EDGE / 2, (count, 3)))
    made: list[int] = []

    def steps(m: int) -> None:
        with quiet():
            sim.run(m, DT, show_summary=False)
        made.append(sum(p.type == "P" for p in sim.current_particles))

    return steps, made


def smoldyn_steps() -> tuple[Steps, list[int]] | None:
    """Smoldyn, with its own binding radius; the list holds the number of P after each call."""
    try:
        import smoldyn
    except ImportError:
        return None
    at = 0.0
    with quiet():
        sim = smoldyn.Simulation(low=[0] * 3, high=[EDGE] * 3, boundary_type=["p"] * 3)
        E, S, ES, P = (sim.addSpecies(name, difc=D) for name in ("E", "S", "ES", "P"))
        sim.addReaction("bind", subs=[E, S], prds=[ES], rate=K)
        back = sim.addReaction("back", subs=[ES], prds=[E, S], rate=BACK)
        back.productPlacement("pgemmax", 0.2)
        sim.addReaction("done", subs=[ES], prds=[E, P], rate=CATALYSIS)
        for species, count in ((E, E0), (S, S0)):
            sim.addSolutionMolecules(species.name, count, [0] * 3, [EDGE] * 3)
    made: list[int] = []

    def steps(m: int) -> None:
        nonlocal at
        with quiet():
            sim.run(stop=at + m * DT, start=at, dt=DT, display=False, quit_at_end=False)
        at += m * DT
        made.append(sim.getMoleculeCount(P.name, smoldyn._smoldyn.MolecState.all))

    return steps, made
