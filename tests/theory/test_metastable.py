"""The spatiotemporal master equation against the one on all cells, and sets found by themselves."""

import doctest
import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose

import hybridrd as hrd
from hybridrd.errors import AccuracyWarning, ModelError
from hybridrd.theory import cdme, metastable, pcca
from hybridrd.theory.cdme.generator import make_generator
from hybridrd.theory.cdme.initial import initial_probabilities
from hybridrd.theory.cdme.propagate import propagate
from hybridrd.theory.cdme.states import Occupations, States

A, B, C = hrd.Species("A", D=1.0), hrd.Species("B", D=0.5), hrd.Species("C", D=0.3)


def rooms_in_a_row(count, size=4, species=(A, B), **options):
    """Square rooms of ``size`` cells of width 1, with walls one cell thick and doors one wide."""
    cells = (count * size + count - 1, size)
    wall = [hrd.Box(x=(k * (size + 1) - 1, k * (size + 1)), y=(0, size)) for k in range(1, count)]
    doors = [hrd.Box(x=(k * (size + 1) - 1, k * (size + 1)), y=(1, 2)) for k in range(1, count)]
    obstacles = wall[0] - doors[0]
    for w, d in zip(wall[1:], doors[1:], strict=True):
        obstacles = obstacles | (w - d)
    domain = hrd.Box(x=(0, cells[0]), y=(0, size))
    return hrd.System(
        species=list(species), domain=domain, obstacles=obstacles, cells=cells, **options
    )


def test_examples_in_docstrings_hold():
    for module in (metastable, pcca):
        assert doctest.testmod(module).failed == 0


def test_two_rooms_and_a_door_against_all_cells():
    """P(n_1, n_2) of 2 A and 1 B that annihilate, in total variation, from 2/|Lambda_3| on."""
    start = {A: hrd.Copies(2, x=(0, 4)), B: hrd.Copies(1, x=(5, 9))}
    system = rooms_in_a_row(
        2, initial=start, reactions=[hrd.Reaction("A + B -> 0", lambda0=0.05, radius=0.8)]
    )
    rooms = metastable.reduce(system, sets=2)
    late = 2 / abs(rooms.eigenvalues[2] * B.D)
    times = [0.0, late, 4 * late, 16 * late]
    model = cdme.voxel_model(system)
    states = States((Occupations(33, 2), Occupations(33, 1)))
    label = rooms.memberships.transpose("set", "x", "y").values.argmax(axis=0)
    of_cell = system.grid.flatten(label)[model.voxels.free]
    in_rooms = [o.table @ (of_cell[:, None] == [0, 1]) for o in states.species]
    a, b = np.unravel_index(np.arange(states.count), states.shape)
    copies = np.concatenate([in_rooms[0][a], in_rooms[1][b]], axis=1)
    code = copies @ [1, 3, 9, 18]

    start = initial_probabilities(system, model.voxels, states)
    exact = propagate(make_generator(states, model.events), start, times)
    apart = []
    for t, p in zip(times, exact, strict=True):
        found = rooms.solve(until=t, every=t or 1.0).isel(time=-1)
        coarse = found["copies"].values.reshape(-1, 4) @ [1, 3, 9, 18]
        twice = np.bincount(code, p[:-1], 36) - np.bincount(coarse, found["probability"], 36)
        apart.append(0.5 * abs(twice).sum())
        alive = p[:-1] @ copies[:, :2].sum(axis=1)
        assert_allclose(found["copy_number"].sel(species="A"), alive, rtol=0.02)
    assert max(apart[1:]) < 0.02
    assert alive < 1.7  # they did react
    assert_allclose(rooms.weights, [16 / 33, 17 / 33], rtol=1e-6)  # the door is in one of them


def test_three_rooms_in_a_row_are_found_by_themselves():
    rooms = metastable.reduce(rooms_in_a_row(3, species=[A]))
    assert rooms.sets == 3
    assert rooms.gap > metastable.LEAST_GAP
    middles = [rooms.memberships.sel(x=x, y=2.5).values for x in (1.5, 6.5, 11.5)]
    assert_allclose(middles, np.eye(3), atol=0.1)
    assert_allclose(rooms.memberships.sum("set").values[~np.isnan(rooms.memberships[0])], 1)
    rates = rooms.rates["A"]
    assert_allclose(rates.sum(axis=1), 0, atol=1e-12)
    assert rates[0, 2] < 0.05 * rates[0, 1]
    flow = rooms.weights[:, None] * rates
    assert_allclose(flow, flow.T, atol=1e-12)
    modes = np.sort(np.linalg.eigvals(rates).real)[::-1]
    assert_allclose(modes[1], rooms.eigenvalues[1], rtol=0.03)
    assert_allclose(modes[2], rooms.eigenvalues[2], rtol=0.2)
    text = str(rooms)
    for part in ("3 metastable sets", "eigenvalues", "gap", "time scales", "set 2: weight"):
        assert part in text


