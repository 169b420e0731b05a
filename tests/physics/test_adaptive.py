"""Particle regions that follow the copies: what is conserved, and what is followed."""

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.errors import ModelError, StepError

A = hrd.Species("A", D=1.0)
FRONT = hrd.System(
    species=[A],
    reactions=[
        hrd.Reaction("A -> 2 A", k=1.0),
        hrd.Reaction("2 A -> A", k=0.02, radius=0.25),
    ],
    domain=hrd.Box(x=(0, 60)),
    particles=hrd.Adaptive(low=10, high=30, every=0.1),
    cells=60,
    fluctuations="discrete",
    initial={A: hrd.Patch(100.0, x=(0, 20))},
)


def line(fluctuations, **changes) -> hrd.System:
    """A closed line at equilibrium, 20 copies a cell."""
    fields = {
        "species": [A], "domain": hrd.Box(x=(0, 60)), "cells": 60, "initial": {A: 20.0},
        "particles": hrd.Adaptive(low=5, high=50, every=0.5, buffer=0.0),
        "fluctuations": fluctuations,
    }  # fmt: skip
    return hrd.System(**(fields | changes))


def at_random(sim: hrd.Simulation, seed: int) -> None:
    """Let a simulation change its region at random, in pieces of three cells."""
    rng = np.random.default_rng(seed)
    sim._adapted.tag.inside = lambda *_: np.repeat(rng.random(20) < 0.5, 3)


@pytest.mark.parametrize("fluctuations", ["discrete", None, "gaussian"])
def test_changes_at_random_keep_the_total_and_the_mean(fluctuations):
    sim = hrd.Simulation(line(fluctuations), dt=0.5, seed=3)
    at_random(sim, 4)
    start, halves = sim.total[0], []
    for _ in range(60):
        sim.step()
        # Half of the line, as its copies come and go.
        halves.append(sim.concentration[0, :30].sum())
    whole = sim.diagnostics()["adaptive"]
    assert whole["region_changes"] == 60
    assert 0.4 < whole["particle_share"] < 0.6
    if fluctuations == "discrete":
        assert sim.total[0] == start == round(start)
    else:
        assert sim.total[0] == pytest.approx(start, rel=1e-12)
        assert abs(whole["remainder"][0]) < 1
    # Relaxation takes 60²/pi² = 365, far longer than the run: three standard deviations of a half.
    assert abs(np.mean(halves) - start / 2) < 3.0 * np.sqrt(2.5 * start / 4)


@pytest.mark.validation
def test_changes_at_random_leave_poisson_numbers():
    """10,000 changes: mean 1 within 0.3 %, variance of the cells 1 within 3 %."""
    sim = hrd.Simulation(line("discrete", initial={A: hrd.Copies(1200)}), dt=0.5, seed=3)
    at_random(sim, 4)
    records = []
    for _ in range(10_000):
        sim.step()
        records.append(sim.concentration[0])
    c = np.array(records)
    assert (c.sum(axis=1) == 1200).all()
    variance = ((c - 20) ** 2).mean() / (20 * (1 - 1 / 60))
    assert variance == pytest.approx(1.0, abs=0.03)
    halves = c[:, ::2].mean() / 20, c[:, 1::2].mean() / 20
    assert halves == pytest.approx((1.0, 1.0), abs=0.003)


@pytest.mark.validation
@pytest.mark.timeout(3600)  # two minutes of processor time
@pytest.mark.parametrize("fluctuations", ["discrete", "gaussian"])
def test_changes_at_random_leave_totals_poisson(fluctuations):
    """10,000 changes of four open lines: mean within 0.3 %, variance of cells and totals 3 %."""
    system = line(
        fluctuations, domain=hrd.Box(x=(0, 30), y=(0, 8)), cells=(30, 8),
        obstacles=hrd.Where(lambda y: y.astype(int) % 2 == 1),
        reactions=[hrd.Reaction("0 -> A", k=40.0), hrd.Reaction("A -> 0", k=2.0)],
    )  # fmt: skip
    sim, rng = hrd.Simulation(system, dt=0.5, seed=3), np.random.default_rng(4)
    sim._adapted.tag.inside = lambda *_: np.repeat(rng.random(80) < 0.5, 3) & system.free
    records = []
    for _ in range(10_000):
        sim.step()
        records.append(sim.concentration[0][:, ::2])
    c = np.array(records)
    assert c.mean() / 20 == pytest.approx(1.0, abs=0.003)
    assert ((c - 20) ** 2).mean() / 20 == pytest.approx(1.0, abs=0.03)
    assert ((c.sum(axis=1) - 600) ** 2).mean() / 600 == pytest.approx(1.0, abs=0.03)
    assert sim.diagnostics()["adaptive"]["placement_noise"] == 0.0


