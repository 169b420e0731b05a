"""Pictures from the command line: what is drawn, where, and beside what."""

from pathlib import Path

import numpy as np
import pytest
from command_line import call, folder  # noqa: F401
from matplotlib import pyplot

import hybridrd as hrd
import hybridrd.plot

pytestmark = pytest.mark.usefixtures("folder")
SIGNATURES = {"png": b"\x89PNG\r\n\x1a\n", "pdf": b"%PDF-", "svg": b"<?xml"}


@pytest.fixture
def drawn(monkeypatch):
    """What `overview` was asked to draw; it draws all the same."""
    calls = []
    overview = hybridrd.plot.overview

    def spy(result, reference=None, times=None):
        calls.append((result, reference, times))
        return overview(result, reference, times)

    monkeypatch.setattr(hybridrd.plot, "overview", spy)
    return calls


@pytest.mark.parametrize("kind", SIGNATURES)
def test_a_run_is_drawn_beside_its_pde(kind, drawn):
    said = call("run", "line.toml", "--out", "a", "--plot", f"a.{kind}")
    assert Path(f"a.{kind}").read_bytes().startswith(SIGNATURES[kind])
    ((result, reference, times),) = drawn
    assert result.attrs["kind"] == "simulation"
    pde = hrd.mean_field(hrd.System.from_toml("line.toml"), dt=0.01, until=0.1, every=0.02)
    assert reference.drop_attrs().equals(pde.drop_attrs())
    assert times == [0.06, 0.1]
    assert f"drawn in a.{kind}" in said
    numbers = [f"{v:.6g}" for v in pde["copy_number"].values[-1]]
    assert said.splitlines()[-1].split() == ["PDE", *numbers]
    assert not pyplot.get_fignums()


def test_an_ensemble_is_drawn_beside_its_pde(drawn):
    said = call("run", "line.toml", "--out", "a", "--plot", "a.png", "--replicas", 3)
    ((result, reference, _),) = drawn
    assert (result.attrs["kind"], reference.attrs["kind"]) == ("ensemble", "mean-field")
    labels = [line.split()[0] for line in said.splitlines()[-3:]]
    assert labels == ["mean", "std.", "PDE"]


def test_a_pde_is_drawn_alone(drawn):
    call("run", "pde.toml", "--out", "a", "--plot", "a.png")
    ((result, reference, _),) = drawn
    assert (result.attrs["kind"], reference) == ("mean-field", None)


def test_an_example_is_drawn_at_its_times(drawn):
    command = ["run", "proliferation", "--dt", 0.25]
    call(*command, "--every", 5, "--out", "a", "--plot", "a.png")
    assert drawn[0][2] == [5.0, 10.0]
    call(*command, "--until", 1, "--every", 0.25, "--out", "b", "--plot", "b.png")
    assert drawn[1][2] == [0.5, 1.0]


def test_the_result_is_saved_where_drawing_fails(monkeypatch):
    def fail(*_, **__):
        raise hrd.ResultError("no colours left")

    monkeypatch.setattr(hybridrd.plot, "overview", fail)
    from typer.testing import CliRunner

    from hybridrd.cli import app

    done = CliRunner().invoke(app, ["run", "line.toml", "--out", "a", "--plot", "a.png"])
    assert done.exit_code == 2
    assert done.stderr == "Error: no colours left\n"
    assert "saved to a" in done.stdout
    assert hrd.load("a").attrs["seed"] == 7


def test_a_saved_result_is_drawn(drawn):
    call("run", "line.toml", "--out", "a.zarr")
    assert call("plot", "a.zarr") == "drawn in a.png\n"
    assert Path("a.png").read_bytes().startswith(SIGNATURES["png"])
    call("plot", "a.zarr", "--species", "B", "--time", 0.02, "--time", 0.1, "--out", "b.svg")
    result, reference, times = drawn[1]
    assert reference is None
    assert times == [0.02, 0.1]
    np.testing.assert_array_equal(
        result["concentration"], hrd.load("a.zarr")["concentration"].sel(species=["B"])
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--species", "C"], ["no species 'C'", "A, B"]),
        (["--time", 0.05], ["no record at t = 0.05", "0.04 and 0.06"]),
        (["--time", "late"], ["--time"]),
        (["--out", "a.doc"], ["'.doc'", ".png, .pdf, .svg"]),
        (["--out", "line.toml"], ["'.toml'"]),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, words):
    call("run", "line.toml", "--out", "a")
    said = call("plot", "a", *options, code=2)
    assert all(word in said for word in words)
    assert not Path("a.png").exists()


def test_a_picture_is_not_overwritten_unasked():
    call("run", "line.toml", "--out", "a")
    call("plot", "a")
    assert "a.png: exists" in call("plot", "a", code=2)
    call("plot", "a", "--overwrite")


def test_a_result_without_concentrations_says_so():
    system = hrd.System.from_toml("line.toml")
    result = hrd.Simulation(system, dt=0.01, seed=1).run(0.1, record=["copy_number"])
    hrd.save(result, "a")
    assert "concentration was not recorded" in call("plot", "a", code=2)
    assert "number" in call("info", "a")
