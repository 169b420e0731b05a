"""The running simulation: the only thing that changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybridrd.arrays import Floats, State, load_counts
from hybridrd.continuum.field import Field
from hybridrd.continuum.user import Continuum
from hybridrd.coupling.exchange import Exchange
from hybridrd.coupling.user_field import OwnField
from hybridrd.errors import ModelError, ResultError
from hybridrd.kernels.arrays import count_in_cells
from hybridrd.kernels.walk import WRAP, move, move_closed
from hybridrd.model.shell import Shell
from hybridrd.model.system import System
from hybridrd.particles.initial_state import Start
from hybridrd.particles.particles import Particles
from hybridrd.particles.region import Region
from hybridrd.reactions.reactor import Reactor
from hybridrd.run.log import Clock
from hybridrd.simulation.couple import check_start, couple, own_cells
from hybridrd.simulation.plan import Plan, compile_system
from hybridrd.simulation.report import report
from hybridrd.simulation.run import Run
from hybridrd.simulation.state import continuum_state, load_continuum
from hybridrd.simulation.window import LiveWindow, MeanField, OwnWindow


class Simulation(Run):
    """One realisation of a System with a particle region.

    Parameters
    ----------
    system
        What to simulate; a system without a particle region is for `mean_field`.
    dt
        Time step (time).
    seed
        Any whole number of at least 0; None draws one, which the result records.
    replica
        Number of the realisation; replica i of an ensemble is this simulation, bit for bit.
    threads
        Threads for the particles; the result does not depend on it. By default one.
    solver
        How the continuum is stepped: ``"auto"`` or a kind of
        `hybridrd.continuum.solvers.make_solver`; ``"fipy"`` is FiPy's own solve.
    continuum
        A `Continuum` of your own, such as `FiPyContinuum`, in place of the package's PDE;
        ``initial`` is that of the particles alone then. Being code, it stands in no TOML file.

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
    """

    # What another geometry puts in their place.
    _Exchange: type[Exchange] = Exchange
    _Reactor: type[Reactor] = Reactor
    _Start: type[Start] = Start

    def __new__(cls, system: Any, *_: Any, **__: Any) -> Simulation:
        """A system in a ball shell has a Simulation of its own."""
        if cls is Simulation and isinstance(getattr(system, "domain", None), Shell):
            from hybridrd.simulation.shell import ShellSimulation

            return super().__new__(ShellSimulation)
        return super().__new__(cls)

    def __init__(
        self,
        system: System,
        dt: float,
        seed: int | None = None,
        replica: int = 0,
        threads: int | None = None,
        solver: str = "auto",
        *,
        continuum: Continuum | None = None,
        plan: Plan | None = None,
        mean_field: MeanField | None = None,
    ) -> None:
        super().__init__(system, dt, seed, replica, threads)
        self.solver = solver
        self.continuum_kind = None if continuum is None else type(continuum).__name__
        own = own_cells(continuum, solver)
        self.plan = compile_system(system, self.dt, own) if plan is None else plan
        if self.plan.region is None:
            raise ModelError(
                "the system has no particle region (particles=None); run it with "
                "hybridrd.mean_field, or give particles="
            )
        self._region: Region = self.plan.region
        self._gates = self.plan.gates()
        two_way = self.plan.coupling == "two-way"
        self._D = [s.D for s in system.species]
        self._exchange = self._Exchange(
            self._region, self._gates, list(self.plan.walls), self._D, self.dt, self._key, two_way
        )
        self._reactor = self._Reactor(self.plan.tables, self._region, self.dt, self._key)
        self._reactor.encounters.credit = self._exchange.credit
        self._partners = self.plan.partners(self._gates)
        beside = couple(self.plan, self._gates, self._key, solver, continuum, mean_field)
        self._field, self._ledger, self._noise = beside.field, beside.ledger, beside.noise
        self._mean_field, self._own = beside.mean_field, beside.own
        self._draw()
        self._begun.lap("set_up")

    def _draw(self) -> None:
        start = self._Start(self.system, self._region, self._key)
        for s, group in enumerate(self._groups):
            outside = start.draw(s, group)
            if isinstance(self._field, Field):
                self._field.c[s] = outside[self._field.active]
            elif self._own is not None:
                check_start(self.system, s, outside)
        self._next_id = start.next_id

    @property
    def continuum(self) -> Floats:
        """Concentrations on the cells of a continuum of one's own, ``(species, nx, ny, nz)``."""
        if self._own is None:
            raise ModelError("the continuum is the package's; its cells are in `concentration`")
        return self._own.own()

    @property
    def face_names(self) -> list[str]:
        return [f.name for f in self._region.faces]

    @property
    def crossings(self) -> np.ndarray:
        return self._exchange.crossings

    @property
    def arrivals(self) -> np.ndarray:
        return self._exchange.arrivals

    @property
    def events(self) -> np.ndarray:
        return self._reactor.events

    @property
    def total(self) -> Floats:
        """Particles + integral of the continuum - amount owed, per species.

        In mean-field coupling the continuum is counted outside the particle region.
        """
        n = self.copy_number.astype(float)
        if self._field is not None and self._ledger is not None:
            return np.asarray(n + self._field.amounts() - self._ledger.total_owed())
        if self._mean_field is not None:
            c = self._mean_field.concentration(self.steps)
            outside = (c * self._region.grid.mesh_volumes)[:, ~self._region.mask]
            return np.asarray(n + outside.sum(axis=1))
        return n

    def flat_concentration(self) -> Floats:
        """Concentration on all cells, flat: ``(species, cells)``."""
        grid, inner = self._region.grid, self._region.inner
        low, inverse = np.array(inner.lower), 1.0 / np.array(inner.spacing)
        shape = np.array(inner.shape, np.int64)
        result = np.zeros((len(self._groups), grid.cells))
        for s, group in enumerate(self._groups):
            # In the region's own cells, so that a particle on the plane is not beyond it.
            counts = np.zeros(inner.cells, np.int64)
            count_in_cells(group.x, group.n, low, inverse, shape, counts)
            result[s, self._region.mask] = counts / inner.volumes
        outside = ~self._region.mask
        if self._field is not None:
            result[:, outside] = self._field.concentration()[:, outside]
        elif self._mean_field is not None:
            result[:, outside] = self._mean_field.concentration(self.steps)[:, outside]
        return result

    def step(self) -> None:
        k = self.steps
        clock = Clock(self.timings)
        for gate in self._gates:
            if gate.stencil is None:
                gate.set_given(k * self.dt, self.dt)
        self._react(k, 0)
        clock.lap("reactions")
        self._read_reservoirs(k)
        clock.lap("continuum")
        exchange = self._exchange
        self._next_id = exchange.layers(self._groups, k, self._next_id, self._pool)
        clock.lap("exchange")
        self._move(k)
        clock.lap("diffusion")
        self._next_id = exchange.planes(self._groups, k, self._next_id)
        clock.lap("exchange")
        if self._field is not None and self._ledger is not None and exchange.credit is not None:
            self._ledger.diffuse(k, exchange.credit, self._noise)
            self._field.react(k)
        clock.lap("continuum")
        self._react(k, 1)
        clock.lap("reactions")
        if self._own is not None:
            self._own.show()
        self.steps += 1

    def _react(self, k: int, half: int) -> None:
        """Half a step of reactions of the particles, and with partners in the reservoir."""
        if self._partners:
            self._partners.update(lambda s: self._partner(s, k + half), half)
        self._next_id = self._reactor.half_step(
            self._groups, self._partners, k, half, self._next_id, self._pool
        )
        credit = self._exchange.credit
        if self._ledger is not None and credit is not None and self.plan.tables.encounters:
            self._ledger.apply(credit)

    def _partner(self, species: int, step: int) -> Floats:
        """The continuum's concentration of a species on all cells."""
        if self._field is not None:
            return self._field.full(species)
        if self._mean_field is not None:
            return self._mean_field.partner(species, step)
        return np.zeros(self._region.grid.cells)

    def _read_reservoirs(self, k: int) -> None:
        """Set c_R of every gate to the continuum for this step."""
        if self._field is not None and self._ledger is not None:
            self._field.react(k)
            for gate in self._gates:
                if gate.stencil is not None:
                    gate.set_two_way(self._ledger.effective(gate.species))
        elif self._mean_field is not None:
            self._mean_field.advance(k, self._gates)

    def _move(self, k: int) -> None:
        region = self._region
        low, high = region.low, region.high
        for s, group in enumerate(self._groups):
            if self._D[s] == 0 or group.n == 0:
                continue
            walls = self.plan.walls[s]

            def kernel(a: int, b: int, s: int = s, g: Particles = group, w: Any = walls) -> int:
                step = g.x, g.ids, a, b, self._key, k, self._D[s], self.dt, low, high
                if w.closed:
                    move_closed(*step, w.kinds[:, 0] == WRAP)
                    return 0
                ended: int = move(*step, w.kinds, w.gammas, g.gone)
                return ended

            if self._pool.run(kernel, group.n):
                self._exchange.leave(s, group)

    def state(self) -> State:
        """All that decides the future, see `Run.state`.

        Raises
        ------
        ResultError
            For a replica of an ensemble that shares its mean field: the field is not its own.
        """
        state = super().state() | {"arrivals": self._exchange.arrivals.copy()}
        return state | continuum_state(self._own_field(), self._ledger, self._gates)

    def load_state(self, state: State) -> None:
        """Go back to what `state` gave, see `Run.load_state`."""
        super().load_state(state)
        load_counts(state, "arrivals", self._exchange.arrivals, "faces", self.face_names)
        load_continuum(state, self._own_field(), self._ledger, self._gates)

    def _own_field(self) -> Field | OwnField | None:
        """The continuum that this simulation steps, None without one. Raises ResultError."""
        if self._field is not None or self._mean_field is None:
            return self._field
        if isinstance(self._mean_field, LiveWindow | OwnWindow):
            return self._mean_field.field
        raise ResultError(
            "this replica shares the mean field of an ensemble, which no checkpoint of it can hold"
        )

    def diagnostics(self) -> dict[str, Any]:
        """What was chosen and what happened, as plain numbers and text."""
        found = report(self.plan)
        field = self._field or getattr(self._mean_field, "field", None)
        found |= {} if field is None else field.described()
        if self._ledger is not None:
            owed = self._ledger.total_owed()
            found["owed"] = dict(zip(self.system.names, map(float, owed), strict=True))
            found["overdrafts"] = self._ledger.overdrafts
        return found
