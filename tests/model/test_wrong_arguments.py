"""Arguments of a wrong kind: refused by name, before a step is done or a file is made."""

from pathlib import Path

import numpy as np
import pytest

import hybridrd as hrd

A = hrd.Species("A", D=1.0)
LINE = hrd.Box(x=(0, 1))
PATH = "the name of a file or directory is needed"
LIST = "give a list of names out of concentration"


def simulation():
    system = hrd.System(
        species=[A], domain=LINE, particles=LINE, cells=10, initial={A: hrd.Copies(5)}
    )
    return hrd.Simulation(system, dt=0.01, seed=1)


def ensemble(**wrong):
    system = simulation().system
    return hrd.ensemble(**{"system": system, "replicas": 1, "dt": 0.01, "until": 0.02} | wrong)


# Arguments of run, of ensemble, and what the message must say.
RUN = {
    "record": (3, f"record = 3: {LIST}"),
    "observe": (3, "observe = 3: give functions of the simulation by name"),
    "stop": (3, "stop = 3: give a function of the simulation, SteadyState or WallTime"),
    "out": (3, f"out = 3: {PATH}"),
    "checkpoint": (3, f"checkpoint = 3: {PATH}"),
}
RUN_MORE = [
    ("record", [3], "record: 3 cannot be recorded; choose from concentration"),
    ("observe", [len], "observe = .*: give functions of the simulation by name"),
    ("observe", {"a": 3}, r"observe\['a'\] = 3: give a function of the simulation"),
    ("observe", {3: len}, "the name 3: a name is text"),
    ("out", b"a", f"out = b'a': {PATH}"),
    ("out", "a\0b", f"out = .*: {PATH}"),
    ("checkpoint", "a\0b", f"checkpoint = .*: {PATH}"),
]
ENSEMBLE = [
    ("system", 3, "system = 3: give a System"),
    ("record", 5, f"record = 5: {LIST}"),
    ("keep", 5, f"keep = 5: {LIST}"),
    ("covariance", 5, f"covariance = 5: {LIST}"),
    ("quantiles", 0.5, "quantiles = 0.5: give a list of probabilities"),
    ("quantiles", object, "quantiles = .*: give a list of probabilities"),
    ("resume", 3, f"resume = 3: {PATH}"),
]


@pytest.mark.parametrize(
    ("name", "value", "words"), [(n, *given) for n, given in RUN.items()] + RUN_MORE
)
def test_run_refuses(name, value, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sim = simulation()
    places = {"out": "run.zarr", "checkpoint": "checks"}
    with pytest.raises(hrd.ModelError, match=words):
        sim.run(0.02, **{**places, name: value})
    assert sim.steps == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "value", "words"), ENSEMBLE)
def test_ensemble_refuses(name, value, words):
    with pytest.raises(hrd.ModelError, match=words):
        ensemble(**{name: value})


RESULT = {
    "load": lambda path: hrd.load(path),
    "restore": lambda path: hrd.Simulation.restore(path),
    "checkpoint": lambda path: simulation().checkpoint(path),
    "save": lambda path: hrd.save(simulation().run(0.02), path),
    "export": lambda path: hrd.export(simulation().run(0.02), path),
    "toml": lambda path: hrd.System.from_toml(path),
    "sbml": lambda path: hrd.from_sbml(path, domain=LINE, D=1.0),
}


@pytest.mark.parametrize("case", RESULT)
@pytest.mark.parametrize("path", [3, None, b"a", ["a"], "a\0b"])
def test_what_is_no_path_is_refused(case, path):
    words = rf"path = .*: {PATH}, as text or a pathlib\.Path"
    error = hrd.ModelError if case in ("toml", "sbml") else hrd.ResultError
    with pytest.raises(error, match=words):
        RESULT[case](path)


def test_other_arguments_of_a_wrong_kind(tmp_path):
    simulation().checkpoint(tmp_path / "a.npz")
    with pytest.raises(hrd.ModelError, match="system = 3: give a System"):
        hrd.Simulation.restore(tmp_path / "a.npz", system=3)
    with pytest.raises(hrd.ModelError, match="no solver 3; there are auto"):
        hrd.mean_field(simulation().system, dt=0.01, until=0.01, solver=3)
    with pytest.raises(hrd.ResultError, match=rf"path = 3: {PATH}"):
        hrd.plot.movie(simulation().run(0.02, every=0.01)).save(3)


@pytest.mark.parametrize("time", ["x", "0.01", [0.01], float("nan"), float("inf"), 1j])
def test_export_at_what_is_no_time(time, tmp_path):
    with pytest.raises(hrd.ResultError, match=r"a.csv: time = .*: a finite time is needed"):
        hrd.export(simulation().run(0.02), tmp_path / "a.csv", time=time)
    assert not list(tmp_path.iterdir())


def test_numbers_of_numpy_are_times(tmp_path):
    result = simulation().run(0.02, every=0.01)
    for k, time in enumerate((np.float32(0.02), np.int64(0), 0)):
        hrd.export(result, tmp_path / f"{k}.csv", time=time)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (hrd.System.from_toml, "none: No such file"),
        (lambda path: hrd.from_sbml(path, domain=LINE, D=1.0), "none: there is no such file"),
        (hrd.load, "none: there is no such file"),
        (hrd.Simulation.restore, "none: there is no such checkpoint"),
    ],
)
def test_a_file_that_is_not_there(read, words, tmp_path):
    for path in (tmp_path / "none", str(tmp_path / "none")):
        with pytest.raises(hrd.HybridrdError, match=words):
            read(path)


def test_sbml_of_a_directory(tmp_path):
    with pytest.raises(hrd.ModelError, match="is a directory; give an SBML file"):
        hrd.from_sbml(Path(tmp_path), domain=LINE, D=1.0)
