"""Checks of the values in a checkpoint; an earlier checkpoint replaces an impossible one."""

import zipfile
from io import BytesIO

import numpy as np
import pytest
from support.survivors import DT, SYSTEMS, line, same, simulation

import hybridrd as hrd
from hybridrd.errors import ResultError
from hybridrd.run.checkpoint import checkpoints_in, read_checkpoint


def changed(value, to, at=0):
    result = np.array(value)
    result.reshape(-1)[at] = to
    return result


# name of the array, what is put at its first place, and what is said
WRONG = [
    ("steps", -5, "'steps' = -5"),
    ("steps", 2**60, "'steps' = "),
    ("next_id", -5, "'next_id' = -5"),
    ("next_id", 3, "not below the next, 3"),
    ("ids/A", 10**9, "not below the next"),
    ("positions/A", np.nan, "'positions/A'"),
    ("positions/A", np.inf, "'positions/A'"),
    ("positions/A", 1e6, r"a particle of A at \(1e\+06\), outside"),
    ("positions/B", -0.01, r"a particle of B at \(-0\.01\), outside"),
    ("field/c", -1e6, "-1e.06 in 'field/c'"),
    ("field/c", np.nan, "'field/c'"),
    ("field/fallbacks", -1, "'field/fallbacks'"),
    ("owed", -1e6, "-1e.06 in 'owed'"),
    ("owed", np.inf, "'owed'"),
    ("overdrafts", -1, "'overdrafts' = -1"),
    ("events", -1, "-1 in 'events', which is no count"),
    ("arrivals", -1, "-1 in 'arrivals', which is no count"),
    ("timings/diffusion", -1.0, "'timings/diffusion'"),
    ("mark/stride", 0, "'mark/stride' = 0"),
    ("mark/step", 10**6, "'mark/step'"),
    ("mark/first", 10**6, "'mark/first'"),
    ("mark/largest", np.nan, "'mark/largest'"),
]


@pytest.fixture(scope="module")
def state():
    sim = simulation(SYSTEMS["two-way, overdrawn"])
    sim.run(20 * DT)
    return sim.state()


@pytest.mark.parametrize(("name", "value", "said"), WRONG)
def test_values_that_cannot_be_are_refused(name, value, said, state):
    twin = simulation(SYSTEMS["two-way, overdrawn"])
    with pytest.raises(ResultError, match=said):
        twin.load_state(state | {name: changed(state[name], value)})


def test_an_id_twice_is_refused(state):
    ids = state["ids/A"]
    with pytest.raises(ResultError, match="an id of A twice"):
        simulation(line()).load_state(state | {"ids/A": changed(ids, ids[1])})


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_state_that_a_run_comes_to_is_taken(system):
    sim, twin = (simulation(SYSTEMS[system]) for _ in range(2))
    for _ in range(4):
        sim.run(sim.time + 5 * DT)
        twin.load_state(sim.state())
        assert twin.steps == sim.steps


def rewrite(path, **arrays):
    """Change arrays of a checkpoint, checksums and all in order."""
    out = BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.removesuffix(".npy") in arrays:
                part = BytesIO()
                np.save(part, arrays[name.removesuffix(".npy")])
                data = part.getvalue()
            new.writestr(name, data)
    path.write_bytes(out.getvalue())


@pytest.mark.parametrize("damage", ["cut", "bit", "value"])
def test_a_damaged_last_checkpoint_leads_to_the_one_before(damage, tmp_path, caplog):
    out, place = tmp_path / "run.zarr", tmp_path / "checkpoints"
    options = {"every": 4 * DT, "positions": True}
    whole = simulation(line()).run(30 * DT, **options)
    simulation(line()).run(18 * DT, out=out, checkpoint=place, checkpoint_minutes=0, **options)
    before, last = checkpoints_in(place)[-2:]
    if damage == "cut":
        last.write_bytes(last.read_bytes()[:-100])
    elif damage == "bit":
        data = bytearray(last.read_bytes())
        with zipfile.ZipFile(last) as members:
            largest = max(members.infolist(), key=lambda member: member.compress_size)
        data[largest.header_offset + 30 + len(largest.filename) + largest.compress_size // 2] ^= 1
        last.write_bytes(bytes(data))
    else:
        rewrite(last, owed=read_checkpoint(last).state["owed"] - 1e6)
    twin = hrd.Simulation.restore(place)
    assert twin.steps == 17
    assert twin.came_from == before
    assert str(last) in caplog.text
    same(whole, twin.run(30 * DT, out=out, checkpoint=place, **options))
    for path in checkpoints_in(place):
        rewrite(path, steps=np.array(-5))
    with pytest.raises(ResultError, match="'steps' = -5"):
        hrd.Simulation.restore(place)
