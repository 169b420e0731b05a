"""What every realisation has: its address in random numbers, its particles, its run."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.continuum.solvers import one_blas_thread
from hybridrd.errors import ModelError, StepError
from hybridrd.kernels.rng import make_key
from hybridrd.model.grid import Floats
from hybridrd.model.species import number
from hybridrd.model.system import System
from hybridrd.results.dataset import Recorder, mean_rate
from hybridrd.simulation.log import Log
from hybridrd.simulation.particles import Particles
from hybridrd.simulation.pool import Pool
from hybridrd.simulation.progress import progress_bar
from hybridrd.simulation.provenance import attributes
from hybridrd.simulation.schedule import in_steps, record_stride
from hybridrd.simulation.state import (
    State,
    labels,
    load_counts,
    load_particles,
    particles_state,
    stored,
)

if TYPE_CHECKING:
    import xarray as xr

OFFERED = ("concentration", "copy_number", "total", "flux", "crossings", "events")


class Run(ABC):
    """A realisation that is stepped and recorded; the geometry is left to its subclasses."""

    def __init__(
        self, system: System, dt: float, seed: int | None, replica: int, threads: int | None
    ) -> None:
        if not isinstance(system, System):
            raise ModelError(f"system = {system!r}: give a System")
        self.system = system
        self.dt = number(dt, "dt", strict=True)
        self.seed = _whole(secrets.randbits(63) if seed is None else seed, "seed")
        self.replica = _whole(replica, "replica")
        self.threads = max(1, _whole(1 if threads is None else threads, "threads"))
        self.steps = 0
        self.timings = {"reactions": 0.0, "exchange": 0.0, "diffusion": 0.0, "continuum": 0.0}
        self._key = make_key(self.seed, self.replica)
        self._pool = Pool(self.threads)
        self._groups = [Particles(len(system.domain.axes)) for _ in system.species]
        self._next_id = 0

    @abstractmethod
    def step(self) -> None:
        """One step of dt; its order stands in `run`."""

    @property
    @abstractmethod
    def face_names(self) -> list[str]:
        """Names of the faces of the particle region."""

    @property
    @abstractmethod
    def crossings(self) -> np.ndarray:
        """Net number that left through each face since the start, ``(species, faces)``.

        The array of the counts itself, as `events`.
        """

    @property
    @abstractmethod
    def events(self) -> np.ndarray:
        """How often each reaction fired in the particle region since the start."""

    @property
    @abstractmethod
    def total(self) -> Floats:
        """Particles + integral of the continuum - amount owed, per species."""

    def mean_flux(self, crossings: np.ndarray, elapsed: float) -> Floats:
        """Net particles per time through each face since the last record, outwards."""
        return mean_rate(crossings, elapsed)

    @abstractmethod
    def flat_concentration(self) -> Floats:
        """Concentration on all cells, flat: ``(species, cells)``."""

    @abstractmethod
    def diagnostics(self) -> dict[str, Any]:
        """What was chosen and what happened, as plain numbers and text."""

    def state(self) -> State:
        """All that decides the future, as arrays by name; a geometry adds its own."""
        state: State = {
            "steps": np.array(self.steps),
            "next_id": np.array(self._next_id),
            "faces": labels(self.face_names),
            "reactions": labels([c.label for c in self.system.channels]),
            "crossings": self.crossings.copy(),
            "events": self.events.copy(),
        }
        for name, group in self.particles.items():
            state |= particles_state(name, group)
        return state | {f"timings/{name}": np.array(t) for name, t in self.timings.items()}

    def load_state(self, state: State) -> None:
        """Go back to what `state` gave: the same particles, fields, debts and counts.

        Raises
        ------
        ResultError
            If something is missing, or has another shape.
        """
        self.steps = int(stored(state, "steps", ()))
        self._next_id = int(stored(state, "next_id", ()))
        channels = [c.label for c in self.system.channels]
        load_counts(state, "crossings", self.crossings, "faces", self.face_names)
        load_counts(state, "events", self.events, "reactions", channels)
        for name, group in self.particles.items():
            load_particles(state, name, group)
        for name in self.timings:
            self.timings[name] = float(stored(state, f"timings/{name}", ()))

    @property
    def time(self) -> float:
        """Time reached."""
        return self.steps * self.dt

    @property
    def particles(self) -> Mapping[str, Particles]:
        """The particles of each species by name: ``positions`` ``(n, d)`` and ``id`` ``(n,)``."""
        return dict(zip(self.system.names, self._groups, strict=True))

    @property
    def copy_number(self) -> np.ndarray:
        """Number of particles in the particle region, per species."""
        return np.array([g.n for g in self._groups], np.int64)

    @property
    def concentration(self) -> Floats:
        """Concentration on all cells of the domain, ``(species, nx, ny, nz)``."""
        return np.asarray(self.system.grid.unflatten(self.flat_concentration()))

    def run(
        self,
        until: float,
        every: float | None = None,
        record: Sequence[str] | None = None,
        observe: Mapping[str, Callable[[Any], Any]] | None = None,
        stop: Callable[[Any], bool] | None = None,
        progress: bool | None = None,
    ) -> xr.Dataset:
        """Run to a time and return what was recorded.

        One step, symmetric and of second order:

        1. half a step of reactions: pairs, then creations and first-order families; the continuum
           reacts, too, and c_R is read from it;
        2. boundary layers exchange, one face after another;
        3. particles diffuse, exact planes exchange; the continuum diffuses, with all that was
           exchanged as a source inside the step;
        4. half a step of reactions: creations and first-order families, then pairs.

        Parameters
        ----------
        until
            Absolute time to reach, a multiple of dt.
        every
            Time between records, a multiple of dt; by default a hundredth of the run.
        record
            Names of variables to record; by default all.
        observe
            Functions of the simulation by name, called at each record; each returns a number or
            an array of constant shape.
        stop
            Called at each record; a true value ends the run.
        progress
            False for no progress bar; otherwise there is one where the output is a terminal, and
            (unless True) the run takes more than two seconds.

        Returns
        -------
        xarray.Dataset
            ``concentration(time, species, x, y, z)``, ``copy_number(time, species)``,
            ``total(time, species)``, ``flux(time, species, face)``, ``crossings`` and ``events``,
            with time 0 (or the time of the call) first.

        Raises
        ------
        StepError
            If ``until`` or ``every`` is not a multiple of dt, or ``until`` has passed.
        """
        last = in_steps(until, self.dt, "until", least=0)
        if last < self.steps:
            raise StepError(f"until = {until:g} has passed; the simulation is at {self.time:.12g}")
        stride = record_stride(every, self.dt, last - self.steps)
        extra = dict(observe or {})
        taken = sorted(set(extra) & {*OFFERED, "time", "species", "face", "reaction"})
        if taken:
            raise ModelError(f"observe: the name {taken[0]!r} is taken; choose another")
        offered = OFFERED if self.system.reactions else OFFERED[:-1]
        recorder = Recorder(
            self.system.grid, self.system.names, self.face_names,
            [c.label for c in self.system.channels], dict(self.system.units), record, offered,
        )  # fmt: skip
        log = Log(self, recorder, extra)
        log.write(0.0)
        first, reason = self.steps, "reached the end"
        with one_blas_thread(), progress_bar(last - first, progress) as bar:
            while self.steps < last:
                self.step()
                bar.update(1)
                since = (self.steps - first) % stride
                if since == 0 or self.steps == last:
                    log.write((since or stride) * self.dt)
                    if stop is not None and stop(self):
                        reason = "stop condition"
                        break
        return recorder.dataset(attributes(self, reason, self.diagnostics()))


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise ModelError(f"{name} = {value!r}: a whole number of at least 0 is needed")
    return int(value)
