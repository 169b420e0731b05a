"""Tables and pictures of schemes x problems x steps, and the page that holds them."""

from __future__ import annotations

import argparse
import multiprocessing
import platform
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.benchmarks.couplings import claims
from tests.benchmarks.couplings.auxiliary_region import AuxiliaryRegion
from tests.benchmarks.couplings.flux_matching import FluxMatching
from tests.benchmarks.couplings.ghost_cell import GhostCell
from tests.benchmarks.couplings.line import Floats
from tests.benchmarks.couplings.measures import Figure, cost, measures, right_of
from tests.benchmarks.couplings.own import own, particles, rules
from tests.benchmarks.couplings.pde_assisted import PDEAssisted
from tests.benchmarks.couplings.problems import PROBLEMS, H, Problem
from tests.benchmarks.couplings.scheme import Scheme
from tests.benchmarks.couplings.two_regime import TwoRegime
from tests.benchmarks.timing import table

STEPS = (2.5e-4, 6.25e-4, 2.5e-3)
ROUNDS = 3
BOUND = 2.0  # per cent, at which costs are compared
TEXT = Path(__file__).with_name("page.md")


class Cell(NamedTuple):
    """What a scheme made of a problem at one step."""

    values: dict[str, Figure]
    cost: float  # processor seconds for the bound, over those of particles alone
    replica: float  # processor seconds of a replica, over those of particles alone
    replicas: int


Found = dict[str, dict[float, Cell]]


def schemes() -> list[Scheme]:
    """All of them, hybridrd's last."""
    return [
        *rules(), PDEAssisted(0), PDEAssisted(4), TwoRegime(), GhostCell(), AuxiliaryRegion(),
        FluxMatching(noise=False), FluxMatching(noise=True), *own(),
    ]  # fmt: skip


def turns(
    runs: list[Scheme], problem: Problem, dt: float, seconds: float, most: int
) -> dict[str, tuple[Floats, float]]:
    """Contents, and processor seconds of a replica, of schemes that run in turn.

    Each takes ``ROUNDS`` turns of as many replicas as ``seconds`` hold, from 3 to ``most`` a turn;
    the cost is the median of the turns, with the cost of one replica alone taken off.
    """
    count, alone = {}, {}
    for scheme in runs:
        scheme.run(problem, dt, 1, 1)  # compiles
        each = alone[scheme.name] = scheme.run(problem, dt, 1, 1).seconds
        if each < seconds / ROUNDS:
            each = max(scheme.run(problem, dt, 3, 1).seconds, 1e-6)
        count[scheme.name] = int(np.clip(seconds / ROUNDS / each, 3, most))
    contents: dict[str, list[Floats]] = {scheme.name: [] for scheme in runs}
    times: dict[str, list[float]] = {scheme.name: [] for scheme in runs}
    for turn in range(ROUNDS):
        for scheme in runs:
            n = count[scheme.name]
            found = scheme.run(problem, dt, n, 2 + turn)
            contents[scheme.name].append(found.contents)
            spent = (found.seconds * n - alone[scheme.name]) / (n - 1)
            times[scheme.name].append(spent if spent > 0 else found.seconds)
    return {k: (np.concatenate(v), float(np.median(times[k]))) for k, v in contents.items()}


def compare(problem: Problem, steps: tuple[float, ...], seconds: float, most: int) -> Found:
    """Measures and costs of each scheme at each step, by its name."""
    found: Found = {}
    alone = particles()
    for dt in steps:
        runs = [s for s in schemes() if s.refuses(problem, dt) is None]
        outcomes = turns([alone, *runs], problem, dt, seconds, most)
        if dt == steps[0]:  # the finest step, for problems without a closed form
            reference = outcomes[alone.name][0]
        one = outcomes[alone.name][1]
        exact = right_of(problem, reference, one_way=False)
        bias = measures(outcomes[alone.name][0], problem, exact)["region, %"]
        standard = cost(one, outcomes[alone.name][0], problem, Figure(0.0, bias.error), BOUND)
        for scheme in [alone, *runs]:
            contents, each = outcomes[scheme.name]
            values = measures(contents, problem, right_of(problem, reference, scheme.one_way))
            price = cost(each, contents, problem, values["region, %"], BOUND) / standard
            cell = Cell(values, price, each / one, len(contents))
            found.setdefault(scheme.name, {})[dt] = cell
    return found


