"""Ball shells as domains: geometry, files, words, refusals."""

import math

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.errors import ModelError, StepError
from hybridrd.model.overlap import concentration
from hybridrd.model.shell import ShellGrid
from hybridrd.simulation.plan import compile_system
from hybridrd.toml.config import read_toml

B, C = hrd.Species("B", D=1.0), hrd.Species("C", D=0.0)
SHELL = hrd.Shell(inner=1.0, outer=6.0)


def system(**changes):
    fields = {
        "species": [B, C],
        "domain": SHELL,
        "particles": SHELL,
        "walls": {"inner": hrd.PartiallyAbsorbing(20.0), "outer": hrd.Reservoir({B: 1.0})},
        "initial": {B: 1.0},
    }
    return hrd.System(**{**fields, **changes})


def test_geometry():
    assert SHELL.volume == pytest.approx(4 / 3 * math.pi * 215)
    assert (SHELL.dimension, SHELL.axes, SHELL.sides) == (3, ("r",), ["inner", "outer"])
    assert (SHELL.lower, SHELL.upper) == ((1.0,), (6.0,))
    assert SHELL.contains(hrd.Shell(1.0, 3.0))
    assert not SHELL.contains(hrd.Shell(0.5, 3.0))
    assert repr(SHELL) == "Shell(inner=1, outer=6)"


def test_cells_have_volumes_of_their_own():
    grid = system().grid
    assert (grid.shape, grid.axes, grid.space) == ((100,), ("r",), 3)
    assert grid.volumes.sum() == pytest.approx(SHELL.volume, rel=1e-13)
    assert grid.box_volume(np.array([2.0]), np.array([3.0])) == pytest.approx(
        grid.volumes[20:40].sum()
    )
    assert grid.plane_area(0, 3.0) == pytest.approx(36 * math.pi)
    assert hash(grid) == hash(ShellGrid((1.0,), (6.0,), (100,)))
    assert grid != hrd.Box(x=(1, 6)).grid((100,))
    with pytest.raises(TypeError, match="differ in volume"):
        _ = grid.volume
    with pytest.raises(TypeError, match="differ in area"):
        grid.face_area(0)


def test_places_by_volume():
    """A fraction f of a cell from a to b by length becomes f of its volume."""
    x = np.array([[1.0, 1.125, 1.25, 1.75, 2.0]])
    system().grid.by_volume(x, np.array([1.0]), np.array([0.5]))
    volumes = [1.0, 1 + 0.25 * (1.5**3 - 1), 1 + 0.5 * (1.5**3 - 1)]
    volumes += [1.5**3 + 0.5 * (8 - 1.5**3), 8.0]
    np.testing.assert_allclose(x[0] ** 3, volumes, rtol=1e-14)


def test_contents_of_cells():
    grid = system().grid
    even = concentration(hrd.Patch(2.0), grid, "B")
    np.testing.assert_allclose(even, 2.0, rtol=1e-13)
    copies = concentration(hrd.Copies(10), grid, "B")
    assert copies @ grid.volumes == pytest.approx(10)
    np.testing.assert_allclose(copies, 10 / SHELL.volume, rtol=1e-12)
    points = concentration(hrd.Points([1.01, 1.02, 5.99]), grid, "B")
    assert (points * grid.volumes)[[0, -1]] == pytest.approx([2, 1])
    ramp = concentration(lambda r: r, grid, "B")
    assert (ramp == grid.centers(0)).all()


def test_words():
    lines = str(system(particles=hrd.Shell(1.0, 3.0))).splitlines()
    assert lines[0] == "System of 2 species in a ball shell"
    assert "  domain     r in (1, 6)" in lines
    assert "  particles  r in (1, 3); interface at r = 3" in lines
    assert "  walls      inner partially absorbing, kappa = 20" in lines


FILE = """\
[system]
domain = { inner = 1.0, outer = 6.0 }
particles = { inner = 1.0, outer = 3.0 }
cells = 100
walls = { inner = { partially-absorbing = 20.0 }, outer = { reservoir = { B = 1.0 } } }

[[species]]
name = "B"
D = 1.0
initial = 1.0

[[species]]
name = "C"
D = 0.0
"""


