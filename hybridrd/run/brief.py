"""Run in memory without overhead, for one of many replicas, with records as arrays."""

from __future__ import annotations

import time
from typing import Any

from numpy.typing import NDArray

from hybridrd.results.dataset import Recorder
from hybridrd.run.log import Clock
from hybridrd.run.loop import STRETCH
from hybridrd.run.runnable import Runnable
from hybridrd.run.schedule import next_stretch

MOST, MANY = 64, 100_000  # steps, and steps times cells and particles, of the first batch


def run_briefly(
    run: Runnable, last: int, stride: int, recorder: Recorder
) -> dict[str, NDArray[Any]]:
    """Step to the end; returns the records of `hybridrd.run.loop.run`, ``(records, ...)`` by name.

    The caller does the rest once for many runs: it checks the memory for records, limits BLAS to
    one thread, and handles Ctrl-C, which may come between any two calls.

    Parameters
    ----------
    last, stride
        Step at which the run ends, and steps between records.
    recorder
        An empty recorder, see `Runnable.recorder`; it is empty again at the end.
    """
    clock = Clock(run.timings)
    counts, since = run.counts(), run.steps
    # Few steps at first, in case they are slow.
    number = max(1, MANY // (run.system.grid.cells + int(run.copy_number.sum()) + MANY // MOST))
    while True:
        elapsed = (run.steps - since) * run.dt
        recorder.add(run.time, run.record(recorder.variables, counts, elapsed))
        counts, since = run.counts(), run.steps
        clock.lap("records")
        if run.steps >= last:
            return recorder.take()
        while run.steps < min(last, since + stride):
            begun = time.perf_counter()
            steps = min(number, last - run.steps, since + stride - run.steps)
            run.step(steps)
            number = next_stretch(steps, time.perf_counter() - begun, STRETCH)
        clock = Clock(run.timings)
