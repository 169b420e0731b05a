"""Pair correlation from replicas: Poisson, closed forms of clusters, a slow twin."""

import doctest
import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import chi2

import hybridrd as hrd
from hybridrd.errors import ModelError, ResultError
from hybridrd.results import correlations
from hybridrd.results.correlations import pair_correlation

BOXES = {
    1: hrd.Box(x=(-1, 4)),
    2: hrd.Box(x=(-1, 4), y=(2, 4)),
    3: hrd.Box(x=(-1, 2), y=(2, 4), z=(0, 2.5)),
}
SHELL = {1: lambda r: 2 + 0 * r, 2: lambda r: 2 * np.pi * r, 3: lambda r: 4 * np.pi * r**2}


def uniform(rng, box, n, margin=0.0):
    low, high = np.array(box.lower) - margin, np.array(box.upper) + margin
    return low + (high - low) * rng.random((n, box.dimension))


def poisson_replicas(rng, box, density, replicas, margin=0.0):
    volume = np.prod(np.array(box.upper) - np.array(box.lower) + 2 * margin)
    return [uniform(rng, box, rng.poisson(density * volume), margin) for _ in range(replicas)]


def inside(box, x):
    return x[((x >= box.lower) & (x <= box.upper)).all(axis=1)]


def deviations(found, expected):
    return ((found["g"] - expected) / found["g_sem"]).values


def test_examples_in_docstrings_hold():
    result = doctest.testmod(correlations)
    assert result.attempted > 4
    assert result.failed == 0


@pytest.mark.parametrize("periodic", [False, True, "x"])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_poisson_has_one(d, periodic):
    """Out to half of the box and to its shortest side, where edges matter most."""
    rng = np.random.default_rng(10 * d + len(str(periodic)))
    box, replicas = BOXES[d], 300
    density = 60 / box.volume
    edges = np.linspace(0, 1.0 if periodic is True else 1.4, 8)
    found = pair_correlation(
        poisson_replicas(rng, box, density, replicas), box, edges, periodic=periodic
    )
    z = deviations(found, 1)
    assert abs(z).max() < 4
    assert chi2.sf((z**2).sum(), 7) > 1e-3
    assert (found["g_sem"] < 0.1).all()
    assert_allclose(found["r"], (edges[1:] + edges[:-1]) / 2)
    if periodic is True:
        expected = [0.5 * density**2 * box.volume * quad(SHELL[d], a, b)[0]
                    for a, b in itertools.pairwise(edges)]  # fmt: skip
        assert_allclose(found["pairs"], expected, rtol=0.15)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_measure_of_pairs_of_points_in_a_box(d):
    """The share of pairs of points within r, by a large sample."""
    box = BOXES[d]
    rng = np.random.default_rng(3)
    a, b = uniform(rng, box, 400_000), uniform(rng, box, 400_000)
    for wraps in itertools.product([False, True], repeat=d):
        apart = abs(a - b)
        sides = np.array(box.upper) - np.array(box.lower)
        apart = np.where(wraps, np.minimum(apart, sides - apart), apart)
        distance = np.sqrt((apart**2).sum(axis=1))
        for r in (0.3, 1.0):
            share = float(correlations._pair_measure(np.array([r]), box, wraps)[0]) / box.volume**2
            error = math.sqrt(share * (1 - share) / len(a))
            assert abs((distance <= r).mean() - share) < 4 * error


def test_full_ball_in_the_longest_open_square():
    """All pairs of a unit square are within sqrt 2; within 1 it is pi - 8/3 + 1/2, a known law."""
    share = correlations._pair_measure(np.array([1.0]), hrd.Box(x=(0, 1), y=(0, 1)), (False, False))
    assert_allclose(share, math.pi - 8 / 3 + 1 / 2)


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_twins_at_a_fixed_distance(d, periodic):
    """Poisson pairs of points a apart: g = 1 + 1/(rho V_bin) in the bin of a, 1 elsewhere."""
    rng = np.random.default_rng(20 + d)
    box, a, density = BOXES[d], 0.35, 20 / BOXES[d].volume
    low, sides = np.array(box.lower), np.array(box.upper) - np.array(box.lower)
    replicas = []
    for parents in poisson_replicas(rng, box, density, 400, margin=0 if periodic else a):
        direction = rng.standard_normal(parents.shape)
        direction /= np.sqrt((direction**2).sum(axis=1, keepdims=True))
        both = np.concatenate([parents, parents + a * direction])
        replicas.append(low + np.mod(both - low, sides) if periodic else inside(box, both))
    edges = [0.0, 0.2, 0.3, 0.4, 0.6, 0.9]
    found = pair_correlation(replicas, box, edges, periodic=periodic)
    expected = np.ones(5)
    expected[2] += 1 / (2 * density * quad(SHELL[d], 0.3, 0.4)[0])
    assert abs(deviations(found, expected)).max() < 4
    assert float((found["g"] - 1)[2] / found["g_sem"][2]) > 10


