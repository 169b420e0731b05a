"""What is measured of an outcome, each with its standard error."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from tests.benchmarks.couplings.line import Floats
from tests.benchmarks.couplings.problems import CELLS, H, Problem

_INSIDE = CELLS // 2  # cells of the particle region


@dataclass(frozen=True)
class Figure:
    """A number and its standard error."""

    value: float
    error: float

    def __str__(self) -> str:
        if not np.isfinite(self.value):
            return ""
        if self.error < 1e-9 * max(abs(self.value), 1e-3):  # of a field without noise
            return f"{self.value:.2g}" if abs(self.value) > 1e-15 else "0"
        digits = max(0, 1 - int(np.floor(np.log10(self.error))))
        return f"{self.value:.{digits}f} ± {self.error:.{digits}f}"


class Cell(NamedTuple):
    """What a scheme made of a problem at one step."""

    values: dict[str, Figure]
    cost: float  # processor seconds for the bound, over those of particles alone
    seconds: float  # processor seconds of a replica
    replica: float  # the same over that of particles alone
    replicas: int
    longest: float = np.nan  # of the turns' times, over the least
    turns: int = 1


Found = dict[str, dict[float, Cell]]


@dataclass(frozen=True)
class Right:
    """Moments that an outcome is compared with, by record: means, variances, one covariance."""

    mean: Floats  # (record, cell)
    total: Floats  # variance of the region's content, (record,)
    beside: Floats  # variance of the last cell of the region, (record,)
    across: Floats  # covariance of the two cells at the plane, (record,)
    one_way: bool = False
    errors: dict[str, float] = field(default_factory=dict)  # of measures, by the reference's own


def _content(contents: Floats, problem: Problem) -> Floats:
    """(replica, record, cell) of the first species, where it is compared."""
    return np.asarray(contents[:, problem.compared, 0])


def right_of(problem: Problem, particles: Floats | None, one_way: bool) -> Right:
    """The closed form, or what particles alone gave."""
    if problem.exact is not None:
        mean = problem.exact(problem.times[problem.compared])
        region = mean[:, :_INSIDE].sum(axis=1)
        if problem.variance == "closed" and not one_way:
            n = problem.closed
            inside, outside = mean[:, _INSIDE - 1], mean[:, _INSIDE]
            return Right(
                mean, region * (1 - region / n), inside * (1 - inside / n), -inside * outside / n
            )
        return Right(mean, region, mean[:, _INSIDE - 1], np.zeros(len(mean)), one_way=one_way)
    assert particles is not None
    c = _content(particles, problem)
    region = c[:, :, :_INSIDE].sum(axis=2)
    a, b = c[:, :, _INSIDE - 1], c[:, :, _INSIDE]
    across = ((a - a.mean(axis=0)) * (b - b.mean(axis=0))).sum(axis=0) / (len(c) - 1)
    right = Right(
        c.mean(axis=0), region.var(axis=0, ddof=1), a.var(axis=0, ddof=1), across, one_way
    )
    itself = measures(particles, particles.sum(axis=3), problem, right)
    return replace(right, errors={name: figure.error for name, figure in itself.items()})


def mean_of(samples: Floats) -> Figure:
    """Of replicas."""
    return Figure(float(samples.mean()), float(samples.std(ddof=1) / np.sqrt(samples.size)))


def _jackknife(samples: Floats, of: str, right: Floats, other: Floats | None = None) -> Figure:
    """Mean over records of a second moment, minus or over the right one, from (replica, record)."""
    n = len(samples)
    u = samples - samples.mean(axis=0)
    v = u if other is None else other - other.mean(axis=0)
    products = u * v * n / (n - 1)
    each = products.sum(axis=1) / right.sum() if of == "ratio" else products.mean(axis=1)
    found = mean_of(each)
    return found if of == "ratio" else Figure(found.value - float(right.mean()), found.error)


def measures(contents: Floats, total: Floats, problem: Problem, right: Right) -> dict[str, Figure]:
    """All measures of one outcome; relative ones in per cent of the right mean.

    Errors hold those of the reference, where it is sampled.
    """
    c = _content(contents, problem)
    region, wanted = c[:, :, :_INSIDE].sum(axis=2), right.mean[:, :_INSIDE].sum(axis=1)

    def bias(samples: Floats, expected: Floats) -> Figure:
        found = mean_of(samples.sum(axis=1) / expected.sum())
        return Figure(100 * (found.value - 1), 100 * found.error)

    a, b = c[:, :, _INSIDE - 1], c[:, :, _INSIDE]
    found = {
        "region, %": bias(region, wanted),
        "particle cell, %": bias(a, right.mean[:, _INSIDE - 1]),
        "continuum cell, %": bias(b, right.mean[:, _INSIDE]),
        "variance, region": _jackknife(region, "ratio", right.total),
        "variance, cell": _jackknife(a, "ratio", right.beside),
        "covariance": _jackknife(a, "difference", right.across, b),
    }
    if problem.delay:
        found["delay, h²/D"] = _delay(region, wanted, problem)
    for name, error in right.errors.items():
        if name in found:
            figure = found[name]
            scale = figure.value if name.startswith("variance") else 1.0
            found[name] = Figure(figure.value, float(np.hypot(figure.error, scale * error)))
    if not right.one_way and (problem.closed or len(problem.species) == 2):
        off = total[:, :, 0] - (problem.closed or total[:, :, 1])
        found["mass error"] = Figure(float(np.abs(off).max()), 0.0)
    return found


def cost(seconds: float, contents: Floats, problem: Problem, bias: Figure, bound: float) -> float:
    """Seconds for a root mean square error of ``bound`` per cent in the mean of the region.

    That is of as many replicas that the square of the bias, its sampling error taken out, and that
    of the standard error add up to ``bound**2``; infinite if the bias alone is above.
    """
    c = _content(contents, problem)[:, :, :_INSIDE].sum(axis=(1, 2))
    spread = 100 * c.std(ddof=1) / c.mean()
    left = bound**2 - max(bias.value**2 - bias.error**2, 0.0)
    return float(seconds * spread**2 / left) if left > 0 else np.inf


def _delay(region: Floats, wanted: Floats, problem: Problem) -> Figure:
    """By how much the region's content lags behind: the shift in time that fits best."""
    slope = np.gradient(wanted, problem.every)
    slope, level = slope - slope.mean(), region - wanted
    level = level - level.mean(axis=1, keepdims=True)
    late = -(level @ slope) / (slope @ slope)
    found = mean_of(late)
    return Figure(found.value / H**2, found.error / H**2)
