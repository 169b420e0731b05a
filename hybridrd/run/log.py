"""Logger of the package, and the timings of a run."""

from __future__ import annotations

import logging
import time

LOGGER = logging.getLogger("hybridrd")
LOGGER.addHandler(logging.NullHandler())  # silent unless the user configures logging


# Stages of a run's time; "records" includes observers, "writing" includes checkpoints, "steps" is
# the time of compiled steps (`hybridrd.simulation.step`), "reactions" to "continuum" that of stages
# outside of them.
STAGES = (
    "set_up",
    "steps",
    "reactions",
    "exchange",
    "diffusion",
    "continuum",
    "records",
    "writing",
)


class Clock:
    """Stopwatch that adds laps to named timings."""

    def __init__(self, timings: dict[str, float]) -> None:
        self._timings = timings
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Add the time since the last lap to a stage."""
        now = time.perf_counter()
        self._timings[name] += now - self._last
        self._last = now
