"""Solution of the master equation in time."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import number
from hybridrd.arrays import Floats
from hybridrd.errors import AccuracyWarning, ModelError, StepError
from hybridrd.model.species import SpeciesLike, species_name
from hybridrd.model.system import System
from hybridrd.theory.cdme.events import VoxelModel, voxel_model
from hybridrd.theory.cdme.generator import (
    Generator,
    check_size,
    make_generator,
    warn_if_long,
)
from hybridrd.theory.cdme.initial import initial_probabilities
from hybridrd.theory.cdme.observe import Observer, dataset, describe, pair_reactions
from hybridrd.theory.cdme.propagate import BLOCK, propagate, propagate_timed
from hybridrd.theory.cdme.states import Occupations, States
from hybridrd.theory.cdme.voxels import VoxelsLike

if TYPE_CHECKING:
    import xarray as xr

MaxCopies = int | Mapping[SpeciesLike, int]

MAX_MEMORY = 4e9
LOST_LIMIT = 0.5
"""A result with a larger probability at the cut-off is refused."""

MOST_RECORDS = 100_000


def solve(
    system: System,
    voxels: VoxelsLike,
    max_copies: MaxCopies,
    until: float,
    every: float | None = None,
    reservoir: str = "wall",
    tolerance: float = 1e-6,
    max_memory: float = MAX_MEMORY,
) -> xr.Dataset:
    """Solve the chemical diffusion master equation of a small system.

    It solves for the densities of all numbers of particles (del Razo 2024, eqs. (1) to (7), (13),
    (17); in a shell (26)) on voxels over the whole domain. A state is the number of copies of each
    species in each voxel; `hybridrd.theory.cdme.voxel_model` lists the events. The error in space
    is of second order in the voxel width; time is exact (uniformisation), or of order four with a
    reported error where rates or walls depend on it.

    Parameters
    ----------
    system
        The system, in one to three dimensions or a shell.
    voxels
        Number of voxels: one for all axes, ``8``, or one for each, ``(3, 2)``; None for the cells
        of the system. Those whose centre is in an obstacle are left out, and 0 in the result.
    max_copies
        Cut-off: largest number of copies in the whole domain, one for all species or one for each.
        There are ``comb(voxels + max_copies, voxels)`` states per species.
    until, every
        The end, and the time between records; by default a hundredth of the end (time). Time 0
        and the end are recorded.
    reservoir
        Position of the concentration c_R of a `Reservoir`: at the ``"wall"``, where a copy in the
        last voxel leaves at ``2 D/h²``, as for finite volumes; or in the ``"mirror"`` voxel outside
        it, where it leaves at ``D/h²`` (eq. (14)), half a voxel farther out.
    tolerance
        Probability that may be lost at the cut-off without a warning; also the target error in
        time if rates depend on time. Such rates are sampled at least once between records:
        shorter variations can be missed.
    max_memory
        Memory that the matrix and its assembly may take (bytes).

    Returns
    -------
    xarray.Dataset
        - ``copy_number_probability(time, species, n)``: P(n, t) in the whole domain.
        - ``joint_probability(time, n_A, n_B, ...)``: P(n, m, ..., t) of all species together.
        - ``current(time, change, n_A, n_B, ...)``: probability per time that leaves these numbers
          by a ``change``, the loss integrated over space, which is the gain of the changed numbers.
        - ``copy_number(time, species)``: its mean.
        - ``concentration(time, species, x)``: mean copies over V, eq. (15) (1/length^d). In more
          dimensions ``x, y, z`` in place of ``x``, in a shell ``r``.
        - ``covariance(time, species, species_2, x, x_2)``: ``E[C(x) C(x_2)] - c(x) c(x_2)`` with
          E[C C] of eq. (A2), which does not pair a particle with itself: on voxels
          ``E[n_i (n_j - delta_ij)]/(V_i V_j)``. Zero for Poisson numbers (1/length^2d).
        - ``rho_0``, ``rho_1``, and for a single species ``rho_2``: the first densities of
          eq. (1), normalised as in (2).
        - ``lost(time)``: probability that more than ``max_copies`` would have been needed by then;
          everything else sums over the rest, and is low by at most about that.
        - ``time_error(time)``: estimated error of the probabilities (total variation); 0 if nothing
          depends on time.
        - ``volume(x)``: volumes of the voxels, 0 in obstacles.
        - ``pair_rate``, ``pair_beyond``, ``pair_k``: rates of the pair reactions, if there
          are any: of a pair, of a first reactant with its partners beyond reservoir walls, and the
          macroscopic one.

    Raises
    ------
    ModelError
        If the system, numbers or times are invalid.
    StepError
        If more than half of the probability is lost, or rates vary too fast in time.
    CapacityError
        If there are too many states; nothing is allocated then.

    Warns
    -----
    AccuracyWarning
        If more than ``tolerance`` is lost.
    UserWarning
        If the matrix or the solution will take more than 10 s, before either: with the numbers of
        states and transitions, the memory, and about how long.

    Notes
    -----
    The work is about ``until`` times the largest rate of leaving a state (``2 D/h² max_copies``
    or more) products with the sparse matrix.

    Examples
    --------
    Immigration and death: Poisson, with mean ``k/mu (1 - exp(-mu t))``.

    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> system = hrd.System(
    ...     species=[A], domain=hrd.Box(x=(0, 1)),
    ...     reactions=[hrd.Reaction("0 -> A", k=2.0), hrd.Reaction("A -> 0", k=1.0)],
    ... )
    >>> truth = hrd.theory.cdme.solve(system, voxels=3, max_copies=14, until=1.0, every=0.5)
    >>> truth["copy_number"].values.ravel().round(6)
    array([0.      , 0.786939, 1.264241])
    >>> float(abs(truth["covariance"]).max()) < 1e-6
    True
    """
    times = record_times(until, every)
    model, most = prepare(system, voxels, max_copies, reservoir, max_memory, len(times))
    tolerance = number(tolerance, "tolerance")
    began = time.perf_counter()
    states = make_states(model, most)
    generator = make_generator(states, model.events)
    assembled = time.perf_counter()
    timed = generator.timed
    now = generator if timed is None else timed.generator(timed.rates(0.0))
    matrix = now.matrix
    warn_if_long(*_work(states.count, now, times, timed is not None), stacklevel=3)
    observer = Observer(states, model.voxels, matrix)
    records = []
    start = initial_probabilities(system, model.voxels, states)
    for t, (p, error) in zip(times, evolution(generator, start, times, tolerance), strict=True):
        lost = float(p[-1])
        if lost > LOST_LIMIT:
            raise StepError(
                f"{lost:.3g} of the probability is beyond the cut-off by t = {t:.6g}: "
                f"{_cut_offs(most)}; use more, at least twice the expected copies"
            )
        if timed is not None:
            matrix = timed.generator(timed.rates(t)).matrix
        records.append({**observer.record(p, matrix), "lost": lost, "time_error": error})
    if lost > tolerance:
        warnings.warn(
            f"{lost:.3g} of the probability was lost at the cut-off, tolerance {tolerance:.3g}: "
            f"means and probabilities are low by about as much; {_cut_offs(most)}, use more",
            AccuracyWarning,
            stacklevel=2,
        )
    done = time.perf_counter()
    attributes = {
        **common_attributes(model, most, reservoir, states, generator.matrix.nnz),
        "kind": "cdme",
        "fastest_rate": generator.fastest,
        "timings": {
            "assembly": round(assembled - began, 6),
            "solution": round(done - assembled, 6),
        },
    }
    return dataset(model, records, times, observer.currents, attributes)


def _work(count: int, generator: Generator, times: list[float], varies: bool) -> tuple[str, float]:
    """How many products with the matrix there will be, in words, and how long they take (s)."""
    events = generator.fastest * (times[-1] - times[0])
    p, each = np.zeros(count + 1), math.inf
    for _ in range(3):  # keep the least: other programs may interrupt one
        began = time.perf_counter()
        generator.matrix @ p
        each = min(each, time.perf_counter() - began)
    # Each block of records also takes the terms in its tail, and vectors are added to the records.
    blocks = math.ceil((len(times) - 1) / BLOCK)
    products = events + blocks * (40.0 + 10.0 * math.sqrt(events / max(blocks, 1)))
    text = (
        f"{count:,} states: {'at least ' if varies else ''}{products:,.0f} products with a matrix "
        f"of {generator.matrix.nnz:,} entries take"
    )
    return text, 2.0 * each * products


def evolution(
    generator: Generator, start: Floats, times: list[float], tolerance: float
) -> Iterator[tuple[Floats, float]]:
    """Probabilities at the times, and the error so far."""
    if generator.timed is not None:
        yield from propagate_timed(generator.timed, start, times, max(tolerance, 1e-13))
    else:
        yield from ((p, 0.0) for p in propagate(generator, start, times))


def prepare(
    system: System,
    voxels: VoxelsLike,
    max_copies: MaxCopies,
    reservoir: str,
    max_memory: float,
    records: int = 1,
) -> tuple[VoxelModel, dict[str, int]]:
    """The model and the cut-offs, checked against each other and against memory."""
    model = voxel_model(system, voxels, reservoir)
    most = cut_offs(system, max_copies)
    limit = number(max_memory, "max_memory", strict=True)
    check_size(model.voxels.count, list(most.values()), model.events, limit, records)
    return model, most


def make_states(model: VoxelModel, most: Mapping[str, int]) -> States:
    """The state space of a model."""
    return States(tuple(Occupations(model.voxels.count, m) for m in most.values()))


def cut_offs(system: System, max_copies: MaxCopies) -> dict[str, int]:
    """Cut-offs by species, in the system's order."""
    if not isinstance(max_copies, Mapping):
        return {name: _whole(max_copies, "max_copies") for name in system.names}
    given = {species_name(s): m for s, m in max_copies.items()}
    absent = [n for n in system.names if n not in given]
    unknown = [n for n in given if n not in system.names]
    if absent or unknown:
        raise ModelError(
            f"max_copies names {', '.join(given) or 'no species'}; "
            f"the species are {', '.join(system.names)}, name each once"
        )
    return {name: _whole(given[name], f"max_copies of {name}") for name in system.names}


