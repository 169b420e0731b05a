"""Drift and uneven diffusion in regions of any shape: detailed balance, walls, flows."""

from __future__ import annotations

import math

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.errors import ModelError

SQUARE = hrd.Box(x=(0, 1), y=(0, 1))
DISC = hrd.Ball(center=(0.5, 0.5), radius=0.3)
ELL = hrd.Box(x=(0.2, 0.8), y=(0.2, 0.5)) | hrd.Box(x=(0.2, 0.5), y=(0.2, 0.8))


@pytest.mark.parametrize(
    ("coupling", "fluctuations", "D"),
    [("two-way", None, 1.0), ("two-way", "discrete", 1.0), ("mean-field", None, "1 + x")],
)
@pytest.mark.parametrize("shape", [DISC, ELL], ids=["disc", "ell"])
def test_as_many_pass_each_face_either_way_at_equilibrium(shape, coupling, fluctuations, D):
    def potential(x, y):
        return 3 * x - 4 * x * y + y**2

    A = hrd.Species("A", D=D, potential=potential)
    system = hrd.System(
        species=[A], domain=SQUARE, particles=shape, cells=10, coupling=coupling,
        fluctuations=fluctuations,
    )  # fmt: skip
    simulation = hrd.Simulation(system, dt=2e-3)
    U = potential(**system.grid.coordinates())
    passages, _ = simulation._exchange._chances()
    assert sum(len(p.out) for p in passages) > 20
    for passage in passages:
        own, beyond = passage.gate.face.columns.T
        np.testing.assert_allclose(
            passage.into / passage.out, np.exp(U[beyond] - U[own]), rtol=1e-9
        )


def stays(system, dt, steps, density, bound=4.5):
    """Whether a stationary content stays as it is in each cell."""
    simulation = hrd.Simulation(system, dt=dt, seed=2)
    total = simulation.total.copy()
    simulation.step(steps)
    np.testing.assert_allclose(simulation.total, total, rtol=1e-12)
    inside = simulation.plan.region.mask
    volume = system.grid.volume
    counts = simulation.concentration[0].ravel(order="F") * volume
    expected = density * volume
    off = (counts - expected)[inside] / np.sqrt(expected[inside])
    assert np.abs(off).max() < bound
    assert (off**2).mean() == pytest.approx(1.0, abs=4.5 * math.sqrt(2 / inside.sum()))


@pytest.mark.parametrize("alpha", [0.3, 3.0])
def test_boltzmann_stays_among_the_walls_of_obstacles(alpha):
    slope = np.array([4.0, -3.0])
    A = hrd.Species("A", D=1.0, potential=lambda x, y: slope[0] * x + slope[1] * y)
    system = hrd.System(
        species=[A], domain=SQUARE, particles=SQUARE, obstacles=ELL, cells=10
    )  # fmt: skip
    x = system.grid.coordinates()
    density = 3e4 * np.exp(-slope[0] * x["x"] - slope[1] * x["y"]) * system.partition.free
    rng, z = np.random.default_rng(1), 0.1 * slope
    cells = np.repeat(np.arange(100), rng.poisson(density * 0.01))
    at = np.stack([x["x"], x["y"]], axis=1)[cells]
    at += 0.1 * (-np.log1p(rng.random(at.shape) * np.expm1(-z)) / z - 0.5)
    system = system.replace(initial={A: hrd.Points(at)})
    stays(system, alpha * 0.01, 10, density)


def test_an_uneven_diffusion_keeps_a_uniform_state_among_obstacles():
    A = hrd.Species("A", D=lambda x, y: np.where(x < 0.3, 0.2, 1.0) * (1 + 0.5 * y))
    system = hrd.System(
        species=[A], domain=SQUARE, particles=SQUARE, obstacles=DISC, cells=10,
        walls={"x": hrd.Periodic()}, initial={A: 3e4},
    )  # fmt: skip
    stays(system, 5e-3, 10, 3e4 * system.partition.free)


def test_a_flow_along_an_obstacle_leaves_a_uniform_state():
    """Of four vortices one is an obstacle; nothing flows through its faces."""
    spin = 2 * np.pi
    A = hrd.Species(
        "A", D=1.0,
        velocity=(lambda x, y: 4 * np.sin(spin * x) * np.cos(spin * y),
                  lambda x, y: -4 * np.cos(spin * x) * np.sin(spin * y)),
    )  # fmt: skip
    system = hrd.System(
        species=[A], domain=SQUARE, particles=SQUARE, cells=10,
        obstacles=hrd.Box(x=(0.5, 1), y=(0.5, 1)), initial={A: 4e4},
        walls={"x": hrd.Periodic(), "y": hrd.Periodic()},
    )  # fmt: skip
    stays(system, 2e-3, 30, 4e4 * system.partition.free)


def test_layers_of_reservoirs_keep_boltzmann_in_a_region_that_is_no_box():
    A = hrd.Species("A", D=1.0, potential="3 * x")
    system = hrd.System(
        species=[A], domain=SQUARE, particles=SQUARE, cells=10, obstacles=ELL,
        walls={"x+": hrd.Reservoir({A: 2e4 * math.exp(-3.0)}), "x-": hrd.Reservoir({A: 2e4})},
    )  # fmt: skip
    density = 2e4 * np.exp(-3 * system.grid.coordinates()["x"]) * system.partition.free
    system = system.replace(initial={A: density.reshape(10, 10).T})
    simulation = hrd.Simulation(system, dt=2e-3, seed=3)
    simulation.step(150)
    expected = density.sum() * 0.01
    found = int(simulation.copy_number[0])
    assert found == pytest.approx(expected, rel=4.5 / math.sqrt(expected) + 0.002)


def test_particles_that_flow_among_obstacles_enter_through_walls_as_the_pde_says():
    A = hrd.Species("A", D=1.0, potential="4 * x", velocity=(1.0, 3.0))
    walls = {
        "x-": hrd.Leaky({A: 4.0}, outside={A: 3e4}), "x+": hrd.Influx({A: 5e4}),
        "y+": hrd.PartiallyAbsorbing(2.0),
    }  # fmt: skip
    system = hrd.System(
        species=[A], domain=SQUARE, particles=SQUARE, cells=20, walls=walls,
        obstacles=hrd.Box(x=(0.4, 0.6), y=(0.3, 0.7)), initial={A: 2e4},
    )  # fmt: skip
    pde = hrd.mean_field(system, dt=5e-4, until=0.1, every=0.1)["concentration"][-1, 0].values
    simulation = hrd.Simulation(system, dt=5e-4, seed=4)
    simulation.step(200)
    counts, expected = simulation.concentration[0] / 400, pde / 400
    blocks = [a.reshape(4, 5, 4, 5).sum((1, 3)) for a in (counts, expected)]
    off = (blocks[0] - blocks[1]) / np.sqrt(blocks[1])
    assert np.abs(off).max() < 4.5
    assert blocks[0].sum() == pytest.approx(blocks[1].sum(), rel=4.5 / math.sqrt(expected.sum()))


def test_what_a_drift_cannot_do_in_a_region_that_is_no_box_is_refused():
    A = hrd.Species("A", D=1.0, velocity=(1.0, 0.0))
    system = hrd.System(
        species=[A], domain=SQUARE, particles=SQUARE, cells=10, obstacles=DISC,
        walls={"x-": hrd.Influx({A: 5.0})},
    ).replace(species=[hrd.Species("A", D="1 + x")])  # fmt: skip
    with pytest.raises(ModelError, match="through x- are known for one D alone"):
        hrd.Simulation(system, dt=1e-3)
