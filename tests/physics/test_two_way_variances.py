"""Equilibrium fluctuations of running two-way simulations against the exact recursion."""

import math

import numpy as np
import pytest
from support.sampling import batches, sample

import hybridrd as hrd
from hybridrd.theory.fluctuations import two_way_statistics

A = hrd.Species("A", D=1.0)


def slab(region, beyond, per_cell, shape=(), fluctuations=None, scheme=None):
    """Unit cells; ``region`` of them with particles, then ``beyond``; periodic along y and z."""
    names = "yz"[: len(shape)]
    across = {a: (0, n) for a, n in zip(names, shape, strict=True)}
    return hrd.System(
        species=[A], domain=hrd.Box(x=(0, region + beyond), **across),
        particles=hrd.Box(x=(0, region), **across), cells=(region + beyond, *shape),
        walls={a: hrd.Periodic() for a in names}, interface=scheme, fluctuations=fluctuations,
        initial={A: float(per_cell)},
    )  # fmt: skip


def counts(sim):
    """Particles in the unit cells of the region."""
    shape = sim.plan.region.inner.shape
    cells = np.floor(sim.particles["A"].positions).astype(int)
    index = np.ravel_multi_index(cells.T, shape)
    return np.bincount(index, minlength=math.prod(shape)).reshape(shape)


def ratios(n, mean, whole):
    """Variance over the binomial one by bins, and its standard error; the mean is known."""
    reference = mean * (1 - mean / whole)
    value, error = batches((n - mean) ** 2 / reference)
    return value, error


def layers_and_total(system, dt, steps, stride=2, seed=1):
    """Numbers in whole layers of cells, plane first, and in all; and the mean of a layer."""
    sim = hrd.Simulation(system, dt=dt, seed=seed)
    n = sample(sim, counts, 50, steps // stride, stride)
    layers = n.reshape(*n.shape[:2], -1).sum(axis=2)[:, ::-1]
    whole = sim.total[0]
    return layers, layers.sum(axis=1), whole / system.grid.shape[0], whole


@pytest.mark.parametrize(
    ("alpha", "scheme", "shape", "steps"),
    [
        (1.0, None, (), 16000),
        (0.25, None, (), 16000),
        (1.0, None, (6,), 12000),
        (0.5, hrd.ExactPlane(), (), 16000),
    ],
    ids=repr,
)
def test_variances_without_noise_are_those_of_the_recursion(alpha, scheme, shape, steps):
    region, beyond = 5, 10
    system = slab(region, beyond, 60 if not shape else 12, shape, scheme=scheme)
    layers, total, mean, whole = layers_and_total(system, alpha, steps)
    found = two_way_statistics(alpha, region, beyond, scheme)
    value, error = ratios(layers, mean, whole)
    assert np.all(error < 0.04)
    assert np.all(np.abs(value - found.bins) < 4.5 * error)
    value, error = ratios(total, region * mean, whole)
    assert abs(value - found.total) < 4.5 * error
    assert 1.0 - value > 5 * error  # the deficit itself is seen


@pytest.mark.parametrize(
    ("alpha", "shape", "steps"),
    [(1.0, (), 12000), (0.25, (), 12000), (1.0, (6,), 8000), (0.5, (4, 4), 6000)],
    ids=repr,
)
def test_fluctuations_restore_the_variances(alpha, shape, steps):
    """25 particles a cell: layers, total, and single cells are those of independent particles."""
    region = 4
    system = slab(region, 4, 25, shape, fluctuations="gaussian")
    sim = hrd.Simulation(system, dt=alpha, seed=2)
    n = sample(sim, counts, 50, steps // 2, 2)
    whole = sim.total[0]
    cell = whole / system.grid.cells
    layers = n.reshape(len(n), region, -1)
    for values in (layers.sum(axis=2), layers.sum(axis=(1, 2))):
        mean = cell * n[0].size / (region if values.ndim == 2 else 1)
        value, error = ratios(values, mean, whole)
        assert np.all(error < 0.08)
        assert np.all(np.abs(value - 1) < 4.5 * error)
        value, error = batches(values / mean)
        assert np.all(np.abs(value - 1) < 4.5 * error)
    value, error = ratios(layers, cell, whole)
    value, error = value.mean(axis=1), np.sqrt((error**2).mean(axis=1) / layers.shape[2] * 1.5)
    assert np.all(np.abs(value - 1) < 4.5 * error)
