"""Pictures of a sweep show its numbers: curves, maps, and small multiples."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.contour import ContourSet
from test_pictures import assert_no_text_overlaps

import hybridrd as hrd
from hybridrd.errors import ResultError


@pytest.fixture(scope="module")
def study():
    def system(k, n, model):
        A, B, line = hrd.Species("A", D=1.0), hrd.Species("B", D=1.0), hrd.Box(x=(0, 1))
        return hrd.System(
            species=[A, B], domain=line, particles=line, cells=4, initial={A: hrd.Copies(n)},
            reactions=[hrd.Reaction("A -> B", k=k, name=f"{len(model)}")],
        )  # fmt: skip

    grid = {"k": [1.0, 10.0, 100.0], "n": [20, 40], "model": ["a", "b"]}
    return hrd.sweep(system, grid, replicas=3, dt=0.1, until=0.4, every=0.1, seed=1)


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_curves_over_one_parameter_with_a_line_for_the_second(study):
    figure = hrd.plot.sweep(study.sel(model="a"), "curve", "A", time=0.1)
    (ax,) = figure.axes
    for container, n in zip(ax.containers, (20, 40), strict=True):
        mean = study["copy_number_mean"].sel(model="a", species="A", time=0.1, n=n)
        np.testing.assert_array_equal(container.lines[0].get_xdata(), [1.0, 10.0, 100.0])
        np.testing.assert_array_equal(container.lines[0].get_ydata(), mean)
    assert (ax.get_xlabel(), ax.get_xscale(), ax.get_title()) == ("k", "log", "A, t = 0.1")
    assert_no_text_overlaps(figure)


def test_a_map_of_two_parameters(study):
    figure = hrd.plot.sweep(study.sel(model="b"), species=["A", "B"], variable="total")
    maps = [ax for ax in figure.axes if ax.images]
    for ax, name in zip(maps, "AB", strict=True):
        mean = study["total_mean"].sel(model="b", species=name).isel(time=-1)
        np.testing.assert_array_equal(ax.images[0].get_array(), mean.transpose("n", "k"))
        assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "10", "100"]
    assert_no_text_overlaps(figure)


def test_a_map_takes_colours_lines_and_axes(study):
    axes = plt.figure().subplots(1, 2)
    two = study.sel(model="b")
    hrd.plot.sweep(
        two, species=["A", "B"], ax=axes, cmap="magma", vmin=5.0, vmax=30.0, levels=[9.0]
    )
    for ax in axes:
        (image,) = ax.images
        assert (image.get_cmap().name, image.get_clim()) == ("magma", (5.0, 30.0))
        (lines,) = (c for c in ax.collections if isinstance(c, ContourSet))
        assert list(lines.levels) == [9.0]
    with pytest.raises(ResultError, match="vmax = 3"):
        hrd.plot.sweep(two, "times", vmax=3.0)
    with pytest.raises(ResultError, match="ax: this picture has 2 panels"):
        hrd.plot.sweep(two, species=["A", "B"], ax=axes[0])


def test_small_multiples_share_a_scale_and_name_their_points(study):
    figure = hrd.plot.sweep(study.sel(model="a"), "times")
    panels = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title() for ax in panels[:3]] == ["k = 1, n = 20", "k = 1, n = 40",
                                                     "k = 10, n = 20"]  # fmt: skip
    line = panels[2].get_lines()[1]
    mean = study["copy_number_mean"].sel(model="a", species="B", k=10.0, n=20)
    np.testing.assert_array_equal(line.get_ydata(), mean)
    assert len({ax.get_ylim() for ax in panels}) == 1
    assert_no_text_overlaps(figure)


def test_words_and_tables(study):
    (ax,) = hrd.plot.sweep(study.sel(k=1.0, n=20), species="A").axes
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b"]
    with pytest.raises(ResultError, match=r"k, n, model vary.*study\.sel\(model=\.\.\.\)"):
        hrd.plot.sweep(study)
    with pytest.raises(ResultError, match="needs two parameters"):
        hrd.plot.sweep(study.sel(k=1.0, n=20), "map")
    with pytest.raises(ResultError, match="give the result of a sweep"):
        hrd.plot.sweep(hrd.point(study, k=1.0, n=20, model="a"))


def test_all_points_are_exported(study, tmp_path):
    import pandas as pd

    hrd.export(study, tmp_path / "all.csv", time=0.4)
    rows = pd.read_csv(tmp_path / "all.csv")
    assert list(rows.columns[:4]) == ["k", "n", "model", "time"]
    expected = study["copy_number_mean"].sel(species="B", time=0.4).values.ravel()
    np.testing.assert_allclose(rows["copy_number_B_mean"], expected)
    hrd.export(study, tmp_path / "all.nc")
    assert hrd.load(tmp_path / "all.nc").equals(study)
    with pytest.raises(ResultError, match="is a sweep; choose one"):
        hrd.export(study, tmp_path / "all.vtu")
