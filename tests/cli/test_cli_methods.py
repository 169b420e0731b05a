"""``hybridrd run --method`` runs one description every way, ``hybridrd compare`` side by side."""

from pathlib import Path

import pytest
from support.command_line import call

import hybridrd as hrd
from hybridrd.plotting.style import kind_of
from hybridrd.results.view import View

FILE = """
[system]
domain = { x = [0, 4] }
particles = { x = [0, 2] }
cells = 8
fluctuations = "discrete"

[[species]]
name = "A"
D = 1.0
initial = 20.0

[run]
dt = 0.05
until = 0.2
every = 0.1
"""


@pytest.fixture(autouse=True)
def line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("line.toml").write_text(FILE)


def test_one_description_by_every_method():
    methods = ("hybrid", "particles", "pde", "rdme", "spde")
    for method in methods:
        call("run", "line.toml", "--method", method, "--seed", "1", "--out", f"{method}.zarr")
    results = {method: hrd.load(f"{method}.zarr") for method in methods}
    for method, result in results.items():
        total = result["total"].values
        assert (abs(total - total[0]) < 1e-9).all(), method  # nothing reacts
        whole = (result["concentration"].values[-1] * 0.5).sum()
        assert whole == pytest.approx(total[-1, 0])
        in_cells = result["concentration"].values[-1] * 0.5
        if method in ("rdme", "hybrid", "particles"):
            assert (in_cells == in_cells.round()).all(), method
    assert results["pde"]["total"].values[-1, 0] == pytest.approx(80.0)
    assert results["rdme"].attrs["has_particles"] == 0
    said = call("compare", *(f"{m}.zarr" for m in methods), "--time", "0.1").splitlines()
    assert said[0] == "t = 0.1"
    assert [row.split()[1] for row in said[2:]] == list(methods)
    titles = [kind_of(View(results[m], m)) for m in methods]
    assert titles == ["hybrid", "particles", "PDE", "RDME", "stochastic PDE"]
    assert [row.split()[2] for row in said[2:]] == [
        f"{results[m]['total'].values[1, 0]:.6g}" for m in methods
    ]


def test_an_ensemble_of_cells_and_its_variance():
    said = call(
        "run", "line.toml", "--method", "rdme", "--replicas", "60", "--seed", "2", "--out", "e.zarr"
    )  # fmt: skip
    assert "60 replicas" in said
    call("run", "line.toml", "--method", "pde", "--out", "p.zarr")
    row = call("compare", "e.zarr", "p.zarr").splitlines()[2].split()
    result = hrd.load("e.zarr")
    ratio = float(result["total_var"].values[-1, 0] / result["total_mean"].values[-1, 0])
    assert float(row[-4]) == pytest.approx(ratio, rel=1e-2)
    assert abs(ratio - 1) < 4.5 * (2 / 59) ** 0.5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--method", "ssa"), "--method = ssa: it is one of particles, hybrid, pde, rdme, spde"),
        (("--method", "pde", "--replicas", "3"), "a pure PDE has no replicas"),
        (("--method", "rdme", "--positions"), "cells alone have no particles"),
    ],
)
def test_what_a_method_does_not_do(arguments, words):
    assert words in call("run", "line.toml", "--out", "x.zarr", *arguments, code=2)


def test_a_file_names_its_method():
    Path("line.toml").write_text(
        FILE.replace("particles = { x = [0, 2] }\n", "") + 'method = "hybrid"'
    )
    assert "the system has no particle region" in call(
        "run", "line.toml", "--out", "x.zarr", code=2
    )
    Path("line.toml").write_text(FILE + 'method = "rdne"')
    assert "did you mean rdme?" in call("run", "line.toml", "--out", "x.zarr", code=2)
