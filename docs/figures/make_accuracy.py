"""The accuracy page, its tables and figures, from the package's own operators.

``python docs/figures/make_accuracy.py`` writes docs/accuracy.md and docs/figures/accuracy_*.png.
Nothing in it is sampled.
"""

# ruff: noqa: E501 (the text of a page)
from __future__ import annotations

import math
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from hybridrd.errors import StepError
from hybridrd.interface import (
    CalibratedLayer,
    ExactPlane,
    Layer,
    calibrated_rate,
    crossing_offset,
    largest_alpha,
    layer_offset,
)
from hybridrd.interface.published import crossing_removal_ratio, rate_arrivals_ratio
from hybridrd.model.doi import trial_time
from hybridrd.theory.doi import doi_rate_3d, effective_rate, pair_probability
from hybridrd.theory.fluctuations import expected_total_ratio, two_way_jump, two_way_statistics

HERE = Path(__file__).parent
ALPHAS = (0.01, 0.1, 0.25, 0.5, 1.0)
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#555555"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def beta(alpha: float, offset: float) -> str:
    """The calibrated rate factor, or a dash where there is none."""
    try:
        return f"{calibrated_rate(alpha, offset):.4f}"
    except StepError:
        return "-"


def offsets() -> str:
    rows = [
        [f"{a:g}", f"{layer_offset(a):.4f}", beta(a, 0.0), beta(a, 0.5)] for a in (*ALPHAS, 1.5)
    ]
    return table(
        ["alpha = D dt/dx²", "offset of `Layer`, /dx", "rate factor, c_R at the plane",
         "rate factor, c_R at dx/2"],
        rows,
    )  # fmt: skip


def published() -> str:
    rows = [
        [f"{a:g}", f"{crossing_removal_ratio(a, 'probability'):.3f}",
         f"{crossing_removal_ratio(a, 'rate'):.3f}", f"{rate_arrivals_ratio(a):.3f}", "1.000"]
        for a in (0.1, 0.25, 0.5)
    ]  # fmt: skip
    return table(
        ["alpha", "absorb on crossing, inject 1 - exp", "absorb on crossing, inject by rate",
         "remove exactly, inject by rate", "hybridrd, all three schemes"],
        rows,
    )  # fmt: skip


def order() -> str:
    """Error of the flux between a reservoir at 1 and an absorbing wall at 0, by layer width.

    A linear profile reaches c_R at the offset beyond the plane: the flux is D c_R/(1 + offset).
    """
    rows = []
    for width in (0.2, 0.1, 0.05, 0.025):
        layer = layer_offset(0.25) * width
        factor = calibrated_rate(0.25, 0.0)
        calibrated = layer_offset(0.25, factor) * width
        rows.append(
            [f"{width:g}", f"{-layer / (1 + layer):+.2e}", f"{-calibrated / (1 + calibrated):+.0e}"]
        )
    return table(["dx/width of the region", "`Layer`, c_R at the plane", "`CalibratedLayer`"], rows)


def variances() -> str:
    rows = []
    for a in (0.1, 0.25, 0.5, 1.0):
        for name, scheme, noise in (
            ("`CalibratedLayer`", CalibratedLayer(), False),
            ("`ExactPlane`", ExactPlane(), False),
            ("`CalibratedLayer`, `fluctuations=True`", CalibratedLayer(), True),
        ):
            s = two_way_statistics(a, 10, 40, scheme, fluctuations=noise)
            near = ", ".join(f"{b:.3f}" for b in s.bins[:3])
            rows.append([f"{a:g}", name, near, f"{s.bins[5]:.3f}", f"{s.total:.3f}"])
    return table(["D dt/h²", "scheme", "bins 0, 1, 2 from the plane", "bin 5", "total"], rows)


def variance_figure() -> None:
    fig, ax = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
    for noise, colour, label in ((False, ORANGE, "no noise"), (True, BLUE, "fluctuations=True")):
        s = two_way_statistics(0.25, 10, 40, CalibratedLayer(), fluctuations=noise)
        ax.plot(np.arange(10) + 0.5, s.bins, "o-", color=colour, label=f"{label}, each cell")
        ax.axhline(s.total, color=colour, ls="--", lw=1, label=f"{label}, the region's total")
    ax.axhline(1.0, color=GREY, lw=0.8)
    ax.set(
        xlabel="depth below the plane (cells)", ylabel="variance / binomial variance", ylim=(0, 1.2)
    )
    ax.legend(frameon=False, loc="lower right")
    fig.savefig(HERE / "accuracy_variance.png", dpi=120)
    plt.close(fig)


def jumps() -> str:
    rows = []
    for a in (0.1, 0.25, 0.5, 1.0):
        row = [f"{a:g}"]
        for scheme in (CalibratedLayer(), ExactPlane(), Layer()):
            row.append(f"{two_way_jump(a, scheme):+.4f}")
        rows.append(row)
    return table(["D dt/h²", "`CalibratedLayer`", "`ExactPlane`", "`Layer`"], rows)


