"""Drift in a potential and with a flow: Boltzmann, uniform flow, and the laws of one step."""

from __future__ import annotations

import math
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import hybridrd as hrd
from hybridrd.continuum.field import Field, conditions
from hybridrd.continuum.fipy_solver import assemble
from hybridrd.continuum.fitted import FittedAssembly
from hybridrd.continuum.solvers import make_solver
from hybridrd.coupling.drift import _tables
from hybridrd.coupling.drift_faces import drifting_rate
from hybridrd.errors import ModelError, StepError
from hybridrd.kernels.drift import survival_drifting, tilt
from hybridrd.model.drift import make_drift
from hybridrd.model.grid import Grid
from hybridrd.particles import pool


def _hilly(x, y=0.0, z=0.0):
    return 2.0 * np.sin(5 * x + 1) + x * y - 1.5 * np.cos(3 * z)


@pytest.mark.parametrize("shape", [(7,), (5, 4), (4, 3, 5)])
@pytest.mark.parametrize("cut", [False, True])
def test_boltzmann_is_stationary_on_the_cells_to_round_off(shape, cut):
    axes = "xyz"[: len(shape)]
    potential = {1: lambda x: _hilly(x), 2: lambda x, y: _hilly(x, y), 3: _hilly}[len(shape)]
    A = hrd.Species("A", D=0.7, potential=potential)
    system = hrd.System(species=[A], domain=hrd.Box(**dict.fromkeys(axes, (0, 1))), cells=shape)
    grid = system.grid
    out = np.zeros(grid.cells, bool)
    out[: 2 if cut else 0] = True
    system = assemble(grid, 0.7, 0.1, cut=out, drift=make_drift(system, A))
    density = np.exp(-potential(*grid.coordinates().values()))[~out]
    change = system.matrix @ density - system.volume / system.tau * density
    # FiPy takes a rise of less than 1e-3 kT across a face in its first order alone.
    assert np.abs(change).max() < 1e-7 * np.abs(system.matrix.diagonal() * density).max()
    columns = np.asarray(system.matrix.sum(axis=0)).ravel()
    np.testing.assert_allclose(columns, system.volume / system.tau, rtol=1e-12)


@pytest.mark.parametrize("shape", [(7,), (2,), (5, 4), (4, 3, 5)])
def test_the_matrix_of_a_drift_that_changes_is_fipys(shape):
    axes, d = "xyz"[: len(shape)], len(shape)
    A = hrd.Species(
        "A", D="1 + x", potential="x**2" if d == 1 else "x * y",
        velocity=("3 * t * x", "t * (1 - x)", 2.0)[:d],
    )  # fmt: skip
    walls = {"x-": hrd.Reservoir({A: 2.0}), "x+": hrd.PartiallyAbsorbing(1.5)}
    if d > 2:
        walls["z"] = hrd.Periodic()
    box = hrd.Box(**dict.fromkeys(axes, (0, 1)))
    system = hrd.System(species=[A], domain=box, cells=shape, walls=walls)
    out = np.zeros(system.grid.cells, bool)
    out[1 : 2 if d == 1 and shape[0] > 2 else 1] = True
    found, assembly = conditions(system, "A"), FittedAssembly()
    for t in (0.0, 1.0, -4.0):
        drift = make_drift(system, A, t=t)
        made, theirs = (f(system.grid, 1.5, 0.1, found, out, drift) for f in (assembly, assemble))
        scale = np.abs(theirs.matrix.data).max()
        assert np.abs((made.matrix - theirs.matrix).toarray()).max() < 2e-7 * scale
        for name in ("inflow", "absorption"):
            for wall, term in getattr(theirs, name).items():
                for mine, other in zip(getattr(made, name)[wall], term, strict=True):
                    np.testing.assert_allclose(mine, other, rtol=1e-9)


