"""A window of particles onto a known concentration, by the one-step operator of the mean."""

from __future__ import annotations

import math

import numpy as np

from hybridrd.interface import FaceNumbers, InterfaceScheme

K, END = 2.0, 0.125


def concentration(x: np.ndarray | float, t: float) -> np.ndarray:
    """A solution of the diffusion equation (D = 1) that reflects at x = 0."""
    return np.asarray(2.0 + np.cos(K * np.asarray(x)) * np.exp(-(K**2) * t))


def window_error(numbers: FaceNumbers, dt: float, read_at: float) -> float:
    """L1 error of the mean in the window (0, 1) at the end; c_R is what is at ``read_at``."""
    edge = 1.0 - numbers.width
    nodes, weights = np.polynomial.legendre.leggauss(8)
    x, w = [], []
    for a, b in ((0.0, edge), (edge, 1.0)):
        panels = np.linspace(a, b, math.ceil((b - a) / numbers.spread) + 1)
        half = 0.5 * np.diff(panels)[:, None]
        x.append((panels[:-1, None] + half * (nodes + 1.0)).ravel())
        w.append((half * weights).ravel())
    at, weight = np.concatenate(x), np.concatenate(w)
    step = np.zeros((at.size, at.size))
    for image in range(-3, 4):  # reflecting at both ends
        for side in (1.0, -1.0):
            z = (at[:, None] - side * at - 2.0 * image) / numbers.spread
            step += np.exp(-0.5 * z**2)
    step *= weight / (numbers.spread * math.sqrt(2.0 * math.pi))
    layer, q = at > edge, numbers.survival
    n = concentration(at, 0.0)
    steps = round(END / dt)
    for k in range(steps):
        c = 0.5 * (concentration(read_at, k * dt) + concentration(read_at, (k + 1) * dt))
        n[layer] = q * n[layer] + (1.0 - q) * c
        n = step @ n
    return float(weight @ np.abs(n - concentration(at, END)))


def errors(scheme: InterfaceScheme, alpha: float, at_offset: bool, widths: list[float]) -> list:
    """Errors for layers of several widths at one alpha; ``scheme`` is a class with a width."""
    found = []
    for dx in widths:
        dt = alpha * dx**2
        numbers = scheme(width=dx).numbers(1.0, dt, "mean-field", 0.1, 1.0, "A")  # type: ignore[operator]
        found.append(window_error(numbers, dt, 1.0 + (numbers.offset if at_offset else 0.0)))
    return found
