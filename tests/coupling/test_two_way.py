"""Two-way coupling: the ledger, unbiased means, straight profiles, pulses against the PDE."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from support.sampling import batches, particles_in_bins, sample

import hybridrd as hrd

A = hrd.Species("A", D=1.0)
SCHEMES = [None, hrd.Layer(width=1.0), hrd.ExactPlane()]


def book_keeping(scheme, fluctuations, steps):
    """Run a small closed system with few particles; the drift of the total, smallest c."""
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 10)), particles=hrd.Box(x=(0, 5)), cells=10,
        interface=scheme, fluctuations=fluctuations, initial={A: 3.0},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=0.5, seed=1)
    start, least, drift = sim.total[0], np.inf, 0.0
    for _ in range(steps):
        sim.step()
        least = min(least, sim._continuum._field.c.min())
        drift = max(drift, abs(sim.total[0] - start) / start)
    return drift, least, sim


@pytest.mark.parametrize(
    ("scheme", "fluctuations"), [(None, None), (None, "gaussian"), (hrd.ExactPlane(), None)]
)
def test_the_ledger_balances_and_no_content_is_negative(scheme, fluctuations):
    drift, least, sim = book_keeping(scheme, fluctuations, 5000)
    assert drift < 1e-12
    assert least >= 0.0
    # The start made it owe: what is owed is part of the balance.
    if not fluctuations:
        assert sim.diagnostics()["overdrafts"] > 10


def wide(cells, region, width, per_cell, scheme, **more):
    """A 2D slab of unit cells; particles in the cells ``region`` along x; periodic along y."""
    walls = {"y": hrd.Periodic(), **more.pop("walls", {})}
    more.setdefault("initial", {A: float(per_cell)})
    return hrd.System(
        species=[A], domain=hrd.Box(x=(0, cells), y=(0, width)),
        particles=hrd.Box(x=region, y=(0, width)), cells=(cells, width), interface=scheme,
        walls=walls, **more,
    )  # fmt: skip


@pytest.mark.parametrize("alpha", [0.25, 1.0])
@pytest.mark.parametrize("scheme", [None, hrd.ExactPlane()], ids=repr)
def test_unbiased_at_one_particle_a_cell(scheme, alpha):
    """Debts that are dropped leave 25 % too many, those that don't move 2 to 10 % too few."""
    cells, inside = (6, 3) if scheme is None else (12, 6)
    system = wide(cells, (0, inside), 200, 1.0, scheme)
    sim = hrd.Simulation(system, dt=alpha, seed=2)
    edges = [np.arange(inside + 1.0), [0, 200]]
    n = sample(sim, lambda s: particles_in_bins(s, "A", edges)[:, 0], 100, 2400, 1)
    assert sim.diagnostics()["overdrafts"] > 1000
    mean = sim.total[0] / cells
    value, error = batches(n.sum(axis=1) / (inside * mean))
    assert error < 0.0033
    assert abs(value - 1) < 4 * error
    value, error = batches(n / mean)
    assert np.all(np.abs(value - 1) < 4.5 * error)


@pytest.mark.parametrize(
    ("scheme", "alpha"),
    [
        (None, 0.25),
        (None, 1.0),
        (hrd.Layer(width=1.0), 0.25),
        (hrd.ExactPlane(), 0.25),
        (hrd.ExactPlane(), 1.0),
    ],
    ids=repr,
)
def test_a_straight_profile_goes_on_through_the_plane(scheme, alpha):
    """Absorbing wall beyond the particles, reservoir beyond the continuum, no jump between.

    A layer has its own profile within it, and for two or three spreads below; the line that is
    continued is that of the cells farther in.
    """
    cells, inside, width, top = 16, 8, 100, 80.0
    system = wide(
        cells, (0, inside), width, 0.0, scheme, initial={A: lambda x: top * x / cells},
        walls={"x-": hrd.Absorbing(), "x+": hrd.Reservoir({A: top})},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=alpha, seed=3)
    rows = sample(
        sim,
        lambda s: s.concentration[0].mean(axis=1),
        round(30 / alpha),
        round(400 / alpha**0.5),
        2,
    )
    slope = top / cells
    exact = slope * (np.arange(cells) + 0.5)
    straight = slice(0, inside if isinstance(scheme, hrd.ExactPlane) else inside - 4)
    # Slope within over the whole one; a jump J at the plane gives (top - J)/(cells slope).
    value, error = batches(rows[:, straight].sum(axis=1) / exact[straight].sum())
    assert error * cells / inside < 0.005
    assert abs(value - 1) < 4 * error
    # The continuum is on the line up to its first cell.
    value, error = batches(rows[:, inside:] / exact[inside:])
    assert np.all(np.abs(value - 1) < 4.5 * error)


