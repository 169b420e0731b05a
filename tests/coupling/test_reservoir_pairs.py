"""Pairs of which one partner is a particle and the other beyond the plane."""

import math

import numpy as np
import pytest
from support.sampling import batches, particles_in_bins, sample

import hybridrd as hrd
from hybridrd.model import doi
from hybridrd.reactions.reservoir_partners import Partners
from hybridrd.simulation.plan import Plan

SIGMA, DEPTH, DT = 0.25, 1.0, 0.0625
A, B, C = hrd.Species("A", D=1.0), hrd.Species("B", D=1.0), hrd.Species("C", D=0.0)
BINS = np.array([0.0, 0.25, 0.5, 0.75, 0.875, 0.9375, 1.0])  # the plane is at 1
KINDS = ["wall", "mean-field", "two-way"]


def catalysis(kind, dimension, width, c, k):
    """A + B -> A + B + C in a uniform state; C stays where A was, so it maps the reaction.

    Nothing is used up: the state stays uniform, events are k c_A c_B per volume everywhere.
    """
    across = dict.fromkeys("yz"[: dimension - 1], (0, width))
    particles = hrd.Box(x=(0, DEPTH), **across)
    walls = {a: hrd.Periodic() for a in across}
    domain, cells = particles, (2, *(1,) * (dimension - 1))
    if kind == "wall":
        walls["x+"] = hrd.Reservoir({A: c, B: c, C: 0.0})  # it takes the C made beyond
    else:
        domain = hrd.Box(x=(0, 2 * DEPTH), **across)
        cells = (4, *(1,) * (dimension - 1))
    return hrd.System(
        species=[A, B, C], domain=domain, particles=particles, cells=cells, walls=walls,
        coupling="mean-field" if kind == "mean-field" else "two-way",
        interface=hrd.CalibratedLayer(width=0.5) if kind == "wall" else None,
        reactions=[hrd.Reaction("A + B -> A + B + C", k=k, radius=SIGMA)],
        initial={A: c, B: c},
    )  # fmt: skip


def density(kind, dimension, width, c, steps, seed=1):
    """Events per volume in bins over k c_A c_B t, with standard errors; in the first cell beyond.

    Positions are new in every step (a bin is narrower than a move), so that the error is that of
    Poisson numbers of both species in every step, and of events.
    """
    p = 0.02
    k = p / DT * doi.reactive_volume(SIGMA, dimension)
    system = catalysis(kind, dimension, width, c, k)
    sim = hrd.Simulation(system, dt=DT, seed=seed)
    for _ in range(steps):
        sim.step()
    edges = [BINS, *([np.array([0.0, width])] * (dimension - 1))]
    counts = particles_in_bins(sim, "C", edges).ravel()
    volume = np.diff(BINS) * width ** (dimension - 1)
    expected = k * c * c * sim.time
    error = np.sqrt(1.0 / (expected * volume) + 2.0 / (c * volume * steps))
    beyond = sim.concentration[2].reshape(-1)[2] / expected if kind == "two-way" else 1.0
    return counts / volume / expected, error, beyond


CASES = [
    ("wall", 1, 1.0, 200.0, 300),
    ("wall", 2, 60.0, 50.0, 60),
    ("wall", 3, 8.0, 100.0, 60),
    ("mean-field", 2, 60.0, 50.0, 60),
    ("two-way", 2, 60.0, 50.0, 60),
]


@pytest.mark.validation
@pytest.mark.ci
@pytest.mark.parametrize(("kind", "dimension", "width", "c", "steps"), CASES)
def test_reaction_is_as_frequent_at_the_plane_as_anywhere(kind, dimension, width, c, steps):
    seen, error, beyond = density(kind, dimension, width, c, steps)
    assert error[-1] < 0.08
    # At the far end, a reflecting wall, Doi's ball is cut.
    assert np.all(np.abs(seen - 1)[1:] < 4.5 * error[1:])
    assert seen[0] < 0.9
    assert abs(beyond - 1) < 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_without_partners_beyond_there_is_a_dip(kind, monkeypatch):
    """What the other tests would see if particles met nobody beyond the plane."""
    monkeypatch.setattr(Plan, "partners", lambda self, gates: Partners(self.region, (), gates))
    seen, error, beyond = density(kind, 2, 60.0, 50.0, 60)
    cut = [1 - _mean_cap(a, b) for a, b in zip(1 - BINS[1:], 1 - BINS[:-1], strict=True)]
    assert np.all(np.abs(seen - cut)[1:] < 4.5 * error[1:])
    assert cut[-1] < 0.6
    if kind == "two-way":  # the continuum leaves out the pairs across the plane
        assert beyond == pytest.approx(1 - 2 / (3 * math.pi) * SIGMA / 0.5, abs=0.01)


