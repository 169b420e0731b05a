"""Exchange of particles that drift, through boundary layers and planes, by face cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.continuum.conditions import bernoulli
from hybridrd.coupling.face_exchange import Gate
from hybridrd.coupling.stencil import Stencil
from hybridrd.errors import StepError
from hybridrd.interface import FaceNumbers
from hybridrd.interface.calibration import calibrated_rate
from hybridrd.model.drift import Drift
from hybridrd.particles.region import Region, RegionFace

# A drift is the same in all cells if it changes by no more than this part of itself.
SAME = 1e-9


@dataclass(frozen=True)
class LayerDrift:
    """Exchange of a boundary layer with a drift, by face cell.

    Without one a layer of width w loses particles at the rate ``beta D/w²``, as if over the
    distance ``l = w/beta``. With a rise z of the potential from the layer to where c_R belongs (and
    of the flow's work over l) it loses them at ``D/(w l) B(z)`` and gains ``D/(w l) B(-z)`` of c_R:
    each face is in detailed balance with Boltzmann's density, and lets a uniform flow u pass as it
    is. In a flow the layer itself is short of ``u dt/w`` where it comes in, as long as the layer
    takes to be crossed; at rest nothing is.

    Attributes
    ----------
    survival
        Probability that a particle in the layer is not removed in the step.
    arrivals
        Mean arrivals per area at unit c_R (length).
    slope
        Rise of the potential outwards (1/length), by which arrivals are placed.
    """

    survival: Floats
    arrivals: Floats
    slope: Floats


def layer_drift(
    drift: Drift, region: Region, face: RegionFace, numbers: FaceNumbers, D: float, dt: float
) -> LayerDrift:
    """The exchange of a species that drifts, through the layer at a face; see `LayerDrift`.

    ``D`` is that for which ``numbers`` were made. Where D depends on the place, each face cell has
    the rate that puts c_R at the same resistance to a flux: at a distance ``D_in/D_out`` times that
    of the numbers, if it is beyond the plane.
    """
    a, w = face.axis, numbers.width
    h = region.grid.spacing[a]
    sign = 1.0 if face.side == 1 else -1.0
    cells = _cells_inside(region, face)
    slope, half, work = _rises(drift, region, face)
    if face.outside >= 0:
        beyond = face.columns[:, face.outside]
        # The content of a cell is at its centre when nothing flows, wherever it belongs in a
        # gradient.
        reach = 1.0 if numbers.stencil == "cell" else 2.0 * numbers.offset / h
        rise = 0.5 * w * slope + half * reach
        mean = np.ones(len(cells))
    else:
        rise = (0.5 * w + numbers.offset) * slope
        mean = _sinhc(0.5 * w * slope)  # of exp(-U) over the layer, beside that in its middle
    distance = np.full(len(cells), -D * dt / (w * np.log(numbers.survival)))
    if drift.uneven:
        here = drift.D[cells]
        ratio = here / drift.D[beyond] if face.outside >= 0 else np.ones(len(cells))
        distance = w / _rates(here, ratio, numbers, dt, face.name)
    z = rise + sign * work * (distance / h)
    rate = drift.D[cells] * dt / (w * distance)
    survival = np.exp(-rate * bernoulli(z))
    return LayerDrift(survival, w * mean * np.exp(z) * (1.0 - survival), slope)


def _rates(D: Floats, ratio: Floats, numbers: FaceNumbers, dt: float, where: str) -> Floats:
    """The factor on a layer's rates for each face cell, see `layer_drift`. Raises StepError."""
    if numbers.beta == 1.0:  # the paper's, with the offset that it happens to have
        return np.ones(len(D))
    known: dict[tuple[float, float], float] = {}
    pairs = [(float(f"{d * dt / numbers.width**2:.6g}"), float(f"{r:.6g}"))
             for d, r in zip(D, ratio, strict=True)]  # fmt: skip
    for alpha, r in set(pairs):
        try:
            known[alpha, r] = calibrated_rate(alpha, r * numbers.offset / numbers.width)
        except StepError as error:
            raise StepError(f"{where}: {error}") from None
    return np.array([known[pair] for pair in pairs])


def _sinhc(z: Floats) -> Floats:
    safe = np.where(np.abs(z) < 1e-6, 1.0, z)
    return np.where(np.abs(z) < 1e-6, 1.0, np.sinh(safe) / safe)


@dataclass(frozen=True)
class PlaneDrift:
    """Arrivals through an open plane, an influx wall or a leaky one with a drift, by face cell.

    See `hybridrd.kernels.drift_arrivals`. In two-way coupling a plane is as open as the half cell
    beyond it: ``2 D/h B(z)`` out and ``2 D/h B(-z)`` in, z being the rise from the plane to the
    centre of that cell.

    Attributes
    ----------
    per_area
        Candidates per area and step at unit c_R (length), or at unit flux (time).
    velocity
        Drift along each axis, ``(d, face cells)`` (length/time).
    gamma
        Reactivity for those that are back at the face (1/length).
    """

    per_area: Floats
    velocity: Floats
    gamma: Floats


def plane_drift(
    drift: Drift, region: Region, gate: Gate, gamma: float, D: float, dt: float
) -> PlaneDrift:
    """The arrivals of a species that drifts through a gate that is no layer; see `PlaneDrift`."""
    face = gate.face
    cells = _cells_inside(region, face)
    velocity = -drift.across[:, cells] * (D / np.array(region.grid.spacing)[:, None])
    inward = velocity[face.axis] * (-1.0 if face.side else 1.0)
    gammas = np.full(len(cells), gamma if np.isfinite(gamma) and gamma > 0 else 0.0)
    if gate.is_influx:
        per_area = np.full(len(cells), dt)
    elif gate.leak is None:
        per_area = 2.0 * np.sqrt(D * dt / np.pi) + np.maximum(inward, 0.0) * dt
    elif gate.numbers is None:
        per_area = gammas * D * dt
    else:
        gammas, entering = half_cell(drift, region, face, gate.numbers)
        per_area = entering * D * dt
    return PlaneDrift(per_area, velocity, gammas)


def half_cell(
    drift: Drift, region: Region, face: RegionFace, numbers: FaceNumbers
) -> tuple[Floats, Floats]:
    """Reactivities of a two-way plane out and in, by face cell (1/length); see `PlaneDrift`."""
    _, half, work = _rises(drift, region, face)
    sign = 1.0 if face.side == 1 else -1.0
    z = half + 0.5 * sign * work
    return numbers.reactivity * bernoulli(z), numbers.reactivity * bernoulli(-z)


def _cells_inside(region: Region, face: RegionFace) -> Integers:
    """The cells of the region at a face."""
    if not region.is_box:
        return face.columns[:, 0]
    last = region.inner.shape[face.axis] - 1
    return face.columns[:, region.first[face.axis] + (last if face.side == 1 else 0)]


def _rises(drift: Drift, region: Region, face: RegionFace) -> tuple[Floats, Floats, Floats]:
    """Of the potential per length inside a face, and over the half cell beyond; work of the flow.

    Outwards, but for the work of the flow over a cell, which is along the axis.
    """
    a, sign = face.axis, 1.0 if face.side == 1 else -1.0
    h = region.grid.spacing[a]
    cells = _cells_inside(region, face)
    work = drift.flow[a][cells]
    slope = sign * (drift.across[a][cells] - work) / h
    if face.outside < 0:
        return slope, np.zeros(len(cells)), work
    beyond = face.columns[:, face.outside]
    lower = cells if face.side == 1 else beyond
    work = 0.5 * (work + drift.flow[a][beyond])
    # From centre to centre, less the half of it inside the plane.
    return slope, sign * (drift.up[a][lower] - work) - 0.5 * h * slope, work


def fitted_stencil(stencil: Stencil, drift: Drift, axis: int) -> Stencil:
    """The stencil of a mean field that reads c_R between two cells, for a species that drifts.

    With a rise z from one to the other the concentration at the part w of the way is not on a line,
    but on ``A + B exp(-z w)``, which has the same flux everywhere; Boltzmann's is one of these.
    """
    if stencil.cells.shape[1] == 1:
        return stencil
    z, w = drift.up[axis][stencil.cells[:, 0]], stencil.weights[1]
    level = np.abs(z) < SAME
    safe = np.where(level, 1.0, z)
    upper = np.where(level, w, np.expm1(-safe * w) / np.expm1(-safe))
    return Stencil(stencil.cells, np.stack([1.0 - upper, upper], axis=1))
