"""The figure of the concepts page, a hybrid and its step: ``python docs/figures/make_step.py``."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Rectangle

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#555555"  # told apart by the colour-blind
PLANE, WIDTH, CELL = 5.0, 0.8, 0.8  # in units of the drawing; the domain is (0, 10)
STAGES = (
    ("react 1/2", "pairs;\ncreations and\nfirst-order families;\nthe continuum reacts"),
    ("read and exchange", "$c_R$ from the continuum;\nlayers: survive with $q$,\nPoisson arrivals"),
    (
        "diffuse",
        "particles (exact planes\nexchange here);\nthe continuum, with\nwhat was exchanged",
    ),
    ("react 1/2", "the continuum reacts;\ncreations and\nfirst-order families;\npairs"),
)


def domain(ax: Axes) -> None:
    """Particles to the left, cells to the right, and what goes through the plane."""
    top = 2.4
    profile = 0.35 + 0.6 * np.linspace(0.15, 1, 6) ** 1.2
    for i, c in enumerate(profile):
        x = PLANE + i * CELL
        ax.add_patch(Rectangle((x, 0), CELL, top, fc=ORANGE, alpha=0.12 + 0.4 * c, ec="white"))
    ax.add_patch(Rectangle((PLANE - WIDTH, 0), WIDTH, top, fc=BLUE, alpha=0.18, lw=0))
    rng = np.random.default_rng(3)
    places = rng.random((90, 2)) * [PLANE - 0.1, top - 0.16] + [0.05, 0.08]
    clear = (places[:, 0] < 3.1) | (
        (abs(places[:, 1] - 1.65) > 0.2) & (abs(places[:, 1] - 0.75) > 0.2)
    )
    ax.plot(*places[clear].T, "o", ms=3.2, color=BLUE)
    end = PLANE + len(profile) * CELL
    ax.plot([0, end, end, 0, 0], [0, 0, top, top, 0], color="black", lw=1.2)
    ax.plot([PLANE, PLANE], [0, top], color="black", lw=1.2, ls="--")

    arrow = {"arrowstyle": "-|>", "lw": 1.6, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 13}
    ax.annotate("", (4.4, 1.65), (5.9, 1.65), arrowprops=arrow | {"color": ORANGE})
    ax.annotate("", (5.9, 0.75), (4.4, 0.75), arrowprops=arrow | {"color": BLUE})
    box = {"boxstyle": "round,pad=0.2", "fc": "white", "ec": "none", "alpha": 0.85}
    ax.text(6.0, 1.65, r"injection, $c_R\,D/\Delta x^2$ per volume", va="center", bbox=box)
    ax.text(6.0, 0.75, r"removal, $D/\Delta x^2$ per particle", va="center", bbox=box)

    ax.text(2.1, top + 0.12, "particle region", ha="center", color=BLUE, weight="bold")
    ax.text(
        7.4, top + 0.12, "continuum region, FiPy cells", ha="center", color=ORANGE, weight="bold"
    )
    ax.text(PLANE, top + 0.12, "plane $R$", ha="center")
    low = {"arrowstyle": "<->", "lw": 1.0, "shrinkA": 0, "shrinkB": 0, "color": GREY}
    ax.annotate("", (PLANE - WIDTH, -0.12), (PLANE, -0.12), arrowprops=low)
    ax.text(PLANE - WIDTH / 2, -0.2, r"boundary layer $\Delta x$", ha="center", va="top")
    ax.annotate("", (PLANE, -0.12), (PLANE + CELL, -0.12), arrowprops=low)
    ax.text(PLANE + CELL / 2 + 0.14, -0.2, "cell $h$, its $c_R$", ha="left", va="top")
    ax.text(0, -0.2, "wall", ha="center", va="top")
    ax.text(end, -0.2, "wall", ha="center", va="top")
    ax.set(xlim=(-0.3, end + 0.3), ylim=(-0.7, top + 0.5), aspect="equal")
    ax.axis("off")


def order(ax: Axes) -> None:
    """The stages of a step, from left to right."""
    wide, gap, high = 2.3, 0.28, 1.45
    for i, (title, text) in enumerate(STAGES):
        x = i * (wide + gap)
        outer = i in (0, 3)
        ax.add_patch(
            FancyBboxPatch(
                (x, 0), wide, high, boxstyle="round,pad=0,rounding_size=0.12",
                fc="#F2F2F2" if outer else "white", ec=GREY, lw=1.2,
            )
        )  # fmt: skip
        ax.text(x + 0.12, high - 0.12, f"{i + 1}  {title}", va="top", weight="bold")
        ax.text(x + 0.12, high - 0.45, text, va="top", fontsize=8.5, linespacing=1.25)
        if i:
            ax.annotate(
                "", (x, high / 2), (x - gap, high / 2),
                arrowprops={"arrowstyle": "-|>", "color": GREY, "shrinkA": 1, "shrinkB": 1},
            )  # fmt: skip
    end = 4 * wide + 3 * gap
    ax.text(0, -0.12, "$t$", va="top", ha="center")
    ax.text(end, -0.12, r"$t + \Delta t$", va="top", ha="center")
    ax.set(xlim=(-0.2, end + 0.2), ylim=(-0.4, high + 0.1), aspect="equal")
    ax.axis("off")


def figure() -> plt.Figure:
    """Both, one above the other."""
    plt.rcParams.update({"font.size": 9.5})
    fig, (above, below) = plt.subplots(2, 1, figsize=(8.6, 4.55), height_ratios=(3.6, 1.95))
    domain(above)
    order(below)
    fig.subplots_adjust(0.01, 0.01, 0.99, 0.99, hspace=0.02)
    return fig


if __name__ == "__main__":
    figure().savefig(HERE / "step.png", dpi=130)
