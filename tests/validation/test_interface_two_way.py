"""Two-way coupling at length: the ledger, the jump, fluctuations from low to high content."""

import numpy as np
import pytest
from coupling.test_two_way import book_keeping, wide
from physics.test_two_way_variances import A, counts, ratios, slab
from support.sampling import batches, sample

import hybridrd as hrd
from hybridrd.theory.fluctuations import expected_total_ratio

pytestmark = pytest.mark.validation


@pytest.mark.ci
@pytest.mark.parametrize(
    ("scheme", "fluctuations"), [(None, None), (None, "gaussian"), (hrd.ExactPlane(), None)]
)
@pytest.mark.ci
def test_hundred_thousand_steps_drift_by_round_off(scheme, fluctuations):
    drift, least, _ = book_keeping(scheme, fluctuations, 100_000)
    assert drift < 1e-10
    assert least >= 0.0


@pytest.mark.parametrize("alpha", [0.25, 1.0])
@pytest.mark.parametrize("scheme", [None, hrd.ExactPlane()], ids=repr)
def test_mean_within_one_percent_at_one_particle_a_cell(scheme, alpha):
    cells, inside = (8, 4) if scheme is None else (12, 6)
    system = wide(cells, (0, inside), 300, 1.0, scheme)
    sim = hrd.Simulation(system, dt=alpha, seed=7)
    n = sample(sim, lambda s: s.copy_number[0], 300, 10000, 1)
    value, error = batches(n / (sim.total[0] * inside / cells))
    assert error < 0.0015
    assert abs(value - 1) < 4 * error


@pytest.mark.parametrize(
    ("scheme", "alpha"),
    [(None, 0.25), (None, 1.0), (hrd.Layer(width=1.0), 0.25), (hrd.ExactPlane(), 0.25),
     (hrd.ExactPlane(), 1.0)],
    ids=repr,
)  # fmt: skip
def test_no_jump_beyond_three_per_mille(scheme, alpha):
    """As in test_two_way, four times as exact: 0.3 % of the concentration at the plane."""
    cells, inside, width, top = 16, 8, 200, 100.0
    system = wide(
        cells, (0, inside), width, 0.0, scheme, initial={A: lambda x: top * x / cells},
        walls={"x-": hrd.Absorbing(), "x+": hrd.Reservoir({A: top})},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=alpha, seed=3)
    straight = inside if isinstance(scheme, hrd.ExactPlane) else inside - 4
    rows = sample(
        sim, lambda s: s.concentration[0, :straight].mean(axis=1), round(30 / alpha),
        round(1600 / alpha**0.5), 2,
    )  # fmt: skip
    exact = top / cells * (np.arange(straight) + 0.5)
    value, error = batches(rows.sum(axis=1) / exact.sum())
    jump, error = (1 - value) * cells / inside, error * cells / inside
    assert error < 1.5e-3
    assert abs(jump) < 4 * error
    assert abs(jump) < 3e-3


# What fluctuates. Steps chosen so that standard errors are near 1 % of a variance.


def measure(per_cell, alpha, shape, samples, stride, fluctuations="gaussian", region=2, beyond=2):
    """(ratio, error) of the variances of layers and of the total; (bias, error) of the total."""
    system = slab(region, beyond, per_cell, shape, fluctuations=fluctuations)
    sim = hrd.Simulation(system, dt=alpha, seed=3)
    n = sample(sim, counts, 100, samples, stride)
    whole = sim.total[0]
    cell = whole / system.grid.cells
    layers = n.reshape(len(n), region, -1)
    single = ratios(layers, cell, whole)
    layer = ratios(layers.sum(axis=2), cell * layers.shape[2], whole)
    total = n.reshape(len(n), -1).sum(axis=1)
    mean = cell * n[0].size
    return layer, ratios(total, mean, whole), batches(total / mean - 1), single


@pytest.mark.parametrize(
    ("alpha", "shape", "samples", "stride"),
    [
        (1.0, (), 20000, 3),
        (0.1, (), 10000, 12),
        (0.01, (), 16000, 60),
        (1.0, (4,), 15000, 3),
        (0.1, (4,), 8000, 12),
        (0.5, (3, 3), 12000, 4),
    ],
)
def test_twenty_particles_a_cell_fluctuate_within_three_percent(alpha, shape, samples, stride):
    """By the recursion all are exactly 1, and of whole copies, which a step with few takes."""
    layer, total, bias, single = measure(20.0, alpha, shape, samples, stride)
    for value, error in (layer, total):
        assert np.all(error < 0.025)
        assert np.all(np.abs(value - 1) < np.minimum(4 * error, 0.03 + 2 * error))
    assert bias[1] < 3e-3
    assert abs(bias[0]) < 4 * bias[1]
    mean = single[0].mean(axis=-1)
    assert np.all(np.abs(mean - 1) < 0.03)


def test_total_of_a_box_without_noise():
    """The deficit of a box in a box, from diffusion alone (the limit of small steps)."""
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 9), y=(0, 9)), particles=hrd.Box(x=(3, 6), y=(3, 6)),
        cells=(9, 9), initial={A: 30.0},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=0.1, seed=1)
    n = sample(sim, lambda s: s.copy_number[0], 200, 10000, 8)
    whole = sim.total[0]
    value, error = ratios(n, whole / 9, whole)
    expected = expected_total_ratio([9, 9], [(3, 6), (3, 6)])
    assert error < 0.02
    assert value == pytest.approx(expected, abs=4 * error + 0.01)
    assert 1 - expected > 10 * error
