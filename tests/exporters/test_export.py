"""Results for other programs, read back by their own readers: the same positions and numbers."""

import json

import ase.io
import numpy as np
import pandas as pd
import pytest
import pyvista
import xarray as xr
from simulariumio import FileConverter, InputFileData
from support.exported import DOMAINS, S, particles, run, shell, system, written

import hybridrd as hrd
from hybridrd.exporters import SUFFIXES

FILES = [s for s in SUFFIXES if s != ".ome.zarr"]  # that is a folder


@pytest.fixture(scope="module", params=[*DOMAINS, "shell"])
def result(request):
    return run(shell() if request.param == "shell" else system(request.param))


def test_simularium(result, tmp_path, capsys):
    path = written(result, tmp_path / "run.simularium")
    assert capsys.readouterr().out == ""
    data = FileConverter(InputFileData(file_path=str(path)))._data
    about = json.loads(path.read_text())["trajectoryInfo"]
    sides = np.array([about["size"][a] for a in "xyz"])
    assert 4 <= sides.max() <= 64
    agents = data.agent_data
    np.testing.assert_array_equal(agents.times, result["time"])
    np.testing.assert_array_equal(agents.n_agents, result["row_size"].sum("species"))
    # The longest side is the domain's; the middle of the domain is at 0.
    axis = str(result["axis"].values[0])
    x = result[axis].values
    length = (x[-1] - x[0]) * len(x) / (len(x) - 1)
    scale = sides.max() / length
    middle = np.zeros(3)
    for k, name in enumerate(result["axis"].values):
        middle[k] = result[name].mean()
    for k, (_, place, names, ids) in enumerate(particles(result)):
        n = len(ids)
        np.testing.assert_allclose(agents.positions[k, :n] / scale + middle, place, atol=1e-12)
        np.testing.assert_array_equal(agents.unique_ids[k, :n], ids)
        assert list(agents.types[k][:n]) == list(names)  # the reader pads
    # Lengths are in units of a power of ten of the system's.
    unit = data.spatial_units
    if result.attrs["units"]:
        metres = unit.magnitude * {"µm": 1e-6, "nm": 1e-9}[unit.name]
        assert metres * scale == pytest.approx(1e-6)
        assert data.time_units.name == "s"
    else:
        assert unit.name == ""
        assert unit.magnitude * scale == pytest.approx(1.0)
    traces = {t["name"]: t["y"] for t in data.plots[0]["data"]}
    for name in ("S", "I"):
        np.testing.assert_array_equal(traces[name], result["copy_number"].sel(species=name))


def test_extended_xyz(result, tmp_path):
    path = written(result, tmp_path / "run.extxyz")
    frames = ase.io.read(path, index=":")
    assert len(frames) == result.sizes["time"]
    for frame, (time, place, names, ids) in zip(frames, particles(result), strict=True):
        np.testing.assert_array_equal(frame.positions, place)
        np.testing.assert_array_equal(frame.arrays["id"] if len(ids) else [], ids)
        assert frame.get_chemical_symbols() == list(names)
        assert frame.info["Time"] == time
        for k, axis in enumerate(result["axis"].values):
            x = result[axis].values
            h = (x[-1] - x[0]) / (len(x) - 1)
            assert frame.cell[k, k] == pytest.approx(h * len(x))
            assert frame.info["Origin"][k] == pytest.approx(x[0] - h / 2)
        assert frame.get_volume() > 0
        assert list(frame.pbc) == ["y" in result.coords and a == 1 for a in range(3)]
        assert frame.info.get("length_unit") == result.attrs["units"].get("length")


def check_points(points, place, names, ids):
    assert points.n_points == len(ids)
    if len(ids):
        np.testing.assert_allclose(points.points, place, atol=0)
        np.testing.assert_array_equal(points.point_data["id"], ids)
        assert list(np.array(["S", "I"])[points.point_data["species"]]) == list(names)
    assert list(points.field_data["species_names"]) == ["S", "I"]


