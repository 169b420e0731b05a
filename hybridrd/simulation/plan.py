"""Plan of a simulation: a system compiled to arrays, and every check of dt against the physics."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace

import numpy as np

from hybridrd.arguments import number, shown
from hybridrd.arrays import Floats
from hybridrd.continuum.baths import Baths, check_baths
from hybridrd.continuum.rectilinear import RectilinearCells
from hybridrd.coupling.drift import check_drifts
from hybridrd.coupling.drift_faces import fitted_stencil
from hybridrd.coupling.face_exchange import Gate, make_gates
from hybridrd.coupling.stencil import Stencil
from hybridrd.coupling.user_cells import UserCells
from hybridrd.errors import AccuracyWarning, ModelError
from hybridrd.interface import FaceNumbers
from hybridrd.kernels.walk import REFLECT
from hybridrd.model.drift import Drift, largest_D, make_drift
from hybridrd.model.partition import Partition
from hybridrd.model.system import System
from hybridrd.model.walls import CLOSED
from hybridrd.particles.adaptive import first_partition
from hybridrd.particles.initial_state import mean_concentration
from hybridrd.particles.kinetic_walls import kinetic_walls
from hybridrd.particles.memory import Memory
from hybridrd.particles.region import (
    Region,
    SpeciesWalls,
    make_region,
    species_walls,
)
from hybridrd.reactions.reservoir_partners import Partners
from hybridrd.reactions.tables import (
    Encounter,
    ReactionTables,
    encounter_probabilities,
    make_tables,
)
from hybridrd.simulation.well_mixed import check_well_mixed


@dataclass(frozen=True)
class Plan:
    """A `System` compiled for one time step.

    Attributes
    ----------
    region, walls, tables
        The particle region, the numbers of its faces for each species, and the reactions as tables;
        the first is None and the second empty for a pure PDE.
    coupling
        ``"two-way"`` (also for a fluctuating continuum without particles),
        ``"mean-field"``, or ``"none"`` for particles without a continuum.
    drifts
        Drift of each species.
    user_cells
        The cells of a user's continuum; None for the package's.
    memory
        Its memory, as far as that was estimated.
    """

    system: System
    dt: float
    region: Region | None
    walls: tuple[SpeciesWalls, ...]
    tables: ReactionTables
    coupling: str
    drifts: tuple[Drift | None, ...] = ()
    user_cells: UserCells | None = None
    memory: Memory = field(default_factory=Memory)

    def gates(self, baths: Baths | None = None) -> list[Gate]:
        """New gates, which belong to one simulation, as do its ``baths``."""
        if self.region is None:
            return []
        two_way = self.coupling == "two-way"
        gates = make_gates(
            self.system, self.region, list(self.walls), two_way, self.user_cells, baths
        )
        for gate in gates:
            drift = self.drifts[gate.species]
            if drift is not None and not two_way and isinstance(gate.stencil, Stencil):
                gate.stencil = fitted_stencil(gate.stencil, drift, gate.face.axis)
        return gates

    def beside_copies(self) -> dict[tuple[int, int], FaceNumbers]:
        """The numbers of the interface beside discrete copies, by species and face."""
        assert self.region is not None
        if not self.region.mask.any():
            return {}
        system = self.system.replace(fluctuations="discrete")
        found = {}
        for s in range(len(system.species)):
            exchanges = species_walls(system, self.region, s, self.dt).exchanges
            for f, numbers in exchanges.items():
                if self.region.faces[f].outside >= 0:
                    found[s, self.region.faces[f].index] = numbers
        return found

    def partners(self, gates: list[Gate]) -> Partners:
        """The partners of particles beyond the faces."""
        assert self.region is not None
        return Partners(self.region, self.tables.encounters, gates)


def compile_system(
    system: System,
    dt: float,
    cells: RectilinearCells | None = None,
    parts: Partition | None = None,
) -> Plan:
    """Check a system against a time step and compile it, for a continuum on a user's ``cells``.

    ``parts`` is the partition of the cells, if that changes in time; by default the initial one.
    `hybridrd.simulation.sizes.plan_that_fits` checks the memory.

    Raises
    ------
    ModelError
        If dt is not a positive number, or a function returns an invalid value.
    StepError
        If dt is too large for a layer, a plane, or a pair rate.
    """
    dt = number(dt, "dt", strict=True)
    check_baths(system, dt)
    is_first = parts is None
    if is_first and system.particles is not None and system.particles.follows:
        parts = first_partition(system, dt)
    region = make_region(system, parts=parts)
    tables = make_tables(system)
    drifts = tuple(make_drift(system, species) for species in system.species)
    walls: tuple[SpeciesWalls, ...] = ()
    coupling = "none"
    user_cells = None
    if cells is not None:
        if region is None:
            raise ModelError("continuum: it needs a particle region; give particles=")
        if not region.is_box or system.obstacles is not None:
            raise ModelError(
                "continuum: a continuum of your own knows no obstacles, and has the particle "
                "region in a box; leave it out, or give a Box as particles="
            )
        user_cells = UserCells(system, region, cells)
    if system.fluctuations is not None:
        check_well_mixed(system)
    if region is None and system.fluctuations is not None:
        region, walls = _nowhere(system)
        tables, coupling = tables.without_particles(), "two-way"
    elif region is not None:
        width = None if user_cells is None else user_cells.width
        walls = tuple(
            species_walls(system, region, s, dt, width)
            if species.friction is None
            else kinetic_walls(region, species, dt)
            for s, species in enumerate(system.species)
        )
        _check_obstacles(region, tables)
        if is_first:
            _check_staircases(system, region, dt)
        check_drifts(system, region, walls, drifts, dt)
        if region.parts.outside.any():
            coupling = system.coupling
            if system.fluctuations is not None:
                _check_fluctuations(system, region, walls)
        encounter_probabilities(tables, tables.macroscopic(0.5 * dt), dt)
    return Plan(system, dt, region, walls, tables, coupling, drifts, user_cells)


def region_of(plan: object, system: System, dt: float) -> Region:
    """Particle region of a plan of this system and step. Raises ModelError for any other plan."""
    if not isinstance(plan, Plan):
        raise ModelError(f"plan = {shown(plan)}: give what compile_system returns, or leave it out")
    if plan.dt != dt or plan.system != system:
        other = f"dt = {plan.dt:g}" if plan.dt != dt else "another system"
        raise ModelError(f"plan: it was compiled for {other}; leave it out, or compile it again")
    if plan.region is None:
        raise ModelError(
            "the system has no particle region (particles=None); run it with "
            "hybridrd.mean_field, or give particles=, or fluctuations="
        )
    return plan.region


def _nowhere(system: System) -> tuple[Region, tuple[SpeciesWalls, ...]]:
    """A region without a cell, with closed faces at the walls of the domain."""
    region = make_region(system, whole=True)
    assert region is not None
    kinds = np.full((region.grid.dimension, 2), REFLECT, np.int64)
    closed = SpeciesWalls(kinds, np.zeros(kinds.shape), {}, (), {})
    none = np.zeros(region.grid.cells, bool)
    empty = replace(region, mask=none, parts=replace(region.parts, inside=none))
    return empty, (closed,) * len(system.species)


def _check_fluctuations(system: System, region: Region, walls: tuple[SpeciesWalls, ...]) -> None:
    """Noise is right with one layer of cells that exchanges with one layer of particles."""
    for s, name in enumerate(system.names):
        for f, numbers in walls[s].exchanges.items():
            face = region.faces[f]
            h = region.grid.spacing[face.axis]
            fits = numbers.stencil == "cell" and abs(numbers.width - h) <= 1e-9 * h
            if face.outside >= 0 and not fits:
                raise ModelError(
                    f"fluctuations = {system.fluctuations!r}: {name} at {face.name} has the "
                    f"interface {system.interface!r}; use the default, CalibratedLayer() one cell "
                    f"({h:.4g}) wide"
                )


def pair_factors(plan: Plan) -> dict[int, Floats]:
    """Factors on the continuum's rates beside interfaces, by channel, on all cells.

    Pairs across the plane, and complexes that dissociate across it, react on the
    particles' side. The rate in the continuum, which counts all partners of a cell, must omit
    them: in the cell at depth d to d + h beyond the plane it is multiplied by the mean of
    ``1 - V_cap(d)/V_sigma`` over the cell.
    """
    region = plan.region
    assert region is not None
    factors: dict[int, Floats] = {}
    for e in plan.tables.encounters:
        factor = np.ones(region.grid.cells)
        if not region.is_box:
            factors[e.channel] = np.maximum(_factor_around(region, e), 0.0)
            continue
        for face in region.faces:
            if face.outside < 0:
                continue
            n, h = region.grid.shape[face.axis], region.grid.spacing[face.axis]
            outward = 1 if face.side == 1 else -1
            for k in range(min(n, int(np.ceil(e.radius / h - 1e-9)))):
                column = face.outside + outward * k
                if not region.periodic[face.axis] and not 0 <= column < n:
                    break
                share = _cap_share(k, h, e, plan.system.dimension)
                factor[face.columns[:, column % n]] -= share
        factors[e.channel] = np.maximum(factor, 0.0)
    return factors


def _cap_share(k: int, h: float, e: Encounter, dimension: int) -> float:
    """Mean fraction of a kernel beyond a plane, over the k-th cell of width h beside it."""
    nodes, weights = np.polynomial.legendre.leggauss(12)
    # Quadrature over the part of the cell within the radius, where the cap is smooth.
    width = min(h, e.radius - k * h)
    d = k * h + 0.5 * width * (nodes + 1.0)
    cap = [e.kernel.beyond(v, dimension) for v in d.tolist()]
    return 0.5 * width / h * float(weights @ np.asarray(cap)) / e.volume


def _factor_around(region: Region, e: Encounter) -> Floats:
    """Fraction of the partners of each cell outside a region of any shape, ``(cells,)``."""
    shares = e.kernel.cell_shares(region.grid.spacing)
    held = region.mask.reshape(region.grid.shape[::-1]).astype(float)
    width = [(n // 2, n // 2) for n in shares.shape[::-1]]
    for at, pad in enumerate(width):
        beyond = [(0, 0)] * held.ndim
        beyond[at] = pad
        # Behind a periodic wall the domain repeats, as often as the radius reaches.
        periodic = region.periodic[held.ndim - 1 - at]
        held = np.pad(held, beyond, mode="wrap" if periodic else "constant")
    from scipy import ndimage

    inside = ndimage.correlate(held, shares.T, mode="constant")
    crop = tuple(slice(a, n - b) for (a, b), n in zip(width, held.shape, strict=True))
    return np.asarray(1.0 - inside[crop].ravel())


# Largest D dt/h² at which staircases of two and of three axes let the right amount pass, and the
# errors for a blob beside a disc and a ball of 24 cells above it.
_STAIRCASES = {
    2: (0.8, "beside a disc 0.9 % of a blob too little at 1, 2.4 % at 1.5"),
    3: (0.55, "beside a ball 1.5 % of a blob too little at 1, 2.3 % at 1.5"),
}


def _check_staircases(system: System, region: Region, dt: float) -> None:
    """Warn of steps so long that too few copies pass the staircases of a region.

    A species that is and stays uniform is not affected.
    """
    grid = region.grid
    open_axes = np.zeros((grid.dimension, grid.cells), bool)
    for face in region.faces:
        if face.outside >= 0 and not region.is_box:
            open_axes[face.axis, face.columns] = True
    follows = system.particles is not None and system.particles.follows
    axes = grid.dimension if follows else int(open_axes.sum(axis=0).max())
    most, sizes = _STAIRCASES.get(axes, (np.inf, ""))
    h = min(grid.spacing)
    for s, species in enumerate(system.species):
        alpha = largest_D(system, species) * dt / h**2
        if alpha <= most * (1.0 + 1e-9) or _stays_uniform(system, s):
            continue
        warnings.warn(
            f"species {species.name}: D dt/h^2 = {alpha:.3g} with cells of {h:.4g}; above {most:g} "
            f"too few copies pass the staircases of the particle region ({sizes}), though what is "
            f"uniform stays so; use dt <= {dt * most / alpha:.4g}",
            AccuracyWarning, stacklevel=2,
        )  # fmt: skip
        return


def _stays_uniform(system: System, species: int) -> bool:
    """Whether the expected concentration of a species stays uniform."""
    name = system.names[species]
    if system.channels or any(wall.law(name) != CLOSED for wall in system.walls.values()):
        return False
    c = mean_concentration(system, species)[system.free]
    return bool(np.ptp(c) <= 1e-9 * c.max())


def _check_obstacles(region: Region, tables: ReactionTables) -> None:
    """Warn of pairs that react through obstacles thinner than their radius."""
    free = region.parts.free.reshape(region.grid.shape[::-1])
    radius = max((e.radius for e in tables.encounters), default=0.0)
    if radius == 0.0 or free.all():
        return
    for axis, h in enumerate(region.grid.spacing):
        row = np.moveaxis(free, -1 - axis, 0)
        for k in range(1, min(int(np.ceil(radius / h - 1e-9)), len(row) - 1)):
            # Free on both sides of k obstacle cells.
            walls = np.logical_and.reduce([~row[1 + j : len(row) - k + j] for j in range(k)])
            if (row[: -k - 1] & row[k + 1 :] & walls).any():
                warnings.warn(
                    f"an obstacle is {k * h:.4g} thin along {region.grid.axes[axis]}, less than "
                    f"the Doi radius {radius:g}: particles on both sides of it react with each "
                    f"other; use thicker obstacles or a smaller radius",
                    AccuracyWarning, stacklevel=2,
                )  # fmt: skip
                return
