"""Sampling running simulations, and bounds in standard errors."""

import numpy as np


def particles_in_bins(sim, name, edges):
    """How many particles of a species are in each bin; one array of edges an axis."""
    return np.histogramdd(sim.particles[name].positions, edges)[0]


def sample(sim, read, warm, samples, stride):
    """``read(sim)`` after ``warm`` steps and then every ``stride`` steps; stacked."""
    for _ in range(warm):
        sim.step()
    rows = []
    for _ in range(samples):
        for _ in range(stride):
            sim.step()
        rows.append(read(sim))
    return np.array(rows)


def batches(values, count=20):
    """Mean over the first axis, and its standard error from means of consecutive batches."""
    values = np.asarray(values, float)
    size = len(values) // count
    means = values[: size * count].reshape(count, size, *values.shape[1:]).mean(axis=1)
    return means.mean(axis=0), means.std(axis=0, ddof=1) / np.sqrt(count)


def poisson_deviation(counts, expected, correlation=0.0):
    """Deviation of a mean count from the expected one, in standard errors of Poisson numbers.

    ``correlation`` is that of consecutive samples (geometric).
    """
    counts = np.asarray(counts, float)
    inflation = (1 + correlation) / (1 - correlation)
    error = np.sqrt(expected * inflation / len(counts))
    return (counts.mean(axis=0) - expected) / error
