"""Results that are written while they are made: whole at every moment, the same as in memory."""

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from support.blocks import NAMES, block, check
from support.survivors import line

import hybridrd as hrd
from hybridrd.errors import ResultError
from hybridrd.results import metadata
from hybridrd.results.writer import StoreWriter


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
    assert list(hrd.load(path)) == list(block(0, 1).data)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.zarr"]


def test_a_store_ends_where_it_is_told_and_goes_on(tmp_path):
    path = tmp_path / "run"
    writer = StoreWriter.create(path, block(0, 4), 20, "me")
    writer.append(block(4, 6))
    writer.finish({"stopped": "interrupted"})
    again = StoreWriter.resume(path, "me", 7, 12, NAMES)
    assert again.records == 7
    assert check(path) == 10  # until other records take their place
    assert hrd.load(path).attrs["stopped"].startswith("not finished")
    again.append(block(7, 5))
    again.finish({"stopped": "reached the end"})
    assert check(path) == 12
    with pytest.raises(ResultError, match="belongs to another run"):
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


def with_another(block, name, values):
    return replace(block, data={**block.data, name: block[name]._replace(values=values)})


def test_values_must_keep_their_kind(tmp_path):
    writer = StoreWriter.create(tmp_path / "a", block(0, 2), 9, "me")
    changed = block(2, 2)
    with pytest.raises(ResultError, match=r"'number' was a int64 in the first.*now it is a float"):
        writer.append(with_another(changed, "number", np.array([0.5, 1.5])))
    writer.append(
        with_another(changed, "field", changed["field"].values.astype(np.float32))
    )  # can be held
    assert check(tmp_path / "a") == 4
    for values in (np.arange(2) * 1j, np.array(["p", "q"], object), np.array(["p", "q"])):
        other = with_another(changed, "number", values)
        with pytest.raises(ResultError, match="only numbers can be written"):
            StoreWriter.create(tmp_path / "b", other, 9, "me")
    assert not (tmp_path / "b").exists()


# A program that writes, and is killed

WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from support.blocks import block
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
        writer = StoreWriter.resume(path, "me", 5, 100, list(block(0, 1).data))
        k = 5
"""


def killed_writer(path, seconds):
    """Kill a writer -9 after a time; how many records are there, all of them right."""
    command = [sys.executable, "-c", WRITER, path, Path(__file__).parents[1]]
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
    data = Path(__file__).parents[1] / "data"
    for name in ("result-1.zarr", "running-1.zarr", "result-1.nc"):
        if name.endswith(".nc"):
            pytest.importorskip("h5py")
        found = hrd.load(data / name)
        assert found["copy_number"].values.tolist() == [[85, 35], [82, 36], [80, 33]], name
        assert found.attrs["seed"] == 11
        assert hrd.System.from_dict(found.attrs["system"]) == line()
        assert found["species"].values.tolist() == ["A", "B"]


def test_a_file_left_over_by_a_kill_is_no_matter(tmp_path):
    path = tmp_path / "run.zarr"
    writer = StoreWriter.create(path, block(0, 4), 20, "me")
    writer.append(block(4, 6))
    (path / "zarr.json.1222541f.part").write_text("{")
    assert check(path) == 10
    again = StoreWriter.resume(path, "me", 7, 12, NAMES)
    again.append(block(7, 5))
    assert check(path) == 12
