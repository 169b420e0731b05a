"""Memory of the parts of a run, estimated before they are allocated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hybridrd.arrays import Floats
from hybridrd.continuum.field import conditions
from hybridrd.continuum.footprint import footprint, rest_of
from hybridrd.continuum.rectilinear import RectilinearCells
from hybridrd.continuum.transform import active_box
from hybridrd.coupling.face_exchange import Gate
from hybridrd.model.drift import mean_D
from hybridrd.model.shell import Domain
from hybridrd.model.system import System
from hybridrd.particles.initial_state import expected_particles
from hybridrd.particles.memory import Memory, Part, ParticleNumbers, check_fits
from hybridrd.particles.region import Region, index_box
from hybridrd.reactions.tables import ReactionTables
from hybridrd.results.dataset import EVENTS
from hybridrd.simulation.plan import Plan, compile_system

# Measured as the growth of the process: 18, 24 and 32 bytes per particle in one to three
# dimensions, twice as much and an index if species react; spare capacity is a quarter.
ROOM = 1.25
# Rows of one particle for the outputs of a creation, their copies and their order.
CREATED_ROWS = 2.5
# Overhead of a record: its list entry and array object.
RECORD_BYTES = 120.0


def plan_that_fits(
    system: System, dt: float, cells: RectilinearCells | None = None, here: bool = True
) -> Plan:
    """The plan of a system, with the memory it takes; see `compile_system`.

    The particles are checked only if the plan is to run ``here``, on this machine.

    Raises
    ------
    ModelError, StepError
        See `compile_system`.
    CapacityError
        If the run cannot fit into memory.
    """
    # Cells first: even the indices of too many would not fit.
    parts = fixed_parts(system, dt, cells is not None)
    on_this = here or system.coupling == "mean-field"  # its PDE for all replicas is solved here
    check_fits(parts if on_this else parts[:1])
    plan = compile_system(system, dt, cells)
    if plan.region is None:
        return plan
    rates = plan.tables.macroscopic(0.5 * plan.dt)
    found = crowd(system, plan.region, plan.tables, rates, plan.gates(), plan.dt)
    parts += particle_parts(system, plan.tables, found)
    if here:
        check_fits(parts)
    return replace(plan, memory=Memory(found, tuple(parts)))


def fixed_parts(
    system: System, dt: float, user: bool = False, solver: str = "auto", whole: bool = False
) -> list[Part]:
    """The memory that cells and continuum need; a user's continuum (``user``) manages its own.

    ``whole`` is for the mean-field PDE alone, on all cells.
    """
    continuum = whole or (not user and (system.is_hybrid or system.particles is None))
    parts = [cell_part(system, continuum)]
    return [*parts, continuum_part(system, dt, solver, whole)] if continuum else parts


def crowd(
    system: System,
    region: Region,
    tables: ReactionTables,
    rates: Floats,
    gates: Sequence[Gate],
    dt: float,
) -> ParticleNumbers:
    """Expected particles; functions of time have their values at time 0.

    Parameters
    ----------
    rates
        Macroscopic rates ``(channels, 1 or cells)``.
    gates
        All gates; those with a given value are evaluated.
    """
    start = expected_particles(system, region)
    brought: list[tuple[float, str]] = [(float(start.sum()), "the initial state")]
    most = start.copy()
    new = np.zeros_like(start)
    for gate in gates:
        if gate.value is None:
            continue
        gate.set_given(0.0, dt)
        if gate.numbers is not None and gate.numbers.arrivals_per_area == 0.0:
            continue  # it is outside the wall and does not move
        if not gate.is_influx:
            level = float(gate.start.max()) * region.volume
            most[gate.species] = max(most[gate.species], level)
            brought.append((level, f"the reservoir of {gate.where}"))
        else:
            entering = float(gate.start.sum()) * gate.face.area * dt
            new[gate.species] += entering
            brought.append((entering, f"one step of the influx of {gate.where}"))
    created = 0.0
    for r in tables.creations:
        channel = system.channels[r]
        a_length = rates[r]
        if len(a_length) > 1:
            made = float(a_length[region.mask] @ region.grid.volumes[region.mask]) * dt
        else:
            made = float(a_length[0]) * region.volume * dt
        for name in channel.products:
            new[system.index(name)] += made
        created += made * len(channel.products)
        brought.append((made * len(channel.products), f"one step of {channel.label!r}"))
    return ParticleNumbers(tuple(map(float, most + new)), max(brought)[1], created)


def particle_bytes(system: System, tables: ReactionTables) -> Floats:
    """Bytes that a particle of each species takes, ``(species,)``."""
    axes = len(system.domain.axes)
    rows = [axes * (1.0 if s.friction is None else 2.0) for s in system.species]
    result = 8.0 * np.array(rows) + 10.0
    for e in tables.encounters:
        for s in e.partners:
            if s is not None:
                result[s] = 16.0 * rows[s] + 32.0
    return ROOM * result


def particle_parts(system: System, tables: ReactionTables, found: ParticleNumbers) -> list[Part]:
    """Memory of the particles of all species, and of a step of creations."""
    number = sum(found.numbers)
    size = float(particle_bytes(system, tables) @ np.array(found.numbers))
    parts = [
        Part(
            f"particles (about {number:.3g} particles, most by {found.cause})", size,
            "use a smaller particle region, concentration or flux",
        )
    ]  # fmt: skip
    if found.created > 0:
        row = 8.0 * len(system.domain.axes) + 16.0
        parts.append(
            Part(
                f"creations ({found.created:.3g} particles in a step)",
                CREATED_ROWS * row * found.created, "use a smaller rate or dt",
            )
        )  # fmt: skip
    return parts


def cell_part(system: System, continuum: bool) -> Part:
    """Indices of the cells, and fields of all species on them."""
    grid, species = system.grid, len(system.species)
    a_cell = 8.0 * (2 * grid.dimension + 4) + (48.0 if continuum else 24.0) * species
    what = f"cells ({grid.cells:,} cells of {species} species)"
    return Part(what, a_cell * grid.cells, "use fewer cells")


def continuum_part(system: System, dt: float, kind: str = "auto", whole: bool = False) -> Part:
    """The package's PDE: FiPy's mesh and matrices, and the factors or arrays of the solvers."""
    grid = system.grid
    active = grid.cells
    box: tuple[tuple[int, int], ...] | None = tuple((0, n) for n in grid.shape)
    if system.is_hybrid and system.coupling == "two-way" and not whole:
        if isinstance(system.particles, Domain) and system.is_plain:
            first, count = index_box(system, system.particles)
            active -= int(np.prod(count))
            box = rest_of(grid, first, count)
        else:
            taking_part = np.flatnonzero(system.partition.outside)
            active, box = len(taking_part), active_box(taking_part, grid)
    elif system.obstacles is not None:
        taking_part = np.flatnonzero(system.free)
        active, box = len(taking_part), active_box(taking_part, grid)
    species = [(mean_D(system, s), conditions(system, s.name)) for s in system.species]
    found = footprint(grid, species, active, box, dt, kind)
    solvers = " and ".join(dict.fromkeys(map(str, found.solvers))) or "none"
    factors = f", {found.factors / 1e9:.3g} GB of them for factors" if found.factors else ""
    return Part(
        f"continuum ({found.systems} linear systems of {active:,} cells, solver {solvers}"
        f"{factors})", found.bytes,
        "use fewer cells, or solver='cg'" if found.factors > 0.5 * found.bytes
        else "use fewer cells",
        continuum=True,
    )  # fmt: skip


def record_numbers(system: System, faces: int, planes: int = 0) -> dict[str, int]:
    """Number of values in a record of each variable."""
    species = len(system.species)
    return {
        "concentration": species * system.grid.cells,
        "copy_number": species,
        "total": species,
        "flux": species * faces,
        "crossings": species * faces,
        "events": len(system.channels),
        "bath": species * len(system.walls),
        "mask": system.grid.cells,
        "particle_share": 1,
        "plane_flux": species * planes,
        **dict.fromkeys(EVENTS, 0),
    }


def record_part(
    numbers: Mapping[str, int], variables: Sequence[str], records: int, disk: bool = True
) -> Part:
    """Records kept in memory: one row per record, and all again while the result is assembled."""
    each = sum(16.0 * numbers[name] + RECORD_BYTES for name in variables)
    remedy = "record less often (every=) or fewer variables (record=)"
    return Part(
        f"records ({records:,} of {', '.join(variables) or 'nothing'})", records * each,
        f"write them to disk (out=), {remedy}" if disk else remedy,
    )  # fmt: skip


def check_run(
    plan: Plan,
    copy_number: np.ndarray,
    numbers: Mapping[str, int],
    records: int,
    variables: Sequence[str],
    positions: bool,
    stored: bool,
) -> None:
    """Refuse a run whose records, or further particles, do not fit into the free memory.

    Parameters
    ----------
    copy_number
        Current number of particles, ``(species,)``.
    numbers
        Number of values in a record of each variable.
    records
        Number of records, including the first.
    stored
        Whether they are written to disk, with only the last ones in memory.

    Raises
    ------
    CapacityError
        With figures and advice.
    """
    system, there = plan.system, copy_number.astype(float)
    expected = np.maximum(there, plan.memory.crowd.numbers if plan.memory.crowd else 0.0)
    parts: list[Part] = []
    if not stored:
        parts.append(record_part(numbers, variables, records))
    if positions:
        row = 8.0 * len(system.domain.axes) + 8.0
        number = float(expected.sum())
        size = number * row * (3 if stored else 2 * records)
        how = "to write them" if stored else f"in {records:,} records"
        remedy = (
            "record no positions" if stored
            else "write them to disk (out=), record less often (every=) or no positions"
        )  # fmt: skip
        parts.append(Part(f"positions ({number:.3g} particles {how})", size, remedy))
    coming = float(particle_bytes(system, plan.tables) @ (expected - there))
    if coming > 0 and plan.memory.crowd:
        parts.append(
            Part(
                f"particles still to come ({plan.memory.crowd.cause})", coming,
                "use a smaller particle region, concentration or flux",
            )
        )  # fmt: skip
    if parts:
        check_fits(parts, held=plan.memory.parts)