def test_files(tmp_path):
    path = tmp_path / "shell.toml"
    path.write_text(FILE)
    loaded = read_toml(path, hrd.System).system
    assert loaded == system(particles=hrd.Shell(1.0, 3.0))
    assert hrd.System.from_dict(loaded.to_dict()) == loaded
    path.write_text(FILE.replace("particles = { inner = 1.0, outer = 3.0 }", "particles='domain'"))
    assert read_toml(path, hrd.System).system == system()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("inner = 1.0, outer = 6.0", "inner = 1.0", ["system.domain.outer: missing"]),
        (
            "inner = 1.0, outer = 6.0",
            "inner = 7.0, outer = 6.0",
            ["system.domain", "outer must be above inner"],
        ),
        ("inner = 1.0, outer = 6.0", "inner = -1, outer = 6.0", ["domain.inner = -1", "least 0"]),
        ("inner = 1.0, outer = 3.0", "x = [1, 3]", ["give a Shell like the domain"]),
        ("inner = 1.0, outer = 3.0", "inner = 1.0, outr = 3.0", ["outr", "mean outer?"]),
        ("walls = { inner", "walls = { iner", ["walls.iner: unknown", "mean inner?"]),
    ],
)
def test_mistakes_in_files(old, new, words, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(FILE.replace(old, new, 1))
    with pytest.raises(ModelError) as refused:
        read_toml(path, hrd.System)
    for word in words:
        assert word in str(refused.value)


REFUSED = {
    "box in a shell": ({"particles": hrd.Box(x=(1, 3))}, "give a Shell like the domain"),
    "shell in a box": (
        {"domain": hrd.Box(x=(1, 6)), "walls": {}},
        "no centre among the cells of a Box; give center=",
    ),
    "larger region": ({"particles": hrd.Shell(1.0, 7.0)}, "not inside the domain"),
    "off the cells": ({"particles": hrd.Shell(1.0, 3.02)}, "r = 3.02 is not a cell face"),
    "walls of a box": ({"walls": {"x+": hrd.Absorbing()}}, "the names are inner, outer"),
    "both walls": ({"walls": {"r": hrd.Absorbing()}}, "the names are inner, outer"),
    "periodic": ({"walls": {"outer": hrd.Periodic()}}, "cannot be periodic"),
    "pairs": ({"reactions": [hrd.Reaction("2 B -> 0", k=1, radius=0.1)]}, "particles=None"),
    "patch along x": ({"initial": {B: hrd.Patch(1.0, x=(1, 2))}}, "names x"),
    "patch about a point": (
        {"initial": {B: hrd.Patch(1.0, center=(1, 0, 0), radius=1.0)}},
        "give a function of r",
    ),
    "point outside": ({"initial": {B: hrd.Points([0.5])}}, "point 0"),
    "points of 3D": ({"initial": {B: hrd.Points([[1, 2, 3]])}}, "3 coordinates, the domain 1"),
    "function of x": ({"initial": {B: lambda x: x}}, "the coordinates here are r"),
    "reservoir in r": ({"walls": {"outer": hrd.Reservoir({B: lambda r: r})}}, "takes r"),
    "two cells": ({"cells": (10, 10)}, "give one number, or 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused(case):
    changes, words = REFUSED[case]
    with pytest.raises(ModelError, match=words):
        system(**changes)


@pytest.mark.parametrize("radii", [(0.0, 0.0), (-1.0, 1.0), (2.0, 1.0), (1.0, math.inf)])
def test_radii_must_not_be_negative_and_rise(radii):
    with pytest.raises(ModelError, match="Shell"):
        hrd.Shell(*radii)


def test_steps_that_feel_both_spheres_are_refused_with_figures():
    narrow = hrd.Shell(1.0, 2.0)
    closed = system(species=[B], domain=narrow, particles=narrow, walls={})
    bound = 1 / (2 * 64)  # 8 sqrt(2 D dt) = 1
    compile_system(closed, bound)
    with pytest.raises(StepError, match=r"less than 8 sqrt\(2 D dt\).*dt <= 0.007812"):
        compile_system(closed, 1.01 * bound)
    walls = {"outer": hrd.Reservoir({B: 1.0})}
    opened = closed.replace(walls=walls, interface=hrd.ExactPlane())
    compile_system(opened, 4 * bound)
    with pytest.raises(StepError, match=r"dt <= 0\.03125"):
        compile_system(opened, 4.04 * bound)


def test_reactivities_belong_to_whole_spheres():
    """``kappa/(4 pi a² D)`` in front of c; infinite for an absorbing sphere."""
    walls = {"inner": hrd.PartiallyAbsorbing({B: 20.0}), "outer": hrd.Absorbing()}
    plan = compile_system(system(walls=walls), 1e-3)
    assert plan.walls[0].gammas[0, 0] == pytest.approx(20 / (4 * math.pi))
    assert plan.walls[0].gammas[0, 1] == math.inf
    assert not plan.walls[1].gammas.any()  # C does not move
