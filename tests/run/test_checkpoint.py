"""Checkpoints: restored is uninterrupted, bit for bit; what does not fit is refused."""

import logging
from pathlib import Path

import numpy as np
import pytest
from support.survivors import DT, LINE, SYSTEMS, A, line, same, same_state

import hybridrd as hrd
from hybridrd.errors import ModelError, ResultError
from hybridrd.run.checkpoint import checkpoints_in, read_checkpoint

DATA = Path(__file__).parents[1] / "data"


def simulation(system, **options):
    return hrd.Simulation(system, DT, seed=11, **options)


@pytest.mark.parametrize("name", SYSTEMS)
def test_restored_is_uninterrupted(name, tmp_path):
    system = SYSTEMS[name]
    whole = simulation(system)
    whole.run(23 * DT, every=5 * DT)  # ends between two records
    whole.checkpoint(tmp_path / "half.npz")
    # With a function in it the system must be given again.
    given = system if any(map(callable, _values(system))) else None
    twin = hrd.Simulation.restore(tmp_path / "half.npz", system=given)
    same_state(whole, twin)
    assert (twin.time, twin.seed, twin.replica, twin.dt) == (whole.time, 11, 0, DT)
    assert twin.system == system
    same(whole.run(61 * DT, every=4 * DT), twin.run(61 * DT, every=4 * DT))
    same_state(whole, twin)


def _values(system):
    return [v for w in system.walls.values() for v in getattr(w, "concentrations", {}).values()]


def test_one_run_is_two():
    """run(a + b) records at the same steps what run(a), run(b) do, and ends in the same state."""
    one, two = simulation(line()), simulation(line())
    whole = one.run(40 * DT, every=4 * DT)
    parts = [two.run(20 * DT, every=4 * DT), two.run(40 * DT, every=4 * DT)]
    for name in ("concentration", "copy_number", "total"):
        joined = np.concatenate([parts[0][name].values, parts[1][name].values[1:]])
        np.testing.assert_array_equal(whole[name].values, joined)
    same_state(one, two)


def test_debts_are_part_of_the_state():
    """The systems above do owe, and a state without the debts leads elsewhere."""
    sim = simulation(SYSTEMS["two-way, overdrawn"])
    while not sim.state()["owed"].any():
        sim.step()
    state = sim.state()
    twin, debtless = simulation(sim.system), simulation(sim.system)
    twin.load_state(state)
    debtless.load_state(state | {"owed": 0 * state["owed"]})
    for _ in range(5):
        sim.step(), twin.step(), debtless.step()
    same_state(sim, twin)
    assert not np.array_equal(sim.state()["field/c"], debtless.state()["field/c"])
    assert sim.state()["gate/A at interface:x+/owed"].size == 1


def test_storage_order_changes_nothing():
    sim = simulation(line())
    sim.run(10 * DT)
    state = sim.state()
    mixed = dict(state)
    for name in ("A", "B"):
        order = np.random.default_rng(1).permutation(len(state[f"ids/{name}"]))
        mixed[f"ids/{name}"] = state[f"ids/{name}"][order]
        mixed[f"positions/{name}"] = state[f"positions/{name}"][:, order]
    twin = simulation(line())
    twin.load_state(mixed)
    same(sim.run(40 * DT, positions=True), twin.run(40 * DT, positions=True))


def test_threads_and_replicas(tmp_path):
    system = line(particles=LINE, initial={"A": hrd.Copies(50_000), "B": 5.0})
    one = simulation(system, replica=3)
    one.run(2 * DT)
    one.checkpoint(tmp_path / "c.npz")
    two = hrd.Simulation.restore(tmp_path / "c.npz", threads=2)
    assert (two.replica, two.threads) == (3, 2)
    one.run(5 * DT), two.run(5 * DT)
    same_state(one, two)


