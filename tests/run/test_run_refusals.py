"""Arguments of a wrong kind: refused by name, before a step is done or a file is made."""

import os
from pathlib import Path

import numpy as np
import pytest

import hybridrd as hrd

A = hrd.Species("A", D=1.0)
LINE = hrd.Box(x=(0, 1))
PATH = "the name of a file or directory is needed"
LIST = "give a list of names from concentration"


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
    with pytest.raises(hrd.ModelError, match="solver = 3: it is one of auto"):
        hrd.mean_field(simulation().system, dt=0.01, until=0.01, solver=3)
    with pytest.raises(hrd.ResultError, match=rf"path = 3: {PATH}"):
        hrd.plot.movie(simulation().run(0.02, every=0.01)).save(3)


@pytest.mark.parametrize("time", ["x", "0.01", [0.01], float("nan"), float("inf"), 1j])
def test_export_at_what_is_no_time(time, tmp_path):
    with pytest.raises(hrd.ResultError, match=r"a.csv: time = .*: .*(number is|must be finite)"):
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
    with pytest.raises(hrd.ModelError, match="is a directory; give a file"):
        hrd.from_sbml(Path(tmp_path), domain=LINE, D=1.0)


# Arguments that are no booleans, answers of stop conditions, values of observers.
TRUTH = {
    "positions": lambda v: simulation().run(0.02, positions=v),
    "progress": lambda v: simulation().run(0.02, progress=v),
    "progress of an ensemble": lambda v: ensemble(progress=v),
    "progress of a PDE": lambda v: hrd.mean_field(simulation().system, 0.01, 0.02, progress=v),
    "overwrite": lambda v: hrd.save(simulation().run(0.02), "a.zarr", overwrite=v),
    "overwrite by an export": lambda v: hrd.export(simulation().run(0.02), "a.csv", overwrite=v),
}


