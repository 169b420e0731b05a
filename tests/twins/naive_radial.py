"""Slow, obvious twins for the ball shell: propagators and one whole step on a grid of radii.

Written from the boundary value problem with SciPy's functions. A wall is ``(radius, reactivity)``,
the latter kappa/(4 pi radius² D), infinite where the sphere absorbs; ``Dt`` is D dt.
"""

import numpy as np
from scipy.special import erfc, erfcx, gammainc

INNER, OUTER = 1, -1


def gauss(x, Dt):
    return np.exp(-(x**2) / (4 * Dt)) / np.sqrt(4 * np.pi * Dt)


def propagator(r, r0, side, radius, reactivity, Dt):
    """Density of r after a step from r0 beside one sphere, from that of ``w = r c`` in a half line.

    ``w' = gamma w`` at distance 0 (Carslaw and Jaeger): a source, its image, and a line of sinks.
    """
    s = side * radius
    x, x0 = np.abs(r - radius), np.abs(r0 - radius)
    X = x + x0
    if np.isinf(reactivity):
        w = gauss(x - x0, Dt) - gauss(X, Dt)
    else:
        gamma = reactivity + 1 / s
        a = np.sqrt(4 * Dt)
        sinks = np.exp(-((X / a) ** 2)) * erfcx(X / a + gamma * np.sqrt(Dt))
        w = gauss(x - x0, Dt) + gauss(X, Dt) - gamma * sinks
    return r / r0 * w


def panels(start, stop, width, nodes=10):
    """Gauss nodes and weights on panels of at most ``width``."""
    edges = np.linspace(start, stop, max(1, int(np.ceil((stop - start) / width))) + 1)
    x, w = np.polynomial.legendre.leggauss(nodes)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (x + 1)).ravel(), (half * w).ravel()


def stays(r0, side, radius, reactivity, Dt):
    """Probability to survive the step, by quadrature of the propagator; r0 is a number."""
    sd = np.sqrt(2 * Dt)
    r, weight = panels(*sorted((radius, radius + side * (abs(r0 - radius) + 9 * sd))), sd / 2)
    return float(weight @ propagator(r, r0, side, radius, reactivity, Dt))


class Shell:
    """Numbers n(r) per length in ``sigma <= r <= R`` and what one step does to them.

    The inner sphere is closed, the outer one open to a reservoir of concentration 1: an exact
    plane or, where ``layer = (width, survival)``, a layer inside a reflecting sphere.
    """

    def __init__(self, sigma, R, reactivity, Dt, layer=None):
        sd = np.sqrt(2 * Dt)
        edge = R if layer is None else R - layer[0]
        parts = [panels(sigma, edge, sd)] + ([] if layer is None else [panels(edge, R, sd)])
        self.r, self.weight = (np.concatenate(p) for p in zip(*parts, strict=True))
        r, to, start = self.r, self.r[:, None], self.r[None, :]
        self.kept, self.placed = np.ones(len(r)), np.zeros(len(r))
        move = propagator(to, start, INNER, sigma, reactivity, Dt)
        if layer is None:
            move = move * (1 - np.exp(-(R - to) * (R - start) / Dt))
            # A ball that starts empty fills as c = (R/r) erfc((R - r)/sqrt(4 D t)).
            self.arrivals = 4 * np.pi * R * r * erfc((R - r) / np.sqrt(4 * Dt))
        else:
            outside = propagator(to, start, OUTER, R, 0.0, Dt)
            move = np.where(start - sigma <= R - start, move, outside)
            self.arrivals = np.zeros(len(r))
            self.kept[r > edge] = layer[1]
            self.placed[r > edge] = (1 - layer[1]) * 4 * np.pi * r[r > edge] ** 2
        self.move = move * self.weight
        self.absorbed = np.zeros(len(r))
        near = r - sigma < 9 * sd
        self.absorbed[near] = [1 - stays(r0, INNER, sigma, reactivity, Dt) for r0 in r[near]]

    def steady(self):
        """The steady numbers per length, after a step."""
        matrix = np.eye(len(self.r)) - self.move * self.kept
        return np.linalg.solve(matrix, self.arrivals + self.move @ self.placed)

    def absorbed_in_step(self, n):
        """Expected number that the inner sphere absorbs in a step from n."""
        return float(self.absorbed @ (self.weight * (self.kept * n + self.placed)))


def maxwell(x, scale):
    """Distribution function of the length of a normal vector in three dimensions."""
    return gammainc(1.5, (x / scale) ** 2 / 2)
