"""The canonical tests of hybrid methods (Smith and Yates 2018), and a front that crosses."""

import math

import numpy as np
import pytest
from support.sampling import batches, particles_in_bins, sample

import hybridrd as hrd

A, B = hrd.Species("A", D=1.0), hrd.Species("B", D=1.0)
COUPLINGS = [("two-way", None), ("two-way", hrd.ExactPlane()), ("mean-field", None)]


def strip(length, width, region, cells, **more):
    walls = {"y": hrd.Periodic(), **more.pop("walls", {})}
    return hrd.System(
        domain=hrd.Box(x=(0, length), y=(0, width)), particles=hrd.Box(x=region, y=(0, width)),
        cells=cells, walls=walls, **more,
    )  # fmt: skip


@pytest.mark.parametrize("coupling", COUPLINGS, ids=repr)
@pytest.mark.parametrize("region", [(0, 4), (4, 8)], ids=["source side", "far side"])
def test_morphogen_gradient(region, coupling):
    """Influx J at x = 0, decay everywhere: c = J/sqrt(D k) cosh(q (L - x))/sinh(q L)."""
    J, k, length, width = 100.0, 0.25, 8.0, 50.0
    q = math.sqrt(k)
    walls = {"x-": hrd.Influx({A: J})}

    def amount(x):  # integral of c from 0 to x
        return J / k * (1 - np.sinh(q * (length - x)) / math.sinh(q * length))

    def c(x):
        return J / q * np.cosh(q * (length - x)) / math.sinh(q * length)

    cells = 32 if coupling[1] is None else 64  # a line through four cells: 1.4 h² c'' low
    system = strip(
        length, width, region, (cells, 50), species=[A], walls=walls, coupling=coupling[0],
        interface=coupling[1], reactions=[hrd.Reaction("A -> 0", k=k)], initial={A: c},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=0.04 if cells == 32 else 0.02, seed=1)
    bins = np.linspace(*region, 5)
    n = sample(sim, lambda s: particles_in_bins(s, "A", [bins, [0, width]])[:, 0], 100, 120, 6)
    mean = np.diff(amount(bins)) * width
    # Within a layer the profile is its own (of second order): 1 % of the bin beside the plane.
    value, error = batches(n / mean, 12)
    assert np.all(error < 0.03)
    assert np.all(np.abs(value - 1) < 4.5 * error + 0.01)
    value, error = batches(n.sum(axis=1) / mean.sum(), 12)
    assert abs(value - 1) < 4 * error + 0.004
    other = (4, 8) if region[0] == 0 else (0, 4)
    expected = np.diff(amount(np.array(other)))[0] * width
    field = sim.concentration[0] * system.grid.volume
    content = field[cells // 2 :] if region[0] == 0 else field[: cells // 2]
    assert abs(content.sum() - expected) < 4 * math.sqrt(expected) + 0.005 * expected


@pytest.mark.parametrize("coupling", COUPLINGS[:2], ids=repr)
@pytest.mark.parametrize("start", [(0, 4), (4, 8)], ids=["all particles", "all continuum"])
def test_all_on_one_side_spreads_to_uniform(start, coupling):
    n = 20000
    system = strip(
        8.0, 10.0, (0, 4), (40, 10), species=[A], coupling=coupling[0], interface=coupling[1],
        initial={A: hrd.Copies(n, x=start)},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=0.02, seed=3)
    k = np.arange(1, 400, 2) * math.pi / 8
    for t in (1.0, 3.0, 9.0, 20.0):
        while sim.time < t - 1e-9:
            sim.step()
        # share in the left half: 1/2 +- 4 sum_odd (-1)^.. exp(-k² t)/(k 4)²
        share = 0.5 + (1 if start[0] == 0 else -1) * (np.exp(-(k**2) * t) / (k * 4) ** 2).sum()
        slack = 0.004 if coupling[1] is None else 0.012 / t  # first order in dt: c_R is late
        sd = math.sqrt(n * share * (1 - share))
        assert abs(sim.copy_number[0] - n * share) < 4 * sd + slack * n
        assert sim.total[0] == pytest.approx(n, abs=1e-7)


@pytest.mark.parametrize("kind", ["2 A -> 0", "B + A -> B"])
@pytest.mark.parametrize("coupling", ["two-way", "mean-field"])
def test_production_against_pairs(kind, coupling):
    """0 -> A with A + A -> 0: c = sqrt(p/k); with A + B -> B: c = p/(k c_B). Flat throughout."""
    c, p, width, sigma = 50.0, 25.0, 40.0, 0.25
    like = kind == "2 A -> 0"
    other = 40.0
    k = p / c**2 if like else p / (c * other)
    system = strip(
        4.0, width, (1, 3), (8, 80), species=[A] if like else [A, B], coupling=coupling,
        walls={"x": hrd.Periodic()}, initial={A: c} if like else {A: c, B: other},
        reactions=[hrd.Reaction("0 -> A", k=p), hrd.Reaction(kind, k=k, radius=sigma)],
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=0.0625, seed=4)
    bins = np.linspace(1, 3, 9)
    n = sample(sim, lambda s: particles_in_bins(s, "A", [bins, [0, width]])[:, 0], 60, 100, 2)
    value, error = batches(n / (c * width * 0.25), 10)
    assert np.all(error < 0.04)
    assert np.all(np.abs(value - 1) < 4.5 * error + 0.01)
    value, error = batches(n.sum(axis=1) / (c * width * 2), 10)
    # Correlations: pairs are a little farther apart than chance would have it.
    assert abs(value - 1) < 4 * error + 0.006
    # Of pairs through the two planes, those react here that have the A here and the B beyond,
    # and the other way round (or either A): more than the region's share.
    beyond = 2 * 2 / (3 * math.pi) * sigma / 2
    events = sim.events[1] / sim.time / (k * c * (c / 2 if like else other) * width * 2)
    assert events == pytest.approx(1.0 + beyond, abs=0.02)


def front(region, seed=1, length=56.0, width=5.0, c=40.0):
    """A -> 2 A, 2 A -> A from the left: times at which the front's position passes marks.

    Plateau c = 2 r/k; position is the amount over c and the width.
    """
    system = strip(
        length, width, region, (112, 5), species=[A], initial={A: hrd.Patch(c, x=(0, 6))},
        reactions=[
            hrd.Reaction("A -> 2 A", k=1.0), hrd.Reaction("2 A -> A", k=2 / c, radius=0.2)
        ],
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=0.05, seed=seed)
    times, at, behind = [0.0], [6.0], []
    while at[-1] < 46 and sim.time < 40:
        for _ in range(4):
            sim.step()
        rows = sim.concentration[0].mean(axis=1) / c
        times.append(sim.time)
        at.append(rows.sum() * 0.5)
        if at[-1] > 42:
            behind.append(rows[40:80])
    return np.interp([14, 24, 36, 46], at, times), np.mean(behind, axis=0)


@pytest.mark.validation
@pytest.mark.ci
@pytest.mark.parametrize(
    ("region", "first", "last"),
    [((0, 30), (1.5, 2.0), (1.6, 2.1)), ((30, 56), (1.78, 1.83), (1.6, 2.1))],
    ids=["out of the particles", "into the particles"],
)
def test_a_front_crosses_without_delay(region, first, last):
    """Each side has its own speed; in the PDE 2 sqrt(r D) - 3/(2 t), 1.8 when it passes here."""
    runs = [front(region, seed=seed) for seed in range(1, 9)]
    before, crossing, after = np.mean([np.diff(passed) for passed, _ in runs], axis=0)
    behind = np.mean([row for _, row in runs], axis=0)
    assert first[0] < 10 / before < first[1]
    assert last[0] < 10 / after < last[1]
    # 1 is half the time that the front takes for its own width; the mean of 8 passages, which
    # spread by 0.5 to 0.9, has a standard error of 0.2 to 0.3.
    assert crossing == pytest.approx(0.6 * (before + after), abs=1.0)
    # The plateau behind goes on through the plane.
    assert behind[:16].mean() == pytest.approx(1.0, abs=0.04)
    assert behind[16:24].mean() == pytest.approx(1.0, abs=0.06)
