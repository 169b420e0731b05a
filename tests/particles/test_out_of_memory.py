"""Runs that grow beyond the memory of their process: one error, and a checkpoint to go on from."""

import re
import subprocess
import sys

import pytest

import hybridrd as hrd
from hybridrd.errors import CapacityError
from hybridrd.run.checkpoint import checkpoints_in
from hybridrd.run.loop import Loop

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="where the addresses of a process can be limited"
)

A = hrd.Species("A", D=1.0)
LINE = hrd.Box(x=(0, 1))


def growing():
    """Particles that double in every unit of time, from 1e5."""
    grow = hrd.Reaction("A -> 2 A", k=0.693)
    return hrd.System(
        species=[A], domain=LINE, particles=LINE, reactions=[grow], initial={A: hrd.Copies(10**5)}
    )


# Runs a few steps, so that all is loaded, and leaves the process so many bytes more.
LIMIT = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import hybridrd as hrd
from test_out_of_memory import growing
system = growing()
hrd.Simulation(system, dt=0.5, seed=2).run(2.0, out=sys.argv[2] + "/first.zarr",
                                           checkpoint=sys.argv[2] + "/first")
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 100_000_000, resource.RLIM_INFINITY))
"""
RUN = """
try:
    hrd.Simulation(system, dt=0.5, seed=1).run(
        100.0, every=0.5, out=sys.argv[2] + "/run.zarr", checkpoint=sys.argv[2] + "/kept",
        checkpoint_minutes=0.0, record=["copy_number"],
    )
except hrd.CapacityError as error:
    print(error)
"""
COMMAND = """
from hybridrd.cli.app import app
app(["run", sys.argv[2] + "/grow.toml", "--out", sys.argv[2] + "/grow.zarr", "--seed", "1",
     "--checkpoint-minutes", "0"])
"""


def limited(code, folder):
    here = __file__.rpartition("/")[0]
    return subprocess.run(
        [sys.executable, "-c", LIMIT + code, here, str(folder)], capture_output=True, text=True
    )


@pytest.mark.validation
@pytest.mark.ci
def test_growth_beyond_the_limit_is_told_and_can_be_gone_on_from(tmp_path):
    done = limited(RUN, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    told = re.fullmatch(
        r"no memory left at t = ([\d.]+), after step (\d+), with ([\d,]+) A: (.*); use a smaller "
        r"particle region, lower concentrations or rates, or fewer records, or continue on a "
        r"machine with more from (\S+)\n",
        done.stdout,
    )
    assert told, done.stdout
    t, step, number, reason, path = told.groups()
    assert int(number.replace(",", "")) > 10**5
    assert re.search(r"\d [GM]i?B", reason)
    assert path == str(checkpoints_in(tmp_path / "kept")[-1])
    # The checkpoint is of the last step, or of the one before, if it was it that found no memory;
    # here, where there is more, it goes on.
    twin = hrd.Simulation.restore(path)
    assert twin.steps in (int(step), int(step) - 1)
    assert float(t) == 0.5 * int(step)
    result = hrd.load(tmp_path / "run.zarr")
    assert float(result["time"][-1]) >= twin.time
    assert int(result["copy_number"].sel(time=twin.time)[0]) == twin.copy_number[0]
    assert result.attrs["stopped"].startswith("CapacityError: ")
    before = twin.copy_number[0]
    assert int(twin.run(twin.time + 0.5)["copy_number"][-1, 0]) > before


def test_on_the_command_line_it_is_one_line(tmp_path):
    (tmp_path / "grow.toml").write_text(
        "[system]\ndomain = { x = [0, 1] }\nparticles = { x = [0, 1] }\n"
        '[[species]]\nname = "A"\nD = 1.0\ninitial = { copies = 100000 }\n'
        '[[reactions]]\nreaction = "A -> 2 A"\nk = 0.693\n'
        "[run]\ndt = 0.5\nuntil = 100.0\nevery = 0.5\n"
    )
    done = limited(COMMAND, tmp_path)
    assert done.returncode == 2, done.stderr
    assert re.fullmatch(
        r"Error: no memory left at t = [\d.]+, after step \d+, with [\d,]+ A: .*grow\.zarr\."
        r"checkpoints/checkpoint-\d+\.npz\n",
        done.stderr,
    ), done.stderr
    assert hrd.Simulation.restore(tmp_path / "grow.zarr.checkpoints").steps > 2


@pytest.mark.parametrize("error", [MemoryError(), MemoryError("10 GiB for x"), CapacityError("A")])
def test_any_shortage_becomes_a_capacity_error(monkeypatch, error):
    sim = hrd.Simulation(growing(), dt=0.5, seed=1)

    def step(number):
        if sim.steps == 3:
            raise error
        type(sim).step(sim, min(number, abs(3 - sim.steps) or number))

    monkeypatch.setattr(sim, "step", step)
    with pytest.raises(CapacityError) as told:
        sim.run(5.0, record=["total"])
    reason = str(error) or "the system gave none"
    number = f"{sim.copy_number[0]:,}"
    assert str(told.value) == (
        f"no memory left at t = 1.5, after step 3, with {number} A: {reason}; use a smaller "
        f"particle region, lower concentrations or rates, or fewer records"
    )
    assert told.value.__cause__ is error
    assert sim.loop is None


def test_others_pass_as_they_are(monkeypatch):
    def fail(*_):
        raise KeyError("other")

    monkeypatch.setattr(Loop, "_advance", fail)
    with pytest.raises(KeyError, match="other"):
        hrd.Simulation(growing(), dt=0.5, seed=1).run(1.0)
