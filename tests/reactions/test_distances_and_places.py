"""Pairs whose rate depends on their distance, and the places of their products."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import diags
from scipy.sparse.linalg import expm_multiply

import hybridrd as hrd
from hybridrd.errors import ModelError
from hybridrd.model.pair_kernels import Distance, Doi, Gaussian, Ring

TENT = Distance(lambda r: 1 - r / 0.2, 0.2)


def box(d, width=1.0):
    return hrd.Box(**dict.fromkeys("xyz"[:d], (0, width)))


def periodic(d):
    return {axis: hrd.Periodic() for axis in "xyz"[:d]}


def still(a, b, c=0.0):
    return [hrd.Species("A", a), hrd.Species("B", b), hrd.Species("C", c)]


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("step", [0.003, 0.1, 3.0])
def test_time_of_a_trial_is_that_of_doi_for_his_step(d, step):
    # The time domain and the Fourier transform of one number.
    ring = Ring(0.0, 0.2)
    assert_allclose(ring.trial_time(step * 0.04, d), hrd.theory.doi.trial_time(step, d), atol=2e-4)
    assert_allclose(Doi(0.2).trial_time(step * 0.04, d), hrd.theory.doi.trial_time(step, d))


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("kernel", [Gaussian(0.1), Ring(0.1, 0.2), TENT])
def test_shares_beyond_a_plane_and_in_cells(d, kernel):
    rng = np.random.default_rng(5)
    v = rng.uniform(-kernel.reach, kernel.reach, (400_000, d))
    w = kernel.weight(np.linalg.norm(v, axis=1))
    beyond = kernel.beyond(0.07, d) / kernel.volume(d)
    assert_allclose(beyond, w[v[:, 0] > 0.07].sum() / w.sum(), rtol=0.03)
    cell = np.floor(rng.uniform(0, 1, v.shape) + v / 0.15)
    here = w[(cell == 0).all(axis=1)].sum() / w.sum()
    shares = kernel.cell_shares((0.15,) * d)
    assert_allclose(shares[tuple(n // 2 for n in shares.shape)], here, rtol=0.03)
    assert kernel.profile(d).shape == (2048,)


@pytest.mark.parametrize("kernel", [Gaussian(0.06), Ring(0.1, 0.2), TENT])
@pytest.mark.parametrize("dt", [0.002, 0.02])
def test_a_sink_of_any_kernel(kernel, dt):
    # B that diffuse about one A that stays: dc/dt = D c_xx - lambda(|x|) c, whatever the step.
    rate, D, until, many, cells = 10.0, 0.1, 0.2, 100_000, 400
    x = (np.arange(cells) + 0.5) / cells - 0.5
    jumps = diags([1.0, -2.0, 1.0], [-1, 0, 1], shape=(cells, cells)).tolil()
    jumps[0, -1] = jumps[-1, 0] = 1.0
    matrix = jumps.tocsr() * (D * cells**2) - diags(rate * kernel.weight(np.abs(x)))
    left = expm_multiply(matrix * until, np.ones(cells)).mean()
    system = hrd.System(
        species=[hrd.Species("A", 0.0), hrd.Species("B", D)],
        domain=box(1), particles=box(1), cells=10, walls=periodic(1),
        reactions=[hrd.Reaction("A + B -> A", lambda0=rate, kernel=kernel)],
        initial={"A": hrd.Points([[0.5]]), "B": hrd.Copies(many)},
    )  # fmt: skip
    found = hrd.Simulation(system, dt=dt, seed=3).run(until=until, every=until)
    n = float(found["copy_number"].isel(time=-1).sel(species="B"))
    assert abs(n / many - left) < 4.5 * np.sqrt(left * (1 - left) / many)


def test_pairs_that_stay_react_at_the_rate_of_their_distance():
    # exp(-lambda w(r) t) at D = 0, exactly; pairs 0.06 apart in a row that others do not reach.
    n, gap, s = 4_000, 0.06, 0.03
    row = np.arange(n) * 1.0 + 0.4
    system = hrd.System(
        species=still(0.0, 0.0), domain=box(1, n), particles=box(1, n), cells=n,
        reactions=[hrd.Reaction("A + B -> C", lambda0=2.0, kernel=Gaussian(s))],
        initial={"A": hrd.Points(row[:, None]), "B": hrd.Points(row[:, None] + gap)},
    )  # fmt: skip
    result = hrd.Simulation(system, dt=0.25, seed=9).run(until=2.0, every=2.0)
    left = np.exp(-2.0 * 2.0 * np.exp(-0.5 * (gap / s) ** 2))
    found = float(result["copy_number"].isel(time=-1).sel(species="A"))
    assert abs(found / n - left) < 4 * np.sqrt(left * (1 - left) / n)


@pytest.mark.parametrize("d", [1, 2])
def test_reaction_is_flat_through_an_interface(d):
    # A + B -> A + B + C in a uniform state of particles and cells: k c_A c_B everywhere.
    k, c, until = 0.02, 400.0, 2.0
    system = hrd.System(
        species=still(0.05, 0.05), domain=box(d), cells=10, walls=periodic(d),
        particles=hrd.Box(**{**dict.fromkeys("xy"[:d], (0, 1)), "x": (0.3, 0.7)}),
        reactions=[hrd.Reaction("A + B -> A + B + C", k=k, kernel=Gaussian(0.02))],
        initial={"A": c, "B": c},
    )  # fmt: skip
    runs = [hrd.Simulation(system, dt=0.02, seed=seed) for seed in range(4)]
    made = sum(r.run(until=until, every=until)["concentration"].isel(time=-1) for r in runs)
    C = made.sel(species="C").mean("y") if d == 2 else made.sel(species="C")
    expected = 4 * k * c * c * until
    volume = 0.1
    beside = [float(C.isel(x=i)) for i in (2, 3, 6, 7)]
    assert_allclose(beside, expected, atol=4.5 * np.sqrt(expected / volume))


def outcome(place, low, high, D=(0.0, 0.0), **changes):
    """Where the products of 400 pairs are, ``(n, 2)``: A at x = low, B at high, y = 0.5."""
    options = {
        "species": still(*D), "domain": box(2), "particles": box(2), "cells": 10,
        "walls": periodic(2),
        "reactions": [hrd.Reaction("A + B -> C", lambda0=1.4, radius=0.15, place=place)],
        "initial": {"A": hrd.Points([[low, 0.5]] * 400), "B": hrd.Points([[high, 0.5]] * 400)},
    }  # fmt: skip
    sim = hrd.Simulation(hrd.System(**options | changes), dt=0.25, seed=4)
    while sim.total[0] > 0:
        sim.step()
    assert sim.total[2] == 400
    return sim


@pytest.mark.parametrize(
    ("place", "D", "at"),
    [("reactant", (0, 0), 0.98), ("midpoint", (0, 0), 0.03), ("weighted", (3e-12, 1e-12), 0.055)],
)
def test_products_through_a_periodic_wall(place, D, at):
    # A at 0.98 and B at 0.08: between them, a quarter of the way from B where A is three times
    # as mobile.
    x = outcome(place, 0.98, 0.08, D).particles["C"].positions
    assert_allclose(x, np.tile([at, 0.5], (400, 1)), atol=1e-5)


def test_products_in_the_ball():
    x = outcome("ball", 0.5, 0.55).particles["C"].positions - [0.5, 0.5]
    r2 = (x**2).sum(axis=1) / 0.15**2  # uniform in [0, 1] for a disc
    assert r2.max() <= 1.0
    assert abs(r2.mean() - 0.5) < 4 * np.sqrt(1 / 12 / 400)
    assert np.all(np.abs(x.mean(axis=0)) < 4 * 0.075 / 20)


def test_products_outside_stay_at_the_reactant():
    closed = outcome("ball", 0.0, 0.05, walls={}).particles["C"].positions
    at_home = (closed == [0.0, 0.5]).all(axis=1).mean()
    assert abs(at_home - 0.5) < 4 * 0.5 / 20  # half of the ball is beyond the wall
    assert (closed[:, 0] >= 0).all()


def test_products_that_fall_into_cells_count_there():
    # A and B at 0.45 and 0.49 left of the plane at 0.5; a third of the ball is right of it.
    sim = outcome("ball", 0.45, 0.49, particles=hrd.Box(x=(0.2, 0.5), y=(0, 1)), coupling="two-way")
    u = 0.05 / 0.15
    beyond = (np.arccos(u) - u * np.sqrt(1 - u**2)) / np.pi
    inside = len(sim.particles["C"].positions)
    assert abs(inside / 400 - (1 - beyond)) < 4 * np.sqrt(beyond * (1 - beyond) / 400)


def test_files_and_refusals():
    def pair(equation="A + B -> C", **given):
        return hrd.Reaction(equation, **{"k": 0.01, "radius": 0.1} | given)

    assert pair(kernel=Doi(0.1), radius=None) == pair()
    system = hrd.System(
        species=still(1, 1), domain=box(2), particles=box(2), cells=5,
        reactions=[pair(place="midpoint"), pair("2 A -> B", kernel=Gaussian(0.02), radius=None)],
    )  # fmt: skip
    with pytest.raises(ModelError, match="copies in voxels do not have"):
        hrd.theory.cdme.voxel_model(system.replace(particles=None), 2)
    data = system.to_dict()
    assert data["reactions"][0]["place"] == "midpoint"
    assert hrd.System.from_dict(data) == system
    for wrong, message in (
        ({"place": "middle"}, "'reactant', 'midpoint', 'weighted', 'ball'"),
        ({"equation": "A -> B", "radius": None, "place": "ball"}, "goes with two reactants only"),
        ({"equation": "A + B <-> C", "k_back": 1.0, "place": "ball"}, "detailed balance"),
    ):
        with pytest.raises(ModelError, match=message):
            pair(**wrong)
    graded = {"kernel": Gaussian(0.02), "radius": None}
    for wrong, message in (
        ({"equation": "A + B <-> C", "k_back": 1.0, **graded}, "has Doi's step"),
        ({"k": lambda x, y: x + y, **graded}, "is a number, not a function"),
        ({"kernel": Gaussian(0.2), "radius": None}, "a reach of 1 is more than half"),
    ):
        with pytest.raises(ModelError, match=message):
            system.replace(reactions=[pair(**wrong)])
    with pytest.raises(hrd.errors.StepError, match="take dt <="):
        hrd.Simulation(system.replace(reactions=[pair(k=10.0, **graded)]), dt=1.0)
