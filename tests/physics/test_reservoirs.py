"""A reservoir of constant concentration: a uniform state stays uniform, Poisson, everywhere."""

import math
import warnings
from itertools import pairwise

import numpy as np
import pytest
from support.one_step import Slab
from support.sampling import particles_in_bins, poisson_deviation, sample

import hybridrd as hrd
from hybridrd.errors import AccuracyWarning

A = hrd.Species("A", D=1.0)

# Scheme, alpha = D dt/dx² (for the plane D dt/depth², at most 1/32), c_R; the layer is 1 wide and
# the region 4 deep.
CASES = [
    (hrd.Layer(width=1.0), 0.02),
    (hrd.Layer(width=1.0), 0.1),
    (hrd.Layer(width=1.0), 0.5),
    (hrd.Layer(width=1.0), 1.0),
    (hrd.CalibratedLayer(width=1.0), 0.02),
    (hrd.CalibratedLayer(width=1.0), 0.1),
    (hrd.CalibratedLayer(width=1.0), 0.5),
    (hrd.CalibratedLayer(width=1.0), 1.0),
    (hrd.ExactPlane(), 0.02),
    (hrd.ExactPlane(), 0.1),
    (hrd.ExactPlane(), 0.5),
]
DEPTH = 4.0


def slab(scheme, c, width, initial=None, cells=(16, 40)):
    """A region between two reservoir walls, periodic along y."""
    domain = hrd.Box(x=(0, DEPTH), y=(0, width))
    wall = hrd.Reservoir({A: c})
    return hrd.System(
        species=[A], domain=domain, particles=domain, cells=cells, interface=scheme,
        walls={"x": wall, "y": hrd.Periodic()}, initial={A: c} if initial is None else initial,
    )  # fmt: skip


def simulation(system, dt, seed=1):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # alpha above 0.5 is on purpose
        return hrd.Simulation(system, dt=dt, seed=seed)


def edges(system):
    return [system.grid.edges(a) for a in range(system.dimension)]


def check_uniform(system, dt, samples, warm=3.0, seed=1):
    """Counts in cells are Poisson numbers of mean c V: all means, and variance over mean.

    Samples are one relaxation time of the slab apart, which leaves a correlation of exp(-1) or
    less. Returns the relative error of the total and its standard error.
    """
    sim = simulation(system, dt, seed)
    relaxation = DEPTH**2 / math.pi**2 / dt
    stride = max(1, math.ceil(relaxation))
    bins = edges(system)
    counts = sample(
        sim,
        lambda s: particles_in_bins(s, "A", bins),
        math.ceil(warm * relaxation),
        samples,
        stride,
    )
    c = next(iter(system.walls.values())).concentrations["A"]
    mean = c * system.grid.volume
    rows = counts.sum(axis=2)  # at one depth
    assert np.abs(poisson_deviation(rows, mean * counts.shape[2], math.exp(-1))).max() < 4.5
    total = counts.sum(axis=(1, 2))
    expected = mean * counts[0].size
    assert abs(poisson_deviation(total, expected, math.exp(-1))) < 4
    # At each depth and in all: cells are independent, their fourth moment that of Poisson numbers.
    for values in (counts, counts[:, :1], counts[:, -1:]):
        ratio = ((values - mean) ** 2).mean() / mean
        error = math.sqrt((2 + 1 / mean) / values.size * 1.4)
        assert abs(ratio - 1) < 4.5 * error
    inflated = math.sqrt((1 + math.exp(-1)) / (1 - math.exp(-1)) / (expected * samples))
    return total.mean() / expected - 1, inflated


def step_of(scheme, alpha):
    return alpha * DEPTH**2 / 32 if isinstance(scheme, hrd.ExactPlane) else alpha


@pytest.mark.parametrize(("scheme", "alpha"), CASES, ids=repr)
def test_uniform_reservoir_stays_uniform(scheme, alpha):
    samples = 40 if alpha > 0.05 else 8
    check_uniform(slab(scheme, c=50.0, width=100.0), step_of(scheme, alpha), samples)


@pytest.mark.parametrize("scheme", [hrd.Layer(width=1.0), hrd.CalibratedLayer(), hrd.ExactPlane()])
def test_half_a_particle_in_the_layer(scheme):
    """As many particles as fit in a small 1D system: two in the region, half a one in a layer."""
    domain = hrd.Box(x=(0, DEPTH))
    system = hrd.System(
        species=[A], domain=domain, particles=domain, cells=4, interface=scheme,
        walls={"x": hrd.Reservoir({A: 0.5})}, initial={A: 0.5},
    )  # fmt: skip
    sim = simulation(system, dt=0.5, seed=3)
    n = sample(sim, lambda s: s.copy_number[0], 10, 4000, 3)
    mean, samples = 0.5 * DEPTH, len(n)
    correlation = math.exp(-3 * 0.5 * math.pi**2 / DEPTH**2)
    assert abs(poisson_deviation(n, mean, correlation)) < 4
    inflation = (1 + correlation**2) / (1 - correlation**2)
    error = mean * math.sqrt((2 + 1 / mean) * inflation / samples)
    assert abs(((n - mean) ** 2).mean() - mean) < 4.5 * error
    # The distribution itself, by bins of which each has a fair share.
    share = np.array([math.exp(-mean) * mean**k / math.factorial(k) for k in range(5)])
    seen = np.array([(n == k).mean() for k in range(5)])
    assert np.all(np.abs(seen - share) < 4.5 * np.sqrt(share * (1 - share) * 1.4 / samples))