def test_clusters_of_a_thomas_process():
    """Poisson parents, each with Poisson(m) children around: g = 1 + exp(-r²/4s²)/(4 pi s² rho_p).

    (Neyman and Scott's process with Gaussian clusters, in a periodic square.)
    """
    rng = np.random.default_rng(31)
    box, s, parents = hrd.Box(x=(0, 3), y=(0, 3)), 0.15, 2.0
    replicas = []
    for centres in poisson_replicas(rng, box, parents, 400):
        children = np.repeat(centres, rng.poisson(4.0, len(centres)), axis=0)
        replicas.append(np.mod(children + s * rng.standard_normal(children.shape), 3.0))
    edges = np.linspace(0, 1.0, 9)
    found = pair_correlation(replicas, box, edges, periodic=True)
    tail = np.exp(-(edges**2) / (4 * s**2))
    area = np.pi * np.diff(edges**2)
    expected = 1 - np.diff(tail) / area / parents
    assert abs(deviations(found, expected)).max() < 4
    assert expected[0] > 2.5


def test_two_species():
    """Unlike twins, and species that know nothing of each other."""
    rng = np.random.default_rng(41)
    box, density, edges = BOXES[2], 3.0, [0.0, 0.1, 0.3, 1.0]
    wide = poisson_replicas(rng, box, density, 300, margin=0.2)
    first = [inside(box, x) for x in wide]
    alone = poisson_replicas(rng, box, density, 300)
    assert abs(deviations(pair_correlation(first, box, edges, other=alone), 1)).max() < 4
    twins = [inside(box, x + [0.2, 0.0]) for x in wide]
    found = pair_correlation(first, box, edges, other=twins)
    expected = [1, 1 + 1 / (density * np.pi * 0.08), 1]
    assert abs(deviations(found, expected)).max() < 4


def test_a_fixed_number_is_one_pair_short():
    rng = np.random.default_rng(51)
    box, n = BOXES[3], 12
    found = pair_correlation([uniform(rng, box, n) for _ in range(600)], box, [0, 1, 1.9])
    assert abs(deviations(found, 1 - 1 / n)).max() < 4
    assert (abs(deviations(found, 1)) > 4).all()


def test_standard_error_is_the_spread_of_repeats():
    rng = np.random.default_rng(61)
    box, edges = BOXES[2], [0.0, 0.2, 0.6]
    results = [
        pair_correlation(poisson_replicas(rng, box, 2.0, 40), box, edges) for _ in range(150)
    ]
    spread = np.std([r["g"] for r in results], axis=0, ddof=1)
    stated = np.sqrt(np.mean([r["g_sem"] ** 2 for r in results], axis=0))
    assert_allclose(stated, spread, rtol=4 / math.sqrt(2 * 149))


def naive_pairs(first, second, like, edges, sides, wraps):
    counts = np.zeros(len(edges) - 1)
    for (i, x), (j, y) in itertools.product(enumerate(first), enumerate(second)):
        if like and i == j:
            continue
        square = 0.0
        for axis, (p, q) in enumerate(zip(x, y, strict=True)):
            apart = abs(p - q)
            if wraps[axis]:
                apart = min(apart, sides[axis] - apart)
            square += apart**2
        r = math.sqrt(square)
        for k in range(len(counts)):
            if edges[k] < r <= edges[k + 1] or r == edges[k] == 0:
                counts[k] += 1
    return counts