def check_cells(cells, result, k):
    for name in ("S", "I"):
        field = result["concentration"].isel(time=k).sel(species=name)
        found = cells.cell_data[f"concentration_{name}"]
        np.testing.assert_array_equal(np.sort(found), np.sort(field.values.ravel()))
        # Each cell has the value at its centre.
        at = dict(zip(map(str, result["axis"].values), cells.cell_centers().points.T, strict=False))
        there = {a: xr.DataArray(x, dims="cell") for a, x in at.items()}
        near = field.sel(there, method="nearest")
        np.testing.assert_array_equal(near, found)
    inside = cells.cell_data["region"] == 1
    x = cells.cell_centers().points[:, 0]
    np.testing.assert_array_equal(inside, x < 3)
    sizes = cells.compute_cell_sizes().cell_data
    measure = sizes["Length"] + sizes["Area"] + sizes["Volume"]
    assert measure.sum() == pytest.approx(
        np.prod(
            [result[a].size * float(result[a][1] - result[a][0]) for a in result["axis"].values]
        )
    )


def test_vtk_collection(result, tmp_path):
    path = written(result, tmp_path / "run.pvd")
    reader = pyvista.get_reader(path)
    np.testing.assert_array_equal(reader.time_values, result["time"])
    for k, (time, *expected) in enumerate(particles(result)):
        reader.set_active_time_value(time)
        cells, points = reader.read()
        check_points(points, *expected)
        check_cells(cells, result, k)
        assert cells.field_data["TimeValue"] == points.field_data["TimeValue"] == time
        if result.attrs["units"]:
            assert list(points.field_data["length_unit"]) == ["um"]


def test_one_record_as_vtk(result, tmp_path):
    records = list(particles(result))
    _, *last = records[-1]
    check_points(pyvista.read(written(result, tmp_path / "a.vtp")), *last)
    check_cells(pyvista.read(written(result, tmp_path / "a.vtu")), result, 5)
    _, *second = records[1]
    points = pyvista.read(written(result, tmp_path / "b.vtp", time=0.02))
    check_points(points, *second)
    check_cells(pyvista.read(written(result, tmp_path / "b.vtu", time=0.02)), result, 1)


def test_one_record_of_the_others(result, tmp_path):
    _, place, _, ids = list(particles(result))[2]
    (frame,) = ase.io.read(written(result, tmp_path / "a.xyz", time=0.04), index=":")
    np.testing.assert_array_equal(frame.positions, place)
    with xr.open_dataset(written(result, tmp_path / "a.nc", time=0.04), engine="h5netcdf") as one:
        np.testing.assert_array_equal(one["particle_id"], ids)
    table = pd.read_csv(written(result, tmp_path / "a.csv", time=0.04))
    assert list(table.iloc[:, 0]) == [0.04]


def test_csv_of_a_run(result, tmp_path):
    table = pd.read_csv(written(result, tmp_path / "run.csv"))
    time = "time [s]" if result.attrs["units"] else "time"
    columns = ["copy_number_S", "copy_number_I", "total_S", "total_I"]
    assert list(table.columns) == [time, *columns]
    np.testing.assert_array_equal(table[time], result["time"])
    for column in columns:
        variable, species = column.rsplit("_", 1)
        np.testing.assert_array_equal(table[column], result[variable].sel(species=species))


def test_netcdf(result, tmp_path):
    path = written(result, tmp_path / "run.nc")
    with xr.open_dataset(path, engine="h5netcdf") as opened:
        for name in ("position", "particle_id", "copy_number", "concentration"):
            np.testing.assert_array_equal(opened[name], result[name])
    xr.testing.assert_identical(hrd.load(path), result)


def test_an_ensemble(tmp_path):
    many = hrd.ensemble(
        system("plane"), replicas=4, dt=0.01, until=0.02, every=0.01, seed=1,
        keep=["concentration", "copy_number", "total"], covariance=["copy_number"],
    )  # fmt: skip
    table = pd.read_csv(written(many, tmp_path / "many.csv"))
    for column in ("copy_number_S_mean", "copy_number_I_sem", "total_S_mean"):
        variable, species, statistic = column.rsplit("_", 2)
        values = many[f"{variable}_{statistic}"].sel(species=species)
        np.testing.assert_array_equal(table[column], values)
    cells = pyvista.read(written(many, tmp_path / "many.vtu"))
    for statistic in ("mean", "sem", "var"):
        values = many[f"concentration_{statistic}"].isel(time=-1).sel(species="S").values
        found = cells.cell_data[f"concentration_S_{statistic}"].reshape(values.shape, order="F")
        np.testing.assert_array_equal(found, values)
    for suffix in ("simularium", "xyz", "vtp"):
        with pytest.raises(hrd.ResultError, match="one of its replicas"):
            hrd.export(many, tmp_path / f"many.{suffix}")


