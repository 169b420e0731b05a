"""Systems as dicts and TOML files: they come back the same, and mistakes are named in place."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.errors import ModelError
from hybridrd.toml.config import json_schema, read_toml, system_from_dict
from hybridrd.toml.reader import Run

LINE = Path(__file__).parents[1] / "contract" / "line.toml"


def line(**changes):
    A, B = hrd.Species("A", D=0.5), hrd.Species("B", D=0.0)
    fields = {
        "species": [A, B],
        "domain": hrd.Box(x=(0, 10)),
        "particles": hrd.Box(x=(0, 5)),
        "cells": 20,
        "reactions": [hrd.Reaction("A -> B", k=0.05)],
        "initial": {A: hrd.Patch(2000.0, x=(7, 10))},
    }
    return hrd.System(**{**fields, **changes})


def toml(value):
    """Plain data as an inline TOML value."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value) if isinstance(value, (str, bool)) else repr(value)


SQUARE = {
    "species": [hrd.Species("A", D=1.0), hrd.Species("B", D=0.0), hrd.Species("C", D=2e-7)],
    "domain": hrd.Box(x=(-1, 1), y=(0, 0.3)),
    "cells": (8, 3),
    "particles": hrd.Box(x=(-1, 0), y=(0, 0.3)),
}
ROUND_TRIPS = {
    "bare": line(reactions=[], initial={}, particles=None, cells=None),
    "number": line(initial={"A": 3.0, "B": 0}),
    "patch everywhere": line(initial={"A": hrd.Patch(3.0)}),
    "copies": line(initial={"A": hrd.Copies(7), "B": hrd.Copies(0, x=(0, 1))}),
    "points": line(initial={"A": hrd.Points([0.1, 1 / 3])}),
    "array": line(initial={"A": np.linspace(0, 1, 20)}),
    "integer array": line(initial={"A": np.arange(20)}),
    "numbers that add up": line(initial={"A": [1.0, 2.0]}),
    "mixed list": line(initial={"A": [np.ones(20), 2.0, hrd.Copies(3), hrd.Points([[1.0]])]}),
    "empty list": line(initial={"A": []}),
    "fluctuations": line(fluctuations="gaussian"),
    "pure particles": line(particles=hrd.Box(x=(0, 10))),
    "layer": line(interface=hrd.Layer(width=0.05), coupling="mean-field"),
    "calibrated layer": line(interface=hrd.CalibratedLayer(width=0.1, offset=0.05)),
    "exact plane": line(interface=hrd.ExactPlane()),
    "walls": line(walls={"x-": hrd.Reservoir({"A": 100.0}), "x+": hrd.Absorbing()}),
    "leaky": line(
        walls={
            "x-": hrd.Leaky({"A": 2.0}, outside={"A": hrd.Bath(3.0, initial=1.0)}, partition=0.5),
            "x+": hrd.Leaky({"A": 1.0}, outside={"A": 4.0}),
        }
    ),
    "drain": line(walls={"x-": hrd.Influx({"A": -5.0})}),
    "influx": line(walls={"x-": hrd.Influx({"A": 5.0}), "x+": hrd.Reflecting()}),
    "partly": line(walls={"x": hrd.PartiallyAbsorbing(2.0)}),
    "partly by species": line(walls={"x+": hrd.PartiallyAbsorbing({"A": 2.0, "B": 0.0})}),
    "periodic": line(walls={"x": hrd.Periodic()}),
    "units": line(units={"length": "um", "time": "s"}),
    "doi": line(reactions=[hrd.Reaction("A +(0.02) B -> B", lambda0=3.0)]),
    "named": line(reactions=[hrd.Reaction("loss: A -> 0", k=1 / 3), hrd.Reaction("A -> 0", k=0)]),
    "square": hrd.System(
        **SQUARE,
        walls={"x-": hrd.Influx({"A": 1.0}), "y": hrd.Periodic()},
        initial={
            "A": [hrd.Patch(1.0, y=(0.1, 0.2)), hrd.Patch(2.0, center=(0.5, 0.1), radius=0.05)],
            "B": hrd.Points([[0.1, 0.2], [-0.3, 0.25]]),
            "C": np.arange(24.0).reshape(8, 3),
        },
    ),
    "three": line(particles=None, reactions=[hrd.Reaction("2 A + B <-> 3 A", k=0.1, k_back=0.2)]),
    "reversible": hrd.System(
        **SQUARE, reactions=[hrd.Reaction("A + B <-> C", k=0.01, radius=0.01, k_back=0.2)]
    ),
    "cube": hrd.System(
        species=[hrd.Species("A", D=1.0)],
        domain=hrd.Box(x=(0, 1), y=(0, 1), z=(0, 2)),
        particles=hrd.Box(x=(0, 1), y=(0, 0.5), z=(0, 2)),
        cells=(2, 4, 2),
        reactions=[hrd.Reaction("2 A -> 0", k=0.1, radius=0.05)],
        initial={"A": np.arange(16.0).reshape(2, 4, 2)},
    ),
}


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_a_system_comes_back_the_same(name, tmp_path):
    system = ROUND_TRIPS[name]
    data = system.to_dict()
    assert hrd.System.from_dict(data) == system
    assert hrd.System.from_dict(json.loads(json.dumps(data))) == system
    path = tmp_path / "system.toml"
    path.write_text("\n".join(f"{key} = {toml(value)}" for key, value in data.items()))
    assert hrd.System.from_toml(path) == system