@pytest.mark.parametrize("edges", [[0.0, 0.3, 0.7, 1.0], [0.2, 0.3, 0.9]])
@pytest.mark.parametrize("periodic", [False, ("y", "z"), True])
def test_pairs_and_errors_are_those_of_a_naive_twin(periodic, edges):
    rng = np.random.default_rng(71)
    box = BOXES[3]
    sides = np.array(box.upper) - np.array(box.lower)
    wraps = [a in periodic for a in "xyz"] if isinstance(periodic, tuple) else [periodic] * 3
    first, second = (poisson_replicas(rng, box, 0.8, 6) for _ in range(2))
    first[2][1] = first[2][0]  # two particles at one place
    for other in (None, second):
        found = pair_correlation(first, box, edges, other=other, periodic=periodic)
        pairs = np.array([
            naive_pairs(a, a if other is None else b, other is None, edges, sides, wraps)
            for a, b in zip(first, second, strict=True)
        ])  # fmt: skip
        assert_allclose(found["pairs"], pairs.mean(axis=0) / (2 if other is None else 1))
        n = np.array([len(x) for x in first], float)
        m = n if other is None else np.array([len(x) for x in second], float)
        measure = np.diff(correlations._pair_measure(np.array(edges), box, tuple(wraps)))

        def estimate(kept, n=n, m=m, pairs=pairs, measure=measure):
            products = [n[i] * m[j] for i in kept for j in kept if i != j]
            return pairs[kept].mean(axis=0) / (np.mean(products) * measure / box.volume**2)

        left_out = [estimate([i for i in range(6) if i != k]) for k in range(6)]
        assert_allclose(found["g"], estimate(list(range(6))))
        assert_allclose(found["g_sem"], math.sqrt(5) * np.std(left_out, axis=0))


def test_pairs_of_a_simulation_that_reacts_are_rarer_than_independent_ones():
    """2 A -> 0 without diffusion: pairs within the radius die out as exp(-lambda0 t), the first
    reaction of each being all that matters at low density.
    """
    A = hrd.Species("A", D=0.0)
    box = hrd.Box(x=(0, 40), y=(0, 40))
    system = hrd.System(
        species=[A], domain=box, particles=box, initial={A: 0.05}, cells=8,
        walls={"x": hrd.Periodic(), "y": hrd.Periodic()},
        reactions=[hrd.Reaction("2 A -> 0", lambda0=1.0, radius=0.5)],
    )  # fmt: skip
    after = []
    for replica in range(200):
        sim = hrd.Simulation(system, dt=0.05, seed=2, replica=replica)
        for _ in range(20):
            sim.step()
        after.append(sim.particles["A"].positions)
    found = pair_correlation(after, box, [0.0, 0.5, 1.0, 2.0], periodic=True)
    n = np.mean([len(x) for x in after])
    # Of n particles, the few that died left each other's place: uniform pairs otherwise.
    survives = [math.exp(-1.0), 1, 1]
    assert 75 < n < 80
    bound = 4 * found["g_sem"] + 3 * 0.05 * np.pi * 0.25  # third particles within reach
    assert (abs(found["g"] - survives) < bound).all()
    assert float(found["g"][0]) < 0.6


# What cannot be


def test_refusals():
    box = BOXES[2]
    good = [np.array([[0.0, 3.0], [1.0, 3.5]])] * 3
    for edges, message in (
        ([0.1], "two increasing edges"),
        ([0.2, 0.1], "increasing"),
        ([-0.1, 0.1], "r_edges"),
        ([0.0, 2.5], "up to 2 "),
    ):
        with pytest.raises(ModelError, match=message):
            pair_correlation(good, box, edges)
    with pytest.raises(ModelError, match="up to 1 "):
        pair_correlation(good, box, [0, 1.5], periodic=True)
    with pytest.raises(ModelError, match="axes are x, y"):
        pair_correlation(good, box, [0, 1], periodic="z")
    with pytest.raises(ModelError, match="give a Box"):
        pair_correlation(good, (0, 1), [0, 1])
    for positions, other, message in (
        (good[:2], None, "at least three"),
        (good, good[:2], "as many"),
        ([np.zeros((2, 3))] * 3, None, r"positions\[0\] has shape \(2, 3\)"),
        (good, [np.array([[9.0, 3.0]])] * 3, r"other\[0\].*\[9. 3.\] is outside"),
        ([np.zeros((0, 2))] * 3, None, "too few"),
    ):
        with pytest.raises(ResultError, match=message):
            pair_correlation(positions, box, [0, 1], other=other)
