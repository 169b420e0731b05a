"""What a run writes down at each record, and where its time goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hybridrd.results.dataset import Recorder

if TYPE_CHECKING:
    from hybridrd.simulation.run import Run


class Log:
    """Writes records: values now, and counts since the last record."""

    def __init__(
        self,
        simulation: Run,
        recorder: Recorder,
        observers: Mapping[str, Callable[[Any], Any]],
    ) -> None:
        self._simulation = simulation
        self._recorder = recorder
        self._observers = observers
        self._crossings = simulation.crossings.copy()
        self._events = simulation.events.copy()

    def write(self, elapsed: float) -> None:
        sim = self._simulation
        crossings = sim.crossings - self._crossings
        self._crossings = sim.crossings.copy()
        events = sim.events - self._events
        self._events = sim.events.copy()
        makers: dict[str, Callable[[], Any]] = {
            "concentration": sim.flat_concentration,
            "copy_number": lambda: sim.copy_number,
            "total": lambda: sim.total,
            "flux": lambda: sim.mean_flux(crossings, elapsed),
            "crossings": lambda: crossings,
            "events": lambda: events,
        }
        values = {name: makers[name]() for name in self._recorder.variables}
        values |= {name: f(sim) for name, f in self._observers.items()}
        self._recorder.add(sim.time, values)


class Clock:
    """Adds laps to named timings."""

    def __init__(self, timings: dict[str, float]) -> None:
        self._timings = timings
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self._timings[name] += now - self._last
        self._last = now