def test_a_run_keeps_the_last_checkpoints(tmp_path):
    whole = simulation(line()).run(20 * DT, every=10 * DT)
    for place, names in {
        tmp_path / "dir": "checkpoint-{:010d}.npz",
        tmp_path / "name.npz": "name-{:010d}.npz",
    }.items():
        sim = simulation(line())
        result = sim.run(
            20 * DT, every=10 * DT, checkpoint=place, checkpoint_minutes=0, keep=2
        )  # fmt: skip
        same(whole, result)
        folder = place if place.is_dir() else tmp_path
        there = [p.name for p in checkpoints_in(place)]
        assert there == [names.format(19), names.format(20)]
        assert {p.name for p in folder.iterdir() if p.is_file()} == set(there)
        same_state(hrd.Simulation.restore(place), sim)
        twin = hrd.Simulation.restore(checkpoints_in(place)[0])
        twin.step()
        same_state(twin, sim)


def test_a_checkpoint_at_the_start_and_at_the_end_and_none_before_its_time(tmp_path):
    simulation(line()).run(10 * DT, checkpoint=tmp_path / "c", checkpoint_minutes=60)
    names = sorted(p.name for p in (tmp_path / "c").iterdir())
    assert names == ["checkpoint-0000000000.npz", "checkpoint-0000000010.npz"]


def test_a_place_of_another_run_is_refused(tmp_path):
    simulation(line()).run(10 * DT, checkpoint=tmp_path)
    other = simulation(line())
    with pytest.raises(
        ResultError, match=r"checkpoints of another run, up to checkpoint-0+10\.npz"
    ):
        other.run(5 * DT, checkpoint=tmp_path)
    assert other.steps == 0
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match="no checkpoints can be written there"):
        other.run(5 * DT, checkpoint=tmp_path / "file")
    with pytest.raises(ModelError, match="keep = 0"):
        other.run(5 * DT, checkpoint=tmp_path / "new", keep=0)
    with pytest.raises(ModelError, match="checkpoint_minutes"):
        other.run(5 * DT, checkpoint=tmp_path / "new", checkpoint_minutes=-1)
    # also where no checkpoint is asked for
    with pytest.raises(ModelError, match="keep = True"):
        other.run(5 * DT, keep=True)
    with pytest.raises(ModelError, match="checkpoint_minutes = 'a'"):
        other.run(5 * DT, checkpoint_minutes="a")


def test_the_one_before_takes_the_place_of_a_damaged_one(tmp_path, caplog):
    sim = simulation(line())
    sim.run(10 * DT, checkpoint=tmp_path, checkpoint_minutes=0)
    newest = checkpoints_in(tmp_path)[-1]
    newest.write_bytes(newest.read_bytes()[:1000])
    with caplog.at_level(logging.WARNING, "hybridrd"):
        twin = hrd.Simulation.restore(tmp_path)
    assert twin.steps == 9
    assert "checkpoint-0000000010.npz: is damaged" in caplog.text
    twin.run(10 * DT, checkpoint=tmp_path)  # repeats it in its place
    same_state(sim, twin)
    assert hrd.Simulation.restore(tmp_path).steps == 10


def test_the_first_format_still_opens():
    sim = hrd.Simulation.restore(DATA / "checkpoint-1.npz")
    about = read_checkpoint(DATA / "checkpoint-1.npz").about
    assert about["format"] == 1
    assert (sim.steps, sim.seed, sim.replica, sim.dt) == (23, 11, 0, DT)
    assert sim.system == line()
    assert len(sim.particles["A"]) == len(set(sim.particles["A"].id)) == sim.copy_number[0]
    before = sim.total
    assert sim.run(24 * DT)["total"].values[0] == pytest.approx(before, abs=1e-12)


def test_a_shell_is_restored_by_the_same_name(tmp_path):
    sim = simulation(SYSTEMS["shell"])
    sim.checkpoint(tmp_path / "c.npz")
    assert type(hrd.Simulation.restore(tmp_path / "c.npz")) is type(sim)
    with pytest.raises(ResultError, match="species, geometry"):
        hrd.Simulation.restore(tmp_path / "c.npz", system=line(species=[A], reactions=[],
                                                               initial={}))  # fmt: skip
