"""Rates, states and the generator of the master equation, against quadrature and slow twins."""

import doctest
import importlib
import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad
from scipy.linalg import expm

import hybridrd as hrd
from hybridrd.errors import CapacityError, ModelError
from hybridrd.model.grid import Grid
from hybridrd.theory.cdme import pair_fraction, pair_rates, solve, steady_state, voxel_model
from hybridrd.theory.cdme.generator import check_size, count_transitions, make_generator
from hybridrd.theory.cdme.states import OVER, Occupations, States

A, B, C = hrd.Species("A", D=0.7), hrd.Species("B", D=0.2), hrd.Species("C", D=0.0)
LINE = hrd.Box(x=(0, 1.5))


def model(reactions=(), walls=None, voxels=3, reservoir="wall", **options):
    given = {"species": [A], "domain": LINE, "reactions": reactions, "walls": walls or {}}
    return voxel_model(hrd.System(**{**given, **options}), voxels, reservoir)


def rates_at(events, takes, makes):
    return sum(e.rate for e in events if e.takes == takes and e.makes == makes)


@pytest.mark.parametrize("name", ["events", "evolve", "generator", "propagate", "states", "steady"])
def test_examples_in_docstrings_hold(name):
    result = doctest.testmod(importlib.import_module(f"hybridrd.theory.cdme.{name}"))
    assert result.attempted > 0
    assert result.failed == 0


# States


@pytest.mark.parametrize(("voxels", "most"), [(1, 5), (2, 0), (3, 4), (4, 2)])
def test_states_are_all_occupations_once(voxels, most):
    own = Occupations(voxels, most)
    every = {n for n in itertools.product(range(most + 1), repeat=voxels) if sum(n) <= most}
    assert {tuple(row) for row in own.table.tolist()} == every
    assert len(own.table) == own.count == len(every)
    assert_array_equal(own.rank(own.table), np.arange(own.count))
    assert_array_equal(own.totals, own.table.sum(axis=1))


def test_a_state_beyond_the_cut_off_is_marked():
    own = Occupations(2, 3)
    assert_array_equal(own.rank(np.array([[3, 1], [9, 9]], np.int32)), OVER)
    full = np.flatnonzero(own.totals == 3)
    assert_array_equal(own.change(full, (), (1,)), np.full(4, OVER))


# Rates


def overlap(m, h, sigma):
    """Mean over both voxels of 'within sigma', one integral by hand, one by quadrature."""

    def inner(x):
        return max(0.0, min((m + 1) * h, x + sigma) - max(m * h, x - sigma))

    kinks = [p for p in (m * h - sigma, m * h + sigma, (m + 1) * h - sigma) if 0 < p < h]
    return quad(inner, 0, h, points=kinks or None, epsabs=1e-13)[0] / h**2


@pytest.mark.parametrize("sigma", [0.03, 0.1, 0.17, 0.25, 0.4])
@pytest.mark.parametrize("m", [0, 1, 2, 3, 5])
def test_pair_fraction_is_the_mean_over_both_voxels(m, sigma):
    assert_allclose(pair_fraction(0.1 * m, 0.1, sigma), overlap(m, 0.1, sigma), atol=1e-12)


def test_pair_rates_of_a_particle_add_up_to_the_doi_volume():
    grid = Grid((0.0,), (2.0,), (40,))
    ring = pair_rates(3.0, 0.33, grid, periodic=True)
    assert_allclose(ring.sum(axis=1) * 0.05, 3.0 * 0.66, rtol=1e-13)
    line = pair_rates(3.0, 0.33, grid)
    assert_allclose(line[20].sum() * 0.05, 3.0 * 0.66, rtol=1e-13)
    assert_allclose(line[0].sum() * 0.05, 3.0 * (0.33 + 0.025))  # the wall cuts the ball
    assert line[0, 8] == 0  # 0.35 to 0.45 apart: beyond the radius, to the last bit
    assert_allclose(pair_rates(3.0, 1.0, Grid((0.0,), (2.0,), (1,)), periodic=True), 3.0)


def test_pair_rates_that_vary_are_taken_midway():
    grid = Grid((1.0,), (5.0,), (4,))
    flat = pair_rates(1.0, 1.5, grid)
    x = grid.centers(0)
    assert_allclose(pair_rates(lambda x: x**2, 1.5, grid), flat * ((x[:, None] + x) / 2) ** 2)


