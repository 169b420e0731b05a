"""Tables, pictures and the text of the page, from runs that are kept in a folder."""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import re
import sys
import tempfile
import textwrap
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.benchmarks.couplings import facts, pictures
from tests.benchmarks.couplings.claims import CASES, Claim, kept_claims, run_case
from tests.benchmarks.couplings.measures import Cell, Figure, Found, cost, measures, right_of
from tests.benchmarks.couplings.problems import PROBLEMS, H, Problem
from tests.benchmarks.couplings.runs import (
    FULL,
    SMALL,
    Plan,
    kept,
    refusal,
    run_reference,
    run_turn,
    runners,
    schemes,
)
from tests.benchmarks.timing import table

BOUND = 2.0  # per cent, at which costs are compared
TEXT = Path(__file__).with_name("page.md")


def compare(problem: Problem, plan: Plan, folder: Path) -> Found:
    """Measures and costs of each scheme at each step, by its name."""
    found: Found = {}
    reference = None
    if problem.exact is None:
        reference = kept(folder, problem, plan.steps[0], "reference", plan).contents
    for dt in plan.steps:
        run = runners(problem, dt)
        one = kept(folder, problem, dt, run[0].name, plan)
        exact = right_of(problem, reference, one_way=False)
        bias = measures(one.contents, one.total, problem, exact)["region, %"]
        standard = cost(one.seconds, one.contents, problem, Figure(0.0, bias.error), BOUND)
        for scheme in run:
            these = kept(folder, problem, dt, scheme.name, plan)
            right = right_of(problem, reference, scheme.one_way)
            values = measures(these.contents, these.total, problem, right)
            price = cost(these.seconds, these.contents, problem, values["region, %"], BOUND)
            found.setdefault(scheme.name, {})[dt] = Cell(
                values, price / standard, these.seconds, these.seconds / one.seconds,
                len(these.contents), these.longest / these.seconds, these.turns,
            )  # fmt: skip
    return found


def _reference_replicas(plan: Plan, folder: Path) -> int:
    """The fewest replicas of a sampled reference."""
    dt, sampled = plan.steps[0], [problem for problem in PROBLEMS if problem.exact is None]
    return min(len(kept(folder, problem, dt, "reference", plan).total) for problem in sampled)


def refusals(problem: Problem, steps: tuple[float, ...]) -> str:
    """Which schemes have no row at some step, and why, the same reasons together."""
    reasons: dict[str, dict[str, list[str]]] = {}
    for i, scheme in enumerate(schemes()):
        for dt in steps:
            reason = refusal(i, problem.name, dt)
            if reason is not None:
                who = reasons.setdefault(reason.split(";")[0], {})
                who.setdefault(scheme.name, []).append(f"{dt / H**2:g}")
    sentences = []
    for why, who in reasons.items():
        where = [
            name if len(at) == len(steps) else f"{name} at {' and '.join(at)}"
            for name, at in who.items()
        ]
        sentences.append(f"Not run: {'; '.join(where)} ({why}).")
    return " ".join(sentences)


def section(problem: Problem, found: Found, steps: tuple[float, ...]) -> str:
    """The table of one problem, with its picture."""
    names = list(next(iter(found["particles alone"].values())).values)
    rows = [
        [
            name, f"{dt / H**2:g}", *(str(cell.values.get(m, "")) for m in names),
            f"{1e3 * cell.seconds:.2g}", f"{cell.replica:.2g}",
            f"{cell.cost:.2g}" if np.isfinite(cell.cost) else "none", str(cell.replicas),
        ]
        for name, runs in found.items()
        for dt, cell in runs.items()
    ]  # fmt: skip
    head = ["scheme", "D dt/h²", *names, "ms", "time", f"cost to {BOUND:g} %", "replicas"]
    picture = (
        f"```{{image}} figures/couplings_{problem.name}.png\n"
        f":alt: {problem.title}: bias of the mean of the region against processor time\n"
        ":width: 960px\n```"
    )
    parts = [f"## {problem.title}", problem.text, refusals(problem, steps), picture]
    return "\n\n".join([*filter(None, parts), table(head, rows)])


