"""The numbers and figures of accuracy.md, from the package's own operators.

    python docs/figures/make_accuracy.py

writes every table of the page between its markers, and accuracy_*.png beside itself. One table is
sampled (`accuracy_continua`), which takes minutes; the others are deterministic.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import accuracy_continua as sampled  # noqa: E402
import accuracy_window as window  # noqa: E402

from hybridrd.interface import (  # noqa: E402
    CalibratedLayer,
    ExactPlane,
    FaceNumbers,
    Layer,
    calibrated_rate,
    crossing_offset,
    largest_alpha,
    layer_offset,
)
from hybridrd.interface.operator import steady_profile  # noqa: E402
from hybridrd.interface.published import (  # noqa: E402
    crossing_removal_ratio,
    rate_arrivals_ratio,
)
from hybridrd.model.doi import trial_time  # noqa: E402
from hybridrd.theory.doi import doi_rate_3d, effective_rate, pair_probability  # noqa: E402
from hybridrd.theory.fluctuations import (  # noqa: E402
    expected_total_ratio,
    two_way_jump,
    two_way_statistics,
)

ALPHAS = (0.1, 0.25, 0.5, 1.0)
WIDTHS = [1 / 8, 1 / 16, 1 / 32, 1 / 64]
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#555555"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def rate_factor(alpha: float, offset: float) -> str:
    return f"{calibrated_rate(alpha, offset):.4f}" if alpha <= largest_alpha(offset) else "-"


def offsets() -> str:
    rows = [
        [f"{a:g}", f"{layer_offset(a):.4f}", rate_factor(a, 0.0), rate_factor(a, 0.5)]
        for a in (0.01, *ALPHAS, 1.5)
    ]
    rows.append(["largest", "-", f"{largest_alpha(0.0):.4f}", f"{largest_alpha(0.5):.4f}"])
    return table(
        ["alpha = D dt/dx²", "offset of `Layer` / dx", "rate factor for c_R at the plane",
         "rate factor for c_R at dx/2"],
        rows,
    )  # fmt: skip


def _missing(alpha: float, rate: float) -> str:
    """Particles that are missing below a line that rises to the plane, gradient dx² = 1."""
    profile = steady_profile(alpha, -math.expm1(-rate * alpha))
    line = profile.depth + profile.offset
    return f"{float(profile.weight @ (profile.value - line)):.3f}"


def missing() -> str:
    rows = [
        [f"{a:g}", _missing(a, 1.0), _missing(a, calibrated_rate(a, 0.0)),
         _missing(a, calibrated_rate(a, 0.5))]
        for a in ALPHAS
    ]  # fmt: skip
    return table(
        ["alpha", "`Layer`", "`CalibratedLayer`, c_R at the plane", "two-way default"], rows
    )


ORDERS: list[tuple[str, type, bool]] = [
    ("`Layer`, c_R at the plane", Layer, False),
    ("`Layer` at its offset", Layer, True),
    ("`CalibratedLayer`", CalibratedLayer, True),
]


def order() -> str:
    columns = [window.errors(s, 0.5, at, WIDTHS) for _, s, at in ORDERS]
    rows = [
        [f"1/{round(1 / dx)}", *(f"{c[k]:.1e}" for c in columns)] for k, dx in enumerate(WIDTHS)
    ]
    rows.append(["order", *(f"{math.log2(c[-2] / c[-1]):.2f}" for c in columns)])
    return table(["dx", *(name for name, _, _ in ORDERS)], rows)


def published() -> str:
    rows = [
        [f"{a:g}", f"{crossing_removal_ratio(a, 'probability'):.3f}",
         f"{crossing_removal_ratio(a, 'rate'):.3f}", f"{rate_arrivals_ratio(a):.3f}", "1.000"]
        for a in ALPHAS
    ]  # fmt: skip
    return table(
        ["alpha", "absorb on crossing, inject 1 - exp", "absorb on crossing, inject by rate",
         "remove exactly, inject by rate", "hybridrd, all three schemes"],
        rows,
    )  # fmt: skip


def jumps() -> str:
    rows = []
    for a in ALPHAS:
        row = [f"{a:g}"]
        for scheme in (CalibratedLayer(), ExactPlane(), Layer()):
            size = abs(two_way_jump(a, scheme))
            row.append("below 1e-8" if size < 1e-8 else f"{size:.1e}")
        plain = Layer(width=1.0).numbers(min(a, 0.5), 1.0, "two-way", 1.0, 9.0, "A")
        q = math.exp(-a)
        own = FaceNumbers("layer", 1.0, q, 0.5, a, 1.0, plain.spread, stencil="cell")
        rows.append([*row, f"{two_way_jump(a, own):+.3f}"])
    return table(
        ["D dt/h²", "`CalibratedLayer()`", "`ExactPlane()`", "`Layer()` at its offset",
         "plain layer, c_R of the first cell"],
        rows,
    )  # fmt: skip


KINDS = [
    ("`CalibratedLayer()`", CalibratedLayer(), False),
    ("`ExactPlane()`", ExactPlane(), False),
    ('`fluctuations="gaussian"`', CalibratedLayer(), True),
]


def variances() -> str:
    rows = []
    for a in ALPHAS:
        for name, scheme, noise in KINDS:
            s = two_way_statistics(a, 10, 40, scheme, fluctuations=noise)
            near = ", ".join(f"{b:.3f}" for b in s.bins[:3])
            rows.append([f"{a:g}", name, near, f"{s.bins[5]:.3f}", f"{s.total:.3f}"])
    return table(["D dt/h²", "scheme", "cells 0, 1, 2 from the plane", "cell 5", "total"], rows)


def totals() -> str:
    rows = [
        ["slab, a tenth of a closed line", expected_total_ratio([100], [(0, 10)])],
        ["slab, half of it", expected_total_ratio([100], [(0, 50)])],
        ["square of half the width in a square", expected_total_ratio([40] * 2, [(10, 30)] * 2)],
        ["square of a tenth of the width", expected_total_ratio([100] * 2, [(45, 55)] * 2)],
        ["cube of half the width in a cube", expected_total_ratio([24] * 3, [(6, 18)] * 3)],
    ]
    return table(["particle region", "variance of its total"], [[n, f"{r:.2f}"] for n, r in rows])


def continua() -> str:
    rows = []
    for content in (0.3, 1.0, 5.0, 50.0, 500.0):
        for name, kind in (("PDE", None), ("Gaussian", "gaussian"), ("discrete", "discrete")):
            found = sampled.measure(content, kind)
            values = [f"{r:.2f} ± {e:.2f}" for r, e in found.values()]
            rows.append([f"{content:g}", name, *values[:4]])
    return table(
        ["copies per cell", "continuum", "bin of particles", "cell of the continuum",
         "three bins of a row", "whole row"],
        rows,
    )  # fmt: skip


def _rates(x: float) -> tuple[float, float, list[float]]:
    """lambda0 dt, p, and rates over Doi's of the rule, of 1 - exp and of lambda0 dt."""
    lambda0 = 0.3 / x  # sigma = D = 1
    doi = doi_rate_3d(lambda0, 1.0, 1.0)
    p, _ = pair_probability(lambda0, x, 1.0, 1.0, 3)
    rules = (p, -math.expm1(-0.3), 0.3)
    return lambda0, p, [effective_rate(lambda0, x, 1.0, 1.0, p=r) / doi for r in rules]


