"""Forces at length: escape over a barrier, and equilibria of reactions in a potential."""

from __future__ import annotations

import math

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.continuum.fipy_solver import assemble
from hybridrd.model.drift import make_drift

pytestmark = pytest.mark.validation


@pytest.mark.parametrize("dimension", [1, 2])
@pytest.mark.parametrize(
    ("coupling", "fluctuations"),
    [("two-way", None), ("two-way", "gaussian"), ("two-way", "discrete"), ("mean-field", None)],
)
@pytest.mark.parametrize("rise", [0.05, 0.1, 0.2, 0.4])
def test_boltzmann_holds_across_the_plane(rise, coupling, fluctuations, dimension):
    """Cells at the plane within 0.5 %, the content of the region within 0.3 %."""
    h, n = 0.1, 6
    A = hrd.Species("A", D=1.0, potential=lambda x: rise / h * x)
    across = {"y": (0, 0.4)} if dimension == 2 else {}
    unit = h * 0.4 ** (dimension - 1)
    mean = 3000.0 * np.exp(-rise * (np.arange(2 * n) - n + 1))  # content of a slice of cells
    start = mean / unit if dimension == 1 else np.repeat(mean[:, None] / unit, 4, axis=1)
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 2 * n * h), **across),
        particles=hrd.Box(x=(0, n * h), **across), cells=(2 * n, 4)[:dimension],
        coupling=coupling, fluctuations=fluctuations, initial={A: start},
    )  # fmt: skip
    simulation = hrd.Simulation(system, dt=2.5e-3, seed=6)
    simulation.step(200)
    found = []
    for _ in range(600):
        simulation.step(8)
        c = simulation.concentration[0]
        found.append((c if dimension == 1 else c.mean(axis=1)) * unit)
    total = np.mean(found, axis=0).sum()
    expected = mean * total / mean.sum() if coupling == "two-way" else mean
    parts = np.array(found).reshape(12, 50, 2 * n).mean(1)  # of 1 each
    for name, here, bar in [
        ("last of particles", parts[:, n - 1] / expected[n - 1], 0.005),
        ("first beyond", parts[:, n] / expected[n], 0.005),
        ("region", parts[:, :n].sum(1) / expected[:n].sum(), 0.003),
    ]:
        error = here.std(ddof=1) / math.sqrt(12)
        assert error < bar, name
        assert abs(here.mean() - 1.0) < bar + 2.0 * error, name


DISC = hrd.Ball(center=(0.5, 0.5), radius=0.35)
ELL = hrd.Box(x=(0.2, 0.8), y=(0.2, 0.5)) | hrd.Box(x=(0.2, 0.5), y=(0.2, 0.8))
ROUND = hrd.Ball(center=(0.5, 0.5, 0.5), radius=0.4)


