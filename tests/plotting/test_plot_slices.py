"""Regions are marked where they are: in slices, and on periodic edges."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from test_pictures import CUBE, LINE, PLANE, assert_no_text_overlaps, ensemble, record

import hybridrd as hrd
from hybridrd.results.view import View

# Of the domain x 0 to 3, y 0 to 2, z 0 to 4.
BLOCK = ([0.0, 0.0, 0.0], [1.5, 2.0, 2.0])
PILLAR = ([0.5, 0.5, 0.0], [1.5, 1.5, 2.0])
SLAB = ([0.0, 0.0, 0.0], [3.0, 2.0, 2.0])


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def planes(ax):
    return [line for line in ax.lines if line.get_label() == "_interface"]


def names(ax):
    return [t.get_text() for t in ax.texts]


@pytest.mark.parametrize(
    ("region", "z", "lines", "shown"),
    [
        (BLOCK, 1.1, 1, ["particles", "continuum"]),
        (BLOCK, 3.5, 0, ["continuum"]),
        (PILLAR, 1.1, 4, ["particles inside the lines"]),
        (PILLAR, 3.5, 0, ["continuum"]),
        (SLAB, 1.1, 0, ["particles"]),
        (SLAB, 3.5, 0, ["continuum"]),
        (([0.0] * 3, [3.0, 2.0, 4.0]), 1.1, 0, []),
    ],
)
def test_a_slice_shows_the_region_that_it_goes_through(region, z, lines, shown):
    ax = hrd.plot.field(record(CUBE, region=region), "A", z=z, bins=2)
    assert len(planes(ax)) == 2 * lines  # white on black
    assert names(ax) == shown
    assert ("bins" in ax.get_title()) == (shown != ["continuum"])
    assert_no_text_overlaps(ax.figure)


@pytest.mark.parametrize(("z", "lines"), [(1.1, 1), (3.5, 0)])
def test_a_comparison_counts_cells_of_its_slice(z, lines):
    many = ensemble(CUBE).assign_attrs(region_lower=BLOCK[0], region_upper=BLOCK[1])
    axes = hrd.plot.compare(many, record(CUBE, region=BLOCK), "A", z=z)
    assert all(len(planes(ax)) == 2 * lines for ax in axes)
    assert ("% of particle cells" in axes[3].get_title()) == bool(lines)


def test_an_overview_marks_a_slab_in_z():
    # The middle of the domain is at the lower of two layers as near: in the region.
    figure = hrd.plot.overview(record(CUBE, region=SLAB), times=[0.5])
    assert [names(ax)[0] for ax in figure.axes if ax.get_title()] == ["particles"]
    assert_no_text_overlaps(figure)


def test_a_region_on_a_periodic_edge_has_an_interface_there():
    run = record(PLANE)  # particles from x = 0, the edge of the domain, to 5
    assert View(run, "r").interfaces("x") == [5.0]
    wrapped = run.assign_attrs(periodic=["x"])
    assert View(wrapped, "r").interfaces("x") == [0.0, 5.0]
    ax = hrd.plot.field(wrapped, "A")
    assert sorted({tuple(line.get_xdata()) for line in planes(ax)}) == [(0, 0), (5, 5)]
    assert [line.get_clip_on() for line in planes(ax)] == [False, False, True, True]
    assert names(ax) == ["particles", "continuum"]
    everywhere = record(LINE, region=([1.0], [11.0])).assign_attrs(periodic=["x"])
    assert View(everywhere, "r").interfaces("x") == []


def test_single_full_cells_do_not_set_the_colours():
    run = record(PLANE)
    run["concentration"][-1, 0, 15, 5] = 1e6  # one of 240
    c = run["concentration"].values[-1, 0]
    for ax in (
        hrd.plot.field(run, "A", bins=1),
        hrd.plot.overview(run, times=[1.5]).axes[0],
    ):
        assert ax.images[0].get_clim()[1] < 10.0
    assert np.percentile(c, 99) < 10.0


def test_the_names_of_rows_stand_clear_of_the_labels():
    wide = record(PLANE)
    wide = wide.assign_coords(y=wide["y"] * 1e5).assign_attrs(
        region_upper=[5.0, 6e5], region_lower=[0.0, 0.0]
    )
    figure = hrd.plot.overview(wide)
    assert_no_text_overlaps(figure)
    figure.canvas.draw()
    ax = figure.axes[0]
    (row,) = [t for t in ax.texts if t.get_text() == "A"]
    renderer = figure.canvas.get_renderer()
    assert row.get_window_extent(renderer).x1 < ax.yaxis.label.get_window_extent(renderer).x0


def test_a_picture_says_that_particles_are_outside_and_cuts_no_label():
    A = hrd.Species("A", D=1.0)
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 30), y=(0, 30)), cells=(30, 30),
        particles=hrd.Outside(hrd.Ball((15, 15), 8)), initial={A: 100.0},
    )  # fmt: skip
    run = hrd.Simulation(system, dt=0.05, seed=3).run(until=0.05)
    ax = hrd.plot.field(run, "A")
    assert names(ax) == ["particles outside the lines"]
    ax.figure.draw_without_rendering()
    assert ax.yaxis.label.get_window_extent().x0 > 1
    assert ax.child_axes[0].yaxis.label.get_window_extent().x1 < ax.figure.bbox.x1 - 1