@pytest.mark.parametrize("peclet", [0.1, 1.0, 10.0, -3.0])
@pytest.mark.parametrize("kappa", [None, 0.5])
def test_the_steady_flux_through_a_slab_with_a_flow_is_exact_on_the_cells(peclet, kappa):
    A = hrd.Species("A", D=1.0, velocity=peclet)
    left = hrd.Reservoir({A: 0.0}) if kappa is None else hrd.PartiallyAbsorbing(kappa)
    slab = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 1)), cells=20,
        walls={"x-": left, "x+": hrd.Reservoir({A: 1.0})},
    )  # fmt: skip
    end = hrd.mean_field(slab, dt=0.05, until=10.0, every=10.0).isel(time=-1)
    x = end["x"].values
    # c' = u c + kappa c(0), or c(0) = 0.
    ratio = 0.0 if kappa is None else kappa / peclet
    rise = np.expm1 if kappa is None else lambda z: (1.0 + ratio) * np.exp(z) - ratio
    exact = rise(peclet * x) / rise(peclet)
    np.testing.assert_allclose(end["concentration"].values.ravel(), exact, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", ["splu", "cg", "fipy"])
def test_all_solvers_agree_with_a_drift(kind):
    A = hrd.Species("A", D=1.0, potential=_hilly, velocity=(0.5, -1.0, lambda x: x))
    cube = hrd.Box(x=(0, 1), y=(0, 1), z=(0, 1))
    walls = {"x-": hrd.Reservoir({A: 2.0}), "y+": hrd.PartiallyAbsorbing(1.5), "z": hrd.Periodic()}
    A = hrd.Species("A", D=1.0, potential=lambda x, y: _hilly(x, y), velocity=(0.5, -1.0, 2.0))
    system = hrd.System(species=[A], domain=cube, cells=(4, 3, 5), walls=walls)
    drift = make_drift(system, A)
    found = conditions(system, "A")
    assembled = assemble(system.grid, 1.0, 0.02, found, drift=drift)
    u = np.random.default_rng(1).random(60)
    for name in (kind, "auto"):
        solved = make_solver(assembled, system.grid, found, name).solve(assembled.matrix @ u)
        np.testing.assert_allclose(solved, u, rtol=1e-10)


def test_the_flux_through_planes_and_walls_balances_the_amounts():
    A = hrd.Species("A", D=1.0, potential=lambda x, y: _hilly(x, y), velocity=(1.0, 0.5))
    walls = {"x-": hrd.Reservoir({A: 2.0}), "x+": hrd.Absorbing()}
    box = hrd.Box(x=(0, 1), y=(0, 1))
    field = Field(hrd.System(species=[A], domain=box, cells=(6, 4), walls=walls), 0.01)
    field.start(0, np.arange(24.0))
    everywhere = np.ones(4, bool)
    before = field.c[0].reshape(4, 6).sum(0) / 24
    field.diffuse(0)
    gained = field.c[0].reshape(4, 6).sum(0) / 24 - before
    flux = np.array([field.plane_flux(0, 0, i, everywhere) for i in range(7)])
    np.testing.assert_allclose(gained, -0.01 * np.diff(flux), rtol=1e-10)
    assert field.wall_flux(0, "x+", everywhere) == pytest.approx(flux[-1], rel=1e-12)


def test_cdme_and_pde_have_one_mean():
    A = hrd.Species("A", D=1.0, potential=lambda x: 3 * x, velocity=1.0)
    line = hrd.Box(x=(0, 1))
    walls = {"x-": hrd.Reservoir({A: 4.0}), "x+": hrd.Absorbing()}
    system = hrd.System(species=[A], domain=line, cells=3, walls=walls, initial={A: 3.0})
    exact = hrd.theory.moments.linear_moments(system, voxels=3, times=[0.0, 0.2])
    pde = hrd.mean_field(system, dt=2.5e-4, until=0.2, every=0.2)["concentration"]
    np.testing.assert_allclose(
        exact["mean"].isel(time=-1).values.ravel(),
        pde.isel(time=-1).values.ravel(), rtol=1e-5,
    )  # fmt: skip


# One step


def test_tables_of_drifts_hold_that_of_each_cell():
    """Also where one depends on some axes alone, and two on the same ones."""
    grid = Grid((0.0,) * 3, (1.0,) * 3, (4, 3, 5))
    x, y, z = grid.coordinates().values()
    even = 2.0 + 0 * x
    for values in ((x, y * z, even), (y, x * y * z, y**2), (x - z, z - x, y), (even, even, even)):
        flat, first, strides = _tables(grid, np.array(values))
        for a, value in enumerate(values):
            for cell, i in enumerate(np.ndindex(grid.shape[::-1])):
                assert flat[first[a] + strides[a] @ i[::-1]] == pytest.approx(value[cell], rel=1e-9)
    assert len(_tables(grid, np.array([x, y * z, even]))[0]) == 4 + 15 + 1


@pytest.mark.parametrize("interface", [hrd.CalibratedLayer(), hrd.ExactPlane()])
@pytest.mark.parametrize("velocity", [1.0, lambda t: np.sin(1e3 * t)])
def test_hybrids_with_a_drift_stay_in_compiled_code(interface, velocity):
    A = hrd.Species("A", D=1.0, potential=lambda x: x**2, velocity=velocity)
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 2)), particles=hrd.Box(x=(0, 1)), cells=20,
        interface=interface, initial={A: 20.0}, reactions=[hrd.Reaction("A -> 0", k=1.0)],
    )  # fmt: skip
    timings = hrd.Simulation(system, dt=1e-3, seed=1).run(0.02).attrs["timings"]
    assert timings["steps"] > 0
    # Python reads drifts that depend on time once a step, with all else at the walls: "reactions".
    assert all(timings[s] == 0 for s in ("exchange", "diffusion", "continuum"))
    assert callable(velocity) == (timings["reactions"] > 0)


