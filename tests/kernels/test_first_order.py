"""Reactions of order zero and one: the twin, closed forms, the same from any order and room."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from twins import naive

import hybridrd as hrd
from hybridrd.kernels import first_order
from hybridrd.kernels.arrays import Cells
from hybridrd.kernels.first_order import HalfStep, Network, Offspring
from hybridrd.kernels.rng import CREATE, make_key

KEY = make_key(5, 0)
LINE = hrd.Box(x=(0, 1))
CELLS = 4


def system(names, reactions, D=0.0, **initial):
    """Particles of some species on [0, 1), with {equation: rate}."""
    return hrd.System(
        species=[hrd.Species(name, D=D) for name in names],
        domain=LINE,
        particles=LINE,
        reactions=[hrd.Reaction(equation, k=k) for equation, k in reactions.items()],
        initial=initial,
    )


def starts(groups):
    return np.concatenate([[0], np.cumsum([len(g) for g in groups])]).astype(np.int64)


def tables(reactions, factors=(1.0,)):
    """The network of [(reactant, products, rate), ...]; rates times a factor for each cell."""
    by_species = [[r for r, (s, _, _) in enumerate(reactions) if s == t] for t in range(3)]
    products = [p for _, p, _ in reactions]
    return Network(
        starts(by_species),
        np.array([r for group in by_species for r in group], np.int64),
        starts(products),
        np.array([s for p in products for s in p], np.int64),
        np.array([[rate * f for f in factors] for _, _, rate in reactions]),
    )


def offspring(table, room, d):
    events = np.zeros(len(table.rates), np.int64)
    return Offspring(
        np.empty(room, np.int64), np.empty(room, np.uint64), np.empty((d, room)), events,
        first_order.make_family_log(0, 1, d),
    )  # fmt: skip


def react(s, x, ids, tau, table, step=0, half=0, room=None):
    """One half step of species s on [0, 1); returns (code, gone, species, parents, x, events)."""
    n = len(ids)
    room = 100 * n + 1000 if room is None else room
    cells = Cells(np.zeros(1), np.array([1 / CELLS]), np.array([float(CELLS)]), np.array([CELLS]))
    marks, gone = np.zeros(n, np.bool_), np.zeros(n, np.uint8)
    chance = first_order.chances(s, table, tau)
    if len(chance) > 1:
        first_order.mark_by_cell(x, ids, 0, n, chance, cells, KEY, step, half, marks)
    else:
        total = sum(
            table.rates[r, 0] for r in table.channel[table.channels[s] : table.channels[s + 1]]
        )
        assert chance[0] == pytest.approx(-math.expm1(-total * tau), rel=1e-15)
        first_order.mark(ids, 0, n, chance[0], KEY, step, half, marks)
    out = offspring(table, room, 1)
    now = HalfStep(KEY, step, half, tau)
    m = first_order.react_first_order(s, x, ids, marks, gone, now, table, cells, out, 0)
    k = max(m, 0)
    return m, gone, out.species[:k], out.parent[:k], out.x[:, :k], out.events


def many(s, n, tau, reactions, **options):
    ids = np.arange(n, dtype=np.uint64)
    return react(s, np.full((1, n), 0.5), ids, tau, tables(reactions), **options)


REACTION = st.tuples(
    st.integers(0, 2), st.lists(st.integers(0, 2), max_size=3).map(tuple), st.floats(0.05, 1.0)
)
REACTIONS = st.lists(REACTION, min_size=1, max_size=4)
FACTORS = st.sampled_from([(1.0,), (0.0, 0.5, 1.0, 1.5)])

# --- twins ---------------------------------------------------------------------------------------


@given(
    reactions=REACTIONS,
    factors=FACTORS,
    species=st.integers(0, 2),
    tau=st.floats(0.1, 1.0),
    first=st.integers(0, 2**62),
    step=st.integers(0, 2**32 - 1),
    half=st.integers(0, 1),
)
def test_families_are_those_of_the_twin(reactions, factors, species, tau, first, step, half):
    n = 12
    ids = np.arange(first, first + n, dtype=np.uint64)
    x = (np.arange(n) % CELLS + 0.3)[None, :] / CELLS
    table = tables(reactions, factors)
    m, gone, new, parents, places, events = react(species, x, ids, tau, table, step, half)
    expected_new, expected_parents, counts = [], [], np.zeros(len(reactions), int)
    for i in range(n):
        factor = factors[i % CELLS] if len(factors) > 1 else 1.0
        here = [(s, p, rate * factor) for s, p, rate in reactions]
        family = naive.Family(species, tau, KEY, ids[i], step, half, here)
        assert gone[i] == (not family.survives)
        expected_new += family.new
        expected_parents += [ids[i]] * len(family.new)
        counts += family.events
    assert m == len(expected_new)
    assert new.tolist() == expected_new
    assert parents.tolist() == expected_parents
    assert places[0].tolist() == [x[0, int(p) - first] for p in expected_parents]
    assert events.tolist() == counts.tolist()


@given(reactions=REACTIONS, tau=st.floats(0.1, 1.0), half=st.integers(0, 1))
def test_creations_are_those_of_the_twin(reactions, tau, half):
    # 0 -> A + B + A: each product has a family of its own that starts at the time of birth.
    made = (0, 1, 0)
    reactions = [*reactions, (None, made, 7.0)]
    r = len(reactions) - 1
    table = tables(reactions)
    cells = np.array([0, 2, 2, 5], np.int64)
    width = np.array([0.5, 0.25])
    grid = Cells(np.array([1.0, 2.0]), width, 1 / width, np.array([3, 2]))
    out = offspring(table, 5000, 2)
    m = first_order.create(r, cells, HalfStep(KEY, 9, half, tau), table, grid, out, 0)
    species, places, counts = [], [], np.zeros(len(reactions), int)
    for k, cell in enumerate(cells):
        address = 2**63 + r * 2**48 + half * 2**47 + k
        time, x = naive.uniforms(KEY, address, 9, CREATE, 0)
        y, _ = naive.uniforms(KEY, address, 9, CREATE, 1)
        point = [1.0 + 0.5 * (cell % 3 + x), 2.0 + 0.25 * (cell // 3 + y)]
        counts[r] += 1
        for number, product in enumerate(made):
            own = address ^ (number << 40)
            left = tau * (1 - time)
            family = naive.Family(product, left, KEY, own, 9, half, reactions, own=False)
            species += family.new
            places += [point] * len(family.new)
            counts += family.events
    assert m == len(species)
    assert out.species[:m].tolist() == species
    np.testing.assert_allclose(out.x[:, :m], np.array(places).reshape(-1, 2).T, rtol=1e-14)
    assert out.events.tolist() == counts.tolist()


# --- nothing but ids, step and key decides -------------------------------------------------------

MIXED = [(0, (0, 0), 0.8), (0, (1,), 0.5), (0, (), 0.3), (1, (0, 2), 0.7)]


def test_storage_order_changes_nothing():
    n = 500
    source = np.random.default_rng(1)
    x, ids = source.uniform(0, 1, (1, n)), source.permutation(10 * n)[:n].astype(np.uint64)
    order = source.permutation(n)
    table = tables(MIXED, (0.5, 1.0, 1.5, 2.0))
    _, gone, species, parents, places, events = react(0, x, ids, 1.0, table)
    mixed = react(0, np.ascontiguousarray(x[:, order]), ids[order], 1.0, table)
    assert gone.sum() > 100
    np.testing.assert_array_equal(mixed[1], gone[order])
    np.testing.assert_array_equal(mixed[5], events)
    # Sorted by parents, a family in its own order.
    one, other = np.argsort(parents, kind="stable"), np.argsort(mixed[3], kind="stable")
    np.testing.assert_array_equal(mixed[2][other], species[one])
    np.testing.assert_array_equal(mixed[4][:, other], places[:, one])


def test_parts_and_kinds_of_marks_agree():
    n, tau = 4000, 0.4
    ids, x = np.arange(n, dtype=np.uint64), np.full((1, n), 0.5)
    chance = first_order.chances(0, tables(MIXED), tau)
    by_cell, by_number = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    grid = Cells(np.zeros(1), np.ones(1), np.ones(1), np.array([1]))
    for start, stop in ((1000, n), (0, 1000)):
        first_order.mark_by_cell(x, ids, start, stop, chance, grid, KEY, 1, 1, by_cell)
    first_order.mark(ids, 0, n, -np.expm1(-1.6 * tau), KEY, 1, 1, by_number)
    np.testing.assert_array_equal(by_cell, by_number)
    assert 1500 < by_number.sum() < 2300


def test_too_little_room_is_reported_and_changes_nothing():
    whole = many(0, 300, 1.0, MIXED)
    m = whole[0]
    assert m > 100
    assert many(0, 300, 1.0, MIXED, room=m - 1)[0] == first_order.FULL
    exact = many(0, 300, 1.0, MIXED, room=m)
    for a, b in zip(whole, exact, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_simulation_with_little_room_gives_the_same():
    reactions = {"A -> 2 A": 1.0, "A -> B": 0.5, "0 -> A": 300.0}
    model = system("AB", reactions, D=0.1, A=200.0)
    narrow, wide = (hrd.Simulation(model, dt=0.2, seed=3) for _ in range(2))
    narrow._reactor._room = 1
    for _ in range(3):
        narrow.step()
        wide.step()
    assert wide.events.min() > 50
    np.testing.assert_array_equal(narrow.events, wide.events)
    for name in "AB":
        one, other = narrow.particles[name], wide.particles[name]
        np.testing.assert_array_equal(one.id, other.id)
        np.testing.assert_array_equal(one.positions, other.positions)


def test_a_family_without_end_is_refused():
    assert many(0, 1, 100.0, [(0, (0,) * 100, 1.0)])[0] == first_order.DEEP
    model = system("A", {"A -> 100 A": 1.0}, A=hrd.Copies(1))
    with pytest.raises(hrd.StepError, match="smaller dt"):
        hrd.Simulation(model, dt=200.0, seed=1).step()


# --- closed forms: chi-square at p = 1e-5, that is 4.4 standard errors ---------------------------


@pytest.mark.parametrize("tau", [0.01, 0.7, 3.0])
def test_competing_channels_share_exactly(tau):
    # 300000 particles: a channel's share off by 1 % fails at tau = 0.7.
    n = 300_000
    rates = np.array([1.0, 0.4, 0.1])
    m, gone, new, _, _, events = many(0, n, tau, [(0, (1,), 1.0), (0, (2,), 0.4), (0, (), 0.1)])
    reacted = -math.expm1(-rates.sum() * tau)
    expected = n * np.append(rates / rates.sum() * reacted, 1 - reacted)
    assert stats.chisquare([*events, n - gone.sum()], expected).pvalue > 1e-5
    assert m == events[0] + events[1]
    assert np.bincount(new, minlength=3).tolist() == [0, events[0], events[1]]


@pytest.mark.parametrize("tau", [0.3, 2.0])
def test_births_are_a_yule_process(tau):
    # Family sizes are geometric with mean e^(k tau): 1 % of the rate fails.
    n = 200_000
    _, gone, _, parents, _, events = many(0, n, tau, [(0, (0, 0), 1.0)])
    assert not gone.any()
    size = 1 + np.bincount(parents.astype(np.int64), minlength=n)
    assert events[0] == size.sum() - n
    mean, q = math.exp(tau), math.exp(-tau)
    assert abs(size.mean() - mean) < 4.5 * math.sqrt(mean * (mean - 1) / n)
    # The variance of a sample variance is (m4 - var²)/n, with the moments of the geometric law.
    variance = mean * (mean - 1)
    fourth = float(stats.geom(q).stats("k")) + 3
    assert abs(size.var() - variance) < 4.5 * variance * math.sqrt((fourth - 1) / n)
    largest = int(stats.geom(q).isf(1e-3))
    observed = np.bincount(np.minimum(size, largest), minlength=largest + 1)[1:]
    chance = stats.geom(q).pmf(np.arange(1, largest + 1))
    chance[-1] += stats.geom(q).sf(largest)
    assert stats.chisquare(observed, n * chance).pvalue > 1e-5


def test_growth_over_steps():
    # e^(k t) from 20000 within 4.5 standard errors, 2.8 %; one event a half step is 11 % low.
    model = system("A", {"A -> 2 A": 1.0}, A=hrd.Copies(20_000))
    sim = hrd.Simulation(model, dt=0.8, seed=2)
    for _ in range(2):
        sim.step()
    mean = math.exp(1.6)
    found = sim.copy_number[0] / 20_000
    assert abs(found - mean) < 4.5 * math.sqrt(mean * (mean - 1) / 20_000)


@pytest.mark.parametrize("dt", [0.1, 2.0])
def test_a_chain_follows_its_closed_form_at_any_step(dt):
    # A -> B -> C; 200000 particles: a rate off by 1 % fails.
    n, k1, k2, t = 200_000, 0.7, 1.1, 2.0
    model = system("ABC", {"A -> B": k1, "B -> C": k2}, A=hrd.Copies(n))
    sim = hrd.Simulation(model, dt=dt, seed=4)
    for _ in range(round(t / dt)):
        sim.step()
    a = math.exp(-k1 * t)
    b = k1 / (k2 - k1) * (math.exp(-k1 * t) - math.exp(-k2 * t))
    assert sim.copy_number.sum() == n
    assert stats.chisquare(sim.copy_number, [n * a, n * b, n * (1 - a - b)]).pvalue > 1e-5


def test_production_and_decay_are_poisson_at_large_steps():
    # Steps of 4/d: independent numbers, Poisson of mean k/d = 5. Chi-square of 3000; a mean off
    # by 4 % fails.
    model = system("A", {"0 -> A": 10.0, "A -> 0": 2.0}, D=0.5)
    sim = hrd.Simulation(model, dt=2.0, seed=6)
    counts, places = [], []
    for _ in range(3000):
        sim.step()
        counts.append(sim.copy_number[0])
        places.append(sim.particles["A"].positions[:, 0].copy())
    law = stats.poisson(5.0)
    observed = np.bincount(np.minimum(counts, 12), minlength=13)
    chance = law.pmf(np.arange(13))
    chance[-1] += law.sf(12)
    assert stats.chisquare(observed, 3000 * chance).pvalue > 1e-5
    assert stats.kstest(np.concatenate(places), "uniform").pvalue > 1e-5
