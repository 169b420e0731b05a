"""Why a run ends, and what it says of itself: stop conditions, balance, logs."""

import logging
import time

import numpy as np
import pytest
from support.survivors import DT, LINE, SYSTEMS, A, line, same, simulation

import hybridrd as hrd
from hybridrd.errors import ModelError


class Told:
    """A stand-in for a simulation with numbers given by a function of time."""

    def __init__(self, number):
        self.number, self.time = number, 0.0

    @property
    def copy_number(self):
        return np.array([self.number(self.time)])

    @property
    def total(self):
        return np.array([2.0])


def first_stop(condition, number, every=0.1, until=20.0):
    told = Told(number)
    while told.time < until:
        if condition(told):
            return told.time
        told.time = round(told.time + every, 9)
    return None


def test_steady_state_of_a_decay():
    """100 exp(-t): each mean over 1 is 1/e of the one before, for ever: never steady.

    50 + 50 exp(-t): the means over the last 1 and the 1 before are 50 + b (1 - 1/e) exp(1 - t) and
    50 + b (1 - 1/e) exp(2 - t), b = 50; sums over records every 0.1 move the moment by up to 0.2.
    """
    assert first_stop(hrd.SteadyState(0.3, over=1.0), lambda t: 100 * np.exp(-t)) is None
    found = first_stop(hrd.SteadyState(0.01, over=1.0), lambda t: 50 + 50 * np.exp(-t))
    means = [lambda t, s=s: 50 + 50 * (1 - np.exp(-1)) * np.exp(s - t) for s in (1, 2)]
    times = np.arange(2, 20, 0.001)
    steady = means[1](times) - means[0](times) <= 0.01 * means[1](times)
    exact = times[np.argmax(steady)]
    assert abs(found - exact) <= 0.2


def test_steady_state_needs_two_stretches_and_two_records_each():
    assert first_stop(hrd.SteadyState(0.01, over=1.0), lambda _: 7) == 2.0
    assert first_stop(hrd.SteadyState(0.01, over=1.0), lambda _: 0) == 2.0  # nothing left
    assert first_stop(hrd.SteadyState(0.01, over=0.1), lambda _: 7) is None
    steady = hrd.SteadyState(0.01, over=1.0)
    first_stop(steady, lambda _: 7)
    assert first_stop(steady, lambda _: 7) == 2.0  # another run begins anew


@pytest.mark.parametrize("make", [
    lambda: hrd.SteadyState(0, 1), lambda: hrd.SteadyState(0.1, -1), lambda: hrd.WallTime(0),
    lambda: hrd.WallTime("1"),
])  # fmt: skip
def test_conditions_refuse_what_cannot_be(make):
    with pytest.raises(ModelError):
        make()


def test_a_steady_state_is_remembered_by_checkpoints(tmp_path):
    system = line(particles=LINE, reactions=[hrd.Reaction("A -> 0", k=40.0)], initial={"A": 30.0})
    steady = lambda: hrd.SteadyState(0.05, over=20 * DT)  # noqa: E731
    options = {"every": 2 * DT}
    whole = simulation(system).run(1.0, stop=steady(), **options)
    assert whole.attrs["stopped"] == "steady state: no change above 0.05 over 0.04"
    steps = round(float(whole["time"][-1]) / DT)
    assert 40 < steps < 500
    sim, out = simulation(system), tmp_path / "run.zarr"
    sim.run((steps - 16) * DT, out=out, stop=steady(), checkpoint=tmp_path, **options)
    twin = hrd.Simulation.restore(tmp_path)
    same(whole, twin.run(1.0, out=out, stop=steady()))


