"""Pictures from the command line: what is drawn, where, and beside what."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot
from support.command_line import call, folder  # noqa: F401

import hybridrd as hrd
import hybridrd.plotting

pytestmark = pytest.mark.usefixtures("folder")
SIGNATURES = {"png": b"\x89PNG\r\n\x1a\n", "pdf": b"%PDF-", "svg": b"<?xml"}


@pytest.fixture(autouse=True)
def _close():
    pyplot.close("all")  # those of other tests
    yield
    pyplot.close("all")


@pytest.fixture
def drawn(monkeypatch):
    """What `overview` was asked to draw; it draws all the same."""
    calls = []
    overview = hybridrd.plotting.overview

    def spy(result, reference=None, times=None):
        calls.append((result, reference, times))
        return overview(result, reference, times)

    monkeypatch.setattr(hybridrd.plotting, "overview", spy)
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

    monkeypatch.setattr(hybridrd.plotting, "overview", fail)
    from typer.testing import CliRunner

    from hybridrd.cli.app import app

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
        (["--time", 0.5], ["no record near t = 0.5", "nearest is at t = 0.1"]),
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


# Other kinds of pictures, and movies

PLANE = """\
[system]
domain = { x = [0, 4], y = [0, 2] }
particles = { x = [0, 2], y = [0, 2] }
cells = [8, 4]
units = { length = "um", time = "s" }

[[species]]
name = "A"
D = 0.5
initial = 20.0

