"""Continua of compiled steps: lines, and solved mean fields."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hybridrd.continuum._line import Line, MassActionRates, Openings, padded
from hybridrd.continuum._recorded import Recorded
from hybridrd.coupling.exchange import Exchange
from hybridrd.coupling.face_exchange import Gate
from hybridrd.coupling.stencil import Stencil


class CompiledContinuum(NamedTuple):
    """Arrays of a continuum for compiled stages.

    Parameters
    ----------
    line, two_way
        A line, see `hybridrd.continuum._line`; whether it is in two-way coupling.
    recorded
        A solved mean field.
    rates
        Reactions on the line that are not linear.
    """

    line: Line | None = None
    recorded: Recorded | None = None
    rates: MassActionRates | None = None
    two_way: bool = False


def openings(gates: list[Gate], exchange: Exchange) -> Openings | None:
    """Gates that read the continuum, as compiled steps on a line take them.

    None if one of them reads a bath or a user's cells.
    """
    open_gates = [g for g in gates if g.reads_field]
    stencils = [g.stencil for g in open_gates if isinstance(g.stencil, Stencil)]
    if len(stencils) < len(open_gates) or any(g.face.size > 1 for g in open_gates):
        return None
    for gate in open_gates:
        if gate.deficit is None:
            gate.deficit = np.zeros(1)
    deficit = np.array([g.deficit[0] for g in open_gates if g.deficit is not None])
    for g, gate in enumerate(open_gates):
        gate.deficit = deficit[g : g + 1]
    species = np.array([g.species for g in open_gates], np.int64)
    at = np.array([exchange.place(g) for g in open_gates], np.int64)
    cells, weights = padded([(s.cells[0], s.weights.ravel()) for s in stencils])
    return Openings(species, at, cells, weights, deficit, exchange.start, exchange.end)
