"""Timing in turn, and tables."""

from __future__ import annotations

import statistics
import time

from tests.benchmarks.cases import Steps


def measure(programs: dict[str, Steps], steps: int, rounds: int = 3) -> dict[str, float]:
    """Median seconds per step of each program, timed in turn."""
    for run in programs.values():
        run(1)
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, run in programs.items():
            begun = time.perf_counter()
            run(steps)
            times[name].append((time.perf_counter() - begun) / steps)
    return {name: statistics.median(t) for name, t in times.items()}


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