def _mean_cap(near, far):
    depth = np.linspace(near, far, 2001)
    return float(np.trapezoid(doi.cap_volume(depth, SIGMA, 2), depth)) / (
        (far - near) * doi.reactive_volume(SIGMA, 2)
    )


@pytest.mark.parametrize("coupling", ["two-way", "mean-field"])
def test_reaction_is_as_frequent_in_the_corners_of_a_box(coupling):
    """Partners are beyond two faces at once there; caps of single faces would overlap."""
    c, p, steps = 400.0, 0.02, 60
    k = p / DT * doi.reactive_volume(SIGMA, 2)
    system = hrd.System(
        species=[A, B, C], domain=hrd.Box(x=(0, 3), y=(0, 3)),
        particles=hrd.Box(x=(1, 2), y=(1, 2)), cells=(6, 6), coupling=coupling,
        reactions=[hrd.Reaction("A + B -> A + B + C", k=k, radius=SIGMA)], initial={A: c, B: c},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=DT, seed=2)
    for _ in range(steps):
        sim.step()
    edges = np.array([1.0, 1.0 + SIGMA, 2.0 - SIGMA, 2.0])
    counts = particles_in_bins(sim, "C", [edges, edges])
    area = np.outer(np.diff(edges), np.diff(edges))
    expected = k * c * c * sim.time * area
    for ends in (np.ix_([0, 2], [0, 2]), np.ix_([1], [0, 2]), np.ix_([0, 2], [1])):
        error = math.sqrt(1 / expected[ends].sum() + 2 / (c * area[ends].sum() * steps))
        assert abs(counts[ends].sum() / expected[ends].sum() - 1) < 4 * error
        assert error < 0.03


@pytest.mark.parametrize("beside", ["wall", "plane"])
@pytest.mark.parametrize("dimension", [2, 3])
def test_partners_stand_beyond_the_edge_where_walls_meet(beside, dimension):
    """A rests in a corner; with nobody beyond two walls at once it met 0.78 of its partners."""
    c, lambda0, radius, rest = 100.0, 1.0, 0.4, 40
    axes = "xyz"[:dimension]
    region = hrd.Box(**dict.fromkeys(axes, (0, 2)))
    walls = dict.fromkeys(axes, hrd.Reservoir({B: c}))
    domain = region
    if beside == "plane":
        domain = hrd.Box(**dict.fromkeys(axes, (0, 2)) | {"x": (-2, 2)})
        del walls["x"]
    still = hrd.Species("A", D=0.0)
    system = hrd.System(
        species=[still, B, C], domain=domain, particles=region, walls=walls,
        cells=(16 if beside == "plane" else 8, *(8,) * (dimension - 1)), coupling="mean-field",
        reactions=[hrd.Reaction("A + B -> A + B + C", lambda0=lambda0, radius=radius)],
        initial={still: hrd.Points([[0.01] * dimension] * rest), B: c},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=0.02, seed=3)
    seen = sample(sim, lambda s: s.events[0], 0, 100, 1)
    volume = doi.reactive_volume(radius, dimension)
    value, error = batches(np.diff(seen) / (rest * c * lambda0 * volume * 0.02), 9)
    assert error < 0.04
    assert abs(value - 1) < 4.5 * error


# Reactants that are used up.


def annihilation(kind, c, k, n_species=2):
    """A + B -> C, or A + A -> C, uniform; a strip of particles beside what ``kind`` says."""
    width = 40.0
    particles = hrd.Box(x=(0, DEPTH), y=(0, width))
    domain = hrd.Box(x=(0, 2 * DEPTH), y=(0, width))
    moving = hrd.Species("C", D=0.5)
    equation = "A + B -> C" if n_species == 2 else "2 A -> C"
    species = [*[A, B][:n_species], moving]
    return hrd.System(
        species=species, domain=domain, particles=particles, cells=(4, 80), coupling=kind,
        walls={"y": hrd.Periodic()}, initial={s: c for s in species if s is not moving},
        reactions=[hrd.Reaction(equation, k=k, radius=SIGMA)],
    )  # fmt: skip


