"""Copies and pickles of a Simulation go on as it would."""

import copy
import pickle

import numpy as np
import pytest

import hybridrd as hrd

A = hrd.Species("A", D=1.0)
LINE, HALF = hrd.Box(x=(0, 2)), hrd.Box(x=(0, 1))
SPHERE = hrd.Shell(inner=1.0, outer=3.0)


def system(domain=LINE, **changes):
    fields = {"particles": domain, "cells": 20, "initial": {A: 50.0}, **changes}
    return hrd.System(species=[A], domain=domain, **fields)


def kill():
    return [hrd.Reaction("A -> 0", k=1.0)]


class Tank(hrd.Continuum):
    """One stirred cell that remembers how often it was stirred."""

    edges = ([1.0, 2.0],)
    stirred = 0

    def start(self, system, dt):  # noqa: ARG002
        return np.array([[50.0]])

    def step(self, c, t, dt, source):  # noqa: ARG002
        self.stirred += 1
        return c if source is None else c + source

    def state(self):
        return {"stirred": np.array(self.stirred)}

    def load_state(self, state):
        self.stirred = int(state["stirred"])


TANK = {"interface": hrd.CalibratedLayer(width=0.1, offset=0.0), "initial": {}}
MAKE = {
    "particles": lambda: hrd.Simulation(system(reactions=kill()), 1e-3, seed=1),
    "two-way": lambda: hrd.Simulation(system(particles=HALF), 1e-3, seed=1, replica=3),
    "mean-field": lambda: hrd.Simulation(
        system(particles=HALF, coupling="mean-field"), 1e-3, seed=1, threads=2
    ),
    "shell": lambda: hrd.Simulation(system(SPHERE), 1e-3, seed=1),
    "continuum": lambda: hrd.Simulation(
        system(particles=HALF, **TANK), 1e-3, seed=1, continuum=Tank()
    ),
}
PDES = {
    "box": lambda: hrd.PDE(system(particles=None, reactions=kill()), 1e-3),
    "ball": lambda: hrd.PDE(system(SPHERE, particles=None), 1e-3, solver="splu"),
}
TWINS = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda sim: pickle.loads(pickle.dumps(sim)),
}


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("case", MAKE)
def test_a_twin_goes_on_as_the_simulation_would(case, twin):
    sim = MAKE[case]()
    sim.run(until=0.02, every=0.01)
    other = TWINS[twin](sim)
    assert (other.seed, other.replica, other.threads) == (sim.seed, sim.replica, sim.threads)
    assert other.steps == 20
    expected = sim.run(until=0.05, every=0.01)  # the twin is none the wiser
    assert other.steps == 20
    found = other.run(until=0.05, every=0.01)
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("case", PDES)
def test_a_twin_of_a_pde_does_too(case, twin):
    pde = PDES[case]()
    pde.run(until=0.02, every=0.01)
    other = TWINS[twin](pde)
    assert (other.steps, other.solver) == (20, pde.solver)
    expected = pde.run(until=0.05, every=0.01)
    found = other.run(until=0.05, every=0.01)
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])


def test_functions_are_copied_but_not_pickled():
    sim = hrd.Simulation(system(reactions=[hrd.Reaction("A -> 0", k=lambda x: x)]), dt=1e-3, seed=1)
    assert (copy.deepcopy(sim).run(0.01)["total"] == sim.run(0.01)["total"]).all()
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(sim)


def test_a_plan_of_another_step_or_system_is_refused():
    sim = MAKE["particles"]()
    assert hrd.Simulation(sim.system, 1e-3, plan=sim.plan).plan is sim.plan
    with pytest.raises(hrd.ModelError, match=r"plan: it was compiled for dt = 0\.001"):
        hrd.Simulation(sim.system, 2e-3, plan=sim.plan)
    with pytest.raises(hrd.ModelError, match="plan: it was compiled for another system"):
        hrd.Simulation(system(), 1e-3, plan=sim.plan)


@pytest.mark.parametrize("solver", ["fast", None, 3, ["splu"]])
def test_a_solver_that_there_is_not_is_refused(solver):
    with pytest.raises(hrd.ModelError, match=r"solver = .*: it is one of auto, tridiagonal"):
        hrd.Simulation(system(), 1e-3, solver=solver)
