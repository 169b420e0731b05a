"""Preparation of an ensemble: its arguments checked, its system compiled, its shared mean field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hybridrd.arguments import number, shown, whole_number
from hybridrd.coupling.plane_counts import PlaneCounts, planes_of
from hybridrd.ensembles.blocks import EnsembleSetup
from hybridrd.ensembles.requests import Requests, check_memory
from hybridrd.errors import ModelError
from hybridrd.model.quantity import in_time
from hybridrd.model.system import System

if TYPE_CHECKING:
    from hybridrd.model.plane import Plane
    from hybridrd.simulation.plan import Plan
    from hybridrd.simulation.window import RecordedWindow

SHARED_BYTES = 500e6  # bytes; each replica solves a larger mean field itself

MOST_REPLICAS, MOST_THREADS = 10**9, 1024


@dataclass(frozen=True)
class Prepared:
    """An ensemble, ready to run.

    Attributes
    ----------
    plan
        The compiled system.
    wanted
        Variables to record, and their statistics.
    steps, stride
        Number of steps, and of steps between two records.
    shares
        Whether all replicas share one mean field.
    replicas, until, every, threads
        See `hybridrd.ensemble`.
    planes
        See `Simulation.run`, in the units of the system.
    """

    plan: Plan
    wanted: Requests
    steps: int
    stride: int
    shares: bool
    replicas: int
    until: float
    every: float | None
    threads: int
    planes: Mapping[str, Plane]

    @classmethod
    def checked(
        cls,
        system: System,
        replicas: int,
        dt: Any,
        until: Any,
        every: Any = None,
        record: Sequence[str] | None = None,
        threads: int | None = None,
        covariance: Sequence[str] = (),
        quantiles: Sequence[float] = (),
        keep: Sequence[str] = (),
        processes: int = 0,
        elsewhere: bool = False,
        planes: Mapping[str, Plane] | None = None,
    ) -> Prepared:
        """Check all arguments of an ensemble, and its memory on ``processes`` of this machine.

        Raises
        ------
        ModelError, StepError, CapacityError
            See `hybridrd.ensemble`.
        """
        from hybridrd.run.schedule import in_steps, record_stride
        from hybridrd.simulation.sizes import plan_that_fits

        if not isinstance(system, System):
            raise ModelError(f"system = {shown(system)}: give a System")
        replicas = whole_number(replicas, "replicas", 1, MOST_REPLICAS)
        threads = whole_number(1 if threads is None else threads, "threads", 1, MOST_THREADS)
        dt, until, every = (
            in_time(value, system.units, name)
            for name, value in (("dt", dt), ("until", until), ("every", every))
        )
        dt = number(dt, "dt", strict=True)
        plan = plan_that_fits(system, dt, here=not elsewhere)
        if plan.region is None:
            raise ModelError(
                "the system has no particle region (particles=None), so all replicas would be "
                "the same; run it with hybridrd.mean_field, or give particles="
            )
        passed = planes_of(planes, system.units)
        if passed:
            PlaneCounts.of(system, plan.region, dt, passed)  # only to check them
        steps = in_steps(until, plan.dt, "until", least=0)
        stride = record_stride(every, plan.dt, steps)
        wanted = Requests.checked(
            plan, replicas, steps, stride, record, covariance, quantiles, keep, len(passed)
        )
        size = _window_bytes(plan, steps, stride)
        records = 1 + -(-steps // stride)
        check_memory(plan, wanted, replicas, records, processes, size, elsewhere)
        return cls(
            plan, wanted, steps, stride, size is not None, replicas, until, every, threads, passed
        )

    def arguments(self, seed: int | None) -> dict[str, Any]:
        """Everything that determines the result besides the system, as JSON."""
        plan = self.plan
        return {
            "dt": plan.dt,
            "until": self.until,
            "every": self.stride * plan.dt,
            "seed": seed,
            "replicas": self.replicas,
            "planes": self.described_planes(),
            **self.wanted.described(),
        }

    def described_planes(self) -> dict[str, dict[str, float]]:
        """The planes as JSON."""
        return {name: {p.axis: p.place} for name, p in self.planes.items()}

    def setup(self, seed: int, window: RecordedWindow | None) -> EnsembleSetup:
        """Setup shared by the replicas."""
        return EnsembleSetup(
            plan=self.plan,
            window=window,
            seed=seed,
            until=self.until,
            every=self.every,
            record=self.wanted.record,
            threads=self.threads,
            covariance=self.wanted.covariance,
            kept=self.wanted.sampled,
            planes=self.planes,
        )

    def window(self) -> RecordedWindow | None:
        """The mean field shared by the replicas, or None. Raises CapacityError."""
        from hybridrd.continuum.solvers import one_blas_thread
        from hybridrd.particles.memory import naming
        from hybridrd.simulation.window import record_window

        if not self.shares:
            return None
        with one_blas_thread(), naming("the shared mean field", "use fewer cells"):
            return record_window(self.plan, self.steps, self.stride)


def _window_bytes(plan: Plan, steps: int, stride: int) -> float | None:
    """Size of the shared mean field (bytes); None if there is none or it would be too large."""
    if plan.coupling != "mean-field":
        return None
    gates = plan.gates()
    partners = plan.partners(gates)
    each_step = 2 * sum(g.face.size for g in gates if g.stencil is not None)
    each_step += len(partners.species) * len(partners.strip)
    each_record = plan.system.grid.cells * len(plan.system.species)
    size = 8.0 * (steps * each_step + (steps // stride + 2) * each_record)
    return None if size > SHARED_BYTES else size


def check_engine(workers: int | None, client: object) -> int:
    """Number of processes on this machine, after a check that only one engine is given.

    Raises
    ------
    ModelError
        If both workers and a client are given, or one of them is invalid.
    """
    processes = whole_number(0 if workers is None else workers, "workers", 0, MOST_THREADS)
    if client is not None:
        from hybridrd.ensembles.dask import check_client

        if workers is not None:
            raise ModelError(
                f"workers = {workers!r} and client are given: workers are processes on this "
                f"machine, a client has its own; leave one of them out"
            )
        check_client(client)
    return processes
