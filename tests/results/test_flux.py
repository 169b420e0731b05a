"""Flux: a mean since the record before, hence without a value at the first."""

import warnings

import numpy as np
import pytest

import hybridrd as hrd

A = hrd.Species("A", D=1.0)
LINE = hrd.Box(x=(0, 1))
SPHERE = hrd.Shell(inner=1.0, outer=2.0)
EVERY = 0.02


def system(domain=LINE, **changes):
    wall = {domain.sides[-1]: hrd.Reservoir({A: 50.0}), domain.sides[0]: hrd.Absorbing()}
    fields = {"particles": domain, "cells": 10, "walls": wall, "initial": {A: 20.0}}
    return hrd.System(species=[A], domain=domain, **(fields | changes))


HALF = {"particles": hrd.Box(x=(0, 0.5))}
RUNS = {
    "particles": lambda: hrd.Simulation(system(), 0.01, seed=1).run(0.1, EVERY),
    "two-way": lambda: hrd.Simulation(system(**HALF), 0.001, seed=1).run(0.1, EVERY),
    "shell": lambda: hrd.Simulation(system(SPHERE), 0.005, seed=1).run(0.1, EVERY),
    "PDE": lambda: hrd.mean_field(system(particles=None), 0.01, 0.1, EVERY),
    "PDE of a shell": lambda: hrd.mean_field(system(SPHERE), 0.01, 0.1, EVERY),
    "ensemble": lambda: hrd.ensemble(
        system(), replicas=3, dt=0.01, until=0.1, every=EVERY, seed=1, quantiles=[0.5]
    ),
}


@pytest.mark.parametrize("case", RUNS)
def test_no_value_where_nothing_was_measured(case):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = RUNS[case]()
        for name in result.data_vars:
            missing = np.isnan(result[name].transpose("time", ...))
            assert missing[0].all() == name.startswith("flux"), name
            assert not missing[1:].any(), name


@pytest.mark.parametrize("case", ["particles", "two-way"])
def test_the_mean_of_the_records_is_that_of_the_run(case):
    # All that crossed over all the time; with a zero in front it would be 5/6 of that.
    result = RUNS[case]()
    through = result["crossings"].sum("time") / 0.1
    assert (through != 0).any()
    np.testing.assert_allclose(result["flux"].mean("time"), through, rtol=1e-12)


def test_the_mean_of_a_steady_pde_is_its_flux():
    # D c_R / L through both ends, from the steady profile on.
    steady = system(particles=None, initial={A: lambda x: 50 * x})
    flux = hrd.mean_field(steady, 0.01, 0.1, EVERY)["flux"].sel(species="A").mean("time")
    np.testing.assert_allclose(flux.sel(face=["x-", "x+"]), [50.0, -50.0], rtol=1e-9)


def test_a_run_that_goes_on_measures_since_the_record_before(tmp_path):
    whole = RUNS["particles"]()
    places = {"out": tmp_path / "a.zarr", "checkpoint": tmp_path / "checks"}
    hrd.Simulation(system(), 0.01, seed=1).run(0.05, EVERY, **places)
    result = hrd.Simulation.restore(tmp_path / "checks").run(0.1, out=tmp_path / "a.zarr")
    both = np.isclose(result["time"], 0.05)
    assert both.sum() == 1  # the end of the first part is a record more
    assert np.isnan(result["flux"]).any(("species", "face")).values.tolist() == [True] + 6 * [False]
    np.testing.assert_array_equal(result["crossings"].sum("time"), whole["crossings"].sum("time"))
    elapsed = result["time"].diff("time").values[:, None, None]
    np.testing.assert_allclose(result["flux"][1:] * elapsed, result["crossings"][1:], atol=1e-12)


@pytest.mark.parametrize("name", ["a.zarr", "a.nc"])
def test_files_keep_what_is_missing(name, tmp_path):
    result = RUNS["particles"]()
    hrd.save(result, tmp_path / name)
    np.testing.assert_array_equal(hrd.load(tmp_path / name)["flux"], result["flux"])
