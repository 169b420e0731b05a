"""What every realisation has: its address in random numbers, its particles, its state."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import number, whole_number
from hybridrd.arrays import Floats, State, labels, load_counts, stored
from hybridrd.errors import ModelError
from hybridrd.kernels.rng import make_key
from hybridrd.model.system import System
from hybridrd.particles.particles import Particles
from hybridrd.particles.pool import Pool
from hybridrd.results.dataset import mean_rate
from hybridrd.run.log import STAGES, Clock
from hybridrd.run.record_position import Mark, mark_of
from hybridrd.simulation.state import load_particles, particles_state

if TYPE_CHECKING:
    from hybridrd.run.loop import Course
    from hybridrd.simulation.plan import Plan


class Realisation(ABC):
    """A realisation that can be stepped; the geometry is left to its subclasses.

    Attributes
    ----------
    mark
        Where the records of its run stand.
    came_from
        The checkpoint it was restored from.
    halted
        What the stop condition remembered then.
    continuum_kind
        Name of the class of a continuum of one's own.
    plan
        The compiled system.
    """

    plan: Plan

    def __init__(
        self, system: System, dt: float, seed: int | None, replica: int, threads: int | None
    ) -> None:
        if not isinstance(system, System):
            raise ModelError(f"system = {system!r}: give a System")
        self.system = system
        self.dt = number(dt, "dt", strict=True)
        self.seed = whole_number(secrets.randbits(63) if seed is None else seed, "seed")
        self.replica = whole_number(replica, "replica")
        self.threads = max(1, whole_number(1 if threads is None else threads, "threads"))
        self.steps = 0
        self.timings = dict.fromkeys(STAGES, 0.0)
        self._begun = Clock(self.timings)
        self._key = make_key(self.seed, self.replica)
        self._pool = Pool(self.threads)
        self._groups = [Particles(len(system.domain.axes), s.name) for s in system.species]
        self._next_id = 0
        self.solver = "auto"
        self.mark: Mark | None = None
        self.came_from: Path | None = None
        self.halted: State = {}
        self.continuum_kind: str | None = None
        self._course: Course | None = None

    @abstractmethod
    def step(self) -> None:
        """One step of dt; its order stands in `Run.run`."""

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
    def arrivals(self) -> np.ndarray:
        """Number that entered through each face since the start, ``(species, faces)``."""

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
        if self.mark is not None:
            state |= self.mark.state()
        if self._course is not None:
            state |= self._course.stop_state()
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
            if f"timings/{name}" in state:  # former versions had fewer stages
                self.timings[name] = float(stored(state, f"timings/{name}", ()))
        self.mark = mark_of(state, self)
        self.halted = {n.removeprefix("stop/"): v for n, v in state.items() if n[:5] == "stop/"}

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
