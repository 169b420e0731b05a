"""What fluctuates in a continuum of few particles a cell, sampled; takes a minute or two."""

from __future__ import annotations

import numpy as np

import hybridrd as hrd


def batches(values: np.ndarray, count: int = 20) -> tuple[float, float]:
    """Mean and its standard error, from means of consecutive batches."""
    means = values[: len(values) // count * count].reshape(count, -1).mean(axis=1)
    return float(means.mean()), float(means.std(ddof=1) / np.sqrt(count))


def measure(per_cell: float, alpha: float = 1.0, samples: int = 12000) -> dict[str, tuple]:
    """Variance of the region's total over the binomial one, and bias of its mean.

    A slab of 4 cells of particles and 4 of continuum, 4 cells wide and periodic across.
    """
    A = hrd.Species("A", D=1.0)
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 8), y=(0, 4)), particles=hrd.Box(x=(0, 4), y=(0, 4)),
        cells=(8, 4), walls={"y": hrd.Periodic()}, fluctuations="gaussian", initial={A: per_cell},
    )  # fmt: skip
    simulation = hrd.Simulation(system, dt=alpha, seed=1)
    n = np.empty(samples)
    for k in range(-100, samples):
        simulation.step()
        simulation.step()
        if k >= 0:
            n[k] = simulation.copy_number[0]
    mean = float(simulation.total[0]) / 2
    return {"ratio": batches((n - mean) ** 2 / (mean / 2)), "bias": batches(n / mean - 1)}
