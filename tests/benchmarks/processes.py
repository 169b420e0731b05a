"""Benchmarks in a separate process: peak memory, and the time to start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

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

_FIRST_STEP = """
import json, time
import hybridrd as hrd
A, line = hrd.Species("A", D=1.0), hrd.Box(x=(0, 1))
{system}
hrd.Simulation(system, dt=1e-3, seed=1).step()
print(json.dumps(time.process_time()))
"""

_WHOLE_RUN = """
import json, sys, tempfile, time
from hybridrd.__main__ import main
with tempfile.TemporaryDirectory() as place:
    sys.argv = ["hybridrd", "run", "sir", "--out", f"{place}/sir.zarr"]
    try:
        main()
    except SystemExit as end:
        assert not end.code
    print(json.dumps(time.process_time()))
"""

_SYSTEMS = {
    "the simplest system": (
        "system = hrd.System(species=[A], domain=line, particles=line, initial={A: 50.0})"
    ),
    "two-way line, A -> 0": (
        "system = hrd.System(species=[A], domain=line, particles=hrd.Box(x=(0, 0.5)), cells=20,"
        " reactions=[hrd.Reaction('A -> 0', k=1.0)], initial={A: 50.0})"
    ),
    "SIR": "system = hrd.examples.sir()",
}


def _alone(code: str, *arguments: str, cache: str | None = None) -> float:
    """What a program in a process of its own prints."""
    environment = os.environ | ({"NUMBA_CACHE_DIR": cache} if cache else {})
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    return float(json.loads(done.stdout.splitlines()[-1]))


def memory(n: int) -> Rows:
    """Bytes a particle at the peak, above a run of a thousand particles."""
    empty, full = _alone(_MEMORY, "1000"), _alone(_MEMORY, str(n))
    return [[f"{n:,}", f"{(full - empty) / n:.1f}"]]


def start_up() -> Rows:
    """Processor seconds from the start of the process to the end of the first step, or of a run."""
    codes = {name: _FIRST_STEP.format(system=system) for name, system in _SYSTEMS.items()}
    rows: Rows = []
    for name, code in {**codes, "`hybridrd run sir`, 300 steps": _WHOLE_RUN}.items():
        with tempfile.TemporaryDirectory() as cache:
            times = [_alone(code, cache=cache) for _ in range(4)]
        rows.append([name, f"{times[0]:.1f}", f"{min(times[1:]):.1f}"])
    return rows
