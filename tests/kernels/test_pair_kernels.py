"""Doi pairs: the twin over all pairs, conflicts, statistics, the same from any order."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from twins import naive

import hybridrd as hrd
from hybridrd.errors import StepError
from hybridrd.kernels import pairs
from hybridrd.kernels.arrays import Cells
from hybridrd.kernels.cell_list import CellList, count_cells, sort_into
from hybridrd.kernels.rng import make_key
from hybridrd.particles.particles import SPARE

KEY = make_key(8, 0)
EXTENT = (1.0, 0.7, 1.3)
CERTAIN = 40.0


def cell_list(ids, x, cells):
    """Particles stored in the order of cells, and where each cell starts."""
    n = len(ids)
    number = cells.mask + 1 if cells.mask else int(np.prod(cells.shape))
    places, starts = np.empty(n, np.int64), np.empty(number + 1, np.int64)
    count_cells(x, n, cells, places, starts)
    # Beyond the particles there is room, and what stands there counts for nothing.
    x_sorted, ids_sorted = np.full((len(x), n + SPARE), 0.1), np.empty_like(ids)
    sort_into(x, ids, n, places, starts, np.empty_like(starts[1:]), x_sorted, ids_sorted)
    return ids_sorted, x_sorted, starts


def find(
    a, b, like, radius, p, low, extent, shape, periods, step=0, reaction=0, half=0, rates=None,
    mask=0,
):  # fmt: skip
    """{(id, id): (time, priority, first reactant)} of the kernel, see `naive.firing_pairs`.

    a, b are (ids, x), rates the grid of hazards.
    """
    shape, low, extent = np.array(shape, np.int64), np.array(low), np.array(extent)
    cells = CellList(low, shape / extent, shape, np.array(periods), mask)
    ids_b, x_b, starts = cell_list(*b, cells)
    ids_a, x_a = (ids_b, x_b) if like else a
    rates = np.ones(len(low), np.int64) if rates is None else np.array(rates, np.int64)
    hazard = np.atleast_1d(np.array(p, float))
    room = len(ids_a) * len(ids_b) + 1
    i, j, time = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
    priority, turned = np.empty(room, np.uint64), np.empty(room, np.bool_)
    m = pairs.find_close(x_a, len(ids_a), x_b, starts, like, radius, cells, i, j)
    assert len(set(zip(i[:m], j[:m], strict=True))) == m  # no pair twice
    if len(hazard) > 1:
        grid = Cells(low, extent / rates, rates / extent, rates)
        hazard = pairs.local_hazards(i[:m], j[:m], x_a, x_b, hazard, grid, cells.periods)
    found = pairs.Pairs(i[:m], j[:m], time[:m], priority[:m], turned[:m])
    m = pairs.fire(found, ids_a, ids_b, like, hazard, False, KEY, step, reaction, half)
    found = {}
    for k in range(m):
        pair = int(ids_a[i[k]]), int(ids_b[j[k]])
        named = tuple(sorted(pair)) if like else pair
        found[named] = float(time[k]), int(priority[k]), pair[int(turned[k])]
    assert len(found) == m  # no pair twice
    return found


def assert_same(found, expected):
    """The same pairs, in the same order, at the same times but for round-off."""
    assert found.keys() == expected.keys()
    for pair, (time, *rest) in expected.items():
        assert found[pair] == (pytest.approx(time, rel=1e-9), *rest)


def cloud(n, d, seed, first=0):
    """(ids, x) in the box, some on its faces."""
    source = np.random.default_rng(seed)
    x = source.uniform(0, 1, (d, n))
    x[:, : n // 8] = source.integers(0, 2, (d, n // 8))
    ids = np.arange(first, first + n, dtype=np.uint64)
    return source.permutation(ids), x * np.array(EXTENT[:d])[:, None] - 0.2


def as_dict(group):
    return {int(i): tuple(point) for i, point in zip(group[0], group[1].T, strict=True)}


@st.composite
def boxes(draw):
    """A box with a Doi radius and a cell list that fits, and which axes are periodic."""
    d = draw(st.integers(1, 3))
    extent = EXTENT[:d]
    periodic = draw(st.tuples(*[st.booleans()] * d))
    bound = min([2.0, *(0.5 * e for e, p in zip(extent, periodic, strict=True) if p)])
    radius = draw(st.floats(0.02, bound))
    shape = [draw(st.integers(1, max(1, min(8, int(e / radius))))) for e in extent]
    periods = [e if p else 0.0 for e, p in zip(extent, periodic, strict=True)]
    return d, radius, shape, periods


def inside(x, periods):
    """Points on the upper face of a periodic axis belong to the lower one."""
    low, high = -0.2, np.array(EXTENT[: len(x)])[:, None] - 0.2
    at_end = (x >= high) & (np.array(periods)[:, None] > 0)
    return np.where(at_end, low, x)


@given(
    box=boxes(),
    like=st.booleans(),
    hazard=st.sampled_from([CERTAIN, 0.5, 0.05]),
    seed=st.integers(0, 10**6),
    step=st.integers(0, 2**32 - 1),
    reaction=st.integers(0, 2**20),
    half=st.integers(0, 1),
    first=st.sampled_from([0, 2**32 - 20, 2**50]),
    mask=st.sampled_from([0, 7, 63]),
)
def test_pairs_are_those_of_the_twin(box, like, hazard, seed, step, reaction, half, first, mask):
    d, radius, shape, periods = box
    ids, x = cloud(40, d, seed, first)
    a = (ids, inside(x, periods))
    ids, x = cloud(30, d, seed + 1, first + 40)
    b = a if like else (ids, inside(x, periods))
    where = (like, radius, hazard)
    found = find(
        a, b, *where, [-0.2] * d, EXTENT[:d], shape, periods, step, reaction, half, mask=mask
    )
    expected = naive.firing_pairs(
        as_dict(a), as_dict(b), *where, periods, KEY, step, reaction, half
    )
    assert_same(found, expected)


@given(box=boxes(), like=st.booleans(), seed=st.integers(0, 10**6))
def test_hazards_by_position_are_those_of_the_twin(box, like, seed):
    # The cell of the middle of the pair decides; through a periodic wall the middle is near it.
    d, radius, shape, periods = box
    rates = (4, 3, 2)[:d]
    table = np.random.default_rng(seed).uniform(0, 1, rates)
    ids, x = cloud(40, d, seed)
    a = (ids, inside(x, periods))

    def hazard(one, other):
        middle = []
        for u, v, period in zip(one, other, periods, strict=True):
            half_way = 0.5 * (u + v) + (0.5 * period if abs(u - v) > 0.5 * period > 0 else 0.0)
            middle.append(naive.wrap(half_way, -0.2, -0.2 + period) if period else half_way)
        return table[naive.cell(middle, [-0.2] * d, [e - 0.2 for e in EXTENT[:d]], rates)]

    b = a if like else (cloud(30, d, seed + 1, 40)[0], inside(cloud(30, d, seed + 1)[1], periods))
    flat = table.ravel(order="F")
    found = find(
        a, b, like, radius, flat, [-0.2] * d, EXTENT[:d], shape, periods, rates=rates
    )  # fmt: skip
    expected = naive.firing_pairs(
        as_dict(a), as_dict(b), like, radius, hazard, periods, KEY, 0, 0, 0
    )
    assert_same(found, expected)


def test_storage_order_changes_nothing():
    (ids, x), source = cloud(200, 2, 1), np.random.default_rng(2)
    x = inside(x, (1.0, 0.0))
    rest = ([-0.2, -0.2], EXTENT[:2], (2, 1), (1.0, 0.0))
    one = find((ids, x), (ids, x), True, 0.2, 0.5, *rest)
    order = source.permutation(200)
    mixed = (ids[order], np.ascontiguousarray(x[:, order]))
    assert len(one) > 100
    assert find(mixed, mixed, True, 0.2, 0.5, *rest) == one
    # Where the hazard depends on the position, through the periodic wall, too.
    p, low, periods = np.linspace(0, 1, 6), [-0.2, -0.2], (1.0, 0.0)
    by_cell = [
        find(group, group, True, 0.4, p, low, EXTENT[:2], (1, 1), periods, rates=(6, 1))
        for group in ((ids, x), mixed)
    ]
    assert by_cell[0] == by_cell[1]


def test_too_little_room_is_reported():
    ids, x = cloud(30, 1, 1)
    cells = CellList(np.array([-0.2]), np.array([4.0]), np.array([4]), np.zeros(1), 0)
    ids, x, starts = cell_list(ids, x, cells)
    counts = []
    for room in (0, 3, 1000):
        out = np.empty(room, np.int64), np.empty(room, np.int64)
        counts.append(pairs.find_close(x, 30, x, starts, True, 0.2, cells, *out))
    assert counts[0] == counts[1] == counts[2] > 50


# --- conflicts, through the whole half step ------------------------------------------------------

SPECIES = "ABC"
EQUATIONS = [
    ("A + B -> C", (0, 1), (2,)),
    ("A + B -> 2 B", (0, 1), (1, 1)),  # B is a catalyst and may react again
    ("B + A -> B", (1, 0), (1,)),
    ("A + B -> B", (0, 1), (1,)),
    ("2 A -> 0", (0, 0), ()),
    ("2 A -> A", (0, 0), (0,)),
    ("2 B -> A + C", (1, 1), (0, 2)),
    ("B + C -> A + A + C", (1, 2), (0, 0, 2)),
    ("C + B -> 2 A + B + C", (2, 1), (0, 0, 1, 2)),
    ("2 A -> 2 A + B", (0, 0), (0, 0, 1)),
    ("2 A -> C", (0, 0), (2,)),
]


@given(
    box=boxes(),
    chosen=st.lists(st.sampled_from(EQUATIONS), min_size=1, max_size=3, unique=True),
    dt=st.floats(0.1, 0.6),
    seed=st.integers(0, 10**6),
)
def test_half_steps_are_those_of_the_twin(box, chosen, dt, seed):
    # Particles at rest: waiting times of the rate lambda0 in each of two half steps.
    d, radius, _, periods = box
    radius = min(radius, 0.5 * min(EXTENT[:d]))
    domain = hrd.Box(**dict(zip("xyz", [(-0.2, e - 0.2) for e in EXTENT[:d]], strict=False)))
    points = [inside(cloud(n, d, seed + n)[1], periods).T for n in (20, 15, 6)]
    system = hrd.System(
        species=[hrd.Species(name, D=0.0) for name in SPECIES],
        domain=domain,
        particles=domain,
        walls={axis: hrd.Periodic() for axis, p in zip("xyz", periods, strict=False) if p},
        reactions=[hrd.Reaction(text, lambda0=1.0, radius=radius) for text, _, _ in chosen],
        initial={name: hrd.Points(x) for name, x in zip(SPECIES, points, strict=True)},
    )
    sim = hrd.Simulation(system, dt=dt, seed=8)
    first = np.cumsum([0, *(len(x) for x in points)])
    species = [
        {first[s] + i: tuple(point) for i, point in enumerate(x)} for s, x in enumerate(points)
    ]
    # Storage must not matter.
    for group in sim._population:
        order = np.random.default_rng(seed).permutation(group.n)
        group.x[:, : group.n], group.ids[: group.n] = group.x[:, order], group.ids[order]
    try:
        sim.step()
    except StepError:  # births that double in no time, see test_crowds
        assume(False)
    next_id, counts = first[-1], np.zeros(len(chosen), int)
    reactions = [(reactants, products, radius, 0.5 * dt) for _, reactants, products in chosen]
    for half in (0, 1):
        twin = naive.HalfStep(species, reactions, periods, KEY, 0, half, next_id)
        next_id, counts = twin.next_id, counts + twin.counts
    assert sim.events.tolist() == counts.tolist()
    for name, expected in zip(SPECIES, species, strict=True):
        group = sim.particles[name]
        found = {int(i): tuple(point) for i, point in zip(group.id, group.positions, strict=True)}
        assert found == expected


# --- statistics ----------------------------------------------------------------------------------


@pytest.mark.parametrize("like", [True, False])
def test_number_of_events_is_p_times_the_pairs(like):
    # 400 independent draws: 4.5 standard errors, p off by 2 % fails; halves and steps independent.
    a, b, p = cloud(60, 2, 3), cloud(60, 2, 4, 60), 0.3
    b = a if like else b
    rest = ([-0.2, -0.2], EXTENT[:2], (3, 2), (0.0, 0.0))
    number = len(find(a, b, like, 0.2, CERTAIN, *rest))
    fired = [
        [find(a, b, like, 0.2, -math.log1p(-p), *rest, step, 0, half) for half in (0, 1)]
        for step in range(400)
    ]
    trials = 2 * 400 * number
    total = sum(len(f) for both in fired for f in both)
    assert abs(total - p * trials) < 4.5 * math.sqrt(p * (1 - p) * trials)
    # Both halves, and two steps that follow each other: p² of the pairs.
    again = sum(len(f.keys() & g.keys()) for f, g in fired)
    again += sum(len(f.keys() & g.keys()) for (f, _), (g, _) in itertools.pairwise(fired))
    trials = 799 * number
    assert abs(again - p**2 * trials) < 4.5 * math.sqrt(p**2 * trials)


def test_no_partner_is_favoured():
    # One A, six B within reach that all fire: each wins equally often. Chi-square of 6000 at
    # p = 1e-5; a share off by 10 % fails.
    a = (np.array([3], np.uint64), np.array([[0.5]]))
    b = (np.arange(10, 16, dtype=np.uint64), np.linspace(0.4, 0.6, 6)[None, :])
    wins = np.zeros(6)
    for step in range(6000):
        found = find(a, b, False, 0.2, CERTAIN, [0.0], [1.0], [4], [0.0], step)
        assert len(found) == 6
        wins[min(found, key=found.get)[1] - 10] += 1
    assert stats.chisquare(wins).pvalue > 1e-5
