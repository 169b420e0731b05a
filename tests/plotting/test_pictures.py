"""Pictures show what the dataset holds, where it is, with its units, and without overlaps."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

import hybridrd as hrd
from hybridrd.errors import ResultError
from hybridrd.model.grid import Grid
from hybridrd.plotting.select import in_bins
from hybridrd.results.dataset import Recorder
from hybridrd.results.view import View, record_at

TIMES = (0.0, 0.5, 1.0, 1.5)
UNITS = {"length": "um", "time": "s"}
LINE = Grid((1.0,), (11.0,), (20,))
PLANE = Grid((0.0, 0.0), (10.0, 6.0), (20, 12))
CUBE = Grid((0.0, 0.0, 0.0), (3.0, 2.0, 4.0), (12, 8, 10))


@pytest.fixture(autouse=True)
def _close() -> Any:
    yield
    plt.close("all")


def record(
    grid: Grid,
    kind: str = "simulation",
    region: tuple[list[float], list[float]] | None = None,
    seed: int = 0,
    units: dict[str, str] = UNITS,
    names: tuple[str, ...] = ("A", "B"),
) -> xr.Dataset:
    """A result of random concentrations, its particle region the lower half along x."""
    rng = np.random.default_rng(seed)
    middle = 0.5 * (grid.lower[0] + grid.upper[0])
    low, high = region or (list(grid.lower), [middle, *grid.upper[1:]])
    recorder = Recorder(grid, names, [], [], units, None, ("concentration", "copy_number"))
    for t in TIMES:
        c = rng.uniform(1.0, 9.0, (len(names), grid.cells)) * (np.arange(len(names)) + 1)[:, None]
        recorder.add(t, {"concentration": c, "copy_number": c.sum(axis=1)})
    return recorder.dataset(
        {"kind": kind, "region_lower": low, "region_upper": high, "has_particles": 1,
         "units": units}
    )  # fmt: skip


def ensemble(grid: Grid) -> xr.Dataset:
    mean, error = record(grid), record(grid, seed=1) * 0.1
    result = xr.Dataset(coords=mean.coords, attrs={**mean.attrs, "kind": "ensemble"})
    for name in mean.data_vars:
        result[f"{name}_mean"], result[f"{name}_sem"] = mean[name], error[name]
    return result.assign_attrs(replicas=7)


def lines(ax: Axes, label: str) -> list[Line2D]:
    return [line for line in ax.lines if line.get_label() == label]


def texts(ax: Axes) -> dict[str, Any]:
    return {t.get_text(): t for t in ax.texts}


def assert_no_text_overlaps(figure: Figure) -> None:
    """No two texts that are drawn share ink, and none leaves the figure."""
    drawn: list[Text] = []
    draw = Text.draw

    def noted(self: Text, renderer: Any) -> None:
        if self.get_visible() and self.get_text().strip():
            drawn.append(self)
        draw(self, renderer)

    figure.canvas.draw()  # settles the layout
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", noted)
        figure.canvas.draw()
    found = [(text, text.get_window_extent()) for text in drawn]
    assert len(found) > 5
    for text, box in found:
        assert figure.bbox.padded(1).containsx(box.x0), text
        assert figure.bbox.padded(1).containsx(box.x1), text
        assert figure.bbox.padded(1).containsy(box.y0), text
        assert figure.bbox.padded(1).containsy(box.y1), text
    for (a, box_a), (b, box_b) in combinations(found, 2):
        assert not box_a.padded(-1).overlaps(box_b.padded(-1)), (a, b)


# Profiles


def test_profile_draws_the_dataset_and_its_reference() -> None:
    run, pde = record(LINE), record(LINE, "mean-field", seed=5)
    ax = hrd.plot.profile(run, species="B", time=1.0, reference=pde)
    drawn, reference = lines(ax, "hybrid")[0], lines(ax, "PDE")[0]
    np.testing.assert_array_equal(drawn.get_xdata(), run["x"])
    np.testing.assert_array_equal(
        drawn.get_ydata(), run["concentration"].sel(species="B", time=1.0)
    )
    np.testing.assert_array_equal(
        reference.get_ydata(), pde["concentration"].sel(species="B", time=1.0)
    )
    assert drawn.get_drawstyle() == "steps-mid"
    assert reference.get_linestyle() == "--"
    assert ax.get_title() == "B, t = 1 s"
    assert ax.get_xlabel() == "x (um)"
    assert ax.get_ylabel() == "concentration of B (1/um)"
    assert ax.get_xlim() == (1.0, 11.0)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["hybrid", "PDE"]


def test_profile_marks_the_interface_and_names_the_regions() -> None:
    ax = hrd.plot.profile(record(LINE), "A")
    assert [line.get_xdata()[0] for line in lines(ax, "_interface")] == [6.0]
    assert {n: t.get_position()[0] for n, t in texts(ax).items()} == {
        "particles": 3.5,
        "continuum": 8.5,
    }
    ax = hrd.plot.profile(record(LINE, region=([3.0], [7.5])), "A")
    assert [line.get_xdata()[0] for line in lines(ax, "_interface")] == [3.0, 7.5]
    assert [t.get_text() for t in ax.texts] == ["continuum", "particles", "continuum"]


def test_a_region_that_fills_the_domain_has_no_interface() -> None:
    ax = hrd.plot.profile(record(LINE, region=([1.0], [11.0])), "A")
    assert lines(ax, "_interface") == []
    assert len(ax.texts) == 0
    assert len(lines(ax, "particles")) == 1


def test_labels_without_units_name_no_units() -> None:
    ax = hrd.plot.profile(record(LINE, units={}), "A", time=0.5)
    assert ax.get_xlabel() == "x"
    assert ax.get_ylabel() == "concentration of A"
    assert ax.get_title() == "A, t = 0.5"


def test_profile_of_an_ensemble_has_a_band_of_one_standard_error() -> None:
    result = ensemble(LINE)
    ax = hrd.plot.profile(result, "A", time=0.5)
    c = result["concentration_mean"].sel(species="A", time=0.5).values
    error = result["concentration_sem"].sel(species="A", time=0.5).values
    np.testing.assert_array_equal(lines(ax, "mean of 7 replicas")[0].get_ydata(), c)
    corners = ax.collections[0].get_paths()[0].vertices
    for value in (c + error, c - error):
        assert np.isin(value, corners[:, 1]).all()
    assert ax.get_ylim()[1] >= (c + error).max()


def test_one_replica_has_no_band() -> None:
    result = ensemble(LINE).assign_attrs(replicas=1)
    result["concentration_sem"] = result["concentration_sem"] * np.nan
    ax = hrd.plot.profile(result, "A")
    assert len(ax.collections) == 0
    assert len(lines(ax, "1 replica")) == 1


def test_profile_in_more_dimensions_is_the_mean_over_the_others() -> None:
    run = record(CUBE)
    for axis, others in (("x", ("y", "z")), ("y", ("x", "z")), ("z", ("x", "y"))):
        ax = hrd.plot.profile(run, "A", time=1.5, axis=axis)
        expected = run["concentration"].sel(species="A", time=1.5).mean(others)
        np.testing.assert_allclose(ax.lines[0].get_ydata(), expected, rtol=1e-14)
        assert ax.get_xlabel() == f"{axis} (um)"
        assert ax.get_ylabel().endswith(f"mean over {others[0]} and {others[1]}")
        assert len(lines(ax, "_interface")) == (axis == "x")


def test_the_error_of_a_mean_is_of_independent_particles_and_of_one_continuum() -> None:
    result = ensemble(PLANE)
    error = result["concentration_sem"].sel(species="A", time=0.5)
    independent, together = np.sqrt((error**2).sum("y")) / PLANE.shape[1], error.mean("y")
    expected = xr.where(error["x"] < 5.0, independent, together)
    ax = hrd.plot.profile(result, "A", time=0.5)
    corners = ax.collections[0].get_paths()[0].vertices[:, 1]
    c = result["concentration_mean"].sel(species="A", time=0.5).mean("y")
    for value in (c + expected).values:
        assert np.isclose(corners, value, rtol=1e-12).any()


def test_profiles_can_share_axes() -> None:
    run = record(LINE)
    run["concentration"][1] *= 3.0
    _, ax = plt.subplots()
    for t in (0.5, 1.0):
        assert hrd.plot.profile(run, "A", time=t, ax=ax) is ax
    assert ax.get_ylim()[1] > float(run["concentration"][1, 0].max())
    assert len(lines(ax, "hybrid")) == 2


def test_species_may_be_given_as_itself_and_pictures_saved(tmp_path: Path) -> None:
    ax = hrd.plot.profile(record(LINE), hrd.Species("A", D=1.0))
    ax.figure.savefig(tmp_path / "line.png")
    assert (tmp_path / "line.png").read_bytes()[:4] == b"\x89PNG"


def test_what_cannot_be_drawn_is_refused() -> None:
    run = record(LINE)
    with pytest.raises(ResultError, match="unknown species 'C'; there are A, B"):
        hrd.plot.profile(run, "C")
    with pytest.raises(ResultError, match="reference: unknown species 'B'; there are A"):
        hrd.plot.profile(run, "B", reference=record(LINE, names=("A",)))
    with pytest.raises(ResultError, match="axis = 'y': it is one of x"):
        hrd.plot.profile(run, "A", axis="y")
    with pytest.raises(ResultError, match=r"no record near t = 1\.8; the nearest is at t = 1\.5"):
        hrd.plot.profile(run, "A", time=1.8)
    with pytest.raises(ResultError, match="concentration was not recorded"):
        hrd.plot.profile(run.drop_vars("concentration"), "A")
    with pytest.raises(ResultError, match="result: a result is needed"):
        hrd.plot.counts(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("time", "expected"),
    [(None, 3), (0.0, 0), (0.2, 0), (0.3, 1), (0.5, 1), (1.74, 3), (-0.25, 0), (1.75, 3)],
)
def test_the_nearest_record_is_taken(time: float | None, expected: int) -> None:
    assert record_at(View(record(LINE), "result"), time) == expected


def test_half_a_record_away_is_too_far() -> None:
    view = View(record(LINE), "result")
    for time in (-0.26, 1.76, 9.0):
        with pytest.raises(ResultError, match="no record near"):
            record_at(view, time)
    one = View(record(LINE).isel(time=[2]), "result")
    assert record_at(one, 1.0) == 0
    with pytest.raises(ResultError, match=r"no record near t = 1\.1"):
        record_at(one, 1.1)


# Images


def test_field_draws_every_cell_in_its_place() -> None:
    run = record(PLANE)
    ax = hrd.plot.field(run, "A", time=0.5, bins=1)
    image = ax.images[0]
    c = run["concentration"].sel(species="A", time=0.5)
    np.testing.assert_array_equal(image.get_array(), c.transpose("y", "x"))
    assert image.origin == "lower"
    assert tuple(image.get_extent()) == (0.0, 10.0, 0.0, 6.0)
    assert image.get_clim() == (0.0, pytest.approx(np.percentile(c, 99)))
    assert image.get_cmap().name == "viridis"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x (um)", "y (um)")
    assert ax.get_title() == "A, t = 0.5 s"
    bar = ax.child_axes[0]
    assert bar.get_ylabel() == "concentration of A (1/um²)"


def test_field_draws_the_interface_where_it_is() -> None:
    ax = hrd.plot.field(record(PLANE), "A")
    for line in lines(ax, "_interface"):
        assert list(line.get_xdata()) == [5.0, 5.0]
        assert list(line.get_ydata()) == [0.0, 6.0]
    assert set(texts(ax)) == {"particles", "continuum"}
    assert texts(ax)["continuum"].get_position()[0] == 7.5
    inner = hrd.plot.field(record(PLANE, region=([2.0, 1.0], [6.0, 6.0])), "A")
    drawn = {
        (tuple(line.get_xdata()), tuple(line.get_ydata())) for line in lines(inner, "_interface")
    }
    assert drawn == {
        ((2.0, 2.0), (1.0, 6.0)),
        ((6.0, 6.0), (1.0, 6.0)),
        ((2.0, 6.0), (1.0, 1.0)),
    }
    (text,) = texts(inner).values()  # above the image, where it covers nothing
    assert text.get_text() == "particles inside the lines"
    assert text.get_position() == (5.0, 1.01)


def test_particles_are_averaged_over_bins_and_the_continuum_is_left() -> None:
    run = record(PLANE)
    view = View(run, "result")
    c = run["concentration"].sel(species="A", time=1.0).values
    found, size = in_bins(view, "A", 2, 4)
    assert size == 4
    np.testing.assert_array_equal(found[10:], c[10:])
    # 10 cells in two bins of 5 along x, 12 in three of 4 along y.
    for a, b in pairwise((0, 5, 10)):
        for p, q in pairwise((0, 4, 8, 12)):
            np.testing.assert_allclose(found[a:b, p:q], c[a:b, p:q].mean(), rtol=1e-13)
    ax = hrd.plot.field(run, "A", time=1.0, bins=4)
    np.testing.assert_array_equal(ax.images[0].get_array(), found.T)
    assert ax.get_title().endswith("\nparticles averaged over bins of 4 cells per side")


def test_bins_grow_with_emptiness_and_only_for_particles() -> None:
    grid = Grid((0.0, 0.0), (10.0, 10.0), (200, 200))
    run = record(grid, region=([0.0, 0.0], [5.0, 10.0]))
    view = View(run, "result")
    # About 5 per area on 20,000 cells of 0.0025: 250 particles, 480 cells for six.
    assert in_bins(view, "A", 2, None)[1] == 12  # 100 // 8: at least eight bins across
    run["concentration"] = run["concentration"] * 20
    n = float(run["concentration"].sel(species="A", time=1.0)[:100].sum()) * 0.0025
    assert in_bins(View(run, "r"), "A", 2, None)[1] == np.ceil(np.sqrt(6 * 20000 / n))
    run["concentration"] = run["concentration"] * 200
    assert in_bins(View(run, "r"), "A", 2, None)[1] == 1
    pde = View(record(grid, "mean-field"), "pde")
    assert in_bins(pde, "A", 2, None)[1] == 1


def test_three_dimensions_are_cut() -> None:
    run = record(CUBE)
    c = run["concentration"].sel(species="B", time=1.5)
    for z, k in ((None, 4), (0.1, 0), (3.9, 9), (1.15, 2)):
        ax = hrd.plot.field(run, "B", z=z, bins=1)
        np.testing.assert_array_equal(ax.images[0].get_array(), c[:, :, k].T)
        assert ax.get_title() == f"B, t = 1.5 s, z = {0.2 + 0.4 * k:.4g} um"
    with pytest.raises(ResultError, match=r"z = 4.5: the domain goes from 0 to 4"):
        hrd.plot.field(run, "B", z=4.5)


def test_images_that_cannot_be_are_refused() -> None:
    with pytest.raises(ResultError, match=r"has one dimension; draw it with .*profile"):
        hrd.plot.field(record(LINE), "A")
    with pytest.raises(ResultError, match="z = 1: the result has two dimensions"):
        hrd.plot.field(record(PLANE), "A", z=1.0)
    with pytest.raises(ResultError, match="bins = 0"):
        hrd.plot.field(record(PLANE), "A", bins=0)


def test_scale_and_bar_can_be_chosen() -> None:
    _, ax = plt.subplots()
    assert hrd.plot.field(record(PLANE), "A", ax=ax, vmax=50.0, colorbar=False) is ax
    assert ax.images[0].get_clim() == (0.0, 50.0)
    assert ax.child_axes == []


def test_a_field_of_nothing_can_be_drawn() -> None:
    empty = record(PLANE)
    empty["concentration"] = empty["concentration"] * 0.0
    ax = hrd.plot.field(empty, "A")
    assert ax.images[0].get_clim() == (0.0, 1.0)
    assert hrd.plot.profile(empty, "A").get_ylim() == (0.0, 1.0)


# Counts


def test_counts_are_the_numbers_in_time() -> None:
    result, pde = ensemble(LINE), record(LINE, "mean-field", seed=3)
    ax = hrd.plot.counts(result, reference=pde)
    for name, line in zip("AB", ax.lines, strict=False):
        np.testing.assert_array_equal(line.get_xdata(), TIMES)
        np.testing.assert_array_equal(
            line.get_ydata(), result["copy_number_mean"].sel(species=name)
        )
    assert len(ax.collections) == 2
    error = result["copy_number_sem"].sel(species="A").values
    upper = result["copy_number_mean"].sel(species="A").values + error
    assert np.isin(upper, ax.collections[0].get_paths()[0].vertices[:, 1]).all()
    dashed = lines(ax, "_reference")
    np.testing.assert_array_equal(dashed[1].get_ydata(), pde["copy_number"].sel(species="B"))
    assert dashed[1].get_color() == ax.lines[1].get_color()
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["A", "B", "PDE"]
    assert ax.get_xlabel() == "time (s)"
    assert ax.get_ylabel() == "number in the particle region"


def test_counts_of_one_species_keep_its_colour() -> None:
    run = record(LINE)
    both, one = hrd.plot.counts(run), hrd.plot.counts(run, species="B")
    assert len(one.lines) == 1
    assert one.lines[0].get_color() == both.lines[1].get_color()
    assert len(hrd.plot.counts(run, species=["B", "A"]).lines) == 2


# Overviews


def test_overview_of_a_plane_pairs_run_and_reference_on_one_scale() -> None:
    run, pde = record(PLANE), record(PLANE, "mean-field", seed=4)
    figure = hrd.plot.overview(run, pde, times=[0.5, 1.0])
    panels = np.array([ax for ax in figure.axes if ax.images]).reshape(2, 4)
    for r, name in enumerate("AB"):
        for c, (t, result) in enumerate([(0.5, run), (0.5, pde), (1.0, run), (1.0, pde)]):
            image = panels[r, c].images[0]
            c0 = result["concentration"].sel(species=name, time=t)
            expected = c0.values
            if result is run:
                expected, _ = in_bins(View(run, "r"), name, int(2 * t), None)
            np.testing.assert_array_equal(image.get_array(), expected.T)
            assert lines(panels[r, c], "_interface")[0].get_xdata()[0] == 5.0
        for a, b in ((0, 1), (2, 3)):
            assert panels[r, a].images[0].get_clim() == panels[r, b].images[0].get_clim()
        assert name in texts(panels[r, 0])
        assert panels[r, 1].child_axes[0].get_ylabel() == "concentration (1/um²)"
    titles = [ax.get_title() for ax in panels[0]]
    assert titles == ["hybrid, t = 0.5 s", "PDE, t = 0.5 s", "hybrid, t = 1 s", "PDE, t = 1 s"]
    assert {"particles", "continuum"} <= set(texts(panels[0, 2]))
    assert_no_text_overlaps(figure)


def test_overview_of_a_line_has_a_panel_for_each_species_and_time() -> None:
    result, pde = ensemble(LINE), record(LINE, "mean-field", seed=4)
    figure = hrd.plot.overview(result, pde, times=[0.0, 1.0, 1.5])
    assert [ax.get_title() for ax in figure.axes] == [
        f"{name}, t = {t} s" for name in "AB" for t in ("0", "1", "1.5")
    ]
    for k, ax in enumerate(figure.axes):
        at = {"species": "AB"[k // 3], "time": [0.0, 1.0, 1.5][k % 3]}
        expected = pde["concentration"].sel(at)
        np.testing.assert_array_equal(lines(ax, "PDE")[0].get_ydata(), expected)
        assert ax.get_ylim()[1] >= float(expected.max())
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["mean of 7 replicas", "PDE"]
    assert_no_text_overlaps(figure)


def test_overview_of_a_cube_shows_slices() -> None:
    figure = hrd.plot.overview(record(CUBE), record(CUBE, "mean-field"), times=[1.0])
    assert len([ax for ax in figure.axes if ax.images]) == 4
    assert "slices at z = 1.8 um" in figure.get_supxlabel()
    assert_no_text_overlaps(figure)


@pytest.mark.parametrize("region", [([2.0, 1.0], [6.0, 4.0]), ([0.0, 0.0], [10.0, 3.0])])
def test_overview_alone_takes_the_middle_and_the_last(region: Any) -> None:
    figure = hrd.plot.overview(record(PLANE, region=region))
    panels = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in panels[:2]] == ["hybrid, t = 1 s", "hybrid, t = 1.5 s"]
    assert_no_text_overlaps(figure)
    assert len(hrd.plot.overview(record(LINE).isel(time=[0])).axes) == 2


def test_overviews_that_cannot_be_are_refused() -> None:
    run = record(PLANE)
    with pytest.raises(ResultError, match="name at least one time"):
        hrd.plot.overview(run, times=[])
    with pytest.raises(ResultError, match="result: there is no record near t = 7"):
        hrd.plot.overview(run, times=[7.0])
    with pytest.raises(ResultError, match="reference: there is no record near t = 1"):
        hrd.plot.overview(run, run.isel(time=[0]), times=[1.0])
    with pytest.raises(ResultError, match="reference: unknown species 'B'"):
        hrd.plot.overview(run, record(PLANE, names=("A",)))


@pytest.mark.parametrize("grid", [LINE, PLANE])
def test_single_pictures_have_no_overlaps(grid: Grid) -> None:
    run, pde = ensemble(grid), record(grid, "mean-field")
    for ax in (hrd.plot.profile(run, "A", reference=pde), hrd.plot.counts(run, reference=pde)):
        assert_no_text_overlaps(ax.figure)
    if grid is PLANE:
        assert_no_text_overlaps(hrd.plot.field(record(grid), "A", bins=2).figure)


def test_colours_of_species_are_told_apart_in_grey() -> None:
    from hybridrd.plotting.style import COLOURS

    rgb = np.array([matplotlib.colors.to_rgb(c) for c in COLOURS[:4]])
    grey = rgb @ [0.2126, 0.7152, 0.0722]
    assert np.diff(np.sort(grey)).min() > 0.02
    assert len(set(COLOURS)) == len(COLOURS)


def test_matplotlib_is_imported_on_use_only() -> None:
    code = "import sys, hybridrd.plotting; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_real_run_can_be_drawn() -> None:
    A = hrd.Species("A", D=1.0)
    system = hrd.System(
        species=[A],
        domain=hrd.Box(x=(0, 2), y=(0, 1)),
        particles=hrd.Box(x=(0, 1), y=(0, 1)),
        cells=(20, 10),
        initial={A: hrd.Patch(200.0, x=(0.5, 1.5))},
    )
    run = hrd.Simulation(system, dt=1e-3, seed=1).run(until=0.02, every=0.01)
    pde = hrd.mean_field(system, dt=1e-3, until=0.02, every=0.01)
    figure = hrd.plot.overview(run, pde)
    assert_no_text_overlaps(figure)
    assert lines(hrd.plot.profile(run, A), "_interface")[0].get_xdata()[0] == 1.0