@given(
    st.floats(1e-3, 3.0), st.floats(1e-3, 3.0), st.floats(0.0, 5.0), st.floats(-1.0, 1.0)
)  # fmt: skip
def test_survival_at_a_wall_with_drift_is_a_probability_and_falls_with_reactivity(d0, d1, g, v):
    kept = survival_drifting(d0, d1, g, v, 0.5)
    assert -1e-9 <= survival_drifting(d0, d1, g + 0.5, v, 0.5) <= kept + 1e-9 <= 1.0 + 2e-9
    assert survival_drifting(d0, d1, 0.0, v, 0.5) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("dt", [2e-3, 2e-2])
def test_cells_at_the_walls_keep_boltzmann_where_a_fold_would_not(dt):
    """A plain fold of the end of a move puts 4 % too many beside the wall at v h/D = 0.4."""
    A = hrd.Species("A", D=1.0, potential=lambda x: 4.0 * x)
    line, n = hrd.Box(x=(0, 1)), 100_000
    x = -np.log1p(-np.random.default_rng(5).random(n) * -np.expm1(-4.0)) / 4.0
    system = hrd.System(
        species=[A], domain=line, particles=line, cells=10, initial={A: hrd.Points(x[:, None])}
    )
    simulation = hrd.Simulation(system, dt=dt, seed=2)
    for _ in range(10):
        simulation.step()
    edges = np.linspace(0, 1, 11)
    expected = n * np.diff(np.expm1(-4 * edges)) / np.expm1(-4.0)
    counts = simulation.concentration[0] * 0.1
    assert (np.abs(counts - expected) < 4.5 * np.sqrt(expected)).all()


