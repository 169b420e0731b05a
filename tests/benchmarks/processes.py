"""Benchmarks in a separate process: peak memory, and the time to start."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

Rows = list[list[str]]

_MEMORY = """
import json, pathlib, sys
from tests.benchmarks import cases
run, sim = cases.hybridrd_steps(int(sys.argv[1]))
run(3)
# Not getrusage: its peak is that of the parent, too.
status = pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1]
print(json.dumps(1024 * int(status.split()[0])))
"""

_SIMPLEST = """
import json, time
began = time.perf_counter()
import hybridrd as hrd
A = hrd.Species("A", D=1.0)
line = hrd.Box(x=(0, 1))
system = hrd.System(species=[A], domain=line, particles=line, initial={A: hrd.Copies(50)})
hrd.Simulation(system, dt=1e-3, seed=1).step()
print(json.dumps(time.perf_counter() - began))
"""

_SIR = """
import json, time
began = time.perf_counter()
import hybridrd as hrd
hrd.Simulation(hrd.examples.sir(), dt=0.005, seed=1).step()
print(json.dumps(time.perf_counter() - began))
"""


def _alone(code: str, *arguments: str, cache: str | None = None) -> tuple[float, float]:
    """What a program in a process of its own prints, and its wall time."""
    environment = os.environ | ({"NUMBA_CACHE_DIR": cache} if cache else {})
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    return float(json.loads(done.stdout.splitlines()[-1])), time.perf_counter() - began


def memory(n: int) -> Rows:
    """Bytes a particle at the peak, above a run of a thousand particles."""
    empty, _ = _alone(_MEMORY, "1000")
    full, _ = _alone(_MEMORY, str(n))
    return [[f"{n:,}", f"{(full - empty) / n:.1f}"]]


def start_up() -> Rows:
    """Seconds from the start of the process to the end of the first step."""
    rows: Rows = []
    for name, code in (("the simplest system", _SIMPLEST), ("SIR", _SIR)):
        with tempfile.TemporaryDirectory() as cache:
            times = [_alone(code, cache=cache)[1] for _ in range(4)]
        rows.append([name, f"{times[0]:.1f}", f"{statistics.median(times[1:]):.1f}"])
    return rows
