"""Ensembles: means, standard errors and variances over replicas of one System."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from hybridrd.arguments import named_arguments, path_of, truth, whole_number
from hybridrd.ensembles.blocks import Sums, make_blocks
from hybridrd.ensembles.preparation import Prepared, check_engine
from hybridrd.ensembles.processes import (
    Blocks,
    Done,
    check_importable,
    check_main,
    in_processes,
    in_this_process,
)
from hybridrd.ensembles.store import BlockStore
from hybridrd.ensembles.summary import summary
from hybridrd.model.system import System
from hybridrd.results.lock import locked

if TYPE_CHECKING:
    import xarray as xr
    from distributed import Client

    from hybridrd.model.plane import Plane


@named_arguments
def ensemble(
    system: System,
    replicas: int,
    dt: float | str,
    until: float | str,
    every: float | str | None = None,
    seed: int | None = None,
    workers: int | None = None,
    record: Sequence[str] | None = None,
    threads: int | None = None,
    progress: bool | None = None,
    client: Client | str | None = None,
    covariance: Sequence[str] = (),
    quantiles: Sequence[float] = (),
    keep: Sequence[str] = (),
    resume: str | Path | None = None,
    planes: Mapping[str, Plane] | None = None,
) -> xr.Dataset:
    """Run replicas of a system and return their statistics.

    Replica i is ``Simulation(system, dt, seed, replica=i)``, bit for bit. The result does not
    depend on the number of workers or their order, nor does it change if one dies. Memory grows
    only with the number of replicas to keep. In mean-field coupling all replicas share one solution
    of the PDE; in two-way coupling each has its own continuum.

    Parameters
    ----------
    system
        The system to simulate; it needs a particle region, or ``fluctuations``.
    replicas
        Number of replicas, at least one.
    dt, until, every, record
        See `Simulation` and `Simulation.run`.
    seed
        Seed of all replicas; None draws one, which the result records.
    workers
        Number of processes; None, 0 and 1 run the replicas one after another in this one. With
        more, functions in the system must be importable, and a script must call this under
        ``if __name__ == "__main__":``.
    threads
        Threads of each replica, by default one.
    progress
        See `Simulation.run`, counted in replicas.
    client
        A ``dask.distributed.Client``, or the address of a Dask scheduler, for example
        ``"tcp://10.0.0.1:8786"``. Its workers run the replicas. Needs ``hybridrd[distributed]``.
        Functions in the system must be importable there, or defined in the script or notebook.
    covariance
        Variables whose covariance between species (``events``: reactions) is returned.
    quantiles
        Probabilities, for example ``[0.1, 0.5, 0.9]``, of quantiles of the variables in ``keep``;
        without ``keep``, of all recorded variables except ``concentration``. Quantiles need all
        replicas in memory.
    keep
        Variables returned for every replica. They may take 0.5 GB of memory in total.
    resume
        A directory for finished replicas, in blocks of a hundredth of all. After an interruption
        (Ctrl-C, SIGTERM, a kill) the same call runs only the missing ones, with the same result
        bit for bit.
    planes
        See `Simulation.run`: ``plane_flux`` through each plane becomes a variable. Only single runs
        can keep a log of events (``events="log"``).

    Returns
    -------
    xarray.Dataset
        For every recorded variable ``<name>_mean``, ``<name>_var`` (unbiased variance over the
        replicas) and ``<name>_sem`` (standard error of the mean, sqrt(var / replicas)); the last
        two are NaN for one replica. On request ``<name>_cov`` with the second dimension twice, as
        in ``copy_number_cov(time, species, species_2)`` (unbiased, at the same time and position);
        ``<name>_quantile(quantile, ...)``; and ``<name>(replica, ...)``. Attributes are those of a
        run, with ``replicas``. ``timings`` are sums over the replicas (``set_up`` and ``writing``
        include the ensemble itself), except ``elapsed`` and ``shared_continuum``.

    Raises
    ------
    ModelError, StepError, CapacityError
        If an argument is invalid, the system cannot be sent to workers, or the kept samples are too
        large; raised before anything runs.
    ResultError
        If ``resume`` holds replicas of another ensemble (the message says what has changed),
        cannot be written to, or is being written by another program.
    HybridrdError
        If a replica fails (the message has its number and the seed), a worker process dies, or
        there is no Dask cluster at the address.

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
    from hybridrd.run.interrupt import sigterm_raises
    from hybridrd.run.log import Clock
    from hybridrd.run.progress import progress_bar

    began, laps = time.perf_counter(), {"set_up": 0.0, "shared_continuum": 0.0}
    clock = Clock(laps)
    seed = None if seed is None else whole_number(seed, "seed", 0)
    progress = None if progress is None else truth(progress, "progress")
    processes = check_engine(workers, client)
    prepared = Prepared.checked(
        system, replicas, dt, until, every, record, threads, covariance, quantiles, keep,
        processes, client is not None, planes,
    )  # fmt: skip
    replicas, wanted = prepared.replicas, prepared.wanted
    if processes > 1:
        check_main()
        check_importable(system)
    blocks = dict(enumerate(make_blocks(replicas)))
    place = None if resume is None else path_of(resume, "resume")
    with locked(place), sigterm_raises():
        finished = None
        if place is not None:
            finished = BlockStore(place, system, prepared.arguments(seed))
            seed = finished.seed
        stored = finished.whole(blocks) if finished is not None else []
        todo = {index: block for index, block in blocks.items() if index not in stored}
        clock.lap("set_up")
        window = prepared.window() if todo else None
        clock.lap("shared_continuum")
        setup = prepared.setup(secrets.randbits(63) if seed is None else seed, window)
        total = Sums(setup.covariance, setup.kept)
        already = replicas - sum(map(len, todo.values()))
        with progress_bar(replicas, progress, unit="replica", done=already) as bar:
            update = bar.update
            if client is not None and todo:
                from hybridrd.ensembles.dask import on_cluster

                done = on_cluster(setup, todo, client)
            elif processes > 1 and todo:
                done = in_processes(setup, todo, processes)
            else:
                done, update = in_this_process(setup, todo, bar.update), lambda _: None
            try:
                for sums in _in_order(done, blocks, finished, stored, update):
                    total.merge(sums)
            except KeyboardInterrupt as error:
                if finished is None:
                    raise
                raise type(error)(
                    f"Interrupted; {finished.place} holds the finished blocks, and the same call "
                    f"with resume= continues after them."
                ) from error
    timings = {**total.timings, "set_up": total.timings.get("set_up", 0.0) + laps["set_up"]}
    if window is not None:
        timings["shared_continuum"] = laps["shared_continuum"]
    if finished is not None:
        timings["writing"] = timings.get("writing", 0.0) + finished.seconds
    timings["elapsed"] = time.perf_counter() - began
    timings = {name: round(t, 6) for name, t in timings.items()}
    return summary(total, replicas, timings, wanted.quantiles, wanted.keep)


def _in_order(
    done: Done,
    blocks: Blocks,
    finished: BlockStore | None,
    stored: Sequence[int],
    update: Callable[[int], object],
) -> Iterator[Sums]:
    """The sums of all blocks in their order; each is stored on disk as soon as it is finished."""
    waiting: dict[int, Sums] = {}
    at = 0
    for index, sums in chain(done, [(-1, None)]):
        if sums is not None:
            if finished is not None:
                finished.write(index, blocks[index], sums)
            waiting[index] = sums
            update(len(blocks[index]))
        while at in waiting or at in stored:
            if at in waiting:
                yield waiting.pop(at)
            else:
                assert finished is not None
                yield finished.read(at, blocks[at])
            at += 1
    assert at == len(blocks)
