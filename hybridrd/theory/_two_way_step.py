"""One two-way step normal to a plane as a matrix on means, and its noise.

In units of a cell (h = 1) at one particle per cell. Particles are represented at Gauss nodes; see
`hybridrd.theory.fluctuations` for the recursion.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hybridrd.errors import ModelError
from hybridrd.interface import CalibratedLayer, FaceNumbers, InterfaceScheme

Floats = NDArray[np.float64]

_NODES = 6  # Gauss nodes per panel; panels are at most 1.5 sqrt(2 D dt) wide
_G = 1.0 - 1.0 / math.sqrt(2.0)  # stage of the second-order diffusion step


class TwoWayStep(NamedTuple):
    """One step: ``z' = A z + noise``, with z = (particles by node, cells)."""

    matrix: Floats
    noise: Floats
    source: Floats  # response of the cells to a source in each during the step
    stationary: Floats  # one particle per cell
    bins: Floats  # (region cells, nodes), 1 where the node is in the cell
    depth: Floats
    weight: Floats


def face_numbers(
    alpha: float, cells: int, scheme: InterfaceScheme | FaceNumbers | None
) -> FaceNumbers:
    """Numbers of the scheme in units of a cell and a step, D = alpha. Raises ModelError."""
    if not (math.isfinite(alpha) and alpha > 0.0):
        raise ModelError(f"alpha = {alpha:g}: it must be finite and above 0")
    if isinstance(scheme, FaceNumbers):
        return scheme
    return (scheme or CalibratedLayer()).numbers(
        D=alpha, dt=1.0, context="two-way", spacing=1.0, depth=float(cells), where="particles"
    )


def two_way_step(
    alpha: float, region: int, beyond: int, numbers: FaceNumbers, fluctuations: bool
) -> TwoWayStep:
    """The step of the means and its noise, for one particle per cell (h = 1)."""
    if min(region, beyond) < 1:
        raise ModelError(f"{region} region and {beyond} continuum cells: at least one of each")
    if fluctuations and (numbers.stencil != "cell" or abs(numbers.width - 1.0) > 1e-9):
        raise ModelError("fluctuations need a layer one cell wide whose c_R is the first cell's")
    open_plane = numbers.kind == "exact"
    depth, weight, bins = _nodes(alpha, region, numbers.width)
    kernel = _kernel(depth, weight, float(region), alpha, numbers.reactivity if open_plane else 0.0)
    if open_plane:
        stays = kernel * weight[:, None]
        leaves = 1.0 - stays.sum(axis=0)
        arrivals = weight - stays @ weight  # arrivals that keep the uniform state
    else:
        removed = np.where(depth < numbers.width, 1.0 - numbers.survival, 0.0)
        stays = kernel * weight[:, None] * (1.0 - removed)
        leaves = removed
        arrivals = kernel @ (weight * removed) * weight
    mean = float(arrivals.sum())
    step, source, random = _continuum(alpha, beyond, fluctuations)
    n = len(depth)
    size = n + beyond
    cells, reader = slice(n, n + beyond), np.zeros(size)
    reader[n : n + len(_stencil(numbers, beyond))] = _stencil(numbers, beyond)
    matrix = np.zeros((size, size))
    matrix[:n, :n] = stays
    matrix[:n] += np.outer(arrivals, reader)
    matrix[cells, :n] = np.outer(source[:, 0], leaves)
    matrix[cells] -= mean * np.outer(source[:, 0], reader)
    matrix[cells, cells] += step
    # Arrivals: Poisson, or binomial from the first cell. In factorial moments the particles
    # have no noise; s has that of the leavers and of the arrivals.
    spread = mean * (1.0 - mean if fluctuations else 1.0)
    share = arrivals / mean
    noise = np.zeros((size, size))
    noise[:n, :n] = (spread - mean) * np.outer(share, share)
    noise[:n, cells] = -spread * np.outer(share, source[:, 0])
    noise[cells, :n] = noise[:n, cells].T
    noise[cells, cells] = (mean + spread) * np.outer(source[:, 0], source[:, 0]) + random
    stationary = np.ones(size)
    stationary[:n] = weight
    return TwoWayStep(matrix, noise, source, stationary, bins, depth, weight)


