"""Compiled steps: the same numbers as stage by stage from Python, however steps are grouped."""

import signal
import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.kernels.first_order import mark
from hybridrd.kernels.walk import move_closed
from hybridrd.simulation import step
from hybridrd.simulation.continuum import MeanField, TwoWay
from hybridrd.simulation.stepper import Stepper

A, B, C = hrd.Species("A", D=1.0), hrd.Species("B", D=0.5), hrd.Species("C", D=0.2)
STONE = hrd.Species("S", D=0.0)
LINE, HALF = hrd.Box(x=(0, 4)), hrd.Box(x=(0, 2))
CUBE = hrd.Box(x=(0, 1), y=(0, 1), z=(0, 1))


@dataclass
class Case:
    system: hrd.System
    outside: set[int]  # stages that have to be left to Python, at least once
    dt: float = 1e-3
    steps: int = 60


def line(*species, **changes):
    fields = {"species": species, "domain": LINE, "particles": HALF, "cells": 40}
    return hrd.System(**{**fields, "initial": dict.fromkeys(species, 30.0), **changes})


CASES = {
    "decay": Case(line(A, reactions=[hrd.Reaction("A -> 0", k=5.0)]), set()),
    "debts": Case(
        line(
            A, B, initial={A: 8.0, B: 4.0}, interface=hrd.ExactPlane(),
            reactions=[hrd.Reaction("A -> B", k=1.0)],
        ),
        set(), dt=5e-3, steps=300,
    ),
    "walls": Case(
        line(
            A, walls={"x-": hrd.Reservoir({A: 20.0}), "x+": hrd.Influx({A: 50.0})},
            reactions=[hrd.Reaction("0 -> A", k=30.0)], interface=hrd.ExactPlane(),
        ), set(),
    ),
    "immobile": Case(line(A, STONE, reactions=[hrd.Reaction("A -> S", k=1.0)]), set()),
    "held": Case(
        line(A, walls={"x+": hrd.Reservoir({A: 5.0})}, coupling="mean-field"), set()
    ),
    "sharp": Case(
        line(
            A, initial={A: hrd.Patch(1e4, x=(3.0, 3.01))}, cells=400, coupling="mean-field",
            interface=hrd.ExactPlane(),
        ),
        {step.BEFORE},
    ),
    "in time": Case(
        line(A, walls={"x+": hrd.Reservoir({A: lambda t: 20.0 + 10.0 * np.sin(20 * t)})}),
        {step.BEFORE, step.AFTER},
    ),
    "pairs": Case(
        hrd.System(
            species=[A, B], domain=CUBE, particles=CUBE, cells=4,
            walls={a + side: hrd.Periodic() for a in "xyz" for side in "-+"},
            reactions=[hrd.Reaction("A + B -> A", lambda0=2.0, radius=0.15)],
            initial={A: hrd.Copies(30), B: hrd.Copies(30)},
        ),
        set(),
    ),
}  # fmt: skip


@pytest.fixture
def due(monkeypatch):
    """The stages that were left to Python."""
    seen = set()
    run = Stepper._run

    def watched(self, *args):
        found = run(self, *args)
        if found[2] == step.OUTSIDE:
            seen.add(found[1])
        return found

    monkeypatch.setattr(Stepper, "_run", watched)
    return seen


def after(case, *numbers):
    sim = hrd.Simulation(case.system, dt=case.dt, seed=5)
    for number in numbers:
        sim.step(number)
    return sorted_state(sim)


def sorted_state(sim):
    state = {name: v for name, v in sim.state().items() if "timings" not in name}
    for name in sim.system.names:  # the order of storage says nothing
        order = np.argsort(state[f"ids/{name}"])
        state[f"ids/{name}"] = state[f"ids/{name}"][order]
        state[f"positions/{name}"] = state[f"positions/{name}"][:, order]
    return state


def same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


@pytest.mark.parametrize("name", CASES)
def test_stages_in_python_give_the_same_numbers(name, due, monkeypatch):
    case = CASES[name]
    compiled = after(case, case.steps)
    assert case.outside <= due
    assert len(due) <= len(case.outside) + 1
    monkeypatch.setattr(TwoWay, "compiled", lambda *_: None)
    monkeypatch.setattr(MeanField, "compiled", lambda *_: None)
    same(compiled, after(case, *(case.steps * [1])))
    assert case.outside < due or name in ("pairs", "in time")


def test_room_is_made_in_the_middle_of_a_stretch():
    """From 64 places to tens of thousands, by arrivals, births and creations; no id is lost."""
    case = Case(
        hrd.System(
            species=[A, B], domain=CUBE, particles=CUBE, cells=4,
            walls={"x-": hrd.Reservoir({A: 2e4}), "x+": hrd.Influx({B: 1e5})},
            reactions=[hrd.Reaction("A -> A + B", k=20.0), hrd.Reaction("0 -> B", k=1e5)],
        ),
        set(), dt=1e-3,
    )  # fmt: skip
    state = after(case, 10)
    same(state, after(case, 3, 7))
    ids = np.concatenate([state["ids/A"], state["ids/B"]])
    assert len(np.unique(ids)) == len(ids) > 3000
    assert state["next_id"] >= len(ids)


