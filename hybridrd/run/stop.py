"""Stop conditions for ``Simulation.run(stop=...)``."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from hybridrd.arguments import answer, named_arguments, number, shown, truth
from hybridrd.arrays import State, stored
from hybridrd.errors import ModelError, ResultError
from hybridrd.run.runnable import Runnable


def ends(stop: Callable[[Any], Any], simulation: Any) -> bool:
    """Whether a stop condition ends the run now; None, from a function without return, does not.

    Raises
    ------
    ModelError
        If it fails, or returns anything but True and False: text, a number or an array.
    """
    where = f"stop at t = {simulation.time:.12g}"
    found = answer(stop, where, simulation)
    if found is None:
        return False
    try:
        return truth(found, "its answer")
    except ModelError as error:
        raise ModelError(f"{where}: {error}; let {shown(stop)} return one of them") from None


@named_arguments
class SteadyState:
    """Stop condition: the numbers no longer change from one interval of time to the next.

    At each record, the means of every species' ``copy_number`` and ``total`` over the last
    interval ``over`` are compared with those over the interval before. The run ends when none
    differs by more than ``tolerance`` of the larger. Means also differ by noise: for N particles
    with correlation time tau by about ``2 sqrt(tau/(N over))``; choose a tolerance above that.

    Parameters
    ----------
    tolerance
        Largest relative change.
    over
        Length of an interval (time), with at least two records.

    Raises
    ------
    ModelError
        If a number is not positive.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> line = hrd.Box(x=(0, 1))
    >>> system = hrd.System(
    ...     species=[A], domain=line, particles=line, reactions=[hrd.Reaction("A -> 0", k=50.0)],
    ...     initial={A: hrd.Copies(100)},
    ... )
    >>> sim = hrd.Simulation(system, dt=1e-3, seed=1)
    >>> result = sim.run(until=10.0, every=0.01, stop=hrd.SteadyState(tolerance=0.05, over=0.1))
    >>> sim.time < 1.0, result.attrs["stopped"]
    (True, 'steady state: no change above 0.05 over 0.1')
    """

    def __init__(self, tolerance: float, over: float) -> None:
        self._tolerance = number(tolerance, "SteadyState: tolerance", strict=True)
        self._over = number(over, "SteadyState: over", strict=True)
        self.reason = f"steady state: no change above {self._tolerance:g} over {self._over:g}"
        self._times: list[float] = []
        self._rows: list[np.ndarray] = []

    def __call__(self, simulation: Runnable) -> bool:
        now = simulation.time
        if self._times and now <= self._times[-1]:  # another simulation
            self._times, self._rows = [], []
        self._times.append(now)
        self._rows.append(np.concatenate([simulation.copy_number, simulation.total]).astype(float))
        since = now - np.array(self._times)
        slack = 1e-9 * self._over
        known = since[0] >= 2 * self._over - slack
        keep = since <= 2 * self._over + slack
        first = int(np.argmax(keep))
        self._times, self._rows = self._times[first:], self._rows[first:]
        if not known:
            return False
        rows, late = np.array(self._rows), since[first:] < self._over - slack
        if late.sum() < 2 or (~late).sum() < 2:
            return False
        after, before = rows[late].mean(axis=0), rows[~late].mean(axis=0)
        change = np.abs(after - before)
        return bool((change <= self._tolerance * np.maximum(np.abs(after), np.abs(before))).all())

    def state(self) -> State:
        """The stored records, for a checkpoint."""
        return {"times": np.array(self._times), "rows": np.array(self._rows)}

    def load_state(self, state: State) -> None:
        """Continue from a `state`."""
        times = stored(state, "times")
        rows = stored(state, "rows")
        if not (np.isfinite(times).all() and np.isfinite(rows).all() and len(times) == len(rows)):
            raise ResultError(
                "the state of the stop condition has numbers that are not finite; it is damaged"
            )
        self._times = [float(t) for t in times]
        self._rows = list(rows)


@named_arguments
class WallTime:
    """Stop condition: wall time, checked between steps.

    It adds no record: a run continued from its checkpoint has the same records as one that was
    never stopped.

    Parameters
    ----------
    seconds
        Duration from the first step.

    Raises
    ------
    ModelError
        If it is not positive.

    Examples
    --------
    Within the hour that a queue allows::

        sim.run(until=1e4, out="run.zarr", checkpoint="run.checkpoints", stop=WallTime(3500))
    """

    between_records = True

    def __init__(self, seconds: float) -> None:
        self._seconds = number(seconds, "WallTime: seconds", strict=True)
        self.reason = f"wall time: {self._seconds:g} s"
        self._end: float | None = None

    def __call__(self, simulation: Runnable) -> bool:  # noqa: ARG002
        now = time.monotonic()
        if self._end is None:
            self._end = now + self._seconds
        return now >= self._end