def test_wall_time_ends_between_records_and_adds_none(tmp_path):
    slow = {"observe": {"nap": lambda _: time.sleep(0.05) or 0.0}}
    whole = simulation(line()).run(40 * DT, every=10 * DT, observe={"nap": lambda _: 0.0})
    sim, out = simulation(line()), tmp_path / "run.zarr"
    began = time.monotonic()
    part = sim.run(
        40 * DT, every=10 * DT, out=out, checkpoint=tmp_path, stop=hrd.WallTime(0.02), **slow
    )
    assert time.monotonic() - began < 30
    assert part.attrs["stopped"] == "wall time: 0.02 s"
    assert 0 < sim.steps < 40
    assert (part["time"].values % (10 * DT)).max() < 1e-12
    twin = hrd.Simulation.restore(tmp_path)
    same(whole, twin.run(40 * DT, out=out, observe={"nap": lambda _: 0.0}))


def test_any_function_may_stop_a_run():
    result = simulation(line()).run(40 * DT, every=10 * DT, stop=lambda sim: sim.steps >= 20)
    assert result.attrs["stopped"] == "stop condition"
    assert result.sizes["time"] == 3
    assert simulation(line()).run(10 * DT).attrs["stopped"] == "reached the end"


# Where particles come from and go to

BALANCED = [n for n in SYSTEMS if n not in ("plane, mean-field", "plane, two-way")]


@pytest.mark.parametrize("name", BALANCED)
def test_the_balance_closes(name):
    """N(t) = N(0) + created - removed, but for pairs across a face, of which one is beyond."""
    system = SYSTEMS[name]
    across = any(c.order == 2 for c in system.channels) and system.is_hybrid
    if across:
        system = system.replace(reactions=[r for r in system.reactions if " + " not in r.equation])
    result = simulation(system).run(100 * DT)
    counts = result["copy_number"].values
    causes = set()
    for s, (species, account) in enumerate(result.attrs["diagnostics"]["particles"].items()):
        assert species == system.names[s]
        created, removed = (sum(account[k].values()) for k in ("created", "removed"))
        assert counts[-1, s] - counts[0, s] == created - removed
        causes |= {*account["created"], *account["removed"]}
    if system.is_hybrid and "shell" not in name:
        assert {"arrival at interface:x+", "exit at interface:x+"} <= causes
    fired = dict(zip(result["reaction"].values, result["events"].values.sum(axis=0), strict=True)
                 ) if system.reactions else {}  # fmt: skip
    for label, count in fired.items():
        assert count == 0 or label in causes


def test_the_balance_says_what_fired():
    result = simulation(line(particles=LINE)).run(100 * DT)
    infected, died, born = result["events"].values.sum(axis=0)
    account = result.attrs["diagnostics"]["particles"]
    assert infected > 0
    assert account["A"]["created"] == {"0 -> A": born}
    assert account["A"]["removed"] == {"A + B -> 2 B": infected}
    assert account["B"]["created"] == {"A + B -> 2 B": infected}  # one more of them each time
    assert account["B"]["removed"] == ({"B -> 0": died} if died else {})


def test_the_largest_concentration_of_all_records():
    result = simulation(line()).run(50 * DT, every=5 * DT)
    largest = result["concentration"].max(["time", "x"])
    assert result.attrs["diagnostics"]["largest_c"] == {
        s: float(largest.sel(species=s)) for s in ("A", "B")
    }
    bare = simulation(line()).run(50 * DT, record=["total"])
    assert "largest_c" not in bare.attrs["diagnostics"]


def test_the_log_tells_the_course_and_is_silent_by_itself(tmp_path, caplog, capsys):
    sim = simulation(line())
    with caplog.at_level(logging.INFO, "hybridrd"):
        sim.run(10 * DT, checkpoint=tmp_path)
    assert [r.getMessage() for r in caplog.records] == [
        "run from t = 0 to 0.02 (dt = 0.002, seed 11, replica 0)",
        f"checkpoint {tmp_path / 'checkpoint-0000000000.npz'} at t = 0",
        f"checkpoint {tmp_path / 'checkpoint-0000000010.npz'} at t = 0.02",
        "stopped at t = 0.02: reached the end",
    ]
    assert {r.name for r in caplog.records} == {"hybridrd"}
    simulation(line(particles=LINE, species=[A], reactions=[], initial={})).run(DT)
    assert capsys.readouterr() == ("", "")
    assert any(isinstance(h, logging.NullHandler) for h in logging.getLogger("hybridrd").handlers)