@pytest.mark.parametrize("fluctuations", [None, "gaussian"])
def test_contents_that_join_are_placed_with_the_noise_that_is_reported(fluctuations):
    """Two pieces of a line join, again and again: numbers in cells, and the sums of pieces."""
    sim = hrd.Simulation(line(fluctuations), dt=0.5, seed=3)
    adapted, population, region = sim._adapted, sim._population, sim._region
    pieces = [np.array([4, 5, 6]), np.array([20, 21])]
    cells = np.concatenate(pieces)
    content = np.zeros((1, 60))
    content[0, cells] = 3.3, 10.6, 6.2, 0.45, 1.2
    inside = np.zeros(60, bool)
    inside[cells] = True
    counts = []
    for step in range(1200):
        population[0].n = 0
        adapted.remainder[:] = 0.0
        adapted.convert(population, region, content.copy(), inside, step)
        counts.append(adapted.counts(population, region)[0, cells])
    found, wanted = np.array(counts), content[0, cells]
    for sums, whole in ((found[:, :3].sum(axis=1), 20.1), (found[:, 3:].sum(axis=1), 1.65)):
        assert (abs(sums - whole) < 1.0).all()
    assert abs(found.mean(axis=0) - wanted) == pytest.approx(0.0, abs=4.5 * np.sqrt(10.6 / 1200))
    share = wanted / np.array([20.1, 20.1, 20.1, 1.65, 1.65])
    noise = wanted * (1 - share) * (fluctuations is None)
    # Rounding adds at most a quarter of a copy.
    assert (found.var(axis=0) < 1.15 * noise + 0.27).all()
    assert (found.var(axis=0) > 0.85 * noise).all()
    reported = adapted.described()["placement_noise"]
    assert reported == pytest.approx(noise.sum() / wanted.sum(), abs=1e-6)


def test_the_region_follows_a_front_and_the_run_its_interruption(tmp_path):
    sim = hrd.Simulation(FRONT, dt=0.02, seed=5)
    run = sim.run(until=6.0, every=1.0)
    mask, share = run["mask"], run["particle_share"].values
    assert mask.dims == ("time", "x")
    assert run["particle_share"].dims == ("time",)
    assert share == pytest.approx((mask.values == 2).mean(axis=1))
    # Particles where copies are few: ahead of the front, and behind it no cell far from it.
    front = run["total"].sel(species="A").values / 100.0
    assert (np.diff(front) > 0).all()
    assert (np.diff(share) <= 0).all()
    assert share[-1] < share[0] - 0.05
    for k, at in enumerate(front):
        assert (mask.values[k, int(at) + 8 :] == 2).all()
        assert (mask.values[k, : int(at) - 8] == 1).all()
    counts = run["concentration"].values[:, 0]
    assert run["total"].values[:, 0] == pytest.approx(counts.sum(axis=1))
    inside = np.where(mask.values == 2, counts, 0.0).sum(axis=1)
    assert run["copy_number"].values[:, 0] == pytest.approx(inside)
    half = hrd.Simulation(FRONT, dt=0.02, seed=5)
    half.run(until=3.0)
    half.checkpoint(tmp_path / "half.npz")
    again = hrd.Simulation.restore(tmp_path / "half.npz")
    again.run(until=6.0)
    assert np.array_equal(sim.particles["A"].positions, again.particles["A"].positions)
    assert np.array_equal(sim.concentration, again.concentration)
    assert sim.diagnostics()["adaptive"] == again.diagnostics()["adaptive"]


def test_an_adaptive_region_is_plain_data_and_back():
    described = FRONT.replace(particles=hrd.Adaptive(5, 20, 0.2, species=A, buffer=1.5))
    assert hrd.System.from_dict(described.to_dict()) == described
    assert "Adaptive(low=10, high=30, every=0.1)" in repr(FRONT)


def test_what_cannot_follow_is_refused_by_name():
    with pytest.raises(ModelError, match="at least twice low, 20"):
        hrd.Adaptive(low=10, high=15, every=0.1)
    with pytest.raises(StepError, match=r"not a multiple of dt = 0\.03"):
        hrd.Simulation(FRONT, dt=0.03)
    with pytest.raises(ModelError, match="there is nothing to follow"):
        FRONT.replace(coupling="mean-field", fluctuations=None)
    with pytest.raises(ModelError, match="unknown species 'B'"):
        FRONT.replace(particles=hrd.Adaptive(10, 30, 0.1, species="B"))
    with pytest.raises(ModelError, match="give a Shell like the domain"):
        line(None, domain=hrd.Shell(1, 61), initial={})
    with pytest.raises(ModelError, match="obstacles cannot follow"):
        line(None, obstacles=hrd.Adaptive(10, 30, 0.1))


def test_replicas_follow_each_their_own_copies():
    options = {"dt": 0.5, "until": 2.0, "every": 1.0, "seed": 8}
    region = hrd.Adaptive(low=38, high=76, every=0.5, buffer=0.0)
    moving = line("discrete", initial={A: hrd.Patch(60.0, x=(0, 20))}, particles=region)
    study = hrd.ensemble(moving, replicas=2, **options)
    assert study["particle_share_mean"].dims == ("time",)
    assert study["total_var"].values[-1] == pytest.approx(study["total_var"].values[0])
    runs = [hrd.Simulation(moving, dt=0.5, seed=8, replica=i) for i in range(2)]
    adapted = []
    for run in runs:
        run.run(until=2.0)
        adapted.append(run.diagnostics()["adaptive"])
    for name in ("region_changes", "cells_changed"):
        assert study.attrs["diagnostics"][name] == sum(one[name] for one in adapted) > 0
