"""Mean-field reservoir: a PDE on the whole domain, into which the particle region is a window.

It does not depend on the particles, so replicas may share one solution.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats, Integers, State
from hybridrd.continuum._recorded import Recorded
from hybridrd.continuum.baths import Baths
from hybridrd.continuum.field import Field
from hybridrd.coupling.exchange import Exchange
from hybridrd.coupling.face_exchange import Gate
from hybridrd.coupling.user_field import UserField
from hybridrd.errors import ModelError, ResultError
from hybridrd.model.drift import Drift
from hybridrd.model.system import System
from hybridrd.particles.initial_state import mean_concentration
from hybridrd.simulation.compiled_continuum import CompiledContinuum, openings
from hybridrd.simulation.plan import Plan


class Window(Protocol):
    """Interface of the mean-field reservoir of a simulation.

    Attributes
    ----------
    solved
        Whether it is solved in advance, for all steps.
    """

    @property
    def solved(self) -> bool: ...

    def start(self, species: int, outside: Floats) -> None:
        """Receive the initial concentration outside the region, ``(cells,)``."""

    def advance(self, step: int, gates: list[Gate]) -> None:
        """Take the step from ``step`` and set c_R of all gates to the continuum."""

    def concentration(self, step: int) -> Floats:
        """The field after ``step`` steps, ``(species, cells)``."""

    def partner(self, species: int, step: int) -> Floats:
        """A species after ``step`` steps ``(cells,)``, right where partners may be."""

    def baths(self, step: int, own: Floats) -> Floats:
        """Contents of the baths after ``step`` steps; those of the simulation are ``own``."""

    def compiled(self, gates: list[Gate], exchange: Exchange) -> CompiledContinuum | None:
        """Arrays for compiled steps in place of `advance` and `show`; None if there are none."""

    def carry(self, step: int) -> None:
        """Take drifts that depend on time as they are in a step, for compiled steps."""

    def show(self) -> None:
        """Pass the concentrations to a user's continuum."""

    def user_cells(self) -> Floats:
        """Concentrations on a user's cells. Raises ModelError if there are none."""

    def described(self) -> dict[str, Any]:
        """Its kind, for the diagnostics of a result."""

    def state(self) -> State:
        """The field, as arrays by name. Raises ResultError if replicas share it."""

    def load_state(self, state: State) -> None:
        """The inverse of `state`."""


def start_field(system: System, field: Field) -> None:
    """Set a field to the expected initial concentrations."""
    for s in range(len(system.species)):
        field.start(s, mean_concentration(system, s))


class LiveWindow:
    """A field solved together with the particles.

    Parameters
    ----------
    field
        The package's, or a user's.
    start
        Receives the initial state outside the particle region; a user's field refuses it,
        the package's PDE has its own.
    """

    solved = False

    def __init__(self, field: Field | UserField, start: Callable[[int, Floats], None]) -> None:
        self._field, self.start = field, start
        self._known: CompiledContinuum | None = None
        self.show, self.user_cells = field.show, field.user_cells
        self.described, self.state, self.load_state = field.described, field.state, field.load_state

    def compiled(self, gates: list[Gate], exchange: Exchange) -> CompiledContinuum | None:
        """The line, rebuilt if its arrays have been replaced."""
        known, field = self._known, self._field
        if known is not None and known.line is not None and known.line.c is field.c:
            return known
        found, reads = None, openings(gates, exchange)
        if reads is not None:
            for gate in gates:
                gate.deficit = None
            nothing = np.zeros(field.c.shape, np.int64)
            parts = np.zeros_like(field.c), nothing, np.zeros(1, np.int64), reads, 0.0
            found = field.line(*parts)
        self._known = None if found is None else CompiledContinuum(found[0], None, found[1])
        return self._known

    def carry(self, step: int) -> None:
        """Take drifts that depend on time as they are in a step."""
        if self._known is not None and not self._field.carry(step):
            self._known = None

    def advance(self, step: int, gates: list[Gate]) -> None:
        """A step of the field, c_R of the gates before and after its diffusion."""
        field = self._field
        field.react(step)
        open_gates = [g for g in gates if g.reads_field]
        before = [g.read(field.c[g.species]) for g in open_gates]
        field.diffuse(step)
        for gate, first in zip(open_gates, before, strict=True):
            gate.set_one_way(first, gate.read(field.c[gate.species]))
        field.react(step)

    def concentration(self, step: int) -> Floats:  # noqa: ARG002
        """The current field, ``(species, cells)``."""
        return self._field.concentration()

    def partner(self, species: int, step: int) -> Floats:  # noqa: ARG002
        """The current concentration of a species, ``(cells,)``."""
        return self._field.full(species)

    def baths(self, step: int, own: Floats) -> Floats:  # noqa: ARG002
        """Contents of the baths, which are those of the field."""
        return own


