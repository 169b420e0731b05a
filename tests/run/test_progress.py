"""Progress of a run: on a terminal, in a file, in the log, and only on request."""

import logging
import re
import sys
from io import StringIO
from itertools import pairwise
from types import SimpleNamespace

import pytest
from support.command_line import folder  # noqa: F401
from support.survivors import DT, line
from tqdm.auto import tqdm
from typer.testing import CliRunner

import hybridrd as hrd
from hybridrd.cli.app import app
from hybridrd.run import progress
from hybridrd.run.progress import Lines, progress_bar


class Terminal(StringIO):
    def isatty(self):
        return True


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def told(total, seconds, unit="step", done=0, until=None):
    """Lines of work in which each unit takes so long, with the time at which each was said."""
    clock, lines = Clock(), []
    say = lambda text: lines.append((clock.now - 1000.0, text))  # noqa: E731
    with Lines(total, unit, done, say=say, clock=clock) as bar:
        for _ in range(done, total if until is None else until):
            clock.now += seconds
            bar.update()
    return lines


def in_seconds(shown):
    return sum(int(part) * 60**k for k, part in enumerate(reversed(shown.split(":"))))


def test_the_time_left_is_what_the_rest_takes():
    lines = told(total=36_000, seconds=1.0)  # ten hours
    assert lines[0] == (30.0, "0 % (30 of 36,000 steps), 00:30 so far, about 9:59:30 left")
    for at, text in lines[:-1]:
        so_far, left = re.search(r", ([\d:]+) so far, about ([\d:]+) left$", text).groups()
        assert (in_seconds(so_far), in_seconds(left)) == (at, 36_000 - at)
    assert lines[-1] == (36_000.0, "100 % (36,000 of 36,000 steps), done in 10:00:00")


def test_lines_come_at_times_and_with_every_tenth():
    times = [at for at, _ in told(total=36_000, seconds=1.0)]
    assert times[:4] == [30.0, 90.0, 210.0, 450.0]  # the time between doubles, to ten minutes
    pauses = [b - a for a, b in pairwise(times)]
    assert max(pauses) == 600.0
    assert min(pauses) >= 10.0
    assert {3600.0 * k for k in range(1, 11)} <= set(times)
    # Of work of some minutes the tenths alone, never one within ten seconds of another.
    assert [at for at, _ in told(200, 1.0)] == [20.0 * k for k in range(1, 11)]
    assert [at for at, _ in told(50, 1.0)] == [10.0, 20.0, 30.0, 40.0, 50.0]
    assert [text for _, text in told(9, 1.0)] == ["100 % (9 of 9 steps), done in 00:09"]


def test_what_was_done_before_says_nothing_of_the_speed():
    lines = told(total=100, seconds=60.0, unit="replica", done=90)
    assert lines[0][1] == "91 % (91 of 100 replicas), 01:00 so far, about 09:00 left"
    assert lines[-1][1] == "100 % (100 of 100 replicas), done in 10:00"
    assert told(total=10, seconds=1.0, done=10) == told(total=0, seconds=1.0) == []


def test_work_that_stops_says_so():
    assert told(100, 1.0, until=40)[-1] == (40.0, "40 % (40 of 100 steps), stopped in 00:40")


RUNS = {
    "one run": (lambda said: hrd.Simulation(line(), DT, seed=1).run(10 * DT, progress=said), 10),
    "a PDE": (lambda said: hrd.mean_field(line(), DT, 10 * DT, progress=said), 10),
    "an ensemble": (lambda said: hrd.ensemble(line(), 3, DT, 5 * DT, seed=1, progress=said), 3),
}


@pytest.mark.parametrize("kind", RUNS)
def test_a_file_gets_lines_on_request_only(kind, monkeypatch):
    run, total = RUNS[kind]
    unit = "replicas" if kind == "an ensemble" else "steps"
    for asked in (None, False, True):
        monkeypatch.setattr(sys, "stderr", StringIO())
        run(asked)
        said = sys.stderr.getvalue()
        if asked:
            last = rf"hybridrd: 100 % \({total} of {total} {unit}\), done in \d\d:\d\d\n"
            assert re.fullmatch(rf"(hybridrd: .* left\n)*{last}", said)
        else:
            assert said == ""


@pytest.mark.parametrize("kind", RUNS)
def test_a_terminal_has_a_bar(kind, monkeypatch):
    run, total = RUNS[kind]
    for asked in (True, False):
        monkeypatch.setattr(sys, "stderr", Terminal())
        run(asked)
        said = sys.stderr.getvalue()
        assert bool(re.search(rf"100%\|.*\| {total}/{total} ", said)) == asked
        assert "hybridrd:" not in said
        assert bool(said) == asked


def test_the_log_takes_the_lines_where_it_is_set_up(monkeypatch, caplog):
    monkeypatch.setattr(progress, "LEAST", 0.0)
    monkeypatch.setattr(sys, "stderr", StringIO())
    for asked in (None, True):
        caplog.clear()
        with caplog.at_level(logging.INFO, "hybridrd"):
            RUNS["one run"][0](asked)
        assert "50 % (5 of 10 steps), 00:00 so far, about 00:00 left" in caplog.messages
        assert any("done in" in text for text in caplog.messages) == bool(asked)
        caplog.clear()
        with caplog.at_level(logging.INFO, "hybridrd"):
            RUNS["one run"][0](False)
        assert not any("%" in text for text in caplog.messages)
    assert sys.stderr.getvalue() == ""


def test_a_notebook_has_a_bar_on_request(monkeypatch):
    shell = SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setattr(sys, "stderr", StringIO())
    with progress_bar(3, None) as bar:
        assert bar.disable
    with progress_bar(3, True) as bar:  # no kernel here, so that it is one of text
        assert isinstance(bar, tqdm)
        bar.update(3)
    assert re.search(r"100%\|.*\| 3/3 ", sys.stderr.getvalue())
    shell.config = {}  # IPython in a batch queue
    assert isinstance(progress_bar(3, True), Lines)


def test_a_stream_that_went_away_ends_no_run(monkeypatch, caplog):
    class Gone(StringIO):
        def write(self, _):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(sys, "stderr", Gone())
    result = RUNS["one run"][0](True)
    assert result.attrs["stopped"] == "reached the end"
    assert "progress cannot be written: [Errno 5]" in caplog.text
    monkeypatch.setattr(sys, "stderr", None)
    RUNS["one run"][0](True)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("options", [[], ["--replicas", 2]])
def test_the_command_line_says_it_on_request(options):
    for asked in ("--progress", "--no-progress", None):
        command = ["run", "line.toml", "--out", "a", "--overwrite", *options]
        said = CliRunner().invoke(app, [str(a) for a in [*command, *filter(None, [asked])]])
        assert said.exit_code == 0
        assert ("hybridrd: 100 %" in said.stderr) == (asked == "--progress")


@pytest.mark.usefixtures("folder")
def test_a_pde_says_it_too():
    said = CliRunner().invoke(app, ["run", "pde.toml", "--out", "a", "--progress"])
    assert "hybridrd: 100 % (10 of 10 steps)" in said.stderr
