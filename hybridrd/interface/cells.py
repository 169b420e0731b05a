"""Exchange of copies between cells: probabilities, and the offset at which c_R is read."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from hybridrd.arrays import Floats

#: Largest ``(k_ij + k_ji) t`` of one substep.
LARGEST_RATE = 0.5
_LINE = 48  # number of cells, many more than the disturbance of the first reaches


def parts_of_step(rate: float, dt: float) -> int:
    """Number of equal substeps, for the largest ``k_ij + k_ji`` of two cells (1/time).

    Examples
    --------
    >>> parts_of_step(2.0, 0.25), parts_of_step(2.0, 0.3)
    (1, 2)
    """
    return max(1, math.ceil(rate * dt / LARGEST_RATE - 1e-9))


def relaxation(rate: Floats, t: float) -> Floats:
    """Fraction of the difference of two cells that remains after t, for ``k_ij + k_ji`` (1/time).

    ``(1 - x)/(1 + x)`` with ``x = rate t/2``, in place of ``exp(-2 x)``: as faces exchange one
    after another, a linear profile then carries the exact flux; with the exponential it would be
    low by ``x²/3``, 2 % at the largest step. The error of a blob four cells wide is a third.

    Examples
    --------
    >>> relaxation(np.array([2.0]), 0.25)
    array([0.6])
    """
    x = 0.5 * rate * t
    return np.asarray((1.0 - x) / (1.0 + x))


@lru_cache(maxsize=1024)
def first_cell_offset(alpha: float) -> float:
    """Distance outside the plane at which the first cell's content is c_R, in cell widths.

    Half a width, and more for longer steps: copies received in an exchange have diffused for a
    whole step when the cell is read next, which adds ``alpha/2`` widths for small steps.
    From the steady profile of a line of cells that receives a constant flux before each step.

    Parameters
    ----------
    alpha
        D dt/h².

    Examples
    --------
    >>> round(first_cell_offset(0.01), 4), round(first_cell_offset(0.25), 4)
    (0.505, 0.633)
    """
    return 0.5 * (_offset(alpha, 0) + _offset(alpha, 1))


def _offset(alpha: float, colour: int) -> float:
    parts = parts_of_step(2.0 * alpha, 1.0)
    kept = float(relaxation(np.array([2.0 * alpha]), 1.0 / parts)[0])

    def exchange(colour: int, kept: float) -> Floats:
        p, step = 0.5 * (1.0 - kept), np.eye(_LINE)
        for i in range(colour, _LINE - 1, 2):
            step[i : i + 2, i : i + 2] += p * np.array([[-1.0, 1.0], [1.0, -1.0]])
        return step

    outer = exchange(colour, math.sqrt(kept))
    step = np.linalg.matrix_power(outer @ exchange(1 - colour, kept) @ outer, parts)
    flux = np.zeros(_LINE)
    flux[0], flux[-1] = alpha, -alpha
    sum_to_zero = np.vstack([np.eye(_LINE) - step, np.ones(_LINE)])
    c = np.linalg.lstsq(sum_to_zero, np.append(step @ flux, 0.0), rcond=None)[0]
    middle = slice(_LINE // 2 - 8, _LINE // 2 + 8)
    slope, value = np.polyfit(np.arange(_LINE)[middle] + 0.5, c[middle], 1)
    return float((c[0] - value) / slope)
