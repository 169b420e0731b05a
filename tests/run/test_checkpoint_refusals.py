"""Refusals of checkpoints, with the reason: other systems, damaged files, other formats."""

import json
import zipfile
from io import BytesIO

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import survivors
from support.survivors import DT, SYSTEMS, line

import hybridrd as hrd
from hybridrd.errors import ResultError
from hybridrd.run.checkpoint import read_checkpoint


def simulation(system):
    return hrd.Simulation(system, DT, seed=11)


def test_functions_must_be_given_again(tmp_path):
    system = SYSTEMS["two-way, walls"]
    simulation(system).checkpoint(tmp_path / "c.npz")
    with pytest.raises(ResultError, match=r"Python functions.*system="):
        hrd.Simulation.restore(tmp_path / "c.npz")
    other = system.replace(walls={"x-": hrd.Reservoir({"A": lambda t: 3.0 + t})})
    with pytest.raises(ResultError, match=r"walls\[x-\]\.concentrations\[A\]: function waves in"):
        hrd.Simulation.restore(tmp_path / "c.npz", system=other)


CHANGES = {
    "a rate": ({"reactions": [survivors.INFECT, hrd.Reaction("B -> 0", k=0.6), survivors.BIRTH]},
               r"reactions\[1\]\.k: 0\.5 in the checkpoint, now 0\.6"),
    "no reaction": ({"reactions": [survivors.INFECT]}, "reactions: 3 entries in .* now 1"),
    "diffusion": ({"species": [hrd.Species("A", D=2.0), survivors.B]}, r"species\[0\]\.D: 1\.0 in"),
    "a wall": ({"walls": {"x-": hrd.Absorbing()}}, r"walls\[x-\]: nothing in .* now Absorbing"),
    "scheme": ({"interface": hrd.CalibratedLayer()}, r"interface: None in .* CalibratedLayer"),
    "noise": ({"fluctuations": "gaussian"}, r"fluctuations: None in the .* gaussian"),
    "start": ({"initial": {"A": 41.0}}, r"initial\[A\]\[0\]: 40\.0 in the checkpoint, now 41\.0"),
}  # fmt: skip
FIXED = {
    "cells": ({"cells": 20}, r"cells\[0\]: 40 in .* now 20"),
    "region": ({"particles": hrd.Box(x=(0, 1))}, r"particles\.x\[1\]: 2\.0 in .* now 1\.0"),
    "domain": ({"domain": hrd.Box(x=(0, 8))}, r"domain\.x\[1\]: 4\.0 in .* now 8\.0"),
    "coupling": ({"coupling": "mean-field"}, r"coupling: two-way in .* now mean-field"),
    "names": (
        {"species": [hrd.Species("S", D=1.0), survivors.B], "reactions": [], "initial": {}},
        r"names\[0\]: A in .* now S",
    ),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    sim = simulation(line())
    sim.run(20 * DT)
    path = tmp_path_factory.mktemp("saved") / "c.npz"
    sim.checkpoint(path)
    return path, sim


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.filterwarnings("ignore:.*its pairs reach")
def test_a_changed_system_is_refused_or_taken_on_request(change, saved):
    path, sim = saved
    changes, said = CHANGES[change]
    system = line(**changes)
    with pytest.raises(ResultError, match=said):
        hrd.Simulation.restore(path, system=system)
    taken = hrd.Simulation.restore(path, system=system, allow_change=True)
    assert taken.system == system
    for name in ("A", "B"):
        np.testing.assert_array_equal(taken.particles[name].id, sim.particles[name].id)
    np.testing.assert_array_equal(taken.concentration, sim.concentration)
    result = taken.run(40 * DT)
    assert np.isfinite(result["concentration"].values).all()


def test_the_new_rate_is_the_one_that_acts(saved):
    path, sim = saved
    system = line(reactions=[survivors.INFECT, hrd.Reaction("B -> 0", k=1e3), survivors.BIRTH])
    taken = hrd.Simulation.restore(path, system=system, allow_change=True)
    fired = taken.events.copy()
    np.testing.assert_array_equal(fired, sim.events)
    result = taken.run(30 * DT)
    # exp(-1000 * 0.02) of them is left, and those that were born as B a moment ago.
    assert result["copy_number"].sel(species="B").values[-1] <= 2
    assert taken.events[1] - fired[1] >= sim.copy_number[1] - 2


def test_a_changed_system_has_records_of_its_own(tmp_path, caplog):
    out = tmp_path / "run.zarr"
    simulation(line()).run(20 * DT, out=out, checkpoint=tmp_path)
    system = line(reactions=[survivors.INFECT, survivors.DECAY])
    taken = hrd.Simulation.restore(tmp_path, system=system, allow_change=True)
    assert "changed in reactions: 3 entries in the checkpoint, now 2" in caplog.text
    with pytest.raises(ResultError, match="exists; choose another name"):
        taken.run(40 * DT, out=out)
    assert taken.run(40 * DT, out=tmp_path / "new").sizes["reaction"] == 2
    assert hrd.load(out).sizes["reaction"] == 3


@pytest.mark.parametrize("change", FIXED)
def test_what_the_state_is_made_for_cannot_change(change, saved):
    changes, said = FIXED[change]
    for allowed in (False, True):
        with pytest.raises(ResultError, match=f"{said}.*fits no other"):
            hrd.Simulation.restore(saved[0], system=line(**changes), allow_change=allowed)


def rewritten(path, change):
    """A copy of a checkpoint with its description changed, checksums and all in order."""
    out = BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "checkpoint.npy":
                about = json.loads(str(np.load(BytesIO(data))))
                change(about)
                part = BytesIO()
                np.save(part, np.array(json.dumps(about)))
                data = part.getvalue()
            new.writestr(name, data)
    return out.getvalue()


def test_other_formats_and_other_files_are_refused(saved, tmp_path):
    bad = tmp_path / "bad.npz"
    bad.write_bytes(rewritten(saved[0], lambda about: about.update(format=2)))
    with pytest.raises(ResultError, match=r"of format 2, but this hybridrd reads format 1"):
        hrd.Simulation.restore(bad)
    bad.write_bytes(rewritten(saved[0], lambda about: about["portrait"].update(cells=[50])))
    with pytest.raises(ResultError, match="hash of its system does not match"):
        hrd.Simulation.restore(bad)
    bad.write_bytes(b"no zip at all")
    with pytest.raises(ResultError, match=r"bad\.npz: is damaged, or not a checkpoint"):
        hrd.Simulation.restore(bad)
    np.savez(bad, x=np.arange(3))
    with pytest.raises(ResultError, match="damaged"):
        hrd.Simulation.restore(bad)
    np.savez(bad, checkpoint=np.array([print], dtype=object))  # a pickle, which is not opened
    with pytest.raises(ResultError, match=r"damaged.*allow_pickle=False"):
        hrd.Simulation.restore(bad)
    with pytest.raises(ResultError, match=r"there is no such checkpoint"):
        hrd.Simulation.restore(tmp_path / "none.npz")
    with pytest.raises(ResultError, match="no checkpoint in this directory"):
        hrd.Simulation.restore(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_says_the_same(data, saved, tmp_path):
    path, _ = saved
    whole = path.read_bytes()
    if data.draw(st.booleans()):
        bad = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        at = data.draw(st.integers(0, len(whole) - 1))
        bad = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    (tmp_path / "bad.npz").write_bytes(bad)
    right = read_checkpoint(path)
    try:
        found = read_checkpoint(tmp_path / "bad.npz")
    except ResultError:
        return
    assert found.about == right.about
    assert list(found.state) == list(right.state)
    for name, value in right.state.items():
        np.testing.assert_array_equal(found.state[name], value)


def test_missing_or_misshapen_arrays_are_refused(saved):
    _, sim = saved
    twin = simulation(sim.system)
    state = sim.state()
    with pytest.raises(ResultError, match="no 'owed'"):
        twin.load_state({n: v for n, v in state.items() if n != "owed"})
    with pytest.raises(ResultError, match=r"'field/c' in the shape \(2, 3\)"):
        twin.load_state(state | {"field/c": np.zeros((2, 3))})


def test_a_replica_that_shares_its_mean_field_has_no_checkpoint(tmp_path):
    from hybridrd.simulation.plan import compile_system
    from hybridrd.simulation.window import record_window

    plan = compile_system(SYSTEMS["mean-field"], DT)
    sim = hrd.Simulation(
        plan.system, DT, seed=1, plan=plan, mean_field=record_window(plan, steps=3, stride=1)
    )
    with pytest.raises(ResultError, match="shares the mean field"):
        sim.checkpoint(tmp_path / "c.npz")
    assert not list(tmp_path.iterdir())


def test_an_impossible_place_is_told(tmp_path):
    sim = simulation(line())
    with pytest.raises(ResultError, match=r"none/c\.npz: the checkpoint cannot be written"):
        sim.checkpoint(tmp_path / "none" / "c.npz")
    (tmp_path / "dir").mkdir()
    with pytest.raises(ResultError, match="cannot be written"):
        sim.checkpoint(tmp_path / "dir")
    assert [p.name for p in tmp_path.iterdir()] == ["dir"]
