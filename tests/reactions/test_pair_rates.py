"""Measured pair rates at finite steps against the continuous Doi model.

One B in a periodic box, and many A that it destroys; they don't know of
each other, and new ones come in everywhere: the two-body problem with a uniform source,

    D u'' - lambda0 u 1(r < sigma) + J/V = 0,   J = k_box <u>,

closed with the periodic Green's function; what is not isotropic near B is left out (below 0.1 %).
"""

import math

import numpy as np
import pytest
from scipy.special import gamma, i0, i1

import hybridrd as hrd
from hybridrd.model.steady import doi_rate_3d

# G = (1/r + r²/6 ..)/(4 pi) less a constant: Ewald's for the cube, Dedekind's eta for the square.
_CUBE = 2.837297479
_SQUARE = 2 * math.pi * (gamma(0.25) / (2 * math.pi**0.75)) ** 2


def box_rate(lambda0, side, dimension):
    """k_box of the continuous model for D = sigma = 1, in units of events J = 1."""
    volume, g = side**dimension, math.sqrt(lambda0)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    r, weights = (nodes + 1) / 2, weights / 2
    # Inside: 1/(V lambda0) + b f(r); the slope at sigma is that of -G.
    if dimension == 3:
        f, f_end = np.sinh(g * r) / r, math.sinh(g)
        b = (1 / (4 * math.pi) - 1 / (3 * volume)) / (g * math.cosh(g) - math.sinh(g))
        shell, edge = 4 * math.pi * r**2, 1 / (4 * math.pi) - _CUBE / (4 * math.pi * side)
    else:
        f, f_end = i0(g * r), i0(g)
        b = (1 / (2 * math.pi) - 1 / (2 * volume)) / (g * i1(g))
        shell, edge = 2 * math.pi * r, -math.log(_SQUARE / side) / (2 * math.pi)
    reacting = lambda0 * (1 / (volume * lambda0) + b * f) * shell * weights
    assert reacting.sum() == pytest.approx(1.0, abs=1e-9)  # as many as enter
    # u = <u> - G * s: r²/(2 d V) in G has the second moment of where they react.
    edge += (1 + reacting @ r**2) / (2 * dimension * volume)
    return 1 / (1 / (volume * lambda0) + b * f_end + edge)


def measured_rate(lambda0, step, side, dimension, n, warm, steps, seed=1, DB=0.0):
    """Deaths over the integral of the mean concentration, and its relative standard error."""
    A, B = hrd.Species("A", D=1.0 - DB), hrd.Species("B", D=DB)
    names = "xyz"[:dimension]
    box = hrd.Box(**dict.fromkeys(names, (0, side)))
    k, volume = box_rate(lambda0, side, dimension), side**dimension
    system = hrd.System(
        species=[A, B], domain=box, particles=box, cells=(1,) * dimension,
        walls=dict.fromkeys(names, hrd.Periodic()),
        reactions=[
            hrd.Reaction("B + A -> B", lambda0=lambda0, radius=1.0),
            hrd.Reaction("0 -> A", k=n / volume * k / volume),
        ],
        initial={A: hrd.Copies(n), B: hrd.Points([(side / 2,) * dimension])},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=step, seed=seed)
    for _ in range(warm):
        sim.step()
    before, integral = sim.events[0], 0.0
    for _ in range(steps):
        start = sim.copy_number[0]
        sim.step()
        integral += 0.5 * (start + sim.copy_number[0]) * step / volume
    deaths = sim.events[0] - before
    return deaths / integral, 1 / math.sqrt(deaths)


def test_the_reference_is_dois_rate_in_a_large_box():
    for lambda0 in (0.1, 3.0, 100.0):
        exact = doi_rate_3d(lambda0, 1.0, 1.0)
        for side in (50.0, 400.0):
            k = box_rate(lambda0, side, 3)
            assert k == pytest.approx(1 / (1 / exact - _CUBE / (4 * math.pi * side)), rel=2e-4)
        # well mixed, whatever the box
        assert box_rate(1e-4, 6.0, 3) == pytest.approx(1e-4 * 4 * math.pi / 3, rel=1e-4)
        assert box_rate(1e-4, 6.0, 2) == pytest.approx(1e-4 * math.pi, rel=1e-4)


