"""Mistakes of a file: all reported in one reading, each at its place, and none twice."""

import tomllib
from itertools import combinations
from pathlib import Path

import pytest
from support.command_line import call, folder  # noqa: F401

import hybridrd as hrd
from hybridrd.errors import ModelError

FILE = """\
[system]
domain = { x = [0, 10], y = [0, 4] }
particles = { x = [0, 5], y = [0, 4] }
cells = [20, 8]
walls = { "x+" = { reservoir = { A = 1.0 } }, y = "periodic" }
interface = { scheme = "layer" }

[[species]]
name = "A"
D = 0.5
initial = [1.0, { concentration = 2.0, x = [7, 10] }]

[[species]]
name = "B"
D = 0.1
initial = { copies = 3 }

[[species]]
name = "C"
D = 0.2

[[reactions]]
reaction = "A + B -> 0"
k = 0.05
radius = 0.1

[[reactions]]
reaction = "B -> C"
k = 1.0

[[reactions]]
reaction = "C -> 2 A"
k = 1.0

[run]
dt = 0.01
until = 0.1
every = 0.02
seed = 1
"""
# Replacements in the file, and the reported place; each fails in another stage of reading.
MISTAKES = [
    # the tables
    ("cells = [20, 8]", "cells = [20, 8]\ncolour = 3", "system.colour"),
    ('"layer" }', '"layr" }', "system.interface"),
    ("D = 0.2", 'D = "0.2"', "species[2].D"),
    ("k = 0.05", "k = -1", "reactions[0].k"),
    ("dt = 0.01", "dt = -0.01", "run.dt"),
    ("every = 0.02", "every = true", "run.every"),
    ("seed = 1", "seed = 1.5", "run.seed"),
    # equations, and what is built of a table
    ('"B -> C"', '"B - C"', "reactions[1].reaction"),
    ("{ copies = 3 }", "{ copies = 3, y = [4, 0] }", "species[1].initial.y"),
    ('"C -> 2 A"\nk = 1.0', '"C -> 2 A"\nk = 1.0\nradius = 1', "reactions[2]"),
    # names of walls
    ("walls = {", 'walls = { "z-" = "absorbing",', "system.walls.z-"),
    # how all of it fits together
    ("x = [0, 5]", "x = [0, 5.1]", "system.particles.x[1]"),
    ("{ A = 1.0 }", "{ A = 1.0, Q = 1.0 }", "system.walls.x+.reservoir.Q"),
    ("x = [7, 10]", "x = [7, 12]", "species[0].initial[1]"),
    ('"A + B -> 0"', '"A + B -> Z"', "reactions[0].reaction"),
]


def changed(mistakes):
    text = FILE
    for old, new, _ in mistakes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def told(text):
    """The lines that a dict of these tables is refused with."""
    with pytest.raises(ModelError) as refused:
        hrd.System.from_dict(tomllib.loads(text))
    return str(refused.value).splitlines()


def place(line):
    return line.split(": ")[0].split(" = ")[0]


def test_the_file_is_good_before_it_is_made_bad():
    assert hrd.System.from_dict(tomllib.loads(FILE)).names == ("A", "B", "C")


@pytest.mark.parametrize("mistake", MISTAKES, ids=[m[2] for m in MISTAKES])
def test_one_mistake_is_one_line_at_its_place(mistake):
    assert [place(line) for line in told(changed([mistake]))] == [mistake[2]]


def test_all_of_them_at_once_are_the_same_lines_as_each_alone():
    alone = [line for mistake in MISTAKES for line in told(changed([mistake]))]
    together = told(changed(MISTAKES))
    assert sorted(together) == sorted(alone)
    tables = [line.split(".")[0].split("[")[0] for line in together]
    assert tables == sorted(tables, key=["system", "species", "reactions", "run"].index)


