"""Parameter studies: each point is its ensemble, bit for bit, however the study came about."""

import json

import numpy as np
import pandas as pd
import pytest

import hybridrd as hrd
from hybridrd.ensembles.blocks import EnsembleSetup
from hybridrd.ensembles.points import Points
from hybridrd.errors import HybridrdError, ModelError, ResultError
from hybridrd.results.store import verify
from hybridrd.simulation.simulation import Simulation

RUN = {"replicas": 3, "dt": 0.02, "until": 0.1, "every": 0.1, "seed": 4}


def decay(k, n=50, cells=4, **changes):
    A, line = hrd.Species("A", D=1.0), hrd.Box(x=(0, 1))
    given = {
        "species": [A], "domain": line, "particles": line, "cells": cells,
        "reactions": [hrd.Reaction("A -> 0", k=k)], "initial": {A: hrd.Copies(n)},
    }  # fmt: skip
    return hrd.System(**(given | changes))


class Stopped(BaseException):
    """Not an error of a replica."""


@pytest.fixture
def ran(monkeypatch):
    """A list that gets the rate and the number of each replica that runs; stops at its `stop`."""
    run = EnsembleSetup._outcome

    class Runs(list):
        stop = None

    runs = Runs()

    def counted(self, replica):
        if len(runs) == runs.stop:
            runs.stop = None
            raise Stopped
        runs.append((self.plan.system.reactions[0].k, replica))
        return run(self, replica)

    monkeypatch.setattr(EnsembleSetup, "_outcome", counted)
    return runs


def same(one, other):
    """Assert that two studies are equal to the last bit, but for their timings."""
    for study in (one, other):
        for text in study["attributes"].values.ravel():
            assert json.loads(text)["timings"]
    first, second = (s.drop_vars("attributes") for s in (one, other))
    assert first.identical(second), f"{first}\n{second}"


def test_a_point_is_its_ensemble_and_the_mean_decays():
    grid = {"k": [0.5, 8.0], "n": [20, 400]}
    study = hrd.sweep(decay, grid, **(RUN | {"replicas": 8}))
    assert study["copy_number_mean"].dims == ("k", "n", "time", "species")
    alone = hrd.ensemble(decay(8.0, 20), **(RUN | {"replicas": 8}))
    one = hrd.point(study, k=8.0, n=20)
    pd.testing.assert_frame_equal(hrd.compare(one, alone), hrd.compare(alone, alone))
    for name in alone.data_vars:
        np.testing.assert_array_equal(one[name], alone[name])
    assert one.attrs["system"] == alone.attrs["system"]
    assert one.attrs["parameters"] == {"k": 8.0, "n": 20}
    left = study["copy_number_mean"].sel(species="A", time=0.1)
    p = np.exp(-0.1 * study["k"])
    z = (left - study["n"] * p) / np.sqrt(study["n"] * p * (1 - p) / 8)
    assert (abs(z) < 4.5).all()
    assert abs(z).max() > 0.01


def test_seeds_of_points():
    # The same random numbers at all points, so that fewer are left where the rate is higher ...
    study = hrd.sweep(decay, {"k": np.linspace(1, 30, 8)}, **(RUN | {"replicas": 1}))
    left = study["copy_number_mean"].sel(time=0.1, species="A").values
    assert (np.diff(left) <= 0).all()
    # ... or others at each, whatever else there is.
    several = hrd.sweep(decay, {"k": [1.0, 2.0]}, independent=True, **RUN)
    alone = hrd.sweep(decay, {"k": [2.0]}, independent=True, **RUN)
    seeds = [hrd.point(several, k=k).attrs["seed"] for k in (1.0, 2.0)]
    assert len({*seeds, RUN["seed"]}) == 3
    assert hrd.point(alone, k=2.0).attrs["seed"] == seeds[1]


def test_interrupted_twice_and_extended(tmp_path, ran):
    grid, out = {"k": [1.0, 4.0], "n": [30, 40]}, tmp_path / "study.zarr"
    whole = hrd.sweep(decay, grid, **RUN)
    ran.clear()
    for stop in (2, 7):  # in the first point, and in the third
        ran.stop = stop
        with pytest.raises(Stopped):
            hrd.sweep(decay, grid, out=out, **RUN)
    assert np.isnan(hrd.load(out)["total_mean"].sel(k=4.0)).all()  # it can be read at any time
    same(hrd.sweep(decay, grid, out=out, **RUN), whole)
    assert len(ran) == len(set(ran)) * 2 == 12  # no replica ran twice: 2 n at each rate
    assert not (tmp_path / "study.zarr.checkpoints").exists()
    ran.clear()
    wider = hrd.sweep(decay, {"k": [0.5, 1, 4], "n": [30, 40]}, out=out, **RUN)  # in front
    assert {k for k, _ in ran} == {0.5}
    same(wider.sel(k=[1.0, 4.0]), whole)
    ran.clear()
    turned = hrd.sweep(decay, {"n": [40], "k": [4.0, 1.0]}, out=out, **RUN)
    assert turned["total_mean"].dims[:2] == ("n", "k")
    same(turned.transpose("k", "n", ...).sel(k=[1.0, 4.0]), whole.sel(n=[40]))
    assert ran == []
    assert verify(out) > 10
    same(hrd.load(out), hrd.sweep(decay, {"k": [0.5, 1.0, 4.0], "n": [30, 40]}, **RUN))


