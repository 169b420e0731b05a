"""Numbers of arrivals by the rules of published scripts."""

from __future__ import annotations

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.interface import FaceNumbers
from hybridrd.kernels.binomial import binomial_numbers
from hybridrd.kernels.poisson import poisson_numbers
from hybridrd.kernels.rng import INJECTION, stream_key


def injected_numbers(
    contents: Floats, numbers: FaceNumbers, key: np.uint64, address: np.uint64, step: int, half: int
) -> Integers:
    """Numbers that enter from each cell of a mirror layer in half a step, ``(cells,)``.

    See `hybridrd.interface.Published`.

    Parameters
    ----------
    contents
        c_R V of the cells.
    """
    rate = 0.5 * numbers.alpha
    drawn, counts = np.zeros((2, len(contents)), np.int64)
    where = address, step, INJECTION, drawn
    if numbers.leaps == 0:
        whole = np.floor(contents)
        binomial_numbers(whole, -np.expm1(-rate), stream_key(key, 0, half, 0), *where)
        counts += drawn
        # The fraction of a copy enters if a Poisson number of its rate is not 0.
        poisson_numbers(rate * (contents - whole), stream_key(key, 0, half, 1), *where)
        return np.asarray(counts + (drawn > 0))
    for leap in range(numbers.leaps):
        left = np.maximum(contents - counts, 0.0)
        poisson_numbers(left * (rate / numbers.leaps), stream_key(key, leap, half, 0), *where)
        counts += drawn
    return counts
