"""Observables of the probabilities of voxel states: copy numbers, moments and densities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arrays import CONTINUUM, Floats
from hybridrd.errors import ModelError
from hybridrd.model.grid import Grid
from hybridrd.model.system import System
from hybridrd.results.dataset import MASK
from hybridrd.theory.cdme.currents import Currents
from hybridrd.theory.cdme.event import at
from hybridrd.theory.cdme.events import VoxelModel
from hybridrd.theory.cdme.generator import Matrix
from hybridrd.theory.cdme.states import States
from hybridrd.theory.cdme.voxels import Voxels

if TYPE_CHECKING:
    import xarray as xr

# Dimensions after time, power of 1/length^d, and description; "x" stands for all coordinates.
VARIABLES: dict[str, tuple[tuple[str, ...], int, str]] = {
    "copy_number_probability": (("species", "n"), 0, "probability of n copies in the domain"),
    "joint_probability": (("n_",), 0, "probability of n copies of each species in the domain"),
    "current": (("change", "n_"), 0, "probability per time that leaves n copies by a change"),
    "copy_number": (("species",), 0, "mean number in the domain"),
    "concentration": (("species", "x"), 1, "mean copies in a voxel / its volume"),
    "covariance": (
        ("species", "species_2", "x", "x_2"),
        2,
        "E[C(x) C(x_2)] - E[C(x)] E[C(x_2)], without pairs of a copy with itself",
    ),
    "lost": ((), 0, "probability that the copies exceeded max_copies"),
    "time_error": ((), 0, "estimated error of the probabilities, total variation"),
    "at_cut_off": ((), 0, "probability that a species has its max_copies"),
    "rho_0": ((), 0, "probability of no copy at all"),
    "rho_1": (("species", "x"), 1, "density of one copy, at x, and no other"),
    "rho_2": (("x", "x_2"), 2, "density of two copies, at x and x_2, and no other"),
}


class Observer:
    """Moments, densities and currents of probabilities ``(states + 1,)`` on voxels.

    Attributes
    ----------
    currents
        The currents of the generator's matrix between copy numbers.
    """

    def __init__(self, states: States, voxels: Voxels, matrix: Matrix) -> None:
        self.currents = Currents(states, matrix)
        self._states = states
        self._voxels = voxels
        self._tables = [one.table.astype(np.float64) for one in states.species]
        self._two = np.flatnonzero(states.species[0].totals == 2)
        pair = np.zeros((len(self._two), 2), np.int64)
        for row, state in enumerate(self._two):
            pair[row] = np.repeat(np.arange(voxels.count), states.species[0].table[state])
        self._pair = pair

    def record(self, p: Floats, matrix: Matrix) -> dict[str, Any]:
        """All variables except ``lost``, ``time_error`` and ``at_cut_off`` by name."""
        volumes = self._voxels.volumes
        both = np.multiply.outer(volumes, volumes)
        field, fields = self._voxels.on_grid, self._voxels.pairs_on_grid
        whole = p[:-1].reshape(self._states.shape)
        single = [_marginal(whole, (s,)) for s in range(whole.ndim)]
        means = np.array([m @ t for m, t in zip(single, self._tables, strict=True)])
        products = np.multiply.outer(means, means).transpose(0, 2, 1, 3)
        values = {
            "copy_number_probability": self._counts(single),
            "joint_probability": self._joint(whole),
            "current": self.currents(matrix, p),
            "copy_number": means.sum(axis=1),
            "concentration": field(means / volumes),
            "covariance": fields((self._pairs(whole, single, means) - products) / both),
            "rho_0": p[0],
            "rho_1": field(self._ones(p) / volumes),
        }
        if whole.ndim == 1:
            values["rho_2"] = fields(self._twos(p) / both)
        return values

    def at_cut_off(self, p: Floats) -> Floats:
        """Probability of the cut-off for each species, ``(species,)``."""
        whole = p[:-1].reshape(self._states.shape)
        occupations = self._states.species
        return np.array(
            [_marginal(whole, (s,))[o.totals == o.most].sum() for s, o in enumerate(occupations)]
        )

    def _counts(self, single: Sequence[Floats]) -> Floats:
        occupations = self._states.species
        width = max(o.most for o in occupations) + 1
        rows = [np.bincount(o.totals, m, width) for o, m in zip(occupations, single, strict=True)]
        return np.array(rows)

    def _joint(self, whole: Floats) -> Floats:
        """Probability of the numbers of all species together, one axis for each."""
        for axis, one in enumerate(self._states.species):
            # States are ordered by their totals: sum over each run of equal totals.
            first = np.searchsorted(one.totals, np.arange(one.most + 1))
            whole = np.add.reduceat(whole, first, axis=axis)
        return whole

    def _pairs(self, whole: Floats, single: Sequence[Floats], means: Floats) -> Floats:
        """``E[n_i (n_j - 1 if the same)]``, ``(species, species, voxels, voxels)``."""
        count = whole.ndim
        result = np.empty((count, count, self._voxels.count, self._voxels.count))
        for a in range(count):
            table = self._tables[a]
            result[a, a] = table.T @ (single[a][:, None] * table) - np.diag(means[a])
            for b in range(a + 1, count):
                joint = _marginal(whole, (a, b))
                result[a, b] = table.T @ joint @ self._tables[b]
                result[b, a] = result[a, b].T
        return result

    def _ones(self, p: Floats) -> Floats:
        result = np.empty((len(self._tables), self._voxels.count))
        for s, (occupations, stride) in enumerate(
            zip(self._states.species, self._states.strides, strict=True)
        ):
            one = np.eye(self._voxels.count, dtype=np.int32)
            result[s] = p[occupations.rank(one) * stride] if occupations.most else 0.0
        return result

    def _twos(self, p: Floats) -> Floats:
        """Probability of two copies shared among the ordered pairs of voxels they may be in."""
        i, j = self._pair.T
        result = np.zeros((self._voxels.count, self._voxels.count))
        share = p[self._two] / np.where(i == j, 1.0, 2.0)
        result[i, j] = share
        result[j, i] = share
        return result


def _marginal(whole: Floats, kept: tuple[int, ...]) -> Floats:
    others = tuple(s for s in range(whole.ndim) if s not in kept)
    return np.asarray(whole.sum(axis=others))


def dataset(
    model: VoxelModel,
    records: Sequence[dict[str, Any]],
    times: Sequence[float] | None,
    currents: Currents,
    attributes: dict[str, Any],
) -> xr.Dataset:
    """Records as a Dataset; without ``times`` the single record of a steady state."""
    import xarray as xr

    system, grid = model.system, model.grid
    length = system.units.get("length", "length")
    time = system.units.get("time", "time")
    variables: dict[str, Any] = {}
    for name in records[0]:
        dims, power, text = VARIABLES[name]
        values = np.array([r[name] for r in records])
        units = f"1/{time}" if name == "current" else inverse_power(length, power * grid.space)
        attrs = {"units": units, "long_name": text}
        dims = _dimensions(dims, grid, system.names)
        if times is None:
            variables[name] = (dims, values[0], attrs)
        else:
            variables[name] = (("time", *dims), values, attrs)
    variables.update(_pair_variables(model, times, time, length))
    labels = np.array(system.names, dtype=object)
    pair = np.array([t.reaction.label for t in model.pairs], dtype=object)
    copies = attributes["max_copies"]
    coordinates: dict[str, Any] = {
        "species": ("species", labels),
        "species_2": ("species_2", labels),
        "n": ("n", np.arange(max(copies.values()) + 1)),
        "volume": (grid.axes, model.voxels.on_grid(model.voxels.volumes),
                   {"units": inverse_power(length, -grid.space)}),
    }  # fmt: skip
    for axis, name in enumerate(grid.axes):
        for dim in (name, f"{name}_2"):
            coordinates[dim] = (dim, grid.centers(axis), {"units": length})
    coordinates["change"] = ("change", np.array(currents.labels(system.names), dtype=object))
    for s, (name, m) in enumerate(copies.items()):
        coordinates[f"n_{name}"] = (f"n_{name}", np.arange(m + 1))
        coordinates[f"change_{name}"] = ("change", currents.changes[:, s])
    if model.voxels.count < grid.cells:
        codes = model.voxels.on_grid(np.full(model.voxels.count, CONTINUUM)).astype(np.uint8)
        coordinates["mask"] = (grid.axes, codes, {"units": "1", "long_name": MASK})
    if model.pairs:
        coordinates["pair"] = ("pair", pair)
    if times is not None:
        labelled = np.array([round(t, 12) for t in times])
        coordinates["time"] = ("time", labelled, {"units": time})
    return xr.Dataset(variables, coords=coordinates, attrs=attributes)


def _dimensions(dims: Sequence[str], grid: Grid, species: Sequence[str]) -> tuple[str, ...]:
    """Dimensions with all coordinates of the grid in place of x, and all species of n_."""
    all_of = {
        "x": grid.axes,
        "x_2": tuple(f"{axis}_2" for axis in grid.axes),
        "n_": tuple(f"n_{name}" for name in species),
    }
    return tuple(chain.from_iterable(all_of.get(dim, (dim,)) for dim in dims))


def inverse_power(unit: str, power: int) -> str:
    """Units of 1/length^power."""
    if power < 0:
        return unit if power == -1 else f"{unit}^{-power}"
    return "1" if power == 0 else f"1/{unit}" if power == 1 else f"1/{unit}^{power}"


def _pair_variables(
    model: VoxelModel, times: Sequence[float] | None, time: str, length: str
) -> dict[str, Any]:
    """The rates of pair reactions, for `hybridrd.theory.moments.annihilation_terms`."""
    if not model.pairs:
        return {}
    varies = times is not None and any(t.varies for t in model.pairs)
    field, fields = model.voxels.on_grid, model.voxels.pairs_on_grid
    moments = times if varies and times is not None else [0.0]
    found = {
        "pair_rate": [[fields(p.rates(t)) for p in model.pairs] for t in moments],
        "pair_beyond": [[field(p.total_beyond(t)[0]) for p in model.pairs] for t in moments],
        "pair_k": [[field(at(p.k, t)) for p in model.pairs] for t in moments],
    }
    texts = {
        "pair_rate": "Doi's rate averaged over pairs of voxels",
        "pair_beyond": "rate of a first reactant with partners beyond",
        "pair_k": "macroscopic rate",
    }
    volume = "" if model.grid.space == 1 else f"^{model.grid.space}"
    variables = {}
    for name, values in found.items():
        dims = ("pair", "x", "x_2") if name == "pair_rate" else ("pair", "x")
        shape = _dimensions(dims, model.grid, ())
        units = f"{length}{volume}/{time}" if name == "pair_k" else f"1/{time}"
        attrs = {"units": units, "long_name": texts[name]}
        whole = np.array(values)
        variables[name] = (("time", *shape), whole, attrs) if varies else (shape, whole[0], attrs)
    return variables


def describe(system: System) -> Any:
    """The system as a dict, or as text if it contains a Python function."""
    try:
        return system.to_dict()
    except ModelError:
        return repr(system)


def pair_reactions(model: VoxelModel) -> Iterator[dict[str, Any]]:
    """Reactants and products of the pair reactions."""
    for table in model.pairs:
        r = table.reaction
        yield {"label": r.label, "reactants": list(r.reactants), "products": list(r.products)}
