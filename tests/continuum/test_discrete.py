"""Whole copies in cells: hops, walls and reactions against master equations and closed forms.

Rows of a grid that cut cells keep apart are replicas of one small system: thousands in one field.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import expm

import hybridrd as hrd
from hybridrd.continuum.discrete import DiscreteField
from hybridrd.kernels.rng import make_key
from hybridrd.model.steady import LATTICE

A, B, C = (hrd.Species(name, D=1.0) for name in "ABC")
ROWS = 20_000


def line(**changes):
    """Three cells of width 1."""
    given = {"species": [A], "domain": hrd.Box(x=(0, 3)), "cells": 3}
    return hrd.System(**given | changes)


def replicas(system, dt, rows=ROWS, seed=1):
    """The copies of many independent lines, ``n[species, cell, row]``, and a way to step them."""
    n = system.cells[0]
    plane = system.replace(
        domain=hrd.Box(x=system.domain.x, y=(0, 2 * rows)), cells=(n, 2 * rows), initial={}
    )
    cut = (np.arange(n * 2 * rows) // n) % 2 == 1
    field = DiscreteField(plane, dt, make_key(seed, 0), cut)

    def step(first, number):
        for k in range(first, first + number):
            field.react(k, 0)
            field.diffuse(k)
            field.react(k, 1)

    return field, field.n.reshape(len(system.species), rows, n).transpose(0, 2, 1), step


def agrees(counts, law, sigmas=4.5):
    """Whether numbers have a law ``P(0), P(1), ...``, each within standard errors."""
    total = counts.size
    found = np.bincount(counts.ravel(), minlength=len(law))[: len(law)] / total
    error = np.sqrt(np.maximum(law * (1 - law), 1.0 / total) / total)
    return (np.abs(found - law) < sigmas * error).all()


def test_a_small_system_has_the_probabilities_of_its_master_equation():
    # 20,000 replicas: a probability of 0.2 to 1.4 %. Pairs, births, a reservoir, a leaky wall.
    system = line(
        reactions=[hrd.Reaction("2 A -> 0", k=1.5, radius=0.01), hrd.Reaction("0 -> A", k=0.4)],
        walls={"x-": hrd.Reservoir({A: 0.8}), "x+": hrd.PartiallyAbsorbing(0.7)},
    )
    truth = hrd.theory.cdme.solve(system, voxels=3, max_copies=11, until=1.0, every=0.5)
    _field, n, step = replicas(system, dt=0.05)
    for k, t in enumerate((0.5, 1.0)):
        step(10 * k, 10)
        law = truth["copy_number_probability"].sel(time=t).values[0]
        assert agrees(n[0].sum(axis=0), law)
        c = truth["concentration"].sel(time=t).values[0]
        assert np.abs(n[0].mean(axis=1) - c) == pytest.approx(0, abs=4.5 * np.sqrt(c.max() / ROWS))


def test_two_species_meet_as_in_the_master_equation():
    system = line(
        species=[A, B, C], reactions=[hrd.Reaction("A + B <-> C", k=2.0, k_back=1.0, radius=0.01)],
        initial={A: hrd.Copies(2, x=(0, 1)), B: hrd.Copies(2, x=(2, 3))},
    )  # fmt: skip
    truth = hrd.theory.cdme.solve(system, voxels=3, max_copies=2, until=1.0, every=1.0)
    _field, n, step = replicas(system, dt=0.05)
    n[0, 0], n[1, 2] = 2, 2
    step(0, 20)
    assert agrees(n[2].sum(axis=0), truth["copy_number_probability"].values[-1, 2])
    assert (n[0].sum(axis=0) + n[2].sum(axis=0) == 2).all()


def test_seven_copies_pair_by_the_law_of_detailed_balance():
    """2 A <-> C from 7 A in three cells: P(m complexes) of the whole volume, at any m."""
    k, back = 1.2, 0.8
    system = line(
        species=[A, C], reactions=[hrd.Reaction("2 A <-> C", k=k, k_back=back, radius=0.01)]
    )
    _field, n, step = replicas(system, dt=0.1, rows=10_000)
    n[0] = np.array([3, 2, 2])[:, None]
    step(0, 60)
    free = 7 - 2 * np.arange(3.0)
    odds = k * free * (free - 1) / 2 / 3 / (back * np.arange(1.0, 4.0))
    law = np.append(1.0, np.cumprod(odds))
    assert (n[0].sum(axis=0) + 2 * n[1].sum(axis=0) == 7).all()
    assert agrees(n[1].sum(axis=0), law / law.sum())


def test_bistable_cells_have_the_stationary_distribution_of_schloegl():
    # 0 <-> A, 2 A <-> 3 A in cells of volume 10; birth and death rates of n copies give P(n).
    k = [1.5, 2.9, 3.6, 1.1]
    system = line(
        species=[hrd.Species("A", D=0.0)], domain=hrd.Box(x=(0, 30)),
        reactions=[
            hrd.Reaction("0 -> A", k=k[0]), hrd.Reaction("A -> 0", k=k[1]),
            hrd.Reaction("2 A -> 3 A", k=k[2]), hrd.Reaction("3 A -> 2 A", k=k[3]),
        ],
    )  # fmt: skip
    n = np.arange(0.0, 80.0)
    birth = k[0] * 10 + k[2] * n * (n - 1) / 20
    death = k[1] * n + k[3] * n * (n - 1) * (n - 2) / 100
    law = np.append(1.0, np.cumprod(birth[:-1] / death[1:]))
    _field, copies, step = replicas(system, dt=0.5, rows=6000)
    copies[0] = np.random.default_rng(1).choice(len(law), copies[0].shape, p=law / law.sum())
    step(0, 12)
    assert agrees(copies[0], law / law.sum())


@pytest.mark.parametrize("size", [3, 4000])
def test_families_are_multinomial(size):
    """A <-> B, A -> C, B -> 0, 0 -> A: independent copies, each by the matrix exponential."""
    still = [hrd.Species(name, D=0.0) for name in "ABC"]
    k, dt = [2.0, 3.0, 0.5, 1.0, 4.0], 0.8
    system = line(
        species=still,
        reactions=[
            hrd.Reaction(equation, k=rate)
            for equation, rate in zip(["A -> B", "B -> A", "A -> C", "B -> 0", "0 -> A"], k,
                                      strict=True)
        ],
    )  # fmt: skip
    rate = np.array([[-2.5, 2.0, 0.5, 0.0], [3.0, -4.0, 0.0, 0.0], [0] * 4, [0] * 4])
    rate[0, 3], rate[1, 3] = 0.0, 1.0
    chance = expm(rate * dt)
    # Births: their mean, by the same equations with a source.
    with_source = np.zeros((5, 5))
    with_source[:4, :4], with_source[4, 0] = rate, k[4]
    born = expm(with_source * dt)[4, :3]
    field, n, step = replicas(system, dt=dt, rows=10_000)
    n[0] = size
    step(0, 1)
    cells = n.reshape(3, -1)
    mean = size * chance[0, :3] + born
    cover = np.diag(mean) - size * np.outer(chance[0, :3], chance[0, :3])
    total = cells.shape[1]
    assert (np.abs(cells.mean(axis=1) - mean) < 4.5 * np.sqrt(np.diag(cover) / total)).all()
    found = np.cov(cells, bias=True)
    spread = np.sqrt((np.outer(np.diag(cover), np.diag(cover)) + cover**2) / total)
    assert (np.abs(found - cover) < 4.5 * spread + 3 * np.sqrt(mean.max() / total)).all()
    # Every event is counted: what A lost and gained is what the channels did.
    change = field.events @ np.array([[-1, 1, 0], [1, -1, 0], [-1, 0, 1], [0, -1, 0], [1, 0, 0]])
    assert (cells.sum(axis=1) - np.array([size * total, 0, 0]) == change).all()
    expected = 1.0 * np.array(born)
    assert abs(field.events[4] - k[4] * dt * total) < 4.5 * np.sqrt(k[4] * dt * total)
    assert expected.sum() < k[4] * dt


@pytest.mark.parametrize(("size", "scale"), [(3, 1.0), (3000, 0.4), (40, 4.0)])
def test_births_and_deaths_have_their_binomial_and_poisson_law(size, scale):
    """0 -> A by 2 ways, A -> 0 by 2, 0 -> B: the law of each cell, and every event counted."""
    still = [hrd.Species(name, D=0.0) for name in "AB"]
    k = scale * np.array([3.0, 1.0, 0.5, 1.5, 2.0])
    equations = ["0 -> A", "0 -> A", "A -> 0", "A -> 0", "0 -> B"]
    system = line(
        species=still,
        reactions=[
            hrd.Reaction(e, k=rate, name=f"r{i}")
            for i, (e, rate) in enumerate(zip(equations, k, strict=True))
        ],
    )
    field, n, _step = replicas(system, dt=0.6, rows=10_000)
    n[0] = size
    field.react(0, 0)
    cells, total = n.reshape(2, -1), n[0].size
    x = (k[2] + k[3]) * 0.3
    stay, born = np.exp(-x), (k[0] + k[1]) * 0.3 * (1 - np.exp(-x)) / x
    m = np.arange(size + 60)
    law = np.convolve(stats.binom.pmf(m, size, stay), stats.poisson.pmf(np.arange(60), born))
    few = cells[0] if size < 100 else cells[0] // 20
    if size > 100:
        law = np.add.reduceat(law, np.arange(0, len(law), 20))
    assert agrees(few, law)
    assert agrees(cells[1], stats.poisson.pmf(np.arange(40), 0.3 * k[4]))
    change = field.events @ np.array([[1, 0], [1, 0], [-1, 0], [-1, 0], [0, 1]])
    assert (cells.sum(axis=1) - np.array([size * total, 0]) == change).all()
    means = 0.3 * total * k
    made = (k[0] + k[1]) * 0.3 * total
    means[2:4] = (size * total * (1 - stay) + made - born * total) * k[2:4] / (k[2] + k[3])
    assert (np.abs(field.events - means) < 4.5 * np.sqrt(means)).all()


def test_leaps_keep_mean_and_variance():
    """0 -> A, 2 A -> 0 with 5e4 copies: linear noise, variance 3/4 of the mean, to 1 %."""
    system = line(
        species=[hrd.Species("A", D=0.0)],
        reactions=[hrd.Reaction("0 -> A", k=5e4), hrd.Reaction("2 A -> 0", k=2e-5, radius=0.01)],
    )
    _field, n, step = replicas(system, dt=0.25, rows=700)
    n[:] = 50_000
    step(0, 30)
    cells = n.ravel()
    mean, variance = 50_000.0 + 0.25, 0.75 * 50_000.0
    assert abs(cells.mean() - mean) < 4.5 * np.sqrt(variance / cells.size)
    assert abs(cells.var() / variance - 1) < 4.5 * np.sqrt(2 / cells.size)


def test_the_mean_of_a_linear_system_is_that_of_fipys_pde_to_second_order():
    """One step is a matrix; its error against the PDE's exponential falls four times by halving."""
    system = line(domain=hrd.Box(x=(0, 8)), cells=8, walls={"x-": hrd.Absorbing()})
    laplace = np.diag(np.full(8, -2.0)) + np.eye(8, k=1) + np.eye(8, k=-1)
    laplace[0, 0], laplace[-1, -1] = -3.0, -1.0
    start = np.zeros(8)
    start[3] = 1.0
    errors = []
    for dt in (0.2, 0.1):
        _field, n, step = replicas(system, dt=dt, rows=2)
        # Of 1e13 copies the mean alone is seen: noise is 1e-6.
        n[0] = np.round(1e13 * start)[:, None]
        step(0, round(1.0 / dt))
        errors.append(np.abs(n[0, :, 0] / 1e13 - expm(laplace) @ start).max())
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.25)
    assert errors[1] < 2e-3


