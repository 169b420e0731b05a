"""Open planes for Langevin particles: moments of flights over a step and its parts."""

from __future__ import annotations

import math
from typing import NamedTuple

from hybridrd.errors import StepError
from hybridrd.interface.base import FaceNumbers, at_most
from hybridrd.kernels.rng import MOST_HALVINGS

# Distance beyond an open plane at which c_R is reached in a gradient, in s/g: -zeta(1/2), the
# Milne problem of the Klein-Kramers equation (T. W. Marshall and E. J. Watson, J. Phys. A 18 (1985)
# 3531).
MILNE = 1.4603545088095868
# The same for a wall that absorbs few of the particles that hit it: sqrt(2 pi)/p minus this,
# halfway between its values for all and for none.
_PARTIAL = 0.5 * (math.sqrt(2.0 * math.pi) - MILNE + math.sqrt(0.5 * math.pi))
# Friction times the finest substep: missed crossings shift planes by 1.1 of it, in s/g.
_FINEST = 1.0 / 256.0


class Moments(NamedTuple):
    """Moments of a free flight over a time t, per axis; g is the friction, s the thermal speed.

    Attributes
    ----------
    decay, carry
        exp(-g t) and (1 - exp(-g t))/g: velocity and position from a unit velocity.
    speed, both, place
        Variance of the velocity, its covariance with the position, and the variance of the
        position.
    rest
        Variance of the position given the velocity.
    """

    decay: float
    carry: float
    speed: float
    both: float
    place: float
    rest: float


def moments(s: float, g: float, t: float) -> Moments:
    """Moments of a flight (G. E. Uhlenbeck and L. S. Ornstein, Phys. Rev. 36 (1930) 823).

    Written without cancellation, however short the flight.
    """
    theta = g * t
    decay, gone = math.exp(-theta), -math.expm1(-theta)
    unit = (s / g) ** 2
    rest = 4.0 * unit * _less_tanh(0.5 * theta)
    place = rest + unit * gone**3 / (1.0 + decay)
    speed = -(s**2) * math.expm1(-2.0 * theta)
    return Moments(decay, gone / g, speed, s**2 / g * gone**2, place, rest)


def _less_tanh(y: float) -> float:
    """y - tanh(y) by the continued fraction of tanh, for y >= 0."""
    if y > 2.0:
        return y - math.tanh(y)
    q = 0.0
    for k in range(25, 1, -2):
        q = y * y / (k + q)
    return y * q / (1.0 + q)


def halvings(friction: float, dt: float, where: str) -> int:
    """Number of times that a step is halved at planes that particles pass.

    Raises
    ------
    StepError
        If the number is too large.
    """
    found = max(0, math.ceil(math.log2(friction * dt / _FINEST)))
    if found > MOST_HALVINGS:
        most = _FINEST * 2.0**MOST_HALVINGS / friction
        raise StepError(
            f"{where}: friction dt = {friction * dt:.4g}, so velocities decay within a small part "
            f"of a step; leave friction out, or use dt <= {at_most(most)}"
        )
    return found


def kinetic_plane(D: float, friction: float, dt: float, where: str) -> FaceNumbers:
    """Numbers of an open plane, at which a gas at rest of density c_R begins.

    Raises
    ------
    StepError
        If friction times dt is too large.
    """
    s = math.sqrt(D * friction)
    parts = 2 ** halvings(friction, dt, where)
    one = moments(s, friction, dt / parts)
    entering = math.sqrt((one.place + (s * one.carry) ** 2) / (2.0 * math.pi))
    return FaceNumbers(
        kind="kinetic", width=parts * entering, survival=1.0, offset=MILNE * s / friction,
        alpha=0.0, beta=1.0, spread=math.sqrt(2.0 * D * dt),
    )  # fmt: skip


def sticking(kappa: float, D: float, friction: float, where: str) -> float:
    """Probability that a wall of reactivity kappa absorbs a particle that hits it.

    ``D/kappa = (s/g) (sqrt(2 pi)/p - c)`` with c from 1.046 for p = 1 to 1.253 for small p; their
    mean is used, which shifts the wall by at most 0.11 s/g for diffusing particles.

    Raises
    ------
    StepError
        If even a wall that absorbs all of them is less reactive.
    """
    s = math.sqrt(D * friction)
    p = math.sqrt(2.0 * math.pi) / (D / kappa * friction / s + _PARTIAL) if kappa > 0 else 0.0
    if p > 1.0:
        most = s / (math.sqrt(2.0 * math.pi) - _PARTIAL)
        raise StepError(
            f"{where}: kappa = {kappa:g}, but particles of thermal speed {s:.4g} cannot reach "
            f"the wall that fast; use kappa <= {at_most(most)}, or Absorbing()"
        )
    return p