def pairs() -> str:
    rows = []
    fig, ax = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
    steps = np.geomspace(1e-3, 10, 13)
    exact, plain, linear = [], [], []
    for x in steps:
        lambda0 = min(5.0, 0.3 / x)  # lambda0 dt <= 0.3, sigma = D = 1
        doi = doi_rate_3d(lambda0, 1.0, 1.0)
        p, _ = pair_probability(lambda0, x, 1.0, 1.0, 3)
        exact.append(effective_rate(lambda0, x, 1.0, 1.0) / doi)
        plain.append(effective_rate(lambda0, x, 1.0, 1.0, p=-math.expm1(-lambda0 * x)) / doi)
        linear.append(effective_rate(lambda0, x, 1.0, 1.0, p=lambda0 * x) / doi)
        if x in steps[::3]:
            rows.append(
                [f"{x:.3g}", f"{trial_time(x, 3):.4f}", f"{lambda0 * x:.3g}", f"{p:.4f}",
                 f"{exact[-1]:.4f}", f"{plain[-1]:.4f}"]
            )  # fmt: skip
    ax.semilogx(steps, exact, "o-", color=BLUE, label="lambda0 dt/(1 + lambda0 tau*)")
    ax.semilogx(steps, plain, "s-", color=ORANGE, label="1 - exp(-lambda0 dt)")
    ax.semilogx(steps, linear, "^-", color=GREEN, label="lambda0 dt")
    ax.axhline(1, color=GREY, lw=0.8)
    ax.set(xlabel="D dt/sigma²", ylabel="effective rate / Doi's rate")
    ax.legend(frameon=False)
    fig.savefig(HERE / "accuracy_pairs.png", dpi=120)
    plt.close(fig)
    return table(
        ["D dt/sigma²", "tau*/dt", "lambda0 dt", "p", "rate/Doi's", "with 1 - exp(-lambda0 dt)"],
        rows,
    )


def main() -> None:
    """Write the page."""
    variance_figure()
    ratio_2d = expected_total_ratio([40, 40], [(10, 30), (10, 30)])
    ratio_3d = expected_total_ratio([20] * 3, [(5, 15)] * 3)
    page = f"""# Accuracy

Every figure on this page comes from `docs/figures/make_accuracy.py`, which evaluates the package's own
deterministic operators; the tests hold the same quantities against sampled runs.

## Where c_R belongs

A uniform reservoir stays uniform for every scheme at every step: in a layer the number of particles is an
immigration-death process whose Poisson state does not depend on the step, and the bridge of `ExactPlane`
is exact. What a scheme can get wrong is the place. A linear profile through a layer reaches c_R not at
the plane but an *offset* beyond it. `Layer` reports its offset, and mean-field reservoirs are read there;
`CalibratedLayer` multiplies the rates so that the offset is 0, or half a cell.

{offsets()}

A dash: no rate factor exists, and the step is refused; the limits are alpha = {largest_alpha(0.0):.4f}
and {largest_alpha(0.5):.4f}. `ExactPlane` has offset 0 at any step; removal on crossing alone, without the
bridge, would have {crossing_offset():.4f} sqrt(2 D dt).

Taken at the plane, c_R is wrong by an amount of first order in the layer's width. The relative error of the
steady flux between an absorbing wall and a reservoir, alpha = 0.25:

{order()}

## What published rules settle at

Concentration over c_R far from an interface, for rules that combine removal and injection otherwise:

{published()}

## Two-way coupling: no jump

Jump of a linear profile across the interface, in cells times gradient:

{jumps()}

## Two-way coupling: fluctuations

Variance of the number in a cell, and in the whole region, over that of independent particles; 10 cells of
particles, 40 of continuum, at equilibrium.

{variances()}

```{{image}} figures/accuracy_variance.png
:width: 560px
```

A continuum without noise starves the particles of fluctuations, and the *total* of the region more than
any cell: {ratio_2d:.2f} of the binomial variance for a square of half the width of its domain,
{ratio_3d:.2f} for a cube. The diagnostics of a two-way run report the figure for its own geometry
(`expected_total_variance_ratio`). With `fluctuations=True` every cell and the total are right from about 20
particles a cell on; below 6 particles the noise fades out, below 2 there is none, because normal noise
would make a nearly empty cell negative too often. Mean-field coupling is exactly Poisson.

## Pairs at finite steps

The effective rate in three dimensions over that of Doi's continuous model, sigma = D = 1:

{pairs()}

```{{image}} figures/accuracy_pairs.png
:width: 520px
```

The rule holds the rate within 0.4 % for lambda0 dt up to 0.38; above, for D dt/sigma² near 0.1, it falls
short by up to 1.8 %, and a warning says so.
"""
    (HERE.parent / "accuracy.md").write_text(page)


if __name__ == "__main__":
    main()
