"""Movies: every record a frame, on one scale, as a gif that other programs read."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.contour import ContourSet
from PIL import Image
from support.recorded import CUBE, LINE, PLANE, with_particles
from test_pictures import record

import hybridrd as hrd
from hybridrd.errors import ResultError
from hybridrd.model.grid import Grid
from hybridrd.plotting.select import in_bins, upper_limit
from hybridrd.results.view import View

NUMBERS = [[3, 2], [5, 4], [0, 7], [6, 1]]


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def growing(grid, kind="simulation"):
    """A result whose concentrations grow in time."""
    run = record(grid, kind)
    run["concentration"] = run["concentration"] * (1 + run["time"])
    return run


def test_a_field_has_the_same_colours_and_bins_in_every_frame():
    run = growing(Grid((0.0, 0.0), (10.0, 6.0), (80, 48)))
    movie = hrd.plot.movie(run, "A")
    top = 0.0
    for k in range(4):
        (ax, *_) = movie.draw(k).axes
        size = int(re.search("bins of ([0-9]+) cells", ax.get_title())[1])
        c, _ = in_bins(View(run, "r"), "A", k, size)
        np.testing.assert_array_equal(ax.images[0].get_array(), c.T)
        top = max(top, upper_limit(c))
        assert ax.get_title().startswith(f"A, t = {0.5 * k:g} s")
    limits = {movie.draw(k).axes[0].images[0].get_clim() for k in range(4)}
    assert limits == {(0.0, top)}


def test_a_profile_has_the_same_height_in_every_frame():
    run, pde = growing(LINE), growing(LINE, "mean-field") * 1.0
    pde = pde.assign_attrs(run.attrs, kind="mean-field")
    pde["concentration"] *= 3.0
    movie = hrd.plot.movie(run, "B", reference=pde)
    top = 1.08 * float(pde["concentration"].sel(species="B").max())
    bare = hrd.plot.movie(run, "B", reference=pde, legend=False)
    assert {bare.draw(k).axes[0].get_ylim() for k in range(4)} == {(0.0, top)}
    ((low, high),) = {movie.draw(k).axes[0].get_ylim() for k in range(4)}
    assert (low, high > top) == (0.0, True)
    ax = movie.draw(2).axes[0]  # the legend is above all lines
    legend = ax.get_legend().get_window_extent().transformed(ax.transData.inverted())
    assert legend.y0 > top
    np.testing.assert_array_equal(
        movie.draw(1).axes[0].lines[0].get_ydata(), run["concentration"][1, 1]
    )


def test_a_reference_is_drawn_as_the_contour_lines_of_its_own_record():
    run, pde = growing(PLANE), growing(PLANE, "mean-field")
    pde = pde.assign(concentration=3.0 * pde["concentration"])
    movie = hrd.plot.movie(run, "A", reference=pde, vmax=40.0)
    for k in (1, 3):
        (lines,) = (c for c in movie.draw(k).axes[0].collections if isinstance(c, ContourSet))
        np.testing.assert_allclose(lines.levels, [8.0, 16.0, 24.0, 32.0])
        np.testing.assert_array_equal(lines.zmax, pde["concentration"][k, 0].max())


@pytest.mark.parametrize("grid", [PLANE, CUBE])
def test_a_snapshot_has_dots_of_one_size(grid):
    run = with_particles(grid, NUMBERS)
    movie = hrd.plot.movie(run, kind="snapshot")
    seen = set()
    for k, (a, _) in enumerate(NUMBERS):
        ax = movie.draw(k).axes[0]
        dots = {c.get_label(): c for c in ax.collections}
        assert len(dots["A"].get_offsets()) == a
        seen.add((dots["B"].get_sizes()[0], ax.images[0].get_clim()))
    assert len(seen) == 1


def test_the_axes_stand_still():
    movie = hrd.plot.movie(growing(PLANE))
    places = []
    for k in range(4):
        figure = movie.draw(k)
        figure.canvas.draw()
        places.append([tuple(ax.get_position().bounds) for ax in figure.axes])
    assert places[1:] == places[:1] * 3
    assert len(places[0]) == 2  # both species


def test_a_gif_has_a_frame_for_each_record(tmp_path):
    movie = hrd.plot.movie(growing(LINE), "A", fps=5)
    movie.save(tmp_path / "a.gif", dpi=50)
    expected = []
    for k in range(4):
        movie.draw(k).savefig(tmp_path / "k.png", dpi=50)
        with Image.open(tmp_path / "k.png") as frame:
            expected.append(np.asarray(frame.convert("RGB"), dtype=float))
    with Image.open(tmp_path / "a.gif") as gif:
        assert (gif.n_frames, gif.info["duration"], gif.info["loop"]) == (4, 200, 0)
        for k in range(4):
            gif.seek(k)
            found = np.asarray(gif.convert("RGB"), dtype=float)
            assert found.shape == expected[k].shape
            assert np.abs(found - expected[k]).mean() < 1.0  # of 255: 256 colours a frame
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.gif", "k.png"]


def test_frames_can_be_left_out_but_not_the_last():
    movie = hrd.plot.movie(record(LINE), "A", every=2, fps=2)
    assert (movie.frames, movie.seconds) == (3, 1.5)
    titles = [movie.draw(k).axes[0].get_title() for k in range(3)]
    assert titles == ["A, t = 0 s", "A, t = 1 s", "A, t = 1.5 s"]


def test_a_notebook_shows_it_with_controls():
    movie = hrd.plot.movie(record(LINE), "A")
    html = movie._repr_html_()
    assert html.count("data:image/png;base64") == 4
    assert "Animation(" in html
    assert not plt.get_fignums()


def test_it_is_matplotlibs_animation_where_one_is_wanted():
    movie = hrd.plot.movie(record(LINE), "A", fps=4)
    animation = movie.animation()
    assert animation.event_source.interval == 250
    movie.figure.canvas.draw()  # begins it; it complains if it never was
    assert list(animation.new_saved_frame_seq()) == [0, 1, 2, 3]


def test_a_page_can_be_saved(tmp_path):
    hrd.plot.movie(record(LINE), "A", every=3).save(tmp_path / "a.html")
    assert (tmp_path / "a.html").read_text().count("data:image/png;base64") == 2


def test_it_draws_into_given_axes_and_leaves_the_rest():
    figure, (left, right) = plt.subplots(1, 2)
    right.plot([0, 1])
    movie = hrd.plot.movie(record(PLANE), "A", ax=left)
    assert movie.draw(2) is figure
    assert len(left.images) == 1
    assert len(right.lines) == 1
    movie.close()
    assert plt.get_fignums()


def test_movies_that_cannot_be_are_refused(tmp_path):
    run = record(LINE)
    with pytest.raises(ResultError, match="kind = 'film': a movie is one of profile, field"):
        hrd.plot.movie(run, kind="film")
    with pytest.raises(ResultError, match="has one dimension"):
        hrd.plot.movie(run, kind="field")
    with pytest.raises(ResultError, match="run with positions=True"):
        hrd.plot.movie(run, kind="snapshot")
    with pytest.raises(ResultError, match="fps = 0"):
        hrd.plot.movie(run, fps=0)
    with pytest.raises(ResultError, match="every = 0"):
        hrd.plot.movie(run, every=0)
    with pytest.raises(ResultError, match="this movie has 2 panels"):
        hrd.plot.movie(run, ax=plt.gca())
    with pytest.raises(ResultError, match=r"a\.mp4: movies are written as NAME.gif or NAME.html"):
        hrd.plot.movie(run).save(tmp_path / "a.mp4")
    with pytest.raises(ResultError, match="cannot be written"):
        hrd.plot.movie(run).save(tmp_path / "no" / "a.gif")


def test_records_on_disk_are_read_one_by_one(tmp_path, monkeypatch):
    from hybridrd.results.store import open_result

    hrd.save(with_particles(PLANE, NUMBERS), tmp_path / "run.zarr")
    biggest = []
    values = xr.Variable.values.fget

    def counted(self):
        found = values(self)
        if self.ndim > 1 or self.size > 100:
            biggest.append(found.size)
        return found

    with open_result(tmp_path / "run.zarr") as run:
        movie = hrd.plot.movie(run, kind="snapshot")
        monkeypatch.setattr(xr.Variable, "values", property(counted))
        for k in range(4):
            movie.draw(k)
    assert max(biggest) <= 20 * 12  # the cells of one record of one species
