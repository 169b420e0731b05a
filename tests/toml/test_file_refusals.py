"""Bad systems and files: refused before anything runs, with the place and the remedy."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import hybridrd as hrd
from hybridrd.errors import ModelError
from hybridrd.toml.config import read_toml

FILE = """\
[system]
domain = { x = [0, 10] }
particles = { x = [0, 5] }
cells = 20
walls = { "x+" = { reservoir = { A = 1.0 } } }
interface = { scheme = "layer" }

[[species]]
name = "A"
D = 0.5
initial = [{ concentration = 2.0, x = [7, 10] }]

[[species]]
name = "B"
D = 0.0

[[reactions]]
reaction = "A + B -> 0"
k = 0.05
radius = 0.1

[run]
dt = 0.01
until = 0.1
"""
# What is written in place of what, and what the message must say.
FILES = {
    "negative D": ("D = 0.5", "D = -0.5", ["species[0].D = -0.5", "at least 0"]),
    "NaN D": ("D = 0.5", "D = nan", ["species[0].D = nan", "finite"]),
    "infinite D": ("D = 0.5", "D = inf", ["species[0].D = inf", "finite"]),
    "text for D": ("D = 0.5", 'D = "0.5"', ["species[0].D = '0.5'", "without quotes"]),
    "truth for D": ("D = 0.5", "D = true", ["species[0].D = true", "a number"]),
    "no D": ("D = 0.5\n", "", ["species[0].D: missing"]),
    "misspelt D": ("D = 0.5", "d = 0.5", ["species[0].D: missing", "species[0].d: unknown"]),
    "bad name": ('name = "A"', 'name = "2A"', ["species[0]", "'2A'", "letters"]),
    "same name": ('name = "B"', 'name = "A"', ["species[1].name: A is given 2 times"]),
    "unknown species": ("A + B", "A + C", ["reactions[0].reaction", "'C'", "there are A, B"]),
    "unknown species at wall": (
        "{ A = 1.0 }",
        "{ Q = 1.0 }",
        ["system.walls.x+.reservoir.Q", "'Q'", "A, B"],
    ),
    "misspelt key": ("reaction =", "reacton =", ["reactions[0].reacton: unknown", "reaction?"]),
    "misspelt table": ("[run]", "[rum]", ["rum: unknown, did you mean run?", "species"]),
    "unknown key": ("k = 0.05", "speed = 0.05", ["reactions[0].speed: unknown", "k, lambda0"]),
    "no rate": ("k = 0.05\n", "", ["reactions[0]", "give the rate k or lambda0"]),
    "both rates": ("k = 0.05", "k = 1\nlambda0 = 1", ["reactions[0]", "not both"]),
    "negative k": ("k = 0.05", "k = -1", ["reactions[0].k = -1", "at least 0"]),
    "zero radius": ("radius = 0.1", "radius = 0", ["reactions[0].radius = 0", "above 0"]),
    "no radius": ("radius = 0.1\n", "", ["reactions[0].radius", "give radius="]),
    "large radius": ("radius = 0.1", "radius = 7", ["radius 7", "half of the domain's"]),
    "no arrow": ("A + B -> 0", "A + B > 0", ["reactions[0]", "one arrow"]),
    "third order": (
        'reaction = "A + B -> 0"\nk = 0.05\nradius = 0.1',
        'reaction = "2 A + B -> 0"\nk = 0.05',
        ["reactions[0].reaction", "'2 A + B -> 0' takes 3 copies", "'2 A <-> P'", "'P + B -> 0'"],
    ),
    "no change": ("A + B -> 0", "A + B -> A + B", ["has no effect"]),
    "off the grid": (
        "cells = 20",
        "cells = 21",
        ["particles.x[1]", "x = 5", "21 cells", "20 and 22"],
    ),
    "outside": ("{ x = [0, 5] }", "{ x = [0, 11] }", ["not inside the domain", "x=(0, 11)"]),
    "more axes": ("{ x = [0, 5] }", "{ x = [0, 5], y = [0, 1] }", ["2 axes", "the domain 1"]),
    "falling interval": ("[0, 10]", "[10, 0]", ["system.domain.x = [10, 0]", "must be increasing"]),
    "three bounds": ("[0, 10]", "[0, 5, 10]", ["system.domain.x", "3 entries", "at most 2"]),
    "infinite bound": ("[0, 10]", "[0, inf]", ["system.domain.x[1] = inf", "finite"]),
    "no domain": ("domain = { x = [0, 10] }\n", "", ["system.domain: missing"]),
    "z without y": ("[0, 10] }", "[0, 10], z = [0, 1] }", ["system.domain", "z", "without y"]),
    "misspelt domain": ("{ x = [0, 5] }", '"doman"', ["system.particles", "mean domain?"]),
    "half a cell": ("cells = 20", "cells = 20.5", ["system.cells = 20.5", "whole number"]),
    "no cells": ("cells = 20", "cells = 0", ["system.cells = 0", "at least 1"]),
    "cells of 2D": ("cells = 20", "cells = [20, 20]", ["cells = (20, 20)", "one for each axis"]),
    "unknown wall": ('"x+" =', '"x*" =', ["system.walls.x*: unknown", "x-, x+"]),
    "wall of 2D": ('"x+" =', '"y+" =', ["system.walls.y+", "no such wall", "x-, x+"]),
    "wall twice": ('walls = { "x+" =', 'walls = { x = "absorbing", "x+" =', ["x+", "twice"]),
    "bad wall word": (
        "{ reservoir = { A = 1.0 } }",
        '"reflectin"',
        ["system.walls.x+ = 'reflectin'", "mean reflecting?", "absorbing, periodic"],
    ),
    "bad wall table": ("{ reservoir =", "{ reservior =", ["walls.x+.reservior", "mean reservoir?"]),
    "half periodic": ("{ reservoir = { A = 1.0 } }", '"periodic"', ["one side only"]),
    "negative reservoir": ("{ A = 1.0 }", "{ A = -1.0 }", ["walls.x+.reservoir.A = -1.0"]),
    "text in reservoir": ("{ A = 1.0 }", '{ A = "t" }', ["walls.x+.reservoir.A = 't'"]),
    "still species": (
        "{ reservoir = { A = 1.0 } }",
        "{ influx = { B = 1.0 } }",
        ["B has D = 0", "cannot enter"],
    ),
    "bad scheme": ('"layer"', '"layr"', ["system.interface", "mean 'layer'?", "exact-plane"]),
    "bad scheme option": ('"layer"', '"layer", depth = 1', ["'layer' has no option depth"]),
    "negative width": ('"layer"', '"layer", width = -1', ["width = -1", "greater than 0"]),
    "scheme as a word": ('{ scheme = "layer" }', '"layer"', ["system.interface", "a table"]),
    "bad coupling": ("cells = 20", 'coupling = "oneway"', ["coupling = 'oneway'", "mean-field"]),
    "patch outside": ("[7, 10]", "[7, 12]", ["species[0].initial[0]", "(7, 12)", "out of the"]),
    "points for positions": (
        "concentration = 2.0, x = [7, 10]",
        "points = [[8]]",
        ["species[0].initial[0].points: unknown, did you mean positions?"],
    ),
    "n for copies": ("concentration = 2.0", "n = 2", ["initial[0].n: unknown", "mean copies?"]),
    "c for concentration": ("concentration =", "c =", ["initial[0].c", "mean concentration?"]),
    "interval of r": (
        "{ x = [0, 10] }",
        "{ r = [1, 4] }",
        ["system.domain.r: unknown", "as in { inner = 1.0, outer = 6.0 }"],
    ),
    "radius of a domain": (
        "{ x = [0, 10] }",
        "{ radius = 4 }",
        ["system.domain.radius: unknown", "x, y, z (for a shell: inner, outer)"],
    ),
    "r beside x": ("{ x = [0, 10] }", "{ x = [0, 10], r = [1, 4] }", ["here are x, y, z (for"]),
    "bad patch key": ("concentration =", "concentraton =", ["mean concentration?", "initial[0]"]),
    "negative patch": ("= 2.0,", "= -2.0,", ["species[0].initial[0].concentration = -2.0"]),
    "disc and box": ("x = [7, 10]", "x = [7, 10], center = [8], radius = 1", ["either"]),
    "half a disc": ("x = [7, 10]", "center = [8]", ["both center= and radius="]),
    "half a copy": ("concentration = 2.0", "copies = 2.5", ["copies = 2.5", "whole number"]),
    "array too short": ("= 2.0, x = [7, 10]", "= [1, 2]", ["shape (2,)", "(20,)"]),
    "ragged array": ("= 2.0, x = [7, 10]", "= [[1], [1, 2]]", ["differ in length"]),
    "text in array": ("= 2.0, x = [7, 10]", '= [1, "2"]', ["numbers only"]),
    "array in a box": ("= 2.0, x", "= [1], x", ["cover all cells", "leave out"]),
    "point outside": ("concentration = 2.0, x = [7, 10]", "positions = [[11]]", ["point 0"]),
    "function": ("= 2.0,", '= "lambda x: x",', ["concentration = 'lambda x: x'", "a number"]),
    "fluctuations": ("cells = 20", "fluctuations = 1", ["fluctuations = 1", "true or false"]),
    "bad unit": ("cells = 20", "cells = 20\nunits = { lenght = 'um' }", ["mean length?"]),
    "no dt": ("dt = 0.01", "dt = 0", ["run.dt = 0", "above 0"]),
    "bad seed": ("dt = 0.01", "dt = 0.01\nseed = 1.5", ["run.seed = 1.5", "whole number"]),
    "TOML": ("cells = 20", "cells = ", ["not valid TOML", "line 4"]),
}


def write(folder, old, new):
    assert FILE.count(old) >= 1
    path = Path(folder) / "bad.toml"
    path.write_text(FILE.replace(old, new, 1))
    return path


def test_the_file_is_good_before_it_is_made_bad(tmp_path):
    assert read_toml(write(tmp_path, "", ""), hrd.System).system.names == ("A", "B")


@pytest.mark.parametrize("case", FILES)
def test_a_bad_file_is_refused(case, tmp_path):
    old, new, words = FILES[case]
    path = write(tmp_path, old, new)
    with pytest.raises(ModelError) as refused:
        read_toml(path, hrd.System)
    message = str(refused.value)
    for word in words:
        assert word in message
    assert "pydantic" not in message
    lines = message.splitlines()
    assert len(lines) == (2 if case in ("misspelt D", "same name") else 1)
    assert all(line.startswith(f"{path}: ") for line in lines)


def test_all_mistakes_are_reported_at_once(tmp_path):
    path = tmp_path / "bad.toml"
    bad = FILE.replace("0.5", "-1").replace("k =", "speed =").replace("dt = 0.01", 'dt = "a"')
    path.write_text(bad.replace("cells = 20", "cells = -3"))
    with pytest.raises(ModelError) as refused:
        read_toml(path, hrd.System)
    places = [line.split(": ")[1].split(" =")[0] for line in str(refused.value).splitlines()]
    assert places == ["system.cells", "species[0].D", "reactions[0].speed", "run.dt"]


A, B = hrd.Species("A", D=0.5), hrd.Species("B", D=0.0)


def system(**changes):
    fields = {
        "species": [A, B],
        "domain": hrd.Box(x=(0, 10)),
        "particles": hrd.Box(x=(0, 5)),
        "cells": 20,
    }
    return hrd.System(**{**fields, **changes})


CALLS = {
    "negative D": (lambda: hrd.Species("A", D=-1), ["species A: D = -1", "at least 0"]),
    "NaN D": (lambda: hrd.Species("A", D=float("nan")), ["species A: D = nan", "finite"]),
    "None D": (lambda: hrd.Species("A", D=None), ["D = None", "a number"]),
    "no species": (lambda: system(species=[]), ["at least one"]),
    "species by name": (lambda: system(species=["A"]), ["'A'", "not a Species"]),
    "twice": (lambda: system(species=[A, A]), ["A is given 2 times"]),
    "unknown initial": (lambda: system(initial={"C": 1}), ["'C'", "there are A, B"]),
    "NaN array": (lambda: system(initial={A: np.full(20, np.nan)}), ["not finite"]),
    "negative array": (lambda: system(initial={A: np.full(20, -1.0)}), ["negative", "-1"]),
    "text initial": (lambda: system(initial={A: "1"}), ["initial['A'] = '1'", "Patch"]),
    "function of y": (lambda: system(initial={A: lambda y: y}), ["takes y", "are x"]),
    "function of q": (lambda: system(initial={A: lambda q: q}), ["by name", "(q)"]),
    "points of 2D": (lambda: system(initial={A: hrd.Points([[1, 2]])}), ["2 coordinates"]),
    "domain of text": (lambda: system(domain="box"), ["'box'", "give a Box"]),
    "off the grid": (
        lambda: system(particles=hrd.Box(x=(0, 10 / 3)), cells=20),
        ["x = 3.33333", "18 and 21"],
    ),
    "never on the grid": (
        lambda: system(particles=hrd.Box(x=(0, np.pi))),
        ["x = 3.14159", "move the face"],
    ),
    "wall of text": (lambda: system(walls={"x-": "open"}), ["walls['x-'] = 'open'"]),
    "interface of text": (lambda: system(interface="layer"), ["'layer'", "ExactPlane()"]),
    "reaction of text": (lambda: system(reactions=["A -> 0"]), ["not a Reaction"]),
    "same reaction": (
        lambda: system(reactions=[hrd.Reaction("A->0", k=1), hrd.Reaction("A -> 0", k=2)]),
        ["'A -> 0'", "2 times", "name"],
    ),
    "unknown field": (lambda: system().replace(cell=3), ["no field cell"]),
    "from a list": (lambda: hrd.System.from_dict([1]), ["from a dict", "list"]),
    "from nothing": (lambda: hrd.System.from_dict({}), ["system: missing", "species: missing"]),
    "until": (
        lambda: hrd.Simulation(system(), dt=0.03, seed=1).run(until=0.1),
        ["until = 0.1", "dt = 0.03", "0.09 and 0.12"],
    ),
    "every": (
        lambda: hrd.mean_field(system(), dt=0.01, until=0.1, every=0.015),
        ["every = 0.015", "0.01 and 0.02"],
    ),
    "dt": (lambda: hrd.Simulation(system(), dt=0), ["dt = 0", "greater than 0"]),
    "seed": (lambda: hrd.Simulation(system(), dt=0.01, seed=-1), ["seed = -1"]),
    "pure PDE": (
        lambda: hrd.Simulation(system(particles=None), dt=0.01),
        ["particles=None", "mean_field"],
    ),
    "thin layer": (
        lambda: hrd.Simulation(system(interface=hrd.Layer(width=0.01)), dt=0.01),
        ["layer width 0.01", "use width >=", "dt <="],
    ),
    "deep layer": (
        lambda: hrd.Simulation(system(interface=hrd.Layer(width=4), walls={}), dt=0.01),
        ["layer width 4", "half"],
    ),
    "plane": (
        lambda: hrd.Simulation(system(interface=hrd.ExactPlane()), dt=5.0),
        ["5 deep", "use dt <="],
    ),
    "pair rate": (
        lambda: hrd.Simulation(
            system(reactions=[hrd.Reaction("2 A -> 0", lambda0=1e4, radius=0.1)]), dt=0.01
        ),
        ["'2 A -> 0'", "dt"],
    ),
    "memory of particles": (
        lambda: hrd.Simulation(system(initial={A: 1e15}), dt=0.01),
        ["5e+15 particles", "GB"],
    ),
    "memory of cells": (
        lambda: hrd.mean_field(system(cells=2_000_000_000), dt=0.01, until=0.1),
        ["2,000,000,000 cells", "GB"],
    ),
}


@pytest.mark.parametrize("case", CALLS)
def test_a_bad_call_is_refused(case):
    call, words = CALLS[case]
    with pytest.raises(hrd.HybridrdError) as refused:
        call()
    for word in words:
        assert word in str(refused.value)


def test_a_file_that_is_not_text_or_not_there(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_bytes(b"[system]\n\xff\xfe")
    with pytest.raises(ModelError, match=r"not a text file in UTF-8 \(byte 9\)"):
        read_toml(path, hrd.System)
    with pytest.raises(ModelError, match=r"none\.toml: No such file"):
        read_toml(tmp_path / "none.toml", hrd.System)
    with pytest.raises(ModelError, match="is a directory; give a file"):
        read_toml(tmp_path, hrd.System)


@pytest.mark.parametrize("case", FILES)
def test_the_command_line_refuses_a_bad_file(case, tmp_path):
    from hybridrd.cli.app import app

    old, new, words = FILES[case]
    path = write(tmp_path, old, new)
    result = CliRunner().invoke(app, ["run", str(path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert all(word in result.stderr for word in words)
    assert not result.stdout
    assert not (tmp_path / "out").exists()
