"""Figure: where each closure of the moment equations fails, against the master equation.

``python docs/figures/make_closures.py`` writes ``closures.png`` (a minute or two).
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import hybridrd as hrd

A = hrd.Species("A", D=1.0)
LINE = hrd.Box(x=(0, 1))
VOXELS, RADIUS = 3, 0.15
COPIES = np.geomspace(0.3, 4, 6)  # as the mean field has it
SPEED = np.geomspace(0.3, 100, 6)  # lambda0 over D/L²
CLOSURES = ("poisson", "gaussian", "kirkwood")


def system(copies: float, lambda0: float) -> hrd.System:
    """Creation against annihilation, so that the mean field settles at some copies."""
    pairs = hrd.Reaction("2 A -> 0", lambda0=lambda0, radius=RADIUS)
    creation = hrd.Reaction("0 -> A", k=2 * RADIUS * lambda0 * copies**2)
    return hrd.System(species=[A], domain=LINE, reactions=[creation, pairs], initial={A: copies})


def errors(copies: float, lambda0: float) -> list[float]:
    """Relative error of the mean at rest, by closure; NaN where the moments diverge."""
    given = system(copies, lambda0)
    most = int(copies + 8 * np.sqrt(copies) + 6)
    rest = hrd.theory.cdme.steady_state(given, VOXELS, most, tolerance=1e-3)
    exact = float(rest["copy_number"][0])
    late = 20 / (2 * RADIUS * lambda0 * copies) + 1.0
    found = []
    for closure in CLOSURES:
        try:
            end = hrd.theory.moments.closed_moments(given, VOXELS, [late], closure)
        except hrd.StepError:
            found.append(np.nan)
            continue
        found.append(float(end["mean"].mean()) / exact - 1)
    return found


def main() -> None:
    """Draw one panel for each closure."""
    table = np.array([[errors(n, rate) for n in COPIES] for rate in SPEED])
    figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.4), sharey=True, layout="constrained")
    levels = [-3, -2.5, -2, -1.5, -1, -0.5, 0]
    for ax, closure, values in zip(axes, CLOSURES, np.moveaxis(table, 2, 0), strict=True):
        shown = np.log10(np.maximum(abs(values), 1e-3))
        image = ax.contourf(COPIES, SPEED, shown, levels=levels, cmap="viridis_r", extend="both")
        ax.contour(COPIES, SPEED, shown, levels=[-2, -1], colors="k", linewidths=[1.0, 1.8])
        bad = np.argwhere(~np.isfinite(values))
        ax.plot(COPIES[bad[:, 1]], SPEED[bad[:, 0]], "x", color="#D55E00")
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xticks([0.3, 0.5, 1, 2, 4], ["0.3", "0.5", "1", "2", "4"])
        ax.set_xticks([], minor=True)
        ax.set_title(closure)
        ax.set_xlabel("mean-field copy number")
    axes[0].set_ylabel("$\\lambda_0 L^2/D$")
    bar = figure.colorbar(image, ax=axes, ticks=[-3, -2, -1, 0])
    bar.set_ticklabels(["0.1 %", "1 %", "10 %", "100 %"])
    bar.set_label("error of the mean at rest")
    figure.savefig(Path(__file__).with_name("closures.png"), dpi=150)
    for row, rate in zip(table, SPEED, strict=True):
        print(f"{rate:7.3g}", "  ".join("/".join(f"{100 * v:6.2f}" for v in cell) for cell in row))


if __name__ == "__main__":
    main()
