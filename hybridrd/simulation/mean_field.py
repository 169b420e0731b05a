"""The same System as a pure PDE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hybridrd.arguments import choice, named_arguments, number, shown, truth
from hybridrd.arrays import Floats
from hybridrd.continuum.baths import Baths, check_baths
from hybridrd.continuum.field import Field
from hybridrd.continuum.solvers import KINDS, one_blas_thread
from hybridrd.errors import ModelError
from hybridrd.model.grid import AXES
from hybridrd.model.system import System
from hybridrd.particles.memory import check_fits, naming
from hybridrd.particles.region import Face, Region, make_region
from hybridrd.results.dataset import Recorder, mean_rate
from hybridrd.run.log import Clock
from hybridrd.run.progress import progress_bar
from hybridrd.run.provenance import common
from hybridrd.run.schedule import in_steps, record_stride
from hybridrd.simulation.sizes import fixed_parts, record_numbers, record_part
from hybridrd.simulation.window import start_field

if TYPE_CHECKING:
    import xarray as xr

OFFERED = ("concentration", "copy_number", "total", "flux", "bath")  # the last where there are any


@named_arguments
def mean_field(
    system: System,
    dt: float,
    until: float,
    every: float | None = None,
    record: Sequence[str] | None = None,
    solver: str = "auto",
    progress: bool | None = None,
) -> xr.Dataset:
    """Solve the mean-field PDE of a system on its whole domain.

    Reactions by half steps around FiPy's diffusion, second order in time and space:
    ``dc/dt = D ∇²c + mass action`` (del Razo 2024, eqs. (16) and (23)).

    Parameters
    ----------
    system
        The system; `Copies` and `Points` enter as concentrations in their cells.
    dt, until, every, record, progress
        As in `Simulation.run`.
    solver
        ``"auto"``, or a kind of `hybridrd.continuum.solvers.make_solver`.

    Returns
    -------
    xarray.Dataset
        As of a `Simulation`; ``copy_number`` is the integral of c over the particle region (the
        domain if there is none), ``total`` over the domain, ``flux`` that through the faces of
        the region (NaN at time 0). There are no ``crossings`` and ``events``.

    Raises
    ------
    ModelError, StepError, CapacityError
        If dt, times or sizes do not fit.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> system = hrd.System(species=[A], domain=hrd.Box(x=(0, 1)), initial={A: 2.0})
    >>> pde = hrd.mean_field(system, dt=1e-3, until=0.1, every=0.05)
    >>> pde["total"].values.ravel().round(12)
    array([2., 2., 2.])
    """
    if not isinstance(system, System):
        raise ModelError(f"system = {shown(system)}: give a System")
    timings = {"set_up": 0.0, "continuum": 0.0, "records": 0.0}
    clock = Clock(timings)
    dt = number(dt, "dt", strict=True)
    solver = choice(solver, "solver", ("auto", *KINDS))
    progress = None if progress is None else truth(progress, "progress")
    steps = in_steps(until, dt, "until", least=0)
    stride = record_stride(every, dt, steps)
    # Cells first: even the indices of too many would not fit.
    parts = fixed_parts(system, solver=solver, whole=True)
    check_fits(parts)
    # Without particles the faces of interest are the walls of the domain.
    region = make_region(system, whole=True)
    assert region is not None
    check_baths(system, dt)
    baths = Baths(system)
    recorder = Recorder(
        system.grid, system.names, [f.name for f in region.faces], [], dict(system.units),
        record, OFFERED if baths else OFFERED[:-1], baths.walls,
    )  # fmt: skip
    numbers = record_numbers(system, len(region.faces))
    records = 1 + -(-steps // stride)
    check_fits([*parts, record_part(numbers, recorder.variables, records, disk=False)])
    with naming("the PDE", "use fewer cells, or fewer records (every=)"):
        return _solve(system, dt, steps, stride, region, recorder, solver, progress, clock, timings)


def _solve(
    system: System,
    dt: float,
    steps: int,
    stride: int,
    region: Region,
    recorder: Recorder,
    solver: str,
    progress: bool | None,
    clock: Clock,
    timings: dict[str, float],
) -> xr.Dataset:
    field = Field(system, dt, solver=solver)
    start_field(system, field)
    through = np.zeros((len(system.species), len(region.faces)))
    clock.lap("set_up")
    _write(recorder, 0.0, field, region, mean_rate(through, 0.0))
    clock.lap("records")
    with one_blas_thread(), progress_bar(steps, progress) as bar:
        for k in range(steps):
            field.react(k)
            field.diffuse(k)
            if "flux" in recorder.variables:
                _add_flux(through, field, region)
            field.react(k)
            bar.update(1)
            since = (k + 1) % stride
            if since == 0 or k + 1 == steps:
                flux = mean_rate(through, (since or stride) * 1.0)
                clock.lap("continuum")
                _write(recorder, (k + 1) * dt, field, region, flux)
                clock.lap("records")
                through[:] = 0
    attributes = common(system, dt, "mean-field", "reached the end")
    attributes["timings"] = {name: round(t, 6) for name, t in timings.items()}
    attributes["diagnostics"] = field.described()
    return recorder.dataset(attributes)


def _write(recorder: Recorder, t: float, field: Field, region: Region, flux: Floats) -> None:
    amounts = field.c * field.volume
    values = {
        "concentration": field.c,
        "copy_number": amounts[:, region.mask].sum(axis=1),
        "total": field.amounts() + field.baths.by_species(field.baths.amounts),
        "flux": flux,
        "bath": field.baths.table(field.baths.amounts),
    }
    recorder.add(t, {name: values[name] for name in recorder.variables})


def _add_flux(through: Floats, field: Field, region: Region) -> None:
    """Add the amount per time through each face in the last step, outwards from the region."""
    for f, face in enumerate(region.faces):
        for s in range(len(through)):
            if face.outside < 0:
                through[s, f] += _wall_flux(field, region, face, s)
            else:
                sign = 1.0 if face.side == 1 else -1.0
                index = region.first[face.axis] + face.side * region.inner.shape[face.axis]
                inside = _tangential(region, face)
                through[s, f] += sign * field.plane_flux(s, face.axis, index, inside)


def _wall_flux(field: Field, region: Region, face: Face, species: int) -> float:
    side = AXES[face.axis] + "-+"[face.side]
    return field.wall_flux(species, side, _tangential(region, face))


def _tangential(region: Region, face: Face) -> np.ndarray:
    """Which face cells of the whole plane belong to the region, flat."""
    d = region.grid.dimension
    plane = np.zeros([n for a, n in enumerate(region.grid.shape) if a != face.axis], bool)
    inside = tuple(
        slice(region.first[a], region.first[a] + region.inner.shape[a])
        for a in range(d)
        if a != face.axis
    )
    plane[inside] = True
    return plane.ravel(order="F")
