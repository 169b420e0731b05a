"""What stands beside the particles of a simulation: its continuum, and the account with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybridrd.arrays import Floats
from hybridrd.continuum.field import Field
from hybridrd.continuum.rectilinear import Cells
from hybridrd.continuum.user import Continuum
from hybridrd.coupling.face_exchange import Gate
from hybridrd.coupling.ledger import Ledger
from hybridrd.coupling.noise import Noise
from hybridrd.coupling.user_field import OwnField
from hybridrd.errors import ModelError
from hybridrd.model.system import System
from hybridrd.particles.memory import check_fits, naming
from hybridrd.simulation.plan import Plan, pair_factors
from hybridrd.simulation.sizes import continuum_part
from hybridrd.simulation.window import LiveWindow, MeanField, OwnWindow


@dataclass(frozen=True)
class Beside:
    """The continuum of a simulation; all None for particles alone.

    Attributes
    ----------
    field, ledger, noise
        Two-way: the concentrations, the account, and the fluctuations if there are any.
    mean_field
        The mean-field reservoir.
    own
        The concentrations of a continuum of one's own, in either coupling.
    """

    field: Field | OwnField | None = None
    ledger: Ledger | None = None
    noise: Noise | None = None
    mean_field: MeanField | None = None
    own: OwnField | None = None


def couple(
    plan: Plan,
    gates: list[Gate],
    key: np.uint64,
    solver: str,
    continuum: Continuum | None,
    shared: MeanField | None,
) -> Beside:
    """Make the continuum of a simulation; ``shared`` is a mean field solved for many.

    Raises
    ------
    CapacityError
        If there is no memory for it.
    """
    named = solver != "auto" and continuum is None and shared is None
    if named and plan.coupling != "none":  # "auto" has been looked at
        kept = [part for part in plan.parts if not part.continuum]
        check_fits([*kept, continuum_part(plan.system, solver)])
    with naming("the continuum", "use fewer cells"):
        return _couple(plan, gates, key, solver, continuum, shared)


def _couple(
    plan: Plan,
    gates: list[Gate],
    key: np.uint64,
    solver: str,
    continuum: Continuum | None,
    shared: MeanField | None,
) -> Beside:
    system, dt, region = plan.system, plan.dt, plan.region
    assert region is not None
    two_way = plan.coupling == "two-way"
    own = None
    if continuum is not None and plan.beyond is not None:
        own = OwnField(continuum, system, dt, plan.beyond, two_way)
    if two_way:
        field = own or Field(system, dt, cut=region.mask, solver=solver)
        field.scale_pairs(pair_factors(plan))
        noise = None
        if isinstance(field, Field):
            for gate in gates:
                gate.to_active(field.position)
                gate.binomial = system.fluctuations and gate.stencil is not None
            if system.fluctuations:
                noise = Noise(system, field, region, key)
        return Beside(field, Ledger(field), noise, own=own)
    if own is not None:
        return Beside(mean_field=OwnWindow(own), own=own)
    if plan.coupling == "mean-field":
        return Beside(mean_field=shared or LiveWindow(system, dt, solver))
    return Beside()


def own_cells(continuum: Continuum | None, solver: str) -> Cells | None:
    """The cells of a continuum of one's own, if there is one. Raises ModelError."""
    if continuum is None:
        return None
    if not isinstance(continuum, Continuum):
        raise ModelError(
            f"continuum = {continuum!r}: give a FiPyContinuum, or an object of a class of yours "
            f"that derives from hybridrd.Continuum"
        )
    if solver != "auto":
        raise ModelError(f"solver = {solver!r} is for the package's own PDE; leave it out")
    edges = continuum.edges
    if edges is None or isinstance(edges, str) or not hasattr(edges, "__len__"):
        raise ModelError(
            f"the edges of {type(continuum).__name__}: {edges!r}; give the cell faces along each "
            f"axis, as in ([0.0, 1.0, 2.0],)"
        )
    return Cells.between(edges, f"the edges of {type(continuum).__name__}")


def check_start(system: System, species: int, outside: Floats) -> None:
    """Refuse an initial state with something in a continuum that has a start of its own."""
    amount = float((outside * system.grid.mesh_volumes).sum())
    if amount > 0 and system.particles is not None:
        name, (low, high) = system.names[species], system.particles.intervals[0]
        raise ModelError(
            f"initial[{name!r}] puts {amount:.6g} outside the particle region, but a continuum of "
            f"your own has its own start; restrict it to the region, as in "
            f"Patch(c, x=({low:g}, {high:g}))"
        )
