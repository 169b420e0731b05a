"""The effective rate of ``2 A -> 0`` in a growing periodic box, measured, and Doi's theory.

Used by make_bridge.py and by the tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import hybridrd as hrd
from hybridrd.theory import doi

LAMBDA0, RADIUS, D = 2.0, 1.0, 1.0  # g = sigma sqrt(lambda0/(2 D)) = 1
PAIR_D = 2 * D
DOI = doi.doi_rate_3d(LAMBDA0, PAIR_D, RADIUS)
WELL_MIXED = doi.macroscopic_rate(LAMBDA0, RADIUS, 3)


def closed_box(L: float, copies: int) -> hrd.System:
    """``2 A -> 0`` in a periodic cube of edge L."""
    cube = hrd.Box(x=(0, L), y=(0, L), z=(0, L))
    return hrd.System(
        species=[hrd.Species("A", D=D)],
        reactions=[hrd.Reaction("2 A -> 0", lambda0=LAMBDA0, radius=RADIUS)],
        domain=cube,
        particles=cube,
        cells=1,
        walls={axis: hrd.Periodic() for axis in "xyz"},
        initial={"A": hrd.Copies(copies)},
    )


class Window(NamedTuple):
    """Time step, and the steps between which the decay is measured."""

    dt: float
    first: int
    last: int


def window(L: float, copies: int) -> Window:
    """From about 80 % to 50 % of the copies: lambda0 dt is at most 0.2, and 100 steps at least."""
    half = L**3 / (DOI * copies)
    steps = max(math.ceil(half / 0.1), 100)
    return Window(half / steps, steps // 4, steps)


class BoxRate(NamedTuple):
    """Effective rate (length³/time), its standard error, and the positions at the end."""

    k: float
    sem: float
    positions: list[np.ndarray]


def measure_rate(L: float, copies: int, replicas: int, seed: int) -> BoxRate:
    """k of ``dn/dt = -k n (n - 1)/L³``, from the decay in the window.

    Copies lost over the time integral of ``n (n - 1)/L³``: a particle is not paired with itself.
    """
    from hybridrd.simulation.plan import compile_system

    system = closed_box(L, copies)
    dt, first, last = window(L, copies)
    plan = compile_system(system, dt)
    lost, exposure, positions = np.zeros(replicas), np.zeros(replicas), []
    for replica in range(replicas):
        sim = hrd.Simulation(system, dt, seed=seed, replica=replica, plan=plan)
        n = np.empty(last + 1)
        n[0] = copies
        for step in range(last):
            sim.step()
            n[step + 1] = sim.copy_number[0]
        n = n[first:]
        lost[replica] = n[0] - n[-1]
        exposure[replica] = np.trapezoid(n * (n - 1)) * dt / L**3
        positions.append(sim.particles["A"].positions)
    k = lost.sum() / exposure.sum()
    residual = lost - k * exposure
    sem = math.sqrt((residual**2).sum() * replicas / (replicas - 1)) / exposure.sum()
    return BoxRate(k, sem, positions)


class _Solution(NamedTuple):
    """Pair density at the Laplace variable s, times s, up to its dependence on r."""

    inner: np.ndarray
    outer: np.ndarray
    share: np.ndarray
    inside: np.ndarray
    beyond: np.ndarray


def _solve(s: np.ndarray) -> _Solution:
    """``2 D laplace(u) - lambda0 u = s (u - 1)``, lambda0 within the radius, 1 far away.

    ``1 - share + inside sinh(inner r)/(r cosh(inner sigma))`` within the radius,
    ``1 + beyond exp(-outer (r - sigma))/r`` outside, u and its slope continuous.
    """
    inner, outer = np.sqrt((s + LAMBDA0) / PAIR_D), np.sqrt(s / PAIR_D)
    tanh = np.tanh(inner * RADIUS)
    share = LAMBDA0 / (s + LAMBDA0)
    reach = 1 + outer * RADIUS
    inside = RADIUS * share * reach / (inner * RADIUS + outer * RADIUS * tanh)
    return _Solution(inner, outer, share, inside, inside * tanh - RADIUS * share)


def laplace_rate(s: np.ndarray) -> np.ndarray:
    """``s`` times the Laplace transform of k(t), Doi's model from a uniform start.

    ``lambda0`` times the pair density within the radius. At s = 0 it is Doi's rate.
    """
    u = _solve(s)
    tanh = np.tanh(u.inner * RADIUS)
    ball = (1 - u.share) * RADIUS**3 / 3 + u.inside * (RADIUS / u.inner - tanh / u.inner**2)
    return np.asarray(4 * math.pi * LAMBDA0 * ball)


def _invert(transform: Callable[[np.ndarray], np.ndarray], t: np.ndarray) -> np.ndarray:
    """The function of time of a Laplace transform times s, along Talbot's contour."""
    terms = 20
    t = np.asarray(t, dtype=float)[..., None]
    angle = np.arange(1, terms) * np.pi / terms
    cot = 1 / np.tan(angle)
    r = 2 * terms / (5 * t)
    s = r * angle * (cot + 1j)
    weight = 1 + 1j * (angle + (angle * cot - 1) * cot)
    real = 0.5 * math.exp(0.4 * terms) * (transform(r + 0j) / r).real[..., 0]
    rest = (np.exp(t * s) * transform(s) / s * weight).real.sum(axis=-1)
    return np.asarray((real + rest) * r[..., 0] / terms)


def rate_in_time(t: np.ndarray) -> np.ndarray:
    """k(t) of two particles in infinite space."""
    return _invert(laplace_rate, t)


def pair_density(r: np.ndarray, t: float) -> np.ndarray:
    """g(r) of two particles in infinite space at a time t after a uniform start."""
    r = np.asarray(r, dtype=float)[:, None]

    def transform(s: np.ndarray) -> np.ndarray:
        u = _solve(s)
        near = np.minimum(r, RADIUS)
        up, down = np.exp(u.inner * (near - RADIUS)), np.exp(-u.inner * (near + RADIUS))
        within = 1 - u.share + u.inside / r * (up - down) / (1 + np.exp(-2 * u.inner * RADIUS))
        outside = 1 + u.beyond / r * np.exp(-u.outer * np.maximum(r - RADIUS, 0))
        return np.where(r < RADIUS, within, outside)

    return _invert(transform, np.full(len(r), t))


def expected_rate(L: float, copies: int) -> float:
    """What the window should show if pairs alone matter: the mean of k(t), weighted by c²."""
    dt, first, last = window(L, copies)
    t = np.linspace(1e-6, last * dt, 4001)
    k = rate_in_time(t)
    grown = np.concatenate([[0.0], np.cumsum((k[1:] + k[:-1]) / 2 * np.diff(t))])
    weight = (1 / (L**3 / copies + grown)) ** 2 * (t >= first * dt)
    return float(np.trapezoid(k * weight, t) / np.trapezoid(weight, t))


def steady_pair_density(r: np.ndarray) -> np.ndarray:
    """g(r) of Doi's model at rest (1976): ``sinh(q r)/(q r cosh(q sigma))``, then 1 - a/r."""
    q = math.sqrt(LAMBDA0 / PAIR_D)
    inside = np.sinh(q * r) / (q * r * math.cosh(q * RADIUS))
    outside = 1 - (RADIUS - math.tanh(q * RADIUS) / q) / r
    return np.where(r < RADIUS, inside, outside)
