"""Kernels of pair reactions: how the rate of a pair depends on its distance.

``lambda(x, y) = lambda0 w(|x - y|)`` (del Razo 2024, eqs. (7) and (17)); without a kernel w is
Doi's step, 1 within the radius. The macroscopic rate is ``k = lambda0 int w``, as in eq. (22).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

from hybridrd.arguments import named_arguments, number, real_array
from hybridrd.arrays import Floats
from hybridrd.errors import ModelError
from hybridrd.model import doi
from hybridrd.model.steady import doi_rate_3d

__all__ = ["Distance", "Doi", "Gaussian", "PairKernel", "Ring"]

_SPHERE = {1: 2.0, 2: 2 * math.pi, 3: 4 * math.pi}
_MANY, _FEW = 400, 8  # nodes of quadratures over a kernel, and over a shell of its profile
SHELLS = 2048  # of a kernel's profile
_SHORTEST, _FINEST = 1e-3, 100.0  # D dt/reach² and q reach of `PairKernel.trial_time`


class PairKernel(ABC):
    """Base of kernels. A new kernel defines its `reach` and its value at a distance."""

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
        nodes, weights = _gauss(_MANY)
        r = 0.5 * self.reach * (1 + nodes)
        shell = _SPHERE[dimension] * r ** (dimension - 1)
        return float(0.5 * self.reach * np.sum(weights * shell * self.weight(r)))

    def beyond(self, d: float, dimension: int) -> float:
        """``int w`` over the half space beyond a plane at a distance d >= 0 (length^dimension)."""
        if d >= self.reach:
            return 0.0
        nodes, weights = _gauss(_MANY)
        r = d + 0.5 * (self.reach - d) * (1 + nodes)
        surface = {1: np.ones_like(r), 2: 2 * r * np.arccos(d / r), 3: 2 * np.pi * r * (r - d)}
        whole = weights * surface[dimension] * self.weight(r)
        return float(0.5 * (self.reach - d) * np.sum(whole))

    def cell_shares(self, spacing: tuple[float, ...]) -> Floats:
        """Fractions of the partners in the cells around, see `hybridrd.model.doi.cell_shares`."""
        return doi.cell_shares(self.reach, spacing, self.weight)

    def profile(self, dimension: int) -> Floats:
        """Its means over shells of equal ``r²``, `SHELLS` of them up to the reach.

        Weighted with their volumes they add up to `volume`.
        """
        edges = self.reach * np.sqrt(np.arange(SHELLS + 1) / SHELLS)
        nodes, shares = _gauss(_FEW)
        r = edges[:-1] + 0.5 * np.diff(edges) * (1 + nodes[:, None])
        weights = shares[:, None] * r ** (dimension - 1)
        means = np.sum(weights * self.weight(r), axis=0) / np.sum(weights, axis=0)
        volumes = _SPHERE[dimension] / dimension * np.diff(edges**dimension)
        whole = float(means @ volumes)
        return np.asarray(means * (self.volume(dimension) / whole) if whole > 0 else means)

    def effective_rate(
        self,
        lambda0: float,  # noqa: ARG002
        D: float,  # noqa: ARG002
        dimension: int,  # noqa: ARG002
    ) -> float | None:
        """The macroscopic rate of pairs that use each other up; None where it is not known."""
        return None

    def trial_time(self, D_dt: float, dimension: int) -> float:
        """``tau*/dt`` of trials with probability ``lambda0 w dt/(1 + lambda0 w tau*)`` per step.

        To second order in lambda0 the trials keep the rate that a pair has in continuous time:

        ``tau*/dt = int |w_q|² g(q² D dt) dq / int |w_q|² dq``, ``g(x) = 1/x - 1/(e^x - 1)``,

        with w_q the Fourier transform and integrals over the whole space of q. It is 1/2 for small
        steps and falls to 0 for large ones; for Doi's step it is `hybridrd.theory.doi.trial_time`.

        Parameters
        ----------
        D_dt
            Sum of the partners' diffusion coefficients times the step (length²).
        """
        step = D_dt / self.reach**2
        known = _trial_time(self, max(step, _SHORTEST), dimension)
        if step < _SHORTEST:  # 1/2 - tau* is proportional to the root of the step
            return 0.5 - (0.5 - known) * math.sqrt(step / _SHORTEST)
        return known


@named_arguments
@dataclass(frozen=True)
class Doi(PairKernel):
    """Doi's step, 1 within the radius: the kernel of a reaction with ``radius=``.

    Parameters
    ----------
    radius
        The Doi radius (length).
    """

    radius: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "radius", number(self.radius, "Doi: radius", strict=True))

    @property
    def reach(self) -> float:
        """The radius (length)."""
        return self.radius

    def weight(self, r: Floats) -> Floats:
        """1 within the radius."""
        return np.where(r <= self.radius, 1.0, 0.0)

    def to_dict(self) -> dict[str, Any]:
        """``{"doi": radius}``."""
        return {"doi": self.radius}

    def volume(self, dimension: int) -> float:
        """Volume of the ball (length^d)."""
        return doi.reactive_volume(self.radius, dimension)

    def beyond(self, d: float, dimension: int) -> float:
        """The cap of the ball (length^d)."""
        return float(doi.cap_volume(d, self.radius, dimension))

    def cell_shares(self, spacing: tuple[float, ...]) -> Floats:
        """See `hybridrd.model.doi.cell_shares`."""
        return doi.cell_shares(self.radius, spacing)

    def profile(self, dimension: int) -> Floats:  # noqa: ARG002
        """1, everywhere the same."""
        return np.ones(1)

    def effective_rate(self, lambda0: float, D: float, dimension: int) -> float | None:
        """Doi's in three dimensions, see `hybridrd.theory.doi_rate_3d`."""
        known = dimension == 3 and D > 0 and lambda0 > 0
        return doi_rate_3d(lambda0, D, self.radius) if known else None

    def trial_time(self, D_dt: float, dimension: int) -> float:
        """See `hybridrd.theory.doi.trial_time`."""
        return doi.trial_time(D_dt / self.radius**2, dimension)


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
            raise ModelError(
                f"Ring(inner={self.inner:g}, outer={self.outer:g}): outer must be above inner"
            )

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
        inside = np.minimum(r, self.cutoff)
        values = np.broadcast_to(real_array(self.function(inside), "kernel: its values"), r.shape)
        bad = ~(np.isfinite(values) & (values >= 0))
        if bad.any():
            raise ModelError(f"kernel: it is {values[bad][0]:g} at r = {r[bad][0]:g}; at least 0")
        return np.where(r <= self.cutoff, values, 0.0)

    def to_dict(self) -> dict[str, Any]:
        """Raises ModelError: a Python function cannot be written to a file."""
        raise ModelError(
            "kernel: a Python function cannot be written to a file; use Gaussian or Ring"
        )


