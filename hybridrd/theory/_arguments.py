"""Arguments of the closed forms: times, positions and their ratio."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrd.arguments import LARGEST, SMALLEST, number, real_array, shown
from hybridrd.errors import ModelError

Floats = NDArray[np.float64]


def times(t: ArrayLike) -> Floats:
    """Times as an array. Raises ModelError if one is negative or not a number."""
    time = real_array(t, "t")
    if ((time == 0) | ((time >= SMALLEST) & (time <= LARGEST))).all():
        return time
    raise ModelError(
        f"t = {shown(t)}: times are not negative; 0, or between {SMALLEST:g} and {LARGEST:g}"
    )


def inside(x: ArrayLike, low: float, high: float) -> Floats:
    """Positions as an array. Raises ModelError if one is not between ``low`` and ``high``."""
    place, slack = real_array(x, "position"), 1e-12 * (high if high < math.inf else 0)
    if ((place >= low - slack) & (place <= min(high + slack, LARGEST))).all():
        return place
    raise ModelError(f"position {shown(x)}: it lies between {low:g} and {high:g}")


def scaled(x: ArrayLike, time: Floats, D: float) -> Floats:
    """``x/sqrt(4 D t)``; at t = 0 infinite with the sign of x, or 0 if x is 0."""
    place, time = np.broadcast_arrays(real_array(x, "position"), time)
    root = np.sqrt(4 * number(D, "D", strict=True) * time)
    ratio = np.where(place == 0, 0.0, np.copysign(np.inf, place))
    np.divide(place, root, out=ratio, where=root > 0)
    return ratio