def test_the_green_functions_constants():
    """Means over the box vanish: the sums over images that the constants stand for."""
    k = 2 * np.pi * np.arange(1, 4000)
    # square, at (r, 0) of the unit cell: sum over modes along y of the closed form along x
    r = 0.05
    line = (r**2 - r) / 2 + 1 / 12
    modes = 2 * (np.cosh(k[:100] * (0.5 - r)) / (2 * k[:100] * np.sinh(k[:100] / 2))).sum()
    expected = -math.log(_SQUARE * r) / (2 * math.pi) + r**2 / 4
    assert line + modes == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("dimension", "step", "rate", "side", "n", "warm", "steps"),
    [
        # D dt/sigma², lambda0 dt, sides of the box in sigma, A, steps
        (3, 0.01, 0.3, 4.0, 30000, 300, 150),
        (3, 0.1, 0.3, 5.0, 20000, 60, 250),
        (3, 1.0, 0.3, 8.0, 40000, 15, 150),
        (2, 0.1, 0.3, 5.0, 20000, 60, 100),
        (2, 80.0, 0.3, 50.0, 100000, 5, 300),
    ],
)
def test_effective_rate(dimension, step, rate, side, n, warm, steps):
    """1 - exp(-lambda0 dt) in a step would be 3 to 17 % low here."""
    exact = box_rate(rate / step, side, dimension)
    seen, error = measured_rate(rate / step, step, side, dimension, n, warm, steps)
    assert error < 0.011
    assert abs(seen / exact - 1) < 4 * error


@pytest.mark.parametrize(("d", "part"), [(1, 1 / 4), (2, 2 / (3 * np.pi)), (3, 3 / 16)])
def test_the_part_of_pairs_beyond_walls(d, part):
    # Half the mean distance along the normal in a ball, over the length, for each wall.
    A, B = hrd.Species("A", D=1.0), hrd.Species("B", D=1.0)
    box = hrd.Box(**dict.fromkeys("xyz"[:d], (0, 2)))
    walls = {"x-": hrd.Reservoir({B: 5.0}), "y": hrd.Periodic()} if d > 1 else {}
    reactions = [hrd.Reaction("A + B -> B", k=0.01, radius=0.2)]
    system = hrd.System(
        species=[A, B], domain=box, particles=box, cells=4, walls=walls, reactions=reactions
    )  # fmt: skip
    (pair,) = hrd.Simulation(system, dt=1e-3, seed=1).diagnostics()["pairs"]
    count = {1: 2, 2: 1.5, 3: 3.5}[d]  # at x- half of the reactants lack their partners
    assert pair["beyond_walls"] == pytest.approx(count * part * 0.1, abs=1e-4)


def test_a_flat_profile_reacts_less_by_the_part_beyond_walls():
    A, B, C = hrd.Species("A", D=4.0), hrd.Species("B", D=4.0), hrd.Species("C", D=0.0)
    line = hrd.Box(x=(0, 1))
    system = hrd.System(
        species=[A, B, C], domain=line, particles=line, cells=4,
        reactions=[hrd.Reaction("A + B -> A + B + C", k=0.01, radius=0.25)],
        initial={A: hrd.Copies(60), B: hrd.Copies(60)},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=5e-3, seed=3)
    run = sim.run(until=60.0, every=2.0, record=["events"])
    (pair,) = run.attrs["diagnostics"]["pairs"]
    assert pair["beyond_walls"] == 0.125
    rates = run["events"].values[1:, 0] / (0.01 * 60 * 60 * 2.0)  # exact in one dimension
    assert rates.std() / np.sqrt(30) < 0.025
    assert abs(rates.mean() - 0.875) < 4.5 * rates.std() / np.sqrt(30)