def _whole(value: object, where: str) -> int:
    result = number(value, where, minimum=0.0)
    if result != int(result):
        raise ModelError(f"{where} = {result:g}: a whole number is needed")
    return int(result)


def record_times(until: float, every: float | None) -> list[float]:
    """Multiples of ``every`` from 0, and the end."""
    end = number(until, "until")
    if end == 0:
        return [0.0]
    gap = end / 100 if every is None else number(every, "every", strict=True)
    count = math.floor(end / gap * (1 + 1e-12) + 1e-9)
    if count > MOST_RECORDS:
        raise ModelError(
            f"until = {end:g} and every = {gap:g} make {end / gap:.3g} records; at most "
            f"{MOST_RECORDS:,}"
        )
    times = [k * gap for k in range(count + 1)]
    if end - times[-1] > 1e-9 * gap:
        times.append(end)
    return times


def _cut_offs(most: Mapping[str, int]) -> str:
    return "max_copies is " + ", ".join(f"{m} of {name}" for name, m in most.items())


def common_attributes(
    model: VoxelModel, most: dict[str, int], reservoir: str, states: States, nonzeros: int
) -> dict[str, Any]:
    """Attributes of every result of a master equation."""
    from hybridrd._version import __version__

    return {
        "system": describe(model.system),
        "units": dict(model.system.units),
        # Here the whole domain takes the role of the particle region.
        "region_lower": list(model.grid.lower),
        "region_upper": list(model.grid.upper),
        "voxels": model.voxels.count,
        "max_copies": dict(most),
        "reservoir": reservoir,
        "states": states.count,
        "nonzeros": int(nonzeros),
        "pairs": list(pair_reactions(model)),
        "versions": {"hybridrd": __version__, "numpy": np.__version__},
    }
