"""Slow, obvious twins of the one-step operators: a fine lattice, iterated until nothing moves."""

import math

import numpy as np
from scipy.special import erfc, erfcx


def gauss(z, spread):
    return np.exp(-(z**2) / (2 * spread**2)) / (spread * math.sqrt(2 * math.pi))


def taken(X, spread, reactivity):
    """``exp(-X²/4Dt) erfcx(X/sqrt(4Dt) + reactivity sqrt(Dt))``; 0 for an open plane."""
    if reactivity == math.inf:
        return np.zeros_like(X)
    root = spread / math.sqrt(2)
    return np.exp(-((X / (2 * root)) ** 2)) * erfcx(X / (2 * root) + reactivity * root)


def touching(depth, face):
    """Probability to leave through a plane, open or half open, in a step."""
    return erfc(depth / (math.sqrt(2) * face.spread)) - taken(depth, face.spread, face.reactivity)


def step_matrix(depth, h, spread, image, reactivity=math.inf):
    """One Gaussian step between lattice points, by the midpoint rule, with an image at 0.

    A plane of finite ``reactivity`` reflects, and takes some.
    """
    sum_of_both = gauss(depth[:, None] - depth, spread)
    if reactivity < math.inf:
        image = 1
        sum_of_both -= reactivity * taken(depth[:, None] + depth, spread, reactivity)
    sum_of_both += image * gauss(depth[:, None] + depth, spread)
    return h * sum_of_both


def iterate(step, n, tolerance=1e-12, at_most=20000):
    """Repeat ``n = step(n)`` until it moves by less than ``tolerance`` of its size."""
    for _ in range(at_most):
        new = step(n)
        if np.abs(new - n).max() < tolerance * np.abs(new).max():
            return new
        n = new
    raise AssertionError("the iteration did not settle")


def half_line_offset(width, survival, spread, image, reactivity=math.inf, per_step=25):
    """Offset beyond the plane (length) of a steady profile of unit slope, second order in h."""

    def once(points):
        h = min(spread, width or spread) / points
        if width:
            h = width / round(width / h)  # the layer's edge between two points
        near = (width + 6 * spread) / h
        depth = h * (np.arange(math.ceil(near + 8 * spread / h)) + 0.5)
        keep = np.where(depth < width, survival, 1.0)
        matrix = step_matrix(depth, h, spread, image, reactivity) * keep
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
    matrix += h * gauss(gap, spread)
    layer = depth < width

    def exchange(n, survival, arrivals):
        return np.where(layer, survival * n + arrivals, n)

    def step(n):
        return exchange(matrix @ exchange(n, *first), *second)

    return iterate(step, np.full_like(depth, 0.5))[-1]


def two_way_profile(face, D_dt, length, cells, per_cell):
    """Steady means of particles and unit cells between ends held at 1 and 0, two-way.

    ``face`` has the numbers of a scheme. A step: exchange and diffusion of the particles, what
    they gain or lose is paid by cell 0, implicit Euler for the cells. Returns the depths and
    means of the particles and the means of the cells.
    """
    h = 1 / per_cell
    depth = h * (np.arange(length * per_cell) + 0.5)
    size = depth.size
    leaving = touching(depth, face)
    open_plane = face.kind == "exact"
    # what differs from 1 is odd about the far end, which is held at 1
    to_far_image = 2 * length - depth[:, None] - depth
    image, reactivity = (-1, face.reactivity) if open_plane else (1, math.inf)
    walk = step_matrix(depth, h, face.spread, image, reactivity)
    walk -= h * gauss(to_far_image, face.spread)
    of_one = (1 - leaving if open_plane else np.ones(size))[:, None]
    laplacian = np.diag(np.full(cells - 1, 1.0), 1) + np.diag(np.full(cells - 1, 1.0), -1)
    laplacian -= np.diag([1.0] + [2.0] * (cells - 2) + [3.0])  # closed at the plane, 0 at the end
    implicit = np.linalg.inv(np.eye(cells) - D_dt * laplacian)
    layer = (depth < face.width)[:, None]

    def step(state):
        n, c = state[:size], state[size:].copy()
        if open_plane:
            arriving = leaving[:, None] * c[0]
            c[0] = c[0] + h * (leaving @ n - arriving.sum(axis=0))
            n = of_one + walk @ (n - 1) + arriving
        else:
            c_R = c[0] + (face.offset - 0.5) * (c[1] - c[0])
            if face.stencil == "cell":
                c_R = c[0]
            arriving = face.arrivals_per_area / face.width * c_R
            exchanged = np.where(layer, face.survival * n + arriving, n)
            c[0] -= h * (exchanged - n).sum(axis=0)
            n = of_one + walk @ (exchanged - 1)
        return np.concatenate((n, implicit @ c))

    constant = step(np.zeros((size + cells, 1)))
    matrix = step(np.eye(size + cells)) - constant
    steady = np.linalg.solve(np.eye(size + cells) - matrix, constant)[:, 0]
    return depth, steady[:size], steady[size:]