@cache  # cached: 400 nodes take 50 ms, or seconds if other programs keep BLAS threads waiting
def _gauss(number: int) -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss-Legendre quadrature."""
    return np.polynomial.legendre.leggauss(number)


@lru_cache(maxsize=256)  # cached: needed in every step if a rate depends on time
def _trial_time(kernel: PairKernel, step: float, dimension: int) -> float:
    from scipy.special import j0

    w, radii = kernel.profile(dimension), np.sqrt(np.arange(SHELLS + 1) / SHELLS)
    r, dr = 0.5 * (radii[1:] + radii[:-1]), np.diff(radii)
    most = max(_FINEST, 12 / math.sqrt(step))
    nodes, weights = np.polynomial.legendre.leggauss(16)
    edges = np.linspace(0.0, most, 1 + math.ceil(most / 6))
    q = (edges[:-1] + 0.5 * np.diff(edges) * (1 + nodes[:, None])).ravel()
    area = (0.5 * np.diff(edges) * weights[:, None]).ravel() * q ** (dimension - 1)
    kernels: dict[int, Callable[[Floats], Floats]]
    kernels = {1: np.cos, 2: j0, 3: lambda x: np.sinc(x / np.pi)}
    wave = kernels[dimension]
    weighted = w * r ** (dimension - 1) * dr
    spectrum = np.array([wave(some[:, None] * r) @ weighted for some in np.split(q, 16)])
    x = step * q**2
    late = np.where(x > 1e-3, 1 / x - 1 / np.expm1(np.minimum(x, 700)), 0.5 - x / 12)
    # Parseval: the integral of |w_q|², including q beyond the largest
    whole = np.sum(w * weighted) * {1: math.pi / 2, 2: 1.0, 3: math.pi / 2}[dimension]
    return float(np.sum(area * spectrum.ravel() ** 2 * late) / whole)
