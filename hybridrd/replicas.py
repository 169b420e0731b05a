"""Replicas in blocks: the part of an ensemble that one process does at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hybridrd.errors import HybridrdError
from hybridrd.results.statistics import Moments

if TYPE_CHECKING:
    import xarray as xr

    from hybridrd.simulation.plan import Plan
    from hybridrd.simulation.window import RecordedWindow

_MOST_BLOCKS = 100
_OWN = ("owed", "particles", "largest_c")  # diagnostics of one replica alone
_COUNTED = ("overdrafts", "implicit_euler_steps")  # diagnostics that add up over replicas


@dataclass(frozen=True)
class Job:
    """What all replicas of an ensemble have in common.

    Parameters
    ----------
    plan
        The compiled system.
    window
        The mean field they share; None where each has its own continuum, or none.
    seed, until, every, record, threads
        As of `Simulation` and its `run`.
    """

    plan: Plan
    window: RecordedWindow | None
    seed: int
    until: float
    every: float | None
    record: tuple[str, ...] | None
    threads: int

    def run(self, replica: int) -> xr.Dataset:
        """The result of one replica. Raises HybridrdError that names it."""
        from hybridrd.simulation.simulation import Simulation

        who = f"replica {replica} of the ensemble (seed = {self.seed})"
        plan = self.plan
        try:
            simulation = Simulation(
                plan.system, plan.dt, self.seed, replica, self.threads,
                plan=plan, mean_field=self.window,
            )  # fmt: skip
            return simulation.run(self.until, self.every, self.record, progress=False)
        except HybridrdError as error:
            raise type(error)(f"{who}: {error}") from error
        except Exception as error:
            raise HybridrdError(
                f"{who} failed: {type(error).__name__}: {error}; to repeat it alone, run "
                f"Simulation(system, dt={plan.dt:g}, seed={self.seed}, replica={replica})"
            ) from error


class Sums:
    """Moments of every recorded variable over some replicas, in the order of their numbers.

    Attributes
    ----------
    moments
        `Moments` by variable.
    timings, counts
        Seconds by activity, and diagnostics that add up.
    first
        The result of replica 0, None elsewhere: it lends dimensions, coordinates and attributes.
    """

    def __init__(self) -> None:
        self.moments: dict[str, Moments] = {}
        self.timings: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.first: xr.Dataset | None = None

    def add(self, replica: int, result: xr.Dataset) -> None:
        """Add the next replica."""
        if replica == 0:
            self.first = result
        for name, variable in result.data_vars.items():
            self.moments.setdefault(str(name), Moments()).add(variable.values)
        _add_up(self.timings, result.attrs["timings"])
        diagnostics = result.attrs["diagnostics"]
        _add_up(self.counts, {n: diagnostics[n] for n in _COUNTED if n in diagnostics})

    def merge(self, other: Sums) -> None:
        """Add the replicas that come after these."""
        if other.first is not None:
            self.first = other.first
        for name, moments in other.moments.items():
            self.moments.setdefault(name, Moments()).merge(moments)
        _add_up(self.timings, other.timings)
        _add_up(self.counts, other.counts)

    def dataset(self, replicas: int, timings: dict[str, float]) -> xr.Dataset:
        """Means, standard errors and variances with the labels of a run."""
        import xarray as xr

        first = self.first
        assert first is not None
        variables: dict[str, Any] = {}
        for name, m in self.moments.items():
            dims, attrs = first[name].dims, first[name].attrs
            unit = str(attrs.get("units", "1"))
            what = attrs.get("long_name", name)
            squared = "1" if unit == "1" else f"({unit})^2"
            for suffix, values, text, units in (
                ("mean", m.mean, "mean over the replicas", unit),
                ("sem", m.sem, "standard error of the mean", unit),
                ("var", m.variance, "variance over the replicas", squared),
            ):
                described = {"units": units, "long_name": f"{text}: {what}"}
                variables[f"{name}_{suffix}"] = (dims, values, described)
        attributes = {n: v for n, v in first.attrs.items() if n != "replica"}
        diagnostics = {n: v for n, v in first.attrs["diagnostics"].items() if n not in _OWN}
        attributes |= {
            "kind": "ensemble",
            "replicas": replicas,
            "timings": timings,
            "diagnostics": {**diagnostics, **self.counts},
        }
        return xr.Dataset(variables, coords=first.coords, attrs=attributes)


def make_blocks(replicas: int) -> list[range]:
    """The numbers of all replicas in blocks, whatever the number of workers: at most a hundred.

    Sums over blocks are merged in their order, so that the result does not depend on who did them.
    """
    size = -(-replicas // _MOST_BLOCKS)
    return [range(a, min(a + size, replicas)) for a in range(0, replicas, size)]


def run_block(job: Job, block: Sequence[int], done: Callable[[], object]) -> Sums:
    """Run the replicas of a block one after another; ``done`` is called after each."""
    sums = Sums()
    for replica in block:
        sums.add(replica, job.run(replica))
        done()
    return sums


def _add_up(totals: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        totals[name] = totals.get(name, 0) + value
