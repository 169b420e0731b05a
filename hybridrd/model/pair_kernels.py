"""Kernels of pair reactions: how the rate of a pair depends on its distance.

``lambda(x, y) = lambda0 w(|x - y|)`` (del Razo 2024, eqs. (7) and (17)); without a kernel w is
Doi's step, 1 within the radius. The macroscopic rate is ``k = lambda0 int w``, as in eq. (22).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybridrd.arguments import named_arguments, number, real_array
from hybridrd.arrays import Floats
from hybridrd.errors import ModelError

__all__ = ["Distance", "Gaussian", "PairKernel", "Ring"]

_SPHERE = {1: 2.0, 2: 2 * math.pi, 3: 4 * math.pi}
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(400)


class PairKernel(ABC):
    """Base of kernels. A new one says how far it reaches and what it is at a distance."""

    @property
    @abstractmethod
    def reach(self) -> float:
        """The distance beyond which it is 0 (length)."""

    @abstractmethod
    def weight(self, r: Floats) -> Floats:
        """w at distances r, at least 0."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """As in a TOML file. Raises ModelError for a function."""

    def volume(self, dimension: int) -> float:
        """``int w`` over all space (length^d), V_sigma for Doi's step."""
        r = 0.5 * self.reach * (1 + _NODES)
        shell = _SPHERE[dimension] * r ** (dimension - 1)
        return float(0.5 * self.reach * np.sum(_WEIGHTS * shell * self.weight(r)))


@named_arguments
@dataclass(frozen=True)
class Gaussian(PairKernel):
    """``w(r) = exp(-r²/(2 s²))``, cut off at 5 s, where it is 4e-6.

    Parameters
    ----------
    width
        s (length).
    """

    width: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", number(self.width, "Gaussian: width", strict=True))

    @property
    def reach(self) -> float:
        """Five widths (length)."""
        return 5 * self.width

    def weight(self, r: Floats) -> Floats:
        """``exp(-r²/(2 s²))`` within the reach."""
        return np.where(r <= self.reach, np.exp(-0.5 * (r / self.width) ** 2), 0.0)

    def to_dict(self) -> dict[str, Any]:
        """``{"gaussian": width}``."""
        return {"gaussian": self.width}


@named_arguments
@dataclass(frozen=True)
class Ring(PairKernel):
    """1 between two distances, 0 elsewhere: pairs that react in a shell about each other.

    Parameters
    ----------
    inner, outer
        The distances (length), ``0 <= inner < outer``.
    """

    inner: float
    outer: float

    def __post_init__(self) -> None:
        for name in ("inner", "outer"):
            object.__setattr__(self, name, number(getattr(self, name), f"Ring: {name}"))
        if not self.inner < self.outer:
            raise ModelError(f"Ring(inner={self.inner:g}, outer={self.outer:g}): they must rise")

    @property
    def reach(self) -> float:
        """The outer distance (length)."""
        return self.outer

    def weight(self, r: Floats) -> Floats:
        """1 from the inner to the outer distance."""
        return np.where((r >= self.inner) & (r <= self.outer), 1.0, 0.0)

    def to_dict(self) -> dict[str, Any]:
        """``{"ring": [inner, outer]}``."""
        return {"ring": [self.inner, self.outer]}

    def volume(self, dimension: int) -> float:
        """Volume between two balls (length^d)."""
        return _SPHERE[dimension] / dimension * (self.outer**dimension - self.inner**dimension)


@named_arguments
@dataclass(frozen=True)
class Distance(PairKernel):
    """A function of distance, vectorised, up to a cut-off.

    Parameters
    ----------
    function
        w(r), at least 0.
    cutoff
        The distance beyond which w is 0 (length).
    """

    function: Callable[..., Any]
    cutoff: float

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise ModelError(f"Distance({self.function!r}): give a function of the distance r")
        object.__setattr__(self, "cutoff", number(self.cutoff, "Distance: cutoff", strict=True))

    @property
    def reach(self) -> float:
        """The cut-off (length)."""
        return self.cutoff

    def weight(self, r: Floats) -> Floats:
        """The function within the cut-off. Raises ModelError where it is below 0 or not finite."""
        values = np.broadcast_to(real_array(self.function(r), "kernel: its values"), r.shape)
        bad = ~(np.isfinite(values) & (values >= 0))
        if bad.any():
            raise ModelError(f"kernel: it is {values[bad][0]:g} at r = {r[bad][0]:g}; at least 0")
        return np.where(r <= self.cutoff, values, 0.0)

    def to_dict(self) -> dict[str, Any]:
        """None. Raises ModelError: a Python function has no form in a file."""
        raise ModelError("kernel: a Python function has no form in a file; use Gaussian or Ring")
