"""Means and covariances, exact for linear systems, by closures with pairs.

The second moment is that of del Razo 2024, eq. (A2): ``E[C(y) C(z)]`` does not pair a particle with
itself. On voxels of width h it is ``E[n_i (n_j - delta_ij)]/h²``, and the covariance
``E[C(y) C(z)] - c(y) c(z)`` is zero for Poisson numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from hybridrd.arguments import choice, real_array
from hybridrd.arrays import Floats
from hybridrd.errors import ModelError
from hybridrd.model.system import System
from hybridrd.theory.cdme.events import VoxelModel, voxel_model
from hybridrd.theory.cdme.initial import placements, poisson_means
from hybridrd.theory.cdme.observe import describe, inverse_power
from hybridrd.theory.cdme.voxels import VoxelsLike
from hybridrd.theory.closures import CLOSURES, MomentEquations
from hybridrd.theory.pair_terms import PairTerms, annihilation_terms, pair_moment, pair_terms

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "PairTerms",
    "annihilation_terms",
    "closed_moments",
    "linear_moments",
    "pair_moment",
    "pair_terms",
]


def linear_moments(
    system: System, voxels: VoxelsLike, times: ArrayLike, reservoir: str = "wall"
) -> xr.Dataset:
    """Mean and covariance of a linear system on voxels, from their own equations, exactly.

    With the copies m of all species and voxels, the generator A of one copy and the creation b,

    ``dm/dt = A m + b``,  ``dPhi/dt = A Phi + Phi A^T + sum_e rate_e (u_e u_e^T - diag u_e)``,

    where ``Phi_ij = E[n_i (n_j - delta_ij)] - m_i m_j`` and ``u_e`` counts the copies that event e
    creates. Only events that create two copies at once feed the covariance: without them Poisson
    stays Poisson. The mean is the finite-volume form of del Razo 2024, eq. (16). There is no
    cut-off.

    Parameters
    ----------
    system
        A `System` with reactions of order 0 and 1, constant in time.
    voxels, reservoir
        As in `hybridrd.theory.cdme.solve`.
    times
        Increasing, not negative (time).

    Returns
    -------
    xarray.Dataset
        ``mean(time, species, x)`` (1/length^d) and ``covariance(time, species, species_2, x, x_2)``
        (1/length^2d), with ``x, y, z`` or ``r`` in place of ``x`` where the system has them.

    Raises
    ------
    ModelError
        If the system has a pair reaction, or times are not increasing.

    Examples
    --------
    Birth at rate b from one copy: ``E[n (n - 1)] = 2 exp(b t) (exp(b t) - 1)``, Yule's process.

    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> system = hrd.System(
    ...     species=[A], domain=hrd.Box(x=(0, 1)), initial={A: hrd.Copies(1)},
    ...     reactions=[hrd.Reaction("A -> 2 A", k=1.0)],
    ... )
    >>> one = linear_moments(system, voxels=1, times=[0.0, 1.0]).isel(time=-1)
    >>> float(one["mean"].item()), float((one["covariance"] + one["mean"].item()**2).item())
    (2.7182818..., 9.3415...)
    """
    model = voxel_model(system, voxels, reservoir)
    higher = [c.label for c in system.channels if c.order > 1 or c.law is not None]
    if higher:
        labels = ", ".join(higher)
        raise ModelError(
            f"{labels}: moments close for reactions of order 0 and 1 only; use closed_moments, "
            f"or cdme.solve"
        )
    if model.varies:
        raise ModelError("a rate or a wall depends on t; use closed_moments, exact here, too")
    when = _rising(times)
    moments = list(_linear_evolution(model, when))
    return _linear_dataset(model, when, moments)


def closed_moments(
    system: System,
    voxels: VoxelsLike,
    times: ArrayLike,
    closure: str = "gaussian",
    reservoir: str = "wall",
) -> xr.Dataset:
    """Mean and covariance of a system with pairs, by moment equations closed at second order.

    The equation of the mean, del Razo 2024, eq. (20), needs the covariance, and that of the
    covariance the third moments T. These are closed by

    - ``"poisson"``: no correlations at all, ``E[C C] = c c`` (eq. (21) with the pair rates of the
      voxels);
    - ``"gaussian"``: the third cumulant of the factorial moments is 0, exact for Poisson numbers;
    - ``"kirkwood"``: ``T_ijk = G_ij G_jk G_ik/(m_i m_j m_k)``.

    Linear systems need no closure, and are exact with the last two. None is exact with pairs:
    docs/theory shows where each fails. There is no cut-off, and numbers may be large.

    Parameters
    ----------
    system
        The system, with reactions of up to two; rates and walls may depend on time.
    voxels, reservoir
        As in `hybridrd.theory.cdme.solve`.
    times
        Increasing, not negative (time).
    closure
        One of the three.

    Returns
    -------
    xarray.Dataset
        See `linear_moments`.

    Raises
    ------
    ModelError
        If a reaction has three reactants or more, a wall is a drain, or times are not increasing.
    StepError
        If the moments diverge.

    Examples
    --------
    Annihilation in one voxel, 3 copies on average at the start:

    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> system = hrd.System(
    ...     species=[A], domain=hrd.Box(x=(0, 1)), initial={A: 3.0},
    ...     reactions=[hrd.Reaction("2 A -> 0", lambda0=0.5, radius=0.25)],
    ... )
    >>> for closure in ("poisson", "gaussian", "kirkwood"):
    ...     found = closed_moments(system, 1, [0.0, 1.0], closure)
    ...     print(closure, round(float(found["mean"][-1].item()), 3))
    poisson 1.811
    gaussian 1.866
    kirkwood 1.87
    >>> truth = hrd.theory.cdme.solve(system, 1, max_copies=20, until=1.0, every=1.0)
    >>> round(float(truth["copy_number"][-1].item()), 3)
    1.869
    """
    choice(closure, "closure", tuple(CLOSURES))
    model = voxel_model(system, voxels, reservoir)
    when = _rising(times)
    n = len(system.species) * model.voxels.count
    equations = MomentEquations(
        model.events, len(system.species), model.voxels.count, CLOSURES[closure]
    )
    m, covariance = _initial_moments(model)
    start = covariance.reshape(n, n) + np.outer(m, m)
    found = [(mean, G - np.outer(mean, mean)) for mean, G in equations.solve(m, start, when)]
    return _linear_dataset(model, when, found).assign_attrs(closure=closure)


def _rising(times: ArrayLike) -> Floats:
    """Times as an array. Raises ModelError unless finite, not negative and increasing."""
    when = np.atleast_1d(real_array(times, "times"))
    if when.ndim != 1 or not np.isfinite(when).all() or when[0] < 0 or (np.diff(when) < 0).any():
        raise ModelError(f"times = {times!r}: give finite, increasing times, not negative")
    return when


def _linear_evolution(model: VoxelModel, times: Floats) -> Iterator[tuple[Floats, Floats]]:
    """Mean copies ``(n,)`` and factorial covariances ``(n, n)`` at each time, for n sites."""
    from scipy.sparse.linalg import expm_multiply

    count = len(model.system.species) * model.voxels.count
    matrix = _moment_matrix(model)
    trace = float(matrix.trace())
    y = np.concatenate([[1.0], *_initial_moments(model)])
    before = 0.0
    for t in times:
        if t > before:
            y = expm_multiply(matrix * (t - before), y, traceA=trace * (t - before))
            before = float(t)
        yield y[1 : count + 1], y[count + 1 :].reshape(count, count)


def _moment_matrix(model: VoxelModel) -> sparse.csr_array[np.float64, tuple[int, int]]:
    """The linear equations of ``(1, means, covariances)`` as one matrix."""
    voxels = model.voxels.count
    count = len(model.system.species) * voxels
    single = sparse.lil_array((count, count))
    creation = np.zeros((count, 1))
    pairs = sparse.lil_array((count * count, count + 1))  # pairs created at once, by 1 and means
    for event in model.events:
        taken = [s * voxels + i for s, i in event.takes]
        made = [s * voxels + i for s, i in event.makes]
        for site in made:
            if taken:
                single[site, taken[0]] += event.rate
            else:
                creation[site, 0] += event.rate
        for site in taken:
            single[site, site] -= event.rate
        column = taken[0] + 1 if taken else 0
        for a, first in enumerate(made):
            for b, second in enumerate(made):
                if a != b:
                    pairs[first * count + second, column] += event.rate
    identity = sparse.eye_array(count)
    both = sparse.kron(single, identity) + sparse.kron(identity, single)
    # Rows and columns: the constant 1, means, covariances.
    blocks = [
        sparse.csr_array((1, 1 + count + count**2)),
        sparse.hstack([sparse.csr_array(creation), single, sparse.csr_array((count, count**2))]),
        sparse.hstack([pairs, both]),
    ]
    return sparse.csr_array(sparse.vstack([sparse.csr_array(b) for b in blocks]))


def _initial_moments(model: VoxelModel) -> tuple[Floats, Floats]:
    """Means ``(n,)`` and factorial covariances ``(n n,)``, without pairs of a copy with itself."""
    voxels = model.voxels.count
    count = len(model.system.species)
    means = np.zeros((count, voxels))
    covariance = np.zeros((count, voxels, count, voxels))
    for s in range(count):
        means[s] = poisson_means(model.system, s, model.voxels)
        for chances in placements(model.system, s, model.voxels):
            means[s] += chances
            covariance[s, :, s, :] -= np.multiply.outer(chances, chances)
    return means.ravel(), covariance.ravel()


def _linear_dataset(
    model: VoxelModel, times: Floats, moments: list[tuple[Floats, Floats]]
) -> xr.Dataset:
    import xarray as xr

    system, grid, voxels = model.system, model.grid, model.voxels
    s, v = len(system.species), voxels.count
    volumes = voxels.volumes
    mean = np.array([m for m, _ in moments]).reshape(-1, s, v) / volumes
    covariance = np.array([c for _, c in moments]).reshape(-1, s, v, s, v).transpose(0, 1, 3, 2, 4)
    covariance = voxels.pairs_on_grid(covariance / np.multiply.outer(volumes, volumes))
    length, time = system.units.get("length", "length"), system.units.get("time", "time")
    labels = np.array(system.names, dtype=object)
    second = [f"{axis}_2" for axis in grid.axes]
    coordinates = {
        "time": ("time", np.round(times, 12), {"units": time}),
        "species": ("species", labels),
        "species_2": ("species_2", labels),
    }
    for axis, name in enumerate(grid.axes):
        for dim in (name, second[axis]):
            coordinates[dim] = (dim, grid.centers(axis), {"units": length})
    return xr.Dataset(
        {
            "mean": (
                ("time", "species", *grid.axes),
                voxels.on_grid(mean),
                {"units": inverse_power(length, grid.space)},
            ),
            "covariance": (
                ("time", "species", "species_2", *grid.axes, *second),
                covariance,
                {"units": inverse_power(length, 2 * grid.space)},
            ),
        },
        coords=coordinates,
        attrs={
            "kind": "moments",
            "system": describe(system),
            "units": dict(system.units),
            "voxels": v,
        },
    )
