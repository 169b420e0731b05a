"""Times with units wherever a run takes a time: in Python, in the file, on the command line."""

from pathlib import Path

import pytest
from support.command_line import LINE, call, folder  # noqa: F401

import hybridrd as hrd

A, BAR = hrd.Species("A", D=1.0), hrd.Box(x=(0, 1))
SYSTEM = hrd.System(
    species=[A], domain=BAR, particles=BAR, cells=4, initial={A: hrd.Copies(50)},
    reactions=[hrd.Reaction("A -> 0", k=1.0)], units={"length": "um", "time": "ms"},
)  # fmt: skip
TEXT = {"dt": "20 us", "until": "0.0001 s", "every": "40 us"}
NUMBERS = {"dt": 0.02, "until": 0.1, "every": 0.04}
RUNS = {
    "a run": lambda dt, **times: hrd.Simulation(SYSTEM, dt, seed=1).run(**times),
    "a PDE": lambda **times: hrd.mean_field(SYSTEM, **times),
    "an ensemble": lambda **times: hrd.ensemble(SYSTEM, replicas=2, seed=1, **times),
    "a sweep": lambda **times: hrd.sweep(
        SYSTEM, {"reactions[0].k": [1.0, 2.0]}, replicas=2, seed=1, **times
    ),
}


@pytest.mark.parametrize("kind", RUNS)
def test_text_is_the_number_in_the_units_of_the_system(kind):
    text, numbers = RUNS[kind](**TEXT), RUNS[kind](**NUMBERS)
    assert (
        text.drop_attrs()
        .drop_vars("attributes", errors="ignore")
        .equals(numbers.drop_attrs().drop_vars("attributes", errors="ignore"))
    )
    assert list(text["time"].values) == [0.0, 0.04, 0.08, 0.1]


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ({"dt": "1 um"}, "dt = '1 um': its dimension is length, a time is needed"),
        ({"until": "3 1/s"}, "until = '3 1/s': its dimension is 1/time"),
        ({"every": "40 parsnips"}, "every = 40 parsnips: cannot be read"),
        ({"dt": "x"}, "dt = 'x': a number greater than 0"),
        ({"dt": "0.02"}, "dt = '0.02': a number greater than 0"),
        ({"until": "30 us"}, r"until = 0.03 is not a multiple of dt = 0.02"),
    ],
)
@pytest.mark.parametrize("kind", ["a run", "an ensemble", "a sweep"])
def test_refusals(kind, times, words):
    with pytest.raises((hrd.ModelError, hrd.StepError), match=words):
        RUNS[kind](**{**NUMBERS, **times})


def test_a_check_of_the_step_needs_a_system_and_two_replicas():
    with pytest.raises(hrd.ModelError, match="system = 's': give a System"):
        hrd.check_step("s", 0.02, 0.1)
    with pytest.raises(hrd.ModelError, match="replicas = 1: a whole number of at least 2"):
        hrd.check_step(SYSTEM, "20 us", "100 us", replicas=1)


def test_a_system_without_units_takes_none():
    with pytest.raises(hrd.ModelError, match="needs units of the system"):
        hrd.Simulation(SYSTEM.replace(units={}), "20 us")


@pytest.mark.usefixtures("folder")
def test_file_and_command_line():
    units = 'cells = 20\nunits = { length = "um", time = "s" }'
    text = LINE.replace("cells = 20", units).replace("until = 0.1", 'until = "100 ms"')
    Path("line.toml").write_text(text.replace("dt = 0.01", 'dt = "10 ms"'))
    Path("plain.toml").write_text(LINE.replace("cells = 20", units))
    call("run", "line.toml", "--out", "a.zarr", "--every", "5e4 us")
    call("run", "plain.toml", "--out", "b.zarr", "--every", 0.05)
    one, other = hrd.load("a.zarr"), hrd.load("b.zarr")
    assert one.drop_attrs().equals(other.drop_attrs())
    assert "--until = 'soon': give a number, or a quantity like '10 s'" in call(
        "run", "line.toml", "--out", "c.zarr", "--until", "soon", code=2
    )
    assert "run.dt = '10 um'" in _refused(text.replace("dt = 0.01", 'dt = "10 um"'))
    said = call("sweep", "line.toml", "--over", "run.dt=10 ms,5 ms", "--replicas", 2)
    assert "2 points of 2 replicas" in said


def _refused(text):
    Path("bad.toml").write_text(text)
    return call("run", "bad.toml", "--out", "c.zarr", code=2)