def corner(scheme, c, extent, cells):
    """A box with reservoirs on every side."""
    names = "xyz"[: len(extent)]
    domain = hrd.Box(**{a: (0, e) for a, e in zip(names, extent, strict=True)})
    return hrd.System(
        species=[A], domain=domain, particles=domain, cells=cells, interface=scheme,
        walls={a: hrd.Reservoir({A: c}) for a in names}, initial={A: c},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("scheme", "dt"),
    [
        (hrd.Layer(width=1.0), 0.5),
        (hrd.Layer(width=1.0), 1.0),
        (hrd.CalibratedLayer(width=1.0), 1.0),
        (hrd.ExactPlane(), 0.5),
        (hrd.ExactPlane(), 0.05),
    ],
    ids=repr,
)
@pytest.mark.parametrize("dimension", [2, 3])
def test_uniform_in_corners(scheme, dt, dimension):
    """Rules that add up over faces give up to twice c_R in a corner cell."""
    cells = (8, 8, 8)[:dimension]
    system = corner(scheme, {2: 500.0, 3: 60.0}[dimension], (DEPTH,) * dimension, cells)
    sim = simulation(system, dt, seed=5)
    bins = edges(system)
    relaxation = DEPTH**2 / math.pi**2 / dimension / dt
    stride = math.ceil(relaxation)
    counts = sample(
        sim, lambda s: particles_in_bins(s, "A", bins), math.ceil(3 * relaxation), 50, stride
    )
    mean = next(iter(system.walls.values())).concentrations["A"] * system.grid.volume
    ends = np.ix_(*[[0, -1]] * dimension)
    corners = np.moveaxis(counts, 0, -1)[ends].reshape(-1, len(counts)).T
    for values in (corners, counts.reshape(len(counts), -1)):
        total = values.sum(axis=1)
        assert abs(poisson_deviation(total, mean * values.shape[1], math.exp(-1))) < 4
        error = math.sqrt((2 + 1 / mean) / values.size * 1.4)
        assert abs(((values - mean) ** 2).mean() / mean - 1) < 4.5 * error


def filling(scheme, dt, steps, edges):
    """Mean concentration in bins while an empty slab fills up, by operator or series; c_R = 1."""
    if isinstance(scheme, hrd.ExactPlane):
        odd = np.arange(1, 400, 2) * math.pi / DEPTH
        for k in range(1, steps + 1):
            modes = np.cos(odd * edges[:, None]) / odd**2 * np.exp(-(odd**2) * k * dt)
            yield np.diff(edges) + 4 / DEPTH * np.diff(modes.sum(axis=1))
        return
    numbers = scheme.numbers(1.0, dt, "wall", 0.25, DEPTH, "A")
    twin = Slab(DEPTH, numbers.spread, breaks=edges)
    n = np.zeros_like(twin.x)
    for _ in range(steps):
        for end in (0, 1):
            layer = twin.layer(numbers.width, end)
            n[layer] = numbers.survival * n[layer] + 1 - numbers.survival
        n = twin.matrix @ n
        yield np.array([twin.count(n, *pair) for pair in pairwise(edges)])


@pytest.mark.parametrize(
    "scheme", [hrd.Layer(width=1.0), hrd.CalibratedLayer(width=1.0), hrd.ExactPlane()], ids=repr
)
def test_an_empty_region_fills_up(scheme):
    """Means on the way at every depth; Poisson at all times, as the start is (of mean 0)."""
    c, width, dt = 400.0, 100.0, 0.125
    system = slab(scheme, c, width, initial={})
    sim = simulation(system, dt, seed=2)
    bins = edges(system)
    for k, mean in enumerate(filling(scheme, dt, 20, bins[0])):
        sim.step()
        if k % 5 > 0:
            continue
        expected = c * width * mean
        counts = particles_in_bins(sim, "A", bins)
        assert np.abs((counts.sum(axis=1) - expected) / np.sqrt(expected)).max() < 4.5
        assert abs(counts.sum() - expected.sum()) < 4 * math.sqrt(expected.sum())
        cell = expected[:, None] / counts.shape[1]
        spread = ((counts - cell) ** 2 / cell).mean()
        assert abs(spread - 1) < 4 * math.sqrt((2 + (1 / cell).mean()) / counts.size)