def test_one_replica_has_no_standard_error(tmp_path):
    one = hrd.ensemble(system("line"), replicas=1, dt=0.01, until=0.02, every=0.01, seed=1)
    cells = pyvista.read(written(one, tmp_path / "one.vtu"))
    assert np.isnan(cells.cell_data["concentration_S_sem"]).all()
    assert np.isfinite(cells.cell_data["concentration_S_mean"]).all()
    table = pd.read_csv(written(one, tmp_path / "one.csv"))
    assert table["copy_number_S_sem"].isna().all()


def test_a_pde(tmp_path):
    pde = hrd.mean_field(system("plane", particles=None), dt=0.01, until=0.02, every=0.01)
    reader = pyvista.get_reader(written(pde, tmp_path / "pde.pvd"))
    reader.set_active_time_value(0.01)
    (cells,) = reader.read()
    values = pde["concentration"].isel(time=1).sel(species="S").values
    np.testing.assert_array_equal(cells.cell_data["concentration_S"], values.ravel(order="F"))
    assert not cells.cell_data["region"].any()
    with pytest.raises(hrd.ResultError, match="there are no particles"):
        hrd.export(pde, tmp_path / "pde.xyz")


def test_records_without_particles(tmp_path):
    dies = system("plane", particles=DOMAINS["plane"], initial={S: hrd.Copies(4)})
    dies = dies.replace(reactions=[hrd.Reaction("S -> 0", k=1000.0)])
    result = run(dies)
    assert result["row_size"].sum("species").values.tolist() == [4, 0, 0, 0, 0, 0]
    frames = ase.io.read(written(result, tmp_path / "a.xyz"), index=":")
    assert [len(f) for f in frames] == [4, 0, 0, 0, 0, 0]
    reader = pyvista.get_reader(written(result, tmp_path / "a.pvd"))
    reader.set_active_time_value(0.1)
    assert reader.read()[1].n_points == 0
    nothing = run(dies.replace(initial={}))
    path = written(nothing, tmp_path / "a.simularium")
    data = FileConverter(InputFileData(file_path=str(path)))._data
    assert data.agent_data.n_agents.tolist() == [0] * 6


def test_a_result_read_from_disk(result, tmp_path):
    hrd.save(result, tmp_path / "run.zarr")
    loaded = hrd.load(tmp_path / "run.zarr")
    for name in ("a.xyz", "a.csv", "a.simularium", "a.vtp", "a.vtu"):
        hrd.export(result, tmp_path / name)
        hrd.export(loaded, tmp_path / f"b{name}")
        assert (tmp_path / name).read_text() == (tmp_path / f"b{name}").read_text().replace(
            '"ba"', '"a"'
        )


def test_ids_too_large_for_simularium_are_renumbered(tmp_path):
    result = run(system("plane"))
    result["particle_id"] = result["particle_id"] + np.uint64(2**31 - 5)
    path = written(result, tmp_path / "a.simularium")
    agents = FileConverter(InputFileData(file_path=str(path)))._data.agent_data
    rows = [agents.unique_ids[k, : int(n)] for k, n in enumerate(agents.n_agents)]
    ids = np.concatenate(rows)
    # The same particles, by smaller numbers.
    pairs = set(zip(ids.tolist(), result["particle_id"].values.tolist(), strict=True))
    assert len(pairs) == len(np.unique(result["particle_id"])) == len(np.unique(ids))
    assert ids.max() == len(pairs) - 1