@pytest.mark.parametrize("fluctuations", [None, "gaussian"])
@pytest.mark.parametrize("n_species", [1, 2])
def test_what_reservoir_pairs_use_and_make_is_in_the_ledger(n_species, fluctuations):
    system = annihilation("two-way", 40.0, 0.02, n_species).replace(fluctuations=fluctuations)
    sim = hrd.Simulation(system, dt=DT, seed=3)
    start = sim.total
    for _ in range(60):
        sim.step()
    total = sim.total
    assert total[-1] > 0.1 * start[0]
    if n_species == 2:
        kept = [total[0] + total[2] - start[0], total[1] + total[2] - start[1]]
    else:
        kept = [total[0] + 2 * total[1] - start[0]]
    assert np.abs(kept).max() < 1e-9 * start[0]
    # Cells are below zero by what they owe, and by no more.
    missing = -np.minimum(sim.flat_concentration(), 0.0) @ system.grid.volumes
    assert np.all(missing <= np.array(list(sim.diagnostics()["owed"].values())) + 1e-9)


@pytest.mark.parametrize("n_species", [1, 2])
@pytest.mark.parametrize("kind", ["two-way", "mean-field"])
def test_a_uniform_state_reacts_as_in_a_vessel(kind, n_species):
    """dc/dt = -k c² on both sides; pairs are slow against diffusion, so that no hole forms."""
    c, k = 60.0, 0.02
    system = annihilation(kind, c, k, n_species)
    sim = hrd.Simulation(system, dt=DT, seed=4)
    steps = 24
    for _ in range(steps):
        sim.step()
    left = c / (1 + k * c * sim.time)
    assert left < 0.5 * c
    made = (c - left) / (2 if n_species == 1 else 1)
    # The wall at x = 0 cuts the ball: 2/(3 pi) sigma of the depth reacts less.
    slack = 2 / (3 * math.pi) * SIGMA * (c - left) / c
    for s, mean in ((0, left), (n_species, made)):
        expected = mean * 40.0 * DEPTH
        assert abs(sim.copy_number[s] - expected) < 4 * math.sqrt(expected) + slack * expected


@pytest.mark.parametrize(
    ("equation", "held", "left", "made"),
    [("2 A -> A", "", 0.549, 0), ("2 A -> B", "B", 0.301, 0.349), ("2 A -> B", "", 0.301, 0.699)],
)
def test_either_of_a_like_pair_across_a_wall_may_be_the_first(equation, held, left, made):
    """Immobile particles, far from each other, near a wall: each meets V_cap c_R = 1.2 partners.

    Each reacts with 1 - exp(-1.2 lambda0 t) = 0.70 in t = 1. As the first of the pair (half of the
    times) it keeps the product, as the second the product is the partner's and lost where the wall
    holds B. Where A is made again, it is there with exp(-0.6) = 0.549.
    """
    a, b = hrd.Species("A", D=0.0), hrd.Species("B", D=0.0)
    c = 1.2 / float(doi.cap_volume(0.1, 0.4, 2))
    n = 1500
    strip = hrd.Box(x=(0, 1), y=(0, n))
    system = hrd.System(
        species=[a, b],
        domain=strip,
        particles=strip,
        cells=(4, 50),
        reactions=[hrd.Reaction(equation, lambda0=1.0, radius=0.4)],
        walls={"x+": hrd.Reservoir({"A": c} | dict.fromkeys(held, 0.0))},
        initial={a: hrd.Points([(0.9, k + 0.5) for k in range(n)])},
    )
    result = hrd.Simulation(system, dt=0.05, seed=4).run(1.0, 1.0, record=["copy_number"])
    found = result["copy_number"].values[-1] / n
    for mean, exact in zip(found, (left, made), strict=True):
        assert abs(mean - exact) < 4.5 * np.sqrt(max(exact * (1 - exact), 1e-9) / n)
