"""Claims of the papers, measured on the closed line or, for reservoir rules, beside a reservoir.

Only abstracts were at hand: claims are those of abstracts and of later reviews, not single numbers
of figures.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import hybridrd as hrd
from hybridrd.interface.published import LEAPS, Arrivals, crossing_removal_ratio
from tests.benchmarks.couplings.auxiliary_region import AuxiliaryRegion
from tests.benchmarks.couplings.flux_matching import FluxMatching
from tests.benchmarks.couplings.ghost_cell import GhostCell
from tests.benchmarks.couplings.line import Floats
from tests.benchmarks.couplings.measures import Figure, mean_of, measures, right_of
from tests.benchmarks.couplings.pde_assisted import PDEAssisted
from tests.benchmarks.couplings.problems import CELLS, DOMAIN, REGION, UNIFORM, H, Problem, modes
from tests.benchmarks.couplings.scheme import Published
from tests.benchmarks.couplings.two_regime import TwoRegime

Ranges = dict[str, tuple[float, float]]
FEW_COPIES = "with noise, 100 copies, D dt/h² = 0.5"
WIDTHS = 0.04, 0.25, 1.0  # D dt/h²: h = 5, 2 and 1 times sqrt(D dt)
RULES: dict[str, tuple[Arrivals, int]] = {
    "explicit": ("probability", 1), "tau": ("rate", LEAPS), "gillespie": ("rate", 1),
}  # fmt: skip


class Claim(NamedTuple):
    """What was varied, where the paper or theory puts the result, and what came of it."""

    scheme: str
    case: str
    measure: str
    low: float
    high: float
    found: Figure

    @property
    def holds(self) -> bool:
        """Whether the result is within 4.5 standard errors of the range."""
        margin = 4.5 * self.found.error
        return self.low - margin < self.found.value < self.high + margin


def closed_line(copies: int) -> Problem:
    """The uniform equilibrium with another number of copies."""
    return replace(
        UNIFORM, start={"A": (copies, 0.0, 0.5)}, closed=copies,
        exact=lambda t: modes(t, 0.0, 0.5, copies),
    )  # fmt: skip


def seen(scheme: Published, copies: int, alpha: float, replicas: int) -> dict[str, Figure]:
    """Measures of the closed line at ``alpha = D dt/H²``."""
    problem = closed_line(copies)
    run = scheme.run(problem, alpha * H**2, replicas, 1)
    return measures(run.contents, run.total, problem, right_of(problem, None, one_way=False))


def width(
    scheme: Published, alpha: float, limits: Ranges, replicas: int, what: str = ""
) -> list[Claim]:
    """Flegg et al. 2012 and 2015, Smith and Yates 2018: the error as h falls to sqrt(D dt)."""
    found = seen(scheme, 1000, alpha, replicas)
    case = f"{what}h = {alpha**-0.5:.2g} sqrt(D dt)"
    return [
        Claim(scheme.name, case, f"bias of the {name}", *limits[name], found[name])
        for name in limits
    ]


def variance(
    scheme: Published,
    case: str,
    copies: int,
    alpha: float,
    low: float,
    high: float,
    replicas: int,
    bias: tuple[float, float] = (-0.5, 0.5),
) -> list[Claim]:
    """Franz et al. 2013 and Alexander et al. 2002: what keeps the variance of the region."""
    found = seen(scheme, copies, alpha, 3 * replicas)
    name = scheme.name.split(",")[0]
    kept = Claim(
        name, case, "variance of the region over the right one", low, high,
        found["variance, region"],
    )  # fmt: skip
    return [kept, Claim(name, case, "bias of the region, %", *bias, found["region, %"])]


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


def reservoir_rule(rule: str, alpha: float, replicas: int) -> list[Claim]:
    """Published scripts of Kostre et al. 2021: 0.75 to 1.13 c_R."""
    arrivals, leaps = RULES[rule]
    right = crossing_removal_ratio(alpha, arrivals, leaps)
    found = ratio(rule, alpha, max(3, replicas // 20))
    name, case = f"reservoir rule, {rule}", f"D dt/dx² = {alpha:g}"
    return [Claim(name, case, "concentration over c_R", right - 0.003, right + 0.003, found)]


def both(region: tuple[float, float], cell: tuple[float, float]) -> Ranges:
    """Ranges of the two biases, in per cent."""
    return {"region, %": region, "continuum cell, %": cell}


NONE = both((-0.5, 0.5), (-1.0, 1.0))
#: Each measures some claims with a number of replicas; ranges are what the papers say in words.
CASES: list[Callable[[int], list[Claim]]] = [
    *(partial(reservoir_rule, rule, alpha) for rule in RULES for alpha in (0.1, 0.5)),
    partial(width, TwoRegime(), 0.04, both((-1.0, 1.0), (8.0, 15.0))),
    partial(width, TwoRegime(), 0.25, both((-3.0, -0.5), (20.0, 40.0))),
    partial(width, TwoRegime(), 1.0, both((-5.0, -2.0), (50.0, 90.0))),
    *(partial(width, s, a, NONE) for s in (GhostCell(), AuxiliaryRegion()) for a in WIDTHS),
    *(
        partial(width, AuxiliaryRegion(w * H), 0.25, NONE, what=f"auxiliary width {w:g} h, ")
        for w in (0.4, 2.0)
    ),
    partial(variance, PDEAssisted(0), "no overlap", 100, 0.5, 0.5, 0.8),
    partial(variance, PDEAssisted(4), "overlap of 4 cells", 100, 0.5, 0.7, 0.9),
    partial(variance, PDEAssisted(8), "overlap of 8 cells", 100, 0.5, 0.8, 1.0),
    partial(variance, FluxMatching(noise=False), "without noise", 1000, 0.25, 0.5, 0.75),
    partial(variance, FluxMatching(noise=True), "with noise", 1000, 0.25, 0.95, 1.0),
    partial(variance, FluxMatching(noise=True), FEW_COPIES, 100, 0.5, 0.9, 1.1, bias=(0.5, 3.0)),
]


def run_case(folder: Path, number: int, replicas: int) -> None:
    """Measure one of them, unless its file is there."""
    place = folder / f"claim-{number}.json"
    if not place.exists():
        place.write_text(json.dumps([(*c[:5], asdict(c.found)) for c in CASES[number](replicas)]))


def kept_claims(folder: Path) -> list[Claim]:
    """All that were measured."""
    found = []
    for number in range(len(CASES)):
        place = folder / f"claim-{number}.json"
        rows = json.loads(place.read_text()) if place.exists() else []
        found += [Claim(*row[:5], Figure(**row[5])) for row in rows]
    return found
