"""Results written for other programs from the command line."""

import numpy as np
import pandas as pd
import pytest
from support.command_line import call, folder  # noqa: F401

import hybridrd as hrd

pytestmark = pytest.mark.usefixtures("folder")


def test_a_saved_result_is_exported():
    call("run", "line.toml", "--out", "a.zarr")
    assert call("export", "a.zarr", "-o", "a.csv") == "written to a.csv\n"
    result = hrd.load("a.zarr")
    table = pd.read_csv("a.csv")
    np.testing.assert_array_equal(table["total_B"], result["total"].sel(species="B"))
    call("export", "a.zarr", "--out", "b.csv", "--time", 0.04)
    assert pd.read_csv("b.csv").equals(table.iloc[[2]].reset_index(drop=True))
    call("export", "a.zarr", "-o", "a.nc")
    assert hrd.load("a.nc").equals(result)
    call("export", "a.zarr", "-o", "a.csv", "--overwrite")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.zarr", "-o", "a.csv"], "there is no such file"),
        (["line.toml", "-o", "a.csv"], "cannot be read as a result"),
        (["a", "-o", "a.dat"], "unknown suffix '.dat'; it is one of .simularium"),
        (["a", "-o", "here/a.csv"], "there is no directory here"),
        (["a", "-o", "a.xyz"], "positions were not recorded"),
        (["a", "-o", "a.csv", "--time", "7"], "no record near t = 7"),
        (["a", "-o", "a.csv", "--time", "nan"], "time = nan: it must be finite"),
        (["a", "-o", "a.csv", "--time", "inf"], "time = inf: it must be finite"),
        (["a", "-o", "dangling.csv"], "(--overwrite)"),
        (["a", "-o", "mine.pvd"], "holds other files"),
        (
            ["a", "-o", "pde.toml.csv"],
            "exists; choose another name, or overwrite=True (--overwrite)",
        ),
    ],
)
def test_refusals(arguments, words, tmp_path):
    call("run", "line.toml", "--out", "a")
    (tmp_path / "pde.toml.csv").write_text("mine")
    (tmp_path / "dangling.csv").symlink_to("nowhere")
    (tmp_path / "mine_vtk").mkdir()
    (tmp_path / "mine_vtk" / "mine.vtu").write_text("mine")
    assert words in call("export", *arguments, code=2)
    assert (tmp_path / "mine_vtk" / "mine.vtu").read_text() == "mine"


@pytest.mark.parametrize(
    "chosen", [{"time": 0.04}, {"species": "B"}, {"species": "B", "time": 0.04}]
)
def test_a_saved_part_of_a_result_is_exported(chosen):
    call("run", "line.toml", "--out", "a.zarr")
    result = hrd.load("a.zarr").sel(chosen)
    hrd.save(result, "part.zarr")
    call("export", "part.zarr", "-o", "a.csv")
    total = pd.read_csv("a.csv")["total_B"]
    np.testing.assert_array_equal(
        total, result["total"].sel({} if "species" in chosen else {"species": "B"}).values.ravel()
    )
    call("export", "part.zarr", "-o", "a.vtu")
    call("export", "part.zarr", "-o", "a.nc")
    assert "positions were not recorded" in call("export", "part.zarr", "-o", "a.xyz", code=2)