@pytest.mark.parametrize("alpha", [0.1, 0.25, 1.0])
@pytest.mark.parametrize("first", [3, 4])
def test_what_enters_in_the_middle_of_a_step_lies_on_a_line(alpha, first):
    """Means of a steady flux from the plane to the far wall: all cells, the first one too."""
    n = 24
    system = line(
        domain=hrd.Box(x=(0, n)),
        cells=n,
        particles=hrd.Box(x=(0, first)),
        fluctuations="discrete",
        walls={"x+": hrd.Reservoir({A: 0.0})},
    )
    hops = hrd.Simulation(system, dt=alpha)._continuum._field.hops[0]
    given, cells = hops._hopping, n - first
    halves = []
    for units in (hops._first, hops._rest):
        step = np.eye(cells)
        for k, time, _ in given.order[slice(*units)]:
            one = np.eye(cells)
            if k < 0:
                one[given.open_cell, given.open_cell] -= given.leaving[time]
            for f in range(*(given.colours[k : k + 2] if k >= 0 else (0, 0))):
                i, j = given.first[f], given.second[f]
                one[[i, j], i] += given.on[time, f] * np.array([-1, 1])
                one[[i, j], j] += given.back[time, f] * np.array([1, -1])
            step = one @ step
        halves.append(step)
    flux = np.zeros(cells)
    flux[0] = alpha
    profile = np.linalg.solve(np.eye(cells) - halves[1] @ halves[0], halves[1] @ flux)
    assert np.abs(profile - (cells - np.arange(cells) - 0.5)).max() < 0.07 * np.sqrt(alpha)


