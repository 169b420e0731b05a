"""The figure of pairs at a reflecting wall: ``python docs/figures/make_walls.py`` (a minute)."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import hybridrd as hrd
from hybridrd.theory.doi import cap_volume, reactive_volume

HERE = Path(__file__).parent
RADIUS, DEPTHS = 0.1, (0.02, 0.25, 0.5, 0.75, 1.0, 1.5)  # in radii
A, B, C = hrd.Species("A", D=0.0), hrd.Species("B", D=1.0), hrd.Species("C", D=0.0)
CUBE = hrd.Box(x=(0, 1), y=(0, 1), z=(0, 1))


def sampled(depth: float) -> tuple[float, float]:
    """Rate over k of A so deep below the wall, and its standard error."""
    place = np.random.default_rng(1).random((200, 3))
    place[:, 2] = depth * RADIUS
    system = hrd.System(
        species=[A, B, C],
        domain=CUBE,
        particles=CUBE,
        cells=4,
        walls={"x": hrd.Periodic(), "y": hrd.Periodic()},
        reactions=[hrd.Reaction("A + B -> A + B + C", k=0.01, radius=RADIUS)],
        initial={A: hrd.Points(place), B: hrd.Copies(40)},
    )
    many = hrd.ensemble(
        system, replicas=16, dt=2e-3, until=4.0, every=4.0, seed=2, record=["events"]
    )
    expected = 0.01 * 200 * 40 * 4.0
    last = many.isel(time=-1, reaction=0)
    return float(last["events_mean"]) / expected, float(last["events_sem"]) / expected


def main() -> None:
    u = np.linspace(0.0, 1.6, 200)
    _, ax = plt.subplots(figsize=(5.6, 3.4), layout="constrained")
    for d, style in ((1, ":"), (2, "--"), (3, "-")):
        inside = 1 - cap_volume(u, 1.0, d) / reactive_volume(1.0, d)
        ax.plot(u, inside, style, color="#222222", label=f"{d}D, volume inside")
    rates, errors = zip(*map(sampled, DEPTHS), strict=True)
    ax.errorbar(DEPTHS, rates, errors, fmt="o", color="#0072B2", capsize=3, label="3D, sampled")
    ax.set(xlabel="distance of A from the wall / Doi radius", ylabel="rate / k", ylim=(0.4, 1.1))
    ax.legend(loc="lower right")
    ax.figure.savefig(HERE / "accuracy_walls.png", dpi=100)
    print(*zip(DEPTHS, rates, errors, strict=True), sep="\n")


if __name__ == "__main__":
    main()
