"""Pairs of whole copies across cells, against the master equation and against particles."""

import numpy as np
import pytest
from continuum.test_discrete import agrees

import hybridrd as hrd
from hybridrd.continuum.discrete import DiscreteField
from hybridrd.kernels.rng import make_key
from hybridrd.simulation.wall_pairs import WallPairs
from hybridrd.theory import cdme

h, WIDE, ROWS = 0.25, 0.6, 10_000
A, B, C = (hrd.Species(name, D=D) for name, D in zip("ABC", (0.02, 0.03, 0.01), strict=True))
CASES = {  # reaction, and how many copies are in the first and the last of three cells
    "like": (hrd.Reaction("2 A <-> C", lambda0=1.5, k_back=0.05, radius=0.3), {A: (2, 1)}),
    "unlike": (
        hrd.Reaction("A + B <-> C", lambda0=4.0, k_back=0.1, radius=0.3), {A: (2, 0), B: (0, 2)}
    ),
    "kernel": (
        hrd.Reaction("A + B -> C", k=0.6, kernel=hrd.pair_kernels.Gaussian(0.15)),
        {A: (2, 0), B: (0, 2)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_pairs_and_complexes_are_those_of_the_master_equation(case):
    """Each row of three cells, cut off from the next, is a replica."""
    reaction, start = CASES[case]
    ends = ((0, h), (2 * h, 3 * h))
    row = hrd.System(
        species=[A, B, C], domain=hrd.Box(x=(0, 3 * h), y=(0, WIDE)), cells=(3, 1),
        reactions=[reaction], fluctuations="discrete", correct_pairs=True,
        initial={
            s: [hrd.Copies(k, x=x) for k, x in zip(numbers, ends, strict=True) if k]
            for s, numbers in start.items()
        },
    )  # fmt: skip
    truth = cdme.solve(row, voxels=(3, 1), max_copies=3, until=1.0, every=1.0)
    gap = 4 if case == "kernel" else 2  # further than pairs reach
    plane = row.replace(
        domain=hrd.Box(x=(0, 3 * h), y=(0, gap * ROWS * WIDE)), cells=(3, gap * ROWS), initial={}
    )
    cut = (np.arange(3 * gap * ROWS) // 3) % gap > 0
    field = DiscreteField(plane, 0.1, make_key(1, 0), cut)
    n = field.n.reshape(3, ROWS, 3)
    for s, numbers in start.items():
        n[plane.index(s), :, 0], n[plane.index(s), :, 2] = numbers
    for step in range(10):
        field.react(step, 0)
        field.diffuse(step)
        field.react(step, 1)
    assert agrees(n[2].sum(axis=1), truth["copy_number_probability"].values[-1, 2])
    mean = n[2].mean(axis=0) / (h * WIDE)
    c = truth["concentration"].values[-1, 2].ravel()
    assert np.abs(mean - c).max() < 4.5 * np.sqrt(c.max() / (h * WIDE) / ROWS)
    assert n[2].mean() > 0.1


WALL_CASES = {  # what the wall holds, and what reacts there
    "unlike": ({A: 0.8}, hrd.Reaction("A + B -> C", k=3.0, radius=h)),
    "like": ({A: 0.8}, hrd.Reaction("2 A -> C", k=3.0, radius=h)),
    "reversible": (
        {A: lambda t: 0.8 + t, C: 0.3}, hrd.Reaction("A + B <-> C", k=3.0, k_back=1.0, radius=h)
    ),
}  # fmt: skip


@pytest.mark.validation
@pytest.mark.ci
@pytest.mark.parametrize("case", WALL_CASES)
def test_partners_beyond_a_wall_are_those_of_the_master_equation(case):
    """Rows of two cells, so wide that what is beyond the walls of others hardly counts."""
    held, reaction = WALL_CASES[case]
    wide, step, steps = 6.0, 0.04, 15
    row = hrd.System(
        species=[A, B, C], domain=hrd.Box(x=(0, 2 * h), y=(0, wide)), cells=(2, 1),
        reactions=[reaction], fluctuations="discrete", correct_pairs=True,
        walls={"x-": hrd.Reservoir(held)}, initial={B: hrd.Copies(2, x=(0, h))},
    )  # fmt: skip
    end = step * steps
    truth = cdme.solve(row, (2, 1), {A: 7, B: 4, C: 4}, until=end, every=end, tolerance=0.01)
    plane = row.replace(
        domain=hrd.Box(x=(0, 2 * h), y=(0, 2 * ROWS * wide)), cells=(2, 2 * ROWS), initial={}
    )
    cut = (np.arange(4 * ROWS) // 2) % 2 > 0
    field = DiscreteField(plane, step, make_key(1, 0), cut)
    field.react_beyond(WallPairs(plane, field.position, field.volumes))
    n = field.n.reshape(3, ROWS, 2)
    n[1, :, 0] = 2
    for k in range(steps):
        field.react(k, 0)
        field.diffuse(k)
        field.react(k, 1)
    c = truth["concentration"].values[-1][..., 0] * h * wide
    assert (np.abs(n.mean(axis=1) - c) < 4.5 * np.sqrt((c + 1e-3) / ROWS) + 0.003).all()
    assert c[2].sum() > 0.05
    assert field.events.sum() > 0


def test_cells_narrower_than_the_radius_react_as_particles():
    """A + B -> C in three dimensions, h = sigma/2, at a rate of some half of Smoluchowski's."""
    pair = hrd.Reaction("A + B -> 0", lambda0=6.0, radius=0.5)
    system = hrd.System(
        species=[hrd.Species("A", D=0.5), hrd.Species("B", D=0.5)],
        domain=hrd.Box(x=(0, 4), y=(0, 4), z=(0, 4)), cells=16,
        walls={a: hrd.Periodic() for a in "xyz"}, initial={"A": 10.0, "B": 10.0},
        reactions=[pair], fluctuations="discrete", correct_pairs=True,
    )  # fmt: skip
    particles = system.replace(
        particles=system.domain, fluctuations=None, correct_pairs=False, cells=8
    )
    with pytest.raises(hrd.ModelError, match=r"correct_pairs=True with a radius"):
        hrd.Simulation(system.replace(correct_pairs=False, cells=20), dt=0.01)
    left = []
    for way, dt in ((system, 0.01), (particles, 0.005)):
        runs = [hrd.Simulation(way, dt=dt, seed=s).run(until=0.2, every=0.2) for s in (1, 2)]
        left.append([run["total"].values[-1] / run["total"].values[0] for run in runs])
    found, truth = np.array(left).mean(axis=(1, 2))
    assert truth < 0.6
    assert found == pytest.approx(truth, abs=4.5 * np.sqrt(2 * truth * (1 - truth) / 1280))


def test_what_cannot_be_is_refused():
    given = {"species": [A, B, C], "domain": hrd.Box(x=(0, 1)), "cells": 4}
    pair = hrd.Reaction("A + B -> C", k=1.0, radius=0.1)
    for changes, message in (
        ({"reactions": [pair]}, "has no effect with fluctuations = None"),
        ({"reactions": [pair], "fluctuations": "gaussian"}, "fluctuations = 'gaussian'"),
        ({"reactions": [hrd.Reaction("A + B -> C", k=1.0)], "fluctuations": True}, "has a radius"),
        (
            {"reactions": [pair], "fluctuations": True, "domain": hrd.Shell(1.0, 2.0)},
            "mixed over all angles",
        ),
    ):
        with pytest.raises(hrd.ModelError, match=message):
            hrd.System(**given | changes, correct_pairs=True)
    with pytest.raises(hrd.ModelError, match="it is True or False"):
        hrd.System(**given, correct_pairs="yes")