@pytest.mark.parametrize("velocity", [3.0, -3.0])
@pytest.mark.parametrize("wall", [hrd.Absorbing(), hrd.PartiallyAbsorbing(2.0)], ids=["a", "p"])
def test_what_walls_absorb_of_particles_that_drift_is_what_the_pde_says(velocity, wall):
    A, n = hrd.Species("A", D=1.0, velocity=velocity), 40_000
    line = hrd.Box(x=(0, 1))
    system = hrd.System(
        species=[A], domain=line, particles=line, cells=100, walls={"x-": wall},
        initial={A: hrd.Copies(n)},
    )  # fmt: skip
    left = hrd.Simulation(system, dt=1e-2, seed=3).run(until=0.1, every=0.1)["total"][-1, 0]
    exact = float(hrd.mean_field(system, dt=5e-4, until=0.1, every=0.1)["total"][-1, 0])
    assert abs(float(left) - exact) < 4.5 * math.sqrt(exact * (1 - exact / n)) + 1e-4 * n


def test_compiled_steps_are_those_of_the_methods():
    """Threads take the methods; neither they nor the order of storage change a step."""
    A = hrd.Species("A", D=1.0, potential=lambda x, y: np.sin(6.283185307 * y) + x)
    B = hrd.Species("B", D=0.5, velocity=(2.0, 0.0))
    box = hrd.Box(x=(0, 1), y=(0, 1))
    walls = {"x+": hrd.PartiallyAbsorbing(0.5), "y": hrd.Periodic(), "x-": hrd.Absorbing()}
    C = hrd.Species("C", D=1.0)
    system = hrd.System(
        species=[A, C, B], domain=box, particles=box, cells=20, walls=walls,
        initial={A: 3000.0, B: 2000.0, C: 100.0},
        reactions=[hrd.Reaction("C -> C + B", k=50.0)],
    )  # fmt: skip
    one, two = (hrd.Simulation(system, dt=1e-3, seed=2, threads=n) for n in (1, 2))
    one.step(20)
    with mock.patch.object(pool, "_LEAST", 1):
        two.step(20)
    for name in "ABC":
        first, second = one.particles[name], two.particles[name]
        assert 0 < len(first.id) == len(second.id)
        i, j = np.argsort(first.id), np.argsort(second.id)
        np.testing.assert_array_equal(first.positions[i], second.positions[j])


def test_the_variance_of_an_ornstein_uhlenbeck_process():
    A = hrd.Species("A", D=1.0, potential=lambda x: 2.0 * x**2)  # variance 1/4
    line, n = hrd.Box(x=(-2.5, 2.5)), 20_000
    system = hrd.System(
        species=[A], domain=line, particles=line, cells=50, initial={A: hrd.Copies(n, x=(-1, 1))}
    )
    simulation = hrd.Simulation(system, dt=5e-3, seed=4)
    simulation.run(until=1.5, every=1.5)
    x = simulation.particles["A"].positions
    # A drift that is constant in each cell adds h²/12 = 8e-4 to the variance.
    assert x.var() == pytest.approx(0.25, rel=4.5 * math.sqrt(2 / n) + 0.005)


# Across the plane


@pytest.mark.parametrize("coupling", ["two-way", "mean-field"])
@pytest.mark.parametrize("slope", [-4.0, 2.0])
def test_boltzmann_stays_across_the_plane(coupling, slope):
    A = hrd.Species("A", D=1.0, potential=lambda x: slope * x)
    start = hrd.Patch(lambda x: 4e4 * np.exp(-slope * (x - 1.0)))
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 2)), particles=hrd.Box(x=(0, 1)), cells=20,
        initial={A: start}, coupling=coupling,
    )  # fmt: skip
    simulation = hrd.Simulation(system, dt=4e-3, seed=6)
    simulation.run(until=0.8, every=0.8)
    x = system.grid.centers(0)[:10]
    weights = np.exp(-slope * (x - 1.0))
    expected = 4e3 * weights
    counts = simulation.concentration[0, :10] * 0.1
    assert (np.abs(counts - expected) < 4.5 * np.sqrt(expected) + 0.002 * expected).all()
    assert counts.sum() == pytest.approx(
        expected.sum(), rel=4.5 / math.sqrt(expected.sum()) + 0.002
    )


