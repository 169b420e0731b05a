"""Hatching: negative differences differ from positive ones without colours."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import PathPatch
from test_pictures import CUBE, PLANE, ensemble, record

import hybridrd as hrd
from hybridrd.plotting.hatching import outline

AT = {"species": "A", "time": 0.5}


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def hatched(ax, grid):
    """Which cells ``(nx, ny)`` of an image have their centre in a hatched part."""
    x, y = (
        np.linspace(low, high, n + 1)[:-1] + 0.5 * (high - low) / n
        for low, high, n in list(zip(grid.lower, grid.upper, grid.shape, strict=True))[:2]
    )
    points = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
    found = np.zeros((len(x), len(y)), dtype=bool)
    for patch in ax.patches:
        assert isinstance(patch, PathPatch)
        assert patch.get_hatch()
        for part in patch.get_path().to_polygons():
            low, high = part.min(axis=0), part.max(axis=0)
            found |= np.all((points > low) & (points < high), axis=1).reshape(found.shape)
    return found


def test_cells_below_the_reference_are_hatched():
    many, pde = ensemble(PLANE), record(PLANE, "mean-field", seed=5)
    axes = hrd.plot.compare(many, pde, "A", time=0.5, bins=1)
    difference = many["concentration_mean"].sel(AT).values - pde["concentration"].sel(AT).values
    limit = np.percentile(np.abs(difference), 99)
    z = difference / many["concentration_sem"].sel(AT).values
    assert 0.2 < np.mean(difference < -0.1 * limit) < 0.8  # of both kinds
    np.testing.assert_array_equal(hatched(axes[2], PLANE), difference < -0.1 * limit)
    np.testing.assert_array_equal(hatched(axes[3], PLANE), z < -1)
    assert not axes[0].patches
    assert not axes[1].patches


def test_colour_bars_are_hatched_below_zero():
    many, pde = ensemble(PLANE), record(PLANE, "mean-field", seed=5)
    for ax, bound in zip(hrd.plot.compare(many, pde, "A")[2:], (-0.1, -1.0 / 3.0), strict=True):
        (bar,) = ax.child_axes
        spans = [patch for patch in bar.patches if patch.get_hatch()]
        low, high = bar.get_ylim()
        assert low == -high
        edges = sorted(y for patch in spans for y in patch.get_corners()[:, 1])
        assert edges[0] == low
        assert edges[-1] == pytest.approx(bound * high)


def test_cells_that_are_not_below_are_plain():
    low, high = record(PLANE, seed=1), record(PLANE, seed=1)
    high["concentration"] = high["concentration"] + 1.0
    assert not hrd.plot.compare(high, low, "A", time=0.5)[2].patches
    assert hatched(hrd.plot.compare(low, high, "A", time=0.5)[2], PLANE).all()


def test_a_slice_is_hatched_as_it_is_cut():
    run, pde = record(CUBE), record(CUBE, "mean-field", seed=5)
    ax = hrd.plot.compare(run, pde, "A", time=0.5, z=0.6, bins=1)[2]
    difference = (run["concentration"] - pde["concentration"]).sel(AT).values[:, :, 1]
    limit = np.percentile(np.abs(difference), 99)
    np.testing.assert_array_equal(hatched(ax, CUBE), difference < -0.1 * limit)


def test_lines_are_seen_on_pale_and_on_dark_colours():
    """In grey, lines stand out from the ground of a hatched cell; a positive cell has none."""
    low, high = record(PLANE, seed=1), record(PLANE, seed=1)
    high["concentration"] = high["concentration"].copy()
    high["concentration"][:, :, :10] -= 0.4  # pale blue
    high["concentration"][:, :, 10:15] -= 1.0  # dark blue
    high["concentration"][:, :, 15:] += 1.0  # dark red
    ax = hrd.plot.compare(high, low, "A", time=0.5)[2]
    ax.figure.set_dpi(150)
    ax.figure.canvas.draw()
    grey = np.asarray(ax.figure.canvas.buffer_rgba())[..., :3] @ [0.299, 0.587, 0.114]

    def spread(x0, x1):
        (a, b), (c, d) = ax.transData.transform([(x0, 1.0), (x1, 5.0)])
        part = grey[len(grey) - int(d) : len(grey) - int(b), int(a) : int(c)]
        return part.max() - part.min()

    assert spread(1.0, 4.5) > 60
    assert spread(5.5, 7.0) > 60
    assert spread(8.0, 9.5) < 5


def test_neighbours_along_y_are_one_rectangle():
    where = np.array([[True, True, False], [False, True, True]])
    path = outline(where, np.arange(3.0), 10.0 * np.arange(4))
    boxes = [(part.min(axis=0).tolist(), part.max(axis=0).tolist()) for part in path.to_polygons()]
    assert boxes == [([0.0, 0.0], [1.0, 20.0]), ([1.0, 10.0], [2.0, 30.0])]