def test_systems_of_all_dimensions_share_compiled_stages():
    """One specialisation each: the time of a first run is that of compilation."""
    kernels = step.advance, step.diffuse_closed, step.mark_all, step.react_families
    compiled = []
    for space in LINE, hrd.Box(x=(0, 1), y=(0, 2)), CUBE:
        decay = [hrd.Reaction("A -> 0", k=5.0), hrd.Reaction("B -> A", k=1.0)][: len(compiled) + 1]
        fields = {"domain": space, "particles": space, "initial": {A: 9.0}, "reactions": decay}
        hrd.Simulation(hrd.System(species=[A, B], **fields), dt=1e-3, seed=1).step(2)
        compiled.append([len(kernel.overloads) for kernel in kernels])
    assert compiled[0] == compiled[1] == compiled[2]
    assert min(compiled[0]) > 0


def test_a_stretch_ends_soon_after_ctrl_c():
    sim = hrd.Simulation(CASES["decay"].system, dt=1e-5, seed=1)
    sim.run(until=1e-3, progress=False)  # all is compiled and loaded
    pressed = []

    def press():
        pressed.append(time.monotonic())
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    threading.Timer(0.3, press).start()
    with pytest.raises(KeyboardInterrupt):
        sim.run(until=1e4, every=1e4, progress=False)
    assert time.monotonic() - pressed[0] < 1.0  # 0.1 s on a machine that does nothing else


def test_steps_must_be_a_whole_number():
    sim = hrd.Simulation(CASES["decay"].system, dt=1e-3, seed=1)
    with pytest.raises(hrd.ModelError, match="number = 0"):
        sim.step(0)


def test_species_that_share_a_loop_move_and_react_as_alone():
    """Few particles each, many, none, and more than a block in all."""
    sizes = [3, 0, 100, 101, 5, *[90] * 24, 1500, 7]
    species = [hrd.Species(f"S{i}", D=0.1 * (i % 3 + 1)) for i in range(len(sizes))]
    system = hrd.System(
        species=species, domain=CUBE, particles=CUBE, cells=4,
        walls={"x-": hrd.Periodic(), "x+": hrd.Periodic()},
        reactions=[hrd.Reaction(f"{s.name} -> 0", k=1.0 + i) for i, s in enumerate(species)],
        initial={s: hrd.Copies(n) for s, n in zip(species, sizes, strict=True)},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=0.01, seed=3)
    groups = [(g.x.copy(), g.ids.copy(), g.n) for g in sim._population]
    sim.step()
    key, walls = sim._key, sim._exchange.motion._sides
    for s, (x, ids, n) in enumerate(groups):
        gone = np.zeros((2, n), np.bool_)
        for half in (0, 1):
            chance = -np.expm1(-(1.0 + s) * 0.005)
            mark(ids, 0, n, chance, key, 0, half, gone[half])
        move_closed(x, ids, 0, n, key, 0, species[s].D * 0.01, walls[s])
        kept = ~gone.any(axis=0)
        order = np.argsort(sim._population[s].id)
        np.testing.assert_array_equal(sim._population[s].id[order], ids[:n][kept])
        np.testing.assert_array_equal(sim._population[s].positions[order], x[:, :n].T[kept])


AGAIN = CASES | {
    "shell": Case(
        hrd.System(
            species=[A], domain=hrd.Shell(1.0, 3.0), particles=hrd.Shell(1.0, 2.0), cells=20,
            walls={"inner": hrd.Absorbing()}, initial={A: 5.0},
        ),
        set(),
    ),
    "disc": Case(
        hrd.System(
            species=[A], domain=hrd.Box(x=(0, 1), y=(0, 1)), cells=(10, 10),
            particles=hrd.Ball(center=(0.5, 0.5), radius=0.3), initial={A: 300.0},
        ),
        set(),
    ),
    "partners beyond": Case(
        hrd.System(
            species=[A, B, C], domain=hrd.Box(x=(0, 4), y=(0, 1)), cells=(16, 4),
            particles=hrd.Box(x=(0, 2), y=(0, 1)), initial={A: 40.0, B: 60.0},
            reactions=[
                hrd.Reaction("A + B <-> C", lambda0=2.0, k_back=1.0, radius=0.2),
                hrd.Reaction("2 B -> B", lambda0=3.0, radius=0.1),
            ],
        ),
        set(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", AGAIN)
def test_a_simulation_that_begins_again_is_a_new_one(name):
    case = AGAIN[name]
    used = hrd.Simulation(case.system, dt=case.dt, seed=1, replica=4)
    used.step(case.steps)
    if not used.begin_again(2):
        assert name in ("sharp", "held")  # see its docstring
        return
    fresh = hrd.Simulation(case.system, dt=case.dt, seed=1, replica=2)
    for sim in (used, fresh):
        sim.step(case.steps)
    assert len(fresh.particles["A"]) > 0
    same(sorted_state(used), sorted_state(fresh))
    assert used.diagnostics() == fresh.diagnostics()
    assert (used.replica, used.title) == (fresh.replica, fresh.title)
