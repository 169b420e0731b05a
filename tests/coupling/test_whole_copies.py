"""Whole copies beside particles: what passes the plane, alone and in pairs, is never owed."""

import numpy as np

import hybridrd as hrd

A, B = (hrd.Species(name, D=1.0) for name in "AB")


def test_pairs_across_the_plane_use_each_copy_once():
    system = hrd.System(
        species=[A, B], domain=hrd.Box(x=(0, 4), y=(0, 20)), particles=hrd.Box(x=(0, 2), y=(0, 20)),
        cells=(4, 20), walls={"y": hrd.Periodic()}, initial={A: 6.0, B: 6.0},
        reactions=[hrd.Reaction("A + B -> 0", k=1.0, radius=0.4)], fluctuations="discrete",
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=0.1, seed=2)
    start = sim.total.copy()
    for _ in range(60):
        sim.step()
        n = sim.concentration  # cells of volume 1
        assert (n >= 0).all()
        assert (n == n.round()).all()
        assert sim.total[0] - sim.total[1] == start[0] - start[1]
    assert sim.total[0] < 0.1 * start[0]


def test_a_single_cell_between_two_faces_stays_uniform():
    """Both faces take from the same copies, one after another: mean within 4.5 standard errors."""
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 4), y=(0, 200)), particles=hrd.Box(x=(0, 3), y=(0, 200)),
        cells=(4, 200), walls={"x": hrd.Periodic(), "y": hrd.Periodic()}, initial={A: 5.0},
        fluctuations="discrete",
    )  # fmt: skip
    result = hrd.Simulation(system, dt=1.0, seed=1).run(until=200.0, every=10.0)
    assert (result["total"] == result["total"][0]).all()
    c = result["concentration"].values[2:, 0]
    mean = float(result["total"][0, 0]) / 800
    assert c.min() >= 0
    error = 1 / np.sqrt(c[:, 0].size * mean)
    assert (np.abs(c.mean(axis=(0, 2)) / mean - 1) < 4.5 * error).all()
    assert abs(c.var() / mean - 1) < 4.5 * np.sqrt(2.2 / c.size)
