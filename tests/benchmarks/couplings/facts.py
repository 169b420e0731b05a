"""Numbers in the text of the page, and results that would be faults."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from tests.benchmarks.couplings.claims import FEW_COPIES, Claim
from tests.benchmarks.couplings.measures import Cell, Figure, Found
from tests.benchmarks.couplings.own import own
from tests.benchmarks.couplings.problems import PROBLEMS, H

WITH_PDE = "layer, PDE", "exact plane, PDE", "calibrated layer, PDE"
OTHERS_WITHOUT_NOISE = "PDE-assisted", "auxiliary region", "flux matching"
CONSERVING = (
    "PDE-assisted", "PDE-assisted, overlap", "two-regime", "ghost cell", "auxiliary region",
    "flux matching", "flux matching, noise", *WITH_PDE, "calibrated layer, Gaussian",
    "calibrated layer, discrete", "adaptive, PDE", "adaptive, Gaussian", "adaptive, discrete",
)  # fmt: skip


def spread(figures: Iterable[Figure]) -> str:
    """The least and the largest of some figures, with their errors."""
    ordered = sorted(figures, key=lambda figure: figure.value)
    if len(ordered) < 2:
        return str(*ordered) or "(not run)"
    return f"{ordered[0]} to {ordered[-1]}"


def numbers(values: Iterable[float]) -> str:
    """The median, the least and the largest of some numbers without an error."""
    ordered = sorted(values)
    shown = [
        f"{x:.0f}" if x >= 10 else f"{x:.2g}"
        for x in (float(np.median(ordered)), ordered[0], ordered[-1])
    ]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"


def _cells(found: Found, names: Iterable[str]) -> Iterator[Cell]:
    return (cell for name in names for cell in found.get(name, {}).values())


def _clear(found: dict[str, Found], titles: dict[str, str]) -> list[tuple[float, float, str]]:
    """Biases of hybridrd's couplings of more than 4 standard errors, their steps; largest first."""
    rows = [
        (abs(figure.value), dt, f"{name} at D dt/h² = {dt / H**2:g}, {titles[problem]}, "
         f"{measure.removesuffix(', %')}: {figure} %")
        for problem, runs in found.items()
        for name in (scheme.name for scheme in own())
        for dt, cell in runs.get(name, {}).items()
        for measure, figure in cell.values.items()
        if measure.endswith("%") and abs(figure.value) > 4 * figure.error > 0
    ]  # fmt: skip
    return sorted(rows, reverse=True)


def collect(found: dict[str, Found], claims: list[Claim]) -> dict[str, str]:
    """The numbers that the text of the page names, by their places in it."""
    titles = {p.name: p.title[0].lower() + p.title[1:] for p in PROBLEMS}
    titles |= {"annihilation": "A + B -> 0", "front": "Fisher front"}
    uniform = found["uniform"]
    clear = _clear(found, titles)
    shown = "\n".join(f"  - {row}" for _, _, row in clear[:10]) or "  - none in this run"
    largest = max(dt for dt in uniform["particles alone"])
    coarse = sum(dt == largest for _, dt, _ in clear)
    rest = f" ({coarse} of {len(clear)} are at D dt/h² = {largest / H**2:g}"
    rest += "; the ten largest)" if len(clear) > 10 else ")"

    def variance(*names: str) -> str:
        return spread(cell.values["variance, region"] for cell in _cells(uniform, names))

    def times(*names: str, problems: Iterable[str] = tuple(found)) -> str:
        return numbers(c.replica for p in problems for c in _cells(found[p], names))

    def claimed(measure: str, case: str) -> str:
        return spread(c.found for c in claims if measure in c.measure and case in (c.case, ""))

    def bias(problem: str, *names: str) -> str:
        return spread(cell.values["region, %"] for cell in _cells(found[problem], names))

    def of_a_step(problem: str) -> str:
        until = {p.name: p.until for p in PROBLEMS}
        alone = found[problem]["particles alone"]
        return numbers(1e6 * cell.seconds * dt / until[problem] for dt, cell in alone.items())

    every = [c for runs in found.values() for row in runs.values() for c in row.values()]
    totals = [
        cell.values["mass error"].value
        for p in found
        for cell in _cells(found[p], CONSERVING)
        if "mass error" in cell.values
    ]
    return {
        "variance_pde": variance(*WITH_PDE),
        "variance_others": variance(*OTHERS_WITHOUT_NOISE),
        "variance_discrete": variance("calibrated layer, discrete"),
        "variance_adaptive": variance("adaptive, discrete"),
        "step_function": of_a_step("reservoir"),
        "step_closed": of_a_step("one_sided"),
        "clear": shown,
        "rest": rest,
        "time_pde": times(*WITH_PDE),
        "time_pairs": times(*WITH_PDE, problems=("annihilation", "pairs", "front")),
        "time_noise": times("calibrated layer, Gaussian", "calibrated layer, discrete"),
        "time_adaptive": times("adaptive, PDE", "adaptive, Gaussian", "adaptive, discrete"),
        "time_published": times(*OTHERS_WITHOUT_NOISE, "two-regime", "ghost cell"),
        "rules": claimed("c_R", ""),
        "layer_bias": bias("morphogen", "layer, PDE"),
        "calibrated_bias": bias("morphogen", "calibrated layer, PDE"),
        "front_particles": bias("front", "particles alone"),
        "front_own": bias("front", *(scheme.name for scheme in own())),
        "noise_few": claimed("bias", FEW_COPIES),
        "noise_many": claimed("bias", "with noise"),
        "mass": f"{max(totals):.1g}" if totals else "0",
        "turns": f"{min(cell.turns for cell in every)}",
        "longest": f"{np.median([cell.longest for cell in every]):.2g}",
        "figures": str(sum(len(cell.values) for cell in every)),
        "fewest": str(min(cell.replicas for cell in every)),
        "most": str(max(cell.replicas for cell in every)),
    }


def failures(found: dict[str, Found], claims: list[Claim]) -> list[str]:
    """Claims that did not come out, mass that was lost, and gross biases of hybridrd."""
    wrong = [
        f"{c.scheme}, {c.case}: {c.measure} {c.found}, not in {c.low:g} to {c.high:g}"
        for c in claims
        if not c.holds
    ]
    names = [scheme.name for scheme in own()]
    for problem, runs in found.items():
        for name, row in runs.items():
            for cell in row.values():
                mass = cell.values.get("mass error")
                if mass and name in CONSERVING and mass.value > 1e-6:
                    wrong.append(f"{name}, {problem}: mass error {mass.value:g}")
                bias = cell.values["region, %"]
                if name in names and abs(bias.value) > 10 + 5 * bias.error:
                    wrong.append(f"{name}, {problem}: bias of the region {bias} %")
                if not np.isfinite(bias.value):
                    wrong.append(f"{name}, {problem}: the region is {bias.value}")
    return wrong