def live_window(
    system: System,
    dt: float,
    solver: str = "auto",
    baths: Baths | None = None,
    drifts: Sequence[Drift | None] = (),
) -> tuple[LiveWindow, Field]:
    """The package's PDE on the whole domain, from the expected initial concentrations."""
    field = Field(system, dt, solver=solver, baths=baths, drifts=drifts)
    start_field(system, field)
    return LiveWindow(field, lambda species, outside: None), field  # noqa: ARG005


@dataclass(frozen=True)
class RecordedWindow:
    """A solved mean field: c_R of all gates at every step, fields at the record times.

    Parameters
    ----------
    values
        ``(steps, 2, face cells of all gates)``: before and after each step's diffusion.
    fields
        Concentration ``(species, cells)`` by number of steps.
    strip, near
        Cells that may hold partners of particles, and the concentration there,
        ``(steps + 1, species, strip)``, of the species in ``partners``.
    held
        Contents of the baths, ``(steps + 1, baths)``.
    """

    values: NDArray[np.float64]
    fields: dict[int, Floats]
    strip: Integers
    near: NDArray[np.float64]
    partners: tuple[int, ...]
    held: NDArray[np.float64]

    solved: ClassVar[bool] = True

    def start(self, species: int, outside: Floats) -> None:
        """It has started."""

    def carry(self, step: int) -> None:
        """It has been solved."""

    def show(self) -> None:
        """There is no user's continuum."""

    def user_cells(self) -> Floats:
        """There are none. Raises ModelError."""
        raise ModelError("the continuum is the package's; its cells are in `concentration`")

    def described(self) -> dict[str, Any]:
        """Nothing: the ensemble reports it."""
        return {}

    def state(self) -> State:
        """Raises ResultError: the field is not this replica's."""
        raise ResultError(
            "this replica shares the mean field of an ensemble, which no checkpoint of it can hold"
        )

    def load_state(self, state: State) -> None:  # noqa: ARG002
        """Raises ResultError: the field is not this replica's."""
        self.state()

    def compiled(self, gates: list[Gate], exchange: Exchange) -> CompiledContinuum | None:
        """The values at the gates."""
        at: list[int] = []
        for gate in gates:
            if gate.reads_field:
                first, n = exchange.place(gate), gate.face.size
                at += [-1] * n if first < 0 else range(first, first + n)
        where = np.array(at, np.int64)
        recorded = Recorded(self.values, where, exchange.start, exchange.end, self.near, self.strip)
        return CompiledContinuum(recorded=recorded)

    def advance(self, step: int, gates: list[Gate]) -> None:
        """Set c_R of all gates to the values of the step."""
        at = 0
        for gate in gates:
            if gate.reads_field:
                n = gate.face.size
                before, after = self.values[step, :, at : at + n]
                gate.set_one_way(before, after)
                at += n

    def concentration(self, step: int) -> Floats:
        """The field after a number of steps, ``(species, cells)``."""
        return self.fields[step]

    def partner(self, species: int, step: int) -> Floats:
        """A species after a number of steps ``(cells,)``, correct where partners may be."""
        full = np.zeros(self.fields[0].shape[1])
        full[self.strip] = self.near[step, self.partners.index(species)]
        return full

    def baths(self, step: int, own: Floats) -> Floats:  # noqa: ARG002
        """Contents of the baths after a number of steps."""
        return np.asarray(self.held[step])


def _strip_values(field: Field, asked: tuple[int, ...], strip: Integers) -> Floats:
    """Concentrations of some species on some cells of the domain, ``(species, cells)``."""
    return np.array([field.full(s)[strip] for s in asked]).reshape(len(asked), len(strip))


def record_window(plan: Plan, steps: int, stride: int) -> RecordedWindow:
    """Solve the mean field once for many replicas; fields are kept every ``stride`` steps."""
    live, field = live_window(plan.system, plan.dt, drifts=plan.drifts)
    gates = plan.gates(field.baths)
    partners = plan.partners(gates)
    asked, strip = partners.species, partners.strip
    open_gates = [g for g in gates if g.reads_field]
    values = np.empty((steps, 2, sum(g.face.size for g in open_gates)))
    near = np.empty((steps + 1, len(asked), len(strip)))
    near[0] = _strip_values(field, asked, strip)
    for gate in gates:
        gate.to_active(field.position)
    fields, held = {0: field.concentration()}, [field.baths.amounts]
    for step in range(steps):
        live.advance(step, gates)
        if open_gates:
            values[step, 0] = np.concatenate([g.start for g in open_gates])
            values[step, 1] = np.concatenate([g.end for g in open_gates])
        held.append(field.baths.amounts)
        near[step + 1] = _strip_values(field, asked, strip)
        if (step + 1) % stride == 0 or step + 1 == steps:
            fields[step + 1] = field.concentration()
    return RecordedWindow(values, fields, strip, near, asked, np.array(held))
