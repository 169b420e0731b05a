"""Refusals of figures, and odd arguments that they accept."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from support.recorded import with_particles
from test_pictures import CUBE, LINE, PLANE, ensemble, record

import hybridrd as hrd
from hybridrd.errors import ResultError
from hybridrd.model.grid import Grid
from hybridrd.plotting import style
from hybridrd.results.view import View

draw = hrd.plot


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.mark.parametrize("time", [np.nan, np.inf, "0.5", True, [0.5]])
def test_a_time_is_a_finite_number(time):
    for picture in (draw.profile, draw.field):
        with pytest.raises(ResultError, match=r"time = .*: (a number is|it must be finite)"):
            picture(record(PLANE), "A", time=time)


def test_a_time_out_of_the_result_itself_is_taken():
    run = record(PLANE)
    assert draw.field(run, run["species"][1], time=run["time"][2]).get_title() == "B, t = 1 s"


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, "3"])
def test_sizes_are_positive(value):
    for picture in (draw.field, draw.kymograph):
        with pytest.raises(ResultError, match=r"vmax = .*: (a number|it must be)"):
            picture(record(PLANE), "A", vmax=value)


@pytest.mark.parametrize("bins", [0, -2, True, 1.0, "2"])
def test_bins_are_whole_numbers(bins):
    for picture in (draw.field, draw.kymograph):
        with pytest.raises(ResultError, match=r"bins = .*: give a whole number of at least 1"):
            picture(record(PLANE), "A", bins=bins)


def test_bins_are_no_longer_than_the_particle_region():
    run = record(PLANE)  # 10 of 20 cells along x, all 12 along y
    assert "bins of 12 cells" in draw.field(run, "A", bins=np.int64(12)).get_title()
    assert "over 10 cells" in draw.kymograph(run, "A", bins=10).get_title()
    with pytest.raises(ResultError, match="bins = 13: the particle region of result is 12 cells"):
        draw.field(run, "A", bins=13)
    with pytest.raises(ResultError, match="bins = 11: the particle region of result is 10 cells"):
        draw.kymograph(run, "A", bins=11)


def test_references_are_of_the_same_domain():
    run, wider = record(LINE), record(Grid((1.0,), (12.0,), (22,)))
    finer = record(Grid((1.0,), (11.0,), (40,)))
    for other in (wider, record(PLANE)):
        for call in (
            lambda r: draw.profile(run, "A", reference=r),
            lambda r: draw.overview(run, reference=r),
            lambda r: draw.movie(run, "A", reference=r),
        ):
            with pytest.raises(ResultError, match=r"reference: its domain is x .* x 1 to 11"):
                call(other)
    assert len(draw.profile(run, "A", reference=finer).get_legend().texts) == 2


def test_numbers_are_compared_in_one_region():
    half, all_of_it = record(LINE), record(LINE, region=([1.0], [11.0]))
    with pytest.raises(ResultError, match="reference: counts in another region"):
        draw.counts(half, reference=all_of_it)


def test_an_ensemble_as_a_reference_of_numbers_has_its_band():
    many = ensemble(LINE)
    ax = draw.counts(record(LINE), "A", reference=many)
    (band,) = ax.collections
    n, error = many["copy_number_mean"].values[:, 0], many["copy_number_sem"].values[:, 0]
    shown = band.get_paths()[0].vertices[:, 1]
    assert shown.min() == pytest.approx((n - error).min())
    assert shown.max() == pytest.approx((n + error).max())


def test_species_are_drawn_once_each():
    run = record(LINE)
    for asked in (["A", "B", "A"], run["species"].values, run["species"], ("A", "B")):
        assert [line.get_label() for line in draw.counts(run, asked).lines] == ["A", "B"]


def test_species_of_one_colour_have_different_marks():
    names = tuple("ABCDEFGHIJKLMNOP")
    view = View(record(LINE, names=names), "result")
    looks = {(style.colour_of(view, s), style.marker_of(view, s)) for s in names}
    assert len(looks) == len(names)


@pytest.mark.parametrize(
    ("unit", "shown"), [("$\\foo$", "$\\foo$"), ("$", "$"), ("a$_{$", "a$_{$")]
)
def test_dollars_that_are_no_mathematics_are_drawn_as_they_are(unit, shown):
    ax = draw.field(record(CUBE, units={"length": unit, "time": unit}), "A")
    ax.figure.draw_without_rendering()  # raised where mathematics could not be read
    assert ax.get_xlabel() == f"x ({shown})".replace("$", r"\$")


def test_units_that_are_mathematics_stay():
    ax = draw.profile(record(LINE, units={"length": r"$\mu$m"}), "A")
    assert ax.get_xlabel() == r"x ($\mu$m)"


@pytest.mark.parametrize("fps", [0.001, 51, np.nan, "10"])
def test_frames_per_second_are_what_files_hold(fps):
    with pytest.raises(ResultError, match="fps = "):
        draw.movie(record(LINE), "A", fps=fps)


def test_options_of_a_movie_are_known_before_it_is_drawn():
    with pytest.raises(
        ResultError, match="colour: a movie of kind 'field' accepts x, y, z, bins, cmap, norm"
    ):
        draw.movie(record(PLANE), "A", colour="red")
    with pytest.raises(ResultError, match="z: a movie of kind 'profile' accepts axis"):
        draw.movie(record(LINE), "A", z=1.0)


def test_sizes_of_a_movie_are_refused_before_it_is_drawn():
    with pytest.raises(ResultError, match="vmax = -1: it must be finite and greater"):
        draw.movie(record(PLANE), "A", vmax=-1)


def test_options_of_images_are_refused_for_lines_whatever_they_are():
    with pytest.raises(ResultError, match="z = '1': only for images"):
        draw.compare(record(LINE), record(LINE), "A", z="1")


def test_an_overview_takes_a_single_time():
    axes = draw.overview(record(LINE), times=0.5).axes
    assert [ax.get_title() for ax in axes] == ["A, t = 0.5 s", "B, t = 0.5 s"]


def test_numbers_of_one_record_are_marks():
    run = record(LINE).sel(time=1.0)
    (line,) = draw.counts(run, "A").lines
    assert line.get_marker() == "o"
    assert line.get_xydata().tolist() == [[1.0, run["copy_number"].values[0]]]


def test_dimensions_in_another_order_are_drawn_alike():
    run = record(PLANE)
    turned = run.transpose("y", "species", "x", "time")
    a, b = (draw.field(r, "A").images[0].get_array() for r in (run, turned))
    assert (a == b).all()


def of_one():
    """A result of one species."""
    return record(PLANE, names=("C",))


OF_ONE_SPECIES = {
    "profile": draw.profile,
    "field": draw.field,
    "kymograph": draw.kymograph,
    "compare": lambda result, **options: draw.compare(result, result, **options)[0],
}


@pytest.mark.parametrize("picture", OF_ONE_SPECIES.values(), ids=OF_ONE_SPECIES)
def test_the_only_species_need_not_be_named(picture):
    ax = picture(of_one())
    assert "C" in ax.get_title() + str(ax.figure.get_suptitle())


@pytest.mark.parametrize("picture", OF_ONE_SPECIES.values(), ids=OF_ONE_SPECIES)
def test_one_of_several_species_is_named(picture):
    with pytest.raises(
        ResultError, match="species: result has A, B, and only one is drawn; name it"
    ):
        picture(record(PLANE))


@pytest.mark.parametrize("name", ["profile", "field", "kymograph", "counts", "snapshot"])
def test_one_axes_is_drawn_into_and_returned(name):
    run = with_particles(PLANE, [(3, 2)] * 4) if name == "snapshot" else record(PLANE)
    options = {} if name in ("counts", "snapshot") else {"species": "A"}
    figure, axes = plt.subplots(1, 2)
    assert getattr(draw, name)(run, ax=axes[1], **options) is axes[1]
    assert axes[1].has_data()
    assert not axes[0].has_data()
    assert plt.get_fignums() == [figure.number]
    for ax, kind in ((axes, "ndarray"), (figure, "Figure"), ("left", "str")):
        with pytest.raises(ResultError, match=f"ax: give an Axes of Matplotlib, not {kind}"):
            getattr(draw, name)(run, ax=ax, **options)


def test_several_axes_are_drawn_into_and_returned():
    figure, axes = plt.subplots(1, 3)
    run = record(PLANE)
    assert list(draw.compare(run, run, "A", ax=axes)) == list(axes)
    movie = draw.movie(run, ax=axes[:2])
    assert movie.figure is figure
    for picture in (
        lambda ax: draw.compare(run, run, "A", ax=ax),
        lambda ax: draw.movie(run, ax=ax),
    ):
        with pytest.raises(ResultError, match="ax: give an Axes of Matplotlib, not str"):
            picture(["left", "right"])
