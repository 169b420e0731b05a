"""The figures of bridge.md: annihilation in three pictures, and Doi's rate in a growing box.

    python docs/figures/make_bridge.py

takes some minutes and writes bridge_annihilation.png and bridge_growing_box.png beside itself.
"""

from __future__ import annotations

import math
from pathlib import Path

import few_copies as few
import growing_box as box
import matplotlib.pyplot as plt
import numpy as np

from hybridrd.results.correlations import pair_correlation
from hybridrd.theory import cdme

HERE = Path(__file__).parent


def draw_annihilation(replicas: int = 4000, until: float = 1.5, every: float = 0.1) -> None:
    counts = few.particle_counts(replicas, until, every, seed=11)
    gap = few.close_the_gap(counts, every)
    times = every * np.arange(counts.shape[1])
    fine = np.linspace(0, until, 76)
    truth = few.master_equation(until, fine[1])
    plain = few.mean_field_with(np.zeros_like(fine), fine[1])
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9, 3.6), width_ratios=(3, 2), layout="constrained"
    )
    left.plot(fine, truth, color="black", label="master equation")
    left.errorbar(
        times, gap.particles, 2 * gap.particles_sem, fmt="o", ms=4, color="C0",
        label=f"particles, {replicas:,} replicas (2 s.e.)",
    )  # fmt: skip
    left.plot(fine, plain, "--", color="C3", label="PDE")
    left.plot(times, gap.corrected, ":", color="C1", lw=3, label="PDE + measured covariance")
    left.set(xlabel="time", ylabel="mean copy number", ylim=(0, None))
    left.legend(frameon=False, fontsize=8, loc="lower right")
    rest = cdme.steady_state(few.feeding(), 9, max_copies=9, tolerance=1e-4)
    n = np.arange(7)
    right.bar(n, rest["copy_number_probability"].values[0, :7], color="0.8", label="master eq.")
    late = counts[:, -1].sum(axis=1)
    share = np.array([(late == k).mean() for k in n])
    right.errorbar(
        n, share, 2 * np.sqrt(share * (1 - share) / replicas), fmt="o", ms=4, color="C0",
        label="particles",
    )  # fmt: skip
    mean = plain[-1]
    poisson = [math.exp(-mean) * mean**k / math.factorial(k) for k in n]
    right.plot(n, poisson, "_", ms=14, color="C3", label="Poisson of the PDE")
    right.set(xlabel="copies n", ylabel=f"P(n) at t = {until:g}")
    right.legend(frameon=False, fontsize=8)
    figure.savefig(HERE / "bridge_annihilation.png", dpi=160)


def draw_growing_box(copies: int = 1000) -> None:
    edges = [18.0, 25.0, 36.0, 50.0, 70.0, 100.0]
    replicas = [300, 300, 300, 300, 300, 250]
    rates = [box.measure_rate(L, copies, r, seed=21) for L, r in zip(edges, replicas, strict=True)]
    for L, rate in zip(edges, rates, strict=True):
        print(f"L = {L:g}: k/k_D = {rate.k / box.DOI:.4f} +- {rate.sem / box.DOI:.4f}, pairs alone "
              f"{box.expected_rate(L, copies) / box.DOI:.4f}")  # fmt: skip
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9, 3.6), width_ratios=(3, 2), layout="constrained"
    )
    k, sem = (np.array([getattr(r, name) for r in rates]) / box.DOI for name in ("k", "sem"))
    left.errorbar(
        edges, k, 2 * sem, fmt="o", ms=4, label=f"particles, {copies:,} at the start (2 s.e.)"
    )
    fine = np.geomspace(edges[0], edges[-1], 60)
    left.plot(fine, [box.expected_rate(L, copies) / box.DOI for L in fine], "-", lw=1, color="0.4",
              label="k(t) of one pair, in the window")  # fmt: skip
    left.axhline(1, color="black", label=r"Doi, $4\pi D\sigma(1 - \tanh g/g)$")
    left.axhline(
        box.WELL_MIXED / box.DOI, color="C3", ls="--", label=r"well mixed, $V_\sigma\lambda_0$"
    )
    left.set(xscale="log", xlabel=r"edge of the box / $\sigma$", ylabel=r"$k/k_{\rm Doi}$")
    left.set_xticks([20, 30, 50, 100], ["20", "30", "50", "100"])
    left.minorticks_off()
    left.legend(frameon=False, fontsize=8)
    L, rate = edges[2], rates[2]
    bins = np.concatenate([[0, 0.6, 0.8, 1], np.linspace(1.5, 6, 10)])
    cube = box.closed_box(L, copies).domain
    found = pair_correlation(rate.positions, cube, bins, periodic=True)
    right.errorbar(found["r"], found["g"], 2 * found["g_sem"], fmt="o", ms=4,
                   label=f"particles, box of {L:g}")  # fmt: skip
    r = np.linspace(0.01, 6, 300)
    dt, _, last = box.window(L, copies)
    right.plot(r, box.pair_density(r, last * dt), "-", lw=1, color="0.4", label="one pair, then")
    right.plot(r, box.steady_pair_density(r), color="black", label="Doi, at rest")
    right.axvline(1, color="0.8", lw=1)
    right.set(xlabel=r"$r/\sigma$", ylabel="pair correlation g(r)", ylim=(0, 1.15))
    right.legend(frameon=False, fontsize=8, loc="lower right")
    figure.savefig(HERE / "bridge_growing_box.png", dpi=160)


if __name__ == "__main__":
    draw_annihilation()
    draw_growing_box()