# Pulses. References: the series of a closed interval, and the PDE on the whole domain on a finer
# grid; the numbers are Poisson or less (binomial, or starved by the continuum).


def closed_interval(length, start, stop, bins, t):
    """Share of what starts uniform in (start, stop) that is in each bin after D t."""
    k = np.arange(1, 400) * np.pi / length
    source = (np.sin(k * stop) - np.sin(k * start)) / (k * (stop - start))
    modes = np.sin(k * bins[:, None]) / k
    return np.diff(bins / length + 2 / length * modes @ (source * np.exp(-(k**2) * t)))


@pytest.mark.parametrize("patch", [(6.0, 7.0), (3.0, 4.0)], ids=["inwards", "outwards"])
@pytest.mark.parametrize("scheme", [None, hrd.ExactPlane()], ids=repr)
def test_a_pulse_crosses(scheme, patch):
    """Beside the plane, either way; particles in bins and in all, and the continuum's amount."""
    n = 40000
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 10)), particles=hrd.Box(x=(0, 5)), cells=100,
        interface=scheme, initial={A: hrd.Copies(n, x=patch)},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=0.004, seed=1)
    bins = np.linspace(0, 5, 11)
    for t in (0.5, 1.0, 3.0, 10.0):
        while sim.time < t - 1e-9:
            sim.step()
        expected = n * closed_interval(10.0, *patch, bins, t)
        counts = particles_in_bins(sim, "A", [bins])
        error = np.sqrt(expected + 1)
        assert np.all(np.abs(counts - expected) < 4.5 * error + 0.002 * expected)
        assert abs(counts.sum() - expected.sum()) < 4 * np.sqrt(expected.sum())
        assert sim.total[0] == pytest.approx(n, abs=1e-6)


def against_the_pde(system, dt, times, finer, seed=1, slack=0.0):
    """Numbers in halves of the region along each axis, and what is beyond, against the PDE.

    Its grid is ``finer`` times as fine.
    """
    fine = system.replace(
        cells=tuple(finer * c for c in system.cells), particles=None, coupling="mean-field"
    )
    pde = hrd.mean_field(fine, dt=dt, until=times[-1], every=times[0])
    if isinstance(system.interface, hrd.ExactPlane):
        dt /= 5  # its low-passed c_R lags behind by four steps
    sim = hrd.Simulation(system, dt=dt, seed=seed)
    sides = [np.array([a, 0.5 * (a + b), b]) for a, b in system.particles.intervals]
    for t in times:
        while sim.time < t - 1e-9:
            sim.step()
        field = pde["concentration"].sel(time=t).values[0]
        content = field * fine.grid.volume
        for axis, edges in enumerate(sides):
            index = np.searchsorted(fine.grid.centers(axis), edges)
            content = np.add.reduceat(content, index, axis=axis)
            content = np.take(content, [0, 1], axis=axis)
        counts = particles_in_bins(sim, "A", sides)
        assert np.all(np.abs(counts - content) < 4.5 * np.sqrt(content) + slack * content)
        total = content.sum()
        assert abs(counts.sum() - total) < 4 * np.sqrt(total) + slack * total
        beyond = slice(round(system.particles.upper[0] / system.grid.spacing[0]), None)
        amount = sim.concentration[0, beyond].sum() * system.grid.volume
        beyond = slice(finer * beyond.start, None)
        expected = field[beyond].sum() * fine.grid.volume
        assert abs(amount - expected) < 4 * np.sqrt(expected) + slack * expected


@pytest.mark.parametrize("scheme", [None, hrd.ExactPlane()], ids=repr)
def test_a_pulse_goes_through_a_slab_between_two_planes(scheme):
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 12)), particles=hrd.Box(x=(4, 8)), cells=120,
        interface=scheme, initial={A: hrd.Patch(20000.0, x=(2, 4))},
    )  # fmt: skip
    against_the_pde(system, 0.005, (0.5, 1.0, 2.0, 8.0), finer=4)