def test_a_table_grows_by_rows(tmp_path, ran):
    table = [{"k": 1.0, "n": 30}, {"k": 4.0, "n": 10}]
    study = hrd.sweep(decay, table, out=tmp_path / "t", **RUN)
    assert study["total_mean"].dims == ("point", "time", "species")
    ran.clear()
    frame = pd.DataFrame({"k": [2.0, 4.0], "n": [5, 10]})
    more = hrd.sweep(decay, frame, out=tmp_path / "t", **RUN)
    assert {k for k, _ in ran} == {2.0}
    assert more["k"].values.tolist() == [2.0, 4.0]
    assert more["point"].values.tolist() == [0, 1]
    same(more.isel(point=[1]), study.isel(point=[1]))
    assert hrd.load(tmp_path / "t").sizes["point"] == 3
    assert hrd.compare(more, study).index.names == ["k", "n", "time", "species"]


def test_places_of_a_system_and_steps_by_point():
    places = {"reactions[A -> 0].k": [1.0, 4.0], "species[0].D": [1.0]}
    study = hrd.sweep(decay(9.0), places, **(RUN | {"dt": lambda **_: 0.02}))
    one = hrd.point(study, {"reactions[A -> 0].k": 4.0})
    assert one.attrs["system"] == decay(4.0).to_dict()
    finer = hrd.sweep(
        decay, {"k": [1.0, 2.0]}, **(RUN | {"dt": lambda k: 0.02 / k, "record": ["total"]})
    )
    assert [hrd.point(finer, k=k).attrs["dt"] for k in (1.0, 2.0)] == [0.02, 0.01]
    for place, words in {
        "reactions[1].k": r"reactions has 1 entries, \[0\] to \[0\], or by name: A -> 0",
        "speces[0].D": "the file has no speces; it has system, species",
        "reactions[0].rate": "reactions\\[0\\].rate",
        "reactions.": "not a key of a system",
    }.items():
        with pytest.raises(ModelError, match=words):
            hrd.sweep(decay(1.0), {place: [1.0]}, **RUN)


REFUSED = {
    "no list": ({"k": 1.0}, r"parameters\['k'\] = 1\.0: give a list"),
    "nothing": ({}, "none are given"),
    "twice": ({"k": [1, 1.0]}, "k = 1 is given twice"),
    "a dimension": ({"time": [1.0]}, "'time' cannot be used: results have it already"),
    "a folder": ({"a/b": [1.0]}, "would divide it into folders"),
    "kinds": ({"k": [1.0, "fast"]}, "k has numbers and text"),
    "infinite": ({"k": [np.inf]}, "a parameter is a finite number"),
    "uneven rows": ([{"k": 1.0}, {"n": 1}], r"parameters\[1\]: has n, the first row k"),
    "its system": ({"k": [-1.0]}, "at k = -1: "),
    "no such argument": ({"q": [1.0]}, "at q = 1: make_system failed: TypeError"),
    "cells": ({"k": [1.0], "cells": [4, 8]}, "at k = 1, cells = 8: the cells are not those at"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_refused_before_anything_runs(why, ran):
    parameters, words = REFUSED[why]
    with pytest.raises(ModelError, match=words):
        hrd.sweep(decay, parameters, **RUN)
    assert ran == []


def test_cells_may_differ_where_no_profile_is_recorded():
    study = hrd.sweep(decay, {"k": [1.0], "cells": [4, 8]}, record=["total"], **RUN)
    assert study["total_mean"].sel(time=0.0).values.tolist() == [[[50.0], [50.0]]]


def test_another_study_is_refused_with_what_has_changed(tmp_path):
    out = tmp_path / "study.zarr"
    hrd.sweep(decay, {"k": [1.0]}, out=out, **RUN)
    with pytest.raises(ResultError, match="seed has changed: 4 in the study, now 5"):
        hrd.sweep(decay, {"k": [1.0]}, out=out, **(RUN | {"seed": 5}))
    with pytest.raises(ResultError, match=r"at k = 1 .*\[copies\]: 50 in the study, now 51"):
        hrd.sweep(lambda k: decay(k, n=51), {"k": [1.0]}, out=out, **RUN)
    with pytest.raises(ResultError, match="the study has a grid of k, this is a table of k"):
        hrd.sweep(decay, [{"k": 1.0}], out=out, **RUN)
    hrd.save(hrd.ensemble(decay(1.0), **RUN), tmp_path / "other.zarr")
    with pytest.raises(ResultError, match="not one of a sweep"):
        hrd.sweep(decay, {"k": [1.0]}, out=tmp_path / "other.zarr", **RUN)


def test_a_failing_replica_names_its_point(monkeypatch):
    def fails(*_, **__):
        raise ZeroDivisionError("of the user")

    monkeypatch.setattr(Simulation, "recorder", fails)
    with pytest.raises(HybridrdError, match=r"^at k = 2: replica 0 of the ensemble"):
        hrd.sweep(decay, {"k": [2.0]}, **RUN)


def test_points_by_words():
    points = Points.of({"k": [1, 2.5], "model": ["a", "b"], "on": [True]})
    assert [points.index(i) for i in (0, 1, 3)] == [(0, 0, 0), (0, 1, 0), (1, 1, 0)]
    study = hrd.sweep(
        lambda k, model: decay(k, n=len(model)), {"k": [1.0], "model": ["a", "b"]}, **RUN
    )
    with pytest.raises(ResultError, match="there are 2 of them; choose model as well"):
        hrd.point(study, k=1.0)
    with pytest.raises(ResultError, match="model = c is not there; there are a, b"):
        hrd.point(study, model="c")
    with pytest.raises(ResultError, match=r"is a sweep; choose one of its points along k \(1\)"):
        hrd.plot.counts(study)
    assert hrd.plot.counts(study.sel(k=1.0, model="b")).get_ylabel()