def test_walls_periodic_axes_and_baths_hold_poisson_contents():
    """A uniform state stays, with Poisson numbers, at any step; copies and bath are conserved."""
    wall = hrd.Leaky({A: 1.0}, outside={A: hrd.Bath(volume=400.0, initial=2.0)}, partition=2.0)
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 5), y=(0, 60)), cells=(5, 60), initial={A: 4.0},
        walls={"x+": wall, "y": hrd.Periodic()}, fluctuations="discrete",
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=0.6, seed=3)
    result = sim.run(until=120.0, every=3.0)
    total = result["total"].values
    assert (total == total[0]).all()
    c = result["concentration"].values[5:, 0]
    assert abs(c.mean() / 4.0 - 1) < 0.02
    assert abs(c.var() / 4.0 - 1) < 4.5 * np.sqrt((2 + 1 / 4) / c.size) + 0.02
    assert abs(result["bath"].values[5:].mean() / 2.0 - 1) < 0.03
    # Three colours along an odd periodic axis, no cell twice in one.
    hopping = sim._continuum._field.hops[0]._hopping
    for a, b in zip(hopping.colours[1:-1], hopping.colours[2:], strict=True):
        cells = np.concatenate([hopping.first[a:b], hopping.second[a:b]])
        assert len(np.unique(cells)) == len(cells)


