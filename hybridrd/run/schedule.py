"""Schedule of a run: the times of records and of the end as numbers of steps."""

from __future__ import annotations

import math

from hybridrd.arguments import number, precision
from hybridrd.errors import StepError
from hybridrd.kernels.rng import MAX_STEPS


def in_steps(time: float, dt: float, name: str, least: int = 1) -> int:
    """A time as a whole number of steps. Raises StepError with the nearest valid times."""
    slack = max(1e-9, 2 * precision(time))  # the spacing of float32 at this value
    time = number(time, name, minimum=0.0)
    if time / dt > MAX_STEPS:
        raise StepError(
            f"{name} = {time:g} takes {time / dt:.3g} steps of {dt:g}; at most {MAX_STEPS:,}"
        )
    steps = round(time / dt)
    if abs(steps * dt - time) > slack * max(time, dt) or steps < least:
        below = max(least, math.floor(time / dt + 1e-9))
        near = sorted({round(k * dt, 12) for k in (below, below + 1)})
        raise StepError(
            f"{name} = {time:g} is not a multiple of dt = {dt:g}; the nearest are "
            f"{' and '.join(f'{t:.12g}' for t in near)}"
        )
    return steps


def record_stride(every: float | None, dt: float, steps: int) -> int:
    """Steps between records: those of ``every``, or about a hundredth of the run."""
    if every is None:
        return max(1, round(steps / 100))
    return in_steps(every, dt, "every")


def next_stretch(number: int, seconds: float, longest: float) -> int:
    """Number of steps for the next batch, so that it takes ``longest``, from the last one's time.

    At most twice as many as before, because a run may become slow.
    """
    return 2 * number if seconds <= 0 else max(1, min(2 * number, int(longest * number / seconds)))
