"""The mean-field reservoir: a PDE on the whole domain, into which the particle region is a window.

It takes no notice of the particles, so that replicas may share one solution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats, Integers
from hybridrd.continuum.field import Field
from hybridrd.coupling.face_exchange import Gate
from hybridrd.coupling.user_field import OwnField
from hybridrd.model.system import System
from hybridrd.particles.initial_state import mean_concentration
from hybridrd.simulation.plan import Plan


class MeanField(Protocol):
    """What a simulation asks of its mean-field reservoir."""

    def advance(self, step: int, gates: list[Gate]) -> None:
        """Take the step from ``step`` and set c_R of all gates to the continuum."""

    def concentration(self, step: int) -> Floats:
        """The field after ``step`` steps, ``(species, cells)``."""

    def partner(self, species: int, step: int) -> Floats:
        """A species after ``step`` steps ``(cells,)``, right where partners may be."""


def start_field(system: System, field: Field) -> None:
    """Set a field to the expected initial concentrations."""
    for s in range(len(system.species)):
        field.c[s] = mean_concentration(system, s)[field.active]


class LiveWindow:
    """Solves the PDE beside the particles."""

    def __init__(self, system: System, dt: float, solver: str = "auto") -> None:
        self.field = Field(system, dt, solver=solver)
        start_field(system, self.field)

    def advance(self, step: int, gates: list[Gate]) -> None:
        _advance(self.field, step, gates)

    def concentration(self, step: int) -> Floats:  # noqa: ARG002
        return self.field.c

    def partner(self, species: int, step: int) -> Floats:  # noqa: ARG002
        return np.asarray(self.field.c[species])


class OwnWindow:
    """A continuum of one's own as mean-field reservoir."""

    def __init__(self, field: OwnField) -> None:
        self.field = field

    def advance(self, step: int, gates: list[Gate]) -> None:
        _advance(self.field, step, gates)

    def concentration(self, step: int) -> Floats:  # noqa: ARG002
        return self.field.concentration()

    def partner(self, species: int, step: int) -> Floats:  # noqa: ARG002
        return self.field.full(species)


def _advance(field: Field | OwnField, step: int, gates: list[Gate]) -> None:
    """A step of the continuum, c_R of the gates before and after its diffusion."""
    field.react(step)
    open_gates = [g for g in gates if g.stencil is not None]
    before = [_read(g, field) for g in open_gates]
    field.diffuse(step)
    for gate, first in zip(open_gates, before, strict=True):
        gate.set_one_way(first, _read(gate, field))
    field.react(step)


def _read(gate: Gate, field: Field | OwnField) -> Floats:
    assert gate.stencil is not None
    return gate.stencil.read(field.c[gate.species])


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
        Cells where partners of particles may be, and the concentration there,
        ``(steps + 1, species, strip)``, of the species in ``partners``.
    """

    values: NDArray[np.float64]
    fields: dict[int, Floats]
    strip: Integers
    near: NDArray[np.float64]
    partners: tuple[int, ...]

    def advance(self, step: int, gates: list[Gate]) -> None:
        at = 0
        for gate in gates:
            if gate.stencil is not None:
                n = gate.face.size
                before, after = self.values[step, :, at : at + n]
                gate.set_one_way(before, after)
                at += n

    def concentration(self, step: int) -> Floats:
        return self.fields[step]

    def partner(self, species: int, step: int) -> Floats:
        full = np.zeros(self.fields[0].shape[1])
        full[self.strip] = self.near[step, self.partners.index(species)]
        return full


def record_window(plan: Plan, steps: int, stride: int) -> RecordedWindow:
    """Solve the mean field once for many replicas; fields are kept every ``stride`` steps."""
    live = LiveWindow(plan.system, plan.dt)
    gates = plan.gates()
    partners = plan.partners(gates)
    asked, strip = partners.species, partners.strip
    open_gates = [g for g in gates if g.stencil is not None]
    values = np.empty((steps, 2, sum(g.face.size for g in open_gates)))
    near = np.empty((steps + 1, len(asked), len(strip)))
    near[0] = live.field.c[np.ix_(np.array(asked, np.int64), strip)]
    fields = {0: live.field.c.copy()}
    for step in range(steps):
        live.advance(step, gates)
        if open_gates:
            values[step, 0] = np.concatenate([g.start for g in open_gates])
            values[step, 1] = np.concatenate([g.end for g in open_gates])
        near[step + 1] = live.field.c[np.ix_(np.array(asked, np.int64), strip)]
        if (step + 1) % stride == 0 or step + 1 == steps:
            fields[step + 1] = live.field.c.copy()
    return RecordedWindow(values, fields, strip, near, asked)