def test_an_influx_and_a_drain():
    """J in at one wall, a drain and a held wall at the other: mean numbers of the PDE."""
    system = line(
        walls={"x-": hrd.Influx({A: 3.0}), "x+": hrd.Reservoir({A: 1.0})}, domain=hrd.Box(x=(0, 3))
    )
    field, n, step = replicas(system, dt=0.2, rows=4000)
    step(0, 150)
    assert np.abs(n[0].mean(axis=1) - (1 + 3 * np.array([2.5, 1.5, 0.5]))) == pytest.approx(
        0, abs=4.5 * np.sqrt(8.5 / 4000)
    )
    assert agrees(n[0, 2], stats.poisson.pmf(np.arange(14), n[0, 2].mean()))
    passed = {side: (left, entered) for _, side, left, entered in field.passed()}
    assert passed["x-"][0] == 0
    assert abs(passed["x-"][1] - 3.0 * 0.2 * 4000) < 4.5 * np.sqrt(2400)


@pytest.mark.parametrize(
    "reactions",
    [
        [hrd.Reaction("A + B -> 2 B", k=0.2, radius=0.01), hrd.Reaction("B -> 0", k=0.1)],
        [hrd.Reaction("A -> B", k=0.2), hrd.Reaction("0 -> A", k=0.5)],
    ],
)
def test_a_run_goes_on_bit_for_bit_and_cells_have_their_numbers(tmp_path, reactions):
    system = hrd.System(
        species=[A, B], domain=hrd.Box(x=(0, 6), y=(0, 4)), cells=(6, 4),
        reactions=reactions,
        walls={"x-": hrd.Reservoir({A: lambda t: 3.0 + t})}, initial={A: 5.0, B: hrd.Copies(9)},
        fluctuations="discrete",
    )  # fmt: skip
    whole = hrd.Simulation(system, dt=0.1, seed=4).run(until=4.0, every=1.0)
    half = hrd.Simulation(system, dt=0.1, seed=4, threads=2)
    half.run(until=2.0, every=1.0)
    half.checkpoint(tmp_path / "half.npz")
    rest = hrd.Simulation.restore(tmp_path / "half.npz", system)
    rest = rest.run(until=4.0, every=1.0)
    for name in ("concentration", "copy_number", "total", "events", "crossings"):
        assert np.array_equal(rest[name].values[1:], whole[name].values[3:]), name
    assert np.array_equal(whole["copy_number"], whole["total"])
    other = hrd.Simulation(system, dt=0.1, seed=4, replica=1).run(until=1.0, every=1.0)
    assert not np.array_equal(other["concentration"][1], whole["concentration"][1])


