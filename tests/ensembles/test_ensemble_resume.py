"""Ensembles that were interrupted go on without running a replica twice, bit for bit."""

import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from support import killed_ensemble, survivors
from support.command_line import LINE, call, folder  # noqa: F401
from support.survivors import line, same

import hybridrd as hrd
from hybridrd.ensembles.blocks import EnsembleSetup
from hybridrd.ensembles.store import MANIFEST
from hybridrd.errors import ResultError

RUN = {"replicas": 6, "dt": 2e-3, "until": 0.01, "every": 0.004, "seed": 6}


class Stopped(BaseException):
    """Not an error of a replica."""


def count_runs(monkeypatch, stop_at=None):
    """A list that each replica which is run adds its number to."""
    run, ran = EnsembleSetup._outcome, []

    def counted(self, replica):
        if replica == stop_at:
            raise Stopped
        ran.append(replica)
        return run(self, replica)

    monkeypatch.setattr(EnsembleSetup, "_outcome", counted)
    return ran


def interrupted(place, monkeypatch, system=None, **more):
    """Run the first four replicas only."""
    with monkeypatch.context() as patched:
        count_runs(patched, stop_at=4)
        with pytest.raises(Stopped):
            hrd.ensemble(system or line(), **(RUN | more), resume=place)


@pytest.mark.parametrize("system", ["two-way, overdrawn", "mean-field"])
def test_only_missing_replicas_run_and_the_result_is_the_same(tmp_path, monkeypatch, system):
    system = survivors.SYSTEMS[system]
    asked = {"covariance": ["copy_number"], "keep": ["total"], "quantiles": [0.3]}
    whole = hrd.ensemble(system, **RUN, **asked)
    place = tmp_path / "done"
    interrupted(place, monkeypatch, system, **asked)
    ran = count_runs(monkeypatch)
    same(hrd.ensemble(system, **RUN, **asked, resume=place), whole)
    assert ran == [4, 5]
    same(hrd.ensemble(system, **RUN, **asked, resume=place), whole)  # nothing is left to run
    assert ran == [4, 5]


def test_killed_and_resumed_is_undisturbed(tmp_path):
    script = Path(killed_ensemble.__file__)
    place = tmp_path / "done"
    paths = {"PYTHONPATH": str(script.parents[1])}
    process = subprocess.Popen([sys.executable, script, place], env=os.environ | paths)
    try:
        until = time.monotonic() + 120
        while len(list(place.glob("block-*.npz"))) < 5 and time.monotonic() < until:
            time.sleep(0.005)
    finally:
        process.kill()  # SIGKILL
        process.wait()
    before = {p.name: p.stat().st_mtime_ns for p in place.glob("block-*.npz")}
    assert 5 <= len(before) < 24
    same(killed_ensemble.run(place), killed_ensemble.run())
    after = {p.name: p.stat().st_mtime_ns for p in place.glob("block-*.npz")}
    assert len(after) == 24
    assert {name: after[name] for name in before} == before  # they were not run again


def test_a_drawn_seed_is_kept(tmp_path, monkeypatch):
    interrupted(tmp_path / "done", monkeypatch, seed=None)
    resumed = hrd.ensemble(line(), **(RUN | {"seed": None}), resume=tmp_path / "done")
    same(resumed, hrd.ensemble(line(), **(RUN | {"seed": resumed.attrs["seed"]})))


CHANGES = {
    "seed": ({"seed": 7}, r"seed has changed: 6 in the directory, now 7"),
    "replicas": ({"replicas": 7}, "replicas has changed: 6 in the directory, now 7"),
    "dt": ({"dt": 1e-3}, r"dt has changed: 0\.002 in the directory, now 0\.001"),
    "until": ({"until": 0.012}, "until has changed"),
    "every": ({"every": 0.002}, r"every has changed: 0\.004"),
    "record": ({"record": ["total"]}, "record has changed"),
    "kept": ({"keep": ["total"]}, "kept has changed"),
    "covariance": ({"covariance": ["total"]}, "covariance has changed"),
    "rate": ({"system": line(reactions=[])}, "the system has changed in reactions"),
    "start": ({"system": line(initial={"A": 41.0})}, r"system has changed in initial\[A\]"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_ensemble_is_refused_with_what_has_changed(tmp_path, change):
    hrd.ensemble(line(), **RUN, resume=tmp_path / "done")
    changes, words = CHANGES[change]
    with pytest.raises(ResultError, match=words):
        hrd.ensemble(**({"system": line()} | RUN | changes), resume=tmp_path / "done")


def test_who_runs_it_may_change(tmp_path, monkeypatch):
    interrupted(tmp_path / "done", monkeypatch)
    whole = hrd.ensemble(line(), **RUN)
    same(hrd.ensemble(line(), **RUN, threads=2, resume=tmp_path / "done"), whole)


@pytest.mark.parametrize("key", ["format", "hybridrd"])
def test_replicas_of_other_versions_are_not_mixed(tmp_path, key):
    hrd.ensemble(line(), **RUN, resume=tmp_path / "done")
    manifest = tmp_path / "done" / MANIFEST
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {key: "0.0"}))
    with pytest.raises(ResultError, match=rf"holds replicas of {key} 0\.0"):
        hrd.ensemble(line(), **RUN, resume=tmp_path / "done")


