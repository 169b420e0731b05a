"""Initial states on cells: exact overlaps of boxes, discs and balls, and what is made of them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hybridrd as hrd
from hybridrd.examples import sir
from hybridrd.model.grid import Grid
from hybridrd.model.overlap import ball_overlap, box_overlap, cells_of, concentration
from hybridrd.particles.initial_state import mean_concentration

PLANE = Grid((0.0, -1.0), (2.0, 1.0), (7, 5))
SPACE = Grid((0.0, -1.0, 0.5), (2.0, 1.0, 2.0), (5, 4, 3))
WIDTH = st.floats(0.05, 1.5)


def refined(grid, times):
    return Grid(grid.lower, grid.upper, tuple(n * times for n in grid.shape))


def coarse(fine, grid, times):
    """Sums of a flat field of the refined grid over the cells of the grid."""
    shape = [m for n in grid.shape for m in (n, times)]
    field = refined(grid, times).unflatten(fine).reshape(shape)
    return grid.flatten(field.sum(axis=tuple(range(1, 2 * grid.dimension, 2))))


def counted(grid, times, inside):
    """Volume of a shape in each cell, by the centres of a subgrid."""
    fine = refined(grid, times)
    coordinates = np.array(list(fine.coordinates().values()))
    return coarse(inside(coordinates) * fine.volume, grid, times)


@given(
    x=st.tuples(st.floats(-0.5, 1.9), WIDTH),
    y=st.one_of(st.none(), st.tuples(st.floats(-1.5, 0.9), WIDTH)),
)
def test_boxes_are_products_of_lengths(x, y):
    bounds = ((x[0], x[0] + x[1]), None if y is None else (y[0], y[0] + y[1]))
    found = PLANE.unflatten(box_overlap(PLANE, bounds))
    for index in np.ndindex(*PLANE.shape):
        area = 1.0
        for axis, (i, ends) in enumerate(zip(index, bounds, strict=True)):
            low = PLANE.lower[axis] + i * PLANE.spacing[axis]
            high = low + PLANE.spacing[axis]
            if ends is not None:
                low, high = max(low, ends[0]), min(high, ends[1])
            area *= max(high - low, 0.0)
        assert found[index] == pytest.approx(area, abs=1e-14)


CENTER = (st.floats(-0.3, 2.3), st.floats(-1.3, 1.3), st.floats(0.3, 2.2))


@given(center=st.tuples(*CENTER[:2]), radius=st.floats(0.05, 2.5))
def test_discs_cut_by_cells_and_by_the_domain(center, radius):
    def inside(points):
        return ((points - np.array(center)[:, None]) ** 2).sum(axis=0) < radius**2

    found = ball_overlap(PLANE, center, radius)
    assert np.abs(found - counted(PLANE, 120, inside)).max() < 1e-3 * PLANE.volume
    assert ((found >= 0) & (found <= PLANE.volume * (1 + 1e-12))).all()
    # Exact: a cell holds what its parts hold.
    parts = ball_overlap(refined(PLANE, 3), center, radius)
    np.testing.assert_allclose(coarse(parts, PLANE, 3), found, atol=1e-13)


@given(center=st.tuples(*CENTER), radius=st.floats(0.1, 2.5))
def test_balls_cut_by_cells_and_by_the_domain(center, radius):
    def inside(points):
        return ((points - np.array(center)[:, None]) ** 2).sum(axis=0) < radius**2

    found = ball_overlap(SPACE, center, radius)
    assert np.abs(found - counted(SPACE, 24, inside)).max() < 5e-3 * SPACE.volume
    parts = ball_overlap(refined(SPACE, 2), center, radius)
    assert np.abs(coarse(parts, SPACE, 2) - found).max() < 1e-3 * SPACE.volume


@given(st.floats(0.01, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_the_whole_is_pi_r2_or_four_thirds_pi_r3(radius, u, v, w):
    grid = Grid((-1.0, -2.0), (2.0, 1.0), (13, 11))
    center = (-1 + radius + u * (3 - 2 * radius), -2 + radius + v * (3 - 2 * radius))
    # A cell edge that touches the circle to the last bit but one costs the root of round-off.
    area = math.pi * radius**2
    assert ball_overlap(grid, center, radius).sum() == pytest.approx(area, rel=1e-11)
    space = Grid((-1.0, -2.0, 0.0), (2.0, 1.0, 3.0), (6, 5, 7))
    center += (radius + w * (3 - 2 * radius),)
    volume = 4 / 3 * math.pi * radius**3
    assert ball_overlap(space, center, radius).sum() == pytest.approx(volume, rel=1e-12)
    line = Grid((-1.0,), (2.0,), (17,))
    assert ball_overlap(line, center[:1], radius).sum() == pytest.approx(2 * radius, rel=1e-12)


def test_halves_quarters_and_octants():
    for corner in ((0.0, -1.0), (2.0, 1.0), (0.0, 1.0)):
        quarter = ball_overlap(PLANE, corner, 0.9).sum()
        assert quarter == pytest.approx(math.pi * 0.81 / 4, rel=1e-12)
    half = ball_overlap(PLANE, (0.0, 0.0), 0.9).sum()
    assert half == pytest.approx(math.pi * 0.81 / 2, rel=1e-12)
    octant = ball_overlap(SPACE, (2.0, -1.0, 0.5), 1.1).sum()
    assert octant == pytest.approx(math.pi * 1.1**3 / 6, rel=1e-4)
    everything = ball_overlap(PLANE, (1.0, 0.0), 9.0)
    np.testing.assert_allclose(everything, PLANE.volume, rtol=1e-12)
    assert ball_overlap(PLANE, (4.0, 0.0), 1.5).sum() == 0.0


@pytest.mark.parametrize("cells", [100, 200])
def test_masses_of_the_published_patches(cells):
    # Two discs of radius 0.5 at 800, three unit squares at 7000.
    system = sir().replace(cells=cells)
    masses = [mean_concentration(system, s).sum() * system.grid.volume for s in range(3)]
    assert masses[system.index("S")] == pytest.approx(21000, rel=1e-12)
    assert masses[system.index("I")] == pytest.approx(1600 * math.pi * 0.25, rel=1e-12)
    assert masses[system.index("I")] == pytest.approx(1256.637, abs=1e-3)
    assert masses[system.index("R")] == 0


# --- parts of an initial state -------------------------------------------------------------------


def test_a_function_is_taken_at_the_centres():
    def c(x, y):
        return 2 + x * y

    at = PLANE.coordinates()
    expected = c(at["x"], at["y"])
    np.testing.assert_allclose(concentration(c, PLANE, ""), expected, rtol=1e-15)
    patch = concentration(hrd.Patch(c, x=(0, 1)), PLANE, "")
    np.testing.assert_allclose(
        patch * PLANE.volume, expected * box_overlap(PLANE, ((0, 1), None)), rtol=1e-14
    )


def test_copies_and_points_keep_their_number():
    copies = concentration(hrd.Copies(17, y=(-0.7, 0.1)), PLANE, "") * PLANE.volume
    assert copies.sum() == pytest.approx(17, rel=1e-14)
    outside = box_overlap(PLANE, (None, (-0.7, 0.1))) == 0
    assert (copies[outside] == 0).all()
    points = np.array([[0.0, -1.0], [2.0, 1.0], [0.3, 0.0], [0.31, 0.01], [1.0, 1.0]])
    counts = concentration(hrd.Points(points), PLANE, "") * PLANE.volume
    assert counts.sum() == pytest.approx(5, rel=1e-14)
    index = np.clip((points - PLANE.lower) // PLANE.spacing, 0, np.array(PLANE.shape) - 1)
    expected = np.zeros(PLANE.shape)
    np.add.at(expected, tuple(index.astype(int).T), 1.0)
    np.testing.assert_allclose(PLANE.unflatten(counts), expected, atol=1e-14)
    flat = [int(i + 7 * j) for i, j in index]  # first axis fastest
    assert cells_of(points, PLANE).tolist() == flat


def test_arrays_numbers_and_sums():
    array = np.arange(35.0).reshape(PLANE.shape)
    np.testing.assert_array_equal(PLANE.unflatten(concentration(array, PLANE, "")), array)
    np.testing.assert_array_equal(concentration(3.5, PLANE, ""), np.full(35, 3.5))
    A = hrd.Species("A", D=1.0)
    domain = hrd.Box(x=(0, 2), y=(-1, 1))
    parts = [1.5, array, hrd.Copies(7), hrd.Patch(2.0, center=(1.0, 0.0), radius=0.4)]
    system = hrd.System(species=[A], domain=domain, cells=PLANE.shape, initial={A: parts})
    total = mean_concentration(system, 0).sum() * PLANE.volume
    expected = 6.0 + array.sum() * PLANE.volume + 7 + 2 * math.pi * 0.16
    assert total == pytest.approx(expected, rel=1e-12)
