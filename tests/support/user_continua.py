"""Continua of a user's own for the tests: finite volumes in plain numpy, cell by cell."""

import itertools

import numpy as np

import hybridrd as hrd


class Blocks(hrd.Continuum):
    """Diffusion by implicit Euler on rectilinear cells, one species, face by face in plain loops.

    ``held`` gives the concentration on walls by (axis, side); other walls let nothing pass.
    Nothing passes the surface of the box ``cut``, one (low, high) an axis.
    """

    def __init__(self, edges, start, D=1.0, held=None, cut=None):
        self._edges = [np.asarray(e, float) for e in edges]
        self._start, self._D, self._held, self._cut = start, D, held or {}, cut
        self._known = None

    @property
    def edges(self):
        return self._edges

    @property
    def volumes(self):
        volumes = np.ones(1)
        for e in self._edges:
            volumes = np.multiply.outer(volumes, np.diff(e))
        return volumes[0]

    def start(self, system, dt):  # noqa: ARG002
        centers = [0.5 * (e[1:] + e[:-1]) for e in self._edges]
        mesh = np.meshgrid(*centers, indexing="ij")
        return np.broadcast_to(np.asarray(self._start(*mesh), float), mesh[0].shape)[None].copy()

    def step(self, c, t, dt, source):  # noqa: ARG002
        if self._known is None:
            self._known = self._assemble(dt)
        inverse, inflow = self._known
        total = c if source is None else c + source
        return (inverse @ (total.ravel() + inflow)).reshape(c.shape)

    def _inside(self, cell):
        if self._cut is None:
            return False
        centers = [0.5 * (e[i] + e[i + 1]) for e, i in zip(self._edges, cell, strict=True)]
        return all(lo < x < hi for x, (lo, hi) in zip(centers, self._cut, strict=True))

    def _assemble(self, dt):
        shape = [len(e) - 1 for e in self._edges]
        volumes = self.volumes
        matrix, inflow = np.eye(volumes.size), np.zeros(volumes.size)
        for cell in itertools.product(*map(range, shape)):
            i = np.ravel_multi_index(cell, shape)
            for axis, e in enumerate(self._edges):
                h = np.diff(e)
                share = dt * self._D / h[cell[axis]]
                for side, move in ((0, -1), (1, 1)):
                    k = cell[axis] + move
                    if 0 <= k < shape[axis]:
                        other = list(cell)
                        other[axis] = k
                        if self._inside(cell) != self._inside(other):
                            continue
                        g = share / (0.5 * (h[cell[axis]] + h[k]))
                        matrix[i, i] += g
                        matrix[i, np.ravel_multi_index(other, shape)] -= g
                    elif (axis, side) in self._held:
                        g = share / (0.5 * h[cell[axis]])
                        matrix[i, i] += g
                        inflow[i] += g * self._held[axis, side]
        return np.linalg.inv(matrix), inflow


class Still(hrd.Continuum):
    """One that keeps its start, whatever is taken from it."""

    def __init__(self, edges, start):
        self.edges = edges
        self._start = np.asarray(start, float)

    edges = None

    def start(self, system, dt):  # noqa: ARG002
        return self._start

    def step(self, c, t, dt, source):  # noqa: ARG002
        return c
