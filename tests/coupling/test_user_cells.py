"""Maps of a user's cells to the grid: they conserve numbers and read straight lines exactly."""

import doctest

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.continuum import fipy_continuum, rectilinear
from hybridrd.continuum import user as own
from hybridrd.continuum.rectilinear import RectilinearCells
from hybridrd.coupling.user_cells import UserCells
from hybridrd.interface import FaceNumbers
from hybridrd.particles.region import make_region
from hybridrd.simulation.plan import compile_system

A = hrd.Species("A", D=1.0)
# Faces of any widths; those of the particle region, 2 and 6 along x, 1 and 3 along y, among them.
X = [0.0, 0.3, 1.0, 1.6, 2.0, 2.5, 3.7, 5.0, 6.0, 6.05, 6.4, 7.3, 8.0]
Y = [0.0, 0.45, 1.0, 1.9, 2.2, 3.0, 3.8, 4.0]
Z = [0.0, 0.6, 1.0]


def box_in_box(dimension=2, **more):
    sides = {"x": (2, 6), "y": (1, 3), "z": (0, 1)}
    whole = {"x": (0, 8), "y": (0, 4), "z": (0, 1)}
    axes = "xyz"[:dimension]
    more.setdefault("cells", (16, 8, 2)[:dimension])
    return hrd.System(
        species=[A], domain=hrd.Box(**{a: whole[a] for a in axes}),
        particles=hrd.Box(**{a: sides[a] for a in axes}), **more,
    )  # fmt: skip


def user_cells(system, *edges):
    return UserCells(system, make_region(system), RectilinearCells.between(edges))


def numbers(stencil, offset):
    return FaceNumbers("layer", 0.1, 0.9, offset, 0.1, 1.0, 0.1, stencil=stencil)


@pytest.mark.parametrize("module", [own, fipy_continuum, rectilinear])
def test_examples_run(module):
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_every_exchanged_number_arrives_outside_the_region(dimension):
    system = box_in_box(dimension)
    map_ = user_cells(system, *(X, Y, Z)[:dimension])
    mask = map_.region.mask
    credit = np.random.default_rng(1).integers(-9, 9, len(mask)) * ~mask
    for shares in (map_.shares, map_.plane_shares):
        given = credit @ shares
        assert given.sum() == pytest.approx(credit.sum(), abs=1e-11)
        assert np.all(given[~map_.outside] == 0)
    assert map_.outside.sum() == map_.cells.size - np.sum(
        np.all([(x > lo) & (x < hi) for x, lo, hi in zip(
            map_.cells.coordinates().values(), map_.region.low, map_.region.high, strict=True
        )], axis=0)
    )  # fmt: skip


def test_at_a_plane_numbers_go_to_the_first_own_cell_however_thin():
    map_ = user_cells(box_in_box(1), X)
    credit = np.zeros(16)
    credit[12] = 7  # the cell of the grid from 6 to 6.5
    given = (credit @ map_.plane_shares) / 7
    assert given.tolist() == [0.0] * 8 + [1.0, 0.0, 0.0, 0.0]
    # Elsewhere by volume: 0.05, 0.35 and 0.1 of the width 0.5.
    given = (credit @ map_.shares) / 7
    assert given[8:].tolist() == pytest.approx([0.1, 0.7, 0.2, 0.0])


def test_the_integral_on_the_grid_is_that_on_own_cells():
    map_ = user_cells(box_in_box(3), X, Y, Z)
    c = np.random.default_rng(2).random(map_.cells.size) * map_.outside
    on_grid = map_.shares @ c
    whole = (on_grid * map_.region.grid.volumes).sum()
    assert whole == pytest.approx((c * map_.cells.volumes).sum(), rel=1e-13)


@pytest.mark.parametrize("two_way", [True, False])
def test_a_line_along_the_normal_is_read_where_c_R_belongs(two_way):
    map_ = user_cells(box_in_box(2), X, Y)
    x, y = map_.cells.coordinates().values()
    for offset in (0.0, 0.02, 0.3):
        for face in map_.region.faces:
            along, outward = (x, y)[face.axis], 1 if face.side else -1
            line = 3.0 - 2.0 * along
            read = map_.stencil(face, numbers("linear", offset), two_way).read(line)
            assert read == pytest.approx(3.0 - 2.0 * (face.plane + outward * offset), abs=1e-12)