def test_what_does_nothing_is_refused():
    with pytest.raises(hrd.ModelError, match="there is no continuum"):
        line(fluctuations="discrete", particles=hrd.Box(x=(0, 3)))
    with pytest.raises(hrd.ModelError, match="does not depend on the particles"):
        line(fluctuations=True, particles=hrd.Box(x=(0, 1)), coupling="mean-field")
    with pytest.raises(hrd.ModelError, match="one of None, 'discrete', 'gaussian', or True"):
        line(fluctuations="Gaussian")
    system = line(fluctuations=True, initial={A: 2.0})
    assert system.fluctuations == "discrete"
    assert hrd.mean_field(system, dt=0.1, until=0.2)["total"].values[-1] == pytest.approx(6.0)
    with pytest.raises(hrd.ModelError, match="there are no particles"):
        hrd.Simulation(system, dt=0.1, seed=1).run(until=0.2, positions=True)
    again = hrd.System.from_dict(system.replace(fluctuations="gaussian").to_dict())
    assert again.fluctuations == "gaussian"
    plane = replace(system, particles=hrd.Box(x=(0, 1)), interface=hrd.ExactPlane())
    with pytest.raises(hrd.ModelError, match="use the default, CalibratedLayer"):
        hrd.Simulation(plane, dt=0.01)


@pytest.mark.parametrize("kind", ["discrete", "gaussian"])
@pytest.mark.parametrize(
    ("match", "changes"),
    [
        ("copies of A in a cell at t = 0:", {"initial": {A: 1e19}}),
        ("1e\\+22 copies would enter", {"walls": {"x+": hrd.Influx({A: 1e23})}}),
    ],
)
def test_numbers_that_cannot_be_counted(kind, match, changes):
    system = line(fluctuations=kind, initial={A: 2.0}).replace(**changes)
    with pytest.raises(hrd.StepError, match=match):
        hrd.Simulation(system, dt=0.1, seed=1).step(2)


