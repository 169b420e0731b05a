"""Chebyshev iteration for a diffusion matrix on cells in two colours, like a checkerboard.

Neighbours have different colours, so each colour can be updated from the other, in place
(G. H. Golub and R. S. Varga, Numer. Math. 3, 147 (1961)). Cells and a margin around them lie in
one row, with odd numbers of places from a cell to its neighbours along each axis; the even places
are one colour, the odd ones the other. So all neighbours are at fixed distances.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from hybridrd.kernels._jit import jit


class Board(NamedTuple):
    """Places of cells in two colours.

    Parameters
    ----------
    size
        Number of places of a colour.
    strides
        Distance from a cell to the next one along each axis, odd, ``(3,)``.
    rims
        Places of the margin that repeat a cell at the other end of a ring, and of those cells,
        ``(2, m)``.
    """

    size: int
    strides: np.ndarray
    rims: np.ndarray


def make_board(
    shape: tuple[int, ...], rings: tuple[bool, ...]
) -> tuple[Board, Callable[[np.ndarray], np.ndarray]]:
    """The board of a box of cells.

    Parameters
    ----------
    shape
        Number of cells along each of three axes; the last one varies fastest.
    rings
        Which axes are periodic; these must have an even number of cells.

    Returns
    -------
    Board, callable
        The board, and the places of some cells, given flat.
    """
    # A place of margin behind each row is before the next one as well, except in rings.
    lengths = [n + 1 + ring + (n + ring) % 2 for n, ring in zip(shape, rings, strict=True)]
    strides = np.array([lengths[1] * lengths[2], lengths[2], 1])
    first = strides.sum()

    def place(i: Any, j: Any, k: Any) -> Any:
        return first + i * strides[0] + j * strides[1] + k

    def places(cells: np.ndarray) -> np.ndarray:
        return np.asarray(place(*np.unravel_index(cells, shape)))

    rims = []
    for axis, (n, ring) in enumerate(zip(shape, rings, strict=True)):
        if ring:
            others = [np.arange(m) for m in shape]
            for at, source in ((-1, n - 1), (n, 0)):
                pair = []
                for where in (at, source):
                    others[axis] = np.array([where])
                    pair.append(place(*np.meshgrid(*others, indexing="ij")).ravel())
                rims.append(np.array(pair))
    last = place(*[n - 1 for n in shape]) + first
    margins = np.concatenate(rims, axis=1) if rims else np.zeros((2, 0), np.int64)
    return Board(int(last // 2 + 2), strides, margins), places


@jit
def relax(x, storage, weight, board, conductance, rho, sweeps):
    """Solve ``diagonal x - sum over neighbours of conductance x = b`` in place.

    Parameters
    ----------
    x
        First guess, then the solution, ``(2, places)``: place p is at ``[p % 2, p//2]``. It is 0 in
        the margin and in cells left out.
    storage, weight
        b and 1 over the diagonal, of the same shape; both are 0 in the margin and in cells left
        out.
    board
        Where the cells are.
    conductance
        Between neighbours along each axis, ``(3,)``.
    rho
        Bound of the eigenvalues of the neighbours' part over the diagonal, less than 1.
    sweeps
        How many times a colour is made new.
    """
    g0, g1, g2 = conductance
    strides, rims = board.strides, board.rims
    margin = (strides.max() + 1) // 2
    count = x.shape[1] - 2 * margin
    omega = 1.0
    for turn in range(sweeps):
        if turn == 1:
            omega = 1.0 / (1.0 - 0.5 * rho * rho)
        elif turn > 1:
            omega = 1.0 / (1.0 - 0.25 * rho * rho * omega)
        colour = turn % 2
        old = x[1 - colour]
        for r in range(rims.shape[1]):
            if rims[0, r] % 2 != colour:
                old[rims[0, r] // 2] = old[rims[1, r] // 2]
        new = x[colour, margin : margin + count]
        b = storage[colour, margin : margin + count]
        w = weight[colour, margin : margin + count]
        # Place p + s is at p//2 + (s - 1)/2 if p is even, at p//2 + (s + 1)/2 if it is odd.
        up = margin + (strides - 1 + 2 * colour) // 2
        down = margin - (strides + 1 - 2 * colour) // 2
        a0, a1, a2 = old[up[0] : up[0] + count], old[up[1] :], old[up[2] :]
        z0, z1, z2 = old[down[0] :], old[down[1] :], old[down[2] :]
        for q in range(count):
            sides = g0 * (a0[q] + z0[q]) + g1 * (a1[q] + z1[q]) + g2 * (a2[q] + z2[q])
            new[q] += omega * (b[q] + w[q] * sides - new[q])


@jit
def two_stages(u, added, place, weight, board, conductance, rho, sweeps, scale, g):
    """Both stages of a diagonally implicit step, see `hybridrd.continuum.stage.Solver`.

    Parameters
    ----------
    u, added
        Concentrations before, and what each right-hand side has beside ``u scale``, of cells.
    place
        Places of the cells in ``weight`` and its like, flat.

    Returns
    -------
    tuple of numpy.ndarray
        The concentrations after the first and the second stage, of cells.
    """
    start, gain = np.zeros(weight.shape), np.zeros(weight.shape)
    x, b = np.zeros(weight.shape), np.zeros(weight.shape)
    flat = x.ravel()
    flat_start, flat_gain = start.ravel(), gain.ravel()
    for a in range(len(place)):
        flat_start[place[a]] = u[a]
        flat_gain[place[a]] = added[a]
    first, second = np.empty(len(u)), np.empty(len(u))
    for stage in range(2):
        onward = stage * (1.0 / g - 1.0)
        for colour in range(2):
            before, more, w = start[colour], gain[colour], weight[colour]
            now, rhs = x[colour], b[colour]
            for q in range(len(w)):
                value = before[q] + onward * (now[q] - before[q])
                now[q] = value
                rhs[q] = (value * scale + more[q]) * w[q]
        relax(x, b, weight, board, conductance, rho, sweeps)
        target = second if stage else first
        for a in range(len(place)):
            target[a] = flat[place[a]]
    return first, second
