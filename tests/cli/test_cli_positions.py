"""Particles recorded from the command line, and what is made of them."""

from pathlib import Path

import numpy as np
import pytest
from support.command_line import LINE, call, folder  # noqa: F401
from support.survivors import same

import hybridrd as hrd

pytestmark = pytest.mark.usefixtures("folder")

RUN = ["run", "line.toml", "--out"]


def simulation():
    return hrd.Simulation(hrd.System.from_toml("line.toml"), dt=0.01, seed=7)


def whole():
    return simulation().run(0.1, 0.02, positions=True)


@pytest.mark.parametrize("out", ["a", "a.zarr", "a.nc"])
def test_positions_are_those_of_the_same_run_in_python(out):
    call(*RUN, out, "--positions")
    same(whole(), hrd.load(out))


def test_the_file_can_ask_for_them():
    Path("line.toml").write_text(LINE + "positions = true\n")
    call(*RUN, "a")
    same(whole(), hrd.load("a"))
    call(*RUN, "b", "--no-positions")
    assert "position" not in hrd.load("b")


def test_a_resumed_run_goes_on_with_them():
    Path("a.checkpoints").mkdir()
    simulation().run(
        0.1, 0.02, out="a", positions=True, checkpoint="a.checkpoints",
        stop=lambda sim: sim.steps >= 4,
    )  # fmt: skip
    said = call(*RUN, "a", "--resume", code=2)
    assert "no particle_id, position, row_size to record" in said
    assert "(--positions)" in said
    call(*RUN, "a", "--resume", "--positions")
    same(whole(), hrd.load("a"))


@pytest.mark.parametrize("suffix", ["simularium", "xyz", "extxyz", "vtp", "vtu", "pvd"])
def test_they_are_exported(suffix):
    call(*RUN, "a", "--positions")
    assert call("export", "a", "-o", f"a.{suffix}") == f"written to a.{suffix}\n"
    if suffix.endswith("xyz"):
        lines = Path(f"a.{suffix}").read_text().splitlines()
        numbers = [int(line) for line in lines if line.isdigit()]
        assert numbers == whole()["copy_number"].sum("species").values.tolist()
    if suffix == "vtp":
        import pyvista

        assert pyvista.read("a.vtp").n_points == whole()["copy_number"][-1].sum()


def test_they_are_drawn():
    call(*RUN, "a", "--positions")
    assert call("plot", "a", "--kind", "snapshot") == "drawn in a.png\n"
    assert call("movie", "a", "--kind", "snapshot").startswith("6 frames, 0.6 s, in a.gif")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["plot", "a", "--kind", "snapshot"], "hybridrd run --positions"),
        (["movie", "a", "--kind", "snapshot"], "hybridrd run --positions"),
        (["export", "a", "-o", "a.simularium"], "hybridrd run --positions"),
        (["export", "a", "-o", "a.xyz"], "hybridrd run --positions"),
        (["export", "a", "-o", "a.vtp"], "hybridrd run --positions"),
        (["export", "bare", "-o", "a.pvd"], "positions=True (--positions)"),
    ],
)
def test_where_they_are_missing_the_option_is_named(command, words):
    call(*RUN, "a")
    hrd.save(hrd.load("a")[["copy_number"]], "bare")
    assert words in call(*command, code=2)


def test_where_there_are_none_the_option_is_refused():
    said = call(*RUN, "a", "--positions", "--replicas", 3, code=2)
    assert "an ensemble keeps no positions, only a single replica does; leave out" in said
    Path("line.toml").write_text(LINE + "positions = true\n")
    said = call(*RUN, "a", "--replicas", 3, code=2)
    assert "give --no-positions: the table [run] asks for them" in said
    said = call("run", "pde.toml", "--out", "a", "--positions", code=2)
    assert "pde.toml: a pure PDE has no particles; leave out --positions" in said
    Path("line.toml").write_text(LINE + "positions = 1\n")
    assert "run.positions = 1: true or false is needed" in call(*RUN, "a", code=2)
    assert sorted(p.name for p in Path().iterdir()) == ["line.toml", "pde.toml"]


@pytest.mark.parametrize("out", ["a.zarr", "a.nc"])
def test_a_log_of_events_is_that_of_the_same_run_in_python(out):
    call(*RUN, out, "--events", "log")
    log = hrd.events(hrd.load(out))
    assert len(log) > 10
    assert log.equals(hrd.events(simulation().run(0.1, 0.02, events="log")))


def test_the_file_can_ask_for_a_log_of_one_run():
    Path("line.toml").write_text(LINE + 'events = "log"\n')
    call(*RUN, "a")
    assert len(hrd.events(hrd.load("a"))) > 10
    said = call(*RUN, "b", "--replicas", "2", code=2)
    assert "run.events: only a single run of particles has a log" in said
    assert "events = 'all'" in call(*RUN, "c", "--events", "all", code=2)


@pytest.mark.parametrize("more", [[], ["--replicas", 2]])
def test_planes_of_a_file_and_of_an_option(more):
    file = Path("line.toml")
    text = file.read_text()
    file.write_text(f"{text}planes = {{ middle = {{ x = 0.5 }} }}\n")
    call("run", file, "--out", "a.zarr", *more)
    call("run", file, "--out", "b.zarr", "--planes", "low:x=0.25, up:x=0.5", *more)
    name = "plane_flux_mean" if more else "plane_flux"
    a, b = hrd.load("a.zarr")[name], hrd.load("b.zarr")[name]
    assert abs(a[-1]).sum() > 0
    np.testing.assert_array_equal(a.sel(plane="middle"), b.sel(plane="up"))


def test_what_is_no_plane_is_refused():
    for given, words in (
        ("p:x=3", "--planes['p'] = Plane(x=3.0): is not inside"),
        ("x=0.5", "give NAME:AXIS=PLACE"),
        ("p:x=0.2,p:x=0.3", "the name is there twice"),
    ):
        assert words in call("run", "line.toml", "--out", "c", "--planes", given, code=2)
    said = call("run", "pde.toml", "--out", "c", "--planes", "p:x=1", code=2)
    assert "--planes: the flux counts particles, and a PDE has none" in said
    with Path("line.toml").open("a") as file:
        file.write("planes = { p = { x = 1, y = 2 }, q = 3, r = { w = 1 } }\n")
    said = call("run", "line.toml", "--out", "c", code=2)
    assert "run.planes.p: Plane(x=1.0, y=2.0): give one position" in said
    assert "run.planes.q = 3: a table is needed" in said
    assert "run.planes.r.w: unknown; the keys here are x, y, z, r" in said