@pytest.mark.parametrize("velocity", [4.0, -4.0])
def test_a_uniform_flow_passes_a_region_and_stays_uniform(velocity):
    A = hrd.Species("A", D=1.0, velocity=velocity)  # u h/D = 0.4
    ring = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 2)), particles=hrd.Box(x=(0.5, 1.5)), cells=20,
        initial={A: 1e5}, walls={"x": hrd.Periodic()},
    )  # fmt: skip
    simulation = hrd.Simulation(ring, dt=1e-3, seed=7)
    simulation.run(until=0.3, every=0.3)
    short = simulation.concentration[0] / 1e5 - 1.0
    noise = 4.5 / math.sqrt(1e4)
    f = 0.1 * np.array([velocity, -velocity])  # at both planes inwards
    beta = drifting_rate(f, np.full(2, 0.5), True)
    layers = np.exp(f) - f / beta - 1.0 - 0.5 * f * 0.1  # see LayerDrift
    assert np.abs(short[[5, 14]] - layers).max() < 0.005 + noise
    assert np.abs(np.delete(short, [5, 14])).max() < 0.005 + noise
    assert abs(short[6:14].mean()) < 0.003 + noise / math.sqrt(8)


@pytest.mark.parametrize(("cell", "offset"), [(True, 0.5), (True, 0.6), (False, 0.0), (False, 0.3)])
@pytest.mark.parametrize("f", [-2.0, -0.5, 0.3, 1.5])
def test_layers_let_uniform_flows_pass_as_they_are(f, cell, offset):
    """The density in and below a layer in which c_R arrives, by its differential equation."""
    (beta,) = drifting_rate(np.array([f]), np.array([offset]), cell)
    # What a layer gives and takes is in balance at Boltzmann's content, exp(f d).
    beyond = (1 - math.exp(-f)) / f if cell else math.exp(-f * offset)
    gain = beta / beyond * (1.0 + f * (offset - 0.5) if cell else 1.0)

    def change(d, y):
        return [y[1], f * y[1] + beta * y[0] - gain * np.exp(f * d)]

    # From the reflecting plane, f c = c', by two trials to a uniform density below the layer.
    ends = [
        solve_ivp(change, (0, 1), [c, f * c], rtol=1e-10, atol=1e-12).y[:, -1] for c in (0.0, 1.0)
    ]
    share = -ends[0][1] / (ends[1][1] - ends[0][1])
    assert ends[0][0] + share * (ends[1][0] - ends[0][0]) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("velocity", [2.0, -2.0])
def test_flow_between_reservoirs_of_one_concentration_leaves_it_uniform(velocity):
    A = hrd.Species("A", D=1.0, velocity=velocity)
    line = hrd.Box(x=(0, 1))
    same = hrd.Reservoir({A: 2e4})
    system = hrd.System(
        species=[A], domain=line, particles=line, cells=10, walls={"x-": same, "x+": same},
        initial={A: 2e4},
    )  # fmt: skip
    simulation = hrd.Simulation(system, dt=5e-4, seed=8)
    simulation.run(until=0.5, every=0.5)
    assert int(simulation.copy_number[0]) == pytest.approx(2e4, rel=0.01 + 4.5 / math.sqrt(2e4))


