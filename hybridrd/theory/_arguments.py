"""Arguments of the closed forms: times, positions and their ratio."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrd.arguments import number
from hybridrd.errors import ModelError

Floats = NDArray[np.float64]


def times(t: ArrayLike) -> Floats:
    """Times as an array. Raises ModelError if one is negative or not a number."""
    time = np.asarray(t, dtype=np.float64)
    if (time >= 0).all():
        return time
    raise ModelError(f"t = {t!r}: times are not negative")


def inside(x: ArrayLike, low: float, high: float) -> Floats:
    """Positions as an array. Raises ModelError if one is not between ``low`` and ``high``."""
    place, slack = np.asarray(x, dtype=np.float64), 1e-12 * (high if high < math.inf else 0)
    if ((place >= low - slack) & (place <= high + slack)).all():
        return place
    raise ModelError(f"position {x!r}: it lies between {low:g} and {high:g}")


def scaled(x: ArrayLike, time: Floats, D: float) -> Floats:
    """``x/sqrt(4 D t)``; at t = 0 infinite with the sign of x, or 0 if x is 0."""
    place, time = np.broadcast_arrays(np.asarray(x, dtype=np.float64), time)
    root = np.sqrt(4 * number(D, "D", strict=True) * time)
    ratio = np.where(place == 0, 0.0, np.copysign(np.inf, place))
    np.divide(place, root, out=ratio, where=root > 0)
    return ratio
