"""Looks of pictures from the command line: the options reach the functions that draw."""

from pathlib import Path

import pytest
from matplotlib import pyplot
from support.command_line import call, folder  # noqa: F401

import hybridrd as hrd
from hybridrd.cli import pictures

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    A = hrd.Species("A", D=1.0)
    common = {"species": [A], "units": {"length": "um", "time": "s"}}
    plane = hrd.System(
        domain=hrd.Box(x=(0, 2), y=(0, 1)), particles=hrd.Box(x=(0, 1), y=(0, 1)), cells=(20, 10),
        initial={A: 50.0}, **common,
    )  # fmt: skip
    room = hrd.System(
        domain=hrd.Box(x=(0, 2), y=(0, 1), z=(0, 1)), cells=(8, 4, 4),
        initial={A: hrd.Patch(50.0, x=(0, 1))}, **common,
    )  # fmt: skip
    place = tmp_path_factory.mktemp("look")
    run = hrd.Simulation(plane, dt=1e-3, seed=1).run(0.01, every=0.005, positions=True)
    hrd.save(run, place / "plane.zarr")
    hrd.save(hrd.mean_field(room, dt=1e-3, until=0.01, every=0.005), place / "room.zarr")
    return place


@pytest.fixture
def figures(monkeypatch):
    """The figures that would be written."""
    found = []

    def keep(figure, picture):
        found.append(figure)
        picture.touch()

    monkeypatch.setattr(pictures, "_save", keep)
    yield found
    pyplot.close("all")


def test_field_in_colours_limits_and_units(saved, figures):
    call("plot", saved / "plane.zarr", "-o", "a.png", "--kind", "field", "--cmap", "magma",
         "--vmin", 1, "--vmax", 90, "--xlim", "500,1500", "--units", "length=nm,time=ms",
         "--time", 5, "--no-colorbar", "--bins", 1)  # fmt: skip
    ((ax,),) = (figures[0].axes,)
    image = ax.images[0] if ax.images else ax.collections[0]
    assert image.get_cmap().name == "magma"
    # 1 to 90 per um2 are given in the units of the picture, which are per nm2.
    assert image.get_clim() == (1.0, 90.0)
    assert ax.get_xlim() == (500.0, 1500.0)
    assert "nm" in ax.get_xlabel()
    assert "t = 5 ms" in ax.get_title()


@pytest.mark.parametrize("kind", ["profile", "snapshot", "kymograph", "overview", "counts"])
def test_limits_in_every_kind(saved, figures, kind):
    call("plot", saved / "plane.zarr", "-o", "a.png", "--kind", kind, "--xlim", "0.004,0.009")
    assert figures[0].axes[0].get_xlim() == (0.004, 0.009)


def test_slices_of_three_dimensions(saved, figures):
    call("plot", saved / "room.zarr", "-o", "a.png", "--kind", "field", "--x", 0.6)
    call("plot", saved / "room.zarr", "-o", "b.png", "--kind", "profile", "--axis", "y")
    field, profile = (f.axes[0] for f in figures)
    assert (field.get_xlabel()[0], field.get_ylabel()[0]) == ("y", "z")
    assert "x = 0.6" in field.get_title()
    assert profile.get_xlabel()[0] == "y"


def test_comparison_along_an_axis(saved, figures):
    call("plot", saved / "plane.zarr", "-o", "a.png", "--kind", "compare", "--reference", "pde",
         "--axis", "y", "--units", "nm")  # fmt: skip
    assert [ax.get_xlabel() for ax in figures[0].axes][-1].startswith("y")


def test_movie_has_the_options_of_its_kind(saved):
    said = call("movie", saved / "room.zarr", "-o", "a.gif", "--y", 0.3, "--vmax", 40)
    assert "3 frames" in said
    assert Path("a.gif").read_bytes().startswith(b"GIF89a")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--kind", "counts", "--cmap", "magma"], "counts: there is no argument cmap"),
        (["--kind", "field", "--cmap", "mauve"], "no such colour map"),
        (["--kind", "field", "--xlim", "1"], "give two numbers, LOWER,UPPER"),
        (["--kind", "field", "--levels", "a,b"], "numbers separated by commas"),
        (["--kind", "field", "--units", "furlong=nm"], "units"),
        (["--kind", "field", "--units", "kg"], "units"),
        (["--kind", "field", "--z", "0.5"], "not drawn as a slice|z = 0.5"),
        (["--kind", "field", "--vmin", "9", "--vmax", "2"], "vmin must be below"),
        (["--kind", "field", "--vmin", "nan"], "vmin"),
    ],
)
def test_refusals(saved, options, words):
    import re

    said = call("plot", saved / "plane.zarr", "-o", "a.png", *options, code=2)
    assert re.search(words, said)
    assert "Traceback" not in said
    assert not Path("a.png").exists()
