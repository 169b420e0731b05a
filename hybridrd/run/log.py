"""Logger of the package, and the timings of a run."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

T = TypeVar("T")

LOGGER = logging.getLogger("hybridrd")
LOGGER.addHandler(logging.NullHandler())  # silent unless the user sets logging up


# What the time of a run goes to; records are those of observers, too, writing that of checkpoints.
STAGES = ("set_up", "reactions", "exchange", "diffusion", "continuum", "records", "writing")


class Clock:
    """Adds laps to named timings."""

    def __init__(self, timings: dict[str, float]) -> None:
        self._timings = timings
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Add the time since the last lap to a stage."""
        now = time.perf_counter()
        self._timings[name] += now - self._last
        self._last = now


def timed(stage: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Add the time that a method takes to ``self.timings[stage]``."""

    def decorate(method: Callable[..., T]) -> Callable[..., T]:
        @wraps(method)
        def measured(self: Any, *args: Any, **kwargs: Any) -> T:
            begun = time.perf_counter()
            try:
                return method(self, *args, **kwargs)
            finally:
                self.timings[stage] += time.perf_counter() - begun

        return measured

    return decorate
