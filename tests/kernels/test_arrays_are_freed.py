"""Memory that kernels ask for, and give back."""

import json
import os
import subprocess
import sys

import pytest

CASES = ("example-sir", "reversible-reservoir", "pairs-two-way", "shell-hybrid", "drift-discrete")

_COUNT = """
import gc, json, sys
from numba.core.runtime import rtsys
from tests.golden import CASES
found = {}
for name in sys.argv[1:]:
    held = []
    for _ in range(3):
        CASES[name]()
        gc.collect()
        counts = rtsys.get_allocation_stats()
        held.append((counts.mi_alloc, counts.mi_alloc - counts.mi_free))
    found[name] = held
print(json.dumps(found))
"""


@pytest.mark.validation
@pytest.mark.ci
def test_a_run_leaves_no_arrays_behind():
    """Numba's own count of arrays: what a run asks for is free after it, to the last one."""
    done = subprocess.run(
        [sys.executable, "-c", _COUNT, *CASES],
        capture_output=True, text=True, check=True, env=os.environ | {"NUMBA_NRT_STATS": "1"},
    )  # fmt: skip
    for name, held in json.loads(done.stdout.splitlines()[-1]).items():
        (_, _), (before, first), (after, second) = held
        assert after - before > 1000, name
        assert second == first, name
