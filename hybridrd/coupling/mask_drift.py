"""Drift of particles in a region of any shape, and the chances to pass its faces with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats, Integers
from hybridrd.coupling.drift import check_step
from hybridrd.coupling.drift_faces import LayerDrift, PlaneDrift, layer_drift, plane_drift
from hybridrd.coupling.face_exchange import Gate
from hybridrd.coupling.medium import medium
from hybridrd.interface import FaceNumbers
from hybridrd.kernels.drift_arrivals import Stream
from hybridrd.kernels.exchange import Face
from hybridrd.kernels.mask import Runs, move_in_mask
from hybridrd.kernels.mask_drift import drift_in_mask, enter_drifting
from hybridrd.kernels.uneven import Medium
from hybridrd.kernels.walk import Walls
from hybridrd.model.drift import Drift
from hybridrd.particles.particles import Particles
from hybridrd.particles.region import Region

Mover = Callable[[Particles, int, int], int]


class MaskDrift:
    """What drives each species in a region of any shape; most have no drift.

    Parameters
    ----------
    region, D, dt
        The region, the diffusion coefficient of each species (length²/time), the time step.
    drifts
        How each species drifts; empty for none.
    """

    def __init__(
        self, region: Region, D: Sequence[float], dt: float, drifts: Sequence[Drift | None]
    ) -> None:
        self._region, self._D, self._dt = region, D, dt
        self._drifts = list(drifts) if region.mask.any() else []
        self._drifts += [None] * (len(D) - len(self._drifts))
        self._held = [self._hold(s) for s in range(len(D))]
        self._known: dict[tuple[int, str, FaceNumbers], LayerDrift] = {}
        self._streams: dict[tuple[int, str, bool], PlaneDrift] = {}
        self._at = -1.0

    def _hold(self, species: int) -> tuple[Floats, Medium] | None:
        """Drift along each axis in each cell (length/time), none where D is uneven, and the rest.

        None for a species that moves by `move_in_mask`.
        """
        drift = self._drifts[species]
        if drift is None:
            return None
        step = drift.D[0] / np.array(self._region.grid.spacing)
        velocities = np.ascontiguousarray(-drift.across * step[:, None])
        if drift.uneven:
            velocities = velocities[:, :0]
        return velocities, medium(drift, self._region, self._dt)

    def carry(self, step: int) -> bool:
        """Take drifts that depend on time as they are in the middle of a step; whether any does.

        Raises
        ------
        StepError
            If a particle then drifts by more than half a cell.
        """
        t = (step + 0.5) * self._dt
        later = [s for s, f in enumerate(self._drifts) if f is not None and f.later is not None]
        if not later or t == self._at:
            return False
        for s in later:
            drift = self._drifts[s]
            assert drift is not None
            assert drift.later is not None
            now = drift.later(t)
            assert now is not None
            check_step(now, self._region, self._dt, f"at t = {t:.6g} a species drifts")
            self._drifts[s] = now
            self._held[s] = self._hold(s)
        self._known.clear()
        self._streams.clear()
        self._at = t
        return True

    def mover(self, species: int, walls: Walls, runs: Runs, key: np.uint64, step: int) -> Mover:
        """What moves the particles of a species, from one to another, for a step."""
        held, dt = self._held[species], self._dt
        D = self._D[species]
        kappas = walls.gammas * D

        def move(group: Particles, start: int, stop: int) -> int:
            given = group.x, group.ids, start, stop, key, step
            if held is None:
                ended: int = move_in_mask(*given, D * dt, runs, walls, group.gone)
            else:
                ended = drift_in_mask(*given, walls, (runs, kappas, *held), dt, group.gone)
            return ended

        return move

    def stream(self, gate: Gate, gamma: float) -> PlaneDrift | None:
        """Arrivals of a species that drifts through an influx wall or a leaky one."""
        drift = self._drifts[gate.species]
        if drift is None:
            return None
        key = gate.species, gate.face.name, gate.is_influx
        if key not in self._streams:
            D = self._D[gate.species]
            self._streams[key] = plane_drift(drift, self._region, gate, gamma, D, self._dt)
        return self._streams[key]

    def enter(
        self, group: Particles, gate: Gate, stream: Stream, cells: Integers, walls: Walls,
        runs: Runs, key: np.uint64, step: int, kept: NDArray[np.uint8],
    ) -> int:  # fmt: skip
        """Place such arrivals, by their face cells, behind the particles; how many are kept."""
        face, held = gate.face, self._held[gate.species]
        assert held is not None
        low, width, _, shape = runs.cells
        at = Face(face.axis, face.side, face.plane, low, width, shape)
        given = (runs, walls.gammas * self._D[gate.species], *held)
        entered: int = enter_drifting(
            (group.x, group.ids, group.gone), group.n, (face.columns[cells, 0], cells), at, stream,
            given, walls, key, step, kept,
        )  # fmt: skip
        return entered

    def chances(self, gate: Gate) -> tuple[Floats, Floats]:
        """Chances to stay behind each face cell of a layer, and, per copy beyond, to enter."""
        assert gate.numbers is not None
        layer = self._layer(gate)
        if layer is None:
            survival = np.full(gate.face.size, gate.numbers.survival)
            return survival, 1.0 - survival
        return layer.survival, layer.arrivals / gate.numbers.width

    def alpha(self, gate: Gate) -> float | Floats:
        """D dt/h² of a layer, by face cell where D is uneven."""
        assert gate.numbers is not None
        drift = self._drifts[gate.species]
        if drift is None or not drift.uneven:
            return gate.numbers.alpha
        return drift.D[gate.face.columns[:, 0]] * (self._dt / gate.numbers.width**2)

    def _layer(self, gate: Gate) -> LayerDrift | None:
        drift, numbers = self._drifts[gate.species], gate.numbers
        if drift is None:
            return None
        assert numbers is not None
        key = gate.species, gate.face.name, numbers
        if key not in self._known:
            self._known[key] = layer_drift(drift, self._region, gate, numbers, self._dt)
        return self._known[key]

    def tilt(self, gate: Gate, x: Floats, faces: Integers) -> None:
        """Give arrivals, uniform in the cells of these faces, their density; ``x`` is changed."""
        layer, grid, face = self._layer(gate), self._region.grid, gate.face
        if layer is None:
            return
        cells = face.columns[faces, 0]
        along = layer.along[:, faces]
        along[face.axis] = layer.slope[faces] * (1.0 if face.side == 1 else -1.0)
        for a, (n, h) in enumerate(zip(grid.shape, grid.spacing, strict=True)):
            rise = along[a] * h
            low = grid.edges(a)[cells // int(np.prod(grid.shape[:a])) % n]
            level = np.abs(rise) < 1e-9
            rise = np.where(level, 1.0, rise)
            part = -np.log1p((x[a] - low) / h * np.expm1(-rise)) / rise
            x[a] = np.where(level, x[a], low + h * part)
