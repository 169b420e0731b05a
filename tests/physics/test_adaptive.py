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
    with pytest.raises(ModelError, match="obstacles do not follow"):
        line(None, obstacles=hrd.Adaptive(10, 30, 0.1))


def test_replicas_follow_each_their_own_copies():
    study = hrd.ensemble(line("discrete"), replicas=3, dt=0.5, until=2.0, every=1.0, seed=8)
    assert study["particle_share_mean"].dims == ("time",)
    assert study["total_var"].values[-1] == pytest.approx(study["total_var"].values[0])
