"""Stencils that read the coupling concentration c_R of a face from the cells of the continuum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.errors import StepError
from hybridrd.interface import FaceNumbers
from hybridrd.particles.region import Region, RegionFace


@dataclass(frozen=True)
class Stencil:
    """``c_R = sum_m weights[m] c[cells[face cell, m]]``, cells in flat domain indices.

    ``weights`` may differ from face cell to face cell, ``(face cells, m)``.
    """

    cells: Integers
    weights: Floats

    def read(self, c: Floats) -> Floats:
        """c_R per face cell from a field on all cells (particles per length^d)."""
        # Not a product of BLAS, whose threads would keep other cores busy for a while after it.
        form = "fm,m->f" if self.weights.ndim == 1 else "fm,fm->f"
        return np.asarray(np.einsum(form, c[self.cells], self.weights))


def mean_field_stencil(region: Region, face: RegionFace, offset: float) -> Stencil:
    """Linear inter- or extrapolation between cell centres at ``offset`` outside the plane."""
    n = region.grid.shape[face.axis]
    h = region.grid.spacing[face.axis]
    lower = region.grid.lower[face.axis]
    if n == 1:
        return Stencil(face.columns[:, :1], np.ones(1))
    outward = 1 if face.side == 1 else -1
    position = (face.plane + outward * offset - lower) / h - 0.5  # in cell centres
    periodic = face.outside >= 0 and region.periodic[face.axis]
    i = int(np.floor(position))
    if not periodic:
        if position < -0.5 - 1e-9 or position > n - 0.5 + 1e-9:
            raise StepError(
                f"{face.name}: c_R is read {offset:.4g} outside the plane, outside the domain; "
                f"use a narrower layer (a smaller dt), or a wider continuum"
            )
        i = min(max(i, 0), n - 2)
    w = position - i
    return Stencil(face.columns[:, [i % n, (i + 1) % n]], np.array([1 - w, w]))


def two_way_stencil(region: Region, face: RegionFace, numbers: FaceNumbers) -> Stencil:
    """Stencil on the first cells outside the plane, as the scheme requires.

    ``"cell"``: the first cell's own value. ``"linear"``: a line through the first two at the
    offset.
    """
    n = region.grid.shape[face.axis]
    outward = 1 if face.side == 1 else -1
    if region.periodic[face.axis]:
        room = n - region.inner.shape[face.axis]
    else:
        room = n - face.outside if outward == 1 else face.outside + 1
    m = min({"cell": 1, "linear": 2}[numbers.stencil], room)
    steps = [(face.outside + outward * k) % n for k in range(m)]
    target = numbers.offset / region.grid.spacing[face.axis]  # in cell widths beyond the plane
    weights = np.ones(1) if m == 1 else np.array([1.5 - target, target - 0.5])
    return Stencil(face.columns[:, steps], weights)
