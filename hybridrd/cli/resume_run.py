"""Runs of the command line, with the checkpoints from which an interrupted run is resumed.

``OUT.checkpoints`` next to ``OUT`` holds the last checkpoints. It also holds the records if they
can't be written to ``OUT`` itself: for a netCDF file, or a result that is replaced only when the
new one is complete.
"""

from __future__ import annotations

import re
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hybridrd.cli.job import how_to_start, kept_beside
from hybridrd.errors import ResultError
from hybridrd.results.lock import locked
from hybridrd.results.place import check_replaceable, put, remove_store
from hybridrd.results.store import save
from hybridrd.run import loop
from hybridrd.run.checkpoint import checkpoints_in, is_checkpoint
from hybridrd.simulation.mean_field import PDE
from hybridrd.simulation.simulation import Simulation

if TYPE_CHECKING:
    from hybridrd.cli.job import Job

_RECORDS = "records.zarr"
# Suffix of files that the program was about to rename.
_PART = re.compile(r"\.(records\.zarr|checkpoint-\d{10}\.npz)\.[0-9a-f]{8}\.part")


class ResumableRun:
    """One run with its paths.

    Parameters
    ----------
    job
        The job, with one replica.
    out
        Path of the result.
    overwrite
        Whether to replace a result, and the remains of another run.
    resume
        Whether to resume from the last checkpoint.
    minutes
        Wall time between checkpoints.

    Attributes
    ----------
    simulation
        The simulation that is run.
    started
        The time from which the run continues.

    Raises
    ------
    ResultError
        If there is nothing to resume, or an unfinished run would be overwritten; or if the run to
        resume has another time step, seed or system.
    """

    def __init__(self, job: Job, out: Path, overwrite: bool, resume: bool, minutes: float) -> None:
        self._job, self._out, self._resume, self._minutes = job, out, resume, minutes
        self._overwrite = overwrite or resume  # then an existing file belongs to this run
        self._work = kept_beside(out)
        there = checkpoints_in(self._work)
        if there and not self._overwrite:
            raise ResultError(
                f"{self._work}: holds checkpoints of an unfinished run; continue it with --resume, "
                f"or start over with --overwrite"
            )
        if resume and not there:
            raise ResultError(
                f"nothing to resume: there is no checkpoint in {self._work}; {how_to_start(out)}"
            )
        self.simulation = self._restored() if resume else self._new()
        self.started = self.simulation.time
        inside = self._work / _RECORDS
        apart = inside.exists() if resume else out.exists()
        self._store = inside if apart or out.suffix == ".nc" else out

    def run(self) -> None:
        """Run to the end and move the result to its path.

        Raises
        ------
        KeyboardInterrupt
            After Ctrl-C, with the command that resumes.
        """
        began = time.monotonic()
        if not self._resume:
            self._check_clear()
            self._clear()
            self._work.mkdir()
        job, what = self._job, self.simulation
        try:
            if isinstance(what, Simulation):
                what.watch(job.planes, job.events)
            recording = loop.run(
                what, job.until, job.every, out=self._store, positions=bool(job.positions),
                checkpoint=self._work, checkpoint_minutes=self._minutes, progress=job.progress,
            )  # fmt: skip
        except KeyboardInterrupt as error:
            if not checkpoints_in(self._work):
                raise
            raise type(error)(
                f"Interrupted at t = {self.simulation.time:.12g}; the same command with --resume "
                f"continues from there."
            ) from error
        finally:
            with suppress(OSError):  # it stays if it is not empty
                self._work.rmdir()
        if self._out.suffix == ".nc":
            save(recording.result(), self._out, overwrite=self._overwrite)
        elif self._store != self._out:
            put(self._store, self._out)
        if not self._resume and time.monotonic() - began < 60.0 * self._minutes:
            self._clear()

    def _new(self) -> Simulation | PDE:
        job = self._job
        if job.is_pde:
            return PDE(job.system, job.dt)
        return Simulation(job.system, job.dt, seed=job.seed, threads=job.threads)

    def _restored(self) -> Simulation | PDE:
        job = self._job
        simulation: Simulation | PDE
        if job.is_pde:
            simulation = PDE.restore(self._work, system=job.system)
        else:
            simulation = Simulation.restore(self._work, system=job.system, threads=job.threads)
        known = simulation.arguments()
        for name, wanted in (("dt", job.dt), ("seed", job.seed)):
            had = known.get(name)
            if wanted is not None and had is not None and wanted != had:
                raise ResultError(
                    f"--resume: {name} = {wanted:.12g} was given, but the run in {self._work} has "
                    f"{name} = {had:.12g}"
                )
        return simulation

    def _check_clear(self) -> None:
        """Refuse, before anything is removed, if there are other files among the checkpoints."""
        if not self._work.is_dir():
            return
        ours = set(filter(is_checkpoint, checkpoints_in(self._work)))
        for path in sorted(self._work.iterdir()):
            if path.name == _RECORDS:
                check_replaceable(path)
            elif path not in ours and not _PART.fullmatch(path.name):
                raise ResultError(
                    f"{self._work}: holds other files ({path.name}); move them away, nothing "
                    f"was removed"
                )

    def _clear(self) -> None:
        """Remove the checkpoints and the program's other files beside them."""
        if not self._work.is_dir():
            return
        with locked(self._work):  # nobody else is writing there
            for path in checkpoints_in(self._work):
                path.unlink()
            if (self._work / _RECORDS).exists():
                remove_store(self._work / _RECORDS)
            for path in self._work.iterdir():  # of a program that was killed
                if _PART.fullmatch(path.name):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        try:
            self._work.rmdir()
        except OSError as error:
            raise ResultError(
                f"{self._work}: holds other files; move them away ({error.strerror})"
            ) from error