def test_two_dimensions_with_a_hill_beside_the_plane():
    A = hrd.Species("A", D=1.0, potential=lambda x, y: np.sin(3 * x) * np.cos(2 * y))
    box = hrd.Box(x=(0, 1), y=(0, 1))
    at = Grid((0, 0), (1, 1), (10, 10)).coordinates()
    density = np.exp(-np.sin(3 * at["x"]) * np.cos(2 * at["y"]))
    system = hrd.System(
        species=[A], domain=box, particles=hrd.Box(x=(0.2, 0.6), y=(0.3, 0.8)), cells=10,
        initial={A: (1e5 * density).reshape(10, 10).T},
    )  # fmt: skip
    simulation = hrd.Simulation(system, dt=1e-3, seed=9)
    simulation.run(until=0.2, every=0.2)
    region = simulation.plan.region.mask
    expected = 1e3 * density[region].sum()
    assert int(simulation.copy_number[0]) == pytest.approx(expected, rel=4.5 / math.sqrt(expected))


def test_what_a_layer_takes_in_from_a_wall_is_boltzmanns_along_the_wall_too():
    """c_R is a function along the wall, given in the middle of each of its cells."""
    A = hrd.Species("A", D=1.0, potential=lambda x, y: 3.0 * x - 2.0 * y)
    box, beyond = hrd.Box(x=(0, 1), y=(0, 1)), hrd.Reservoir({"A": lambda y: np.exp(2.0 * y)})
    system = hrd.System(species=[A], domain=box, particles=box, cells=5, walls={"x-": beyond})
    simulation = hrd.Simulation(system, dt=2e-3)
    (gate,) = simulation._gates
    gate.set_given(0.0, 2e-3)
    layer, w = simulation._exchange.motion._layer(gate, gate.numbers), gate.numbers.width
    edges = np.linspace(0, 1, 6)
    content = -np.expm1(-3.0 * w) / 3.0 * np.diff(np.exp(2.0 * edges)) / 2.0
    arrivals = gate.mean * gate.face.area * layer.arrivals
    np.testing.assert_allclose(arrivals, content * (1.0 - layer.survival), rtol=1e-9)
    part = (np.arange(1000) + 0.5) / 1000
    x = np.stack([w * part, 0.4 + 0.2 * part])  # the third cell
    face = simulation._exchange.motion.faces[gate.face.index]
    tilt(x, 0, np.full(1000, 2), face, w, layer.slope, layer.along)
    for found, fall, low, width in [(x[0], 3.0, 0.0, w), (x[1], -2.0, 0.4, 0.2)]:
        share = np.expm1(-fall * (found - low)) / np.expm1(-fall * width)
        np.testing.assert_allclose(share, part, atol=1e-9)


# What is refused


def test_what_particles_that_drift_cannot_do_is_refused_by_name():
    A = hrd.Species("A", D=1.0, velocity=2.0)
    line = hrd.Box(x=(0, 1))
    pure = hrd.System(species=[A], domain=line, particles=line, cells=10)
    shell = hrd.Shell(inner=0.5, outer=1.0)
    with pytest.raises(ModelError, match="the exact law of spheres, which has no drift"):
        hrd.Simulation(pure.replace(domain=shell, particles=shell), dt=1e-4)
    B = hrd.Species("A", D=1.0, potential=lambda x: -1.5 * x - x**2 / 3.8)
    steeper = pure.replace(species=[B])
    with pytest.raises(StepError, match=r"half a cell.*use dt <= 0\.025"):
        hrd.Simulation(steeper, dt=0.1)


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"potential": lambda t: t}, "function of time"),
        ({"potential": "2 x"}, "potential of A"),
        ({"velocity": (1.0, "b")}, "velocity of A"),
        ({"velocity": float("nan")}, "finite"),
        ({"D": 0.0, "velocity": 1.0}, "give D > 0"),
    ],
)
def test_a_drift_that_cannot_be_is_refused(more, what):
    with pytest.raises(ModelError, match=what):
        hrd.Species(**({"name": "A", "D": 1.0} | more))


