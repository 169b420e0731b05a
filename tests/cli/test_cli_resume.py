"""The command line goes on with what was interrupted, and says when it cannot."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from support.command_line import LINE, call, folder  # noqa: F401
from support.survivors import same

import hybridrd as hrd
from hybridrd.run.checkpoint import checkpoints_in

pytestmark = pytest.mark.usefixtures("folder")

RUN = ["run", "line.toml", "--out"]


def whole():
    system = hrd.System.from_toml("line.toml")
    return hrd.Simulation(system, dt=0.01, seed=7).run(0.1, 0.02)


def leave(out, store):
    """What a run on the command line leaves when it is interrupted after 4 steps."""
    Path(f"{out}.checkpoints").mkdir()
    system = hrd.System.from_toml("line.toml")
    hrd.Simulation(system, dt=0.01, seed=7).run(
        0.1, 0.02, out=store, checkpoint=f"{out}.checkpoints", stop=lambda sim: sim.steps >= 4
    )


@pytest.mark.parametrize("out", ["a", "a.zarr", "a.nc"])
def test_resumed_is_undisturbed(out):
    if out.endswith(".nc"):
        pytest.importorskip("h5py")
    leave(out, f"{out}.checkpoints/records.zarr" if out.endswith(".nc") else out)
    said = call(*RUN, out, "--resume")
    assert said.startswith("resumed at t = 0.04\n")
    assert "one replica, dt = 0.01, until 0.1, seed 7" in said
    same(whole(), hrd.load(out))
    # It lasted long enough to have checkpoints, so it can be made longer, too.
    call(*RUN, out, "--resume", "--until", 0.16)
    longer = hrd.load(out)
    assert longer["time"].values[-1] == 0.16
    assert longer.isel(time=slice(6)).drop_attrs().equals(whole().drop_attrs())


def test_short_runs_leave_nothing_else():
    for out in ("a.zarr", "b"):
        call(*RUN, out)
        call(*RUN, out, "--overwrite")
    assert sorted(p.name for p in Path().iterdir()) == ["a.zarr", "b", "line.toml", "pde.toml"]
    same(whole(), hrd.load("a.zarr"))


def test_long_runs_keep_their_checkpoints():
    call(*RUN, "a.zarr", "--checkpoint-minutes", 0)
    assert len(checkpoints_in("a.zarr.checkpoints")) == 3
    same(whole(), hrd.load("a.zarr"))
    call(*RUN, "a.zarr", "--overwrite", "--seed", 8)  # another run does not mix with them
    assert hrd.load("a.zarr").attrs["seed"] == 8
    assert not Path("a.zarr.checkpoints").exists()


def test_a_result_is_replaced_when_the_new_one_is_complete(monkeypatch):
    call(*RUN, "a.zarr")
    seen = []
    step = hrd.Simulation.step

    def look(self, number):
        seen.append(hrd.load("a.zarr").attrs["seed"])
        seen.append(hrd.load("a.zarr.checkpoints/records.zarr").attrs["seed"])
        step(self, number)

    monkeypatch.setattr(hrd.Simulation, "step", look)
    call(*RUN, "a.zarr", "--overwrite", "--seed", 8)
    assert seen == [7, 8] * 10
    assert hrd.load("a.zarr").attrs["seed"] == 8
    assert sorted(p.name for p in Path().iterdir()) == ["a.zarr", "line.toml", "pde.toml"]


def test_a_run_that_fails_leaves_its_records_and_can_go_on(monkeypatch):
    step = hrd.Simulation.step

    def fail(self, number):
        if self.steps == 5:
            raise hrd.StepError("too far")
        step(self, min(number, abs(5 - self.steps) or number))

    monkeypatch.setattr(hrd.Simulation, "step", fail)
    assert "too far" in call(*RUN, "a.zarr", code=2)
    there = hrd.load("a.zarr")
    assert there.attrs["stopped"] == "StepError: too far"
    assert there.sizes["time"] == 3
    monkeypatch.setattr(hrd.Simulation, "step", step)
    call(*RUN, "a.zarr", "--resume")
    same(whole(), hrd.load("a.zarr"))


def test_what_cannot_be_resumed_is_refused():
    said = call(*RUN, "a.zarr", "--resume", code=2)
    assert "nothing to resume: there is no checkpoint in a.zarr.checkpoints" in said
    said = call("run", "pde.toml", "--out", "p.zarr", "--resume", code=2)
    assert "nothing to resume: there is no checkpoint in p.zarr.checkpoints" in said
    leave("a.zarr", "a.zarr")
    assert "exists; choose another name, or give --overwrite" in call(*RUN, "a.zarr", code=2)
    said = call(*RUN, "a.zarr", "--resume", "--seed", 8, code=2)
    assert "seed = 8 was given, but the run in a.zarr.checkpoints has seed = 7" in said
    assert "dt = 0.02 was given" in call(*RUN, "a.zarr", "--resume", "--dt", 0.02, code=2)
    assert "every = 0.05" in call(*RUN, "a.zarr", "--resume", "--every", 0.05, code=2)
    assert "until = 0.02 has passed" in call(*RUN, "a.zarr", "--resume", "--until", 0.02, code=2)
    Path("line.toml").write_text(LINE.replace("D = 0.5", "D = 0.25", 1))
    said = call(*RUN, "a.zarr", "--resume", code=2)
    assert "changed in species[0].D: 0.5 in the checkpoint, now 0.25" in said
    Path("line.toml").write_text(LINE)
    newest = checkpoints_in("a.zarr.checkpoints")[-1]
    newest.write_bytes(b"rubbish")
    checkpoints_in("a.zarr.checkpoints")[0].write_bytes(b"rubbish")
    assert "is damaged" in call(*RUN, "a.zarr", "--resume", code=2)


def test_checkpoints_without_a_result_are_not_lost_by_mistake():
    leave("a.nc", "a.nc.checkpoints/records.zarr")
    pytest.importorskip("h5py")
    said = call(*RUN, "a.nc", code=2)
    assert "holds checkpoints of an unfinished run; continue it with --resume" in said
    Path("a.nc.checkpoints/letter.txt").write_text("keep")
    before = contents("a.nc.checkpoints")
    assert "holds other files (letter.txt)" in call(*RUN, "a.nc", "--overwrite", code=2)
    assert contents("a.nc.checkpoints") == before


def contents(place):
    return {path: path.read_bytes() for path in Path(place).rglob("*") if path.is_file()}


@pytest.mark.parametrize("theirs", ["text", "arrays", "folder"])
def test_what_is_only_named_as_a_checkpoint_stays(theirs):
    leave("a.zarr", "a.zarr")
    path = Path("a.zarr.checkpoints/checkpoint-0000000001.npz")
    path.unlink(missing_ok=True)
    if theirs == "text":
        path.write_text("keep")
    elif theirs == "arrays":
        np.savez(path, theirs=np.ones(3))
    else:
        path.mkdir()
        (path / "letter.txt").write_text("keep")
    before = contents(".")
    said = call(*RUN, "a.zarr", "--overwrite", code=2)
    assert "holds other files (checkpoint-0000000001.npz)" in said
    assert contents(".") == before


def test_a_damaged_checkpoint_is_overwritten():
    leave("a.zarr", "a.zarr")
    newest = checkpoints_in("a.zarr.checkpoints")[-1]
    newest.write_bytes(newest.read_bytes()[:-100])
    call(*RUN, "a.zarr", "--overwrite")
    same(whole(), hrd.load("a.zarr"))
    assert not Path("a.zarr.checkpoints").exists()


def test_ctrl_c_says_how_to_go_on():
    Path("line.toml").write_text(LINE.replace("until = 0.1", "until = 60.0"))
    command = [sys.executable, "-m", "hybridrd", *RUN, "a.zarr"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        for _ in range(1200):
            if Path("a.zarr").exists():
                break
            time.sleep(0.05)
        time.sleep(0.3)
        os.kill(child.pid, signal.SIGINT)
        output, errors = child.communicate(timeout=60)
    assert child.returncode == 130, errors
    assert output == b""
    steps = hrd.Simulation.restore("a.zarr.checkpoints").steps
    assert errors.decode() == (
        f"Interrupted at t = {steps * 0.01:.12g}; the same command with --resume continues from "
        f"there.\n"
    )
    end = (steps // 2 + 20) * 0.02
    call(*RUN, "a.zarr", "--resume", "--until", f"{end:.2f}")
    system = hrd.System.from_toml("line.toml")
    same(hrd.Simulation(system, dt=0.01, seed=7).run(round(end, 2), 0.02), hrd.load("a.zarr"))
