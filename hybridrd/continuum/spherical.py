"""Diffusion in a spherical shell, on FiPy's spherical mesh."""

from __future__ import annotations

import numpy as np

from hybridrd.arrays import Floats
from hybridrd.continuum.conditions import bernoulli
from hybridrd.continuum.diffusion import ROUND_OFF, Diffusion


class SphericalDiffusion(Diffusion):
    """Diffusion of one species through concentric cells: ``dc/dt = D (d²c/dr² + (2/r) dc/dr)``.

    The steps are those of `Diffusion`; the walls are ``x-``, the inner sphere, and ``x+``. Sums
    are weighted with the volumes of the cells, ``4/3 pi (b³ - a³)``; mass is conserved. A sphere of
    radius 0, the centre of a ball, has no area and no flux.

    Examples
    --------
    Between spheres at c = 0 and c = 1: ``c = 2 - 2/r``.

    >>> from hybridrd.continuum.conditions import Dirichlet
    >>> from hybridrd.model.shell import ShellGrid
    >>> grid = ShellGrid((1.0,), (2.0,), (50,))
    >>> shell = SphericalDiffusion(grid, 1.0, 0.01, {"x-": Dirichlet(), "x+": Dirichlet()})
    >>> u = np.zeros(50)
    >>> for _ in range(300):
    ...     u = shell.step(u, values={"x-": 0.0, "x+": 1.0})
    >>> bool(np.allclose(u, 2 - 2 / grid.centers(0), atol=3e-4))
    True
    """

    def plane_flux(self, axis: int, face_index: int) -> Floats:
        """Amount per time through a sphere of cell faces in the last step, positive outwards."""
        edges = self.grid.edges(0)
        if self.D == 0:
            return np.zeros(1)
        mean = self._last()
        if face_index in (0, len(edges) - 1):
            wall, sign = ("x-", -1.0) if face_index == 0 else ("x+", 1.0)
            return np.asarray(sign * self.last_flux.get(wall, np.zeros(1)))
        field = np.full(self.grid.cells, np.nan)
        field[self.active] = mean
        area = self.grid.plane_area(axis, float(edges[face_index]))
        below, above = field[face_index - 1], field[face_index]  # NaN where it is left out
        D = self.D
        if self._drift is not None:
            D, rise = self._drift.D_up[0, face_index - 1], self._drift.up[0, face_index - 1]
            below, above = bernoulli(rise) * below, bernoulli(-rise) * above
        drop = below - above
        return np.atleast_1d(np.nan_to_num(D * area / self.grid.spacing[0] * drop))

    def _settle(self, new: Floats, total: Floats, low: float) -> Floats:
        """The method of a box, with the amount in place of the sum."""
        volume = np.asarray(self._stage[0].volume)
        if -ROUND_OFF * float(new.max()) <= low < 0:
            gained = -float((new * volume).sum(where=new < 0))
            np.maximum(new, 0.0, out=new)
            new *= 1.0 - gained / float(new @ volume)
        if self._stage[0].closed:
            drift, size = float((total - new) @ volume), float(new @ volume)
            if 1e-14 * size < abs(drift) < 1e-6 * size:
                new *= 1.0 + drift / size
                drift = float((total - new) @ volume)
            largest = int(new.argmax())
            new[largest] += drift / volume[largest]
        return new