def test_no_mistake_hides_another():
    alone = {m: told(changed([m])) for m in MISTAKES}
    for pair in combinations(MISTAKES, 2):
        expected = [line for mistake in pair for line in alone[mistake]]
        assert sorted(told(changed(pair))) == sorted(expected), pair


def test_a_file_has_its_name_in_front_of_each(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(changed(MISTAKES))
    with pytest.raises(ModelError) as refused:
        hrd.System.from_toml(path)
    lines = str(refused.value).splitlines()
    assert [line.removeprefix(f"{path}: ") for line in lines] == told(changed(MISTAKES))


# Consequences of a mistake are no other mistakes: replacements, and the one line reported.
ALONE = {
    "a name": ('name = "A"', 'name = "2A"', "species[0].name = '2A'"),
    "no name": ('name = "A"\n', "", "species[0].name: missing"),
    "a misspelt name": ('name = "A"', 'nme = "A"', "species[0].nme: unknown"),
    "the domain": ("{ x = [0, 10], y = [0, 4] }", "3", "system.domain = 3"),
    "an axis": ("x = [0, 10],", "x = [0],", "system.domain.x = [0]"),
    "the particles": ("{ x = [0, 5], y = [0, 4] }", '"all"', "system.particles = 'all'"),
    "cells": ("[20, 8]", "[20, 8, 3]", "system.cells = (20, 8, 3)"),
    "walls": ('{ "x+" = { reservoir = { A = 1.0 } }, y = "periodic" }', "1", "system.walls = 1"),
    "a wall": ('y = "periodic"', 'y = "periodc"', "system.walls.y = 'periodc': did you mean"),
    "a concentration": ("concentration = 2.0", "concentration = -2", "species[0].initial[1]."),
    "an initial state": ("{ copies = 3 }", '"many"', "species[1].initial = 'many'"),
    "an unknown key": ("k = 0.05", "speed = 0.05", "reactions[0].speed: unknown"),
    "a misspelt key": ("k = 0.05", "lamda0 = 0.05", "reactions[0].lamda0: unknown, did you mean"),
    "an equation": ('"A + B -> 0"', "3", "reactions[0].reaction = 3"),
    "a misspelt table": ("[run]", "[rum]", "rum: unknown, did you mean run?"),
    "run": ("[run]\n", "", "reactions[2].dt: unknown"),
}


@pytest.mark.parametrize("case", ALONE)
def test_what_follows_from_a_mistake_is_not_told(case):
    old, new, start = ALONE[case]
    lines = told(FILE.replace(old, new, 1))
    assert lines[0].startswith(start), lines
    assert len(lines) == (4 if case == "run" else 1), lines


def test_a_misspelt_key_is_read_as_the_one_that_was_meant():
    lines = told(FILE.replace("radius = 0.1", "raduis = -1"))
    assert [place(line) for line in lines] == ["reactions[0].raduis", "reactions[0].radius"]


def test_the_given_tables_are_left_as_they_are():
    data = tomllib.loads(changed(MISTAKES))
    with pytest.raises(ModelError):
        hrd.System.from_dict(data)
    assert data == tomllib.loads(changed(MISTAKES))


def test_two_species_of_one_name_and_the_initial_state_of_each():
    text = FILE.replace('name = "B"', 'name = "A"').replace("copies = 3", "copies = 3, y = [3, 5]")
    lines = told(text.replace("x = [7, 10]", "x = [7, 12]"))
    assert [place(line) for line in lines] == [
        "species[0].initial[1]", "species[1].name", "species[1].initial", "reactions[0].reaction",
        "reactions[1].reaction",
    ]  # fmt: skip


def test_the_faces_beside_one_that_is_off_the_grid():
    (line,) = told(FILE.replace("x = [0, 5]", "x = [0, 5.1]"))
    assert "5 and 5.5 are the nearest" in line  # 20 cells over (0, 10) are 0.5 wide
    shell = {"inner": 1, "outer": 3}
    data = {
        "system": {"domain": shell, "particles": {"inner": 1, "outer": 2.1}, "cells": 4},
        "species": [{"name": "A", "D": 1.0}],
    }
    with pytest.raises(ModelError, match=r"^system\.particles\.outer: .* 2 and 2\.5 are the"):
        hrd.System.from_dict(data)


# The command line: [run] and the time step with the rest.

NARROW = FILE.replace('"layer" }', '"layer", width = 0.2 }').replace("seed = 1\n", "")


@pytest.mark.usefixtures("folder")
def test_the_command_line_tells_all_of_it_in_one_go():
    Path("bad.toml").write_text(changed(MISTAKES))
    said = call("run", "bad.toml", "--out", "a", code=2)
    lines = said.removeprefix("Error: ").splitlines()
    assert [line.removeprefix("bad.toml: ") for line in lines] == told(changed(MISTAKES))


@pytest.mark.usefixtures("folder")
def test_a_step_that_does_not_do_is_told_with_the_rest():
    text = NARROW.replace("dt = 0.01", "dt = 0.25").replace("until = 0.1", "until = 0.3")
    text = text.replace("k = 0.05", "k = 50.0").replace("B -> C", "B -> Z").replace("D = 0.2", "")
    Path("bad.toml").write_text(text)
    said = call("run", "bad.toml", "--out", "a", code=2)
    lines = [line.removeprefix("bad.toml: ") for line in said.removeprefix("Error: ").splitlines()]
    steps = [line for line in lines if line.startswith("run.dt = 0.25: ")]
    assert [place(line) for line in lines if line not in steps] == [
        "species[2].D", "reactions[1].reaction", "run.until", "run.every",
    ]  # fmt: skip
    # sqrt(D dt) is 0.35 for A, 0.16 for B and the width 0.2; lambda0 dt is 1592 dt
    assert [line.split(": ")[1] for line in steps] == [
        "species A at interface:x+", "reaction 'A + B -> 0'",
    ]  # fmt: skip


STEPS = {
    "of the file": ([], "Error: line.toml: run.dt = 0.5: "),
    "given": (["--dt", "0.25"], "Error: --dt = 0.25: "),
    "until": (["--until", "0.7"], "Error: --until = 0.7 is not a multiple of dt = 0.5"),
    "until of the file": (["--dt", "0.3"], "Error: line.toml: run.until = 2 is not a multiple"),
    "every": (["--every", "0.7"], "Error: --every = 0.7 is not a multiple of dt = 0.5"),
    "not a number": (["--dt", "nan"], "Error: --dt = nan: "),
}


@pytest.mark.parametrize("case", STEPS)
@pytest.mark.usefixtures("folder")
def test_times_are_named_where_they_come_from(case):
    text = NARROW.replace("dt = 0.01", "dt = 0.5").replace("until = 0.1", "until = 2")
    Path("line.toml").write_text(text.replace("every = 0.02\n", ""))
    options, start = STEPS[case]
    assert call("run", "line.toml", "--out", "a", *options, code=2).startswith(start)


@pytest.mark.usefixtures("folder")
def test_what_no_step_cures_is_not_laid_to_the_step():
    Path("wide.toml").write_text(FILE.replace('"layer" }', '"layer", width = 4.0 }'))
    said = call("run", "wide.toml", "--out", "a", code=2)
    assert all("wide.toml: system.interface: " in line for line in said.splitlines())
    assert "use width <= 2.5" in said  # half of the region's depth


@pytest.mark.usefixtures("folder")
def test_a_time_that_is_wrong_is_not_missing():
    Path("line.toml").write_text(FILE.replace("dt = 0.01", 'dt = "x"').replace("until = 0.1", ""))
    lines = call("run", "line.toml", "--out", "a", code=2).removeprefix("Error: ").splitlines()
    assert [line.split(": ")[1] for line in lines] == ["run.dt = 'x'", "run.until"]
    assert "give --until" in lines[1]
