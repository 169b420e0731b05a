"""Steady state of the master equation."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs

from hybridrd.arguments import number
from hybridrd.arrays import Floats, Integers
from hybridrd.errors import AccuracyWarning, ModelError, StepError
from hybridrd.model.system import System
from hybridrd.theory.cdme.evolve import (
    LOST_LIMIT,
    MAX_MEMORY,
    MaxCopies,
    common_attributes,
    make_states,
    prepare,
)
from hybridrd.theory.cdme.generator import Matrix, make_generator
from hybridrd.theory.cdme.observe import Observer, dataset
from hybridrd.theory.cdme.states import States
from hybridrd.theory.cdme.voxels import VoxelsLike

if TYPE_CHECKING:
    import xarray as xr

DIRECT = 200  # up to this many states a full matrix is solved
RESIDUAL = 1e-9


def steady_state(
    system: System,
    voxels: VoxelsLike,
    max_copies: MaxCopies,
    reservoir: str = "wall",
    tolerance: float = 1e-6,
    max_memory: float = MAX_MEMORY,
) -> xr.Dataset:
    """The stationary solution of the master equation: the null vector of its sparse generator.

    Parameters
    ----------
    system, voxels, max_copies, reservoir, max_memory
        See `solve`; the initial state has no effect.
    tolerance
        Probability that a species has its ``max_copies`` without a warning.

    Returns
    -------
    xarray.Dataset
        See `solve`, without time. Events that would exceed ``max_copies`` are excluded here,
        so nothing is lost; ``at_cut_off`` is the probability that a species is at its
        ``max_copies``, which is about the size of the error.

    Raises
    ------
    ModelError
        If a rate or a wall depends on time, or there is no unique stationary solution: several sets
        of states are never left (a closed system, or one that only annihilates).
    StepError
        If more than half of the probability is at the cut-off, or the iteration does not converge.
    CapacityError
        If there are too many states.

    Warns
    -----
    AccuracyWarning
        If more than ``tolerance`` is at the cut-off.
    UserWarning
        If the matrix will take more than 10 s; the iteration takes several times as long.

    Notes
    -----
    A single set of states that is never left determines the result: a population that can die
    out and is not replenished is extinct here, however long that takes.

    Examples
    --------
    Immigration and death are Poisson: P(0) = exp(-2).

    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> system = hrd.System(
    ...     species=[A], domain=hrd.Box(x=(0, 1)),
    ...     reactions=[hrd.Reaction("0 -> A", k=2.0), hrd.Reaction("A -> 0", k=1.0)],
    ... )
    >>> rest = hrd.theory.cdme.steady_state(system, voxels=3, max_copies=16)
    >>> float(rest["rho_0"].round(6))
    0.135335
    """
    model, most = prepare(system, voxels, max_copies, reservoir, max_memory)
    if model.varies:
        raise ModelError("a rate or a wall depends on t: there is no steady state; use solve")
    tolerance = number(tolerance, "tolerance")
    began = time.perf_counter()
    states = make_states(model, most)
    generator = make_generator(states, model.events, closed=True)
    whole = sparse.csr_array(generator.matrix[:-1, :-1])
    kept = _closed_class(whole, states, system)
    p = np.zeros(states.count + 1)
    p[kept] = _null_vector(sparse.csr_array(whole[kept][:, kept]))
    observer = Observer(states, model.voxels, generator.matrix)
    each = observer.at_cut_off(p)
    at_cut_off = float(each.max())
    name = system.names[int(each.argmax())]
    text = (
        f"{at_cut_off:.3g} of the probability is at the cut-off, max_copies = {most[name]} of "
        f"{name}; take more"
    )
    if at_cut_off > LOST_LIMIT:
        raise StepError(text)
    if at_cut_off > tolerance:
        warnings.warn(f"{text} (tolerance {tolerance:.3g})", AccuracyWarning, stacklevel=2)
    attributes = {
        **common_attributes(model, most, reservoir, states, generator.matrix.nnz),
        "kind": "cdme-steady",
        "timings": {"solution": round(time.perf_counter() - began, 6)},
    }
    record = {**observer.record(p, generator.matrix), "at_cut_off": at_cut_off}
    return dataset(model, [record], None, observer.currents, attributes)


def _closed_class(matrix: Matrix, states: States, system: System) -> Integers:
    """The states that are never left once entered, if they form one set."""
    matrix.eliminate_zeros()
    _, label = connected_components(matrix, directed=True, connection="strong")
    edges = matrix.tocoo()
    into, out_of = label[edges.row], label[edges.col]
    closed = np.setdiff1d(label, out_of[into != out_of])
    if len(closed) == 1:
        return np.flatnonzero(label == closed[0])
    totals = np.unravel_index(np.arange(states.count), states.shape)
    counts = [one.totals[t] for one, t in zip(states.species, totals, strict=True)]
    examples = []
    for c in closed[:3]:
        first = int(np.argmax(label == c))
        examples.append(
            ", ".join(f"{n[first]} {name}" for n, name in zip(counts, system.names, strict=True))
        )
    raise ModelError(
        f"no unique steady state: there are {len(closed):,} sets of states that are never left "
        f"(one has {'; one '.join(examples)}; ...), and the initial state decides between them; "
        f"use solve, or open the system with creation, a Reservoir or an Influx"
    )


def _null_vector(matrix: Matrix) -> Floats:
    """Probabilities p with ``matrix @ p = 0``, for an irreducible generator."""
    size = matrix.shape[0]
    fastest = float(-matrix.diagonal().min())
    if size <= DIRECT:
        full = matrix.toarray()
        full[-1] = fastest or 1.0  # one balance equation follows from the others; the p sum to one
        right = np.zeros(size)
        right[-1] = fastest or 1.0
        p = np.linalg.solve(full, right)
    else:
        p = _dominant(matrix, fastest)
    p = np.maximum(p / p.sum(), 0.0)
    p /= p.sum()
    residual = float(np.abs(matrix @ p).sum())
    if residual > RESIDUAL * max(fastest, 1e-300):
        raise StepError(_not_found(residual / fastest))
    return np.asarray(p)


def _dominant(matrix: Matrix, fastest: float) -> Floats:
    """The eigenvector of ``1 + Q/q`` for the eigenvalue 1, the largest, by Arnoldi's iteration."""
    size = matrix.shape[0]
    step = LinearOperator(
        (size, size), matvec=lambda p: p + (matrix @ p) / fastest, dtype=np.float64
    )
    try:
        _, vectors = eigs(step, k=1, which="LM", v0=np.ones(size), ncv=40, maxiter=2000)
    except ArpackNoConvergence as error:
        raise StepError(_not_found(None)) from error
    return np.asarray(vectors[:, 0].real)


def _not_found(residual: float | None) -> str:
    size = "" if residual is None else f" (relative residual {residual:.2g})"
    return (
        f"the steady state was not found{size}: some rates are too far apart for the iteration; "
        f"use solve to a long time"
    )
