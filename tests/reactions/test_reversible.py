"""Reversible reactions: the equilibrium constant holds for any step, and nothing is lost."""

import math

import numpy as np
import pytest
from support.sampling import batches, sample

import hybridrd as hrd
from hybridrd.model import doi

A, B, C = hrd.Species("A", D=1.0), hrd.Species("B", D=0.5), hrd.Species("C", D=0.3)
SIGMA, PAIRS, SHARE = 0.1, 500, 0.5


def closed(dimension, like, rate, dt, share):
    """Periodic box: about ``PAIRS`` complexes and as many free pairs; lambda0 dt = ``rate``.

    ``share`` is k_back/lambda0, and how many B are within the radius of an A: partners compete.
    """
    volume = PAIRS * doi.reactive_volume(SIGMA, dimension) / share
    side = volume ** (1 / dimension)
    names = "xyz"[:dimension]
    box = hrd.Box(**dict.fromkeys(names, (0, side)))
    lambda0 = rate / dt
    reaction = hrd.Reaction(
        "2 A <-> C" if like else "A + B <-> C", lambda0=lambda0, radius=SIGMA,
        k_back=share * lambda0,
    )  # fmt: skip
    species = [A, C] if like else [A, B, C]
    copies = {A: hrd.Copies(2 * PAIRS)} if like else {A: hrd.Copies(PAIRS), B: hrd.Copies(PAIRS)}
    system = hrd.System(
        species=species, domain=box, particles=box, cells=(1,) * dimension,
        walls=dict.fromkeys(names, hrd.Periodic()), reactions=[reaction],
        initial={**copies, C: hrd.Copies(PAIRS)},
    )  # fmt: skip
    return system, volume


def equilibrium(dimension, like, rate, spread, steps, seed=1, share=SHARE):
    """c_A c_B/c_C over k_back/k and its standard error; sd of a step is ``spread`` radii.

    Stochastic mass action has E[n_A n_B] = K V E[n_C] exactly, E[n_A (n_A - 1)/2] for like ones.
    """
    dt = (spread * SIGMA) ** 2 / 2
    system, volume = closed(dimension, like, rate, dt, share)
    sim = hrd.Simulation(system, dt=dt, seed=seed)
    n = sample(sim, lambda s: s.copy_number, 60, steps, 1).astype(float)
    whole = n[:, 0] + (2 if like else 1) * n[:, -1]
    assert np.all(whole == whole[0])
    if like:
        free = n[:, 0] * (n[:, 0] - 1) / 2
    else:
        assert np.all(n[:, 1] + n[:, 2] == n[0, 1] + n[0, 2])
        free = n[:, 0] * n[:, 1]
    k = doi.macroscopic_rate(rate / dt, SIGMA, dimension)
    K = share * rate / dt / k
    # one number per sample whose mean is 0 if K is right
    value, error = batches(free / (K * volume) - n[:, -1])
    bound = n[:, -1].mean()
    return 1 + value / bound, error / bound


@pytest.mark.parametrize("like", [False, True], ids=["A+B", "2A"])
@pytest.mark.parametrize(
    ("dimension", "rate", "spread"), [(1, 0.2, 1.0), (2, 0.3, 1.0), (3, 0.3, 1.0)]
)
def test_equilibrium_constant(dimension, like, rate, spread):
    """One trial a half step of every pair and complex gives 1.02 to 1.11."""
    value, error = equilibrium(dimension, like, rate, spread, 1200)
    assert error < 0.012
    assert abs(value - 1) < 4 * error


