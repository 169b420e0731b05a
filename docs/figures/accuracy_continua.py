"""What fluctuates beside each continuum, sampled; takes a few minutes."""

from __future__ import annotations

from typing import Any

import numpy as np

import hybridrd as hrd

Ratio = tuple[float, float]


def batches(values: np.ndarray, count: int = 20) -> Ratio:
    """Mean and its standard error, from means of consecutive batches."""
    means = values[: len(values) // count * count].reshape(count, -1).mean(axis=1)
    return float(means.mean()), float(means.std(ddof=1) / np.sqrt(count))


def measure(
    content: float, fluctuations: str | None, samples: int = 400, k: float = 0.1, rows: int = 64
) -> dict[str, Ratio]:
    """Variance over the Poisson one of `0 <-> A`, and its error: of cells, region and rows.

    A slab of 3 cells of particles and 3 of continuum, D dt/h² = 0.25, periodic across; its rows of
    6 cells are samples.
    """
    A = hrd.Species("A", D=1.0)
    side: dict[str, Any] = {"y": (0, rows)}
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 6), **side), particles=hrd.Box(x=(0, 3), **side),
        cells=(6, rows), walls={"y": hrd.Periodic()}, fluctuations=fluctuations,
        initial={A: content},
        reactions=[hrd.Reaction("0 -> A", k=k * content), hrd.Reaction("A -> 0", k=k)],
    )  # fmt: skip
    simulation = hrd.Simulation(system, dt=0.25, seed=1)
    simulation.step(round(8 / k))
    n = np.empty((samples, 6, rows))
    for sample in n:
        simulation.step(8)
        sample[:] = simulation.concentration[0]
    deviation = n - content

    def ratio(parts: np.ndarray, cells: int) -> Ratio:
        return batches((parts**2).reshape(samples, -1).mean(axis=1) / (cells * content))

    return {
        "bin of particles": ratio(deviation[:, :3], 1),
        "continuum cell": ratio(deviation[:, 3:], 1),
        "region": ratio(deviation[:, :3].sum(axis=1), 3),
        "total": ratio(deviation.sum(axis=1), 6),
        "all rows": ratio(deviation.sum(axis=(1, 2)), 6 * rows),
    }
