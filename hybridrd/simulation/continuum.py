"""Couplings of particles and continuum: two-way exchange, a mean field, or none."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from hybridrd.arrays import Floats, State, stored_count
from hybridrd.continuum.baths import Baths
from hybridrd.continuum.cache import Assembly
from hybridrd.continuum.discrete import DiscreteField
from hybridrd.continuum.field import Field
from hybridrd.continuum.fipy_solver import assemble
from hybridrd.continuum.rectilinear import RectilinearCells
from hybridrd.continuum.user import Continuum
from hybridrd.coupling.exchange import Exchange
from hybridrd.coupling.face_exchange import Gate
from hybridrd.coupling.ledger import Ledger
from hybridrd.coupling.noise import Noise
from hybridrd.coupling.reaction_noise import ReactionNoise
from hybridrd.coupling.user_field import UserField
from hybridrd.errors import ModelError
from hybridrd.interface import FaceNumbers
from hybridrd.kernels.copies import whole_copies
from hybridrd.model.grid import AXES
from hybridrd.particles.memory import check_fits, naming
from hybridrd.particles.region import Region
from hybridrd.simulation.compiled_continuum import CompiledContinuum, openings
from hybridrd.simulation.plan import Plan, pair_factors
from hybridrd.simulation.sizes import continuum_part
from hybridrd.simulation.window import LiveWindow, Window, live_window

FEW = 50.0  # copies of a species in a cell below which a step is taken in integer copy numbers


class RunCounts(NamedTuple):
    """Counts of a run since its start.

    Parameters
    ----------
    events
        Number of times that each reaction fired, ``(reactions,)``.
    crossings, arrivals
        Net numbers of exits, and numbers of arrivals, through each face ``(species, faces)``.
    """

    events: np.ndarray
    crossings: np.ndarray
    arrivals: np.ndarray


class Coupling(ABC):
    """Coupling of the particles to a continuum; a new kind implements these methods.

    Attributes
    ----------
    works
        Whether `before` and `after` have anything to do in a step.
    """

    works = True, True

    @abstractmethod
    def start(self, species: int, outside: Floats) -> None:
        """Take the initial concentration of a species outside the particle region, ``(cells,)``."""

    @abstractmethod
    def before(self, step: int, gates: list[Gate]) -> None:
        """First half step of the continuum, before the exchange; sets c_R of the gates."""

    @abstractmethod
    def after(self, step: int, credit: np.ndarray | None) -> None:
        """Rest of the step of the continuum, after the exchange added ``credit`` to the cells."""

    @abstractmethod
    def book(self, credit: np.ndarray | None) -> None:
        """Take what reactions with partners in the continuum brought to the cells."""

    @abstractmethod
    def partner(self, species: int, step: int) -> Floats:
        """Concentration of a species on all cells, right where partners may be, ``(cells,)``."""

    @abstractmethod
    def fill(self, c: Floats, outside: np.ndarray, step: int) -> None:
        """Enter the concentrations on cells ``outside`` the region into c ``(species, cells)``."""

    @abstractmethod
    def total(self, copy_number: Floats, step: int) -> Floats:
        """Particles and continuum together, per species."""

    @abstractmethod
    def described(self) -> dict[str, Any]:
        """Its kind and what happened, for the diagnostics of a result."""

    @abstractmethod
    def state(self) -> State:
        """Its complete state, as arrays by name."""

    @abstractmethod
    def load_state(self, state: State) -> None:
        """The inverse of `state`. Raises ResultError if something is missing."""

    def compiled(
        self,
        gates: list[Gate],  # noqa: ARG002
        exchange: Exchange,  # noqa: ARG002
    ) -> CompiledContinuum | None:
        """Arrays for compiled stages in place of `before` and `after`; None if those are called.

        Requested before every batch of steps, and after `before` or `after` was called.
        """
        return None

    def carry(self, step: int) -> None:  # noqa: B027
        """Take drifts that depend on time as they are in a step, for compiled stages."""

    def restart(self) -> bool:
        """Go back to before `start`; returns False, and does nothing, if it must be rebuilt."""
        return False

    def baths(self, step: int, own: Floats) -> Floats:  # noqa: ARG002
        """Contents of the baths after ``step`` steps: by default the simulation's ``own``."""
        return own

    def contents(self) -> Floats:
        """Amounts in all cells of the domain, net of debts, ``(species, cells)``."""
        raise ModelError("this continuum does not change its cells")

    def put(self, amounts: Floats) -> None:  # noqa: ARG002
        """The inverse of `contents`."""
        self.contents()

    def user_cells(self) -> Floats:
        """Concentrations on the cells of a user's continuum, ``(species, nx, ny, nz)``."""
        raise ModelError("the continuum is the package's; its cells are in `concentration`")

    def count(self, counts: RunCounts) -> None:  # noqa: B027
        """Add to the counts of a run without particles."""

    def copies(self, species: int) -> np.ndarray | None:  # noqa: ARG002
        """Discrete copies of a species on all cells ``(cells,)``, None for concentrations."""
        return None

    def copy_number(self, particles: np.ndarray) -> np.ndarray:
        """The copy number of a run: by default that of ``particles`` in the region."""
        return particles


