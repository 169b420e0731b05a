"""Conservative noise of the continuum: random fluxes through cell faces.

With f the contents of two cells and p = k dt, k the rate at which a copy of either passes their
face, the number that crosses in a step has the random part

``J = sqrt(p_a f_a + p_b f_b) xi - (p_b sqrt(f_b) eta_b - p_a sqrt(f_a) eta_a)``

with a standard normal number xi for each face and eta for each cell. Added before an implicit Euler
step it makes independent Poisson-like contents, of variance f, stationary for any p: with 1 + K the
matrix of that step and F the diagonal of the contents at equilibrium, the covariance of the noise
is ``K F + F K' + K F K'``. Cells of different volumes, and drift in a potential, are no exception.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import jit
from hybridrd.kernels.rng import NOISE, noise_draw, normals, words


class Conduction(NamedTuple):
    """Exchange of one species between the cells of a continuum in a step.

    Parameters
    ----------
    names
        Flat index of each active cell in the domain.
    first, second, axis
        The two cells of each face, and its axis; it is the upper face of the first.
    on, back
        Rates of a copy of the first and of the second to pass, times dt.
    open_cell, open_wall
        The cell of each face at an open wall, and the number of the wall, 2 axis + side.
    out
        Rate of its copies to leave there, times dt.
    """

    names: np.ndarray
    first: np.ndarray
    second: np.ndarray
    axis: np.ndarray
    on: np.ndarray
    back: np.ndarray
    open_cell: np.ndarray
    open_wall: np.ndarray
    out: np.ndarray


@jit
def _cell_normals(key, cell, step, species, wall):
    """Four normal numbers of a cell: one for its upper face along each axis, one for itself."""
    w0, w1, w2, w3 = words(key, np.uint64(cell), step, NOISE, noise_draw(species, wall))
    a, b = normals(w0, w1)
    c, d = normals(w2, w3)
    return a, b, c, d


@jit
def add_noise(content, cells, entering, key, step, species, change):
    """Add the random change of the content of each active cell to ``change``.

    ``content`` and ``change`` are over active cells, ``cells`` is a `Conduction`, ``entering`` the
    mean number that enters through each open face in the step.
    """
    eta = np.empty(content.shape[0])
    xi = np.empty((3, content.shape[0]))
    for i in range(content.shape[0]):
        xi[0, i], xi[1, i], xi[2, i], eta[i] = _cell_normals(key, cells.names[i], step, species, 0)
        eta[i] *= math.sqrt(max(content[i], 0.0))
    for f in range(cells.first.shape[0]):
        i, j, on, back = cells.first[f], cells.second[f], cells.on[f], cells.back[f]
        passing = on * max(content[i], 0.0) + back * max(content[j], 0.0)
        flux = math.sqrt(passing) * xi[cells.axis[f], i] - (back * eta[j] - on * eta[i])
        change[i] -= flux
        change[j] += flux
    for f in range(cells.open_cell.shape[0]):
        i, out = cells.open_cell[f], cells.out[f]
        z, _, _, _ = _cell_normals(key, cells.names[i], step, species, 1 + cells.open_wall[f])
        passing = out * max(content[i], 0.0) + abs(entering[f])
        change[i] += math.sqrt(passing) * z - out * eta[i]
