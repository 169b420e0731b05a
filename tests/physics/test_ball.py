"""Balls, and the amount of matter in shells: one measure for PDE, particles and hybrid."""

import math

import numpy as np
import pytest
from scipy.stats import chi2

import hybridrd as hrd
from hybridrd.errors import ModelError

A = hrd.Species("A", D=1.0)
BALL = hrd.Shell(inner=0.0, outer=1.0)


def ramp(r):
    return 2e3 + 3e3 * r


STARTS = {
    "number": 2e3,
    "function": ramp,
    "patch": hrd.Patch(5e4),
    "patch of a function": hrd.Patch(ramp),
    "copies": hrd.Copies(4321),
    "points": hrd.Points(np.linspace(0.3, 1.0, 700)),
    "array": np.linspace(1e3, 4e3, 20),
    "list": [hrd.Copies(100), 1e3, ramp],
}


def amount(start, grid):
    """What an initial state holds, by the exact volumes of the cells."""
    if isinstance(start, list):
        return sum(amount(part, grid) for part in start)
    if isinstance(start, hrd.Copies):
        return start.n
    if isinstance(start, hrd.Points):
        return len(start.positions)
    c = start.c if isinstance(start, hrd.Patch) else start
    values = c(grid.centers(0)) if callable(c) else c
    edges = grid.edges(0)
    return float(np.sum(values * 4 / 3 * math.pi * np.diff(edges**3)))


@pytest.mark.validation
@pytest.mark.ci
@pytest.mark.parametrize("inner", [0.0, 1e-6, 0.05])
@pytest.mark.parametrize("kind", STARTS)
def test_all_ways_to_run_hold_the_same_amount(inner, kind):
    """Of every kind of initial state, at the start and, in a closed shell, ever after."""
    start = STARTS[kind]
    shell = hrd.Shell(inner=inner, outer=1.0)
    system = hrd.System(species=[A], domain=shell, cells=20, initial={A: start})
    held = amount(start, system.grid)
    pde = hrd.mean_field(system, dt=1e-3, until=0.01, every=0.005)
    np.testing.assert_allclose(pde["total"], held, rtol=1e-12)
    middle = float(system.grid.edges(0)[8])
    regions = shell, hrd.Shell(inner, middle), hrd.Shell(middle, 1.0)
    random = kind not in ("copies", "points")
    for region in regions:
        run = hrd.Simulation(system.replace(particles=region), dt=1e-4, seed=5)
        # What is drawn is Poisson; what the continuum holds is not.
        allowed = 4.5 * math.sqrt(held) if random else 1e-9 * held
        assert abs(run.total[0] - held) < allowed
        begun = run.total[0]
        result = run.run(until=5e-3, every=5e-3)
        np.testing.assert_allclose(result["total"], begun, rtol=1e-12)


def test_matter_near_the_centre_and_what_is_made_there():
    """``4/3 pi r³`` of it, in the first cell of ten as well; FiPy's mesh has a quarter less."""
    for inner in (0.0, 1e-6):
        system = hrd.System(
            species=[A],
            domain=hrd.Shell(inner=inner, outer=1.0),
            cells=10,
            initial={A: lambda r: np.where(r < 0.1, 1e6, 0.0)},
        )
        pde = hrd.mean_field(system, dt=1e-3, until=1e-2)
        np.testing.assert_allclose(pde["total"], 4 / 3 * math.pi * 1e3, rtol=1e-4)
        made = system.replace(initial={}, reactions=[hrd.Reaction("0 -> A", k=7.0)])
        total = hrd.mean_field(made, dt=1e-2, until=0.5)["total"].values[-1, 0]
        assert total == pytest.approx(0.5 * 7 * 4 / 3 * math.pi, rel=1e-12)


def emptying(r, t, terms=60):
    """Concentration in a unit ball from 1 everywhere, 0 held at its surface (D = 1)."""
    n = np.arange(1, terms)[:, None]
    parts = (-1.0) ** (n + 1) / n * np.sin(n * np.pi * r) * np.exp(-((n * np.pi) ** 2) * t)
    return 2 / (np.pi * r) * parts.sum(axis=0)


def test_the_pde_of_a_ball_is_of_second_order():
    """Up to the centre, h and dt halved together, from a smooth start: a decaying mode."""
    errors = []
    for cells in (10, 20, 40):
        system = hrd.System(
            species=[A],
            domain=BALL,
            cells=cells,
            walls={"outer": hrd.Absorbing()},
            initial={A: lambda r: np.sinc(r)},
        )
        pde = hrd.mean_field(system, dt=0.2 / cells, until=0.1, every=0.1)
        r = pde["r"].values
        # The mean over a cell; the first cell is a ball.
        edges = np.linspace(0, 1, cells + 1)
        volumes = np.diff(edges**3) / 3
        whole = (np.sin(np.pi * edges) / np.pi - edges * np.cos(np.pi * edges)) / np.pi**2
        exact = np.diff(whole) / volumes * math.exp(-0.1 * np.pi**2)
        errors.append(np.abs(pde["concentration"].values[-1, 0] - exact).max())
        assert len(r) == cells
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert errors[0] < 1e-2
    assert (np.abs(orders - 2) < 0.3).all(), errors


