"""Report of the choices made for a run and their accuracy, part of the diagnostics of a result."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybridrd.model.system import System
from hybridrd.reactions.tables import Encounter, pair_probability
from hybridrd.simulation.plan import Plan
from hybridrd.theory.fluctuations import expected_total_ratio


def report(plan: Plan) -> dict[str, Any]:
    """Interface schemes with their numbers, pair probabilities, and expected fluctuations."""
    gates = [
        {
            "where": gate.where,
            "scheme": gate.numbers.kind,
            "width": gate.numbers.width,
            "alpha": gate.numbers.alpha,
            "rate_factor": gate.numbers.beta,
            "offset": gate.numbers.offset,
        }
        for gate in plan.gates()
        if gate.numbers is not None and gate.numbers.spread > 0
    ]
    found: dict[str, Any] = {
        "coupling": plan.coupling,
        "interface": gates,
        "pairs": [_pair_report(plan, e) for e in plan.tables.encounters if not e.back],
    }
    silent = plan.coupling == "two-way" and not plan.system.fluctuations
    in_box = plan.region is not None and plan.region.is_box
    if silent and in_box and not plan.system.domain.radial and plan.user_cells is None:
        found["expected_total_variance_ratio"] = _variance_ratios(plan)
    return found


def _variance_ratios(plan: Plan) -> dict[str, float]:
    """Variance of the region's copy number over that of independent particles, per species.

    A continuum without noise passes too few fluctuations to the particles; this is the ratio at
    equilibrium and without reactions.
    """
    region, system = plan.region, plan.system
    assert region is not None
    box = [(f, f + n) for f, n in zip(region.first, region.inner.shape, strict=True)]
    ratios = {}
    for species in system.species:
        if species.uneven or species.D > 0:
            walls = [
                (_kind(system, a + "-", species.name), _kind(system, a + "+", species.name))
                for a in system.domain.axes
            ]
            ratio = expected_total_ratio(region.grid.shape, box, region.grid.spacing, walls)
            ratios[species.name] = round(ratio, 3)
    return ratios


def _kind(system: System, side: str, name: str) -> str:
    """The kind of a wall for `expected_total_ratio`."""
    wall = system.walls.get(side)
    if wall is None:
        return "closed"
    if wall.joined:
        return "periodic"
    return "open" if wall.law(name).kappa > 0 else "closed"


def _beyond_walls(plan: Plan, pair: Encounter) -> float:
    """Fraction of the reactive volume that lies beyond walls without partners.

    The mean over a uniform profile in a box, to first order in radius/length. By this fraction the
    particles react more slowly than k, which a PDE has up to the wall.
    """
    region, system = plan.region, plan.system
    if region is None or not region.is_box or system.domain.radial:
        return 0.0
    node, weight = np.polynomial.legendre.leggauss(24)
    depths = 0.5 * pair.radius * (1.0 + node)
    cut = [pair.kernel.beyond(float(z), system.dimension) for z in depths]
    each = 0.5 * pair.radius * float(weight @ cut) / pair.volume  # for one wall, times the length
    names = [system.species[s].name for s in pair.partners if s is not None]
    part = 0.0
    for a, (axis, ends) in enumerate(zip(system.domain.axes, system.domain.intervals, strict=True)):
        for side, at, end in zip("-+", (region.low[a], region.high[a]), ends, strict=True):
            wall = system.walls.get(axis + side)
            if np.isclose(at, end) and not (wall is not None and wall.joined):
                lacking = [wall is None or not wall.law(name).held for name in names]
                part += float(np.mean(lacking)) * each / (region.high[a] - region.low[a])
    return part


def _pair_report(plan: Plan, pair: Encounter) -> dict[str, Any]:
    d = plan.system.dimension
    k = float(np.max(plan.tables.macroscopic(0.5 * plan.dt)[pair.channel]))
    lambda0 = k / pair.volume
    lasting = not any(pair.consumes)
    chance = pair_probability(pair, np.array([k]), plan.dt, d, "")
    half = chance.hazard if lasting else -np.expm1(-chance.hazard)
    report: dict[str, Any] = {
        "reaction": plan.system.channels[pair.channel].label,
        "k": k,
        "lambda0": lambda0,
        "radius": pair.radius,
        "probability_per_step": float(chance.full[0]),
        "probability_per_half_step": float(half[0]),
    }
    beyond = _beyond_walls(plan, pair)
    if beyond > 0:
        report["beyond_walls"] = round(beyond, 4)
    effective = None if lasting else pair.kernel.effective_rate(lambda0, pair.D, d)
    if effective is not None:
        report["effective_k"] = effective
        if effective < 0.99 * k:
            report["note"] = (
                f"Doi's effective rate {effective:.4g} is {100 * (1 - effective / k):.1f} % below "
                f"the macroscopic k = {k:.4g}, which the continuum uses"
            )
    return report