def test_a_damaged_manifest_is_refused(tmp_path):
    hrd.ensemble(line(), **RUN, resume=tmp_path / "done")
    for text in ("{", "[]", "{}"):
        (tmp_path / "done" / MANIFEST).write_text(text)
        with pytest.raises(ResultError, match="is damaged"):
            hrd.ensemble(line(), **RUN, resume=tmp_path / "done")


def test_damaged_blocks_are_made_again(tmp_path, monkeypatch, caplog):
    place = tmp_path / "done"
    whole = hrd.ensemble(line(), **RUN, resume=place)
    cut, flipped, taken = (place / f"block-000{i}.npz" for i in (1, 3, 4))
    cut.write_bytes(cut.read_bytes()[:-40])
    data = bytearray(flipped.read_bytes())
    data[len(data) // 2] ^= 1
    flipped.write_bytes(data)
    taken.write_bytes((place / "block-0005.npz").read_bytes())  # of another replica
    ran = count_runs(monkeypatch)
    with caplog.at_level(logging.WARNING, "hybridrd"):
        same(hrd.ensemble(line(), **RUN, resume=place), whole)
    assert ran == [1, 3, 4]
    assert [str(path) in caplog.text for path in (cut, flipped, taken)] == [True] * 3


def test_places_that_are_something_else(tmp_path):
    (tmp_path / "file").write_text("keep")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/letter").write_text("keep")
    for place, words in (
        ("file", "blocks cannot be written there"),
        ("none/done", "there is no directory"),
        ("folder", r"is not a directory of an ensemble \(it holds letter\)"),
    ):
        with pytest.raises(ResultError, match=words):
            hrd.ensemble(line(), **RUN, resume=tmp_path / place)
    assert (tmp_path / "folder/letter").read_text() == "keep"


@pytest.mark.usefixtures("folder")
def test_the_command_line_resumes_replicas(monkeypatch):
    arguments = ["run", "line.toml", "--replicas", 6, "--out", "a.zarr"]
    with monkeypatch.context() as patched:
        run = EnsembleSetup._outcome

        def stops(self, replica):
            if replica == 4:
                raise KeyboardInterrupt
            return run(self, replica)

        patched.setattr(EnsembleSetup, "_outcome", stops)
        assert "with --resume runs only the replicas" in call(*arguments, code=130)
    assert not Path("a.zarr").exists()
    assert "continue it with --resume" in call(*arguments, code=2)
    assert "seed has changed: 7" in call(*arguments, "--seed", 8, "--resume", code=2)
    ran = count_runs(monkeypatch)
    call(*arguments, "--resume")
    assert ran == [4, 5]
    assert not Path("a.zarr.checkpoints").exists()
    system = hrd.System.from_toml("line.toml")
    whole = hrd.ensemble(system, 6, dt=0.01, until=0.1, every=0.02, seed=7)
    same(hrd.load("a.zarr"), whole)
    assert "nothing to resume" in call(*arguments, "--resume", code=2)


@pytest.mark.usefixtures("folder")
def test_the_command_line_starts_anew_where_asked():
    Path("line.toml").write_text(LINE)
    call("run", "line.toml", "--replicas", 3, "--out", "a")
    first = hrd.load("a")
    system = hrd.System.from_toml("line.toml")
    hrd.ensemble(system, 3, dt=0.01, until=0.1, every=0.02, seed=8, resume="a.checkpoints")
    call("run", "line.toml", "--replicas", 3, "--out", "a", "--overwrite")
    assert not Path("a.checkpoints").exists()
    np.testing.assert_array_equal(hrd.load("a")["total_mean"], first["total_mean"])
    assert "nothing to resume" in call("run", "pde.toml", "--out", "b", "--resume", code=2)