def test_no_two_of_these_systems_are_equal():
    systems = list(ROUND_TRIPS.values())
    for i, one in enumerate(systems):
        assert [j for j, other in enumerate(systems) if one == other] == [i]


def rising(x):
    return x**2


def test_equality_looks_into_arrays_and_at_functions():
    ones = line(initial={"A": np.ones(20)})
    assert ones == line(initial={"A": np.ones(20)})
    assert ones != line(initial={"A": np.ones(20) + 1e-15})
    assert ones != line(initial={"A": 1.0})
    assert line(initial={"A": rising}) == line(initial={"A": rising})
    assert line(initial={"A": hrd.Patch(1.0)}) == line(initial={"A": [hrd.Patch(1.0)]})
    assert ones != "ones"
    assert hash(ones) == hash(line(initial={"A": np.ones(20)}))
    one, listed = line(initial={"A": hrd.Patch(1.0)}), line(initial={"A": [hrd.Patch(1.0)]})
    assert len({one, listed, ones}) == 2


def test_only_plain_types_are_in_the_dict():
    def kinds(value):
        if isinstance(value, dict):
            return {type(k) for k in value}.union(*map(kinds, value.values()))
        if isinstance(value, list):
            return set().union(*map(kinds, value))
        return {type(value)}

    numpy_system = line(
        domain=hrd.Box(x=(np.float64(0), np.int64(10))),
        cells=np.int64(20),
        initial={"A": np.float64(2), "B": hrd.Copies(np.int64(3))},
    )
    for system in [numpy_system, *ROUND_TRIPS.values()]:
        assert kinds(system.to_dict()) <= {str, int, float, bool}


FUNCTIONS = {
    "species[0].initial:": {"initial": {"A": lambda x: x}},
    "species[1].initial[1].concentration:": {"initial": {"B": [1.0, hrd.Patch(lambda x: x)]}},
    "reactions[0].k:": {"reactions": [hrd.Reaction("A -> B", k=lambda t: 1 + t)]},
    "system.walls.x-.reservoir.A:": {"walls": {"x-": hrd.Reservoir({"A": lambda t: t})}},
    "system.walls.x+.influx.A:": {"walls": {"x+": hrd.Influx({"A": lambda t: t})}},
}


@pytest.mark.parametrize("where", FUNCTIONS)
def test_a_function_is_refused_at_its_place(where):
    with pytest.raises(ModelError, match="Python function") as refused:
        line(**FUNCTIONS[where]).to_dict()
    assert str(refused.value).startswith(where)


def test_the_contract_file_is_the_system_that_it_says():
    loaded = read_toml(LINE, hrd.System)
    A = hrd.Species("A", D=0.5)
    assert loaded.system == hrd.System(
        species=[A],
        reactions=[hrd.Reaction("A -> 0", k=0.05)],
        domain=hrd.Box(x=(0, 10)),
        particles=hrd.Box(x=(0, 5)),
        cells=200,
        coupling="two-way",
        interface=hrd.ExactPlane(),
        walls={"x": hrd.Reflecting()},
        initial={A: hrd.Patch(2000.0, x=(7, 10))},
    )
    assert loaded.run == Run(dt=1e-3, until=10.0, every=0.5, seed=7)
    assert hrd.System.from_toml(str(LINE)) == loaded.system


READDY = """\
[system]
domain = { x = [0, 4] }
[[species]]
name = "A"
D = 1.0
[[species]]
name = "B"
D = 1.0
[[reactions]]
reaction = "fusion: A +(2) B -> A"
lambda0 = 0.5
"""


def test_a_radius_in_the_reaction_of_a_file(tmp_path):
    path = tmp_path / "readdy.toml"
    path.write_text(READDY)
    (found,) = hrd.System.from_toml(path).reactions
    assert found == hrd.Reaction("A + B -> A", lambda0=0.5, radius=2.0, name="fusion")
    assert found.rates(dimension=1)["k"] == 2.0  # lambda0 times 2 radius
    path.write_text(READDY + "radius = 2.0\n")
    with pytest.raises(ModelError, match=r"readdy\.toml: .*the radius is given twice"):
        hrd.System.from_toml(path)


def test_domain_stands_for_all_of_it():
    data = line(particles=hrd.Box(x=(0, 10))).to_dict()
    assert data["system"]["particles"] == "domain"
    data["system"]["particles"] = {"x": [0, 10]}
    assert system_from_dict(data, hrd.System) == line(particles=hrd.Box(x=(0, 10)))


def test_the_committed_schema_is_up_to_date():
    path = Path(hrd.__file__).parent / "toml" / "system.schema.json"
    assert json.loads(path.read_text()) == json_schema(), (
        "write it again: python -m hybridrd.toml.config > hybridrd/toml/system.schema.json"
    )


def test_the_schema_accepts_what_the_reader_accepts():
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(json_schema())
    for name, system in ROUND_TRIPS.items():
        assert not list(validator.iter_errors(system.to_dict())), name
    for path, value in [
        (("species", 0, "D"), -1.0),
        (("species", 0, "d"), 1.0),
        (("system", "walls"), {"x-": "open"}),
        (("system", "interface"), {"scheme": "none"}),
        (("system", "domain"), {"x": [0.0]}),
        (("run",), {"dt": 0.0}),
    ]:
        data = line().to_dict()
        place = data
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        assert not validator.is_valid(data), path


def test_pydantic_is_loaded_on_use_only():
    code = (
        "import hybridrd, sys; hybridrd.System; import hybridrd.toml.writer; "
        "assert 'pydantic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
