"""Live views: the numbers drawn are those of the run, in place, and refusals."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import pyplot

import hybridrd as hrd
from hybridrd.run.progress import Watched

A, B = hrd.Species("A", D=1.0), hrd.Species("B", D=0.5)
SYSTEM = hrd.System(
    species=[A, B], domain=hrd.Box(x=(0, 2), y=(0, 1)), particles=hrd.Box(x=(0, 1), y=(0, 1)),
    cells=(8, 4), reactions=[hrd.Reaction("A -> B", k=2.0)], initial={A: 50.0},
    units={"length": "um", "time": "s"},
)  # fmt: skip


def lines(ax):
    return {line.get_label(): line.get_xydata() for line in ax.lines}


def test_numbers_and_profiles_are_those_of_the_run(monkeypatch):
    monkeypatch.setattr("hybridrd.run.progress._CALLS", 0.0)  # at each chance
    monkeypatch.setattr("hybridrd.run.progress._SHARE", 0.0)
    seen = []
    run = hrd.Simulation(SYSTEM, dt=1e-3, seed=1).run(
        0.008, every=1e-3, progress=hrd.plot.live(show=seen.append)
    )
    left, right = seen[-1].axes
    for name, drawn in lines(left).items():
        recorded = run["copy_number"].sel(species=name)
        expected = recorded.sel(time=drawn[:, 0].round(12)).values
        np.testing.assert_array_equal(drawn[:, 1], expected)
        assert len(drawn) > 5
    last = run["concentration"].isel(time=-1).mean("y")
    stairs = {
        p.get_label(): p.get_data().values for p in right.patches if p.get_label() in ("A", "B")
    }
    for name in "AB":
        np.testing.assert_allclose(stairs[name], last.sel(species=name))
    assert right.get_xlabel() == "x (um)"
    assert seen[-1].get_suptitle() == "t = 0.008 s"
    assert len(set(map(id, seen))) == 1
    pyplot.close("all")


def test_a_pde_of_one_species(monkeypatch):
    monkeypatch.setattr("hybridrd.run.progress._CALLS", 0.0)
    monkeypatch.setattr("hybridrd.run.progress._SHARE", 0.0)
    seen = []
    pde = hrd.mean_field(SYSTEM, dt=1e-3, until=0.01, progress=hrd.plot.live("B", show=seen.append))
    ((name, drawn),) = lines(seen[-1].axes[0]).items()
    assert name == "B"
    assert drawn[-1, 1] == pytest.approx(pde["copy_number"].values[-1, 1])
    pyplot.close("all")


def test_a_notebook_shows_one_figure_in_place(monkeypatch):
    shown = []
    handle = SimpleNamespace(update=lambda figure: shown.append(("update", figure)))

    def display(figure, display_id):
        shown.append((display_id, figure))
        return handle

    fake = SimpleNamespace(
        display=display,
        get_ipython=lambda: SimpleNamespace(config={"IPKernelApp": {}}),
    )
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", fake)
    hrd.Simulation(SYSTEM, dt=1e-3, seed=1).run(0.002, progress=hrd.plot.live())
    assert [what for what, _ in shown] == [True, "update"]
    assert not pyplot.get_fignums()


@pytest.mark.parametrize(("costs", "expected"), [(0.0, 4), (0.15, 3)])
def test_it_is_called_once_a_second_or_for_a_tenth_of_the_time(costs, expected):
    now, calls = [0.0], []

    def draw(what):
        calls.append(what)
        now[0] += costs

    with Watched(draw, "run", lambda: now[0]) as bar:
        for now[0] in (0.4, 0.9, 1.1, 1.5, 2.2):
            bar.update(3)
    assert calls == ["run"] * expected


def test_refusals():
    with pytest.raises(hrd.ResultError, match="neither a notebook nor a window"):
        hrd.plot.live()
    sim = hrd.Simulation(SYSTEM, dt=1e-3, seed=1)
    with pytest.raises(hrd.ResultError, match="no species 'Z'; there are A, B"):
        sim.run(0.002, progress=hrd.plot.live("Z", show=len))
    with pytest.raises(hrd.ModelError, match="progress failed: ZeroDivisionError"):
        sim.run(0.002, progress=lambda _: 1 / 0)
    with pytest.raises(hrd.ModelError, match="progress = 'yes': it is True or False"):
        sim.run(0.002, progress="yes")