def reflow(text: str) -> str:
    """Paragraphs and items of a list in lines of 120 characters, numbers filled in."""
    blocks = []
    for block in text.split("\n\n"):
        if block.lstrip()[:1] in "|#`":
            blocks.append(block)
            continue
        items = []
        for item in re.split(r"\n(?=\s*- )", block):
            lead = item[: len(item) - len(item.lstrip())]
            rest = lead + "  " if item.lstrip().startswith("- ") else lead
            items.append(
                textwrap.fill(
                    " ".join(item.split()),
                    120,
                    initial_indent=lead,
                    subsequent_indent=rest,
                    break_on_hyphens=False,
                    break_long_words=False,
                )
            )
        blocks.append("\n".join(items))
    return "\n\n".join(blocks)


def claims_table(claims: list[Claim]) -> str:
    """Claims of the papers, with what was found."""
    rows = [
        [
            c.scheme, c.case, c.measure, f"{c.low:.4g} to {c.high:.4g}", str(c.found),
            "yes" if c.holds else "no",
        ]
        for c in claims
    ]  # fmt: skip
    return table(["scheme", "case", "measure", "range", "found", "within"], rows)


def work(folder: Path, plan: Plan) -> list[tuple[Callable[..., None], tuple[object, ...]]]:
    """All that is to be run: turn by turn, so that an early end leaves all rows."""
    numbers = range(plan.first_claim, len(CASES))
    claims = [(run_case, (folder, number, plan.claims)) for number in numbers]
    turns: list[tuple[Callable[..., None], tuple[object, ...]]] = []
    for turn in range(plan.turns):
        for problem in PROBLEMS:
            if problem.exact is None:
                turns.append((run_reference, (folder, problem.name, turn, plan)))
            turns += [(run_turn, (folder, problem.name, dt, turn, plan)) for dt in plan.steps]
    first = len(turns) // plan.turns
    return [*turns[:first], *claims, *turns[first:]]


def run_all(folder: Path, plan: Plan, processes: int) -> None:
    """Run what has no file yet; ``processes`` of 0 stays in this one."""
    jobs = work(folder, plan)
    if processes == 0:
        for function, arguments in jobs:
            function(*arguments)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context) as pool:
        futures: list[Future[None]] = [pool.submit(f, *arguments) for f, arguments in jobs]
        for number, future in enumerate(futures, 1):
            future.result()
            print(f"{number} of {len(jobs)}", file=sys.stderr, flush=True)


def build(folder: Path, plan: Plan, out: Path | None) -> tuple[str, list[str]]:
    """The page, its pictures drawn beside ``out``; and what should not be."""
    found = {problem.name: compare(problem, plan, folder) for problem in PROBLEMS}
    claims = kept_claims(folder)
    values = facts.collect(found, claims)
    text = TEXT.read_text().format(
        claims=claims_table(claims), machine=platform.machine(),
        reference=_reference_replicas(plan, folder), **values,
    )  # fmt: skip
    sections = [section(problem, found[problem.name], plan.steps) for problem in PROBLEMS]
    page = "\n\n".join([reflow(text.strip()), *sections]) + "\n"
    if out:
        figures = out.parent / "figures"
        figures.mkdir(exist_ok=True)
        for problem in PROBLEMS:
            place = figures / f"couplings_{problem.name}.png"
            pictures.draw(problem, found[problem.name], place)
        titles = {problem.name: problem.title for problem in PROBLEMS}
        pictures.chart(found, titles, figures / "couplings_chart.png")
        out.write_text(page)
    return page, facts.failures(found, claims)


def main() -> None:
    """Run all, print the page, write it on request; fail where a scheme does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="one step, few replicas")
    parser.add_argument("--seconds", type=float, help="processor time of a turn of a scheme")
    parser.add_argument("--processes", type=int, help="0: all in this one (by default 2)")
    parser.add_argument("--scratch", type=Path, help="keep finished runs here, and go on from them")
    parser.add_argument("--no-runs", action="store_true", help="only build from --scratch")
    parser.add_argument("--out", type=Path, help="write the page and its figures here")
    options = parser.parse_args()
    plan = SMALL if options.small else FULL
    if options.seconds:
        plan = replace(plan, seconds=options.seconds)
    processes = options.processes
    if processes is None:
        processes = 0 if options.small else 2
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.scratch or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not options.no_runs:
            run_all(folder, plan, processes)
        page, failures = build(folder, plan, options.out)
    print(page)
    if failures:
        sys.exit("These should not be:\n" + "\n".join(failures))
