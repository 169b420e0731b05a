"""Simulation of a System: one step, read from top to bottom, and its run."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, final

import numpy as np

from hybridrd.arguments import choice, named_arguments, number, shown, whole_number
from hybridrd.arrays import (
    MANY,
    Floats,
    Ids,
    State,
    Stateful,
    labels,
    load_counts,
    stored_count,
)
from hybridrd.continuum.baths import Baths
from hybridrd.continuum.cache import Assembly, KeptAssembly, assemble_once
from hybridrd.continuum.solvers import KINDS
from hybridrd.continuum.user import Continuum
from hybridrd.coupling.event_log import EventLog
from hybridrd.coupling.mask_exchange import carry_deficits
from hybridrd.coupling.motions import make_exchange
from hybridrd.coupling.plane_counts import PlaneCounts, planes_of, stored_planes
from hybridrd.coupling.witness import Witnesses
from hybridrd.errors import ModelError
from hybridrd.kernels.arrays import count_in_cells
from hybridrd.kernels.rng import MAX_STEPS, make_key
from hybridrd.model.describe import as_html, as_text
from hybridrd.model.drift import largest_D
from hybridrd.model.plane import Plane
from hybridrd.model.quantity import in_time
from hybridrd.model.species import SpeciesLike
from hybridrd.model.system import System
from hybridrd.particles.adaptive import Adapted, stored_inside
from hybridrd.particles.by_hand import ByHand
from hybridrd.particles.initial_state import InitialState
from hybridrd.particles.particles import Maxwell, Particles
from hybridrd.particles.population import Population
from hybridrd.particles.region import Region
from hybridrd.reactions.reactor import Reactor
from hybridrd.results.dataset import Recorder, mean_rate
from hybridrd.run import loop
from hybridrd.run.balance import balance, by_name
from hybridrd.run.checkpoint import restore, write_checkpoint
from hybridrd.run.guard import Guard
from hybridrd.run.log import STAGES, Clock
from hybridrd.run.provenance import attributes
from hybridrd.run.record_position import Counts, RecordPosition
from hybridrd.run.runnable import Running, load_run_state, run_state
from hybridrd.run.system_identity import given_continuum
from hybridrd.simulation.continuum import RunCounts, cells_of_user, make_continuum
from hybridrd.simulation.plan import Plan, compile_system, region_of
from hybridrd.simulation.report import report
from hybridrd.simulation.sizes import check_run, plan_that_fits, record_numbers
from hybridrd.simulation.state_text import state_rows
from hybridrd.simulation.stepper import Stepper
from hybridrd.simulation.window import Window

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import ArrayLike

    from hybridrd.run.progress import Progress


OFFERED = (
    "concentration", "copy_number", "total", "flux", "crossings", "events", "bath", "mask",
    "particle_share",
)  # fmt: skip


@final
@named_arguments
class Simulation:
    """One realisation of a System, and the only object that changes.

    The system has a particle region, or ``fluctuations`` is set: cells without particles, with
    integer copy numbers whose hops and reactions are sampled (``"discrete"``, the
    reaction-diffusion master equation), or the PDE with noise (``"gaussian"``). For the PDE
    without noise use `mean_field`.

    Parameters
    ----------
    system
        The system to simulate.
    dt
        Time step (time).
    seed
        A whole number of at least 0; None draws one, which the result records.
    replica
        Number of the realisation; replica i of an ensemble is this simulation, bit for bit.
    threads
        Threads for the particles; the result does not depend on it. By default one.
    solver
        Solver of the continuum: ``"auto"`` or a kind of
        `hybridrd.continuum.solvers.make_solver`; ``"fipy"`` is FiPy's own solver.
    continuum
        Your own `Continuum`, for example a `FiPyContinuum`, in place of the package's PDE;
        ``initial`` then sets only the particles. It can't be given in a TOML file.

    Raises
    ------
    ModelError, StepError, CapacityError
        If dt or a size does not fit; before anything runs.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> line = hrd.Box(x=(0, 1))
    >>> system = hrd.System(species=[A], domain=line, particles=line, initial={A: hrd.Copies(50)})
    >>> result = hrd.Simulation(system, dt=1e-3, seed=1).run(until=0.1, every=0.05)
    >>> result["copy_number"].values.ravel()
    array([50, 50, 50])

    Attributes
    ----------
    plan
        The compiled system.
    timings
        Seconds spent in each stage.
    mark
        Where the records of its run are.
    came_from
        The checkpoint it was restored from.
    halted
        What the stop condition remembered then.
    guard
        What keeps others out while it runs.
    loop
        The run in progress.
    continuum_kind
        Name of the class of a user's continuum.
    """

    kind = "simulation"

    def __init__(
        self,
        system: System,
        dt: float | str,
        seed: int | None = None,
        replica: int = 0,
        threads: int | None = None,
        solver: str = "auto",
        *,
        continuum: Continuum | None = None,
        plan: Plan | None = None,
        mean_field: Window | None = None,
    ) -> None:
        if not isinstance(system, System):
            raise ModelError(f"system = {shown(system)}: give a System")
        self.system = system
        self.dt = number(in_time(dt, system.units, "dt"), "dt", strict=True)
        self.seed = whole_number(secrets.randbits(63) if seed is None else seed, "seed")
        self.replica = whole_number(replica, "replica")
        self.threads = max(1, whole_number(1 if threads is None else threads, "threads", 0, 1024))
        self.solver = choice(solver, "solver", ("auto", *KINDS))
        self.timings = dict.fromkeys(STAGES, 0.0)
        begun = Clock(self.timings)
        self.mark: RecordPosition | None = None
        self.came_from: Path | None = None
        self.halted: State = {}
        self.guard = Guard()
        self.loop: Running | None = None
        self.continuum_kind = None if continuum is None else type(continuum).__name__
        cells = cells_of_user(continuum, solver)
        self._user_continuum = continuum
        self.plan = plan_that_fits(system, self.dt, cells) if plan is None else plan
        self._region: Region = region_of(self.plan, system, self.dt)
        self._key = make_key(self.seed, self.replica)
        speeds = [s.thermal_speed for s in system.species]
        self._population = Population(
            system.names, len(system.domain.axes), self.threads,
            [None if speed is None else Maxwell(speed, self._key) for speed in speeds],
        )  # fmt: skip
        self._baths = Baths(system)
        self._by_hand = ByHand(len(system.names))
        self._planes: PlaneCounts | None = None
        self._log: EventLog | None = None
        self._adapted = None
        if system.particles is not None and system.particles.follows:
            self._adapted = Adapted(system, self.dt, self._key)
        self._assembly: Assembly = assemble_once if self._adapted is None else KeptAssembly()
        self._build(continuum, mean_field)
        self._initial: InitialState | None = None  # kept for a later restart
        self._draw(self._initial_state())
        begun.lap("set_up")

    def begin_again(self, replica: int) -> bool:
        """Go back to the start as another realisation, at less cost than a new simulation.

        Returns False if a new simulation must be made, and this one can't be used any more: with
        a continuum of copies or noise, a mean field that is being solved, a user's continuum,
        baths, inertia, or a region that follows the copies.
        """
        begun = Clock(self.timings)
        key = make_key(self.seed, replica)
        inertia = any(s.thermal_speed is not None for s in self.system.species)
        kept = not (inertia or self._baths or self._adapted)
        if not (kept and self._continuum.restart()):
            return False
        self._reactor.restart(key)
        self.timings.update(dict.fromkeys(STAGES, 0.0))
        self.replica, self._key = replica, key
        for gate in self._gates:
            gate.restart()
        if self._planes is not None:
            self._planes.restart()
        self._exchange.restart(key)
        self._stepper.restart(key)
        self._population.clear()
        self._by_hand = ByHand(len(self.system.names))
        self._initial = self._initial or self._initial_state()
        self._initial.restart(key)
        self._draw(self._initial)
        begun.lap("set_up")
        return True

    def _initial_state(self) -> InitialState:
        whole = self.system.fluctuations is not None
        return InitialState(self.system, self._region, self._key, self._population, whole)

    def _draw(self, initial: InitialState) -> None:
        for s in range(len(self._population)):
            self._continuum.start(s, initial.draw(s))

    def _build(self, continuum: Continuum | None = None, mean_field: Window | None = None) -> None:
        """Make the parts of the plan: gates, exchange, reactions, continuum."""
        self._volumes = self._region.inner.volumes
        self._gates = self.plan.gates(self._baths)
        self._partners = self.plan.partners(self._gates)
        species = self.system.species
        D = [largest_D(self.system, s) for s in species]
        frictions = [s.friction for s in species]
        place = self._region, self.plan.walls, D, self.dt, self._key
        two_way = self.plan.coupling == "two-way"
        self._exchange = make_exchange(place, self.plan.drifts, frictions, self._gates, two_way)
        self._exchange.witnesses = self._witnesses
        self._reactor = Reactor(
            self.plan.tables, self._region, self.dt, self._key, self._partners,
            self._exchange.credit,
        )  # fmt: skip
        self._continuum = make_continuum(
            self.plan, self._gates, self._baths, self._key, self.solver, continuum, mean_field,
            self._assembly,
        )  # fmt: skip
        self._continuum.count(RunCounts(self.events, self.crossings, self.arrivals))
        self._stepper = Stepper(
            self._population, self._gates, self._partners, self._exchange, self._reactor,
            self._continuum, self._key, self.dt, self.timings,
        )  # fmt: skip

    @property
    def _witnesses(self) -> Witnesses:
        """Observers of the particles that enter and leave."""
        return tuple(w for w in (self._planes, self._log) if w is not None)

    def watch(self, planes: Mapping[str, Plane] | None, events: str | None) -> None:
        """Count and note from now on what `run` is asked for. Raises as `run`."""
        self.guard.check_idle("run()")
        self.measure(planes_of(planes, self.system.units))
        chosen = None if events is None else choice(events, "events", ("log",))
        self._note((self._log or self._new_log()) if chosen else None)

    def measure(self, planes: Mapping[str, Plane]) -> None:
        """Count passages of planes from now on; continue if these are already counted.

        Raises ModelError and StepError as `run`.
        """
        if self._planes is None and not planes:
            return
        if self._planes is None or self._planes.planes != planes:
            self._planes = None
            if planes:
                self._planes = PlaneCounts.of(self.system, self._region, self.dt, planes)
        self._exchange.witnesses = self._witnesses
        self._stepper.renew_exchange()

    def _note(self, log: EventLog | None) -> None:
        """Start or stop logging the events of each particle."""
        if log is None and self._log is None:
            return
        self._log = log
        self._reactor.note(log)
        self._exchange.witnesses = self._witnesses
        self._stepper.renew_exchange()

    def _new_log(self) -> EventLog:
        """A log of events. Raises ModelError if there can't be one."""
        system = self.system
        why = None
        if system.particles is None:
            why = "there are no particles"
        elif self._adapted is not None:
            why = "the region moves, and particles come and go with it"
        if why is not None:
            raise ModelError(f"events = 'log': what happens to each particle is noted, but {why}")
        return EventLog(system, self._region, self.dt)

    def _adapt(self) -> None:
        """Let the particle region follow the copies, if it is time for a check."""
        adapted = self._adapted
        if adapted is None or self.steps % adapted.tag.stride:
            return
        amounts = self._continuum.contents()
        copies = amounts + adapted.counts(self._population, self._region)
        inside = adapted.look(copies, self._region.mask)
        if (inside != self._region.mask).any():
            adapted.convert(self._population, self._region, amounts, inside, self.steps)
            self._change_region(inside)
            self._continuum.put(amounts)

    def _change_region(self, inside: np.ndarray) -> None:
        """Continue with other cells in the particle region; no counts are lost."""
        reached, events = self.steps, self.events
        crossings, arrivals, gates = self.crossings, self.arrivals, self._gates
        parts = replace(self._region.parts, inside=inside)
        changed = compile_system(self.system, self.dt, parts=parts)
        self.plan = replace(changed, memory=self.plan.memory)
        assert self.plan.region is not None
        self._region = self.plan.region
        self._build()
        self._stepper.reached = reached
        self.events[:] = events
        self.crossings[:], self.arrivals[:] = crossings, arrivals
        carry_deficits(gates, self._gates, self._region.grid.cells)

    # The step

    def step(self, number: int = 1) -> None:
        """Take steps of dt, by default one; `hybridrd.simulation.step` has them from top to bottom.

        1. concentrations and fluxes of walls are evaluated for the step;
        2. half a step of reactions: pairs, then creations and first-order families;
        3. the continuum reacts for half a step, and c_R is read from it; a mean-field reservoir
           takes its whole step, and c_R is that before and after its diffusion;
        4. boundary layers exchange, one face after another;
        5. particles diffuse, and leave through open faces;
        6. arrivals through exact planes and influx walls, each with its age;
        7. the continuum diffuses, with the exchanged amounts as a source within the step, and
           reacts for half a step;
        8. half a step of reactions: creations and first-order families, then pairs.

        Parameters
        ----------
        number
            Number of steps; many at once cost less.

        Raises
        ------
        HybridrdError
            If the simulation is running: an observer, or another thread, cannot step it.
        """
        number = whole_number(number, "number", 1)
        with self.guard.changing("step()"):
            if self._adapted is None:
                self._stepper.advance(number)
                return
            last, stride = self.steps + number, self._adapted.tag.stride
            while self.steps < last:
                self._stepper.advance(min(last - self.steps, stride - self.steps % stride))
                self._adapt()

    @property
    def steps(self) -> int:
        """Number of steps done."""
        return self._stepper.reached

    # Changes by hand

    def insert(self, species: SpeciesLike, positions: ArrayLike) -> Ids:
        """Insert new particles into the particle region, between steps.

        They count in `total` from then on; ``result.attrs["diagnostics"]["particles"]`` has the
        numbers inserted and removed.

        Parameters
        ----------
        species
            Their species.
        positions
            Their positions, ``(n, d)``, or ``(n,)`` with one coordinate (length).

        Returns
        -------
        numpy.ndarray
            Their ids, ``(n,)``, in the order of the positions.

        Raises
        ------
        ModelError
            If one is not in the particle region, or there is no region; then none is inserted.

        CapacityError
            If they don't fit into memory.
        HybridrdError
            If the simulation is running.

        Examples
        --------
        >>> import hybridrd as hrd
        >>> A = hrd.Species("A", D=1.0)
        >>> line = hrd.Box(x=(0, 1))
        >>> system = hrd.System(species=[A], domain=line, particles=line)
        >>> sim = hrd.Simulation(system, dt=1e-3, seed=1)
        >>> ids = sim.insert(A, [0.2, 0.5])
        >>> sim.remove(A, ids[:1])
        >>> sim.copy_number
        array([1])
        """
        with self.guard.changing("insert()"):
            s = self._changed_species("insert", species)
            ids = self._by_hand.insert(self._population, self._region, s, positions)
            self._note_by_hand(s, ids, False)
            return ids

    def remove(self, species: SpeciesLike, ids: ArrayLike) -> None:
        """Remove particles, between steps, see `insert`.

        Parameters
        ----------
        species
            Their species.
        ids
            Their ids, as in ``sim.particles["A"].id``.

        Raises
        ------
        ModelError
            If one does not exist; then none is removed.
        HybridrdError
            If the simulation is running.
        """
        with self.guard.changing("remove()"):
            s = self._changed_species("remove", species)
            gone = self._by_hand.checked(self._population[s], ids)
            self._note_by_hand(s, gone, True)
            self._by_hand.remove(self._population[s], s, gone)

    def _note_by_hand(self, s: int, ids: Ids, removed: bool) -> None:
        """Add insertions and removals to the log, if there is one."""
        if self._log is None:
            return
        group = self._population[s]
        where = {int(i): k for k, i in enumerate(group.ids[: group.n])}
        columns = [where[int(i)] for i in ids]
        self._log.by_hand(self.time, s, ids, group.x[:, columns], removed)

    def _changed_species(self, what: str, species: SpeciesLike) -> int:
        """The number of a species whose particles are changed. Raises ModelError."""
        if self.system.particles is None:
            raise ModelError(f"{what}: the system has no particle region, and so no particles")
        return self.system.index(species)

    # What can be observed

    @property
    def time(self) -> float:
        """Time reached."""
        return self.steps * self.dt

    @property
    def particles(self) -> Mapping[str, Particles]:
        """The particles of each species by name: ``positions`` ``(n, d)`` and ``id`` ``(n,)``."""
        return dict(zip(self.system.names, self._population, strict=True))

    @property
    def copy_number(self) -> np.ndarray:
        """Number of particles in the particle region, per species; in the domain without one."""
        return self._continuum.copy_number(self._population.numbers)

    @property
    def concentration(self) -> Floats:
        """Concentration on all cells of the domain, ``(species, nx, ny, nz)``."""
        return np.asarray(self.system.grid.unflatten(self.flat_concentration()))

    @property
    def continuum(self) -> Floats:
        """Concentrations on the cells of a user's continuum, ``(species, nx, ny, nz)``."""
        return self._continuum.user_cells()

    @property
    def total(self) -> Floats:
        """Particles + integral of the continuum - amount owed + content of baths, per species.

        In mean-field coupling the continuum is counted outside the particle region.
        """
        held = self._baths.by_species(self._continuum.baths(self.steps, self._baths.amounts))
        if self._adapted is not None:
            held = held + self._adapted.remainder
        return self._continuum.total(self._population.numbers + held, self.steps)

    @property
    def particle_share(self) -> float:
        """Current fraction of the free cells in the particle region."""
        return float(self._region.mask.sum() / self._region.parts.free.sum())

    @property
    def bath(self) -> Floats:
        """Concentrations in the baths beyond leaky walls, ``(species, walls)``, NaN for none."""
        return self._baths.table(self._continuum.baths(self.steps, self._baths.amounts))

    @property
    def bath_walls(self) -> list[str]:
        """Names of the walls with a bath."""
        return self._baths.walls

    @property
    def face_names(self) -> list[str]:
        """Names of the faces of the particle region."""
        return [f.name for f in self._region.faces]

    @property
    def crossings(self) -> np.ndarray:
        """Net number that left through each face since the start, ``(species, faces)``.

        This is the array of the counts itself, not a copy, as in `events`.
        """
        return self._exchange.crossings

    @property
    def arrivals(self) -> np.ndarray:
        """Number that entered through each face since the start, ``(species, faces)``."""
        return self._exchange.arrivals

    @property
    def events(self) -> np.ndarray:
        """Number of times that each reaction fired in the particle region since the start."""
        return self._reactor.events

    def mean_flux(self, crossings: np.ndarray, elapsed: float) -> Floats:
        """Net particles per time through each face since the last record, outwards."""
        return self._exchange.motion.mean_flux(crossings, elapsed)

    def flat_concentration(self) -> Floats:
        """Concentration on all cells, flat: ``(species, cells)``."""
        grid, inner = self._region.grid, self._region.inner
        result = np.zeros((len(self._population), grid.cells))
        for s, group in enumerate(self._population):
            if not group.n:
                continue
            # Counted in the region's cells, so that a particle on the plane is not beyond it.
            counts = np.zeros(inner.cells, np.int64)
            count_in_cells(group.x, group.n, self._region.inner_cells, counts)
            result[s, self._region.block] = counts / self._volumes
        self._continuum.fill(result, self._region.parts.outside, self.steps)
        return result

    def diagnostics(self) -> dict[str, Any]:
        """Choices made for the run, and what happened in it, as plain numbers and text."""
        changes = {g.where: g.change for g in self._gates if g.change > 0}
        found = report(self.plan) | self.happened()
        return found | ({"c_R_within_layer_time": changes} if changes else {})

    def happened(self) -> dict[str, Any]:
        """Kind of the continuum, and what happened in this run, for `diagnostics`."""
        adapted = {} if self._adapted is None else {"adaptive": self._adapted.described()}
        return self._continuum.described() | adapted

    # The run

    @property
    def title(self) -> str:
        """Name of this realisation in the log."""
        return f"seed {self.seed}, replica {self.replica}"

    def __repr__(self) -> str:
        return as_text("Simulation", state_rows(self, self.title))

    def _repr_html_(self) -> str:
        return as_html("Simulation", state_rows(self, self.title))

    def recorder(self, variables: Sequence[str] | None) -> Recorder:
        """Recorder of some variables, by default of all. Raises ModelError."""
        system = self.system
        channels = [c.label for c in system.channels]
        return Recorder(
            system.grid, system.names, self.face_names, channels, dict(system.units), variables,
            offered_by(system), self.bath_walls,
            self._region.parts.codes if self._adapted is None else None,
            [] if self._planes is None else self._planes.names,
            [] if self._log is None else self._log.labels,
        )  # fmt: skip

    def counts(self) -> Counts:
        """Crossings and events since the start, copies of them."""
        found = {"crossings": self.crossings.copy(), "events": self.events.copy()}
        return found if self._planes is None else found | {"planes": self._planes.counts.copy()}

    def counts_in(self, state: State, prefix: str) -> Counts:
        """The counts of a state, under names with a prefix. Raises ResultError."""
        counts = self.counts()
        channels = [c.label for c in self.system.channels]
        found = counts["crossings"], "faces", self.face_names, -MANY
        load_counts(state, f"{prefix}crossings", *found)
        load_counts(state, f"{prefix}events", counts["events"], "reactions", channels)
        if self._planes is not None:
            self._planes.load_counts(state, f"{prefix}planes", counts["planes"])
        return counts

    def record(self, names: Sequence[str], before: Counts, elapsed: float) -> dict[str, Any]:
        """Values of variables; counts and fluxes are those since the last record."""
        crossings, events = self.crossings - before["crossings"], self.events - before["events"]
        planes = self._planes
        makers: dict[str, Callable[[], Any]] = {
            "concentration": self.flat_concentration,
            "copy_number": lambda: self.copy_number,
            "total": lambda: self.total,
            "flux": lambda: self.mean_flux(crossings, elapsed),
            "crossings": lambda: crossings,
            "events": lambda: events,
            "bath": lambda: self.bath,
            "mask": lambda: self._region.parts.codes,
            "particle_share": lambda: self.particle_share,
        }
        if planes is not None:
            passed = planes.counts - before["planes"]
            makers["plane_flux"] = lambda: mean_rate(passed.astype(float), elapsed)
        if self._log is not None:
            self._reactor.drain()
            if elapsed == 0.0:
                self._log.take()  # nothing is logged before the first record
            rows = self._log.take()
            makers |= {name: partial(rows.__getitem__, name) for name in rows}
        return {name: makers[name]() for name in names}

    def particle_rows(self) -> dict[str, np.ndarray]:
        """All particles as rows, by species, then by id, independent of the storage order.

        Raises
        ------
        ModelError
            If there is no particle region.
        """
        if self.system.particles is None:
            raise ModelError("positions = True: there are no particles; leave it out")
        groups = list(self._population)
        orders = [np.argsort(g.ids[: g.n]) for g in groups]
        pairs = list(zip(groups, orders, strict=True))
        return {
            "row_size": self._population.numbers,
            "position": np.concatenate([g.x[:, o].T for g, o in pairs]),
            "particle_id": np.concatenate([g.ids[o] for g, o in pairs]),
        }

    @named_arguments
    def run(
        self,
        until: float | str,
        every: float | str | None = None,
        record: Sequence[str] | None = None,
        out: str | Path | None = None,
        positions: bool = False,
        observe: Mapping[str, Callable[[Any], Any]] | None = None,
        stop: Callable[[Any], bool] | None = None,
        checkpoint: str | Path | None = None,
        checkpoint_minutes: float = 10.0,
        keep: int = 3,
        progress: Progress = None,
        planes: Mapping[str, Plane] | None = None,
        events: Literal["log"] | None = None,
    ) -> xr.Dataset:
        """Run to a time and return what was recorded.

        The order of a step, symmetric and of second order, is that of `step`.

        Ctrl-C or SIGTERM ends the run after the current step, with a checkpoint if there are any,
        and raises KeyboardInterrupt; the message says how to resume. Meanwhile no other thread or
        program, and no observer, can change the simulation, its store or its checkpoints.

        Parameters
        ----------
        until
            Absolute time to reach, a multiple of dt.
        every
            Time between records, a multiple of dt; by default a hundredth of the run.
        record
            Names of variables to record; by default all.
        out
            ``NAME`` or ``NAME.zarr``: a zarr directory that is written during the run,
            which `hybridrd.load` can read at any moment; records take no memory then. A
            simulation restored from a checkpoint of a run continues the store of that run.
        positions
            Whether to record all particles, as a contiguous ragged array: ``position(obs, axis)``
            and ``particle_id(obs)``; each record has ``row_size(time, species)`` of them.
        observe
            Functions of the simulation by name, called at each record; each returns a number, an
            array of constant shape, or a DataArray, which keeps its dimensions, coordinates and
            attributes. A shape in place of a function counts the copies in it.
        stop
            A function called at each record, which ends the run by returning True, or a
            `SteadyState` or `WallTime`.
        checkpoint
            Path of checkpoints: a directory, or ``PREFIX.npz``; see `restore`.
        checkpoint_minutes
            Wall time between checkpoints; there is one at the start and at the end, too.
        keep
            Number of checkpoints to keep.
        progress
            True reports progress and the remaining time: a bar on a terminal or in a
            notebook; elsewhere, for example in a batch job, occasional lines on the error stream.
            By default only a bar on a terminal, after two seconds. If the log accepts them
            (level INFO of the logger ``hybridrd``), the lines go there. False for nothing.
            A function is called with the simulation at the start, every second, and at the end;
            `hybridrd.plot.live` makes one that draws.
        planes
            `Plane` by name: ``plane_flux(time, species, plane)`` is the net number of particles per
            time that passed the part of the plane in the particle region since the last record, by
            motion or exchange, positive along its axis (reactions don't count). The exchange then
            runs in Python, with the same numbers.
        events
            ``"log"`` records each reaction, arrival and exit of a particle, see `hybridrd.events`
            and `hybridrd.first_passage`: time, label, ids, position. There is a row for each event
            and each passage of a face; the exchange runs in Python, with the same numbers.

        Returns
        -------
        xarray.Dataset
            ``concentration(time, species, x, y, z)``, ``copy_number(time, species)``,
            ``total(time, species)``, ``flux(time, species, face)``, ``crossings`` and ``events``,
            ``bath(time, species, wall)`` if a leaky wall has one,
            starting with time 0 (or the time of the call); there ``flux`` is NaN, because it is
            the mean since the previous record. With ``out`` values are read from the store on
            demand.

        Raises
        ------
        ModelError
            If an argument is invalid, or the form of an observer's value changes.
        StepError
            If ``until`` or ``every`` is not a multiple of dt, or ``until`` has passed.
        CapacityError
            If the records cannot fit into memory, before the first step; or if the particles
            outgrow the memory during the run: the message has the time reached and the last
            checkpoint.
        ResultError
            If ``out`` or a checkpoint cannot be written, would replace those of another run, or is
            being written by another run.
        HybridrdError
            If the simulation is running already.
        """
        self.watch(planes, events)
        return loop.run(
            self, until, every, record, out, positions, observe, stop, checkpoint,
            checkpoint_minutes, keep, progress,
        ).result()  # fmt: skip

    def attributes(self, reason: str) -> dict[str, Any]:
        """Attributes of a result on its origin and on the run."""
        counted = self.events, self.arrivals, self.crossings
        hand = self._by_hand.inserted, self._by_hand.removed
        particles = balance(self.system, self.face_names, *counted, *hand)
        found = self.diagnostics() | {"particles": particles}
        if self.mark is not None and self.mark.largest.any():
            found["largest_c"] = by_name(self.system.names, self.mark.largest)
        origin = {"seed": self.seed, "replica": self.replica}
        return attributes(self.system, self.dt, self.kind, reason, origin, self.timings, found)

    @named_arguments
    def checkpoint(self, path: str | Path) -> None:
        """Write the complete state into one file, completely or not at all.

        Parameters
        ----------
        path
            The file, by convention ``NAME.npz``; an existing one is replaced.

        Raises
        ------
        ResultError
            If it cannot be written, or the simulation shares its mean field with others.
        """
        write_checkpoint(self, path)

    @classmethod
    @named_arguments
    def restore(
        cls,
        path: str | Path,
        system: System | None = None,
        allow_change: bool = False,
        threads: int | None = None,
        continuum: Continuum | None = None,
    ) -> Self:
        """The simulation of a checkpoint, which continues as if it had never been interrupted.

        Parameters
        ----------
        path
            A file of `checkpoint` or of `run`, or the directory or prefix of a run, for the latest
            readable one.
        system
            The system, needed if it contains Python functions; it is compared with that
            of the checkpoint (functions only by name).
        allow_change
            Accept another system, and keep the state: rates and walls may differ, but not
            species, geometry or cells. Its records need a new store.
        threads
            See `Simulation`; the result does not depend on it.
        continuum
            Your own continuum, if the simulation had one; the same object, or an equal new one.

        Raises
        ------
        ResultError
            If the file is damaged or of another format, or the system has changed; the message
            names the first difference.

        Examples
        --------
        >>> import hybridrd as hrd, tempfile
        >>> A = hrd.Species("A", D=1.0)
        >>> line, half = hrd.Box(x=(0, 2)), hrd.Box(x=(0, 1))
        >>> system = hrd.System(
        ...     species=[A], domain=line, particles=half, cells=20, initial={A: 50.0}
        ... )
        >>> sim = hrd.Simulation(system, dt=1e-3, seed=1)
        >>> result = sim.run(until=0.1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sim.checkpoint(f"{folder}/half.npz")
        ...     twin = hrd.Simulation.restore(f"{folder}/half.npz")
        >>> sim.run(until=0.2).equals(twin.run(until=0.2))
        True
        """

        def make(system: System, about: Mapping[str, Any], where: str) -> Self:
            own = given_continuum(about.get("continuum"), continuum, where)
            arguments = about["dt"], about["seed"], about["replica"], threads, about["solver"]
            return cls(system, *arguments, **own)

        return restore(cls.kind, make, path, system, allow_change)

    def arguments(self) -> dict[str, Any]:
        """Its arguments besides the system, as JSON values."""
        names = ("dt", "seed", "replica", "solver")
        return {name: getattr(self, name) for name in names} | {"continuum": self.continuum_kind}

    def check_room(
        self, records: int, variables: Sequence[str], positions: bool, stored: bool
    ) -> None:
        """Refuse a run whose records or expected particles do not fit into memory."""
        planes = 0 if self._planes is None else len(self._planes.names)
        numbers = record_numbers(self.system, len(self.face_names), planes)
        check_run(
            self.plan, self._population.numbers, numbers, records, variables, positions, stored
        )

    # The state

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy or pickle is made from the arguments and the state, as by `restore`."""
        options = self.seed, self.replica, self.threads, self.solver
        return _remade, (self.system, self.dt, options, self._user_continuum, self.state())

    def __copy__(self) -> Simulation:
        return deepcopy(self)  # a user's continuum is copied, too, because it has a state

    def state(self) -> State:
        """The complete state, as arrays by name.

        Raises
        ------
        ResultError
            For a replica that shares the mean field of an ensemble.
        HybridrdError
            Within a step, or in a thread other than that of its run.
        """
        self.guard.check_still("state()")
        state: State = {
            "steps": np.array(self.steps),
            "faces": labels(self.face_names),
            "reactions": labels([c.label for c in self.system.channels]),
            "crossings": self.crossings.copy(),
            "events": self.events.copy(),
            "arrivals": self.arrivals.copy(),
        }
        for part in self._parts():
            state |= part.state()
        if self._adapted is not None:
            state["adaptive/inside"] = self._region.mask.copy()
        if self._planes is not None:
            state |= self._planes.state()
        if self._log is not None:
            self._reactor.drain()
            state |= self._log.state()
        return state | run_state(self)

    def _parts(self) -> list[Stateful]:
        adapted = [] if self._adapted is None else [self._adapted]
        parts = self._population, self._exchange.motion, self._continuum, *self._gates, self._baths
        return [*parts, self._by_hand, *adapted]

    def load_state(self, state: State) -> None:
        """Restore a `state`: the same particles, fields, debts and counts.

        Raises
        ------
        ResultError
            If something is missing, has another shape, or an invalid value.
        HybridrdError
            If the simulation is running.
        """
        self.guard.check_idle("load_state()")
        self._stepper.reached = stored_count(state, "steps", most=MAX_STEPS)
        if self._adapted is not None:
            self._change_region(stored_inside(state, self._region.parts))
        self._population.check_state(state, self._region.low, self._region.high)
        self.measure(stored_planes(state))
        self._note(self._new_log().load_state(state) if "log/time" in state else None)
        found = self.counts_in(state, "")
        self.crossings[...], self.events[...] = found["crossings"], found["events"]
        if self._planes is not None:
            self._planes.counts[...] = found["planes"]
        load_counts(state, "arrivals", self.arrivals, "faces", self.face_names)
        for part in self._parts():
            part.load_state(state)
        load_run_state(self, state)


def offered_by(system: System) -> tuple[str, ...]:
    """The variables of a run of a system: events if it has reactions, baths if it has any."""
    absent = set() if system.reactions else {"events"}
    if system.particles is None and system.fluctuations == "gaussian":
        absent |= {"events", "crossings", "flux"}  # nothing is counted there
    absent |= set() if Baths(system) else {"bath"}
    follows = system.particles is not None and system.particles.follows
    absent |= set() if follows else {"mask", "particle_share"}
    return tuple(name for name in OFFERED if name not in absent)


def _remade(
    system: System,
    dt: float | str,
    options: tuple[int, int, int, str],
    continuum: Continuum | None,
    state: State,
) -> Simulation:
    made = Simulation(system, dt, *options, continuum=continuum)
    made.load_state(state)
    return made
