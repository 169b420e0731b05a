"""Many replicas of one System: means, standard errors and variances."""

from __future__ import annotations

import multiprocessing
import pickle
import secrets
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from io import BytesIO
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from hybridrd.errors import HybridrdError, ModelError
from hybridrd.replicas import Job, Sums, make_blocks, run_block

if TYPE_CHECKING:
    import xarray as xr

    from hybridrd.model.system import System
    from hybridrd.simulation.plan import Plan
    from hybridrd.simulation.window import RecordedWindow

SHARED_BYTES = 500e6  # a larger mean field is solved by each replica beside itself

_GUARD = (
    'put the call of ensemble under `if __name__ == "__main__":` in the script; '
    "worker processes import the script anew"
)


def ensemble(
    system: System,
    replicas: int,
    dt: float,
    until: float,
    every: float | None = None,
    seed: int | None = None,
    workers: int | None = None,
    record: Sequence[str] | None = None,
    threads: int | None = None,
    progress: bool | None = None,
) -> xr.Dataset:
    """Run replicas of a system and return their statistics.

    Replica i is ``Simulation(system, dt, seed, replica=i)``, bit for bit, and the result does not
    depend on the number of workers. Memory does not grow with the number of replicas. In mean-field
    coupling all replicas share one solution of the PDE; in two-way coupling each has its own
    continuum.

    Parameters
    ----------
    system
        What to simulate; it needs a particle region.
    replicas
        How many, at least one.
    dt, until, every, record
        As of `Simulation` and `Simulation.run`.
    seed
        Seed of all replicas; None draws one, which the result records.
    workers
        Number of processes; None, 0 and 1 run the replicas one after another in this one. With
        more, functions in the system must be importable, and a script must call this under
        ``if __name__ == "__main__":``.
    threads
        Threads of each replica. By default one.
    progress
        As of `Simulation.run`; the bar counts replicas.

    Returns
    -------
    xarray.Dataset
        Of every recorded variable ``<name>_mean``, ``<name>_var`` (unbiased variance over the
        replicas) and ``<name>_sem`` (standard error of the mean, sqrt(var / replicas)); the last
        two are NaN for one replica. Attributes as of a run, with ``replicas``; ``timings`` are
        sums over the replicas, but for ``elapsed`` and ``shared_continuum``.

    Raises
    ------
    ModelError, StepError, CapacityError
        If a number does not fit, or the system cannot be sent to workers; before anything runs.
    HybridrdError
        If a replica fails (the message has its number and the seed), or a worker process dies.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> line = hrd.Box(x=(0, 1))
    >>> system = hrd.System(
    ...     species=[A], domain=line, particles=line, reactions=[hrd.Reaction("A -> 0", k=1.0)],
    ...     initial={A: hrd.Copies(100)},
    ... )
    >>> result = hrd.ensemble(system, replicas=20, dt=0.01, until=1.0, every=0.5, seed=1)
    >>> result["copy_number_mean"].dims, result.sizes["time"]
    (('time', 'species'), 3)
    >>> abs(float(result["copy_number_mean"][-1, 0]) - 36.8) < 4 * 4.8 / 20**0.5
    True
    """
    from hybridrd.simulation.plan import compile_system
    from hybridrd.simulation.progress import progress_bar
    from hybridrd.simulation.schedule import in_steps, record_stride

    replicas = _whole(replicas, "replicas", 1)
    processes = _whole(0 if workers is None else workers, "workers", 0)
    plan = compile_system(system, dt)
    if plan.region is None:
        raise ModelError(
            "the system has no particle region (particles=None), so that all replicas would be "
            "the same; run it with hybridrd.mean_field, or give particles="
        )
    steps = in_steps(until, plan.dt, "until", least=0)
    stride = record_stride(every, plan.dt, steps)
    _check_record(system, record)
    if processes > 1:
        _check_main()
        _check_importable(system)
    began = time.perf_counter()
    window = _shared_window(plan, steps, stride)
    solved = time.perf_counter() - began
    job = Job(
        plan=plan,
        window=window,
        seed=secrets.randbits(63) if seed is None else _whole(seed, "seed", 0),
        until=until,
        every=every,
        record=None if record is None else tuple(record),
        threads=_whole(1 if threads is None else threads, "threads", 1),
    )
    total = Sums()
    blocks = make_blocks(replicas)
    with progress_bar(replicas, progress, unit="replica") as bar:
        if processes > 1:
            for block, sums in zip(blocks, _in_processes(job, blocks, processes), strict=True):
                total.merge(sums)
                bar.update(len(block))
        else:
            for block in blocks:
                total.merge(run_block(job, block, bar.update))
    timings = {**total.timings, "shared_continuum": solved} if window else total.timings
    timings = {**timings, "elapsed": time.perf_counter() - began}
    return total.dataset(replicas, {n: round(t, 6) for n, t in timings.items()})