class NoContinuum(Coupling):
    """Particles alone."""

    works = False, False

    def __init__(self, cells: int, species: int) -> None:
        self._cells, self._species = cells, species

    def contents(self) -> Floats:
        """Nothing."""
        return np.zeros((self._species, self._cells))

    def put(self, amounts: Floats) -> None:
        """There is nowhere to put anything."""

    def restart(self) -> bool:
        """There is nothing to go back."""
        return True

    def start(self, species: int, outside: Floats) -> None:
        """There is nothing outside."""

    def before(self, step: int, gates: list[Gate]) -> None:
        """There is nothing to do."""

    def after(self, step: int, credit: np.ndarray | None) -> None:
        """There is nothing to do."""

    def book(self, credit: np.ndarray | None) -> None:
        """There is nothing to book."""

    def partner(self, species: int, step: int) -> Floats:  # noqa: ARG002
        """No partners."""
        return np.zeros(self._cells)

    def fill(self, c: Floats, outside: np.ndarray, step: int) -> None:
        """There is nothing outside."""

    def total(self, copy_number: Floats, step: int) -> Floats:  # noqa: ARG002
        """The particles."""
        return copy_number

    def described(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def state(self) -> State:
        """Nothing."""
        return {}

    def load_state(self, state: State) -> None:
        """Nothing."""


class TwoWay(Coupling):
    """The continuum region in two-way exchange with the particles.

    Parameters
    ----------
    field
        Concentrations on the cells of the continuum, the package's or a user's.
    ledger
        The account of the amounts that it receives and owes.
    noise, reactions
        Fluctuations of its diffusion and of its reactions, if there are any.
    alone
        Whether there is no particle region.
    """

    def __init__(
        self,
        field: Field | UserField,
        ledger: Ledger,
        noise: Noise | None,
        reactions: ReactionNoise | None = None,
        alone: bool = False,
    ) -> None:
        self._field, self._ledger, self._noise, self._alone = field, ledger, noise, alone
        self._reactions = reactions
        self._known: CompiledContinuum | None = None

    def compiled(self, gates: list[Gate], exchange: Exchange) -> CompiledContinuum | None:
        """The line, rebuilt if its arrays have been replaced; None for other continua."""
        if self._noise is not None or self._reactions is not None or exchange.credit is None:
            return None
        if self._known is not None and self._known.line is not None:
            line, owed = self._known.line, [g.deficit for g in gates if g.reads_field]
            same = line.c is self._field.c and line.owed is self._ledger.owed
            if same and all(d is not None and d.base is line.openings.deficit for d in owed):
                return self._known
        found, reads = None, openings(gates, exchange)
        if reads is not None:
            slack = float(np.min(1.0 / self._field.volume))
            ledger = self._ledger
            parts = ledger.owed, exchange.credit, ledger.counts, reads, slack
            found = self._field.line(*parts)
        self._known = None if found is None else CompiledContinuum(found[0], None, found[1], True)
        return self._known

    def carry(self, step: int) -> None:
        """Take drifts that depend on time as they are in a step."""
        if self._known is not None and not self._field.carry(step):
            self._known = None

    def restart(self) -> bool:
        """Forget debts; a continuum with noise or baths, or a user's, must be rebuilt."""
        if self._noise is not None or self._reactions is not None or not self._field.restart():
            return False
        self._ledger.restart()
        return True

    def start(self, species: int, outside: Floats) -> None:
        """Take the initial concentration; a user's continuum has its own, and refuses."""
        self._field.start(species, outside)

    def before(self, step: int, gates: list[Gate]) -> None:
        """React for half a step, and set c_R of the gates."""
        self._react(step, 0)
        for gate in gates:
            if gate.stencil is not None:
                gate.set_two_way(self._ledger.effective(gate.species))

    def after(self, step: int, credit: np.ndarray | None) -> None:
        """Diffuse with the exchanged particles as a source, and react for half a step."""
        assert credit is not None
        self._ledger.diffuse(step, credit, self._noise)
        self._react(step, 1)
        self._field.show()

    def _react(self, step: int, half: int) -> None:
        if self._reactions is None:
            self._ledger.react(step)
        else:
            self._ledger.react_randomly(step, half, self._reactions)

    def book(self, credit: np.ndarray | None) -> None:
        """Take what reactions with partners in the continuum brought to the cells."""
        assert credit is not None
        self._ledger.apply(credit)

    def partner(self, species: int, step: int) -> Floats:  # noqa: ARG002
        """Concentration of a species on all cells."""
        return self._field.full(species)

    def fill(self, c: Floats, outside: np.ndarray, step: int) -> None:  # noqa: ARG002
        """Enter the concentrations on cells outside the region, net of what they owe."""
        np.copyto(c, self._ledger.concentration(), where=outside)

    def total(self, copy_number: Floats, step: int) -> Floats:  # noqa: ARG002
        """Particles + integral of the continuum - amount owed."""
        return np.asarray(copy_number + self._field.amounts() - self._ledger.total_owed())

    def copy_number(self, particles: np.ndarray) -> np.ndarray:
        """Number of particles in the region, the integral over the domain where there is none."""
        return self.total(np.zeros(len(particles)), 0) if self._alone else particles

    def described(self) -> dict[str, Any]:
        """Solvers, and what is owed."""
        return self._field.described() | self._ledger.described()

    def state(self) -> State:
        """Field and debts."""
        return self._field.state() | self._ledger.state()

    def load_state(self, state: State) -> None:
        """The inverse of `state`."""
        self._field.load_state(state)
        self._ledger.load_state(state)

    def contents(self) -> Floats:
        """Amounts in all cells of the domain, net of debts."""
        assert isinstance(self._field, Field)  # a user's cells do not change
        return np.asarray(self._ledger.concentration() * self._field.grid.volumes)

    def put(self, amounts: Floats) -> None:
        """Let the cells hold amounts; negative ones are owed."""
        assert isinstance(self._field, Field)
        self._ledger.put(amounts[:, self._field.active])

    def user_cells(self) -> Floats:
        """Concentrations on the cells of a user's continuum."""
        return self._field.user_cells()


class DiscreteCells(Coupling):
    """Discrete copies in the cells of the continuum region, exchanged one by one with particles.

    Parameters
    ----------
    field
        The copies.
    region
        The particle region, or one without a cell.
    alone
        Whether it has no cells, so that the run counts the events in the continuum.
    """

    def __init__(self, field: DiscreteField, region: Region, alone: bool) -> None:
        self._field, self._alone = field, alone
        self._number = {AXES[f.axis] + "-+"[f.side]: k for k, f in enumerate(region.faces)}
        self._counts: RunCounts | None = None

    def count(self, counts: RunCounts) -> None:
        """Let a run without particles count reactions in the cells and passages of walls."""
        if self._alone:
            self._counts, self._field.events = counts, counts.events

    def copies(self, species: int) -> np.ndarray | None:
        """Copies of a species on all cells."""
        return self._field.copies(species)

    def contents(self) -> Floats:
        """Copies in all cells of the domain."""
        rows = [self._field.copies(s) for s in range(len(self._field.n))]
        return np.array(rows, np.float64)

    def put(self, amounts: Floats) -> None:
        """Let the cells hold copies."""
        self._field.n[:] = np.rint(amounts[:, self._field.active])

    def copy_number(self, particles: np.ndarray) -> np.ndarray:
        """Number of particles in the region, or of copies in the domain without a region."""
        return self._field.amounts() if self._alone else particles

    def start(self, species: int, outside: Floats) -> None:
        """Take the initial copies, as a concentration."""
        self._field.start(species, outside)

    def before(self, step: int, gates: list[Gate]) -> None:
        """React and diffuse for half a step, and pass the copies beyond them to the gates."""
        self._field.react(step, 0)
        self._field.diffuse_first(step)
        for gate in gates:
            if gate.stencil is not None:
                gate.set_copies(self._field.n[gate.species], self._field.volumes)

    def after(self, step: int, credit: np.ndarray | None) -> None:
        """Receive the exchanged copies, finish diffusion, and react for half a step."""
        assert credit is not None
        self._field.receive(credit)
        self._field.diffuse(step)
        if self._counts is not None:
            for s, side, left, entered in self._field.passed():
                self._counts.crossings[s, self._number[side]] += left - entered
                self._counts.arrivals[s, self._number[side]] += entered
        self._field.react(step, 1)

    def book(self, credit: np.ndarray | None) -> None:
        """Take what reactions with partners in the cells brought and used."""
        assert credit is not None
        self._field.receive(credit)

    def partner(self, species: int, step: int) -> Floats:  # noqa: ARG002
        """Concentration of a species on all cells."""
        return self._field.full(species)

    def fill(self, c: Floats, outside: np.ndarray, step: int) -> None:  # noqa: ARG002
        """Enter the concentrations on cells outside the region."""
        np.copyto(c, self._field.concentration(), where=outside)

    def total(self, copy_number: Floats, step: int) -> Floats:  # noqa: ARG002
        """Particles and copies."""
        return np.asarray(copy_number + self._field.amounts())

    def described(self) -> dict[str, Any]:
        """Number of substeps of diffusion."""
        return self._field.described()

    def state(self) -> State:
        """The copies."""
        return self._field.state()

    def load_state(self, state: State) -> None:
        """The inverse of `state`."""
        self._field.load_state(state)


class GaussianCells(Coupling):
    """A continuum with Gaussian noise, with integer steps whenever some cell holds few copies.

    Gaussian numbers are wrong for few copies: they become negative, and are not skewed. So a step
    that begins with fewer than `FEW` copies of some species in some cell is taken in integer copy
    numbers, in all cells. Contents are then rounded, which changes no sum and no mean.

    Parameters
    ----------
    many
        The PDE with its noise.
    few
        Discrete copies in the same cells.
    field, ledger, copies
        State changed by the two: the concentrations and their debts, and the copies.
    numbers
        Numbers of the gates at the continuum for discrete copies, by species and face.
    """

    def __init__(
        self,
        many: TwoWay,
        few: DiscreteCells,
        field: Field,
        ledger: Ledger,
        copies: DiscreteField,
        numbers: dict[tuple[int, int], FaceNumbers],
    ) -> None:
        self._many, self._few_copies = many, few
        self._field, self._ledger, self._copies = field, ledger, copies
        self._beside_few, self._beside_many = numbers, dict[tuple[int, int], FaceNumbers]()
        self._few, self._whole_steps = False, 0

    def _contents(self) -> Floats:
        return np.asarray(self._field.c * self._field.volume - self._ledger.owed)

    def start(self, species: int, outside: Floats) -> None:
        """Take the initial copies, as a concentration."""
        self._many.start(species, outside)

    def before(self, step: int, gates: list[Gate]) -> None:
        """React for half a step, and pass the copies beyond them to the gates."""
        contents, copies = self._contents(), self._copies
        self._few = bool(contents.min(initial=FEW) < FEW)
        if self._few:
            self._whole_steps += 1
            for s, content in enumerate(contents):
                whole_copies(content, copies.active, copies.key, step, s, copies.n[s])
            owed = np.maximum(-copies.n, 0)
            copies.n += owed
            self._ledger.owed = owed.astype(np.float64)
        for gate in gates:
            where = gate.species, gate.face.index
            if gate.stencil is not None and gate.numbers is not None and where in self._beside_few:
                self._beside_many.setdefault(where, gate.numbers)
                gate.numbers = (self._beside_few if self._few else self._beside_many)[where]
        if self._few:
            self._few_copies.before(step, gates)
            self._show()
            return
        self._many.before(step, gates)
        contents = self._contents()
        for gate in gates:
            if gate.stencil is not None:
                gate.deficit = None
                gate.set_copies(contents[gate.species], copies.volumes)

    def after(self, step: int, credit: np.ndarray | None) -> None:
        """Receive the exchanged copies, diffuse, and react for half a step."""
        if self._few:
            self._few_copies.after(step, credit)
            self._show()
        else:
            self._many.after(step, credit)

    def _show(self) -> None:
        self._field.c[:] = self._copies.c

    def book(self, credit: np.ndarray | None) -> None:
        """Take what reactions with partners in the cells brought and used."""
        self._many.book(credit)

    def copies(self, species: int) -> np.ndarray | None:
        """Discrete copies of a species on all cells, None if all cells have many."""
        contents = self._contents()
        if contents.min(initial=FEW) >= FEW:
            return None
        there = np.zeros((1, self._field.grid.cells), np.int64)
        there[0, self._field.active] = np.maximum(np.floor(contents[species] + 1e-6), 0)
        return np.asarray(there[0])

    def partner(self, species: int, step: int) -> Floats:
        """Concentration of a species on all cells."""
        return self._many.partner(species, step)

    def fill(self, c: Floats, outside: np.ndarray, step: int) -> None:
        """Enter the concentrations on cells outside the region, net of what they owe."""
        self._many.fill(c, outside, step)

    def total(self, copy_number: Floats, step: int) -> Floats:
        """Particles + integral of the continuum - amount owed."""
        return self._many.total(copy_number, step)

    def copy_number(self, particles: np.ndarray) -> np.ndarray:
        """Number of particles in the region, the integral over the domain where there is none."""
        return self._many.copy_number(particles)

    def described(self) -> dict[str, Any]:
        """Solvers, amounts owed, and the number of steps in integer copy numbers."""
        return self._many.described() | {"steps_of_whole_copies": self._whole_steps}

    def state(self) -> State:
        """Field and debts, and the number of steps in integer copy numbers."""
        return self._many.state() | {"whole_steps": np.array(self._whole_steps)}

    def load_state(self, state: State) -> None:
        """The inverse of `state`. Raises ResultError."""
        self._many.load_state(state)
        # absent in the state of a PDE, which may be restored on request
        known = "whole_steps" in state
        self._whole_steps = stored_count(state, "whole_steps") if known else 0

    def contents(self) -> Floats:
        """Amounts in all cells of the domain, net of debts."""
        return self._many.contents()

    def put(self, amounts: Floats) -> None:
        """Let the cells hold amounts; negative ones are owed."""
        self._many.put(amounts)


class MeanField(Coupling):
    """A mean-field reservoir: a PDE on the whole domain, independent of the particles.

    Parameters
    ----------
    window
        Its values, solved together with the particles or once for many replicas.
    volumes
        Volume of each cell of the domain.
    outside
        The cells outside the particle region.
    """

    def __init__(self, window: Window, volumes: Floats, outside: np.ndarray) -> None:
        self._window, self._volumes, self._outside = window, volumes, outside

    def compiled(self, gates: list[Gate], exchange: Exchange) -> CompiledContinuum | None:
        """The solved mean field, or the line on which it is solved; None for others."""
        return self._window.compiled(gates, exchange)

    def carry(self, step: int) -> None:
        """Take drifts that depend on time as they are in a step."""
        self._window.carry(step)

    def restart(self) -> bool:
        """A solved mean field need not go back; one that is being solved must be rebuilt."""
        return self._window.solved

    def start(self, species: int, outside: Floats) -> None:
        """Ignored: it starts from the expected concentrations; a user's continuum refuses."""
        self._window.start(species, outside)

    def before(self, step: int, gates: list[Gate]) -> None:
        """Take the whole step of the PDE, and set c_R of the gates."""
        self._window.advance(step, gates)

    def after(self, step: int, credit: np.ndarray | None) -> None:  # noqa: ARG002
        """Pass the concentrations to a user's continuum."""
        self._window.show()

    def book(self, credit: np.ndarray | None) -> None:
        """It takes no notice."""

    def partner(self, species: int, step: int) -> Floats:
        """Concentration of a species where partners may be."""
        return self._window.partner(species, step)

    def fill(self, c: Floats, outside: np.ndarray, step: int) -> None:
        """Enter the concentrations on cells outside the region."""
        np.copyto(c, self._window.concentration(step), where=outside)

    def total(self, copy_number: Floats, step: int) -> Floats:
        """Particles + integral of the PDE outside the particle region."""
        amounts = (self._window.concentration(step) * self._volumes)[:, self._outside]
        return np.asarray(copy_number + amounts.sum(axis=1))

    def baths(self, step: int, own: Floats) -> Floats:
        """Contents of the baths of the PDE after ``step`` steps."""
        return self._window.baths(step, own)

    def described(self) -> dict[str, Any]:
        """Solvers of the PDE."""
        return self._window.described()

    def state(self) -> State:
        """The PDE. Raises ResultError where replicas share it."""
        return self._window.state()

    def load_state(self, state: State) -> None:
        """The inverse of `state`."""
        self._window.load_state(state)

    def user_cells(self) -> Floats:
        """Concentrations on the cells of a user's continuum."""
        return self._window.user_cells()


def make_continuum(
    plan: Plan,
    gates: list[Gate],
    baths: Baths,
    key: np.uint64,
    solver: str,
    user: Continuum | None,
    shared: Window | None,
    assembly: Assembly = assemble,
) -> Coupling:
    """Make the continuum of a simulation; ``shared`` is a mean field solved for many replicas.

    ``assembly`` makes FiPy's linear systems.

    Raises
    ------
    CapacityError
        If there is no memory for it.
    """
    named = solver != "auto" and user is None and shared is None
    if named and plan.coupling != "none":  # the memory of "auto" was estimated with the plan
        kept = [part for part in plan.memory.parts if not part.continuum]
        check_fits([*kept, continuum_part(plan.system, plan.dt, solver)])
    with naming("the continuum", "use fewer cells"):
        return _make(plan, gates, baths, key, solver, user, shared, assembly)


def _make(
    plan: Plan,
    gates: list[Gate],
    baths: Baths,
    key: np.uint64,
    solver: str,
    user: Continuum | None,
    shared: Window | None,
    assembly: Assembly = assemble,
) -> Coupling:
    system, dt, region = plan.system, plan.dt, plan.region
    assert region is not None
    two_way = plan.coupling == "two-way"
    user_field = None
    if user is not None and plan.user_cells is not None:
        user_field = UserField(user, system, dt, plan.user_cells, two_way)
    if two_way and user_field is None and system.fluctuations is not None:
        alone = system.particles is None
        discrete = DiscreteField(system, dt, key, region.mask, baths, assembly, not alone)
        if not system.correct_pairs:  # which have no partners but those in cells
            discrete.scale_pairs(pair_factors(plan))
        else:
            from hybridrd.simulation.wall_pairs import WallPairs  # loads `cdme`

            discrete.react_beyond(WallPairs(system, discrete.position, discrete.volumes))
        for gate in gates:
            gate.to_active(discrete.position)
            gate.binomial = gate.stencil is not None
        whole = DiscreteCells(discrete, region, alone)
        if system.fluctuations == "discrete":
            return whole
        field = Field(system, dt, region.mask, solver, baths, assembly, plan.drifts)
        field.scale_pairs(pair_factors(plan))
        field.fluctuates = True
        ledger = Ledger(field)
        reactions = ReactionNoise(system, field, key) if system.channels else None
        many = TwoWay(field, ledger, Noise(discrete), reactions, alone)
        return GaussianCells(many, whole, field, ledger, discrete, plan.beside_copies())
    if two_way:
        made = user_field or Field(system, dt, region.mask, solver, baths, assembly, plan.drifts)
        made.scale_pairs(pair_factors(plan))
        if isinstance(made, Field):
            for gate in gates:
                gate.to_active(made.position)
        return TwoWay(made, Ledger(made), None, None, system.particles is None)
    window: Window | None = None if user_field is None else LiveWindow(user_field, user_field.start)
    if window is None and plan.coupling == "mean-field":
        window = shared
        if window is None:
            window, field = live_window(system, dt, solver, baths, plan.drifts)
            for gate in gates:
                gate.to_active(field.position)
    if window is None:
        return NoContinuum(region.grid.cells, len(system.species))
    return MeanField(window, region.grid.volumes, region.parts.outside)


def cells_of_user(continuum: Continuum | None, solver: str) -> RectilinearCells | None:
    """The cells of a user's continuum, if there is one. Raises ModelError."""
    if continuum is None:
        return None
    if not isinstance(continuum, Continuum):
        raise ModelError(
            f"continuum = {continuum!r}: give a FiPyContinuum, or an object of a class of yours "
            f"that derives from hybridrd.Continuum"
        )
    if solver != "auto":
        raise ModelError(f"solver = {solver!r} is for the package's own PDE; leave it out")
    edges = continuum.edges
    if edges is None or isinstance(edges, str) or not hasattr(edges, "__len__"):
        raise ModelError(
            f"the edges of {type(continuum).__name__}: {edges!r}; give the cell faces along each "
            f"axis, as in ([0.0, 1.0, 2.0],)"
        )
    return RectilinearCells.between(edges, f"the edges of {type(continuum).__name__}")