def test_drifts_that_do_not_fit_the_domain_are_refused():
    line = hrd.Box(x=(0, 1))
    for more, what in [
        ({"potential": lambda y: y}, "takes y"),
        ({"velocity": (1.0, 2.0)}, "2 components in 1D"),
    ]:
        with pytest.raises(ModelError, match=what):
            hrd.System(species=[hrd.Species("A", D=1.0, **more)], domain=line)
    ring = hrd.System(
        species=[hrd.Species("A", D=1.0, potential=lambda x: x)], domain=line,
        walls={"x": hrd.Periodic()},
    )  # fmt: skip
    with pytest.raises(ModelError, match="step of 1 kT at the periodic wall x"):
        hrd.mean_field(ring, dt=0.1, until=0.1)


# Whole copies in cells


def test_cells_of_whole_copies_alone_have_the_moments_of_the_master_equation():
    A = hrd.Species("A", D=1.0, potential="2 * x", velocity=1.0)
    walls = {"x-": hrd.Reservoir({A: 40.0}), "x+": hrd.Reservoir({A: 30.0})}
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 1)), cells=4, walls=walls, initial={A: 30.0},
        fluctuations="discrete",
    )  # fmt: skip
    moments = hrd.theory.moments.linear_moments(system, voxels=4, times=[0.0, 5.0])
    mean = moments["mean"].isel(time=-1).values.ravel() / 4
    run = hrd.Simulation(system, dt=0.01, seed=1).run(until=400.0, every=0.5)
    n = run["concentration"].sel(time=slice(5, None)).values[:, 0] / 4
    error = n.std(0) / math.sqrt(len(n) / 2)
    assert (np.abs(n.mean(0) - mean) < 4.5 * error + 0.003 * mean).all()
    assert (np.abs(n.var(0) / mean - 1) < 4.5 * math.sqrt(2 / len(n)) + 0.03).all()


@pytest.mark.parametrize("alpha", [0.1, 0.5])
@pytest.mark.parametrize("rise", [0.05, 0.4, -0.4])
@pytest.mark.parametrize("fluctuations", [None, "discrete"])
def test_as_many_pass_the_plane_either_way_at_equilibrium(rise, alpha, fluctuations):
    A = hrd.Species("A", D=1.0, potential=lambda x: rise * x)
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 8)), particles=hrd.Box(x=(0, 4)), cells=8,
        fluctuations=fluctuations,
    )  # fmt: skip
    simulation = hrd.Simulation(system, dt=alpha)
    (gate,) = simulation._gates
    layer = simulation._exchange.motion._layer(gate, gate.numbers)
    # Contents of the layer and of the first cell are as exp(rise) to 1.
    assert layer.arrivals == pytest.approx(math.exp(rise) * (1 - layer.survival), rel=1e-9)


@pytest.mark.parametrize("slope", [4.0, -4.0])
def test_boltzmann_across_a_plane_to_whole_copies(slope):
    A = hrd.Species("A", D=1.0, potential=lambda x: slope * x)
    start = hrd.Patch(lambda x: 4e4 * np.exp(-slope * (x - 1.0)))
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 2)), particles=hrd.Box(x=(0, 1)), cells=20,
        initial={A: start}, fluctuations="discrete",
    )  # fmt: skip
    simulation = hrd.Simulation(system, dt=4e-3, seed=6)
    total = simulation.total.copy()
    simulation.step(200)
    assert (simulation.total == total).all()
    expected = 4e3 * np.exp(-slope * (system.grid.centers(0) - 1.0))
    counts = simulation.concentration[0] * 0.1
    assert (np.abs(counts - expected) < 4.5 * np.sqrt(expected) + 0.002 * expected).all()


def test_a_drift_is_written_to_a_file_and_read_again():
    A = hrd.Species("A", D=1.0, potential="2 * x", velocity=(1.0, "0.5 * y"))
    box = hrd.Box(x=(0, 1), y=(0, 1))
    system = hrd.System(species=[A], domain=box)
    again = hrd.System.from_dict(system.to_dict())
    assert again.species == system.species
    assert again.to_dict() == system.to_dict()


# Flows that depend on time

SWING = "6 * cos(20 * t)"


