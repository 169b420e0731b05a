"""Conservative noise of the continuum: random fluxes through cell faces.

With f the content of a cell and g the conductance of a face (D dt/h² between cells), the number
that crosses in a step has the random part

``J = sqrt(g (f_a + f_b)) xi - g (sqrt(f_b) eta_b - sqrt(f_a) eta_a)``

with a standard normal number xi for each face and eta for each cell. Added before an implicit Euler
step it makes independent Poisson-like contents, of variance f, stationary for any g: with K the
matrix of that step, the covariance of the noise is f (2 K + K²).
"""

from __future__ import annotations

import math

import numpy as np

from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.rng import NOISE, noise_draw, normals, words


@inlined
def strength(content, low, high):
    """How much of the noise acts in a cell: none below ``low`` particles, all above ``high``."""
    return min(max((content - low) / (high - low), 0.0), 1.0)


@jit
def _cell_normals(key, cell, step, species, wall):
    """Four normal numbers of a cell: one for its upper face along each axis, one for itself."""
    w0, w1, w2, w3 = words(key, np.uint64(cell), step, NOISE, noise_draw(species, wall))
    a, b = normals(w0, w1)
    c, d = normals(w2, w3)
    return a, b, c, d


@jit
def add_noise(
    content,
    position,
    shape,
    periodic,
    conductance,
    walls,
    shares,
    low,
    high,
    key,
    step,
    species,
    change,
):
    """Add the random change of the content of each active cell to ``change``.

    ``content`` and ``change`` are over active cells; ``position[cell]`` is where a cell of the
    domain stands among them, -1 for none. ``conductance[axis]`` is D dt/h². ``walls[axis, side]``
    is the conductance of a domain wall through which the continuum is open (0: closed), and
    ``shares`` is 2 where particles come back (a reservoir, its content taken to be that of the
    cell), 1 where they don't.
    """
    d = shape.shape[0]
    eta = np.empty(content.shape[0])
    xi = np.empty((3, content.shape[0]))
    total = position.shape[0]
    for cell in range(total):
        i = position[cell]
        if i >= 0:
            xi[0, i], xi[1, i], xi[2, i], eta[i] = _cell_normals(key, cell, step, species, 0)
            f = max(content[i], 0.0)
            eta[i] *= math.sqrt(f) * strength(f, low, high)
    stride = 1
    for a in range(d):
        g = conductance[a]
        for cell in range(total):
            i = position[cell]
            if i < 0:
                continue
            k = (cell // stride) % shape[a]
            beyond = -1
            if k + 1 < shape[a]:
                beyond = cell + stride
            elif periodic[a] and shape[a] > 1:
                beyond = cell - k * stride
            f = max(content[i], 0.0)
            if beyond >= 0 and position[beyond] >= 0:
                j = position[beyond]
                both = f + max(content[j], 0.0)
                flux = math.sqrt(g * both) * strength(0.5 * both, low, high) * xi[a, i]
                flux -= g * (eta[j] - eta[i])
                change[i] -= flux
                change[j] += flux
            for side in range(2):
                w = walls[a, side]
                if w > 0.0 and k == (0 if side == 0 else shape[a] - 1):
                    z, _, _, _ = _cell_normals(key, cell, step, species, 1 + 2 * a + side)
                    change[i] += (
                        math.sqrt(shares[a, side] * w * f) * strength(f, low, high) * z - w * eta[i]
                    )
        stride *= shape[a]
