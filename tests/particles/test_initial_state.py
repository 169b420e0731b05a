"""The state at time 0: Poisson processes in exact shapes, exact numbers and positions."""

import math

import numpy as np
import pytest
from scipy import stats

import hybridrd as hrd
from hybridrd.kernels.rng import make_key
from hybridrd.particles.initial_state import InitialState
from hybridrd.particles.population import Population
from hybridrd.particles.region import make_region

A, B = hrd.Species("A", D=1.0), hrd.Species("B", D=0.5)
SQUARE = hrd.Box(x=(0, 2), y=(-1, 1))
LEFT = hrd.Box(x=(0, 1), y=(-1, 1))


def system(initial, particles=LEFT, **changes):
    fields = {"species": [A, B], "domain": SQUARE, "cells": (8, 6), "initial": initial}
    return hrd.System(**{**fields, "particles": particles, **changes})


def draws(initial, n, seed=1):
    """Positions of A in n replicas, and the concentrations outside."""
    described = system(initial)
    region = make_region(described)
    for replica in range(n):
        population = Population(described.names, 2)
        outside = InitialState(described, region, make_key(seed, replica), population).draw(0)
        yield population[0].positions, outside


ARRAY = np.linspace(0, 3, 48).reshape(8, 6)
# Part, the mean number in the region, and a function of the position that is uniform on (0, 1).
SHAPES = {
    "number": (4.0, 8.0, lambda p: (p[1] + 1) / 2),
    "box": (hrd.Patch(9.0, x=(0.5, 1.7), y=(0.1, 0.7)), 2.7, lambda p: (p[0] - 0.5) / 0.5),
    "large box": (hrd.Patch(400.0, x=(0.1, 0.35)), 200.0, lambda p: (p[0] - 0.1) / 0.25),
    "disc": (
        hrd.Patch(30.0, center=(0.5, 0.2), radius=0.4),
        30.0 * math.pi * 0.16,
        lambda p: ((p[0] - 0.5) ** 2 + (p[1] - 0.2) ** 2) / 0.16,
    ),
    "array": (ARRAY, ARRAY[:4].sum() / 12, None),
    "function": (lambda x, y: 3 * x + 0 * y, 3.0, None),
    "sum": ([1.0, hrd.Patch(3.0, y=(0, 1))], 5.0, None),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_concentrations_become_poisson_numbers(shape):
    # 2000 replicas: the mean within 4.5 standard errors (5 % at a mean of 4), the law by chi-square
    # at p = 1e-5, places by Kolmogorov and Smirnov at p = 1e-5.
    part, mean, uniform = SHAPES[shape]
    positions = [x for x, _ in draws({A: part}, 2000)]
    counts = np.array([len(x) for x in positions])
    assert abs(counts.mean() - mean) < 4.5 * math.sqrt(mean / 2000)
    law = stats.poisson(mean)
    edges = np.unique(law.ppf([0.1, 0.3, 0.5, 0.7, 0.9]))
    chance = np.diff(law.cdf(edges), prepend=0.0, append=1.0)
    classes = np.bincount(np.searchsorted(edges, counts), minlength=len(chance))
    assert stats.chisquare(classes, 2000 * chance).pvalue > 1e-5
    x, y = np.concatenate(positions).T
    assert ((x >= 0) & (x <= 1) & (y >= -1) & (y <= 1)).all()
    if uniform is not None:
        u = uniform(np.array([x, y]))
        assert ((u >= 0) & (u <= 1)).all()
        assert stats.kstest(u, "uniform").pvalue > 1e-5


def test_a_disc_is_cut_by_the_plane_exactly():
    # Half of it lies in the region: 4.5 standard errors, 3 %, and nobody is outside.
    disc = hrd.Patch(60.0, center=(1.0, 0.0), radius=0.5)
    positions = [x for x, _ in draws({A: disc}, 1000)]
    mean = 60 * math.pi * 0.25 / 2
    assert abs(np.mean([len(x) for x in positions]) - mean) < 4.5 * math.sqrt(mean / 1000)
    points = np.concatenate(positions)
    assert (np.hypot(points[:, 0] - 1, points[:, 1]) <= 0.5).all()
    angle = np.arctan2(points[:, 1], 1 - points[:, 0])
    assert stats.kstest(angle / math.pi + 0.5, "uniform").pvalue > 1e-5


def test_cells_of_an_array_are_independent():
    # Variance over mean and covariance of the cells within 5 standard errors (3000 replicas).
    counts = np.array(
        [
            np.histogram2d(*x.T, bins=(4, 6), range=((0, 1), (-1, 1)))[0].ravel()
            for x, _ in draws({A: ARRAY * 20}, 3000)
        ]
    )
    mean = ARRAY[:4].ravel() * 20 / 12
    z = (counts.mean(axis=0) - mean)[mean > 0] / np.sqrt(mean[mean > 0] / 3000)
    assert np.abs(z).max() < 4.5
    scaled = (counts[:, 1:] - mean[1:]) / np.sqrt(mean[1:])
    covariance = scaled.T @ scaled / 3000
    spread = math.sqrt(1 / 3000)
    off = covariance - np.diag(np.diag(covariance))
    assert np.abs(off).max() < 5 * spread
    errors = np.sqrt((2 + 1 / mean[1:]) / 3000)
    assert (np.abs(np.diag(covariance) - 1) < 5 * errors).all()


def test_numbers_do_not_know_the_places():
    # Correlation of the number and the place of the first particle: 4.5 standard errors, 0.1.
    positions = [x for x, _ in draws({A: 2.0}, 2000) if len(x)]
    counts, first = np.array([(len(x), x[0, 0]) for x in positions]).T
    assert abs(np.corrcoef(counts, first)[0, 1]) < 4.5 / math.sqrt(len(counts))


def test_the_continuum_gets_the_exact_overlap():
    disc = hrd.Patch(60.0, center=(1.2, 0.0), radius=0.5)
    _, outside = next(draws({A: [disc, 2.0]}, 1))
    described = system({A: [disc, 2.0]})
    field = described.grid.unflatten(outside)
    assert (field[:4] == 0).all()
    # The segment of the disc beyond x = 1, 0.2 from its centre.
    segment = 0.25 * math.acos(0.4) - 0.2 * math.sqrt(0.25 - 0.04)
    expected = 60 * (math.pi * 0.25 - segment) + 2 * 2
    assert outside.sum() * described.grid.volume == pytest.approx(expected, rel=1e-12)
    sim = hrd.Simulation(described, dt=0.001, seed=1)
    np.testing.assert_allclose(sim.concentration[0, 4:], field[4:], rtol=1e-15)
    mine = sim.copy_number[0] / described.grid.volume
    assert sim.concentration[0, :4].sum() == pytest.approx(mine, rel=1e-14)


# --- exact numbers and positions -----------------------------------------------------------------


@pytest.mark.parametrize("coupling", ["two-way", "mean-field"])
def test_copies_are_exact_and_uniform(coupling):
    # Kolmogorov and Smirnov at p = 1e-5 of 20000 places: 1.7 %.
    initial = {A: hrd.Copies(20_000), B: hrd.Copies(5, x=(0.2, 0.4))}
    whole = hrd.Simulation(system(initial, particles=SQUARE), dt=0.001, seed=3)
    assert whole.copy_number.tolist() == [20_000, 5]
    x, y = whole.particles["A"].positions.T
    assert stats.kstest(x / 2, "uniform").pvalue > 1e-5
    assert stats.kstest((y + 1) / 2, "uniform").pvalue > 1e-5
    assert abs(np.corrcoef(x, y)[0, 1]) < 4.5 / math.sqrt(20_000)
    # The same places beside a continuum: those in the region are particles.
    left = hrd.Simulation(system(initial, coupling=coupling), dt=0.001, seed=3)
    np.testing.assert_array_equal(
        left.particles["A"].positions, whole.particles["A"].positions[x <= 1]
    )
    if coupling == "two-way":
        assert left.total == pytest.approx([20_000, 5], rel=1e-14)
        beyond = whole.concentration[0, 4:]
        np.testing.assert_allclose(left.concentration[0, 4:], beyond, rtol=1e-14)
    else:
        # The mean field has the mean: half of the copies on each side.
        assert left.concentration[0, 4:].sum() * 1 / 12 == pytest.approx(10_000, rel=1e-14)


def test_points_are_exact():
    points = np.array([[0.1, 0.0], [1.5, 0.3], [1.0, -1.0], [0.0, 1.0], [2.0, 1.0], [0.3, -0.7]])
    sim = hrd.Simulation(system({A: hrd.Points(points), B: 0.0}), dt=0.001, seed=1)
    np.testing.assert_array_equal(sim.particles["A"].positions, points[[0, 2, 3, 5]])
    assert sim.particles["A"].id.tolist() == [0, 1, 2, 3]
    expected = np.zeros((8, 6))
    expected[6, 3] = expected[7, 5] = 12.0
    np.testing.assert_allclose(sim.concentration[0, 4:], expected[4:], rtol=1e-14)
    assert sim.total == pytest.approx([6, 0], rel=1e-14)


def test_a_point_on_the_plane_is_in_the_concentration():
    sim = hrd.Simulation(system({A: hrd.Points([[1.0, 0.3]])}), dt=0.001, seed=1)
    assert sim.copy_number[0] == 1
    assert sim.concentration[0].sum() / 12 == pytest.approx(1.0)


def test_positions_are_a_copy_in_one_dimension():
    line = hrd.Box(x=(0, 1))
    sim = hrd.Simulation(
        hrd.System(species=[A], domain=line, particles=line, initial={A: hrd.Points([0.5])}),
        dt=0.001,
        seed=1,
    )
    before = sim.particles["A"].positions
    sim.step()
    assert before.tolist() == [[0.5]]


def test_ids_are_unique_over_species_and_parts():
    parts = [hrd.Copies(7), 5.0, hrd.Points([[0.2, 0.2]]), lambda x, y: x * y * y * 60, ARRAY]
    sim = hrd.Simulation(system({A: parts, B: parts}), dt=0.001, seed=2)
    ids = np.concatenate([sim.particles[name].id for name in "AB"])
    assert len(ids) > 60
    assert len(np.unique(ids)) == len(ids)


def test_the_start_belongs_to_seed_and_replica():
    def start(**options):
        sim = hrd.Simulation(system({A: 50.0}), dt=0.001, **options)
        return sim.particles["A"].positions

    one = start(seed=5)
    np.testing.assert_array_equal(one, start(seed=5, replica=0, threads=2))
    for other in (start(seed=5, replica=1), start(seed=6), start(seed=5, replica=2)):
        assert not np.isin(one, other).any()


def test_parts_of_a_species_share_no_numbers_with_those_of_the_next():
    """Part 1024 of A and part 0 of B, of one mean, would have one Poisson number."""
    initial = {A: [hrd.Patch(0.0)] * 1024 + [40.0], B: 40.0}
    described = system(initial, particles=SQUARE, cells=(2, 2))
    counts = [hrd.Simulation(described, 1e-3, seed=s).copy_number for s in range(8)]
    assert any(a != b for a, b in counts)  # each pair is equal with a probability of 0.02