def test_the_pde_is_carried_to_and_fro():
    """In the frame of the flow it diffuses: the mean of a bell moves by the integral of u."""
    A = hrd.Species("A", D=0.1, velocity=lambda t: 6 * np.cos(20 * t))
    bell = hrd.Patch(lambda x: np.exp(-((x - 2.0) ** 2) / 0.08))
    system = hrd.System(species=[A], domain=hrd.Box(x=(0, 4)), cells=200, initial={A: bell})
    run = hrd.mean_field(system, dt=4e-3, until=0.08, every=0.02)
    c, x = run["concentration"].values[:, 0], run["x"].values
    moved = (c * x).sum(1) / c.sum(1) - 2.0
    spread = (c * x**2).sum(1) / c.sum(1) - (2.0 + moved) ** 2
    t = run["time"].values
    np.testing.assert_allclose(moved, 0.3 * np.sin(20 * t), atol=1e-3)
    # Exponential fitting adds |u| h/2 times coth(z) - 1/z, z = u h/2 D, to D.
    z = np.abs(6 * np.cos(20 * np.linspace(0, 0.08, 2001))) * 0.02 / 0.2
    extra = np.mean(0.1 * (z / np.tanh(z) - 1))
    assert spread[-1] == pytest.approx(0.04 + 2 * (0.1 + extra) * 0.08, rel=0.02)


def test_particles_and_hybrids_are_carried_to_and_fro():
    n, line = 20_000, hrd.Box(x=(0, 4))
    A = hrd.Species("A", D=0.5, velocity=SWING)
    pure = hrd.System(
        species=[A],
        domain=line,
        particles=line,
        cells=40,
        initial={A: hrd.Points(np.full((n, 1), 2.0))},
    )
    simulation = hrd.Simulation(pure, dt=5e-3, seed=1)
    simulation.step(16)
    x = simulation.particles["A"].positions
    assert x.mean() - 2.0 == pytest.approx(0.3 * np.sin(1.6), abs=4.5 * math.sqrt(0.08 / n) + 5e-4)
    assert x.var() == pytest.approx(0.08, rel=4.5 * math.sqrt(2 / n))
    # Across the planes of a ring, which a uniform state passes as it is.
    ring = pure.replace(particles=hrd.Box(x=(1, 3)), walls={"x": hrd.Periodic()}, initial={A: 2e4})
    simulation = hrd.Simulation(ring, dt=5e-3, seed=2)
    total = simulation.total.copy()
    simulation.step(16)
    np.testing.assert_allclose(simulation.total, total, rtol=1e-9)
    assert int(simulation.copy_number[0]) == pytest.approx(4e4, rel=4.5 / math.sqrt(4e4) + 0.002)


def test_where_a_flow_of_time_cannot_be_it_is_refused_by_name():
    A, line = hrd.Species("A", D=1.0, velocity="sin(t)"), hrd.Box(x=(0, 1))
    system = hrd.System(species=[A], domain=line, cells=4, initial={A: 1.0})
    for kind in ("discrete", "gaussian"):
        noisy = system.replace(fluctuations=kind)
        with pytest.raises(ModelError, match="velocity depends on time"):
            hrd.Simulation(noisy, dt=1e-3)
    with pytest.raises(ModelError, match="the master equation"):
        hrd.theory.moments.linear_moments(system, voxels=4, times=[0.0, 1.0])
    with pytest.raises(ModelError, match="influx at x-"):
        system.replace(walls={"x-": hrd.Influx({A: 1.0})})
    fast = hrd.Species("A", D=1.0, velocity=lambda x, t: 400 * t * x)
    pure = system.replace(species=[fast], particles=line, initial={fast: 100.0})
    simulation = hrd.Simulation(pure, dt=0.01, seed=1)
    with pytest.raises(StepError, match=r"at t = .* half a cell"):
        simulation.step(50)
