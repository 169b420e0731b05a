"""Free memory under every limit, and the messages if it does not suffice."""

import subprocess
import sys

import pytest

from hybridrd.errors import CapacityError
from hybridrd.particles import memory
from hybridrd.particles.memory import FreeMemory, Part, check_fits, naming

GB = 1e9
# Membership of the process, files below the root of the groups, and what is left.
CGROUPS = {
    "version 2": (
        "0::/jobs/one\n",
        {
            "jobs/one/memory.max": "8000000000\n",
            "jobs/one/memory.current": "3000000000\n",
            "jobs/one/memory.stat": "anon 100\nfile 5\ninactive_file 1000000000\n",
        },
        6 * GB,
    ),
    "version 2, no limit": (
        "0::/jobs/one\n",
        {"jobs/one/memory.max": "max\n", "jobs/one/memory.current": "3000000000\n"},
        float("inf"),
    ),
    "version 2, the limit of a group above": (
        "0::/jobs/one\n",
        {
            "jobs/one/memory.max": "max\n",
            "jobs/one/memory.current": "1000000000\n",
            "jobs/memory.max": "4000000000\n",
            "jobs/memory.current": "3500000000\n",
        },
        0.5 * GB,
    ),
    "version 2, in a container": (
        "0::/outer/name\n",
        {"memory.max": "2000000000\n", "memory.current": "500000000\n"},
        1.5 * GB,
    ),
    "version 1": (
        "12:cpu,cpuacct:/a\n5:memory:/slurm/job\n1:name=systemd:/b\n",
        {
            "memory/slurm/job/memory.limit_in_bytes": "16000000000\n",
            "memory/slurm/job/memory.usage_in_bytes": "12000000000\n",
            "memory/slurm/job/memory.stat": "cache 7\ntotal_inactive_file 2000000000\n",
        },
        6 * GB,
    ),
    "version 1, no limit": (
        "5:memory:/\n",
        {
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/memory.usage_in_bytes": "12000000000\n",
        },
        pytest.approx(9223372036854771712.0 - 12 * GB),
    ),
    "none mounted": ("0::/\n", {}, float("inf")),
}


@pytest.mark.parametrize(("membership", "files", "left"), CGROUPS.values(), ids=CGROUPS)
def test_the_limit_of_a_cgroup(tmp_path, membership, files, left):
    proc, root = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "cgroup").write_text(membership)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    assert memory.cgroup_room(proc, root) == left


def test_no_cgroups_at_all(tmp_path):
    assert memory.cgroup_room(tmp_path, tmp_path) == float("inf")


LIMITED = """
import resource, sys
from pathlib import Path
from hybridrd.particles.memory import free_memory
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 100_000_000, resource.RLIM_INFINITY))
free = free_memory()
print(free.bytes, free.where)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="where addresses are counted in /proc")
def test_the_limit_of_the_process():
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], capture_output=True, text=True, check=True
    )
    figure, _, where = done.stdout.strip().partition(" ")
    assert 95e6 < float(figure) <= 100e6
    assert where == "under the limit of the process (ulimit -v)"


def test_the_least_of_all_counts(monkeypatch):
    monkeypatch.setattr(memory, "own_memory", lambda: FreeMemory(float("inf"), "nowhere"))
    for machine, group, least in ((5, 7, "machine"), (7, 5, "cgroup")):
        monkeypatch.setattr(memory, "_machine", lambda m=machine: m * GB)
        monkeypatch.setattr(memory, "cgroup_room", lambda g=group: g * GB)
        assert memory.free_memory().bytes == 5 * GB
        assert least in memory.free_memory().where
    monkeypatch.setattr(memory, "own_memory", lambda: FreeMemory(1.0, "here"))
    assert memory.free_memory() == FreeMemory(1.0, "here")


PARTS = [Part("cells", 2 * GB, "use fewer cells"), Part("records (9)", 4 * GB, "give out=")]


def test_parts_are_added_up():
    check_fits(PARTS, FreeMemory(6 * GB, "on this machine"))
    with pytest.raises(CapacityError) as told:
        check_fits(
            PARTS, FreeMemory(6 * GB - 1, "on this machine"), held=[Part("particles", 5e5, "")]
        )
    assert str(told.value) == (
        "about 6 GB are needed, but 6 GB are free on this machine: records (9) 4 GB, cells 2 GB; "
        "held already: particles under 0.001 GB; give out="
    )
    with pytest.raises(CapacityError, match=r"^each of 2 workers: about 6 GB .* but 0 GB are free"):
        check_fits(PARTS, FreeMemory(-5.0, "there"), who="each of 2 workers")


def test_who_runs_out_of_memory_is_named():
    with (
        pytest.raises(
            CapacityError, match=r"^the PDE: no memory left \(the system gave none\); wait$"
        ),
        naming("the PDE", "wait"),
    ):
        raise MemoryError
    with pytest.raises(CapacityError, match=r"^as it is$"), naming("the PDE", "wait"):
        raise CapacityError("as it is")
    with pytest.raises(KeyError), naming("the PDE", "wait"):
        raise KeyError
