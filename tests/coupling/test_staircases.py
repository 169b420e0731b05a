"""Chances to pass a staircase: a linear profile goes through a diagonal plane without a jump."""

import math

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator, gmres
from scipy.special import erf

from hybridrd.coupling.mask_exchange import corner_factor
from hybridrd.interface.calibration import calibrated_rate

DEEP, PINNED = 10, 3  # cells along an axis up to the plane, and how many of them are held


def walk(alpha: float, parts: int) -> np.ndarray:
    """Chance of a step from part to part of a reflecting row of cells, uniform in each part."""
    n, sd = DEEP * parts, math.sqrt(2 * alpha)

    def second(x):  # antiderivative, twice, of the normal density
        tail = np.exp(-0.5 * (x / sd) ** 2) / math.sqrt(2 * math.pi)
        return x * 0.5 * (1 + erf(x / sd / math.sqrt(2))) + sd * tail

    def chance(d):
        return (second((d + 1) / parts) - 2 * second(d / parts) + second((d - 1) / parts)) * parts

    to, start = np.arange(n)[:, None], np.arange(n)[None]
    images = [
        chance(to - start + 2 * n * k) + chance(to + start + 1 + 2 * n * k) for k in (-1, 0, 1)
    ]
    return np.sum(images, axis=0)


def jump(alpha: float, dimension: int, chance: float, parts: int) -> float:
    """Jump of a steady profile at a plane normal to (1, .., 1), over its change from cell to cell.

    All cells on one diagonal are alike: ``u[s, a, b]`` are the parts of one on the s-th of them,
    and a move along either axis goes on to another diagonal. Beyond the last are empty cells.
    """
    kernel = walk(alpha, parts).reshape(DEEP, parts, DEEP, parts)
    inside = (np.arange(parts) + 0.5) / parts - 0.5
    places = np.meshgrid(*[inside] * dimension, indexing="ij")
    profile = np.array([DEEP - s - sum(places) for s in range(DEEP)])

    def two_steps(free):
        u = np.concatenate([profile[:PINNED], free.reshape(DEEP - PINNED, *profile.shape[1:])])
        for order in (range(dimension), reversed(range(dimension))):
            u[-1] *= 1 - dimension * chance
            for a in order:
                along = np.moveaxis(u, 1 + a, 1)
                along = np.tensordot(kernel, along, axes=([2, 3], [0, 1]))
                u = np.moveaxis(along, 1, 1 + a).copy()
            u[:PINNED] = profile[:PINNED]
        return u[PINNED:].ravel()

    start = profile[PINNED:].ravel()
    constant = two_steps(np.zeros_like(start))
    operator = LinearOperator((start.size,) * 2, lambda v: v - two_steps(v) + constant)
    steady, failed = gmres(operator, constant, x0=start, rtol=1e-9, restart=100)
    assert not failed
    cells = steady.reshape(DEEP - PINNED, -1).mean(axis=1)[:4]
    slope, at_plane = np.polyfit(np.arange(PINNED, PINNED + 4) - DEEP, cells, 1)
    return at_plane / -slope


@pytest.mark.parametrize(("alpha", "dimension"), [(0.1, 2), (0.25, 2), (0.5, 2), (0.25, 3)])
def test_a_gradient_passes_a_diagonal_staircase_without_a_jump(alpha, dimension):
    flat = 1 - math.exp(-alpha * calibrated_rate(alpha, 0.5))
    factor = float(corner_factor(alpha, np.array([dimension]))[0])
    parts = 8 if dimension == 2 else 5
    # Parts of a finite width make a jump at a plane, too.
    known = jump(alpha, 1, flat, parts)
    assert abs(known) < 0.03
    assert jump(alpha, dimension, factor * flat, parts) == pytest.approx(known, abs=0.01)
    assert jump(alpha, dimension, flat, parts) < -0.05
