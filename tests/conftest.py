"""Settings of the test session; what a test needs beyond them stands in the test."""

import os
import sys
from pathlib import Path

# Before numpy and matplotlib are imported: one BLAS thread, no window.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["MPLBACKEND"] = "Agg"
# The benchmarks are modules of tests; last, so that hybridrd is what is installed.
sys.path.append(str(Path(__file__).parents[1]))
os.environ["HYBRIDRD_QUIET"] = "1"  # what is compiled when depends on the order of the tests

from hypothesis import HealthCheck, settings  # noqa: E402
from smoke import in_smoke  # noqa: E402

# No deadline: a first call compiles. Derandomised: a failure is the same everywhere.
settings.register_profile(
    "hybridrd",
    deadline=None,
    derandomize=True,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("hybridrd")


def pytest_collection_modifyitems(items):
    """Mark the smoke subset."""
    for item in items:
        longer = item.get_closest_marker("validation") or item.get_closest_marker("benchmark")
        if not longer and in_smoke(item.path.name, getattr(item, "originalname", item.name)):
            item.add_marker("smoke")