@pytest.mark.parametrize("case", TRUTH)
@pytest.mark.parametrize("value", ["yes", 1, 0.0, np.array([True])])
def test_what_is_not_true_or_false_is_refused(case, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = case.split()[0]
    with pytest.raises(hrd.HybridrdError, match=rf"{name} = .*: it is True or False"):
        TRUTH[case](value)
    assert not list(tmp_path.iterdir())


def test_truth_of_numpy_is_truth():
    assert "position" in simulation().run(0.02, positions=np.True_)
    assert "position" not in simulation().run(0.02, positions=np.bool_(0), progress=np.False_)


ANSWERS = {
    "text": ("no", r"its answer = 'no': it is True or False; let <function"),
    "a number": (1, "its answer = 1: it is True"),
    "nan": (float("nan"), "its answer = nan"),
    "an array": (np.array([True, False]), "its answer = array"),
    "nothing at all": (np.array([]), "its answer = array"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_answers_of_stop_conditions_are_true_or_false(case):
    value, words = ANSWERS[case]
    with pytest.raises(hrd.ModelError, match=rf"stop at t = 0.01: {words}"):
        simulation().run(0.05, 0.01, stop=lambda _: value)


@pytest.mark.parametrize("answer", [None, False, np.False_, np.array(False)])
def test_these_let_a_run_go_on(answer):
    assert simulation().run(0.02, 0.01, stop=lambda _: answer).sizes["time"] == 3


@pytest.mark.parametrize("answer", [True, np.True_, np.array(True)])
def test_these_end_a_run(answer):
    assert simulation().run(0.02, 0.01, stop=lambda _: answer).sizes["time"] == 2


VALUES = {
    "None": (None, "its value None is not an array of numbers; has it a return?"),
    "a dict": ({"a": 1}, "its value {'a': 1} is not an array"),
    "a generator": ((i for i in "a"), "its value <generator"),
    "a set": ({1}, r"its value \{1\} is not an array"),
    "objects": ([None, 1.0], "is not an array of numbers"),
    "a date": (np.datetime64("2024-01-01"), "is not an array of numbers"),
}


@pytest.mark.parametrize("case", VALUES)
def test_values_of_observers_are_arrays(case):
    value, words = VALUES[case]
    with pytest.raises(hrd.ModelError, match=rf"observe\['seen'\]: {words}|observe.*{words}"):
        simulation().run(0.02, 0.01, observe={"seen": lambda _: value})


class Broken:
    def __array__(self, *_, **__):
        raise RuntimeError("no numbers today")


def test_an_observer_that_fails_is_named():
    failing = {
        "ZeroDivisionError: division": lambda sim: 1 / (2 - sim.steps),
        "TypeError: .*positional": lambda: 1.0,
        "its value is not an array .no numbers today": lambda _: Broken(),
    }
    for words, observer in failing.items():
        with pytest.raises(hrd.ModelError, match=rf"observe\['seen'\].*{words}"):
            simulation().run(0.05, 0.01, observe={"well": np.ndim, "seen": observer})
    with pytest.raises(hrd.ModelError, match=r"observe\['seen'\] at t = 0.02 failed") as refused:
        simulation().run(0.05, 0.01, observe={"seen": lambda sim: 1 / (2 - sim.steps)})
    assert isinstance(refused.value.__cause__, ZeroDivisionError)


def test_a_stop_condition_that_fails_is_named():
    with pytest.raises(hrd.ModelError, match=r"stop at t = 0\.02 failed: ZeroDivisionError"):
        simulation().run(0.05, 0.01, stop=lambda sim: 1 / (2 - sim.steps) > 9)


def test_errors_of_the_package_stay_what_they_are():
    def tired(_):
        raise hrd.StepError("tired")

    with pytest.raises(hrd.StepError, match=r"^tired\n") as refused:
        simulation().run(0.05, 0.01, observe={"seen": tired})
    assert refused.value.__notes__ == ["raised by observe['seen'] at t = 0"]


# Calls with an argument that there is not, or without one that is needed; what they say.
CALLS = {
    "a species that drifts": (
        lambda: hrd.Species("A", D=1, drift=2),
        "Species: .* drift; .*name, D",
    ),
    "a typo": (lambda: hrd.Box(xx=(0, 1)), "Box: there is no argument xx, did you mean x"),
    "a system": (lambda: hrd.System(species=[A]), "System: missing .*'domain'"),
    "a wall": (lambda: hrd.Absorbing(kappa=2), "Absorbing: there is no argument kappa"),
    "a periodic wall": (lambda: hrd.Periodic("x"), "Periodic: .*takes no arguments"),
    "a scheme": (lambda: hrd.Layer(thickness=1), "Layer: .* thickness; .*width"),
    "a simulation": (lambda: hrd.Simulation(simulation().system), "Simulation: missing .*'dt'"),
    "a run": (lambda: simulation().run(1.0, evry=1), "run: .* evry, did you mean every"),
    "a restart": (lambda: hrd.Simulation.restore(), "restore: missing .*'path'"),
    "an ensemble": (lambda: ensemble(replica=2), "ensemble: .* did you mean replicas"),
    "a PDE": (lambda: hrd.mean_field(simulation().system, 1.0), "mean_field: missing .*'until'"),
    "a picture": (lambda: hrd.plot.profile(None, cmap="x"), "profile: .* cmap; .*pictures.md"),
    "a file": (lambda: hrd.load("a", format="nc"), "load: .* format"),
    "too many": (lambda: hrd.Copies(1, 2, 3, 4, 5, 6), "Copies: too many positional .*n, x, y, z"),
    "a long one": (lambda: hrd.Copies(1, **{"a" * 10_000: 1}), "Copies: .*characters"),
}


@pytest.mark.parametrize("case", CALLS)
def test_wrong_arguments_are_refused_with_those_there_are(case):
    call, words = CALLS[case]
    with pytest.raises(hrd.ModelError, match=words) as refused:
        call()
    assert isinstance(refused.value, TypeError)
    assert len(str(refused.value)) < 1000


def test_errors_inside_a_call_are_not_taken_for_its_arguments():
    class Odd:
        def __call__(self, _):
            raise TypeError("unexpected keyword argument 'x'")

    with pytest.raises(hrd.ModelError, match=r"observe\['a'\].*TypeError: unexpected"):
        simulation().run(0.02, observe={"a": Odd()})


LONG = "a" * 300
PATHS = {
    "out": (lambda name: simulation().run(0.02, out=name)),
    "checkpoint": (lambda name: simulation().run(0.02, checkpoint=name)),
    "resume": lambda name: ensemble(resume=name),
}


@pytest.mark.parametrize("case", [*PATHS, *RESULT])
@pytest.mark.parametrize("name", [LONG, f"{'a' * 220}.zarr", "\ud800", "loop/a", ""])
def test_names_that_no_file_can_have(case, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(hrd.HybridrdError, match=r"(path|out|checkpoint|resume) = ") as refused:
        (PATHS | RESULT)[case](name)
    assert len(str(refused.value)) < 400
    assert [p.name for p in tmp_path.iterdir()] == ["loop"]


def test_numbers_of_low_precision_are_their_shortest_decimals():
    system = simulation().system
    for dt, until in ((np.float32(0.01), 1.0), (0.01, np.float32(0.07)), (np.float16(0.1), 0.7)):
        sim = hrd.Simulation(system, dt=dt, seed=1)
        result = sim.run(until=until, every=until)
        assert float(result["time"][-1]) == pytest.approx(float(str(until)), abs=1e-12)


def test_times_of_low_precision_are_compared_at_it():
    one = np.float32(0)
    for _ in range(10):
        one += np.float32(0.1)
    assert str(one) == "1.0000001"
    result = simulation().run(until=one)
    assert float(result["time"][-1]) == 1.0
    with pytest.raises(hrd.StepError, match="not a multiple"):
        simulation().run(until=float(one))


def test_numbers_without_end_are_refused():
    for name in ("replicas", "workers", "threads"):
        with pytest.raises(hrd.ModelError, match=rf"{name} = 1000000000000: .*at most"):
            ensemble(**{name: 10**12})
    with pytest.raises(hrd.ModelError, match="threads = 1000000000000"):
        hrd.Simulation(simulation().system, dt=0.01, threads=10**12)


@pytest.fixture
def pipe(tmp_path):
    """A FIFO that nobody writes to: whoever opens it waits for ever."""
    path = tmp_path / "pipe.toml"
    os.mkfifo(path)
    return path


READERS = ["load", "restore", "toml", "sbml"]


@pytest.mark.parametrize("case", READERS)
def test_devices_and_pipes_are_not_read(case, pipe):
    for path in (pipe, "/dev/zero", "/dev/full"):
        with pytest.raises(hrd.HybridrdError, match="is a device or a pipe, not a file"):
            RESULT[case](path)


def test_a_file_of_a_system_has_a_size(tmp_path):
    huge = tmp_path / "a.toml"
    with huge.open("wb") as file:
        file.truncate(10**11)  # without a block on the disk
    with pytest.raises(hrd.ModelError, match=r"a\.toml: 100,000,000,000 bytes; at most"):
        hrd.System.from_toml(huge)