def test_jumps_and_walls():
    h, d = 0.5, A.D
    open_left = {"x-": hrd.Reservoir({A: 8.0}), "x+": hrd.Absorbing()}
    for reservoir, factor in (("wall", 2), ("mirror", 1)):
        events = model(walls=open_left, reservoir=reservoir).events
        assert_allclose(rates_at(events, ((0, 1),), ((0, 2),)), d / h**2)
        assert_allclose(rates_at(events, ((0, 0),), ()), factor * d / h**2)
        assert_allclose(rates_at(events, (), ((0, 0),)), factor * d / h**2 * 8 * h)
        assert_allclose(rates_at(events, ((0, 2),), ()), 2 * d / h**2)
    events = model(walls={"x-": hrd.Influx({A: 3.0}), "x+": hrd.PartiallyAbsorbing(0.4)}).events
    assert_allclose(rates_at(events, (), ((0, 0),)), 3.0)
    assert_allclose(rates_at(events, ((0, 2),), ()), 1 / (h / 2 / d + 1 / 0.4) / h)
    ring = model(walls={"x": hrd.Periodic()}).events
    assert_allclose(rates_at(ring, ((0, 2),), ((0, 0),)), d / h**2)
    assert len(ring) == 6
    assert len(model().events) == 4
    assert len(model(walls={"x": hrd.Periodic()}, voxels=1).events) == 0


def test_species_that_a_wall_does_not_name_reflect():
    walls = {"x-": hrd.Reservoir({B: 1.0}), "x+": hrd.PartiallyAbsorbing({B: 1.0})}
    events = model(walls=walls, species=[A, B], voxels=1).events
    assert {s for e in events for s, _ in e.takes + e.makes} == {1}


def test_rates_that_depend_on_position():
    h = 0.5
    reactions = [
        hrd.Reaction("0 -> A", k=lambda x: 2 + 3 * x**2),
        hrd.Reaction("A -> 2 A", k=lambda x: x),
        hrd.Reaction("2 A -> 0", k=lambda x: 0 * x + 0.9, radius=0.3),
    ]
    events = model(reactions).events
    for i in range(3):
        creation = 2 * h + h**3 * ((i + 1) ** 3 - i**3)  # the integral over the voxel
        assert_allclose(rates_at(events, (), ((0, i),)), creation)
        assert_allclose(rates_at(events, ((0, i),), ((0, i), (0, i))), h * (i + 0.5))
        pair = 0.5 * 0.9 / 0.6 * pair_fraction(0.0, h, 0.3)
        assert_allclose(rates_at(events, ((0, i), (0, i)), ()), pair)


# The generator


def naive_generator(events, voxels, most):
    """Dictionary by dictionary: from each state, every event, every choice of copies."""
    own = [[n for n in itertools.product(range(m + 1), repeat=voxels) if sum(n) <= m] for m in most]
    states = list(itertools.product(*own))
    result = {}
    for state in states:
        for event in events:
            after = [list(n) for n in state]
            ways = 1
            for s, i in event.takes:
                ways *= after[s][i]
                after[s][i] -= 1
            for s, i in event.makes:
                after[s][i] += 1
            if ways == 0:
                continue
            target = tuple(map(tuple, after))
            if any(sum(n) > m for n, m in zip(after, most, strict=True)):
                target = "lost"
            for key, sign in (((target, state), 1), ((state, state), -1)):
                result[key] = result.get(key, 0.0) + sign * ways * event.rate
    return states, result


@pytest.mark.parametrize("voxels", [1, 2])
def test_generator_is_its_naive_twin(voxels):
    reactions = [
        hrd.Reaction("0 -> A", k=3.0),
        hrd.Reaction("A -> B", k=0.7),
        hrd.Reaction("A + B -> C", lambda0=5.0, radius=0.4),
        hrd.Reaction("C -> 2 B", k=0.3),
        hrd.Reaction("2 A -> B + C", lambda0=2.0, radius=0.7),
    ]
    walls = {"x+": hrd.Reservoir({B: 4.0}), "x-": hrd.Absorbing()}
    built = model(reactions, walls, voxels, species=[A, B, C])
    most = [2, 3, 1]
    space = States(tuple(Occupations(voxels, m) for m in most))
    matrix = make_generator(space, built.events).matrix.toarray()
    states, twin = naive_generator(built.events, voxels, most)
    number = {"lost": space.count}
    for state in states:
        ranks = [
            own.rank(np.array([n], np.int32))[0]
            for own, n in zip(space.species, state, strict=True)
        ]
        number[state] = int(np.dot(ranks, space.strides))
    assert sorted(number.values()) == list(range(space.count + 1))
    expected = np.zeros_like(matrix)
    for (target, state), rate in twin.items():
        expected[number[target], number[state]] += rate
    assert_allclose(matrix, expected, atol=1e-12)
    assert_allclose(matrix.sum(axis=0), 0, atol=1e-12)
    assert_array_equal(matrix[:, -1], 0)