def _shared_window(plan: Plan, steps: int, stride: int) -> RecordedWindow | None:
    """The mean field of all replicas, None where there is none or it would be too large."""
    from hybridrd.continuum.solvers import one_blas_thread
    from hybridrd.simulation.window import record_window

    if plan.coupling != "mean-field":
        return None
    gates = plan.gates()
    partners = plan.partners(gates)
    grid = plan.system.grid
    each_step = 2 * sum(g.face.size for g in gates if g.stencil is not None)
    each_step += len(partners.species) * len(partners.strip)
    each_record = grid.cells * len(plan.system.species)
    if 8.0 * (steps * each_step + (steps // stride + 2) * each_record) > SHARED_BYTES:
        return None
    with one_blas_thread():
        return record_window(plan, steps, stride)


def _in_processes(job: Job, blocks: list[range], processes: int) -> Iterator[Sums]:
    """The sums of all blocks in their order, from spawned processes.

    Blocks are handed out as earlier ones come back, so that no more wait than there are workers.
    """
    pool = ProcessPoolExecutor(
        max_workers=min(processes, len(blocks)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(job,),
    )
    waiting: deque[Future[Sums]] = deque()
    try:
        for block in blocks:
            if len(waiting) > 2 * processes:
                yield waiting.popleft().result()
            waiting.append(pool.submit(_work, block))
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise HybridrdError(
            f"a worker process ended before its work was done. {_GUARD[0].upper()}{_GUARD[1:]}. "
            f"If that is so already, it may have been killed for memory: use fewer workers, cells "
            f"or records (every=)"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


_job: Job | None = None  # of a worker process, received once


def _start_worker(job: Job) -> None:
    from hybridrd.continuum.solvers import one_blas_thread

    # For the life of the process; numba's kernels start no threads of their own.
    one_blas_thread().__enter__()
    global _job
    _job = job


def _work(block: range) -> Sums:
    assert _job is not None
    return run_block(_job, block, lambda: None)


def _whole(value: Any, name: str, least: int) -> int:
    import numpy as np

    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ModelError(f"{name} = {value!r}: a whole number of at least {least} is needed")
    return int(value)


def _check_record(system: System, record: Sequence[str] | None) -> None:
    from hybridrd.simulation.run import OFFERED

    if isinstance(record, str):
        raise ModelError(f"record = {record!r}: give a list of names, [{record!r}]")
    offered = [name for name in OFFERED if name != "events" or system.reactions]
    unknown = sorted(set(record or ()) - set(offered))
    if unknown:
        raise ModelError(
            f"record: {', '.join(unknown)} cannot be recorded; choose from {', '.join(offered)}"
        )


def _check_main() -> None:
    """Refuse to start processes from a script that a worker process is just importing."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise HybridrdError(_GUARD)


class _Importable(pickle.Pickler):
    """Refuses functions that only this process knows: those of a notebook or a console."""

    def persistent_id(self, thing: Any) -> None:
        if (
            isinstance(thing, FunctionType)
            and thing.__module__ == "__main__"
            and not hasattr(sys.modules["__main__"], "__file__")
        ):
            raise pickle.PicklingError(f"{thing.__name__} is defined in a notebook or console")


def _check_importable(system: System) -> None:
    try:
        _Importable(BytesIO()).dump(system)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ModelError(
            f"the system cannot be sent to worker processes ({error}): functions in it must be "
            f"importable, so define them with def at the top of a module or script, "
            f"or run with workers=0"
        ) from error


class _CallableModule(ModuleType):
    """Importing this module puts it in the place of `hybridrd.ensemble`, the function."""

    __call__: Callable[..., Any] = staticmethod(ensemble)


sys.modules[__name__].__class__ = _CallableModule
