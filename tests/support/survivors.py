"""Small systems of every kind, for tests of checkpoints and of runs that are interrupted."""

import numpy as np

import hybridrd as hrd

A, B, C = hrd.Species("A", D=1.0), hrd.Species("B", D=0.5), hrd.Species("C", D=0.3)
LINE, HALF = hrd.Box(x=(0, 4)), hrd.Box(x=(0, 2))
PLANE, QUARTER = hrd.Box(x=(0, 2), y=(0, 2)), hrd.Box(x=(0, 1), y=(0, 1))
INFECT = hrd.Reaction("A + B -> 2 B", k=0.05, radius=0.15)
NEAR = hrd.Reaction("A + B -> 2 B", k=0.05, radius=0.05)  # well mixed in a cell
DECAY = hrd.Reaction("B -> 0", k=0.5)
BIND = hrd.Reaction("A + B <-> C", lambda0=20.0, radius=0.1, k_back=5.0)
BIRTH = hrd.Reaction("0 -> A", k=10.0)
STEP = {"A": 40.0, "B": hrd.Patch(30.0, x=(1, 2))}


def waves(t):
    return 40.0 + 20.0 * np.sin(50.0 * t)


def line(**changes):
    given = {"species": [A, B], "domain": LINE, "particles": HALF, "cells": 40,
             "reactions": [INFECT, DECAY, BIRTH], "initial": STEP}  # fmt: skip
    return hrd.System(**(given | changes))


def follower(**changes):
    """Whole copies on a line, whose particle region follows them."""
    given = {"species": [A], "reactions": [BIRTH], "cells": 20, "fluctuations": "discrete",
             "initial": {A: hrd.Patch(40.0, x=(0, 2))},
             "particles": hrd.Adaptive(low=2, high=6, every=15 * DT, buffer=0.2)}  # fmt: skip
    return line(**(given | changes))


def plane(**changes):
    given = {"species": [A, B], "domain": PLANE, "particles": QUARTER, "cells": 20,
             "reactions": [INFECT, DECAY], "initial": STEP}  # fmt: skip
    return hrd.System(**(given | changes))


def shell(particles, **changes):
    given = {
        "species": [A], "domain": hrd.Shell(inner=1.0, outer=3.0), "particles": particles,
        "cells": 20, "initial": {"A": 1.0},
        "walls": {"inner": hrd.PartiallyAbsorbing(20.0), "outer": hrd.Reservoir({"A": 1.0})},
    }  # fmt: skip
    return hrd.System(**(given | changes))


# Few particles a cell, so that cells of the continuum are overdrawn and owe.
SPARSE = {"A": 5.0, "B": 2.0}
SYSTEMS = {
    "two-way, calibrated layer": line(),
    "two-way, layer": line(interface=hrd.Layer(), initial=SPARSE),
    "two-way, exact plane": line(interface=hrd.ExactPlane(), initial=SPARSE),
    "two-way, overdrawn": line(initial=SPARSE),
    "two-way, fluctuations": line(fluctuations="gaussian", reactions=[NEAR, DECAY, BIRTH]),
    "two-way, walls": line(
        walls={"x-": hrd.Reservoir({"A": waves}), "x+": hrd.Influx({"A": 30.0})}
    ),
    "two-way, complexes": line(species=[A, B, C], reactions=[BIND]),
    "mean-field": line(coupling="mean-field"),
    "mean-field, exact plane": line(coupling="mean-field", interface=hrd.ExactPlane()),
    "particles": line(particles=LINE),
    "particles, open": line(particles=LINE, walls={"x-": hrd.Reservoir({"A": 40.0})}),
    "plane, two-way": plane(),
    "plane, mean-field": plane(coupling="mean-field"),
    "plane, particles": plane(particles=PLANE),
    "shell": shell(hrd.Shell(inner=1.0, outer=3.0), interface=hrd.ExactPlane()),
}
DT = 2e-3


def same(one, other, but=("timings",)):
    """Assert that two results are equal to the last bit, in values, labels and attributes."""
    first, second = one.load().copy(), other.load().copy()
    for result in (first, second):
        result.attrs = {n: v for n, v in result.attrs.items() if n not in but}
    assert first.identical(second), f"{first}\n{second}"


def same_state(one, other):
    """Assert that two simulations are in the same state to the last bit."""
    first, second = one.state(), other.state()
    skipped = ("timings/", "mark/")  # a mark names its run
    names = [n for n in first if not n.startswith(skipped)]
    assert names == [n for n in second if not n.startswith(skipped)]
    for name in names:
        assert first[name].dtype == second[name].dtype, name
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def simulation(system, **options):
    """A simulation of the step and seed that all tests here share."""
    return hrd.Simulation(system, DT, seed=11, **options)
