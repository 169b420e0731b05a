"""Mean-field PDE of a System, stepped by the loop of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np

from hybridrd.arguments import choice, named_arguments, number, shown, truth, whole_number
from hybridrd.arrays import Floats, State, labels, stored, stored_count, stored_numbers
from hybridrd.continuum.baths import Baths, check_baths
from hybridrd.continuum.field import Field
from hybridrd.continuum.solvers import KINDS
from hybridrd.errors import ModelError
from hybridrd.kernels.rng import MAX_STEPS
from hybridrd.model.describe import as_html, as_text
from hybridrd.model.grid import AXES
from hybridrd.model.quantity import in_time
from hybridrd.model.species import refuse_inertia
from hybridrd.model.system import System
from hybridrd.particles.memory import check_fits, naming
from hybridrd.particles.region import Region, RegionFace, make_region
from hybridrd.results.dataset import Recorder, mean_rate
from hybridrd.run import loop
from hybridrd.run.checkpoint import restore, write_checkpoint
from hybridrd.run.guard import Guard
from hybridrd.run.log import Clock
from hybridrd.run.provenance import attributes
from hybridrd.run.record_position import Counts, RecordPosition
from hybridrd.run.runnable import Running, load_run_state, run_state
from hybridrd.simulation.sizes import fixed_parts, record_numbers, record_part
from hybridrd.simulation.state_text import state_rows
from hybridrd.simulation.window import start_field

if TYPE_CHECKING:
    import xarray as xr

    from hybridrd.run.progress import Progress
    from hybridrd.simulation.nonlocal_pairs import NonlocalPairs

OFFERED = ("concentration", "copy_number", "total", "flux", "bath")  # the last with baths
STAGES = ("set_up", "continuum", "records", "writing")


@named_arguments
def mean_field(
    system: System,
    dt: float | str,
    until: float | str,
    every: float | str | None = None,
    record: Sequence[str] | None = None,
    solver: str = "auto",
    progress: Progress = None,
    out: str | Path | None = None,
    observe: Mapping[str, Callable[[Any], Any]] | None = None,
    stop: Callable[[Any], bool] | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_minutes: float = 10.0,
    keep: int = 3,
    nonlocal_pairs: bool = False,
) -> xr.Dataset:
    """Solve the mean-field PDE of a system on its whole domain.

    Reactions by half steps around FiPy's diffusion, second order in time and space:
    ``dc/dt = D ∇²c + mass action`` (del Razo 2024, eqs. (16) and (23)). This is
    ``PDE(system, dt, solver).run(until, ...)``; `PDE.restore` continues from a checkpoint.

    Parameters
    ----------
    system
        The system; `Copies` and `Points` enter as concentrations in their cells.
    dt, until, every, record, progress
        As in `Simulation.run`.
    solver
        ``"auto"``, or a kind of `hybridrd.continuum.solvers.make_solver`.
    out, observe, stop, checkpoint, checkpoint_minutes, keep
        As in `Simulation.run`; functions are called with the `PDE`.
    nonlocal_pairs
        Whether pairs with a radius react over their distance, ``-int lambda(x, y) c_A(y) c_B(x)
        dx`` (the left side of eq. (21)), rather than by ``-k c_A c_B``: for concentrations that
        vary over the radius, which must be at least two cells.

    Returns
    -------
    xarray.Dataset
        As from `Simulation.run`; ``copy_number`` is the integral of c over the particle region (the
        domain if there is none), ``total`` that over the domain, ``flux`` that through the faces
        of the region (NaN at time 0). There are no ``crossings`` and ``events``.

    Raises
    ------
    ModelError, StepError, CapacityError
        If dt, times or sizes do not fit.
    ResultError
        See `Simulation.run`.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> system = hrd.System(species=[A], domain=hrd.Box(x=(0, 1)), initial={A: 2.0})
    >>> pde = hrd.mean_field(system, dt=1e-3, until=0.1, every=0.05)
    >>> pde["total"].values.ravel().round(12)
    array([2., 2., 2.])
    """
    return PDE(system, dt, solver, nonlocal_pairs).run(
        until, every, record, out, observe, stop, checkpoint, checkpoint_minutes, keep, progress
    )


@final
@named_arguments
class PDE:
    """The mean-field PDE of a System on its whole domain, which can be stepped and run.

    Parameters
    ----------
    system, dt, solver, nonlocal_pairs
        See `mean_field`.

    Raises
    ------
    ModelError, StepError, CapacityError
        If dt or sizes do not fit.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> system = hrd.System(species=[A], domain=hrd.Box(x=(0, 1)), initial={A: 2.0})
    >>> pde = hrd.PDE(system, dt=1e-3)
    >>> pde.step()
    >>> pde.time, pde.concentration.shape
    (0.001, (1, 100))

    Attributes
    ----------
    steps
        Number of steps done.
    timings
        Seconds spent in each stage.
    guard, mark, came_from, halted, loop
        See `hybridrd.run.runnable.Runnable`.
    """

    kind = "mean-field"
    title = "mean field"

    def __init__(
        self, system: System, dt: float | str, solver: str = "auto", nonlocal_pairs: bool = False
    ) -> None:
        if not isinstance(system, System):
            raise ModelError(f"system = {shown(system)}: give a System")
        refuse_inertia(system.species, "the PDE")
        self.system = system
        self.dt = number(in_time(dt, system.units, "dt"), "dt", strict=True)
        self.solver = choice(solver, "solver", ("auto", *KINDS))
        self.nonlocal_pairs = truth(nonlocal_pairs, "nonlocal_pairs")
        self.steps = 0
        self.timings = dict.fromkeys(STAGES, 0.0)
        begun = Clock(self.timings)
        self.guard = Guard()
        self.mark: RecordPosition | None = None
        self.came_from: Path | None = None
        self.halted: State = {}
        self.loop: Running | None = None
        # Cells first: even the indices of too many would not fit.
        self._parts = fixed_parts(system, self.dt, solver=solver, whole=True)
        check_fits(self._parts)
        # Without particles the faces of interest are the walls of the domain.
        region = make_region(system, whole=True)
        assert region is not None
        self._region: Region = region
        check_baths(system, self.dt)
        self._baths = Baths(system)
        # Outward rates through each face, added up over the steps since the last record.
        self._through = np.zeros((len(system.species), len(region.faces)))
        self._since = 0
        begun.lap("set_up")

    @cached_property
    def _field(self) -> Field:
        """The field, made on first use, after a run has checked the memory for records."""
        begun = Clock(self.timings)
        local = self.system
        if self._pairs is not None:
            from hybridrd.simulation.nonlocal_pairs import is_nonlocal

            others = [r for r in local.reactions if not is_nonlocal(r)]
            local = local.replace(reactions=others)
        with naming("the PDE", "use fewer cells"):
            field = Field(local, self.dt, solver=self.solver, baths=self._baths)
            start_field(local, field)
        begun.lap("set_up")
        return field

    @cached_property
    def _pairs(self) -> NonlocalPairs | None:
        """The pairs that react over their distance; None for mass action."""
        if not self.nonlocal_pairs:
            return None
        from hybridrd.simulation.nonlocal_pairs import NonlocalPairs, is_nonlocal

        return NonlocalPairs(self.system) if any(map(is_nonlocal, self.system.reactions)) else None

    def step(self, number: int = 1) -> None:
        """Steps of dt, by default one: half a step of reactions, diffusion, and reactions again.

        Parameters
        ----------
        number
            Number of steps.

        Raises
        ------
        HybridrdError
            If it is running: an observer, or another thread, cannot step it.
        """
        number = whole_number(number, "number", 1)
        with self.guard.changing("step()"):
            clock = Clock(self.timings)
            for _ in range(number):
                self._step()
            clock.lap("continuum")

    def _step(self) -> None:
        k, field, pairs = self.steps, self._field, self._pairs
        if pairs is not None:
            pairs.react(field, k)
        field.react(k)
        field.diffuse(k)
        if self.loop is None or "flux" in self.loop.variables:
            _add_flux(self._through, field, self._region)
        field.react(k)
        if pairs is not None:
            pairs.react(field, k)
        self.steps += 1
        self._since += 1

    @property
    def time(self) -> float:
        """Time reached."""
        return self.steps * self.dt

    @property
    def concentration(self) -> Floats:
        """Concentration on all cells of the domain, ``(species, nx, ny, nz)``."""
        return np.asarray(self.system.grid.unflatten(self._field.concentration()))

    @property
    def copy_number(self) -> Floats:
        """Integral over the particle region, or the domain if there is none, ``(species,)``."""
        inside = self._region.mask[self._field.active]
        amounts = self._field.c * self._field.volume
        return np.asarray(amounts[:, inside].sum(axis=1))

    @property
    def total(self) -> Floats:
        """Integral over the domain plus the content of baths, ``(species,)``."""
        return self._field.amounts() + self._baths.by_species(self._baths.amounts)

    @property
    def bath(self) -> Floats:
        """Concentrations in the baths beyond leaky walls, ``(species, walls)``, NaN for none."""
        return self._baths.table(self._baths.amounts)

    @property
    def face_names(self) -> list[str]:
        """Names of the faces of the particle region, or of the domain if there is none."""
        return [f.name for f in self._region.faces]

    @named_arguments
    def run(
        self,
        until: float | str,
        every: float | str | None = None,
        record: Sequence[str] | None = None,
        out: str | Path | None = None,
        observe: Mapping[str, Callable[[Any], Any]] | None = None,
        stop: Callable[[Any], bool] | None = None,
        checkpoint: str | Path | None = None,
        checkpoint_minutes: float = 10.0,
        keep: int = 3,
        progress: Progress = None,
    ) -> xr.Dataset:
        """Run to a time and return what was recorded; all as of `Simulation.run`."""
        return loop.run(
            self, until, every, record, out, False, observe, stop, checkpoint,
            checkpoint_minutes, keep, progress,
        ).result()  # fmt: skip

    def __repr__(self) -> str:
        return as_text("PDE", state_rows(self))

    def _repr_html_(self) -> str:
        return as_html("PDE", state_rows(self))

    def recorder(self, variables: Sequence[str] | None) -> Recorder:
        """Recorder of some variables, by default of all. Raises ModelError."""
        system, baths = self.system, self._baths
        offered = OFFERED if baths else OFFERED[:-1]
        return Recorder(
            system.grid, system.names, self.face_names, [], dict(system.units), variables, offered,
            baths.walls, system.partition.codes,
        )  # fmt: skip

    def counts(self) -> Counts:
        """There are none."""
        return {}

    def counts_in(self, state: State, prefix: str) -> Counts:  # noqa: ARG002
        """There are none."""
        return {}

    def record(
        self,
        names: Sequence[str],
        before: Counts,  # noqa: ARG002
        elapsed: float,
    ) -> dict[str, Any]:
        """Values of variables; fluxes are those since the last record, and are reset."""
        values: dict[str, Any] = {
            "concentration": self._field.concentration(),
            "copy_number": self.copy_number,
            "total": self.total,
            "flux": mean_rate(self._through, float(self._since) if elapsed > 0 else 0.0),
            "bath": self.bath,
        }
        self._through = np.zeros_like(self._through)
        self._since = 0
        return {name: values[name] for name in names}

    def particle_rows(self) -> dict[str, np.ndarray]:
        """There are none. Raises ModelError."""
        raise ModelError("positions = True: a PDE has no particles; leave it out")

    def check_room(
        self,
        records: int,
        variables: Sequence[str],
        positions: bool,  # noqa: ARG002
        stored: bool,
    ) -> None:
        """Refuse records that do not fit into memory; then make the field. Raises CapacityError."""
        if not stored:
            numbers = record_numbers(self.system, len(self._region.faces))
            held = self._parts if "_field" in vars(self) else []
            coming = [part for part in self._parts if part not in held]
            check_fits([*coming, record_part(numbers, variables, records)], held=held)
        _ = self._field

    def attributes(self, reason: str) -> dict[str, Any]:
        """Attributes of a result on its origin and on the run."""
        found = self._field.described()
        return attributes(self.system, self.dt, self.kind, reason, {}, self.timings, found)

    @named_arguments
    def checkpoint(self, path: str | Path) -> None:
        """Write the complete state into one file, see `Simulation.checkpoint`."""
        write_checkpoint(self, path)

    @classmethod
    @named_arguments
    def restore(
        cls, path: str | Path, system: System | None = None, allow_change: bool = False
    ) -> Self:
        """The PDE of a checkpoint, which continues bit for bit, see `Simulation.restore`."""

        def make(system: System, about: Mapping[str, Any], where: str) -> Self:  # noqa: ARG001
            return cls(system, about["dt"], about["solver"], about["nonlocal_pairs"])

        return restore(cls.kind, make, path, system, allow_change)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy or pickle is made from the arguments and the state, as by `restore`."""
        return _remade, (self.system, self.dt, self.solver, self.nonlocal_pairs, self.state())

    def arguments(self) -> dict[str, Any]:
        """Its arguments besides the system, as JSON values."""
        given = {"dt": self.dt, "solver": self.solver}
        return given | {"nonlocal_pairs": self.nonlocal_pairs}

    def state(self) -> State:
        """The complete state, as arrays by name. Raises HybridrdError within a step."""
        self.guard.check_still("state()")
        own = {
            "steps": np.array(self.steps),
            "faces": labels(self.face_names),
            "through": self._through.copy(),
            "since": np.array(self._since),
        }
        return own | self._field.state() | self._baths.state() | run_state(self)

    def load_state(self, state: State) -> None:
        """Restore a `state`.

        Raises
        ------
        ResultError
            If something is missing, has another shape, or an invalid value.
        HybridrdError
            If it is running.
        """
        self.guard.check_idle("load_state()")
        self.steps = stored_count(state, "steps", most=MAX_STEPS)
        self._field.load_state(state)
        self._baths.load_state(state)
        self._since = stored_count(state, "since", most=self.steps)
        self._through[:] = 0.0
        if [str(name) for name in stored(state, "faces")] == self.face_names:
            self._through[:] = stored_numbers(state, "through", self._through.shape)
        load_run_state(self, state)


