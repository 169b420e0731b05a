"""Runs that survive: kill -9, Ctrl-C, a full disk, and many steps in little memory."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from support.survivors import (
    DT,
    HALF,
    LINE,
    A,
    B,
    follower,
    line,
    plane,
    same,
    same_state,
    simulation,
)

import hybridrd as hrd
from hybridrd.run.checkpoint import checkpoints_in

HERE = Path(__file__).parents[1]

# Starts a run or goes on with it; pauses at each record, so that it lasts.
CHILD = """
import shutil, sys, time
from pathlib import Path
folder, steps, pause = Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
sys.path.insert(0, sys.argv[1])
from support import survivors
from support.survivors import DT, simulation
import hybridrd as hrd
from hybridrd.run.checkpoint import checkpoints_in
system = getattr(survivors, sys.argv[5])()
place, out = folder / "checkpoints", folder / "run.zarr"
if checkpoints_in(place):
    sim = hrd.Simulation.restore(place)
else:
    shutil.rmtree(out, ignore_errors=True)
    sim = simulation(system)
print("begun", flush=True)
sim.run(
    steps * DT, every=3 * DT, out=out, positions=True, checkpoint=place,
    checkpoint_minutes=0.1 / 60, stop=lambda _: time.sleep(pause),
)
print("done", flush=True)
"""


def kill_and_resume(folder, kills, steps, pause, seed, system="line"):
    """Kill a run at random moments and resume it each time, then let it end; how often killed."""
    rng = np.random.default_rng(seed)
    command = [sys.executable, "-c", CHILD, HERE, folder, str(steps), str(pause), system]
    killed = 0
    while True:
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout.readline() == b"begun\n"
            if killed < kills:
                time.sleep(rng.uniform(0, 1.0))
                killed += child.poll() is None
                child.kill()
                if child.stdout.read() == b"":
                    continue
            assert child.stdout.read() in (b"done\n", b"")
            return killed


def undisturbed(steps, system=line):
    return simulation(system()).run(steps * DT, every=3 * DT, positions=True)


@pytest.mark.validation
@pytest.mark.ci
def test_killed_and_resumed_is_undisturbed(tmp_path):
    assert kill_and_resume(tmp_path, kills=3, steps=600, pause=0.01, seed=1) == 3
    same(undisturbed(600), hrd.load(tmp_path / "run.zarr"))


@pytest.mark.validation
def test_a_region_that_follows_is_killed_and_resumed_undisturbed(tmp_path):
    assert kill_and_resume(tmp_path, 3, 600, 0.01, seed=3, system="follower") == 3
    whole = undisturbed(600, follower)
    same(whole, hrd.load(tmp_path / "run.zarr"))
    assert np.ptp(whole["particle_share"].values) > 0.1


@pytest.mark.validation
def test_fifty_kills(tmp_path):
    assert kill_and_resume(tmp_path, kills=50, steps=6000, pause=0.015, seed=2) == 50
    same(undisturbed(6000), hrd.load(tmp_path / "run.zarr"))


# Ctrl-C


def interrupting(at):
    """A condition that never stops the run, but presses Ctrl-C at a step."""

    def stop(sim):
        if sim.steps == at:
            os.kill(os.getpid(), signal.SIGINT)

    stop.every_step = True
    return stop


@pytest.mark.parametrize("system", [line(), plane(coupling="mean-field")])
def test_ctrl_c_ends_after_the_step_with_a_checkpoint(system, tmp_path):
    options = {"every": 4 * DT, "positions": True}
    whole = simulation(system).run(30 * DT, **options)
    out, place = tmp_path / "run.zarr", tmp_path / "checkpoints"
    sim = simulation(system)
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as told:
        sim.run(30 * DT, out=out, checkpoint=place, stop=interrupting(13), **options)
    assert signal.getsignal(signal.SIGINT) is handler
    assert sim.steps == 13
    assert hrd.load(out).attrs["stopped"] == "interrupted"
    assert hrd.load(out).sizes["time"] == 4  # 0, 4, 8, 12
    last = place / "checkpoint-0000000013.npz"
    assert str(told.value) == (
        f"interrupted at t = 0.026, after step 13; continue with "
        f"Simulation.restore({str(last)!r}).run(until=..., out={str(out)!r})"
    )
    twin = hrd.Simulation.restore(last)
    same(whole, twin.run(30 * DT, out=out, positions=True))
    sim.run(30 * DT)  # the one that was interrupted can go on, too
    same_state(sim, twin)


def test_ctrl_c_without_checkpoints():
    sim = simulation(line())
    with pytest.raises(KeyboardInterrupt, match=r"step 7; run\(until=\.\.\.\) of this simulation"):
        sim.run(30 * DT, stop=interrupting(7))
    sim.run(30 * DT)
    other = simulation(line())
    other.run(30 * DT)
    same_state(sim, other)


def test_a_second_ctrl_c_acts_at_once():
    reached = []

    def hang(sim):
        if sim.steps == 5:
            os.kill(os.getpid(), signal.SIGINT)
            reached.append("first")
            os.kill(os.getpid(), signal.SIGINT)
            reached.append("never")

    with pytest.raises(KeyboardInterrupt):
        simulation(line()).run(30 * DT, every=5 * DT, stop=hang)
    assert reached == ["first"]


def test_runs_in_other_threads_leave_ctrl_c_alone():
    handler, results = signal.getsignal(signal.SIGINT), []
    run = lambda: results.append(simulation(line()).run(5 * DT))  # noqa: E731
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    same(results[0], simulation(line()).run(5 * DT))
    assert signal.getsignal(signal.SIGINT) is handler


# A disk that is full: no file may become longer than it is allowed to

FULL = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from support.survivors import DT, line, simulation
from hybridrd.errors import ResultError
folder, allowed = Path(sys.argv[2]), int(sys.argv[3])
def fill(sim):
    if sim.steps == 20:
        resource.setrlimit(resource.RLIMIT_FSIZE, (allowed, allowed))
fill.every_step = True
try:
    simulation(line()).run(
        60 * DT, every=DT, out=folder / "run.zarr", checkpoint=folder, checkpoint_minutes=0,
        stop=fill, keep=2,
    )
except ResultError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize(
    ("allowed", "said"),
    [(12_000, "the checkpoint cannot be written"), (100, "no more records can be written")],
)
def test_a_full_disk_is_told_and_the_last_checkpoint_stays(allowed, said, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FULL, HERE, tmp_path, str(allowed)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ResultError")
    assert said in done.stdout
    assert "File too large" in done.stdout
    there = checkpoints_in(tmp_path)
    assert [p.name[-6:-4] for p in there] == ["18", "19"]
    if said.startswith("the checkpoint"):
        assert f"{there[-1]} is whole" in done.stdout
    assert not list(tmp_path.glob(".*"))
    assert hrd.load(tmp_path / "run.zarr").sizes["time"] >= 20  # those of the checkpoint, at least
    twin = hrd.Simulation.restore(tmp_path)
    assert twin.steps == 19
    whole = simulation(line()).run(60 * DT, every=DT)
    same(whole, twin.run(60 * DT, out=tmp_path / "run.zarr"))


# Many steps


def resident():
    """Resident memory of this process, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def check_long_run(steps, folder):
    """A closed two-way hybrid that writes: memory from a fifth of the run on, and the balance."""
    system = hrd.System(
        species=[A, B], domain=LINE, particles=HALF, cells=40, initial={"A": 20.0, "B": 10.0}
    )
    result = hrd.Simulation(system, DT, seed=3).run(
        steps * DT, every=steps // 200 * DT, out=folder / "run.zarr", positions=True,
        checkpoint=folder, checkpoint_minutes=0.05, observe={"memory": lambda _: resident()},
    )  # fmt: skip
    memory, total = result["memory"].values[40:], result["total"].values
    assert abs(memory / memory[0] - 1.0).max() < 0.05
    assert np.abs(total - total[0]).max() < 1e-9


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_memory_is_flat_and_nothing_is_lost(tmp_path):
    check_long_run(10_000, tmp_path)


@pytest.mark.validation
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_memory_is_flat_over_a_million_steps(tmp_path):
    check_long_run(1_000_000, tmp_path)