@pytest.mark.parametrize(
    ("shape", "rise", "coupling", "fluctuations", "obstacle"),
    [
        (DISC, 0.05, "two-way", None, False),
        (DISC, 0.4, "two-way", None, True),
        (DISC, 0.4, "two-way", "gaussian", False),
        (DISC, 0.4, "mean-field", None, True),
        (ELL, 0.4, "two-way", None, False),
        (ELL, 0.4, "two-way", "discrete", True),
        (ROUND, 0.4, "two-way", None, False),
        (ROUND, 0.4, "two-way", "discrete", True),
    ],
)
def test_boltzmann_holds_in_any_shape(shape, rise, coupling, fluctuations, obstacle):
    """Cells at faces within 0.5 %, the content of the region within 0.3 %."""
    n, round_ = 10 if shape is not ROUND else 6, shape is ROUND
    axes, steepness = "xyz"[: 3 if round_ else 2], rise * n * np.array([1.0, 0.5, -0.3])

    def potential(x, y, z=0.5):
        return steepness[0] * x + steepness[1] * y + steepness[2] * z

    given = potential if round_ else lambda x, y: potential(x, y)
    A = hrd.Species("A", D=1.0, potential=given)
    box = hrd.Box(**dict.fromkeys(axes, (0, 1)))
    pillar = hrd.Box(**dict.fromkeys(axes, (1 / 3, 2 / 3) if round_ else (0.4, 0.6)))
    system = hrd.System(
        species=[A], domain=box, particles=shape, cells=n, coupling=coupling,
        fluctuations=fluctuations, obstacles=pillar if obstacle else None,
    )  # fmt: skip
    x, volume = system.grid.coordinates(), system.grid.volume
    weights = np.exp(potential(*[0.5] * len(axes)) - potential(**x)) * system.partition.free
    mean = 150.0 * weights
    start = (mean / volume).reshape(system.grid.shape[::-1]).T
    simulation = hrd.Simulation(system.replace(initial={A: start}), dt=0.25 / n**2, seed=6)
    simulation.step(100)
    found = []
    for _ in range(200):
        simulation.step(10)
        found.append(simulation.concentration[0].ravel(order="F") * volume)
    if coupling == "two-way":
        np.testing.assert_allclose(np.sum(found, axis=1), np.sum(found[0]), rtol=1e-3)
        mean *= np.mean(found, axis=0).sum() / mean.sum()
    parts = np.array(found).reshape(10, 20, -1).mean(1)
    faces = [f.columns for f in simulation.plan.region.faces if f.outside >= 0]
    own, beyond = (np.unique(np.concatenate([c[:, k] for c in faces])) for k in (0, 1))
    inside = np.flatnonzero(simulation.plan.region.mask)
    for name, cells, bar in [
        ("own", own, 0.005),
        ("beyond", beyond, 0.005),
        ("all", inside, 0.003),
    ]:
        here = parts[:, cells].sum(1) / mean[cells].sum()
        error = here.std(ddof=1) / math.sqrt(10)
        assert error < bar, name
        assert abs(here.mean() - 1.0) < bar + 2.0 * error, name


@pytest.mark.parametrize(
    ("method", "peclet"),
    [(m, p) for m in ("particles", "planes", "layers") for p in (0.1, 1.0, 10.0)],
)
def test_a_slab_with_a_flow_has_its_steady_profile(method, peclet):
    """``c = (exp(Pe x) - 1)/(exp(Pe) - 1)``, within 1 %; hybrids have particles on the left.

    Particles are means of cells, the continuum has the value at its centres. A boundary layer
    itself is 3 % low under this gradient, with and without a flow; its cells are in the ratio of
    values at their centres, at a Péclet number of 10 1 % below their means.
    """
    A, line, unit, dt = hrd.Species("A", D=1.0, velocity=peclet), hrd.Box(x=(0, 1)), 1e5, 5e-4
    edges = np.linspace(0, 1, 21)
    exact = (np.diff(np.exp(peclet * edges)) / peclet - 0.05) / math.expm1(peclet) * unit
    region = line if method == "particles" else hrd.Box(x=(0, 0.5))
    unit *= 1.0 if peclet < 5.0 or method == "particles" else 50.0  # most of it is on the right
    exact *= unit / 1e5
    if method != "particles":
        exact[10:] = np.expm1(peclet * edges[10:-1] + 0.025 * peclet) / math.expm1(peclet)
        exact[10:] *= 0.05 * unit
    system = hrd.System(
        species=[A], domain=line, particles=region, cells=20, initial={A: exact / 0.05},
        walls={"x-": hrd.Absorbing(), "x+": hrd.Reservoir({A: unit})},
        interface=None if method == "layers" else hrd.ExactPlane(),
    )  # fmt: skip
    if method == "layers":
        z = 0.025 * peclet
        exact[:10] += 0.05 * unit / math.expm1(peclet)
        exact[:10] *= z / math.sinh(z)
        exact[:10] -= 0.05 * unit / math.expm1(peclet)
    simulation = hrd.Simulation(system, dt=dt, seed=3)
    simulation.step(200)
    found = []
    for _ in range(400):
        simulation.step(10)
        found.append(simulation.concentration[0] * 0.05)
    parts = np.array(found).reshape(20, 20, 20).mean(1) / exact
    error, mean = parts.std(0, ddof=1) / math.sqrt(20), parts.mean(0)
    known = error < 0.01
    known[9] &= method != "layers"
    assert known.sum() > 8
    assert (np.abs(mean - 1.0) < 0.01 + 3.0 * error)[known].all()


