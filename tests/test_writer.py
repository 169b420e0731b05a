"""Results that are written while they are made: whole at every moment, the same as in memory."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from blocks import NAMES, alone, block, check
from survivors import DT, line, same, simulation

import hybridrd as hrd
from hybridrd.errors import ModelError, ResultError, StepError
from hybridrd.results import metadata
from hybridrd.results.store import open_result
from hybridrd.results.writer import StoreWriter
from hybridrd.simulation import recording

pytestmark = pytest.mark.filterwarnings("ignore:.*consolidated:UserWarning")


def test_blocks_become_one_result(tmp_path):
    path = tmp_path / "run.zarr"
    writer = StoreWriter.create(path, block(0, 1), 12, "me")
    assert check(path) == 1
    for first, count in ((1, 3), (4, 5), (9, 0), (9, 6)):  # longer than foreseen
        writer.append(block(first, count))
        assert check(path) == writer.records == first + count
    writer.finish({"stopped": "reached the end", "limit": np.inf, "seed": 2**63})
    assert hrd.load(path).attrs == {"stopped": "reached the end", "limit": np.inf, "seed": 2**63}
    whole = xr.open_zarr(path, consolidated=False)  # nothing left to cut
    assert dict(whole.sizes) == {"time": 15, "x": 3, "species": 1, "obs": 105, "axis": 1}
    assert hrd.load(path)["number"].attrs == {"units": "1"}
    assert list(hrd.load(path)) == list(block(0, 1))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.zarr"]


def test_a_store_ends_where_it_is_told_and_goes_on(tmp_path):
    path = tmp_path / "run"
    writer = StoreWriter.create(path, block(0, 4), 20, "me")
    writer.append(block(4, 6))
    writer.finish({"stopped": "interrupted"})
    again = StoreWriter.resume(path, "me", 7, 12, NAMES)
    assert check(path) == again.records == 7
    assert hrd.load(path).attrs["stopped"].startswith("not finished")
    again.append(block(7, 5))
    again.finish({"stopped": "reached the end"})
    assert check(path) == 12
    with pytest.raises(ResultError, match="is of another run"):
        StoreWriter.resume(path, "other", 3, 12, NAMES)
    with pytest.raises(ResultError, match="has 12 records, fewer than the 13"):
        StoreWriter.resume(path, "me", 13, 14, NAMES)
    with pytest.raises(ResultError, match=r"now there is new to record; give the same"):
        StoreWriter.resume(path, "me", 3, 12, [*NAMES, "new"])
    with pytest.raises(ResultError, match=r"now there is no field, number to record"):
        StoreWriter.resume(path, "me", 3, 12, NAMES[2:])
    assert check(path) == 12


class Killed(BaseException):
    """As if the program ended here."""


@pytest.mark.parametrize("what", ["append", "finish", "resume"])
def test_whole_after_every_single_change_of_metadata(what, tmp_path, monkeypatch):
    """The program ends after each change in turn; the store opens, and can be gone on with."""
    edit, left = metadata.edit, [10**6]

    def dying(place, change):
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        edit(place, change)

    monkeypatch.setattr(metadata, "edit", dying)

    def act(writer):
        if what == "append":
            writer.append(block(5, 40))  # longer than foreseen, and more particles than room
        elif what == "finish":
            writer.finish({"stopped": "interrupted"})
        else:
            StoreWriter.resume(writer.path, "me", 3, 30, NAMES)

    for changes in range(60):
        left[0] = 10**6
        path = tmp_path / f"{changes}.zarr"
        writer = StoreWriter.create(path, block(0, 5), 20, "me")
        left[0] = changes
        try:
            act(writer)
        except Killed:
            left[0] = 10**6
            assert check(path, least=3) in (3, 5, 45)
            on = StoreWriter.resume(path, "me", 3, 9, NAMES)
            on.append(block(3, 6))
            on.finish({})
            assert check(path) == 9
        else:
            break
    assert changes >= {"append": 13, "finish": 9, "resume": 9}[what]


def test_particles_that_cannot_be_written_leave_the_records(tmp_path, monkeypatch):
    path = tmp_path / "run.zarr"
    writer = StoreWriter.create(path, block(0, 5), 20, "me")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(metadata, "edit", full)
    with pytest.raises(ResultError, match=r"No space left.*the first 5 are complete"):
        writer.append(block(5, 2))
    assert writer.broken
    assert check(path) == 5


def test_values_must_keep_their_kind(tmp_path):
    writer = StoreWriter.create(tmp_path / "a", block(0, 2), 9, "me")
    changed = block(2, 2)
    with pytest.raises(ResultError, match=r"'number' was a int64 in the first.*now it is a float"):
        writer.append(changed.assign(number=("time", [0.5, 1.5])))
    writer.append(changed.assign(field=changed["field"].astype(np.float32)))  # can be held
    assert check(tmp_path / "a") == 4
    with pytest.raises(ResultError, match="only numbers can be written"):
        StoreWriter.create(
            tmp_path / "b", changed.assign(word=("time", np.array(["p", "q"], object))), 9, "me"
        )
    assert not (tmp_path / "b").exists()


# Runs that write


def test_a_run_on_disk_is_the_run_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "BLOCK", 3)
    options = {
        "every": 4 * DT, "positions": True,
        "observe": {"mean": lambda sim: sim.particles["A"].positions.mean(axis=0)},
    }  # fmt: skip
    memory = simulation(line()).run(30 * DT, **options)
    disk = simulation(line()).run(30 * DT, out=tmp_path / "run.zarr", **options)
    same(memory, disk)
    same(memory, hrd.load(tmp_path / "run.zarr"))
    assert memory["time"].values.tolist() == [round(k * DT, 12) for k in (*range(0, 29, 4), 30)]
    hrd.save(disk, tmp_path / "copy.zarr")
    same(memory, hrd.load(tmp_path / "copy.zarr"))


def test_positions_are_all_particles_by_record_species_and_id():
    seen = []

    def look(sim):
        seen.append({n: (g.positions.copy(), g.id) for n, g in sim.particles.items()})
        return 0

    result = simulation(line()).run(20 * DT, every=5 * DT, positions=True, observe={"seen": look})
    assert result["row_size"].attrs["sample_dimension"] == "obs"
    assert result["row_size"].equals(result["copy_number"])
    ends = np.cumsum(result["row_size"].values.ravel()).reshape(-1, 2)
    assert ends[-1, -1] == result.sizes["obs"]
    for k, there in enumerate(seen):
        for s, (positions, ids) in enumerate(there.values()):
            rows = slice(ends[k, s] - len(ids), ends[k, s])
            order = np.argsort(ids)
            assert (result["particle_id"].values[rows] == ids[order]).all()
            assert (result["position"].values[rows] == positions[order]).all()


def test_a_running_store_can_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "BLOCK", 2)
    path, seen = tmp_path / "run.zarr", []

    def look(sim):
        if sim.steps:
            opened = hrd.load(path)
            seen.append(opened.sizes["time"])
            assert opened["copy_number"].values[-1].min() > 0
            assert opened.attrs["stopped"].startswith("not finished")
            assert opened.sizes["obs"] == opened["row_size"].values.sum()
            assert alone(path)["total"].equals(opened["total"].astype(float))
        return 0

    simulation(line()).run(10 * DT, every=DT, out=path, positions=True, observe={"look": look})
    assert seen == [1, 1, 3, 3, 5, 5, 7, 7, 9, 9]
    assert hrd.load(path).sizes["time"] == 11


def test_slow_records_are_written_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "BLOCK_SECONDS", 0.0)
    sizes = []
    path = tmp_path / "a"
    stop = lambda _: sizes.append(hrd.load(path).sizes["time"])  # noqa: E731
    simulation(line()).run(3 * DT, every=DT, out=path, stop=stop)
    assert sizes == [2, 3, 4]


def test_a_run_goes_on_with_its_store_only(tmp_path):
    path = tmp_path / "run.zarr"
    whole = simulation(line()).run(40 * DT, every=4 * DT)
    sim = simulation(line())
    sim.run(20 * DT, every=4 * DT, out=path)
    same(whole, sim.run(40 * DT, out=path), but=("timings",))
    with pytest.raises(ResultError, match=r"run\.zarr: exists; choose another name"):
        simulation(line()).run(20 * DT, out=path)
    with pytest.raises(StepError, match=r"every = 0\.01: .* has a record every 0\.008"):
        sim.run(60 * DT, every=5 * DT, out=path)
    with pytest.raises(ResultError, match="no concentration, crossings"):
        sim.run(60 * DT, record=["copy_number"], out=path)
    same(whole, hrd.load(path))
    sim.run(44 * DT)  # in memory: the store would have a gap
    with pytest.raises(ResultError, match="exists"):
        sim.run(60 * DT, out=path)


@pytest.mark.parametrize("at", [5, 8, 19])
def test_records_after_the_checkpoint_are_written_again(at, tmp_path):
    """A checkpoint between and at records; the run went on for a while before it was lost."""
    path = tmp_path / "run.zarr"
    options = {"every": 4 * DT, "positions": True}
    whole = simulation(line()).run(30 * DT, **options)
    sim = simulation(line())

    def stop(now):  # from within a run, before or at a record
        if now.steps == at:
            now.checkpoint(tmp_path / "c.npz")
        return False

    stop.every_step = True
    sim.run(26 * DT, out=path, stop=stop, **options)
    twin = hrd.Simulation.restore(tmp_path / "c.npz")
    assert twin.steps == at
    same(whole, twin.run(30 * DT, out=path, **options))


def test_a_checkpoint_while_observing(tmp_path):
    """The record being made is not in the checkpoint, and is made when the run goes on."""
    for system in (line(), __import__("survivors").SYSTEMS["shell"]):
        path = tmp_path / f"{len(system.species)}.zarr"

        def save(now):
            if now.steps == 12:
                now.checkpoint(tmp_path / "c.npz")
            return 0

        whole = simulation(system).run(20 * DT, every=4 * DT, observe={"save": lambda _: 0})
        simulation(system).run(20 * DT, every=4 * DT, out=path, observe={"save": save})
        twin = hrd.Simulation.restore(tmp_path / "c.npz")
        same(whole, twin.run(20 * DT, out=path, observe={"save": lambda _: 0}))


def test_impossible_places_are_told_before_anything_runs(tmp_path):
    sim = simulation(line())
    for out, said in {
        tmp_path / "run.nc": "a run writes NAME.zarr",
        tmp_path / "none" / "run.zarr": "there is no directory",
        tmp_path: "exists",
    }.items():
        with pytest.raises(ResultError, match=said):
            sim.run(4 * DT, out=out, checkpoint=tmp_path / "c")
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match=r"there is no directory|cannot be written"):
        sim.run(4 * DT, out=tmp_path / "file" / "run.zarr")
    for name in ("row_size", "x", "time"):
        with pytest.raises(ModelError, match=f"{name!r} is taken"):
            sim.run(4 * DT, out=tmp_path / "a", observe={name: len})
    with pytest.raises(StepError):
        sim.run(4.5 * DT, out=tmp_path / "a")
    assert sim.steps == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


def test_a_failing_run_leaves_its_records(tmp_path):
    def fail(sim):
        if sim.steps == 12:
            raise StepError("the observer is tired")
        return 1.0

    sim = simulation(line())
    with pytest.raises(StepError, match="tired"):
        sim.run(20 * DT, every=4 * DT, out=tmp_path / "a", observe={"fail": fail})
    there = hrd.load(tmp_path / "a")
    assert there.sizes["time"] == 3
    assert there.attrs["stopped"] == "StepError: the observer is tired"


def test_a_result_is_read_when_it_is_asked_for(tmp_path):
    result = simulation(line()).run(20 * DT, every=DT, out=tmp_path / "a")
    assert not result["concentration"].variable._in_memory
    assert open_result(tmp_path / "a")["concentration"].sum() == result["concentration"].sum()


# A program that writes, and is killed

WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from blocks import block
from hybridrd.results.writer import StoreWriter
path = Path(sys.argv[1])
writer = StoreWriter.create(path, block(0, 1), 100_000, "me")
print("begun", flush=True)
k = 1
while True:
    n = 1 + k % 7
    writer.append(block(k, n))
    k += n
    if k > 60:  # not too many particles; and what resuming does, too
        writer = StoreWriter.resume(path, "me", 5, 100, list(block(0, 1)))
        k = 5
"""


