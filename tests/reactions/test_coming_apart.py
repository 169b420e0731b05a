"""Complexes in the continuum whose second product falls into the particle region."""

import math

import numpy as np
import pytest
from support.sampling import batches, sample

import hybridrd as hrd
from hybridrd.model import doi

SIGMA, DEPTH = 0.25, 1.0
STILL = [hrd.Species(name, D=0.0) for name in "ABC"]


def apart(domain, particles, cells, c, k_back, dt, seed=1, coupling="two-way", **more):
    """C stands in the continuum alone and falls apart; nothing moves, and hardly any pair meets."""
    system = hrd.System(
        species=STILL, domain=domain, particles=particles, cells=cells, coupling=coupling,
        reactions=[hrd.Reaction("A + B <-> C", lambda0=1e-9, radius=SIGMA, k_back=k_back)],
        initial={"C": hrd.Patch(c, **more)},
    )  # fmt: skip
    return hrd.Simulation(system, dt=dt, seed=seed)


@pytest.mark.parametrize("coupling", ["two-way", "mean-field"])
@pytest.mark.parametrize(
    ("dimension", "width", "c"), [(1, 1.0, 4e6), (2, 30.0, 1e5), (3, 6.0, 1e5)]
)
def test_products_lie_as_the_caps_say(dimension, width, c, coupling):
    """At depth d a share V_cap(d)/V_sigma of each ball is beyond the plane."""
    across = dict.fromkeys("yz"[: dimension - 1], (0, width))
    sim = apart(
        hrd.Box(x=(0, 2 * DEPTH), **across), hrd.Box(x=(0, DEPTH), **across),
        (4, *(1,) * (dimension - 1)), c, 0.4, 0.05, coupling=coupling, x=(DEPTH, 2 * DEPTH),
    )  # fmt: skip
    sim.step()
    area = width ** (dimension - 1)
    depth = DEPTH - sim.particles["B"].positions[:, 0]
    assert sim.copy_number[0] == sim.copy_number[2] == 0
    assert depth.max() < SIGMA
    edges = np.linspace(0.0, SIGMA, 6)
    fine = 0.5 * SIGMA / 500 + np.linspace(0, SIGMA, 500, endpoint=False)
    caps = doi.cap_volume(fine, SIGMA, dimension) / doi.reactive_volume(SIGMA, dimension)
    mean = c * area * 0.4 * 0.05 * caps.reshape(5, -1).sum(axis=1) * SIGMA / 500
    # The second half step finds less of C by the events of the first: 1 % at most.
    seen = np.histogram(depth, edges)[0]
    assert mean[0] > 500
    assert np.all(np.abs(seen - mean) < 4.5 * np.sqrt(mean) + 0.01 * mean)


def test_a_box_in_a_box_has_its_corners_once():
    """What falls into a square from all around, by drawing complexes around it one by one."""
    c, share = 4e6, 0.02
    side, frame = 0.6, 0.6 + 2 * SIGMA
    system = hrd.System(
        species=STILL, domain=hrd.Box(x=(0, 1.4), y=(0, 1.4)),
        particles=hrd.Box(x=(0.4, 0.4 + side), y=(0.4, 0.4 + side)), cells=(7, 7),
        reactions=[hrd.Reaction("A + B <-> C", lambda0=1e-9, radius=SIGMA, k_back=share)],
        initial={"C": lambda x, y: np.where(
            (abs(x - 0.7) < side / 2) & (abs(y - 0.7) < side / 2), 0.0, c)},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=1.0, seed=2)
    sim.step()
    rng = np.random.default_rng(3)
    n = 400_000
    z = rng.uniform(-frame / 2, frame / 2, (2, n))
    angle, r = rng.uniform(0, 2 * math.pi, n), SIGMA * np.sqrt(rng.uniform(size=n))
    y = z + r * np.array([np.cos(angle), np.sin(angle)])
    falls = (np.abs(z).max(axis=0) > side / 2) & (np.abs(y).max(axis=0) < side / 2)
    expected = c * share * frame**2 * falls.mean()
    error = math.sqrt(expected) + expected / math.sqrt(falls.sum())
    assert error < 0.05 * expected
    assert abs(sim.copy_number[1] - expected) < 4.5 * error + 0.02 * expected


def test_the_continuum_keeps_what_it_should():
    """A is made as in a vessel in every cell, B as often; what falls over the plane is missing."""
    c, k_back, dt = 2e5, 0.2, 0.25
    sim = apart(
        hrd.Box(x=(0, 2), y=(0, 1)), hrd.Box(x=(0, 1), y=(0, 1)), (8, 4), c, k_back, dt, x=(1, 2)
    )
    for _ in range(4):
        sim.step()
    A, B, C = sim.concentration[:, 4:]
    made = c * (1 - math.exp(-k_back * sim.time))
    over = sim.copy_number[1]
    assert over > 1000
    # Poisson numbers of events across the plane, in each cell and half step.
    noise = 5 * math.sqrt(over / 4) / 0.0625
    assert np.all(np.abs(A - made) < noise)
    np.testing.assert_allclose(A + C, c, rtol=1e-12)
    np.testing.assert_allclose(A[1:], made, rtol=1e-5)
    assert (A - B).sum() * 0.0625 == pytest.approx(over, rel=1e-9)
    np.testing.assert_allclose(A[1:], B[1:], rtol=1e-12)


@pytest.mark.parametrize("coupling", ["two-way", "mean-field"])
def test_equilibrium_beside_the_plane(coupling):
    """lambda0 dt = 0.37: with no C coming apart across it B stood at 0.75 there, at 1.2 beyond."""
    sigma, width = 0.1, 150
    volume = doi.reactive_volume(sigma, 2)
    c, lambda0 = 0.5 / volume, 370.0
    level = dict(zip("ABC", (c, c, volume * c * c), strict=True))
    system = hrd.System(
        species=[hrd.Species("A", D=0.5), hrd.Species("B", D=0.5), hrd.Species("C", D=0.3)],
        domain=hrd.Box(x=(0, 1.6), y=(0, width)), particles=hrd.Box(x=(0, 0.8), y=(0, width)),
        cells=(16, width), coupling=coupling, walls={"y": hrd.Periodic()}, initial=level,
        reactions=[
            hrd.Reaction("A + B <-> C", lambda0=lambda0, radius=sigma, k_back=lambda0)
        ],
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=1e-3, seed=2)

    def read(s):
        inside = [(p.positions[:, 0] > 0.7).sum() / (0.1 * width) for p in s.particles.values()]
        return np.array([inside, s.concentration[:, 8].mean(axis=1)]) / list(level.values())

    value, error = batches(sample(sim, read, 50, 80, 5), 10)
    assert np.all(error < 0.02)
    assert np.all(np.abs(value - 1) < 4.5 * error + 0.02)
