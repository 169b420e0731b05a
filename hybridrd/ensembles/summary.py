"""Result of an ensemble: statistics of every variable, with the labels of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.ensembles.blocks import Sums
from hybridrd.results.statistics import Comoments

if TYPE_CHECKING:
    import xarray as xr

_OWN = ("owed", "particles", "largest_c", "adaptive")  # diagnostics of a single replica only

Entry = tuple[list[str], Any, dict[str, str]]


def summary(
    total: Sums,
    replicas: int,
    timings: dict[str, float],
    quantiles: Sequence[float] = (),
    keep: Sequence[str] = (),
) -> xr.Dataset:
    """Statistics of all replicas, see `hybridrd.ensemble`.

    Parameters
    ----------
    total
        The sums over all replicas.
    timings
        Durations to report (seconds).
    quantiles, keep
        Probabilities of the quantiles of all kept samples, and variables to return.
    """
    import xarray as xr

    labels = total.labels
    assert labels is not None
    variables: dict[str, Entry] = {}
    coordinates: dict[str, Any] = {}
    for name, c in labels["coordinates"].items():
        text = bool(c["values"]) and isinstance(c["values"][0], str)
        kind = np.uint8 if name == "mask" else object if text else float
        values = np.array(c["values"], dtype=kind)
        coordinates[name] = (c["dims"], values, c["attrs"])
    for name in total.moments:
        variables |= dict(_of_moments(total, name))
    for name in total.samples:
        samples = np.concatenate(total.samples[name])
        variables |= dict(_of_samples(total, name, samples, quantiles, name in keep))
    used = {dim for dims, _, _ in variables.values() for dim in dims}
    for name in ("species", "reaction"):
        if f"{name}_2" in used:
            coordinates[f"{name}_2"] = ([f"{name}_2"], coordinates[name][1])
    if "quantile" in used:
        coordinates["quantile"] = (["quantile"], np.array(quantiles, dtype=float))
    if "replica" in used:
        coordinates["replica"] = (["replica"], np.arange(replicas))
    attributes = {n: v for n, v in labels["attributes"].items() if n != "replica"}
    diagnostics = {n: v for n, v in attributes["diagnostics"].items() if n not in _OWN}
    attributes |= {
        "kind": "ensemble",
        "replicas": replicas,
        "timings": timings,
        "diagnostics": {**diagnostics, **total.counts},
    }
    return xr.Dataset(variables, coords=coordinates, attrs=attributes)


def _of_moments(total: Sums, name: str) -> Iterator[tuple[str, Entry]]:
    dims, unit, squared, what = _described(total, name)
    moments = total.moments[name]
    for suffix, values, text, units in (
        ("mean", moments.mean, "mean over the replicas", unit),
        ("sem", moments.sem, "standard error of the mean", unit),
        ("var", moments.variance, "variance over the replicas", squared),
    ):
        yield f"{name}_{suffix}", (dims, values, {"units": units, "long_name": f"{text}: {what}"})
    if isinstance(moments, Comoments):
        # The second axis, species or reaction, once more.
        pairs = [*dims[:2], f"{dims[1]}_2", *dims[2:]]
        text = f"covariance over the replicas, between {dims[1]} entries: {what}"
        yield f"{name}_cov", (pairs, moments.covariance, {"units": squared, "long_name": text})


def _of_samples(
    total: Sums, name: str, samples: Any, quantiles: Sequence[float], keep: bool
) -> Iterator[tuple[str, Entry]]:
    dims, unit, _, what = _described(total, name)
    if len(quantiles):
        values = np.quantile(samples, list(quantiles), axis=0)
        described = {"units": unit, "long_name": f"quantiles over the replicas: {what}"}
        yield f"{name}_quantile", (["quantile", *dims], values, described)
    if keep:
        described = {"units": unit, "long_name": f"each replica: {what}"}
        yield name, (["replica", *dims], samples, described)


def _described(total: Sums, name: str) -> tuple[list[str], str, str, str]:
    assert total.labels is not None
    variable = total.labels["variables"][name]
    unit = str(variable["attrs"].get("units", "1"))
    squared = "1" if unit == "1" else f"({unit})^2"
    return variable["dims"], unit, squared, variable["attrs"].get("long_name", name)
