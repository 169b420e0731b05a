"""Arrivals through a wall of finite permeability, from a uniform concentration outside.

Particles enter a flat wall at ``kappa c`` per area and time and may leave again. One that entered a
time s ago is still there with probability ``erfcx(y)``, ``y = gamma sqrt(D s)``, ``gamma =
kappa/D``, and at the depth ``2 sqrt(D s) z`` with the density

    2/sqrt(pi) exp(-z²) [1 - sqrt(pi) y erfcx(y + z)],

the propagator of ``w' = gamma w`` from the wall (Carslaw and Jaeger, "Conduction of heat in
solids", 14.2). So after a step ``c [erfc(d/a) - exp(-d²/a²) erfcx(d/a + gamma sqrt(D dt))]`` of
them are found at depth d, ``a = sqrt(4 D dt)``: with those that stay of a uniform content c, by the
kernel of a partially absorbing wall, just c again. Candidates are drawn in y and z; 0.56 of them or
more are kept.
"""

from __future__ import annotations

import math

from hybridrd.kernels._jit import jit
from hybridrd.kernels.sphere import absorption
from hybridrd.kernels.walk import erfcx

_ROOT_PI = 1.7724538509055159
_HALF = 0.5 * _ROOT_PI
#: The largest of ``y [1 - sqrt(pi) y erfcx(y)] (sqrt(pi)/2 + y)``, 0.56233 at y = 3.3.
_PEAK = 0.5624
#: Where it takes over from the bound ``sqrt(pi)/2 y``.
_SWITCH = 4.0 * _PEAK / _ROOT_PI


def tried(kappa: float, D: float, dt: float) -> float:
    """Candidates per area of a flat wall and unit concentration in a step (length)."""
    return min(kappa * dt, _SWITCH * math.sqrt(D * dt))


def arrived(kappa: float, D: float, dt: float) -> float:
    """Mean number per area of a flat wall and unit concentration after a step (length).

    ``[2 g/sqrt(pi) + erfcx(g) - 1]/gamma``, ``g = gamma sqrt(D dt)``.
    """
    g = kappa * math.sqrt(dt / D)
    if g < 1e-3:  # the differences cancel
        return kappa * dt * (1.0 - 4.0 * g / (3.0 * _ROOT_PI) + 0.5 * g * g)
    return float(2.0 * g / _ROOT_PI + erfcx.py_func(g) - 1.0) * D / kappa


@jit
def leak_arrival(gamma, D, dt, u, v, pick, normal):
    """Age, depth and the chance of a candidate from three uniform and a normal number."""
    top = gamma * math.sqrt(D * dt)
    if top < _SWITCH:
        y = top * math.sqrt(u)
        bound = _HALF * y
    else:
        y = top * u
        bound = _PEAK
    # exp(-z²) (1 + 2 y z): half a normal number, or a Rayleigh one.
    if pick * (_HALF + y) < _HALF:
        z = abs(normal) * math.sqrt(0.5)
    else:
        z = math.sqrt(-math.log(v))
    chance = y * (_HALF + y) * (1.0 - _ROOT_PI * y * erfcx(y + z)) / ((1.0 + 2.0 * y * z) * bound)
    root = y / gamma
    return root * root / D, 2.0 * root * z, chance


@jit
def _bound(s, reactivity, D, dt):
    """Parts of a bound ``A + B/sqrt(t)`` on the chance to stay a time t beside a sphere.

    It is ``(1/s + reactivity erfcx(gamma sqrt(D t)))/gamma``, and at most 1: ``A = 1, B = 0`` where
    that is less in a step. ``s`` and ``reactivity`` are those of `hybridrd.kernels.sphere`.
    """
    gamma = reactivity + 1.0 / s
    if gamma > 0.0:
        A = max(1.0 / s, 0.0) / gamma
        B = reactivity / (gamma * gamma * _ROOT_PI * math.sqrt(D))
        if A * dt + 2.0 * B * math.sqrt(dt) < dt:
            return A, B
    return 1.0, 0.0


@jit
def tried_on_sphere(s, reactivity, D, dt):
    """Candidates per area of a sphere and unit concentration in a step (length)."""
    A, B = _bound(s, reactivity, D, dt)
    return reactivity * D * (A * dt + 2.0 * B * math.sqrt(dt))


@jit
def arrived_on_sphere(s, reactivity, D, dt):
    """Mean number per area of a sphere and unit concentration after a step (length)."""
    # Simpson's rule in sqrt(t).
    parts = 200
    total = 0.0
    for i in range(1, parts + 1):
        x = i / parts
        weight = 1.0 if i == parts else (4.0 if i % 2 == 1 else 2.0)
        total += weight * 2.0 * x * (1.0 - absorption(0.0, s, reactivity, D * dt * x * x))
    return reactivity * D * dt * total / (3.0 * parts)


@jit
def sphere_age(s, reactivity, D, dt, u, pick):
    """Age of a candidate at a sphere from two uniform numbers, and its chance to have stayed."""
    A, B = _bound(s, reactivity, D, dt)
    steady = A * dt
    age = dt * u if pick * (steady + 2.0 * B * math.sqrt(dt)) < steady else dt * u * u
    stayed = 1.0 - absorption(0.0, s, reactivity, D * age)
    return age, stayed, stayed / (A + B / math.sqrt(age))
