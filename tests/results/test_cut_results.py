"""Results of one time or species, as `.sel` leaves them, are read as any other."""

import numpy as np
import pytest
from matplotlib import pyplot
from support.command_line import call, folder  # noqa: F401

import hybridrd as hrd
from hybridrd.errors import ResultError
from hybridrd.results.view import View
from hybridrd.results.whole import whole


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def system():
    a, b = hrd.Species("A", D=1.0), hrd.Species("B", D=1.0)
    return hrd.System(
        species=[a, b], domain=hrd.Box(x=(0, 2), y=(0, 1)),
        particles=hrd.Box(x=(0, 1), y=(0, 1)), cells=(20, 10), initial={a: 50.0, b: 20.0},
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(system):
    return hrd.Simulation(system, dt=1e-3, seed=1).run(0.01, every=0.005, positions=True)


@pytest.fixture(scope="module")
def many(system):
    return hrd.ensemble(
        system, 3, dt=1e-3, until=0.01, every=0.005, seed=1, covariance=["copy_number"]
    )


@pytest.mark.parametrize("kind", ["run", "many"])
@pytest.mark.parametrize("dims", [["time"], ["species"], ["time", "species"]])
def test_lost_dimensions_come_back_as_they_were(kind, dims, request):
    result = request.getfixturevalue(kind)
    cut, kept = result.isel(dict.fromkeys(dims, 1)), result.isel({d: [1] for d in dims})
    back = whole(cut)
    assert list(back.data_vars) == list(kept.data_vars)
    for name in kept.data_vars:
        assert back[name].dims == kept[name].dims
        assert back[name].equals(kept[name])
    assert back.attrs == result.attrs


def test_one_time_or_species_is_drawn(run, many):
    x = hrd.plot.profile(many.sel(time=0.005), "A").lines[0].get_ydata()
    mean = many["concentration_mean"].sel(time=0.005, species="A").mean("y")
    assert np.allclose(x, mean.values)
    line = hrd.plot.counts(run.sel(species="B")).lines[0].get_ydata()
    assert line.tolist() == run["copy_number"].sel(species="B").values.tolist()
    assert (
        hrd.plot.field(run.sel(time=0.005, species="B"), "B").get_title().startswith("B, t = 0.005")
    )
    assert len(hrd.plot.compare(many.sel(time=0.01), many.sel(time=0.01), "A")) == 4
    assert hrd.plot.movie(run.sel(time=0.01)).frames == 1
    with pytest.raises(ResultError, match="one record; a kymograph needs at least two"):
        hrd.plot.kymograph(run.sel(time=0.01), "A")
    with pytest.raises(ResultError, match="draw the whole result and choose time"):
        hrd.plot.snapshot(run.sel(time=0.01))


def test_what_is_cut_in_space_or_to_nothing_is_refused(run):
    for picture in (hrd.plot.profile, hrd.plot.field, hrd.plot.kymograph):
        with pytest.raises(ResultError, match=r"has 1 axes of space \(y\), its domain 2"):
            picture(run.isel(x=3), "A")
    with pytest.raises(ResultError, match="has no records"):
        View(run.sel(time=slice(5, 6)), "result")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("at", [{"time": 0.04}, {"species": "A"}])
def test_saved_cuts_are_read_by_the_command_line(at):
    call("run", "line.toml", "--out", "a.zarr")
    hrd.save(hrd.load("a.zarr").sel(at), "cut.zarr")
    said = call("info", "cut.zarr")
    assert ("1 records" in said) == ("time" in at)
    call("plot", "cut.zarr", "-o", "cut.png")
    call("movie", "cut.zarr", "-o", "cut.gif")
    call("export", "cut.zarr", "-o", "cut.csv")
    with open("cut.csv") as file:
        rows = file.read().split()
    assert len(rows) == (2 if "time" in at else 7)
    assert ("copy_number_B" in rows[0]) == ("time" in at)