@pytest.mark.parametrize(
    ("label", "name", "magnitude"),
    [("µm", "nm", 100.0), ("m", "mm", 100.0), ("3 um", "3 um", 0.1),
     ("lattice", "lattice", 0.1), ("??", "??", 0.1), ("", "", 0.1)],
)  # fmt: skip
def test_units_of_simularium(label, name, magnitude, tmp_path):
    # The domain of 4 is written as 40: the unit is a tenth of the system's.
    result = run(system("plane", units={"length": label}))
    path = written(result, tmp_path / "a.simularium")
    unit = json.loads(path.read_text())["trajectoryInfo"]["spatialUnits"]
    assert unit == {"name": name, "magnitude": magnitude}


def test_walls_of_results_that_do_not_name_periodic_axes(tmp_path):
    old = run(system("plane"))
    del old.attrs["periodic"]
    (frame, *_) = ase.io.read(written(old, tmp_path / "a.xyz"), index=":")
    assert list(frame.pbc) == [False, True, False]


def test_periodic_walls_of_a_system_with_functions(tmp_path):
    result = run(system("plane", reactions=[hrd.Reaction("S -> I", k=lambda x: x)]))
    assert isinstance(result.attrs["system"], str)
    (frame, *_) = ase.io.read(written(result, tmp_path / "a.xyz"), index=":")
    assert list(frame.pbc) == [False, True, False]


def test_one_cell(tmp_path):
    box = hrd.Box(x=(1, 3), y=(0, 1))
    result = run(system("plane", domain=box, particles=box, cells=(1, 4)))
    frame = ase.io.read(written(result, tmp_path / "a.xyz"), index=-1)
    assert np.diag(frame.cell).tolist() == [2.0, 1.0, 0.25]
    assert pyvista.read(written(result, tmp_path / "a.vtu")).bounds[:4] == (1, 3, 0, 1)


def test_one_record_or_one_species_of_a_result(tmp_path):
    result = run(system("plane"))
    table = pd.read_csv(written(result, tmp_path / "all.csv"))
    one = pd.read_csv(written(result.sel(time=0.04), tmp_path / "t.csv"))
    assert one.equals(table.iloc[[2]].reset_index(drop=True))
    only = pd.read_csv(written(result.sel(species="I"), tmp_path / "s.csv"))
    assert only.equals(table[["time [s]", "copy_number_I", "total_I"]])
    both = pd.read_csv(written(result.sel(species="I", time=0.04), tmp_path / "b.csv"))
    assert both.equals(only.iloc[[2]].reset_index(drop=True))
    check_cells(pyvista.read(written(result.sel(time=0.04), tmp_path / "t.vtu")), result, 2)
    cells = pyvista.read(written(result.sel(species="I"), tmp_path / "s.vtu", time=0.04))
    values = result["concentration"].sel(species="I", time=0.04).values
    np.testing.assert_array_equal(cells.cell_data["concentration_I"], values.ravel(order="F"))
    assert "concentration_S" not in cells.cell_data


@pytest.mark.parametrize(
    ("unit", "spelled"),
    [
        ("\u00b5m", "um"),
        ("\u03bcm", "um"),
        ("\u00c5", "angstrom"),
        ("\u212b", "angstrom"),
        ("m\u00e8tre", "metre"),
        ("\u5c3a", "\\u5c3a"),
        ("nm", "nm"),
    ],
)
def test_units_beyond_ascii_in_vtk(unit, spelled, tmp_path):
    result = run(system("plane", units={"length": unit}))
    for name in ("a.vtu", "a.vtp"):
        data = pyvista.read(written(result, tmp_path / name))
        assert list(data.field_data["length_unit"]) == [spelled]
    hrd.export(result, tmp_path / "a.pvd")
    cells, _ = pyvista.get_reader(tmp_path / "a.pvd").read()
    assert list(cells.field_data["length_unit"]) == [spelled]


@pytest.mark.parametrize("suffix", FILES)
def test_suffixes_in_upper_case(suffix, tmp_path):
    result = run(system("plane"))
    hrd.export(result, tmp_path / f"a{suffix}")
    hrd.export(result, tmp_path / f"b{suffix.upper()}")
    found = (tmp_path / f"b{suffix.upper()}").read_bytes()
    expected = (tmp_path / f"a{suffix}").read_bytes()
    if suffix == ".nc":
        assert found[:8] == expected[:8]  # both HDF5
    else:
        assert found == expected.replace(b'"a"', b'"b"').replace(b"a_vtk", b"b_vtk")
