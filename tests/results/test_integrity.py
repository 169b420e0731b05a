"""Flipped bits are noticed, in every file of every kind of store, and the file is named."""

import numpy as np
import pytest
import xarray as xr
from support.command_line import call, folder  # noqa: F401
from support.survivors import DT, line, same, simulation

import hybridrd as hrd
from hybridrd.errors import ResultError
from hybridrd.results.store import verify


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The same records as a store of a run, as a saved zarr directory, and as a netCDF file."""
    pytest.importorskip("h5py")
    place = tmp_path_factory.mktemp("results")
    result = simulation(line()).run(
        20 * DT, every=DT, out=place / "run.zarr", positions=True, record=["events", "total"]
    )
    hrd.save(result, place / "saved.zarr")
    hrd.save(result, place / "saved.nc")
    return place, result.load()


def flips(data, rng, number):
    """Copies of data with one bit flipped, at random places."""
    for at in rng.choice(8 * len(data), min(number, 8 * len(data)), replace=False):
        bad = bytearray(data)
        bad[at // 8] ^= 1 << at % 8
        yield bytes(bad)


@pytest.mark.parametrize("name", ["run.zarr", "saved.zarr", "saved.nc"])
def test_every_flipped_bit_is_noticed_and_its_file_named(name, results):
    place, whole = results
    path, rng = place / name, np.random.default_rng(4)
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    assert verify(path) == len(files)
    silent, unnamed = [], []
    for file in files:
        data = file.read_bytes()
        for bad in flips(data, rng, 12 if len(files) > 1 else 150):
            file.write_bytes(bad)
            try:
                found = hrd.load(path)
            except ResultError as error:
                if str(file) not in str(error):
                    unnamed.append(f"{file}: {error}")
            else:
                if not found.identical(whole):
                    silent.append(file)
        file.write_bytes(data)
    assert not silent
    # What cannot be a result any more need not name the file in which that is said.
    assert not unnamed
    same(hrd.load(path), whole, but=())


@pytest.mark.parametrize("name", ["run.zarr", "saved.zarr"])
def test_a_lost_chunk_is_noticed(name, results):
    path = results[0] / name
    for file in sorted(path.rglob("c/*")):
        if file.is_file():
            data = file.read_bytes()
            file.unlink()
            with pytest.raises(ResultError, match=f"{file}: is missing"):
                hrd.load(path)
            file.write_bytes(data)
    assert verify(path)


def test_the_command_line_verifies(results, tmp_path):
    path = results[0] / "saved.zarr"
    assert "all checksums are correct" in call("info", path, "--verify")
    file = path / "total/c/0/0"
    data = file.read_bytes()
    bad = bytearray(data)
    bad[5] ^= 4
    file.write_bytes(bytes(bad))
    said = call("info", path, "--verify", code=2)
    file.write_bytes(data)
    assert str(file) in said
    assert "damaged" in said
    xr.Dataset({"n": ("time", [1])}, attrs={"hybridrd_format": 1}).to_zarr(
        tmp_path / "old", consolidated=False, zarr_format=3
    )
    assert "has no checksums" in call("info", tmp_path / "old", "--verify", code=2)