def slowest(system, species):
    """The slowest decay rate of FiPy's matrix, its mode, and Boltzmann's shares, by cell."""
    tau = 1.0
    found = assemble(system.grid, 1.0, tau, drift=make_drift(system, species))
    generator = (np.eye(system.grid.cells) / tau - found.matrix.toarray() / found.volume).T
    weight = np.exp(-species.potential(system.grid.centers(0)))
    root = np.sqrt(weight / weight.sum())
    rates, modes = np.linalg.eigh(0.5 * (s := root[:, None] * generator / root) + 0.5 * s.T)
    mode = modes[:, -2] / root
    return -rates[-2], mode * np.sign(mode[0]), root**2


@pytest.mark.parametrize("method", ["particles", "hybrid", "rdme"])
def test_the_rate_of_escape_over_a_barrier_is_that_of_the_slowest_mode(method):
    """What starts in the left well's half of the mode decays as exp(-rate t)."""
    A = hrd.Species("A", D=1.0, potential=lambda x: 2.0 * (x**2 - 1.0) ** 2)
    line, n, until = hrd.Box(x=(-1.4, 1.4)), 200_000, 1.5
    region = {"particles": line, "hybrid": hrd.Box(x=(-1.4, 0.0))}.get(method)
    system = hrd.System(
        species=[A], domain=line, cells=56, particles=region,
        fluctuations="discrete" if method == "rdme" else None,
    )  # fmt: skip
    rate, mode, share = slowest(system, A)
    start = share * (1.0 + mode / np.abs(mode).max())
    system = system.replace(initial={A: n * start / 0.05})
    simulation = hrd.Simulation(system, dt=1e-3, seed=4)
    first = mode @ simulation.concentration[0]
    simulation.step(round(until / 1e-3))
    found = -math.log(mode @ simulation.concentration[0] / first) / until
    error = math.sqrt(math.exp(2 * rate * until) - 1) / math.sqrt(n) / until * np.abs(mode).max()
    assert error < 0.01 * rate
    assert found == pytest.approx(rate, abs=0.01 * rate + 2 * error)


def test_a_product_at_equilibrium_keeps_its_constant_in_a_potential():
    """A + B <-> C with U_C = U_A + U_B: c_A c_B/c_C is k_back/k everywhere, the wells included."""
    U = {"A": 1.0, "B": 0.5, "C": 1.5}
    species = [hrd.Species(s, D=1.0, potential=f"{u} * cos(6.283185307 * x)") for s, u in U.items()]
    box, n = hrd.Box(x=(0, 1), y=(0, 1)), 400
    system = hrd.System(
        species=species, domain=box, particles=box, cells=20, walls={"x": hrd.Periodic()},
        reactions=[hrd.Reaction("A + B <-> C", k=0.01, k_back=3.0, radius=0.03)],
        initial={"A": hrd.Copies(n), "B": hrd.Copies(n)},
    )  # fmt: skip
    simulation = hrd.Simulation(system, dt=5e-4, seed=8)
    simulation.step(1000)
    bound = []
    for _ in range(500):
        simulation.step(40)
        bound.append(int(simulation.copy_number[2]))
    x = (np.arange(1000) + 0.5) / 1000
    z = {s: np.exp(-u * np.cos(2 * np.pi * x)).mean() for s, u in U.items()}
    k = 3.0 / 0.01 * z["A"] * z["B"] / z["C"]  # (n - m)²/m, of the numbers in unit area
    expected = n + k / 2 - math.sqrt((n + k / 2) ** 2 - n**2)
    parts = np.array(bound).reshape(10, 50).mean(1)
    assert abs(parts.mean() - expected) < 4.5 * parts.std(ddof=1) / math.sqrt(10) + 0.005 * expected
