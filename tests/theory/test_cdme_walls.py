"""The master equation: partners beyond reservoir walls, and reversible reactions.

A copy within the Doi radius of a reservoir wall reacts with partners beyond it at the rate
``lambda0 c_R V_cap``; particles do the same by drawing partners.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.linalg import eigh_tridiagonal

import hybridrd as hrd
from hybridrd.model.grid import Grid
from hybridrd.simulation.plan import compile_system
from hybridrd.theory import cdme, moments

A, B, C = hrd.Species("A", D=0.3), hrd.Species("B", D=1e-12), hrd.Species("C", D=0.05)
LINE = hrd.Box(x=(0, 1.5))
OPEN = {"x-": hrd.Reservoir({B: 4.0}), "x+": hrd.Reservoir({B: 1.0})}


def system(*equations, walls=OPEN, species=(A, B, C), lambda0=1.5, radius=0.4, **options):
    reactions = [hrd.Reaction(e, lambda0=lambda0, radius=radius) for e in equations]
    given = {"domain": LINE, "particles": LINE, "walls": walls, "cells": 5} | options
    return hrd.System(species=list(species), reactions=reactions, **given)


def single_changes(given, voxels):
    """Rates of the events of one copy that neither enters, leaves nor jumps: by takes and makes."""
    kept = {}
    for e in cdme.voxel_model(given, voxels).events:
        jump = len(e.makes) == 1 and e.takes[:1] and e.takes[0][0] == e.makes[0][0]
        if len(e.takes) == 1 and not jump and e.rate > 0.01:  # B hardly moves
            kept[e.takes, e.makes] = kept.get((e.takes, e.makes), 0.0) + e.rate
    return kept


@pytest.mark.parametrize("radius", [0.1, 0.3, 0.45, 0.7])
@pytest.mark.parametrize("side", ["x-", "x+"])
def test_mean_cap_is_the_average_over_each_voxel(side, radius):
    grid = Grid((-1.0,), (0.5,), (5,))
    wall = -1.0 if side == "x-" else 0.5
    for i, value in enumerate(cdme.mean_cap(grid, side, radius)):
        a, b = grid.edges(0)[i : i + 2]
        cap = quad(lambda x: max(radius - abs(x - wall), 0.0), a, b, limit=90)
        assert_allclose(value, cap[0] / (b - a), atol=1e-9)


def test_partners_beyond_both_walls():
    """A + B -> 0: A has 4 a length beyond x-, 1 beyond x+; B has none, A is not in a reservoir."""
    h, wall = 0.5, (0.4**2 / 2) / 0.5  # the mean cap of 0.4 in the outer voxels
    rates = single_changes(system("A + B -> 0"), 3)
    expected = {(((0, 0),), ()): 1.5 * 4 * wall, (((0, 2),), ()): 1.5 * 1 * wall}
    assert rates.keys() == expected.keys()
    for change, rate in expected.items():
        assert_allclose(rates[change], rate)
    wide = single_changes(system("A + B -> 0", radius=0.7), 3)
    assert_allclose(wide[((0, 1),), ()], 1.5 * (4 + 1) * (0.2**2 / 2) / h)


def test_like_pairs_count_once_and_have_either_copy_first():
    walls = {"x+": hrd.Reservoir({A: 2.0, C: 0.0})}  # C at the partner's place is lost
    cap = 0.16 * 1.5 * 2
    once = single_changes(system("2 A -> C", walls=walls), 3)
    assert_allclose(once[((0, 2),), ((2, 2),)], cap / 2)
    leave = 2 * A.D / 0.5**2
    assert_allclose(once[((0, 2),), ()], cap / 2 + leave)
    gone = single_changes(system("2 A -> 0", walls=walls), 3)
    assert_allclose(gone[((0, 2),), ()], cap + leave)
    stays = single_changes(system("2 A -> A", walls=walls), 3)
    assert_allclose(stays[((0, 2),), ()], cap / 2 + leave)


def test_a_rate_that_varies_is_taken_at_the_copy():
    reaction = hrd.Reaction("A + B -> 0", k=lambda x: 0.5 + x, radius=0.4)
    rates = single_changes(system().replace(reactions=[reaction]), 3)
    assert_allclose(rates[((0, 0),), ()], 0.75 / 0.8 * 4 * 0.16)
    assert_allclose(rates[((0, 2),), ()], 1.75 / 0.8 * 1 * 0.16)


def test_decay_by_partners_beyond_is_a_linear_equation():
    """dc/dt = D c'' - lambda0 c_R V_cap c, by the eigenvectors of finite differences."""
    given = system("A + B -> C", initial={A: hrd.Copies(1)})
    truth = cdme.solve(given, 40, max_copies={A: 1, B: 0, C: 1}, until=0.6, every=0.6)
    n = 600
    h = 1.5 / n
    x = h * (np.arange(n) + 0.5)
    sink = 1.5 * (4 * np.maximum(0.4 - x, 0) + np.maximum(0.4 - (1.5 - x), 0))
    neighbours = np.full(n, 2.0)
    neighbours[[0, -1]] = 1.0
    values, vectors = eigh_tridiagonal(
        -neighbours * A.D / h**2 - sink, np.full(n - 1, A.D / h**2)
    )  # fmt: skip
    fine = vectors @ (np.exp(0.6 * values) * (vectors.T @ np.full(n, 1 / 1.5)))
    alive = fine.reshape(40, -1).mean(axis=1)
    assert_allclose(truth["concentration"].sel(species="A").isel(time=-1), alive, rtol=1e-3)
    assert_allclose(truth["copy_number"].sel(species="C")[-1], 1 - alive.mean() * 1.5, rtol=1e-3)


@pytest.mark.parametrize("equation", ["A + B -> C", "B + A -> C"])
def test_particles_react_beyond_the_walls_as_the_master_equation_says(equation):
    """B stays in its reservoirs, so that copies of A are independent: one copy says it all."""
    copies = 40_000
    one = system(equation, initial={A: hrd.Copies(1)})
    truth = cdme.solve(one, 25, max_copies={A: 1, B: 0, C: 1}, until=0.6, every=0.3)
    many = one.replace(initial={A: hrd.Copies(copies)})
    run = hrd.Simulation(many, dt=0.005, seed=4).run(until=0.6, every=0.3)
    p = truth["concentration"].isel(time=-1).values.reshape(3, 5, 5).mean(axis=2) * 0.3
    measured = run["concentration"].isel(time=-1).values * 0.3 / copies
    error = np.sqrt(p * (1 - p) / copies)
    assert (abs(measured - p) <= 4 * error).all()  # p/dt for lambda0 is 0.4 % of the decay here
    assert 0.18 < 1 - truth["copy_number"].isel(time=-1).sel(species="A").item() < 0.2


@pytest.mark.validation
def test_particles_of_an_open_annihilation_follow_the_master_equation():
    """2 A -> 0 with a reservoir of A and a wide radius; voxel errors are extrapolated."""
    fast = hrd.Species("A", D=0.7)
    walls = {"x+": hrd.Reservoir({fast: 3.0})}
    given = system("2 A -> 0", walls=walls, species=[fast], interface=hrd.ExactPlane())
    runs = [
        cdme.solve(given, v, 9, until=1.0, every=0.25, tolerance=1e-3)["copy_number"].values.ravel()
        for v in (6, 9)
    ]
    expected = (runs[1] + (runs[1] - runs[0]) * 36 / (81 - 36))[1:]  # second order in the width
    plan = compile_system(given, 0.05)
    counts = []
    for replica in range(6000):
        sim = hrd.Simulation(given, 0.05, seed=3, replica=replica, plan=plan)
        counts.append([_advance(sim, 5) for _ in range(4)])
    error = np.std(counts, axis=0, ddof=1) / np.sqrt(len(counts))
    assert (error < 0.01 * expected + 0.003).all()
    assert (abs(np.mean(counts, axis=0) - expected) < 4 * error).all()
    closed = given.replace(reactions=[hrd.Reaction("2 A -> 0", lambda0=1.5, radius=1e-3)])
    unlike = cdme.solve(closed, 6, 12, until=1.0, every=1.0, tolerance=0.1)["copy_number"][-1, 0]
    assert unlike > expected[-1] + 20 * error[-1]


def _advance(sim, steps):
    for _ in range(steps):
        sim.step()
    return int(sim.copy_number[0])


def test_terms_of_pairs_count_partners_beyond_the_walls():
    """In a steady state creation, exchange and reaction balance in every voxel."""
    walls = {"x+": hrd.Reservoir({A: 1.0})}
    given = system("2 A -> 0", walls=walls, species=[A])
    rest = cdme.steady_state(given, 3, max_copies=9, tolerance=1e-4)
    terms = moments.annihilation_terms(rest)
    h, c = 0.5, rest["concentration"].sel(species="A").values
    mirrored = np.concatenate([c[:1], c, [2 * 1.0 - c[-1]]])  # c_R at the wall
    diffusion = A.D * np.diff(mirrored, 2) / h**2
    assert_allclose(terms["exact"], -diffusion, atol=3e-5)
    beyond = 0.16 * 1.5 * 1.0 * c[2]
    inside = moments.pair_terms(
        c, rest["covariance"].values[0, 0] + np.outer(c, c), h, 1.5, 0.4
    )  # fmt: skip
    assert_allclose(terms["exact"] - inside.exact, [0, 0, -beyond], atol=1e-12)
    assert_allclose(terms["product_of_means"] + terms["covariance"], terms["exact"], rtol=1e-12)


# Reversible reactions


def test_dissociation_keeps_detailed_balance():
    """One A and one B: bound with probability (k/k_back/L)/(1 + k/k_back/L), on any voxels."""
    slow = hrd.Species("B", D=0.1)
    reaction = hrd.Reaction("A + B <-> C", k=0.9, radius=0.3, k_back=0.7)
    given = hrd.System(
        species=[A, slow, C], domain=LINE, reactions=[reaction], walls={"x": hrd.Periodic()},
        initial={A: hrd.Copies(1), slow: hrd.Copies(1)},
    )  # fmt: skip
    odds = 0.9 / 0.7 / 1.5
    for voxels in (1, 5):
        late = cdme.solve(given, voxels, max_copies=1, until=60.0, every=60.0).isel(time=-1)
        assert_allclose(late["copy_number"].sel(species="C"), odds / (1 + odds), rtol=1e-9)


def test_dissociation_outside_the_domain_is_rejected():
    reaction = hrd.Reaction("2 A <-> C", lambda0=1.0, radius=0.75, k_back=2.0)
    given = hrd.System(species=[A, C], domain=LINE, reactions=[reaction])
    back = {e.makes: e.rate for e in cdme.voxel_model(given, 2).events if e.takes == ((1, 0),)
            and len(e.makes) == 2}  # fmt: skip
    # The radius is h: of (x - h, x + h), x in the first voxel, h lies in it and x in the second.
    assert_allclose(back[(0, 0), (0, 0)], 2.0 * 1 / 2)
    assert_allclose(back[(0, 0), (0, 1)], 2.0 * 1 / 4)
    assert len(back) == 2


@pytest.mark.parametrize("held", ["ABC", "AB", "A", "BC"])
def test_equilibrium_beside_a_reservoir_is_stationary(held):
    """Poisson numbers with c_A c_B = c_C k_back/k stay, whichever species the walls hold.

    Without dissociation across the walls they changed by up to 5 %.
    """
    c = {"A": 0.4, "B": 0.5, "C": 0.4 * 0.5 * 1.2 / 0.6}
    walls = {"x-": hrd.Reservoir({n: c[n] for n in held})}
    reaction = hrd.Reaction("A + B <-> C", k=1.2, radius=0.45, k_back=0.6)
    given = system(walls=walls, initial=c).replace(reactions=[reaction])
    later = cdme.solve(given, 2, 7, until=1.0, every=1.0, tolerance=0.01)["concentration"]
    for name, value in c.items():
        assert_allclose(later.sel(species=name).values, value, rtol=1e-3)