def test_detailed_balance_in_two_way_coupling():
    """Partners and products on both sides of the plane: invariants hold, and K on both sides."""
    k, k_back = 0.005, 0.2
    system = hrd.System(
        species=[A, B, C], domain=hrd.Box(x=(0, 4), y=(0, 40)),
        particles=hrd.Box(x=(0, 2), y=(0, 40)), cells=(8, 80),
        walls={"y": hrd.Periodic()}, initial={A: 80.0, B: 60.0},
        reactions=[hrd.Reaction("A + B <-> C", k=k, radius=0.1, k_back=k_back)],
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=0.0625, seed=2)
    start = sim.total
    states = sample(sim, lambda s: np.append(s.copy_number, s.total), 200, 60, 12)
    assert np.abs(states[:, 3] + states[:, 5] - start[0]).max() < 1e-9 * start[0]
    assert np.abs(states[:, 4] + states[:, 5] - start[1]).max() < 1e-9 * start[1]
    # Equilibrium of the whole: a b = K c with a + c and b + c known.
    K, a, b = k_back / k, start[0] / 160, start[1] / 160
    c = ((a + b + K) - math.sqrt((a + b + K) ** 2 - 4 * a * b)) / 2
    expected = np.array([a - c, b - c, c]) * 80
    value, error = batches(states[:, :3] / expected, 12)
    assert np.all(error < 0.02)
    assert np.all(np.abs(value - 1) < 4.5 * error + 0.005)


@pytest.mark.parametrize("equation", ["2 A <-> A", "A + B <-> A"])
def test_equilibrium_where_the_complex_stays(equation):
    """A makes k_back/k of itself, or of B; with one exponential trial a half step 0.86 of it."""
    rate, share, side = 0.3, 2.0, 60.0
    dt = SIGMA**2 / 2
    lambda0 = rate / dt
    # At equilibrium k c_A²/2 = k_back c_A, and k c_A c_B = k_back c_A.
    level = share / doi.reactive_volume(SIGMA, 1) * (2 if equation[0] == "2" else 1)
    line = hrd.Box(x=(0, side))
    species = [A] if equation[0] == "2" else [A, B]
    system = hrd.System(
        species=species, domain=line, particles=line, cells=1, walls={"x": hrd.Periodic()},
        reactions=[
            hrd.Reaction(equation, lambda0=lambda0, radius=SIGMA, k_back=share * lambda0)
        ],
        initial={species[-1]: level} | ({A: 4.0} if len(species) > 1 else {}),
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=dt, seed=3)
    n = sample(sim, lambda s: s.copy_number[-1:], 100, 300, 1).astype(float)
    value, error = batches(n / (level * side), 10)
    assert np.all(error < 0.03)
    assert np.all(np.abs(value - 1) < 4.5 * error)


def test_complexes_beside_a_reservoir_wall_come_apart_across_it():
    """C that does not move: where the second product may not fall beyond the wall it piles up."""
    # lambda0 dt = 0.37, D dt/sigma² = 0.1: C stood at 1.9 in the last quarter of a radius.
    dt, D, volume = 1e-3, 1.0, doi.reactive_volume(SIGMA, 2)
    lambda0, c = 370.0, 0.5 / volume
    A, B, C = hrd.Species("A", D=D / 2), hrd.Species("B", D=D / 2), hrd.Species("C", D=0.0)
    box = hrd.Box(x=(0, 0.8), y=(0, 100))
    system = hrd.System(
        species=[A, B, C], domain=box, particles=box, cells=(8, 10),
        walls={"y": hrd.Periodic(), "x+": hrd.Reservoir({A: c, B: c})},
        reactions=[
            hrd.Reaction("A + B <-> C", lambda0=lambda0, radius=SIGMA, k_back=lambda0)
        ],
        initial={A: c, B: c, C: volume * c * c},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=dt, seed=2)
    edges = np.array([0.7, 0.75, 0.8])
    n = sample(
        sim, lambda s: np.histogram(s.particles["C"].positions[:, 0], edges)[0], 60, 60, 5
    )  # fmt: skip
    value, error = batches(n / (volume * c * c * 5.0), 10)
    assert np.all(error < 0.06)
    assert np.all((value > 0.75) & (value < 1.1))
