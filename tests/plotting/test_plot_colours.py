"""Colours, contour lines and windows of images, as a user of Matplotlib expects them."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from cycler import cycler
from matplotlib.colors import LogNorm, PowerNorm
from support.recorded import CUBE, LINE, PLANE, with_particles
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
    assert ax.images[0].get_clim()[1] == np.sort(part, axis=None)[-2]  # one may be noise
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
        ({"vmin": 5.0, "vmax": 2.0}, "vmin must be below"),
        ({"norm": "log", "vmin": -1.0}, "starts above 0"),
        ({"xlim": (3, 2)}, "two increasing numbers"),
        ({"ylim": 3}, "ylim = 3: give two numbers"),
        ({"levels": "many"}, "give a number of lines, or a list"),
        ({"colorbar": 3}, "True, False, or a dict"),
    ],
)
def test_refused(options, words):
    with pytest.raises(ResultError, match=words):
        hrd.plot.field(record(PLANE), "A", **options)


def test_units_are_those_asked_for_and_what_is_given_beside_them_is_in_them():
    run = with_particles(CUBE, [[40, 5]] * 4)
    c = run["concentration"].sel(species="A").isel(time=-1)
    units = {"length": "nm", "time": "min", "concentration": "nM"}
    ax = hrd.plot.field(run, "A", time=1.5 / 60, y=900.0, xlim=(500.0, 3000.0), units=units, bins=1)
    nanomolar = 1e24 / 6.02214076e23  # one copy in a cubic micrometre: 1e15/N_A mol/L
    assert nanomolar == pytest.approx(1.6605390672)
    k = int(np.argmin(np.abs(c.y.values - 0.9)))
    np.testing.assert_allclose(
        ax.images[0].get_array(), c[:, k].transpose("z", "x") * nanomolar, rtol=1e-12
    )
    assert ax.get_title() == "A, t = 0.025 min, y = 875 nm"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x (nm)", "z (nm)")
    assert (ax.get_xlim(), ax.get_ylim()) == ((500.0, 3000.0), (0.0, pytest.approx(4000.0)))
    assert ax.child_axes[0].get_ylabel() == "concentration of A (nM)"
    (line, *_) = (x for x in ax.lines if x.get_label() == "_interface")
    assert line.get_xdata()[0] == pytest.approx(1500.0)
    assert (
        hrd.plot.profile(run, "A", units="nm").get_ylabel().startswith("concentration of A (1/nm³)")
    )
    assert hrd.plot.kymograph(run, "A", units="ms", ylim=(0, 900)).get_ylim() == (0.0, 900.0)
    ax = hrd.plot.snapshot(run, "A", x=700.0, thickness=400.0, units="nm")
    assert ax.get_title().splitlines()[1] == "particles from x = 425 to 825 nm"


@pytest.mark.parametrize(
    ("units", "words"),
    [
        ("kg", "only length, time and copies"),
        ("um/s", "is a unit of length/time; give one of length, time"),
        ({"time": "nm"}, "is a unit of length; give one"),
        ({"length": 3}, "give the name of a unit"),
        ("parsnips", "cannot be read as a quantity"),
    ],
)
def test_units_that_are_refused(units, words):
    with pytest.raises(ResultError, match=words):
        hrd.plot.field(record(PLANE), "A", units=units)
    with pytest.raises(ResultError, match=r"has no unit of length; give it some, System\(units="):
        hrd.plot.field(record(PLANE, units={}), "A", units="nm")


def test_slices_across_every_axis_hold_the_cells_and_particles_that_lie_in_them():
    run = with_particles(CUBE, [[300, 0]] * 4)
    c = run["concentration"].sel(species="A").isel(time=-1)
    ax = hrd.plot.snapshot(run, "A", x=0.6, thickness=0.5)
    first = int(run["row_size"].values[:3].sum())
    x = run["position"].values[first : first + 300]
    inside = x[(x[:, 0] >= 0.625 - 0.25) & (x[:, 0] < 0.625 + 0.25)]
    assert 50 < len(inside) < 250
    np.testing.assert_array_equal(ax.collections[-1].get_offsets(), inside[:, 1:])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("y (um)", "z (um)")
    image = hrd.plot.field(run, "A", x=2.1, bins=1).images[0].get_array()
    np.testing.assert_array_equal(image, c[8].transpose("z", "y"))
    with pytest.raises(ResultError, match="a slice is across one of x, y and z"):
        hrd.plot.field(run, "A", x=1.0, y=1.0)
    with pytest.raises(ResultError, match="x = 9: the domain goes from 0 to 3"):
        hrd.plot.field(run, "A", x=9.0)
    with pytest.raises(ResultError, match="is not drawn as a slice"):
        hrd.plot.field(record(PLANE), "A", x=1.0)


def test_every_picture_takes_the_options_of_its_kind():
    run, pde = record(PLANE), record(PLANE, "mean-field", seed=5)
    dots = with_particles(PLANE, [[40, 5]] * 4)
    ax = hrd.plot.snapshot(
        dots, "A", cmap="magma", norm="log", vmin=0.5, vmax=8.0, levels=[3.0], alpha=0.5,
        xlim=(2, 8), ylim=(1, 5), colorbar={"label": "c"}, reference=pde,
    )  # fmt: skip
    image = ax.images[0]
    assert (image.get_cmap().name, image.get_clim()) == ("magma", (0.5, 8.0))
    assert isinstance(image.norm, LogNorm)
    assert (ax.get_xlim(), ax.get_ylim(), ax.child_axes[0].get_ylabel()) == ((2, 8), (1, 5), "c")
    assert [s.levels.tolist() for s in ax.collections if hasattr(s, "levels")] == [[3.0]]
    axes = hrd.plot.compare(
        run, pde, "A", cmap="magma", vmin=1.0, vmax=7.0, difference=4.0, xlim=(2, 8), bins=1
    )
    assert [a.images[0].get_clim() for a in axes] == [(1.0, 7.0), (1.0, 7.0), (-4.0, 4.0)]
    assert {a.get_xlim() for a in axes} == {(2.0, 8.0)}
    figure = hrd.plot.overview(run, pde, [0.5], species="B", cmap="magma", vmax=5.0, ylim=(1, 4))
    assert {a.images[0].get_clim() for a in figure.axes} == {(0.0, 5.0)}
    assert {a.get_ylim() for a in figure.axes} == {(1.0, 4.0)}
    line = hrd.plot.profile(record(LINE), "A", xlim=(2, 5), ylim=(0, 3))
    assert (line.get_xlim(), line.get_ylim()) == ((2, 5), (0, 3))
    times = hrd.plot.counts(run, xlim=(0.5, 1.5), legend=False)
    assert (times.get_xlim(), times.get_legend()) == ((0.5, 1.5), None)
    movie = hrd.plot.movie(dots, kind="snapshot", cmap="magma", xlim=(2, 8), reference=pde)
    assert movie.draw(1).axes[0].get_xlim() == (2, 8)
    with pytest.raises(ResultError, match="cmap = 'magma': only for images, not for profiles"):
        hrd.plot.overview(record(LINE), cmap="magma")


def test_a_legend_covers_no_line():
    run = record(PLANE)
    pde = record(PLANE, "mean-field", seed=5)
    for ax in (hrd.plot.counts(run, reference=pde), hrd.plot.profile(run, "A", reference=pde)):
        ax.figure.canvas.draw()
        legend = ax.get_legend().get_window_extent().transformed(ax.transData.inverted())
        assert legend.y0 > max(np.max(x.get_ydata()) for x in ax.lines if len(x.get_xdata()) > 2)


def test_a_style_has_its_own_colours_widths_and_titles():
    changed = {"axes.prop_cycle": cycler(color=["#123456"]), "lines.linewidth": 0.25}
    with mpl.rc_context({**changed, "axes.titlesize": 5.0}):
        ax = hrd.plot.counts(record(PLANE), "A")
    line = ax.lines[0]
    assert (line.get_color(), line.get_linewidth(), ax.title.get_size()) == ("#123456", 0.25, 5.0)
