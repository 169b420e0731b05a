"""Claims of the papers, measured on the closed line or, for reservoir rules, beside a reservoir.

Only abstracts were at hand: claims are those of abstracts and of later reviews, not single numbers
of figures.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import hybridrd as hrd
from tests.benchmarks.couplings.auxiliary_region import AuxiliaryRegion
from tests.benchmarks.couplings.flux_matching import FluxMatching
from tests.benchmarks.couplings.ghost_cell import GhostCell
from tests.benchmarks.couplings.line import Floats
from tests.benchmarks.couplings.measures import Figure, mean_of, measures, right_of
from tests.benchmarks.couplings.pde_assisted import PDEAssisted
from tests.benchmarks.couplings.problems import CELLS, DOMAIN, REGION, UNIFORM, H, Problem, modes
from tests.benchmarks.couplings.scheme import Published
from tests.benchmarks.couplings.two_regime import TwoRegime


class Claim(NamedTuple):
    """What was varied and what came of it."""

    scheme: str
    case: str
    measure: str
    found: Figure


def closed_line(copies: int) -> Problem:
    """The uniform equilibrium with another number of copies."""
    return replace(
        UNIFORM, start={"A": (copies, 0.0, 0.5)}, closed=copies,
        exact=lambda t: modes(t, 0.0, 0.5, copies),
    )  # fmt: skip


def seen(scheme: Published, copies: int, alpha: float, replicas: int) -> dict[str, Figure]:
    """Measures of the closed line at ``alpha = D dt/H²``."""
    problem = closed_line(copies)
    contents = scheme.run(problem, alpha * H**2, replicas, 1).contents
    return measures(contents, problem, right_of(problem, None, one_way=False))


def widths(replicas: int) -> Iterator[Claim]:
    """Flegg et al. 2012 and 2015, Smith and Yates 2018: the error as h falls to sqrt(D dt)."""
    for scheme in (TwoRegime(), GhostCell(), AuxiliaryRegion()):
        for alpha in (0.04, 0.25, 1.0):
            found = seen(scheme, 1000, alpha, replicas)
            for measure in ("region, %", "continuum cell, %"):
                case = f"h = {alpha**-0.5:.2g} sqrt(D dt)"
                yield Claim(scheme.name, case, f"bias of the {measure}", found[measure])
    for width in (0.4, 2.0):
        bias = seen(AuxiliaryRegion(width * H), 1000, 0.25, replicas)["region, %"]
        yield Claim(
            "auxiliary region", f"auxiliary width {width:g} h", "bias of the region, %", bias
        )


def variances(replicas: int) -> Iterator[Claim]:
    """Franz et al. 2013 and Alexander et al. 2002: what keeps the variance of the region."""
    measure = "variance, region"
    for overlap in (0, 4, 8):
        found = seen(PDEAssisted(overlap), 100, 0.5, replicas)[measure]
        yield Claim("PDE-assisted", f"overlap of {overlap} cells", measure, found)
    for noise in (False, True):
        found = seen(FluxMatching(noise), 1000, 0.25, replicas // 2)[measure]
        yield Claim("flux matching", "with noise" if noise else "without noise", measure, found)


def ratio(rule: str, alpha: float, replicas: int) -> Figure:
    """Concentration of a region over c_R with a rule of a published script."""
    dt = 6.25e-4
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hrd.AccuracyWarning)
        A = hrd.Species("A", D=1.0)
        system = hrd.System(
            species=[A], domain=DOMAIN, particles=REGION, cells=CELLS, coupling="mean-field",
            initial={A: 2e4}, interface=hrd.interface.Published(rule, width=(dt / alpha) ** 0.5),
        )  # fmt: skip
        found = hrd.ensemble(
            system, replicas, dt=dt, until=1.0, every=0.1, seed=1, record=["concentration"],
            keep=["concentration"], progress=False,
        )  # fmt: skip
    inside = found["concentration"].sel(species="A", x=slice(0, 0.25), time=slice(0.45, None))
    samples: Floats = inside.mean(["time", "x"]).values / 2e4
    return mean_of(samples)


def reservoir_rules(replicas: int) -> Iterator[Claim]:
    """Published scripts of Kostre et al. 2021: 0.75 to 1.13 c_R."""
    for rule in ("explicit", "tau", "gillespie"):
        for alpha in (0.1, 0.5):
            yield Claim(
                f"reservoir rule, {rule}", f"D dt/dx² = {alpha:g}", "concentration over c_R",
                ratio(rule, alpha, max(4, replicas // 20)),
            )  # fmt: skip


def claims(replicas: int) -> list[Claim]:
    """All of them."""
    return [*reservoir_rules(replicas), *widths(replicas), *variances(4 * replicas)]
