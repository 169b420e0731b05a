"""Timing in turn, and tables."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping

from tests.benchmarks.cases import Steps


def measure(
    programs: Mapping[str, Steps], steps: int | Mapping[str, int], rounds: int = 3
) -> dict[str, float]:
    """Median seconds per step of each program, timed in turn; each has taken one step before."""
    count = {name: steps if isinstance(steps, int) else steps[name] for name in programs}
    for run in programs.values():
        run(1)
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, run in programs.items():
            begun = time.perf_counter()
            run(count[name])
            times[name].append((time.perf_counter() - begun) / count[name])
    return {name: statistics.median(t) for name, t in times.items()}


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