def draw(problem: Problem, found: Found, place: Path) -> None:
    """Error of the region's content against cost, a line for each scheme over its steps."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(9.0, 5.0), layout="constrained")
    published = len(schemes()) - len(own()) + 1
    for i, (name, runs) in enumerate(found.items()):
        biases = [cell.values["region, %"] for cell in runs.values()]
        ax.errorbar(
            [cell.replica for cell in runs.values()], [abs(b.value) for b in biases],
            [b.error for b in biases], marker="os^vD<>pPXh*d8"[i % 14], color=f"C{i % 10}",
            label=name, linewidth=0.8, markersize=4, linestyle="-" if i < published else "--",
        )  # fmt: skip
    ax.set(xscale="log", title=problem.title, ylabel="error of the mean of the region (%)")
    ax.set_xlabel("processor time of a replica, over that of particles alone at the same step")
    ax.set_yscale("symlog", linthresh=1.0)
    ax.set_ylim(bottom=0)
    figure.legend(loc="outside right upper", fontsize=7, frameon=False)
    figure.savefig(place, dpi=110)
    plt.close(figure)


def refusals(problem: Problem, steps: tuple[float, ...]) -> str:
    """Which schemes have no row at some step, and why, the same reasons together."""
    reasons: dict[str, list[str]] = {}
    for scheme in schemes():
        for dt in steps:
            reason = scheme.refuses(problem, dt)
            if reason is not None:
                where = f"{scheme.name} at {dt / H**2:g}"
                reasons.setdefault(reason.split(";")[0], []).append(where)
    return " ".join(f"Not run: {', '.join(who)} ({why})." for why, who in reasons.items())


def section(problem: Problem, found: Found, steps: tuple[float, ...]) -> str:
    """The table of one problem, with its picture."""
    names = list(next(iter(found["particles alone"].values())).values)
    rows = [
        [
            name, f"{dt / H**2:g}", *(str(cell.values.get(m, "")) for m in names),
            f"{cell.replica:.2g}", f"{cell.cost:.2g}" if np.isfinite(cell.cost) else "none",
            str(cell.replicas),
        ]
        for name, runs in found.items()
        for dt, cell in runs.items()
    ]  # fmt: skip
    head = ["scheme", "D dt/h²", *names, "time", f"cost to {BOUND:g} %", "replicas"]
    picture = (
        f"```{{image}} figures/couplings_{problem.name}.png\n"
        f":alt: {problem.title}: error of the mean of the region against processor time\n"
        ":width: 720px\n```"
    )
    parts = [f"## {problem.title}", problem.text, refusals(problem, steps), picture]
    return "\n\n".join([*filter(None, parts), table(head, rows)])


def build(
    name: str, steps: tuple[float, ...], seconds: float, most: int, figures: Path | None
) -> str:
    """The section of a problem, by its name; its picture is drawn."""
    problem = next(p for p in PROBLEMS if p.name == name)
    found = compare(problem, steps, seconds, most)
    if figures:
        figures.mkdir(exist_ok=True)
        draw(problem, found, figures / f"couplings_{problem.name}.png")
    return section(problem, found, steps)


def introduction(replicas: int) -> str:
    """The text of the page with the table of the papers' claims."""
    rows = [[c.scheme, c.case, c.measure, str(c.found)] for c in claims.claims(replicas)]
    found = table(["scheme", "case", "measure", "found"], rows)
    return TEXT.read_text().format(claims=found, machine=platform.machine()).strip()


def main() -> None:
    """Run all, print the page, write it on request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="one step, few replicas")
    parser.add_argument("--seconds", type=float, help="processor time of a scheme, problem, step")
    parser.add_argument("--processes", type=int, default=2, help="problems that run at once")
    names = ["text", *(problem.name for problem in PROBLEMS)]
    parser.add_argument("--parts", nargs="+", choices=names, default=names, metavar="PART")
    parser.add_argument("--out", type=Path, help="write the page and its figures here")
    options = parser.parse_args()
    steps, seconds, most, replicas = (
        (STEPS[2:], 0.0, 3, 5) if options.small else (STEPS, 2.0, 400, 40)
    )
    figures = options.out.parent / "figures" if options.out else None
    given = steps, options.seconds or seconds, most, figures
    parts: list[str] = []
    with ProcessPoolExecutor(options.processes, multiprocessing.get_context("spawn")) as pool:
        futures = [
            pool.submit(introduction, replicas)
            if part == "text"
            else pool.submit(build, part, *given)
            for part in options.parts
        ]
        for future in futures:
            parts.append(future.result())
            print(parts[-1], flush=True)
            if options.out:
                options.out.write_text("\n\n".join(parts) + "\n")
