"""The cases: small runs through the public functions, each about one thing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr

import hybridrd as hrd

A, B, C = hrd.Species("A", D=1.0), hrd.Species("B", D=0.5), hrd.Species("C", D=0.2)
STONE = hrd.Species("S", D=0.0)
LINE = hrd.Box(x=(0, 4))
PLATE = hrd.Box(x=(0, 4), y=(-1, 1))
BLOCK = hrd.Box(x=(0, 4), y=(-1, 1), z=(0, 1.5))
HALF = {
    LINE: hrd.Box(x=(0, 2)),
    PLATE: hrd.Box(x=(0, 2), y=(-1, 1)),
    BLOCK: hrd.Box(x=(0, 2), y=(-1, 1), z=(0, 1.5)),
}
DT = 0.005
SCHEMES = {
    "layer": hrd.Layer(),
    "calibrated": hrd.CalibratedLayer(),
    "exact": hrd.ExactPlane(),
}


def run(system: hrd.System, steps: int = 60, dt: float = DT, threads: int = 1) -> xr.Dataset:
    """All variables of a run, positions with them, at five times."""
    sim = hrd.Simulation(system, dt=dt, seed=20, threads=threads)
    return sim.run(until=steps * dt, every=steps // 5 * dt, positions=True)


def box(domain: hrd.Box, hybrid: bool = False, **changes: object) -> hrd.System:
    """Species A in a box, closed unless changes say otherwise, particles in half of it or all."""
    fields = {
        "species": [A],
        "domain": domain,
        "particles": HALF[domain] if hybrid else domain,
        "cells": (16, 8, 6)[: domain.dimension],
        "initial": {A: 200.0 / domain.volume},
    }
    return hrd.System(**{**fields, **changes})


def example(name: str, dt: float, steps: int, **changes: object) -> xr.Dataset:
    return run(getattr(hrd.examples, name)(**changes), steps, dt)


def at_wall(scheme: hrd.InterfaceScheme) -> xr.Dataset:
    """A gradient between two reservoirs."""
    ends = {"x-": hrd.Reservoir({A: 20.0}), "x+": hrd.Reservoir({A: 80.0})}
    return run(box(LINE, walls=ends, interface=scheme))


def beside_continuum(scheme: hrd.InterfaceScheme, coupling: str) -> xr.Dataset:
    start = {A: hrd.Patch(100.0, x=(1.0, 3.0))}
    return run(box(LINE, hybrid=True, interface=scheme, coupling=coupling, initial=start))


def hybrid(domain: hrd.Box, coupling: str) -> xr.Dataset:
    """Every face of the region inside the domain, along all axes that there are."""
    inner = {axis: (low + (high - low) / 4, high) for axis, (low, high) in intervals(domain)}
    start = {A: [100.0, hrd.Patch(60.0, x=(2.0, 4.0))]}
    system = box(domain, particles=hrd.Box(**inner), cells=(8, 8, 8)[: domain.dimension])
    return run(system.replace(coupling=coupling, initial=start), steps=30)


def intervals(domain: hrd.Box) -> list[tuple[str, tuple[float, float]]]:
    return list(zip("xyz", domain.intervals, strict=False))


def fluctuations() -> xr.Dataset:
    walls = {"x-": hrd.Reservoir({A: 50.0})}
    loss = hrd.Reaction("A -> 0", k=0.5)
    return run(box(LINE, hybrid=True, fluctuations="gaussian", walls=walls, reactions=[loss]))


def shell(hybrid: bool) -> xr.Dataset:
    domain = hrd.Shell(inner=1.0, outer=4.0)
    system = hrd.System(
        species=[B],
        domain=domain,
        particles=hrd.Shell(inner=1.0, outer=2.5) if hybrid else domain,
        cells=24,
        walls={"inner": hrd.PartiallyAbsorbing(kappa=20.0), "outer": hrd.Reservoir({B: 2.0})},
        reactions=[hrd.Reaction("B -> 0", k=0.2), hrd.Reaction("0 -> B", k=0.5)],
        interface=hrd.ExactPlane(),
        initial={B: 1.0},
    )
    return run(system)


def shell_layer() -> xr.Dataset:
    """The default scheme in a shell, other walls and a rate that depends on r."""
    system = hrd.System(
        species=[B],
        domain=hrd.Shell(inner=1.0, outer=4.0),
        particles=hrd.Shell(inner=1.0, outer=2.5),
        cells=24,
        walls={"inner": hrd.Absorbing(), "outer": hrd.Influx({B: 3.0})},
        reactions=[hrd.Reaction("B -> 0", k=lambda r: 0.1 * r)],
        initial={B: lambda r: 3.0 - 0.5 * r},
    )
    return run(system)


def walls() -> xr.Dataset:
    sides = {
        "x-": hrd.Reservoir({A: 40.0}),
        "x+": hrd.Influx({A: 30.0, B: 10.0}),
        "y-": hrd.PartiallyAbsorbing({A: 1.5}),
        "y+": hrd.Absorbing(),
    }
    return run(box(PLATE, species=[A, B], walls=sides, initial={A: 25.0, B: 25.0}))


def wall_functions() -> xr.Dataset:
    sides = {
        "x-": hrd.Reservoir({A: lambda y, t: 40.0 * (1 + 0.5 * np.sin(3 * y)) * (1 + t)}),
        "x+": hrd.Influx({A: lambda y, t: 60.0 * np.exp(-(y**2)) * (1 - t)}),
        "y": hrd.Periodic(),
    }
    return run(box(PLATE, walls=sides))


def leaky() -> xr.Dataset:
    """Leaky walls that meet, one with a bath, and a drain."""
    walls = {
        "x-": hrd.Leaky({A: 3.0}, outside={A: lambda y, t: 60.0 + 20.0 * y + t}),
        "y-": hrd.Leaky({A: 200.0}, outside={A: hrd.Bath(2.0, 40.0)}, partition=0.5),
        "x+": hrd.Influx({A: -20.0}),
    }
    return run(box(PLATE, walls=walls))


def leaky_hybrid(coupling: str) -> xr.Dataset:
    """Baths beside the particles and the continuum."""
    wall = hrd.Leaky({A: 2.0}, outside={A: hrd.Bath(3.0, 90.0)})
    return run(box(LINE, hybrid=True, coupling=coupling, walls={"x-": wall, "x+": wall}))


def leaky_shell() -> xr.Dataset:
    """A sphere that leaks to a bath."""
    ball = hrd.Shell(inner=1.0, outer=3.0)
    wall = hrd.Leaky({A: 40.0}, outside={A: hrd.Bath(10.0, 8.0)})
    given = {"species": [A], "domain": ball, "particles": ball, "cells": 10}
    return run(hrd.System(**given, walls={"inner": wall}, initial={A: 2.0}))


def walls_of_a_hybrid(coupling: str) -> xr.Dataset:
    """Walls of the particle region and of the continuum."""
    sides = {
        "x-": hrd.PartiallyAbsorbing(2.0),
        "x+": hrd.Reservoir({A: lambda y, t: 50.0 + 10.0 * y + t}),
        "y-": hrd.Influx({A: 30.0}),
        "y+": hrd.Absorbing(),
    }
    return run(box(PLATE, hybrid=True, walls=sides, coupling=coupling))


def first_order() -> xr.Dataset:
    """Creation, decay, splitting and a chain, all within one half step."""
    steps = [
        hrd.Reaction("0 -> A", k=10.0),
        hrd.Reaction("A -> 2 A", k=2.0),
        hrd.Reaction("A -> B", k=3.0),
        hrd.Reaction("B -> A + C", k=4.0),
        hrd.Reaction("C -> 0", k=5.0),
        hrd.Reaction("C -> A", k=1.0),
    ]
    return run(box(PLATE, species=[A, B, C], reactions=steps))


def pairs(domain: hrd.Box, hybrid: bool = False, coupling: str = "two-way") -> xr.Dataset:
    meetings = [
        hrd.Reaction("A + B -> C", lambda0=5.0, radius=0.2),
        hrd.Reaction("2 A -> 0", lambda0=2.0, radius=0.15),
        hrd.Reaction("B + C -> 2 B", lambda0=3.0, radius=0.2),
        hrd.Reaction("C -> A + B", k=2.0),
    ]
    start = dict.fromkeys((A, B, C), 150.0 / domain.volume)
    return run(
        box(domain, hybrid, species=[A, B, C], reactions=meetings, initial=start, coupling=coupling)
    )


def reversible(hybrid: bool, walls: dict[str, hrd.Wall] | None = None) -> xr.Dataset:
    binding = [
        hrd.Reaction("A + B <-> C", k=0.2, radius=0.2, k_back=3.0),
        hrd.Reaction("2 B <-> A", k=0.1, radius=0.15, k_back=1.0),
    ]
    start = {A: 25.0, B: 25.0, C: 10.0}
    return run(
        box(PLATE, hybrid, species=[A, B, C], reactions=binding, initial=start, walls=walls or {})
    )


def rate_functions() -> xr.Dataset:
    steps = [
        hrd.Reaction("0 -> A", k=lambda x, t: 20.0 * x * (1 + np.sin(9 * t))),
        hrd.Reaction("A -> 0", k=lambda x, y: 1.0 + 0.2 * x + y**2),
        hrd.Reaction("A + B -> B", k=lambda x: 0.3 * (1 + x), radius=0.2),
        hrd.Reaction("A -> B", k=lambda t: 1.0 + t),
    ]
    return run(box(PLATE, hybrid=True, species=[A, B], reactions=steps, initial={A: 25.0, B: 9.0}))


def immobile() -> xr.Dataset:
    """A species that does not move, beside one that does."""
    steps = [
        hrd.Reaction("A + S -> A", lambda0=10.0, radius=0.2),
        hrd.Reaction("A -> S", k=1.0),
        hrd.Reaction("S -> A", k=0.3),
    ]
    return run(
        box(PLATE, hybrid=True, species=[A, STONE], reactions=steps, initial={A: 25.0, STONE: 20.0})
    )


def initial_states() -> xr.Dataset:
    start = {
        A: [5.0, hrd.Patch(30.0, center=(2.0, 0.0), radius=0.8), hrd.Copies(20, x=(0.0, 1.0))],
        B: [hrd.Points([[0.5, 0.5], [1.5, -0.25], [3.5, 0.0]]), hrd.Patch(lambda y: 5 + 4 * y)],
        C: np.arange(128.0).reshape(16, 8) / 4,
    }
    return run(box(PLATE, hybrid=True, species=[A, B, C], initial=start), steps=5)


def small_ensemble(workers: int) -> xr.Dataset:
    loss = hrd.Reaction("A -> 0", k=1.0)
    return hrd.ensemble(
        box(LINE, hybrid=True, reactions=[loss]), replicas=6, dt=DT, until=0.1, every=0.05, seed=3,
        workers=workers, covariance=["copy_number"], keep=["copy_number"], quantiles=[0.5],
    )  # fmt: skip


def mean_field() -> xr.Dataset:
    """The PDE with all that it can have."""
    steps = [
        hrd.Reaction("A + B -> C", k=0.1, radius=0.2),
        hrd.Reaction("C -> A", k=lambda x: 1.0 + x),
        hrd.Reaction("0 -> B", k=2.0),
    ]
    sides = {
        "x-": hrd.Reservoir({A: lambda y, t: 10.0 + y + t}),
        "x+": hrd.PartiallyAbsorbing(1.0),
        "y+": hrd.Influx({B: 4.0}),
    }
    start = {A: 20.0, B: hrd.Patch(30.0, x=(1, 3)), C: 1.0}
    system = box(PLATE, hybrid=True, species=[A, B, C], reactions=steps, walls=sides, initial=start)
    return hrd.mean_field(system, dt=DT, until=0.3, every=0.05)


def cdme() -> xr.Dataset:
    steps = [hrd.Reaction("0 -> A", k=1.0), hrd.Reaction("2 A -> 0", lambda0=5.0, radius=0.1)]
    line = hrd.Box(x=(0, 1))
    ends = {"x+": hrd.Reservoir({A: 1.0})}
    system = hrd.System(
        species=[A], reactions=steps, domain=line, particles=line, walls=ends, initial={A: 0.5}
    )
    return hrd.theory.cdme.solve(system, voxels=4, max_copies=9, until=1.0, every=0.2)


def long_line() -> hrd.System:
    steps = [hrd.Reaction("A -> 0", k=1.0), hrd.Reaction("A + B -> 2 B", lambda0=0.3, radius=0.1)]
    return box(LINE, hybrid=True, species=[A, B], reactions=steps, initial={A: 50.0, B: 5.0})


def interrupted(restart: bool) -> xr.Dataset:
    """The second half of a run."""
    sim = hrd.Simulation(long_line(), dt=DT, seed=8)
    sim.run(until=0.15)
    if restart:
        with tempfile.TemporaryDirectory() as folder:
            sim.checkpoint(Path(folder) / "half.npz")
            sim = hrd.Simulation.restore(Path(folder) / "half.npz")
    return sim.run(until=0.3, every=0.05, positions=True)


def many(threads: int) -> xr.Dataset:
    """As many particles as threads share among them."""
    walls = {"x-": hrd.Reservoir({A: 2000.0}), "y+": hrd.PartiallyAbsorbing(1.0)}
    steps = [hrd.Reaction("2 A -> A", lambda0=1.0, radius=0.01), hrd.Reaction("A -> B", k=1.0)]
    start = {A: 4000.0, B: 1000.0}
    system = box(PLATE, hybrid=True, species=[A, B], walls=walls, reactions=steps, initial=start)
    return run(system, steps=5, threads=threads)


def drifting(
    domain: hrd.Box = LINE, species: dict[str, object] | None = None, **changes: object
) -> xr.Dataset:
    """A hybrid in which one species drifts, the other not."""
    hills = {
        LINE: {"potential": lambda x: np.sin(2 * x), "velocity": 1.5},
        PLATE: {"potential": lambda x, y: np.sin(2 * x) + x * y, "velocity": (0.5, -1.0)},
    }
    carried = hrd.Species("A", **{"D": 1.0, **hills[domain], **(species or {})})
    given = {
        "species": [carried, B],
        "reactions": [hrd.Reaction("A -> B", k=1.0)],
        "initial": {carried: 30.0, B: 10.0},
        "walls": {"x-": hrd.PartiallyAbsorbing({"A": 1.0, "B": 0.0})},
    }
    return run(box(domain, hybrid=True, **{**given, **changes}))


def drifting_walls() -> xr.Dataset:
    """Particles that drift to and from walls of all kinds."""
    carried = hrd.Species("A", D=1.0, velocity=(1.5, lambda x: np.sin(x)))
    sides = {
        "x-": hrd.Reservoir({carried: lambda y, t: 40.0 + 10.0 * y + t}),
        "x+": hrd.Influx({carried: 30.0}),
        "y-": hrd.Leaky({carried: 3.0}, outside={carried: 20.0}),
        "y+": hrd.PartiallyAbsorbing(1.5),
    }
    start, scheme = {carried: 25.0}, hrd.ExactPlane()
    return run(box(PLATE, species=[carried], walls=sides, initial=start, interface=scheme))


CASES: dict[str, Callable[[], xr.Dataset]] = {
    "example-diffusion": partial(example, "diffusion", 0.002, 5, cells=20),
    "example-proliferation": partial(example, "proliferation", 0.01, 80, cells=24),
    "example-lotka-volterra": partial(example, "lotka_volterra", 0.0025, 40, cells=20),
    "example-sir": partial(example, "sir", 0.005, 20, cells=20),
    "example-smoluchowski": partial(example, "smoluchowski", 0.005, 60, cells=50),
    **{f"wall-{name}": partial(at_wall, scheme) for name, scheme in SCHEMES.items()},
    **{
        f"{coupling}-{name}": partial(beside_continuum, scheme, coupling)
        for coupling in ("two-way", "mean-field")
        for name, scheme in SCHEMES.items()
    },
    "line-two-way": partial(hybrid, LINE, "two-way"),
    "plate-two-way": partial(hybrid, PLATE, "two-way"),
    "plate-mean-field": partial(hybrid, PLATE, "mean-field"),
    "block-two-way": partial(hybrid, BLOCK, "two-way"),
    "block-mean-field": partial(hybrid, BLOCK, "mean-field"),
    "fluctuations": fluctuations,
    "shell-particles": partial(shell, hybrid=False),
    "shell-hybrid": partial(shell, hybrid=True),
    "shell-layer": shell_layer,
    "walls": walls,
    "walls-functions": wall_functions,
    "walls-leaky": leaky,
    "walls-leaky-two-way": partial(leaky_hybrid, "two-way"),
    "walls-leaky-mean-field": partial(leaky_hybrid, "mean-field"),
    "walls-leaky-shell": leaky_shell,
    "walls-two-way": partial(walls_of_a_hybrid, "two-way"),
    "walls-mean-field": partial(walls_of_a_hybrid, "mean-field"),
    "first-order": first_order,
    "pairs-line": partial(pairs, LINE),
    "pairs-plate": partial(pairs, PLATE),
    "pairs-block": partial(pairs, BLOCK),
    "pairs-two-way": partial(pairs, PLATE, True),
    "pairs-mean-field": partial(pairs, PLATE, True, "mean-field"),
    "reversible": partial(reversible, hybrid=False),
    "reversible-two-way": partial(reversible, hybrid=True),
    "reversible-reservoir": partial(
        reversible, hybrid=False, walls={"x-": hrd.Reservoir({A: 20.0, B: 20.0, C: 10.0})}
    ),
    "rate-functions": rate_functions,
    "immobile": immobile,
    "initial-states": initial_states,
    "ensemble-serial": partial(small_ensemble, 1),
    "ensemble-workers": partial(small_ensemble, 2),
    "mean-field": mean_field,
    "cdme": cdme,
    "no-restart": partial(interrupted, restart=False),
    "restart": partial(interrupted, restart=True),
    "threads-1": partial(many, 1),
    "threads-2": partial(many, 2),
    "drift-two-way": drifting,
    "drift-exact": partial(drifting, interface=hrd.ExactPlane()),
    "drift-mean-field": partial(drifting, coupling="mean-field"),
    "drift-in-time": partial(drifting, species={"velocity": lambda x, t: x * np.sin(9 * t)}),
    "drift-plate": partial(drifting, PLATE),
    "drift-plate-exact": partial(drifting, PLATE, interface=hrd.ExactPlane()),
    "drift-walls": drifting_walls,
    "drift-uneven": partial(drifting, species={"D": lambda x: 1.0 + 0.2 * x}),
    "drift-discrete": partial(drifting, fluctuations="discrete"),
}
