"""The run of a realisation: to a time, with records and checkpoints, and on from one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from hybridrd.arguments import path_of
from hybridrd.continuum.user import Continuum
from hybridrd.errors import ModelError, StepError
from hybridrd.model.system import System
from hybridrd.run.balance import balance, by_name
from hybridrd.run.checkpoint import Checkpoints, restore, write_checkpoint
from hybridrd.run.loop import Course
from hybridrd.run.provenance import attributes
from hybridrd.run.recording import OFFERED as OFFERED
from hybridrd.run.recording import Recording
from hybridrd.run.schedule import in_steps
from hybridrd.simulation.realisation import Realisation
from hybridrd.simulation.sizes import check_run

if TYPE_CHECKING:
    import xarray as xr


class Run(Realisation):
    """A realisation that is run and recorded."""

    def run(
        self,
        until: float,
        every: float | None = None,
        record: Sequence[str] | None = None,
        out: str | Path | None = None,
        positions: bool = False,
        observe: Mapping[str, Callable[[Any], Any]] | None = None,
        stop: Callable[[Any], bool] | None = None,
        checkpoint: str | Path | None = None,
        checkpoint_minutes: float = 10.0,
        keep: int = 3,
        progress: bool | None = None,
    ) -> xr.Dataset:
        """Run to a time and return what was recorded.

        One step, symmetric and of second order:

        1. half a step of reactions: pairs, then creations and first-order families; the continuum
           reacts, too, and c_R is read from it;
        2. boundary layers exchange, one face after another;
        3. particles diffuse, exact planes exchange; the continuum diffuses, with all that was
           exchanged as a source inside the step;
        4. half a step of reactions: creations and first-order families, then pairs.

        Ctrl-C ends the run after its step, with a checkpoint if there are any, and raises
        KeyboardInterrupt, whose message says how to go on.

        Parameters
        ----------
        until
            Absolute time to reach, a multiple of dt.
        every
            Time between records, a multiple of dt; by default a hundredth of the run.
        record
            Names of variables to record; by default all.
        out
            ``NAME`` or ``NAME.zarr``: a zarr directory that is written while the run goes on,
            which `hybridrd.load` can read at any moment; records take no memory then. A
            simulation restored from a checkpoint of a run goes on with the store of that run.
        positions
            Whether to record all particles, as a contiguous ragged array: ``position(obs, axis)``
            and ``particle_id(obs)``, of which ``row_size(time, species)`` belong to each record.
        observe
            Functions of the simulation by name, called at each record; each returns a number, an
            array of constant shape, or a DataArray, of which names of dimensions, coordinates and
            attributes are kept, too.
        stop
            Called at each record; a true value ends the run. `SteadyState` and `WallTime` are
            such conditions.
        checkpoint
            Where to put checkpoints: a directory, or ``PREFIX.npz``; see `restore`.
        checkpoint_minutes
            Wall time between checkpoints; there is one at the end, too.
        keep
            How many checkpoints are kept.
        progress
            True says how far the run is and how long it will take: a bar on a terminal or in a
            notebook; elsewhere, as in the file of a batch queue, a line on the error stream now
            and then. By default only a bar on a terminal, after two seconds. Where the log takes
            it (level INFO of the logger ``hybridrd``), the lines go there. False for nothing.

        Returns
        -------
        xarray.Dataset
            ``concentration(time, species, x, y, z)``, ``copy_number(time, species)``,
            ``total(time, species)``, ``flux(time, species, face)``, ``crossings`` and ``events``,
            with time 0 (or the time of the call) first; there ``flux`` is NaN, for it is the mean
            since the record before. With ``out`` values are read from the store on demand.

        Raises
        ------
        ModelError
            If an argument is not what it should be, or an observer's value not like its first.
        StepError
            If ``until`` or ``every`` is not a multiple of dt, or ``until`` has passed.
        CapacityError
            If what is to be kept in memory cannot fit, before the first step; or if the particles
            outgrow the memory there is: then with the time reached and the last checkpoint.
        ResultError
            If ``out`` or a checkpoint cannot be written, or would replace those of another run.
        """
        last = in_steps(until, self.dt, "until", least=0)
        if last < self.steps:
            raise StepError(f"until = {until:g} has passed; the simulation is at {self.time:.12g}")
        if stop is not None and not callable(stop):
            raise ModelError(
                f"stop = {stop!r}: give a function of the simulation, SteadyState or WallTime"
            )
        if checkpoint is not None:
            checkpoint = path_of(checkpoint, "checkpoint")
        recording = Recording(self, last, every, record, observe, out, positions)
        checkpoints = None
        if checkpoint is not None:
            checkpoints = Checkpoints(self, checkpoint, checkpoint_minutes, keep)
        self._course = Course(self, last, recording, checkpoints, stop)
        try:
            return self._course.run(progress)
        finally:
            self._course = None

    def attributes(self, reason: str) -> dict[str, Any]:
        """What a result says of its origin and of the run."""
        report = self.diagnostics() | {"particles": balance(self)}
        if self.mark is not None and self.mark.largest.any():
            report["largest_c"] = by_name(self.system.names, self.mark.largest)
        return attributes(self, reason, report)

    def checkpoint(self, path: str | Path) -> None:
        """Write all that decides the future into one file, all of it or nothing.

        Parameters
        ----------
        path
            The file, by custom ``NAME.npz``; one that stands there is replaced.

        Raises
        ------
        ResultError
            If it cannot be written, or the simulation shares its mean field with others.
        """
        if self._course is not None:
            self._course.recording.flush()
        write_checkpoint(self, path)

    @classmethod
    def restore(
        cls,
        path: str | Path,
        system: System | None = None,
        allow_change: bool = False,
        threads: int | None = None,
        continuum: Continuum | None = None,
    ) -> Self:
        """The simulation of a checkpoint, which goes on as if it had never been interrupted.

        Parameters
        ----------
        path
            A file of `checkpoint` or of `run`, or the place of those of a run: the latest that
            can be read.
        system
            The system, needed where there are Python functions in it; it is compared with that
            of the checkpoint (of functions only the names).
        allow_change
            Take another system all the same, and keep the state: rates and walls may be others,
            not species, geometry and cells. Its records go to a store of their own.
        threads
            As of `Simulation`; the result does not depend on it.
        continuum
            The continuum of your own, if the simulation had one; the same, or one made anew.

        Raises
        ------
        ResultError
            If the file is damaged or of another format, or the system has changed; the message
            names the first difference.

        Examples
        --------
        >>> import hybridrd as hrd, tempfile
        >>> A = hrd.Species("A", D=1.0)
        >>> line, half = hrd.Box(x=(0, 2)), hrd.Box(x=(0, 1))
        >>> system = hrd.System(
        ...     species=[A], domain=line, particles=half, cells=20, initial={A: 50.0}
        ... )
        >>> sim = hrd.Simulation(system, dt=1e-3, seed=1)
        >>> result = sim.run(until=0.1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sim.checkpoint(f"{folder}/half.npz")
        ...     twin = hrd.Simulation.restore(f"{folder}/half.npz")
        >>> sim.run(until=0.2).equals(twin.run(until=0.2))
        True
        """
        return restore(cls, path, system, allow_change, threads, continuum)

    def check_room(
        self, records: int, variables: Sequence[str], positions: bool, stored: bool
    ) -> None:
        """Refuse a run whose records or particles to come do not fit into memory."""
        check_run(self, records, variables, positions, stored)
