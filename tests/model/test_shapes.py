"""Shapes: their cells, how they combine, as plain data and in a System."""

import itertools
import math
import pickle

import numpy as np
import pytest
from PIL import Image

import hybridrd as hrd
from hybridrd.errors import ModelError

A = hrd.Species("A", D=1.0)
SQUARE = hrd.Box(x=(0, 1), y=(0, 2))
GRID = SQUARE.grid((20, 40))
X, Y = GRID.coordinates().values()
DISC = hrd.Ball(center=(0.5, 1.0), radius=0.4)
HALF = hrd.Box(x=(0, 0.5), y=(0, 2))


def make(**changes) -> hrd.System:
    fields = {"species": [A], "domain": SQUARE, "cells": (20, 40)}
    return hrd.System(**(fields | changes))


def test_a_cell_belongs_to_a_shape_if_its_centre_does():
    r = np.hypot(X - 0.5, Y - 1.0)
    expected = {
        DISC: r <= 0.4,
        hrd.Shell(0.2, 0.4, center=(0.5, 1.0)): (r >= 0.2) & (r <= 0.4),
        hrd.Outside(DISC): r > 0.4,
        DISC | HALF: (r <= 0.4) | (X < 0.5),
        DISC & HALF: (r <= 0.4) & (X < 0.5),
        DISC - HALF: (r <= 0.4) & (X > 0.5),
        hrd.Where(lambda x, y: y > 2 * x): Y > 2 * X,
        hrd.Cells(GRID.unflatten(Y > 1.3)): Y > 1.3,
    }
    for shape, mask in expected.items():
        assert np.array_equal(shape.mask(GRID), mask), shape


def test_boxes_side_by_side_share_no_cell_and_miss_none():
    edges = [0, 0.125, 0.375, 0.525, 1]  # some of them are centres
    parts = [hrd.Box(x=pair, y=(0, 2)).mask(GRID) for pair in itertools.pairwise(edges)]
    assert (np.sum(parts, axis=0) == 1).all()


def test_the_cells_of_a_ball_have_its_volume():
    cube = hrd.Box(x=(0, 1), y=(0, 1), z=(0, 1)).grid((40, 40, 40))
    ball = hrd.Ball(center=(0.5, 0.5, 0.5), radius=0.45).mask(cube).sum() * cube.volume
    assert ball == pytest.approx(4 / 3 * math.pi * 0.45**3, rel=0.01)


