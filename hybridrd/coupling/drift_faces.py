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
from hybridrd.model.grid import AXES
from hybridrd.particles.region import Region, RegionFace

# For larger rises over a layer its rate is kept at the value for this one; the ratio of both rates
# still follows the rise.
MOST_RISE = 4.0
# A drift is the same in all cells if it changes by no more than this part of itself.
SAME = 1e-9


@dataclass(frozen=True)
class LayerDrift:
    """Exchange of a boundary layer with a drift, by face cell.

    With a drift f, inwards and in units of D/w, steady densities are ``A + B exp(f d)`` at depth d
    (in widths w): B without a flux, as Boltzmann's, A a uniform flow. The ratio of the rates, in
    and out, keeps B: ``exp(z)``, z being the rise from the layer to where c_R belongs. Their size
    then keeps A, see `drifting_rate`. The layer itself then holds ``exp(f) - f/beta`` of a uniform
    flow, less ``f D dt/(2 w²)`` as it is seen before the exchange; without a flux its density is
    Boltzmann's.

    Attributes
    ----------
    survival
        Probability that a particle in the layer is not removed in the step.
    arrivals
        Mean arrivals per area at unit c_R (length).
    slope, along
        Rises outwards, and along each axis, ``(d, face cells)``, by which arrivals are placed
        (1/length): of the potential, or at a wall of ``-ln c_R``.
    """

    survival: Floats
    arrivals: Floats
    slope: Floats
    along: Floats


def layer_drift(
    drift: Drift, region: Region, gate: Gate, numbers: FaceNumbers, dt: float
) -> LayerDrift:
    """The exchange of a species that drifts, through the layer at a gate; see `LayerDrift`.

    Where D depends on the place, each face cell has the rate that puts c_R at the same resistance
    to a flux: at a distance ``D_in/D_out`` times that of the numbers, if it is beyond the plane.
    """
    face, w = gate.face, numbers.width
    h = region.grid.spacing[face.axis]
    cells = _cells_inside(region, face)
    slope, half = _rises(drift, region, face)
    cell = face.outside >= 0 and numbers.stencil == "cell"
    if face.outside >= 0:
        beyond = face.columns[:, face.outside]
        # The content of a cell is at its centre when nothing flows, wherever it belongs in a
        # gradient.
        rise = 0.5 * w * slope + half * (1.0 if cell else 2.0 * numbers.offset / h)
        mean = np.ones(len(cells))
    else:
        rise = (0.5 * w + numbers.offset) * slope
        mean = _sinhc(0.5 * w * slope)  # of exp(-U) over the layer, beside that in its middle
    rate = np.full(len(cells), -np.log(numbers.survival))
    offset = np.full(len(cells), numbers.offset / w)
    if drift.uneven:
        here = drift.D[cells]
        ratio = here / drift.D[beyond] if face.outside >= 0 else np.ones(len(cells))
        rate = here * dt / w**2 * _rates(here, ratio, numbers, dt, face.name)
        offset *= ratio
    still = np.zeros(len(cells))
    factor = drifting_rate(w * slope, offset, cell) / drifting_rate(still, offset, cell)
    survival = np.exp(-rate * factor)
    along = _along(drift, region, gate, cells)
    if face.outside < 0:  # c_R is given in the middle of each face cell
        for steep, width in zip(along, region.grid.spacing, strict=True):
            mean = mean * _sinhc(0.5 * width * steep)
    return LayerDrift(survival, w * mean * np.exp(rise) * (1.0 - survival), slope, along)


def _along(drift: Drift, region: Region, gate: Gate, cells: Integers) -> Floats:
    """How steep the density beyond a layer falls along each axis of its face (1/length)."""
    along = np.zeros((region.grid.dimension, len(cells)))
    for a, h in enumerate(region.grid.spacing):
        if a == gate.face.axis:
            continue
        if gate.value is None:
            along[a] = (drift.across[a] - drift.flow[a])[cells] / h
        elif callable(gate.value):
            low, high = (gate.given_beside(AXES[a], part * h) for part in (-0.5, 0.5))
            known = (low > 0.0) & (high > 0.0)
            along[a] = np.log(np.where(known, low, 1.0) / np.where(known, high, 1.0)) / h
    return along


def drifting_rate(f: Floats, offset: Floats, cell: bool) -> Floats:
    """Factor beta on the rate D/w² of a layer at which a uniform flow passes it unchanged.

    In the layer ``c'' - f c' - beta c`` is minus the arrivals, c goes on below it as ``A + B
    exp(f d)``, and c_R is ``A + B exp(-f offset)``, or, of a cell, ``a A + B exp(-f/2)
    sinh(f/2)/(f/2)``, the content of a cell of Boltzmann's density, ``a = 1 + f (offset - 1/2)``.
    So ``beta C = f/2 + q coth(q)``, ``q = sqrt(f²/4 + beta)``, where C is c_R's distance from what
    enters; for f = 0 this is ``coth(K)/K = 1 + offset``, ``beta = K²``.

    Parameters
    ----------
    f
        Drift inwards (D/w), which is how much the potential rises outwards over the layer; at most
        4 of it counts.
    offset
        Where c_R belongs in a gradient, in layer widths.
    cell
        Whether c_R is the content of a cell.

    Examples
    --------
    >>> drifting_rate(np.array([-0.5, 0.0, 0.5]), np.full(3, 0.5), True).round(4).tolist()
    [1.0211, 0.8446, 0.6783]
    """
    f = np.clip(f, -MOST_RISE, MOST_RISE)
    level = np.abs(f) < 1e-6
    safe = np.where(level, 1e-6, f)
    if cell:
        reach = ((1.0 + safe * (offset - 0.5)) * np.exp(0.5 * safe) / _sinhc(0.5 * safe) - 1) / safe
    else:
        reach = np.expm1(safe * offset) / safe
    distance = np.where(level, 1.0 + offset, np.expm1(safe) / safe + reach * np.exp(safe))
    beta = np.ones(len(f))
    for _ in range(12):
        q = np.sqrt(0.25 * f * f + beta)
        excess = beta * distance - 0.5 * f - q / np.tanh(q)
        slope = distance - 0.5 * (1.0 / np.tanh(q) / q - 1.0 / np.sinh(q) ** 2)
        beta = np.maximum(beta - excess / slope, 0.1 * beta)
    return np.asarray(beta)


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
    """The arrivals of a drifting species through a gate without a layer; see `PlaneDrift`."""
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
    _, z = _rises(drift, region, face)
    return numbers.reactivity * bernoulli(z), numbers.reactivity * bernoulli(-z)


def _cells_inside(region: Region, face: RegionFace) -> Integers:
    """The cells of the region at a face."""
    if not region.is_box:
        return face.columns[:, 0]
    last = region.inner.shape[face.axis] - 1
    return face.columns[:, region.first[face.axis] + (last if face.side == 1 else 0)]


def _rises(drift: Drift, region: Region, face: RegionFace) -> tuple[Floats, Floats]:
    """Outward rises: per length inside a face, and over the half cell beyond it, flow included."""
    a, sign = face.axis, 1.0 if face.side == 1 else -1.0
    h = region.grid.spacing[a]
    cells = _cells_inside(region, face)
    slope = sign * drift.across[a][cells] / h
    if face.outside < 0:
        return slope, np.zeros(len(cells))
    lower = cells if face.side == 1 else face.columns[:, face.outside]
    # From centre to centre, less the half of it inside the plane.
    return slope, sign * drift.up[a][lower] - 0.5 * h * slope


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
