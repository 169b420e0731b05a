"""OME-Zarr images: the same numbers at the same places, by the specification's own words."""

import json

import numpy as np
import pytest
import zarr
from support.exported import DOMAINS, run, shell, system, written

import hybridrd as hrd


def image_of(path):
    group = zarr.open_group(str(path), mode="r")
    (multiscale,) = group.attrs["ome"]["multiscales"]
    (data,) = multiscale["datasets"]
    return group[data["path"]], multiscale, group.attrs["ome"]["omero"]["channels"]


@pytest.mark.parametrize("kind", DOMAINS)
def test_fields_are_where_they_were(kind, tmp_path):
    result = run(system(kind, cells=(8, 4, 6)[: len(DOMAINS[kind].axes)]))
    image, multiscale, channels = image_of(written(result, tmp_path / "a.ome.zarr"))
    axes = multiscale["axes"]
    assert list(image.metadata.dimension_names) == [a["name"] for a in axes]
    assert [a["type"] for a in axes] == ["time", "channel", *["space"] * (len(axes) - 2)]
    assert [a.get("unit") for a in axes] == ["second", None, *["micrometer"] * (len(axes) - 2)]
    scale, move = multiscale["datasets"][0]["coordinateTransformations"]
    assert (scale["type"], move["type"]) == ("scale", "translation")
    assert [c["label"] for c in channels] == ["S", "I"]
    # By name and place: where the transformation puts a pixel, the result has the same number.
    c = result["concentration"]
    space = [a["name"] for a in axes[2:]]
    rng = np.random.default_rng(1)
    for _ in range(50):
        index = [int(rng.integers(n)) for n in image.shape]
        at = dict(zip(["time", "c", *space], np.multiply(index, scale["scale"]), strict=True))
        at = {n: v + m for (n, v), m in zip(at.items(), move["translation"], strict=True)}
        places = {n: v for n, v in at.items() if n in c.dims}
        found = c.sel(species=channels[int(at["c"])]["label"]).sel(
            places, method="nearest", tolerance=1e-9
        )
        assert image[tuple(index)] == np.float32(found)
    assert len(image.shape) == 2 + max(2, len(DOMAINS[kind].axes))


def test_another_reader_opens_it(tmp_path):
    reader = pytest.importorskip("ome_zarr.reader")
    io = pytest.importorskip("ome_zarr.io")
    result = run(system("space"))
    path = written(result, tmp_path / "a.ome.zarr")
    (node, *_) = list(reader.Reader(io.parse_url(str(path)))())
    c = result["concentration"].transpose("time", "species", "z", "y", "x")
    np.testing.assert_array_equal(np.asarray(node.data[0]), c.values.astype(np.float32))
    assert node.metadata["channel_names"] == ["S", "I"]


def test_ensembles_show_their_mean_and_one_record_its_time(tmp_path):
    described = system("plane", units={"length": "furlong"})
    result = hrd.ensemble(described, replicas=3, dt=0.01, until=0.1, every=0.05, seed=1)
    image, multiscale, _ = image_of(written(result, tmp_path / "a.ome.zarr", time=0.05))
    mean = result["concentration_mean"].sel(time=[0.05]).transpose("time", "species", "y", "x")
    np.testing.assert_array_equal(image[:], mean.values.astype(np.float32))
    move = multiscale["datasets"][0]["coordinateTransformations"][1]["translation"]
    assert move[0] == 0.05
    assert all("unit" not in a for a in multiscale["axes"])


def test_obstacles_are_not_a_number(tmp_path):
    rock = hrd.Box(x=(4, 5), y=(0, 1))
    result = run(system("plane", obstacles=rock))
    image, _, channels = image_of(written(result, tmp_path / "a.ome.zarr"))
    c = result["concentration"].transpose("time", "species", "y", "x")
    rocks = (result["mask"] == 0).transpose("y", "x").values
    assert rocks.sum() == 4
    np.testing.assert_array_equal(image[:], np.where(rocks, np.nan, c).astype(np.float32))
    assert all(np.isfinite(channel["window"]["max"]) for channel in channels)


def test_places(tmp_path):
    result, path = run(system("line")), tmp_path / "a.ome.zarr"
    with pytest.raises(hrd.ResultError, match="a shell has only r"):
        hrd.export(run(shell()), path)
    with pytest.raises(hrd.ResultError, match="concentration was not recorded"):
        hrd.export(run(system("line"), record=["total"]), path)
    with pytest.raises(hrd.ResultError, match=r"hybridrd.save writes NAME\.zarr"):
        hrd.export(result, tmp_path / "a.zarr")
    path.mkdir()
    (path / "mine").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(hrd.ResultError, match="not an export of hybridrd"):
            hrd.export(result, path, overwrite=overwrite)
    assert (path / "mine").read_text() == "mine"
    other = tmp_path / "B.OME.ZARR"
    assert hrd.export(result, other) == other
    with pytest.raises(hrd.ResultError, match="overwrite=True"):
        hrd.export(result, other)
    written(result, other, time=0.0, overwrite=True)
    about = json.loads((other / "zarr.json").read_text())["attributes"]
    assert about["hybridrd"]["times"] == [0.0]
