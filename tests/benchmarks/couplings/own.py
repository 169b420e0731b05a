"""Couplings of hybridrd, published reservoir rules on it, and particles alone."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np

import hybridrd as hrd
from tests.benchmarks.couplings.problems import DOMAIN, REGION, H, Problem
from tests.benchmarks.couplings.scheme import Outcome, Scheme


class Own(Scheme):
    """A System as hybridrd runs it."""

    def __init__(self, name: str, **how: Any) -> None:
        self.name = name
        self.how = {"particles": REGION, **how}
        self.one_way = how.get("coupling") == "mean-field"

    def refuses(self, problem: Problem, dt: float) -> str | None:
        """See `Scheme`: what hybridrd itself says."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", hrd.AccuracyWarning)
            try:
                hrd.Simulation(problem.system(**self.how), dt, seed=1)
            except (hrd.ModelError, hrd.StepError) as refusal:
                return str(refusal)
        return None

    def run(self, problem: Problem, dt: float, replicas: int, seed: int) -> Outcome:
        """See `Scheme`."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", hrd.AccuracyWarning)
            begun = time.process_time()
            found = hrd.ensemble(
                problem.system(**self.how), replicas, dt=dt, until=problem.until,
                every=problem.every, seed=seed, record=["concentration", "total"],
                keep=["concentration", "total"], progress=False,
            )  # fmt: skip
        seconds = time.process_time() - begun
        contents = found["concentration"].transpose("replica", "time", "species", "x").values * H
        total = found["total"].transpose("replica", "time", "species").values
        return Outcome(np.asarray(contents), np.asarray(total), seconds)


def rules() -> list[Own]:
    """The reservoir rules of published scripts, one-way."""
    return [
        Own(
            f"reservoir rule, {rule}",
            coupling="mean-field",
            interface=hrd.interface.Published(rule),
        )
        for rule in ("explicit", "tau", "gillespie")
    ]


def own() -> list[Own]:
    """The couplings of hybridrd, which refuses noise beside a plain layer and an exact plane."""
    adaptive = hrd.Adaptive(low=4.0, high=8.0, every=0.01, buffer=0.1)
    return [
        Own("layer, PDE", interface=hrd.Layer()),
        Own("exact plane, PDE", interface=hrd.ExactPlane()),
        Own("calibrated layer, PDE"),
        Own("calibrated layer, Gaussian", fluctuations="gaussian"),
        Own("calibrated layer, discrete", fluctuations="discrete"),
        Own("adaptive, PDE", particles=adaptive),
        Own("adaptive, Gaussian", particles=adaptive, fluctuations="gaussian"),
        Own("adaptive, discrete", particles=adaptive, fluctuations="discrete"),
        Own("layer, mean field", coupling="mean-field", interface=hrd.Layer()),
        Own("exact plane, mean field", coupling="mean-field", interface=hrd.ExactPlane()),
    ]


def particles() -> Own:
    """Particles on the whole line."""
    return Own("particles alone", particles=DOMAIN)
