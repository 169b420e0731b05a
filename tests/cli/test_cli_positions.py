"""Particles recorded from the command line, and what is made of them."""

from pathlib import Path

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
    assert "an ensemble keeps no positions, one replica does; leave out --positions" in said
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
    assert "run.events: a log is of one run" in call(*RUN, "b", "--replicas", "2", code=2)
    assert "events = 'all'" in call(*RUN, "c", "--events", "all", code=2)