def pairs() -> str:
    rows = []
    for x in (0.001, 0.01, 0.1, 1.0, 10.0, 80.0):
        _, p, rates = _rates(x)
        taus = [f"{trial_time(x, d):.4f}" for d in (1, 2, 3)]
        rows.append([f"{x:g}", *taus, f"{p:.4f}", *(f"{r:.4f}" for r in rates)])
    return table(
        ["D dt/sigma²", "tau*/dt in 1D", "2D", "3D", "p in 3D", "rate/Doi's", "with 1 - exp",
         "with lambda0 dt"],
        rows,
    )  # fmt: skip


TABLES: dict[str, Callable[[], str]] = {
    f.__name__: f
    for f in (offsets, missing, order, published, jumps, variances, totals, pairs, continua)
}


def draw_offsets() -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    a = np.linspace(0.001, 1.0, 60)
    left.plot(a, [layer_offset(x) for x in a], color=BLUE, label="Layer")
    left.plot(a, 0 * a, color=GREEN, label="CalibratedLayer, ExactPlane")
    crossing = crossing_offset() * np.sqrt(2 * a)
    left.plot(a, crossing, "--", color=ORANGE, label="removal on crossing only")
    left.set(xlabel="alpha = D dt/dx²", ylabel="offset of c_R beyond the plane / dx")
    left.legend(frameon=False, fontsize=8)
    for s, colour, text in ((0.0, GREEN, "c_R at the plane"), (0.5, BLUE, "c_R at dx/2")):
        x = np.linspace(0.001, min(1.7, largest_alpha(s) - 0.01), 50)
        right.plot(x, [calibrated_rate(y, s) for y in x], color=colour, label=text)
        right.axvline(largest_alpha(s), color=colour, ls=":", lw=1)
    right.set(
        xlabel="alpha = D dt/dx²",
        ylabel="factor on the layer's rates",
        ylim=(0, 5),
        xlim=(-0.05, 1.9),
    )
    right.legend(frameon=False, fontsize=8, loc="upper left")
    figure.savefig(HERE / "accuracy_offsets.png", dpi=120)