@pytest.mark.parametrize(
    ("scheme", "cells", "low", "high"),
    [
        (hrd.ExactPlane(), (7, 5), (3, 2), (4, 3)),
        (hrd.ExactPlane(), (8, 8), (2, 2), (6, 6)),
        (hrd.ExactPlane(), (5, 5, 5), (2, 2, 2), (3, 3, 3)),
        (None, (7, 6), (2, 2), (4, 4)),
        (None, (5, 5, 5), (1, 1, 1), (3, 3, 3)),
    ],
)
def test_a_box_in_a_box_stays_uniform(scheme, cells, low, high):
    """Leavers booked by where they end, at their lowest axis: 0.84 in one cell, 1.16 at corners."""
    axes = "xyz"[: len(cells)]
    system = hrd.System(
        species=[A], domain=hrd.Box(**{a: (0, n) for a, n in zip(axes, cells, strict=True)}),
        particles=hrd.Box(**dict(zip(axes, zip(low, high, strict=True), strict=True))),
        cells=cells, interface=scheme, initial={A: 300.0},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=0.01, seed=4)
    n = sample(sim, lambda s: s.concentration[0].ravel() / 300.0, 100, 1000, 3)
    value, error = batches(n, 10)
    assert error.max() < 0.04
    assert np.all(np.abs(value - 1) < 5 * error + 0.01)
    inside = sim.plan.region.mask.reshape(cells[::-1]).T.ravel()
    value, error = batches(n[:, inside].mean(axis=1), 10)
    assert abs(value - 1) < 4.5 * error + 0.005


@pytest.mark.parametrize("scheme", [None, hrd.ExactPlane()], ids=repr)
def test_box_in_a_box_takes_a_pulse_at_its_corner(scheme):
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 8), y=(0, 8)), particles=hrd.Box(x=(3, 6), y=(3, 6)),
        cells=(40, 40), interface=scheme, initial={A: hrd.Patch(10000.0, x=(1, 3), y=(1, 3))},
    )  # fmt: skip
    against_the_pde(system, 0.02, (0.5, 1.0, 2.0), finer=4)


@pytest.mark.parametrize("scheme", [None, hrd.ExactPlane()], ids=repr)
def test_box_in_a_box_in_three_dimensions(scheme):
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 4), y=(0, 4), z=(0, 4)),
        particles=hrd.Box(x=(1.2, 2.8), y=(1.2, 2.8), z=(1.2, 2.8)), cells=(20, 20, 20),
        interface=scheme, initial={A: hrd.Patch(20000.0, x=(0, 1.2), y=(0, 1.2), z=(0, 1.2))},
    )  # fmt: skip
    against_the_pde(system, 0.01, (0.2, 0.4, 0.8), finer=2, slack=0.003)


@pytest.mark.validation
@pytest.mark.ci
@pytest.mark.parametrize("coupling", ["two-way", "mean-field"])
def test_three_react_in_the_continuum_where_particles_do_not(coupling):
    """``2 U + V -> 3 U`` beyond x = 1, nothing moves: each cell is its own equation."""
    U, V = hrd.Species("U", D=0.0), hrd.Species("V", D=0.0)
    system = hrd.System(
        species=[U, V],
        reactions=[hrd.Reaction("2 U + V -> 3 U", k=lambda x: np.where(x > 1, 0.5, 0.0))],
        domain=hrd.Box(x=(0, 2)), particles=hrd.Box(x=(0, 1)), cells=4, coupling=coupling,
        initial={U: 20.0, V: [10.0, hrd.Patch(30.0, x=(1.5, 2))]},
    )  # fmt: skip
    run = hrd.Simulation(system, dt=0.01, seed=1).run(until=0.05, every=0.05)
    assert (run["copy_number"].isel(time=0) == run["copy_number"].isel(time=-1)).all()
    for cell, v in ((2, 10.0), (3, 40.0)):
        u, v = solve_ivp(
            lambda _, y: 0.5 * y[0] ** 2 * y[1] * np.array([1, -1]), (0, 0.05), [20.0, v],
            "Radau", rtol=1e-10, atol=1e-12,
        ).y[:, -1]  # fmt: skip
        found = run["concentration"].values[-1, :, cell]
        np.testing.assert_allclose(found, [u, v], rtol=1e-6, atol=1e-10)