@pytest.mark.parametrize("dark", [False, True])
def test_an_image_has_its_first_row_on_top_and_any_number_of_pixels(tmp_path, dark):
    pixels = np.zeros((60, 90), np.uint8)  # rows from the top
    pixels[:20, :45] = 255
    Image.fromarray(255 - pixels if dark else pixels).save(tmp_path / "corner.png")
    shape = hrd.shapes.from_image(tmp_path / "corner.png", dark=dark)
    for cells in ((6, 6), (90, 60), (180, 120)):
        grid = SQUARE.grid(cells)
        x, y = grid.coordinates().values()
        assert np.array_equal(shape.mask(grid), (x < 0.5) & (y > 4 / 3))
    placed = hrd.shapes.from_image(tmp_path / "corner.png", dark=dark, x=(0, 0.5), y=(0, 1))
    assert np.array_equal(placed.mask(GRID), (X < 0.25) & (Y > 2 / 3) & (Y < 1))
    Image.fromarray(pixels // 2).save(tmp_path / "dim.png")
    with pytest.raises(ModelError, match="no pixel is"):
        hrd.shapes.from_image(tmp_path / "dim.png", 0.0 if dark else 0.9, dark=dark)
    with pytest.raises(ModelError, match=r"missing\.png"):
        hrd.shapes.from_image(tmp_path / "missing.png")


def test_a_system_of_shapes_is_plain_data_and_back():
    blob = hrd.shapes.Pixels(np.eye(4, dtype=bool), x=(0, 0.5))
    described = make(
        obstacles=hrd.Outside(hrd.Shell(0.1, 0.9, center=(0.5, 1))) | blob,
        particles=(DISC | HALF) - hrd.Cells(GRID.unflatten(Y > 1.3)) & hrd.Outside(blob),
        initial={A: [hrd.Patch(3.0, shape=DISC), hrd.Copies(7, shape=DISC & HALF)]},
    )
    again = hrd.System.from_dict(described.to_dict())
    assert again == described == pickle.loads(pickle.dumps(described))
    assert again.to_dict() == described.to_dict()
    assert np.array_equal(again.partition.codes, described.partition.codes)
    there = hrd.Where("x**2 + 0.25 * y**2 < 0.5")
    assert hrd.System.from_dict(make(obstacles=there).to_dict()) == make(obstacles=there)
    assert np.array_equal(there.mask(GRID), X**2 + 0.25 * Y**2 < 0.5)
    for text, words in (("x + y", "a comparison of"), ("x <", "not a formula"), ("z > 1", "takes")):
        with pytest.raises(ModelError, match=words):
            make(obstacles=hrd.Where(text))
    with pytest.raises(ModelError, match="a Python function cannot be written"):
        make(obstacles=hrd.Where(lambda x: x > 0.5)).to_dict()


def test_a_file_names_an_image_beside_it_and_comparisons(tmp_path, monkeypatch):
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(tmp_path / "cell.png")
    path = tmp_path / "dish.toml"
    path.write_text("""
[system]
domain = { x = [0, 1], y = [0, 2] }
cells = [20, 40]
obstacles = { union = [{ image = "cell.png", dark = true, x = [0, 0.5] }, { where = "y > 3 * x" }] }
particles = { where = "x > 0.5" }

[[species]]
name = "A"
D = 1.0
initial = { concentration = 3.0, shape = { where = "x > 0.8" } }
""")
    monkeypatch.chdir("/")
    image = hrd.shapes.from_image(tmp_path / "cell.png", dark=True, x=(0, 0.5))
    expected = make(
        obstacles=image | hrd.Where("y > 3 * x"), particles=hrd.Where("x > 0.5"),
        initial={A: hrd.Patch(3.0, shape=hrd.Where("x > 0.8"))},
    )  # fmt: skip
    assert hrd.System.from_toml(path) == expected
    path.write_text(path.read_text().replace("cell.png", "none.png"))
    with pytest.raises(ModelError, match=r"obstacles.*none\.png: No such file"):
        hrd.System.from_toml(path)


def test_a_partition_says_what_each_cell_is():
    system = make(obstacles=DISC, particles=HALF | DISC)
    inside = (X < 0.5) & ~DISC.mask(GRID)
    assert np.array_equal(system.free, ~DISC.mask(GRID))
    assert np.array_equal(system.partition.codes, np.where(inside, 2, 1) * system.free)
    assert system.is_hybrid
    assert not make(obstacles=DISC, particles=SQUARE).is_hybrid
    assert system.partition.box is None
    for shape in (hrd.Where(lambda x: x < 0.5), hrd.Box(x=(0, 0.25), y=(0, 2)) | HALF):
        assert make(particles=shape).partition.box == ((0, 0), (10, 40))
    walled = make(obstacles=hrd.Box(x=(0.5, 1), y=(0, 2)), particles=SQUARE)
    assert walled.partition.box == ((0, 0), (10, 40))
    assert make(obstacles=hrd.Box(x=(0.5, 1), y=(0, 1)), particles=HALF).partition.box is None


REFUSED = {
    "no shape": ({"obstacles": 3}, "give a shape"),
    "all obstacles": ({"obstacles": hrd.Outside(hrd.Ball((9, 9), 1))}, "nothing is left"),
    "no cell": ({"obstacles": hrd.Ball((0.5, 1.0), 0.01)}, "contains no centre of the 20 x 40"),
    "no particles": ({"particles": DISC, "obstacles": SQUARE & DISC}, "beside the obstacles"),
    "other axes": ({"obstacles": hrd.Ball((0.5,), 0.1)}, "has 1 coordinate, but"),
    "other array": ({"particles": hrd.Cells(np.ones((4, 4), bool))}, r"\(4, 4\), but the cells"),
    "function of z": ({"particles": hrd.Where(lambda z: z > 0)}, "takes z"),
    "no truth": ({"particles": hrd.Where(lambda x: x)}, "let it return booleans"),
    "off the cells": ({"particles": hrd.Box(x=(0, 0.52), y=(0, 2))}, "not a cell face"),
    "point": (
        {"obstacles": DISC, "initial": {A: hrd.Points([[0.1, 0.1], [0.5, 1.0]])}},
        "point 1, .* is in an obstacle",
    ),
    "copies": (
        {"obstacles": DISC, "initial": {A: hrd.Copies(5, x=(0.45, 0.55), y=(0.9, 1.1))}},
        "the region of the 5 copies lies entirely in obstacles",
    ),
    "patch": ({"initial": {A: hrd.Patch(1.0, shape=hrd.Ball((7, 7), 1))}}, "contains no centre"),
    "covered patch": (
        {"obstacles": DISC, "initial": {A: hrd.Patch(9.0, center=(0.5, 1.0), radius=0.04)}},
        r"Patch\(.*radius=0.04\) lies entirely in obstacles",
    ),
    "elsewhere": ({"particles": hrd.Ball((7, 7), 1)}, "larger or elsewhere"),
    "ball shell": (
        {"domain": hrd.Shell(1, 2), "cells": 20, "obstacles": hrd.Shell(1, 1.5)},
        "a Shell has no obstacles",
    ),
}


@pytest.mark.parametrize(("changes", "words"), REFUSED.values(), ids=REFUSED)
def test_what_fits_no_cells_is_refused_with_its_name(changes, words):
    with pytest.raises(ModelError, match=words):
        make(**changes)


def test_shapes_combine_with_shapes_only():
    with pytest.raises(ModelError, match="shapes combine with shapes only"):
        DISC | 3
    with pytest.raises(ModelError, match="not both"):
        hrd.Patch(1.0, x=(0, 1), shape=DISC)
    with pytest.raises(ModelError, match="does not depend on time"):
        hrd.Where(lambda x, t: x > t)


def test_a_file_names_the_place_of_a_mistake_in_a_shape():
    table = {"domain": {"x": [0, 1], "y": [0, 2]}, "cells": [20, 40]}
    table["obstacles"] = {"union": [{"outside": {"center": [0.5, 1], "radus": 0.4}}]}
    with pytest.raises(ModelError, match=r"system\.obstacles\.union\[0\]\.outside"):
        hrd.System.from_dict({"system": table, "species": [{"name": "A", "D": 1.0}]})


def test_regions_without_a_cell_or_that_follow_are_no_place_to_count_copies():
    system = make(initial={A: 5.0}, particles=None)
    pde = hrd.mean_field(system, dt=1e-4, until=1e-4)
    moving = hrd.Adaptive(10, 30, 0.1)
    for region, words in ((hrd.Ball((7, 7), 1), "contains no centre"), (moving, "follows the")):
        with pytest.raises(ModelError, match=words):
            hrd.copy_number(pde, region)
        with pytest.raises(ModelError, match=words):
            hrd.mean_field(system, dt=1e-4, until=1e-4, observe={"there": region})
    for combine in (lambda s: s | DISC, lambda s: DISC & s, lambda s: s - DISC, hrd.Outside):
        with pytest.raises(ModelError, match="give it as particles=, alone"):
            combine(moving)