def _add_flux(through: Floats, field: Field, region: Region) -> None:
    """Add the amount per time through each face in the last step, outwards from the region."""
    for f, face in enumerate(region.faces):
        for s in range(len(through)):
            if face.outside < 0:
                through[s, f] += _wall_flux(field, region, face, s)
            elif not region.is_box:
                through[s, f] += field.face_flux(s, face.axis, *face.columns.T)
            else:
                sign = 1.0 if face.side == 1 else -1.0
                index = region.first[face.axis] + face.side * region.inner.shape[face.axis]
                inside = _tangential(region, face)
                through[s, f] += sign * field.plane_flux(s, face.axis, index, inside)


def _wall_flux(field: Field, region: Region, face: RegionFace, species: int) -> float:
    side = AXES[face.axis] + "-+"[face.side]
    return field.wall_flux(species, side, _tangential(region, face))


def _tangential(region: Region, face: RegionFace) -> np.ndarray:
    """Which face cells of the whole plane belong to the region, flat."""
    d = region.grid.dimension
    if not region.is_box:
        at = [-face.side if a == face.axis else slice(None) for a in range(d)]
        return np.asarray(region.grid.unflatten(region.mask)[tuple(at)].ravel(order="F"))
    plane = np.zeros([n for a, n in enumerate(region.grid.shape) if a != face.axis], bool)
    inside = tuple(
        slice(region.first[a], region.first[a] + region.inner.shape[a])
        for a in range(d)
        if a != face.axis
    )
    plane[inside] = True
    return plane.ravel(order="F")


def _remade(
    system: System, dt: float | str, solver: str, nonlocal_pairs: bool, state: State
) -> PDE:
    made = PDE(system, dt, solver, nonlocal_pairs)
    made.load_state(state)
    return made
