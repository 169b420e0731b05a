"""Pictures of results with values that are not finite, or with dimensions of several results."""

from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

import hybridrd as hrd
from hybridrd.cli.commands import describe_result

A, B = hrd.Species("A", D=1.0), hrd.Species("B", D=1.0)


def system(dimension, particles):
    box = hrd.Box(**dict.fromkeys("xyz"[:dimension], (0, 1)))
    return hrd.System(
        species=[A, B], domain=box, particles=box if particles else None, cells=6, initial={A: 20.0}
    )


@cache
def result(dimension, ensemble=False, seed=1):
    made, times = system(dimension, True), {"until": 0.02, "every": 0.01}
    if ensemble:
        return hrd.ensemble(made, 3, dt=0.01, seed=seed, **times)
    return hrd.Simulation(made, dt=0.01, seed=seed).run(**times, positions=True)


@cache
def pde(dimension):
    return hrd.mean_field(system(dimension, False), dt=0.01, until=0.02, every=0.01)


# Values as floats with gaps.
GAPS = {
    "all": lambda x: x * np.nan,
    "one record": lambda x: x.where(x["time"] < 0.02),
    "without an end": lambda x: x + np.inf,
}
PICTURES = {
    "profile": (1, lambda r: hrd.plot.profile(r, "A")),
    "profile of a square": (2, lambda r: hrd.plot.profile(r, "A", axis="x")),
    "field": (2, lambda r: hrd.plot.field(r, "A")),
    "counts": (1, hrd.plot.counts),
    "kymograph": (1, lambda r: hrd.plot.kymograph(r, "A")),
    "comparison": (1, lambda r: hrd.plot.compare(r, pde(1), "A")),
    "reference": (1, lambda r: hrd.plot.profile(pde(1), "A", reference=r)),
    "overview": (1, hrd.plot.overview),
    "movie": (1, lambda r: hrd.plot.movie(r, "A")),
}


CASES = [(p, False) for p in PICTURES] + [("profile", True), ("counts", True)]


@pytest.mark.parametrize("gaps", GAPS)
@pytest.mark.parametrize(("picture", "ensemble"), CASES)
def test_what_is_not_known_is_a_gap(picture, ensemble, gaps):
    dimension, draw = PICTURES[picture]
    whole = result(dimension, ensemble)
    wanting = whole.copy()
    for name, data in whole.data_vars.items():
        if "time" in data.dims:
            wanting[name] = GAPS[gaps](data.astype(float))
    draw(wanting)
    for number in plt.get_fignums():
        figure = plt.figure(number)
        figure.canvas.draw()
        for ax in figure.axes:
            assert np.isfinite([*ax.get_xlim(), *ax.get_ylim()]).all()
    plt.close("all")


READERS = {
    "counts": lambda r, _: hrd.plot.counts(r),
    "profile": lambda r, _: hrd.plot.profile(r, "A"),
    "kymograph": lambda r, _: hrd.plot.kymograph(r, "A"),
    "overview": lambda r, _: hrd.plot.overview(r),
    "compare": lambda r, _: hrd.compare(r, pde(1)),
    "csv": lambda r, folder: hrd.export(r, folder / "a.csv"),
    "info": lambda r, folder: (hrd.save(r, folder / "a.zarr"), describe_result(folder / "a.zarr")),
}


@pytest.mark.parametrize("reader", READERS)
def test_several_results_in_one_are_refused(reader, tmp_path):
    runs = [result(1, seed=k).drop_vars(["position", "particle_id"]) for k in (1, 2)]
    many = xr.concat(runs, "run")
    words = r"has the extra dimension run; choose one of 2, \.isel\(run=0\)"
    with pytest.raises(hrd.ResultError, match=words):
        READERS[reader](many, tmp_path)
    (tmp_path / "one").mkdir()
    READERS[reader](many.isel(run=0), tmp_path / "one")
    plt.close("all")


def test_dimensions_of_ensembles_and_observers_are_known():
    many = hrd.ensemble(
        system(1, True), 3, dt=0.01, until=0.01, seed=1,
        keep=["copy_number"], quantiles=[0.5], covariance=["concentration"],
    )  # fmt: skip
    hrd.plot.counts(many)
    seen = hrd.Simulation(system(1, True), dt=0.01, seed=1).run(
        0.02, 0.01, observe={"seen": lambda _: np.zeros(3)}
    )
    hrd.plot.counts(seen)
    plt.close("all")
