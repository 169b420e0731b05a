"""Compilation of kernels in advance, by short runs of the systems that need them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from numba.core import event

from hybridrd.cli.job import Job, find_job
from hybridrd.examples import CASES

STEPS = 200  # enough for nearly all kernels: some are first used when two particles meet


def compile_for(names: Sequence[str]) -> Iterator[str]:
    """Compile what files or published cases need, by default the cases; yields a line for each.

    The first `STEPS` steps of each are run; without names two-way coupled as well.

    Raises
    ------
    ModelError, CapacityError
        See `find_job`; before anything is compiled.
    """
    jobs = [find_job(name, {}) for name in names or CASES]
    for job in jobs:
        begun = time.perf_counter()
        with event.install_recorder("numba:compile") as record:
            _run(job, job.system.coupling)
            if not names:
                _run(job, "two-way")
        compiled = sum(_is_kernel(found) for _, found in record.buffer)
        seconds = time.perf_counter() - begun
        if compiled:
            yield f"{job.name}: {compiled} kernels compiled, {seconds:.1f} s"
        else:
            yield f"{job.name}: nothing to compile"


def _run(job: Job, coupling: str) -> None:
    from hybridrd.simulation.mean_field import PDE
    from hybridrd.simulation.simulation import Simulation

    system = job.system
    until = min(STEPS, round(job.until / job.dt)) * job.dt
    if job.is_pde:
        PDE(system, job.dt).run(until, progress=False)
        return
    if system.is_hybrid:
        system = system.replace(coupling=coupling)
    Simulation(system, job.dt, seed=0, threads=job.threads).run(until, progress=False)


def _is_kernel(found: event.Event) -> bool:
    """Whether an event is the start of compiling one of the package's functions."""
    module = str(found.data["dispatcher"].py_func.__module__)
    return found.is_start and module.startswith("hybridrd.")
