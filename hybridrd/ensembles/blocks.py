"""Blocks of replicas: the part of an ensemble that one process runs at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hybridrd.errors import CapacityError, HybridrdError
from hybridrd.results.statistics import Comoments, JointMoments, Moments

if TYPE_CHECKING:
    from hybridrd.model.plane import Plane
    from hybridrd.results.block import Block
    from hybridrd.results.dataset import Recorder
    from hybridrd.simulation.plan import Plan
    from hybridrd.simulation.simulation import Simulation
    from hybridrd.simulation.window import RecordedWindow

_MOST_BLOCKS = 100
# Diagnostics that add up over replicas.
_COUNTED = ("overdrafts", "implicit_euler_steps", "region_changes", "cells_changed")


class Setup(Protocol):
    """Numbered replicas for an engine, of one ensemble or of all points of a sweep."""

    @property
    def covariance(self) -> tuple[str, ...]: ...
    @property
    def kept(self) -> tuple[str, ...]: ...

    def run(self, replica: int) -> Outcome: ...
    def named(self, block: range) -> str: ...


class Outcome(NamedTuple):
    """Outcome of one replica.

    Parameters
    ----------
    values
        Records of each variable ``(records, ...)``.
    timings
        Seconds by activity.
    diagnostics
        Diagnostics of the run.
    labels
        Dimensions, coordinates and attributes, as in JSON, for replica 0; None for others.
    """

    values: dict[str, NDArray[Any]]
    timings: Mapping[str, float]
    diagnostics: Mapping[str, Any]
    labels: dict[str, Any] | None = None


class _Idle(list["tuple[Simulation, Recorder]"]):
    """Simulations free for reuse; they are not pickled."""

    def __reduce__(self) -> tuple[type[_Idle], tuple[()]]:
        return _Idle, ()


@dataclass(frozen=True)
class EnsembleSetup:
    """Setup that all replicas of an ensemble share.

    Parameters
    ----------
    plan
        The compiled system.
    window
        The shared mean field; None if each has its own continuum, or none.
    seed, until, every, record, threads
        See `Simulation` and its `run`.
    covariance, kept
        Variables whose covariances are summed, and whose samples are kept.
    planes
        See `Simulation.run`, in the units of the system.
    """

    plan: Plan
    window: RecordedWindow | None
    seed: int
    until: float
    every: float | None
    record: tuple[str, ...] | None
    threads: int
    covariance: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    planes: Mapping[str, Plane] = field(default_factory=dict)
    _idle: _Idle = field(default_factory=lambda: _Idle(), compare=False, repr=False)

    def named(self, block: range) -> str:
        """A block in words, for messages."""
        return f"replicas {block[0]} to {block[-1]} of the ensemble (seed = {self.seed})"

    def run(self, replica: int) -> Outcome:
        """One replica. Raises HybridrdError that names it."""
        who = f"replica {replica} of the ensemble (seed = {self.seed})"
        try:
            return self._outcome(replica)
        except MemoryError as error:
            raise CapacityError(
                f"{who}: no memory left ({str(error) or 'the system gave none'}); use fewer "
                f"workers, lower concentrations or rates, or fewer records"
            ) from error
        except HybridrdError as error:
            raise type(error)(f"{who}: {error}") from error
        except Exception as error:
            raise HybridrdError(
                f"{who} failed: {type(error).__name__}: {error}; to repeat it alone, run "
                f"Simulation(system, dt={self.plan.dt:g}, seed={self.seed}, replica={replica})"
            ) from error

    def _outcome(self, replica: int) -> Outcome:
        from hybridrd.run import loop
        from hybridrd.run.brief import run_briefly

        simulation, recorder = self._simulation(replica)
        if replica == 0:  # its records provide the labels for all
            block = loop.run(simulation, self.until, self.every, self.record, progress=False).block
            values = {name: v.values for name, v in block.data.items()}
            attributes = block.attrs
            return Outcome(values, attributes["timings"], attributes["diagnostics"], _labels(block))
        values = run_briefly(simulation, *self._schedule, recorder)
        outcome = Outcome(values, dict(simulation.timings), simulation.happened())
        self._idle.append((simulation, recorder))
        return outcome

    @cached_property
    def _schedule(self) -> tuple[int, int]:
        """Number of steps, and steps between records."""
        from hybridrd.run.schedule import in_steps, record_stride

        last = in_steps(self.until, self.plan.dt, "until", least=0)
        return last, record_stride(self.every, self.plan.dt, last)

    def _simulation(self, replica: int) -> tuple[Simulation, Recorder]:
        """The simulation of a replica and its recorder, reused ones if possible."""
        from hybridrd.simulation.simulation import Simulation

        with suppress(IndexError):
            used, recorder = self._idle.pop()
            if used.begin_again(replica):
                return used, recorder
        plan = self.plan
        simulation = Simulation(
            plan.system, plan.dt, self.seed, replica, self.threads,
            plan=plan, mean_field=self.window,
        )  # fmt: skip
        simulation.measure(self.planes)
        return simulation, simulation.recorder(self.record)


class Sums:
    """Moments of every recorded variable over some replicas, in the order of their numbers.

    Parameters
    ----------
    covariance, kept
        See `EnsembleSetup`.

    Attributes
    ----------
    moments
        `Moments` by variable, `Comoments` where covariances are requested.
    samples
        Values of replicas ``(replicas, ...)`` by variable to keep, as a list of parts.
    timings, counts
        Seconds by activity, and diagnostics that add up.
    labels
        Dimensions, coordinates and attributes, as in JSON, for replica 0; None for others.
    """

    def __init__(self, covariance: Sequence[str] = (), kept: Sequence[str] = ()) -> None:
        self._covariance = tuple(covariance)
        self._known: dict[str, Moments] = {}
        self._joint = JointMoments()  # of the replicas since somebody asked for the moments
        self.samples: dict[str, list[NDArray[Any]]] = {name: [] for name in kept}
        self.timings: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.labels: dict[str, Any] | None = None

    def add(self, outcome: Outcome) -> None:
        """Add the next replica."""
        if outcome.labels is not None:
            self.labels = outcome.labels
        plain = outcome.values
        if self._covariance:
            plain = {n: v for n, v in plain.items() if n not in self._covariance}
            for name in self._covariance:
                self._moments(name).add(outcome.values[name])
        self._joint.add(plain)
        for name, parts in self.samples.items():
            parts.append(outcome.values[name][None])
        _add_up(self.timings, outcome.timings)
        happened = {**outcome.diagnostics, **outcome.diagnostics.get("adaptive", {})}
        _add_up(self.counts, {n: happened[n] for n in _COUNTED if n in happened})

    @property
    def moments(self) -> dict[str, Moments]:
        """`Moments` by variable, `Comoments` where covariances are asked for."""
        found, self._joint = self._joint.parts(), JointMoments()
        for name, part in found.items():
            self._moments(name).merge(part)
        return self._known

    def merge(self, other: Sums) -> None:
        """Add the sums of later replicas."""
        if other.labels is not None:
            self.labels = other.labels
        for name, moments in other.moments.items():
            self._moments(name).merge(moments)
        for name, parts in other.samples.items():
            self.samples[name] += parts
        _add_up(self.timings, other.timings)
        _add_up(self.counts, other.counts)

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """The sums as a dict for JSON, and arrays by name."""
        about = {
            "variables": list(self.moments),
            "covariance": list(self._covariance),
            "kept": list(self.samples),
            "timings": self.timings,
            "counts": self.counts,
            "labels": self.labels,
        }
        arrays = {
            f"{name}/{part}": array
            for name, moments in self.moments.items()
            for part, array in moments.state().items()
        }
        arrays |= {f"{n}/samples": np.concatenate(parts) for n, parts in self.samples.items()}
        return about, arrays

    @classmethod
    def from_state(cls, about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Sums:
        """The sums of a `state`. Raises KeyError if an entry is missing."""
        made = cls(about["covariance"], about["kept"])
        for name in about["variables"]:
            found = {
                key.rpartition("/")[2]: array
                for key, array in arrays.items()
                if key.rpartition("/")[0] == name
            }
            made._known[name] = type(made._moments(name)).from_state(found)
        for name, parts in made.samples.items():
            parts.append(arrays[f"{name}/samples"])
        made.timings, made.counts = dict(about["timings"]), dict(about["counts"])
        made.labels = about["labels"]
        return made

    def _moments(self, name: str) -> Moments:
        kind = Comoments if name in self._covariance else Moments
        return self._known.setdefault(name, kind())


def make_blocks(replicas: int) -> list[range]:
    """Blocks of the numbers of all replicas, at most a hundred, for any number of workers.

    Sums over blocks are merged in order, so the result does not depend on which worker ran them.
    """
    size = -(-replicas // _MOST_BLOCKS)
    return [range(a, min(a + size, replicas)) for a in range(0, replicas, size)]


def run_block(setup: Setup, block: Sequence[int], done: Callable[[], object]) -> Sums:
    """Run the replicas of a block one after another; ``done`` is called after each."""
    from hybridrd.continuum.solvers import one_blas_thread

    sums = Sums(setup.covariance, setup.kept)
    with one_blas_thread():
        for replica in block:
            sums.add(setup.run(replica))
            done()
    return sums


def _labels(block: Block) -> dict[str, Any]:
    return {
        "variables": {
            name: {"dims": list(v.dims), "attrs": dict(v.attrs)} for name, v in block.data.items()
        },
        "coordinates": {
            name: {"dims": list(v.dims), "attrs": dict(v.attrs), "values": v.values.tolist()}
            for name, v in block.coords.items()
        },
        "attributes": dict(block.attrs),
    }


def _add_up(totals: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        totals[name] = totals.get(name, 0) + value
