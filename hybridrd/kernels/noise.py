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
from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import inlined, jit
from hybridrd.kernels.rng import NOISE, noise_draw, normals, words


class Conduction(NamedTuple):
    """How the cells of a continuum exchange one species in a step.

    Parameters
    ----------
    position
        Where each cell of the domain stands among the active ones, -1 for none.
    shape, periodic
        Number of cells along each axis of the domain, and whether it is periodic.
    conductance
        D dt/h² along each axis.
    walls
        ``walls[axis, side]``: conductance of a domain wall through which the continuum is open,
        0 where it is closed.
    shares
        2 where particles come back through a wall (a reservoir, its content taken to be that of
        the cell), 1 where they don't.
    """

    position: np.ndarray
    shape: np.ndarray
    periodic: np.ndarray
    conductance: np.ndarray
    walls: np.ndarray
    shares: np.ndarray


@inlined
def strength(content, fade):
    """How much of the noise acts in a cell: none below ``fade[0]`` particles, all above [1]."""
    return min(max((content - fade[0]) / (fade[1] - fade[0]), 0.0), 1.0)


@jit
def _cell_normals(key, cell, step, species, wall):
    """Four normal numbers of a cell: one for its upper face along each axis, one for itself."""
    w0, w1, w2, w3 = words(key, np.uint64(cell), step, NOISE, noise_draw(species, wall))
    a, b = normals(w0, w1)
    c, d = normals(w2, w3)
    return a, b, c, d


@inlined
def _neighbour(cell, k, stride, axis, cells):
    """Where the next cell along an axis stands among the active ones, -1 for none."""
    if k + 1 < cells.shape[axis]:
        return cells.position[cell + stride]
    if cells.periodic[axis] and cells.shape[axis] > 1:
        return cells.position[cell - k * stride]
    return -1


@jit
def add_noise(content, cells, fade, key, step, species, change):
    """Add the random change of the content of each active cell to ``change``.

    ``content`` and ``change`` are over active cells, ``cells`` is a `Conduction`.
    """
    d = cells.shape.shape[0]
    eta = np.empty(content.shape[0])
    xi = np.empty((3, content.shape[0]))
    total = cells.position.shape[0]
    for cell in range(total):
        i = cells.position[cell]
        if i >= 0:
            xi[0, i], xi[1, i], xi[2, i], eta[i] = _cell_normals(key, cell, step, species, 0)
            f = max(content[i], 0.0)
            eta[i] *= math.sqrt(f) * strength(f, fade)
    stride = 1
    for a in range(d):
        g = cells.conductance[a]
        for cell in range(total):
            i = cells.position[cell]
            if i < 0:
                continue
            k = (cell // stride) % cells.shape[a]
            j = _neighbour(cell, k, stride, a, cells)
            f = max(content[i], 0.0)
            if j >= 0:
                both = f + max(content[j], 0.0)
                flux = math.sqrt(g * both) * strength(0.5 * both, fade) * xi[a, i]
                flux -= g * (eta[j] - eta[i])
                change[i] -= flux
                change[j] += flux
            for side in range(2):
                w = cells.walls[a, side]
                if w > 0.0 and k == (0 if side == 0 else cells.shape[a] - 1):
                    z, _, _, _ = _cell_normals(key, cell, step, species, 1 + 2 * a + side)
                    shot = math.sqrt(cells.shares[a, side] * w * f) * strength(f, fade)
                    change[i] += shot * z - w * eta[i]
        stride *= cells.shape[a]