def test_products_sit_at_their_reactants():
    """A + B -> C + C + C of A in voxel 0 and B in voxel 1: two C in voxel 0, one in voxel 1."""
    reaction = hrd.Reaction("A + B -> 3 C", lambda0=1.0, radius=0.7)
    events = model([reaction], voxels=2, species=[A, B, C]).events
    rate = pair_fraction(0.75, 0.75, 0.7)
    made = ((2, 0), (2, 1), (2, 0))
    assert_allclose(rates_at(events, ((0, 0), (1, 1)), made), rate)


def test_closed_generator_drops_what_exceeds_the_cut_off():
    events = model([hrd.Reaction("0 -> A", k=3.0), hrd.Reaction("A -> 0", k=1.0)], voxels=1).events
    space = States((Occupations(1, 2),))
    full = make_generator(space, events, closed=True).matrix.toarray()
    assert_allclose(full[:3, :3], [[-4.5, 1, 0], [4.5, -5.5, 2], [0, 4.5, -2]])
    assert_array_equal(full[3], 0)


def test_transitions_are_counted_before_they_are_made():
    events = model([hrd.Reaction("2 A -> 0", lambda0=2.0, radius=0.7)], species=[A, B]).events
    space = States((Occupations(3, 4), Occupations(3, 2)))
    for event in events:
        alone = make_generator(space, [event]).matrix
        leaving = int((alone.diagonal() < 0).sum())
        assert count_transitions(3, [4, 2], event) == leaving


def test_too_many_states_are_refused_with_figures():
    events = model(voxels=30).events
    count = f"{math.comb(80, 30):,}"
    with pytest.raises(CapacityError, match=f"{count} states"):
        check_size(30, [50], events, 1e12)
    with pytest.raises(CapacityError, match=r"43,758 states and 340,340 transitions .* 0.0\d+ GB"):
        check_size(8, [10], model(voxels=8).events, 1e6)
    check_size(8, [10], model(voxels=8).events, 1e8)


# Order three and more


def test_trimolecular_birth_and_death():
    """``0 -> A, 3 A -> 2 A``, one voxel: P(n + 1)/P(n) is the birth rate over the death rate."""
    h, made, k = 1.5, 4.0, 0.05
    system = hrd.System(
        species=[A],
        domain=LINE,
        reactions=[hrd.Reaction("0 -> A", k=made), hrd.Reaction("3 A -> 2 A", k=k)],
    )
    found = steady_state(system, voxels=1, max_copies=30)["copy_number_probability"].values[0]
    n = np.arange(2, 30)
    weights = np.cumprod(np.concatenate([[1.0], made * h / (k * (n + 1) * n * (n - 1) / h**2)]))
    assert_allclose(found[:2], 0.0, atol=1e-12)
    assert_allclose(found[2:], weights / weights.sum(), rtol=1e-9, atol=1e-15)


def test_autocatalysis_of_three_against_its_birth_chain():
    """``2 A + B -> 3 A`` of six copies: n of A at k n (n - 1) (6 - n)/h²."""
    k, t, h = 0.3, 0.2, 1.5
    system = hrd.System(
        species=[A, B], domain=LINE, initial={A: hrd.Copies(2), B: hrd.Copies(4)},
        reactions=[hrd.Reaction("2 A + B -> 3 A", k=k)],
    )  # fmt: skip
    run = solve(system, voxels=1, max_copies=6, until=t, every=t)
    n = np.arange(7)
    rates = k * n * (n - 1) * (6 - n) / h**2
    p = expm(t * (np.diag(rates[:-1], -1) - np.diag(rates))) @ (n == 2)
    assert_allclose(run["copy_number_probability"].values[-1, 0], p, atol=1e-12)


# What cannot be


def test_refusals_of_the_model():
    for arguments, message in (
        ({"domain": hrd.Box(x=(0, 1), y=(0, 1)), "voxels": (3,)}, "one for each of x, y"),
        ({"voxels": 0}, "voxels = 0"),
        ({"voxels": 2.0}, "voxels = 2.0"),
        ({"reservoir": "outside"}, "wall, mirror"),
        ({"walls": {"x+": hrd.Leaky({A: 1.0}, outside={A: hrd.Bath(2.0)})}}, "bath of A"),
    ):
        with pytest.raises(ModelError, match=message):
            model(**arguments)
    with pytest.raises(ModelError, match="give a System"):
        voxel_model("A", 3)
