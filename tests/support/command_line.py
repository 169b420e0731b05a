"""Calls of the command line in this process, in a folder with two files to run."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hybridrd.cli.app import app

LINE = """\
[system]
domain = { x = [0, 4] }
particles = { x = [0, 2] }
cells = 20

[[species]]
name = "A"
D = 0.5
initial = 100.0

[[species]]
name = "B"
D = 0.5
initial = { copies = 30, x = [0, 1] }

[run]
dt = 0.01
until = 0.1
every = 0.02
seed = 7
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("line.toml").write_text(LINE)
    Path("pde.toml").write_text(LINE.replace("particles", "# particles"))
    return tmp_path


def call(*arguments, code=0):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == code, result.output
    if code:
        assert not result.stdout
        assert "Traceback" not in result.stderr
    return result.stderr if code else result.stdout
