"""The state of a simulation as arrays by name: what a checkpoint holds."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hybridrd.arrays import State, stored
from hybridrd.continuum.field import Field
from hybridrd.coupling.face_exchange import Gate
from hybridrd.coupling.ledger import Ledger
from hybridrd.coupling.user_field import OwnField
from hybridrd.particles.particles import Particles


def particles_state(name: str, group: Particles) -> State:
    """Positions and ids of one species, in the order they are stored in."""
    n = group.n
    return {f"positions/{name}": group.x[:, :n].copy(), f"ids/{name}": group.ids[:n].copy()}


def load_particles(state: State, name: str, group: Particles) -> None:
    """Put the particles of a species in the place of those that are there."""
    ids = stored(state, f"ids/{name}").astype(np.uint64)
    x = stored(state, f"positions/{name}", (group.x.shape[0], len(ids)))
    group.n = 0
    group.append(x, ids)


def continuum_state(
    field: Field | OwnField | None, ledger: Ledger | None, gates: Iterable[Gate]
) -> State:
    """The field, what it owes, and the memory of the gates to it."""
    state: State = {}
    if isinstance(field, OwnField):
        state |= field.state()
    elif field is not None:
        state["field/c"] = field.c.copy()
        state["field/fallbacks"] = np.array([d.fallbacks for d in field.diffusion])
    if ledger is not None:
        state["owed"] = ledger.owed.copy()
        state["overdrafts"] = np.array(ledger.overdrafts)
    for gate in gates:
        if gate.memory is not None and gate.owed is not None:
            state[f"gate/{gate.where}/memory"] = gate.memory.copy()
            state[f"gate/{gate.where}/owed"] = gate.owed.copy()
    return state


def load_continuum(
    state: State, field: Field | OwnField | None, ledger: Ledger | None, gates: Iterable[Gate]
) -> None:
    """Set field, debts and gates to what `continuum_state` gave."""
    if isinstance(field, OwnField):
        field.load_state(state)
    elif field is not None:
        field.c = stored(state, "field/c", field.c.shape).astype(float)
        counts = stored(state, "field/fallbacks", (len(field.diffusion),))
        for diffusion, count in zip(field.diffusion, counts, strict=True):
            diffusion.fallbacks = int(count)
    if ledger is not None:
        ledger.owed = stored(state, "owed", ledger.owed.shape).astype(float)
        ledger.overdrafts = int(stored(state, "overdrafts", ()))
    for gate in gates:
        kept = f"gate/{gate.where}/"
        if gate.stencil is not None and kept + "memory" in state:
            gate.memory = stored(state, kept + "memory", (gate.face.size,)).copy()
            gate.owed = stored(state, kept + "owed", (gate.face.size,)).copy()
