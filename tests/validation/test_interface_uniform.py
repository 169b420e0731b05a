"""Uniform reservoirs to 0.3 %, from half a particle in a layer to ten thousand."""

import math

import numpy as np
import pytest
from physics.test_reservoirs import A, check_uniform, corner, simulation, slab, step_of
from support.sampling import poisson_deviation, sample

import hybridrd as hrd

pytestmark = pytest.mark.validation

SCHEMES = [hrd.Layer(width=1.0), hrd.CalibratedLayer(width=1.0), hrd.ExactPlane()]


@pytest.mark.parametrize("alpha", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("scheme", SCHEMES, ids=repr)
def test_ten_thousand_in_the_layer(scheme, alpha):
    off, error = check_uniform(slab(scheme, 100.0, 100.0), step_of(scheme, alpha), samples=60)
    assert error < 1e-3
    assert abs(off) < 3e-3


@pytest.mark.parametrize(
    ("in_layer", "alpha", "samples"), [(10.0, 1.0, 40000), (10.0, 0.1, 25000), (0.5, 1.0, 200000)]
)
@pytest.mark.parametrize("scheme", SCHEMES, ids=repr)
def test_few_in_the_layer(scheme, in_layer, alpha, samples):
    dt = step_of(scheme, alpha)
    domain = hrd.Box(x=(0, 4))
    system = hrd.System(
        species=[A], domain=domain, particles=domain, cells=4, interface=scheme,
        walls={"x": hrd.Reservoir({A: in_layer})}, initial={A: in_layer},
    )  # fmt: skip
    sim = simulation(system, dt)
    stride = max(1, math.ceil(16 / math.pi**2 / dt))  # one relaxation time
    n = sample(sim, lambda s: s.copy_number[0], 3 * stride, samples, stride)
    mean = 4 * in_layer
    assert abs(poisson_deviation(n, mean, math.exp(-1))) < 4
    assert in_layer < 1 or abs(n.mean() / mean - 1) < 3e-3
    error = math.sqrt((2 + 1 / mean) * 1.3 / samples)
    assert abs(((n - mean) ** 2).mean() / mean - 1) < 4.5 * error


@pytest.mark.parametrize("scheme", SCHEMES, ids=repr)
@pytest.mark.parametrize("dimension", [2, 3])
def test_corner_cells_within_three_per_mille(scheme, dimension):
    system = corner(
        scheme, {2: 12000.0, 3: 3000.0}[dimension], (4.0,) * dimension, (4,) * dimension
    )
    sim = simulation(system, 0.5)
    low = [np.arange(5.0)] * dimension
    mean = system.walls["x-"].concentrations["A"]
    ends = np.ix_(*[[0, -1]] * dimension)

    def corners(s):
        return np.histogramdd(s.particles["A"].positions, low)[0][ends].sum()

    n = sample(sim, corners, 10, 40, 3)
    expected = mean * 2**dimension
    assert abs(n.mean() / expected - 1) < 3e-3
    assert abs(poisson_deviation(n, expected, math.exp(-1))) < 4
