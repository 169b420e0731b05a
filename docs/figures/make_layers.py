"""The figure of the layers of imports: ``python docs/figures/make_layers.py``."""

import sys
from pathlib import Path

import matplotlib
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "tests"))
from support.imports import LAYERS, graph, layer_of  # noqa: E402

BLUE, GREY = "#0072B2", "#888888"


def reduced(below: dict[str, set[str]]) -> set[tuple[str, str]]:
    """The arrows that no longer way implies."""

    def reach(name: str) -> set[str]:
        return below[name].union(*map(reach, below[name]))

    return {
        (here, there)
        for here, others in below.items()
        for there in others
        if not any(there in reach(other) for other in others - {there})
    }


def draw() -> plt.Figure:
    """Layers from the lowest up, with arrows to those they import, but for what these imply."""
    names = [name for layer in LAYERS for name in layer]
    count = dict.fromkeys(names, 0)
    below: dict[str, set[str]] = {name: set() for name in names}
    for module, others in graph().items():
        if module:
            here = layer_of(module)
            count[here] += 1
            below[here] |= {layer_of(other) for other in others} - {here}
    height: dict[str, int] = {}
    for name in names:  # lowest first
        height[name] = 1 + max((height[other] for other in below[name]), default=-1)
    rows: dict[int, list[str]] = {}
    for name in names:
        rows.setdefault(height[name], []).append(name)
    place = {
        name: ((i - 0.5 * (len(row) - 1)) * 3.4 + 0.35 * (h % 2), float(h))
        for h, row in rows.items()
        for i, name in enumerate(row)
    }
    fig, ax = plt.subplots(figsize=(7.5, 0.62 * len(rows)))
    for name, (x, y) in place.items():
        ax.add_patch(
            FancyBboxPatch(
                (x - 1.3, y - 0.22), 2.6, 0.44, boxstyle="round,pad=0.03",
                fc="white", ec=BLUE, lw=1.2, zorder=3,
            )
        )  # fmt: skip
        shown = "model.system" if name == "system" else name
        files = f"  {count[name]}" if count[name] > 1 else ""
        ax.text(x, y, shown + files, ha="center", va="center", fontsize=9, zorder=4)
    for here, there in sorted(reduced(below)):
        (x0, y0), (x1, y1) = place[here], place[there]
        bend = 0.0 if y0 - y1 == 1 else 0.18 if x0 >= 0 else -0.18
        ax.add_patch(
            FancyArrowPatch(
                (x0, y0 - 0.26), (x1, y1 + 0.26), connectionstyle=f"arc3,rad={bend}",
                arrowstyle="-|>", mutation_scale=8, color=GREY, lw=0.8, zorder=1,
            )
        )  # fmt: skip
    ax.set(xlim=(-7.0, 7.0), ylim=(-0.5, len(rows) - 0.5))
    ax.set_axis_off()
    return fig


if __name__ == "__main__":
    draw().savefig(HERE / "layers.png", dpi=110, bbox_inches="tight")
