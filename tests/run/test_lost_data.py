"""Nothing that was complete is lost: names in use, strangers' files, full disks, SIGTERM."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from support.command_line import LINE, call, folder  # noqa: F401
from support.survivors import DT, line, same, shell, simulation

import hybridrd as hrd
from hybridrd.errors import HybridrdError, ResultError
from hybridrd.results.lock import locked
from hybridrd.run.interrupt import Terminated

HERE = Path(__file__).parents[1]
RUN = ["run", "line.toml", "--out"]


def whole(until=0.1):
    system = hrd.System.from_toml("line.toml")
    return hrd.Simulation(system, dt=0.01, seed=7).run(until, 0.02)


def waits_for(path, seconds=60):
    end = time.monotonic() + seconds
    while not Path(path).exists():
        assert time.monotonic() < end, path
        time.sleep(0.02)


# Names in use


def test_one_name_is_held_by_one(tmp_path):
    place = tmp_path / "run.zarr"
    with locked(place):
        with (
            pytest.raises(ResultError, match=f"another run .process {os.getpid()} on"),
            locked(place),
        ):
            raise AssertionError("entered twice")
        with pytest.raises(ResultError, match="is being written by another run"):
            simulation(line()).run(2 * DT, out=place)
        with pytest.raises(ResultError, match="is being written by another run"):
            hrd.save(xr.Dataset({"n": 1}), place)
        with locked(tmp_path / "other"):  # names exclude only themselves
            assert len(list(tmp_path.iterdir())) == 2
    assert not list(tmp_path.iterdir())


def test_a_lock_left_by_a_dead_process_locks_nothing(tmp_path):
    (tmp_path / ".run.zarr.lock").write_text("process 1 on elsewhere\n")
    code = "import sys, os; from pathlib import Path; from hybridrd.results.lock import locked\n"
    code += "with locked(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, tmp_path / "c"], check=False)
    assert (tmp_path / ".c.lock").exists()
    simulation(line()).run(2 * DT, out=tmp_path / "run.zarr", checkpoint=tmp_path / "c")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c", "run.zarr"]


def test_two_simulations_share_no_checkpoints(tmp_path):
    def other(_):
        with pytest.raises(ResultError, match="is being written by another run"):
            simulation(line()).run(2 * DT, checkpoint=tmp_path / "c")
        return 0

    simulation(line()).run(2 * DT, checkpoint=tmp_path / "c", observe={"other": other})


def test_two_ensembles_share_no_directory(tmp_path):
    with locked(tmp_path / "done"), pytest.raises(ResultError, match="is being written by another"):
        hrd.ensemble(line(), 2, DT, 2 * DT, seed=1, resume=tmp_path / "done")


@pytest.mark.usefixtures("folder")
def test_two_processes_with_one_name_then_sigterm_then_the_same_command():
    Path("line.toml").write_text(LINE.replace("until = 0.1", "until = 60.0"))
    command = [sys.executable, "-m", "hybridrd", *RUN, "a.zarr", "--resume=auto"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        waits_for("a.zarr")
        for more in ([], ["--overwrite"], ["--resume"], ["--resume=auto"]):
            said = call(*RUN, "a.zarr", *more, code=2)
            assert ("being written by another run" in said) or (not more and "exists" in said)
        assert child.poll() is None
        os.kill(child.pid, signal.SIGTERM)
        output, errors = child.communicate(timeout=60)
    assert child.returncode == 143, errors
    assert output == b""
    steps = hrd.Simulation.restore("a.zarr.checkpoints").steps
    assert f"Interrupted at t = {steps * 0.01:.12g}; the same command" in errors.decode()
    end = round((steps // 2 + 20) * 0.02, 2)
    said = call(*RUN, "a.zarr", "--resume=auto", "--until", end)
    assert said.startswith(f"resumed at t = {steps * 0.01:.12g}\n")
    same(whole(end), hrd.load("a.zarr"))
    assert not list(Path().glob(".*"))


def test_records_of_an_earlier_attempt_stay_until_they_are_others(tmp_path):
    """Interrupted, or out of disk, once more before the run is where it was."""
    out, saved, options = tmp_path / "run.zarr", tmp_path / "c.npz", {"positions": True}
    first = simulation(line())
    first.run(4 * DT, every=2 * DT, out=out, **options)
    first.checkpoint(saved)
    whole = first.run(20 * DT, out=out, **options).load()

    def fail(sim):
        if sim.steps == 9:
            raise HybridrdError("no space")

    fail.every_step = True
    with pytest.raises(HybridrdError, match="no space"):
        hrd.Simulation.restore(saved).run(20 * DT, out=out, stop=fail, **options)
    same_values(hrd.load(out), whole)
    assert "no space" in hrd.load(out).attrs["stopped"]
    with pytest.raises(KeyboardInterrupt):
        hrd.Simulation.restore(saved).run(20 * DT, out=out, stop=terminating(13), **options)
    same_values(hrd.load(out), whole)
    # A run that ends earlier ends there; one whose records are others has its own.
    twin = hrd.Simulation.restore(saved)
    assert twin.run(10 * DT, out=out, **options).sizes["time"] == 6
    same(whole, twin.run(20 * DT, out=out, **options))
    other, alone = hrd.Simulation.restore(saved), hrd.Simulation.restore(saved)
    for sim in (other, alone):
        sim.particles["A"].x[0, 0] = 0.5
    mixed = other.run(20 * DT, out=out, **options)
    tail = alone.run(20 * DT, every=2 * DT)
    np.testing.assert_array_equal(mixed["concentration"][3:], tail["concentration"][1:])
    np.testing.assert_array_equal(mixed["concentration"][:3], whole["concentration"][:3])
    assert (mixed["concentration"][3:] != whole["concentration"][3:]).any()


# The command that is queued again


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("more", [[], ["--replicas", 3]])
def test_the_same_command_starts_goes_on_and_is_done(more, monkeypatch):
    step = hrd.Simulation.step

    def fail(self, number):
        if self.steps == 5 and self.replica in (0, 2):
            raise KeyboardInterrupt
        step(self, min(number, abs(5 - self.steps) or number))

    command = [*RUN, "a.zarr", *more, "--resume=auto"]
    if more:
        monkeypatch.setattr(
            hrd.Simulation, "step", lambda s, n: (fail if s.replica else step)(s, n)
        )
    else:
        monkeypatch.setattr(hrd.Simulation, "step", fail)
    said = call(*command, code=130)
    assert "the same command with --resume" in said
    monkeypatch.setattr(hrd.Simulation, "step", step)
    call(*command)
    first = hrd.load("a.zarr")
    # One replica that was resumed keeps its checkpoints, to be made longer.
    expected = "a.zarr is complete\n" if more else "resumed at t = 0.1\n"
    assert call(*command).startswith(expected)
    same(first, hrd.load("a.zarr"))
    shutil.rmtree("a.zarr.checkpoints", ignore_errors=True)
    assert call(*command) == "a.zarr is complete\n"
    changes = ["--until", 0.2], ["--seed", 8], ["--replicas", 1 if more else 2]
    for others in changes:
        word = others[0][2:]
        said = call(*command, *others, code=2)
        assert f"another {word}" in said
        assert "--overwrite" in said
    shutil.rmtree("a.zarr")
    call(*RUN, "a.zarr", *more)
    same(first, hrd.load("a.zarr"))


@pytest.mark.usefixtures("folder")
def test_no_advice_leads_in_a_circle():
    assert "--resume=auto, which starts" in call(*RUN, "a.zarr", "--resume", code=2)
    call(*RUN, "a.zarr")
    said = call(*RUN, "a.zarr", "--resume", code=2)
    assert "a.zarr exists; start over with --overwrite, or choose another name" in said
    assert "without --resume" not in said


# What others put there


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("more", [[], ["--overwrite"], ["--resume"], ["--resume=auto"]])
def test_what_others_put_there_stays(more, monkeypatch):
    def fail(*_):
        raise hrd.StepError("too far")

    monkeypatch.setattr(hrd.Simulation, "step", fail)
    xr.Dataset({"n": ("time", [1.0])}).to_zarr("theirs.zarr", zarr_format=3, consolidated=False)
    Path("mine.zarr").mkdir()
    Path("mine.zarr/letter").write_text("keep")
    before = {p: p.read_bytes() for p in Path().rglob("*") if p.is_file()}
    for out in ("theirs.zarr", "mine.zarr"):
        assert "exists" in call(*RUN, out, *more, code=2)
    assert {p: p.read_bytes() for p in Path().rglob("*") if p.is_file()} == before


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("more", [[], ["--replicas", 3]])
def test_a_directory_that_another_program_writes_into_stays(more):
    """The command line finds checkpoints or replicas of a script that still runs."""
    place = Path("a.zarr.checkpoints")
    system = hrd.System.from_toml("line.toml")
    if more:
        hrd.ensemble(system, 3, dt=0.01, until=0.1, every=0.02, seed=7, resume=place)
    else:
        hrd.Simulation(system, dt=0.01, seed=7).run(0.1, 0.02, checkpoint=place)
    before = {p.name: p.read_bytes() for p in place.iterdir()}
    with locked(place):
        for how in ("--overwrite", "--resume"):
            said = call(*RUN, "a.zarr", *more, how, code=2)
            assert "is being written by another run" in said
    assert {p.name: p.read_bytes() for p in place.iterdir()} == before


@pytest.mark.usefixtures("folder")
def test_a_letter_among_replicas_keeps_them(monkeypatch):
    step = hrd.Simulation.step

    def fail(self, number):
        if self.replica == 2:
            raise KeyboardInterrupt
        step(self, number)

    monkeypatch.setattr(hrd.Simulation, "step", fail)
    call(*RUN, "a.zarr", "--replicas", 3, code=130)
    monkeypatch.setattr(hrd.Simulation, "step", step)
    Path("a.zarr.checkpoints/letter").write_text("keep")
    before = {p: p.read_bytes() for p in Path().rglob("*") if p.is_file()}
    said = call(*RUN, "a.zarr", "--replicas", 3, "--overwrite", code=2)
    assert "holds other files (letter)" in said
    assert {p: p.read_bytes() for p in Path().rglob("*") if p.is_file()} == before


@pytest.mark.usefixtures("folder")
def test_a_letter_in_a_store_is_not_overwritten():
    call(*RUN, "a.zarr")
    result = hrd.load("a.zarr")
    Path("a.zarr/total/letter").write_text("keep")
    assert "other files (letter)" in call(*RUN, "a.zarr", "--overwrite", code=2)
    with pytest.raises(ResultError, match=r"other files \(letter\)"):
        hrd.save(result, "a.zarr", overwrite=True)
    assert Path("a.zarr/total/letter").read_text() == "keep"


@pytest.mark.usefixtures("folder")
def test_a_store_that_comes_while_a_run_begins_stays(monkeypatch):
    """As if another program without our locks made something at the last moment."""
    from hybridrd.results import writer

    lay_out = writer._lay_out

    def late(part, *args):
        lay_out(part, *args)
        Path("a.zarr").mkdir()
        Path("a.zarr/letter").write_text("keep")

    monkeypatch.setattr(writer, "_lay_out", late)
    assert "a.zarr" in call(*RUN, "a.zarr", code=2)
    assert Path("a.zarr/letter").read_text() == "keep"


# A disk that is full


class Disk:
    """Counts what is given its name, and fails from one of these on."""

    def __init__(self, monkeypatch):
        self.left = 10**9
        for module, name in ((os, "replace"), (Path, "replace"), (Path, "rename")):
            monkeypatch.setattr(module, name, self.wrapped(getattr(module, name)))

    def wrapped(self, function):
        def act(*args, **kwargs):
            self.left -= 1
            if self.left < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return function(*args, **kwargs)

        return act


def test_a_disk_that_fills_up_at_any_write(tmp_path, monkeypatch):
    monkeypatch.setattr("hybridrd.run.recording.BLOCK", 2)
    disk, options = Disk(monkeypatch), {"every": DT, "positions": True}
    undisturbed = simulation(line()).run(8 * DT, **options)
    kept = set()
    for writes in (0, 4, 11, 18, 25, 32, 39, 50, 64, 80, 100, 130, 1000):
        out, place = tmp_path / f"{writes}.zarr", tmp_path / f"{writes}"
        disk.left = writes
        try:
            simulation(line()).run(
                8 * DT, out=out, checkpoint=place, checkpoint_minutes=0, **options
            )
        except ResultError as error:
            said = str(error)
        else:
            break
        disk.left = 10**9
        assert "No space left" in said
        if not out.exists():
            assert "complete" not in said
            continue
        there = hrd.load(out)
        kept.add(there.sizes["time"])
        rows = int(there["row_size"].sum())
        same_values(there, undisturbed.isel(time=slice(len(there["time"])), obs=slice(rows)))
        if "the first" in said:
            assert f"the first {there.sizes['time']} are complete" in said
        on = hrd.Simulation.restore(place).run(8 * DT, out=out, **options)
        same(undisturbed, on)
    assert writes > 100
    assert len(kept) >= 2
    assert not list(tmp_path.glob(".*"))


def same_values(one, other):
    assert set(one.variables) == set(other.variables)
    for name in one.variables:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.usefixtures("folder")
def test_a_full_disk_on_the_command_line_keeps_what_was_complete(monkeypatch):
    """The last write is that of the attributes of a complete result."""
    disk = Disk(monkeypatch)
    call(*RUN, "b.zarr")
    disk.left = 10**6
    call(*RUN, "c.zarr")
    disk.left = 10**6 - disk.left - 2
    assert "No space left" in call(*RUN, "a.zarr", code=2)
    assert hrd.load("a.zarr").sizes["time"] == 6
    disk.left = 10**9
    call(*RUN, "a.zarr", "--resume=auto")
    same(whole(), hrd.load("a.zarr"))


# SIGTERM


def terminating(at):
    def stop(sim):
        if sim.steps == at:
            os.kill(os.getpid(), signal.SIGTERM)

    stop.every_step = True
    return stop


def test_sigterm_ends_after_the_step_with_a_checkpoint(tmp_path):
    out, place = tmp_path / "run.zarr", tmp_path / "checkpoints"
    sim = simulation(line())
    with pytest.raises(
        Terminated, match=r"interrupted at t = 0\.026, after step 13; continue with"
    ):
        sim.run(30 * DT, every=4 * DT, out=out, checkpoint=place, stop=terminating(13))
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert hrd.load(out).sizes["time"] == 4
    twin = hrd.Simulation.restore(place)
    assert twin.steps == 13
    same(simulation(line()).run(30 * DT, every=4 * DT), twin.run(30 * DT, out=out))


def test_a_signal_while_the_store_is_closed_waits(tmp_path, monkeypatch):
    from hybridrd.results.writer import StoreWriter

    finish = StoreWriter.finish

    def signalled(*args):
        os.kill(os.getpid(), signal.SIGTERM)
        finish(*args)

    monkeypatch.setattr(StoreWriter, "finish", signalled)
    with pytest.raises(Terminated):
        simulation(line()).run(4 * DT, every=DT, out=tmp_path / "a", checkpoint=tmp_path / "c")
    assert hrd.load(tmp_path / "a").attrs["stopped"] == "reached the end"
    assert hrd.Simulation.restore(tmp_path / "c").steps == 4


CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from support.survivors import DT, line
import hybridrd as hrd
if __name__ == "__main__":
    hrd.ensemble(
        line(), 200, DT, 400 * DT, seed=1, workers=int(sys.argv[3]), resume=sys.argv[2],
        record=["copy_number"],
    )
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_an_ensemble_ends_at_once_and_goes_on(workers, tmp_path):
    (tmp_path / "run.py").write_text(CHILD)
    command = [sys.executable, tmp_path / "run.py", HERE, tmp_path / "done", str(workers)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True) as child:
        waits_for(tmp_path / "done/block-0000.npz")
        began = time.monotonic()
        os.kill(child.pid, signal.SIGTERM)
        errors = child.communicate(timeout=60)[1].decode()
    assert time.monotonic() - began < 20
    assert (
        "holds the finished blocks, and the same call with resume= continues after them" in errors
    )
    there = {p.name for p in (tmp_path / "done").iterdir()}
    assert "block-0000.npz" in there
    assert not [n for n in there if n.endswith(".part")]
    assert not (tmp_path / ".done.lock").exists()


# One caller at a time


@pytest.mark.parametrize("system", [line(), shell(hrd.Shell(inner=1.0, outer=3.0))])
def test_a_running_simulation_refuses_to_be_entered(system):
    undisturbed = simulation(system).run(6 * DT, every=DT)
    sim = simulation(system)
    state = sim.state()
    refused = []

    def enter(sim):
        for act in (sim.step, lambda: sim.run(9 * DT), lambda: sim.load_state(state)):
            with pytest.raises(HybridrdError, match="this simulation is running"):
                act()
            refused.append(act)
        sim.state()  # may be looked at
        return 0.0

    result = sim.run(6 * DT, every=DT, observe={"enter": enter}, stop=lambda s: enter(s) > 0)
    assert len(refused) == 3 * (7 + 6)
    same(undisturbed, result.drop_vars("enter"))
    sim.step()
    assert sim.steps == 7


def test_two_threads_do_not_run_one_simulation():
    sim = simulation(line())
    inside, go_on, said = threading.Event(), threading.Event(), []

    def wait(sim):
        if sim.steps == 2:
            inside.set()
            assert go_on.wait(30)
        return 0

    thread = threading.Thread(target=lambda: said.append(sim.run(4 * DT, observe={"wait": wait})))
    thread.start()
    assert inside.wait(60)
    for act in (sim.step, lambda: sim.run(4 * DT), sim.state, lambda: sim.checkpoint("no.npz")):
        with pytest.raises(HybridrdError, match="another thread may not"):
            act()
    go_on.set()
    thread.join()
    assert sim.steps == 4
    same(simulation(line()).run(4 * DT), said[0].drop_vars("wait"))


def test_a_rate_cannot_step_its_own_simulation():
    sims = []

    def rate(t):
        if sims:
            sims[0].step()
        return 1.0 + 0 * t

    system = line(reactions=[hrd.Reaction("A -> 0", k=rate)])
    sims.append(simulation(system))
    with pytest.raises(HybridrdError, match="this simulation is running"):
        sims[0].step()
    with pytest.raises(HybridrdError, match="this simulation is running"):
        sims[0].run(DT)


def test_the_manifest_of_an_ensemble_is_sealed(tmp_path):
    hrd.ensemble(line(), 2, DT, 2 * DT, resume=tmp_path / "done")
    manifest = tmp_path / "done/ensemble.json"
    about = json.loads(manifest.read_text())
    about["arguments"]["seed"] ^= 1
    manifest.write_text(json.dumps(about))
    with pytest.raises(ResultError, match="is damaged"):
        hrd.ensemble(line(), 2, DT, 2 * DT, resume=tmp_path / "done")