[run]
dt = 0.01
until = 0.04
every = 0.02
seed = 7
"""


@pytest.fixture
def saved(request):
    """A run with positions, its PDE and an ensemble, on disk."""
    request.getfixturevalue("folder")
    Path("plane.toml").write_text(PLANE)
    system = hrd.System.from_toml("plane.toml")
    run = hrd.Simulation(system, dt=0.01, seed=1).run(0.04, every=0.02, positions=True)
    hrd.save(run, "run.zarr")
    hrd.save(hrd.mean_field(system, dt=0.01, until=0.04, every=0.02), "pde.zarr")
    many = hrd.ensemble(system, replicas=3, dt=0.01, until=0.04, every=0.02, seed=1)
    hrd.save(many, "many.zarr")
    return system


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize("kind", ["profile", "field", "counts", "kymograph", "snapshot"])
def test_every_kind_can_be_drawn(kind):
    assert call("plot", "run.zarr", "--kind", kind, "-o", "a.png") == "drawn in a.png\n"
    assert Path("a.png").read_bytes().startswith(SIGNATURES["png"])
    assert not pyplot.get_fignums()


def test_a_sheet_has_a_row_for_each_species_and_a_column_for_each_time():
    from hybridrd.plotting.sheet import sheet

    run = hrd.Simulation(hrd.System.from_toml("line.toml"), dt=0.01, seed=1).run(0.1, every=0.05)
    axes = sheet("profile", run, times=[0.0, 0.1]).axes
    assert [ax.get_title() for ax in axes] == ["A, t = 0", "A, t = 0.1", "B, t = 0", "B, t = 0.1"]
    pyplot.close("all")


@pytest.mark.usefixtures("saved")
def test_its_own_pde_is_the_reference():
    from hybridrd.cli.pictures import _reference

    pde = _reference(hrd.load("run.zarr"), Path("run.zarr"), "pde")
    assert pde.drop_attrs().equals(hrd.load("pde.zarr").drop_attrs())
    call("plot", "many.zarr", "--kind", "compare", "--reference", "pde", "-o", "a.png")
    call("plot", "many.zarr", "--kind", "compare", "--reference", "pde.zarr", "-o", "b.png")
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["plot", "run.zarr", "--kind", "film"], ["--kind film", "kymograph"]),
        (["plot", "run.zarr", "--kind", "compare"], ["needs --reference", "pde"]),
        (["plot", "run.zarr", "--kind", "field", "--reference", "pde"], ["accepts no reference"]),
        (["plot", "run.zarr", "--kind", "profile", "--reference", "no"], ["no: there is no such"]),
        (["plot", "many.zarr", "--kind", "snapshot"], ["an ensemble keeps no positions"]),
        (["movie", "run.zarr", "--fps", 0], ["fps = 0"]),
        (["movie", "run.zarr", "--kind", "counts"], ["kind = 'counts'", "profile, field"]),
        (["movie", "run.zarr", "--species", "C"], ["no species 'C'"]),
        (["movie", "pde.zarr", "--kind", "snapshot"], ["a PDE has no particles"]),
        (["movie", "run.zarr", "-o", "a.mp4"], ["'.mp4'", ".gif, .html"]),
        (["movie", "no.zarr"], ["there is no such file"]),
    ],
)
@pytest.mark.usefixtures("saved")
def test_pictures_that_cannot_be_are_refused(options, words):
    said = call(*options, code=2)
    assert all(word in said for word in words)
    assert not [p for p in Path().iterdir() if p.suffix in (".png", ".gif", ".part")]


def test_functions_are_not_stored_so_their_pde_is_asked_for(saved):
    system = saved.replace(initial={"A": lambda x: 20 + x})
    run = hrd.Simulation(system, dt=0.01, seed=1).run(0.04, every=0.02)
    hrd.save(run, "f.zarr")
    said = call("plot", "f.zarr", "--kind", "compare", "--reference", "pde", code=2)
    assert "Python functions" in said
    assert "--reference PATH" in said


@pytest.mark.usefixtures("saved")
def test_a_movie_is_made():
    from PIL import Image

    said = call("movie", "run.zarr", "--kind", "snapshot", "--fps", 4)
    assert said == "3 frames, 0.75 s, in run.gif\n"
    with Image.open("run.gif") as gif:
        assert (gif.n_frames, gif.info["duration"]) == (3, 250)
    assert "run.gif: exists" in call("movie", "run.zarr", code=2)
    call("movie", "run.zarr", "--overwrite", "--every", 2, "-o", "run.gif")
    with Image.open("run.gif") as gif:
        assert gif.n_frames == 2
    assert not pyplot.get_fignums()


def test_the_nearest_record_is_drawn(drawn):
    call("run", "line.toml", "--out", "a")
    call("plot", "a", "--time", 0.045, "-o", "a.png")
    assert drawn[0][2] == [0.04]


def test_a_species_given_twice_is_drawn_once(drawn):
    call("run", "line.toml", "--out", "a")
    call("plot", "a", "--species", "B", "--species", "B", "-o", "a.png")
    assert drawn[0][0]["species"].values.tolist() == ["B"]


@pytest.mark.parametrize("kind", ["counts", "kymograph"])
def test_pictures_of_all_times_take_none(kind):
    call("run", "line.toml", "--out", "a")
    said = call("plot", "a", "--kind", kind, "--time", 0.04, "-o", "a.png", code=2)
    assert f"--kind {kind}: shows all times; leave out --time" in said


def test_suffixes_may_be_upper_case():
    call("run", "line.toml", "--out", "a")
    for name, signature in (("a.PNG", SIGNATURES["png"]), ("a.GIF", b"GIF8")):
        call("plot" if name.endswith("PNG") else "movie", "a", "-o", name)
        assert Path(name).read_bytes().startswith(signature)
    assert not list(Path().glob(".*"))


def test_a_picture_that_fails_leaves_the_old_one(monkeypatch):
    call("run", "line.toml", "--out", "a", "--plot", "a.png")
    before = Path("a.png").read_bytes()

    def fail(_, part, **__):
        Path(part).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    assert "No space left" in call("plot", "a", "-o", "a.png", "--overwrite", code=2)
    assert Path("a.png").read_bytes() == before
    assert not list(Path().glob(".*"))


def test_the_length_of_a_gif_is_that_of_its_frames():
    from PIL import Image

    call("run", "line.toml", "--out", "a")
    said = call("movie", "a", "--fps", 40, "-o", "a.gif")
    with Image.open("a.gif") as gif:
        frames, each = gif.n_frames, gif.info["duration"]
    assert (frames, each) == (6, 20)
    assert "6 frames, 0.12 s, in a.gif" in said
    assert "50 per second" in said
    assert "fps = 0.001: give 0.01 to 50" in call(
        "movie", "a", "--fps", 0.001, "-o", "b.gif", code=2
    )