def draw_order() -> None:
    figure, ax = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
    for (name, scheme, at), colour, mark in zip(ORDERS, (ORANGE, BLUE, GREEN), "os^", strict=True):
        errors = window.errors(scheme, 0.5, at, WIDTHS)
        ax.loglog(WIDTHS, errors, mark + "-", color=colour, label=name.replace("`", ""))
    dx = np.array(WIDTHS)
    for power, place in ((1, 1.3), (2, 0.6)):
        ax.loglog(dx, 0.35 * dx**power, ":", color=GREY, lw=1)
        ax.text(dx[2], 0.35 * place * dx[2] ** power, f"order {power}", color=GREY, fontsize=8)
    ax.set_xticks(dx, [f"1/{round(1 / x)}" for x in dx], minor=False)
    ax.set_xticks([], minor=True)
    ax.set(xlabel="width of the layer dx", ylabel="L1 error in the window")
    ax.legend(frameon=False, fontsize=8)
    figure.savefig(HERE / "accuracy_order.png", dpi=120)


def draw_variance() -> None:
    figure, ax = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
    for k, (name, scheme, noise) in enumerate(KINDS):
        colour = (ORANGE, GREEN, BLUE)[k]
        s = two_way_statistics(0.25, 10, 40, scheme, fluctuations=noise)
        ax.plot(np.arange(10) + 0.5, s.bins, "o-", color=colour, label=name.replace("`", ""))
        ax.axhline(s.total, color=colour, ls="--", lw=1)
        height = s.total + (-0.06 if k == 0 else 0.02)
        ax.text(0.3 + 3.2 * k, height, f"total {s.total:.2f}", color=colour, fontsize=9)
    ax.set(
        xlabel="depth below the plane (cells)", ylabel="variance / binomial variance", ylim=(0, 1.2)
    )
    ax.legend(frameon=False, fontsize=8, loc="lower left")
    figure.savefig(HERE / "accuracy_variance.png", dpi=120)


def draw_pairs() -> None:
    figure, ax = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
    steps = np.geomspace(1e-3, 80, 16)
    rates = np.array([_rates(x)[2] for x in steps])
    names = ("lambda0 dt/(1 + lambda0 tau*)", "1 - exp(-lambda0 dt)", "lambda0 dt")
    for k, (name, colour, mark) in enumerate(zip(names, (BLUE, ORANGE, GREEN), "os^", strict=True)):
        ax.semilogx(steps, rates[:, k], mark + "-", color=colour, label=name)
    ax.axhline(1, color=GREY, lw=0.8)
    ax.set(xlabel="D dt/sigma²", ylabel="effective rate / Doi's rate")
    ax.legend(frameon=False, fontsize=8)
    figure.savefig(HERE / "accuracy_pairs.png", dpi=120)


def block(page: str, name: str) -> str:
    """What stands on the page between the markers of a table."""
    found = re.search(rf"<!-- {name} -->\n\n(.*?)\n\n<!-- end -->", page, re.DOTALL)
    if found is None:
        raise ValueError(f"accuracy.md has no table {name!r}")
    return found[1]


def main() -> None:
    """Fill in the page and draw its figures."""
    path = HERE.parent / "accuracy.md"
    page = path.read_text()
    for name, make in TABLES.items():
        page = page.replace(
            f"<!-- {name} -->\n\n{block(page, name)}\n", f"<!-- {name} -->\n\n{make()}\n"
        )
    path.write_text(page)
    for draw in (draw_offsets, draw_order, draw_variance, draw_pairs):
        draw()


if __name__ == "__main__":
    main()
