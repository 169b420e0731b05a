"""Results on disk come back whole, and nothing half-written is left."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hybridrd.errors import ResultError
from hybridrd.model.grid import Grid
from hybridrd.results.attributes import pack, unpack
from hybridrd.results.dataset import Recorder
from hybridrd.results.store import load, save

ATTRIBUTES: dict[str, Any] = {
    "kind": "simulation",
    "dt": 0.1,
    "seed": 2**63 - 1,
    "units": {"length": "µm", "time": "s"},
    "system": {"species": [{"name": "A", "D": 1.0}], "particles": None, "walls": {}},
    "region_lower": [0.0, -1.0],
    "versions": {"numpy": "2.0"},
    "diagnostics": {"interface": [], "limit": math.inf, "open": True},
    "note": "",
    "huge": 2**70,
}
FORMATS = ["line", "line.zarr", "line.nc"]


def result() -> xr.Dataset:
    rng = np.random.default_rng(3)
    offered = ("concentration", "copy_number", "total", "flux", "crossings", "events")
    recorder = Recorder(
        Grid((0.0, -1.0), (2.0, 1.0), (4, 3)), ["A", "Bé"], ["x-", "interface:x+"],
        ["A -> 0"], {"length": "µm", "time": "seconds"}, None, offered,
    )  # fmt: skip
    for k in range(3):
        values = {
            "concentration": rng.random((2, 12)),
            "copy_number": rng.integers(0, 9, 2),
            "total": rng.random(2),
            "flux": rng.random((2, 2)),
            "crossings": rng.integers(-9, 9, (2, 2)),
            "events": rng.integers(0, 9, 1),
            "seen": k % 2 == 0,
            "small": np.float32(k),
        }
        recorder.add(0.1 * k, values)
    return recorder.dataset(dict(ATTRIBUTES))


def path_for(folder: Path, name: str) -> Path:
    if name.endswith(".nc"):
        pytest.importorskip("h5py")
    return folder / name


def same(a: xr.Dataset, b: xr.Dataset) -> None:
    xr.testing.assert_identical(a, b)
    assert list(a.data_vars) == list(b.data_vars)
    for name in a.variables:
        assert a[name].dtype == b[name].dtype, name
        assert dict(a[name].attrs) == dict(b[name].attrs), name
    assert repr(a.attrs) == repr(b.attrs)  # types, too, and infinities


@pytest.mark.parametrize("name", FORMATS)
def test_a_result_comes_back_whole(tmp_path: Path, name: str) -> None:
    path = path_for(tmp_path, name)
    written = result()
    before = written.copy(deep=True)
    save(written, path)
    same(load(path), before)
    same(written, before)  # saving changes nothing in memory
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", FORMATS)
def test_what_was_loaded_can_be_saved_in_any_format(tmp_path: Path, name: str) -> None:
    path = path_for(tmp_path, name)
    save(result(), tmp_path / "first.zarr")
    save(load(tmp_path / "first.zarr"), path)
    save(load(path), tmp_path / "last.zarr")
    same(load(tmp_path / "last.zarr"), result())


VALUES = st.one_of(
    hnp.arrays(np.float64, (2, 3)), hnp.arrays(np.int64, (2, 3)), hnp.arrays(np.bool_, (2, 3)),
    hnp.arrays(np.float32, (2, 3)), hnp.arrays(np.uint64, (2, 3)),
)  # fmt: skip


@pytest.mark.parametrize("suffix", [".zarr", ".nc"])
@given(values=VALUES, labels=st.lists(st.text("aZé> 2+", min_size=1), min_size=3, max_size=3))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_values_and_labels_come_back_bit_for_bit(
    tmp_path: Path, suffix: str, values: np.ndarray, labels: list[str]
) -> None:
    path = path_for(tmp_path, f"run{suffix}")
    written = xr.Dataset(
        {"v": (("time", "species"), values)}, {"species": np.array(labels, dtype=object)}
    )
    save(written, path, overwrite=True)
    found = load(path)
    assert found["v"].dtype == values.dtype
    assert found["v"].values.tobytes() == values.tobytes()  # NaN payloads and signed zeros, too
    assert found["species"].values.tolist() == labels


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abc", min_size=1), JSON), st.booleans())
def test_attributes_survive_packing(attributes: dict[str, Any], netcdf: bool) -> None:
    packed = pack(attributes, netcdf, "here")
    json.dumps(packed, allow_nan=netcdf)  # strict JSON for zarr
    if netcdf:
        assert all(type(v) in (int, float, str) for v in packed.values())
    assert repr(unpack(packed)) == repr(attributes)


def test_numpy_in_attributes_becomes_plain() -> None:
    packed = pack({"n": np.int64(3), "a": np.array([1.5, 2.0]), "t": (1, 2)}, False, "here")
    assert packed == {"n": 3, "a": [1.5, 2.0], "t": [1, 2]}
    assert type(packed["n"]) is int


@pytest.mark.parametrize("labels", [["A", "B"], np.array(["A", "B"]), np.array(["A", "B"], "T")])
def test_any_kind_of_text_can_be_stored(tmp_path: Path, labels: Any) -> None:
    written = xr.Dataset({"n": ("species", [1, 2])}, {"species": labels})
    written["colour"] = ("species", np.array(["red", "blue"]))
    save(written, tmp_path / "run")
    found = load(tmp_path / "run")
    assert found["species"].values.tolist() == ["A", "B"]
    assert found["colour"].values.tolist() == ["red", "blue"]
    assert found["n"].sel(species="B") == 2


def test_xarray_alone_reads_the_zarr_store(tmp_path: Path) -> None:
    written = result()
    save(written, tmp_path / "run.zarr")
    with xr.open_zarr(tmp_path / "run.zarr", consolidated=False) as found:
        assert found["copy_number"].sel(species="Bé", time=0.2) == written["copy_number"][2, 1]
        np.testing.assert_array_equal(found["concentration"], written["concentration"])
        assert found.attrs["system"] == ATTRIBUTES["system"]
        assert found.attrs["hybridrd_format"] == 1


def test_xarray_alone_reads_the_netcdf_file(tmp_path: Path) -> None:
    path = path_for(tmp_path, "run.nc")
    save(result(), path)
    with xr.open_dataset(path, engine="h5netcdf", decode_times=False) as found:
        np.testing.assert_array_equal(found["concentration"], result()["concentration"])
        assert json.loads(found.attrs["system"]) == ATTRIBUTES["system"]


@pytest.mark.parametrize("name", FORMATS)
def test_an_existing_result_is_kept_unless_told(tmp_path: Path, name: str) -> None:
    path = path_for(tmp_path, name)
    save(result(), path)
    other = result().isel(time=slice(1))
    with pytest.raises(ResultError, match=r"exists; .* overwrite=True"):
        save(other, path)
    same(load(path), result())
    save(other, path, overwrite=True)
    same(load(path), other)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_overwrite_spares_what_is_no_result(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("one")
    (tmp_path / "notes.zarr").write_text("two")
    for name in ("thesis", "notes.zarr"):
        with pytest.raises(ResultError, match="not a zarr directory"):
            save(result(), tmp_path / name, overwrite=True)
    assert (tmp_path / "thesis" / "chapter").read_text() == "one"
    assert (tmp_path / "notes.zarr").read_text() == "two"


@pytest.mark.parametrize("standing", [False, True])
def test_nothing_half_written_remains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, standing: bool
) -> None:
    if standing:
        save(result(), tmp_path / "run.zarr")
    write = xr.Dataset.to_zarr

    def breaks(self: xr.Dataset, *args: Any, **kwargs: Any) -> None:
        write(self[["flux"]], *args, **kwargs)
        raise OSError("No space left on device")

    monkeypatch.setattr(xr.Dataset, "to_zarr", breaks)
    with pytest.raises(ResultError, match=r"run\.zarr: cannot be written: No space left"):
        save(result(), tmp_path / "run.zarr", overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["run.zarr"] * standing
    if standing:
        same(load(tmp_path / "run.zarr"), result())


def test_the_old_result_returns_if_the_new_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(result(), tmp_path / "run.zarr")
    import os

    move = os.replace
    moves = []

    def second_fails(source: Path, target: Path) -> None:
        moves.append(target)
        if len(moves) == 2:
            raise OSError("Permission denied")
        move(source, target)

    monkeypatch.setattr(os, "replace", second_fails)
    with pytest.raises(ResultError, match="Permission denied"):
        save(result().isel(time=[0]), tmp_path / "run.zarr", overwrite=True)
    same(load(tmp_path / "run.zarr"), result())
    assert [p.name for p in tmp_path.iterdir()] == ["run.zarr"]


def test_an_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: xr.Dataset, place: Path, **__: Any) -> None:
        Path(place).mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(xr.Dataset, "to_zarr", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(result(), tmp_path / "run.zarr")
    assert list(tmp_path.iterdir()) == []


def test_a_newer_format_and_strangers_are_refused(tmp_path: Path) -> None:
    newer = xr.Dataset({"n": ("time", [1])}, attrs={"hybridrd_format": 2})
    newer.to_zarr(tmp_path / "newer", consolidated=False, zarr_format=3)
    xr.Dataset({"n": ("time", [1])}).to_zarr(tmp_path / "other", consolidated=False, zarr_format=3)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ResultError, match=r"newer: has format 2, .* up to 1; install a newer"):
        load(tmp_path / "newer")
    with pytest.raises(ResultError, match="other: is not a result of hybridrd"):
        load(tmp_path / "other")
    with pytest.raises(ResultError, match="folder: cannot be read as a result"):
        load(tmp_path / "folder")
    with pytest.raises(ResultError, match=r"none\.zarr: there is no such file"):
        load(tmp_path / "none.zarr")


def test_a_file_that_is_not_netcdf_is_refused(tmp_path: Path) -> None:
    path = path_for(tmp_path, "text.nc")
    path.write_text("hello")
    with pytest.raises(ResultError, match=r"text\.nc: cannot be read as a result"):
        load(path)


def test_netcdf_without_its_library_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "h5netcdf", None)
    with pytest.raises(ResultError, match=r"pip install hybridrd\[io\]"):
        save(result(), tmp_path / "run.nc")
    (tmp_path / "run.nc").write_bytes(b"")
    with pytest.raises(ResultError, match=r"pip install hybridrd\[io\]"):
        load(tmp_path / "run.nc")


def test_what_cannot_be_written_says_why(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"run\.csv: .* NAME\.zarr .* not as '\.csv'"):
        save(result(), tmp_path / "run.csv")
    with pytest.raises(ResultError, match="there is no directory"):
        save(result(), tmp_path / "none" / "run.zarr")
    with pytest.raises(ResultError, match=r"attribute 'f' cannot be stored: a function"):
        save(result().assign_attrs(f=path_for), tmp_path / "run.zarr")
    with pytest.raises(ResultError, match="save takes a result"):
        save([1, 2], tmp_path / "run.zarr")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
