"""A leaky wall: uniform states, relaxation, baths and drains against closed forms."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import erfc, erfcx

import hybridrd as hrd
from hybridrd.kernels import leak
from hybridrd.model.walls import CLOSED, Law, Wall
from hybridrd.theory import cdme

A, B = hrd.Species("A", D=0.7), hrd.Species("B", D=0.2)
LINE = hrd.Box(x=(0, 1))


def line(walls, **more):
    given = {"species": [A], "domain": LINE, "particles": LINE, "cells": 20} | more
    return hrd.System(walls=walls, **given)


def leaky(kappa, outside, partition=1.0):
    return hrd.Leaky({"A": kappa}, outside={"A": outside}, partition=partition)


def one_step(system, dt, replicas):
    """Concentration after one step from a Poisson start, ``(replicas, cells)``."""
    runs = (
        hrd.Simulation(system, dt=dt, seed=5, replica=i).run(
            until=dt, record=["concentration", "copy_number"]
        )
        for i in range(replicas)
    )
    return np.array([r["concentration"].isel(time=-1, species=0).values.ravel() for r in runs])


@pytest.mark.parametrize("kappa", [0.05, 0.9, 4.0, 300.0])
def test_arrivals_of_a_step_have_the_depths_of_the_closed_form(kappa):
    """``c [erfc(v) - exp(-v²) erfcx(v + g)]`` and its integral; the start is empty."""
    dt, c = 0.01, 4e5
    system = line({"x-": leaky(kappa, c)}, cells=40)
    found = one_step(system, dt, 3).mean(axis=0)
    a, g = np.sqrt(4 * A.D * dt), kappa * np.sqrt(dt / A.D)
    edges = np.linspace(0, 1, 41)
    x = edges[:-1, None] + (np.arange(100) + 0.5) / 4000
    profile = (erfc(x / a) - np.exp(-((x / a) ** 2)) * erfcx(x / a + g)).mean(axis=1)
    error = np.sqrt(np.maximum(c * profile, 1e-9) * 40 / 3)
    near = c * profile / 40 > 10
    assert near.sum() >= 6
    assert (np.abs(found - c * profile)[near] < 4.5 * error[near]).all()
    assert leak.arrived(kappa, A.D, dt) == pytest.approx(profile.sum() / 40, rel=1e-5)
    assert leak.tried(kappa, A.D, dt) >= leak.arrived(kappa, A.D, dt)


@pytest.mark.parametrize("dt", [1e-3, 1e-2, 0.04])
@pytest.mark.parametrize("kappa", [0.3, 5.0, 200.0])
def test_a_uniform_state_stays_uniform_and_poisson_between_two_leaky_walls(kappa, dt):
    """Every cell of a long strip, and every row from wall to wall, is a Poisson number."""
    rows, columns, mean = 400, 10, 25.0
    strip = hrd.Box(x=(0, 1), y=(0, rows / columns))
    c = mean * columns**2
    system = line(
        {"x": leaky(kappa, 2 * c, 0.5), "y": hrd.Periodic()}, domain=strip, particles=strip,
        cells=(columns, rows), initial={A: c},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=dt, seed=2)
    for _ in range(6):
        sim.step()
    counts = sim.concentration[0] / columns**2
    for cells, m in ((counts[0], mean), (counts[-1], mean), (counts.sum(axis=0), mean * columns)):
        assert abs(cells.mean() - m) < 4.5 * np.sqrt(m / rows)
        assert abs(cells.var(ddof=1) / m - 1) < 4.5 * np.sqrt(2 / rows)


@pytest.mark.parametrize("dt", [2e-3, 0.02])
def test_a_uniform_state_stays_uniform_in_a_corner_of_different_walls(dt):
    square = hrd.Box(x=(0, 1), y=(0, 1))
    walls = {
        "x-": leaky(3.0, 6e4), "y-": leaky(0.8, 3e4, 2.0), "x+": hrd.Reservoir({"A": 6e4}),
        "y+": leaky(1e3, 6e4),
    }  # fmt: skip
    system = line(
        walls, domain=square, particles=square, cells=(8, 8), interface=hrd.ExactPlane(),
        initial={A: 6e4},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=dt, seed=1)
    c = sim.run(until=12 * dt, every=12 * dt)["concentration"].values[-1, 0]
    error = np.sqrt(6e4 * 64)
    assert (np.abs(c - 6e4) < 4.5 * error).all()
    assert abs(c[0, 0] - 6e4) < 3.5 * error


@pytest.mark.parametrize(("side", "kappa"), [("inner", 4.0), ("inner", 2000.0), ("outer", 60.0)])
@pytest.mark.parametrize("dt", [1e-3, 9e-3])
def test_a_uniform_state_stays_uniform_beside_a_leaky_sphere(side, kappa, dt):
    shell, c = hrd.Shell(inner=1, outer=2), 4000.0
    system = line({side: leaky(kappa, c)}, domain=shell, particles=shell, cells=8, initial={A: c})
    steps = 10
    run = hrd.Simulation(system, dt=dt, seed=4).run(until=steps * dt, every=steps * dt)
    volumes = system.grid.volumes
    got = run["concentration"].values[-1, 0]
    assert (np.abs(got - c) < 4.5 * np.sqrt(c / volumes)).all()
    entered = -run["crossings"].sel(face=side).values[-1, 0]
    assert abs(entered) < 5 * np.sqrt(2 * min(kappa, 40.0) * c * steps * dt + 100)


@pytest.mark.parametrize("domain", [LINE, hrd.Shell(inner=1, outer=2)])
def test_arrivals_into_an_empty_region_follow_the_pde(domain):
    """Both sides of a particle run against the PDE on fine cells."""
    side = domain.sides[0]
    kappa = 3.0 if domain is LINE else 60.0
    system = line(
        {side: hrd.Leaky({"A": kappa}, outside={"A": lambda t: 2e4 * (1 + np.sin(40 * t))})},
        domain=domain, particles=domain, cells=20,
    )  # fmt: skip
    until, replicas = 0.08, 4
    fine = system.replace(particles=None, cells=400)
    exact = hrd.mean_field(fine, dt=until / 400, until=until)["total"].values[-1, 0]
    found = [
        hrd.Simulation(system, dt=until / 8, seed=1, replica=i).run(until=until)["copy_number"]
        for i in range(replicas)
    ]
    mean = np.mean([n.values[-1, 0] for n in found])
    # In time c_out is drawn with its line through both ends of a step.
    assert mean == pytest.approx(exact, rel=4 / np.sqrt(replicas * exact) + 0.012)


def relaxing(kappa, D, L, t, c0, c_out):
    """Mean of a slab closed at 0 and leaky at L: ``q tan(q L) = kappa/D``."""
    h = kappa / D
    total = 0.0
    for n in range(60):
        low, high = n * np.pi / L, (n + 0.5) * np.pi / L
        q = brentq(lambda q: q * np.sin(q * L) - h * np.cos(q * L), low + 1e-12, high)
        weight = 4 * np.sin(q * L) / (2 * q * L + np.sin(2 * q * L))
        total += weight * np.sin(q * L) / (q * L) * np.exp(-D * q * q * t)
    return c_out + (c0 - c_out) * total


def test_a_slab_relaxes_to_the_outside_as_the_closed_form_says():
    kappa, t = 1.5, 0.3
    system = line({"x+": leaky(kappa, 3000.0, 2.0)}, initial={A: 1000.0})
    expected = relaxing(kappa, A.D, 1.0, t, 1000.0, 6000.0)
    found = [
        hrd.Simulation(system, dt=0.02, seed=3, replica=i).run(until=t)["copy_number"].values[-1, 0]
        for i in range(20)
    ]
    assert abs(np.mean(found) - expected) < 4 * np.sqrt(expected / 20)
    pde = hrd.mean_field(system.replace(cells=200), dt=2e-3, until=t)["total"].values[-1, 0]
    assert pde == pytest.approx(expected, rel=2e-5)


def test_the_pde_reaches_its_steady_state_with_second_order():
    """Decay between two leaky walls: ``c = a cosh(q x) + b sinh(q x)``."""
    k, D = 3.0, A.D
    q = np.sqrt(k / D)
    walls = {"x-": leaky(2.0, 30.0, 0.5), "x+": leaky(0.5, 5.0)}
    ends = np.array([
        [-2.0, D * q],
        [-D * q * np.sinh(q) - 0.5 * np.cosh(q), -D * q * np.cosh(q) - 0.5 * np.sinh(q)],
    ])  # fmt: skip
    a, b = np.linalg.solve(ends, [-2.0 * 15.0, -0.5 * 5.0])
    errors = []
    for cells in (10, 20):
        system = line(walls, cells=cells, reactions=[hrd.Reaction("A -> 0", k=k)], initial={A: 6.0})
        pde = hrd.mean_field(system, dt=1e-3, until=3.0, every=1.5)
        x = pde["x"].values
        exact = a * np.cosh(q * x) + b * np.sinh(q * x)
        errors.append(np.abs(pde["concentration"].values[-1, 0] - exact).max())
        flux = pde["flux"].values[-1, 0]
        assert flux[0] == pytest.approx(2.0 * (a - 15.0), rel=5e-3)
    assert 3.4 < errors[0] / errors[1] < 4.5


def test_a_bath_and_a_continuum_keep_their_sum_and_reach_the_partition():
    bath = hrd.Bath(volume=2.0, initial=3.0)
    system = line({"x+": leaky(2.0, bath, 0.4)}, initial={A: 10.0}, particles=None)
    pde = hrd.mean_field(system, dt=0.05, until=15.0, every=5.0)
    np.testing.assert_allclose(pde["total"], 16.0, rtol=1e-11)
    assert pde["bath"].dims == ("time", "species", "wall")
    assert pde["bath"].sel(wall="x+", species="A").values[-1] == pytest.approx(16 / 2.4, rel=1e-5)
    np.testing.assert_allclose(pde["concentration"][-1], 0.4 * 16 / 2.4, rtol=1e-5)
    ends = [
        hrd.mean_field(system, dt=0.05, until=0.2, solver=solver)["bath"].values[-1, 0, 0]
        for solver in ("tridiagonal", "splu", "cg", "fipy")
    ]
    np.testing.assert_allclose(ends, ends[0], rtol=1e-9)


def test_a_bath_is_stepped_with_second_order():
    system = line({"x+": leaky(0.5, hrd.Bath(2.0, 3.0), 0.4)}, initial={A: 10.0}, particles=None)
    ends = [
        hrd.mean_field(system, dt=dt, until=0.8)["bath"].values[-1, 0, 0]
        for dt in (0.08, 0.04, 0.02)
    ]
    assert 3.3 < (ends[0] - ends[1]) / (ends[1] - ends[2]) < 4.7


@pytest.mark.parametrize("domain", [LINE, hrd.Shell(inner=1, outer=2)])
def test_particles_and_a_bath_keep_their_sum_to_the_copy(domain):
    side = domain.sides[-1]
    kappa = 4.0 if domain is LINE else 150.0
    system = line(
        {side: leaky(kappa, hrd.Bath(volume=2.0, initial=150.0), 0.5)},
        domain=domain, particles=domain, initial={A: hrd.Copies(200)},
    )  # fmt: skip
    run = hrd.Simulation(system, dt=2e-3 if domain is LINE else 4e-3, seed=1).run(0.4, every=0.02)
    np.testing.assert_array_equal(run["total"], 500.0)
    held = run["bath"].sel(wall=side, species="A").values * 2.0
    np.testing.assert_array_equal(run["copy_number"].values[:, 0] + held, 500.0)
    assert np.unique(held).size > 10


def test_copies_in_a_bath_and_inside_are_independent_walkers():
    """At equilibrium each is inside with probability 1/(1 + V/K): a binomial number."""
    bath = hrd.Bath(volume=0.5, initial=104.0)
    system = line({"x-": leaky(2.0, bath, 0.4)}, initial={A: hrd.Copies(42)})
    p, n, replicas = 0.4 / (0.4 + 0.5), 94, 200
    found = []
    for i in range(replicas):
        sim = hrd.Simulation(system, dt=0.04, seed=1, replica=i)
        for _ in range(50):
            sim.step()
        found.append(sim.copy_number[0])
    expected = n * p * (1 - p)
    assert abs(np.mean(found) - n * p) < 4 * np.sqrt(expected / replicas)
    assert abs(np.var(found, ddof=1) / expected - 1) < 4 * np.sqrt(2 / replicas)


def test_particles_fill_a_bath_as_the_pde_does_also_with_large_steps():
    system = line({"x+": leaky(0.5, hrd.Bath(2.0, 300.0), 0.4)}, initial={A: hrd.Copies(1000)})
    fine = system.replace(particles=None, initial={A: 1000.0}, cells=200)
    exact = hrd.mean_field(fine, dt=5e-3, until=0.8)["bath"].values[-1, 0, 0] * 2.0
    found = [
        hrd.Simulation(system, dt=0.04, seed=1, replica=i).run(until=0.8)["bath"].values[-1, 0, 0]
        for i in range(60)
    ]
    assert abs(2 * np.mean(found) - exact) < 4 * np.std(found) * 2 / np.sqrt(60)


@pytest.mark.parametrize("coupling", ["two-way", "mean-field"])
@pytest.mark.parametrize("at", ["x-", "x+"])
def test_a_bath_beside_a_hybrid(coupling, at, tmp_path):
    """At the particles' wall and at the continuum's; a checkpoint goes on bit for bit."""
    system = line(
        {at: leaky(2.0, hrd.Bath(volume=1.5, initial=400.0))}, domain=hrd.Box(x=(0, 2)),
        particles=LINE, cells=40, coupling=coupling, initial={A: 100.0},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=1e-3, seed=1)
    first = sim.run(until=0.1, every=0.05)
    sim.checkpoint(tmp_path / "a.npz")
    twin = hrd.Simulation.restore(tmp_path / "a.npz")
    on, other = sim.run(until=0.2, every=0.05), twin.run(until=0.2, every=0.05)
    assert on.equals(other)
    bath = first["bath"].values.ravel()
    assert bath[0] == 400.0
    assert 300.0 < bath[-1] < 399.0
    total = on["total"].values.ravel()
    if coupling == "two-way":
        start = first["total"].values[0, 0]
        np.testing.assert_allclose(total, start, rtol=1e-11)
    pde = hrd.mean_field(system, dt=1e-3, until=0.2, every=0.2)["bath"].values[-1, 0, 0]
    assert on["bath"].values[-1, 0, 0] == pytest.approx(pde, abs=20 if coupling == "two-way" else 0)


def test_replicas_share_the_bath_of_a_mean_field_and_each_has_its_own_in_two_way():
    system = line(
        {"x-": leaky(2.0, hrd.Bath(volume=1.5, initial=400.0))}, domain=hrd.Box(x=(0, 2)),
        particles=LINE, cells=40, coupling="mean-field", initial={A: 100.0},
    )  # fmt: skip
    given = {"replicas": 4, "dt": 1e-3, "until": 0.05, "every": 0.05, "seed": 1}
    shared = hrd.ensemble(system, **given)
    assert shared["bath_var"].values[-1, 0, 0] == 0
    alone = hrd.Simulation(system, dt=1e-3, seed=1).run(until=0.05, every=0.05)
    assert shared["bath_mean"].values[-1, 0, 0] == pytest.approx(alone["bath"].values[-1, 0, 0])
    both = hrd.ensemble(system.replace(coupling="two-way"), **given)
    assert both["bath_var"].values[-1, 0, 0] > 0


def test_several_species_and_walls_have_baths_of_their_own():
    wall = hrd.Leaky(
        {"A": 1.0, "B": 2.0}, outside={"A": hrd.Bath(1.0, 50.0), "B": 30.0}, partition={"B": 2.0}
    )
    system = line({"x": wall}, species=[A, B], initial={A: 5.0, B: 60.0})
    run = hrd.Simulation(system, dt=1e-3, seed=1).run(until=0.05, every=0.05)
    assert run["bath"].shape == (2, 2, 2)
    assert list(run["wall"].values) == ["x-", "x+"]
    assert np.isnan(run["bath"].sel(species="B")).all()
    assert (run["bath"].sel(species="A").values[-1] < 50).all()
    total = run["total"].sel(species="A").values
    assert total[0] == total[1]


def test_a_wall_without_permeability_reflects_and_one_of_much_is_a_reservoir():
    closed = line({"x-": leaky(0.0, 300.0)}, initial={A: 100.0})
    plain = closed.replace(walls={})
    runs = [hrd.Simulation(s, dt=1e-3, seed=1).run(until=0.02) for s in (closed, plain)]
    assert runs[0]["concentration"].equals(runs[1]["concentration"])
    fields = [
        hrd.mean_field(line({"x-": wall}, cells=50), dt=1e-3, until=0.1)["total"].values[-1, 0]
        for wall in (leaky(1e7, 300.0), hrd.Reservoir({"A": 300.0}))
    ]
    assert fields[0] == pytest.approx(fields[1], rel=1e-6)
    numbers = [
        np.mean([
            hrd.Simulation(system, dt=5e-3, seed=7, replica=i)
            .run(until=0.1)["copy_number"].values[-1, 0]
            for i in range(20)
        ])
        for system in (
            line({"x-": leaky(1e7, 3000.0)}),
            line({"x-": hrd.Reservoir({"A": 3000.0})}, interface=hrd.ExactPlane()),
        )
    ]  # fmt: skip
    assert abs(numbers[0] - numbers[1]) < 4 * np.sqrt(2 * numbers[1] / 20)


def test_an_immobile_species_does_not_leak():
    still = hrd.Species("A", D=0.0)
    with pytest.raises(hrd.ModelError, match="D = 0 and cannot enter"):
        line({"x-": leaky(2.0, 3.0)}, species=[still])
    system = line({"x-": leaky(2.0, hrd.Bath(1.0))}, species=[still], initial={still: 50.0})
    run = hrd.Simulation(system, dt=1e-2, seed=1).run(until=0.1)
    assert (run["copy_number"] == run["copy_number"][0]).all()
    pde = hrd.mean_field(system, dt=1e-2, until=0.1)
    np.testing.assert_allclose(pde["total"], 50.0)


def test_steps_that_do_not_fit_are_refused_with_figures():
    wide = line({"x-": leaky(1.0, 3.0)})
    with pytest.raises(hrd.StepError, match=r"x-: the particle region is 1 deep .* use dt <="):
        hrd.Simulation(wide, dt=0.1)
    small = line({"x-": leaky(10.0, hrd.Bath(0.01))})
    for run in (hrd.Simulation, lambda s, dt: hrd.mean_field(s, dt, until=dt)):
        with pytest.raises(hrd.StepError, match=r"kappa K A dt = 0.02 .* volume, 0.01.* dt <="):
            run(small, 2e-3)


def test_the_master_equation_of_one_voxel():
    """In at ``g K c_out h``, out at g = kappa (2 D/h)/(kappa + 2 D/h)/h each: a Poisson number."""
    kappa, c_out, K, t = 2.0, 3.0, 0.5, 0.8
    system = line({"x-": leaky(kappa, c_out, K)}, initial={}, particles=None)
    g = kappa * 2 * A.D / (kappa + 2 * A.D)
    found = cdme.solve(system, voxels=1, max_copies=14, until=t, every=t)
    mean = K * c_out * (1 - np.exp(-g * t))
    n = np.arange(15)
    poisson = np.exp(-mean) * np.cumprod(np.r_[1.0, mean / n[1:]])
    np.testing.assert_allclose(
        found["copy_number_probability"].values[-1].ravel(), poisson, atol=1e-7
    )
    with pytest.raises(hrd.ModelError, match="bath of A is not part of the states"):
        cdme.solve(line({"x-": leaky(1.0, hrd.Bath(1.0))}), voxels=1, max_copies=2, until=1.0)


def test_a_drain_takes_what_it_asks_for_while_there_is_enough():
    walls = {"x-": hrd.Reservoir({"A": 3000.0}), "x+": hrd.Influx({"A": -600.0})}
    system = line(walls, initial={A: 3000.0 - 600 / 0.7 * 0.5}, interface=hrd.ExactPlane())
    run = hrd.Simulation(system, dt=2e-3, seed=1).run(until=3.0, every=0.1)
    flux = run["flux"].sel(face="x+", species="A").values[1:]
    assert flux.mean() == pytest.approx(600.0, abs=4 * np.sqrt(600 / 3.0))
    late = run["copy_number"].values[10:, 0].mean()
    assert late == pytest.approx(3000 - 600 / 0.7 / 2, rel=0.02)
    pde = hrd.mean_field(system, dt=2e-3, until=3.0, every=3.0)
    assert pde["flux"].sel(face="x+").values[-1, 0] == pytest.approx(600.0)
    assert pde["total"].values[-1, 0] == pytest.approx(3000 - 600 / 0.7 / 2, rel=2e-3)


def test_a_drain_too_strong_for_what_is_there_absorbs():
    strong = {"x-": hrd.Reservoir({"A": 3000.0}), "x+": hrd.Influx({"A": -1e6})}
    absorbing = strong | {"x+": hrd.Absorbing()}
    steady = 3000.0 * 0.7
    for walls in (strong, absorbing):
        system = line(walls, initial={A: lambda x: 3000 * (1 - x)}, interface=hrd.ExactPlane())
        run = hrd.Simulation(system, dt=5e-4, seed=1).run(until=1.0, every=0.5)
        flux = run["flux"].sel(face="x+", species="A").values[-1]
        assert flux == pytest.approx(steady, rel=0.1)
        pde = hrd.mean_field(system, dt=5e-4, until=1.0, every=1.0)
        assert pde["flux"].sel(face="x+").values[-1, 0] == pytest.approx(steady, rel=1e-3)
        assert pde["concentration"].min() >= 0


def test_a_drain_is_limited_to_what_there_is():
    for domain in (LINE, hrd.Shell(inner=1, outer=2), hrd.Box(x=(0, 1), y=(0, 1))):
        walls = {side: hrd.Influx({"A": -1e5}) for side in domain.sides}
        cells = (10, 10) if len(domain.axes) == 2 else 10
        system = line(walls, domain=domain, particles=domain, cells=cells, initial={A: 500.0})
        run = hrd.Simulation(system, dt=2e-3, seed=1).run(until=0.1, every=0.02)
        n = run["copy_number"].values[:, 0]
        assert n[-1] < 0.9 * n[0]
        assert (n >= 0).all()
        np.testing.assert_array_equal(n[0] - n, run["crossings"].values.sum(axis=(1, 2)).cumsum())
        pde = hrd.mean_field(system, dt=2e-3, until=3.0, every=1.0)
        assert pde["concentration"].min() >= 0
        assert pde["total"].values[-1, 0] < 2e-3 * pde["total"].values[0, 0]


def test_a_drain_in_the_master_equation_needs_a_copy():
    """Birth at b, removal at J while there is one: ``p_n`` falls by b/J from state to state."""
    system = line(
        {"x+": hrd.Influx({"A": -3.0})}, particles=None, reactions=[hrd.Reaction("0 -> A", k=1.0)]
    )
    p = cdme.steady_state(system, voxels=1, max_copies=30)["copy_number_probability"].values.ravel()
    np.testing.assert_allclose(p, (2 / 3) * (1 / 3) ** np.arange(31), atol=1e-10)


def test_the_flux_through_a_leaky_sphere_is_that_of_its_counts():
    shell = hrd.Shell(inner=1, outer=2)
    system = line({"inner": leaky(50.0, 400.0)}, domain=shell, particles=shell, cells=10)
    run = hrd.Simulation(system, dt=2e-3, seed=1).run(until=0.1, every=0.05)
    np.testing.assert_allclose(run["flux"][1:], run["crossings"][1:] / 0.05)
    assert (run["flux"].sel(face="inner").values[1:] < 0).all()


def test_a_bath_is_written_and_read_again(tmp_path):
    system = line(
        {"x-": leaky(3.0, hrd.Bath(2.0, 50.0), 0.5)}, initial={A: 10.0}, units={"length": "um"}
    )
    run = hrd.Simulation(system, dt=1e-3, seed=1).run(until=0.02, every=5e-3)
    again = hrd.Simulation(system, dt=1e-3, seed=1).run(
        until=0.02, every=5e-3, out=tmp_path / "run.zarr"
    )
    assert again["bath"].load().equals(run["bath"])
    assert hrd.load(tmp_path / "run.zarr")["wall"].values.tolist() == ["x-"]
    assert run["bath"].attrs["units"] == "1/um"
    plain = hrd.Simulation(system.replace(walls={}), dt=1e-3, seed=1).run(until=2e-3)
    assert "bath" not in plain
    with pytest.raises(hrd.ModelError, match="bath"):
        hrd.Simulation(system.replace(walls={}), dt=1e-3).run(until=2e-3, record=["bath"])


def test_a_system_says_how_its_walls_leak_and_is_the_same_from_its_table():
    wall = hrd.Leaky(
        {"A": 2.0, "B": 1.0}, outside={"A": hrd.Bath(3.0, 1.0), B: 4.0}, partition={"B": 0.5}
    )
    system = line({"x+": wall}, species=[A, B])
    assert "leaky, kappa: A = 2, B = 1; outside: B = 4; bath of A: volume 3" in repr(system)
    assert hrd.System.from_dict(system.to_dict()) == system
    table = system.to_dict()["system"]["walls"]["x+"]["leaky"]
    assert table == {
        "A": {"kappa": 2.0, "outside": {"volume": 3.0, "initial": 1.0}},
        "B": {"kappa": 1.0, "outside": 4.0, "partition": 0.5},
    }


def test_a_bath_new_to_a_checkpoint_starts_anew(tmp_path):
    system = line({"x-": leaky(3.0, hrd.Bath(2.0, 50.0))}, initial={A: 10.0})
    sim = hrd.Simulation(system, dt=1e-3, seed=1)
    sim.run(until=0.01)
    sim.checkpoint(tmp_path / "a.npz")
    wider = system.replace(walls={**system.walls, "x+": leaky(1.0, hrd.Bath(1.0, 7.0))})
    twin = hrd.Simulation.restore(tmp_path / "a.npz", system=wider, allow_change=True)
    assert twin.bath[0, 0] == sim.bath[0, 0] != 50.0
    assert twin.bath[0, 1] == 7.0


def test_noise_beside_a_bath_keeps_the_sum():
    system = line(
        {"x+": leaky(2.0, hrd.Bath(1.5, 400.0))}, domain=hrd.Box(x=(0, 2)), particles=LINE,
        cells=20, initial={A: 400.0}, fluctuations="gaussian",
    )  # fmt: skip
    total = hrd.Simulation(system, dt=1e-3, seed=1).run(until=0.1)["total"].values[:, 0]
    np.testing.assert_allclose(total, total[0], rtol=1e-11)


class Fed(Wall):
    """Lets in at a rate what may leave again."""

    def law(self, species):
        return Law(kappa=3.0, influx=4e4) if species == "A" else CLOSED


def test_a_wall_of_your_own_with_an_influx_that_may_leave_again():
    """The same as ``kappa (c - J/kappa)``, without anything outside."""
    leaks = line({"x-": leaky(3.0, 4e4 / 3.0)}, cells=200)
    exact = hrd.mean_field(leaks, dt=2e-4, until=0.08)["total"].values[-1, 0]
    system = line({"x-": Fed()}, cells=200)
    pde = hrd.mean_field(system, dt=2e-4, until=0.08)["total"].values[-1, 0]
    assert pde == pytest.approx(exact, rel=0.01)
    found = [
        hrd.Simulation(system, dt=0.01, seed=2, replica=i).run(until=0.08)["copy_number"]
        for i in range(4)
    ]
    assert abs(np.mean([n.values[-1, 0] for n in found]) - exact) < 4 * np.sqrt(exact / 4)


@pytest.mark.parametrize("dt", [5e-3, 0.04])
def test_a_uniform_state_stays_uniform_where_three_walls_meet(dt):
    cube, c = hrd.Box(x=(0, 1), y=(0, 1), z=(0, 1)), 3e5
    walls = {
        "x-": leaky(3.0, c), "y-": leaky(30.0, c), "z-": leaky(0.5, 2 * c, 0.5),
        "z+": hrd.Reservoir({"A": c}),
    }  # fmt: skip
    system = line(
        walls, domain=cube, particles=cube, cells=(5, 5, 5), interface=hrd.ExactPlane(),
        initial={A: c},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=dt, seed=1)
    for _ in range(8):
        sim.step()
    deviations = (sim.concentration[0] - c) / np.sqrt(c * 125)
    assert np.abs(deviations).max() < 4.5
    assert abs((deviations**2).mean() - 1) < 4.5 * np.sqrt(2 / 125)


def test_an_outside_that_varies_along_the_wall_is_met_there():
    """Particles on cells against the PDE: which face cell feeds which row."""
    square = hrd.Box(x=(0, 1), y=(0, 1))
    wall = hrd.Leaky({"A": 3.0}, outside={"A": lambda y, t: 1e6 * (1 + y + 0 * t)})
    system = line({"x+": wall}, domain=square, particles=square, cells=(10, 10))
    sim = hrd.Simulation(system, dt=5e-3, seed=1)
    for _ in range(10):
        sim.step()
    fine = system.replace(particles=None, cells=(80, 80))
    pde = hrd.mean_field(fine, dt=1e-3, until=0.05)["concentration"].values[-1, 0]
    expected = pde.reshape(10, 8, 10, 8).mean(axis=(1, 3))[6:] / 100
    deviations = (sim.concentration[0][6:] / 100 - expected) / np.sqrt(expected)
    assert np.abs(deviations).max() < 4.5
    assert abs(deviations.mean()) < 4.5 / np.sqrt(40)


@pytest.mark.parametrize("domain", [LINE, hrd.Shell(inner=1, outer=2)])
@pytest.mark.parametrize("kappa", [1e9, 1e99])
def test_any_finite_permeability_will_do(domain, kappa):
    """From nearly a reservoir to the largest numbers: a uniform state stays, an empty one fills."""
    side, c = domain.sides[0], 4000.0
    system = line({side: leaky(kappa, c)}, domain=domain, particles=domain, cells=10)
    full = hrd.Simulation(system.replace(initial={A: c}), dt=5e-3, seed=1)
    empty = hrd.Simulation(system, dt=5e-3, seed=1)
    for _ in range(4):
        full.step()
        empty.step()
    deviations = (full.concentration[0] - c) / np.sqrt(c / system.grid.volumes)
    assert np.abs(deviations).max() < 4.5
    held = system.replace(walls={side: hrd.Reservoir({"A": c})}, cells=400)
    exact = hrd.mean_field(held, dt=1e-4, until=0.02)["total"].values[-1, 0]
    assert abs(empty.copy_number[0] - exact) < 4.5 * np.sqrt(exact)
    pde = hrd.mean_field(held.replace(walls=system.walls), dt=1e-4, until=0.02)["total"]
    assert pde.values[-1, 0] == pytest.approx(exact, rel=1e-5)
