"""Memberships of metastable sets by PCCA+, from the slowest eigenvectors of a reversible walk.

P. Deuflhard and M. Weber, Linear Algebra Appl. 398, 161 (2005); S. Roeblitz and M. Weber, Adv. Data
Anal. Classif. 7, 147 (2013).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from hybridrd.arrays import Floats, Integers


def memberships(vectors: Floats, weights: Floats) -> Floats:
    """Memberships chi of k sets, ``(n, k)``: not negative, with sum 1 in every state.

    They are ordered by the mean index of their states, and are the linear combinations
    ``chi = X A`` of the eigenvectors closest to the indicators of disjoint sets:
    ``sum_k <chi_k, chi_k>/<chi_k, 1>``, which is k for indicators, is largest.

    Parameters
    ----------
    vectors
        X, the slowest right eigenvectors, the constant one first, orthonormal under the weights,
        ``(n, k)``.
    weights
        The stationary distribution, ``(n,)``.

    Examples
    --------
    >>> step = np.array([1.0, 1.0, -1.0, -1.0])
    >>> memberships(np.stack([np.ones(4), step], axis=1), np.full(4, 0.25)).round(12) + 0.0
    array([[1., 0.],
           [1., 0.],
           [0., 1.],
           [0., 1.]])
    """
    sets = vectors.shape[1]
    if sets == 1:
        return np.ones_like(vectors)
    start = np.asarray(np.linalg.inv(vectors[_corners(vectors)]), np.float64)

    def blurred(inner: Floats) -> float:
        A = _feasible(inner.reshape(sets - 1, sets - 1), vectors)
        return -float((np.sum(A * A, axis=0) / A[0]).sum())  # <chi, chi> = A^T A, <chi, 1> = A_0

    inner = start[1:, 1:].ravel()
    if sets > 2:  # with two sets the constraints determine it
        found = minimize(blurred, inner, method="Nelder-Mead", options={"maxiter": 4000})
        inner = np.asarray(found.x, np.float64)
    chi = vectors @ _feasible(inner.reshape(sets - 1, sets - 1), vectors)
    centre = (weights * np.arange(len(weights))) @ chi / (weights @ chi)
    return np.asarray(chi[:, np.argsort(centre)])


def _corners(vectors: Floats) -> Integers:
    """The states that are farthest apart: corners of the simplex spanned by the eigenvectors."""
    rest = vectors - vectors[np.argmax(np.linalg.norm(vectors[:, 1:], axis=1))]
    corners = [int(np.argmax(np.linalg.norm(vectors[:, 1:], axis=1)))]
    while len(corners) < vectors.shape[1]:
        size = np.linalg.norm(rest, axis=1)
        corners.append(int(size.argmax()))
        direction = rest[corners[-1]] / size.max()
        rest = rest - np.outer(rest @ direction, direction)
    return np.array(corners)


def _feasible(inner: Floats, vectors: Floats) -> Floats:
    """The transformation with a given inner block that keeps chi a partition of unity, >= 0."""
    A = np.zeros((len(inner) + 1, len(inner) + 1))
    A[1:, 1:] = inner
    A[1:, 0] = -inner.sum(axis=1)
    A[0] = np.maximum(-(vectors[:, 1:] @ A[1:]).min(axis=0), 1e-300)
    return np.asarray(A / A[0].sum())
