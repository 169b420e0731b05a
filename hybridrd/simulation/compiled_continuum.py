"""Continua as compiled steps take them: lines, and mean fields that have been solved."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hybridrd.continuum._line import Line, MassActionRates, Openings, padded
from hybridrd.coupling.exchange import Exchange
from hybridrd.coupling.face_exchange import Gate
from hybridrd.coupling.stencil import Stencil
from hybridrd.kernels._jit import jit
from hybridrd.kernels.cascade import Meetings
from hybridrd.kernels.groups import DONE


class Recorded(NamedTuple):
    """A solved mean field: c_R of all gates at every step.

    Parameters
    ----------
    values
        ``(steps, 2, face cells)``: before and after each step's diffusion.
    at, start, end
        The place of each of these face cells in ``start`` and ``end``, -1 for none.
    near, strip
        Concentration where partners of particles may be, ``(steps + 1, species asked for, cells)``,
        and these cells.
    """

    values: np.ndarray
    at: np.ndarray
    start: np.ndarray
    end: np.ndarray
    near: np.ndarray
    strip: np.ndarray


@jit
def read_recorded(recorded: Recorded, step: int) -> int:
    """Take c_R of a step; extrapolation may undershoot, a concentration cannot."""
    for j in range(recorded.at.shape[0]):
        if recorded.at[j] >= 0:
            recorded.start[recorded.at[j]] = max(recorded.values[step, 0, j], 0.0)
            recorded.end[recorded.at[j]] = max(recorded.values[step, 1, j], 0.0)
    return DONE


@jit
def read_recorded_partners(recorded: Recorded, meetings: Meetings, step: int) -> int:
    """Take the concentrations that partners of particles have after so many steps."""
    beyond = meetings.beyond
    for row in range(beyond.rows.shape[0]):
        asked = beyond.rows[row, 1]
        beyond.most[row] = 0.0
        for k in range(beyond.starts[row], beyond.starts[row + 1]):
            cell = beyond.strips[k]
            c = recorded.near[step, asked, np.searchsorted(recorded.strip, cell)]
            beyond.c[asked, cell] = c
            beyond.most[row] = max(beyond.most[row], c)
    return DONE


class CompiledContinuum(NamedTuple):
    """What compiled stages take of a continuum.

    Parameters
    ----------
    line, two_way
        A line, see `hybridrd.continuum._line`; whether it is in two-way coupling.
    recorded
        A mean field that has been solved.
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
    cells, weights = padded([(s.cells[0], s.weights) for s in stencils])
    return Openings(species, at, cells, weights, deficit, exchange.start, exchange.end)