def killed_writer(path, seconds):
    """Kill a writer -9 after a time; how many records are there, all of them right."""
    command = [sys.executable, "-c", WRITER, path, Path(__file__).parent]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout.readline() == b"begun\n"
            time.sleep(seconds)
        finally:
            child.kill()
    return check(path, least=1)


def test_every_committed_record_of_a_killed_writer_is_readable(tmp_path):
    times = np.random.default_rng(5).uniform(0, 0.5, 5)
    counts = [killed_writer(tmp_path / f"{i}", t) for i, t in enumerate(times)]
    assert max(counts) > 5


@pytest.mark.validation
def test_a_hundred_killed_writers(tmp_path):
    times = np.random.default_rng(6).uniform(0, 1.0, 100)
    counts = [killed_writer(tmp_path / f"{i}", t) for i, t in enumerate(times)]
    assert len(set(counts)) > 10  # killed at many places


def test_the_first_format_still_opens():
    """Files of format 1, written once and kept: what was in them is known."""
    data = Path(__file__).parent / "data"
    for name in ("result-1.zarr", "running-1.zarr", "result-1.nc"):
        if name.endswith(".nc"):
            pytest.importorskip("h5py")
        found = hrd.load(data / name)
        assert found["copy_number"].values.tolist() == [[85, 35], [82, 36], [80, 33]], name
        assert found.attrs["seed"] == 11
        assert hrd.System.from_dict(found.attrs["system"]) == line()
        assert found["species"].values.tolist() == ["A", "B"]