def test_a_box_has_no_sets():
    line = hrd.System(species=[A], domain=hrd.Box(x=(0, 1)), cells=30)
    refused = r"sets = 2: no gap after eigenvalue 2 of 0, -9.8.*the ratio is 3.99"
    for sets, message in ((None, r"no metastable sets: the eigenvalues 0, -9.8"), (2, refused)):
        with pytest.raises(ModelError, match=message):
            metastable.reduce(line, sets=sets)
    with pytest.raises(ModelError, match="sets = 3: no gap"):
        metastable.reduce(rooms_in_a_row(2), sets=3)
    still = hrd.Species("B", D=0.0)
    with pytest.raises(ModelError, match="B with D = 0"):
        metastable.reduce(rooms_in_a_row(2, species=[A, still]), sets=2)


def test_reactions_keep_their_rates_in_sets():
    """A -> B, creation and a leaky wall: numbers in rooms that no longer communicate are Poisson.

    Two closed halves of a line, eigenvalue 0 twice: each is a room.
    """
    system = hrd.System(
        species=[A, B], domain=hrd.Box(x=(0, 3)), obstacles=hrd.Box(x=(1, 2)), cells=30,
        reactions=[hrd.Reaction("0 -> A", k=lambda x: 0.4 * (x > 1.5)),
                   hrd.Reaction("A -> B", k=lambda t: 0.5 + 0 * t),
                   hrd.Reaction("B -> 0", k=0.3)],
        walls={"x-": hrd.Leaky({A: 1e-3}, outside={A: 50.0})},
    )  # fmt: skip
    rooms = metastable.reduce(system)
    assert rooms.sets == 2
    with pytest.raises(ModelError, match="max_copies"):
        rooms.solve(until=1.0)
    found = rooms.solve(until=2.0, every=1.0, max_copies={A: 8, B: 8}, tolerance=1e-4)
    rate = np.array([1e-3 / (1 + 1e-3 * 0.05), 0.0])  # in series with half a cell
    fed, out = np.array([50 * rate[0], 0.4]), rate + 0.5
    mean = fed / out * (1 - np.exp(-out * 2.0))
    assert_allclose(found["set_copy_number"].sel(time=2, species="A"), mean, rtol=1e-4)


def test_pairs_that_are_faster_than_mixing_are_doubtful():
    fast = [hrd.Reaction("A + B -> C", lambda0=50.0, radius=0.9)]
    system = rooms_in_a_row(2, species=[A, B, C], reactions=fast,
                            initial={A: hrd.Copies(2), B: hrd.Copies(1)})  # fmt: skip
    with pytest.warns(AccuracyWarning, match="average over the set is doubtful"):
        rooms = metastable.reduce(system)
    end = rooms.solve(until=500.0, every=500.0).isel(time=-1)
    assert_allclose(end["copy_number"].sel(species=["A", "B", "C"]), [1, 0, 1], atol=1e-4)
    assert dict(end["copies"].max(("state", "set")).to_series()) == {"A": 2, "B": 1, "C": 3}
    for k, m in itertools.product(range(2), repeat=2):
        assert (rooms.pair_rates["A + B -> C"][k, m] > 1) == (k == m)


def test_wells_of_a_potential_are_sets():
    """Two wells: weights of Boltzmann, and a rate close to Kramers' between them."""
    well = {"potential": lambda x: 5 * (x**2 - 1) ** 2 + 0.5 * x}
    system = hrd.System(
        species=[hrd.Species("A", D=0.5, **well)], domain=hrd.Box(x=(-1.8, 1.8)), cells=60
    )
    rooms = metastable.reduce(system)
    x = system.grid.centers(0)
    p = np.exp(-well["potential"](x))
    assert_allclose(rooms.weights, [p[x < 0].sum() / p.sum(), p[x > 0].sum() / p.sum()], rtol=1e-3)
    barrier, left = np.sqrt(20.0), np.sqrt(40.0)  # roots of the curvatures of the potential
    height = well["potential"](0.0) - well["potential"](-1.0)
    kramers = 0.5 * barrier * left / (2 * np.pi) * np.exp(-height)
    assert_allclose(rooms.rates["A"][0, 1], kramers, rtol=0.15)
    flow = hrd.Species("A", D=0.5, velocity=(1.0,))
    ring = system.replace(species=[flow], walls={"x": hrd.Periodic()})
    with pytest.raises(ModelError, match="detailed balance"):
        metastable.reduce(ring)
