"""Mean fields that have been solved, as compiled steps read them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

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