@pytest.mark.parametrize("dt", [1e-3, 1e-2])
@pytest.mark.parametrize("wall", ["closed", "reservoir", "exact plane"])
def test_a_uniform_ball_of_particles_stays_uniform(wall, dt):
    """By volume, in shells that are thin beside a step and reach to the centre."""
    cells = 10
    if wall != "exact plane" and dt > 5e-3:
        dt = 5e-3
    system = hrd.System(
        species=[A],
        domain=BALL,
        particles=BALL,
        cells=cells,
        walls={} if wall == "closed" else {"outer": hrd.Reservoir({A: 3e4})},
        interface=hrd.ExactPlane() if wall == "exact plane" else None,
        initial={A: 3e4},
    )
    simulation = hrd.Simulation(system, dt=dt, seed=11)
    assert simulation.face_names == ["outer"]
    simulation.run(until=20 * dt, every=20 * dt)
    counts, _ = np.histogram(simulation.particles["A"].positions[:, 0], np.linspace(0, 1, 31))
    expected = 3e4 * 4 / 3 * math.pi * np.diff(np.linspace(0, 1, 31) ** 3)
    if wall == "closed":
        expected *= counts.sum() / expected.sum()
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert chi2.sf(statistic, 30) > 1e-4, (statistic, counts / expected)


def test_particles_spread_from_the_centre():
    """The distance from it after a time t is Maxwell's, ``<r²> = 6 D t``."""
    n, t = 20_000, 0.01
    system = hrd.System(
        species=[A], domain=BALL, particles=BALL, initial={A: hrd.Points(np.zeros(n))}
    )
    simulation = hrd.Simulation(system, dt=1e-3, seed=2)
    simulation.run(until=t, every=t)
    r = simulation.particles["A"].positions[:, 0]
    mean, spread = 6 * t, math.sqrt(24) * t
    assert abs((r**2).mean() - mean) < 4.5 * spread / math.sqrt(n)
    # P(r < s) at s² = 2 D t, from the error function
    inside = math.erf(math.sqrt(0.5)) - math.sqrt(2 / math.pi) * math.exp(-0.5)
    assert abs((r < math.sqrt(2 * t)).mean() - inside) < 4.5 * math.sqrt(inside / n)


def test_particles_leave_a_ball_as_the_pde_says():
    n, t = 60_000, 0.05
    system = hrd.System(
        species=[A],
        domain=BALL,
        particles=BALL,
        walls={"outer": hrd.Absorbing()},
        initial={A: hrd.Copies(n)},
    )
    simulation = hrd.Simulation(system, dt=5e-3, seed=3)
    simulation.run(until=t, every=t)
    k = np.arange(1, 100)
    left = 6 / np.pi**2 * np.sum(np.exp(-((k * np.pi) ** 2) * t) / k**2)
    assert abs(simulation.copy_number[0] / n - left) < 4.5 * math.sqrt(left * (1 - left) / n)
    assert simulation.crossings[0, 0] == n - simulation.copy_number[0]


@pytest.mark.validation
@pytest.mark.ci
@pytest.mark.parametrize("inside", [True, False])
def test_a_hybrid_ball_empties_as_the_pde_says(inside):
    """Particles in the middle and FiPy around them, and the other way round, two-way."""
    region = hrd.Shell(0.0, 0.5) if inside else hrd.Shell(0.5, 1.0)
    c = 1e5
    system = hrd.System(
        species=[A],
        domain=BALL,
        particles=region,
        cells=40,
        walls={"outer": hrd.Absorbing()},
        initial={A: c},
    )
    run = hrd.Simulation(system, dt=2e-4, seed=4).run(until=0.05, every=0.05)
    k = np.arange(1, 100)
    held = c * 4 / 3 * math.pi
    left = held * 6 / np.pi**2 * np.sum(np.exp(-((k * np.pi) ** 2) * 0.05) / k**2)
    assert float(run["total"][-1, 0]) == pytest.approx(
        left, abs=4.5 * math.sqrt(left) + 2e-3 * left
    )
    r = run["r"].values
    bins = (r > 0.25) & (r < 0.75)
    exact = c * emptying(r, 0.05)[bins]
    volumes = 4 / 3 * math.pi * np.diff(np.linspace(0, 1, 41) ** 3)[bins]
    found = run["concentration"].values[-1, 0][bins]
    bound = 4.5 * np.sqrt(exact / volumes) + 0.01 * exact
    assert (np.abs(found - exact) < bound).all()


def test_a_ball_has_one_wall():
    assert BALL.sides == ["outer"]
    assert BALL.volume == pytest.approx(4 / 3 * math.pi)
    with pytest.raises(ModelError, match="no such wall; the names are outer"):
        hrd.System(species=[A], domain=BALL, walls={"inner": hrd.Absorbing()})
    with pytest.raises(ModelError, match="inner = -1"):
        hrd.Shell(inner=-1.0, outer=1.0)
    with pytest.raises(ModelError, match="outer = 0"):
        hrd.Shell(inner=0.0, outer=0.0)
    system = hrd.System(species=[A], domain=BALL, particles=hrd.Shell(0.0, 0.5), cells=10)
    assert hrd.Simulation(system, dt=1e-3, seed=1).face_names == ["interface:outer"]
    assert hrd.System.from_dict(system.to_dict()) == system
    assert "walls      outer reflecting" in str(system)
    assert "r in (0, 1)" in str(system)


def test_a_ball_in_a_file(tmp_path):
    path = tmp_path / "ball.toml"
    path.write_text(
        """\
[system]
domain = { inner = 0, outer = 2.0 }
particles = { inner = 0.0, outer = 1.0 }
cells = 20
walls = { outer = { reservoir = { A = 5.0 } } }

[[species]]
name = "A"
D = 1.0
initial = 5.0
"""
    )
    system = hrd.System.from_toml(path)
    assert system.domain == hrd.Shell(0.0, 2.0)
    path.write_text(path.read_text().replace("walls = { outer", "walls = { inner"))
    with pytest.raises(ModelError, match="no such wall; the names are outer"):
        hrd.System.from_toml(path)
