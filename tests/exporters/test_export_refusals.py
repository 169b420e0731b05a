"""Refusals of exports: unusable results and paths; existing files are kept."""

import json
import sys
from pathlib import Path

import ase.io
import pytest
import pyvista
from simulariumio import JsonWriter
from support.exported import run, system, written

import hybridrd as hrd
from hybridrd.exporters import SUFFIXES

FILES = [s for s in SUFFIXES if s != ".ome.zarr"]  # that is a folder


def test_what_was_not_recorded(tmp_path):
    result = hrd.Simulation(system("plane"), dt=0.01, seed=1).run(until=0.02, every=0.01)
    for suffix in ("simularium", "xyz", "vtp"):
        with pytest.raises(hrd.ResultError, match=r"positions were not .* positions=True"):
            hrd.export(result, tmp_path / f"a.{suffix}")
    bare = run(system("plane"), record=["flux"])
    with pytest.raises(hrd.ResultError, match="record copy_number or total"):
        hrd.export(bare, tmp_path / "a.csv")
    with pytest.raises(hrd.ResultError, match="concentration was not recorded"):
        hrd.export(bare, tmp_path / "a.vtu")
    reader = pyvista.get_reader(written(bare, tmp_path / "a.pvd"))  # its particles
    assert reader.read().n_blocks == 1
    assert len(ase.io.read(written(bare, tmp_path / "a.xyz"), index=":")) == 6
    json.loads(written(bare, tmp_path / "a.simularium").read_text())
    with pytest.raises(hrd.ResultError, match="nothing to show"):
        hrd.export(bare.drop_vars(["position", "particle_id"]), tmp_path / "b.pvd")


def test_a_part_cut_along_time_is_refused(tmp_path):
    part = run(system("plane")).isel(time=[1, 2])
    for name in ("a.xyz", "a.vtp"):
        with pytest.raises(hrd.ResultError, match="cut along time"):
            hrd.export(part, tmp_path / name)


def test_places(tmp_path):
    result = run(system("line"))
    with pytest.raises(hrd.ResultError, match=r"'.xls'; it is one of \.simularium"):
        hrd.export(result, tmp_path / "a.xls")
    with pytest.raises(hrd.ResultError, match="there is no directory"):
        hrd.export(result, tmp_path / "b" / "a.csv")
    with pytest.raises(hrd.ResultError, match="a result is needed"):
        hrd.export({"time": 1}, tmp_path / "a.csv")
    with pytest.raises(hrd.ResultError, match="no record near t = 7"):
        hrd.export(result, tmp_path / "a.csv", time=7.0)
    for suffix in FILES:
        path = tmp_path / f"a{suffix}"
        path.write_text("mine")
        with pytest.raises(hrd.ResultError, match="overwrite=True"):
            hrd.export(result, path)
        assert path.read_text() == "mine"
        hrd.export(result, path, overwrite=True)
        assert path.read_bytes() != b"mine"
        hrd.export(result, path, overwrite=True)
    (tmp_path / "c.csv").mkdir()
    with pytest.raises(hrd.ResultError, match="not a file"):
        hrd.export(result, tmp_path / "c.csv", overwrite=True)


@pytest.mark.parametrize("name", ["thesis.tex", "mine.vtu", "field_1.vtu"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_with_other_files_is_kept(name, overwrite, tmp_path):
    result = run(system("line"))
    mine = tmp_path / "a_vtk" / name
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(hrd.ResultError, match="holds other files"):
        hrd.export(result, tmp_path / "a.pvd", overwrite=overwrite)
    assert mine.read_text() == "mine"
    assert not (tmp_path / "a.pvd").exists()


def test_a_folder_of_records_is_replaced_on_demand_only(tmp_path):
    result = run(system("line"))
    hrd.export(result, tmp_path / "a.pvd")
    (tmp_path / "a.pvd").unlink()
    record = tmp_path / "a_vtk" / "field_000005.vtu"
    before = record.read_text()
    with pytest.raises(hrd.ResultError, match="overwrite=True"):
        hrd.export(result, tmp_path / "a.pvd", time=0.1)
    assert record.read_text() == before
    hrd.export(result, tmp_path / "a.pvd", time=0.1, overwrite=True)
    assert not record.exists()


def test_a_folder_elsewhere_behind_a_link_is_kept(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "a_vtk").symlink_to("elsewhere")
    with pytest.raises(hrd.ResultError, match="choose another name"):
        hrd.export(run(system("line")), tmp_path / "a.pvd", overwrite=True)
    assert (tmp_path / "a_vtk").is_symlink()


@pytest.mark.parametrize("time", [float("nan"), float("inf"), -float("inf")])
def test_times_that_are_none(time, tmp_path):
    with pytest.raises(hrd.ResultError, match="it must be finite"):
        hrd.export(run(system("line")), tmp_path / "a.csv", time=time)
    assert not list(tmp_path.iterdir())


def test_what_was_cut(tmp_path):
    result = run(system("plane"))
    for cut in (result.sel(time=0.04), result.sel(species="S"), result.sel(species=["S"])):
        for suffix in ("xyz", "vtp", "pvd", "simularium"):
            with pytest.raises(hrd.ResultError, match="cut along time or species"):
                hrd.export(cut, tmp_path / f"a.{suffix}")
    with pytest.raises(hrd.ResultError, match="no cells along x"):
        hrd.export(result.isel(x=2), tmp_path / "a.vtu")
    with pytest.raises(hrd.ResultError, match="cutting or averaging"):
        hrd.export(result.mean("x", keep_attrs=True), tmp_path / "a.vtu")
    with pytest.raises(hrd.ResultError, match="positions were cut"):
        hrd.export(result.isel(axis=0), tmp_path / "a.xyz")
    with pytest.raises(hrd.ResultError, match="no"):
        hrd.export(result.isel(time=[]), tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())


def test_a_shorter_collection_leaves_no_file_of_the_longer(tmp_path):
    result = run(system("line"))
    hrd.export(result, tmp_path / "a.pvd")
    hrd.export(result, tmp_path / "a.pvd", time=0.1, overwrite=True)
    assert sorted(p.name for p in (tmp_path / "a_vtk").iterdir()) == [
        "field_000000.vtu",
        "particles_000000.vtp",
    ]


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    result = run(system("line"))
    path = written(result, tmp_path / "a.simularium")
    before = path.read_text()

    def fail(_, place, *__):
        Path(f"{place}.simularium").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(JsonWriter, "save", fail)
    with pytest.raises(hrd.ResultError, match="No space left"):
        hrd.export(result, path, overwrite=True)
    assert path.read_text() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("module", "suffix", "extra"),
    [
        ("simulariumio", "simularium", "simularium"),
        ("pyvista", "pvd", "vtk"),
        ("pyvista", "vtu", "vtk"),
    ],
)
def test_a_missing_library(module, suffix, extra, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(hrd.ResultError, match=rf"pip install hybridrd\[{extra}\]"):
        hrd.export(run(system("line")), tmp_path / f"a.{suffix}")
    assert not list(tmp_path.iterdir())
