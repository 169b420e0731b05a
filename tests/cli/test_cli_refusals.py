"""Refusals of the command line: before a run, with a message and exit code 2."""

import os
import sys
from pathlib import Path

import pytest
from support.command_line import LINE, call, folder  # noqa: F401
from typer.testing import CliRunner

from hybridrd.cli import commands
from hybridrd.cli.app import app
from hybridrd.errors import CapacityError

pytestmark = pytest.mark.usefixtures("folder")


def test_what_is_no_result_is_not_overwritten():
    Path("mine").mkdir()
    Path("mine/letter.txt").write_text("keep")
    Path("mine.zarr").write_text("keep")
    for out in ("mine", "mine.zarr"):
        said = call("run", "line.toml", "--out", out, "--overwrite", code=2)
        assert "is something else" in said
    assert Path("mine/letter.txt").read_text() == "keep"
    assert Path("mine.zarr").read_text() == "keep"


LONG = "x" * 300
REFUSED = {
    "no such example": (["run", "sri", "--out", "a"], ["sri", "did you mean sir?"]),
    "an underscore": (["run", "lotka_volterra", "--out", "a"], ["mean lotka-volterra?"]),
    "no such file": (["run", "none.toml", "--out", "a"], ["none.toml: No such file"]),
    "a directory": (["run", ".", "--out", "a"], [".: is a directory"]),
    "a device": (["run", "/dev/zero", "--out", "a"], ["/dev/zero: is a device"]),
    "a long name": (["run", LONG, "--out", "a"], ["(300", "File name too long"]),
    "a very long name": (["run", LONG * 500, "--out", "a"], ["150,0", "too long"]),
    "a long out": (["run", "sir", "--out", LONG], ["out = 'xxx", "File name too long"]),
    "out of many letters": (["run", "sir", "--out", LONG[:230]], ["230 bytes; use at most 200"]),
    "a long plot": (["run", "sir", "--out", "a", "--plot", f"{LONG}.png"], ["File name too long"]),
    "info of a device": (["info", "/dev/zero"], ["/dev/zero: is a device"]),
    "info of a long name": (["info", LONG], ["path = 'xxx", "File name too long"]),
    "plot of a place": (["plot", "."], [".: name a saved result"]),
    "movie of a place": (["movie", ".."], ["..: name a saved result"]),
    "replicas without end": (
        ["run", "line.toml", "--out", "a", "--replicas", 10**12],
        ["replicas = 1000000000000", "at most"],
    ),
    "no directory": (["run", "line.toml", "--out", "no/a"], ["no directory no"]),
    "a file as directory": (["run", "sir", "--out", "line.toml/a"], ["no directory line.toml"]),
    "suffix": (["run", "sir", "--out", "a.txt"], ["'.txt'", ".zarr, none, .nc"]),
    "suffix of plot": (["run", "sir", "--out", "a", "--plot", "a.doc"], ["'.doc'", ".png"]),
    "plot nowhere": (["run", "sir", "--out", "a", "--plot", "no/a.png"], ["no directory no"]),
    "plot exists": (["run", "sir", "--out", "a", "--plot", "there.png"], ["there.png: exists"]),
    "dt zero": (["run", "sir", "--out", "a", "--dt", 0], ["dt = 0", "greater than 0"]),
    "dt nan": (["run", "sir", "--out", "a", "--dt", "nan"], ["dt = nan", "finite"]),
    "dt of text": (["run", "sir", "--out", "a", "--dt", "x"], ["--dt", "number"]),
    "dt too large": (["run", "sir", "--out", "a", "--dt", 20], ["dt"]),
    "until": (["run", "line.toml", "--out", "a", "--until", 0.015], ["0.01 and 0.02"]),
    "every": (["run", "line.toml", "--out", "a", "--every", 0.015], ["every = 0.015"]),
    "negative seed": (["run", "sir", "--out", "a", "--seed", -1], ["--seed", "0"]),
    "half a replica": (["run", "sir", "--out", "a", "--replicas", 1.5], ["--replicas"]),
    "no replica": (["run", "sir", "--out", "a", "--replicas", 0], ["--replicas", "1"]),
    "workers alone": (["run", "sir", "--out", "a", "--workers", 2], ["--replicas"]),
    "replicas of a PDE": (["run", "pde.toml", "--out", "a", "--replicas", 2], ["pure PDE"]),
    "unknown option": (["run", "sir", "--out", "a", "--cells", 3], ["--cells"]),
    "unknown command": (["ruin"], ["ruin"]),
    "info of nothing": (["info", "none"], ["none: there is no such file"]),
    "info of something": (["info", "line.toml"], ["line.toml"]),
    "info of a directory": (["info", "."], ["cannot be read as a result"]),
    "plot of nothing": (["plot", "none"], ["none: there is no such file"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_a_message_and_code_2(case):
    arguments, words = REFUSED[case]
    Path("there.png").write_text("keep")
    before = sorted(Path().iterdir())
    said = call(*arguments, code=2)
    assert all(word in said for word in words), said
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize(("line", "words"), [("dt = 0.01", "--dt"), ("until = 0.1", "--until")])
def test_a_missing_time_is_asked_for(line, words):
    Path("line.toml").write_text(LINE.replace(line, ""))
    said = call("run", "line.toml", "--out", "a", code=2)
    assert f"give {words}" in said
    assert "[run]" in said


def test_a_directory_that_cannot_be_written_to(monkeypatch):
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    assert "cannot be written to" in call("run", "line.toml", "--out", "a", code=2)


def test_netcdf_is_refused_before_the_run_where_its_library_is_absent(monkeypatch):
    monkeypatch.setattr(commands, "find_spec", lambda _: None)
    said = call("run", "line.toml", "--out", "a.nc", code=2)
    assert "hybridrd[io]" in said


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (CapacityError("5 GB are needed"), "5 GB are needed"),
        (MemoryError(), "not enough memory"),
        (OSError(28, "No space left on device", "a"), "a: No space left"),
        (OSError("disk on fire"), "disk on fire"),
    ],
)
def test_what_fails_on_the_way_is_a_message_too(error, words, monkeypatch):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(commands, "run_job", fail)
    said = call("run", "line.toml", "--out", "a", code=2)
    assert words in said
    assert len(said.splitlines()) == 1


def test_a_fault_of_the_program_is_not_hidden(monkeypatch):
    monkeypatch.setattr(commands, "run_job", lambda *_: 1 / 0)
    result = CliRunner().invoke(app, ["run", "line.toml", "--out", "a"])
    assert isinstance(result.exception, ZeroDivisionError)


def test_ctrl_c_while_loading_is_one_line(monkeypatch, capsys):
    from hybridrd.__main__ import main

    class Loading:
        def __getattr__(self, _):
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "hybridrd.cli.app", Loading())
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_an_interrupted_run_says_so(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "run_job", interrupt)
    result = CliRunner().invoke(app, ["run", "line.toml", "--out", "a"])
    assert (result.exit_code, result.stderr) == (130, "Interrupted.\n")