def test_the_first_cell_is_read_as_it_is_and_along_the_plane_by_area():
    map_ = user_cells(box_in_box(2), X, Y)
    face = next(f for f in map_.region.faces if f.name == "interface:x+")
    assert map_.width(face) == pytest.approx(0.05)
    c = np.zeros((12, 7))
    c[8] = [0, 0, 10, 20, 30, 0, 0]  # beside x = 6: y in 1..1.9, 1.9..2.2, 2.2..3
    read = map_.stencil(face, numbers("cell", 0.025), True).read(c.ravel())
    # Face cells 1..1.5, 1.5..2, 2..2.5, 2.5..3.
    assert read == pytest.approx([10, 0.8 * 10 + 0.2 * 20, 0.4 * 20 + 0.6 * 30, 30])


def test_beyond_a_periodic_wall_the_cells_go_on_at_the_other_end():
    line = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 8)), particles=hrd.Box(x=(0, 6)), cells=16,
        walls={"x": hrd.Periodic()},
    )  # fmt: skip
    for edges in (X, X[8:]):  # the whole domain, or what is outside the region
        map_ = user_cells(line, edges)
        lower = next(f for f in map_.region.faces if f.side == 0)
        assert map_.width(lower) == pytest.approx(0.7)
        c = map_.cells.centers(0) - 8.0  # depth below x = 0
        read = map_.stencil(lower, numbers("linear", 0.2), True).read(c)
        assert read == pytest.approx(-0.2)


REFUSED = {
    "no face on the plane": (
        box_in_box(1), [np.linspace(0, 8, 11)],
        r"x = 2 .*interface:x-.* nearest along x are at 1.6 and 2.4",
    ),
    "a gap": (
        hrd.System(species=[A], domain=hrd.Box(x=(0, 8)), particles=hrd.Box(x=(0, 6)), cells=16),
        [[6.0, 6.5, 7.0]], r"cover x in \(6, 7\), but not the domain at x = 7.25",
    ),
    "outside the domain": (
        box_in_box(1), [[0.0, 2.0, 6.0, 9.0]], r"from 0 to 9 along x, outside the domain \(0, 8\)",
    ),
    "another dimension": (box_in_box(2), [X], "1 axes, the domain 2"),
    "noise": (box_in_box(1, fluctuations="gaussian"), [X], "has no noise"),
    "a wall of the continuum": (
        box_in_box(1, walls={"x+": hrd.Absorbing()}), [X], "x\\+ = Absorbing.*leave the wall out",
    ),
    "no continuum": (
        hrd.System(species=[A], domain=hrd.Box(x=(0, 8)), particles=hrd.Box(x=(0, 8))), [X],
        "covers the whole domain",
    ),
    "no particles": (hrd.System(species=[A], domain=hrd.Box(x=(0, 8))), [X], "particle region"),
    "a shell": (
        hrd.System(species=[A], domain=hrd.Shell(1, 8), particles=hrd.Shell(1, 4), cells=7),
        [X], "a Shell can't have",
    ),
    "a gap of one cell": (
        hrd.System(species=[A], domain=hrd.Box(x=(0, 8)), particles=hrd.Box(x=(0, 7.5)), cells=16,
                   walls={"x": hrd.Periodic()}),
        [[7.5, 7.7, 8.0]], "share a cell",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("system", "edges", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(system, edges, message):
    with pytest.raises(hrd.ModelError, match=message):
        compile_system(system, 1e-3, RectilinearCells.between(edges))


@pytest.mark.parametrize("edges", [[[1.0]], [[0.0, 2.0, 1.0]], [[0.0, np.nan]], [], [[0, 1]] * 4])
def test_impossible_cells_are_refused(edges):
    with pytest.raises(hrd.ModelError, match="the cells of mine: "):
        RectilinearCells.between(edges, "the cells of mine")


def test_c_R_beyond_the_end_of_the_continuum_is_refused():
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 8)), particles=hrd.Box(x=(0, 7.5)), cells=16,
        coupling="mean-field", interface=hrd.Layer(width=2.0),
    )  # fmt: skip
    with pytest.raises(hrd.StepError, match=r"outside the plane, but the continuum ends at 0.5"):
        compile_system(system, 1e-2, RectilinearCells.between([[7.5, 7.7, 8.0]])).gates().gates()
