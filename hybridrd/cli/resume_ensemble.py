"""Ensembles of the command line, whose finished blocks are kept until the result is complete.

``OUT.checkpoints`` next to ``OUT`` holds the blocks of replicas that are finished.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hybridrd.cli.job import how_to_start, kept_beside
from hybridrd.ensembles.ensemble import ensemble
from hybridrd.ensembles.store import MANIFEST, remove
from hybridrd.errors import ResultError
from hybridrd.results.store import open_result, save

if TYPE_CHECKING:
    import xarray as xr

    from hybridrd.cli.job import Job


class ResumableEnsemble:
    """One ensemble with its paths.

    Parameters
    ----------
    job, out, overwrite, resume
        See `hybridrd.cli.resume_run.ResumableRun`; several replicas.

    Raises
    ------
    ResultError
        If there is nothing to resume, or an unfinished run would be overwritten.
    """

    def __init__(self, job: Job, out: Path, overwrite: bool, resume: bool) -> None:
        self._job, self._out, self._overwrite = job, out, overwrite or resume
        self._work = kept_beside(out)
        self._made = not self._work.exists()  # only this command can have written it
        there = (self._work / MANIFEST).is_file()
        if there and not self._overwrite:
            raise ResultError(
                f"{self._work}: holds replicas of an unfinished run; continue it with --resume, or "
                f"start over with --overwrite"
            )
        if resume and not there:
            raise ResultError(
                f"nothing to resume: there are no replicas in {self._work}; {how_to_start(out)}"
            )
        if there and not resume:
            remove(self._work)

    def run(self) -> xr.Dataset:
        """Run the missing replicas and move the result to its path.

        Raises
        ------
        KeyboardInterrupt
            After Ctrl-C, with the command that resumes.
        """
        job = self._job
        try:
            result = ensemble(
                job.system, replicas=job.replicas, dt=job.dt, until=job.until, every=job.every,
                seed=job.seed, workers=job.workers, threads=job.threads, resume=self._work,
                progress=job.progress, planes=job.planes,
            )  # fmt: skip
        except KeyboardInterrupt as error:
            raise type(error)(
                "Interrupted; the same command with --resume runs only the replicas that are "
                "not done."
            ) from error
        except BaseException:
            empty = self._work.is_dir() and not list(self._work.glob("block-*.npz"))
            if self._made and empty:
                with suppress(ResultError):  # another program has started to write there
                    remove(self._work)
            raise
        save(result, self._out, overwrite=self._overwrite)
        remove(self._work)
        return open_result(self._out)
