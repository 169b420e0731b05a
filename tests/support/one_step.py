"""One step of the mean concentration in a slab, without sampling: a twin of the particle engine.

Gauss nodes on panels that end at the layers' edges; Gaussian steps with images at both ends, each
of which reflects or removes what touched it (bridge test).
"""

import math
from itertools import pairwise

import numpy as np


class Slab:
    """Depths 0 to ``length``; ``spread`` is sqrt(2 D dt), ``signs`` 1 reflect, -1 open, per end."""

    def __init__(self, length, spread, breaks=(), signs=(1, 1), nodes=8):
        edges = np.unique([0.0, *breaks, length])
        x, w = np.polynomial.legendre.leggauss(nodes)
        points, weights = [], []
        for a, b in pairwise(edges):
            panels = np.linspace(a, b, max(1, math.ceil((b - a) / spread)) + 1)
            half = np.diff(panels)[:, None] / 2
            points.append((panels[:-1, None] + half * (x + 1)).ravel())
            weights.append(np.broadcast_to(half * w, half.shape[:1] + w.shape).ravel())
        self.x, self.w = np.concatenate(points), np.concatenate(weights)
        self.length = length
        density = np.zeros((len(self.x), len(self.x)))
        for n in range(-6, 7):
            turn = (signs[0] * signs[1]) ** abs(n)
            for mirror, sign in ((1, turn), (-1, turn * signs[0])):
                z = (self.x[:, None] - mirror * self.x + 2 * n * length) / spread
                density += sign * np.exp(-(z**2) / 2)
        self.matrix = density / (spread * math.sqrt(2 * math.pi)) * self.w

    def layer(self, width, end):
        """Which nodes are within ``width`` of end 0 or 1."""
        return (self.x < width) if end == 0 else (self.x > self.length - width)

    def count(self, n, start, stop):
        """Integral of a profile over an interval that ends at breaks."""
        inside = (self.x > start) & (self.x < stop)
        return float(self.w[inside] @ n[inside])
