"""Pictures of the page: error against cost of one problem, and a chart of all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tests.benchmarks.couplings.measures import Cell, Found
from tests.benchmarks.couplings.problems import H, Problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes


#: Schemes that share a panel, by its title.
FAMILIES: dict[str, tuple[str, ...]] = {
    "Reservoir rules": tuple(f"reservoir rule, {r}" for r in ("explicit", "tau", "gillespie")),
    "PDE-assisted": ("PDE-assisted", "PDE-assisted, overlap"),
    "Compartments": ("two-regime", "ghost cell"),
    "Auxiliary, fluxes": ("auxiliary region", "flux matching", "flux matching, noise"),
    "hybridrd: PDE": ("layer, PDE", "exact plane, PDE", "calibrated layer, PDE"),
    "hybridrd: noise": ("calibrated layer, Gaussian", "calibrated layer, discrete"),
    "hybridrd: adaptive": ("adaptive, PDE", "adaptive, Gaussian", "adaptive, discrete"),
    "hybridrd: one-way": ("layer, mean field", "exact plane, mean field"),
}
COLOURS = "#0072b2", "#d55e00", "#009e73"
MARKERS = "o", "s", "^"  # by step, the smallest first
BAND = 2.0  # per cent


def _line(ax: Axes, cells: list[Cell], seconds: float, **style: object) -> None:
    """Biases of the region against cost, a marker for each step."""
    cost = [cell.seconds / seconds for cell in cells]
    bias = [cell.values["region, %"] for cell in cells]
    ax.errorbar(cost, [b.value for b in bias], [b.error for b in bias], linewidth=1.2, **style)
    for x, b, marker in zip(cost, bias, MARKERS, strict=False):
        ax.plot(x, b.value, marker, color=style["color"], markersize=5, zorder=3)


def draw(problem: Problem, found: Found, place: Path) -> None:
    """Bias of the region's mean against processor time, a panel for each family."""
    import matplotlib.pyplot as plt

    alone = list(found["particles alone"].values())
    figure, axes = plt.subplots(
        2, 4, figsize=(12.0, 7.4), sharex=True, sharey=True, layout="constrained"
    )
    every = [c for runs in found.values() for c in runs.values()]
    for ax, (title, names) in zip(axes.flat, FAMILIES.items(), strict=True):
        ax.axhspan(-BAND, BAND, color="0.93", zorder=0)
        ax.axhline(0.0, color="0.6", linewidth=0.8, zorder=1)
        ax.plot(
            [c.seconds / alone[0].seconds for c in every],
            [c.values["region, %"].value for c in every], ".", color="0.75", markersize=3,
        )  # fmt: skip
        _line(ax, alone, alone[0].seconds, color="black")
        shown = [name for name in names if name in found]
        for name in shown:
            colour = COLOURS[names.index(name)]
            _line(ax, list(found[name].values()), alone[0].seconds, color=colour)
        labels = "\n".join(name.removeprefix("reservoir rule, ") for name in shown)
        ax.set_title(title, loc="left", fontsize=11, fontweight="bold", pad=52)
        for i, label in enumerate(labels.split("\n")):
            ax.text(
                0.0, 1.255 - 0.08 * i, label or "refused here", transform=ax.transAxes,
                color=COLOURS[names.index(shown[i])] if shown else "0.5", fontsize=9, va="top",
            )  # fmt: skip
        ax.set_xscale("log")
        ax.set_yscale("symlog", linthresh=BAND, linscale=0.6)
        ticks = [-50, -20, -10, -5, -2, 0, 2, 5, 10, 20, 50]
        ax.set_yticks(ticks, [f"{t:+d}" if t else "0" for t in ticks])
        ax.minorticks_off()
    largest = max(abs(c.values["region, %"].value) + c.values["region, %"].error for c in every)
    axes[0, 0].set_ylim(-1.2 * max(largest, 4.0), 1.2 * max(largest, 4.0))
    steps = ", ".join(
        f"{m} {dt / H**2:g}" for m, dt in zip("●■▲", found["particles alone"], strict=False)
    )
    figure.supylabel("bias of the mean of the region (%), ± one standard error", fontsize=10)
    figure.supxlabel(
        "processor time of a replica over that of particles alone at the smallest step\n"
        f"D dt/h²: {steps}; black: particles alone; grey points: all schemes; band: ±{BAND:g} %",
        fontsize=10,
    )
    figure.suptitle(problem.title, fontsize=13)
    figure.savefig(place, dpi=100)
    plt.close(figure)


def chart(found: dict[str, Found], titles: dict[str, str], place: Path) -> None:
    """Bias and variance of the region of each scheme at each problem, at the middle step."""
    import matplotlib.pyplot as plt

    names = ["particles alone", *(name for family in FAMILIES.values() for name in family)]
    figure, axes = plt.subplots(1, 2, figsize=(12.0, 8.0), sharey=True, layout="constrained")
    for ax, measure, centre, span in zip(
        axes, ("region, %", "variance, region"), (0.0, 1.0), (6.0, 1.0), strict=True
    ):
        grid = np.full((len(names), len(titles)), np.nan)
        for j, problem in enumerate(titles):
            for i, name in enumerate(names):
                runs = list(found[problem].get(name, {}).values())
                if not runs:
                    continue
                cell = runs[len(runs) // 2].values[measure]
                grid[i, j] = cell.value - centre
                digits = max(0, 1 - int(np.floor(np.log10(max(cell.error, 1e-3)))))
                digits = min(digits, 2)
                ax.text(
                    j, i, f"{cell.value:.{digits}f}\n±{cell.error:.{digits}f}", fontsize=7,
                    ha="center", va="center", linespacing=0.9,
                    color="white" if abs(grid[i, j]) > 0.7 * span else "black",
                )  # fmt: skip
        ax.imshow(grid, cmap="RdBu_r", vmin=-span, vmax=span, aspect="auto", alpha=0.75)
        ax.set_xticks(range(len(titles)), list(titles.values()), rotation=25, ha="right")
        ax.set_yticks(range(len(names)), names, fontsize=9)
        ax.tick_params(length=0)
        ax.set_title(
            "bias of the mean of the region (%)" if centre == 0.0 else
            "variance of the region over the right one", fontsize=11,
        )  # fmt: skip
    figure.savefig(place, dpi=100)
    plt.close(figure)
