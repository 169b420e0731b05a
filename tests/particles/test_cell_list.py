"""Cells that hold a few particles however these are spread, and the pairs found with them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.close_pairs import find_pairs, search_of

import hybridrd as hrd
from hybridrd.kernels.cell_list import copy_species, crowd, lay_out

SIDE, RADIUS = 10.0, 0.02


def simulation(dimension, walls=None, radius=RADIUS, like=True):
    box = hrd.Box(**dict.fromkeys("xyz"[:dimension], (0, SIDE)))
    system = hrd.System(
        species=[hrd.Species("A", D=1.0), hrd.Species("B", D=1.0)], domain=box, particles=box,
        walls=walls or {}, cells=(4,) * dimension,
        reactions=[hrd.Reaction("2 A -> 0" if like else "A + B -> 0", k=1e-3, radius=radius)],
    )  # fmt: skip
    return hrd.Simulation(system, dt=1e-6, seed=1)


def clusters(dimension, n, count, size, seed):
    """n points in ``count`` cubes of an edge ``size``, some of them across the box's ends."""
    source = np.random.default_rng(seed)
    middle = source.uniform(0, SIDE, (dimension, count))
    middle[:, 0] = 0.0
    x = middle[:, source.integers(0, count, n)] + source.uniform(-0.5, 0.5, (dimension, n)) * size
    return x % SIDE


def fill(group, x):
    group.append(x, np.arange(x.shape[1], dtype=np.uint64))


def close(a, b, radius, periodic):
    gap = a[:, :, None] - b[:, None, :]
    for k in range(len(a)):
        if periodic[k]:
            gap[k] -= SIDE * np.round(gap[k] / SIDE)
    return (gap**2).sum(axis=0) <= radius**2


def spread(sim, x, radius, fineness):
    """The cells for points, and where each begins; changes the fineness."""
    group = next(iter(sim._population))
    group.n = 0
    fill(group, x)
    box = search_of(sim).box
    listed = copy_species(sim._population.table, np.zeros(1, np.int64), box, radius, fineness)
    _, finest = lay_out(box, radius, x.shape[1], fineness[0])
    return listed.cells, listed.starts[0], finest


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 30])
@pytest.mark.parametrize("n", [2_000, 50_000])
def test_nobody_sees_a_crowd(dimension, count, n):
    """A cell of a uniform spread would hold all of a cluster; memory stays that of particles."""
    sim, fineness = simulation(dimension), np.ones(1)
    x = clusters(dimension, n, count, 5 * RADIUS, 1)
    radius = 0.1 * RADIUS / n ** (1 / dimension)
    cells, starts, _ = spread(sim, x, radius, fineness)
    assert crowd(starts) <= 8.0
    assert len(starts) < 20 * n + 20_000
    assert starts[-1] == n
    assert cells.mask > 0 or dimension == 1
    again, same, _ = spread(sim, x, radius, fineness)
    assert np.array_equal(again.shape, cells.shape)
    assert np.array_equal(same, starts)


def test_cells_are_no_narrower_than_the_radius():
    x = clusters(3, 20_000, 1, 3 * RADIUS, 1)
    cells, starts, finest = spread(simulation(3), x, RADIUS, np.ones(1))
    assert finest
    assert (1.0 / cells.inverse).min() >= RADIUS
    assert crowd(starts) > 100  # neighbours, whatever the cells


def test_what_has_spread_gets_wide_cells_again():
    sim, fineness = simulation(2), np.ones(1)
    for size in (0.01, 0.01, 0.1, 1.0, *[10.0] * 20):
        cells, _, _ = spread(sim, clusters(2, 20_000, 1, size, 2), 1e-5, fineness)
    assert fineness[0] > 0.6
    assert cells.mask == 0


@given(
    dimension=st.integers(1, 3), count=st.integers(1, 8), size=st.sampled_from([0.05, 0.3, 2.0]),
    wraps=st.booleans(), like=st.booleans(), few=st.booleans(), seed=st.integers(0, 100),
)  # fmt: skip
@settings(max_examples=60)
def test_pairs_are_those_that_are_close(dimension, count, size, wraps, like, few, seed):
    """Against all distances: all with all, and with rows of cells side by side and scattered."""
    walls = {"y" if dimension > 1 else "x": hrd.Periodic()} if wraps else {}
    sim = simulation(dimension, walls, like=like)
    periodic = sim.plan.region.periodic
    a, b = (
        clusters(dimension, 90 if few else 500, count, size, seed),
        clusters(dimension, 90, count, size, seed + 1),
    )
    groups = list(sim.particles.values())
    fill(groups[0], a)
    fill(groups[1], b)
    i, j = find_pairs(sim)
    x, y = (
        groups[0].x[:, : groups[0].n],
        groups[0 if like else 1].x[:, : groups[0 if like else 1].n],
    )
    near = close(x, y, RADIUS, periodic)
    if like:
        near = np.triu(near, 1)
    expected = set(map(tuple, np.argwhere(near).tolist()))
    found = list(zip(i.tolist(), j.tolist(), strict=True))
    assert len(found) == len(set(found))
    assert {tuple(sorted(p)) if like else p for p in found} == expected
