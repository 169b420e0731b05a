"""Slow, obvious twins of the one-step operators: a fine lattice, iterated until nothing moves."""

import math

import numpy as np


def step_matrix(depth, h, spread, image):
    """One Gaussian step between lattice points, by the midpoint rule, with an image at 0."""

    def gauss(z):
        return np.exp(-(z**2) / (2 * spread**2)) / (spread * math.sqrt(2 * math.pi))

    return h * (gauss(depth[:, None] - depth) + image * gauss(depth[:, None] + depth))


def iterate(step, n, tolerance=1e-12, at_most=20000):
    """Repeat ``n = step(n)`` until it moves by less than ``tolerance`` of its size."""
    for _ in range(at_most):
        new = step(n)
        if np.abs(new - n).max() < tolerance * np.abs(new).max():
            return new
        n = new
    raise AssertionError("the iteration did not settle")


def half_line_offset(width, survival, spread, image, per_step=25):
    """Offset beyond the plane (length) of a steady profile of unit slope, second order in h."""

    def once(points):
        h = min(spread, width or spread) / points
        if width:
            h = width / round(width / h)  # the layer's edge between two points
        near = (width + 6 * spread) / h
        depth = h * (np.arange(math.ceil(near + 8 * spread / h)) + 0.5)
        keep = np.where(depth < width, survival, 1.0)
        matrix = step_matrix(depth, h, spread, image) * keep
        last = int(near)

        def step(n):
            n = matrix @ n
            n[last:] = n[last] + depth[last:] - depth[last]  # slope 1 from here on
            return n

        n = iterate(step, depth.copy())
        return n[last] - depth[last]

    coarse, fine = once(per_step), once(2 * per_step)
    return (4 * fine - coarse) / 3


def settled_concentration(first, second, spread, image, width=1.0, length=8.0, per_step=40):
    """Concentration at the closed far end of a region after many steps, c_R = 1.

    ``first`` and ``second`` are the half exchanges before and after the diffusion, pairs
    (survival, arrivals per volume) in the layer.
    """
    h = width / round(width * per_step / spread)
    depth = h * (np.arange(round(length * max(width, spread) / h)) + 0.5)
    far = 2 * h * depth.size
    matrix = step_matrix(depth, h, spread, image)
    gap = far - depth[:, None] - depth  # to the images in the closed far end
    matrix += h * np.exp(-(gap**2) / (2 * spread**2)) / (spread * math.sqrt(2 * math.pi))
    layer = depth < width

    def exchange(n, survival, arrivals):
        return np.where(layer, survival * n + arrivals, n)

    def step(n):
        return exchange(matrix @ exchange(n, *first), *second)

    return iterate(step, np.full_like(depth, 0.5))[-1]