def _stencil(numbers: FaceNumbers, beyond: int) -> Floats:
    """Weights of the first cells in c_R, as in `hybridrd.coupling.stencil`."""
    count = min({"cell": 1, "linear": 2}[numbers.stencil], beyond)
    centre = np.arange(count) + 0.5
    if count == 1:
        return np.ones(1)
    off = centre - centre.mean()
    return np.asarray(1.0 / count + (numbers.offset - centre.mean()) * off / (off @ off))


def _nodes(alpha: float, region: int, width: float) -> tuple[Floats, Floats, Floats]:
    """Depths and weights of nodes in panels that end at the cells' and at the layer's edge."""
    edges = np.arange(region + 1.0)
    if 0.0 < width < region:
        edges = np.union1d(edges, [width])
        edges = edges[np.concatenate([[True], np.diff(edges) > 1e-9])]
    x, w = np.polynomial.legendre.leggauss(_NODES)
    fine = [
        np.linspace(a, b, max(1, math.ceil((b - a) / (1.5 * math.sqrt(2.0 * alpha)))) + 1)
        for a, b in pairwise(edges)
    ]
    panels = np.concatenate([np.column_stack([f[:-1], f[1:]]) for f in fine])
    half = 0.5 * (panels[:, 1] - panels[:, 0])[:, None]
    depth = (panels[:, :1] + half * (x + 1.0)).ravel()
    bins = (np.floor(depth) == np.arange(region)[:, None]).astype(float)
    weight = (half * w).ravel()
    return depth, weight, bins


def _kernel(
    depth: Floats, weight: Floats, length: float, alpha: float, reactivity: float
) -> Floats:
    """Density of a step between nodes: reflecting at ``length``, open by ``reactivity`` at 0."""
    s = math.sqrt(2.0 * alpha)
    sign = -1.0 if reactivity == math.inf else 1.0
    images = max(2, math.ceil(8.0 * s / length))
    kernel = np.zeros((len(depth), len(depth)))
    for n in range(-images, images + 1):
        for side, factor in ((1.0, sign ** abs(n)), (-1.0, sign ** abs(n - 1))):
            z = (depth[:, None] - side * depth - 2.0 * n * length) / s
            kernel += factor * np.exp(-0.5 * z * z)
    kernel /= s * math.sqrt(2.0 * math.pi)
    if 0.0 < reactivity < math.inf:
        # Absorbed by a partially absorbing plane; the other end is at least 4 s away.
        from scipy.special import erfcx

        X, root = depth[:, None] + depth, math.sqrt(alpha)
        loss = np.exp(-(X**2) / (4.0 * alpha)) * erfcx(X / (2.0 * root) + reactivity * root)
        return np.asarray(kernel - reactivity * loss)
    if reactivity == 0.0:  # the quadrature error, added back so that no particle is lost
        for _ in range(8):
            scale = 1.0 / np.sqrt(kernel @ weight)
            kernel *= np.outer(scale, scale)
    return kernel


def _continuum(alpha: float, n: int, fluctuations: bool) -> tuple[Floats, Floats, Floats]:
    """Step of the cells' contents, response to a source, and covariance of their noise."""
    stiffness = np.zeros((n, n))
    for k in range(n - 1):
        stiffness[k : k + 2, k : k + 2] += alpha * np.array([[1.0, -1.0], [-1.0, 1.0]])
    one = np.eye(n)
    if fluctuations:  # implicit Euler, noise added before it
        step: Floats = np.asarray(np.linalg.inv(one + stiffness), np.float64)
        return step, step, step @ (2.0 * stiffness + stiffness @ stiffness) @ step
    stage: Floats = np.asarray(np.linalg.inv(one + _G * stiffness), np.float64)
    step = np.asarray(stage @ ((1.0 / _G - 1.0) * (stage - one) + one))
    return step, stage @ ((1.0 - _G) * stage + _G * one), np.zeros((n, n))


def sum_of_powers(matrix: Floats, noise: Floats) -> Floats:
    """sum_k A^k Q A^kT, by doubling; Q has no part along the conserved mass."""
    total, power = noise, matrix
    for _ in range(40):
        change = power @ total @ power.T
        total = total + change
        size = float(np.abs(change).max())
        if size < 1e-9 * float(np.abs(total).max()):
            return total
        if size > 1e12:
            break
        power = power @ power
    raise ModelError("the two-way step is not stable: its fluctuations grow without bound")
