"""Rates of pair reactions: the mean-field term, the exact one, and the covariance between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hybridrd.arguments import number, real_array
from hybridrd.arrays import Floats
from hybridrd.errors import ModelError
from hybridrd.model.grid import Grid
from hybridrd.model.voxel_pairs import pair_rates

if TYPE_CHECKING:
    import xarray as xr


class PairTerms(NamedTuple):
    """Four rates at which pair reactions consume the first reactant, ``(..., voxels)``.

    Attributes
    ----------
    mean_field
        ``-k c_A(y) c_B(y)``: the term of the PDE, del Razo 2024, eqs. (22), (23).
    product_of_means
        ``-lambda0 integral c_A(y) c_B(z) dz`` over the Doi ball, the left side of eq. (21).
    covariance
        ``-lambda0 integral cov[C_A(y), C_B(z)] dz``, which the PDE omits.
    exact
        The sum of the last two, ``-lambda0 integral E[C_A(y) C_B(z)] dz``, eq. (20).
    """

    mean_field: Floats
    product_of_means: Floats
    covariance: Floats
    exact: Floats


def pair_terms(
    concentration: ArrayLike,
    second_moment: ArrayLike,
    width: float,
    lambda0: float,
    radius: float,
    partner: ArrayLike | None = None,
    periodic: bool = False,
) -> PairTerms:
    """The reaction terms of del Razo 2024, eqs. (20) to (23), from measured moments.

    For example from the counts of a particle ensemble in cells, see `pair_moment`. In one
    dimension; Doi's rate is averaged over pairs of cells.

    Parameters
    ----------
    concentration
        c on uniform cells, ``(..., cells)`` (1/length).
    second_moment
        ``E[C_A(y) C_B(z)]`` by eq. (A2), ``(..., cells, cells)`` (1/length²).
    width
        Width of a cell (length).
    lambda0, radius
        Doi's rate (1/time) and radius (length).
    partner
        c of the other reactant, if it is another species.
    periodic
        Whether the domain is periodic.

    Raises
    ------
    ModelError
        If shapes do not fit, or a number is invalid.

    Examples
    --------
    Poisson numbers, uniform, far from walls: all the same.

    >>> c = np.full(40, 3.0)
    >>> terms = pair_terms(c, np.multiply.outer(c, c), width=0.1, lambda0=2.0, radius=0.25)
    >>> [float(t[20].round(9)) for t in terms]
    [-9.0, -9.0, 0.0, -9.0]
    """
    c = real_array(concentration, "concentration")
    other = c if partner is None else real_array(partner, "partner")
    product = real_array(second_moment, "second_moment")
    cells = c.shape[-1] if c.ndim else 0
    if cells == 0 or other.shape != c.shape or product.shape != (*c.shape, cells):
        raise ModelError(
            f"concentration {c.shape}, partner {other.shape} and second_moment {product.shape} "
            f"must be (..., cells), the same, and (..., cells, cells)"
        )
    h = number(width, "width", strict=True)
    rate, sigma = number(lambda0, "lambda0"), number(radius, "radius", strict=True)
    grid = Grid((0.0,), (h * cells,), (cells,))
    rates = pair_rates(rate, sigma, grid, periodic)
    return _terms(c, other, product, rates, np.full(cells, 2 * sigma * rate), h)


def _terms(
    c: Floats, partner: Floats, product: Floats, rates: Floats, k: Floats, volume: Floats | float
) -> PairTerms:
    means = c[..., :, None] * partner[..., None, :]
    weights = rates * volume
    of_means = -(weights * means).sum(axis=-1)
    covariance = (weights * (means - product)).sum(axis=-1)
    return PairTerms(-k * c * partner, of_means, covariance, of_means + covariance)


def pair_moment(counts: ArrayLike, width: float, partner: ArrayLike | None = None) -> Floats:
    """``E[C(y) C(z)]`` of del Razo 2024, eq. (A2), from the counts of many replicas.

    ``mean(n_i (n_j - delta_ij))/h²`` for a species with itself, ``mean(n_i m_j)/h²`` for two.

    Parameters
    ----------
    counts
        Copies in uniform cells, ``(replicas, cells)``.
    width
        h (length).
    partner
        Counts of the other species, of the same shape.

    Examples
    --------
    A single copy is no pair:

    >>> pair_moment([[1, 0], [1, 0]], width=1.0)
    array([[0., 0.],
           [0., 0.]])
    """
    n = real_array(counts, "counts")
    other = n if partner is None else real_array(partner, "partner")
    if n.ndim != 2 or other.shape != n.shape or len(n) == 0:
        raise ModelError(f"counts {n.shape} and partner {other.shape} must be (replicas, cells)")
    product = n.T @ other / len(n)
    if partner is None:
        product -= np.diag(n.mean(axis=0))
    return np.asarray(product / number(width, "width", strict=True) ** 2)


def annihilation_terms(truth: xr.Dataset, reaction: str | None = None) -> xr.Dataset:
    """The reaction terms of del Razo 2024, eqs. (20) to (23), from a master equation.

    Parameters
    ----------
    truth
        A result of `hybridrd.theory.cdme.solve` or ``steady_state``.
    reaction
        Label of a pair reaction that does not create any of its reactants, ``2 A -> 0`` or
        ``A + B -> C``; not needed if it is the only one.

    Returns
    -------
    xarray.Dataset
        The four variables of `PairTerms` over ``(time, x)`` (1/length/time): the contributions to
        ``dc/dt`` of the first reactant; partners beyond `Reservoir` walls count in
        ``product_of_means`` and ``exact``. ``mean_field - exact`` is the error of the PDE's term.

    Raises
    ------
    ModelError
        If there is no such reaction.

    Examples
    --------
    Two copies for certain: there is one pair, but the mean field sees two squared.

    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> system = hrd.System(
    ...     species=[A], domain=hrd.Box(x=(0, 1)), initial={A: hrd.Copies(2)},
    ...     reactions=[hrd.Reaction("2 A -> 0", lambda0=1.0, radius=0.25)],
    ... )
    >>> truth = hrd.theory.cdme.solve(system, voxels=4, max_copies=2, until=0.1)
    >>> start = annihilation_terms(truth).isel(time=0).mean("x")
    >>> float(start["mean_field"]), float(start["exact"])
    (-2.0, -0.875)
    """
    import xarray as xr

    chosen = _chosen(truth, reaction)
    a, b = chosen["reactants"]
    c = truth["concentration"]
    axes = [d for d in c.dims if d not in ("time", "species")]
    volume = truth["volume"].values.ravel()
    voxels = np.flatnonzero(volume > 0)

    def flat(values: xr.DataArray, fields: int = 1) -> Floats:
        """Values on the voxels, ``(..., voxels)`` or ``(..., voxels, voxels)``."""
        whole = values.values
        lead = whole.shape[: whole.ndim - fields * len(axes)]
        whole = whole.reshape(*lead, *[volume.size] * fields)
        for axis in range(-fields, 0):
            whole = np.take(whole, voxels, axis=axis)
        return np.asarray(whole)

    first, second = (flat(c.sel(species=s)) for s in (a, b))
    covariance = flat(truth["covariance"].sel(species=a, species_2=b), 2)
    product = covariance + first[..., :, None] * second[..., None, :]
    rates = flat(truth["pair_rate"].sel(pair=chosen["label"]), 2)
    k = flat(truth["pair_k"].sel(pair=chosen["label"]))
    terms = _terms(first, second, product, rates, k, volume[voxels])
    # Partners beyond reservoir walls are independent of the copies inside.
    beyond = -flat(truth["pair_beyond"].sel(pair=chosen["label"])) * first
    terms = terms._replace(
        product_of_means=terms.product_of_means + beyond, exact=terms.exact + beyond
    )
    units = truth.attrs["units"]
    per = f"{c.attrs['units']}/{units.get('time', 'time')}"
    form = c.sel(species=a, drop=True)

    def on_grid(values: Floats) -> xr.DataArray:
        whole = np.zeros((*values.shape[:-1], volume.size))
        whole[..., voxels] = values
        return form.copy(data=whole.reshape(form.shape)).assign_attrs(units=per)

    return xr.Dataset(
        {name: on_grid(values) for name, values in terms._asdict().items()},
        attrs={"reaction": chosen["label"], "species": a},
    )


def _chosen(truth: xr.Dataset, reaction: str | None) -> dict[str, Any]:
    """The selected pair reaction, as `cdme.solve` describes it."""
    known = [
        p for p in truth.attrs.get("pairs", []) if not set(p["reactants"]) & set(p["products"])
    ]
    labels = [p["label"] for p in known]
    if reaction is None and len(known) == 1:
        return dict(known[0])
    if reaction in labels:
        return dict(known[labels.index(reaction)])
    raise ModelError(
        f"reaction = {reaction!r}: name a pair reaction that does not create any of its "
        f"reactants; the dataset has {', '.join(labels) or 'none'}"
    )
