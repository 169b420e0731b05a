"""Names and values of observers; earlier records are kept."""

import numpy as np
import pytest
import xarray as xr

import hybridrd as hrd
from hybridrd.arguments import shown
from hybridrd.results.names import chosen, flaw

DT = 0.01


def simulation():
    A = hrd.Species("A", D=1.0)
    line = hrd.Box(x=(0, 1))
    system = hrd.System(
        species=[A], domain=line, particles=line, cells=10, initial={A: hrd.Copies(5)}
    )
    return hrd.Simulation(system, dt=DT, seed=1)


def run(observe, **options):
    return simulation().run(4 * DT, every=DT, observe=observe, **options)


GOOD = [
    "spread",
    "mean radius",
    "µ/2".replace("/", ":"),
    ".hidden",
    "...",
    "__a",
    "0",
    "c",
    "A" * 240,
]
BAD = {
    "a/b": "would divide it",
    "/a": "would divide it",
    "a\\b": "would divide it",
    "": "it is empty",
    ".": "reserved by the stores",
    "..": "reserved by the stores",
    "zarr.json": "reserved by the stores",
    "A" * 241: "not a valid file name",
    "a\0": "not a valid file name",
    "\ud800": "not Unicode",
}


@pytest.mark.parametrize("ending", ["zarr", "nc"])
def test_stores_hold_what_is_not_refused(ending, tmp_path):
    result = xr.Dataset({name: ("time", [1.0, 2.0]) for name in GOOD})
    hrd.save(result, tmp_path / f"a.{ending}")
    assert hrd.load(tmp_path / f"a.{ending}").identical(result)


def test_a_run_writes_names_that_are_not_refused(tmp_path):
    result = run({name: lambda sim: sim.time for name in GOOD}, out=tmp_path / "a")
    again = hrd.load(tmp_path / "a")
    for name in GOOD:
        assert again[name].values.tolist() == result["time"].values.tolist()


@pytest.mark.parametrize("name", BAD)
def test_names_that_no_store_holds_are_refused_before_the_run(name, tmp_path):
    called = []
    for options in ({}, {"out": tmp_path / "a"}):
        with pytest.raises(hrd.ModelError, match=BAD[name]) as refused:
            run({name: called.append}, **options)
        assert shown(name) in str(refused.value)
    assert not called
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a/b", ""])
@pytest.mark.parametrize("ending", ["zarr", "nc"])
def test_save_refuses_them_too(name, ending, tmp_path):
    results = [
        xr.Dataset({name: ("time", [1.0])}),
        xr.Dataset({"a": (name, [1.0])}),
        xr.Dataset({"a": ("time", [1.0])}, coords={name: 1.0}),
    ]
    for result in results:
        with pytest.raises(hrd.ResultError, match="no store can hold the name"):
            hrd.save(result, tmp_path / f"a.{ending}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["time", "x", "species", "flux", "obs", "time_", "obs_"])
def test_names_of_the_result_are_taken(name):
    with pytest.raises(hrd.ModelError, match=f"the name '{name}' is taken"):
        run({name: len})


def array(*dims):
    return lambda _: xr.DataArray(np.zeros([2] * len(dims)), dims=dims)


# Functions, and what the message about their dimensions must say.
DIMENSIONS = {
    "of a variable": ({"a": array("flux")}, "called 'flux' here, there is a variable"),
    "of another observer": ({"a": array("b"), "b": lambda _: 1}, "called 'b' here"),
    "made up": ({"a": lambda _: [1, 2], "a_0": lambda _: 1}, "'a'.*called 'a_0' here"),
    "that no store holds": ({"a": array("b/c")}, "called 'b/c' here: '/' would divide it"),
    "while lengths change": ({"a": array("time_")}, "called 'time_' here"),
    "of another length": (
        {"a": array("k"), "b": lambda _: xr.DataArray([1, 2, 3], dims=["k"])},
        "'b'.*: its dimension 'k' has 3 entries, that of the result 2",
    ),
    "not as long as the cells": ({"a": array("x")}, "'x' has 2 entries, that of the result 10"),
}


@pytest.mark.parametrize("case", DIMENSIONS)
def test_dimensions_that_do_not_fit_are_refused_at_the_first_record(case):
    observe, words = DIMENSIONS[case]
    sim = simulation()
    with pytest.raises(hrd.ModelError, match=words):
        sim.run(4 * DT, every=DT, observe=observe)
    assert sim.steps == 0


def test_observers_may_share_a_dimension():
    result = run({"a": array("k"), "b": array("k")})
    assert result.sizes["k"] == 2


def grows(sim):
    return np.zeros(1 if sim.steps < 3 else 2)


CHANGED = (
    r"observe\['seen'\]: its shape was \(1,\) in the first record, now it is \(2,\) \(t = 0.03\)"
)


@pytest.mark.parametrize("records_before", [0, 2])
def test_a_shape_that_changes_is_named_and_earlier_records_stay(
    records_before, tmp_path, monkeypatch
):
    if records_before:  # some of them are on disk already
        monkeypatch.setattr("hybridrd.run.recording.BLOCK", records_before)
    with pytest.raises(hrd.ModelError, match=CHANGED):
        run({"seen": grows}, out=tmp_path / "a")
    kept = hrd.load(tmp_path / "a")
    assert kept["time"].values.tolist() == [0.0, 0.01, 0.02]
    assert kept["seen"].shape == (3, 1)
    assert "its shape was" in kept.attrs["stopped"]


def test_the_same_in_memory():
    sim = simulation()
    with pytest.raises(hrd.ModelError, match=CHANGED):
        sim.run(4 * DT, every=DT, observe={"seen": grows})
    assert sim.run(5 * DT, every=DT).sizes["time"] == 3  # the simulation goes on


def test_a_nested_list_that_is_no_array_is_refused():
    with pytest.raises(hrd.ModelError, match=r"observe\['a'\]: its value is not an array"):
        run({"a": lambda _: [[1.0], [1.0, 2.0]]})


def test_what_is_not_a_list_of_names():
    for given in (3, None, 2.5):
        with pytest.raises(hrd.ModelError, match=r"keep = .*: give a list of names from a, b"):
            chosen(given, "keep", "kept", ["a", "b"])
    for given in ([3], [["a"]], [None]):
        with pytest.raises(hrd.ModelError, match="cannot be kept; choose from a, b"):
            chosen(given, "keep", "kept", ["a", "b"])
    assert chosen((n for n in "aba"), "keep", "kept", ["a", "b"]) == ("a", "b")
    assert flaw(3) == "a name is text"
