"""Observables of the probabilities of voxel states: copy numbers, moments and densities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arrays import Floats
from hybridrd.errors import ModelError
from hybridrd.model.system import System
from hybridrd.theory.cdme.events import VoxelModel
from hybridrd.theory.cdme.states import States

if TYPE_CHECKING:
    import xarray as xr

# Dimensions after time, power of 1/length, and what it is.
VARIABLES: dict[str, tuple[tuple[str, ...], int, str]] = {
    "copy_number_probability": (("species", "n"), 0, "probability of n copies in the domain"),
    "copy_number": (("species",), 0, "mean number in the domain"),
    "concentration": (("species", "x"), 1, "mean copies in a voxel / its width"),
    "covariance": (
        ("species", "species_2", "x", "x_2"),
        2,
        "E[C(x) C(x_2)] - E[C(x)] E[C(x_2)], a copy not paired with itself",
    ),
    "lost": ((), 0, "probability that the copies exceeded max_copies"),
    "at_cut_off": ((), 0, "probability that a species has its max_copies"),
    "rho_0": ((), 0, "probability of no copy at all"),
    "rho_1": (("species", "x"), 1, "density of one copy, at x, and no other"),
    "rho_2": (("x", "x_2"), 2, "density of two copies, at x and x_2, and no other"),
}


class Observer:
    """Moments and densities of probabilities ``(states + 1,)``."""

    def __init__(self, states: States, width: float) -> None:
        self._states = states
        self._width = width
        self._tables = [one.table.astype(np.float64) for one in states.species]
        self._two = np.flatnonzero(states.species[0].totals == 2)
        pair = np.zeros((len(self._two), 2), np.int64)
        for row, state in enumerate(self._two):
            pair[row] = np.repeat(np.arange(self.voxels), states.species[0].table[state])
        self._pair = pair

    @property
    def voxels(self) -> int:
        """Number of voxels."""
        return self._states.species[0].voxels

    def record(self, p: Floats) -> dict[str, Any]:
        """All variables but ``lost`` and ``at_cut_off`` by name."""
        h = self._width
        whole = p[:-1].reshape(self._states.shape)
        single = [_marginal(whole, (s,)) for s in range(whole.ndim)]
        means = np.array([m @ t for m, t in zip(single, self._tables, strict=True)])
        values = {
            "copy_number_probability": self._counts(single),
            "copy_number": means.sum(axis=1),
            "concentration": means / h,
            "covariance": (self._pairs(whole, single, means) - np.multiply.outer(means, means)
                           .transpose(0, 2, 1, 3)) / h**2,
            "rho_0": p[0],
            "rho_1": self._ones(p) / h,
        }  # fmt: skip
        if whole.ndim == 1:
            values["rho_2"] = self._twos(p) / h**2
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

    def _pairs(self, whole: Floats, single: Sequence[Floats], means: Floats) -> Floats:
        """``E[n_i (n_j - 1 if the same)]``, ``(species, species, voxels, voxels)``."""
        count = whole.ndim
        result = np.empty((count, count, self.voxels, self.voxels))
        for a in range(count):
            table = self._tables[a]
            result[a, a] = table.T @ (single[a][:, None] * table) - np.diag(means[a])
            for b in range(a + 1, count):
                joint = _marginal(whole, (a, b))
                result[a, b] = table.T @ joint @ self._tables[b]
                result[b, a] = result[a, b].T
        return result

    def _ones(self, p: Floats) -> Floats:
        result = np.empty((len(self._tables), self.voxels))
        for s, (occupations, stride) in enumerate(
            zip(self._states.species, self._states.strides, strict=True)
        ):
            one = np.eye(self.voxels, dtype=np.int32)
            result[s] = p[occupations.rank(one) * stride] if occupations.most else 0.0
        return result

    def _twos(self, p: Floats) -> Floats:
        """Probability of two copies shared among the ordered pairs of voxels they may be in."""
        i, j = self._pair.T
        result = np.zeros((self.voxels, self.voxels))
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
        attrs = {"units": _inverse(length, power), "long_name": text}
        if times is None:
            variables[name] = (dims, values[0], attrs)
        else:
            variables[name] = (("time", *dims), values, attrs)
    variables.update(_pair_variables(model, time, length))
    labels = np.array(system.names, dtype=object)
    pair = np.array([t.reaction.label for t in model.pairs], dtype=object)
    most = int(max(attributes["max_copies"].values()))
    coordinates: dict[str, Any] = {
        "species": ("species", labels),
        "species_2": ("species_2", labels),
        "x": ("x", grid.centers(0), {"units": length}),
        "x_2": ("x_2", grid.centers(0), {"units": length}),
        "n": ("n", np.arange(most + 1)),
    }
    if model.pairs:
        coordinates["pair"] = ("pair", pair)
    if times is not None:
        labelled = np.array([round(t, 12) for t in times])
        coordinates["time"] = ("time", labelled, {"units": time})
    return xr.Dataset(variables, coords=coordinates, attrs=attributes)


def _inverse(unit: str, power: int) -> str:
    return "1" if power == 0 else f"1/{unit}" if power == 1 else f"1/{unit}^{power}"


def _pair_variables(model: VoxelModel, time: str, length: str) -> dict[str, Any]:
    """The rates of reactions of two, for `hybridrd.theory.moments.annihilation_terms`."""
    if not model.pairs:
        return {}
    return {
        "pair_rate": (
            ("pair", "x", "x_2"),
            np.array([t.rates for t in model.pairs]),
            {"units": f"1/{time}", "long_name": "Doi's rate averaged over pairs of voxels"},
        ),
        "pair_beyond": (
            ("pair", "x"),
            np.array([t.total_beyond[0] for t in model.pairs]),
            {"units": f"1/{time}", "long_name": "rate of a first reactant with partners beyond"},
        ),
        "pair_k": (
            ("pair", "x"),
            np.array([t.k for t in model.pairs]),
            {"units": f"{length}/{time}", "long_name": "macroscopic rate"},
        ),
    }


def describe(system: System) -> Any:
    """The system as a dict, or as text if it contains a Python function."""
    try:
        return system.to_dict()
    except ModelError:
        return repr(system)


def pair_reactions(model: VoxelModel) -> Iterator[dict[str, Any]]:
    """Reactants and products of the reactions of two."""
    for table in model.pairs:
        r = table.reaction
        yield {"label": r.label, "reactants": list(r.reactants), "products": list(r.products)}
