"""Colours, contour lines and windows of images, as a user of Matplotlib expects them."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import LogNorm, PowerNorm
from support.recorded import PLANE
from test_pictures import assert_no_text_overlaps, record

import hybridrd as hrd
from hybridrd.errors import ResultError


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_map_norm_and_ends():
    run = record(PLANE)
    image = hrd.plot.field(run, "A", cmap="magma", vmin=1.0, vmax=9.0).images[0]
    assert (image.get_cmap().name, image.get_clim()) == ("magma", (1.0, 9.0))
    image = hrd.plot.field(run, "A", norm="log", vmin=0.5, vmax=20.0).images[0]
    assert isinstance(image.norm, LogNorm)
    assert image.get_clim() == (0.5, 20.0)
    norm = PowerNorm(0.5, 0.0, 30.0)
    assert hrd.plot.field(run, "A", norm=norm).images[0].norm is norm
    mesh = hrd.plot.kymograph(run, "A", cmap="cividis", vmax=7.0).collections[0]
    assert (mesh.get_cmap().name, mesh.get_clim()) == ("cividis", (0.0, 7.0))


def test_a_window_has_the_colours_of_its_own_cells():
    run = record(PLANE, "mean-field", seed=5)
    c = run["concentration"].sel(species="A").isel(time=-1)
    low, high = float(c.x[3]), float(c.x[8])
    ax = hrd.plot.field(run, "A", xlim=(low, high), ylim=(float(c.y[0]), float(c.y[5])))
    assert ax.get_xlim() == (low, high)
    part = c.isel(x=slice(3, 9), y=slice(0, 6)).values
    assert ax.images[0].get_clim()[1] == pytest.approx(np.percentile(part, 99))
    assert_no_text_overlaps(ax.figure)


def test_contour_lines_and_bars():
    pde = record(PLANE, "mean-field", seed=5)
    c = pde["concentration"].sel(species="A").isel(time=-1).values
    level = float(np.median(c))
    ax = hrd.plot.field(pde, "A", levels=[level], colorbar={"label": "A (nM)", "ticks": [0, 1]})
    (lines,) = (s for s in ax.collections if hasattr(s, "levels"))
    assert lines.levels.tolist() == [level]
    bar = ax.child_axes[0]
    assert (bar.get_ylabel(), bar.get_yticks().tolist()) == ("A (nM)", [0, 1])
    ax = hrd.plot.field(pde, "A", levels=3, vmax=4.0, reference=pde)
    (lines,) = (s for s in ax.collections if hasattr(s, "levels"))
    assert lines.levels.tolist() == [1.0, 2.0, 3.0]


def test_one_noisy_place_does_not_stretch_a_kymograph():
    A, line = hrd.Species("A", D=1.0), hrd.Box(x=(0, 1))
    system = hrd.System(species=[A], domain=line, particles=line, initial={A: 400.0})
    run = hrd.Simulation(system, dt=0.01, seed=1).run(until=0.1, every=0.01)
    run["concentration"][2, 0, 5] = 1e6
    assert hrd.plot.kymograph(run, "A", bins=1).collections[0].get_clim()[1] < 2000


def test_settings_of_matplotlib_are_respected():
    with mpl.rc_context({"image.cmap": "plasma", "figure.figsize": (3.0, 2.0), "font.size": 5}):
        ax = hrd.plot.field(record(PLANE), "A")
        assert ax.images[0].get_cmap().name == "plasma"
        assert tuple(ax.figure.get_size_inches()) == (3.0, 2.0)
        assert ax.xaxis.label.get_size() == 5
    assert tuple(hrd.plot.counts(record(PLANE)).figure.get_size_inches()) == (6.0, 4.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cmap": "rainbows"}, "Matplotlib has no such colour map"),
        ({"norm": "cubic"}, "it is linear, log, or a Normalize"),
        ({"norm": LogNorm(1, 2), "vmax": 3.0}, "leave out vmin and vmax"),
        ({"vmin": 5.0, "vmax": 2.0}, "must rise"),
        ({"norm": "log", "vmin": -1.0}, "starts above 0"),
        ({"xlim": (3, 2)}, "two rising numbers"),
        ({"ylim": 3}, "ylim = 3: give two numbers"),
        ({"levels": "many"}, "give a number of lines, or a list"),
        ({"colorbar": 3}, "True, False, or a dict"),
    ],
)
def test_refused(options, words):
    with pytest.raises(ResultError, match=words):
        hrd.plot.field(record(PLANE), "A", **options)