def test_an_explosion_ends_before_copies_overflow():
    system = line(reactions=[hrd.Reaction("A -> 2 A", k=50.0)], fluctuations="discrete")
    sim = hrd.Simulation(system.replace(initial={A: 2.0}), dt=0.1, seed=1)
    with pytest.raises(hrd.StepError, match=r"more than 2\^53 = 9e\+15 copies of A in a cell at t"):
        sim.step(20)


def test_cells_too_small_for_a_pair_rate():
    # What a walk on the cubic lattice spends at its start, by quadrature; then one pair alone.
    q = (np.arange(60) + 0.5) * np.pi / 60
    s = 2 - 2 * np.cos(q)
    total = s[:, None, None] + s[:, None] + s
    assert (1 / total).mean() == pytest.approx(LATTICE, rel=2e-2)
    cube = hrd.System(
        species=[A, B], domain=hrd.Box(x=(0, 1), y=(0, 1), z=(0, 1)), cells=10,
        reactions=[hrd.Reaction("A + B -> B", k=0.4, radius=0.01)], fluctuations="discrete",
    )  # fmt: skip
    with pytest.warns(hrd.AccuracyWarning, match=r"0\.2657, 33\.6 % less than k = 0\.4"):
        hrd.Simulation(cube, dt=1e-3, seed=1)
    strong = cube.replace(reactions=[hrd.Reaction("A + B -> B", k=4.0, radius=0.01)])
    with pytest.raises(hrd.ModelError, match=r"below k/\(4 pi D\) = 0\.1592"):
        hrd.Simulation(strong, dt=1e-3, seed=1)
    flat = line(reactions=[hrd.Reaction("2 A -> 0", k=0.1, radius=0.6)], fluctuations="discrete")
    with pytest.warns(hrd.AccuracyWarning, match=r"use cells at least 1\.2 wide"):
        hrd.Simulation(flat, dt=1e-2, seed=1)


def test_branching_has_the_covariances_of_the_moment_equations():
    """A -> 2 A, A -> 0: copies of a family are correlated, across cells, too."""
    system = line(
        reactions=[hrd.Reaction("A -> 2 A", k=1.0), hrd.Reaction("A -> 0", k=0.8)],
        initial={A: [hrd.Copies(3, x=(0, 1)), hrd.Copies(1, x=(2, 3))]},
    )
    truth = hrd.theory.moments.linear_moments(system, voxels=3, times=[0.0, 1.0])
    _field, n, step = replicas(system, dt=0.05, rows=40_000)
    n[0, 0], n[0, 2] = 3, 1
    step(0, 20)
    mean, covariance = truth["mean"].values[-1, 0], truth["covariance"].values[-1, 0, 0]
    covariance = covariance + np.diag(mean)  # theirs is that of pairs of different copies
    x = n[0].T - mean
    assert np.abs(x.mean(axis=0)).max() < 4.5 * np.sqrt(covariance.max() / len(x))
    for i in range(3):
        for j in range(3):
            products = x[:, i] * x[:, j]
            error = products.std() / np.sqrt(len(x))
            assert abs(products.mean() - covariance[i, j]) < 4.5 * error, (i, j)
    assert covariance[0, 1] > 0.2


@pytest.mark.parametrize("axes", ["x", "xyz"])
def test_one_cell_alone(axes):
    """0 -> A, 2 A -> 0 in the only cell: 4,000 records, more than two relaxation times apart."""
    system = hrd.System(
        species=[A], domain=hrd.Box(**dict.fromkeys(axes, (0, 1))), particles=None, cells=1,
        reactions=[hrd.Reaction("0 -> A", k=10.0), hrd.Reaction("2 A -> 0", k=0.5)],
        initial={A: 3.0}, fluctuations="discrete",
    )  # fmt: skip
    truth = hrd.theory.cdme.solve(system, voxels=1, max_copies=20, until=5.0, every=5.0)
    law = truth["copy_number_probability"].values[-1, 0]
    run = hrd.Simulation(system, dt=0.05, seed=1).run(until=2000.0, every=0.5)
    assert agrees(run["total"].values[1:].astype(int), law)
